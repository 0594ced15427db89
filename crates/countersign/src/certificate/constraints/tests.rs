//! Constraints read, written, and held against claims.

use super::*;
use crate::jose::json::parse_str;
use proptest::prelude::*;

/// RFC 9118 Figure 2: the extension of the certificate of Figure 1.
const FIGURE_2: &str = "3040a00e300c160a636f6e666964656e6365a120301e301c160a636f6e666964656e6365300e0c04686967680c066d656469756da20c300a1608\
    7072696f72697479";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|one| !one.is_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect()
}

fn names(all: &[&str]) -> Box<[Box<str>]> {
    all.iter().map(|name| Box::from(*name)).collect()
}

fn permitted(claim: &str, values: &[&str]) -> PermittedValues {
    PermittedValues {
        claim: claim.into(),
        values: names(values),
    }
}

fn enhanced(list: ConstraintList) -> ClaimConstraints {
    ClaimConstraints {
        plain: None,
        enhanced: Some(list),
    }
}

fn judge(constraints: &ClaimConstraints, payload: &str) -> Result<(), Violation> {
    let payload = parse_str(payload).unwrap();
    constraints.judge(payload.value.as_object().unwrap())
}

fn missing(claim: &str) -> Result<(), Violation> {
    Err(Violation::Missing {
        claim: claim.into(),
    })
}

fn excluded(claim: &str) -> Result<(), Violation> {
    Err(Violation::Excluded {
        claim: claim.into(),
    })
}

fn not_permitted(claim: &str) -> Result<(), Violation> {
    Err(Violation::NotPermitted {
        claim: claim.into(),
    })
}

#[test]
fn rfc_9118_figure_2_reads_and_is_written_again() {
    let list = ConstraintList::from_der(&bytes(FIGURE_2)).unwrap();
    assert_eq!(
        list,
        ConstraintList {
            must_include: names(&["confidence"]),
            permitted_values: [permitted("confidence", &["high", "medium"])].into(),
            must_exclude: names(&["priority"]),
        }
    );
    assert_eq!(list.to_der(), bytes(FIGURE_2));
    assert_eq!(
        ConstraintList::plain_from_der(&bytes(FIGURE_2)),
        Err(MalformedConstraints),
        "RFC 8226 knows no mustExclude"
    );
}

