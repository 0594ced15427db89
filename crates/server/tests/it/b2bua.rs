//! A call between two dialogs, twice: who signs and who verifies are both back-to-back user agents.
//!
//! ```text
//!     SIPp ══► serve, signs, b2bua ══► serve, verifies, b2bua ══► SIPp
//!       Call-ID 1              Call-ID 2                  Call-ID 3
//! ```
//!
//! This test verifies that a running server carries both dialogs of a call: nothing of one is seen in the other, bodies and proofs
//! cross as they are, and either side may send requests and hang up.

use crate::peers::{Called, Caller, Sipp, Trace, free_address};
use crate::provider::{Provider, Server, tcp, udp};

const CALLS: &str = "countersign_b2bua_calls";

/// A call through both, with these settings of the signer's trunk.
fn through_two(caller: Caller, called: Called, setting: &str) -> (Trace, Trace, Server, Server) {
    let provider = Provider::new();
    let called = Sipp::called(called);
    let verifies = provider.is_verified(&udp(called.address()));
    let verifies = verifies
        .trunk("mode = \"b2bua\"")
        .trunk("oversize = \"fragment\"")
        .start();
    let signs = provider
        .signs(&udp(verifies.sip()))
        .trunk("mode = \"b2bua\"");
    let signs = signs
        .trunk("oversize = \"fragment\"")
        .trunk(setting)
        .start();
    let seen = Sipp::call(caller, signs.sip())
        .header("X-Kept", "as it is")
        .place();
    let called = called.finish();
    (seen, called, signs, verifies)
}

/// The tag of a From or To.
fn tag(value: &str) -> &str {
    value.split(";tag=").nth(1).unwrap_or_default()
}

fn body(text: &str) -> &str {
    text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[test]
fn a_call_is_signed_and_verified_between_dialogs() {
    let (seen, called, mut signs, mut verifies) =
        through_two(Caller::Answered, Called::Answers, "");
    let (sent, got) = (seen.sent("INVITE")[0], called.invite());
    assert_eq!(got.verstat(), "TN-Validation-Passed");
    assert_eq!(got.header("X-Kept"), "as it is");
    assert_eq!(got.headers("Via").len(), 1, "{}", got.text);
    assert_eq!(body(&got.text), body(&sent.text));
    assert_ne!(got.header("Call-ID"), sent.header("Call-ID"));
    assert_ne!(tag(got.header("From")), tag(sent.header("From")));
    let answered = seen.response(200);
    let theirs = tag(called.received("BYE")[0].header("To"));
    assert_ne!(tag(answered.header("To")), theirs);
    assert!(theirs.contains("-called-"), "{theirs}");
    assert!(body(&answered.text).contains("\r\nm=audio 16386 RTP/AVP 0\r\n"));
    assert_eq!(
        called.received("BYE")[0].header("Call-ID"),
        got.header("Call-ID")
    );
    let (signed, verified) = (signs.call(), verifies.call());
    assert_eq!(signed["verdict"], "signed");
    assert_eq!(verified["verdict"], "passed");
    // The logs of both lead from one name to the other.
    assert_eq!(signed["call_id"], sent.header("Call-ID"));
    assert_eq!(signed["other_call_id"], verified["call_id"]);
    assert_eq!(verified["other_call_id"], got.header("Call-ID"));
    for server in [&mut signs, &mut verifies] {
        server.until_metric(
            "countersign_sip_events_total{event=\"call-ended-by-caller\"}",
            1,
        );
    }
}

#[test]
fn the_called_side_speaks_and_hangs_up() {
    let (seen, called, mut signs, mut verifies) =
        through_two(Caller::HungUpOn, Called::HangsUp, "");
    let (sent, got) = (called.sent("INVITE")[0], seen.received("INVITE")[0]);
    assert_eq!(body(&got.text), body(&sent.text));
    assert_eq!(
        got.header("Call-ID"),
        seen.sent("INVITE")[0].header("Call-ID")
    );
    assert_eq!(got.headers("Via").len(), 1);
    for server in [&mut signs, &mut verifies] {
        server.until_metric(
            "countersign_sip_events_total{event=\"call-ended-by-called\"}",
            1,
        );
    }
}

#[test]
fn names_are_kept_where_that_is_wanted() {
    let kept = "dialog_names = \"kept\"";
    let provider = Provider::new();
    let called = Sipp::called(Called::HangsUp);
    let signs = provider
        .signs(&udp(called.address()))
        .trunk("mode = \"b2bua\"");
    let signs = signs.trunk("oversize = \"fragment\"").trunk(kept).start();
    let seen = Sipp::call(Caller::HungUpOn, signs.sip()).place();
    let called = called.finish();
    let (sent, got) = (seen.sent("INVITE")[0], called.invite());
    assert_eq!(got.header("Call-ID"), sent.header("Call-ID"));
    assert_eq!(tag(got.header("From")), tag(sent.header("From")));
    assert_eq!(got.headers("Via").len(), 1);
    assert!(
        signs.metric(CALLS) <= 1,
        "it lasts as long as its transactions do"
    );
}

#[test]
fn a_call_that_is_cancelled_reaches_nobody() {
    let (_, called, signs, verifies) = through_two(Caller::Cancels, Called::Rings, "");
    assert_eq!(called.received("CANCEL").len(), 1);
    for server in [&signs, &verifies] {
        assert_eq!(
            server.metric("countersign_sip_events_total{event=\"call-ended"),
            0
        );
    }
}

/// The called side comes by no trunk: what it sends inside the call is known by its Call-ID, or, where names are kept, by who it is.
#[test]
fn the_called_side_needs_no_trunk() {
    for names in ["mapped", "kept"] {
        let provider = Provider::new();
        let called = Sipp::called(Called::HangsUp);
        let signs = provider.signs(&udp(called.address()));
        let signs = signs
            .trunk("mode = \"b2bua\"")
            .trunk("oversize = \"fragment\"");
        let signs = signs.trunk("addresses = [\"127.0.0.2\"]");
        let mut signs = signs.trunk(&format!("dialog_names = \"{names}\"")).start();
        let mut caller = free_address();
        caller.set_ip([127, 0, 0, 2].into());

        let seen = Sipp::call(Caller::HungUpOn, signs.sip()).place_from(caller);

        called.finish();
        assert_eq!(seen.received("BYE").len(), 1, "{names}");
        signs.until_metric(
            "countersign_sip_events_total{event=\"call-ended-by-called\"}",
            1,
        );
        assert_eq!(signs.metric("countersign_sip_refused_total"), 0);
    }
}

/// Over TCP the caller has no listener: what the called side sends comes to it on the connection that it opened.
#[test]
fn each_dialog_stays_on_its_connection() {
    let provider = Provider::new();
    let called = Sipp::called_over_tcp(Called::HangsUp);
    let signs = provider.signs(&tcp(called.address()));
    let mut signs = signs.trunk("mode = \"b2bua\"").start();

    let caller = Sipp::call(Caller::HungUpOn, signs.sip()).over_tcp();
    let seen = caller.place();

    called.finish();
    let invite = seen.received("INVITE")[0];
    assert!(invite.header("Via").starts_with("SIP/2.0/TCP "));
    assert!(invite.header("Contact").ends_with(";transport=tcp>"));
    signs.until_metric(
        "countersign_sip_events_total{event=\"call-ended-by-called\"}",
        1,
    );
    assert_eq!(signs.metric("countersign_sip_unsent_total"), 0);
}
