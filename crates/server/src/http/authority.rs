//! The doors of the authority on the public listener: ACME, tokens, revocation.
//!
//! What is decided is decided by [`crate::office::service`]; here it is only carried. Requests and replies have the bounds of the
//! listener. Where this server is no authority, none of these paths exists.

use super::Site;
use super::counting::named;
use super::listener::Ends;
use crate::office::gate::Door;
use crate::office::service::{Request, Service, Shown};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use countersign_ca::acme;
use countersign_ca::token_authority::request::{Dialect, Reply};
use std::sync::Arc;

/// Where the ACME server is.
const ACME: &str = "/acme";

/// RFC 2585 §4.2.
const PKIX_CRL: &str = "application/pkix-crl";
/// RFC 6960 §A.1.
const OCSP_RESPONSE: &str = "application/ocsp-response";

/// A list may be kept for as long as it takes to notice a new one: own decision.
const FOR_A_WHILE: &str = "public, max-age=300";

type Authority = State<Arc<Service>>;

/// The paths of the authority; none where there is none.
pub(super) fn router(site: &Site) -> Router<Site> {
    let Some(service) = site.authority.clone() else {
        return Router::new();
    };
    let acme = "/acme/{*resource}";
    let token = "/at/account/{id}/token";
    let (login, sti_pa) = ("/api/v1/auth/login", "/api/v1/account/{id}/token");
    let anchors = "/api/v1/ca-list";
    let (crl, ocsp, asked) = ("/crl/{file}", "/ocsp", "/ocsp/{*request}");
    Router::new()
        .route(acme, named(acme, any(self::acme)))
        .route(token, named(token, post(token_by_rfc)))
        .route(login, named(login, post(self::login)))
        .route(sti_pa, named(sti_pa, post(token_by_sti_pa)))
        .route(anchors, named(anchors, get(self::anchors)))
        .route(crl, named(crl, get(list)))
        .route(ocsp, named(ocsp, post(ocsp_posted)))
        .route(asked, named(asked, get(ocsp_asked)))
        .with_state(service)
}

async fn acme(
    State(service): Authority,
    Extension(ends): Extension<Ends>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // Whoever only asks for the directory or a nonce waits for nothing, and has the limits of connections.
    let entered = (method == Method::POST).then(|| service.enter(ends.peer.ip(), Door::Acme));
    let _at_work = match entered.transpose() {
        Ok(at_work) => at_work,
        Err(why) => return carried(service.turned_away(why)),
    };
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let content_type = headers.get(CONTENT_TYPE);
    let request = Request {
        method: method.as_str().to_owned(),
        path: path.strip_prefix(ACME).unwrap_or(path).to_owned(),
        content_type: content_type.and_then(|one| one.to_str().ok().map(str::to_owned)),
        body,
    };
    carried(service.acme(request).await)
}

/// A reply of the ACME server, as it is.
fn carried(reply: acme::Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, reply.body).into_response();
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    for (name, value) in reply.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            headers.append(name, value);
        }
    }
    response
}

async fn token_by_rfc(
    state: Authority,
    ends: Extension<Ends>,
    id: Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    token(state, ends, id, (headers, body), Dialect::Rfc).await
}

async fn token_by_sti_pa(
    state: Authority,
    ends: Extension<Ends>,
    id: Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    token(state, ends, id, (headers, body), Dialect::StiPa).await
}

async fn token(
    State(service): Authority,
    Extension(ends): Extension<Ends>,
    Path(id): Path<String>,
    (headers, body): (HeaderMap, Bytes),
    dialect: Dialect,
) -> Response {
    let _at_work = match service.enter(ends.peer.ip(), Door::Tokens) {
        Ok(at_work) => at_work,
        Err(why) => return told(Some(service.no_token_now(why))),
    };
    let authorization = headers.get(AUTHORIZATION);
    let shown = Shown {
        authorization: authorization.and_then(|one| one.to_str().ok().map(str::to_owned)),
        certificate: ends.certificate,
    };
    told(service.token(id, shown, body, dialect).await)
}

async fn login(
    State(service): Authority,
    Extension(ends): Extension<Ends>,
    body: Bytes,
) -> Response {
    match service.enter(ends.peer.ip(), Door::Tokens) {
        Ok(_at_work) => told(service.login(&body)),
        Err(why) => told(Some(service.no_token_now(why))),
    }
}

/// The list of authorities that are trusted: for everybody, it is signed.
async fn anchors(State(service): Authority) -> Response {
    match service.ca_list() {
        Some(reply) => {
            let kept = (CACHE_CONTROL, FOR_A_WHILE);
            ([(CONTENT_TYPE, reply.content_type), kept], reply.body).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A reply of the token authority, kept out of every cache; `None`: there is no token authority here.
fn told(reply: Option<Reply>) -> Response {
    let Some(reply) = reply else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [
        (CONTENT_TYPE, reply.content_type),
        (CACHE_CONTROL, "no-store"),
    ];
    let mut response = (status, headers, reply.body).into_response();
    if let Some(wait) = reply.retry_after {
        let wait = HeaderValue::from(wait);
        response.headers_mut().insert(RETRY_AFTER, wait);
    }
    if let Some(challenge) = reply.www_authenticate {
        let challenge = HeaderValue::from_static(challenge);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

async fn list(State(service): Authority, Path(file): Path<String>) -> Response {
    let name = file.strip_suffix(".crl");
    match name.and_then(|name| service.list(name)) {
        Some(list) => {
            let headers = [(CONTENT_TYPE, PKIX_CRL), (CACHE_CONTROL, FOR_A_WHILE)];
            (headers, list).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn ocsp_posted(State(service): Authority, body: Bytes) -> Response {
    answered(service.ocsp(body).await)
}

// RFC 6960 §A.1: "An OCSP request using the GET method is constructed as follows: GET {url}/{url-encoding of base-64 encoding of the DER
// encoding of the OCSPRequest}"
async fn ocsp_asked(State(service): Authority, Path(request): Path<String>) -> Response {
    let pem = format!("-----BEGIN OCSP-----\n{request}\n-----END OCSP-----\n");
    let block = countersign::certificate::pem::blocks(pem.as_bytes()).next();
    // What is no base64 is no request, and the responder says so.
    let der = block.and_then(|block| block.der().ok()).unwrap_or_default();
    answered(service.ocsp(der.into()).await)
}

fn answered(answer: Option<Vec<u8>>) -> Response {
    match answer {
        Some(der) => ([(CONTENT_TYPE, OCSP_RESPONSE)], der).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
