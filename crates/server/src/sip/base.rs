//! Signing calls without an extension, for trunks that want it: whole, or compact with the whole kept for a next hop that answers 438.
//!
//! A PASSporT that has no attestation says as much as an A. A call that deserves less is not for this room: `shaken` tells how much less.

use super::diverting::diverted;
use super::prioritizing::prioritized;
use super::record::Record;
use super::securing::secured;
use super::state::TrunkSigner;
use countersign::authentication::{Credential, Form, Origination, Refusal, Signed};
use countersign::call::Call;
use countersign::passport::Attestation;
use countersign::time::{Now, UnixTime};
use countersign_sip::element::{Input, Sign};
use countersign_sip::trunk::{Mode, PassportForm};

/// Signs a call, and what else is signed for it: then in full form, since a `div` refers to what stands in the call, and a retry has
/// one Identity. `None` if it deserves less than an A, or its trunk wants something else.
pub(super) fn base(
    sign: &Sign,
    signer: &TrunkSigner,
    record: &mut Record,
    now: Now,
) -> Option<Input> {
    // Of a call that is handed back nobody here hears the 438.
    let is_handed_back = matches!(sign.trunk.mode, Mode::Redirect(_));
    let form = match (sign.trunk.passport, &sign.diversion) {
        (PassportForm::Shaken, _) => return None,
        (PassportForm::BaseCompact, None) if !is_handed_back => Form::Compact,
        (PassportForm::Base | PassportForm::BaseCompact, _) => Form::Full,
    };
    let mut origination = signer.origination(&sign.trunk, sign.transport);
    origination.asked = sign.asked;
    let signed = deserved(signer, &sign.call, &origination, form, now.unix)?;
    let service = signer.service.acting_for_caller(&sign.call, now.unix);
    let id = sign.id;
    record.signed_base(signed.as_ref().err(), service.signer().x5u(), now);
    let priority = || prioritized(sign, signer, now);
    Some(match signed {
        Ok(signed) => {
            let (token, claims) = (signed.passport.token(), signed.passport.claims());
            let full = service.signer().identity(token, &claims.extension);
            let mut identities = vec![full.into_boxed_str()];
            identities.extend(priority());
            identities.extend(secured(sign, signer, &origination, now.unix));
            let beside = signer.beside(&origination, &sign.call, now.unix);
            identities.extend(beside.map(|signed| signed.identity.into_boxed_str()));
            match (identities.as_slice(), signed.form) {
                ([full], Form::Compact) => Input::SignedCompact {
                    id,
                    compact: signed.identity.into_boxed_str(),
                    full: full.clone(),
                },
                _ => {
                    identities.extend(diverted(sign, vec![signed.passport], signer, record, now));
                    Input::Signed { id, identities }
                }
            }
        }
        // These are ours: whoever comes after us may treat the call as if it had been signed.
        Err(
            Refusal::CertificateExpired | Refusal::CertificateNotYetValid | Refusal::SigningFailed,
        ) => Input::SigningFailed { id },
        // Who calls is another question than what priority they have.
        Err(_) => Input::Signed {
            id,
            identities: priority().into_iter().collect(),
        },
    })
}

/// Signs a call without an extension; `None` if it deserves less than an A.
pub(crate) fn deserved(
    signer: &TrunkSigner,
    call: &Call,
    origination: &Origination,
    form: Form,
    now: UnixTime,
) -> Option<Result<Signed, Refusal>> {
    let is_lowered = matches!(origination.asked, Some(Attestation::B | Attestation::C));
    if origination.credential == Credential::Weak || is_lowered {
        return None;
    }
    let signed = signer.service.authenticate_base(call, form, now);
    (!matches!(signed, Err(Refusal::Unlisted))).then_some(signed)
}
