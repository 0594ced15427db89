//! Another configuration while calls run, in one step or not at all.
//!
//! ```text
//!   caller ── INVITE ──► Switch ── INVITE, Identity ──► called
//!                          ▲
//!                          └── reload: keys, chains, numbers, trunks, anchors read again
//! ```
//!
//! This test verifies that a change takes effect on the next call, that a broken file of any kind is named and changes nothing,
//! that calls under way end as they began, and that what was signed before a key roll-over still verifies after it.

use crate::repository::Pki;
use crate::switch::{CALL, Heard, House, Invite, Party, Switch, TENANT, line_of, trunk, until};
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::crypto::SigningKey;
use countersign::time::Validity;
use countersign_ca::{Profile, Request};
use countersign_server::reload::{Outcome, Reloaded};
use countersign_testkit::lab::{NOW, chain, subject};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

const TRUSTED: &str = "tenant = \"provider\"\nudp_source_is_trusted = true\n";

fn signing(called: &Party) -> String {
    trunk(2, "sign", called, TRUSTED) + TENANT
}

#[track_caller]
fn done(outcome: &Outcome) -> &Reloaded {
    match outcome {
        Outcome::Done(reloaded) => reloaded,
        Outcome::Refused(mistakes) => panic!("{mistakes:#?}"),
    }
}

