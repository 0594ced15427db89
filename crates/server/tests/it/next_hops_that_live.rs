//! Next hops that are asked whether they live.
//!
//! ```text
//!   caller ── INVITE ──► Switch ── OPTIONS ──► first     (down after two silences, back with one answer)
//!                               ── OPTIONS ──► second
//! ```
//!
//! This test verifies that a call does not wait for a hop that a probe found silent, whichever shard carries it, that all that is
//! known is told in the metrics, and that a hop is never left out for good.

use crate::switch::{Heard, House, Invite, Party, Switch, until};

const PROBED: &str = "probe_interval_s = 1\nprobe_timeout_ms = 300\nprobe_failures = 2\n";

fn trunk(first: &Party, second: &Party) -> String {
    format!(
        "[[trunks]]\nname = \"t\"\naddresses = [\"127.0.0.2\"]\n{PROBED}next_hops = [\"udp:{}\", \"udp:{}\"]\n",
        first.address, second.address
    )
}

/// The next request that is no OPTIONS and no ACK; OPTIONS are answered with this status, if with any.
async fn hears_call(party: &Party, status: Option<&str>) -> Heard {
    loop {
        let heard = party.hears().await;
        match (heard.text.starts_with("OPTIONS "), status) {
            (true, Some(status)) => party.answers(&heard, status).await,
            (true, None) => {}
            (false, _) if heard.text.starts_with("ACK ") => {}
            (false, _) => return heard,
        }
    }
}

/// Who of two gets a call, each answering OPTIONS as told.
async fn place(switch: &Switch, call_id: &str, parties: [(&Party, Option<&str>); 2]) -> usize {
    let caller = Party::at(2).await;
    caller
        .says(Invite::new(call_id).text(&caller), switch.udp)
        .await;
    let (place, heard) = tokio::select! {
        heard = hears_call(parties[0].0, parties[0].1) => (0, heard),
        heard = hears_call(parties[1].0, parties[1].1) => (1, heard),
    };
    parties[place].0.answers(&heard, "486 Busy Here").await;
    assert_eq!(caller.hears_final().await.status(), Some(486));
    place
}

fn health(switch: &Switch, party: &Party) -> Option<i64> {
    let hop = format!("udp:{}", party.address);
    switch.metrics.next_hops.up.get([&hop])
}

/// Both answer OPTIONS as told, until the first has this health.
async fn becomes(switch: &Switch, wanted: i64, parties: [(&Party, Option<&str>); 2]) {
    let never = async {
        tokio::join!(
            hears_call(parties[0].0, parties[0].1),
            hears_call(parties[1].0, parties[1].1)
        )
    };
    tokio::select! {
        () = until("its health is another", || health(switch, parties[0].0) == Some(wanted)) => {}
        calls = never => panic!("nobody called: {calls:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_round_a_hop_that_a_probe_found_silent_until_it_answers() {
    let house = House::new();
    let (first, second) = (Party::at(1).await, Party::at(1).await);
    let switch = house.start("", &trunk(&first, &second)).await;
    let (fine, busy) = (Some("200 OK"), Some("503 Service Unavailable"));
    let silent = [(&first, None), (&second, fine)];
    becomes(&switch, 0, silent).await;
    for number in 0..8 {
        let call_id = format!("probed-silent-{number}");
        assert_eq!(place(&switch, &call_id, silent).await, 1);
    }
    let back = [(&first, Some("404 Not Found")), (&second, fine)];
    becomes(&switch, 1, back).await;
    assert_eq!(
        place(&switch, "probed-back", back).await,
        0,
        "any answer will do"
    );
    let full = [(&first, busy), (&second, fine)];
    becomes(&switch, 0, full).await;
    assert_eq!(place(&switch, "probed-full", full).await, 1);
    let told = switch.metrics.render();
    for line in [
        format!(
            "countersign_next_hop_up{{next_hop=\"udp:{}\"}} 0",
            first.address
        ),
        format!(
            "countersign_next_hop_up{{next_hop=\"udp:{}\"}} 1",
            second.address
        ),
    ] {
        assert!(told.lines().any(|found| found == line), "{line}\n{told}");
    }
    let probes = &switch.metrics.next_hops.probes;
    for outcome in ["answered", "refused", "silent"] {
        let hop = format!("udp:{}", first.address);
        assert!(probes.count([&hop, outcome]) > 0, "{outcome}");
    }
    assert_eq!(switch.metrics.sip_refused.count(["stray-response"]), 0);
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_down_is_still_better_than_nobody() {
    let house = House::new();
    let (first, second) = (Party::at(1).await, Party::at(1).await);
    let switch = house.start("", &trunk(&first, &second)).await;
    let both = [(&first, None), (&second, None)];
    becomes(&switch, 0, both).await;
    until("both are down", || health(&switch, &second) == Some(0)).await;
    assert_eq!(place(&switch, "probed-down", both).await, 0);
    let unprobed = trunk(&first, &second).replace(PROBED, "");
    house.configure("", &unprobed);
    switch.reload().await;
    until("nobody is asked", || health(&switch, &first).is_none()).await;
    switch.stop().await;
}
