//! Connections between us and peers that behave, that are slow, and that want to keep us busy. Real sockets; the peer is the
//! test itself, which reads and writes without hurry.

use super::*;
use crate::sip::Life;
use crate::sip::stage::{Kept, PATIENCE, invite, secure, sender, until};
use countersign_sip::flow::Target;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener as Listener, TcpStream as Stream};
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Instant;
use tokio::runtime::Runtime;

const ANYWHERE: &str = "127.0.0.1:0";
/// A time that nothing here takes, even on a slow machine.
const LONG: Duration = Duration::from_secs(60);

struct Bench {
    runtime: Runtime,
    sink: Arc<Kept>,
    tcp: Tcp,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Limits)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let sink = Arc::<Kept>::default();
        let mut limits = Limits {
            idle: LONG,
            message: LONG,
            write: LONG,
            ..Limits::default()
        };
        change(&mut limits);
        let tcp = Tcp::new(sink.clone(), runtime.handle().clone(), limits, secure());
        Self { runtime, sink, tcp }
    }

    /// Starts to accept; where.
    fn listens(&self) -> SocketAddr {
        let listener = self.runtime.block_on(TcpListener::bind(ANYWHERE)).unwrap();
        let address = listener.local_addr().unwrap();
        self.tcp.listen(listener, Transport::Tcp);
        address
    }

    fn send(&self, connection: Option<ConnectionId>, remote: SocketAddr, text: &str) {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let receipt = receipt(remote);
        let target = Target {
            connection,
            ..receipt.target.clone()
        };
        self.tcp.send(target, bytes, Some(receipt));
    }

    /// Waits for so many messages that came to us.
    fn pieces(&self, count: usize) -> Vec<(Flow, String)> {
        until("delivered", || {
            self.sink.pieces.lock().unwrap().len() >= count
        });
        self.sink.pieces.lock().unwrap().clone()
    }

    fn unsent(&self) -> Vec<Unsent> {
        let unsent = self.sink.unsent.lock().unwrap();
        assert!(unsent.iter().all(|(_, receipt)| receipt.is_some()));
        let whys = unsent.iter().map(|(why, _)| *why);
        // What was written and perhaps never read is for whoever still waits.
        whys.filter(|why| *why != Unsent::ConnectionEnded).collect()
    }

    fn refused(&self) -> Vec<Refusal> {
        self.sink.refused.lock().unwrap().clone()
    }

    fn open(&self) -> usize {
        self.tcp.shared.lock().open.len()
    }
}

fn receipt(remote: SocketAddr) -> Receipt {
    Receipt {
        shard: 3,
        life: Life(0),
        by: sender(),
        target: Target {
            transport: Transport::Tcp,
            remote,
            name: None,
            local: None,
            connection: None,
        },
    }
}

