//! The back-to-back user agent as its host and its neighbours see it.
//!
//! ```text
//!   caller 192.0.2.10:5060 ══▶ b2bua 192.0.2.1:5060 ══▶ called 192.0.2.20:5060
//!        near dialog                    far dialog
//! ```
//!
//! [`Line`] has the b2bua in its middle, one clock that the test winds, and everything that was sent until the test takes it.

mod any_input;
mod ends_and_holds;
mod failures;
mod forks;
mod inside_the_dialog;
mod late_answers;
mod media_keys;
mod next_hops;
mod ordinary_calls;
mod speakers;
mod ways;

use crate::proxy::{pass_time, perhaps_received, received, udp};
use countersign::time::{Now, Ticks, UnixTime};
use countersign_sip::element::{
    Answer, CallEnded, ContextId, Element, Event, Finished, Input, Options, Output, TimerId,
};
use countersign_sip::flow::{Target, Transport};
use countersign_sip::trunk::{B2buaMode, Mode, NextHop, Role, SentBy, Trunk};
use std::sync::Arc;

/// The wall clock when the test begins: 2015-09-25T19:12:25Z.
const START: i64 = 1_443_208_345;
const CALLER: &str = "192.0.2.10:5060";
const CALLED: &str = "192.0.2.20:5060";

/// The offer and the answer, with bytes that no text has.
const BODY: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=\u{fffd} \r\n";

/// A message that the b2bua sent.
#[derive(Clone, Debug)]
struct Sent {
    target: Target,
    text: String,
}

impl Sent {
    fn first_line(&self) -> &str {
        self.text.lines().next().unwrap()
    }

    /// The values of all header lines of this name, as written.
    fn values(&self, name: &str) -> Vec<&str> {
        let prefix = format!("{name}: ");
        self.text
            .split("\r\n")
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.strip_prefix(prefix.as_str()))
            .collect()
    }

    /// The value of the one header of this name.
    fn value(&self, name: &str) -> &str {
        let values = self.values(name);
        assert_eq!(values.len(), 1, "{name}: {}", self.text);
        values[0]
    }

    /// The tag of From or To.
    fn tag(&self, name: &str) -> Option<&str> {
        self.value(name).split(";tag=").nth(1)
    }

    fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").unwrap().1
    }

    /// `caller`, `called` or an address.
    fn to(&self) -> String {
        match self.target.remote.to_string().as_str() {
            CALLER => "caller".to_owned(),
            CALLED => "called".to_owned(),
            other => other.to_owned(),
        }
    }
}

/// The b2bua, a clock, and everything it wanted.
struct Line {
    element: Element,
    trunk: Arc<Trunk>,
    now: Ticks,
    timers: Vec<(Ticks, TimerId)>,
    sent: Vec<Sent>,
    events: Vec<Event>,
    answered: Vec<Answer>,
    /// Whose signature was asked for, in vain.
    asked: Vec<ContextId>,
    /// What else the host was asked: to judge, and all about answers.
    questions: Vec<Output>,
}

impl Line {
    fn new() -> Self {
        Self::with(B2buaMode::default())
    }

    fn with(mode: B2buaMode) -> Self {
        Self::with_options(mode, options())
    }

    fn with_options(mode: B2buaMode, options: Options) -> Self {
        let hop = NextHop::new(Transport::Udp, CALLED.parse().unwrap());
        let mut trunk = Trunk::new("customer", vec![hop]);
        trunk.mode = Mode::B2bua(mode);
        Self {
            element: Element::new(options),
            trunk: Arc::new(trunk),
            now: Ticks::from_millis(1_000),
            timers: Vec::new(),
            sent: Vec::new(),
            events: Vec::new(),
            answered: Vec::new(),
            asked: Vec::new(),
            questions: Vec::new(),
        }
    }

    fn handle(&mut self, input: Input) {
        let mut out = Vec::new();
        let now = Now {
            unix: UnixTime::from_secs(START),
            ticks: self.now,
        };
        self.element.handle(input, now, &mut out);
        for output in out {
            match output {
                Output::Answered(answer) => self.answered.push(answer),
                Output::Forget(_) | Output::Expire(_) => {}
                Output::Event(event) => self.events.push(event),
                Output::Send { target, bytes, .. } => self.sent.push(Sent {
                    target,
                    text: String::from_utf8_lossy(&bytes).into_owned(),
                }),
                Output::SetTimer { id, at } => self.timers.push((at, id)),
                Output::Sign(sign) => {
                    self.asked.push(sign.id);
                    self.questions.push(Output::Sign(sign));
                }
                question => self.questions.push(question),
            }
        }
    }

    fn caller(&mut self, text: &str) {
        self.receive(text, CALLER, Some(Arc::clone(&self.trunk)));
    }

    /// Whoever is called comes by no trunk.
    fn called(&mut self, text: &str) {
        self.receive(text, CALLED, None);
    }

