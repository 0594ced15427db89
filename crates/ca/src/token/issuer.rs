//! Whose tokens are believed.

use countersign::certificate::{Certificate, PathRules, PublicKey};
use countersign::crypto::{AwsLc, VerifyingKey, VerifyingKeys};
use countersign::path::{Purpose, walk};
use countersign::time::UnixTime;
use countersign::trust::{Anchor, Standing};
use std::fmt;
use std::sync::Arc;

/// An issuer of authority tokens that we were told to trust.
#[derive(Clone)]
pub struct TokenIssuer {
    trusted: Trusted,
    /// What it is called: the identifiers of its tokens are its own, and say nothing about those of another.
    pub name: Box<str>,
    /// What the `iss` of its tokens must be, where they have one.
    pub iss: Option<Box<str>>,
    /// Where its certificate is known to be: nothing is fetched for tokens that say so. Only for one that is trusted by itself.
    pub x5u: Option<Box<str>>,
    keys: Arc<dyn VerifyingKeys>,
}

#[derive(Clone)]
enum Trusted {
    /// This certificate.
    Itself {
        certificate: Certificate,
        key: Arc<dyn VerifyingKey>,
    },
    /// Whatever this authority certifies under this common name.
    Below {
        anchor: Anchor,
        common_name: Box<str>,
    },
}

impl TokenIssuer {
    /// The holder of this one certificate.
    ///
    /// # Errors
    /// [`NotAnIssuer`] if its key is not P-256, or may not sign tokens.
    pub fn holder_of(certificate: Certificate) -> Result<Self, NotAnIssuer> {
        let key = signing_key(&certificate, &AwsLc).ok_or(NotAnIssuer)?;
        Ok(Self {
            name: certificate.subject().to_string().into(),
            trusted: Trusted::Itself { certificate, key },
            iss: None,
            x5u: None,
            keys: Arc::new(AwsLc),
        })
    }

    /// Whoever has a certificate with this common name from `authority`. The name has to be said because an authority may well
    /// certify others than issuers of tokens.
    ///
    /// # Errors
    /// [`NotAnIssuer`] if it is not the certificate of an authority.
    pub fn below(authority: Certificate, common_name: &str) -> Result<Self, NotAnIssuer> {
        let name = format!("{common_name} below {}", authority.subject());
        let anchor = Anchor::new(authority, Standing::Public).map_err(|_| NotAnIssuer)?;
        Ok(Self {
            name: name.into(),
            trusted: Trusted::Below {
                anchor,
                common_name: common_name.into(),
            },
            iss: None,
            x5u: None,
            keys: Arc::new(AwsLc),
        })
    }

    /// The same under another name.
    pub fn with_name(self, name: &str) -> Self {
        let name = name.into();
        Self { name, ..self }
    }

    /// The same whose tokens, if they name an issuer, name this one.
    pub fn with_iss(self, iss: &str) -> Self {
        let iss = Some(iss.into());
        Self { iss, ..self }
    }

    /// The same whose certificate is known to be at `url`.
    pub fn with_x5u(self, url: &str) -> Self {
        let x5u = Some(url.into());
        Self { x5u, ..self }
    }

    /// The same, checking signatures with other keys than the library's.
    ///
    /// # Errors
    /// [`NotAnIssuer`] if they do not know its key.
    pub fn with_verifying_keys(self, keys: Arc<dyn VerifyingKeys>) -> Result<Self, NotAnIssuer> {
        let trusted = match self.trusted {
            Trusted::Itself { certificate, .. } => {
                let key = signing_key(&certificate, &*keys).ok_or(NotAnIssuer)?;
                Trusted::Itself { certificate, key }
            }
            below @ Trusted::Below { .. } => below,
        };
        Ok(Self {
            trusted,
            keys,
            ..self
        })
    }

    /// Whether whoever has a certificate with this common name from the right authority is this issuer.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        matches!(&self.trusted, Trusted::Below { common_name, .. } if **common_name == *name)
    }

    /// Whether a token that has its certificate at `url` needs no fetch: that is our own copy.
    pub(super) fn is_at(&self, url: &str) -> bool {
        matches!(self.trusted, Trusted::Itself { .. }) && self.x5u.as_deref() == Some(url)
    }

    /// The certificate, if it is trusted by itself.
    pub(super) fn certificate(&self) -> Option<&Certificate> {
        match &self.trusted {
            Trusted::Itself { certificate, .. } => Some(certificate),
            Trusted::Below { .. } => None,
        }
    }

    /// The key of the first of `certificates`, if they represent this issuer at the time `at`.
    pub(super) fn key_of(
        &self,
        certificates: &[Certificate],
        at: UnixTime,
    ) -> Option<Arc<dyn VerifyingKey>> {
        let first = certificates.first()?;
        match &self.trusted {
            Trusted::Itself { certificate, key } => {
                let same = first == certificate && certificate.validity().contains(at);
                same.then(|| Arc::clone(key))
            }
            Trusted::Below {
                anchor,
                common_name,
            } => {
                if first.subject().common_name().as_deref() != Some(common_name) || first.is_ca() {
                    return None;
                }
                // Who hands numbers down chooses names for others as he likes (RFC 9060): no issuer of tokens is below him.
                if certificates.iter().skip(1).any(Certificate::has_scope) {
                    return None;
                }
                let (anchors, rules) = (std::slice::from_ref(anchor), PathRules::default());
                let keys = &*self.keys;
                walk(certificates, anchors, Purpose::Any, &rules, at, keys).ok()?;
                signing_key(first, keys)
            }
        }
    }
}

// RFC 5280 §4.2.1.3: "The digitalSignature bit is asserted when the subject public key is used for verifying digital
// signatures, other than signatures on certificates (bit 5) and CRLs (bit 6)"
fn signing_key(
    certificate: &Certificate,
    keys: &dyn VerifyingKeys,
) -> Option<Arc<dyn VerifyingKey>> {
    if certificate
        .key_usage()
        .is_some_and(|usage| !usage.digital_signature())
    {
        return None;
    }
    match certificate.public_key() {
        PublicKey::P256(point) => keys.p256(point.as_slice()).ok(),
        _ => None,
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.trusted {
            Trusted::Itself { certificate, .. } => {
                write!(f, "TokenIssuer({})", certificate.subject())
            }
            Trusted::Below {
                anchor,
                common_name,
            } => {
                let authority = anchor.certificate().subject();
                write!(f, "TokenIssuer({common_name} below {authority})")
            }
        }
    }
}

/// The certificate can be nobody's who issues tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnIssuer;

impl fmt::Display for NotAnIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an issuer of tokens has a P-256 certificate for digital signatures, or is below an authority")
    }
}

impl std::error::Error for NotAnIssuer {}
