//! Private keys where they live: in a file, or in a PKCS#11 module that never gives them away.
//!
//! A setting or a flag names a [`KeyPlace`]: the path of a file, or a `pkcs11:` URI. [`KeyPlace::open`] makes a [`SigningKey`] of it,
//! and [`KeyPlace::generate`] makes a key there that was not there before. Who signs with it cannot tell the two apart,
//! and need not: it says whether a thread that others need may sign ([`Whereabouts`](countersign::crypto::Whereabouts)).
//!
//! - [`file`](mod@file): keys in files of their own.
//! - [`uri`]: `pkcs11:` URIs ([RFC 7512](https://www.rfc-editor.org/rfc/rfc7512)).
//! - [`pkcs11`]: keys in modules: sessions, login, and what happens when the device goes away.

pub mod file;
pub mod uri;
pub mod pkcs11;

use self::uri::{BadTokenUri, TokenUri};
use crate::files::FileFault;
use countersign::crypto::SigningKey;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a private key lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In this file.
    File(PathBuf),
    /// In a PKCS#11 token.
    Token(Box<TokenUri>),
}

impl KeyPlace {
    /// Reads what an operator wrote: a `pkcs11:` URI, or a path. Relative paths begin at `directory`.
    ///
    /// # Errors
    /// [`BadTokenUri`] if it begins as a URI and is none.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, BadTokenUri> {
        match TokenUri::is_one(text) {
            true => Ok(Self::Token(Box::new(TokenUri::parse(text, directory)?))),
            false => Ok(Self::File(directory.join(text))),
        }
    }

    /// The key that is there.
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn open(&self) -> Result<Arc<dyn SigningKey>, KeyFault> {
        match self {
            Self::File(path) => file::read(path),
            Self::Token(uri) => Ok(Arc::new(pkcs11::TokenKey::open(uri)?)),
        }
    }

    /// Makes a new P-256 key there.
    ///
    /// # Errors
    /// [`KeyFault::Exists`] if there is one already; another [`KeyFault`] if it cannot be made.
    pub fn generate(&self) -> Result<Arc<dyn SigningKey>, KeyFault> {
        match self {
            Self::File(path) => file::generate(path),
            Self::Token(uri) => Ok(Arc::new(pkcs11::TokenKey::generate(uri)?)),
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Token(uri) => uri.fmt(f),
        }
    }
}

/// Why there is no key. Alphabetical.
#[derive(Debug)]
pub enum KeyFault {
    /// Several keys fit the URI.
    Ambiguous,
    /// The module or its device says no, in its words.
    Device(Box<str>),
    /// There is a key already where a new one is to be made.
    Exists,
    /// The file cannot be used.
    File(FileFault),
    /// The module cannot be loaded.
    Module(PathBuf, Box<str>),
    /// The token has no such key.
    NoKey,
    /// The system gives no randomness.
    NoRandomness,
    /// No module shows such a token.
    NoToken,
    /// The file with the PIN cannot be used.
    Pin(PathBuf, FileFault),
    /// The URI names no file with a PIN, and the token wants one.
    PinMissing,
    /// The key is not P-256, or its public half is not in the token.
    Unusable,
    /// The file cannot be written.
    Unwritable(std::io::Error),
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ambiguous => f.write_str("several keys fit this URI"),
            Self::Device(says) => write!(f, "the PKCS#11 module says: {says}"),
            Self::Exists => f.write_str("there is a key already"),
            Self::File(fault) => fault.fmt(f),
            Self::Module(path, says) => write!(
                f,
                "{}: this PKCS#11 module cannot be used: {says}",
                path.display()
            ),
            Self::NoKey => f.write_str("the token has no such key"),
            Self::NoRandomness => f.write_str("the system gives no randomness"),
            Self::NoToken => f.write_str("the module shows no such token"),
            Self::Pin(path, fault) => write!(f, "{}: {fault}", path.display()),
            Self::PinMissing => f.write_str("the token wants a PIN"),
            Self::Unusable => f.write_str("not a P-256 key with its public half beside it"),
            Self::Unwritable(error) => write!(f, "it cannot be written: {error}"),
        }
    }
}

impl KeyFault {
    /// What the operator may do about it.
    pub const fn fix(&self) -> &'static str {
        match self {
            Self::Ambiguous => "name one by object and id",
            Self::Device(_) => "see the manual of the module",
            Self::Exists => {
                "add --existing-key to use that one, or name another place; a key is never written over"
            }
            Self::File(fault) | Self::Pin(_, fault) => fault.fix(),
            Self::Module(..) => "name the module's library in module-path",
            Self::NoKey => "make one there with `countersign ca init`, or correct object and id",
            Self::NoRandomness => "give this machine a source of randomness",
            Self::NoToken => "correct token, serial, model and manufacturer, or insert it",
            Self::PinMissing => "add pin-source=FILE to the URI",
            Self::Unusable => "STIR signs with ES256: make a P-256 key pair",
            Self::Unwritable(_) => "name a place that can be written",
        }
    }
}

impl std::error::Error for KeyFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_path_unless_it_is_a_uri() {
        let folder = Path::new("/etc/countersign");
        let place = |text| KeyPlace::parse(text, folder);
        assert_eq!(
            place("ca.key"),
            Ok(KeyPlace::File("/etc/countersign/ca.key".into()))
        );
        assert_eq!(place("/ca.key"), Ok(KeyPlace::File("/ca.key".into())));
        let uri = "pkcs11:token=t;object=ca?module-path=/m.so&pin-source=pin";
        let Ok(KeyPlace::Token(token)) = place(uri) else {
            panic!("a URI");
        };
        assert_eq!(
            token.pin_file.as_deref(),
            Some(Path::new("/etc/countersign/pin"))
        );
        assert!(place("pkcs11:token=t").is_err());
    }
}
