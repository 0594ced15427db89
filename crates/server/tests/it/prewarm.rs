//! Known signers are warm before their next call.
//!
//! ```text
//!   yesterday:  caller ── Identity ──► Switch ── https ──► Repository        the signer's URL is written down
//!   today:                             Switch ── https ──► Repository        nobody has called yet
//!               caller ── Identity ──► Switch       (Repository is silent)   and the call passes at once
//! ```
//!
//! This test verifies that a signer who proved itself is known after a restart, that its chain and path are there before the
//! first call, after a change of trust and before they run out, that only providers are written down, and that neither a list
//! that somebody else wrote nor a silent repository is of any harm.

use crate::repository::{Reaction, Repository, answer};
use crate::switch::{House, Invite, Party, Switch, fetching_from, trunk, until};
use countersign_testkit::lab::{Lab, NOW, Signer};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

const DAY: u64 = 24 * 3_600;

/// Verifies calls of 127.0.0.2, and keeps its list in `known`.
async fn verifying(house: &House, called: &Party, repository: &Repository) -> Switch {
    let fetching = fetching_from(repository);
    let settings = format!(
        "{}{fetching}[verification]\nknown_signers_file = \"known\"\n",
        trunk(2, "verify", called, "verstat_profile = \"field\"")
    );
    house.start("", &settings).await
}

fn url(repository: &Repository, path: &str) -> String {
    format!("{}{path}", repository.origin())
}

/// A call of the provider: what the called side sees.
async fn verstat(
    house: &House,
    switch: &Switch,
    call_id: &str,
    (signer, x5u): (&Signer, &str),
    called: &Party,
) -> String {
    let caller = Party::at(2).await;
    let identity = house.identity_by(&*signer.key, x5u);
    let call = Invite::new(call_id).header("Identity", &identity);
    let heard = caller.calls(&call, switch, called).await;
    heard.verstat().unwrap_or_default().to_owned()
}

fn list(house: &House, urls: &[String]) {
    let now = NOW.as_secs();
    let lines = urls.iter().map(|url| format!("{now} {url}\n"));
    house.write("known", lines.collect::<String>());
}

