//! What the certificate lets its tokens claim, beyond the numbers.
//!
//! ```text
//!    Issuing CA ─► SHAKEN 12025550100.. {mustInclude, permittedValues, mustExclude}
//!                      │ signs                                             ▲
//!                      └── PASSporT {attest, dest, iat, orig, origid, …} ──┘ held against the claims as signed
//! ```
//!
//! This test verifies that a token that breaks a constraint fails although its signature is good, that an authentication service
//! signs no such token, and that constraints bind end entities only, unless policy says otherwise.

use super::told;
use countersign::authentication::{Origination, Refusal};
use countersign::certificate::Certificate;
use countersign::certificate::constraints::{ConstraintList, PermittedValues};
use countersign::certificate::extensions::oid;
use countersign::crypto::SigningKey;
use countersign::passport::Attestation;
use countersign::verification::policy::InheritedConstraints;
use countersign::verification::{Check, Fault, Outcome, Report, Verdict, VerificationPolicy};
use countersign_ca::extension::{Criticality, Extension, PathLength};
use countersign_ca::{Authority, Practice, Profile, Request};
use countersign_testkit::lab::{self, NOW, Signer};
use countersign_testkit::scene::{ALICE, Forgery, Scene, X5U, call, origination};

/// Where a constraint stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    InTheAuthority,
    InTheEndEntity,
}

pub(super) fn names(all: &[&str]) -> Box<[Box<str>]> {
    all.iter().map(|name| Box::from(*name)).collect()
}

/// Attestations A and B only, origid demanded, no rcd.
fn usual() -> ConstraintList {
    ConstraintList {
        must_include: names(&["origid"]),
        permitted_values: [PermittedValues {
            claim: "attest".into(),
            values: names(&["A", "B"]),
        }]
        .into(),
        must_exclude: names(&["rcd"]),
    }
}

/// A scene in which Alice's provider has a certificate with these constraints.
pub(super) fn scene(stands: Stands, list: &ConstraintList) -> Scene {
    let mut scene = Scene::new();
    let extension = || Extension {
        kind: oid::ENHANCED_JWT_CLAIM_CONSTRAINTS,
        criticality: Criticality::NonCritical,
        value: list.to_der(),
    };
    let lab = &scene.lab;
    let issuer = lab.intermediate();
    let issuer = match stands {
        Stands::InTheEndEntity => issuer.clone(),
        Stands::InTheAuthority => {
            let key = lab::new_key();
            let name = lab::subject("Lab SHAKEN constrained CA");
            let profile = Profile::Intermediate(PathLength::AtMost(0));
            let request = Request::new(profile, name, key.public_key());
            let mut draft = lab
                .root()
                .draft(&request, lab.next_serial(), lab::validity());
            draft.extensions.push(extension());
            let certificate = draft.sign(lab.root().key()).unwrap();
            let certificate = Certificate::parse(&certificate).unwrap();
            Authority::new(certificate, key, Practice::default()).unwrap()
        }
    };
    let key = lab::new_key();
    let scope = countersign::certificate::TnAuthList::new(vec![lab::numbers(ALICE, 50)]).unwrap();
    let name = lab::subject("SHAKEN numbers");
    let request = Request::new(Profile::EndEntity, name, key.public_key()).with_scope(scope);
    let mut draft = issuer.draft(&request, lab.next_serial(), lab::validity());
    if stands == Stands::InTheEndEntity {
        draft.extensions.push(extension());
    }
    let certificate = Certificate::parse(&draft.sign(issuer.key()).unwrap()).unwrap();
    let chain = lab::chain(&[&certificate, issuer.certificate()]);
    scene.signer = Signer { key, chain };
    scene.repository.publish(X5U, &scene.signer.chain);
    scene
}

/// A scene in which the certificate of Alice's provider has these constraints.
pub(crate) fn constrained(list: &ConstraintList) -> Scene {
    scene(Stands::InTheEndEntity, list)
}

