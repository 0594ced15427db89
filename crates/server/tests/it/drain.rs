//! The end of a process, while people talk: SIGTERM.
//!
//! ```text
//!     caller ── INVITE ──► serve ── INVITE ──► called          begun before: goes on, to its answer and beyond
//!                            ▲
//!                         SIGTERM      /ready: 503 draining
//!     caller ── INVITE ──► serve                               begins after: 503, Retry-After; an emergency call passes
//!     caller ◄── 200 ───── serve ◄── 200 ────── called
//!                            └─► ends when all of it is over, or at drain_s, or at the second SIGTERM
//! ```
//!
//! This test verifies that nothing that has begun is lost because the process is asked to end.

use crate::peers::free_address;
use crate::provider::{Provider, Server, get, tcp, udp};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// How long a message may take; two busy cores are slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// A telephone that says what the test says.
struct Phone(UdpSocket);

impl Phone {
    fn new() -> Self {
        let socket = UdpSocket::bind(free_address()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn send(&self, to: SocketAddr, text: &str) {
        self.0.send_to(text.as_bytes(), to).unwrap();
    }

    /// The next message that begins so; others may come before it, once more or not.
    #[track_caller]
    fn hears(&self, start: &str) -> String {
        loop {
            let mut buffer = [0; 65_535];
            let (length, _) = self.0.recv_from(&mut buffer).expect(start);
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.starts_with(start) {
                return text;
            }
        }
    }
}

fn request(method: &str, uri: &str, from: SocketAddr, transport: &str, call: &str) -> String {
    let pid = std::process::id();
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {from};branch=z9hG4bKdrain-{call}-{pid};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:12025550100@a.example>;tag=1\r\nTo: <sip:12025550101@b.example>\r\n\
         Call-ID: drain-{call}-{pid}\r\nCSeq: 1 {method}\r\nContact: <sip:a@{from}>\r\nContent-Length: 0\r\n\r\n"
    )
}

fn invite(from: SocketAddr, call: &str) -> String {
    request("INVITE", "sip:12025550101@b.example", from, "UDP", call)
}

/// The ACK for a rejection of this request.
fn ack(request: &str, answer: &str) -> String {
    let to = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("To:"))
            .unwrap()
            .to_owned()
    };
    request
        .replace("INVITE", "ACK")
        .replace(&to(request), &to(answer))
}

/// What the called side answers.
fn answer(request: &str, status: &str) -> String {
    let copied: String = request
        .split_inclusive("\r\n")
        .filter(|line| {
            ["Via:", "From:", "Call-ID:", "CSeq:"]
                .iter()
                .any(|name| line.starts_with(name))
        })
        .collect();
    format!(
        "SIP/2.0 {status}\r\n{copied}To: <sip:12025550101@b.example>;tag=called\r\nContent-Length: 0\r\n\r\n"
    )
}

#[track_caller]
fn is_told_to_end(server: &mut Server) {
    let admin = server.admin();
    server.process().terminate();
    server.process().until("draining", |_| {
        get(admin, "/ready")
            .is_some_and(|(status, body)| status == 503 && body.contains("\"draining\""))
    });
}

#[track_caller]
fn ends(server: &mut Server) {
    let status = server.process().end(PATIENCE);
    assert!(status.success(), "{status}");
}

