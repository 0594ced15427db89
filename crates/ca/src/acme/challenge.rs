//! The challenge: an authority token is the answer ([RFC 9447 §3](https://www.rfc-editor.org/rfc/rfc9447#section-3),
//! [RFC 9448 §4](https://www.rfc-editor.org/rfc/rfc9448#section-4)).
//!
//! ```text
//!     token ─ form ─ certificate at hand? ── no ──► TokenHeard, fetch ──► fetched ─┐
//!                            └── yes ──────────────────────────────────────────────┴─► judged: ChallengeMet or ChallengeFailed
//! ```
//!
//! The steps by which a token is judged are in [`crate::token::validation`].

use super::desk::{Challenge, Order};
use super::event::{Entry, Event, Grant};
use super::handled::{Handled, Then};
use super::limits::{FETCH_AGAIN, RETRY_AFTER};
use super::name::Name;
use super::order::own;
use super::payload::{self, Empty};
use super::practice::{Dialect, Practice, Reuse};
use super::problem::{Kind, Problem, Refusal};
use super::reply::Reply;
use super::request::Admitted;
use super::resource::Resource;
use super::states::{AuthorizationState, Books, ChallengeState};
use crate::token::validation::{Expected, TokenFault, Validated, needs_certificate, validate};
use crate::token::{AuthorityToken, MalformedToken, Spelling};
use countersign::certificate::Certificate;
use countersign::certificate::chain::CertificateChain;
use countersign::crypto::Point;
use countersign::jose::json::Object;
use countersign::time::UnixTime;
use serde_json::{Map, json};

/// The certificate of a token could not be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfetched;

/// Shows a challenge, or hears the token that answers it.
pub(super) fn respond(
    books: Books<'_>,
    practice: &Practice,
    admitted: &Admitted<'_>,
    asked: Name,
    now: UnixTime,
) -> Result<Handled, Refusal> {
    let order = own(books.desk.order_of_challenge(&asked), admitted)?;
    if admitted.jws.payload().is_empty() {
        return Ok(reply(practice, order).into());
    }
    let members = payload::members(admitted, Empty::Malformed)?;
    let text = match &order.challenge {
        // Whoever has not heard our answer asks again: it is the same.
        Challenge::Failed(_) | Challenge::Met { .. } => return Ok(reply(practice, order).into()),
        // RFC 8555 §8.2: "Clients can explicitly request a retry by re-sending their response to a challenge in a new POST request", and "In
        // order to avoid denial-of-service attacks via client-initiated retries, servers SHOULD rate-limit such requests."
        Challenge::Heard { at, .. } if now < at.saturating_add(FETCH_AGAIN) => {
            return Ok(reply(practice, order).into());
        }
        Challenge::Heard { token, .. } => token,
        Challenge::Open => response(practice.dialect, &members)?,
    };
    if order.authorization_state(now) != AuthorizationState::Pending {
        return Err(Problem::unauthorized("the authorization has expired or was given up").into());
    }
    Ok(hear(books, practice, admitted, order, text, now))
}

/// The token in a response.
// RFC 9448 §4: "The "tkauth" field is defined as a new field in the challenge object specific to the tkauth-01 challenge type that
// should contain the TNAuthList Authority Token defined in the next section."
fn response<'a>(dialect: Dialect, members: &'a Object<'_>) -> Result<&'a str, Problem> {
    match (payload::text(members, "tkauth")?, dialect) {
        (Some(token), _) => Ok(token),
        (None, Dialect::Shaken) => payload::needed(members, "atc"),
        (None, Dialect::Rfc) => Err(Problem::malformed("there is no tkauth")),
    }
}

fn hear(
    books: Books<'_>,
    practice: &Practice,
    admitted: &Admitted<'_>,
    order: &Order,
    text: &str,
    now: UnixTime,
) -> Handled {
    let token = match AuthorityToken::parse(text) {
        Ok(token) => token,
        Err(fault) => return unreadable(order, fault),
    };
    if let Some(url) = needs_certificate(&token, &practice.token_issuers) {
        return fetch(practice, order, text, url, now);
    }
    let key = admitted.signer.key();
    let judged = judge(books, practice, order, &token, key, None, now);
    let event = settle(order, judged, now);
    let mut after = order.clone();
    after.challenge = challenge_after(&event);
    Handled::new([event], reply(practice, &after))
}

