//! Who speaks inside a call whose answer was proven: both providers sign what their side says, and check what the other side says.
//!
//! ```text
//!     SIPp ══► serve, signs, b2bua ══► serve, verifies, b2bua ══► SIPp
//!        ◄═ INVITE, BYE ═ judged ◄══ signed ◄═══════ INVITE, BYE ═
//!
//!     caller ══► serve, signs, b2bua ══► serve, verifies, proxy ──► called
//!        ◄─ nothing ─ 428, 438 ◄────────────────── forged BYE ── somebody who has seen the dialog
//!        ── BYE ────► signed ────────────────────────────────────► called
//! ```
//!
//! This test verifies that a running server signs re-INVITE and BYE in the name of who answered, or called, so that the other one believes
//! them, and that a forged BYE (call stretching) ends nothing.

use crate::peers::{Called, Caller, Sipp};
use crate::provider::{Provider, Server, udp};
use countersign::jose::base64url;
use serde_json::{Value, json};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// What passes without being cut.
const WHOLE: &str = "oversize = \"fragment\"";
const B2BUA: &str = "mode = \"b2bua\"";
const ENFORCED: &str = "[trunks.connected]\nmid_dialog = \"enforced\"\npin = \"key\"";

/// So long is waited for a message that has to come.
const PATIENCE: Duration = Duration::from_secs(60);

fn outcome(trunk: &str, method: &str, outcome: &str) -> String {
    format!(
        "countersign_mid_dialog_total{{trunk=\"{trunk}\",method=\"{method}\",outcome=\"{outcome}\"}}"
    )
}

/// Both ends of a call are proven to each other until its end, whoever speaks.
#[test]
fn what_both_sides_say_is_proven() {
    for (caller, called) in [
        (Caller::HungUpOn, Called::HangsUp),
        (Caller::Answered, Called::Answers),
    ] {
        let (calling, answering) = (Provider::new(), Provider::new());
        let phone = Sipp::called(called);
        let setup = answering.answers(&[&calling], &udp(phone.address()));
        let setup = setup.trunk(WHOLE).trunk(B2BUA).trunk(ENFORCED);
        let mut answers = setup.start();
        let setup = calling.asks(&[&answering], &udp(answers.sip()));
        let mut asks = setup.trunk(WHOLE).trunk(B2BUA).trunk(ENFORCED).start();

        let seen = Sipp::call(caller, asks.sip()).place();

        let heard = phone.finish();
        let (signs, judges, methods, byes) = match called {
            Called::HangsUp => (
                ("answers", &mut answers),
                ("asks", &mut asks),
                ["INVITE", "BYE"].as_slice(),
                seen.received("BYE"),
            ),
            _ => (
                ("asks", &mut asks),
                ("answers", &mut answers),
                ["BYE"].as_slice(),
                heard.received("BYE"),
            ),
        };
        assert_eq!(byes[0].headers("Identity").len(), 1, "{}", byes[0].text);
        for method in methods {
            signs.1.until_metric(&outcome(signs.0, method, "signed"), 1);
            judges
                .1
                .until_metric(&outcome(judges.0, method, "proven"), 1);
        }
    }
}

/// A telephone that says what it likes.
pub(crate) struct Phone {
    socket: UdpSocket,
    pub(crate) address: SocketAddr,
}

impl Phone {
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let address = socket.local_addr().unwrap();
        Self { socket, address }
    }

    pub(crate) fn send(&self, to: SocketAddr, text: &str) {
        self.socket.send_to(text.as_bytes(), to).unwrap();
    }

    /// Nothing has come.
    #[track_caller]
    pub(crate) fn is_left_alone(&self) {
        self.socket.set_nonblocking(true).unwrap();
        let heard = self.socket.recv(&mut [0; 1]);
        self.socket.set_nonblocking(false).unwrap();
        assert!(heard.is_err(), "somebody called");
    }

    /// The next message that begins so, and who sent it; what comes before is not listened to.
    #[track_caller]
    pub(crate) fn hears(&self, start: &str) -> (String, SocketAddr) {
        let mut bytes = vec![0; 65_536];
        loop {
            let (length, from) = self
                .socket
                .recv_from(&mut bytes)
                .unwrap_or_else(|error| panic!("no {start}: {error}"));
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if text.starts_with(start) {
                return (text, from);
            }
        }
    }
}

/// The lines of these headers.
pub(crate) fn lines(text: &str, names: &[&str]) -> String {
    let is_one = |line: &&str| names.iter().any(|name| line.starts_with(name));
    text.split_inclusive("\r\n").filter(is_one).collect()
}

/// The value of a header.
pub(crate) fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    let mut values = text
        .split("\r\n")
        .filter_map(|line| line.strip_prefix(prefix.as_str()));
    values.next().unwrap_or_else(|| panic!("{name}: {text}"))
}

