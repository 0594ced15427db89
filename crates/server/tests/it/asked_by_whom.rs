//! Who asks who would answer, by which way, and what the command says of the answer to scripts.
//!
//! ```text
//!     countersign probe ── From: anonymous@, or a number ──► serve: "anonymous", "listed"      183 or 403
//!     countersign probe ── TLS ────────────────────────────► serve                             is it the host, who are we
//!     countersign probe ───► serve: "forward" ─────────────► serve: answers                    183
//!     countersign probe ───────────────────────────────────► a telephone that says what it likes
//! ```
//!
//! This test verifies that a trunk answers those who may ask and no others, that a probe goes over TLS only to who is meant, that it may be
//! left to the next hop to answer, and that the exit codes of the command tell all of it apart.

use crate::ask_then_call::{asked, counted, may_be_asked};
use crate::peers::{Called, Domains, Sipp, free_address};
use crate::provider::{Provider, Server, Setup, udp};
use crate::who_speaks::{Phone, accepts};
use std::net::SocketAddr;
use std::process::Output;

/// What passes without being cut.
const WHOLE: &str = "oversize = \"fragment\"";

const BY_NUMBER: &[&str] = &["--from", "12025550100"];

/// Both providers; the repository of the one who asks, as long as it is kept; and whoever must not be called.
struct Parties {
    calling: Provider,
    answering: Provider,
    _publishes: Server,
    called: Sipp,
}

impl Parties {
    fn new() -> Self {
        let (calling, answering) = (Provider::new(), Provider::new());
        let _publishes = calling.signs(&udp(free_address())).start();
        let called = Sipp::called(Called::Answers);
        Self {
            calling,
            answering,
            _publishes,
            called,
        }
    }

    /// A server that answers those who may ask by this setting.
    fn answers(&self, probes: &str) -> Setup {
        let next_hop = udp(self.called.address());
        let setup = self.answering.answers(&[&self.calling], &next_hop);
        setup.trunk(WHOLE).trunk("[trunks.connected]").trunk(probes)
    }

    fn ask(&self, at: SocketAddr, more: &[&str]) -> Output {
        asked((&self.calling, &self.answering), at, more)
    }
}

/// The exit code, and all that was said.
fn told(output: &Output) -> (Option<i32>, String) {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&all).into_owned(),
    )
}

/// This test verifies that who does not say who it is is told where everybody proven is, and that a list of callers is one.
#[test]
fn who_may_ask_is_told_and_others_are_not() {
    let parties = Parties::new();
    for (probes, asks, code, outcome) in [
        (
            "probes = \"anonymous\"",
            &["--anonymous"][..],
            0,
            "answered",
        ),
        (
            "probes = \"authenticated\"",
            &["--anonymous"],
            4,
            "forbidden",
        ),
        (
            "probes = \"listed\"\nprobe_callers = [\"12025550100\"]",
            BY_NUMBER,
            0,
            "answered",
        ),
        (
            "probes = \"listed\"\nprobe_callers = [\"12025550100\"]",
            &["--from", "12025550102"],
            4,
            "forbidden",
        ),
        (
            "probes = \"listed\"\nprobe_callers = [\"12025550100\"]",
            &["--anonymous"],
            4,
            "forbidden",
        ),
    ] {
        let mut server = parties.answers(probes).start();
        let (found, text) = told(&parties.ask(server.sip(), asks));
        assert_eq!(found, Some(code), "{probes} {asks:?}\n{text}");
        let expected = match code {
            0 => "12025550101 would answer",
            _ => "refused: 403 Forbidden",
        };
        assert!(text.contains(expected), "{text}");
        server.until_metric(&counted(outcome), 1);
    }
    parties.called.was_not_called();
}

