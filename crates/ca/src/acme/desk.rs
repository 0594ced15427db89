//! The memory of the ACME server: every account and order, as the events tell it.
//!
//! An order has one identifier (RFC 9448 §3), and so one authorization and one challenge; the three are one [`Order`] here,
//! and what clients see as three objects with a state each is read off it ([`super::states`]).
//!
//! Applying is total: an event that names what does not exist changes nothing.

use super::event::{AccountOpened, ClosedBy, Event, External, Grant, OrderOpened, Terms};
use super::limits::{HOUR, REMEMBERED};
use super::name::Name;
use super::problem::Problem;
use crate::notation::Octets;
use crate::register::CertificateName;
use countersign::certificate::TnAuthList;
use countersign::crypto::{POINT_LEN, Point};
use countersign::time::{UnixTime, Validity};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Every account and order.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    accounts: BTreeMap<Name, Account>,
    orders: BTreeMap<Name, Order>,
    by_key: BTreeMap<Point, Name>,
    by_external: BTreeMap<Box<str>, Name>,
    by_authorization: BTreeMap<Name, Name>,
    by_challenge: BTreeMap<Name, Name>,
    by_certificate: BTreeMap<CertificateName, Name>,
    /// When each order without a certificate expires.
    without_certificate: BTreeSet<(UnixTime, Name)>,
    /// Tokens that have met a challenge and have not expired: for those that count once.
    tokens: BTreeMap<TokenName, Name>,
    ends_of_tokens: BTreeSet<(UnixTime, TokenName)>,
    /// When accounts were opened, the last hour's.
    openings: VecDeque<UnixTime>,
}

/// Which token: whoever has issued it, and what they call it.
type TokenName = (Box<str>, Box<str>);

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its key.
    pub key: Point,
    /// Where its people are reached.
    pub contact: Vec<Box<str>>,
    /// Whether it has agreed to terms.
    pub terms: Terms,
    /// The account elsewhere that it is bound to.
    pub external: Option<External>,
    /// Who has closed it.
    pub closed: Option<ClosedBy>,
    /// Its orders, the oldest first.
    pub orders: Vec<Name>,
    /// Those of them that have neither failed nor been finalized. They may have expired.
    pub unsettled: BTreeSet<Name>,
    /// When it has ordered, the last hour's.
    pub ordered: VecDeque<UnixTime>,
}

/// An order, with its authorization and its challenge.
#[derive(Clone, Debug)]
pub struct Order {
    /// What was asked.
    pub asked: OrderOpened,
    /// The identifier, read.
    pub list: TnAuthList,
    /// What became of the challenge.
    pub challenge: Challenge,
    /// That its client has given the authorization up.
    pub relinquished: Relinquished,
    /// How far it has come.
    pub progress: Progress,
}

/// Whether a client has given its authorization up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relinquished {
    /// No.
    No,
    /// Yes.
    Yes,
}

/// What became of a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A token came and does not do.
    Failed(Problem),
    /// A token came, and the certificate it names is being fetched.
    Heard {
        /// The token.
        token: Box<str>,
        /// When it came.
        at: UnixTime,
    },
    /// A token came and does.
    Met {
        /// What it grants.
        grant: Grant,
        /// When it was judged.
        at: UnixTime,
    },
    /// No token came.
    Open,
}

/// How far an order has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It was finalized, and waits for a second person.
    Awaiting {
        /// The certification request, DER.
        request: Octets,
        /// The life that was settled.
        validity: Validity,
    },
    /// It failed.
    Failed(Problem),
    /// It was finalized, and this is its certificate, or will be.
    Finalized(CertificateName),
    /// Not finalized.
    Open,
}

