//! Who has which connection, and what waits on it.

use super::Limits;
use crate::hosts::host_of;
use crate::sip::Receipt;
use bytes::Bytes;
use countersign_sip::flow::{ConnectionId, Target, Transport};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};

/// Most names of one peer under which its connection is found: RFC 5923 §8.2.
const MAX_ALIASES: usize = 16;

/// Who has which connection.
#[derive(Default)]
pub(super) struct Table {
    last: u64,
    pub(super) open: HashMap<ConnectionId, Connection>,
    by_way: HashMap<Key, ConnectionId>,
}

/// What a connection is found by when a request is to be sent.
// RFC 5923 §8.1: "the client reuses the connection only if all of the following conditions hold: 1. The client uses the RFC3263
// resolution on a URI and arrives at a resolved address contained in the alias table, and 2. The URI used for RFC3263 server
// resolution matches one of the identities stored in the alias table row corresponding to that resolved address."
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) transport: Transport,
    pub(super) remote: SocketAddr,
    /// The name that was proven, as it was asked for; its address if there is none.
    pub(super) name: Option<Arc<str>>,
}

impl Key {
    pub(super) fn plain(remote: SocketAddr) -> Self {
        Self {
            transport: Transport::Tcp,
            remote,
            name: None,
        }
    }
}

impl From<Target> for Key {
    fn from(target: Target) -> Self {
        Self {
            transport: target.transport,
            remote: target.remote,
            name: target.name,
        }
    }
}

/// The near end of a connection.
pub(super) struct Connection {
    transport: Transport,
    pub(super) remote: SocketAddr,
    pub(super) party: Party,
    /// What it is found by.
    keys: Vec<Key>,
    pub(super) queue: Queue,
    pub(super) cut: Arc<Notify>,
    /// Told when nobody needs it any more.
    pub(super) unneeded: Arc<Notify>,
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Known,
    Ours,
    Stranger,
    /// Somebody who still has to prove a name.
    Unproven,
}

/// Messages on their way to the task of a connection.
#[derive(Clone)]
pub(super) struct Queue {
    letters: mpsc::Sender<Letter>,
    bytes: Arc<AtomicUsize>,
    max_bytes: usize,
}

/// A message on its way out.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) bytes: Bytes,
    pub(super) receipt: Option<Receipt>,
}

/// A connection that has just got its place, for the task that will carry it.
pub(super) struct Place {
    pub(super) id: ConnectionId,
    pub(super) transport: Transport,
    pub(super) remote: SocketAddr,
    pub(super) party: Party,
    pub(super) letters: mpsc::Receiver<Letter>,
    pub(super) bytes: Arc<AtomicUsize>,
    pub(super) cut: Arc<Notify>,
    /// Told when nobody needs it any more.
    pub(super) unneeded: Arc<Notify>,
}

impl Table {
    /// The open connection of this number, or else one that leads this way.
    pub(super) fn find(
        &self,
        connection: Option<ConnectionId>,
        way: &Key,
    ) -> Option<(ConnectionId, Queue)> {
        let known = connection.filter(|id| self.open.contains_key(id));
        let id = known.or_else(|| self.by_way.get(way).copied())?;
        Some((id, self.open.get(&id)?.queue.clone()))
    }

