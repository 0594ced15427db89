//! Another key for an account: [RFC 8555 §7.3.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.5).

use super::account;
use super::event::Event;
use super::handled::Handled;
use super::payload;
use super::practice::Practice;
use super::problem::{Kind, Problem, Refusal};
use super::request::{Admitted, Signer, check_signature, key_of};
use super::resource::Resource;
use super::states::Books;
use crate::notation::Octets;
use countersign::crypto::{Point, VerifyingKeys};
use countersign::jose::flattened::FlattenedJws;
use countersign::jose::json::Object;
use countersign::jose::jws::ES256;

/// Gives the account that has signed the key that has signed inside.
///
/// The steps are those of RFC 8555 §7.3.5, in its order; the first, "Validate the POST request belongs to a currently active account",
/// has been made.
pub(super) fn change(
    books: Books<'_>,
    practice: &Practice,
    admitted: &Admitted<'_>,
) -> Result<Handled, Refusal> {
    let Signer::Account(name, account) = admitted.signer else {
        return Err(Problem::malformed("the header has no kid").into());
    };
    // "2. Check that the payload of the JWS is a well-formed JWS object (the "inner JWS")."
    let inner = FlattenedJws::parse(admitted.jws.payload())
        .map_err(|fault| Problem::malformed(format!("the payload is no flattened JWS: {fault}")))?;
    // "3. Check that the JWS protected header of the inner JWS has a "jwk" field."
    let keys = practice.authority.keys();
    let key = inner_key(&inner, keys)?;
    // "4. Check that the inner JWS verifies using the key in its "jwk" field."
    check_signature(&inner, &key, keys)?;
    // "5. Check that the payload of the inner JWS is a well-formed keyChange object (as described above)."
    let members = payload::object(inner.payload())?;
    let (named, old) = key_change(&members, keys)?;
    check_inner_header(&inner, admitted)?;
    // "7. Check that the "account" field of the keyChange object contains the URL for the account matching the old key (i.e., the
    // "kid" field in the outer JWS)."
    if named != practice.url(Resource::Account(name)) {
        return Err(Problem::unauthorized("account is not the one that has signed").into());
    }
    // "8. Check that the "oldKey" field of the keyChange object is the same as the account key for the account in question."
    if old != account.key {
        return Err(Problem::unauthorized("oldKey is not the key of the account").into());
    }
    account::check_key(books, &key)?;
    // "9. Check that no account exists whose account key is the same as the key in the "jwk" header parameter of the inner JWS."
    if let Some((other, _)) = books.desk.account_with_key(&key) {
        // RFC 8555 §7.3.5: "If there is an existing account with the new key provided, then the server SHOULD use status code 409
        // (Conflict) and provide the URL of that account in the Location header field."
        let problem = Problem::malformed("an account has this key");
        return Err(Refusal::from(problem)
            .with_status(409)
            .with_header("Location", practice.url(Resource::Account(*other))));
    }
    let event = Event::KeyChanged {
        account: name,
        key: Octets::from(key.to_vec()),
    };
    Ok(Handled::new(
        [event],
        account::reply(200, practice, &name, account),
    ))
}

// RFC 8555 §7.3.5: "The inner JWS MUST have a "jwk" header parameter, containing the public key of the new key pair."
fn inner_key(inner: &FlattenedJws, keys: &dyn VerifyingKeys) -> Result<Point, Problem> {
    if payload::needed(inner.header(), "alg")? != ES256 {
        let detail = "the inner JWS is signed with ES256";
        return Err(Problem::new(Kind::BadSignatureAlgorithm, detail));
    }
    match (inner.header().get("jwk"), inner.header().get("kid")) {
        (Some(jwk), None) => key_of(jwk, keys),
        (Some(_), Some(_)) => Err(Problem::malformed("the inner header has both jwk and kid")),
        (None, _) => Err(Problem::malformed("the inner header has no jwk")),
    }
}

fn check_inner_header(inner: &FlattenedJws, admitted: &Admitted<'_>) -> Result<(), Problem> {
    // "6. Check that the "url" parameters of the inner and outer JWSs are the same."
    if payload::needed(inner.header(), "url")? != admitted.url {
        return Err(Problem::malformed("the inner JWS is for another url"));
    }
    // RFC 8555 §7.3.5: "The inner JWS MUST omit the "nonce" header parameter."
    match inner.header().get("nonce") {
        None => Ok(()),
        Some(_) => Err(Problem::malformed("the inner JWS has a nonce")),
    }
}

fn key_change<'a>(
    members: &'a Object<'_>,
    keys: &dyn VerifyingKeys,
) -> Result<(&'a str, Point), Problem> {
    let account = payload::needed(members, "account")?;
    let old = members
        .get("oldKey")
        .ok_or_else(|| Problem::malformed("there is no oldKey"))?;
    Ok((account, key_of(old, keys)?))
}
