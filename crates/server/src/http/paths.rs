//! Every path there is, one a line, each at one listener.

use super::{Site, counting, operations, repository};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

/// Largest body of a request, in bytes: a whole SIP message in JSON is below it.
pub const MAX_REQUEST_BYTES: usize = 128 * 1024;

/// Who is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// Operators; loopback by default.
    Admin,
    /// Anybody.
    Public,
    /// Permitted trunks.
    Trunk,
}

/// What answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Certificate,
    Health,
    Metrics,
    Ready,
    Reload,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// Where it exists.
    pub listener: Listener,
    /// The path; `{}` stands for a segment.
    pub path: &'static str,
    answer: Answer,
    /// What it is for.
    pub says: &'static str,
}

#[rustfmt::skip]
/// The table.
pub const PATHS: &[Path] = &[
    path(Listener::Public, "/certificates/{file}", Answer::Certificate, "a published certificate chain: what x5u points to"),
    path(Listener::Admin, "/health", Answer::Health, "whether the process lives"),
    path(Listener::Admin, "/ready", Answer::Ready, "whether it carries calls"),
    path(Listener::Admin, "/metrics", Answer::Metrics, "what it counts, for Prometheus"),
    path(Listener::Admin, "/reload", Answer::Reload, "POST: read the configuration again; from this machine only"),
];

const fn path(listener: Listener, path: &'static str, answer: Answer, says: &'static str) -> Path {
    Path {
        listener,
        path,
        answer,
        says,
    }
}

impl Answer {
    fn method(self) -> MethodRouter<Site> {
        match self {
            Self::Certificate => get(repository::certificate),
            Self::Health => get(operations::health),
            Self::Metrics => get(operations::metrics),
            Self::Ready => get(operations::ready),
            Self::Reload => post(operations::reload),
        }
    }
}

/// What answers at one listener.
pub fn router(listener: Listener, site: Site) -> Router {
    let counted = from_fn_with_state(site.metrics.clone(), counting::counted);
    PATHS
        .iter()
        .filter(|line| line.listener == listener)
        .fold(Router::new(), |router, line| {
            router.route(line.path, counting::named(line.path, line.answer.method()))
        })
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .layer(counted)
        .with_state(site)
}
