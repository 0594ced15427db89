//! From nothing to a certificate, as RFC 8555 §7.1 and RFC 9448 tell it.
//!
//! ```text
//!     client                                   server
//!       │── GET directory ───────────────────────▶│
//!       │── HEAD new-nonce ──────────────────────▶│
//!       │── new-account ─────────────────────────▶│ 201, Location
//!       │── new-order {TNAuthList} ──────────────▶│ 201, pending
//!       │── authorization, challenge ────────────▶│ tkauth-01
//!       │── {"tkauth": token} ───────────────────▶│ valid; order ready
//!       │── finalize {csr} ──────────────────────▶│ valid, certificate, x5u
//!       │── certificate ─────────────────────────▶│ PEM chain
//! ```

use super::site::{
    BASE, Client, SPC_1234, Site, body, extensions, identifier, is_document, is_problem, request,
    request_with, send, shaken, text, url,
};
use countersign::certificate::encode::{
    self, PRINTABLE_STRING, SET, UTF8_STRING, element, sequence,
};
use countersign::certificate::{CertificateChain, DistinguishedName, TnAuthList, TnEntry};
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::jose::base64url;
use countersign_ca::acme::certificate::{chain, find_published, published_name};
use countersign_ca::acme::practice::{Outliving, Reuse};
use countersign_ca::acme::{self, Dialect, Unfetched};
use countersign_ca::register::preparation::SecondApproval;
use countersign_ca::token::validation::TokenIssuer;
use countersign_ca::token::{AuthorityToken, Fingerprint, FingerprintRule, Header, Permission};
use countersign_ca::{CrlPoint, csr};
use countersign_testkit::lab::{Signer, numbers};
use serde_json::json;

#[test]
fn the_directory_and_a_nonce_are_had_without_a_signature() {
    let mut site = Site::new();
    let directory = site.get("/directory");
    assert_eq!(directory.status, 200);
    let directory = body(&directory);
    for (name, path) in [
        ("newNonce", "/new-nonce"),
        ("newAccount", "/new-account"),
        ("newOrder", "/new-order"),
        ("revokeCert", "/revoke-cert"),
        ("keyChange", "/key-change"),
    ] {
        assert_eq!(directory[name], url(path));
    }
    assert!(directory.get("newAuthz").is_none());
    assert_eq!(directory["meta"]["externalAccountRequired"], false);
    for (method, status) in [("HEAD", 200), ("GET", 204)] {
        let reply = site.ask(method, "/new-nonce", None, b"");
        assert_eq!(reply.status, status);
        assert!(reply.body.is_empty());
        assert!(reply.header("Replay-Nonce").is_some());
        assert_eq!(reply.header("Cache-Control"), Some("no-store"));
        let index = format!("<{BASE}/directory>;rel=\"index\"");
        assert_eq!(reply.header("Link"), Some(index.as_str()));
    }
    is_problem(&site.ask("PUT", "/directory", None, b""), 405, "malformed");
    is_problem(&site.get("/new-account"), 405, "malformed");
    is_problem(&site.get("/nothing"), 404, "malformed");
}

