//! One certificate that is printed in a standard, read, cut, and changed octet by octet.

use super::*;
use crate::certificate::{CertificateChain, ChainError, TnEntry, encode, encode::element};

const FIGURE_1: &[u8] = include_bytes!("../../../../../test-data/x509/rfc9118-figure1.pem");

fn figure_1() -> Vec<u8> {
    let chain = CertificateChain::parse(FIGURE_1).unwrap();
    chain.end_entity().as_der().to_vec()
}

#[test]
fn the_certificate_of_rfc_9118_figure_1() {
    let certificate = Certificate::parse(&figure_1()).unwrap();
    assert_eq!(
        certificate.issuer().to_string(),
        "CN=BOGUS SHAKEN ROOT,C=US"
    );
    assert_eq!(
        certificate.subject().common_name().as_deref(),
        Some("SHAKEN")
    );
    assert_eq!(
        certificate.validity().not_before.to_string(),
        "2021-07-15T21:52:15Z"
    );
    assert_eq!(
        certificate.validity().not_after.to_string(),
        "2022-07-15T21:52:15Z"
    );
    assert_eq!(
        certificate.tn_auth_list().unwrap().entries(),
        [TnEntry::Spc("1234".parse().unwrap())]
    );
    assert!(certificate.key_usage().unwrap().digital_signature());
    assert!(!certificate.is_ca() && certificate.basic_constraints().is_some());
    assert_eq!(certificate.ski().map(<[u8]>::len), Some(20));
    assert_eq!(certificate.aki().map(<[u8]>::len), Some(20));
    assert!(certificate.public_key().p256().is_some());
    assert!(certificate.signature().is_some());
    assert!(
        certificate.unknown_critical().is_empty() && certificate.malformed_extensions().is_empty()
    );
    assert_eq!(certificate.serial().len(), 20);
    assert!(!certificate.is_self_issued());
    // The signed part lies between the outer header and the algorithm.
    assert_eq!(
        certificate.tbs(),
        &figure_1()[4..4 + certificate.tbs().len()]
    );
}

/// The algorithm stands there twice, once in the signed part; OIDs ending in 2 and 3 are SHA-256 and SHA-384.
#[test]
fn two_algorithms_are_refused() {
    let der = figure_1();
    let oid = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let places: Vec<usize> = (0..der.len())
        .filter(|at| der[*at..].starts_with(&oid))
        .collect();
    assert_eq!(places.len(), 2);
    let mut changed = der;
    for place in places {
        changed[place + 7] = 0x03;
        let read = Certificate::parse(&changed).map(|read| read.signature_algorithm());
        match changed.windows(8).any(|window| window == oid) {
            true => assert_eq!(read, Err(CertificateError::AlgorithmMismatch)),
            false => assert_eq!(read, Ok(SignatureAlgorithm::EcdsaWithSha384)),
        }
    }
}

/// Every prefix is refused, and so is a byte too many.
#[test]
fn a_cut_certificate_is_refused() {
    let der = figure_1();
    for length in 0..der.len() {
        assert_eq!(
            Certificate::parse(&der[..length]).unwrap_err(),
            CertificateError::Malformed,
            "{length}"
        );
    }
    assert_eq!(
        Certificate::parse(&[&der[..], &[0]].concat()).unwrap_err(),
        CertificateError::Malformed
    );
}

/// Every bit flipped, and every octet as a whole: refused or read, never a panic, and never the same certificate.
#[test]
fn a_changed_certificate_is_refused_or_read() {
    let der = figure_1();
    let original = Certificate::parse(&der).unwrap();
    for at in 0..der.len() {
        for flip in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut changed = der.clone();
            changed[at] ^= flip;
            if let Ok(read) = Certificate::parse(&changed) {
                assert_ne!(read.sha256(), original.sha256());
                assert!(!read.tbs().is_empty());
            }
        }
    }
}

/// The certificate without its extensions, in the older versions; and with them.
#[test]
fn older_versions_are_read() {
    let der = figure_1();
    let of_version = |version: Option<u8>, extensions: bool| {
        let mut certificate = Walk::over(&der).unwrap().enter(Tag::Sequence).unwrap();
        let mut fields = certificate.enter(Tag::Sequence).unwrap();
        fields.content(constructed(0)).unwrap();
        let explicit = |number| element(encode::constructed(0), &encode::integer(&[number]));
        let mut parts: Vec<Vec<u8>> = version.map(explicit).into_iter().collect();
        while let Some(tag) = fields.peek() {
            let own = fields.whole(tag).unwrap().to_vec();
            if extensions || tag != constructed(3) {
                parts.push(own);
            }
        }
        let tbs = encode::sequence(&parts);
        let algorithm = certificate.whole(Tag::Sequence).unwrap().to_vec();
        let signature = certificate.whole(Tag::BitString).unwrap().to_vec();
        Certificate::parse(&encode::sequence(&[tbs, algorithm, signature]))
            .map(|read| (read.version(), read.extensions().len()))
    };
    assert_eq!(of_version(None, false), Ok((Version::V1, 0)));
    assert_eq!(of_version(Some(0), false), Ok((Version::V1, 0)));
    assert_eq!(of_version(Some(1), false), Ok((Version::V2, 0)));
    assert_eq!(of_version(Some(2), false), Ok((Version::V3, 0)));
    assert!(matches!(of_version(Some(2), true), Ok((Version::V3, 1..))));
    // RFC 5280 §4.1.2.9 allows extensions in version 3 only; they are shown all the same, and no path leads through them.
    assert_eq!(of_version(None, true), Ok((Version::V1, 7)));
    assert_eq!(of_version(Some(1), true), Ok((Version::V2, 7)));
    assert_eq!(of_version(Some(3), false), Err(CertificateError::Version));
}

