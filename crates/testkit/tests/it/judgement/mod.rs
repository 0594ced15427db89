//! Calls between two providers, judged: `AuthenticationService` on one side, `VerificationService` on the other, no wire.
//!
//! ```text
//!    Alice's provider ── Identity ──► Bob's provider ──► Repository (a map)
//! ```

#![allow(
    clippy::unwrap_used,
    reason = "a scene that cannot be set up has nothing to test"
)]

mod always_ends;
mod answers;
mod attestation;
mod certificates;
mod chains;
mod chains_of_others;
mod claim_constraints;
mod compact;
mod faults;
mod freshness;
mod priority;
mod replay;
mod revocation;
mod rich;
mod scopes;
mod several_headers;
mod signed_and_verified;
mod signed_kinds;
mod trust_domains;
mod x5c;

pub(crate) use claim_constraints::constrained;

use countersign::verification::{Code, Report, Verdict};

/// Verdict and code, the two things that act.
fn told(report: &Report) -> (Verdict, Option<u16>) {
    (report.verdict, report.code.map(Code::number))
}
