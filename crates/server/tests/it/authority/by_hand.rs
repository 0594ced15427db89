//! The verbs of `countersign ca`, as those meet them who type them.
//!
//! ```text
//!     operator ── ca … ──► books        what is not named stays, what is done is said
//! ```

use super::served::folder;
use super::{openssl, run_in};
use crate::peers::{Workspace, told};
use serde_json::{Value, json};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

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

/// This test verifies that a list of certificates says what each is for, and breaks no serial number on a terminal of 80 columns.
#[test]
fn a_list_says_what_certificates_are_for() {
    let folder = folder();
    request(&folder, "a", "--name SHAKEN_1234 --spc 1234");
    done(&folder, "ca issue a.csr --profile end-entity --out a.pem");
    let one = objects(&done(&folder, "ca list --json")).remove(0);
    assert_eq!(
        (&one["profile"], &one["path_length"]),
        (&json!("end-entity"), &Value::Null)
    );
    assert_eq!(one["tnauthlist"], json!(["SPC 1234"]));
    assert_eq!(one["key_sha256"].as_str().unwrap().len(), 64);
    let listed = done(&folder, "ca list");
    let lines: Vec<_> = listed.lines().collect();
    assert!(lines[0].starts_with("SERIAL"), "{listed}");
    assert!(
        lines[1].starts_with(one["serial"].as_str().unwrap()),
        "{listed}"
    );
    assert_eq!(
        lines[2],
        "  end-entity  CN=SHAKEN 1234,O=Example,C=US  for SPC 1234"
    );
    assert!(lines.iter().all(|line| line.len() <= 80), "{listed}");
}

/// This test verifies that a refusal says what is wrong and what can be done: of somebody else's certificate, of another key, of a delegate of
/// nobody, of a rule, of numbers that are written otherwise than they are meant.
#[test]
fn a_refusal_says_what_can_be_done() {
    let folder = folder();
    let refused = |code, line: &str, words: &[&str]| {
        let (told, out, err) = run(&folder, line);
        assert_eq!(told, code, "{line}: {out}{err}");
        for word in words {
            assert!(err.contains(word), "{line}: {err}");
        }
    };
    done(&folder, "ca account open first --holder Acme --spc 1234");
    let line = "ca revoke --certificate ca.pem --by alice";
    refused(
        1,
        line,
        &[
            "CN=Example SHAKEN ROOT,O=Example,C=US has issued it",
            "ca sign",
        ],
    );
    request(&folder, "a", "--name SHAKEN_a --numbers 12025550100");
    let line = "ca issue a.csr --profile delegate --out a.pem";
    refused(
        1,
        line,
        &["no numbers of its own to delegate", "delegate-ca"],
    );
    request(&folder, "b", "--name SHAKEN_9999 --spc 1234");
    let line = "ca issue b.csr --profile end-entity --out b.pem";
    refused(1, line, &["e_atis_subject_cn_spc: ", "ca.ignored_lints"]);
    let backwards = "ca account open acme --holder Acme --numbers 12025550149-12025550100";
    refused(2, backwards, &["backwards; give the lower number first"]);
    let line = "ca account open acme --holder Acme --spc toolong123 --numbers 2025550100";
    let doubts = [
        "toolong123: codes of SHAKEN are four",
        "2025550100: taken as it is",
    ];
    refused(0, line, &doubts);
    let typed = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        run_in(folder.path(), &[], &words)
    };
    let (code, _, err) = typed("ca install ca.pem --key crl.key --certificate new.pem");
    assert_eq!(code, 1);
    assert!(err.contains("it is for another key than crl.key"), "{err}");
    let sign =
        "ca sign b.csr --key root.key --certificate root.pem --out c.pem --profile end-entity";
    let (code, _, err) = typed(sign);
    assert_eq!(code, 1);
    for word in [
        "e_atis_ext_crl_distribution: An end entity names one",
        "--crl-url URL",
    ] {
        assert!(err.contains(word), "{err}");
    }
}

