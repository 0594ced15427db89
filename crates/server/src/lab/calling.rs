//! The lab's calling party: places real calls through real sockets at a steady rate, and hangs up when answered.
//!
//! One thread, one UDP socket. It repeats an INVITE until something answers and gives up after 64*T1, as
//! RFC 3261 §17.1.1.2 says; it acknowledges and ends what was answered. It is no user agent: no media, no
//! authentication.

use bytes::Bytes;
use countersign_sip::message::{Framing, Message, Method, Name};
use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// RFC 3261 §17.1.1.1.
const T1: Duration = Duration::from_millis(500);
/// RFC 3261 §17.1.1.2: Timer B, 64*T1.
const TIMER_B: Duration = Duration::from_secs(32);
/// Longest look for answers between two calls.
const TICK: Duration = Duration::from_millis(20);
/// Calls under way at a time; beyond it the next ones wait, and the rate is not kept.
const MAX_PENDING: usize = 10_000;

/// A call to be placed.
#[derive(Clone, Debug)]
pub struct Dial {
    /// Calling number, written as in a SIP URI.
    pub from: String,
    /// Called number.
    pub to: String,
    /// Where the INVITE goes.
    pub via: SocketAddr,
}

/// What became of the calls so far. Read at any time.
#[derive(Debug, Default)]
pub struct Tally {
    /// INVITEs begun.
    pub placed: AtomicU64,
    /// Answered with a 2xx.
    pub answered: AtomicU64,
    /// Answered with 3xx to 6xx.
    pub refused: AtomicU64,
    /// Not answered within 64*T1.
    pub lost: AtomicU64,
}

struct Pending {
    invite: Bytes,
    via: SocketAddr,
    next: Instant,
    pause: Duration,
    until: Instant,
    heard: Heard,
}

#[derive(PartialEq, Eq)]
enum Heard {
    Nothing,
    Provisional,
    /// Answered; the BYE went out.
    Final,
}

/// A party that calls.
pub struct CallingPhone {
    socket: UdpSocket,
    local: SocketAddr,
    calls: HashMap<Box<[u8]>, Pending>,
    tally: Arc<Tally>,
    serial: u64,
    run: u64,
}

