//! What an inventory reads and what it refuses, and its lookup against a plain list.

use super::*;
use proptest::prelude::*;

fn basis(inventory: &Inventory, number: &str) -> Option<Basis> {
    inventory.basis(number.parse().unwrap())
}

fn wrong(text: &str) -> (u32, Option<u32>, InventoryCause) {
    let error = Inventory::parse(text).unwrap_err();
    (error.line, error.column, error.cause)
}

#[test]
fn every_form_of_a_line_is_read() {
    let inventory = Inventory::parse(concat!(
        "# our numbers\r\n",
        "\n",
        "12025550100,assigned\n",
        " +12025550110 - 12025550119 , toll-free # the hotline\n",
        "12025550120+10,vanity\n",
        "+12025550130-+12025550139,foreign-with-proof",
    ))
    .unwrap();
    for (number, expected) in [
        ("12025550099", None),
        ("12025550100", Some(Basis::Assigned)),
        ("12025550101", None),
        ("12025550109", None),
        ("12025550110", Some(Basis::TollFree)),
        ("12025550119", Some(Basis::TollFree)),
        ("12025550120", Some(Basis::Vanity)),
        ("12025550129", Some(Basis::Vanity)),
        ("12025550130", Some(Basis::ForeignWithProof)),
        ("12025550139", Some(Basis::ForeignWithProof)),
        ("12025550140", None),
        // The same value with another length is another number.
        ("012025550100", None),
        ("2025550100", None),
        ("120255501#0", None),
    ] {
        assert_eq!(basis(&inventory, number), expected, "{number}");
    }
    assert_eq!(inventory.count(), 31);
}

#[test]
fn every_mistake_has_its_place() {
    use InventoryCause::*;
    for (text, line, column, cause) in [
        ("12025550100", 1, 1, BasisMissing),
        ("\n12025550100,mine", 2, 13, BasisUnknown("mine".into())),
        (
            "12025550100,operator",
            1,
            13,
            BasisUnknown("operator".into()),
        ),
        ("12025550100,assigned,x", 1, 22, TooManyFields),
        ("911,assigned", 1, 1, NotE164),
        ("02025550100,assigned", 1, 1, NotE164),
        ("12025550100-1202555019,assigned", 1, 13, LengthsDiffer),
        ("12025550109-12025550100,assigned", 1, 13, RangeBackward),
        ("12025550100+0,assigned", 1, 13, Count),
        ("12025550100+x,assigned", 1, 13, Count),
        ("12025550100+99999999999,assigned", 1, 13, Count),
        (
            "1202 5550100,assigned",
            1,
            1,
            NotANumber(NotATelephoneNumber::Character(' ')),
        ),
    ] {
        assert_eq!(wrong(text), (line, Some(column), cause), "{text}");
    }
}

#[test]
fn one_number_has_one_basis() {
    let text = "12025550100+10,assigned\n12025550120,vanity\n12025550105,vanity\n";
    assert_eq!(wrong(text), (3, None, InventoryCause::Conflict { with: 1 }));
    let error = Inventory::parse(text).unwrap_err().to_string();
    assert_eq!(error, "line 3: overlaps line 1, which gives another basis");
    let repeated = "12025550100+10,assigned\n12025550105,assigned\n12025550108+10,assigned\n";
    assert_eq!(Inventory::parse(repeated).unwrap().count(), 18);
}

#[test]
fn the_operator_speaks_for_every_number() {
    let inventory = Inventory::operator();
    assert_eq!(basis(&inventory, "12025550100"), Some(Basis::Operator));
    assert!(!inventory.is_empty());
    assert!(Inventory::default().is_empty());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(\\PC|[0-9+,\n-]){0,80}") {
        let _ = Inventory::parse(&text);
    }

    /// Blocks against the dumbest possible model: a list looked through from end to end.
    #[test]
    fn lookup_agrees_with_looking_through_the_list(
        entries in proptest::collection::vec((0_u64..60, 1_u64..12, 0_usize..2), 0..12),
    ) {
        let names = ["assigned", "vanity"];
        let lines: Vec<String> = entries
            .iter()
            .map(|(start, count, basis)| format!("{}+{count},{}", 12_025_550_100 + start, names[*basis]))
            .collect();
        let listed = |number: u64| {
            let mut found: Vec<usize> = entries
                .iter()
                .filter(|(start, count, _)| (*start..start + count).contains(&number))
                .map(|(_, _, basis)| *basis)
                .collect();
            found.dedup();
            found
        };
        let conflict = (0..80).any(|number| {
            let found = listed(number);
            found.contains(&0) && found.contains(&1)
        });
        match Inventory::parse(&lines.join("\n")) {
            Err(error) => prop_assert!(conflict, "{error} in {lines:?}"),
            Ok(inventory) => {
                prop_assert!(!conflict);
                for number in 0..80 {
                    let expected = listed(number).first().map(|basis| names[*basis]);
                    let number = (12_025_550_100 + number).to_string();
                    prop_assert_eq!(basis(&inventory, &number).map(Basis::name), expected);
                }
            }
        }
    }
}
