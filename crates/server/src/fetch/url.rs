//! From the text of a URL to whom we would connect to.
//!
//! Which URLs may be dereferenced at all is judged by [`RepositoryUrl`] in `countersign`; here the host is read as the
//! connection will use it. That is the one place where the browsers' reading counts: the resolver takes `2130706433`,
//! `0x7f.1` and `127.1` for 127.0.0.1, so they are addresses here, too, and are judged as such.

use countersign::certificate::repository_url::{HTTPS_PORT, Origin, RepositoryUrl, UrlFault};
use std::fmt;
use std::net::IpAddr;
use url::Host;

/// The port of http when none is written.
const HTTP_PORT: u16 = 80;

/// Whom a URL leads to, and what to ask there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    authority: Authority,
    path: Box<str>,
}

/// Host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The host.
    pub host: TargetHost,
    /// The port.
    pub port: u16,
}

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetHost {
    /// A literal address, however it was written.
    Address(IpAddr),
    /// A name, lower case, without the dot of the root.
    Name(Box<str>),
}

impl Target {
    /// Judges a URL and reads its host; `exceptions` are origins whose port is allowed whatever it is.
    ///
    /// # Errors
    /// [`UrlFault`], the first rule that is broken.
    pub fn judge(url: &str, exceptions: &[Origin]) -> Result<Self, UrlFault> {
        Self::of(&RepositoryUrl::judge(url, exceptions)?)
    }

    fn of(url: &RepositoryUrl<'_>) -> Result<Self, UrlFault> {
        let host = match Host::parse(url.host()).map_err(|_| UrlFault::Host)? {
            Host::Domain(name) => TargetHost::Name(name.strip_suffix('.').unwrap_or(&name).into()),
            Host::Ipv4(address) => TargetHost::Address(address.into()),
            Host::Ipv6(address) => TargetHost::Address(address.into()),
        };
        Ok(Self {
            authority: Authority {
                host,
                port: url.port(),
            },
            // RFC 9112 §3.2.1: "If the target URI's path component is empty, the client MUST send "/" as the path within the
            // origin-form of request-target."
            path: match url.path() {
                "" => "/".into(),
                path => path.into(),
            },
        })
    }

