//! Keys that nobody can copy: in a PKCS#11 token, here one of softhsm2.
//!
//! ```text
//!     countersign ca init --key pkcs11:… ──► libsofthsm2.so ──► token "countersign"
//!     threads ── TokenKey::sign ──► sessions ──┘   somebody ends them all
//! ```

use super::{ROOT, openssl, run_in, told, workspace};
use crate::peers::Workspace;
use countersign::crypto::{AwsLc, VerifyingKeys};
use countersign_server::keys::{KeyFault, KeyPlace};
use cryptoki::context::Pkcs11;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian has it.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A folder with a token of its own.
struct Token {
    folder: Workspace,
}

impl Token {
    fn new() -> Self {
        let folder = workspace();
        std::fs::create_dir(folder.path().join("tokens")).unwrap();
        let tokens = folder.path().join("tokens");
        let settings = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\n",
            tokens.display()
        );
        folder.write("softhsm2.conf", settings);
        let pin = folder.write("pin", "1234\n");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&pin, mode).unwrap();
        let token = Self { folder };
        let arguments = [
            "--init-token",
            "--free",
            "--label",
            "countersign",
            "--pin",
            "1234",
            "--so-pin",
            "5678",
        ];
        let mut command = Command::new("softhsm2-util");
        command
            .args(arguments)
            .env("SOFTHSM2_CONF", token.settings());
        let output = command
            .output()
            .expect("softhsm2 is installed: cargo xtask test");
        let (code, out, err) = told(output);
        assert_eq!(code, 0, "{out}{err}");
        token
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("softhsm2.conf")
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let settings = self.settings();
        run_in(
            self.folder.path(),
            &[("SOFTHSM2_CONF", &settings)],
            arguments,
        )
    }

    fn init(&self, key: &str, certificate: &str) -> (i32, String, String) {
        let files = ["ca", "init", "--key", key, "--certificate", certificate];
        self.run(&[&files[..], &ROOT].concat())
    }
}

fn uri(object: &str, pin: &str) -> String {
    format!("pkcs11:token=countersign;object={object}?module-path={MODULE}&pin-source={pin}")
}

/// This test verifies that a root's key is made in the token and signs there, that it is not made twice, and that what is wrong with the
/// way to it is told by name.
#[test]
fn a_root_whose_key_never_leaves_its_token() {
    let token = Token::new();
    let (code, out, err) = token.init(&uri("root", "pin"), "root.pem");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(
        out.contains("pkcs11:token=countersign;object=root"),
        "{out}"
    );
    openssl(
        token.folder.path(),
        &["verify", "-check_ss_sig", "-CAfile", "root.pem", "root.pem"],
    );
    for (key, why) in [
        (uri("root", "pin"), "there is a key already"),
        (uri("other", "no-pin"), "no-pin: it cannot be read"),
        (
            uri("other", "pin").replace("token=countersign", "token=another"),
            "shows no such token",
        ),
        (
            uri("other", "pin").replace("libsofthsm2", "libnothing"),
            "this PKCS#11 module cannot be used",
        ),
        (uri("other", "pin") + "&pin-value=1234", "the PIN is in it"),
    ] {
        let (code, out, err) = token.init(&key, "other.pem");
        assert_eq!((code, out.as_str()), (2, ""), "{key}");
        assert!(err.contains(why), "{key}: {err}");
        assert!(!err.contains("1234"), "a PIN is shown to nobody: {err}");
        assert!(!token.folder.path().join("other.pem").exists(), "{key}");
    }
    token.folder.write("pin", "4321\n");
    let (code, _, err) = token.init(&uri("third", "pin"), "third.pem");
    assert_eq!(code, 2);
    assert!(err.contains("the PKCS#11 module says"), "{err}");
}

/// This test verifies that threads sign side by side, that signatures go on when the module was told to end and every session with it,
/// and that none is made with another key of the same name.
#[test]
fn a_device_that_comes_back() {
    let token = Token::new();
    assert_eq!(token.init(&uri("root", "pin"), "root.pem").0, 0);
    // The module reads its environment when it is loaded: in a process of its own.
    let mut command = Command::new(std::env::current_exe().unwrap());
    let name = "authority::keys_in_tokens::signs_while_the_device_comes_and_goes";
    command.args([name, "--exact", "--ignored", "--nocapture"]);
    command.env("SOFTHSM2_CONF", token.settings());
    let (code, out, err) = told(command.current_dir(token.folder.path()).output().unwrap());
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("1 passed"), "{out}");
}

#[test]
#[ignore = "a_device_that_comes_back runs it, in a process with a token"]
fn signs_while_the_device_comes_and_goes() {
    let folder = std::env::current_dir().unwrap();
    let place = KeyPlace::parse(&uri("root", "pin"), &folder).unwrap();
    let key = place.open().unwrap();
    let verifying = AwsLc.p256(&key.public_key()).unwrap();
    let sign = || {
        let signature = key.sign(b"message").unwrap();
        assert_eq!(verifying.verify(b"message", &signature), Ok(()));
    };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..50).for_each(|_| sign()));
        }
    });
    let module = Pkcs11::new(Path::new(MODULE)).unwrap();
    module.finalize().unwrap();
    sign();

    let missing = KeyPlace::parse(&uri("missing", "pin"), &folder).unwrap();
    assert!(matches!(missing.open(), Err(KeyFault::NoKey)));
    let exists = place.generate();
    assert!(matches!(exists, Err(KeyFault::Exists)));

    // Another device with the same names, but not the same key.
    std::fs::remove_dir_all("tokens").unwrap();
    std::fs::create_dir("tokens").unwrap();
    Pkcs11::new(Path::new(MODULE)).unwrap().finalize().unwrap();
    let arguments = [
        "--init-token",
        "--free",
        "--label",
        "countersign",
        "--pin",
        "1234",
        "--so-pin",
        "5678",
    ];
    assert!(
        Command::new("softhsm2-util")
            .args(arguments)
            .status()
            .unwrap()
            .success()
    );
    assert!(key.sign(b"message").is_err(), "there is no key");
    let another = place.generate().unwrap();
    assert!(another.sign(b"message").is_ok());
    assert!(key.sign(b"message").is_err(), "it is not ours");
}
