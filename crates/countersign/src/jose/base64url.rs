//! Base64url as JOSE has it: the URL-safe alphabet, no padding, one text for one byte string.
//!
//! [RFC 7515 §2](https://www.rfc-editor.org/rfc/rfc7515#section-2): "Base64 encoding using the URL- and filename-safe character
//! set defined in Section 5 of RFC 4648 \[RFC4648\], with all trailing '=' characters omitted (as permitted by Section 3.2) and
//! without the inclusion of any line breaks, whitespace, or other additional characters."

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;

/// The text of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the text of `bytes` to `text`.
pub fn encode_into(bytes: &[u8], text: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
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
#[allow(
    clippy::slow_vector_initialization,
    reason = "for so few bytes, memory that comes zeroed takes the allocator longer than zeroing it"
)]
pub fn decode(text: &str) -> Result<Vec<u8>, NotBase64Url> {
    let most = text.len() / 4 * 3 + 2;
    let mut bytes = Vec::with_capacity(most);
    bytes.resize(most, 0);
    let length = decode_slice(text, &mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Decodes `text` into the beginning of `room`; how many bytes there are.
///
/// The decoder is our own because every call costs three of them, and a general one for all alphabets takes twice as long.
///
/// # Errors
/// [`NotBase64Url`] as [`decode`], or if there is not enough room.
#[inline]
pub fn decode_slice(text: &str, room: &mut [u8]) -> Result<usize, NotBase64Url> {
    let (groups, tail) = text.as_bytes().as_chunks::<4>();
    let in_tail = match tail.len() {
        0 => 0,
        1 => return Err(NotBase64Url),
        characters => characters - 1,
    };
    let length = groups.len() * 3 + in_tail;
    let room = room.get_mut(..length).ok_or(NotBase64Url)?;
    let (triples, last) = room.as_chunks_mut::<3>();
    // Looked at once, at the end: nearly every text is good.
    let mut seen = 0;
    for (triple, [a, b, c, d]) in triples.iter_mut().zip(groups) {
        let bits = bits_of(0, *a) | bits_of(1, *b) | bits_of(2, *c) | bits_of(3, *d);
        seen |= bits;
        let [_, bytes @ ..] = bits.to_be_bytes();
        *triple = bytes;
    }
    let mut bits = 0;
    for (place, character) in tail.iter().enumerate() {
        bits |= bits_of(place, *character);
    }
    let [_, bytes @ ..] = bits.to_be_bytes();
    let (bytes, unused) = bytes.split_at(in_tail);
    last.copy_from_slice(bytes);
    // RFC 4648 §3.5: "These pad bits MUST be set to zero by conforming encoders". If a decoder lets others pass, "multiple
    // base-encoded strings can be decoded to the same binary data".
    if (seen | bits) & FOREIGN != 0 || unused.iter().any(|byte| *byte != 0) {
        return Err(NotBase64Url);
    }
    Ok(length)
}

/// Set in the bits of a character that is not of the alphabet; four characters stand for 24 bits.
const FOREIGN: u32 = 1 << 24;

/// What each character stands for at each of the four places of a group.
static BITS: [[u32; 256]; 4] = {
    // RFC 4648 §5, Table 2
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = [[FOREIGN; 256]; 4];
    let mut value = 0;
    while value < ALPHABET.len() {
        let mut place = 0;
        while place < 4 {
            bits[place][ALPHABET[value] as usize] = (value as u32) << (18 - 6 * place);
            place += 1;
        }
        value += 1;
    }
    bits
};

/// `place` is below 4.
fn bits_of(place: usize, character: u8) -> u32 {
    BITS.get(place)
        .map_or(FOREIGN, |bits| bits[usize::from(character)])
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
        fn bytes_survive(bytes: Vec<u8>) {
            let text = encode(&bytes);
            prop_assert_eq!(text.len(), encoded_len(bytes.len()));
            prop_assert_eq!(decode(&text), Ok(bytes));
        }

        #[test]
        fn what_is_taken_is_the_one_spelling(text in "[A-Za-z0-9_-]{0,40}|[A-Za-z0-9_=+/ .-]{0,12}|\\PC{0,8}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }

        #[test]
        fn both_decoders_agree(text in "[A-Za-z0-9_-]{0,40}|[A-Za-z0-9_=+/-]{0,12}") {
            let mut room = [0; 64];
            let length = decode_slice(&text, &mut room);
            prop_assert_eq!(length.map(|length| room[..length].to_vec()), decode(&text));
        }
    }
}
