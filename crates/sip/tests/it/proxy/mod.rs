//! The proxy as its host and its neighbours see it.
//!
//! ```text
//!   caller 192.0.2.10:5060 ──▶ proxy 192.0.2.1:5060 ──▶ callee 192.0.2.20:5060
//!                                   │  ▲                  (second hop 192.0.2.21:5060)
//!                                   ▼  │
//!                            host: signs and judges when the test says so
//! ```
//!
//! [`Table`] is the proxy on a table: one clock that the test winds, every output kept until the test takes it. `simulation` puts it
//! on a bad wire between two parties that behave.

mod any_input;
mod asking;
mod bypass;
mod cancel;
mod errors;
mod compact;
mod excess;
mod floods;
mod forks;
mod hops_and_loops;
mod message_size;
mod next_hops;
mod ordinary_calls;
mod other_methods;
mod privacy;
mod record_route;
mod redirect;
mod signing;
pub(crate) mod simulation;
mod strangers;
mod untouched;
mod verdicts;

use bytes::Bytes;
use countersign::time::{Now, Ticks, UnixTime};
use countersign::verification::Verdict;
use countersign_sip::element::{
    ContextId, Element, Event, Finished, Input, Judge, Judgement, Options, Output, Sender, Sign,
    TimerId,
};
use countersign_sip::flow::{ConnectionId, Flow, Target, Transport};
use countersign_sip::message::{Framing, Message};
use countersign_sip::trunk::{NextHop, SentBy, Trunk};
use std::sync::Arc;

/// The wall clock when the test begins: 2015-09-25T19:12:25Z.
const START: i64 = 1_443_208_345;

/// A message that the proxy sent.
#[derive(Clone, Debug)]
struct Sent {
    target: Target,
    by: Option<Sender>,
    text: String,
}

impl Sent {
    /// The start line.
    fn first_line(&self) -> &str {
        self.text.lines().next().unwrap()
    }

    /// The values of all header lines that begin with this name, as written.
    fn values(&self, name: &str) -> Vec<&str> {
        let prefix = format!("{name}: ");
        self.text
            .split("\r\n")
            .filter_map(|line| line.strip_prefix(prefix.as_str()))
            .collect()
    }

    /// The branch of the top Via.
    fn branch(&self) -> &str {
        let via = self.values("Via")[0];
        let branch = via.split("branch=").nth(1).unwrap();
        branch.split([';', ',']).next().unwrap()
    }

    /// `caller`, `callee`, `second` or an address, with the transport.
    fn to(&self) -> String {
        let name = match self.target.remote.ip().to_string().as_str() {
            "192.0.2.10" => "caller".to_owned(),
            "192.0.2.20" => "callee".to_owned(),
            "192.0.2.21" => "second".to_owned(),
            other => other.to_owned(),
        };
        format!("{name}/{}", self.target.transport.as_str().to_lowercase())
    }
}

/// A proxy, a clock, and everything the proxy wanted.
struct Table {
    element: Element,
    trunk: Arc<Trunk>,
    now: Ticks,
    timers: Vec<(Ticks, TimerId)>,
    sent: Vec<Sent>,
    events: Vec<Event>,
    judge: Vec<Judge>,
    sign: Vec<Sign>,
    expired: Vec<ContextId>,
    forgotten: Vec<ContextId>,
}

impl Table {
    fn new(trunk: Trunk) -> Self {
        Self::with(trunk, options())
    }

    fn with(trunk: Trunk, options: Options) -> Self {
        Self {
            element: Element::new(options),
            trunk: Arc::new(trunk),
            now: Ticks::from_millis(1_000),
            timers: Vec::new(),
            sent: Vec::new(),
            events: Vec::new(),
            judge: Vec::new(),
            sign: Vec::new(),
            expired: Vec::new(),
            forgotten: Vec::new(),
        }
    }

