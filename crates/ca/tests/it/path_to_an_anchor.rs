//! A list of certificates leads to an anchor, or the fault is named.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ Lab SHAKEN Issuing CA ──▶ SHAKEN 1234
//!        (anchor)            certificates[1]         certificates[0]
//! ```

use countersign::certificate::extensions::oid;
use countersign::certificate::{Certificate, CertificateChain, Coverage, TnAuthList};
use countersign::crypto::{AwsLc, SigningKey};
use countersign::identity::Identity;
use countersign::path::{PathFault, Step, verify};
use countersign::time::Validity;
use countersign::trust::{Anchor, Standing, Trust};
use countersign_ca::extension::{self, PathLength};
use countersign_ca::{Authority, Practice, Profile, Request};
use countersign_testkit::lab::{
    HALF_VALIDITY, Lab, NOW, Signer, chain, new_key, numbers, subject, validity,
};

use crate::spoilt::{
    CA, EE, intermediate, judge, leaf, refused, replaced, with_intermediate, with_leaf, without,
};

/// This test verifies that a provider's certificate is proven, with everything that follows from it.
#[test]
fn a_good_list_is_proven() {
    let lab = Lab::new();
    let Signer { key, chain } = lab.provider("1234");
    let path = judge(&lab, &chain).unwrap();
    assert_eq!(path.subject(), "CN=SHAKEN 1234,O=Countersign Lab,C=US");
    assert_eq!(path.standing(), Standing::Lab);
    assert_eq!(path.anchor(), lab.root().certificate().sha256());
    assert_eq!(path.validity(), validity());
    assert_eq!(path.providers(), ["1234".parse().unwrap()]);
    assert_eq!(
        path.authority()
            .covers(&Identity::Number("12025550100".parse().unwrap())),
        Coverage::ByProvider("1234".parse().unwrap())
    );
    let signature = key.sign(b"a call").unwrap();
    assert_eq!(path.key().verify(b"a call", &signature), Ok(()));
}

/// This test verifies that the root may stand at the end of the list, and that it changes nothing.
#[test]
fn digest04_case10_the_anchor_may_be_in_the_list_or_not() {
    let lab = Lab::new();
    let short = lab.provider("1234").chain;
    let [leaf, issuer] = short.certificates() else {
        panic!("two certificates")
    };
    let long = chain(&[leaf, issuer, lab.root().certificate()]);
    let (short, long) = (judge(&lab, &short).unwrap(), judge(&lab, &long).unwrap());
    assert_eq!(short.anchor(), long.anchor());
    assert_eq!(short.authority(), long.authority());
}

/// This test verifies that the spoiling of drafts below is what refuses them: unspoilt, they pass.
#[test]
fn the_drafts_of_these_tests_are_good() {
    let lab = Lab::new();
    judge(&lab, &with_leaf(&lab, &leaf(&lab))).unwrap();
    judge(&lab, &with_intermediate(&lab, &intermediate(&lab))).unwrap();
}

/// This test verifies that validity is inclusive at both ends, for every certificate on the path.
#[test]
fn outside_its_validity_no_certificate_counts() {
    let lab = Lab::new();
    let list = lab.provider("1234").chain;
    let at =
        |seconds| verify(&list, &lab.trust(1), NOW.saturating_add(seconds), &AwsLc).map(|_| ());
    let (first, last) = (validity().not_before, validity().not_after);
    assert_eq!(at(-HALF_VALIDITY), Ok(()));
    assert_eq!(at(HALF_VALIDITY), Ok(()));
    assert_eq!(
        at(-HALF_VALIDITY - 1),
        Err(PathFault::NotYetValid {
            step: EE,
            not_before: first
        })
    );
    assert_eq!(
        at(HALF_VALIDITY + 1),
        Err(PathFault::Expired {
            step: EE,
            not_after: last
        })
    );

    let mut old = intermediate(&lab);
    old.validity.not_after = NOW.saturating_add(-1);
    let not_after = old.validity.not_after;
    refused(
        &lab,
        &with_intermediate(&lab, &old),
        PathFault::Expired {
            step: CA,
            not_after,
        },
    );
}

