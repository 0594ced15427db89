//! From bytes to the shard: parse, find the trunk, choose by Call-ID.

use super::helm::Helm;
use super::queue::{Event, ShardQueue};
use super::services::Services;
use super::state::State;
use super::{Admission, Peer, Receipt, Refusal, Sink, Taken, Unsent, Waiting, label};
use crate::hep::Direction;
use arc_swap::Guard;
use bytes::Bytes;
use countersign_sip::element::{Input, UnknownSource};
use countersign_sip::flow::{Flow, Transport};
use countersign_sip::message::{Framing, Message, ParseError};
use countersign_sip::own_call_id::OwnCallIds;
use countersign_sip::stream::Piece;
use countersign_sip::trunk::{Source, Trunk};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::mpsc::TrySendError;

/// Hands what sockets deliver to the shards.
///
/// What no shard would answer or remember goes no further than here: queues are short, and who may not be here must not take the
/// room of those who may.
pub struct Reception {
    services: Arc<Services>,
    shards: Vec<ShardQueue>,
    /// Nobody outside can tell which Call-IDs meet in one shard.
    hasher: RandomState,
    /// What begins with us comes back to the shard that began it.
    call_ids: OwnCallIds,
    helm: Arc<Helm>,
}

impl Reception {
    /// A reception in front of these shards; there must be one at least. `call_ids` are those that they make.
    pub fn new(
        services: Arc<Services>,
        shards: Vec<ShardQueue>,
        call_ids: OwnCallIds,
        helm: Arc<Helm>,
    ) -> Self {
        Self {
            services,
            shards,
            hasher: RandomState::new(),
            call_ids,
            helm,
        }
    }

    /// What a datagram is to the shards, and to which; `None` if it would come to nothing.
    pub fn sorted(&self, flow: Flow, bytes: Bytes) -> Option<(usize, Event)> {
        let state = self.services.state();
        // A response begins so; nothing else that a stranger sends is worth a look.
        if !bytes.starts_with(b"SIP/")
            && is_ignored(self.trunk(&Source::from(&flow), None, &state), &state)
            && !state.has_next_hop(flow.remote.ip())
            && !self.call_ids.may_be_in(&bytes)
        {
            if !self.relays(&flow, &bytes) {
                self.count(flow.transport, "in", "ignored", bytes.len());
                self.count_refused("unknown-source");
            }
            return None;
        }
        let length = bytes.len();
        let parsed = Message::parse(bytes, Framing::Datagram);
        self.count(flow.transport, "in", kind(&parsed), length);
        let (shard, input) = self.input(&Peer::unproven(flow), parsed, &state)?;
        Some((shard, Event::Input(input, Guard::into_inner(state))))
    }

    /// Whether a datagram that means nothing to us went to our successor, who may have other trunks and has calls of its own: what
    /// we know of either ended when it came.
    fn relays(&self, flow: &Flow, bytes: &[u8]) -> bool {
        let successor = self.helm.successor();
        flow.transport == Transport::Udp
            && (successor.as_ref()).is_some_and(|relay| relay.send(flow, bytes))
    }

    /// Whether a request that comes by no trunk may be one from the far side of a call: by its Call-ID, which is ours and nobody can
    /// guess, or by who sends it, where names are kept. The shard knows whether it is.
    fn may_be_carried(&self, flow: &Flow, request: &Message, state: &State) -> bool {
        let is_inside = request.to().is_ok_and(|to| to.tag().is_some());
        let call_id = request.call_id().ok();
        let is_ours = || call_id.is_some_and(|id| self.call_ids.shard_of(id).is_some());
        is_inside && (is_ours() || state.has_next_hop(flow.remote.ip()))
    }

