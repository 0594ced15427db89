//! URIs of the signalling, taken apart without copying: `sip:`, `sips:`, `tel:`, and others by scheme only.
//!
//! Whose identity a URI is, is not decided here but by `countersign::identity`.

mod headers;

use crate::grammar::{Class, number};
use memchr::memchr;
use std::net::{Ipv4Addr, Ipv6Addr};

pub(crate) use headers::{push_escaped, unescaped};

/// A URI as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uri<'a> {
    /// `sip:` or `sips:`.
    Sip(SipUri<'a>),
    /// `tel:`, RFC 3966.
    Tel(TelUri<'a>),
    /// Any other scheme.
    Other {
        /// What stands before the colon.
        scheme: &'a [u8],
        /// What stands after it.
        rest: &'a [u8],
    },
}

/// `sip:user:password@host:port;parameters?headers`, RFC 3261 §19.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SipUri<'a> {
    /// Whether it is `sips:`.
    pub security: Security,
    /// The user part, escapes kept; telephone-subscriber parameters (`;npdi`) are part of it.
    pub user: Option<&'a [u8]>,
    /// The password, escapes kept.
    pub password: Option<&'a [u8]>,
    /// Host name or address; an IPv6 address keeps its brackets.
    pub host: &'a [u8],
    /// The port, if one is written.
    pub port: Option<u16>,
    /// The URI parameters, from their first `;`; empty if there are none.
    pub parameters: &'a [u8],
    /// The headers after `?`.
    pub headers: Option<&'a [u8]>,
}

/// `sip` or `sips`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// `sip`.
    Sip,
    /// `sips`: TLS on every hop.
    Sips,
}

/// `tel:subscriber;parameters`, RFC 3966 §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelUri<'a> {
    /// The number as written, visual separators kept.
    pub subscriber: &'a [u8],
    /// The parameters, from their first `;`; empty if there are none.
    pub parameters: &'a [u8],
}

/// The bytes are no URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAUri;

impl<'a> Uri<'a> {
    /// Reads a URI, without angle brackets and white space around it.
    ///
    /// # Errors
    /// [`NotAUri`] if it has no scheme, a byte that no URI may have, or, as `sip:` or `tel:`, no proper host or number.
    ///
    /// # Example
    /// ```
    /// use countersign_sip::uri::Uri;
    /// let Ok(Uri::Sip(uri)) = Uri::parse(b"sip:+12025550100;npdi@[2001:db8::1]:5070;transport=tcp") else { panic!() };
    /// assert_eq!(uri.user, Some(b"+12025550100;npdi".as_slice()));
    /// assert_eq!((uri.host, uri.port), (b"[2001:db8::1]".as_slice(), Some(5070)));
    /// ```
    pub fn parse(text: &'a [u8]) -> Result<Self, NotAUri> {
        let colon = memchr(b':', text).ok_or(NotAUri)?;
        let scheme = text.get(..colon).ok_or(NotAUri)?;
        let rest = text.get(colon + 1..).ok_or(NotAUri)?;
        if scheme.eq_ignore_ascii_case(b"sip") {
            return SipUri::parse(Security::Sip, rest).map(Self::Sip);
        }
        if scheme.eq_ignore_ascii_case(b"sips") {
            return SipUri::parse(Security::Sips, rest).map(Self::Sip);
        }
        if !Class::URI.has_all(rest) {
            return Err(NotAUri);
        }
        if scheme.eq_ignore_ascii_case(b"tel") {
            return TelUri::parse(rest).map(Self::Tel);
        }
        // RFC 3261 §25.1: scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let is_scheme =
            scheme.first().is_some_and(u8::is_ascii_alphabetic) && scheme.iter().all(fits);
        if is_scheme && !rest.is_empty() {
            Ok(Self::Other { scheme, rest })
        } else {
            Err(NotAUri)
        }
    }
}

