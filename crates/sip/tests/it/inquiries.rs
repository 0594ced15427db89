//! Who would answer? Our own asker against our own element, and a wire between them that the test may spoil.
//!
//! ```text
//!   asker 192.0.2.10 ── INVITE, no SDP, Identity, Require: 100rel ──▶ element 192.0.2.1 ─ ─ ─ ✗ ─ ─ ▶ called 192.0.2.20
//!                    ◀─ 183, RSeq, an offer without media, rsp ──────     │  ▲
//!                    ── PRACK, CANCEL, ACK ─────────────────────────▶     ▼  │ judges and signs as the test says
//!                                                                         host
//! ```

use countersign::identity::Identity;
use countersign::number::TelephoneNumberRange;
use countersign::time::{Now, Ticks, UnixTime};
use countersign::verification::{Fault, Verdict};
use countersign_sip::element::{
    Element, Event, Input, Inquired, InquiryFate, Judge, Judgement, LONGEST_INQUIRY, Options,
    Output, Sign, SignAnswer, TimerId,
};
use countersign_sip::flow::{Flow, Target, Transport};
use countersign_sip::inquiry::asker::{
    Answer, Asker, Delivery, Ended, Purpose, Question, Refused, Step, Word,
};
use countersign_sip::inquiry::session::Offer;
use countersign_sip::message::{Framing, Message, Name};
use countersign_sip::trunk::{
    B2buaMode, Connected, Diversions, Forwards, Mode, NextHop, Probes, Role, SentBy, Trunk,
};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const RSP: &str = "r.s.p;info=<https://b.example/c>;alg=ES256;ppt=rsp";
const ANONYMOUS: &str = "sip:anonymous@a.example";

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

/// A trunk whose calls are judged and whose answers are signed.
fn trunk(probes: Probes) -> Trunk {
    let mut trunk = Trunk::new(
        "peer",
        vec![NextHop::new(Transport::Udp, at("192.0.2.20:5060"))],
    );
    trunk.role = Role::Verify;
    trunk.connected = Some(Arc::new(Connected {
        probes,
        ..Connected::on()
    }));
    trunk
}

fn question() -> Question {
    Question {
        uri: "sip:+12155551214@192.0.2.1;user=phone".into(),
        from: "sip:+12155551212@a.example;user=phone".into(),
        identities: vec!["x.y.z;info=<https://a.example/c>;alg=ES256;ppt=shaken".into()],
        date: UnixTime::from_secs(1_443_208_345),
        next_hop: Target {
            transport: Transport::Udp,
            remote: at("192.0.2.1:5060"),
            name: None,
            local: None,
            connection: None,
        },
        sent_by: SentBy::new("192.0.2.10", Some(40_000)).unwrap(),
        unique: [3; 16],
        purpose: Purpose::Inquiry,
        patience: Duration::from_secs(20),
        timing: Default::default(),
    }
}

/// What the host says of a signature.
#[derive(Clone, Copy, PartialEq)]
enum Signs {
    Yes,
    No,
    Never,
}

/// Both sides, the wire between them, and a clock.
struct Room {
    element: Element,
    trunk: Arc<Trunk>,
    asker: Asker,
    verdict: Verdict,
    signs: Signs,
    admits: bool,
    now: Ticks,
    timers: Vec<(Ticks, TimerId)>,
    /// What is on its way: when it arrives, to whom, what.
    wire: VecDeque<(Ticks, To, Message)>,
    /// Whether the message that is sent as this one is lost.
    loses: Box<dyn FnMut(u32) -> bool>,
    sent: u32,
    judged: Vec<Judge>,
    diverted: Vec<Sign>,
    signed: Vec<SignAnswer>,
    events: Vec<Inquired>,
    told: Vec<Answer>,
    ended: Vec<Ended>,
    /// What went where it should not: to the called.
    escaped: Vec<Message>,
    word: Option<Word>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum To {
    Asker,
    Element,
}

impl Room {
    fn new(trunk: Trunk) -> Self {
        Self::asking(trunk, question())
    }

