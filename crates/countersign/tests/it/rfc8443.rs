//! The token of [RFC 8443 §4.1](https://www.rfc-editor.org/rfc/rfc8443#section-4.1), which is no PASSporT: line feeds stand behind
//! both JSON texts, `dest` is `{["tn":…]}`, which is no JSON, and `iat` is a string. No key is printed.

use crate::vectors::rfc_token;
use countersign::jose::base64url::decode;
use countersign::jose::json::JsonCause;
use countersign::passport::{Envelope, Part, PassportError, SignedPassport};

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