    /// Judges a URL that may be plain http, as those of revocation lists often are: the same rules, port 80 if none is written,
    /// and no other one without an exception for the same host and port.
    ///
    /// # Errors
    /// [`UrlFault`], the first rule that is broken.
    // RFC 5280 §8: "When certificates include a cRLDistributionPoints extension with an https URI or similar scheme, circular
    // dependencies can be introduced." A list is signed, so plain http tells nobody a lie.
    pub fn judge_plain(url: &str, exceptions: &[Origin]) -> Result<Self, UrlFault> {
        let rest = match url.split_at_checked("http://".len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http://") => rest,
            _ => return Err(UrlFault::Scheme),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let port = authority.rsplit_once(':').map(|(_, port)| port);
        let with_port = match port.filter(|port| !port.ends_with(']')) {
            Some(_) => format!("https://{authority}{path}"),
            None => format!("https://{authority}:{HTTP_PORT}{path}"),
        };
        let parsed = RepositoryUrl::parse(&with_port)?;
        let excepted = || exceptions.iter().any(|origin| origin.is_of(&parsed));
        match parsed.port() == HTTP_PORT || excepted() {
            true => Self::of(&parsed),
            false => Err(UrlFault::Port),
        }
    }

    /// Host and port.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The path, never empty: what the request line carries.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl Authority {
    /// Whose host it is, as far as that can be told: of a name its last two labels, because whoever owns a domain makes as many names
    /// below it as they like; of an address the address.
    pub fn site(&self) -> Box<str> {
        match &self.host {
            TargetHost::Address(address) => address.to_string().into(),
            TargetHost::Name(name) => {
                let start = name
                    .rmatch_indices('.')
                    .nth(1)
                    .map_or(0, |(dot, _)| dot + 1);
                name.get(start..).unwrap_or(name).into()
            }
        }
    }
}

impl fmt::Display for Authority {
    /// `host:port`, an IPv6 address in brackets, the port left out where it is the usual one: the form of the `Host` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            TargetHost::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            TargetHost::Address(address) => write!(f, "{address}")?,
            TargetHost::Name(name) => f.write_str(name)?,
        }
        match self.port {
            HTTPS_PORT => Ok(()),
            port => write!(f, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(url: &str) -> String {
        let target = Target::judge(url, &[]).unwrap();
        target.authority().to_string()
    }

    #[test]
    fn an_address_is_an_address_however_it_is_written() {
        for url in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://0x7f000001/",
            "https://127.0.0.1./",
        ] {
            let target = Target::judge(url, &[]).unwrap();
            let loopback = TargetHost::Address("127.0.0.1".parse().unwrap());
            assert_eq!(target.authority().host, loopback, "{url}");
        }
        assert_eq!(
            authority("https://[::ffff:127.0.0.1]/"),
            "[::ffff:127.0.0.1]"
        );
        assert_eq!(authority("https://[::1]:8443/"), "[::1]:8443");
    }

    #[test]
    fn names_are_read_as_they_are_compared() {
        assert_eq!(
            authority("https://CERT.example.org.:8443/x"),
            "cert.example.org:8443"
        );
        assert_eq!(
            authority("https://cert.example.org:443"),
            "cert.example.org"
        );
        assert_eq!(
            Target::judge("https://cert.example.org", &[])
                .unwrap()
                .path(),
            "/"
        );
        assert_eq!(
            Target::judge("https://cert.example.org/~x/a%20b,c.pem", &[])
                .unwrap()
                .path(),
            "/~x/a%20b,c.pem"
        );
    }

    #[test]
    fn names_below_one_domain_are_one_site() {
        for (url, site) in [
            ("https://a.b.cert.example/", "cert.example"),
            ("https://cert.example:8443/", "cert.example"),
            ("https://localhost/", "localhost"),
            ("https://192.0.2.7/", "192.0.2.7"),
            ("https://[2001:db8::7]/", "2001:db8::7"),
        ] {
            let target = Target::judge(url, &[]).unwrap();
            assert_eq!(&*target.authority().site(), site, "{url}");
        }
    }

    #[test]
    fn a_plain_url_keeps_the_same_rules() {
        let exceptions = [Origin::parse("https://h.example:8080").unwrap()];
        for (url, authority) in [
            ("http://crl.example/a.crl", "crl.example:80"),
            ("HTTP://crl.example:80/a.crl", "crl.example:80"),
            ("http://[2001:db8::1]/a.crl", "[2001:db8::1]:80"),
            ("http://127.1/a.crl", "127.0.0.1:80"),
            ("http://h.example:8080/a.crl", "h.example:8080"),
        ] {
            let target = Target::judge_plain(url, &exceptions).unwrap();
            assert_eq!(target.authority().to_string(), authority, "{url}");
        }
        for url in [
            "https://crl.example/a.crl",
            "http://crl.example:8081/a.crl",
            "http://u@crl.example/a.crl",
            "http://crl.example/a.crl?x",
            "http://crl.example?x",
            "http://",
            "http://h.example:/a",
            "ldap://crl.example/a.crl",
        ] {
            assert!(Target::judge_plain(url, &exceptions).is_err(), "{url}");
        }
    }

    #[test]
    fn digest12_case13_what_breaks_the_rules_has_no_target() {
        let exceptions = [Origin::parse("https://h.example:8080").unwrap()];
        assert!(Target::judge("https://h.example:8080/c.pem", &exceptions).is_ok());
        for url in [
            "http://h.example/c.pem",
            "https://u@h.example/c.pem",
            "https://h.example/c.pem?x",
            "https://h.example:8081/c.pem",
            "https://127%2e0.0.1/",
            "https://h.example\\@evil.example/",
            "https://1.2.3.4.5/",
            "https://4294967296/",
        ] {
            assert!(Target::judge(url, &exceptions).is_err(), "{url}");
        }
    }
}