fn prewarmed(switch: &Switch, outcome: &'static str) -> u64 {
    switch.metrics.prewarmed.count([outcome])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signer_is_known_after_a_restart() {
    let house = House::new();
    let called = Party::at(1).await;
    let repository = Repository::saying(house.chain()).await;
    let x5u = url(&repository, "/provider.pem");
    let provider = (&house.signer, &*x5u);
    let switch = verifying(&house, &called, &repository).await;
    let passed = verstat(&house, &switch, "warm-1", provider, &called).await;
    assert_eq!(passed, "TN-Validation-Passed");
    switch.stop().await;
    let written = std::fs::read_to_string(house.path("known")).unwrap();
    assert!(written.contains(&x5u), "{written}");
    assert!(!written.contains("555"), "nobody's number: {written}");

    let switch = verifying(&house, &called, &repository).await;
    until("warm", || prewarmed(&switch, "verified") == 1).await;
    assert_eq!(repository.requests(), 2);
    repository.change(|_| Reaction::Hang(Vec::new()));
    let passed = verstat(&house, &switch, "warm-2", provider, &called).await;
    assert_eq!(passed, "TN-Validation-Passed");
    assert_eq!(switch.metrics.cache_lookups.count(["miss"]), 0);
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_trust_finds_its_paths_verified() {
    let house = House::new();
    let called = Party::at(1).await;
    let repository = Repository::saying(house.chain()).await;
    list(&house, &[url(&repository, "/provider.pem")]);
    let switch = verifying(&house, &called, &repository).await;
    until("warm", || prewarmed(&switch, "verified") == 1).await;
    let text = std::fs::read_to_string(house.path("countersign.toml")).unwrap();
    let text = text.replace("[trust]", "[trust]\ndomain = \"another\"");
    std::fs::write(house.path("countersign.toml"), text).unwrap();
    switch.reload().await;
    until("warm again", || prewarmed(&switch, "verified") == 2).await;
    assert_eq!(repository.requests(), 1, "the chain is the same");
    house.clock.advance(DAY - 600);
    until("asked again", || repository.requests() == 2).await;
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_providers_that_proved_themselves_are_written_down() {
    let house = House::new();
    let called = Party::at(1).await;
    let few = house.lab.numbers("12025550100", 10);
    let stranger = Lab::new().provider("709J");
    let (chain, foreign) = (few.chain.to_pem(), stranger.chain.to_pem());
    let provider = house.chain();
    let repository = Repository::start(move |head| {
        Reaction::Bytes(match head {
            head if head.contains("/12025550100") => answer(&chain, &[]),
            head if head.contains("/stranger") => answer(&foreign, &[]),
            _ => provider.clone(),
        })
    })
    .await;
    let switch = verifying(&house, &called, &repository).await;
    for (number, signer, path, expected) in [
        (1, &few, "/12025550100.pem", "TN-Validation-Passed"),
        (2, &stranger, "/stranger.pem", "TN-Validation-Failed"),
        (3, &house.signer, "/provider.pem", "TN-Validation-Passed"),
    ] {
        let (call_id, x5u) = (format!("written-{number}"), url(&repository, path));
        let verstat = verstat(&house, &switch, &call_id, (signer, &x5u), &called).await;
        assert_eq!(verstat, expected, "{path}");
    }
    switch.stop().await;
    let written = std::fs::read_to_string(house.path("known")).unwrap();
    let urls: Vec<_> = written
        .lines()
        .filter(|line| line.contains("https"))
        .collect();
    let [line] = urls[..] else {
        panic!("{written}")
    };
    assert!(line.ends_with("/provider.pem"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_somebody_else_wrote_leads_nowhere() {
    let house = House::new();
    let called = Party::at(1).await;
    let repository = Repository::saying(house.chain()).await;
    let decoy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    decoy.set_nonblocking(true).unwrap();
    let port = decoy.local_addr().unwrap().port();
    let mut urls = vec![
        format!("http://127.0.0.1:{port}/a.pem"),
        format!("https://127.0.0.1:{port}/a.pem"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://[::1]:8443/a.pem".to_owned(),
        "file:///etc/passwd".to_owned(),
        "\u{0} garbage".to_owned(),
    ];
    urls.push(url(&repository, "/provider.pem"));
    list(&house, &urls);
    let switch = verifying(&house, &called, &repository).await;
    until("warm", || prewarmed(&switch, "verified") == 1).await;
    until("tried", || prewarmed(&switch, "unavailable") == 5).await;
    assert!(decoy.accept().is_err(), "nobody came");
    assert_eq!(repository.requests(), 1);
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_repository_is_asked_a_little_and_delays_no_call() {
    const MANY: usize = 40;
    let house = House::new();
    let called = Party::at(1).await;
    let (let_go, held) = watch::channel(false);
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let chain = house.chain();
    let repository = {
        let (open, most) = (open.clone(), most.clone());
        Repository::start(move |head| {
            if !head.contains("/known") {
                return Reaction::Bytes(chain.clone());
            }
            let now = open.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            Reaction::Held(held.clone(), chain.clone())
        })
        .await
    };
    let urls: Vec<_> = (0..MANY)
        .map(|number| url(&repository, &format!("/known-{number}.pem")))
        .collect();
    list(&house, &urls);
    let switch = verifying(&house, &called, &repository).await;
    until("full", || open.load(Ordering::SeqCst) == 8).await;
    let x5u = url(&repository, "/provider.pem");
    let passed = verstat(&house, &switch, "beside", (&house.signer, &x5u), &called).await;
    assert_eq!(passed, "TN-Validation-Passed");
    assert_eq!(most.load(Ordering::SeqCst), 8);
    let_go.send(true).unwrap();
    until("over", || {
        prewarmed(&switch, "fetched") + prewarmed(&switch, "unavailable") == MANY as u64
    })
    .await;
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_want_it_has_none() {
    let house = House::new();
    let called = Party::at(1).await;
    let repository = Repository::saying(house.chain()).await;
    list(&house, &[url(&repository, "/provider.pem")]);
    let settings = format!(
        "{}{}[verification]\nprewarm = false\nknown_signers_file = \"known\"\n",
        trunk(2, "verify", &called, ""),
        fetching_from(&repository)
    );
    let switch = house.start("", &settings).await;
    let x5u = url(&repository, "/provider.pem");
    verstat(&house, &switch, "cold", (&house.signer, &x5u), &called).await;
    assert_eq!(switch.metrics.cache_lookups.count(["miss"]), 1);
    assert_eq!(switch.metrics.known_signers.get(), 0);
    switch.stop().await;
}
