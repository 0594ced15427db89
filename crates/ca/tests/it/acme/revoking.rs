//! Revocation by clients: who may, for which reasons, and once.
//!
//! ```text
//!     account that ordered ─┐
//!     account authorized ───┼── revoke-cert {certificate, reason} ──▶ Site: Revoked, and KeyBlocked if the key is known to others
//!     key of certificate ───┘
//! ```

use super::site::{Client, SPC_1234, Site, body, is_problem, request, text, url};
use countersign::certificate::crl::Reason;
use countersign::certificate::{Certificate, TnEntry};
use countersign::crypto::SigningKey;
use countersign::jose::base64url;
use countersign_ca::acme::Reply;
use countersign_ca::register::Status;
use serde_json::{Value, json};

fn revoke(site: &mut Site, client: &Client, certificate: &[u8], reason: Value) -> Reply {
    let mut payload = json!({ "certificate": base64url::encode(certificate) });
    if !reason.is_null() {
        payload["reason"] = reason;
    }
    client.post(site, &url("/revoke-cert"), &payload.to_string())
}

fn reason_of(site: &Site, certificate: &Certificate) -> Option<Reason> {
    let register = &site.ledger.register;
    match register.status(certificate.issuer(), certificate.serial()) {
        Status::Revoked(revocation) => Some(revocation.reason),
        _ => None,
    }
}

#[test]
fn the_account_that_ordered_revokes_once() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let (certificate, _) = client.enrolled(&mut site);
    let der = certificate.as_der();
    for (reason, kind) in [
        (json!(2), "badRevocationReason"),
        (json!(6), "badRevocationReason"),
        (json!(7), "badRevocationReason"),
        (json!(10), "badRevocationReason"),
        (json!(-1), "badRevocationReason"),
        (json!("1"), "malformed"),
    ] {
        let reply = revoke(&mut site, &client, der, reason);
        is_problem(&reply, 400, kind);
        assert!(
            text(&reply).contains("0, 1, 3, 4, 5, 9"),
            "{}",
            text(&reply)
        );
    }
    assert_eq!(reason_of(&site, &certificate), None);
    let reply = revoke(&mut site, &client, der, json!(4));
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    assert_eq!(reason_of(&site, &certificate), Some(Reason::Superseded));
    let again = revoke(&mut site, &client, der, json!(4));
    is_problem(&again, 400, "alreadyRevoked");
}

#[test]
fn whoever_has_the_key_revokes_and_says_that_it_is_known_to_others() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let (certificate, key) = client.enrolled(&mut site);
    let holder = Client { key, kid: None };
    let reply = revoke(&mut site, &holder, certificate.as_der(), json!(1));
    assert_eq!(reply.status, 200, "{}", text(&reply));
    assert_eq!(reason_of(&site, &certificate), Some(Reason::KeyCompromise));
    assert!(site.ledger.register.is_blocked(&holder.key.public_key()));
    let (_, order) = client.ready(&mut site, SPC_1234);
    let reply = client.finalize(&mut site, &order, &request(SPC_1234, &holder.key));
    is_problem(&reply, 400, "badCSR");
}

#[test]
fn an_account_that_is_authorized_for_all_of_it_revokes() {
    let mut site = Site::new();
    let owner = Client::registered(&mut site);
    let (certificate, _) = owner.enrolled(&mut site);
    let other = Client::registered(&mut site);
    let der = certificate.as_der();
    is_problem(
        &revoke(&mut site, &other, der, json!(5)),
        403,
        "unauthorized",
    );
    let elsewhere = super::site::identifier(vec![TnEntry::Spc("1235".parse().unwrap())]);
    other.ready(&mut site, &elsewhere);
    is_problem(
        &revoke(&mut site, &other, der, json!(5)),
        403,
        "unauthorized",
    );
    let (_, order) = other.ready(&mut site, SPC_1234);
    let authorization = order["authorizations"][0].as_str().unwrap();
    assert_eq!(
        body(&other.see(&mut site, authorization))["status"],
        "valid"
    );
    let compromised = revoke(&mut site, &other, der, json!(1));
    is_problem(&compromised, 400, "badRevocationReason");
    let reply = revoke(&mut site, &other, der, Value::Null);
    assert_eq!(reply.status, 200, "{}", text(&reply));
    assert_eq!(reason_of(&site, &certificate), Some(Reason::Unspecified));
}

#[test]
fn nobody_else_revokes_and_nothing_that_is_not_ours() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let (certificate, _) = client.enrolled(&mut site);
    let der = certificate.as_der();
    is_problem(
        &revoke(&mut site, &Client::new(), der, json!(1)),
        403,
        "unauthorized",
    );
    assert!(
        !site
            .ledger
            .register
            .is_blocked(certificate.public_key().p256().unwrap())
    );
    let mut spoilt = der.to_vec();
    *spoilt.last_mut().unwrap() ^= 1;
    let foreign = site.lab.provider("1234");
    for other in [
        spoilt.as_slice(),
        foreign.chain.end_entity().as_der(),
        site.practice.authority.clone().certificate().as_der(),
        b"x",
        b"",
    ] {
        is_problem(
            &revoke(&mut site, &client, other, json!(1)),
            400,
            "malformed",
        );
    }
    for payload in ["{}", r#"{"certificate":1}"#, r#"{"certificate":"A=="}"#, ""] {
        let reply = client.post(&mut site, &url("/revoke-cert"), payload);
        is_problem(&reply, 400, "malformed");
    }
    assert_eq!(reason_of(&site, &certificate), None);
}
