//! The examples of [RFC 8225](https://www.rfc-editor.org/rfc/rfc8225), and those of RFC 8224 and RFC 9410 that are the same
//! token.
//!
//! Which of them are good is known: the token of §7.1 verifies with the key of Appendix A.2, though its `iat` is a string; the
//! one of Appendix A verifies with no key that is printed.

use crate::vectors::rfc_token;
use countersign::crypto::{BadSignature, SigningFailed, SigningKey};
use countersign::identity::{Dest, Identity};
use countersign::jose::json;
use countersign::media_keys::{Fingerprint, MediaKeys};
use countersign::passport::{
    Claims, CompactPassport, Extension, HeaderCache, IatForm, Passport, PassportError,
    SignedPassport,
};
use countersign::time::UnixTime;

const X5U: &str = "https://cert.example.org/passport.cer";

/// The same token is in RFC 8224 §4.1.1 and RFC 9410 §5.
#[test]
fn section_7_1_verifies_with_key_a2_though_its_iat_is_a_string() {
    let published = rfc_token("rfc8225-7.1");
    assert_eq!(published.verify(), Ok(()));
    assert_eq!(
        SignedPassport::parse(&published.token),
        Err(PassportError::IatNotInteger)
    );
    let lenient = SignedPassport::parse_with(&published.token, IatForm::IntegerOrString).unwrap();
    assert_eq!(lenient.claims(), &alice_called_at(1_443_208_345));
    assert_eq!(lenient.header().x5u.as_deref(), Some(X5U));
    assert!(
        lenient.is_canonical(),
        "a string in place of a number is still deterministic"
    );
}

#[test]
fn section_7_1_compact_form_is_the_signature_of_the_full_form() {
    let full =
        SignedPassport::parse_with(&rfc_token("rfc8225-7.1").token, IatForm::IntegerOrString)
            .unwrap();
    let compact =
        "..rq3pjT1hoRwakEGjHCnWSwUnshd0-zJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsojNCpTzO3QfPOlckGaS6hEck7w";
    assert_eq!(
        SignedPassport::parse(compact),
        Err(PassportError::CompactForm)
    );
    assert_eq!(
        CompactPassport::parse(compact).unwrap().signature(),
        full.signature()
    );
}

/// RFC 8224 §5.1 prints the signature of §7.1 for a payload with a numeric `iat`.
#[test]
fn rfc8224_section_5_1_does_not_verify() {
    let mut published = rfc_token("rfc8225-7.1");
    let (_, signature) = published.token.rsplit_once('.').unwrap();
    published.token = format!(
        "{}.{signature}",
        signing_input(alice_called_at(1_443_208_345))
    );
    assert_eq!(published.verify(), Err(BadSignature));
    assert!(
        SignedPassport::parse(&published.token).is_ok(),
        "well formed it is"
    );
}

/// Appendix A is good for its two base64url strings only: its signature is of neither key that it prints.
#[test]
fn appendix_a_strings_are_what_we_write_but_the_signature_is_of_neither_key() {
    let published = rfc_token("rfc8225-a");
    assert_eq!(published.verify(), Err(BadSignature), "key A.2");
    let (input, _) = published.token.rsplit_once('.').unwrap();
    assert_eq!(signing_input(alice_called_at(1_471_375_418)), input);
    let signed = SignedPassport::parse(&published.token).unwrap();
    assert!(signed.is_canonical());
    assert_eq!(
        signed.payload(),
        r#"{"dest":{"uri":["sip:alice@example.com"]},"iat":1471375418,"orig":{"tn":"12155551212"}}"#
    );
}

/// The objects of §5.2.1.4, the second with destinations out of order.
#[test]
fn section_5_2_1_4_claims_are_written_in_order() {
    let bob_and_alice = ["sip:bob@example.net", "sip:alice@example.com"];
    let claims = Claims {
        dest: Dest {
            numbers: vec!["12125551212".parse().unwrap()],
            uris: bob_and_alice.map(Box::from).to_vec(),
        },
        ..alice_called_at(1_443_208_345)
    };
    assert_eq!(
        sign(claims).payload(),
        r#"{"dest":{"tn":["12125551212"],"uri":["sip:alice@example.com","sip:bob@example.net"]},"iat":1443208345,"orig":{"tn":"12155551212"}}"#
    );
}

/// §9.1: the object at its beginning, and the line that should come of it. As printed, the object lacks a comma and has one too
/// many, and the line lacks a brace after `["sip:alice@example.com"]`; both are no JSON.
#[test]
fn section_9_1_comes_out_as_printed_once_both_are_mended() {
    let first = "021ACC5427ABEB9C533F3E4B652E7D463F5442CD54F17A03A27DF9B07F4619B2";
    let second = "4AADB9B13F82183B540212DF3E5D496B19E57CAB3E4B652E7D463F5442CD54F1";
    let initial = format!(
        r#"{{ "dest":{{"uri":["sip:alice@example.com"]}},
              "orig":{{"tn":"12155551212"}},
              "iat":1443208345,
              "mky":[ {{ "dig":"{first}", "alg":"sha-256" }},
                      {{ "alg":"sha-256", "dig":"{second}" }} ] }}"#
    );
    let printed = format!(
        r#"{{"dest":{{"uri":["sip:alice@example.com"],"iat":1443208345,"mky":[{{"alg":"sha-256","dig":"{first}"}},{{"alg":"sha-256","dig":"{second}"}}],"orig":{{"tn":"12155551212"}}}}"#
    );
    assert!(json::parse(printed.as_bytes()).is_err());
    let mended = printed.replacen("],", "]},", 1);
    let mut written = String::new();
    json::parse(initial.as_bytes()).unwrap().write(&mut written);
    assert_eq!(written, mended);
}

