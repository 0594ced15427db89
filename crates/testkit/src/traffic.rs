//! Telephone traffic over UDP, fast enough to load a server: two parties on plain sockets, and whatever stands between them.
//!
//! ```text
//!   caller ── INVITE, ACK, BYE ──► what is measured ──► callee
//!          ◄── 100, 180, 200 ─────                  ◄── 180, 200, at once
//! ```
//!
//! Every call is INVITE, 180, 200, ACK, BYE, 200, all of it through the middle. Nothing is repeated: on a loopback that loses nothing a
//! call that does not end is a finding. It is no user agent; it knows the messages that it makes and echoes what answers must echo.
//!
//! What is told is told of the middle: a delay begins when an INVITE was sent, not when it was due, and who fell behind does not send
//! what is due all at once, because that would wait in the middle for our sake.

use rustix::net::sockopt::{
    set_socket_recv_buffer_size, set_socket_recv_buffer_size_force, set_socket_send_buffer_size,
};
use rustix::thread::set_current_timer_slack;
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroU64;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Room for the datagrams of a busy moment, in bytes; the system may give less.
const SOCKET_BUFFER: usize = 8 * 1024 * 1024;
/// Longest datagram.
const MAX_DATAGRAM: usize = 65_535;
/// How long a receiver sleeps at most before it looks whether it is over.
const LOOK: Duration = Duration::from_millis(20);
/// How much faster than usual INVITEs follow each other while they are late: at seven tenths of what somebody can carry, that is still
/// less than he can.
const CATCHING_UP: f64 = 1.25;
/// How late the system may wake who sends; its usual 50 us are as long as the gaps of a fast stream.
const TIMER_SLACK: Option<NonZeroU64> = NonZeroU64::new(1_000);

/// The two ends of the traffic.
pub struct Parties {
    caller: UdpSocket,
    callee: UdpSocket,
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Where the caller sends everything.
    pub to: SocketAddr,
    /// Calls a second.
    pub rate: f64,
    /// How many.
    pub calls: usize,
    /// A prefix of the Call-IDs that no other stream has.
    pub name: String,
    /// Header lines of each call, such as its Identity; calls beyond the last begin again at the first.
    pub headers: Vec<String>,
    /// What the callee does.
    pub callee: Callee,
    /// How long to wait for the last call to end.
    pub patience: Duration,
}

/// What the callee does with a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Callee {
    /// It rings, and answers at once.
    #[default]
    Answers,
    /// It rings.
    Rings,
}

/// What became of a stream.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Times that a call was heard ringing.
    pub ringing: usize,
    /// Calls answered with 200.
    pub answered: usize,
    /// Calls refused with 503.
    pub shed: usize,
    /// Calls refused with anything else.
    pub refused: usize,
    /// Calls whose BYE was answered, too.
    pub ended: usize,
    /// How long the INVITE was on its way, of each call that arrived, shortest first.
    pub delays: Vec<Duration>,
    /// From the INVITE to the answer to the BYE, of each call that ended, shortest first.
    pub calls: Vec<Duration>,
    /// How much later than due we ourselves sent the INVITE, of each call, shortest first.
    pub late: Vec<Duration>,
    /// Times that the callee heard `TN-Validation-Passed` in an INVITE.
    pub passed: usize,
    /// Of each call the header lines that came with its INVITE and are a signature: Identity and Date; empty if none came.
    pub signatures: Vec<String>,
    /// From the first INVITE to the last.
    pub placed: Duration,
    /// From the first INVITE to the end of the last call that ended.
    pub took: Duration,
}

impl Outcome {
    /// How many INVITEs came with a signature.
    pub fn signed(&self) -> usize {
        self.signatures.iter().filter(|one| !one.is_empty()).count()
    }

    /// The delay that this part of all calls does not exceed, 0.99 for p99; zero if none arrived.
    pub fn delay(&self, part: f64) -> Duration {
        quantile(&self.delays, part)
    }

