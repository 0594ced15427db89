//! What a back-to-back user agent promises, checked message by message: every request that is inside a call crosses to the other
//! side, every answer comes back, once; nobody sees the names of the other side, or anything of another call.
//!
//! It knows no machine and no timer of the element. Where the end of a time could change what is right, it expects nothing
//! ([`SURE`]); then it only checks that what is sent may be sent.

use crate::bad_network::text::{
    branch, first_line, method, status, to_tag, value, values, without,
};
use countersign_sip::trunk::{Answers, B2buaMode, Names};
use std::collections::{BTreeMap, BTreeSet};

/// Microseconds: less than 64*T1. What began longer ago may be over by now.
const SURE: u64 = 31_000_000;

/// What belongs to the dialog that a message is in; all else crosses byte for byte.
const OF_THE_DIALOG: [&str; 8] = [
    "Via",
    "Max-Forwards",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "P-Asserted-Identity",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Far,
    Near,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Far => Self::Near,
            Self::Near => Self::Far,
        }
    }
}

/// What the element was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// By the host: this call shall end.
    End(usize),
    Message(Side, String),
    /// By the host: a held answer may pass.
    Release,
    Timer,
}

/// A request that one side sent, and what it was answered.
struct Transaction {
    side: Side,
    request: String,
    call: usize,
    is_cancelled: bool,
    finals: Vec<String>,
    last: Option<String>,
}

/// A request that the element sent to one side.
struct Outgoing {
    to: Side,
    text: String,
    at: u64,
    /// Whose request it is; none is the element's own.
    of: Option<usize>,
    heard: bool,
    cancelled: Option<u64>,
    accepted: Option<u64>,
    is_rejected: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Live,
    /// A BYE is under way since.
    Closing(u64),
    /// It is over, or may be.
    Over,
}

/// A dialog on both sides.
struct Pair {
    call: usize,
    near_tag: String,
    far_tag: String,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Ack(Side),
    Answer(usize, u16),
    AnswerCancel,
    Cross(Side, String),
    Pass(usize, u16),
}

#[derive(Default)]
pub(super) struct Mirror {
    /// Whether answers are held back.
    holds: bool,
    /// Whether each side has names of its own.
    maps: bool,
    /// The Call-ID of the far side of each call, once it is known.
    far_names: BTreeMap<usize, String>,
    transactions: Vec<Transaction>,
    outgoing: Vec<Outgoing>,
    pairs: Vec<Pair>,
    expected: Vec<Expected>,
    /// The far tag of the answer that is held.
    held: BTreeMap<usize, String>,
    given: Option<Given>,
    now: u64,
    ended: BTreeMap<usize, u32>,
    pub(super) seen: BTreeSet<&'static str>,
}

impl Mirror {
    pub(super) fn new(mode: B2buaMode) -> Self {
        Self {
            holds: mode.answers == Answers::Held,
            maps: mode.names == Names::Mapped,
            ..Self::default()
        }
    }

    /// Which call a message is of, by the Call-ID of either side.
    pub(super) fn call(&self, text: &str) -> Option<usize> {
        let name = value(text, "Call-ID");
        let far = self.far_names.iter().find(|(_, far)| *far == name);
        far.map(|(call, _)| *call)
            .or_else(|| crate::bad_network::text::call(text))
    }

    pub(super) fn given(&mut self, given: Given, now: u64) {
        self.now = now;
        self.given = Some(given.clone());
        match given {
            Given::Message(side, text) => match status(&text) {
                Some(status) => self.response_came(side, &text, status),
                None => self.request_came(side, &text),
            },
            Given::End(call) => self.call_is_over(call),
            Given::Release | Given::Timer => {}
        }
    }

    pub(super) fn done(&mut self) {
        let expected = std::mem::take(&mut self.expected);
        assert!(expected.is_empty(), "{expected:?}: {}", self.about());
    }

    /// The element holds this answer.
    pub(super) fn holds(&mut self, call: usize) {
        let Some(Given::Message(Side::Far, text)) = &self.given else {
            panic!("{}", self.about())
        };
        self.held.insert(call, to_tag(text).to_owned());
        self.seen.insert("an answer was held");
    }