fn peer(listener: &Listener) -> Stream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn connected(to: SocketAddr) -> Stream {
    let stream = Stream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn read(stream: &mut Stream, length: usize) -> String {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Whether the other side ends the connection, politely or not.
#[track_caller]
fn ends(stream: &mut Stream) {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
}

fn call(name: &str) -> String {
    invite("127.0.0.1:9".parse().unwrap(), name, "")
}

#[test]
fn requests_to_one_peer_share_a_connection_also_while_it_is_opened() {
    let bench = Bench::new(|_| {});
    let listener = Listener::bind(ANYWHERE).unwrap();
    let remote = listener.local_addr().unwrap();
    for number in 0..50 {
        bench.send(None, remote, &format!("{number:03}\n"));
    }
    assert_eq!(bench.open(), 1);
    let mut peer = peer(&listener);
    let expected: String = (0..50).map(|number| format!("{number:03}\n")).collect();
    assert_eq!(read(&mut peer, expected.len()), expected);
    bench.send(None, remote, "again");
    assert_eq!(read(&mut peer, 5), "again");
    assert_eq!(bench.unsent(), []);
}

#[test]
fn a_response_goes_where_its_request_came_from_and_elsewhere_only_if_that_is_gone() {
    let bench = Bench::new(|_| {});
    let address = bench.listens();
    let mut caller = connected(address);
    caller.write_all(call("a").as_bytes()).unwrap();
    let (flow, text) = bench.pieces(1).remove(0);
    assert_eq!(text, call("a"));
    assert_eq!(
        (flow.local, flow.remote),
        (address, caller.local_addr().unwrap())
    );
    let elsewhere = Listener::bind(ANYWHERE).unwrap();
    let sent_by = elsewhere.local_addr().unwrap();
    bench.send(flow.connection, sent_by, "here");
    assert_eq!(read(&mut caller, 4), "here");
    drop(caller);
    until("closed", || bench.open() == 0);
    bench.send(flow.connection, sent_by, "there");
    assert_eq!(read(&mut peer(&elsewhere), 5), "there");
    assert_eq!(bench.unsent(), []);
}

#[test]
fn what_cannot_be_sent_is_told_each_by_itself() {
    let bench = Bench::new(|_| {});
    let nobody = Listener::bind(ANYWHERE).unwrap().local_addr().unwrap();
    for _ in 0..3 {
        bench.send(None, nobody, "lost");
    }
    until("told", || bench.unsent().len() == 3);
    assert_eq!(bench.unsent(), [Unsent::NoConnection; 3]);
    assert_eq!(bench.open(), 0);
}

#[test]
fn a_peer_that_does_not_read_loses_its_connection_and_holds_up_nobody() {
    let bench = Bench::new(|limits| limits.waiting_bytes = 100_000);
    let (slow, good) = (
        Listener::bind(ANYWHERE).unwrap(),
        Listener::bind(ANYWHERE).unwrap(),
    );
    let (to_slow, to_good) = (slow.local_addr().unwrap(), good.local_addr().unwrap());
    let message = "x".repeat(10_000);
    bench.send(None, to_slow, &message);
    let mut late = peer(&slow);
    let begun = Instant::now();
    let mut sent = 1;
    // Whatever the system buffers, the queue behind it is full some time.
    while bench.unsent().is_empty() {
        bench.send(None, to_slow, &message);
        sent += 1;
        assert!(sent < 100_000 && begun.elapsed() < PATIENCE);
    }
    assert_eq!(bench.unsent()[0], Unsent::SlowPeer);
    // What did not arrive whole was told, each by itself.
    let mut arrived = Vec::new();
    late.read_to_end(&mut arrived).unwrap();
    let whole = arrived.len() / message.len();
    until("told", || bench.unsent().len() == sent - whole);
    bench.send(None, to_good, "good");
    assert_eq!(read(&mut peer(&good), 4), "good");
    bench.send(None, to_slow, "again");
    assert_eq!(read(&mut peer(&slow), 5), "again", "on a new connection");
}

#[test]
fn a_write_has_its_time() {
    let bench = Bench::new(|limits| {
        limits.write = Duration::from_millis(100);
        limits.waiting_bytes = 1 << 30;
        limits.waiting = 1 << 20;
    });
    let slow = Listener::bind(ANYWHERE).unwrap();
    let remote = slow.local_addr().unwrap();
    let message = "x".repeat(60_000);
    bench.send(None, remote, &message);
    let first = *bench.tcp.shared.lock().open.keys().next().unwrap();
    for _ in 0..500 {
        bench.send(None, remote, &message);
    }
    let _does_not_read = peer(&slow);
    until("given up", || bench.unsent().contains(&Unsent::SlowPeer));
    until("closed", || {
        !bench.tcp.shared.lock().open.contains_key(&first)
    });
}

#[test]
fn a_message_has_its_time_and_a_drip_does_not_prolong_it() {
    let bench = Bench::new(|limits| limits.message = Duration::from_millis(1_500));
    let address = bench.listens();
    let mut patient = connected(address);
    let mut dripping = connected(address);
    dripping
        .write_all(b"INVITE sip:a@b SIP/2.0\r\nX: ")
        .unwrap();
    let begun = Instant::now();
    while dripping.write_all(b"x").is_ok() {
        assert!(begun.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
    }
    assert!(begun.elapsed() >= Duration::from_millis(1_250));
    assert_eq!(bench.refused(), [Refusal::SlowMessage]);
    // Silence between messages is no crime, and a message in two pieces arrives.
    let text = call("two-pieces");
    let (first, second) = text.as_bytes().split_at(100);
    patient.write_all(first).unwrap();
    thread::sleep(Duration::from_millis(50));
    patient.write_all(second).unwrap();
    assert_eq!(bench.pieces(1)[0].1, text);
    assert_eq!(bench.open(), 1);
}

#[test]
fn silence_has_its_time_too_but_what_we_write_is_no_silence() {
    let bench = Bench::new(|limits| limits.idle = Duration::from_millis(1_500));
    let address = bench.listens();
    let mut silent = connected(address);
    let mut listening = connected(address);
    listening.write_all(call("a").as_bytes()).unwrap();
    let (flow, _) = bench.pieces(1).remove(0);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(3_500) {
        bench.send(flow.connection, flow.remote, "1");
        read(&mut listening, 1);
        thread::sleep(Duration::from_millis(20));
    }
    ends(&mut silent);
    assert_eq!(bench.open(), 1);
    ends(&mut listening);
    until("closed", || bench.open() == 0);
    assert_eq!(bench.refused(), [], "nobody did anything wrong");
}

#[test]
fn nobody_takes_the_places_of_all_others() {
    let bench = Bench::new(|limits| {
        limits.connections = 6;
        limits.per_address = 5;
        limits.strangers = 2;
    });
    let address = bench.listens();
    *bench.sink.admission.lock().unwrap() = Some(Admission::Stranger);
    let mut strangers: Vec<_> = (0..3).map(|_| connected(address)).collect();
    until("refused", || bench.refused() == [Refusal::ConnectionLimit]);
    ends(&mut strangers[2]);
    *bench.sink.admission.lock().unwrap() = Some(Admission::Known);
    let mut known: Vec<_> = (0..4).map(|_| connected(address)).collect();
    until("refused", || bench.refused().len() == 2);
    assert_eq!(bench.open(), 5);
    ends(&mut known[3]);
    drop(strangers);
    until("free", || bench.open() == 3);
    let mut later = connected(address);
    later.write_all(call("later").as_bytes()).unwrap();
    bench.pieces(1);
}

#[test]
fn who_may_not_be_here_hears_nothing() {
    let bench = Bench::new(|_| {});
    let address = bench.listens();
    *bench.sink.admission.lock().unwrap() = Some(Admission::Refused);
    let mut stranger = connected(address);
    ends(&mut stranger);
    assert_eq!(bench.refused(), [Refusal::UnknownSource]);
    assert_eq!(bench.open(), 0);
}

#[test]
fn a_ping_is_answered_and_a_lost_stream_ends_after_its_answer() {
    let bench = Bench::new(|limits| limits.linger = Duration::from_millis(300));
    let address = bench.listens();
    let mut caller = connected(address);
    caller.write_all(b"\r\n\r\n").unwrap();
    assert_eq!(read(&mut caller, 2), "\r\n");
    caller.write_all(&vec![b'x'; 200_000]).unwrap();
    let (flow, _) = bench.pieces(1).remove(0);
    bench.send(flow.connection, flow.remote, "bad");
    assert_eq!(read(&mut caller, 3), "bad");
    ends(&mut caller);
    until("closed", || bench.open() == 0);
}

#[test]
fn a_busy_shard_loses_nothing_of_a_stream_and_nothing_changes_places() {
    let bench = Bench::new(|_| {});
    let address = bench.listens();
    bench.sink.busy.store(40, SeqCst);
    let mut caller = connected(address);
    let calls: Vec<_> = (0..100).map(|number| call(&number.to_string())).collect();
    caller.write_all(calls.concat().as_bytes()).unwrap();
    let pieces = bench.pieces(100);
    let texts: Vec<_> = pieces.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, calls);
}

#[test]
fn who_has_said_everything_still_gets_what_is_queued() {
    let bench = Bench::new(|limits| limits.linger = PATIENCE);
    let listener = Listener::bind(ANYWHERE).unwrap();
    let remote = listener.local_addr().unwrap();
    let message = "x".repeat(50_000);
    let count = 15;
    for _ in 0..count {
        bench.send(None, remote, &message);
    }
    let mut peer = peer(&listener);
    peer.shutdown(Shutdown::Write).unwrap();
    until("left", || bench.open() == 0);
    let mut all = Vec::new();
    peer.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), count * message.len());
    assert_eq!(bench.unsent(), []);
}

