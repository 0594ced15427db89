//! The authority as it is configured: what `[ca]` names, opened, for the server and for the command line.
//!
//! Keys are opened only when somebody signs: who looks at the books needs no PIN.
//!
//! - [`keys`]: the keys, watched.
//! - [`practice`]: what is configured, in the words of the deciders.
//! - [`numbers`]: whose number is whose, and since when that is too old to be known.
//! - [`former`]: keys that the authority had before.
//! - [`lists`]: revocation lists, numbered in the journal and signed.
//! - [`anchors`]: the list of authorities that are trusted, beside the tokens.
//! - [`gate`]: who comes in, and who comes too often.
//! - `examination`: what a start would find wrong, told without starting anything.
//! - `answers`: what OCSP is told.
//! - [`service`]: the authority that serves.

pub mod keys;
pub mod former;
pub mod practice;
pub mod numbers;
pub mod lists;
pub mod anchors;
pub mod gate;
mod answers;
mod examination;
pub mod service;

pub use self::examination::examine;

use self::keys::{KeyWatch, Use};
use crate::authority::book::{Book, Undone};
use crate::authority::checkpoints::{self, BadCheckpoints, Checkpoints};
use crate::clock::{Clock, SystemClock};
use crate::config::ca::{CaSettings, UnknownNumbersRule};
use crate::files::{self, FileFault};
use crate::keys::{KeyFault, KeyPlace};
use crate::store::Unavailable;
use crate::store::sqlite::SqliteStore;
use countersign::certificate::number_records::RecordsError;
use countersign::certificate::{Certificate, CertificateChain, ChainError};
use countersign::crypto::{Point, SigningKey};
use countersign_ca::journal::Checkpoint;
use countersign_ca::ocsp::{NotAResponder, Responder};
use countersign_ca::register::preparation::{Rules, SecondApproval};
use countersign_ca::{Authority, CrlPoint, IssuanceError, Practice, UnknownNumbers};
use former::Former;
use numbers::{NumberTable, Unreadable};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The journal's name in its store.
pub const STREAM: &str = "authority";

/// How long an answer of OCSP counts, in seconds: an hour, own decision.
const OCSP_LIFETIME: u32 = 3_600;

/// The authority as it is configured.
#[derive(Clone, Debug)]
pub struct Office {
    /// What the configuration says.
    pub settings: CaSettings,
    /// The authority's certificate and those above it.
    pub chain: CertificateChain,
    /// Who signs revocation lists, if it is not the authority.
    pub list_issuer: Option<Certificate>,
    /// Who answers questions about certificates, if it is not the authority.
    pub responder: Option<Certificate>,
    /// What the authority was before.
    pub former: Vec<Former>,
    numbers: Option<Arc<NumberTable>>,
    /// Who watches the keys.
    watch: Arc<KeyWatch>,
}

impl Office {
    /// Reads the certificates that `settings` name, by the system's clock.
    ///
    /// # Errors
    /// [`OfficeFault`].
    pub fn open(settings: &CaSettings) -> Result<Self, OfficeFault> {
        Self::open_by(settings, Arc::new(SystemClock::start()))
    }

    /// The same by `clock`.
    ///
    /// # Errors
    /// [`OfficeFault`].
    pub fn open_by(settings: &CaSettings, clock: Arc<dyn Clock>) -> Result<Self, OfficeFault> {
        let list_issuer = settings.crl.issuer.as_ref();
        let list_issuer = list_issuer
            .map(|(file, _)| chain(&file.value))
            .transpose()?;
        let responder = settings.ocsp.responder.as_ref();
        let responder = responder.map(|(file, _)| chain(&file.value)).transpose()?;
        let former = settings.former.iter().map(Former::open);
        let numbers = settings.number_authority_file.as_ref();
        let numbers = numbers
            .map(|file| numbers_of(&file.value, settings.number_authority_max_age, clock))
            .transpose()?;
        Ok(Self {
            chain: chain(&settings.certificate_file.value)?,
            list_issuer: list_issuer.map(|chain| chain.end_entity().clone()),
            responder: responder.map(|chain| chain.end_entity().clone()),
            former: former.collect::<Result<_, _>>()?,
            numbers: numbers.map(Arc::new),
            watch: Arc::default(),
            settings: settings.clone(),
        })
    }

