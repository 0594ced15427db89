//! Every defect of a token has its name.
//!
//! ```text
//!   a good token ──► one thing spoiled ──► SignedPassport::parse ──► the name of that thing
//! ```
//!
//! This test verifies that each defect is found as what it is, because the verdict, the SIP code and the log word of a call
//! hang on it.

use countersign::identity::Identity;
use countersign::jose::base64url::encode;
use countersign::jose::json::JsonCause;
use countersign::passport::div::MAX_HISTORY_INDEX;
use countersign::passport::rph::MAX_RESOURCE_VALUES;
use countersign::passport::{
    Claim, Extension, HeaderName, IatForm, MAX_DESTINATIONS, Part, PassportError, SignedPassport,
};
use countersign::time::UnixTime;

const HEADER: &str =
    r#"{"alg":"ES256","typ":"passport","x5u":"https://certificates.example.com/4711.pem"}"#;
const CLAIMS: &str =
    r#"{"dest":{"tn":["12025550101"]},"iat":1443208345,"orig":{"tn":"12025550100"}}"#;
const ORIG: &str = r#"{"tn":"12025550100"}"#;
const DEST: &str = r#"{"tn":["12025550101"]}"#;

fn token(header: &str, claims: &str) -> String {
    format!(
        "{}.{}.{}",
        encode(header.as_bytes()),
        encode(claims.as_bytes()),
        encode(&[7; 64])
    )
}

fn with_header(header: &str) -> Result<SignedPassport, PassportError> {
    SignedPassport::parse(&token(header, CLAIMS))
}

fn with_claims(claims: &str) -> Result<SignedPassport, PassportError> {
    SignedPassport::parse(&token(HEADER, claims))
}

fn with_orig(orig: &str) -> Option<PassportError> {
    with_claims(&CLAIMS.replace(ORIG, orig)).err()
}

fn with_dest(dest: &str) -> Option<PassportError> {
    with_claims(&CLAIMS.replace(DEST, dest)).err()
}

fn with_iat(iat: &str, form: IatForm) -> Result<UnixTime, PassportError> {
    let claims = CLAIMS.replace("1443208345", iat);
    SignedPassport::parse_with(&token(HEADER, &claims), form).map(|signed| signed.claims().iat)
}

#[test]
fn the_good_token_is_good() {
    let signed = with_claims(CLAIMS).unwrap();
    assert!(signed.is_canonical());
    assert_eq!(signed.claims().extension, Extension::Base);
    assert_eq!(signed.header().alg.as_ref(), "ES256");
    assert_eq!(signed.header().ppt, None);
    assert_eq!(signed.payload(), CLAIMS);
}

