//! Tokens that bring their certificates along.
//!
//! ```text
//!    Alice's provider ── Identity {x5u, x5c: [SHAKEN numbers, Issuing CA]} ──► Bob's provider      Repository
//!                                                                                  └── never asked ──┘
//! ```
//!
//! This test verifies that what is in the token is judged like what is fetched, and that its x5u, although nobody goes there, must
//! still be a good one.

use super::told;
use countersign::certificate::CertificateChain;
use countersign::passport::Presented;
use countersign::verification::policy::{Thoroughness, X5c, X5cWithoutX5u};
use countersign::verification::{Check, Evidence, Fault, Outcome, Report, Verdict};
use countersign_testkit::lab::{self, Lab};
use countersign_testkit::scene::{ALICE, Forgery, Scene, X5U, call};

const PASSED: (Verdict, Option<u16>) = (Verdict::Passed, None);

const fn failed(fault: Fault, code: u16) -> (Verdict, Option<u16>) {
    (Verdict::Failed(fault), Some(code))
}

/// A chain as the JSON that stands under x5c.
fn x5c(chain: &CertificateChain) -> String {
    let one = |certificate: &countersign::certificate::Certificate| {
        // What stands between the lines of PEM is the base64 that x5c wants.
        let pem = countersign::certificate::chain::pem(certificate.as_der());
        let inside: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        format!("\"{inside}\"")
    };
    let all: Vec<_> = chain.certificates().iter().map(one).collect();
    format!("[{}]", all.join(","))
}