    /// The trunk of a message; one that was removed may end what it began, and the shard sees to it that it does no more.
    fn trunk<'a>(
        &self,
        source: &Source<'_>,
        request: Option<&Message>,
        state: &'a State,
    ) -> Option<&'a Arc<Trunk>> {
        let retired = || state.retired(source, self.services.clock.now().ticks);
        state.trunk(source, request).or_else(retired)
    }

    /// The input that a message makes, and for which shard; `None` if it would come to nothing.
    fn input(
        &self,
        peer: &Peer,
        parsed: Result<Message, ParseError>,
        state: &State,
    ) -> Option<(usize, Input)> {
        let flow = peer.flow;
        let trunk = self.trunk(&peer.source(), parsed.as_ref().ok(), state);
        let trunk = trunk.cloned();
        match parsed {
            Ok(message) => {
                if message.method().is_some()
                    && is_ignored(trunk.as_ref(), state)
                    && !self.may_be_carried(&flow, &message, state)
                {
                    if !self.relays(&flow, message.bytes()) {
                        self.count_refused("unknown-source");
                    }
                    return None;
                }
                self.tap(&flow, &message);
                let input = Input::Received {
                    flow,
                    message,
                    trunk,
                };
                Some((self.shard_of(&input), input))
            }
            Err(error) if trunk.is_none() || error.answerable().is_none() => {
                tracing::debug!(remote = %flow.remote, defect = ?error.defect(), "not a SIP message");
                self.count_refused("defect");
                None
            }
            Err(error) => {
                let readable = error.answerable();
                readable.inspect(|message| self.tap(&flow, message));
                let input = Input::Unreadable {
                    flow,
                    error: Box::new(error),
                    trunk,
                };
                Some((self.shard_of(&input), input))
            }
        }
    }

    fn shard_of(&self, input: &Input) -> usize {
        let message = match input {
            Input::Received { message, .. } => Some(message),
            Input::Unreadable { error, .. } => error.answerable(),
            _ => None,
        };
        let call_id = message.and_then(|message| message.call_id().ok());
        // Whatever has one of our Call-IDs, whoever sends it: a call that comes back to us is in two dialogs of one name.
        let ours = call_id.and_then(|call_id| self.call_ids.shard_of(call_id));
        if let Some(shard) = ours.and_then(|shard| usize::try_from(shard).ok()) {
            return shard % self.shards.len().max(1);
        }
        let hash = self.hasher.hash_one(call_id.unwrap_or_default());
        // The remainder is below the number of shards, which is a usize.
        (hash % self.shards.len().max(1) as u64) as usize
    }

    fn offer(&self, shard: usize, event: Event) -> Result<(), Box<Event>> {
        let Some(queue) = self.shards.get(shard) else {
            return Ok(());
        };
        match queue.try_send(event) {
            Err(TrySendError::Full(event)) => Err(Box::new(event)),
            // A shard that is gone takes nothing any more; the server is stopping.
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }

    fn tap(&self, flow: &Flow, message: &Message) {
        let hep = &self.services.hep;
        hep.tap(Direction::In, flow, message.bytes());
    }

    fn count(&self, by: Transport, direction: &'static str, kind: &'static str, bytes: usize) {
        let (metrics, by) = (&self.services.metrics, label(by));
        metrics.sip_messages.increment([by, direction, kind]);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        metrics.sip_bytes.add([by, direction], bytes);
    }

    fn count_refused(&self, reason: &'static str) {
        self.services.metrics.sip_refused.increment([reason]);
    }
}

impl Sink for Reception {
    fn admits(&self, peer: &Peer) -> Admission {
        let state = self.services.state();
        match self.trunk(&peer.source(), None, &state) {
            Some(_) => Admission::Known,
            None if state.has_next_hop(peer.flow.remote.ip()) => Admission::Known,
            None if state.unknown_source == UnknownSource::Drop => Admission::Refused,
            None => Admission::Stranger,
        }
    }

    fn might_admit(&self, flow: &Flow) -> bool {
        let state = self.services.state();
        let mut trunks = state.trunks.known().iter();
        trunks.any(|(recognition, _)| recognition.might_fit(flow))
            || self.admits(&Peer::unproven(*flow)) != Admission::Refused
    }

    fn refused(&self, why: Refusal) {
        self.count_refused(match why {
            Refusal::CertificateEnded => "certificate-ended",
            Refusal::ConnectionLimit => "connection-limit",
            Refusal::Handshake => "handshake",
            Refusal::SlowMessage => "slow-message",
            Refusal::UnknownSource => "unknown-source",
        });
    }

    fn connections(&self, open: [(Transport, usize); 2]) {
        for (transport, open) in open {
            let open = i64::try_from(open).unwrap_or(i64::MAX);
            let gauge = &self.services.metrics.sip_connections;
            gauge.set([label(transport)], open);
        }
    }

    fn datagram(&self, flow: Flow, bytes: Bytes) {
        let Some((shard, event)) = self.sorted(flow, bytes) else {
            return;
        };
        if self.offer(shard, event).is_err() {
            self.count_refused("queue-full");
        }
    }

    fn piece(&self, peer: &Peer, piece: Piece) -> Taken {
        let parsed = match piece {
            Piece::Bad(error) => Err(error),
            Piece::Message(message) => Ok(message),
            Piece::Ping => return Taken::Yes,
        };
        let length = readable(&parsed).map_or(0, |message| message.bytes().len());
        self.count(peer.flow.transport, "in", kind(&parsed), length);
        let state = self.services.state();
        match self.input(peer, parsed, &state) {
            Some((shard, input)) => self.again(Waiting {
                shard,
                input,
                state: Guard::into_inner(state),
            }),
            None => Taken::Yes,
        }
    }

