//! Floods: whoever sends thousands of the same gets no more than one answer for each, costs no memory, and nobody's call.
//!
//! ```text
//!   flood  ═══▶ proxy ──▶ callee       one message in: at most one out
//!   caller ───▶       ◀──              the call in the middle of it is made and ended as ever
//! ```

use super::{Sent, Table, ack, answer_to, invite, options, request, trunk};
use countersign_sip::element::{DropCause, Event};

/// Messages of a flood.
const FLOOD: usize = 4_000;

/// A call in the middle of a flood: it rings before and is answered and ended after.
struct Call {
    table: Table,
    /// The INVITE at the callee.
    outgoing: Sent,
}

impl Call {
    fn begin() -> Self {
        let mut table = Table::new(trunk());
        table.caller(&invite(""));
        let outgoing = table.sent().remove(1);
        table.answer(&outgoing, "180 Ringing");
        assert_eq!(table.lines(), ["caller/udp SIP/2.0 180 Ringing"]);
        Self { table, outgoing }
    }

    /// `message` gives the text of each message of the flood; `most` is the most that each of them may cause to be sent.
    fn flood(&mut self, most: usize, mut message: impl FnMut(&mut Table, usize)) -> Vec<Sent> {
        let (contexts, timers) = (self.table.element.contexts(), self.table.timers());
        let mut sample = Vec::new();
        for number in 0..FLOOD {
            message(&mut self.table, number);
            let sent = self.table.sent();
            assert!(sent.len() <= most, "{sent:#?}");
            if number == FLOOD / 2 {
                sample = sent;
            }
        }
        assert_eq!(
            (self.table.element.contexts(), self.table.timers()),
            (contexts, timers),
            "a flood leaves nothing"
        );
        sample
    }

    fn ends_well(mut self) {
        self.table.answer(&self.outgoing, "200 OK");
        let accepted = self.table.one();
        assert_eq!(accepted.first_line(), "SIP/2.0 200 OK");
        let ack = ack(&accepted).replace("z9hG4bKone", "z9hG4bKack");
        self.table.caller(&ack);
        assert_eq!(
            self.table.lines(),
            ["callee/udp ACK sip:+12025550101@b.example SIP/2.0"]
        );
        self.table.ends_clean();
    }
}

fn first_lines(sent: &[Sent]) -> Vec<&str> {
    sent.iter().map(Sent::first_line).collect()
}

/// This test verifies that each OPTIONS gets its 200 and is forgotten.
#[test]
fn a_flood_of_options() {
    let mut call = Call::begin();
    let sample = call.flood(1, |table, number| {
        table.caller(&request("OPTIONS", &format!("z9hG4bKo{number}"), ""));
    });
    assert_eq!(first_lines(&sample), ["SIP/2.0 200 OK"]);
    call.ends_well();
}

/// This test verifies that a CANCEL of nothing is told so and forgotten, however many there are.
#[test]
fn a_flood_of_cancels_of_nothing() {
    let mut call = Call::begin();
    let sample = call.flood(1, |table, number| {
        table.caller(&request("CANCEL", &format!("z9hG4bKc{number}"), ""));
    });
    assert_eq!(
        first_lines(&sample),
        ["SIP/2.0 481 Call Leg/Transaction Does Not Exist"]
    );
    call.ends_well();
}

/// This test verifies that thousands of CANCELs of one call are answered, and that the callee hears of one.
#[test]
fn a_flood_of_cancels_of_one_call() {
    let mut call = Call::begin();
    call.table.caller(&request("CANCEL", "z9hG4bKone", ""));
    let cancel = call.table.sent().remove(1);
    assert!(cancel.first_line().starts_with("CANCEL "));
    let sample = call.flood(1, |table, _| {
        table.caller(&request("CANCEL", "z9hG4bKone", ""));
    });
    assert_eq!(first_lines(&sample), ["SIP/2.0 200 OK"]);
    call.table.answer(&cancel, "200 OK");
    call.table.answer(&call.outgoing, "487 Request Terminated");
    let lines = call.table.lines();
    assert_eq!(lines[1], "caller/udp SIP/2.0 487 Request Terminated");
    call.table.ends_clean();
}

