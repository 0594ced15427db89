//! What a certification request may ask for: what was ordered and authorized, and nothing else.
//!
//! ```text
//!     order ready ── finalize {csr, one thing wrong} ──▶ badCSR, order still ready ── finalize {good csr} ──▶ valid
//! ```

use super::site::{
    Client, SPC_1234, Site, body, extensions, identifier, is_problem, request, request_with, text,
};
use countersign::certificate::TnEntry;
use countersign::certificate::extensions::oid;
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::jose::base64url;
use countersign_ca::extension::{self, Extension, PathLength, usage};
use countersign_ca::register::{self, KeyBlocked, key_digest};
use countersign_ca::token::Permission;
use countersign_ca::token::validation::TokenIssuer;
use countersign_ca::{Subject, acme, csr};
use serde_json::json;

/// Sees that the request is refused and the order still ready, and that the good request is then taken.
#[track_caller]
fn is_bad(site: &mut Site, client: &Client, requests: Vec<Vec<u8>>) {
    let (order_url, order) = client.ready(site, SPC_1234);
    for bad in requests {
        let reply = client.finalize(site, &order, &bad);
        is_problem(&reply, 400, "badCSR");
        let order = body(&client.see(site, &order_url));
        assert_eq!(order["status"], "ready", "{}", text(&reply));
        assert_eq!(site.ledger.register.certificates().count(), 0);
    }
    let key = EcdsaP256Key::generate().unwrap();
    let reply = client.finalize(site, &order, &request(SPC_1234, &key));
    assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
}

fn new_key() -> EcdsaP256Key {
    EcdsaP256Key::generate().unwrap()
}

#[test]
fn digest06_case05_the_kind_of_certificate_is_the_token_s() {
    for (permission, asks_for_authority) in [
        (Permission::EndEntity, true),
        (Permission::Authority, false),
    ] {
        let mut site = Site::new();
        let client = Client::registered(&mut site);
        let mut claims = site.claims(&client, SPC_1234);
        claims.atc.permission = permission;
        let (order_url, order) = client.ready_by(&mut site, SPC_1234, &claims);
        let mut wrong = extensions(SPC_1234);
        let mut right = extensions(SPC_1234);
        let authority = extension::authority_constraints(PathLength::AtMost(0));
        let place = if asks_for_authority {
            &mut wrong
        } else {
            &mut right
        };
        place[0] = authority;
        let reply = client.finalize(&mut site, &order, &request_with(&wrong, &new_key()));
        is_problem(&reply, 400, "badCSR");
        assert_eq!(body(&client.see(&mut site, &order_url))["status"], "ready");
        assert_eq!(site.ledger.register.certificates().count(), 0);
        let reply = client.finalize(&mut site, &order, &request_with(&right, &new_key()));
        assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
    }
}

#[test]
fn digest06_case06_a_request_for_other_numbers_leaves_the_order_ready() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let other = identifier(vec![TnEntry::Spc("1235".parse().unwrap())]);
    let wider = identifier(vec![
        TnEntry::Spc("1234".parse().unwrap()),
        TnEntry::One("12025550100".parse().unwrap()),
    ]);
    let none = vec![extension::end_entity_constraints()];
    let requests = vec![
        request(&other, &new_key()),
        request(&wider, &new_key()),
        request_with(&none, &new_key()),
        request_with(&[], &new_key()),
    ];
    is_bad(&mut site, &client, requests);
}

#[test]
fn a_request_for_other_names_or_extensions_is_refused() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let with = |extension: Extension| {
        let mut all = extensions(SPC_1234);
        all.push(extension);
        request_with(&all, &new_key())
    };
    let named = |country: &str, common_name: &str| {
        let subject = Subject::new(country, "Example Telco", common_name).unwrap();
        csr::write(subject.name(), &extensions(SPC_1234), &new_key()).unwrap()
    };
    let policies = Extension::non_critical(oid::CERTIFICATE_POLICIES, vec![0x30, 0]);
    let requests = vec![
        with(extension::sip_domains(&["example.org".into()])),
        with(extension::key_usage(usage::KEY_CERT_SIGN)),
        with(extension::key_usage(usage::CRL_SIGN)),
        with(policies),
        with(Extension::critical(oid::EXTENDED_KEY_USAGE, vec![0x30, 0])),
        named("US", "SHAKEN 1235"),
        named("US", "SHAKEN\u{a0}1235"),
        named("US", "Shaken 1235 SHAKEN"),
        named("US", "SHAKEN"),
    ];
    is_bad(&mut site, &client, requests);
}

