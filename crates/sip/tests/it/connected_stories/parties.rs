//! Who talks through the two providers: a caller, a called, and a forger on the wire between them. A few rules of RFC 3261 and RFC 3262
//! each, and no machine.

use crate::bad_network::caller::{PATIENCE, Wish};
use crate::bad_network::text::{branch, method, status, to_tag, value};
use crate::proxy::simulation::Luck;
use std::collections::{BTreeMap, BTreeSet};

/// What a party does by itself.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// The final response of the called, with this status and tag.
    Answer(u16, &'static str),
    Bye,
    Cancel,
    Invite,
    /// A request once more, unless it is answered; milliseconds since the last time.
    Repeat(Key, u64),
    /// A response once more, unless it is acknowledged; milliseconds since the last time, and since the first.
    RepeatResponse(String, u64, u64),
    /// A provisional response, with this tag.
    Ring(&'static str, Ringing),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ringing {
    /// 180 without anything.
    Bare,
    /// 183 with a session description, to be acknowledged.
    Reliable,
    /// 183 with a session description.
    Unreliable,
}

/// Branch and method of a request.
type Key = (String, String);

pub(super) struct Caller {
    call: usize,
    invite: String,
    waiting: BTreeMap<Key, String>,
    /// The 2xx that came first.
    accepted: Option<String>,
    byes_after: u64,
    cancels_after: Option<u64>,
    prack: BTreeSet<(String, String)>,
    pub(super) finals: Vec<u16>,
    pub(super) cancelled: bool,
}

impl Caller {
    pub(super) fn new(call: usize, address: &str, luck: &mut Luck) -> Self {
        let body = "v=0\r\no=- who=caller\r\n";
        let invite = format!(
            "INVITE sip:+12025550101@b.example SIP/2.0\r\n\
             Via: SIP/2.0/UDP {address};branch=z9hG4bKcall{call}\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:+12025550100@a.example>;tag=neartag{call}\r\n\
             To: <sip:+12025550101@b.example>\r\n\
             Call-ID: call-{call}@a.example\r\n\
             CSeq: 1 INVITE\r\n\
             Contact: <sip:caller@{address}>\r\n\
             Supported: 100rel\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Self {
            call,
            invite,
            waiting: BTreeMap::new(),
            accepted: None,
            byes_after: luck.below(40_000),
            cancels_after: luck.percent(15).then(|| luck.below(20_000)),
            prack: BTreeSet::new(),
            finals: Vec::new(),
            cancelled: false,
        }
    }

    pub(super) fn act(&mut self, act: Act) -> Vec<Wish<Act>> {
        match act {
            Act::Invite => {
                let mut wishes = self.send(self.invite.clone());
                wishes.extend(
                    self.cancels_after
                        .map(|after| Wish::Later(after, Act::Cancel)),
                );
                wishes
            }
            Act::Cancel if self.finals.is_empty() => {
                self.cancelled = true;
                let (head, _) = self.invite.split_once("\r\nContact: ").unwrap();
                let head = head.replace("INVITE", "CANCEL");
                self.send(format!("{head}\r\nContent-Length: 0\r\n\r\n"))
            }
            Act::Bye => {
                let answered = self.accepted.clone().unwrap();
                let bye = self.inside("BYE", 90, &answered, "");
                self.send(bye)
            }
            Act::Repeat(key, pause) => repeat(&self.waiting, key, pause),
            _ => Vec::new(),
        }
    }

    pub(super) fn receive(&mut self, text: &str) -> Vec<Wish<Act>> {
        let Some(status) = status(text) else {
            return self.receive_request(text);
        };
        let key = (branch(text).to_owned(), method(text).to_owned());
        if key.1 != "INVITE" {
            if status >= 200 {
                self.waiting.remove(&key);
            }
            return Vec::new();
        }
        self.waiting.remove(&key);
        match status {
            100..=199 => self.ringing(text),
            200..=299 => self.accepted(text),
            _ => {
                self.finals.push(status);
                let (head, _) = self.invite.split_once("\r\nContact: ").unwrap();
                let to = format!("To: {}", value(text, "To"));
                let head = head.replace("INVITE", "ACK");
                let head = head.replace("To: <sip:+12025550101@b.example>", &to);
                vec![Wish::Send(format!("{head}\r\nContent-Length: 0\r\n\r\n"))]
            }
        }
    }

    // RFC 3262 §4: "it MUST send a PRACK request for" each reliable provisional response that is not repeated.
    fn ringing(&mut self, text: &str) -> Vec<Wish<Act>> {
        let sequence = value(text, "RSeq").to_owned();
        let is_new = !sequence.is_empty()
            && self.finals.is_empty()
            && self
                .prack
                .insert((to_tag(text).to_owned(), sequence.clone()));
        if !is_new {
            return Vec::new();
        }
        let number = 2 + self.prack.len();
        let prack = self.inside(
            "PRACK",
            number,
            text,
            &format!("RAck: {sequence} 1 INVITE\r\n"),
        );
        self.send(prack)
    }

    fn accepted(&mut self, text: &str) -> Vec<Wish<Act>> {
        self.finals.push(200);
        let mut wishes = vec![Wish::Send(self.inside("ACK", 1, text, ""))];
        if self.accepted.is_none() {
            self.accepted = Some(text.to_owned());
            wishes.push(Wish::Later(self.byes_after, Act::Bye));
        }
        wishes
    }

    fn receive_request(&mut self, text: &str) -> Vec<Wish<Act>> {
        match method(text) {
            "ACK" => Vec::new(),
            _ => vec![Wish::Send(response(text, "200 OK", "none", "", ""))],
        }
    }

    fn inside(&self, method: &str, number: usize, answered: &str, headers: &str) -> String {
        let contact = value(answered, "Contact").split(['<', '>']).nth(1);
        let via = value(&self.invite, "Via").split(';').next().unwrap();
        format!(
            "{method} {} SIP/2.0\r\nVia: {via};branch=z9hG4bK{}{method}{number}{}\r\n\
             Max-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {number} {method}\r\n\
             {headers}Content-Length: 0\r\n\r\n",
            contact.unwrap(),
            self.call,
            to_tag(answered),
            value(answered, "From"),
            value(answered, "To"),
            value(answered, "Call-ID"),
        )
    }

    fn send(&mut self, text: String) -> Vec<Wish<Act>> {
        let key = (branch(&text).to_owned(), method(&text).to_owned());
        self.waiting.insert(key.clone(), text.clone());
        vec![Wish::Send(text), Wish::Later(500, Act::Repeat(key, 1_000))]
    }
}

fn repeat(waiting: &BTreeMap<Key, String>, key: Key, pause: u64) -> Vec<Wish<Act>> {
    match waiting.get(&key) {
        Some(text) if pause <= PATIENCE => vec![
            Wish::Send(text.clone()),
            Wish::Later(pause, Act::Repeat(key, 2 * pause)),
        ],
        _ => Vec::new(),
    }
}

/// Whoever is called; several phones of it may answer.
pub(super) struct Called {
    invite: String,
    /// What was answered last to each request.
    answers: BTreeMap<Key, String>,
    /// Tags whose answer, and RSeq whose response was acknowledged.
    acknowledged: BTreeSet<String>,
    over: BTreeSet<String>,
    plan: Vec<(u64, Act)>,
    sequence: u32,
    pub(super) finals: Vec<u16>,
}

impl Called {
    pub(super) fn new(luck: &mut Luck) -> Self {
        let mut plan = Vec::new();
        if luck.percent(80) {
            plan.push((luck.below(500), Act::Ring("callee", Ringing::Bare)));
        }
        for _ in 0..luck.below(3) {
            let how = [Ringing::Reliable, Ringing::Unreliable][luck.below(2) as usize];
            plan.push((500 + luck.below(3_000), Act::Ring("callee", how)));
        }
        let after = 3_500 + [0, luck.below(1_000), luck.below(20_000)][luck.below(3) as usize];
        match luck.below(10) {
            0 => plan.push((after, Act::Answer(486, "callee"))),
            1 => {
                plan.push((after, Act::Answer(200, "callee")));
                plan.push((after + luck.below(3_000), Act::Answer(200, "other")));
            }
            _ => plan.push((after, Act::Answer(200, "callee"))),
        }
        Self {
            invite: String::new(),
            answers: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            over: BTreeSet::new(),
            plan,
            sequence: 0,
            finals: Vec::new(),
        }
    }

    pub(super) fn act(&mut self, act: Act) -> Vec<Wish<Act>> {
        let is_failed = self.finals.iter().any(|status| *status >= 300);
        match act {
            Act::Ring(tag, how) if self.finals.is_empty() => self.ring(tag, how),
            Act::Answer(status, tag) if !is_failed && (status < 300 || self.finals.is_empty()) => {
                self.answer(status, tag)
            }
            Act::RepeatResponse(text, pause, since) => {
                let is_heard = self.acknowledged.contains(&acknowledgement(&text))
                    || self.over.contains(to_tag(&text))
                    || (status(&text) < Some(200) && !self.finals.is_empty());
                if is_heard || since > PATIENCE {
                    return Vec::new();
                }
                let next = (2 * pause).min(4_000);
                let again = Act::RepeatResponse(text.clone(), next, since + next);
                vec![Wish::Send(text), Wish::Later(next, again)]
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn receive(&mut self, text: &str) -> Vec<Wish<Act>> {
        if status(text).is_some() {
            return Vec::new();
        }
        let key = (branch(text).to_owned(), method(text).to_owned());
        match &*key.1 {
            "ACK" => {
                self.acknowledged.insert(to_tag(text).to_owned());
                Vec::new()
            }
            _ if self.answers.contains_key(&key) => {
                vec![Wish::Send(self.answers[&key].clone())]
            }
            "INVITE" if self.invite.is_empty() => {
                self.invite = text.to_owned();
                let plan = self.plan.iter().cloned();
                plan.map(|(after, act)| Wish::Later(after, act)).collect()
            }
            "INVITE" => Vec::new(),
            "CANCEL" => {
                let mut wishes = self.reply(key, text);
                if self.finals.is_empty() && !self.invite.is_empty() {
                    wishes.extend(self.answer(487, "callee"));
                }
                wishes
            }
            "PRACK" => {
                let sequence = value(text, "RAck").split(' ').next().unwrap();
                let acknowledged = format!("{}/{sequence}", to_tag(text));
                self.acknowledged.insert(acknowledged);
                self.reply(key, text)
            }
            _ => {
                self.over.insert(to_tag(text).to_owned());
                self.reply(key, text)
            }
        }
    }

    fn reply(&mut self, key: Key, request: &str) -> Vec<Wish<Act>> {
        let text = response(request, "200 OK", "callee", "", "");
        self.answers.insert(key, text.clone());
        vec![Wish::Send(text)]
    }

    fn ring(&mut self, tag: &str, how: Ringing) -> Vec<Wish<Act>> {
        self.sequence += 1;
        let body = format!("v=0\r\no=- who=callee early={}\r\n", self.sequence);
        let reliably = format!("Require: 100rel\r\nRSeq: {}\r\n", self.sequence);
        let text = match how {
            Ringing::Bare => response(&self.invite, "180 Ringing", tag, "", ""),
            Ringing::Reliable => {
                response(&self.invite, "183 Session Progress", tag, &reliably, &body)
            }
            Ringing::Unreliable => response(&self.invite, "183 Session Progress", tag, "", &body),
        };
        let mut wishes = self.say(&text);
        if how == Ringing::Reliable {
            wishes.push(Wish::Later(500, Act::RepeatResponse(text, 500, 500)));
        }
        wishes
    }

    fn answer(&mut self, status: u16, tag: &str) -> Vec<Wish<Act>> {
        self.finals.push(status);
        if status >= 300 {
            let text = response(&self.invite, &format!("{status} Whatever"), tag, "", "");
            return self.say(&text);
        }
        let body = format!("v=0\r\no=- who={tag} final\r\n");
        let text = response(&self.invite, "200 OK", tag, "", &body);
        let mut wishes = self.say(&text);
        wishes.push(Wish::Later(500, Act::RepeatResponse(text, 500, 500)));
        wishes
    }

    fn say(&mut self, text: &str) -> Vec<Wish<Act>> {
        let key = (branch(&self.invite).to_owned(), "INVITE".to_owned());
        self.answers.insert(key, text.to_owned());
        vec![Wish::Send(text.to_owned())]
    }
}

/// What stands for the acknowledgement of a response: its tag, and its RSeq if it is provisional.
fn acknowledgement(text: &str) -> String {
    match status(text) {
        Some(200..) => to_tag(text).to_owned(),
        _ => format!("{}/{}", to_tag(text), value(text, "RSeq")),
    }
}

/// What a forger makes of an INVITE that it sees: answers of its own, each after some milliseconds.
pub(super) fn forgeries(invite: &str, luck: &mut Luck) -> Vec<(u64, String)> {
    let mut forged = Vec::new();
    for number in 0..1 + luck.below(3) {
        let tag = ["forger", "second-forger", "callee"][luck.below(3) as usize];
        let body = format!("v=0\r\no=- who=forger n={number}\r\n");
        let reliably = format!("Require: 100rel\r\nRSeq: {}\r\n", 70 + number);
        let (status, mut headers) = match luck.below(4) {
            0 => ("183 Session Progress", String::new()),
            1 => ("183 Session Progress", reliably),
            _ => ("200 OK", String::new()),
        };
        headers += match luck.below(4) {
            0 => "Identity: rsp.forged.0;info=<https://cert.example.org/f.pem>;ppt=rsp\r\n",
            1 => "Identity: rsp.honest-7.0;info=<https://cert.example.org/f.pem>;ppt=rsp\r\n",
            2 => "Identity: ;;\r\n",
            _ => "",
        };
        let after = [luck.below(200), luck.below(5_000), luck.below(30_000)];
        let text = response(invite, status, tag, &headers, &body);
        forged.push((after[luck.below(3) as usize], text));
    }
    forged
}

/// What a forger makes of a signed answer that it sees arrive: one of its own, which accepts or rings, after some milliseconds.
pub(super) fn borrowed(answer: &str, luck: &mut Luck) -> (u64, String) {
    let body = "v=0\r\no=- who=forger with=borrowed\r\n";
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let status = ["200 OK", "183 Session Progress"][usize::from(luck.percent(30))];
    let mut text = format!("SIP/2.0 {status}\r\n");
    for line in head.lines().skip(1) {
        match line.split_once(':').unwrap().0 {
            "To" => text += &line.replace(to_tag(answer), "borrower"),
            "Contact" => text += "Contact: <sip:borrower@192.0.2.20:5060>",
            "Content-Length" | "Content-Type" => continue,
            _ => text += line,
        }
        text += "\r\n";
    }
    let length = body.len();
    text += &format!("Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{body}");
    (luck.below(3_000), text)
}

/// A response to a request; `headers` are lines with their CRLF.
pub(super) fn response(
    request: &str,
    status: &str,
    tag: &str,
    headers: &str,
    body: &str,
) -> String {
    let contact = match body {
        "" => "",
        _ => "Content-Type: application/sdp\r\n",
    };
    crate::bad_network::text::answer(request, status, tag).replace(
        "X-Of-The-Hop:  as  written\r\nContent-Length: 0\r\n\r\n",
        &format!(
            "{headers}{contact}Contact: <sip:{tag}@192.0.2.20:5060>\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
}
