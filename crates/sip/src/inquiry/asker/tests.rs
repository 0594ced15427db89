//! Tests of the asker: one INVITE, others that answer as told, and a clock.

use super::*;
use crate::flow::Transport;
use crate::message::{Framing, Name};
use proptest::prelude::*;

const HOP: &str = "192.0.2.20:5060";
const RELIABLE: &str =
    "Require: 100rel\r\nRSeq: 71\r\nIdentity: a.b.c;info=<https://b.example/c>;ppt=rsp\r\n";
const OFFER: &str = "v=0\r\no=- 0 0 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n";

fn question(purpose: Purpose) -> Question {
    Question {
        uri: "sip:+12155551214@b.example;user=phone".into(),
        from: "sip:+12155551212@a.example;user=phone".into(),
        identities: vec!["x.y.z;info=<https://a.example/c>;alg=ES256;ppt=shaken".into()],
        date: UnixTime::from_secs(1_443_208_345),
        next_hop: Target {
            transport: Transport::Udp,
            remote: HOP.parse().unwrap(),
            name: None,
            local: None,
            connection: None,
        },
        sent_by: SentBy::new("192.0.2.1", Some(40_000)).unwrap(),
        unique: [7; 16],
        purpose,
        patience: Duration::from_secs(10),
        timing: Timing::default(),
    }
}

struct Table {
    asker: Asker,
    now: Ticks,
    /// Every request of ours, and where it went.
    sent: Vec<(String, Message)>,
    told: Vec<Answer>,
    ended: Vec<Ended>,
}

impl Table {
    fn new(purpose: Purpose) -> Self {
        let (now, mut out) = (Ticks::from_millis(1_000), Vec::new());
        let asker = Asker::start(question(purpose), now, &mut out).unwrap();
        let mut table = Self {
            asker,
            now,
            sent: Vec::new(),
            told: Vec::new(),
            ended: Vec::new(),
        };
        table.note(out);
        table
    }

    fn note(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Ended(ended) => self.ended.push(ended),
                Step::Judge(answer) => self.told.push(answer),
                Step::Send(target, bytes) => {
                    let message = Message::parse(bytes, Framing::Datagram).unwrap();
                    self.sent.push((target.remote.to_string(), message));
                }
            }
        }
    }

    /// Lets time pass.
    fn wait(&mut self, millis: u64) {
        let end = self.now.after(Duration::from_millis(millis));
        while let Some(next) = self.asker.next().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            let mut out = Vec::new();
            self.asker.fire(self.now, &mut out);
            self.note(out);
        }
        self.now = end;
    }

    /// The methods and codes that were sent, each once more for each time.
    fn methods(&self) -> Vec<String> {
        let method = |message: &Message| match message.method() {
            Some(method) => String::from_utf8_lossy(method.as_bytes()).into_owned(),
            None => message.status().unwrap().to_string(),
        };
        self.sent
            .iter()
            .map(|(_, message)| method(message))
            .collect()
    }

    fn last(&self, method: Method<'_>) -> &(String, Message) {
        let mut sent = self.sent.iter().rev();
        sent.find(|(_, message)| message.method() == Some(method))
            .unwrap()
    }

    fn text(&self, method: Method<'_>) -> String {
        String::from_utf8_lossy(self.last(method).1.bytes()).into_owned()
    }

    /// Somebody with this tag answers our last request of that method.
    fn answer(&mut self, method: Method<'_>, status: &str, tag: &str, extra: &str, body: &str) {
        let request = &self.last(method).1;
        let value = |name| String::from_utf8_lossy(request.header(name).unwrap()).into_owned();
        let to = match request.to().unwrap().tag() {
            None if !tag.is_empty() => format!("{};tag={tag}", value(Name::To)),
            _ => value(Name::To),
        };
        let content = match body {
            "" => String::new(),
            _ => "Content-Type: application/sdp\r\n".into(),
        };
        let text = format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n{extra}{content}Content-Length: {}\r\n\r\n{body}",
            value(Name::Via),
            value(Name::From),
            value(Name::CallId),
            value(Name::CSeq),
            body.len()
        );
        self.receive(text);
    }

    fn receive(&mut self, text: String) {
        let message = Message::parse(text.into(), Framing::Datagram).unwrap();
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:40000".parse().unwrap(),
            remote: HOP.parse().unwrap(),
            connection: None,
        };
        let mut out = Vec::new();
        self.asker.receive(&flow, &message, self.now, &mut out);
        self.note(out);
    }

    fn judged(&mut self, word: Word) {
        let mut out = Vec::new();
        self.asker.judged(word, self.now, &mut out);
        self.note(out);
    }
}

