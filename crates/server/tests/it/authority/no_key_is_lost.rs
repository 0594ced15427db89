//! Where certificates and requests are put: never in the place of a private key, or of what belongs to another.
//!
//! ```text
//!     ca init, csr, enroll ──► --key s.pem, --certificate s.pem: one file, refused before there is anything in it
//!     ca enroll ──► --certificate other.key, account.key, secret.txt, root.pem: they stay as they are
//! ```

use super::{ROOT, run_in, workspace};
use crate::peers::Workspace;

/// Names of whoever asks.
const NAMES: [&str; 4] = ["--organization", "Example", "--name", "SHAKEN 1234"];

/// `ca enroll` from an authority where nobody is: what is refused is refused before it is asked.
fn enroll(folder: &Workspace, key: &str, certificate: &str, more: &[&str]) -> (i32, String) {
    let verb = ["ca", "enroll", "https://localhost:1/acme/directory"];
    let files = ["--key", key, "--certificate", certificate];
    let rest = [
        "--account-key",
        "account.key",
        "--spc",
        "1234",
        "--token-file",
        "token.txt",
    ];
    let origin = ["--allow-origin", "https://localhost:1", "--timeout", "1"];
    let arguments = [&verb[..], &files, &rest, &NAMES, &origin, more].concat();
    let (code, _, err) = run_in(folder.path(), &[], &arguments);
    (code, err)
}

/// This test verifies that a key and what is made with it are never one file, however the two are spelled, and that nothing is made then.
#[test]
fn a_key_and_its_certificate_are_two_files() {
    let folder = workspace();
    folder.write("token.txt", "token");
    let there = |name: &str| folder.path().join(name).exists();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    for other in ["s.pem", "./s.pem", "sub/../s.pem"] {
        let init = ["ca", "init", "--key", "s.pem", "--certificate", other];
        let csr = ["ca", "csr", "--key", "s.pem", "--out", other];
        for verb in [init, csr] {
            let (code, out, err) = run_in(folder.path(), &[], &[&verb[..], &ROOT].concat());
            assert_eq!(code, 2, "{verb:?}: {out}");
            assert!(err.contains("the file of a key"), "{err}");
            assert!(!there("s.pem"), "{verb:?}");
        }
        let (code, err) = enroll(&folder, "s.pem", other, &[]);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains("the file of a key"), "{err}");
        assert!(!there("s.pem") && !there("account.key"));
    }
    let (code, err) = enroll(&folder, "provider.key", "account.key", &[]);
    assert_eq!(code, 2, "{err}");
    assert!(!there("account.key") && !there("provider.key"));
}

/// This test verifies that a chain takes the place of no private key, no secret and no certificate of another key, and that no key is made
/// where that is found out; an empty file may be replaced.
#[test]
fn a_chain_takes_the_place_of_nothing_else() {
    let folder = workspace();
    folder.write("token.txt", "token");
    folder.write("empty.pem", "");
    let root = [
        "ca",
        "init",
        "--key",
        "root.key",
        "--certificate",
        "root.pem",
    ];
    let made = run_in(folder.path(), &[], &[&root[..], &ROOT].concat());
    assert_eq!(made.0, 0, "{}", made.2);
    for (place, why) in [
        ("root.key", "a private key is in it"),
        ("root.pem", "no certificate of this key"),
        ("token.txt", "no certificate of this key"),
    ] {
        let before = folder.read(place);
        let (code, err) = enroll(&folder, "provider.key", place, &[]);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(why), "{place}: {err}");
        assert_eq!(folder.read(place), before);
        assert!(!folder.path().join("provider.key").exists(), "{place}");
    }
    // Nor is a key made for what cannot be asked at all.
    let (code, err) = enroll(&folder, "provider.key", "p.pem", &["--numbers", "many"]);
    assert_eq!(code, 2, "{err}");
    assert!(!folder.path().join("provider.key").exists(), "{err}");
    for nowhere in ["/proc/provider.pem", "nowhere/provider.pem"] {
        let (code, err) = enroll(&folder, "provider.key", nowhere, &[]);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains("it cannot be written"), "{err}");
        assert!(!folder.path().join("provider.key").exists(), "{nowhere}");
    }
    // With the key of that certificate it may be, as an empty file: then nobody is there to ask.
    let (code, err) = enroll(&folder, "root.key", "root.pem", &["--existing-key"]);
    assert_eq!(code, 4, "{err}");
    let (code, err) = enroll(&folder, "provider.key", "empty.pem", &[]);
    assert_eq!(code, 4, "{err}");
}