/// The two lines of §5.2.2, in either order, with the white space that only the page has taken out.
#[test]
fn section_5_2_2_fingerprints_are_written_as_the_example_has_them() {
    let lines = [
        "sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:4B:65:2E:7D:46:3F:54:42:CD:54:F1",
        "sha-256 02:1A:CC:54:27:AB:EB:9C:53:3F:3E:4B:65:2E:7D:46:3F:54:42:CD:54:F1:7A:03:A2:7D:F9:B0:7F:46:19:B2",
    ];
    let [first, second] = lines.map(|line| Fingerprint::from_sdp(line).unwrap());
    for lines in [[first.clone(), second.clone()], [second, first]] {
        let claims = Claims {
            media_keys: Some(Box::new(MediaKeys::new(lines).unwrap())),
            ..alice_called_at(1_443_208_345)
        };
        let signed = sign(claims.clone());
        assert_eq!(
            signed.payload(),
            r#"{"dest":{"uri":["sip:alice@example.com"]},"iat":1443208345,"mky":[{"alg":"sha-256","dig":"021ACC5427ABEB9C533F3E4B652E7D463F5442CD54F17A03A27DF9B07F4619B2"},{"alg":"sha-256","dig":"4AADB9B13F82183B540212DF3E5D496B19E57CAB3E4B652E7D463F5442CD54F1"}],"orig":{"tn":"12155551212"}}"#
        );
        let read = SignedPassport::parse(signed.token()).unwrap();
        assert_eq!(read.claims(), &claims);
        assert!(read.is_canonical());
    }
}

/// §8.3 as printed lacks a comma. With it: a claim that we do not know is no defect, and it stays in the payload.
#[test]
fn section_8_3_unknown_claims_are_kept() {
    let token = token(
        r#"{"alg":"ES256","typ":"passport","x5u":"https://cert.example.org/passport.cer"}"#,
        r#"{"bar":"beyond all recognition","dest":{"uri":["sip:alice@example.com"]},"iat":1443208345,"orig":{"tn":"12155551212"}}"#,
    );
    let signed = SignedPassport::parse(&token).unwrap();
    assert_eq!(signed.claims(), &alice_called_at(1_443_208_345));
    let payload = json::parse(signed.payload().as_bytes()).unwrap();
    let bar = payload.as_object().unwrap().get("bar").unwrap();
    assert_eq!(bar.as_str(), Some("beyond all recognition"));
}

/// The header of §8.2: an extension that nobody knows.
#[test]
fn section_8_2_unsupported_extensions_are_told_apart() {
    let header = r#"{"alg":"ES256","ppt":"foo","typ":"passport","x5u":"https://tel.example.org/passport.cer"}"#;
    let claims = r#"{"dest":{"uri":["sip:alice@example.com"]},"iat":1443208345,"orig":{"tn":"12155551212"}}"#;
    let signed = SignedPassport::parse(&token(header, claims)).unwrap();
    assert_eq!(
        signed.claims().extension,
        Extension::Unsupported("foo".into())
    );
    assert!(!signed.is_supported());
    // What else is wrong with it is nobody's business.
    for claims in ["{}", "no JSON", r#"{"dest":1,"dest":2}"#] {
        assert_eq!(
            SignedPassport::parse(&token(header, claims)),
            Err(PassportError::UnsupportedPpt("foo".into()))
        );
    }
}

fn alice_called_at(iat: i64) -> Claims {
    Claims {
        orig: Identity::Number("12155551212".parse().unwrap()),
        dest: Dest::one(Identity::Uri("sip:alice@example.com".into())),
        iat: UnixTime::from_secs(iat),
        extension: Extension::Base,
        rich: None,
        media_keys: None,
        staple: None,
    }
}

fn signing_input(claims: Claims) -> String {
    sign(claims).signing_input().to_owned()
}

fn sign(claims: Claims) -> SignedPassport {
    let header = HeaderCache::new(X5U).unwrap();
    Passport::new(claims)
        .unwrap()
        .sign(&header, &NoKey)
        .unwrap()
}

fn token(header: &str, claims: &str) -> String {
    use countersign::jose::base64url::encode;
    let (header, claims) = (encode(header.as_bytes()), encode(claims.as_bytes()));
    format!("{header}.{claims}.{}", encode(&[0; 64]))
}

/// A key whose signature is of no interest.
struct NoKey;

impl SigningKey for NoKey {
    fn sign(&self, _: &[u8]) -> Result<countersign::crypto::Signature, SigningFailed> {
        Ok([0; 64])
    }

    fn public_key(&self) -> countersign::crypto::Point {
        [0; 65]
    }
}
