//! A root by hand, and the authority below it: on two machines, one of them without a network.
//!
//! ```text
//!     offline                                     online
//!     ca init ──► root.key (0600), root.pem
//!     ca sign ◄──────────── ca.csr ◄──────────── ca csr ──► ca.key
//!        └──────────────── ca.pem ─────────────► ca install ──► openssl verify, certificate lint
//! ```

use super::{ROOT, openssl, run_in, workspace};
use crate::peers::Workspace;
use std::os::unix::fs::PermissionsExt;

/// This test verifies that a root is one for other people's tools and for our own rules, and that nothing is written over.
#[test]
fn a_root_is_made_once() {
    let folder = workspace();
    let init = |certificate| {
        let files = [
            "ca",
            "init",
            "--key",
            "root.key",
            "--certificate",
            certificate,
        ];
        run_in(folder.path(), &[], &[&files[..], &ROOT].concat())
    };
    let (code, out, err) = init("root.pem");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(
        out.contains("CN=Example SHAKEN ROOT,O=Example,C=US"),
        "{out}"
    );
    let root = folder.path().join("root.pem");
    let mode = |name| {
        let metadata = std::fs::metadata(folder.path().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!((mode("root.key"), mode("root.pem")), (0o600, 0o644));
    openssl(
        folder.path(),
        &["verify", "-check_ss_sig", "-CAfile", "root.pem", "root.pem"],
    );
    let text = openssl(
        folder.path(),
        &["x509", "-in", "root.pem", "-noout", "-text"],
    );
    assert!(text.contains("CA:TRUE"), "{text}");
    let lint = ["certificate", "lint", "root.pem"];
    assert_eq!(run_in(folder.path(), &[], &lint).0, 0);

    let before = (std::fs::read(&root).unwrap(), folder.read("root.key"));
    let (code, _, err) = init("root.pem");
    assert_eq!(code, 2);
    assert!(err.contains("nothing is written over"), "{err}");
    let (code, _, err) = init("other.pem");
    assert_eq!(code, 2);
    assert!(err.contains("there is a key already"), "{err}");
    assert!(err.contains("--existing-key"), "{err}");
    assert_eq!(
        (std::fs::read(&root).unwrap(), folder.read("root.key")),
        before
    );
}

/// This test verifies that a root which is refused leaves no key behind, and so is made at the next try.
#[test]
fn a_refused_root_leaves_no_key() {
    let folder = workspace();
    let init = |name: &str| {
        let files = ["ca", "init", "--key", "r.key", "--certificate", "r.pem"];
        let names = ["--organization", "Example", "--name", name];
        run_in(folder.path(), &[], &[&files[..], &names].concat())
    };
    let (code, _, err) = init("Example");
    assert_eq!(code, 1, "{err}");
    assert!(!folder.path().join("r.key").exists(), "{err}");
    let (code, _, err) = init("Example SHAKEN ROOT");
    assert_eq!(code, 0, "{err}");
}

/// Who signs the lists of revoked certificates: under SHAKEN's policy never the authority itself.
const LISTS: [&str; 4] = [
    "--crl-url",
    "https://pa.example.org/crl/all.crl",
    "--crl-issuer",
    "pa.pem",
];

/// The administrator who signs these lists.
fn administrator(folder: &Workspace) {
    let files = ["ca", "init", "--key", "pa.key", "--certificate", "pa.pem"];
    let names = [
        "--organization",
        "Example",
        "--name",
        "Example SHAKEN PA ROOT",
    ];
    assert_eq!(
        run_in(folder.path(), &[], &[&files[..], &names].concat()).0,
        0
    );
}

/// How the root of these tests is asked to sign.
const SIGN: [&str; 6] = [
    "ca",
    "sign",
    "--key",
    "root.key",
    "--certificate",
    "root.pem",
];

/// A folder with a root, and an administrator for its lists.
fn with_a_root() -> Workspace {
    let folder = workspace();
    administrator(&folder);
    let root = [
        "ca",
        "init",
        "--key",
        "root.key",
        "--certificate",
        "root.pem",
    ];
    done(&folder, &[&root[..], &ROOT].concat());
    folder
}

fn run(folder: &Workspace, arguments: &[&str]) -> (i32, String, String) {
    run_in(folder.path(), &[], arguments)
}

#[track_caller]
fn done(folder: &Workspace, arguments: &[&str]) -> String {
    let (code, out, err) = run(folder, arguments);
    assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}: {out}");
    out
}

#[track_caller]
fn refused(folder: &Workspace, arguments: &[&str], why: &str) {
    let (code, _, err) = run(folder, arguments);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains(why), "{err}");
}

/// An intermediate authority: its request in `ca.csr`, its certificate in `ca.pem`.
fn with_an_authority() -> Workspace {
    let folder = with_a_root();
    let names = ["--organization", "Example", "--name", "Example SHAKEN CA"];
    let request = ["ca", "csr", "--key", "ca.key", "--out", "ca.csr"];
    done(&folder, &[&request[..], &names].concat());
    let rest = ["ca.csr", "--out", "ca.pem", "--json"];
    let told = done(&folder, &[&SIGN[..], &LISTS, &rest].concat());
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["issuer"], "CN=Example SHAKEN ROOT,O=Example,C=US");
    folder
}

