//! What a proven path lets its signer say, when the path alone does not tell: lists of numbers that stand elsewhere, providers
//! whose numbers somebody else knows.
//!
//! [`Question::ask`] is the stage Authorize: it decides at once where it can, which is nearly always, and else returns a
//! [`Question`] with its open needs. Lists are asked for first, all at once; who holds the number is asked when the lists are
//! there. A number that a cached list does not name costs one conditional look at its origin: numbers come and go.

use super::check::{Check, Evidence};
use super::fault::Fault;
use super::findings::Findings;
use super::need::{Answer, Holds, NeedId, NeedKind, NumberAuthority, Refresh, Source, Unavailable};
use super::policy::{ProviderNumbersPolicy, VerificationPolicy};
use super::priority;
use super::report::{PassportReport, ProviderWord};
use super::rich::third_party;
use super::states::Needs;
use crate::certificate::{Authority, Coverage, ServiceProviderCode, TnAuthList};
use crate::identity::Identity;
use crate::passport::{Claims, Extension};
use crate::priority::ResourceValue;
use crate::time::UnixTime;
use crate::trust::revocation::MAX_AHEAD;
use std::borrow::Cow;
use std::sync::Arc;

/// Most providers that a number authority is asked about for one number. Certificates in the field name one; who names a
/// thousand shall not make us ask a thousand times.
pub(super) const MAX_PROVIDERS_ASKED: usize = 8;

/// What the question is decided with.
pub(super) struct Asking<'a> {
    pub(super) policy: &'a VerificationPolicy,
    pub(super) now: UnixTime,
    pub(super) report: &'a mut PassportReport,
    pub(super) findings: &'a mut Findings,
    pub(super) needs: &'a mut Needs,
}

/// A question of authority that waits for answers.
pub(super) enum Question {
    Lists(Lists),
    Providers(Providers),
}

/// A list, and where it came from.
type List = (Arc<TnAuthList>, Source);

/// Lists by reference that were asked for.
pub(super) struct Lists {
    wanted: Vec<Wanted<Box<str>, List>>,
    refresh: Refresh,
}

/// Providers that a number authority was asked about.
pub(super) struct Providers {
    wanted: Vec<Wanted<ServiceProviderCode, NumberAuthority>>,
    /// Whether there are more than were asked about.
    rest: Rest,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    None,
    NotAsked,
}

struct Wanted<Of, Given> {
    need: NeedId,
    of: Of,
    given: Option<Result<Given, Unavailable>>,
}

impl<Of, Given> Wanted<Of, Given> {
    const fn open(need: NeedId, of: Of) -> Self {
        Self {
            need,
            of,
            given: None,
        }
    }
}

