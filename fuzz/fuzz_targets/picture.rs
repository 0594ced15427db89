//! Fuzz target `picture`: see `crates/server/tests/it/any_bytes.rs`.

#![no_main]

#[path = "../../crates/server/tests/it/any_bytes.rs"]
mod any_bytes;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| any_bytes::picture(bytes));
