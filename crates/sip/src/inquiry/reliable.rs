//! What [RFC 3262](https://www.rfc-editor.org/rfc/rfc3262) adds to a message: the option, RSeq and RAck.

use crate::grammar::{is_lws, number, trim_start};
use crate::header::CSeq;
use crate::message::{Message, Method, Name};

/// The option tag of reliable provisional responses.
pub const RELIABLE: &[u8] = b"100rel";

/// Whether the header of this name lists [`RELIABLE`].
pub fn names_reliable(message: &Message, header: Name) -> bool {
    let mut options = message.elements(header);
    options.any(|option| option.eq_ignore_ascii_case(RELIABLE))
}

/// The RSeq of a response that is to be acknowledged; `None` if it is not.
// RFC 3262 §4: "If a provisional response is received for an initial request, and that response contains a Require header field
// containing the option tag 100rel, the response is to be sent reliably.  If the response is a 100 (Trying) (as opposed to 101 to 199),
// this option tag MUST be ignored, and the procedures below MUST NOT be used."
pub fn reliable_sequence(response: &Message) -> Option<u32> {
    let is_provisional = matches!(response.status(), Some(101..=199));
    match is_provisional && names_reliable(response, Name::Require) {
        true => response.header(Name::RSeq).and_then(number),
        false => None,
    }
}

/// Which response a PRACK acknowledges: `RAck: 776656 1 INVITE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged<'a> {
    /// The RSeq of the response.
    pub response: u32,
    /// The CSeq of the request that it answers.
    pub request: CSeq<'a>,
}

impl<'a> Acknowledged<'a> {
    /// Reads a RAck value; `None` if it is malformed.
    // RFC 3262 §10: RAck = "RAck" HCOLON response-num LWS CSeq-num LWS Method
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let end = value.iter().position(|byte| is_lws(*byte))?;
        let (response, request) = value.split_at_checked(end)?;
        Some(Self {
            response: number(response)?,
            request: CSeq::parse(trim_start(request)).ok()?,
        })
    }

    /// That of a PRACK.
    pub fn of(prack: &'a Message) -> Option<Self> {
        prack.header(Name::RAck).and_then(Self::parse)
    }

    /// Whether it acknowledges the response with this RSeq to the INVITE with that sequence number.
    // RFC 3262 §3: "A matching PRACK is defined as one within the same dialog as the response, and whose method, CSeq-num, and
    // response-num in the RAck header field match, respectively, the method from the CSeq, the sequence number from the CSeq, and the
    // sequence number from the RSeq of the reliable provisional response."
    pub fn is_for(&self, response: u32, invite: u32) -> bool {
        self.response == response
            && self.request.sequence == invite
            && self.request.method == Method::Invite
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;
    use proptest::prelude::*;

    fn response(status: u16, headers: &str) -> Message {
        let text = format!("SIP/2.0 {status} x\r\n{headers}\r\n");
        Message::parse(text.into(), Framing::Datagram).unwrap()
    }

    #[test]
    fn a_reliable_response_says_so_and_has_a_number() {
        let of = |status, headers| reliable_sequence(&response(status, headers));
        assert_eq!(of(183, "Require: 100rel\r\nRSeq: 7\r\n"), Some(7));
        assert_eq!(of(180, "Require: timer, 100REL\r\nRSeq: 7\r\n"), Some(7));
        for (status, headers) in [
            (100, "Require: 100rel\r\nRSeq: 7\r\n"),
            (200, "Require: 100rel\r\nRSeq: 7\r\n"),
            (183, "RSeq: 7\r\n"),
            (183, "Require: 100rel\r\n"),
            (183, "Require: 100rel\r\nRSeq: x\r\n"),
            (183, "Supported: 100rel\r\nRSeq: 7\r\n"),
        ] {
            assert_eq!(of(status, headers), None, "{status} {headers}");
        }
    }

    /// This test verifies that a RAck is read as RFC 3262 §7.2 prints it, and nothing like it is.
    #[test]
    fn the_rack_of_rfc_3262_section_7_2() {
        let acknowledged = Acknowledged::parse(b"776656 1 INVITE").unwrap();
        assert!(acknowledged.is_for(776_656, 1));
        assert!(!acknowledged.is_for(776_657, 1));
        assert!(!acknowledged.is_for(776_656, 2));
        let update = Acknowledged::parse(b"776656 1 UPDATE").unwrap();
        assert!(!update.is_for(776_656, 1));
        for value in [
            "",
            "776656",
            "776656 1",
            "1 x INVITE",
            "-1 1 INVITE",
            "1 INVITE 1",
        ] {
            assert_eq!(Acknowledged::parse(value.as_bytes()), None, "{value}");
        }
    }

    proptest! {
        /// This test verifies that what is written is read, and that no bytes do harm.
        #[test]
        fn what_is_written_is_read(rseq: u32, cseq in 0_u32..1 << 31, any in proptest::collection::vec(any::<u8>(), 0..40)) {
            let text = format!("{rseq}  {cseq}\tINVITE");
            let read = Acknowledged::parse(text.as_bytes());
            prop_assert!(read.is_some_and(|read| read.is_for(rseq, cseq)));
            let _ = Acknowledged::parse(&any);
        }
    }
}