/// This test verifies that a provider gets what it ordered, and nothing else.
#[test]
fn digest06_case01_the_identifier_of_one_provider_code_and_the_whole_way_to_its_certificate() {
    let der = [0x30, 0x08, 0xa0, 0x06, 0x16, 0x04, b'1', b'2', b'3', b'4'];
    assert_eq!(base64url::encode(&der), SPC_1234);
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let (order_url, order) = client.order(&mut site, SPC_1234);
    assert_eq!(order["status"], "pending");
    assert_eq!(
        order["identifiers"],
        json!([{ "type": "TNAuthList", "value": SPC_1234 }])
    );
    let challenge = client.challenge(&mut site, &order);
    assert_eq!(challenge["type"], "tkauth-01");
    assert_eq!(challenge["tkauth-type"], "atc");
    assert_eq!(challenge["token-authority"], "https://authority.example");
    assert_eq!(challenge["status"], "pending");
    assert_eq!(challenge["token"].as_str().unwrap().len(), 22);
    let claims = site.claims(&client, SPC_1234);
    let token = site.token(&claims);
    let reply = client.answer(&mut site, &order, &token);
    let met = body(&reply);
    assert_eq!((reply.status, &met["status"]), (200, &json!("valid")));
    assert!(met["validated"].is_string());
    let ready = body(&client.see(&mut site, &order_url));
    assert_eq!(ready["status"], "ready");
    let key = EcdsaP256Key::generate().unwrap();
    let reply = client.finalize(&mut site, &ready, &request(SPC_1234, &key));
    let valid = body(&reply);
    assert_eq!((reply.status, &valid["status"]), (200, &json!("valid")));
    let reply = client.see(&mut site, valid["certificate"].as_str().unwrap());
    assert_eq!(
        reply.header("Content-Type"),
        Some("application/pem-certificate-chain")
    );
    let chain = CertificateChain::parse(&reply.body).unwrap();
    let certificate = chain.end_entity();
    assert_eq!(certificate.public_key().p256(), Some(&key.public_key()));
    assert_eq!(certificate.tn_auth_list().unwrap().to_der(), der);
    assert_eq!(chain.certificates().len(), 2);
    assert_eq!(certificate.issuer(), chain.certificates()[1].subject());
}

#[test]
fn digest06_case19_a_valid_order_names_where_everybody_can_get_the_chain() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let (_, order) = client.ready(&mut site, SPC_1234);
    assert!(order.get("x5u").is_none() && order.get("certificate").is_none());
    let key = EcdsaP256Key::generate().unwrap();
    let reply = client.finalize(&mut site, &order, &request(SPC_1234, &key));
    let order = body(&reply);
    let downloaded = client.see(&mut site, order["certificate"].as_str().unwrap());
    let leaf = CertificateChain::parse(&downloaded.body).unwrap();
    let leaf = leaf.end_entity().as_der();
    // What a web server of ours answers there without authentication, from the certificate alone.
    let name = published_name(leaf);
    assert_eq!(
        order["x5u"],
        format!("https://ca.example/certificates/{name}.pem")
    );
    assert_eq!(chain(&site.practice, leaf).into_bytes(), downloaded.body);
    let register = &site.ledger.register;
    assert_eq!(find_published(register, &name), Some(leaf));
    for other in [
        "",
        "0",
        "00",
        &name[1..],
        &name.to_uppercase(),
        &name.replace(['1', '2', '3'], "4"),
    ] {
        assert_eq!(find_published(register, other), None, "{other}");
    }
    let leaked = order["certificate"].as_str().unwrap().contains(&name);
    assert!(!leaked, "the public name tells nothing of the order");
}

/// This test verifies that what was issued stays published when the authority gets another name.
#[test]
fn chains_of_every_issuer_in_the_register_are_found() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let (first, _) = client.enrolled(&mut site);
    site.practice.authority = site.lab.root().clone().with_practice(shaken());
    let (second, _) = client.enrolled(&mut site);
    assert_ne!(first.issuer(), second.issuer());
    for certificate in [first, second] {
        let der = certificate.as_der();
        let found = find_published(&site.ledger.register, &published_name(der));
        assert_eq!(found, Some(der));
    }
}

#[test]
fn digest06_case09_a_token_counts_until_it_expires_or_once() {
    for (reuse, second) in [(Reuse::UntilExpiry, "valid"), (Reuse::Once, "invalid")] {
        let mut site = Site::new();
        site.practice.token_reuse = reuse;
        let client = Client::registered(&mut site);
        let claims = site.claims(&client, SPC_1234);
        let token = site.token(&claims);
        for expected in ["valid", second] {
            let (_, order) = client.order(&mut site, SPC_1234);
            let reply = client.answer(&mut site, &order, &token);
            assert_eq!(body(&reply)["status"], expected, "{reuse:?}");
        }
    }
}

