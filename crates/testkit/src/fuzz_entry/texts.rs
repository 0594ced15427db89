//! Texts that people and switches write: numbers, URIs that name somebody, inventories, national profiles, records of numbers.

use countersign::authentication::Inventory;
use countersign::certificate::NumberScope;
use countersign::certificate::national::Profile;
use countersign::certificate::number_records::NumberRecords;
use countersign::identity::{BareDigits, Identity, IdentityPolicy, Role};
use countersign::number::{NumberingPlan, TelephoneNumber};
use countersign_sip::trunk::{Forwards, MAX_FORWARDS};

const PLANS: [NumberingPlan; 2] = [NumberingPlan::International, NumberingPlan::NorthAmerican];

/// The canonical form is its own canonical form.
pub(super) fn number(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = text.parse::<TelephoneNumber>();
    for plan in PLANS {
        let Ok(number) = plan.canonical(text) else {
            continue;
        };
        assert_eq!(number.as_str().parse(), Ok(number), "{text}");
        if number.is_e164() {
            let international = NumberingPlan::International;
            assert_eq!(
                international.canonical(&format!("+{number}")),
                Ok(number),
                "{text}"
            );
        }
    }
}

/// A normalised URI is its own normal form.
pub(super) fn identity(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    for plan in PLANS {
        for bare_digits in [BareDigits::Number, BareDigits::Uri] {
            for role in [Role::Orig, Role::Dest] {
                let policy = IdentityPolicy { plan, bare_digits };
                if let Ok(Identity::Uri(uri)) = Identity::from_uri(text, role, policy) {
                    let again = Identity::from_uri(&uri, role, policy);
                    assert_eq!(again, Ok(Identity::Uri(uri)), "{text}");
                }
            }
        }
    }
}

/// An inventory that is read lists what its count says; one that is not names a line that exists.
pub(super) fn inventory(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Inventory::parse(text) {
        Ok(inventory) => assert_eq!(inventory.is_empty(), inventory.count() == 0),
        Err(error) => {
            let lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
            assert!(
                (1..=lines).contains(&error.line),
                "line {} of {lines}",
                error.line
            );
        }
    }
}

/// A table of forwards that is read sends nobody to themselves, and every entry of it is one of its lines; one that is not names a line
/// that exists.
pub(super) fn forwards(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Forwards::parse(text) {
        Ok(forwards) => {
            assert!(forwards.len() <= text.lines().count().min(MAX_FORWARDS));
            let called = text.split(|one: char| !one.is_ascii_digit());
            let called =
                called.filter_map(|digits| TelephoneNumber::from_canonical(digits.as_bytes()).ok());
            for called in called {
                let target = forwards.target(called);
                assert!(target.is_none_or(|target| target != called && target.is_e164()));
            }
        }
        Err(error) => {
            let lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
            assert!((1..=lines).contains(&error.line), "{error}");
        }
    }
}

/// Records that are read know every number they begin a block with; those that are not name a line that exists.
pub(super) fn number_records(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let error = match NumberRecords::parse(text) {
        Ok(records) => {
            // A comment ends at the end of its line, and may begin right after a number.
            let between = |one: char| one.is_whitespace() || ",-+#".contains(one);
            let asked = text.split(between);
            let known = asked.filter_map(|word| word.parse().ok());
            let known = known.filter_map(|number| records.provider_of(number));
            return assert!(records.is_empty() || known.count() > 0, "{text}");
        }
        Err(error) => error,
    };
    let lines = text.lines().count().max(1);
    assert!(
        (1..=lines).contains(&(error.line as usize)),
        "{error} of {lines}"
    );
}

/// Numbers asked for in every profile: of every length, and of the countries that are built in.
const ASKED: [&str; 6] = [
    "1",
    "911",
    "12025550100",
    "16135550100",
    "33199000000",
    "999999999999999",
];

/// A profile has what its regions have together; one that is not read names a line that exists, or none.
pub(super) fn national_profile(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let profile = match Profile::parse(text) {
        Ok(profile) => std::sync::Arc::new(profile),
        Err(error) => return assert!(error.line <= text.lines().count()),
    };
    let scope = |name: &str| NumberScope::with_profiles(&[name], std::slice::from_ref(&profile));
    for number in ASKED.into_iter().flat_map(str::parse) {
        let identity = Identity::Number(number);
        let by_region = |region: &str| scope(region).is_ok_and(|scope| scope.contains(&identity));
        let whole = scope(profile.name()).map(|scope| scope.contains(&identity));
        if profile
            .regions()
            .iter()
            .all(|region| **region != *profile.name())
        {
            assert_eq!(
                whole,
                Ok(profile.regions().iter().any(|region| by_region(region))),
                "{number}"
            );
        }
        assert_eq!(
            whole,
            Ok(!profile.regions_of(number).is_empty()),
            "{number}"
        );
    }
}