#[test]
fn a_ringing_call_gets_its_answer_and_new_ones_go_elsewhere() {
    let provider = Provider::new();
    let (caller, called) = (Phone::new(), Phone::new());
    let mut server = provider.signs(&udp(called.address())).drains(600).start();
    let sip = server.sip();
    caller.send(sip, &invite(caller.address(), "begun"));
    let ringing = called.hears("INVITE");
    caller.hears("SIP/2.0 100");

    is_told_to_end(&mut server);

    let late = invite(caller.address(), "late");
    caller.send(sip, &late);
    let refusal = caller.hears("SIP/2.0 503");
    assert!(refusal.contains("\r\nRetry-After: "), "{refusal}");
    caller.send(sip, &ack(&late, &refusal));
    caller.send(
        sip,
        &request(
            "OPTIONS",
            &format!("sip:{sip}"),
            caller.address(),
            "UDP",
            "ping",
        ),
    );
    caller.hears("SIP/2.0 503");
    let sos = request("INVITE", "urn:service:sos", caller.address(), "UDP", "sos");
    caller.send(sip, &sos);
    assert!(called.hears("INVITE urn:service:sos").contains("drain-sos"));

    // What began goes on: its retransmission is no new call, its answers pass, and so does what comes in the dialog.
    caller.send(sip, &invite(caller.address(), "begun"));
    caller.hears("SIP/2.0 100");
    called.send(sip, &answer(&ringing, "180 Ringing"));
    caller.hears("SIP/2.0 180");
    called.send(sip, &answer(&ringing, "200 OK"));
    caller.hears("SIP/2.0 200");
    called.send(sip, &answer(&ringing, "200 OK"));
    caller.hears("SIP/2.0 200");
    let bye = request(
        "BYE",
        "sip:12025550101@b.example",
        caller.address(),
        "UDP",
        "begun",
    );
    let bye = bye.replace("b.example>\r\nCall", "b.example>;tag=called\r\nCall");
    caller.send(
        sip,
        &bye.replace("CSeq: 1", "CSeq: 2")
            .replace("drain-begun-", "drain-begun-bye-"),
    );
    called.hears("BYE");

    // Answers may have to be repeated for 32 seconds; who cannot wait says so.
    server.process().tell("TERM");
    ends(&mut server);
    let log = server.process().output();
    assert!(log.contains("told twice"), "{log}");
    let lost: Vec<_> = log
        .lines()
        .filter(|line| line.contains("not answered when"))
        .collect();
    assert_eq!(lost.len(), 2, "the emergency call and the BYE: {lost:?}");
}

#[test]
fn the_process_ends_when_all_is_over() {
    let provider = Provider::new();
    let hop = TcpListener::bind(free_address()).unwrap();
    let mut server = provider
        .signs(&tcp(hop.local_addr().unwrap()))
        .drains(600)
        .start();
    let mut caller = TcpStream::connect(server.sip()).unwrap();
    let mut read = Reader::default();
    let call = request(
        "INVITE",
        "sip:12025550101@b.example",
        caller.local_addr().unwrap(),
        "TCP",
        "tcp",
    );
    caller.write_all(call.as_bytes()).unwrap();
    read.until(&mut caller, "SIP/2.0 100");
    let (mut called, _) = hop.accept().unwrap();
    let arrived = Reader::default().until(&mut called, "INVITE");

    is_told_to_end(&mut server);
    called
        .write_all(answer(&arrived, "486 Busy Here").as_bytes())
        .unwrap();
    let refusal = read.until(&mut caller, "SIP/2.0 486");
    caller.write_all(ack(&call, &refusal).as_bytes()).unwrap();

    // Over streams nothing is repeated: RFC 3261 §17.2.1, Timer I is zero.
    ends(&mut server);
    let log = server.process().output();
    assert!(log.contains("nothing is left that has begun"), "{log}");
    assert!(!log.contains("not answered when"), "{log}");
}

#[test]
fn a_call_that_rings_longer_than_the_limit_is_named() {
    let provider = Provider::new();
    let (caller, called) = (Phone::new(), Phone::new());
    let mut server = provider.signs(&udp(called.address())).drains(1).start();
    caller.send(server.sip(), &invite(caller.address(), "patient"));
    called.hears("INVITE");

    server.process().terminate();

    ends(&mut server);
    let log = server.process().output();
    let line = log.lines().find(|line| line.contains("not answered when"));
    assert!(
        line.is_some_and(|line| line.contains("drain-patient-")),
        "{log}"
    );
}

/// What a stream brought.
#[derive(Default)]
struct Reader(String);

impl Reader {
    /// Everything up to the end of the message that begins so, and has no body.
    #[track_caller]
    fn until(&mut self, stream: &mut TcpStream, start: &str) -> String {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        loop {
            while let Some(end) = self.0.find("\r\n\r\n") {
                let rest = self.0.split_off(end + 4);
                let message = std::mem::replace(&mut self.0, rest);
                if message.starts_with(start) {
                    return message;
                }
            }
            let mut buffer = [0; 4_096];
            let length = stream.read(&mut buffer).expect(start);
            assert!(length > 0, "the stream ended before {start}");
            self.0.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    }
}