/// This test verifies that an anchor that has expired proves nothing, whether it is in the list or not.
#[test]
fn an_expired_anchor_proves_nothing() {
    let lab = Lab::new();
    let name = subject("Lab SHAKEN ROOT");
    let mut draft = Authority::root_draft(&name, lab.root().key(), lab.next_serial(), validity());
    draft.validity.not_after = NOW.saturating_add(-1);
    let root = Certificate::parse(&draft.sign(lab.root().key()).unwrap()).unwrap();
    let trust = Trust::new(
        "old",
        1,
        vec![Anchor::new(root.clone(), Standing::Lab).unwrap()],
    );
    let short = lab.provider("1234").chain;
    let long = chain(&[short.end_entity(), lab.intermediate().certificate(), &root]);
    for (list, step) in [(short, Step::Anchor), (long, Step::Issuer(2))] {
        let fault = verify(&list, &trust, NOW, &AwsLc).unwrap_err();
        assert_eq!(
            fault,
            PathFault::Expired {
                step,
                not_after: draft.validity.not_after
            }
        );
    }
}

/// This test verifies that a flipped bit anywhere in the signed part or the signature is noticed.
#[test]
fn a_changed_certificate_does_not_verify() {
    let lab = Lab::new();
    let list = lab.provider("1234").chain;
    let good = list.end_entity().as_der();
    let mut read = 0;
    for at in 0..good.len() {
        let mut der = good.to_vec();
        der[at] ^= 1;
        let Ok(leaf) = Certificate::parse(&der) else {
            continue;
        };
        read += 1;
        assert!(
            judge(&lab, &chain(&[&leaf, lab.intermediate().certificate()])).is_err(),
            "octet {at}"
        );
    }
    assert!(read > 100, "some changes parse: {read}");
}

/// This test verifies that a certificate signed by a stranger with the right name is not believed.
#[test]
fn a_stranger_with_the_issuer_s_name() {
    let lab = Lab::new();
    let forged = leaf(&lab).sign(new_key().as_ref()).unwrap();
    let list = chain(&[
        &Certificate::parse(&forged).unwrap(),
        lab.intermediate().certificate(),
    ]);
    refused(&lab, &list, PathFault::BadSignature { step: EE });

    // A whole forged hierarchy: only the anchor's key tells it apart.
    let stranger = Lab::new();
    let name = subject("Lab SHAKEN ROOT");
    assert_eq!(stranger.root().certificate().subject(), name.name());
    let list = stranger.provider("1234").chain;
    let issuer = name.name().to_string().into();
    refused(&lab, &list, PathFault::Untrusted { issuer });
    // The same without key identifiers to tell the roots apart.
    let draft = without(intermediate(&stranger), oid::AUTHORITY_KEY_IDENTIFIER);
    refused(
        &lab,
        &with_intermediate(&stranger, &draft),
        PathFault::BadSignature { step: CA },
    );
}

/// This test verifies that order is kept, and that nothing is looked for elsewhere.
#[test]
fn digest04_case08_the_list_is_taken_in_its_order() {
    let lab = Lab::new();
    let list = lab.provider("1234").chain;
    let [ee, ca] = list.certificates() else {
        panic!("two certificates")
    };
    let root = lab.root().certificate();

    refused(&lab, &chain(&[ca, ee]), PathFault::OutOfOrder { step: EE });
    refused(
        &lab,
        &chain(&[root, ca, ee]),
        PathFault::OutOfOrder { step: EE },
    );
    refused(
        &lab,
        &chain(&[ee, root, ca]),
        PathFault::OutOfOrder { step: EE },
    );
    let issuer: Box<str> = ca.subject().to_string().into();
    refused(
        &lab,
        &chain(&[ee, root]),
        PathFault::IssuerMissing {
            step: EE,
            issuer: issuer.clone(),
        },
    );
    refused(&lab, &chain(&[ee]), PathFault::Untrusted { issuer });
    // What stands after the anchor must lead to one, too.
    let other = Lab::new();
    let stranger = other.root().certificate();
    let issuer = root.subject().to_string().into();
    let (key, cross) = lab
        .issue(
            other.root(),
            Profile::Intermediate(PathLength::Unbounded),
            "Other",
            None,
        )
        .unwrap();
    drop(key);
    refused(
        &lab,
        &chain(&[ee, ca, root, &cross]),
        PathFault::IssuerMissing {
            step: Step::Issuer(2),
            issuer,
        },
    );
    let fault = PathFault::KeyIdentifierMismatch {
        step: Step::Issuer(2),
    };
    refused(&lab, &chain(&[ee, ca, root, stranger]), fault);
    refused(&lab, &chain(&[ee, ee]), PathFault::Repeated { step: EE });
}

