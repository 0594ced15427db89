//! What `verify` answers a verification's needs with: files that were named, the web, or nothing.

use super::super::trouble::Trouble;
use super::super::trust::read_tn_auth_list;
use super::super::web::{Web, WebFlags};
use super::Arguments;
use super::resources::Resources;
use crate::clock::SystemClock;
use crate::fetch::{Card, Fetcher, Picture, Status, brought};
use crate::files;
use countersign::certificate::delegation;
use countersign::certificate::number_records::NumberRecords;
use countersign::certificate::ocsp::request::question_url;
use countersign::certificate::{CertificateChain, TnAuthList};
use countersign::verification::{
    Answer, Holds, Need, NeedId, NeedKind, NumberAuthority, Refresh, ResourceKind, Source,
    Unavailable,
};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

/// Where answers come from.
pub(in crate::cli) struct Chains {
    given: Given,
    /// For what is not given: from repositories, or `None`: from nowhere.
    web: Option<Web>,
}

/// What the operator gave: nobody knows better, so there is nobody to ask again.
struct Given {
    /// For every URL of a certificate.
    chain: Option<Arc<CertificateChain>>,
    /// For every URL of a TN Authorization List.
    list: Option<Arc<TnAuthList>>,
    /// Whose numbers are whose.
    records: Option<NumberRecords>,
    /// What rich call data refers to, by URL.
    resources: Resources,
}

impl Chains {
    /// What the flags say.
    ///
    /// # Errors
    /// [`Trouble`] if a file they name cannot be used.
    pub(super) fn new(arguments: &Arguments, clock: SystemClock) -> Result<Self, Trouble> {
        let chain = arguments.certificate.as_deref().map(read_chain);
        let list = arguments.tn_auth_list.as_deref().map(read_tn_auth_list);
        Ok(Self {
            given: Given {
                chain: chain.transpose()?.map(Arc::new),
                list: list.transpose()?.map(Arc::new),
                records: arguments.belief.number_records()?,
                resources: Resources::read(&arguments.proof.resource)?,
            },
            web: match arguments.offline {
                true => None,
                false => Some(Web::new(&arguments.web, clock)?),
            },
        })
    }

    /// Everything is fetched.
    ///
    /// # Errors
    /// [`Trouble::Origin`] names an origin that is none.
    pub(in crate::cli) fn fetched(flags: &WebFlags, clock: SystemClock) -> Result<Self, Trouble> {
        Ok(Self {
            given: Given {
                chain: None,
                list: None,
                records: None,
                resources: Resources::read(&[])?,
            },
            web: Some(Web::new(flags, clock)?),
        })
    }

    /// Answers every need.
    ///
    /// # Errors
    /// [`Trouble`] if nothing can be fetched on this machine; what cannot be had is an answer.
    pub(in crate::cli) fn answer(
        &mut self,
        needs: &[Need],
    ) -> Result<Vec<(NeedId, Answer)>, Trouble> {
        let (mut answers, mut open) = (Vec::new(), Vec::new());
        for need in needs {
            match (self.given.answer(&need.kind), &self.web) {
                (Some(answer), _) => answers.push((need.id, answer)),
                (None, Some(_)) => open.push(need),
                (None, None) => answers.push((need.id, Answer::Unavailable(Unavailable::Offline))),
            }
        }
        if let Some(web) = self.web.as_mut().filter(|_| !open.is_empty()) {
            answers.extend(fetch(web, &open)?);
        }
        Ok(answers)
    }
}

impl Given {
    fn answer(&self, kind: &NeedKind) -> Option<Answer> {
        match kind {
            NeedKind::Certificate { .. } => {
                let chain = self.chain.clone()?;
                Some(Answer::Certificate(chain, Source::Fetched))
            }
            NeedKind::TnAuthList { .. } => {
                let list = self.list.clone()?;
                Some(Answer::TnAuthList(list, Source::Fetched))
            }
            NeedKind::NumberAuthority { provider, number } => {
                let Some(records) = &self.records else {
                    // There is no authority to fetch it from.
                    return Some(Answer::Unavailable(Unavailable::Offline));
                };
                Some(Answer::NumberAuthority(NumberAuthority {
                    holds: match records.holds(provider, *number) {
                        delegation::Answer::No => Holds::No,
                        delegation::Answer::Unknown => Holds::Unknown,
                        delegation::Answer::Yes => Holds::Yes,
                    },
                    as_of: records.as_of(),
                }))
            }
            NeedKind::Resource { url, kind } => self.resources.answer(url, *kind),
            NeedKind::Status { .. } => None,
        }
    }
}

fn fetch(web: &mut Web, needs: &[&Need]) -> Result<Vec<(NeedId, Answer)>, Trouble> {
    let (runtime, fetcher) = web.fetcher()?;
    let webs = Webs {
        lists: fetcher.for_lists(),
        cards: fetcher.for_cards(),
        pictures: fetcher.for_pictures(),
        statuses: fetcher.for_statuses(),
        chains: fetcher,
    };
    // A flight starts when it is asked for, so all are under way while the first is waited for.
    let flights: Vec<_> = needs
        .iter()
        .map(|need| (need.id, webs.flight(&need.kind)))
        .collect();
    let answers = flights
        .into_iter()
        .map(|(id, flight)| (id, runtime.block_on(flight)));
    Ok(answers.collect())
}

/// What is fetched, by kind.
struct Webs<'a> {
    chains: &'a Arc<Fetcher>,
    lists: Arc<Fetcher<TnAuthList>>,
    cards: Arc<Fetcher<Card>>,
    pictures: Arc<Fetcher<Picture>>,
    statuses: Arc<Fetcher<Status>>,
}

impl Webs<'_> {
    /// Brings what is needed, or says that it cannot be had here.
    fn flight(&self, kind: &NeedKind) -> Pin<Box<dyn Future<Output = Answer>>> {
        match kind {
            NeedKind::Certificate { url, refresh } => {
                let fetched = self.chains.fetch(url, *refresh);
                Box::pin(async { brought(fetched.await, Answer::Certificate) })
            }
            NeedKind::TnAuthList { url, refresh } => {
                let fetched = self.lists.fetch(url, *refresh);
                Box::pin(async { brought(fetched.await, Answer::TnAuthList) })
            }
            NeedKind::Status { url, request } => {
                let question = question_url(url, request);
                let fetched = self.statuses.fetch(&question, Refresh::No);
                Box::pin(async { brought(fetched.await, |told, _| Answer::Status(told.0.clone())) })
            }
            NeedKind::NumberAuthority { .. } => {
                let nobody = Answer::Unavailable(Unavailable::Offline);
                Box::pin(std::future::ready(nobody))
            }
            NeedKind::Resource {
                url,
                kind: ResourceKind::Card,
            } => {
                let fetched = self.cards.fetch(url, Refresh::No);
                Box::pin(async {
                    brought(fetched.await, |card, _| Answer::Resource(card.0.clone()))
                })
            }
            NeedKind::Resource {
                url,
                kind: ResourceKind::Picture,
            } => {
                let fetched = self.pictures.fetch(url, Refresh::No);
                Box::pin(async {
                    brought(fetched.await, |picture, _| {
                        Answer::Resource(picture.0.clone())
                    })
                })
            }
        }
    }
}

fn read_chain(path: &Path) -> Result<CertificateChain, Trouble> {
    let bytes = files::read(path).map_err(|fault| Trouble::File(path.into(), fault))?;
    CertificateChain::parse(&bytes).map_err(|cause| Trouble::Chain(path.into(), cause))
}
