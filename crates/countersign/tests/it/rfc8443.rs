//! The token of [RFC 8443 §4.1](https://www.rfc-editor.org/rfc/rfc8443#section-4.1), which is no PASSporT: line feeds stand behind
//! both JSON texts, `dest` is `{["tn":…]}`, which is no JSON, and `iat` is a string. No key is printed.

use crate::vectors::rfc_token;
use countersign::identity::{Dest, Identity};
use countersign::jose::base64url::decode;
use countersign::jose::json::JsonCause;
use countersign::passport::{
    Claims, Envelope, Extension, Part, Passport, PassportError, Rph, SignedPassport,
};
use countersign::time::UnixTime;

#[test]
fn the_rph_token_is_no_json() {
    let token = rfc_token("rfc8443-4.1").token;
    let header = token.split('.').next().unwrap();
    let header = String::from_utf8(decode(header).unwrap()).unwrap();
    assert!(
        header.ends_with('\n') && Envelope::parse(&token).is_ok(),
        "white space is no defect"
    );
    let verdict = SignedPassport::parse(&token);
    assert!(
        matches!(verdict, Err(PassportError::Json(Part::Payload, error)) if error.cause == JsonCause::Unexpected),
        "{verdict:?}"
    );
}

/// This test verifies that the claims of §3, whose `dest` is printed as no JSON, are signed by us as they are meant.
#[test]
fn the_claims_of_section_3_as_they_are_meant() {
    let claims = Claims {
        orig: Identity::Number("12155550112".parse().unwrap()),
        dest: Dest::one(Identity::Number("12125550113".parse().unwrap())),
        iat: UnixTime::from_secs(1_443_208_345),
        extension: Extension::Rph(Box::new(Rph {
            auth: ["ets.0", "wps.0"].map(|one| one.parse().unwrap()).into(),
            sph: None,
        })),
        rich: None,
        media_keys: None,
        staple: None,
    };
    let passport = Passport::new(claims).unwrap();
    assert_eq!(
        passport.payload(),
        r#"{"dest":{"tn":["12125550113"]},"iat":1443208345,"orig":{"tn":"12155550112"},"rph":{"auth":["ets.0","wps.0"]}}"#
    );
}
