//! Media keys: what stands in SDP, what is signed, what is read, and whose they are.
//!
//! ```text
//!    a=fingerprint:sha-256 4A:AD:…  ──► Fingerprint ─┐
//!    a=fingerprint:sha-384 02:1A:…  ──► Fingerprint ─┴─► MediaKeys ──► "mky":[{"alg":…,"dig":…},…] ──► MediaKeys, the same
//! ```

use countersign::crypto::{sha256, sha384, sha512};
use countersign::identity::{Dest, Identity};
use countersign::jose::base64url::encode;
use countersign::media_keys::{
    BadFingerprint, BadMediaKeys, Fingerprint, MAX_ALGORITHM, MAX_DIGEST, MAX_FINGERPRINTS,
    MediaKeys,
};
use countersign::passport::{Claim, Claims, Extension, Passport, PassportError, SignedPassport};
use countersign::time::UnixTime;
use proptest::prelude::*;

const SHA_256: &str = "sha-256 4A:AD:B9:B1:3F:82";
const SHA_384: &str = "sha-384 02:1A:CC:54:27:AB";

fn keys(lines: &[&str]) -> MediaKeys {
    MediaKeys::new(
        lines
            .iter()
            .map(|line| Fingerprint::from_sdp(line).unwrap()),
    )
    .unwrap()
}

fn payload(keys: &MediaKeys) -> String {
    let claims = Claims {
        orig: Identity::Number("12025550100".parse().unwrap()),
        dest: Dest::one(Identity::Number("12025550101".parse().unwrap())),
        iat: UnixTime::from_secs(1_443_208_345),
        extension: Extension::Base,
        rich: None,
        media_keys: Some(Box::new(keys.clone())),
        staple: None,
    };
    Passport::new(claims).unwrap().payload().to_owned()
}

/// Reads a claim `mky` in a token that is otherwise as it should be.
fn read(mky: &str) -> Result<MediaKeys, PassportError> {
    let header = r#"{"alg":"ES256","typ":"passport","x5u":"https://cert.example.org/a.pem"}"#;
    let payload = format!(
        r#"{{"dest":{{"tn":["12025550101"]}},"iat":1443208345,"mky":{mky},"orig":{{"tn":"12025550100"}}}}"#
    );
    let parts = [header.as_bytes(), payload.as_bytes(), &[0; 64]].map(encode);
    let signed = SignedPassport::parse(&parts.join("."))?;
    Ok(MediaKeys::clone(
        signed.claims().media_keys.as_deref().unwrap(),
    ))
}

/// This test verifies that the order of the lines, and whether one stands at the session and again at a medium, makes no difference.
#[test]
fn digest11_case01_order_and_repetition_make_no_difference() {
    let written = payload(&keys(&[SHA_256, SHA_384]));
    let expected = r#""iat":1443208345,"mky":[{"alg":"sha-256","dig":"4AADB9B13F82"},{"alg":"sha-384","dig":"021ACC5427AB"}],"orig""#;
    assert!(written.contains(expected), "{written}");
    for lines in [
        &[SHA_384, SHA_256][..],
        &[SHA_256, SHA_384, SHA_256],
        &["SHA-384 02:1a:cc:54:27:ab", SHA_384, SHA_256],
    ] {
        assert_eq!(payload(&keys(lines)), written, "{lines:?}");
    }
}

/// This test verifies that the order is that of both strings together, not of one after the other.
#[test]
fn the_order_is_that_of_algorithm_and_digest_in_one() {
    let keys = keys(&["sha 30:FF", "sha-1 AB", "sha3 00", "sha 2D:32"]);
    let order: Vec<_> = keys.iter().map(|one| format!("{one}")).collect();
    assert_eq!(order, ["sha-1:AB", "sha:2D32", "sha3:00", "sha:30FF"]);
}

