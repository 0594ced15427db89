//! Where `verify` has certificate chains from: a file that was named, the web, or nowhere.

use super::super::trouble::Trouble;
use super::super::web::Web;
use super::Arguments;
use crate::clock::SystemClock;
use crate::files;
use countersign::certificate::CertificateChain;
use countersign::verification::{Answer, Need, NeedId, NeedKind, Source, Unavailable};
use std::path::Path;
use std::sync::Arc;

/// Where chains come from.
pub(super) enum Chains {
    /// From the file that `--certificate` names, for every URL.
    Given(Arc<CertificateChain>),
    /// From nowhere.
    Offline,
    /// From their repositories.
    Web(Web),
}

impl Chains {
    /// What the flags say.
    ///
    /// # Errors
    /// [`Trouble`] if a file they name cannot be used.
    pub(super) fn new(arguments: &Arguments, clock: SystemClock) -> Result<Self, Trouble> {
        if let Some(path) = &arguments.certificate {
            return Ok(Self::Given(Arc::new(read_chain(path)?)));
        }
        if arguments.offline {
            return Ok(Self::Offline);
        }
        Ok(Self::Web(Web::new(&arguments.web, clock)?))
    }

    /// Answers every need.
    ///
    /// # Errors
    /// [`Trouble`] if nothing can be fetched on this machine; what cannot be had is an answer.
    pub(super) fn answer(&mut self, needs: &[Need]) -> Result<Vec<(NeedId, Answer)>, Trouble> {
        let to_all = |answer: Answer| needs.iter().map(|need| (need.id, answer.clone())).collect();
        match self {
            // Given by the operator: nobody knows better, so there is nobody to ask again.
            Self::Given(chain) => Ok(to_all(Answer::Certificate(chain.clone(), Source::Fetched))),
            Self::Offline => Ok(to_all(Answer::Unavailable(Unavailable::Offline))),
            Self::Web(web) => fetch(web, needs),
        }
    }
}

fn fetch(web: &mut Web, needs: &[Need]) -> Result<Vec<(NeedId, Answer)>, Trouble> {
    let (runtime, fetcher) = web.fetcher()?;
    // A flight starts when it is asked for, so all are under way while the first is waited for.
    let flights: Vec<_> = needs
        .iter()
        .map(|need| {
            let flight = match &need.kind {
                NeedKind::Certificate { url, refresh } => Some(fetcher.fetch(url, *refresh)),
                NeedKind::NumberAuthority { .. } | NeedKind::TnAuthList { .. } => None,
            };
            (need.id, flight)
        })
        .collect();
    let answers = flights.into_iter().map(|(id, flight)| {
        let answer = match flight.map(|flight| runtime.block_on(flight)) {
            Some(Ok(fetched)) => Answer::Certificate(fetched.item, fetched.source),
            Some(Err(why)) => Answer::Unavailable(why),
            None => Answer::Unavailable(Unavailable::Offline),
        };
        (id, answer)
    });
    Ok(answers.collect())
}

fn read_chain(path: &Path) -> Result<CertificateChain, Trouble> {
    let bytes = files::read(path).map_err(|fault| Trouble::File(path.into(), fault))?;
    CertificateChain::parse(&bytes).map_err(|cause| Trouble::Chain(path.into(), cause))
}
