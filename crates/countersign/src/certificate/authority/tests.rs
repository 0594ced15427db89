//! Scopes that narrow on their way down, and addresses that belong to a domain.

use super::*;
use crate::certificate::TnEntry;
use crate::number::TelephoneNumberRange;

fn spc(code: &str) -> TnEntry {
    TnEntry::Spc(code.parse().unwrap())
}

fn range(start: &str, count: u64) -> TnEntry {
    TnEntry::Range(TelephoneNumberRange::new(start.parse().unwrap(), count).unwrap())
}

fn one(number: &str) -> TnEntry {
    TnEntry::One(number.parse().unwrap())
}

/// The authority of lists from the anchor down.
fn of(lists: &[&[TnEntry]]) -> Authority {
    let scope = |entries: &&[TnEntry]| Scope {
        lists: vec![Arc::new(TnAuthList::new(entries.to_vec()).unwrap())],
        ..Scope::default()
    };
    Authority::of_scopes(lists.iter().map(scope).collect(), Box::default())
}

fn number(authority: &Authority, number: &str) -> Coverage {
    authority.covers(&Identity::Number(number.parse().unwrap()))
}

fn by(code: &str) -> Coverage {
    Coverage::ByProvider(code.parse().unwrap())
}

use Coverage::{Covered, NotCovered};

#[test]
fn a_list_of_numbers_covers_them_and_a_code_covers_by_provider() {
    let numbers = of(&[&[range("12025550100", 100), one("*67")]]);
    assert_eq!(number(&numbers, "12025550199"), Covered);
    assert_eq!(number(&numbers, "*67"), Covered);
    assert_eq!(number(&numbers, "12025550200"), NotCovered);
    let provider = of(&[&[spc("709J")]]);
    assert_eq!(number(&provider, "12025550100"), by("709J"));
    let both = of(&[&[spc("709J"), one("12025550100")]]);
    assert_eq!(number(&both, "12025550100"), Covered);
    assert_eq!(number(&both, "12025550101"), by("709J"));
}

#[test]
fn digest04_cases_1_to_4_numbers_narrow() {
    let parent = [range("12125551000", 1000)];
    assert_eq!(
        number(&of(&[&parent, &[range("12125551500", 100)]]), "12125551599"),
        Covered
    );
    let wide = of(&[&parent, &[range("12125551950", 100)]]);
    assert_eq!(number(&wide, "12125551999"), Covered);
    assert_eq!(
        number(&wide, "12125552000"),
        NotCovered,
        "case 3: beyond the parent"
    );
    let halves = [range("12125551000", 500), range("12125551500", 500)];
    assert_eq!(
        number(&of(&[&halves, &[range("12125551400", 201)]]), "12125551500"),
        Covered
    );
}

/// A code below a list of numbers adds nothing, as nobody can tell whether its numbers are among them.
#[test]
fn digest04_case5_a_code_under_numbers_covers_nothing() {
    let authority = of(&[&[range("12125551000", 1000)], &[spc("709J")]]);
    assert_eq!(number(&authority, "12125551000"), NotCovered);
    assert!(authority.providers().is_empty());
}

#[test]
fn digest04_case6_numbers_under_a_code_are_by_provider() {
    let authority = of(&[&[spc("709J")], &[one("12155551212")]]);
    assert_eq!(number(&authority, "12155551212"), by("709J"));
    assert_eq!(
        number(&authority, "12155551213"),
        NotCovered,
        "the delegate's list is what binds it"
    );
    assert!(
        authority.providers().is_empty(),
        "the delegate does not speak for the provider"
    );
}

#[test]
fn digest04_case7_the_middle_binds() {
    let authority = of(&[
        &[spc("709J")],
        &[range("12125551000", 100)],
        &[one("12125551100")],
    ]);
    assert_eq!(number(&authority, "12125551100"), NotCovered);
    let authority = of(&[
        &[spc("709J")],
        &[range("12125551000", 100)],
        &[one("12125551099")],
    ]);
    assert_eq!(number(&authority, "12125551099"), by("709J"));
}

#[test]
fn codes_intersect_by_equality() {
    let authority = of(&[&[spc("709J"), spc("709K")], &[spc("709K"), spc("709L")]]);
    assert_eq!(authority.providers(), ["709K".parse().unwrap()]);
    assert_eq!(number(&authority, "12025550100"), by("709K"));
    assert_eq!(
        number(&of(&[&[spc("709J")], &[spc("709j")]]), "12025550100"),
        NotCovered
    );
}

/// What a parent names itself stays covered below, even if it also has a code.
#[test]
fn the_strongest_ground_of_each_number_is_kept() {
    let parent = [spc("709J"), one("12025550100")];
    let authority = of(&[&parent, &[range("12025550100", 2)]]);
    assert_eq!(number(&authority, "12025550100"), Covered);
    assert_eq!(number(&authority, "12025550101"), by("709J"));
}

fn domains(dns: &[&str], uris: &[&str]) -> Authority {
    let boxed = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
    let names = SubjectAltName {
        dns: boxed(dns),
        uris: boxed(uris),
    };
    Authority {
        domains: sip_domains(Some(&names)),
        ..Authority::default()
    }
}

fn uri(authority: &Authority, uri: &str) -> Coverage {
    authority.covers(&Identity::Uri(uri.into()))
}

#[test]
fn addresses_belong_to_the_domain_of_the_certificate() {
    let authority = domains(&["Example.COM"], &[]);
    assert_eq!(uri(&authority, "sip:alice@example.com"), Covered);
    assert_eq!(uri(&authority, "sips:alice@EXAMPLE.com"), Covered);
    for other in [
        "sip:alice@sub.example.com",
        "sip:alice@example.com.evil.example",
        "sip:alice@xexample.com",
        "sip:alice@example.com:5060",
        "sip:alice@example.com;transport=tcp",
        "sip:alice@evil.example?x=@example.com:",
        "mailto:alice@example.com",
        "alice@example.com",
        "example.com",
    ] {
        assert_eq!(uri(&authority, other), NotCovered, "{other}");
    }
    assert_eq!(number(&authority, "12025550100"), NotCovered);
    assert_eq!(
        uri(&of(&[&[spc("709J")]]), "sip:alice@example.com"),
        NotCovered
    );
}

/// RFC 5922 §7.1 and §7.2: which names of a certificate are SIP domains.
#[test]
fn sip_uris_come_before_dns_names_and_users_and_wildcards_do_not_count() {
    let both = domains(&["b.example"], &["sip:a.example;x=y"]);
    assert_eq!(both.domains(), [Box::from("a.example")]);
    let users = domains(
        &["b.example"],
        &["sip:bob@a.example", "sips:a.example", "https://a.example"],
    );
    assert_eq!(users.domains(), [Box::from("b.example")]);
    assert!(
        domains(&["*.example.com", ".example.com", ""], &[])
            .domains()
            .is_empty()
    );
}
