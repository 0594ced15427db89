//! The desk of the token authority: tokens, logins, and the list of authorities beside them.

use super::Service;
use crate::authority::book::Decision;
use crate::office::gate::TurnedAway;
use bytes::Bytes;
use countersign::crypto::{Whereabouts, system_random};
use countersign_ca::token_authority::request::{Asked, Dialect, Proof, Reply, decide};
use std::fmt;
use std::sync::Arc;
use tokio::task::spawn_blocking;
use tracing::error;

impl Service {
    /// Answers a request for a token of `account`; `None` if this server issues none.
    pub async fn token(
        &self,
        account: String,
        shown: Shown,
        body: Bytes,
        dialect: Dialect,
    ) -> Option<Reply> {
        let desk = self.tokens.clone()?;
        let now = self.clock.now().unix;
        let session = match (dialect, &shown.authorization) {
            (Dialect::StiPa, Some(header)) => {
                let (ledger, sessions) = (self.keeper.snapshot(), self.sessions());
                let account = sessions.account(&ledger.tokens, header, now);
                account.map(str::to_owned)
            }
            _ => None,
        };
        let practice = desk.practice.clone();
        let decided = self.keeper.command(move |ledger, now, random| {
            let mut jti = [0; 16];
            random(&mut jti);
            let asked = Asked {
                account: &account,
                proof: shown.proof(session.as_deref()),
                body: &body,
                dialect,
            };
            match decide(&ledger.tokens, &practice, asked, now, jti) {
                Ok(decided) => Decision {
                    events: vec![decided.event.into()],
                    reply: Ok(decided.grant),
                },
                Err(refused) => Decision::nothing(Err(refused)),
            }
        });
        let decided = match decided {
            Ok(pending) => pending.reply().await,
            Err(undone) => Err(undone),
        };
        let grant = match decided {
            Ok(Ok(grant)) => grant,
            Ok(Err(refused)) => return Some(refused.reply()),
            Err(undone) => {
                error!(%undone, "a token was not issued");
                return Some(out_of_order());
            }
        };
        let signed = match desk.key.whereabouts() {
            Whereabouts::Memory => Ok(grant.reply(desk.key.as_ref())),
            Whereabouts::Elsewhere => spawn_blocking(move || grant.reply(desk.key.as_ref())).await,
        };
        match signed {
            Ok(Ok(reply)) => Some(reply),
            _ => {
                error!("the key of the token authority did not sign");
                Some(out_of_order())
            }
        }
    }

    /// The list of authorities that are trusted; `None` if none is published.
    pub fn ca_list(&self) -> Option<Reply> {
        self.anchors.as_ref()?.reply()
    }

    /// What a client of the token authority hears that was turned away.
    pub fn no_token_now(&self, why: TurnedAway) -> Reply {
        let (status, wait) = match why {
            TurnedAway::Busy(wait) => (503, wait),
            TurnedAway::TooOften(wait) => (429, wait),
        };
        Reply {
            retry_after: Some(wait),
            ..problem(status, "too often, or too many at once: see Retry-After")
        }
    }

    /// Logs a client of the policy administrator's interface in.
    pub fn login(&self, body: &[u8]) -> Option<Reply> {
        self.tokens.as_ref()?;
        let mut random = [0; 32];
        if system_random(&mut random).is_err() {
            return Some(out_of_order());
        }
        let (ledger, now) = (self.keeper.snapshot(), self.clock.now().unix);
        let logged_in = self.sessions().login(&ledger.tokens, body, now, &random);
        Some(logged_in.unwrap_or_else(|refused| refused.reply()))
    }
}

/// What a token customer has shown.
#[derive(Clone, Default)]
pub struct Shown {
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The certificate that it has proven to have in TLS, DER.
    pub certificate: Option<Arc<[u8]>>,
}

impl Shown {
    fn proof<'a>(&'a self, session: Option<&'a str>) -> Proof<'a> {
        match (session, &self.authorization, &self.certificate) {
            (Some(account), ..) => Proof::Session(account),
            // Whoever says who they are is taken at their word, not at their certificate.
            (None, Some(header), _) => Proof::Authorization(header),
            (None, None, Some(certificate)) => Proof::Certificate(certificate),
            (None, None, None) => Proof::Nothing,
        }
    }
}

impl fmt::Debug for Shown {
    /// As [`Proof`] has it, which keeps secrets to itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.proof(None).fmt(f)
    }
}

fn out_of_order() -> Reply {
    problem(503, "no token can be issued now")
}

fn problem(status: u16, detail: &str) -> Reply {
    Reply {
        status,
        content_type: "application/problem+json",
        www_authenticate: None,
        retry_after: None,
        body: format!(r#"{{"detail":"{detail}","status":{status}}}"#),
    }
}