/// This test verifies that a token which counts once is told from one of another issuer that has the same identifier.
#[test]
fn what_counts_once_counts_once_for_each_issuer() {
    let mut site = Site::new();
    site.practice.token_reuse = Reuse::Once;
    let other = site.lab.provider("TA02");
    let trusted =
        |signer: &Signer| TokenIssuer::holder_of(signer.chain.end_entity().clone()).unwrap();
    let issuers = [trusted(&site.authority), trusted(&other).with_name("other")];
    site.practice.token_issuers = issuers.into();
    let client = Client::registered(&mut site);
    let claims = site.claims(&client, SPC_1234);
    for (signer, expected) in [
        (&site.authority.clone(), "valid"),
        (&other, "valid"),
        (&other, "invalid"),
        (&site.authority.clone(), "invalid"),
    ] {
        let header = Header {
            x5c: Some([signer.chain.end_entity().as_der().into()].into()),
            x5u: None,
        };
        let token = AuthorityToken::issue(&header, &claims, &*signer.key).unwrap();
        let (_, order) = client.order(&mut site, SPC_1234);
        let reply = client.answer(&mut site, &order, &token);
        assert_eq!(body(&reply)["status"], expected);
    }
}

#[test]
fn digest06_case18_a_token_comes_as_atc_in_the_dialect_of_shaken_only() {
    for (dialect, status) in [(Dialect::Rfc, 400), (Dialect::Shaken, 200)] {
        let mut site = Site::new();
        site.practice.dialect = dialect;
        let client = Client::registered(&mut site);
        let (order_url, order) = client.order(&mut site, SPC_1234);
        let challenge = client.challenge(&mut site, &order);
        let claims = site.claims(&client, SPC_1234);
        let payload = json!({ "atc": site.token(&claims) }).to_string();
        let reply = client.post(&mut site, challenge["url"].as_str().unwrap(), &payload);
        assert_eq!(reply.status, status, "{}", text(&reply));
        let order = body(&client.see(&mut site, &order_url));
        let expected = if status == 200 { "ready" } else { "pending" };
        assert_eq!(order["status"], expected);
    }
}

/// What the one production client of SHAKEN does: an empty new account, headers signed alone, padded base64, the digest of the whole
/// public key, `atc`, a state and a city in its name, and the account key in the certificate.
#[test]
fn a_deployed_client_of_shaken_enrols_in_its_dialect() {
    let mut site = Site::new();
    site.practice.dialect = Dialect::Shaken;
    site.practice.fingerprint = FingerprintRule::Either;
    let mut client = Client::new();
    let reply = client.see_signed_alone(&mut site, &url("/new-account"));
    assert_eq!(reply.status, 201, "{}", text(&reply));
    client.kid = Some(reply.header("Location").unwrap().to_owned());
    let padded = format!("{SPC_1234}==");
    let (order_url, order) = client.order(&mut site, &padded);
    let authorization = order["authorizations"][0].as_str().unwrap();
    let authorization = body(&client.see_signed_alone(&mut site, authorization));
    let challenge = authorization["challenges"][0]["url"].as_str().unwrap();
    let mut claims = site.claims(&client, SPC_1234);
    claims.atc.fingerprint = Fingerprint::spki_of(&client.key.public_key());
    let payload = json!({ "atc": site.token(&claims) }).to_string();
    let reply = client.post(&mut site, challenge, &payload);
    assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
    let mut asked = extensions(SPC_1234);
    let crl = CrlPoint {
        url: "https://ca.example/crl/all.crl".into(),
        issuer: site.lab.root().certificate().subject().clone(),
    };
    let issuer = site.practice.authority.certificate().subject().clone();
    asked.push(countersign_ca::extension::distribution_point(&crl, &issuer));
    let request = csr::write(&deployed_subject(), &asked, &*client.key).unwrap();
    let reply = client.finalize(&mut site, &order, &request);
    assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
    let order = body(&client.see_signed_alone(&mut site, &order_url));
    let chain = client.see_signed_alone(&mut site, order["certificate"].as_str().unwrap());
    let chain = CertificateChain::parse(&chain.body).unwrap();
    assert_eq!(*chain.end_entity().subject(), deployed_subject());
}

