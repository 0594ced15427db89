//! Header names: the known ones, their compact forms, and a lookup that costs a few nanoseconds.

use crate::grammar::is_token;

/// A header name. Comparison is without regard to case, and a compact form is its long form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "each variant is the header of that name; see `Name::as_str`"
)]
pub enum Name {
    Accept,
    AcceptContact,
    AlertInfo,
    Allow,
    AllowEvents,
    Authorization,
    CSeq,
    CallId,
    CallInfo,
    Contact,
    ContentDisposition,
    ContentEncoding,
    ContentLanguage,
    ContentLength,
    ContentType,
    Date,
    Diversion,
    ErrorInfo,
    Event,
    Expires,
    From,
    HistoryInfo,
    Identity,
    IdentityInfo,
    InReplyTo,
    MaxForwards,
    MimeVersion,
    MinExpires,
    MinSe,
    Organization,
    PAccessNetworkInfo,
    PAssertedIdentity,
    PChargingVector,
    PPreferredIdentity,
    Path,
    Priority,
    Privacy,
    ProxyAuthenticate,
    ProxyAuthorization,
    ProxyRequire,
    RAck,
    RSeq,
    Reason,
    RecordRoute,
    ReferTo,
    ReferredBy,
    RejectContact,
    RemotePartyId,
    Replaces,
    RequestDisposition,
    Require,
    ResourcePriority,
    RetryAfter,
    Route,
    Server,
    ServiceRoute,
    SessionExpires,
    Subject,
    Supported,
    Timestamp,
    To,
    Unsupported,
    UserAgent,
    Via,
    Warning,
    WwwAuthenticate,
    /// Any other name; see `Message::headers_named`.
    Other,
}

/// Every known name, in the order of the enum: canonical text and compact form
/// (the IANA registry of SIP header fields; `y` is RFC 8224 §13.1).
const KNOWN: [(Name, &str, Option<u8>); 66] = [
    (Name::Accept, "Accept", None),
    (Name::AcceptContact, "Accept-Contact", Some(b'a')),
    (Name::AlertInfo, "Alert-Info", None),
    (Name::Allow, "Allow", None),
    (Name::AllowEvents, "Allow-Events", Some(b'u')),
    (Name::Authorization, "Authorization", None),
    (Name::CSeq, "CSeq", None),
    (Name::CallId, "Call-ID", Some(b'i')),
    (Name::CallInfo, "Call-Info", None),
    (Name::Contact, "Contact", Some(b'm')),
    (Name::ContentDisposition, "Content-Disposition", None),
    (Name::ContentEncoding, "Content-Encoding", Some(b'e')),
    (Name::ContentLanguage, "Content-Language", None),
    (Name::ContentLength, "Content-Length", Some(b'l')),
    (Name::ContentType, "Content-Type", Some(b'c')),
    (Name::Date, "Date", None),
    (Name::Diversion, "Diversion", None),
    (Name::ErrorInfo, "Error-Info", None),
    (Name::Event, "Event", Some(b'o')),
    (Name::Expires, "Expires", None),
    (Name::From, "From", Some(b'f')),
    (Name::HistoryInfo, "History-Info", None),
    (Name::Identity, "Identity", Some(b'y')),
    (Name::IdentityInfo, "Identity-Info", Some(b'n')),
    (Name::InReplyTo, "In-Reply-To", None),
    (Name::MaxForwards, "Max-Forwards", None),
    (Name::MimeVersion, "MIME-Version", None),
    (Name::MinExpires, "Min-Expires", None),
    (Name::MinSe, "Min-SE", None),
    (Name::Organization, "Organization", None),
    (Name::PAccessNetworkInfo, "P-Access-Network-Info", None),
    (Name::PAssertedIdentity, "P-Asserted-Identity", None),
    (Name::PChargingVector, "P-Charging-Vector", None),
    (Name::PPreferredIdentity, "P-Preferred-Identity", None),
    (Name::Path, "Path", None),
    (Name::Priority, "Priority", None),
    (Name::Privacy, "Privacy", None),
    (Name::ProxyAuthenticate, "Proxy-Authenticate", None),
    (Name::ProxyAuthorization, "Proxy-Authorization", None),
    (Name::ProxyRequire, "Proxy-Require", None),
    (Name::RAck, "RAck", None),
    (Name::RSeq, "RSeq", None),
    (Name::Reason, "Reason", None),
    (Name::RecordRoute, "Record-Route", None),
    (Name::ReferTo, "Refer-To", Some(b'r')),
    (Name::ReferredBy, "Referred-By", Some(b'b')),
    (Name::RejectContact, "Reject-Contact", Some(b'j')),
    (Name::RemotePartyId, "Remote-Party-ID", None),
    (Name::Replaces, "Replaces", None),
    (Name::RequestDisposition, "Request-Disposition", Some(b'd')),
    (Name::Require, "Require", None),
    (Name::ResourcePriority, "Resource-Priority", None),
    (Name::RetryAfter, "Retry-After", None),
    (Name::Route, "Route", None),
    (Name::Server, "Server", None),
    (Name::ServiceRoute, "Service-Route", None),
    (Name::SessionExpires, "Session-Expires", Some(b'x')),
    (Name::Subject, "Subject", Some(b's')),
    (Name::Supported, "Supported", Some(b'k')),
    (Name::Timestamp, "Timestamp", None),
    (Name::To, "To", Some(b't')),
    (Name::Unsupported, "Unsupported", None),
    (Name::UserAgent, "User-Agent", None),
    (Name::Via, "Via", Some(b'v')),
    (Name::Warning, "Warning", None),
    (Name::WwwAuthenticate, "WWW-Authenticate", None),
];

