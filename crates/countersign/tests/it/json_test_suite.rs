//! The public JSON parsing suite, all 318 files, through the strict reader.
//!
//! ```text
//!   y_*.json  must be read     ──┐
//!   n_*.json  must be refused  ──┼──►  json::parse  ──►  as the table says, or this test fails
//!   i_*.json  up to us         ──┘
//! ```
//!
//! This test verifies that the reader does with every file what the suite asks, except where we are stricter on purpose, and
//! that what is up to us stays decided: an unexpected success fails as much as an unexpected refusal.

use crate::vectors::path;
use countersign::jose::json::{JsonCause, parse};
use std::collections::BTreeMap;

/// Files that the suite wants read and we refuse.
const REFUSED_ON_PURPOSE: [(&str, JsonCause); 2] = [
    ("y_object_duplicated_key.json", JsonCause::DuplicateMember),
    (
        "y_object_duplicated_key_and_value.json",
        JsonCause::DuplicateMember,
    ),
];

/// Files that the suite leaves to us: read, or refused with this cause.
const UP_TO_US: [(&str, Option<JsonCause>); 35] = [
    // Numbers are kept as they are written, so none is too large.
    ("i_number_double_huge_neg_exp.json", None),
    ("i_number_huge_exp.json", None),
    ("i_number_neg_int_huge_exp.json", None),
    ("i_number_pos_double_huge_exp.json", None),
    ("i_number_real_neg_overflow.json", None),
    ("i_number_real_pos_overflow.json", None),
    ("i_number_real_underflow.json", None),
    ("i_number_too_big_neg_int.json", None),
    ("i_number_too_big_pos_int.json", None),
    ("i_number_very_big_negative_int.json", None),
    // Half a surrogate pair is no character.
    (
        "i_object_key_lone_2nd_surrogate.json",
        Some(JsonCause::Surrogate),
    ),
    (
        "i_string_1st_surrogate_but_2nd_missing.json",
        Some(JsonCause::Surrogate),
    ),
    (
        "i_string_1st_valid_surrogate_2nd_invalid.json",
        Some(JsonCause::Surrogate),
    ),
    (
        "i_string_incomplete_surrogate_and_escape_valid.json",
        Some(JsonCause::Surrogate),
    ),
    (
        "i_string_incomplete_surrogate_pair.json",
        Some(JsonCause::Surrogate),
    ),
    (
        "i_string_incomplete_surrogates_escape_valid.json",
        Some(JsonCause::Surrogate),
    ),
    (
        "i_string_invalid_lonely_surrogate.json",
        Some(JsonCause::Surrogate),
    ),
    (
        "i_string_invalid_surrogate.json",
        Some(JsonCause::Surrogate),
    ),
    (
        "i_string_inverted_surrogates_U+1D11E.json",
        Some(JsonCause::Surrogate),
    ),
    (
        "i_string_lone_second_surrogate.json",
        Some(JsonCause::Surrogate),
    ),
    // Only UTF-8, and only well formed.
    ("i_string_UTF-16LE_with_BOM.json", Some(JsonCause::Utf8)),
    (
        "i_string_UTF-8_invalid_sequence.json",
        Some(JsonCause::Utf8),
    ),
    ("i_string_UTF8_surrogate_U+D800.json", Some(JsonCause::Utf8)),
    ("i_string_invalid_utf-8.json", Some(JsonCause::Utf8)),
    ("i_string_iso_latin_1.json", Some(JsonCause::Utf8)),
    (
        "i_string_lone_utf8_continuation_byte.json",
        Some(JsonCause::Utf8),
    ),
    ("i_string_not_in_unicode_range.json", Some(JsonCause::Utf8)),
    (
        "i_string_overlong_sequence_2_bytes.json",
        Some(JsonCause::Utf8),
    ),
    (
        "i_string_overlong_sequence_6_bytes.json",
        Some(JsonCause::Utf8),
    ),
    (
        "i_string_overlong_sequence_6_bytes_null.json",
        Some(JsonCause::Utf8),
    ),
    ("i_string_truncated-utf-8.json", Some(JsonCause::Utf8)),
    ("i_string_utf16BE_no_BOM.json", Some(JsonCause::Utf8)),
    ("i_string_utf16LE_no_BOM.json", Some(JsonCause::Utf8)),
    ("i_structure_500_nested_arrays.json", Some(JsonCause::Depth)),
    // RFC 8259 §8.1 lets a reader ignore a byte order mark; nothing signed has one.
    (
        "i_structure_UTF-8_BOM_empty_object.json",
        Some(JsonCause::Unexpected),
    ),
];

#[test]
fn every_file_meets_its_verdict() {
    let up_to_us = BTreeMap::from(UP_TO_US);
    let refused_on_purpose = BTreeMap::from(REFUSED_ON_PURPOSE);
    let mut seen = BTreeMap::<char, usize>::new();
    let mut surprises = Vec::new();
    for entry in std::fs::read_dir(path("json/test_parsing")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let kind = name.chars().next().unwrap();
        *seen.entry(kind).or_default() += 1;
        let bytes = std::fs::read(entry.path()).unwrap();
        let verdict = parse(&bytes).err().map(|error| error.cause);
        let as_expected = match kind {
            'y' => verdict == refused_on_purpose.get(name.as_str()).copied(),
            'n' => verdict.is_some(),
            _ => Some(&verdict) == up_to_us.get(name.as_str()),
        };
        if !as_expected {
            surprises.push((name, verdict));
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert_eq!(
        seen,
        BTreeMap::from([('i', 35), ('n', 188), ('y', 95)]),
        "the suite is complete"
    );
}
