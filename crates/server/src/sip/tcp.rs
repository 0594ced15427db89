//! TCP, and TLS over it: connections that others open to us and that we open to others, one task each.
//!
//! A connection is known by its [`ConnectionId`] and, for requests of ours, by the remote address and the name that was proven
//! there, so that a second request to the same peer reuses it, also while it is still being opened (RFC 3261 §18, RFC 5923).
//! Framing is the SIP crate's. Sending never waits: what a peer does not read waits in its queue, and a peer for which too much waits
//! loses its connection. What was not written is told to the [`Sink`], and so are requests that nobody may ever have read because
//! their connection ended.
//!
//! Everything that a peer can make us keep is bounded by [`Limits`]: connections in all, for one address, for strangers and for those
//! who still have to prove who they are; bytes that wait for it; the time for a handshake, one message, one write and one silence.
//!
//! - `table`: who has which connection. `handshake`: how TLS begins. `connection`: the task of one.

mod table;
mod handshake;
mod connection;

use self::connection::Task;
use self::handshake::Proof;
use self::table::{Connection, Key, Letter, NotTaken, Party, Place, Queue, Table};
use super::secure::Secure;
use super::{Admission, Peer, Receipt, Refusal, Sink, Unsent};
use bytes::Bytes;
use countersign_sip::element::Needed;
use countersign_sip::flow::{ConnectionId, Flow, Target, Transport};
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsStream;

/// How long accepting rests after the system would not give a connection: it will not a microsecond later, either.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Most connections at a time whose peers still have to prove who they are.
const MAX_HANDSHAKES: usize = 256;

/// Most of them of one host. Where a trunk is known by its name alone, anybody may begin a handshake; a sixteenth of all, so that it takes
/// more than one to keep every peer out, and a peer that comes back with many connections still shakes many hands in a second.
const MAX_HANDSHAKES_PER_HOST: usize = MAX_HANDSHAKES / 16;

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
    /// Connections whose peers still have to prove who they are, all together: peers that come back all at once after a failure.
    pub handshakes: usize,
    /// Those of one host: an IPv4 address, or the /64 of an IPv6 one.
    pub handshakes_per_host: usize,
    /// Messages that may wait for a peer to read.
    pub waiting: usize,
    /// Bytes that may wait for a peer to read: some 3,000 calls, for a burst is no proof of slowness.
    pub waiting_bytes: usize,
    /// How long we wait for a peer to accept a connection.
    pub connect: Duration,
    /// How long TLS may take to be agreed upon: four ways over a bad line. A call waits for it, and has other next hops.
    pub handshake: Duration,
    /// How long a peer may leave what we sent unacknowledged: several retransmissions of TCP. Then it is gone.
    pub unacknowledged: Duration,
    /// After how long a silence the peer's system is asked whether it is still there.
    pub silence: Duration,
    /// How often the end of a peer's certificate is looked for: a clock may be set.
    pub certificate_check: Duration,
    /// After how long without a message to it a peer that we connected to is asked for a sign of life. RFC 5626 §4.4.1: "The fixed
    /// upper bound or the default configurable upper bound SHOULD be 120 seconds".
    pub ping: Duration,
    /// How long it may take to give one, if it has ever given one. RFC 5626 §4.4.1: "If a pong is not received within 10 seconds after
    /// sending a ping [...] then the client MUST treat the flow as failed."
    pub pong: Duration,
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
            handshakes: MAX_HANDSHAKES,
            handshakes_per_host: MAX_HANDSHAKES_PER_HOST,
            waiting: 4_096,
            waiting_bytes: 4 << 20,
            connect: Duration::from_secs(2),
            handshake: Duration::from_secs(3),
            unacknowledged: Duration::from_secs(10),
            silence: Duration::from_secs(60),
            certificate_check: Duration::from_secs(60),
            ping: Duration::from_secs(120),
            pong: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            message: Duration::from_secs(10),
            write: Duration::from_secs(5),
            linger: Duration::from_millis(200),
        }
    }
}

/// All connections of a server.
#[derive(Clone)]
pub struct Tcp {
    shared: Arc<Shared>,
}

struct Shared {
    sink: Arc<dyn Sink>,
    runtime: tokio::runtime::Handle,
    limits: Limits,
    secure: Arc<Secure>,
    stop: watch::Sender<bool>,
    /// Whether listeners have ended.
    closed: watch::Sender<bool>,
    table: Mutex<Table>,
}

