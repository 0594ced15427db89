//! A user agent at one end of a call: a few rules of RFC 3261 §8, §12 to §15, and no machine.

use crate::bad_network::caller::{PATIENCE, Wish};
use crate::bad_network::text::{answer, branch, method, status, to_tag, value};
use crate::proxy::simulation::Luck;
use std::collections::{BTreeMap, BTreeSet};

/// What an agent does by itself. The numbers are milliseconds since the last time.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// The final response of the called to the INVITE, with this tag.
    Answer(u16, &'static str),
    Cancel,
    /// A request inside the dialog of this number.
    Inside(usize, &'static str),
    Invite,
    /// A request once more, unless it is answered.
    Repeat {
        key: Key,
        pause: u64,
    },
    /// A 2xx once more, unless it is acknowledged: its CSeq number and tag.
    Repeat2xx {
        text: String,
        pause: u64,
        since: u64,
    },
    Ring(&'static str),
}

/// Branch and method of a request.
type Key = (String, String);

struct Dialog {
    /// From, as this side writes it.
    local: String,
    /// To, as this side writes it.
    remote: String,
    target: String,
}

pub(super) struct Agent {
    address: &'static str,
    call_id: String,
    number: u32,
    dialogs: Vec<Dialog>,
    /// The INVITE that began it all, as this side sent or got it.
    invite: String,
    /// Requests of this side that wait for an answer.
    waiting: BTreeMap<Key, String>,
    /// What was answered to each request of the other side.
    answers: BTreeMap<Key, Option<String>>,
    /// ACKs that came: number and tag of this side.
    acknowledged: BTreeSet<String>,
    plan: Vec<(u64, Act)>,
    /// What is done in a dialog, and when.
    inside: Vec<(u64, &'static str)>,
    is_refused: bool,
    /// Milliseconds that a BYE has waited for an ACK.
    waited: u64,
}

impl Agent {
    pub(super) fn caller(call: usize, luck: &mut Luck) -> Self {
        let address = super::CALLER;
        let body = body(call, 0);
        let length = body.len();
        let invite = format!(
            "INVITE sip:+12025550101@b.example SIP/2.0\r\n\
             Via: SIP/2.0/UDP {address};branch=z9hG4bKcall{call}\r\n\
             Max-Forwards: 70\r\n\
             From: \"A B\" <sip:+12025550100@a.example>;tag=neartag{call}\r\n\
             To: <sip:+12025550101@b.example>\r\n\
             Call-ID: call-{call}@a.example\r\n\
             CSeq: 1 INVITE\r\n\
             Contact: <sip:caller@{address}>\r\n\
             X-Unknown:   kept ,as,  it is\r\n\
             Content-Type: application/sdp\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        let mut agent = Self::new(address, invite, luck);
        if luck.percent(25) {
            let at = [luck.below(100), luck.below(5_000), luck.below(30_000)];
            agent.plan.push((at[luck.below(3) as usize], Act::Cancel));
        }
        agent
    }

    pub(super) fn called(luck: &mut Luck) -> Self {
        let mut agent = Self::new(super::CALLED, String::new(), luck);
        for _ in 0..luck.below(3) {
            let tag = ["fartag1", "fartag2"][luck.below(2) as usize];
            agent.plan.push((luck.below(3_000), Act::Ring(tag)));
        }
        let after = [0, luck.below(1_000), luck.below(20_000)][luck.below(3) as usize];
        match luck.below(10) {
            0 => {}
            1 => agent.plan.push((after, Act::Answer(486, "fartag1"))),
            2 => {
                // Two that answer behind one fork.
                agent.plan.push((after, Act::Answer(200, "fartag1")));
                let later = after + luck.below(5_000);
                agent.plan.push((later, Act::Answer(200, "fartag2")));
            }
            _ => agent.plan.push((after, Act::Answer(200, "fartag1"))),
        }
        agent
    }

    fn new(address: &'static str, invite: String, luck: &mut Luck) -> Self {
        let methods = ["INVITE", "UPDATE", "INFO", "BYE"];
        let mut inside = Vec::new();
        for _ in 0..luck.below(4) {
            inside.push((luck.below(60_000), methods[luck.below(4) as usize]));
        }
        Self {
            address,
            call_id: value(&invite, "Call-ID").to_owned(),
            number: 1,
            dialogs: Vec::new(),
            invite,
            waiting: BTreeMap::new(),
            answers: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            plan: Vec::new(),
            inside,
            is_refused: false,
            waited: 0,
        }
    }

    /// How the caller begins.
    pub(super) fn begin(&self, luck: &mut Luck) -> Vec<Wish<Act>> {
        let start = luck.below(2_000);
        let plan = self.plan.iter().cloned();
        let plan = plan.map(|(after, act)| Wish::Later(start + after, act));
        std::iter::once(Wish::Later(start, Act::Invite))
            .chain(plan)
            .collect()
    }

    pub(super) fn act(&mut self, act: Act) -> Vec<Wish<Act>> {
        match act {
            Act::Invite => self.send(self.invite.clone()),
            // RFC 3261 §9.1 has a caller wait for a provisional response; this one does not always.
            Act::Cancel => {
                let (head, _) = self.invite.split_once("\r\nContact: ").unwrap();
                let head = head.replace("INVITE", "CANCEL");
                self.send(format!("{head}\r\nContent-Length: 0\r\n\r\n"))
            }
            // RFC 3261 §15: "the callee's UA MUST NOT send a BYE on a confirmed dialog until it has received an ACK for its 2xx
            // response".
            Act::Inside(dialog, "BYE") if self.waits_for_ack(dialog) => {
                self.waited += 500;
                match self.waited > PATIENCE {
                    true => Vec::new(),
                    false => vec![Wish::Later(500, Act::Inside(dialog, "BYE"))],
                }
            }
            Act::Inside(dialog, method) => self.send_inside(dialog, method),
            Act::Repeat { key, pause } => match self.waiting.get(&key) {
                Some(text) if pause <= PATIENCE => vec![
                    Wish::Send(text.clone()),
                    Wish::Later(
                        pause,
                        Act::Repeat {
                            key,
                            pause: 2 * pause,
                        },
                    ),
                ],
                _ => Vec::new(),
            },
            Act::Repeat2xx { text, pause, since } => {
                if self.acknowledged.contains(&acknowledgement(&text)) || since > PATIENCE {
                    return Vec::new();
                }
                let next = (2 * pause).min(4_000);
                let again = Act::Repeat2xx {
                    text: text.clone(),
                    pause: next,
                    since: since + next,
                };
                vec![Wish::Send(text), Wish::Later(next, again)]
            }
            Act::Ring(tag) if self.answers.values().flatten().all(|text| !is_final(text)) => {
                let text = self.answer(&self.invite, "180 Ringing", tag);
                vec![Wish::Send(text)]
            }
            Act::Ring(_) => Vec::new(),
            Act::Answer(status, tag) => self.answer_invite(status, tag),
        }
    }

    pub(super) fn receive(&mut self, text: &str) -> Vec<Wish<Act>> {
        match status(text) {
            Some(status) => self.receive_response(text, status),
            None => self.receive_request(text),
        }
    }

    fn receive_response(&mut self, text: &str, status: u16) -> Vec<Wish<Act>> {
        let key = (branch(text).to_owned(), method(text).to_owned());
        let is_invite = key.1 == "INVITE";
        let request = match self.waiting.get(&key) {
            Some(request) => request.clone(),
            None if is_invite && status >= 200 => self.invite.clone(),
            None => return Vec::new(),
        };
        if status < 200 {
            // RFC 3261 §17.1.1.2: an INVITE is not repeated any longer.
            if is_invite {
                self.waiting.remove(&key);
            }
            return Vec::new();
        }
        self.waiting.remove(&key);
        match (is_invite, status) {
            (false, _) => Vec::new(),
            (true, 200..=299) => self.accepted(text),
            (true, _) => {
                let via = format!("Via: SIP/2.0/UDP {};branch={}", self.address, key.0);
                let to = value(text, "To");
                vec![Wish::Send(self.ack(
                    text,
                    &via,
                    value(&request, "From"),
                    to,
                    uri_of(&request),
                ))]
            }
        }
    }

    fn accepted(&mut self, text: &str) -> Vec<Wish<Act>> {
        let number = value(text, "CSeq").split(' ').next().unwrap();
        let via = format!(
            "Via: SIP/2.0/UDP {};branch=z9hG4bKack-{number}-{}-{}",
            self.address,
            to_tag(text),
            value(text, "Call-ID")
        );
        let (from, to) = (value(text, "From"), value(text, "To"));
        let target = inner(value(text, "Contact")).to_owned();
        let mut wishes = vec![Wish::Send(self.ack(text, &via, from, to, &target))];
        if !self.dialogs.iter().any(|dialog| dialog.remote == to) {
            self.dialogs.push(Dialog {
                local: from.to_owned(),
                remote: to.to_owned(),
                target,
            });
            wishes.extend(self.begin_inside());
        }
        wishes
    }

    fn begin_inside(&self) -> Vec<Wish<Act>> {
        let dialog = self.dialogs.len() - 1;
        let inside = self.inside.iter();
        inside
            .map(|(after, method)| Wish::Later(*after, Act::Inside(dialog, method)))
            .collect()
    }

    fn receive_request(&mut self, text: &str) -> Vec<Wish<Act>> {
        let key = (branch(text).to_owned(), method(text).to_owned());
        if key.1 == "ACK" {
            self.acknowledged.insert(acknowledgement(text));
            return Vec::new();
        }
        if let Some(answered) = self.answers.get(&key) {
            return answered.clone().map(Wish::Send).into_iter().collect();
        }
        match (&*key.1, to_tag(text)) {
            ("INVITE", "") => {
                self.answers.insert(key, None);
                self.invite = text.to_owned();
                self.call_id = value(text, "Call-ID").to_owned();
                let plan = self.plan.iter().cloned();
                plan.map(|(after, act)| Wish::Later(after, act)).collect()
            }
            ("CANCEL", _) => {
                let mut wishes = self.respond(key, text, "200 OK");
                if !self.is_refused && self.dialogs.is_empty() {
                    wishes.extend(self.answer_invite(487, "fartag1"));
                }
                wishes
            }
            ("INVITE", _) => {
                let mut wishes = self.respond(key, text, "200 OK");
                if let Some(Wish::Send(text)) = wishes.first() {
                    let text = text.clone();
                    let (pause, since) = (500, 500);
                    wishes.push(Wish::Later(500, Act::Repeat2xx { text, pause, since }));
                }
                wishes
            }
            _ => self.respond(key, text, "200 OK"),
        }
    }

    fn respond(&mut self, key: Key, request: &str, status: &str) -> Vec<Wish<Act>> {
        let text = self.answer(request, status, "none");
        self.answers.insert(key, Some(text.clone()));
        vec![Wish::Send(text)]
    }

    /// The called answers the INVITE that began the call.
    fn answer_invite(&mut self, status: u16, tag: &str) -> Vec<Wish<Act>> {
        if self.is_refused || self.invite.is_empty() {
            return Vec::new();
        }
        let text = self.answer(&self.invite, &format!("{status} Whatever"), tag);
        let key = (branch(&self.invite).to_owned(), "INVITE".to_owned());
        self.answers.insert(key, Some(text.clone()));
        if status >= 300 {
            self.is_refused = self.dialogs.is_empty();
            return match self.is_refused {
                true => vec![Wish::Send(text)],
                false => Vec::new(),
            };
        }
        self.dialogs.push(Dialog {
            local: value(&text, "To").to_owned(),
            remote: value(&text, "From").to_owned(),
            target: inner(value(&self.invite, "Contact")).to_owned(),
        });
        let mut wishes = vec![Wish::Send(text.clone())];
        let (pause, since) = (500, 500);
        wishes.push(Wish::Later(500, Act::Repeat2xx { text, pause, since }));
        wishes.extend(self.begin_inside());
        wishes
    }

    /// Whether the called has not heard that the caller knows of its answer.
    fn waits_for_ack(&self, dialog: usize) -> bool {
        let Dialog { local, remote, .. } = &self.dialogs[dialog];
        let ack = format!("1 {remote} {local}");
        self.address == super::CALLED && !self.acknowledged.contains(&ack)
    }

    fn send_inside(&mut self, dialog: usize, method: &str) -> Vec<Wish<Act>> {
        self.number += 1;
        let number = self.number;
        let Dialog {
            local,
            remote,
            target,
        } = &self.dialogs[dialog];
        let (address, call_id) = (self.address, &self.call_id);
        let body = body(number as usize, 1);
        let length = body.len();
        let side = if address == super::CALLER {
            "near"
        } else {
            "far"
        };
        let text = format!(
            "{method} {target} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {address};branch=z9hG4bK{side}-{number}-{dialog}-{method}-{}\r\n\
             Max-Forwards: 70\r\nFrom: {local}\r\nTo: {remote}\r\nCall-ID: {call_id}\r\nCSeq: {number} {method}\r\n\
             Contact: <sip:{side}@{address}>\r\nX-Unknown:   kept ,as,  it is\r\n\
             Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{body}",
            call_id.replace('@', "-")
        );
        self.send(text)
    }

    /// Sends a request, and again until it is answered.
    fn send(&mut self, text: String) -> Vec<Wish<Act>> {
        let key = (branch(&text).to_owned(), method(&text).to_owned());
        self.waiting.insert(key.clone(), text.clone());
        let again = Act::Repeat { key, pause: 1_000 };
        vec![Wish::Send(text), Wish::Later(500, again)]
    }

    fn ack(&self, response: &str, via: &str, from: &str, to: &str, uri: &str) -> String {
        let number = value(response, "CSeq").split(' ').next().unwrap();
        let call_id = value(response, "Call-ID");
        format!(
            "ACK {uri} SIP/2.0\r\n{via}\r\nMax-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\n\
             Call-ID: {call_id}\r\nCSeq: {number} ACK\r\nContent-Length: 0\r\n\r\n"
        )
    }

    fn answer(&self, request: &str, status: &str, tag: &str) -> String {
        let body = body(self.number as usize, 2);
        let contact = format!("Contact: <sip:called@{}>\r\n", self.address);
        answer(request, status, tag).replace(
            "Content-Length: 0\r\n\r\n",
            &format!("{contact}Content-Length: {}\r\n\r\n{body}", body.len()),
        )
    }
}

/// What an ACK and the 2xx it is for have in common.
fn acknowledgement(text: &str) -> String {
    let number = value(text, "CSeq").split(' ').next().unwrap();
    format!("{number} {} {}", value(text, "From"), value(text, "To"))
}

fn is_final(text: &str) -> bool {
    status(text) >= Some(200)
}

fn uri_of(request: &str) -> &str {
    request.split(' ').nth(1).unwrap()
}

/// The URI between angle brackets.
fn inner(value: &str) -> &str {
    let rest = value.split('<').nth(1).unwrap_or_default();
    rest.split('>').next().unwrap_or_default()
}

fn body(number: usize, kind: u8) -> String {
    format!("v=0\r\no=- {number} {kind} IN IP4 192.0.2.99\r\ns=\u{fffd}  \r\n")
}
