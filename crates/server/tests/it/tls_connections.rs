//! Connections with TLS, one by one: who is known, which are used again, which end.
//!
//! ```text
//!     peer, a.example ══ TLS ══► connections of ours ══ TLS ══► peer, b.example
//!                                  │
//!                                  └─► a sink that keeps what it is told
//! ```
//!
//! This test verifies that all that comes on a connection carries the names that its peer has proven; that requests leave by a
//! connection that is there already only where its peer has proven to be whom they are for (RFC 5923); that nobody who is slow,
//! silent or not who they should be holds anything up; and what becomes of a connection whose certificate is replaced or ends.

use crate::peers::{Domain, Domains, free_address};
use crate::provider;
use bytes::Bytes;
use countersign::time::{Now, Ticks};
use countersign_server::clock::Clock;
use countersign_server::sip::secure::Secure;
use countersign_server::sip::tcp::{Limits, Tcp};
use countersign_server::sip::{
    Admission, Life, Peer, Receipt, Refusal, Sink, Taken, Unsent, Waiting,
};
use countersign_server::tls;
use countersign_server::tls::server::{Clients, Protocol};
use countersign_sip::element::{Element, Input, Options, Output, Sender};
use countersign_sip::flow::{Flow, Target, Transport};
use countersign_sip::message::{Framing, Message};
use countersign_sip::stream::Piece;
use countersign_sip::trunk::{NextHop, SentBy, Trunk};
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);
/// A time that nothing here takes.
const LONG: Duration = Duration::from_secs(60);

/// The system's time, and some days.
#[derive(Default)]
struct Days(AtomicI64);

impl Clock for Days {
    fn now(&self) -> Now {
        let ahead = self.0.load(Ordering::SeqCst) * 24 * 3_600;
        Now {
            unix: provider::now().saturating_add(ahead),
            ticks: Ticks::default(),
        }
    }
}

#[derive(Default)]
struct Kept {
    pieces: Mutex<Vec<Peer>>,
    refused: Mutex<Vec<Refusal>>,
    unsent: Mutex<Vec<Unsent>>,
    open: AtomicUsize,
}

impl Sink for Kept {
    fn admits(&self, _: &Peer) -> Admission {
        Admission::Known
    }

    fn might_admit(&self, _: &Flow) -> bool {
        true
    }

    fn refused(&self, why: Refusal) {
        self.refused.lock().unwrap().push(why);
    }

    fn connections(&self, open: [(Transport, usize); 2]) {
        let open = open.iter().map(|(_, open)| open).sum();
        self.open.store(open, Ordering::SeqCst);
    }

    fn datagram(&self, _: Flow, _: Bytes) {}

    fn piece(&self, peer: &Peer, _: Piece) -> Taken {
        self.pieces.lock().unwrap().push(peer.clone());
        Taken::Yes
    }

    fn again(&self, _: Waiting) -> Taken {
        Taken::Yes
    }

    fn sent(&self, _: &Flow, _: &Bytes) {}

    fn unsent(&self, _: Transport, why: Unsent, _: Option<Receipt>) {
        self.unsent.lock().unwrap().push(why);
    }
}

struct Bench {
    domains: Domains,
    clock: Arc<Days>,
    secure: Arc<Secure>,
    sink: Arc<Kept>,
    tcp: Tcp,
    address: SocketAddr,
}

