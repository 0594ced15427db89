//! Lists as no issuer should write them.

use super::*;
use crate::certificate::encode::{
    ENUMERATED, UTC_TIME, UTF8_STRING, bit_string, constructed, element, integer, octet_string,
    oid, primitive, sequence,
};
use crate::certificate::name::MAX_NAME;

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const CERTIFICATE_ISSUER: &str = "2.5.29.29";
const CRL_NUMBER: &str = "2.5.29.20";
const DELTA: &str = "2.5.29.27";
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

fn number(magnitude: &[u8]) -> Vec<u8> {
    extension(CRL_NUMBER, NOT_CRITICAL, &integer(magnitude))
}

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
            extensions: [&[number(&[7])], extensions].concat(),
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

#[test]
fn what_a_list_must_have_and_must_not() {
    type Spoil = fn(&mut Fields);
    let spoilt = |spoil: Spoil| {
        let mut fields = Fields::new(&[entry(&[1], &[])], &[]);
        spoil(&mut fields);
        fields.parse().err()
    };
    assert_eq!(spoilt(|_| {}), None);
    let cases: [(Spoil, CrlError); 11] = [
        (|it| it.version = Vec::new(), CrlError::Version),
        (|it| it.version = integer(&[2]), CrlError::Version),
        (
            |it| it.this_update = Vec::new(),
            CrlError::NextUpdateMissing,
        ),
        (
            |it| it.next_update = Vec::new(),
            CrlError::NextUpdateMissing,
        ),
        (|it| it.extensions = Vec::new(), CrlError::NumberMissing),
        (
            |it| it.extensions[0] = extension(CRL_NUMBER, CRITICAL, &integer(&[1])),
            CrlError::NumberCritical,
        ),
        (
            |it| it.next_update = time(b"261132000000Z"),
            CrlError::Malformed,
        ),
        (|it| it.issuer = sequence(&[]), CrlError::EmptyIssuer),
        (
            |it| it.algorithm = sequence(&[oid(&COMMON_NAME)]),
            CrlError::AlgorithmMismatch,
        ),
        (
            |it| it.entries = sequence(&[sequence(&[integer(&[1])])]),
            CrlError::Malformed,
        ),
        (
            |it| it.entries = sequence(&[entry(&[], &[])]),
            CrlError::Malformed,
        ),
    ];
    for (index, (spoil, error)) in cases.into_iter().enumerate() {
        assert_eq!(spoilt(spoil), Some(error), "{index}");
    }
}

#[test]
fn pem_and_der_are_the_same_list() {
    let der = Fields::new(&[], &[]).der();
    let pem = format!("of today\n{}", pem::armoured(pem::X509_CRL, &der));
    let list = Crl::parse(pem.as_bytes()).unwrap();
    assert_eq!(list.sha256(), sha256(&der));
    assert!(list.entries().is_empty());
    let twice = pem.repeat(2);
    assert_eq!(Crl::parse(twice.as_bytes()).err(), Some(CrlError::Several));
    let other = pem::armoured(pem::CERTIFICATE, &der);
    assert_eq!(
        Crl::parse(other.as_bytes()).err(),
        Some(CrlError::Malformed)
    );
}

#[test]
fn an_extension_stands_once() {
    let kind = |kind: &str| ObjectIdentifier::new_unwrap(kind);
    let twice = [indirect(), indirect()];
    assert_eq!(
        parse(&[], &twice).err(),
        Some(CrlError::DuplicateExtension(kind(IDP)))
    );
    let twice = entry(&[1], &[reason(1), reason(4)]);
    let twice = parse(&[twice], &[]).err();
    assert_eq!(twice, Some(CrlError::DuplicateExtension(kind(REASON))));
    // The number of the list is one more.
    let many: Vec<_> = (0..=MAX_CRL_EXTENSIONS)
        .map(|index| extension(&format!("1.2.{index}"), NOT_CRITICAL, &[5, 0]))
        .collect();
    assert!(parse(&[entry(&[1], &many[1..])], &many[2..]).is_ok());
    for (entries, extensions) in [(&many[1..], &many[1..]), (&many[..], &many[2..])] {
        let list = parse(&[entry(&[1], entries)], extensions);
        assert_eq!(list.err(), Some(CrlError::TooManyExtensions));
    }
}

