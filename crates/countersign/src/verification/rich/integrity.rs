//! The digests of `rcdi`, held against what is in the claims and against what they refer to:
//! [RFC 9795 §8.2](https://www.rfc-editor.org/rfc/rfc9795#section-8.2).
//!
//! This begins when the verdict of a PASSporT stands, and never changes it: a logo that is gone makes nobody a liar. Content that is
//! elsewhere is asked for by needs, if policy lets it be shown; a card may bring needs of its own, once, and nothing that those bring is
//! looked into.

use super::{Content, Entry, MAX_RESOURCES, RichReport, Unexamined};
use crate::certificate::repository_url::RepositoryUrl;
use crate::jcard::{JCard, Kind};
use crate::jose::json::{Value, parse_str};
use crate::jose::pointer::Pointer;
use crate::passport::rcd::data_url;
use crate::passport::rcd::digest::Digest;
use crate::passport::rcd::references::{
    CARD_ELSEWHERE, CARD_INLINE, ICON, Reference, Referent, is_data, of_card, of_claim,
};
use crate::passport::{Card, RichCallData, RichClaims};
use crate::verification::Verdict;
use crate::verification::need::{Answer, NeedId, NeedKind, Resource, ResourceKind, Unavailable};
use crate::verification::policy::{RichFetch, VerificationPolicy};
use crate::verification::report::PassportReport;
use crate::verification::states::Needs;
use std::cell::LazyCell;
use std::sync::Arc;

/// Content that was asked for, of one PASSporT.
pub(in crate::verification) struct Showing {
    wanted: Vec<Wanted>,
    /// How many were asked for, those that were answered among them.
    asked: usize,
}

struct Wanted {
    need: NeedId,
    /// Where it stands among the entries of the report.
    entry: usize,
    digest: Digest,
    kind: ResourceKind,
}

/// What stands for content that is on its way: should it never come, that is all that is known of it.
const ON_ITS_WAY: Content = Content::NotExamined(Unexamined::Fetch(Unavailable::TimedOut));

impl Showing {
    /// Judges what a proven PASSporT has in it, and asks for what it refers to; `None` if there is nothing to wait for.
    pub(in crate::verification) fn begin(
        report: &mut PassportReport,
        needs: &mut Needs,
        policy: &VerificationPolicy,
    ) -> Option<Self> {
        if report.verdict != Verdict::Passed {
            return None;
        }
        let mut known = report.rich.take()?;
        let mut showing = Self {
            wanted: Vec::new(),
            asked: 0,
        };
        if let Some(claims) = proven_claims(report) {
            showing.examine(claims, &mut known, needs, policy);
            conclude(claims, &mut known);
        }
        report.rich = Some(known);
        (!showing.wanted.is_empty()).then_some(showing)
    }

    /// Whether it waits for this need.
    pub(in crate::verification) fn awaits(&self, need: NeedId) -> bool {
        self.wanted.iter().any(|one| one.need == need)
    }

    /// Takes an answer; what is still open, if something is.
    pub(in crate::verification) fn take(
        mut self,
        need: NeedId,
        answer: &Answer,
        report: &mut PassportReport,
        needs: &mut Needs,
        policy: &VerificationPolicy,
    ) -> Option<Self> {
        let mut known = report.rich.take()?;
        if let Some(claims) = proven_claims(report) {
            let (answered, open) = self.wanted.into_iter().partition(|one| one.need == need);
            self.wanted = open;
            for one in answered {
                self.settle(&one, answer, claims, &mut known, needs, policy);
            }
            conclude(claims, &mut known);
        }
        report.rich = Some(known);
        (!self.wanted.is_empty()).then_some(self)
    }

    fn examine(
        &mut self,
        claims: &RichClaims,
        known: &mut RichReport,
        needs: &mut Needs,
        policy: &VerificationPolicy,
    ) {
        let Some(data) = &claims.data else {
            return;
        };
        // Few digests are of what is in the claim. What was written can be read.
        let value = LazyCell::new(|| {
            let parsed = parse_str(&data.json).map(|parsed| parsed.value);
            parsed.unwrap_or(Value::Null)
        });
        let card = known.inline.clone().and_then(Result::ok);
        let in_card = card.iter().flat_map(|card| of_card(card, CARD_INLINE));
        let references: Vec<_> = of_claim(data).chain(in_card).collect();
        let shown_only = |pointer: &Pointer<'_>| is_url(card.as_deref(), pointer, CARD_INLINE);
        for (pointer, digest) in claims.integrity.iter().flat_map(|claim| &claim.digests) {
            let content = match (digest.parse::<Digest>(), Pointer::parse(pointer)) {
                (Err(bad), _) => Content::NotExamined(Unexamined::Digest(bad)),
                (_, Err(bad)) => Content::NotExamined(Unexamined::Pointer(bad)),
                (Ok(digest), Ok(at)) => {
                    match references.iter().find(|one| one.pointer == *pointer) {
                        Some(reference) => {
                            self.ask(reference, digest, known.entries.len(), needs, policy)
                        }
                        // What points into a card elsewhere is looked at when the card is here.
                        None if is_in_card(pointer) => Content::NotExamined(Unexamined::NotFetched),
                        None => compare(&value, &at, &digest, shown_only(&at)),
                    }
                }
            };
            known.entries.push(Entry {
                pointer: pointer.clone(),
                content,
            });
        }
        note_missing(&references, known);
    }

