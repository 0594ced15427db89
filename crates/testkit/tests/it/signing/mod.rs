//! What an authentication service signs, and what it does not, kind by kind; whether others believe it is in `judgement`.
//!
//! ```text
//!    call ──► AuthenticationService ──► Identity header, or why not
//!                  │ key, certificate, inventory
//! ```

#![allow(
    clippy::unwrap_used,
    reason = "a scene that cannot be set up has nothing to test"
)]

mod answers;
mod diversion;
mod plain;
mod priority;
mod rich;
mod secured;
