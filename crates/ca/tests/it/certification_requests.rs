//! Certification requests, beside OpenSSL.
//!
//! ```text
//!     csr::write ──▶ openssl req -verify          openssl req -new ──▶ CertificationRequest::parse
//! ```
//!
//! These tests verify that each side reads what the other writes, that a request proves the possession of its key, and that every
//! defect has its name.

use crate::openssl::{Files, flat, openssl};
use countersign::certificate::encode::{SET, constructed, element, integer, oid, sequence};
use countersign::certificate::extensions::oid as kinds;
use countersign::certificate::pem::{armoured, blocks};
use countersign::certificate::request::{EXTENSION_REQUEST, MAX_ATTRIBUTES};
use countersign::certificate::{Criticality, TnAuthList};
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign_ca::csr::{self, CertificationRequest, CsrFault, MAX_REQUEST};
use countersign_ca::extension::{self, Extension, PathLength};
use countersign_testkit::lab::{new_key, numbers, subject};

fn scope() -> TnAuthList {
    TnAuthList::new(vec![numbers("12025550100", 50)]).unwrap()
}

fn request(extensions: &[Extension], key: &EcdsaP256Key) -> Vec<u8> {
    csr::write(subject("SHAKEN 1234").name(), extensions, key).unwrap()
}

/// A request of these parts, signed by `key` like any other.
fn signed(info: &[Vec<u8>], key: &EcdsaP256Key) -> Vec<u8> {
    let info = sequence(info);
    let signature = key.sign(&info).unwrap();
    let signature = countersign::certificate::signature::der_from_fixed(&signature);
    let algorithm = sequence(&[oid(&const_oid::ObjectIdentifier::new_unwrap(
        "1.2.840.10045.4.3.2",
    ))]);
    sequence(&[
        info,
        algorithm,
        countersign::certificate::encode::bit_string(&signature),
    ])
}

/// The SubjectPublicKeyInfo of a key: the end of what OpenSSL reads in a request of ours.
fn key_info(key: &EcdsaP256Key) -> Vec<u8> {
    const P256: [u8; 21] = [
        0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ];
    let bits = countersign::certificate::encode::bit_string(&key.public_key());
    sequence(&[P256.to_vec(), bits])
}

/// One extensionRequest attribute.
fn attribute(extensions: &[Extension]) -> Vec<u8> {
    let list: Vec<_> = extensions.iter().map(Extension::to_der).collect();
    sequence(&[oid(&EXTENSION_REQUEST), element(SET, &sequence(&list))])
}

/// A request whose attributes are these.
fn with_attributes(attributes: &[Vec<u8>], key: &EcdsaP256Key) -> Vec<u8> {
    let info = [
        integer(&[0]),
        subject("SHAKEN 1234").name().as_der().to_vec(),
        key_info(key),
        element(constructed(0), &attributes.concat()),
    ];
    signed(&info, key)
}

