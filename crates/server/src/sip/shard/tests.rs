//! A shard on a table: its clock is wound by hand, its queue is looked into, its peers are real sockets.

mod answers;

use super::*;
use crate::sip::queue::{Arrivals, queue};
use crate::sip::stage::{
    Kept, Stage, address, flow, heard, invite, is_silent, message, sender, socket,
};
use crate::trust::Current;
use countersign::trust::Trust;
use countersign::verification::{Answer, Source, Unavailable};
use countersign_sip::flow::{Target, Transport};
use countersign_sip::trunk::{
    Bypass, BypassCause, DEFAULT_BYPASS_HEADER, ExistingIdentity, Leniency, Oversize, Role, SentBy,
    Treatment, Trunk,
};
use countersign_testkit::scene::{X5U, call};
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Mutex;

impl Shard {
    /// Takes what has just come, and lets it begin.
    fn take_now(&mut self, event: Event) {
        let now = self.now().ticks;
        self.take(event, now);
        self.begin_next();
    }
}

struct Table {
    stage: Stage,
    shard: Shard,
    events: Arrivals,
    caller: UdpSocket,
}

impl Table {
    fn new(role: Role, change: impl FnOnce(&mut Trunk)) -> Self {
        let stage = Stage::new(role, change);
        let (queue, events) = queue(16, &stage.services, 0, None);
        let options = element::Options::new(SentBy::new("proxy.example", None).unwrap(), [7; 16]);
        let post = stage.post(Arc::<Kept>::default());
        let services = stage.services.clone();
        Self {
            shard: Shard::new(
                (0, Life(0)),
                options,
                services,
                post,
                queue,
                Arc::new(Helm::new(1)),
            ),
            stage,
            events,
            caller: socket(),
        }
    }

    fn identity(&self) -> String {
        format!("Identity: {}\r\n", self.stage.scene.sign(&call()).identity)
    }

    /// The caller's INVITE; it hears 100 at once.
    fn invite(&mut self, call_id: &str, headers: &str) {
        let text = invite(address(&self.caller), call_id, headers);
        self.receive(&text, address(&self.caller));
        assert!(heard(&self.caller).starts_with("SIP/2.0 100 "));
    }

    fn receive(&mut self, text: &str, remote: SocketAddr) {
        let input = Input::Received {
            flow: flow(Transport::Udp, remote),
            message: message(text),
            trunk: Some(self.stage.trunk.clone()),
        };
        let state = self.stage.services.state.load_full();
        self.shard.take_now(Event::Input(input, state));
    }

    fn wait(&mut self, millis: u64) {
        self.stage.clock.advance(millis);
        self.shard.fire();
    }

    /// The called party answers what it heard.
    fn answer(&mut self, invite: &str, status: &str) {
        self.answer_with(invite, status, "");
    }

    /// The same with more headers.
    fn answer_with(&mut self, invite: &str, status: &str, headers: &str) {
        let copied: String = invite
            .split_inclusive("\r\n")
            .filter(|line| {
                ["Via:", "From:", "To:", "Call-ID:", "CSeq:"]
                    .iter()
                    .any(|name| line.starts_with(name))
            })
            .collect();
        let text = format!("SIP/2.0 {status}\r\n{copied}{headers}Content-Length: 0\r\n\r\n");
        self.receive(&text, address(&self.stage.called));
    }

    fn chain(&self) -> Answer {
        let chain = Arc::new(self.stage.scene.signer.chain.clone());
        Answer::Certificate(chain, Source::Fetched)
    }

    /// The one verification under way, and what it waits for.
    fn judging(&self) -> (Case, NeedId) {
        let [(id, judging)] = Vec::from_iter(&self.shard.judging)[..] else {
            panic!("{} verifications", self.shard.judging.len())
        };
        let [need] = judging.asked[..] else {
            panic!("{:?}", judging.asked)
        };
        (*id, need)
    }
}

#[test]
fn a_call_goes_on_at_its_deadline_and_its_answer_comes_too_late() {
    let mut table = Table::new(Role::Verify, |_| {});
    let identity = table.identity();
    table.invite("late", &identity);
    let (id, need) = table.judging();
    table.wait(499);
    assert!(is_silent(&table.stage.called));
    table.wait(1);
    let outgoing = heard(&table.stage.called);
    assert!(
        outgoing.contains(";verstat=No-TN-Validation@"),
        "{outgoing}"
    );
    assert!(table.shard.judging.is_empty());
    let late = table.chain();
    table
        .shard
        .take_now(Event::Answered(Life(0), id, need, late));
    assert!(is_silent(&table.stage.called));
    assert_eq!(
        table.stage.services.metrics.cache_lookups.count(["miss"]),
        1
    );
}

