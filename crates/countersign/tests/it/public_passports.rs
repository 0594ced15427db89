//! Tokens from other people's documents and test suites, good and bad.
//!
//! ```text
//!   25 published tokens  ──►  SignedPassport::parse  ──►  the first defect, by name, or none
//!        8 of them with a key  ──►  signature over the bytes as published  ──►  verifies
//! ```
//!
//! This test verifies that each token meets the verdict in the table, that the defect we name is one that was found
//! independently of us, and that a token in which nothing was found is taken.

use crate::vectors::{Published, published};
use countersign::jose::json::{JsonCause, JsonError};
use countersign::passport::{Claim, HeaderName, IatForm, Part, PassportError, SignedPassport};

type Verdict = Result<(), PassportError>;

/// Per token: what we say, and the words of the independent finding that it must agree with.
fn verdicts() -> Vec<(&'static str, Verdict, &'static str)> {
    use PassportError::*;
    vec![
        ("P001", Err(OrigIdInvalid), "origid not UUID"),
        ("P003", Err(OrigIdInvalid), "origid not UUID"),
        ("P005", Err(SignatureLength(18)), "signature 18 bytes"),
        ("P055", Err(HeaderMissing(HeaderName::Typ)), "typ=None"),
        ("P056", Ok(()), ""),
        ("P058", Err(ClaimMissing(Claim::Dest)), "dest is NoneType"),
        ("P062", Err(OrigIdInvalid), "origid not UUID"),
        // Its div claim has the number with a plus sign.
        ("P063", Err(TnNotCanonical(Claim::Div)), ""),
        // Its payload is empty.
        (
            "P064",
            Err(Json(
                Part::Payload,
                JsonError {
                    cause: JsonCause::End,
                    offset: 0,
                },
            )),
            "payload not a JSON object",
        ),
        ("P067", Err(OrigIdInvalid), "origid not UUID"),
        (
            "P068",
            Err(TnNotCanonical(Claim::Orig)),
            "orig.tn not canonical",
        ),
        ("P069", Ok(()), ""),
        ("P070", Ok(()), ""),
        (
            "P071",
            Err(TnNotCanonical(Claim::Orig)),
            "orig.tn not canonical",
        ),
        ("P072", Err(OrigIdInvalid), "origid not UUID"),
        ("P075", Err(OrigIdInvalid), "origid not UUID"),
        ("P079", Err(ClaimMissing(Claim::OrigId)), "no origid"),
        (
            "P080",
            Err(TnNotCanonical(Claim::Orig)),
            "orig.tn not canonical",
        ),
        (
            "P082",
            Err(TnNotCanonical(Claim::Orig)),
            "orig.tn not canonical",
        ),
        // The extension comes first: what is wrong with the rest of a token that we do not support is not looked at.
        ("P084", Err(UnsupportedPpt("shakec".into())), ""),
        ("P085", Err(HeaderShape(HeaderName::Alg)), "alg=['ES265']"),
        ("P087", Err(ClaimMissing(Claim::Iat)), "no iat"),
        ("P090", Err(OrigIdInvalid), "origid not UUID"),
        ("P091", Err(IatNotInteger), "iat is str"),
        // Cut off in its source: 47 characters, whose last one has bits that no encoder sets.
        ("P092", Err(Base64(Part::Signature)), "signature 35 bytes"),
    ]
}

#[test]
fn every_token_meets_its_verdict() {
    let tokens = published("passports/public.jsonl");
    let verdicts = verdicts();
    assert_eq!(tokens.len(), verdicts.len());
    for (
        Published {
            id,
            token,
            problems,
            ..
        },
        (name, verdict, finding),
    ) in tokens.iter().zip(verdicts)
    {
        assert_eq!(id, name);
        assert_eq!(SignedPassport::parse(token).map(|_| ()), verdict, "{id}");
        let found = problems.iter().any(|problem| problem.contains(finding));
        assert!(
            found || finding.is_empty(),
            "{id}: {problems:?} has no {finding:?}"
        );
        assert_eq!(verdict.is_ok(), problems.is_empty(), "{id}: {problems:?}");
    }
}

#[test]
fn every_signature_with_a_known_key_verifies() {
    let with_key = published("passports/public.jsonl")
        .into_iter()
        .filter(|one| one.key.is_some());
    let mut verified = Vec::new();
    for one in with_key {
        assert_eq!(one.verify(), Ok(()), "{}", one.id);
        verified.push(one.id);
    }
    assert_eq!(
        verified,
        [
            "P003", "P067", "P069", "P070", "P071", "P072", "P080", "P091"
        ]
    );
}

#[test]
fn leniency_is_for_the_string_iat_alone() {
    for one in published("passports/public.jsonl") {
        let strict = SignedPassport::parse(&one.token);
        let lenient = SignedPassport::parse_with(&one.token, IatForm::IntegerOrString);
        if one.id == "P091" {
            assert!(strict.is_err() && lenient.is_ok());
        } else {
            assert_eq!(strict, lenient, "{}", one.id);
        }
    }
}