/// This test verifies that a probe goes over TLS to a host that proves its name to the anchors that are given, with our own proof for who asks
/// for one; and nowhere else.
#[test]
fn a_probe_goes_over_tls_to_who_is_meant() {
    let (parties, domains) = (Parties::new(), Domains::new());
    let (a, b) = (domains.domain("a.example"), domains.domain("b.example"));
    let other = domains.issue("other", "subjectAltName = IP:127.0.0.2, DNS:b.example", 9);
    let anchor = domains.anchor();
    let ca = ["--ca", anchor.to_str().unwrap()];
    let own = ["--tls-certificate", a.certificate.to_str().unwrap()];
    let key = ["--tls-key", a.key.to_str().unwrap()];
    let secured = |domain, trunk: &str| {
        let next_hop = udp(parties.called.address());
        let setup = parties.answering.answers(&[&parties.calling], &next_hop);
        // What a trunk is known by stands before its tables.
        let setup = setup.trunk(WHOLE).trunk(trunk).trunk("[trunks.connected]");
        let setup = setup.trunk("probes = \"authenticated\"");
        let setup = setup.secured(domain, &domains);
        let setup = setup.sip("unknown_source = \"reject\"");
        setup.sip(&format!("client_ca_file = {anchor:?}")).start()
    };
    let ask = |at: SocketAddr, with: &[&[&str]]| {
        let via = format!("tls:{at}");
        let way = ["--via", &via];
        let more = [&[BY_NUMBER, &way], with].concat().concat();
        told(&parties.ask(at, &more))
    };

    let mut server = secured(&b, "tls_identity = \"a.example\"");
    let (code, text) = ask(server.sip(), &[&ca, &own, &key]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("12025550101 would answer"), "{text}");
    server.until_metric(&counted("answered"), 1);
    let (code, text) = ask(server.sip(), &[&ca]);
    assert_eq!(code, Some(2), "who proves nothing is not let in\n{text}");
    // The system's anchors have nothing to do with it.
    let (code, text) = ask(server.sip(), &[&own, &key]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("certificate"), "{text}");

    // The next one publishes at the same address.
    drop(server);
    let wrong = secured(&other, "");
    let (code, text) = ask(wrong.sip(), &[&ca]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("NotValidForName"), "{text}");
    parties.called.was_not_called();
}

/// This test verifies that a trunk which leaves it to its next hop lets a probe through that is proven, and counts it; that whoever answers
/// there is believed by who asks; and that one which is not proven is stopped.
#[test]
fn a_probe_is_left_to_the_next_hop() {
    let parties = Parties::new();
    let mut inside = may_be_asked(&parties.answering, &parties.calling, &parties.called).start();
    let border = Provider::new();
    let setup = border.answers(&[&parties.calling], &udp(inside.sip()));
    let setup = setup.trunk(WHOLE).trunk("[trunks.connected]");
    let mut leaves = setup.trunk("probes = \"forward\"").start();

    let (code, text) = told(&parties.ask(leaves.sip(), BY_NUMBER));

    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("12025550101 would answer"), "{text}");
    leaves.until_metric(&counted("forwarded"), 1);
    inside.until_metric(&counted("answered"), 1);
    // Somebody whom nobody trusts asks.
    let stranger = asked((&border, &parties.answering), leaves.sip(), BY_NUMBER);
    assert_eq!(told(&stranger).0, Some(4), "{:?}", told(&stranger));
    leaves.until_metric(&counted("not-proven"), 1);
    assert_eq!(inside.metric(&counted("not-proven")), 0);
    parties.called.was_not_called();
}

/// This test verifies that a script can tell by the exit code who would answer: the right one, somebody else, somebody without proof,
/// somebody whose proof cannot be checked, or that we could not ask.
#[test]
fn digest01_case11_the_exit_code_says_who_would_answer() {
    const BETWEEN: (&str, &str) = ("12025550100", "12025550101");
    let parties = Parties::new();
    let mut publishes = Some(parties.answering.signs(&udp(free_address())).start());
    let right = || parties.answering.answer(BETWEEN, "12025550101");
    let other = "12025550120";
    let another = || parties.answering.answer((BETWEEN.0, other), other);
    for (code, proof) in [
        (0, Some(right())),
        (1, Some(another())),
        (3, None),
        (4, Some(right())),
    ] {
        // Its certificate is not to be had any more.
        publishes = publishes.filter(|_| code != 4);
        let phone = Phone::new();
        let at = phone.address;
        let answers = std::thread::spawn(move || {
            let (invite, from) = phone.hears("INVITE ");
            let mut answer = accepts(&invite, &phone, "phone");
            if let Some(proof) = proof {
                let proof = format!("Identity: {proof}\r\nContent-Length");
                answer = answer.replace("Content-Length", &proof);
            }
            phone.send(from, &answer);
            let (bye, from) = phone.hears("BYE ");
            phone.send(from, &accepts(&bye, &phone, "phone"));
        });
        let (found, text) = told(&parties.ask(at, BY_NUMBER));
        assert_eq!(found, Some(code), "{text}");
        answers.join().unwrap();
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = closed.local_addr().unwrap();
    drop(closed);
    let via = format!("tcp:{at}");
    let (code, text) = told(&parties.ask(at, &[BY_NUMBER, &["--via", &via]].concat()));
    assert_eq!(code, Some(2), "{text}");
    parties.called.was_not_called();
}
