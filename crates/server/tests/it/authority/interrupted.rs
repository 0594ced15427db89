//! Requests that nobody waits for, and certificates that were begun and left.
//!
//! ```text
//!     client ── finalize ──► kept: Prepared ──► signed, kept: Issued
//!        └── hangs up ──────────┘                    ▲
//!     another process ── Prepared, killed ───────────┘ the server that runs finishes it
//! ```

use super::run_in;
use super::served::{BASE, Customer, ask, folder, opened, serve_service, until};
use crate::peers::Workspace;
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::jose::base64url;
use countersign::time::Validity;
use countersign_ca::register::preparation::Asked;
use countersign_ca::{Profile, Request as Wish, Subject, csr, extension};
use countersign_server::authority::book::Decision;
use countersign_server::clock::{Clock, SystemClock};
use countersign_server::config;
use countersign_server::office::service::{Request, Service};
use countersign_server::office::{Office, Presence};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

fn list() -> TnAuthList {
    TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap()
}

async fn serve(folder: &Workspace) -> (Arc<Service>, SocketAddr, watch::Sender<bool>) {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let service = opened(folder).await;
    let stop = serve_service(folder, service.clone(), socket, Arc::default()).await;
    (service, address, stop)
}

/// The secret of a new account of the token authority.
fn secret(folder: &Workspace) -> String {
    let arguments =
        "ca account open acme --holder Acme --spc 1234 --json --config countersign.toml";
    let arguments: Vec<_> = arguments.split(' ').collect();
    let (code, out, err) = run_in(folder.path(), &[], &arguments);
    assert_eq!(code, 0, "{out}{err}");
    let opened: Value = serde_json::from_str(&out).unwrap();
    opened["secret"].as_str().unwrap().to_owned()
}

/// This test verifies that a certificate is issued to whoever has asked for it and hung up before the answer.
#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_has_asked_all_the_same() {
    let folder = folder();
    let (service, address, _stop) = serve(&folder).await;
    let secret = secret(&folder);
    let directory = ask(address, "GET", "/acme/directory", "", "").await.json();
    let mut customer = Customer::open(address, &directory).await;
    let list = list();
    let value = base64url::encode(&list.to_der());
    let token = customer.token(&secret, &value).await;
    let ready = customer.ready(&directory, &list, &token).await;
    let (place, order) = ready.unwrap_or_else(|no| panic!("{}", no.status));
    let finalize = order["finalize"].as_str().unwrap();
    let own = EcdsaP256Key::generate().unwrap();
    let subject = Subject::shaken("US", "Acme", &"1234".parse().unwrap()).unwrap();
    let csr = csr::write(subject.name(), &[extension::tn_auth_list(&list)], &own).unwrap();
    let csr = json!({"csr": base64url::encode(&csr)});
    let path = finalize.strip_prefix(BASE).unwrap();
    let request = Request {
        method: "POST".into(),
        path: path.strip_prefix("/acme").unwrap().into(),
        content_type: Some("application/jose+json".into()),
        body: customer.signed(finalize, Some(csr)).into_bytes().into(),
    };
    // Asked once, and dropped: what a server does with a request whose connection has ended.
    let hung_up = tokio::time::timeout(Duration::ZERO, service.acme(request)).await;
    assert!(hung_up.is_err(), "it takes a thread and a disk");
    customer.renonce().await;
    until(async || {
        let order = customer.post(&place, None).await.json();
        (order["status"] == "valid").then_some(())
    })
    .await;
}

/// This test verifies that a certificate that another process has begun, and never finished, is finished by a server that runs.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_and_left_is_finished_without_a_restart() {
    let folder = folder();
    let (service, _, _stop) = serve(&folder).await;
    let (stop, stopped) = watch::channel(false);
    let finishing = tokio::spawn(service.clone().keep_finishing(stopped));
    let path = folder.path().join("countersign.toml");
    let name = tokio::task::spawn_blocking(move || begun(&path)).await;
    let name = name.unwrap();
    until(async || {
        let ledger = service.ledger();
        let entry = ledger.register.find(&name)?;
        entry.certificate().map(|_| ())
    })
    .await;
    stop.send(true).unwrap();
    finishing.await.unwrap();
}

/// Prepares a certificate, as a process does that is killed then.
fn begun(config: &std::path::Path) -> countersign_ca::register::CertificateName {
    let config = config::load(config, [], &[]).unwrap();
    let office = Office::open(&config.ca.unwrap()).unwrap();
    let clock = Arc::new(SystemClock::start());
    let now = clock.now().unix;
    let (authority, rules) = (office.authority().unwrap(), office.rules());
    let mut book = office.book(Presence::Required, clock).unwrap();
    let key = EcdsaP256Key::generate().unwrap().public_key();
    let subject = Subject::shaken("US", "Acme", &"1234".parse().unwrap()).unwrap();
    let request = Wish::new(Profile::EndEntity, subject, key).with_scope(list());
    let prepared = book.command(move |ledger, now_, random| {
        let mut serial = [0; 16];
        random(&mut serial);
        let asked = Asked {
            request: &request,
            validity: Validity {
                not_before: now,
                not_after: now.saturating_add(86_400),
            },
            order: None,
            approval: None,
            by: None,
        };
        let prepared = ledger
            .register
            .prepare(&authority, &rules, &asked, now_, serial);
        let events = prepared.unwrap();
        Decision {
            reply: events.first().cloned(),
            events: events.into_iter().map(Into::into).collect(),
        }
    });
    match prepared.unwrap() {
        Some(countersign_ca::register::Event::Prepared(prepared)) => prepared.name,
        other => panic!("{other:?}"),
    }
}
