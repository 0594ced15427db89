//! Texts that people and switches write: numbers, URIs that name somebody, inventories.

use countersign::authentication::Inventory;
use countersign::identity::{BareDigits, Identity, IdentityPolicy, Role};
use countersign::number::{NumberingPlan, TelephoneNumber};

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
