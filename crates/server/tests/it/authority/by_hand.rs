//! The verbs of `countersign ca`, as those meet them who type them.
//!
//! ```text
//!     operator ── ca … ──► books        what is not named stays, what is done is said
//! ```

use super::served::folder;
use super::{openssl, run_in};
use crate::peers::Workspace;
use serde_json::{Value, json};

/// Runs a line in the folder, with its configuration.
fn run(folder: &Workspace, line: &str) -> (i32, String, String) {
    let line = format!("{line} --config countersign.toml");
    let words: Vec<_> = line.split(' ').collect();
    run_in(folder.path(), &[], &words)
}

/// The same, which must be done.
fn done(folder: &Workspace, line: &str) -> String {
    let (code, out, err) = run(folder, line);
    assert_eq!(code, 0, "{line}: {out}{err}");
    out
}

fn objects(lines: &str) -> Vec<Value> {
    let lines = lines.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// This test verifies that a change of an account changes what it names and nothing else, tells what was before, and never leaves nothing.
#[test]
fn what_a_change_does_not_name_stays() {
    let folder = folder();
    let open = "ca account open acme --holder Acme --spc 1234 --numbers 12025550100 --may-certify";
    done(&folder, open);
    let change = |what: &str| {
        let out = done(&folder, &format!("ca account change acme {what} --json"));
        objects(&out).remove(0)
    };
    let held = |numbers: &str, codes: &[&str], may: bool| {
        let numbers = (!numbers.is_empty()).then(|| numbers.to_owned());
        let codes = codes.iter().map(|code| format!("SPC {code}"));
        let holds: Vec<_> = codes.chain(numbers).collect();
        json!({"holds": holds, "may_certify": may})
    };
    let said = change("--numbers 12025550160");
    assert_eq!(said["before"], held("12025550100", &["1234"], true));
    assert_eq!(said["after"], held("12025550160", &["1234"], true));
    let said = change("--spc 5678");
    assert_eq!(said["after"]["may_certify"], true);
    assert_eq!(change("--may-not-certify")["after"]["may_certify"], false);
    assert_eq!(change("--no-numbers")["after"], held("", &["5678"], false));
    let (code, _, err) = run(&folder, "ca account change acme --no-spc");
    assert_eq!(code, 1);
    assert!(err.contains("would hold nothing"), "{err}");
    let (code, ..) = run(&folder, "ca account change acme");
    assert_eq!(code, 2, "nothing is named");
    assert_eq!(change("--may-certify")["after"], held("", &["5678"], true));
    let listed = objects(&done(&folder, "ca account list --json")).remove(0);
    assert_eq!(
        (&listed["shows"], &listed["may_certify"]),
        (&json!("secret"), &json!(true))
    );
    done(
        &folder,
        "ca account credential acme --client-certificate ca.pem",
    );
    let listed = done(&folder, "ca account list");
    for word in ["may certify", "shows a certificate"] {
        assert!(listed.contains(word), "{listed}");
    }
    let closed = objects(&done(&folder, "ca account close acme --json")).remove(0);
    assert_eq!(closed["state"], "closed");
}

/// A request in the folder.
fn request(folder: &Workspace, name: &str, more: &str) {
    let line = format!("ca csr --key {name}.key --out {name}.csr --organization Example {more}");
    let words: Vec<_> = line.split(' ').collect();
    let words: Vec<_> = words.iter().map(|word| word.replace('_', " ")).collect();
    assert_eq!(run_in(folder.path(), &[], &words).0, 0, "{line}");
}

/// This test verifies that who asked cannot approve by writing the same name otherwise, and that what waits is told with its time and key.
#[test]
fn another_spelling_is_no_second_person() {
    let folder = folder();
    let nothing = run(&folder, "ca account list");
    assert_eq!(nothing.0, 2, "no journal yet: {nothing:?}");
    done(&folder, "ca account open acme --holder Acme --spc 1234");
    let (_, out, err) = run(&folder, "ca approve");
    assert_eq!(out, "");
    assert!(err.contains("nothing waits"), "{err}");
    request(
        &folder,
        "new",
        "--name SHAKEN_Example --numbers 12025550100-12025550149",
    );
    let line = "ca issue new.csr --profile delegate-ca --out new.pem --by carol --json";
    let (code, out, _) = run(&folder, line);
    assert_eq!(code, 1);
    let id = objects(&out).remove(0)["approval"]
        .as_str()
        .unwrap()
        .to_owned();
    let waits = objects(&done(&folder, "ca approve --json")).remove(0);
    assert!(
        waits["asked_at"].as_str().unwrap().starts_with("20"),
        "{waits}"
    );
    let key = openssl(
        folder.path(),
        &["pkey", "-in", "new.key", "-pubout", "-out", "new.pub"],
    );
    assert_eq!(key.trim(), "");
    openssl(
        folder.path(),
        &[
            "pkey", "-pubin", "-in", "new.pub", "-outform", "DER", "-out", "new.spki",
        ],
    );
    let digest = openssl(folder.path(), &["dgst", "-sha256", "-r", "new.spki"]);
    let digest = digest.split(' ').next().unwrap();
    assert_eq!(waits["key_sha256"], digest);
    for same in ["Carol", "CAROL"] {
        let (code, _, err) = run(&folder, &format!("ca approve {id} --by {same}"));
        assert_eq!(code, 1);
        assert!(err.contains("who asks may not approve"), "{err}");
    }
    let status = objects(&done(&folder, "ca status --json")).remove(0);
    assert_eq!(status["waiting_approvals"], 1);
    done(&folder, &format!("ca approve {id} --by caroline"));
    let status = done(&folder, "ca status");
    assert!(!status.contains("approvals"), "{status}");
}

/// This test verifies that a serial number is taken as OpenSSL prints it.
#[test]
fn a_serial_number_is_taken_as_openssl_prints_it() {
    let folder = folder();
    request(&folder, "a", "--name SHAKEN_1234 --spc 1234");
    done(&folder, "ca issue a.csr --profile end-entity --out a.pem");
    let serial = openssl(
        folder.path(),
        &["x509", "-in", "a.pem", "-noout", "-serial"],
    );
    let serial = serial.trim().strip_prefix("serial=").unwrap().to_owned();
    let octets = serial
        .as_bytes()
        .chunks(2)
        .map(|pair| str::from_utf8(pair).unwrap());
    let spelled = octets.collect::<Vec<_>>().join(":");
    let out = done(&folder, &format!("ca revoke {spelled} --by alice"));
    assert!(out.starts_with(&serial.to_lowercase()), "{out}");
}
