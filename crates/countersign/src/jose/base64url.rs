//! Base64url as JOSE has it: the URL-safe alphabet, no padding, one text for one byte string.
//!
//! [RFC 7515 §2](https://www.rfc-editor.org/rfc/rfc7515#section-2): "Base64 encoding using the URL- and filename-safe character
//! set defined in Section 5 of RFC 4648 [RFC4648], with all trailing '=' characters omitted (as permitted by Section 3.2) and
//! without the inclusion of any line breaks, whitespace, or other additional characters."
//!
//! Our own, because half the cost of reading a PASSporT was here; the tests hold it to another implementation.

use std::fmt;

/// [RFC 4648 §5](https://www.rfc-editor.org/rfc/rfc4648#section-5), Table 2.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Characters outside the alphabet.
const NONE: u32 = u32::MAX;

/// The six bits of each character, or [`NONE`].
const VALUES: [u32; 256] = values();

const fn values() -> [u32; 256] {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = value as u32;
        value += 1;
    }
    values
}

/// The text of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(encoded_len(bytes.len()));
    encode_into(bytes, &mut text);
    // The alphabet is ASCII, so this cannot fail.
    String::from_utf8(text).unwrap_or_default()
}

/// Appends the text of `bytes`, which is ASCII, to `text`.
pub fn encode_into(bytes: &[u8], text: &mut Vec<u8>) {
    let start = text.len();
    text.resize(start + encoded_len(bytes.len()), 0);
    let (groups, rest) = bytes.as_chunks::<3>();
    let room = text.get_mut(start..).unwrap_or_default();
    let (written, room_for_rest) = room.as_chunks_mut::<4>();
    for (four, &[one, two, three]) in written.iter_mut().zip(groups) {
        *four = characters([one, two, three]);
    }
    let last = match *rest {
        [one, two] => characters([one, two, 0]),
        [one] => characters([one, 0, 0]),
        _ => return,
    };
    for (character, of_last) in room_for_rest.iter_mut().zip(last) {
        *character = of_last;
    }
}

const fn characters([one, two, three]: [u8; 3]) -> [u8; 4] {
    let bits = u32::from_be_bytes([0, one, two, three]);
    [
        character(bits >> 18),
        character(bits >> 12),
        character(bits >> 6),
        character(bits),
    ]
}

/// The character of the lowest six bits.
const fn character(bits: u32) -> u8 {
    ALPHABET[(bits & 0x3f) as usize]
}

/// How long the text of `length` bytes is.
pub const fn encoded_len(length: usize) -> usize {
    (length / 3 * 4)
        + match length % 3 {
            0 => 0,
            1 => 2,
            _ => 3,
        }
}

/// The bytes that `text` stands for.
///
/// # Errors
/// [`NotBase64Url`] for any other character (padding, whitespace, `+`, `/` included), an impossible length, or bits set that
/// no encoder sets. So no two texts stand for the same bytes.
pub fn decode(text: &str) -> Result<Vec<u8>, NotBase64Url> {
    let mut bytes = vec![0; text.len() / 4 * 3 + text.len() % 4 * 3 / 4];
    decode_slice(text, &mut bytes)?;
    Ok(bytes)
}

/// The `N` bytes that `text` stands for; if it is not so many, how many it is.
///
/// # Errors
/// [`NotBase64Url`] as [`decode`].
pub fn decode_exactly<const N: usize>(text: &str) -> Result<Result<[u8; N], usize>, NotBase64Url> {
    if text.len() != encoded_len(N) {
        return decode(text).map(|bytes| Err(bytes.len()));
    }
    let mut bytes = [0; N];
    decode_slice(text, &mut bytes)?;
    Ok(Ok(bytes))
}

/// `bytes` has the length that `text` stands for.
fn decode_slice(text: &str, bytes: &mut [u8]) -> Result<(), NotBase64Url> {
    let (groups, rest) = text.as_bytes().as_chunks::<4>();
    let (threes, last) = bytes.as_chunks_mut::<3>();
    // A character outside the alphabet has all bits set, one inside only the lowest six: looking once, at the end, is enough.
    let mut seen = 0;
    for (three, group) in threes.iter_mut().zip(groups) {
        let (bits, all) = group_bits(*group);
        let [_, high, middle, low] = bits.to_be_bytes();
        *three = [high, middle, low];
        seen |= all;
    }
    // RFC 4648 §3.5: "These pad bits MUST be set to zero by conforming encoders". If a decoder lets others pass, "multiple
    // base-encoded strings can be decoded to the same binary data".
    let (filled, pad_bits) = match *rest {
        [] => ([b'A'; 4], 0),
        [one, two] => ([one, two, b'A', b'A'], 0x00_ffff),
        [one, two, three] => ([one, two, three, b'A'], 0x00_00ff),
        _ => return Err(NotBase64Url),
    };
    let (bits, all) = group_bits(filled);
    for (byte, decoded) in last.iter_mut().zip(bits.to_be_bytes().into_iter().skip(1)) {
        *byte = decoded;
    }
    if (seen | all) < 64 && bits & pad_bits == 0 {
        Ok(())
    } else {
        Err(NotBase64Url)
    }
}

/// The 24 bits of four characters, and all their values together.
const fn group_bits([one, two, three, four]: [u8; 4]) -> (u32, u32) {
    let (one, two, three, four) = (value(one), value(two), value(three), value(four));
    let bits = one << 18 | two << 12 | three << 6 | four;
    (bits, one | two | three | four)
}

const fn value(character: u8) -> u32 {
    VALUES[character as usize]
}

/// The text is not base64url without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotBase64Url;

impl fmt::Display for NotBase64Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not base64url without padding")
    }
}

impl std::error::Error for NotBase64Url {}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    /// RFC 4648 §10, padding left out.
    #[test]
    fn the_vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text), Ok(bytes.as_bytes().to_vec()));
        }
    }

    #[test]
    fn only_the_one_spelling_is_taken() {
        for text in [
            "Zg==", "Zm8=", "Z", "Zm9vY", "Zh", "Zm9", "Zm 9v", "Zm9v\n", "+-__", "Zm9/", "Zm9vé",
            ".", "A\0AA",
        ] {
            assert_eq!(decode(text), Err(NotBase64Url), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn another_implementation_writes_the_same(bytes: Vec<u8>) {
            let text = encode(&bytes);
            prop_assert_eq!(&text, &URL_SAFE_NO_PAD.encode(&bytes));
            prop_assert_eq!(text.len(), encoded_len(bytes.len()));
            prop_assert_eq!(decode(&text), Ok(bytes));
        }

        #[test]
        fn another_implementation_reads_the_same(text in "[A-Za-z0-9_-]{0,40}|[A-Za-z0-9_=+/ .-]{0,12}|\\PC{0,8}") {
            prop_assert_eq!(decode(&text).ok(), URL_SAFE_NO_PAD.decode(&text).ok());
        }
    }
}
