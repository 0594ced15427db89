//! Who is let in, and what of their word is passed on.
//!
//! ```text
//!   127.0.0.9  nobody's address ──► Switch        nothing, or 403
//!   127.0.0.2  a trunk, not believed ──► Switch ──► called      without its P-Asserted-Identity and verstat
//!   127.0.0.3  a trunk, believed     ──► Switch ──► called      with its P-Asserted-Identity, without its verstat
//! ```
//!
//! This test verifies that a stranger learns nothing and costs nothing, by UDP and by TCP, and that no verdict passes that we
//! have not reached.

use crate::switch::{House, Invite, Party, Switch, connection, converse, line_of, trunk, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const STRANGER: u8 = 9;

async fn switch(house: &House, sip: &str, called: &Party) -> Switch {
    let trunks = trunk(2, "verify", called, "") + &trunk(3, "verify", called, "trust_pai = true");
    house
        .start(sip, &(trunks + "[fetch]\nweb_ca_file = \"web.pem\"\n"))
        .await
}

fn options(transport: &str, party: std::net::SocketAddr) -> String {
    Invite::new("options")
        .text_by(transport, party)
        .replace("INVITE sip:12025550101@b.example", "OPTIONS sip:x")
        .replace("1 INVITE", "1 OPTIONS")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_hears_nothing() {
    let house = House::new();
    let (stranger, caller, called) = (
        Party::at(STRANGER).await,
        Party::at(2).await,
        Party::at(1).await,
    );
    let switch = switch(&house, "", &called).await;
    let refused = || switch.metrics.sip_refused.count(["unknown-source"]);
    stranger
        .says(Invite::new("stranger").text(&stranger), switch.udp)
        .await;
    stranger
        .says(options("UDP", stranger.address), switch.udp)
        .await;
    stranger.says("garbage", switch.udp).await;
    until("all three are there", || refused() == 3).await;
    let mut unknown = connection(STRANGER, switch.tcp).await;
    let mut rest = Vec::new();
    // Ended, politely or not, without a word.
    let _ = unknown.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    assert_eq!(refused(), 4);
    // Whoever is known is served meanwhile.
    caller
        .calls(&Invite::new("not-a-stranger"), &switch, &called)
        .await;
    assert!(stranger.is_silent());
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_hears_403_where_that_is_wanted() {
    let house = House::new();
    let (stranger, called) = (Party::at(STRANGER).await, Party::at(1).await);
    let switch = switch(&house, "unknown_source = \"reject\"", &called).await;
    stranger
        .says(Invite::new("forbidden").text(&stranger), switch.udp)
        .await;
    assert_eq!(stranger.hears().await.status(), Some(403));
    let mut unknown = connection(STRANGER, switch.tcp).await;
    let invite = Invite::new("forbidden-tcp").text_by("TCP", unknown.local_addr().unwrap());
    let heard = converse(&mut unknown, &invite, "\r\n\r\n").await;
    assert!(heard.starts_with("SIP/2.0 403 "), "{heard}");
    assert!(called.is_silent());
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_verdict_passes_but_ours() {
    let house = House::new();
    let called = Party::at(1).await;
    let switch = switch(&house, "", &called).await;
    for (last, asserted) in [
        (2, "<sip:12025550100;verstat=No-TN-Validation@a.example>"),
        (
            3,
            "<sip:+12025550199;verstat=No-TN-Validation@evil.example>",
        ),
    ] {
        let caller = Party::at(last).await;
        let call_id = format!("verstat-{last}");
        let call = Invite::new(&*call_id)
            .from("<sip:12025550100;verstat=TN-Validation-Passed@a.example>")
            .header(
                "P-Asserted-Identity",
                "<sip:+12025550199;verstat=TN-Validation-Passed@evil.example>",
            )
            .header(
                "P-Preferred-Identity",
                "<tel:+12025550199;verstat=TN-Validation-Passed>",
            )
            .header(
                "Remote-Party-ID",
                "<sip:12025550199@x>;verstat=TN-Validation-Passed",
            );
        let heard = caller.calls(&call, &switch, &called).await;
        assert_eq!(heard.values("P-Asserted-Identity"), [asserted]);
        assert_eq!(heard.verstat(), Some("No-TN-Validation"));
        assert_eq!(line_of(&call_id).await["verdict"], "unsigned");
    }
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invented_dialog_brings_no_verdict_either() {
    let house = House::new();
    let called = Party::at(1).await;
    let strict = "treatment = \"reject\"\nreject_not_validated = true\n";
    let stricter = format!("{strict}require_identity = true\n");
    let trunks = trunk(2, "verify", &called, "")
        + &trunk(3, "verify", &called, "trust_pai = true")
        + &trunk(4, "verify", &called, strict)
        + &trunk(5, "verify", &called, &stricter);
    let switch = house
        .start("", &(trunks + "[fetch]\nweb_ca_file = \"web.pem\"\n"))
        .await;
    let call = |last: u8| {
        Invite::new(format!("dialog-{last}"))
            .from("<sip:12025550100;verstat=TN-Validation-Passed@a.example>")
            .to("<sip:12025550101@b.example>;tag=invented")
            .header(
                "P-Asserted-Identity",
                "<sip:+12025550199;verstat=TN-Validation-Passed@evil.example>",
            )
            .header("Identity", "x.y.z;info=<https://evil.example/c.pem>")
    };
    for (last, believed) in [(2, false), (3, true), (4, false)] {
        let caller = Party::at(last).await;
        let heard = caller.calls(&call(last), &switch, &called).await;
        assert_eq!(heard.verstat(), None, "{}", heard.text);
        assert_eq!(
            heard.text.contains("12025550199"),
            believed,
            "{}",
            heard.text
        );
    }
    // Where every call needs a proof, an invented tag is none.
    let caller = Party::at(5).await;
    caller.says(call(5).text(&caller), switch.udp).await;
    let status = caller.hears_final().await.status().unwrap();
    assert!([436, 438].contains(&status), "{status}");
    assert!(called.is_silent());
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_message_of_a_known_peer_holds_up_nobody() {
    let house = House::new();
    let called = Party::at(1).await;
    let switch = switch(&house, "", &called).await;
    let mut slow = connection(2, switch.tcp).await;
    slow.write_all(b"INVITE sip:12025550101@b.example SIP/2.0\r\nVia: SIP")
        .await
        .unwrap();
    let mut quick = connection(2, switch.tcp).await;
    let invite = Invite::new("quick").text_by("TCP", quick.local_addr().unwrap());
    let trying = converse(&mut quick, &invite, "\r\n\r\n").await;
    assert!(trying.starts_with("SIP/2.0 100 "), "{trying}");
    assert!(called.hears().await.text.contains("Call-ID: quick\r\n"));
    assert_eq!(switch.metrics.sip_connections.get(["tcp"]), Some(2));
    switch.stop().await;
}