    fn asking(trunk: Trunk, question: Question) -> Self {
        let (now, mut steps) = (Ticks::from_millis(1_000), Vec::new());
        let mut room = Self {
            element: Element::new(Options::new(
                SentBy::new("192.0.2.1", Some(5060)).unwrap(),
                [7; 16],
            )),
            trunk: Arc::new(trunk),
            asker: Asker::start(question, now, &mut steps).unwrap(),
            verdict: Verdict::Passed,
            signs: Signs::Yes,
            admits: true,
            now,
            timers: Vec::new(),
            wire: VecDeque::new(),
            loses: Box::new(|_| false),
            sent: 0,
            judged: Vec::new(),
            diverted: Vec::new(),
            signed: Vec::new(),
            events: Vec::new(),
            told: Vec::new(),
            ended: Vec::new(),
            escaped: Vec::new(),
            word: Some(Word::Enough),
        };
        room.follow(steps);
        room
    }

    fn put(&mut self, to: To, bytes: bytes::Bytes) {
        self.sent += 1;
        if !(self.loses)(self.sent) {
            let message = Message::parse(bytes, Framing::Datagram).unwrap();
            // One in four takes longer than those after it.
            let delay = if self.sent.is_multiple_of(4) { 15 } else { 5 };
            let arrives = self.now.after(Duration::from_millis(delay));
            self.wire.push_back((arrives, to, message));
        }
    }

    fn follow(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Ended(ended) => self.ended.push(ended),
                Step::Send(_, bytes) => self.put(To::Element, bytes),
                Step::Judge(answer) => {
                    self.told.push(answer);
                    if let Some(word) = self.word {
                        let mut steps = Vec::new();
                        self.asker.judged(word, self.now, &mut steps);
                        self.follow(steps);
                    }
                }
            }
        }
    }

    fn handle(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut out = Vec::new();
            let now = Now {
                unix: UnixTime::from_secs(1_443_208_345),
                ticks: self.now,
            };
            self.element.handle(input, now, &mut out);
            for output in out {
                inputs.extend(self.carry_out(output));
            }
        }
    }

    fn carry_out(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Send { target, bytes, .. } if target.remote.ip() == at("192.0.2.10:1").ip() => {
                self.put(To::Asker, bytes);
            }
            Output::Send { bytes, .. } => {
                self.escaped
                    .push(Message::parse(bytes, Framing::Datagram).unwrap());
            }
            Output::SetTimer { id, at } => self.timers.push((at, id)),
            Output::Judge(judge) => {
                let id = judge.id;
                self.judged.push(judge);
                return Some(match self.admits {
                    false => Input::TooManyInquiries(id),
                    true => Input::Judged {
                        id,
                        judgement: Judgement {
                            verdict: self.verdict,
                            code: None,
                            attestation: None,
                            key: None,
                            provider: None,
                            msec: None,
                            consequences: None,
                        },
                    },
                });
            }
            Output::Sign(sign) => {
                let id = sign.id;
                self.diverted.push(sign);
                let identities = vec!["d.i.v;info=<https://b.example/c>;ppt=div".into()];
                return Some(Input::Signed { id, identities });
            }
            Output::SignAnswer(sign) => {
                let (id, answer) = (sign.id, sign.answer);
                self.signed.push(*sign);
                let identities = match self.signs {
                    Signs::Yes => vec![RSP.into()],
                    Signs::No => Vec::new(),
                    Signs::Never => return None,
                };
                return Some(Input::AnswerSigned {
                    id,
                    answer,
                    identities,
                });
            }
            Output::Event(Event::Inquiry(inquired)) => self.events.push(*inquired),
            _ => {}
        }
        None
    }

    /// A message for the element, by the trunk or by none.
    fn deliver(&mut self, message: Message, remote: &str, trunk: Option<Arc<Trunk>>) {
        let flow = Flow {
            transport: Transport::Udp,
            local: at("192.0.2.1:5060"),
            remote: at(remote),
            connection: None,
        };
        self.handle(Input::Received {
            flow,
            message,
            trunk,
        });
    }

    /// Lets time pass: what arrives and what is due, in order.
    fn wait(&mut self, millis: u64) {
        let end = self.now.after(Duration::from_millis(millis));
        loop {
            let arrival = self.wire.iter().map(|(at, ..)| *at).min();
            let timer = self.timers.iter().map(|(at, _)| *at).min();
            let next = arrival
                .into_iter()
                .chain(timer)
                .chain(self.asker.next())
                .min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            self.now = next.max(self.now);
            if arrival == Some(next) {
                let index = self.wire.iter().position(|(at, ..)| *at == next).unwrap();
                let (_, to, message) = self.wire.remove(index).unwrap();
                match to {
                    To::Element => {
                        self.deliver(message, "192.0.2.10:40000", Some(self.trunk.clone()))
                    }
                    To::Asker => {
                        let flow = Flow {
                            transport: Transport::Udp,
                            local: at("192.0.2.10:40000"),
                            remote: at("192.0.2.1:5060"),
                            connection: None,
                        };
                        let mut steps = Vec::new();
                        self.asker.receive(&flow, &message, self.now, &mut steps);
                        self.follow(steps);
                    }
                }
                continue;
            }
            let now = self.now;
            let due: Vec<_> = self
                .timers
                .iter()
                .filter(|(at, _)| *at <= now)
                .map(|(_, id)| *id)
                .collect();
            self.timers.retain(|(at, _)| *at > now);
            due.into_iter().for_each(|id| self.handle(Input::Timer(id)));
            let mut steps = Vec::new();
            self.asker.fire(now, &mut steps);
            self.follow(steps);
        }
        self.now = end;
    }

    fn fates(&self) -> Vec<InquiryFate> {
        self.events.iter().map(|event| event.fate).collect()
    }

    fn refused(&self) -> &Refused {
        match &self.ended[..] {
            [Ended::Refused(refused)] => refused,
            other => panic!("{other:?}"),
        }
    }
}

