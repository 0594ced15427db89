//! Which URLs a certificate may be fetched from.
//!
//! The rules are those that public SHAKEN verifiers and lints cite from ATIS-1000074 §5.3.1 (the text itself is not public):
//! https, port none, 443 or 8443, no userinfo, query, fragment or path parameters. They are judged from the text alone and
//! before anything is resolved or connected. What is behind the URL (addresses, redirects, media types) is for the fetcher.
//!
//! The one exception is a port that the operator has named for an [`Origin`], as the lab does for its own repository.

use std::fmt;

/// Longest URL of a certificate, in bytes: what we would not sign we do not follow. No document has a limit, and the longest in
/// the field is below 200.
pub const MAX_REPOSITORY_URL: usize = crate::passport::MAX_X5U;

/// The port of https when none is written.
pub const HTTPS_PORT: u16 = 443;

/// The other port that ATIS-1000074 allows.
pub const ALTERNATE_PORT: u16 = 8443;

/// A URL that keeps the rules, taken apart.
///
/// # Example
/// ```
/// use countersign::certificate::repository_url::{RepositoryUrl, UrlFault};
/// let url = RepositoryUrl::judge("https://cert.example.org:8443/sp.pem", &[])?;
/// assert_eq!((url.host(), url.port(), url.path()), ("cert.example.org", 8443, "/sp.pem"));
/// assert_eq!(RepositoryUrl::judge("https://cert.example.org/sp.pem?v=2", &[]), Err(UrlFault::Query));
/// # Ok::<(), UrlFault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepositoryUrl<'a> {
    host: &'a str,
    port: u16,
    path: &'a str,
}

impl<'a> RepositoryUrl<'a> {
    /// Judges a URL by every rule; `exceptions` are origins whose port is allowed whatever it is.
    ///
    /// # Errors
    /// [`UrlFault`]: the first rule that it breaks.
    pub fn judge(url: &'a str, exceptions: &[Origin]) -> Result<Self, UrlFault> {
        let parsed = Self::parse(url)?;
        let allowed = matches!(parsed.port, HTTPS_PORT | ALTERNATE_PORT)
            || exceptions.iter().any(|origin| origin.is_of(&parsed));
        if allowed {
            Ok(parsed)
        } else {
            Err(UrlFault::Port)
        }
    }

    /// Judges a URL by every rule but the one about ports.
    ///
    /// # Errors
    /// [`UrlFault`]: the first rule that it breaks.
    pub fn parse(url: &'a str) -> Result<Self, UrlFault> {
        if url.len() > MAX_REPOSITORY_URL {
            return Err(UrlFault::TooLong);
        }
        let rest = match url.split_at_checked("https://".len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https://") => rest,
            _ => return Err(UrlFault::Scheme),
        };
        let ends_authority = |byte: u8| matches!(byte, b'/' | b'?' | b'#');
        let authority_end = rest.bytes().position(ends_authority).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_end);
        // Nearly every authority is a plain name, without a port.
        let (host, port) = match is_name(authority) {
            true => (authority, HTTPS_PORT),
            false => split_authority(authority)?,
        };
        judge_path(path)?;
        Ok(Self { host, port, path })
    }

    /// The host as written: a name, an IPv4 address, or an IPv6 address in brackets.
    pub fn host(&self) -> &'a str {
        self.host
    }

    /// The port, 443 if none is written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path as written, empty if there is none.
    pub fn path(&self) -> &'a str {
        self.path
    }
}

fn split_authority(authority: &str) -> Result<(&str, u16), UrlFault> {
    if authority.contains('@') {
        return Err(UrlFault::Userinfo);
    }
    let (host, port) = split_port(authority)?;
    judge_host(host)?;
    Ok((host, port))
}

fn is_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| Class::NAME.has(byte))
}

