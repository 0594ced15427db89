//! Revocation lists, direct and indirect, as OpenSSL reads them.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ STI-PA CRL ──▶ one list: serial 1 of the Issuing CA, serial 2 of the same, serial 3 of the root
//! ```
//!
//! These tests verify the lists, and that OpenSSL refuses what stands on one. What our own verifier makes of them is in
//! `revoked_certificates.rs`, both side by side in `revocation_beside_openssl.rs`.

use crate::openssl::{Files, flat, openssl};
use countersign::certificate::Certificate;
use countersign::crypto::EcdsaP256Key;
use countersign_ca::crl::{Crl, Reason, Revoked, issue};
use countersign_ca::extension::CrlScope;
use countersign_ca::{IssuanceError, Profile};
use countersign_testkit::lab::{Lab, NOW, new_key};
use std::sync::Arc;

fn crl(scope: CrlScope, revoked: Vec<Revoked>) -> Crl {
    Crl {
        this_update: NOW,
        next_update: NOW.saturating_add(86_400),
        number: 300,
        scope,
        url: Some("https://sti-pa.example/crl".into()),
        revoked,
    }
}

fn revoked(certificate: &Certificate, reason: Reason) -> Revoked {
    Revoked {
        issuer: certificate.issuer().clone(),
        serial: certificate.serial().to_vec(),
        at: NOW,
        reason,
    }
}

/// The policy administrator's certificate for lists.
fn crl_issuer(lab: &Lab) -> (Arc<EcdsaP256Key>, Certificate) {
    lab.issue(lab.root(), Profile::CrlIssuer, "STI-PA CRL", None)
        .unwrap()
}

fn text(der: &[u8]) -> String {
    let files = Files::new();
    let path = files.bytes("list.crl", der);
    let (content, said) = openssl(
        &["crl", "-inform", "DER", "-noout", "-text", "-in"],
        &[&path],
    );
    assert!(content, "{said}");
    flat(&said)
}

#[test]
fn an_indirect_list_as_openssl_sees_it() {
    let lab = Lab::new();
    let (key, issuer) = crl_issuer(&lab);
    let (first, second) = (lab.provider("1234").chain, lab.provider("1235").chain);
    let entries = vec![
        revoked(first.end_entity(), Reason::KeyCompromise),
        revoked(second.end_entity(), Reason::Unspecified),
        revoked(lab.intermediate().certificate(), Reason::CaCompromise),
    ];
    let list = issue(&crl(CrlScope::Indirect, entries), &issuer, key.as_ref()).unwrap();
    let text = text(&list);
    for line in [
        "Version 2 (0x1)",
        "Signature Algorithm: ecdsa-with-SHA256",
        "Issuer: C=US, O=Countersign Lab, CN=STI-PA CRL",
        "Last Update: Nov 5 00:00:00 2026 GMT",
        "Next Update: Nov 6 00:00:00 2026 GMT",
        "X509v3 CRL Number: 300",
        "X509v3 Issuing Distribution Point: critical Full Name: URI:https://sti-pa.example/crl Indirect CRL",
        "X509v3 CRL Reason Code: Key Compromise X509v3 Certificate Issuer: critical DirName:/C=US/O=Countersign Lab/CN=Lab SHAKEN Issuing CA",
        "X509v3 CRL Reason Code: CA Compromise X509v3 Certificate Issuer: critical DirName:/C=US/O=Countersign Lab/CN=Lab SHAKEN ROOT",
    ] {
        // Versions of OpenSSL write a directory name with slashes or with commas.
        let other = line.replace("DirName:/", "DirName:").replace('/', ", ");
        let url = line.contains("https:");
        assert!(
            text.contains(line) || (!url && text.contains(&other)),
            "{line:?} is not in\n{text}"
        );
    }
    assert_eq!(text.matches("Serial Number:").count(), 3);
    assert_eq!(
        text.matches("Certificate Issuer").count(),
        2,
        "the second entry inherits"
    );
}

/// OpenSSL verifies the signature of a list, and refuses what stands on it.
#[test]
fn openssl_refuses_what_stands_on_a_list() {
    let lab = Lab::new();
    let ca = lab.intermediate();
    let (good, bad) = (lab.provider("1234").chain, lab.provider("1235").chain);
    let mut direct = crl(
        CrlScope::Direct,
        vec![revoked(bad.end_entity(), Reason::Superseded)],
    );
    direct.url = None;
    let list = issue(&direct, ca.certificate(), ca.key()).unwrap();
    let empty = Crl {
        revoked: Vec::new(),
        ..direct
    };
    let empty = issue(&empty, lab.root().certificate(), lab.root().key()).unwrap();
    assert!(text(&empty).contains("No Revoked Certificates"));

    let files = Files::new();
    let root = files.certificates("root.pem", &[lab.root().certificate().as_der()]);
    let between = files.certificates("ca.pem", &[ca.certificate().as_der()]);
    let lists = [&list, &empty].map(|der| {
        let path = files.bytes("list.der", der);
        let (content, pem) = openssl(&["crl", "-inform", "DER", "-in"], &[&path]);
        assert!(content, "{pem}");
        pem
    });
    let lists = files.bytes("lists.pem", lists.concat().as_bytes());
    let at = NOW.as_secs().to_string();
    let judge = |leaf: &Certificate| {
        let leaf = files.certificates("leaf.pem", &[leaf.as_der()]);
        let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
        let arguments = [
            "verify",
            "-x509_strict",
            "-crl_check_all",
            "-attime",
            &at,
            "-CAfile",
            &path(&root),
        ];
        let more = ["-untrusted", &path(&between), "-CRLfile", &path(&lists)];
        openssl(&[&arguments[..], &more[..]].concat(), &[&leaf])
    };
    let (content, said) = judge(good.end_entity());
    assert!(content, "{said}");
    let (content, said) = judge(bad.end_entity());
    assert!(!content && said.contains("certificate revoked"), "{said}");
}

#[test]
fn who_may_not_sign_a_list_does_not() {
    let lab = Lab::new();
    let (key, issuer) = crl_issuer(&lab);
    let provider = lab.provider("1234");
    let list = |scope, entries| crl(scope, entries);
    let refused = |crl: &Crl, by: &Certificate, key: &EcdsaP256Key| issue(crl, by, key).err();
    let indirect = list(CrlScope::Indirect, Vec::new());
    let leaf = provider.chain.end_entity();
    assert_eq!(
        refused(&indirect, leaf, &provider.key),
        Some(IssuanceError::BadAuthority),
        "no cRLSign"
    );
    assert_eq!(
        refused(&indirect, &issuer, &new_key()),
        Some(IssuanceError::KeyMismatch)
    );
    assert_eq!(refused(&indirect, &issuer, &key), None);
    let backwards = Crl {
        next_update: NOW.saturating_add(-1),
        ..indirect.clone()
    };
    assert_eq!(
        refused(&backwards, &issuer, &key),
        Some(IssuanceError::Validity)
    );
    let foreign = list(CrlScope::Direct, vec![revoked(leaf, Reason::Unspecified)]);
    assert_eq!(
        refused(&foreign, &issuer, &key),
        Some(IssuanceError::BadAuthority),
        "another's certificate on a direct list"
    );
}
