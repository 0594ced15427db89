//! Requests that must not begin: what is new and what is not, and the 503 for what finds no place.
//!
//! Who decides that there is no place is the host, which knows how long messages wait and whether it is about to end. Here is
//! what it asks before, and what it says then. Nothing is remembered of a request that is turned away.

use super::context::Stage;
use super::decision::is_emergency;
use super::{Element, Output};
use crate::flow::{ConnectionId, Flow};
use crate::message::{Message, Method, Name};
use crate::transaction::matching::{ClientKey, ServerKey};
use crate::trunk::Trunk;
use countersign::time::{Now, Ticks};
use std::net::IpAddr;

/// What a message is to us, when not all can be served.
// RFC 7339 §5.10.1: "A SIP client SHOULD honor the local policy for prioritizing SIP requests such as policies based on message
// type, e.g., INVITEs versus requests associated with existing sessions."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// A request that would begin something: it can still go elsewhere.
    Begins,
    /// The same, but somebody's emergency: it is never turned away for others' sake.
    Emergency,
    /// What belongs to something that has begun: a response, a retransmission, ACK, CANCEL, anything inside a dialog.
    GoesOn,
}

/// A request that has no final answer yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Its Call-ID as written.
    pub call_id: Box<[u8]>,
    /// Its method as written.
    pub method: Box<[u8]>,
    /// When it came.
    pub received: Ticks,
}

/// Seconds after which one may try again, at least. Short, because whoever obeys sends us nothing at all until then: RFC 3261
/// §21.5.4, "It SHOULD NOT forward any other requests to that server for the duration specified in the Retry-After header field".
const RETRY_AFTER_S: u8 = 1;

/// Different times that senders are given, a second apart, so that they do not all come back together.
const RETRY_SPREAD_S: u8 = 4;

/// What something that has begun needs of the connections that others have opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Needed {
    /// This one: requests came on it that are not over.
    Connection(ConnectionId),
    /// Any from there: the far side of a call may end it on each of them.
    From(IpAddr),
}

impl Element {
    /// What a message is to us. A To tag is taken at its word: whoever lies gains the place of one request.
    pub fn rank(&self, message: &Message, trunk: Option<&Trunk>) -> Rank {
        let inside = || message.to().is_ok_and(|to| to.tag().is_some());
        let known =
            || ServerKey::of(message).is_ok_and(|key| self.table.servers.contains_key(&key));
        match message.method() {
            None | Some(Method::Ack | Method::Cancel) => Rank::GoesOn,
            Some(_) if inside() || known() => Rank::GoesOn,
            Some(_) => match trunk {
                Some(trunk) if is_emergency(message, trunk, &self.options) => Rank::Emergency,
                _ => Rank::Begins,
            },
        }
    }

    /// Whether a message is of a transaction that this element knows, and nobody else can do anything with it.
    pub fn knows(&self, message: &Message) -> bool {
        let server =
            |key: Result<ServerKey, _>| key.is_ok_and(|key| self.table.servers.contains_key(&key));
        let inside = |request| {
            let in_call = self.table.calls.place(request, &self.tokens).is_some();
            in_call || self.inquiry_of(request).is_some()
        };
        match message.method() {
            None => matches!(
                ClientKey::of(message),
                Ok(Some(key)) if self.table.branches.contains_key(&key)
            ),
            Some(Method::Cancel) => server(ServerKey::of_cancelled(message)),
            Some(Method::Ack) => {
                server(ServerKey::of(message))
                    || self.answered_without_state(message)
                    || inside(message)
            }
            Some(_) => server(ServerKey::of(message)) || inside(message),
        }
    }

    /// The requests that wait for their final answer, in no order.
    pub fn unanswered(&self) -> impl Iterator<Item = Unanswered> {
        let contexts = self.contexts.values();
        let waiting = contexts.filter(|context| !matches!(context.stage, Stage::Answered));
        waiting.map(|context| Unanswered {
            call_id: context
                .request
                .header(Name::CallId)
                .unwrap_or_default()
                .into(),
            method: context
                .request
                .method()
                .map_or(&[][..], Method::as_bytes)
                .into(),
            received: context.record.received,
        })
    }

    /// What must stay of the connections that others have opened, in no order and perhaps twice.
    pub fn needs(&self) -> impl Iterator<Item = Needed> {
        let contexts = self.contexts.values();
        let contexts = contexts.filter_map(|context| context.server.connection());
        let callers = self.table.calls.iter();
        let callers = callers.filter_map(|call| call.caller.connection);
        let called = self.table.calls.iter().flat_map(|call| {
            let hops = call.dialogs().iter();
            hops.filter_map(|dialog| call.trunk.next_hops.get(dialog.place))
        });
        let connections = contexts.chain(callers).map(Needed::Connection);
        connections.chain(called.map(|hop| Needed::From(hop.address.ip())))
    }

    /// A request that must not begin gets 503; ACK and responses get nothing.
    // RFC 3261 §21.5.4: "The server MAY indicate when the client should retry the request in a Retry-After header field. If no
    // Retry-After is given, the client MUST act as if it had received a 500 (Server Internal Error) response."
    pub(super) fn turn_away(
        &mut self,
        flow: Flow,
        request: &Message,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        if matches!(request.method(), None | Some(Method::Ack)) {
            return;
        }
        // Nobody outside can tell what the tag of our answer will be, and the same request is told the same again.
        let tag = self.tokens.local_tag(request);
        let spread = tag
            .as_bytes()
            .iter()
            .fold(0_u8, |sum, digit| sum.wrapping_add(*digit));
        let seconds = (RETRY_AFTER_S + spread % RETRY_SPREAD_S).to_string();
        let retry_after = [("Retry-After", seconds.as_bytes())];
        let busy = (503, "Service Unavailable");
        self.answer(flow, request, busy, &retry_after, now, out);
    }
}
