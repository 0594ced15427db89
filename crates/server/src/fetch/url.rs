//! Which URLs we are willing to dereference, judged by their text alone.
//!
//! A [`RepositoryUrl`] has passed every rule that needs no network: [RFC 8224 §7.3](https://www.rfc-editor.org/rfc/rfc8224#section-7.3)
//! as narrowed by ATIS-1000074 §5.3.1. What its host resolves to is judged in [`super::address`], at the moment of connecting.
//!
//! The text is first held against the characters of [RFC 3986](https://www.rfc-editor.org/rfc/rfc3986), because the parser
//! below it follows the browsers: it would mend backslashes, blanks and line breaks instead of refusing them.

use std::fmt;
use std::net::IpAddr;
use url::{Host, Url};

/// Longest URL we dereference, in bytes. Neither RFC 8224 nor ATIS names a bound;
/// [RFC 9110 §4.1](https://www.rfc-editor.org/rfc/rfc9110#section-4.1) recommends to support at least 8,000, but an x5u that
/// long would not fit a SIP datagram; the longest known one is below 200.
pub const MAX_URL: usize = 2_048;

/// Ports that ATIS-1000074 §5.3.1 allows besides none.
pub const ORDINARY_PORTS: [u16; 2] = [443, 8443];

/// Where a repository is: host and port of an https URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The host, a name in lower case or an address.
    pub host: RepositoryHost,
    /// The port, 443 if the URL names none.
    pub port: u16,
}

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RepositoryHost {
    /// A literal address, however it was written.
    Address(IpAddr),
    /// A name, lower case, without the dot of the root.
    Name(Box<str>),
}

/// A URL that passed every rule that needs no network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryUrl {
    origin: Origin,
    path: Box<str>,
}

impl RepositoryUrl {
    /// Judges `text` by every rule except that on ports, which has exceptions: see [`RepositoryUrl::port_is_ordinary`].
    ///
    /// # Errors
    /// [`UrlFault`], the first rule that is broken.
    pub fn parse(text: &str) -> Result<Self, UrlFault> {
        if text.len() > MAX_URL {
            return Err(UrlFault::TooLong);
        }
        if !text.bytes().all(is_uri_character) {
            return Err(UrlFault::Characters);
        }
        // The parser drops an empty query, fragment or userinfo; the rule is about the bare delimiters, too.
        // ATIS-1000074 §5.3.1: no userinfo, query, path parameters or fragment in the URL.
        if text.contains('#') {
            return Err(UrlFault::Fragment);
        }
        if text.contains('?') {
            return Err(UrlFault::Query);
        }
        let after_scheme = strip_https(text).ok_or(UrlFault::NotHttps)?;
        let (authority, path) = match after_scheme.find('/') {
            Some(at) => after_scheme.split_at(at),
            None => (after_scheme, ""),
        };
        if authority.contains('@') {
            return Err(UrlFault::Userinfo);
        }
        if authority.is_empty() || authority.contains('%') {
            return Err(UrlFault::Host);
        }
        // RFC 3986 §3.3: "the semicolon (";") and equals ("=") reserved characters are often used to delimit parameters and
        // parameter values applicable to that segment."
        if path.contains(';') {
            return Err(UrlFault::PathParameters);
        }
        Self::from_parsed(&Url::parse(text).map_err(|_| UrlFault::Unparsable)?)
    }

    fn from_parsed(url: &Url) -> Result<Self, UrlFault> {
        let host = match url.host().ok_or(UrlFault::Host)? {
            Host::Domain(name) => {
                RepositoryHost::Name(name.strip_suffix('.').unwrap_or(name).into())
            }
            Host::Ipv4(address) => RepositoryHost::Address(address.into()),
            Host::Ipv6(address) => RepositoryHost::Address(address.into()),
        };
        let port = url.port_or_known_default().ok_or(UrlFault::Port)?;
        Ok(Self {
            origin: Origin { host, port },
            path: url.path().into(),
        })
    }

    /// Host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The path, never empty: what the request line carries.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the port is one that needs no exception.
    // ATIS-1000074 §5.3.1: the port is absent, 443 or 8443.
    pub fn port_is_ordinary(&self) -> bool {
        ORDINARY_PORTS.contains(&self.origin.port)
    }
}

impl Origin {
    /// Reads `https://host[:port]`, as the configuration writes an origin.
    ///
    /// # Errors
    /// [`UrlFault`] as for a URL; a path other than `/` is [`UrlFault::PathParameters`].
    pub fn parse(text: &str) -> Result<Self, UrlFault> {
        let url = RepositoryUrl::parse(text)?;
        if url.path() != "/" {
            return Err(UrlFault::PathParameters);
        }
        Ok(url.origin)
    }
}

impl fmt::Display for Origin {
    /// `host:port`, an IPv6 address in brackets: the form of the `Host` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            RepositoryHost::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            RepositoryHost::Address(address) => write!(f, "{address}")?,
            RepositoryHost::Name(name) => f.write_str(name)?,
        }
        match self.port {
            443 => Ok(()),
            port => write!(f, ":{port}"),
        }
    }
}

