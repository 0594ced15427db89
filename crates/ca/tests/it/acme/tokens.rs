//! Tokens that answer no challenge: each makes it invalid, and the order with it (RFC 9448 §6).
//!
//! ```text
//!     token authority ── token, one thing wrong ──▶ Client ──▶ Site: challenge invalid, authorization invalid, order invalid
//! ```

use super::site::{Client, SPC_1234, Site, X5U, body, identifier, is_document, is_problem, text};
use countersign::certificate::TnEntry;
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::jose::base64url;
use countersign_ca::token::{AuthorityToken, Claims, Fingerprint, Header};
use countersign_testkit::lab::numbers;
use serde_json::{Value, json};

/// Answers a new order with `token` and sees that everything is invalid, for this reason.
#[track_caller]
fn is_refused(site: &mut Site, client: &Client, ordered: &str, token: &str, kind: &str) {
    let (order_url, order) = client.order(site, ordered);
    let reply = client.answer(site, &order, token);
    if reply.status != 200 {
        is_problem(&reply, 400, kind);
    }
    let challenge = client.challenge(site, &order);
    assert_eq!(challenge["status"], "invalid", "{challenge}");
    is_document(&challenge["error"], kind);
    let authorization = order["authorizations"][0].as_str().unwrap();
    let authorization = body(&client.see(site, authorization));
    assert_eq!(authorization["status"], "invalid");
    let seen = body(&client.see(site, &order_url));
    assert_eq!(seen["status"], "invalid");
    is_document(&seen["error"], kind);
    let key = EcdsaP256Key::generate().unwrap();
    let reply = client.finalize(site, &order, &super::site::request(ordered, &key));
    is_problem(&reply, 403, "orderNotReady");
    // A good token does not raise it from the dead: another order has to be placed.
    let claims = site.claims(client, ordered);
    let good = site.token(&claims);
    let reply = client.answer(site, &order, &good);
    assert_eq!(body(&reply)["status"], "invalid", "{}", text(&reply));
    assert_eq!(site.ledger.register.certificates().count(), 0);
}

/// The same for a token whose claims are spoilt before it is signed.
#[track_caller]
fn spoilt(kind: &str, spoil: impl FnOnce(&mut Claims)) {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let mut claims = site.claims(&client, SPC_1234);
    spoil(&mut claims);
    let token = site.token(&claims);
    is_refused(&mut site, &client, SPC_1234, &token, kind);
}

#[test]
fn digest06_case02_a_token_for_other_numbers() {
    spoilt("incorrectResponse", |claims| {
        let other = identifier(vec![TnEntry::Spc("1235".parse().unwrap())]);
        claims.atc.tk_value = base64url::decode(&other).unwrap().into();
    });
}

#[test]
fn a_token_for_one_number_too_many_or_too_few() {
    for count in [9, 11] {
        let mut site = Site::new();
        let client = Client::registered(&mut site);
        let ordered = identifier(vec![numbers("12025550100", 10)]);
        let told = identifier(vec![numbers("12025550100", count)]);
        let claims = site.claims(&client, &told);
        let token = site.token(&claims);
        is_refused(&mut site, &client, &ordered, &token, "incorrectResponse");
    }
}

#[test]
fn digest06_case03_a_token_that_has_expired() {
    spoilt("unauthorized", |claims| {
        claims.exp = countersign_testkit::lab::NOW;
    });
}

#[test]
fn digest06_case04_a_token_for_another_account() {
    spoilt("unauthorized", |claims| {
        let other = EcdsaP256Key::generate().unwrap().public_key();
        claims.atc.fingerprint = Fingerprint::thumbprint_of(&other);
    });
}

#[test]
fn digest06_case16_a_token_of_another_spelling() {
    spoilt("incorrectResponse", |claims| {
        claims.atc.tk_type = "TnAuthList".into()
    });
}

#[test]
fn digest06_case07_a_token_of_an_issuer_that_nobody_trusts() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let claims = site.claims(&client, SPC_1234);
    // With the URL of the trusted one, and with its own certificate.
    let stranger = site.lab.provider("TA02");
    let by_url = Header {
        x5c: None,
        x5u: Some(X5U.into()),
    };
    let by_value = Header {
        x5c: Some([stranger.chain.end_entity().as_der().into()].into()),
        x5u: None,
    };
    for header in [by_url, by_value, Header::default()] {
        let token = AuthorityToken::issue(&header, &claims, &*stranger.key).unwrap();
        is_refused(&mut site, &client, SPC_1234, &token, "unauthorized");
    }
}

