//! Calls that ask for media security: what is signed beside the PASSporT of the trunk. What becomes of answers without keys is the
//! element's.

use super::state::TrunkSigner;
use countersign::authentication::{Credential, Origination};
use countersign::passport::Attestation;
use countersign::time::UnixTime;
use countersign_sip::element::Sign;
use countersign_sip::trunk::MediaSecurity;

/// The Identity header that asks for media security: of a call that has media keys, on a trunk that wants it, of a caller whom we answer
/// for. A PASSporT without attestation says as much as an A.
// RFC 8862 §4: "STIR authentication services MUST signal their compliance with this specification by including the "msec" claim defined in
// this specification to the PASSporT payload."
pub(super) fn secured(
    sign: &Sign,
    signer: &TrunkSigner,
    origination: &Origination,
    now: UnixTime,
) -> Option<Box<str>> {
    let connected = sign.trunk.connected.as_deref()?;
    if connected.media == MediaSecurity::Off || sign.call.media_keys.is_none() {
        return None;
    }
    let is_lowered = matches!(origination.asked, Some(Attestation::B | Attestation::C));
    if is_lowered || origination.credential == Credential::Weak {
        return None;
    }
    let signed = signer.service.authenticate_secured(&sign.call, now);
    signed.ok().map(|signed| signed.identity.into_boxed_str())
}
