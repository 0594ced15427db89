//! How long what is ordered lives, and what kind of certificate a token is for.

use super::site::{Client, SPC_1234, Site, body, is_problem, request, text};
use countersign::certificate::Certificate;
use countersign::certificate::extensions::oid;
use countersign::crypto::EcdsaP256Key;
use countersign_ca::token::Permission;

/// What provider 1234 gets at this site.
fn issued(site: &mut Site) -> Certificate {
    let client = Client::registered(site);
    let (_, order) = client.ready(site, SPC_1234);
    let key = EcdsaP256Key::generate().unwrap();
    let reply = client.finalize(site, &order, &request(SPC_1234, &key));
    assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
    let mut issued = site.ledger.register.certificates();
    let (_, first) = issued.next().unwrap();
    Certificate::parse(first.certificate().unwrap()).unwrap()
}

/// This test verifies that a life is begun before now by a tenth of it and an hour at most: of ten minutes an hour would be nearly all.
#[test]
fn a_short_life_is_not_begun_an_hour_early() {
    for (life, early) in [(600, 60), (7 * 86_400, 3_600)] {
        let mut site = Site::new();
        site.practice.lifetimes.usual = life;
        let validity = issued(&mut site).validity();
        let begun = site.now.as_secs() - validity.not_before.as_secs();
        assert!((early - 5..=early + 5).contains(&begun), "{life}: {begun}");
        assert!(validity.not_after > site.now);
    }
}

/// This test verifies that what lives for a short time only says that nobody publishes its revocation, and names no place of one: RFC 9608.
#[test]
fn what_ends_soon_is_never_revoked() {
    for (life, is_short) in [(3_000, true), (7_200, false)] {
        let mut site = Site::new();
        let lifetimes = &mut site.practice.lifetimes;
        (lifetimes.usual, lifetimes.never_revoked) = (life, 3_600);
        let certificate = issued(&mut site);
        assert_eq!(certificate.has_no_rev_avail(), is_short);
        assert_eq!(certificate.no_rev_avail_conflict(), None);
        let points = certificate.has_extension(oid::CRL_DISTRIBUTION_POINTS);
        assert_eq!(points, !is_short);
    }
}

#[test]
fn digest12_case15_a_token_for_authorities_is_for_no_end_entity() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let mut claims = site.claims(&client, SPC_1234);
    claims.atc.permission = Permission::Authority;
    let (order_url, order) = client.ready_by(&mut site, SPC_1234, &claims);
    let key = EcdsaP256Key::generate().unwrap();
    let reply = client.finalize(&mut site, &order, &request(SPC_1234, &key));
    is_problem(&reply, 400, "badCSR");
    assert_eq!(body(&client.see(&mut site, &order_url))["status"], "ready");
    assert_eq!(site.ledger.register.certificates().count(), 0);
}
