//! TCP: connections that others open to us and that we open to others, one task each way.
//!
//! A connection is known by its [`ConnectionId`] and, for requests of ours, by the remote address, so that a second request
//! to the same peer reuses it (RFC 3261 §18). Framing is the SIP crate's. What cannot be written is reported to the
//! [`Sink`], never waited for: a slow peer loses its connection, not our thread.

use super::{Receipt, Sink, Taken};
use bytes::Bytes;
use countersign_sip::flow::{ConnectionId, Flow, Transport};
use countersign_sip::stream::{Framer, Piece};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Most connections at a time, ours and theirs: bounds memory at about 100 MB of buffers. A trunk peer needs a few.
pub const MAX_CONNECTIONS: usize = 1_024;
/// Messages that may wait for a slow peer before its connection is closed.
const MAX_QUEUED: usize = 256;
/// Bytes read at once.
const READ_CHUNK: usize = 16 * 1024;
/// How long a connection may stay silent. RFC 3261 §18 leaves it to implementations ("a minimum of 180 seconds is typical"
/// for Timer C); longer than any transaction waits.
const IDLE: Duration = Duration::from_secs(300);
/// How long we wait for a peer to accept a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a connection outlives the message that ended it: time for the answer to leave.
const LINGER: Duration = Duration::from_millis(200);
/// How long a stream waits before what it brought is offered again.
const BUSY_PAUSE: Duration = Duration::from_millis(1);
/// How long a single write may take before the peer counts as gone.
const WRITE: Duration = Duration::from_secs(5);

/// All TCP connections of a server.
#[derive(Clone)]
pub struct Tcp {
    shared: Arc<Shared>,
}

struct Shared {
    sink: Arc<dyn Sink>,
    runtime: tokio::runtime::Handle,
    next: AtomicU64,
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    open: HashMap<ConnectionId, Connection>,
    by_remote: HashMap<SocketAddr, ConnectionId>,
}

struct Connection {
    remote: SocketAddr,
    queue: mpsc::Sender<Letter>,
}

/// A message on its way out.
#[derive(Debug)]
struct Letter {
    bytes: Bytes,
    receipt: Option<Receipt>,
}

