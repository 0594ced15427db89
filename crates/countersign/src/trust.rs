//! Whom we believe: the anchors of one trust domain, in one version.
//!
//! A [`Trust`] is a snapshot that is replaced as a whole. Verdicts over paths are remembered for one snapshot only: its
//! [`Trust::fingerprint`] covers the domain, the version and every anchor. Which trunks and numbers a domain may judge is the
//! server's configuration; revocation lists will stand here, too.

use crate::certificate::{Certificate, ChainError, chain};
use crate::crypto::sha256;
use std::fmt;

/// The anchors of one trust domain (`"shaken-us"`, `"lab"`), in one version.
#[derive(Clone, Debug)]
pub struct Trust {
    domain: Box<str>,
    version: u64,
    anchors: Box<[Anchor]>,
    fingerprint: [u8; 32],
}

impl Trust {
    /// A snapshot. `version` grows whenever the anchors change.
    pub fn new(domain: &str, version: u64, anchors: Vec<Anchor>) -> Self {
        let mut described = Vec::new();
        described.extend_from_slice(&(domain.len() as u64).to_be_bytes());
        described.extend_from_slice(domain.as_bytes());
        described.extend_from_slice(&version.to_be_bytes());
        for anchor in &anchors {
            described.push(match anchor.standing {
                Standing::Lab => 0,
                Standing::Public => 1,
            });
            described.extend_from_slice(anchor.certificate.as_der());
        }
        Self {
            domain: domain.into(),
            version,
            anchors: anchors.into(),
            fingerprint: sha256(&described),
        }
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

    /// SHA-256 over domain, version and anchors: two snapshots with the same fingerprint judge every path alike.
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
