//! The compact form made full again: header and claims are not in it, and are rebuilt from the signalling.
//!
//! What is rebuilt is judged like any other token: if the signalling was changed on the way, its signature does not fit. Which kinds
//! may come in compact form is decided in [`super::inspect`].

use crate::call::{Call, DateHeader};
use crate::identity::Dest;
use crate::jose::base64url;
use crate::passport::{
    Card, Claims, Extension, Passport, Presented, RCD, RichCallData, RichClaims, encoded_header,
};

/// With which card rich call data is rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CardOfCall {
    /// Without any.
    // RFC 9795 §9.1: "The claims "jcl" and "jcd" MUST NOT be used with compact form".
    LeftOut,
    /// With the one that the call shows.
    // RFC 9795 §12.2: "if there exists a Call-Info header field as defined in [RFC9796], the "jcard" JSON object value MUST be used to
    // construct the "jcd" key value when it recomputes the header and claims of the PASSporT object."
    Taken,
}

/// The full form of a token in compact form, without its signature: header and claims, and a dot behind both. `None` if the signalling
/// does not tell all that it takes: caller, called party, Date, where the certificate is, and the card if it is to be taken.
// RFC 8224 §4.1: "the JSON "iat" key MUST appear, set to the value of the Date header field"; and the dest is To's, which call.dest has
// first.
pub(super) fn signing_input(
    presented: &Presented,
    call: &Call,
    card: CardOfCall,
) -> Option<String> {
    let x5u = presented.info.as_deref()?;
    let DateHeader::At(date) = call.date else {
        return None;
    };
    let is_rich = presented
        .ppt
        .as_deref()
        .is_some_and(|ppt| ppt.eq_ignore_ascii_case(RCD));
    let (extension, rich) = match is_rich {
        true => (Extension::Rcd, Some(Box::new(rich(call, card)?))),
        false if card == CardOfCall::Taken => return None,
        false => (Extension::Base, None),
    };
    let (called, _) = call.dest.first()?;
    let claims = Claims {
        // From may have been made anonymous on the way: a signature that does not fit would prove nothing.
        orig: call.orig.clone().filter(|orig| !orig.is_anonymous())?,
        dest: Dest::one(called.clone()),
        iat: date,
        extension,
        rich,
        media_keys: call.media_keys.clone(),
        staple: None,
    };
    let ppt = claims.extension.ppt().map(Box::<str>::from);
    let passport = Passport::new(claims).ok()?;
    let mut input = encoded_header(x5u, ppt.as_deref()).into_string();
    input.push('.');
    base64url::encode_into(passport.payload().as_bytes(), &mut input);
    input.push('.');
    Some(input)
}

// RFC 9795 §9.1: "The reconstruction of the "nam" claim, if using the SIP protocol, should use the display-name string in the From
// header field. For other protocols, if there is a display name field that exists, the string should be used; otherwise, the string
// should be an empty string, e.g., ""." §9.3: "Compact form of a "crn" PASSporT claim shall be reconstructed using the "call-reason"
// parameter of a Call-Info header".
fn rich(call: &Call, card: CardOfCall) -> Option<RichClaims> {
    let shown = &call.presentation;
    let name = shown.name.as_deref().unwrap_or_default();
    let card = match card {
        CardOfCall::LeftOut => None,
        CardOfCall::Taken => Some(Card::Inline(shown.card.clone()?)),
    };
    Some(RichClaims {
        data: Some(RichCallData::new(name, None, None, card).ok()?),
        integrity: None,
        reason: shown.reason.clone(),
        issuer: None,
    })
}
