//! TCP: connections that others open to us and that we open to others, one task each.
//!
//! A connection is known by its [`ConnectionId`] and, for requests of ours, by the remote address, so that a second request
//! to the same peer reuses it, also while it is still being opened (RFC 3261 §18). Framing is the SIP crate's. Sending never
//! waits: what a peer does not read waits in its queue, and a peer for which too much waits loses its connection. What was not
//! written is told to the [`Sink`].
//!
//! Everything that a peer can make us keep is bounded by [`Limits`]: connections in all, for one address and for strangers;
//! bytes that wait for it; the time for one message, one write and one silence.

mod connection;

use self::connection::Task;
use super::{Admission, Receipt, Refusal, Sink, Unsent};
use bytes::Bytes;
use countersign_sip::flow::{ConnectionId, Flow, Transport};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, watch};

/// How long accepting rests after the system would not give a connection: it will not a microsecond later, either.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What peers may take of us. The defaults are for production; tests are less patient.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections that others opened; and, apart from them, those that we opened. A trunk peer needs a few, and each costs up
    /// to 100 kB while it brings a message.
    pub connections: usize,
    /// Connections of one address, opened by either side: no peer takes the places of all others.
    pub per_address: usize,
    /// Connections of strangers, all together.
    pub strangers: usize,
    /// Messages that may wait for a peer to read.
    pub waiting: usize,
    /// Bytes that may wait for a peer to read: some 3,000 calls, for a burst is no proof of slowness.
    pub waiting_bytes: usize,
    /// How long we wait for a peer to accept a connection.
    pub connect: Duration,
    /// How long a connection may be silent in both directions. RFC 3261 §18 leaves it to implementations; longer than a
    /// transaction waits (Timer C, §16.6: "larger than 3 minutes").
    pub idle: Duration,
    /// How long one message may take from its first byte to its last: the largest over 64 kbit/s, less than which carries no call.
    pub message: Duration,
    /// How long a single write may take before the peer counts as gone.
    pub write: Duration,
    /// How long a connection outlives what ended it: time for answers to leave.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            per_address: 256,
            strangers: 64,
            waiting: 4_096,
            waiting_bytes: 4 << 20,
            connect: Duration::from_secs(2),
            idle: Duration::from_secs(300),
            message: Duration::from_secs(10),
            write: Duration::from_secs(5),
            linger: Duration::from_millis(200),
        }
    }
}

/// All TCP connections of a server.
#[derive(Clone)]
pub struct Tcp {
    shared: Arc<Shared>,
}

struct Shared {
    sink: Arc<dyn Sink>,
    runtime: tokio::runtime::Handle,
    limits: Limits,
    stop: watch::Sender<bool>,
    table: Mutex<Table>,
}

/// Who has which connection.
#[derive(Default)]
struct Table {
    last: u64,
    open: HashMap<ConnectionId, Connection>,
    by_remote: HashMap<SocketAddr, ConnectionId>,
}