/// This test verifies that nobody orders the name by which an issuer of tokens is known: with it he would allow himself everything.
#[test]
fn nobody_orders_the_name_of_an_issuer_of_tokens() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let (_, order) = client.ready(&mut site, SPC_1234);
    let root = site.lab.root().certificate().clone();
    let issuer = TokenIssuer::below(root, "SHAKEN 1234 tokens").unwrap();
    site.practice.token_issuers = [issuer].into();
    let named = |name: &str| {
        let subject = Subject::new("US", "Example Telco", name).unwrap();
        csr::write(subject.name(), &extensions(SPC_1234), &new_key()).unwrap()
    };
    let reply = client.finalize(&mut site, &order, &named("SHAKEN 1234 tokens"));
    is_problem(&reply, 400, "badCSR");
    let reply = client.finalize(&mut site, &order, &named("SHAKEN 1234"));
    assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
}

#[test]
fn a_request_for_a_key_that_is_known_for_something_else_is_refused() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let other = Client::registered(&mut site);
    let blocked = new_key();
    let event = register::Event::KeyBlocked(KeyBlocked {
        key: key_digest(&blocked.public_key()),
    });
    site.keep([acme::Entry::Certificate(event)]);
    let requests = vec![
        request(SPC_1234, &client.key),
        request(SPC_1234, &other.key),
        request(SPC_1234, &blocked),
    ];
    is_bad(&mut site, &client, requests);
    // Nor does a blocked key open an account.
    let owner = Client {
        key: blocked.into(),
        kid: None,
    };
    let reply = owner.post(&mut site, &super::site::url("/new-account"), "{}");
    is_problem(&reply, 400, "badPublicKey");
}

#[test]
fn a_request_that_nobody_has_signed_or_nobody_can_read_is_refused() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let good = request(SPC_1234, &new_key());
    let mut last = good.clone();
    *last.last_mut().unwrap() ^= 1;
    let longer = [good.as_slice(), &[0]].concat();
    is_bad(
        &mut site,
        &client,
        vec![last, longer, vec![0x30, 0], Vec::new()],
    );
    let (_, order) = client.ready(&mut site, SPC_1234);
    let url = order["finalize"].as_str().unwrap();
    let padded = format!("{}==", base64url::encode(&good));
    for payload in [
        json!({}),
        json!({ "csr": 1 }),
        json!({ "csr": padded }),
        json!([]),
    ] {
        let reply = client.post(&mut site, url, &payload.to_string());
        is_problem(&reply, 400, "malformed");
    }
}

#[test]
fn an_order_is_finalized_when_it_is_ready_and_once() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let (order_url, order) = client.order(&mut site, SPC_1234);
    let asked = request(SPC_1234, &new_key());
    is_problem(
        &client.finalize(&mut site, &order, &asked),
        403,
        "orderNotReady",
    );
    let claims = site.claims(&client, SPC_1234);
    let token = site.token(&claims);
    client.answer(&mut site, &order, &token);
    let reply = client.finalize(&mut site, &order, &asked);
    assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
    is_problem(
        &client.finalize(&mut site, &order, &asked),
        403,
        "orderNotReady",
    );
    assert_eq!(site.ledger.register.certificates().count(), 1);
    assert_eq!(body(&client.see(&mut site, &order_url))["status"], "valid");
    // Neither the end of the order nor that of the token takes the certificate away.
    site.wait(20 * 86_400);
    let order = body(&client.see(&mut site, &order_url));
    assert_eq!(order["status"], "valid");
    let certificate = order["certificate"].as_str().unwrap();
    assert_eq!(client.see(&mut site, certificate).status, 200);
}
