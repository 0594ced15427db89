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
    assert_eq!(
        (std::fs::read(&root).unwrap(), folder.read("root.key")),
        before
    );
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

/// This test verifies that a request is one for openssl, that what the root makes of it passes openssl and our own rules, that it is
/// installed for its own key only, and that requests of openssl are signed, too.
#[test]
fn an_authority_below_a_root_without_a_network() {
    let folder = workspace();
    administrator(&folder);
    let run = |arguments: &[&str]| run_in(folder.path(), &[], arguments);
    let done = |arguments: &[&str]| {
        let (code, out, err) = run(arguments);
        assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}: {out}");
        out
    };
    let root = [
        "ca",
        "init",
        "--key",
        "root.key",
        "--certificate",
        "root.pem",
    ];
    done(&[&root[..], &ROOT].concat());
    let names = ["--organization", "Example", "--name", "Example SHAKEN CA"];
    done(
        &[
            &["ca", "csr", "--key", "ca.key", "--out", "ca.csr"],
            &names[..],
        ]
        .concat(),
    );
    let read = openssl(
        folder.path(),
        &["req", "-in", "ca.csr", "-noout", "-text", "-verify"],
    );
    assert!(read.contains("CA:TRUE"), "{read}");
    let sign = [
        "ca",
        "sign",
        "--key",
        "root.key",
        "--certificate",
        "root.pem",
    ];
    let crl = LISTS;
    let rest = ["ca.csr", "--out", "ca.pem", "--json"];
    let told = done(&[&sign[..], &crl, &rest].concat());
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["issuer"], "CN=Example SHAKEN ROOT,O=Example,C=US");
    openssl(
        folder.path(),
        &["verify", "-x509_strict", "-CAfile", "root.pem", "ca.pem"],
    );

    let install = |key| {
        let chain = [
            "ca",
            "install",
            "ca.pem",
            "--certificate",
            "installed.pem",
            "--key",
        ];
        run(&[&chain[..], &[key]].concat())
    };
    // The list's issuer is not one of the path.
    let (code, _, err) = run(&[&sign[..], &["ca.csr", "--out", "no.pem"]].concat());
    assert_eq!(code, 1);
    assert!(err.contains("e_atis_ext_crl_distribution_ca"), "{err}");
    let (code, _, err) = install("root.key");
    assert_eq!(code, 1);
    assert!(err.contains("not that of the issuing certificate"), "{err}");
    assert!(!folder.path().join("installed.pem").exists());
    assert_eq!(install("ca.key").0, 0);
    assert_eq!(folder.read("installed.pem"), folder.read("ca.pem"));

    // A stranger's request, for what nobody has: more authorities below than the one above may have.
    openssl(
        folder.path(),
        &[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "other.key",
            "-subj",
            "/C=US/O=Other/CN=Other SHAKEN CA",
            "-out",
            "other.csr",
        ],
    );
    let below = [
        "ca",
        "sign",
        "other.csr",
        "--days",
        "90",
        "--key",
        "ca.key",
        "--certificate",
        "ca.pem",
        "--out",
        "other.pem",
    ];
    let (code, _, err) = run(&[&below[..], &crl].concat());
    assert_eq!(code, 1);
    assert!(err.contains("may not certify another authority"), "{err}");
    assert!(!folder.path().join("other.pem").exists());
    let longer = [
        &sign[..],
        &crl,
        &["other.csr", "--out", "other.pem", "--days", "36525"],
    ]
    .concat();
    let (code, _, err) = run(&longer);
    assert_eq!(code, 1);
    assert!(err.contains("not within the issuer's"), "{err}");
    done(&[&sign[..], &crl, &["other.csr", "--out", "other.pem"]].concat());
    openssl(
        folder.path(),
        &["verify", "-x509_strict", "-CAfile", "root.pem", "other.pem"],
    );
}

/// This test verifies that an authority for some numbers hands down these and no others.
#[test]
fn an_authority_for_some_numbers() {
    let folder = workspace();
    administrator(&folder);
    let run = |arguments: &[&str]| run_in(folder.path(), &[], arguments);
    let root = [
        "ca",
        "init",
        "--key",
        "root.key",
        "--certificate",
        "root.pem",
    ];
    assert_eq!(run(&[&root[..], &ROOT].concat()).0, 0);
    let request = |key: &str, out: &str, name: &str, numbers: &str| {
        let files = [
            "ca",
            "csr",
            "--key",
            key,
            "--out",
            out,
            "--organization",
            "Example",
        ];
        let (code, out, err) = run(&[&files[..], &["--name", name, "--numbers", numbers]].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
    };
    let sign = |request: &str, issuer: &str, profile: &str, out: &str| {
        let (key, certificate) = (format!("{issuer}.key"), format!("{issuer}.pem"));
        let issuer = ["--key", &key, "--certificate", &certificate, "--days", "90"];
        let crl = LISTS;
        run(&[
            &["ca", "sign", request, "--profile", profile, "--out", out],
            &issuer[..],
            &crl,
        ]
        .concat())
    };
    request(
        "ca.key",
        "ca.csr",
        "SHAKEN Example",
        "12025550100-12025550149",
    );
    let (code, _, err) = sign("ca.csr", "root", "delegate-ca", "ca.pem");
    assert_eq!(code, 0, "{err}");
    for (numbers, expected) in [("12025550120", 0), ("12025550140-12025550150", 1)] {
        let (key, csr) = (format!("{numbers}.key"), format!("{numbers}.csr"));
        request(&key, &csr, "SHAKEN Example", numbers);
        let (code, _, err) = sign(&csr, "ca", "delegate", &format!("{numbers}.pem"));
        assert_eq!(code, expected, "{numbers}: {err}");
        assert_eq!(
            err.contains("does not have what is asked for"),
            expected == 1,
            "{err}"
        );
    }
}
