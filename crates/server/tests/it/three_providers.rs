//! Three providers, a delegate, and a revocation in mid-traffic.
//!
//! ```text
//!   Lab SHAKEN ROOT ─► Issuing CA ─┬─► SHAKEN 709J            the first provider
//!          │                       ├─► SHAKEN 818H            the second, whose key is found by somebody
//!          │                       └─► CA of 120255501xx ─► an enterprise with one number of the third provider
//!          └─► STI-PA CRL: one list for all
//!
//!   caller .2 ── INVITE ──► 709J signs ───────┐
//!   caller .3 ── INVITE ──► 818H signs ───────┼──► Switch verifies ── INVITE, verstat ──► called
//!   caller .4 ── INVITE ──► the third signs ──┤          ▲
//!   caller .5 ── INVITE ──► delegate signs ───┘          └── list 1, then list 2 with 818H on it
//! ```
//!
//! This test verifies that calls of all four pass, that from the moment at which the new list is in force every call of the
//! revoked provider fails and no call of anybody else does, and that no call is lost on the way. All servers are ours, each with
//! its own configuration, on real sockets.

use crate::repository::{Reaction, Repository, answer};
use crate::revocation::Administration;
use crate::switch::{House, Invite, Party, Switch, fetching_from, lines_of, trunk, until};
use countersign::certificate::{TnAuthList, TnEntry};
use countersign_ca::extension::PathLength;
use countersign_ca::{Authority, Practice, Profile};
use countersign_server::reload::Outcome;
use countersign_testkit::lab::{Signer, chain, numbers};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Calls of each caller before the list changes at the earliest, and after it has.
const BEFORE: usize = 8;
const AFTER: usize = 8;
/// What the called side is told of good and of bad calls.
const PASSED: &str = "TN-Validation-Passed";
const FAILED: &str = "TN-Validation-Failed";
/// Whom the verifying server trusts, and whose lists it hears.
const LISTS: &str = "[trust]\nanchor_files = [\"anchor.pem\"]\ncrl_files = [\"list.crl\"]\n\
     crl_issuer_files = [\"list-signer.pem\"]\nrevocation = \"hard\"\n";
/// The number of the enterprise, which the third provider holds with 49 others.
const NUMBER: &str = "12025550100";

/// The enterprise: an end entity below its provider's own authority for numbers.
fn delegate(world: &Administration) -> Signer {
    let lab = &world.house.lab;
    let list = |entry: TnEntry| Some(TnAuthList::new(vec![entry]).unwrap());
    let profile = Profile::DelegateCa(PathLength::AtMost(0));
    let held = list(numbers(NUMBER, 50));
    let name = "Third provider SHAKEN delegations";
    let (ca_key, ca) = lab.issue(world.ca(), profile, name, held).unwrap();
    let authority = Authority::new(ca.clone(), ca_key, Practice::default()).unwrap();
    let one = list(numbers(NUMBER, 1));
    let (key, certificate) = lab
        .issue(&authority, Profile::Delegate, "Enterprise", one)
        .unwrap();
    Signer {
        key,
        chain: chain(&[&certificate, &ca, world.ca().certificate()]),
    }
}

/// A server that signs the calls of 127.0.0.`last` as `signer` and sends them to `onwards`.
async fn signing(
    signer: &Signer,
    last: u8,
    x5u: &str,
    repository: &Repository,
    onwards: &Switch,
) -> (House, Switch) {
    let house = House::new();
    house.write("chain.pem", signer.chain.to_pem());
    house.write("key.der", signer.key.to_pkcs8().unwrap());
    let sip = format!(
        "[[trunks]]\nname = \"pbx\"\naddresses = [\"127.0.0.{last}\"]\nrole = \"sign\"\ntenant = \"own\"\n\
         udp_source_is_trusted = true\nnumbering = \"north-american\"\nnext_hops = [\"udp:{}\"]\noversize = \"fragment\"\n\
         [[tenants]]\nname = \"own\"\ncertificate_file = \"chain.pem\"\nkey_file = \"key.der\"\nx5u = \"{x5u}\"\n\
         inventory_file = \"numbers.csv\"\n{}",
        onwards.udp,
        fetching_from(repository)
    );
    let switch = house.start("", &sip).await;
    (house, switch)
}

/// The called side: answers every INVITE, and remembers what it was told about the caller.
#[derive(Default)]
struct Told(Mutex<HashMap<String, String>>);

impl Told {
    async fn listen(self: Arc<Self>, called: Arc<Party>) {
        loop {
            let heard = called.hears_for_ever().await;
            let [call_id] = heard.values("Call-ID")[..] else {
                continue;
            };
            let verstat = heard.verstat().unwrap_or("none").to_owned();
            self.0.lock().unwrap().insert(call_id.to_owned(), verstat);
            called.answers(&heard, "200 OK").await;
        }
    }