/// This test verifies that a list is read, and marked as telling nothing, if something critical in it is not understood.
#[test]
fn what_is_critical_and_unknown_forbids_conclusions() {
    let other = "1.3.6.1.4.1.32473.1";
    let kind = ObjectIdentifier::new_unwrap(other);
    let obstacle = |entries: &[Vec<u8>], extensions: &[Vec<u8>]| {
        parse(entries, extensions).unwrap().obstacle()
    };
    let unknown = |critical| extension(other, critical, &[5, 0]);
    let good = entry(&[1], &[]);
    assert_eq!(
        obstacle(&[entry(&[1], &[unknown(NOT_CRITICAL)])], &[]),
        None
    );
    assert_eq!(obstacle(&[], &[unknown(NOT_CRITICAL)]), None);
    assert_eq!(
        obstacle(
            &[good.clone(), entry(&[2], &[unknown(CRITICAL)]), good],
            &[]
        ),
        Some(Obstacle::UnknownEntryExtension(kind))
    );
    assert_eq!(
        obstacle(&[], &[unknown(CRITICAL)]),
        Some(Obstacle::UnknownExtension(kind))
    );
    let delta = extension(DELTA, CRITICAL, &integer(&[3]));
    assert_eq!(obstacle(&[], &[delta]), Some(Obstacle::Delta));
    let invalidity = element(0x18, b"20261101000000Z");
    let invalidity = extension("2.5.29.24", CRITICAL, &invalidity);
    assert_eq!(obstacle(&[entry(&[1], &[invalidity])], &[]), None);
}

#[test]
fn a_direct_list_speaks_of_its_signer_only() {
    let foreign = [entry(&[1], &[of_issuer("CA")])];
    assert_eq!(parse(&foreign, &[]).err(), Some(CrlError::ForeignEntry));
    assert!(parse(&foreign, &[indirect()]).is_ok());
    let nameless = extension(
        CERTIFICATE_ISSUER,
        CRITICAL,
        &sequence(&[element(0x82, b"a")]),
    );
    let nameless = [entry(&[1], &[nameless])];
    assert_eq!(
        parse(&nameless, &[indirect()]).err(),
        Some(CrlError::Malformed)
    );
}

/// This test verifies that no name is taken apart that is longer than names may be, wherever it stands in a list: a body of 32 MiB
/// that is one name would need a gigabyte before anybody looks at its signature.
#[test]
fn no_name_is_longer_than_names_are() {
    let place = |name: &[u8]| {
        let directory = element(constructed(4), name);
        let names = element(constructed(0), &element(constructed(0), &directory));
        let scope = sequence(&[names, element(primitive(4), &[0xff])]);
        extension(IDP, CRITICAL, &scope)
    };
    let long = name(&"a".repeat(MAX_NAME));
    assert!(parse(&[], &[place(&name("a"))]).is_ok());
    let refused = parse(&[], &[place(&long)]).err();
    assert_eq!(refused, Some(CrlError::Malformed));
    let refused = parse(&[entry(&[1], &[of_issuer(&"a".repeat(MAX_NAME))])], &[]);
    assert_eq!(refused.err(), Some(CrlError::Malformed));
}

/// This test verifies that of several entries about one certificate the earliest stands, that what left the list is not on it, and
/// that holds are revocations.
#[test]
fn entries_that_stand_twice_or_go() {
    let signer = distinguished("STI-PA CRL");
    let late = sequence(&[element(2, &[7]), time(NEXT), sequence(&[reason(4)])]);
    let entries = [
        late,
        entry(&[7], &[reason(1)]),
        entry(&[8], &[reason(8)]),
        entry(&[9], &[reason(6)]),
        entry(&[10], &[reason(7)]),
    ];
    let list = parse(&entries, &[]).unwrap();
    assert_eq!(list.entries().len(), 3);
    let why = |serial| {
        list.entries()
            .find(&signer, &[serial])
            .map(|one| one.reason)
    };
    assert_eq!(why(7), Some(Reason::KeyCompromise));
    assert_eq!(why(8), None, "removeFromCRL");
    assert_eq!(why(9), Some(Reason::CertificateHold));
    assert_eq!(
        why(10),
        Some(Reason::Unspecified),
        "a number without meaning still revokes"
    );
}

