//! A server that cannot do its work does not begin it.
//!
//! ```text
//!   countersign serve --config broken.toml ──► exit 2, one line for each mistake: file, line, key, what to do
//!                                          ──► nobody ever listened
//! ```
//!
//! This test verifies by the real binary that a broken configuration, a key that is another certificate's, a certificate that
//! has ended and an inventory with a mistake stop it before it listens.

use crate::peers::Workspace;
use crate::provider::{COUNTERSIGN, now};
use countersign::certificate::chain::pem;
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::crypto::SigningKey;
use countersign::time::Validity;
use countersign_ca::Request;
use countersign_ca::{Authority, Practice, Profile};
use countersign_testkit::lab::{Lab, new_key, subject};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

const DAY: i64 = 86_400;

struct Folder {
    workspace: Workspace,
    /// Holds the port that the server would listen at: had it come so far, it would say so.
    taken: UdpSocket,
}

impl Folder {
    /// With a certificate that ends `days` from now, its key, another key and an inventory.
    fn new(days: i64) -> Self {
        let lab = Lab::new();
        let (root_key, key, other) = (new_key(), new_key(), new_key());
        let validity = |from: i64, to: i64| Validity {
            not_before: now().saturating_add(from * DAY),
            not_after: now().saturating_add(to * DAY),
        };
        let root = Authority::root(
            &subject("ROOT"),
            root_key,
            Practice::default(),
            lab.next_serial(),
            validity(-60, 60),
        );
        let root = root.unwrap();
        let scope = TnAuthList::new(vec![TnEntry::Spc("709J".parse().unwrap())]).unwrap();
        let request = Request::new(Profile::EndEntity, subject("SHAKEN 709J"), key.public_key())
            .with_scope(scope);
        let issued = root
            .issue(&request, lab.next_serial(), validity(-50, days))
            .unwrap();
        let workspace = Workspace::new("refused");
        workspace.write("chain.pem", pem(issued.as_der()));
        workspace.write("anchor.pem", pem(root.certificate().as_der()));
        workspace.write("numbers.csv", "12025550100-12025550149,assigned\n");
        workspace.write(
            "bad.csv",
            "# ours\n12025550100-12025550149,assigned\n12025550150,mine\n",
        );
        for (name, key) in [("key.der", &key), ("other.der", &other)] {
            let path = workspace.write(name, key.to_pkcs8().unwrap());
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self {
            workspace,
            taken: UdpSocket::bind("127.0.0.1:0").unwrap(),
        }
    }

    fn config(&self) -> String {
        let sip = self.taken.local_addr().unwrap();
        format!(
            "[sip]\nudp = [\"{sip}\"]\ntcp = [\"{sip}\"]\n[http.admin]\nlisten = []\n\
             [trust]\nanchor_files = [\"anchor.pem\"]\n\
             [[trunks]]\nname = \"pbx\"\naddresses = [\"127.0.0.2\"]\nrole = \"sign\"\ntenant = \"acme\"\n\
             next_hops = [\"udp:127.0.0.1:9\"]\n\
             [[tenants]]\nname = \"acme\"\ncertificate_file = \"chain.pem\"\nkey_file = \"key.der\"\n\
             x5u = \"https://cert.example.com/acme.pem\"\ninventory_file = \"numbers.csv\"\n"
        )
    }

    fn serve(&self) -> Output {
        Command::new("timeout")
            .args(["20", COUNTERSIGN, "serve", "--config", "countersign.toml"])
            .current_dir(self.workspace.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What `serve` says on its way out. It must end by itself, and before it listens.
    #[track_caller]
    fn refuses(&self, config: &str) -> String {
        self.workspace.write("countersign.toml", config);
        let output = self.serve();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(
            !told.contains("cannot listen"),
            "it came so far as to listen: {told}"
        );
        told
    }
}

/// The line of the configuration that begins so, counted from one.
fn line(config: &str, begins: &str) -> usize {
    1 + config
        .lines()
        .position(|line| line.starts_with(begins))
        .unwrap()
}

#[test]
fn every_mistake_is_told_with_its_file_line_and_key() {
    let folder = Folder::new(10);
    let good = folder.config();
    for (from, to, key, what) in [
        (
            "role = \"sign\"",
            "role = \"sing\"",
            "trunks[0].role",
            "one of",
        ),
        (
            "role = \"sign\"",
            "rule = \"sign\"",
            "trunks[0].rule",
            "no such key",
        ),
        (
            "tenant = \"acme\"",
            "tenant = \"acne\"",
            "trunks[0].tenant",
            "acne",
        ),
        ("udp = [", "udp = [\"nowhere\", ", "sip.udp", "ADDRESS:PORT"),
        (
            "key_file = \"key.der\"",
            "key_file = \"other.der\"",
            "tenants[0].key_file",
            "not that of the certificate",
        ),
        (
            "key_file = \"key.der\"",
            "key_file = \"none.der\"",
            "tenants[0].key_file",
            "cannot be read",
        ),
        (
            "inventory_file = \"numbers.csv\"",
            "inventory_file = \"bad.csv\"",
            "tenants[0].inventory_file",
            "line 3",
        ),
        (
            "anchor_files = [\"anchor.pem\"]",
            "anchor_files = [\"numbers.csv\"]",
            "trust.anchor_files",
            "numbers.csv",
        ),
        ("x5u = \"https:", "x5u = \"http:", "tenants[0].x5u", "https"),
    ] {
        assert!(good.contains(from));
        let config = good.replacen(from, to, 1);
        let told = folder.refuses(&config);
        let place = format!(
            "error: countersign.toml:{}: {key}",
            line(&config, to.trim_start_matches('{'))
        );
        let found = told.lines().find(|line| line.starts_with(&place));
        let found = found.unwrap_or_else(|| panic!("{place} is not told:\n{told}"));
        assert!(found.contains(what), "{found}");
    }
    let told = folder.refuses(&(good + "this is no TOML\n"));
    assert!(told.starts_with("error: countersign.toml:"), "{told}");
}

#[test]
fn a_certificate_that_has_ended_is_no_certificate() {
    let folder = Folder::new(-1);
    let config = folder.config();
    let told = folder.refuses(&config);
    let place = format!(
        "error: countersign.toml:{}: tenants[0].certificate_file: ",
        line(&config, "certificate_file")
    );
    assert!(told.contains(&place), "{told}");
    assert!(told.contains("the certificate ended at "), "{told}");
}

#[test]
fn a_port_that_is_taken_is_told_too() {
    let folder = Folder::new(10);
    folder.workspace.write("countersign.toml", folder.config());
    let output = folder.serve();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("cannot listen"), "{told}");
}

#[test]
fn two_mistakes_are_told_at_once() {
    let folder = Folder::new(10);
    let config = folder
        .config()
        .replace("key.der", "other.der")
        .replace("numbers.csv", "bad.csv");
    let told = folder.refuses(&config);
    assert_eq!(
        told.lines()
            .filter(|line| line.starts_with("error: "))
            .count(),
        2,
        "{told}"
    );
}