fn anonymous() -> Question {
    Question {
        from: ANONYMOUS.into(),
        ..question()
    }
}

/// Digest 01, case 11. This test verifies that an inquiry is judged, answered with a signed 183 whose offer has no media, acknowledged and
/// ended, that nothing of it goes on to anybody, and that nothing is left of it.
#[test]
fn digest01_case11_an_inquiry_is_answered_and_nobody_is_alerted() {
    for mode in [Mode::Proxy, Mode::B2bua(B2buaMode::default())] {
        let mut trunk = trunk(Probes::Authenticated);
        trunk.mode = mode;
        let mut room = Room::new(trunk);
        room.wait(200);
        let [answer] = &room.told[..] else {
            panic!("{} answers", room.told.len());
        };
        assert_eq!(
            (answer.status(), answer.delivery),
            (183, Delivery::Reliable)
        );
        assert_eq!(answer.offer, Offer::WithoutMedia);
        assert_eq!(answer.response.header(Name::Identity), Some(RSP.as_bytes()));
        assert_eq!(room.ended, [Ended::Cancelled]);
        assert_eq!(room.fates(), [InquiryFate::Answered]);
        assert_eq!(room.judged[0].inquirer, Some(at("192.0.2.10:40000")));
        let sign = &room.signed[0];
        assert_eq!(
            sign.reached,
            Some(Identity::Number("12155551214".parse().unwrap()))
        );
        assert_eq!(sign.asked.len(), 1);
        assert!(room.escaped.is_empty());
        room.wait(60_000);
        assert!(room.element.is_idle());
    }
}

/// Digest 01, case 12. This test verifies that where nobody may ask the answer is 420, and still nobody is alerted.
#[test]
fn digest01_case12_where_nobody_may_ask() {
    let mut room = Room::new(trunk(Probes::Never));
    room.wait(200);
    assert_eq!(room.refused().status, 420);
    assert!(room.refused().lacks_reliability);
    assert_eq!(room.fates(), [InquiryFate::NotHere]);
    assert!(room.judged.is_empty(), "that costs nothing to tell");
    assert!(room.escaped.is_empty());
}

