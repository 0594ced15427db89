//! One trust domain as it is now: its sources, what each has brought, and the snapshot that follows.

use super::list::{Kind, List, Refusal};
use super::plan::{DomainPlan, Place, Upkeep};
use super::schedule::{Age, Schedule};
use super::store::{Slot, Store};
use crate::fetch::caching::Validators;
use crate::files::{self, FileFault};
use countersign::certificate::Certificate;
use countersign::path::CrlIssuer;
use countersign::time::UnixTime;
use countersign::trust::revocation::ListProof;
use countersign::trust::{Anchor, Trust, TrustDomain, VerifiedCrl};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use tracing::warn;

/// A trust domain as it is now.
#[derive(Clone, Debug)]
pub struct Domain {
    pub(super) plan: Arc<DomainPlan>,
    pub(super) sources: Vec<Source>,
    pub(super) trust: Arc<Trust>,
}

/// Where one list comes from, and what came.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) kind: Kind,
    pub(super) place: Place,
    /// What we have.
    pub(super) list: Option<List>,
    pub(super) schedule: Schedule,
    /// What to ask a URL with.
    pub(super) validators: Validators,
    /// By what a file is known to be the same.
    pub(super) stamp: Option<Stamp>,
    /// Somebody is under way.
    pub(super) is_asked: bool,
    /// How old the list was when that was last told.
    pub(super) told: Option<Age>,
}

/// By what a file is known to be the same: when it was written, and its length.
pub(super) type Stamp = (SystemTime, u64);

/// Something about a source that whoever starts a server should know.
#[derive(Debug)]
pub struct Note {
    /// Which domain.
    pub domain: Box<str>,
    /// Which source.
    pub place: Place,
    /// What about it.
    pub about: About,
}

/// What there is to know about a source at the start.
#[derive(Debug)]
pub enum About {
    /// Its list cannot be used.
    Refused(Refusal),
    /// Its list is past its end.
    Stale(UnixTime),
}

impl Domain {
    /// The domain as it was left: files are read, and what the last run kept of URLs.
    pub(super) fn open(
        plan: DomainPlan,
        upkeep: &Upkeep,
        version: u64,
        at: UnixTime,
        notes: &mut Vec<Note>,
    ) -> Self {
        let ca_list = plan.ca_list.iter().map(|list| (Kind::CaList, &list.place));
        let crls = plan.crls.iter().map(|place| (Kind::Crl, place));
        // Anchors first: revocation lists are proven by them.
        let sources = ca_list
            .chain(crls)
            .map(|(kind, place)| Source::new(kind, place.clone()));
        let sources = sources.collect();
        let trust = Arc::new(Trust::new(&plan.name, version, Vec::new()));
        let mut domain = Self {
            plan: Arc::new(plan),
            sources,
            trust,
        };
        domain.rebuild(version);
        let store = upkeep.state_folder.as_deref().map(Store::at);
        for index in 0..domain.sources.len() {
            let about = domain.recall(index, store.as_ref(), at, version);
            if let (Some(about), Some(source)) = (about, domain.sources.get(index)) {
                notes.push(Note {
                    domain: domain.plan.name.clone(),
                    place: source.place.clone(),
                    about,
                });
            }
        }
        domain
    }

    /// Takes up what lies on the disk for one source: its file, unless the last run had a newer list from there.
    fn recall(
        &mut self,
        index: usize,
        store: Option<&Store>,
        at: UnixTime,
        version: u64,
    ) -> Option<About> {
        let source = self.sources.get_mut(index)?;
        let (plan, trust, kind) = (&self.plan, &self.trust, source.kind);
        let judge = |bytes: Result<Vec<u8>, FileFault>, previous: Option<&List>| {
            let bytes = bytes.map_err(|fault| Refusal::File(fault.into()))?;
            List::judge(kind, &bytes, plan, trust, previous, at)
        };
        let slot = Slot::of(&plan.name, &source.place.to_string());
        let kept = store.and_then(|store| store.read(&slot).transpose());
        let kept = kept.map(|bytes| judge(bytes, None));
        let (list, refusal) = match (&source.place, kept) {
            (Place::Url(_), None) => return None,
            (Place::Url(_), Some(Ok(list))) => (Some(list), None),
            (Place::Url(_), Some(Err(refusal))) => (None, Some(refusal)),
            (Place::File(path), kept) => {
                source.stamp = stamp(path);
                let kept = kept.and_then(Result::ok);
                match judge(files::read(path), kept.as_ref()) {
                    Ok(list) => (Some(list), None),
                    Err(refusal) => (kept, Some(refusal)),
                }
            }
        };
        let ends = list.as_ref().map(List::ends);
        source.list = list;
        self.rebuild(version);
        let stale = ends.filter(|ends| at > *ends).map(About::Stale);
        refusal.map(About::Refused).or(stale)
    }

    /// Takes the place of `old`, the same domain until now, if there was one. Where nothing is different the version stays, and with
    /// it what was verified under it.
    pub(super) fn follow(&mut self, old: Option<&Self>, version: u64, at: UnixTime) {
        let Some(old) = old else {
            return self.rebuild(version);
        };
        self.rebuild(old.trust.version());
        self.inherit(old, at);
        if self.trust.fingerprint() != old.trust.fingerprint() {
            self.rebuild(version);
        }
    }

