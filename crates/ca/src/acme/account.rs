//! Accounts: [RFC 8555 §7.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3), opened, found, changed, closed.
//!
//! That an account is bound to one elsewhere is judged in [`super::binding`], another key in [`super::rollover`].

use super::binding;
use super::desk::Account;
use super::event::{AccountOpened, ClosedBy, Event, Terms};
use super::handled::Handled;
use super::limits::{HOUR, MAX_CONTACT, MAX_CONTACTS, MAX_ORDERS_LISTED};
use super::name::Name;
use super::payload::{self, Empty};
use super::practice::{Dialect, Practice};
use super::problem::{Kind, Problem, Refusal};
use super::reply::Reply;
use super::request::{Admitted, Signer, check_account};
use super::resource::Resource;
use super::states::{Books, OrderState};
use crate::notation::Octets;
use countersign::crypto::Point;
use countersign::jose::json::{Object, Value};
use countersign::time::UnixTime;
use serde_json::{Map, json};

/// Opens an account, or finds the one that the key has.
pub(super) fn open(
    books: Books<'_>,
    practice: &Practice,
    admitted: &Admitted<'_>,
    now: UnixTime,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<Handled, Refusal> {
    let key = admitted.signer.key();
    // RFC 8555 §7.3 wants an account object; a deployed client sends none.
    let empty = match practice.dialect {
        Dialect::Rfc => Empty::Malformed,
        Dialect::Shaken => Empty::NoMembers,
    };
    let members = payload::members(admitted, empty)?;
    if let Some((name, account)) = books.desk.account_with_key(key) {
        check_account(account)?;
        // RFC 8555 §7.3.1: "it MUST return a response with status code 200 (OK) and provide the URL of that account in the Location header
        // field."
        return Ok(reply(200, practice, name, account).into());
    }
    // RFC 8555 §7.3.1: "If a client sends such a request and an account does not exist, then the server MUST return an error response
    // with status code 400 (Bad Request) and type "urn:ietf:params:acme:error:accountDoesNotExist"."
    if payload::is_true(&members, "onlyReturnExisting")? {
        let problem = Problem::new(Kind::AccountDoesNotExist, "no account has this key");
        return Err(problem.into());
    }
    check_key(books, key)?;
    let opened = AccountOpened {
        account: Name::draw(random),
        at: now,
        key: Octets::from(key.to_vec()),
        terms: terms(practice, &members)?,
        contact: contact(&members)?.unwrap_or_default(),
        external: binding::judge(books.desk, practice, admitted, &members)?,
    };
    check_rate(books, practice, now)?;
    let reply = reply(201, practice, &opened.account, &Account::new(*key, &opened));
    Ok(Handled::new(vec![Event::AccountOpened(opened)], reply))
}

// RFC 8555 §6.2 among the reasons for badPublicKey: "the corresponding private key is known to have been compromised"
pub(super) fn check_key(books: Books<'_>, key: &Point) -> Result<(), Problem> {
    match books.register.is_blocked(key) {
        false => Ok(()),
        true => Err(Problem::new(
            Kind::BadPublicKey,
            "the private key is known to have been compromised",
        )),
    }
}

// RFC 8555 §7.3: "the server MUST reject newAccount requests that do not have the "termsOfServiceAgreed" field set to "true"."
fn terms(practice: &Practice, members: &Object<'_>) -> Result<Terms, Refusal> {
    let agreed = payload::is_true(members, "termsOfServiceAgreed")?;
    match (&practice.terms, agreed) {
        (_, true) => Ok(Terms::Agreed),
        (None, false) => Ok(Terms::NotAgreed),
        (Some(url), false) => {
            let problem = Problem::malformed("termsOfServiceAgreed has to be true");
            let link = format!("<{url}>;rel=\"terms-of-service\"");
            Err(Refusal::from(problem).with_header("Link", link))
        }
    }
}

/// The contacts, if there are any.
fn contact(members: &Object<'_>) -> Result<Option<Vec<Box<str>>>, Problem> {
    let Some(contact) = members.get("contact") else {
        return Ok(None);
    };
    let malformed = || Problem::malformed("contact is not a list of URLs");
    let urls = contact.as_array().ok_or_else(malformed)?;
    if urls.len() > MAX_CONTACTS {
        let detail = format!("an account has at most {MAX_CONTACTS} contacts");
        return Err(Problem::new(Kind::InvalidContact, detail));
    }
    let url = |value: &Value<'_>| {
        let url = value.as_str().ok_or_else(malformed)?;
        check_contact(url).map(|()| Box::from(url))
    };
    urls.iter().map(url).collect::<Result<_, _>>().map(Some)
}

fn check_contact(url: &str) -> Result<(), Problem> {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme);
    if !scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto")) {
        // RFC 8555 §7.3: "If the server rejects a contact URL for using an unsupported scheme, it MUST return an error of type
        // "unsupportedContact", with a description of the error and what types of contact URLs the server considers acceptable."
        return Err(Problem::new(
            Kind::UnsupportedContact,
            "a contact is a mailto URL",
        ));
    }
    let address = url.get("mailto:".len()..).unwrap_or_default();
    // RFC 8555 §7.3: "Clients MUST NOT provide a "mailto" URL in the "contact" field that contains "hfields" [RFC6068] or more than one
    // "addr-spec" in the "to" component. If a server encounters a "mailto" contact URL that does not meet these criteria, then it
    // SHOULD reject it as invalid."
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b',');
    let fits = url.len() <= MAX_CONTACT && address.bytes().all(plain);
    match address.rsplit_once('@') {
        Some((local, domain)) if fits && !local.is_empty() && !domain.is_empty() => Ok(()),
        _ => Err(Problem::new(
            Kind::InvalidContact,
            "a contact is one address, without fields after it",
        )),
    }
}

