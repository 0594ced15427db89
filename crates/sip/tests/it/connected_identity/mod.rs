//! Connected identity as the host and the neighbours of one element see it.
//!
//! ```text
//!   caller 192.0.2.10:5060 ──▶ element 192.0.2.1:5060 ──▶ called 192.0.2.20:5060
//!                                 │  ▲
//!                                 ▼  │
//!                 host: signs and judges answers when the test says so
//! ```
//!
//! [`Line`] has the element in its middle, a clock that the test winds, and everything that was wanted until the test takes it. A call
//! that is to be signed is signed at once, with [`OURS`].

mod any_input;
mod borrowed;
mod checking_proxy;
mod early_media;
mod forgers;
mod holding;
mod signing;

use crate::proxy::{hop, options, pass_time, received};
use countersign::identity::Identity;
use countersign::time::{Now, Ticks, UnixTime};
use countersign::verification::Fault;
use countersign::verification::answer::{AnswerStanding, MediaStanding};
use countersign_sip::element::{
    AnswerFate, AnswerId, AnswerJudgement, ConnectedAnswer, ContextId, DropCause, Element, Event,
    Input, JudgeAnswer, Output, Sign, SignAnswer, Subject, TimerId,
};
use countersign_sip::flow::Transport;
use countersign_sip::trunk::{
    AnswerChecking, AnswerSigning, B2buaMode, Connected, Mode, Required, Role, Trunk,
};
use std::sync::Arc;

/// The wall clock when the test begins: 2015-09-25T19:12:25Z.
const START: i64 = 1_443_208_345;
const CALLER: &str = "192.0.2.10:5060";
const CALLED: &str = "192.0.2.20:5060";

/// The Identity of the caller's provider, where the INVITE has one when it comes.
const THEIRS: &str =
    "aGVhZA.dGhlaXJz.c2ln;info=<https://cert.example.org/a.pem>;alg=ES256;ppt=shaken";
/// Ours, where we sign the call.
const OURS: &str = "aGVhZA.b3Vycw.c2ln;info=<https://cert.example.org/o.pem>;alg=ES256;ppt=shaken";
/// What signs an answer.
const RSP: &str = "aGVhZA.cnNw.c2ln;info=<https://cert.example.org/t.pem>;alg=ES256;ppt=rsp";

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.20\r\n";

/// The element, a clock, and everything it wanted.
struct Line {
    element: Element,
    trunk: Arc<Trunk>,
    now: Ticks,
    timers: Vec<(Ticks, TimerId)>,
    sent: Vec<(String, String)>,
    sign: Vec<SignAnswer>,
    judge: Vec<JudgeAnswer>,
    expired: Vec<AnswerId>,
    forgotten: Vec<AnswerId>,
    told: Vec<ConnectedAnswer>,
    finished: Vec<Option<u16>>,
    /// Answers that the host was asked about besides.
    held: Vec<ContextId>,
    /// What the host signs a diversion with.
    diversion: &'static str,
}

impl Line {
    fn new(mode: Mode, role: Role, connected: Option<Connected>) -> Self {
        let mut trunk = Trunk::new("customer", vec![hop(Transport::Udp, CALLED)]);
        trunk.mode = mode;
        trunk.role = role;
        trunk.connected = connected.map(Arc::new);
        Self {
            element: Element::new(options()),
            trunk: Arc::new(trunk),
            now: Ticks::from_millis(1_000),
            timers: Vec::new(),
            sent: Vec::new(),
            sign: Vec::new(),
            judge: Vec::new(),
            expired: Vec::new(),
            forgotten: Vec::new(),
            told: Vec::new(),
            finished: Vec::new(),
            held: Vec::new(),
            diversion: OURS,
        }
    }

    /// The provider of the called: it signs answers, and does nothing to calls.
    fn terminating(mode: Mode) -> Self {
        let connected = Connected {
            sign: AnswerSigning::All,
            ..Connected::default()
        };
        Self::new(mode, Role::None, Some(connected))
    }

    /// The provider of the caller: it signs calls, and checks their answers.
    fn originating(mode: Mode, check: AnswerChecking) -> Self {
        let connected = Connected {
            check,
            require: Required::Always,
            ..Connected::default()
        };
        Self::new(mode, Role::Sign, Some(connected))
    }

