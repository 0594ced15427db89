//! The Public Key Interoperability Test Suite of NIST, re-keyed to P-256: signatures, validity, names, path lengths, policies and
//! name constraints. The set has no revocation lists, so the tests about those are not here.
//!
//! ```text
//!     end entity, all authorities, one anchor ──▶ candidate lists ──▶ path::walk, with the inputs of the test ──▶ as the suite says
//! ```

use crate::candidate_paths::Heap;
use crate::exceptions::Exceptions;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use const_oid::ObjectIdentifier;
use countersign::certificate::rules::{ExplicitPolicy, Initially, PolicyRules};
use countersign::certificate::{Certificate, PathRules};
use countersign::crypto::AwsLc;
use countersign::path::{Purpose, walk};
use countersign::time::UnixTime;
use countersign::trust::{Anchor, Standing};
use std::collections::BTreeMap;

const CERTIFICATES: &str = include_str!("../../../../test-data/x509/pkits-p256/certificates.tsv");
const CASES: &str = include_str!("../../../../test-data/x509/pkits-p256/cases.tsv");
const EXCEPTIONS: &str = include_str!("../../../../test-data/x509/pkits-p256/exceptions.tsv");

/// A day in the lives of all certificates of the suite that are not about validity: 2023-11-14.
pub(crate) const AT: UnixTime = UnixTime::from_secs(1_700_000_000);

/// One test of the suite with one set of inputs.
pub(crate) struct Case {
    /// End entity, inputs and acceptable policies, as the table has them.
    pub(crate) id: String,
    pub(crate) end_entity: &'static str,
    pub(crate) rules: PolicyRules,
    pub(crate) expected: bool,
}

pub(crate) fn cases() -> Vec<Case> {
    let read = |line: &'static str| {
        let fields: Vec<_> = line.split('\t').collect();
        let [end_entity, flag, policies, expected] = fields[..] else {
            panic!("four fields: {line}")
        };
        let mut rules = PolicyRules::default();
        match flag {
            "-" => {}
            "explicit" => rules.explicit_policy = ExplicitPolicy::Required,
            "no-any" => rules.any_policy = Initially::Inhibited,
            "no-mapping" => rules.mapping = Initially::Inhibited,
            other => panic!("{other}"),
        }
        if policies != "any" {
            rules.acceptable = policies.split(',').map(test_policy).collect();
        }
        Case {
            id: format!("{end_entity} {flag} {policies}"),
            end_entity,
            rules,
            expected: expected == "valid",
        }
    };
    CASES.lines().map(read).collect()
}

/// NIST-test-policy-1 and so on.
fn test_policy(number: &str) -> ObjectIdentifier {
    let arc = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.2.1.48");
    arc.push_arc(number.parse().unwrap()).unwrap()
}

/// The certificates of the suite by their names, in DER.
pub(crate) fn certificates() -> BTreeMap<&'static str, Vec<u8>> {
    let read = |line: &'static str| {
        let (name, base64) = line.split_once('\t').unwrap();
        (name, STANDARD.decode(base64).unwrap())
    };
    CERTIFICATES.lines().map(read).collect()
}

/// Everything that the suite has, ready to be judged.
pub(crate) struct Suite {
    pub(crate) ders: BTreeMap<&'static str, Vec<u8>>,
    heap: Heap,
    anchors: Vec<Anchor>,
}

pub(crate) const ANCHOR: &str = "TrustAnchorRootCertificate";

impl Suite {
    pub(crate) fn read() -> Self {
        let ders = certificates();
        let all = ders.iter().filter(|(name, _)| **name != ANCHOR);
        let readable = all.filter_map(|(_, der)| Certificate::parse(der).ok());
        let heap = Heap::new(readable.collect());
        let root = Certificate::parse(&ders[ANCHOR]).unwrap();
        let anchors = vec![Anchor::new(root, Standing::Public).unwrap()];
        Self {
            ders,
            heap,
            anchors,
        }
    }

    /// Every certificate that may stand between `end_entity` and the anchor, for judges that search a heap.
    pub(crate) fn above(&self, end_entity: &str) -> Vec<Vec<u8>> {
        let target = Certificate::parse(&self.ders[end_entity]).unwrap();
        let above = self.heap.above(&target).into_iter();
        above.map(|one| one.as_der().to_vec()).collect()
    }

    /// Our verdict.
    pub(crate) fn ours(&self, case: &Case) -> Result<(), String> {
        let der = &self.ders[case.end_entity];
        let target = Certificate::parse(der).map_err(|error| error.to_string())?;
        let rules = PathRules {
            policies: case.rules.clone(),
            ..PathRules::default()
        };
        let mut verdict = Err("no list".to_owned());
        for list in self.heap.lists(&target, &self.anchors) {
            verdict = walk(&list, &self.anchors, Purpose::Any, &rules, AT, &AwsLc)
                .map(|_| ())
                .map_err(|fault| fault.to_string());
            if verdict.is_ok() {
                break;
            }
        }
        verdict
    }
}

#[test]
fn every_test_is_judged_as_the_suite_says() {
    let suite = Suite::read();
    let word = |good: bool| if good { "valid" } else { "invalid" }.to_owned();
    let verdicts = cases().into_iter().map(|case| {
        let ours = suite.ours(&case);
        if ours.is_ok() != case.expected {
            println!("{}: {ours:?}", case.id);
        }
        (case.id, word(case.expected), word(ours.is_ok()))
    });
    Exceptions::read(EXCEPTIONS).hold(verdicts);
}

/// The table is as long as it was.
#[test]
fn a_hundred_and_seventy_five_runs() {
    assert_eq!(cases().len(), 175);
}
