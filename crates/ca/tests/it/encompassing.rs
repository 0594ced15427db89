//! What an authority with numbers of its own issues, and what it refuses: RFC 9060 §4.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ Lab SHAKEN Issuing CA ──▶ provider's CA ──▶ customer
//!                                                    (parent)         (child ⊆ parent, or nothing is issued)
//! ```
//!
//! These tests verify that nothing leaves an authority that its own list does not encompass, by the same algorithm that judges
//! certificates of others.

use countersign::certificate::delegation::{ProviderNumbers, ProviderTable, Recent};
use countersign::certificate::numbers::NumberSet;
use countersign::certificate::{ServiceProviderCode, TnAuthList, TnEntry};
use countersign_ca::extension::PathLength;
use countersign_ca::{Authority, IssuanceError, Practice, Profile, UnknownNumbers};
use countersign_testkit::lab::{Lab, NOW, numbers};
use std::collections::BTreeMap;
use std::sync::Arc;

fn list(entries: &[TnEntry]) -> TnAuthList {
    TnAuthList::new(entries.to_vec()).unwrap()
}

fn spc(code: &str) -> TnEntry {
    TnEntry::Spc(code.parse().unwrap())
}

/// An authority that has these entries.
fn parent(lab: &Lab, entries: &[TnEntry]) -> Authority {
    below(lab, lab.intermediate(), entries)
}

fn below(lab: &Lab, issuer: &Authority, entries: &[TnEntry]) -> Authority {
    let profile = Profile::DelegateCa(PathLength::Unbounded);
    let (key, certificate) = lab
        .issue(issuer, profile, "Provider CA", Some(list(entries)))
        .unwrap();
    Authority::new(certificate, key, Practice::default()).unwrap()
}

/// What becomes of a request for these entries, as a delegate that signs and as one that delegates on.
fn asked(lab: &Lab, issuer: &Authority, entries: &[TnEntry]) -> Result<(), IssuanceError> {
    let profiles = [
        Profile::Delegate,
        Profile::DelegateCa(PathLength::AtMost(0)),
        Profile::EndEntity,
    ];
    let mut outcomes = profiles.map(|profile| {
        let issued = lab.issue(issuer, profile, "Customer", Some(list(entries)));
        issued.map(drop)
    });
    outcomes.sort_by_key(Result::is_ok);
    assert_eq!(
        outcomes.first(),
        outcomes.last(),
        "every profile is held to the same"
    );
    outcomes[0]
}

const TOO_WIDE: Result<(), IssuanceError> = Err(IssuanceError::ScopeTooWide);

#[test]
fn digest04_case01_to_case05_within_the_parent_or_not_at_all() {
    let lab = Lab::new();
    let thousand = parent(&lab, &[numbers("12125551000", 1000)]);
    let halves = parent(
        &lab,
        &[numbers("12125551000", 500), numbers("12125551500", 500)],
    );
    for (case, issuer, child, outcome) in [
        (1, &thousand, numbers("12125551500", 100), Ok(())),
        (2, &thousand, numbers("12125551824", 1), Ok(())),
        (3, &thousand, numbers("12125551950", 100), TOO_WIDE),
        (4, &halves, numbers("12125551400", 201), Ok(())),
        (5, &thousand, spc("709J"), TOO_WIDE),
    ] {
        assert_eq!(asked(&lab, issuer, &[child]), outcome, "case {case}");
    }
}

/// Whose numbers are whose, as an industry database would say it.
fn table(rows: &[(&str, TnEntry)]) -> ProviderTable {
    let rows: BTreeMap<ServiceProviderCode, NumberSet> = rows
        .iter()
        .map(|(code, entry)| {
            let numbers = list(std::slice::from_ref(entry)).numbers().clone();
            (code.parse().unwrap(), numbers)
        })
        .collect();
    ProviderTable::new(NOW, rows)
}

fn database(rows: &[(&str, TnEntry)]) -> Arc<dyn ProviderNumbers> {
    Arc::new(table(rows))
}

