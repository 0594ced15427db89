//! Base64url as JOSE has it: the URL-safe alphabet, no padding, one text for one byte string.
//!
//! [RFC 7515 §2](https://www.rfc-editor.org/rfc/rfc7515#section-2): "Base64 encoding using the URL- and filename-safe character
//! set defined in Section 5 of RFC 4648 [RFC4648], with all trailing '=' characters omitted (as permitted by Section 3.2) and without the
//! inclusion of any line breaks, whitespace, or other additional characters."

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
pub fn decode(text: &str) -> Result<Vec<u8>, NotBase64Url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotBase64Url)
}

/// Decodes `text` into `room`, which must have two bytes more than it needs; how many bytes there are.
///
/// # Errors
/// [`NotBase64Url`] as [`decode`], or if there is not enough room.
pub fn decode_slice(text: &str, room: &mut [u8]) -> Result<usize, NotBase64Url> {
    URL_SAFE_NO_PAD
        .decode_slice(text, room)
        .map_err(|_| NotBase64Url)
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
