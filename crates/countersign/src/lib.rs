//! STIR for telephone calls: who is calling, signed by who may say so.
//!
//! The floors, from the ground up; a room uses only rooms above it in this list:
//!
//! - ground: [`time`], [`number`], [`identity`], [`priority`], [`media_keys`], [`call`], [`crypto`],
//!   [`jose`], [`jcard`]
//! - objects: [`passport`], [`certificate`], [`trust`], [`path`]
//! - judgement: [`authentication`], [`verification`]
//!
//! This crate opens no socket, reads no clock and touches no disk: bytes and `now` in, verdicts and needs out.

#![forbid(unsafe_code)]

pub mod time;
pub mod number;
pub mod identity;
pub mod priority;
pub mod media_keys;
pub mod call;
pub mod crypto;
pub mod jose;
pub mod jcard;
pub mod passport;
pub mod certificate;
pub mod trust;
pub mod path;
pub mod authentication;
pub mod verification;
