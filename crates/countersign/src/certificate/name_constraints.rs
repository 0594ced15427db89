//! Name constraints: [RFC 5280 §4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10).
//!
//! [`NameConstraints`] are what one authority's certificate says; [`NameConstraints::judge`] holds the [`Names`] of a certificate
//! below it against them. Judged are distinguished names, DNS names, mail addresses, IP addresses and URIs; a name of another
//! form that is constrained is [`NameFault::Unjudged`], and so is whatever would cost more than [`MAX_WORK`]. Which certificates
//! constrain which is the path's business.

use super::name::DistinguishedName;
use super::walk::{Malformed, Walk, constructed, only, primitive};
use der::Tag;
use std::fmt;

/// Most work for the names of one path: octets compared, where two distinguished names cost as much as the product of their
/// lengths over 64, because sets of attributes have no order. A thousand subtrees over a dozen names of 30 octets cost a third
/// of it; what costs more was made to.
pub const MAX_WORK: usize = 1024 * 1024;

/// What an authority's certificate says about the names below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameConstraints {
    permitted: Box<[Subtree]>,
    excluded: Box<[Subtree]>,
}

/// `GeneralSubtree ::= SEQUENCE { base GeneralName, minimum [0] BaseDistance DEFAULT 0, maximum [1] BaseDistance OPTIONAL }`
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subtree {
    base: Base,
    extent: Extent,
}

// RFC 5280 §4.2.1.10: "the minimum and maximum fields are not used with any name forms, thus, the minimum MUST be zero, and
// maximum MUST be absent. However, if an application encounters a critical name constraints extension that specifies other values
// [...] the application MUST either process these fields or reject the certificate."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// With minimum or maximum: we do not process them.
    Limited,
    Whole,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Base {
    /// Network and mask, of one length.
    Address(Box<[u8]>, Box<[u8]>),
    Directory(DistinguishedName),
    Dns(Box<str>),
    Mail(Box<str>),
    Other(u32),
    Uri(Box<str>),
}

/// What kind of name it is: the number of its choice in `GeneralName`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameForm {
    /// iPAddress.
    Address,
    /// directoryName, and the subject.
    Directory,
    /// dNSName.
    Dns,
    /// rfc822Name, and emailAddress in a subject.
    Mail,
    /// otherName \[0\], x400Address \[3\], ediPartyName \[5\] or registeredID \[8\].
    Other(u32),
    /// uniformResourceIdentifier.
    Uri,
}

/// Why a certificate may not have the names that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// One lies in an excluded subtree.
    Excluded(NameForm),
    /// One lies in none of the permitted subtrees.
    NotPermitted(NameForm),
    /// One is constrained in a way that we cannot judge.
    Unjudged(NameForm),
}

impl NameConstraints {
    /// `NameConstraints ::= SEQUENCE { permittedSubtrees [0] GeneralSubtrees OPTIONAL, excludedSubtrees [1] GeneralSubtrees OPTIONAL }`
    pub(super) fn read(value: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Walk::over(only(value, Tag::Sequence)?)?;
        let permitted = fields.content_if(constructed(0))?;
        let excluded = fields.content_if(constructed(1))?;
        fields.finish()?;
        // RFC 5280 §4.2.1.10: "Conforming CAs MUST NOT issue certificates where name constraints is an empty sequence."
        if permitted.is_none() && excluded.is_none() {
            return Err(Malformed);
        }
        let read = |trees: Option<&[u8]>| trees.map_or(Ok(Box::default()), subtrees);
        Ok(Self {
            permitted: read(permitted)?,
            excluded: read(excluded)?,
        })
    }

    /// Whether a certificate may have these names, as far as this one authority is concerned.
    ///
    /// # Errors
    /// [`NameFault`], the first one found; what is excluded is excluded "regardless of information appearing in the
    /// permittedSubtrees".
    pub fn judge(&self, names: &Names<'_>, work: &mut Work) -> Result<(), NameFault> {
        names
            .0
            .iter()
            .try_for_each(|name| self.judge_one(name, work))
    }