    fn again(&self, waiting: Waiting) -> Taken {
        let Waiting {
            shard,
            input,
            state,
        } = waiting;
        match self
            .offer(shard, Event::Input(input, state))
            .map_err(|event| *event)
        {
            Err(Event::Input(input, state)) => Taken::Busy(Box::new(Waiting {
                shard,
                input,
                state,
            })),
            _ => Taken::Yes,
        }
    }

    fn sent(&self, flow: &Flow, bytes: &Bytes) {
        let kind = match &**bytes {
            // What keeps a connection alive is no message.
            ping if ping.trim_ascii().is_empty() => return,
            response if response.starts_with(b"SIP/") => "response",
            _ => "request",
        };
        self.count(flow.transport, "out", kind, bytes.len());
        self.services.hep.tap(Direction::Out, flow, bytes);
    }

    fn unsent(&self, by: Transport, why: Unsent, receipt: Option<Receipt>) {
        let reason = match why {
            // Most of them have been answered.
            Unsent::ConnectionEnded => None,
            Unsent::NoConnection => Some("no-connection"),
            Unsent::NoHandshake => Some("no-handshake"),
            Unsent::NoSocket => Some("no-socket"),
            Unsent::SendBufferFull => Some("send-buffer-full"),
            Unsent::SlowPeer => Some("slow-peer"),
            Unsent::System => Some("system"),
            Unsent::WrongName => Some("wrong-name"),
        };
        if let Some(reason) = reason {
            let unsent = &self.services.metrics.sip_unsent;
            unsent.increment([label(by), reason]);
        }
        // What the network might have lost as well is not told: the next retransmission leaves, or its timers find out.
        let Some(receipt) = receipt.filter(|_| why != Unsent::SendBufferFull) else {
            return;
        };
        let shard = receipt.shard;
        if self.offer(shard, Event::Unsent(receipt)).is_err() {
            // Its timers find out.
            self.count_refused("queue-full");
        }
    }
}

fn is_ignored(trunk: Option<&Arc<Trunk>>, state: &State) -> bool {
    trunk.is_none() && state.unknown_source == UnknownSource::Drop
}

/// The message, or as much of it as could be read.
fn readable(parsed: &Result<Message, ParseError>) -> Option<&Message> {
    match parsed {
        Ok(message) => Some(message),
        Err(error) => error.answerable(),
    }
}