/// Digest 01, case 11. This test verifies that an inquiry has no description of a session, insists on reliable provisional responses,
/// answers an offer in its PRACK, and ends with CANCEL, 487 and ACK, once each.
#[test]
fn digest01_case11_the_whole_of_an_inquiry() {
    let mut table = Table::new(Purpose::Inquiry);
    let invite = table.text(Method::Invite);
    assert!(invite.starts_with("INVITE sip:+12155551214@b.example;user=phone SIP/2.0\r\n"));
    assert!(invite.contains("\r\nRequire: 100rel\r\n") && invite.contains("\r\nIdentity: x.y.z;"));
    assert!(invite.ends_with("Content-Length: 0\r\n\r\n"), "{invite}");

    table.answer(Method::Invite, "100 Trying", "", "", "");
    let extra = format!("{RELIABLE}Contact: <sip:192.0.2.30:5062>\r\n");
    table.answer(Method::Invite, "183 Session Progress", "t1", &extra, OFFER);
    let told = table.told.last().unwrap();
    assert_eq!(
        (told.status(), told.delivery, told.offer),
        (183, Delivery::Reliable, Offer::WithoutMedia)
    );
    let prack = table.text(Method::Prack);
    assert!(
        prack.starts_with("PRACK sip:192.0.2.30:5062 SIP/2.0\r\n"),
        "{prack}"
    );
    assert!(prack.contains("\r\nRAck: 71 1 INVITE\r\n") && prack.contains("\r\nCSeq: 2 PRACK\r\n"));
    assert!(
        prack.ends_with("t=0 0\r\n"),
        "no stream was offered, so none is answered: {prack}"
    );
    assert_eq!(
        table.last(Method::Prack).0,
        "192.0.2.30:5062",
        "straight to the one who answers"
    );

    table.judged(Word::Enough);
    assert_eq!(
        table.methods(),
        ["INVITE", "PRACK"],
        "the PRACK is not answered yet"
    );
    table.answer(Method::Prack, "200 OK", "", "", "");
    assert_eq!(table.methods(), ["INVITE", "PRACK", "CANCEL"]);
    table.answer(Method::Cancel, "200 OK", "t1", "", "");
    table.answer(Method::Invite, "487 Request Terminated", "t1", "", "");
    assert_eq!(table.methods(), ["INVITE", "PRACK", "CANCEL", "ACK"]);
    assert_eq!(table.ended, [Ended::Cancelled]);
    assert!(table.asker.is_done());
    assert_eq!(table.last(Method::Ack).0, HOP);

    // Once more, because the ACK was lost.
    table.answer(Method::Invite, "487 Request Terminated", "t1", "", "");
    assert_eq!(table.methods().len(), 5);
    assert_eq!(table.ended.len(), 1);
}

