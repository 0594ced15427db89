//! Who may say that a certificate was revoked, and that it was not.
//!
//! ```text
//!     root A ──▶ Issuing CA ──▶ SHAKEN 1234      names "STI-PA CRL" as the signer of its list
//!     root A ──▶ STI-PA CRL                      under the same anchor
//!     root B ──▶ STI-PA CRL                      under another anchor of the domain
//!     root C ──▶ STI-PA CRL                      under an anchor that nobody here believes
//! ```

use countersign::certificate::signature::SignatureFault;
use countersign::certificate::{CertificateChain, Crl, TnAuthList};
use countersign::crypto::AwsLc;
use countersign::path::{
    CrlFault, CrlIssuer, KeyPurpose, PathFault, RevocationEvidence, Step, verify,
};
use countersign::time::UnixTime;
use countersign::trust::revocation::{Gap, ListProof};
use countersign::trust::{
    Anchor, ListSigners, RevocationRule, Rollback, Standing, Trust, VerifiedCrl,
};
use countersign_ca::crl::Reason;
use countersign_ca::extension::CrlPoint;
use countersign_ca::{Practice, Profile};
use countersign_testkit::administrator::{LIST_PERIOD, LIST_URL, PolicyAdministrator, revoked};
use countersign_testkit::lab::{HALF_VALIDITY, Lab, NOW, chain, numbers};
use std::sync::Arc;

const HARD: RevocationRule = RevocationRule::Hard { grace: 0 };

fn trust_in(labs: &[&Lab]) -> Trust {
    let anchor = |lab: &&Lab| Anchor::new(lab.root().certificate().clone(), Standing::Lab);
    Trust::new(
        "lab",
        1,
        labs.iter().map(|lab| anchor(lab).unwrap()).collect(),
    )
}

fn judge(chain: &CertificateChain, trust: &Trust) -> Result<RevocationEvidence, PathFault> {
    verify(chain, trust, NOW, &AwsLc).map(|path| path.revocation())
}

/// What becomes of a certificate that names a list when the list of `pa` is there.
fn with_list(
    chain: &CertificateChain,
    trust: &Trust,
    signers: ListSigners,
    list: &Arc<VerifiedCrl>,
) -> Result<RevocationEvidence, PathFault> {
    let trust = trust.clone().with_list_signers(signers);
    judge(chain, &trust.with_crls(HARD, vec![Arc::clone(list)]))
}

fn unknown(gap: Gap) -> Result<RevocationEvidence, PathFault> {
    Err(PathFault::RevocationUnknown {
        step: Step::EndEntity,
        gap,
    })
}

/// RFC 5280 wants the anchor of the certificate; SHAKEN's one list can only be under some anchor. The rule has a name.
#[test]
fn a_signer_under_another_anchor_is_heard_by_rule() {
    let (own, other) = (Lab::new(), Lab::new());
    let trust = trust_in(&[&own, &other]);
    let chain = PolicyAdministrator::of(&own).provider(&own, "1234").chain;
    let lists = [&own, &other].map(|lab| {
        let pa = PolicyAdministrator::of(lab);
        let draft = pa.draft(Vec::new());
        let anchored = pa.verified(&draft, pa.anchored(), &trust).unwrap();
        let root = lab.root().certificate().sha256();
        assert_eq!(anchored.proof(), ListProof::Anchored(root));
        let pinned = pa.verified(&draft, pa.pinned(), &trust).unwrap();
        assert_eq!(pinned.proof(), ListProof::Pinned);
        [anchored, pinned]
    });
    let [[same_anchor, pinned_here], [other_anchor, pinned_there]] = &lists;
    let is_heard = |signers, list| match with_list(&chain, &trust, signers, list) {
        Ok(RevocationEvidence::Good(_)) => true,
        refused => {
            assert_eq!(refused, unknown(Gap::OtherAnchor));
            false
        }
    };
    for (signers, expected) in [
        (ListSigners::AnyAnchor, [true, true]),
        (ListSigners::Pinned, [false, false]),
        (ListSigners::SameAnchor, [true, false]),
    ] {
        let heard = [same_anchor, other_anchor].map(|list| is_heard(signers, list));
        assert_eq!(heard, expected, "{signers:?}");
        assert!(is_heard(signers, pinned_here) && is_heard(signers, pinned_there));
    }
}

