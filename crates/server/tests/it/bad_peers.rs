//! Peers that are half there: connections with half a message, or ended in the middle, and a next hop that talks nonsense.
//!
//! ```text
//!   200 connections with half an INVITE ═══╗
//!   one byte at a time                  ───╬─► Switch ──► called, who answers with garbage first
//!   ended before the answer             ───╝
//! ```
//!
//! This test verifies that they hold up nobody, that whoever is only slow is served like all others, and that garbage ends no call.

use crate::repository::Repository;
use crate::switch::{
    Heard, House, Invite, PATIENCE, Party, Switch, connection, converse, fetching_from, hears,
    line_of, trunk, until,
};
use socket2::SockRef;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

/// Connections with half a message: most that one address may have, less those that this test needs.
const HALF_OPEN: usize = 200;

struct Line {
    house: House,
    repository: Repository,
    called: Party,
    switch: Switch,
}

impl Line {
    async fn new() -> Self {
        let (house, called) = (House::new(), Party::at(1).await);
        let repository = Repository::saying(house.chain()).await;
        let settings = trunk(2, "verify", &called, "verstat_profile = \"field\"")
            + "[verification]\ndeadline_ms = 20000\n"
            + &fetching_from(&repository);
        let switch = house.start("", &settings).await;
        Self {
            house,
            repository,
            called,
            switch,
        }
    }

    /// A call with a good proof.
    fn invite(&self, name: &str) -> Invite {
        let x5u = format!("{}/p.pem", self.repository.origin());
        Invite::new(name).header("Identity", &self.house.identity(&x5u))
    }

    /// The called side hears of it, with the right verdict, and takes it.
    async fn is_taken(&self) -> Heard {
        let heard = self.called.hears().await;
        assert_eq!(
            heard.verstat(),
            Some("TN-Validation-Passed"),
            "{}",
            heard.text
        );
        self.called.answers(&heard, "200 OK").await;
        heard
    }
}

