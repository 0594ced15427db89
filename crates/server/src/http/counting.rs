//! Requests counted by path and status.
//!
//! A path is told as the table of [`super::paths`] writes it, never as somebody asked for it; what is in no line of the table is
//! `other`.

use crate::metrics::Metrics;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, map_response};
use axum::response::Response;
use axum::routing::MethodRouter;
use std::sync::Arc;
use std::time::Instant;

/// What has no name of its own here.
const OTHER: &str = "other";

/// Which line of the table answered; goes with the response until it is counted.
#[derive(Clone, Copy)]
struct Line(&'static str);

/// What answers at `path`, which is a line of the table, is counted under it.
pub(super) fn named<S>(path: &'static str, answer: MethodRouter<S>) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    let name = move |mut response: Response| {
        response.extensions_mut().insert(Line(path));
        std::future::ready(response)
    };
    answer.layer(map_response(name))
}

/// Counts a request, and how long its answer took.
pub(super) async fn counted(
    State(metrics): State<Option<Arc<Metrics>>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(metrics) = metrics else {
        return next.run(request).await;
    };
    let begun = Instant::now();
    let response = next.run(request).await;
    metrics.http_latency.observe(begun.elapsed());
    let line = response.extensions().get::<Line>();
    let path = line.map_or(OTHER, |Line(path)| path);
    let status = status(response.status());
    metrics.http_requests.increment([path, status]);
    response
}

/// A status as a label: those that are given here, and of others the class.
fn status(status: StatusCode) -> &'static str {
    let known = STATUSES.iter().find(|(code, _)| *code == status.as_u16());
    match (known, status.as_u16() / 100) {
        (Some((_, label)), _) => label,
        (None, 1) => "1xx",
        (None, 2) => "2xx",
        (None, 3) => "3xx",
        (None, 4) => "4xx",
        (None, 5) => "5xx",
        (None, _) => OTHER,
    }
}

#[rustfmt::skip]
const STATUSES: &[(u16, &str)] = &[
    (200, "200"), (204, "204"), (304, "304"),
    (400, "400"), (401, "401"), (403, "403"), (404, "404"), (405, "405"), (406, "406"), (408, "408"), (411, "411"), (413, "413"),
    (415, "415"), (422, "422"), (429, "429"),
    (500, "500"), (501, "501"), (503, "503"), (504, "504"),
];
