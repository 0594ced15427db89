//! Authority information access, [RFC 5280 §4.2.2.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.2.1): where more about
//! a certificate can be had.
//!
//! Of all methods one changes what a certificate says: id-ad-stirTNList of
//! [RFC 8226 §10.1](https://www.rfc-editor.org/rfc/rfc8226#section-10.1), the URL of a TN Authorization List. Nothing is fetched
//! here; who fetches applies its own rules to the URL.

use super::repository_url::MAX_REPOSITORY_URL;
use super::walk::{Malformed, Walk, primitive};
use const_oid::ObjectIdentifier;
use der::Tag;
use std::fmt;

/// id-ad-ocsp, RFC 5280 §4.2.2.1.
pub const OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
/// id-ad-caIssuers, RFC 5280 §4.2.2.1.
pub const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");
/// RFC 8226 §10.1: "id-ad-stirTNList  OBJECT IDENTIFIER ::= { id-ad 14 }"
pub const STIR_TN_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.14");

/// Most descriptions in one certificate; those in use have one or two.
pub const MAX_DESCRIPTIONS: usize = 16;

/// What a certificate says about where more can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    descriptions: Box<[Description]>,
    tn_list: Option<TnListUrl>,
}

/// One method and where it leads: `AccessDescription`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// What can be had, and how.
    pub method: ObjectIdentifier,
    /// The URI; `None` if the location is another kind of name.
    pub uri: Option<Box<str>>,
}

impl Access {
    /// Reads the value of the extension.
    pub(super) fn read(value: &[u8]) -> Result<Self, Malformed> {
        let mut outer = Walk::over(value)?;
        let mut list = outer.enter(Tag::Sequence)?;
        outer.finish()?;
        let mut descriptions = Vec::new();
        while !list.at_end() {
            if descriptions.len() == MAX_DESCRIPTIONS {
                return Err(Malformed);
            }
            descriptions.push(description(list.enter(Tag::Sequence)?)?);
        }
        // RFC 5280 §4.2.2.1: "AuthorityInfoAccessSyntax ::= SEQUENCE SIZE (1..MAX) OF AccessDescription"
        if descriptions.is_empty() {
            return Err(Malformed);
        }
        // Each of several would give "the complete" list (RFC 8226 §10.1), so the first will do.
        let first = descriptions.iter().find(|one| one.method == STIR_TN_LIST);
        let tn_list = match first.map(|one| one.uri.as_deref().ok_or(Malformed)) {
            Some(uri) => Some(TnListUrl::new(uri?).map_err(|NotATnListUrl| Malformed)?),
            None => None,
        };
        Ok(Self {
            descriptions: descriptions.into(),
            tn_list,
        })
    }

    /// Everything it says, in order.
    pub fn descriptions(&self) -> &[Description] {
        &self.descriptions
    }

    /// Whether it names an OCSP responder.
    pub fn names_ocsp(&self) -> bool {
        self.descriptions.iter().any(|one| one.method == OCSP)
    }

    /// Where an OCSP responder is to be asked: the first https URL. A question over plain http would tell everybody on its way who calls.
    // RFC 6960 §3.1: "The value for the accessLocation field in the subject certificate defines the transport (e.g., HTTP) used to access
    // the OCSP responder".
    pub fn ocsp_url(&self) -> Option<&str> {
        let of_ocsp = self.descriptions.iter().filter(|one| one.method == OCSP);
        let mut urls = of_ocsp.filter_map(|one| one.uri.as_deref());
        urls.find(|url| {
            let scheme = url.split_at_checked("https://".len());
            scheme.is_some_and(|(scheme, rest)| {
                scheme.eq_ignore_ascii_case("https://") && !rest.is_empty()
            })
        })
    }

    /// Where the TN Authorization List of the certificate is.
    pub fn tn_list(&self) -> Option<&TnListUrl> {
        self.tn_list.as_ref()
    }
}

/// `AccessDescription ::= SEQUENCE { accessMethod OBJECT IDENTIFIER, accessLocation GeneralName }`
fn description(mut fields: Walk<'_>) -> Result<Description, Malformed> {
    let method = fields.oid()?;
    let (kind, content) = fields.any()?;
    fields.finish()?;
    let uri = match kind {
        // `[6] uniformResourceIdentifier IA5String`
        kind if kind == primitive(6) => match std::str::from_utf8(content) {
            Ok(text) if text.is_ascii() => Some(text.into()),
            _ => return Err(Malformed),
        },
        _ => None,
    };
    Ok(Description { method, uri })
}

