//! The tokens of [RFC 8946](https://www.rfc-editor.org/rfc/rfc8946), signed with the key of its Appendix A.
//!
//! The signatures are good; the claims are not: the diverted number has twelve digits where the original destination has
//! eleven, and the `dest` of the `div-o` token is not an array. So they are vectors for the signature only.

use crate::vectors::rfc_token;
use countersign::call::{Call, DateHeader, DestSource, OrigSource};
use countersign::crypto::{AwsLc, EcdsaP256Key};
use countersign::identity::{Dest, Identity};
use countersign::passport::{
    Claims, Div, Envelope, Extension, HeaderCache, IatForm, Passport, PassportError, Presented,
    SignedPassport,
};
use countersign::path::PathCache;
use countersign::time::{Now, Ticks, UnixTime};
use countersign::trust::Trust;
use countersign::verification::{
    Check, Fault, MemoryReplay, Outcome, Report, VerificationPolicy, VerificationService,
};
use std::sync::Arc;

#[test]
fn digest01_case23_the_signatures_of_sections_3_and_5_verify() {
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
    let div = Extension::Div(Box::new(Div::new(twelve_digits, None)));
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
    let headers = HeaderCache::new(X5U).unwrap();
    let passport = Passport::new(printed.claims().clone()).unwrap();
    let key = EcdsaP256Key::generate().unwrap();
    let signed = passport.sign(&headers, &key).unwrap();
    signed.signing_input().to_owned()
}

/// `{"dest":{"tn":"12155551214"},…}`: a string where RFC 8225 §5.2.1 has an array. The header can be read all the same.
#[test]
fn digest01_case23_the_div_o_token_of_section_5_has_a_dest_that_is_no_array() {
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

const X5U: &str = "https://www.example.com/cert.cer";

/// The call of §3: 12155551212 called 12155551213, and 12155551214 is asked for now. Its certificate was never published, so what
/// is told is all but what the certificate would tell.
fn report(tokens: [(&str, Option<&str>); 2]) -> Report {
    let number = |text: &str| Identity::Number(text.parse().unwrap());
    let call = Call {
        orig: Some(number("12155551212")),
        orig_from: OrigSource::From,
        dest: vec![
            (number("12155551213"), DestSource::To),
            (number("12155551214"), DestSource::RequestUri),
        ],
        date: DateHeader::Absent,
        presentation: Default::default(),
        priority: Default::default(),
        media_keys: None,
        reference: None,
    };
    let presented = tokens.map(|(token, ppt)| {
        Ok(Presented {
            info: Some(X5U.into()),
            ppt: ppt.map(Box::from),
            ..Presented::bare(token)
        })
    });
    let service = VerificationService::new(
        VerificationPolicy::default(),
        Arc::new(AwsLc),
        Arc::new(PathCache::new()),
        Arc::new(MemoryReplay::new(64)),
    );
    let now = Now {
        unix: UnixTime::from_secs(1_443_208_345),
        ticks: Ticks::from_millis(1_000),
    };
    let trust = Arc::new(Trust::new("test", 1, Vec::new()));
    service
        .begin(&call, presented.into(), &trust, now)
        .expire(now)
}

/// This test verifies that the printed tokens make no chain: who is diverted from has twelve digits, and nobody called has.
#[test]
fn digest01_case23_the_printed_tokens_make_no_chain() {
    let (original, div) = (
        rfc_token("rfc8946-5-opt").token,
        rfc_token("rfc8946-3").token,
    );
    let report = report([(&original, None), (&div, Some("div"))]);
    let [original, div] = &report.passports[..] else {
        panic!("{report:#?}");
    };
    let outcome = |check: Check| div.check(check).outcome;
    assert_eq!(
        outcome(Check::Chain),
        Outcome::Unavailable(Fault::ChainIncomplete)
    );
    assert_eq!(outcome(Check::Orig), Outcome::Passed);
    assert_eq!(outcome(Check::Dest), Outcome::Passed);
    assert_eq!(outcome(Check::Iat), Outcome::Passed);
    // To names whom it was made for; how the call came from there to where it is now nobody tells.
    assert_eq!(original.check(Check::Dest).outcome, Outcome::Passed);
    assert_eq!(
        original.check(Check::Chain).outcome,
        Outcome::Unavailable(Fault::ChainIncomplete)
    );
}

/// This test verifies that with eleven digits they do, as §4.2 has it, whichever header comes first.
#[test]
fn with_eleven_digits_they_make_one() {
    let original = SignedPassport::parse(&rfc_token("rfc8946-5-opt").token).unwrap();
    let claims = Claims {
        dest: Dest::one(Identity::Number("12155551214".parse().unwrap())),
        extension: Extension::Div(Box::new(Div::new(
            Identity::Number("12155551213".parse().unwrap()),
            None,
        ))),
        ..original.claims().clone()
    };
    let key = EcdsaP256Key::generate().unwrap();
    let headers = HeaderCache::new(X5U).unwrap();
    let div = Passport::new(claims).unwrap().sign(&headers, &key).unwrap();
    let (original, div) = ((original.token(), None), (div.token(), Some("div")));
    for (tokens, first, second) in [([original, div], 0, 1), ([div, original], 1, 0)] {
        let report = report(tokens);
        let (original, div) = (&report.passports[first], &report.passports[second]);
        assert_eq!(
            original.check(Check::Dest).detail().unwrap(),
            "diverted: 12155551213 to 12155551214"
        );
        assert_eq!(original.chain.as_deref().unwrap().referred_by, [second]);
        assert_eq!(div.chain.as_deref().unwrap().refers_to, [first]);
        assert!(
            report
                .passports
                .iter()
                .all(|one| { one.verdict.fault() == Some(Fault::DeadlineExpired) })
        );
    }
}
