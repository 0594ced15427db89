//! Signing calls without an extension, for trunks that want it: whole, or compact with the whole kept for a next hop that answers 438.
//!
//! A PASSporT that has no attestation says as much as an A. A call that deserves less is not for this room: `shaken` tells how much less.

use super::diverting::diverted;
use super::record::Record;
use super::state::TrunkSigner;
use countersign::authentication::{Credential, Form, Refusal, Signed};
use countersign::passport::Attestation;
use countersign::time::Now;
use countersign_sip::element::{Input, Sign};
use countersign_sip::trunk::{Mode, PassportForm};

/// Signs a call, and that it is diverted if it is: then in full form, since a `div` refers to what stands in the call. `None` if it
/// deserves less than an A, or its trunk wants something else.
pub(super) fn base(
    sign: &Sign,
    signer: &TrunkSigner,
    record: &mut Record,
    now: Now,
) -> Option<Input> {
    let id = sign.id;
    let signed = signed(sign, signer, now)?;
    let service = &signer.service;
    record.signed_base(signed.as_ref().err(), service.signer().x5u(), now);
    Some(match signed {
        Ok(signed) if signed.form == Form::Compact => {
            let (token, claims) = (signed.passport.token(), signed.passport.claims());
            let full = service.signer().identity(token, &claims.extension);
            Input::SignedCompact {
                id,
                compact: signed.identity.into_boxed_str(),
                full: full.into_boxed_str(),
            }
        }
        Ok(signed) => {
            let mut identities = vec![signed.identity.into_boxed_str()];
            identities.extend(diverted(sign, vec![signed.passport], signer, record, now));
            Input::Signed { id, identities }
        }
        // These are ours: whoever comes after us may treat the call as if it had been signed.
        Err(
            Refusal::CertificateExpired | Refusal::CertificateNotYetValid | Refusal::SigningFailed,
        ) => Input::SigningFailed { id },
        Err(_) => Input::Signed {
            id,
            identities: Vec::new(),
        },
    })
}

fn signed(sign: &Sign, signer: &TrunkSigner, now: Now) -> Option<Result<Signed, Refusal>> {
    // Of a call that is handed back nobody here hears the 438.
    let is_handed_back = matches!(sign.trunk.mode, Mode::Redirect(_));
    let form = match (sign.trunk.passport, &sign.diversion) {
        (PassportForm::Shaken, _) => return None,
        (PassportForm::BaseCompact, None) if !is_handed_back => Form::Compact,
        (PassportForm::Base | PassportForm::BaseCompact, _) => Form::Full,
    };
    let is_lowered = matches!(sign.asked, Some(Attestation::B | Attestation::C));
    let origination = signer.origination(&sign.trunk, sign.transport);
    if origination.credential == Credential::Weak || is_lowered {
        return None;
    }
    let signed = signer.service.authenticate_base(&sign.call, form, now.unix);
    (!matches!(signed, Err(Refusal::Unlisted))).then_some(signed)
}