/// This test verifies that a request is one for openssl, that what the root makes of it passes openssl and our own rules, and that it is
/// installed for its own key only.
#[test]
fn an_authority_below_a_root_without_a_network() {
    let folder = with_an_authority();
    let path = folder.path();
    let read = openssl(
        path,
        &["req", "-in", "ca.csr", "-noout", "-text", "-verify"],
    );
    assert!(read.contains("CA:TRUE"), "{read}");
    openssl(
        path,
        &["verify", "-x509_strict", "-CAfile", "root.pem", "ca.pem"],
    );
    // The list's issuer is not one of the path.
    let unlisted = [&SIGN[..], &["ca.csr", "--out", "no.pem"]].concat();
    refused(&folder, &unlisted, "e_atis_ext_crl_distribution_ca");

    let install = [
        "ca",
        "install",
        "ca.pem",
        "--certificate",
        "installed.pem",
        "--key",
    ];
    let of = |key| [&install[..], &[key]].concat();
    refused(
        &folder,
        &of("root.key"),
        "it is for another key than root.key",
    );
    assert!(!path.join("installed.pem").exists());
    done(&folder, &of("ca.key"));
    assert_eq!(folder.read("installed.pem"), folder.read("ca.pem"));
}

/// This test verifies that a stranger's request, made by openssl, is signed where it may be, and not for what nobody has: more authorities
/// below than the one above may have, or a longer life.
#[test]
fn a_request_of_openssl_below_the_same_root() {
    let folder = with_an_authority();
    let path = folder.path();
    let key = [
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ];
    let files = ["-nodes", "-keyout", "other.key", "-out", "other.csr"];
    let subject = ["-subj", "/C=US/O=Other/CN=Other SHAKEN CA"];
    openssl(path, &[&key[..], &files, &subject].concat());
    let out = ["other.csr", "--out", "other.pem"];

    let below = [
        "ca",
        "sign",
        "--days",
        "90",
        "--key",
        "ca.key",
        "--certificate",
        "ca.pem",
    ];
    let below = [&below[..], &LISTS, &out].concat();
    refused(&folder, &below, "may not certify another authority");
    assert!(!path.join("other.pem").exists());
    let longer = [&SIGN[..], &LISTS, &out, &["--days", "36525"]].concat();
    refused(&folder, &longer, "not within its issuer's life, from 20");
    done(&folder, &[&SIGN[..], &LISTS, &out].concat());
    openssl(
        path,
        &["verify", "-x509_strict", "-CAfile", "root.pem", "other.pem"],
    );
}

/// This test verifies that an authority for some numbers hands down these and no others.
#[test]
fn an_authority_for_some_numbers() {
    let folder = with_a_root();
    let request = |key: &str, out: &str, numbers: &str| {
        let files = [
            "ca",
            "csr",
            "--key",
            key,
            "--out",
            out,
            "--numbers",
            numbers,
        ];
        let names = ["--organization", "Example", "--name", "SHAKEN Example"];
        done(&folder, &[&files[..], &names].concat());
    };
    let sign = |request: &str, issuer: &str, profile: &str, out: &str| {
        let (key, certificate) = (format!("{issuer}.key"), format!("{issuer}.pem"));
        // A child made a second later has to end before its parent.
        let days = if profile == "delegate" { "30" } else { "90" };
        let issuer = ["--key", &key, "--certificate", &certificate, "--days", days];
        let wanted = ["ca", "sign", request, "--profile", profile, "--out", out];
        run(&folder, &[&wanted[..], &issuer, &LISTS].concat())
    };
    request("ca.key", "ca.csr", "12025550100-12025550149");
    let (code, _, err) = sign("ca.csr", "root", "delegate-ca", "ca.pem");
    assert_eq!(code, 0, "{err}");
    for (numbers, expected) in [("12025550120", 0), ("12025550140-12025550150", 1)] {
        let (key, csr) = (format!("{numbers}.key"), format!("{numbers}.csr"));
        request(&key, &csr, numbers);
        let (code, _, err) = sign(&csr, "ca", "delegate", &format!("{numbers}.pem"));
        assert_eq!(code, expected, "{numbers}: {err}");
        assert_eq!(
            err.contains("does not have what is asked for"),
            expected == 1,
            "{err}"
        );
    }
}

/// This test verifies that below an authority of a few hours something can be issued: hours are enough, and who asks for more hears until when.
#[test]
fn below_an_authority_of_hours() {
    let folder = with_a_root();
    let request = |key: &str, out: &str| {
        let files = ["ca", "csr", "--key", key, "--out", out];
        let names = ["--organization", "Example", "--name", "SHAKEN Example"];
        let numbers = ["--numbers", "12025550100-12025550149"];
        done(&folder, &[&files[..], &names, &numbers].concat());
    };
    let sign = |request: &str, issuer: &str, profile: &str, out: &str, life: [&str; 2]| {
        let (key, certificate) = (format!("{issuer}.key"), format!("{issuer}.pem"));
        let issuer = ["--key", &key, "--certificate", &certificate];
        let wanted = ["ca", "sign", request, "--profile", profile, "--out", out];
        run(&folder, &[&wanted[..], &issuer, &LISTS, &life].concat())
    };
    request("ca.key", "ca.csr");
    let (code, _, err) = sign("ca.csr", "root", "delegate-ca", "ca.pem", ["--hours", "24"]);
    assert_eq!(code, 0, "{err}");
    let text = openssl(
        folder.path(),
        &[
            "x509", "-in", "ca.pem", "-noout", "-enddate", "-dateopt", "iso_8601",
        ],
    );
    let end = text
        .trim()
        .trim_start_matches("notAfter=")
        .replace(' ', "T");
    request("one.key", "one.csr");
    let (code, _, err) = sign("one.csr", "ca", "delegate", "one.pem", ["--days", "2"]);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains(&format!("to {end}; give --days or --hours")),
        "{end}: {err}"
    );
    let (code, _, err) = sign("one.csr", "ca", "delegate", "one.pem", ["--hours", "20"]);
    assert_eq!(code, 0, "{err}");
    openssl(
        folder.path(),
        &["x509", "-in", "one.pem", "-noout", "-checkend", "71000"],
    );
}
