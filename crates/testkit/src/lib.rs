//! Proof: what the tests of every crate share. Never published, never part of the product.
//!
//! - [`fuzz_entry`]: one function for each parser of foreign bytes, with what must hold for any input; used by the fuzz targets and,
//!   with checked-in seeds, by an ordinary test.
//! - [`lab`]: a certification hierarchy, [`administrator`]: who signs its revocation list. [`scene`]: a call between two providers who have their certificates from it.
//! - [`workload`]: the work that is measured, by a stopwatch ([`stopwatch`]) or by counting instructions.
//!
//! Three programs are here too: `bench`, `instructions` and `judge`, started by `cargo xtask`.
//!
//! The project as a whole is tested from here too (`tests/it`): the house rules over the source text.

#![forbid(unsafe_code)]

pub mod lab;
pub mod administrator;
pub mod scene;
pub mod fuzz_entry;
pub mod workload;
pub mod stopwatch;
pub mod traffic;
pub mod load;
