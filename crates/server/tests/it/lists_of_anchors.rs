//! A signed list of anchors, as a policy administrator publishes it, kept up while calls run.
//!
//! ```text
//!     STI-PA ──signs──▶ {"version", "sequence", "exp", "trustList": [Lab SHAKEN ROOT]}
//!                                │ GET /ca-list
//!   caller ── INVITE ──► Switch ─┘── INVITE, verstat ──► called
//! ```
//!
//! This test verifies that anchors come and go with the list, that it never goes backwards, not even over a restart, and that one
//! past its end stays in use.

use crate::repository::{Reaction, Repository};
use crate::revocation::{Administration, body, refreshed, status};
use crate::switch::{Party, fetching_from};
use countersign::certificate::Certificate;
use countersign::certificate::chain::pem;
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::jose::base64url;
use countersign::time::UnixTime;
use countersign_ca::crl::{Crl, issue};
use countersign_ca::extension::CrlScope;
use countersign_server::clock::Clock;
use countersign_testkit::lab::{Lab, new_key};
use std::sync::Arc;
use std::time::Duration;

/// The policy administrator.
struct StiPa {
    key: Arc<EcdsaP256Key>,
}

impl StiPa {
    /// One whose public key is pinned.
    fn pinned_in(world: &Administration) -> Self {
        let key = new_key();
        let point: &[u8] = &key.public_key();
        let head = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let text = pem(&[&head, point].concat()).replace("CERTIFICATE", "PUBLIC KEY");
        world.house.write("administrator.pem", text);
        Self { key }
    }

    /// A list of these anchors, as the administrator's interface answers it.
    fn answer(&self, sequence: u64, exp: UnixTime, anchors: &[&Certificate]) -> Vec<u8> {
        let token = self.token(sequence, exp, anchors);
        let text = format!("{{\"status\":\"success\",\"caList\":\"{token}\"}}");
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/jose+json\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        )
        .into_bytes()
    }

    fn token(&self, sequence: u64, exp: UnixTime, anchors: &[&Certificate]) -> String {
        let anchors: Vec<_> = anchors.iter().map(|one| pem(one.as_der())).collect();
        let payload = serde_json::json!({
            "version": "1.0", "sequence": sequence, "exp": exp.as_secs(), "trustList": anchors,
        });
        let input = format!(
            "{}.{}",
            base64url::encode(br#"{"alg":"ES256"}"#),
            base64url::encode(payload.to_string().as_bytes())
        );
        let signature = self.key.sign(input.as_bytes()).unwrap();
        format!("{input}.{}", base64url::encode(&signature))
    }
}

