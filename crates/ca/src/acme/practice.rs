//! What an operator decides about an ACME server.

use super::limits::Rates;
use super::resource::Resource;
use crate::authority::Authority;
use crate::register::preparation::Rules;
use crate::token::FingerprintRule;
use crate::token::validation::TokenIssuer;
use aws_lc_rs::hmac;
use countersign::certificate::Certificate;
use std::collections::BTreeMap;
use std::fmt;

/// What an operator decides about an ACME server.
#[derive(Clone, Debug)]
pub struct Practice {
    /// The https URL that every path of [`Resource`] follows: `https://ca.example/acme`, no slash at its end.
    pub base: Box<str>,
    /// Who issues.
    pub authority: Authority,
    /// What else is settled before a certificate is issued.
    pub rules: Rules,
    /// What a client downloads after its certificate: the authority's own first, the anchor left out.
    pub chain: Box<[Certificate]>,
    /// What the authority was before: its certificates live on, and have other chains.
    pub former: Box<[Former]>,
    /// Where chains are published for everybody: `https://ca.example/certificates`, no slash at its end.
    pub repository: Option<Box<str>>,
    /// Whether what deployed clients do is taken, too.
    pub dialect: Dialect,
    /// Whose tokens count.
    pub token_issuers: Box<[TokenIssuer]>,
    /// Which digest of the account key a token names.
    pub fingerprint: FingerprintRule,
    /// How often a token counts.
    pub token_reuse: Reuse,
    /// Whether a certificate may outlive the token that it was issued for.
    pub outliving: Outliving,
    /// Where clients are told to get tokens.
    pub token_authority: Option<Box<str>>,
    /// Whether new accounts are bound to accounts elsewhere.
    pub external: ExternalAccounts,
    /// The URL of terms that clients have to agree to.
    pub terms: Option<Box<str>>,
    /// The URL of a page about the service.
    pub website: Option<Box<str>>,
    /// How long certificates live.
    pub lifetimes: Lifetimes,
    /// How much is taken.
    pub rates: Rates,
}

/// The authority with a key that it had before.
#[derive(Clone, Debug)]
pub struct Former {
    /// Its certificate then.
    pub certificate: Certificate,
    /// What a client downloads after a certificate of that key: [`Practice::chain`] then.
    pub chain: Box<[Certificate]>,
}

/// Whether what deployed SHAKEN clients do against the RFCs is taken, too (`docs/divergences.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// What the RFCs say.
    #[default]
    Rfc,
    /// A token may come as `atc`; identifiers may be standard base64 with padding; a new account may be asked for with an empty
    /// payload, and where the payload is empty the header may be signed alone; the certificate may have the key of the account;
    /// requested extensions that we write ourselves are read over.
    Shaken,
}

/// How often a token counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// For one order: SHAKEN.
    Once,
    /// For every order until it expires.
    // RFC 9447 §3.3: "Creating a binding from an Authority Token to a particular ACME account entails that the Token could be reused
    // up until its expiry for multiple challenges issued by an ACME server."
    #[default]
    UntilExpiry,
}

/// Whether a certificate may outlive the token that it was issued for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outliving {
    /// It may.
    Allowed,
    /// It ends with the token at the latest.
    #[default]
    Forbidden,
}

/// How long certificates live, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Where the order says nothing.
    pub usual: i64,
    /// At most.
    pub longest: i64,
    /// How long before now a life begins where the order says nothing: for clocks that are late. Of a short life, a tenth.
    pub backdated: i64,
    /// What lives no longer than this says that its revocation will not be published (noRevAvail).
    pub never_revoked: i64,
}

impl Default for Lifetimes {
    /// Own decision: a week, as in the example of RFC 9448 §3; a year at most; an hour back.
    fn default() -> Self {
        Self {
            usual: 7 * 86_400,
            longest: 365 * 86_400,
            backdated: 3_600,
            never_revoked: 0,
        }
    }
}

/// Whether new accounts are bound to accounts elsewhere: RFC 8555 §7.3.4.
#[derive(Clone, Default)]
pub struct ExternalAccounts {
    /// Whether they have to be.
    pub need: BindingNeed,
    /// The MAC key of each key identifier.
    keys: BTreeMap<Box<str>, hmac::Key>,
}

/// Whether a binding is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BindingNeed {
    /// No, but one that comes is verified.
    #[default]
    Offered,
    /// A new account without one is refused.
    Required,
}

impl ExternalAccounts {
    /// Bindings with these MAC keys, each by its identifier.
    pub fn new(need: BindingNeed, keys: impl IntoIterator<Item = (Box<str>, Vec<u8>)>) -> Self {
        let key =
            |(kid, octets): (Box<str>, Vec<u8>)| (kid, hmac::Key::new(hmac::HMAC_SHA256, &octets));
        Self {
            need,
            keys: keys.into_iter().map(key).collect(),
        }
    }

    pub(super) fn key(&self, kid: &str) -> Option<&hmac::Key> {
        self.keys.get(kid)
    }
}

impl fmt::Debug for ExternalAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ExternalAccounts({:?}, {} keys)",
            self.need,
            self.keys.len()
        )
    }
}

impl Practice {
    /// The practice of an authority where the operator has said nothing more: tokens of nobody count.
    pub fn new(base: &str, authority: Authority) -> Self {
        Self {
            base: base.into(),
            chain: [authority.certificate().clone()].into(),
            authority,
            rules: Rules::default(),
            former: Box::default(),
            repository: None,
            dialect: Dialect::default(),
            token_issuers: Box::default(),
            fingerprint: FingerprintRule::default(),
            token_reuse: Reuse::default(),
            outliving: Outliving::default(),
            token_authority: None,
            external: ExternalAccounts::default(),
            terms: None,
            website: None,
            lifetimes: Lifetimes::default(),
            rates: Rates::default(),
        }
    }

    /// The URL of a resource.
    pub fn url(&self, resource: Resource) -> String {
        format!("{}{resource}", self.base)
    }

    /// The resource of a URL, if it is one of ours.
    pub fn resource(&self, url: &str) -> Option<Resource> {
        Resource::of(url.strip_prefix(&*self.base)?)
    }

    /// Who we are, for tokens with an audience: scheme and host of [`Practice::base`].
    pub(super) fn origin(&self) -> &str {
        let host = self.base.find("://").map_or(0, |at| at + "://".len());
        let path = self.base.get(host..).and_then(|rest| rest.find('/'));
        let end = path.map_or(self.base.len(), |at| host + at);
        self.base.get(..end).unwrap_or_default()
    }
}