    /// The element told that a call has ended.
    pub(super) fn call_ended(&mut self, call: usize) {
        *self.ended.entry(call).or_default() += 1;
    }

    pub(super) fn judge_the_end(&self) {
        for (number, transaction) in self.transactions.iter().enumerate() {
            let about = format!("{}: {:?}", transaction.request, transaction.finals);
            let is_invite = method(&transaction.request) == "INVITE";
            let has_crossed = self.outgoing.iter().any(|known| known.of == Some(number));
            // Whoever comes by no trunk and is in no call is not heard.
            let is_heard = has_crossed || transaction.side == Side::Near;
            assert!(
                !is_invite || !is_heard || !transaction.finals.is_empty(),
                "{about}"
            );
            let (good, bad): (Vec<_>, Vec<_>) = transaction
                .finals
                .iter()
                .partition(|text| status(text) < Some(300));
            assert!(bad.len() + usize::from(!good.is_empty()) <= 1, "{about}");
            assert!(is_invite || good.len() <= 1, "{about}");
        }
        for call in self.far_names.keys() {
            let dialogs = self.pairs.iter().filter(|pair| pair.call == *call).count();
            let told = self.ended.get(call).copied().unwrap_or_default() as usize;
            // A second dialog may begin after the first has ended, and end as well.
            let expected = dialogs.min(1)..=dialogs;
            assert!(expected.contains(&told), "call {call}: {told} of {dialogs}");
        }
    }

    fn about(&self) -> String {
        match &self.given {
            Some(Given::Message(side, text)) => format!("given by {side:?}:\n{text}"),
            given => format!("given {given:?}"),
        }
    }

    // What comes.

    fn request_came(&mut self, side: Side, text: &str) {
        let Some(call) = self.call(text) else { return };
        let known = self.transactions.iter().rposition(|known| {
            known.side == side
                && branch(&known.request) == branch(text)
                && (method(&known.request) == method(text)
                    || method(text) == "ACK" && method(&known.request) == "INVITE")
        });
        match (method(text), known) {
            ("ACK", Some(_)) => {}
            ("ACK", None) => {
                if self.is_live(side, text) {
                    self.expected.push(Expected::Ack(side.other()));
                }
            }
            ("CANCEL", _) => {
                self.expected.push(Expected::AnswerCancel);
                let invite = self
                    .transactions
                    .iter_mut()
                    .rfind(|known| known.side == side && branch(&known.request) == branch(text));
                if let Some(invite) = invite {
                    invite.is_cancelled = true;
                    self.seen.insert("cancelled");
                }
            }
            (_, Some(_)) => {}
            (method, None) => self.new_request(side, text, call, method),
        }
    }

    fn new_request(&mut self, side: Side, text: &str, call: usize, method: &str) {
        self.transactions.push(Transaction {
            side,
            request: text.to_owned(),
            call,
            is_cancelled: false,
            finals: Vec::new(),
            last: None,
        });
        let number = self.transactions.len() - 1;
        let is_live = self.is_live(side, text);
        if to_tag(text).is_empty() || is_live {
            let crosses = Expected::Cross(side.other(), method.to_owned());
            self.expected.push(crosses);
        } else if side == Side::Near && self.pair(side, text).is_none() {
            self.expected.push(Expected::Answer(number, 481));
        }
        let now = self.now;
        if method == "BYE"
            && let Some(pair) = self.pair(side, text)
            && pair.state == State::Live
        {
            pair.state = State::Closing(now);
        }
    }

    /// The dialog that a request of this side is in.
    fn pair(&mut self, side: Side, text: &str) -> Option<&mut Pair> {
        let call = self.call(text)?;
        let tag = match side {
            Side::Far => value(text, "From").split(";tag=").nth(1)?,
            Side::Near => to_tag(text),
        };
        let mut pairs = self.pairs.iter_mut();
        pairs.find(|pair| {
            let its = match side {
                Side::Far => &pair.far_tag,
                Side::Near => &pair.near_tag,
            };
            pair.call == call && its == tag
        })
    }

