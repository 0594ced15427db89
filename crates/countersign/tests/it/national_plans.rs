//! The national profiles that are built in, against what somebody else publishes about the same numbers (`test-data/numbers/`).

use crate::vectors;
use countersign::certificate::national::{FRANCE, NORTH_AMERICA, Profile};
use std::collections::{BTreeMap, BTreeSet};

/// Behind country code 1.
const AREA_CODES: std::ops::RangeInclusive<u16> = 200..=999;

/// Not in the table: others list them for Canada, as the text of the profile tells.
const SET_ASIDE_FOR_CANADA: [u16; 11] = [387, 460, 487, 537, 568, 644, 655, 677, 688, 851, 871];

/// The rows of a table: a number, and what is said of it.
fn table(name: &str) -> BTreeMap<u16, Vec<String>> {
    let text = vectors::text(name);
    let row = |line: &str| {
        let (key, said) = line.split_once('\t').unwrap();
        let said = said.split(' ').map(str::to_owned).collect();
        (key.parse().unwrap(), said)
    };
    text.lines().map(row).collect()
}

/// The region that a country of North America belongs to.
fn region_of_country(country: &str) -> &'static str {
    match country {
        "US" | "AS" | "GU" | "MP" | "PR" | "VI" => "us",
        "CA" => "canada",
        "AG" | "AI" | "BB" | "BM" | "BS" | "DM" | "DO" | "GD" | "JM" | "KN" | "KY" | "LC"
        | "MS" | "SX" | "TC" | "TT" | "VC" | "VG" => "caribbean",
        other => panic!("{other} is not known here"),
    }
}

fn regions_of<'a>(profile: &'a Profile, number: &str) -> BTreeSet<&'a str> {
    let regions = profile.regions_of(number.parse().unwrap());
    regions.iter().map(|region| &**region).collect()
}

#[test]
fn every_area_code_is_in_the_countries_that_public_metadata_names() {
    let published = table("numbers/area-codes.tsv");
    assert_eq!(published.len(), 469);
    let mut wrong = Vec::new();
    for code in AREA_CODES {
        let expected = match published.get(&code) {
            Some(countries) => countries
                .iter()
                .map(|country| region_of_country(country))
                .collect(),
            None if SET_ASIDE_FOR_CANADA.contains(&code) => BTreeSet::from(["canada"]),
            None => BTreeSet::from(["us"]),
        };
        let found = regions_of(&NORTH_AMERICA, &format!("1{code}5550100"));
        if found != expected {
            wrong.push(format!("{code}: {found:?}, published {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An exception that has come into service must be deleted here.
#[test]
fn area_codes_set_aside_are_not_published() {
    let published = table("numbers/area-codes.tsv");
    for code in SET_ASIDE_FOR_CANADA {
        assert!(!published.contains_key(&code), "{code}");
    }
}

#[test]
fn national_numbers_have_the_lengths_that_public_metadata_names() {
    let published = table("numbers/lengths.tsv");
    let found: BTreeMap<u16, Vec<String>> = published
        .keys()
        .map(|country| {
            let profile = if *country == 1 {
                &*NORTH_AMERICA
            } else {
                &*FRANCE
            };
            let taken = |length: &usize| {
                let number = format!("{country}{}", "0".repeat(*length));
                !regions_of(profile, &number).is_empty()
            };
            let lengths: Vec<usize> = (1..=12).filter(taken).collect();
            let ends: BTreeSet<&usize> =
                lengths.first().into_iter().chain(lengths.last()).collect();
            (*country, ends.iter().map(ToString::to_string).collect())
        })
        .collect();
    assert_eq!(found, published);
    assert_eq!(
        published.keys().copied().collect::<Vec<_>>(),
        [1, 33, 262, 508, 590, 594, 596]
    );
}