fn split_port(authority: &str) -> Result<(&str, u16), UrlFault> {
    // The colons of an IPv6 address are inside its brackets.
    let host_end = match authority.starts_with('[') {
        true => authority.find(']').ok_or(UrlFault::Host)? + 1,
        false => 0,
    };
    let Some(colon) = authority.get(host_end..).and_then(|tail| tail.find(':')) else {
        return Ok((authority, HTTPS_PORT));
    };
    let (host, port) = authority.split_at(host_end + colon);
    let digits = port.get(1..).unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UrlFault::Port);
    }
    match digits.parse() {
        Ok(port) if port != 0 => Ok((host, port)),
        _ => Err(UrlFault::Port),
    }
}

fn judge_host(host: &str) -> Result<(), UrlFault> {
    let fits = match host.strip_prefix('[') {
        // A zone identifier (RFC 6874) means something on this machine only, so `%` is not among them.
        Some(address) => address.strip_suffix(']').is_some_and(|address| {
            let hex = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            address.contains(':') && address.bytes().all(hex)
        }),
        None => is_name(host),
    };
    if fits { Ok(()) } else { Err(UrlFault::Host) }
}

/// RFC 3986 §3.3: `pchar = unreserved / pct-encoded / sub-delims / ":" / "@"`, and the semicolon that starts path parameters
/// is not for us.
fn judge_path(path: &str) -> Result<(), UrlFault> {
    let unfit = path.bytes().find(|byte| !Class::PATH.has(*byte));
    match unfit {
        None => Ok(()),
        Some(b'?') => Err(UrlFault::Query),
        Some(b'#') => Err(UrlFault::Fragment),
        Some(b';') => Err(UrlFault::PathParameters),
        Some(_) => Err(UrlFault::Character),
    }
}

/// What a byte may be part of: one table lookup, because every call brings a URL.
#[derive(Clone, Copy)]
struct Class(u8);

impl Class {
    /// A host name or IPv4 address.
    const NAME: Self = Self(1);
    /// A path, slashes included.
    const PATH: Self = Self(2);

    fn has(self, byte: u8) -> bool {
        CLASSES[usize::from(byte)] & self.0 != 0
    }

    const fn of(byte: u8) -> u8 {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                Self::NAME.0 | Self::PATH.0
            }
            b'/' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b','
            | b'=' | b':' | b'@' => Self::PATH.0,
            _ => 0,
        }
    }
}

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = Class::of(byte as u8);
        byte += 1;
    }
    classes
};

/// Scheme https, a host and a port: what an exception is made for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    host: Box<str>,
    port: u16,
}

impl Origin {
    /// Reads `https://host:port`; any port will do.
    ///
    /// # Errors
    /// [`UrlFault`] if it is no https origin, or has more than that.
    pub fn parse(origin: &str) -> Result<Self, UrlFault> {
        let url = RepositoryUrl::parse(origin)?;
        if !matches!(url.path, "" | "/") {
            return Err(UrlFault::Character);
        }
        Ok(Self {
            host: url.host.to_ascii_lowercase().into(),
            port: url.port,
        })
    }

    /// The host in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether `url` leads to this origin.
    pub fn is_of(&self, url: &RepositoryUrl<'_>) -> bool {
        self.port == url.port && self.host.eq_ignore_ascii_case(url.host)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}:{}", self.host, self.port)
    }
}

/// The rule that a URL breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UrlFault {
    /// A character that the path of a URL does not have.
    Character,
    /// A fragment, even an empty one.
    Fragment,
    /// No host, or not the form of one.
    Host,
    /// Path parameters.
    PathParameters,
    /// A port other than 443 and 8443, or none where one is announced.
    Port,
    /// A query, even an empty one.
    Query,
    /// A scheme other than https, or none.
    Scheme,
    /// Longer than [`MAX_REPOSITORY_URL`].
    TooLong,
    /// A user name in front of the host.
    Userinfo,
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Character => "the URL has a character that no path has",
            Self::Fragment => "the URL has a fragment",
            Self::Host => "the URL has no usable host",
            Self::PathParameters => "the URL has path parameters",
            Self::Port => "the port is neither 443 nor 8443",
            Self::Query => "the URL has a query",
            Self::Scheme => "the URL is not https",
            Self::TooLong => return write!(f, "the URL is longer than {MAX_REPOSITORY_URL} bytes"),
            Self::Userinfo => "the URL has userinfo",
        })
    }
}

