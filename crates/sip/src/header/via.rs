//! Via, RFC 3261 §20.42.

use crate::defect::Defect;
use crate::grammar::{Class, Parameters, is_lws, is_token, number, trim, trim_start};
use crate::message::{Message, ViaSpans};
use crate::uri::{host_address, host_and_port};
use memchr::memchr;
use std::net::IpAddr;

/// What every branch made by RFC 3261 begins with: §8.1.1.7.
const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// One Via value: `SIP/2.0/UDP host:port;branch=z9hG4bK…`.
#[derive(Clone, Debug)]
pub struct Via<'a> {
    /// The whole value as received.
    pub raw: &'a [u8],
    /// `UDP`, `TCP`, `TLS`, or any other token, as written.
    pub transport: &'a [u8],
    /// The host of sent-by; an IPv6 address keeps its brackets.
    pub host: &'a [u8],
    /// The port of sent-by, if one is written.
    pub port: Option<u16>,
    /// The parameters, from their first `;`; empty if there are none.
    pub parameters: &'a [u8],
    /// The value of the first `branch` among them, if it has one: asked for more often than anything else.
    branch: Option<&'a [u8]>,
}

impl ViaSpans {
    /// Of a Via that was read in `message`.
    pub(super) fn of(via: &Via<'_>, message: &Message) -> Option<Self> {
        let branch = match via.branch {
            Some(branch) => Some(message.span_of(branch)?),
            None => None,
        };
        Some(Self {
            raw: message.span_of(via.raw)?,
            transport: message.span_of(via.transport)?,
            host: message.span_of(via.host)?,
            port: via.port,
            parameters: message.span_of(via.parameters)?,
            branch,
        })
    }

    /// The same Via once more.
    pub(super) fn via(self, message: &Message) -> Via<'_> {
        let bytes = message.bytes();
        Via {
            raw: self.raw.of(bytes),
            transport: self.transport.of(bytes),
            host: self.host.of(bytes),
            port: self.port,
            parameters: self.parameters.of(bytes),
            branch: self.branch.map(|span| span.of(bytes)),
        }
    }
}

/// The branch of a Via.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch<'a> {
    /// None, or one without the magic cookie, or nothing but the cookie: it identifies no transaction. RFC 3261 §17.2.3
    /// says how such a request is matched.
    Rfc2543,
    /// A branch that is unique to its transaction, cookie included.
    Unique(&'a [u8]),
}

/// The `rport` parameter, RFC 3581.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rport {
    /// Asked for: `;rport`.
    Asked,
    /// Filled in.
    Port(u16),
}

impl<'a> Via<'a> {
    /// Reads one value, an element of the comma list.
    ///
    /// # Errors
    /// [`Defect::Via`].
    // RFC 3261 §25.1: via-parm = sent-protocol LWS sent-by *( SEMI via-params )
    // sent-protocol = protocol-name SLASH protocol-version SLASH transport, with white space around each SLASH
    pub fn parse(raw: &'a [u8]) -> Result<Self, Defect> {
        Self::read(raw).ok_or(Defect::Via)
    }

    fn read(raw: &'a [u8]) -> Option<Self> {
        let rest = match raw.strip_prefix(b"SIP/2.0/") {
            Some(rest) => rest,
            None => after_version(raw)?,
        };
        let (transport, rest) = rest.split_at_checked(Class::TOKEN.prefix(rest))?;
        if transport.is_empty() || !rest.first().is_some_and(|byte| is_lws(*byte)) {
            return None;
        }
        let (host, port, parameters) = sent_by(trim_start(rest))?;
        if !matches!(parameters.first(), None | Some(b';')) {
            return None;
        }
        // Judged and searched in one pass.
        let mut branch = None;
        for parameter in Parameters::of(parameters) {
            if !parameter.is_well_formed() {
                return None;
            }
            if branch.is_none() && parameter.is("branch") {
                branch = Some(parameter.value);
            }
        }
        Some(Self {
            raw,
            transport,
            host,
            port,
            parameters,
            branch: branch.flatten(),
        })
    }

    /// All parameters.
    pub fn parameters(&self) -> Parameters<'a> {
        Parameters::of(self.parameters)
    }

    /// The branch, and whether it identifies a transaction.
    // RFC 3261 §8.1.1.7: "The branch ID inserted by an element compliant with this specification MUST always begin with the
    // characters "z9hG4bK"."
    pub fn branch(&self) -> Branch<'a> {
        match self.branch {
            Some(branch) => match branch.split_at_checked(MAGIC_COOKIE.len()) {
                // The case of the cookie is not said to matter, and tokens compare without it: §7.3.1.
                Some((cookie, rest))
                    if cookie.eq_ignore_ascii_case(MAGIC_COOKIE) && !rest.is_empty() =>
                {
                    Branch::Unique(branch)
                }
                _ => Branch::Rfc2543,
            },
            None => Branch::Rfc2543,
        }
    }

    /// The address in `received`. Brackets around an IPv6 address are tolerated: RFC 5118 §4.5.
    pub fn received(&self) -> Option<IpAddr> {
        host_address(self.parameters().value("received")?)
    }

    /// The `rport` parameter.
    pub fn rport(&self) -> Option<Rport> {
        let parameter = self.parameters().get("rport")?;
        match parameter.value {
            None => Some(Rport::Asked),
            Some(port) => u16::try_from(number(port)?).ok().map(Rport::Port),
        }
    }

    /// Whether requests may come back on the connection: RFC 5923 §7, `via-alias = "alias"`.
    pub fn has_alias(&self) -> bool {
        self.parameters().get("alias").is_some()
    }

    /// The `maddr` parameter, as written.
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.parameters().value("maddr")
    }

    /// The address of sent-by, if it is no name.
    pub fn host_address(&self) -> Option<IpAddr> {
        host_address(self.host)
    }
}

