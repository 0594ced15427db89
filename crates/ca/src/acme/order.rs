//! Orders: [RFC 8555 §7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4) for the identifier of
//! [RFC 9448 §3](https://www.rfc-editor.org/rfc/rfc9448#section-3).
//!
//! One order, one TN Authorization List: RFC 9448 does not say how many there can be, and a certificate has one
//! (`docs/divergences.md`).

use super::account::rate_limited;
use super::certificate;
use super::desk::{Account, Order, Progress};
use super::event::{Event, OrderOpened};
use super::handled::Handled;
use super::limits::{MAX_IDENTIFIER, ORDER_LIFE, RETRY_AFTER};
use super::name::Name;
use super::payload::{self, Empty};
use super::practice::{Dialect, Practice};
use super::problem::{Kind, Problem, Refusal};
use super::reply::Reply;
use super::request::{Admitted, Signer};
use super::resource::Resource;
use super::states::{Books, OrderState};
use crate::notation::Octets;
use crate::token::TN_AUTH_LIST;
use countersign::certificate::TnAuthList;
use countersign::jose::base64url;
use countersign::jose::json::{Object, Value};
use countersign::time::UnixTime;
use serde_json::{Map, json};

/// How far back a life may be asked to begin, in seconds: a day. A certificate that says it was valid last year would lend itself
/// to calls of last year.
const LONGEST_AGO: i64 = 86_400;

/// Takes an order.
pub(super) fn place(
    books: Books<'_>,
    practice: &Practice,
    admitted: &Admitted<'_>,
    now: UnixTime,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<Handled, Refusal> {
    let (name, account) = signed_by(admitted)?;
    let members = payload::members(admitted, Empty::Malformed)?;
    let list = identifier(practice, &members)?;
    // RFC 8555 §7.4: "The order object returned by the server represents a promise".
    practice
        .authority
        .inspect_list(&list)
        .map_err(|error| Problem::new(Kind::RejectedIdentifier, error.to_string()))?;
    let (not_before, not_after) = life(practice, &members, now)?;
    check_rates(books, practice, account, now)?;
    let opened = OrderOpened {
        order: Name::draw(random),
        account: name,
        authorization: Name::draw(random),
        challenge: Name::draw(random),
        token: Name::draw(random),
        identifier: Octets::from(list.to_der()),
        at: now,
        expires: now.saturating_add(ORDER_LIFE),
        not_before,
        not_after,
    };
    let order = Order::new(opened.clone(), list);
    // RFC 8555 §7.4: "If the server is willing to issue the requested certificate, it responds with a 201 (Created) response."
    let reply = reply(201, books, practice, &order, now);
    Ok(Handled::new([Event::OrderOpened(opened)], reply))
}

/// Shows an order.
pub(super) fn show<'a>(
    books: Books<'a>,
    practice: &Practice,
    admitted: &Admitted<'_>,
    asked: Name,
    now: UnixTime,
) -> Result<(Handled, &'a Order), Refusal> {
    let order = own(books.desk.order(&asked), admitted)?;
    payload::nothing(admitted)?;
    Ok((reply(200, books, practice, order, now).into(), order))
}

/// The account that has signed.
pub(super) fn signed_by<'a>(admitted: &Admitted<'a>) -> Result<(Name, &'a Account), Problem> {
    match admitted.signer {
        Signer::Account(name, account) => Ok((name, account)),
        Signer::Key(_) => Err(Problem::malformed("the header has no kid")),
    }
}

/// The order, if there is one and it belongs to the account that has signed.
pub(super) fn own<'a>(
    order: Option<&'a Order>,
    admitted: &Admitted<'_>,
) -> Result<&'a Order, Refusal> {
    let order = order.ok_or_else(not_found)?;
    match signed_by(admitted)? {
        (name, _) if name == order.asked.account => Ok(order),
        _ => Err(Problem::unauthorized("it belongs to another account").into()),
    }
}

/// There is nothing at this URL.
pub(super) fn not_found() -> Refusal {
    Refusal::from(Problem::malformed("there is nothing at this url")).with_status(404)
}

/// The one identifier of an order.
fn identifier(practice: &Practice, members: &Object<'_>) -> Result<TnAuthList, Problem> {
    let malformed = |detail: &str| Problem::malformed(detail);
    let identifiers = members
        .get("identifiers")
        .and_then(Value::as_array)
        .ok_or_else(|| malformed("identifiers is not a list"))?;
    let mut values = Vec::new();
    for identifier in identifiers {
        let identifier = identifier
            .as_object()
            .ok_or_else(|| malformed("an identifier is not an object"))?;
        let kind = payload::needed(identifier, "type")?;
        if kind != TN_AUTH_LIST {
            let detail = format!("certificates are issued for {TN_AUTH_LIST}, not for {kind:?}");
            return Err(Problem::new(Kind::UnsupportedIdentifier, detail));
        }
        values.push(payload::needed(identifier, "value")?);
    }
    match values.as_slice() {
        [] => Err(malformed("there is no identifier")),
        [value] => read_list(practice, value),
        _ => Err(malformed(
            "an order has one TNAuthList; lists can be put together",
        )),
    }
}

