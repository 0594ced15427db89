//! x509-limbo: certificates and revocation lists that other verifiers got wrong, as far as they are about paths and not about
//! web servers.
//!
//! ```text
//!     target, heap, anchors, lists ──▶ candidate lists ──▶ path::walk ──▶ revocation ──▶ as the suite says, or an exception
//! ```

use crate::candidate_paths::Heap;
use crate::exceptions::Exceptions;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::certificate::{Certificate, Crl, PathRules};
use countersign::crypto::AwsLc;
use countersign::path::{Purpose, walk};
use countersign::time::UnixTime;
use countersign::trust::revocation::Status;
use countersign::trust::{Anchor, RevocationRule, Standing, Trust};
use serde_json::Value;
use std::sync::Arc;

const CASES: &str = include_str!("../../../../test-data/x509/limbo/cases.jsonl");
const EXCEPTIONS: &str = include_str!("../../../../test-data/x509/limbo/exceptions.tsv");

/// One case of the suite.
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) expected: bool,
    pub(crate) at: UnixTime,
    pub(crate) trusted: Vec<Vec<u8>>,
    pub(crate) heap: Vec<Vec<u8>>,
    pub(crate) target: Vec<u8>,
    pub(crate) crls: Vec<Vec<u8>>,
}

pub(crate) fn cases() -> Vec<Case> {
    let read = |line: &str| {
        let case: Value = serde_json::from_str(line).unwrap();
        let der = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
        let ders = |name: &str| case[name].as_array().unwrap().iter().map(der).collect();
        Case {
            id: case["id"].as_str().unwrap().to_owned(),
            expected: case["expected"].as_bool().unwrap(),
            // Where the suite says "now": a day in the lives of all its certificates.
            at: UnixTime::from_secs(case["at"].as_i64().unwrap_or(1_704_067_200)),
            trusted: ders("trusted"),
            heap: ders("untrusted"),
            target: der(&case["peer"]),
            crls: ders("crls"),
        }
    };
    CASES.lines().map(read).collect()
}

/// A certificate that cannot be read can prove nothing: it is left out.
fn readable(ders: &[Vec<u8>]) -> Vec<Certificate> {
    ders.iter()
        .filter_map(|der| Certificate::parse(der).ok())
        .collect()
}

/// Our verdict: whether one of the lists leads to an anchor, and nothing on it was revoked. In one word for exceptions.
pub(crate) fn ours(case: &Case) -> Result<(), String> {
    let target = Certificate::parse(&case.target).map_err(|error| error.to_string())?;
    let anchors: Vec<_> = readable(&case.trusted)
        .into_iter()
        .filter_map(|root| Anchor::new(root, Standing::Public).ok())
        .collect();
    let trust = trust(case, anchors)?;
    let mut verdict = Err("no list".to_owned());
    let heap = Heap::new(readable(&case.heap));
    for list in heap.lists(&target, trust.anchors()) {
        verdict = judge(&list, &trust, case.at);
        if verdict.is_ok() {
            break;
        }
    }
    verdict
}

/// The anchors, with the revocation lists of the case, which must all be believed.
fn trust(case: &Case, anchors: Vec<Anchor>) -> Result<Trust, String> {
    let trust = Trust::new("limbo", 1, anchors);
    let verify = |der: &Vec<u8>| {
        let list = Crl::parse(der).map_err(|error| error.to_string())?;
        let verified = list.verify(&[], &trust, case.at, &AwsLc);
        verified.map(Arc::new).map_err(|fault| fault.to_string())
    };
    let lists: Result<Vec<_>, _> = case.crls.iter().map(verify).collect();
    let lists = lists?;
    Ok(match lists.is_empty() {
        true => trust,
        false => trust.with_crls(RevocationRule::Hard { grace: 0 }, lists),
    })
}

fn judge(list: &[Certificate], trust: &Trust, at: UnixTime) -> Result<(), String> {
    let rules = PathRules::default();
    let walked = walk(list, trust.anchors(), Purpose::Any, &rules, at, &AwsLc)
        .map_err(|fault| fault.to_string())?;
    let anchor = walked.anchor.certificate();
    if trust.revocations().rule() == RevocationRule::Off {
        return Ok(());
    }
    for certificate in list.iter().filter(|one| *one != anchor) {
        match trust.revocations().judge(certificate, anchor.sha256(), at) {
            Status::Good(_) => {}
            other => return Err(format!("{other:?}")),
        }
    }
    Ok(())
}

#[test]
fn every_case_is_judged_as_the_suite_says() {
    let word = |good: bool| if good { "accepted" } else { "refused" }.to_owned();
    let verdicts = cases().into_iter().map(|case| {
        let ours = ours(&case);
        if ours.is_ok() != case.expected {
            println!("{}: {ours:?}", case.id);
        }
        (case.id, word(case.expected), word(ours.is_ok()))
    });
    Exceptions::read(EXCEPTIONS).hold(verdicts);
}

/// The suite is as large as it was.
#[test]
fn ninety_cases() {
    assert_eq!(cases().len(), 90);
}