#[test]
fn at_the_end_every_connection_ends() {
    let bench = Bench::new(|_| {});
    let address = bench.listens();
    let listener = Listener::bind(ANYWHERE).unwrap();
    bench.send(None, listener.local_addr().unwrap(), "hello");
    let (mut ours, mut theirs) = (peer(&listener), connected(address));
    theirs.write_all(b"INVITE").unwrap();
    until("both open", || bench.sink.open.load(SeqCst) == 2);
    bench.tcp.stop();
    ends(&mut ours);
    ends(&mut theirs);
    until("closed", || bench.sink.open.load(SeqCst) == 0);
    until("deaf", || Stream::connect(address).is_err());
}

#[test]
fn a_connection_that_nobody_needs_ends_whole() {
    let bench = Bench::new(|_| {});
    let address = bench.listens();
    let (mut idle, mut busy) = (connected(address), connected(address));
    for stream in [&mut idle, &mut busy] {
        let text = invite(stream.local_addr().unwrap(), "a", "");
        stream.write_all(text.as_bytes()).unwrap();
    }
    let pieces = bench.pieces(2);
    let id = |stream: &Stream| {
        let remote = stream.local_addr().unwrap();
        let mut pieces = pieces.iter();
        let (flow, _) = pieces.find(|(flow, _)| flow.remote == remote).unwrap();
        flow.connection
    };
    let far_side = HashSet::from([Needed::From(address.ip())]);
    bench.tcp.end_unneeded(&far_side);
    assert_eq!(bench.open(), 2, "the far side of a call may end it on each");
    bench.send(id(&idle), address, "last");
    let needed = Needed::Connection(id(&busy).unwrap());
    bench.tcp.end_unneeded(&HashSet::from([needed]));
    assert_eq!(bench.open(), 1);
    let mut rest = String::new();
    idle.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "last", "what was queued has left");
    bench.send(id(&busy), address, "more");
    assert_eq!(read(&mut busy, 4), "more");
}
