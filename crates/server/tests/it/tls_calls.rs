//! Calls over TLS.
//!
//! ```text
//!     SIPp ── UDP ──► serve, signs ══ TLS, both prove themselves ══► serve, verifies ── UDP ──► SIPp
//!
//!     SIPp ── UDP ──► Kamailio ══ TLS ══► serve, signs ══ TLS ══► Kamailio ── UDP ──► SIPp
//! ```
//!
//! This test verifies that a signed call goes over TLS between us, and between us and a neighbour who is not made by us; that a
//! trunk is known by the name that its peer proves, and by no other; and that a next hop which proves another name gets no call.

use crate::peers::{Called, Caller, Domains, Kamailio, Sipp, free_address};
use crate::provider::{Provider, Setup, tls, udp};

/// Whom those are asked for who connect.
fn asks(setup: Setup, domains: &Domains) -> Setup {
    setup.sip(&format!("client_ca_file = {:?}", domains.anchor()))
}

#[test]
fn a_signed_call_goes_over_mutual_tls() {
    let (provider, domains) = (Provider::new(), Domains::new());
    let (a, b) = (domains.domain("a.example"), domains.domain("b.example"));
    let called = Sipp::called(Called::Answers);
    let verifies = provider.is_verified(&udp(called.address()));
    let verifies = asks(verifies.secured(&b, &domains), &domains);
    let mut verifies = verifies.trunk("tls_identity = \"A.example\"").start();
    let signs = provider.signs(&tls(verifies.sip()));
    let signs = signs.secured(&a, &domains).start();

    Sipp::call(Caller::Answered, signs.sip()).place();

    let called = called.finish();
    let invite = called.invite();
    assert_eq!(invite.verstat(), "TN-Validation-Passed");
    let vias = invite.headers("Via");
    assert!(vias[1].starts_with("SIP/2.0/TLS "), "{vias:?}");
    assert_eq!(verifies.call()["attest"], "A");
    let secure =
        "countersign_sip_messages_total{transport=\"tls\",direction=\"in\",kind=\"request\"}";
    assert_eq!(verifies.metric(secure), 3, "INVITE, ACK and BYE");
}

#[test]
fn who_proves_another_name_is_of_no_trunk() {
    let (provider, domains) = (Provider::new(), Domains::new());
    let (a, b) = (domains.domain("a.example"), domains.domain("b.example"));
    let called = Sipp::called(Called::Answers);
    let verifies = provider.is_verified(&udp(called.address()));
    let verifies = asks(verifies.secured(&b, &domains), &domains);
    let verifies = verifies.sip("unknown_source = \"reject\"");
    let verifies = verifies.trunk("tls_identity = \"c.example\"").start();
    let signs = provider.signs(&tls(verifies.sip()));
    let signs = signs.secured(&a, &domains).start();

    Sipp::call(Caller::Refused(403), signs.sip()).place();

    called.was_not_called();
    let came =
        "countersign_sip_messages_total{transport=\"tls\",direction=\"in\",kind=\"request\"}";
    assert_eq!(verifies.metric(came), 2, "INVITE and ACK");
}

#[test]
fn a_call_crosses_a_foreign_neighbour_on_both_sides() {
    let (provider, domains) = (Provider::new(), Domains::new());
    let ours = domains.domain("ours.example");
    let (before, after) = (
        domains.domain("before.example"),
        domains.domain("after.example"),
    );
    let called = Sipp::called(Called::Answers);
    let behind = format!("sip:{};transport=udp", called.address());
    let after = Kamailio::secures(&behind, &after, &domains);
    let signs = provider.signs(&tls(after.address()));
    let signs = asks(signs.secured(&ours, &domains), &domains);
    let mut signs = signs.trunk("tls_identity = \"before.example\"").start();
    let us = format!("sip:{};transport=tls", signs.sip());
    let before = Kamailio::secures(&us, &before, &domains);

    Sipp::call(Caller::Answered, before.address()).place();

    let called = called.finish();
    let invite = called.invite();
    assert_eq!(invite.headers("Identity").len(), 1, "{}", invite.text);
    let vias = invite.headers("Via");
    assert!(vias[1].starts_with("SIP/2.0/TLS "), "{vias:?}");
    assert!(vias[2].starts_with("SIP/2.0/TLS "), "{vias:?}");
    assert_eq!(signs.call()["attest"], "A");
}

#[test]
fn a_next_hop_that_proves_another_name_gets_no_call_and_the_next_one_does() {
    let (provider, domains) = (Provider::new(), Domains::new());
    let a = domains.domain("a.example");
    let other = domains.issue("other", "subjectAltName = IP:127.0.0.2, DNS:b.example", 9);
    let wrong = provider.is_verified(&udp(free_address()));
    let wrong = wrong.secured(&other, &domains).start();
    let called = Sipp::called(Called::Answers);
    let hops = format!("{}\", \"{}", tls(wrong.sip()), udp(called.address()));
    let signs = provider.signs(&hops).secured(&a, &domains).start();

    Sipp::call(Caller::Answered, signs.sip()).place();

    assert_eq!(called.finish().invite().headers("Identity").len(), 1);
    let unsent = "countersign_sip_unsent_total{transport=\"tls\",reason=\"wrong-name\"}";
    assert_eq!(signs.metric(unsent), 1);
}
