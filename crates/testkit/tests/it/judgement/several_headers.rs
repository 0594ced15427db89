//! Several Identity headers in one request: RFC 8224 §6.2.1.
//!
//! ```text
//!    INVITE, Identity: good, Identity: bad ──► one good one suffices, and the bad one is told all the same
//! ```
//!
//! This test verifies the sum over several headers: passed if any passes; else not validated if any is; else failed; only
//! unsupported types count as unsigned.

use super::told;
use countersign::call::Call;
use countersign::passport::Presented;
use countersign::verification::policy::Order;
use countersign::verification::{Fault, Malformed, Unavailable, Verdict};
use countersign_testkit::scene::{Forgery, Scene, X5U, call};

const NOWHERE: &str = "https://cert.example.org/nowhere.pem";

fn bad() -> Presented {
    Forgery::new().sign(&*countersign_testkit::lab::new_key())
}

fn unavailable(scene: &Scene) -> Presented {
    let forgery = Forgery::new().header(X5U, NOWHERE);
    Presented {
        info: Some(NOWHERE.into()),
        ..scene.forge(&forgery)
    }
}

fn unsupported(scene: &Scene) -> Presented {
    let forgery = Forgery::new().header("\"shaken\"", "\"foo\"");
    Presented {
        ppt: Some("foo".into()),
        ..scene.forge(&forgery)
    }
}

#[test]
fn digest02_case21_one_good_one_suffices_and_each_bad_one_is_told() {
    let scene = Scene::new();
    let base = Forgery::new().header("\"ppt\":\"shaken\",", "");
    let base = Presented {
        ppt: None,
        ..scene.forge(&base)
    };
    for headers in [vec![Ok(base.clone()), Ok(bad())], vec![Ok(bad()), Ok(base)]] {
        let report = scene.verify_at(0, &call(), headers);
        assert_eq!(told(&report), (Verdict::Passed, None));
        let mut verdicts: Vec<_> = report
            .passports
            .iter()
            .map(|one| one.verdict.name())
            .collect();
        verdicts.sort_unstable();
        assert_eq!(verdicts, ["failed", "passed"]);
    }
}

#[test]
fn digest02_case03_the_fault_of_the_bad_one_is_there_for_the_reason_header() {
    let scene = Scene::new();
    let report = scene.verify_at(0, &call(), vec![Ok(scene.present(&call())), Ok(bad())]);
    assert_eq!(report.verdict, Verdict::Passed);
    let second = &report.passports[1];
    assert_eq!(second.verdict.fault().unwrap().code().number(), 438);
    assert!(
        second.token.as_str().len() > 200,
        "its signature can be told"
    );
}

#[test]
fn digest02_case04_436_and_438_together_are_438() {
    let scene = Scene::new();
    let report = scene.verify_at(0, &call(), vec![Ok(unavailable(&scene)), Ok(bad())]);
    let verdict = Verdict::NotValidated(Fault::CertificateUnavailable);
    assert_eq!(told(&report), (verdict, Some(438)));
    let report = scene.verify_at(
        0,
        &call(),
        vec![Ok(unavailable(&scene)), Ok(unavailable(&scene))],
    );
    assert_eq!(told(&report), (verdict, Some(436)));
}

/// The fault that is told and the code that is sent are of one header.
#[test]
fn the_fault_told_is_one_that_has_the_code() {
    let scene = Scene::new();
    let no_info = Presented {
        info: None,
        ..scene.present(&call())
    };
    let headers = || vec![Ok(no_info.clone()), Ok(bad())];
    let report = scene.verify_at(0, &call(), headers());
    let verdict = Verdict::Failed(Fault::SignatureInvalid);
    assert_eq!(
        told(&report),
        (verdict, Some(438)),
        "436 is not true of all"
    );
    let unsupported = Forgery::new().header("ES256", "ES384");
    let headers = vec![Err(Malformed::Token), Ok(scene.forge(&unsupported))];
    for order in [Order::Atis, Order::Rfc8224] {
        let scene = Scene::new().with_policy(|policy| policy.order = order);
        let report = scene.verify_at(0, &call(), headers.clone());
        let fault = report.verdict.fault().unwrap();
        assert_eq!(report.code, Some(fault.code()), "{order:?}");
    }
}

#[test]
fn only_unsupported_types_are_unsigned_and_otherwise_they_do_not_count() {
    let scene = Scene::new();
    let unsupported = || Ok(unsupported(&scene));
    let report = scene.verify_at(0, &call(), vec![unsupported(), unsupported()]);
    assert_eq!(told(&report), (Verdict::Unsigned, None));
    let report = scene.verify_at(0, &call(), vec![unsupported(), Ok(bad())]);
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::SignatureInvalid), Some(438))
    );
    let report = scene.verify_at(0, &call(), vec![unsupported(), Ok(unavailable(&scene))]);
    assert_eq!(told(&report).1, Some(436), "all that count");
    let report = scene.verify_at(0, &call(), vec![unsupported(), Ok(scene.present(&call()))]);
    assert_eq!(report.verdict, Verdict::Passed);
}

#[test]
fn among_several_failures_the_order_decides() {
    let stale = || Forgery::new().payload("\"iat\":1", "\"iat\":-1");
    for (order, fault, code) in [
        (Order::Rfc8224, Fault::AlgUnsupported, 437),
        (Order::Atis, Fault::IatStale, 403),
    ] {
        let scene = Scene::new().with_policy(|policy| policy.order = order);
        let headers = vec![
            Err(Malformed::Token),
            Ok(scene.forge(&stale())),
            Ok(scene.forge(&Forgery::new().header("ES256", "ES384"))),
        ];
        let report = scene.verify_at(0, &call(), headers);
        assert_eq!(told(&report), (Verdict::Failed(fault), Some(code)));
    }
}

#[test]
fn the_same_header_twice_is_one_fetch_and_no_replay() {
    let scene = Scene::new();
    let presented = scene.present(&call());
    let report = scene.verify_at(0, &call(), vec![Ok(presented.clone()), Ok(presented)]);
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(scene.repository.requests().len(), 1);
}

/// RFC 9410: errors are told to who made them. What we did not ask for, and whom the call does not name, is no error of a signer.
#[test]
fn nobody_is_blamed_for_what_is_not_theirs() {
    let blamed = |cause: Unavailable| {
        let scene = Scene::new();
        scene.repository.fail(cause);
        let report = scene.verify(&call(), scene.present(&call()));
        let verdict = Verdict::NotValidated(Fault::CertificateUnavailable);
        assert_eq!(told(&report), (verdict, Some(436)), "{cause}");
        report.complaints().len()
    };
    for ours in [Unavailable::Offline, Unavailable::Overloaded] {
        assert_eq!(blamed(ours), 0, "{ours}");
    }
    for theirs in [Unavailable::BadStatus(404), Unavailable::Connect] {
        assert_eq!(blamed(theirs), 1, "{theirs}");
    }
    let scene = Scene::new();
    let presented = scene.present(&call());
    let nobody = Call {
        orig: None,
        ..call()
    };
    let report = scene.verify(&nobody, presented);
    let verdict = Verdict::NotValidated(Fault::CallerUnknown);
    assert_eq!(told(&report), (verdict, Some(438)));
    assert!(report.complaints().is_empty());
}