/// What a signer must have authority over, by the kind of its PASSporT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject<'a> {
    /// Whoever was reached.
    // RFC 9970 §4: "the certificate that signs an "rsp" PASSporT is signing the "dest" field rather than the "orig" field."
    Answerer(Option<Identity>),
    /// The caller.
    Caller(&'a Identity),
    /// Whoever was called before.
    // RFC 8946 §3: "for all PASSporTs using the "div" type the signature MUST be created with a credential with authority over the
    // identity present in the "div" claim."
    DivertedFrom(&'a Identity),
    /// These values of Resource-Priority.
    Namespaces(&'a [ResourceValue]),
    /// Nothing of the caller's: the name of a third party, which must be the signer's own.
    ThirdParty(&'a str),
}

impl<'a> Subject<'a> {
    /// The identity, where it is one.
    fn identity(self) -> Option<Cow<'a, Identity>> {
        match self {
            Self::Answerer(identity) => identity.map(Cow::Owned),
            Self::Caller(identity) | Self::DivertedFrom(identity) => Some(Cow::Borrowed(identity)),
            Self::Namespaces(_) | Self::ThirdParty(_) => None,
        }
    }
}

/// What the signer of these claims must have authority over.
pub(super) fn subject(claims: &Claims) -> Subject<'_> {
    match &claims.extension {
        Extension::Div(div) => Subject::DivertedFrom(&div.from),
        Extension::DivO(div) => Subject::DivertedFrom(&div.div.from),
        Extension::Rph(rph) => Subject::Namespaces(&rph.auth),
        Extension::Rcd => match claims.issuer() {
            Some(issuer) => Subject::ThirdParty(issuer),
            None => Subject::Caller(&claims.orig),
        },
        // That there is one only was seen before.
        Extension::Rsp => Subject::Answerer(claims.dest.iter().next()),
        Extension::Base | Extension::Msec | Extension::Shaken(_) | Extension::Unsupported(_) => {
            Subject::Caller(&claims.orig)
        }
    }
}

impl Question {
    /// Decides whether the signer may say what it says, or says what must be known first.
    pub(super) fn ask(asking: &mut Asking<'_>) -> Option<Self> {
        let signer = asking.report.signer.as_ref()?;
        let path = Arc::clone(&signer.path);
        let authority = path.authority();
        let subject = subject(asking.report.token.passport()?.claims());
        match subject {
            Subject::ThirdParty(issuer) => {
                let issuer = Box::from(issuer);
                third_party::judge(issuer, asking);
                return None;
            }
            Subject::Namespaces(_) => {
                priority::authorize(asking);
                return None;
            }
            Subject::Answerer(_) | Subject::Caller(_) | Subject::DivertedFrom(_) => {}
        }
        match authority.references() {
            [] => decide(asking, authority, None),
            // A list more takes nothing away: scope is the union of what a certificate has.
            _ if authority.covers(&*subject.identity()?) == Coverage::Covered => {
                decide(asking, authority, None)
            }
            urls => Some(Self::Lists(Lists::open(asking, urls, Refresh::No))),
        }
    }

    /// Whether it waits for this need.
    pub(super) fn awaits(&self, need: NeedId) -> bool {
        match self {
            Self::Lists(lists) => lists.wanted.iter().any(|one| one.need == need),
            Self::Providers(providers) => providers.wanted.iter().any(|one| one.need == need),
        }
    }

    /// Takes an answer; what is still open, if it does not decide.
    pub(super) fn take(
        mut self,
        need: NeedId,
        answer: &Answer,
        asking: &mut Asking<'_>,
    ) -> Option<Self> {
        match &mut self {
            Self::Lists(lists) => {
                let given = match answer {
                    Answer::TnAuthList(list, source) => Ok((Arc::clone(list), *source)),
                    other => Err(unavailable(other)),
                };
                settle(&mut lists.wanted, need, given);
                match lists.wanted.iter().all(|one| one.given.is_some()) {
                    true => lists.decide(asking),
                    false => Some(self),
                }
            }
            Self::Providers(providers) => {
                let given = match answer {
                    Answer::NumberAuthority(word) => Ok(*word),
                    other => Err(unavailable(other)),
                };
                settle(&mut providers.wanted, need, given);
                match providers.wanted.iter().all(|one| one.given.is_some()) {
                    true => {
                        providers.decide(asking);
                        None
                    }
                    false => Some(self),
                }
            }
        }
    }
}

/// An answer to something else is none.
fn unavailable(answer: &Answer) -> Unavailable {
    match answer {
        Answer::Unavailable(why) => *why,
        _ => Unavailable::BadResponse,
    }
}

fn settle<Of, Given: Clone>(
    wanted: &mut [Wanted<Of, Given>],
    need: NeedId,
    given: Result<Given, Unavailable>,
) {
    for one in wanted.iter_mut().filter(|one| one.need == need) {
        one.given = Some(given.clone());
    }
}

/// Decides under an authority that is complete. `from` is where its lists by reference came from, if it has some.
fn decide(
    asking: &mut Asking<'_>,
    authority: &Authority,
    from: Option<Source>,
) -> Option<Question> {
    let passport = asking.report.token.passport()?;
    // The token's orig is the signalling's by now, or that check has its own fault.
    let subject = subject(passport.claims());
    let by_provider = match subject {
        Subject::Answerer(_) => asking.policy.provider_answers,
        _ => None,
    };
    let by_provider = by_provider.unwrap_or(asking.policy.provider_numbers);
    let identity = subject.identity()?.into_owned();
    let coverage = authority.covers(&identity);
    let question = match (&coverage, &identity, by_provider) {
        (Coverage::Covered, ..) => {
            match from {
                None => asking.findings.pass(Check::Authority),
                Some(source) => {
                    let evidence = Evidence::ByReference(source);
                    asking.findings.pass_with(Check::Authority, evidence);
                }
            }
            None
        }
        (Coverage::ByProvider(_), _, ProviderNumbersPolicy::AcceptIfIssuedByTrustedCa) => {
            let evidence = Evidence::ByProvider;
            asking.findings.pass_with(Check::Authority, evidence);
            None
        }
        (
            Coverage::ByProvider(_),
            Identity::Number(number),
            ProviderNumbersPolicy::RequireOracle,
        ) => {
            let providers = authority.providers_of(*number);
            Some(Question::Providers(Providers::open(
                asking, providers, &identity,
            )))
        }
        (Coverage::ByProvider(_), ..) => {
            let evidence = Evidence::ByProvider;
            asking
                .findings
                .fault(Check::Authority, Fault::NotCovered, evidence);
            None
        }
        (Coverage::NotCovered, ..) => {
            let evidence = Evidence::Nothing;
            asking
                .findings
                .fault(Check::Authority, Fault::NotCovered, evidence);
            None
        }
    };
    if let Some(signer) = &mut asking.report.signer {
        signer.coverage = Some(coverage);
    }
    question
}

impl Lists {
    fn open(asking: &mut Asking<'_>, urls: &[Box<str>], refresh: Refresh) -> Self {
        let wanted = urls.iter().map(|url| {
            let kind = NeedKind::TnAuthList {
                url: url.clone(),
                refresh,
            };
            Wanted::open(asking.needs.open(kind), url.clone())
        });
        Self {
            wanted: wanted.collect(),
            refresh,
        }
    }

    /// All answers are there.
    fn decide(&self, asking: &mut Asking<'_>) -> Option<Question> {
        let (mut lists, mut from) = (Vec::new(), Source::Fetched);
        for one in &self.wanted {
            match &one.given {
                Some(Ok((list, source))) => {
                    if *source == Source::Cache {
                        from = Source::Cache;
                    }
                    lists.push((one.of.clone(), Arc::clone(list)));
                }
                // A check that could not be made is neither passed nor failed.
                Some(Err(why)) => {
                    let evidence = Evidence::ListUnavailable(Box::new((one.of.clone(), *why)));
                    let fault = Fault::TnAuthListUnavailable;
                    asking.findings.fault(Check::Authority, fault, evidence);
                    return None;
                }
                None => return None,
            }
        }
        let path = Arc::clone(&asking.report.signer.as_ref()?.path);
        let authority = path.authority().with_lists(&lists);
        let identity = subject(asking.report.token.passport()?.claims()).identity()?;
        let doubtful = from == Source::Cache && self.refresh == Refresh::No;
        // RFC 9060 §12: what a list by reference holds may change at any time; one from a cache may be yesterday's.
        if doubtful && authority.covers(&identity) == Coverage::NotCovered {
            let urls: Vec<_> = lists.into_iter().map(|(url, _)| url).collect();
            let again = Self::open(asking, &urls, Refresh::Conditional);
            return Some(Question::Lists(again));
        }
        decide(asking, &authority, Some(from))
    }
}

impl Providers {
    fn open(asking: &mut Asking<'_>, providers: &[ServiceProviderCode], of: &Identity) -> Self {
        let Identity::Number(number) = of else {
            return Self {
                wanted: Vec::new(),
                rest: Rest::NotAsked,
            };
        };
        let asked = providers.iter().take(MAX_PROVIDERS_ASKED);
        let wanted = asked.map(|provider| {
            let kind = NeedKind::NumberAuthority {
                provider: provider.clone(),
                number: *number,
            };
            Wanted::open(asking.needs.open(kind), provider.clone())
        });
        Self {
            wanted: wanted.collect(),
            rest: match providers.len() > MAX_PROVIDERS_ASKED {
                true => Rest::NotAsked,
                false => Rest::None,
            },
        }
    }

    /// One yes is enough; a no must be everybody's. Among reasons for not knowing the first one asked about is told.
    fn decide(&self, asking: &mut Asking<'_>) {
        let oldest = i64::from(asking.policy.number_authority_max_age);
        // Data from the future tells nothing about its age.
        let is_fresh = |word: &NumberAuthority| {
            word.as_of.saturating_add(oldest) >= asking.now
                && word.as_of <= asking.now.saturating_add(MAX_AHEAD)
        };
        let words = || {
            let given = self.wanted.iter();
            given.filter_map(|one| Some((&one.of, one.given.as_ref()?.as_ref().ok()?)))
        };
        let fresh = |holds: Holds| words().find(|(_, word)| word.holds == holds && is_fresh(word));
        let stale = || words().find(|(_, word)| !is_fresh(word));
        let failed = || {
            self.wanted
                .iter()
                .find_map(|one| one.given.as_ref()?.as_ref().err())
        };
        let evidence = |(provider, word): (&ServiceProviderCode, &NumberAuthority)| {
            Evidence::NumberAuthority(Box::new((provider.clone(), *word, asking.now)))
        };
        let (fault, told) = if let Some(yes) = fresh(Holds::Yes) {
            (None, Some(yes))
        } else if let Some(old) = stale() {
            (Some(Fault::NumberAuthorityStale), Some(old))
        } else if let Some(why) = failed() {
            let evidence = Evidence::Unavailable(*why);
            let fault = Fault::NumberAuthorityUnavailable;
            asking.findings.fault(Check::Authority, fault, evidence);
            return;
        } else if let Some(unknown) = fresh(Holds::Unknown) {
            (Some(Fault::NumberAuthorityUnknown), Some(unknown))
        } else if self.rest == Rest::NotAsked {
            (Some(Fault::NumberAuthorityUnknown), None)
        } else {
            (Some(Fault::NotCovered), fresh(Holds::No))
        };
        let shown = told.map_or(Evidence::Nothing, evidence);
        match fault {
            None => asking.findings.pass_with(Check::Authority, shown),
            Some(fault) => asking.findings.fault(Check::Authority, fault, shown),
        }
        let (Some(signer), Some((provider, word))) = (&mut asking.report.signer, told) else {
            return;
        };
        signer.number_authority = Some(ProviderWord {
            provider: provider.clone(),
            word: *word,
        });
        signer.coverage = match fault {
            None => Some(Coverage::Covered),
            Some(Fault::NotCovered) => Some(Coverage::NotCovered),
            Some(_) => signer.coverage.take(),
        };
    }
}
