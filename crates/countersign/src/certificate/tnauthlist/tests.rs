//! Lists that others have written, lists that nobody may write, and any bytes at all.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

fn spc(code: &str) -> TnEntry {
    TnEntry::Spc(code.parse().unwrap())
}

fn range(start: &str, count: u64) -> TnEntry {
    TnEntry::Range(TelephoneNumberRange::new(start.parse().unwrap(), count).unwrap())
}

fn one(number: &str) -> TnEntry {
    TnEntry::One(number.parse().unwrap())
}

fn list(entries: &[TnEntry]) -> TnAuthList {
    TnAuthList::new(entries.to_vec()).unwrap()
}

/// Lists written by other codecs: (DER, entries).
fn written_by_others() -> Vec<(Vec<u8>, Vec<TnEntry>)> {
    let all_three = STANDARD.decode("MCugBxYFYm9ndXOhEjAQFgo1NzE1NTUxMjEyAgIDFKIMFgo3MDM1NTUxMjEy");
    vec![
        // pyasn1-modules, tests/test_rfc8226.py (BSD-2-Clause)
        (
            all_three.unwrap(),
            vec![spc("bogus"), range("5715551212", 788), one("7035551212")],
        ),
        // asn1-schema, packages/rfc8226 (MIT)
        (b"\x30\x08\xa0\x06\x16\x04709J".to_vec(), vec![spc("709J")]),
        // RFC 9118 §3, the certificate of Figure 1
        (b"\x30\x08\xa0\x06\x16\x041234".to_vec(), vec![spc("1234")]),
    ]
}

#[test]
fn lists_of_other_codecs_are_read_and_written_alike() {
    for (der, entries) in written_by_others() {
        let read = TnAuthList::from_der(&der).unwrap();
        assert_eq!(read.entries(), entries);
        assert_eq!(read.to_der(), der);
    }
}

#[test]
fn digest04_case13_and_case14_malformed_entries() {
    let range = |start: &str, count: &[u8]| {
        let start = [
            &[0x16, u8::try_from(start.len()).unwrap()],
            start.as_bytes(),
        ]
        .concat();
        let count = [&[0x02, u8::try_from(count.len()).unwrap()], count].concat();
        let inner = encode::sequence(&[start, count]);
        encode::sequence(&[encode::element(0xa1, &inner)])
    };
    assert!(
        TnAuthList::from_der(&range("10", &[90])).is_ok(),
        "10 to 99"
    );
    for (what, der) in [
        ("a range of none", range("12025550100", &[0])),
        ("a range of one", range("12025550100", &[1])),
        ("a range that grows", range("10", &[91])),
        (
            "a range from a number without successor",
            range("12*", &[2]),
        ),
        ("a negative count", range("10", &[0x82])),
        ("a count that is padded", range("10", &[0, 2])),
        ("a count beyond all numbers", range("10", &[0x7f; 9])),
        ("a plus", b"\x30\x09\xa2\x07\x16\x05+1202".to_vec()),
        (
            "16 digits",
            b"\x30\x14\xa2\x12\x16\x101202555010012025".to_vec(),
        ),
        ("no digits", b"\x30\x04\xa2\x02\x16\x00".to_vec()),
        ("no code", b"\x30\x04\xa0\x02\x16\x00".to_vec()),
        (
            "a code with a control character",
            b"\x30\x08\xa0\x06\x16\x04709\x00".to_vec(),
        ),
        ("no entries", b"\x30\x00".to_vec()),
        (
            "an alternative that is not defined",
            b"\x30\x08\xa3\x06\x16\x04709J".to_vec(),
        ),
        ("an implicit tag", b"\x30\x06\x80\x04709J".to_vec()),
        (
            "a PrintableString, seen in the field",
            b"\x30\x06\x13\x04709J".to_vec(),
        ),
        (
            "two codes in one entry",
            b"\x30\x0e\xa0\x0c\x16\x04709J\x16\x04709K".to_vec(),
        ),
        (
            "a byte too many",
            b"\x30\x08\xa0\x06\x16\x04709J\x00".to_vec(),
        ),
        (
            "a long length",
            b"\x30\x81\x08\xa0\x06\x16\x04709J".to_vec(),
        ),
        (
            "an indefinite length",
            b"\x30\x80\xa0\x06\x16\x04709J\x00\x00".to_vec(),
        ),
    ] {
        assert_eq!(
            TnAuthList::from_der(&der),
            Err(MalformedTnAuthList),
            "{what}"
        );
    }
}

/// TelephoneNumberRange is extensible: what a later version adds is read over.
#[test]
fn ranges_of_a_later_version_are_read() {
    let later = b"\x30\x15\xa1\x13\x30\x11\x16\x0a2025550100\x02\x01\x64\x05\x00";
    assert_eq!(
        TnAuthList::from_der(later).unwrap().entries(),
        [range("2025550100", 100)]
    );
}

