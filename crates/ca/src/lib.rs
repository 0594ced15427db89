//! A certification authority for telephone numbers: certificates that may sign calls, and lists of those that no longer may.
//!
//! - [`authority`]: an [`Authority`] is a certificate, its key and its practice; it issues what a [`Request`] asks for.
//! - [`issuance`]: the profiles, and what each makes of a request.
//! - [`conformity`]: which lints bind which kind of certificate.
//! - [`crl`]: revocation lists, also for certificates of other authorities.
//! - [`ocsp`]: answers whether one certificate is still good, for one number.
//! - [`draft`]: a certificate before it is signed, every field open; profiles make drafts, and tests spoil them.
//! - [`csr`]: certification requests, written.
//! - [`token`]: authority tokens, and the nine steps that validate one.
//! - [`subject`], [`extension`]: the parts.
//! - [`notation`], [`journal`]: how events are written, and the chain of records that proves them.
//! - [`register`]: every certificate and what became of it; its serial number and its bytes are kept before a key signs.
//! - [`token_authority`], [`acme`]: what customers ask for.
//! - [`ledger`]: all that is remembered, rebuilt from its events.
//! - [`enrolment`], [`renewal`]: the other side, a client that orders certificates, and when it does.
//!
//! Deterministic: keys, serial numbers and times are arguments, nothing is drawn or looked up here. What is issued is judged
//! by other people's tools in the tests. The law is RFC 5280, 8226 and 9060; the profile of SHAKEN (ATIS-1000080 and -84) is
//! followed as far as it is publicly known.

#![forbid(unsafe_code)]

pub mod notation;
pub mod subject;
pub mod extension;
pub mod draft;
pub mod csr;
pub mod issuance;
pub mod conformity;
pub mod authority;
pub mod crl;
pub mod ocsp;
pub mod token;
pub mod journal;
pub mod register;
pub mod token_authority;
pub mod acme;
pub mod ledger;
pub mod enrolment;
pub mod renewal;

pub use authority::{Authority, UnknownNumbers};
pub use draft::{Draft, DraftError, Serial};
pub use extension::CrlPoint;
pub use issuance::{IssuanceError, Practice, Profile, Request, Revocation, ScopeReference};
pub use subject::Subject;
