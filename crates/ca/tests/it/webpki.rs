//! rustls-webpki as a foreign witness, and as an opponent: what it refuses of ours is listed with the reason.
//!
//! ```text
//!     list of certificates ──▶ path::verify    ─┐
//!                          └─▶ webpki          ─┴─ same verdict, or a named exception
//! ```

use ::webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use countersign::certificate::extensions::oid;
use countersign::certificate::{Certificate, CertificateChain};
use countersign::crypto::AwsLc;
use countersign::crypto::SigningKey;
use countersign::path::verify;
use countersign::time::UnixTime;
use countersign_ca::extension::{self, Criticality, PathLength, usage};
use countersign_ca::{Authority, Practice, Profile, Request};
use countersign_testkit::lab::{HALF_VALIDITY, Lab, NOW, chain, new_key, subject, validity};
use rustls::pki_types as types;
use std::time::Duration;

/// The verdict of webpki.
fn theirs(lab: &Lab, list: &CertificateChain, at: UnixTime) -> Result<(), ::webpki::Error> {
    let der =
        |certificate: &Certificate| types::CertificateDer::from(certificate.as_der().to_vec());
    let root = der(lab.root().certificate());
    let anchors = [anchor_from_trusted_cert(&root)?];
    let mut ders = list.certificates().iter().map(der);
    let leaf = ders.next().unwrap();
    let between: Vec<_> = ders.collect();
    let leaf = EndEntityCert::try_from(&leaf)?;
    let at = types::UnixTime::since_unix_epoch(Duration::from_secs(
        u64::try_from(at.as_secs()).unwrap(),
    ));
    let verified = leaf.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        &anchors,
        &between,
        at,
        KeyUsage::server_auth(),
        None,
        None,
    );
    verified.map(|_| ())
}

fn ours(lab: &Lab, list: &CertificateChain, at: UnixTime) -> bool {
    verify(list, &lab.trust(1), at, &AwsLc).is_ok()
}

#[track_caller]
fn agree(lab: &Lab, list: &CertificateChain, at: UnixTime, good: bool) {
    assert_eq!(ours(lab, list, at), good, "ours");
    let theirs = theirs(lab, list, at);
    assert_eq!(theirs.is_ok(), good, "theirs: {theirs:?}");
}

/// The lab's list with every certificate changed by `change`, and signed again.
fn changed(lab: &Lab, change: impl Fn(&mut countersign_ca::Draft, usize)) -> CertificateChain {
    let list = lab.provider("1234").chain;
    let key = new_key();
    let request = Request::new(
        Profile::Intermediate(PathLength::Unbounded),
        subject("Lab SHAKEN Issuing CA"),
        key.public_key(),
    );
    let mut ca = lab.root().draft(&request, lab.next_serial(), validity());
    change(&mut ca, 1);
    let ca = Certificate::parse(&ca.sign(lab.root().key()).unwrap()).unwrap();
    let scope = list.end_entity().tn_auth_list().cloned().unwrap();
    let request = Request::new(
        Profile::EndEntity,
        subject("SHAKEN 1234"),
        new_key().public_key(),
    )
    .with_scope(scope);
    let mut leaf = lab.root().draft(&request, lab.next_serial(), validity());
    leaf.issuer = ca.subject().clone();
    leaf.extensions
        .retain(|one| one.kind != oid::AUTHORITY_KEY_IDENTIFIER);
    change(&mut leaf, 0);
    let leaf = Certificate::parse(&leaf.sign(key.as_ref()).unwrap()).unwrap();
    chain(&[&leaf, &ca])
}

