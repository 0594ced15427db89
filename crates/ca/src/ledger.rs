//! Everything an authority remembers, rebuilt from its journal.
//!
//! A command is decided by reading the ledger: events come of it, which are kept first and applied then. Applying is total and
//! depends on nothing but the events, so that the same journal is the same ledger on every day and every machine.

use crate::acme::{self, Desk};
use crate::register::{self, Register};
use crate::token_authority::{self, TokenAccounts};
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// At the ACME server.
    Acme(acme::Event),
    /// In the register of certificates.
    Certificate(register::Event),
    /// At the token authority.
    Token(token_authority::Event),
}

impl From<acme::Event> for Event {
    fn from(event: acme::Event) -> Self {
        Self::Acme(event)
    }
}

impl From<acme::Entry> for Event {
    fn from(entry: acme::Entry) -> Self {
        match entry {
            acme::Entry::Acme(event) => Self::Acme(event),
            acme::Entry::Certificate(event) => Self::Certificate(event),
        }
    }
}

impl From<register::Event> for Event {
    fn from(event: register::Event) -> Self {
        Self::Certificate(event)
    }
}

impl From<token_authority::Event> for Event {
    fn from(event: token_authority::Event) -> Self {
        Self::Token(event)
    }
}

impl Event {
    /// One line of JSON, as it stands in a [record](crate::journal::Record).
    pub fn to_json(&self) -> String {
        // Strings, integers and lists of them are all there is in events: nothing that JSON cannot write.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads one.
    ///
    /// # Errors
    /// If it is no event, or one of a later version.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// Everything an authority remembers.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Accounts, orders, authorizations and challenges of the ACME server.
    pub acme: Desk,
    /// Certificates and what became of them.
    pub register: Register,
    /// Accounts of the token authority.
    pub tokens: TokenAccounts,
}

impl Ledger {
    /// What the ACME server reads to decide.
    pub fn books(&self) -> acme::Books<'_> {
        acme::Books {
            desk: &self.acme,
            register: &self.register,
        }
    }

    /// Takes over what happened.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Acme(event) => self.acme.apply(event),
            Event::Certificate(event) => self.register.apply(event),
            Event::Token(event) => self.tokens.apply(event),
        }
    }

    /// The ledger after these events.
    pub fn rebuild<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut ledger = Self::default();
        for event in events {
            ledger.apply(event);
        }
        ledger
    }
}
