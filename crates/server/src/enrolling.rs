//! Certificates from an authority, ordered and waited for: what [`countersign_ca::enrolment`] says is asked over HTTPS, by the guard
//! of every fetch.
//!
//! Not here: keys ([`crate::keys`]), where a chain is put, and when it is renewed.

use crate::clock::Clock;
use crate::fetch::Fetcher;
use crate::keys::KeyPlace;
use countersign::time::UnixTime;
use countersign::verification::Unavailable;
use countersign_ca::enrolment::{
    Enrolled, Enrolment, Errand, Failure, HttpRequest, HttpResponse, Lost, ResponseField, Stage,
    Step, Wrapping,
};
use countersign_ca::token::FingerprintRule;
use std::path::PathBuf;
use std::time::Duration;
use tracing::debug;

/// Where the certificate of a tenant comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The directory of the authority.
    pub directory: Box<str>,
    /// The key of our account there.
    pub account_key: KeyPlace,
    /// Where tokens are had.
    pub token_authority: Box<str>,
    /// The secret of our account there.
    pub secret_file: Option<PathBuf>,
    /// Which words both understand.
    pub words: Words,
    /// How long certificates are to live; `None`: as long as the authority has it.
    pub life: Option<Duration>,
}

/// Which words authorities understand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Words {
    /// RFC 9447 and 9448.
    #[default]
    Rfc,
    /// Deployed SHAKEN.
    Shaken,
}

impl Words {
    /// How a token is asked for, what of the account key it names, and how it is sent.
    pub fn spelling(self) -> (Wrapping, FingerprintRule, ResponseField) {
        match self {
            Self::Rfc => (
                Wrapping::Wrapped,
                FingerprintRule::JwkThumbprint,
                ResponseField::Tkauth,
            ),
            Self::Shaken => (Wrapping::Flat, FingerprintRule::Spki, ResponseField::Atc),
        }
    }
}

/// How an enrolment goes on, for whoever waits for it.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// This is being asked for.
    Asking(Stage),
    /// Nothing came from this URL; it is tried again.
    Nothing(&'a str, Unavailable),
    /// The authority works on this order.
    Processing(&'a str),
}

/// Runs an enrolment to its end. `told` hears how it goes on. What may not be asked is not tried again.
///
/// # Errors
/// [`Failure`] if it comes to nothing.
pub async fn run(
    enrolment: &mut Enrolment,
    fetcher: &Fetcher,
    clock: &dyn Clock,
    mut told: impl FnMut(News<'_>),
) -> Result<Enrolled, Failure> {
    loop {
        let now = clock.now().unix;
        match enrolment.next(now) {
            Step::Done(enrolled) => return Ok(enrolled),
            Step::Failed(failure) => return Err(failure),
            Step::Wait(until) => wait(clock, now, until).await,
            Step::Ask(request) => {
                told(News::Asking(enrolment.stage()));
                let answer = fetcher.converse(&request).await;
                match &answer {
                    Err(why @ (Unavailable::BadUrl | Unavailable::ForbiddenAddress)) => {
                        return Err(Failure::Forbidden(request.url, why.to_string().into()));
                    }
                    Err(why) => {
                        debug!(url = &*request.url, %why, "nothing came");
                        told(News::Nothing(&request.url, *why));
                    }
                    Ok(_) => {}
                }
                let answer = answer.as_ref().map_err(|_| Lost);
                enrolment.heard(answer, clock.now().unix);
                if let (true, Some(order)) = (enrolment.is_processing(), enrolment.order()) {
                    told(News::Processing(order));
                }
            }
        }
    }
}

/// Runs an errand to its end.
///
/// # Errors
/// [`Failure`] if it comes to nothing.
pub async fn run_errand(
    errand: &mut Errand,
    fetcher: &Fetcher,
    clock: &dyn Clock,
) -> Result<(), Failure> {
    loop {
        let now = clock.now().unix;
        match errand.next(now) {
            Step::Done(()) => return Ok(()),
            Step::Failed(failure) => return Err(failure),
            Step::Wait(until) => wait(clock, now, until).await,
            Step::Ask(request) => {
                let answer = ask(fetcher, &request).await;
                errand.heard(answer.as_ref().map_err(|lost| *lost), clock.now().unix);
            }
        }
    }
}

async fn wait(clock: &dyn Clock, now: UnixTime, until: UnixTime) {
    let seconds = until.as_secs().saturating_sub(now.as_secs());
    let seconds = u64::try_from(seconds).unwrap_or_default();
    clock.sleep(Duration::from_secs(seconds)).await;
}

async fn ask(fetcher: &Fetcher, request: &HttpRequest) -> Result<HttpResponse, Lost> {
    fetcher.converse(request).await.map_err(|why| {
        debug!(url = &*request.url, %why, "nothing came");
        Lost
    })
}