#[test]
fn both_accept_and_refuse_the_same() {
    let lab = Lab::new();
    let good = lab.provider("1234").chain;
    agree(&lab, &good, NOW, true);
    agree(&lab, &good, NOW.saturating_add(HALF_VALIDITY), true);
    agree(&lab, &good, NOW.saturating_add(HALF_VALIDITY + 1), false);
    agree(&lab, &good, NOW.saturating_add(-HALF_VALIDITY - 1), false);
    agree(&lab, &Lab::new().provider("1234").chain, NOW, false);
    agree(&lab, &chain(&[good.end_entity()]), NOW, false);
    agree(&lab, &changed(&lab, |_, _| {}), NOW, true);
    let no_constraints = |draft: &mut countersign_ca::Draft, index| {
        if index == 1 {
            draft
                .extensions
                .retain(|one| one.kind != oid::BASIC_CONSTRAINTS);
        }
    };
    agree(&lab, &changed(&lab, no_constraints), NOW, false);
    let for_an_authority = |draft: &mut countersign_ca::Draft, index| {
        if index == 0 {
            draft
                .extensions
                .retain(|one| one.kind != oid::BASIC_CONSTRAINTS);
            draft
                .extensions
                .push(extension::authority_constraints(PathLength::Unbounded));
        }
    };
    agree(&lab, &changed(&lab, for_an_authority), NOW, false);
    let other_name = |draft: &mut countersign_ca::Draft, index| {
        if index == 1 {
            draft.subject = subject("Another CA").name().clone();
        }
    };
    // The leaf's issuer follows the changed name, so the path is whole.
    agree(&lab, &changed(&lab, other_name), NOW, true);
}

/// Where a path has more certificates than its root allows, both refuse.
#[test]
fn both_count_the_path() {
    let lab = Lab::new();
    let profile = Profile::Intermediate(PathLength::AtMost(0));
    let (key, upper) = lab
        .issue(lab.root(), profile, "Upper SHAKEN CA", None)
        .unwrap();
    let upper = Authority::new(upper, key, Practice::default()).unwrap();
    let key = new_key();
    let request = Request::new(
        Profile::Intermediate(PathLength::Unbounded),
        subject("Lower SHAKEN CA"),
        key.public_key(),
    );
    let lower = upper
        .draft(&request, lab.next_serial(), validity())
        .sign(upper.key())
        .unwrap();
    let lower = Authority::new(
        Certificate::parse(&lower).unwrap(),
        key,
        Practice::default(),
    )
    .unwrap();
    let scope = lab
        .provider("1234")
        .chain
        .end_entity()
        .tn_auth_list()
        .cloned();
    let (_, leaf) = lab
        .issue(&lower, Profile::EndEntity, "SHAKEN 1234", scope)
        .unwrap();
    agree(
        &lab,
        &chain(&[&leaf, lower.certificate(), upper.certificate()]),
        NOW,
        false,
    );
}

/// The exceptions. If webpki comes to agree, these fail, and may go.
#[test]
fn exceptions_that_are_known() {
    let lab = Lab::new();
    // A critical TN Authorization List: we understand it, webpki cannot be taught to.
    let critical = changed(&lab, |draft, index| {
        for extension in draft.extensions.iter_mut().filter(|_| index == 0) {
            extension.criticality = Criticality::Critical;
        }
    });
    assert!(ours(&lab, &critical, NOW));
    assert!(matches!(
        theirs(&lab, &critical, NOW),
        Err(::webpki::Error::UnsupportedCriticalExtension)
    ));
    // A list out of order: webpki looks for a path, we take the list as it is (RFC 9060 §6).
    let good = lab.provider("1234").chain;
    let [leaf, ca] = good.certificates() else {
        panic!("two certificates")
    };
    let shuffled = chain(&[leaf, lab.root().certificate(), ca]);
    assert!(!ours(&lab, &shuffled, NOW));
    assert!(theirs(&lab, &shuffled, NOW).is_ok());
    // Keys that are for something else, the signer's and the authority's: webpki does not look.
    for wrong in [0, 1] {
        let for_lists = changed(&lab, |draft, index| {
            if index == wrong {
                draft.extensions.retain(|one| one.kind != oid::KEY_USAGE);
                draft.extensions.push(extension::key_usage(usage::CRL_SIGN));
            }
        });
        assert!(!ours(&lab, &for_lists, NOW));
        assert!(theirs(&lab, &for_lists, NOW).is_ok());
    }
}