impl CallingPhone {
    /// Places what `dial` says, `per_second` calls each second, until `stop` is set. `run` makes the Call-IDs of this run
    /// different from those of any other.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(
        socket: UdpSocket,
        per_second: u32,
        run: u64,
        mut dial: impl FnMut(u64) -> Dial + Send + 'static,
        stop: Arc<AtomicBool>,
    ) -> std::io::Result<(Arc<Tally>, JoinHandle<()>)> {
        let tally = Arc::new(Tally::default());
        let local = socket.local_addr()?;
        let mut phone = Self {
            socket,
            local,
            calls: HashMap::new(),
            tally: tally.clone(),
            serial: 0,
            run,
        };
        let pause = Duration::from_secs(1) / per_second.max(1);
        let thread = std::thread::Builder::new()
            .name("lab calling party".into())
            .spawn(move || {
                let mut next = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    let now = Instant::now();
                    while next <= now && phone.calls.len() < MAX_PENDING {
                        let call = dial(phone.serial);
                        phone.place(&call, now);
                        next += pause;
                    }
                    next = next.max(now - Duration::from_secs(1));
                    phone.listen(
                        next.saturating_duration_since(now)
                            .clamp(Duration::from_millis(1), TICK),
                    );
                    phone.repeat(Instant::now());
                }
            })?;
        Ok((tally, thread))
    }

    fn place(&mut self, call: &Dial, now: Instant) {
        let serial = self.serial;
        self.serial += 1;
        let call_id = format!("{:x}-{serial}@lab", self.run);
        let (local, from, to, via) = (self.local, &call.from, &call.to, call.via);
        let invite = Bytes::from(format!(
            "INVITE sip:{to}@{via};user=phone SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{:x}-{serial};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{from}@{local};user=phone>;tag={serial}\r\nTo: <sip:{to}@{via};user=phone>\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 INVITE\r\nContact: <sip:{from}@{local}>\r\nContent-Length: 0\r\n\r\n",
            self.run
        ));
        self.send(&invite, via);
        let pending = Pending {
            invite,
            via,
            next: now + T1,
            pause: T1,
            until: now + TIMER_B,
            heard: Heard::Nothing,
        };
        self.calls.insert(call_id.into_bytes().into(), pending);
        self.tally.placed.fetch_add(1, Ordering::Relaxed);
    }

    fn listen(&mut self, wait: Duration) {
        let mut buffer = [0; 65_535];
        // A zero timeout would mean for ever; the caller clamps it.
        let _ = self.socket.set_read_timeout(Some(wait));
        while let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
            let bytes = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
            if let Ok(message) = Message::parse(bytes, Framing::Datagram) {
                self.received(&message);
            }
            let _ = self.socket.set_read_timeout(Some(Duration::from_millis(1)));
        }
    }

    fn received(&mut self, response: &Message) {
        let (Some(status), Ok(cseq), Ok(call_id)) =
            (response.status(), response.cseq(), response.call_id())
        else {
            return;
        };
        let Some(call) = self.calls.get_mut(call_id) else {
            return;
        };
        if cseq.method != Method::Invite {
            if status >= 200 {
                self.calls.remove(call_id);
            }
            return;
        }
        if status < 200 {
            if call.heard == Heard::Nothing {
                call.heard = Heard::Provisional;
            }
            return;
        }
        let first = call.heard != Heard::Final;
        call.heard = Heard::Final;
        let (via, invite) = (call.via, call.invite.clone());
        let answered = status < 300;
        if first {
            let count = if answered {
                &self.tally.answered
            } else {
                &self.tally.refused
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
        let Ok(invite) = Message::parse(invite, Framing::Datagram) else {
            return;
        };
        self.send(
            &follow_up(&invite, response, "ACK", if answered { "a" } else { "" }),
            via,
        );
        if answered && first {
            self.send(&follow_up(&invite, response, "BYE", "b"), via);
        }
        if !answered {
            self.calls.remove(call_id);
        }
    }

    fn repeat(&mut self, now: Instant) {
        let lost = &self.tally.lost;
        self.calls.retain(|_, call| {
            if call.until <= now && call.heard != Heard::Final {
                lost.fetch_add(1, Ordering::Relaxed);
            }
            call.until > now
        });
        for call in self
            .calls
            .values_mut()
            .filter(|call| call.heard == Heard::Nothing && call.next <= now)
        {
            let _ = self.socket.send_to(&call.invite, call.via);
            call.pause *= 2;
            call.next = now + call.pause;
        }
    }

    fn send(&self, bytes: &[u8], remote: SocketAddr) {
        // What cannot leave is lost, and repeated like anything lost.
        let _ = self.socket.send_to(bytes, remote);
    }
}

/// An ACK or BYE of the dialog. `branch` is what makes its transaction another one; the ACK to a refusal belongs to the
/// INVITE's own (RFC 3261 §17.1.1.3).
fn follow_up(invite: &Message, response: &Message, method: &str, branch: &str) -> Bytes {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let own = |name| text(invite.header(name).unwrap_or_default());
    let contact = response
        .addresses(Name::Contact)
        .flatten()
        .next()
        .map(|contact| text(contact.uri));
    let target = contact
        .filter(|_| !branch.is_empty())
        .unwrap_or_else(|| text(invite.request_uri().unwrap_or_default()));
    let via = own(Name::Via).replacen(";rport", &format!("{branch};rport"), 1);
    let number = if method == "BYE" { 2 } else { 1 };
    Bytes::from(format!(
        "{method} {target} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\n\
         CSeq: {number} {method}\r\nContent-Length: 0\r\n\r\n",
        own(Name::From),
        text(response.header(Name::To).unwrap_or_default()),
        own(Name::CallId),
    ))
}
