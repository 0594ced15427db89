//! Requests that are not sound: each fault has its problem document, and the first in the order of RFC 8555 §6 is told.
//!
//! ```text
//!     Client ── method ─ media type ─ JWS ─ alg ─ jwk or kid ─ signature ─ url ─ nonce ─ account ──▶ Site
//!                  405        415      malformed, badSignatureAlgorithm, badPublicKey, ...
//! ```

use super::site::{Client, SPC_1234, Site, body, is_problem, jwk, send, text, url};
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::jose::base64url;
use countersign_ca::acme::Reply;
use countersign_ca::acme::limits::MAX_BODY;
use serde_json::{Value, json};

/// What a good order says.
fn order() -> String {
    json!({ "identifiers": [{ "type": "TNAuthList", "value": SPC_1234 }] }).to_string()
}

/// A request to new-order whose header is spoilt before it is signed.
fn spoilt(site: &mut Site, client: &Client, spoil: impl FnOnce(&mut Value)) -> Reply {
    let nonce = site.nonce();
    let mut header = client.header(&url("/new-order"), &nonce);
    spoil(&mut header);
    let body = client.sign(&header, &order());
    send(site, &url("/new-order"), &body)
}

fn without(name: &'static str) -> impl FnOnce(&mut Value) {
    move |header| {
        header.as_object_mut().unwrap().remove(name);
    }
}

#[test]
fn what_is_wrong_with_a_header_is_told() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let good = spoilt(&mut site, &client, |_| {});
    assert_eq!(good.status, 201);
    let mut is = |status, kind: &str, spoil: &dyn Fn(&mut Value)| {
        let reply = spoilt(&mut site, &client, spoil);
        is_problem(&reply, status, kind);
        assert!(reply.header("Replay-Nonce").is_some());
        reply
    };
    let unsigned = is(400, "badSignatureAlgorithm", &|header| {
        header["alg"] = json!("RS256");
    });
    assert_eq!(body(&unsigned)["algorithms"], json!(["ES256"]));
    is(400, "badSignatureAlgorithm", &|header| {
        header["alg"] = json!("none")
    });
    is(400, "badSignatureAlgorithm", &|header| {
        header["alg"] = json!("HS256")
    });
    is(400, "badNonce", &|header| header["nonce"] = json!("AAAA"));
    is(400, "malformed", &|header| header["nonce"] = json!("A=="));
    is(400, "malformed", &|header| header["nonce"] = json!(7));
    is(403, "unauthorized", &|header| {
        header["url"] = json!(url("/new-account"))
    });
    is(403, "unauthorized", &|header| {
        header["url"] = json!("https://ca.example:443/acme/new-order");
    });
    is(400, "malformed", &|header| header["url"] = json!(["x"]));
    is(400, "malformed", &|header| header["crit"] = json!(["url"]));
    is(400, "malformed", &|header| {
        header["crit"] = json!(["b64"]);
        header["b64"] = json!(false);
    });
    is(400, "accountDoesNotExist", &|header| {
        header["kid"] = json!(url("/acct/AAAAAAAAAAAAAAAAAAAAAA"));
    });
    is(400, "accountDoesNotExist", &|header| {
        header["kid"] = json!("1")
    });
    is(400, "malformed", &|header| header["kid"] = json!(1));
    let own = client.jwk();
    is(400, "malformed", &|header| header["jwk"] = own.clone());
    for name in ["alg", "url", "kid"] {
        is_problem(&spoilt(&mut site, &client, without(name)), 400, "malformed");
    }
    is_problem(
        &spoilt(&mut site, &client, without("nonce")),
        400,
        "badNonce",
    );
}

#[test]
fn a_key_that_is_not_taken_is_told_with_its_reason() {
    let mut site = Site::new();
    let client = Client::new();
    let nonce = site.nonce();
    let good = client.header(&url("/new-account"), &nonce);
    let x = good["jwk"]["x"].clone();
    for (name, value, kind, reason) in [
        ("kty", json!("RSA"), "badPublicKey", "elliptic"),
        ("crv", json!("P-384"), "badPublicKey", "P-256"),
        ("y", x, "badPublicKey", "no point"),
        ("d", json!("AAAA"), "badPublicKey", "private"),
        ("x", json!(5), "malformed", "member"),
    ] {
        let mut header = good.clone();
        header["jwk"][name] = value;
        let body = client.sign(&header, "{}");
        let reply = send(&mut site, &url("/new-account"), &body);
        is_problem(&reply, 400, kind);
        assert!(text(&reply).contains(reason), "{}", text(&reply));
    }
}

