//! A forged BYE: somebody who has heard a call wants it to end on one side and go on, and be paid for, on the other.
//!
//! ```text
//!     SIPp ══► serve, signs, b2bua ═══════════════════════ serve, verifies, b2bua ══► SIPp
//!                    ▲               Call-ID and tags ─┐             ▲
//!                    │                                 ▼             │
//!                    └── BYE, INVITE ◄── an eavesdropper ── BYE ─────┘
//!                        of the called               of the caller
//! ```
//!
//! This test verifies that who knows everything of a call but the keys of its providers ends it for neither side, and leads it nowhere else, whether a request is signed
//! by nobody, by a trusted provider in another name, or by one in the name of the other side; that this is told and counted; and that the
//! true BYE, which the called side's provider signs, ends the call.

use crate::peers::{Called, Caller, Sipp, free_address};
use crate::provider::{Provider, Server, now, udp};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// What passes without being cut.
const WHOLE: &str = "oversize = \"fragment\"";
const B2BUA: &str = "mode = \"b2bua\"";
const ENFORCED: &str = "[trunks.connected]\nmid_dialog = \"enforced\"\npin = \"key\"";
/// How long a test waits for what must come; two busy cores are slow.
const PATIENCE: Duration = Duration::from_secs(20);

const CALLER: &str = "12025550100";
const CALLED: &str = "12025550101";
/// Another number of a provider that everybody trusts.
const OTHER: &str = "12025550130";

/// Somebody who hears every message that a server sends and gets, and has a socket to speak with.
struct Eavesdropper {
    hears: UdpSocket,
    speaks: UdpSocket,
}

/// A message that was overheard.
struct Overheard {
    from: SocketAddr,
    to: SocketAddr,
    text: String,
}

impl Overheard {
    /// Takes a HEP packet apart: chunks of vendor, type, length and value.
    fn read(packet: &[u8]) -> Self {
        let (mut ips, mut ports, mut text) = ([0; 2], [0; 2], String::new());
        let mut rest = &packet[6..];
        while rest.len() >= 6 {
            let number = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
            let (kind, length) = (number(2), usize::from(number(4)));
            let value = &rest[6..length];
            let wide = |value: &[u8]| u32::from_be_bytes(value.try_into().unwrap());
            let short = |value: &[u8]| u16::from_be_bytes(value.try_into().unwrap());
            match kind {
                3 | 4 => ips[usize::from(kind - 3)] = wide(value),
                7 | 8 => ports[usize::from(kind - 7)] = short(value),
                15 => text = String::from_utf8_lossy(value).into_owned(),
                _ => {}
            }
            rest = &rest[length..];
        }
        let end = |at: usize| SocketAddr::new(IpAddr::V4(Ipv4Addr::from(ips[at])), ports[at]);
        Self {
            from: end(0),
            to: end(1),
            text,
        }
    }

    /// A whole header line without its name.
    fn header(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        let mut lines = self.text.split("\r\n");
        let found = lines.find_map(|line| line.strip_prefix(&*prefix));
        found.unwrap_or_else(|| panic!("no {name} in\n{}", self.text))
    }

    /// Where requests inside the dialog go.
    fn contact(&self) -> &str {
        let contact = self.header("Contact");
        let uri = contact.split_once('<').unwrap().1;
        uri.split_once('>').unwrap().0
    }
}

/// What an eavesdropper needs to know: the INVITE between two providers, and its 200.
struct Call {
    invite: Overheard,
    answer: Overheard,
    at: SocketAddr,
}

/// As whom a forged request is sent.
#[derive(Clone, Copy, PartialEq)]
enum As {
    Called,
    Caller,
}

impl Eavesdropper {
    fn new() -> Self {
        let socket = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        Self {
            hears: socket(),
            speaks: socket(),
        }
    }

    /// The settings of a server that it hears.
    fn settings(&self) -> String {
        let at = self.hears.local_addr().unwrap();
        format!("[hep]\ncollector = \"udp:{at}\"\n")
    }

