//! What a path lets the holder of its end entity say.
//!
//! An [`Authority`] is computed once over the whole path and answers by its weakest step: the scope is the intersection of all
//! TN Authorization Lists on the way from the anchor to the signer. A service provider code names a provider, not a number: what
//! rests on one is [`Coverage::ByProvider`], and who may turn it into [`Coverage::Covered`] is policy that lives above.
//!
//! What lives elsewhere: the lists themselves ([`super::tnauthlist`]), claim constraints (not yet), the number authority that
//! knows a provider's numbers (not yet).

use super::numbers::NumberSet;
use super::{Certificate, ServiceProviderCode, SubjectAltName, TnAuthList};
use crate::identity::Identity;
use crate::number::TelephoneNumber;

/// Whether a path covers an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every list on the way names the number, or the end entity names the domain.
    Covered,
    /// As far as this provider's numbers are concerned, yes; whether this is one of them is not written in the path. If the
    /// path leaves several providers, this is the first of [`Authority::providers`].
    ByProvider(ServiceProviderCode),
    /// No.
    NotCovered,
}

/// What a path lets its holder say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authority {
    /// Numbers that every list names.
    named: NumberSet,
    /// Numbers that the lists below some point name, by grace of a provider code above it.
    delegated: Option<(NumberSet, ServiceProviderCode)>,
    /// Providers that every list names.
    providers: Box<[ServiceProviderCode]>,
    /// Domains of the end entity.
    domains: Box<[Box<str>]>,
}

impl Authority {
    /// The authority of a path from the anchor (first) to the end entity (last).
    ///
    /// # Errors
    /// [`DelegationGap`] if a certificate without a list stands below one with a list.
    pub fn of_path<'a>(
        path: impl IntoIterator<Item = &'a Certificate>,
    ) -> Result<Self, DelegationGap> {
        let mut authority: Option<Self> = None;
        let mut domains = Box::default();
        for (index, certificate) in path.into_iter().enumerate() {
            domains = sip_domains(certificate.subject_alt_name());
            authority = match (authority, certificate.tn_auth_list()) {
                (None, None) => None,
                (None, Some(list)) => Some(Self::of_list(list)),
                (Some(above), Some(list)) => Some(above.limited_by(list)),
                // RFC 9060 §4: "STIR delegate certificates are certificates containing a TNAuthList object that have been
                // signed with the private key of a parent certificate that itself contains a TNAuthList object"
                (Some(_), None) => return Err(DelegationGap { index }),
            };
        }
        Ok(Self {
            domains,
            ..authority.unwrap_or_default()
        })
    }

    /// Whether the holder may speak for `identity`.
    pub fn covers(&self, identity: &Identity) -> Coverage {
        match identity {
            Identity::Number(number) => self.covers_number(*number),
            Identity::Uri(uri) => self.covers_uri(uri),
        }
    }

    /// The providers whose numbers the holder may speak for: sorted, each once.
    pub fn providers(&self) -> &[ServiceProviderCode] {
        &self.providers
    }

    /// The domains whose addresses the holder may speak for, as the certificate writes them.
    pub fn domains(&self) -> &[Box<str>] {
        &self.domains
    }

    // RFC 9060 §4.1: "the scope of a certificate is the superset of all of the SPCs and telephone number ranges enumerated in
    // the TNAuthList."
    fn of_list(list: &TnAuthList) -> Self {
        Self {
            named: list.numbers().clone(),
            delegated: None,
            providers: list.providers().into(),
            domains: Box::default(),
        }
    }

    /// The intersection with the list one step further down.
    // RFC 8226 §9: "In a CA certificate, the TN Authorization List limits the set of TNs for certification paths that include
    // this certificate."
    fn limited_by(self, list: &TnAuthList) -> Self {
        let listed = list.numbers();
        // RFC 9060 §4.1: "this specification explicitly permits SPC-only parent certificates to delegate individual telephone
        // numbers or ranges to a child certificate". Whether the numbers are the provider's cannot be read from the parent.
        let delegated = match self.providers.first() {
            Some(code) => Some((listed.clone(), code.clone())),
            None => self
                .delegated
                .map(|(numbers, code)| (numbers.intersection(listed), code)),
        };
        // A provider code below a list of numbers adds nothing: those numbers cannot be shown to encompass a provider's.
        let known = |code: &ServiceProviderCode| list.providers().binary_search(code).is_ok();
        let providers = self.providers.into_iter().filter(known).collect();
        Self {
            named: self.named.intersection(listed),
            delegated,
            providers,
            domains: Box::default(),
        }
    }

    fn covers_number(&self, number: TelephoneNumber) -> Coverage {
        if self.named.contains(number) {
            return Coverage::Covered;
        }
        let delegated = self
            .delegated
            .as_ref()
            .filter(|(numbers, _)| numbers.contains(number));
        match delegated.map(|(_, code)| code).or(self.providers.first()) {
            Some(code) => Coverage::ByProvider(code.clone()),
            None => Coverage::NotCovered,
        }
    }

    // RFC 8224 §8.4: "A verifier MUST evaluate the correspondence between the user's identity and the signing credential by
    // following the procedures defined in [RFC5922], Section 7.2."
    fn covers_uri(&self, uri: &str) -> Coverage {
        let domain = uri.split_once(':').and_then(|(scheme, rest)| {
            let sip = scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips");
            rest.rsplit_once('@')
                .filter(|_| sip)
                .map(|(_, domain)| domain)
        });
        // RFC 5922 §7.2: "Implementations MUST compare the values as DNS names, which means that the comparison is case
        // insensitive", "Implementations MUST match the values in their entirety", "Implementations MUST NOT match any form of
        // wildcard". A URI with a port or parameters is not in the form of RFC 8224 §8.5 and equals no domain.
        match domain {
            Some(domain)
                if self
                    .domains
                    .iter()
                    .any(|one| one.eq_ignore_ascii_case(domain)) =>
            {
                Coverage::Covered
            }
            _ => Coverage::NotCovered,
        }
    }
}

