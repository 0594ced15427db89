//! A client of SHAKEN that others wrote, stir-shaken-toolkit, enrols against us: login, token, account, order, certificate, as it
//! does it with the authorities in production.
//!
//! ```text
//!     stir-shaken-toolkit ──https──► /api/v1/auth/login, /api/v1/account/acme/token, /certificates/tokens.pem, /crl/ca.crl
//!                         ──https──► /acme: its dialect, which `dialect = "shaken"` lets pass ──► a certificate that it validates
//! ```

use super::enrolling::Served;
use super::openssl;
use super::served::configuration;
use std::process::Command;

/// What the toolkit's own command line does, with our URLs in the place of production's.
const ENROL: &str = r#"
import sys
from pathlib import Path
from stir_shaken_acme import ShakenCertificatePolicy, ShakenSubject, StipaSettings
from stir_shaken_acme.tnauth import TnAuthList
from stir_shaken_toolkit.providers.peeringhub import PeeringhubIssuer, PeeringhubProfile

origin, secret = sys.argv[1], Path("secret.txt").read_text()
crl = origin + "/crl/ca.crl"
profile = PeeringhubProfile("staging", origin + "/acme/directory", origin, crl)
subject = ShakenSubject("US", "CO", "Denver", "Acme", "SHAKEN 1234")
issuer = PeeringhubIssuer.build(
    profile, Path("toolkit.key"), Path("toolkit.json"), "kid-1",
    StipaSettings(origin, "acme", secret, "acme", crl),
    ShakenCertificatePolicy(subject, TnAuthList("1234").der(), crl, 0),
    acme_poll_interval_seconds=1, acme_poll_timeout_seconds=30,
)
result = issuer.issuer.issue("1234")
Path("toolkit.pem").write_text(result.chain_pem)
print(result.certificate_details.serial_number)
"#;

/// This test verifies that the toolkit gets a certificate from us, twice by one account, and finds nothing wrong with it.
#[tokio::test(flavor = "multi_thread")]
async fn the_toolkit_of_shaken_enrols_against_us() {
    let served = Served::start_with(|origin| {
        let x5u = format!("x5u = \"{origin}/certificates/tokens.pem\"\n");
        let plain = configuration(origin);
        let plain = plain.replace(
            "checkpoint_file =",
            "dialect = \"shaken\"\nfingerprint = \"spki\"\ncheckpoint_file =",
        );
        let issuers = plain.replace("name = \"ours\"\n", &format!("name = \"ours\"\n{x5u}"));
        issuers + &x5u
    })
    .await;
    let us = std::env::current_exe().unwrap();
    // `cargo xtask test` installs it there; we are in `debug/deps` beside it.
    let home = us.ancestors().nth(3).unwrap();
    let python = home.join("programs/stir-shaken-toolkit/bin/python");
    assert!(
        python.exists(),
        "{python:?} is not installed: `cargo xtask test` installs it"
    );
    served.folder.write("enrol.py", ENROL);
    for _ in 0..2 {
        let mut command = Command::new(&python);
        command.args(["enrol.py", &served.origin]);
        command.env("REQUESTS_CA_BUNDLE", &served.web_ca);
        command.current_dir(served.folder.path());
        let output = tokio::task::block_in_place(|| command.output()).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    let verify = [
        "verify",
        "-CAfile",
        "root.pem",
        "-untrusted",
        "toolkit.pem",
        "toolkit.pem",
    ];
    openssl(served.folder.path(), &verify);
}
