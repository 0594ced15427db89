//! The compact form made full again: header and claims are not in it, and are rebuilt from the signalling.
//!
//! What is rebuilt is judged like any other token: if the signalling was changed on the way, its signature does not fit. Which kinds
//! may come in compact form is decided in [`super::inspect`].

use crate::call::{Call, DateHeader};
use crate::identity::Dest;
use crate::jose::base64url;
use crate::passport::{
    Claims, Extension, Passport, Presented, RCD, RichCallData, RichClaims, encoded_header,
};

/// The full form of a token in compact form, without its signature: header and claims, and a dot behind both. `None` if the signalling
/// does not tell all that it takes: caller, called party, Date, and where the certificate is.
// RFC 8224 §4.1: "the JSON "iat" key MUST appear, set to the value of the Date header field"; and the dest is To's, which call.dest has
// first.
pub(super) fn signing_input(presented: &Presented, call: &Call) -> Option<String> {
    let x5u = presented.info.as_deref()?;
    let DateHeader::At(date) = call.date else {
        return None;
    };
    let is_rich = presented
        .ppt
        .as_deref()
        .is_some_and(|ppt| ppt.eq_ignore_ascii_case(RCD));
    let (extension, rich) = match is_rich {
        true => (Extension::Rcd, Some(Box::new(rich(call)?))),
        false => (Extension::Base, None),
    };
    let (called, _) = call.dest.first()?;
    let claims = Claims {
        orig: call.orig.clone()?,
        dest: Dest::one(called.clone()),
        iat: date,
        extension,
        rich,
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
fn rich(call: &Call) -> Option<RichClaims> {
    let shown = &call.presentation;
    let name = shown.name.as_deref().unwrap_or_default();
    Some(RichClaims {
        data: Some(RichCallData::new(name, None, None, None).ok()?),
        integrity: None,
        reason: shown.reason.clone(),
        issuer: None,
    })
}
