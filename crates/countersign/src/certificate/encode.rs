//! Writing DER: each function makes one element, parts are made first and joined.
//!
//! The other half of reading; what is written here is judged by other people's tools in the tests of the certification
//! authority. Nothing received is ever written again to be judged.

use const_oid::ObjectIdentifier;

/// SEQUENCE, constructed.
pub const SEQUENCE: u8 = 0x30;
/// SET, constructed.
pub const SET: u8 = 0x31;
/// IA5String.
pub const IA5_STRING: u8 = 0x16;
/// PrintableString.
pub const PRINTABLE_STRING: u8 = 0x13;
/// UTF8String.
pub const UTF8_STRING: u8 = 0x0c;
/// UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// GeneralizedTime.
pub const GENERALIZED_TIME: u8 = 0x18;
/// ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT_IDENTIFIER: u8 = 0x06;

/// The tag `[number]` around elements, or in place of the tag of a constructed type; `number` below 31.
pub const fn constructed(number: u8) -> u8 {
    0xa0 | number
}

/// The tag `[number]` in place of the tag of a primitive type; `number` below 31.
pub const fn primitive(number: u8) -> u8 {
    0x80 | number
}

/// An element of any tag.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = without_leading_zeros(&length);
    let mut der = Vec::with_capacity(content.len() + significant.len() + 2);
    der.push(tag);
    match significant {
        [] => der.push(0),
        [short @ 0..=0x7f] => der.push(*short),
        // At most eight bytes of length: the cast cannot lose anything.
        long => {
            der.push(0x80 | long.len() as u8);
            der.extend_from_slice(long);
        }
    }
    der.extend_from_slice(content);
    der
}

/// A SEQUENCE of elements.
pub fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(SEQUENCE, &parts.concat())
}

/// An INTEGER that is not negative, of its big-endian bytes.
pub fn integer(magnitude: &[u8]) -> Vec<u8> {
    let significant = without_leading_zeros(magnitude);
    match significant.first() {
        Some(0..=0x7f) => element(INTEGER, significant),
        _ => element(INTEGER, &[&[0], significant].concat()),
    }
}

/// BOOLEAN TRUE; FALSE is a default wherever we write one, and so left out.
pub fn yes() -> Vec<u8> {
    element(BOOLEAN, &[0xff])
}

/// NULL.
pub fn null() -> Vec<u8> {
    element(NULL, &[])
}

/// An OBJECT IDENTIFIER.
pub fn oid(identifier: &ObjectIdentifier) -> Vec<u8> {
    element(OBJECT_IDENTIFIER, identifier.as_bytes())
}

/// An OCTET STRING.
pub fn octet_string(content: &[u8]) -> Vec<u8> {
    element(OCTET_STRING, content)
}

/// A BIT STRING of whole octets.
pub fn bit_string(octets: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], octets].concat())
}

/// A BIT STRING of named bits, bit 0 the highest of `bits`: trailing zeros are left out, as X.690 §11.2.2 demands.
pub fn named_bits(bits: u16) -> Vec<u8> {
    let [high, low] = bits.to_be_bytes();
    let unused = (bits.trailing_zeros() % 8) as u8;
    match (high, low) {
        (0, 0) => element(BIT_STRING, &[0]),
        (high, 0) => element(BIT_STRING, &[unused, high]),
        (high, low) => element(BIT_STRING, &[unused, high, low]),
    }
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_as_few_octets_as_they_can() {
        for (length, header) in [
            (0, &[4, 0][..]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (256, &[4, 0x82, 1, 0]),
        ] {
            let der = octet_string(&vec![7; length]);
            assert_eq!(&der[..header.len()], header);
            assert_eq!(der.len(), header.len() + length);
        }
    }

    #[test]
    fn integers_and_named_bits() {
        assert_eq!(integer(&[]), [2, 1, 0]);
        assert_eq!(integer(&[0, 0, 5]), [2, 1, 5]);
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(named_bits(0x8000), [3, 2, 7, 0x80]);
        assert_eq!(named_bits(0x0600), [3, 2, 1, 0x06]);
        assert_eq!(named_bits(0x0080), [3, 3, 7, 0, 0x80]);
        assert_eq!(named_bits(0), [3, 1, 0]);
    }
}
