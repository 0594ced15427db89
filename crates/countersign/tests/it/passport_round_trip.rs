//! What is signed is what is read, and nothing else is.
//!
//! ```text
//!   random claims ──► Passport::sign ──► token ──► SignedPassport::parse ──► the same claims, canonical
//!                                          │
//!                        one byte changed ─┘──► refused, or read and not verified
//! ```

use countersign::crypto::{AwsLc, EcdsaP256Key, SigningKey, VerifyingKeys};
use countersign::identity::{Dest, Identity};
use countersign::jose::json;
use countersign::media_keys::{Fingerprint, MediaKeys};
use countersign::passport::{
    Attestation, Claims, CompactPassport, Envelope, Extension, HeaderCache, IatForm,
    MAX_DESTINATIONS, MAX_TOKEN, OrigId, Passport, PassportError, Shaken, SignedPassport,
    Unsignable,
};
use countersign::time::UnixTime;
use proptest::prelude::*;
use std::sync::LazyLock;

const X5U: &str = "https://certificates.example.com/4711.pem";

static KEY: LazyLock<EcdsaP256Key> = LazyLock::new(|| EcdsaP256Key::generate().unwrap());
static HEADERS: LazyLock<HeaderCache> = LazyLock::new(|| HeaderCache::new(X5U).unwrap());

fn identity() -> impl Strategy<Value = Identity> {
    prop_oneof![
        "[0-9#*]{1,15}".prop_map(|number| Identity::Number(number.parse().unwrap())),
        "sips?:[a-z0-9.%;,&=+$!~'()*_-]{1,20}@[a-z0-9.-]{1,20}"
            .prop_map(|uri| Identity::Uri(uri.into())),
    ]
}

fn claims() -> impl Strategy<Value = Claims> {
    let attest = prop::sample::select(vec![Attestation::A, Attestation::B, Attestation::C]);
    let extension = prop_oneof![
        Just(Extension::Base),
        Just(Extension::Msec),
        Just(Extension::Rsp),
        (attest, any::<[u8; 16]>()).prop_map(|(attest, bytes)| {
            let origid = OrigId::from_bytes(bytes);
            Extension::Shaken(Shaken { attest, origid })
        }),
    ];
    let dest = prop::collection::vec(identity(), 1..6);
    let claims = (identity(), dest, any::<i64>(), extension, media_keys());
    claims.prop_map(|(orig, dest, iat, extension, media_keys)| {
        let mut all = Dest::default();
        dest.into_iter().for_each(|one| all.push(one));
        Claims {
            orig,
            dest: all,
            iat: UnixTime::from_secs(iat),
            extension,
            rich: None,
            media_keys,
            staple: None,
        }
    })
}

/// Mostly none; else some, in any order.
fn media_keys() -> impl Strategy<Value = Option<Box<MediaKeys>>> {
    let fingerprint = ("[a-z][a-z0-9-]{0,8}", "([0-9a-fA-F]{2}){1,64}");
    let fingerprints = prop::collection::vec(fingerprint, 0..6);
    fingerprints.prop_map(|parts| {
        let new = |(algorithm, digest): &(String, String)| Fingerprint::new(algorithm, digest);
        let fingerprints = parts.iter().map(|one| new(one).unwrap());
        MediaKeys::new(fingerprints).ok().map(Box::new)
    })
}

fn sign(claims: Claims) -> SignedPassport {
    Passport::new(claims)
        .unwrap()
        .sign(&HEADERS, &*KEY)
        .unwrap()
}

proptest! {
    #[test]
    fn claims_survive_the_wire(claims in claims()) {
        let signed = sign(claims.clone());
        let read = SignedPassport::parse(signed.token()).unwrap();
        prop_assert_eq!(read.claims(), &claims);
        prop_assert!(read.is_canonical());
        prop_assert_eq!(&read, &signed);
        // The hand-written serialization is the one of the general writer.
        let mut written = String::new();
        json::parse(read.payload().as_bytes()).unwrap().write(&mut written);
        prop_assert_eq!(written, read.payload());
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*|[A-Za-z0-9_.-]{0,80}") {
        let _ = SignedPassport::parse(&text);
        let _ = CompactPassport::parse(&text);
    }

    #[test]
    fn any_header_and_payload_are_read_or_refused(header in nearly_a_part(), payload in nearly_a_part(), signature: Vec<u8>) {
        let parts = [header.as_bytes(), payload.as_bytes(), &signature].map(countersign::jose::base64url::encode);
        let _ = SignedPassport::parse_with(&parts.join("."), IatForm::IntegerOrString);
    }

    #[test]
    fn another_byte_in_the_token_is_another_token(claims in claims(), at: prop::sample::Index, byte in 0_u8..128) {
        let signed = sign(claims);
        let mut changed = signed.token().as_bytes().to_vec();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        prop_assert!(!verifies(std::str::from_utf8(&changed).unwrap()));
    }
}

