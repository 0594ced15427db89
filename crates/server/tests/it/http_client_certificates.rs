//! Trunks that prove over HTTP who they are.
//!
//! ```text
//!   curl --cert partner.example ── TLS, POST /stir/v1/signing ──► Switch: tls_identity = "partner.example"
//!   curl --cert other.example   ── the same ──► 403
//!   curl without a certificate  ── the same ──► 403
//!   curl --cert of another authority ──► no handshake
//! ```
//!
//! This test verifies that a client certificate makes a trunk, wherever it connects from, and that nothing else does.

use crate::http_signing::{at, request};
use crate::peers::{Curl, Domains};
use crate::switch::{House, TENANT};
use countersign_server::clock::Clock;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_makes_a_trunk() {
    let (house, domains, others) = (House::new(), Domains::new(), Domains::new());
    let server = domains.domain("localhost");
    let listener = format!(
        "[http.trunk]\nlisten = [\"127.0.0.1:0\"]\nclient_ca_file = {:?}\n{}",
        domains.anchor(),
        server.settings()
    );
    let trunk = "[[trunks]]\nname = \"partner\"\nmode = \"http\"\nrole = \"sign\"\ntenant = \"provider\"\n\
                 tls_identity = \"partner.example\"\n";
    let switch = house.start("", &format!("{trunk}{TENANT}{listener}")).await;
    let body = request(house.clock.now().unix).to_string();
    let ask = |last: u8| {
        let url = format!("https://{}/stir/v1/signing", at(&switch));
        let curl = Curl::from(last, url)
            .header("Content-Type: application/json")
            .body(&body);
        curl.with(&["--cacert", domains.anchor().to_str().unwrap()])
    };
    let (partner, other) = (
        domains.domain("partner.example"),
        domains.domain("other.example"),
    );
    for (curl, status) in [
        (ask(2).showing(&partner), 200),
        (ask(3).showing(&partner), 200),
        (ask(2).showing(&other), 403),
        (ask(2), 403),
    ] {
        let answer = curl.ask().await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let stranger = others.domain("partner.example");
    assert!(ask(2).showing(&stranger).try_to_ask().await.is_none());
    switch.stop().await;
}
