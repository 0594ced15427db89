//! Subtrees and names of every form, the examples of RFC 5280 §4.2.1.10 first.

use super::*;
use crate::certificate::encode::{self, element, sequence};

const MAIL: u8 = 1;
const DNS: u8 = 2;
const URI: u8 = 6;
const ADDRESS: u8 = 7;

fn name(form: u8, content: &[u8]) -> Vec<u8> {
    element(encode::primitive(form), content)
}

/// A distinguished name of these common names.
fn distinguished(parts: &[&str]) -> Vec<u8> {
    let sets = parts.iter().map(|text| {
        let value = element(encode::UTF8_STRING, text.as_bytes());
        let kind = element(6, &[0x55, 4, 3]);
        element(encode::SET, &sequence(&[kind, value]))
    });
    sequence(&sets.collect::<Vec<_>>())
}

fn directory(parts: &[&str]) -> Vec<u8> {
    element(encode::constructed(4), &distinguished(parts))
}

fn trees(number: u8, bases: &[Vec<u8>]) -> Vec<u8> {
    let trees: Vec<u8> = bases
        .iter()
        .flat_map(|base| sequence(std::slice::from_ref(base)))
        .collect();
    element(encode::constructed(number), &trees)
}

fn permitting(bases: &[Vec<u8>]) -> NameConstraints {
    NameConstraints::read(&sequence(&[trees(0, bases)])).unwrap()
}

fn excluding(bases: &[Vec<u8>]) -> NameConstraints {
    NameConstraints::read(&sequence(&[trees(1, bases)])).unwrap()
}

/// The verdict about a certificate with this subject and these alternative names.
fn judge_all(
    constraints: &NameConstraints,
    subject: &[&str],
    names: &[Vec<u8>],
) -> Result<(), NameFault> {
    let subject = DistinguishedName::new(&distinguished(subject)).unwrap();
    let value = sequence(names);
    let alternative = (!names.is_empty()).then_some(value.as_slice());
    let names = Names::of(&subject, alternative).unwrap();
    constraints.judge(&names, &mut Work::default())
}

/// Whether one alternative name is allowed by a subtree that permits, and is not touched by one that excludes.
fn inside(form: u8, base: &str, one: &str) -> bool {
    let (base, one) = (name(form, base.as_bytes()), name(form, one.as_bytes()));
    let permitted = judge_all(
        &permitting(std::slice::from_ref(&base)),
        &[],
        std::slice::from_ref(&one),
    )
    .is_ok();
    let excluded = judge_all(&excluding(&[base]), &[], &[one]).is_err();
    assert_eq!(
        permitted, excluded,
        "what permits takes in what excludes does"
    );
    permitted
}

#[test]
fn dns_names() {
    for (base, name, expected) in [
        ("host.example.com", "www.host.example.com", true),
        ("host.example.com", "host.example.com", true),
        ("host.example.com", "host1.example.com", false),
        ("host.example.com", "xhost.example.com", false),
        ("HOST.example.com", "host.EXAMPLE.com.", true),
        (".example.com", "host.example.com", true),
        (".example.com", "example.com", false),
        ("", "example.com", true),
        ("example.com", "com", false),
    ] {
        assert_eq!(inside(DNS, base, name), expected, "{name} in {base}");
    }
    let all_below = |base: &str| permitting(&[name(DNS, base.as_bytes())]);
    let none_below = |base: &str| excluding(&[name(DNS, base.as_bytes())]);
    let wild = [name(DNS, b"*.example.com")];
    assert_eq!(judge_all(&all_below("example.com"), &[], &wild), Ok(()));
    assert_eq!(
        judge_all(&all_below("foo.example.com"), &[], &wild),
        Err(NameFault::NotPermitted(NameForm::Dns))
    );
    for touched in ["foo.example.com", "example.com", "com", "a.b.example.com"] {
        assert_eq!(
            judge_all(&none_below(touched), &[], &wild),
            Err(NameFault::Excluded(NameForm::Dns)),
            "{touched}"
        );
    }
    assert_eq!(judge_all(&none_below("example.net"), &[], &wild), Ok(()));
}