    fn handle(&mut self, input: Input) {
        let mut out = Vec::new();
        let now = Now {
            unix: UnixTime::from_secs(START)
                .saturating_add((self.now.as_micros() / 1_000_000) as i64 - 1),
            ticks: self.now,
        };
        self.element.handle(input, now, &mut out);
        for output in out {
            match output {
                Output::ExpireAnswer { .. }
                | Output::ForgetAnswer { .. }
                | Output::JudgeAnswer(_)
                | Output::SignAnswer(_) => panic!("nobody asked for connected identity"),
                Output::Answered(answer) => panic!("{answer:?}"),
                Output::Event(event) => self.events.push(event),
                Output::Expire(id) => self.expired.push(id),
                Output::Forget(id) => self.forgotten.push(id),
                Output::Judge(judge) => self.judge.push(judge),
                Output::Send { target, bytes, by } => self.sent.push(Sent {
                    target,
                    by,
                    text: String::from_utf8_lossy(&bytes).into_owned(),
                }),
                Output::SetTimer { id, at } => {
                    assert!(at >= self.now, "a timer in the past: {id:?}");
                    self.timers.push((at, id));
                }
                Output::Sign(sign) => self.sign.push(sign),
            }
        }
    }

    /// A datagram comes from the caller's side.
    fn caller(&mut self, text: &str) {
        self.receive(text, "192.0.2.10:5060", Some(Arc::clone(&self.trunk)));
    }

    /// A datagram comes from the called side, which has no trunk of its own here.
    fn callee(&mut self, text: &str) {
        self.receive(text, "192.0.2.20:5060", None);
    }

    fn receive(&mut self, text: &str, remote: &str, trunk: Option<Arc<Trunk>>) {
        self.handle(received(text, remote, trunk));
    }

    /// The callee answers a request that the proxy sent, with a body line or two of its own.
    fn answer(&mut self, request: &Sent, status: &str) {
        self.callee(&answer_to(request, status));
    }

    fn judged(&mut self, verdict: Verdict) {
        let id = self.judge.last().expect("nobody asked").id;
        self.handle(Input::Judged {
            id,
            judgement: Judgement {
                verdict,
                code: None,
                attestation: None,
                consequences: None,
                key: None,
                provider: None,
                msec: None,
            },
        });
    }

    fn signed(&mut self, identity: Option<&str>) {
        let id = self.sign.last().expect("nobody asked").id;
        self.handle(Input::Signed {
            id,
            identities: identity.map(Into::into).into_iter().collect(),
        });
    }

    /// The transport of the last message to this party failed.
    fn transport_failed(&mut self, sent: &Sent) {
        self.handle(Input::TransportFailed {
            by: sent.by.expect("nobody wants to know"),
            target: sent.target.clone(),
        });
    }

    /// Lets time pass, with every timer on its way.
    fn wait(&mut self, millis: u64) {
        pass_time(
            self,
            millis,
            |it| (&mut it.now, &mut it.timers),
            Self::handle,
        );
    }

    /// Everything sent since last asked.
    fn sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// To whom and with which start line, of everything sent since last asked.
    fn lines(&mut self) -> Vec<String> {
        let sent = self.sent();
        sent.iter()
            .map(|sent| format!("{} {}", sent.to(), sent.first_line()))
            .collect()
    }

    /// The one message sent since last asked.
    fn one(&mut self) -> Sent {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:#?}");
        sent.remove(0)
    }

    /// How many timers are under way.
    fn timers(&self) -> usize {
        self.timers.len()
    }

    fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The one request that has finished since events were last taken.
    fn finished(&mut self) -> Finished {
        let finished: Vec<_> = self
            .events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Finished(finished) => Some(*finished),
                _ => None,
            })
            .collect();
        assert_eq!(finished.len(), 1, "{finished:#?}");
        finished.into_iter().next().unwrap()
    }

    /// Waits until nothing can happen any more, and sees that nothing is left.
    fn ends_clean(&mut self) {
        let timers: Vec<_> = self.timers.iter().map(|(_, id)| *id).collect();
        self.wait(600_000);
        assert!(timers.iter().all(|id| !self.element.awaits(*id)));
        assert!(
            self.element.is_idle(),
            "{} contexts are left",
            self.element.contexts()
        );
        assert!(self.timers.is_empty());
        self.sent.clear();
    }
}

/// The timer that fires first, of those that do until then.
pub(crate) fn take_due(timers: &mut Vec<(Ticks, TimerId)>, end: Ticks) -> Option<(Ticks, TimerId)> {
    let due = (0..timers.len()).filter(|index| timers[*index].0 <= end);
    let next = due.min_by_key(|index| timers[*index].0)?;
    Some(timers.remove(next))
}

