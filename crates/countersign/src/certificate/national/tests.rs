//! What the built-in profiles say, and texts that are none.

use super::*;

fn number(text: &str) -> TelephoneNumber {
    text.parse().unwrap()
}

#[test]
fn what_is_built_in_is_read() {
    for (profile, name, regions) in [
        (
            &NORTH_AMERICA,
            "north-america",
            &["canada", "caribbean", "us"][..],
        ),
        (
            &FRANCE,
            "france",
            &["french-overseas", "metropolitan-france"],
        ),
    ] {
        assert_eq!(profile.name(), name);
        let found: Vec<&str> = profile.regions().iter().map(|name| &**name).collect();
        assert_eq!(found, regions);
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

#[test]
fn french_numbers_by_country_code_and_length() {
    for (text, regions) in [
        ("33199000000", &["metropolitan-france"][..]),
        ("262639990000", &["french-overseas"]),
        ("508415550", &["french-overseas"]),
        ("3319900000", &[]),
        ("687250000", &[]),
    ] {
        let found = FRANCE.regions_of(number(text));
        let found: Vec<&str> = found.iter().map(|name| &**name).collect();
        assert_eq!(found, regions, "{text}");
    }
}

/// A list that an operator brings: the built-in profile has none (docs/divergences.md).
#[test]
fn portability_prefixes_are_data() {
    let code = |text: &str| ServiceProviderCode::new(text).unwrap();
    let profile = Profile::parse("profile lab\nportability 51 5200 51 # twice is once").unwrap();
    assert!(
        profile.is_portability_prefix(&code("51")) && profile.is_portability_prefix(&code("5200"))
    );
    for other in ["5", "520", "52000", "709J"] {
        assert!(!profile.is_portability_prefix(&code(other)), "{other}");
    }
    assert!(!FRANCE.is_portability_prefix(&code("51")));
}

#[test]
fn texts_that_are_no_profile() {
    use ProfileMistake::*;
    let shared = format!(
        "profile x\nplan 1 10\nregion {} 1",
        ["a"; MAX_SHARING + 1].join("+")
    );
    for (text, line, cause) in [
        ("", 0, NoName),
        ("# profile x", 0, NoName),
        ("profile", 1, Name),
        ("profile X", 1, Name),
        ("profile 9", 1, Name),
        ("profile x y", 1, Word),
        ("profile x\nprofile y", 2, Word),
        ("profile x\n\nplans 1 10", 3, Word),
        ("profile x\nplan", 2, Digits),
        ("profile x\nplan 1", 2, Digits),
        ("profile x\nplan * 10", 2, Digits),
        ("profile x\nplan 1 10-6", 2, Digits),
        ("profile x\nplan 1 10 11", 2, Word),
        ("profile x\nplan 1 10\nplan 1 9", 0, Repeated(number("1"))),
        ("profile x\nplan 1 10\nregion", 3, Name),
        ("profile x\nplan 1 10\nregion a+ 1", 3, Name),
        ("profile x\nplan 1 10\nregion a 1 +2", 3, Digits),
        (
            "profile x\nplan 1 10\nregion a 12\nregion b 12",
            0,
            Repeated(number("12")),
        ),
        (
            "profile x\nplan 1 10\nregion a 12 2",
            0,
            NoPlan(number("2")),
        ),
        ("profile x\nportability 1x", 2, Digits),
        (&shared, 3, TooManySharing),
        (&" ".repeat(MAX_PROFILE + 1), 0, TooLarge),
    ] {
        let shown = text.get(..60).unwrap_or(text);
        assert_eq!(
            Profile::parse(text),
            Err(ProfileError { line, cause }),
            "{shown:?}"
        );
    }
}

fn scope(names: &[&str]) -> NumberScope {
    NumberScope::of(names).unwrap()
}

fn contains(scope: &NumberScope, text: &str) -> bool {
    scope.contains(&Identity::Number(number(text)))
}

#[test]
fn a_scope_is_what_its_parts_have() {
    let (us, canada) = (scope(&["us"]), scope(&["canada"]));
    let north = scope(&["north-america"]);
    let lab = scope(&["+120255501", "9995550100"]);
    for (text, wanted) in [
        ("12025550100", [true, false, true, true]),
        ("12025550200", [true, false, true, false]),
        ("16135550100", [false, true, true, false]),
        ("18885550100", [true, true, true, false]),
        ("18765550100", [false, false, true, false]),
        ("33199000000", [false, false, false, false]),
        ("9995550100", [false, false, false, true]),
        ("911", [false, false, false, false]),
    ] {
        let found = [&us, &canada, &north, &lab].map(|scope| contains(scope, text));
        assert_eq!(found, wanted, "{text}");
        assert!(contains(&NumberScope::all(), text));
        assert!(
            !contains(&scope(&[]), text),
            "a scope of nothing has nothing"
        );
    }
    let both = scope(&["us", "metropolitan-france"]);
    assert!(contains(&both, "12025550100") && contains(&both, "33199000000"));
    assert!(!contains(&both, "16135550100"));
}

#[test]
fn only_the_scope_of_everything_has_addresses() {
    let alice = Identity::Uri("sip:alice@example.com".into());
    assert!(NumberScope::all().contains(&alice));
    assert!(!scope(&["us", "1"]).contains(&alice));
}

#[test]
fn names_that_nobody_knows_are_told() {
    assert_eq!(
        NumberScope::of(&["us", "usa"]),
        Err(UnknownScope("usa".into()))
    );
    assert!(NumberScope::of(&["*67"]).is_err());
    let lab = Arc::new(Profile::parse("profile lab\nplan 999 4-8\nregion here 999").unwrap());
    assert!(NumberScope::with_profiles(&["us"], &[Arc::clone(&lab)]).is_err());
    let here = NumberScope::with_profiles(&["here"], &[lab]).unwrap();
    assert!(contains(&here, "9995550100") && !contains(&here, "9995"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(profile x\n)?(plan 1 10\n)?(region [a-z+]{1,9} [0-9 ]{1,9}\n|[ -~\n]{0,9}){0,4}") {
        if let Ok(profile) = Profile::parse(&text) {
            proptest::prop_assert!(!profile.name().is_empty());
        }
    }
}