impl Tcp {
    /// No connections yet; their tasks will run on `runtime`, and those with TLS go by `secure`.
    pub fn new(
        sink: Arc<dyn Sink>,
        runtime: tokio::runtime::Handle,
        limits: Limits,
        secure: Arc<Secure>,
    ) -> Self {
        let shared = Shared {
            secure,
            sink,
            runtime,
            limits,
            stop: watch::channel(false).0,
            closed: watch::channel(false).0,
            table: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Accepts connections until [`Tcp::stop`]; with [`Transport::Tls`] they begin with a handshake.
    pub fn listen(&self, listener: TcpListener, transport: Transport) {
        let tcp = self.clone();
        self.shared.runtime.spawn(async move {
            let mut stop = tcp.shared.stop.subscribe();
            let mut closed = tcp.shared.closed.subscribe();
            loop {
                let accepted = tokio::select! {
                    _ = closed.wait_for(|closed| *closed) => return,
                    _ = stop.wait_for(|stop| *stop) => return,
                    accepted = listener.accept() => accepted,
                };
                match accepted {
                    Ok((stream, remote)) => tcp.accept(stream, remote, transport),
                    Err(error) => {
                        // Out of descriptors, most likely: wait for some to be freed.
                        tracing::warn!(%error, "TCP accept failed");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        });
    }

    /// Accepts no connection any more; those that are open go on.
    pub fn stop_accepting(&self) {
        self.shared.closed.send_replace(true);
    }

    /// Ends the connections that others have opened and nobody needs: what is queued may still leave.
    pub fn end_unneeded(&self, needed: &HashSet<Needed>) {
        let mut table = self.shared.lock();
        let is_needed = |id, ip: IpAddr| {
            needed.contains(&Needed::Connection(id))
                || needed.contains(&Needed::From(ip))
                || needed.contains(&Needed::From(ip.to_canonical()))
        };
        let open = table.open.iter();
        let unneeded = open.filter(|(id, open)| {
            matches!(open.party, Party::Known | Party::Stranger)
                && !is_needed(**id, open.remote.ip())
        });
        let unneeded: Vec<_> = unneeded.map(|(id, _)| *id).collect();
        for id in unneeded {
            if let Some(connection) = table.leave(id) {
                connection.unneeded.notify_one();
            }
        }
    }

    /// Ends every connection, soon: what is queued may still leave.
    pub fn stop(&self) {
        self.shared.stop.send_replace(true);
    }

    /// Sends on the connection of the target if it is open, else on one that leads there, else on a new one. What cannot be sent is
    /// told to the sink.
    pub fn send(&self, target: Target, bytes: Bytes, receipt: Option<Receipt>) {
        let connection = target.connection;
        self.deliver(connection, Key::from(target), Letter { bytes, receipt });
    }

    fn deliver(&self, connection: Option<ConnectionId>, way: Key, letter: Letter) {
        match self.shared.way(connection, &way) {
            Way::Full => self
                .shared
                .unsent(way.transport, &letter, Unsent::NoConnection),
            Way::New(place, queue) => {
                // The queue is new and empty.
                let _ = queue.put(letter);
                let tcp = self.clone();
                self.shared
                    .runtime
                    .spawn(async move { tcp.open(place, way).await });
            }
            Way::Open(id, queue) => match queue.put(letter) {
                Ok(()) => {}
                Err(NotTaken::Full(letter)) => {
                    self.shared.cut(id);
                    self.shared.unsent(way.transport, &letter, Unsent::SlowPeer);
                }
                // It has just ended; the next look does not find it any more.
                Err(NotTaken::Ended(letter)) => {
                    self.shared.leave(id);
                    self.deliver(None, way, *letter);
                }
            },
        }
    }

    fn accept(&self, stream: TcpStream, remote: SocketAddr, transport: Transport) {
        let Ok(local) = stream.local_addr() else {
            return;
        };
        let flow = Flow {
            transport,
            local,
            remote,
            connection: None,
        };
        let sink = &self.shared.sink;
        let party = match transport {
            Transport::Tls if sink.might_admit(&flow) => Party::Unproven,
            Transport::Tls => return sink.refused(Refusal::UnknownSource),
            Transport::Tcp | Transport::Udp => match sink.admits(&Peer::unproven(flow)) {
                Admission::Known => Party::Known,
                Admission::Refused => return sink.refused(Refusal::UnknownSource),
                Admission::Stranger => Party::Stranger,
            },
        };
        let Some(place) = self.shared.enter(transport, remote, party) else {
            return sink.refused(Refusal::ConnectionLimit);
        };
        tune(&stream, &self.shared.limits);
        let tcp = self.clone();
        self.shared.runtime.spawn(async move {
            match transport {
                Transport::Tls => tcp.shake(stream, place, flow).await,
                Transport::Tcp | Transport::Udp => tcp.carry_plain(stream, place).await,
            }
        });
    }

    async fn carry_plain(&self, mut stream: TcpStream, mut place: Place) {
        self.shared.tell_how_many();
        if let Ok(local) = stream.local_addr() {
            let task = Task::new(self.shared.clone(), &place, local, Proof::default());
            let (reader, writer) = stream.split();
            task.run(reader, writer, &mut place).await;
        }
        self.shared.end(place, Unsent::NoConnection).await;
        self.shared.tell_how_many();
    }

    async fn carry_secure(&self, stream: TlsStream<TcpStream>, mut place: Place, proof: Proof) {
        self.shared.tell_how_many();
        if let Ok(local) = stream.get_ref().0.local_addr() {
            let task = Task::new(self.shared.clone(), &place, local, proof);
            let (reader, writer) = tokio::io::split(stream);
            task.run(reader, writer, &mut place).await;
        }
        self.shared.end(place, Unsent::NoConnection).await;
        self.shared.tell_how_many();
    }
}

/// A peer that is gone without a word is found out: by what it does not acknowledge, and if nothing is said, by asking its system.
fn tune(stream: &TcpStream, limits: &Limits) {
    // A SIP message is one write; waiting to fill a segment only delays the call.
    let _ = stream.set_nodelay(true);
    let socket = socket2::SockRef::from(stream);
    let asking = socket2::TcpKeepalive::new()
        .with_time(limits.silence)
        .with_interval(limits.unacknowledged / 2)
        .with_retries(2);
    // A system that knows less of this finds out later.
    let _ = socket.set_tcp_keepalive(&asking);
    let _ = socket.set_tcp_user_timeout(Some(limits.unacknowledged));
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
    fn way(&self, connection: Option<ConnectionId>, way: &Key) -> Way {
        let mut table = self.lock();
        if let Some((id, queue)) = table.find(connection, way) {
            return Way::Open(id, queue);
        }
        match table.enter(way.transport, way.remote, Party::Ours, &self.limits) {
            Some((place, queue)) => {
                table.lead(place.id, way.clone());
                Way::New(place, queue)
            }
            None => Way::Full,
        }
    }

    /// A place for a connection that somebody has opened. One of TCP leads back to where it came from; one of TLS only where its
    /// peer has proven to be.
    fn enter(&self, transport: Transport, remote: SocketAddr, party: Party) -> Option<Place> {
        let mut table = self.lock();
        let (place, _) = table.enter(transport, remote, party, &self.limits)?;
        if transport == Transport::Tcp {
            table.lead(place.id, Key::plain(remote));
        }
        Some(place)
    }

    fn leave(&self, id: ConnectionId) -> Option<Connection> {
        self.lock().leave(id)
    }

    /// Its task ends now.
    fn cut(&self, id: ConnectionId) {
        if let Some(connection) = self.leave(id) {
            connection.cut.notify_one();
        }
    }

    /// Nothing leaves by this place any more: what waits there is told.
    async fn end(&self, mut place: Place, why: Unsent) {
        self.leave(place.id);
        place.letters.close();
        while let Some(letter) = place.letters.recv().await {
            self.unsent(place.transport, &letter, why);
        }
    }

    fn unsent(&self, transport: Transport, letter: &Letter, why: Unsent) {
        self.sink.unsent(transport, why, letter.receipt.clone());
    }

    fn tell_how_many(&self) {
        // Told under the lock: an older number must not come after a newer one.
        let table = self.lock();
        let transports = [Transport::Tcp, Transport::Tls];
        self.sink
            .connections(transports.map(|transport| (transport, table.count_of(transport))));
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

#[cfg(test)]
mod tests;
