//! Pulling what the operator named, outside of calls: revocation lists, lists of trust anchors.
//!
//! The guard is the same as for every fetch: the URL is judged, every address is judged, nothing is followed, time and bytes
//! are bounded. What differs: the answer is larger and may take longer, a list may come by plain http where the operator says
//! so, and nothing is kept here, failures neither: who pulls has a timetable of its own.

use super::caching::Validators;
use super::exchange::{self, Question, Reply, Wanted};
use super::url::Target;
use super::{Fetcher, Unavailable};
use std::time::Duration;

/// Longest pull. No call waits for it; a list of a hundred thousand entries has some five megabytes.
pub const PULL_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether `http://` will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// It will: what comes is signed, and who listens learns nothing.
    Allow,
    /// It will not. The default.
    #[default]
    Refuse,
}

/// What is pulled.
#[derive(Clone, Copy, Debug)]
pub struct Pull<'a> {
    /// The URL.
    pub url: &'a str,
    /// Whether it may be `http://`.
    pub plain: PlainHttp,
    /// Largest body, in bytes.
    pub max_bytes: usize,
    /// With these, an unchanged answer is a short one.
    pub validators: &'a Validators,
}

impl Fetcher {
    /// Asks once.
    ///
    /// # Errors
    /// [`Unavailable`] if nothing came that could be used.
    pub async fn pull(&self, pull: &Pull<'_>) -> Result<Reply, Unavailable> {
        tokio::time::timeout(PULL_TIMEOUT, self.pull_unbounded(pull))
            .await
            .unwrap_or(Err(Unavailable::TimedOut))
    }

    async fn pull_unbounded(&self, pull: &Pull<'_>) -> Result<Reply, Unavailable> {
        let origins = self.connector.origins();
        let secured = Target::judge(pull.url, origins);
        let plain = match (&secured, pull.plain) {
            (Err(_), PlainHttp::Allow) => Target::judge_plain(pull.url, origins).ok(),
            _ => None,
        };
        let question = |target| Question {
            target,
            validators: pull.validators,
            max_bytes: pull.max_bytes,
            wanted: Wanted::Any,
        };
        let now = self.clock.now().unix;
        if let Some(target) = &plain {
            let stream = self.connector.connect_plainly(target.authority()).await?;
            return exchange::ask(stream, &question(target), now).await;
        }
        let target = secured.map_err(|_| Unavailable::BadUrl)?;
        let stream = self.connector.connect(target.authority()).await?;
        exchange::ask(stream, &question(&target), now).await
    }
}
