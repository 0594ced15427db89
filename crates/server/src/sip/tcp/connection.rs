//! The task of one connection: reads and writes until either cannot go on.

use super::Shared;
use super::handshake::Proof;
use super::table::{Key, Letter, Party, Place};
use crate::sip::{Peer, Receipt, Refusal, Taken, Unsent};
use countersign_sip::flow::{Flow, Transport};
use countersign_sip::message::Message;
use countersign_sip::stream::{Framer, Piece};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Bytes read at once.
const READ_CHUNK: usize = 16 * 1024;
/// How long a stream waits before what it brought is offered again.
const BUSY_PAUSE: Duration = Duration::from_millis(1);
/// RFC 5626 §4.4.1: "the client "ping" is a double-CRLF sequence, and the server "pong" is a single CRLF".
const PING: &[u8] = b"\r\n\r\n";
const PONG: &[u8] = b"\r\n";
/// Later than any connection lives.
const FAR: Duration = Duration::from_secs(365 * 24 * 3_600);
/// Most requests that are remembered as written and perhaps never read: a second of a busy connection. Those before them have
/// their timers.
const MAX_WRITTEN: usize = 1_024;

/// How long a request is remembered as written: 64*T1, RFC 3261 §17.1.1.2; then its transaction has given up.
const MEMORY: Duration = Duration::from_secs(32);

pub(super) struct Task {
    shared: Arc<Shared>,
    peer: Peer,
    proof: Proof,
    party: Party,
    begun: Instant,
    /// When something last moved, in milliseconds since it began.
    moved: AtomicU64,
    /// When a sign of life was asked for that has not come, in the same; 0 if none was.
    asked: AtomicU64,
    /// Whether the peer has ever given one.
    has_ponged: AtomicBool,
    /// Whether it did not give the first.
    is_deaf: AtomicBool,
    /// Whether somebody has asked for requests to come back on this connection.
    is_alias: AtomicBool,
    /// Requests that were written not long ago, the oldest first. Only this task looks at them.
    written: Mutex<VecDeque<(Instant, Receipt)>>,
}

/// What is known of the life of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// It has answered pings, and answers no more.
    Over,
    /// There is nothing to worry about.
    Seen,
    /// It has not been heard of for a while.
    Unknown,
}

impl Task {
    pub(super) fn new(shared: Arc<Shared>, place: &Place, local: SocketAddr, proof: Proof) -> Self {
        let flow = Flow {
            transport: place.transport,
            local,
            remote: place.remote,
            connection: Some(place.id),
        };
        Self {
            shared,
            peer: Peer {
                flow,
                identities: proof.identities.clone(),
            },
            proof,
            party: place.party,
            begun: Instant::now(),
            moved: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            has_ponged: AtomicBool::new(false),
            is_deaf: AtomicBool::new(false),
            is_alias: AtomicBool::new(false),
            written: Mutex::default(),
        }
    }

    /// Carries the connection to its end.
    pub(super) async fn run(
        &self,
        reader: impl AsyncRead + Unpin,
        writer: impl AsyncWrite + Unpin,
        place: &mut Place,
    ) {
        let writing = self.write(writer, &mut place.letters, &place.bytes);
        let (mut reading, mut writing) =
            (std::pin::pin!(self.read(reader)), std::pin::pin!(writing));
        let mut stop = self.shared.stop.subscribe();
        let is_whole = tokio::select! {
            () = &mut writing => false,
            () = place.cut.notified() => false,
            () = &mut reading => true,
            () = place.unneeded.notified() => true,
            () = self.end_of_proof() => true,
            _ = stop.wait_for(|stop| *stop) => true,
        };
        if is_whole {
            // The peer says no more, but it may still listen to what it asked for.
            self.shared.leave(place.id);
            let _ = timeout(self.shared.limits.linger, writing).await;
        }
        self.tell_unheard();
    }