#[test]
fn what_we_write_openssl_verifies_and_reads() {
    let key = new_key();
    let der = request(
        &[
            extension::authority_constraints(PathLength::AtMost(0)),
            extension::tn_auth_list(&scope()),
        ],
        &key,
    );
    let files = Files::new();
    let pem = armoured("CERTIFICATE REQUEST", &der);
    let path = files.bytes("request.pem", pem.as_bytes());
    let (content, said) = openssl(&["req", "-verify", "-noout", "-text", "-in"], &[&path]);
    assert!(content, "{said}");
    let said = flat(&said);
    for part in [
        "verify OK",
        "CN=SHAKEN 1234",
        "Version: 1 (0x0)",
        "CA:TRUE, pathlen:0",
        "1.3.6.1.5.5.7.1.26",
        "ecdsa-with-SHA256",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn what_openssl_writes_we_read() {
    let files = Files::new();
    let config = files.bytes(
        "config",
        b"[req]\ndistinguished_name=dn\nreq_extensions=e\nprompt=no\n[dn]\nC=US\nO=Example\nCN=SHAKEN 1234\n[e]\n\
          basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nsubjectAltName=URI:sip:example.com\n\
          1.3.6.1.5.5.7.1.26=DER:3008a006160431323334\n",
    );
    let key = files.bytes("key.pem", b"");
    let made = openssl(
        &[
            "ecparam",
            "-name",
            "prime256v1",
            "-genkey",
            "-noout",
            "-out",
        ],
        &[&key],
    );
    assert!(made.0, "{}", made.1);
    let arguments = [
        "req",
        "-new",
        "-sha256",
        "-config",
        config.to_str().unwrap(),
        "-key",
    ];
    let (content, said) = openssl(&arguments, &[&key]);
    assert!(content, "{said}");
    let der = blocks(said.as_bytes()).next().unwrap().der().unwrap();
    let read = CertificationRequest::parse(&der).unwrap();
    assert_eq!(read.subject().common_name().as_deref(), Some("SHAKEN 1234"));
    assert!(!read.is_ca() && read.basic_constraints().is_some());
    assert!(read.key_usage().unwrap().digital_signature());
    assert_eq!(
        &*read.subject_alt_name().unwrap().uris,
        ["sip:example.com".into()]
    );
    let (list, raw) = read.tn_auth_list().unwrap();
    assert_eq!(list.to_string(), "SPC 1234");
    assert_eq!(raw, [0x30, 8, 0xa0, 6, 0x16, 4, b'1', b'2', b'3', b'4']);
    let kinds: Vec<_> = read
        .extensions()
        .map(|one| (one.kind, one.criticality))
        .collect();
    assert_eq!(kinds[0], (kinds::BASIC_CONSTRAINTS, Criticality::Critical));
    assert_eq!(kinds.len(), 4);
}

#[test]
fn a_request_without_extensions_is_one() {
    let key = new_key();
    let read = CertificationRequest::parse(&request(&[], &key)).unwrap();
    assert_eq!(read.public_key(), &key.public_key());
    assert_eq!(read.extensions().count(), 0);
    assert!(!read.is_ca() && read.tn_auth_list().is_none());
}

#[test]
fn whoever_has_not_the_key_gets_nothing() {
    let (key, other) = (new_key(), new_key());
    let good = request(&[], &key);
    let swapped = request(&[], &other);
    // The signature of one under the information of the other.
    let info = |der: &[u8]| der.windows(65).position(|w| w == key.public_key()).unwrap();
    let at = info(&good);
    let mut stolen = swapped.clone();
    let place = swapped
        .windows(65)
        .position(|window| window == other.public_key())
        .unwrap();
    stolen[place..place + 65].copy_from_slice(&good[at..at + 65]);
    assert_eq!(
        CertificationRequest::parse(&stolen).map(|_| ()),
        Err(CsrFault::Signature)
    );
}

#[test]
fn every_bit_of_a_request_counts() {
    let key = new_key();
    let good = request(&[extension::tn_auth_list(&scope())], &key);
    assert!(CertificationRequest::parse(&good).is_ok());
    for position in 0..good.len() {
        let mut bad = good.clone();
        bad[position] ^= 1;
        assert!(
            CertificationRequest::parse(&bad).is_err(),
            "byte {position}"
        );
        assert!(
            CertificationRequest::parse(&good[..position]).is_err(),
            "{position} bytes"
        );
    }
}

#[test]
fn every_defect_has_its_name() {
    let key = new_key();
    let list = extension::tn_auth_list(&scope());
    let name = || subject("SHAKEN 1234").name().as_der().to_vec();
    let broken = Extension::non_critical(kinds::TN_AUTH_LIST, vec![0x30, 0]);
    let password = const_oid::ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.7");
    let password = sequence(&[oid(&password), element(SET, &element(0x0c, b"x"))]);
    let version = [
        integer(&[1]),
        name(),
        key_info(&key),
        element(constructed(0), &[]),
    ];
    for (der, fault) in [
        (
            with_attributes(&[attribute(&[list.clone(), list.clone()])], &key),
            CsrFault::DuplicateExtension(kinds::TN_AUTH_LIST),
        ),
        (
            with_attributes(
                &[attribute(std::slice::from_ref(&list)), attribute(&[list])],
                &key,
            ),
            CsrFault::TwoLists,
        ),
        (
            with_attributes(&[attribute(&[broken])], &key),
            CsrFault::Extension(kinds::TN_AUTH_LIST),
        ),
        (
            with_attributes(&[attribute(&[])], &key),
            CsrFault::Malformed,
        ),
        (
            with_attributes(&vec![password.clone(); MAX_ATTRIBUTES + 1], &key),
            CsrFault::TooManyAttributes,
        ),
        (signed(&version, &key), CsrFault::Version),
        (vec![0x30; MAX_REQUEST + 1], CsrFault::TooLarge),
        (Vec::new(), CsrFault::Malformed),
    ] {
        let read = CertificationRequest::parse(&der).map(|_| ());
        assert_eq!(read, Err(fault), "{fault}");
    }
    let with_password = with_attributes(&[password], &key);
    assert!(
        CertificationRequest::parse(&with_password).is_ok(),
        "read over"
    );
}

/// Keys and signatures of other kinds are named, for `badPublicKey` and `badCSR`.
#[test]
fn other_algorithms_are_named() {
    let files = Files::new();
    for (name, algorithm, digest, expected) in [
        (
            "p384",
            "ec:secp384r1",
            "-sha384",
            CsrFault::Key(kinds::SECP384R1),
        ),
        (
            "rsa",
            "rsa:2048",
            "-sha256",
            CsrFault::Key(kinds::RSA_ENCRYPTION),
        ),
        (
            "digest",
            "ec:prime256v1",
            "-sha384",
            CsrFault::Algorithm(const_oid::ObjectIdentifier::new_unwrap(
                "1.2.840.10045.4.3.3",
            )),
        ),
    ] {
        let key = files.bytes(name, b"");
        let (kind, parameter) = algorithm.split_once(':').unwrap();
        let option = match kind {
            "ec" => format!(
                "ec_paramgen_curve:{}",
                parameter
                    .trim_start_matches("sec")
                    .replace("p384r1", "P-384")
                    .replace("prime256v1", "P-256")
            ),
            _ => format!("rsa_keygen_bits:{parameter}"),
        };
        let made = openssl(
            &["genpkey", "-algorithm", kind, "-pkeyopt", &option, "-out"],
            &[&key],
        );
        assert!(made.0, "{}", made.1);
        let arguments = ["req", "-new", digest, "-subj", "/CN=x", "-key"];
        let (content, said) = openssl(&arguments, &[&key]);
        assert!(content, "{said}");
        let der = blocks(said.as_bytes()).next().unwrap().der().unwrap();
        assert_eq!(CertificationRequest::parse(&der).map(|_| ()), Err(expected));
    }
}
