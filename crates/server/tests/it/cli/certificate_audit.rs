//! `certificate audit`: a folder of certificates judged against each other, without the network.
//!
//! ```text
//!     Root ─► Issuing CA ─► Numbers CA 1202555 0100-0149 ─┬─► Enterprise 0100-0109       within
//!                 │                                       ├─► Greedy     0140-0159       ten numbers too many
//!                 │                                       ├─► Silent     (no list)       a gap
//!                 │                                       └─► Rival      0105-0106       also Enterprise's
//!                 └─► SHAKEN 1234, Code CA 1234 ─► Number of code, 0100                   on the authority's word
//! ```

use super::hierarchy::{Hierarchy, VALIDITY, new_key, numbers};
use super::{Run, run};
use countersign::certificate::{Certificate, TnAuthList, TnEntry};
use countersign_ca::extension::PathLength;
use countersign_ca::{Authority, Practice, Profile};
use serde_json::Value;
use std::collections::BTreeMap;

/// The hierarchy of the picture, on disk.
struct Folder {
    lab: Hierarchy,
    numbers: Authority,
    provider: Certificate,
}

impl Folder {
    fn new() -> Self {
        let lab = Hierarchy::new();
        let provider = lab.provider();
        let profile = Profile::DelegateCa(PathLength::Unbounded);
        let (key, certificate) = lab.issue(
            &lab.issuing,
            profile,
            "Numbers CA",
            scope("12025550100", 50),
        );
        let numbers = Authority::new(certificate, key, Practice::default()).unwrap();
        std::fs::create_dir_all(lab.path("folder/leafs")).unwrap();
        lab.write(
            "folder/chain.pem",
            &[&provider, lab.issuing.certificate(), lab.root.certificate()],
        );
        lab.write("folder/numbers.pem", &[numbers.certificate()]);
        Self {
            lab,
            numbers,
            provider,
        }
    }

    /// A certificate below the Numbers CA, whatever it asks for.
    fn delegate(&self, name: &str, scope: Option<TnAuthList>) -> Certificate {
        let certificate = self
            .lab
            .draft(&self.numbers, Profile::Delegate, name, scope);
        self.lab
            .write(&format!("folder/leafs/{name}.pem"), &[&certificate]);
        certificate
    }

    fn audit(&self, more: &[&str]) -> Run {
        let folder = self.lab.path("folder");
        run(&[&["certificate", "audit", "--json", &folder], more].concat())
    }
}

fn scope(start: &str, count: u64) -> Option<TnAuthList> {
    Some(TnAuthList::new(vec![numbers(start, count)]).unwrap())
}

/// By common name: the verdict, and the findings.
fn told(run: &Run) -> BTreeMap<String, (String, Vec<(String, String)>)> {
    let mut told = BTreeMap::new();
    for line in run.out.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let subject = text(&line["subject"]);
        let name = subject
            .strip_prefix("CN=")
            .unwrap()
            .split(',')
            .next()
            .unwrap()
            .to_owned();
        let findings = line["findings"].as_array().unwrap().iter();
        let findings = findings
            .map(|one| (text(&one["finding"]), text(&one["detail"])))
            .collect();
        told.insert(name, (text(&line["verdict"]), findings));
    }
    told
}

fn names(findings: &[(String, String)]) -> Vec<&str> {
    findings.iter().map(|(name, _)| name.as_str()).collect()
}

/// This test verifies that a folder in order has nothing wrong with it, and that parents are told by their fingerprints.
#[test]
fn a_folder_in_order_passes() {
    let folder = Folder::new();
    folder.delegate("Enterprise", scope("12025550100", 10));
    let audit = folder.audit(&[]);
    assert_eq!((audit.code, audit.err.as_str()), (0, ""), "{audit:?}");
    let told = told(&audit);
    assert_eq!(told.len(), 5);
    assert!(
        told.values()
            .all(|(verdict, findings)| verdict == "passed" && findings.is_empty())
    );
    let parents: Vec<Value> = audit
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["parent"].clone())
        .collect();
    assert_eq!(
        parents.iter().filter(|parent| parent.is_null()).count(),
        1,
        "the root's"
    );
}

