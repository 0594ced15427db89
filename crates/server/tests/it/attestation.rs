//! How firmly a call is signed, and why: through the whole server.
//!
//! ```text
//!   127.0.0.n ── INVITE ──► Switch, signs ── INVITE, Identity ──► called reads attest and origid
//!                                └─ one line: attest, basis, reason
//! ```
//!
//! This test verifies that A is signed only for a listed number of a trunk that proved who it is, that what the trunk may ask
//! for is a ceiling, what becomes of an Identity that is there already, and that an origid stays what it is.

use crate::switch::{House, Invite, Party, Switch, TENANT, connection, converse, line_of, trunk};
use serde_json::Value;

const UNLISTED: &str = "<sip:12025550177@a.example>";
const TRUSTED: &str = "udp_source_is_trusted = true\n";

async fn signing(house: &House, called: &Party, trunks: &[(u8, &str)]) -> Switch {
    let trunks = trunks.iter().map(|(last, settings)| {
        trunk(
            *last,
            "sign",
            called,
            &format!("tenant = \"provider\"\n{settings}"),
        )
    });
    house
        .start("", &(trunks.collect::<String>() + TENANT))
        .await
}

/// Places a call by a trunk: what was signed, and the line about it.
async fn signed(
    switch: &Switch,
    last: u8,
    call_id: &str,
    from: &str,
    called: &Party,
) -> (Value, Value) {
    let caller = Party::at(last).await;
    let call = Invite::new(call_id).from(from);
    let heard = caller.calls(&call, switch, called).await;
    let claims = match heard.values("Identity").is_empty() {
        true => Value::Null,
        false => heard.claims(),
    };
    (claims, line_of(call_id).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deserved_and_why() {
    let house = House::new();
    let called = Party::at(1).await;
    let switch = signing(
        &house,
        &called,
        &[
            (2, ""),
            (3, TRUSTED),
            (4, &format!("{TRUSTED}unlisted = \"C\"")),
            (5, &format!("{TRUSTED}unlisted = \"unsigned\"")),
            (6, &format!("{TRUSTED}attestation = \"B\"")),
            (7, &format!("{TRUSTED}attestation = \"C\"")),
            (8, "attestation = \"A\""),
        ],
    )
    .await;
    let listed = "<sip:12025550100@a.example>";
    for (last, from, attest, basis, reason) in [
        (2, listed, Some("C"), Some("assigned"), "weak-credential"),
        (3, listed, Some("A"), Some("assigned"), "listed"),
        (2, UNLISTED, Some("C"), None, "weak-credential"),
        (3, UNLISTED, Some("B"), None, "unlisted"),
        (4, UNLISTED, Some("C"), None, "unlisted"),
        (5, UNLISTED, None, None, "unlisted"),
        (6, listed, Some("B"), Some("assigned"), "asked"),
        (7, UNLISTED, Some("C"), None, "asked"),
        (8, listed, Some("C"), Some("assigned"), "weak-credential"),
    ] {
        let call_id = format!("attest-{last}-{}", from == listed);
        let (claims, line) = signed(&switch, last, &call_id, from, &called).await;
        match attest {
            Some(attest) => {
                assert_eq!(claims["attest"], attest, "{call_id} {line:#}");
                assert_eq!(line["verdict"], "signed", "{line:#}");
                assert_eq!(line["reason"], reason, "{line:#}");
                assert_eq!(line["origid"], claims["origid"]);
            }
            None => {
                assert_eq!(claims, Value::Null);
                assert_eq!(line["verdict"], "not-signed", "{line:#}");
                assert_eq!(line["fault"], reason, "{line:#}");
            }
        }
        assert_eq!(line["attest"].as_str(), attest, "{line:#}");
        assert_eq!(line["basis"].as_str(), basis, "{line:#}");
    }
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_proves_more_than_a_datagram() {
    let house = House::new();
    let called = Party::at(1).await;
    let switch = signing(&house, &called, &[(2, "")]).await;
    let mut caller = connection(2, switch.tcp).await;
    let invite = Invite::new("strong").text_by("TCP", caller.local_addr().unwrap());
    converse(&mut caller, &invite, "\r\n\r\n").await;
    assert_eq!(called.hears().await.claims()["attest"], "A");
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_that_is_there_is_kept_replaced_or_joined() {
    let house = House::new();
    let called = Party::at(1).await;
    let settings = |existing: &str| format!("{TRUSTED}existing_identity = \"{existing}\"");
    let switch = signing(
        &house,
        &called,
        &[
            (2, ""),
            (3, &settings("keep")),
            (4, &settings("replace")),
            (5, &settings("add")),
        ],
    )
    .await;
    const THEIRS: &str = "a.b.c;info=<https://cert.example.org/c.pem>;alg=ES256;ppt=shaken";
    for (last, theirs, ours, signing) in [
        (2, 1, 0, "kept"),
        (3, 1, 0, "kept"),
        (4, 0, 1, "signed"),
        (5, 1, 1, "signed"),
    ] {
        let caller = Party::at(last).await;
        let call_id = format!("existing-{last}");
        let call = Invite::new(&*call_id).header("Identity", THEIRS);
        let heard = caller.calls(&call, &switch, &called).await;
        let identities = heard.values("Identity");
        assert_eq!(
            identities.iter().filter(|one| **one == THEIRS).count(),
            theirs
        );
        assert_eq!(
            identities
                .iter()
                .filter(|one| one.starts_with("eyJ"))
                .count(),
            ours
        );
        assert_eq!(line_of(&call_id).await["signing"], signing);
    }
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origid_is_the_trunks_for_ever_or_another_for_each_call() {
    const FIXED: &str = "f4a1c9de-8f3b-4b5e-9c53-6f3a1c1b2d4e";
    let house = House::new();
    let called = Party::at(1).await;
    let trunks = [
        (2, TRUSTED),
        (3, TRUSTED),
        (4, "origid = \"call\""),
        (5, &*format!("origid = \"{FIXED}\"")),
    ];
    let mut seen: Vec<Vec<Value>> = vec![Vec::new(); 6];
    for start in 0..2 {
        let switch = signing(&house, &called, &trunks).await;
        for (last, _) in trunks {
            for number in 0..3 {
                let call_id = format!("origid-{start}-{last}-{number}");
                let from = "<sip:12025550100@a.example>";
                let (claims, _) = signed(&switch, last, &call_id, from, &called).await;
                seen[usize::from(last)].push(claims["origid"].clone());
            }
        }
        switch.stop().await;
    }
    let different = |origids: &[Value]| {
        let mut texts: Vec<_> = origids.iter().map(|one| one.as_str().unwrap()).collect();
        texts.sort_unstable();
        texts.dedup();
        texts.len()
    };
    assert_eq!(different(&seen[2]), 1, "{seen:#?}");
    assert_eq!(different(&seen[3]), 1, "{seen:#?}");
    assert_ne!(seen[2][0], seen[3][0], "each trunk has its own");
    assert_eq!(different(&seen[4]), 6, "{seen:#?}");
    assert_eq!(seen[5], vec![Value::from(FIXED); 6]);
}
