//! Proof: what the tests of every crate share. Never published, never part of the product.
//!
//! The project as a whole is tested from here too (`tests/it`): the house rules over the source text.

#![forbid(unsafe_code)]
