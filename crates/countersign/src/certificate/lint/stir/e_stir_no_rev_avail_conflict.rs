//! `e_stir_no_rev_avail_conflict`: A certificate that is never revoked is an end entity's and names no place of revocations.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Answer, Breach, Check};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "e_stir_no_rev_avail_conflict",
    source: Source::Rfc9608,
    clause: "§3",
    audience: Audience::Any,
    meaning: "A certificate that is never revoked is an end entity's and names no place of revocations.",
    check,
};

// RFC 9608 §3: "Certificates for CAs MUST NOT include the noRevAvail extension. Certificates that include the noRevAvail
// extension MUST NOT include certificate extensions that point to CRL repositories or provide locations of OCSP responders."
fn check(certificate: &Certificate) -> Check {
    if !certificate.has_no_rev_avail() {
        return Ok(Answer::NotThere);
    }
    match certificate.no_rev_avail_conflict() {
        Some(conflict) => Err(Breach::new(format!("noRevAvail, and {conflict}"))),
        None => Ok(Answer::Kept),
    }
}
