//! A list of certificates leads to an anchor, or the fault is named.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ Lab SHAKEN Issuing CA ──▶ SHAKEN 1234
//!        (anchor)            certificates[1]         certificates[0]
//! ```

use countersign::certificate::{
    Certificate, CertificateChain, Coverage, PublicKey, TnAuthList, TnEntry,
};
use countersign::crypto::{AwsLc, SigningKey};
use countersign::identity::Identity;
use countersign::path::{KeyPurpose, PathFault, Step, VerifiedPath, verify};
use countersign::time::{UnixTime, Validity};
use countersign::trust::{Anchor, AnchorError, Standing, Trust};
use countersign_ca::extension::{self, Extension, PathLength, usage};
use countersign_ca::{Authority, Draft, Practice, Profile, Request};
use countersign_testkit::lab::{
    HALF_VALIDITY, Lab, NOW, Signer, chain, new_key, numbers, subject, validity,
};

fn number(text: &str) -> Identity {
    Identity::Number(text.parse().unwrap())
}

fn judge(lab: &Lab, chain: &CertificateChain) -> Result<VerifiedPath, PathFault> {
    verify(chain, &lab.trust(1), NOW, &AwsLc)
}

#[track_caller]
fn refused(lab: &Lab, chain: &CertificateChain, fault: PathFault) {
    assert_eq!(judge(lab, chain).unwrap_err(), fault);
}

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
        path.authority().covers(&number("12025550100")),
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
