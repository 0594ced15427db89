//! Clients whose requests and answers are lost, doubled and late: everybody gets one certificate for an order, and nothing is issued
//! twice.
//!
//! ```text
//!     Client ── request ──╳  lost: asked again      Site ── answer ──╳  lost: asked again, with another nonce
//!            ── request ══▶  doubled: the second finds its nonce used
//!                                                   Site ╳ killed after its events are kept, before it signs or answers
//! ```
//!
//! Two hundred seeds; each story is told again from its journal at the end.

use super::site::{BASE, Client, SPC_1234, Site, body, draw, request, text, url};
use countersign::certificate::CertificateChain;
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::jose::base64url;
use countersign_ca::acme::{Handled, Kind, Problem, Reply};
use countersign_ca::ledger::{Event, Ledger};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How often a client asks before it gives up: nobody does in this net.
const PATIENCE: usize = 64;

/// A net that loses one message in four and doubles one request in four; the server is killed in one request of eight.
struct Net {
    site: Site,
    seed: u64,
}

impl Net {
    fn chance(&mut self) -> bool {
        draw(&mut self.seed) < 64
    }

    /// The server dies after it has kept what it decided, and starts again from its journal.
    fn killed(&mut self, handled: Handled) {
        self.site.keep(handled.events);
        self.site.restart([draw(&mut self.seed); 32]);
    }

    /// Asks until an answer arrives, as clients do: badNonce is asked again with the nonce it brings.
    fn ask(&mut self, client: &Client, url: &str, payload: &str) -> Reply {
        for _ in 0..PATIENCE {
            let nonce = self.site.nonce();
            let sent = client.sign(&client.header(url, &nonce), payload);
            if self.chance() {
                continue;
            }
            let reply = self.deliver(url, &sent);
            if self.chance() {
                self.deliver(url, &sent);
            }
            if self.chance() || text(&reply).contains("badNonce") {
                continue;
            }
            self.site.wait(1);
            return reply;
        }
        panic!("no answer from {url}");
    }

    fn deliver(&mut self, url: &str, sent: &str) -> Reply {
        let path = url.strip_prefix(BASE).unwrap();
        let media_type = Some("application/jose+json");
        let handled = self.site.decide("POST", path, media_type, sent.as_bytes());
        if draw(&mut self.seed) < 32 {
            self.killed(handled);
            return Problem::new(Kind::BadNonce, "no answer: killed").into();
        }
        self.site.act(handled)
    }

    /// From account to certificate.
    fn enrol(&mut self, key: &Arc<EcdsaP256Key>) -> (Client, EcdsaP256Key) {
        let mut client = Client {
            key: Arc::clone(key),
            kid: None,
        };
        let reply = self.ask(&client, &url("/new-account"), "{}");
        client.kid = Some(reply.header("Location").unwrap().to_owned());
        let payload = json!({ "identifiers": [{ "type": "TNAuthList", "value": SPC_1234 }] });
        let reply = self.ask(&client, &url("/new-order"), &payload.to_string());
        let order_url = reply.header("Location").unwrap().to_owned();
        let order = body(&reply);
        let authorization = self.ask(&client, order["authorizations"][0].as_str().unwrap(), "");
        let challenge = body(&authorization)["challenges"][0]["url"].clone();
        let claims = self.site.claims(&client, SPC_1234);
        let answer = json!({ "tkauth": self.site.token(&claims) }).to_string();
        self.ask(&client, challenge.as_str().unwrap(), &answer);
        let key = EcdsaP256Key::generate().unwrap();
        let csr = json!({ "csr": base64url::encode(&request(SPC_1234, &key)) }).to_string();
        // The first answer may have been lost; then the order is not ready any more, and tells how it is.
        self.ask(&client, order["finalize"].as_str().unwrap(), &csr);
        let order = body(&self.ask(&client, &order_url, ""));
        assert_eq!(order["status"], "valid", "{order}");
        let chain = self.ask(&client, order["certificate"].as_str().unwrap(), "");
        let chain = CertificateChain::parse(&chain.body).unwrap();
        assert_eq!(
            chain.end_entity().public_key().p256(),
            Some(&key.public_key())
        );
        (client, key)
    }
}

#[test]
fn nothing_is_issued_twice_in_a_net_that_loses_and_doubles_while_the_server_is_killed() {
    for seed in 0..200 {
        let mut net = Net {
            site: Site::new(),
            seed,
        };
        let keys: Vec<_> = (0..2)
            .map(|_| Arc::new(EcdsaP256Key::generate().unwrap()))
            .collect();
        for key in &keys {
            net.enrol(key);
        }
        let ledger = &net.site.ledger;
        assert_eq!(ledger.acme.accounts().count(), 2, "seed {seed}");
        let certificates: Vec<_> = ledger.register.certificates().collect();
        assert_eq!(certificates.len(), 2, "seed {seed}");
        let orders: BTreeSet<_> = certificates.iter().map(|(_, entry)| &entry.order).collect();
        assert_eq!(orders.len(), 2, "seed {seed}: one certificate for an order");
        assert_eq!(ledger.register.unfinished().count(), 0);
        let events = net
            .site
            .journal
            .iter()
            .map(|line| Event::from_json(line).unwrap());
        let events: Vec<_> = events.collect();
        let again = Ledger::rebuild(&events);
        assert_eq!(format!("{again:?}"), format!("{ledger:?}"), "seed {seed}");
    }
}

/// This test verifies that what was decided is nothing until it is kept: the same request, decided twice, is one certificate.
#[test]
fn what_was_not_kept_has_not_happened() {
    let mut site = Site::new();
    let client = Client::registered(&mut site);
    let (order_url, order) = client.ready(&mut site, SPC_1234);
    let key = EcdsaP256Key::generate().unwrap();
    let payload = json!({ "csr": base64url::encode(&request(SPC_1234, &key)) }).to_string();
    let finalize = order["finalize"].as_str().unwrap();
    let path = finalize.strip_prefix(BASE).unwrap();
    let sent = |site: &mut Site| {
        let nonce = site.nonce();
        client.sign(&client.header(finalize, &nonce), &payload)
    };
    // The store was full, say: the decision is thrown away.
    let lost = sent(&mut site);
    let media_type = Some("application/jose+json");
    drop(site.decide("POST", path, media_type, lost.as_bytes()));
    let seen: Value = body(&client.see(&mut site, &order_url));
    assert_eq!(seen["status"], "ready");
    let kept = sent(&mut site);
    let reply = site.ask("POST", path, media_type, kept.as_bytes());
    assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
    assert_eq!(site.ledger.register.certificates().count(), 1);
}
