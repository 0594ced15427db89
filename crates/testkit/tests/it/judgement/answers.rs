//! Who picked up: RFC 9970.
//!
//! ```text
//!    Alice's provider ── INVITE, shaken: Alice to Bob ──► Bob's provider
//!         ▲                                                    │
//!         └──── 183 or 200, rsp: Alice to Bob, for Bob ────────┘
//! ```
//!
//! This test verifies that an answer is believed if, and only if, whoever was called has signed it for this call and now, and that nothing
//! is fetched for one that cannot be good.

mod bad_input;
mod diverted;
mod media;
mod model;
mod remembered;
mod requests;
mod secured;

use super::chains::{CAROL, Way};
use countersign::identity::{Dest, Identity};
use countersign::media_keys::{Fingerprint, MediaKeys};
use countersign::passport::{Claims, Extension, Presented, SignedPassport};
use countersign::time::UnixTime;
use countersign::verification::{
    AnswerReport, AnswerStanding, Check, Dialled, Fault, Malformed, MediaStanding, Outcome,
    Purpose, Report, Seal, Verdict, VerificationService,
};
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{ALICE, BOB, MALLORY, now, number};
use std::sync::Arc;

/// A call from Alice to Bob that was sent at [`NOW`], and everybody who could answer it.
struct Exchange {
    way: Way,
    dialled: Dialled,
    keys: Option<MediaKeys>,
}

impl Exchange {
    fn new() -> Self {
        let way = Way::new();
        let sent = vec![signed(&way.original())];
        Self {
            dialled: Dialled::of(sent, number(BOB), NOW).unwrap(),
            way,
            keys: None,
        }
    }

    /// What somebody's provider signs when they pick up.
    fn rsp(&self, who: &str) -> Presented {
        self.rsp_at(0, who)
    }

    fn rsp_at(&self, seconds: i64, who: &str) -> Presented {
        self.way
            .diverted(who, answer(who, NOW.saturating_add(seconds)))
    }

    /// What `by` signs, whoever picked up.
    fn rsp_by(&self, by: &str, claims: Claims) -> Presented {
        self.way.diverted(by, claims)
    }

    fn judge(&self, presented: Vec<Presented>) -> Report {
        self.judge_at(1, presented)
    }

    fn judge_at(&self, seconds: i64, presented: Vec<Presented>) -> Report {
        let presented = presented.into_iter().map(Ok).collect();
        self.judge_with(&self.way.scene.verification(), seconds, presented)
    }

    fn judge_with(
        &self,
        service: &VerificationService,
        seconds: i64,
        presented: Vec<Result<Presented, Malformed>>,
    ) -> Report {
        self.judge_of(&self.dialled, service, seconds, presented)
    }

    fn judge_of(
        &self,
        dialled: &Dialled,
        service: &VerificationService,
        seconds: i64,
        presented: Vec<Result<Presented, Malformed>>,
    ) -> Report {
        let (now, trust) = (now(seconds), &self.way.scene.trust);
        let dialled = Arc::new(dialled.clone());
        let keys = self.keys.as_ref();
        let verification = service.begin_answer(&dialled, presented, keys, trust, now);
        self.way.scene.drive(verification, now)
    }

    fn fetches(&self) -> usize {
        self.way.scene.repository.requests().len()
    }
}

/// The claims of an answer to Alice.
fn answer(who: &str, iat: UnixTime) -> Claims {
    Claims {
        orig: number(ALICE),
        dest: Dest::one(number(who)),
        iat,
        extension: Extension::Rsp,
        rich: None,
        media_keys: None,
        staple: None,
    }
}

fn signed(presented: &Presented) -> SignedPassport {
    SignedPassport::parse(&presented.token).unwrap()
}

fn keys(digests: &[&str]) -> MediaKeys {
    let each = digests.iter();
    let fingerprints = each.map(|digest| Fingerprint::new("sha-256", digest).unwrap());
    MediaKeys::new(fingerprints).unwrap()
}

fn told(report: &Report) -> &AnswerReport {
    report.answer.as_deref().unwrap()
}

fn standing(report: &Report) -> AnswerStanding {
    let answer = told(report);
    assert_eq!(answer.reached.is_some(), answer.standing.is_proven());
    assert_eq!(answer.pin.is_some(), answer.standing.is_proven());
    let expected = match answer.standing {
        AnswerStanding::Absent => Verdict::Unsigned,
        AnswerStanding::Diverted | AnswerStanding::Matching => Verdict::Passed,
        AnswerStanding::NotValidated(fault) => Verdict::NotValidated(fault),
        AnswerStanding::Unexpected(fault) => Verdict::Failed(fault),
    };
    assert_eq!(report.verdict, expected);
    assert!(report.consequences().is_none());
    answer.standing
}

fn reached(report: &Report) -> Option<&Identity> {
    told(report).reached.as_ref()
}