#[test]
fn a_call_is_finished_with_the_state_it_came_in_with() {
    let mut table = Table::new(Role::Verify, |_| {});
    let identity = table.identity();
    let believing = |_: &mut State| {};
    let distrustful = |state: &mut State| {
        state.trust = Current::everywhere(Arc::new(Trust::new("none", 1, Vec::new())))
    };
    for (number, change, verstat) in [
        (0, &believing as &dyn Fn(&mut State), "TN-Validation-Passed"),
        (1, &distrustful, "TN-Validation-Passed"),
        (2, &distrustful, "TN-Validation-Failed"),
    ] {
        table.invite(&format!("call-{number}"), &identity);
        let (id, need) = table.judging();
        table.stage.change(change);
        let chain = table.chain();
        table
            .shard
            .take_now(Event::Answered(Life(0), id, need, chain));
        let outgoing = heard(&table.stage.called);
        assert!(
            outgoing.contains(&format!(";verstat={verstat}@")),
            "{number} {outgoing}"
        );
    }
}

#[test]
fn a_new_state_gives_us_its_names() {
    let mut table = Table::new(Role::None, |_| {});
    let to_us = |name: &str| format!("Route: <sip:{name};lr>\r\n");
    let name = || SentBy::new("new.example", None).unwrap();
    table.stage.change(|state| state.names = vec![name()]);
    table.invite("named", &to_us("new.example"));
    let outgoing = heard(&table.stage.called);
    assert!(!outgoing.contains("Route:"), "it was ours: {outgoing}");
}

#[test]
fn an_answer_in_time_decides_at_once() {
    let mut table = Table::new(Role::Verify, |_| {});
    let identity = table.identity();
    table.invite("early", &identity);
    let (id, need) = table.judging();
    let other_life = table.chain();
    table
        .shard
        .take_now(Event::Answered(Life(1), id, need, other_life));
    assert!(is_silent(&table.stage.called), "meant for somebody else");
    let chain = table.chain();
    table
        .shard
        .take_now(Event::Answered(Life(0), id, need, chain));
    let outgoing = heard(&table.stage.called);
    assert!(
        outgoing.contains(";verstat=TN-Validation-Passed@"),
        "{outgoing}"
    );
    table.answer(&outgoing, "200 OK");
    assert!(heard(&table.caller).starts_with("SIP/2.0 200 OK"));
    let calls = &table.stage.services.metrics.calls;
    assert_eq!(
        calls.count(["verify", "passed", "", "TN-Validation-Passed"]),
        1
    );
    assert_eq!(table.stage.services.metrics.judge_latency.count(), 1);
    assert!(table.shard.calls.is_empty());
    table.wait(200_000);
    assert!(table.shard.element.is_idle());
    assert!(table.shard.timers.is_empty());
}

#[test]
fn what_cannot_be_had_is_fetched_once_however_often_the_rest_is_answered() {
    let mut table = Table::new(Role::Verify, |_| {});
    let other = X5U.replace("alice", "other");
    let first = table.identity();
    let forgery = countersign_testkit::scene::Forgery::new().header(X5U, &other);
    let forged = table.stage.scene.forge(&forgery);
    let second = format!(
        "Identity: {};info=<{other}>;alg=ES256;ppt=shaken\r\n",
        forged.token
    );
    table.invite("two", &(first + &second));
    let [(id, judging)] = Vec::from_iter(&table.shard.judging)[..] else {
        panic!()
    };
    let (id, asked) = (*id, judging.asked.clone());
    assert_eq!(asked.len(), 2);
    let why = Answer::Unavailable(Unavailable::TimedOut);
    table
        .shard
        .take_now(Event::Answered(Life(0), id, asked[0], why));
    assert_eq!(table.shard.judging[&id].asked, asked);
    let lookups = &table.stage.services.metrics.cache_lookups;
    assert_eq!(lookups.count(["miss"]), 2);
}

#[test]
fn at_the_end_nobody_is_left_waiting() {
    let mut table = Table::new(Role::Verify, |_| {});
    let identity = table.identity();
    table.invite("end", &identity);
    let Table {
        stage,
        shard,
        events,
        ..
    } = table;
    shard.helm.stop();
    shard.run(&mut Intake::new(events, None));
    assert!(heard(&stage.called).contains(";verstat=No-TN-Validation@"));
}

