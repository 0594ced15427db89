//! A call for help waits for nobody and is refused by nobody.
//!
//! ```text
//!   caller ── INVITE urn:service:sos, with a proof that cannot be had ──► Switch ── INVITE at once ──► called
//!                                                                           ╳ (a repository that hangs is not asked)
//! ```
//!
//! This test verifies that emergency calls go straight through the strictest trunk there is, by URN and by configured number;
//! that they bring no verdict along; and that an emergency written where it routes nothing is none.

use crate::repository::{Reaction, Repository};
use crate::switch::{House, Invite, Party, Switch, fetching_from, line_of, trunk};
use std::time::{Duration, Instant};

const STRICT: &str = "treatment = \"reject\"\nreject_not_validated = true\nrequire_identity = true\n\
                      emergency_numbers = [\"911\", \"12025550112\"]";

/// Whoever waits for it waits so long that a busy machine cannot be the reason.
const DEADLINE: &str = "[verification]\ndeadline_ms = 30000\n";
const AT_ONCE: Duration = Duration::from_secs(10);

struct Play {
    house: House,
    repository: Repository,
    caller: Party,
    called: Party,
    switch: Switch,
}

impl Play {
    async fn new() -> Self {
        let house = House::new();
        let repository = Repository::start(|_| Reaction::Hang(Vec::new())).await;
        let (caller, called) = (Party::at(2).await, Party::at(1).await);
        let settings = trunk(2, "verify", &called, STRICT) + DEADLINE;
        let switch = house
            .start("", &(settings + &fetching_from(&repository)))
            .await;
        Self {
            house,
            repository,
            caller,
            called,
            switch,
        }
    }

    fn proof(&self) -> String {
        self.house
            .identity(&format!("{}/hangs.pem", self.repository.origin()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_for_help_go_straight_through() {
    let play = Play::new().await;
    let proof = play.proof();
    for (number, uri) in [
        "urn:service:sos",
        "urn:service:sos.fire",
        "sip:911@b.example",
        "tel:911;phone-context=+1",
        "sip:12025550112@b.example",
    ]
    .iter()
    .enumerate()
    {
        for (kind, proof) in [
            ("bare", None),
            ("proof", Some(&*proof)),
            ("bad", Some("garbage")),
        ] {
            let call_id = format!("sos-{number}-{kind}");
            let mut call = Invite::new(&*call_id).uri(uri).header(
                "P-Asserted-Identity",
                "<sip:12025550100;verstat=TN-Validation-Passed@x>",
            );
            if let Some(proof) = proof {
                call = call.header("Identity", proof);
            }
            let begun = Instant::now();
            let heard = play.caller.calls(&call, &play.switch, &play.called).await;
            assert!(heard.at - begun < AT_ONCE, "{:?}", heard.at - begun);
            assert!(
                heard.text.starts_with(&format!("INVITE {uri} ")),
                "{}",
                heard.text
            );
            assert_eq!(heard.verstat(), None);
            let line = line_of(&call_id).await;
            assert_eq!(line["verdict"], "emergency", "{line:#}");
        }
    }
    assert_eq!(
        play.repository.requests(),
        0,
        "nobody was asked for anything"
    );
    play.switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_that_routes_nothing_is_none() {
    let play = Play::new().await;
    let call = Invite::new("sos-pretended").to("<urn:service:sos>");
    play.caller
        .says(call.text(&play.caller), play.switch.udp)
        .await;
    assert_eq!(play.caller.hears_final().await.status(), Some(428));
    assert!(play.called.is_silent());
    play.switch.stop().await;
}
