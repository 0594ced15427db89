//! Fuzz target `sip_message`: see `countersign_testkit::fuzz_entry`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign_testkit::fuzz_entry::run(
    "sip_message",
    bytes
));
