//! The books of an authority on the command line.
//!
//! ```text
//!     alice: ca issue ──► approval ──► bob: ca approve ──► alice: ca issue --approval ──► certificate
//!     the journal ── ca backup ──► copy ── ca restore ──► the journal      an end cut off: ca audit finds it
//! ```

use super::served::folder;
use super::{openssl, run_in};
use crate::peers::Workspace;
use serde_json::Value;

/// This test verifies that a certificate which certifies others takes two people, and that an approval is good for one certificate.
#[test]
fn two_people_make_an_authority() {
    let folder = folder();
    let run = |arguments: &[&str]| {
        let config = ["--config", "countersign.toml"];
        run_in(folder.path(), &[], &[arguments, &config[..]].concat())
    };
    let csr = [
        "ca",
        "csr",
        "--key",
        "new.key",
        "--out",
        "new.csr",
        "--numbers",
        "12025550100-12025550149",
    ];
    let names = ["--organization", "Example", "--name", "SHAKEN Example"];
    assert_eq!(
        run_in(folder.path(), &[], &[&csr[..], &names].concat()).0,
        0
    );
    let issue = [
        "ca",
        "issue",
        "new.csr",
        "--profile",
        "delegate-ca",
        "--out",
        "new.pem",
        "--by",
        "alice",
        "--json",
    ];
    let (code, out, err) = run(&issue);
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    let asked: Value = serde_json::from_str(&out).unwrap();
    let text = |name: &str| asked[name].as_str().unwrap().to_owned();
    let (id, from, until) = (text("approval"), text("not_before"), text("not_after"));
    let again = ["--approval", &id, "--from", &from, "--until", &until];
    let again = [&issue[..], &again].concat();
    let (code, _, err) = run(&again);
    assert_eq!(code, 1);
    assert!(err.contains("nobody has approved this yet"), "{err}");
    let waiting = || run(&["ca", "approve"]).1;
    assert!(waiting().contains(&id), "{}", waiting());
    let (code, _, err) = run(&["ca", "approve", &id, "--by", "alice"]);
    assert_eq!(code, 1);
    assert!(err.contains("who asks may not approve"), "{err}");
    assert_eq!(run(&["ca", "approve", &id, "--by", "bob"]).0, 0);
    assert_eq!(waiting(), "", "nobody has to think about it any more");
    let (code, out, err) = run(&again);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert_eq!(waiting(), "");
    openssl(
        folder.path(),
        &[
            "verify",
            "-CAfile",
            "root.pem",
            "-untrusted",
            "new.pem",
            "new.pem",
        ],
    );
    std::fs::remove_file(folder.path().join("new.pem")).unwrap();
    let (code, _, err) = run(&again);
    assert_eq!(code, 1);
    assert!(err.contains("the approval was used"), "{err}");
    let (code, out, _) = run(&["ca", "list", "--json"]);
    assert_eq!((code, out.lines().count()), (0, 1), "{out}");
}

/// This test verifies that how many authorities may stand below one is as it was said, in the request and in the certificate.
#[test]
fn authorities_below_are_as_many_as_was_said() {
    let folder = folder();
    for length in ["1", "2"] {
        let name = format!("below-{length}");
        let (key, csr, pem) = (
            format!("{name}.key"),
            format!("{name}.csr"),
            format!("{name}.pem"),
        );
        let request = format!(
            "ca csr --key {key} --out {csr} --organization Example --name Example_SHAKEN_{length} --path-length {length}"
        );
        let sign = format!(
            "ca sign {csr} --key root.key --certificate root.pem --path-length {length} --days 300 --out {pem} \
             --crl-url https://ca.example/crl/pa.crl --crl-issuer crl.pem"
        );
        for arguments in [request, sign] {
            let arguments: Vec<_> = arguments.split(' ').collect();
            let (code, out, err) = run_in(folder.path(), &[], &arguments);
            assert_eq!(code, 0, "{out}{err}");
        }
        for (kind, file) in [("req", &csr), ("x509", &pem)] {
            let said = openssl(folder.path(), &[kind, "-in", file, "-noout", "-text"]);
            assert!(said.contains(&format!("pathlen:{length}")), "{said}");
        }
    }
}

