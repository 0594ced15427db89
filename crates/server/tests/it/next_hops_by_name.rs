//! Next hops that are names.
//!
//! ```text
//!   caller ── INVITE ──► Switch ── INVITE ──► wherever the name leads
//!                          │
//!                          └── SRV, A, AAAA, beside the calls ──► NameServer of the test's making
//! ```
//!
//! This test verifies RFC 3263 §4.2 and RFC 2782, that no call and no start waits for a name, and that a name server that is late,
//! silent, brief or wrong leaves everything where it was.

use crate::name_server::{Manner, NameServer, Says};
use crate::switch::{House, Invite, Party, Switch, until};
use countersign_server::dns::locate::locate;
use countersign_server::dns::{Fault, Resolver};
use countersign_sip::location::HopSpec;
use std::time::Duration;

/// Has all the time that a busy machine may need.
fn resolver(server: &NameServer) -> Resolver {
    Resolver {
        servers: vec![server.address],
        patience: Duration::from_secs(10),
    }
}

/// Does not wait for who says nothing.
fn hasty(server: &NameServer) -> Resolver {
    Resolver {
        patience: Duration::from_millis(300),
        ..resolver(server)
    }
}

/// Where a next hop is found: priority, weight and address of each.
async fn found(server: &NameServer, spec: &str) -> Result<Vec<String>, Fault> {
    found_by(&resolver(server), spec).await
}

async fn found_by(resolver: &Resolver, spec: &str) -> Result<Vec<String>, Fault> {
    let spec = HopSpec::parse(spec).unwrap();
    let found = locate(resolver, &spec).await?;
    let show = |one: &countersign_sip::location::Located| {
        format!("{} {} {}", one.priority, one.weight, one.address)
    };
    Ok(found.addresses.iter().map(show).collect())
}

#[tokio::test]
async fn a_name_is_found_as_rfc_3263_says() {
    let server = NameServer::start().await;
    server.has(
        "_sip._udp.carrier.example",
        60,
        vec![
            Says::Service(20, 0, 5070, "b.carrier.example"),
            Says::Service(10, 60, 5060, "a.carrier.example"),
            Says::Service(10, 40, 5060, "lost.carrier.example"),
        ],
    );
    server.has(
        "_sips._tcp.carrier.example",
        60,
        vec![Says::Service(0, 0, 5061, "a.carrier.example")],
    );
    server.has(
        "_sip._tcp.carrier.example",
        60,
        vec![Says::Service(0, 0, 0, ".")],
    );
    let both = vec![Says::at("192.0.2.1"), Says::at("2001:db8::1")];
    server.has("a.carrier.example", 60, both);
    server.has("b.carrier.example", 60, vec![Says::at("192.0.2.2")]);
    server.has("alias.example", 60, vec![Says::Alias("b.carrier.example")]);
    let expect = async |spec: &str, expected: &[&str]| {
        assert_eq!(found(&server, spec).await.unwrap(), expected, "{spec}");
    };
    let by_srv = [
        "10 60 192.0.2.1:5060",
        "10 60 [2001:db8::1]:5060",
        "20 0 192.0.2.2:5070",
    ];
    expect("udp:carrier.example", &by_srv).await;
    expect(
        "tls:carrier.example",
        &["0 0 192.0.2.1:5061", "0 0 [2001:db8::1]:5061"],
    )
    .await;
    expect("udp:b.carrier.example:5080", &["0 0 192.0.2.2:5080"]).await;
    expect("tls:b.carrier.example", &["0 0 192.0.2.2:5061"]).await;
    expect("udp:alias.example", &["0 0 192.0.2.2:5060"]).await;
    expect("udp:192.0.2.7", &["0 0 192.0.2.7:5060"]).await;
    let nowhere = found(&server, "tcp:carrier.example").await;
    assert_eq!(nowhere, Err(Fault::NoSuchName), "decidedly not available");
    assert_eq!(
        server.was_asked_for("_sip._udp.b.carrier.example"),
        0,
        "it has a port"
    );
    assert_eq!(
        found(&server, "udp:lost.example").await,
        Err(Fault::NoSuchName)
    );
}

#[tokio::test]
async fn a_name_server_of_bad_manners_is_told_apart() {
    let server = NameServer::start().await;
    server.has("sbc.example", 60, vec![Says::at("192.0.2.1")]);
    let here = Ok(vec!["0 0 192.0.2.1:5060".to_owned()]);
    for (manner, expected) in [
        (Manner::Answers, here.clone()),
        (Manner::Truncates, here.clone()),
        (Manner::SpeaksToOthers, here.clone()),
        (Manner::Late(Duration::from_millis(20)), here),
        (Manner::Late(Duration::from_secs(5)), Err(Fault::Silent)),
        (Manner::Silent, Err(Fault::Silent)),
        (Manner::Garbage, Err(Fault::Malformed)),
        (Manner::Refuses, Err(Fault::ServerFailure)),
    ] {
        server.behaves(manner);
        let resolver = match expected {
            Err(Fault::Silent) => hasty(&server),
            _ => resolver(&server),
        };
        let found = found_by(&resolver, "udp:sbc.example:5060").await;
        assert_eq!(found, expected, "{manner:?}");
    }
    server.behaves(Manner::Refuses);
    let found = found(&server, "udp:sbc.example").await;
    assert_eq!(found, Err(Fault::ServerFailure), "there may be SRV records");
}