#[test]
fn a_call_that_is_judged_and_signed_keeps_the_evidence_of_both() {
    let mut table = Table::new(Role::Both, |trunk| {
        trunk.existing_identity = ExistingIdentity::Add;
        trunk.next_hops[0].oversize = Oversize::Fragment;
    });
    let identity = table.identity();
    table.invite("both", &identity);
    let (id, need) = table.judging();
    let chain = table.chain();
    table
        .shard
        .take_now(Event::Answered(Life(0), id, need, chain));
    let record = format!("{:?}", table.shard.calls[&id.0].record);
    for evidence in ["signer: Some(\"", "reason: Some(\"", "attest: Some(\""] {
        assert!(record.contains(evidence), "{record}");
    }
    let outgoing = heard(&table.stage.called);
    assert_eq!(outgoing.matches("\r\nIdentity: ").count(), 2, "{outgoing}");
    table.answer(&outgoing, "486 Busy Here");
    let metrics = &table.stage.services.metrics;
    let passed = ["both", "passed", "", "TN-Validation-Passed"];
    assert_eq!(metrics.calls.count(passed), 1);
    // Over UDP a source address proves little.
    assert_eq!(metrics.signings.count(["signed", "C"]), 1);
}

#[test]
fn what_never_left_is_not_counted_as_told() {
    let mut table = Table::new(Role::Verify, |trunk| {
        trunk.treatment = Treatment::Reject {
            not_validated: Leniency::Reject,
            unsigned: Leniency::Reject,
        };
    });
    table.invite("unsigned", "");
    assert!(heard(&table.caller).starts_with("SIP/2.0 428 "));
    let metrics = &table.stage.services.metrics;
    assert_eq!(metrics.calls.count(["verify", "unsigned", "", ""]), 1);
}

#[test]
fn an_emergency_call_is_counted_and_not_judged() {
    let mut table = Table::new(Role::Verify, |_| {});
    let text = invite(address(&table.caller), "sos", &table.identity());
    let text = text.replacen("sip:12025550101@b.example", "urn:service:sos", 1);
    table.receive(&text, address(&table.caller));
    let outgoing = heard(&table.stage.called);
    table.answer(&outgoing, "200 OK");
    let metrics = &table.stage.services.metrics;
    assert_eq!(metrics.calls.count(["verify", "emergency", "", ""]), 1);
    assert_eq!(metrics.cache_lookups.count(["miss"]), 0);
}

#[test]
fn a_failure_of_another_life_fails_nothing() {
    let mut table = Table::new(Role::None, |_| {});
    table.invite("transport", "");
    heard(&table.stage.called);
    let target = Target {
        transport: Transport::Udp,
        remote: address(&table.stage.called),
        name: None,
        local: None,
        connection: None,
    };
    let receipt = |life| {
        Event::Unsent(Receipt {
            shard: 0,
            life,
            by: sender(),
            target: target.clone(),
        })
    };
    table.shard.take_now(receipt(Life(1)));
    assert!(is_silent(&table.caller));
    table.shard.take_now(receipt(Life(0)));
    assert!(heard(&table.caller).starts_with("SIP/2.0 503 "));
}

#[test]
fn timers_that_can_do_nothing_are_swept_out() {
    let mut table = Table::new(Role::None, |_| {});
    table.shard.sweep_at = 64;
    for number in 0..20 {
        table.invite(&format!("short{number}"), "");
        let outgoing = heard(&table.stage.called);
        table.answer(&outgoing, "486 Busy Here");
        heard(&table.stage.called);
        heard(&table.caller);
        let ack =
            invite(address(&table.caller), &format!("short{number}"), "").replace("INVITE", "ACK");
        table.receive(&ack, address(&table.caller));
    }
    let before = table.shard.timers.len();
    // Timers D, I and H are over; Timer C of every call, three minutes long, is not.
    table.wait(40_000);
    assert!(table.shard.element.is_idle());
    assert!(
        table.shard.timers.len() >= 20,
        "{before} {}",
        table.shard.timers.len()
    );
    table.shard.sweep_at = table.shard.timers.len() + 1;
    table.invite("last", "");
    assert!(
        table.shard.timers.len() < 20,
        "{}",
        table.shard.timers.len()
    );
    assert!(table.shard.sweep_at >= MIN_SWEEP);
}

#[test]
fn a_shard_wakes_for_its_next_timer() {
    let mut table = Table::new(Role::Verify, |_| {});
    assert_eq!(table.shard.pause(), IDLE);
    let identity = table.identity();
    table.invite("pause", &identity);
    table.wait(300);
    assert!(table.shard.pause() <= Duration::from_millis(200));
    table.stage.clock.advance(1_000);
    assert_eq!(table.shard.pause(), Duration::ZERO);
}

