//! What a switch says about its question beside the call: which trunk group it came from, whether it wants a signature or a verdict, and
//! which attestation it asks for.
//!
//! Habits of the field, not of an RFC, except `tgrp` (RFC 4904): `otg=000200` and `qtype=sti-as` or `sti-vs` in From, `tgrp` or `trgp` in
//! Contact, an `Attestation` header. Read generously: as parameters of the user part, of the URI or of the header, in From and in Contact.
//! Nobody is believed for what stands here; a trunk says whether it is looked at.

use crate::grammar::{Parameter, Parameters, quoted_content, trim};
use crate::header::NameAddr;
use crate::message::{Message, Name};
use crate::uri::Uri;
use countersign::passport::Attestation;

/// The parameters that name an originating trunk group.
const TRUNK_GROUP: [&str; 3] = ["otg", "tgrp", "trgp"];

/// What a switch wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// `qtype=sti-as`: a signature.
    Signature,
    /// `qtype=sti-vs`: a verdict.
    Verdict,
}

/// The trunk groups that a request says it comes from, each as written, without quotes. More than one if its places disagree.
///
/// # Example
/// ```
/// use countersign_sip::message::{Framing, Message};
/// use countersign_sip::query::trunk_groups;
/// let request = "INVITE sip:b@h SIP/2.0\r\nFrom: <sip:a@h;otg=000200>;tag=1\r\n\
///     Contact: <sip:a;tgrp=west;trunk-context=h@h>\r\n\r\n";
/// let request = Message::parse(request.into(), Framing::Datagram)?;
/// assert!(trunk_groups(&request).eq([b"000200".as_slice(), b"west"]));
/// # Ok::<(), countersign_sip::message::ParseError>(())
/// ```
pub fn trunk_groups(request: &Message) -> impl Iterator<Item = &[u8]> {
    let is_group = |one: &Parameter<'_>| TRUNK_GROUP.iter().any(|name| one.is(name));
    speakers(request)
        .flat_map(parameters)
        .filter(is_group)
        .filter_map(|parameter| parameter.value)
        .map(unquoted)
}

/// What the request asks for with `qtype`; `None` if it says nothing, or nothing that we know.
pub fn question(request: &Message) -> Option<Question> {
    let from = request.from().ok()?;
    let mut types = parameters(from).filter(|parameter| parameter.is("qtype"));
    let qtype = unquoted(types.next()?.value?);
    match qtype {
        text if text.eq_ignore_ascii_case(b"sti-as") => Some(Question::Signature),
        text if text.eq_ignore_ascii_case(b"sti-vs") => Some(Question::Verdict),
        _ => None,
    }
}

/// The attestation that the header of this name asks for; `None` if it is not there.
///
/// What cannot be read, and what two headers ask for differently, is the lowest: nobody gets more than they have asked for.
pub fn attestation(request: &Message, header: &str) -> Option<Attestation> {
    let levels = request.headers_named(header).map(|line| level(line.value));
    levels.min()
}

fn level(value: &[u8]) -> Attestation {
    let text = unquoted(trim(value)).to_ascii_uppercase();
    let text = std::str::from_utf8(&text).unwrap_or_default();
    text.parse().unwrap_or(Attestation::C)
}

/// Those who speak for the calling side: From, then the first Contact.
fn speakers(request: &Message) -> impl Iterator<Item = NameAddr<'_>> {
    let contact = request.addresses(Name::Contact).next().flatten();
    request.from().ok().into_iter().chain(contact)
}

