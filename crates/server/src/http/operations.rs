//! `/health`, `/ready`, `/metrics`, `/reload`: what operators and their machines ask.

use super::Site;
use super::listener::Ends;
use crate::reload::Outcome;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::atomic::{AtomicU8, Ordering};

/// The media type of the Prometheus text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether calls are carried.
#[derive(Debug, Default)]
pub struct Readiness(AtomicU8);

/// What the process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It finishes what it has begun and takes no more.
    Draining,
    /// It carries calls.
    Ready,
    /// It is not there yet.
    Starting,
    /// It ends now.
    Stopping,
}

impl Readiness {
    /// Tells what the process does from now on.
    pub fn set(&self, phase: Phase) {
        let value = match phase {
            Phase::Starting => STARTING,
            Phase::Ready => READY,
            Phase::Draining => DRAINING,
            Phase::Stopping => STOPPING,
        };
        self.0.store(value, Ordering::Release);
    }

    /// What the process does.
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Acquire) {
            READY => Phase::Ready,
            DRAINING => Phase::Draining,
            STOPPING => Phase::Stopping,
            _ => Phase::Starting,
        }
    }
}

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;
const DRAINING: u8 = 3;

pub(super) async fn health() -> Response {
    json(StatusCode::OK, "{\"status\":\"ok\"}\n")
}

pub(super) async fn ready(State(site): State<Site>) -> Response {
    match site.readiness.phase() {
        Phase::Ready => json(StatusCode::OK, "{\"status\":\"ready\"}\n"),
        Phase::Draining => json(
            StatusCode::SERVICE_UNAVAILABLE,
            "{\"status\":\"draining\"}\n",
        ),
        Phase::Starting => json(
            StatusCode::SERVICE_UNAVAILABLE,
            "{\"status\":\"starting\"}\n",
        ),
        Phase::Stopping => json(
            StatusCode::SERVICE_UNAVAILABLE,
            "{\"status\":\"stopping\"}\n",
        ),
    }
}

pub(super) async fn metrics(State(site): State<Site>) -> Response {
    match site.metrics {
        Some(metrics) => ([(CONTENT_TYPE, PROMETHEUS)], metrics.render()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Whoever may ask is on this machine, as whoever may send SIGHUP is; and no web page that somebody looks at there: a browser
/// says where such a request comes from.
pub(super) async fn reload(
    State(site): State<Site>,
    Extension(ends): Extension<Ends>,
    request: HeaderMap,
) -> Response {
    if !ends.are_one_machine() || request.contains_key(ORIGIN) {
        let body = "{\"error\":\"only from this machine: countersign reload, or SIGHUP\"}\n";
        return json(StatusCode::FORBIDDEN, body);
    }
    let Ok(outcome) = site.reloads.ask().await else {
        return json(
            StatusCode::SERVICE_UNAVAILABLE,
            "{\"error\":\"the server is stopping\"}\n",
        );
    };
    let status = match &*outcome {
        Outcome::Done(_) => StatusCode::OK,
        Outcome::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    json(status, format!("{}\n", outcome.to_json()))
}

fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body.into()).into_response()
}