fn kind(parsed: &Result<Message, ParseError>) -> &'static str {
    match parsed {
        Ok(message) if message.method().is_some() => "request",
        Ok(_) => "response",
        Err(_) => "unreadable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Life;
    use crate::sip::queue::{Arrivals, queue};
    use crate::sip::relay::{self, Relay};
    use crate::sip::stage::{Kept, Stage, flow, invite, message, sender};
    use countersign_sip::flow::Target;
    use countersign_sip::trunk::Role;
    use std::collections::HashSet;
    use std::net::SocketAddr;
    use std::os::unix::net::UnixStream;

    const STRANGER: &str = "127.0.0.9:5060";
    const KNOWN: &str = "127.0.0.1:5060";
    const SECRET: [u8; 16] = [7; 16];

    struct Table {
        stage: Stage,
        reception: Reception,
        helm: Arc<Helm>,
        events: Vec<Arrivals>,
    }

    impl Table {
        fn new(shards: usize, room: usize, unknown_source: UnknownSource) -> Self {
            let stage = Stage::new(Role::None, |_| {});
            stage.change(|state| state.unknown_source = unknown_source);
            let (queues, events) = (0..shards)
                .map(|shard| queue(room, &stage.services, shard, None))
                .unzip();
            let helm = Arc::new(Helm::new(shards));
            let call_ids = OwnCallIds::new(&SECRET);
            let reception = Reception::new(stage.services.clone(), queues, call_ids, helm.clone());
            Self {
                stage,
                reception,
                helm,
                events,
            }
        }

        fn datagram(&self, from: &str, text: &str) {
            let flow = flow(Transport::Udp, from.parse().unwrap());
            let bytes = Bytes::copy_from_slice(text.as_bytes());
            self.reception.datagram(flow, bytes);
        }

        fn delivered(&self) -> usize {
            self.events
                .iter()
                .map(|queue| queue.try_iter().count())
                .sum()
        }

        fn refused(&self, reason: &'static str) -> u64 {
            self.stage.services.metrics.sip_refused.count([reason])
        }
    }

    fn call(call_id: &str) -> String {
        invite(KNOWN.parse().unwrap(), call_id, "")
    }

    #[test]
    fn everything_of_one_call_meets_in_one_shard() {
        let table = Table::new(8, 1_000, UnknownSource::Drop);
        let mut used = HashSet::new();
        for number in 0..100 {
            let text = call(&number.to_string());
            table.datagram(KNOWN, &text);
            table.datagram(KNOWN, &text.replace("INVITE", "CANCEL"));
            table.datagram(
                STRANGER,
                &text.replacen(
                    "INVITE sip:12025550101@b.example SIP/2.0",
                    "SIP/2.0 200 OK",
                    1,
                ),
            );
            let counts = table.events.iter().map(|queue| queue.try_iter().count());
            let counts: Vec<_> = counts.collect();
            assert_eq!(
                counts.iter().filter(|count| **count > 0).count(),
                1,
                "{counts:?}"
            );
            assert_eq!(counts.iter().sum::<usize>(), 3);
            used.insert(counts.iter().position(|count| *count > 0));
        }
        assert!(used.len() > 4, "and calls are spread");
    }

    #[test]
    fn what_has_a_call_id_of_ours_comes_to_the_shard_that_made_it() {
        let table = Table::new(4, 10, UnknownSource::Drop);
        let own = OwnCallIds::new(&SECRET);
        for shard in 0..8 {
            let inside = call(&own.make(shard, "x")).replace(
                "To: <sip:12025550101@b.example>",
                "To: <sip:12025550101@b.example>;tag=1",
            );
            assert!(inside.contains(";tag=1\r\n"), "{inside}");
            table.datagram(STRANGER, &inside);
            let counts = table.events.iter().map(|queue| queue.try_iter().count());
            let expected = (0..4).map(|index| usize::from(index == shard as usize % 4));
            assert!(counts.eq(expected), "the far side may come from anywhere");
            table.datagram(STRANGER, &call(&own.make(shard, "x")));
            table.datagram(STRANGER, &inside.replace("Call-ID: ", "Call-ID: x"));
            assert_eq!(table.delivered(), 0, "but it begins nothing");
        }
    }

    #[test]
    fn a_full_queue_drops_datagrams_and_holds_streams() {
        let table = Table::new(1, 2, UnknownSource::Drop);
        for number in 0..5 {
            table.datagram(KNOWN, &call(&number.to_string()));
        }
        assert_eq!(table.refused("queue-full"), 3);
        let flow = flow(Transport::Tcp, KNOWN.parse().unwrap());
        let piece = Piece::Message(message(&call("stream")));
        let Taken::Busy(waiting) = table.reception.piece(&Peer::unproven(flow), piece) else {
            panic!("there is no room")
        };
        let Taken::Busy(waiting) = table.reception.again(*waiting) else {
            panic!("there is still no room")
        };
        assert_eq!(table.delivered(), 2);
        assert!(matches!(table.reception.again(*waiting), Taken::Yes));
        assert_eq!(table.delivered(), 1);
        let metrics = &table.stage.services.metrics;
        let messages = &metrics.sip_messages;
        assert_eq!(
            messages.count(["tcp", "in", "request"]),
            1,
            "offered thrice, come once"
        );
        assert_eq!(messages.count(["udp", "in", "request"]), 5);
        let length = call("stream").len() as u64;
        assert_eq!(metrics.sip_bytes.count(["tcp", "in"]), length);
    }

    #[test]
    fn what_leaves_is_counted() {
        let table = Table::new(1, 1, UnknownSource::Drop);
        let flow = flow(Transport::Tls, KNOWN.parse().unwrap());
        for text in [
            "SIP/2.0 200 OK\r\n\r\n",
            "BYE sip:a@b SIP/2.0\r\n\r\n",
            "\r\n",
            "\r\n\r\n",
        ] {
            let bytes = Bytes::copy_from_slice(text.as_bytes());
            table.reception.sent(&flow, &bytes);
        }
        let metrics = &table.stage.services.metrics;
        let messages = |kind| metrics.sip_messages.count(["tls", "out", kind]);
        assert_eq!((messages("request"), messages("response")), (1, 1));
        assert_eq!(metrics.sip_bytes.count(["tls", "out"]), 41);
    }

    #[test]
    fn strangers_and_garbage_take_nobodys_room() {
        let table = Table::new(1, 10, UnknownSource::Drop);
        table.datagram(STRANGER, &call("a"));
        assert_eq!(table.refused("unknown-source"), 1);
        for garbage in [
            "garbage",
            "SIP/2.0 nonsense",
            "INVITE sip:a@b SIP/2.0\r\n\r\n\r\n",
        ] {
            table.datagram(STRANGER, garbage);
            table.datagram(KNOWN, &garbage.replace("INVITE", ""));
        }
        assert_eq!(table.delivered(), 0);
        let unanswerable = call("b").replace("CSeq: 1", "CSeq: x");
        table.datagram(KNOWN, &unanswerable);
        assert_eq!(table.delivered(), 1, "this one gets its 400");
        let strict = Table::new(1, 10, UnknownSource::Forbid);
        strict.datagram(STRANGER, &call("a"));
        assert_eq!(strict.delivered(), 1, "and this one its 403");
    }

    #[test]
    fn what_only_the_successor_may_know_goes_to_it() {
        let table = Table::new(1, 10, UnknownSource::Drop);
        let (near, far) = UnixStream::pair().unwrap();
        let relayed = Arc::<Kept>::default();
        let reading = relay::deliver(far, relayed.clone()).unwrap();
        let relay = Arc::new(Relay::start(near).unwrap());
        table.helm.relay_to(relay.clone());
        let new_trunk = call("a");
        let its_own = call(&OwnCallIds::new(&[8; 16]).make(0, "x")).replacen("INVITE", "BYE", 1);
        let looks_like_ours = call(&OwnCallIds::new(&SECRET).make(0, "x"));
        for text in [&new_trunk, &its_own, &looks_like_ours] {
            table.datagram(STRANGER, text);
        }
        table.datagram(KNOWN, &call("b"));
        relay.close();
        reading.join().unwrap();
        let stranger = flow(Transport::Udp, STRANGER.parse().unwrap());
        let expected = [new_trunk, its_own, looks_like_ours].map(|text| (stranger, text));
        assert_eq!(*relayed.pieces.lock().unwrap(), expected);
        assert_eq!(table.delivered(), 1, "whom we know, the shard knows");
        assert_eq!(table.refused("unknown-source"), 0);
        table.datagram(STRANGER, &call("c"));
        assert_eq!(table.refused("unknown-source"), 1, "it is gone");
    }

    #[test]
    fn who_may_connect() {
        for (policy, remote, admission) in [
            (UnknownSource::Drop, KNOWN, Admission::Known),
            (UnknownSource::Drop, STRANGER, Admission::Refused),
            (UnknownSource::Forbid, STRANGER, Admission::Stranger),
            (
                UnknownSource::Drop,
                "[::ffff:127.0.0.1]:9",
                Admission::Known,
            ),
        ] {
            let table = Table::new(1, 1, policy);
            let flow = flow(Transport::Tcp, remote.parse().unwrap());
            assert_eq!(
                table.reception.admits(&Peer::unproven(flow)),
                admission,
                "{policy:?} {remote}"
            );
        }
    }

    #[test]
    fn a_next_hop_may_connect_to_bring_its_response() {
        let hop: SocketAddr = "127.0.0.77:5060".parse().unwrap();
        let stage = Stage::new(Role::None, |trunk| trunk.next_hops[0].address = hop);
        let reception = Reception::new(
            stage.services.clone(),
            Vec::new(),
            OwnCallIds::new(&SECRET),
            Arc::new(Helm::new(1)),
        );
        let back = flow(Transport::Tcp, SocketAddr::new(hop.ip(), 33_000));
        assert_eq!(reception.admits(&Peer::unproven(back)), Admission::Known);
    }

    #[test]
    fn what_the_network_might_have_lost_is_counted_and_not_told() {
        let table = Table::new(1, 10, UnknownSource::Drop);
        let receipt = Receipt {
            shard: 0,
            life: Life(0),
            by: sender(),
            target: Target {
                transport: Transport::Udp,
                remote: KNOWN.parse().unwrap(),
                name: None,
                local: None,
                connection: None,
            },
        };
        let unsent = |why| {
            table
                .reception
                .unsent(Transport::Udp, why, Some(receipt.clone()))
        };
        unsent(Unsent::SendBufferFull);
        assert_eq!(table.delivered(), 0);
        unsent(Unsent::System);
        let Some(Event::Unsent(told)) = table.events[0].try_recv() else {
            panic!("nobody was told")
        };
        assert_eq!(told, receipt);
        let counted = &table.stage.services.metrics.sip_unsent;
        assert_eq!(counted.count(["udp", "send-buffer-full"]), 1);
        assert_eq!(counted.count(["udp", "system"]), 1);
    }
}
