//! A key with its certificate and the place where others find it: what one tenant signs with.

use crate::certificate::repository_url::{RepositoryUrl, UrlFault};
use crate::certificate::{Authority, CertificateChain};
use crate::crypto::SigningKey;
use crate::passport::{Extension, HeaderCache};
use crate::path::{self, PathFault};
use crate::time::Validity;
use std::fmt;
use std::sync::Arc;

/// A private key, the chain of its certificate, and the URL where the chain is served.
pub struct Signer {
    key: Arc<dyn SigningKey>,
    chain: CertificateChain,
    authority: Authority,
    validity: Validity,
    headers: HeaderCache,
    /// What follows the token in an Identity header with `ppt` shaken; it is the same in every one, and up to `ppt` in all others.
    parameters: Box<str>,
}

impl Signer {
    /// Joins key, certificate and URL.
    ///
    /// The port of `x5u` is not judged: a lab has its own. Whether others will follow it is told by
    /// [`RepositoryUrl::judge`].
    ///
    /// # Errors
    /// [`SignerError`] if they do not belong together, or nobody could verify what they sign.
    pub fn new(
        x5u: &str,
        key: Arc<dyn SigningKey>,
        chain: CertificateChain,
    ) -> Result<Self, SignerError> {
        RepositoryUrl::parse(x5u).map_err(SignerError::Url)?;
        let headers = HeaderCache::new(x5u).map_err(|_| SignerError::Url(UrlFault::Character))?;
        let authority = path::inspect(&chain).map_err(SignerError::Path)?;
        match chain.end_entity().public_key().p256() {
            None => return Err(SignerError::NotP256),
            Some(point) if *point != key.public_key() => return Err(SignerError::KeyMismatch),
            Some(_) => {}
        }
        Ok(Self {
            validity: common_validity(&chain),
            parameters: format!(";info=<{x5u}>;alg=ES256{SHAKEN_PPT}").into(),
            key,
            chain,
            authority,
            headers,
        })
    }

    /// The key.
    pub fn key(&self) -> &dyn SigningKey {
        &*self.key
    }

    /// The chain, as it is to be served at [`Signer::x5u`].
    pub fn chain(&self) -> &CertificateChain {
        &self.chain
    }

    /// What the chain lets its holder say, as far as it can be told without the anchor.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// When every certificate of the chain is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Where the chain is served.
    pub fn x5u(&self) -> &str {
        self.headers.x5u()
    }

    /// The header of every PASSporT, encoded.
    pub(super) fn headers(&self) -> &HeaderCache {
        &self.headers
    }

    /// The value of an Identity header with this token, which has that extension.
    // RFC 8224 §4 has `ident-type = "ppt" EQUAL token`, so without quotes, though the examples of RFC 8946 and RFC 8443 have them.
    pub fn identity(&self, token: &str, extension: &Extension) -> String {
        let mut identity = String::with_capacity(token.len() + self.parameters.len());
        identity.push_str(token);
        if matches!(extension, Extension::Shaken(_)) {
            identity.push_str(&self.parameters);
            return identity;
        }
        let common = self.parameters.strip_suffix(SHAKEN_PPT);
        identity.push_str(common.unwrap_or_default());
        if let Some(ppt) = extension.ppt() {
            identity.push_str(";ppt=");
            identity.push_str(ppt);
        }
        identity
    }
}

/// The parameter of the usual call.
const SHAKEN_PPT: &str = ";ppt=shaken";

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.x5u())
    }
}

fn common_validity(chain: &CertificateChain) -> Validity {
    let own = chain.end_entity().validity();
    let all = chain
        .certificates()
        .iter()
        .map(crate::certificate::Certificate::validity);
    all.fold(own, |common, one| Validity {
        not_before: common.not_before.max(one.not_before),
        not_after: common.not_after.min(one.not_after),
    })
}

/// Why key, certificate and URL make no signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerError {
    /// The certificate is of another key.
    KeyMismatch,
    /// The certificate's key is not P-256.
    NotP256,
    /// The chain leads to no anchor, whoever looks at it.
    Path(PathFault),
    /// Nobody would fetch the certificate from that URL.
    Url(UrlFault),
}

impl fmt::Display for SignerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyMismatch => f.write_str("the certificate is not of this key"),
            Self::NotP256 => f.write_str("the certificate's key is not P-256"),
            Self::Path(fault) => fault.fmt(f),
            Self::Url(fault) => write!(f, "x5u cannot be used: {fault}"),
        }
    }
}

impl std::error::Error for SignerError {}