#[test]
fn digest04_case15_the_constraints_of_rfc_9118() {
    let constraints = enhanced(ConstraintList::from_der(&bytes(FIGURE_2)).unwrap());
    for (payload, outcome) in [
        (r#"{"confidence":"high"}"#, Ok(())),
        (r#"{"confidence":"low"}"#, not_permitted("confidence")),
        (r#"{"iat":1443208345}"#, missing("confidence")),
        (
            r#"{"confidence":"high","priority":1}"#,
            excluded("priority"),
        ),
    ] {
        assert_eq!(judge(&constraints, payload), outcome, "{payload}");
    }
}

#[test]
fn digest04_case16_who_excludes_what_every_passport_has_constrains_nothing() {
    for baseline in BASELINE_CLAIMS {
        let list = ConstraintList {
            must_include: names(&["attest"]),
            permitted_values: [permitted("attest", &["A"])].into(),
            must_exclude: names(&["rcd", baseline]),
        };
        assert!(list.is_void());
        let constraints = enhanced(list);
        assert_eq!(judge(&constraints, r#"{"attest":"C","rcd":{}}"#), Ok(()));
        assert_eq!(judge(&constraints, "{}"), Ok(()));
    }
}

#[test]
fn digest04_case17_both_extensions_are_applied() {
    let both = ClaimConstraints {
        plain: Some(ConstraintList {
            must_include: names(&["attest"]),
            ..ConstraintList::default()
        }),
        enhanced: Some(ConstraintList {
            must_exclude: names(&["rcd"]),
            ..ConstraintList::default()
        }),
    };
    assert_eq!(judge(&both, r#"{"attest":"A"}"#), Ok(()));
    assert_eq!(judge(&both, "{}"), missing("attest"));
    assert_eq!(judge(&both, r#"{"attest":"A","rcd":{}}"#), excluded("rcd"));
}

/// RFC 9118 §4: absence is fine unless the claim must be included.
#[test]
fn a_claim_that_is_not_there_has_no_forbidden_value() {
    let constraints = enhanced(ConstraintList {
        permitted_values: [permitted("attest", &["A", "B"])].into(),
        ..ConstraintList::default()
    });
    assert_eq!(judge(&constraints, "{}"), Ok(()));
    assert_eq!(judge(&constraints, r#"{"attest":"B"}"#), Ok(()));
    assert_eq!(
        judge(&constraints, r#"{"attest":"b"}"#),
        not_permitted("attest")
    );
}

#[test]
fn what_is_no_string_is_compared_as_rfc_8225_writes_it() {
    let value = r#"{"auth":["ets.0"],"n":7}"#;
    let constraints = enhanced(ConstraintList {
        permitted_values: [
            permitted("rph", &[value]),
            permitted("iat", &["1443208345"]),
        ]
        .into(),
        ..ConstraintList::default()
    });
    let good = r#"{"iat":1443208345,"rph":{"n":7, "auth":[ "ets.0" ]}}"#;
    assert_eq!(judge(&constraints, good), Ok(()));
    let other = r#"{"iat":1443208345,"rph":{"auth":["ets.1"],"n":7}}"#;
    assert_eq!(judge(&constraints, other), not_permitted("rph"));
    let text = r#"{"iat":"1443208345"}"#;
    assert_eq!(judge(&constraints, text), Ok(()), "a string says itself");
}

#[test]
fn every_cut_and_every_wrong_tag_is_refused() {
    let whole = bytes(FIGURE_2);
    for end in 0..whole.len() {
        assert!(ConstraintList::from_der(&whole[..end]).is_err(), "{end}");
    }
    assert!(ConstraintList::from_der(&[&whole[..], &[0]].concat()).is_err());
    for bad in [
        // Nothing in it; an empty list; an empty name list inside; a part twice; parts out of order; UTF8String for a name.
        "3000",
        "3002a000",
        "3004a0023000",
        "300ea0053003160161a0053003160162",
        "300ea2053003160161a0053003160162",
        "3007a00530030c0161",
        "3007a0053003160180",
    ] {
        assert!(ConstraintList::from_der(&bytes(bad)).is_err(), "{bad}");
    }
    assert!(ConstraintList::from_der(&bytes("3007a0053003160161")).is_ok());
}

fn list() -> impl Strategy<Value = ConstraintList> {
    let name = prop_oneof![Just("attest"), Just("iat"), Just("rcd"), Just("x")];
    let name = name.prop_map(Box::<str>::from);
    let some = proptest::collection::vec(name.clone(), 0..3).prop_map(Vec::into_boxed_slice);
    let value = prop_oneof![Just("A"), Just("B"), Just("7")].prop_map(Box::<str>::from);
    let values = proptest::collection::vec(value, 1..3).prop_map(Vec::into_boxed_slice);
    let pair = (name, values).prop_map(|(claim, values)| PermittedValues { claim, values });
    let pairs = proptest::collection::vec(pair, 0..3).prop_map(Vec::into_boxed_slice);
    let lists = (some.clone(), pairs, some);
    let lists = lists.prop_map(
        |(must_include, permitted_values, must_exclude)| ConstraintList {
            must_include,
            permitted_values,
            must_exclude,
        },
    );
    lists.prop_filter("one part at least", |list| {
        *list != ConstraintList::default()
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(list in list()) {
        prop_assert_eq!(ConstraintList::from_der(&list.to_der()), Ok(list));
    }

    #[test]
    fn any_bytes_end(der in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(list) = ConstraintList::from_der(&der) {
            prop_assert_eq!(list.to_der(), der, "DER has one form");
        }
    }

    /// A naive reading of RFC 9118 §3, claim by claim.
    #[test]
    fn judged_as_a_naive_reader_would(
        list in list(),
        claims in proptest::collection::btree_map(prop_oneof!["attest", "iat", "rcd", "x", "y"], prop_oneof!["A", "B", "7"], 0..4),
    ) {
        let members: Vec<_> = claims.iter().map(|(name, value)| match value.as_str() {
            "7" => format!("{name:?}:7"),
            text => format!("{name:?}:{text:?}"),
        }).collect();
        let payload = format!("{{{}}}", members.join(","));
        let void = list.must_exclude.iter().any(|name| &**name == "iat");
        let has = |name: &str| claims.contains_key(name);
        let good = void || (list.must_include.iter().all(|name| has(name))
            && !list.must_exclude.iter().any(|name| has(name))
            && list.permitted_values.iter().all(|one| claims.get(&*one.claim).is_none_or(|value| one.values.iter().any(|other| **other == **value))));
        prop_assert_eq!(judge(&enhanced(list), &payload).is_ok(), good, "{}", payload);
    }
}
