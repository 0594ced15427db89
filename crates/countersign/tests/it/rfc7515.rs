//! The examples of [RFC 7515](https://www.rfc-editor.org/rfc/rfc7515) that are for us: Appendix A.3 (ES256) and Appendix E
//! (`crit`).

use crate::vectors::jwk_key;
use countersign::jose::jws::{CompactJws, JwsFault, NotUnderstood, SignatureFault, check_crit};
use countersign::jose::{base64url, json};

const A3_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.\
    eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
    DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

fn a3_key() -> std::sync::Arc<dyn countersign::crypto::VerifyingKey> {
    jwk_key(
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    )
}

#[test]
fn appendix_a3_verifies() {
    let payload = CompactJws::split(A3_TOKEN)
        .unwrap()
        .verify(&*a3_key())
        .unwrap();
    assert_eq!(
        String::from_utf8(payload).unwrap(),
        "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
    );
}

/// The other three examples of Appendix A in compact form, by their headers: HS256, RS256, ES512.
#[test]
fn the_other_algorithms_of_appendix_a_are_refused() {
    for header in [
        r#"{"typ":"JWT","alg":"HS256"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":"ES512"}"#,
        r#"{"alg":"none"}"#,
        r#"{"alg":"es256"}"#,
        r#"{"alg":["ES256"]}"#,
        "{}",
    ] {
        assert_eq!(with_header(header), Err(JwsFault::Algorithm), "{header}");
    }
}

#[test]
fn appendix_e_is_refused() {
    let token = "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.";
    let jws = CompactJws::split(token).unwrap();
    assert_eq!(jws.verify(&*a3_key()), Err(JwsFault::Crit));
    assert_eq!(
        with_header(r#"{"alg":"ES256","crit":["exp"],"exp":1363284000}"#),
        Err(JwsFault::Crit)
    );
}

#[test]
fn crit_is_judged_by_its_whole_rule() {
    let check = |text: &str| {
        let value = json::parse(text.as_bytes()).unwrap();
        check_crit(value.as_object().unwrap(), &["ppt", "foo"])
    };
    for fine in [
        r#"{"alg":"ES256"}"#,
        r#"{"crit":["ppt"],"ppt":"x"}"#,
        r#"{"crit":["foo","ppt"],"foo":1,"ppt":"x"}"#,
    ] {
        assert_eq!(check(fine), Ok(()), "{fine}");
    }
    for wrong in [
        r#"{"crit":[]}"#,
        r#"{"crit":"ppt","ppt":"x"}"#,
        r#"{"crit":["ppt"]}"#,
        r#"{"crit":["ppt","ppt"],"ppt":"x"}"#,
        r#"{"crit":["ppt","b64"],"ppt":"x","b64":false}"#,
        r#"{"crit":[1],"1":1}"#,
        r#"{"crit":null}"#,
        r#"{"crit":["ppt","foo","bar"],"ppt":1,"foo":1,"bar":1}"#,
    ] {
        assert_eq!(check(wrong), Err(NotUnderstood), "{wrong}");
    }
}

#[test]
fn a_signature_has_64_bytes_and_one_spelling() {
    let (input, signature) = A3_TOKEN.rsplit_once('.').unwrap();
    let verify = |signature: &str| {
        let token = format!("{input}.{signature}");
        CompactJws::split(&token)
            .unwrap()
            .verify(&*a3_key())
            .map(|_| ())
    };
    assert_eq!(verify(signature), Ok(()));
    // 64 bytes leave four bits unused in the last character; Q has none of them set, R has one.
    let other_spelling = format!("{}R", signature.strip_suffix('Q').unwrap());
    let bad_base64 = Err(JwsFault::Signature(SignatureFault::Base64));
    assert_eq!(verify(&other_spelling), bad_base64);
    assert_eq!(verify(&format!("{signature}==")), bad_base64);
    assert_eq!(verify(&signature.replace('-', "+")), bad_base64);
    let length = |length| Err(JwsFault::Signature(SignatureFault::Length(length)));
    assert_eq!(verify(""), length(0));
    assert_eq!(verify(&base64url::encode(&[0; 63])), length(63));
    assert_eq!(verify(&base64url::encode(&[0; 65])), length(65));
    // The DER form that other libraries write.
    assert_eq!(verify(&base64url::encode(&[0x30; 70])), length(70));
    assert_eq!(
        verify(&base64url::encode(&[0; 64])),
        Err(JwsFault::BadSignature)
    );
}

#[test]
fn a_token_has_three_parts() {
    for token in ["", ".", "a.b", "a.b.c.d", "...."] {
        assert!(CompactJws::split(token).is_err(), "{token}");
    }
    let jws = CompactJws::split("a.b.c").unwrap();
    assert_eq!(
        (jws.header_part(), jws.payload_part(), jws.signing_input()),
        ("a", "b", "a.b")
    );
}

fn with_header(header: &str) -> Result<(), JwsFault> {
    let (_, rest) = A3_TOKEN.split_once('.').unwrap();
    let token = format!("{}.{rest}", base64url::encode(header.as_bytes()));
    CompactJws::split(&token)
        .unwrap()
        .verify(&*a3_key())
        .map(|_| ())
}