    /// The same whose keys are watched here.
    #[must_use]
    pub fn watched(self, watch: Arc<KeyWatch>) -> Self {
        Self { watch, ..self }
    }

    /// The key at a place, watched.
    ///
    /// # Errors
    /// [`OfficeFault::Key`].
    pub fn key(&self, place: &KeyPlace, of: Use) -> Result<Arc<dyn SigningKey>, OfficeFault> {
        Ok(self.watch.over(open_key(place)?, of))
    }

    /// The certificate of the authority.
    pub fn certificate(&self) -> &Certificate {
        self.chain.end_entity()
    }

    /// Every certificate that the authority has issued by: the present one, and those before it.
    pub fn issuers(&self) -> Vec<Certificate> {
        let former = self.former.iter().map(Former::certificate);
        [self.certificate()]
            .into_iter()
            .chain(former)
            .cloned()
            .collect()
    }

    /// Where revocations are published.
    pub fn list_url(&self) -> String {
        self.url_of_list(&self.settings.crl.name.value)
    }

    fn url_of_list(&self, name: &str) -> String {
        format!("{}/crl/{name}.crl", self.settings.base_url.value)
    }

    /// Where it is asked about certificates.
    pub fn ocsp_url(&self) -> String {
        format!("{}/ocsp", self.settings.base_url.value)
    }

    /// Who answers questions about certificates, with its key.
    ///
    /// # Errors
    /// [`OfficeFault::Key`], [`OfficeFault::Responder`].
    pub fn responder(&self) -> Result<Responder, OfficeFault> {
        let issuer = self.certificate().clone();
        let (made, file) = match (&self.responder, &self.settings.ocsp.responder) {
            (Some(delegate), Some((file, place))) => {
                let key = self.key(&place.value, Use::Responder)?;
                let made = Responder::of_delegate(issuer, delegate.clone(), key, OCSP_LIFETIME);
                (made, file)
            }
            _ => {
                let key = self.key(&self.settings.key.value, Use::Authority)?;
                let made = Responder::of_issuer(issuer, key, OCSP_LIFETIME);
                (made, &self.settings.certificate_file)
            }
        };
        made.map_err(|why| OfficeFault::Responder(file.value.clone(), why))
    }

    /// The authority with its key.
    ///
    /// # Errors
    /// [`OfficeFault`].
    pub fn authority(&self) -> Result<Authority, OfficeFault> {
        let key = self.key(&self.settings.key.value, Use::Authority)?;
        let issuer = self.list_issuer.as_ref().unwrap_or(self.certificate());
        let practice = Practice {
            policy: self.settings.policy,
            crl: Some(CrlPoint {
                url: self.list_url().into(),
                issuer: issuer.subject().clone(),
            }),
            ocsp: (self.settings.ocsp.in_certificates).then(|| self.ocsp_url().into()),
        };
        let authority = Authority::new(self.certificate().clone(), key, practice);
        let path = &self.settings.certificate_file.value;
        let authority = authority.map_err(|cause| OfficeFault::Authority(path.clone(), cause))?;
        Ok(match &self.numbers {
            Some(numbers) => authority.with_provider_numbers(numbers.clone(), self.unknown()),
            None => authority,
        })
    }

    /// Whose number is whose, if anybody says.
    pub fn numbers(&self) -> Option<Arc<NumberTable>> {
        self.numbers.clone()
    }

    fn unknown(&self) -> UnknownNumbers {
        match self.settings.unknown_numbers.value {
            UnknownNumbersRule::Issue => UnknownNumbers::Issue,
            UnknownNumbersRule::Refuse => UnknownNumbers::Refuse,
        }
    }

    /// What has been decided about certificates, whatever their kind.
    pub fn rules(&self) -> Rules {
        Rules {
            ignored_lints: self.settings.ignored_lints.iter().cloned().collect(),
            second_approval: match self.settings.second_approval {
                true => SecondApproval::Needed,
                false => SecondApproval::NotNeeded,
            },
        }
    }

