//! What profiles ask of a certificate beyond what a path needs: lints.
//!
//! [`run`] asks every rule and returns what is broken; [`LINTS`] is the list of rules, and [`Lint::judge`] tells of one rule
//! whether it is broken, kept, not yet in force when the certificate was issued, or about something else. Each rule is a file
//! named after it:
//!
//! - `sti`: the public rules for STI certificates, by their public names.
//!
//! [`rule`] says what a rule is, [`source`] from which documents and since when; `field` reads what rules look at, `profile`
//! asks what several rules ask alike. `docs/lints.md` lists them for people.
//!
//! A finding decides nothing: whether a call passes is for [`crate::path`] and [`crate::verification`]. Rules about where a
//! certificate is served (URL, media type, order of the chain) are not here, since they are not about a certificate.

pub mod source;
pub mod rule;
#[expect(dead_code, reason = "read by the rules that follow")]
mod field;
mod profile;
mod sti;

pub use rule::{Audience, Finding, Lint, Outcome, Severity};
pub use source::Source;

use super::Certificate;

/// Every rule, sorted by name.
pub static LINTS: &[Lint] = &[
    sti::e_atis_ext_authority_key_identifier::LINT,
    sti::e_atis_ext_authority_key_identifier_ca::LINT,
    sti::e_atis_version::LINT,
    sti::e_atis_version_ca::LINT,
];

/// What `certificate` breaks, in the order of [`LINTS`]. A rule binds it by the date it was issued: its notBefore.
pub fn run(certificate: &Certificate) -> Vec<Finding> {
    let outcomes = LINTS.iter().map(|lint| lint.judge(certificate));
    outcomes
        .filter_map(|outcome| match outcome {
            Outcome::Found(finding) => Some(finding),
            Outcome::NotApplicable | Outcome::NotEffective | Outcome::Pass => None,
        })
        .collect()
}
