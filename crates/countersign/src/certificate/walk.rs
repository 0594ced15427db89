//! Walking over DER: one element after another, nothing copied, nothing guessed.
//!
//! A thin layer over `der`'s reader, which refuses indefinite and non-minimal lengths. What an element means is decided in
//! the rooms that ask for it.

use const_oid::ObjectIdentifier;
use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, TagNumber};

/// The bytes are not the DER that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<der::Error> for Malformed {
    fn from(_: der::Error) -> Self {
        Self
    }
}

/// A position in a run of DER elements.
#[derive(Clone)]
pub(crate) struct Walk<'a>(SliceReader<'a>);

impl<'a> Walk<'a> {
    /// Starts at the first element of `bytes`.
    pub(crate) fn over(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self(SliceReader::new(bytes)?))
    }

    /// The tag of the next element; `None` at the end, or if there is no readable tag.
    pub(crate) fn peek(&self) -> Option<Tag> {
        Tag::peek(&self.0).ok()
    }

    /// Whether nothing is left.
    pub(crate) fn at_end(&self) -> bool {
        self.0.is_finished()
    }

    /// The next element, whatever it is: its tag and its content.
    pub(crate) fn any(&mut self) -> Result<(Tag, &'a [u8]), Malformed> {
        #[cfg(test)]
        tests::count_element();
        let element = AnyRef::decode(&mut self.0)?;
        Ok((der::Tagged::tag(&element), element.value()))
    }

    /// The content of the next element, which must have `tag`.
    pub(crate) fn content(&mut self, tag: Tag) -> Result<&'a [u8], Malformed> {
        match self.any()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(Malformed),
        }
    }

    /// The content of the next element if it has `tag`; else nothing is consumed.
    pub(crate) fn content_if(&mut self, tag: Tag) -> Result<Option<&'a [u8]>, Malformed> {
        if self.peek() == Some(tag) {
            self.content(tag).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The next element with its tag and length, which must have `tag`.
    pub(crate) fn whole(&mut self, tag: Tag) -> Result<&'a [u8], Malformed> {
        if self.peek() != Some(tag) {
            return Err(Malformed);
        }
        Ok(self.0.tlv_bytes()?)
    }

    /// Walks the content of the next element, which must have `tag`.
    pub(crate) fn enter(&mut self, tag: Tag) -> Result<Walk<'a>, Malformed> {
        Walk::over(self.content(tag)?)
    }

    /// The next element, an OBJECT IDENTIFIER.
    pub(crate) fn oid(&mut self) -> Result<ObjectIdentifier, Malformed> {
        ObjectIdentifier::from_bytes(self.content(Tag::ObjectIdentifier)?).map_err(|_| Malformed)
    }

    /// Ends the walk: nothing may be left.
    pub(crate) fn finish(self) -> Result<(), Malformed> {
        if self.at_end() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }
}

/// The content of the one element that `value` is.
pub(crate) fn only(value: &[u8], tag: Tag) -> Result<&[u8], Malformed> {
    let mut walk = Walk::over(value)?;
    let content = walk.content(tag)?;
    walk.finish()?;
    Ok(content)
}

/// The tag `[number]` around other elements (EXPLICIT, or IMPLICIT over a constructed type).
pub(crate) const fn constructed(number: u32) -> Tag {
    Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(number),
    }
}

/// The tag `[number]` in place of a primitive type's own (IMPLICIT).
pub(crate) const fn primitive(number: u32) -> Tag {
    Tag::ContextSpecific {
        constructed: false,
        number: TagNumber(number),
    }
}

/// The content of a BIT STRING that is a whole number of octets.
pub(crate) fn octets(bit_string: &[u8]) -> Result<&[u8], Malformed> {
    match bit_string {
        [0, octets @ ..] => Ok(octets),
        _ => Err(Malformed),
    }
}

/// The content of a BOOLEAN.
pub(crate) fn boolean(content: &[u8]) -> Result<bool, Malformed> {
    match content {
        [0x00] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(Malformed),
    }
}

/// The content of an INTEGER that is not negative and fits, in the shortest form that X.690 §8.3.2 demands.
pub(crate) fn unsigned(content: &[u8]) -> Result<u64, Malformed> {
    let magnitude = magnitude(content)?;
    if magnitude.len() > size_of::<u64>() {
        return Err(Malformed);
    }
    Ok(magnitude
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

/// The big-endian bytes of a non-negative INTEGER, without the sign byte.
pub(crate) fn magnitude(content: &[u8]) -> Result<&[u8], Malformed> {
    match content {
        [0, 0x80..=0xff, ..] => content.get(1..).ok_or(Malformed),
        [0..=0x7f] | [1..=0x7f, ..] => Ok(content),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    thread_local! {
        static ELEMENTS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    }

    /// Every element that is read is counted here.
    pub(super) fn count_element() {
        ELEMENTS.set(ELEMENTS.get() + 1);
    }

    /// How many elements `work` reads.
    pub(crate) fn elements_read(work: impl FnOnce()) -> u64 {
        let before = ELEMENTS.get();
        work();
        ELEMENTS.get() - before
    }

    #[test]
    fn integers_have_one_form() {
        assert_eq!(unsigned(&[0]), Ok(0));
        assert_eq!(unsigned(&[0x7f]), Ok(127));
        assert_eq!(unsigned(&[0, 0x80]), Ok(128));
        assert_eq!(unsigned(&[1, 0]), Ok(256));
        assert_eq!(
            unsigned(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Ok(u64::MAX)
        );
        for bad in [&[][..], &[0, 1], &[0, 0], &[0x80], &[0xff, 0xff], &[1; 9]] {
            assert_eq!(unsigned(bad), Err(Malformed), "{bad:02x?}");
        }
    }

    #[test]
    fn lengths_have_one_form() {
        let content = |bytes| Walk::over(bytes)?.content(Tag::OctetString);
        assert_eq!(content(&[4, 1, 9]), Ok(&[9][..]));
        for bad in [
            &[4, 0x81, 1, 9][..],
            &[4, 2, 9],
            &[0x24, 0x80, 4, 1, 9, 0, 0],
            &[4],
            &[],
        ] {
            assert_eq!(content(bad), Err(Malformed), "{bad:02x?}");
        }
    }
}
