//! Traces for a collector: a copy of every message, as it came and as it left.
//!
//! ```text
//!     SIPp ── UDP ──► serve, signs ── TCP ──► SIPp
//!                        │
//!                        └── HEP over UDP ──► Kamailio, which reads packets with a decoder of its own
//! ```
//!
//! This test verifies that a foreign decoder finds in our packets what there is to find: who sent which message to whom by
//! which transport, under which Call-ID; that nothing is sent where nobody asked for it; and that it can be switched off
//! while calls run.

use crate::peers::{Called, Caller, Kamailio, Sipp, answers_options};
use crate::provider::{Provider, now, tcp};
use countersign_server::hep::packet::Capture;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// How long a test waits for what must come; two busy cores are slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// One packet, as Kamailio tells it.
#[derive(Debug)]
struct Told {
    line: String,
}

impl Told {
    /// The word after this one.
    #[track_caller]
    fn after(&self, word: &str) -> &str {
        let mut words = self.line.split(' ').skip_while(|one| *one != word);
        words.nth(1).unwrap_or_else(|| panic!("{word}: {self:?}"))
    }

    fn first_line(&self) -> &str {
        self.line.split_once(" first line ").unwrap().1
    }

    /// Source, destination and protocol.
    fn way(&self) -> (SocketAddr, SocketAddr, &str) {
        let words: Vec<_> = self.line.split(' ').collect();
        let end = |word: &str, four: usize, six: usize, port: usize| {
            let at = words.iter().position(|one| *one == word).unwrap();
            let ip = match words[at + four] {
                "" => words[at + six],
                ip => ip,
            };
            SocketAddr::new(ip.parse().unwrap(), words[at + port].parse().unwrap())
        };
        (
            end("from", 1, 2, 3),
            end("to", 1, 2, 3),
            self.after("protocol"),
        )
    }
}

/// The packets that were told so far, as soon as there are as many.
#[track_caller]
fn told(collector: &Kamailio, count: usize) -> Vec<Told> {
    let limit = Instant::now() + PATIENCE;
    loop {
        let log = collector.log();
        let lines = log.lines().filter_map(|line| line.split_once(": HEP 3 "));
        let told: Vec<_> = lines
            .map(|(_, line)| Told {
                line: line.trim_end().to_owned(),
            })
            .collect();
        if told.len() >= count {
            return told;
        }
        assert!(Instant::now() < limit, "{told:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_collector_sees_every_message_of_a_call() {
    let provider = Provider::new();
    let collector = Kamailio::collects();
    let called = Sipp::called_over_tcp(Called::Answers);
    let hep = format!(
        "[hep]\ncollector = \"udp:{}\"\ncapture_id = 77\n",
        collector.address()
    );
    let mut signs = provider
        .signs(&tcp(called.address()))
        .settings(&hep)
        .start();
    let begun = now().as_secs();

    let seen = Sipp::call(Caller::Answered, signs.sip()).place();
    let callee = called.address();
    called.finish();
    let call = signs.call();

    // INVITE, 180, 200, ACK, BYE and 200, each in and out; and our 100.
    let told = told(&collector, 13);
    let of_call: Vec<_> = told
        .iter()
        .filter(|one| Some(one.after("correlation")) == call["call_id"].as_str())
        .collect();
    assert_eq!(of_call.len(), told.len(), "{told:#?}");
    let invite = |by: &str| {
        let mut invites = told
            .iter()
            .filter(|one| one.first_line().starts_with("INVITE "));
        invites.find(|one| one.after("protocol") == by).unwrap()
    };
    let (came, left) = (invite("17"), invite("6"));
    let (source, destination, protocol) = came.way();
    assert_eq!((destination, protocol), (signs.sip(), "17"));
    assert_eq!(
        came.after("octets"),
        seen.sent("INVITE")[0].text.len().to_string()
    );
    let (ours, destination, protocol) = left.way();
    assert_eq!(
        (ours.ip(), destination, protocol),
        (callee.ip(), callee, "6")
    );
    let answer = told.iter().find(|one| one.way().1 == source).unwrap();
    assert!(answer.first_line().starts_with("SIP/2.0 100 "));
    assert_eq!(call["source"], format!("udp:{source}"));
    assert_eq!(call["next_hop"], format!("tcp:{callee}"));
    assert_eq!(call["method"], "INVITE");
    assert!(
        call["answered_ms"].as_u64().unwrap() * 1_000
            >= call["micros"].as_u64().unwrap() / 1_000 * 1_000
    );
    for one in &told {
        let when: f64 = one.after("at").parse().unwrap();
        assert!(
            (begun as f64 - 2.0..begun as f64 + 120.0).contains(&when),
            "{one:?}"
        );
        assert_eq!((one.after("kind"), one.after("capture")), ("1", "77"));
        assert_eq!(one.after("password"), "");
    }

    signs.rewrite(&hep, "");
    signs.process().hang_up();
    signs.until_metric("countersign_config_generation", 2);
    let sent = || signs.metric("countersign_hep_messages_total{outcome=\"sent\"}");
    let before = sent();
    assert!(before >= 13);
    let limit = Instant::now() + PATIENCE;
    while !answers_options(signs.sip()) {
        assert!(Instant::now() < limit);
    }
    assert_eq!(sent(), before);
}

#[test]
fn addresses_of_ipv6_and_passwords_are_read_too() {
    let collector = Kamailio::collects();
    let options = "OPTIONS sip:b.example SIP/2.0\r\nCall-ID: six@a.example\r\n\r\n";
    let capture = Capture {
        source: "[2001:db8::9]:5080".parse().unwrap(),
        destination: "[2001:db8::1]:5061".parse().unwrap(),
        protocol: 6,
        micros: 1_700_000_000_000_042,
        capture_id: u32::MAX,
        password: Some(b"secret"),
        correlation: Some(b"six@a.example"),
        payload: options.as_bytes(),
    };
    let mut packet = Vec::new();
    capture.encode(&mut packet).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&packet, collector.address()).unwrap();

    let told = told(&collector, 1);

    let (source, destination, protocol) = told[0].way();
    assert_eq!(
        (source, destination, protocol),
        (capture.source, capture.destination, "6")
    );
    for (word, value) in [
        ("at", "1700000000.42"),
        ("capture", "4294967295"),
        ("password", "secret"),
        ("correlation", "six@a.example"),
        ("family", "10"),
    ] {
        assert_eq!(told[0].after(word), value, "{told:?}");
    }
    assert_eq!(told[0].first_line(), "OPTIONS sip:b.example SIP/2.0");
}
