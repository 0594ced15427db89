//! `/health`, `/ready`, `/metrics`: what operators and their machines ask.

use super::Site;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
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
    /// It carries calls.
    Ready,
    /// It is not there yet.
    Starting,
    /// It finishes the calls it has and takes no more.
    Stopping,
}

impl Readiness {
    /// Tells what the process does from now on.
    pub fn set(&self, phase: Phase) {
        let value = match phase {
            Phase::Starting => STARTING,
            Phase::Ready => READY,
            Phase::Stopping => STOPPING,
        };
        self.0.store(value, Ordering::Release);
    }

    /// What the process does.
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Acquire) {
            READY => Phase::Ready,
            STOPPING => Phase::Stopping,
            _ => Phase::Starting,
        }
    }
}

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;

pub(super) async fn health() -> Response {
    json(StatusCode::OK, "{\"status\":\"ok\"}\n")
}

pub(super) async fn ready(State(site): State<Site>) -> Response {
    match site.readiness.phase() {
        Phase::Ready => json(StatusCode::OK, "{\"status\":\"ready\"}\n"),
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

fn json(status: StatusCode, body: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body).into_response()
}
