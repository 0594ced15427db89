//! What rich call data refers to, and the pointers by which `rcdi` names it:
//! [RFC 9795 §6.1](https://www.rfc-editor.org/rfc/rfc9795#section-6.1).
//!
//! Whoever signs makes a digest for each of these, whoever verifies looks for one.

use super::{Card, RichCallData};
use crate::jcard::{JCard, Kind};
use std::fmt::Write as _;

/// The pointer to the picture of the claim itself.
pub const ICON: &str = "/icn";
/// The pointer to the card in the claim.
pub const CARD_INLINE: &str = "/jcd";
/// The pointer to the card elsewhere; what follows points into it.
// RFC 9795 §6.1.4: "any following numeric array indices added to the "jcl" (e.g., "/jcl/1/2/3") are treated as if the external content
// referenced by the jCard were directly part of the overall "rcd" claim JSON object."
pub const CARD_ELSEWHERE: &str = "/jcl";

/// Content that is elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its pointer in `rcdi`.
    pub pointer: Box<str>,
    /// Where it is.
    pub url: Box<str>,
    /// What it is.
    pub what: Referent,
}

/// What a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Referent {
    /// A jCard.
    Card,
    /// Something that no phone shows as a picture: a sound, a key.
    Other,
    /// A picture.
    Picture,
}

/// What the claim itself refers to: its picture, unless it is in its URL, and its card, unless that is in the claim. A card in it is for [`of_card`].
// RFC 9795 §6.1.2: "If the URI references externally linked content, there MUST be a JSON pointer and digest entry for the content in
// that linked resource." §6.1.4: "The "rcdi" MUST have a "/jcl" key value and digest value to protect the referenced jCard object".
pub fn of_claim(data: &RichCallData) -> impl Iterator<Item = Reference> {
    let icon = data.icon.as_deref().filter(|url| !is_data(url));
    let icon = icon.map(|url| reference(ICON, url, Referent::Picture));
    let card = match &data.card {
        Some(Card::At(url)) => Some(reference(CARD_ELSEWHERE, url, Referent::Card)),
        _ => None,
    };
    icon.into_iter().chain(card)
}

/// What a card refers to, under the pointer to the card: [`CARD_INLINE`] or [`CARD_ELSEWHERE`].
// RFC 9795 §6.1.3: "Each URI referenced in the jCard array string MUST have a corresponding JSON pointer string key and digest value."
// Of those that have a body: docs/divergences.md.
pub fn of_card(card: &JCard, under: &str) -> impl Iterator<Item = Reference> {
    card.references().map(move |found| {
        let mut pointer = String::from(under);
        // Writing to a String cannot fail.
        _ = write!(pointer, "/1/{}/{}", found.property, found.element);
        let what = match found.kind {
            Kind::Logo | Kind::Photo => Referent::Picture,
            _ => Referent::Other,
        };
        reference(&pointer, found.url, what)
    })
}

fn reference(pointer: &str, url: &str, what: Referent) -> Reference {
    Reference {
        pointer: pointer.into(),
        url: url.into(),
        what,
    }
}

/// Whether the content is in the URL itself: [RFC 2397](https://www.rfc-editor.org/rfc/rfc2397).
// RFC 9795 §8.3: "the "icn" data is incorporated directly in the "rcd" claim, and therefore separate integrity protection is not
// required."
pub fn is_data(url: &str) -> bool {
    url.get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest10_case18_data_urls_are_no_references() {
        let png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAY=";
        let data = RichCallData::new("x", None, Some(png), None).unwrap();
        assert_eq!(of_claim(&data).count(), 0);
    }

    #[test]
    fn pointers_are_those_of_rfc_9795_section_6_1() {
        let card = Some(Card::At("https://example.com/qbranch.json".into()));
        let icon = Some("https://example.com/photos/q-256x256.png");
        let data = RichCallData::new("x", None, icon, card).unwrap();
        let pointers: Vec<_> = of_claim(&data).map(|one| one.pointer).collect();
        assert_eq!(pointers, ["/icn".into(), "/jcl".into()]);

        let card = br#"["vcard",[["version",{},"text","4.0"],["fn",{},"text","x"],["org",{},"text","y"],["photo",{},"uri","https://example.com/q.png"],["sound",{},"uri","https://example.com/q.mp3"]]]"#;
        let card = JCard::parse(card).unwrap();
        let found: Vec<_> = of_card(&card, CARD_ELSEWHERE)
            .map(|one| (one.pointer.into_string(), one.what))
            .collect();
        assert_eq!(found[0], ("/jcl/1/3/3".to_owned(), Referent::Picture));
        assert_eq!(found[1], ("/jcl/1/4/3".to_owned(), Referent::Other));
    }
}