    /// Asks for content elsewhere, if it may be asked for.
    fn ask(
        &mut self,
        reference: &Reference,
        digest: Digest,
        entry: usize,
        needs: &mut Needs,
        policy: &VerificationPolicy,
    ) -> Content {
        let kind = match (policy.rich.fetch, reference.what) {
            // RFC 9795 §8.2: "an entity that does not otherwise need to dereference a URI from the "rcd" claim for display to the end
            // user is NOT RECOMMENDED to unnecessarily dereference the URI solely to perform integrity verification."
            (RichFetch::Never, _) | (_, Referent::Other) => {
                return Content::NotExamined(Unexamined::NotFetched);
            }
            (RichFetch::Shown, Referent::Card) => ResourceKind::Card,
            (RichFetch::Shown, Referent::Picture) => ResourceKind::Picture,
        };
        if let Err(fault) = RepositoryUrl::judge(&reference.url, &policy.port_exceptions) {
            return Content::NotExamined(Unexamined::Url(fault));
        }
        if self.asked >= MAX_RESOURCES {
            return Content::NotExamined(Unexamined::TooMany);
        }
        self.asked += 1;
        let url = reference.url.clone();
        let need = needs.open(NeedKind::Resource { url, kind });
        self.wanted.push(Wanted {
            need,
            entry,
            digest,
            kind,
        });
        ON_ITS_WAY
    }

    /// Judges content that came, or did not.
    fn settle(
        &mut self,
        wanted: &Wanted,
        answer: &Answer,
        claims: &RichClaims,
        known: &mut RichReport,
        needs: &mut Needs,
        policy: &VerificationPolicy,
    ) {
        let content = match answer {
            Answer::Resource(resource) => judge(resource, wanted),
            Answer::Unavailable(why) => Content::NotExamined(Unexamined::Fetch(*why)),
            // An answer to something else is none.
            _ => Content::NotExamined(Unexamined::Fetch(Unavailable::BadResponse)),
        };
        let Some(entry) = known.entries.get_mut(wanted.entry) else {
            return;
        };
        entry.content = content;
        let is_icon = *entry.pointer == *ICON;
        let Answer::Resource(resource) = answer else {
            return;
        };
        match (content, wanted.kind) {
            (Content::Proven, ResourceKind::Card) => {
                self.open_card(resource, claims, known, needs, policy);
            }
            (Content::Proven, ResourceKind::Picture) if is_icon => {
                known.fetched_icon = Some(Arc::clone(resource));
            }
            _ => {}
        }
    }

    /// A card came from elsewhere and is whole: judges what `rcdi` says of its inside, and asks for what it refers to.
    // RFC 9795 §6.1.4: "any following numeric array indices added to the "jcl" (e.g., "/jcl/1/2/3") are treated as if the external
    // content referenced by the jCard were directly part of the overall "rcd" claim JSON object."
    fn open_card(
        &mut self,
        resource: &Resource,
        claims: &RichClaims,
        known: &mut RichReport,
        needs: &mut Needs,
        policy: &VerificationPolicy,
    ) {
        let Ok(card) = resource.card() else {
            return;
        };
        let references: Vec<_> = of_card(card, CARD_ELSEWHERE).collect();
        let value = LazyCell::new(|| resource.json());
        let inside = claims.integrity.iter().flat_map(|claim| &claim.digests);
        for (entry, (pointer, digest)) in inside.enumerate() {
            let (true, Ok(digest), Ok(at)) = (
                is_in_card(pointer),
                digest.parse::<Digest>(),
                Pointer::parse(pointer),
            ) else {
                continue;
            };
            let content = match references.iter().find(|one| one.pointer == *pointer) {
                Some(reference) => self.ask(reference, digest, entry, needs, policy),
                None => match (at.split_first(), &*value) {
                    (Some((_, at)), Some(value)) => {
                        let shown_only = is_url(Some(card), &at, "");
                        compare(value, &at, &digest, shown_only)
                    }
                    _ => Content::NotExamined(Unexamined::Nowhere),
                },
            };
            if let Some(entry) = known.entries.get_mut(entry) {
                entry.content = content;
            }
        }
        note_missing(&references, known);
        known.fetched_card = Some(Arc::clone(card));
    }
}

fn proven_claims(report: &PassportReport) -> Option<&RichClaims> {
    report.token.proven()?.claims().rich.as_deref()
}

/// Whether a pointer leads into a card that is elsewhere.
fn is_in_card(pointer: &str) -> bool {
    let inside = pointer.strip_prefix(CARD_ELSEWHERE);
    inside.is_some_and(|inside| inside.starts_with('/'))
}

