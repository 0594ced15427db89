//! What `sign --json` says of each PASSporT that was signed.

use super::kinds::Made;
use countersign::authentication::{AttestationEvidence, Form};
use countersign::passport::Attestation;
use serde::Serialize;

/// `sign --json`.
#[derive(Serialize)]
pub(super) struct Record<'a> {
    identity: &'a str,
    passport: PassportRecord<'a>,
    /// Of a PASSporT that attests.
    attestation: Option<AttestationRecord>,
    covers: Option<&'static str>,
    form: &'static str,
    /// The Date header that was added, or has to be.
    date: Option<String>,
    /// The request signed, if there was one and it is text.
    request: Option<&'a str>,
}

#[derive(Serialize)]
struct PassportRecord<'a> {
    token: &'a str,
    header: serde_json::Value,
    claims: serde_json::Value,
}

#[derive(Serialize)]
struct AttestationRecord {
    signed: &'static str,
    asked: Option<&'static str>,
    deserved: &'static str,
    basis: Option<&'static str>,
    reason: &'static str,
}

impl AttestationRecord {
    fn of(attestation: &AttestationEvidence) -> Self {
        Self {
            signed: attestation.signed.as_str(),
            asked: attestation.asked.map(Attestation::as_str),
            deserved: attestation.deserved.as_str(),
            basis: attestation.basis.map(|basis| basis.name()),
            reason: attestation.reason.name(),
        }
    }
}

impl<'a> Record<'a> {
    pub(super) fn of(made: &'a Made, request: Option<&'a [u8]>) -> Self {
        let passport = &made.passport;
        let authenticated = made.authenticated.as_ref();
        let mut parts = passport.token().split('.').map(super::super::decode::part);
        Self {
            identity: &made.identity,
            passport: PassportRecord {
                token: passport.token(),
                header: parts.next().unwrap_or_default(),
                claims: parts.next().unwrap_or_default(),
            },
            attestation: authenticated.map(|one| AttestationRecord::of(&one.attestation)),
            covers: authenticated.map(|one| super::super::verify::covers(&one.coverage)),
            form: match made.form {
                Form::Compact => "compact",
                Form::Full => "full",
            },
            date: made.add_date.map(countersign_sip::header::sip_date_text),
            request: request.and_then(|bytes| std::str::from_utf8(bytes).ok()),
        }
    }

    pub(super) fn to_json(&self) -> String {
        // Strings and what was JSON before: nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}