/// This test verifies that an INVITE that comes thousands of times is one call: each repetition gets the last answer, and the callee
/// hears of none.
#[test]
fn a_flood_of_one_invite() {
    let mut call = Call::begin();
    let sample = call.flood(1, |table, _| table.caller(&invite("")));
    assert_eq!(first_lines(&sample), ["SIP/2.0 180 Ringing"]);
    call.ends_well();
}

/// This test verifies that an ACK for nothing goes one way, to one next hop, and is forgotten; one for an answer of ours goes nowhere.
#[test]
fn a_flood_of_acks() {
    let mut call = Call::begin();
    let sample = call.flood(1, |table, number| {
        let stray = request("ACK", &format!("z9hG4bKa{number}"), "");
        table.caller(&stray.replace("b.example>\r\nCall", "b.example>;tag=x\r\nCall"));
    });
    assert_eq!(
        first_lines(&sample),
        ["ACK sip:+12025550101@b.example SIP/2.0"]
    );
    let sample = call.flood(0, |table, _| {
        table.caller(&request("ACK", "z9hG4bKone", ""))
    });
    assert!(sample.is_empty());
    call.ends_well();
}

/// This test verifies that responses to nothing that we sent, and to what is over, cost nothing and go nowhere.
#[test]
fn a_flood_of_responses() {
    let mut call = Call::begin();
    let outgoing = call.outgoing.clone();
    let ours = outgoing.branch().to_owned();
    let sample = call.flood(0, |table, number| {
        let stray = answer_to(&outgoing, "200 OK");
        table.callee(&stray.replace(&ours, &format!("z9hG4bK{number:016x}.0123456789abcdef")));
        let events = table.events();
        assert!(matches!(
            events[..],
            [Event::Dropped(DropCause::StrayResponse)]
        ));
    });
    assert!(sample.is_empty());
    let sample = call.flood(0, |table, _| table.answer(&outgoing, "100 Trying"));
    assert!(sample.is_empty());
    call.ends_well();
}

/// This test verifies that what the callee repeats goes on as often as it comes, and sets no timer each time.
#[test]
fn a_flood_of_one_provisional_response() {
    let mut call = Call::begin();
    let outgoing = call.outgoing.clone();
    let sample = call.flood(1, |table, _| {
        table.answer(&outgoing, "183 Session Progress")
    });
    assert_eq!(first_lines(&sample), ["SIP/2.0 183 Session Progress"]);
    call.ends_well();
}

/// This test verifies that a callee that repeats its rejection gets an ACK each time, and the caller hears it once.
#[test]
fn a_flood_of_one_rejection() {
    let mut call = Call::begin();
    let outgoing = call.outgoing.clone();
    call.table.answer(&outgoing, "486 Busy Here");
    assert_eq!(call.table.sent().len(), 2);
    let sample = call.flood(1, |table, _| table.answer(&outgoing, "486 Busy Here"));
    assert_eq!(
        first_lines(&sample),
        ["ACK sip:+12025550101@b.example SIP/2.0"]
    );
    call.table.ends_clean();
}

/// This test verifies that INVITEs beyond the limit are told so, cost nothing, and end no call that is there.
#[test]
fn a_flood_of_invites() {
    const LIMIT: usize = 50;
    let mut options = options();
    options.max_contexts = LIMIT;
    let mut table = Table::with(trunk(), options);
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    let mut refused = 0;
    for number in 0..FLOOD {
        table.caller(&request("INVITE", &format!("z9hG4bKi{number}"), ""));
        let sent = table.sent();
        assert!(table.element.contexts() <= LIMIT);
        if sent[0].first_line() == "SIP/2.0 503 Service Unavailable" {
            assert_eq!(sent.len(), 1);
            refused += 1;
        }
    }
    assert_eq!(refused, FLOOD + 1 - LIMIT);
    table.answer(&outgoing, "200 OK");
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
    table.ends_clean();
}

/// This test verifies that requests of strangers, whatever they are, get no answer and cost nothing.
#[test]
fn a_flood_of_strangers() {
    let mut call = Call::begin();
    let methods = ["INVITE", "OPTIONS", "CANCEL", "ACK", "REGISTER", "BYE"];
    let sample = call.flood(0, |table, number| {
        let method = methods[number % methods.len()];
        let text = request(method, &format!("z9hG4bKs{number}"), "");
        table.receive(&text, "203.0.113.66:5060", None);
    });
    assert!(sample.is_empty());
    call.ends_well();
}