#[test]
fn hosts_of_uris() {
    for (base, uri, expected) in [
        ("host.example.com", "https://host.example.com/a@b", true),
        (
            "host.example.com",
            "https://u:p@HOST.example.com:8443",
            true,
        ),
        ("host.example.com", "https://my.host.example.com/", false),
        (".example.com", "ldap://my.host.example.com?x", true),
        (".example.com", "https://example.com/", false),
    ] {
        assert_eq!(inside(URI, base, uri), expected, "{uri} in {base}");
    }
    for without_host in [
        "sip:alice@example.com",
        "https://192.0.2.1/",
        "https://[2001:db8::1]/",
        "https://localhost/",
        "urn:x",
    ] {
        for constraints in [
            permitting(&[name(URI, b"example.com")]),
            excluding(&[name(URI, b"example.net")]),
        ] {
            let judged = judge_all(&constraints, &[], &[name(URI, without_host.as_bytes())]);
            let refused = Err(NameFault::NotPermitted(NameForm::Uri));
            assert_eq!(judged, refused, "{without_host}");
        }
    }
}

#[test]
fn mail_addresses() {
    for (base, address, expected) in [
        ("root@example.com", "root@EXAMPLE.com", true),
        ("root@example.com", "Root@example.com", false),
        ("example.com", "anybody@example.com", true),
        ("example.com", "anybody@host.example.com", false),
        (".example.com", "anybody@host.example.com", true),
        (".example.com", "anybody@example.com", false),
    ] {
        assert_eq!(inside(MAIL, base, address), expected, "{address} in {base}");
    }
    let judged = judge_all(
        &permitting(&[name(MAIL, b"example.com")]),
        &[],
        &[name(MAIL, b"x")],
    );
    assert_eq!(judged, Err(NameFault::Unjudged(NameForm::Mail)));
}

/// The mail address in a subject counts only where there is no subjectAltName.
#[test]
fn a_mail_address_in_the_subject() {
    let value = element(encode::IA5_STRING, b"x@example.net");
    let kind = element(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]);
    let der = sequence(&[element(encode::SET, &sequence(&[kind, value]))]);
    let subject = DistinguishedName::new(&der).unwrap();
    let constraints = permitting(&[name(MAIL, b"example.com")]);
    let judged = |alternative: Option<&[u8]>| {
        let names = Names::of(&subject, alternative).unwrap();
        constraints.judge(&names, &mut Work::default())
    };
    assert_eq!(judged(None), Err(NameFault::NotPermitted(NameForm::Mail)));
    assert_eq!(
        judged(Some(&sequence(&[name(DNS, b"example.net")]))),
        Ok(())
    );
}

#[test]
fn addresses() {
    let network = |octets: &[u8]| permitting(&[name(ADDRESS, octets)]);
    // RFC 5280 §4.2.1.10: "192.0.2.0/24 (mask 255.255.255.0)" is C0 00 02 00 FF FF FF 00.
    let class_c = network(&[0xc0, 0, 2, 0, 0xff, 0xff, 0xff, 0]);
    let outside = Err(NameFault::NotPermitted(NameForm::Address));
    let judge = |address: &[u8]| judge_all(&class_c, &[], &[name(ADDRESS, address)]);
    assert_eq!(judge(&[192, 0, 2, 77]), Ok(()));
    assert_eq!(judge(&[192, 0, 3, 77]), outside);
    assert_eq!(judge(&[0; 16]), outside);
    for malformed in [
        &[192, 0, 2, 0][..],
        &[192, 0, 2, 0, 0xff, 0, 0xff, 0],
        &[192, 0, 2, 0, 0xff, 0xff, 0xfd, 0],
        &[0; 9],
    ] {
        let value = sequence(&[trees(0, &[name(ADDRESS, malformed)])]);
        assert_eq!(NameConstraints::read(&value), Err(Malformed));
    }
}

