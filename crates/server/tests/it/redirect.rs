//! A switch asks before it sends a call on, and is answered with 302.
//!
//! ```text
//!     SIPp ──INVITE──► serve, signs          the call is sent on by SIPp's own means
//!          ◄── 302 ──  (redirect)
//!
//!     SIPp ──INVITE + Identity──► serve, verifies
//!          ◄── 302 + verstat ───  (redirect)
//! ```
//!
//! This test verifies that every dialect of 302 reaches a switch over real sockets with a proof that holds: what one server gives
//! back, the other believes.

use crate::peers::{Caller, Sipp, Trace};
use crate::provider::{Provider, Server, now};
use countersign_sip::uri::Uri;
use std::net::UdpSocket;
use std::time::Duration;

const NOWHERE: &str = "udp:127.0.0.1:9";

fn signs(provider: &Provider, dialect: &str) -> Server {
    provider.signs(NOWHERE).redirects(dialect).start()
}

/// The answer that a call got.
#[track_caller]
fn asked(server: &Server) -> Trace {
    Sipp::call(Caller::Redirected, server.sip()).place()
}

/// What a verifier says to the Identity that a signer gave.
#[track_caller]
fn is_believed(provider: &Provider, identity: &str) {
    let mut verifies = provider.is_verified(NOWHERE).redirects("header").start();
    let call = Sipp::call(Caller::Redirected, verifies.sip());
    let trace = call.header("Identity", identity).place();
    assert_eq!(trace.response(302).verstat(), "TN-Validation-Passed");
    let verified = verifies.call();
    assert_eq!(verified["verdict"], "passed");
    assert_eq!(verified["verstat"], "TN-Validation-Passed");
    assert_eq!(verified["status"], 302);
}

#[test]
fn a_signature_comes_back_in_headers() {
    let provider = Provider::new();
    let mut signs = signs(&provider, "header");

    let trace = asked(&signs);

    let answer = trace.response(302);
    let invite = trace.sent("INVITE")[0];
    let uri = invite.start_line().split(' ').nth(1).unwrap();
    assert_eq!(answer.header("Contact"), format!("<{uri}>"));
    assert_eq!(answer.headers("Date").len(), 1);
    assert_eq!(trace.statuses(), [100, 302]);
    let signed = signs.call();
    assert_eq!(
        (&signed["verdict"], &signed["status"]),
        (&"signed".into(), &302.into())
    );
    is_believed(&provider, answer.header("Identity"));
}

#[test]
fn a_signature_comes_back_inside_contact() {
    let provider = Provider::new();
    let signs = signs(&provider, "contact");

    let trace = asked(&signs);

    let answer = trace.response(302);
    assert!(answer.headers("Identity").is_empty(), "{}", answer.text);
    let contact = answer.header("Contact");
    let uri = contact
        .strip_prefix('<')
        .unwrap()
        .strip_suffix('>')
        .unwrap();
    let Ok(Uri::Sip(uri)) = Uri::parse(uri.as_bytes()) else {
        panic!("{contact}")
    };
    let headers: Vec<_> = uri.header_fields().collect();
    let names: Vec<_> = headers.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, [b"Date".as_slice(), b"Identity"]);
    is_believed(&provider, std::str::from_utf8(&headers[1].1).unwrap());
}

#[test]
fn a_signature_comes_back_under_other_names() {
    let provider = Provider::new();
    let signs = signs(&provider, "x-headers");

    let trace = asked(&signs);

    let answer = trace.response(302);
    assert!(answer.headers("Identity").is_empty(), "{}", answer.text);
    assert!(answer.header("X-Date").ends_with(" GMT"));
    is_believed(&provider, answer.header("X-Identity"));
}

#[test]
fn a_bad_proof_is_told_too() {
    let provider = Provider::new();
    let _publishes = provider.signs(NOWHERE).redirects("header").start();
    let verifies = provider.is_verified(NOWHERE).redirects("header").start();
    let identity = provider.identity(now());

    let call = Sipp::call(Caller::Redirected, verifies.sip()).from("12025550119");
    let trace = call.header("Identity", &identity).place();

    assert_eq!(trace.response(302).verstat(), "TN-Validation-Failed");
}

#[test]
fn what_is_not_signed_takes_the_next_route() {
    let provider = Provider::new();
    for (code, caller) in [(404, Caller::Refused(404)), (503, Caller::Refused(503))] {
        let setup = provider.signs(NOWHERE).redirects("header");
        let setup = setup.trunk(&format!("redirect_nothing_added = {code}"));
        let signs = setup.trunk("unlisted = \"unsigned\"").start();
        Sipp::call(caller, signs.sip()).from("12025550177").place();
    }
}

