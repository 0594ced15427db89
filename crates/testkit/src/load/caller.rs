//! The calling side: a steady rate of calls, each repeated until it is answered, each acknowledged, some hung up.

use super::{HEADER, Kind, Tally, header};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// RFC 3261 §17.1.1.1.
const T1: Duration = Duration::from_millis(500);
/// RFC 3261 §17.1.1.2: Timer B, 64*T1.
const TIMER_B: Duration = Duration::from_secs(32);
/// Pause before a call that was turned away is placed again; each time it is longer by as much. Not all come back in one moment.
const AGAIN: Duration = Duration::from_secs(1);
/// How many calls come back one after the other in that time.
const APART: u32 = 1_000;
/// One call in so many is hung up.
const HUNG_UP: u64 = 8;
/// Behind by so much, the rate is not made up for: it would be a storm.
const MAX_BEHIND: Duration = Duration::from_millis(50);

/// What is called, and how.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Calls in all.
    pub calls: u64,
    /// Calls begun in a second.
    pub rate: u32,
    /// Where calls are signed.
    pub signs: SocketAddr,
    /// Where they are verified.
    pub verifies: SocketAddr,
}

struct Pending {
    invite: String,
    via: SocketAddr,
    begun: Instant,
    pause: Duration,
    state: State,
    attempts: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Answered,
    Proceeding,
    Silent,
    TurnedAway { until: Instant },
}

struct Caller {
    socket: UdpSocket,
    local: SocketAddr,
    plan: Plan,
    tally: Arc<Tally>,
    pending: HashMap<u64, Pending>,
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    unanswered: u64,
}

/// Places every call of the plan, and ends when each has its answer or none will come.
///
/// # Errors
/// What the system says.
pub fn start(socket: UdpSocket, plan: Plan, tally: Arc<Tally>) -> std::io::Result<JoinHandle<()>> {
    let local = socket.local_addr()?;
    let mut caller = Caller {
        socket,
        local,
        plan,
        tally,
        pending: HashMap::new(),
        due: BinaryHeap::new(),
        unanswered: 0,
    };
    std::thread::Builder::new()
        .name("caller".into())
        .spawn(move || caller.run())
}

impl Caller {
    fn run(&mut self) {
        let pause = Duration::from_secs(1) / self.plan.rate.max(1);
        let (mut serial, mut next) = (0, Instant::now());
        while serial < self.plan.calls || self.unanswered > 0 {
            let now = Instant::now();
            next = next.max(now.checked_sub(MAX_BEHIND).unwrap_or(now));
            while next <= now && serial < self.plan.calls {
                self.place(serial, 0, now);
                serial += 1;
                next += pause;
            }
            let wait = next.saturating_duration_since(now);
            self.listen(wait.clamp(Duration::from_micros(100), Duration::from_millis(5)));
            self.fire(Instant::now());
        }
    }

    fn place(&mut self, serial: u64, attempts: u32, now: Instant) {
        let kind = Kind::of(serial);
        let proof = self.tally.proof.lock().ok().and_then(|proof| proof.clone());
        let (kind, identity, to) = match (kind, proof) {
            (Kind::Tampered, Some((identity, to))) => {
                (kind, format!("Identity: {identity}\r\n"), to)
            }
            // There is no proof yet that could be misused.
            (Kind::Tampered, None) => (Kind::Unsigned, String::new(), "12025550190".into()),
            _ => (kind, String::new(), format!("1202555019{}", serial % 10)),
        };
        let (from, via) = match kind {
            Kind::Assigned => (12_025_550_100 + serial % 49, self.plan.signs),
            Kind::Unlisted => (12_025_550_150 + serial % 40, self.plan.signs),
            // The proof is of another number than this.
            Kind::Tampered => (12_025_550_149, self.plan.verifies),
            Kind::Unsigned => (12_025_550_100 + serial % 49, self.plan.verifies),
        };
        let (local, header, kind, run) = (self.local, HEADER, kind.name(), std::process::id());
        let invite = format!(
            "INVITE sip:{to}@{via};user=phone SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK-soak-{run}-{serial};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{from}@{local};user=phone>;tag={serial}\r\nTo: <sip:{to}@{via};user=phone>\r\n\
             Call-ID: soak-{run}-{serial}\r\nCSeq: 1 INVITE\r\nContact: <sip:{from}@{local}>\r\n{header}: {kind}\r\n{identity}\
             Content-Length: 0\r\n\r\n"
        );
        self.send(&invite, via);
        Tally::add(&self.tally.placed);
        self.unanswered += 1;
        self.due.push(Reverse((now + T1, serial)));
        let pending = Pending {
            invite,
            via,
            begun: now,
            pause: T1,
            state: State::Silent,
            attempts,
        };
        self.pending.insert(serial, pending);
    }