    async fn read(&self, mut reader: impl AsyncRead + Unpin) {
        let limits = self.shared.limits;
        let mut framer = Framer::default();
        let mut chunk = vec![0; READ_CHUNK];
        // When the message began that has not ended yet.
        let mut began: Option<Instant> = None;
        loop {
            let until = began.map_or_else(|| self.moved() + limits.idle, |at| at + limits.message);
            let length = match timeout_at(until, reader.read(&mut chunk)).await {
                Ok(Ok(length)) if length > 0 => length,
                Ok(_) => return,
                Err(_) if began.is_some() => return self.shared.sink.refused(Refusal::SlowMessage),
                // Something was written meanwhile.
                Err(_) if Instant::now() < self.moved() + limits.idle => continue,
                Err(_) => return,
            };
            self.has_moved();
            let read = chunk.get(..length).unwrap_or_default();
            if self.is_pong(read) && !framer.is_inside() {
                // Two of them would look like a ping.
                continue;
            }
            framer.push(read);
            while let Some(piece) = framer.next() {
                began = None;
                self.deliver(piece).await;
            }
            if framer.is_lost() {
                // Nobody knows where the next message begins. What was answered leaves before the connection does.
                return sleep(limits.linger).await;
            }
            if framer.is_inside() {
                began.get_or_insert_with(Instant::now);
            }
        }
    }

    async fn deliver(&self, piece: Piece) {
        match &piece {
            // RFC 5626 §5.4: "When a server receives a double CRLF sequence between SIP messages on a connection-oriented transport
            // such as TCP or SCTP, it MUST immediately respond with a single CRLF over the same connection."
            Piece::Ping => return self.shared.pong(self.peer.flow.connection),
            Piece::Message(message) => self.reuse(message),
            Piece::Bad(_) => {}
        }
        let mut taken = self.shared.sink.piece(&self.peer, piece);
        while let Taken::Busy(waiting) = taken {
            sleep(BUSY_PAUSE).await;
            taken = self.shared.sink.again(*waiting);
        }
    }

    /// Lets requests to the peer leave by this connection, if it asks for that and has proven who it is.
    // RFC 5923 §8.2: "Servers MUST follow the authentication steps outlined in Section 9.2 to authenticate the connection before
    // forming an alias."
    // RFC 5923 §8.2: "If the sent-by production of the Via header field contains a port, the server MUST use it as a destination port.
    // Otherwise, the default port is the destination port."
    fn reuse(&self, message: &Message) {
        let flow = self.peer.flow;
        let may = flow.transport == Transport::Tls && self.party == Party::Known;
        if !may || self.peer.identities.is_empty() || self.is_alias.load(Ordering::Relaxed) {
            return;
        }
        let Some(via) = message.method().and_then(|_| message.top_via().ok()) else {
            return;
        };
        if !via.has_alias() {
            return;
        }
        self.is_alias.store(true, Ordering::Relaxed);
        let port = via.port.unwrap_or(flow.transport.default_port());
        let Some(id) = flow.connection else { return };
        let mut table = self.shared.lock();
        for name in self.peer.identities.iter() {
            let way = Key {
                transport: flow.transport,
                remote: SocketAddr::new(flow.remote.ip(), port),
                name: Some(name.to_ascii_lowercase().into()),
            };
            table.lead(id, way);
        }
    }

    async fn write(
        &self,
        mut writer: impl AsyncWrite + Unpin,
        letters: &mut mpsc::Receiver<Letter>,
        waiting: &AtomicUsize,
    ) {
        let limit = self.shared.limits.write;
        let mut quiet = Instant::now();
        loop {
            let letter = match timeout_at(self.next_look(quiet), letters.recv()).await {
                Ok(Some(letter)) => letter,
                Ok(None) => break,
                Err(_) => match self.look(quiet) {
                    Life::Over => return,
                    Life::Seen => continue,
                    Life::Unknown => {
                        quiet = Instant::now();
                        self.asked.store(self.passed().max(1), Ordering::Relaxed);
                        match timeout(limit, put(&mut writer, PING)).await {
                            Ok(Ok(())) => continue,
                            _ => return,
                        }
                    }
                },
            };
            quiet = Instant::now();
            let length = letter.bytes.len();
            let mut written = Written {
                task: self,
                letter,
                fate: Err(Unsent::NoConnection),
            };
            match timeout(limit, put(&mut writer, &written.letter.bytes)).await {
                Ok(Ok(())) => {
                    written.fate = Ok(());
                    let sink = &self.shared.sink;
                    sink.sent(&self.peer.flow, &written.letter.bytes);
                }
                Ok(Err(_)) => return,
                Err(_) => return written.fate = Err(Unsent::SlowPeer),
            }
            waiting.fetch_sub(length, Ordering::Relaxed);
            self.has_moved();
        }
        // RFC 5923 §8.3: "Either the client or the server may terminate a TLS session by sending a TLS closure alert."
        let _ = writer.shutdown().await;
    }