/// The clock of a table: what time it is, and what is due when.
pub(crate) type Clock<T> = fn(&mut T) -> (&mut Ticks, &mut Vec<(Ticks, TimerId)>);

/// Lets time pass on a table with a clock, every timer on its way.
pub(crate) fn pass_time<T>(table: &mut T, millis: u64, clock: Clock<T>, handle: fn(&mut T, Input)) {
    let end = Ticks::from_micros(clock(table).0.as_micros() + millis * 1000);
    loop {
        let (now, timers) = clock(table);
        let Some((at, id)) = take_due(timers, end) else {
            *now = end;
            return;
        };
        *now = at;
        handle(table, Input::Timer(id));
    }
}

/// A message that comes from there in a datagram.
pub(crate) fn received(text: &str, remote: &str, trunk: Option<Arc<Trunk>>) -> Input {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    Input::Received {
        flow: udp(remote),
        message: Message::parse(bytes, Framing::Datagram).unwrap(),
        trunk,
    }
}

/// Whatever comes in a datagram, a message or not.
pub(crate) fn perhaps_received(bytes: Bytes, flow: Flow, trunk: Option<Arc<Trunk>>) -> Input {
    match Message::parse(bytes, Framing::Datagram) {
        Ok(message) => Input::Received {
            flow,
            message,
            trunk,
        },
        Err(error) => Input::Unreadable {
            flow,
            error: Box::new(error),
            trunk,
        },
    }
}

pub(crate) fn options() -> Options {
    let us = |text: &str| SentBy::new(text, Some(5060)).unwrap();
    let mut options = Options::new(us("192.0.2.1"), [42; 16]);
    options.names.also_known_as = vec![us("proxy.example")];
    options
}

pub(crate) fn udp(remote: &str) -> Flow {
    Flow {
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: remote.parse().unwrap(),
        connection: None,
    }
}

pub(crate) fn tcp(remote: &str, connection: u64) -> Flow {
    Flow {
        transport: Transport::Tcp,
        connection: Some(ConnectionId(connection)),
        ..udp(remote)
    }
}

/// A trunk to the callee by UDP that only passes.
fn trunk() -> Trunk {
    Trunk::new("customer", vec![hop(Transport::Udp, "192.0.2.20:5060")])
}

pub(crate) fn hop(transport: Transport, address: &str) -> NextHop {
    NextHop::new(transport, address.parse().unwrap())
}

/// A request of the caller; `headers` are lines with their CRLF.
fn request(method: &str, branch: &str, headers: &str) -> String {
    format!(
        "{method} sip:+12025550101@b.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch={branch}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:+12025550100@a.example>;tag=caller\r\n\
         To: <sip:+12025550101@b.example>\r\n\
         Call-ID: call-1@a.example\r\n\
         CSeq: 1 {method}\r\n{headers}Content-Length: 0\r\n\r\n"
    )
}

fn invite(headers: &str) -> String {
    request("INVITE", "z9hG4bKone", headers)
}

/// The ACK of the caller for a final response to [`invite`].
fn ack(response: &Sent) -> String {
    request("ACK", "z9hG4bKone", "").replace(
        "To: <sip:+12025550101@b.example>",
        &format!("To: {}", response.values("To")[0]),
    )
}

/// What the callee answers to a request as the proxy sent it.
fn answer_to(request: &Sent, status: &str) -> String {
    answer_to_text(&request.text, status)
}

fn answer_to_text(request: &str, status: &str) -> String {
    let lines = |names: &[&str]| -> String {
        let is_one = |line: &&str| names.iter().any(|name| line.starts_with(name));
        request.split_inclusive("\r\n").filter(is_one).collect()
    };
    let copied = lines(&["Via:", "From:", "Call-ID:", "CSeq:"]);
    let to = lines(&["To:"]);
    let to = to.trim_end().trim_end_matches(";tag=callee");
    let tag = if status.starts_with("100") {
        ""
    } else {
        ";tag=callee"
    };
    format!("SIP/2.0 {status}\r\n{copied}{to}{tag}\r\nContent-Length: 0\r\n\r\n")
}
