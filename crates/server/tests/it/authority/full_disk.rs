//! An authority whose disk is really full.
//!
//! ```text
//!     the test ──► itself, in a mount namespace of its own: tmpfs of two megabytes
//!                     ca.sqlite, checkpoints, ballast ── no room ──► orders: serverInternal; lists, OCSP, chains go on
//!                     ballast gone ───────────────────────────────► the next order is valid, the journal is proven
//! ```
//!
//! The namespace ends with the process, and the disk with it. Where none can be made (neither root nor namespaces for users) the test
//! says so, and `authority_journal::a_full_disk_stops_issuance_and_loses_nothing`, whose disk is full by a limit of SQLite's,
//! has to do.

use super::served::{Answer, BASE, Customer, ask, configuration, folder, serve, text, until};
use super::{openssl_asks, run_in};
use crate::peers::Workspace;
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::jose::base64url;
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tells the child that it has a namespace of its own.
const INSIDE: &str = "COUNTERSIGN_TEST_FULL_DISK";

/// Most orders until the disk is felt: the journal reuses room that it has.
const MOST_ORDERS: usize = 100;

/// This test verifies that a full disk stops issuance with a problem document that says so, that lists, OCSP and chains go on, that the
/// command line says the same, that room brings all of it back, and that nothing was lost: neither certificates nor checkpoints.
#[test]
fn a_disk_that_is_really_full() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(on_a_small_disk());
    }
    let unshare = |program: &mut Command| {
        let output = program.output().expect("unshare of util-linux");
        let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = told(&output.stdout) + &told(&output.stderr);
        (output.status.success(), said)
    };
    let (is_allowed, why) =
        unshare(Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "x", "/mnt"]));
    if !is_allowed {
        eprintln!("no disk of its own for this test: {why}");
        return;
    }
    let name = "authority::full_disk::a_disk_that_is_really_full";
    let mut inside = Command::new("unshare");
    inside.arg("-rm").arg(std::env::current_exe().unwrap());
    inside
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1");
    let (is_well, said) = unshare(&mut inside);
    assert!(is_well, "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

/// Writes until there is no room for one more byte.
fn fill(disk: &Path) {
    let mut options = OpenOptions::new();
    let mut ballast = options
        .create(true)
        .append(true)
        .open(disk.join("ballast"))
        .unwrap();
    for size in [4_096, 1] {
        let full = loop {
            if let Err(error) = ballast.write_all(&vec![0; size]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull);
    }
}

/// Two megabytes for the journal and its checkpoints.
fn small_disk(folder: &Workspace) -> PathBuf {
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mut mount = Command::new("mount");
    mount
        .args(["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs"])
        .arg(&disk);
    assert!(mount.status().unwrap().success());
    let settings = configuration(BASE)
        .replace("\"ca.sqlite\"", "\"disk/ca.sqlite\"")
        .replace("\"checkpoints\"", "\"disk/checkpoints\"");
    folder.write("countersign.toml", settings);
    disk
}

async fn on_a_small_disk() {
    let folder = folder();
    let disk = small_disk(&folder);
    let (address, _stop) = serve(&folder).await;
    let run = |arguments: &[&str]| {
        let config = ["--config", "countersign.toml"];
        let arguments = [arguments, &config[..]].concat();
        tokio::task::block_in_place(|| run_in(folder.path(), &[], &arguments))
    };
    let open = |name| {
        [
            "ca", "account", "open", name, "--holder", "Acme", "--spc", "1234", "--json",
        ]
    };
    let (code, out, err) = run(&open("acme"));
    assert_eq!(code, 0, "{err}");
    let opened: Value = serde_json::from_str(&out).unwrap();
    let directory = ask(address, "GET", "/acme/directory", "", "").await.json();
    let mut customer = Customer::open(address, &directory).await;
    let list = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
    let value = base64url::encode(&list.to_der());
    let token = customer
        .token(opened["secret"].as_str().unwrap(), &value)
        .await;
    let mut places = vec![
        customer
            .try_order(&directory, &list, &token)
            .await
            .unwrap_or_else(unexpected),
    ];

    fill(&disk);
    let refused = loop {
        match customer.try_order(&directory, &list, &token).await {
            Ok(place) => places.push(place),
            Err(refused) => break refused,
        }
        assert!(places.len() < MOST_ORDERS, "it is never full");
    };
    there_is_no_room(&refused);
    let (code, _, err) = run(&open("second"));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("the disk is full"), "{err}");

    let order = customer.post(&places[0], None).await.json();
    what_is_read_goes_on(address, &folder, &order).await;

    std::fs::remove_file(disk.join("ballast")).unwrap();
    let place = until(async || customer.try_order(&directory, &list, &token).await.ok()).await;
    places.push(place);
    for place in &places {
        let order = customer.post(place, None).await.json();
        assert_eq!(order["status"], "valid", "{order}");
        let chain = customer
            .post(order["certificate"].as_str().unwrap(), None)
            .await;
        assert_eq!(chain.status, "200");
    }
    // What was prepared when the room ended is there, too, and is no other than what is finished.
    let (code, out, err) = run(&["ca", "audit", "--json"]);
    assert_eq!(code, 0, "{out}{err}");
    let audit: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(audit["findings"], json!([]));
    assert!(
        audit["certificates"].as_u64().unwrap() >= places.len() as u64,
        "{audit}"
    );
}

fn there_is_no_room(refused: &Answer) {
    assert_eq!(refused.status, "500", "{}", text(refused));
    assert_eq!(
        refused.json()["type"],
        "urn:ietf:params:acme:error:serverInternal"
    );
    assert!(
        text(refused).contains("there is no room"),
        "{}",
        text(refused)
    );
}

async fn what_is_read_goes_on(address: SocketAddr, folder: &Workspace, order: &Value) {
    let x5u = order["x5u"].as_str().unwrap().strip_prefix(BASE).unwrap();
    let chain = ask(address, "GET", x5u, "", "").await;
    assert_eq!(chain.status, "200");
    folder.write("issued.pem", &chain.body);
    assert_eq!(
        ask(address, "GET", "/crl/ca.crl", "", "").await.status,
        "200"
    );
    assert_eq!(
        ask(address, "GET", "/acme/directory", "", "").await.status,
        "200"
    );
    let good = openssl_asks(folder, address, "issued.pem");
    assert!(good.contains("issued.pem: good"), "{good}");
}

fn unexpected(answer: Answer) -> String {
    panic!("{}: {}", answer.status, text(&answer))
}
