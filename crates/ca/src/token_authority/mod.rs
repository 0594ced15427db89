//! The token authority: who holds which numbers, and which tokens they get.
//! [RFC 9447 §5](https://www.rfc-editor.org/rfc/rfc9447#section-5), [RFC 9448 §5.5](https://www.rfc-editor.org/rfc/rfc9448#section-5.5).
//!
//! - [`TokenAccounts`] is what the journal says of the accounts; [`Event`]s change it, and nothing else.
//! - [`request`]: `POST /at/account/:id/token`, decided; [`Grant::reply`] signs once the event is durable.
//! - [`sti_pa`]: the same as the policy administrator of SHAKEN has it: login, token, list of authorities.
//!
//! How clients prove who they are over HTTP, and the clock and randomness, come from outside. What an ACME server thinks of a
//! token is in [`crate::token::validation`].

pub mod request;
pub mod sti_pa;

pub use request::{Asked, Decided, Dialect, Grant, Proof, Refusal, Refused, Reply, decide};

use crate::authority::UnknownNumbers;
use crate::notation::{Digest, NotHexadecimal};
use crate::token::{Fingerprint, Header, Permission, Spelling};
use countersign::certificate::TnAuthList;
use countersign::certificate::delegation::{ProviderNumbers, Unknown};
use countersign::jose::base64url;
use countersign::time::UnixTime;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

/// Longest identifier of an account, in bytes. Own decision: it stands in a URL.
pub const MAX_ACCOUNT_ID: usize = 64;

/// Most accounts. Own decision: ten times the providers of the largest country.
pub const MAX_ACCOUNTS: usize = 100_000;

/// Most tokens of one account in an hour, if nobody says otherwise. Own decision: as many as an ACME account may place orders in an hour.
pub const TOKENS_PER_HOUR: usize = 1_000;

/// Of how many ACME accounts an account is remembered to have got tokens for. Own decision: a holder has one, and another now and then.
const MAX_ACME_ACCOUNTS: usize = 16;

/// Seconds of an hour.
const HOUR: i64 = 3_600;

/// A TN Authorization List as the journal has it: its DER in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Resources(pub TnAuthList);

impl From<Resources> for String {
    fn from(resources: Resources) -> Self {
        base64url::encode(&resources.0.to_der())
    }
}

impl TryFrom<String> for Resources {
    type Error = NotResources;

    fn try_from(text: String) -> Result<Self, NotResources> {
        let der = base64url::decode(&text).map_err(|_| NotResources)?;
        TnAuthList::from_der(&der)
            .map(Self)
            .map_err(|_| NotResources)
    }
}

/// The text is no TN Authorization List.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotResources;

impl fmt::Display for NotResources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a TN Authorization List in base64url")
    }
}

impl std::error::Error for NotResources {}

/// The SHA-256 digest of something that only the holder of an account has: a [`Secret`], or the certificate (DER) that it shows in
/// TLS. The journal has no secrets.
// A plain digest will do: a secret has 256 random bits, there is nothing to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Credential {
    digest: Digest,
    /// Older journals do not say.
    kind: Option<CredentialKind>,
}

/// What a credential is the digest of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A certificate that is shown in TLS.
    Certificate,
    /// A [`Secret`].
    Secret,
}

impl CredentialKind {
    /// As it stands in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Secret => "secret",
        }
    }
}

impl Credential {
    /// The credential of a secret, or of a certificate in DER, that somebody shows.
    pub fn of(shown: &[u8]) -> Self {
        Self {
            digest: Digest::of(shown),
            kind: None,
        }
    }

    /// That of a certificate in DER.
    pub fn of_certificate(der: &[u8]) -> Self {
        Self {
            kind: Some(CredentialKind::Certificate),
            ..Self::of(der)
        }
    }
}

impl From<Credential> for String {
    fn from(credential: Credential) -> Self {
        let digest = credential.digest;
        match credential.kind {
            Some(kind) => format!("{}:{digest}", kind.name()),
            None => digest.to_string(),
        }
    }
}

impl TryFrom<String> for Credential {
    type Error = NotHexadecimal;

    fn try_from(text: String) -> Result<Self, NotHexadecimal> {
        let kinds = [CredentialKind::Certificate, CredentialKind::Secret];
        let mut named = kinds.into_iter().filter_map(|kind| {
            let digest = text.strip_prefix(kind.name())?.strip_prefix(':')?;
            Some((Some(kind), digest))
        });
        let (kind, digest) = named.next().unwrap_or((None, &text));
        Ok(Self {
            digest: digest.parse()?,
            kind,
        })
    }
}

/// A new secret: shown once, kept as a [`Credential`].
pub struct Secret(String);

impl Secret {
    /// The secret of random octets.
    pub fn from_random(random: &[u8; 32]) -> Self {
        Self(base64url::encode(random))
    }