impl std::error::Error for UrlFault {}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(url: &str) -> Result<(&str, u16, &str), UrlFault> {
        RepositoryUrl::judge(url, &[]).map(|url| (url.host, url.port, url.path))
    }

    #[test]
    fn digest12_case13_what_is_not_followed() {
        for (url, fault) in [
            ("https://user@h/x.pem", UrlFault::Userinfo),
            ("https://h/x.pem?a=b", UrlFault::Query),
            ("https://h/x.pem?", UrlFault::Query),
            ("https://h?x", UrlFault::Query),
            ("https://h/x.pem#f", UrlFault::Fragment),
            ("https://h/x.pem#", UrlFault::Fragment),
            ("https://h/x.pem;p", UrlFault::PathParameters),
            ("https://h:8080/x.pem", UrlFault::Port),
            ("https://h:/x.pem", UrlFault::Port),
            ("https://h:0/x.pem", UrlFault::Port),
            ("https://h:+443/x.pem", UrlFault::Port),
            ("https://h:65979/x.pem", UrlFault::Port),
            ("http://h/x.pem", UrlFault::Scheme),
            ("ftp://h/x.pem", UrlFault::Scheme),
            ("", UrlFault::Scheme),
            ("garbage", UrlFault::Scheme),
            ("https:/h/x.pem", UrlFault::Scheme),
            ("https://", UrlFault::Host),
            ("https:///x.pem", UrlFault::Host),
            ("https://h h/x.pem", UrlFault::Host),
            ("https://[::1/x.pem", UrlFault::Host),
            ("https://[fe80::1%25eth0]/x.pem", UrlFault::Host),
            ("https://h/x y", UrlFault::Character),
            ("https://h/x\r\nHost: y", UrlFault::Character),
            ("https://h/x\\y", UrlFault::Character),
            ("https://h/\u{e9}", UrlFault::Character),
            ("https://h\u{e9}/x", UrlFault::Host),
        ] {
            assert_eq!(judge(url), Err(fault), "{url:?}");
        }
        let long = format!("https://h/{}", "a".repeat(MAX_REPOSITORY_URL));
        assert_eq!(judge(&long), Err(UrlFault::TooLong));
    }

    #[test]
    fn what_is_followed() {
        for (url, parts) in [
            ("https://h/x.pem", ("h", 443, "/x.pem")),
            ("HTTPS://H:443/x.pem", ("H", 443, "/x.pem")),
            ("https://h:8443/a/b%20c.pem", ("h", 8443, "/a/b%20c.pem")),
            ("https://192.0.2.1", ("192.0.2.1", 443, "")),
            (
                "https://[2001:db8::1]:8443/x",
                ("[2001:db8::1]", 8443, "/x"),
            ),
        ] {
            assert_eq!(judge(url), Ok(parts), "{url:?}");
        }
    }

    #[test]
    fn an_exception_is_for_one_origin() {
        let lab = [Origin::parse("https://Lab.example:5443").unwrap()];
        assert_eq!(lab[0].to_string(), "https://lab.example:5443");
        assert!(RepositoryUrl::judge("https://LAB.example:5443/x.pem", &lab).is_ok());
        for url in [
            "https://lab.example:5444/x.pem",
            "https://other.example:5443/x.pem",
            "http://lab.example:5443/x.pem",
            "https://lab.example:5443/x.pem?y",
            "https://lab.example.evil.example:5443/x.pem",
        ] {
            assert!(RepositoryUrl::judge(url, &lab).is_err(), "{url}");
        }
        assert!(Origin::parse("https://lab.example:5443/x").is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_judged(url in "(https://)?\\PC{0,40}") {
            if let Ok(judged) = RepositoryUrl::judge(&url, &[]) {
                let written = format!("{}{}", judged.host, judged.path);
                proptest::prop_assert!(!written.contains(['@', '?', '#', ';', ' ']) || judged.path.contains('@'));
            }
        }
    }
}
