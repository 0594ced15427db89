//! `[[brands]]`: what is said of a tenant's numbers beside the number, and of which.

use super::place::{Cause, Expected, Placed};
use super::reader::Reader;
use crate::brands::{Backwards, Carried};
use countersign::authentication::{Brand, Inventory};
use countersign::number::TelephoneNumber;
use countersign::passport::Card;
use countersign::passport::rcd::references::is_data;
use std::path::{Path, PathBuf};

/// One brand as configured.
#[derive(Clone, Debug)]
pub struct BrandSettings {
    /// Its name.
    pub name: Placed<Box<str>>,
    /// Whose numbers these are.
    pub tenant: Placed<Box<str>>,
    /// Which numbers bear it.
    pub numbers: Inventory,
    /// What is said, but for a card in a file.
    pub brand: Brand,
    /// A card.
    pub card_file: Option<Placed<PathBuf>>,
    /// Where it is said.
    pub carried: Carried,
    /// Whether it is told to callers who reach its numbers.
    pub backwards: Backwards,
}

const CARRIED: [(&str, Carried); 2] = [("shaken", Carried::InShaken), ("rcd", Carried::Beside)];

/// Reads one brand. `directory` is where relative paths begin.
pub(super) fn read(mut reader: Reader<'_>, directory: &Path) -> Option<BrandSettings> {
    let name = reader.required("name", "its name");
    let tenant = reader.required("tenant", "the tenant whose numbers bear it");
    let numbers = numbers(&mut reader);
    let caller_name = reader.required("caller_name", "the name that is shown");
    let form = "a number with its country code, such as \"+12025550100\"";
    let alternate = reader.parsed("alternate_number", form, |text| {
        let number: TelephoneNumber = text.strip_prefix('+').unwrap_or(text).parse().ok()?;
        number.is_e164().then_some(number)
    });
    let url = |text: &str| text.contains("://").then(|| Box::<str>::from(text));
    let icon = reader.parsed(
        "icon",
        "an https URL, or a data: URL",
        |text| match is_data(text) {
            true => Some(text.into()),
            false => url(text),
        },
    );
    let card = reader.parsed("card", "an https URL; a file is card_file", url);
    let card_file = reader.text("card_file");
    if let (Some(_), Some(file)) = (&card, &card_file) {
        let expected = Expected::Text("a card at a URL or one in a file, not both");
        reader.note("card_file", &file.place, Cause::Value(expected));
    }
    let form = "a text, such as \"Your delivery\"";
    let reasons = reader.list("reasons", form, |text| Some(Box::<str>::from(text)));
    let carried = reader.choice("passport", &CARRIED).unwrap_or_default();
    let backwards = match reader.boolean("backwards", false).value {
        true => Backwards::OptedIn,
        false => Backwards::Withheld,
    };
    reader.finish();
    Some(BrandSettings {
        name: name?.map(Box::from),
        tenant: tenant?.map(Box::from),
        numbers,
        brand: Brand {
            name: caller_name?.value.into(),
            alternate: alternate.map(|number| number.value),
            icon: icon.map(|icon| icon.value),
            card: card.map(|card| Card::At(card.value)),
            reasons: reasons
                .unwrap_or_default()
                .into_iter()
                .map(|reason| reason.value)
                .collect(),
        },
        card_file: card_file.map(|file| file.map(|file| directory.join(file))),
        carried,
        backwards,
    })
}

/// The numbers, written as in an inventory but for the basis, which is the inventory's to say.
fn numbers(reader: &mut Reader<'_>) -> Inventory {
    let form = "a number or a range, such as \"12025550100\" or \"12025550100-12025550199\"";
    let entry = |text: &str| {
        let line = format!("{text},assigned\n");
        let is_one = !text.contains(['\n', ',', '#']) && Inventory::parse(&line).is_ok();
        is_one.then_some(line)
    };
    let lines = reader.list("numbers", form, entry).unwrap_or_default();
    let (written, place) = reader.written_items("numbers");
    if written == 0 {
        let missing = Cause::Missing("which numbers bear it");
        reader.note("numbers", &place, missing);
    }
    let text: String = lines.into_iter().map(|line| line.value).collect();
    // Each of them is one, and all have the same basis.
    Inventory::parse(&text).unwrap_or_default()
}
