//! The JOSE cookbook, [RFC 7520 §4](https://www.rfc-editor.org/rfc/rfc7520#section-4): all eight signed examples.
//!
//! None is for us: their algorithms are RS256, PS384, ES512 and HS256, and three have no compact form. This test verifies that
//! each of the five compact ones is refused for its algorithm, and that the file of each of the others has no compact token,
//! so that a new ES256 example would not go unnoticed.

use crate::vectors::{jwk_key, text};
use countersign::jose::jws::{CompactJws, JwsFault};

#[test]
fn every_example_is_refused_for_its_algorithm() {
    let key = jwk_key(
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    );
    for (name, compact) in [
        ("4_1.rsa_v15_signature", true),
        ("4_2.rsa-pss_signature", true),
        ("4_3.ecdsa_signature", true),
        ("4_4.hmac-sha2_integrity_protection", true),
        ("4_5.signature_with_detached_content", true),
        ("4_6.protecting_specific_header_fields", false),
        ("4_7.protecting_content_only", false),
        ("4_8.multiple_signatures", false),
    ] {
        let file = text(&format!("jose/cookbook/jws/{name}.json"));
        let example: serde_json::Value = serde_json::from_str(&file).unwrap();
        let token = example["output"]["compact"].as_str();
        assert_eq!(token.is_some(), compact, "{name}");
        if let Some(token) = token {
            let jws = CompactJws::split(token).unwrap();
            assert_eq!(jws.verify(&*key), Err(JwsFault::Algorithm), "{name}");
        }
    }
}
