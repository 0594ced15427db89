//! Accounts: opened, found, changed, bound to one elsewhere, given another key, closed.
//!
//! ```text
//!     Client ── new-account ──▶ Site      key A ── key-change {inner JWS by key B} ──▶ key B
//!                 └ externalAccountBinding (HS256) ── MAC key ◀── some contract
//! ```

use super::site::{Client, SPC_1234, Site, body, identifier, is_problem, send, text, url};
use aws_lc_rs::hmac;
use countersign::crypto::EcdsaP256Key;
use countersign::jose::base64url;
use countersign_ca::acme;
use countersign_ca::acme::event::ClosedBy;
use countersign_ca::acme::limits::{HOUR, MAX_ORDERS_LISTED};
use countersign_ca::acme::practice::{BindingNeed, ExternalAccounts};
use countersign_testkit::lab::numbers;
use serde_json::{Value, json};
use std::sync::Arc;

fn open(site: &mut Site, client: &Client, payload: &Value) -> acme::Reply {
    client.post(site, &url("/new-account"), &payload.to_string())
}

#[test]
fn a_key_opens_one_account_and_finds_it_again() {
    let mut site = Site::new();
    let client = Client::new();
    let only = json!({ "onlyReturnExisting": true });
    is_problem(&open(&mut site, &client, &only), 400, "accountDoesNotExist");
    let contact = json!(["mailto:admin@example.org"]);
    let asked =
        json!({ "contact": contact, "termsOfServiceAgreed": true, "orders": "x", "new": 1 });
    let first = open(&mut site, &client, &asked);
    assert_eq!(first.status, 201);
    assert_eq!(body(&first)["contact"], contact);
    assert_eq!(body(&first)["status"], "valid");
    assert!(body(&first).get("new").is_none());
    let location = first.header("Location").unwrap().to_owned();
    assert_eq!(body(&first)["orders"], format!("{location}/orders"));
    for payload in [only, json!({ "contact": ["mailto:other@example.org"] })] {
        let again = open(&mut site, &client, &payload);
        assert_eq!(again.status, 200);
        assert_eq!(again.header("Location"), Some(location.as_str()));
        assert_eq!(body(&again)["contact"], contact);
    }
    assert_eq!(site.ledger.acme.accounts().count(), 1);
}

#[test]
fn contacts_are_addresses() {
    let mut site = Site::new();
    for (contact, kind) in [
        (json!(["tel:+12025550100"]), "unsupportedContact"),
        (json!(["admin@example.org"]), "unsupportedContact"),
        (json!(["mailto:a@example.org?subject=x"]), "invalidContact"),
        (
            json!(["mailto:a@example.org,b@example.org"]),
            "invalidContact",
        ),
        (json!(["mailto:"]), "invalidContact"),
        (json!(["mailto:a@"]), "invalidContact"),
        (
            json!([format!("mailto:{}@example.org", "a".repeat(300))]),
            "invalidContact",
        ),
        (json!(vec!["mailto:a@example.org"; 11]), "invalidContact"),
        (json!("mailto:a@example.org"), "malformed"),
        (json!([1]), "malformed"),
    ] {
        let reply = open(&mut site, &Client::new(), &json!({ "contact": contact }));
        is_problem(&reply, 400, kind);
    }
    let client = Client::registered(&mut site);
    let kid = client.kid.clone().unwrap();
    let changed = json!({ "contact": ["MAILTO:new@example.org"], "status": "valid" });
    let reply = client.post(&mut site, &kid, &changed.to_string());
    assert_eq!(body(&reply)["contact"], changed["contact"]);
    let shown = body(&client.see(&mut site, &kid));
    assert_eq!(shown["contact"], changed["contact"]);
}

#[test]
fn terms_have_to_be_agreed_to_where_there_are_some() {
    let mut site = Site::new();
    site.practice.terms = Some("https://ca.example/terms".into());
    let client = Client::new();
    let meta = body(&site.get("/directory"))["meta"].clone();
    assert_eq!(meta["termsOfService"], "https://ca.example/terms");
    for payload in [json!({}), json!({ "termsOfServiceAgreed": false })] {
        let reply = open(&mut site, &client, &payload);
        is_problem(&reply, 400, "malformed");
        let link = "<https://ca.example/terms>;rel=\"terms-of-service\"";
        assert_eq!(reply.header("Link"), Some(link));
    }
    let agreed = json!({ "termsOfServiceAgreed": true });
    assert_eq!(open(&mut site, &client, &agreed).status, 201);
}

