//! What authorities and trust domains ask of the paths below them: names and policies.
//!
//! ```text
//!     domain: one of these policies must hold ──▶ root ──▶ intermediate: these names only ──▶ signer
//! ```

use const_oid::ObjectIdentifier;
use countersign::certificate::encode::{self, element, sequence};
use countersign::certificate::extensions::oid;
use countersign::certificate::rules::{ExplicitPolicy, PolicyRules};
use countersign::certificate::{CertificateChain, NameFault, NameForm, PathRules};
use countersign::crypto::AwsLc;
use countersign::path::{PathFault, verify};
use countersign_ca::Draft;
use countersign_ca::extension::{self, Extension};
use countersign_testkit::lab::{Lab, NOW, chain, subject};

use crate::spoilt::{
    EE, intermediate, judge, leaf, refused, replaced, with_intermediate, with_leaf, without,
};

const SHAKEN_CP_14: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.114569.1.1.4");
const OTHER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.114569.1.1.1");

/// nameConstraints with these bases permitted.
fn permitting(base: Vec<u8>) -> Extension {
    let tree = element(encode::constructed(0), &sequence(&[base]));
    Extension::critical(oid::NAME_CONSTRAINTS, sequence(&[tree]))
}

/// This test verifies that an intermediate certificate may limit the names below it, and what cannot be judged is told apart from what
/// is not allowed.
#[test]
fn an_authority_limits_the_names_below_it() {
    let lab = Lab::new();
    let under = |extension| with_intermediate(&lab, &replaced(intermediate(&lab), extension));
    let directory = |common_name: &str| {
        let name = subject(common_name);
        element(encode::constructed(4), name.name().as_der())
    };
    judge(&lab, &under(permitting(directory("SHAKEN 1234")))).unwrap();
    let fault = |fault| PathFault::NameConstraints { step: EE, fault };
    let not_permitted = fault(NameFault::NotPermitted(NameForm::Directory));
    refused(
        &lab,
        &under(permitting(directory("SHAKEN 4711"))),
        not_permitted,
    );
    // A form that the signer has no name of binds nobody.
    let registered = element(encode::primitive(8), &[0x2a]);
    judge(&lab, &under(permitting(registered))).unwrap();
}

/// A list of these two.
fn list(lab: &Lab, ee: &Draft, ca: &Draft) -> CertificateChain {
    let (below, above) = (with_leaf(lab, ee), with_intermediate(lab, ca));
    chain(&[below.end_entity(), &above.certificates()[1]])
}

/// The draft with this policy, or with none.
fn with_policy(draft: Draft, policy: Option<ObjectIdentifier>) -> Draft {
    let draft = without(draft, oid::CERTIFICATE_POLICIES);
    match policy {
        Some(policy) => replaced(draft, extension::policy(&policy)),
        None => draft,
    }
}

/// This test verifies that a trust domain may demand a policy of every path, and that one authority cannot lend another's.
#[test]
fn a_domain_demands_a_policy() {
    let lab = Lab::new();
    let policies = PolicyRules {
        acceptable: vec![SHAKEN_CP_14],
        explicit_policy: ExplicitPolicy::Required,
        ..PolicyRules::default()
    };
    let rules = PathRules {
        policies,
        ..PathRules::default()
    };
    let trust = lab.trust(1).with_rules(rules);
    let under = |list: &CertificateChain| verify(list, &trust, NOW, &AwsLc).map(|_| ());
    let refused = Err(PathFault::NoPolicy { step: EE });
    let with = |ee, ca| {
        let (ee, ca) = (
            with_policy(leaf(&lab), ee),
            with_policy(intermediate(&lab), ca),
        );
        list(&lab, &ee, &ca)
    };
    assert_eq!(under(&with(Some(SHAKEN_CP_14), Some(SHAKEN_CP_14))), Ok(()));
    // The end entity names the policy and the authority above it another, the other way round, both another.
    for (ee, ca) in [(SHAKEN_CP_14, OTHER), (OTHER, SHAKEN_CP_14), (OTHER, OTHER)] {
        let list = with(Some(ee), Some(ca));
        assert_eq!(under(&list), refused);
        judge(&lab, &list).unwrap();
    }
    let none = with(None, None);
    assert!(matches!(under(&none), Err(PathFault::NoPolicy { .. })));
    judge(&lab, &none).unwrap();
    assert_ne!(trust.fingerprint(), lab.trust(1).fingerprint());
}

/// This test verifies that an authority may demand a policy of the paths below it, whatever the domain does.
#[test]
fn an_authority_demands_a_policy() {
    let lab = Lab::new();
    let at_once = Extension::critical(
        oid::POLICY_CONSTRAINTS,
        sequence(&[element(encode::primitive(0), &[0])]),
    );
    let demanding = |ee, ca| {
        let demand = replaced(intermediate(&lab), at_once.clone());
        let (ee, ca) = (with_policy(leaf(&lab), ee), with_policy(demand, ca));
        list(&lab, &ee, &ca)
    };
    let refusal = PathFault::NoPolicy { step: EE };
    judge(&lab, &demanding(Some(OTHER), Some(OTHER))).unwrap();
    for (ee, ca) in [
        (Some(OTHER), Some(SHAKEN_CP_14)),
        (Some(OTHER), None),
        (None, Some(OTHER)),
        (None, None),
    ] {
        refused(&lab, &demanding(ee, ca), refusal.clone());
    }
}
