//! The example of [RFC 9118](https://www.rfc-editor.org/rfc/rfc9118): a certificate and its constraints.
//!
//! ```text
//!     BOGUS SHAKEN ROOT (not printed) ──▶ SHAKEN, 1234 {EnhancedJWTClaimConstraints}
//! ```

use crate::vectors;
use countersign::certificate::constraints::{ConstraintList, PermittedValues, Violation};
use countersign::certificate::extensions::{Criticality, oid};
use countersign::certificate::{Certificate, CertificateChain};
use countersign::jose::json::parse_str;
use countersign::path;

/// RFC 9118 Figure 2, the bytes at its left side.
const FIGURE_2: &[u8] = &[
    0x30, 0x40, 0xa0, 0x0e, 0x30, 0x0c, 0x16, 0x0a, b'c', b'o', b'n', b'f', b'i', b'd', b'e', b'n',
    b'c', b'e', 0xa1, 0x20, 0x30, 0x1e, 0x30, 0x1c, 0x16, 0x0a, b'c', b'o', b'n', b'f', b'i', b'd',
    b'e', b'n', b'c', b'e', 0x30, 0x0e, 0x0c, 0x04, b'h', b'i', b'g', b'h', 0x0c, 0x06, b'm', b'e',
    b'd', b'i', b'u', b'm', 0xa2, 0x0c, 0x30, 0x0a, 0x16, 0x08, b'p', b'r', b'i', b'o', b'r', b'i',
    b't', b'y',
];

fn figure_1() -> Certificate {
    let pem = vectors::text("x509/rfc9118-figure1.pem");
    let chain = CertificateChain::parse(pem.as_bytes()).unwrap();
    chain.end_entity().clone()
}

fn names(all: &[&str]) -> Box<[Box<str>]> {
    all.iter().map(|name| Box::from(*name)).collect()
}

/// This test verifies that the certificate of Figure 1 has the extension of Figure 2, and that it says what §5 lists.
#[test]
fn rfc9118_figure_1_has_the_constraints_of_figure_2() {
    let certificate = figure_1();
    let kind = oid::ENHANCED_JWT_CLAIM_CONSTRAINTS;
    let extension = certificate.extension(kind).unwrap();
    assert_eq!(extension.value, FIGURE_2);
    assert_eq!(extension.criticality, Criticality::NonCritical);
    let constraints = certificate.claim_constraints().unwrap();
    assert_eq!(constraints.plain, None);
    let expected = ConstraintList {
        must_include: names(&["confidence"]),
        permitted_values: [PermittedValues {
            claim: "confidence".into(),
            values: names(&["high", "medium"]),
        }]
        .into(),
        must_exclude: names(&["priority"]),
    };
    assert_eq!(constraints.enhanced.as_ref(), Some(&expected));
    assert_eq!(expected.to_der(), FIGURE_2);
    let chain = CertificateChain::from_der([certificate.as_der()]).unwrap();
    let authority = path::inspect(&chain).unwrap();
    assert_eq!(authority.providers()[0].as_str(), "1234");
}

/// This test verifies what §5 says of the example, claim by claim.
#[test]
fn digest04_case15_rfc9118_section_5() {
    let certificate = figure_1();
    let judge = |payload: &str| {
        let payload = parse_str(payload).unwrap();
        let claims = payload.value.as_object().unwrap();
        certificate.claim_constraints().unwrap().judge(claims)
    };
    let (confidence, priority) = (|| "confidence".into(), || "priority".into());
    assert_eq!(judge(r#"{"confidence":"high"}"#), Ok(()));
    assert_eq!(judge(r#"{"confidence":"medium","iat":1}"#), Ok(()));
    for (payload, violation) in [
        (
            r#"{"confidence":"low"}"#,
            Violation::NotPermitted {
                claim: confidence(),
            },
        ),
        (
            r#"{"confidence":"High"}"#,
            Violation::NotPermitted {
                claim: confidence(),
            },
        ),
        (
            r#"{"confidence":["high"]}"#,
            Violation::NotPermitted {
                claim: confidence(),
            },
        ),
        (
            "{}",
            Violation::Missing {
                claim: confidence(),
            },
        ),
        (
            r#"{"confidence":"high","priority":1}"#,
            Violation::Excluded { claim: priority() },
        ),
        (
            r#"{"confidence":"high","priority":null}"#,
            Violation::Excluded { claim: priority() },
        ),
    ] {
        assert_eq!(judge(payload), Err(violation), "{payload}");
    }
}
