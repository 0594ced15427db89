//! The token of [RFC 8816 §9](https://www.rfc-editor.org/rfc/rfc8816#section-9): its `iat` is a string, and no key is printed.

use crate::vectors::rfc_token;
use countersign::passport::{IatForm, PassportError, SignedPassport};

#[test]
fn the_iat_of_section_9_is_a_string() {
    let token = rfc_token("rfc8816-9").token;
    assert_eq!(
        SignedPassport::parse(&token),
        Err(PassportError::IatNotInteger)
    );
    let lenient = SignedPassport::parse_with(&token, IatForm::IntegerOrString).unwrap();
    assert_eq!(lenient.claims().orig.to_string(), "11115551111");
    assert_eq!(lenient.claims().iat.as_secs(), 1_583_251_810);
}
