//! Who may tell more about a caller that is not their own: [RFC 9795 §10](https://www.rfc-editor.org/rfc/rfc9795#section-10).

use crate::verification::check::{Check, Evidence};
use crate::verification::fault::Fault;
use crate::verification::scope::Asking;

/// Judges whether the signer is the third party that `issuer` names, and one that is trusted.
// RFC 9795 §10.1: "the value of "iss" MUST reflect the Subject of the certificate used to sign a third-party PASSporT. The explicit
// mechanism for reflecting the Subject field of the certificate is out of scope of this document and left to the certificate governance
// policies". Here it is the common name or the organization, letter for letter (docs/divergences.md). §10.2: "provided that the
// verification service has some other reason to trust the signer": the list.
pub(in crate::verification) fn judge(issuer: Box<str>, asking: &mut Asking<'_>) {
    let Some(signer) = &asking.report.signer else {
        return;
    };
    let is_itself = signer.path.subject_names().contains(&issuer);
    let trusted = &asking.policy.rich.signers;
    let is_vouched = signer.path.vouched_names().contains(&issuer);
    let is_trusted = is_vouched && trusted.contains(&issuer);
    let subject = signer.subject().into();
    let evidence = Evidence::Text(Box::new((issuer, Some(subject))));
    match (is_itself, is_trusted) {
        (true, true) => {
            asking.findings.pass_with(Check::Authority, evidence);
        }
        (false, _) => {
            asking
                .findings
                .fault(Check::Authority, Fault::RichIssuerMismatch, evidence);
        }
        (true, false) => {
            asking
                .findings
                .fault(Check::Authority, Fault::RichSignerUntrusted, evidence);
        }
    }
}