#[test]
fn a_closed_account_can_do_nothing_and_its_key_opens_no_other() {
    let mut site = Site::new();
    let mut client = Client::registered(&mut site);
    let (order_url, _) = client.order(&mut site, SPC_1234);
    let kid = client.kid.clone().unwrap();
    let reply = client.post(&mut site, &kid, r#"{"status":"deactivated"}"#);
    assert_eq!(
        (reply.status, body(&reply)["status"].clone()),
        (200, json!("deactivated"))
    );
    for url in [&kid, &order_url] {
        is_problem(&client.see(&mut site, url), 401, "unauthorized");
    }
    client.kid = None;
    is_problem(&open(&mut site, &client, &json!({})), 401, "unauthorized");
}

/// The binding of `client` under this MAC key, its header spoilt by `spoil`.
fn binding(client: &Client, key: &[u8], spoil: impl FnOnce(&mut Value)) -> Value {
    let mut header = json!({ "alg": "HS256", "kid": "customer-1", "url": url("/new-account") });
    spoil(&mut header);
    let protected = base64url::encode(header.to_string().as_bytes());
    let payload = base64url::encode(client.jwk().to_string().as_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mac = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
    json!({ "protected": protected, "payload": payload, "signature": base64url::encode(mac.as_ref()) })
}

/// A site where accounts have to be bound, and the MAC key of `customer-1`.
fn bound() -> (Site, [u8; 32]) {
    let (mut site, secret) = (Site::new(), [9; 32]);
    let keys = [("customer-1".into(), secret.to_vec())];
    site.practice.external = ExternalAccounts::new(BindingNeed::Required, keys);
    (site, secret)
}

#[test]
fn a_binding_is_judged_by_its_steps() {
    let (mut site, secret) = bound();
    assert_eq!(
        body(&site.get("/directory"))["meta"]["externalAccountRequired"],
        true
    );
    let client = Client::new();
    is_problem(
        &open(&mut site, &client, &json!({})),
        403,
        "externalAccountRequired",
    );
    let with = |binding| json!({ "externalAccountBinding": binding });
    for (bad, status, kind) in [
        (json!("x"), 400, "malformed"),
        (
            binding(&client, &secret, |header| header["alg"] = json!("ES256")),
            400,
            "malformed",
        ),
        (
            binding(&client, &secret, |header| header["alg"] = json!("none")),
            400,
            "malformed",
        ),
        (
            binding(&client, &secret, |header| header["nonce"] = json!("AAAA")),
            400,
            "malformed",
        ),
        (
            binding(&client, &secret, |header| header["url"] = json!("x")),
            400,
            "malformed",
        ),
        (
            binding(&client, &secret, |header| header["kid"] = json!(1)),
            400,
            "malformed",
        ),
        (
            binding(&client, &secret, |header| header["kid"] = json!("2")),
            403,
            "unauthorized",
        ),
        (binding(&client, &[8; 32], |_| {}), 403, "unauthorized"),
        (
            binding(&Client::new(), &secret, |_| {}),
            403,
            "unauthorized",
        ),
    ] {
        is_problem(&open(&mut site, &client, &with(bad)), status, kind);
    }
}

#[test]
fn an_account_is_bound_to_one_elsewhere() {
    let (mut site, secret) = bound();
    let client = Client::new();
    let with = |binding| json!({ "externalAccountBinding": binding });
    let good = with(binding(&client, &secret, |_| {}));
    let reply = open(&mut site, &client, &good);
    assert_eq!(reply.status, 201, "{}", text(&reply));
    assert_eq!(
        body(&reply)["externalAccountBinding"],
        good["externalAccountBinding"]
    );
    // One account here at a time; when it is closed, the customer can open another.
    let second = Client::new();
    let good = with(binding(&second, &secret, |_| {}));
    is_problem(&open(&mut site, &second, &good), 403, "unauthorized");
    let kid = reply.header("Location").unwrap().to_owned();
    let first = Client {
        kid: Some(kid.clone()),
        ..client
    };
    first.post(&mut site, &kid, r#"{"status":"deactivated"}"#);
    let reply = open(&mut site, &second, &good);
    assert_eq!(reply.status, 201);
    // Whom the operator closes has no other: neither the second, nor anybody because the first is closed once more.
    let third = Client::new();
    let good = with(binding(&third, &secret, |_| {}));
    for (url, by) in [
        (kid.as_str(), ClosedBy::Operator),
        (kid.as_str(), ClosedBy::Client),
        (reply.header("Location").unwrap(), ClosedBy::Operator),
    ] {
        let account = url.rsplit('/').next().unwrap().parse().unwrap();
        site.keep([acme::Event::AccountClosed { account, by }.into()]);
        is_problem(&open(&mut site, &third, &good), 403, "unauthorized");
    }
}

/// The request that gives the account of `old` the key of `new`, each part spoilt by its function.
fn rollover(
    site: &mut Site,
    old: &Client,
    new: &Client,
    spoil_header: impl FnOnce(&mut Value),
    spoil_change: impl FnOnce(&mut Value),
) -> acme::Reply {
    let mut header = json!({ "alg": "ES256", "jwk": new.jwk(), "url": url("/key-change") });
    spoil_header(&mut header);
    let mut change = json!({ "account": old.kid, "oldKey": old.jwk() });
    spoil_change(&mut change);
    let inner = new.sign(&header, &change.to_string());
    old.post(site, &url("/key-change"), &inner)
}

#[test]
fn a_change_of_key_is_judged_by_its_steps() {
    let mut site = Site::new();
    let old = Client::registered(&mut site);
    let new = Client {
        key: Arc::new(EcdsaP256Key::generate().unwrap()),
        kid: old.kid.clone(),
    };
    let mut is = |status, kind: &str, header: &dyn Fn(&mut Value), change: &dyn Fn(&mut Value)| {
        is_problem(
            &rollover(&mut site, &old, &new, header, change),
            status,
            kind,
        );
    };
    let same = |_: &mut Value| {};
    is(
        400,
        "malformed",
        &|header| header["nonce"] = json!("AAAA"),
        &same,
    );
    is(
        400,
        "malformed",
        &|header| header["url"] = json!(url("/new-order")),
        &same,
    );
    is(
        400,
        "malformed",
        &|header| header["kid"] = json!("x"),
        &same,
    );
    is(
        400,
        "malformed",
        &|header| header["jwk"] = json!(null),
        &same,
    );
    is(
        400,
        "badSignatureAlgorithm",
        &|header| header["alg"] = json!("none"),
        &same,
    );
    let stranger = Client::new().jwk();
    is(
        400,
        "malformed",
        &|header| header["jwk"] = stranger.clone(),
        &same,
    );
    is(403, "unauthorized", &same, &|change| {
        change["oldKey"] = stranger.clone()
    });
    is(403, "unauthorized", &same, &|change| {
        change["account"] = json!(url("/acct/x"))
    });
    is(400, "malformed", &same, &|change| {
        change["account"] = json!(1)
    });
    is(400, "malformed", &same, &|change| {
        change["oldKey"] = json!("x")
    });
}

#[test]
fn an_account_gets_another_key_and_keeps_its_orders() {
    let mut site = Site::new();
    let old = Client::registered(&mut site);
    let (order_url, _) = old.order(&mut site, SPC_1234);
    let new = Client {
        key: Arc::new(EcdsaP256Key::generate().unwrap()),
        kid: old.kid.clone(),
    };
    let other = Client::registered(&mut site);
    let taken = rollover(&mut site, &old, &other, |_| {}, |_| {});
    is_problem(&taken, 409, "malformed");
    assert_eq!(taken.header("Location"), other.kid.as_deref());
    let reply = rollover(&mut site, &old, &new, |_| {}, |_| {});
    assert_eq!(reply.status, 200, "{}", text(&reply));
    assert_eq!(new.see(&mut site, &order_url).status, 200);
    is_problem(&old.see(&mut site, &order_url), 400, "malformed");
    // The key that was given up finds nothing; the account is found by the new one.
    let only = json!({ "onlyReturnExisting": true });
    for (by, status) in [(&old, 400), (&new, 200)] {
        let finder = Client {
            key: by.key.clone(),
            kid: None,
        };
        assert_eq!(open(&mut site, &finder, &only).status, status);
    }
    // Whoever has lost the answer and asks again has the key already.
    let again = rollover(&mut site, &new, &new, |_| {}, |_| {});
    is_problem(&again, 409, "malformed");
}

#[test]
fn an_account_sees_its_orders_in_pages_without_those_that_failed() {
    let mut site = Site::new();
    site.practice.rates.open_orders = 1_000;
    let client = Client::registered(&mut site);
    let orders = format!("{}/orders", client.kid.as_deref().unwrap());
    let (first, order) = client.order(&mut site, SPC_1234);
    let authorization = order["authorizations"][0].as_str().unwrap();
    let payload = r#"{"status":"deactivated"}"#;
    let reply = client.post(&mut site, authorization, payload);
    assert_eq!(body(&reply)["status"], "deactivated");
    assert_eq!(body(&client.see(&mut site, &first))["status"], "invalid");
    for place in 0..MAX_ORDERS_LISTED {
        let list = identifier(vec![numbers("12025550100", 2 + place as u64 % 90)]);
        client.order(&mut site, &list);
    }
    let page = client.see(&mut site, &orders);
    assert_eq!(
        body(&page)["orders"].as_array().unwrap().len(),
        MAX_ORDERS_LISTED - 1
    );
    let next = format!("{orders}?cursor={MAX_ORDERS_LISTED}");
    let links = page.headers.iter().filter(|(name, _)| *name == "Link");
    let links: Vec<_> = links.map(|(_, value)| value.clone()).collect();
    assert!(
        links.contains(&format!("<{next}>;rel=\"next\"")),
        "{links:?}"
    );
    let rest = client.see(&mut site, &next);
    assert_eq!(body(&rest)["orders"].as_array().unwrap().len(), 1);
}

#[test]
fn too_much_in_an_hour_is_refused_until_the_hour_is_over() {
    let mut site = Site::new();
    site.practice.rates.accounts_per_hour = 2;
    site.practice.rates.orders_per_hour = 3;
    site.practice.rates.open_orders = 2;
    let client = Client::registered(&mut site);
    site.wait(60);
    Client::registered(&mut site);
    let refused = open(&mut site, &Client::new(), &json!({}));
    is_problem(&refused, 429, "rateLimited");
    assert_eq!(refused.header("Retry-After"), Some("3540"));
    // Whoever has an account finds it all the same.
    let mut finder = client.clone();
    finder.kid = None;
    assert_eq!(open(&mut site, &finder, &json!({})).status, 200);
    site.wait(HOUR - 60);
    assert_eq!(open(&mut site, &Client::new(), &json!({})).status, 201);

    let payload =
        json!({ "identifiers": [{ "type": "TNAuthList", "value": SPC_1234 }] }).to_string();
    let (_, first) = client.order(&mut site, SPC_1234);
    client.order(&mut site, SPC_1234);
    let refused = client.post(&mut site, &url("/new-order"), &payload);
    is_problem(&refused, 429, "rateLimited");
    let authorization = first["authorizations"][0].as_str().unwrap();
    client.post(&mut site, authorization, r#"{"status":"deactivated"}"#);
    client.order(&mut site, SPC_1234);
    let refused = client.post(&mut site, &url("/new-order"), &payload);
    is_problem(&refused, 429, "rateLimited");
    assert_eq!(refused.header("Retry-After"), Some("3600"));
    // What is settled is not looked at again for each order that comes.
    let unsettled = |site: &Site| {
        let accounts = site.ledger.acme.accounts();
        accounts.map(|(_, one)| one.unsettled.len()).max()
    };
    assert_eq!(unsettled(&site), Some(2));
    site.practice.rates.open_orders = 9;
    site.practice.rates.orders_per_hour = 9;
    client.enrolled(&mut site);
    assert_eq!(unsettled(&site), Some(2));
}

#[test]
fn orders_that_came_to_nothing_are_forgotten_and_certificates_are_not() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    client.enrolled(&mut site);
    let (dead, _) = client.order(&mut site, SPC_1234);
    site.wait(15 * 86_400);
    client.order(&mut site, SPC_1234);
    is_problem(&client.see(&mut site, &dead), 404, "malformed");
    assert_eq!(site.ledger.acme.orders().count(), 2);
    let nonce = site.nonce();
    let body = client.sign(&client.header(&dead, &nonce), "");
    is_problem(&send(&mut site, &dead, &body), 404, "malformed");
}