    /// How late we were ourselves, in this part of all calls at most.
    pub fn lateness(&self, part: f64) -> Duration {
        quantile(&self.late, part)
    }

    /// Calls that were over so soon.
    pub fn ended_within(&self, limit: Duration) -> usize {
        self.calls.partition_point(|took| *took <= limit)
    }
}

fn quantile(sorted: &[Duration], part: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let index = ((sorted.len() as f64 * part) as usize).min(last);
    sorted.get(index).copied().unwrap_or_default()
}

/// What the threads of one stream share.
struct Board {
    start: Instant,
    sent: Vec<AtomicU64>,
    arrived: Vec<AtomicU64>,
    closed: Vec<AtomicU64>,
    ringing: AtomicU32,
    answered: AtomicU32,
    shed: AtomicU32,
    refused: AtomicU32,
    ended: AtomicU32,
    passed: AtomicU32,
    signatures: Mutex<Vec<String>>,
    over: AtomicBool,
}

impl Board {
    fn new(calls: usize) -> Self {
        let zeros = || (0..calls).map(|_| AtomicU64::new(0)).collect();
        Self {
            start: Instant::now(),
            sent: zeros(),
            arrived: zeros(),
            closed: zeros(),
            ringing: AtomicU32::new(0),
            answered: AtomicU32::new(0),
            shed: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            ended: AtomicU32::new(0),
            passed: AtomicU32::new(0),
            signatures: Mutex::new(vec![String::new(); calls]),
            over: AtomicBool::new(false),
        }
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// How many calls are where they should come to, or refused.
    fn done(&self, callee: Callee) -> usize {
        let count = |of: &AtomicU32| of.load(Ordering::Relaxed) as usize;
        let held = match callee {
            Callee::Answers => &self.ended,
            Callee::Rings => &self.ringing,
        };
        count(held) + count(&self.shed) + count(&self.refused)
    }

    fn keep_signature(&self, call: usize, invite: &str) {
        let identity = line(invite, "Identity: ");
        if identity.is_empty() {
            return;
        }
        if let Ok(mut found) = self.signatures.lock()
            && let Some(place) = found.get_mut(call)
        {
            *place = format!("{}\r\n{identity}\r\n", line(invite, "Date: "));
        }
    }

    /// From the INVITE to what came of it, of each call that came so far, shortest first.
    fn since_sent(&self, until: &[AtomicU64]) -> Vec<Duration> {
        let both = self.sent.iter().zip(until);
        let mut spans: Vec<_> = both
            .filter_map(|(sent, until)| {
                let (sent, until) = (sent.load(Ordering::Relaxed), until.load(Ordering::Relaxed));
                (until > 0).then(|| Duration::from_nanos(until.saturating_sub(sent)))
            })
            .collect();
        spans.sort_unstable();
        spans
    }

    fn outcome(&self, rate: f64) -> Outcome {
        let count = |of: &AtomicU32| of.load(Ordering::Relaxed) as usize;
        let latest = |of: &[AtomicU64]| {
            let nanos = of.iter().map(|one| one.load(Ordering::Relaxed)).max();
            Duration::from_nanos(nanos.unwrap_or_default())
        };
        let numbered = self.sent.iter().enumerate();
        let mut late: Vec<_> = numbered
            .map(|(call, sent)| {
                Duration::from_nanos(sent.load(Ordering::Relaxed)).saturating_sub(due(call, rate))
            })
            .collect();
        late.sort_unstable();
        Outcome {
            ringing: count(&self.ringing),
            answered: count(&self.answered),
            shed: count(&self.shed),
            refused: count(&self.refused),
            ended: count(&self.ended),
            delays: self.since_sent(&self.arrived),
            calls: self.since_sent(&self.closed),
            late,
            passed: count(&self.passed),
            signatures: self
                .signatures
                .lock()
                .map(|found| found.clone())
                .unwrap_or_default(),
            placed: latest(&self.sent),
            took: latest(&self.closed),
        }
    }
}

/// When an INVITE is to be sent, since the first.
fn due(call: usize, rate: f64) -> Duration {
    Duration::from_secs_f64(call as f64 / rate)
}

impl Parties {
    /// Two parties at addresses of this machine that the system chooses.
    ///
    /// # Errors
    /// If the system gives no sockets.
    pub fn new() -> std::io::Result<Self> {
        let party = || {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_read_timeout(Some(LOOK))?;
            // Smaller buffers lose datagrams under load, which the outcome tells; who may do so takes more than others get.
            if set_socket_recv_buffer_size_force(&socket, SOCKET_BUFFER).is_err() {
                let _ = set_socket_recv_buffer_size(&socket, SOCKET_BUFFER);
            }
            let _ = set_socket_send_buffer_size(&socket, SOCKET_BUFFER);
            Ok::<_, std::io::Error>(socket)
        };
        Ok(Self {
            caller: party()?,
            callee: party()?,
        })
    }