#[test]
fn digest01_case01_who_was_called_has_answered() {
    let exchange = Exchange::new();
    let report = exchange.judge(vec![exchange.rsp(BOB)]);
    assert_eq!(standing(&report), AnswerStanding::Matching);
    assert_eq!(reached(&report), Some(&number(BOB)));
    assert_eq!(told(&report).media, MediaStanding::NoKeys);
    let [passport] = &*report.passports else {
        panic!("{report:#?}")
    };
    assert_eq!(passport.purpose, Purpose::Answer);
    let proven = passport.token.proven().unwrap();
    assert_eq!(
        told(&report).seals,
        [Seal::of(proven.passport().signature())]
    );
    assert_eq!(report.deciding().unwrap().ppt(), Some("rsp"));
    let pin = told(&report).pin.as_ref().unwrap();
    let (_, bob) = exchange.way.provider_of(BOB);
    let certificate = bob.chain.end_entity();
    assert_eq!(pin.identity, number(BOB));
    assert_eq!(Some(pin.key), certificate.public_key().p256_digest());
    // The digest is over the bytes of the certificate itself.
    let point = certificate.public_key().p256().unwrap();
    let der = certificate.as_der();
    let at = der.windows(65).position(|bytes| bytes == point).unwrap();
    assert_eq!(countersign::crypto::sha256(&der[at - 26..at + 65]), pin.key);
    assert_eq!(exchange.fetches(), 1, "what we sent is not fetched for");
}

#[test]
fn digest01_case02_a_certificate_of_the_caller_does_not_speak_for_the_called() {
    let mut exchange = Exchange::new();
    exchange.way.meet(ALICE);
    for by in [ALICE, MALLORY] {
        let forged = exchange.rsp_by(by, answer(BOB, NOW));
        let report = exchange.judge(vec![forged]);
        assert_eq!(
            standing(&report),
            AnswerStanding::Unexpected(Fault::NotCovered),
            "{by}"
        );
        assert_eq!(report.code.unwrap().number(), 437);
    }
}

#[test]
fn digest01_case03_somebody_else_without_a_diversion_is_unexpected() {
    let exchange = Exchange::new();
    let report = exchange.judge(vec![exchange.rsp(MALLORY)]);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::AnswerUnexpected)
    );
    assert_eq!(report.code.unwrap().number(), 438);
    let detail = report.detail().unwrap();
    assert!(detail.contains(MALLORY) && detail.contains(BOB), "{detail}");
    assert_eq!(exchange.fetches(), 0, "it could not be good");
}

#[test]
fn digest01_case16_the_200_counts_where_the_183_was_lost() {
    let exchange = Exchange::new();
    let nothing = exchange.judge(Vec::new());
    assert_eq!(standing(&nothing), AnswerStanding::Absent);
    assert_eq!(nothing.code, None);
    let report = exchange.judge_at(20, vec![exchange.rsp_at(19, BOB)]);
    assert_eq!(standing(&report), AnswerStanding::Matching);
}

#[test]
fn digest01_case17_an_answer_is_as_old_as_itself_and_not_as_the_call() {
    let exchange = Exchange::new();
    let stale = exchange.judge_at(301, vec![exchange.rsp_at(1, BOB)]);
    assert_eq!(
        standing(&stale),
        AnswerStanding::Unexpected(Fault::IatStale)
    );
    assert_eq!(exchange.fetches(), 0);
    for (seconds, signed, expected) in [
        (90, 90, AnswerStanding::Matching),
        (90, 30, AnswerStanding::Matching),
        (90, 29, AnswerStanding::Unexpected(Fault::IatStale)),
        (90, 150, AnswerStanding::Matching),
        (90, 151, AnswerStanding::Unexpected(Fault::IatInFuture)),
    ] {
        let report = exchange.judge_at(seconds, vec![exchange.rsp_at(signed, BOB)]);
        assert_eq!(standing(&report), expected, "{seconds} {signed}");
    }
}

#[test]
fn digest01_case14_a_dialog_has_one_who_was_reached() {
    let exchange = Exchange::new();
    let first = exchange.judge(vec![exchange.rsp(BOB)]);
    let again = exchange.judge_at(9, vec![exchange.rsp_at(9, BOB)]);
    let second = |report: &Report| standing(report).after(&number(BOB), reached(report));
    assert_eq!(second(&first), AnswerStanding::Matching);
    assert_eq!(second(&again), AnswerStanding::Matching);
    let diverted = vec![exchange.rsp(CAROL), exchange.way.div(BOB, CAROL)];
    let other = exchange.judge(diverted);
    assert_eq!(standing(&other), AnswerStanding::Diverted);
    let changed = AnswerStanding::Unexpected(Fault::AnswerUnexpected);
    assert_eq!(second(&other), changed);
    let absent = exchange.judge(Vec::new());
    assert_eq!(second(&absent), AnswerStanding::Absent);
}

#[test]
fn the_checks_of_an_answer_are_those_of_a_call() {
    let exchange = Exchange::new();
    let report = exchange.judge(vec![exchange.rsp(BOB)]);
    for result in report.passports[0].checks.iter() {
        let expected = match result.check {
            Check::Date
            | Check::Media
            | Check::Constraints
            | Check::Chain
            | Check::Freshness
            | Check::Revocation => Outcome::Skipped,
            _ => Outcome::Passed,
        };
        assert_eq!(result.outcome, expected, "{}", result.check.name());
    }
}

#[test]
fn told_twice_an_answer_stays_what_it_is() {
    let exchange = Exchange::new();
    let service = exchange.way.scene.verification();
    let dialled = Arc::new(exchange.dialled.clone());
    let trust = &exchange.way.scene.trust;
    let presented = vec![Ok(exchange.rsp(BOB))];
    let mut verification = service.begin_answer(&dialled, presented, None, trust, now(0));
    let late = verification.expire(now(0));
    let expected = AnswerStanding::NotValidated(Fault::DeadlineExpired);
    assert_eq!(standing(&late), expected);
    assert_eq!(late.passports.len(), 1);
    let again = verification.expire(now(1));
    assert_eq!(standing(&again), expected);
    assert_eq!(again.passports.len(), 0);
}