    /// Takes over what `old` knows and has not lost its proof.
    fn inherit(&mut self, old: &Self, at: UnixTime) {
        let same_administrators = self.plan.ca_list == old.plan.ca_list;
        for kind in [Kind::CaList, Kind::Crl] {
            for index in 0..self.sources.len() {
                let Some(source) = self.sources.get_mut(index).filter(|one| one.kind == kind)
                else {
                    continue;
                };
                let before = |one: &&Source| one.kind == kind && one.place == source.place;
                let Some(before) = old.sources.iter().find(before) else {
                    continue;
                };
                let stands = match &before.list {
                    Some(List::CaList(..)) => same_administrators,
                    Some(List::Crl(list)) => is_proven(list, &self.trust, &self.plan),
                    None => false,
                };
                // What a file has now was read a moment ago; it counts if it may take the place of what was there.
                let read = source.list.as_ref();
                let refused = before
                    .list
                    .as_ref()
                    .zip(read)
                    .is_some_and(|(before, read)| {
                        read.may_replace(before, &self.plan, at).is_err()
                    });
                if stands && (refused || is_newer(before.list.as_ref(), read)) {
                    if refused {
                        warn!(domain = &*self.plan.name, list = kind.name(), source = %source.place,
                            "a list is older than the one in use, which stays");
                    }
                    source.list = before.list.clone();
                    source.validators = before.validators.clone();
                }
            }
            self.rebuild(old.trust.version());
        }
    }

    /// Makes the snapshot anew.
    pub(super) fn rebuild(&mut self, version: u64) {
        let mut anchors = self.plan.anchors.clone();
        let mut crls = Vec::new();
        for source in &self.sources {
            if let Some(List::CaList(list, _)) = &source.list {
                let new = list.anchors().iter().filter(|one| !anchors.contains(one));
                let new: Vec<_> = new.cloned().collect();
                anchors.extend(new);
            }
        }
        let anchored = Trust::new(&self.plan.name, version, anchors)
            .with_list_signers(self.plan.list_signers)
            .with_rules(self.plan.rules.clone())
            .with_freshness(self.plan.freshness.clone());
        for source in &mut self.sources {
            match &source.list {
                Some(List::Crl(list)) if is_proven(list, &anchored, &self.plan) => {
                    crls.push(list.clone());
                }
                // Whoever vouched for its signer does so no more. Perhaps somebody else does: it is asked for again.
                Some(List::Crl(_)) => {
                    source.list = None;
                    source.ask_anew();
                }
                Some(List::CaList(..)) | None => {}
            }
        }
        self.trust = Arc::new(anchored.with_crls(self.plan.revocation, crls));
    }

    /// Has files read once more, so that what they have is put where it outlives a restart.
    pub(super) fn keep_files(&mut self) {
        for source in &mut self.sources {
            source.stamp = None;
        }
    }

    /// Whether its first list of anchors is still to come: until then nobody can tell who may sign revocation lists.
    pub(super) fn awaits_anchors(&self) -> bool {
        self.sources.iter().any(|source| {
            source.kind == Kind::CaList && source.list.is_none() && source.schedule.failures() == 0
        })
    }

    /// Makes the snapshot anew after a list of this kind has come. New anchors may vouch for what was refused.
    pub(super) fn take_in(&mut self, kind: Kind, version: u64) {
        self.rebuild(version);
        let refused = |source: &&mut Source| source.kind == Kind::Crl && source.list.is_none();
        if kind == Kind::CaList {
            self.sources
                .iter_mut()
                .filter(refused)
                .for_each(Source::ask_anew);
        }
    }

    /// The domain as calls are given it.
    pub(super) fn published(&self) -> TrustDomain {
        TrustDomain {
            trust: self.trust.clone(),
            trunks: self.plan.trunks.clone(),
            numbers: self.plan.numbers.clone(),
        }
    }

    /// The trust of the domain.
    pub fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }
}

impl Source {
    fn new(kind: Kind, place: Place) -> Self {
        Self {
            kind,
            place,
            list: None,
            schedule: Schedule::default(),
            validators: Validators::default(),
            stamp: None,
            is_asked: false,
            told: None,
        }
    }

    /// As if it had never been asked.
    fn ask_anew(&mut self) {
        self.validators = Validators::default();
        self.stamp = None;
        self.schedule.hurry();
    }

    /// How old its list is.
    pub(super) fn age(&self, now: UnixTime) -> Option<Age> {
        let list = self.list.as_ref()?;
        Some(Age::of(list.since(), Some(list.ends()), now))
    }
}

/// By what a file is known to be the same; `None` if it is not there.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Whether the signer of a list is still somebody whom we believe: this very certificate, because another one of the same name may
/// have taken its place for its key is in other hands.
fn is_proven(list: &VerifiedCrl, trust: &Trust, plan: &DomainPlan) -> bool {
    let is_signer = |certificate: &Certificate| list.is_signed_with(certificate);
    let mut anchors = trust.anchors().iter().map(Anchor::certificate);
    let mut issuers = plan.crl_issuers.iter();
    match list.proof() {
        ListProof::Anchored(digest) => {
            let stands = anchors.clone().any(|anchor| anchor.sha256() == digest);
            let is_named = |issuer: &CrlIssuer| match issuer {
                CrlIssuer::Chain(chain) => is_signer(chain.end_entity()),
                CrlIssuer::Pinned(_) => false,
            };
            stands && (issuers.any(is_named) || anchors.any(is_signer))
        }
        ListProof::Pinned => issuers.any(|issuer| match issuer {
            CrlIssuer::Chain(_) => false,
            CrlIssuer::Pinned(issuer) => is_signer(issuer),
        }),
    }
}

fn is_newer(one: Option<&List>, other: Option<&List>) -> bool {
    match (one, other) {
        (Some(List::CaList(one, _)), Some(List::CaList(other, _))) => one.succeeds(other).is_ok(),
        (Some(List::Crl(one)), Some(List::Crl(other))) => {
            one.is_of_series(other) && one.succeeds(other).is_ok()
        }
        (one, None) => one.is_some(),
        (_, Some(_)) => false,
    }
}
