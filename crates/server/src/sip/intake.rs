//! What a shard waits for: its queue and, if it has nobody beside it, the sockets for datagrams.
//!
//! A shard that is alone reads them itself: what a datagram brings is read, parsed, carried and answered by one thread, and nobody
//! has to be woken for it. Where there are several shards each listener has a thread of its own ([`super::udp`]): whose a
//! datagram is says its Call-ID, and nobody knows that before it is read.

use super::bell::Bell;
use super::helm::Helm;
use super::queue::{Arrivals, Event};
use super::reception::Reception;
use super::udp::{FAULT_PAUSE, READING_CHECK, Received, UdpListener};
use crate::clock::Clock;
use bytes::Bytes;
use countersign::time::Ticks;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Datagrams read from one socket before timers are looked at again: as many as are taken from a queue.
const BATCH: usize = 64;

/// What reaches one shard, by whatever way.
pub struct Intake {
    arrivals: Arrivals,
    sockets: Option<OwnSockets>,
}

impl Intake {
    /// What comes by the queue, and by sockets if the shard reads some itself.
    pub fn new(arrivals: Arrivals, sockets: Option<OwnSockets>) -> Self {
        Self { arrivals, sockets }
    }

    /// Waits until something has come, no longer than `limit`. The first event of the queue, if that is what came.
    ///
    /// # Errors
    /// If nobody can send any more.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<Event>, Closed> {
        match &mut self.sockets {
            Some(sockets) => Ok(sockets.wait(limit, &self.arrivals)),
            None => match self.arrivals.recv_timeout(limit) {
                Ok(event) => Ok(Some(event)),
                Err(RecvTimeoutError::Disconnected) => Err(Closed),
                Err(RecvTimeoutError::Timeout) => Ok(None),
            },
        }
    }

    /// The queue.
    pub fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// Reads what the sockets have, some of it if it is much, and gives `take` each event that is made of it, with the time it was
    /// read.
    pub fn read(&mut self, mut take: impl FnMut(Event, Ticks)) {
        if let Some(sockets) = &mut self.sockets {
            sockets.read(&mut take);
        }
    }
}

/// Nobody can send any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// The sockets of a shard that has nobody beside it.
pub struct OwnSockets {
    bell: Arc<Bell>,
    sockets: Vec<OwnSocket>,
    buffer: Box<[u8]>,
    reception: Arc<Reception>,
    helm: Arc<Helm>,
    clock: Arc<dyn Clock>,
}

struct OwnSocket {
    listener: UdpListener,
    /// Whether it may have something.
    is_ready: Cell<bool>,
    /// It could not be read, and is not looked at before.
    silent_until: Ticks,
}

impl OwnSockets {
    /// Sockets that are read wherever the helm says that we do. `bell` is rung by those who send to the shard's queue.
    pub fn new(
        listeners: &[UdpListener],
        bell: Arc<Bell>,
        reception: Arc<Reception>,
        helm: Arc<Helm>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let sockets = listeners.iter().map(|listener| OwnSocket {
            listener: listener.clone(),
            is_ready: Cell::new(true),
            silent_until: Ticks::default(),
        });
        Self {
            bell,
            sockets: sockets.collect(),
            buffer: UdpListener::buffer(),
            reception,
            helm,
            clock,
        }
    }

    fn wait(&self, limit: Duration, arrivals: &Arrivals) -> Option<Event> {
        if limit.is_zero() {
            self.look_at_all();
            return arrivals.try_recv();
        }
        self.bell.lie_down();
        let first = arrivals.try_recv();
        let has_rung = match first {
            Some(_) => {
                self.look_at_all();
                false
            }
            None => self.sleep(limit),
        };
        self.bell.get_up(has_rung);
        first
    }

    /// There was no time to ask which socket has something.
    fn look_at_all(&self) {
        let now = self.clock.now().ticks;
        for socket in &self.sockets {
            socket.is_ready.set(self.pause(socket, now).is_none());
        }
    }

    /// Sleeps until a socket has something, or the bell rings, or time is up. Whether the bell has rung.
    fn sleep(&self, mut limit: Duration) -> bool {
        let now = self.clock.now().ticks;
        let mut watched = Vec::with_capacity(self.sockets.len());
        for socket in &self.sockets {
            match self.pause(socket, now) {
                Some(pause) => {
                    socket.is_ready.set(false);
                    limit = limit.min(pause);
                }
                None => watched.push(socket),
            }
        }
        let sockets = watched.iter().map(|socket| &socket.listener);
        let mut waits = vec![PollFd::new(&*self.bell, PollFlags::IN)];
        waits.extend(sockets.map(|socket| PollFd::new(socket, PollFlags::IN)));
        // Who waits for a moment only would not fail to say so in seconds.
        let limit = Timespec::try_from(limit).unwrap_or_default();
        match poll(&mut waits, Some(&limit)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => {
                tracing::error!(%error, "sockets cannot be waited for; trying on");
                std::thread::sleep(READING_CHECK);
            }
        }
        let mut has_come = waits.iter().map(|wait| !wait.revents().is_empty());
        let has_rung = has_come.next().unwrap_or(false);
        for (socket, has_come) in watched.iter().zip(has_come) {
            socket.is_ready.set(has_come);
        }
        has_rung
    }

    /// After what time a socket is looked at again that is not read now; `None`: it is.
    fn pause(&self, socket: &OwnSocket, now: Ticks) -> Option<Duration> {
        match socket.listener.is_read_here(&self.helm) {
            true if now < socket.silent_until => Some(socket.silent_until.since(now)),
            true => None,
            false => Some(READING_CHECK),
        }
    }

    fn read(&mut self, take: &mut impl FnMut(Event, Ticks)) {
        for socket in &mut self.sockets {
            for _ in 0..BATCH {
                // It is asked each time: another process may read from now on.
                if !socket.is_ready.get() || !socket.listener.is_read_here(&self.helm) {
                    break;
                }
                let received = socket.listener.try_receive(&mut self.buffer);
                let now = self.clock.now().ticks;
                match received {
                    Received::Datagram(bytes, remote) => {
                        let bytes = Bytes::copy_from_slice(bytes);
                        let sorted = self.reception.sorted(socket.listener.flow(remote), bytes);
                        // There is one shard only, whose number this is.
                        if let Some((_, event)) = sorted {
                            take(event, now);
                        }
                    }
                    Received::Fault(error) => {
                        socket.listener.tell(&error);
                        socket.silent_until = now.after(FAULT_PAUSE);
                        socket.is_ready.set(false);
                    }
                    Received::Nothing => socket.is_ready.set(false),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
