//! Answers on the table: judged when the certificate has come, and not for ever; of the state that their call came in with.

use super::*;
use countersign::authentication::{Answering, AnswersFor, Asked, Reflection};
use countersign::passport::SignedPassport;
use countersign_sip::trunk::{Connected, Mode, Required};

/// A trunk in whose calls nobody speaks before it is proven who answered.
fn requires(trunk: &mut Trunk) {
    trunk.mode = Mode::B2bua(Default::default());
    trunk.connected = Some(Arc::new(Connected {
        check: countersign_sip::trunk::AnswerChecking::Require,
        require: Required::Always,
        ..Connected::default()
    }));
}

impl Table {
    /// The Identity header of the called side's provider, in answer to this INVITE.
    fn proof(&self, invite: &str) -> String {
        let mut lines = invite.split("\r\n");
        let value = lines
            .find_map(|line| line.strip_prefix("Identity: "))
            .unwrap();
        let token = value.split(';').next().unwrap();
        let passport = SignedPassport::parse(token).unwrap();
        let asked = [Asked {
            passport: &passport,
            value,
        }];
        let answering = Answering {
            asked: &asked,
            reached: &countersign_testkit::scene::number("12025550101"),
            media_keys: None,
            rich: None,
            reflection: Reflection::Reflected,
            numbers: AnswersFor::Covered,
        };
        let service = self.stage.scene.authentication();
        let now = self.shard.now().unix;
        let answered = service.respond(&answering, now).unwrap();
        format!("Identity: {}\r\n", answered.identities[0])
    }

    /// The called party takes the call.
    fn take_call(&mut self, invite: &str, headers: &str) {
        let contact = format!("Contact: <sip:bob@{}>\r\n", address(&self.stage.called));
        let tagged = invite.replace("@b.example>\r\nCall-ID", "@b.example>;tag=bob\r\nCall-ID");
        assert_ne!(tagged, invite);
        self.answer_with(&tagged, "200 OK", &format!("{contact}{headers}"));
    }
}

/// A call that was placed, and the INVITE that the called side got.
fn placed(call_id: &str) -> (Table, String) {
    let mut table = Table::new(Role::Sign, requires);
    table.invite(call_id, "Contact: <sip:alice@127.0.0.1>\r\n");
    let outgoing = heard(&table.stage.called);
    (table, outgoing)
}

#[test]
fn an_answer_passes_when_its_certificate_has_come() {
    let (mut table, outgoing) = placed("answered");
    let proof = table.proof(&outgoing);
    table.take_call(&outgoing, &proof);
    let (case, need) = table.judging();
    assert!(case.1.is_some(), "it is an answer that is judged");
    assert!(is_silent(&table.caller));
    // What is believed now is of no matter to a call that came in before.
    table.stage.change(|state| {
        state.trust = Current::everywhere(Arc::new(Trust::new("none", 1, Vec::new())));
    });
    let chain = table.chain();
    table
        .shard
        .take_now(Event::Answered(Life(0), case, need, chain));
    assert!(heard(&table.caller).starts_with("SIP/2.0 200 "));
    let metrics = &table.stage.services.metrics;
    assert_eq!(metrics.answers.count(["matching", ""]), 1);
    assert!(table.shard.judging.is_empty() && table.shard.answered.is_empty());
}

#[test]
fn an_answer_whose_certificate_does_not_come_is_refused_where_a_proof_is_required() {
    let (mut table, outgoing) = placed("undecided");
    let proof = table.proof(&outgoing);
    table.take_call(&outgoing, &proof);
    let (case, need) = table.judging();
    table.wait(499);
    assert!(is_silent(&table.caller));
    table.wait(1);
    assert!(table.shard.judging.is_empty());
    assert!(heard(&table.stage.called).starts_with("ACK "));
    assert!(heard(&table.stage.called).starts_with("BYE "));
    let chain = table.chain();
    table
        .shard
        .take_now(Event::Answered(Life(0), case, need, chain));
    let metrics = &table.stage.services.metrics;
    let counted = metrics.answers.count(["not-validated", "deadline-expired"]);
    assert_eq!(counted, 1);
    assert_eq!(metrics.answers.count(["matching", ""]), 0);
}

#[test]
fn nobody_wakes_up_for_a_question_that_was_answered_at_once() {
    let timers = |role, change: &dyn Fn(&mut Trunk)| {
        let mut table = Table::new(role, |trunk| change(trunk));
        table.invite("timers", "Contact: <sip:alice@127.0.0.1>\r\n");
        let outgoing = heard(&table.stage.called);
        let rings = table.shard.timers.len();
        table.take_call(&outgoing, "");
        assert!(heard(&table.caller).starts_with("SIP/2.0 200 "));
        let absent = table.stage.services.metrics.answers.count(["absent", ""]);
        (rings, table.shard.timers.len(), absent)
    };
    let (rings, answered, _) = timers(Role::None, &|_| {});
    let reports = |trunk: &mut Trunk| trunk.connected = Some(Arc::new(Connected::on()));
    assert_eq!(timers(Role::Sign, &reports), (rings, answered, 1));
}
