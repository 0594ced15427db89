//! Somebody who calls, by the book in what it must do and impatient in what it may.

use super::text::{branch, method, status, to_tag, value};
use crate::proxy::simulation::Luck;
use std::collections::BTreeSet;

/// 64*T1 in milliseconds.
pub(crate) const PATIENCE: u64 = 32_000;

/// What a party wants: to send, or to be called again after some milliseconds.
pub(crate) enum Wish<Act> {
    Later(u64, Act),
    Send(String),
}

/// What a caller does by itself; the number is how long it waits for an answer before it repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Bye(u64),
    Cancel(u64),
    Invite(u64),
    Message(u64),
    Stray(u8),
}

/// One call of one caller.
pub(super) struct Caller {
    /// Which trunk.
    pub(super) trunk: usize,
    /// Over TCP, and nothing is sent twice.
    pub(super) is_reliable: bool,
    invite: String,
    /// Milliseconds after which it gives up, whatever it heard.
    cancels_after: Option<u64>,
    byes_after: Option<u64>,
    /// Methods that were answered: INVITE by anything, the others finally.
    answered: BTreeSet<String>,
    began: BTreeSet<String>,
    accepted: Option<String>,
    /// A caller that acknowledges nothing.
    forgets_acks: bool,
}

impl Caller {
    pub(super) fn new(call: usize, trunk: usize, luck: &mut Luck) -> Self {
        let is_reliable = luck.percent(25);
        Self {
            trunk,
            is_reliable,
            invite: invite(call, trunk, is_reliable, luck),
            cancels_after: luck.percent(35).then(|| any_moment(luck)),
            byes_after: luck.percent(50).then(|| luck.below(70_000)),
            answered: BTreeSet::new(),
            began: BTreeSet::new(),
            accepted: None,
            forgets_acks: luck.percent(5),
        }
    }

    /// How it begins.
    pub(super) fn begin(&self, luck: &mut Luck) -> Vec<Wish<Act>> {
        let start = luck.below(3_000);
        let mut wishes = vec![Wish::Later(start, Act::Invite(500))];
        if let Some(after) = self.cancels_after {
            wishes.push(Wish::Later(start + after, Act::Cancel(500)));
        }
        if luck.percent(20) {
            wishes.push(Wish::Later(luck.below(50_000), Act::Message(500)));
        }
        if luck.percent(20) {
            let kind = luck.below(4) as u8;
            wishes.push(Wish::Later(luck.below(50_000), Act::Stray(kind)));
        }
        wishes
    }

    pub(super) fn act(&mut self, act: Act) -> Vec<Wish<Act>> {
        match act {
            Act::Invite(pause) => self.repeat("INVITE", pause, Act::Invite),
            Act::Cancel(pause) => self.repeat("CANCEL", pause, Act::Cancel),
            Act::Bye(pause) => self.repeat("BYE", pause, Act::Bye),
            Act::Message(pause) => self.repeat("MESSAGE", pause, Act::Message),
            Act::Stray(kind) => vec![Wish::Send(self.stray(kind))],
        }
    }

    pub(super) fn receive(&mut self, text: &str) -> Vec<Wish<Act>> {
        let (status, method) = (status(text).unwrap(), method(text));
        if method != "INVITE" {
            if status >= 200 {
                self.answered.insert(method.to_owned());
            }
            return Vec::new();
        }
        self.answered.insert("INVITE".to_owned());
        match status {
            100..=199 => Vec::new(),
            200..=299 => self.accept(text),
            _ if self.forgets_acks => Vec::new(),
            _ => vec![Wish::Send(self.request("ACK", branch(&self.invite), text))],
        }
    }

    fn accept(&mut self, text: &str) -> Vec<Wish<Act>> {
        let mut wishes = Vec::new();
        if !self.forgets_acks {
            let branch = format!("{}-ack-{}", branch(&self.invite), to_tag(text));
            wishes.push(Wish::Send(self.request("ACK", &branch, text)));
        }
        let is_first = self.accepted.is_none();
        self.accepted.get_or_insert_with(|| text.to_owned());
        if let Some(after) = self.byes_after.filter(|_| is_first) {
            wishes.push(Wish::Later(after, Act::Bye(500)));
        }
        wishes
    }

