//! Fuzz target `token_uri`: see `crates/server/tests/it/any_bytes.rs`.

#![no_main]

#[path = "../../crates/server/tests/it/any_bytes.rs"]
#[expect(dead_code, reason = "each target drives one of them")]
mod any_bytes;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| any_bytes::token_uri(bytes));
