//! The three HTTP listeners: public (certificate repository), trunk (signing and verification), admin (health, metrics,
//! reload).
//!
//! [`paths`] is the one table: every path of the API is one line there and belongs to one listener; asked at another it does
//! not exist. [`listener`] binds and serves with its limits; [`repository`], [`operations`] and [`stir`] answer. What they all share is
//! a [`Site`].
//!
//! What does not live here: judging and signing (the doors call the services of `countersign` and hold no rule of their own),
//! and the fetching of other people's certificates ([`crate::fetch`]).

mod steady;
pub mod listener;
mod counting;
mod authority;
pub mod openapi;
pub mod operations;
pub mod paths;
pub mod repository;
pub mod stir;

pub use crate::tls::Tls;
pub use listener::{Guests, serve};
pub use operations::Readiness;
pub use paths::{Listener, guests, router};
pub use repository::Repository;
pub use stir::Door;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::office::service::Service;
use crate::reload::Reloads;
use std::sync::Arc;

/// What the listeners answer from.
#[derive(Clone)]
pub struct Site {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The chains that are published.
    pub repository: Arc<Repository>,
    /// Whether calls are carried.
    pub readiness: Arc<Readiness>,
    /// What is counted; `None`: `/metrics` does not exist.
    pub metrics: Option<Arc<Metrics>>,
    /// Where another configuration is asked for.
    pub reloads: Reloads,
    /// The authority, if this server is one.
    pub authority: Option<Arc<Service>>,
    /// Who signs and judges; `None`: nobody may ask.
    pub door: Option<Arc<Door>>,
}