/// What follows the protocol and its version, which may be any tokens with white space around the slashes.
fn after_version(raw: &[u8]) -> Option<&[u8]> {
    let (name, rest) = split_at_slash(raw)?;
    let (version, rest) = split_at_slash(rest)?;
    (is_token(trim(name)) && is_token(trim(version))).then(|| trim(rest))
}

fn split_at_slash(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr(b'/', text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Takes `host [ COLON port ]` off the start, where white space may stand around the colon and after the port.
fn sent_by(text: &[u8]) -> Option<(&[u8], Option<u16>, &[u8])> {
    let (host, port, rest) = host_and_port_tight(text)?;
    match (port, trim_start(rest)) {
        (None, [b':', rest @ ..]) => {
            let rest = trim_start(rest);
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (digits, rest) = rest.split_at_checked(digits)?;
            let port = u16::try_from(number(digits)?).ok()?;
            Some((host, Some(port), trim_start(rest)))
        }
        (port, rest) => Some((host, port, rest)),
    }
}

/// As [`host_and_port`], but a colon with no digit right behind it is left for the caller.
fn host_and_port_tight(text: &[u8]) -> Option<(&[u8], Option<u16>, &[u8])> {
    host_and_port(text).or_else(|| {
        let host_end = match text.first()? {
            b'[' => memchr(b']', text)? + 1,
            _ => memchr(b':', text)?,
        };
        let (host, rest) = text.split_at_checked(host_end)?;
        let (host, port, _) = host_and_port(host)?;
        Some((host, port, rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_via_with_everything() {
        let via = Via::parse(b"SIP/2.0/TLS h.example:5061;branch=z9hG4bKx;received=192.0.2.9;rport=7;maddr=10.0.0.1;alias").unwrap();
        assert_eq!(
            (via.transport, via.host, via.port),
            (b"TLS".as_slice(), b"h.example".as_slice(), Some(5061))
        );
        assert_eq!(via.branch(), Branch::Unique(b"z9hG4bKx"));
        assert_eq!(via.received().unwrap().to_string(), "192.0.2.9");
        assert_eq!(via.rport(), Some(Rport::Port(7)));
        assert_eq!(via.maddr(), Some(b"10.0.0.1".as_slice()));
    }

    #[test]
    fn white_space_where_the_grammar_has_it() {
        let via =
            Via::parse(b"SIP  / 2.0\r\n /UDP\r\n  192.0.2.2 : 5070 ;branch = z9hG4bKy ;rport")
                .unwrap();
        assert_eq!(
            (via.transport, via.host, via.port),
            (b"UDP".as_slice(), b"192.0.2.2".as_slice(), Some(5070))
        );
        assert_eq!(via.branch(), Branch::Unique(b"z9hG4bKy"));
        assert_eq!(via.rport(), Some(Rport::Asked));
        let via =
            Via::parse(b"SIP/2.0/UDP [2001:db8::9:1] : 6;received=[2001:db8::9:255]").unwrap();
        assert_eq!(
            (via.host, via.port),
            (b"[2001:db8::9:1]".as_slice(), Some(6))
        );
        assert_eq!(via.received().unwrap().to_string(), "2001:db8::9:255");
    }

    #[test]
    fn branches_that_identify_nothing() {
        for value in [
            "SIP/2.0/UDP h",
            "SIP/2.0/UDP h;branch=z9hG4bK",
            "SIP/2.0/UDP h;branch=1",
            "SIP/2.0/UDP h;branch",
        ] {
            assert_eq!(
                Via::parse(value.as_bytes()).unwrap().branch(),
                Branch::Rfc2543,
                "{value}"
            );
        }
    }

    #[test]
    fn malformed_values_are_refused() {
        for value in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0 h",
            "SIP/2.0/UDP ",
            "SIP/2.0/UDP ;x",
            "SIP/2.0/UDP h h",
            "SIP/2.0/UDP 192.0.2.15;;",
            "SIP/2.0/UDP h:",
            "SIP/2.0/UDP h:x",
            "SIP/2.0/UDP h:99999",
            "SIP/2.0/UDP [::1",
            "SIP/2.0/U@P h",
            "SIP/2.0/UDP h;=x",
            "SIP/2.0/UDP h;branch=<9hG4bK1",
            "SIP/2.0/UDP h;branch=z9hG4bK1>",
            "SIP/2.0/UDP h;x=<y>;branch=z9hG4bK1",
        ] {
            assert!(Via::parse(value.as_bytes()).is_err(), "{value}");
        }
    }
}