impl Bench {
    /// We are `us.example`, and ask everybody who they are.
    async fn new(change: impl FnOnce(&mut Limits)) -> Self {
        let domains = Domains::new();
        let clock = Arc::<Days>::default();
        let secure = Arc::new(Secure::new(clock.clone()));
        let sink = Arc::<Kept>::default();
        let mut limits = Limits {
            connect: LONG,
            handshake: LONG,
            idle: LONG,
            ..Limits::default()
        };
        change(&mut limits);
        let runtime = tokio::runtime::Handle::current();
        let tcp = Tcp::new(sink.clone(), runtime, limits, secure.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tcp.listen(listener, Transport::Tls);
        let bench = Self {
            domains,
            clock,
            secure,
            sink,
            tcp,
            address,
        };
        bench.is(&bench.domains.domain("us.example"));
        bench
    }

    /// From now on we are this domain.
    fn is(&self, domain: &Domain) {
        let (credential, roots) = (domain.credential(), self.domains.roots());
        let clients = Clients::Optional(roots.clone());
        let listeners = tls::server::config(&credential, &clients, Protocol::Sip).unwrap();
        let hops = tls::client::config(roots, Some(&credential)).unwrap();
        self.secure.replace(Some(listeners), Some(hops));
    }

    /// Somebody connects to us.
    async fn connection(&self, who: Option<&Domain>) -> TlsStream<TcpStream> {
        let credential = who.map(Domain::credential);
        let config = tls::client::config(self.domains.roots(), credential.as_ref()).unwrap();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("us.example").unwrap();
        let shaken = TlsConnector::from(config).connect(name, stream);
        shaken.await.unwrap().into()
    }

    fn send(&self, remote: SocketAddr, name: Option<&str>, text: &'static str) {
        let target = Target {
            transport: Transport::Tls,
            remote,
            name: name.map(Arc::from),
            local: None,
            connection: None,
        };
        let receipt = Receipt {
            shard: 0,
            life: Life(0),
            by: sender(),
            target: target.clone(),
        };
        let bytes = Bytes::from_static(text.as_bytes());
        self.tcp.send(target, bytes, Some(receipt));
    }

    async fn pieces(&self, count: usize) -> Vec<Peer> {
        until("came", || self.sink.pieces.lock().unwrap().len() >= count).await;
        self.sink.pieces.lock().unwrap().clone()
    }

    async fn unsent(&self, why: Unsent) {
        until("told", || *self.sink.unsent.lock().unwrap() == [why]).await;
    }

    async fn refused(&self, why: Refusal) {
        until("told", || *self.sink.refused.lock().unwrap() == [why]).await;
    }
}

/// What an element calls itself when it sends a request: only it can make one.
fn sender() -> Sender {
    let here: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let trunk = Trunk::new("t", vec![NextHop::new(Transport::Tcp, here)]);
    let flow = Flow {
        transport: Transport::Tcp,
        local: here,
        remote: here,
        connection: None,
    };
    let text = options(here, "").replace("OPTIONS", "MESSAGE");
    let input = Input::Received {
        flow,
        message: Message::parse(text.into(), Framing::Stream).unwrap(),
        trunk: Some(Arc::new(trunk)),
    };
    let options = Options::new(SentBy::new("us.example", None).unwrap(), [7; 16]);
    let mut out = Vec::new();
    Element::new(options).handle(input, Now::default(), &mut out);
    let by = out.into_iter().find_map(|output| match output {
        Output::Send { by, .. } => by,
        _ => None,
    });
    by.expect("the request")
}

fn options(sent_by: SocketAddr, parameter: &str) -> String {
    format!(
        "OPTIONS sip:us.example SIP/2.0\r\nVia: SIP/2.0/TLS {sent_by};branch=z9hG4bKtls{parameter}\r\nMax-Forwards: 70\r\n\
         From: <sip:a.example>;tag=1\r\nTo: <sip:us.example>\r\nCall-ID: tls-connections\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < limit, "not {what}");
        sleep(Duration::from_millis(2)).await;
    }
}

async fn read(stream: &mut TlsStream<TcpStream>, length: usize) -> String {
    let mut bytes = vec![0; length];
    let read = timeout(PATIENCE, stream.read_exact(&mut bytes)).await;
    read.expect("in time").unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Whether the other side ends the connection, politely or not.
async fn ends(stream: &mut (impl AsyncReadExt + Unpin)) {
    let mut rest = Vec::new();
    let ended = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "it does not end");
}

/// Somebody who listens, with this certificate.
struct Neighbour {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Neighbour {
    async fn new(domain: &Domain) -> Self {
        let asked = Clients::NotAsked;
        let config = tls::server::config(&domain.credential(), &asked, Protocol::Sip);
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            acceptor: TlsAcceptor::from(config.unwrap()),
        }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    async fn accepts(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let accepted = timeout(PATIENCE, self.listener.accept()).await;
        let (stream, _) = accepted.expect("a connection")?;
        self.acceptor.accept(stream).await.map(TlsStream::Server)
    }
}

#[tokio::test]
async fn everything_that_comes_on_a_connection_shares_what_its_peer_has_proven() {
    let bench = Bench::new(|_| {}).await;
    let domain = bench.domains.domain("a.example");
    let mut stream = bench.connection(Some(&domain)).await;
    let text = options("127.0.0.1:5061".parse().unwrap(), "");
    stream.write_all(text.repeat(2).as_bytes()).await.unwrap();
    let pieces = bench.pieces(2).await;
    assert_eq!(*pieces[0].identities, ["a.example".into()]);
    assert!(Arc::ptr_eq(&pieces[0].identities, &pieces[1].identities));
    assert_eq!(pieces[0].flow.transport, Transport::Tls);
    // RFC 5626 §4.4.1, inside TLS.
    stream.write_all(b"\r\n\r\n").await.unwrap();
    assert_eq!(read(&mut stream, 2).await, "\r\n");
    let mut nobody = bench.connection(None).await;
    nobody.write_all(text.as_bytes()).await.unwrap();
    assert!(bench.pieces(3).await[2].identities.is_empty());
}

#[tokio::test]
async fn requests_to_one_name_share_a_connection_and_two_names_do_not() {
    let bench = Bench::new(|_| {}).await;
    let names = "subjectAltName = DNS:b.example, DNS:c.example";
    let neighbour = Neighbour::new(&bench.domains.issue("both", names, 9)).await;
    bench.send(neighbour.address(), Some("b.example"), "one");
    bench.send(neighbour.address(), Some("b.example"), "two");
    let mut first = neighbour.accepts().await.unwrap();
    assert_eq!(read(&mut first, 6).await, "onetwo");
    bench.send(neighbour.address(), Some("c.example"), "three");
    let mut second = neighbour.accepts().await.unwrap();
    assert_eq!(read(&mut second, 5).await, "three");
    bench.send(neighbour.address(), Some("b.example"), "four");
    assert_eq!(read(&mut first, 4).await, "four");
    // What comes back on it comes from whom we looked for.
    let text = options(neighbour.address(), "");
    first.write_all(text.as_bytes()).await.unwrap();
    let names = ["b.example", "c.example"].map(Box::from);
    assert_eq!(*bench.pieces(1).await[0].identities, names);
    assert!(bench.sink.unsent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn requests_go_back_on_a_connection_whose_peer_asks_for_it_and_has_proven_its_name() {
    for (who, parameter, wanted, comes_back) in [
        (Some("a.example"), ";alias", "A.example", true),
        (Some("a.example"), "", "a.example", false),
        (Some("a.example"), ";alias", "b.example", false),
        (None, ";alias", "a.example", false),
    ] {
        let bench = Bench::new(|_| {}).await;
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sent_by = elsewhere.local_addr().unwrap();
        let who = who.map(|name| bench.domains.domain(name));
        let mut stream = bench.connection(who.as_ref()).await;
        let text = options(sent_by, parameter);
        stream.write_all(text.as_bytes()).await.unwrap();
        bench.pieces(1).await;
        let wanted = wanted.to_ascii_lowercase();
        bench.send(sent_by, Some(&wanted), "back");
        if comes_back {
            assert_eq!(read(&mut stream, 4).await, "back");
        } else {
            let accepted = timeout(PATIENCE, elsewhere.accept()).await;
            assert!(accepted.is_ok(), "{who:?} {parameter} {wanted}");
        }
    }
}

#[tokio::test]
async fn a_next_hop_that_is_not_who_it_should_be_is_told_at_once() {
    let strangers = Domains::new();
    for (name, wanted, why) in [
        ("b.example", "c.example", Unsent::WrongName),
        ("stranger", "b.example", Unsent::NoHandshake),
    ] {
        let bench = Bench::new(|_| {}).await;
        let by = match name {
            "stranger" => &strangers,
            _ => &bench.domains,
        };
        let neighbour = Neighbour::new(&by.domain("b.example")).await;
        bench.send(neighbour.address(), Some(wanted), "never");
        assert!(neighbour.accepts().await.is_err(), "we hang up");
        bench.unsent(why).await;
    }
}

#[tokio::test]
async fn a_next_hop_that_never_shakes_hands_has_its_time() {
    let bench = Bench::new(|limits| limits.handshake = Duration::from_millis(100)).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    bench.send(silent.local_addr().unwrap(), None, "never");
    bench.unsent(Unsent::NoHandshake).await;
    let nobody = Bench::new(|_| {}).await;
    nobody.send(free_address(), None, "never");
    nobody.unsent(Unsent::NoConnection).await;
}

#[tokio::test]
async fn who_never_shakes_hands_takes_nobodys_place() {
    let bench = Bench::new(|limits| {
        limits.handshakes = 2;
        limits.handshake = Duration::from_secs(3);
    })
    .await;
    let domain = bench.domains.domain("a.example");
    let mut known = bench.connection(Some(&domain)).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(TcpStream::connect(bench.address).await.unwrap());
    }
    bench.refused(Refusal::ConnectionLimit).await;
    // Who has proven something is not held up by them.
    known.write_all(b"\r\n\r\n").await.unwrap();
    assert_eq!(read(&mut known, 2).await, "\r\n");
    for stream in &mut silent {
        ends(stream).await;
    }
    until("told", || {
        let refused = bench.sink.refused.lock().unwrap();
        refused[1..] == [Refusal::Handshake; 2]
    })
    .await;
    bench.connection(Some(&domain)).await;
    // What is no TLS ends at once, however patient we are.
    let patient = Bench::new(|_| {}).await;
    let mut plain = TcpStream::connect(patient.address).await.unwrap();
    let text = options(patient.address, "");
    plain.write_all(text.as_bytes()).await.unwrap();
    ends(&mut plain).await;
    patient.refused(Refusal::Handshake).await;
}

#[tokio::test]
async fn a_request_that_nobody_may_have_read_is_told() {
    let bench = Bench::new(|_| {}).await;
    let neighbour = Neighbour::new(&bench.domains.domain("b.example")).await;
    bench.send(neighbour.address(), Some("b.example"), "lost");
    let mut stream = neighbour.accepts().await.unwrap();
    assert_eq!(read(&mut stream, 4).await, "lost");
    assert!(bench.sink.unsent.lock().unwrap().is_empty());
    drop(stream);
    bench.unsent(Unsent::ConnectionEnded).await;
    // The next one gets a connection of its own.
    bench.send(neighbour.address(), Some("b.example"), "new");
    assert_eq!(
        read(&mut neighbour.accepts().await.unwrap(), 3).await,
        "new"
    );
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections() {
    let bench = Bench::new(|_| {}).await;
    let domain = bench.domains.domain("a.example");
    let mut before = bench.connection(Some(&domain)).await;
    let shown = |stream: &TlsStream<TcpStream>| {
        let (_, session) = stream.get_ref();
        session.peer_certificates().unwrap()[0].clone()
    };
    bench.is(&bench.domains.domain("us.example"));
    let after = bench.connection(Some(&domain)).await;
    assert_ne!(shown(&before), shown(&after));
    before.write_all(b"\r\n\r\n").await.unwrap();
    assert_eq!(read(&mut before, 2).await, "\r\n");
    // And none at all is for nobody.
    bench.secure.replace(None, None);
    let mut refused = TcpStream::connect(bench.address).await.unwrap();
    ends(&mut refused).await;
    bench.refused(Refusal::Handshake).await;
}

#[tokio::test]
async fn a_connection_ends_with_the_certificate_of_its_peer() {
    let bench = Bench::new(|limits| limits.certificate_check = Duration::from_millis(10)).await;
    let domain = bench.domains.domain("a.example");
    let mut known = bench.connection(Some(&domain)).await;
    let mut nobody = bench.connection(None).await;
    until("open", || bench.sink.open.load(Ordering::SeqCst) == 2).await;
    bench.clock.0.store(8, Ordering::SeqCst);
    sleep(Duration::from_millis(50)).await;
    known.write_all(b"\r\n\r\n").await.unwrap();
    assert_eq!(read(&mut known, 2).await, "\r\n", "it has a day left");
    bench.clock.0.store(10, Ordering::SeqCst);
    ends(&mut known).await;
    bench.refused(Refusal::CertificateEnded).await;
    nobody.write_all(b"\r\n\r\n").await.unwrap();
    assert_eq!(read(&mut nobody, 2).await, "\r\n", "nothing was proven");
}

#[tokio::test]
async fn the_end_is_said_in_the_words_of_tls() {
    let bench = Bench::new(|_| {}).await;
    let mut stream = bench.connection(None).await;
    bench.tcp.stop();
    let mut rest = Vec::new();
    // Without close_notify this would be an error: somebody may have cut it.
    stream.read_to_end(&mut rest).await.unwrap();
}

#[tokio::test]
async fn who_has_ever_answered_a_ping_has_to_go_on_with_it() {
    let bench = Bench::new(|limits| {
        limits.ping = Duration::from_millis(50);
        limits.pong = Duration::from_millis(1_500);
    })
    .await;
    let neighbour = Neighbour::new(&bench.domains.domain("b.example")).await;
    bench.send(neighbour.address(), Some("b.example"), "hello");
    let mut stream = neighbour.accepts().await.unwrap();
    for _ in 0..2 {
        assert_eq!(read(&mut stream, 5).await, "hello");
        for _ in 0..3 {
            // Each of them 50 ms after the last, although a pong may take 1,500.
            assert_eq!(read(&mut stream, 4).await, "\r\n\r\n");
            stream.write_all(b"\r\n").await.unwrap();
        }
        bench.send(neighbour.address(), Some("b.example"), "hello");
    }
    // Now it is silent.
    ends(&mut stream).await;
    // Who never answers is not held to it: there is one ping, and the connection stays.
    let other = Neighbour::new(&bench.domains.domain("c.example")).await;
    bench.send(other.address(), Some("c.example"), "hello");
    let mut deaf = other.accepts().await.unwrap();
    assert_eq!(read(&mut deaf, 9).await, "hello\r\n\r\n");
    sleep(Duration::from_millis(1_800)).await;
    bench.send(other.address(), Some("c.example"), "again");
    assert_eq!(read(&mut deaf, 5).await, "again");
}
