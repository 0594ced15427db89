//! A certificate that is replaced under the same URL, and forgeries over one that is not.
//!
//! ```text
//!   call signed with key 1 ─► passed       GET ─► 200, chain 1
//!                                          (the repository now serves chain 2)
//!   call signed with key 2 ─► passed       GET, If-None-Match ─► 200, chain 2
//!   forgery ────────────────► failed       GET, If-None-Match ─► 304
//!   forgery, nobody answers ► not validated
//! ```
//!
//! This test verifies that a signature which does not fit a cached chain is judged only after its origin was asked once more,
//! that nobody can make us ask more than once in ten seconds, and that what could not be asked is *not validated*.

use crate::repository::{Reaction, Repository, answer};
use crate::switch::{House, Invite, Party, Switch, fetching_from, line_of, trunk};
use countersign::crypto::SigningKey;
use countersign_testkit::lab::new_key;

const FIELD: &str = "verstat_profile = \"field\"";
const UNCHANGED: &[u8] = b"HTTP/1.1 304 Not Modified\r\n\r\n";
const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";

struct Play {
    house: House,
    repository: Repository,
    caller: Party,
    called: Party,
    switch: Switch,
}

impl Play {
    /// A provider whose chain is published, and was fetched for a first call that passed.
    async fn new(name: &str) -> Self {
        let house = House::new();
        let repository = Repository::saying(house.chain()).await;
        let (caller, called) = (Party::at(2).await, Party::at(1).await);
        // What is not about time does not fail for want of it.
        let settings = trunk(2, "verify", &called, FIELD) + "[verification]\ndeadline_ms = 20000\n";
        let switch = house
            .start("", &(settings + &fetching_from(&repository)))
            .await;
        let play = Self {
            house,
            repository,
            caller,
            called,
            switch,
        };
        let key = play.house.signer.key.clone();
        assert_eq!(play.verdict(name, &*key).await, "passed");
        assert_eq!(play.repository.requests(), 1);
        play
    }

    /// The verdict on a call signed with this key.
    async fn verdict(&self, call_id: &str, key: &dyn SigningKey) -> String {
        let x5u = format!("{}/provider.pem", self.repository.origin());
        let identity = self.house.identity_by(key, &x5u);
        let call = Invite::new(call_id).header("Identity", &identity);
        let heard = self.caller.calls(&call, &self.switch, &self.called).await;
        let line = line_of(call_id).await;
        let verdict = line["verdict"].as_str().unwrap().to_owned();
        let told = match &*verdict {
            "passed" => "TN-Validation-Passed",
            "failed" => "TN-Validation-Failed",
            _ => "No-TN-Validation",
        };
        assert_eq!(heard.verstat(), Some(told), "{line:#}");
        verdict
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_signed_with_the_new_key_passes_after_one_more_look() {
    let play = Play::new("changed-first").await;
    let renewed = play.house.lab.provider("709J");
    let chain = answer(&renewed.chain.to_pem(), &["ETag: \"renewed\""]);
    play.repository.change(move |request| {
        let asked = request.to_ascii_lowercase();
        assert!(asked.contains("if-none-match: \"provider\""), "{request}");
        Reaction::Bytes(chain.clone())
    });
    assert_eq!(
        play.verdict("changed-second", &*renewed.key).await,
        "passed"
    );
    assert_eq!(play.repository.requests(), 2);
    // The next one finds it in the cache.
    assert_eq!(play.verdict("changed-third", &*renewed.key).await, "passed");
    // The old key is nobody's any more; that was asked a moment ago.
    let old = play.house.signer.key.clone();
    assert_eq!(play.verdict("changed-old", &*old).await, "failed");
    assert_eq!(play.repository.requests(), 2);
    play.switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgery_fails_after_one_more_look_and_many_cause_no_more() {
    let play = Play::new("forged-first").await;
    play.repository
        .change(|_| Reaction::Bytes(UNCHANGED.to_vec()));
    let (honest, forger) = (play.house.signer.key.clone(), new_key());
    assert_eq!(play.verdict("forged-one", &*forger).await, "failed");
    assert_eq!(
        play.repository.requests(),
        2,
        "asked whether it has changed"
    );
    for number in 0..100 {
        let call_id = format!("forged-{number}");
        assert_eq!(play.verdict(&call_id, &*forger).await, "failed");
    }
    assert_eq!(play.verdict("forged-honest", &*honest).await, "passed");
    assert_eq!(play.repository.requests(), 2, "not asked again");
    play.house.clock.advance(10);
    for number in 100..110 {
        let call_id = format!("forged-{number}");
        assert_eq!(play.verdict(&call_id, &*forger).await, "failed");
    }
    assert_eq!(play.repository.requests(), 3, "once in ten seconds");
    play.switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgery_is_not_validated_where_nobody_can_be_asked() {
    let play = Play::new("unasked-first").await;
    play.repository.change(|_| Reaction::Bytes(BUSY.to_vec()));
    let (honest, forger) = (play.house.signer.key.clone(), new_key());
    for number in 0..50 {
        let call_id = format!("unasked-{number}");
        assert_eq!(play.verdict(&call_id, &*forger).await, "not-validated");
    }
    assert_eq!(
        play.repository.requests(),
        2,
        "a failure is remembered, too"
    );
    assert_eq!(play.verdict("unasked-honest", &*honest).await, "passed");
    play.switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgery_that_makes_us_wait_delays_no_honest_call() {
    let house = House::new();
    let repository = Repository::saying(house.chain()).await;
    let (caller, called) = (Party::at(2).await, Party::at(1).await);
    let settings = trunk(2, "verify", &called, FIELD) + "[verification]\ndeadline_ms = 3000\n";
    let switch = house
        .start("", &(settings + &fetching_from(&repository)))
        .await;
    let x5u = format!("{}/provider.pem", repository.origin());
    let honest = |name: &str| Invite::new(name).header("Identity", &house.identity(&x5u));
    caller.calls(&honest("waits-first"), &switch, &called).await;

    repository.change(|_| Reaction::Hang(Vec::new()));
    let forged = house.identity_by(&*new_key(), &x5u);
    let forged = Invite::new("waits-forged").header("Identity", &forged);
    caller.says(forged.text(&caller), switch.udp).await;
    assert_eq!(caller.hears().await.status(), Some(100));
    let other = Party::at(2).await;
    other
        .says(honest("waits-honest").text(&other), switch.udp)
        .await;
    let first = called.hears().await;
    called.answers(&first, "200 OK").await;
    let second = called.hears().await;
    assert!(first.text.contains("waits-honest"), "{}", first.text);
    assert_eq!(first.verstat(), Some("TN-Validation-Passed"));
    assert!(second.text.contains("waits-forged"), "{}", second.text);
    assert_eq!(second.verstat(), Some("No-TN-Validation"));
    switch.stop().await;
}
