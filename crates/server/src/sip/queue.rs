//! The way into a shard: a bounded queue that knows how long what leaves it has waited.
//!
//! How many wait and for how long is what tells that a server has more to do than it can. What follows from it is decided by
//! whoever asks [`Arrivals::waited`].

use super::bell::Bell;
use super::services::Services;
use super::state::State;
use super::{Case, Life, Receipt};
use crate::clock::Clock;
use crate::metrics::{Metrics, ShardGauges};
use countersign::time::Ticks;
use countersign::verification::{Answer, NeedId};
use countersign_sip::element::Input;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Inputs that may wait for a shard. At 10,000 messages a second it is most of a second, and whoever waits longer has repeated
/// itself anyway.
pub const QUEUE: usize = 8_192;

/// What reaches a shard.
pub enum Event {
    /// A need of a verification was answered.
    Answered(Life, Case, NeedId, Answer),
    /// A message, and the state that found its trunk.
    Input(Input, Arc<State>),
    /// Look whether it is time to end.
    Stop,
    /// A message could not be sent.
    Unsent(Receipt),
}

/// A queue with room for `room` events, to the shard of this number; `bell` is rung for what comes, if the shard may sleep beside
/// one.
pub fn queue(
    room: usize,
    services: &Services,
    shard: usize,
    bell: Option<Arc<Bell>>,
) -> (ShardQueue, Arrivals) {
    let (sender, receiver) = sync_channel(room);
    let gauges = services.metrics.shards.of(shard);
    let clock = services.clock.clone();
    let queue = ShardQueue {
        sender,
        bell,
        gauges: gauges.clone(),
        clock: clock.clone(),
    };
    let arrivals = Arrivals {
        receiver,
        gauges,
        clock,
        metrics: services.metrics.clone(),
        since: Cell::default(),
        waited: Cell::default(),
    };
    (queue, arrivals)
}

/// Sends events to one shard.
#[derive(Clone)]
pub struct ShardQueue {
    sender: SyncSender<(Ticks, Event)>,
    bell: Option<Arc<Bell>>,
    gauges: Arc<ShardGauges>,
    clock: Arc<dyn Clock>,
}

impl ShardQueue {
    /// Puts an event into the queue, at once or not at all.
    ///
    /// # Errors
    /// The event comes back if there is no room, or no shard any more.
    #[expect(
        clippy::result_large_err,
        reason = "what found no room comes back whole, as from any channel"
    )]
    pub fn try_send(&self, event: Event) -> Result<(), TrySendError<Event>> {
        // Before it is sent: who takes it must not count it out before it was counted in.
        self.gauges.queue.add(1);
        let sent = self.sender.try_send((self.clock.now().ticks, event));
        sent.map_err(|error| {
            self.gauges.queue.add(-1);
            match error {
                TrySendError::Disconnected((_, event)) => TrySendError::Disconnected(event),
                TrySendError::Full((_, event)) => TrySendError::Full(event),
            }
        })?;
        if let Some(bell) = &self.bell {
            bell.ring();
        }
        Ok(())
    }
}

/// The shard's end of its queue.
pub struct Arrivals {
    receiver: Receiver<(Ticks, Event)>,
    gauges: Arc<ShardGauges>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    since: Cell<Ticks>,
    waited: Cell<Duration>,
}

impl Arrivals {
    /// The next event, as soon as there is one.
    ///
    /// # Errors
    /// If there is none in time, or nobody can send any more.
    pub fn recv_timeout(&self, limit: Duration) -> Result<Event, RecvTimeoutError> {
        let arrived = self.receiver.recv_timeout(limit)?;
        Ok(self.taken(arrived))
    }

    /// The next event, if there is one already.
    pub fn try_recv(&self) -> Option<Event> {
        let arrived = self.receiver.try_recv().ok()?;
        Some(self.taken(arrived))
    }

    /// The events that are there already.
    pub fn try_iter(&self) -> impl Iterator<Item = Event> + '_ {
        std::iter::from_fn(|| self.try_recv())
    }

    /// How long the event waited that was taken last.
    pub fn waited(&self) -> Duration {
        self.waited.get()
    }

    /// When the event came that was taken last.
    pub fn since(&self) -> Ticks {
        self.since.get()
    }

    fn taken(&self, (since, event): (Ticks, Event)) -> Event {
        let waited = self.clock.now().ticks.since(since);
        self.gauges.queue.add(-1);
        self.metrics.queue_delay.observe(waited);
        self.since.set(since);
        self.waited.set(waited);
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::stage::Stage;
    use countersign_sip::trunk::Role;

    #[test]
    fn what_waits_is_counted_and_for_how_long() {
        let stage = Stage::new(Role::None, |_| {});
        let (queue, arrivals) = queue(2, &stage.services, 7, None);
        let metrics = &stage.services.metrics;
        let waiting = || metrics.shards.of(7).queue.get();
        assert!(queue.try_send(Event::Stop).is_ok());
        stage.clock.advance(30);
        assert!(queue.try_send(Event::Stop).is_ok());
        assert!(queue.try_send(Event::Stop).is_err(), "it is full");
        assert_eq!(waiting(), 2);
        stage.clock.advance(5);
        assert!(arrivals.recv_timeout(Duration::ZERO).is_ok());
        assert_eq!(arrivals.waited(), Duration::from_millis(35));
        assert_eq!(arrivals.try_iter().count(), 1);
        assert_eq!(arrivals.waited(), Duration::from_millis(5));
        assert_eq!(waiting(), 0);
        assert_eq!(metrics.queue_delay.count(), 2);
        drop(arrivals);
        assert!(queue.try_send(Event::Stop).is_err(), "nobody is there");
        assert_eq!(waiting(), 0);
    }
}
