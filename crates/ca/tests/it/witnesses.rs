//! OpenSSL and rustls-webpki beside the walker, over the cases of both suites that they can judge.
//!
//! ```text
//!     case ──▶ path::walk ─┬─ same verdict as `openssl verify`, or a named exception
//!                          └─ same verdict as webpki, or a named exception
//! ```
//!
//! Revocation is left out: webpki and OpenSSL hear lists in other ways, and the lists have tests of their own.

use crate::exceptions::Exceptions;
use crate::openssl::{Files, openssl};
use crate::{limbo, pkits};
use ::webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};
use countersign::certificate::rules::{ExplicitPolicy, Initially, PolicyRules};
use countersign::time::UnixTime;
use rustls::pki_types as types;
use std::sync::OnceLock;
use std::time::Duration;

const OPENSSL: &str = include_str!("../../../../test-data/x509/openssl-exceptions.tsv");
const WEBPKI: &str = include_str!("../../../../test-data/x509/webpki-exceptions.tsv");

/// What every judge is asked.
struct Question {
    id: String,
    trusted: Vec<Vec<u8>>,
    heap: Vec<Vec<u8>>,
    target: Vec<u8>,
    at: UnixTime,
    rules: PolicyRules,
    ours: bool,
}

/// Asked of us once, for both witnesses.
fn questions() -> &'static [Question] {
    static QUESTIONS: OnceLock<Vec<Question>> = OnceLock::new();
    QUESTIONS.get_or_init(ask)
}

fn ask() -> Vec<Question> {
    let limbo = limbo::cases()
        .into_iter()
        .filter(|case| case.crls.is_empty());
    let limbo = limbo.map(|case| Question {
        ours: limbo::ours(&case).is_ok(),
        id: case.id,
        trusted: case.trusted,
        heap: case.heap,
        target: case.target,
        at: case.at,
        rules: PolicyRules::default(),
    });
    let suite = pkits::Suite::read();
    let pkits = pkits::cases().into_iter().map(|case| Question {
        ours: suite.ours(&case).is_ok(),
        trusted: vec![suite.ders[pkits::ANCHOR].clone()],
        heap: suite.above(case.end_entity),
        target: suite.ders[case.end_entity].clone(),
        at: pkits::AT,
        rules: case.rules,
        id: case.id,
    });
    limbo.chain(pkits).collect()
}

const fn word(good: bool) -> &'static str {
    if good { "accepted" } else { "refused" }
}

/// The verdict of `openssl verify`, asked about policies as we are.
fn openssl_accepts(question: &Question) -> bool {
    let files = Files::new();
    fn ders(list: &[Vec<u8>]) -> Vec<&[u8]> {
        list.iter().map(Vec::as_slice).collect()
    }
    let trusted = files.certificates("trusted.pem", &ders(&question.trusted));
    let heap = files.certificates("heap.pem", &ders(&question.heap));
    let target = files.certificates("target.pem", &[&question.target]);
    let at = question.at.as_secs().to_string();
    let mut arguments = vec![
        "verify",
        "-no-CApath",
        "-no-CAstore",
        "-partial_chain",
        "-policy_check",
    ];
    arguments.extend(["-attime", &at, "-CAfile", trusted.to_str().unwrap()]);
    if !question.heap.is_empty() {
        arguments.extend(["-untrusted", heap.to_str().unwrap()]);
    }
    let PolicyRules {
        acceptable,
        any_policy,
        explicit_policy,
        mapping,
    } = &question.rules;
    let policies: Vec<_> = acceptable.iter().map(ToString::to_string).collect();
    // Without this OpenSSL looks for none.
    if policies.is_empty() {
        arguments.extend(["-policy", "2.5.29.32.0"]);
    }
    for policy in &policies {
        arguments.extend(["-policy", policy]);
    }
    for (flag, is_set) in [
        (
            "-explicit_policy",
            *explicit_policy == ExplicitPolicy::Required,
        ),
        ("-inhibit_any", *any_policy == Initially::Inhibited),
        ("-inhibit_map", *mapping == Initially::Inhibited),
    ] {
        arguments.extend(is_set.then_some(flag));
    }
    openssl(&arguments, &[&target]).0
}

/// The verdict of webpki; `None` if it says itself that it cannot tell, or that it was asked for more than it knows.
fn webpki_accepts(question: &Question) -> Option<bool> {
    if question.rules != PolicyRules::default() {
        return None;
    }
    match webpki_verdict(question) {
        Ok(()) => Some(true),
        Err(Error::UnsupportedCriticalExtension) => None,
        Err(_) => Some(false),
    }
}

fn webpki_verdict(question: &Question) -> Result<(), Error> {
    let der = |der: &Vec<u8>| types::CertificateDer::from(der.clone());
    let trusted: Vec<_> = question.trusted.iter().map(der).collect();
    let anchors: Vec<_> = trusted
        .iter()
        .filter_map(|root| anchor_from_trusted_cert(root).ok())
        .collect();
    let heap: Vec<_> = question.heap.iter().map(der).collect();
    let target = der(&question.target);
    let at = Duration::from_secs(u64::try_from(question.at.as_secs()).unwrap());
    let target = EndEntityCert::try_from(&target)?;
    let verified = target.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        &anchors,
        &heap,
        types::UnixTime::since_unix_epoch(at),
        KeyUsage::server_auth(),
        None,
        None,
    );
    verified.map(|_| ())
}

/// This test verifies that OpenSSL comes to our verdict on every case, or the list says why not.
#[test]
fn openssl_agrees() {
    let verdicts = questions().iter().map(|question| {
        let (ours, theirs) = (word(question.ours), word(openssl_accepts(question)));
        (question.id.clone(), ours.to_owned(), theirs.to_owned())
    });
    Exceptions::read(OPENSSL).hold(verdicts);
}

/// This test verifies the same of webpki, on the cases that it can judge: most of both suites.
#[test]
fn webpki_agrees() {
    let judged: Vec<_> = questions()
        .iter()
        .filter_map(|question| {
            let theirs = word(webpki_accepts(question)?).to_owned();
            Some((question.id.clone(), word(question.ours).to_owned(), theirs))
        })
        .collect();
    assert!(judged.len() > 100, "{}", judged.len());
    Exceptions::read(WEBPKI).hold(judged);
}