/// This test verifies that a delegate which says too much, one that says nothing and two that say the same are found, and what
/// exactly is too much.
#[test]
fn planted_certificates_are_found() {
    let folder = Folder::new();
    folder.delegate("Enterprise", scope("12025550100", 10));
    folder.delegate("Greedy", scope("12025550140", 20));
    folder.delegate("Silent", None);
    folder.delegate("Rival", scope("12025550105", 2));
    let audit = folder.audit(&[]);
    assert_eq!(audit.code, 1, "{audit:?}");
    let told = told(&audit);
    let (verdict, findings) = &told["Greedy"];
    assert_eq!(
        (verdict.as_str(), names(findings)),
        ("failed", vec!["scope-not-encompassed"])
    );
    assert!(
        findings[0].1.ends_with("does not have 12025550150+10"),
        "{findings:?}"
    );
    let (verdict, findings) = &told["Silent"];
    assert_eq!(
        (verdict.as_str(), names(findings)),
        ("failed", vec!["delegation-gap"])
    );
    let (verdict, findings) = &told["Rival"];
    assert_eq!(
        (verdict.as_str(), names(findings)),
        ("passed", vec!["scopes-overlap"])
    );
    assert!(
        findings[0]
            .1
            .starts_with("12025550105 is also in the scope of CN=Enterprise"),
        "{findings:?}"
    );
    assert_eq!(told["Enterprise"].0, "passed");
    let people = run(&["certificate", "audit", &folder.lab.path("folder")]);
    assert_eq!(people.code, 1);
    for words in [
        "scope-not-encompassed",
        "Greedy.pem: failed",
        "8 certificates: 2 failed, 6 passed",
    ] {
        assert!(people.out.contains(words), "{words}: {people:?}");
    }
    assert!(
        !people.out.contains("Enterprise.pem:"),
        "nothing to say about it"
    );
}