/// This test verifies that whoever requires more than reliable responses is told what we do not know, and nobody else is asked.
#[test]
fn what_else_is_required_is_refused() {
    let mut room = Room::new(trunk(Probes::Anonymous));
    let (at, to, invite) = room.wire.pop_front().unwrap();
    let text = String::from_utf8(invite.bytes().to_vec()).unwrap();
    let text = text.replace("Require: 100rel", "Require: 100rel, timer");
    let invite = Message::parse(text.into(), Framing::Datagram).unwrap();
    room.wire.push_front((at, to, invite));
    room.wait(200);
    assert_eq!(room.refused().status, 420);
    assert!(
        !room.refused().lacks_reliability,
        "it is timer that we lack"
    );
    assert!(room.judged.is_empty() && room.escaped.is_empty());
}

/// This test verifies who may ask, by the policy of the trunk, once they are proven.
#[test]
fn who_may_ask() {
    let listed = |digits: &str| {
        let range = TelephoneNumberRange::new(digits.parse().unwrap(), 1).unwrap();
        Probes::Listed(vec![range])
    };
    for (probes, asks, expected) in [
        (Probes::Anonymous, question(), InquiryFate::Answered),
        (Probes::Anonymous, anonymous(), InquiryFate::Answered),
        (Probes::Authenticated, anonymous(), InquiryFate::Forbidden),
        (listed("12155551212"), question(), InquiryFate::Answered),
        (listed("12155551213"), question(), InquiryFate::Forbidden),
        (listed("12155551212"), anonymous(), InquiryFate::Forbidden),
    ] {
        let mut room = Room::asking(trunk(probes.clone()), asks.clone());
        room.wait(200);
        assert_eq!(room.fates(), [expected], "{probes:?} {}", asks.from);
        assert!(room.escaped.is_empty());
        if expected == InquiryFate::Forbidden {
            assert_eq!(room.refused().status, 403);
            assert!(room.signed.is_empty());
        }
        // Whoever asks is judged for what they say, also where that is only whose customer they are.
        let judged = room.judged[0].call.orig.as_ref().unwrap().to_string();
        assert!(asks.from.contains(&judged), "{judged}");
    }
}

/// This test verifies that who is not proven hears nothing, also where calls would go on with a verdict.
#[test]
fn who_is_not_proven_hears_nothing() {
    for verdict in [
        Verdict::of(Fault::SignatureInvalid),
        Verdict::of(Fault::CertificateUnavailable),
    ] {
        let mut room = Room::new(trunk(Probes::Anonymous));
        room.verdict = verdict;
        room.wait(200);
        assert_eq!(room.fates(), [InquiryFate::NotProven]);
        assert!((400..500).contains(&room.refused().status));
        assert!(room.signed.is_empty() && room.escaped.is_empty());
    }
}

/// This test verifies that an Identity without a value is no PASSporT: what has one is no inquiry, so that nobody hears of us without having
/// proved who asks, also where calls without PASSporT are signed by us.
#[test]
fn an_empty_identity_asks_nothing() {
    let mut both = trunk(Probes::Anonymous);
    both.role = Role::Both;
    for empty in ["", ",", " , "] {
        let mut room = Room::new(both.clone());
        let (at, to, invite) = room.wire.pop_front().unwrap();
        let text = String::from_utf8(invite.bytes().to_vec()).unwrap();
        let text = text.replace(&*question().identities[0], empty);
        let invite = Message::parse(text.into(), Framing::Datagram).unwrap();
        room.wire.push_front((at, to, invite));
        room.wait(200);
        assert!(room.signed.is_empty() && room.fates().is_empty());
        assert_eq!(room.escaped.len(), 1, "a call like any other");
        assert!(room.told.is_empty());
    }
}

#[test]
fn too_many_are_told_to_wait() {
    let mut room = Room::new(trunk(Probes::Anonymous));
    room.admits = false;
    room.wait(200);
    assert_eq!(
        (room.refused().status, room.fates()),
        (480, vec![InquiryFate::TooMany])
    );
    assert!(room.signed.is_empty() && room.escaped.is_empty());
}

/// This test verifies that an inquiry about a number that we do not sign for, or cannot in time, is told that somebody is there.
#[test]
fn what_is_not_signed_is_told_all_the_same() {
    for signs in [Signs::No, Signs::Never] {
        let mut room = Room::new(trunk(Probes::Anonymous));
        room.signs = signs;
        room.wait(5_000);
        assert_eq!(room.told[0].response.header(Name::Identity), None);
        assert_eq!(room.fates(), [InquiryFate::Unsigned]);
        assert_eq!(room.ended, [Ended::Cancelled]);
        assert!(room.escaped.is_empty());
    }
}

