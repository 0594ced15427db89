//! `cargo xtask judge --certificates`: what it says of a folder.
//!
//! ```text
//!    roots.pem, ca.der, leaf.pem, lines.jsonl.gz ──► judge ──► one table, exit code
//! ```
//!
//! This test verifies that paths are found among certificates in any order and form, that what others say is held against what
//! we say, and that a disagreement and an unreadable certificate make the exit code 1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::certificate::{Certificate, chain::pem};
use countersign_testkit::lab::Lab;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own, gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-judged-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Exit code and table, each row's words joined by one blank.
fn judge(folder: &Path) -> (i32, Vec<String>) {
    let output = Command::new(env!("CARGO_BIN_EXE_judge"))
        .arg("--certificates")
        .arg(folder)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    (output.status.code().unwrap(), rows.collect())
}

#[track_caller]
fn has(rows: &[String], row: &str) {
    assert!(rows.iter().any(|one| one == row), "{row:?} in {rows:#?}");
}

fn leaf(lab: &Lab, code: &str) -> Certificate {
    lab.provider(code).chain.end_entity().clone()
}

fn line(certificate: &[u8], oracle: &str) -> String {
    let der = STANDARD.encode(certificate);
    format!("{{\"der_b64\":\"{der}\",\"oracle\":{{{oracle}}}}}\n")
}

#[test]
fn a_folder_that_nobody_has_judged_yet() {
    let (lab, folder) = (Lab::new(), Folder::new());
    folder.write("roots.pem", pem(lab.root().certificate().as_der()));
    folder.write("ca.der", lab.intermediate().certificate().as_der());
    folder.write("leaf.pem", pem(leaf(&lab, "1234").as_der()));
    folder.write("stranger.crt", leaf(&Lab::new(), "1234").as_der());
    folder.write("notes.txt", "no certificate");
    let (code, rows) = judge(&folder.0);
    assert_eq!(code, 0, "nobody says anything else: {rows:#?}");
    has(&rows, "certificates 4");
    has(&rows, "of authorities, anchors among them 2, 1");
    has(&rows, "parse 4");
    has(&rows, "path proven 1");
    has(&rows, "path refused 1");
    // A lab does not make certificates of the policy administrator's profile.
    has(&rows, "e_atis_ext_crl_distribution 2 0 0 0");
}

#[test]
fn what_others_say_is_held_against_it() {
    let (lab, folder) = (Lab::new(), Folder::new());
    folder.write("roots.pem", pem(lab.root().certificate().as_der()));
    folder.write("ca.der", lab.intermediate().certificate().as_der());
    let (good, bad) = (leaf(&lab, "1234"), leaf(&lab, "1235"));
    let agreed = line(good.as_der(), r#""openssl_chain":"OK""#);
    let lines = folder.write("lines.jsonl", &agreed);
    let (code, rows) = judge(&folder.0);
    assert_eq!(code, 0, "{rows:#?}");
    has(&rows, "path proven, said to be good 1");
    has(&rows, "paths whose verdict agrees 1 of 1");

    let other = line(
        bad.as_der(),
        r#""openssl_chain":"FAIL","zlint_errors":["e_atis_version"]"#,
    );
    let broken = line(&good.as_der()[1..], r#""openssl_chain":"OK""#);
    std::fs::write(&lines, agreed + &other + &broken).unwrap();
    // Packed, they are the same lines.
    let packed = Command::new("gzip").arg(&lines).status().unwrap();
    assert!(packed.success());
    let (code, rows) = judge(&folder.0);
    assert_eq!(code, 1, "{rows:#?}");
    has(&rows, "path proven, said to be bad 1");
    has(&rows, "paths whose verdict agrees 1 of 2");
    has(&rows, "certificates whose lint errors agree 0 of 1");
    has(&rows, "e_atis_version 0 1 0 1");
    has(&rows, "parse 4");
    has(&rows, "certificates 5");
}
