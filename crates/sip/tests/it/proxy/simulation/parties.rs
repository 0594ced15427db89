//! A caller and a callee who keep to RFC 3261, RFC 6026 and their plan.

use crate::proxy::answer_to_text;
use countersign::time::Ticks;
use countersign_sip::message::{Framing, Message, Method};
use countersign_sip::transaction::{
    ClientAction, InviteClient, InviteServer, NonInviteClient, Reliability, ServerAction,
    StatusClass, T1, T2, Timer, Timing,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// What a party wants of the world.
pub(super) enum Wish {
    Act(Ticks, Act),
    Send(String),
}

/// What a party does by itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Answer,
    Cancel,
    CancelTimer(Timer),
    Repeat2xx(Duration),
    Ring,
    Start,
    Timer(Timer),
}

/// What a callee will do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    /// Ring, and answer this many milliseconds later.
    Answer {
        after: u64,
        status: u16,
    },
    /// Hear nothing, say nothing.
    Nothing,
    RingForEver,
}

/// Who gives up gives up after this many milliseconds.
const PATIENCE_MILLIS: u64 = 6_000;

pub(super) struct Caller {
    invite: String,
    client: Option<InviteClient>,
    cancel: Option<NonInviteClient>,
    /// Whether it will give up, and whether it has.
    gives_up: bool,
    has_given_up: bool,
    timed_out: bool,
    /// Status and To tag of every final response that got through.
    finals: Vec<(u16, Vec<u8>)>,
    last_final: Option<String>,
}

impl Caller {
    pub(super) fn new(call: usize, gives_up: bool, is_large: bool) -> Self {
        let filler = if is_large { 1_200 } else { 10 };
        let headers = format!("X-Filler: {}\r\n", "x".repeat(filler));
        let invite = super::super::request("INVITE", &format!("z9hG4bKcall{call}"), &headers);
        Self {
            invite: invite.replace("call-1@", &format!("call-{call}@")),
            client: None,
            cancel: None,
            gives_up,
            has_given_up: false,
            timed_out: false,
            finals: Vec::new(),
            last_final: None,
        }
    }

    pub(super) fn act(&mut self, act: Act, now: Ticks) -> Vec<Wish> {
        let mut actions = Vec::new();
        match act {
            Act::Start => {
                let client = InviteClient::start(
                    Timing::default(),
                    Reliability::Unreliable,
                    now,
                    &mut actions,
                );
                self.client = Some(client);
                let mut wishes = self.invite_actions(&actions, None);
                if self.gives_up {
                    let at = now.after(Duration::from_millis(PATIENCE_MILLIS));
                    wishes.push(Wish::Act(at, Act::Cancel));
                }
                wishes
            }
            Act::Timer(timer) => {
                self.client.as_mut().unwrap().fire(timer, now, &mut actions);
                self.invite_actions(&actions, None)
            }
            Act::CancelTimer(timer) => {
                self.cancel.as_mut().unwrap().fire(timer, now, &mut actions);
                self.cancel_actions(&actions)
            }
            Act::Cancel => {
                self.has_given_up = true;
                self.cancel_if_possible(now)
            }
            Act::Answer | Act::Repeat2xx(_) | Act::Ring => Vec::new(),
        }
    }

    pub(super) fn receive(&mut self, text: &str, now: Ticks) -> Vec<Wish> {
        let message = Message::parse(text.to_owned().into(), Framing::Datagram).unwrap();
        let class = StatusClass::of(message.status().expect("only responses come here")).unwrap();
        let mut actions = Vec::new();
        if message.cseq().unwrap().method == Method::Cancel {
            if let Some(cancel) = &mut self.cancel {
                cancel.receive(class, now, &mut actions);
            }
            return self.cancel_actions(&actions);
        }
        self.client
            .as_mut()
            .unwrap()
            .receive(class, now, &mut actions);
        let mut wishes = self.invite_actions(&actions, Some(&message));
        if self.has_given_up {
            wishes.extend(self.cancel_if_possible(now));
        }
        wishes
    }

