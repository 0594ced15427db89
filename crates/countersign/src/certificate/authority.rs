//! What a path lets the holder of its end entity say.
//!
//! An [`Authority`] is made once of a whole path and answers by its weakest step: the scope is the intersection of all TN
//! Authorization Lists on the way from the anchor to the signer. The lists are not copied, they are asked one after the other.
//! A service provider code names a provider, not a number: what rests on one is [`Coverage::ByProvider`], and who may turn it
//! into [`Coverage::Covered`] is policy that lives above.
//!
//! Lists by reference are lists like the others once somebody has fetched them: [`Authority::references`] says which are
//! missing, [`Authority::with_lists`] puts them in. Until then they list nothing.
//!
//! What lives elsewhere: the lists themselves ([`super::tnauthlist`]), whether one lies within another ([`super::delegation`]),
//! claim constraints, who knows a provider's numbers.

use super::delegation::{self, Delegation, ProviderNumbers, Residue};
use super::{Certificate, ServiceProviderCode, SubjectAltName, TnAuthList};
use crate::identity::Identity;
use crate::number::TelephoneNumber;
use std::sync::Arc;

/// Whether a path covers an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every list on the way names the number, or the end entity names the domain.
    Covered,
    /// As far as this provider's numbers are concerned, yes; whether this is one of them is not written in the path. If it may
    /// be one of several providers', this is the first of [`Authority::providers_of`].
    ByProvider(ServiceProviderCode),
    /// No.
    NotCovered,
}

/// What a path lets its holder say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authority {
    /// The certificates with a list, from the anchor's side down.
    steps: Box<[Scope]>,
    /// Lists that are missing, in path order, each once.
    references: Box<[Box<str>]>,
    /// Domains of the end entity.
    domains: Box<[Box<str>]>,
}

/// The scope of one certificate: the union of its lists.
// RFC 9060 §4.1: "the scope of a certificate is the superset of all of the SPCs and telephone number ranges enumerated in the
// TNAuthList."
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Scope {
    /// By value first, then what was fetched.
    lists: Vec<Arc<TnAuthList>>,
    /// Where one that is missing can be had.
    reference: Option<Box<str>>,
    /// The providers that this scope and every one above it names: sorted, each once.
    providers: Box<[ServiceProviderCode]>,
}

impl Authority {
    /// The authority of a path from the anchor (first) to the end entity (last).
    ///
    /// # Errors
    /// [`DelegationGap`] if a certificate without a list stands below one with a list.
    pub fn of_path<'a>(
        path: impl IntoIterator<Item = &'a Certificate>,
    ) -> Result<Self, DelegationGap> {
        let (mut steps, mut domains) = (Vec::new(), Box::default());
        for (index, certificate) in path.into_iter().enumerate() {
            domains = sip_domains(certificate.subject_alt_name());
            match Scope::of(certificate) {
                Some(scope) => steps.push(scope),
                // RFC 9060 §4: "STIR delegate certificates are certificates containing a TNAuthList object that have been
                // signed with the private key of a parent certificate that itself contains a TNAuthList object (either
                // by-value or by-reference, see Section 4.1)"
                None if !steps.is_empty() => return Err(DelegationGap { index }),
                None => {}
            }
        }
        Ok(Self::of_scopes(steps, domains))
    }

    fn of_scopes(mut steps: Vec<Scope>, domains: Box<[Box<str>]>) -> Self {
        let mut references: Vec<Box<str>> = Vec::new();
        let mut above: Option<&[ServiceProviderCode]> = None;
        for step in &mut steps {
            step.providers = step.providers_within(above);
            above = Some(&step.providers);
            match &step.reference {
                Some(url) if !references.contains(url) => references.push(url.clone()),
                _ => {}
            }
        }
        Self {
            steps: steps.into(),
            references: references.into(),
            domains,
        }
    }

    /// Whether the holder may speak for `identity`.
    pub fn covers(&self, identity: &Identity) -> Coverage {
        match identity {
            Identity::Number(number) => match self.ground(*number) {
                Ground::Listed => Coverage::Covered,
                Ground::Providers([code, ..]) => Coverage::ByProvider(code.clone()),
                Ground::Providers([]) => Coverage::NotCovered,
            },
            Identity::Uri(uri) => self.covers_uri(uri),
        }
    }

    /// The providers one of whom must have `number` for the holder to speak for it: sorted, each once. Empty if every list on
    /// the way names the number, and if the holder may not speak for it whosever it is.
    pub fn providers_of(&self, number: TelephoneNumber) -> &[ServiceProviderCode] {
        match self.ground(number) {
            Ground::Listed => &[],
            Ground::Providers(codes) => codes,
        }
    }

    /// The providers whose numbers the holder may speak for, all of them: sorted, each once.
    pub fn providers(&self) -> &[ServiceProviderCode] {
        self.steps.last().map_or(&[], |step| &step.providers)
    }

    /// Whether a certificate above the end entity has a list, so that the end entity is a delegate's.
    pub fn is_delegated(&self) -> bool {
        self.steps.len() > 1
    }

    /// The domains whose addresses the holder may speak for, as the certificate writes them.
    pub fn domains(&self) -> &[Box<str>] {
        &self.domains
    }

    /// Where the lists are that are still missing: URLs in path order, each once.
    pub fn references(&self) -> &[Box<str>] {
        &self.references
    }

    /// The same with these lists, each by the URL of its reference, in their places.
    // RFC 9060 §4.1: "Certification path construction as detailed below treats by-reference TNAuthLists in a certificate as if
    // they had been included by value."
    pub fn with_lists(&self, lists: &[(Box<str>, Arc<TnAuthList>)]) -> Self {
        let mut steps = self.steps.to_vec();
        for step in &mut steps {
            let fetched = lists
                .iter()
                .find(|(url, _)| Some(url) == step.reference.as_ref());
            if let Some((_, list)) = fetched {
                step.lists.push(Arc::clone(list));
                step.reference = None;
            }
        }
        Self::of_scopes(steps, self.domains.clone())
    }

    /// Whether each scope on the way lies within the one above it; if one does not, the first answer that says so. Lists that
    /// are missing list nothing.
    // RFC 9060 §5: "Authentication services SHOULD NOT use a delegate certificate without validating that its scope of authority
    // is encompassed by that of its parent certificate, and if that certificate has its own parent, the entire certification
    // path SHOULD be validated."
    pub fn judge_delegations(&self, providers: &dyn ProviderNumbers) -> Delegation {
        let answers = self.steps.windows(2).map(|pair| match pair {
            [parent, child] => parent.judge(child, providers),
            _ => Delegation::Encompassed,
        });
        let mut narrower = answers.filter(|answer| *answer != Delegation::Encompassed);
        narrower.next().unwrap_or(Delegation::Encompassed)
    }

    /// What the claim to `number` rests on, walked from the anchor's side down.
    // RFC 8226 §9: "In a CA certificate, the TN Authorization List limits the set of TNs for certification paths that include
    // this certificate."
    fn ground(&self, number: TelephoneNumber) -> Ground<'_> {
        let Some((first, below)) = self.steps.split_first() else {
            return Ground::Providers(&[]);
        };
        // What is not listed may still be among the numbers of the providers that are named.
        let mut listed = first.lists(number).then_some(Ground::Listed);
        let mut providers = &first.providers;
        for step in below {
            listed = match (step.lists(number), listed) {
                (true, Some(ground)) => Some(ground),
                // RFC 9060 §4.1: "this specification explicitly permits SPC-only parent certificates to delegate individual
                // telephone numbers or ranges to a child certificate". Whose they are cannot be read from the parent.
                (true, None) if !providers.is_empty() => Some(Ground::Providers(providers)),
                _ => None,
            };
            providers = &step.providers;
        }
        listed.unwrap_or(Ground::Providers(providers))
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

