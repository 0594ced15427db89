//! Somebody else has answered, to whom the call was diverted.
//!
//! ```text
//!    ours    Alice to Bob
//!    div     from Bob to Carol, signed for Bob        brought along
//!    rsp     Alice to Carol, signed for Carol
//! ```
//!
//! This test verifies that such an answer is believed if, and only if, the diversions beside it lead from whom we called to who answered,
//! and are as old as the call, not as the answer.

use super::super::chains::{CAROL, DAVE, ERIN, claims};
use super::*;
use countersign::passport::{Div, DivO, HeaderCache, Passport};
use countersign::verification::{ChainBreak, DivertedAnswer, Evidence};

fn refused(exchange: &mut Exchange) {
    exchange.dialled.policy.diverted = DivertedAnswer::Refused;
}

#[test]
fn digest01_case04_a_diversion_signed_for_the_called_is_verified() {
    let mut exchange = Exchange::new();
    let (rsp, div) = (exchange.rsp(CAROL), exchange.way.div(BOB, CAROL));
    for presented in [vec![rsp.clone(), div.clone()], vec![div, rsp]] {
        let report = exchange.judge(presented.clone());
        assert_eq!(standing(&report), AnswerStanding::Diverted);
        assert_eq!(reached(&report), Some(&number(CAROL)));
        assert_eq!(told(&report).pin.as_ref().unwrap().identity, number(CAROL));
        let ppts: Vec<_> = presented.iter().map(|one| one.ppt.as_deref()).collect();
        let reported: Vec<_> = report.passports.iter().map(|one| one.ppt()).collect();
        assert_eq!(ppts, reported, "in the order presented, without ours");
        let rsp = report.deciding().unwrap();
        assert_eq!(rsp.ppt(), Some("rsp"));
        assert_eq!(
            rsp.check(Check::Dest).detail().unwrap(),
            format!("diverted: {BOB} to {CAROL}")
        );
        let mut reports = report.passports.iter();
        let div = reports.find(|one| one.ppt() == Some("div")).unwrap();
        let chain = div.chain.as_deref().unwrap();
        assert!(chain.refers_to.is_empty() && chain.referred_by.is_empty());
    }
    assert_eq!(exchange.fetches(), 4, "two of each answer, none for ours");
    refused(&mut exchange);
    let report = exchange.judge(vec![exchange.rsp(CAROL), exchange.way.div(BOB, CAROL)]);
    let unexpected = AnswerStanding::Unexpected(Fault::AnswerUnexpected);
    assert_eq!(standing(&report), unexpected);
    assert_eq!(exchange.fetches(), 4);
}

#[test]
fn digest01_case05_of_two_diversions_none_may_be_missing() {
    let exchange = Exchange::new();
    let (first, second) = (exchange.way.div(BOB, CAROL), exchange.way.div(CAROL, DAVE));
    let rsp = || exchange.rsp(DAVE);
    let whole = exchange.judge(vec![second.clone(), rsp(), first.clone()]);
    assert_eq!(standing(&whole), AnswerStanding::Diverted);
    let chains: Vec<_> = whole
        .passports
        .iter()
        .map(|one| one.chain.clone())
        .collect();
    let chain = |at: usize| chains[at].as_deref().unwrap();
    assert_eq!(chain(0).refers_to, [2]);
    assert_eq!(chain(2).referred_by, [0]);
    assert!(chains[1].is_none());
    let before = exchange.fetches();
    let without_first = exchange.judge(vec![second, rsp()]);
    assert_eq!(
        standing(&without_first),
        AnswerStanding::NotValidated(Fault::ChainIncomplete)
    );
    let without_second = exchange.judge(vec![first, rsp()]);
    assert_eq!(
        standing(&without_second),
        AnswerStanding::Unexpected(Fault::AnswerUnexpected)
    );
    let diversions = exchange.way.scene.repository.requests().split_off(before);
    let dave = |url: &str| url.contains(DAVE);
    assert!(
        diversions.iter().all(|(url, _)| dave(url)),
        "{diversions:?}"
    );
}

#[test]
fn digest01_case17_a_diversion_is_as_old_as_the_call() {
    let exchange = Exchange::new();
    let after = |seconds: i64| {
        let claims = Claims {
            iat: NOW.saturating_add(seconds),
            ..claims(BOB, CAROL)
        };
        exchange.way.diverted(BOB, claims)
    };
    for (signed, expected) in [
        (0, AnswerStanding::Diverted),
        (-60, AnswerStanding::Diverted),
        (25, AnswerStanding::Diverted),
        (90, AnswerStanding::Diverted),
        (150, AnswerStanding::Diverted),
        (-61, AnswerStanding::Unexpected(Fault::ChainBroken)),
        (151, AnswerStanding::Unexpected(Fault::ChainBroken)),
    ] {
        let presented = vec![exchange.rsp_at(90, CAROL), after(signed)];
        let report = exchange.judge_at(90, presented);
        assert_eq!(standing(&report), expected, "{signed}");
    }
}