impl Desk {
    /// Takes over what happened.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::AccountClosed { account, by } => self.account_closed(account, *by),
            Event::AccountOpened(opened) => self.account_opened(opened),
            Event::AuthorizationDeactivated { order } => {
                self.with(order, |order| order.relinquished = Relinquished::Yes);
                self.settled(order);
            }
            Event::ChallengeFailed { order, problem } => {
                let failed = Challenge::Failed(problem.clone());
                self.with(order, |order| order.challenge = failed);
                self.settled(order);
            }
            Event::ChallengeMet { order, at, grant } => self.challenge_met(order, *at, grant),
            Event::ContactChanged { account, contact } => {
                if let Some(account) = self.accounts.get_mut(account) {
                    account.contact.clone_from(contact);
                }
            }
            Event::KeyChanged { account, key } => self.key_changed(account, key),
            Event::OrderAwaitsApproval {
                order,
                request,
                not_before,
                not_after,
            } => {
                let awaiting = Progress::Awaiting {
                    request: request.clone(),
                    validity: Validity {
                        not_before: *not_before,
                        not_after: *not_after,
                    },
                };
                self.with(order, |order| order.progress = awaiting);
                self.keep(order);
            }
            Event::OrderFailed { order, problem } => {
                let failed = Progress::Failed(problem.clone());
                self.with(order, |order| order.progress = failed);
                self.settled(order);
            }
            Event::OrderFinalized { order, certificate } => self.finalized(order, certificate),
            Event::OrderOpened(opened) => self.order_opened(opened),
            Event::TokenFetchedAgain { order, at: now } => self.with(order, |order| {
                if let Challenge::Heard { at, .. } = &mut order.challenge {
                    *at = *now;
                }
            }),
            Event::TokenHeard { order, token, at } => {
                let heard = Challenge::Heard {
                    token: token.clone(),
                    at: *at,
                };
                self.with(order, |order| order.challenge = heard);
            }
        }
    }

    fn with(&mut self, order: &Name, change: impl FnOnce(&mut Order)) {
        if let Some(order) = self.orders.get_mut(order) {
            change(order);
        }
    }

    fn account_opened(&mut self, opened: &AccountOpened) {
        let Some(key) = point(&opened.key) else {
            return;
        };
        let account = Account::new(key, opened);
        self.by_key.insert(key, opened.account);
        if let Some(external) = &opened.external {
            self.by_external
                .insert(external.kid.clone(), opened.account);
        }
        self.accounts.insert(opened.account, account);
        push_recent(&mut self.openings, opened.at);
    }

    /// The key stays known: it opens no second account.
    // RFC 8555 §7.3.6: "ACME does not provide a way to reactivate a deactivated account."
    fn account_closed(&mut self, name: &Name, by: ClosedBy) {
        let Some(account) = self.accounts.get_mut(name) else {
            return;
        };
        let closed = *account.closed.get_or_insert(by);
        // A client that has closed its account may open another. Whom the operator has closed may not, and somebody else's is his.
        if let (Some(external), ClosedBy::Client) = (&account.external, closed)
            && self.by_external.get(&external.kid) == Some(name)
        {
            self.by_external.remove(&external.kid);
        }
    }

    fn key_changed(&mut self, name: &Name, key: &Octets) {
        let (Some(account), Some(key)) = (self.accounts.get_mut(name), point(key)) else {
            return;
        };
        self.by_key.remove(&account.key);
        self.by_key.insert(key, *name);
        account.key = key;
    }

    fn order_opened(&mut self, opened: &OrderOpened) {
        let list = TnAuthList::from_der(opened.identifier.as_bytes());
        let (Some(account), Ok(list)) = (self.accounts.get_mut(&opened.account), list) else {
            return;
        };
        push_recent(&mut account.ordered, opened.at);
        account.orders.push(opened.order);
        account.unsettled.insert(opened.order);
        self.forget_dead_orders(opened.at);
        self.by_authorization
            .insert(opened.authorization, opened.order);
        self.by_challenge.insert(opened.challenge, opened.order);
        self.without_certificate
            .insert((opened.expires, opened.order));
        self.orders
            .insert(opened.order, Order::new(opened.clone(), list));
    }

    /// Orders that came to nothing long ago; those with a certificate stay.
    // RFC 8555 §7.4: "If the client fails to complete the required actions before the "expires" time, then the server SHOULD change
    // the status of the order to "invalid" and MAY delete the order resource."
    fn forget_dead_orders(&mut self, now: UnixTime) {
        let since = now.saturating_add(-REMEMBERED);
        while let Some((expired, name)) = self.without_certificate.first().copied() {
            if since <= expired {
                break;
            }
            self.without_certificate.pop_first();
            let Some(dead) = self.orders.remove(&name) else {
                continue;
            };
            self.by_authorization.remove(&dead.asked.authorization);
            self.by_challenge.remove(&dead.asked.challenge);
            if let Some(account) = self.accounts.get_mut(&dead.asked.account) {
                account.orders.retain(|order| *order != name);
                account.unsettled.remove(&name);
            }
        }
    }

    fn challenge_met(&mut self, name: &Name, at: UnixTime, grant: &Grant) {
        let Some(order) = self.orders.get_mut(name) else {
            return;
        };
        order.challenge = Challenge::Met {
            grant: grant.clone(),
            at,
        };
        let token = (grant.issuer.clone(), grant.jti.clone());
        self.tokens.insert(token.clone(), *name);
        self.ends_of_tokens.insert((grant.until, token));
        while self
            .ends_of_tokens
            .first()
            .is_some_and(|(until, _)| *until < at)
        {
            if let Some((_, ended)) = self.ends_of_tokens.pop_first() {
                self.tokens.remove(&ended);
            }
        }
    }

    fn finalized(&mut self, name: &Name, certificate: &CertificateName) {
        let Some(order) = self.orders.get_mut(name) else {
            return;
        };
        order.progress = Progress::Finalized(certificate.clone());
        self.by_certificate.insert(certificate.clone(), *name);
        self.keep(name);
    }

    /// The order has a certificate, or may get one however long it takes: it is not forgotten.
    fn keep(&mut self, name: &Name) {
        if let Some(order) = self.orders.get(name) {
            let expires = order.asked.expires;
            self.without_certificate.remove(&(expires, *name));
        }
        self.settled(name);
    }

    fn settled(&mut self, name: &Name) {
        let account = self.orders.get(name).map(|order| order.asked.account);
        if let Some(account) = account.and_then(|account| self.accounts.get_mut(&account)) {
            account.unsettled.remove(name);
        }
    }

    /// An account by its name.
    pub fn account(&self, name: &Name) -> Option<&Account> {
        self.accounts.get(name)
    }

    /// Every account.
    pub fn accounts(&self) -> impl Iterator<Item = (&Name, &Account)> {
        self.accounts.iter()
    }

    /// The account with this key, closed or not.
    pub fn account_with_key(&self, key: &Point) -> Option<(&Name, &Account)> {
        let name = self.by_key.get(key)?;
        Some((name, self.accounts.get(name)?))
    }

    /// The account that is bound to this external one.
    pub fn account_bound_to(&self, kid: &str) -> Option<&Name> {
        self.by_external.get(kid)
    }

    /// An order by its name.
    pub fn order(&self, name: &Name) -> Option<&Order> {
        self.orders.get(name)
    }

    /// Every order.
    pub fn orders(&self) -> impl Iterator<Item = (&Name, &Order)> {
        self.orders.iter()
    }

    /// The order with this authorization.
    pub fn order_of_authorization(&self, name: &Name) -> Option<&Order> {
        self.orders.get(self.by_authorization.get(name)?)
    }

    /// The order with this challenge.
    pub fn order_of_challenge(&self, name: &Name) -> Option<&Order> {
        self.orders.get(self.by_challenge.get(name)?)
    }

    /// The order that a certificate was issued for.
    pub fn order_of_certificate(&self, certificate: &CertificateName) -> Option<&Order> {
        self.orders.get(self.by_certificate.get(certificate)?)
    }

    /// The order whose challenge was met with the token that this issuer calls so.
    // RFC 7519 §4.1.7: "The identifier value MUST be assigned in a manner that ensures that there is a negligible probability that
    // the same value will be accidentally assigned to a different data object; if the application uses multiple issuers, collisions
    // MUST be prevented among values produced by different issuers as well."
    pub fn order_of_token(&self, issuer: &str, jti: &str) -> Option<&Name> {
        let of = |issuer: &str| self.tokens.get(&(issuer.into(), jti.into()));
        // An older journal does not say whose it was: anybody's, then.
        of(issuer).or_else(|| of(""))
    }

    /// Challenges that wait for the certificate of their token, and the token.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (&Name, &str)> {
        self.orders
            .values()
            .filter_map(|order| match &order.challenge {
                Challenge::Heard { token, .. } => Some((&order.asked.challenge, &**token)),
                _ => None,
            })
    }

    /// How many accounts were opened in the hour before `now`, and when the first of them was.
    pub fn openings(&self, now: UnixTime) -> Recent {
        Recent::among(&self.openings, now)
    }
}