#[test]
fn what_is_too_large_is_not_even_read() {
    let error = Certificate::parse(&vec![0x30; MAX_CERTIFICATE + 1]).unwrap_err();
    assert_eq!(error, CertificateError::TooLarge);
}

/// Times in every form that RFC 5280 allows, and forms that it does not.
#[test]
fn times() {
    let read = |tag: u8, text: &str| {
        let der = [&[tag, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
        time(&mut Walk::over(&der).unwrap()).map(|time| time.to_string())
    };
    assert_eq!(read(0x17, "500101000000Z").unwrap(), "1950-01-01T00:00:00Z");
    assert_eq!(read(0x17, "491231235959Z").unwrap(), "2049-12-31T23:59:59Z");
    assert_eq!(
        read(0x18, "20500101000000Z").unwrap(),
        "2050-01-01T00:00:00Z"
    );
    assert_eq!(
        read(0x18, "99991231235959Z").unwrap(),
        "9999-12-31T23:59:59Z",
        "no well-defined end"
    );
    for (tag, text) in [
        (0x17, "2601010000Z"),
        (0x17, "260101000000+0000"),
        (0x17, "261301000000Z"),
        (0x17, "260101000060Z"),
        (0x17, "26010100000 Z"),
        (0x18, "20260101000000.5Z"),
        (0x18, "20260101000000"),
        (0x18, "260101000000Z"),
        (0x16, "260101000000Z"),
    ] {
        assert_eq!(read(tag, text), Err(Malformed), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_a_certificate_or_refused(bytes: Vec<u8>) {
        proptest::prop_assert!(Certificate::parse(&bytes).is_err());
    }

    #[test]
    fn any_text_is_a_list_or_refused(text in "(-----BEGIN (CERTIFICATE|X)-----|-----END CERTIFICATE-----|[A-Za-z0-9+/=]{0,9}|\n){0,9}") {
        let refused = matches!(CertificateChain::parse(text.as_bytes()), Err(
            ChainError::Empty | ChainError::Pem | ChainError::NotACertificate | ChainError::Certificate { .. }
        ));
        proptest::prop_assert!(refused);
    }
}

/// A name of thousands of attributes, in two orders, would cost its square to compare; it is not read at all.
#[test]
fn a_name_without_end_is_refused() {
    let tlv = element;
    let attribute = |kind: u8| {
        let pair = [tlv(6, &[0x55, 4, kind]), tlv(12, &[kind])].concat();
        tlv(0x30, &pair)
    };
    let set: Vec<u8> = (0..=127).cycle().take(1_000).flat_map(attribute).collect();
    let long = tlv(0x30, &tlv(0x31, &set));
    assert!(DistinguishedName::new(&long).is_some());
    let short = tlv(0x30, &tlv(0x31, &attribute(3)));
    let with = |issuer: &[u8], subject: &[u8]| {
        let der = figure_1();
        let mut certificate = Walk::over(&der).unwrap().enter(Tag::Sequence).unwrap();
        let mut fields = certificate.enter(Tag::Sequence).unwrap();
        let mut parts = Vec::new();
        for place in 0..8 {
            let own = fields.whole(fields.peek().unwrap()).unwrap();
            parts.push(match place {
                3 => issuer.to_vec(),
                5 => subject.to_vec(),
                _ => own.to_vec(),
            });
        }
        let tbs = encode::sequence(&parts);
        let algorithm = certificate.whole(Tag::Sequence).unwrap().to_vec();
        let signature = certificate.whole(Tag::BitString).unwrap().to_vec();
        Certificate::parse(&encode::sequence(&[tbs, algorithm, signature])).map(|_| ())
    };
    assert_eq!(with(&short, &short), Ok(()));
    assert_eq!(with(&long, &short), Err(CertificateError::NameTooLong));
    assert_eq!(with(&short, &long), Err(CertificateError::NameTooLong));
}

#[test]
fn an_extension_can_be_read_as_it_stands_there() {
    let certificate = Certificate::parse(&figure_1()).unwrap();
    let kinds: Vec<_> = certificate.raw_extensions().map(|one| one.kind).collect();
    assert!(certificate.extensions().eq(kinds));
    let list = certificate.extension(oid::TN_AUTH_LIST).unwrap();
    let read = crate::certificate::TnAuthList::from_der(list.value).unwrap();
    assert_eq!(Some(&read), certificate.tn_auth_list());
}
