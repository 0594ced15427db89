//! Whatever comes, in whatever order: nothing panics, no edit of ours is a mistake, and nothing stays for ever.
//!
//! ```text
//!   scraps of real calls, with bytes changed ──▶ b2bua ──▶ its own messages, changed, answered, turned round, come back ──▶ …
//! ```

use super::{CALLED, CALLER, Line, answer, from_called, inside, invite, perhaps_received, udp};
use bytes::Bytes;
use countersign_sip::element::{DropCause, Ending, Event, Input};
use countersign_sip::trunk::{Answers, B2buaMode, Names, Role, Trunk};
use std::sync::Arc;

const ROUNDS: u64 = 400;
const STEPS: u64 = 80;
const METHODS: [&str; 9] = [
    "ACK", "BYE", "CANCEL", "INFO", "INVITE", "NOTIFY", "PRACK", "REFER", "UPDATE",
];

/// What happens is a matter of the seed alone: splitmix64.
struct Luck(u64);

impl Luck {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

/// Headers that are odd, missing, twice or folded.
fn odd(luck: &mut Luck, text: &str) -> String {
    let text = match luck.below(14) {
        0 => text.replace("Contact: <", "m: \"x\" <"),
        1 => text.replace("Contact:", "Contact: *\r\nContact:"),
        2 => text.replace("Contact:", "X-Contact:"),
        3 => text.replace("Call-ID:", "i:").replace("From:", "f:\r\n "),
        4 => text.replace("To:", "To: <sip:x@y>\r\nTo:"),
        5 => text.replace("From:", "X-From:"),
        6 => text.replace(";tag=", " ; TAG = "),
        7 => text.replace(";tag=", ";x=y;tag="),
        8 => text.replace("Via:", "Via: SIP/2.0/UDP x;branch=z9hG4bKx, "),
        9 => text.replace(
            "Contact:",
            "Record-Route: <sip:strict>, <sip:r;lr>\r\nContact:",
        ),
        10 => text.replace("Session-Expires: 1800", "x: 4294967295"),
        11 => text.replace("<sip:", "<sips:"),
        _ => text.to_owned(),
    };
    match luck.below(3) {
        0 => scratched(luck, &text),
        _ => text,
    }
}

fn scratched(luck: &mut Luck, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=luck.below(3) {
        let at = luck.below(bytes.len().max(1)).min(bytes.len() - 1);
        match luck.below(3) {
            0 => bytes[at] = b";,<>\"=: \r\n0"[luck.below(11)],
            1 => bytes[at] = luck.below(128) as u8,
            _ => bytes.truncate(at.max(1)),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Story {
    luck: Luck,
    line: Line,
    /// What the b2bua has sent, to each side.
    seen: Vec<super::Sent>,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut luck = Luck(seed);
        let mode = B2buaMode {
            names: [Names::Kept, Names::Mapped][luck.below(2)],
            answers: [Answers::Held, Answers::Passed][luck.below(2)],
            ..B2buaMode::default()
        };
        let mut line = Line::with(mode);
        let mut trunk = Trunk::clone(&line.trunk);
        trunk.role = [Role::None, Role::Sign][luck.below(2)];
        line.trunk = Arc::new(trunk);
        let seen = Vec::new();
        Self { luck, line, seen }
    }

    fn text(&mut self) -> String {
        let (luck, seen) = (&mut self.luck, &self.seen);
        let any = (!seen.is_empty()).then(|| seen[luck.below(seen.len())].clone());
        let Some(sent) = any.filter(|_| luck.below(5) > 0) else {
            return invite().replace("z9hG4bKone", luck.one_of(&["z9hG4bK1", "z9hG4bK2", "3"]));
        };
        let number = luck.below(4) as u32;
        let (method, tag) = (luck.one_of(&METHODS), luck.one_of(&["one", "two"]));
        let is_whole = ["Contact", "From", "To", "Call-ID", "Via", "CSeq"]
            .iter()
            .all(|name| sent.values(name).len() == 1 && !sent.value(name).is_empty());
        if !is_whole || !sent.value("Contact").contains('<') {
            return sent.text;
        }
        if sent.first_line().starts_with("SIP/2.0") {
            return inside(method, number, &sent);
        }
        let statuses = [
            "100 Trying",
            "180 Ringing",
            "200 OK",
            "200 OK",
            "486 Busy",
            "503 No",
        ];
        match luck.below(4) {
            0 => from_called(method, number, &sent, tag),
            1 => sent.text,
            _ => answer(&sent, luck.one_of(&statuses), tag),
        }
    }

    fn step(&mut self) {
        let text = self.text();
        let text = odd(&mut self.luck, &text);
        let bytes = Bytes::from(text);
        let flow = udp([CALLED, CALLER][self.luck.below(2)]);
        let trunk = (self.luck.below(2) == 0).then(|| Arc::clone(&self.line.trunk));
        self.line.handle(perhaps_received(bytes, flow, trunk));
        for id in std::mem::take(&mut self.line.asked) {
            self.line.handle(Input::Signed {
                id,
                identities: Vec::new(),
            });
        }
        self.host();
        let pause = self.luck.below(3_000) as u64;
        self.line.wait(pause);
        let sent = self.line.sent();
        self.seen.extend(sent);
        let surplus = self.seen.len().saturating_sub(20);
        self.seen.drain(..surplus);
        let events = std::mem::take(&mut self.line.events);
        // What is refused for its form may have a Via that no answer finds its way by.
        let is_refused = |event: &Event| matches!(event, Event::Refused { .. });
        let is_refused = events.iter().any(is_refused);
        for event in events {
            let own_fault = matches!(event, Event::Dropped(DropCause::OwnFault(_)));
            assert!(is_refused || !own_fault, "{event:?}");
            if let Event::Finished(finished) = event
                && self.luck.below(20) == 0
            {
                self.end(finished.id);
            }
        }
    }

    /// The host lets answers pass, refuses them, or says nothing.
    fn host(&mut self) {
        for answer in std::mem::take(&mut self.line.answered) {
            match self.luck.below(3) {
                0 => self.line.handle(Input::Release(answer.id)),
                1 => self.end(answer.id),
                _ => {}
            }
        }
    }

    fn end(&mut self, id: countersign_sip::element::ContextId) {
        let ending = Ending {
            status: self.luck.below(800) as u16,
            phrase: "So be it\r\nX: y".into(),
            reason: (self.luck.below(2) == 0).then(|| "a\r\nb".into()),
        };
        self.line.handle(Input::End { id, ending });
    }
}

/// This test verifies that no input breaks the b2bua, and that time heals everything, the longest call at the latest.
#[test]
fn nothing_that_comes_breaks_the_b2bua() {
    let mut answered = 0;
    for seed in 0..ROUNDS {
        let mut story = Story::new(seed);
        for _ in 0..STEPS {
            story.step();
        }
        answered += story.line.element.calls();
        story.line.wait(50_000_000);
        story.line.ends_clean();
    }
    assert!(answered > 100, "there were calls: {answered}");
}