fn verify(scene: &Scene, forgery: &Forgery) -> Report {
    scene.verify(&call(), forgery.sign(&*scene.signer.key))
}

fn outcome(report: &Report) -> Outcome {
    report.passports[0].checks.get(Check::Constraints).outcome
}

#[test]
fn digest04_case15_a_token_is_held_to_the_constraints_of_its_certificate() {
    let scene = scene(Stands::InTheEndEntity, &usual());
    let good = verify(&scene, &Forgery::new());
    assert_eq!(told(&good), (Verdict::Passed, None));
    assert_eq!(outcome(&good), Outcome::Passed);
    let violated = (Verdict::Failed(Fault::ConstraintsViolated), Some(438));
    let permitted = Forgery::new().payload(r#""attest":"A""#, r#""attest":"C""#);
    assert_eq!(told(&verify(&scene, &permitted)), violated);
    // Claims that we do not know are signed claims all the same.
    let with_rcd = Forgery::new().payload(r#""origid":"#, r#""rcd":{"nam":"x"},"origid":"#);
    assert_eq!(told(&verify(&scene, &with_rcd)), violated);
}

#[test]
fn digest04_case16_whoever_excludes_orig_constrains_nothing() {
    let list = ConstraintList {
        must_include: names(&["rcd"]),
        must_exclude: names(&["orig"]),
        ..usual()
    };
    let scene = scene(Stands::InTheEndEntity, &list);
    assert_eq!(verify(&scene, &Forgery::new()).verdict, Verdict::Passed);
}

/// What a verification service would refuse is not signed in the first place, whatever the request asks for.
#[test]
fn digest04_rule_e9_an_authentication_service_obeys_its_own_certificate() {
    let asking = |attest| Origination {
        asked: Some(attest),
        ..origination()
    };
    let sign = |stands, list: &ConstraintList, attest| {
        let service = scene(stands, list).authentication();
        let signed = service.authenticate(&call(), &asking(attest), NOW);
        signed.map(|signed| signed.attestation.signed)
    };
    let refused = Err(Refusal::ConstraintsViolated);
    let own = Stands::InTheEndEntity;
    assert_eq!(sign(own, &usual(), Attestation::A), Ok(Attestation::A));
    assert_eq!(sign(own, &usual(), Attestation::C), refused);
    let demands_rcd = ConstraintList {
        must_include: names(&["rcd"]),
        ..ConstraintList::default()
    };
    assert_eq!(sign(own, &demands_rcd, Attestation::A), refused);
    let excludes_origid = ConstraintList {
        must_exclude: names(&["origid"]),
        ..ConstraintList::default()
    };
    assert_eq!(sign(own, &excludes_origid, Attestation::A), refused);
    let above = Stands::InTheAuthority;
    assert_eq!(
        sign(above, &demands_rcd, Attestation::A),
        Ok(Attestation::A)
    );
    assert_eq!(Refusal::ConstraintsViolated.name(), "constraints-violated");
}

#[test]
fn digest04_case21_constraints_in_an_authority_bind_nobody_unless_policy_says_so() {
    let list = ConstraintList {
        permitted_values: [PermittedValues {
            claim: "attest".into(),
            values: names(&["C"]),
        }]
        .into(),
        ..ConstraintList::default()
    };
    let mut scene = scene(Stands::InTheAuthority, &list);
    let report = verify(&scene, &Forgery::new());
    assert_eq!(report.verdict, Verdict::Passed);
    assert_eq!(outcome(&report), Outcome::Skipped);
    scene.policy = VerificationPolicy {
        inherited_constraints: InheritedConstraints::Intersect,
        ..scene.policy
    };
    let report = verify(&scene, &Forgery::new());
    let violated = Verdict::Failed(Fault::ConstraintsViolated);
    assert_eq!(report.verdict, violated);
}
