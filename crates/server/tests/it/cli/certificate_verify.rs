//! `certificate verify`: chains under anchors, every check with its verdict; and `verify --crl`, the same for a call.
//!
//! ```text
//!     Root ─► Issuing CA ─► SHAKEN 1234 ──► chain.pem ──┐
//!     Root ─► List Issuer ─► all.crl ───────────────────┴─► certificate verify, verify ──► 0, 1, 4
//! ```

use super::hierarchy::{Hierarchy, VALIDITY, numbers};
use super::{CALLED, CALLER, Run, run, run_with};
use countersign::certificate::chain::{armoured, pem};
use countersign::certificate::{Certificate, TnAuthList, TnEntry};
use countersign::crypto::EcdsaP256Key;
use countersign::time::UnixTime;
use countersign_ca::extension::PathLength;
use countersign_ca::{Authority, Practice, Profile};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

/// A chain, its key, an anchor and who signs lists, in files.
struct Bench {
    lab: Hierarchy,
    key: Arc<EcdsaP256Key>,
    provider: Certificate,
    chain: String,
    anchor: String,
    signer: String,
}

impl Bench {
    fn new() -> Self {
        let lab = Hierarchy::new();
        let scope = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
        let (key, provider) =
            lab.issue(&lab.issuing, Profile::EndEntity, "SHAKEN 1234", Some(scope));
        Self {
            chain: lab.write("chain.pem", &[&provider, lab.issuing.certificate()]),
            anchor: lab.write("anchor.pem", &[lab.root.certificate()]),
            signer: lab.write("signer.pem", &[&lab.list_issuer]),
            lab,
            key,
            provider,
        }
    }

    fn verify(&self, file: &str, more: &[&str]) -> Run {
        let arguments = ["certificate", "verify", "--trust", &self.anchor, file];
        run(&[&arguments, more].concat())
    }

    fn with_list(&self, list: &str) -> Run {
        self.verify(
            &self.chain,
            &["--json", "--crl", list, "--crl-issuer", &self.signer],
        )
    }

    /// The Identity header of a call that the provider has signed.
    fn identity(&self) -> String {
        let der = self.key.to_pkcs8().unwrap();
        let key = self
            .lab
            .write_bytes("provider.key", armoured("PRIVATE KEY", &der));
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let x5u = "https://cert.example.org/provider.pem";
        let parties = ["sign", "--from", CALLER, "--to", CALLED, "--key", &key];
        let signed = run(&[&parties[..], &["--certificate", &self.chain, "--x5u", x5u]].concat());
        assert_eq!(signed.code, 0, "{signed:?}");
        signed.out
    }
}

fn verdict_of(run: &Run, check: &str) -> (String, Value) {
    let report = run.json();
    let checks = report["checks"]
        .as_array()
        .or_else(|| report["passports"][0]["checks"].as_array());
    let found = checks
        .unwrap()
        .iter()
        .find(|one| one["check"] == check)
        .unwrap();
    (
        found["verdict"].as_str().unwrap().to_owned(),
        found["detail"].clone(),
    )
}

/// This test verifies the layout for people, word for word.
#[test]
fn every_check_is_told() {
    let bench = Bench::new();
    let list = bench.lab.list("all.crl", &[], VALIDITY.not_after);
    let told = bench.verify(
        &bench.chain,
        &["--crl", &list, "--crl-issuer", &bench.signer],
    );
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{told:?}");
    assert_eq!(
        told.out.replace(&bench.chain, "chain.pem"),
        include_str!("certificate_verify.txt")
    );
}

