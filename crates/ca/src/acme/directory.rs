//! The directory and the nonces: what is had without a signature ([RFC 8555 §7.1.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.1),
//! [RFC 8555 §7.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.2)).

use super::practice::{BindingNeed, Practice};
use super::problem::{Problem, Refusal};
use super::reply::Reply;
use super::resource::Resource;
use serde_json::{Map, Value, json};

/// Where everything is.
// RFC 8555 §7.1.1: "If the ACME server does not implement pre-authorization (Section 7.4.1), it MUST omit the "newAuthz" field of
// the directory."
pub(super) fn directory(practice: &Practice) -> Reply {
    let mut meta = Map::new();
    if let Some(terms) = &practice.terms {
        meta.insert("termsOfService".into(), json!(terms));
    }
    if let Some(website) = &practice.website {
        meta.insert("website".into(), json!(website));
    }
    // RFC 8555 §7.3.4: "If such a CA requires that newAccount requests contain an "externalAccountBinding" field, then it MUST provide
    // the value "true" in the "externalAccountRequired" subfield of the "meta" field in the directory object."
    let required = practice.external.need == BindingNeed::Required;
    meta.insert("externalAccountRequired".into(), json!(required));
    let document = json!({
        "newNonce": practice.url(Resource::NewNonce),
        "newAccount": practice.url(Resource::NewAccount),
        "newOrder": practice.url(Resource::NewOrder),
        "revokeCert": practice.url(Resource::RevokeCert),
        "keyChange": practice.url(Resource::KeyChange),
        "meta": Value::Object(meta),
    });
    Reply::json(200, &document)
}

/// The answer that a nonce is put on.
// RFC 8555 §7.2: "The server's response MUST include a Replay-Nonce header field containing a fresh nonce and SHOULD have status code
// 200 (OK). The server MUST also respond to GET requests for this resource, returning an empty body (while still providing a
// Replay-Nonce header) with a status code of 204 (No Content)."
pub(super) fn nonce(method: &str, practice: &Practice) -> Reply {
    let status = if method == "HEAD" { 200 } else { 204 };
    Reply::empty(status).with_index(practice)
}

/// The answer to a method that an open resource does not have.
pub(super) fn unknown_method() -> Refusal {
    let problem = Problem::malformed("this resource is asked for by GET, HEAD or a signed POST");
    Refusal::from(problem)
        .with_status(405)
        .with_header("Allow", "GET, HEAD, POST")
}
