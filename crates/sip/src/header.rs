//! Typed views of header values: made when asked for, borrowing from the message, never kept.
//!
//! [`Via`], [`NameAddr`] (From, To, Contact, Route, P-Asserted-Identity), [`CSeq`], Max-Forwards, Call-ID and the Date of
//! RFC 3261 §20.17. The methods of [`Message`] read the header that a name means, and say which [`Defect`] it is if they
//! cannot. The Identity header has a room of its own, [`crate::identity_header`].

mod address;
mod date;
mod via;

use crate::defect::Defect;
use crate::grammar::{Class, List, is_lws, is_token, number, trim};
use crate::message::{Message, Method, Name, ViaSpans};
use countersign::call::DateHeader;

pub use address::{AddressForm, NameAddr};
pub use date::{sip_date, sip_date_text};
pub use via::{Branch, Rport, Via};

/// The highest sequence number: RFC 3261 §8.1.1.5: "The sequence number value MUST be expressible as a 32-bit unsigned
/// integer and MUST be less than 2**31."
pub const MAX_SEQUENCE: u32 = (1 << 31) - 1;

/// `CSeq: 4711 INVITE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// Below 2^31.
    pub sequence: u32,
    /// The method.
    pub method: Method<'a>,
}

impl<'a> CSeq<'a> {
    /// Reads a CSeq value.
    ///
    /// # Errors
    /// [`Defect::CSeq`].
    // RFC 3261 §25.1: CSeq = "CSeq" HCOLON 1*DIGIT LWS Method
    pub fn parse(value: &'a [u8]) -> Result<Self, Defect> {
        let digits = value
            .iter()
            .position(|byte| is_lws(*byte))
            .ok_or(Defect::CSeq)?;
        let (sequence, method) = value.split_at_checked(digits).ok_or(Defect::CSeq)?;
        let method = trim(method);
        let sequence = number(sequence).filter(|sequence| *sequence <= MAX_SEQUENCE);
        match sequence {
            Some(sequence) if is_token(method) => Ok(Self {
                sequence,
                method: Method::of(method),
            }),
            _ => Err(Defect::CSeq),
        }
    }
}

/// Whether `value` is a Call-ID.
// RFC 3261 §25.1: callid = word [ "@" word ], word = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" /
// "~" / "(" / ")" / "<" / ">" / ":" / "\" / DQUOTE / "/" / "[" / "]" / "?" / "{" / "}" )
fn is_call_id(value: &[u8]) -> bool {
    // Every visible ASCII character but "#$&,;=@^|": the field has those, too, and a Call-ID is only ever compared, so any
    // visible character passes. White space and control characters do not.
    !value.is_empty() && Class::VISIBLE.has_all(value)
}

impl Message {
    /// Every Via, from the top, each of a comma list on its own.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, Defect>> {
        let all = self.elements(Name::Via).enumerate();
        all.map(|(place, value)| match place {
            0 => self.top_via(),
            _ => Via::parse(value),
        })
    }

    /// The first Via.
    ///
    /// # Errors
    /// [`Defect::Missing`] or [`Defect::Via`].
    pub fn top_via(&self) -> Result<Via<'_>, Defect> {
        if let Some(known) = self.top_via.get() {
            return Ok(known.via(self));
        }
        let value = self.required(Name::Via)?;
        let first = List::of(value).next().unwrap_or_default();
        let via = Via::parse(first)?;
        if let Some(spans) = ViaSpans::of(&via, self) {
            // Whoever was quicker has found the same.
            let _ = self.top_via.set(spans);
        }
        Ok(via)
    }

    /// The From header.
    ///
    /// # Errors
    /// [`Defect::Missing`] or [`Defect::From`].
    pub fn from(&self) -> Result<NameAddr<'_>, Defect> {
        NameAddr::parse(self.required(Name::From)?).ok_or(Defect::From)
    }

    /// The To header.
    ///
    /// # Errors
    /// [`Defect::Missing`] or [`Defect::To`].
    pub fn to(&self) -> Result<NameAddr<'_>, Defect> {
        NameAddr::parse(self.required(Name::To)?).ok_or(Defect::To)
    }

    /// The Call-ID, byte for byte.
    ///
    /// # Errors
    /// [`Defect::Missing`] or [`Defect::CallId`].
    pub fn call_id(&self) -> Result<&[u8], Defect> {
        let value = self.required(Name::CallId)?;
        is_call_id(value).then_some(value).ok_or(Defect::CallId)
    }

    /// The CSeq header.
    ///
    /// # Errors
    /// [`Defect::Missing`] or [`Defect::CSeq`].
    pub fn cseq(&self) -> Result<CSeq<'_>, Defect> {
        CSeq::parse(self.required(Name::CSeq)?)
    }

    /// The Max-Forwards header; `None` if there is none.
    ///
    /// # Errors
    /// [`Defect::MaxForwards`].
    // RFC 3261 §20.22: "The Max-Forwards value is an integer in the range 0-255"
    pub fn max_forwards(&self) -> Result<Option<u8>, Defect> {
        self.header(Name::MaxForwards)
            .map(|value| {
                let value = number(value).and_then(|value| u8::try_from(value).ok());
                value.ok_or(Defect::MaxForwards)
            })
            .transpose()
    }

    /// The Date header.
    pub fn date(&self) -> DateHeader {
        let mut dates = self.headers(Name::Date);
        match (dates.next(), dates.next()) {
            (None, _) => DateHeader::Absent,
            (Some(only), None) => sip_date(only.value).map_or(DateHeader::Unusable, DateHeader::At),
            (Some(_), Some(_)) => DateHeader::Unusable,
        }
    }

    /// The addresses of a header that has a list of them (Contact, Route, Record-Route, P-Asserted-Identity), in order;
    /// `None` for each that is malformed.
    pub fn addresses(&self, name: Name) -> impl Iterator<Item = Option<NameAddr<'_>>> {
        self.elements(name).map(NameAddr::parse)
    }

    /// The elements of a comma-separated header, over all its lines, each trimmed.
    pub fn elements(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.headers(name).flat_map(|line| List::of(line.value))
    }

    fn required(&self, name: Name) -> Result<&[u8], Defect> {
        self.header(name).ok_or(Defect::Missing(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cseq_is_a_number_and_a_method() {
        let cseq = CSeq::parse(b"0009\r\n INVITE").unwrap();
        assert_eq!((cseq.sequence, cseq.method), (9, Method::Invite));
        assert_eq!(CSeq::parse(b"2147483647 X").unwrap().sequence, MAX_SEQUENCE);
        for value in [
            "2147483648 X",
            "-1 X",
            "1",
            "1 ",
            "X 1",
            "1 A B",
            "",
            "36893488147419103232 X",
        ] {
            assert_eq!(CSeq::parse(value.as_bytes()), Err(Defect::CSeq), "{value}");
        }
    }

    #[test]
    fn call_ids_are_visible() {
        assert!(is_call_id(br#"intmeth.word%ZK-!.*_+'@word`~)(><:\/"][?}{"#));
        assert!(!is_call_id(b"a b"));
        assert!(!is_call_id(b""));
    }
}
