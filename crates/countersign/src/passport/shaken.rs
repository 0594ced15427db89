//! The `shaken` extension, [RFC 8588](https://www.rfc-editor.org/rfc/rfc8588): how much the signer attests, and an opaque
//! identifier of where the call came from.
//!
//! Which attestation a call deserves is decided by the authentication service; neither claim is compared with the signalling
//! (RFC 8588 §9).

use std::fmt;
use std::str::FromStr;

/// The value of `ppt` for this extension.
pub const SHAKEN: &str = "shaken";

/// The two claims that `shaken` adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shaken {
    /// How much the signer attests.
    pub attest: Attestation,
    /// Where the call entered, known to the signer only.
    pub origid: OrigId,
}

/// How much the signer attests; `A` is greater than `B`, `B` greater than `C`.
// Declared in rising order, because the derived comparison follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attestation {
    /// Gateway: the call came from a gateway that says nothing about the caller.
    C,
    /// Partial: the customer is known, the number is not known to be theirs.
    B,
    /// Full: the customer is known and may use the number.
    A,
}

impl Attestation {
    /// The value of the claim.
    // RFC 8588 §4: "The "attest" claim can be one of the following three values: 'A', 'B', or 'C'."
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
        }
    }
}

impl fmt::Display for Attestation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Attestation {
    type Err = NotAnAttestation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "A" => Ok(Self::A),
            "B" => Ok(Self::B),
            "C" => Ok(Self::C),
            _ => Err(NotAnAttestation),
        }
    }
}

/// A UUID ([RFC 4122](https://www.rfc-editor.org/rfc/rfc4122)) that tells the signer, and nobody else, where a call entered.
///
/// # Example
/// ```
/// use countersign::passport::OrigId;
/// let origid: OrigId = "123E4567-e89b-12d3-a456-426655440000".parse()?;
/// assert_eq!(origid.to_string(), "123e4567-e89b-12d3-a456-426655440000");
/// # Ok::<(), countersign::passport::NotAUuid>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrigId([u8; 16]);

/// Characters of a UUID: 32 hexadecimal digits and four hyphens.
const UUID_TEXT: usize = 36;
/// Where the hyphens are.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
/// Where the two digits of each byte begin.
const DIGITS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

impl OrigId {
    /// The UUID of these bytes, as they are.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A version 4 UUID of sixteen random bytes; six of their bits are overwritten.
    // RFC 4122 §4.4: "Set the two most significant bits (bits 6 and 7) of the clock_seq_hi_and_reserved to zero and one,
    // respectively." and "Set the four most significant bits (bits 12 through 15) of the time_hi_and_version field to the
    // 4-bit version number from Section 4.1.3."
    pub const fn from_random(mut random: [u8; 16]) -> Self {
        random[6] = (random[6] & 0x0f) | 0x40;
        random[8] = (random[8] & 0x3f) | 0x80;
        Self(random)
    }

    /// The sixteen bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Appends the text to `text`.
    // RFC 4122 §3: "The hexadecimal values "a" through "f" are output as lower case characters and are case insensitive on
    // input."
    pub(super) fn write(&self, text: &mut String) {
        for (position, byte) in self.0.iter().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push(hex_digit(byte >> 4));
            text.push(hex_digit(byte & 0x0f));
        }
    }
}

/// `nibble` is below 16.
const fn hex_digit(nibble: u8) -> char {
    (match nibble {
        0..10 => b'0' + nibble,
        _ => b'a' + nibble - 10,
    }) as char
}

const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl fmt::Display for OrigId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(UUID_TEXT);
        self.write(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for OrigId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrigId({self})")
    }
}

impl FromStr for OrigId {
    type Err = NotAUuid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != UUID_TEXT {
            return Err(NotAUuid);
        }
        let written = text.as_bytes();
        if HYPHENS.iter().any(|&at| written.get(at) != Some(&b'-')) {
            return Err(NotAUuid);
        }
        let mut bytes = [0; 16];
        for (byte, &at) in bytes.iter_mut().zip(&DIGITS) {
            let digit = |at: usize| written.get(at).copied().and_then(hex_value);
            *byte = match (digit(at), digit(at + 1)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(NotAUuid),
            };
        }
        Ok(Self(bytes))
    }
}

/// Not `A`, `B` or `C`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAttestation;

/// Not a UUID: 8, 4, 4, 4 and 12 hexadecimal digits with hyphens between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAUuid;

impl fmt::Display for NotAnAttestation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attestation is A, B or C")
    }
}

impl fmt::Display for NotAUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a UUID")
    }
}

impl std::error::Error for NotAnAttestation {}
impl std::error::Error for NotAUuid {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attestations_are_ordered_and_case_matters() {
        assert!(Attestation::A > Attestation::B && Attestation::B > Attestation::C);
        for text in ["A", "B", "C"] {
            assert_eq!(text.parse::<Attestation>().unwrap().to_string(), text);
        }
        for text in ["a", "D", "", "AA", " A"] {
            assert!(text.parse::<Attestation>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_the_hyphenated_form_is_a_uuid() {
        for text in [
            "123e4567e89b12d3a456426655440000",
            "{123e4567-e89b-12d3-a456-426655440000}",
            "123e4567-e89b-12d3-a456-42665544000",
            "123e4567-e89b-12d3-a456-4266554400000",
            "123e4567-e89b-12d3-a456-42665544000g",
            "123e4567-e89b-12d3-a456_426655440000",
            "123e4567-e89b-12d3-a4564-26655440000",
            "",
        ] {
            assert_eq!(text.parse::<OrigId>(), Err(NotAUuid), "{text:?}");
        }
    }

    #[test]
    fn random_ones_say_version_four() {
        assert_eq!(
            OrigId::from_random([0xff; 16]).to_string(),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_eq!(
            OrigId::from_random([0; 16]).to_string(),
            "00000000-0000-4000-8000-000000000000"
        );
    }

    proptest::proptest! {
        #[test]
        fn text_and_bytes_agree(bytes: [u8; 16]) {
            let origid = OrigId::from_bytes(bytes);
            proptest::prop_assert_eq!(origid.to_string().parse(), Ok(origid));
            proptest::prop_assert_eq!(origid.to_string().to_uppercase().parse(), Ok(origid));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{36}|[-0-9a-f]{36}") {
            if let Ok(origid) = text.parse::<OrigId>() {
                proptest::prop_assert_eq!(origid.to_string(), text.to_lowercase());
            }
        }
    }
}
