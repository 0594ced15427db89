//! Fuzz target `journal_record`: see `countersign_testkit::fuzz_entry`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign_testkit::fuzz_entry::run(
    "journal_record",
    bytes
));