/// This test verifies that an authority under one anchor cannot speak for one of the same name under another by a direct list.
#[test]
fn a_namesake_under_another_anchor_is_not_heard() {
    let (own, other) = (Lab::new(), Lab::new());
    let trust = trust_in(&[&own, &other]);
    let chain_of_own = own.provider("1234").chain;
    let namesake = other.intermediate();
    let mut draft = PolicyAdministrator::of(&other).draft(vec![revoked(
        chain_of_own.end_entity(),
        Reason::Unspecified,
    )]);
    draft.issuer = namesake.certificate().subject().clone();
    // The number is all that such a list must have.
    draft.extensions = vec![draft.extensions[1].clone()];
    draft
        .entries
        .iter_mut()
        .for_each(|one| one.extensions.clear());
    let list = Crl::parse(&draft.sign(namesake.key()).unwrap()).unwrap();
    let issuer = CrlIssuer::Chain(chain(&[namesake.certificate()]));
    let list = list.verify(&[issuer], &trust, NOW, &AwsLc).unwrap();
    let judged = with_list(
        &chain_of_own,
        &trust,
        ListSigners::AnyAnchor,
        &Arc::new(list),
    );
    assert_eq!(judged, unknown(Gap::OtherAnchor));
}

/// An indirect list revokes what does not name it only if its signer is pinned.
#[test]
fn only_a_pinned_signer_revokes_what_names_no_list() {
    let lab = Lab::new();
    let trust = trust_in(&[&lab]);
    let pa = PolicyAdministrator::of(&lab);
    let nameless = lab.provider("1234").chain;
    let draft = pa.draft(vec![revoked(nameless.end_entity(), Reason::KeyCompromise)]);
    let list = |issuer| vec![pa.verified(&draft, issuer, &trust).unwrap()];
    let pinned = trust.clone().with_crls(HARD, list(pa.pinned()));
    let refused = judge(&nameless, &pinned);
    assert!(
        matches!(refused, Err(PathFault::Revoked { .. })),
        "{refused:?}"
    );
    let anchored = trust.clone().with_crls(HARD, list(pa.anchored()));
    assert_eq!(
        judge(&nameless, &anchored),
        Ok(RevocationEvidence::NotPublished)
    );
}

/// A third of the certificates in the field say where the one list is and not who signs it. RFC 5280 reads that as a list of their
/// own issuer; who pins the signer means the list that is there.
#[test]
fn a_certificate_that_names_the_place_only_is_answered_by_a_pinned_signer() {
    let lab = Lab::new();
    let trust = trust_in(&[&lab]);
    let pa = PolicyAdministrator::of(&lab);
    let own_name = lab.intermediate().certificate().subject().clone();
    let naming = |url: &str| {
        let crl = Some(CrlPoint {
            url: url.into(),
            issuer: own_name.clone(),
        });
        let practice = Practice {
            crl,
            ..Practice::default()
        };
        let ca = lab.intermediate().clone().with_practice(practice);
        let scope = TnAuthList::new(vec![numbers("12025550100", 1)]).unwrap();
        let issued = lab.issue(&ca, Profile::EndEntity, "SHAKEN field", Some(scope));
        chain(&[&issued.unwrap().1, ca.certificate()])
    };
    let (here, elsewhere) = (naming(LIST_URL), naming("https://sti-pa.example/other"));
    let point = &here.end_entity().distribution_points()[0];
    assert!(point.crl_issuer.is_empty() && point.name.is_some());
    let draft = pa.draft(Vec::new());
    let judged = |chain, issuer| {
        let list = pa.verified(&draft, issuer, &trust).unwrap();
        with_list(chain, &trust, ListSigners::AnyAnchor, &list)
    };
    let good = judged(&here, pa.pinned());
    assert!(matches!(good, Ok(RevocationEvidence::Good(_))), "{good:?}");
    assert_eq!(judged(&here, pa.anchored()), unknown(Gap::NoList));
    assert_eq!(judged(&elsewhere, pa.pinned()), unknown(Gap::NoList));
}

