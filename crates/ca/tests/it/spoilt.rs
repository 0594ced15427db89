//! Drafts of the lab's certificates for tests to spoil, and what becomes of them.
//!
//! ```text
//!     lab ──▶ draft ──▶ spoilt by the test ──▶ signed by the right key ──▶ judged
//! ```

use const_oid::ObjectIdentifier;
use countersign::certificate::{Certificate, CertificateChain};
use countersign::crypto::{AwsLc, SigningKey};
use countersign::path::{PathFault, Step, VerifiedPath, verify};
use countersign_ca::extension::{Extension, PathLength};
use countersign_ca::{Draft, Profile, Request};
use countersign_testkit::lab::{Lab, NOW, chain, new_key, subject, validity};

pub(crate) fn judge(lab: &Lab, chain: &CertificateChain) -> Result<VerifiedPath, PathFault> {
    verify(chain, &lab.trust(1), NOW, &AwsLc)
}

#[track_caller]
pub(crate) fn refused(lab: &Lab, chain: &CertificateChain, fault: PathFault) {
    assert_eq!(judge(lab, chain).unwrap_err(), fault);
}

/// The draft of a provider's certificate, for a test to spoil.
pub(crate) fn leaf(lab: &Lab) -> Draft {
    let scope = lab
        .provider("1234")
        .chain
        .end_entity()
        .tn_auth_list()
        .cloned()
        .unwrap();
    let request = Request::new(
        Profile::EndEntity,
        subject("SHAKEN 1234"),
        new_key().public_key(),
    );
    lab.intermediate()
        .draft(&request.with_scope(scope), lab.next_serial(), validity())
}

/// The draft of the intermediate's certificate, for its own key.
pub(crate) fn intermediate(lab: &Lab) -> Draft {
    let certificate = lab.intermediate().certificate();
    let profile = Profile::Intermediate(PathLength::Unbounded);
    let request = Request::new(
        profile,
        subject("Lab SHAKEN Issuing CA"),
        *certificate.public_key().p256().unwrap(),
    );
    lab.root().draft(&request, lab.next_serial(), validity())
}

/// The lab's list with this certificate in place of the signer's, or of the intermediate's.
pub(crate) fn with_leaf(lab: &Lab, draft: &Draft) -> CertificateChain {
    let leaf = Certificate::parse(&draft.sign(lab.intermediate().key()).unwrap()).unwrap();
    chain(&[&leaf, lab.intermediate().certificate()])
}

pub(crate) fn with_intermediate(lab: &Lab, draft: &Draft) -> CertificateChain {
    let intermediate = Certificate::parse(&draft.sign(lab.root().key()).unwrap()).unwrap();
    chain(&[lab.provider("1234").chain.end_entity(), &intermediate])
}

pub(crate) fn without(mut draft: Draft, kind: ObjectIdentifier) -> Draft {
    draft.extensions.retain(|extension| extension.kind != kind);
    draft
}

pub(crate) fn replaced(draft: Draft, extension: Extension) -> Draft {
    let mut draft = without(draft, extension.kind);
    draft.extensions.push(extension);
    draft
}

pub(crate) const EE: Step = Step::EndEntity;
pub(crate) const CA: Step = Step::Issuer(1);
