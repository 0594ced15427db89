//! From bytes to the shard: parse, find the trunk, choose by Call-ID.

use super::services::Services;
use super::shard::{Event, ShardQueue};
use super::{Receipt, Sink, Taken};
use bytes::Bytes;
use countersign_sip::flow::{Flow, Transport};
use countersign_sip::message::{Framing, Message, ParseError};
use countersign_sip::proxy::Input;
use countersign_sip::stream::Piece;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::mpsc::TrySendError;

/// Hands what sockets deliver to the shards.
pub struct Reception {
    services: Arc<Services>,
    shards: Vec<ShardQueue>,
    /// Nobody outside can tell which Call-IDs meet in one shard.
    hasher: RandomState,
}

impl Reception {
    /// A reception in front of these shards; there must be one at least.
    pub fn new(services: Arc<Services>, shards: Vec<ShardQueue>) -> Self {
        Self {
            services,
            shards,
            hasher: RandomState::new(),
        }
    }

    fn input(&self, flow: Flow, parsed: Result<Message, ParseError>) -> (usize, Input) {
        self.services.metrics.sip_messages.increment([
            transport(flow.transport),
            "in",
            kind(&parsed),
        ]);
        let trunk = self.services.trunks.find(&flow, None).cloned();
        match parsed {
            Ok(message) => (
                self.shard_of(&message),
                Input::Received {
                    flow,
                    message,
                    trunk,
                },
            ),
            Err(error) => {
                let shard = error
                    .answerable()
                    .map_or(0, |message| self.shard_of(message));
                (
                    shard,
                    Input::Unreadable {
                        flow,
                        error: Box::new(error),
                        trunk,
                    },
                )
            }
        }
    }

    fn shard_of(&self, message: &Message) -> usize {
        let call_id = message.call_id().unwrap_or_default();
        // The remainder is below the number of shards, which is a usize.
        (self.hasher.hash_one(call_id) % self.shards.len() as u64) as usize
    }

    fn offer(&self, shard: usize, input: Input) -> Result<(), Box<Input>> {
        let Some(queue) = self.shards.get(shard) else {
            return Ok(());
        };
        match queue.try_send(Event::Input(input)) {
            Err(TrySendError::Full(Event::Input(input))) => Err(Box::new(input)),
            // A shard that is gone takes nothing any more; the server is stopping.
            _ => Ok(()),
        }
    }
}

impl Sink for Reception {
    fn datagram(&self, flow: Flow, bytes: Bytes) {
        let (shard, input) = self.input(flow, Message::parse(bytes, Framing::Datagram));
        if self.offer(shard, input).is_err() {
            self.services.metrics.sip_refused.increment(["queue-full"]);
        }
    }

    fn piece(&self, flow: Flow, piece: Piece) -> Taken {
        let parsed = match piece {
            Piece::Bad(error) => Err(error),
            Piece::Message(message) => Ok(message),
            Piece::Ping => return Taken::Yes,
        };
        let (shard, input) = self.input(flow, parsed);
        match self.offer(shard, input).map_err(|input| *input) {
            Err(Input::Received { message, .. }) => Taken::Busy(Box::new(Piece::Message(message))),
            Err(Input::Unreadable { error, .. }) => Taken::Busy(Box::new(Piece::Bad(*error))),
            _ => Taken::Yes,
        }
    }

    fn failed(&self, receipt: Receipt) {
        let Receipt { shard, by, target } = receipt;
        if self
            .offer(shard, Input::TransportFailed { by, target })
            .is_err()
        {
            // Its timers find out.
            self.services.metrics.sip_refused.increment(["queue-full"]);
        }
    }
}

fn kind(parsed: &Result<Message, ParseError>) -> &'static str {
    match parsed {
        Ok(message) if message.method().is_some() => "request",
        Ok(_) => "response",
        Err(_) => "unreadable",
    }
}

fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
        Transport::Udp => "udp",
    }
}
