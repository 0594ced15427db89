//! A root by hand.
//!
//! ```text
//!     countersign ca init ──► root.key (0600), root.pem ──► openssl, certificate lint
//! ```

use super::{ROOT, openssl, run_in, workspace};
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