#[tokio::test]
async fn the_next_server_is_asked_where_the_first_is_silent() {
    let (silent, server) = (NameServer::start().await, NameServer::start().await);
    silent.behaves(Manner::Silent);
    server.has("sbc.example", 60, vec![Says::at("192.0.2.1")]);
    let mut resolver = resolver(&silent);
    resolver.patience = Duration::from_secs(2);
    resolver.servers.push(server.address);
    let spec = HopSpec::parse("udp:sbc.example:5060").unwrap();
    assert!(locate(&resolver, &spec).await.is_ok());
}

fn trunk(next_hops: &str) -> String {
    format!("[[trunks]]\nname = \"t\"\naddresses = [\"127.0.0.2\"]\nnext_hops = [{next_hops}]\n")
}

fn lookups(switch: &Switch, outcome: &'static str) -> u64 {
    switch.metrics.next_hops.lookups.count([outcome])
}

/// Who of two gets a call; it is rejected, which settles it.
async fn place(switch: &Switch, call_id: &str, called: [&Party; 2]) -> usize {
    let caller = Party::at(2).await;
    caller
        .says(Invite::new(call_id).text(&caller), switch.udp)
        .await;
    let (place, heard) = tokio::select! {
        heard = called[0].hears() => (0, heard),
        heard = called[1].hears() => (1, heard),
    };
    called[place].answers(&heard, "486 Busy Here").await;
    assert!(called[place].hears().await.text.starts_with("ACK "));
    assert_eq!(caller.hears_final().await.status(), Some(486));
    place
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_follow_a_name_that_moves_and_stay_where_it_was_lost() {
    let (server, house) = (NameServer::start().await, House::new());
    let called = [&Party::at(1).await, &Party::at(1).await];
    let service = |party: &Party| {
        let port = party.address.port();
        vec![Says::Service(0, 0, port, "host.example")]
    };
    server.has("_sip._udp.moving.example", 0, service(called[0]));
    server.has(
        "host.example",
        0,
        vec![Says::at("127.0.0.1"), Says::at("::1")],
    );
    let hops = trunk("\"udp:moving.example\"");
    let switch = house.start(&server.setting(), &hops).await;
    assert_eq!(
        place(&switch, "named-1", called).await,
        0,
        "found before it was ready"
    );

    server.has("_sip._udp.moving.example", 0, service(called[1]));
    let before = lookups(&switch, "ok");
    until("it was asked again", || lookups(&switch, "ok") > before + 1).await;
    assert_eq!(place(&switch, "named-2", called).await, 1);

    server.forgets("_sip._udp.moving.example");
    server.forgets("host.example");
    until("it is lost", || lookups(&switch, "no-such-name") > 0).await;
    assert_eq!(place(&switch, "named-3", called).await, 1, "where it was");

    house.configure(&server.setting(), &hops.replace("\"t\"", "\"other\""));
    switch.reload().await;
    assert_eq!(
        place(&switch, "named-4", called).await,
        1,
        "also after a reload"
    );
    let told = switch.metrics.render();
    let line = "countersign_next_hop_addresses{next_hop=\"udp:moving.example\"} 2";
    assert!(told.lines().any(|found| found == line), "{told}");

    server.has("new.example", 0, vec![Says::at("127.0.0.1")]);
    let port = called[0].address.port();
    let new = trunk(&format!("\"udp:new.example:{port}\""));
    house.configure(&server.setting(), &new);
    switch.reload().await;
    assert_eq!(
        place(&switch, "named-5", called).await,
        0,
        "a new name is found before it is needed"
    );
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_name_that_cannot_be_looked_up() {
    let (server, house) = (NameServer::start().await, House::new());
    server.behaves(Manner::Silent);
    let called = [&Party::at(1).await, &Party::at(1).await];
    let hops = format!("\"udp:lost.example\", \"udp:{}\"", called[1].address);
    let switch = house.start(&server.setting(), &trunk(&hops)).await;
    assert_eq!(place(&switch, "unnamed-1", called).await, 1);
    house.configure(&server.setting(), &trunk("\"udp:lost.example\""));
    switch.reload().await;
    let caller = Party::at(2).await;
    caller
        .says(Invite::new("unnamed-2").text(&caller), switch.udp)
        .await;
    assert_eq!(caller.hears_final().await.status(), Some(503));
    switch.stop().await;
}