/// Whether it points to a `url` of the card under `under`.
fn is_url(card: Option<&JCard>, pointer: &Pointer<'_>, under: &str) -> bool {
    let Some(card) = card else {
        return false;
    };
    let mut urls = card
        .properties()
        .iter()
        .enumerate()
        .filter(|(_, property)| property.kind == Kind::Url);
    urls.any(|(position, _)| {
        let property = format!("{under}/1/{position}/");
        pointer.as_str().starts_with(&property)
    })
}

/// Holds a digest against a value of the claim, or of a card.
fn compare(value: &Value<'_>, at: &Pointer<'_>, digest: &Digest, shown_only: bool) -> Content {
    let Some(found) = at.find(value) else {
        return Content::NotExamined(Unexamined::Nowhere);
    };
    // A digest of data: is of what is in it; some will make one of the URL.
    let of_data = || {
        let content = found.as_str().and_then(data_url::content);
        content.is_some_and(|(_, bytes)| digest.fits(&bytes))
    };
    match digest.fits_json(found) || of_data() {
        true => Content::Proven,
        false if shown_only => Content::NotExamined(Unexamined::NeverFollowed),
        false => Content::Altered,
    }
}

/// Judges what came against what was signed.
fn judge(resource: &Resource, wanted: &Wanted) -> Content {
    let fits = match wanted.kind {
        // The samples of RFC 9795 show a card with line breaks and the digest of the same without (docs/divergences.md).
        ResourceKind::Card => {
            resource.fits(&wanted.digest)
                || resource
                    .json()
                    .is_some_and(|card| wanted.digest.fits_json(&card))
        }
        ResourceKind::Picture => resource.fits(&wanted.digest),
    };
    if !fits {
        return Content::Altered;
    }
    if !wanted.kind.allows(&resource.media_type) {
        return Content::NotExamined(Unexamined::Fetch(Unavailable::MediaType));
    }
    match (wanted.kind, resource.card()) {
        (ResourceKind::Card, Err(bad)) => Content::NotExamined(Unexamined::Card(bad)),
        _ => Content::Proven,
    }
}

/// Notes what is referred to and has no digest.
fn note_missing(references: &[Reference], known: &mut RichReport) {
    let signed = known.entries.len();
    for reference in references {
        let mut entries = known.entries.iter().take(signed);
        if entries.any(|entry| entry.pointer == reference.pointer) {
            continue;
        }
        known.entries.push(Entry {
            pointer: reference.pointer.clone(),
            content: Content::NotExamined(Unexamined::NoDigest),
        });
    }
}

/// What the entries say of each part.
fn conclude(claims: &RichClaims, known: &mut RichReport) {
    let of = |pointer: &str, there: bool, itself: Content| match there {
        true => known
            .entries
            .iter()
            .filter(|entry| concerns(&entry.pointer, pointer))
            .map(|entry| entry.content)
            .filter(|content| *content != Content::NotExamined(Unexamined::NeverFollowed))
            .fold(itself, Content::worse),
        false => Content::Absent,
    };
    let data = claims.data.as_ref();
    let has = |part: fn(&RichCallData) -> bool| data.is_some_and(part);
    let name = of("/nam", has(|data| data.name.is_some()), Content::Proven);
    let alternate = of(
        "/apn",
        has(|data| data.alternate.is_some()),
        Content::Proven,
    );
    let icon = data.and_then(|data| data.icon.as_deref());
    let icon = of(ICON, icon.is_some(), icon.map_or(Content::Absent, in_place));
    let card = match data.and_then(|data| data.card.as_ref()) {
        None => Content::Absent,
        Some(Card::At(_)) => of(
            CARD_ELSEWHERE,
            true,
            pictures(known.fetched_card.as_deref()),
        ),
        Some(Card::Inline(_)) => match &known.inline {
            Some(Ok(card)) => of(CARD_INLINE, true, pictures(Some(card))),
            Some(Err(bad)) => Content::NotExamined(Unexamined::Card(*bad)),
            None => Content::NotExamined(Unexamined::NotProven),
        },
    };
    known.name = name;
    known.alternate = alternate;
    let inline = || known.inline.clone().and_then(Result::ok);
    let whole = known.fetched_card.clone().or_else(inline);
    known.jcard = whole.filter(|_| card.is_proven());
    known.picture = known.fetched_icon.clone().filter(|_| icon.is_proven());
    known.icon = icon;
    known.card = card;
    known.reason = match claims.reason {
        Some(_) => Content::Proven,
        None => Content::Absent,
    };
}

/// Whether what `pointer` names has to do with `part`: one lies in the other.
fn concerns(pointer: &str, part: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(pointer, part) || within(part, pointer)
}

/// What is known of a picture by its URL alone: whether one that is in the URL is one.
fn in_place(url: &str) -> Content {
    match is_data(url) && !data_url::is_picture(url) {
        true => Content::NotExamined(Unexamined::Picture),
        false => Content::Proven,
    }
}

/// The pictures that are in a card itself.
fn pictures(card: Option<&JCard>) -> Content {
    let urls = [Kind::Logo, Kind::Photo]
        .into_iter()
        .flat_map(|kind| card.into_iter().flat_map(move |card| card.texts(kind)));
    urls.map(in_place).fold(Content::Proven, Content::worse)
}
