//! Which priority a request asks for: Resource-Priority ([RFC 4412 §3.1](https://www.rfc-editor.org/rfc/rfc4412#section-3.1)), and
//! `Priority` as far as it marks the call-back of an emergency answering point
//! ([RFC 7090 §4](https://www.rfc-editor.org/rfc/rfc7090#section-4)).
//!
//! [`requested`] reads, [`strip`] takes out what may not pass, [`PriorityFate`] is how that is told. Not here: who may have which priority, which the trunk and
//! `countersign::verification` say.

use crate::message::{Message, Name};
use crate::patch::Patch;
use countersign::passport::rph::MAX_RESOURCE_VALUES;
use countersign::priority::{Dialled, PriorityMark, RequestedPriority, ResourceValue};
use memchr::memmem;

/// The value of `Priority` that marks a call-back.
const PSAP_CALLBACK: &[u8] = b"psap-callback";

/// What became of priority that a request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PriorityFate {
    /// It is marked as a call-back, and its caller is on the list of those who may.
    CallbackListed,
    /// It is marked as a call-back, and a PASSporT proves it.
    CallbackProven,
    /// It was marked as a call-back, and the mark was taken out.
    CallbackStripped,
    /// A value that a PASSporT proves went on.
    Honoured,
    /// A value or a mark went on that nobody proved: of a call for help, or of a trunk that may have it or answers for it.
    Kept,
    /// A value was taken out.
    Stripped,
}

impl PriorityFate {
    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallbackListed => "callback-listed",
            Self::CallbackProven => "callback-proven",
            Self::CallbackStripped => "callback-stripped",
            Self::Honoured => "honoured",
            Self::Kept => "kept",
            Self::Stripped => "stripped",
        }
    }
}

/// What a request asks for: its first [`MAX_RESOURCE_VALUES`] values, those left out that are none.
pub fn requested(message: &Message) -> RequestedPriority {
    let values = message
        .elements(Name::ResourcePriority)
        .filter_map(value)
        .take(MAX_RESOURCE_VALUES);
    RequestedPriority {
        values: values.collect(),
        mark: mark(message),
        dialled: Dialled::Unlisted,
    }
}

fn value(element: &[u8]) -> Option<ResourceValue> {
    std::str::from_utf8(element).ok()?.parse().ok()
}

/// A call-back is marked once, or not at all: who says two things says neither.
fn mark(message: &Message) -> PriorityMark {
    let mut lines = message.headers(Name::Priority);
    match (lines.next(), lines.next()) {
        (Some(line), None) if line.value.eq_ignore_ascii_case(PSAP_CALLBACK) => {
            PriorityMark::PsapCallback
        }
        _ => PriorityMark::None,
    }
}

/// Takes out the values of Resource-Priority that `stays` does not keep, and what is none. Of the rest nothing changes but the space
/// between them.
// RFC 8443 §4.2: "the SIP 'Resource-Priority' header field SHOULD be stripped from the SIP request, and the network entities should
// treat the call as an ordinary call."
pub fn strip(message: &Message, patch: &mut Patch, stays: impl Fn(&ResourceValue) -> bool) {
    for line in message.headers(Name::ResourcePriority) {
        let elements = crate::grammar::List::of(line.value);
        let elements: Vec<&[u8]> = elements.filter(|one| !one.is_empty()).collect();
        let staying = elements.iter().copied();
        let staying = staying.filter(|one| value(one).is_some_and(|one| stays(&one)));
        let staying: Vec<&[u8]> = staying.collect();
        match staying.len() {
            0 => patch.remove_header(message, line.index),
            all if all == elements.len() => {}
            _ => patch.replace_value(message, line.index, &staying.join(&b", "[..])),
        }
    }
}

