//! A back-to-back user agent for signalling: what crosses from one dialog to the other.
//!
//! ```text
//!   caller ═══ near dialog ═══ us ═══ far dialog ═══ called
//!              its Call-ID,        our Call-ID and tag (or the same,
//!              our tag             [`crate::trunk::Names::Kept`])
//! ```
//!
//! Call-ID, tags, Via, Route, Record-Route and Contact are those of the dialog that a message is in; Max-Forwards counts down, so a
//! call that goes round comes to an end. Everything else crosses byte for byte: bodies, session timers (RFC 4028), RSeq and RAck
//! (RFC 3262), whatever is unknown. The numbers of CSeq are the same on both sides, so that RAck stays true: nothing of ours
//! comes between them but the BYE that ends a dialog, which takes the next number.
//!
//! - `way`: route set and remote target, RFC 3261 §12
//! - `call`: the state of one call, its dialogs on both sides
//! - `request`, `response`: what changes in them
//! - `session`: how long it lasts unless it is refreshed
//! - `own`: the requests that we make ourselves
//!
//! Not here: transactions, timers, next hops, signing and judging; [`crate::element`] has them for all modes.

mod way;
mod call;
mod edit;
mod session;
mod request;
mod response;
mod own;

pub(crate) use call::{
    Call, Dialog, End, Guard, MAX_FORKS, Partners, Peer, Progress, Side, is_too_large,
};
pub(crate) use edit::OurContact;
pub(crate) use own::{Own, OwnMethod};
pub(crate) use request::{Leg, first, inside};
pub(crate) use response::{Answered, crossed};
pub(crate) use session::session_interval;
pub(crate) use way::Way;

#[cfg(test)]
mod tests;
