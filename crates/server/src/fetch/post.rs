//! Posting to servers that the operator named: token authorities and certification authorities.
//!
//! The guard is that of every fetch: the URL is judged, every address is judged, nothing is followed, time and bytes are bounded.
//! What differs from [`super::pull`]: any status is an answer, because what went wrong is said in its body.

use super::exchange;
use super::url::Target;
use super::{Fetcher, Unavailable};
use bytes::Bytes;
use countersign_ca::enrolment;
use http_body_util::Full;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, USER_AGENT,
};
use hyper::{Method, Request, StatusCode};
use std::time::Duration;
use tokio::task::JoinSet;

/// Longest exchange. No call waits for it; an authority may have to ask others first.
pub const POST_TIMEOUT: Duration = Duration::from_secs(60);

/// What is posted. It cannot be shown: what authorizes it is a secret.
#[derive(Clone)]
pub struct Post<'a> {
    /// The URL: https.
    pub url: &'a str,
    /// The media type of the body; empty if there is none.
    pub content_type: &'a str,
    /// The value of `Authorization`, if there is one.
    pub authorization: Option<&'a str>,
    /// The body.
    pub body: Bytes,
    /// Largest body of the answer, in bytes.
    pub max_bytes: usize,
}

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The status.
    pub status: StatusCode,
    /// The header.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Fetcher {
    /// Posts once.
    ///
    /// # Errors
    /// [`Unavailable`] if nothing came that could be read.
    pub async fn post(&self, post: &Post<'_>) -> Result<Posted, Unavailable> {
        self.exchange(Method::POST, post).await
    }

    /// Asks what a client of ACME wants asked.
    ///
    /// # Errors
    /// [`Unavailable`] if nothing came that could be read.
    pub async fn converse(
        &self,
        request: &enrolment::HttpRequest,
    ) -> Result<enrolment::HttpResponse, Unavailable> {
        let method = match request.method {
            enrolment::Method::Get => Method::GET,
            enrolment::Method::Head => Method::HEAD,
            enrolment::Method::Post => Method::POST,
        };
        let post = Post {
            url: &request.url,
            content_type: request.content_type.unwrap_or_default(),
            authorization: request.authorization.as_deref(),
            body: request.body.clone().into(),
            max_bytes: enrolment::exchange::MAX_ANSWER,
        };
        let posted = self.exchange(method, &post).await?;
        // A field that is no text is none that ACME knows.
        let fields = posted.headers.iter().filter_map(|(name, value)| {
            let value = value.to_str().ok()?;
            Some((name.as_str().into(), value.into()))
        });
        Ok(enrolment::HttpResponse {
            status: posted.status.as_u16(),
            headers: fields.collect(),
            body: posted.body.into(),
        })
    }

    /// One exchange with a server that the operator named.
    async fn exchange(&self, method: Method, post: &Post<'_>) -> Result<Posted, Unavailable> {
        tokio::time::timeout(POST_TIMEOUT, self.exchange_unbounded(method, post))
            .await
            .unwrap_or(Err(Unavailable::TimedOut))
    }

    async fn exchange_unbounded(
        &self,
        method: Method,
        post: &Post<'_>,
    ) -> Result<Posted, Unavailable> {
        let target =
            Target::judge(post.url, self.connector.origins()).map_err(|_| Unavailable::BadUrl)?;
        let request = request(&target, method, post)?;
        let stream = self.connector.connect(target.authority()).await?;
        let mut driver = JoinSet::new();
        let response = exchange::send(stream, request, &mut driver).await?;
        if !exchange::framing_is_plain(response.headers()) {
            return Err(Unavailable::BadResponse);
        }
        let (head, body) = response.into_parts();
        Ok(Posted {
            status: head.status,
            headers: head.headers,
            body: exchange::read(body, post.max_bytes).await?,
        })
    }
}

fn request(
    target: &Target,
    method: Method,
    post: &Post<'_>,
) -> Result<Request<Full<Bytes>>, Unavailable> {
    let mut request = Request::builder()
        .method(method)
        .uri(target.path())
        .header(HOST, target.authority().to_string())
        .header(
            USER_AGENT,
            concat!("countersign/", env!("CARGO_PKG_VERSION")),
        )
        .header(ACCEPT, "*/*")
        // A compressed body could unfold to any size.
        .header(ACCEPT_ENCODING, "identity")
        .header(CONNECTION, "close");
    if !post.content_type.is_empty() {
        request = request.header(CONTENT_TYPE, post.content_type);
    }
    if let Some(authorization) = post.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    request
        .body(Full::new(post.body.clone()))
        .map_err(|_| Unavailable::BadUrl)
}