    /// Where the callee waits: the next hop of what is measured.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn callee(&self) -> std::io::Result<SocketAddr> {
        self.callee.local_addr()
    }

    /// Where the caller sends from.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn caller(&self) -> std::io::Result<SocketAddr> {
        self.caller.local_addr()
    }

    /// Places the calls of a stream and waits until they are over.
    ///
    /// # Errors
    /// If a socket fails.
    pub fn run(&self, stream: &Stream) -> std::io::Result<Outcome> {
        let board = Board::new(stream.calls);
        let local = self.caller.local_addr()?;
        let contact = self.callee.local_addr()?;
        std::thread::scope(|scope| {
            let (board, name) = (&board, stream.name.as_str());
            scope.spawn(move || self.answer(board, stream, contact));
            scope.spawn(move || self.hear(board, name, stream.to, local));
            // In a thread of its own, because its timers are finer than those of others are.
            let placing = scope.spawn(move || self.place(board, stream, local));
            let placed = placing
                .join()
                .unwrap_or_else(|cause| std::panic::resume_unwind(cause));
            let patience = Instant::now() + stream.patience;
            while board.done(stream.callee) < stream.calls && Instant::now() < patience {
                std::thread::sleep(Duration::from_millis(1));
            }
            board.over.store(true, Ordering::Relaxed);
            placed
        })?;
        Ok(board.outcome(stream.rate))
    }

    /// Sends the INVITEs, each in its time or as soon after that as is decent.
    fn place(&self, board: &Board, stream: &Stream, local: SocketAddr) -> std::io::Result<()> {
        let none = String::new();
        // Without it gaps are less even, which the lateness tells.
        let _ = set_current_timer_slack(TIMER_SLACK);
        let gap = Duration::from_secs_f64(1.0 / (stream.rate * CATCHING_UP));
        let mut soonest = Duration::ZERO;
        for (call, sent) in board.sent.iter().enumerate() {
            let at = due(call, stream.rate).max(soonest);
            if let Some(early) = at.checked_sub(board.start.elapsed()) {
                std::thread::sleep(early);
            }
            // Being woken late is made up for at once; what is more than a gap is not.
            soonest = at.max(board.start.elapsed().saturating_sub(gap)) + gap;
            let index = call.checked_rem(stream.headers.len());
            let headers = index
                .and_then(|index| stream.headers.get(index))
                .unwrap_or(&none);
            let invite = invite(&stream.name, call, local, headers);
            sent.store(board.nanos(), Ordering::Relaxed);
            self.caller.send_to(invite.as_bytes(), stream.to)?;
        }
        Ok(())
    }

    /// Answers INVITE and BYE.
    fn answer(&self, board: &Board, stream: &Stream, contact: SocketAddr) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        while !board.over.load(Ordering::Relaxed) {
            let Ok((length, from)) = self.callee.recv_from(&mut buffer) else {
                continue;
            };
            let Some(request) = buffer
                .get(..length)
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
            else {
                continue;
            };
            let Some(call) = call_of(request, &stream.name) else {
                continue;
            };
            let is_invite = request.starts_with("INVITE ");
            if is_invite {
                if let Some(arrived) = board.arrived.get(call) {
                    arrived.store(board.nanos(), Ordering::Relaxed);
                }
                if request.contains("verstat=TN-Validation-Passed") {
                    board.passed.fetch_add(1, Ordering::Relaxed);
                }
                board.keep_signature(call, request);
                let ringing = response("180 Ringing", request, contact);
                let _ = self.callee.send_to(ringing.as_bytes(), from);
            }
            let rings_on = is_invite && stream.callee == Callee::Rings;
            if !request.starts_with("ACK ") && !rings_on {
                let answer = response("200 OK", request, contact);
                let _ = self.callee.send_to(answer.as_bytes(), from);
            }
        }
    }

    /// Hears the answers: what is answered is acknowledged and ended.
    fn hear(&self, board: &Board, name: &str, to: SocketAddr, local: SocketAddr) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        while !board.over.load(Ordering::Relaxed) {
            let Ok((length, _)) = self.caller.recv_from(&mut buffer) else {
                continue;
            };
            let Some(response) = buffer
                .get(..length)
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
            else {
                continue;
            };
            let (Some(call), Some(status)) = (call_of(response, name), response.get(8..12)) else {
                continue;
            };
            let is_bye = response.contains(" BYE\r\n");
            match status.as_bytes().first() {
                Some(b'1') if status == "180 " => {
                    board.ringing.fetch_add(1, Ordering::Relaxed);
                }
                Some(b'1') | None => {}
                Some(b'2') if is_bye => {
                    if let Some(closed) = board.closed.get(call) {
                        closed.store(board.nanos(), Ordering::Relaxed);
                    }
                    board.ended.fetch_add(1, Ordering::Relaxed);
                }
                Some(b'2') => {
                    board.answered.fetch_add(1, Ordering::Relaxed);
                    for method in ["ACK", "BYE"] {
                        let request = in_dialog(method, response, name, call, local);
                        let _ = self.caller.send_to(request.as_bytes(), to);
                    }
                }
                Some(_) => {
                    let shed = status == "503 ";
                    let count = if shed { &board.shed } else { &board.refused };
                    count.fetch_add(1, Ordering::Relaxed);
                    if !is_bye {
                        let ack = ack_of_failure(response, name, call, local);
                        let _ = self.caller.send_to(ack.as_bytes(), to);
                    }
                }
            }
        }
    }
}