impl<'a> SipUri<'a> {
    fn parse(security: Security, rest: &'a [u8]) -> Result<Self, NotAUri> {
        // RFC 3261 §25.1 has one bare "@" at most: none in a user, host, parameter or header. What stands before it is user
        // and password; ";" and "?" may stand in a user.
        let (userinfo, rest) = match memchr(b'@', rest) {
            Some(at) => (rest.get(..at), rest.get(at + 1..).ok_or(NotAUri)?),
            None => (None, rest),
        };
        let (user, password) = match userinfo {
            Some(info) if Class::URI.has_all(info) => split_at_colon(info),
            Some(_) => return Err(NotAUri),
            None => (None, None),
        };
        // RFC 3261 §25.1: user = 1*( unreserved / escaped / user-unreserved )
        if user.is_some_and(<[u8]>::is_empty) || !Class::URI_AFTER_AT.has_all(rest) {
            return Err(NotAUri);
        }
        let (host, port, tail) = host_and_port(rest).ok_or(NotAUri)?;
        let (parameters, headers) = match tail.iter().position(|byte| *byte == b'?') {
            Some(at) => (tail.get(..at).unwrap_or_default(), tail.get(at + 1..)),
            None => (tail, None),
        };
        if !matches!(parameters.first(), None | Some(b';')) {
            return Err(NotAUri);
        }
        Ok(Self {
            security,
            user,
            password,
            host,
            port,
            parameters,
            headers,
        })
    }
}

fn split_at_colon(info: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    match info.iter().position(|byte| *byte == b':') {
        Some(at) => (info.get(..at), info.get(at + 1..)),
        None => (Some(info), None),
    }
}

