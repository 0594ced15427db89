//! The token authority: who holds which numbers, and the tokens that say so. Its decisions are not here yet.

use serde::{Deserialize, Serialize};

/// What happened at the token authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {}

/// Every account, and what it holds.
#[derive(Clone, Debug, Default)]
pub struct TokenAccounts {}

impl TokenAccounts {
    /// Takes over what happened.
    pub fn apply(&mut self, event: &Event) {
        match *event {}
    }
}