    fn judge_one(&self, name: &Name<'_>, work: &mut Work) -> Result<(), NameFault> {
        let form = name.form();
        for tree in of_form(&self.excluded, form) {
            match tree.contains(name, Side::Excluding, work)? {
                Place::Inside => return Err(NameFault::Excluded(form)),
                Place::Outside => {}
            }
        }
        let mut constrained = false;
        for tree in of_form(&self.permitted, form) {
            constrained = true;
            if tree.contains(name, Side::Permitting, work)? == Place::Inside {
                return Ok(());
            }
        }
        // RFC 5280 §4.2.1.10: "If no name of the type is in the certificate, the certificate is acceptable", and §6.1.4 (g) (1): "If
        // permittedSubtrees does not include a particular name type, the permitted_subtrees state variable is unchanged".
        match constrained {
            true => Err(NameFault::NotPermitted(form)),
            false => Ok(()),
        }
    }
}

fn of_form(trees: &[Subtree], form: NameForm) -> impl Iterator<Item = &Subtree> {
    trees.iter().filter(move |tree| tree.base.form() == form)
}

/// `GeneralSubtrees ::= SEQUENCE SIZE (1..MAX) OF GeneralSubtree`
fn subtrees(content: &[u8]) -> Result<Box<[Subtree]>, Malformed> {
    let mut list = Walk::over(content)?;
    let mut found = Vec::new();
    while !list.at_end() {
        let mut fields = list.enter(Tag::Sequence)?;
        let base = Base::read(&mut fields)?;
        let minimum = fields.content_if(primitive(0))?;
        let maximum = fields.content_if(primitive(1))?;
        fields.finish()?;
        let extent = match (minimum, maximum) {
            (None | Some([0]), None) => Extent::Whole,
            _ => Extent::Limited,
        };
        found.push(Subtree { base, extent });
    }
    match found.is_empty() {
        true => Err(Malformed),
        false => Ok(found.into()),
    }
}

impl Base {
    fn read(fields: &mut Walk<'_>) -> Result<Self, Malformed> {
        Ok(match Name::read(fields)? {
            Name::Address(octets) => {
                let (network, mask) = octets.split_at(octets.len() / 2);
                // RFC 5280 §4.2.1.10: "For IPv4 addresses, the iPAddress field of GeneralName MUST contain eight (8) octets, encoded
                // in the style of RFC 4632 (CIDR) [...] For IPv6 addresses, the iPAddress field MUST contain 32 octets"
                if !matches!(octets.len(), 8 | 32) || !is_prefix_mask(mask) {
                    return Err(Malformed);
                }
                Self::Address(network.into(), mask.into())
            }
            Name::Directory(name) => Self::Directory(name),
            Name::Dns(text) => Self::Dns(text.into()),
            Name::Mail(text) => Self::Mail(text.into()),
            Name::Other(number) => Self::Other(number),
            Name::Uri(text) => Self::Uri(text.into()),
        })
    }

    fn form(&self) -> NameForm {
        match self {
            Self::Address(..) => NameForm::Address,
            Self::Directory(_) => NameForm::Directory,
            Self::Dns(_) => NameForm::Dns,
            Self::Mail(_) => NameForm::Mail,
            Self::Other(number) => NameForm::Other(*number),
            Self::Uri(_) => NameForm::Uri,
        }
    }
}

/// Ones, then zeros.
fn is_prefix_mask(mask: &[u8]) -> bool {
    let ones = mask.iter().take_while(|octet| **octet == 0xff).count();
    let rest = mask.get(ones..).unwrap_or_default();
    match rest.split_first() {
        None => true,
        Some((edge, zeros)) => {
            edge.leading_ones() + edge.trailing_zeros() >= 8
                && zeros.iter().all(|octet| *octet == 0)
        }
    }
}

/// Where a name stands to a subtree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Inside,
    Outside,
}

/// Whether a subtree takes away or gives: where a name means many (a wildcard), a subtree that excludes contains it if it
/// contains one of them, one that permits if it contains all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Excluding,
    Permitting,
}