/// This test verifies that what we write has upper case and no colons whatever came in, that lower case is read, and that colons are not.
#[test]
fn digest11_case18_colons_and_lower_case() {
    let lower = Fingerprint::from_sdp("Sha-256 4a:ad:b9:b1:3f:82").unwrap();
    let written = payload(&MediaKeys::new([lower]).unwrap());
    assert!(written.contains(r#"{"alg":"sha-256","dig":"4AADB9B13F82"}"#));
    let expected = keys(&[SHA_256]);
    for mky in [
        r#"[{"alg":"sha-256","dig":"4AADB9B13F82"}]"#,
        r#"[{"alg":"SHA-256","dig":"4aadb9b13f82"}]"#,
        r#"[{"dig":"4aADb9b13f82","alg":"sha-256"},{"alg":"sha-256","dig":"4AADB9B13F82"}]"#,
    ] {
        assert_eq!(read(mky).as_ref(), Ok(&expected), "{mky}");
    }
    let with_colons = r#"[{"alg":"sha-256","dig":"4A:AD:B9:B1:3F:82"}]"#;
    assert_eq!(
        read(with_colons),
        Err(PassportError::ClaimShape(Claim::Mky))
    );
}

#[test]
fn what_is_no_array_of_fingerprints_is_refused() {
    for mky in [
        "[]",
        "{}",
        "null",
        "\"\"",
        r#"{"alg":"sha-256","dig":"4AADB9"}"#,
        r#"["sha-256 4A:AD"]"#,
        r#"[{"alg":"sha-256"}]"#,
        r#"[{"dig":"4AADB9"}]"#,
        r#"[{"alg":"sha-256","dig":""}]"#,
        r#"[{"alg":"","dig":"4AADB9"}]"#,
        r#"[{"alg":"sha 256","dig":"4AADB9"}]"#,
        r#"[{"alg":"sha-256","dig":"4AADB"}]"#,
        r#"[{"alg":"sha-256","dig":"4AADBG"}]"#,
        r#"[{"alg":"sha-256","dig":4}]"#,
        r#"[{"alg":"sha-256","dig":"4AADB9"},null]"#,
    ] {
        let refused = Err(PassportError::ClaimShape(Claim::Mky));
        assert_eq!(read(mky), refused, "{mky}");
    }
}

#[test]
fn limits_hold_at_their_edge() {
    let too_large = Err(PassportError::ClaimTooLarge(Claim::Mky));
    let many = |count: usize| {
        let one = |n| format!(r#"{{"alg":"sha-256","dig":"{n:04X}"}}"#);
        let all: Vec<_> = (0..count).map(one).collect();
        read(&format!("[{}]", all.join(",")))
    };
    assert_eq!(
        many(MAX_FINGERPRINTS).unwrap().iter().len(),
        MAX_FINGERPRINTS
    );
    assert_eq!(many(MAX_FINGERPRINTS + 1), too_large);
    let long = |algorithm: usize, digest: usize| {
        let (algorithm, digest) = ("a".repeat(algorithm), "AB".repeat(digest));
        read(&format!(r#"[{{"alg":"{algorithm}","dig":"{digest}"}}]"#))
    };
    assert!(long(MAX_ALGORITHM, MAX_DIGEST).is_ok());
    assert_eq!(long(MAX_ALGORITHM + 1, MAX_DIGEST), too_large);
    assert_eq!(long(MAX_ALGORITHM, MAX_DIGEST + 1), too_large);

    let lines = |range: std::ops::Range<usize>| {
        MediaKeys::new(range.map(|n| format!("sha-256:{n:02X}").parse().unwrap()))
    };
    assert!(lines(0..MAX_FINGERPRINTS).is_ok());
    assert_eq!(lines(0..MAX_FINGERPRINTS + 1), Err(BadMediaKeys::TooMany));
    assert_eq!(lines(0..0), Err(BadMediaKeys::None));
    let the_same = std::iter::repeat_n(Fingerprint::from_sdp(SHA_256).unwrap(), 1000);
    assert!(MediaKeys::new(the_same).is_ok());
}

#[test]
fn lines_of_sdp_that_are_no_fingerprint_are_refused() {
    for (line, why) in [
        ("", BadFingerprint::Parts),
        ("sha-256", BadFingerprint::Parts),
        ("sha-256 ", BadFingerprint::Parts),
        ("sha-256 4AAD", BadFingerprint::Digest),
        ("sha-256 4A:A:DB", BadFingerprint::Digest),
        ("sha-256 4A::AD", BadFingerprint::Digest),
        ("sha-256 4A:AD:", BadFingerprint::Digest),
        ("sha-256 4A:AG", BadFingerprint::Digest),
        ("sha-256 4A:AD B9", BadFingerprint::Digest),
        ("sha:256 4A:AD", BadFingerprint::Algorithm),
        ("sha\u{e9} 4A", BadFingerprint::Algorithm),
    ] {
        assert_eq!(Fingerprint::from_sdp(line), Err(why), "{line:?}");
    }
    let blanks = Fingerprint::from_sdp(" sha-256  4A:AD:B9:B1:3F:82 \r");
    assert_eq!(blanks, Fingerprint::from_sdp(SHA_256));
}

/// This test verifies that a certificate is recognised by the strongest algorithm that is offered, and by no weak one.
#[test]
fn digest11_case08_a_certificate_is_recognised_by_its_strongest_fingerprint() {
    let (ours, other) = (b"certificate".as_slice(), b"another".as_slice());
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let of_256 = |der| format!("sha-256:{}", hex(&sha256(der)));
    let of_384 = |der| format!("sha-384:{}", hex(&sha384(der)));
    let of_512 = |der| format!("sha-512:{}", hex(&sha512(der)));
    let keys = |fingerprints: &[String]| {
        MediaKeys::new(fingerprints.iter().map(|one| one.parse().unwrap())).unwrap()
    };
    for fingerprints in [
        &[of_256(ours)][..],
        &[of_384(ours)],
        &[of_512(ours)],
        &[of_256(other), of_256(ours)],
        &[of_256(other), of_512(ours)],
        &[of_256(other), of_384(ours)],
    ] {
        assert!(keys(fingerprints).is_of(ours), "{fingerprints:?}");
    }
    for fingerprints in [
        &[of_256(other)][..],
        &[of_256(ours), of_512(other)],
        &[of_256(ours), of_384(other)],
        &[of_384(ours), of_512(other)],
        &[of_256(ours).replace("sha-256", "md5")],
        &[of_256(ours)[..of_256(ours).len() - 2].to_owned()],
    ] {
        assert!(!keys(fingerprints).is_of(ours), "{fingerprints:?}");
    }
}

fn fingerprint() -> impl Strategy<Value = Fingerprint> {
    let parts = ("[!-9A-Za-z]{1,8}", "([0-9a-fA-F]{2}){1,64}");
    parts.prop_filter_map("no token", |(algorithm, digest)| {
        Fingerprint::new(&algorithm, &digest).ok()
    })
}

proptest! {
    #[test]
    fn a_fingerprint_survives_both_of_its_texts(fingerprint in fingerprint()) {
        // What is shown has the algorithm in front of the first colon; a token of SDP has none.
        prop_assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint.clone()));
        let digits = fingerprint.digest().as_bytes().chunks(2);
        let bytes: Vec<_> = digits.map(|byte| std::str::from_utf8(byte).unwrap()).collect();
        let line = format!("{} {}", fingerprint.algorithm(), bytes.join(":"));
        prop_assert_eq!(Fingerprint::from_sdp(&line), Ok(fingerprint));
    }

    #[test]
    fn any_order_is_the_same_claim(mut fingerprints in prop::collection::vec(fingerprint(), 1..12), seed: prop::sample::Index) {
        let keys = MediaKeys::new(fingerprints.clone()).unwrap();
        let at = seed.index(fingerprints.len());
        fingerprints.rotate_left(at);
        fingerprints.push(fingerprints[at].clone());
        let again = MediaKeys::new(fingerprints.clone()).unwrap();
        prop_assert_eq!(&again, &keys);
        prop_assert_eq!(payload(&again), payload(&keys));
        // Beside a model that follows the sentence of RFC 8225 §5.2.2 word for word.
        let concatenated = |one: &Fingerprint| [one.algorithm(), one.digest()].concat();
        fingerprints.sort_by_key(|one| (concatenated(one), one.algorithm().to_owned()));
        fingerprints.dedup();
        prop_assert!(keys.iter().eq(&fingerprints));
    }

    #[test]
    fn any_text_is_a_fingerprint_or_refused(text in "\\PC*|[a-z0-9-]{0,8}[ :][0-9A-Fa-f:]{0,40}") {
        let _ = (Fingerprint::from_sdp(&text), text.parse::<Fingerprint>());
    }
}
