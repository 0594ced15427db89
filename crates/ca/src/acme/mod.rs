//! The ACME server: [RFC 8555](https://www.rfc-editor.org/rfc/rfc8555) for telephone numbers, which are proven by authority tokens
//! ([RFC 9447](https://www.rfc-editor.org/rfc/rfc9447), [RFC 9448](https://www.rfc-editor.org/rfc/rfc9448)).
//!
//! ```text
//!     Asked ──► strike (nonce) ──► decide ──► Handled { events, then }
//!                                   ▲                    │
//!                       Books: desk and register         ├─ Reply   the events are kept, then it is sent
//!                       Practice, now, random            ├─ Fetch   … and the certificate of a token is fetched ──► fetched
//!                                                        └─ Sign    … and the authority's key signs, that is kept ──► finished
//! ```
//!
//! Everything is a decision over what is known: no clock, no socket, no disk. What a request comes to is said as events, and only
//! when these are kept anything else happens; so a request that is lost, repeated or refused half way leaves nothing behind that
//! another could trip over. Nonces are the exception: they live in memory ([`nonce`]).
//!
//! - [`problem`], [`reply`], [`handled`]: what goes back; [`limits`]: how much is taken
//! - [`name`], [`resource`]: names and URLs; [`practice`]: what the operator decides
//! - [`event`], [`desk`], [`states`]: what happened, what follows from it
//! - [`nonce`], [`request`]: who asks; `payload`: what for
//! - `directory`, `binding`, `account`, `rollover`, [`certificate`], `order`, [`challenge`], `authorization`, `finalize`,
//!   `revocation`: one room for each thing that can be asked
//!
//! Not here: pre-authorization and wildcards (RFC 8555 §7.4.1, §7.1.3), other identifiers than TNAuthList, and whose numbers are
//! whose ([`crate::token_authority`]).

pub mod problem;
pub mod name;
pub mod resource;
pub mod limits;
pub mod practice;
pub mod reply;
pub mod event;
pub mod desk;
pub mod states;
pub mod handled;
pub mod nonce;
pub mod request;
mod payload;
mod directory;
mod binding;
mod account;
mod rollover;
pub mod certificate;
mod order;
pub mod challenge;
mod authorization;
mod finalize;
mod revocation;

pub use challenge::{Unfetched, fetched, waiting};
pub use desk::Desk;
pub use event::{Entry, Event};
pub use handled::{Handled, Then};
pub use name::Name;
pub use nonce::{NonceStanding, Nonces};
pub use practice::{Dialect, Practice};
pub use problem::{Kind, Problem};
pub use reply::Reply;
pub use request::{Asked, strike};
pub use states::Books;

use countersign::time::UnixTime;
use problem::Refusal;
use resource::Resource;

/// Handles a request: [`strike`], [`decide`], and a nonce for the next one.
///
/// Whoever has to decide twice, because another process has changed the books meanwhile, strikes once and decides twice.
pub fn handle(
    books: Books<'_>,
    practice: &Practice,
    nonces: &mut Nonces,
    asked: &Asked<'_>,
    now: UnixTime,
    random: &mut dyn FnMut(&mut [u8]),
) -> Handled {
    let standing = strike(nonces, asked);
    let handled = decide(books, practice, asked, standing, now, random);
    handled.map_reply(|reply| with_nonce(reply, nonces))
}

/// Puts a nonce for the next request on a reply.
pub fn with_nonce(reply: Reply, nonces: &mut Nonces) -> Reply {
    reply.with_nonce(nonces.issue())
}

/// Decides what comes of a request whose nonce stands as `nonce` says.
pub fn decide(
    books: Books<'_>,
    practice: &Practice,
    asked: &Asked<'_>,
    nonce: NonceStanding,
    now: UnixTime,
    random: &mut dyn FnMut(&mut [u8]),
) -> Handled {
    let Some(resource) = Resource::of(asked.path) else {
        let reply = Reply::from(order::not_found());
        return reply.with_index(practice).into();
    };
    if resource.is_open() && asked.method != "POST" {
        return open(practice, asked, resource);
    }
    let decided = signed(books, practice, asked, resource, nonce, now, random);
    let handled = decided.unwrap_or_else(|refusal| Reply::from(refusal).into());
    handled.map_reply(|reply| reply.with_index(practice))
}

/// What is had without a signature.
fn open(practice: &Practice, asked: &Asked<'_>, resource: Resource) -> Handled {
    match (asked.method, resource) {
        ("GET" | "HEAD", Resource::Directory) => directory::directory(practice).into(),
        ("GET" | "HEAD", _) => directory::nonce(asked.method, practice).into(),
        _ => Reply::from(directory::unknown_method())
            .with_index(practice)
            .into(),
    }
}

fn signed(
    books: Books<'_>,
    practice: &Practice,
    asked: &Asked<'_>,
    resource: Resource,
    nonce: NonceStanding,
    now: UnixTime,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<Handled, Refusal> {
    let admitted = request::admit(books.desk, practice, asked, resource, nonce)?;
    let admitted = &admitted;
    let at = finalize::At {
        books,
        practice,
        now,
    };
    match resource {
        Resource::Account(name) => account::update(practice, admitted, name),
        Resource::Authorization(name) => {
            authorization::update(books, practice, admitted, name, now)
        }
        Resource::Certificate(name) => certificate::download(books, practice, admitted, name),
        Resource::Challenge(name) => challenge::respond(books, practice, admitted, name, now),
        Resource::Directory => {
            payload::nothing(admitted)?;
            Ok(directory::directory(practice).into())
        }
        Resource::Finalize(name) => finalize::finalize(at, admitted, name, random),
        Resource::KeyChange => rollover::change(books, practice, admitted),
        Resource::NewAccount => account::open(books, practice, admitted, now, random),
        Resource::NewNonce => {
            payload::nothing(admitted)?;
            Ok(directory::nonce(asked.method, practice).into())
        }
        Resource::NewOrder => order::place(books, practice, admitted, now, random),
        Resource::Order(name) => {
            let (shown, order) = order::show(books, practice, admitted, name, now)?;
            finalize::resume(at, order, random).unwrap_or(Ok(shown))
        }
        Resource::Orders(name, cursor) => {
            account::orders(books, practice, admitted, name, cursor, now)
        }
        Resource::RevokeCert => revocation::revoke(books, admitted, now),
    }
}

/// The reply to a finalize request, when the certificate is issued and kept, or has come to nothing.
pub fn finished(
    books: Books<'_>,
    practice: &Practice,
    nonces: &mut Nonces,
    order: Name,
    now: UnixTime,
) -> Reply {
    let reply = match books.desk.order(&order) {
        Some(order) => order::reply(200, books, practice, order, now),
        None => Reply::from(order::not_found()),
    };
    with_nonce(reply.with_index(practice), nonces)
}
