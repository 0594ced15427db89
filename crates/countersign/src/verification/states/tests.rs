//! What a verification does before any certificate is there, and when none comes. With certificates: the scenarios of testkit.

use super::*;
use crate::call::{DateHeader, DestSource, OrigSource};
use crate::crypto::{AwsLc, EcdsaP256Key};
use crate::identity::{Dest, Identity};
use crate::passport::{Attestation, Claims, Extension, HeaderCache, OrigId, Passport, Shaken};
use crate::time::UnixTime;
use crate::verification::MemoryReplay;
use crate::verification::policy::{IdentityRequirement, Order};
use crate::verification::{Code, Verdict};

const X5U: &str = "https://cert.example.org/sp.pem";
const START: i64 = 1_700_000_000;

fn at(seconds: i64) -> Now {
    Now {
        unix: UnixTime::from_secs(START + seconds),
        ticks: Ticks::from_millis(u64::try_from(seconds + 1_000).unwrap() * 1_000),
    }
}

fn later(millis: u64) -> Now {
    let now = at(0);
    Now {
        ticks: now.ticks.after(Duration::from_millis(millis)),
        ..now
    }
}

fn number(text: &str) -> Identity {
    Identity::Number(text.parse().unwrap())
}

fn call() -> Call {
    Call {
        orig: Some(number("12025550100")),
        orig_from: OrigSource::From,
        dest: vec![(number("12025550101"), DestSource::To)],
        date: DateHeader::Absent,
        presentation: Default::default(),
        priority: Default::default(),
        media_keys: None,
        reference: None,
    }
}

fn presented(x5u: &str) -> Presented {
    let claims = Claims {
        orig: number("12025550100"),
        dest: Dest::one(number("12025550101")),
        iat: at(0).unix,
        extension: Extension::Shaken(Shaken {
            attest: Attestation::A,
            origid: OrigId::from_random([7; 16]),
        }),
        rich: None,
        media_keys: None,
        staple: None,
    };
    let key = EcdsaP256Key::generate().unwrap();
    let signed = Passport::new(claims)
        .unwrap()
        .sign(&HeaderCache::new(x5u).unwrap(), &key)
        .unwrap();
    Presented {
        info: Some(x5u.into()),
        ..Presented::bare(signed.token())
    }
}

fn begin(
    policy: VerificationPolicy,
    presented: Vec<Result<Presented, Malformed>>,
    now: Now,
) -> Verification {
    let service = VerificationService::new(
        policy,
        Arc::new(AwsLc),
        Arc::new(PathCache::new()),
        Arc::new(MemoryReplay::new(64)),
    );
    service.begin(
        &call(),
        presented,
        &Arc::new(Trust::new("test", 1, Vec::new())),
        now,
    )
}

fn done(verification: &mut Verification, now: Now) -> Report {
    match verification.poll(now) {
        Poll::Done(report) => report,
        Poll::Needs(needs) => panic!("still needs {needs:?}"),
    }
}

fn needs(verification: &mut Verification, now: Now) -> Vec<Need> {
    match verification.poll(now) {
        Poll::Done(report) => panic!("already decided: {report:?}"),
        Poll::Needs(needs) => needs.to_vec(),
    }
}

#[test]
fn no_identity_header_and_an_empty_one_are_unsigned() {
    for headers in [vec![], vec![Ok(Presented::bare(""))]] {
        let report = done(
            &mut begin(VerificationPolicy::default(), headers, at(0)),
            at(0),
        );
        assert_eq!(
            (report.verdict, report.code.map(Code::number)),
            (Verdict::Unsigned, None)
        );
    }
}

#[test]
fn digest02_case10_unsigned_is_428_only_if_required() {
    let policy = VerificationPolicy {
        identity: IdentityRequirement::Required,
        ..VerificationPolicy::default()
    };
    let report = done(&mut begin(policy, vec![], at(0)), at(0));
    assert_eq!(
        (report.verdict, report.code.map(Code::number)),
        (Verdict::Unsigned, Some(428))
    );
}

#[test]
fn above_the_limit_none_is_judged() {
    let policy = VerificationPolicy {
        max_identity_headers: 2,
        ..VerificationPolicy::default()
    };
    let many = |count| (0..count).map(|_| Ok(presented(X5U))).collect();
    assert_eq!(
        needs(&mut begin(policy.clone(), many(2), at(0)), at(0)).len(),
        1
    );
    let report = done(&mut begin(policy, many(3), at(0)), at(0));
    assert_eq!(
        report.verdict,
        Verdict::NotValidated(Fault::TooManyIdentityHeaders)
    );
    assert!(report.passports.is_empty());
}

