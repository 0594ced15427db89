//! RFC 5280 Appendix C.4: a revocation list of version 2.
//!
//! ```text
//!     cn=Example CA,dc=example,dc=com ──▶ list 12 of 2005-02-05: serial number 18, keyCompromise
//! ```
//!
//! This test verifies that the printed list is read as its description says. It is signed with RSA and SHA-1, which nobody here
//! believes.

use countersign::certificate::crl::{CrlNumber, Reason};
use countersign::certificate::distribution::{ListIssuers, ListSubjects, Reasons};
use countersign::certificate::{AuthorityAlgorithms, Crl};
use countersign::time::UnixTime;

const C4: &[u8] = include_bytes!("../../../../test-data/x509/rfc5280-c4-crl.pem");

#[test]
fn rfc5280_c4_a_revocation_list() {
    let list = Crl::parse(C4).unwrap();
    // The parts in the other order: RFC 4514 writes the last attribute first.
    let issuer = list.issuer().to_string();
    assert!(issuer.starts_with("CN=Example CA,"), "{issuer}");
    assert_eq!(list.this_update().to_string(), "2005-02-05T12:00:00Z");
    assert_eq!(list.next_update().to_string(), "2005-02-06T12:00:00Z");
    assert_eq!(list.number(), &CrlNumber::new(12));
    let key = list.aki().unwrap();
    assert_eq!((key.len(), &key[..3]), (20, &[0x08, 0x68, 0xaf][..]));
    assert_eq!(list.entries().len(), 1);
    let entry = list.entries().find(list.issuer(), &[18]).unwrap();
    assert_eq!(entry.reason, Reason::KeyCompromise);
    assert_eq!(entry.at, UnixTime::from_secs(1_100_879_823));
    assert!(list.entries().find(list.issuer(), &[17]).is_none());
    let scope = list.scope();
    assert_eq!(
        (scope.subjects, scope.issuers),
        (ListSubjects::Every, ListIssuers::Own)
    );
    assert!(scope.name.is_none() && scope.reasons == Reasons::ALL);
    assert_eq!(list.obstacle(), None);
    let algorithm = list.signed().algorithm;
    assert_eq!(algorithm.oid().to_string(), "1.2.840.113549.1.1.5");
    assert!(!AuthorityAlgorithms::default().accepts(algorithm));
}