    /// Waits until the call that one server has sent to the other is answered and acknowledged.
    #[track_caller]
    fn overhears(&self, caller: &Server, called: &Server) -> Call {
        let (mut invite, mut answer) = (None, None);
        let limit = Instant::now() + PATIENCE;
        let mut packet = vec![0; 65_535];
        while Instant::now() < limit {
            let length = self.hears.recv(&mut packet).unwrap();
            let heard = Overheard::read(&packet[..length]);
            let text = &*heard.text;
            if heard.to == called.sip() && text.starts_with("INVITE ") {
                invite = Some(heard);
            } else if heard.from == called.sip() && text.starts_with("SIP/2.0 200 ") {
                answer = Some(heard);
            } else if heard.to == called.sip() && text.starts_with("ACK ") {
                let (invite, answer) = (invite.unwrap(), answer.unwrap());
                let at = caller.sip();
                return Call { invite, answer, at };
            }
        }
        panic!("the call was not established");
    }

    /// Sends a forged request, and tells its final answer; one to an INVITE is acknowledged.
    #[track_caller]
    fn forges(
        &self,
        call: &Call,
        who: As,
        (method, cseq): (&str, u32),
        identity: Option<&str>,
    ) -> u16 {
        let (us, answer) = (self.speaks.local_addr().unwrap(), &call.answer);
        let (caller, called) = (answer.header("From"), answer.header("To"));
        let (uri, from, to, at) = match who {
            As::Called => (call.invite.contact(), called, caller, call.at),
            As::Caller => (answer.contact(), caller, called, answer.from),
        };
        let identity = identity.map_or(String::new(), |value| format!("Identity: {value}\r\n"));
        let text = |method: &str, branch: &str| {
            format!(
                "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {us};branch=z9hG4bKforged{cseq}{branch};rport\r\nMax-Forwards: 70\r\n\
                 From: {from}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nContact: <sip:forger@{us}>\r\n{identity}\
                 Content-Length: 0\r\n\r\n",
                answer.header("Call-ID"),
            )
        };
        self.speaks
            .send_to(text(method, "").as_bytes(), at)
            .unwrap();
        let mut heard = vec![0; 65_535];
        loop {
            let length = self.speaks.recv(&mut heard).unwrap();
            let heard = String::from_utf8_lossy(&heard[..length]);
            let status = heard.strip_prefix("SIP/2.0 ").unwrap()[..3]
                .parse()
                .unwrap();
            if heard.contains(&format!("CSeq: {cseq} {method}\r\n")) && status >= 200 {
                if method == "INVITE" {
                    // RFC 3261 §17.1.1.3: that of a refusal belongs to the transaction; that of a 2xx is one of its own.
                    let branch = if status < 300 { "ack" } else { "" };
                    let ack = text("ACK", branch);
                    self.speaks.send_to(ack.as_bytes(), at).unwrap();
                }
                return status;
            }
        }
    }
}

/// Both providers, one that everybody trusts beside, and the eavesdropper.
struct World {
    asks: Server,
    answers: Server,
    called: Sipp,
    other: Provider,
    eavesdropper: Eavesdropper,
    /// What must stay while they run: their repositories are these servers.
    _rest: (Server, Provider, Provider),
}

fn world(called: Called, connected: &str) -> World {
    let (calling, answering, other) = (Provider::new(), Provider::new(), Provider::new());
    let eavesdropper = Eavesdropper::new();
    let called = Sipp::called(called);
    let publishes = other.signs(&udp(free_address())).start();
    let setup = answering.answers(&[&calling, &other], &udp(called.address()));
    let setup = setup.trunk(WHOLE).trunk(B2BUA).trunk(connected);
    let answers = setup.start();
    let setup = calling.asks(&[&answering, &other], &udp(answers.sip()));
    let setup = setup.trunk(WHOLE).trunk(B2BUA).trunk(connected);
    let asks = setup.settings(&eavesdropper.settings()).start();
    World {
        asks,
        answers,
        called,
        other,
        eavesdropper,
        _rest: (publishes, calling, answering),
    }
}

fn counted(trunk: &str, method: &str, outcome: &str) -> String {
    format!(
        "countersign_mid_dialog_total{{trunk=\"{trunk}\",method=\"{method}\",outcome=\"{outcome}\"}}"
    )
}

/// What the log of a server tells of requests that went no further: the method, and why.
fn refused(server: &mut Server) -> Vec<(String, String)> {
    let output = server.process().output();
    let lines = output.lines();
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let told = lines.filter(|line| line["target"] == "countersign::mid_dialog");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    told.filter(|line| line["fate"] == "rejected")
        .map(|line| (text(&line["method"]), text(&line["why"])))
        .collect()
}

