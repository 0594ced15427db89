//! ECDSA signatures as certificates carry them, and as keys make them.
//!
//! X.509 wraps R and S in DER (`ECDSA-Sig-Value` of [RFC 5480](https://www.rfc-editor.org/rfc/rfc5480), from
//! [RFC 3279 §2.2.3](https://www.rfc-editor.org/rfc/rfc3279#section-2.2.3)); [`crate::crypto`] speaks of 64 fixed bytes.

use super::encode;
use super::walk::{Malformed, Walk, magnitude};
use crate::crypto::{SIGNATURE_LEN, Signature};
use der::Tag;

/// Bytes of R, and of S.
const HALF: usize = SIGNATURE_LEN / 2;

/// Reads an `ECDSA-Sig-Value`; `None` unless it is strict DER and both numbers fit P-256.
// RFC 3279 §2.2.3: "Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }"
pub fn fixed_from_der(der: &[u8]) -> Option<Signature> {
    read(der).ok()
}

fn read(der: &[u8]) -> Result<Signature, Malformed> {
    let mut outer = Walk::over(der)?;
    let mut numbers = outer.enter(Tag::Sequence)?;
    outer.finish()?;
    let mut signature = [0; SIGNATURE_LEN];
    let (r, s) = signature.split_at_mut(HALF);
    for half in [r, s] {
        let bytes = magnitude(numbers.content(Tag::Integer)?)?;
        let padding = HALF.checked_sub(bytes.len()).ok_or(Malformed)?;
        half.get_mut(padding..)
            .ok_or(Malformed)?
            .copy_from_slice(bytes);
    }
    numbers.finish()?;
    Ok(signature)
}

/// Writes an `ECDSA-Sig-Value`.
pub fn der_from_fixed(signature: &Signature) -> Vec<u8> {
    let (r, s) = signature.split_at(HALF);
    encode::sequence(&[encode::integer(r), encode::integer(s)])
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn both_forms_say_the_same(r: [u8; 32], s: [u8; 32], zeros in 0_usize..33) {
            let mut signature: Signature = [r, s].concat().try_into().unwrap();
            signature[..zeros].fill(0);
            proptest::prop_assert_eq!(fixed_from_der(&der_from_fixed(&signature)), Some(signature));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Some(signature) = fixed_from_der(&bytes) {
                proptest::prop_assert_eq!(der_from_fixed(&signature), bytes, "there is one encoding only");
            }
        }
    }

    #[test]
    fn other_encodings_are_refused() {
        let good = [0x30, 6, 2, 1, 1, 2, 1, 2];
        assert!(fixed_from_der(&good).is_some());
        for bad in [
            &[0x30, 7, 2, 2, 0, 1, 2, 1, 2][..],
            &[0x30, 6, 2, 1, 0x81, 2, 1, 2],
            &[0x30, 3, 2, 1, 1],
            &[0x30, 9, 2, 1, 1, 2, 1, 2, 2, 1, 3],
            &[0x30, 6, 2, 1, 1, 2, 1, 2, 0],
            &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 2],
        ] {
            assert_eq!(fixed_from_der(bad), None, "{bad:02x?}");
        }
    }
}
