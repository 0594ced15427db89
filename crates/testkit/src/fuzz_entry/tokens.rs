//! What a token is made of: base64url, strict JSON, JWS, PASSporT, media keys.

use countersign::jose::base64url;
use countersign::jose::json;
use countersign::jose::jws::CompactJws;
use countersign::media_keys::{Fingerprint, MAX_FINGERPRINTS, MediaKeys};
use countersign::passport::{
    CompactPassport, Envelope, IatForm, MAX_X5C, Passport, SignedPassport, X5c,
};

/// What decodes is the one encoding of what it decodes to.
pub(super) fn base64url(bytes: &[u8]) {
    assert_eq!(
        base64url::decode(&base64url::encode(bytes)).as_deref(),
        Ok(bytes)
    );
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(decoded) = base64url::decode(text)
    {
        assert_eq!(
            base64url::encode(&decoded),
            text,
            "a second encoding was accepted"
        );
    }
}

/// What is written can be read, and is written the same again; a text in the deterministic form is written as it came.
pub(super) fn json(bytes: &[u8]) {
    let Ok(value) = json::parse(bytes) else {
        return;
    };
    let written = write(&value);
    let again = json::parse(written.as_bytes()).map(|again| write(&again));
    assert_eq!(again.as_ref(), Ok(&written));
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let parsed = json::parse_str(text);
    if parsed.is_ok_and(|parsed| parsed.form == json::Form::Deterministic) {
        assert_eq!(
            written, text,
            "called deterministic, but written differently"
        );
    }
}

fn write(value: &json::Value<'_>) -> String {
    let mut text = String::new();
    value.write(&mut text);
    text
}

/// The three parts are the token.
pub(super) fn jws(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(jws) = CompactJws::split(text) else {
        return;
    };
    assert_eq!(jws.token(), text);
    assert_eq!(
        jws.signing_input(),
        format!("{}.{}", jws.header_part(), jws.payload_part())
    );
    let _ = (jws.header_bytes(), jws.payload_bytes(), jws.signature());
}

/// A token is kept as received; the lenient reading accepts whatever the strict one does, and reads the same. What a token brings
/// along of certificates is no longer than itself.
pub(super) fn passport(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = CompactPassport::parse(text);
    let _ = Envelope::parse(text);
    let lenient = SignedPassport::parse_with(text, IatForm::IntegerOrString);
    let Ok(strict) = SignedPassport::parse(text) else {
        return;
    };
    assert_eq!(strict.token(), text);
    assert!(text.starts_with(strict.signing_input()));
    assert_eq!(lenient.as_ref(), Ok(&strict));
    if let Some(X5c::Certificates(ders)) = strict.header().x5c.as_deref() {
        assert!((1..=MAX_X5C).contains(&ders.len()));
        assert!(ders.iter().map(|der| der.len()).sum::<usize>() < text.len());
    }
}

/// Each line is a fingerprint as SDP or the command line has it; together they are one set in any order, which a token carries and brings
/// back. All of it is a claim `mky`, too: what is read of that is written so that it is read the same.
pub(super) fn media_keys(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let fingerprints: Vec<Fingerprint> = text
        .lines()
        .filter_map(|line| line.parse().ok())
        .inspect(|one: &Fingerprint| assert_eq!(one.to_string().parse().as_ref(), Ok(one)))
        .collect();
    let keys = MediaKeys::new(fingerprints.iter().cloned());
    assert_eq!(MediaKeys::new(fingerprints.into_iter().rev()), keys);
    if let Ok(keys) = &keys {
        assert!((1..=MAX_FINGERPRINTS).contains(&keys.iter().len()));
        assert!(keys.iter().is_sorted());
        assert_eq!(again(keys).as_ref(), Some(keys));
    }
    if let Some(keys) = claimed(text) {
        assert_eq!(again(&keys), Some(keys));
    }
}

/// The media keys of a token with this claim `mky`, if it is one.
fn claimed(mky: &str) -> Option<MediaKeys> {
    let token = token(&format!(
        r#"{{"dest":{{"tn":["12025550101"]}},"iat":0,"mky":{mky},"orig":{{"tn":"12025550100"}}}}"#
    ));
    let signed = SignedPassport::parse(&token).ok()?;
    signed.claims().media_keys.as_deref().cloned()
}

/// The same keys after they were written and read.
fn again(keys: &MediaKeys) -> Option<MediaKeys> {
    let call = r#"{"dest":{"tn":["12025550101"]},"iat":0,"orig":{"tn":"12025550100"}}"#;
    let mut claims = SignedPassport::parse(&token(call)).ok()?.claims().clone();
    claims.media_keys = Some(Box::new(keys.clone()));
    let written = Passport::new(claims).ok()?;
    let read = SignedPassport::parse(&token(written.payload())).ok()?;
    assert!(
        read.is_canonical(),
        "we wrote what we would not have written"
    );
    read.claims().media_keys.as_deref().cloned()
}

/// A token with this payload and a signature that is none.
fn token(payload: &str) -> String {
    let header = r#"{"alg":"ES256","typ":"passport","x5u":"https://cert.example.org/a.pem"}"#;
    let parts = [header.as_bytes(), payload.as_bytes(), &[0; 64]];
    parts.map(base64url::encode).join(".")
}
