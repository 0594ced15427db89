//! Whether a message is a proper request or response: what RFC 3261 §8.1.1 and §16.3 ask for before anything is done.
//!
//! Parsing tells lines apart; this room looks into the headers that every element needs. It does not judge what only an end
//! point cares about (methods it supports, bodies, Expires), nor what a proxy decides (Max-Forwards of 0, loops).

use crate::defect::Defect;
use crate::header::Via;
use crate::message::{Message, Name, StartLine};
use crate::uri::Uri;

/// Headers without which no request or response can be handled. RFC 3261 §8.1.1: "A valid SIP request formulated by a UAC
/// MUST, at a minimum, contain the following header fields: To, From, CSeq, Call-ID, Max-Forwards, and Via". Max-Forwards is
/// not here: §16.3 has a proxy accept a request without it.
const MANDATORY: [Name; 5] = [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq];

/// Headers that may stand only once, of those that we act on: RFC 3261 §7.3.1 allows several only where the value is a comma
/// list. Content-Length is the parser's; a second Date makes the date unusable and no more.
const SINGLE: [Name; 5] = [
    Name::From,
    Name::To,
    Name::CallId,
    Name::CSeq,
    Name::MaxForwards,
];

/// Headers with lists of addresses, and what it is called if one of them is malformed.
const ADDRESSES: [(Name, Defect); 4] = [
    (Name::Contact, Defect::Contact),
    (Name::RecordRoute, Defect::Route),
    (Name::Route, Defect::Route),
    (Name::PAssertedIdentity, Defect::PAssertedIdentity),
];