#[test]
fn digest01_case20_a_diversion_of_another_caller_breaks_the_chain() {
    let exchange = Exchange::new();
    let altered = Claims {
        orig: number(MALLORY),
        ..claims(BOB, CAROL)
    };
    let div = exchange.way.diverted(BOB, altered);
    let report = exchange.judge(vec![exchange.rsp(CAROL), div]);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::ChainBroken)
    );
    assert_eq!(exchange.fetches(), 0);
    // So does one of another among good ones.
    let altered = Claims {
        orig: number(MALLORY),
        ..claims(CAROL, DAVE)
    };
    let second = exchange.way.diverted(CAROL, altered);
    let first = exchange.way.div(BOB, CAROL);
    let report = exchange.judge(vec![exchange.rsp(DAVE), first, second]);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::ChainBroken)
    );
}

#[test]
fn digest01_case22_a_diversion_in_compact_form_is_none() {
    let exchange = Exchange::new();
    let mut compact = exchange.way.div(BOB, CAROL);
    let signature = compact.token.rsplit('.').next().unwrap();
    compact.token = format!("..{signature}").into();
    let report = exchange.judge(vec![exchange.rsp(CAROL), compact]);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::ChainBroken)
    );
    // Nor is an answer.
    let mut compact = exchange.rsp(BOB);
    let signature = compact.token.rsplit('.').next().unwrap();
    compact.token = format!("..{signature}").into();
    let report = exchange.judge(vec![compact]);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::CompactForm)
    );
}

#[test]
fn a_diversion_that_nobody_may_sign_breaks_the_chain() {
    let exchange = Exchange::new();
    let forged = exchange.way.diverted(MALLORY, claims(BOB, CAROL));
    let report = exchange.judge(vec![exchange.rsp(CAROL), forged.clone()]);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::ChainBroken)
    );
    // Beside a good one it is what anybody can add.
    let good = exchange.way.div(BOB, CAROL);
    let report = exchange.judge(vec![forged, good, exchange.rsp(CAROL)]);
    assert_eq!(standing(&report), AnswerStanding::Diverted);
}

#[test]
fn a_certificate_of_the_way_that_cannot_be_had_leaves_it_open() {
    let exchange = Exchange::new();
    let mut gone = exchange.way.div(BOB, CAROL);
    let claims = claims(BOB, CAROL);
    let url = "https://cert.example.org/gone.pem";
    let header = HeaderCache::new(url).unwrap();
    let (_, bob) = exchange.way.provider_of(BOB);
    let passport = Passport::new(claims).unwrap();
    gone.token = passport.sign(&header, &*bob.key).unwrap().token().into();
    gone.info = Some(url.into());
    let report = exchange.judge(vec![exchange.rsp(CAROL), gone]);
    assert_eq!(
        standing(&report),
        AnswerStanding::NotValidated(Fault::ChainUnproven)
    );
    let rsp = report.deciding().unwrap().check(Check::Chain);
    let culprit = Evidence::ElsewhereInChain(Fault::CertificateUnavailable);
    assert_eq!(rsp.evidence, &culprit);
}

#[test]
fn the_way_must_end_with_who_answered() {
    let exchange = Exchange::new();
    let to_carol = exchange.way.div(BOB, CAROL);
    // Two say that they were reached, and the chain is the first one's.
    let forged = exchange.rsp_by(MALLORY, answer(CAROL, NOW));
    let report = exchange.judge(vec![forged, exchange.rsp(DAVE), to_carol.clone()]);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::NotCovered)
    );
    let dave = &report.passports[1];
    assert_eq!(dave.verdict, Verdict::Failed(Fault::AnswerUnexpected));
    // On the way is not where it ends.
    let on = exchange.way.div(CAROL, DAVE);
    let report = exchange.judge(vec![exchange.rsp(CAROL), to_carol, on]);
    assert!(!standing(&report).is_proven(), "{report:#?}");
}