    fn is_live(&mut self, side: Side, text: &str) -> bool {
        let now = self.now;
        match self.pair(side, text).map(|pair| pair.state) {
            Some(State::Live) => true,
            Some(State::Closing(since)) => now < since + SURE,
            Some(State::Over) | None => false,
        }
    }

    fn response_came(&mut self, side: Side, text: &str, status: u16) {
        let now = self.now;
        let found = self.outgoing.iter_mut().find(|outgoing| {
            outgoing.to == side
                && branch(&outgoing.text) == branch(text)
                && method(&outgoing.text) == method(text)
        });
        let Some(outgoing) = found else { return };
        let is_invite = method(text) == "INVITE";
        let began = match (outgoing.accepted, outgoing.cancelled) {
            (Some(accepted), _) => accepted,
            (None, Some(cancelled)) => cancelled,
            (None, None) if outgoing.heard && is_invite => now,
            (None, None) => outgoing.at,
        };
        let is_there = now < began + SURE && !outgoing.is_rejected;
        let is_first = !outgoing.is_rejected && outgoing.accepted.is_none();
        outgoing.heard = true;
        match status {
            100..=199 => {}
            200..=299 => {
                outgoing.accepted.get_or_insert(now);
            }
            _ if outgoing.accepted.is_none() => outgoing.is_rejected = true,
            _ => {}
        }
        if !is_there {
            return;
        }
        if status >= 300 && is_invite && is_first {
            self.expected.push(Expected::Ack(side));
        }
        let Some(of) = outgoing.of else { return };
        let request = self.transactions[of].request.clone();
        let from = self.transactions[of].side;
        let is_live = self.is_live(from, &request);
        let waits = self.transactions[of].finals.is_empty();
        let begins = to_tag(&self.transactions[of].request).is_empty();
        let is_refused = self.transactions[of]
            .finals
            .iter()
            .any(|text| crate::bad_network::text::status(text) >= Some(300));
        match status {
            100..=199 => {}
            200..=299 if is_invite && begins && is_refused => {
                self.seen.insert("a 2xx too late for the caller");
                self.expected.push(Expected::Ack(side));
            }
            200..=299 if is_invite && begins && self.holds => {}
            // What was under way when the call ended may come back, or be answered otherwise.
            200.. if !begins && !is_live => {}
            200..=299 if is_invite || waits && is_first => {
                self.expected.push(Expected::Pass(of, status));
            }
            _ if waits && is_first && status != 408 && status != 503 => {
                self.expected.push(Expected::Pass(of, status));
            }
            _ => {}
        }
    }

    fn call_is_over(&mut self, call: usize) {
        for pair in self.pairs.iter_mut().filter(|pair| pair.call == call) {
            pair.state = State::Over;
        }
    }

    // What goes.

    /// The element sent something to this side.
    pub(super) fn sends(&mut self, to: Side, text: &str) {
        if !text.starts_with("SIP/2.0 ") && method(text) == "INVITE" && to_tag(text).is_empty() {
            self.learn_names(text);
        }
        let call = self.call(text).expect("of a call");
        self.names_are_right(to, call, text);
        match status(text) {
            Some(status) => self.sends_response(to, text, status),
            None => self.sends_request(to, text, call),
        }
    }

    /// The first INVITE to the called tells the names of the far dialog.
    fn learn_names(&mut self, text: &str) {
        if let Some(Given::Message(Side::Near, came)) = &self.given {
            let call = crate::bad_network::text::call(came).unwrap();
            let name = value(text, "Call-ID").to_owned();
            self.far_names.entry(call).or_insert(name);
        }
    }

    fn names_are_right(&self, to: Side, call: usize, text: &str) {
        let near = format!("call-{call}@a.example");
        let name = match to {
            Side::Far => &self.far_names[&call],
            Side::Near => &near,
        };
        assert_eq!(value(text, "Call-ID"), name, "{text}");
        if self.maps {
            let foreign = match to {
                Side::Far => ["call-", "neartag"],
                Side::Near => [
                    "fartag",
                    self.far_names.get(&call).map_or("\0", |name| name),
                ],
            };
            let leaks = foreign.iter().find(|foreign| text.contains(**foreign));
            assert_eq!(leaks, None, "{text}");
        }
    }

