//! Calls that ring, ten thousand at once, and what a server holds for each.
//!
//! ```text
//!     caller ══ INVITE ══► serve, signs, b2bua ══ INVITE, 1.5 kB ══► called
//!            ◄═══ 180 ════                     ◄═══════ 180 ════════        and nobody answers
//! ```
//!
//! This test verifies that a call of two dialogs that is pending costs at most 8 KiB, counted over the whole process: both dialogs, both
//! transactions, their timers, and the evidence for its log line.

use crate::provider::{Provider, Server, udp};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// What one pending call may cost, in bytes.
const BOUND: u64 = 8 * 1024;
/// Calls before it is counted: what is there once for all is there by then.
const WARM: u64 = 2_000;
/// Calls that are counted.
const CALLS: u64 = 10_000;
/// Longest wait for one datagram.
const LIMIT: Duration = Duration::from_secs(20);

struct Line {
    caller: UdpSocket,
    called: UdpSocket,
    server: Server,
    number: u64,
}

impl Line {
    fn new() -> Self {
        let socket = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(LIMIT)).unwrap();
            socket
        };
        let (caller, called) = (socket(), socket());
        let provider = Provider::new();
        let signs = provider.signs(&udp(called.local_addr().unwrap()));
        let signs = signs
            .trunk("mode = \"b2bua\"")
            .trunk("oversize = \"fragment\"");
        Self {
            caller,
            called,
            server: signs.start(),
            number: 0,
        }
    }

    /// One more call rings; the length of its INVITE as the called got it.
    fn rings(&mut self) -> usize {
        self.number += 1;
        let invite = invite(self.number, self.caller.local_addr().unwrap());
        self.caller
            .send_to(invite.as_bytes(), self.server.sip())
            .unwrap();
        let (invite, from) = receive(&self.called, "INVITE ");
        self.called
            .send_to(ringing(&invite).as_bytes(), from)
            .unwrap();
        receive(&self.caller, "SIP/2.0 180 ");
        invite.len()
    }

    /// What the server holds by itself, in bytes.
    fn memory(&mut self) -> u64 {
        let id = self.server.process().id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kib: u64 = line
            .unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap();
        kib * 1024
    }
}

/// The next datagram that begins so.
fn receive(socket: &UdpSocket, beginning: &str) -> (String, SocketAddr) {
    let mut datagram = [0; 65_535];
    loop {
        let (length, from) = socket.recv_from(&mut datagram).unwrap();
        let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
        if text.starts_with(beginning) {
            return (text, from);
        }
    }
}

/// As a session border controller writes it.
fn invite(number: u64, caller: SocketAddr) -> String {
    let body = "v=0\r\no=- 20518 0 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\nm=audio 54400 RTP/AVP 0 8 101\r\n\
                a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=sendrecv\r\n";
    format!(
        "INVITE sip:12025550101@b.example;user=phone SIP/2.0\r\n\
         Via: SIP/2.0/UDP {caller};rport;branch=z9hG4bKpending{number}\r\nMax-Forwards: 68\r\n\
         From: \"Caller\" <sip:12025550100@a.example;user=phone>;tag=from{number}\r\n\
         To: <sip:12025550101@b.example;user=phone>\r\nCall-ID: pending-{number}@a.example\r\nCSeq: 102 INVITE\r\n\
         Contact: <sip:12025550100@{caller}>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER\r\n\
         Supported: timer, 100rel\r\nSession-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\n\
         P-Asserted-Identity: <sip:12025550100@a.example>\r\nUser-Agent: a session border controller\r\n\
         History-Info: <sip:12025550101@b.example>;index=1\r\nDiversion: <sip:12025550102@b.example>;reason=unconditional\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ringing(invite: &str) -> String {
    let copied = |line: &&str| {
        let names = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
        names.iter().any(|name| line.starts_with(name))
    };
    let copied: String = invite.split_inclusive("\r\n").filter(copied).collect();
    let copied = copied.replace("\r\nCall-ID", ";tag=rings\r\nCall-ID");
    format!(
        "SIP/2.0 180 Ringing\r\n{copied}Contact: <sip:12025550101@192.0.2.20:5060>\r\n\
         Server: a telephone\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn ten_thousand_calls_ring_in_eight_kib_each() {
    let mut line = Line::new();
    for _ in 0..WARM {
        line.rings();
    }
    let before = line.memory();
    let lengths: usize = (0..CALLS).map(|_| line.rings()).sum();
    let after = line.memory();
    let each = (after.saturating_sub(before)) / CALLS;
    eprintln!("{each} bytes for each of {CALLS} calls that ring");
    assert_eq!(line.server.metric("countersign_b2bua_calls"), WARM + CALLS);
    assert!(
        lengths / CALLS as usize > 1_400,
        "{}",
        lengths / CALLS as usize
    );
    assert!(each > 1_024, "something is kept: {each}");
    assert!(each <= BOUND, "{each}");
}
