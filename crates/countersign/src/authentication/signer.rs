//! A key with its certificate and the place where others find it: what one tenant signs with.

use crate::certificate::repository_url::{RepositoryUrl, UrlFault};
use crate::certificate::{Authority, CertificateChain};
use crate::crypto::SigningKey;
use crate::jose::base64url::encoded_len;
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
    /// The same with the chain in them, if it is sent along.
    with_chain: Option<Box<HeaderCache>>,
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
            with_chain: None,
        })
    }

    /// The same, with the chain in the header of each PASSporT, beside the URL: `x5c`. Not so if no call would fit beside it:
    /// [`Signer::sends_chain`].
    // RFC 9060 §7: ""x5c" is OPTIONAL for environments where it is known to be supported."
    pub fn with_chain_along(self) -> Self {
        let certificates = self.chain.certificates().iter();
        let certificates: Vec<_> = certificates.map(|one| one.as_der()).collect();
        let headers = HeaderCache::with_certificates(self.headers.x5u(), &certificates).ok();
        let fitting = headers.filter(|headers| headers.room() >= ROOM_FOR_A_CALL);
        Self {
            with_chain: fitting.map(Box::new),
            ..self
        }
    }

    /// Whether the chain is sent along.
    pub fn sends_chain(&self) -> bool {
        self.with_chain.is_some()
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

    /// The header of a PASSporT with so long a payload, encoded. Where the chain does not fit beside it, the URL has to do.
    pub(super) fn headers(&self, payload: usize) -> &HeaderCache {
        match &self.with_chain {
            Some(headers) if encoded_len(payload) <= headers.room() => headers,
            _ => &self.headers,
        }
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

/// Bytes of an encoded payload that there must be room for beside a chain: a call to one number, without a staple. Own decision.
const ROOM_FOR_A_CALL: usize = 512;

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
