//! Foreign peers as guarded processes.
//!
//! ```text
//!     Sipp caller ──► … ──► Kamailio ──► … ──► Sipp called          SIP, on loopback, ports of their own
//!                              │
//!                              └─ https ─► Repository (openssl s_server)
//! ```
//!
//! - [`Sipp`] places or answers calls by a scenario of `tests/sipp/` or `src/lab/call.xml`; what it sent and received is a [`Trace`].
//! - [`Kamailio`] signs, verifies, changes or asks about calls by a configuration of `tests/kamailio/`.
//! - [`Curl`] asks over HTTP.
//! - [`Repository`] serves a directory over https, and [`Lab`] has the certificates that all of them need.
//! - [`Process`] is what they share: started in the foreground, bounded in time, killed when the guard is dropped, its output
//!   printed when the test fails.
//!
//! A peer that is not installed fails the test. `cargo xtask test` installs them. What they are like is written in
//! `docs/design/interop-kamailio.md`.

mod process;
mod trace;
mod sipp;
mod kamailio;
mod curl;
mod repository;
mod lab;
mod domains;

pub(crate) use curl::{Answer, Curl};
pub(crate) use domains::{Domain, Domains};
pub(crate) use kamailio::{Change, Kamailio, answers_options};
pub(crate) use lab::Lab;
pub(crate) use process::{Process, Workspace, free_address, free_block, is_bound, openssl, told};
pub(crate) use repository::Repository;
pub(crate) use sipp::{Called, Caller, Sipp};
pub(crate) use trace::{Direction, Message, Trace};