impl Subtree {
    fn contains(&self, name: &Name<'_>, side: Side, work: &mut Work) -> Result<Place, NameFault> {
        let unjudged = NameFault::Unjudged(name.form());
        if self.extent == Extent::Limited {
            return Err(unjudged);
        }
        work.spend(self.base.cost(name)).map_err(|()| unjudged)?;
        let inside = match (&self.base, name) {
            (Base::Address(network, mask), Name::Address(octets)) => within(octets, network, mask),
            (Base::Directory(base), Name::Directory(name)) => name.is_within(base),
            (Base::Dns(base), Name::Dns(name)) => dns_within(name, base, side),
            (Base::Mail(base), Name::Mail(name)) => mail_within(name, base).ok_or(unjudged)?,
            // RFC 5280 §4.2.1.10: a URI "that does not include an authority component with a host name specified as a fully
            // qualified domain name", then "the application MUST reject the certificate."
            (Base::Uri(base), Name::Uri(name)) => {
                let host = uri_host(name).ok_or(NameFault::NotPermitted(NameForm::Uri))?;
                host_within(host, base)
            }
            _ => return Err(unjudged),
        };
        Ok(match inside {
            true => Place::Inside,
            false => Place::Outside,
        })
    }
}

impl Base {
    fn cost(&self, name: &Name<'_>) -> usize {
        match (self, name) {
            (Self::Directory(base), Name::Directory(name)) => {
                let (base, name) = (base.as_der().len(), name.as_der().len());
                base + name + base * name / 64
            }
            (_, Name::Dns(text) | Name::Mail(text) | Name::Uri(text)) => text.len() + 1,
            _ => 16,
        }
    }
}

fn within(octets: &[u8], network: &[u8], mask: &[u8]) -> bool {
    octets.len() == network.len()
        && octets
            .iter()
            .zip(network)
            .zip(mask)
            .all(|((octet, network), mask)| octet & mask == network & mask)
}

/// RFC 5280 §4.2.1.10: "Any DNS name that can be constructed by simply adding zero or more labels to the left-hand side of the name
/// satisfies the name constraint." A leading period, of which it says nothing here, asks for one label at least, as with URIs.
fn dns_within(name: &str, base: &str, side: Side) -> bool {
    let (name, base) = (without_root(name), without_root(base));
    match (name.strip_prefix("*."), side) {
        // `*.example.com` stands for names in one label below `example.com`: one of them may be the base, or all lie below it.
        (Some(parent), Side::Excluding) => {
            is_below_or_same(parent, base) || is_below_or_same(base, parent)
        }
        _ => is_below_or_same(name, base),
    }
}

fn is_below_or_same(name: &str, base: &str) -> bool {
    base.is_empty() || is_below(name, base) || name.eq_ignore_ascii_case(base)
}

/// Whether `name` ends with `base` and has labels before it.
fn is_below(name: &str, base: &str) -> bool {
    let base = base.strip_prefix('.').unwrap_or(base);
    let Some(split) = name.len().checked_sub(base.len() + 1) else {
        return false;
    };
    match (
        name.get(..split),
        name.get(split..split + 1),
        name.get(split + 1..),
    ) {
        (Some(labels), Some("."), Some(end)) => {
            !labels.is_empty() && end.eq_ignore_ascii_case(base)
        }
        _ => false,
    }
}

/// A name without the period of the root at its end.
fn without_root(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// RFC 5280 §4.2.1.10: "When the constraint begins with a period, it MAY be expanded with one or more labels." and "When the
/// constraint does not begin with a period, it specifies a host."
fn host_within(host: &str, base: &str) -> bool {
    let (host, base) = (without_root(host), without_root(base));
    match base.starts_with('.') {
        true => is_below(host, base),
        false => host.eq_ignore_ascii_case(base),
    }
}

/// RFC 5280 §4.2.1.10: "a particular mailbox, all addresses at a particular host, or all mailboxes in a domain." `None` if the name
/// is no mail address.
fn mail_within(name: &str, base: &str) -> Option<bool> {
    let (local, host) = name.rsplit_once('@')?;
    // RFC 5280 §7.5: they match if "the local-part of each name is an exact match, AND the host-part of each name matches using a
    // case-insensitive ASCII comparison."
    Some(match base.rsplit_once('@') {
        Some((wanted, at)) => local == wanted && host.eq_ignore_ascii_case(at),
        None => host_within(host, base),
    })
}

/// The host of a URI, if there is one and it is a fully qualified domain name.
fn uri_host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let host_port = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = host_port
        .split_once(':')
        .map_or(host_port, |(host, _)| host);
    let is_address = host
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    (!is_address && !host.starts_with('[') && host.contains('.')).then_some(host)
}

