//! The configuration: TOML, environment and flags, read as a whole or not at all.
//!
//! ```text
//!   file ─► tree ◄─ environment ◄─ flags        every value with its place
//!            │
//!          reader ─► settings, section by section    or every mistake at once: file:line: key: what; fix
//!            │
//!          check ──► keys, certificates, inventories, anchors, TLS identities, opened and held against each other
//! ```
//!
//! - [`keys`] is the one table of keys: what exists, its default, whether a reload is enough.
//! - [`place`] says where a value was written and what can be wrong with it.
//! - [`changes`] says what is different in the next one.
//! - One room per section: [`listeners`], [`mod@hep`], [`mod@connected`], [`trunk`], [`tenant`], [`brand`], [`ca`], [`judgement`], [`mod@trust`].
//! - [`mod@check`] opens the files that the settings name. Nothing listens before it is content.
//!
//! Read by hand instead of by derive, so that one run tells every mistake, and each with its line. Relative paths begin at the
//! directory of the file. Precedence: flag, environment (`COUNTERSIGN_SECTION__KEY`), file, default.

pub mod brand;
pub mod ca;
pub mod changes;
pub mod check;
pub mod connected;
pub mod hep;
pub mod judgement;
pub mod keys;
pub mod listeners;
mod priority;
pub mod place;
mod reader;
pub mod tenant;
mod tree;
pub mod trunk;
pub mod trust;

pub use check::{Checked, check};
pub use place::{Cause, Concern, Mistake, Place, Placed, Warning};

