//! Authorities may sign with other algorithms than ES256; signers of calls may not.
//!
//! ```text
//!     root: P-384, P-521 or RSA ──▶ signer: P-256        verifies
//!     root: P-256               ──▶ signer: RSA, P-384   refused by name
//! ```
//!
//! OpenSSL made these lists.

use const_oid::ObjectIdentifier;
use countersign::certificate::{AuthorityAlgorithms, CertificateChain};
use countersign::crypto::AwsLc;
use countersign::path::{PathFault, Step, verify};
use countersign::trust::{Anchor, Standing, Trust};

const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_WITH_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
const RSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const EE: Step = Step::EndEntity;

macro_rules! list {
    ($name:literal) => {
        CertificateChain::parse(include_bytes!(concat!(
            "../../../../test-data/x509/other-algorithms/",
            $name,
            ".pem"
        )))
        .unwrap()
    };
}

/// The verdict under a domain whose anchor is the last of the list.
fn judge(list: &CertificateChain) -> Result<(), PathFault> {
    let root = list.certificates().last().unwrap();
    let anchor = Anchor::new(root.clone(), Standing::Lab).unwrap();
    let trust = Trust::new("openssl", 1, vec![anchor]);
    let at = root.validity().not_before.saturating_add(60);
    verify(list, &trust, at, &AwsLc).map(|_| ())
}

/// This test verifies that certificates signed with the other algorithms of authorities lead to their anchors.
#[test]
fn digest04_case22_a_signer_of_an_rsa_authority_verifies() {
    for list in [
        list!("rsa-root"),
        list!("rsa3072-sha384-root"),
        list!("rsa4096-sha512-root"),
        list!("p384-root"),
        list!("p521-root"),
    ] {
        assert_eq!(judge(&list), Ok(()), "{list:?}");
        let [leaf, root] = list.certificates() else {
            panic!("two certificates")
        };
        assert_eq!(leaf.signature_algorithm(), root.signature_algorithm());
        let spoilt = [
            leaf.as_der().split_last().unwrap().1,
            &[leaf.as_der().last().unwrap() ^ 1],
        ]
        .concat();
        let spoilt = CertificateChain::from_der([&spoilt, root.as_der()]).unwrap();
        assert_eq!(judge(&spoilt), Err(PathFault::BadSignature { step: EE }));
    }
}

/// This test verifies that keys of other algorithms sign no calls, whoever certified them, and what authorities may not sign with.
#[test]
fn digest04_case22_an_rsa_signer_is_refused() {
    let key = |algorithm| PathFault::UnsupportedKey {
        step: EE,
        algorithm,
    };
    let signature = |algorithm| PathFault::UnsupportedAlgorithm {
        step: EE,
        algorithm,
    };
    for (list, fault) in [
        (list!("rsa-leaf"), key(RSA)),
        (list!("p384"), key(P384)),
        // The hash is not the curve's.
        (list!("sha384"), signature(WITH_SHA384)),
        (list!("p384-sha256-root"), signature(WITH_SHA256)),
        (list!("rsa-sha1-root"), signature(RSA_WITH_SHA1)),
        (
            list!("rsa1024-root"),
            PathFault::UnusableKey {
                step: Step::Issuer(1),
            },
        ),
    ] {
        assert_eq!(judge(&list), Err(fault), "{list:?}");
    }
    // What a domain does not allow, it does not verify.
    let list = list!("rsa-root");
    let algorithm = list.end_entity().signature_algorithm();
    assert_eq!(algorithm.oid(), RSA_WITH_SHA256);
    assert!(AuthorityAlgorithms::EcdsaAndRsa.accepts(algorithm));
    assert!(!AuthorityAlgorithms::Ecdsa.accepts(algorithm));
}
