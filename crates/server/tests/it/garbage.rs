//! Whatever comes, the server stands.
//!
//! ```text
//!   RFC 4475 and RFC 5118, as they are and mangled ──► UDP ┐
//!                                                  ──► TCP ┴► Switch ──► OPTIONS is answered, calls are carried
//! ```
//!
//! This test verifies that no datagram and no stream of a known peer ends a thread, a listener or anybody else's call. What each
//! message is worth is told elsewhere (`rfc4475` and `rfc5118` of the SIP crate); here only survival counts.

use crate::repository::Repository;
use crate::switch::{
    House, Invite, PATIENCE, Party, Switch, connection, converse, fetching_from, trunk,
};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Mangled copies of each message by UDP; by TCP, where each costs a connection, fewer.
const DATAGRAMS_EACH: u32 = 150;
const STREAMS_EACH: u32 = 8;

/// The torture messages of both documents.
fn messages() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-data/sip");
    let mut paths: Vec<_> = ["rfc4475", "rfc5118"]
        .iter()
        .flat_map(|name| std::fs::read_dir(directory.join(name)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 61, "{}", paths.len());
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Numbers without luck: the same at every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64: G. Marsaglia, "Xorshift RNGs", 2003.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }

    /// A message with a few things wrong.
    fn mangled(&mut self, message: &[u8], other: &[u8]) -> Vec<u8> {
        const PIECES: [&[u8]; 8] = [
            b"\r\n",
            b"\n",
            b"\r\n\r\n",
            b"\0",
            b";",
            b"<",
            b"Content-Length: 99999999999\r\n",
            b"\xff\xfe",
        ];
        let mut bytes = message.to_vec();
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len());
            match self.roll(5) {
                0 => bytes[at] ^= 1 << self.roll(8),
                1 => bytes.truncate(at.max(1)),
                2 => drop(bytes.splice(at..at, PIECES[self.roll(8)].iter().copied())),
                3 => drop(bytes.drain(at..(at + self.roll(40)).min(bytes.len()))),
                _ => drop(bytes.splice(at.., other[self.roll(other.len())..].iter().copied())),
            }
            if bytes.is_empty() {
                bytes.push(b'x');
            }
        }
        bytes.truncate(60_000);
        bytes
    }
}

fn options(transport: &str, party: SocketAddr) -> String {
    Invite::new("options")
        .uri("sip:us")
        .text_by(transport, party)
        .replace("INVITE sip:us", "OPTIONS sip:127.0.0.1")
        .replace("1 INVITE", "1 OPTIONS")
}

async fn switch(house: &House, repository: &Repository, called: &Party) -> Switch {
    let trunks = trunk(
        2,
        "both",
        called,
        "tenant = \"provider\"\nexisting_identity = \"add\"",
    );
    let tenant = crate::switch::TENANT.replace("[fetch]\nweb_ca_file = \"web.pem\"\n", "");
    house
        .start("", &(trunks + &tenant + &fetching_from(repository)))
        .await
}

/// Everything still works: by both transports, and as if nothing had been.
async fn stands(switch: &Switch) {
    let party = Party::at(2).await;
    let request =
        options("UDP", party.address).replace("127.0.0.1 SIP", &format!("{} SIP", switch.udp));
    let limit = Instant::now() + PATIENCE;
    loop {
        // What was sent before may still fill its queue; a datagram may be lost.
        party.says(&request, switch.udp).await;
        let heard = tokio::time::timeout(Duration::from_millis(500), party.hears()).await;
        if heard.is_ok_and(|heard| heard.status() == Some(200)) {
            break;
        }
        assert!(Instant::now() < limit, "OPTIONS is not answered");
    }
    let mut stream = connection(2, switch.tcp).await;
    let request = options("TCP", stream.local_addr().unwrap());
    let request = request.replace("127.0.0.1 SIP", &format!("{} SIP", switch.tcp));
    let heard = converse(&mut stream, &request, "\r\n\r\n").await;
    assert!(heard.starts_with("SIP/2.0 200 "), "{heard}");
    let panicked = switch.metrics.sip_events.count(["shard-panicked"]);
    assert_eq!(panicked, 0, "a shard had to begin anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_datagram_ends_anything() {
    let (house, called) = (House::new(), Party::at(1).await);
    let repository = Repository::saying(house.chain()).await;
    let switch = switch(&house, &repository, &called).await;
    let (messages, mut dice) = (messages(), Dice(0x5eed));
    for message in &messages {
        let caller = Party::at(2).await;
        caller.says(message, switch.udp).await;
        for _ in 0..DATAGRAMS_EACH {
            let other = &messages[dice.roll(messages.len())];
            caller.says(dice.mangled(message, other), switch.udp).await;
        }
    }
    stands(&switch).await;
    let came = |kind| switch.metrics.sip_messages.count(["udp", "in", kind]);
    let came = came("request") + came("response") + came("unreadable");
    let sent = messages.len() as u64 * u64::from(DATAGRAMS_EACH);
    assert!(came > sent / 2, "{came} of {sent} were looked at");
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_stream_ends_anything() {
    let (house, called) = (House::new(), Party::at(1).await);
    let repository = Repository::saying(house.chain()).await;
    let switch = switch(&house, &repository, &called).await;
    let (messages, mut dice) = (messages(), Dice(0x7c9));
    for message in &messages {
        for copy in 0..=STREAMS_EACH {
            let other = &messages[dice.roll(messages.len())];
            let bytes = match copy {
                0 => message.clone(),
                _ => dice.mangled(message, other),
            };
            let mut stream = connection(2, switch.tcp).await;
            let (first, second) = bytes.split_at(dice.roll(bytes.len()));
            // We may be hung up on in the middle.
            let _ = stream.write_all(first).await;
            let _ = stream.write_all(second).await;
            if copy % 2 == 0 {
                let _ = stream.shutdown().await;
                let _ = tokio::time::timeout(Duration::from_millis(1), stream.read(&mut [0; 512]))
                    .await;
            }
        }
    }
    stands(&switch).await;
    switch.stop().await;
}
