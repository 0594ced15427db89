//! Identity header values for the call that SIPp places (12025550100 to 12025550101), made by the library alone.

use countersign::crypto::SigningKey;
use countersign::identity::{Dest, Identity};
use countersign::jose::base64url;
use countersign::number::TelephoneNumber;
use countersign::passport::{
    Attestation, Claims, Extension, HeaderCache, OrigId, Passport, Shaken,
};
use countersign::time::UnixTime;

pub(crate) fn number(digits: &str) -> Identity {
    Identity::Number(TelephoneNumber::from_canonical(digits.as_bytes()).unwrap())
}

/// Signed at `iat`.
pub(crate) fn identity(key: &dyn SigningKey, x5u: &str, iat: UnixTime) -> String {
    identity_of("12025550100", key, x5u, iat)
}

/// The same from another caller.
pub(crate) fn identity_of(orig: &str, key: &dyn SigningKey, x5u: &str, iat: UnixTime) -> String {
    identity_between((orig, "12025550101"), key, x5u, iat)
}

/// The same between these two.
pub(crate) fn identity_between(
    (orig, dest): (&str, &str),
    key: &dyn SigningKey,
    x5u: &str,
    iat: UnixTime,
) -> String {
    let claims = Claims {
        orig: number(orig),
        dest: Dest::one(number(dest)),
        iat,
        extension: Extension::Shaken(Shaken {
            attest: Attestation::A,
            origid: OrigId::from_random([7; 16]),
        }),
        rich: None,
        media_keys: None,
        staple: None,
    };
    let headers = HeaderCache::new(x5u).unwrap();
    let signed = Passport::new(claims).unwrap().sign(&headers, key).unwrap();
    format!("{};info=<{x5u}>;alg=ES256;ppt=shaken", signed.token())
}

/// The same with one bit of the signature flipped.
pub(crate) fn flipped(identity: &str) -> String {
    let (token, parameters) = identity.split_once(';').unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut signature = base64url::decode(signature).unwrap();
    signature[5] ^= 1;
    format!("{signed}.{};{parameters}", base64url::encode(&signature))
}