/// This test verifies that a response that comes again gets no second PRACK, that a lost PRACK is repeated, and that what comes out of
/// order is not heard.
#[test]
fn a_reliable_response_is_acknowledged_once() {
    let mut table = Table::new(Purpose::Inquiry);
    for _ in 0..3 {
        table.answer(Method::Invite, "183 x", "t1", RELIABLE, OFFER);
    }
    assert_eq!(table.methods(), ["INVITE", "PRACK"]);
    let later = RELIABLE.replace("71", "73");
    table.answer(Method::Invite, "183 x", "t1", &later, "");
    assert_eq!(table.told.len(), 1, "72 is missing");
    table.wait(500);
    assert_eq!(
        table.methods(),
        ["INVITE", "PRACK", "PRACK"],
        "nobody answered the PRACK"
    );
    table.answer(Method::Prack, "200 OK", "", "", "");
    let next = RELIABLE.replace("71", "72");
    table.answer(Method::Invite, "183 x", "t1", &next, "");
    assert!(
        table
            .text(Method::Prack)
            .contains("RAck: 72 1 INVITE\r\nContent-Length: 0")
    );
    assert!(table.text(Method::Prack).contains("CSeq: 3 PRACK"));
}

/// A 183 with this body is taken for this, and gets a PRACK that ends so.
fn acknowledged(body: &str, offer: Offer, end: &str) {
    let mut table = Table::new(Purpose::Inquiry);
    table.answer(Method::Invite, "183 x", "t1", RELIABLE, body);
    assert_eq!(table.told.last().unwrap().offer, offer);
    assert!(table.text(Method::Prack).ends_with(end));
}

/// Digest 01, case 11. This test verifies that a 183 without an offer is put up with, and its PRACK has no answer.
#[test]
fn digest01_case11_a_183_without_offer_is_tolerated() {
    acknowledged("", Offer::None, "Content-Length: 0\r\n\r\n");
}

#[test]
fn an_offer_with_media_is_declined_stream_by_stream() {
    let offer = format!("{OFFER}m=audio 6000 RTP/AVP 0\r\nm=video 6002 RTP/AVP 31\r\n");
    let declined = "m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n";
    acknowledged(&offer, Offer::WithMedia, declined);
}

#[test]
fn refusals_are_acknowledged_and_told() {
    for (status, extra, lacks_reliability) in [
        ("420 Bad Extension", "Unsupported: 100rel\r\n", true),
        ("420 Bad Extension", "Unsupported: timer\r\n", false),
        ("403 Forbidden", "", false),
        ("404 Not Found", "", false),
        ("486 Busy Here", "", false),
        ("603 Decline", "", false),
    ] {
        let mut table = Table::new(Purpose::Inquiry);
        table.answer(Method::Invite, status, "t1", extra, "");
        assert_eq!(table.methods(), ["INVITE", "ACK"]);
        let (code, phrase) = status.split_once(' ').unwrap();
        let refused = Refused {
            status: code.parse().unwrap(),
            phrase: phrase.into(),
            lacks_reliability,
        };
        assert_eq!(table.ended, [Ended::Refused(refused)]);
        assert!(table.told.is_empty() && table.asker.is_done());
    }
}

#[test]
fn a_redirection_names_its_contacts() {
    let mut table = Table::new(Purpose::Inquiry);
    let contacts = "Contact: <sip:c@c.example>;q=1, <sip:d@d.example>\r\n";
    table.answer(Method::Invite, "302 Moved", "t1", contacts, "");
    let contacts = vec!["sip:c@c.example".into(), "sip:d@d.example".into()];
    assert_eq!(table.ended, [Ended::Redirected(contacts)]);
}