/// Reads from a connection until a final response has come.
async fn hears_final(stream: &mut TcpStream) -> String {
    let is_enough = |heard: &str| heard.contains("SIP/2.0 200 ") && heard.ends_with("\r\n\r\n");
    hears(stream, is_enough).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_connections_hold_up_nobody() {
    let line = Line::new().await;
    let mut half_open = Vec::new();
    for number in 0..HALF_OPEN {
        let mut stream = connection(2, line.switch.tcp).await;
        let text =
            Invite::new(format!("half-{number}")).text_by("TCP", stream.local_addr().unwrap());
        let (half, _) = text.split_at(20 + number % (text.len() - 20));
        stream.write_all(half.as_bytes()).await.unwrap();
        half_open.push(stream);
    }
    // By another connection of the same peer, and by UDP.
    let mut stream = connection(2, line.switch.tcp).await;
    let text = line
        .invite("beside-half-open")
        .text_by("TCP", stream.local_addr().unwrap());
    stream.write_all(text.as_bytes()).await.unwrap();
    line.is_taken().await;
    hears_final(&mut stream).await;
    let caller = Party::at(2).await;
    let invite = line.invite("beside-half-open-udp");
    let heard = caller.calls(&invite, &line.switch, &line.called).await;
    assert_eq!(heard.verstat(), Some("TN-Validation-Passed"));
    // Those that end in the middle of a message leave nothing.
    drop(half_open);
    let mut stream = connection(2, line.switch.tcp).await;
    let options = Invite::new("after-half-open")
        .text_by("TCP", stream.local_addr().unwrap())
        .replace("INVITE sip:12025550101@b.example", "OPTIONS sip:x")
        .replace("1 INVITE", "1 OPTIONS");
    let heard = converse(&mut stream, &options, "\r\n\r\n").await;
    assert!(heard.starts_with("SIP/2.0 200 "), "{heard}");
    line.switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_byte_by_byte_is_served() {
    let line = Line::new().await;
    let mut stream = connection(2, line.switch.tcp).await;
    stream.set_nodelay(true).unwrap();
    let text = line
        .invite("byte-by-byte")
        .text_by("TCP", stream.local_addr().unwrap());
    for byte in text.as_bytes() {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    line.is_taken().await;
    hears_final(&mut stream).await;
    assert_eq!(line_of("byte-by-byte").await["verdict"], "passed");
    line.switch.stop().await;
}

// RFC 3261 §18.2.2: "If that connection is no longer open, the server SHOULD open a connection to the IP address in the "received"
// parameter, if present, using the port in the "sent-by" value".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_before_the_answer_is_called_back() {
    let line = Line::new().await;
    let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let mut stream = connection(2, line.switch.tcp).await;
    let text = line
        .invite("called-back")
        .text_by("TCP", listener.local_addr().unwrap());
    let heard = converse(&mut stream, &text, "\r\n\r\n").await;
    assert!(heard.starts_with("SIP/2.0 100 "), "{heard}");
    let asked = line.called.hears().await;
    // Gone without a word: the system says so with RST.
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(stream);
    line.called.answers(&asked, "200 OK").await;
    let accepted = tokio::time::timeout(PATIENCE, listener.accept()).await;
    let (mut stream, _) = accepted.expect("called back").unwrap();
    let heard = hears_final(&mut stream).await;
    assert!(heard.starts_with("SIP/2.0 200 "), "{heard}");
    line.switch.stop().await;
}

/// Kinds of garbage.
const GARBAGE: usize = 13;

/// Answers to a request that are none, or none of it.
fn garbage(request: &Heard) -> Vec<Vec<u8>> {
    let copied: String = request
        .text
        .split_inclusive("\r\n")
        .filter(|line| {
            let names = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
            names.iter().any(|name| line.starts_with(name))
        })
        .collect();
    let fine = format!("SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n");
    let texts = [
        fine[..fine.len() / 2].to_owned(),
        fine.replace(" INVITE\r\n", " BYE\r\n"),
        fine.replace("branch=z9hG4bK", "branch=z9hG4bKinvented"),
        fine.replace("200 OK", "777 Jackpot"),
        fine.replace("200 OK", "2000 OK"),
        fine.replace("Via:", "X-Via:"),
        fine.replace("Content-Length: 0", "Content-Length: 4000000000"),
        fine.replace("SIP/2.0 200", "SIP/7.0 200"),
        request.text.clone(),
        "\r\n\r\n\r\n".to_owned(),
        String::new(),
    ];
    let mut all: Vec<_> = texts.into_iter().map(String::into_bytes).collect();
    all.push(vec![0xff; 1_400]);
    let longer = fine.replace("Content-Length: 0", "Content-Length: 60001");
    all.push([longer.as_bytes(), &[0; 60_000]].concat());
    assert_eq!(all.len(), GARBAGE);
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_next_hop_that_answers_with_garbage_ends_no_call() {
    let line = Line::new().await;
    let caller = Party::at(2).await;
    let from: SocketAddr = line.switch.udp;
    for number in 0..GARBAGE {
        let name = format!("garbage-hop-{number}");
        let invite = line.invite(&name);
        caller.says(invite.text(&caller), line.switch.udp).await;
        let heard = line.called.hears().await;
        assert_eq!(heard.verstat(), Some("TN-Validation-Passed"));
        // One kind of garbage comes often before the answer, all others once.
        for (kind, bytes) in garbage(&heard).into_iter().enumerate() {
            let times = if kind == number { 20 } else { 1 };
            for _ in 0..times {
                line.called.says(&bytes, from).await;
            }
        }
        line.called.answers(&heard, "200 OK").await;
        assert_eq!(caller.hears_final().await.status(), Some(200), "{name}");
        assert_eq!(line_of(&name).await["status"], 200);
    }
    let stray = || {
        line.switch
            .metrics
            .sip_messages
            .count(["udp", "in", "unreadable"])
    };
    until("garbage is counted", || stray() > 0).await;
    let panicked = line.switch.metrics.sip_events.count(["shard-panicked"]);
    assert_eq!(panicked, 0);
    line.switch.stop().await;
}