/// C=US, ST=New York, L=New York, O=Example Telco, CN=SHAKEN 1234 20261105
fn deployed_subject() -> DistinguishedName {
    let parts = [
        ("2.5.4.6", PRINTABLE_STRING, "US"),
        ("2.5.4.8", UTF8_STRING, "New York"),
        ("2.5.4.7", UTF8_STRING, "New York"),
        ("2.5.4.10", UTF8_STRING, "Example Telco"),
        ("2.5.4.3", UTF8_STRING, "SHAKEN 1234 20261105"),
    ];
    let sets = parts.map(|(kind, tag, text)| {
        let kind = encode::oid(&kind.parse().unwrap());
        let pair = sequence(&[kind, element(tag, text.as_bytes())]);
        element(SET, &pair)
    });
    DistinguishedName::new(&sequence(&sets)).unwrap()
}

#[test]
fn a_header_signed_alone_is_no_signature_by_the_rfc() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let kid = client.kid.clone().unwrap();
    let reply = client.see_signed_alone(&mut site, &kid);
    is_problem(&reply, 400, "malformed");
}

#[test]
fn digest06_case20_no_certificate_outlives_its_token() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let mut claims = site.claims(&client, SPC_1234);
    claims.exp = site.now.saturating_add(3_600);
    let key = EcdsaP256Key::generate().unwrap();
    // Nothing was asked for: the certificate ends with the token.
    let (_, order) = client.ready_by(&mut site, SPC_1234, &claims);
    let reply = client.finalize(&mut site, &order, &request(SPC_1234, &key));
    let valid = body(&reply);
    let chain = client.see(&mut site, valid["certificate"].as_str().unwrap());
    let chain = CertificateChain::parse(&chain.body).unwrap();
    assert_eq!(chain.end_entity().validity().not_after, claims.exp);
    // Seven days were asked for: refused, unless the operator allows it.
    for (outliving, status) in [(Outliving::Forbidden, 403), (Outliving::Allowed, 200)] {
        site.practice.outliving = outliving;
        let end = site.now.saturating_add(7 * 86_400);
        let payload = json!({
            "identifiers": [{ "type": "TNAuthList", "value": SPC_1234 }],
            "notAfter": end.to_string(),
        });
        let placed = client.post(&mut site, &url("/new-order"), &payload.to_string());
        let order_url = placed.header("Location").unwrap().to_owned();
        let order = body(&placed);
        assert_eq!(order["notAfter"], end.to_string());
        let token = site.token(&claims);
        client.answer(&mut site, &order, &token);
        let reply = client.finalize(&mut site, &order, &request(SPC_1234, &key));
        assert_eq!(reply.status, status, "{}", text(&reply));
        let order = body(&client.see(&mut site, &order_url));
        if status == 403 {
            is_problem(&reply, 403, "unauthorized");
            let ends = format!("the token counts until {} ", claims.exp);
            assert!(text(&reply).contains(&ends), "{}", text(&reply));
            assert_eq!(order["status"], "invalid");
            is_document(&order["error"], "unauthorized");
        } else {
            let chain = client.see(&mut site, order["certificate"].as_str().unwrap());
            let chain = CertificateChain::parse(&chain.body).unwrap();
            assert_eq!(chain.end_entity().validity().not_after, end);
        }
    }
}

#[test]
fn digest06_case14_one_list_an_order_and_no_other_identifier() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let list = json!({ "type": "TNAuthList", "value": SPC_1234 });
    let dns = json!({ "type": "dns", "value": "www.example.org" });
    for (identifiers, kind) in [
        (json!([list, list]), "malformed"),
        (json!([]), "malformed"),
        (json!("MAigBhYEMTIzNA"), "malformed"),
        (json!([dns]), "unsupportedIdentifier"),
        (json!([list, dns]), "unsupportedIdentifier"),
        (
            json!([{ "type": "TnAuthList", "value": SPC_1234 }]),
            "unsupportedIdentifier",
        ),
        (json!([{ "type": "TNAuthList" }]), "malformed"),
        (json!([{ "value": SPC_1234 }]), "malformed"),
    ] {
        let payload = json!({ "identifiers": identifiers }).to_string();
        let reply = client.post(&mut site, &url("/new-order"), &payload);
        is_problem(&reply, 400, kind);
    }
    assert_eq!(site.ledger.acme.orders().count(), 0);
}

