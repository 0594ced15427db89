//! Somebody on the way answers first.
//!
//! ```text
//!   a bank that reads      serve, signs, ──────► forger ──────► serve, verifies ──► SIPp
//!   a code aloud     ────► checks answers, ◄─200─┘  │           signs answers ◄────
//!   (SIPp)                 requires them ◄──────────┴─ 200, rsp
//! ```
//!
//! This test verifies that whoever reads a code aloud to the one who was called hears nobody else: a forged answer is hung up, and the true
//! one is the first that the caller gets.

use crate::peers::{Called, Caller, Sipp};
use crate::provider::{Provider, udp};
use crate::who_picked_up::{B2BUA, REQUIRED, WHOLE, answers_that, passports};
use serde_json::json;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the forger looks whether the test is over.
const LOOK: Duration = Duration::from_millis(50);

/// A host on the wire between two providers: it passes everything on, and answers the INVITE itself before.
struct Forger {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<String>>>,
}

impl Forger {
    fn before(target: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(LOOK)).unwrap();
        let address = socket.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || relay(&socket, target, &over));
        Self {
            address,
            is_over,
            thread: Some(thread),
        }
    }

    /// The requests that the forger got in the dialog that it made, by their methods.
    fn finish(mut self) -> Vec<String> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

fn relay(socket: &UdpSocket, target: SocketAddr, is_over: &AtomicBool) -> Vec<String> {
    let (mut asks, mut told, mut buffer) = (None, Vec::new(), [0; 65_535]);
    while !is_over.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if from == target {
            let asks: SocketAddr = asks.expect("an answer before the question");
            socket.send_to(text.as_bytes(), asks).unwrap();
            continue;
        }
        let method = text.split(' ').next().unwrap().to_owned();
        if header(&text, "To").contains(";tag=forger") {
            if method == "BYE" {
                let ok = answer(&text, socket.local_addr().unwrap(), "");
                socket.send_to(ok.as_bytes(), from).unwrap();
            }
            told.push(method);
            continue;
        }
        if method == "INVITE" && asks.is_none() {
            let forged = answer(&text, socket.local_addr().unwrap(), ";tag=forger");
            socket.send_to(forged.as_bytes(), from).unwrap();
        }
        asks = Some(from);
        socket.send_to(text.as_bytes(), target).unwrap();
    }
    told
}

fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    let mut lines = text.split("\r\n").take_while(|line| !line.is_empty());
    let value = lines.find_map(|line| line.strip_prefix(prefix.as_str()));
    value.unwrap_or_default()
}

/// A 200 to this request, with `tag` behind its To.
fn answer(request: &str, contact: SocketAddr, tag: &str) -> String {
    let head = request.split("\r\n").take_while(|line| !line.is_empty());
    let copied = head.filter(|line| {
        let names = ["Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "];
        names.iter().any(|name| line.starts_with(name))
    });
    let copied: String = copied
        .map(|line| match line.starts_with("To: ") {
            true => format!("{line}{tag}\r\n"),
            false => format!("{line}\r\n"),
        })
        .collect();
    format!(
        "SIP/2.0 200 OK\r\n{copied}Contact: <sip:forger@{contact}>\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn a_code_is_read_aloud_to_nobody_but_the_called() {
    let (bank, answering) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::Answers);
    let setup = answering.answers(&[&bank], &udp(called.address()));
    let signs = setup.trunk(WHOLE).start();
    let forger = Forger::before(signs.sip());
    let setup = bank.asks(&[&answering], &udp(forger.address));
    let mut asks = setup.trunk(WHOLE).trunk(B2BUA).trunk(REQUIRED).start();

    let seen = Sipp::call(Caller::Answered, asks.sip()).place();

    let statuses = seen.statuses();
    let accepted = statuses.iter().filter(|status| **status == 200);
    assert_eq!(accepted.count(), 1, "{statuses:?}");
    let told = passports(&seen.response(200).headers("Identity"));
    assert_eq!(told[0].1["dest"], json!({"tn": ["12025550101"]}));
    assert_eq!(called.finish().received("BYE").len(), 1, "the caller's");
    let lines = answers_that(&mut asks, 2, |line| line["status"] == 200);
    assert_eq!(lines[0]["fate"], "refused", "{lines:#?}");
    assert_eq!(lines[0]["standing"], "absent");
    assert_eq!(lines[1]["fate"], "passed");
    assert_eq!(lines[1]["standing"], "matching");
    assert_eq!(forger.finish(), ["ACK", "BYE"], "it is hung up at once");
}
