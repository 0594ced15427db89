//! Our client and a foreign server: Pebble, a test server of ACME by its own authors, which is as unkind as RFC 8555 allows.
//!
//! ```text
//!     Enrolment, Errand ──https──► Pebble: refuses half of all good nonces, validates in its own time, believes every challenge
//! ```
//!
//! Pebble knows no telephone numbers: what is ordered is a name of the web, and the proof is somebody else's matter.

use super::enrolling::fetcher;
use crate::peers::{Process, Workspace};
use countersign::certificate::DistinguishedName;
use countersign::certificate::crl::Reason;
use countersign::crypto::EcdsaP256Key;
use countersign_ca::csr::{self, CertificationRequest};
use countersign_ca::enrolment::{
    Enrolment, Errand, Failure, Opening, Proof, RevokedBy, Stage, Task, Terms, Wish,
};
use countersign_ca::extension;
use countersign_server::clock::{Clock, SystemClock};
use countersign_server::enrolling::{self, News};
use countersign_server::fetch::Fetcher;
use countersign_server::lab::directory::Directory;
use serde_json::json;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

/// A port that nobody has just now.
fn port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

struct Pebble {
    directory: String,
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
    _process: Process,
}

impl Pebble {
    fn start() -> Self {
        let workspace = Workspace::new("pebble");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let lab = Directory::new(workspace.path().join("web"));
        lab.ensure(clock.now().unix).unwrap();
        let (own, management) = (port(), port());
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{own}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": lab.web_certificate(),
            "privateKey": lab.web_key(),
            "httpPort": port(),
            "tlsPort": port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        workspace.write("pebble.json", config.to_string());
        let origin = format!("https://localhost:{own}");
        let fetcher = fetcher(&lab.web_anchor(), &origin, &clock);
        let mut process = Process::start("pebble", workspace, |command| {
            command.args(["-config", "pebble.json"]);
            command.envs([
                ("PEBBLE_VA_ALWAYS_VALID", "1"),
                ("PEBBLE_VA_SLEEPTIME", "2"),
                ("PEBBLE_WFE_NONCEREJECT", "50"),
                ("PEBBLE_AUTHZREUSE", "0"),
            ]);
        });
        process.until("ready", |process| process.output().contains("Listening on"));
        Self {
            directory: format!("{origin}/dir"),
            fetcher,
            clock,
            _process: process,
        }
    }

    fn wish(&self, name: &str, key: &EcdsaP256Key) -> Wish {
        let subject = DistinguishedName::new(&[0x30, 0]).unwrap();
        let names = [extension::web_names(&[name], &[])];
        let request = csr::write(&subject, &names, key).unwrap();
        Wish {
            directory: self.directory.as_str().into(),
            opening: Opening {
                contact: vec!["mailto:pki@example.com".into()],
                terms: Terms::Agreed,
                binding: None,
            },
            request: CertificationRequest::parse(&request).unwrap(),
            proof: Proof::Elsewhere {
                challenge: "http-01".into(),
                identifiers: [("dns".into(), name.into())].into(),
            },
            not_after: None,
            order: None,
            deadline: self.clock.now().unix.saturating_add(90),
        }
    }
}

fn key() -> Arc<EcdsaP256Key> {
    Arc::new(EcdsaP256Key::generate().unwrap())
}

/// This test verifies the half of RFC 8555 that has nothing to do with numbers against a server that is not ours: account, order,
/// validation that takes its time, finalization, chain, nonces that are refused; another account key; revocation; and a no.
#[tokio::test(flavor = "multi_thread")]
async fn pebble_issues_changes_a_key_and_revokes() {
    let pebble = tokio::task::block_in_place(Pebble::start);
    let (fetcher, clock) = (&*pebble.fetcher, &*pebble.clock);
    let (account, own) = (key(), key());
    let mut stages = Vec::new();
    let mut enrolment = Enrolment::new(pebble.wish("a.example.com", &own), account.clone());
    let told = |news: News<'_>| {
        if let News::Asking(stage) = news {
            stages.push(stage);
        }
    };
    let first = enrolling::run(&mut enrolment, fetcher, clock, told);
    let first = first.await.unwrap();
    assert!(stages.contains(&Stage::Challenge), "{stages:?}");
    assert!(first.chain.certificates().len() > 1);

    let new = key();
    let deadline = clock.now().unix.saturating_add(60);
    let task = Task::KeyChange(new.clone());
    let mut change = Errand::new(&pebble.directory, account.clone(), task, deadline);
    enrolling::run_errand(&mut change, fetcher, clock)
        .await
        .unwrap();
    let mut again = Enrolment::new(pebble.wish("b.example.com", &key()), new.clone());
    let second = enrolling::run(&mut again, fetcher, clock, |_| {})
        .await
        .unwrap();
    assert_eq!(second.account, first.account);

    for (enrolled, by) in [(&second, RevokedBy::Account), (&first, RevokedBy::Key(own))] {
        let task = Task::Revocation {
            certificate: enrolled.chain.end_entity().as_der().into(),
            reason: Reason::Superseded,
            by,
        };
        // Said twice it is done once.
        for _ in 0..2 {
            let mut errand = Errand::new(&pebble.directory, new.clone(), task.clone(), deadline);
            enrolling::run_errand(&mut errand, fetcher, clock)
                .await
                .unwrap();
        }
    }
    // The certificate is to have another name than was ordered.
    let mut wrong = pebble.wish("c.example.com", &key());
    wrong.proof = Proof::Elsewhere {
        challenge: "http-01".into(),
        identifiers: [("dns".into(), "d.example.com".into())].into(),
    };
    let refused = enrolling::run(&mut Enrolment::new(wrong, new), fetcher, clock, |_| {}).await;
    let Err(Failure::Refused(Stage::Finalization, problem)) = &refused else {
        panic!("{refused:?}");
    };
    assert!(!problem.kind.is_empty(), "{problem}");
}