const SLOTS: usize = 256;
/// Marks a slot that no known name has.
const EMPTY: u8 = u8::MAX;
/// Slot to index into [`KNOWN`]; a name whose slot is taken lies in the next free one.
const TABLE: [u8; SLOTS] = build_table();

impl Name {
    /// The name that `text` spells, in any case, long or compact.
    ///
    /// # Example
    /// ```
    /// use countersign_sip::name::Name;
    /// assert_eq!(Name::of(b"IDENTITY"), Name::Identity);
    /// assert_eq!(Name::of(b"y"), Name::Identity);
    /// assert_eq!(Name::of(b"X-Date"), Name::Other);
    /// ```
    pub fn of(text: &[u8]) -> Self {
        match text {
            // Bytes that are no token could be mistaken for others by the comparison below.
            name if is_token(name) => Self::of_token(name),
            _ => Self::Other,
        }
    }

    /// [`Name::of`] a token.
    pub(crate) fn of_token(text: &[u8]) -> Self {
        let mut slot = slot_of(text);
        loop {
            let known = TABLE
                .get(slot)
                .and_then(|index| KNOWN.get(usize::from(*index)));
            let Some((name, long, compact)) = known else {
                return Self::Other;
            };
            let same = match text {
                [one] => *compact == Some(*one | 0x20),
                _ => same_letters(long.as_bytes(), text),
            };
            if same {
                return *name;
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// Whether a header line of this name may begin with this byte.
    pub(crate) fn may_begin_with(self, byte: u8) -> bool {
        KNOWN.get(self as usize).is_some_and(|(_, long, compact)| {
            let letter = Some(byte | 0x20);
            letter == *compact || letter == long.bytes().next().map(|first| first | 0x20)
        })
    }

    /// The name as it is written; empty for [`Name::Other`].
    pub fn as_str(self) -> &'static str {
        KNOWN.get(self as usize).map_or("", |(_, long, _)| long)
    }
}

/// Whether two tokens are the same without regard to case. Among what may stand in a token, only the two cases of one letter
/// differ in that bit alone.
fn same_letters(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .fold(0, |differ, (one, other)| differ | (one ^ other) & !0x20)
            == 0
}

/// A slot from the length and three letters; collisions are settled by probing.
const fn slot_of(text: &[u8]) -> usize {
    let length = text.len();
    if length == 0 {
        return 0;
    }
    #[allow(clippy::indexing_slicing, reason = "length is at least one")]
    let (first, middle, last) = (text[0], text[length / 2], text[length - 1]);
    let mixed = (first | 0x20) as usize * 7
        + (middle | 0x20) as usize * 31
        + (last | 0x20) as usize * 3
        + length * 11;
    mixed % SLOTS
}

const fn build_table() -> [u8; SLOTS] {
    let mut table = [EMPTY; SLOTS];
    let mut index = 0;
    while index < KNOWN.len() {
        let (_, long, compact) = KNOWN[index];
        place(&mut table, slot_of(long.as_bytes()), index as u8);
        if let Some(letter) = compact {
            place(&mut table, slot_of(&[letter]), index as u8);
        }
        index += 1;
    }
    table
}

const fn place(table: &mut [u8; SLOTS], mut slot: usize, index: u8) {
    while table[slot] != EMPTY {
        slot = (slot + 1) % SLOTS;
    }
    table[slot] = index;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_in_any_case_and_compact() {
        for (index, (name, long, compact)) in KNOWN.iter().enumerate() {
            assert_eq!(*name as usize, index, "{long} stands where the enum has it");
            assert_eq!(Name::of(long.as_bytes()), *name);
            assert_eq!(Name::of(long.to_ascii_uppercase().as_bytes()), *name);
            assert_eq!(Name::of(long.to_ascii_lowercase().as_bytes()), *name);
            assert_eq!(name.as_str(), *long);
            if let Some(letter) = compact {
                assert_eq!(Name::of(&[*letter]), *name);
                assert_eq!(Name::of(&[letter.to_ascii_uppercase()]), *name);
            }
        }
    }

    #[test]
    fn others_are_others() {
        for text in [
            b"X-Date".as_slice(),
            b"z",
            b"",
            b"Vi",
            b"Viaa",
            b"\xff\xfe",
            b"Call\rID",
            b"\x16ia",
        ] {
            assert_eq!(Name::of(text), Name::Other);
        }
    }
}
