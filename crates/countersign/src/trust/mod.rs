//! Whom we believe: the anchors and revocation lists of one trust domain, in one version.
//!
//! - A [`Trust`] is a snapshot that is replaced as a whole, and never by an older one ([`Trust::succeeds`]). Verdicts over paths
//!   are remembered for one snapshot only: its [`Trust::fingerprint`] covers everything that a verdict rests on.
//! - [`TrustDomains`] stand side by side; each names the trunks and numbers it may judge.
//! - [`revocation`] is what revocation lists say of a certificate.
//! - [`freshness`] is what becomes of a word of a responder, or of none.
//! - [`ca_list`] is a list of anchors that a policy administrator has signed.
//!
//! Nothing is fetched and nothing is kept here; both is the server's.

pub mod verified_crl;
pub mod revocation;
pub mod freshness;
pub mod ca_list;
pub mod domains;

pub use ca_list::{CaList, VerifiedCaList};
pub use domains::{Neighbour, TrunkScope, TrustDomain, TrustDomains};
pub use freshness::{FreshnessMode, FreshnessRule, MissingStatus, ScopeUnknown};
pub use revocation::{ListSigners, RevocationRule, Revocations};
pub use verified_crl::VerifiedCrl;

use crate::certificate::{Certificate, ChainError, DistinguishedName, PathRules, chain};
use crate::crypto::sha256;
use std::fmt;
use std::sync::Arc;

/// The anchors and revocation lists of one trust domain (`"shaken-us"`, `"lab"`), in one version.
#[derive(Clone, Debug)]
pub struct Trust {
    domain: Box<str>,
    version: u64,
    anchors: Box<[Anchor]>,
    revocations: Revocations,
    neighbours: Box<[Neighbour]>,
    rules: PathRules,
    freshness: FreshnessRule,
    fingerprint: [u8; 32],
}

impl Trust {
    /// A snapshot. `version` grows whenever anything in it changes.
    pub fn new(domain: &str, version: u64, anchors: Vec<Anchor>) -> Self {
        Self {
            domain: domain.into(),
            version,
            anchors: anchors.into(),
            revocations: Revocations::default(),
            neighbours: Box::default(),
            rules: PathRules::default(),
            freshness: FreshnessRule::default(),
            fingerprint: [0; 32],
        }
        .described()
    }

    /// The same with revocation lists that were verified under it.
    pub fn with_crls(self, rule: RevocationRule, crls: Vec<Arc<VerifiedCrl>>) -> Self {
        let signers = self.revocations.signers();
        let revocations = Revocations::new(rule, signers, crls);
        Self {
            revocations,
            ..self
        }
        .described()
    }

    /// The same, hearing the lists of these signers; the default is [`ListSigners::AnyAnchor`].
    pub fn with_list_signers(self, signers: ListSigners) -> Self {
        let lists = self.revocations.lists().to_vec();
        let revocations = Revocations::new(self.revocations.rule(), signers, lists);
        Self {
            revocations,
            ..self
        }
        .described()
    }

    /// The same with other choices than the default ones.
    pub fn with_rules(self, rules: PathRules) -> Self {
        Self { rules, ..self }.described()
    }

    /// The same with other choices on what a responder says.
    pub fn with_freshness(self, freshness: FreshnessRule) -> Self {
        Self { freshness, ..self }.described()
    }

    /// The same beside other domains, so that a path into one of them is told from a path to nowhere.
    pub fn with_neighbours(self, neighbours: Vec<Neighbour>) -> Self {
        Self {
            neighbours: neighbours.into(),
            ..self
        }
        .described()
    }

    /// The same with its fingerprint.
    fn described(mut self) -> Self {
        let mut words = vec![self.domain.as_bytes().to_vec()];
        words.push(self.version.to_be_bytes().to_vec());
        words.extend(self.anchors.iter().map(Anchor::description));
        words.push(self.revocations.description());
        words.push(self.rules.described());
        words.push(self.freshness.described());
        words.extend(self.neighbours.iter().map(Neighbour::description));
        let each_with_its_length = words.iter().flat_map(|word| {
            let length = (word.len() as u64).to_be_bytes();
            length.into_iter().chain(word.iter().copied())
        });
        self.fingerprint = sha256(&each_with_its_length.collect::<Vec<_>>());
        self
    }

