//! The compact forms in the `ppi` parameters of [RFC 9410](https://www.rfc-editor.org/rfc/rfc9410); its full form is the token of
//! RFC 8225 §7.1 (`rfc8225.rs`).

use countersign::passport::{CompactPassport, Part, PassportError};

/// §5: three bytes of the signature got lost in print.
#[test]
fn the_compact_form_of_section_5_is_three_bytes_short() {
    let printed =
        "..rq3pjT1akEGjHCnWSwUnshd0-zJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsojNCpTzO3QfPOlckGaS6hEck7w";
    assert_eq!(
        CompactPassport::parse(printed),
        Err(PassportError::SignatureLength(61))
    );
}

/// §6: the second is the first with its characters in another order, and ends in one that has bits no encoder sets.
#[test]
fn of_the_compact_forms_of_section_6_one_is_base64url() {
    let first =
        "..rq3pjT1hoRwakEGjHCnWSwUnshd0-zJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsojNCpTzO3QfPOlckGaS6hEck7w";
    assert!(CompactPassport::parse(first).is_ok());
    let second =
        "..rJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsq3pjT1hoRwakEGjHCnWSwUnshd0-zckGaS6hEck7wojNCpTzO3QfPOl";
    assert_eq!(
        CompactPassport::parse(second),
        Err(PassportError::Base64(Part::Signature))
    );
}
