//! Answers that are none, are several, or are of another call.
//!
//! ```text
//!    forger ── 200, rsp of yesterday, of another call, twice, unreadable ──► Alice's provider
//! ```
//!
//! This test verifies what each of them is, that none of them passes, and that none of them spoils a good one beside it.

use super::super::chains::{CAROL, call_for};
use super::super::scopes::said;
use super::*;
use countersign::passport::{HeaderCache, Passport};
use countersign::verification::policy::{InfoRequirement, ProviderNumbersPolicy, Replay};
use countersign::verification::{Holds, Sighting, Unavailable};

#[test]
fn an_answer_of_another_call_is_unexpected() {
    let exchange = Exchange::new();
    let other = Claims {
        orig: number(MALLORY),
        ..answer(BOB, NOW)
    };
    let report = exchange.judge(vec![exchange.rsp_by(BOB, other)]);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::OrigMismatch)
    );
    assert_eq!(exchange.fetches(), 0);
}

#[test]
fn an_answer_for_several_numbers_is_for_none() {
    let exchange = Exchange::new();
    let mut both = answer(BOB, NOW);
    both.dest.push(number(CAROL));
    let report = exchange.judge(vec![exchange.rsp_by(BOB, both)]);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::DestInvalid)
    );
    assert_eq!(exchange.fetches(), 0);
}

#[test]
fn what_is_there_twice_is_there_once() {
    let exchange = Exchange::new();
    let rsp = exchange.rsp(BOB);
    let report = exchange.judge(vec![rsp.clone(), rsp.clone(), rsp]);
    assert_eq!(standing(&report), AnswerStanding::Matching);
    assert_eq!(report.passports.len(), 1);
}

#[test]
fn junk_beside_a_good_answer_spoils_nothing() {
    let exchange = Exchange::new();
    let good = exchange.rsp(BOB);
    let stale = exchange.rsp_at(-300, BOB);
    let forged = exchange.rsp_by(MALLORY, answer(BOB, NOW));
    let strange = exchange.rsp(MALLORY);
    for junk in [stale, forged, strange] {
        for presented in [
            vec![good.clone(), junk.clone()],
            vec![junk.clone(), good.clone()],
        ] {
            let report = exchange.judge(presented);
            assert_eq!(standing(&report), AnswerStanding::Matching);
            assert_eq!(report.passports.len(), 2);
            assert_eq!(report.deciding().unwrap().token.as_str(), &*good.token);
        }
    }
}

#[test]
fn two_who_are_proven_and_contradict_each_other_leave_it_open() {
    let exchange = Exchange::new();
    let presented = vec![
        exchange.rsp(BOB),
        exchange.rsp(CAROL),
        exchange.way.div(BOB, CAROL),
    ];
    let report = exchange.judge(presented);
    assert_eq!(
        standing(&report),
        AnswerStanding::NotValidated(Fault::AnswerUnclear)
    );
    assert_eq!(report.detail().unwrap(), Fault::AnswerUnclear.to_string());
    // Two of the same do not.
    let report = exchange.judge(vec![exchange.rsp(BOB), exchange.rsp_at(1, BOB)]);
    assert_eq!(standing(&report), AnswerStanding::Matching);
}

#[test]
fn of_several_that_are_not_good_the_open_one_is_told() {
    let exchange = Exchange::new();
    let mut gone = exchange.rsp(BOB);
    exchange.way.scene.repository.fail(Unavailable::TimedOut);
    gone.alg = Some("ES256".into());
    let forged = exchange.rsp_at(-300, BOB);
    let report = exchange.judge(vec![forged, gone]);
    assert_eq!(
        standing(&report),
        AnswerStanding::NotValidated(Fault::CertificateUnavailable)
    );
}

#[test]
fn what_is_not_an_answer_counts_as_if_it_were_not_there() {
    let exchange = Exchange::new();
    let mut unknown = exchange.rsp(BOB);
    unknown.ppt = Some("foo".into());
    unknown.token = "no.token".into();
    let mut empty = exchange.rsp(BOB);
    empty.token = "".into();
    let shaken = exchange
        .way
        .scene
        .forge(&countersign_testkit::scene::Forgery::new());
    let mut ours = exchange.way.original();
    ours.token = exchange.dialled.passport.token().into();
    let report = exchange.judge(vec![unknown, empty, ours, shaken]);
    assert_eq!(standing(&report), AnswerStanding::Absent);
    assert_eq!(exchange.fetches(), 0);
    assert_eq!(
        report.passports.len(),
        2,
        "ours and the empty one are not told of"
    );
    assert!(
        report
            .passports
            .iter()
            .all(|one| one.verdict == Verdict::Unsigned)
    );
}