    fn of(&self, call_id: &str) -> String {
        self.0.lock().unwrap()[call_id].clone()
    }
}

/// One caller's calls, one after the other, and the first that was placed after the list was in force.
struct Story {
    call_ids: Vec<String>,
    after: usize,
}

async fn place_calls(name: &str, last: u8, through: &Switch, in_force: &AtomicBool) -> Story {
    let caller = Party::at(last).await;
    let mut story = Story {
        call_ids: Vec::new(),
        after: 0,
    };
    let mut after = 0;
    while after < AFTER {
        if in_force.load(Ordering::SeqCst) {
            if after == 0 {
                story.after = story.call_ids.len();
            }
            after += 1;
        }
        let call_id = format!("three-{name}-{}", story.call_ids.len());
        caller
            .says(Invite::new(&*call_id).text(&caller), through.udp)
            .await;
        let answered = caller.hears_final().await;
        assert_eq!(answered.status(), Some(200), "{call_id}: no call is lost");
        story.call_ids.push(call_id);
    }
    story
}

/// Every chain under its provider's name.
async fn publish(signers: &[(&str, Signer)]) -> Repository {
    let chains: HashMap<String, Vec<u8>> = signers
        .iter()
        .map(|(name, signer)| {
            let chain = answer(&signer.chain.to_pem(), &[]);
            (format!("/{name}.pem"), chain)
        })
        .collect();
    Repository::start(move |request| {
        let path = request.split(' ').nth(1).unwrap();
        Reaction::Bytes(chains[path].clone())
    })
    .await
}

/// What the revoked provider's calls were told as: good, then bad and never good again, bad at once for those placed after.
async fn is_revoked(story: &Story, told: &Told) {
    let (before, after) = story.call_ids.split_at(story.after);
    let verdicts: Vec<_> = before.iter().map(|call_id| told.of(call_id)).collect();
    let good = verdicts.iter().take_while(|one| *one == PASSED).count();
    assert!(good > 0, "there were good calls: {verdicts:?}");
    let bad = verdicts[good..].iter().all(|one| one == FAILED);
    assert!(bad, "once revoked, for ever revoked: {verdicts:?}");
    assert_eq!(after.len(), AFTER);
    for call_id in after {
        assert_eq!(told.of(call_id), FAILED, "{call_id}");
        // Two servers have told of this call: who signed it, and who judged it.
        let judged = || {
            let lines = lines_of(call_id);
            lines.into_iter().find(|line| line["verdict"] == "failed")
        };
        until("the verdict is told", || judged().is_some()).await;
        let line = judged().unwrap();
        assert_eq!(line["fault"], "revoked", "{line:#}");
        assert_eq!(line["code"], 437, "{line:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_in_mid_traffic_ends_one_provider_and_nobody_else() {
    let world = Administration::new();
    let signers = [
        ("709J", world.provider("709J")),
        ("818H", world.provider("818H")),
        ("third", world.provider("300T")),
        ("delegate", delegate(&world)),
    ];
    let repository = publish(&signers).await;
    let called = Arc::new(Party::at(1).await);
    world.house.write("list.crl", world.list(1, &[]));
    let settings = trunk(1, "verify", &called, "verstat_profile = \"field\"\n")
        + &fetching_from(&repository)
        + LISTS;
    let switch = world.house.start("", &settings).await;
    let told = Arc::new(Told::default());
    let listening = tokio::spawn(told.clone().listen(called));
    let mut servers = Vec::new();
    for ((name, signer), last) in signers.iter().zip(2..) {
        let x5u = format!("{}/{name}.pem", repository.origin());
        servers.push(signing(signer, last, &x5u, &repository, &switch).await);
    }

    let in_force = AtomicBool::new(false);
    let revoke = async {
        // In the middle of the calls: not before everybody may have placed some.
        let placed = || told.0.lock().unwrap().len();
        until("calls", || placed() >= BEFORE * signers.len()).await;
        world
            .house
            .write("list.crl", world.list(2, &[&signers[1].1]));
        let outcome = switch.reload().await;
        assert!(matches!(&*outcome, Outcome::Done(_)), "{outcome:?}");
        in_force.store(true, Ordering::SeqCst);
    };
    let calls =
        |index: usize, last| place_calls(signers[index].0, last, &servers[index].1, &in_force);
    let (first, second, third, fourth, ()) =
        tokio::join!(calls(0, 2), calls(1, 3), calls(2, 4), calls(3, 5), revoke);

    for call_id in [&first, &third, &fourth]
        .map(|story| &story.call_ids)
        .into_iter()
        .flatten()
    {
        assert_eq!(told.of(call_id), PASSED, "{call_id}");
    }
    is_revoked(&second, &told).await;
    listening.abort();
    for (_, server) in servers {
        server.stop().await;
    }
    switch.stop().await;
}