/// This test verifies that a journal whose end was cut off is found by its checkpoints, that a copy which has forgotten what was issued
/// since is not put back, and that a whole one is.
#[test]
fn what_is_missing_is_found() {
    let folder = folder();
    let run = |arguments: &[&str]| {
        let config = ["--config", "countersign.toml"];
        run_in(folder.path(), &[], &[arguments, &config[..]].concat())
    };
    let issue = |name: &str| {
        let (key, csr, out) = (
            format!("{name}.key"),
            format!("{name}.csr"),
            format!("{name}.pem"),
        );
        let names = [
            "--organization",
            "Example",
            "--name",
            "SHAKEN 1234",
            "--spc",
            "1234",
        ];
        let make = ["ca", "csr", "--key", &key, "--out", &csr];
        assert_eq!(
            run_in(folder.path(), &[], &[&make[..], &names].concat()).0,
            0
        );
        let (code, out, err) = run(&[
            "ca",
            "issue",
            &csr,
            "--profile",
            "end-entity",
            "--out",
            &out,
        ]);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
    };
    issue("first");
    assert_eq!(run(&["ca", "backup", "old.sqlite"]).0, 0);
    issue("second");
    assert_eq!(run(&["ca", "backup", "new.sqlite"]).0, 0);
    assert_eq!(run(&["ca", "audit"]).0, 0);
    let journal = folder.path().join("ca.sqlite");
    let connection = rusqlite::Connection::open(&journal).unwrap();
    let cut = "DELETE FROM record WHERE position = (SELECT max(position) FROM record)";
    assert_eq!(connection.execute(cut, []).unwrap(), 1);
    drop(connection);
    let (code, out, _) = run(&["ca", "audit"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("wrong"), "{out}");
    for name in ["ca.sqlite", "ca.sqlite-wal", "ca.sqlite-shm"] {
        let _ = std::fs::remove_file(folder.path().join(name));
    }
    let (code, out, err) = run(&["ca", "restore", "old.sqlite"]);
    assert_eq!(code, 1, "{out}");
    assert!(
        err.contains("not restored") && err.contains("checkpoints away"),
        "{err}"
    );
    assert!(!journal.exists());
    assert_eq!(run(&["ca", "restore", "new.sqlite"]).0, 0);
    assert_eq!(run(&["ca", "audit"]).0, 0);
    let (code, _, err) = run(&["ca", "restore", "new.sqlite"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("nothing is written over") && err.contains("move it away"),
        "{err}"
    );
}

/// This test verifies that whatever the command line changes has its checkpoint at once: the journal cannot lose it unseen.
#[test]
fn what_the_command_line_changes_has_a_checkpoint() {
    let folder = folder();
    let csr = "ca csr --key a.key --out a.csr --spc 1234 --organization Example --name";
    let csr: Vec<_> = csr.split(' ').chain(["SHAKEN 1234"]).collect();
    assert_eq!(run_in(folder.path(), &[], &csr).0, 0);
    let run = |line: &str| {
        let line = format!("{line} --config countersign.toml");
        let words: Vec<_> = line.split(' ').collect();
        let (code, out, err) = run_in(folder.path(), &[], &words);
        assert!(
            code < 2 && !err.contains("checkpoint"),
            "{line}: {code} {out}{err}"
        );
        out
    };
    let mut records = 0;
    let mut grows = |line: &str| {
        let out = run(line);
        let audit: Value = serde_json::from_str(&run("ca audit --json")).unwrap();
        assert_eq!(audit["findings"], serde_json::json!([]));
        assert_eq!(
            last_checkpoint(&folder)["position"],
            audit["records"],
            "the last record is signed for"
        );
        let now = audit["records"].as_u64().unwrap();
        assert!(now > records, "{line}: {now} records, {records} before");
        records = now;
        out
    };
    grows("ca account open acme --holder Acme --spc 1234");
    grows("ca account change acme --spc 5678");
    grows("ca account close acme");
    grows("ca issue a.csr --profile end-entity --out a.pem");
    let asked = grows("ca issue a.csr --profile delegate-ca --out b.pem --by alice --json");
    let asked: Value = serde_json::from_str(&asked).unwrap();
    let approval = asked["approval"].as_str().unwrap();
    grows(&format!("ca approve {approval} --by bob"));
    grows("ca revoke --certificate a.pem --by alice");
}

fn last_checkpoint(folder: &Workspace) -> Value {
    let file = folder.read("checkpoints");
    let payload = file.lines().next_back().unwrap().split('.').nth(1);
    let payload = countersign::jose::base64url::decode(payload.unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// This test verifies that an authority whose journal was cut off, or is gone, does nothing at all: no verb writes into what is left, and
/// no new journal begins where there was one. A copy that is put back brings it to life again.
#[test]
fn nothing_is_done_behind_a_checkpoint() {
    let folder = folder();
    let run = |arguments: &[&str]| {
        let config = ["--config", "countersign.toml"];
        run_in(folder.path(), &[], &[arguments, &config[..]].concat())
    };
    let open = |name| {
        [
            "ca", "account", "open", name, "--holder", "Acme", "--spc", "1234",
        ]
    };
    assert_eq!(run(&open("first")).0, 0);
    assert_eq!(run(&open("second")).0, 0);
    assert_eq!(run(&["ca", "backup", "copy.sqlite"]).0, 0);
    let journal = folder.path().join("ca.sqlite");
    let connection = rusqlite::Connection::open(&journal).unwrap();
    let cut = connection.execute("DELETE FROM record WHERE position = 2", []);
    assert_eq!(cut.unwrap(), 1);
    drop(connection);
    for verb in [
        &open("third")[..],
        &["ca", "account", "list"],
        &["ca", "status"],
    ] {
        let (code, out, err) = run(verb);
        assert_eq!((code, out.as_str()), (2, ""), "{verb:?}");
        assert!(
            err.contains("record 2 was signed for and is missing"),
            "{err}"
        );
        assert!(err.contains("countersign ca restore"), "{err}");
    }
    for name in ["ca.sqlite", "ca.sqlite-wal", "ca.sqlite-shm"] {
        let _ = std::fs::remove_file(folder.path().join(name));
    }
    let (code, _, err) = run(&open("third"));
    assert_eq!(code, 2);
    assert!(err.contains("the journal is gone"), "{err}");
    assert!(!journal.exists());
    assert_eq!(run(&["ca", "restore", "copy.sqlite"]).0, 0);
    assert_eq!(run(&open("third")).0, 0);
}

/// This test verifies that nothing is issued for a place where nothing can be written: the journal stays as it is.
#[test]
fn nothing_is_issued_for_a_place_that_is_none() {
    let folder = folder();
    let run = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        run_in(folder.path(), &[], &words)
    };
    let csr = "ca csr --key a.key --out a.csr --spc 1234 --organization Example --name";
    let csr: Vec<_> = csr.split(' ').chain(["SHAKEN 1234"]).collect();
    assert_eq!(run_in(folder.path(), &[], &csr).0, 0);
    let issue = "ca issue a.csr --profile end-entity --config countersign.toml --out";
    for place in ["/proc/a.pem", "nowhere/a.pem", "a.key"] {
        let (code, _, err) = run(&format!("{issue} {place}"));
        assert_eq!(code, 2, "{place}: {err}");
        assert!(!folder.path().join("ca.sqlite").exists(), "{place}: {err}");
    }
    let (code, _, err) = run(&format!("{issue} a.pem"));
    assert_eq!(code, 0, "{err}");
    let (_, issued, _) = run("ca list --json --config countersign.toml");
    assert_eq!(issued.lines().count(), 1, "{issued}");
}