/// The session that is offered: what phones send, no more.
const SDP: &str = "v=0\r\no=- 20518 0 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 54400 RTP/AVP 0 8 101\r\n\
    a=rtpmap:101 telephone-event/8000\r\n";

/// The numbers of a call: both in the blocks that the lab's provider has, or that are reserved for examples.
pub fn numbers(call: usize) -> (String, String) {
    (
        format!("120255501{:02}", call % 50),
        format!("120255501{:02}", 50 + call % 50),
    )
}

fn invite(name: &str, call: usize, local: SocketAddr, headers: &str) -> String {
    let (from, to) = numbers(call);
    format!(
        "INVITE sip:+{to}@b.example SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK{name}-{call}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:+{from}@a.example>;tag=a{call}\r\nTo: <sip:+{to}@b.example>\r\n\
         Call-ID: {name}-{call}@a.example\r\nX-Call: {name}-{call}@a.example\r\nCSeq: 1 INVITE\r\nContact: <sip:{local}>\r\n{headers}\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    )
}

fn in_dialog(method: &str, response: &str, name: &str, call: usize, local: SocketAddr) -> String {
    let (_, number) = numbers(call);
    let sequence = if method == "ACK" { 1 } else { 2 };
    let (from, to) = (line(response, "From: "), line(response, "To: "));
    format!(
        "{method} sip:+{number}@b.example SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK{name}-{call}{method}\r\n\
         Max-Forwards: 70\r\n{from}\r\n{to}\r\nCall-ID: {name}-{call}@a.example\r\nX-Call: {name}-{call}@a.example\r\nCSeq: {sequence} {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

fn ack_of_failure(response: &str, name: &str, call: usize, local: SocketAddr) -> String {
    in_dialog("ACK", response, name, call, local).replacen(
        &format!("{name}-{call}ACK"),
        &format!("{name}-{call}"),
        1,
    )
}

fn response(status: &str, request: &str, contact: SocketAddr) -> String {
    let mut answer = String::with_capacity(request.len());
    answer.push_str("SIP/2.0 ");
    answer.push_str(status);
    for line in request
        .split("\r\n")
        .skip(1)
        .take_while(|line| !line.is_empty())
    {
        let is_to = line.starts_with("To: ");
        let echoed = is_to
            || [
                "Via: ",
                "From: ",
                "Call-ID: ",
                "CSeq: ",
                "Record-Route: ",
                "X-Call: ",
            ]
            .iter()
            .any(|name| line.starts_with(name));
        if echoed {
            answer.push_str("\r\n");
            answer.push_str(line);
        }
        if is_to && !line.contains(";tag=") {
            answer.push_str(";tag=b");
        }
    }
    answer.push_str("\r\nContact: <sip:");
    answer.push_str(&contact.to_string());
    answer.push_str(">\r\nContent-Length: 0\r\n\r\n");
    answer
}

/// The header line that begins so.
fn line<'a>(message: &'a str, name: &str) -> &'a str {
    let mut lines = message.split("\r\n").take_while(|line| !line.is_empty());
    lines
        .find(|line| line.starts_with(name))
        .unwrap_or_default()
}

/// Which call of the stream a message is of.
fn call_of(message: &str, name: &str) -> Option<usize> {
    // Somebody between the parties may change the Call-ID; the name stays with the call.
    let (_, named) = [line(message, "X-Call: "), line(message, "Call-ID: ")]
        .into_iter()
        .find_map(|line| line.split_once(": "))?;
    let number = named.strip_prefix(name)?.strip_prefix('-')?;
    number.split_once('@')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_between_the_parties_themselves_all_end() {
        let parties = Parties::new().unwrap();
        let stream = Stream {
            to: parties.callee().unwrap(),
            rate: 2_000.0,
            calls: 200,
            name: "direct".to_owned(),
            headers: vec!["Date: d\r\nIdentity: a\r\n".to_owned(), String::new()],
            callee: Callee::Answers,
            patience: Duration::from_secs(20),
        };
        let outcome = parties.run(&stream).unwrap();
        assert_eq!(
            (outcome.answered, outcome.ended, outcome.delays.len()),
            (200, 200, 200)
        );
        assert_eq!(
            (
                outcome.signed(),
                outcome.passed,
                outcome.shed,
                outcome.refused
            ),
            (100, 0, 0, 0)
        );
        assert_eq!(outcome.signatures[0], "Date: d\r\nIdentity: a\r\n");
        assert!(outcome.delay(0.99) >= outcome.delay(0.5) && outcome.delay(0.5) > Duration::ZERO);
        // A call is over after its INVITE arrived, and the last of them after it was placed.
        assert!(outcome.calls.len() == 200 && outcome.calls[0] > outcome.delays[0]);
        assert_eq!(outcome.ended_within(outcome.calls[99]), 100);
        assert!(outcome.placed >= due(199, 2_000.0) && outcome.took > outcome.placed);
    }

    #[test]
    fn who_is_late_does_not_send_all_at_once() {
        let parties = Parties::new().unwrap();
        // Nobody sends so fast: every INVITE is late, and comes a gap after the one before.
        let stream = Stream {
            to: parties.callee().unwrap(),
            rate: 1e9,
            calls: 100,
            name: "late".to_owned(),
            headers: Vec::new(),
            callee: Callee::Answers,
            patience: Duration::from_secs(20),
        };
        let outcome = parties.run(&stream).unwrap();
        assert_eq!((outcome.ended, outcome.late.len()), (100, 100));
        assert!(outcome.lateness(0.5) > Duration::ZERO);
        assert!(outcome.lateness(1.0) <= outcome.placed);
    }
}