/// Takes out the mark of a call-back, and everything that a generous reader could take for one. Other priorities stay.
// RFC 7090 §5.3: "If it cannot be verified (because there was no match), then the VoIP provider MUST remove the PSAP callback marking.
// Thereby, the callback reverts to a normal call."
pub fn unmark(message: &Message, patch: &mut Patch) {
    for line in message.headers(Name::Priority) {
        let plain = line.value.to_ascii_lowercase();
        if memmem::find(&plain, PSAP_CALLBACK).is_some() {
            patch.remove_header(message, line.index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;
    use proptest::prelude::*;

    fn request(headers: &str) -> Message {
        let text = format!("INVITE sip:12025550101@h SIP/2.0\r\n{headers}X: y\r\n\r\n");
        Message::parse(text.into(), Framing::Datagram).unwrap()
    }

    fn stripped(headers: &str, stays: &[&str]) -> String {
        let message = request(headers);
        let mut patch = Patch::default();
        strip(&message, &mut patch, |value| {
            stays.contains(&value.as_str())
        });
        unmark(&message, &mut patch);
        let text = String::from_utf8(patch.apply(&message).unwrap().to_vec()).unwrap();
        let headers = text.split_once("\r\n").unwrap().1;
        headers.strip_suffix("X: y\r\n\r\n").unwrap().to_owned()
    }

    #[test]
    fn values_are_read_over_all_lines_and_what_is_none_is_left_out() {
        let headers = "Resource-Priority: ETS.0 , ,wps\r\nresource-priority:\r\n q735.3\r\nPriority: PSAP-Callback\r\n";
        let asked = requested(&request(headers));
        let values: Vec<_> = asked.values.iter().map(ResourceValue::as_str).collect();
        assert_eq!(values, ["ets.0", "q735.3"]);
        assert_eq!(asked.mark, PriorityMark::PsapCallback);
        for headers in [
            "",
            "Priority: urgent\r\n",
            "Priority: psap-callback\r\nPriority: normal\r\n",
        ] {
            assert_eq!(requested(&request(headers)).mark, PriorityMark::None);
        }
        let many = format!("Resource-Priority: {}\r\n", "a.1,".repeat(9_000));
        assert_eq!(requested(&request(&many)).values.len(), MAX_RESOURCE_VALUES);
    }

    #[test]
    fn what_does_not_stay_goes_and_the_rest_stays_as_it_is() {
        let two = "Resource-Priority: ets.0,  WPS.0\r\nResource-Priority: ets.0\r\n";
        assert_eq!(stripped(two, &["ets.0", "wps.0"]), two);
        assert_eq!(stripped(two, &["wps.0"]), "Resource-Priority: WPS.0\r\n");
        assert_eq!(stripped(two, &[]), "");
        assert_eq!(
            stripped("Resource-Priority: ets.0.1, \"ets.0\"\r\n", &["ets.0"]),
            ""
        );
        assert_eq!(
            stripped("Priority: urgent\r\n", &[]),
            "Priority: urgent\r\n"
        );
        for mark in [
            "psap-callback",
            "PSAP-callback;x=y",
            "normal, psap-callback",
        ] {
            assert_eq!(
                stripped(&format!("Priority: {mark}\r\n"), &[]),
                "",
                "{mark}"
            );
        }
    }

    proptest! {
        /// Whatever the bytes are, what is read of them is bounded, and is written as it is compared.
        #[test]
        fn what_is_read_is_read_again(value in "([a-zE]{1,4}\\.?[0-9]?,? ?|[ -~]){0,60}") {
            let asked = requested(&request(&format!("Resource-Priority: {value}\r\n")));
            prop_assert!(asked.values.len() <= MAX_RESOURCE_VALUES);
            let texts: Vec<_> = asked.values.iter().map(ResourceValue::as_str).collect();
            let again = requested(&request(&format!("Resource-Priority: {}\r\n", texts.join(", "))));
            prop_assert_eq!(again.values, asked.values);
        }

        /// Whatever the header is, nothing is left that nobody keeps, and stripping twice is stripping once.
        #[test]
        fn nothing_is_left_that_does_not_stay(value in "([ -~]{0,9}(ets\\.[01]|psap-callback|,)){0,6}[ -~]{0,9}") {
            let headers = format!("Resource-Priority: {value}\r\nPriority: {value}\r\n");
            let once = stripped(&headers, &["ets.0"]);
            prop_assert_eq!(&stripped(&once, &["ets.0"]), &once);
            let left = requested(&request(&once));
            prop_assert!(left.values.iter().all(|one| one.as_str() == "ets.0"));
            prop_assert_eq!(left.mark, PriorityMark::None);
            prop_assert!(!once.to_ascii_lowercase().contains("psap-callback"));
            let mut elements = once.lines().filter_map(|line| line.strip_prefix("Resource-Priority: "));
            prop_assert!(elements.all(|line| line.split(',').all(|one| one.trim().is_empty() || one.trim().eq_ignore_ascii_case("ets.0"))));
        }
    }
}
