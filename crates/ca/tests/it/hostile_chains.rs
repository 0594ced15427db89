//! Lists of certificates that were made to hurt: reversed, looped, too deep, too many, with keys inside, cut anywhere; and lists
//! that want many signatures checked.
//!
//! ```text
//!     A ◀──certifies──▶ B      signer ◀── CA 1 ◀── CA 2 ◀── ... ◀── CA 100      ten anchors of one name, twenty domains of them
//! ```

use countersign::certificate::chain::MAX_CHAIN_CERTIFICATES;
use countersign::certificate::extensions::oid;
use countersign::certificate::pem::armoured;
use countersign::certificate::{Certificate, CertificateChain, ChainError, PathRules};
use countersign::crypto::{
    AwsLc, BadSignature, Signature, UnusableKey, VerifyingKey, VerifyingKeys,
};
use countersign::path::{MAX_SIGNATURE_CHECKS, PathFault, Purpose, Step, verify, walk};
use countersign::trust::{Anchor, Neighbour, Standing, Trust};
use countersign_ca::extension::{self, Extension, PathLength};
use countersign_ca::{Authority, Practice, Profile, Request};
use countersign_testkit::lab::{Lab, NOW, chain, new_key, subject, validity};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::spoilt::{intermediate, leaf, replaced, with_intermediate, with_leaf};

/// Counts every signature that is checked.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

struct CountingKey(Arc<dyn VerifyingKey>, Arc<AtomicUsize>);

impl VerifyingKeys for Counting {
    fn p256(&self, point: &[u8]) -> Result<Arc<dyn VerifyingKey>, UnusableKey> {
        let key = AwsLc.p256(point)?;
        Ok(Arc::new(CountingKey(key, Arc::clone(&self.0))))
    }
}

impl VerifyingKey for CountingKey {
    fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.verify(message, signature)
    }
}

/// The fault, and how many signatures were checked to find it.
fn judge(list: &CertificateChain, trust: &Trust) -> (Option<PathFault>, usize) {
    let keys = Counting::default();
    let fault = verify(list, trust, NOW, &keys).err();
    (fault, keys.0.load(Ordering::Relaxed))
}

/// An authority named `name` that `by` has certified.
fn authority(lab: &Lab, by: &Authority, name: &str) -> Authority {
    let profile = Profile::Intermediate(PathLength::Unbounded);
    let (key, certificate) = lab.issue(by, profile, name, None).unwrap();
    Authority::new(certificate, key, Practice::default()).unwrap()
}

/// A signer that `by` has certified.
fn signer(lab: &Lab, by: &Authority) -> Certificate {
    let scope = lab
        .provider("1234")
        .chain
        .end_entity()
        .tn_auth_list()
        .cloned();
    let issued = lab.issue(by, Profile::EndEntity, "SHAKEN 1234", scope);
    issued.unwrap().1
}

/// This test verifies that lists in a wrong order and lists that bite their own tail are refused before any signature.
#[test]
fn reversed_and_looped_lists_cost_no_signature() {
    let lab = Lab::new();
    let first = authority(&lab, lab.root(), "First");
    let second = authority(&lab, &first, "Second");
    let request = Request::new(
        Profile::Intermediate(PathLength::Unbounded),
        subject("First"),
        *first.certificate().public_key().p256().unwrap(),
    );
    let back = second.draft(&request, lab.next_serial(), validity());
    let back = Certificate::parse(&back.sign(second.key()).unwrap()).unwrap();
    let ee = signer(&lab, &second);
    let (a, b) = (second.certificate(), &back);
    let untrusted = PathFault::Untrusted {
        issuer: a.subject().to_string().into(),
    };
    let repeated = PathFault::Repeated {
        step: Step::Issuer(1),
    };
    let out_of_order = PathFault::OutOfOrder {
        step: Step::EndEntity,
    };
    for (list, fault) in [
        (chain(&[&ee, a, b]), untrusted),
        (chain(&[&ee, a, b, a]), repeated.clone()),
        (chain(&[&ee, a, b, a, b, a, b, a, b, a]), repeated),
        (chain(&[b, a, &ee]), out_of_order),
    ] {
        assert_eq!(judge(&list, &lab.trust(1)), (Some(fault), 0));
    }
    let good = chain(&[&ee, a, first.certificate()]);
    assert_eq!(judge(&good, &lab.trust(1)), (None, 3));
}