/// The parameters of the user part, of the URI and of the header, in this order.
fn parameters(address: NameAddr<'_>) -> impl Iterator<Item = Parameter<'_>> {
    let (user, uri) = match address.uri() {
        Ok(Uri::Sip(uri)) => (
            after_semicolon(uri.user.unwrap_or_default()),
            uri.parameters,
        ),
        Ok(Uri::Tel(uri)) => (&[][..], uri.parameters),
        _ => (&[][..], &[][..]),
    };
    let places = [user, uri, address.parameters];
    places.into_iter().flat_map(Parameters::of)
}

fn after_semicolon(user: &[u8]) -> &[u8] {
    let start = memchr::memchr(b';', user).unwrap_or(user.len());
    user.get(start..).unwrap_or_default()
}

fn unquoted(value: &[u8]) -> &[u8] {
    quoted_content(value).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;
    use proptest::prelude::*;

    fn request(from: &str, rest: &str) -> Message {
        let text = format!("INVITE sip:b;tgrp=theirs@h SIP/2.0\r\nFrom: {from}\r\n{rest}\r\n");
        Message::parse(text.into(), Framing::Datagram).unwrap()
    }

    fn groups(from: &str, rest: &str) -> Vec<String> {
        let request = request(from, rest);
        let groups = trunk_groups(&request);
        groups
            .map(|group| String::from_utf8_lossy(group).into_owned())
            .collect()
    }

    #[test]
    fn trunk_groups_stand_in_many_places() {
        for (from, rest, expected) in [
            ("<sip:a@h>;tag=1", "", vec![]),
            ("<sip:a@h>;tag=1;otg=000200", "", vec!["000200"]),
            ("<sip:a@h;otg=000200>;tag=1", "", vec!["000200"]),
            ("<sip:a@h>;tag=1;OTG=\"000200\"", "", vec!["000200"]),
            ("sip:a@h;otg=1;tag=1", "", vec!["1"]),
            (
                "<sip:a@h>;tag=1",
                "Contact: <sip:+12025550100;tgrp=tg-7;trunk-context=x@h;user=phone>\r\n",
                vec!["tg-7"],
            ),
            ("<sip:a@h>;tag=1", "m: <sip:a@h;trgp=9>\r\n", vec!["9"]),
            (
                "<tel:+12025550100;tgrp=4>;tag=1",
                "Contact: <sip:a@h>\r\n",
                vec!["4"],
            ),
            (
                "<sip:a@h;otg=1>;tag=1",
                "Contact: <sip:a@h>;trgp=2, <sip:a@h>;trgp=3\r\n",
                vec!["1", "2"],
            ),
            ("<sip:a@h>;tag=1;otg", "", vec![]),
        ] {
            assert_eq!(groups(from, rest), expected, "{from} {rest}");
        }
    }

    #[test]
    fn questions_are_known_by_their_names() {
        let of = |from: &str| question(&request(from, ""));
        assert_eq!(
            of("<sip:a@h>;tag=1;qtype=sti-as"),
            Some(Question::Signature)
        );
        assert_eq!(of("<sip:a@h;qtype=STI-VS>;tag=1"), Some(Question::Verdict));
        assert_eq!(of("<sip:a@h>;tag=1;qtype=lnp"), None);
        assert_eq!(of("<sip:a@h>;tag=1"), None);
    }

    #[test]
    fn nobody_gets_more_than_they_asked_for() {
        let of = |headers: &str| attestation(&request("<sip:a@h>;tag=1", headers), "Attestation");
        assert_eq!(of(""), None);
        assert_eq!(of("attestation: A\r\n"), Some(Attestation::A));
        assert_eq!(of("Attestation:  \"b\"\r\n"), Some(Attestation::B));
        assert_eq!(of("Attestation: X\r\n"), Some(Attestation::C));
        assert_eq!(of("Attestation:\r\n"), Some(Attestation::C));
        let both = "Attestation: A\r\nAttestation: B\r\n";
        assert_eq!(of(both), Some(Attestation::B));
    }

    proptest! {
        /// This test verifies that whatever stands in From, a group that is found stood there.
        #[test]
        fn groups_are_parts_of_what_was_written(from in "[ -~]{0,80}", contact in "[ -~]{0,80}") {
            let text = format!("INVITE sip:b@h SIP/2.0\r\nFrom: {from}\r\nContact: {contact}\r\n\r\n");
            if let Ok(request) = Message::parse(text.into(), Framing::Datagram) {
                for group in trunk_groups(&request) {
                    prop_assert!(request.span_of(group).is_some());
                }
                let _ = question(&request);
            }
        }
    }
}
