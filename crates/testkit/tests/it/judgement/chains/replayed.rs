//! A diverted call whose PASSporTs were heard before, by who calls with them again.
//!
//! ```text
//!    Alice ──► Bob's provider ──► Carol's provider
//!                  shaken, div: from Bob to Carol
//!                       ╎ heard
//!    Mallory ───────────┴───────► Carol's provider
//! ```
//!
//! This test verifies that a chain with a replayed link is none, however late it comes.

use super::*;
use countersign::verification::policy::Replay;
use countersign_testkit::scene::reference;

/// Who heard all the headers of a call does not call with them again.
#[test]
fn a_replayed_link_breaks_its_chain() {
    let scene = Scene::new().with_policy(|policy| policy.replay = Replay::Enforce);
    let way = Way::with(scene);
    let from = |call_id: &str| Call {
        reference: Some(reference(call_id, "1")),
        ..call_for(CAROL)
    };
    let div = way.div(BOB, CAROL);
    let first = way.verify(&from("a@h"), vec![way.original(), div.clone()]);
    assert_eq!(told(&first), (Verdict::Passed, None));
    let again = way.verify(&from("b@h"), vec![way.original(), div]);
    assert_eq!(
        verdicts(&again),
        [
            Verdict::Failed(Fault::ChainBroken),
            Verdict::Failed(Fault::Replayed)
        ]
    );
}

/// A PASSporT that was heard on its way to Bob is shown again as the beginning of a chain, where it may be older.
#[test]
fn what_was_seen_undiverted_is_remembered_for_as_long_as_a_chain_could_begin_with_it() {
    let way = Way::with(Scene::new().with_policy(|policy| {
        policy.replay = Replay::Enforce;
        policy.diverted_freshness = 3 * 3_600;
    }));
    let heard = way.original();
    let direct = Call {
        reference: Some(reference("a@h", "1")),
        ..call()
    };
    let first = way.verify(&direct, vec![heard.clone()]);
    assert_eq!(told(&first), (Verdict::Passed, None));
    let late = Claims {
        iat: UnixTime::from_secs(NOW.as_secs() + 3_000),
        ..claims(BOB, CAROL)
    };
    let again = Call {
        reference: Some(reference("b@h", "1")),
        ..call_for(CAROL)
    };
    let presented = vec![heard, way.diverted(BOB, late)];
    let report = way.verify_at(3_000, &again, presented);
    assert_eq!(
        verdicts(&report),
        [
            Verdict::Failed(Fault::Replayed),
            Verdict::Failed(Fault::ChainBroken)
        ]
    );
}