    /// The name of the trust domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The version of the snapshot.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The anchors.
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// The revocation lists, and what they are worth.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// What its paths may be.
    pub fn rules(&self) -> &PathRules {
        &self.rules
    }

    /// What becomes of the word of a responder, or of none.
    pub fn freshness(&self) -> &FreshnessRule {
        &self.freshness
    }

    /// The domains beside this one.
    pub fn neighbours(&self) -> &[Neighbour] {
        &self.neighbours
    }

    /// Whether this snapshot may take the place of `previous`: nothing is ever rolled back.
    ///
    /// # Errors
    /// [`Rollback`] if it is of another domain, its version is not higher, or one of its revocation lists is older than the one
    /// of the same series in `previous`. A list may go; that is configuration.
    pub fn succeeds(&self, previous: &Self) -> Result<(), Rollback> {
        if self.domain != previous.domain {
            return Err(Rollback::Domain);
        }
        if self.version <= previous.version {
            return Err(Rollback::Version {
                version: self.version,
                previous: previous.version,
            });
        }
        self.revocations.succeed(&previous.revocations)
    }

    /// SHA-256 over domain, version, anchors, revocation lists, rules and neighbours: two snapshots with the same fingerprint judge
    /// every path alike.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }
}

/// A certificate that is believed because we were told to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    certificate: Certificate,
    standing: Standing,
}

/// What a call proven by an anchor is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Made here for trying out; says nothing about anybody's numbers.
    Lab,
    /// An authority that others believe, too.
    Public,
}

impl Anchor {
    /// Makes an anchor of a certificate. Its key may be of any algorithm: one we do not verify proves no path, and a list of
    /// anchors that others publish is usable all the same.
    ///
    /// # Errors
    /// [`AnchorError`] if it is not the certificate of an authority.
    pub fn new(certificate: Certificate, standing: Standing) -> Result<Self, AnchorError> {
        if !certificate.is_ca() {
            return Err(AnchorError::NotAnAuthority);
        }
        Ok(Self {
            certificate,
            standing,
        })
    }

    /// Reads anchors from PEM (several certificates) or DER (one); all get the same standing.
    ///
    /// # Errors
    /// [`AnchorError`] if there is none, or one of them cannot be used.
    pub fn from_pem(bytes: &[u8], standing: Standing) -> Result<Vec<Self>, AnchorError> {
        let certificates = chain::read_all(bytes, MAX_ANCHORS).map_err(AnchorError::Unreadable)?;
        certificates
            .into_iter()
            .map(|certificate| Self::new(certificate, standing))
            .collect()
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What a call proven by it is worth.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    fn description(&self) -> Vec<u8> {
        let standing = match self.standing {
            Standing::Lab => 0,
            Standing::Public => 1,
        };
        [&[standing], self.certificate.as_der()].concat()
    }
}

/// Most anchors in one file: the lists of the STI policy administrators have a few dozen.
pub const MAX_ANCHORS: usize = 256;

/// Why a certificate cannot be an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnchorError {
    /// Its basic constraints do not make it a certification authority.
    NotAnAuthority,
    /// The file cannot be read.
    Unreadable(ChainError),
}

impl fmt::Display for AnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnAuthority => f.write_str("not the certificate of a certification authority"),
            Self::Unreadable(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for AnchorError {}

/// Why one snapshot may not take the place of another. Alphabetical.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rollback {
    /// It is of another trust domain.
    Domain,
    /// One of its revocation lists is older.
    List {
        /// Who signed the list.
        issuer: DistinguishedName,
        /// How much older.
        older: revocation::OlderList,
    },
    /// Its version is not higher.
    Version {
        /// The version refused.
        version: u64,
        /// The version in use.
        previous: u64,
    },
}

impl fmt::Display for Rollback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain => f.write_str("it is of another trust domain"),
            Self::List { issuer, older } => write!(f, "{issuer}: {older}"),
            Self::Version { version, previous } => {
                write!(f, "version {version} does not follow version {previous}")
            }
        }
    }
}

impl std::error::Error for Rollback {}