/// The lines of calls that are written while `act` runs, here on this thread.
fn lines_of(act: impl FnOnce()) -> Vec<serde_json::Value> {
    use tracing_subscriber::layer::SubscriberExt;
    let written = Arc::<Mutex<Vec<u8>>>::default();
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(Lines(written.clone()));
    let subscriber = tracing_subscriber::registry().with(lines);
    tracing::subscriber::with_default(subscriber, act);
    let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &serde_json::Value| line["target"] == "countersign::call")
        .collect()
}

#[derive(Clone)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// One call by a trunk of this role, and the line it leaves.
fn line(role: Role, play: impl FnOnce(&mut Table)) -> serde_json::Value {
    let mut table = Table::new(role, |_| {});
    let mut lines = lines_of(|| play(&mut table));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.remove(0)
}

fn answered(table: &mut Table, headers: &str) {
    table.invite("line", headers);
    let outgoing = heard(&table.stage.called);
    table.answer(&outgoing, "200 OK");
    // Another 2xx of the same call is no other call.
    table.answer(&outgoing, "200 OK");
}

#[test]
fn every_call_leaves_one_line_that_says_what_became_of_it() {
    let signed = line(Role::Sign, |table| answered(table, ""));
    for (field, value) in [
        ("verdict", "signed"),
        ("signing", "signed"),
        ("attest", "C"),
        ("basis", "assigned"),
        ("reason", "weak-credential"),
        ("orig", "1202555XXXX"),
        ("dest", "1202555XXXX"),
        ("x5u", X5U),
    ] {
        assert_eq!(signed[field], value, "{signed:#}");
    }
    assert_eq!(signed["status"], 200);
    let kept = line(Role::Sign, |table| answered(table, "Identity: a.b.c\r\n"));
    assert_eq!(
        (&kept["verdict"], &kept["signing"]),
        (&"kept".into(), &"kept".into())
    );
    let stale = "Date: Fri, 25 Sep 2015 19:12:25 GMT\r\n";
    let refused = line(Role::Sign, |table| answered(table, stale));
    assert_eq!(
        (&refused["verdict"], &refused["fault"]),
        (&"not-signed".into(), &"stale-date".into())
    );
    let unsigned = line(Role::Verify, |table| answered(table, ""));
    assert_eq!(unsigned["verdict"], "unsigned");
    assert_eq!(unsigned["verstat"], "No-TN-Validation");
    let cancelled = line(Role::Verify, |table| {
        let identity = table.identity();
        table.invite("cancelled", &identity);
        let cancel = invite(address(&table.caller), "cancelled", "").replace("INVITE", "CANCEL");
        table.receive(&cancel, address(&table.caller));
        table.wait(1_000);
    });
    assert_eq!(
        (&cancelled["verdict"], &cancelled["status"]),
        (&"undecided".into(), &487.into())
    );
    let emergency = line(Role::Both, |table| {
        let text = invite(address(&table.caller), "sos", "");
        let text = text.replacen("sip:12025550101@b.example", "urn:service:sos", 1);
        table.receive(&text, address(&table.caller));
        let outgoing = heard(&table.stage.called);
        table.answer(&outgoing, "200 OK");
    });
    assert_eq!(emergency["verdict"], "emergency");
    let mut passing = Table::new(Role::None, |_| {});
    assert_eq!(
        lines_of(|| answered(&mut passing, "")),
        [serde_json::Value::Null; 0]
    );
}