/// This test verifies that a provider's code delegates numbers on its authority's word, which is said.
#[test]
fn numbers_below_a_code_are_taken_on_its_authoritys_word() {
    let folder = Folder::new();
    let code = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
    let profile = Profile::DelegateCa(PathLength::Unbounded);
    let (key, certificate) = folder
        .lab
        .issue(&folder.lab.issuing, profile, "Code CA", Some(code));
    folder.lab.write("folder/code.pem", &[&certificate]);
    let code = Authority::new(certificate, key, Practice::default()).unwrap();
    let below = folder
        .lab
        .draft(&code, Profile::Delegate, "Of code", scope("12025550100", 1));
    folder.lab.write("folder/of-code.pem", &[&below]);
    let audit = folder.audit(&[]);
    assert_eq!(audit.code, 0, "{audit:?}");
    let findings = &told(&audit)["Of code"].1;
    assert_eq!(names(findings), ["numbers-unknown"]);
    assert!(findings[0].1.contains("provider 1234"));
    // Who has records of whose numbers are whose knows better.
    let chain = [&below, code.certificate(), folder.lab.issuing.certificate()];
    let chain = folder.lab.write("of-code-chain.pem", &chain);
    let anchor = folder
        .lab
        .write("anchor.pem", &[folder.lab.root.certificate()]);
    for (records, exit, expected) in [
        ("1234,12025550100-12025550199", 0, vec![]),
        (
            "709J,12025550100\n1234,12025550200",
            1,
            vec!["scope-not-encompassed"],
        ),
    ] {
        let records = format!("as_of,2026-11-05T00:00:00Z\n{records}\n");
        let records = folder.lab.write_bytes("records.csv", records);
        let audit = folder.audit(&["--number-authority", &records]);
        assert_eq!(audit.code, exit, "{audit:?}");
        assert_eq!(names(&told(&audit)["Of code"].1), expected);
        let verify = ["certificate", "verify", "--trust", &anchor, &chain];
        let verified = run(&[&verify[..], &["--number-authority", &records]].concat());
        assert_eq!(verified.code, exit, "{verified:?}");
    }
    let undated = folder.lab.write_bytes("records.csv", "1234,12025550100\n");
    let refused = folder.audit(&["--number-authority", &undated]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{refused:?}");
    assert!(refused.err.contains("records.csv"), "{refused:?}");
}

/// This test verifies that a missing parent is nobody's fault, that anchors stand in for it, and that a namesake's key is not
/// the parent's.
#[test]
fn parents_are_found_or_missed() {
    let folder = Folder::new();
    folder.delegate("Enterprise", scope("12025550100", 10));
    std::fs::remove_file(folder.lab.path("folder/chain.pem")).unwrap();
    let audit = folder.audit(&[]);
    assert_eq!(audit.code, 4, "{audit:?}");
    assert_eq!(names(&told(&audit)["Numbers CA"].1), ["parent-missing"]);
    let anchors = folder.lab.write(
        "anchors.pem",
        &[
            folder.lab.issuing.certificate(),
            folder.lab.root.certificate(),
        ],
    );
    let audit = folder.audit(&["--trust", &anchors]);
    assert_eq!(audit.code, 0, "{audit:?}");
    assert_eq!(told(&audit).len(), 2, "anchors are believed, not audited");
    // Another lab has authorities of the same names.
    let stranger = Hierarchy::new();
    folder.lab.write(
        "folder/stranger.pem",
        &[stranger.issuing.certificate(), stranger.root.certificate()],
    );
    let audit = folder.audit(&[]);
    assert_eq!(audit.code, 1, "{audit:?}");
    assert_eq!(names(&told(&audit)["Numbers CA"].1), ["bad-signature"]);
}

/// This test verifies that an end entity does not become an authority by certifying somebody.
#[test]
fn an_end_entity_is_nobodys_parent() {
    let folder = Folder::new();
    let (key, middle) = folder.lab.issue(
        &folder.numbers,
        Profile::Delegate,
        "Enterprise",
        scope("12025550100", 10),
    );
    let template = folder.delegate("Below", scope("12025550100", 1));
    folder.lab.write("folder/leafs/Enterprise.pem", &[&middle]);
    let forged = folder.lab.forge(&template, &middle, &key);
    folder.lab.write("folder/leafs/Below.pem", &[&forged]);
    let audit = folder.audit(&[]);
    assert_eq!(audit.code, 1, "{audit:?}");
    assert_eq!(names(&told(&audit)["Below"].1), ["parent-not-an-authority"]);
}

/// This test verifies that time and lists count: what is over, and what an indirect list names.
#[test]
fn expired_and_revoked_certificates_are_told() {
    let folder = Folder::new();
    let gone = folder.delegate("Gone", scope("12025550100", 10));
    let later = folder.audit(&["--at", "2051-01-01T00:00:00Z"]);
    assert_eq!(later.code, 0, "that time passes is no mistake: {later:?}");
    assert!(
        told(&later)
            .values()
            .all(|(_, findings)| names(findings) == ["expired"])
    );
    let signer = folder.lab.write("signer.pem", &[&folder.lab.list_issuer]);
    let crl = folder
        .lab
        .list("all.crl", &[&gone, &folder.provider], VALIDITY.not_after);
    let audit = folder.audit(&["--crl", &crl, "--crl-issuer", &signer]);
    assert_eq!(audit.code, 1, "{audit:?}");
    let all = told(&audit);
    assert_eq!(names(&all["SHAKEN 1234"].1), ["revoked"]);
    assert!(
        all["SHAKEN 1234"].1[0]
            .1
            .starts_with("on 2026-11-05T00:00:00Z"),
        "{all:?}"
    );
    assert_eq!(all["Issuing CA"].0, "passed");
    assert_eq!(all["Root"].0, "passed");
    let until = VALIDITY.not_before.saturating_add(1);
    let crl = folder.lab.list("all.crl", &[], until);
    let audit = folder.audit(&["--crl", &crl, "--crl-issuer", &signer]);
    assert_eq!(audit.code, 4, "{audit:?}");
    assert_eq!(
        names(&told(&audit)["SHAKEN 1234"].1),
        ["revocation-unknown"]
    );
}

/// This test verifies that flags which cannot be followed are told with the file they name.
#[test]
fn what_is_no_list_is_refused_by_name() {
    let folder = Folder::new();
    let anchor = folder
        .lab
        .write("anchor.pem", &[folder.lab.root.certificate()]);
    let unknown = folder.lab.list("unknown.crl", &[], VALIDITY.not_after);
    let cut = std::fs::read(&unknown).unwrap();
    let cut = folder.lab.write_bytes("cut.crl", &cut[..cut.len() - 3]);
    for (more, words) in [
        (vec!["--crl", &anchor], "anchor.pem"),
        (vec!["--crl", &cut], "cut.crl"),
        (vec!["--crl", &unknown], "--crl-issuer"),
        (vec!["--crl", "/nonexistent.crl"], "/nonexistent.crl"),
        (vec!["--crl-issuer", &anchor], "--crl"),
    ] {
        let refused = folder.audit(&more);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{refused:?}");
        assert!(refused.err.contains(words), "{words}: {refused:?}");
    }
}

/// This test verifies that a folder full of namesakes is judged certificate by certificate: a thousand authorities of one name and
/// one key above a thousand delegates would be a million signatures, and nobody would see this test end.
#[test]
fn a_thousand_namesakes_do_not_cost_a_million_signatures() {
    const COUNT: usize = 1_000;
    let folder = Folder::new();
    let key = new_key();
    let namesake = |index: usize| {
        let profile = Profile::DelegateCa(PathLength::Unbounded);
        let start = format!("1202555{index:04}");
        folder.lab.certify(
            &folder.lab.issuing,
            profile,
            "Namesake",
            &key,
            scope(&start, 1),
        )
    };
    let namesakes: Vec<_> = (0..COUNT).map(namesake).collect();
    let by = Authority::new(namesakes[0].clone(), key.clone(), Practice::default()).unwrap();
    let child = new_key();
    let delegate = |_| {
        folder.lab.certify(
            &by,
            Profile::Delegate,
            "Delegate",
            &child,
            scope("12025550000", 1),
        )
    };
    let delegates: Vec<_> = (0..COUNT).map(delegate).collect();
    let all: Vec<_> = namesakes.iter().chain(&delegates).collect();
    folder.lab.write("folder/all.pem", &all);
    let audit = folder.audit(&[]);
    assert_eq!(audit.out.lines().count(), 2 * COUNT + 4, "{}", audit.err);
}
