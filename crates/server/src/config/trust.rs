//! `[trust]` and `[[trust.domains]]`: whom we believe, about whose calls.
//!
//! The keys of `[trust]` itself make one domain for every trunk and every number, and it comes last: it judges what no other one
//! does. Beside other domains it is there only if it has anchors.

use super::place::{Cause, Expected, Placed};
use super::reader::{Reader, placed_choice};
use crate::fetch::PlainHttp;
use crate::trust::Place;
use crate::trust::schedule::DEFAULT_REFRESH;
use countersign::certificate::NumberScope;
use countersign::certificate::rules::AuthorityAlgorithms;
use countersign::trust::{FreshnessMode, ListSigners, MissingStatus, RevocationRule, ScopeUnknown};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `[trust]`.
#[derive(Clone, Debug)]
pub struct TrustSettings {
    /// The domains, in the order in which they are asked; at least one.
    pub domains: Vec<DomainSettings>,
    /// Where the last good lists lie when the process does not run.
    pub state_folder: Option<Placed<PathBuf>>,
    /// How often a list is pulled.
    pub refresh: Duration,
    /// Whether revocation lists may be pulled over plain http.
    pub plain: Placed<PlainHttp>,
}

/// One trust domain.
#[derive(Clone, Debug)]
pub struct DomainSettings {
    /// Its name.
    pub name: Placed<Box<str>>,
    /// The trunks whose calls it judges; all if empty.
    pub trunks: Vec<Placed<Box<str>>>,
    /// The calling numbers it judges: prefixes, national profiles, regions; all if empty.
    pub numbers: Vec<Placed<Box<str>>>,
    /// Files of anchors.
    pub anchor_files: Vec<Placed<PathBuf>>,
    /// Files of lab anchors.
    pub lab_anchor_files: Vec<Placed<PathBuf>>,
    /// Whether lab anchors are believed.
    pub allow_lab: Placed<bool>,
    /// A signed list of anchors.
    pub ca_list: Option<Placed<Place>>,
    /// Files of those who sign it.
    pub ca_list_signer_files: Vec<Placed<PathBuf>>,
    /// Revocation lists.
    pub crls: Vec<Placed<Place>>,
    /// Files of those who may sign them, besides whom the anchors vouch for.
    pub crl_issuer_files: Vec<Placed<PathBuf>>,
    /// What follows when no list answers; `None`: it depends on whether there are lists.
    pub revocation: Option<Placed<Revocation>>,
    /// Seconds that a list is believed after the next one was due.
    pub crl_grace: u32,
    /// Whose lists are heard.
    pub crl_signers: ListSigners,
    /// What certificates and lists may be signed with.
    pub authority_algorithms: AuthorityAlgorithms,
    /// Whose word on whether a certificate is still good is taken.
    pub freshness: Placed<FreshnessMode>,
    /// What follows when there is no word.
    pub missing_status: Placed<MissingStatus>,
    /// What a good certificate is when nobody says that the number is still its.
    pub scope_unknown: ScopeUnknown,
    /// Files of responders that are believed beside whom authorities vouch for.
    pub responder_files: Vec<Placed<PathBuf>>,
}

/// What follows when no list answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The call is not validated.
    Hard,
    /// Nobody asks.
    Off,
    /// The call passes, and the check is shown as not made.
    Soft,
}

/// Longest time that a list is believed after the next one was due, in seconds: thirty days, which nobody should need.
const MAX_GRACE: i64 = 30 * 24 * 3600;

impl DomainSettings {
    /// Whether it can ever have an anchor.
    pub fn has_anchors(&self) -> bool {
        let files = self.anchor_files.len() + self.lab_anchor_files.len();
        files > 0 || self.ca_list.is_some()
    }