#[test]
fn what_cannot_be_read_is_a_bad_answer() {
    let exchange = Exchange::new();
    let service = exchange.way.scene.verification();
    let malformed = exchange.judge_with(&service, 1, vec![Err(Malformed::Token)]);
    assert_eq!(
        standing(&malformed),
        AnswerStanding::Unexpected(Fault::IdentityMalformed)
    );
    let mut broken = exchange.rsp(BOB);
    broken.token = "no.token".into();
    for ppt in [Some("rsp".into()), None] {
        broken.ppt = ppt;
        let report = exchange.judge(vec![broken.clone()]);
        assert_eq!(
            standing(&report),
            AnswerStanding::Unexpected(Fault::PassportMalformed)
        );
    }
    let mut contradicted = exchange.rsp(BOB);
    contradicted.ppt = Some("shaken".into());
    let mut disguised = exchange.way.original();
    disguised.ppt = Some("rsp".into());
    for one in [contradicted, disguised] {
        let report = exchange.judge(vec![one]);
        assert_eq!(
            standing(&report),
            AnswerStanding::Unexpected(Fault::PptMismatch)
        );
    }
    let mut elsewhere = exchange.rsp(BOB);
    elsewhere.info = Some("https://cert.example.org/other.pem".into());
    let report = exchange.judge(vec![elsewhere]);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::InfoMismatch)
    );
    assert_eq!(exchange.fetches(), 0);
}

#[test]
fn an_altered_answer_is_no_answer() {
    let exchange = Exchange::new();
    let mut altered = exchange.rsp_at(0, BOB);
    let other = exchange.rsp_at(1, BOB);
    let (_, signature) = other.token.rsplit_once('.').unwrap();
    let (input, _) = altered.token.rsplit_once('.').unwrap();
    altered.token = format!("{input}.{signature}").into();
    let report = exchange.judge(vec![altered]);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::SignatureInvalid)
    );
}

#[test]
fn more_headers_than_are_judged_are_not_judged() {
    let mut exchange = Exchange::new();
    exchange.way.scene.policy.max_identity_headers = 2;
    let presented: Vec<_> = (0..3).map(|at| exchange.rsp_at(at, BOB)).collect();
    let report = exchange.judge(presented);
    assert_eq!(
        standing(&report),
        AnswerStanding::NotValidated(Fault::TooManyIdentityHeaders)
    );
    assert_eq!(exchange.fetches(), 0);
}

/// A call is known by the PASSporT that it was sent with: what is the same through forks and retries is the same call.
#[test]
fn an_answer_shown_again_with_another_call_is_replayed() {
    for replay in [Replay::Observe, Replay::Enforce, Replay::Off] {
        let mut exchange = Exchange::new();
        exchange.way.scene.policy.replay = replay;
        let rsp = exchange.rsp(BOB);
        let again = |exchange: &Exchange| {
            let report = exchange.judge(vec![rsp.clone()]);
            let is_proven = standing(&report).is_proven();
            let seals = usize::from(is_proven && replay != Replay::Off);
            assert_eq!(told(&report).seals.len(), seals, "{replay:?}");
            (standing(&report), report.passports[0].sighting)
        };
        let seen = |sighting| (replay != Replay::Off).then_some(sighting);
        let matching = AnswerStanding::Matching;
        assert_eq!(again(&exchange), (matching, seen(Sighting::First)));
        assert_eq!(again(&exchange), (matching, seen(Sighting::Again)));
        // Alice dials Bob once more, in the same second.
        let redialled = vec![signed(&exchange.way.original())];
        exchange.dialled = Dialled::of(redialled, number(BOB), NOW).unwrap();
        let expected = match replay {
            Replay::Off => matching,
            _ => AnswerStanding::Unexpected(Fault::Replayed),
        };
        let other = seen(Sighting::OtherCall);
        assert_eq!(again(&exchange), (expected, other), "{replay:?}");
    }
}

/// A call that comes by twice, through two of us in a row with one memory:
///
/// ```text
///   caller ── theirs ──▶ outer ── theirs ──▶ inner ── theirs, ours ──▶ called      ours is added: the same call to both
///   caller ── theirs ──▶ outer ── theirs ──▶ inner ── ours ──▶ called              replaced: two calls, and one answer for both
/// ```
///
/// The answer comes to the inner one first.
#[test]
fn whoever_signs_a_call_anew_makes_another_of_it() {
    let replayed = AnswerStanding::Unexpected(Fault::Replayed);
    for (is_replaced, expected) in [(false, AnswerStanding::Matching), (true, replayed)] {
        let mut exchange = Exchange::new();
        let rsp = exchange.rsp(BOB);
        let outer = exchange.dialled.clone();
        let ours = signed(&exchange.way.original());
        let sent_with = match is_replaced {
            true => vec![ours],
            false => vec![outer.passport.clone(), ours],
        };
        exchange.dialled = Dialled::of(sent_with, number(BOB), NOW).unwrap();
        let inner = exchange.judge(vec![rsp.clone()]);
        assert_eq!(standing(&inner), AnswerStanding::Matching);
        exchange.dialled = outer;
        assert_eq!(standing(&exchange.judge(vec![rsp])), expected);
    }
}

