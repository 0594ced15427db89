//! Bytes cut into what they hold: certificates in PEM or DER, keys, and what is neither.
//!
//! The order is kept and nothing is believed. One broken piece costs no other; nothing is decoded before it is asked for, so
//! ten thousand certificates in one file take the memory of one.

use super::super::super::files::MAX_FILE;
use countersign::certificate::pem::{self, Block};
use rustls::pki_types::PrivateKeyDer;

/// Most bytes of one file, of standard input or of a repository's answer that are looked at.
pub(super) const MAX_BYTES: u64 = MAX_FILE;

/// First byte of every SEQUENCE in DER, and of no text.
const DER_SEQUENCE: u8 = 0x30;

/// A piece of a file.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// A block of PEM that is not whole.
    BrokenPem,
    /// What says that it is a certificate: DER, not yet read.
    Certificate(Der<'a>),
    /// A private key. What it is does not concern us, that it is there does.
    PrivateKey,
    /// Something else in PEM, by its label.
    Other(&'a str),
}

/// The bytes of a certificate.
#[derive(Debug)]
pub(super) enum Der<'a> {
    /// They stand in the file.
    AsTheyAre(&'a [u8]),
    /// They had to be decoded.
    Decoded(Vec<u8>),
}

impl Der<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::AsTheyAre(bytes) => bytes,
            Self::Decoded(bytes) => bytes,
        }
    }
}

/// Every piece of `bytes`, in order.
pub(super) fn pieces(bytes: &[u8]) -> Box<dyn Iterator<Item = Piece<'_>> + '_> {
    match bytes.first() {
        Some(&DER_SEQUENCE) => Box::new(elements(bytes).map(of_element)),
        _ => Box::new(pem::blocks(bytes).map(of_block)),
    }
}

/// How many certificates there are, good or bad; nothing is decoded.
pub(super) fn count(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(&DER_SEQUENCE) => elements(bytes).filter(|der| !is_private_key(der)).count(),
        _ => pem::blocks(bytes)
            .filter(|block| block.label() == pem::CERTIFICATE || block.label().is_empty())
            .count(),
    }
}

fn of_block(block: Block<'_>) -> Piece<'_> {
    if block.is_private_key() {
        return Piece::PrivateKey;
    }
    match (block.label(), block.der()) {
        (pem::CERTIFICATE, Ok(der)) => Piece::Certificate(Der::Decoded(der)),
        (pem::CERTIFICATE | "", _) => Piece::BrokenPem,
        (label, _) => Piece::Other(label),
    }
}

fn of_element(der: &[u8]) -> Piece<'_> {
    match is_private_key(der) {
        true => Piece::PrivateKey,
        false => Piece::Certificate(Der::AsTheyAre(der)),
    }
}

/// Whether it is DER rather than text.
pub(super) fn is_der(bytes: &[u8]) -> bool {
    bytes.first() == Some(&DER_SEQUENCE)
}

fn is_private_key(der: &[u8]) -> bool {
    PrivateKeyDer::try_from(der).is_ok()
}

/// The elements of DER that stand one after the other. Where the next one cannot be told, the rest is one.
fn elements(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = element_length(rest).unwrap_or(rest.len());
        let (element, after) = rest.split_at(length.min(rest.len()));
        // Whoever ends a file of DER with a line feed means nothing by it.
        rest = if after.trim_ascii().is_empty() {
            &[]
        } else {
            after
        };
        Some(element)
    })
}

/// Bytes of the first element, its tag and length included; `None` if they cannot be told.
fn element_length(bytes: &[u8]) -> Option<usize> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if tag != DER_SEQUENCE {
        return None;
    }
    let (content, header) = match first {
        0..=0x7f => (usize::from(first), 2),
        // X.690 §8.1.3.5: the long form, here with at most four octets: no file is longer.
        0x81..=0x84 => {
            let octets = usize::from(first & 0x7f);
            let length = rest.get(..octets)?;
            let length = length
                .iter()
                .fold(0_usize, |sum, &octet| sum << 8 | usize::from(octet));
            (length, 2 + octets)
        }
        _ => return None,
    };
    content.checked_add(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::certificate::pem::armoured;

    /// A SEQUENCE of so many bytes, and its header.
    fn element(content: usize) -> Vec<u8> {
        let mut der = match content {
            0..=0x7f => vec![0x30, content as u8],
            _ => vec![0x30, 0x82, (content >> 8) as u8, content as u8],
        };
        der.resize(der.len() + content, 5);
        der
    }

    fn told(bytes: &[u8]) -> Vec<String> {
        let tell = |piece| match piece {
            Piece::BrokenPem => "broken".to_owned(),
            Piece::Certificate(der) => der.bytes().len().to_string(),
            Piece::PrivateKey => "key".to_owned(),
            Piece::Other(label) => label.to_owned(),
        };
        pieces(bytes).map(tell).collect()
    }

    #[test]
    fn certificates_in_der_may_stand_one_after_the_other() {
        let all = [element(3), element(1000), element(0)].concat();
        assert_eq!(told(&all), ["5", "1004", "2"]);
        assert_eq!(told(&[&all[..], b"\r\n"].concat()), ["5", "1004", "2"]);
        assert_eq!(
            told(&[&all[..], &[1, 2, 3]].concat()),
            ["5", "1004", "2", "3"]
        );
        assert_eq!(told(&all[..900]), ["5", "895"], "the rest is one");
        assert_eq!(told(b""), [""; 0]);
    }

    #[test]
    fn one_broken_block_costs_no_other() {
        let good = armoured("CERTIFICATE", &element(3));
        let text = good.clone()
            + &armoured("EC PRIVATE KEY", &[1])
            + &good.replace("MA", "M!")
            + &armoured("X509 CRL", &[1])
            + &good;
        assert_eq!(
            told(text.as_bytes()),
            ["5", "key", "broken", "X509 CRL", "5"]
        );
        assert_eq!(count(text.as_bytes()), 3);
    }

    #[test]
    fn a_key_in_der_is_a_key() {
        let key = countersign::crypto::EcdsaP256Key::generate().unwrap();
        assert_eq!(told(&key.to_pkcs8().unwrap()), ["key"]);
        assert_eq!(told(&key.to_sec1().unwrap()), ["key"]);
        assert_eq!(count(&key.to_sec1().unwrap()), 0);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_cut_into_pieces_and_counted(mut bytes: Vec<u8>, der: bool) {
            if der {
                bytes.insert(0, DER_SEQUENCE);
            }
            let certificates = pieces(&bytes)
                .filter(|piece| matches!(piece, Piece::Certificate(_) | Piece::BrokenPem));
            proptest::prop_assert_eq!(certificates.count(), count(&bytes));
        }
    }
}
