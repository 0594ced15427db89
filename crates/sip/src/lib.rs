//! SIP for STIR: a zero-copy parser, edits that leave untouched bytes untouched, transactions and a proxy.
//!
//! The floors, from the ground up; a room uses only rooms above it in this list:
//!
//! - bytes: [`grammar`], [`name`], [`defect`], [`message`]
//! - meaning: [`uri`], [`header`], [`inspect`]
//! - writing: [`patch`], [`response`], [`stream`]
//! - STIR: [`identity_header`], [`sdp`], [`call_info`], [`resource_priority`], [`reason`], [`call`], [`verstat`], [`caller_name`], [`query`], [`privacy`]
//! - behaviour: [`own_call_id`], [`transaction`], [`flow`], [`location`], [`trunk`], [`probe`], [`retarget`], `hop_by_hop` (ACK and CANCEL of our own), `record_route`, `proxy` (the copy that is sent on),
//!   [`annotation`] (the request that is handed back), `redirect` (the answer that is sent back), `b2bua` (what
//!   crosses from one dialog to the other), [`inquiry`] (who would answer, asked and told without ringing), [`element`]
//!
//! Everything is sans-IO: bytes and `now` in, bytes and steps out. Nothing here opens a socket, reads a clock or sleeps.

#![forbid(unsafe_code)]

pub mod grammar;
pub mod name;
pub mod defect;
pub mod message;
pub mod uri;
pub mod header;
pub mod inspect;
pub mod patch;
pub mod response;
pub mod stream;
pub mod identity_header;
pub mod sdp;
pub mod call_info;
pub mod resource_priority;
pub mod reason;
pub mod call;
pub mod verstat;
pub mod caller_name;
pub mod query;
pub mod privacy;
pub mod own_call_id;
pub mod transaction;
pub mod flow;
pub mod location;
pub mod trunk;
pub mod probe;
pub mod retarget;
mod hop_by_hop;
mod record_route;
mod proxy;
pub mod annotation;
mod redirect;
mod b2bua;
pub mod inquiry;
pub mod element;