/// What comes is no token at all: the client hears that at once.
// RFC 8555 §7.5.1: "If the client's response is invalid for any reason or does not provide the server with appropriate information to
// validate the challenge, then the server MUST return an HTTP error." RFC 9448 §6: "If any step of the validation process fails, the
// "status" in the challenge object MUST be set to "invalid"."
fn unreadable(order: &Order, fault: MalformedToken) -> Handled {
    let problem = Problem::malformed(fault.to_string());
    let event = Event::ChallengeFailed {
        order: order.asked.order,
        problem: problem.clone(),
    };
    Handled::new([event], problem.into())
}

fn fetch(practice: &Practice, order: &Order, text: &str, url: &str, now: UnixTime) -> Handled {
    let heard = Challenge::Heard {
        token: text.into(),
        at: now,
    };
    let name = order.asked.order;
    let event = match &order.challenge {
        // The token is kept once, however often its client asks.
        Challenge::Heard { .. } => Event::TokenFetchedAgain {
            order: name,
            at: now,
        },
        _ => Event::TokenHeard {
            order: name,
            token: text.into(),
            at: now,
        },
    };
    let mut after = order.clone();
    after.challenge = heard;
    Handled {
        events: vec![Entry::Acme(event)],
        then: Then::Fetch {
            reply: reply(practice, &after),
            url: url.into(),
            challenge: order.asked.challenge,
        },
    }
}

/// What was to be fetched when the server stopped: each URL, and the challenge that waits for it.
pub fn waiting(books: Books<'_>, practice: &Practice) -> Vec<(Box<str>, Name)> {
    let tokens = books.desk.waiting();
    let urls = tokens.filter_map(|(challenge, token)| {
        let token = AuthorityToken::parse(token).ok()?;
        let url = needs_certificate(&token, &practice.token_issuers)?;
        Some((url.into(), *challenge))
    });
    urls.collect()
}

/// Judges a token whose certificate has been fetched; `bytes` are a certificate or a chain, DER or PEM. The host may try several
/// times before it says that there is nothing to be had.
pub fn fetched(
    books: Books<'_>,
    practice: &Practice,
    challenge: Name,
    bytes: Result<&[u8], Unfetched>,
    now: UnixTime,
) -> Vec<Entry> {
    let Some(order) = books.desk.order_of_challenge(&challenge) else {
        return Vec::new();
    };
    // An account may have been closed, an order may have expired meanwhile.
    let account = books.desk.account(&order.asked.account);
    let account = account.filter(|account| account.closed.is_none());
    let (Some(account), Challenge::Heard { token, .. }) = (account, &order.challenge) else {
        return Vec::new();
    };
    if order.authorization_state(now) != AuthorizationState::Pending {
        return Vec::new();
    }
    let judged = match (AuthorityToken::parse(token), bytes) {
        (Err(fault), _) => Err(Problem::malformed(fault.to_string())),
        (Ok(_), Err(Unfetched)) => Err(Problem::new(
            Kind::Connection,
            TokenFault::X5uUnavailable.to_string(),
        )),
        (Ok(token), Ok(bytes)) => {
            let chain = CertificateChain::parse(bytes).ok();
            let certificates = chain
                .as_ref()
                .map_or(&[][..], CertificateChain::certificates);
            judge(
                books,
                practice,
                order,
                &token,
                &account.key,
                Some(certificates),
                now,
            )
        }
    };
    vec![Entry::Acme(settle(order, judged, now))]
}

