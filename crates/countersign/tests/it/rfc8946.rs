//! The tokens of [RFC 8946](https://www.rfc-editor.org/rfc/rfc8946), signed with the key of its Appendix A.
//!
//! The signatures are good; the claims are not: the diverted number has twelve digits where the original destination has
//! eleven, and the `dest` of the `div-o` token is not an array. So they are vectors for the signature only.

use crate::vectors::rfc_token;
use countersign::crypto::EcdsaP256Key;
use countersign::identity::Identity;
use countersign::passport::{
    Div, Envelope, Extension, HeaderCache, IatForm, Passport, PassportError, SignedPassport,
};

#[test]
fn the_signatures_of_sections_3_and_5_verify() {
    for id in ["rfc8946-3", "rfc8946-5", "rfc8946-5-opt"] {
        assert_eq!(rfc_token(id).verify(), Ok(()), "{id}");
    }
}

/// The token inside `opt` is an ordinary one.
#[test]
fn the_nested_token_is_a_good_base_passport() {
    let nested = SignedPassport::parse(&rfc_token("rfc8946-5-opt").token).unwrap();
    assert_eq!(nested.claims().extension, Extension::Base);
    assert_eq!(nested.claims().orig.to_string(), "12155551212");
    assert!(nested.is_canonical());
}

/// Its claims are read as printed, the number with twelve digits too.
#[test]
fn the_div_token_of_section_3_is_read() {
    let div = SignedPassport::parse(&rfc_token("rfc8946-3").token).unwrap();
    let Extension::Div(diverted) = &div.claims().extension else {
        panic!("{:?}", div.claims());
    };
    assert_eq!(diverted.from.to_string(), "121555551213");
    assert_eq!(diverted.history, None);
    assert!(div.is_canonical());
}

/// This test verifies that the token of §3 is read, and that these claims are signed by us as they are there, byte for byte.
#[test]
fn the_div_token_of_section_3_is_what_we_would_sign() {
    let printed = SignedPassport::parse(&rfc_token("rfc8946-3").token).unwrap();
    let twelve_digits = Identity::Number("121555551213".parse().unwrap());
    let div = Extension::Div(Div::new(twelve_digits, None));
    assert_eq!(printed.claims().extension, div);
    assert_eq!(signing_input(&printed), printed.signing_input());
}

/// This test verifies that the token inside `opt` is signed by us as it is there, byte for byte.
#[test]
fn the_nested_token_is_what_we_would_sign() {
    let printed = SignedPassport::parse(&rfc_token("rfc8946-5-opt").token).unwrap();
    assert_eq!(signing_input(&printed), printed.signing_input());
}

/// What we would sign for the claims of a token.
fn signing_input(printed: &SignedPassport) -> String {
    let headers = HeaderCache::new("https://www.example.com/cert.cer").unwrap();
    let passport = Passport::new(printed.claims().clone()).unwrap();
    let key = EcdsaP256Key::generate().unwrap();
    let signed = passport.sign(&headers, &key).unwrap();
    signed.signing_input().to_owned()
}

/// `{"dest":{"tn":"12155551214"},…}`: a string where RFC 8225 §5.2.1 has an array. The header can be read all the same.
#[test]
fn the_div_o_token_of_section_5_has_a_dest_that_is_no_array() {
    let token = rfc_token("rfc8946-5").token;
    let envelope = Envelope::parse(&token).unwrap();
    assert_eq!(envelope.header().ppt.as_deref(), Some("div-o"));
    let unopened = envelope.open(IatForm::Integer).unwrap_err();
    assert_eq!(unopened.error, PassportError::DestNotArray);
    assert_eq!(
        unopened.envelope.token(),
        token,
        "the envelope is given back"
    );
}