#[test]
fn digest06_case15_an_identifier_is_base64url_of_der_and_nothing_else() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    for value in [
        "MAigBhYEMTIzNA==",
        "MAigBhYEMTIzNA=",
        "MAigBhYEMTIz+A",
        "MAigBhYEMTIzNB",
        "",
        "MAA",
        // A length in two octets where one would do: BER.
        "MIEIoAYWBDEyMzQ",
    ] {
        let payload = json!({ "identifiers": [{ "type": "TNAuthList", "value": value }] });
        let reply = client.post(&mut site, &url("/new-order"), &payload.to_string());
        is_problem(&reply, 400, "malformed");
    }
}

#[test]
fn an_order_for_what_the_authority_does_not_have_is_refused_at_once() {
    let mut site = Site::new();
    let own = TnAuthList::new(vec![numbers("12025550100", 50)]).unwrap();
    let (key, certificate) = site
        .lab
        .issue(
            site.lab.intermediate(),
            countersign_ca::Profile::DelegateCa(countersign_ca::extension::PathLength::AtMost(0)),
            "Example",
            Some(own),
        )
        .unwrap();
    let practice = countersign_ca::Practice::default();
    site.practice.authority = countersign_ca::Authority::new(certificate, key, practice).unwrap();
    let client = Client::registered(&mut site);
    for (count, status) in [(50, 201), (51, 400)] {
        let list = identifier(vec![numbers("12025550100", count)]);
        let payload = json!({ "identifiers": [{ "type": "TNAuthList", "value": list }] });
        let reply = client.post(&mut site, &url("/new-order"), &payload.to_string());
        assert_eq!(reply.status, status, "{count}: {}", text(&reply));
        if status == 400 {
            is_problem(&reply, 400, "rejectedIdentifier");
        }
    }
}

#[test]
fn times_that_no_certificate_will_have_are_refused() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let at = |days: i64| site.now.saturating_add(days * 86_400).to_string();
    let bad = [
        json!({ "notAfter": at(-1) }),
        json!({ "notBefore": at(-2), "notAfter": at(1) }),
        json!({ "notBefore": at(2), "notAfter": at(1) }),
        json!({ "notAfter": at(31) }),
        json!({ "notAfter": "tomorrow" }),
        json!({ "notBefore": 5 }),
    ];
    for mut payload in bad {
        payload["identifiers"] = json!([{ "type": "TNAuthList", "value": SPC_1234 }]);
        let reply = client.post(&mut site, &url("/new-order"), &payload.to_string());
        is_problem(&reply, 400, "malformed");
    }
}

/// This test verifies that the client hears "processing" until the certificate of its token is there.
#[test]
fn the_certificate_of_a_token_is_fetched_while_the_client_waits() {
    let mut site = Site::new();
    let root = site.lab.intermediate().certificate().clone();
    let name = site.authority.chain.end_entity().subject().common_name();
    site.practice.token_issuers = [TokenIssuer::below(root, &name.unwrap()).unwrap()].into();
    let chain = site.authority.chain.to_pem();
    let client = Client::registered(&mut site);
    for (bytes, state, kind) in [
        (Ok(chain.as_bytes()), "valid", ""),
        (Err(Unfetched), "invalid", "connection"),
        (Ok(&b"nothing"[..]), "invalid", "unauthorized"),
    ] {
        let (order_url, order) = client.order(&mut site, SPC_1234);
        let claims = site.claims(&client, SPC_1234);
        let token = site.token(&claims);
        // Asked again and again, because answers are lost: it is fetched once in ten seconds.
        for (later, fetches) in [(0, 1), (9, 1), (1, 2)] {
            site.wait(later);
            let reply = client.answer(&mut site, &order, &token);
            assert_eq!(body(&reply)["status"], "processing");
            assert!(reply.header("Retry-After").is_some());
            assert_eq!(site.fetches.len(), fetches);
        }
        let heard = site.journal.iter();
        let heard = heard.filter(|line| line.contains("token-heard")).count();
        assert_eq!(heard, 1, "a token is kept once");
        site.journal.clear();
        assert_eq!(
            body(&client.see(&mut site, &order_url))["status"],
            "pending"
        );
        let waiting = acme::waiting(site.ledger.books(), &site.practice);
        assert_eq!(waiting.len(), 1);
        assert_eq!(site.fetches.last(), waiting.last());
        site.fetched(bytes);
        site.fetched(bytes);
        let challenge = client.challenge(&mut site, &order);
        assert_eq!(challenge["status"], state);
        if !kind.is_empty() {
            is_document(&challenge["error"], kind);
            let order = body(&client.see(&mut site, &order_url));
            assert_eq!(order["status"], "invalid");
            is_document(&order["error"], kind);
        }
    }
}

