//! What an authority publishes: it keeps the rules of repositories, and is there while the journal is not.
//!
//! ```text
//!     countersign certificate lint ──https──► /certificates/…  ──► published-exceptions.txt, exactly
//!
//!     the tables of the journal are taken away ──► /acme 500, /at 503 │ /certificates, /crl, /ocsp, /acme/directory go on
//!     … and given back                         ──► all of it goes on
//! ```

use super::served::{Answer, BASE, Customer, ask, folder, serve, text, until};
use super::still_good::{Authority, CONFIG};
use super::{open_account, openssl_asks, run_in};
use crate::peers::Workspace;
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::jose::base64url;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Who publishes, the rule, and why it is broken.
const EXCEPTIONS: &str = include_str!("published-exceptions.txt");

/// What of these rules is expected of `whose`.
fn expected(whose: &str) -> BTreeSet<String> {
    let lines = EXCEPTIONS.lines().filter(|line| !line.starts_with('#'));
    let words = lines.map(|line| line.splitn(3, ' ').collect::<Vec<_>>());
    let of = words.filter(|words| words[0] == whose && words.len() == 3);
    of.map(|words| words[1].to_owned()).collect()
}

/// What `certificate lint` finds at the URL of a chain.
fn found(authority: &Authority, x5u: &str) -> BTreeSet<String> {
    let lint = ["certificate", "lint", "--json", x5u];
    let (_, out, err) = run_in(
        authority.folder().path(),
        &[],
        &[&lint[..], &authority.flags()].concat(),
    );
    let lines = out.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    assert_eq!(
        lines.len(),
        2,
        "a certificate and its authority: {out}{err}"
    );
    let names = |line: &Value| {
        let all =
            [&line["errors"], &line["warnings"]].map(|names| names.as_array().unwrap().clone());
        all.concat()
    };
    let names = lines.iter().flat_map(names);
    names
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

/// This test verifies that the chain of a provider breaks no rule where it is published, neither of repositories nor of certificates, but
/// for those that stand in a file with their reason.
#[test]
fn what_is_published_keeps_the_rules_of_repositories() {
    for (whose, ocsp) in [("plain", "false"), ("with-responder", "true")] {
        let authority = Authority::naming_its_responder(ocsp);
        let told = authority.enroll("provider", ["--spc", "1234"]);
        let x5u = told["x5u"].as_str().unwrap();
        assert_eq!(found(&authority, x5u), expected(whose), "{whose}: {x5u}");
    }
}

/// Takes the tables of the journal away, under the feet of whoever has it open; or gives them back.
fn rename(folder: &Workspace, from: &str, to: &str) {
    let journal = rusqlite::Connection::open(folder.path().join("ca.sqlite")).unwrap();
    journal
        .busy_timeout(std::time::Duration::from_secs(20))
        .unwrap();
    let rename = format!("ALTER TABLE {from} RENAME TO {to}");
    journal.execute_batch(&rename).unwrap();
}

/// An authority that serves, and a customer that has a certificate.
struct Issued {
    folder: Workspace,
    address: SocketAddr,
    customer: Customer,
    directory: Value,
    secret: String,
    list: TnAuthList,
    x5u: String,
}

impl Issued {
    async fn by(folder: Workspace, address: SocketAddr) -> Self {
        let secret = open_account(&folder, &["--spc", "1234"]);
        let directory = ask(address, "GET", "/acme/directory", "", "").await.json();
        let mut customer = Customer::open(address, &directory).await;
        let list = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
        let (order, chain) = customer.issued(&directory, &secret).await;
        folder.write("issued.pem", &chain.body);
        let x5u = order["x5u"].as_str().unwrap().strip_prefix(BASE).unwrap();
        Self {
            x5u: x5u.to_owned(),
            folder,
            address,
            customer,
            directory,
            secret,
            list,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        ask(self.address, "GET", path, "", "").await
    }

    /// Opens another order: what the journal would have to keep.
    async fn order(&mut self) -> Answer {
        let value = base64url::encode(&self.list.to_der());
        let identifiers = json!({"identifiers": [{"type": "TNAuthList", "value": value}]});
        let new_order = self.directory["newOrder"].as_str().unwrap();
        self.customer.post(new_order, Some(identifiers)).await
    }

    async fn token(&self) -> Answer {
        let value = base64url::encode(&self.list.to_der());
        let fingerprint = format!("SHA256 {}", ["00"; 32].join(":"));
        let wish = json!({"atc": {"tktype": "TNAuthList", "tkvalue": value, "ca": false, "fingerprint": fingerprint}});
        let more = format!(
            "Authorization: Bearer {}\r\nContent-Type: application/json\r\n",
            self.secret
        );
        let path = "/at/account/acme/token";
        ask(self.address, "POST", path, &more, &wish.to_string()).await
    }

    fn ocsp(&self) -> String {
        openssl_asks(&self.folder, self.address, "issued.pem")
    }
}

/// This test verifies that who verifies calls finds certificates, revocation lists and answers of OCSP while the journal cannot be read or
/// written, that whoever wants something new is told so by 5xx, and that all goes on when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn publication_goes_on_while_the_journal_is_down() {
    let folder = folder();
    let (address, _stop) = serve(&folder).await;
    let mut issued = Issued::by(folder, address).await;
    let chain = issued.get(&issued.x5u).await;
    let list = until(async || {
        let list = issued.get("/crl/ca.crl").await;
        (list.status == "200").then_some(list)
    });
    let list = list.await;

    rename(&issued.folder, "record", "gone");
    for _ in 0..2 {
        let refused = issued.order().await;
        assert_eq!(refused.status, "500", "{}", text(&refused));
        assert_eq!(refused.header("content-type"), "application/problem+json");
        let problem = refused.json();
        assert_eq!(problem["type"], "urn:ietf:params:acme:error:serverInternal");
        assert!(!refused.header("replay-nonce").is_empty(), "RFC 8555 §6.5");
        assert_eq!(issued.get(&issued.x5u).await.body, chain.body);
        assert_eq!(issued.get("/crl/ca.crl").await.body, list.body);
        assert_eq!(issued.get("/acme/directory").await.status, "200");
        let ocsp = issued.ocsp();
        assert!(ocsp.contains("issued.pem: good"), "{ocsp}");
    }
    let refused = issued.token().await;
    assert_eq!(refused.status, "503", "{}", text(&refused));
    // Nor does the command line do half of anything.
    let revoke = [
        "ca",
        "revoke",
        "--certificate",
        "issued.pem",
        "--reason",
        "superseded",
        "--by",
        "alice",
    ];
    let (code, _, err) = run_in(
        issued.folder.path(),
        &[],
        &[&revoke[..], &CONFIG[..]].concat(),
    );
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("no such table"), "{err}");

    rename(&issued.folder, "gone", "record");
    let order = until(async || Some(issued.order().await).filter(|one| one.status == "201"));
    order.await;
    assert_eq!(issued.token().await.status, "200");
    let (code, out, err) = run_in(
        issued.folder.path(),
        &[],
        &[&revoke[..], &CONFIG[..]].concat(),
    );
    assert_eq!(code, 0, "{out}{err}");
    until(async || issued.ocsp().contains("issued.pem: revoked").then_some(())).await;
}