    /// The text, for its holder.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn credential(&self) -> Credential {
        Credential {
            kind: Some(CredentialKind::Secret),
            ..Credential::of(self.0.as_bytes())
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What happens to accounts and tokens, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// An account is no more; its tokens are good until they expire.
    AccountClosed {
        /// Which.
        account: Box<str>,
    },
    /// There is an account.
    AccountOpened {
        /// Its identifier, as it stands in URLs.
        account: Box<str>,
        /// Whose it is, for people.
        name: Box<str>,
        /// What its holder may speak for.
        resources: Resources,
        /// Whether it may ask for tokens for certificates of authorities.
        may_ask: Permission,
        /// What its holder shows.
        credential: Credential,
    },
    /// The holder of an account shows something else from now on.
    CredentialChanged {
        /// Which.
        account: Box<str>,
        /// What.
        credential: Credential,
    },
    /// An account has other resources, or another permission, from now on.
    ResourcesChanged {
        /// Which.
        account: Box<str>,
        /// What its holder may speak for.
        resources: Resources,
        /// Whether it may ask for tokens for certificates of authorities.
        may_ask: Permission,
    },
    /// A token goes out.
    TokenIssued {
        /// To whom.
        account: Box<str>,
        /// The identifier of the token.
        jti: Box<str>,
        /// Until when it is good: seconds since 1970.
        exp: i64,
        /// For what.
        resources: Resources,
        /// For which kind of certificate.
        permission: Permission,
        /// For whose ACME account.
        fingerprint: Fingerprint,
        /// When: seconds since 1970. Older journals do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<i64>,
    },
}

/// An account of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose it is, for people.
    pub name: Box<str>,
    /// What its holder may speak for.
    pub resources: TnAuthList,
    /// [`Permission::Authority`] if it may ask for both kinds of token.
    pub may_ask: Permission,
    /// Whether it can be used.
    pub state: State,
    /// How many tokens it got.
    pub tokens: u64,
    /// When it got those of the last hour, the oldest first.
    recent: VecDeque<i64>,
    /// The ACME accounts that its last tokens were for, each once, the last one at the end.
    bound_to: VecDeque<Fingerprint>,
    credential: Credential,
}

impl Account {
    /// Whether its holder has shown the right thing.
    pub fn admits(&self, shown: Credential) -> bool {
        self.state == State::Open && self.credential.digest == shown.digest
    }

    /// What its holder shows, if the journal says so.
    pub fn shows(&self) -> Option<CredentialKind> {
        self.credential.kind
    }

    /// Whether one of its last tokens was for this ACME account.
    pub fn got_token_for(&self, fingerprint: &Fingerprint) -> bool {
        self.bound_to.contains(fingerprint)
    }

    /// In how many seconds it may have another token, if it may not have one now: `most` in an hour.
    fn wait(&self, most: usize, now: UnixTime) -> Option<u32> {
        let since = now.as_secs().saturating_sub(HOUR);
        let mut recent = self.recent.iter().filter(|at| **at > since);
        let first = *recent.next()?;
        if recent.count() + 1 < most {
            return None;
        }
        let wait = first.saturating_sub(since).clamp(1, HOUR);
        Some(u32::try_from(wait).unwrap_or(u32::MAX))
    }

    fn got_token(&mut self, at: Option<i64>, fingerprint: Fingerprint) {
        self.tokens += 1;
        self.bound_to.retain(|one| *one != fingerprint);
        if self.bound_to.len() >= MAX_ACME_ACCOUNTS {
            self.bound_to.pop_front();
        }
        self.bound_to.push_back(fingerprint);
        let Some(at) = at else {
            return;
        };
        let since = at.saturating_sub(HOUR);
        while self.recent.front().is_some_and(|first| *first <= since) {
            self.recent.pop_front();
        }
        self.recent.push_back(at);
    }
}

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was, once.
    Closed,
    /// It can.
    Open,
}

/// Everything that is known of the accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenAccounts {
    accounts: BTreeMap<Box<str>, Account>,
}