    /// A place for another connection, if there is one. With a key it is found by that from now on.
    pub(super) fn enter(
        &mut self,
        transport: Transport,
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
            transport,
            remote,
            party,
            letters,
            bytes: queue.bytes.clone(),
            cut: Arc::default(),
            unneeded: Arc::default(),
        };
        let connection = Connection {
            transport,
            remote,
            party,
            keys: Vec::new(),
            queue: queue.clone(),
            cut: place.cut.clone(),
            unneeded: place.unneeded.clone(),
        };
        self.open.insert(id, connection);
        Some((place, queue))
    }

    /// Requests for this way are sent on the connection from now on, unless there is another for it.
    pub(super) fn lead(&mut self, id: ConnectionId, way: Key) {
        let Some(connection) = self.open.get_mut(&id) else {
            return;
        };
        if connection.keys.len() < MAX_ALIASES && !self.by_way.contains_key(&way) {
            connection.keys.push(way.clone());
            self.by_way.insert(way, id);
        }
    }

    /// It is known now who opened it; whether there is room for one more of those.
    pub(super) fn settle(&mut self, id: ConnectionId, party: Party, limits: &Limits) -> bool {
        let of_this_party = self.count(|open| open.party == party);
        let Some(connection) = self.open.get_mut(&id) else {
            return false;
        };
        connection.party = party;
        party != Party::Stranger || of_this_party < limits.strangers
    }

    /// Nobody sends on it any more; its task writes what is queued.
    pub(super) fn leave(&mut self, id: ConnectionId) -> Option<Connection> {
        let left = self.open.remove(&id)?;
        for key in &left.keys {
            self.by_way.remove(key);
        }
        Some(left)
    }

    /// How many are open of this transport.
    pub(super) fn count_of(&self, transport: Transport) -> usize {
        self.count(|open| open.transport == transport)
    }

    fn has_room(&self, ip: IpAddr, party: Party, limits: &Limits) -> bool {
        let is_ours = |open: &Connection| open.party == Party::Ours;
        let of_this_side = match party {
            Party::Ours => self.count(is_ours),
            Party::Known | Party::Stranger | Party::Unproven => self.count(|open| !is_ours(open)),
        };
        let of_this_party = self.count(|open| open.party == party);
        let most_of_this_party = match party {
            Party::Known | Party::Ours => usize::MAX,
            Party::Stranger => limits.strangers,
            Party::Unproven => limits.handshakes,
        };
        of_this_side < limits.connections
            && self.count(|open| open.remote.ip() == ip) < limits.per_address
            && of_this_party < most_of_this_party
            && (party != Party::Unproven
                || self.unproven_of(host_of(ip)) < limits.handshakes_per_host)
    }

    /// How many connections of a host wait for it to prove who it is.
    fn unproven_of(&self, host: IpAddr) -> usize {
        self.count(|open| open.party == Party::Unproven && host_of(open.remote.ip()) == host)
    }

    fn count(&self, fits: impl Fn(&Connection) -> bool) -> usize {
        self.open.values().filter(|open| fits(open)).count()
    }
}

/// Why a queue did not take a message.
pub(super) enum NotTaken {
    /// Its connection has ended.
    Ended(Box<Letter>),
    /// Too much waits already.
    Full(Box<Letter>),
}

impl Queue {
    pub(super) fn put(&self, letter: Letter) -> Result<(), NotTaken> {
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
mod tests {
    use super::*;

    #[test]
    fn one_host_leaves_handshakes_for_the_others() {
        let (mut table, limits) = (Table::default(), Limits::default());
        let mut begins = |address: &str, port: usize| {
            let ip = address.parse().unwrap();
            let remote = SocketAddr::new(ip, u16::try_from(port).unwrap());
            let entered = table.enter(Transport::Tls, remote, Party::Unproven, &limits);
            entered.map(|(place, _)| place.id)
        };
        for (first, same, other) in [
            ("192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"),
            ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ] {
            for port in 0..limits.handshakes_per_host {
                assert!(begins(first, port).is_some(), "{first} {port}");
            }
            assert!(begins(first, 9).is_none() && begins(same, 9).is_none());
            assert!(begins(other, 9).is_some());
        }
        // Who has proven who they are waits for nothing any more.
        let first = ConnectionId(1);
        assert!(table.settle(first, Party::Known, &limits));
        let remote = "192.0.2.7:5061".parse().unwrap();
        let next = table.enter(Transport::Tls, remote, Party::Unproven, &limits);
        assert!(next.is_some());
    }
}