use self::brand::BrandSettings;
use self::ca::CaSettings;
use self::changes::Written;
use self::connected::ConnectedSettings;
use self::hep::HepSettings;
use self::judgement::{AuthoritySettings, FetchSettings, PrewarmSettings};
use self::listeners::{DoorSettings, HttpSettings, LogSettings, SipSettings};
use self::reader::{Notes, Reader};
use self::tenant::TenantSettings;
use self::trunk::TrunkSettings;
use self::trust::TrustSettings;
use crate::files;
use countersign::verification::VerificationPolicy;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Everything that can be configured, well formed; the files it names are not opened yet.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[sip]`.
    pub sip: SipSettings,
    /// `[[trunks]]`, in order.
    pub trunks: Vec<TrunkSettings>,
    /// `[[tenants]]`.
    pub tenants: Vec<TenantSettings>,
    /// `[[brands]]`, in order.
    pub brands: Vec<BrandSettings>,
    /// `[verification]`.
    pub verification: VerificationPolicy,
    /// What of it is about certificates that no call needs yet.
    pub prewarm: PrewarmSettings,
    /// `[verification]`: whose number is whose.
    pub authority: AuthoritySettings,
    /// `[trust]`.
    pub trust: TrustSettings,
    /// `[fetch]`.
    pub fetch: FetchSettings,
    /// `[http.public]`: the certificate repository.
    pub public: HttpSettings,
    /// `[http.public]`: authorities of clients that prove who they are.
    pub public_client_ca_file: Option<Placed<PathBuf>>,
    /// `[http.trunk]`: signing and verification over HTTP.
    pub trunk: HttpSettings,
    /// `[http.trunk]`, what is said there.
    pub door: DoorSettings,
    /// `[http.admin]`: health and metrics.
    pub admin: HttpSettings,
    /// `[log]`.
    pub log: LogSettings,
    /// `[metrics] enabled`.
    pub metrics_enabled: bool,
    /// `[hep]`.
    pub hep: HepSettings,
    /// `[connected]`.
    pub connected: ConnectedSettings,
    /// `[ca]`; `None`: this server is no authority.
    pub ca: Option<CaSettings>,
    /// Where all of it was read from.
    pub source: Source,
    /// All of it as text, to be compared with the next one.
    pub written: Written,
}

impl Config {
    /// This configuration, with what cannot change before a restart as `running` has it.
    #[must_use]
    pub fn over(self, running: &Self) -> Self {
        let http = |new: HttpSettings, old: &HttpSettings| HttpSettings {
            listen: old.listen.clone(),
            ..new
        };
        Self {
            sip: SipSettings {
                unknown_source: self.sip.unknown_source,
                patience: self.sip.patience,
                secure: self.sip.secure,
                ..running.sip.clone()
            },
            // The ports of `fetch.exceptions` are among what is fetched.
            verification: VerificationPolicy {
                port_exceptions: running.verification.port_exceptions.clone(),
                ..self.verification
            },
            prewarm: running.prewarm.clone(),
            fetch: running.fetch.clone(),
            public: http(self.public, &running.public),
            trunk: http(self.trunk, &running.trunk),
            door: DoorSettings {
                base: running.door.base.clone(),
                ..self.door
            },
            admin: http(self.admin, &running.admin),
            log: LogSettings {
                format: running.log.format,
                ..self.log
            },
            metrics_enabled: running.metrics_enabled,
            connected: running.connected.clone(),
            ca: running.ca.clone(),
            ..self
        }
    }
}

/// Where a configuration is read from, to read it again.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// The environment variables that mean keys.
    pub environment: Vec<(String, String)>,
    /// What the command line says.
    pub overrides: Vec<Override>,
}

impl Source {
    /// Reads it again.
    ///
    /// # Errors
    /// Every [`Mistake`] in it, in the order of their lines.
    pub fn load(&self) -> Result<Config, Vec<Mistake>> {
        load(
            &self.path,
            self.environment.iter().cloned(),
            &self.overrides,
        )
    }
}

/// A setting from the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The flag as it was written, for messages.
    pub flag: Box<str>,
    /// The key that it sets: `sip.udp`.
    pub key: Box<str>,
    /// The value, written as in the environment: lists with commas.
    pub value: String,
}

/// Reads a configuration file.
///
/// # Errors
/// Every [`Mistake`] in it, in the order of their lines.
pub fn load(
    path: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
    overrides: &[Override],
) -> Result<Config, Vec<Mistake>> {
    match files::read_text(path) {
        Ok(text) => parse(&text, path, environment, overrides),
        Err(fault) => Err(vec![Mistake {
            place: Place::File {
                path: path.into(),
                line: 1,
            },
            key: "".into(),
            cause: Cause::Unreadable(fault).into(),
        }]),
    }
}

/// Reads the text of a configuration; `path` is what messages call it, and relative paths begin at its directory.
///
/// # Errors
/// Every [`Mistake`] in it, in the order of their lines.
pub fn parse(
    text: &str,
    path: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
    overrides: &[Override],
) -> Result<Config, Vec<Mistake>> {
    let notes = Notes::default();
    let config = read(text, path, environment, overrides, &notes);
    let mut mistakes = notes.mistakes.into_inner();
    if mistakes.is_empty() {
        return Ok(config);
    }
    mistakes.sort_by_key(|mistake| match &mistake.place {
        Place::File { line, .. } => *line,
        Place::Default | Place::Environment(_) | Place::Flag(_) => usize::MAX,
    });
    Err(mistakes)
}

fn read(
    text: &str,
    path: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
    overrides: &[Override],
    notes: &Notes,
) -> Config {
    let directory = path.parent().unwrap_or(Path::new(""));
    let source = Source {
        path: path.into(),
        environment: environment.into_iter().filter(tree::means_a_key).collect(),
        overrides: overrides.into(),
    };
    let path: Arc<Path> = path.into();
    let table = table(text, &path, &source, notes);
    let mut root = Reader::root(&table, Place::File { path, line: 1 }, notes);
    let fetch = judgement::fetch(root.table("fetch"), directory);
    let excepted: Arc<[_]> = fetch
        .exceptions
        .iter()
        .map(|e| e.origin.value.clone())
        .collect();
    let (mut verification, prewarm, authority) =
        judgement::verification(root.table("verification"), directory, excepted.clone());
    verification.priority = priority::read(root.table("priority"));
    let deadline = Duration::from_millis(u64::from(verification.deadline));
    let tenants: Vec<_> = root
        .tables("tenants")
        .into_iter()
        .filter_map(|reader| tenant::read(reader, directory, &excepted))
        .collect();
    let brands: Vec<_> = root
        .tables("brands")
        .into_iter()
        .filter_map(|reader| brand::read(reader, directory))
        .collect();
    let trunks: Vec<_> = root
        .tables("trunks")
        .into_iter()
        .filter_map(|reader| trunk::read(reader, directory, deadline))
        .collect();
    let http = listeners::http(root.table("http"), directory);
    let trust = trust::read(root.table("trust"), directory);
    let config = Config {
        sip: listeners::sip(root.table("sip"), directory),
        prewarm: prewarm.beside(&trust),
        trust,
        log: listeners::log(root.table("log")),
        metrics_enabled: listeners::metrics(root.table("metrics")),
        hep: hep::read(root.table("hep"), directory),
        connected: connected::read(root.table("connected"), directory),
        ca: ca::read(root.table("ca"), directory),
        source,
        written: Written::of(&table),
        trunks,
        tenants,
        brands,
        verification,
        authority,
        fetch,
        public: http.public,
        public_client_ca_file: http.public_client_ca_file,
        trunk: http.trunk,
        door: http.door,
        admin: http.admin,
    };
    root.finish();
    note_cross_references(&config, notes);
    config
}

/// What the file says, under what the environment and the command line say.
fn table(text: &str, path: &Arc<Path>, source: &Source, notes: &Notes) -> tree::Table {
    let mut mistakes = notes.mistakes.borrow_mut();
    let mut table = tree::parse(text, path, &mut mistakes);
    tree::overlay_environment(&mut table, &source.environment, &mut mistakes);
    for Override { flag, key, value } in &source.overrides {
        let place = Place::Flag(flag.clone());
        tree::overlay(&mut table, key, value, place, &mut mistakes);
    }
    table
}

fn note_cross_references(config: &Config, notes: &Notes) {
    let found = cross_references(config);
    let mut mistakes = notes.mistakes.borrow_mut();
    // A tenant with a mistake of its own is not there: who refers to it is not to blame.
    let tenants_are_whole = !mistakes
        .iter()
        .any(|mistake| mistake.key.starts_with("tenants"));
    let stands =
        |mistake: &Mistake| tenants_are_whole || !matches!(*mistake.cause, Cause::NotFound(_));
    mistakes.extend(found.into_iter().filter(stands));
}

/// What no section can see alone: names given twice, and names that nobody has.
fn cross_references(config: &Config) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let tenants = config.tenants.iter().map(|tenant| &tenant.name);
    let trunks = config.trunks.iter().map(|trunk| &trunk.name);
    mistakes.extend(duplicates(tenants.clone()));
    mistakes.extend(duplicates(trunks.clone()));
    mistakes.extend(duplicates(config.brands.iter().map(|brand| &brand.name)));
    let issuers = config.ca.iter().flat_map(|ca| &ca.token_issuers);
    mistakes.extend(duplicates(issuers.map(|issuer| &issuer.name)));
    let domains = &config.trust.domains;
    mistakes.extend(duplicates(domains.iter().map(|domain| &domain.name)));
    let trunks: BTreeSet<&str> = trunks.map(|name| &*name.value).collect();
    for trunk in domains.iter().flat_map(|domain| &domain.trunks) {
        if !trunks.contains(&*trunk.value) {
            mistakes.push(trunk.mistake(Cause::NotFound(trunk.value.clone())));
        }
    }
    let known: BTreeSet<&str> = tenants.map(|name| &*name.value).collect();
    let of_trunks = config.trunks.iter();
    let of_trunks = of_trunks.filter_map(|trunk| trunk.tenant.as_ref());
    let of_brands = config.brands.iter().map(|brand| &brand.tenant);
    for tenant in of_trunks.chain(of_brands) {
        if !known.contains(&*tenant.value) {
            mistakes.push(tenant.mistake(Cause::NotFound(tenant.value.clone())));
        }
    }
    mistakes
}

fn duplicates<'a>(names: impl Iterator<Item = &'a Placed<Box<str>>>) -> Vec<Mistake> {
    let mut seen = BTreeSet::new();
    names
        .filter(|name| !seen.insert(&*name.value))
        .map(|name| name.mistake(Cause::Duplicate))
        .collect()
}

#[cfg(test)]
mod tests;
