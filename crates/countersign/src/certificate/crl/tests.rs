//! Lists as no issuer should write them.

use super::*;
use crate::certificate::encode::{
    ENUMERATED, UTC_TIME, UTF8_STRING, bit_string, constructed, element, integer, octet_string,
    oid, primitive, sequence,
};

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const CERTIFICATE_ISSUER: &str = "2.5.29.29";
const IDP: &str = "2.5.29.28";
const REASON: &str = "2.5.29.21";
const THIS: &[u8] = b"261105000000Z";
const NEXT: &[u8] = b"261106000000Z";

fn name(common_name: &str) -> Vec<u8> {
    let value = element(UTF8_STRING, common_name.as_bytes());
    let attribute = sequence(&[oid(&COMMON_NAME), value]);
    sequence(&[element(0x31, &attribute)])
}

fn distinguished(common_name: &str) -> DistinguishedName {
    DistinguishedName::new(&name(common_name)).unwrap()
}

fn time(text: &[u8]) -> Vec<u8> {
    element(UTC_TIME, text)
}

fn extension(kind: &str, critical: &[u8], value: &[u8]) -> Vec<u8> {
    let kind = oid(&ObjectIdentifier::new_unwrap(kind));
    sequence(&[kind, critical.to_vec(), octet_string(value)])
}

const CRITICAL: &[u8] = &[1, 1, 0xff];
const NOT_CRITICAL: &[u8] = &[];

fn entry(serial: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = match extensions {
        [] => Vec::new(),
        some => sequence(some),
    };
    sequence(&[element(2, serial), time(THIS), extensions])
}

fn of_issuer(common_name: &str) -> Vec<u8> {
    let directory = element(constructed(4), &name(common_name));
    extension(CERTIFICATE_ISSUER, CRITICAL, &sequence(&[directory]))
}

fn indirect() -> Vec<u8> {
    let scope = sequence(&[element(primitive(4), &[0xff])]);
    extension(IDP, CRITICAL, &scope)
}

/// The fields of a list, each of which a test may spoil.
struct Fields {
    version: Vec<u8>,
    algorithm: Vec<u8>,
    issuer: Vec<u8>,
    this_update: Vec<u8>,
    next_update: Vec<u8>,
    entries: Vec<u8>,
    extensions: Vec<Vec<u8>>,
}

impl Fields {
    fn new(entries: &[Vec<u8>], extensions: &[Vec<u8>]) -> Self {
        Self {
            version: integer(&[1]),
            algorithm: sequence(&[oid(&ECDSA_WITH_SHA256)]),
            issuer: name("STI-PA CRL"),
            this_update: time(THIS),
            next_update: time(NEXT),
            entries: match entries {
                [] => Vec::new(),
                some => sequence(some),
            },
            extensions: extensions.to_vec(),
        }
    }

    fn der(&self) -> Vec<u8> {
        let extensions = match self.extensions.as_slice() {
            [] => Vec::new(),
            some => element(constructed(0), &sequence(some)),
        };
        let tbs = sequence(&[
            self.version.clone(),
            self.algorithm.clone(),
            self.issuer.clone(),
            self.this_update.clone(),
            self.next_update.clone(),
            self.entries.clone(),
            extensions,
        ]);
        let algorithm = sequence(&[oid(&ECDSA_WITH_SHA256)]);
        sequence(&[tbs, algorithm, bit_string(&[0x30, 6, 2, 1, 1, 2, 1, 1])])
    }

    fn parse(&self) -> Result<Crl, CrlError> {
        Crl::parse(&self.der())
    }
}

fn parse(entries: &[Vec<u8>], extensions: &[Vec<u8>]) -> Result<Crl, CrlError> {
    Fields::new(entries, extensions).parse()
}

fn reason(code: u8) -> Vec<u8> {
    extension(REASON, NOT_CRITICAL, &element(ENUMERATED, &[code]))
}

/// This test verifies that every entry belongs to the issuer named last, and the first ones to the signer of the list.
#[test]
fn the_issuer_of_an_entry_is_the_last_one_named() {
    let entries = [
        entry(&[1], &[]),
        entry(&[2], &[reason(1), of_issuer("CA one")]),
        entry(&[3], &[]),
        entry(&[4], &[of_issuer("CA two")]),
        entry(&[5], &[reason(4)]),
        entry(&[6], &[of_issuer("ca ONE")]),
    ];
    let list = parse(&entries, &[indirect()]).unwrap();
    let issuers = ["STI-PA CRL", "CA one", "CA two", "CA three"].map(distinguished);
    let found = |serial: u8| {
        let about = issuers.each_ref();
        about.map(|issuer| list.entries().find(issuer, &[serial]).is_some())
    };
    assert_eq!(found(1), [true, false, false, false]);
    assert_eq!(found(2), [false, true, false, false]);
    assert_eq!(found(3), [false, true, false, false]);
    assert_eq!(found(4), [false, false, true, false]);
    assert_eq!(found(5), [false, false, true, false]);
    assert_eq!(
        found(6),
        [false, true, false, false],
        "names are compared without case"
    );
    let why = |issuer: &DistinguishedName, serial| {
        list.entries().find(issuer, &[serial]).map(|one| one.reason)
    };
    assert_eq!(why(&issuers[1], 2), Some(Reason::KeyCompromise));
    assert_eq!(
        why(&issuers[1], 3),
        Some(Reason::Unspecified),
        "a reason is not inherited"
    );
    assert_eq!(why(&issuers[2], 5), Some(Reason::Superseded));
}

#[test]
fn truncated_at_every_byte_it_is_refused() {
    let entries = [entry(&[1], &[]), entry(&[2], &[of_issuer("CA")])];
    let whole = Fields::new(&entries, &[indirect()]).der();
    assert!(Crl::parse(&whole).is_ok());
    for end in 0..whole.len() {
        assert!(Crl::parse(&whole[..end]).is_err(), "{end}");
    }
    let longer = [&whole[..], &[0]].concat();
    assert_eq!(Crl::parse(&longer).err(), Some(CrlError::Malformed));
}