/// This test verifies that whoever answers an inquiry as a call gets ACK with an answer, then BYE, and ACK again when the 200 comes again.
#[test]
fn a_2xx_at_once_is_acknowledged_and_ended() {
    let mut table = Table::new(Purpose::Inquiry);
    let offer = format!("{OFFER}m=audio 6000 RTP/AVP 0\r\n");
    table.answer(
        Method::Invite,
        "200 OK",
        "t1",
        "Contact: <sip:b@b.example>\r\n",
        &offer,
    );
    assert_eq!(table.methods(), ["INVITE", "ACK", "BYE"]);
    let ack = table.text(Method::Ack);
    assert!(ack.starts_with("ACK sip:b@b.example SIP/2.0") && ack.contains("CSeq: 1 ACK"));
    assert!(ack.ends_with("m=audio 0 RTP/AVP 0\r\n"));
    assert_eq!(table.told.last().unwrap().delivery, Delivery::Final);
    assert!(table.ended.is_empty() && !table.asker.is_done());
    table.answer(
        Method::Invite,
        "200 OK",
        "t1",
        "Contact: <sip:b@b.example>\r\n",
        &offer,
    );
    assert_eq!(table.methods(), ["INVITE", "ACK", "BYE", "ACK"]);
    table.answer(Method::Bye, "200 OK", "", "", "");
    assert_eq!(table.ended, [Ended::Answered]);
    assert!(table.asker.is_done() && table.told.len() == 1);
}

/// This test verifies that a telephone that rings because of an inquiry stops at once.
#[test]
fn who_rings_is_cancelled_at_once() {
    let mut table = Table::new(Purpose::Inquiry);
    table.answer(Method::Invite, "180 Ringing", "t1", "", "");
    assert!(table.told.last().unwrap().is_alerting());
    assert_eq!(table.methods(), ["INVITE", "CANCEL"]);
    table.answer(Method::Invite, "487 Request Terminated", "t1", "", "");
    assert_eq!(table.ended, [Ended::Cancelled]);
    // Not so if it was meant to ring.
    let mut table = Table::new(Purpose::Call);
    table.answer(Method::Invite, "180 Ringing", "t1", "", "");
    assert_eq!(table.methods(), ["INVITE"]);
}

/// This test verifies that each who answers has a dialog of their own, and that the INVITE ends with the answer that was wanted.
#[test]
fn several_answer_and_one_is_wanted() {
    let mut table = Table::new(Purpose::Inquiry);
    table.answer(Method::Invite, "183 x", "t1", RELIABLE, OFFER);
    table.judged(Word::GoOn);
    let other = RELIABLE.replace("71", "9");
    table.answer(Method::Invite, "183 x", "t2", &other, OFFER);
    assert_eq!(
        table.told.iter().map(|one| one.fork).collect::<Vec<_>>(),
        [0, 1]
    );
    let prack = table.text(Method::Prack);
    assert!(
        prack.contains(";tag=t2\r\n")
            && prack.contains("RAck: 9 1 INVITE")
            && prack.contains("CSeq: 2 PRACK")
    );
    table.judged(Word::Enough);
    table.wait(499);
    assert!(
        !table.methods().contains(&"CANCEL".into()),
        "two PRACKs are open"
    );
    table.wait(1);
    assert_eq!(
        table
            .methods()
            .iter()
            .filter(|one| *one == "CANCEL")
            .count(),
        1
    );
}

#[test]
fn nobody_else_answers() {
    let mut table = Table::new(Purpose::Inquiry);
    table.answer(Method::Invite, "183 x", "t1", RELIABLE, OFFER);
    table.answer(Method::Prack, "200 OK", "", "", "");
    table.judged(Word::GoOn);
    table.wait(999);
    assert_eq!(table.methods(), ["INVITE", "PRACK"]);
    table.wait(1);
    assert_eq!(table.methods(), ["INVITE", "PRACK", "CANCEL"]);
    // RFC 3261 §9.1: whoever knows no 487 is not waited for.
    table.answer(Method::Cancel, "200 OK", "t1", "", "");
    table.wait(32_000);
    assert_eq!(table.ended, [Ended::Cancelled]);
}

#[test]
fn silence_ends_with_patience() {
    let mut table = Table::new(Purpose::Inquiry);
    table.wait(9_999);
    assert_eq!(
        table.methods(),
        ["INVITE"; 5],
        "at 0, 0.5, 1.5, 3.5 and 7.5 s"
    );
    assert!(table.ended.is_empty());
    table.wait(1);
    assert_eq!(table.ended, [Ended::Silent]);
    assert!(table.asker.is_done());
}