/// What the claim to a number rests on.
enum Ground<'a> {
    /// Every list on the way names it.
    Listed,
    /// One of these providers must have it; on nothing if there is none.
    Providers(&'a [ServiceProviderCode]),
}

impl Scope {
    /// The scope that a certificate names; `None` if it names none, neither by value nor by reference.
    fn of(certificate: &Certificate) -> Option<Self> {
        let list = certificate.extensions.tn_auth_list.clone();
        let reference = certificate.tn_list_url().map(|url| url.as_str().into());
        if list.is_none() && reference.is_none() {
            return None;
        }
        Some(Self {
            lists: list.into_iter().collect(),
            reference,
            providers: Box::default(),
        })
    }

    fn lists(&self, number: TelephoneNumber) -> bool {
        self.lists.iter().any(|list| list.authorizes(number))
    }

    /// The providers it names that are also among those above it, if there is anything above it. A provider code below a list
    /// of numbers adds nothing: those numbers cannot be shown to encompass a provider's.
    fn providers_within(
        &self,
        above: Option<&[ServiceProviderCode]>,
    ) -> Box<[ServiceProviderCode]> {
        let named = self.lists.iter().flat_map(|list| list.providers());
        let known = |code: &&ServiceProviderCode| {
            above.is_none_or(|above| above.binary_search(code).is_ok())
        };
        let mut providers: Vec<_> = named.filter(known).cloned().collect();
        if self.lists.len() > 1 {
            providers.sort_unstable();
            providers.dedup();
        }
        providers.into()
    }

    fn judge(&self, child: &Self, providers: &dyn ProviderNumbers) -> Delegation {
        match (self.union(), child.union()) {
            (Some(parent), Some(child)) => delegation::judge(&parent, &child, providers),
            (None, Some(child)) => Delegation::NotEncompassed(Residue {
                numbers: child.numbers().clone(),
                codes: child.providers().into(),
            }),
            (_, None) => Delegation::Encompassed,
        }
    }

    /// Its lists as one; `None` if it has none.
    fn union(&self) -> Option<Arc<TnAuthList>> {
        let (first, more) = self.lists.split_first()?;
        let union = |left: Arc<TnAuthList>, right: &Arc<TnAuthList>| Arc::new(left.union(right));
        Some(more.iter().fold(Arc::clone(first), union))
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
pub fn sip_domains(names: Option<&SubjectAltName>) -> Box<[Box<str>]> {
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
