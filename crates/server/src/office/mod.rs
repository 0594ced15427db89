//! The authority as it is configured: what `[ca]` names, opened, for the server and for the command line.
//!
//! Keys are opened only when somebody signs: who looks at the books needs no PIN.
//!
//! - [`practice`]: what is configured, in the words of the deciders.
//! - [`lists`]: revocation lists, numbered in the journal and signed.
//! - `answers`: what OCSP is told.
//! - [`service`]: the authority that serves.

pub mod practice;
pub mod lists;
mod answers;
pub mod service;

use crate::authority::book::{Book, Undone};
use crate::authority::checkpoints::{self, BadCheckpoints, Checkpoints};
use crate::clock::Clock;
use crate::config::ca::{CaSettings, UnknownNumbersRule};
use crate::files::{self, FileFault};
use crate::keys::{KeyFault, KeyPlace};
use crate::store::Unavailable;
use crate::store::sqlite::SqliteStore;
use countersign::certificate::number_records::{NumberRecords, RecordsError};
use countersign::certificate::{Certificate, CertificateChain, ChainError};
use countersign::crypto::SigningKey;
use countersign_ca::journal::Checkpoint;
use countersign_ca::register::preparation::{Rules, SecondApproval};
use countersign_ca::{Authority, CrlPoint, IssuanceError, Practice, Profile, UnknownNumbers};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The journal's name in its store.
pub const STREAM: &str = "authority";

/// Rules of SHAKEN's providers and intermediates that delegates break, because
/// [RFC 9060 §4](https://www.rfc-editor.org/rfc/rfc9060#section-4) has them list numbers (`docs/divergences.md`).
pub const BROKEN_BY_DELEGATES: [&str; 5] = [
    "e_atis_ext_not_specified_ca",
    "e_atis_subject_cn_spc",
    "e_atis_tn_auth_list",
    "e_atis_tn_auth_list_ca",
    "e_atis_tn_auth_list_spc_format",
];

/// The authority as it is configured.
#[derive(Clone, Debug)]
pub struct Office {
    /// What the configuration says.
    pub settings: CaSettings,
    /// The authority's certificate and those above it.
    pub chain: CertificateChain,
    /// Who signs revocation lists, if it is not the authority.
    pub list_issuer: Option<Certificate>,
    records: Option<Arc<NumberRecords>>,
}

impl Office {
    /// Reads the certificates that `settings` name.
    ///
    /// # Errors
    /// [`OfficeFault`].
    pub fn open(settings: &CaSettings) -> Result<Self, OfficeFault> {
        let list_issuer = settings.crl.issuer.as_ref();
        let list_issuer = list_issuer
            .map(|(file, _)| chain(&file.value))
            .transpose()?;
        let records = settings.number_authority_file.as_ref();
        let records = records.map(|file| records_of(&file.value)).transpose()?;
        Ok(Self {
            chain: chain(&settings.certificate_file.value)?,
            list_issuer: list_issuer.map(|chain| chain.end_entity().clone()),
            records: records.map(Arc::new),
            settings: settings.clone(),
        })
    }

    /// The certificate of the authority.
    pub fn certificate(&self) -> &Certificate {
        self.chain.end_entity()
    }

    /// Where revocations are published.
    pub fn list_url(&self) -> String {
        let (base, name) = (&self.settings.base_url.value, &self.settings.crl.name.value);
        format!("{base}/crl/{name}.crl")
    }

    /// The authority with its key.
    ///
    /// # Errors
    /// [`OfficeFault`].
    pub fn authority(&self) -> Result<Authority, OfficeFault> {
        let key = open_key(&self.settings.key.value)?;
        let issuer = self.list_issuer.as_ref().unwrap_or(self.certificate());
        let practice = Practice {
            policy: self.settings.policy,
            crl: Some(CrlPoint {
                url: self.list_url().into(),
                issuer: issuer.subject().clone(),
            }),
        };
        let authority = Authority::new(self.certificate().clone(), key, practice);
        let path = &self.settings.certificate_file.value;
        let authority = authority.map_err(|cause| OfficeFault::Authority(path.clone(), cause))?;
        Ok(match &self.records {
            Some(records) => authority.with_provider_numbers(records.clone(), self.unknown()),
            None => authority,
        })
    }