#[test]
fn digest01_case13_a_forged_bye_ends_nothing_and_the_true_one_does() {
    let mut world = world(Called::HangsUpWhenTold, ENFORCED);
    let caller = Sipp::call(Caller::HungUpOn, world.asks.sip()).begin();
    let eavesdropper = &world.eavesdropper;
    let call = eavesdropper.overhears(&world.asks, &world.answers);

    let signed = |from, to| world.other.identity_between((from, to), now());
    let otherwise = signed(OTHER, CALLER);
    let as_if = signed(CALLED, CALLER);
    let towards_called = signed(OTHER, CALLED);
    let forged = [
        (As::Called, "BYE", None, 428),
        (As::Called, "BYE", Some(&otherwise), 438),
        (As::Called, "BYE", Some(&as_if), 438),
        (As::Called, "INVITE", Some(&as_if), 438),
        (As::Called, "UPDATE", None, 428),
        (As::Caller, "BYE", None, 428),
        (As::Caller, "BYE", Some(&towards_called), 438),
    ];
    // Numbers that are far ahead of those of either side.
    for ((who, method, identity, expected), cseq) in forged.into_iter().zip(1_000..) {
        let identity = identity.map(|one| one.as_str());
        let status = eavesdropper.forges(&call, who, (method, cseq), identity);
        assert_eq!(status, expected, "{cseq}");
    }

    // Nobody has noticed anything; the called side asks for another offer, and hangs up.
    world.called.goes_on();
    let (seen, called) = (caller.finish(), world.called.finish());
    assert_eq!(seen.received("BYE").len(), 1);
    assert_eq!(called.received("BYE").len(), 0);
    let asks = &mut world.asks;
    for (method, outcome, times) in [
        ("BYE", "proven", 1),
        ("BYE", "rejected", 3),
        ("INVITE", "proven", 1),
        ("INVITE", "rejected", 1),
        ("UPDATE", "rejected", 1),
    ] {
        asks.until_metric(&counted("asks", method, outcome), times);
    }
    asks.until_metric(
        "countersign_sip_events_total{event=\"mid-dialog-mismatch\"}",
        3,
    );
    assert_eq!(
        refused(asks),
        [
            ("BYE", "absent"),
            ("BYE", "mismatch"),
            ("BYE", "other-key"),
            // Replayed: it was signed for the BYE.
            ("INVITE", "mismatch"),
            ("UPDATE", "absent"),
        ]
        .map(|(method, why)| (method.to_owned(), why.to_owned())),
    );
    let answers = &mut world.answers;
    for (method, outcome, times) in [
        ("BYE", "rejected", 2),
        ("BYE", "signed", 1),
        ("INVITE", "signed", 1),
    ] {
        answers.until_metric(&counted("answers", method, outcome), times);
    }
}

/// The other way round: the caller hangs up, its provider signs that, and the called side's believes it.
#[test]
fn digest01_case13_the_true_bye_of_the_caller_is_proven() {
    let mut world = world(Called::Answers, ENFORCED);
    Sipp::call(Caller::Answered, world.asks.sip()).place();
    assert_eq!(world.called.finish().received("BYE").len(), 1);
    let (asks, answers) = (&mut world.asks, &mut world.answers);
    asks.until_metric(&counted("asks", "BYE", "signed"), 1);
    answers.until_metric(&counted("answers", "BYE", "proven"), 1);
}

/// The control: where nobody looks, a forged INVITE and a forged BYE are believed, and the called side, who may be paid for it, is still
/// in the call.
#[test]
fn where_nobody_looks_a_forged_bye_stretches_the_call() {
    let off = "[trunks.connected]\nmid_dialog = \"off\"";
    let mut world = world(Called::Answers, off);
    let caller = Sipp::call(Caller::HungUpOn, world.asks.sip()).begin();
    let call = world.eavesdropper.overhears(&world.asks, &world.answers);

    let forges = |method, cseq| {
        let eavesdropper = &world.eavesdropper;
        eavesdropper.forges(&call, As::Called, (method, cseq), None)
    };
    assert_eq!(forges("INVITE", 1_000), 200);
    assert_eq!(forges("BYE", 1_001), 200);

    assert_eq!(caller.finish().received("BYE").len(), 1);
    let called = world
        .called
        .until("in a call", |seen| !seen.received("ACK").is_empty());
    assert_eq!(called.received("BYE").len(), 0);
    assert_eq!(world.asks.metric("countersign_mid_dialog_total"), 0);
}
