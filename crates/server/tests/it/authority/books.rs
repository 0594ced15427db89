//! The books of an authority on the command line.
//!
//! ```text
//!     alice: ca issue ──► approval ──► bob: ca approve ──► alice: ca issue --approval ──► certificate
//!     the journal ── ca backup ──► copy ── ca restore ──► the journal      an end cut off: ca audit finds it
//! ```

use super::served::folder;
use super::{openssl, run_in};
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
    let (code, _, err) = run(&["ca", "approve", &id, "--by", "alice"]);
    assert_eq!(code, 1);
    assert!(err.contains("who asks may not approve"), "{err}");
    assert_eq!(run(&["ca", "approve", &id, "--by", "bob"]).0, 0);
    let (code, out, err) = run(&again);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
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
    let (code, out, _) = run(&["ca", "list"]);
    assert_eq!((code, out.lines().count()), (0, 1), "{out}");
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
    let (code, out, _) = run(&["ca", "restore", "old.sqlite"]);
    assert_eq!(code, 1, "{out}");
    assert!(!journal.exists());
    assert_eq!(run(&["ca", "restore", "new.sqlite"]).0, 0);
    assert_eq!(run(&["ca", "audit"]).0, 0);
    let (code, _, err) = run(&["ca", "restore", "new.sqlite"]);
    assert_eq!(code, 2);
    assert!(err.contains("nothing is written over"), "{err}");
}