    /// Sends a request, and again until it is answered or nobody can be expected to.
    fn repeat(&mut self, method: &str, pause: u64, act: fn(u64) -> Act) -> Vec<Wish<Act>> {
        let is_first = self.began.insert(method.to_owned());
        let is_answered = self.answered.contains(method);
        if is_answered && !is_first || pause > PATIENCE || self.is_reliable && !is_first {
            return Vec::new();
        }
        let text = match method {
            "INVITE" => self.invite.clone(),
            "CANCEL" => self.request("CANCEL", branch(&self.invite), &self.invite),
            "BYE" => self.request("BYE", &format!("{}-bye", branch(&self.invite)), {
                self.accepted.as_ref().unwrap()
            }),
            _ => self.request(
                method,
                &format!("{}-other", branch(&self.invite)),
                &self.invite,
            ),
        };
        vec![Wish::Send(text), Wish::Later(pause, act(2 * pause))]
    }

    /// A request of this call whose To is that of `other`.
    fn request(&self, method: &str, branch_of_it: &str, other: &str) -> String {
        let (head, _) = self.invite.split_once("\r\n\r\n").unwrap();
        let lines = head.split("\r\n").skip(1).filter_map(|line| {
            let name = line.split(": ").next().unwrap();
            match name {
                "Via" if line.contains(branch(&self.invite)) => {
                    Some(line.replace(branch(&self.invite), branch_of_it))
                }
                "Via" if method != "CANCEL" => Some(line.to_owned()),
                "To" => Some(format!("To: {}", value(other, "To"))),
                "CSeq" => Some(format!(
                    "CSeq: {} {method}",
                    if method == "BYE" { 2 } else { 1 }
                )),
                "From" | "Call-ID" | "Max-Forwards" => Some(line.to_owned()),
                _ => None,
            }
        });
        let lines: String = lines.map(|line| line + "\r\n").collect();
        let uri = self.invite.split(' ').nth(1).unwrap();
        format!("{method} {uri} SIP/2.0\r\n{lines}Content-Length: 0\r\n\r\n")
    }

    /// A CANCEL for this call, as whoever has seen its INVITE can write it.
    pub(super) fn stolen_cancel(&self) -> String {
        self.request("CANCEL", branch(&self.invite), &self.invite)
    }

    /// What belongs to nothing.
    fn stray(&self, kind: u8) -> String {
        let strange = format!("{}-stray", branch(&self.invite));
        match kind {
            0 => self.request("CANCEL", &strange, &self.invite),
            1 => self.request("OPTIONS", &strange, &self.invite),
            2 => {
                let to = "\r\nTo: <sip:b@b.example>;tag=nobody\r\n\r\n";
                self.request("ACK", &strange, to)
            }
            _ => super::text::answer(&self.invite, "200 OK", "stray"),
        }
    }
}

/// Often when something is just under way.
fn any_moment(luck: &mut Luck) -> u64 {
    match luck.below(4) {
        0 => luck.below(20),
        1 => luck.below(1_000),
        2 => luck.below(10_000),
        _ => luck.below(60_000),
    }
}

fn invite(call: usize, trunk: usize, is_reliable: bool, luck: &mut Luck) -> String {
    let transport = if is_reliable { "TCP" } else { "UDP" };
    let rport = if luck.percent(50) { ";rport" } else { "" };
    let upstream = match luck.percent(30) {
        true => "Via: SIP/2.0/UDP  upstream.example ;branch=z9hG4bKup\r\n",
        false => "",
    };
    let identity = match luck.percent(40) {
        true => "Identity: a.b.c;info=<https://c.example/c>\r\n",
        false => "",
    };
    let asserted = match luck.percent(30) {
        true => "P-Asserted-Identity: <tel:+12025550100>\r\n",
        false => "",
    };
    let filler = "x".repeat([0, 0, 1_100][luck.below(3) as usize]);
    let body = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\n";
    let length = body.len();
    let host = super::CALLERS[trunk];
    format!(
        "INVITE sip:+12025550101@b.example SIP/2.0\r\n\
         Via: SIP/2.0/{transport} {host}{rport};branch=z9hG4bKcall{call}\r\n{upstream}\
         Max-Forwards: 70\r\n\
         From: \"A B\" <sip:+12025550100@a.example>;tag=caller{call}\r\n\
         To: <sip:+12025550101@b.example>\r\n\
         Call-ID: call-{call}@a.example\r\n\
         CSeq: 1 INVITE\r\n\
         contact:  <sip:a@{host}> \r\n{identity}{asserted}\
         X-Unknown:   kept ,as,  it is\r\n\
         X-Filler: {filler}\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}
