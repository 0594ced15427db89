//! What must be true of a request that goes on: its bytes, and what is said about it.

use super::shadow::{Facts, Leg};
use super::text::{status, value, values, without};

/// The header lines that an element of this mode may write or remove; all else leaves byte for byte as it came.
const OURS: [&str; 5] = [
    "Via",
    "Max-Forwards",
    "Identity",
    "Date",
    "P-Asserted-Identity",
];

/// An INVITE goes to a next hop.
pub(super) fn invite_goes_on(leg: &Leg, facts: &Facts, text: &str) {
    untouched(leg, text);
    let came = values(&leg.request, "Identity").count();
    let signed = usize::from(leg.identity.is_some());
    let identities: Vec<_> = values(text, "Identity").collect();
    assert!(
        identities.len() == came + signed || (signed == 1 && identities.len() == 1),
        "{text}"
    );
    match &leg.identity {
        Some(identity) => assert_eq!(identities.last(), Some(&identity.as_str())),
        None => assert_eq!(identities.len(), came, "a signature of nobody: {text}"),
    }
    let told: Vec<_> = text.match_indices("verstat=").collect();
    match leg.verdict {
        Some(verdict) => {
            assert_eq!(told.len(), 1, "{text}");
            assert!(
                text.contains(&format!("verstat={verdict}")),
                "not {verdict}: {text}"
            );
            let is_rejected = facts.rejects && verdict == "TN-Validation-Failed";
            assert!(!is_rejected, "rejected calls go nowhere: {text}");
        }
        None => assert!(told.is_empty(), "a verdict of nobody: {text}"),
    }
    let must_be_judged = facts.judges && (!facts.signs || came > 0 || facts.rejects);
    assert_eq!(leg.verdict.is_some(), must_be_judged, "{text}");
}

/// A request goes to a next hop as it came.
pub(super) fn untouched(leg: &Leg, text: &str) {
    let (before, after) = (&leg.request, text);
    assert_eq!(without(before, &OURS), without(after, &OURS));
    let line = |text: &str| text.split("\r\n").next().unwrap_or_default().to_owned();
    assert_eq!(line(before), line(after));
    assert_eq!(value(after, "Max-Forwards"), "69");
    let vias: Vec<_> = values(after, "Via").skip(1).collect();
    let came: Vec<_> = values(before, "Via").collect();
    assert_eq!(vias.len(), came.len(), "{after}");
    assert_eq!(vias[1..], came[1..], "{after}");
    let stamped = |via: &str| {
        let parameters = via.split(';');
        let kept: Vec<_> = parameters
            .filter(|parameter| {
                !parameter.starts_with("received=") && !parameter.starts_with("rport")
            })
            .collect();
        kept.join(";")
    };
    assert_eq!(stamped(vias[0]), stamped(came[0]), "{after}");
    let is_asserted = |text: &str| values(text, "P-Asserted-Identity").count();
    assert!(is_asserted(after) <= is_asserted(before) + 1, "{after}");
}

/// A call is answered with where to go, and with what was found out: all of it, and nothing else.
pub(super) fn answer_tells(leg: &Leg, facts: &Facts, code: u16, text: &str) {
    let tells = leg.identity.is_some() || leg.verdict.is_some();
    assert_eq!(code == 302, tells, "{text}");
    let names = ["Identity", "X-Identity"];
    let identities: Vec<_> = names.iter().flat_map(|name| values(text, name)).collect();
    match &leg.identity {
        Some(identity) => assert!(identities.contains(&identity.as_str()), "{text}"),
        None => assert!(!text.contains("token.number."), "{text}"),
    }
    assert_eq!(leg.verdict.is_some(), facts.judges, "{text}");
    let told = text.matches("verstat=").count();
    match leg.verdict {
        Some(verdict) => {
            assert!(
                told == 1 && text.contains(&format!("verstat={verdict}")),
                "{text}"
            );
        }
        None => assert_eq!(told, 0, "a verdict of nobody: {text}"),
    }
}

/// A response without what it tells of an error of PASSporTs.
pub(super) fn untold(text: &str) -> String {
    let lines = text.split_inclusive("\r\n");
    lines.filter(|line| !line.starts_with(TELLS)).collect()
}

/// The sender of a call that goes on with a bad PASSporT is told once, in the next response that is no 100; a 2xx that is repeated
/// says it again.
pub(super) fn error_is_told(leg: &mut Leg, facts: &Facts, text: &str) {
    let code = status(text).unwrap();
    let told = text
        .split("\r\n")
        .filter(|line| line.starts_with(TELLS))
        .count();
    let is_due = code > 100
        && match leg.told_of_error {
            None => true,
            Some(in_final) => in_final && code >= 200,
        };
    match leg.verdict {
        Some("TN-Validation-Failed") => {
            assert_eq!(told, usize::from(is_due && !facts.rejects), "{text}");
        }
        // Without proof, or not validated.
        Some("No-TN-Validation") => assert!(told <= usize::from(is_due), "{text}"),
        _ => assert_eq!(told, 0, "{text}"),
    }
    if told > 0 {
        leg.told_of_error = Some(code >= 200);
    }
}

const TELLS: &str = "Reason: STIR;cause=";
