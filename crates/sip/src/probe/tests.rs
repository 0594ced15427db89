//! Tests of probing: one prober, hops that answer as told, and a clock.

use super::*;
use crate::message::Framing;

const START: Ticks = Ticks::from_millis(1_000);
const PROBING: Probing = Probing {
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(2),
    failures: 3,
};

fn hop(transport: Transport, address: &str) -> NextHop {
    NextHop::new(transport, address.parse().unwrap())
}

struct Table {
    prober: Prober,
    now: Ticks,
    /// Every request as it was sent.
    sent: Vec<String>,
    moved: Vec<Health>,
    ended: Vec<Outcome>,
}

impl Table {
    fn new(hops: Vec<NextHop>) -> Self {
        let mut prober = Prober::new(SentBy::new("us.example", None).unwrap(), [7; 16], 3);
        prober.follow(hops.into_iter().map(|hop| (hop, PROBING)), START);
        Self {
            prober,
            now: START,
            sent: Vec::new(),
            moved: Vec::new(),
            ended: Vec::new(),
        }
    }

    fn note(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Ended(_, outcome) => self.ended.push(outcome),
                Step::Moved(_, health) => self.moved.push(health),
                Step::Send(_, bytes) => {
                    self.sent.push(String::from_utf8(bytes.to_vec()).unwrap());
                }
            }
        }
    }

    /// Lets time pass.
    fn wait(&mut self, millis: u64) {
        let end = self.now.after(Duration::from_millis(millis));
        while let Some(next) = self.prober.next().filter(|next| *next <= end) {
            assert!(next >= self.now, "time goes on");
            self.now = next;
            let mut out = Vec::new();
            self.prober.fire(next, &mut out);
            assert!(self.prober.next() > Some(next), "what was due is done");
            self.note(out);
        }
        self.now = end;
    }

    /// The last request is answered.
    fn answer(&mut self, status: &str) -> bool {
        let request = self.sent.last().unwrap();
        let copied: String = request
            .split_inclusive("\r\n")
            .filter(|line| !line.starts_with("OPTIONS") && !line.starts_with("Accept"))
            .collect();
        self.hear(&format!("SIP/2.0 {status}\r\n{copied}"))
    }

    fn hear(&mut self, text: &str) -> bool {
        let response = Message::parse(text.to_owned().into(), Framing::Datagram).unwrap();
        let mut out = Vec::new();
        let ours = self.prober.receive(&response, self.now, &mut out);
        self.note(out);
        ours
    }
}

#[test]
fn a_probe_is_a_complete_request_that_comes_back_to_its_shard() {
    let mut hops = vec![
        hop(Transport::Udp, "192.0.2.20:5060"),
        hop(Transport::Tcp, "[2001:db8::1]:5070"),
        hop(Transport::Tls, "192.0.2.22:5061"),
    ];
    hops[2].name = Some("sbc.example".into());
    hops[2].sent_by = Some(SentBy::new("edge.example", Some(5061)).unwrap());
    let mut table = Table::new(hops);
    table.wait(100);
    let mut lines: Vec<_> = table
        .sent
        .iter()
        .map(|text| text.lines().next().unwrap())
        .collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "OPTIONS sip:192.0.2.20:5060 SIP/2.0",
            "OPTIONS sip:[2001:db8::1]:5070;transport=tcp SIP/2.0",
            "OPTIONS sips:sbc.example:5061 SIP/2.0",
        ]
    );
    for text in &table.sent {
        let message = Message::parse(text.clone().into(), Framing::Datagram).unwrap();
        assert_eq!(crate::inspect::inspect(&message), Ok(()), "{text}");
        let call_id = message.call_id().unwrap();
        assert_eq!(OwnCallIds::new(&[7; 16]).shard_of(call_id), Some(3));
    }
    let secure = table
        .sent
        .iter()
        .find(|text| text.contains("sips:"))
        .unwrap();
    assert!(secure.contains("Via: SIP/2.0/TLS edge.example:5061;branch="));
}