#[test]
fn digest04_case06_numbers_under_a_code_by_what_is_known() {
    let lab = Lab::new();
    let child = [numbers("12155551212", 1)];
    let issuer =
        |database, unknown| parent(&lab, &[spc("709J")]).with_provider_numbers(database, unknown);
    let yes = database(&[("709J", numbers("12155551000", 1000))]);
    assert_eq!(
        asked(&lab, &issuer(yes, UnknownNumbers::Refuse), &child),
        Ok(())
    );
    let no = database(&[("709J", numbers("12155559000", 1000))]);
    assert_eq!(
        asked(&lab, &issuer(no, UnknownNumbers::Issue), &child),
        TOO_WIDE
    );
    let unknown = database(&[("709K", numbers("12155551000", 1000))]);
    let trusting = issuer(Arc::clone(&unknown), UnknownNumbers::Issue);
    assert_eq!(asked(&lab, &trusting, &child), Ok(()));
    let strict = issuer(unknown, UnknownNumbers::Refuse);
    assert_eq!(
        asked(&lab, &strict, &child),
        Err(IssuanceError::NumbersUnknown)
    );
    // Data from yesterday is not known where it must be of today.
    let stale: Arc<dyn ProviderNumbers> = Arc::new(Recent {
        providers: table(&[("709J", numbers("12155551000", 1000))]),
        since: NOW.saturating_add(1),
    });
    let strict = issuer(stale, UnknownNumbers::Refuse);
    assert_eq!(
        asked(&lab, &strict, &child),
        Err(IssuanceError::NumbersUnknown)
    );
    // Who asks nobody goes by what was settled before.
    assert_eq!(asked(&lab, &parent(&lab, &[spc("709J")]), &child), Ok(()));
}

/// Code, then a range, then a number outside the range: the middle refuses, whatever the top could have.
#[test]
fn digest04_case07_the_middle_refuses_what_the_top_has() {
    let lab = Lab::new();
    let top = parent(&lab, &[spc("709J")]);
    let middle = below(&lab, &top, &[numbers("12125551000", 100)]);
    assert_eq!(asked(&lab, &middle, &[numbers("12125551100", 1)]), TOO_WIDE);
    assert_eq!(asked(&lab, &middle, &[numbers("12125551099", 1)]), Ok(()));
    assert_eq!(asked(&lab, &middle, &[spc("709J")]), TOO_WIDE);
}

// RFC 8226 §9: "formally, given the inputs count and TelephoneNumber of length D, TelephoneNumber + count MUST be less than 10^D."
#[test]
fn ranges_are_issued_by_the_formula_though_more_is_read() {
    let lab = Lab::new();
    for (start, count, outcome) in [
        ("9990", 9, Ok(())),
        ("9990", 10, Err(IssuanceError::RangeEnd)),
        ("9998", 2, Err(IssuanceError::RangeEnd)),
        ("9999", 1, Ok(())),
    ] {
        let entries = [numbers(start, count)];
        let issued = lab.issue(
            lab.intermediate(),
            Profile::EndEntity,
            "Numbers",
            Some(list(&entries)),
        );
        assert_eq!(issued.map(drop), outcome, "{start}+{count}");
    }
}

/// Below a list, certificates of other authorities and of those who sign revocations would be gaps.
#[test]
fn nothing_without_a_list_is_issued_below_a_list() {
    let lab = Lab::new();
    let issuer = parent(&lab, &[numbers("12125551000", 1000)]);
    for (profile, refused) in [
        (Profile::CrlIssuer, IssuanceError::ScopeForbidden),
        (
            Profile::Intermediate(PathLength::AtMost(0)),
            IssuanceError::ScopeForbidden,
        ),
        (Profile::Delegate, IssuanceError::ScopeMissing),
        (
            Profile::DelegateCa(PathLength::AtMost(0)),
            IssuanceError::ScopeMissing,
        ),
        (Profile::EndEntity, IssuanceError::ScopeMissing),
    ] {
        let issued = lab.issue(&issuer, profile, "Gap", None);
        assert_eq!(issued.map(drop), Err(refused), "{profile:?}");
    }
}