/// This test verifies that a root which has certified its own new key may stand in the list under the old one: self-issued
/// certificates do not count against a path length, and an anchor in the middle needs one at the end.
#[test]
fn after_an_anchor_the_list_must_lead_to_one() {
    let lab = Lab::new();
    let list = lab.provider("1234").chain;
    let [ee, ca] = list.certificates() else {
        panic!("two certificates")
    };
    let anchor = Anchor::new(ca.clone(), Standing::Lab).unwrap();
    let only_intermediate = Trust::new("lab", 1, vec![anchor]);
    let judge = |list: &CertificateChain| {
        verify(list, &only_intermediate, NOW, &AwsLc).map(|path| path.anchor())
    };
    assert_eq!(judge(&list), Ok(ca.sha256()));
    assert_eq!(judge(&chain(&[ee])), Ok(ca.sha256()));
    let extra = chain(&[ee, ca, lab.root().certificate()]);
    assert_eq!(
        judge(&extra),
        Err(PathFault::ExtraCertificates {
            step: Step::Issuer(2)
        })
    );
}

/// This test verifies that a certificate naming another issuer is not certified by the next one, whatever its signature.
#[test]
fn the_issuer_s_name_counts() {
    let lab = Lab::new();
    let mut draft = leaf(&lab);
    draft.issuer = subject("Somebody else").name().clone();
    let issuer = draft.issuer.to_string().into();
    refused(
        &lab,
        &with_leaf(&lab, &draft),
        PathFault::IssuerMissing { step: EE, issuer },
    );
}

/// This test verifies that a path length constraint counts the intermediates below it, the anchor's own included.
#[test]
fn digest04_case11_a_path_may_be_too_long() {
    let lab = Lab::new();
    let below = |bound: PathLength| {
        let profile = Profile::Intermediate(bound);
        let (key, upper) = lab
            .issue(lab.root(), profile, "Upper SHAKEN CA", None)
            .unwrap();
        let upper = Authority::new(upper, key, Practice::default()).unwrap();
        // The authority itself would refuse: the draft does not ask.
        let key = new_key();
        let profile = Profile::Intermediate(PathLength::Unbounded);
        let request = Request::new(profile, subject("Lower SHAKEN CA"), key.public_key());
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
        let (_, ee) = lab
            .issue(&lower, Profile::EndEntity, "SHAKEN 1234", scope)
            .unwrap();
        chain(&[&ee, lower.certificate(), upper.certificate()])
    };
    judge(&lab, &below(PathLength::Unbounded)).unwrap();
    judge(&lab, &below(PathLength::AtMost(1))).unwrap();
    let fault = PathFault::PathTooLong {
        step: Step::Issuer(2),
        limit: 0,
    };
    refused(&lab, &below(PathLength::AtMost(0)), fault);

    // An anchor with a bound of its own.
    let name = subject("Lab SHAKEN ROOT");
    let draft = Authority::root_draft(&name, lab.root().key(), lab.next_serial(), validity());
    let draft = replaced(
        draft,
        extension::authority_constraints(PathLength::AtMost(0)),
    );
    let root = Certificate::parse(&draft.sign(lab.root().key()).unwrap()).unwrap();
    let trust = Trust::new("lab", 1, vec![Anchor::new(root, Standing::Lab).unwrap()]);
    let fault = verify(&lab.provider("1234").chain, &trust, NOW, &AwsLc).unwrap_err();
    assert_eq!(
        fault,
        PathFault::PathTooLong {
            step: Step::Anchor,
            limit: 0
        }
    );
}

/// This test verifies that a certificate which an authority issued to its own name does not count: RFC 5280 §4.2.1.9.
#[test]
fn self_issued_certificates_do_not_count() {
    let lab = Lab::new();
    let profile = Profile::Intermediate(PathLength::AtMost(0));
    let (key, old) = lab
        .issue(lab.root(), profile, "Rolling SHAKEN CA", None)
        .unwrap();
    let old = Authority::new(old, key, Practice::default()).unwrap();
    let under = |name: &str| {
        let key = new_key();
        let profile = Profile::Intermediate(PathLength::Unbounded);
        let request = Request::new(profile, subject(name), key.public_key());
        let draft = old.draft(&request, lab.next_serial(), validity());
        let new = Certificate::parse(&draft.sign(old.key()).unwrap()).unwrap();
        let new = Authority::new(new, key, Practice::default()).unwrap();
        let scope = lab
            .provider("1234")
            .chain
            .end_entity()
            .tn_auth_list()
            .cloned();
        let (_, ee) = lab
            .issue(&new, Profile::EndEntity, "SHAKEN 1234", scope)
            .unwrap();
        chain(&[&ee, new.certificate(), old.certificate()])
    };
    judge(&lab, &under("Rolling SHAKEN CA")).unwrap();
    refused(
        &lab,
        &under("Another SHAKEN CA"),
        PathFault::PathTooLong {
            step: Step::Issuer(2),
            limit: 0,
        },
    );
}