#[test]
fn three_silences_mean_down_and_one_answer_means_up() {
    let mut table = Table::new(vec![hop(Transport::Udp, "192.0.2.20:5060")]);
    let id = hop(Transport::Udp, "192.0.2.20:5060").id();
    table.wait(1_999);
    assert_eq!(table.sent.len(), 3, "at 0, 500 and 1,500 ms");
    assert!(table.sent.iter().all(|text| *text == table.sent[0]));
    table.wait(24_000);
    assert_eq!(table.ended, [Outcome::Silent; 2]);
    assert!(table.moved.is_empty() && !table.prober.standing().is_down(id));
    table.wait(1);
    assert_eq!(table.moved, [Health::Down]);
    assert!(table.prober.standing().is_down(id));
    table.wait(10_000);
    assert!(table.answer("100 Trying"), "ours, but it decides nothing");
    assert!(table.answer("200 OK"));
    assert_eq!(table.moved, [Health::Down, Health::Up]);
    assert!(!table.prober.standing().is_down(id));
    assert!(!table.answer("200 OK"), "once only");
    assert_ne!(table.sent[0], *table.sent.last().unwrap());
}

#[test]
fn what_is_a_good_answer() {
    for (status, good) in [
        ("200 OK", true),
        ("302 Moved Temporarily", true),
        ("401 Unauthorized", true),
        ("404 Not Found", true),
        ("405 Method Not Allowed", true),
        ("408 Request Timeout", false),
        ("483 Too Many Hops", true),
        ("500 Server Internal Error", true),
        ("503 Service Unavailable", false),
        ("603 Decline", true),
    ] {
        let mut table = Table::new(vec![hop(Transport::Tcp, "192.0.2.20:5060")]);
        for _ in 0..3 {
            table.wait(1);
            table.answer(status);
            table.wait(10_000);
        }
        assert_eq!(table.moved.is_empty(), good, "{status}");
        assert_eq!(table.ended[0] == Outcome::Answered, good, "{status}");
    }
}

#[test]
fn a_single_failure_between_good_answers_means_nothing() {
    let mut table = Table::new(vec![hop(Transport::Tcp, "192.0.2.20:5060")]);
    for _ in 0..5 {
        for status in ["503 Service Unavailable", "503 Busy", "200 OK"] {
            table.wait(1);
            table.answer(status);
            table.wait(10_000);
        }
    }
    assert!(table.moved.is_empty());
    assert_eq!(table.ended.len(), 15);
}

#[test]
fn what_others_answer_is_not_ours() {
    let mut table = Table::new(vec![hop(Transport::Udp, "192.0.2.20:5060")]);
    table.wait(1);
    let answer = table.sent[0].replacen("OPTIONS sip:192.0.2.20:5060 SIP/2.0", "SIP/2.0 200 OK", 1);
    for (good, other) in [
        ("branch=z9hG4bK", "branch=z9hG4bKx"),
        ("1 OPTIONS", "1 INVITE"),
    ] {
        assert!(!table.hear(&answer.replace(good, other)), "{other}");
    }
    assert!(table.hear(&answer));
}

#[test]
fn who_is_not_followed_any_more_is_forgotten() {
    let both = [
        hop(Transport::Udp, "192.0.2.20:5060"),
        hop(Transport::Udp, "192.0.2.21:5060"),
    ];
    let mut table = Table::new(both.to_vec());
    table.wait(40_000);
    assert_eq!(table.moved.len(), 2);
    let [stays, goes] = both;
    let again = vec![
        (stays.clone(), PROBING),
        (stays.clone(), Probing::default()),
    ];
    table.prober.follow(again, table.now);
    assert!(
        table.prober.standing().is_down(stays.id()),
        "what is known stays"
    );
    assert!(!table.prober.standing().is_down(goes.id()));
    assert_eq!(table.prober.health().count(), 1);
    table.prober.follow(Vec::new(), table.now);
    assert_eq!(table.prober.next(), None);
    assert!(table.prober.branches.is_empty() && table.prober.due.is_empty());
}
