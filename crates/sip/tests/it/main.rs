//! Tests of the SIP crate as its users see it: one binary, one module a behaviour.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod answers;
mod any_bytes;
mod b2bua;
mod bad_dialogs;
mod bad_network;
mod connected_identity;
mod connected_stories;
mod inquiries;
mod proxy;
mod rfc4475;
mod rfc5118;
mod stories;
mod streams;
mod torture;
mod transactions;
mod untouched_bytes;