/// This test verifies that a serial number is found whatever zeros stand before it, and that its sign counts.
#[test]
fn no_encoding_hides_a_serial_number() {
    let signer = distinguished("STI-PA CRL");
    let entries = [
        entry(&[0, 0, 5], &[]),
        entry(&[0, 0x85], &[]),
        entry(&[0, 0, 0], &[]),
        entry(&[1; 30], &[]),
    ];
    let list = parse(&entries, &[]).unwrap();
    let found = |serial: &[u8]| list.entries().find(&signer, serial).is_some();
    let negative = parse(&[entry(&[0x85], &[])], &[]).unwrap();
    for same in [&[0x85][..], &[0xff, 0x85], &[0xff, 0xff, 0x85]] {
        assert!(
            negative.entries().find(&signer, same).is_some(),
            "{same:02x?}"
        );
    }
    for listed in [&[5][..], &[0, 5], &[0, 0, 0, 5], &[0, 0x85], &[0]] {
        assert!(found(listed), "{listed:02x?}");
    }
    for other in [&[0x85][..], &[5, 0], &[], &[1; 30], &[6]] {
        assert!(!found(other), "{other:02x?}");
    }
}

#[test]
fn numbers_of_lists_have_an_order_of_any_length() {
    let number = |magnitude: &[u8]| {
        let mut fields = Fields::new(&[], &[]);
        fields.extensions = vec![number(magnitude)];
        fields.parse().unwrap().number().clone()
    };
    let rising = [
        number(&[]),
        number(&[9]),
        number(&[1, 0]),
        number(&[0xff; 8]),
        number(&[1; 20]),
        number(&[2; 20]),
    ];
    assert!(rising.is_sorted_by(|one, other| one < other));
    assert_eq!(rising[1], CrlNumber::new(9));
    assert_eq!(rising[2].to_string(), "256");
    assert!(rising[4].to_string().starts_with("0x0101"));
    let mut negative = Fields::new(&[], &[]);
    negative.extensions = vec![extension(CRL_NUMBER, NOT_CRITICAL, &[2, 1, 0x80])];
    assert_eq!(negative.parse().err(), Some(CrlError::Malformed));
}

/// A list of `count` entries of 38 bytes, each with a serial number of its own.
fn long(count: usize) -> Vec<u8> {
    let mut entries = Vec::with_capacity(count * 38);
    let pattern = entry(&[0x41; 16], &[]);
    for index in 0..count {
        let start = entries.len();
        entries.extend_from_slice(&pattern);
        let serial = (index as u64).to_be_bytes();
        entries[start + 12..start + 20].copy_from_slice(&serial);
    }
    Fields {
        entries: element(0x30, &entries),
        ..Fields::new(&[], &[])
    }
    .der()
}

/// This test verifies that ten million entries are refused before they are looked at, one too many when it comes, and that what is
/// kept of the most there may be is small.
#[test]
fn a_list_of_ten_million_entries_costs_nothing() {
    // The smallest entry there is has 20 bytes. Zeros that nobody touches cost no memory.
    let smallest = entry(&[1], &[]);
    let mut ten_million = vec![0; 10_000_000 * smallest.len()];
    ten_million[..6].copy_from_slice(&[0x30, 0x84, 0x0b, 0xeb, 0xc1, 0xfa]);
    assert_eq!(smallest.len(), 20);
    assert_eq!(Crl::parse(&ten_million).err(), Some(CrlError::TooLarge));
    let text = vec![b'-'; MAX_CRL_BYTES / 2 * 3 + 1];
    assert_eq!(Crl::parse(&text).err(), Some(CrlError::TooLarge));

    let too_many = Crl::parse(&long(MAX_CRL_ENTRIES + 1)).err();
    assert_eq!(too_many, Some(CrlError::TooManyEntries));

    let most = Crl::parse(&long(MAX_CRL_ENTRIES)).unwrap();
    assert_eq!(most.entries().len(), MAX_CRL_ENTRIES);
    let each = most.entries().bytes() / MAX_CRL_ENTRIES;
    assert!(each <= 16 + 24, "{each} bytes for an entry");
    let signer = distinguished("STI-PA CRL");
    let mut serial = [0x41; 16];
    serial[8..].copy_from_slice(&499_999_u64.to_be_bytes());
    assert!(most.entries().find(&signer, &serial).is_some());
    serial[8..].copy_from_slice(&500_000_u64.to_be_bytes());
    assert!(most.entries().find(&signer, &serial).is_none());
}