impl Tcp {
    /// No connections yet; their tasks will run on `runtime`.
    pub fn new(sink: Arc<dyn Sink>, runtime: tokio::runtime::Handle) -> Self {
        let shared = Shared {
            sink,
            runtime,
            next: AtomicU64::new(1),
            connections: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Accepts connections until the task is aborted.
    pub fn listen(&self, listener: TcpListener) -> tokio::task::JoinHandle<()> {
        let tcp = self.clone();
        self.shared.runtime.spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, remote)) => tcp.adopt(stream, remote, None),
                    Err(error) => {
                        // Out of descriptors, most likely: wait for some to be freed.
                        tracing::warn!(%error, "TCP accept failed");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            }
        })
    }

    /// Sends on the connection if it is open, else to `remote` on one that is, else on a new one. What cannot be sent is
    /// reported to the sink.
    pub fn send(
        &self,
        connection: Option<ConnectionId>,
        remote: SocketAddr,
        bytes: Bytes,
        receipt: Option<Receipt>,
    ) {
        let letter = Letter { bytes, receipt };
        let open = {
            let connections = self.shared.lock();
            let known = connection.filter(|id| connections.open.contains_key(id));
            let id = known.or_else(|| connections.by_remote.get(&remote).copied());
            id.and_then(|id| {
                connections
                    .open
                    .get(&id)
                    .map(|open| (id, open.queue.clone()))
            })
        };
        let Some((id, queue)) = open else {
            self.connect(remote, letter);
            return;
        };
        if let Err(refused) = queue.try_send(letter) {
            // The peer reads too slowly, or the connection has just ended.
            self.close(id);
            self.shared.report(refused.into_inner().receipt);
        }
    }

    fn connect(&self, remote: SocketAddr, first: Letter) {
        let tcp = self.clone();
        self.shared.runtime.spawn(async move {
            match tokio::time::timeout(CONNECT, TcpStream::connect(remote)).await {
                Ok(Ok(stream)) => tcp.adopt(stream, remote, Some(first)),
                Ok(Err(_)) | Err(_) => tcp.shared.report(first.receipt),
            }
        });
    }

    fn adopt(&self, stream: TcpStream, remote: SocketAddr, first: Option<Letter>) {
        let Ok(local) = stream.local_addr() else {
            self.shared.report(first.and_then(|letter| letter.receipt));
            return;
        };
        // A SIP message is one write; waiting to fill a segment only delays the call.
        let _ = stream.set_nodelay(true);
        let connection = ConnectionId(self.shared.next.fetch_add(1, Ordering::Relaxed));
        let (queue, mut waiting) = mpsc::channel(MAX_QUEUED);
        if let Some(first) = first {
            // The queue is new and empty.
            let _ = queue.try_send(first);
        }
        {
            let mut connections = self.shared.lock();
            if connections.open.len() >= MAX_CONNECTIONS {
                tracing::warn!(%remote, "TCP connection refused: {MAX_CONNECTIONS} are open");
                drop(connections);
                while let Ok(letter) = waiting.try_recv() {
                    self.shared.report(letter.receipt);
                }
                return;
            }
            connections
                .open
                .insert(connection, Connection { remote, queue });
            connections.by_remote.insert(remote, connection);
        }
        let (reader, writer) = stream.into_split();
        let flow = Flow {
            transport: Transport::Tcp,
            local,
            remote,
            connection: Some(connection),
        };
        let (reading, writing) = (self.clone(), self.clone());
        self.shared.runtime.spawn(async move {
            reading.read(reader, flow, connection).await;
            reading.close(connection);
        });
        self.shared.runtime.spawn(async move {
            writing.write(writer, waiting, connection).await;
        });
    }

    async fn read(&self, mut reader: OwnedReadHalf, flow: Flow, connection: ConnectionId) {
        let mut framer = Framer::default();
        let mut chunk = vec![0; READ_CHUNK];
        loop {
            let length = match tokio::time::timeout(IDLE, reader.read(&mut chunk)).await {
                Ok(Ok(length)) if length > 0 => length,
                _ => return,
            };
            framer.push(chunk.get(..length).unwrap_or_default());
            while let Some(piece) = framer.next() {
                match piece {
                    // RFC 5626 §5.4: "When a server receives a double CRLF sequence between SIP messages on a
                    // connection-oriented transport such as TCP or SCTP, it MUST immediately respond with a single CRLF
                    // over the same connection."
                    Piece::Ping => self.send(
                        Some(connection),
                        flow.remote,
                        Bytes::from_static(b"\r\n"),
                        None,
                    ),
                    piece => self.deliver(flow, piece).await,
                }
            }
            if framer.is_lost() {
                // Nobody knows where the next message begins. What was answered leaves before the connection does.
                tokio::time::sleep(LINGER).await;
                return;
            }
        }
    }

    async fn deliver(&self, flow: Flow, piece: Piece) {
        let mut piece = piece;
        while let Taken::Busy(again) = self.shared.sink.piece(flow, piece) {
            piece = *again;
            tokio::time::sleep(BUSY_PAUSE).await;
        }
    }

    async fn write(
        &self,
        mut writer: OwnedWriteHalf,
        mut waiting: mpsc::Receiver<Letter>,
        connection: ConnectionId,
    ) {
        while let Some(letter) = waiting.recv().await {
            let written = tokio::time::timeout(WRITE, writer.write_all(&letter.bytes)).await;
            if !matches!(written, Ok(Ok(()))) {
                self.close(connection);
                self.shared.report(letter.receipt);
                waiting.close();
                while let Some(unsent) = waiting.recv().await {
                    self.shared.report(unsent.receipt);
                }
            }
        }
    }

    fn close(&self, connection: ConnectionId) {
        let mut connections = self.shared.lock();
        if let Some(closed) = connections.open.remove(&connection)
            && connections.by_remote.get(&closed.remote) == Some(&connection)
        {
            connections.by_remote.remove(&closed.remote);
        }
    }
}

impl Shared {
    fn report(&self, receipt: Option<Receipt>) {
        if let Some(receipt) = receipt {
            self.sink.failed(receipt);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        // The table is whole between two statements; a panic elsewhere cannot have left it half changed.
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
