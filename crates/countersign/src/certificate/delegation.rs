//! Delegation: whether one TN Authorization List lies within another,
//! [RFC 9060 §4](https://www.rfc-editor.org/rfc/rfc9060#section-4).
//!
//! [`judge`] is the one algorithm, asked before a delegate is issued and when certificates are audited. A parent's provider code
//! stands for numbers that no certificate lists: whose they are is asked of a [`ProviderNumbers`], and where that does not
//! know, the answer is [`Delegation::Unknown`] and policy decides.
//!
//! What lives elsewhere: the judgement of a number over a whole path at the time of a call ([`super::authority`]), the policies.

use super::numbers::NumberSet;
use super::tnauthlist::{ServiceProviderCode, TnAuthList};
use crate::time::UnixTime;
use std::collections::BTreeMap;
use std::fmt;

/// Most providers of a parent that are asked for their numbers. The profile of SHAKEN has one in a certificate.
pub const MAX_PROVIDERS_ASKED: usize = 16;

/// Judges whether everything that `child` lists is within `parent`.
///
/// Costs one pass over both lists and one more for each provider asked, [`MAX_PROVIDERS_ASKED`] at most.
// RFC 9060 §4: "each delegate certificate MUST have a TNAuthList scope that is equal to or a subset of its parent
// certificate's scope: it must be "encompassed"."
pub fn judge(
    parent: &TnAuthList,
    child: &TnAuthList,
    providers: &dyn ProviderNumbers,
) -> Delegation {
    // No list of numbers can be shown to hold all numbers of a provider, so a code is within the same code only.
    let foreign = |code: &&ServiceProviderCode| parent.providers().binary_search(code).is_err();
    let codes: Box<[_]> = child.providers().iter().filter(foreign).cloned().collect();
    let mut numbers = child.numbers().difference(parent.numbers());
    let mut unknown = None;
    for (index, code) in parent.providers().iter().enumerate() {
        if numbers.is_empty() {
            break;
        }
        // RFC 9060 §4.1: "this specification explicitly permits SPC-only parent certificates to delegate individual telephone
        // numbers or ranges to a child certificate"
        let held = match index < MAX_PROVIDERS_ASKED {
            true => providers.held(code, &numbers),
            false => None,
        };
        match held {
            Some(held) => numbers = numbers.difference(&held),
            None => unknown = unknown.or(Some(code)),
        }
    }
    // Numbers of which nothing is said may be anybody's, and so those of any provider that the parent has.
    let is_nobodys = unknown.is_none() && providers.nobodys(&numbers).encompasses(&numbers);
    let unknown = match is_nobodys {
        true => parent.providers().first(),
        false => unknown,
    };
    match unknown {
        _ if codes.is_empty() && numbers.is_empty() => Delegation::Encompassed,
        Some(code) if codes.is_empty() => Delegation::Unknown(code.clone()),
        _ => Delegation::NotEncompassed(Residue { numbers, codes }),
    }
}

/// How a child's list stands to its parent's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delegation {
    /// Everything the child lists is within the parent's list.
    Encompassed,
    /// This much is not.
    NotEncompassed(Residue),
    /// Some numbers are within it if they are this provider's, and nobody knows whether they are. If several providers could
    /// have them, this is the first.
    Unknown(ServiceProviderCode),
}

/// What a child lists beyond its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Residue {
    /// Numbers.
    pub numbers: NumberSet,
    /// Providers: sorted, each once.
    pub codes: Box<[ServiceProviderCode]>,
}

impl fmt::Display for Residue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [code, more @ ..] = &*self.codes {
            write!(f, "provider {code}")?;
            match (more.len(), self.numbers.is_empty()) {
                (0, true) => return Ok(()),
                (0, false) => f.write_str(", ")?,
                (more, true) => return write!(f, " and {more} more"),
                (more, false) => write!(f, " and {more} more, ")?,
            }
        }
        self.numbers.fmt(f)
    }
}

/// Who knows the numbers of providers.
pub trait ProviderNumbers: Send + Sync {
    /// When what it says was true; `None` if it is true now.
    fn as_of(&self) -> Option<UnixTime> {
        None
    }

    /// Those of `numbers` that are `provider`'s; `None` if that is not known.
    fn held(&self, provider: &ServiceProviderCode, numbers: &NumberSet) -> Option<NumberSet>;

    /// Those of `numbers` of which it does not say whose they are; none where what it does not say is not so.
    fn nobodys(&self, _numbers: &NumberSet) -> NumberSet {
        NumberSet::default()
    }

    /// Whether all of `numbers` are `provider`'s.
    fn holds(&self, provider: &ServiceProviderCode, numbers: &NumberSet) -> Answer {
        match self.held(provider, numbers) {
            None => Answer::Unknown,
            Some(held) => {
                let others = numbers.difference(&held);
                match others.is_empty() {
                    true => Answer::Yes,
                    false if self.nobodys(&others).encompasses(&others) => Answer::Unknown,
                    false => Answer::No,
                }
            }
        }
    }
}

impl<P: ProviderNumbers + ?Sized> ProviderNumbers for &P {
    fn as_of(&self) -> Option<UnixTime> {
        (**self).as_of()
    }

    fn held(&self, provider: &ServiceProviderCode, numbers: &NumberSet) -> Option<NumberSet> {
        (**self).held(provider, numbers)
    }

    fn nobodys(&self, numbers: &NumberSet) -> NumberSet {
        (**self).nobodys(numbers)
    }
}

/// Whether numbers are a provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// At least one is not.
    No,
    /// Nobody can tell.
    Unknown,
    /// All are.
    Yes,
}

/// Nobody knows any provider's numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unknown;

impl ProviderNumbers for Unknown {
    fn held(&self, _: &ServiceProviderCode, _: &NumberSet) -> Option<NumberSet> {
        None
    }
}

/// A table of providers and all their numbers, as they were at one time; providers that are not in it are unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderTable {
    numbers: BTreeMap<ServiceProviderCode, NumberSet>,
    as_of: UnixTime,
}

impl ProviderTable {
    /// The table as it was at `as_of`.
    pub fn new(as_of: UnixTime, numbers: BTreeMap<ServiceProviderCode, NumberSet>) -> Self {
        Self { numbers, as_of }
    }
}

impl ProviderNumbers for ProviderTable {
    fn as_of(&self) -> Option<UnixTime> {
        Some(self.as_of)
    }

    fn held(&self, provider: &ServiceProviderCode, numbers: &NumberSet) -> Option<NumberSet> {
        let all = self.numbers.get(provider)?;
        Some(all.intersection(numbers))
    }
}

/// Somebody else's word, as long as it is from `since` or later; what is older is not known. Numbers move between providers.
#[derive(Clone, Copy, Debug)]
pub struct Recent<P> {
    /// Whose word.
    pub providers: P,
    /// The oldest data that counts.
    pub since: UnixTime,
}

impl<P: ProviderNumbers> ProviderNumbers for Recent<P> {
    fn as_of(&self) -> Option<UnixTime> {
        self.providers.as_of()
    }

    fn held(&self, provider: &ServiceProviderCode, numbers: &NumberSet) -> Option<NumberSet> {
        match self.as_of() {
            Some(as_of) if as_of < self.since => None,
            _ => self.providers.held(provider, numbers),
        }
    }

    fn nobodys(&self, numbers: &NumberSet) -> NumberSet {
        self.providers.nobodys(numbers)
    }
}

#[cfg(test)]
mod tests;
