//! For whose ACME account: the key of it.

use super::super::trouble::Trouble;
use super::TokenTrouble;
use crate::files::{self, FileFault};
use clap::ValueEnum;
use countersign::crypto::{Point, SigningKey};
use countersign::jose::json;
use countersign::jose::jwk::Jwk;
use countersign_ca::token::FingerprintRule;
use std::path::Path;

/// How fingerprints are made.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum RuleFlag {
    /// Either of the two
    Either,
    /// The thumbprint of the account key as JWK (RFC 9448)
    #[default]
    Jwk,
    /// The digest of the account key in DER (SHAKEN)
    Spki,
}

impl From<RuleFlag> for FingerprintRule {
    fn from(flag: RuleFlag) -> Self {
        match flag {
            RuleFlag::Either => Self::Either,
            RuleFlag::Jwk => Self::JwkThumbprint,
            RuleFlag::Spki => Self::Spki,
        }
    }
}

/// The public half of the key in a file: a private key, or a JWK.
///
/// # Errors
/// [`Trouble`] names the file.
pub(super) fn public_key(path: &Path) -> Result<Point, Trouble> {
    let bytes = files::read(path).map_err(|fault| Trouble::File(path.into(), fault))?;
    if bytes.trim_ascii_start().starts_with(b"{") {
        let value = json::parse(&bytes).ok();
        let key = value.and_then(|value| Jwk::parse(&value).ok());
        let key = key.ok_or_else(|| TokenTrouble::AccountKey(path.into()))?;
        return Ok(*key.point());
    }
    match files::read_signing_key(path) {
        Ok(key) => Ok(key.public_key()),
        // A key that may not be used as it lies there is one all the same.
        Err(fault @ (FileFault::OpenToOthers(_) | FileFault::EncryptedKey)) => {
            Err(Trouble::File(path.into(), fault))
        }
        Err(_) => Err(TokenTrouble::AccountKey(path.into()).into()),
    }
}