    fn receive(&mut self, text: &str, remote: &str, trunk: Option<Arc<Trunk>>) {
        self.handle(received(text, remote, trunk));
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

    fn sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// The one message sent since last asked.
    fn one(&mut self) -> Sent {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:#?}");
        sent.remove(0)
    }

    /// To whom and with which start line, of everything sent since last asked.
    fn lines(&mut self) -> Vec<String> {
        let sent = self.sent();
        sent.iter()
            .map(|sent| format!("{} {}", sent.to(), sent.first_line()))
            .collect()
    }

    fn finished(&mut self) -> Vec<Finished> {
        let events = std::mem::take(&mut self.events);
        let finished = events.into_iter().filter_map(|event| match event {
            Event::Finished(finished) => Some(*finished),
            _ => None,
        });
        finished.collect()
    }

    /// The calls that have ended since events were last taken.
    fn ended(&mut self) -> Vec<CallEnded> {
        let events = std::mem::take(&mut self.events);
        let ended = events.into_iter().filter_map(|event| match event {
            Event::CallEnded(ended) => Some(*ended),
            _ => None,
        });
        ended.collect()
    }

    /// Waits until no transaction is left, and sees that no call is.
    fn ends_clean(&mut self) {
        self.wait(600_000);
        assert_eq!(self.element.calls(), 0);
        assert!(
            self.element.is_idle(),
            "{} contexts are left",
            self.element.contexts()
        );
        self.sent.clear();
    }

    /// An INVITE of the caller that arrives and goes on: what the called gets.
    fn invited(&mut self) -> Sent {
        self.caller(&invite());
        let mut sent = self.sent();
        assert_eq!(sent.len(), 2, "{sent:#?}");
        assert_eq!(sent[0].first_line(), "SIP/2.0 100 Trying");
        sent.remove(1)
    }

    /// The same on a trunk that signs, where the host knows of the call before it is over. Nobody signs it.
    fn asked(&mut self) -> Sent {
        let mut trunk = Trunk::clone(&self.trunk);
        trunk.role = Role::Sign;
        self.trunk = Arc::new(trunk);
        self.caller(&invite());
        let id = self.asked[0];
        self.handle(Input::Signed {
            id,
            identities: Vec::new(),
        });
        self.sent().remove(1)
    }

    /// A call that is answered and acknowledged: the INVITE as the called has it, and the 200 as the caller has it.
    fn talking(&mut self) -> (Sent, Sent) {
        let invite = self.invited();
        self.called(&answer(&invite, "200 OK", "callee"));
        let answered = self.one();
        self.caller(&inside("ACK", 1, &answered));
        assert_eq!(
            self.lines(),
            ["called ACK sip:called@192.0.2.20:5060 SIP/2.0"]
        );
        (invite, answered)
    }
}

fn options() -> Options {
    Options::new(SentBy::new("192.0.2.1", Some(5060)).unwrap(), [42; 16])
}

/// The INVITE of the caller.
fn invite() -> String {
    format!(
        "INVITE sip:+12025550101@b.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKone\r\n\
         Record-Route: <sip:192.0.2.11;lr>\r\n\
         Max-Forwards: 70\r\n\
         From: \"A\" <sip:+12025550100@a.example>;tag=caller\r\n\
         To: <sip:+12025550101@b.example>\r\n\
         Call-ID: call-1@a.example\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:caller@192.0.2.10:5060;x=y>;+sip.instance=\"<urn:uuid:1>\"\r\n\
         Supported: 100rel, timer\r\nSession-Expires: 1800;refresher=uac\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
}

/// What the called answers to a request as the b2bua sent it.
fn answer(request: &Sent, status: &str, tag: &str) -> String {
    let lines = |names: &[&str]| -> String {
        let is_one = |line: &&str| names.iter().any(|name| line.starts_with(name));
        let head = request.text.split_inclusive("\r\n");
        head.take_while(|line| *line != "\r\n")
            .filter(is_one)
            .collect()
    };
    let copied = lines(&["Via:", "From:", "Call-ID:", "CSeq:"]);
    let to = lines(&["To:"]);
    let to = to.trim_end();
    let tag = match to.contains(";tag=") || tag.is_empty() {
        true => String::new(),
        false => format!(";tag={tag}"),
    };
    format!(
        "SIP/2.0 {status}\r\n{copied}{to}{tag}\r\nContact: <sip:called@192.0.2.20:5060>\r\n\
         Session-Expires: 1800;refresher=uac\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
}

/// A request of the caller inside the dialog that `answered` made.
fn inside(method: &str, number: u32, answered: &Sent) -> String {
    format!(
        "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK{method}{number}\r\n\
         Max-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {number} {method}\r\n\
         Contact: <sip:caller@192.0.2.10:5060>\r\nContent-Length: {}\r\n\r\n{BODY}",
        uri(answered.value("Contact")),
        answered.value("From"),
        answered.value("To"),
        answered.value("Call-ID"),
        BODY.len()
    )
}

/// A request of the called inside the dialog that `invite` began and it answered with this tag.
fn from_called(method: &str, number: u32, invite: &Sent, tag: &str) -> String {
    format!(
        "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKcalled{method}{number}\r\n\
         Max-Forwards: 70\r\nFrom: {};tag={tag}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {number} {method}\r\n\
         Contact: <sip:called@192.0.2.20:5060>\r\nContent-Length: {}\r\n\r\n{BODY}",
        uri(invite.value("Contact")),
        invite.value("To"),
        invite.value("From"),
        invite.value("Call-ID"),
        BODY.len()
    )
}

/// What stands between the brackets.
fn uri(contact: &str) -> &str {
    contact.split(['<', '>']).nth(1).unwrap()
}
