//! The same proof with another call: somebody has copied it.
//!
//! ```text
//!   caller   ── INVITE, Call-ID one, Identity ──► Switch ──► called     passed
//!            ── the same once more            ──► Switch                the same answer: a retransmission is no replay
//!   somebody ── INVITE, Call-ID two, the same Identity ──► Switch       observed, or enforced
//! ```
//!
//! This test verifies that a replay is told where it is observed and fails where it is enforced, that its window ends with the
//! freshness of the proof, and that a retransmission is none.

use crate::repository::Repository;
use crate::switch::{House, Invite, Party, Switch, fetching_from, line_of, trunk, until};

struct Play {
    house: House,
    repository: Repository,
    caller: Party,
    called: Party,
    switch: Switch,
}

impl Play {
    async fn new(replay: &str) -> Self {
        let house = House::new();
        let repository = Repository::saying(house.chain()).await;
        let (caller, called) = (Party::at(2).await, Party::at(1).await);
        let settings = trunk(2, "verify", &called, "verstat_profile = \"field\"")
            + &format!("[verification]\ndeadline_ms = 20000\nreplay = \"{replay}\"\n");
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

    fn identity(&self) -> String {
        self.house
            .identity(&format!("{}/p.pem", self.repository.origin()))
    }

    async fn verstat(&self, call: &Invite) -> String {
        let heard = self.caller.calls(call, &self.switch, &self.called).await;
        heard.verstat().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_is_told_or_fails() {
    for (policy, verstat, fault) in [
        ("off", "TN-Validation-Passed", None),
        ("observe", "TN-Validation-Passed", None),
        ("enforce", "TN-Validation-Failed", Some("replayed")),
    ] {
        let play = Play::new(policy).await;
        let identity = play.identity();
        let call =
            |number| Invite::new(format!("replay-{policy}-{number}")).header("Identity", &identity);
        assert_eq!(play.verstat(&call(1)).await, "TN-Validation-Passed");
        assert_eq!(play.verstat(&call(2)).await, verstat, "{policy}");
        let line = line_of(&format!("replay-{policy}-2")).await;
        assert_eq!(line["fault"].as_str(), fault, "{line:#}");
        let seen = (policy != "off").then_some("other-call");
        assert_eq!(line["replay"].as_str(), seen, "{line:#}");
        let counted = play.switch.metrics.sip_events.count(["replay-seen"]);
        assert_eq!(counted, u64::from(policy != "off"));
        assert_eq!(line["covers"], "by-provider");
        assert_eq!(
            (&line["spc"], &line["matched"]),
            (&"709J".into(), &"to".into())
        );
        play.switch.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retransmission_is_no_replay_and_an_old_proof_is_stale() {
    let play = Play::new("enforce").await;
    let identity = play.identity();
    let call = Invite::new("replay-again").header("Identity", &identity);
    play.caller
        .says(call.text(&play.caller), play.switch.udp)
        .await;
    let heard = play.called.hears().await;
    play.caller
        .says(call.text(&play.caller), play.switch.udp)
        .await;
    let again = || play.switch.metrics.sip_events.count(["retransmission"]);
    until("repeated", || again() == 1).await;
    assert_eq!(heard.verstat(), Some("TN-Validation-Passed"));
    play.called.answers(&heard, "200 OK").await;
    assert_eq!(line_of("replay-again").await["verdict"], "passed");
    play.caller.hears_final().await;
    play.house.clock.advance(61);
    let late = Invite::new("replay-late").header("Identity", &identity);
    assert_eq!(play.verstat(&late).await, "TN-Validation-Failed");
    assert_eq!(line_of("replay-late").await["fault"], "iat-stale");
    play.switch.stop().await;
}