/// A list of every kind of entry, cut at every byte and with every tag and length exchanged: nothing is read that was not
/// written, and nothing panics.
#[test]
fn truncated_at_every_byte_and_with_every_other_tag() {
    let entries = [spc("709J"), range("12025550100", 300), one("*67")];
    let whole = list(&entries).to_der();
    for end in 0..whole.len() {
        assert_eq!(
            TnAuthList::from_der(&whole[..end]),
            Err(MalformedTnAuthList),
            "{end}"
        );
        // The same with an outer length that fits: a list of fewer entries, or none.
        let content = &whole[2..end.max(2)];
        if let Ok(shorter) = TnAuthList::from_der(&encode::element(encode::SEQUENCE, content)) {
            assert!(entries.starts_with(shorter.entries()), "{end}");
        }
    }
    for at in 0..whole.len() {
        for octet in 0..=u8::MAX {
            let mut changed = whole.clone();
            changed[at] = octet;
            if let Ok(read) = TnAuthList::from_der(&changed) {
                assert_eq!(read.to_der(), changed, "{at}");
            }
        }
    }
}

/// Entries may say the same twice, wholly or in part: it is a union.
// RFC 9060 §4.1: "similarly treated additively, even if the telephone number ranges turn out to be redundant"
#[test]
fn entries_that_overlap_are_kept_and_counted_once() {
    let entries = [
        range("12025550100", 50),
        range("12025550120", 80),
        one("12025550100"),
        spc("709J"),
        spc("709J"),
    ];
    let read = TnAuthList::from_der(&list(&entries).to_der()).unwrap();
    assert_eq!(read.entries(), entries);
    assert_eq!(read.providers(), ["709J".parse().unwrap()]);
    assert_eq!(read.numbers(), list(&[range("12025550100", 100)]).numbers());
}

#[test]
fn the_union_of_two_lists_has_the_entries_of_both() {
    let (left, right) = (
        list(&[spc("709K"), one("12025550100")]),
        list(&[spc("709J"), range("12025550101", 9)]),
    );
    let union = left.union(&right);
    assert_eq!(
        union,
        TnAuthList::new([left.entries(), right.entries()].concat()).unwrap()
    );
    assert_eq!(union.numbers().blocks().count(), 1);
}

#[test]
fn a_provider_code_authorizes_no_number() {
    let mixed = list(&[spc("709J"), one("12025550100"), one("*67")]);
    assert!(mixed.authorizes("12025550100".parse().unwrap()));
    assert!(mixed.authorizes("*67".parse().unwrap()));
    assert!(!mixed.authorizes("12025550101".parse().unwrap()));
    assert_eq!(mixed.to_string(), "SPC 709J, 12025550100, *67");
}

/// Four times the entries: four times the elements read, and no more than n log n comparisons.
#[test]
fn reading_a_list_costs_its_length_and_not_the_square() {
    use crate::certificate::numbers::tests::comparisons;
    use crate::certificate::walk::tests::elements_read;
    let cost = |of: u64| {
        // Falling, every third overlapping the one before, with a code between.
        let entries: Vec<_> = (0..of)
            .map(|n| match n % 4 {
                0 => spc(&format!("{:05}", of - n)),
                1 => range(&format!("{}", 19_999_000_000 - 7 * n), 9),
                _ => one(&format!("{}", 19_999_000_000 - 7 * n)),
            })
            .collect();
        let der = list(&entries).to_der();
        let elements = elements_read(|| drop(TnAuthList::from_der(&der).unwrap()));
        (elements, comparisons(|| TnAuthList::from_der(&der)))
    };
    let (small, large) = (cost(2_500), cost(10_000));
    assert!(large.0 <= 4 * small.0, "{small:?}, then {large:?}");
    assert!(large.1 <= 5 * small.1, "{small:?}, then {large:?}");
}

fn entries() -> impl proptest::strategy::Strategy<Value = Vec<TnEntry>> {
    use proptest::prelude::*;
    let entry = prop_oneof![
        "[ -~]{1,10}".prop_map(|code| spc(&code)),
        ("[0-9]{3,15}", 2_u64..300).prop_filter_map(
            "the range runs into longer numbers",
            |(start, count)| {
                let range = TelephoneNumberRange::new(start.parse().unwrap(), count);
                range.ok().map(TnEntry::Range)
            }
        ),
        "[0-9#*]{1,15}".prop_map(|number| one(&number)),
    ];
    proptest::collection::vec(entry, 1..20)
}

proptest::proptest! {
    #[test]
    fn what_is_written_is_read_again(entries in entries()) {
        let written = list(&entries);
        let read = TnAuthList::from_der(&written.to_der()).unwrap();
        proptest::prop_assert_eq!(read, written);
    }

    #[test]
    fn what_is_read_is_what_was_written(bytes: Vec<u8>) {
        let _ = TnAuthList::from_der(&bytes);
    }

    /// Any one octet changed: refused, or a list that says something else.
    #[test]
    fn no_two_encodings_say_the_same(entries in entries(), at: proptest::sample::Index, octet: u8) {
        let written = list(&entries);
        let mut der = written.to_der();
        let at = at.index(der.len());
        proptest::prop_assume!(der[at] != octet);
        der[at] = octet;
        if let Ok(read) = TnAuthList::from_der(&der) {
            proptest::prop_assert_ne!(read, written);
        }
    }
}