/// This test verifies that one switch with several trunk groups is several trunks, known by `otg` in From.
#[test]
fn trunk_groups_are_trunks() {
    let provider = Provider::new();
    let setup = provider.signs(NOWHERE).redirects("header");
    let gateway = "name = \"gateway\"\naddresses = [\"127.0.0.1\"]\ntrunk_group = \"000200\"\nnumbering = \"north-american\"\n\
                   role = \"sign\"\ntenant = \"provider\"\nmode = \"redirect\"\nattestation = \"C\"\n";
    let mut signs = setup.behind(gateway).start();

    let call = Sipp::call(Caller::Redirected, signs.sip());
    call.parameters_of_from(";otg=000200").place();

    let signed = signs.call();
    assert_eq!(
        (&signed["trunk"], &signed["attest"]),
        (&"gateway".into(), &"C".into())
    );
    let other = Sipp::call(Caller::Redirected, signs.sip());
    other.parameters_of_from(";otg=000300").place();
    assert_eq!(
        signs.metric("countersign_signings_total{trunk=\"signs\""),
        1
    );
}

/// This test verifies that a switch gets the attestation that it asks for where it deserves more.
#[test]
fn a_switch_asks_for_an_attestation() {
    let provider = Provider::new();
    let setup = provider.signs(NOWHERE).redirects("header");
    let mut signs = setup.trunk("attestation_header = \"Attestation\"").start();

    let call = Sipp::call(Caller::Redirected, signs.sip());
    call.header("Attestation", "B").place();

    assert_eq!(signs.call()["attest"], "B");
}

/// This test verifies that what is blocked is told in the words of the trunk.
#[test]
fn a_blocked_call_is_declined() {
    let provider = Provider::new();
    let setup = provider.is_verified(NOWHERE).redirects("header");
    let setup = setup.trunk("treatment = \"reject\"\nrequire_identity = true");
    let setup = setup.trunk("reject_code = 603\nreject_text = \"sti-blocked\"");
    let verifies = setup.start();

    let trace = Sipp::call(Caller::Refused(603), verifies.sip()).place();

    assert_eq!(
        trace.response(603).headers("Reason"),
        [
            "SIP;cause=603;text=\"sti-blocked\"",
            "STIR;cause=428;text=\"Use Identity Header\""
        ]
    );
}

/// This test verifies that a switch that repeats its question because the answer was lost gets the very same answer (case 80: the same
/// origid, the same signature), although each call has an origid of its own.
#[test]
fn case80_a_lost_answer_is_repeated() {
    let provider = Provider::new();
    let setup = provider.signs(NOWHERE).redirects("header");
    let signs = setup.trunk("origid = \"call\"").start();
    let switch = UdpSocket::bind("127.0.0.1:0").unwrap();
    switch
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let us = switch.local_addr().unwrap();
    let ask = |call_id: &str| {
        let invite = format!(
            "INVITE sip:12025550101@{sip} SIP/2.0\r\nVia: SIP/2.0/UDP {us};branch=z9hG4bK{call_id};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:12025550100@{us}>;tag=1\r\nTo: <sip:12025550101@{sip}>\r\nCall-ID: {call_id}\r\nCSeq: 1 INVITE\r\n\
             Identity: \r\nContent-Length: 0\r\n\r\n",
            sip = signs.sip()
        );
        switch.send_to(invite.as_bytes(), signs.sip()).unwrap();
    };
    let answer = |status: &str| loop {
        let mut buffer = [0; 65_535];
        let length = switch.recv(&mut buffer).expect("an answer");
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.starts_with(&format!("SIP/2.0 {status}")) {
            break text;
        }
    };
    ask("redirect-case80-one");
    let first = answer("302");
    ask("redirect-case80-one");
    assert_eq!(answer("302"), first);
    // It is repeated without being asked, too, as long as nobody acknowledges it.
    assert_eq!(answer("302"), first);
    ask("redirect-case80-two");
    let other = loop {
        let text = answer("302");
        if text != first {
            break text;
        }
    };
    let identity = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("Identity: "))
            .map(str::to_owned)
    };
    assert!(identity(&other).is_some());
    assert_ne!(identity(&other), identity(&first));
}

/// This test verifies that one trunk does both, as the switch says, over TCP as over UDP.
#[test]
fn a_switch_says_what_it_wants() {
    let provider = Provider::new();
    let both = "name = \"both\"\naddresses = [\"127.0.0.1\"]\nnumbering = \"north-american\"\nrole = \"both\"\ntenant = \"provider\"\n\
                mode = \"redirect\"\nudp_source_is_trusted = true\n";
    let signs = provider
        .signs(NOWHERE)
        .redirects("header")
        .behind(both)
        .start();
    let ask = |qtype: &str| {
        let call = Sipp::call(Caller::Redirected, signs.sip()).over_tcp();
        call.parameters_of_from(&format!(";qtype={qtype}")).place()
    };

    let signed = ask("sti-as");
    assert_eq!(signed.response(302).headers("Identity").len(), 1);
    let judged = ask("sti-vs");
    let answer = judged.response(302);
    assert!(answer.headers("Identity").is_empty(), "{}", answer.text);
    assert_eq!(answer.verstat(), "No-TN-Validation");
}
