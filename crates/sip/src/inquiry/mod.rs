//! Who would answer? A dialog without media, begun before a call and ended without ringing:
//! [RFC 9970 §8](https://www.rfc-editor.org/rfc/rfc9970#section-8) over the reliable provisional responses of
//! [RFC 3262](https://www.rfc-editor.org/rfc/rfc3262).
//!
//! ```text
//!   asker                                        responder
//!     │ INVITE  no SDP, Identity, Require: 100rel     │
//!     ├──────────────────────────────────────────────►│  judged; nobody's telephone rings
//!     │ 183  RSeq, an offer without media, rsp        │
//!     │◄──────────────────────────────────────────────┤
//!     │ PRACK  RAck, the answer                       │
//!     ├──────────────────────────────────────────────►│
//!     │ 200                                           │
//!     │◄──────────────────────────────────────────────┤
//!     │ CANCEL (200), 487, ACK                        │
//!     ├◄─────────────────────────────────────────────►┤
//! ```
//!
//! - [`asker`]: the side that wants to know
//! - [`responder`]: the side that knows
//! - [`session`]: descriptions of sessions without media
//! - [`reliable`]: RSeq, RAck, and what makes a provisional response a reliable one
//!
//! Not here: signing and judging; what is asked of next hops with OPTIONS ([`crate::probe`]).

pub mod reliable;
pub mod session;
pub mod asker;
pub mod responder;
