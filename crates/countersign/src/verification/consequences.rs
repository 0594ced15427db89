//! What follows from a verification beyond its verdict: what may be shown of the caller, which priority is honoured, and what is
//! said to those who signed badly. Most calls have none of it.

use super::fault::Code;
use crate::number::TelephoneNumber;
use crate::priority::ResourceValue;

/// What follows from a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consequences {
    /// What may be shown of the caller, because it was proven.
    pub caller: Option<Box<ProvenCaller>>,
    /// The values of Resource-Priority that were asked for and may be honoured, in the order of the request.
    pub honoured: Vec<ResourceValue>,
    /// Whether the call is a proven call-back of an emergency answering point.
    pub callback: Callback,
    /// Whether a PASSporT about priority was judged, so that what is not honoured is refused and not merely unsigned.
    pub priority: SignedPriority,
    /// One for each Identity header that has an error.
    pub complaints: Vec<Complaint>,
}

/// Rich call data that was proven: signed by who may, and whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProvenCaller {
    /// The name to show; empty if the signer says that there is none.
    pub name: Option<Box<str>>,
    /// The number to show instead.
    pub alternate: Option<TelephoneNumber>,
    /// A picture.
    pub icon: Option<Reference>,
    /// A jCard: where it is, or the card itself.
    pub card: Option<ProvenCard>,
    /// Why they call.
    pub reason: Option<Box<str>>,
}

/// A URL, and the digest of what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The URL.
    pub url: Box<str>,
    /// The digest, as the token has it; `None` if it has none, as for a `data:` URL.
    pub integrity: Option<Box<str>>,
}

/// A jCard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProvenCard {
    /// Somewhere.
    At(Reference),
    /// In the token; JSON.
    Inline(Box<str>),
}

/// Whether a call is a call-back of an emergency answering point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Callback {
    /// Nothing proves it.
    #[default]
    NotProven,
    /// It is, and may be treated so.
    Proven,
}

/// Whether somebody signed for the priority of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignedPriority {
    /// Somebody did, and it was judged, whatever came of it.
    Judged,
    /// Nobody did, or what they signed could not be judged.
    #[default]
    None,
}

/// What is said about one Identity header with an error: [RFC 9410 §3](https://www.rfc-editor.org/rfc/rfc9410#section-3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong.
    pub code: Code,
    /// Its PASSporT in compact form, `..` and the signature; `None` if it has no signature to name it by.
    pub ppi: Option<Box<str>>,
}