/// Steps 2 to 8 of RFC 9448 §6, and the rule of the house about tokens used before.
fn judge(
    books: Books<'_>,
    practice: &Practice,
    order: &Order,
    token: &AuthorityToken,
    account_key: &Point,
    fetched: Option<&[Certificate]>,
    now: UnixTime,
) -> Result<Grant, Problem> {
    let expected = Expected {
        identifier_der: order.asked.identifier.as_bytes(),
        account_key,
        fingerprint: practice.fingerprint,
        trusted: &practice.token_issuers,
        spelling: match practice.dialect {
            Dialect::Rfc => Spelling::Exact,
            Dialect::Shaken => Spelling::Loose,
        },
        audience: Some(practice.origin()),
    };
    let validated = validate(token, &expected, fetched, now);
    let Validated {
        permission,
        exp: until,
        jti,
        issuer,
    } = validated.map_err(|fault| Problem::new(kind_of(&fault), fault.to_string()))?;
    // RFC 9447 §4: "the "jti" provides a convenient way to reliably track when the same "atc" Authority Token is being used for multiple
    // challenges over time within its set lifetime."
    if practice.token_reuse == Reuse::Once && books.desk.order_of_token(&issuer, &jti).is_some() {
        return Err(Problem::unauthorized("the token has been used before"));
    }
    Ok(Grant {
        permission,
        until,
        jti,
        issuer,
    })
}

/// The kind of problem of a token that answers no challenge.
fn kind_of(fault: &TokenFault) -> Kind {
    match fault {
        TokenFault::Malformed(_) => Kind::Malformed,
        TokenFault::TokenType | TokenFault::Value => Kind::IncorrectResponse,
        TokenFault::X5uUnavailable => Kind::Connection,
        _ => Kind::Unauthorized,
    }
}

fn settle(order: &Order, judged: Result<Grant, Problem>, now: UnixTime) -> Event {
    let order = order.asked.order;
    match judged {
        Ok(grant) => Event::ChallengeMet {
            order,
            at: now,
            grant,
        },
        Err(problem) => Event::ChallengeFailed { order, problem },
    }
}

fn challenge_after(event: &Event) -> Challenge {
    match event {
        Event::ChallengeMet { at, grant, .. } => Challenge::Met {
            grant: grant.clone(),
            at: *at,
        },
        Event::ChallengeFailed { problem, .. } => Challenge::Failed(problem.clone()),
        _ => Challenge::Open,
    }
}

// RFC 8555 §7.5.1: "The server provides a 200 (OK) response with the updated challenge object as its body." RFC 8555 §7.1: "The "up" link
// relation is used with challenge resources to indicate the authorization resource to which a challenge belongs."
fn reply(practice: &Practice, order: &Order) -> Reply {
    let authorization = practice.url(Resource::Authorization(order.asked.authorization));
    let reply = Reply::json(200, &object(practice, order))
        .with_header("Link", format!("<{authorization}>;rel=\"up\""));
    match order.challenge_state() {
        ChallengeState::Processing => reply.with_retry(RETRY_AFTER),
        ChallengeState::Invalid | ChallengeState::Pending | ChallengeState::Valid => reply,
    }
}

/// The challenge object: RFC 8555 §8 with the fields of RFC 9447 §3.
pub(super) fn object(practice: &Practice, order: &Order) -> Map<String, serde_json::Value> {
    let mut members = Map::new();
    members.insert("type".into(), json!("tkauth-01"));
    members.insert("tkauth-type".into(), json!("atc"));
    // RFC 9448 §4: "If a "token-authority" parameter is present, then the ACME client MAY use the "token-authority" value to identify the
    // URL representing the Token Authority"
    if let Some(authority) = &practice.token_authority {
        members.insert("token-authority".into(), json!(authority));
    }
    let url = practice.url(Resource::Challenge(order.asked.challenge));
    members.insert("url".into(), json!(url));
    members.insert("token".into(), json!(order.asked.token));
    members.insert("status".into(), json!(order.challenge_state()));
    match &order.challenge {
        Challenge::Failed(problem) => {
            let status = problem.kind.status();
            members.insert("error".into(), problem.document(status));
        }
        Challenge::Met { at, .. } => {
            members.insert("validated".into(), json!(at.to_string()));
        }
        Challenge::Heard { .. } | Challenge::Open => {}
    }
    members
}
