//! The header and the claims of [RFC 9970 §9](https://www.rfc-editor.org/rfc/rfc9970#section-9). No signature is printed.

use countersign::crypto::{AwsLc, EcdsaP256Key, SigningKey, VerifyingKeys};
use countersign::identity::{Dest, Identity};
use countersign::jose::base64url::decode;
use countersign::jose::json;
use countersign::passport::{Claims, Extension, HeaderCache, Passport, SignedPassport};
use countersign::time::UnixTime;
use countersign::verification::Seal;

const HEADER: &str = r#"{ "typ":"passport",
     "ppt":"rsp",
     "alg":"ES256",
     "x5u":"https://www.example.com/cert.pem" }"#;

const PAYLOAD: &str = r#"{ "orig":{"tn":"12155551212"},
        "dest":{"tn":["12155551214"]},
        "iat":1443208345 }"#;

fn number(text: &str) -> Identity {
    Identity::Number(text.parse().unwrap())
}

/// As RFC 8225 §9 has it.
fn in_order(text: &str) -> String {
    let mut written = String::new();
    json::parse(text.as_bytes()).unwrap().write(&mut written);
    written
}

/// This test verifies that the answer of the example comes out as printed, in the order that RFC 8225 §9 gives both texts, and is read
/// as what was meant.
#[test]
fn section_9_the_answer_is_signed_as_printed() {
    let claims = Claims {
        orig: number("12155551212"),
        dest: Dest::one(number("12155551214")),
        iat: UnixTime::from_secs(1_443_208_345),
        extension: Extension::Rsp,
        rich: None,
        media_keys: None,
        staple: None,
    };
    let headers = HeaderCache::new("https://www.example.com/cert.pem").unwrap();
    let key = EcdsaP256Key::generate().unwrap();
    let passport = Passport::new(claims.clone()).unwrap();
    let signed = passport.clone().sign(&headers, &key).unwrap();
    // Two telephones may answer in one second, and one signature for both would be nobody's proof.
    let again = passport.sign(&headers, &key).unwrap();
    assert_eq!(signed.signing_input(), again.signing_input());
    assert_ne!(Seal::of(signed.signature()), Seal::of(again.signature()));
    let header = signed.token().split('.').next().unwrap();
    assert_eq!(decode(header).unwrap(), in_order(HEADER).as_bytes());
    assert_eq!(signed.payload(), in_order(PAYLOAD));
    let read = SignedPassport::parse(signed.token()).unwrap();
    assert_eq!(read.claims(), &claims);
    assert!(read.is_supported() && read.is_canonical());
    let verifying = AwsLc.p256(&key.public_key()).unwrap();
    let input = read.signing_input().as_bytes();
    assert!(verifying.verify(input, read.signature()).is_ok());
}

/// §9: "No restrictions are placed here on additional elements appearing in the payload of an "rsp" type PASSporT."
#[test]
fn section_9_more_claims_are_no_defect() {
    use countersign::jose::base64url::encode;
    let payload = PAYLOAD.replacen('{', r#"{"bar":{"orig":1},"attest":"none","#, 1);
    let token = [HEADER, &payload].map(|text| encode(text.as_bytes()));
    let token = format!("{}.{}", token.join("."), encode(&[0; 64]));
    let read = SignedPassport::parse(&token).unwrap();
    assert_eq!(read.claims().extension, Extension::Rsp);
    assert_eq!(read.claims().dest, Dest::one(number("12155551214")));
}
