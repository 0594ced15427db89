//! The textual encoding of DER, [RFC 7468](https://www.rfc-editor.org/rfc/rfc7468): blocks between boundaries, each with a label.
//!
//! [`blocks`] finds every block of a text, whatever stands around and between them; [`armoured`] writes one. What a block holds
//! is read by the room whose label it has: certificates in [`super::chain`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// Longest label we read, in bytes: ours to choose, those of RFC 7468 have at most 22.
pub const MAX_LABEL: usize = 64;

/// The label of a certificate: RFC 7468 §5.
pub const CERTIFICATE: &str = "CERTIFICATE";

/// The label of a revocation list: RFC 7468 §6.
pub const X509_CRL: &str = "X509 CRL";

/// Characters in a line of base64: RFC 7468 §3.
const LINE: usize = 64;
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Any DER under a label (`PRIVATE KEY`, `X509 CRL`), as RFC 7468 §3 writes it.
pub fn armoured(label: &str, der: &[u8]) -> String {
    let mut text = format!("{BEGIN}{label}{DASHES}\n");
    let encoded = STANDARD.encode(der);
    for (index, character) in encoded.chars().enumerate() {
        if index > 0 && index % LINE == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str(&format!("\n{END}{label}{DASHES}\n"));
    text
}

/// One block of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    label: &'a str,
    body: Option<&'a [u8]>,
}

impl<'a> Block<'a> {
    /// What it says it holds; empty if not even that can be read.
    pub fn label(&self) -> &'a str {
        self.label
    }

    /// Whether it says that it holds a private key, in whatever format.
    pub fn is_private_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }

    /// What it holds. Base64 may be broken anywhere, by any blanks.
    ///
    /// # Errors
    /// [`BadPem`] if it has no end, the end of another label, or something other than base64 in it.
    pub fn der(&self) -> Result<Vec<u8>, BadPem> {
        let base64: Vec<u8> = self
            .body
            .ok_or(BadPem)?
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        STANDARD.decode(base64).map_err(|_| BadPem)
    }
}

/// Every block of a text, in order, in one pass; nothing is decoded yet. What stands outside of blocks is read over. A block
/// without its end stops where the next boundary begins.
///
/// # Example
/// ```
/// use countersign::certificate::pem::{armoured, blocks};
/// let text = format!("a comment\n{}", armoured("CERTIFICATE", &[0x30, 0]));
/// let block = blocks(text.as_bytes()).next().unwrap();
/// assert_eq!((block.label(), block.der()), ("CERTIFICATE", Ok(vec![0x30, 0])));
/// ```
pub fn blocks(text: &[u8]) -> impl Iterator<Item = Block<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = split(rest, BEGIN)?;
        let (block, after) = read(after);
        rest = after;
        Some(block)
    })
}

/// Reads a block from behind its first boundary on; what follows it.
fn read(text: &[u8]) -> (Block<'_>, &[u8]) {
    let nothing = Block {
        label: "",
        body: None,
    };
    let head = text.get(..MAX_LABEL + DASHES.len()).unwrap_or(text);
    let Some((label, _)) = split(head, DASHES) else {
        return (nothing, text);
    };
    let Ok(label) = std::str::from_utf8(label) else {
        return (nothing, text);
    };
    let content = text.get(label.len() + DASHES.len()..).unwrap_or_default();
    // No dash is base64, so the body goes as far as the next one, and no byte is looked at twice.
    let end = content.iter().position(|&byte| byte == b'-');
    let (body, after) = content.split_at(end.unwrap_or(content.len()));
    let closed = after
        .strip_prefix(END.as_bytes())
        .and_then(|after| after.strip_prefix(label.as_bytes()))
        .and_then(|after| after.strip_prefix(DASHES.as_bytes()));
    match closed {
        Some(after) => {
            let body = Some(body);
            (Block { label, body }, after)
        }
        None => (Block { label, body: None }, after),
    }
}

fn split<'a>(text: &'a [u8], mark: &str) -> Option<(&'a [u8], &'a [u8])> {
    let at = text
        .windows(mark.len())
        .position(|window| window == mark.as_bytes())?;
    let (before, after) = text.split_at(at);
    Some((before, after.get(mark.len()..).unwrap_or_default()))
}

/// A block of PEM that is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPem;

impl fmt::Display for BadPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken PEM")
    }
}

impl std::error::Error for BadPem {}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(&str, Result<Vec<u8>, BadPem>)> {
        blocks(text.as_bytes())
            .map(|block| (block.label(), block.der()))
            .collect()
    }

    #[test]
    fn a_block_that_was_cut_off_costs_no_other_block() {
        let whole = armoured("A", &[1; 100]);
        let cut = &whole[..60];
        let text = format!("{cut}{whole}-----BEGIN B-----\nAQ==\n-----END A-----\n{whole}");
        let good = ("A", Ok(vec![1; 100]));
        assert_eq!(
            all(&text),
            [("A", Err(BadPem)), good.clone(), ("B", Err(BadPem)), good]
        );
    }

    #[test]
    fn what_is_no_block_has_no_label() {
        let endless = format!("-----BEGIN {}-----", "A".repeat(MAX_LABEL + 1));
        for text in ["-----BEGIN ", "-----BEGIN CERT", &endless] {
            assert_eq!(all(text), [("", Err(BadPem))], "{text:?}");
        }
        assert_eq!(all("no block at all"), []);
        let latin = blocks(b"-----BEGIN \xe9-----\n-----END \xe9-----\n");
        assert_eq!(latin.map(|block| block.label()).collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn keys_are_told_apart_whatever_their_format() {
        for (label, is_key) in [
            ("PRIVATE KEY", true),
            ("EC PRIVATE KEY", true),
            ("ENCRYPTED PRIVATE KEY", true),
            ("PUBLIC KEY", false),
        ] {
            let text = armoured(label, &[0]);
            let found: Vec<_> = blocks(text.as_bytes()).collect();
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].is_private_key(), is_key, "{label}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_was_written_is_read(parts: Vec<(Vec<u8>, String)>) {
            let quiet = |text: &String| text.replace('-', " ");
            let text: String = parts.iter().map(|(der, around)| armoured("X", der) + &quiet(around)).collect();
            let read: Vec<_> = blocks(text.as_bytes()).map(|block| block.der().unwrap()).collect();
            let written: Vec<_> = parts.into_iter().map(|(der, _)| der).collect();
            proptest::prop_assert_eq!(read, written);
        }

        #[test]
        fn any_bytes_are_cut_up(text in "(-----|BEGIN |END |A|-|\n|\u{e9}){0,60}") {
            let read: Vec<_> = blocks(text.as_bytes()).map(|block| block.der()).collect();
            let count = read.len();
            proptest::prop_assert!(count <= text.matches(BEGIN).count());
            proptest::prop_assert_eq!(count == 0, !text.contains(BEGIN));
        }
    }
}
