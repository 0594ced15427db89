//! What the built-in profiles say, and texts that are none.

use super::*;

fn number(text: &str) -> TelephoneNumber {
    text.parse().unwrap()
}

#[test]
fn what_is_built_in_is_read() {
    assert_eq!(NORTH_AMERICA.name(), "north-america");
    assert_eq!(FRANCE.name(), "france");
    for (profile, regions) in [
        (&NORTH_AMERICA, &["us", "canada", "caribbean"][..]),
        (&FRANCE, &["metropolitan-france", "french-overseas"]),
    ] {
        for region in regions {
            assert!(profile.has_region(region), "{region}");
        }
    }
}

#[test]
fn numbers_belong_to_the_region_of_the_longest_prefix() {
    for (text, regions) in [
        ("12025550100", &["us"][..]),
        ("17875550100", &["us"]),
        ("16135550100", &["canada"]),
        ("16005550100", &["canada"]),
        ("18765550100", &["caribbean"]),
        ("18005550100", &["us", "canada", "caribbean"]),
        ("1202555010", &[]),
        ("120255501000", &[]),
        ("2025550100", &[]),
        ("911", &[]),
        ("*67", &[]),
    ] {
        let found = NORTH_AMERICA.regions_of(number(text));
        let found: Vec<&str> = found.iter().map(|name| &**name).collect();
        assert_eq!(found, regions, "{text}");
    }
}
