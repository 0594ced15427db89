//! The claims that [RFC 9027](https://www.rfc-editor.org/rfc/rfc9027) prints, in the order of its §5, and what it forbids.

use countersign::crypto::EcdsaP256Key;
use countersign::identity::{Dest, Identity};
use countersign::jose::base64url::encode;
use countersign::passport::{
    Claim, Claims, Extension, HeaderCache, Passport, PassportError, Rph, SignedPassport, Sph,
};
use countersign::time::UnixTime;

const X5U: &str = "https://www.example.com/cert.cer";

fn claims(orig: &str, dest: Identity, value: &str, sph: Option<Sph>) -> Claims {
    Claims {
        orig: Identity::Number(orig.parse().unwrap()),
        dest: Dest::one(dest),
        iat: UnixTime::from_secs(1_615_471_428),
        extension: Extension::Rph(Box::new(Rph {
            auth: [value.parse().unwrap()].into(),
            sph,
        })),
        rich: None,
        media_keys: None,
        staple: None,
    }
}

/// This test verifies that the claims are signed byte for byte as printed, without white space, and read again as they were.
#[test]
fn digest11_case16_the_examples_of_sections_3_and_4() {
    let caller = || Identity::Number("12155551212".parse().unwrap());
    let service = Identity::Uri("urn:service:sos".into());
    let sph = Some(Sph::PsapCallback);
    let examples = [
        (
            claims("12155551212", service, "esnet.1", None),
            r#"{"dest":{"uri":["urn:service:sos"]},"iat":1615471428,"orig":{"tn":"12155551212"},"rph":{"auth":["esnet.1"]}}"#,
        ),
        (
            claims("12155551213", caller(), "esnet.0", None),
            r#"{"dest":{"tn":["12155551212"]},"iat":1615471428,"orig":{"tn":"12155551213"},"rph":{"auth":["esnet.0"]}}"#,
        ),
        (
            claims("12155551213", caller(), "esnet.0", sph),
            r#"{"dest":{"tn":["12155551212"]},"iat":1615471428,"orig":{"tn":"12155551213"},"rph":{"auth":["esnet.0"]},"sph":"psap-callback"}"#,
        ),
    ];
    let (headers, key) = (
        HeaderCache::new(X5U).unwrap(),
        EcdsaP256Key::generate().unwrap(),
    );
    for (claims, printed) in examples {
        let signed = Passport::new(claims.clone())
            .unwrap()
            .sign(&headers, &key)
            .unwrap();
        assert_eq!(signed.payload(), printed);
        let read = SignedPassport::parse(signed.token()).unwrap();
        assert_eq!((read.claims(), read.is_canonical()), (&claims, true));
    }
}

/// §4: "If the value is anything other than "psap-callback", the PASSporT validation MUST be considered a failure case."
#[test]
fn digest11_case11_another_value_of_sph_is_no_passport() {
    let header = format!(r#"{{"alg":"ES256","ppt":"rph","typ":"passport","x5u":"{X5U}"}}"#);
    let read = |sph: &str| {
        let payload = format!(
            r#"{{"dest":{{"tn":["12155551212"]}},"iat":1615471428,"orig":{{"tn":"12155551213"}},"rph":{{"auth":["esnet.0"]}},"sph":{sph}}}"#
        );
        let signature = encode(&[1; 64]);
        let token = format!(
            "{}.{}.{signature}",
            encode(header.as_bytes()),
            encode(payload.as_bytes())
        );
        SignedPassport::parse(&token).map(|_| ())
    };
    assert_eq!(read(r#""psap-callback""#), Ok(()));
    for other in [r#""normal""#, r#""PSAP-callback""#, "true", "null"] {
        assert_eq!(
            read(other),
            Err(PassportError::ClaimShape(Claim::Sph)),
            "{other}"
        );
    }
}
