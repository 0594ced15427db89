//! Fuzz target `national_profile`: see `countersign_testkit::fuzz_entry`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign_testkit::fuzz_entry::run(
    "national_profile",
    bytes
));