/// This test verifies that a PRACK that never comes ends the inquiry after 64*T1 with 5xx (RFC 3262 §3), and the response is repeated until
/// then; and that one that nobody ends, ends by itself.
#[test]
fn an_inquiry_ends_by_itself() {
    let mut room = Room::new(trunk(Probes::Anonymous));
    let mut count = 0;
    // The INVITE arrives, and no PRACK.
    room.loses = Box::new(move |_| {
        count += 1;
        count > 1
    });
    room.wait(31_000);
    let before = room.sent;
    assert_eq!(room.element.contexts(), 1);
    room.wait(5_000);
    assert!(room.sent > before);
    room.wait(60_000);
    assert!(room.element.is_idle() && room.escaped.is_empty());

    let mut room = Room::asking(
        trunk(Probes::Anonymous),
        Question {
            patience: Duration::from_secs(3_600),
            ..question()
        },
    );
    room.word = None;
    room.wait(u64::try_from(LONGEST_INQUIRY.as_millis()).unwrap() + 1_000);
    assert_eq!(room.refused().status, 480);
    room.wait(60_000);
    assert!(room.element.is_idle());
}

/// This test verifies that whoever knows our tag may acknowledge and end an inquiry by whatever way, that a PRACK for something else is
/// refused, and that nothing else is understood.
#[test]
fn requests_inside_an_inquiry_come_by_any_way() {
    let mut room = Room::new(trunk(Probes::Anonymous));
    room.word = None;
    // The asker's own PRACK is lost on its way.
    let mut count = 0;
    room.loses = Box::new(move |_| {
        count += 1;
        count == 3
    });
    room.wait(100);
    let progress = room.told[0].response.clone();
    let value = |name| String::from_utf8_lossy(progress.header(name).unwrap()).into_owned();
    let (from, to, call_id, rseq) = (
        value(Name::From),
        value(Name::To),
        value(Name::CallId),
        value(Name::RSeq),
    );
    let request = |method: &str, branch: &str, rack: &str| {
        let text = format!(
            "{method} sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.77;rport;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\nFrom: {from}\r\n\
             To: {to}\r\nCall-ID: {call_id}\r\nCSeq: 5 {method}\r\nRAck: {rack} 1 INVITE\r\n\r\n"
        );
        Message::parse(text.into(), Framing::Datagram).unwrap()
    };
    let other = (rseq.parse::<u32>().unwrap() + 1).to_string();
    for (method, branch, rack, expected) in [
        ("INFO", "1", "1", 405),
        ("PRACK", "2", other.as_str(), 481),
        ("PRACK", "3", rseq.as_str(), 200),
        ("PRACK", "3", rseq.as_str(), 200),
        ("PRACK", "4", rseq.as_str(), 481),
        ("BYE", "5", "1", 200),
    ] {
        let message = request(method, branch, rack);
        assert!(room.element.carries(&message));
        room.deliver(message, "192.0.2.77:5060", None);
        let answer = room.escaped.iter().find_map(Message::status);
        assert_eq!(answer, Some(expected), "{method} {branch}");
        room.escaped.clear();
    }
    room.wait(200);
    assert_eq!(room.refused().status, 487);
    // Who does not know our tag is nobody.
    let stranger = Message::parse(
        "BYE sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK9\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1 BYE\r\n\r\n".into(),
        Framing::Datagram,
    );
    assert!(!room.element.carries(&stranger.unwrap()));
}

/// This test verifies that whoever takes the calls of a number is who would answer, with our word that the call is diverted.
#[test]
fn a_diverted_number_is_answered_for_by_who_takes_its_calls() {
    let mut trunk = trunk(Probes::Anonymous);
    let forwards = Forwards::parse("12155551214,12155551299\n").unwrap();
    trunk.diversions = Some(Arc::new(Diversions { forwards }));
    let mut room = Room::new(trunk);
    room.wait(200);
    assert_eq!(room.diverted.len(), 1);
    let sign = &room.signed[0];
    assert_eq!(
        sign.reached,
        Some(Identity::Number("12155551299".parse().unwrap()))
    );
    assert!(sign.asked.iter().any(|value| value.contains("ppt=div")));
    assert!(sign.asked.iter().any(|value| value.contains("ppt=shaken")));
    assert!(room.escaped.is_empty());
}

