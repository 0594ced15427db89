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
// RFC 4648 §3.5: "These pad bits MUST be set to zero by conforming encoders". If a decoder lets others pass, "multiple
// base-encoded strings can be decoded to the same binary data".
pub fn decode(text: &str) -> Result<Vec<u8>, NotBase64Url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotBase64Url)
}

/// Decodes `text` into `room`, which must have two bytes more than it needs, because the decoder writes whole groups of
/// three; how many bytes there are.
///
/// # Errors
/// [`NotBase64Url`] as [`decode`], or if there is not enough room.
pub fn decode_slice(text: &str, room: &mut [u8]) -> Result<usize, NotBase64Url> {
    let decoded = URL_SAFE_NO_PAD.decode_slice(text, room);
    decoded.map_err(|_| NotBase64Url)
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