/// T1: what `typ` and `alg` say is not judged here, but they must be there and be strings.
#[test]
fn digest12_t1_header_parameters() {
    for (header, error) in [
        (
            r#"{"typ":"passport"}"#,
            PassportError::HeaderMissing(HeaderName::Alg),
        ),
        (
            r#"{"alg":"ES256"}"#,
            PassportError::HeaderMissing(HeaderName::Typ),
        ),
        (
            r#"{"alg":1,"typ":"passport"}"#,
            PassportError::HeaderShape(HeaderName::Alg),
        ),
        (
            r#"{"alg":"ES256","typ":null}"#,
            PassportError::HeaderShape(HeaderName::Typ),
        ),
        (
            r#"{"alg":"ES256","ppt":[],"typ":"passport"}"#,
            PassportError::HeaderShape(HeaderName::Ppt),
        ),
        (
            r#"{"alg":"ES256","typ":"passport","x5u":{}}"#,
            PassportError::HeaderShape(HeaderName::X5u),
        ),
        (r#"["ES256"]"#, PassportError::NotAnObject(Part::Header)),
        (
            r#"{"alg":"ES256","typ":"passport","typ":"JWT"}"#,
            PassportError::DuplicateMember(Part::Header),
        ),
        (
            r#"{"alg":"ES256","crit":["exp"],"exp":1,"typ":"passport"}"#,
            PassportError::CriticalHeader,
        ),
        (
            r#"{"alg":"ES256","b64":false,"crit":["b64"],"typ":"passport"}"#,
            PassportError::CriticalHeader,
        ),
    ] {
        assert_eq!(with_header(header), Err(error), "{header}");
    }
    let ppt_is_critical = r#"{"alg":"ES256","crit":["ppt"],"ppt":"foo","typ":"passport"}"#;
    let signed = with_header(ppt_is_critical).unwrap();
    assert_eq!(
        signed.claims().extension,
        Extension::Unsupported("foo".into())
    );
}

/// Digest 12 case 21: `alg` ES384, `typ` JWT and no `x5u` are faults that verification names; they are kept for it.
#[test]
fn digest12_case21_header_values_are_kept_as_received() {
    let signed = with_header(r#"{"alg":"ES384","typ":"JWT"}"#).unwrap();
    assert_eq!(signed.header().alg.as_ref(), "ES384");
    assert_eq!(signed.header().typ.as_ref(), "JWT");
    assert_eq!(signed.header().x5u, None);
    // A real ES384 signature has 96 bytes: then the algorithm is the fault, not the length.
    let header = r#"{"alg":"ES384","typ":"passport"}"#;
    let token = token(header, CLAIMS).replace(&encode(&[7; 64]), &encode(&[7; 96]));
    assert_eq!(
        SignedPassport::parse(&token),
        Err(PassportError::UnsupportedAlg("ES384".into()))
    );
}

/// T2
#[test]
fn digest12_t2_iat_is_an_integer() {
    let strict = |iat| with_iat(iat, IatForm::Integer);
    let lenient = |iat| with_iat(iat, IatForm::IntegerOrString);
    assert_eq!(strict("-1"), Ok(UnixTime::from_secs(-1)));
    assert_eq!(
        lenient("\"1443208345\""),
        Ok(UnixTime::from_secs(1_443_208_345))
    );
    for iat in [
        "1443208345.0",
        "1443208345.5",
        "1443208345e0",
        "-0",
        "9223372036854775808",
        "null",
        "[1]",
        "true",
    ] {
        assert_eq!(strict(iat), Err(PassportError::IatNotInteger), "{iat}");
        assert_eq!(lenient(iat), Err(PassportError::IatNotInteger), "{iat}");
    }
    for iat in [
        "\"\"",
        "\"-1\"",
        "\"+1\"",
        "\" 1\"",
        "\"1.0\"",
        "\"99999999999999999999\"",
    ] {
        assert_eq!(lenient(iat), Err(PassportError::IatNotInteger), "{iat}");
    }
    assert_eq!(strict("\"1443208345\""), Err(PassportError::IatNotInteger));
}

/// T3
#[test]
fn digest12_t3_orig_is_exactly_one_identity() {
    let shape = Some(PassportError::ClaimShape(Claim::Orig));
    assert_eq!(with_orig(r#"{"uri":"sip:alice@example.com"}"#), None);
    assert_eq!(with_orig("{}"), Some(PassportError::OrigNotOne));
    assert_eq!(
        with_orig(r#"{"tn":"12025550100","uri":"sip:alice@example.com"}"#),
        Some(PassportError::OrigNotOne)
    );
    assert_eq!(
        with_orig(r#"{"tn":"1","tn":"2"}"#),
        Some(PassportError::DuplicateMember(Part::Payload))
    );
    assert_eq!(
        with_orig(r#"{"email":"alice@example.com"}"#),
        Some(PassportError::IdentityType(Claim::Orig))
    );
    assert_eq!(with_orig(r#"{"tn":["12025550100"]}"#), shape);
    assert_eq!(with_orig(r#"{"tn":12025550100}"#), shape);
    assert_eq!(with_orig(r#""12025550100""#), shape);
}

/// T3
#[test]
fn digest12_t3_dest_is_arrays_of_identities() {
    let shape = Some(PassportError::ClaimShape(Claim::Dest));
    assert_eq!(
        with_dest(r#"{"uri":["sip:a@h"],"tn":["911","*67"]}"#),
        None,
        "order is a should"
    );
    assert_eq!(with_dest("{}"), Some(PassportError::DestEmpty));
    assert_eq!(with_dest(r#"{"tn":[]}"#), Some(PassportError::DestEmpty));
    assert_eq!(
        with_dest(r#"{"tn":["911"],"uri":[]}"#),
        Some(PassportError::DestEmpty)
    );
    assert_eq!(
        with_dest(r#"{"tn":"12025550101"}"#),
        Some(PassportError::DestNotArray)
    );
    assert_eq!(
        with_dest(r#"{"uri":"sip:a@h"}"#),
        Some(PassportError::DestNotArray)
    );
    assert_eq!(
        with_dest(r#"{"tn":["911"],"email":["a@h"]}"#),
        Some(PassportError::IdentityType(Claim::Dest))
    );
    assert_eq!(with_dest(r#"[{"tn":"911"}]"#), shape);
    assert_eq!(with_dest(r#"{"tn":[911]}"#), shape);
    let many = |count| {
        format!(
            r#"{{"tn":["1"],"uri":[{}]}}"#,
            vec!["\"sip:a@h\""; count].join(",")
        )
    };
    assert_eq!(with_dest(&many(MAX_DESTINATIONS - 1)), None);
    assert_eq!(
        with_dest(&many(MAX_DESTINATIONS)),
        Some(PassportError::DestTooMany)
    );
    assert_eq!(
        with_dest(&many(MAX_DESTINATIONS + 1)),
        Some(PassportError::DestTooMany)
    );
}

/// RFC 8225 §5.2.1.1, RFC 8224 §8.3: digits, `#`, `*`, and no visual separators.
#[test]
fn numbers_are_canonical_and_uris_are_uris() {
    for number in [
        "",
        "+12025550100",
        "1-202-555-0100",
        "1 202",
        "1234567890123456",
        "１２",
        "Bob",
        "1\\u0000",
    ] {
        assert_eq!(
            with_orig(&format!(r#"{{"tn":"{number}"}}"#)),
            Some(PassportError::TnNotCanonical(Claim::Orig)),
            "{number}"
        );
        assert_eq!(
            with_dest(&format!(r#"{{"tn":["911","{number}"]}}"#)),
            Some(PassportError::TnNotCanonical(Claim::Dest)),
            "{number}"
        );
    }
    for uri in [
        "",
        "alice",
        "sip:",
        ":a",
        "sip:a b",
        "sip:a\\r\\nb@h",
        "sip:<a>@h",
        "sip:\\u00e9@h",
    ] {
        assert_eq!(
            with_orig(&format!(r#"{{"uri":"{uri}"}}"#)),
            Some(PassportError::UriMalformed(Claim::Orig)),
            "{uri}"
        );
        assert_eq!(
            with_dest(&format!(r#"{{"uri":["{uri}"]}}"#)),
            Some(PassportError::UriMalformed(Claim::Dest)),
            "{uri}"
        );
    }
    let long = format!("sip:{}@example.com", "a".repeat(300));
    assert_eq!(
        with_orig(&format!(r#"{{"uri":"{long}"}}"#)),
        Some(PassportError::ClaimTooLarge(Claim::Orig))
    );
}

/// Where a claim ends for us and for nobody else, it is too large, and not wrong.
#[test]
fn claims_of_extensions_are_too_large_one_beyond_their_limit() {
    let with = |ppt: &str, member: &str| {
        let header = HEADER.replace("{", &format!(r#"{{"ppt":"{ppt}","#));
        let claims = CLAIMS.replace("{\"dest\"", &format!("{{{member},\"dest\""));
        SignedPassport::parse(&token(&header, &claims)).err()
    };
    let values = |count: usize| {
        let values = vec!["\"ets.0\""; count].join(",");
        with("rph", &format!(r#""rph":{{"auth":[{values}]}}"#))
    };
    assert_eq!(values(0), Some(PassportError::ClaimShape(Claim::Rph)));
    assert_eq!(values(MAX_RESOURCE_VALUES), None);
    let beyond = Some(PassportError::ClaimTooLarge(Claim::Rph));
    assert_eq!(values(MAX_RESOURCE_VALUES + 1), beyond);
    let index = |text: &str| with("div", &format!(r#""div":{{"hi":"{text}","tn":"911"}}"#));
    assert_eq!(index(&"1".repeat(MAX_HISTORY_INDEX)), None);
    let beyond = Some(PassportError::ClaimTooLarge(Claim::Div));
    assert_eq!(index(&"1".repeat(MAX_HISTORY_INDEX + 1)), beyond);
    assert_eq!(index("1."), Some(PassportError::ClaimShape(Claim::Div)));
}

/// T4: names are ASCII, values need not be.
#[test]
fn digest12_t4_claim_names_are_ascii() {
    let with =
        |member: &str| with_claims(&CLAIMS.replace("{\"dest\"", &format!("{{{member},\"dest\"")));
    assert_eq!(with("\"näm\":1"), Err(PassportError::ClaimNameNotAscii));
    assert_eq!(
        with("\"n\\u00e4m\":1"),
        Err(PassportError::ClaimNameNotAscii)
    );
    let signed = with("\"cna\":\"Zoë 😀\"").unwrap();
    assert!(signed.is_canonical());
    assert!(signed.payload().contains("Zoë 😀"));
}

/// T5: what is not written by RFC 8225 §9 means the same and is told apart.
#[test]
fn digest12_t5_serialization_is_noted_and_not_required() {
    let canonical = with_claims(CLAIMS).unwrap();
    for claims in [
        CLAIMS.replace(":", ": "),
        CLAIMS.replace("12025550100", "\\u00312025550100"),
        r#"{"orig":{"tn":"12025550100"},"iat":1443208345,"dest":{"tn":["12025550101"]}}"#
            .to_owned(),
        format!("\n{CLAIMS}\n"),
    ] {
        let signed = with_claims(&claims).unwrap();
        assert!(!signed.is_canonical(), "{claims}");
        assert_eq!(signed.claims(), canonical.claims());
        assert_eq!(signed.payload(), claims, "the bytes received are kept");
    }
    let header = r#"{"typ":"passport","alg":"ES256"}"#;
    assert!(
        !with_header(header).unwrap().is_canonical(),
        "the header counts, too"
    );
}

/// T6: the JSON serialization of JWS is no PASSporT.
#[test]
fn digest12_t6_only_the_compact_serialization_is_taken() {
    for token in [
        "",
        "e30.e30",
        "e30.e30.e30.e30",
        r#"{"payload":"e30","protected":"e30","signature":"e30"}"#,
    ] {
        assert_eq!(
            SignedPassport::parse(token),
            Err(PassportError::NotThreeParts),
            "{token}"
        );
    }
}

#[test]
fn parts_are_base64url_of_json() {
    let good = token(HEADER, CLAIMS);
    let parts: Vec<&str> = good.split('.').collect();
    let spoiled = |at: usize, part: &str| {
        let mut parts = parts.clone();
        parts[at] = part;
        SignedPassport::parse(&parts.join(".")).unwrap_err()
    };
    for (at, part) in [(0, Part::Header), (1, Part::Payload), (2, Part::Signature)] {
        for wrong in ["e30=", "e3 0", "e31", "e", "+/+/", "é"] {
            assert_eq!(spoiled(at, wrong), PassportError::Base64(part), "{wrong}");
        }
    }
    for (at, part) in [(0, Part::Header), (1, Part::Payload)] {
        let cause = |bytes: &[u8]| match spoiled(at, &encode(bytes)) {
            PassportError::Json(named, error) if named == part => error.cause,
            other => panic!("{other:?}"),
        };
        assert_eq!(cause(b""), JsonCause::End);
        assert_eq!(cause(b"{}x"), JsonCause::Trailing);
        assert_eq!(cause(b"\xff"), JsonCause::Utf8);
        assert_eq!(
            cause(b"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["),
            JsonCause::Depth
        );
        assert_eq!(
            spoiled(at, &encode(b"[]")),
            PassportError::NotAnObject(part)
        );
    }
    assert_eq!(spoiled(2, ""), PassportError::SignatureLength(0));
    assert_eq!(
        spoiled(2, &encode(&[0; 65])),
        PassportError::SignatureLength(65)
    );
}

/// Digest 12 case 24: a duplicate member name in the payload, at any depth.
#[test]
fn digest12_case24_duplicate_member_names_are_refused() {
    let duplicate = Err(PassportError::DuplicateMember(Part::Payload));
    assert_eq!(
        with_claims(&CLAIMS.replace("\"iat\"", "\"iat\":1,\"iat\"")),
        duplicate
    );
    assert_eq!(
        with_claims(&CLAIMS.replace("\"iat\"", "\"\\u006frig\":{},\"iat\"")),
        duplicate
    );
    assert_eq!(
        with_claims(&CLAIMS.replace("\"iat\"", "\"x\":[{\"y\":1,\"y\":1}],\"iat\"")),
        duplicate
    );
}

/// What is wrong with the claims comes before what is wrong with the signature: it is the plainer defect, and no key is needed
/// to see it.
#[test]
fn of_two_defects_the_first_by_the_order_of_reading_is_told() {
    let token = token(HEADER, "{}").replace(&encode(&[7; 64]), "e30");
    assert_eq!(
        SignedPassport::parse(&token),
        Err(PassportError::ClaimMissing(Claim::Dest))
    );
}

#[test]
fn identities_are_read_as_they_are_written() {
    let claims = CLAIMS.replace(ORIG, r#"{"uri":"sip:Alice@Example.com"}"#);
    let signed = with_claims(&claims).unwrap();
    assert_eq!(
        signed.claims().orig,
        Identity::Uri("sip:Alice@Example.com".into())
    );
}