/// Looks for the first defect.
///
/// # Errors
/// The defect; [`Defect::status`] says what to answer a request. A response with one is dropped.
pub fn inspect(message: &Message) -> Result<(), Defect> {
    mandatory(message)?;
    single(message)?;
    message
        .vias()
        .try_for_each(|via: Result<Via<'_>, Defect>| via.map(drop))?;
    message.call_id()?;
    let cseq = message.cseq()?;
    if let StartLine::Request { method, uri } = message.start_line() {
        if method.is_miswritten() {
            return Err(Defect::MethodCase);
        }
        // RFC 3261 §8.1.1.5: "The method MUST match that of the request."
        if cseq.method != method {
            return Err(Defect::CSeqMethod);
        }
        request_uri(uri)?;
    }
    // Schemes that we do not know are fine here: it is not us who must understand them.
    message.from()?.uri().map_err(|_| Defect::From)?;
    message.to()?.uri().map_err(|_| Defect::To)?;
    message.max_forwards()?;
    addresses(message)
}

fn mandatory(message: &Message) -> Result<(), Defect> {
    let missing = |name: &&Name| message.header(**name).is_none();
    match MANDATORY.iter().find(missing) {
        Some(name) => Err(Defect::Missing(*name)),
        None => Ok(()),
    }
}

fn single(message: &Message) -> Result<(), Defect> {
    let repeated = |name: &&Name| message.headers(**name).nth(1).is_some();
    match SINGLE.iter().find(repeated) {
        Some(name) => Err(Defect::Repeated(*name)),
        None => Ok(()),
    }
}

fn request_uri(uri: &[u8]) -> Result<(), Defect> {
    match Uri::parse(uri).map_err(|_| Defect::RequestUri)? {
        // RFC 3261 §19.1.1, table 1: headers are not allowed in a Request-URI.
        Uri::Sip(uri) if uri.headers.is_some() => Err(Defect::RequestUriHeaders),
        Uri::Sip(_) | Uri::Tel(_) => Ok(()),
        // RFC 5031 §3: a service URN stands in the Request-URI of an emergency call, which has to get through.
        Uri::Other { scheme, rest } if is_service(scheme, rest) => Ok(()),
        Uri::Other { .. } => Err(Defect::Scheme),
    }
}

fn is_service(scheme: &[u8], rest: &[u8]) -> bool {
    const SERVICE: &[u8] = b"service:";
    let start = rest.get(..SERVICE.len()).unwrap_or_default();
    scheme.eq_ignore_ascii_case(b"urn") && start.eq_ignore_ascii_case(SERVICE)
}

fn addresses(message: &Message) -> Result<(), Defect> {
    for (name, defect) in ADDRESSES {
        // RFC 3261 §20.10: a Contact of "*" asks a registrar to remove everything.
        let star = |line: &[u8]| name == Name::Contact && line == b"*";
        let bad = message
            .elements(name)
            .filter(|element| !star(element))
            .any(|element| {
                let address = crate::header::NameAddr::parse(element);
                address.is_none_or(|address| address.uri().is_err())
            });
        if bad {
            return Err(defect);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;

    const HEADERS: &str = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
                           Call-ID: c\r\nCSeq: 1 INVITE\r\n";

    fn inspected(uri: &str, headers: &str) -> Result<(), Defect> {
        let text = format!("INVITE {uri} SIP/2.0\r\n{headers}\r\n");
        inspect(&Message::parse(text.into(), Framing::Datagram).unwrap())
    }

    #[test]
    fn a_request_uri_is_one_that_we_can_route() {
        for (uri, expected) in [
            ("sip:b@h", Ok(())),
            ("sips:b@h;lr", Ok(())),
            ("tel:+12025550101", Ok(())),
            ("urn:service:sos", Ok(())),
            ("URN:Service:sos.fire", Ok(())),
            ("urn:isbn:0", Err(Defect::Scheme)),
            ("mailto:b@h", Err(Defect::Scheme)),
            ("sip:b@h?Route=x", Err(Defect::RequestUriHeaders)),
            ("b@h", Err(Defect::RequestUri)),
        ] {
            assert_eq!(inspected(uri, HEADERS), expected, "{uri}");
        }
    }

    #[test]
    fn a_known_method_in_other_letters_is_refused() {
        for (method, expected) in [
            ("invite", Err(Defect::MethodCase)),
            ("Invite", Err(Defect::MethodCase)),
            ("INVITEs", Ok(())),
            ("foo", Ok(())),
        ] {
            let headers = HEADERS.replace("1 INVITE", &format!("1 {method}"));
            let text = format!("{method} sip:b@h SIP/2.0\r\n{headers}\r\n");
            let message = Message::parse(text.into(), Framing::Datagram).unwrap();
            assert_eq!(inspect(&message), expected, "{method}");
        }
    }

    #[test]
    fn what_every_request_needs_is_there_and_there_once() {
        for name in MANDATORY {
            let headers = HEADERS.replace(&format!("{}:", name.as_str()), "X:");
            assert_eq!(inspected("sip:b@h", &headers), Err(Defect::Missing(name)));
        }
        for name in SINGLE {
            let line = HEADERS
                .split_inclusive("\r\n")
                .find(|line| line.starts_with(name.as_str()));
            let headers = format!("{HEADERS}{}", line.unwrap());
            assert_eq!(inspected("sip:b@h", &headers), Err(Defect::Repeated(name)));
        }
        let without = HEADERS.replace("Max-Forwards: 70\r\n", "");
        assert_eq!(inspected("sip:b@h", &without), Ok(()));
    }

    #[test]
    fn malformed_headers_are_named() {
        for (line, expected) in [
            ("Via: SIP/2.0/UDP\r\n", Defect::Via),
            ("Contact: <sip:a@h>, <sip:b@\r\n", Defect::Contact),
            ("Route: <sip:[::1>\r\n", Defect::Route),
            ("Record-Route:\r\n", Defect::Route),
            (
                "P-Asserted-Identity: \"a <sip:b@h>\r\n",
                Defect::PAssertedIdentity,
            ),
        ] {
            assert_eq!(
                inspected("sip:b@h", &format!("{HEADERS}{line}")),
                Err(expected),
                "{line}"
            );
        }
        for (from, to, expected) in [
            ("CSeq: 1 INVITE", "CSeq: 1 OPTIONS", Defect::CSeqMethod),
            ("Max-Forwards: 70", "Max-Forwards: 256", Defect::MaxForwards),
            ("Call-ID: c", "Call-ID: c d", Defect::CallId),
            ("From: <sip:a@h>", "From: <a@h>", Defect::From),
            ("To: <sip:b@h>", "To: <sip:b h>", Defect::To),
        ] {
            assert_eq!(
                inspected("sip:b@h", &HEADERS.replace(from, to)),
                Err(expected),
                "{to}"
            );
        }
        assert_eq!(
            inspected("sip:b@h", &format!("{HEADERS}Contact: *\r\n")),
            Ok(())
        );
    }
}