    fn cancel_if_possible(&mut self, now: Ticks) -> Vec<Wish> {
        if self.cancel.is_some() || !self.client.as_ref().unwrap().is_proceeding() {
            return Vec::new();
        }
        let mut actions = Vec::new();
        let cancel = NonInviteClient::start(
            Timing::default(),
            Reliability::Unreliable,
            now,
            &mut actions,
        );
        self.cancel = Some(cancel);
        self.cancel_actions(&actions)
    }

    fn invite_actions(
        &mut self,
        actions: &[ClientAction],
        response: Option<&Message>,
    ) -> Vec<Wish> {
        let mut wishes = Vec::new();
        for action in actions {
            match action {
                ClientAction::SendRequest => wishes.push(Wish::Send(self.invite.clone())),
                ClientAction::Start(timer, at) => wishes.push(Wish::Act(*at, Act::Timer(*timer))),
                ClientAction::SendAck => {
                    let ack = self.ack(response.unwrap());
                    wishes.push(Wish::Send(ack));
                }
                ClientAction::Deliver => wishes.extend(self.deliver(response.unwrap())),
                ClientAction::TimedOut => self.timed_out = true,
            }
        }
        wishes
    }

    fn cancel_actions(&self, actions: &[ClientAction]) -> Vec<Wish> {
        let wish = |action: &ClientAction| match action {
            ClientAction::SendRequest => Some(Wish::Send(
                self.invite
                    .replace("INVITE sip", "CANCEL sip")
                    .replace("1 INVITE", "1 CANCEL"),
            )),
            ClientAction::Start(timer, at) => Some(Wish::Act(*at, Act::CancelTimer(*timer))),
            _ => None,
        };
        actions.iter().filter_map(wish).collect()
    }

    fn deliver(&mut self, response: &Message) -> Option<Wish> {
        let status = response.status().unwrap();
        if status < 200 {
            return None;
        }
        let tag = response.to().unwrap().tag().unwrap().to_vec();
        self.finals.push((status, tag));
        self.last_final = Some(status.to_string());
        // The ACK for a 2xx is a transaction of its own.
        (status < 300).then(|| Wish::Send(self.ack(response).replace("z9hG4bKcall", "z9hG4bKack")))
    }

    fn ack(&self, response: &Message) -> String {
        let to = response.to().unwrap();
        let to = format!("To: {}\r\n", String::from_utf8(to.raw.to_vec()).unwrap());
        self.invite
            .replace("INVITE sip", "ACK sip")
            .replace("1 INVITE", "1 ACK")
            .replace("To: <sip:+12025550101@b.example>\r\n", &to)
    }

    /// Exactly one final response, or several 2xx of one callee; or silence, which the machine itself calls a timeout.
    pub(super) fn judge_the_end(&self, seed: u64) {
        let distinct: BTreeSet<_> = self.finals.iter().collect();
        let count = distinct.len() + usize::from(self.timed_out);
        let call = &self.invite;
        assert_eq!(
            count, 1,
            "seed {seed}: ended with {distinct:?}, timed out: {}\n{call}",
            self.timed_out
        );
        assert!(
            self.client.as_ref().unwrap().is_terminated(),
            "seed {seed}: {call}"
        );
    }
}

pub(super) struct Callee {
    plan: Plan,
    server: Option<InviteServer>,
    request: String,
    last: String,
    answered: Option<u16>,
    acknowledged: bool,
    gave_up: Option<Ticks>,
    /// Branches of every INVITE that came.
    branches: BTreeSet<Vec<u8>>,
}

