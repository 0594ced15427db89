//! What a certificate repository sends: chains, certificates, and the lists and signatures inside them; and the lists of revocations
//! and of anchors beside them.

use countersign::certificate::Certificate;
use countersign::certificate::chain::CertificateChain;
use countersign::certificate::constraints::{ClaimConstraints, ConstraintList, Violation};
use countersign::certificate::crl::{Crl, MAX_CRL_ENTRIES};
use countersign::certificate::delegation::{Delegation, Unknown, judge};
use countersign::certificate::lint;
use countersign::certificate::name_constraints::Work;
use countersign::certificate::ocsp::{OcspRequest, OcspResponse};
use countersign::certificate::pem::{armoured, blocks};
use countersign::certificate::signature::{der_from_fixed, fixed_from_der};
use countersign::certificate::tnauthlist::TnAuthList;
use countersign::crypto::{
    BadSignature, POINT_LEN, SIGNATURE_LEN, Signature, UnusableKey, VerifyingKey, VerifyingKeys,
};
use countersign::jose::base64url;
use countersign::jose::json::{Object, Value};
use countersign::time::UnixTime;
use countersign::trust::ca_list::Administrator;
use countersign::trust::{CaList, MAX_ANCHORS, Standing};
use std::sync::Arc;

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
    if let (Some(constraints), Some(names)) = (certificate.name_constraints(), certificate.names())
    {
        let _ = constraints.judge(&names, &mut Work::default());
    }
    if let Some(list) = certificate.tn_auth_list() {
        assert_eq!(judge(list, list, &Unknown), Delegation::Encompassed);
    }
    if let Some(url) = certificate.tn_list_url() {
        assert!(url.as_str().is_ascii() && certificate.has_scope());
    }
    for finding in lint::run(&certificate) {
        assert!(!finding.name.is_empty() && !finding.detail.is_empty());
    }
}

/// A request that is read and written says the same; a response is read within its limits, and its signed part is a part of it.
pub(super) fn ocsp(bytes: &[u8]) {
    if let Ok(request) = OcspRequest::parse(bytes) {
        assert_eq!(OcspRequest::parse(&request.to_der()), Ok(request));
    }
    if let Ok(OcspResponse::Answered(answer)) = OcspResponse::parse(bytes) {
        let signed = answer.signed();
        let within = |part: &[u8]| bytes.windows(part.len()).any(|one| one == part);
        assert!(within(signed.message));
        let _ = format!("{answer:?}");
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

/// A block that is read and written again is the same block, and every boundary begins one at most.
pub(super) fn pem(bytes: &[u8]) {
    let begun = bytes
        .windows(5)
        .filter(|window| *window == b"BEGIN")
        .count();
    assert!(blocks(bytes).count() <= begun);
    for block in blocks(bytes) {
        let Ok(der) = block.der() else { continue };
        let again = armoured(block.label(), &der);
        let mut read = blocks(again.as_bytes()).map(|block| block.der());
        assert_eq!(read.next(), Some(Ok(der)), "{:?}", block.label());
        assert_eq!(read.next(), None);
    }
}

/// What is read can be written and read again. It need not be the same bytes: a range may have fields of a later version.
pub(super) fn tnauthlist(bytes: &[u8]) {
    let Ok(list) = TnAuthList::from_der(bytes) else {
        return;
    };
    assert_eq!(TnAuthList::from_der(&list.to_der()).as_ref(), Ok(&list));
    let none = list.numbers().difference(list.numbers());
    assert!(none.is_empty());
    assert_eq!(list.union(&list).numbers(), list.numbers());
    assert_eq!(judge(&list, &list, &Unknown), Delegation::Encompassed);
}

/// DER has one encoding, so what is read is written as the same bytes. Claims that are not there break nothing but a demand, and
/// those that are there no demand.
pub(super) fn constraints(bytes: &[u8]) {
    let plain = ConstraintList::plain_from_der(bytes);
    let Ok(list) = ConstraintList::from_der(bytes) else {
        assert!(plain.is_err());
        return;
    };
    assert_eq!(list.to_der(), bytes, "a second encoding was accepted");
    assert_eq!(plain.is_ok(), list.must_exclude.is_empty());
    let mut demanded: Vec<&str> = list.must_include.iter().map(|name| &**name).collect();
    demanded.sort_unstable();
    demanded.dedup();
    let claims = demanded.iter().map(|name| ((*name).into(), Value::Null));
    let claims = Object::from_members(claims.collect());
    let constraints = ClaimConstraints {
        plain: plain.ok(),
        enhanced: Some(list.clone()),
    };
    let broken = constraints.judge(&Object::default());
    assert!(matches!(broken, Ok(()) | Err(Violation::Missing { .. })));
    let broken = claims.map(|claims| constraints.judge(&claims));
    assert!(!matches!(
        broken,
        Err(_) | Ok(Err(Violation::Missing { .. }))
    ));
    assert!(!list.is_void() || broken == Ok(Ok(())));
}

/// DER has one encoding of a signature.
pub(super) fn ecdsa_signature(bytes: &[u8]) {
    if let Some(fixed) = fixed_from_der(bytes) {
        assert_eq!(der_from_fixed(&fixed), bytes);
    }
}

/// A list and the same in PEM are one; every view can be asked for, and what is kept is no more than what came.
pub(super) fn crl(bytes: &[u8]) {
    let Ok(list) = Crl::parse(bytes) else {
        return;
    };
    assert!(list.entries().len() <= MAX_CRL_ENTRIES);
    assert!(list.signed().message.len() < bytes.len());
    assert!(list.entries().find(list.issuer(), &[]).is_none());
    let _ = (list.number().to_string(), list.obstacle());
    let point = list.scope().name.as_ref();
    assert!(point.is_none_or(|name| name.overlaps(name)));
}

/// Believes every signature, so that what is behind it is read.
struct Gullible;

impl VerifyingKey for Gullible {
    fn verify(&self, _: &[u8], _: &Signature) -> Result<(), BadSignature> {
        Ok(())
    }
}

impl VerifyingKeys for Gullible {
    fn p256(&self, _: &[u8]) -> Result<Arc<dyn VerifyingKey>, UnusableKey> {
        Ok(Arc::new(Self))
    }
}

/// The bytes are the payload of a list of anchors, signed or not: every anchor is an authority, none stands twice, and a list may
/// take its own place.
pub(super) fn ca_list(bytes: &[u8]) {
    let _ = std::str::from_utf8(bytes).map(CaList::parse);
    let header = base64url::encode(br#"{"alg":"ES256"}"#);
    let signature = base64url::encode(&[1; SIGNATURE_LEN]);
    let token = format!("{header}.{}.{signature}", base64url::encode(bytes));
    let Ok(list) = CaList::parse(&token) else {
        return;
    };
    let administrator = Administrator::Key(Box::new([4; POINT_LEN]));
    let at = UnixTime::from_secs(0);
    let Ok(list) = list.verify(&administrator, Standing::Lab, at, &Gullible) else {
        return;
    };
    let anchors = list.anchors();
    assert!((1..=MAX_ANCHORS).contains(&anchors.len()));
    for (index, anchor) in anchors.iter().enumerate() {
        assert!(anchor.certificate().is_ca());
        assert!(!anchors.iter().skip(index + 1).any(|other| other == anchor));
    }
    assert_eq!(list.succeeds(&list), Ok(()));
}