// RFC 8555 §6.6: "Additionally, the server SHOULD send a Retry-After header field [RFC7231] indicating when the current request may
// succeed again."
fn check_rate(books: Books<'_>, practice: &Practice, now: UnixTime) -> Result<(), Refusal> {
    let recent = books.desk.openings(now);
    let Some(first) = recent.first else {
        return Ok(());
    };
    if recent.count < practice.rates.accounts_per_hour {
        return Ok(());
    }
    Err(rate_limited("accounts", first, now))
}

/// Too much in an hour that began with `first`.
pub(super) fn rate_limited(what: &str, first: UnixTime, now: UnixTime) -> Refusal {
    let wait = first.saturating_add(HOUR).as_secs() - now.as_secs();
    let problem = Problem::new(Kind::RateLimited, format!("too many {what} in an hour"));
    Refusal::from(problem).with_header("Retry-After", wait.clamp(1, HOUR).to_string())
}

/// Shows an account, changes its contacts or closes it.
pub(super) fn update(
    practice: &Practice,
    admitted: &Admitted<'_>,
    asked: Name,
) -> Result<Handled, Refusal> {
    let (name, account) = own(admitted, asked)?;
    if admitted.jws.payload().is_empty() {
        return Ok(reply(200, practice, &name, account).into());
    }
    let members = payload::members(admitted, Empty::Malformed)?;
    let mut after = account.clone();
    let mut events = Vec::new();
    if let Some(contact) = contact(&members)? {
        after.contact.clone_from(&contact);
        events.push(Event::ContactChanged {
            account: name,
            contact,
        });
    }
    // RFC 8555 §7.3.2: "The server MUST ignore any updates to the "orders" field, "termsOfServiceAgreed" field (see Section 7.3.3), the
    // "status" field (except as allowed by Section 7.3.6), or any other fields it does not recognize."
    if payload::text(&members, "status")? == Some("deactivated") {
        let by = ClosedBy::Client;
        after.closed = Some(by);
        events.push(Event::AccountClosed { account: name, by });
    }
    Ok(Handled::new(events, reply(200, practice, &name, &after)))
}

/// The orders of an account that may still come to something, a page of them.
// RFC 8555 §7.1.2.1: "The server SHOULD include pending orders and SHOULD NOT include orders that are invalid in the array of URLs. The
// server MAY return an incomplete list, along with a Link header field with a "next" link relation indicating where further
// entries can be acquired."
pub(super) fn orders(
    books: Books<'_>,
    practice: &Practice,
    admitted: &Admitted<'_>,
    asked: Name,
    cursor: usize,
    now: UnixTime,
) -> Result<Handled, Refusal> {
    let (name, account) = own(admitted, asked)?;
    let page = account.orders.iter().skip(cursor).take(MAX_ORDERS_LISTED);
    let alive = page.filter(|order| {
        let order = books.desk.order(order);
        order.is_some_and(|order| order.state(books.register, now) != OrderState::Invalid)
    });
    let urls: Vec<_> = alive
        .map(|order| practice.url(Resource::Order(*order)))
        .collect();
    let reply = Reply::json(200, &json!({ "orders": urls }));
    let next = cursor.saturating_add(MAX_ORDERS_LISTED);
    let reply = match account.orders.len() > next {
        false => reply,
        true => {
            let url = practice.url(Resource::Orders(name, next));
            reply.with_header("Link", format!("<{url}>;rel=\"next\""))
        }
    };
    Ok(reply.into())
}

/// The account that signed, if it is the one that was asked for.
fn own<'a>(admitted: &Admitted<'a>, asked: Name) -> Result<(Name, &'a Account), Problem> {
    match admitted.signer {
        Signer::Account(name, account) if name == asked => Ok((name, account)),
        _ => Err(Problem::unauthorized("another account has signed")),
    }
}

/// The account object, with its URL.
pub(super) fn reply(status: u16, practice: &Practice, name: &Name, account: &Account) -> Reply {
    let mut members = Map::new();
    // RFC 8555 §7.1.2: "The value "deactivated" should be used to indicate client-initiated deactivation whereas "revoked" should be used
    // to indicate server-initiated deactivation."
    let state = match account.closed {
        None => "valid",
        Some(ClosedBy::Client) => "deactivated",
        Some(ClosedBy::Operator) => "revoked",
    };
    members.insert("status".into(), json!(state));
    if !account.contact.is_empty() {
        members.insert("contact".into(), json!(account.contact));
    }
    if account.terms == Terms::Agreed {
        members.insert("termsOfServiceAgreed".into(), json!(true));
    }
    // RFC 8555 §7.3.4: "The account object the CA returns MUST include an "externalAccountBinding" field with the same value as the
    // field in the request."
    if let Some(external) = &account.external {
        let binding = serde_json::from_str(&external.binding);
        members.insert("externalAccountBinding".into(), binding.unwrap_or_default());
    }
    let orders = practice.url(Resource::Orders(*name, 0));
    members.insert("orders".into(), json!(orders));
    Reply::json(status, &members).with_header("Location", practice.url(Resource::Account(*name)))
}