#[test]
fn what_is_wrong_around_the_signature_is_told() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let other = Client {
        key: Client::new().key,
        kid: client.kid.clone(),
    };
    let mut signed = |client: &Client| {
        let nonce = site.nonce();
        client.sign(&client.header(&url("/new-order"), &nonce), &order())
    };
    let by_another = signed(&other);
    let good: Value = serde_json::from_str(&signed(&client)).unwrap();
    let mut cases = vec![
        by_another,
        String::new(),
        "{}".into(),
        "[]".into(),
        "x".into(),
    ];
    for (name, value) in [
        ("header", json!({})),
        ("signatures", json!([])),
        ("payload", json!("")),
        ("payload", json!(null)),
        ("signature", json!("AAAA")),
        ("signature", json!("")),
        ("protected", json!("e30")),
        ("protected", json!(base64url::encode(b"[]"))),
    ] {
        let mut spoilt = good.clone();
        spoilt[name] = value;
        cases.push(spoilt.to_string());
    }
    for body in cases {
        is_problem(
            &send(&mut site, &url("/new-order"), &body),
            400,
            "malformed",
        );
    }
    let good = good.to_string();
    for (content_type, status) in [
        (None, 415),
        (Some("application/json"), 415),
        (Some("application/jose"), 415),
        (Some("application/jose+json; charset=utf-8"), 201),
    ] {
        let reply = site.ask("POST", "/new-order", content_type, good.as_bytes());
        if status == 415 {
            is_problem(&reply, 415, "malformed");
        } else {
            // Its nonce was struck when the request came with another media type: that is one use.
            is_problem(&reply, 400, "badNonce");
        }
    }
    let long = vec![b' '; MAX_BODY + 1];
    let media_type = Some("application/jose+json");
    is_problem(
        &site.ask("POST", "/new-order", media_type, &long),
        413,
        "malformed",
    );
    is_problem(&site.get("/new-order"), 405, "malformed");
}

/// This test verifies that of several faults the first in the order of RFC 8555 §6 is told.
#[test]
fn the_order_of_faults_is_that_of_the_sections() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    // Everything is wrong; then one thing after the other is put right.
    let mut header = client.header(&url("/new-account"), "AAAA");
    header["alg"] = json!("none");
    header["kid"] = json!("nobody");
    let stranger = Client::new();
    let mut steps = Vec::new();
    let mut send = |header: &Value, by: &Client, media_type| {
        let body = by.sign(header, &order());
        site.ask("POST", "/new-order", media_type, body.as_bytes())
    };
    steps.push((send(&header, &stranger, None), 415, "malformed"));
    let jose = Some("application/jose+json");
    steps.push((send(&header, &stranger, jose), 400, "badSignatureAlgorithm"));
    header["alg"] = json!("ES256");
    steps.push((send(&header, &stranger, jose), 400, "accountDoesNotExist"));
    header["kid"] = json!(client.kid);
    steps.push((send(&header, &stranger, jose), 400, "malformed"));
    steps.push((send(&header, &client, jose), 403, "unauthorized"));
    header["url"] = json!(url("/new-order"));
    steps.push((send(&header, &client, jose), 400, "badNonce"));
    for (reply, status, kind) in steps {
        is_problem(&reply, status, kind);
    }
}

#[test]
fn a_nonce_is_used_up_by_a_request_that_is_refused() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let nonce = site.nonce();
    let mut header = client.header(&url("/new-order"), &nonce);
    header["url"] = json!(url("/key-change"));
    let refused = client.sign(&header, &order());
    is_problem(
        &send(&mut site, &url("/new-order"), &refused),
        403,
        "unauthorized",
    );
    let good = client.sign(&client.header(&url("/new-order"), &nonce), &order());
    let reply = send(&mut site, &url("/new-order"), &good);
    is_problem(&reply, 400, "badNonce");
    // RFC 8555 §6.5: the nonce in the refusal is good for the retry.
    let fresh = reply.header("Replay-Nonce").unwrap();
    let again = client.sign(&client.header(&url("/new-order"), fresh), &order());
    assert_eq!(send(&mut site, &url("/new-order"), &again).status, 201);
}

#[test]
fn nobody_sees_what_belongs_to_another_account() {
    let mut site = Site::new();
    let owner = Client::registered(&mut site);
    let (_, key) = owner.enrolled(&mut site);
    let (order_url, order) = owner.order(&mut site, SPC_1234);
    let challenge = owner.challenge(&mut site, &order);
    let other = Client::registered(&mut site);
    let certificate = site.ledger.acme.orders().next().unwrap().0.to_string();
    for url in [
        order_url.as_str(),
        order["authorizations"][0].as_str().unwrap(),
        order["finalize"].as_str().unwrap(),
        challenge["url"].as_str().unwrap(),
        owner.kid.as_deref().unwrap(),
        &format!("{}/orders", owner.kid.as_deref().unwrap()),
        &url(&format!("/cert/{certificate}")),
    ] {
        is_problem(&other.see(&mut site, url), 403, "unauthorized");
    }
    let unknown = url("/order/AAAAAAAAAAAAAAAAAAAAAA");
    is_problem(&other.see(&mut site, &unknown), 404, "malformed");
    drop(key);
}

#[test]
fn the_directory_and_nonces_are_had_with_a_signature_too() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let directory = client.see(&mut site, &url("/directory"));
    assert_eq!(body(&directory)["newOrder"], url("/new-order"));
    let nonce = client.see(&mut site, &url("/new-nonce"));
    assert_eq!(nonce.status, 204);
    assert!(nonce.header("Replay-Nonce").is_some());
}

#[test]
fn a_new_account_is_asked_for_with_a_key_and_nothing_else_is() {
    let mut site = Site::new();
    let mut client = Client::registered(&mut site);
    let with_kid = client.post(&mut site, &url("/new-account"), "{}");
    is_problem(&with_kid, 400, "malformed");
    client.kid = None;
    let with_jwk = client.post(&mut site, &url("/new-order"), &order());
    is_problem(&with_jwk, 400, "malformed");
    let key = EcdsaP256Key::generate().unwrap();
    assert_ne!(jwk(&key), client.jwk(), "{:?}", key.public_key());
}