/// A 200 to this request.
pub(crate) fn accepts(request: &str, phone: &Phone, tag: &str) -> String {
    let copied = lines(
        request,
        &["Via:", "Record-Route:", "From:", "Call-ID:", "CSeq:"],
    );
    let to = value(request, "To");
    let tag = match to.contains(";tag=") {
        true => String::new(),
        false => format!(";tag={tag}"),
    };
    format!(
        "SIP/2.0 200 OK\r\n{copied}To: {to}{tag}\r\nContact: <sip:12025550101@{}>\r\nContent-Length: 0\r\n\r\n",
        phone.address
    )
}

/// A call is answered: what the caller and the called know of it.
fn talking(caller: &Phone, called: &Phone, asks: &Server) -> (String, String) {
    let at = asks.sip();
    let invite = format!(
        "INVITE sip:12025550101@{at} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKspeaks-1\r\nMax-Forwards: 70\r\n\
         From: <sip:12025550100@caller.example>;tag=caller\r\nTo: <sip:12025550101@called.example>\r\n\
         Call-ID: who-speaks-1@caller.example\r\nCSeq: 1 INVITE\r\nContact: <sip:12025550100@{here}>\r\nContent-Length: 0\r\n\r\n",
        here = caller.address
    );
    caller.send(at, &invite);
    let (there, from) = called.hears("INVITE ");
    called.send(from, &accepts(&there, called, "called"));
    let (answer, _) = caller.hears("SIP/2.0 200 ");
    let ack = inside("ACK", 1, &answer, caller);
    caller.send(at, &ack);
    called.hears("ACK ");
    (there, answer)
}

/// A request of the caller inside the call.
fn inside(method: &str, number: u32, answer: &str, caller: &Phone) -> String {
    let target = value(answer, "Contact").trim_matches(['<', '>']);
    let named = lines(answer, &["From:", "To:", "Call-ID:"]);
    format!(
        "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bKspeaks-{method}-{number}\r\nMax-Forwards: 70\r\n\
         {named}CSeq: {number} {method}\r\nContent-Length: 0\r\n\r\n",
        caller.address
    )
}

/// This test verifies that whoever knows the names of a dialog cannot end it, with nothing or with a PASSporT that was seen before, and that the
/// call goes on until one of its ends ends it.
#[test]
fn digest01_case13_a_forged_bye_ends_nothing() {
    let (calling, answering) = (Provider::new(), Provider::new());
    let (caller, called, forger) = (Phone::new(), Phone::new(), Phone::new());
    let setup = answering.answers(&[&calling], &udp(called.address));
    let answers = setup.trunk(WHOLE).start();
    let setup = calling.asks(&[&answering], &udp(answers.sip()));
    let mut asks = setup.trunk(WHOLE).trunk(B2BUA).trunk(ENFORCED).start();
    let (there, answer) = talking(&caller, &called, &asks);

    let stolen = format!("Identity: {}\r\n", value(&there, "Identity"));
    for (number, identity, status) in [(1, "", "428"), (2, stolen.as_str(), "438")] {
        let forged = format!(
            "BYE sip:12025550100@{at} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKforged-{number}\r\nMax-Forwards: 70\r\n\
             From: {to};tag=called\r\nTo: {from}\r\nCall-ID: {call_id}\r\nCSeq: {number} BYE\r\n{identity}Content-Length: 0\r\n\r\n",
            at = asks.sip(),
            here = forger.address,
            to = value(&there, "To"),
            from = value(&there, "From"),
            call_id = value(&there, "Call-ID"),
        );
        forger.send(asks.sip(), &forged);
        let (refused, _) = forger.hears("SIP/2.0 ");
        assert!(
            refused.starts_with(&format!("SIP/2.0 {status} ")),
            "{refused}"
        );
    }
    assert_eq!(asks.metric("countersign_b2bua_calls"), 1);

    caller.send(asks.sip(), &inside("BYE", 2, &answer, &caller));
    let (bye, from) = called.hears("BYE ");
    called.send(from, &accepts(&bye, &called, ""));
    let (first, _) = caller.hears("SIP/2.0 200 ");
    assert!(value(&first, "CSeq").ends_with("BYE"), "{first}");
    let part = |number| {
        let part = value(&bye, "Identity").split('.').nth(number).unwrap();
        let value: Value = serde_json::from_slice(&base64url::decode(part).unwrap()).unwrap();
        value
    };
    assert_eq!(part(0)["ppt"], "shaken");
    assert_eq!(part(1)["orig"], json!({"tn": "12025550100"}));
    assert_eq!(part(1)["dest"], json!({"tn": ["12025550101"]}));
    asks.until_metric(&outcome("asks", "BYE", "rejected"), 2);
    asks.until_metric(&outcome("asks", "BYE", "signed"), 1);
    asks.until_metric(
        "countersign_sip_events_total{event=\"mid-dialog-mismatch\"}",
        1,
    );
    let output = asks.process().output();
    assert!(output.contains("countersign::mid_dialog"), "{output}");
}