#[test]
fn a_stale_forgery_buys_no_fetch() {
    let report = done(
        &mut begin(
            VerificationPolicy::default(),
            vec![Ok(presented(X5U))],
            at(61),
        ),
        at(61),
    );
    assert_eq!(
        (report.verdict, report.code.map(Code::number)),
        (Verdict::Failed(Fault::IatStale), Some(403))
    );
}

#[test]
fn needs_come_as_one_set_and_each_url_once() {
    let other = "https://cert.example.net/other.pem";
    let headers = [X5U, other, X5U].map(|x5u| Ok(presented(x5u))).into();
    let mut verification = begin(VerificationPolicy::default(), headers, at(0));
    let open = needs(&mut verification, at(0));
    let urls: Vec<_> = open
        .iter()
        .filter_map(|need| match &need.kind {
            NeedKind::Certificate { url, .. } => Some(&**url),
            _ => None,
        })
        .collect();
    assert_eq!(urls, [X5U, other]);
    verification.answer(open[1].id, Answer::Unavailable(Unavailable::Connect));
    assert_eq!(needs(&mut verification, at(0)), open[..1]);
    // Answered twice, or never asked: nothing happens.
    verification.answer(open[1].id, Answer::Unavailable(Unavailable::Tls));
    verification.answer(NeedId(99), Answer::Unavailable(Unavailable::Tls));
    assert_eq!(needs(&mut verification, at(0)), open[..1]);
    verification.answer(open[0].id, Answer::Unavailable(Unavailable::BadStatus(404)));
    let report = done(&mut verification, at(0));
    let fault = Fault::CertificateUnavailable;
    assert_eq!(
        (report.verdict, report.code.map(Code::number)),
        (Verdict::NotValidated(fault), Some(436))
    );
    assert_eq!(
        report.detail().unwrap(),
        "The certificate could not be had: the HTTP status is 404"
    );
    assert_eq!(report.passports.len(), 3);
}

#[test]
fn it_ends_at_the_deadline_and_when_told_to() {
    let policy = VerificationPolicy::default();
    let mut verification = begin(policy.clone(), vec![Ok(presented(X5U))], at(0));
    assert_eq!(needs(&mut verification, later(499)).len(), 1);
    assert_eq!(verification.deadline(), Some(later(500).ticks));
    let report = done(&mut verification, later(500));
    let expected = (Verdict::NotValidated(Fault::DeadlineExpired), Some(436));
    assert_eq!((report.verdict, report.code.map(Code::number)), expected);
    assert_eq!(verification.deadline(), None);

    let mut verification = begin(policy, vec![Ok(presented(X5U))], at(0));
    let report = verification.expire(at(0));
    assert_eq!((report.verdict, report.code.map(Code::number)), expected);
    let again = verification.expire(at(0));
    assert_eq!(
        (
            again.verdict,
            again.code.map(Code::number),
            again.passports.len()
        ),
        (report.verdict, report.code.map(Code::number), 0)
    );
}

#[test]
fn digest02_case04_436_only_if_it_is_all_of_them() {
    let mut broken = presented(X5U);
    broken.info = Some("https://cert.example.org/other.pem".into());
    let malformed = || Err(Malformed::Token);
    for (headers, code) in [
        (vec![Ok(presented(X5U)), malformed()], 438),
        (vec![malformed(), Ok(presented(X5U))], 438),
        (vec![Ok(presented(X5U)), Ok(broken)], 436),
    ] {
        let mut verification = begin(VerificationPolicy::default(), headers, at(0));
        for need in needs(&mut verification, at(0)) {
            verification.answer(need.id, Answer::Unavailable(Unavailable::BadStatus(404)));
        }
        let report = done(&mut verification, at(0));
        let expected = Verdict::NotValidated(Fault::CertificateUnavailable);
        assert_eq!(
            (report.verdict, report.code.map(Code::number)),
            (expected, Some(code))
        );
    }
}

#[test]
fn the_order_picks_among_what_was_found_in_one_stage() {
    for (order, fault, code) in [
        (Order::Rfc8224, Fault::InfoMismatch, 436),
        (Order::Atis, Fault::IatStale, 403),
    ] {
        let policy = VerificationPolicy {
            order,
            ..VerificationPolicy::default()
        };
        let mut stale = presented(X5U);
        stale.info = Some("https://cert.example.org/other.pem".into());
        let report = done(&mut begin(policy, vec![Ok(stale)], at(90)), at(90));
        assert_eq!(
            (report.verdict, report.code.map(Code::number)),
            (Verdict::Failed(fault), Some(code))
        );
    }
}

/// A verification may wait on one thread and be answered on another.
#[test]
fn verifications_travel_between_threads() {
    fn travels<T: Send>() {}
    fn is_shared<T: Send + Sync>() {}
    travels::<Verification>();
    travels::<Report>();
    is_shared::<VerificationService>();
    is_shared::<crate::authentication::AuthenticationService>();
}
