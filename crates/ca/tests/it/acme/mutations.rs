//! Every mutation of a request ends in a problem document, and changes nothing.
//!
//! ```text
//!     a good request ── one byte, one member, one value changed ──▶ Site ──▶ 4xx application/problem+json, no event
//! ```
//!
//! What is signed over is changed before it is signed, so that the mutation gets as deep as it can.

use super::site::{BASE, Client, SPC_1234, Site, is_problem, request, send, text, url};
use countersign::crypto::EcdsaP256Key;
use countersign::jose::base64url;
use countersign_ca::acme::{Asked, Handled, Reply, Then};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The kinds of RFC 8555 §6.7 that a client's mistake can end in.
const KINDS: [&str; 13] = [
    "accountDoesNotExist",
    "badCSR",
    "badNonce",
    "badPublicKey",
    "badRevocationReason",
    "badSignatureAlgorithm",
    "incorrectResponse",
    "invalidContact",
    "malformed",
    "orderNotReady",
    "unauthorized",
    "unsupportedContact",
    "unsupportedIdentifier",
];

/// Whether a reply is a problem document as RFC 8555 §6.7 has it, with a nonce for the retry.
#[track_caller]
fn is_some_problem(reply: &Reply) {
    assert!((400..500).contains(&reply.status), "{}", text(reply));
    let document: Value = serde_json::from_slice(&reply.body).unwrap();
    let kind = document["type"].as_str().unwrap();
    let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap();
    assert!(KINDS.contains(&kind), "{document}");
    assert_eq!(document["status"], reply.status);
    assert!(!document["detail"].as_str().unwrap().is_empty());
    assert!(reply.header("Replay-Nonce").is_some());
    assert!(
        reply
            .header("Link")
            .is_some_and(|link| link.contains("directory"))
    );
}

fn reply_of(handled: Handled) -> Reply {
    match handled.then {
        Then::Reply(reply) => reply,
        other => panic!("{other:?}"),
    }
}

/// A good order, as bytes.
fn good_order(site: &mut Site, client: &Client) -> String {
    let payload = json!({ "identifiers": [{ "type": "TNAuthList", "value": SPC_1234 }] });
    let nonce = site.nonce();
    client.sign(
        &client.header(&url("/new-order"), &nonce),
        &payload.to_string(),
    )
}

/// This test verifies that no change of one bit of what travels is ever taken for the request it was.
#[test]
fn every_bit_of_a_request_counts() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let good = good_order(&mut site, &client);
    let jose = Some("application/jose+json");
    let mut taken = 0;
    for at in 0..good.len() {
        let mut spoilt = good.clone().into_bytes();
        spoilt[at] ^= 1 << (at % 7);
        let handled = site.decide("POST", "/new-order", jose, &spoilt);
        if handled.events.is_empty() {
            is_some_problem(&reply_of(handled));
        } else {
            taken += 1;
        }
    }
    assert_eq!(taken, 0, "no bit can be spared");
    // The nonce has been struck by mutations that left it whole: the request itself comes too late.
    is_problem(&send(&mut site, &url("/new-order"), &good), 400, "badNonce");
}

/// What a member becomes.
fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| json!(number)),
        "\\PC{0,24}".prop_map(Value::String),
        "[A-Za-z0-9_-]{0,44}".prop_map(Value::String),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{ "type": "TNAuthList", "value": "MAA" }])),
    ]
}