/// A token with this under x5c, signed with the key of Alice's provider.
fn with(scene: &Scene, x5c: &str) -> Presented {
    let member = format!(r#""typ":"passport","x5c":{x5c}"#);
    scene.forge(&Forgery::new().header(r#""typ":"passport""#, &member))
}

/// The same without an x5u.
fn only(scene: &Scene, x5c: &str) -> Presented {
    let x5u = format!(r#","x5u":"{X5U}""#);
    let member = format!(r#","x5c":{x5c}"#);
    scene.forge(&Forgery::new().header(&x5u, &member))
}

fn certificate(report: &Report) -> (Outcome, Evidence) {
    let result = report.passports[0].checks.get(Check::Certificate);
    (result.outcome, result.evidence.clone())
}

#[test]
fn digest05_case13_an_x5c_alone_is_refused_unless_policy_says_so() {
    let scene = Scene::new();
    let alone = only(&scene, &x5c(&scene.signer.chain));
    let report = scene.verify(&call(), alone.clone());
    assert_eq!(told(&report), failed(Fault::X5uMissing, 436));
    let accepting = scene.with_policy(|policy| policy.x5c_without_x5u = X5cWithoutX5u::Accept);
    let report = accepting.verify(&call(), alone.clone());
    assert_eq!(told(&report), PASSED);
    assert_eq!(certificate(&report), (Outcome::Passed, Evidence::InToken));
    let without_info = Presented {
        info: None,
        ..alone.clone()
    };
    let report = accepting.verify(&call(), without_info);
    assert_eq!(told(&report), PASSED, "info agrees with nothing");
    assert_eq!(accepting.repository.requests(), []);
    // Where x5c is not looked at it cannot stand in for anything.
    let never = accepting.with_policy(|policy| policy.x5c = X5c::Never);
    let report = never.verify(&call(), alone);
    assert_eq!(told(&report), failed(Fault::X5uMissing, 436));
}

#[test]
fn digest05_case13_an_x5c_of_another_key_is_438() {
    let scene = Scene::new();
    let other = scene.lab.numbers(ALICE, 50).chain;
    let report = scene.verify(&call(), with(&scene, &x5c(&other)));
    assert_eq!(told(&report), failed(Fault::SignatureInvalid, 438));
    assert_eq!(
        scene.repository.requests(),
        [],
        "nobody looks whether x5u has a better one"
    );
}

#[test]
fn digest05_case14_x5c_wins_over_x5u_which_is_not_fetched() {
    let scene = Scene::new();
    let own = x5c(&scene.signer.chain);
    let token = with(&scene, &own);
    // At x5u there is a chain of somebody else.
    let other = Lab::new().numbers(ALICE, 50).chain;
    scene.repository.publish(X5U, &other);
    let report = scene.verify(&call(), token.clone());
    assert_eq!(told(&report), PASSED);
    assert_eq!(scene.repository.requests(), []);
    // It is still the x5u of a PASSporT: equal to info, and a URL that could be fetched from.
    let elsewhere = Presented {
        info: Some("https://cert.example.net/other.pem".into()),
        ..token.clone()
    };
    let report = scene.verify(&call(), elsewhere);
    assert_eq!(told(&report), failed(Fault::InfoMismatch, 436));
    let http = "http://cert.example.org/alice.pem";
    let member = format!(r#""typ":"passport","x5c":{own}"#);
    let forgery = Forgery::new()
        .header(r#""typ":"passport""#, &member)
        .header(X5U, http);
    let over_http = Presented {
        info: Some(http.into()),
        ..scene.forge(&forgery)
    };
    let report = scene.verify(&call(), over_http);
    assert_eq!(told(&report), failed(Fault::X5uInvalid, 436));
    assert_eq!(scene.repository.requests(), []);
    // Who does not look at x5c goes to x5u.
    let never = scene.with_policy(|policy| policy.x5c = X5c::Never);
    let report = never.verify(&call(), token);
    assert_eq!(told(&report), failed(Fault::PathUntrusted, 437));
    assert_eq!(never.repository.requests().len(), 1);
}

#[test]
fn an_x5c_that_is_none_is_437_and_x5u_does_not_mend_it() {
    let scene = Scene::new();
    let der = x5c(&scene.signer.chain);
    let many = format!("[{}]", [r#""MA==""#; 11].join(","));
    let truncated = der.replacen("\"M", "\"", 1);
    for broken in [
        "[]",
        "{}",
        "\"MA==\"",
        "[\"MA==\"]",
        "[\"*\"]",
        "[1]",
        &many,
        &truncated,
    ] {
        let report = scene.verify(&call(), with(&scene, broken));
        assert_eq!(told(&report), failed(Fault::X5cInvalid, 437), "{broken}");
        assert!(report.detail().is_some());
    }
    assert_eq!(scene.repository.requests(), []);
    let never = scene.with_policy(|policy| policy.x5c = X5c::Never);
    let report = never.verify(&call(), with(&never, "[1]"));
    assert_eq!(told(&report), PASSED, "it is not looked at");
}

/// A chain in the token is believed no more than one from a URL.
#[test]
fn an_x5c_proves_nothing_by_being_there() {
    let scene = Scene::new();
    let stranger = Lab::new().numbers(ALICE, 50);
    let member = format!(r#""typ":"passport","x5c":{}"#, x5c(&stranger.chain));
    let forged = Forgery::new().header(r#""typ":"passport""#, &member);
    let report = scene.verify(&call(), forged.sign(&*stranger.key));
    assert_eq!(told(&report), failed(Fault::PathUntrusted, 437));
    // Whose certificate it is counts, not who sent it: a victim's chain under another key.
    let member = format!(r#""typ":"passport","x5c":{}"#, x5c(&scene.signer.chain));
    let stolen = Forgery::new().header(r#""typ":"passport""#, &member);
    let report = scene.verify(&call(), stolen.sign(&*lab::new_key()));
    assert_eq!(told(&report), failed(Fault::SignatureInvalid, 438));
    // The end entity first: RFC 7515 §4.1.6.
    let [end_entity, issuer] = scene.signer.chain.certificates() else {
        unreachable!("two certificates");
    };
    let reversed = lab::chain(&[issuer, end_entity]);
    let report = scene.verify(&call(), with(&scene, &x5c(&reversed)));
    assert_eq!(told(&report), failed(Fault::PathInvalid, 437));
}

/// A stale token costs no look into its certificates, unless every check is wanted.
#[test]
fn an_x5c_is_looked_at_when_a_fetch_would_be_worth_it() {
    let scene = Scene::new();
    let token = with(&scene, "[1]");
    let report = scene.verify_at(61, &call(), vec![Ok(token.clone())]);
    assert_eq!(told(&report), failed(Fault::IatStale, 403));
    assert_eq!(certificate(&report).0, Outcome::Skipped);
    let thorough = scene.with_policy(|policy| policy.thoroughness = Thoroughness::EveryCheck);
    let report = thorough.verify_at(61, &call(), vec![Ok(token)]);
    assert_eq!(told(&report), failed(Fault::X5cInvalid, 437));
}

/// Two headers, one with its chain and one without: only one of them waits.
#[test]
fn a_chain_in_one_token_and_a_fetch_for_another() {
    let scene = Scene::new();
    let both = vec![
        Ok(scene.forge(&Forgery::new())),
        Ok(with(&scene, &x5c(&scene.signer.chain))),
    ];
    let report = scene.verify_at(0, &call(), both);
    let verdicts = report.passports.iter().map(|one| one.verdict);
    assert!(verdicts.eq([Verdict::Passed, Verdict::Passed]));
    assert_eq!(scene.repository.requests().len(), 1);
}