/// This test verifies that too much to do costs new calls their place, and nothing that has begun anything.
#[test]
fn overload_costs_no_call_that_has_begun() {
    let mut table = Table::new(Role::None, |_| {});
    table
        .stage
        .change(|state| state.patience.turn = Some(Duration::from_millis(5)));
    table.invite("begun", "");
    let ringing = heard(&table.stage.called);
    let state = table.stage.services.state.load_full();
    let caller = address(&table.caller);
    let came = |table: &Table, text: &str| {
        let trunk = Some(table.stage.trunk.clone());
        let (flow, message) = (flow(Transport::Udp, caller), message(text));
        Event::Input(
            Input::Received {
                flow,
                message,
                trunk,
            },
            state.clone(),
        )
    };
    // A storm: two dozen at once, and each takes 40 ms.
    for call in 0..24 {
        let event = came(&table, &invite(caller, &format!("storm-{call}"), ""));
        let received = table.shard.now().ticks;
        table.shard.take(event, received);
    }
    for _ in 0..24 {
        table.stage.clock.advance(40);
        table.shard.begin_next();
    }
    let now = table.shard.now().ticks;
    assert!(table.shard.waiting.is_shedding(now));
    let refused = table.stage.services.metrics.sip_refused.count(["overload"]);
    assert!(refused > 0, "some were turned away");
    let mut answers = (0, 0);
    for _ in 0..24 {
        let answer = heard(&table.caller);
        answers.0 += usize::from(answer.starts_with("SIP/2.0 100 "));
        answers.1 +=
            usize::from(answer.starts_with("SIP/2.0 503 ") && answer.contains("\r\nRetry-After: "));
    }
    assert_eq!(answers.0 + answers.1, 24, "each hears");
    assert_eq!(answers.1 as u64, refused);
    // What was turned away is, when it is repeated; what is new waits.
    let first = came(&table, &invite(caller, "storm-0", ""));
    let received = table.shard.now().ticks;
    table.shard.take(first, received);
    let last = came(&table, &invite(caller, "last", ""));
    table.shard.take(last, received);
    let waiting = table.shard.waiting.len();
    assert_eq!(waiting, 1);
    while !is_silent(&table.caller) {}
    // The retransmission, the answer, an emergency: all at once, past those that wait.
    let waiting = table.shard.waiting.len();
    assert!(waiting > 0);
    let again = came(&table, &invite(caller, "begun", ""));
    let sos = invite(caller, "sos", "").replacen("sip:12025550101@b.example", "urn:service:sos", 1);
    for event in [again, came(&table, &sos)] {
        let received = table.shard.now().ticks;
        table.shard.take(event, received);
        assert!(heard(&table.caller).starts_with("SIP/2.0 100 "));
    }
    table.answer(&ringing, "200 OK");
    while !heard(&table.caller).starts_with("SIP/2.0 200 ") {}
}

/// This test verifies that a call whose INVITE waits twice, because the shard was late, has one answer: whichever copy has its turn first.
#[test]
fn a_call_that_waits_twice_is_answered_once() {
    let mut table = Table::new(Role::None, |_| {});
    table
        .stage
        .change(|state| state.patience.turn = Some(Duration::from_millis(5)));
    let state = table.stage.services.state.load_full();
    let caller = address(&table.caller);
    let copy = |table: &Table, call: &str| Newcomer {
        input: Input::Received {
            flow: flow(Transport::Udp, caller),
            message: message(&invite(caller, call, "")),
            trunk: Some(table.stage.trunk.clone()),
        },
        state: state.clone(),
    };
    // The newest has its turn, and is called; the other would be told 503.
    let first = copy(&table, "rings");
    table.invite("rings", "");
    assert!(heard(&table.stage.called).starts_with("INVITE "));
    table.shard.turn_away(first, "overload");
    assert!(heard(&table.caller).starts_with("SIP/2.0 100 "));
    // The oldest has waited too long; the other would ring.
    for later in [0, 60] {
        table.stage.clock.advance(later);
        let (newcomer, received) = (copy(&table, "refused"), table.shard.now().ticks);
        assert!(table.shard.waiting.wait(newcomer, received).is_none());
    }
    table.stage.clock.advance(50);
    table.shard.begin_next();
    for _ in 0..2 {
        assert!(heard(&table.caller).starts_with("SIP/2.0 503 "));
    }
    assert!(is_silent(&table.caller) && is_silent(&table.stage.called));
    let refused = &table.stage.services.metrics.sip_refused;
    assert_eq!(refused.count(["overload"]), 2);
}

/// This test verifies that a call which nobody here can sign goes on with the token that says so.
#[test]
fn case79_a_call_that_we_cannot_sign_has_the_token() {
    let mut table = Table::new(Role::Sign, |trunk| {
        trunk.bypass = Some(Arc::new(Bypass {
            header: DEFAULT_BYPASS_HEADER.into(),
            token: "secret".into(),
            on: vec![BypassCause::SigningFailed],
        }));
    });
    table.invite("signed", "");
    let outgoing = heard(&table.stage.called);
    assert!(!outgoing.contains("P-Identity-Bypass"), "{outgoing}");
    table.stage.change(|state| state.signers.clear());
    table.invite("not-signed", "");
    let outgoing = heard(&table.stage.called);
    assert!(
        outgoing.contains("\r\nP-Identity-Bypass: secret\r\n"),
        "{outgoing}"
    );
    assert!(!outgoing.contains("\r\nIdentity: "), "{outgoing}");
}
