//! How values are written in events: octets as base64url, serial numbers and digests as hexadecimal, times as seconds, reasons
//! by their names.
//!
//! An event is written once and read for as long as the authority lives, so nothing is left to how another crate happens to
//! write its types. What an event means is the matter of the room that has it ([`crate::register`] and its neighbours).

use countersign::crypto::sha256;
use countersign::jose::base64url;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Octets of any length, written in base64url.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Octets(Box<[u8]>);

impl Octets {
    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<T: Into<Box<[u8]>>> From<T> for Octets {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Octets({})", self.0.len())
    }
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64url::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = base64url::decode(&text).map_err(D::Error::custom)?;
        Ok(Self(bytes.into()))
    }
}

/// A SHA-256 digest, written in lower-case hexadecimal.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// That of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }
}

impl FromStr for Digest {
    type Err = NotHexadecimal;

    fn from_str(text: &str) -> Result<Self, NotHexadecimal> {
        let bytes = from_hexadecimal(text)?;
        bytes.try_into().map(Self).map_err(|_| NotHexadecimal)
    }
}

/// The serial number of a certificate, big endian as it stands there, written in lower-case hexadecimal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerialNumber(Box<[u8]>);

impl SerialNumber {
    /// The octets, big endian.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for SerialNumber {
    /// Zeros that only keep a number positive are not part of it.
    fn from(octets: &[u8]) -> Self {
        let leading = octets.iter().take_while(|octet| **octet == 0).count();
        let number = octets.get(leading..).unwrap_or_default();
        Self(number.into())
    }
}

impl FromStr for SerialNumber {
    type Err = NotHexadecimal;

    fn from_str(text: &str) -> Result<Self, NotHexadecimal> {
        Ok(Self::from(from_hexadecimal(text)?.as_slice()))
    }
}

/// `Display`, `Debug` and serde of what is written in hexadecimal.
macro_rules! written_in_hexadecimal {
    ($kind:ty) => {
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&to_hexadecimal(&self.0))
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

written_in_hexadecimal!(Digest);
written_in_hexadecimal!(SerialNumber);

/// Lower-case hexadecimal, two digits an octet.
pub fn to_hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(value + if value < 10 { b'0' } else { b'a' - 10 });
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0xf));
    }
    text
}

/// The octets of lower-case hexadecimal.
///
/// # Errors
/// [`NotHexadecimal`] for anything else: capitals, too, so that no two texts stand for the same octets.
pub fn from_hexadecimal(text: &str) -> Result<Vec<u8>, NotHexadecimal> {
    let digit = |character: u8| match character {
        b'0'..=b'9' => Ok(character - b'0'),
        b'a'..=b'f' => Ok(character - b'a' + 10),
        _ => Err(NotHexadecimal),
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    match rest {
        [] => pairs
            .iter()
            .map(|[high, low]| Ok(digit(*high)? << 4 | digit(*low)?))
            .collect(),
        _ => Err(NotHexadecimal),
    }
}

/// The text is not the lower-case hexadecimal of so many octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHexadecimal;

impl fmt::Display for NotHexadecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not lower-case hexadecimal, or not of this length")
    }
}

impl std::error::Error for NotHexadecimal {}

/// For `#[serde(with = "seconds")]`: a time in whole seconds since 1970.
pub mod seconds {
    use countersign::time::UnixTime;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes one.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(at: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.as_secs())
    }

    /// Reads one.
    ///
    /// # Errors
    /// If it is no integer.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixTime, D::Error> {
        i64::deserialize(deserializer).map(UnixTime::from_secs)
    }
}

/// For `#[serde(with = "maybe_seconds", default, skip_serializing_if = "Option::is_none")]`: a time that may be missing.
pub mod maybe_seconds {
    use countersign::time::UnixTime;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes one, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        at: &Option<UnixTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_some(&at.as_secs()),
            None => serializer.serialize_none(),
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// If it is neither null nor an integer.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<UnixTime>, D::Error> {
        let seconds = Option::<i64>::deserialize(deserializer)?;
        Ok(seconds.map(UnixTime::from_secs))
    }
}

/// For `#[serde(with = "reason")]`: why something was revoked, by its name in RFC 5280 §5.3.1.
pub mod reason {
    use countersign::certificate::crl::Reason;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes one.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(reason)
    }

    /// Reads one.
    ///
    /// # Errors
    /// If there is no reason of that name.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Reason, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut all = (0..=10).map(Reason::from_code);
        all.find(|reason| reason.to_string() == text)
            .ok_or_else(|| D::Error::custom("not a reason of RFC 5280"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::certificate::crl::Reason;
    use countersign::time::UnixTime;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct All {
        octets: Octets,
        digest: Digest,
        serial: SerialNumber,
        #[serde(with = "seconds")]
        at: UnixTime,
        #[serde(with = "maybe_seconds")]
        until: Option<UnixTime>,
        #[serde(with = "reason")]
        reason: Reason,
    }

    #[test]
    fn values_are_written_in_one_way() {
        let all = All {
            octets: Octets::from(vec![0, 0xff]),
            digest: Digest([0xab; 32]),
            serial: SerialNumber::from([0, 0x7f, 1].as_slice()),
            at: UnixTime::from_secs(-1),
            until: None,
            reason: Reason::KeyCompromise,
        };
        let text = serde_json::to_string(&all).unwrap();
        let expected = format!(
            r#"{{"octets":"AP8","digest":"{}","serial":"7f01","at":-1,"until":null,"reason":"keyCompromise"}}"#,
            "ab".repeat(32)
        );
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<All>(&text).unwrap(), all);
    }

    #[test]
    fn no_two_texts_stand_for_the_same_octets() {
        for text in ["A", "AB", "0", "0g", " 00"] {
            assert_eq!(from_hexadecimal(text), Err(NotHexadecimal), "{text}");
        }
        assert!("00".repeat(31).parse::<Digest>().is_err());
        let same: SerialNumber = "0001".parse().unwrap();
        assert_eq!(same, SerialNumber::from([1].as_slice()));
    }
}
