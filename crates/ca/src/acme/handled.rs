//! What a request comes to: events to be kept, and what is done then.

use super::event::{Entry, Event};
use super::name::Name;
use super::reply::Reply;
use crate::register::CertificateName;

/// What a request comes to. The events are kept before anything else is done; if they cannot be kept, nothing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// What happened.
    pub events: Vec<Entry>,
    /// What is done then.
    pub then: Then,
}

/// What is done when the events are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// The reply is sent, and the certificate of a token fetched; [`super::fetched`] judges it.
    Fetch {
        /// What is sent at once.
        reply: Reply,
        /// An https URL from a token, which may be anything: fetched like an x5u, nowhere inside.
        url: Box<str>,
        /// What waits for it.
        challenge: Name,
    },
    /// The reply is sent.
    Reply(Reply),
    /// The key of the authority signs what was prepared, that is kept, and then [`super::finished`] makes the reply.
    Sign {
        /// What was prepared.
        certificate: CertificateName,
        /// The order it is for.
        order: Name,
    },
}

impl Handled {
    /// Events and a reply.
    pub(super) fn new(events: impl IntoIterator<Item = Event>, reply: Reply) -> Self {
        Self {
            events: events.into_iter().map(Entry::Acme).collect(),
            then: Then::Reply(reply),
        }
    }

    /// The same, with the reply changed if there is one.
    pub(super) fn map_reply(self, change: impl FnOnce(Reply) -> Reply) -> Self {
        let then = match self.then {
            Then::Reply(reply) => Then::Reply(change(reply)),
            Then::Fetch {
                reply,
                url,
                challenge,
            } => Then::Fetch {
                reply: change(reply),
                url,
                challenge,
            },
            sign @ Then::Sign { .. } => sign,
        };
        Self { then, ..self }
    }
}

impl From<Reply> for Handled {
    fn from(reply: Reply) -> Self {
        Self::new([], reply)
    }
}
