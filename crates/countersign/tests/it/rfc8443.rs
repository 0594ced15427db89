//! The token of [RFC 8443 §4.1](https://www.rfc-editor.org/rfc/rfc8443#section-4.1), which is no PASSporT: line feeds stand behind
//! both JSON texts, `dest` is `{["tn":…]}`, which is no JSON, and `iat` is a string. No key is printed.

use crate::vectors::rfc_token;
use countersign::jose::base64url::{decode, encode};
use countersign::jose::json::JsonCause;
use countersign::passport::{Envelope, Part, PassportError, SignedPassport};

#[test]
fn the_rph_token_is_unsupported_and_no_json_either() {
    let token = rfc_token("rfc8443-4.1").token;
    let unsupported = Err(PassportError::UnsupportedPpt("rph".into()));
    assert_eq!(SignedPassport::parse(&token), unsupported);

    // Under a header without `ppt`, the payload is judged.
    let parts: Vec<&str> = token.split('.').collect();
    let header = String::from_utf8(decode(parts[0]).unwrap()).unwrap();
    assert!(
        header.ends_with('\n') && Envelope::parse(&token).is_ok(),
        "white space is no defect"
    );
    let header = encode(header.replace(r#""ppt":"rph","#, "").as_bytes());
    let verdict = SignedPassport::parse(&format!("{header}.{}.{}", parts[1], parts[2]));
    assert!(
        matches!(verdict, Err(PassportError::Json(Part::Payload, error)) if error.cause == JsonCause::Unexpected),
        "{verdict:?}"
    );
}