    fn sends_response(&mut self, to: Side, text: &str, status: u16) {
        if method(text) == "CANCEL" {
            return self.meets(|expected| *expected == Expected::AnswerCancel, text);
        }
        let found = self.transactions.iter().rposition(|known| {
            known.side == to
                && branch(&known.request) == branch(text)
                && method(&known.request) == method(text)
        });
        let about = format!("{text}\n{}", self.about());
        let number = found.unwrap_or_else(|| panic!("an answer to nothing: {about}"));
        let expected = |expected: &Expected| {
            *expected == Expected::Pass(number, status)
                || *expected == Expected::Answer(number, status)
        };
        let place = self.expected.iter().position(expected);
        place.map(|place| self.expected.remove(place));
        let transaction = &mut self.transactions[number];
        if transaction.last.as_deref() == Some(text) {
            return;
        }
        transaction.last = Some(text.to_owned());
        self.is_of_what_came(text, status);
        if status < 200 {
            return;
        }
        let transaction = &mut self.transactions[number];
        let is_known = transaction.finals.iter().any(|known| known == text);
        if !is_known {
            transaction.finals.push(text.to_owned());
        }
        let begins = method(text) == "INVITE" && to_tag(&transaction.request).is_empty();
        assert!(
            is_known || begins || transaction.finals.len() == 1,
            "{about}"
        );
        let is_bye = method(text) == "BYE" && !matches!(status, 401 | 407);
        let (request, call) = (transaction.request.clone(), transaction.call);
        if begins && status < 300 {
            self.begins_dialog(text, call);
        }
        if is_bye && let Some(pair) = self.pair(to, &request) {
            pair.state = State::Over;
            self.seen.insert("BYE");
        }
    }

    fn begins_dialog(&mut self, text: &str, call: usize) {
        let far_tag = match &self.given {
            Some(Given::Message(Side::Far, came)) => to_tag(came).to_owned(),
            _ => self.held[&call].clone(),
        };
        let near_tag = to_tag(text).to_owned();
        let is_it = |pair: &Pair| pair.call == call && pair.near_tag == near_tag;
        if self.pairs.iter().any(is_it) {
            return;
        }
        if self.pairs.iter().any(|pair| pair.call == call) {
            self.seen.insert("two dialogs");
        }
        self.pairs.push(Pair {
            call,
            near_tag,
            far_tag,
            state: State::Live,
        });
    }

    /// What is not ours crosses as it came.
    fn is_of_what_came(&mut self, text: &str, code: u16) {
        let Some(Given::Message(_, came)) = &self.given else {
            return;
        };
        if status(came) == Some(code) && code != 100 {
            let only = |text| without(text, &[&OF_THE_DIALOG[..], &["Record-Route"]].concat());
            assert_eq!(only(came), only(text));
            self.seen.insert("an answer crossed");
        }
    }

    fn sends_request(&mut self, to: Side, text: &str, call: usize) {
        let about = format!("to {to:?}:\n{text}\n{}", self.about());
        let is_repeated = self.outgoing.iter().any(|known| known.text == text);
        match (method(text), self.given.clone()) {
            ("ACK", given) => self.sends_ack(to, text, given, &about),
            (_, Some(Given::Timer)) if is_repeated => {}
            ("CANCEL", _) => {
                let now = self.now;
                let invite = self
                    .outgoing
                    .iter_mut()
                    .find(|known| branch(&known.text) == branch(text));
                let invite = invite.unwrap_or_else(|| panic!("{about}"));
                assert!(invite.heard, "RFC 3261 §9.1: {about}");
                invite.cancelled.get_or_insert(now);
                self.went(to, text, None);
            }
            (_, Some(Given::Message(from, came)))
                if from == to.other() && method(&came) == method(text) =>
            {
                let is_it = |expected: &Expected| matches!(expected, Expected::Cross(side, _) if *side == to);
                if let Some(place) = self.expected.iter().position(is_it) {
                    self.expected.remove(place);
                }
                let of = self
                    .transactions
                    .iter()
                    .rposition(|known| known.request == came);
                let of = of.unwrap_or_else(|| panic!("{about}"));
                let has_crossed = self.outgoing.iter().any(|known| known.of == Some(of));
                assert!(!has_crossed, "twice: {about}");
                assert_eq!(
                    without(&came, &OF_THE_DIALOG),
                    without(text, &OF_THE_DIALOG)
                );
                assert_eq!(value(&came, "CSeq"), value(text, "CSeq"), "{about}");
                assert_eq!(values(text, "Via").count(), 1, "{about}");
                assert_eq!(value(text, "Max-Forwards"), "69", "{about}");
                self.went(to, text, Some(of));
                self.seen.insert(match (from, method(text)) {
                    (Side::Far, _) => "a request of the called crossed",
                    (Side::Near, _) => "a request of the caller crossed",
                });
            }
            ("BYE", _) => {
                self.seen.insert("a BYE of ours");
                self.takes_the_next_number(to, text);
                self.went(to, text, None);
                let tag = to_tag(text).to_owned();
                let mut pairs = self.pairs.iter_mut();
                let pair = pairs
                    .find(|pair| pair.call == call && (pair.far_tag == tag || to == Side::Near));
                if let Some(pair) = pair {
                    pair.state = State::Over;
                }
            }
            _ => panic!("why? {about}"),
        }
    }

