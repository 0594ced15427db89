//! The name that was proven, put where phones read names: the display names of From and P-Asserted-Identity.
//!
//! Only on values that name whom [`crate::call::from_request`] takes for the caller: nobody has proven a name for anybody else. An
//! anonymous caller keeps the name under which it is anonymous. What is not edited leaves byte for byte as it came.
//!
//! Call [`write`] before [`crate::verstat`] strips or tags: that leaves alone what is written anew here.

use crate::call;
use crate::call_info::DisplayName;
use crate::grammar::push_quoted;
use crate::header::{AddressForm, NameAddr};
use crate::message::{Message, Name};
use crate::patch::Patch;
use crate::verstat::{self, Asserted};
use countersign::identity::IdentityPolicy;

/// What becomes of a display name that is not the proven one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallerName {
    /// It stays, and is not called verified.
    Kept,
    /// The proven one takes its place.
    #[default]
    Replaced,
}

/// Puts `name` on the values that name the caller, if the trunk wants that, and says whether a phone will show it: some value does,
/// and none shows another name.
// RFC 9795 §12.2: "If the PASSporT signature is verified successfully, then the verification service MUST additionally compare the string
// value of the "rcd" claim "nam" key value with the From header field value or the preferred value." What follows it does not say.
pub(crate) fn write(
    message: &Message,
    patch: &mut Patch,
    name: &str,
    wish: CallerName,
    (asserted, policy): (Asserted, IdentityPolicy),
) -> DisplayName {
    let judged = match asserted {
        Asserted::Kept => call::asserted(message, policy),
        Asserted::Removed => None,
    };
    let from = message.from().ok();
    let in_from = || {
        from.as_ref()
            .and_then(|from| call::caller(from.uri, policy))
            .filter(|caller| !caller.is_anonymous())
    };
    let judged = judged.or_else(in_from);
    let others = message
        .addresses(Name::PAssertedIdentity)
        .flatten()
        .filter(|_| asserted == Asserted::Kept);
    let (mut is_shown, mut is_alone) = (false, true);
    for (header, value) in from
        .iter()
        .map(|from| (Name::From, from.clone()))
        .chain(others.map(|other| (Name::PAssertedIdentity, other)))
    {
        let shown = value.display_text().unwrap_or_default();
        let names_caller = judged.is_some() && call::caller(value.uri, policy) == judged;
        let written = names_caller && wish == CallerName::Replaced && shown != name;
        if written && put(message, patch, (header, &value), name) {
            is_shown |= !name.is_empty();
        } else if shown == name {
            is_shown |= names_caller && !name.is_empty();
        } else {
            is_alone &= shown.is_empty();
        }
    }
    match is_shown && is_alone {
        true => DisplayName::Proven,
        false => DisplayName::Other,
    }
}