/// What may still be spent on the names of one path.
#[derive(Debug)]
pub struct Work(usize);

impl Default for Work {
    fn default() -> Self {
        Self(MAX_WORK)
    }
}

impl Work {
    fn spend(&mut self, cost: usize) -> Result<(), ()> {
        self.0 = self.0.checked_sub(cost).ok_or(())?;
        Ok(())
    }
}

/// Every name that a certificate gives its subject, as far as it can be constrained.
#[derive(Debug)]
pub struct Names<'a>(Vec<Name<'a>>);

/// `GeneralName` of RFC 5280 §4.2.1.6.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name<'a> {
    Address(&'a [u8]),
    Directory(DistinguishedName),
    Dns(&'a str),
    Mail(&'a str),
    Other(u32),
    Uri(&'a str),
}

impl<'a> Names<'a> {
    /// The names of a subject and of the value of a subjectAltName; `None` if that is not one.
    pub(super) fn of(
        subject: &'a DistinguishedName,
        subject_alt_name: Option<&'a [u8]>,
    ) -> Option<Self> {
        let mut names = Vec::new();
        // RFC 5280 §4.2.1.10: "Restrictions of the form directoryName MUST be applied to the subject field in the certificate (when the
        // certificate includes a non-empty subject field) and to any names of type directoryName in the subjectAltName extension."
        if !subject.is_empty() {
            names.push(Name::Directory(subject.clone()));
        }
        match subject_alt_name {
            Some(value) => {
                let mut walk = Walk::over(only(value, Tag::Sequence).ok()?).ok()?;
                while !walk.at_end() {
                    names.push(Name::read(&mut walk).ok()?);
                }
            }
            // RFC 5280 §4.2.1.10: "When constraints are imposed on the rfc822Name name form, but the certificate does not include a
            // subject alternative name, the rfc822Name constraint MUST be applied to the attribute of type emailAddress in the
            // subject distinguished name."
            None => names.extend(subject.mail_addresses().map(Name::Mail)),
        }
        Some(Self(names))
    }
}

impl<'a> Name<'a> {
    fn read(walk: &mut Walk<'a>) -> Result<Self, Malformed> {
        let (tag, content) = walk.any()?;
        let text = || match std::str::from_utf8(content) {
            Ok(text) if text.is_ascii() => Ok(text),
            _ => Err(Malformed),
        };
        let Tag::ContextSpecific {
            number,
            constructed: is_constructed,
        } = tag
        else {
            return Err(Malformed);
        };
        Ok(match (number.value(), is_constructed) {
            (1, false) => Self::Mail(text()?),
            (2, false) => Self::Dns(text()?),
            (4, true) => Self::Directory(DistinguishedName::from_der(content)?),
            (6, false) => Self::Uri(text()?),
            (7, false) => Self::Address(content),
            (number @ (0 | 3 | 5), true) | (number @ 8, false) => Self::Other(number),
            _ => return Err(Malformed),
        })
    }

    fn form(&self) -> NameForm {
        match self {
            Self::Address(_) => NameForm::Address,
            Self::Directory(_) => NameForm::Directory,
            Self::Dns(_) => NameForm::Dns,
            Self::Mail(_) => NameForm::Mail,
            Self::Other(number) => NameForm::Other(*number),
            Self::Uri(_) => NameForm::Uri,
        }
    }
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Excluded(form) => write!(f, "has a {form} that an authority above it excludes"),
            Self::NotPermitted(form) => {
                write!(f, "has a {form} that an authority above it does not permit")
            }
            Self::Unjudged(form) => write!(f, "has a {form} under constraints that are not judged"),
        }
    }
}

impl fmt::Display for NameForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "IP address",
            Self::Directory => "distinguished name",
            Self::Dns => "DNS name",
            Self::Mail => "mail address",
            Self::Other(_) => "name of another form",
            Self::Uri => "URI",
        })
    }
}

#[cfg(test)]
mod tests;