/// This test verifies that a list needs a signer by name, by key, by right, by path and by time.
#[test]
fn a_list_that_nobody_may_have_signed_is_refused() {
    let (lab, stranger) = (Lab::new(), Lab::new());
    let trust = trust_in(&[&lab]);
    let (pa, forger) = (
        PolicyAdministrator::of(&lab),
        PolicyAdministrator::of(&stranger),
    );
    let draft = pa.draft(Vec::new());
    let refused = |der: &[u8], issuers: &[CrlIssuer], at: UnixTime| {
        let list = Crl::parse(der).unwrap();
        list.verify(issuers, &trust, at, &AwsLc).err()
    };
    let der = pa.sign(&draft);
    assert_eq!(refused(&der, &[pa.anchored()], NOW), None);
    assert_eq!(refused(&der, &[], NOW), Some(CrlFault::IssuerUnknown));
    // The key identifier tells namesakes apart; without it the signature does.
    assert_eq!(
        refused(&der, &[forger.pinned()], NOW),
        Some(CrlFault::IssuerUnknown)
    );
    let mut anonymous = draft.clone();
    anonymous.extensions.remove(0);
    let bad = Some(CrlFault::Signature(SignatureFault::Bad));
    assert_eq!(refused(&pa.sign(&anonymous), &[forger.pinned()], NOW), bad);
    assert_eq!(
        refused(&pa.sign(&anonymous), &[forger.pinned(), pa.pinned()], NOW),
        None
    );
    let untrusted = refused(
        &forger.sign(&forger.draft(Vec::new())),
        &[forger.anchored()],
        NOW,
    );
    assert!(matches!(
        untrusted,
        Some(CrlFault::IssuerPath(fault)) if matches!(*fault, PathFault::BadSignature { .. } | PathFault::Untrusted { .. })
    ));
    let late = NOW.saturating_add(HALF_VALIDITY + 1);
    assert!(matches!(
        refused(&der, &[pa.pinned()], late),
        Some(CrlFault::IssuerNotValid(_))
    ));
    let expired = refused(&der, &[pa.anchored()], late);
    assert!(matches!(
        expired,
        Some(CrlFault::IssuerPath(fault)) if matches!(*fault, PathFault::Expired { .. })
    ));
    let last = der.len() - 1;
    let spoilt = [&der[..last], &[der[last] ^ 1]].concat();
    assert_eq!(refused(&spoilt, &[pa.pinned()], NOW), bad);
}

#[test]
fn a_key_that_is_not_for_lists_signs_none() {
    let lab = Lab::new();
    let trust = trust_in(&[&lab]);
    let provider = lab.provider("1234");
    let mut draft = PolicyAdministrator::of(&lab).draft(Vec::new());
    draft.issuer = provider.chain.end_entity().subject().clone();
    draft.extensions.remove(0);
    let der = draft.sign(provider.key.as_ref()).unwrap();
    let refused = |issuer| {
        Crl::parse(&der)
            .unwrap()
            .verify(&[issuer], &trust, NOW, &AwsLc)
    };
    let pinned = CrlIssuer::Pinned(Box::new(provider.chain.end_entity().clone()));
    assert_eq!(refused(pinned).err(), Some(CrlFault::IssuerKeyUsage));
    let fault = PathFault::KeyUsage {
        step: Step::EndEntity,
        needed: KeyPurpose::CrlSigning,
    };
    assert_eq!(
        refused(CrlIssuer::Chain(provider.chain.clone())).err(),
        Some(CrlFault::IssuerPath(Box::new(fault)))
    );
}

/// An anchor that signs lists itself needs nobody to vouch for it.
#[test]
fn an_anchor_signs_lists() {
    let lab = Lab::new();
    let trust = trust_in(&[&lab]);
    let mut draft = PolicyAdministrator::of(&lab).draft(Vec::new());
    draft.issuer = lab.root().certificate().subject().clone();
    // The number is all that such a list must have.
    draft.extensions = vec![draft.extensions[1].clone()];
    let list = Crl::parse(&draft.sign(lab.root().key()).unwrap()).unwrap();
    let list = list.verify(&[], &trust, NOW, &AwsLc).unwrap();
    assert_eq!(
        list.proof(),
        ListProof::Anchored(lab.root().certificate().sha256())
    );
}

