//! Threads that break, and a server that ends while they are busy.

use super::*;
use crate::sip::stage::{Stage, address, heard, invite, socket, until};
use countersign_sip::trunk::{Role, SentBy};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

fn start(stage: &Stage) -> (SipServer, SocketAddr, SocketAddr) {
    let anywhere = ["127.0.0.1:0".parse().unwrap()];
    let _inside = stage.runtime.enter();
    let sockets = Sockets::bind(&anywhere, &anywhere, &[], None).unwrap();
    let [(Transport::Udp, udp), (Transport::Tcp, tcp)] = sockets.addresses()[..] else {
        panic!("{:?}", sockets.addresses())
    };
    let options = Options::new(SentBy::from(udp), [7; 16]);
    let server = SipServer::start(sockets, 1, &options, stage.services.clone()).unwrap();
    (server, udp, tcp)
}

fn place(caller: &UdpSocket, server: SocketAddr, call_id: &str) {
    let text = invite(address(caller), call_id, "");
    caller.send_to(text.as_bytes(), server).unwrap();
}

fn branch(request: &str) -> &str {
    let (_, rest) = request.split_once("branch=").unwrap();
    rest.split("\r\n").next().unwrap()
}

#[test]
fn a_shard_that_panics_begins_anew() {
    let stage = Stage::new(Role::None, |_| {});
    let (server, udp, _) = start(&stage);
    let caller = socket();
    place(&caller, udp, "first");
    assert!(heard(&caller).starts_with("SIP/2.0 100 "));
    let first = heard(&stage.called);
    stage.clock.break_once();
    let events = &stage.services.metrics.sip_events;
    until("told", || events.count(["shard-panicked"]) == 1);
    place(&caller, udp, "first");
    assert!(heard(&caller).starts_with("SIP/2.0 100 "));
    let second = heard(&stage.called);
    assert_ne!(branch(&first), branch(&second), "no branch is used twice");
    drop(server);
}

#[test]
fn a_server_ends_even_if_its_queues_are_full() {
    let stage = Stage::new(Role::None, |_| {});
    let (server, _, tcp) = start(&stage);
    for _ in 0..2 * QUEUE {
        let _ = server.shards[0].try_send(Event::Stop);
    }
    let begun = Instant::now();
    drop(server);
    assert!(begun.elapsed() < Duration::from_secs(10));
    until("deaf", || std::net::TcpStream::connect(tcp).is_err());
}

#[test]
fn a_listener_of_every_family_has_its_own_socket() {
    let stage = Stage::new(Role::None, |_| {});
    let _inside = stage.runtime.enter();
    // Somebody else may have the port in another family or by another transport: then another port.
    let (four, bound) = (0..100)
        .find_map(|_| {
            let probe = Sockets::bind(&["0.0.0.0:0".parse().unwrap()], &[], &[], None).unwrap();
            let port = probe.addresses()[0].1.port();
            drop(probe);
            let four = SocketAddr::from(([0, 0, 0, 0], port));
            let six = SocketAddr::from(([0_u16; 8], port));
            Some((
                four,
                Sockets::bind(&[four, six], &[four, six], &[], None).ok()?,
            ))
        })
        .expect("a port for all four");
    assert_eq!(bound.addresses().len(), 4);
    let (taken, _) = Sockets::bind(&[], &[four], &[], None).err().unwrap();
    assert_eq!(taken, four);
}