/// This test verifies that a list of a hundred certificates is refused for its length, wherever it comes in.
#[test]
fn a_hundred_certificates_deep() {
    let lab = Lab::new();
    let mut tower = vec![authority(&lab, lab.root(), "CA 100")];
    for number in (1..100).rev() {
        tower.push(authority(
            &lab,
            tower.last().unwrap(),
            &format!("CA {number}"),
        ));
    }
    let ee = signer(&lab, tower.last().unwrap());
    let above = tower.iter().rev().map(|one| one.certificate().clone());
    let list: Vec<Certificate> = [ee].into_iter().chain(above).collect();
    let ders = || list.iter().map(Certificate::as_der);
    assert_eq!(CertificateChain::from_der(ders()), Err(ChainError::TooMany));
    let pem: String = ders().map(|der| armoured("CERTIFICATE", der)).collect();
    assert_eq!(
        CertificateChain::parse(pem.as_bytes()),
        Err(ChainError::TooMany)
    );
    let keys = Counting::default();
    let (trust, rules) = (lab.trust(1), PathRules::default());
    let walked = |list: &[Certificate]| {
        let walked = walk(list, trust.anchors(), Purpose::Any, &rules, NOW, &keys);
        walked.map(|_| ())
    };
    assert_eq!(walked(&list), Err(PathFault::TooManyCertificates));
    assert_eq!(keys.0.load(Ordering::Relaxed), 0);
    // As many as a list may have are walked: their signatures hold, and the last one's issuer is nobody's anchor.
    let all_but_the_last = &list[list.len() - MAX_CHAIN_CERTIFICATES..];
    assert_eq!(walked(all_but_the_last), Ok(()));
    assert_eq!(keys.0.load(Ordering::Relaxed), MAX_CHAIN_CERTIFICATES);
}

/// This test verifies that of ten thousand certificates no more are read than a list may have.
#[test]
fn ten_thousand_certificates() {
    let lab = Lab::new();
    let ee = signer(&lab, lab.intermediate());
    let many = std::iter::repeat_n(ee.as_der(), MAX_CHAIN_CERTIFICATES);
    let many = many.chain(std::iter::repeat_n(&b"junk"[..], 10_000));
    assert_eq!(CertificateChain::from_der(many), Err(ChainError::TooMany));
    let pem = armoured("CERTIFICATE", ee.as_der()).repeat(10_000);
    assert_eq!(
        CertificateChain::parse(pem.as_bytes()),
        Err(ChainError::TooLarge)
    );
}

/// This test verifies that a private key in a list is noticed, wherever it stands.
#[test]
fn keys_among_the_certificates() {
    let lab = Lab::new();
    let list = lab.provider("1234").chain.to_pem();
    let key = new_key();
    for (label, der) in [
        ("PRIVATE KEY", key.to_pkcs8().unwrap()),
        ("EC PRIVATE KEY", key.to_sec1().unwrap()),
        ("ENCRYPTED PRIVATE KEY", key.to_pkcs8().unwrap()),
    ] {
        let key = armoured(label, &der);
        for bad in [format!("{key}{list}"), format!("{list}{key}")] {
            assert_eq!(
                CertificateChain::parse(bad.as_bytes()),
                Err(ChainError::PrivateKey)
            );
        }
    }
}