/// That anchors come by the list only.
fn settings(repository: &Repository, more: &str) -> String {
    format!(
        "{}[trust]\nca_list = \"{}/ca-list\"\nca_list_signer_files = [\"administrator.pem\"]\nrefresh_s = 60\n{more}\n",
        fetching_from(repository),
        repository.origin()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case14_a_list_of_a_lower_sequence_is_rejected() {
    let world = Administration::new();
    let pa = StiPa::pinned_in(&world);
    let provider = world.provider("1234");
    let (root, other) = (world.house.lab.root().certificate().clone(), Lab::new());
    let tomorrow = world.house.clock.now().unix.saturating_add(86_400);
    let list = |sequence, anchors: &[&Certificate]| {
        world.serving(&[&provider], pa.answer(sequence, tomorrow, anchors))
    };
    let repository = Repository::start(list(7, &[&root])).await;
    let called = Party::at(1).await;
    let kept = world.trunk(&called) + &settings(&repository, "state_dir = \"kept\"\n");
    let first = world.house.start("", &kept).await;
    let first_calls = world.calls(&first, &called, &repository);
    refreshed(&first, "ca-list", "ok", 1).await;
    first_calls.pass("sequence-1", &provider).await;
    let place = format!("{}/ca-list", repository.origin());
    let sequence = |metrics: &countersign_server::metrics::Metrics| {
        metrics.trust.ca_list_sequences.get(["default", &*place])
    };
    assert_eq!(sequence(&first.metrics), Some(7));
    // Older, without our anchor; and another one of the same number.
    for (count, backwards) in [(1, 6), (2, 7)] {
        repository.change(list(backwards, &[other.root().certificate()]));
        world.house.clock.advance(61);
        refreshed(&first, "ca-list", "backwards", count).await;
    }
    first_calls.pass("sequence-2", &provider).await;
    first.stop().await;

    // The next run begins where this one ended.
    repository.change(world.serving(&[&provider], status("404 Not Found")));
    let second = world.house.start("", &kept).await;
    let second_calls = world.calls(&second, &called, &repository);
    second_calls.pass("sequence-3", &provider).await;
    refreshed(&second, "ca-list", "bad-status", 1).await;
    repository.change(list(6, &[other.root().certificate()]));
    world.house.clock.advance(61);
    refreshed(&second, "ca-list", "backwards", 1).await;
    second_calls.pass("sequence-4", &provider).await;
    // A newer one may take an anchor away.
    repository.change(list(8, &[other.root().certificate()]));
    world.house.clock.advance(61);
    refreshed(&second, "ca-list", "ok", 1).await;
    let untrusted = "path-untrusted";
    second_calls.fail("sequence-5", &provider, untrusted).await;
    assert_eq!(sequence(&second.metrics), Some(8));
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_past_its_end_stays_in_use_and_a_forged_one_is_nothing() {
    let world = Administration::new();
    let (pa, forger) = (StiPa::pinned_in(&world), StiPa { key: new_key() });
    let provider = world.provider("1234");
    let root = world.house.lab.root().certificate().clone();
    let soon = world.house.clock.now().unix.saturating_add(100);
    let serving = |answer| world.serving(&[&provider], answer);
    let repository = Repository::start(serving(pa.answer(7, soon, &[&root]))).await;
    let called = Party::at(1).await;
    let switch = world
        .house
        .start("", &(world.trunk(&called) + &settings(&repository, "")))
        .await;
    let calls = world.calls(&switch, &called, &repository);
    refreshed(&switch, "ca-list", "ok", 1).await;
    let later = soon.saturating_add(1_000_000);
    let forged = forger.answer(9, later, &[Lab::new().root().certificate()]);
    repository.change(serving(forged));
    world.house.clock.advance(120);
    refreshed(&switch, "ca-list", "not-proven", 1).await;
    calls.pass("ended-list", &provider).await;
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_in_a_file_vouches_for_whom_a_revocation_list_needs() {
    let world = Administration::new();
    let pa = StiPa::pinned_in(&world);
    let (good, bad) = (world.provider("1234"), world.provider("1235"));
    let repository = Repository::start(world.serving(&[&good, &bad], Vec::new())).await;
    let root = world.house.lab.root().certificate().clone();
    let tomorrow = world.house.clock.now().unix.saturating_add(86_400);
    world
        .house
        .write("ca-list.jws", pa.token(1, tomorrow, &[&root]));
    world.house.write("list.crl", world.list(1, &[&bad]));
    let called = Party::at(1).await;
    let settings = world.trunk(&called)
        + &fetching_from(&repository)
        + "[trust]\nca_list = \"ca-list.jws\"\nca_list_signer_files = [\"administrator.pem\"]\n\
           crl_files = [\"list.crl\"]\ncrl_issuer_files = [\"list-signer.pem\"]\nrevocation = \"hard\"\n";
    let switch = world.house.start("", &settings).await;
    let calls = world.calls(&switch, &called, &repository);
    calls.pass("vouched-1", &good).await;
    calls.fail("vouched-2", &bad, "revoked").await;
    switch.stop().await;
}

/// Both come from the same place at the same time; the one is believed only because of the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_list_waits_for_the_anchor_that_has_signed_it() {
    let world = Administration::new();
    let pa = StiPa::pinned_in(&world);
    let provider = world.provider("1234");
    let root = world.house.lab.root();
    let now = world.house.clock.now().unix;
    let list = Crl {
        this_update: now,
        next_update: now.saturating_add(86_400),
        number: 1,
        scope: CrlScope::Direct,
        url: None,
        revoked: Vec::new(),
    };
    let list = body(&issue(&list, root.certificate(), root.key()).unwrap());
    let anchors = pa.answer(1, now.saturating_add(86_400), &[root.certificate()]);
    let others = world.serving(&[&provider], list);
    let script = move |request: &str| match request.starts_with("GET /ca-list ") {
        true => Reaction::Late(Duration::from_millis(600), anchors.clone()),
        false => others(request),
    };
    let repository = Repository::start(script).await;
    let called = Party::at(1).await;
    let lists = format!("crl_urls = [\"{}/list.crl\"]\n", repository.origin());
    let settings = world.trunk(&called) + &settings(&repository, &lists);
    let switch = world.house.start("", &settings).await;
    refreshed(&switch, "ca-list", "ok", 1).await;
    refreshed(&switch, "crl", "ok", 1).await;
    let refused = switch.metrics.trust_refreshes.count(["crl", "not-proven"]);
    assert_eq!(refused, 0, "nobody was alarmed");
    switch.stop().await;
}