    /// The store of the journal.
    ///
    /// # Errors
    /// [`OfficeFault::Store`].
    pub fn store(&self, presence: Presence) -> Result<SqliteStore, OfficeFault> {
        let path = &self.settings.store_file.value;
        if presence == Presence::Required && !path.exists() {
            return Err(OfficeFault::NoJournal(path.clone()));
        }
        let store = match presence {
            Presence::Made => SqliteStore::open(path),
            Presence::Required => SqliteStore::open_existing(path),
        };
        store.map_err(|why| OfficeFault::Store(path.clone(), why))
    }

    /// The book, read from the first record to the last, as far as the checkpoints go at least.
    ///
    /// # Errors
    /// [`OfficeFault`].
    pub fn book(&self, presence: Presence, clock: Arc<dyn Clock>) -> Result<Book, OfficeFault> {
        // Before the journal: whatever they were signed for is in it by now.
        let checkpoints = self.checkpoints_by(checkpoints::latest)?;
        let path = &self.settings.store_file.value;
        // Where there was a journal, no other one begins in its place.
        if !checkpoints.is_empty() && !path.exists() {
            return Err(OfficeFault::JournalGone(path.clone()));
        }
        let store = Arc::new(self.store(presence)?);
        let book = Book::open(store, STREAM, clock, &checkpoints);
        book.map_err(|why| OfficeFault::Book(path.clone(), why))
    }

    /// Where checkpoints are written, if anywhere; `authority` signs them.
    ///
    /// # Errors
    /// [`OfficeFault::Key`].
    pub fn checkpoints(&self) -> Result<Option<Checkpoints>, OfficeFault> {
        let Some(file) = &self.settings.checkpoint_file else {
            return Ok(None);
        };
        let key = self.key(&self.settings.key.value, Use::Authority)?;
        Ok(Some(Checkpoints::new(&file.value, key)))
    }

    /// The checkpoints that were written; none, if none are.
    ///
    /// # Errors
    /// [`OfficeFault::Checkpoints`].
    pub fn read_checkpoints(&self) -> Result<Vec<Checkpoint>, OfficeFault> {
        self.checkpoints_by(checkpoints::read)
    }

    fn checkpoints_by(
        &self,
        read: fn(&Path, &[Point]) -> Result<Vec<Checkpoint>, BadCheckpoints>,
    ) -> Result<Vec<Checkpoint>, OfficeFault> {
        let Some(file) = &self.settings.checkpoint_file else {
            return Ok(Vec::new());
        };
        let path = &file.value;
        let bad = |why| OfficeFault::Checkpoints(path.clone(), why);
        let issuers = self.issuers();
        let keys = issuers.iter().map(|one| one.public_key().p256().copied());
        let keys: Option<Vec<_>> = keys.collect();
        let keys = keys.ok_or_else(|| bad(BadCheckpoints::Key))?;
        read(path, &keys).map_err(bad)
    }
}

/// Whether a journal must be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is made if it is not there.
    Made,
    /// It must be there.
    Required,
}

/// The key at a place.
///
/// # Errors
/// [`OfficeFault::Key`].
pub fn open_key(place: &KeyPlace) -> Result<Arc<dyn SigningKey>, OfficeFault> {
    place
        .open()
        .map_err(|fault| OfficeFault::Key(place.clone(), fault))
}

/// The certificates of a file.
///
/// # Errors
/// [`OfficeFault::File`], [`OfficeFault::Chain`].
pub fn chain(path: &Path) -> Result<CertificateChain, OfficeFault> {
    let bytes = files::read(path).map_err(|fault| OfficeFault::File(path.into(), fault))?;
    CertificateChain::parse(&bytes).map_err(|cause| OfficeFault::Chain(path.into(), cause))
}

fn numbers_of(
    path: &Path,
    max_age: Duration,
    clock: Arc<dyn Clock>,
) -> Result<NumberTable, OfficeFault> {
    let max_age = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
    NumberTable::open(path, max_age, clock).map_err(|why| match why {
        Unreadable::File(fault) => OfficeFault::File(path.into(), fault),
        Unreadable::Records(cause) => OfficeFault::Records(path.into(), cause),
    })
}