    fn handle(&mut self, input: Input) {
        let mut inputs = vec![input];
        while !inputs.is_empty() {
            let mut out = Vec::new();
            let now = Now {
                unix: UnixTime::from_secs(START),
                ticks: self.now,
            };
            self.element.handle(inputs.remove(0), now, &mut out);
            inputs.extend(out.into_iter().filter_map(|output| self.carry_out(output)));
        }
    }

    fn carry_out(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Event(Event::Answer(told)) => self.told.push(*told),
            Output::Event(Event::Finished(finished)) => self.finished.push(finished.status),
            Output::Event(Event::Dropped(DropCause::OwnFault(error))) => panic!("{error}"),
            Output::Event(_) | Output::Forget(_) => {}
            Output::Answered(answer) => self.held.push(answer.id),
            Output::ExpireAnswer { answer, .. } => self.expired.push(answer),
            Output::ForgetAnswer { answer, .. } => self.forgotten.push(answer),
            Output::JudgeAnswer(judge) => self.judge.push(*judge),
            Output::Send { target, bytes, .. } => {
                let to = match target.remote.to_string().as_str() {
                    CALLER => "caller",
                    CALLED => "called",
                    other => panic!("to {other}"),
                };
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                self.sent.push((to.to_owned(), text));
            }
            Output::SetTimer { id, at } => self.timers.push((at, id)),
            Output::Sign(Sign { id, subject, .. }) => {
                let identity = match subject {
                    Subject::Caller | Subject::Speaker => OURS,
                    Subject::Diversion => self.diversion,
                };
                let identities = vec![identity.into()];
                return Some(Input::Signed { id, identities });
            }
            Output::SignAnswer(sign) => self.sign.push(*sign),
            other => panic!("{other:?}"),
        }
        None
    }

    fn caller(&mut self, text: &str) {
        self.handle(received(text, CALLER, Some(Arc::clone(&self.trunk))));
    }

    /// Whoever is called comes by no trunk.
    fn called(&mut self, text: &str) {
        self.handle(received(text, CALLED, None));
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

    /// To whom and with which start line, of everything sent since last asked.
    fn lines(&mut self) -> Vec<String> {
        let line = |(to, text): (String, String)| format!("{to} {}", text.lines().next().unwrap());
        std::mem::take(&mut self.sent)
            .into_iter()
            .map(line)
            .collect()
    }

    /// The one message sent since last asked.
    fn one(&mut self) -> String {
        let sent = std::mem::take(&mut self.sent);
        assert_eq!(sent.len(), 1, "{sent:#?}");
        sent.into_iter().next().unwrap().1
    }

    /// An INVITE arrives and goes on: as the called has it.
    fn invited(&mut self, headers: &str) -> String {
        self.caller(&invite(headers));
        let mut sent = std::mem::take(&mut self.sent);
        assert_eq!(sent.len(), 2, "{sent:#?}");
        assert_eq!(sent[1].0, "called");
        sent.remove(1).1
    }

    /// The host signs the answer that it was asked for last, or does not.
    fn signed(&mut self, identities: &[&str]) {
        let SignAnswer { id, answer, .. } = *self.sign.last().unwrap();
        let identities = identities.iter().map(|text| Box::from(*text)).collect();
        self.handle(Input::AnswerSigned {
            id,
            answer,
            identities,
        });
    }

    /// The host says of the answer that it was asked about last what it is.
    fn judged(&mut self, standing: AnswerStanding) {
        self.judged_as(self.judge.len() - 1, judgement(standing));
    }

    fn judged_as(&mut self, index: usize, judgement: AnswerJudgement) {
        let JudgeAnswer { id, answer, .. } = self.judge[index];
        self.handle(Input::AnswerJudged {
            id,
            answer,
            judgement,
        });
    }

    /// What was told of answers since last asked.
    fn fates(&mut self) -> Vec<AnswerFate> {
        let told = std::mem::take(&mut self.told);
        told.into_iter().map(|told| told.fate).collect()
    }

    /// Another arrangement of connected identity.
    fn connect(&mut self, change: impl FnOnce(&mut Connected)) {
        let mut trunk = Trunk::clone(&self.trunk);
        let mut connected = trunk.connected.as_deref().unwrap().clone();
        change(&mut connected);
        trunk.connected = Some(Arc::new(connected));
        self.trunk = Arc::new(trunk);
    }

    /// The same of a call that may go on: nobody talks for half a day.
    fn ends_clean_after_hangup(&mut self) {
        self.wait(13 * 3_600_000);
        self.ends_clean();
    }

    /// Waits until nothing can happen any more, and sees that nothing is left.
    fn ends_clean(&mut self) {
        self.wait(600_000);
        assert_eq!(self.element.calls(), 0);
        assert!(self.element.is_idle(), "{:?}", self.element.load());
    }
}

