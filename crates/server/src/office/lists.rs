//! Revocation lists: numbered in the journal first, then signed.
//!
//! A list speaks of everything in the register that was revoked. It is due when half of its life is over, and when something was
//! revoked that the last one does not say. Two processes never give one number to two lists: the number is an event.

use super::{Office, OfficeFault, open_key};
use crate::authority::book::{Decision, Undone};
use crate::authority::issuing::Commands;
use countersign::certificate::Certificate;
use countersign::crypto::SigningKey;
use countersign::time::UnixTime;
use countersign_ca::crl::{self, Crl, Revoked};
use countersign_ca::extension::CrlScope;
use countersign_ca::ledger::Ledger;
use countersign_ca::register::{CrlNumbered, Event};
use std::sync::Arc;

/// Who signs revocation lists, and what is written into them.
#[derive(Clone)]
pub struct ListMaker {
    name: Box<str>,
    url: Box<str>,
    lifetime: i64,
    issuer: Certificate,
    key: Arc<dyn SigningKey>,
    scope: CrlScope,
}

impl ListMaker {
    /// That of an office, with its key.
    ///
    /// # Errors
    /// [`OfficeFault::Key`].
    pub fn of(office: &Office) -> Result<Self, OfficeFault> {
        let settings = &office.settings;
        let (issuer, place, scope) = match (&office.list_issuer, &settings.crl.issuer) {
            (Some(issuer), Some((_, key))) => (issuer, &key.value, CrlScope::Indirect),
            _ => (office.certificate(), &settings.key.value, CrlScope::Direct),
        };
        Ok(Self {
            name: settings.crl.name.value.clone(),
            url: office.list_url().into(),
            lifetime: i64::try_from(settings.crl.lifetime.as_secs()).unwrap_or(i64::MAX),
            issuer: issuer.clone(),
            key: open_key(place)?,
            scope,
        })
    }

    /// The name in its URL.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a new list is due: there is none, half of its life is over, or something was revoked since.
    pub fn is_due(&self, ledger: &Ledger, now: UnixTime) -> bool {
        let register = &ledger.register;
        let Some(last) = register.last_crl(&self.name) else {
            return true;
        };
        let half = last.this_update.saturating_add(self.lifetime / 2);
        // Of the same second it may have come before or after: one list too many does no harm.
        half <= now
            || register
                .revocations()
                .any(|one| one.at >= last.this_update && now > last.this_update)
    }

    /// Makes the next list: DER.
    ///
    /// # Errors
    /// [`NoList`].
    pub fn make(&self, commands: &mut impl Commands) -> Result<Vec<u8>, NoList> {
        let (name, lifetime) = (self.name.clone(), self.lifetime);
        let numbered = commands.command(move |ledger, now, _| {
            let last = ledger.register.last_crl(&name);
            let numbered = CrlNumbered {
                list: name.clone(),
                number: last.map_or(1, |last| last.number.saturating_add(1)),
                this_update: now,
                next_update: now.saturating_add(lifetime),
            };
            let revoked: Vec<_> = ledger.register.revocations().collect();
            Decision {
                events: vec![Event::CrlNumbered(numbered.clone()).into()],
                reply: (numbered, revoked),
            }
        });
        let (numbered, revoked) = numbered.map_err(NoList::Undone)?;
        self.sign(&numbered, revoked)
    }

    /// The last list once more, as it was numbered, from what was revoked by then.
    ///
    /// # Errors
    /// [`NoList`], if there is none yet, too.
    pub fn again(&self, ledger: &Ledger) -> Result<Vec<u8>, NoList> {
        let last = ledger.register.last_crl(&self.name).ok_or(NoList::None)?;
        let numbered = CrlNumbered {
            list: self.name.clone(),
            number: last.number,
            this_update: last.this_update,
            next_update: last.next_update,
        };
        let known = |one: &Revoked| one.at < last.this_update;
        let revoked = ledger.register.revocations().filter(known).collect();
        self.sign(&numbered, revoked)
    }

    fn sign(&self, numbered: &CrlNumbered, revoked: Vec<Revoked>) -> Result<Vec<u8>, NoList> {
        let list = Crl {
            this_update: numbered.this_update,
            next_update: numbered.next_update,
            number: numbered.number,
            scope: self.scope,
            url: Some(self.url.clone()),
            revoked,
        };
        let issued = crl::issue(&list, &self.issuer, self.key.as_ref());
        issued.map_err(|cause| NoList::Fault(OfficeFault::List(cause)))
    }
}

/// Why there is no list.
#[derive(Debug)]
pub enum NoList {
    /// It was not signed.
    Fault(OfficeFault),
    /// None was made yet.
    None,
    /// Its number was not kept.
    Undone(Undone),
}

impl std::fmt::Display for NoList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::None => f.write_str("no revocation list was made yet"),
            Self::Undone(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for NoList {}
