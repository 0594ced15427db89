//! What TLS connections prove themselves with, and whom they believe. A reload replaces it: connections that are open stay as they
//! are, new ones go by the new.

use crate::clock::Clock;
use crate::tls::Tls;
use arc_swap::ArcSwapOption;
use countersign::time::UnixTime;
use rustls::{ClientConfig, ServerConfig};
use std::sync::Arc;

/// What all TLS connections go by.
pub struct Secure {
    clock: Arc<dyn Clock>,
    listeners: Tls,
    hops: ArcSwapOption<ClientConfig>,
}

impl Secure {
    /// Nothing yet: nobody is accepted, and nobody is connected to. The end of a certificate is told by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            listeners: Tls::default(),
            hops: ArcSwapOption::empty(),
        }
    }

    /// From now on connections that others open go by `listeners`, and those that we open by `hops`.
    pub fn replace(&self, listeners: Option<Arc<ServerConfig>>, hops: Option<Arc<ClientConfig>>) {
        self.listeners.replace(listeners);
        self.hops.store(hops);
    }

    pub(super) fn listeners(&self) -> Option<Arc<ServerConfig>> {
        self.listeners.current()
    }

    pub(super) fn hops(&self) -> Option<Arc<ClientConfig>> {
        self.hops.load_full()
    }

    pub(super) fn now(&self) -> UnixTime {
        self.clock.now().unix
    }
}
