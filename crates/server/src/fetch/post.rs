//! Posting to servers that the operator named: token authorities and certification authorities.
//!
//! The guard is that of every fetch: the URL is judged, every address is judged, nothing is followed, time and bytes are bounded.
//! What differs from [`super::pull`]: any status is an answer, because what went wrong is said in its body.

use super::exchange;
use super::url::Target;
use super::{Fetcher, Unavailable};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, USER_AGENT,
};
use hyper::{Request, StatusCode};
use std::time::Duration;
use tokio::task::JoinSet;

/// Longest exchange. No call waits for it; an authority may have to ask others first.
pub const POST_TIMEOUT: Duration = Duration::from_secs(60);

/// What is posted.
#[derive(Clone, Debug)]
pub struct Post<'a> {
    /// The URL: https.
    pub url: &'a str,
    /// The media type of the body.
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
        tokio::time::timeout(POST_TIMEOUT, self.post_unbounded(post))
            .await
            .unwrap_or(Err(Unavailable::TimedOut))
    }

    async fn post_unbounded(&self, post: &Post<'_>) -> Result<Posted, Unavailable> {
        let target =
            Target::judge(post.url, self.connector.origins()).map_err(|_| Unavailable::BadUrl)?;
        let request = request(&target, post)?;
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

fn request(target: &Target, post: &Post<'_>) -> Result<Request<Full<Bytes>>, Unavailable> {
    let mut request = Request::post(target.path())
        .header(HOST, target.authority().to_string())
        .header(
            USER_AGENT,
            concat!("countersign/", env!("CARGO_PKG_VERSION")),
        )
        .header(ACCEPT, "*/*")
        // A compressed body could unfold to any size.
        .header(ACCEPT_ENCODING, "identity")
        .header(CONNECTION, "close")
        .header(CONTENT_TYPE, post.content_type);
    if let Some(authorization) = post.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    request
        .body(Full::new(post.body.clone()))
        .map_err(|_| Unavailable::BadUrl)
}
