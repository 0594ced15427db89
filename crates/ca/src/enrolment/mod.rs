//! The client of an ACME server: [RFC 8555](https://www.rfc-editor.org/rfc/rfc8555) for telephone numbers, which are proven by
//! authority tokens ([RFC 9448](https://www.rfc-editor.org/rfc/rfc9448)).
//!
//! ```text
//!     Wish, account key ──► Enrolment ── next ──► Step::Ask(request) ──► host: TLS ──► server
//!                               ▲                 Step::Wait(until)                      │
//!                               └───── heard ◄── HttpResponse, or Lost ◄─────────────────┘
//!                                                 Step::Done(Enrolled) │ Step::Failed(why)
//! ```
//!
//! No socket, no clock: whoever runs an [`Enrolment`] does what [`Enrolment::next`] says and tells it what came of it.
//!
//! - [`exchange`]: requests and answers; `documents`: what servers say, read
//! - [`failure`]: why it comes to nothing
//! - `session`: who signs, nonces, what is tried again
//! - [`account`], [`proof`]: accounts, and how it is proven that numbers are ours
//! - [`enrol`]: the way to a certificate; [`errand`]: another account key, revocation
//!
//! Not here: when a certificate is renewed ([`crate::renewal`]), and challenges that want something put where a server looks; those are
//! only told that it is there ([`enrol::Proof::Elsewhere`]).
//!
//! The account is always asked for by its key: a server that has it says where it is, so that nothing but the key has to be kept.

pub mod exchange;
mod documents;
pub mod failure;
mod session;
pub mod account;
pub mod proof;
pub mod enrol;
pub mod errand;

pub use account::{ExternalAccount, Opening, Terms};
pub use documents::Problem;
pub use enrol::{Enrolled, Enrolment, Proof, Wish};
pub use errand::{Errand, RevokedBy, Task};
pub use exchange::{HttpRequest, HttpResponse, Method};
pub use failure::{CertificateFault, Failure, Stage, TokenMismatch};
pub use proof::{ResponseField, TokenAuthority, TokenSource, Wrapping};
pub use session::{Lost, Step};
