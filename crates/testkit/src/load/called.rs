//! The called side: answers every INVITE with 200 and checks what is written on it.

use super::{HEADER, Kind, Tally, header};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// RFC 3261 §13.3.1.4: "The 2xx response is passed to the transport with an interval that starts at T1 seconds and doubles for each
/// retransmission until it reaches T2 seconds".
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// RFC 3261 §13.3.1.4: "If the server retransmits the 2xx response for 64*T1 seconds without receiving an ACK, the dialog is confirmed,
/// but the session SHOULD be terminated." After 0.5, 1, 2 and 4 seconds, seven more times.
const REPEATS: u8 = 10;
/// How long one look for datagrams takes at most.
const TICK: Duration = Duration::from_millis(20);
/// Wrong verdicts that are kept as they came.
const EXAMPLES: usize = 5;

struct Called {
    socket: UdpSocket,
    tally: Arc<Tally>,
    /// Answers that have no ACK yet, by Call-ID.
    unacknowledged: HashMap<String, (Vec<u8>, SocketAddr, u8)>,
    /// When which of them is sent once more.
    due: BinaryHeap<Reverse<(Instant, String)>>,
}

/// Answers until `stop` is set.
///
/// # Errors
/// What the system says.
pub fn start(
    socket: UdpSocket,
    tally: Arc<Tally>,
    stop: Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    socket.set_read_timeout(Some(TICK))?;
    let mut called = Called {
        socket,
        tally,
        unacknowledged: HashMap::new(),
        due: BinaryHeap::new(),
    };
    std::thread::Builder::new()
        .name("called".into())
        .spawn(move || {
            let mut buffer = vec![0; 65_535];
            while !stop.load(Ordering::Relaxed) {
                if let Ok((length, remote)) = called.socket.recv_from(&mut buffer) {
                    let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
                    called.received(&text, remote);
                }
                called.repeat(Instant::now());
            }
        })
}

impl Called {
    fn received(&mut self, text: &str, remote: SocketAddr) {
        let call_id = header(text, "Call-ID").unwrap_or_default();
        match text.split(' ').next() {
            Some("INVITE") => match self.unacknowledged.get(call_id) {
                Some((answer, remote, _)) => self.send(answer, *remote),
                None => self.invited(text, call_id.to_owned(), remote),
            },
            Some("ACK") => drop(self.unacknowledged.remove(call_id)),
            Some("BYE") => self.send(&answer(text), remote),
            _ => {}
        }
    }

    fn invited(&mut self, text: &str, call_id: String, remote: SocketAddr) {
        self.check(text);
        let answer = answer(text);
        self.send(&answer, remote);
        let due = Instant::now() + T1;
        self.due.push(Reverse((due, call_id.clone())));
        self.unacknowledged.insert(call_id, (answer, remote, 0));
    }

    fn check(&self, text: &str) {
        let said = header(text, HEADER).unwrap_or_default();
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == said);
        let verstat = text.split_once(";verstat=").map(|(_, rest)| rest);
        let verstat = verstat.and_then(|rest| rest.split(['@', '>', ';']).next());
        if kind.is_some_and(|kind| Some(kind.verstat()) == verstat) {
            Tally::add(&self.tally.right);
        } else {
            Tally::add(&self.tally.wrong);
            if let Ok(mut examples) = self.tally.examples.lock()
                && examples.len() < EXAMPLES
            {
                examples.push(format!("{said} came as {verstat:?}\n{text}"));
            }
        }
        if kind == Some(Kind::Assigned) {
            self.keep_proof(text);
        }
    }

    /// Somebody else may try it.
    fn keep_proof(&self, text: &str) {
        let to =
            header(text, "To").and_then(|to| to.split_once("sip:")?.1.split(['@', ';']).next());
        if let (Some(identity), Some(to), Ok(mut proof)) =
            (header(text, "Identity"), to, self.tally.proof.try_lock())
        {
            *proof = Some((identity.to_owned(), to.to_owned()));
        }
    }

    fn repeat(&mut self, now: Instant) {
        while self.due.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Some(Reverse((_, call_id))) = self.due.pop() else {
                return;
            };
            let Some((answer, remote, repeats)) = self.unacknowledged.get_mut(&call_id) else {
                continue;
            };
            *repeats += 1;
            let (answer, remote, repeats) = (answer.clone(), *remote, *repeats);
            if repeats > REPEATS {
                self.unacknowledged.remove(&call_id);
                continue;
            }
            Tally::add(&self.tally.repeated);
            self.send(&answer, remote);
            let pause = T2.min(T1 * 2_u32.pow(u32::from(repeats)));
            self.due.push(Reverse((now + pause, call_id)));
        }
    }

    fn send(&self, bytes: &[u8], remote: SocketAddr) {
        // What is lost here is repeated, as anywhere.
        let _ = self.socket.send_to(bytes, remote);
    }
}

/// A 200 to this request.
fn answer(request: &str) -> Vec<u8> {
    let mut text = String::from("SIP/2.0 200 OK\r\n");
    for line in request
        .split_inclusive("\r\n")
        .take_while(|line| *line != "\r\n")
    {
        let copied = ["Via:", "From:", "Call-ID:", "CSeq:"];
        if copied.iter().any(|name| line.starts_with(name)) {
            text.push_str(line);
        } else if line.starts_with("To:") {
            text.push_str(line.trim_end());
            text.push_str(if line.contains(";tag=") {
                "\r\n"
            } else {
                ";tag=called\r\n"
            });
        }
    }
    text.push_str("Content-Length: 0\r\n\r\n");
    text.into_bytes()
}