    /// RFC 3261 §12.2.1.1: "Requests within a dialog MUST contain strictly monotonically increasing and contiguous CSeq sequence numbers
    /// (increasing-by-one) in each direction".
    fn takes_the_next_number(&self, to: Side, text: &str) {
        let number = |text| -> u32 {
            let number = value(text, "CSeq").split(' ').next();
            number.unwrap().parse().unwrap()
        };
        let same = |known: &&Outgoing| {
            let tag = to_tag(&known.text);
            known.to == to
                && value(&known.text, "Call-ID") == value(text, "Call-ID")
                && from_tag_of(&known.text) == from_tag_of(text)
                && (tag.is_empty() || tag == to_tag(text))
        };
        for known in self.outgoing.iter().filter(same) {
            assert!(number(&known.text) < number(text), "{}\n{text}", known.text);
        }
    }

    fn sends_ack(&mut self, to: Side, text: &str, given: Option<Given>, about: &str) {
        match given {
            Some(Given::Message(from, came)) if from == to && status(&came) >= Some(200) => {
                // Of our own: for a rejection, or for an answer that nobody wants any more.
                let is_it = |expected: &Expected| *expected == Expected::Ack(to);
                if let Some(place) = self.expected.iter().position(is_it) {
                    self.expected.remove(place);
                }
                if status(&came) < Some(300) {
                    self.seen.insert("an ACK of ours");
                }
            }
            Some(Given::Message(from, came)) if from != to && method(&came) == "ACK" => {
                assert_eq!(value(&came, "CSeq"), value(text, "CSeq"), "{about}");
                let is_it = |expected: &Expected| *expected == Expected::Ack(to);
                if let Some(place) = self.expected.iter().position(is_it) {
                    self.expected.remove(place);
                }
            }
            // The caller gives up while the answer is held.
            Some(Given::Message(Side::Near, came)) if method(&came) == "CANCEL" => {}
            // The call ends, and its answer was not acknowledged.
            Some(Given::End(_) | Given::Timer) => {}
            _ => panic!("why? {about}"),
        }
    }

    fn went(&mut self, to: Side, text: &str, of: Option<usize>) {
        let is_new = |known: &Outgoing| {
            branch(&known.text) != branch(text) || method(&known.text) != method(text)
        };
        assert!(
            self.outgoing.iter().all(is_new),
            "RFC 3261 §8.1.1.7: {text}"
        );
        self.outgoing.push(Outgoing {
            to,
            text: text.to_owned(),
            at: self.now,
            of,
            heard: false,
            cancelled: None,
            accepted: None,
            is_rejected: false,
        });
    }

    fn meets(&mut self, is_it: impl Fn(&Expected) -> bool, text: &str) {
        let place = self.expected.iter().position(is_it);
        let place = place.unwrap_or_else(|| panic!("why? {}\n{}", first_line(text), self.about()));
        self.expected.remove(place);
    }
}

fn from_tag_of(text: &str) -> Option<&str> {
    value(text, "From").split(";tag=").nth(1)
}
