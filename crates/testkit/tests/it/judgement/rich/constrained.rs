//! Certificates that say which rich call data may be signed: [RFC 9795 §6.2](https://www.rfc-editor.org/rfc/rfc9795#section-6.2),
//! §6.3 and §7.1.

use super::super::claim_constraints::{Stands, names, scene};
use super::*;
use countersign::certificate::constraints::{ConstraintList, PermittedValues};
use countersign::verification::{Fault, Verdict};

const NAME: &str = r#"{"nam":"Q Branch Spy Gadgets"}"#;

fn permitted(claim: &str, values: &[&str]) -> PermittedValues {
    PermittedValues {
        claim: claim.into(),
        values: names(values),
    }
}

/// `rcdi` of the name.
fn digests(of: &str) -> String {
    format!(r#"{{"/nam":"{}"}}"#, json_digest(of))
}

fn outcome(list: &ConstraintList, claims: &str) -> (Verdict, bool) {
    let scene = scene(Stands::InTheEndEntity, list);
    let report = verify(&scene, &shaken_and(claims));
    (report.verdict, shown(&report).is_some())
}

const VIOLATED: (Verdict, bool) = (Verdict::Failed(Fault::ConstraintsViolated), false);

/// RFC 9795 §6.3: "a "mustInclude" for the "rcdi" claim and a "permittedValues" equal to the created "rcdi" claim value string."
#[test]
fn digest10_case04_other_digests_than_those_permitted_make_no_claim_usable() {
    let (ours, others) = (digests(r#""Q Branch Spy Gadgets""#), digests(r#""x""#));
    let list = ConstraintList {
        must_include: names(&["rcd", "rcdi"]),
        permitted_values: [permitted("rcdi", &[&others, &ours])].into(),
        ..ConstraintList::default()
    };
    let with = |rcdi: &str| outcome(&list, &format!(r#""crn":"x","rcd":{NAME},"rcdi":{rcdi}"#));
    assert_eq!(with(&ours), (Verdict::Passed, true));
    assert_eq!(with(&digests(r#""y""#)), VIOLATED);
    // The digest decides, but so does its text: padding is another one.
    assert_eq!(with(&ours.replace("\"}", "=\"}")), VIOLATED);
    // White space is no difference.
    assert_eq!(with(&ours.replace(':', ": ")), (Verdict::Passed, true));
}

#[test]
fn digest10_case05_what_must_be_included_and_is_not() {
    let list = ConstraintList {
        must_include: names(&["rcd", "rcdi"]),
        ..ConstraintList::default()
    };
    let ours = digests(r#""Q Branch Spy Gadgets""#);
    let all = format!(r#""rcd":{NAME},"rcdi":{ours}"#);
    assert_eq!(outcome(&list, &all), (Verdict::Passed, true));
    assert_eq!(outcome(&list, &format!(r#""rcd":{NAME}"#)), VIOLATED);
    assert_eq!(outcome(&list, r#""crn":"x""#), VIOLATED);
}

/// RFC 9795 §6.2: "the construction a valid PASSporT that can either have no "rcd" claim within or only the set of constrained
/// "permittedValues" values".
#[test]
fn permitted_values_alone_leave_the_claim_to_the_signer() {
    let list = ConstraintList {
        permitted_values: [
            permitted("rcd", &[NAME, r#"{"nam":"x"}"#]),
            permitted("crn", &["Rendezvous"]),
        ]
        .into(),
        ..ConstraintList::default()
    };
    let without = scene(Stands::InTheEndEntity, &list);
    assert_eq!(verify(&without, &Forgery::new()).verdict, Verdict::Passed);
    assert_eq!(
        outcome(&list, &format!(r#""rcd":{NAME}"#)),
        (Verdict::Passed, true)
    );
    assert_eq!(outcome(&list, r#""rcd":{"nam":"y"}"#), VIOLATED);
    assert_eq!(
        outcome(&list, r#""crn":"Rendezvous""#),
        (Verdict::Passed, true)
    );
    assert_eq!(outcome(&list, r#""crn":"Rendezvous?""#), VIOLATED);
}