impl TokenAccounts {
    /// Nobody has an account.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what has happened. What speaks of an account that is not there changes nothing.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::AccountClosed { account } => self.change(account, |one| {
                one.state = State::Closed;
            }),
            Event::AccountOpened {
                account,
                name,
                resources,
                may_ask,
                credential,
            } => {
                let opened = Account {
                    name: name.clone(),
                    resources: resources.0.clone(),
                    may_ask: *may_ask,
                    state: State::Open,
                    tokens: 0,
                    recent: VecDeque::new(),
                    bound_to: VecDeque::new(),
                    credential: *credential,
                };
                self.accounts.entry(account.clone()).or_insert(opened);
            }
            Event::CredentialChanged {
                account,
                credential,
            } => self.change(account, |one| one.credential = *credential),
            Event::ResourcesChanged {
                account,
                resources,
                may_ask,
            } => self.change(account, |one| {
                one.resources = resources.0.clone();
                one.may_ask = *may_ask;
            }),
            Event::TokenIssued {
                account,
                at,
                fingerprint,
                ..
            } => self.change(account, |one| one.got_token(*at, *fingerprint)),
        }
    }

    fn change(&mut self, account: &str, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.accounts.get_mut(account) {
            change(account);
        }
    }

    /// The account with this identifier, closed ones included.
    pub fn get(&self, account: &str) -> Option<&Account> {
        self.accounts.get(account)
    }

    /// All of them, by identifier.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Account)> {
        self.accounts.iter().map(|(id, account)| (&**id, account))
    }

    /// Opens an account.
    ///
    /// # Errors
    /// [`AccountFault`] if the identifier is not one, is taken, or there are too many.
    pub fn open(
        &self,
        account: &str,
        name: &str,
        resources: TnAuthList,
        may_ask: Permission,
        credential: Credential,
    ) -> Result<Event, AccountFault> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_one = (1..=MAX_ACCOUNT_ID).contains(&account.len())
            && account.bytes().all(fits)
            && !account.starts_with('.');
        if !is_one {
            return Err(AccountFault::Identifier);
        }
        // The identifier of a closed account is not given to another: the journal speaks of both.
        if self.accounts.contains_key(account) {
            return Err(AccountFault::Taken);
        }
        if self.accounts.len() >= MAX_ACCOUNTS {
            return Err(AccountFault::TooMany);
        }
        Ok(Event::AccountOpened {
            account: account.into(),
            name: name.into(),
            resources: Resources(resources),
            may_ask,
            credential,
        })
    }

    /// Closes an account.
    ///
    /// # Errors
    /// [`AccountFault::Unknown`] if it is not open.
    pub fn close(&self, account: &str) -> Result<Event, AccountFault> {
        self.known(account)?;
        Ok(Event::AccountClosed {
            account: account.into(),
        })
    }

    /// Changes what an account may ask for.
    ///
    /// # Errors
    /// [`AccountFault::Unknown`] if it is not open.
    pub fn set_resources(
        &self,
        account: &str,
        resources: TnAuthList,
        may_ask: Permission,
    ) -> Result<Event, AccountFault> {
        self.known(account)?;
        Ok(Event::ResourcesChanged {
            account: account.into(),
            resources: Resources(resources),
            may_ask,
        })
    }

    /// Changes what the holder of an account shows.
    ///
    /// # Errors
    /// [`AccountFault::Unknown`] if it is not open.
    pub fn set_credential(
        &self,
        account: &str,
        credential: Credential,
    ) -> Result<Event, AccountFault> {
        self.known(account)?;
        Ok(Event::CredentialChanged {
            account: account.into(),
            credential,
        })
    }

    fn known(&self, account: &str) -> Result<&Account, AccountFault> {
        let open = self.get(account).filter(|one| one.state == State::Open);
        open.ok_or(AccountFault::Unknown)
    }
}

/// What the authority writes into its tokens, and whom it asks.
#[derive(Clone)]
pub struct Practice {
    /// `iss`, if tokens have one.
    pub iss: Option<Box<str>>,
    /// Where its certificate is: `x5u`, `x5c` or both.
    pub header: Header,
    /// How long tokens are good, in seconds.
    pub lifetime: u32,
    /// Who knows the numbers of providers.
    pub providers: Arc<dyn ProviderNumbers>,
    /// What becomes of numbers that nobody can show to be those of the account's provider code.
    pub unknown: UnknownNumbers,
    /// Which spellings of `tkvalue` are taken.
    pub spelling: Spelling,
    /// Where its own revocations are: told in the replies of the STI-PA's dialect.
    pub crl: Option<Box<str>>,
    /// Most tokens of one account in an hour.
    pub tokens_per_hour: usize,
}

impl Practice {
    /// A practice that refuses what it does not know, for tokens with this header that are good for `lifetime` seconds.
    // RFC 9448 §5.6: "the Token Authority MUST validate that the information contained in the ASN.1 TNAuthList accurately
    // represents the service provider code (SPC) or telephone number (TN) resources the requesting party is authorized to
    // represent": whose numbers nobody knows, nobody has validated.
    pub fn new(header: Header, lifetime: u32) -> Self {
        Self {
            iss: None,
            header,
            lifetime,
            providers: Arc::new(Unknown),
            unknown: UnknownNumbers::Refuse,
            spelling: Spelling::Exact,
            crl: None,
            tokens_per_hour: TOKENS_PER_HOUR,
        }
    }

    fn expiry(&self, now: UnixTime) -> UnixTime {
        now.saturating_add(i64::from(self.lifetime))
    }
}

impl fmt::Debug for Practice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Practice({:?}, {} s)", self.iss, self.lifetime)
    }
}

/// Why an account is not opened or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountFault {
    /// It would hold nothing.
    HoldsNothing,
    /// Not letters, digits, `-`, `_` and `.`, or too long.
    Identifier,
    /// There is, or was, an account with that identifier.
    Taken,
    /// There are [`MAX_ACCOUNTS`].
    TooMany,
    /// There is none, or it is closed.
    Unknown,
}

impl fmt::Display for AccountFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HoldsNothing => "the account would hold nothing: close it, or name something",
            Self::Identifier => {
                return write!(
                    f,
                    "the identifier of an account is 1 to {MAX_ACCOUNT_ID} letters, digits, '-', '_' and '.'"
                );
            }
            Self::Taken => "the identifier is taken, or was",
            Self::TooMany => "there are too many accounts",
            Self::Unknown => "there is no such account, or it is closed",
        })
    }
}

impl std::error::Error for AccountFault {}