/// This test verifies that looking up every one of a hundred thousand entries is no work: a search from front to back would compare
/// five billion times.
#[test]
fn a_long_list_is_as_quick_as_a_short_one() {
    let count = 100_000;
    let list = Crl::parse(&long(count)).unwrap();
    let signer = distinguished("STI-PA CRL").canonical();
    let mut serial = [0x41; 16];
    for index in 0..count as u64 {
        serial[8..].copy_from_slice(&index.to_be_bytes());
        assert!(list.entries().find_canonical(&signer, &serial).is_some());
    }
}

#[test]
fn a_list_speaks_of_so_many_issuers() {
    let list = |count: usize| {
        let entries: Vec<_> = (0..count)
            .map(|index| entry(&[1], &[of_issuer(&index.to_string())]))
            .collect();
        parse(&entries, &[indirect()]).map(|list| list.entries().len())
    };
    assert_eq!(list(MAX_CRL_ISSUERS), Ok(MAX_CRL_ISSUERS));
    assert_eq!(list(MAX_CRL_ISSUERS + 1), Err(CrlError::TooManyIssuers));
}

/// What was signed after a certificate was revoked is worth nothing; what was signed before is, if the key was nobody else's.
#[test]
fn what_a_revocation_tells_against() {
    let doubtful = [0, 1, 2, 6, 10].map(Reason::from_code);
    let harmless = [3, 4, 5, 9].map(Reason::from_code);
    let tells = |reason, then| {
        let at = UnixTime::from_secs(100);
        Entry { at, reason }.tells_against(UnixTime::from_secs(then))
    };
    for reason in doubtful {
        assert!([99, 100, 101].iter().all(|then| tells(reason, *then)));
    }
    for reason in harmless {
        assert_eq!(
            [99, 100, 101].map(|then| tells(reason, then)),
            [false, true, true]
        );
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = Crl::parse(&bytes);
    }

    #[test]
    fn a_list_with_a_changed_byte_is_read_or_refused(at in 0_usize..200, byte: u8) {
        let entries = [entry(&[1], &[reason(1), of_issuer("CA")]), entry(&[2], &[])];
        let mut der = Fields::new(&entries, &[indirect()]).der();
        let at = at % der.len();
        der[at] = byte;
        if let Ok(list) = Crl::parse(&der) {
            proptest::prop_assert!(list.entries().len() <= 2);
        }
    }

    /// The store answers as a plain search through the entries does.
    #[test]
    fn the_store_finds_what_is_on_the_list(
        listed in proptest::collection::vec((0_usize..3, 0_u8..20, 0_u8..12), 0..40),
    ) {
        let names = ["STI-PA CRL", "CA one", "CA two"];
        let entries: Vec<_> = listed.iter()
            .map(|(issuer, serial, code)| entry(&[*serial], &[reason(*code), of_issuer(names[*issuer])]))
            .collect();
        let list = parse(&entries, &[indirect()]).unwrap();
        for (index, name) in names.iter().enumerate() {
            for serial in 0..20_u8 {
                let expected = listed.iter().any(|(issuer, number, code)| {
                    *issuer == index && *number == serial && *code != 8
                });
                let found = list.entries().find(&distinguished(name), &[serial]);
                proptest::prop_assert_eq!(found.is_some(), expected);
            }
        }
    }
}
