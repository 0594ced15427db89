//! Where the answers to a verification's needs come from: caches, fetches, the records of a number authority.

use super::services::Services;
use super::state::State;
use crate::fetch::{Cached, brought};
use countersign::certificate::ServiceProviderCode;
use countersign::certificate::delegation;
use countersign::certificate::ocsp::request::question_url;
use countersign::number::TelephoneNumber;
use countersign::time::Now;
use countersign::verification::{
    Answer, Holds, NeedKind, NumberAuthority, Refresh, Resource, ResourceKind, Source, Unavailable,
};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// An answer that is on its way.
pub(crate) type Coming = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What is known at once. Never waits.
pub(crate) fn known(
    kind: &NeedKind,
    services: &Services,
    state: &State,
    now: Now,
) -> Option<Answer> {
    match kind {
        NeedKind::Certificate {
            url,
            refresh: Refresh::No,
        } => cached(services.fetcher.peek(url, now), Answer::Certificate),
        NeedKind::TnAuthList {
            url,
            refresh: Refresh::No,
        } => cached(services.lists.peek(url, now), Answer::TnAuthList),
        NeedKind::NumberAuthority { provider, number } => Some(word(state, provider, *number)),
        NeedKind::Resource {
            url,
            kind: ResourceKind::Card,
        } => held(services.cards.peek(url, now), |card| card.0.clone()),
        NeedKind::Resource {
            url,
            kind: ResourceKind::Picture,
        } => held(services.pictures.peek(url, now), |picture| {
            picture.0.clone()
        }),
        NeedKind::Status { url, request } => {
            let question = question_url(url, request);
            let told = services.statuses.peek(&question, now);
            cached(told, |told, _| Answer::Status(told.0.clone()))
        }
        NeedKind::Certificate { .. } | NeedKind::TnAuthList { .. } => None,
    }
}

/// Asks for what is not known. The asking begins now, and goes on if nobody waits for it.
pub(crate) fn coming(kind: &NeedKind, services: &Services) -> Option<Coming> {
    match kind {
        NeedKind::Certificate { url, refresh } => {
            let fetched = services.fetcher.fetch(url, *refresh);
            Some(Box::pin(async {
                brought(fetched.await, Answer::Certificate)
            }))
        }
        NeedKind::TnAuthList { url, refresh } => {
            let fetched = services.lists.fetch(url, *refresh);
            Some(Box::pin(async {
                brought(fetched.await, Answer::TnAuthList)
            }))
        }
        NeedKind::Resource { url, kind } => Some(resource(url, *kind, services)),
        NeedKind::Status { url, request } => {
            let question = question_url(url, request);
            let fetched = services.statuses.fetch(&question, Refresh::No);
            Some(Box::pin(async {
                brought(fetched.await, |told, _| Answer::Status(told.0.clone()))
            }))
        }
        NeedKind::NumberAuthority { .. } => None,
    }
}

/// Asks for what rich call data refers to.
fn resource(url: &str, kind: ResourceKind, services: &Services) -> Coming {
    let answer = |outcome: Result<Arc<Resource>, Unavailable>| match outcome {
        Ok(resource) => Answer::Resource(resource),
        Err(why) => Answer::Unavailable(why),
    };
    match kind {
        ResourceKind::Card => {
            let fetched = services.cards.fetch(url, Refresh::No);
            Box::pin(async move { answer(fetched.await.map(|fetched| fetched.item.0.clone())) })
        }
        ResourceKind::Picture => {
            let fetched = services.pictures.fetch(url, Refresh::No);
            Box::pin(async move { answer(fetched.await.map(|fetched| fetched.item.0.clone())) })
        }
    }
}

fn held<T>(
    cached: Option<Cached<T>>,
    resource: impl FnOnce(&T) -> Arc<Resource>,
) -> Option<Answer> {
    Some(match cached? {
        Cached::Fresh(item) => Answer::Resource(resource(&item)),
        Cached::Unavailable(why) => Answer::Unavailable(why),
    })
}

fn cached<T>(
    cached: Option<Cached<T>>,
    answer: impl FnOnce(Arc<T>, Source) -> Answer,
) -> Option<Answer> {
    Some(match cached? {
        Cached::Fresh(item) => answer(item, Source::Cache),
        Cached::Unavailable(why) => Answer::Unavailable(why),
    })
}

/// What the records say, if there are any.
fn word(state: &State, provider: &ServiceProviderCode, number: TelephoneNumber) -> Answer {
    let Some(records) = &state.records else {
        return Answer::Unavailable(Unavailable::Offline);
    };
    Answer::NumberAuthority(NumberAuthority {
        holds: match records.holds(provider, number) {
            delegation::Answer::No => Holds::No,
            delegation::Answer::Unknown => Holds::Unknown,
            delegation::Answer::Yes => Holds::Yes,
        },
        as_of: records.as_of(),
    })
}