/// This test verifies the JSON that scripts rely on.
#[test]
fn programs_get_an_object_per_chain() {
    let bench = Bench::new();
    let told = bench.verify(&bench.chain, &["--json"]);
    let report = told.json();
    assert_eq!(
        (told.code, &report["verdict"]),
        (0, &json!("passed")),
        "{told:?}"
    );
    assert_eq!(
        (&report["fault"], &report["detail"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(report["signer"]["providers"], json!(["1234"]));
    assert_eq!(
        report["anchor"]["subject"],
        "CN=Root,O=Countersign Lab,C=US"
    );
    assert_eq!(report["validity"]["not_after"], "2049-12-31T00:00:00Z");
    assert_eq!(report["checks"].as_array().unwrap().len(), 12);
    assert_eq!(verdict_of(&told, "signatures").0, "passed");
    assert_eq!(
        verdict_of(&told, "revocation"),
        ("skipped".into(), json!("nobody asked"))
    );
}

/// This test verifies what is said of chains that lead nowhere: the fault, and the check it belongs to.
#[test]
fn what_leads_nowhere_fails_by_name() {
    let bench = Bench::new();
    let (provider, issuing) = (&bench.provider, bench.lab.issuing.certificate());
    let stranger = Hierarchy::new();
    let mut forged = provider.as_der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let forged = Certificate::parse(&forged).unwrap();
    let write = |name: &str, chain: &[&Certificate]| bench.lab.write(name, chain);
    let table = [
        (
            write("reversed.pem", &[issuing, provider]),
            "path-invalid",
            "order",
        ),
        (write("lonely.pem", &[provider]), "path-untrusted", "anchor"),
        (
            write(
                "stranger.pem",
                &[&stranger.provider(), stranger.issuing.certificate()],
            ),
            "path-untrusted",
            "anchor",
        ),
        (
            write("forged.pem", &[&forged, issuing]),
            "path-invalid",
            "signatures",
        ),
        (write("authority.pem", &[issuing]), "path-invalid", "signer"),
    ];
    for (file, fault, check) in table {
        let told = bench.verify(&file, &["--json"]);
        assert_eq!(
            (told.code, &told.json()["fault"]),
            (1, &json!(fault)),
            "{told:?}"
        );
        assert_eq!(verdict_of(&told, check).0, "failed", "{told:?}");
    }
    let late = bench.verify(&bench.chain, &["--json", "--at", "2051-01-01T00:00:00Z"]);
    assert_eq!(
        (late.code, &late.json()["fault"]),
        (1, &json!("certificate-expired")),
        "{late:?}"
    );
    assert_eq!(
        verdict_of(&late, "signatures").0,
        "passed",
        "the rest is judged as of its own time"
    );
    let people = bench.verify(&bench.chain, &["--at", "2051-01-01T00:00:00Z"]);
    assert!(
        people.out.contains("--at 2049-12-31T00:00:00Z judges it"),
        "{people:?}"
    );
    let p256 = bench.verify(&bench.chain, &["--algorithms", "p256"]);
    assert_eq!(p256.code, 0, "{p256:?}");
}

/// This test verifies that a delegate whose scope is not within its parent's is refused, and by how much.
#[test]
fn a_delegate_that_is_too_wide_fails() {
    let bench = Bench::new();
    let scope = |start, count| Some(TnAuthList::new(vec![numbers(start, count)]).unwrap());
    let profile = Profile::DelegateCa(PathLength::Unbounded);
    let (key, certificate) = bench.lab.issue(
        &bench.lab.issuing,
        profile,
        "Numbers CA",
        scope("12025550100", 50),
    );
    let parent = Authority::new(certificate, key, Practice::default()).unwrap();
    for (start, code, verdict) in [("12025550140", 0, "passed"), ("12025550141", 1, "failed")] {
        let child = bench
            .lab
            .draft(&parent, Profile::Delegate, "Enterprise", scope(start, 10));
        let chain = [
            &child,
            parent.certificate(),
            bench.lab.issuing.certificate(),
        ];
        let file = bench.lab.write("delegate.pem", &chain);
        let told = bench.verify(&file, &["--json"]);
        assert_eq!(told.code, code, "{told:?}");
        assert_eq!(verdict_of(&told, "scope").0, verdict, "{told:?}");
        assert_eq!(told.out.contains("12025550150"), code == 1, "{told:?}");
    }
}

/// This test verifies revocation: whom the list names, that an old list says nothing, and that no list is no answer.
#[test]
fn revocation_is_asked_of_the_lists_that_are_given() {
    let bench = Bench::new();
    let revoked = bench.with_list(&bench.lab.list(
        "revoked.crl",
        &[&bench.provider],
        VALIDITY.not_after,
    ));
    assert_eq!(
        (revoked.code, &revoked.json()["fault"]),
        (1, &json!("revoked")),
        "{revoked:?}"
    );
    let (verdict, detail) = verdict_of(&revoked, "revocation");
    assert_eq!(verdict, "failed");
    let detail = detail.as_str().unwrap();
    assert!(
        detail.contains("2026-11-05T00:00:00Z") && detail.contains("the signer's certificate"),
        "{detail}"
    );
    assert_eq!(verdict_of(&revoked, "signatures").0, "passed");
    let authority = bench.lab.issuing.certificate();
    let above = bench.with_list(
        &bench
            .lab
            .list("above.crl", &[authority], VALIDITY.not_after),
    );
    assert_eq!(above.code, 1, "{above:?}");
    let until = VALIDITY.not_before.saturating_add(1);
    let stale = bench.with_list(&bench.lab.list("stale.crl", &[], until));
    assert_eq!(
        (stale.code, &stale.json()["verdict"]),
        (4, &json!("not-validated")),
        "{stale:?}"
    );
    assert_eq!(verdict_of(&stale, "revocation").0, "unavailable");
    let stranger = Hierarchy::new();
    let other = stranger.list("other.crl", &[], VALIDITY.not_after);
    let refused = bench.with_list(&other);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{refused:?}");
    assert!(refused.err.contains("other.crl"), "{refused:?}");
}

/// This test verifies that `verify` judges a call by the same lists.
#[test]
fn a_call_signed_by_a_revoked_certificate_fails() {
    let bench = Bench::new();
    let identity = bench.identity();
    let verify = |list: &str| {
        let arguments = [
            "verify",
            "--json",
            "--from",
            CALLER,
            "--to",
            CALLED,
            "--trust",
            &bench.anchor,
            "--certificate",
            &bench.chain,
            "--crl",
            list,
            "--crl-issuer",
            &bench.signer,
        ];
        run_with(&arguments, &identity)
    };
    let list =
        |revoked: &[&Certificate], until: UnixTime| bench.lab.list("all.crl", revoked, until);
    let good = verify(&list(&[], VALIDITY.not_after));
    assert_eq!(good.code, 0, "{good:?}");
    assert_eq!(verdict_of(&good, "revocation").0, "passed");
    let revoked = verify(&list(&[&bench.provider], VALIDITY.not_after));
    assert_eq!(
        (revoked.code, &revoked.json()["fault"]),
        (1, &json!("revoked")),
        "{revoked:?}"
    );
    assert_eq!(revoked.json()["code"], 437);
    let (verdict, detail) = verdict_of(&revoked, "revocation");
    assert_eq!(verdict, "failed");
    assert!(
        detail.as_str().unwrap().contains("2026-11-05"),
        "{revoked:?}"
    );
    let stale = verify(&list(&[], VALIDITY.not_before.saturating_add(1)));
    assert_eq!(
        (stale.code, &stale.json()["fault"]),
        (4, &json!("revocation-unknown")),
        "{stale:?}"
    );
    for no_list in [&bench.anchor, "/nonexistent.crl"] {
        let refused = verify(no_list);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{refused:?}");
        assert!(refused.err.contains(no_list), "{refused:?}");
    }
}

/// This test verifies that where a certificate names a provider only, the records of a number authority decide, if there are any.
#[test]
fn a_number_authority_is_asked_about_a_providers_numbers() {
    let bench = Bench::new();
    let identity = bench.identity();
    let today = super::now();
    let last_year = today.saturating_add(-365 * 86_400);
    for (as_of, records, code, fault) in [
        (today, "1234,12025550100-12025550199", 0, json!(null)),
        (
            today,
            "1234,12025550200\n709J,12025550100",
            1,
            json!("not-covered"),
        ),
        (
            today,
            "1234,12025550200",
            4,
            json!("number-authority-unknown"),
        ),
        (
            last_year,
            "1234,12025550100",
            4,
            json!("number-authority-stale"),
        ),
    ] {
        let records = format!("as_of,{as_of}\n{records}\n");
        let records = bench.lab.write_bytes("records.csv", records);
        let arguments = [
            "verify",
            "--json",
            "--from",
            CALLER,
            "--to",
            CALLED,
            "--trust",
            &bench.anchor,
            "--certificate",
            &bench.chain,
            "--number-authority",
            &records,
        ];
        let told = run_with(&arguments, &identity);
        assert_eq!(
            (told.code, &told.json()["fault"]),
            (code, &fault),
            "{told:?}"
        );
    }
}

/// This test verifies that a list by reference is taken from the file that stands in for it, for calls and for chains.
#[test]
fn a_list_by_reference_may_be_given() {
    let bench = Bench::new();
    let list = |start| TnAuthList::new(vec![numbers(start, 10)]).unwrap();
    let url = "https://lists.example.org/1.der";
    // The same key has its numbers in one certificate by value, to sign, and in the other by reference.
    let by_reference = bench.lab.by_reference(&bench.key, url, list(CALLER));
    let chain = [&by_reference, bench.lab.issuing.certificate()];
    let chain = bench.lab.write("reference.pem", &chain);
    let identity = bench.identity();
    let ours = bench.lab.write_bytes("ours.der", list(CALLER).to_der());
    let theirs = bench
        .lab
        .write_bytes("theirs.der", list("12025550150").to_der());
    let verify = |more: &[&str]| {
        let arguments = [
            "verify",
            "--json",
            "--offline",
            "--from",
            CALLER,
            "--to",
            CALLED,
            "--trust",
            &bench.anchor,
            "--certificate",
            &chain,
        ];
        run_with(&[&arguments, more].concat(), &identity)
    };
    for (more, code, fault) in [
        (&[][..], 4, json!("tn-auth-list-unavailable")),
        (&["--tn-auth-list", &ours], 0, json!(null)),
        (&["--tn-auth-list", &theirs], 1, json!("not-covered")),
    ] {
        let told = verify(more);
        assert_eq!(
            (told.code, &told.json()["fault"]),
            (code, &fault),
            "{told:?}"
        );
    }
    let refused = verify(&["--tn-auth-list", &chain]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{refused:?}");
    assert!(refused.err.contains("reference.pem"), "{refused:?}");
    let alone = bench.verify(&chain, &["--json"]);
    assert_eq!(
        (alone.code, verdict_of(&alone, "scope").0.as_str()),
        (4, "unavailable"),
        "{alone:?}"
    );
    assert_eq!(bench.verify(&chain, &["--tn-auth-list", &ours]).code, 0);
}

/// This test verifies that nothing a stranger writes into a file makes a verb panic or run away: chains a hundred deep, ten
/// thousand certificates in one file, a certificate cut off at every byte.
#[test]
fn hostile_files_cost_a_line_each() {
    let bench = Bench::new();
    let deep: Vec<_> = std::iter::once(&bench.provider)
        .chain(std::iter::repeat_n(bench.lab.issuing.certificate(), 99))
        .collect();
    let deep = bench.lab.write("deep.pem", &deep);
    let told = bench.verify(&deep, &["--json"]);
    assert_eq!(
        (told.code, &told.json()["detail"]),
        (
            1,
            &json!("too many certificates: one file is one chain, of 10 at most")
        ),
        "{told:?}"
    );
    let many = bench
        .lab
        .write_bytes("many.pem", pem(bench.provider.as_der()).repeat(10_000));
    assert_eq!(bench.verify(&many, &[]).code, 1);
    for (verb, count) in [("inspect", 10_000), ("lint", 10_000), ("audit", 1)] {
        let told = run(&["certificate", verb, "--json", &many]);
        assert_eq!(told.out.lines().count(), count, "{verb}");
    }
    let der = bench.provider.as_der();
    std::fs::create_dir(bench.lab.path("cut")).unwrap();
    for length in 0..der.len() {
        bench
            .lab
            .write_bytes(&format!("cut/{length:05}.der"), &der[..length]);
    }
    let folder = bench.lab.path("cut");
    for verb in ["inspect", "lint", "audit", "verify"] {
        let trust: &[&str] = if verb == "verify" {
            &["--trust", &bench.anchor]
        } else {
            &[]
        };
        let told = run(&[&["certificate", verb, "--json", &folder], trust].concat());
        assert_eq!((told.code, told.err.as_str()), (1, ""), "{verb}");
        assert_eq!(told.out.lines().count(), der.len(), "{verb}");
    }
}
