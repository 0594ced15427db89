//! The roof: sockets, TLS, files, clocks and the command line around the crates that have none of them.
//!
//! The floors, from the ground up; a room uses only rooms above it in this list:
//!
//! - [`clock`], [`metrics`], [`log`], [`files`]; `hosts`: which addresses are one host; `buckets`: how often each may do something
//! - [`keys`]: private keys in files and in PKCS#11 modules
//! - [`hep`]: copies of SIP messages for a collector
//! - [`tls`]: who we are, whom we believe, and which names a peer has proven
//! - [`dns`]: SRV records and addresses of next hops
//! - [`fetch`]: certificate chains from their repositories
//! - [`enrolling`]: certificates from an authority, ordered and waited for
//! - [`brands`]: what tenants say of their callers, with digests that are kept up
//! - [`trust`]: anchors and revocation lists, kept up while calls run
//! - [`store`]: where journals are kept
//! - [`authority`]: the certification authority at work: decide, keep, sign
//! - [`prewarm`]: the chains of known signers, before a call needs them
//! - [`staples`]: the word of responders that is sent along with what we sign
//! - [`supporters`]: who has proved before that they answer
//! - [`routes`]: from next hops as configured to those that are found
//! - [`config`]: what the operator wants, read and checked as a whole
//! - [`office`]: the certification authority as it is configured, for the command line and as a service
//! - [`reload`]: asking for another configuration, and what came of it
//! - [`upkeep`]: certificates of our own, renewed before they end
//! - [`sip`]: sockets, shards and services around the proxy
//! - [`http`]: the public, trunk and admin listeners
//! - [`run`]: a configuration made to run
//! - [`lab`]: what `countersign up` makes and plays with
//! - [`cli`]: the command line

#![forbid(unsafe_code)]

pub mod clock;
pub mod metrics;
pub mod log;
pub mod files;
mod hosts;
mod buckets;
pub mod keys;
pub mod supervisor;
pub mod handover;
pub mod hep;
pub mod tls;
pub mod dns;
pub mod fetch;
pub mod enrolling;
pub mod brands;
pub mod trust;
pub mod store;
pub mod authority;
pub mod prewarm;
pub mod staples;
pub mod supporters;
pub mod routes;
pub mod config;
pub mod office;
pub mod reload;
pub mod upkeep;
pub mod sip;
pub mod http;
pub mod run;
pub mod lab;
pub mod cli;
