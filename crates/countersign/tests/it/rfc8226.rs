//! Claim constraints of [RFC 8226](https://www.rfc-editor.org/rfc/rfc8226) as somebody else writes them: the RFC prints no bytes, these
//! are the sample of another implementation (`test-data/asn1/rfc8226.tsv`).

use crate::vectors;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::certificate::constraints::{ConstraintList, PermittedValues};

fn sample(name: &str) -> Vec<u8> {
    let table = vectors::text("asn1/rfc8226.tsv");
    let mut rows = table.lines().filter_map(|line| line.split_once('\t'));
    let (_, base64) = rows.find(|(other, _)| *other == name).unwrap();
    STANDARD.decode(base64).unwrap()
}

fn names(all: &[&str]) -> Box<[Box<str>]> {
    all.iter().map(|name| Box::from(*name)).collect()
}

/// This test verifies that the constraints of §8 are read and written as others do: foo demanded, values for foo and bar.
#[test]
fn rfc8226_section_8_claim_constraints() {
    let der = sample("claim-constraints");
    let permitted = |claim: &str, values: &[&str]| PermittedValues {
        claim: claim.into(),
        values: names(values),
    };
    let expected = ConstraintList {
        must_include: names(&["foo"]),
        permitted_values: [
            permitted("foo", &["foo1", "foo2", "foo3"]),
            permitted("bar", &["bar1", "bar2"]),
        ]
        .into(),
        must_exclude: Box::default(),
    };
    let read = ConstraintList::plain_from_der(&der);
    assert_eq!(read.as_ref(), Ok(&expected));
    assert_eq!(expected.to_der(), der);
}
