//! What all shards share: what lasts as long as the process, and the state that a reload replaces.

use super::inquiries::Inquiries;
use super::secure::Secure;
use super::state::State;
use crate::clock::Clock;
use crate::fetch::{Card, Fetcher, Picture, Status};
use crate::hep::Hep;
use crate::metrics::Metrics;
use arc_swap::{ArcSwap, Guard};
use countersign::certificate::TnAuthList;
use countersign_sip::probe::Standing;
use std::sync::Arc;

/// What all shards share.
pub struct Services {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who takes copies of messages.
    pub hep: Arc<Hep>,
    /// Where certificates come from.
    pub fetcher: Arc<Fetcher>,
    /// Where TN Authorization Lists by reference come from.
    pub lists: Arc<Fetcher<TnAuthList>>,
    /// Where jCards of rich call data come from.
    pub cards: Arc<Fetcher<Card>>,
    /// Where pictures of rich call data come from.
    pub pictures: Arc<Fetcher<Picture>>,
    /// Where the word of responders comes from.
    pub statuses: Arc<Fetcher<Status>>,
    /// Where fetches run.
    pub runtime: tokio::runtime::Handle,
    /// What TLS connections go by. A reload replaces what is in it.
    pub secure: Arc<Secure>,
    /// Which next hops are down.
    pub standing: ArcSwap<Standing>,
    /// Who has asked how often who would answer.
    pub inquiries: Inquiries,
    /// Everything that a reload replaces.
    pub state: ArcSwap<State>,
}

impl Services {
    /// The state as it is now: take it once for each input. It costs no lock; to be kept for a moment only.
    pub fn state(&self) -> Guard<Arc<State>> {
        self.state.load()
    }
}