impl Account {
    /// An account that has just been opened.
    pub fn new(key: Point, opened: &AccountOpened) -> Self {
        Self {
            key,
            contact: opened.contact.clone(),
            terms: opened.terms,
            external: opened.external.clone(),
            closed: None,
            orders: Vec::new(),
            unsettled: BTreeSet::new(),
            ordered: VecDeque::new(),
        }
    }

    /// How many orders it has made in the hour before `now`, and when the first of them was.
    pub fn orderings(&self, now: UnixTime) -> Recent {
        Recent::among(&self.ordered, now)
    }
}

impl Order {
    /// An order that has just been placed, for this list.
    pub fn new(asked: OrderOpened, list: TnAuthList) -> Self {
        Self {
            asked,
            list,
            challenge: Challenge::Open,
            relinquished: Relinquished::No,
            progress: Progress::Open,
        }
    }
}

/// What happened in the last hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recent {
    /// How often.
    pub count: usize,
    /// When for the first time.
    pub first: Option<UnixTime>,
}

impl Recent {
    fn among(times: &VecDeque<UnixTime>, now: UnixTime) -> Self {
        let since = now.saturating_add(-HOUR);
        let mut recent = times.iter().copied().filter(|at| *at > since);
        let first = recent.next();
        Self {
            count: recent.count() + usize::from(first.is_some()),
            first,
        }
    }
}

/// Keeps the times of an hour.
fn push_recent(times: &mut VecDeque<UnixTime>, at: UnixTime) {
    let since = at.saturating_add(-HOUR);
    while times.front().is_some_and(|first| *first <= since) {
        times.pop_front();
    }
    times.push_back(at);
}

fn point(octets: &Octets) -> Option<Point> {
    <[u8; POINT_LEN]>::try_from(octets.as_bytes()).ok()
}
