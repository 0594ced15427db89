//! `/health`, `/ready`, `/metrics`, `/reload`: what operators and their machines ask.

use super::Site;
use super::listener::Ends;
use crate::office::service::Part;
use crate::reload::Outcome;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign::time::{UnixTime, Validity};
use countersign_ca::renewal::{Jitter, Renewal, Standing};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

/// The media type of the Prometheus text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether calls are carried.
#[derive(Default)]
pub struct Readiness {
    phase: AtomicU8,
    concerns: OnceLock<Concerns>,
}

/// Looks what there is to be said.
type Concerns = Box<dyn Fn() -> Vec<Concern> + Send + Sync>;

/// What whoever asks should know although we are ready: to be sent fewer calls would help, to be sent none would not. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// This part of the authority does not work: nothing is issued, or nobody can prove later that it was.
    Authority(Part),
    /// A certificate that calls are signed with has ended, or ends soon and has not been renewed.
    CertificateEnding,
    /// More comes than can be served; some new calls get 503.
    Overloaded,
    /// Calls are to be verified, and nobody is trusted: none is validated.
    TrustMissing,
}

impl Concern {
    /// What is to be said of a certificate with this life.
    pub fn of_certificate(validity: Validity, now: UnixTime) -> Option<Self> {
        let renewal = Renewal::of(validity, Jitter(0));
        (renewal.standing(now) >= Standing::Critical).then_some(Self::CertificateEnding)
    }

    /// As it is told.
    const fn name(self) -> &'static str {
        match self {
            Self::Authority(Part::Checkpoints) => "authority-checkpoints",
            Self::Authority(Part::Journal) => "authority-journal",
            Self::Authority(Part::Keys) => "authority-keys",
            Self::Authority(Part::List) => "authority-list",
            Self::Authority(Part::Numbers) => "authority-numbers",
            Self::CertificateEnding => "certificate-ending",
            Self::Overloaded => "overloaded",
            Self::TrustMissing => "trust-missing",
        }
    }
}

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
        self.phase.store(value, Ordering::Release);
    }

    /// From now on this is asked what there is to be said.
    pub fn concerns(&self, look: impl Fn() -> Vec<Concern> + Send + Sync + 'static) {
        // There is one server, which says it once.
        let _ = self.concerns.set(Box::new(look));
    }

    /// What the process does.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
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
    let (status, word, reason) = match site.readiness.phase() {
        Phase::Ready => return ready_with(site.readiness.concerns.get()),
        Phase::Draining => (
            StatusCode::SERVICE_UNAVAILABLE,
            "draining",
            "told to end: what has begun goes on, new calls are turned away",
        ),
        Phase::Starting => (
            StatusCode::SERVICE_UNAVAILABLE,
            "starting",
            "not everything listens yet",
        ),
        Phase::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping", "ends now"),
    };
    let body = serde_json::json!({ "status": word, "reason": reason });
    json(status, format!("{body}\n"))
}

fn ready_with(look: Option<&Concerns>) -> Response {
    let concerns = look.map(|look| look()).unwrap_or_default();
    let body = match &*concerns {
        [] => serde_json::json!({ "status": "ready" }),
        concerns => {
            let names: Vec<_> = concerns.iter().map(|concern| concern.name()).collect();
            serde_json::json!({ "status": "ready", "concerns": names })
        }
    };
    json(StatusCode::OK, format!("{body}\n"))
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
