//! Whatever comes in whatever order, from the called, the caller and the host: nothing panics, no edit of ours is a mistake, nothing stays
//! for ever, and whatever must be proven is.
//!
//! ```text
//!   answers of many kinds, judgements of other answers, CANCEL, an end by the host, time ──▶ element ──▶ the caller gets what was proven
//! ```

use super::{
    Line, OURS, RSP, SDP, THEIRS, WRONG, answer, b2bua, cancel, identity, invite, judgement,
};
use crate::proxy::simulation::Luck;
use countersign::verification::answer::AnswerStanding;
use countersign_sip::element::{Ending, Input};
use countersign_sip::trunk::{
    AnswerChecking, AnswerSigning, Answers, B2buaMode, Connected, Mode, Required, Role, Trunk,
};
use std::collections::BTreeSet;
use std::sync::Arc;

const ROUNDS: u64 = 3_000;
const STEPS: u64 = 40;

struct Story {
    luck: Luck,
    line: Line,
    /// Whether what the caller gets must be proven.
    guarded: bool,
    /// What the called was sent.
    invite: Option<String>,
    /// The bodies of the answers that were asked about, in the order of the questions; and those that were proven.
    asked: Vec<String>,
    proven: BTreeSet<String>,
    count: u32,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut luck = Luck(seed);
        let mode = match luck.below(3) {
            0 => Mode::Proxy,
            1 => b2bua(),
            _ => Mode::B2bua(B2buaMode {
                answers: Answers::Held,
                ..B2buaMode::default()
            }),
        };
        let checks = [
            AnswerChecking::Off,
            AnswerChecking::Report,
            AnswerChecking::Require,
        ];
        let check = checks[luck.below(3) as usize];
        let connected = Connected {
            sign: [AnswerSigning::Off, AnswerSigning::All][luck.below(2) as usize],
            check,
            require: Required::Always,
            ..Connected::default()
        };
        let role = [Role::None, Role::Sign][luck.below(2) as usize];
        Self {
            line: Line::new(mode, role, Some(connected)),
            guarded: check == AnswerChecking::Require && mode != Mode::Proxy,
            luck,
            invite: None,
            asked: Vec::new(),
            proven: BTreeSet::new(),
            count: 0,
        }
    }

    fn step(&mut self) {
        match self.luck.below(12) {
            0 => {
                let identity = [String::new(), identity(THEIRS), identity(OURS)];
                let text = invite(&identity[self.luck.below(3) as usize]);
                self.line.caller(&text);
            }
            1 if self.luck.percent(30) => self.line.caller(&cancel()),
            2 if self.luck.percent(30) => self.end(),
            3 => self.wait(),
            4 | 5 => self.judge(),
            6 => self.sign(),
            7 => self.release(),
            _ => self.answer(),
        }
        self.look();
    }

    fn wait(&mut self) {
        let times = [10, 100, 600, 5_000, 40_000];
        let millis = times[self.luck.below(5) as usize];
        self.line.wait(millis);
    }

    fn end(&mut self) {
        let ids = self.line.judge.iter().map(|judge| judge.id);
        let ids = ids.chain(self.line.sign.iter().map(|sign| sign.id));
        let Some(id) = ids.last() else {
            return;
        };
        let ending = Ending {
            status: 603,
            phrase: "Decline".into(),
            reason: None,
        };
        self.line.handle(Input::End { id, ending });
    }

    fn release(&mut self) {
        if let Some(id) = self.line.held.pop() {
            self.line.handle(Input::Release(id));
        }
    }

    fn judge(&mut self) {
        if self.line.judge.is_empty() {
            return;
        }
        let index = self.luck.below(self.line.judge.len() as u64) as usize;
        let standings = [AnswerStanding::Matching, AnswerStanding::Absent, WRONG];
        let standing = standings[self.luck.below(3) as usize];
        if standing.is_proven() {
            self.proven.insert(self.asked[index].clone());
        }
        self.line.judged_as(index, judgement(standing));
    }

    fn sign(&mut self) {
        if self.line.sign.is_empty() {
            return;
        }
        let identities: &[&str] =
            [&[][..], &[RSP], &["no\r\nidentity"]][self.luck.below(3) as usize];
        self.line.signed(identities);
    }

    fn answer(&mut self) {
        let Some(invite) = self.invite.clone() else {
            return;
        };
        let luck = &mut self.luck;
        let statuses = [
            "180 Ringing",
            "183 Progress",
            "200 OK",
            "202 Ok",
            "486 Busy",
            "100 Trying",
        ];
        let status = statuses[luck.below(6) as usize];
        let tag = ["one", "two", "three"][luck.below(3) as usize];
        let reliable = "Require: 100rel\r\nRSeq: 4\r\n";
        let extra = [
            String::new(),
            identity(RSP),
            [reliable, &identity(RSP)].concat(),
            reliable.to_owned(),
            identity(";;"),
        ];
        let extra = &extra[luck.below(5) as usize];
        self.count += 1;
        let body = match luck.percent(70) {
            true => format!("{SDP}n={}\r\n", self.count),
            false => String::new(),
        };
        let text = answer(&invite, status, tag, extra, &body);
        self.line.called(&text);
        let new = self.line.judge.len() - self.asked.len();
        // A question may come later than its answer, when nobody has signed it.
        self.asked.extend(std::iter::repeat_n(body, new));
    }

    /// Takes what was sent, and sees that the caller got nothing that it must not.
    fn look(&mut self) {
        let unknown = self.line.judge.len() - self.asked.len();
        let nobody = std::iter::repeat_n("?".to_owned(), unknown);
        self.asked.extend(nobody);
        for (to, text) in std::mem::take(&mut self.line.sent) {
            if to == "called" && text.starts_with("INVITE ") {
                self.invite = Some(text);
            } else if to == "caller" && self.guarded && text.contains(" INVITE\r\n") {
                let (head, body) = text.split_once("\r\n\r\n").unwrap();
                let is_final = head.starts_with("SIP/2.0 2");
                let is_ringing = head.starts_with("SIP/2.0 1");
                let must_be_proven = is_final || (is_ringing && !body.is_empty());
                assert!(!must_be_proven || self.proven.contains(body), "{text}");
            }
        }
    }
}

/// This test verifies that an element with connected identity stands whatever it is given.
#[test]
fn whatever_comes_is_survived() {
    let mut passed = 0;
    for seed in 0..ROUNDS {
        let mut story = Story::new(seed);
        for _ in 0..STEPS {
            story.step();
        }
        passed += story.proven.len();
        story.line.sent.clear();
        story.line.ends_clean_after_hangup();
    }
    assert!(passed > 900, "hardly anything was proven: {passed}");
}

/// This test verifies that a trunk may be changed by a reload while its calls are answered: they go on as they began.
#[test]
fn a_call_keeps_its_arrangement() {
    let mut line = Line::originating(b2bua(), AnswerChecking::Require);
    let sent = line.invited("");
    let mut trunk = Trunk::clone(&line.trunk);
    trunk.connected = None;
    line.trunk = Arc::new(trunk);
    line.called(&answer(&sent, "200 OK", "callee", "", SDP));
    assert_eq!(line.lines(), [""; 0]);
    line.judged(AnswerStanding::Matching);
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    line.ends_clean_after_hangup();
}