/// A certificate without a TN Authorization List stands below one that has a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelegationGap {
    /// Which, counted from the anchor.
    pub index: usize,
}

/// The SIP domain identities of a certificate: [RFC 5922 §7.1](https://www.rfc-editor.org/rfc/rfc5922#section-7.1). The common
/// name, which that section allows as a last resort, is not looked at: SHAKEN puts a provider code there.
fn sip_domains(names: Option<&SubjectAltName>) -> Box<[Box<str>]> {
    let Some(names) = names else {
        return Box::default();
    };
    let from_uris: Vec<Box<str>> = names
        .uris
        .iter()
        .filter_map(|uri| uri_domain(uri))
        .collect();
    // RFC 5922 §7.1: "An implementation MUST accept a domain name system identifier as a SIP domain identity if and only if no
    // other identity is found that matches the "sip" URI type described above."
    let domains = if from_uris.is_empty() {
        names.dns.clone()
    } else {
        from_uris
    };
    domains
        .into_iter()
        .filter(|domain| is_plain_domain(domain))
        .collect()
}

/// RFC 5922 §7.1: "If the scheme of the URI is not "sip", then the implementation MUST NOT accept the value", and a value with a
/// userpart (there is an '@') "identifies an individual user, not a domain".
fn uri_domain(uri: &str) -> Option<Box<str>> {
    let (scheme, rest) = uri.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("sip") || rest.contains('@') {
        return None;
    }
    // RFC 5922 §7.2: "Implementations MUST compare only the DNS name component of each SIP domain identifier; an implementation
    // MUST NOT use any scheme or parameters in the comparison."
    let end = rest.find([':', ';', '?']).unwrap_or(rest.len());
    rest.get(..end).map(Box::from)
}

/// Whether a name can be compared in its entirety with the domain of an address: no wildcard, no leading dot.
fn is_plain_domain(domain: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !domain.is_empty() && !domain.starts_with('.') && domain.bytes().all(fits)
}

#[cfg(test)]
mod tests;