#[test]
fn distinguished_names() {
    let constraints = permitting(&[directory(&["a", "B"])]);
    let outside = Err(NameFault::NotPermitted(NameForm::Directory));
    assert_eq!(judge_all(&constraints, &["A", "b", "c"], &[]), Ok(()));
    assert_eq!(judge_all(&constraints, &["a", "b"], &[]), Ok(()));
    assert_eq!(judge_all(&constraints, &["a"], &[]), outside);
    assert_eq!(judge_all(&constraints, &["b", "a"], &[]), outside);
    assert_eq!(
        judge_all(&constraints, &["a", "b"], &[directory(&["c"])]),
        outside
    );
    // No name of the form, nothing to constrain.
    assert_eq!(
        judge_all(&constraints, &[], &[name(DNS, b"x.example")]),
        Ok(())
    );
    let excluded = excluding(&[directory(&["a"])]);
    assert_eq!(
        judge_all(&excluded, &["a", "b"], &[]),
        Err(NameFault::Excluded(NameForm::Directory))
    );
}

/// A form that we do not judge, and a distance that we do not process: only where such a name appears.
#[test]
fn what_cannot_be_judged() {
    let registered = name(8, &[0x2a]);
    let constraints = permitting(std::slice::from_ref(&registered));
    let unjudged = Err(NameFault::Unjudged(NameForm::Other(8)));
    assert_eq!(judge_all(&constraints, &["a"], &[registered]), unjudged);
    assert_eq!(judge_all(&constraints, &["a"], &[]), Ok(()));
    let limited = sequence(&[
        name(DNS, b"example.com"),
        element(encode::primitive(1), &[1]),
    ]);
    let value = sequence(&[element(encode::constructed(1), &limited)]);
    let constraints = NameConstraints::read(&value).unwrap();
    let judged = judge_all(&constraints, &[], &[name(DNS, b"example.net")]);
    assert_eq!(judged, Err(NameFault::Unjudged(NameForm::Dns)));
    assert_eq!(judge_all(&constraints, &["a"], &[]), Ok(()));
}

#[test]
fn what_is_excluded_is_so_even_if_permitted() {
    let both = [
        trees(0, &[name(DNS, b"example.com")]),
        trees(1, &[name(DNS, b"a.example.com")]),
    ];
    let constraints = NameConstraints::read(&sequence(&both)).unwrap();
    let judged = |host: &[u8]| judge_all(&constraints, &[], &[name(DNS, host)]);
    assert_eq!(judged(b"b.example.com"), Ok(()));
    assert_eq!(
        judged(b"x.a.example.com"),
        Err(NameFault::Excluded(NameForm::Dns))
    );
}

#[test]
fn an_empty_sequence_is_malformed() {
    for bad in [
        &[0x30, 0][..],
        &[0x30, 2, 0xa0, 0],
        &[0x31, 0],
        &[0x30, 2, 0xa2, 0],
    ] {
        assert_eq!(NameConstraints::read(bad), Err(Malformed), "{bad:02x?}");
    }
}

/// Thousands of names under thousands of subtrees end with a refusal, after a bounded number of octets.
#[test]
fn work_is_bounded() {
    let many = |form: u8| (0..4_000).map(move |n| name(form, format!("h{n}.example").as_bytes()));
    let constraints = excluding(&many(DNS).collect::<Vec<_>>());
    let other: Vec<_> = (0..4_000)
        .map(|n| name(DNS, format!("h{n}.test").as_bytes()))
        .collect();
    assert_eq!(
        judge_all(&constraints, &[], &other),
        Err(NameFault::Unjudged(NameForm::Dns))
    );
    assert_eq!(judge_all(&constraints, &[], &other[..16]), Ok(()));
    let long = "a".repeat(1_000);
    let constraints = excluding(&vec![directory(&[&long]); 100]);
    assert_eq!(
        judge_all(&constraints, &[&long.replace('a', "b")], &[]),
        Err(NameFault::Unjudged(NameForm::Directory))
    );
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = NameConstraints::read(&bytes);
        let subject = DistinguishedName::new(&[0x30, 0]).unwrap();
        let _ = Names::of(&subject, Some(&bytes)).is_some();
    }

    /// Whatever the texts are, judging them ends without a panic.
    #[test]
    fn any_texts_are_judged(base in "[ -~]{0,12}", one in "[ -~]{0,12}") {
        for form in [MAIL, DNS, URI] {
            let constraints = permitting(&[name(form, base.as_bytes())]);
            let _ = judge_all(&constraints, &[], &[name(form, one.as_bytes())]);
            let constraints = excluding(&[name(form, base.as_bytes())]);
            let _ = judge_all(&constraints, &[], &[name(form, one.as_bytes())]);
        }
    }
}
