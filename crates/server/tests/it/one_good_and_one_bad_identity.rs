//! A call with one good and one bad Identity goes on, and who signed the bad one is told (RFC 9410).
//!
//! ```text
//!   caller (SIPp)                  verifies (ours)              called (SIPp)
//!     │ INVITE, Identity: good ───────▶│                            │
//!     │         Identity: bad          │ INVITE, verstat passed ───▶│
//!     │◀── 180, Reason: STIR ;cause=438│◀────────────────────── 180 │
//!     │         ;ppi="..<bad>"         │                            │
//!     │◀── 200 ────────────────────────│◀────────────────────── 200 │
//!
//!   caller (SIPp) ──▶ signs (ours) ──▶ changes a bit ──▶ verifies (ours) ──▶ called (SIPp)
//!                 ◀── 180, no Reason ◀─────────── 180, Reason: STIR
//!                          └─ logged and counted here
//! ```

use crate::peers::{Called, Caller, Change, Kamailio, Sipp};
use crate::provider::{Provider, now, udp};

/// The signature of an Identity header value.
fn signature(identity: &str) -> &str {
    let token = identity.split(';').next().unwrap();
    token.rsplit('.').next().unwrap()
}

/// The same value with another signature, as well-formed as that.
fn spoilt(identity: &str) -> String {
    let good = signature(identity);
    let other = if good.starts_with('A') { "B" } else { "A" };
    identity.replacen(good, &format!("{other}{}", &good[1..]), 1)
}

/// This test verifies digest 02, cases 3 and 21, on the wire.
#[test]
fn digest02_case03_one_good_and_one_bad_identity() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    // Its server runs for the sake of its repository.
    let _signs = provider.signs(&udp(called.address())).start();
    let mut verifies = provider.is_verified(&udp(called.address())).start();
    let good = provider.identity(now());
    let bad = spoilt(&provider.identity(now()));

    let seen = Sipp::call(Caller::Answered, verifies.sip())
        .header("Identity", &good)
        .header("Identity", &bad)
        .place();

    assert_eq!(called.finish().invite().verstat(), "TN-Validation-Passed");
    let reason = format!(
        "STIR;cause=438;text=\"Invalid Identity Header\";ppi=\"..{}\"",
        signature(&bad)
    );
    assert_eq!(seen.response(180).headers("Reason"), [reason.as_str()]);
    assert!(seen.response(200).headers("Reason").is_empty());
    let line = verifies.call();
    assert_eq!(line["verdict"], "passed");
    // As much of it as tells it from the other one, and no more.
    let short = format!("438 ..{}", &signature(&bad)[..12]);
    assert_eq!(line["complaints"], short);
    let errors = "countersign_signer_errors_total{signer=\"LAB1\",fault=\"signature-invalid\"}";
    assert_eq!(verifies.metric(errors), 1);
}

/// This test verifies digest 02, cases 2 and 6, on the wire: the verification side tells, the authentication side takes it out.
#[test]
fn digest02_case06_what_is_told_of_ours_ends_with_us() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let setup = provider.is_verified(&udp(called.address()));
    let mut verifies = setup.trunk("report_in = \"both\"").start();
    let changes = Kamailio::changes(verifies.sip(), Change::To);
    let mut signs = provider.signs(&udp(changes.address())).start();

    let seen = Sipp::call(Caller::Answered, signs.sip()).place();

    assert_eq!(called.finish().invite().verstat(), "TN-Validation-Failed");
    for status in [180, 200] {
        let reasons = seen.response(status).headers("Reason");
        assert!(reasons.is_empty(), "{reasons:?}");
    }
    assert_eq!(verifies.call()["code"], 438);
    assert_eq!(signs.call()["verdict"], "signed");
    let series = "countersign_reported_errors_total{trunk=\"signs\",about=\"ours\",code=\"438\"}";
    assert_eq!(signs.metric(series), 2);
    assert!(signs.process().output().contains("countersign::reported"));
}

/// This test verifies digest 02, cases 1 and 2, on the wire, and that each code has a policy of its own.
#[test]
fn digest02_case01_each_code_as_the_trunk_has_it() {
    let provider = Provider::new();
    for (policy, rejected, told) in [
        ("on_error_403 = \"reject\"", true, 0),
        ("on_error_403 = \"continue-silently\"", false, 0),
        ("on_error_438 = \"reject\"", false, 1),
    ] {
        let called = Sipp::called(Called::Answers);
        let setup = provider.is_verified(&udp(called.address()));
        let verifies = setup.trunk(policy).start();
        let stale = provider.identity(now().saturating_add(-600));
        let caller = match rejected {
            true => Caller::Refused(403),
            false => Caller::Answered,
        };
        let seen = Sipp::call(caller, verifies.sip())
            .header("Identity", &stale)
            .place();
        match rejected {
            true => called.was_not_called(),
            false => {
                assert_eq!(called.finish().invite().verstat(), "TN-Validation-Failed");
                let reasons = seen.response(180).headers("Reason");
                assert_eq!(reasons.len(), told, "{policy}: {reasons:?}");
            }
        }
    }
}