impl<'a> TelUri<'a> {
    // RFC 3966 §3: global-number-digits = "+" *phonedigit DIGIT *phonedigit;
    // local-number-digits = *phonedigit-hex (HEXDIG / "*" / "#") *phonedigit-hex
    fn parse(rest: &'a [u8]) -> Result<Self, NotAUri> {
        let end = memchr(b';', rest).unwrap_or(rest.len());
        let (subscriber, parameters) = rest.split_at_checked(end).ok_or(NotAUri)?;
        let separator = |byte: u8| matches!(byte, b'-' | b'.' | b'(' | b')');
        let (digits, global) = match subscriber {
            [b'+', digits @ ..] => (digits, true),
            digits => (digits, false),
        };
        let digit = |byte: u8| {
            byte.is_ascii_digit()
                || (!global && (byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#')))
        };
        let fits = digits.iter().all(|&byte| digit(byte) || separator(byte))
            && digits.iter().any(|&byte| digit(byte));
        fits.then_some(Self {
            subscriber,
            parameters,
        })
        .ok_or(NotAUri)
    }
}

/// Takes `host[:port]` off the start of `text`, and gives what follows; `None` if either is malformed.
pub(crate) fn host_and_port(text: &[u8]) -> Option<(&[u8], Option<u16>, &[u8])> {
    let host_end = match text.first()? {
        b'[' => memchr(b']', text)? + 1,
        _ => Class::HOST.prefix(text),
    };
    let (host, rest) = text.split_at_checked(host_end)?;
    let (port, rest) = match rest {
        [b':', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (digits, rest) = rest.split_at_checked(digits)?;
            (Some(u16::try_from(number(digits)?).ok()?), rest)
        }
        rest => (None, rest),
    };
    is_host(host).then_some((host, port, rest))
}

/// Whether `text` is a host: a name, an IPv4 address, or an IPv6 address in brackets.
pub(crate) fn is_host(text: &[u8]) -> bool {
    match text {
        [b'[', inner @ .., b']'] => is_ipv6(inner),
        name => !name.is_empty() && Class::HOST.has_all(name),
    }
}

// RFC 5954 §4.1 corrects IPv6address; `Ipv6Addr` has always read it that way: no third colon before an IPv4 part.
fn is_ipv6(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// The address that a host is, if it is one and not a name.
pub(crate) fn host_address(host: &[u8]) -> Option<std::net::IpAddr> {
    let text = std::str::from_utf8(host).ok()?;
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let v4 = bare.parse::<Ipv4Addr>().map(Into::into);
    v4.or_else(|_| bare.parse::<Ipv6Addr>().map(Into::into))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sip(text: &str) -> Option<SipUri<'_>> {
        match Uri::parse(text.as_bytes()) {
            Ok(Uri::Sip(uri)) => Some(uri),
            _ => None,
        }
    }

    #[test]
    fn every_part_of_a_sip_uri_is_found() {
        let uri =
            sip("SIPS:alice;day=tuesday:p%20w@atlanta.example.com:5061;lr;x=y?Subject=a&To=b")
                .unwrap();
        assert_eq!(uri.security, Security::Sips);
        assert_eq!(uri.user, Some(b"alice;day=tuesday".as_slice()));
        assert_eq!(uri.password, Some(b"p%20w".as_slice()));
        assert_eq!(
            (uri.host, uri.port),
            (b"atlanta.example.com".as_slice(), Some(5061))
        );
        assert_eq!(uri.parameters, b";lr;x=y");
        assert_eq!(uri.headers, Some(b"Subject=a&To=b".as_slice()));
        let bare = sip("sip:10.0.0.1").unwrap();
        assert_eq!(
            (bare.user, bare.host, bare.port),
            (None, b"10.0.0.1".as_slice(), None)
        );
        assert!(bare.parameters.is_empty());
    }

    #[test]
    fn ipv6_addresses_need_their_brackets() {
        assert_eq!(sip("sip:[2001:db8::10]:5070").unwrap().port, Some(5070));
        assert_eq!(sip("sip:[2001:db8::10:5070]").unwrap().port, None);
        assert!(sip("sip:[2001:db8::192.0.2.1]").is_some());
        assert!(sip("sip:[2001:db8:::192.0.2.1]").is_none());
        assert!(sip("sip:2001:db8::10").is_none());
        assert!(sip("sip:[2001:db8::10").is_none());
        assert!(sip("sip:[2001:db8::10]x").is_none());
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        for text in [
            "",
            "sip",
            ":",
            "sip:",
            "sip:@h",
            "sip:a@",
            "sip:a@h:",
            "sip:a@h:65536",
            "sip:a@b@h",
            "<sip:a@h>",
            "sip:a b@h",
            "sip:a@h\r\n",
            "sip:\u{e4}@h",
            "tel:",
            "tel:+",
            "tel:+1a",
            "tel:1 2",
            "1x:y",
            "x:",
            "sip:a@h\"",
        ] {
            assert_eq!(Uri::parse(text.as_bytes()), Err(NotAUri), "{text}");
        }
    }

    #[test]
    fn telephone_uris_and_others() {
        let Ok(Uri::Tel(tel)) = Uri::parse(b"tel:+1-(202)-555.0100;verstat=X") else {
            panic!("a tel URI");
        };
        assert_eq!(tel.subscriber, b"+1-(202)-555.0100");
        assert_eq!(tel.parameters, b";verstat=X");
        assert!(matches!(
            Uri::parse(b"tel:7042;phone-context=example.com"),
            Ok(Uri::Tel(_))
        ));
        let other = Uri::Other {
            scheme: b"urn",
            rest: b"service:sos",
        };
        assert_eq!(Uri::parse(b"urn:service:sos"), Ok(other));
    }

    #[test]
    fn hosts_that_are_addresses() {
        assert_eq!(host_address(b"192.0.2.1").unwrap().to_string(), "192.0.2.1");
        assert_eq!(host_address(b"[::1]").unwrap().to_string(), "::1");
        assert_eq!(host_address(b"::1").unwrap().to_string(), "::1");
        assert_eq!(host_address(b"h.example"), None);
    }
}