    /// When there is something to be done about a connection on which nothing was written since `quiet`. Who connected to us asks by
    /// themselves, and who does not know what a ping is gets no other.
    fn next_look(&self, quiet: Instant) -> Instant {
        let limits = &self.shared.limits;
        match self.asked.load(Ordering::Relaxed) {
            _ if self.party != Party::Ours || self.is_deaf.load(Ordering::Relaxed) => quiet + FAR,
            0 => quiet + limits.ping,
            asked => self.begun + Duration::from_millis(asked) + limits.pong,
        }
    }

    // RFC 5626 §3.5.1: "The client periodically sends a double-CRLF (the "ping") then waits to receive a single CRLF (the "pong"). If
    // the client does not receive a "pong" within an appropriate amount of time, it considers the flow failed. Note: Sending a CRLF
    // over a connection-oriented transport is backwards compatible [...], but only implementations which support this specification
    // will respond to a "ping" with a "pong"."
    fn look(&self, quiet: Instant) -> Life {
        if Instant::now() < self.next_look(quiet) {
            return Life::Seen;
        }
        if self.asked.load(Ordering::Relaxed) == 0 {
            return Life::Unknown;
        }
        if self.has_ponged.load(Ordering::Relaxed) {
            return Life::Over;
        }
        self.is_deaf.store(true, Ordering::Relaxed);
        Life::Seen
    }

    /// Something was read: whoever sends is alive. Whether that is all it says.
    fn is_pong(&self, read: &[u8]) -> bool {
        let was_asked = self.asked.swap(0, Ordering::Relaxed) > 0;
        let is_pong = was_asked && read == PONG;
        if is_pong {
            self.has_ponged.store(true, Ordering::Relaxed);
            self.is_deaf.store(false, Ordering::Relaxed);
        }
        is_pong
    }

    /// Returns when the certificate ends by which the peer is known: what it proved is true no longer (`docs/divergences.md`).
    async fn end_of_proof(&self) {
        let Some(until) = self.proof.until else {
            return std::future::pending().await;
        };
        while self.shared.secure.now() <= until {
            sleep(self.shared.limits.certificate_check).await;
        }
        tracing::info!(remote = %self.peer.flow.remote, "the certificate of a peer has ended: its connection ends");
        self.shared.sink.refused(Refusal::CertificateEnded);
    }

    fn moved(&self) -> Instant {
        self.begun + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }

    fn has_moved(&self) {
        self.moved.store(self.passed(), Ordering::Relaxed);
    }

    fn passed(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Remembers a request that was written until its transaction has given up by itself.
    fn was_written(&self, receipt: Receipt) {
        let now = Instant::now();
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |at: Instant| now - at > MEMORY;
        while written.len() >= MAX_WRITTEN || written.front().is_some_and(|(at, _)| is_old(*at)) {
            written.pop_front();
        }
        written.push_back((now, receipt));
    }

    /// The connection is over: no response to what was written on it comes any more. Who has heard one already does not mind.
    fn tell_unheard(&self) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, receipt) in written.drain(..) {
            if at.elapsed() <= MEMORY {
                let transport = self.peer.flow.transport;
                let sink = &self.shared.sink;
                sink.unsent(transport, Unsent::ConnectionEnded, Some(receipt));
            }
        }
    }
}

async fn put(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    writer.write_all(bytes).await?;
    // What TLS has sealed leaves now.
    writer.flush().await
}

/// A message that is being written. However that ends, also in the middle, it is told if it did not succeed.
struct Written<'a> {
    task: &'a Task,
    letter: Letter,
    fate: Result<(), Unsent>,
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        let receipt = self.letter.receipt.take();
        match (self.fate, receipt) {
            (Ok(()), None) => {}
            (Ok(()), Some(receipt)) => self.task.was_written(receipt),
            (Err(why), receipt) => {
                let transport = self.task.peer.flow.transport;
                self.task.shared.sink.unsent(transport, why, receipt);
            }
        }
    }
}