impl Callee {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            server: None,
            request: String::new(),
            last: String::new(),
            answered: None,
            acknowledged: false,
            gave_up: None,
            branches: BTreeSet::new(),
        }
    }

    pub(super) fn receive(&mut self, text: &str, now: Ticks) -> Vec<Wish> {
        let message = Message::parse(text.to_owned().into(), Framing::Datagram).unwrap();
        match (
            message.method().expect("only requests come here"),
            self.plan,
        ) {
            (_, Plan::Nothing) => Vec::new(),
            (Method::Invite, _) => self.receive_invite(text, &message, now),
            (Method::Ack, _) => {
                self.acknowledged = true;
                let mut actions = Vec::new();
                if let Some(server) = &mut self.server {
                    server.receive_ack(now, &mut actions);
                }
                self.run(&actions)
            }
            (Method::Cancel, _) => {
                let mut wishes = vec![Wish::Send(answer_to_text(text, "200 OK"))];
                if self.answered.is_none() && self.server.is_some() {
                    wishes.extend(self.respond(487, now));
                }
                wishes
            }
            (method, _) => panic!("{method:?} at the callee"),
        }
    }

    fn receive_invite(&mut self, text: &str, message: &Message, now: Ticks) -> Vec<Wish> {
        let via = message.top_via().unwrap();
        self.branches
            .insert(via.parameters().value("branch").unwrap().to_vec());
        let mut actions = Vec::new();
        if let Some(server) = &mut self.server {
            server.receive_retransmission(&mut actions);
            return self.run(&actions);
        }
        let reliability = match via.transport {
            b"UDP" => Reliability::Unreliable,
            _ => Reliability::Reliable,
        };
        self.server = Some(InviteServer::start(Timing::default(), reliability));
        self.request = text.to_owned();
        let mut wishes = self.respond(100, now);
        let soon = now.after(Duration::from_millis(30));
        match self.plan {
            Plan::Answer { after, .. } => {
                wishes.push(Wish::Act(soon, Act::Ring));
                wishes.push(Wish::Act(
                    now.after(Duration::from_millis(after)),
                    Act::Answer,
                ));
            }
            Plan::RingForEver => wishes.push(Wish::Act(soon, Act::Ring)),
            Plan::Nothing => {}
        }
        wishes
    }

    pub(super) fn act(&mut self, act: Act, now: Ticks) -> Vec<Wish> {
        match (act, self.plan) {
            (Act::Ring, _) if self.answered.is_none() => self.respond(180, now),
            (Act::Answer, Plan::Answer { status, .. }) if self.answered.is_none() => {
                let mut wishes = self.respond(status, now);
                if status < 300 {
                    self.gave_up = Some(now.after(T1 * 64));
                    wishes.push(Wish::Act(now.after(T1), Act::Repeat2xx(T1)));
                }
                wishes
            }
            // RFC 3261 §13.3.1.4: the callee itself repeats its 2xx until the ACK comes, or 64*T1 have passed.
            (Act::Repeat2xx(interval), _) if !self.acknowledged && self.gave_up > Some(now) => {
                let next = (interval * 2).min(T2);
                vec![
                    Wish::Send(self.last.clone()),
                    Wish::Act(now.after(next), Act::Repeat2xx(next)),
                ]
            }
            (Act::Timer(timer), _) => {
                let mut actions = Vec::new();
                self.server.as_mut().unwrap().fire(timer, now, &mut actions);
                self.run(&actions)
            }
            _ => Vec::new(),
        }
    }

    fn respond(&mut self, status: u16, now: Ticks) -> Vec<Wish> {
        if status >= 200 {
            self.answered = Some(status);
        }
        self.last = answer_to_text(&self.request, &format!("{status} Whatever"));
        let mut actions = Vec::new();
        let class = StatusClass::of(status).unwrap();
        self.server
            .as_mut()
            .unwrap()
            .respond(class, now, &mut actions);
        self.run(&actions)
    }

    fn run(&self, actions: &[ServerAction]) -> Vec<Wish> {
        let wish = |action: &ServerAction| match action {
            ServerAction::Send | ServerAction::Resend => Some(Wish::Send(self.last.clone())),
            ServerAction::Start(timer, at) => Some(Wish::Act(*at, Act::Timer(*timer))),
            _ => None,
        };
        actions.iter().filter_map(wish).collect()
    }

    /// A request that is retransmitted, doubled, or falls back to UDP is one transaction.
    pub(super) fn judge_the_end(&self, seed: u64) {
        assert!(
            self.branches.len() <= 1,
            "seed {seed}: called {} times",
            self.branches.len()
        );
    }
}