    /// What follows when no list answers. Without a word about it: soft where there are lists, because a list that is late must not
    /// end all validation before somebody has thought about it.
    pub fn rule(&self) -> RevocationRule {
        let grace = self.crl_grace;
        let written = self.revocation.as_ref().map(|written| written.value);
        match written {
            Some(Revocation::Hard) => RevocationRule::Hard { grace },
            Some(Revocation::Off) => RevocationRule::Off,
            Some(Revocation::Soft) => RevocationRule::Soft { grace },
            None if self.crls.is_empty() => RevocationRule::Off,
            None => RevocationRule::Soft { grace },
        }
    }
}

pub(super) fn read(mut reader: Reader<'_>, directory: &Path) -> TrustSettings {
    let plain = reader.boolean("allow_http_crls", false);
    let plain = plain.map(|allowed| match allowed {
        true => PlainHttp::Allow,
        false => PlainHttp::Refuse,
    });
    let mut domains: Vec<_> = reader
        .tables("domains")
        .into_iter()
        .filter_map(|reader| named(reader, directory, &plain))
        .collect();
    let name = reader.text("domain");
    let name = name.unwrap_or_else(|| reader.default("domain", "default"));
    let state_folder = reader.text("state_dir");
    let refresh = reader.integer("refresh_s", 60..=86_400);
    let whole = domain(reader, name.map(Box::from), directory, &plain);
    if domains.is_empty() || whole.has_anchors() {
        domains.push(whole);
    }
    TrustSettings {
        domains,
        state_folder: state_folder.map(|name| name.map(|name| directory.join(name))),
        refresh: refresh.map_or(DEFAULT_REFRESH, |seconds| {
            Duration::from_secs(seconds.unsigned_abs())
        }),
        plain,
    }
}

/// One of `[[trust.domains]]`.
fn named(
    mut reader: Reader<'_>,
    directory: &Path,
    plain: &Placed<PlainHttp>,
) -> Option<DomainSettings> {
    let name = reader.required("name", "its name");
    let text = |text: &str| (!text.is_empty()).then(|| Box::from(text));
    let trunks = reader.list("trunks", "the name of a trunk", text);
    let form = "digits that numbers begin with, or the name of a country such as us or france";
    let scope = |name: &str| NumberScope::of(&[name]).is_ok().then(|| name.into());
    let numbers = reader.list("numbers", form, scope);
    for (key, is_empty) in [
        ("trunks", trunks.as_ref().is_some_and(Vec::is_empty)),
        ("numbers", numbers.as_ref().is_some_and(Vec::is_empty)),
    ] {
        // An empty list would mean nothing to whoever wrote it, and everything to us.
        if let (true, (0, place)) = (is_empty, reader.written_items(key)) {
            reader.note(key, &place, Cause::Value(Expected::ListOfSome));
        }
    }
    // What has no name is read all the same, for its other mistakes.
    let name_or_none = name.unwrap_or_else(|| reader.default("name", ""));
    let there = !name_or_none.value.is_empty();
    let mut settings = domain(reader, name_or_none.map(Box::from), directory, plain);
    settings.trunks = trunks.unwrap_or_default();
    settings.numbers = numbers.unwrap_or_default();
    there.then_some(settings)
}