/// The near end of a connection.
struct Connection {
    remote: SocketAddr,
    party: Party,
    queue: Queue,
    cut: Arc<Notify>,
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Party {
    Known,
    Ours,
    Stranger,
}

/// Messages on their way to the task of a connection.
#[derive(Clone)]
struct Queue {
    letters: mpsc::Sender<Letter>,
    bytes: Arc<AtomicUsize>,
    max_bytes: usize,
}

/// A message on its way out.
#[derive(Debug)]
struct Letter {
    bytes: Bytes,
    receipt: Option<Receipt>,
}

/// A connection that has just got its place, for the task that will carry it.
struct Place {
    id: ConnectionId,
    remote: SocketAddr,
    letters: mpsc::Receiver<Letter>,
    bytes: Arc<AtomicUsize>,
    cut: Arc<Notify>,
}

impl Tcp {
    /// No connections yet; their tasks will run on `runtime`.
    pub fn new(sink: Arc<dyn Sink>, runtime: tokio::runtime::Handle, limits: Limits) -> Self {
        let shared = Shared {
            sink,
            runtime,
            limits,
            stop: watch::channel(false).0,
            table: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Accepts connections until [`Tcp::stop`].
    pub fn listen(&self, listener: TcpListener) {
        let tcp = self.clone();
        self.shared.runtime.spawn(async move {
            let mut stop = tcp.shared.stop.subscribe();
            loop {
                let accepted = tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    accepted = listener.accept() => accepted,
                };
                match accepted {
                    Ok((stream, remote)) => tcp.accept(stream, remote),
                    Err(error) => {
                        // Out of descriptors, most likely: wait for some to be freed.
                        tracing::warn!(%error, "TCP accept failed");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        });
    }

    /// Ends every connection, soon: what is queued may still leave.
    pub fn stop(&self) {
        self.shared.stop.send_replace(true);
    }

    /// Sends on the connection if it is open, else to `remote` on one that is, else on a new one. What cannot be sent is told
    /// to the sink.
    pub fn send(
        &self,
        connection: Option<ConnectionId>,
        remote: SocketAddr,
        bytes: Bytes,
        receipt: Option<Receipt>,
    ) {
        let letter = Letter { bytes, receipt };
        match self.shared.way(connection, remote) {
            Way::Full => self.shared.unsent(&letter, Unsent::NoConnection),
            Way::New(place, queue) => {
                // The queue is new and empty.
                let _ = queue.put(letter);
                self.open(place);
            }
            Way::Open(id, queue) => match queue.put(letter) {
                Ok(()) => {}
                Err(NotTaken::Full(letter)) => {
                    self.shared.cut(id);
                    self.shared.unsent(&letter, Unsent::SlowPeer);
                }
                // It has just ended; the next look does not find it any more.
                Err(NotTaken::Ended(letter)) => {
                    self.shared.leave(id);
                    self.send(None, remote, letter.bytes, letter.receipt);
                }
            },
        }
    }

    fn open(&self, place: Place) {
        let tcp = self.clone();
        self.shared.runtime.spawn(async move {
            let (limit, remote) = (tcp.shared.limits.connect, place.remote);
            match tokio::time::timeout(limit, TcpStream::connect(remote)).await {
                Ok(Ok(stream)) => tcp.carry(stream, place).await,
                Ok(Err(_)) | Err(_) => tcp.shared.end(place).await,
            }
        });
    }

    fn accept(&self, stream: TcpStream, remote: SocketAddr) {
        let Ok(local) = stream.local_addr() else {
            return;
        };
        let flow = Flow {
            transport: Transport::Tcp,
            local,
            remote,
            connection: None,
        };
        let party = match self.shared.sink.admits(&flow) {
            Admission::Known => Party::Known,
            Admission::Refused => return self.shared.sink.refused(Refusal::UnknownSource),
            Admission::Stranger => Party::Stranger,
        };
        let entered = self.shared.lock().enter(remote, party, &self.shared.limits);
        let Some((place, _)) = entered else {
            return self.shared.sink.refused(Refusal::ConnectionLimit);
        };
        let tcp = self.clone();
        self.shared
            .runtime
            .spawn(async move { tcp.carry(stream, place).await });
    }

    async fn carry(&self, stream: TcpStream, mut place: Place) {
        self.shared.tell_how_many();
        // A SIP message is one write; waiting to fill a segment only delays the call.
        let _ = stream.set_nodelay(true);
        if let Ok(local) = stream.local_addr() {
            let flow = Flow {
                transport: Transport::Tcp,
                local,
                remote: place.remote,
                connection: Some(place.id),
            };
            Task::new(self.shared.clone(), flow)
                .run(stream, &mut place)
                .await;
        }
        self.shared.end(place).await;
        self.shared.tell_how_many();
    }
}

/// How a message may leave.
enum Way {
    /// There is no place for another connection.
    Full,
    /// By a connection that must be opened.
    New(Place, Queue),
    /// By one that is open, or is being opened.
    Open(ConnectionId, Queue),
}

impl Shared {
    fn way(&self, connection: Option<ConnectionId>, remote: SocketAddr) -> Way {
        let mut table = self.lock();
        let known = connection.filter(|id| table.open.contains_key(id));
        let known = known.or_else(|| table.by_remote.get(&remote).copied());
        if let Some((id, open)) = known.and_then(|id| Some((id, table.open.get(&id)?))) {
            return Way::Open(id, open.queue.clone());
        }
        match table.enter(remote, Party::Ours, &self.limits) {
            Some((place, queue)) => Way::New(place, queue),
            None => Way::Full,
        }
    }

    /// Nobody sends on it any more; its task writes what is queued.
    fn leave(&self, id: ConnectionId) -> Option<Connection> {
        let mut table = self.lock();
        let left = table.open.remove(&id)?;
        if table.by_remote.get(&left.remote) == Some(&id) {
            table.by_remote.remove(&left.remote);
        }
        Some(left)
    }

    /// Its task ends now.
    fn cut(&self, id: ConnectionId) {
        if let Some(connection) = self.leave(id) {
            connection.cut.notify_one();
        }
    }

    /// Nothing leaves by this place any more: what waits there is told.
    async fn end(&self, mut place: Place) {
        self.leave(place.id);
        place.letters.close();
        while let Some(letter) = place.letters.recv().await {
            self.unsent(&letter, Unsent::NoConnection);
        }
    }

    fn unsent(&self, letter: &Letter, why: Unsent) {
        self.sink
            .unsent(Transport::Tcp, why, letter.receipt.clone());
    }

    fn tell_how_many(&self) {
        // Told under the lock: an older number must not come after a newer one.
        let table = self.lock();
        self.sink.connections(table.open.len());
    }

    /// Answers a ping: on this connection or not at all.
    fn pong(&self, id: Option<ConnectionId>) {
        let pong = Letter {
            bytes: Bytes::from_static(b"\r\n"),
            receipt: None,
        };
        let queue = |id| Some((id, self.lock().open.get(&id)?.queue.clone()));
        if let Some((id, queue)) = id.and_then(queue)
            && let Err(NotTaken::Full(_)) = queue.put(pong)
        {
            self.cut(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // The table is whole between two statements; a panic elsewhere cannot have left it half changed.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// A place for another connection, if there is one.
    fn enter(
        &mut self,
        remote: SocketAddr,
        party: Party,
        limits: &Limits,
    ) -> Option<(Place, Queue)> {
        if !self.has_room(remote.ip(), party, limits) {
            return None;
        }
        self.last += 1;
        let id = ConnectionId(self.last);
        let (sender, letters) = mpsc::channel(limits.waiting.max(1));
        let queue = Queue {
            letters: sender,
            bytes: Arc::default(),
            max_bytes: limits.waiting_bytes,
        };
        let place = Place {
            id,
            remote,
            letters,
            bytes: queue.bytes.clone(),
            cut: Arc::default(),
        };
        let connection = Connection {
            remote,
            party,
            queue: queue.clone(),
            cut: place.cut.clone(),
        };
        self.open.insert(id, connection);
        self.by_remote.entry(remote).or_insert(id);
        Some((place, queue))
    }

    fn has_room(&self, ip: IpAddr, party: Party, limits: &Limits) -> bool {
        let count = |fits: &dyn Fn(&Connection) -> bool| {
            self.open.values().filter(|open| fits(open)).count()
        };
        let is_ours = |open: &Connection| open.party == Party::Ours;
        let of_this_side = match party {
            Party::Ours => count(&is_ours),
            Party::Known | Party::Stranger => count(&|open| !is_ours(open)),
        };
        let strangers = count(&|open| open.party == Party::Stranger);
        of_this_side < limits.connections
            && count(&|open| open.remote.ip() == ip) < limits.per_address
            && (party != Party::Stranger || strangers < limits.strangers)
    }
}

/// Why a queue did not take a message.
enum NotTaken {
    /// Its connection has ended.
    Ended(Box<Letter>),
    /// Too much waits already.
    Full(Box<Letter>),
}

impl Queue {
    fn put(&self, letter: Letter) -> Result<(), NotTaken> {
        let length = letter.bytes.len();
        let before = self.bytes.fetch_add(length, Ordering::Relaxed);
        let put = if before + length > self.max_bytes {
            Err(NotTaken::Full(letter.into()))
        } else {
            self.letters.try_send(letter).map_err(|error| match error {
                TrySendError::Closed(letter) => NotTaken::Ended(letter.into()),
                TrySendError::Full(letter) => NotTaken::Full(letter.into()),
            })
        };
        if put.is_err() {
            self.bytes.fetch_sub(length, Ordering::Relaxed);
        }
        put
    }
}

#[cfg(test)]
mod tests;