/// This test verifies that what `ca install --former` says goes into the configuration is TOML, with nothing in it that only people can read.
#[test]
fn what_is_said_of_a_former_key_can_be_pasted() {
    let folder = folder();
    request(&folder, "two", "--name Example_SHAKEN_CA");
    let sign = "ca sign two.csr --key root.key --certificate root.pem --out two.pem --crl-url https://ca.example/crl/ca.crl --crl-issuer crl.pem \
        --days 300";
    let install = "ca install two.pem --key two.key --certificate ca.pem --former one.pem";
    let mut said = String::new();
    for line in [sign, install] {
        let words: Vec<_> = line.split_whitespace().collect();
        let (code, out, err) = run_in(folder.path(), &[], &words);
        assert_eq!(code, 0, "{line}: {out}{err}");
        said = err;
    }
    let (_, paste) = said.split_once('\n').unwrap();
    let paste: toml::Table = paste.parse().unwrap();
    let former = &paste["ca"]["former"][0];
    assert_eq!(former["certificate_file"].as_str(), Some("one.pem"));
    let named = former.as_table().unwrap().len();
    assert_eq!(named, 1, "what is not known is not made up: {said}");
}

/// This test verifies that a copy of the journal is told to programs, too, and never written over another one.
#[test]
fn a_copy_of_the_journal_is_written_over_nothing() {
    let folder = folder();
    done(&folder, "ca account open first --holder Acme --spc 1234");
    let copied = objects(&done(&folder, "ca backup copy.sqlite --json")).remove(0);
    assert_eq!(copied["copy"], "copy.sqlite");
    let (code, _, err) = run(&folder, "ca backup copy.sqlite");
    assert_eq!(code, 2);
    let words = "copy.sqlite: it is there already, and nothing is written over; name another file";
    assert!(err.contains(words), "{err}");
}

/// A server that ends with the test.
struct Serving(std::process::Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines of a step of the way from nothing to the first certificate, with other ports.
fn step(number: u8, ports: [u16; 3]) -> String {
    let text = include_str!("../../../../../docs/operations.md");
    let (_, text) = text.split_once("\n## The authority\n").unwrap();
    let (_, text) = text.split_once(&format!("\n{number}. ")).unwrap();
    let lines = text.lines().skip(1);
    let own = lines.take_while(|line| line.is_empty() || line.starts_with("  "));
    let typed: Vec<_> = own
        .filter_map(|line| line.strip_prefix("       "))
        .collect();
    let typed = typed.join("\n").replace("28443", &ports[0].to_string());
    let typed = typed.replace("28080", &ports[1].to_string());
    typed.replace("25060", &ports[2].to_string())
}

/// This test verifies that the way from nothing to the first certificate, as it is told in docs/operations.md, can be typed in an empty folder.
#[test]
fn the_way_from_nothing_works_as_it_is_told() {
    let folder = super::workspace();
    let binary = Path::new(env!("CARGO_BIN_EXE_countersign")).parent();
    let path = format!(
        "{}:{}",
        binary.unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let shell = |script: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-ec", script]).current_dir(folder.path());
        shell.env("PATH", &path);
        shell
    };
    let typed = |script: &str| {
        let (code, out, err) = told(shell(script).output().unwrap());
        assert_eq!(code, 0, "{script}\n{out}{err}");
        out
    };
    let port = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ports = [port(), port(), port()].map(|one| one.local_addr().unwrap().port());
    for number in 1..=4 {
        typed(&step(number, ports));
    }
    folder.write("countersign.toml", step(5, ports));
    let last = step(6, ports);
    let (before, serve) = last.trim_end().rsplit_once('\n').unwrap();
    typed(before);
    let _serving = Serving(shell(&format!("exec {serve}")).spawn().unwrap());
    let until = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", ports[0])).is_err() {
        assert!(Instant::now() < until, "the server listens");
        std::thread::sleep(Duration::from_millis(20));
    }
    let out = typed(&step(7, ports));
    assert!(out.contains("SHAKEN 1234,O=Example Telco"), "{out}");
}
