//! External account binding: an account here is bound to one elsewhere ([RFC 8555 §7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)).

use super::desk::Desk;
use super::event::External;
use super::payload;
use super::practice::{BindingNeed, Practice};
use super::problem::{Kind, Problem};
use super::request::{Admitted, key_of};
use aws_lc_rs::hmac;
use countersign::jose::flattened::FlattenedJws;
use countersign::jose::json::{self, Object, Value};
use countersign::jose::{base64url, jws};

/// The MAC that bindings are made with: RFC 7518 §3.2.
const HS256: &str = "HS256";

/// The binding that comes with a new account, if one does and is good.
pub(super) fn judge(
    desk: &Desk,
    practice: &Practice,
    admitted: &Admitted<'_>,
    members: &Object<'_>,
) -> Result<Option<External>, Problem> {
    match (
        members.get("externalAccountBinding"),
        practice.external.need,
    ) {
        (None, BindingNeed::Offered) => Ok(None),
        // RFC 8555 §7.3.4: "If the CA receives a newAccount request without an "externalAccountBinding" field, then it SHOULD reply with an
        // error of type "externalAccountRequired"."
        (None, BindingNeed::Required) => Err(Problem::new(
            Kind::ExternalAccountRequired,
            "a new account needs an externalAccountBinding",
        )),
        (Some(binding), _) => {
            let external = verify(practice, admitted, binding)?;
            // A MAC key speaks for one account elsewhere, and that has one account here at a time.
            match desk.account_bound_to(&external.kid) {
                None => Ok(Some(external)),
                Some(_) => Err(Problem::unauthorized(
                    "the external account is bound to another account",
                )),
            }
        }
    }
}

/// The steps of RFC 8555 §7.3.4, in its order.
fn verify(
    practice: &Practice,
    admitted: &Admitted<'_>,
    binding: &Value<'_>,
) -> Result<External, Problem> {
    // "1. Verify that the value of the field is a well-formed JWS"
    let mut text = String::new();
    binding.write(&mut text);
    let inner = FlattenedJws::parse(text.as_bytes())
        .map_err(|fault| Problem::malformed(format!("the binding is no flattened JWS: {fault}")))?;
    // "2. Verify that the JWS protected field meets the above criteria"
    let kid = check_header(admitted, &inner)?;
    // "3. Retrieve the MAC key corresponding to the key identifier in the "kid" field"
    let unknown = || Problem::unauthorized("no external account has this kid and this MAC key");
    let key = practice.external.key(kid).ok_or_else(unknown)?;
    // "4. Verify that the MAC on the JWS verifies using that MAC key"
    let mac = mac_of(binding)?;
    hmac::verify(key, inner.signing_input().as_bytes(), &mac).map_err(|_| unknown())?;
    // "5. Verify that the payload of the JWS represents the same key as was used to verify the outer JWS"
    let jwk = json::parse(inner.payload())
        .map_err(|error| Problem::malformed(format!("the binding holds no key: {error}")))?;
    if key_of(&jwk, practice.authority.keys())? != *admitted.signer.key() {
        return Err(Problem::unauthorized("the binding is for another key"));
    }
    Ok(External {
        kid: kid.into(),
        binding: text.into(),
    })
}

/// "The "alg" field MUST indicate a MAC-based algorithm", "The "kid" field MUST contain the key identifier provided by the CA", "The
/// "nonce" field MUST NOT be present", "The "url" field MUST be set to the same value as the outer JWS".
fn check_header<'a>(admitted: &Admitted<'_>, inner: &'a FlattenedJws) -> Result<&'a str, Problem> {
    let header = inner.header();
    if payload::needed(header, "alg")? != HS256 {
        let detail = format!("a binding is made with {HS256}, not with {}", jws::ES256);
        return Err(Problem::malformed(detail));
    }
    if header.get("nonce").is_some() {
        return Err(Problem::malformed("a binding has no nonce"));
    }
    if payload::needed(header, "url")? != admitted.url {
        return Err(Problem::malformed("the binding is for another url"));
    }
    payload::needed(header, "kid")
}

fn mac_of(binding: &Value<'_>) -> Result<Vec<u8>, Problem> {
    let members = binding.as_object();
    let mac = members.and_then(|members| members.get("signature")?.as_str());
    base64url::decode(mac.unwrap_or_default())
        .map_err(|_| Problem::malformed("the signature of the binding is not base64url"))
}
