//! Who has signed answers before: RFC 9970 §8.
//!
//! ```text
//!    yesterday   Bob ── rsp ──► Alice's provider     remembered
//!    today       Bob ── nothing ──► Alice's provider a regression
//! ```
//!
//! This test verifies that an answer that nobody signed is told as a regression if, and only if, whoever was called was proven before.

use super::super::chains::CAROL;
use super::*;
use countersign::verification::{MemorySupporters, Supporters};

#[test]
fn who_has_signed_before_is_missed() {
    let exchange = Exchange::new();
    let memory = Arc::new(MemorySupporters::default());
    let service = exchange.way.scene.verification();
    let service = service.with_supporters(memory.clone());
    let judge = |seconds, presented: Vec<Presented>| {
        let presented = presented.into_iter().map(Ok).collect();
        exchange.judge_with(&service, seconds, presented)
    };
    let regression = |report: &Report| told(report).regression;
    assert_eq!(regression(&judge(0, Vec::new())), None);
    let forged = judge(1, vec![exchange.rsp_by(MALLORY, answer(BOB, NOW))]);
    assert_eq!(regression(&forged), None);
    assert!(memory.is_empty(), "only what is proven is remembered");
    let good = judge(2, vec![exchange.rsp(BOB)]);
    assert_eq!(regression(&good), None);
    let since = Some(NOW.saturating_add(2));
    assert_eq!(memory.last_proven(&number(BOB)), since);
    let absent = judge(9, Vec::new());
    assert_eq!(standing(&absent), AnswerStanding::Absent);
    assert_eq!(regression(&absent), since);
    let forged = judge(9, vec![exchange.rsp_by(MALLORY, answer(BOB, NOW))]);
    assert_eq!(regression(&forged), None, "that is told as what it is");
    let without = exchange.way.scene.verification();
    let report = exchange.judge_with(&without, 9, Vec::new());
    assert_eq!(regression(&report), None, "nobody remembers");
}

#[test]
fn of_a_diverted_call_the_one_is_remembered_who_was_reached() {
    let exchange = Exchange::new();
    let memory = Arc::new(MemorySupporters::default());
    let service = exchange.way.scene.verification();
    let service = service.with_supporters(memory.clone());
    let presented = vec![Ok(exchange.rsp(CAROL)), Ok(exchange.way.div(BOB, CAROL))];
    let report = exchange.judge_with(&service, 1, presented);
    assert_eq!(standing(&report), AnswerStanding::Diverted);
    assert_eq!(memory.last_proven(&number(BOB)), None);
    assert!(memory.last_proven(&number(CAROL)).is_some());
}