fn b2bua() -> Mode {
    Mode::B2bua(B2buaMode::default())
}

/// What a judgement of this standing says besides.
pub(crate) fn judgement(standing: AnswerStanding) -> AnswerJudgement {
    AnswerJudgement {
        standing,
        reached: standing.is_proven().then(|| number("12025550101")),
        pin: None,
        media: MediaStanding::NoKeys,
        seals: Vec::new(),
    }
}

const WRONG: AnswerStanding = AnswerStanding::Unexpected(Fault::AnswerUnexpected);

fn number(digits: &str) -> Identity {
    Identity::Number(digits.parse().unwrap())
}

/// The INVITE of the caller; `headers` are lines with their CRLF.
fn invite(headers: &str) -> String {
    format!(
        "INVITE sip:+12025550101@b.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKone\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:+12025550100@a.example>;tag=caller\r\n\
         To: <sip:+12025550101@b.example>\r\n\
         Call-ID: connected-1@a.example\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:caller@192.0.2.10:5060>\r\n\
         {headers}Content-Length: 0\r\n\r\n"
    )
}

fn cancel() -> String {
    let invite = invite("").replace("INVITE", "CANCEL");
    let (head, _) = invite.split_once("Contact:").unwrap();
    format!("{head}Content-Length: 0\r\n\r\n")
}

/// The header line of an Identity.
fn identity(value: &str) -> String {
    format!("Identity: {value}\r\n")
}

/// What the called answers to a request as it has it; `extra` are header lines, with a body if it has one.
fn answer(request: &str, status: &str, tag: &str, extra: &str, body: &str) -> String {
    let lines = |names: &[&str]| -> String {
        let is_one = |line: &&str| names.iter().any(|name| line.starts_with(name));
        request.split_inclusive("\r\n").filter(is_one).collect()
    };
    let copied = lines(&["Via:", "From:", "Call-ID:", "CSeq:"]);
    let to = lines(&["To:"]);
    let to = to.trim_end();
    let tag = match to.contains(";tag=") {
        true => String::new(),
        false => format!(";tag={tag}"),
    };
    let kind = match body {
        "" => "",
        _ => "Content-Type: application/sdp\r\n",
    };
    format!(
        "SIP/2.0 {status}\r\n{copied}{to}{tag}\r\nContact: <sip:called@192.0.2.20:5060>\r\n\
         {extra}{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request of the called inside the dialog that `invite` began and it answered with this tag.
fn from_called(method: &str, invite: &str, tag: &str, body: &str) -> String {
    let value = |name: &str| {
        let prefix = format!("{name}: ");
        let mut lines = invite.lines();
        lines.find_map(|line| line.strip_prefix(&prefix)).unwrap()
    };
    let contact = value("Contact").split(['<', '>']).nth(1).unwrap();
    format!(
        "{method} {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLED};branch=z9hG4bKcalled{method}\r\n\
         Max-Forwards: 70\r\nFrom: {};tag={tag}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:called@{CALLED}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        value("To"),
        value("From"),
        value("Call-ID"),
        body.len()
    )
}

/// The values of all header lines of this name, as written.
fn values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let prefix = format!("{name}: ");
    let head = text.split("\r\n").take_while(|line| !line.is_empty());
    head.filter_map(|line| line.strip_prefix(prefix.as_str()))
        .collect()
}
