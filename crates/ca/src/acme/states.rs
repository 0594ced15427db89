//! In which state the objects are that clients see: [RFC 8555 §7.1.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.6).
//!
//! Nothing of it is remembered: a state follows from what happened ([`super::desk`]), from the register of certificates and from
//! the time. So no state can contradict another.

use super::desk::{Challenge, Desk, Order, Progress, Relinquished};
use super::problem::{Kind, Problem};
use crate::register::{Register, Stage};
use countersign::time::UnixTime;
use serde::Serialize;

/// What is read to decide: the memory of the ACME server and the register of certificates.
#[derive(Clone, Copy, Debug)]
pub struct Books<'a> {
    /// Accounts and orders.
    pub desk: &'a Desk,
    /// Certificates.
    pub register: &'a Register,
}

/// The state of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChallengeState {
    /// A token came and does not do.
    Invalid,
    /// No token came.
    Pending,
    /// A token is being judged.
    Processing,
    /// A token came and does.
    Valid,
}

/// The state of an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorizationState {
    /// Given up by the client.
    Deactivated,
    /// Its time is over.
    Expired,
    /// Its challenge failed.
    Invalid,
    /// Its challenge is open.
    Pending,
    /// Its challenge is met.
    Valid,
}

/// The state of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderState {
    /// It has failed.
    Invalid,
    /// Its authorization is open.
    Pending,
    /// Its certificate is being made.
    Processing,
    /// It can be finalized.
    Ready,
    /// Its certificate can be had.
    Valid,
}

impl Order {
    /// The state of its challenge.
    pub fn challenge_state(&self) -> ChallengeState {
        match self.challenge {
            Challenge::Failed(_) => ChallengeState::Invalid,
            Challenge::Heard { .. } => ChallengeState::Processing,
            Challenge::Met { .. } => ChallengeState::Valid,
            Challenge::Open => ChallengeState::Pending,
        }
    }

    /// Until when its authorization is good: a met one as long as the token.
    // RFC 9447 §3.1: "Because the assignment of resources can change over time, demonstrations of authority must be regularly
    // refreshed."
    pub fn authorized_until(&self) -> UnixTime {
        match &self.challenge {
            Challenge::Met { grant, .. } => grant.until.min(self.asked.expires),
            _ => self.asked.expires,
        }
    }

    /// The state of its authorization.
    pub fn authorization_state(&self, now: UnixTime) -> AuthorizationState {
        let over = self.authorized_until() <= now;
        match (&self.challenge, self.relinquished) {
            (Challenge::Failed(_), _) => AuthorizationState::Invalid,
            (_, Relinquished::Yes) => AuthorizationState::Deactivated,
            (_, Relinquished::No) if over => AuthorizationState::Expired,
            (Challenge::Met { .. }, _) => AuthorizationState::Valid,
            (Challenge::Heard { .. } | Challenge::Open, _) => AuthorizationState::Pending,
        }
    }

    /// Its state.
    pub fn state(&self, register: &Register, now: UnixTime) -> OrderState {
        match &self.progress {
            Progress::Awaiting { .. } => OrderState::Processing,
            Progress::Failed(_) => OrderState::Invalid,
            Progress::Finalized(name) => match register.find(name).map(|entry| &entry.stage) {
                Some(Stage::Issued(_)) => OrderState::Valid,
                Some(Stage::Prepared(_)) => OrderState::Processing,
                Some(Stage::Abandoned(_)) | None => OrderState::Invalid,
            },
            // RFC 8555 §7.1.6: "The order also moves to the "invalid" state if it expires or one of its authorizations enters a final
            // state other than "valid" ("expired", "revoked", or "deactivated")."
            Progress::Open if self.asked.expires <= now => OrderState::Invalid,
            Progress::Open => match self.authorization_state(now) {
                AuthorizationState::Deactivated
                | AuthorizationState::Expired
                | AuthorizationState::Invalid => OrderState::Invalid,
                AuthorizationState::Pending => OrderState::Pending,
                AuthorizationState::Valid => OrderState::Ready,
            },
        }
    }

    /// Why it is invalid, if it is.
    pub fn problem(&self, register: &Register, now: UnixTime) -> Option<Problem> {
        if self.state(register, now) != OrderState::Invalid {
            return None;
        }
        Some(match (&self.progress, &self.challenge) {
            (Progress::Failed(problem), _) | (_, Challenge::Failed(problem)) => problem.clone(),
            (Progress::Finalized(_), _) => {
                Problem::new(Kind::ServerInternal, "the certificate was never issued")
            }
            (Progress::Awaiting { .. } | Progress::Open, _) => {
                Problem::unauthorized("the order or its authorization has expired or was given up")
            }
        })
    }
}