#[test]
fn patience_with_who_only_tries_ends_with_cancel() {
    let mut table = Table::new(Purpose::Inquiry);
    table.answer(Method::Invite, "100 Trying", "", "", "");
    table.wait(10_000);
    assert_eq!(table.methods(), ["INVITE", "CANCEL"]);
    assert!(table.ended.is_empty());
    table.answer(Method::Invite, "487 Request Terminated", "t1", "", "");
    assert_eq!(table.ended, [Ended::Cancelled]);
}

/// This test verifies that a call offers a stream, rings as long as it must, and is ended with BYE when its answer was judged.
#[test]
fn a_call_is_answered_and_ended() {
    let mut table = Table::new(Purpose::Call);
    let invite = table.text(Method::Invite);
    assert!(invite.contains("Supported: 100rel\r\n") && !invite.contains("Require"));
    assert!(invite.ends_with("m=audio 9 RTP/AVP 0 8\r\na=inactive\r\n"));
    table.answer(Method::Invite, "180 Ringing", "t1", RELIABLE, "");
    assert!(
        table
            .text(Method::Prack)
            .ends_with("Content-Length: 0\r\n\r\n")
    );
    table.answer(Method::Prack, "200 OK", "", "", "");
    table.judged(Word::GoOn);
    table.wait(5_000);
    let identity = "Identity: a.b.c;info=<https://b.example/c>;ppt=rsp\r\n";
    table.answer(Method::Invite, "200 OK", "t1", identity, OFFER);
    assert_eq!(table.methods(), ["INVITE", "PRACK", "ACK"]);
    assert!(
        table
            .text(Method::Ack)
            .ends_with("Content-Length: 0\r\n\r\n"),
        "the offer was ours"
    );
    table.judged(Word::Enough);
    assert_eq!(table.methods(), ["INVITE", "PRACK", "ACK", "BYE"]);
    assert!(table.text(Method::Bye).contains("CSeq: 3 BYE"));
    table.answer(Method::Bye, "200 OK", "", "", "");
    assert_eq!(table.ended, [Ended::Answered]);
}

#[test]
fn they_may_hang_up_first() {
    let mut table = Table::new(Purpose::Call);
    table.answer(Method::Invite, "200 OK", "t1", "", "");
    let invite = table.last(Method::Invite).1.clone();
    let value = |name| String::from_utf8_lossy(invite.header(name).unwrap()).into_owned();
    let request = |method: &str, tag: &str| {
        format!(
            "{method} sip:192.0.2.1:40000 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20;rport;branch=z9hG4bKx\r\nFrom: {};tag={tag}\r\nTo: {}\r\n\
             Call-ID: {}\r\nCSeq: 1 {method}\r\n\r\n",
            value(Name::To),
            value(Name::From),
            value(Name::CallId)
        )
    };
    table.receive(request("INFO", "t1"));
    table.receive(request("BYE", "t2"));
    assert_eq!(table.methods(), ["INVITE", "ACK", "405", "481"]);
    table.receive(request("BYE", "t1"));
    assert_eq!(table.methods().last().unwrap(), "200");
    assert_eq!(table.ended, [Ended::Answered]);
    table.judged(Word::Enough);
    assert!(!table.methods().contains(&"BYE".into()));
}