/// The rule that a URL breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlFault {
    /// A character that RFC 3986 does not know: blanks, controls, backslashes, anything beyond ASCII.
    Characters,
    /// A fragment, or its bare delimiter.
    Fragment,
    /// No host, or one that is percent-encoded.
    Host,
    /// Another scheme than https.
    NotHttps,
    /// Path parameters (`;`), or a path where only an origin belongs.
    PathParameters,
    /// A port other than none, 443 and 8443, for which no exception is configured.
    Port,
    /// A query, or its bare delimiter.
    Query,
    /// Longer than [`MAX_URL`].
    TooLong,
    /// Not a URL.
    Unparsable,
    /// User information, or its bare delimiter.
    Userinfo,
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Characters => "it holds characters that no URL may hold",
            Self::Fragment => "it has a fragment",
            Self::Host => "it has no usable host",
            Self::NotHttps => "it is not https",
            Self::PathParameters => "its path holds more than it may",
            Self::Port => "its port is neither 443 nor 8443",
            Self::Query => "it has a query",
            Self::TooLong => "it is too long",
            Self::Unparsable => "it is not a URL",
            Self::Userinfo => "it names a user",
        })
    }
}

impl std::error::Error for UrlFault {}

fn strip_https(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_at_checked("https://".len())?;
    scheme.eq_ignore_ascii_case("https://").then_some(rest)
}

fn is_uri_character(byte: u8) -> bool {
    // RFC 3986 §2.2 and §2.3: reserved and unreserved, and the percent sign of §2.1.
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn fault(text: &str) -> Option<UrlFault> {
        RepositoryUrl::parse(text).err()
    }

    #[test]
    fn digest12_case13_urls_that_are_not_followed() {
        for (text, expected) in [
            ("https://user@h.example/c.pem", UrlFault::Userinfo),
            ("https://@h.example/c.pem", UrlFault::Userinfo),
            ("https://h.example/c.pem?a=b", UrlFault::Query),
            ("https://h.example/c.pem?", UrlFault::Query),
            ("https://h.example/c.pem#f", UrlFault::Fragment),
            ("https://h.example/c.pem#", UrlFault::Fragment),
            ("https://h.example/c.pem;p", UrlFault::PathParameters),
            ("http://h.example/c.pem", UrlFault::NotHttps),
            ("ftp://h.example/c.pem", UrlFault::NotHttps),
            ("//h.example/c.pem", UrlFault::NotHttps),
            ("", UrlFault::NotHttps),
            ("https://h.example/c pem", UrlFault::Characters),
            ("https://h.example\\@evil.example/", UrlFault::Characters),
            ("https://h.example/c.pem\n", UrlFault::Characters),
            ("https://h.example/\u{e9}", UrlFault::Characters),
            ("https:///c.pem", UrlFault::Host),
            ("https://127%2e0.0.1/c.pem", UrlFault::Host),
            ("https://h.example:99999/", UrlFault::Unparsable),
        ] {
            assert_eq!(fault(text), Some(expected), "{text}");
        }
        assert_eq!(
            fault(&format!("https://h.example/{}", "a".repeat(MAX_URL))),
            Some(UrlFault::TooLong)
        );
        let odd_port = RepositoryUrl::parse("https://h.example:8080/c.pem").unwrap();
        assert!(!odd_port.port_is_ordinary());
    }

    #[test]
    fn ordinary_urls_pass() {
        for text in [
            "https://cert.example.org/passport.cer",
            "HTTPS://cert.example.org:443/a/b%20c.pem",
            "https://cert.example.org:8443/~x/a,b.pem",
            "https://cert.example.org",
        ] {
            let url = RepositoryUrl::parse(text).unwrap();
            assert!(url.port_is_ordinary(), "{text}");
            assert!(url.path().starts_with('/'), "{text}");
        }
    }

    #[test]
    fn an_address_is_an_address_however_it_is_written() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        for text in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://0x7f000001/",
        ] {
            let url = RepositoryUrl::parse(text).unwrap();
            assert_eq!(
                url.origin().host,
                RepositoryHost::Address(loopback),
                "{text}"
            );
        }
        let mapped = RepositoryUrl::parse("https://[::ffff:127.0.0.1]/").unwrap();
        assert_eq!(
            mapped.origin().host,
            RepositoryHost::Address(IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped()))
        );
        let v6 = RepositoryUrl::parse("https://[::1]:8443/").unwrap();
        assert_eq!(
            v6.origin().host,
            RepositoryHost::Address(IpAddr::V6(Ipv6Addr::LOCALHOST))
        );
        assert_eq!(v6.origin().to_string(), "[::1]:8443");
    }

    #[test]
    fn an_origin_is_a_url_without_a_path() {
        let origin = Origin::parse("https://CERT.example.org.:8443").unwrap();
        assert_eq!(origin.to_string(), "cert.example.org:8443");
        assert!(Origin::parse("https://cert.example.org/x").is_err());
    }
}
