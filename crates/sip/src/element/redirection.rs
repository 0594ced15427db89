//! Redirect mode: the call is answered instead of forwarded, and nothing but calls is taken.
//!
//! What the answer says is `crate::redirect`'s. Its server transaction repeats it to whoever repeats the INVITE, and absorbs the ACK.

use super::Turn;
use super::context::Context;
use super::event::{DropCause, Event, Handling};
use super::validation::Refusal;
use crate::inspect::inspect;
use crate::message::{Message, Method};
use crate::proxy::Additions;
use crate::redirect::redirect;
use crate::trunk::{NothingAdded, RedirectDialect};

impl Context {
    /// Answers the call, with what was found out about it.
    // RFC 3261 §8.3: "A redirect server does not issue any SIP requests of its own."
    pub(super) fn redirect(
        &mut self,
        dialect: RedirectDialect,
        additions: &Additions,
        turn: &mut Turn<'_>,
    ) {
        let dialect = match self.record.handling {
            // Whatever a switch makes of the other codes, nobody is to hear one who calls for help.
            Handling::Emergency => RedirectDialect {
                nothing_added: NothingAdded::MovedTemporarily,
                ..dialect
            },
            _ => dialect,
        };
        match redirect(&self.request, &self.trunk, dialect, additions) {
            Ok(redirection) => {
                self.record.forwarded = Some(turn.now.ticks);
                let headers = redirection.headers.iter();
                let headers: Vec<_> = headers
                    .map(|(name, value)| (&**name, value.as_slice()))
                    .collect();
                self.answer(redirection.status, redirection.reason, &headers, turn);
            }
            Err(error) => {
                turn.event(Event::Dropped(DropCause::OwnFault(error)));
                self.answer(500, "Server Internal Error", &[], turn);
            }
        }
    }
}

/// Whether a request may be redirected. An OPTIONS that is for us must not come here.
///
/// This is no proxy: Max-Forwards, Proxy-Require and loops are for those who send the call on.
pub(super) fn validate(request: &Message) -> Result<(), Refusal> {
    inspect(request).map_err(Refusal::Defect)?;
    // RFC 3261 §12.2.2: "If the UAS wishes to reject the request because it does not wish to recreate the dialog, it MUST respond to the
    // request with a 481 (Call/Transaction Does Not Exist) status code and pass that to the server transaction."
    if request.to().is_ok_and(|to| to.tag().is_some()) {
        return Err(Refusal::NoSuchDialog);
    }
    // RFC 3261 §8.2.1: "If the UAS recognizes but does not support the method of a request, it MUST generate a 405 (Method Not Allowed)
    // response."; "The UAS MUST also add an Allow header field to the 405 (Method Not Allowed) response."
    match request.method() {
        Some(Method::Invite) => Ok(()),
        _ => Err(Refusal::MethodNotAllowed),
    }
}