#[test]
fn a_certificate_that_certifies_others_waits_for_a_second_person() {
    let mut site = Site::new();
    site.practice.rules.second_approval = SecondApproval::Needed;
    let client = Client::registered(&mut site);
    let mut claims = site.claims(&client, SPC_1234);
    claims.atc.permission = Permission::Authority;
    let (order_url, order) = client.ready_by(&mut site, SPC_1234, &claims);
    let key = EcdsaP256Key::generate().unwrap();
    let mut asked = extensions(SPC_1234);
    let length = countersign_ca::extension::PathLength::AtMost(0);
    asked[0] = countersign_ca::extension::authority_constraints(length);
    let reply = client.finalize(&mut site, &order, &request_with(&asked, &key));
    assert_eq!(body(&reply)["status"], "processing", "{}", text(&reply));
    site.wait(3_600);
    let order = body(&client.see(&mut site, &order_url));
    assert_eq!(order["status"], "processing");
    let register = &site.ledger.register;
    let (id, _) = register.approvals().next().unwrap();
    let given = register.approve(id, "the second person", site.now).unwrap();
    site.keep([acme::Entry::Certificate(given)]);
    let order = body(&client.see(&mut site, &order_url));
    assert_eq!(order["status"], "valid", "{order}");
    let again = body(&client.see(&mut site, &order_url));
    assert_eq!(again["certificate"], order["certificate"]);
    assert_eq!(site.ledger.register.certificates().count(), 1);
    let chain = client.see(&mut site, order["certificate"].as_str().unwrap());
    assert!(
        CertificateChain::parse(&chain.body)
            .unwrap()
            .end_entity()
            .is_ca()
    );
}

#[test]
fn a_token_by_value_needs_no_fetch() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let (_, order) = client.order(&mut site, SPC_1234);
    let claims = site.claims(&client, SPC_1234);
    let certificate = site.authority.chain.end_entity().as_der();
    let header = Header {
        x5c: Some([certificate.into()].into()),
        x5u: None,
    };
    let token = AuthorityToken::issue(&header, &claims, &*site.authority.key).unwrap();
    let reply = client.answer(&mut site, &order, &token);
    assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
    assert!(site.fetches.is_empty());
}

#[test]
fn one_number_is_enough_for_an_order() {
    let mut site = Site::new();
    site.issues_beyond_shaken();
    let client = Client::registered(&mut site);
    let list = identifier(vec![TnEntry::One("12025550100".parse().unwrap())]);
    let (_, order) = client.ready(&mut site, &list);
    let key = EcdsaP256Key::generate().unwrap();
    let subject = countersign_ca::Subject::new("US", "Example", "SHAKEN number").unwrap();
    let request = csr::write(subject.name(), &extensions(&list), &key).unwrap();
    let reply = client.finalize(&mut site, &order, &request);
    assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
}

#[test]
fn a_request_to_another_path_than_it_was_signed_for_is_refused() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let nonce = site.nonce();
    let body = client.sign(&client.header(&url("/new-order"), &nonce), "{}");
    is_problem(
        &send(&mut site, &url("/key-change"), &body),
        403,
        "unauthorized",
    );
}
