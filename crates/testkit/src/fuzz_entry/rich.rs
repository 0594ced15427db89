//! What rich call data is made of: JSON pointers, digests, jCards.

use countersign::jcard::{JCard, MAX_PROPERTIES, MAX_VALUES};
use countersign::jose::json;
use countersign::jose::pointer::{MAX_POINTER_STEPS, Pointer};
use countersign::passport::rcd::digest::Digest;
use countersign::passport::rcd::references::{CARD_ELSEWHERE, of_card};

/// The first line is a pointer, or a digest; what follows is a document. A pointer leads where its first step leads first; a digest is
/// written as it was read, but for padding.
pub(super) fn pointer(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (line, document) = text.split_once('\n').unwrap_or((text, "null"));
    if let Ok(digest) = line.parse::<Digest>() {
        assert_eq!(digest.to_string(), line.trim_end_matches('='));
    }
    let Ok(pointer) = Pointer::parse(line) else {
        return;
    };
    let escaped = pointer
        .steps()
        .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")));
    assert_eq!(escaped.collect::<String>(), line);
    assert!(pointer.steps().count() <= MAX_POINTER_STEPS);
    let Ok(document) = json::parse_str(document) else {
        return;
    };
    let found = pointer.find(&document.value);
    match pointer.split_first() {
        None => assert_eq!(found, Some(&document.value)),
        Some((_, rest)) => {
            let first = line.strip_suffix(rest.as_str()).unwrap_or_default();
            let first = Pointer::parse(first).ok();
            let there = first.and_then(|first| first.find(&document.value));
            assert_eq!(found, there.and_then(|there| rest.find(there)));
        }
    }
}

/// A card is within its limits, has a name, and whatever it refers to stands where its pointer says.
pub(super) fn jcard(bytes: &[u8]) {
    let Ok(card) = JCard::parse(bytes) else {
        return;
    };
    assert!((2..=MAX_PROPERTIES).contains(&card.properties().len()));
    let values = |property: &countersign::jcard::Property| property.values.len();
    assert!(
        card.properties()
            .iter()
            .all(|property| (1..=MAX_VALUES).contains(&values(property)))
    );
    let _ = card.name();
    let value = json::parse(bytes);
    assert!(value.is_ok(), "a card that is no JSON");
    let value = value.unwrap_or(json::Value::Null);
    for reference in of_card(&card, CARD_ELSEWHERE) {
        let place = reference
            .pointer
            .strip_prefix(CARD_ELSEWHERE)
            .unwrap_or_default();
        let there = Pointer::parse(place)
            .ok()
            .and_then(|place| place.find(&value)?.as_str());
        assert_eq!(there, Some(&*reference.url));
    }
}