    fn listen(&mut self, wait: Duration) {
        let mut buffer = [0; 8_192];
        // A timeout that cannot be set would make the thread wait for the next answer, no longer.
        let _ = self.socket.set_read_timeout(Some(wait));
        if let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
            self.received(buffer.get(..length).unwrap_or_default());
            let _ = self.socket.set_nonblocking(true);
            while let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
                self.received(buffer.get(..length).unwrap_or_default());
            }
            let _ = self.socket.set_nonblocking(false);
        }
    }

    fn received(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let status = text
            .get(8..11)
            .and_then(|status| status.parse::<u16>().ok());
        let serial = header(&text, "Call-ID").and_then(|id| id.rsplit('-').next()?.parse().ok());
        let is_invite = header(&text, "CSeq").is_some_and(|cseq| cseq.ends_with("INVITE"));
        let (Some(status), Some(serial), true) = (status, serial, is_invite) else {
            return;
        };
        let Some(call) = self.pending.get_mut(&serial) else {
            return;
        };
        if status < 200 {
            if call.state == State::Silent {
                call.state = State::Proceeding;
            }
            return;
        }
        let ack = follow_up(
            &call.invite,
            &text,
            "ACK",
            if status < 300 { "-a" } else { "" },
        );
        let bye = follow_up(&call.invite, &text, "BYE", "-b").replacen("CSeq: 1", "CSeq: 2", 1);
        let (via, begun, before) = (call.via, call.begun, call.state);
        let again = Instant::now() + pause(call.attempts, serial);
        if matches!(before, State::Silent | State::Proceeding) {
            call.state = match status {
                503 => State::TurnedAway { until: again },
                _ => State::Answered,
            };
        }
        self.send(&ack, via);
        match before {
            State::Silent | State::Proceeding => {}
            // It is repeated until it is acknowledged.
            State::Answered if status != 503 => return,
            State::TurnedAway { .. } if status == 503 => return,
            State::Answered | State::TurnedAway { .. } => {
                return Tally::add(&self.tally.contradicted);
            }
        }
        match status {
            200..300 => {
                Tally::add(&self.tally.answered);
                if let Ok(mut times) = self.tally.times.lock() {
                    times.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
                }
                if serial % HUNG_UP == 0 {
                    self.send(&bye, via);
                }
            }
            503 => {
                Tally::add(&self.tally.turned_away);
                return self.due.push(Reverse((again, serial)));
            }
            _ => Tally::add(&self.tally.refused),
        }
        self.unanswered -= 1;
    }

    fn fire(&mut self, now: Instant) {
        while let Some(Reverse((at, serial))) = self.due.peek().copied()
            && at <= now
        {
            self.due.pop();
            let Some(call) = self.pending.get_mut(&serial) else {
                continue;
            };
            let attempts = call.attempts;
            let is_late = now.duration_since(call.begun) > TIMER_B;
            match call.state {
                State::Answered => drop(self.pending.remove(&serial)),
                // What was to be repeated if nothing came; the later one counts.
                State::TurnedAway { until } if now < until => {}
                State::TurnedAway { .. } => {
                    self.pending.remove(&serial);
                    self.unanswered -= 1;
                    // A call of the same kind, with names of its own.
                    self.place_again(serial, attempts + 1, now);
                }
                _ if is_late => {
                    self.pending.remove(&serial);
                    self.unanswered -= 1;
                    Tally::add(&self.tally.lost);
                }
                State::Proceeding => self.due.push(Reverse((now + T1, serial))),
                State::Silent => {
                    call.pause *= 2;
                    let (invite, via, next) = (call.invite.clone(), call.via, now + call.pause);
                    Tally::add(&self.tally.repeated);
                    self.send(&invite, via);
                    self.due.push(Reverse((next, serial)));
                }
            }
        }
    }

    fn place_again(&mut self, serial: u64, attempts: u32, now: Instant) {
        // Twenty kinds come round: the same kind, and a number that no call of the plan has.
        let step = self.plan.calls.div_ceil(20) * 20;
        self.place(serial + step, attempts, now);
        self.tally
            .placed
            .fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }

    fn send(&self, text: &str, to: SocketAddr) {
        // What is lost here is repeated, as anywhere.
        let _ = self.socket.send_to(text.as_bytes(), to);
    }
}

/// How long a call that was turned away is not placed again.
fn pause(attempts: u32, serial: u64) -> Duration {
    let apart = u32::try_from(serial % u64::from(APART)).unwrap_or_default();
    AGAIN * (attempts + 1) + AGAIN * apart / APART
}

/// The ACK or BYE that follows an answer.
fn follow_up(invite: &str, answer: &str, method: &str, branch: &str) -> String {
    let to = header(answer, "To").unwrap_or_default();
    let mut text = String::with_capacity(invite.len());
    for line in invite.split_inclusive("\r\n") {
        if let Some(rest) = line.strip_prefix("INVITE ") {
            text.push_str(&format!("{method} {rest}"));
        } else if line.starts_with("Via:") {
            text.push_str(&line.replacen(";rport", &format!("{branch};rport"), 1));
        } else if line.starts_with("To:") {
            text.push_str(&format!("To: {to}\r\n"));
        } else if line.starts_with("CSeq:") {
            text.push_str(&format!("CSeq: 1 {method}\r\n"));
        } else if !line.starts_with("Identity:") {
            text.push_str(line);
        }
    }
    text
}
