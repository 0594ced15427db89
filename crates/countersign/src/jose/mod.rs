//! JSON, base64url and JWS, strictly: the one room for everything that is signed as text.
//!
//! PASSporTs, authority tokens, trust lists and ACME requests are all JSON inside base64url inside a JWS. Two readers that
//! disagree about such a thing are an attack, so there is one reader here, and it refuses whatever another could read
//! otherwise: duplicate member names, padding, stray bits, broken Unicode.
//!
//! - [`json`]: the strict reader, and the deterministic writer of [RFC 8225 §9](https://www.rfc-editor.org/rfc/rfc8225#section-9)
//! - [`mod@pointer`]: places in a JSON value, RFC 6901
//! - [`base64url`]: the unpadded URL-safe alphabet
//! - [`jws`]: the compact serialization, ES256 only
//! - [`flattened`]: the flattened JSON serialization, as ACME has it
//! - [`jwk`]: public keys as JSON, and their thumbprints
//!
//! What a header or a claim means is not known here; see [`crate::passport`].

pub mod base64url;
pub mod json;
pub mod pointer;
pub mod jws;
pub mod flattened;
pub mod jwk;