/// A signer whose certificate stands on the list in use signs no further one.
#[test]
fn a_revoked_signer_signs_no_list() {
    let lab = Lab::new();
    let trust = trust_in(&[&lab]);
    let (old, new) = (PolicyAdministrator::of(&lab), PolicyAdministrator::of(&lab));
    let draft = new.draft(vec![revoked(old.certificate(), Reason::KeyCompromise)]);
    let list = new.verified(&draft, new.pinned(), &trust).unwrap();
    let trust = trust.with_crls(HARD, vec![list]);
    let refused = old.verified(&old.draft(Vec::new()), old.anchored(), &trust);
    assert!(matches!(
        refused.err(),
        Some(CrlFault::IssuerPath(fault)) if matches!(*fault, PathFault::Revoked { .. })
    ));
}

/// This test verifies that no snapshot and no list takes the place of a newer one.
#[test]
fn nothing_is_rolled_back() {
    let lab = Lab::new();
    let trust = trust_in(&[&lab]);
    let pa = PolicyAdministrator::of(&lab);
    let list = |days: i64, number| {
        let this_update = NOW.saturating_add(days * LIST_PERIOD);
        let draft = pa.draft_at(this_update, number, Vec::new());
        pa.verified(&draft, pa.pinned(), &trust).unwrap()
    };
    let current = list(1, 7);
    for (days, number, is_newer) in [(1, 7, true), (2, 8, true), (2, 6, false), (0, 8, false)] {
        let next = list(days, number);
        assert_eq!(next.succeeds(&current).is_ok(), is_newer, "{days} {number}");
    }
    let snapshot = |version, lists: Vec<Arc<VerifiedCrl>>| {
        let anchors = trust.anchors().to_vec();
        Trust::new("lab", version, anchors).with_crls(HARD, lists)
    };
    let in_use = snapshot(5, vec![Arc::clone(&current)]);
    let may_follow = |next: Trust| next.succeeds(&in_use);
    assert_eq!(may_follow(snapshot(6, vec![list(2, 8)])), Ok(()));
    assert_eq!(may_follow(snapshot(6, vec![Arc::clone(&current)])), Ok(()));
    assert_eq!(may_follow(snapshot(6, Vec::new())), Ok(()), "configuration");
    assert_eq!(
        may_follow(snapshot(5, vec![list(2, 8)])),
        Err(Rollback::Version {
            version: 5,
            previous: 5,
        })
    );
    assert!(matches!(
        may_follow(snapshot(6, vec![list(0, 6)])),
        Err(Rollback::List { .. })
    ));
    assert_eq!(
        may_follow(Trust::new("other", 9, Vec::new())),
        Err(Rollback::Domain)
    );
}

/// This test verifies that every part of a snapshot is in its fingerprint, under which verdicts are remembered.
#[test]
fn the_fingerprint_covers_lists_and_rules() {
    let lab = Lab::new();
    let trust = trust_in(&[&lab]);
    let pa = PolicyAdministrator::of(&lab);
    let list = |number, issuer| {
        let draft = pa.draft_at(NOW, number, Vec::new());
        pa.verified(&draft, issuer, &trust).unwrap()
    };
    let with = |rule, lists| trust.clone().with_crls(rule, lists).fingerprint();
    let same = list(1, pa.pinned());
    let prints = [
        trust.fingerprint(),
        with(HARD, Vec::new()),
        with(RevocationRule::Soft { grace: 0 }, Vec::new()),
        with(RevocationRule::Hard { grace: 1 }, Vec::new()),
        with(HARD, vec![Arc::clone(&same)]),
        with(HARD, vec![list(2, pa.pinned())]),
        with(HARD, vec![list(1, pa.anchored())]),
        with(HARD, vec![Arc::clone(&same), list(2, pa.pinned())]),
        trust
            .clone()
            .with_list_signers(ListSigners::SameAnchor)
            .fingerprint(),
    ];
    for (index, print) in prints.iter().enumerate() {
        assert!(!prints[..index].contains(print), "{index}");
    }
    assert_eq!(with(HARD, vec![same.clone()]), with(HARD, vec![same]));
}