/// A provider code covers every number: whether its word is enough for an answer is a policy of its own, and a number authority is asked.
#[test]
fn whether_a_provider_code_may_answer_is_not_what_it_is_of_callers() {
    let not_covered = AnswerStanding::Unexpected(Fault::NotCovered);
    let matching = AnswerStanding::Matching;
    let asks = Some(ProviderNumbersPolicy::RequireOracle);
    for (policy, holds, expected) in [
        (None, Holds::No, matching),
        (Some(ProviderNumbersPolicy::Reject), Holds::Yes, not_covered),
        (asks, Holds::Yes, matching),
        (asks, Holds::No, not_covered),
    ] {
        let mut exchange = Exchange::new();
        let scene = &mut exchange.way.scene;
        scene.policy.provider_answers = policy;
        let (signer, url) = (
            scene.lab.provider("1234"),
            "https://cert.example.org/1234.pem",
        );
        scene.repository.publish(url, &signer.chain);
        scene
            .repository
            .say("1234".parse().unwrap(), said(holds, 0));
        let passport = Passport::new(answer(BOB, NOW)).unwrap();
        let headers = HeaderCache::new(url).unwrap();
        let rsp = Presented {
            token: passport
                .sign(&headers, &*signer.key)
                .unwrap()
                .token()
                .into(),
            info: Some(url.into()),
            alg: None,
            ppt: Some("rsp".into()),
        };
        let report = exchange.judge(vec![rsp]);
        assert_eq!(standing(&report), expected, "{policy:?}");
        let pin = told(&report).pin.as_ref();
        let code = pin.and_then(|pin| Some(pin.provider.as_ref()?.as_str()));
        assert_eq!(code, expected.is_proven().then_some("1234"));
    }
}

#[test]
fn diversions_are_shown_with_the_call_and_with_its_answer() {
    let mut exchange = Exchange::new();
    exchange.way.scene.policy.replay = Replay::Enforce;
    let div = exchange.way.div(BOB, CAROL);
    let call = call_for(CAROL);
    let report = exchange
        .way
        .verify(&call, vec![exchange.way.original(), div.clone()]);
    assert_eq!(report.verdict, Verdict::Passed);
    let report = exchange.judge(vec![exchange.rsp(CAROL), div]);
    assert_eq!(standing(&report), AnswerStanding::Diverted);
}

#[test]
fn where_nobody_judges_nothing_is_proven() {
    let exchange = Exchange::new();
    let service = exchange.way.scene.verification();
    let presented = vec![Ok(exchange.rsp(BOB))];
    let declined = service.decline_answer(&presented, Some(&keys(&["AB"])));
    assert_eq!(
        standing(&declined),
        AnswerStanding::NotValidated(Fault::NoTrustDomain)
    );
    assert_eq!(told(&declined).media, MediaStanding::NotSigned);
    let nothing = service.decline_answer(&[], None);
    assert_eq!(standing(&nothing), AnswerStanding::Absent);
    assert_eq!(told(&nothing).media, MediaStanding::NoKeys);
}

#[test]
fn nobody_can_answer_where_nobody_spoke_for_the_caller() {
    let exchange = Exchange::new();
    let alone = vec![signed(&exchange.way.div(BOB, CAROL))];
    assert!(Dialled::of(alone, number(CAROL), NOW).is_none());
    assert!(Dialled::of(Vec::new(), number(CAROL), NOW).is_none());
    let rsp = vec![signed(&exchange.rsp(BOB))];
    assert!(Dialled::of(rsp, number(BOB), NOW).is_none());
}

#[test]
fn an_info_is_wanted_of_an_answer_as_of_a_call() {
    let mut exchange = Exchange::new();
    let mut bare = exchange.rsp(BOB);
    bare.info = None;
    let report = exchange.judge(vec![bare.clone()]);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::InfoMissing)
    );
    exchange.way.scene.policy.info = InfoRequirement::Optional;
    let report = exchange.judge(vec![bare]);
    assert_eq!(standing(&report), AnswerStanding::Matching);
}