/// The keys that every domain has.
fn domain(
    mut reader: Reader<'_>,
    name: Placed<Box<str>>,
    directory: &Path,
    plain: &Placed<PlainHttp>,
) -> DomainSettings {
    let file = |name: &str| (!name.is_empty()).then(|| directory.join(name));
    let mut files = |key| reader.list(key, "a path", file).unwrap_or_default();
    let anchor_files = files("anchor_files");
    let lab_anchor_files = files("lab_anchor_files");
    let ca_list_signer_files = files("ca_list_signer_files");
    let crl_files = files("crl_files");
    let crl_issuer_files = files("crl_issuer_files");
    let responder_files = files("responder_files");
    let urls = reader.list("crl_urls", "a URL", |url| Some(Box::<str>::from(url)));
    let mut crls: Vec<_> = crl_files
        .into_iter()
        .map(|file| file.map(Place::File))
        .collect();
    for url in urls.into_iter().flatten() {
        if let Some(cause) = crl_url_mistake(&url.value, plain.value) {
            reader.note("crl_urls", &url.place, cause);
        }
        crls.push(url.map(Place::Url));
    }
    let form = "a path, or an https URL";
    let ca_list = reader.parsed("ca_list", form, |text| ca_list(text, directory));
    if let (Some(list), true) = (&ca_list, ca_list_signer_files.is_empty()) {
        let cause = Cause::Requires("ca_list_signer_files");
        reader.note("ca_list", &list.place, cause);
    }
    let grace = reader.integer("crl_grace_s", 0..=MAX_GRACE);
    let word = reader.text("revocation");
    let revocation = reader.choice("revocation", &REVOCATION);
    let settings = DomainSettings {
        name,
        trunks: Vec::new(),
        numbers: Vec::new(),
        anchor_files,
        lab_anchor_files,
        allow_lab: reader.boolean("allow_lab", false),
        ca_list,
        ca_list_signer_files,
        crls,
        crl_issuer_files,
        revocation: word.zip(revocation).map(|(word, rule)| word.map(|_| rule)),
        crl_grace: grace
            .and_then(|grace| u32::try_from(grace).ok())
            .unwrap_or(0),
        crl_signers: reader.choice("crl_signers", &SIGNERS).unwrap_or_default(),
        authority_algorithms: reader
            .choice("authority_algorithms", &ALGORITHMS)
            .unwrap_or_default(),
        freshness: placed_choice(&mut reader, "freshness", &FRESHNESS),
        missing_status: placed_choice(&mut reader, "missing_status", &MISSING),
        scope_unknown: reader
            .choice("scope_unknown", &SCOPE_UNKNOWN)
            .unwrap_or_default(),
        responder_files,
    };
    reader.finish();
    settings
}

fn ca_list(text: &str, directory: &Path) -> Option<Place> {
    match scheme(text) {
        Some("https") => Some(Place::Url(text.into())),
        None if !text.is_empty() => Some(Place::File(directory.join(text))),
        _ => None,
    }
}

fn crl_url_mistake(url: &str, plain: PlainHttp) -> Option<Cause> {
    match (scheme(url), plain) {
        (Some("https"), _) | (Some("http"), PlainHttp::Allow) => None,
        (Some("http"), PlainHttp::Refuse) => Some(Cause::Requires("trust.allow_http_crls = true")),
        _ => Some(Cause::Value(Expected::Text("an https URL"))),
    }
}

fn scheme(text: &str) -> Option<&str> {
    text.split_once("://").map(|(scheme, _)| scheme)
}

const REVOCATION: [(&str, Revocation); 3] = [
    ("off", Revocation::Off),
    ("soft", Revocation::Soft),
    ("hard", Revocation::Hard),
];
const ALGORITHMS: [(&str, AuthorityAlgorithms); 3] = [
    ("p256", AuthorityAlgorithms::P256),
    ("ecdsa", AuthorityAlgorithms::Ecdsa),
    ("ecdsa-and-rsa", AuthorityAlgorithms::EcdsaAndRsa),
];
const FRESHNESS: [(&str, FreshnessMode); 4] = [
    ("off", FreshnessMode::Off),
    ("staple-only", FreshnessMode::StapleOnly),
    ("staple-or-live", FreshnessMode::StapleOrLive),
    ("live", FreshnessMode::Live),
];
const MISSING: [(&str, MissingStatus); 2] =
    [("soft", MissingStatus::Soft), ("hard", MissingStatus::Hard)];
const SCOPE_UNKNOWN: [(&str, ScopeUnknown); 2] = [
    ("accept", ScopeUnknown::Accept),
    ("not-validated", ScopeUnknown::NotValidated),
];
const SIGNERS: [(&str, ListSigners); 3] = [
    ("any-anchor", ListSigners::AnyAnchor),
    ("same-anchor", ListSigners::SameAnchor),
    ("pinned", ListSigners::Pinned),
];
