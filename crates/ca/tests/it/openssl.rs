//! OpenSSL as a foreign witness: the command line, run over files of its own.
//!
//! What it prints of a certificate is what anybody sees; what it verifies is not of our making. It must be installed: a witness
//! that is absent proves nothing, so the tests that call it fail without it.

use countersign::certificate::chain::pem;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of one test, removed at its end.
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-ca-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Writes certificates in PEM.
    pub(crate) fn certificates(&self, name: &str, ders: &[&[u8]]) -> PathBuf {
        self.bytes(
            name,
            ders.iter()
                .map(|der| pem(der))
                .collect::<String>()
                .as_bytes(),
        )
    }

    pub(crate) fn bytes(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs `openssl` with these arguments: whether it was content, and everything it said.
pub(crate) fn openssl(arguments: &[&str], files: &[&Path]) -> (bool, String) {
    let files = files.iter().map(|path| path.to_str().unwrap());
    let arguments: Vec<&str> = arguments.iter().copied().chain(files).collect();
    let output = Command::new("openssl")
        .args(&arguments)
        .output()
        .expect("openssl is installed: `cargo xtask test` sees to it");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// What was said, blanks folded: versions differ in how they indent, and in blanks around the equals signs of names.
pub(crate) fn flat(said: &str) -> String {
    let words: Vec<_> = said.split_whitespace().collect();
    words.join(" ").replace(" = ", "=")
}

/// A certificate as OpenSSL prints it, [`flat`].
pub(crate) fn text(der: &[u8]) -> String {
    let files = Files::new();
    let path = files.certificates("certificate.pem", &[der]);
    let (content, said) = openssl(&["x509", "-noout", "-text", "-in"], &[&path]);
    assert!(content, "{said}");
    flat(&said)
}

/// Whether OpenSSL finds a path from the certificate over the intermediates to the root, at a time, with its strictest checks.
pub(crate) fn verifies(
    root: &[u8],
    intermediates: &[&[u8]],
    leaf: &[u8],
    at: i64,
) -> (bool, String) {
    let files = Files::new();
    let root = files.certificates("root.pem", &[root]);
    let between = files.certificates("between.pem", intermediates);
    let leaf = files.certificates("leaf.pem", &[leaf]);
    let at = at.to_string();
    let mut arguments = vec![
        "verify",
        "-x509_strict",
        "-no-CApath",
        "-no-CAstore",
        "-attime",
        &at,
    ];
    arguments.extend(["-CAfile", root.to_str().unwrap()]);
    if !intermediates.is_empty() {
        arguments.extend(["-untrusted", between.to_str().unwrap()]);
    }
    openssl(&arguments, &[&leaf])
}