/// This test verifies that requests inside a dialog go by its route set: RFC 3261 §12.2.1.1.
#[test]
fn requests_go_by_the_route_set() {
    let mut table = Table::new(Purpose::Inquiry);
    let extra = format!(
        "{RELIABLE}Record-Route: <sip:192.0.2.99:5070;lr>, <sip:192.0.2.98;lr>\r\nContact: <sip:b@b.example>\r\n"
    );
    table.answer(Method::Invite, "183 x", "t1", &extra, "");
    let (target, prack) = table.last(Method::Prack);
    assert_eq!(target, "192.0.2.98:5060");
    assert_eq!(prack.request_uri().unwrap(), b"sip:b@b.example");
    let route = prack.header(Name::Route).unwrap();
    assert_eq!(route, b"<sip:192.0.2.98;lr>, <sip:192.0.2.99:5070;lr>");
    // A name is asked of nobody: to where the INVITE went.
    let mut table = Table::new(Purpose::Inquiry);
    let extra = format!("{RELIABLE}Contact: <sip:b@b.example>\r\n");
    table.answer(Method::Invite, "183 x", "t1", &extra, "");
    assert_eq!(table.last(Method::Prack).0, HOP);
}

#[test]
fn what_cannot_be_sent_or_asked_is_told() {
    let mut table = Table::new(Purpose::Inquiry);
    let mut out = Vec::new();
    table.asker.transport_failed(table.now, &mut out);
    table.note(out);
    assert_eq!(table.ended, [Ended::Unreachable]);
    for bad in ["b.example", "sip:b@b.example>\r\nX: y", "sip: b@h"] {
        let mut question = question(Purpose::Inquiry);
        question.uri = bad.into();
        assert!(
            Asker::start(question, Ticks::default(), &mut Vec::new()).is_err(),
            "{bad}"
        );
    }
    let mut question = question(Purpose::Inquiry);
    question.identities.push("a\r\nX: y".into());
    assert!(Asker::start(question, Ticks::default(), &mut Vec::new()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// This test verifies that whatever comes in whatever order, no CANCEL is sent before something was heard, no response is
    /// acknowledged twice by another PRACK, everything ends, and only once.
    #[test]
    fn it_always_ends(events in proptest::collection::vec((0_u8..12, 0_u8..3, 1_u32..4, 0_u64..3_000), 0..24), call: bool) {
        let purpose = if call { Purpose::Call } else { Purpose::Inquiry };
        let mut table = Table::new(purpose);
        let mut heard = false;
        for (event, tag, sequence, millis) in events {
            let (tag, sequence) = (format!("t{tag}"), 70 + sequence);
            let reliable = format!("Require: 100rel\r\nRSeq: {sequence}\r\n");
            match event {
                0 => table.answer(Method::Invite, "100 Trying", "", "", ""),
                1 | 2 => table.answer(Method::Invite, "183 x", &tag, &reliable, OFFER),
                3 => table.answer(Method::Invite, "180 x", &tag, "", ""),
                4 => table.answer(Method::Invite, "200 OK", &tag, "", OFFER),
                5 => table.answer(Method::Invite, "486 Busy", &tag, "", ""),
                6 | 7 => for method in [Method::Prack, Method::Bye, Method::Cancel] {
                    if table.sent.iter().any(|(_, message)| message.method() == Some(method)) {
                        table.answer(method, "200 OK", "", "", "");
                    }
                },
                8 => table.judged(Word::Enough),
                9 => table.judged(Word::GoOn),
                _ => table.wait(millis),
            }
            heard |= event < 6;
            prop_assert!(heard || !table.methods().contains(&"CANCEL".into()));
        }
        table.wait(200_000);
        prop_assert_eq!(table.ended.len(), 1, "{:?}", table.methods());
        prop_assert!(table.asker.is_done());
        let mut pracks: Vec<_> = table.sent.iter().filter(|(_, one)| one.method() == Some(Method::Prack)).map(|(_, one)| {
            (one.header(Name::To).unwrap().to_vec(), one.header(Name::RAck).unwrap().to_vec(), one.header(Name::CSeq).unwrap().to_vec())
        }).collect();
        pracks.sort();
        pracks.dedup();
        let acknowledged = pracks.len();
        pracks.dedup_by(|one, other| (&one.0, &one.1) == (&other.0, &other.1));
        prop_assert_eq!(pracks.len(), acknowledged);
    }
}
