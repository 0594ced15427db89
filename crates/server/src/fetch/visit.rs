//! A visit to a repository: its answer as it stands, good or bad, for those who judge repositories.
//!
//! The guard is the same as for every fetch: the URL is judged, every address is judged, nothing is followed, time and bytes
//! are bounded. What differs is that a wrong status or media type is told and not refused, and that nothing is kept.

use super::caching::{Freshness, Validators};
use super::exchange::{self, Wanted};
use super::url::Target;
use super::{Fetcher, Unavailable};
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, LOCATION};
use tokio::task::JoinSet;

/// What a repository answered.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The HTTP status.
    pub status: u16,
    /// The media type without its parameters, in lower case; empty if there is none or it is no text.
    pub media_type: Box<str>,
    /// What it says about how long it may be kept.
    pub freshness: Freshness,
    /// Where it points to instead; not followed.
    pub location: Option<Box<str>>,
    /// The body. Of a status other than 200 it is not read.
    pub body: Bytes,
}

impl Fetcher {
    /// Asks `url` once and tells what came, whatever it is.
    ///
    /// # Errors
    /// [`Unavailable`] if nothing came that could be looked at.
    pub async fn visit(&self, url: &str) -> Result<Visit, Unavailable> {
        let target =
            Target::judge(url, self.connector.origins()).map_err(|_| Unavailable::BadUrl)?;
        tokio::time::timeout(self.policy.timeout, self.look_at(&target))
            .await
            .unwrap_or(Err(Unavailable::TimedOut))
    }

    async fn look_at(&self, target: &Target) -> Result<Visit, Unavailable> {
        let stream = self.connector.connect(target.authority()).await?;
        let wanted = Wanted::Chain(self.policy.media_types);
        let request = exchange::request(target, &Validators::default(), wanted)?;
        // The set ends the connection when this function is over, however it ends.
        let mut driver = JoinSet::new();
        let response = exchange::send(stream, request, &mut driver).await?;
        if !exchange::framing_is_plain(response.headers()) {
            return Err(Unavailable::BadResponse);
        }
        let text = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let media_type = text(CONTENT_TYPE).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        let mut visit = Visit {
            status: response.status().as_u16(),
            media_type: essence.to_ascii_lowercase().into(),
            freshness: Freshness::of(response.headers(), self.clock.now().unix),
            location: text(LOCATION).map(Box::from),
            body: Bytes::new(),
        };
        if response.status() == hyper::StatusCode::OK {
            visit.body = exchange::read(response.into_body(), self.policy.max_bytes).await?;
        }
        Ok(visit)
    }
}