/// Where a TN Authorization List can be had: an https URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TnListUrl(Box<str>);

impl TnListUrl {
    /// Makes one of text.
    ///
    /// # Errors
    /// [`NotATnListUrl`] if the scheme is not https, nothing follows it, a character is not visible ASCII, or the text is longer
    /// than [`MAX_REPOSITORY_URL`].
    // RFC 8226 §10.1: "When the "id-ad-stirTNList" accessMethod is used, the accessLocation MUST be an HTTPS URI."
    pub fn new(text: &str) -> Result<Self, NotATnListUrl> {
        let rest = match text.split_at_checked("https://".len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https://") => rest,
            _ => return Err(NotATnListUrl),
        };
        let has_host = !rest.starts_with(['/', '?', '#']) && !rest.is_empty();
        let fits = text.len() <= MAX_REPOSITORY_URL
            && has_host
            && rest.bytes().all(|byte| byte.is_ascii_graphic());
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(NotATnListUrl)
        }
    }

    /// The URL as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TnListUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Some text is not where a TN Authorization List may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATnListUrl;

impl fmt::Display for NotATnListUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the URL of a TN Authorization List is an https URL")
    }
}

impl std::error::Error for NotATnListUrl {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::encode;

    fn describe(method: &ObjectIdentifier, location: Vec<u8>) -> Vec<u8> {
        encode::sequence(&[encode::oid(method), location])
    }

    fn uri(text: &str) -> Vec<u8> {
        encode::element(encode::primitive(6), text.as_bytes())
    }

    #[test]
    fn the_list_is_found_among_other_methods() {
        let directory = encode::element(encode::constructed(4), &encode::sequence(&[]));
        let read = Access::read(&encode::sequence(&[
            describe(&CA_ISSUERS, uri("http://ca.example/ca.cer")),
            describe(&CA_ISSUERS, directory),
            describe(&STIR_TN_LIST, uri("https://ca.example/list?of=7")),
            describe(&STIR_TN_LIST, uri("https://mirror.example/list")),
        ]))
        .unwrap();
        assert_eq!(
            read.tn_list().map(TnListUrl::as_str),
            Some("https://ca.example/list?of=7")
        );
        assert_eq!(read.descriptions().len(), 4);
        assert_eq!(read.descriptions()[1].uri, None);
        assert!(!read.names_ocsp());
        let ocsp = encode::sequence(&[describe(&OCSP, uri("http://ocsp.example"))]);
        let read = Access::read(&ocsp).unwrap();
        assert!(read.names_ocsp() && read.tn_list().is_none());
    }

    /// Digest 04 case 18: a list by reference is had by https or not at all.
    #[test]
    fn digest04_case18_a_list_behind_anything_but_https_is_malformed() {
        for location in [
            uri("http://ca.example/list"),
            uri("https://"),
            uri("https:///list"),
            uri("https://ca.example/a list"),
            uri(&format!(
                "https://ca.example/{}",
                "x".repeat(MAX_REPOSITORY_URL)
            )),
            uri("ldap://ca.example"),
            uri("https://ca.ex\u{e4}mple/"),
            encode::element(encode::primitive(2), b"ca.example"),
        ] {
            let value = encode::sequence(&[describe(&STIR_TN_LIST, location.clone())]);
            assert_eq!(Access::read(&value), Err(Malformed), "{location:02x?}");
        }
    }

    #[test]
    fn malformed_in_every_other_way() {
        let good = describe(&OCSP, uri("http://ocsp.example"));
        for bad in [
            encode::sequence(&[]),
            good.clone(),
            encode::sequence(&[encode::sequence(&[encode::oid(&OCSP)])]),
            encode::sequence(&[describe(&OCSP, [uri("http://a"), uri("http://b")].concat())]),
            encode::sequence(&vec![good; MAX_DESCRIPTIONS + 1]),
        ] {
            assert_eq!(Access::read(&bad), Err(Malformed), "{bad:02x?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Access::read(&bytes);
        }
    }
}