#[test]
fn who_is_on_the_way_and_not_at_its_end_was_not_reached() {
    let exchange = Exchange::new();
    let way = [exchange.way.div(BOB, CAROL), exchange.way.div(CAROL, DAVE)];
    let mut presented = vec![exchange.rsp(CAROL), exchange.rsp(DAVE)];
    presented.extend(way);
    let report = exchange.judge(presented);
    assert_eq!(standing(&report), AnswerStanding::Diverted);
    assert_eq!(reached(&report), Some(&number(DAVE)));
    let carol = report.passports[0].verdict;
    assert_eq!(carol, Verdict::Failed(Fault::AnswerUnexpected));
}

#[test]
fn what_we_sent_is_not_judged_again() {
    let mut exchange = Exchange::new();
    // We were slow: what we sent was signed long before.
    exchange.dialled.sent = NOW.saturating_add(200);
    let claims = Claims {
        iat: NOW.saturating_add(200),
        ..claims(BOB, CAROL)
    };
    let div = exchange.way.diverted(BOB, claims);
    let report = exchange.judge_at(203, vec![exchange.rsp_at(202, CAROL), div]);
    assert_eq!(standing(&report), AnswerStanding::Diverted);
}

#[test]
fn what_we_diverted_ourselves_is_part_of_the_way() {
    let mut exchange = Exchange::new();
    let ours = exchange.way.div(BOB, CAROL);
    let sent = vec![signed(&ours), signed(&exchange.way.original())];
    exchange.dialled = Dialled::of(sent, number(CAROL), NOW).unwrap();
    assert_eq!(exchange.dialled.diversions.len(), 1);
    let report = exchange.judge(vec![exchange.rsp(CAROL)]);
    assert_eq!(standing(&report), AnswerStanding::Matching);
    let theirs = exchange.way.div(CAROL, DAVE);
    for presented in [
        vec![exchange.rsp(DAVE), theirs.clone()],
        vec![ours.clone(), theirs, exchange.rsp(DAVE)],
    ] {
        let report = exchange.judge(presented);
        assert_eq!(standing(&report), AnswerStanding::Diverted);
        assert_eq!(reached(&report), Some(&number(DAVE)));
    }
    let requests = exchange.way.scene.repository.requests();
    let is_bobs = |url: &str| url.contains(BOB);
    assert!(
        !requests.iter().any(|(url, _)| is_bobs(url)),
        "{requests:?}"
    );
}

#[test]
fn a_diversion_with_ours_inside_is_not_one_of_sip() {
    let exchange = Exchange::new();
    let div = Div {
        from: number(BOB),
        history: None,
    };
    let opt = exchange.way.original().token;
    let extension = Extension::DivO(Box::new(DivO { div, opt }));
    let claims = Claims {
        extension,
        ..claims(BOB, CAROL)
    };
    let outer = exchange.way.diverted(BOB, claims);
    let report = exchange.judge(vec![exchange.rsp(CAROL), outer]);
    assert_eq!(
        standing(&report),
        AnswerStanding::NotValidated(Fault::ChainIncomplete)
    );
}

#[test]
fn loops_and_forks_are_no_way() {
    let exchange = Exchange::new();
    let div = |from, to| exchange.way.div(from, to);
    let fork = vec![div(BOB, CAROL), div(BOB, DAVE), exchange.rsp(CAROL)];
    let report = exchange.judge(fork);
    assert!(!standing(&report).is_proven(), "{report:#?}");
    let circle = vec![
        div(BOB, CAROL),
        div(CAROL, BOB),
        div(BOB, ERIN),
        exchange.rsp(ERIN),
    ];
    let report = exchange.judge(circle);
    assert_eq!(
        standing(&report),
        AnswerStanding::NotValidated(Fault::ChainUnclear)
    );
    let itself = vec![div(BOB, CAROL), div(CAROL, CAROL), exchange.rsp(CAROL)];
    let report = exchange.judge(itself);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::ChainBroken)
    );
    let mut reports = report.passports.iter();
    let evidence = Evidence::Diversion(ChainBreak::Unchanged);
    assert!(reports.any(|one| *one.check(Check::Chain).evidence == evidence));
}

#[test]
fn beside_an_answer_of_the_called_nobody_asks_for_diversions() {
    let exchange = Exchange::new();
    let presented = vec![exchange.rsp(BOB), exchange.way.div(BOB, CAROL)];
    let report = exchange.judge(presented);
    assert_eq!(standing(&report), AnswerStanding::Matching);
    assert_eq!(report.passports[1].verdict, Verdict::Unsigned);
    assert_eq!(exchange.fetches(), 1);
    let report = exchange.judge(vec![exchange.way.div(BOB, CAROL)]);
    assert_eq!(standing(&report), AnswerStanding::Absent, "nobody answered");
    assert_eq!(exchange.fetches(), 1);
}
