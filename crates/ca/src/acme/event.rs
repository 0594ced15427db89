//! What happens at the ACME server: the events that its memory is made of.
//!
//! An event says what was decided, not what was asked: whoever reads a journal decides nothing again. What the register of
//! certificates remembers ([`crate::register`]) is not said twice; an order names the serial number of its certificate.

use super::name::Name;
use super::problem::Problem;
use crate::notation::{Octets, maybe_seconds, seconds};
use crate::register::{self, CertificateName};
use crate::token::Permission;
use countersign::time::UnixTime;
use serde::{Deserialize, Serialize};

/// One thing that happened at the ACME server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// An account was closed.
    AccountClosed {
        /// Which.
        account: Name,
        /// By whom.
        by: ClosedBy,
    },
    /// An account was opened.
    AccountOpened(AccountOpened),
    /// An authorization was given up by its client.
    AuthorizationDeactivated {
        /// The order it belongs to.
        order: Name,
    },
    /// A token was judged and does not do.
    ChallengeFailed {
        /// The order it belongs to.
        order: Name,
        /// Why.
        problem: Problem,
    },
    /// A token was judged and does.
    ChallengeMet {
        /// The order it belongs to.
        order: Name,
        /// When.
        #[serde(with = "seconds")]
        at: UnixTime,
        /// What the token grants.
        grant: Grant,
    },
    /// An account has other contacts.
    ContactChanged {
        /// Which.
        account: Name,
        /// All of them.
        contact: Vec<Box<str>>,
    },
    /// An account has another key.
    KeyChanged {
        /// Which.
        account: Name,
        /// An uncompressed point of P-256.
        key: Octets,
    },
    /// An order was finalized, and its certificate needs somebody's approval.
    OrderAwaitsApproval {
        /// Which.
        order: Name,
        /// The certification request, DER.
        request: Octets,
        /// The beginning of the certificate's life.
        #[serde(with = "seconds")]
        not_before: UnixTime,
        /// Its end.
        #[serde(with = "seconds")]
        not_after: UnixTime,
    },
    /// An order failed and will not be taken up again.
    OrderFailed {
        /// Which.
        order: Name,
        /// Why.
        problem: Problem,
    },
    /// An order was finalized: what the register prepared is its certificate.
    OrderFinalized {
        /// Which.
        order: Name,
        /// The certificate.
        certificate: CertificateName,
    },
    /// An order was taken, with its authorization and its challenge.
    OrderOpened(OrderOpened),
    /// The certificate of a token that came before is fetched once more, because its client asks again.
    TokenFetchedAgain {
        /// The order it belongs to.
        order: Name,
        /// When.
        #[serde(with = "seconds")]
        at: UnixTime,
    },
    /// A token came whose certificate has to be fetched first.
    TokenHeard {
        /// The order it belongs to.
        order: Name,
        /// The token as it came.
        token: Box<str>,
        /// When.
        #[serde(with = "seconds")]
        at: UnixTime,
    },
}

/// An account was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AccountOpened {
    /// Its name.
    pub account: Name,
    /// When.
    #[serde(with = "seconds")]
    pub at: UnixTime,
    /// An uncompressed point of P-256.
    pub key: Octets,
    /// Where its people are reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contact: Vec<Box<str>>,
    /// Whether its client has agreed to terms.
    pub terms: Terms,
    /// The account elsewhere that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
}

/// An account elsewhere: RFC 8555 §7.3.4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct External {
    /// The identifier of the MAC key.
    pub kid: Box<str>,
    /// The binding as it came, JSON.
    pub binding: Box<str>,
}

/// Whether a client has agreed to terms of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terms {
    /// It has said so.
    Agreed,
    /// It has not said so.
    NotAgreed,
}

/// Who closed an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClosedBy {
    /// Its client: `deactivated`.
    Client,
    /// The operator: `revoked`.
    Operator,
}

/// An order was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OrderOpened {
    /// Its name.
    pub order: Name,
    /// Whose.
    pub account: Name,
    /// The name of its authorization.
    pub authorization: Name,
    /// The name of the challenge of that.
    pub challenge: Name,
    /// The token of the challenge.
    pub token: Name,
    /// The TN Authorization List, DER.
    pub identifier: Octets,
    /// When.
    #[serde(with = "seconds")]
    pub at: UnixTime,
    /// Until when it is to be finished.
    #[serde(with = "seconds")]
    pub expires: UnixTime,
    /// The beginning of the certificate's life, if one was asked for.
    #[serde(
        with = "maybe_seconds",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub not_before: Option<UnixTime>,
    /// Its end.
    #[serde(
        with = "maybe_seconds",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub not_after: Option<UnixTime>,
}

/// What a good token grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Grant {
    /// Which kind of certificate.
    pub permission: Permission,
    /// Until when.
    #[serde(with = "seconds")]
    pub until: UnixTime,
    /// The token's own name.
    pub jti: Box<str>,
    /// The name of whoever has issued it. Older journals do not say.
    #[serde(default)]
    pub issuer: Box<str>,
}

/// What is decided here: something of ours, or something for the register of certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Ours.
    Acme(Event),
    /// For the register.
    Certificate(register::Event),
}

impl From<Event> for Entry {
    fn from(event: Event) -> Self {
        Self::Acme(event)
    }
}

impl From<register::Event> for Entry {
    fn from(event: register::Event) -> Self {
        Self::Certificate(event)
    }
}
