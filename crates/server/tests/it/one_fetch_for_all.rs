//! Very many calls, one certificate that nobody has seen yet.
//!
//! ```text
//!   2,000 INVITEs ── UDP ──► Switch ── GET, one ──► Repository
//!  10,000 calls ──► VerificationService ──► Fetcher ── GET, one ──► Repository
//! ```
//!
//! This test verifies that a cold x5u is one fetch however many calls wait for it, and that all of them get its answer.

use crate::passports::{identity, number};
use crate::repository::{Bench, Reaction, Repository};
use crate::switch::{Heard, House, Invite, PATIENCE, Party, Switch, fetching_from, trunk};
use countersign::call::{Call, CallReference, DateHeader, DestSource, OrigSource};
use countersign::crypto::AwsLc;
use countersign::path::PathCache;
use countersign::verification::Answer;
use countersign::verification::states::{Poll, Verification};
use countersign::verification::{
    MemoryReplay, NeedId, NeedKind, Refresh, Verdict, VerificationPolicy, VerificationService,
};
use countersign_server::clock::Clock;
use countersign_sip::identity_header;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

const INVITES: usize = 2_000;
const CALLS: usize = 10_000;
/// INVITEs of which nothing was heard yet: more at a time would overflow somebody's buffer.
const WINDOW: usize = 64;
/// RFC 3261 §17.1.1.1: T1, after which an INVITE of which nothing was heard is repeated.
const T1: Duration = Duration::from_millis(500);

/// Sends all of them, and waits until the server has each: it says 100.
async fn place_all(caller: &Party, switch: &Switch, mut texts: HashMap<String, String>) {
    let mut sent: HashMap<String, (String, Instant)> = HashMap::new();
    let limit = Instant::now() + 3 * PATIENCE;
    while !(texts.is_empty() && sent.is_empty()) {
        assert!(
            Instant::now() < limit,
            "{} are not there",
            texts.len() + sent.len()
        );
        while sent.len() < WINDOW
            && let Some(call_id) = texts.keys().next().cloned()
        {
            let text = texts.remove(&call_id).unwrap();
            caller.says(&text, switch.udp).await;
            sent.insert(call_id, (text, Instant::now()));
        }
        if let Ok(heard) = tokio::time::timeout(T1 / 5, caller.hears()).await {
            assert_eq!(heard.status(), Some(100));
            sent.remove(heard.values("Call-ID")[0]);
        }
        for (text, at) in sent.values_mut().filter(|(_, at)| at.elapsed() > T1) {
            caller.says(&*text, switch.udp).await;
            *at = Instant::now();
        }
    }
}

/// Takes calls until so many different ones have come; each with its verstat.
async fn take_all(called: &Party, count: usize) -> HashMap<String, Option<String>> {
    let mut taken = HashMap::new();
    while taken.len() < count {
        let heard: Heard = called.hears().await;
        if heard.text.starts_with("INVITE ") {
            called.answers(&heard, "486 Busy Here").await;
            let call_id = heard.values("Call-ID")[0].to_owned();
            taken.insert(call_id, heard.verstat().map(Into::into));
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_invites_are_one_fetch() {
    let house = House::new();
    let (chain, (let_go, held)) = (house.chain(), watch::channel(false));
    let repository = Repository::start(move |_| Reaction::Held(held.clone(), chain.clone())).await;
    let (caller, called) = (Party::at(2).await, Party::at(1).await);
    let settings = trunk(2, "verify", &called, "") + "[verification]\ndeadline_ms = 32000\n";
    let fetching = fetching_from(&repository).replace("[fetch]", "[fetch]\ntimeout_ms = 30000");
    // All come in one moment, and none is to be turned away for it.
    let switch = house
        .start("overload_delay_ms = 0\n", &(settings + &fetching))
        .await;
    let x5u = format!("{}/cold.pem", repository.origin());
    let texts = (0..INVITES).map(|number| {
        let call_id = format!("cold-{number}");
        let invite = Invite::new(&*call_id).header("Identity", &house.identity(&x5u));
        (call_id, invite.text(&caller))
    });
    place_all(&caller, &switch, texts.collect()).await;
    assert!(called.is_silent(), "all of them wait");
    let_go.send(true).unwrap();
    let taken = take_all(&called, INVITES).await;
    let told: HashSet<_> = taken.values().collect();
    assert_eq!(
        told,
        HashSet::from([&Some("TN-Validation-Passed".to_owned())])
    );
    assert_eq!(repository.requests(), 1);
    switch.stop().await;
}

/// One call, and what it presents.
fn call(number_of_call: usize) -> Call {
    Call {
        orig: Some(number("12025550100")),
        orig_from: OrigSource::From,
        dest: vec![(number("12025550101"), DestSource::To)],
        date: DateHeader::Absent,
        presentation: Default::default(),
        priority: Default::default(),
        media_keys: None,
        reference: Some(CallReference {
            call_id: format!("call-{number_of_call}").into_bytes().into(),
            from_tag: b"tag".as_slice().into(),
            within: None,
        }),
    }
}

fn need(verification: &mut Verification, clock: &dyn Clock) -> (NeedId, String) {
    let Poll::Needs([need]) = verification.poll(clock.now()) else {
        panic!("one certificate is needed")
    };
    let NeedKind::Certificate { url, refresh } = &need.kind else {
        panic!("a certificate is needed")
    };
    assert_eq!(*refresh, Refresh::No);
    (need.id, url.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_verifications_are_one_fetch() {
    let house = House::new();
    let chain = house.chain();
    let repository =
        Repository::start(move |_| Reaction::Late(Duration::from_millis(50), chain.clone())).await;
    let bench = Bench::reaching(&[&repository]);
    let policy = VerificationPolicy {
        deadline: 60_000,
        port_exceptions: [repository.exception().origin].into(),
        ..VerificationPolicy::default()
    };
    let (paths, replay) = (Arc::<PathCache>::default(), Arc::<MemoryReplay>::default());
    let service = VerificationService::new(policy, Arc::new(AwsLc), paths, replay);
    let (trust, url) = (Arc::new(house.lab.trust(1)), repository.url("/cold.pem"));
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        let now = house.clock.now();
        let value = identity(&*house.signer.key, &url, now.unix);
        let presented = vec![identity_header::parse(value.as_bytes())];
        let mut verification = service.begin(&call(number), presented, &trust, now);
        let (id, url) = need(&mut verification, &*house.clock);
        let fetched = bench.fetcher.fetch(&url, Refresh::No);
        let clock = house.clock.clone();
        calls.spawn(async move {
            let fetched = fetched.await.unwrap();
            verification.answer(id, Answer::Certificate(fetched.item, fetched.source));
            match verification.poll(clock.now()) {
                Poll::Done(report) => report.verdict,
                Poll::Needs(needs) => panic!("{needs:?}"),
            }
        });
    }
    while let Some(verdict) = calls.join_next().await {
        assert_eq!(verdict.unwrap(), Verdict::Passed);
    }
    assert_eq!(repository.requests(), 1);
}
