//! Every path there is, one a line, each at one listener.

use super::listener::{Ends, Guests};
use super::stir::dialect::Dialect;
use super::stir::{self, Asked};
use super::{Site, authority, counting, openapi, operations, repository};
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::Request;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any, get, post};
use axum::{Extension, Router};
use std::sync::Arc;

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
    OpenApi,
    PermittedOpenApi,
    Ready,
    Reload,
    Signing(Dialect),
    Verification(Dialect),
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

/// What stands in the table for the path that the operator chooses.
const BASE: &str = "/{base}";

#[rustfmt::skip]
/// The table.
pub const PATHS: &[Path] = &[
    path(Listener::Public, "/certificates/{file}", Answer::Certificate, "a published certificate chain: what x5u points to"),
    path(Listener::Admin, "/health", Answer::Health, "whether the process lives"),
    path(Listener::Admin, "/ready", Answer::Ready, "whether it carries calls"),
    path(Listener::Admin, "/metrics", Answer::Metrics, "what it counts, for Prometheus"),
    path(Listener::Trunk, "/stir/v1/signing", Answer::Signing(Dialect::Atis), "POST: sign a call (ATIS-1000082)"),
    path(Listener::Trunk, "/stir/v1/verification", Answer::Verification(Dialect::Atis), "POST: verify a call (ATIS-1000082)"),
    path(Listener::Trunk, "/{base}/signing", Answer::Signing(Dialect::Threegpp), "POST: sign a call (3GPP TS 24.229)"),
    path(Listener::Trunk, "/{base}/verification", Answer::Verification(Dialect::Threegpp), "POST: verify a call (3GPP TS 24.229)"),
    path(Listener::Trunk, "/openapi.json", Answer::PermittedOpenApi, "this description, for permitted trunks"),
    path(Listener::Admin, "/openapi.json", Answer::OpenApi, "this description"),
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
            Self::OpenApi => get(openapi::answer),
            Self::PermittedOpenApi => stir(Asked::Description),
            Self::Ready => get(operations::ready),
            Self::Reload => post(operations::reload),
            Self::Signing(dialect) => stir(Asked::Signing(dialect)),
            Self::Verification(dialect) => stir(Asked::Verification(dialect)),
        }
    }
}

/// Signing and verification, which say in their own words what is wrong with a method, too.
fn stir(asked: Asked) -> MethodRouter<Site> {
    let answer =
        move |State(site): State<Site>,
              Extension(ends): Extension<Ends>,
              request: Request<Body>| { stir::answer(site.door, ends, asked, request) };
    any(answer)
}

/// Whose connections a listener takes.
pub fn guests(listener: Listener, site: &Site) -> Guests {
    match (listener, site.door.clone()) {
        (Listener::Trunk, Some(door)) => {
            Guests::Some(Arc::new(move |flow| door.might_permit(flow)))
        }
        (Listener::Admin | Listener::Public, _) | (Listener::Trunk, None) => Guests::All,
    }
}

/// What answers at one listener.
pub fn router(listener: Listener, site: Site) -> Router {
    let counted = from_fn_with_state(site.metrics.clone(), counting::counted);
    let lines = PATHS.iter().filter(|line| line.listener == listener);
    let base = site.door.as_ref().map(|door| door.base.clone());
    let router = lines.fold(Router::new(), |router, line| {
        let answer = counting::named(line.path, line.answer.method());
        match (line.path.strip_prefix(BASE), &base) {
            (None, _) => router.route(line.path, answer),
            (Some(rest), Some(base)) => router.route(&format!("{base}{rest}"), answer),
            (Some(_), None) => router,
        }
    });
    let router = match listener {
        Listener::Public => router.merge(authority::router(&site)),
        Listener::Trunk => router.fallback_service(stir(Asked::Nothing).with_state(site.clone())),
        Listener::Admin => router,
    };
    router
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .layer(counted)
        .with_state(site)
}
