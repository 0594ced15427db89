//! A next hop: whoever answers behind it, properly, late, twice, never, or with garbage.

use super::caller::{PATIENCE, Wish};
use super::text::{answer, branch, method, to_tag};
use crate::proxy::simulation::Luck;
use std::collections::BTreeSet;

/// What a next hop does by itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// The step of its plan.
    Step(usize),
    /// A final response once more, this long after the last time, this long after the first.
    Repeat { step: usize, pause: u64, since: u64 },
}

/// One step of a plan.
#[derive(Clone, Debug)]
enum Step {
    Garbage(u8),
    /// With this To tag.
    Status(u16, &'static str),
}

/// What one next hop does with one call.
pub(super) struct Hop {
    /// With the milliseconds after the INVITE.
    plan: Vec<(u64, Step)>,
    obeys_cancel: bool,
    answers_cancel: bool,
    answers_others: Option<u64>,
    invite: Option<String>,
    last: Option<String>,
    finals: u32,
    acknowledged: BTreeSet<String>,
}

impl Hop {
    pub(super) fn new(luck: &mut Luck) -> Self {
        Self {
            plan: any_plan(luck),
            obeys_cancel: luck.percent(75),
            answers_cancel: luck.percent(85),
            answers_others: luck.percent(75).then(|| any_delay(luck)),
            invite: None,
            last: None,
            finals: 0,
            acknowledged: BTreeSet::new(),
        }
    }

    pub(super) fn receive(&mut self, text: &str) -> Vec<Wish<Act>> {
        match method(text) {
            "INVITE" => self.receive_invite(text),
            "ACK" => {
                self.acknowledged.insert(to_tag(text).to_owned());
                Vec::new()
            }
            "CANCEL" => self.receive_cancel(text),
            _ => match self.answers_others {
                Some(0) => vec![Wish::Send(answer(text, "200 OK", "other"))],
                // Later is as good as never to whoever does not remember requests.
                _ => Vec::new(),
            },
        }
    }

    pub(super) fn act(&mut self, act: Act) -> Vec<Wish<Act>> {
        match act {
            Act::Step(step) => match self.plan[step].1 {
                Step::Garbage(kind) => self.garbage(kind),
                Step::Status(status, tag) => self.respond(step, status, tag),
            },
            Act::Repeat { step, pause, since } => {
                let Step::Status(status, tag) = self.plan[step].1 else {
                    return Vec::new();
                };
                if self.acknowledged.contains(tag) || since > PATIENCE {
                    return Vec::new();
                }
                let text = answer(self.invite.as_ref().unwrap(), &line(status), tag);
                let pause = (2 * pause).min(4_000);
                let since = since + pause;
                vec![
                    Wish::Send(text),
                    Wish::Later(pause, Act::Repeat { step, pause, since }),
                ]
            }
        }
    }

    fn receive_invite(&mut self, text: &str) -> Vec<Wish<Act>> {
        let is_again = self
            .invite
            .as_ref()
            .is_some_and(|invite| branch(invite) == branch(text));
        if is_again {
            return self.last.clone().map(Wish::Send).into_iter().collect();
        }
        self.invite = Some(text.to_owned());
        let steps = self.plan.iter().enumerate();
        steps
            .map(|(step, (after, _))| Wish::Later(*after, Act::Step(step)))
            .collect()
    }

    fn receive_cancel(&mut self, text: &str) -> Vec<Wish<Act>> {
        let mut wishes = Vec::new();
        if self.answers_cancel {
            wishes.push(Wish::Send(answer(text, "200 OK", "cancel")));
        }
        if self.obeys_cancel
            && self.finals == 0
            && let Some(invite) = &self.invite
        {
            self.finals += 1;
            let text = answer(invite, "487 Request Terminated", "cancelled");
            self.last = Some(text.clone());
            wishes.push(Wish::Send(text));
        }
        wishes
    }

    fn respond(&mut self, step: usize, status: u16, tag: &'static str) -> Vec<Wish<Act>> {
        if self.last.as_ref().is_some_and(|_| self.finals > 0) && status < 200 {
            return Vec::new();
        }
        let text = answer(self.invite.as_ref().unwrap(), &line(status), tag);
        self.last = Some(text.clone());
        let mut wishes = vec![Wish::Send(text)];
        if status >= 200 {
            self.finals += 1;
            let repeat = Act::Repeat {
                step,
                pause: 500,
                since: 500,
            };
            wishes.push(Wish::Later(500, repeat));
        }
        wishes
    }

    /// Answers that are none, or none of this call.
    fn garbage(&self, kind: u8) -> Vec<Wish<Act>> {
        let invite = self.invite.as_ref().unwrap();
        let fine = answer(invite, "200 OK", "garbage");
        let text = match kind {
            0 => "\r\n\u{fffd}\0 garbage \r\n\r\n".to_owned(),
            1 => fine[..fine.len() / 2].to_owned(),
            2 => fine.replace(" INVITE\r\n", " BYE\r\n"),
            3 => fine.replace(branch(invite), "z9hG4bKinvented"),
            4 => answer(invite, "777 Jackpot", "garbage"),
            5 => super::text::without(&fine, &["Via"]),
            6 => invite.clone(),
            7 => fine.replace("Content-Length: 0", "Content-Length: 4000000000"),
            8 => {
                let only = format!("Via: {}\r\n", super::text::value(invite, "Via"));
                let rest = super::text::without(&fine, &["Via"]);
                format!("SIP/2.0 200 OK\r\n{only}{rest}")
            }
            _ => answer(invite, "099 Too Low", "garbage"),
        };
        vec![Wish::Send(text)]
    }
}

/// The kinds of garbage.
const GARBAGE: u64 = 10;

fn line(status: u16) -> String {
    format!("{status} Whatever  It Is")
}

fn any_delay(luck: &mut Luck) -> u64 {
    match luck.below(5) {
        0 | 1 => 0,
        2 => luck.below(300),
        3 => luck.below(20_000),
        _ => luck.below(45_000),
    }
}

fn any_plan(luck: &mut Luck) -> Vec<(u64, Step)> {
    let mut plan = Vec::new();
    if luck.percent(60) {
        plan.push((luck.below(100), Step::Status(100, "")));
    }
    for _ in 0..luck.below(3) {
        let tag = ["first", "second", "third"][luck.below(3) as usize];
        let status = [180, 183, 181][luck.below(3) as usize];
        plan.push((any_delay(luck), Step::Status(status, tag)));
    }
    if luck.percent(15) {
        plan.push((any_delay(luck), Step::Garbage(luck.below(GARBAGE) as u8)));
    }
    match luck.below(10) {
        0 => {}
        1..=3 => plan.push((any_delay(luck), Step::Status(200, "first"))),
        4 => {
            // A fork behind it that takes the call more than once.
            for tag in ["first", "second", "third"] {
                plan.push((any_delay(luck), Step::Status(200, tag)));
            }
        }
        5 => plan.push((any_delay(luck), Step::Status(503, "first"))),
        6 => {
            // Who first refuses, and then thinks better of it.
            plan.push((any_delay(luck), Step::Status(486, "first")));
            plan.push((any_delay(luck), Step::Status(200, "second")));
        }
        7 => plan.push((any_delay(luck), Step::Status(603, "first"))),
        _ => {
            let status = [302, 404, 408, 486, 487, 500, 600][luck.below(7) as usize];
            plan.push((any_delay(luck), Step::Status(status, "first")));
        }
    }
    plan
}
