//! The authority at work: what the deciders of `countersign-ca` decide is kept here, and only then true.
//!
//! - [`checkpoints`]: signed heads of the journal, in a file beside the database.
//! - `news`: what is said in the log of what was kept.
//! - [`book`]: the ledger and its journal in one hand: decide, keep, apply.
//! - [`keeper`]: the thread that has the book while the server runs, and the snapshot that everybody else reads.
//! - [`issuing`]: prepare, sign, finish; and what is done after a restart.
//! - [`audit`]: a journal proven from its first record to its last.

pub mod checkpoints;
mod news;
pub mod book;
pub mod keeper;
pub mod issuing;
pub mod audit;