/// The list that an identifier stands for.
// RFC 9448 §3: "The base64url encoding MUST NOT include any padding characters, and the TNAuthList ASN.1 object MUST be encoded using
// DER encoding rules."
fn read_list(practice: &Practice, value: &str) -> Result<TnAuthList, Problem> {
    let der = match practice.dialect {
        Dialect::Rfc => base64url::decode(value),
        Dialect::Shaken => base64url::decode(&to_base64url(value)),
    };
    let der = der.map_err(|_| Problem::malformed("the identifier is not base64url"))?;
    let list = TnAuthList::from_der(&der)
        .ok()
        .filter(|list| list.to_der() == der)
        .ok_or_else(|| Problem::malformed("the identifier is no TNAuthList in DER"))?;
    if der.len() > MAX_IDENTIFIER {
        let detail = "the list is too long for one certificate; order several";
        return Err(Problem::new(Kind::RejectedIdentifier, detail));
    }
    Ok(list)
}

/// Base64 of RFC 4648 §4 with its padding, written in the alphabet of §5 without.
fn to_base64url(value: &str) -> String {
    let url_safe = |character| match character {
        '+' => '-',
        '/' => '_',
        other => other,
    };
    value.trim_end_matches('=').chars().map(url_safe).collect()
}

/// The life that was asked for: RFC 8555 §7.4.
// RFC 8555 §7.4: "The server MUST return an error if it cannot fulfill the request as specified, and it MUST NOT issue a certificate
// with contents other than those requested."
fn life(
    practice: &Practice,
    members: &Object<'_>,
    now: UnixTime,
) -> Result<(Option<UnixTime>, Option<UnixTime>), Problem> {
    let time = |name: &'static str| {
        let text = payload::text(members, name)?;
        text.map(|text| UnixTime::from_rfc3339(text).ok_or(name))
            .transpose()
            .map_err(|name| Problem::malformed(format!("{name} is not a time of RFC 3339")))
    };
    let (not_before, not_after) = (time("notBefore")?, time("notAfter")?);
    let issuer = practice.authority.certificate().validity();
    let lives = &practice.lifetimes;
    let begin = not_before.unwrap_or(now);
    let end = not_after.unwrap_or(begin);
    let fault = if end < begin {
        Some("notAfter is before notBefore")
    } else if not_after.is_some_and(|end| end <= now) {
        Some("notAfter is in the past")
    } else if begin < now.saturating_add(-LONGEST_AGO) {
        Some("notBefore is more than a day ago")
    } else if begin.saturating_add(lives.longest) < end {
        Some("certificates do not live as long as that")
    } else if begin < issuer.not_before || issuer.not_after < end {
        Some("the certificate of the authority does not live as long as that")
    } else {
        None
    };
    match fault {
        None => Ok((not_before, not_after)),
        Some(detail) => Err(Problem::malformed(detail)),
    }
}

fn check_rates(
    books: Books<'_>,
    practice: &Practice,
    account: &Account,
    now: UnixTime,
) -> Result<(), Refusal> {
    let recent = account.orderings(now);
    if let Some(first) = recent.first
        && recent.count >= practice.rates.orders_per_hour
    {
        return Err(rate_limited("orders", first, now));
    }
    let unsettled = account.unsettled.iter();
    let young = unsettled.filter_map(|order| books.desk.order(order));
    let open = young.filter(|order| {
        let state = order.state(books.register, now);
        matches!(state, OrderState::Pending | OrderState::Ready)
    });
    if open.count() < practice.rates.open_orders {
        return Ok(());
    }
    let problem = Problem::new(
        Kind::RateLimited,
        "too many orders are open: finish them first",
    );
    Err(problem.into())
}

/// The order object, with its URL: RFC 8555 §7.1.3.
pub(super) fn reply(
    status: u16,
    books: Books<'_>,
    practice: &Practice,
    order: &Order,
    now: UnixTime,
) -> Reply {
    let state = order.state(books.register, now);
    let asked = &order.asked;
    let mut members = Map::new();
    members.insert("status".into(), json!(state));
    members.insert("expires".into(), json!(asked.expires.to_string()));
    members.insert("identifiers".into(), json!([identifier_object(order)]));
    for (name, time) in [
        ("notBefore", asked.not_before),
        ("notAfter", asked.not_after),
    ] {
        if let Some(time) = time {
            members.insert(name.into(), json!(time.to_string()));
        }
    }
    let authorization = practice.url(Resource::Authorization(asked.authorization));
    members.insert("authorizations".into(), json!([authorization]));
    let finalize = practice.url(Resource::Finalize(asked.order));
    members.insert("finalize".into(), json!(finalize));
    if let Some(problem) = order.problem(books.register, now) {
        let status = problem.kind.status();
        members.insert("error".into(), problem.document(status));
    }
    if let (OrderState::Valid, Progress::Finalized(name)) = (state, &order.progress) {
        let url = practice.url(Resource::Certificate(asked.order));
        members.insert("certificate".into(), json!(url));
        // RFC 9448 §7: "In this response, an ACME server can add a newly defined field called "x5u" that can pass this URL to the ACME
        // client for usage in generated PASSporTs as a publicly available URL for PASSporT validation."
        if let Some(url) = certificate::published(practice, books.register, name) {
            members.insert("x5u".into(), json!(url));
        }
    }
    let reply = Reply::json(status, &members)
        .with_header("Location", practice.url(Resource::Order(asked.order)));
    match state {
        OrderState::Processing => reply.with_retry(RETRY_AFTER),
        _ => reply,
    }
}

/// The identifier of an order, as it stands in orders and authorizations.
pub(super) fn identifier_object(order: &Order) -> serde_json::Value {
    let value = base64url::encode(order.asked.identifier.as_bytes());
    json!({ "type": TN_AUTH_LIST, "value": value })
}
