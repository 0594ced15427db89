//! `"Display" <uri>;parameters`: From, To, Contact, Route, Record-Route, P-Asserted-Identity.

use crate::grammar::{
    Class, Parameters, after_quoted, is_lws, quoted_content, quoted_text, trim, trim_end,
    trim_start,
};
use crate::uri::{NotAUri, Uri};
use memchr::memchr;

/// A name-addr or addr-spec with its header parameters, RFC 3261 §25.1.
#[derive(Clone, Debug)]
pub struct NameAddr<'a> {
    /// The whole value as received.
    pub raw: &'a [u8],
    /// The display name as written, quotes included; empty if there is none.
    pub display: &'a [u8],
    /// What stands between the angle brackets, or the bare URI.
    pub uri: &'a [u8],
    /// Whether the URI stands in angle brackets.
    pub form: AddressForm,
    /// The header parameters, from their first `;`; empty if there are none.
    pub parameters: &'a [u8],
}

/// How the URI of a [`NameAddr`] is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressForm {
    /// `sip:a@h`; what follows a `;` belongs to the header.
    Bare,
    /// `<sip:a@h>`.
    Bracketed,
}

impl<'a> NameAddr<'a> {
    /// Reads one value, an element of the comma list; `None` if it is malformed. The URI itself is not looked into.
    pub fn parse(raw: &'a [u8]) -> Option<Self> {
        let address = Self::read(raw)?;
        address.parameters().are_well_formed().then_some(address)
    }

    // RFC 3261 §25.1: name-addr = [ display-name ] LAQUOT addr-spec RAQUOT, display-name = *(token LWS) / quoted-string
    fn read(raw: &'a [u8]) -> Option<Self> {
        let display_end = match raw.first()? {
            b'"' => after_quoted(raw, 0)?,
            _ => Class::DISPLAY.prefix(raw),
        };
        let (display, rest) = raw.split_at_checked(display_end)?;
        let [b'<', rest @ ..] = trim_start(rest) else {
            return if display.first() == Some(&b'"') {
                None
            } else {
                Self::bare(raw)
            };
        };
        let close = memchr(b'>', rest)?;
        let (uri, parameters) = (rest.get(..close)?, rest.get(close + 1..)?);
        if !matches!(trim_start(parameters).first(), None | Some(b';')) {
            return None;
        }
        Some(Self {
            raw,
            display: trim_end(display),
            uri,
            form: AddressForm::Bracketed,
            parameters,
        })
    }

    // RFC 3261 §20.10: "Even if the "display-name" is empty, the "name-addr" form MUST be used if the "addr-spec" contains a
    // comma, semicolon, or question mark."
    fn bare(raw: &'a [u8]) -> Option<Self> {
        let end = memchr(b';', raw).unwrap_or(raw.len());
        let (uri, parameters) = raw.split_at_checked(end)?;
        let uri = trim(uri);
        let unfit = |byte: &u8| is_lws(*byte) || matches!(byte, b'?' | b',' | b'<' | b'>' | b'"');
        if uri.is_empty() || uri.iter().any(unfit) {
            return None;
        }
        Some(Self {
            raw,
            display: &[],
            uri,
            form: AddressForm::Bare,
            parameters,
        })
    }

    /// The URI, taken apart.
    ///
    /// # Errors
    /// [`NotAUri`].
    pub fn uri(&self) -> Result<Uri<'a>, NotAUri> {
        Uri::parse(self.uri)
    }

    /// The display name without quotes and escapes; `None` if there is none, or an empty one.
    pub fn display_text(&self) -> Option<String> {
        if self.display.is_empty() {
            return None;
        }
        let content = quoted_content(self.display).unwrap_or(self.display);
        Some(quoted_text(content)).filter(|text| !text.is_empty())
    }

    /// The header parameters.
    pub fn parameters(&self) -> Parameters<'a> {
        Parameters::of(self.parameters)
    }

    /// The `tag` parameter, RFC 3261 §19.3; an empty one is none.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.parameters().value("tag").filter(|tag| !tag.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(&str, &str, Option<&str>)> {
        let text_of = |bytes| std::str::from_utf8(bytes).unwrap();
        let address = NameAddr::parse(text.as_bytes())?;
        Some((
            text_of(address.display),
            text_of(address.uri),
            address.tag().map(text_of),
        ))
    }

    #[test]
    fn every_form_of_an_address() {
        for (text, expected) in [
            ("<sip:a@h>", ("", "sip:a@h", None)),
            ("sip:a@h;tag=1", ("", "sip:a@h", Some("1"))),
            ("sip:a@h ; tag = 1", ("", "sip:a@h", Some("1"))),
            (
                "Alice B. <sip:a@h;x=y>;TAG=1",
                ("Alice B.", "sip:a@h;x=y", Some("1")),
            ),
            (
                "caller<sip:caller@example.com>;tag=323",
                ("caller", "sip:caller@example.com", Some("323")),
            ),
            (
                r#""A \" <B>; C," <sip:a@h> ;x"#,
                (r#""A \" <B>; C,""#, "sip:a@h", None),
            ),
            ("\"A\"\r\n <sip:a@h>", ("\"A\"", "sip:a@h", None)),
            ("<tel:+12025550100>;tag=", ("", "tel:+12025550100", None)),
        ] {
            if text.ends_with("tag=") {
                assert_eq!(parts(text), None, "{text}");
            } else {
                assert_eq!(parts(text), Some(expected), "{text}");
            }
        }
    }

    #[test]
    fn malformed_addresses_are_refused() {
        for text in [
            "",
            "<sip:a@h",
            "\"A <sip:a@h>",
            "\"A\" B <sip:a@h>",
            "A, B <sip:a@h>",
            "<sip:a@h> x",
            "sip:a@h?Subject=x",
            "<sip:a@h>;;",
            "\"A\" sip:a@h",
            "A \"B\" <sip:a@h>",
            "sip:a@h, sip:b@h",
        ] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
