//! Authorizations: [RFC 8555 §7.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.5), shown and given up.

use super::challenge;
use super::desk::{Order, Relinquished};
use super::event::Event;
use super::handled::Handled;
use super::limits::RETRY_AFTER;
use super::name::Name;
use super::order::{identifier_object, own};
use super::payload::{self, Empty};
use super::practice::Practice;
use super::problem::{Problem, Refusal};
use super::reply::Reply;
use super::request::Admitted;
use super::states::{AuthorizationState, Books, ChallengeState};
use countersign::time::UnixTime;
use serde_json::json;

/// Shows an authorization, or takes it back for its client.
pub(super) fn update(
    books: Books<'_>,
    practice: &Practice,
    admitted: &Admitted<'_>,
    asked: Name,
    now: UnixTime,
) -> Result<Handled, Refusal> {
    let order = own(books.desk.order_of_authorization(&asked), admitted)?;
    if admitted.jws.payload().is_empty() {
        return Ok(reply(practice, order, now).into());
    }
    let members = payload::members(admitted, Empty::Malformed)?;
    // RFC 8555 §7.5.2: "it may request that the server deactivate each authorization associated with it by sending POST requests with the
    // static object {"status": "deactivated"} to each authorization URL."
    if payload::needed(&members, "status")? != "deactivated" {
        return Err(Problem::malformed("an authorization can only be deactivated").into());
    }
    match order.authorization_state(now) {
        AuthorizationState::Pending | AuthorizationState::Valid => {
            let mut after = order.clone();
            after.relinquished = Relinquished::Yes;
            let event = Event::AuthorizationDeactivated {
                order: order.asked.order,
            };
            Ok(Handled::new([event], reply(practice, &after, now)))
        }
        AuthorizationState::Deactivated
        | AuthorizationState::Expired
        | AuthorizationState::Invalid => Ok(reply(practice, order, now).into()),
    }
}

/// The authorization object: RFC 8555 §7.1.4.
fn reply(practice: &Practice, order: &Order, now: UnixTime) -> Reply {
    let document = json!({
        "status": order.authorization_state(now),
        "expires": order.authorized_until().to_string(),
        "identifier": identifier_object(order),
        "challenges": [challenge::object(practice, order)],
    });
    let reply = Reply::json(200, &document);
    match order.challenge_state() {
        ChallengeState::Processing => reply.with_retry(RETRY_AFTER),
        ChallengeState::Invalid | ChallengeState::Pending | ChallengeState::Valid => reply,
    }
}
