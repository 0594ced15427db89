//! The public lints over the public lints' own test data: 75 certificates, each broken in one way or another, with what the
//! tool behind the names says of them (`test-data/lints/verdicts.json`).

use crate::vectors;
use countersign::certificate::lint::{LINTS, Lint, Outcome, Severity};
use countersign::certificate::{Certificate, CertificateError, pem};
use std::collections::{BTreeMap, BTreeSet};

/// What the verdicts call an outcome; nothing for what they are silent about: a rule kept, or about something else.
fn word(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Found(finding) => Some(match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Notice => "notice",
        }),
        Outcome::NotEffective => Some("not effective"),
        Outcome::NotApplicable | Outcome::Pass => None,
    }
}

/// The one that is no certificate to us: its list of extensions is there, and empty.
// RFC 5280 §4.1: "Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension"
const MALFORMED: &str = "shakenCertEmpty.pem";

/// Rules of our own have other names than the public ones.
fn is_public(lint: &Lint) -> bool {
    !lint.name.contains("_stir_")
}

/// This test verifies that every public rule says of every one of the certificates what the public tool says.
#[test]
fn every_rule_says_of_every_certificate_what_the_public_tool_says() {
    let verdicts = vectors::text("lints/verdicts.json");
    let verdicts: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_str(&verdicts).unwrap();
    assert_eq!(verdicts.len(), 75);
    for (file, expected) in &verdicts {
        let text = vectors::text(&format!("lints/{file}"));
        let der = pem::blocks(text.as_bytes()).next().unwrap().der().unwrap();
        if file == MALFORMED {
            assert_eq!(Certificate::parse(&der), Err(CertificateError::Malformed));
            continue;
        }
        let certificate = Certificate::parse(&der).unwrap_or_else(|bad| panic!("{file}: {bad}"));
        let outcomes = LINTS.iter().filter(|lint| is_public(lint)).map(|lint| {
            let outcome = lint.judge(&certificate);
            word(&outcome).map(|word| (lint.name.to_owned(), word.to_owned()))
        });
        let said: BTreeMap<String, String> = outcomes.flatten().collect();
        assert_eq!(&said, expected, "{file}");
    }
}

/// This test verifies that all rules of the list are there: 53 about STI certificates by the number of the public list.
#[test]
fn all_public_rules_are_there() {
    let about_sti = |lint: &&Lint| is_public(lint) && !lint.source.name().starts_with("RFC");
    assert_eq!(LINTS.iter().filter(about_sti).count(), 53);
    let names: BTreeSet<&str> = LINTS.iter().map(|lint| lint.name).collect();
    assert_eq!(names.len(), LINTS.len());
}