/// This test verifies that where answers are not signed, or calls not judged, an inquiry goes on to who may know what it is.
#[test]
fn elsewhere_an_inquiry_is_an_invite_like_any_other() {
    let mut off = trunk(Probes::Anonymous);
    off.connected = None;
    let mut unsigned = trunk(Probes::Anonymous);
    unsigned.connected = Some(Arc::new(Connected::default()));
    let mut signing = trunk(Probes::Anonymous);
    signing.role = Role::Sign;
    for trunk in [off, unsigned, signing] {
        let mut room = Room::new(trunk);
        room.wait(100);
        assert_eq!(room.escaped.len(), 1);
        assert!(room.fates().is_empty());
    }
    // And a call is a call, though the trunk answers inquiries.
    let call = Question {
        purpose: Purpose::Call,
        ..question()
    };
    let mut room = Room::asking(trunk(Probes::Anonymous), call);
    room.wait(100);
    assert!(room.fates().is_empty() && room.escaped.len() == 1);
}

/// This test verifies that a trunk which leaves it to its next hop to answer lets an inquiry on as it is, once who asks is proven, however
/// little they say of themselves; and that who is not, or asks too often, is heard of by nobody.
#[test]
fn an_inquiry_may_be_left_to_the_next_hop() {
    for asks in [question(), anonymous()] {
        let mut room = Room::asking(trunk(Probes::Forwarded), asks);
        room.wait(100);
        assert_eq!(room.fates(), [InquiryFate::Forwarded]);
        assert_eq!(room.judged[0].inquirer, Some(at("192.0.2.10:40000")));
        let [invite] = &room.escaped[..] else {
            panic!("{} went on", room.escaped.len())
        };
        assert_eq!(invite.header(Name::Require), Some(&b"100rel"[..]));
        assert!(invite.header(Name::Identity).is_some() && invite.body().is_empty());
        assert!(room.signed.is_empty(), "nothing is answered here");
    }
    let mut unproven = Room::new(trunk(Probes::Forwarded));
    unproven.verdict = Verdict::of(Fault::SignatureInvalid);
    let mut too_many = Room::new(trunk(Probes::Forwarded));
    too_many.admits = false;
    for (mut room, fate) in [
        (unproven, InquiryFate::NotProven),
        (too_many, InquiryFate::TooMany),
    ] {
        room.wait(200);
        assert_eq!(room.fates(), [fate]);
        assert!((400..500).contains(&room.refused().status));
        assert!(room.escaped.is_empty());
    }
}

/// A number that looks random; the same for the same seed and place.
fn drawn(seed: u64, place: u32) -> u64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ u64::from(place).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 31;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 29)
}

/// This test verifies, over 10,000 wires that lose a third of all messages and reorder others, that whoever asks is told or gives up, that
/// nobody is alerted in any of them, and that nothing is left.
#[test]
fn over_a_bad_wire_nobody_is_alerted_and_everything_ends() {
    let mut answered = 0;
    for seed in 0..10_000_u64 {
        let mut room = Room::new(trunk(Probes::Authenticated));
        room.loses = Box::new(move |place| drawn(seed, place).is_multiple_of(3));
        room.wait(200_000);
        assert!(
            room.escaped.is_empty(),
            "seed {seed} {:?}",
            room.escaped
                .iter()
                .map(|one| one.bytes().clone())
                .collect::<Vec<_>>()
        );
        assert_eq!(
            room.ended.len(),
            1,
            "seed {seed} {:?} told {}",
            room.ended,
            room.told.len()
        );
        assert!(room.asker.is_done(), "seed {seed}");
        assert!(room.element.is_idle(), "seed {seed}");
        assert!(room.told.len() <= 1, "seed {seed}");
        answered += usize::from(!room.told.is_empty());
    }
    assert!(answered > 9_500, "{answered}");
}