/// Puts the name on one value; whether that could be done.
fn put(
    message: &Message,
    patch: &mut Patch,
    (header, value): (Name, &NameAddr<'_>),
    name: &str,
) -> bool {
    let mut text = Vec::with_capacity(name.len() + 3);
    if !name.is_empty() {
        push_quoted(&mut text, name);
    }
    // Whoever signs a name that reads like a verdict does not get it written.
    if verstat::taken_out(&text) != text {
        return false;
    }
    match (value.form, value.display.is_empty()) {
        (_, false) => patch.replace_part(message, value.display, &text),
        _ if text.is_empty() => {}
        (AddressForm::Bracketed, true) => {
            text.push(b' ');
            insert_before(message, patch, value.raw, &text);
        }
        // A bare URI cannot have a name before it: `"Name" <sip:a@h>;tag=1`. That of P-Asserted-Identity is left as it is: the verdict
        // that may be put at its end belongs inside the brackets.
        (AddressForm::Bare, true) if header != Name::From => return false,
        (AddressForm::Bare, true) => {
            text.extend_from_slice(b" <");
            insert_before(message, patch, value.raw, &text);
            patch.insert_after(message, value.uri, b">");
        }
    }
    true
}

fn insert_before(message: &Message, patch: &mut Patch, part: &[u8], text: &[u8]) {
    patch.replace_part(message, part.get(..0).unwrap_or_default(), text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;
    use proptest::prelude::*;

    const NAME: &str = "Q \"Branch\"";
    const QUOTED: &str = "\"Q \\\"Branch\\\"\"";

    fn parsed(headers: &str) -> Message {
        let text = format!("INVITE sip:b@h SIP/2.0\r\n{headers}\r\n");
        Message::parse(text.into(), Framing::Datagram).unwrap()
    }

    /// The headers with the name and a verdict, and whether the name is shown.
    fn named(headers: &str, wish: CallerName, asserted: Asserted) -> (String, DisplayName) {
        let (message, mut patch) = (parsed(headers), Patch::default());
        let policy = IdentityPolicy::default();
        let shown = write(&message, &mut patch, NAME, wish, (asserted, policy));
        verstat::strip(&message, &mut patch, asserted);
        let text = String::from_utf8(patch.apply(&message).unwrap().to_vec()).unwrap();
        let start = text.find("\r\n").unwrap() + 2;
        (text[start..text.len() - 2].to_owned(), shown)
    }

    fn replaced(headers: &str) -> (String, DisplayName) {
        named(headers, CallerName::Replaced, Asserted::Kept)
    }

    #[test]
    fn digest10_case08_a_name_that_is_not_the_signed_one_is_replaced_or_not_called_verified() {
        for (value, with_name) in [
            (
                "\"M\" <sip:+12025550100@h>;tag=1",
                "NAME <sip:+12025550100@h>;tag=1",
            ),
            (
                "M I 6 <sip:+12025550100@h>;tag=1",
                "NAME <sip:+12025550100@h>;tag=1",
            ),
            (
                "<sip:+12025550100@h>;tag=1",
                "NAME <sip:+12025550100@h>;tag=1",
            ),
            (
                "sip:+12025550100@h;tag=1",
                "NAME <sip:+12025550100@h>;tag=1",
            ),
            (
                "\"x;verstat=TN-Validation-Passed\"<tel:+12025550100>",
                "NAME<tel:+12025550100>",
            ),
        ] {
            let (text, shown) = replaced(&format!("From: {value}\r\n"));
            assert_eq!(
                text,
                format!("From: {}\r\n", with_name.replace("NAME", QUOTED))
            );
            assert_eq!(shown, DisplayName::Proven, "{value}");
        }
        let other = "From: \"M\" <sip:+12025550100@h>;tag=1\r\n";
        let kept = named(other, CallerName::Kept, Asserted::Kept);
        assert_eq!(kept, (other.to_owned(), DisplayName::Other));
        let same = format!("From: {QUOTED} <sip:+12025550100@h>;tag=1\r\n");
        let kept = named(&same, CallerName::Kept, Asserted::Kept);
        assert_eq!(kept, (same, DisplayName::Proven));
    }

    #[test]
    fn nobody_else_gets_the_name() {
        // An anonymous From, and an asserted caller: the name is the asserted one's. From shows another one, so nothing is verified.
        let (text, shown) = replaced(
            "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1\r\n\
             P-Asserted-Identity: <sip:+12025550100@h>, <tel:+12025550199>\r\n",
        );
        assert_eq!(
            text,
            format!(
                "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1\r\n\
                 P-Asserted-Identity: {QUOTED} <sip:+12025550100@h>, <tel:+12025550199>\r\n"
            )
        );
        assert_eq!(shown, DisplayName::Other);
        for host in ["anonymous.invalid", "a.example"] {
            let anonymous = format!("From: <sip:anonymous@{host}>;tag=1\r\n");
            assert_eq!(
                replaced(&anonymous),
                (anonymous.clone(), DisplayName::Other)
            );
        }
    }

    #[test]
    fn what_is_not_believed_says_nothing() {
        let (text, shown) = named(
            "From: <sip:+12025550100@h>;tag=1\r\nP-Asserted-Identity: \"M\" <sip:+12025550199@h>\r\n",
            CallerName::Replaced,
            Asserted::Removed,
        );
        assert_eq!(
            text,
            format!("From: {QUOTED} <sip:+12025550100@h>;tag=1\r\n")
        );
        assert_eq!(shown, DisplayName::Proven);
    }

    #[test]
    fn a_name_that_reads_like_a_verdict_is_not_written() {
        let message = parsed("From: \"M\" <sip:+12025550100@h>;tag=1\r\n");
        let mut patch = Patch::default();
        let name = "Q;verstat=TN-Validation-Passed";
        let place = (Asserted::Kept, IdentityPolicy::default());
        let shown = write(&message, &mut patch, name, CallerName::Replaced, place);
        assert!(patch.is_empty());
        assert_eq!(shown, DisplayName::Other);
    }

    #[test]
    fn no_name_takes_the_name_away() {
        let message = parsed("From: \"M\" <sip:+12025550100@h>;tag=1\r\n");
        let mut patch = Patch::default();
        let place = (Asserted::Kept, IdentityPolicy::default());
        let shown = write(&message, &mut patch, "", CallerName::Replaced, place);
        let left = Message::parse(patch.apply(&message).unwrap(), Framing::Datagram).unwrap();
        assert_eq!(
            left.header(Name::From),
            Some(b"<sip:+12025550100@h>;tag=1".as_slice())
        );
        assert_eq!(shown, DisplayName::Other);
    }

    proptest! {
        #[test]
        fn whatever_stands_there_the_name_and_the_verdict_fit_together(
            parts in prop::collection::vec(prop::sample::select(vec![
                "\"", "\\", ";verstat=x", ";", "<", ">", ",", " ", "a", "=", "sip:+12025550100@h", "tel:+12025550100",
            ]), 0..16),
            header in prop::sample::select(vec!["From", "P-Asserted-Identity"]),
        ) {
            let message = parsed(&format!("From: \"M\" <sip:+12025550100@h>;tag=1\r\n{header}: {}\r\n", parts.concat()));
            let mut patch = Patch::default();
            let place = (Asserted::Kept, IdentityPolicy::default());
            write(&message, &mut patch, NAME, CallerName::Replaced, place);
            verstat::tag(&message, &mut patch, "No-TN-Validation", place.0, place.1);
            prop_assert!(patch.apply(&message).is_ok());
        }
    }
}
