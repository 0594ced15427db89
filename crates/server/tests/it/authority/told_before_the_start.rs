//! What stops an authority is told before it is started.
//!
//! ```text
//!     countersign.toml ──► check-config ──► the same mistakes ◄── Service::open
//!        ca.key, crl.key, tokens.key, journal: missing, open to others, of another certificate
//! ```

use super::run_in;
use super::served::{self, BASE, configuration};
use crate::peers::Workspace;
use countersign_server::clock::{Clock, SystemClock};
use countersign_server::config;
use countersign_server::fetch::{FetchPolicy, Fetcher, SystemResolver};
use countersign_server::office::Office;
use countersign_server::office::service::Service;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

const REST: &str = "[sip]\nudp = [\"127.0.0.1:0\"]\n[http.public]\nlisten = [\"127.0.0.1:0\"]\n\
    [fetch]\nweb_ca_file = \"root.pem\"\n[[trunks]]\nname = \"t\"\naddresses = [\"192.0.2.1\"]\nnext_hops = [\"udp:192.0.2.2:5060\"]\n";

/// A folder whose authority is well.
fn well() -> Workspace {
    let folder = served::folder();
    folder.write("countersign.toml", configuration(BASE) + REST);
    folder
}

/// What `check-config` says.
fn checked(folder: &Workspace) -> (i32, String) {
    let (code, out, err) = run_in(folder.path(), &[], &["check-config", "countersign.toml"]);
    (code, out + &err)
}

/// What a start says, if it refuses.
async fn refused(folder: &Path) -> Option<String> {
    let config = config::load(&folder.join("countersign.toml"), [], &[]).unwrap();
    let office = match Office::open(&config.ca.unwrap()) {
        Ok(office) => office,
        Err(fault) => return Some(fault.to_string()),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let fetcher = Fetcher::new(
        FetchPolicy::with_web_roots(Arc::new(rustls::RootCertStore::empty())),
        Arc::new(SystemResolver::default()),
        clock.clone(),
        Arc::default(),
        tokio::runtime::Handle::current(),
    );
    let fetcher = fetcher.unwrap();
    let open = move || Service::open(&office, fetcher, clock, Arc::default());
    let opened = tokio::task::spawn_blocking(open).await.unwrap();
    opened.err().map(|fault| fault.to_string())
}

/// This test verifies that `check-config` refuses every authority that a start refuses, with the same words, and starts nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_start_refuses_is_told_before() {
    let folder = well();
    let (code, told) = checked(&folder);
    assert!(code == 0 && told.contains("no mistakes"), "{told}");
    assert!(!told.contains("nobody reaches the authority"), "{told}");
    let journal = folder.path().join("ca.sqlite");
    assert!(!journal.exists(), "nothing is made");
    let chmod = |name: &str, mode| {
        let path = folder.path().join(name);
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    chmod("root.key", 0o644);
    for (was, is, what) in [
        ("\"ca.key\"", "\"none.key\"", "none.key: it cannot be read"),
        ("\"ca.key\"", "\"root.key\"", "root.key: others may read it"),
        ("\"ca.key\"", "\"tokens.key\"", "ca.pem: "),
        (
            "\"crl.key\"",
            "\"ca.key\"",
            "crl.pem: no revocation list can be signed with it",
        ),
        (
            "\"crl.pem\"",
            "\"tokens.pem\"",
            "tokens.pem: no revocation list can be signed with it",
        ),
        (
            "\"tokens.key\"",
            "\"ca.key\"",
            "tokens.pem: it cannot sign tokens with this key",
        ),
    ] {
        let text = configuration(BASE).replace(was, is) + REST;
        folder.write("countersign.toml", text);
        let (code, told) = checked(&folder);
        assert_eq!(code, 2, "{told}");
        assert!(told.contains(what), "{what}\n{told}");
        let refused = refused(folder.path()).await;
        assert!(refused.is_some_and(|why| why.contains(what)), "{what}");
    }
    let text = configuration(BASE).replace("ca.sqlite", "nowhere/ca.sqlite");
    folder.write("countersign.toml", text + REST);
    let (code, told) = checked(&folder);
    assert!(
        code == 2 && told.contains("nowhere: it cannot be read"),
        "{told}"
    );
    assert!(refused(folder.path()).await.is_some());
}

/// This test verifies that what the configuration alone shows to be wrong is told: lives that fit nowhere, an authority nobody can reach.
#[test]
fn what_cannot_be_meant_is_told() {
    let folder = well();
    let lives = "[ca]\nusual_days = 700\nlongest_days = 365\n";
    let text = configuration(BASE).replacen("[ca]\n", lives, 1);
    folder.write("countersign.toml", text + REST);
    let (code, told) = checked(&folder);
    let what = "ca.usual_days: it takes no more days than longest_days";
    assert!(code == 2 && told.contains(what), "{told}");
    let lives = "[ca]\nlongest_days = 3\n";
    let text = configuration(BASE).replacen("[ca]\n", lives, 1);
    folder.write("countersign.toml", text + REST);
    assert_eq!(
        checked(&folder).0,
        0,
        "what is usual when nobody says is no more"
    );
    let rest = REST.replace("[http.public]\nlisten = [\"127.0.0.1:0\"]\n", "");
    folder.write("countersign.toml", configuration(BASE) + &rest);
    let (code, told) = checked(&folder);
    assert!(
        code == 0 && told.contains("nobody reaches the authority"),
        "{told}"
    );
}

/// This test verifies that whoever asks how an authority stands hears when no list of its can be signed: what is revoked, nobody else knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_signed_is_told() {
    let folder = well();
    drop(served::opened(&folder).await);
    let text = configuration(BASE).replace("\"crl.key\"", "\"tokens.key\"");
    folder.write("countersign.toml", text + REST);
    let status = ["ca", "status", "--config", "countersign.toml"];
    let (code, out, err) = run_in(folder.path(), &[], &status);
    assert_eq!(code, 0, "{out}{err}");
    let what = "no revocation list is published: ";
    assert!(err.contains(what) && err.contains("crl.pem"), "{err}");
}
