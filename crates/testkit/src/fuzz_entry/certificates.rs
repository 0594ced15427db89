//! What a certificate repository sends: chains, certificates, and the lists and signatures inside them.

use countersign::certificate::Certificate;
use countersign::certificate::chain::CertificateChain;
use countersign::certificate::delegation::{Delegation, Unknown, judge};
use countersign::certificate::signature::{der_from_fixed, fixed_from_der};
use countersign::certificate::tnauthlist::TnAuthList;

/// The bytes received are the bytes kept; every view can be asked for.
pub(super) fn certificate(bytes: &[u8]) {
    let Ok(certificate) = Certificate::parse(bytes) else {
        return;
    };
    assert_eq!(certificate.as_der(), bytes);
    assert!(
        bytes
            .windows(certificate.tbs().len())
            .any(|part| part == certificate.tbs())
    );
    let _ = (
        certificate.subject().to_string(),
        certificate.issuer().common_name(),
    );
    let _ = (
        certificate.public_key().p256(),
        certificate.signature(),
        certificate.is_self_issued(),
    );
    if let Some(list) = certificate.tn_auth_list() {
        assert!(list.encompasses(list));
    }
}

/// A chain that is read and written again has the same certificates in the same order: the same digest.
pub(super) fn chain(bytes: &[u8]) {
    let Ok(chain) = CertificateChain::parse(bytes) else {
        return;
    };
    let again = CertificateChain::parse(chain.to_pem().as_bytes());
    assert_eq!(again.map(|again| again.digest()).ok(), Some(chain.digest()));
}

/// What is read can be written and read again. It need not be the same bytes: a range may have fields of a later version.
pub(super) fn tnauthlist(bytes: &[u8]) {
    let Ok(list) = TnAuthList::from_der(bytes) else {
        return;
    };
    assert_eq!(TnAuthList::from_der(&list.to_der()).as_ref(), Ok(&list));
    let none = list.numbers().difference(list.numbers());
    assert!(list.encompasses(&list) && none.is_empty());
    assert_eq!(list.union(&list).numbers(), list.numbers());
    assert_eq!(judge(&list, &list, &Unknown), Delegation::Encompassed);
}

/// DER has one encoding of a signature.
pub(super) fn ecdsa_signature(bytes: &[u8]) {
    if let Some(fixed) = fixed_from_der(bytes) {
        assert_eq!(der_from_fixed(&fixed), bytes);
    }
}