/// This test verifies that a path is good as long as every certificate of it is, whichever ends first.
#[test]
fn the_validity_of_a_path_is_that_of_all() {
    let lab = Lab::new();
    let mut short = intermediate(&lab);
    short.validity.not_before = NOW.saturating_add(-10);
    short.validity.not_after = NOW.saturating_add(20);
    let path = judge(&lab, &with_intermediate(&lab, &short)).unwrap();
    assert_eq!(path.validity(), short.validity);
    let mut short = leaf(&lab);
    short.validity.not_after = NOW;
    let path = judge(&lab, &with_leaf(&lab, &short)).unwrap();
    assert_eq!(
        path.validity(),
        Validity {
            not_before: validity().not_before,
            not_after: NOW
        }
    );
}

/// This test verifies that a TN Authorization List in an anchor limits what is below it, in the list or not.
#[test]
fn an_anchor_may_limit_the_numbers_below_it() {
    let lab = Lab::new();
    let name = subject("Lab SHAKEN ROOT");
    let mut draft = Authority::root_draft(&name, lab.root().key(), lab.next_serial(), validity());
    draft.extensions.push(extension::tn_auth_list(
        &TnAuthList::new(vec![numbers("12025550100", 10)]).unwrap(),
    ));
    let root = Certificate::parse(&draft.sign(lab.root().key()).unwrap()).unwrap();
    let trust = Trust::new(
        "limited",
        1,
        vec![Anchor::new(root.clone(), Standing::Lab).unwrap()],
    );
    // An authority without a list below it would be a gap, so the signer stands right below.
    let under = lab.numbers("12025550105", 10).chain;
    let fault = verify(&under, &trust, NOW, &AwsLc).unwrap_err();
    assert_eq!(fault, PathFault::DelegationGap { step: CA });
    let scope = under.end_entity().tn_auth_list().cloned();
    let (_, ee) = lab
        .issue(lab.root(), Profile::EndEntity, "SHAKEN numbers", scope)
        .unwrap();
    for list in [chain(&[&ee]), chain(&[&ee, &root])] {
        let path = verify(&list, &trust, NOW, &AwsLc).unwrap();
        let covers = |number: &str| {
            path.authority()
                .covers(&Identity::Number(number.parse().unwrap()))
        };
        assert_eq!(covers("12025550109"), Coverage::Covered);
        assert_eq!(covers("12025550110"), Coverage::NotCovered);
    }
}

/// This test verifies that a root renewed with the same key, or a second root of the same name, is found.
#[test]
fn anchors_of_one_name_are_told_apart_by_their_key() {
    let (lab, other) = (Lab::new(), Lab::new());
    let anchor = |lab: &Lab| Anchor::new(lab.root().certificate().clone(), Standing::Lab).unwrap();
    let trust = Trust::new("both", 1, vec![anchor(&other), anchor(&lab)]);
    // Without key identifiers only the signatures tell.
    let draft = without(intermediate(&lab), oid::AUTHORITY_KEY_IDENTIFIER);
    for list in [lab.provider("1234").chain, with_intermediate(&lab, &draft)] {
        let path = verify(&list, &trust, NOW, &AwsLc).unwrap();
        assert_eq!(path.anchor(), lab.root().certificate().sha256());
    }
}

/// This test verifies that a list cut at any byte is refused as bytes, never as a crash.
#[test]
fn a_list_cut_anywhere_is_refused() {
    let lab = Lab::new();
    let list = lab.provider("1234").chain;
    let pem = list.to_pem();
    let whole = pem.len();
    for length in 0..whole {
        match CertificateChain::parse(&pem.as_bytes()[..length]) {
            Ok(shorter) => assert!(
                shorter == list || shorter.certificates().len() == 1,
                "{length}"
            ),
            Err(_) => assert!(length < whole - 1, "{length}"),
        }
    }
}
