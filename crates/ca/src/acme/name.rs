//! Names of accounts, orders, authorizations and challenges: what their URLs end in, and the token of a challenge.
//!
//! They are random, so that nobody finds what was not given to him ([RFC 8555 §10.5](https://www.rfc-editor.org/rfc/rfc8555#section-10.5):
//! "To avoid leaking these correlations, CAs SHOULD assign URLs with an unpredictable component.").

use countersign::jose::base64url;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Octets of a name.
// RFC 8555 §11.3: "The value of the token is required to contain at least 128 bits of entropy"
const LENGTH: usize = 16;

/// A random name of 128 bits, written in base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name([u8; LENGTH]);

impl Name {
    /// A new one from `random`.
    pub fn draw(random: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut octets = [0; LENGTH];
        random(&mut octets);
        Self(octets)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let octets = base64url::decode(text).map_err(|_| NotAName)?;
        octets.try_into().map(Self).map_err(|_| NotAName)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// The text is not the name of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAName;

impl fmt::Display for NotAName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the name of an account, an order or the like")
    }
}

impl std::error::Error for NotAName {}