/// Texts that are nearly a header or nearly claims.
fn nearly_a_part() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"alg\":",
        "\"ES256\"",
        "\"typ\":",
        "\"passport\"",
        "\"ppt\":",
        "\"shaken\"",
        "\"x5u\":",
        "\"https://a\"",
        "\"orig\":",
        "\"dest\":",
        "\"tn\":",
        "\"uri\":",
        "\"1\"",
        "\"iat\":",
        "1",
        "\"attest\":",
        "\"A\"",
        "\"origid\":",
        "\"crit\":",
        "\"\"",
        "null",
    ]);
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

fn verifies(token: &str) -> bool {
    let key = AwsLc.p256(&KEY.public_key()).unwrap();
    SignedPassport::parse(token).is_ok_and(|read| {
        key.verify(read.signing_input().as_bytes(), read.signature())
            .is_ok()
    })
}

/// Every bit of every byte of one token, not only random ones.
#[test]
fn no_flipped_bit_goes_unnoticed() {
    let token = sign(one_call()).token().to_owned();
    assert!(verifies(&token));
    for at in 0..token.len() {
        for bit in 0..7 {
            let mut changed = token.as_bytes().to_vec();
            changed[at] ^= 1 << bit;
            let changed = String::from_utf8(changed).unwrap();
            assert!(!verifies(&changed), "byte {at} bit {bit}: {changed}");
        }
    }
}

#[test]
fn limits_hold_at_their_edge() {
    let with_dest = |count: usize| {
        let mut claims = one_call();
        claims.dest = Dest::default();
        (0..count).for_each(|n| {
            claims
                .dest
                .push(Identity::Number(format!("{n}").parse().unwrap()))
        });
        Passport::new(claims)
    };
    assert!(with_dest(MAX_DESTINATIONS).is_ok());
    assert_eq!(with_dest(0), Err(Unsignable::NoDestination));
    assert_eq!(
        with_dest(MAX_DESTINATIONS + 1),
        Err(Unsignable::TooManyDestinations)
    );

    let mut long = one_call();
    (0..40).for_each(|n| {
        long.dest
            .push(Identity::Uri(format!("sip:{n:0>200}@example.com").into()))
    });
    assert_eq!(Passport::new(long), Err(Unsignable::TooLong));

    let dots = format!("{}.", ".".repeat(MAX_TOKEN));
    assert_eq!(SignedPassport::parse(&dots), Err(PassportError::TooLong));
    assert_eq!(
        SignedPassport::parse(&dots[1..]),
        Err(PassportError::NotThreeParts)
    );
}

#[test]
fn what_we_may_sign_can_always_be_read() {
    let longest = format!("https://{}", "a".repeat(1024 - 8));
    let headers = HeaderCache::new(&longest).unwrap();
    let mut claims = one_call();
    let signable = loop {
        claims.dest.push(Identity::Uri(
            format!("sip:{:0>200}@example.com", claims.dest.uris.len()).into(),
        ));
        match Passport::new(claims.clone()) {
            Ok(passport) => drop(passport),
            Err(_) => {
                claims.dest.uris.pop();
                break Passport::new(claims).unwrap();
            }
        }
    };
    let signed = signable.sign(&headers, &*KEY).unwrap();
    assert!(
        signed.token().len() > MAX_TOKEN - 400,
        "{}",
        signed.token().len()
    );
    assert_eq!(SignedPassport::parse(signed.token()).as_ref(), Ok(&signed));
}

#[test]
fn claims_that_make_no_passport_are_not_signed() {
    let unsupported = Claims {
        extension: Extension::Unsupported("div".into()),
        ..one_call()
    };
    assert_eq!(Passport::new(unsupported), Err(Unsignable::Extension));
    for uri in [
        "",
        "alice",
        "sip:",
        "sip:a b@h",
        "sip:é@h",
        "sip:a\r\nb@h",
        "sip:\"a\"@h",
        "1sip:a@h",
    ] {
        let claims = Claims {
            orig: Identity::Uri(uri.into()),
            ..one_call()
        };
        assert_eq!(Passport::new(claims), Err(Unsignable::Uri), "{uri:?}");
    }
    for x5u in [
        "",
        "certificates.example.com",
        "https://a>b",
        "https://a b",
        "https://\u{e9}",
    ] {
        assert!(HeaderCache::new(x5u).is_err(), "{x5u:?}");
    }
}

/// A header is read before the claims, and what it says survives a defect in them.
#[test]
fn the_header_is_known_even_if_the_claims_are_broken() {
    let token = sign(one_call()).token().to_owned();
    let (header, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let envelope = Envelope::parse(&format!("{header}.e30.{signature}")).unwrap();
    assert_eq!(envelope.header().x5u.as_deref(), Some(X5U));
    assert!(envelope.signature().is_ok());
    let unopened = envelope.open(IatForm::Integer).unwrap_err();
    assert!(matches!(unopened.error, PassportError::ClaimMissing(_)));
    assert_eq!(unopened.envelope.header().typ.as_ref(), "passport");
}

fn one_call() -> Claims {
    Claims {
        orig: Identity::Number("12025550100".parse().unwrap()),
        dest: Dest::one(Identity::Number("12025550101".parse().unwrap())),
        iat: UnixTime::from_secs(1_443_208_345),
        extension: Extension::Shaken(Shaken {
            attest: Attestation::B,
            origid: OrigId::from_random([9; 16]),
        }),
        rich: None,
        media_keys: None,
        staple: None,
    }
}
