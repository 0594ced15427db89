//! What the signalling claims about a call, from whichever door it came.
//!
//! A [`Call`] is what both services judge a PASSporT against. The SIP crate fills one from a request, the HTTP door from JSON,
//! the CLI from flags. It holds claims, not truths: nothing in it is believed because it is here.

use crate::identity::Identity;
use crate::media_keys::MediaKeys;
use crate::priority::RequestedPriority;
use crate::time::UnixTime;

/// A call as the signalling tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The calling identity; `None` if the request names no usable one (anonymous, malformed).
    pub orig: Option<Identity>,
    /// Where [`Call::orig`] was read.
    pub orig_from: OrigSource,
    /// The called identities, in the order they are tried, each with where it was read.
    pub dest: Vec<(Identity, DestSource)>,
    /// The `Date` header.
    pub date: DateHeader,
    /// What the request would show of the caller beside the number.
    pub presentation: Presentation,
    /// Which priority it asks for.
    pub priority: RequestedPriority,
    /// The media keys that its SDP tells; `None` if it has none, and at doors without SDP (HTTP, CLI).
    // In a box: the usual call has none.
    pub media_keys: Option<Box<MediaKeys>>,
    /// What makes this transaction different from a replay of it; `None` at doors that have none (HTTP, CLI).
    pub reference: Option<CallReference>,
}

impl Call {
    /// Whether its SDP was looked at, should it have one: not at doors where somebody says who calls (HTTP, CLI).
    pub fn shows_media(&self) -> bool {
        self.orig_from != OrigSource::Given
    }
}

/// What a request would show of the caller beside the number: claims of the signalling, from the header that spoke for the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presentation {
    /// The display name, without quotes and escapes.
    pub name: Option<Box<str>>,
    /// Why they call: `call-reason` of Call-Info ([RFC 9796 §6](https://www.rfc-editor.org/rfc/rfc9796#section-6)).
    pub reason: Option<Box<str>>,
    /// The jCard in the request itself, as JSON; `None` if there is none, or several: [RFC 9796 §5](https://www.rfc-editor.org/rfc/rfc9796#section-5).
    pub card: Option<Box<str>>,
}

/// The header that spoke for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrigSource {
    /// The `From` header.
    From,
    /// The operator or an API request said so.
    Given,
    /// The `P-Asserted-Identity` header (RFC 3325), from a trunk whose assertions are trusted.
    PAssertedIdentity,
}

/// The part of the request that named the called party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestSource {
    /// The operator or an API request said so.
    Given,
    /// The Request-URI.
    RequestUri,
    /// The `To` header.
    To,
}

/// What became of the `Date` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateHeader {
    /// There is none.
    Absent,
    /// The time it tells.
    At(UnixTime),
    /// There is one, but it tells no time (not GMT, no such day, two of them).
    Unusable,
}

/// What tells one call attempt from another: RFC 3261 §8.1.1.4 makes the Call-ID unique, §19.3 the tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallReference {
    /// The `Call-ID`, byte for byte.
    pub call_id: Box<[u8]>,
    /// The tag of `From`, byte for byte; empty if there is none.
    pub from_tag: Box<[u8]>,
    /// The `CSeq` of a request inside a dialog, byte for byte: each of them is signed for itself. `None` of what begins a call.
    pub within: Option<Box<[u8]>>,
}