/// The requests that can be mutated: where they go, and what they say.
fn requests(site: &mut Site, client: &Client) -> Vec<(String, Value)> {
    let key = EcdsaP256Key::generate().unwrap();
    let (certificate, _) = client.enrolled(site);
    let (_, pending) = client.order(site, SPC_1234);
    let challenge = client.challenge(site, &pending);
    let claims = site.claims(client, SPC_1234);
    let token = site.token(&claims);
    let (_, ready) = client.ready(site, SPC_1234);
    let csr = base64url::encode(&request(SPC_1234, &key));
    let identifiers = json!([{ "type": "TNAuthList", "value": SPC_1234 }]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    vec![
        (url("/new-order"), json!({ "identifiers": identifiers })),
        (text(&challenge["url"]), json!({ "tkauth": token })),
        (text(&ready["finalize"]), json!({ "csr": csr })),
        (
            text(&pending["authorizations"][0]),
            json!({ "status": "deactivated" }),
        ),
        (
            url("/revoke-cert"),
            json!({ "certificate": base64url::encode(certificate.as_der()) }),
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// This test verifies that whatever a needed member becomes, the request changes nothing but a challenge that fails.
    #[test]
    fn what_a_request_says_is_judged_whatever_it_is(which in 0_usize..5, value in values(), into_parts in any::<bool>()) {
        let mut site = Site::new();
        let client = Client::registered(&mut site);
        let (target, mut payload) = requests(&mut site, &client).swap_remove(which);
        let members = payload.as_object_mut().unwrap();
        let name = members.keys().next().unwrap().clone();
        let whole = members[&name].clone();
        // Text keeps its beginning, so that it is looked into.
        members[&name] = match (into_parts, whole.as_str(), value.as_str()) {
            (true, Some(whole), Some(part)) => json!(format!("{}{part}", &whole[..whole.len() / 2])),
            _ => value,
        };
        prop_assume!(members[&name] != whole);
        let nonce = site.nonce();
        let body = client.sign(&client.header(&target, &nonce), &payload.to_string());
        let path = target.strip_prefix(BASE).unwrap();
        let handled = site.decide("POST", path, Some("application/jose+json"), body.as_bytes());
        let events: Vec<_> = handled.events.iter().map(|event| format!("{event:?}")).collect();
        prop_assert!(events.iter().all(|event| event.contains("ChallengeFailed")), "{events:?}");
        match events.is_empty() {
            true => is_some_problem(&reply_of(handled)),
            false => {
                let reply = site.act(handled);
                prop_assert!(text(&reply).contains("urn:ietf:params:acme:error:"), "{}", text(&reply));
            }
        }
    }

    /// This test verifies that whatever a header says instead, the request is refused.
    #[test]
    fn what_a_header_says_is_judged_whatever_it_is(which in 0_usize..4, value in values()) {
        let mut site = Site::new();
        let client = Client::registered(&mut site);
        let nonce = site.nonce();
        let mut header = client.header(&url("/new-order"), &nonce);
        let name = ["alg", "kid", "nonce", "url"][which];
        prop_assume!(header[name] != value);
        header[name] = value;
        let payload = json!({ "identifiers": [{ "type": "TNAuthList", "value": SPC_1234 }] });
        let body = client.sign(&header, &payload.to_string());
        let handled = site.decide("POST", "/new-order", Some("application/jose+json"), body.as_bytes());
        prop_assert!(handled.events.is_empty());
        is_some_problem(&reply_of(handled));
    }

    /// This test verifies that whatever comes over the wire, there is an answer.
    #[test]
    fn any_request_is_answered(
        method in prop_oneof![Just("POST".to_owned()), Just("GET".to_owned()), Just("HEAD".to_owned()), "[A-Z]{0,8}"],
        path in prop_oneof![Just("/new-order".to_owned()), Just("/directory".to_owned()), "(/[a-z-]{0,12}){0,3}", "\\PC{0,20}"],
        content_type in proptest::option::of(prop_oneof![Just("application/jose+json".to_owned()), "\\PC{0,30}"]),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut site = Site::new();
        let asked = Asked { method: &method, path: &path, content_type: content_type.as_deref(), body: &body };
        let handled = site.decide(asked.method, asked.path, asked.content_type, asked.body);
        prop_assert!(handled.events.is_empty());
        let reply = reply_of(handled);
        prop_assert!(reply.status < 500);
        prop_assert!(reply.header("Replay-Nonce").is_some());
    }
}
