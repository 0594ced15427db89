//! [RFC 8588](https://www.rfc-editor.org/rfc/rfc8588): the one example, which is no JSON as printed, and the rules of §4, §5
//! and §8.

use countersign::crypto::{AwsLc, EcdsaP256Key, SigningKey, VerifyingKeys};
use countersign::identity::{Dest, Identity};
use countersign::jose::base64url::{decode, encode};
use countersign::passport::{
    Attestation, Claim, Claims, Extension, HeaderCache, Part, Passport, PassportError, Shaken,
    SignedPassport,
};
use countersign::time::UnixTime;

const HEADER: &str = r#"{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.org/passport.cer"}"#;
const PAYLOAD: &str = r#"{"attest":"A","dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"tn":"12155550121"},"origid":"123e4567-e89b-12d3-a456-426655440000"}"#;

/// §6 as printed, white space included: no commas after `attest` and `dest`, and `iat` is a string.
#[test]
fn the_sample_of_section_6_is_no_json() {
    let printed = r#"{
      "attest":"A"
      "dest":{"tn":["12155550131"]}
      "iat":"1443208345",
      "orig":{"tn":"12155550121"},
      "origid":"123e4567-e89b-12d3-a456-426655440000"
   }"#;
    assert!(matches!(
        parse(printed),
        Err(PassportError::Json(Part::Payload, _))
    ));
    let with_commas = printed.replace("\"A\"", "\"A\",").replace("]}", "]},");
    assert_eq!(parse(&with_commas), Err(PassportError::IatNotInteger));
    let mended = with_commas.replace("\"1443208345\"", "1443208345");
    let signed = parse(&mended).unwrap();
    assert_eq!(signed.claims(), &claims());
    assert!(!signed.is_canonical(), "it has white space");
}

/// §8: "attest, dest, iat, orig, origid", and RFC 8225 §9.
#[test]
fn digest12_t10_what_we_sign_has_the_claims_in_order_and_verifies() {
    let key = EcdsaP256Key::generate().unwrap();
    let header = HeaderCache::new("https://cert.example.org/passport.cer").unwrap();
    let signed = Passport::new(claims())
        .unwrap()
        .sign(&header, &key)
        .unwrap();
    let parts: Vec<&str> = signed.token().split('.').collect();
    assert_eq!(decode(parts[0]).unwrap(), HEADER.as_bytes());
    assert_eq!(decode(parts[1]).unwrap(), PAYLOAD.as_bytes());
    assert_eq!(decode(parts[2]).unwrap(), signed.signature());
    let verifying = AwsLc.p256(&key.public_key()).unwrap();
    assert_eq!(
        verifying.verify(signed.signing_input().as_bytes(), signed.signature()),
        Ok(())
    );
    let read = SignedPassport::parse(signed.token()).unwrap();
    assert_eq!(
        read, signed,
        "what was signed and what is read are the same in every field"
    );
    assert!(read.is_canonical());
}

#[test]
fn section_4_attest_is_one_of_three() {
    for (value, attest) in [
        ("A", Attestation::A),
        ("B", Attestation::B),
        ("C", Attestation::C),
    ] {
        let signed = parse(&PAYLOAD.replace("\"A\"", &format!("\"{value}\""))).unwrap();
        assert!(
            matches!(signed.claims().extension, Extension::Shaken(shaken) if shaken.attest == attest)
        );
    }
    for other in ["D", "a", "", "AB"] {
        let payload = PAYLOAD.replace("\"A\"", &format!("\"{other}\""));
        assert_eq!(
            parse(&payload),
            Err(PassportError::AttestInvalid),
            "{other}"
        );
    }
    let shape = PassportError::ClaimShape(Claim::Attest);
    assert_eq!(
        parse(&PAYLOAD.replace("\"A\"", "[\"A\"]")),
        Err(shape.clone())
    );
    assert_eq!(parse(&PAYLOAD.replace("\"A\"", "null")), Err(shape));
}

#[test]
fn section_5_origid_is_a_uuid() {
    let with = |origid: &str| {
        parse(&PAYLOAD.replace("\"123e4567-e89b-12d3-a456-426655440000\"", origid)).map(|_| ())
    };
    assert_eq!(with("\"123E4567-E89B-12D3-A456-426655440000\""), Ok(()));
    assert_eq!(with("\"4711\""), Err(PassportError::OrigIdInvalid));
    assert_eq!(
        with("\"123e4567e89b12d3a456426655440000\""),
        Err(PassportError::OrigIdInvalid)
    );
    assert_eq!(with("4711"), Err(PassportError::ClaimShape(Claim::OrigId)));
}

#[test]
fn every_claim_is_missed_by_name() {
    for (member, claim) in [
        (r#""attest":"A","#, Claim::Attest),
        (r#""dest":{"tn":["12155550131"]},"#, Claim::Dest),
        (r#""iat":1443208345,"#, Claim::Iat),
        (r#""orig":{"tn":"12155550121"},"#, Claim::Orig),
        (
            r#","origid":"123e4567-e89b-12d3-a456-426655440000""#,
            Claim::OrigId,
        ),
    ] {
        assert!(PAYLOAD.contains(member));
        let missing = Err(PassportError::ClaimMissing(claim));
        assert_eq!(parse(&PAYLOAD.replace(member, "")), missing, "{claim}");
    }
}

fn claims() -> Claims {
    Claims {
        orig: Identity::Number("12155550121".parse().unwrap()),
        dest: Dest::one(Identity::Number("12155550131".parse().unwrap())),
        iat: UnixTime::from_secs(1_443_208_345),
        extension: Extension::Shaken(Shaken {
            attest: Attestation::A,
            origid: "123e4567-e89b-12d3-a456-426655440000".parse().unwrap(),
        }),
        rich: None,
        media_keys: None,
        staple: None,
    }
}

fn parse(payload: &str) -> Result<SignedPassport, PassportError> {
    let (header, payload) = (encode(HEADER.as_bytes()), encode(payload.as_bytes()));
    SignedPassport::parse(&format!("{header}.{payload}.{}", encode(&[7; 64])))
}