#[test]
fn digest06_case08_a_token_whose_certificate_is_not_behind_https() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let claims = site.claims(&client, SPC_1234);
    let header = Header {
        x5c: None,
        x5u: Some("http://authority.example/cert.pem".into()),
    };
    let token = AuthorityToken::issue(&header, &claims, &*site.authority.key).unwrap();
    is_refused(&mut site, &client, SPC_1234, &token, "unauthorized");
    assert!(site.fetches.is_empty());
}

/// The token of these parts, whatever they say.
fn raw(site: &Site, header: &Value, payload: &Value) -> String {
    let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
    let input = format!("{}.{}", part(header), part(payload));
    let signature = site.authority.key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(&signature))
}

#[test]
fn digest06_case17_a_token_without_name_or_end_or_of_another_algorithm() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let claims = site.claims(&client, SPC_1234);
    let good_header = json!({ "alg": "ES256", "typ": "JWT", "x5u": X5U });
    let good_payload = json!({
        "jti": claims.jti,
        "exp": claims.exp.as_secs(),
        "atc": {
            "tktype": "TNAuthList", "tkvalue": SPC_1234, "fingerprint": claims.atc.fingerprint.to_string(),
        },
    });
    let mut tokens = Vec::new();
    for name in ["jti", "exp", "atc"] {
        let mut payload = good_payload.clone();
        payload.as_object_mut().unwrap().remove(name);
        tokens.push(raw(&site, &good_header, &payload));
    }
    for name in ["tktype", "tkvalue", "fingerprint"] {
        let mut payload = good_payload.clone();
        payload["atc"].as_object_mut().unwrap().remove(name);
        tokens.push(raw(&site, &good_header, &payload));
    }
    for (name, value) in [
        ("alg", json!("HS256")),
        ("alg", json!("none")),
        ("crit", json!(["exp"])),
        ("x5u", json!(1)),
        ("x5c", json!("x")),
        ("typ", json!("passport")),
    ] {
        let mut header = good_header.clone();
        header[name] = value;
        tokens.push(raw(&site, &header, &good_payload));
    }
    tokens.extend(["".to_owned(), "a.b".to_owned(), "e30.e30.".to_owned()]);
    for token in tokens {
        is_refused(&mut site, &client, SPC_1234, &token, "malformed");
    }
    let (_, order) = client.order(&mut site, SPC_1234);
    let token = raw(&site, &good_header, &good_payload);
    let reply = client.answer(&mut site, &order, &token);
    assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
}

#[test]
fn a_response_without_a_token_leaves_the_challenge_open() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let (_, order) = client.order(&mut site, SPC_1234);
    let challenge = client.challenge(&mut site, &order);
    let url = challenge["url"].as_str().unwrap();
    for payload in ["{}", r#"{"tkauth":1}"#, r#"{"token":"x"}"#, "[]", "x"] {
        is_problem(&client.post(&mut site, url, payload), 400, "malformed");
    }
    assert_eq!(client.challenge(&mut site, &order)["status"], "pending");
}

#[test]
fn an_authorization_ends_with_its_token() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let mut claims = site.claims(&client, SPC_1234);
    claims.exp = site.now.saturating_add(3_600);
    let (order_url, order) = client.ready_by(&mut site, SPC_1234, &claims);
    site.wait(3_600);
    let authorization = order["authorizations"][0].as_str().unwrap();
    let authorization = body(&client.see(&mut site, authorization));
    assert_eq!(authorization["status"], "expired");
    assert_eq!(
        body(&client.see(&mut site, &order_url))["status"],
        "invalid"
    );
    let key = EcdsaP256Key::generate().unwrap();
    let reply = client.finalize(&mut site, &order, &super::site::request(SPC_1234, &key));
    is_problem(&reply, 403, "orderNotReady");
}

#[test]
fn a_token_that_comes_too_late_is_not_heard() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let (_, order) = client.order(&mut site, SPC_1234);
    let (_, given_up) = client.order(&mut site, SPC_1234);
    let authorization = given_up["authorizations"][0].as_str().unwrap();
    client.post(&mut site, authorization, r#"{"status":"deactivated"}"#);
    let claims = site.claims(&client, SPC_1234);
    let token = site.token(&claims);
    let late = client.answer(&mut site, &given_up, &token);
    is_problem(&late, 403, "unauthorized");
    site.wait(7 * 86_400);
    let late = client.answer(&mut site, &order, &token);
    is_problem(&late, 403, "unauthorized");
}
