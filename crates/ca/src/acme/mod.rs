//! The ACME server ([RFC 8555](https://www.rfc-editor.org/rfc/rfc8555)): accounts, orders, authorizations. Its decisions are not
//! here yet.

use serde::{Deserialize, Serialize};

/// What happened at the ACME server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {}

/// Every account, order, authorization and challenge.
#[derive(Clone, Debug, Default)]
pub struct Desk {}

impl Desk {
    /// Takes over what happened.
    pub fn apply(&mut self, event: &Event) {
        match *event {}
    }
}
