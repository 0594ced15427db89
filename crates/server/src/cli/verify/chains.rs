//! Where `verify` has certificate chains from: a file that was named, the web, or nowhere.

use super::super::trouble::Trouble;
use super::super::web::Web;
use super::Arguments;
use crate::clock::SystemClock;
use crate::fetch::Fetcher;
use crate::files;
use countersign::certificate::{CertificateChain, TnAuthList};
use countersign::verification::{Answer, Need, NeedId, NeedKind, Source, Unavailable};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
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
            Self::Given(chain) => Ok(given(chain, needs)),
            Self::Offline => Ok(to_all(Answer::Unavailable(Unavailable::Offline))),
            Self::Web(web) => fetch(web, needs),
        }
    }
}

/// The chain for who needs one; it brings nothing else.
fn given(chain: &Arc<CertificateChain>, needs: &[Need]) -> Vec<(NeedId, Answer)> {
    let answer = |need: &Need| match need.kind {
        NeedKind::Certificate { .. } => Answer::Certificate(chain.clone(), Source::Fetched),
        NeedKind::NumberAuthority { .. } | NeedKind::TnAuthList { .. } => {
            Answer::Unavailable(Unavailable::Offline)
        }
    };
    needs.iter().map(|need| (need.id, answer(need))).collect()
}

fn fetch(web: &mut Web, needs: &[Need]) -> Result<Vec<(NeedId, Answer)>, Trouble> {
    let (runtime, fetcher) = web.fetcher()?;
    let lists = fetcher.for_lists();
    // A flight starts when it is asked for, so all are under way while the first is waited for.
    let flights: Vec<_> = needs
        .iter()
        .map(|need| (need.id, flight(&need.kind, fetcher, &lists)))
        .collect();
    let answers = flights
        .into_iter()
        .map(|(id, flight)| (id, runtime.block_on(flight)));
    Ok(answers.collect())
}

/// Brings what is needed, or says that it cannot be had here.
fn flight(
    kind: &NeedKind,
    chains: &Arc<Fetcher>,
    lists: &Arc<Fetcher<TnAuthList>>,
) -> Pin<Box<dyn Future<Output = Answer>>> {
    match kind {
        NeedKind::Certificate { url, refresh } => {
            let fetched = chains.fetch(url, *refresh);
            Box::pin(async {
                match fetched.await {
                    Ok(fetched) => Answer::Certificate(fetched.item, fetched.source),
                    Err(why) => Answer::Unavailable(why),
                }
            })
        }
        NeedKind::TnAuthList { url, refresh } => {
            let fetched = lists.fetch(url, *refresh);
            Box::pin(async {
                match fetched.await {
                    Ok(fetched) => Answer::TnAuthList(fetched.item, fetched.source),
                    Err(why) => Answer::Unavailable(why),
                }
            })
        }
        NeedKind::NumberAuthority { .. } => Box::pin(std::future::ready(Answer::Unavailable(
            Unavailable::Offline,
        ))),
    }
}

fn read_chain(path: &Path) -> Result<CertificateChain, Trouble> {
    let bytes = files::read(path).map_err(|fault| Trouble::File(path.into(), fault))?;
    CertificateChain::parse(&bytes).map_err(|cause| Trouble::Chain(path.into(), cause))
}