/// Why there is no authority. Alphabetical.
#[derive(Debug)]
pub enum OfficeFault {
    /// Key and certificate make no authority.
    Authority(PathBuf, IssuanceError),
    /// The journal cannot be used.
    Book(PathBuf, Undone),
    /// A file of certificates holds something else.
    Chain(PathBuf, ChainError),
    /// The checkpoints cannot be used.
    Checkpoints(PathBuf, BadCheckpoints),
    /// This line is no account.
    ExternalAccount(PathBuf, usize),
    /// A file cannot be used.
    File(PathBuf, FileFault),
    /// There are checkpoints of a journal, and no journal.
    JournalGone(PathBuf),
    /// A key cannot be used.
    Key(KeyPlace, KeyFault),
    /// A revocation list was not made.
    List(IssuanceError),
    /// A file holds a certificate that is no authority's, or too many.
    NoAnchors(PathBuf),
    /// The journal was never begun.
    NoJournal(PathBuf),
    /// The system gives no randomness.
    NoRandomness,
    /// Key and certificate sign no revocation list.
    NotAListIssuer(PathBuf, IssuanceError),
    /// The certificate cannot sign tokens, or is not that of the key.
    NotAnIssuer(PathBuf),
    /// A file does not say whose numbers are whose.
    Records(PathBuf, RecordsError),
    /// Nobody can answer with this certificate.
    Responder(PathBuf, NotAResponder),
    /// The store of the journal cannot be used.
    Store(PathBuf, Unavailable),
    /// The system gives no thread.
    Thread(std::io::Error),
    /// The list of the authorities in a file was not signed.
    Unsigned(PathBuf),
}

impl fmt::Display for OfficeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(path, cause) => write!(
                f,
                "{}: {cause}; give the certificate that was made for the key (countersign ca install)",
                path.display()
            ),
            Self::Book(path, why @ Undone::Broken(_)) => write!(
                f,
                "{}: {why}; countersign ca audit says what is wrong, countersign ca restore puts a copy back",
                path.display()
            ),
            Self::Book(path, why) => write!(f, "{}: {why}", path.display()),
            Self::Chain(path, cause) => {
                write!(f, "{}: {cause}; give certificates in PEM", path.display())
            }
            Self::Checkpoints(path, why) => write!(f, "{}: {why}", path.display()),
            Self::ExternalAccount(path, line) => write!(
                f,
                "{}:{line}: not an account; write KEY-ID,MAC-KEY, the key in base64url",
                path.display()
            ),
            Self::File(path, fault) => write!(f, "{}: {fault}; {}", path.display(), fault.fix()),
            Self::JournalGone(path) => write!(
                f,
                "{}: the journal is gone, of which there are checkpoints; put a copy back (countersign ca restore)",
                path.display()
            ),
            Self::Key(place, fault) => write!(f, "{place}: {fault}; {}", fault.fix()),
            Self::List(cause) => write!(f, "no revocation list was made: {cause}"),
            Self::NoAnchors(path) => write!(
                f,
                "{}: not every certificate in it is that of an authority, or there are too many; give those of the authorities that are trusted",
                path.display()
            ),
            Self::NoJournal(path) => write!(
                f,
                "{}: there is no journal yet; countersign serve, ca issue and ca account open begin one",
                path.display()
            ),
            Self::NoRandomness => f.write_str("the system gives no randomness"),
            Self::NotAListIssuer(path, cause) => write!(
                f,
                "{}: no revocation list can be signed with it: {cause}; give a certificate that may sign lists (countersign ca issue --profile crl-issuer), and its key",
                path.display()
            ),
            Self::NotAnIssuer(path) => write!(
                f,
                "{}: it cannot sign tokens with this key; give a P-256 certificate that may sign, and its key",
                path.display()
            ),
            Self::Records(path, cause) => write!(f, "{}: {cause}", path.display()),
            Self::Responder(path, why) => write!(f, "{}: {why}", path.display()),
            Self::Store(path, why) => write!(f, "{}: {why}", path.display()),
            Self::Thread(error) => write!(f, "the system gives no thread: {error}"),
            Self::Unsigned(path) => write!(
                f,
                "{}: the key of the token authority did not sign the list of these",
                path.display()
            ),
        }
    }
}

impl std::error::Error for OfficeFault {}