/// This test verifies that certificates cut anywhere are no certificates, and extensions cut anywhere end the path.
#[test]
fn cut_at_every_byte() {
    let lab = Lab::new();
    let good = with_leaf(&lab, &leaf(&lab));
    let [ee, ca] = good.certificates() else {
        panic!("two certificates")
    };
    for one in [ee, ca] {
        for length in 0..one.as_der().len() {
            assert!(Certificate::parse(&one.as_der()[..length]).is_err());
        }
    }
    let constrained = [
        extension::authority_constraints(PathLength::AtMost(3)),
        Extension::critical(
            oid::NAME_CONSTRAINTS,
            vec![
                0x30, 0x0a, 0xa1, 8, 0x30, 6, 0x82, 4, b't', b'e', b's', b't',
            ],
        ),
        Extension::critical(
            oid::POLICY_CONSTRAINTS,
            vec![0x30, 6, 0x80, 1, 9, 0x81, 1, 0],
        ),
        Extension::critical(oid::INHIBIT_ANY_POLICY, vec![2, 1, 0]),
        Extension::non_critical(
            oid::POLICY_MAPPINGS,
            vec![0x30, 10, 0x30, 8, 6, 2, 0x2a, 3, 6, 2, 0x2a, 4],
        ),
        Extension::non_critical(
            oid::EXTENDED_KEY_USAGE,
            vec![0x30, 6, 6, 4, 0x55, 0x1d, 0x25, 0],
        ),
    ];
    for whole in constrained {
        let list = with_intermediate(&lab, &replaced(intermediate(&lab), whole.clone()));
        assert_eq!(judge(&list, &lab.trust(1)).0, None, "{}", whole.kind);
        for length in 0..whole.value.len() {
            let cut = Extension {
                value: whole.value[..length].to_vec(),
                ..whole.clone()
            };
            let list = with_intermediate(&lab, &replaced(intermediate(&lab), cut));
            let fault = PathFault::MalformedExtension {
                step: Step::Issuer(1),
                extension: whole.kind,
            };
            assert_eq!(judge(&list, &lab.trust(1)), (Some(fault), 0));
        }
    }
}

/// This test verifies that a list whose last certificate names anchors of several domains has a bounded number of signatures
/// checked.
#[test]
fn signatures_are_bounded() {
    // Anchors of one name and no identifier, so that only a signature tells them apart.
    let anchors = || -> Vec<Anchor> {
        let anchor = || {
            let name = subject("Lab SHAKEN ROOT");
            let key = new_key();
            let serial = Lab::new().next_serial();
            let mut draft = Authority::root_draft(&name, key.as_ref(), serial, validity());
            draft
                .extensions
                .retain(|one| one.kind != oid::SUBJECT_KEY_IDENTIFIER);
            let root = Certificate::parse(&draft.sign(key.as_ref()).unwrap()).unwrap();
            Anchor::new(root, Standing::Lab).unwrap()
        };
        (0..10).map(|_| anchor()).collect()
    };
    let lab = Lab::new();
    let mut tower = vec![authority(&lab, lab.root(), "CA 9")];
    for number in (1..MAX_CHAIN_CERTIFICATES - 1).rev() {
        tower.push(authority(
            &lab,
            tower.last().unwrap(),
            &format!("CA {number}"),
        ));
    }
    let ee = signer(&lab, tower.last().unwrap());
    let above = tower.iter().rev().map(Authority::certificate);
    let list: Vec<&Certificate> = [&ee].into_iter().chain(above).collect();
    let list = chain(&list);
    assert_eq!(list.certificates().len(), MAX_CHAIN_CERTIFICATES);
    assert_eq!(judge(&list, &lab.trust(1)), (None, MAX_CHAIN_CERTIFICATES));

    let strangers = Trust::new("strangers", 1, anchors());
    let bad = PathFault::BadSignature {
        step: Step::Issuer(MAX_CHAIN_CERTIFICATES - 1),
    };
    let alone = judge(&list, &strangers);
    assert_eq!(alone.0, Some(bad.clone()));
    assert!(alone.1 <= MAX_SIGNATURE_CHECKS / 2, "{}", alone.1);
    let neighbours = (0..5).map(|n| Neighbour::of(&Trust::new(&format!("n{n}"), 1, anchors())));
    let beside = strangers.with_neighbours(neighbours.collect());
    assert_eq!(judge(&list, &beside), (Some(bad), MAX_SIGNATURE_CHECKS));
}
