//! What can be wrong with a SIP message, and what a server answers to it.
//!
//! One glossary for both steps: parsing (`crate::message`) finds what makes bytes no message, `crate::inspect` what makes a
//! message no proper request or response. Whether an answer can be written at all is told by
//! `crate::message::ParseError::answerable`.

use crate::name::Name;
use std::fmt;

/// One thing that is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// A CR or LF that is not part of a CRLF in the header section. What one element reads as one header, another reads as
    /// two; so nobody gets to see it.
    BareLineBreak,
    /// The datagram ends before the body that Content-Length announces.
    BodyTooShort,
    /// CSeq is not a number below 2^31 and a method.
    CSeq,
    /// CSeq names another method than the request line.
    CSeqMethod,
    /// Call-ID is not `word [ "@" word ]`.
    CallId,
    /// A Contact value is malformed.
    Contact,
    /// Two Content-Length headers that differ.
    ContentLengthConflict,
    /// Content-Length is not a number.
    ContentLengthMalformed,
    /// A message on a stream without Content-Length: nobody can tell where it ends.
    ContentLengthMissing,
    /// From is malformed.
    From,
    /// A header line without a colon, or with a name that is no token.
    HeaderName,
    /// Max-Forwards is not a number from 0 to 255.
    MaxForwards,
    /// The method is one that we know, but for the case of its letters. Methods are case-sensitive (RFC 3261 §25.1), yet products
    /// in the field take `invite` for INVITE: what passes here as an unknown method would be a call there.
    MethodCase,
    /// A mandatory header is missing.
    Missing(Name),
    /// A P-Asserted-Identity value is malformed.
    PAssertedIdentity,
    /// A header that may stand only once stands more than once.
    Repeated(Name),
    /// The Request-URI is malformed.
    RequestUri,
    /// The Request-URI carries headers, which RFC 3261 §19.1.1 forbids there.
    RequestUriHeaders,
    /// A Route or Record-Route value is malformed.
    Route,
    /// The Request-URI has a scheme that we do not route.
    Scheme,
    /// The first line is neither a request line nor a status line.
    StartLine,
    /// The status code is not one of 100 to 699.
    StatusCode,
    /// To is malformed.
    To,
    /// Larger than `crate::message::MAX_MESSAGE`.
    TooLarge,
    /// More header lines than `crate::message::MAX_HEADERS`.
    TooManyHeaders,
    /// The header section does not end.
    Truncated,
    /// The message is of another SIP version than 2.0.
    Version,
    /// A Via value is malformed.
    Via,
}

impl Defect {
    /// The status code that a server answers to a request with this defect.
    pub const fn status(self) -> u16 {
        match self {
            // RFC 3261 §8.2.2.1: "If the Request-URI uses a scheme not supported by the UAS, it SHOULD reject the request
            // with a 416 (Unsupported URI Scheme) response."
            Self::Scheme => 416,
            // RFC 3261 §21.5.6: "The server does not support, or refuses to support, the SIP protocol version that was used
            // in the request."
            Self::Version => 505,
            // RFC 3261 §21.5.7: "The server was unable to process the request since the message length exceeded its
            // capabilities."
            Self::TooLarge | Self::TooManyHeaders => 513,
            _ => 400,
        }
    }

    /// A reason phrase that tells the sender what to look for.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::BareLineBreak => "Bare Line Break",
            Self::BodyTooShort => "Body Shorter Than Content-Length",
            Self::CSeq => "Malformed CSeq",
            Self::CSeqMethod => "CSeq Method Mismatch",
            Self::CallId => "Malformed Call-ID",
            Self::Contact => "Malformed Contact",
            Self::ContentLengthConflict => "Conflicting Content-Length",
            Self::ContentLengthMalformed => "Malformed Content-Length",
            Self::ContentLengthMissing => "Missing Content-Length",
            Self::From => "Malformed From",
            Self::HeaderName => "Malformed Header",
            Self::MaxForwards => "Malformed Max-Forwards",
            Self::MethodCase => "Method In Wrong Case",
            Self::Missing(_) => "Missing Mandatory Header",
            Self::PAssertedIdentity => "Malformed P-Asserted-Identity",
            Self::Repeated(_) => "Repeated Header",
            Self::RequestUri => "Malformed Request-URI",
            Self::RequestUriHeaders => "Headers In Request-URI",
            Self::Route => "Malformed Route",
            Self::Scheme => "Unsupported URI Scheme",
            Self::StartLine => "Malformed Request Line",
            Self::StatusCode => "Malformed Status Code",
            Self::To => "Malformed To",
            Self::TooLarge | Self::TooManyHeaders => "Message Too Large",
            Self::Truncated => "Header Section Does Not End",
            Self::Version => "Version Not Supported",
            Self::Via => "Malformed Via",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) | Self::Repeated(name) => {
                write!(f, "{}: {}", self.reason(), name.as_str())
            }
            _ => f.write_str(self.reason()),
        }
    }
}

impl std::error::Error for Defect {}