/// Places a call and lets it be answered: what was attested.
async fn attested(switch: &Switch, call_id: &str, from: &str, called: &Party) -> Value {
    let caller = Party::at(2).await;
    let call = Invite::new(call_id).from(&format!("<sip:{from}@a.example>"));
    let heard = caller.calls(&call, switch, called).await;
    heard.claims()["attest"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_that_are_added_and_taken_away() {
    let house = House::new();
    let called = Party::at(1).await;
    let switch = house.start("", &signing(&called)).await;
    assert_eq!(attested(&switch, "reload-1", CALL.0, &called).await, "A");
    house.write("numbers.csv", "12025550177,assigned\n");
    assert_eq!(
        attested(&switch, "reload-2", CALL.0, &called).await,
        "A",
        "nobody said so yet"
    );
    let outcome = switch.reload().await;
    let reloaded = done(&outcome);
    assert_eq!(reloaded.generation, 2);
    let [changed] = &reloaded.changed[..] else {
        panic!("{reloaded:?}")
    };
    assert_eq!(**changed, *house.path("numbers.csv").to_str().unwrap());
    assert_eq!(attested(&switch, "reload-3", CALL.0, &called).await, "B");
    assert_eq!(
        attested(&switch, "reload-4", "12025550177", &called).await,
        "A"
    );
    assert_eq!(switch.metrics.reloads.count(["done"]), 1);
    assert_eq!(switch.metrics.generation.get(), 2);
    switch.stop().await;
}

/// What is written, what is written instead, the key that is named, and a word of the reason.
#[rustfmt::skip]
const BREAKAGES: [(&str, &str, &str, &str); 15] = [
    ("key.der", "none.der", "tenants[0].key_file", "none.der"),
    ("key.der", "open.der", "tenants[0].key_file", "0644"),
    ("key.der", "chain.pem", "tenants[0].key_file", "chain.pem"),
    ("chain.pem", "other.pem", "tenants[0].key_file", "key.der"),
    ("chain.pem", "ended.pem", "tenants[0].certificate_file", "ended"),
    ("chain.pem", "garbage.pem", "tenants[0].certificate_file", "garbage.pem"),
    ("numbers.csv", "bad.csv", "tenants[0].inventory_file", "line 2"),
    ("anchor.pem", "none.pem", "trust.anchor_files", "none.pem"),
    ("anchor.pem", "garbage.pem", "trust.anchor_files", "garbage.pem"),
    ("anchor.pem", "chain.pem", "trust.anchor_files", "authority"),
    ("role = \"sign\"", "role = \"sing\"", "trunks[0].role", "one of"),
    ("tenant = \"provider\"", "tenant = \"nobody\"", "trunks[0].tenant", "nobody"),
    ("shards = 2", "shreds = 2", "sip.shreds", "no such key"),
    ("[sip]", "[sip", "", "not TOML"),
    ("web.pem", "none.pem", "fetch.web_ca_file", "none.pem"),
];

/// A chain for the provider's own key that ended yesterday, PEM.
fn ended(house: &House) -> String {
    let scope = TnAuthList::new(vec![TnEntry::Spc("709J".parse().unwrap())]).unwrap();
    let subject = subject("SHAKEN 709J");
    let request =
        Request::new(Profile::EndEntity, subject, house.signer.key.public_key()).with_scope(scope);
    let validity = Validity {
        not_before: NOW.saturating_add(-2 * 86_400),
        not_after: NOW.saturating_add(-86_400),
    };
    let issuer = house.lab.intermediate();
    let issued = issuer.issue(&request, house.lab.next_serial(), validity);
    chain(&[&issued.unwrap(), issuer.certificate()]).to_pem()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_broken_file_is_named_and_changes_nothing() {
    let house = House::new();
    let called = Party::at(1).await;
    let right = signing(&called);
    let switch = house.start("", &right).await;
    let other = house.lab.provider("709J");
    house.write("other.pem", other.chain.to_pem());
    house.write("ended.pem", ended(&house));
    house.write("garbage.pem", "garbage");
    house.write(
        "bad.csv",
        "12025550100-12025550149,assigned\n12025550150,mine\n",
    );
    house.write("open.der", house.signer.key.to_pkcs8().unwrap());
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(house.path("open.der"), open).unwrap();
    let file = house.configure("", &right);
    let text = std::fs::read_to_string(&file).unwrap();
    for (number, (good, bad, key, why)) in BREAKAGES.into_iter().enumerate() {
        assert!(text.contains(good), "{good}");
        std::fs::write(&file, text.replacen(good, bad, 1)).unwrap();
        let Outcome::Refused(mistakes) = &*switch.reload().await else {
            panic!("{bad} was taken")
        };
        let told: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        let fits = |line: &String| {
            line.contains("countersign.toml:") && line.contains(key) && line.contains(why)
        };
        assert!(told.iter().any(fits), "{bad}: {told:#?}");
        let call_id = format!("broken-{number}");
        assert_eq!(
            attested(&switch, &call_id, CALL.0, &called).await,
            "A",
            "{bad}"
        );
        assert_eq!(switch.metrics.reloads.count(["refused"]), number as u64 + 1);
    }
    assert_eq!(switch.metrics.generation.get(), 1);
    std::fs::write(&file, text).unwrap();
    let outcome = switch.reload().await;
    assert!(done(&outcome).changed.is_empty(), "{outcome:?}");
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_a_restart_changes_is_told_and_left() {
    let house = House::new();
    let called = Party::at(1).await;
    let right = signing(&called);
    let switch = house.start("", &right).await;
    for generation in [2, 3] {
        house.configure("advertise = \"new.example\"", &right);
        let outcome = switch.reload().await;
        let reloaded = done(&outcome);
        assert_eq!(reloaded.generation, generation);
        assert_eq!(reloaded.restart, [Box::from("sip.advertise")]);
        let caller = Party::at(2).await;
        let call = Invite::new(format!("restart-{generation}"));
        let heard = caller.calls(&call, &switch, &called).await;
        assert!(!heard.text.contains("new.example"), "{}", heard.text);
    }
    house.configure("", &right);
    assert!(done(&*switch.reload().await).restart.is_empty());
    switch.stop().await;
}

/// An INVITE that the called side has heard and nobody has answered.
async fn ringing(caller: &Party, call_id: &str, switch: &Switch, called: &Party) -> Heard {
    caller
        .says(Invite::new(call_id).text(caller), switch.udp)
        .await;
    let heard = called.hears().await;
    called.answers(&heard, "180 Ringing").await;
    while caller.hears().await.status() != Some(180) {}
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_a_trunk_that_is_removed_end_as_they_began() {
    let house = House::new();
    let called = Party::at(1).await;
    let other = trunk(3, "none", &called, "");
    let both = format!("{}{other}{TENANT}", trunk(2, "sign", &called, TRUSTED));
    let switch = house.start("", &both).await;
    let caller = Party::at(2).await;
    let answered = ringing(&caller, "removed-1", &switch, &called).await;
    let cancelled = ringing(&caller, "removed-2", &switch, &called).await;
    house.configure("", &format!("{other}{TENANT}"));
    let outcome = switch.reload().await;
    assert_eq!(done(&outcome).changed, [Box::from("trunks[sign-2]")]);

    called.answers(&answered, "200 OK").await;
    assert_eq!(caller.hears_final().await.status(), Some(200));
    let invite = Invite::new("removed-2").text(&caller);
    let cancel = invite.replace("INVITE", "CANCEL");
    caller.says(cancel, switch.udp).await;
    assert!(called.hears().await.text.starts_with("CANCEL "));
    called.answers(&cancelled, "487 Request Terminated").await;
    let statuses = [
        caller.hears_final().await.status(),
        caller.hears_final().await.status(),
    ];
    assert!(statuses.contains(&Some(487)), "{statuses:?}");
    let bye = Invite::new("removed-1")
        .to("<sip:12025550101@b.example>;tag=called")
        .text(&caller)
        .replace("INVITE", "BYE")
        .replace("z9hG4bK", "z9hG4bKbye");
    caller.says(bye, switch.udp).await;
    loop {
        let heard = called.hears().await;
        if heard.text.starts_with("BYE ") {
            break;
        }
        assert!(heard.text.starts_with("ACK "), "{}", heard.text);
    }

    let ignored = || switch.metrics.sip_refused.count(["unknown-source"]);
    assert_eq!(ignored(), 0);
    caller
        .says(Invite::new("removed-3").text(&caller), switch.udp)
        .await;
    let again = Invite::new("removed-4").to("<sip:12025550101@b.example>;tag=forged");
    caller.says(again.text(&caller), switch.udp).await;
    until("refused", || ignored() == 2).await;
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_while_configurations_come_and_go() {
    const CALLS: usize = 300;
    let house = House::new();
    let called = Party::at(1).await;
    let right = signing(&called);
    let switch = Arc::new(house.start("", &right).await);
    let caller = Party::at(2).await;
    let reloading = {
        let switch = switch.clone();
        tokio::spawn(async move {
            for _ in 0..8 {
                done(&*switch.reload().await);
            }
        })
    };
    let listening = tokio::spawn(async move {
        for _ in 0..CALLS {
            let heard = called.hears().await;
            assert_eq!(heard.values("Identity").len(), 1, "{}", heard.text);
            called.answers(&heard, "200 OK").await;
        }
        called
    });
    for number in 0..CALLS {
        let call = Invite::new(format!("traffic-{number}"));
        caller.says(call.text(&caller), switch.udp).await;
        assert_eq!(caller.hears_final().await.status(), Some(200), "{number}");
    }
    drop(listening.await.unwrap());
    reloading.await.unwrap();
    assert_eq!(switch.metrics.generation.get(), 9);
    let signed = || switch.metrics.signings.count(["signed", "A"]);
    until("signed", || signed() == CALLS as u64).await;
}

/// This test verifies that new connections of an HTTP listener get what the new configuration says, and that its chains are there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_proves_itself_with_what_it_has_now() {
    let house = House::new();
    let called = Party::at(1).await;
    let address = crate::peers::free_address();
    for name in ["leaf.pem", "leaf.key"] {
        house.write(name, Pki::get().read(name));
    }
    let tls = "certificate_file = \"leaf.pem\"\nkey_file = \"leaf.key\"\n";
    let with = |tls: &str| {
        let tenant = TENANT.replace("/provider.pem", "/certificates/provider.pem");
        let signing = trunk(2, "sign", &called, TRUSTED);
        format!("{signing}{tenant}[http.public]\nlisten = [\"{address}\"]\n{tls}")
    };
    let switch = house.start("", &with("")).await;
    let plain = || {
        let asked = || crate::provider::get(address, "/certificates/provider.pem");
        tokio::task::block_in_place(asked).map(|(status, _)| status)
    };
    assert_eq!(plain(), Some(200));
    house.configure("", &with(tls));
    let outcome = switch.reload().await;
    let expected = ["http.public.certificate_file", "http.public.key_file"];
    assert_eq!(done(&outcome).changed, expected.map(Box::from));
    assert_eq!(plain(), None, "it speaks TLS now");
    house.configure("", &with(""));
    done(&*switch.reload().await);
    assert_eq!(plain(), Some(200));
    switch.stop().await;
}

/// A signer with a repository of its own, and somebody who verifies.
///
/// ```text
///   caller ─► signer ─► between ── as the test wants ──► verifier ─► called
///               │  /certificates/NAME.pem  ◄── https ──────┘
/// ```
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_both_keys_verify_after_a_roll_over() {
    let house = House::new();
    let repository = crate::peers::free_address();
    house.write("leaf.pem", Pki::get().read("leaf.pem"));
    house.write("leaf.key", Pki::get().read("leaf.key"));
    let origin = format!("https://127.0.0.1:{}", repository.port());
    let exception = format!(
        "[fetch]\nweb_ca_file = \"web.pem\"\n[[fetch.exceptions]]\norigin = \"{origin}\"\naddresses = [\"127.0.0.1\"]\n"
    );
    let tenant = |name: &str, chain: &str, key: &str| {
        format!(
            "[[tenants]]\nname = \"provider\"\ncertificate_file = \"{chain}\"\nkey_file = \"{key}\"\n\
             x5u = \"{origin}/certificates/{name}.pem\"\ninventory_file = \"numbers.csv\"\n{exception}\
             [http.public]\nlisten = [\"{repository}\"]\ncertificate_file = \"leaf.pem\"\nkey_file = \"leaf.key\"\n"
        )
    };
    let (between, called) = (Party::at(1).await, Party::at(1).await);
    let sign = trunk(2, "sign", &between, TRUSTED);
    let first = tenant("first", "chain.pem", "key.der");
    let signer = house.start("", &format!("{sign}{first}")).await;
    let verify = trunk(1, "verify", &called, "verstat_profile = \"field\"\n");
    let unhurried = "[verification]\ndeadline_ms = 30000\n";
    let verifier = house
        .start("", &format!("{verify}{exception}{unhurried}"))
        .await;

    let caller = Party::at(2).await;
    let before = caller
        .calls(&Invite::new("rolled-1"), &signer, &between)
        .await;
    let next = house.lab.provider("709J");
    house.write("next.pem", next.chain.to_pem());
    house.write("next.der", next.key.to_pkcs8().unwrap());
    let same_url = tenant("first", "next.pem", "next.der");
    let second = tenant("second", "next.pem", "next.der");
    house.configure("", &format!("{sign}{second}"));
    let outcome = signer.reload().await;
    assert!(
        done(&outcome)
            .warnings
            .iter()
            .all(|told| !told.to_string().contains("URL of its own"))
    );
    let after = caller
        .calls(&Invite::new("rolled-2"), &signer, &between)
        .await;
    for (number, signed) in [before, after].into_iter().enumerate() {
        let [identity] = signed.values("Identity")[..] else {
            panic!("{}", signed.text)
        };
        let call = Invite::new(format!("rolled-on-{number}")).header("Identity", identity);
        let heard = between.calls(&call, &verifier, &called).await;
        assert_eq!(heard.verstat(), Some("TN-Validation-Passed"), "{number}");
        let line = line_of(&format!("rolled-on-{number}")).await;
        let name = ["first.pem", "second.pem"][number];
        assert!(line["x5u"].as_str().unwrap().ends_with(name), "{line}");
    }

    house.configure("", &format!("{sign}{first}"));
    done(&*signer.reload().await);
    house.configure("", &format!("{sign}{same_url}"));
    let outcome = signer.reload().await;
    let warned = |text: &str| {
        done(&outcome)
            .warnings
            .iter()
            .any(|told| told.to_string().contains(text))
    };
    assert!(warned("URL of its own"), "{outcome:?}");
    signer.stop().await;
    verifier.stop().await;
}