    fn unknown(&self) -> UnknownNumbers {
        match self.settings.unknown_numbers.value {
            UnknownNumbersRule::Issue => UnknownNumbers::Issue,
            UnknownNumbersRule::Refuse => UnknownNumbers::Refuse,
        }
    }

    /// What has been decided about certificates of this kind.
    pub fn rules(&self, profile: Profile) -> Rules {
        let ignored = self.settings.ignored_lints.iter().cloned();
        let of_delegates = match profile {
            Profile::Delegate | Profile::DelegateCa(_) => &BROKEN_BY_DELEGATES[..],
            Profile::CrlIssuer
            | Profile::EndEntity
            | Profile::Intermediate(_)
            | Profile::OcspResponder => &[],
        };
        let of_delegates = of_delegates.iter().map(|name| Box::from(*name));
        Rules {
            ignored_lints: ignored.chain(of_delegates).collect(),
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
        let store = match presence {
            Presence::Made => SqliteStore::open(path),
            Presence::Required => SqliteStore::open_existing(path),
        };
        store.map_err(|why| OfficeFault::Store(path.clone(), why))
    }

    /// The book, read from the first record to the last.
    ///
    /// # Errors
    /// [`OfficeFault`].
    pub fn book(&self, presence: Presence, clock: Arc<dyn Clock>) -> Result<Book, OfficeFault> {
        let store = Arc::new(self.store(presence)?);
        let path = &self.settings.store_file.value;
        Book::open(store, STREAM, clock).map_err(|why| OfficeFault::Book(path.clone(), why))
    }

    /// Where checkpoints are written, if anywhere; `authority` signs them.
    ///
    /// # Errors
    /// [`OfficeFault::Key`].
    pub fn checkpoints(&self) -> Result<Option<Checkpoints>, OfficeFault> {
        let Some(file) = &self.settings.checkpoint_file else {
            return Ok(None);
        };
        let key = open_key(&self.settings.key.value)?;
        Ok(Some(Checkpoints::new(&file.value, key)))
    }

    /// The checkpoints that were written; none, if none are.
    ///
    /// # Errors
    /// [`OfficeFault::Checkpoints`].
    pub fn read_checkpoints(&self) -> Result<Vec<Checkpoint>, OfficeFault> {
        let Some(file) = &self.settings.checkpoint_file else {
            return Ok(Vec::new());
        };
        let path = &file.value;
        let bad = |why| OfficeFault::Checkpoints(path.clone(), why);
        let key = self.certificate().public_key().p256();
        let key = key.ok_or_else(|| bad(BadCheckpoints::Key))?;
        checkpoints::read(path, key).map_err(bad)
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

fn records_of(path: &Path) -> Result<NumberRecords, OfficeFault> {
    let text = files::read_text(path).map_err(|fault| OfficeFault::File(path.into(), fault))?;
    NumberRecords::parse(&text).map_err(|cause| OfficeFault::Records(path.into(), cause))
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
    /// A key cannot be used.
    Key(KeyPlace, KeyFault),
    /// A revocation list was not made.
    List(IssuanceError),
    /// The system gives no randomness.
    NoRandomness,
    /// The certificate cannot sign tokens, or is not that of the key.
    NotAnIssuer(PathBuf),
    /// A file does not say whose numbers are whose.
    Records(PathBuf, RecordsError),
    /// The store of the journal cannot be used.
    Store(PathBuf, Unavailable),
    /// The system gives no thread.
    Thread(std::io::Error),
}

impl fmt::Display for OfficeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(path, cause) => write!(
                f,
                "{}: {cause}; give the certificate that was made for the key (countersign ca install)",
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
            Self::Key(place, fault) => write!(f, "{place}: {fault}; {}", fault.fix()),
            Self::List(cause) => write!(f, "no revocation list was made: {cause}"),
            Self::NoRandomness => f.write_str("the system gives no randomness"),
            Self::NotAnIssuer(path) => write!(
                f,
                "{}: it cannot sign tokens with this key; give a P-256 certificate that may sign, and its key",
                path.display()
            ),
            Self::Records(path, cause) => write!(f, "{}: {cause}", path.display()),
            Self::Store(path, why) => write!(f, "{}: {why}", path.display()),
            Self::Thread(error) => write!(f, "the system gives no thread: {error}"),
        }
    }
}

impl std::error::Error for OfficeFault {}
