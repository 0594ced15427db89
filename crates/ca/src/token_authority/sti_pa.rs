//! What clients of SHAKEN's policy administrator expect: a login, and a signed list of authorities beside the tokens.
//!
//! The interface is known from the clients in the field only (`docs/divergences.md`): `POST /api/v1/auth/login` with `userId` and
//! `password` gives an `accessToken`, which is the whole `Authorization` header from then on; tokens come from
//! `POST /api/v1/account/:id/token`, the list from `GET /api/v1/ca-list`. The user is the account, the password its secret.

use super::request::{Dialect, Refusal, Refused, Reply, member};
use super::{Credential, TokenAccounts};
use countersign::certificate::{Certificate, chain};
use countersign::crypto::{SigningFailed, SigningKey, sha256};
use countersign::jose::base64url;
use countersign::jose::json::{self, write_string};
use countersign::jose::jws::ES256;
use countersign::time::UnixTime;
use std::collections::HashMap;

/// Most logins at a time; beyond it the oldest goes. Own decision.
pub const MAX_SESSIONS: usize = 10_000;

/// How long a login lasts, in seconds. Own decision: clients log in for every request.
pub const SESSION: i64 = 3_600;

/// Who is logged in: in memory only, a restart logs everybody out.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    open: HashMap<[u8; 32], Session>,
}

#[derive(Clone, Debug)]
struct Session {
    account: Box<str>,
    /// What was shown: whoever changes it logs everybody out.
    shown: Credential,
    until: UnixTime,
}

impl Sessions {
    /// Nobody is logged in.
    pub fn new() -> Self {
        Self::default()
    }

    /// Logs in: the reply with the access token, which is made of `random`.
    ///
    /// # Errors
    /// [`Refused`] if user and password are not those of an open account.
    pub fn login(
        &mut self,
        accounts: &TokenAccounts,
        body: &[u8],
        now: UnixTime,
        random: &[u8; 32],
    ) -> Result<Reply, Refused> {
        let refuse = |why| Refused {
            why,
            dialect: Dialect::StiPa,
        };
        let value = json::parse(body).map_err(|_| refuse(Refusal::NotJson))?;
        let (Some(user), Some(password)) = (member(&value, "userId"), member(&value, "password"))
        else {
            return Err(refuse(Refusal::NoCredentials));
        };
        let shown = Credential::of(password.as_bytes());
        if !accounts
            .get(user)
            .is_some_and(|account| account.admits(shown))
        {
            return Err(refuse(Refusal::NotTheHolder));
        }
        let token = base64url::encode(random);
        self.make_room(now);
        let session = Session {
            account: user.into(),
            shown,
            until: now.saturating_add(SESSION),
        };
        self.open.insert(sha256(token.as_bytes()), session);
        let body = format!(r#"{{"accessToken":"{token}","status":"success"}}"#);
        Ok(Reply::json(200, body))
    }

    /// The account that the holder of an access token has logged in to: the whole `Authorization` header, with or without
    /// `Bearer`.
    pub fn account(
        &self,
        accounts: &TokenAccounts,
        authorization: &str,
        now: UnixTime,
    ) -> Option<&str> {
        let token = authorization
            .strip_prefix("Bearer ")
            .unwrap_or(authorization);
        let session = self.open.get(&sha256(token.as_bytes()))?;
        let account = accounts.get(&session.account)?;
        (now < session.until && account.admits(session.shown)).then_some(&*session.account)
    }

    fn make_room(&mut self, now: UnixTime) {
        if self.open.len() < MAX_SESSIONS {
            return;
        }
        self.open.retain(|_, session| now < session.until);
        let oldest = self.open.iter().min_by_key(|(_, session)| session.until);
        if let (true, Some((token, _))) = (self.open.len() >= MAX_SESSIONS, oldest) {
            let token = *token;
            self.open.remove(&token);
        }
    }
}

/// Signs a list of authorities, as [`countersign::trust::CaList`] reads it; `sequence` never goes back.
///
/// # Errors
/// [`SigningFailed`] if the key does not.
pub fn ca_list(
    authorities: &[Certificate],
    sequence: u64,
    expires: UnixTime,
    x5u: Option<&str>,
    key: &dyn SigningKey,
) -> Result<String, SigningFailed> {
    let mut header = format!(r#"{{"alg":"{ES256}","typ":"JWT""#);
    if let Some(url) = x5u {
        header.push_str(r#","x5u":"#);
        write_string(url, &mut header);
    }
    header.push('}');
    let exp = expires.as_secs();
    let mut payload = format!(r#"{{"exp":{exp},"sequence":{sequence},"trustList":["#);
    for (position, authority) in authorities.iter().enumerate() {
        payload.push_str(if position == 0 { "" } else { "," });
        write_string(&chain::pem(authority.as_der()), &mut payload);
    }
    payload.push_str(r#"],"version":"1.0"}"#);
    let mut text = base64url::encode(header.as_bytes());
    text.push('.');
    base64url::encode_into(payload.as_bytes(), &mut text);
    let signature = key.sign(text.as_bytes())?;
    text.push('.');
    base64url::encode_into(&signature, &mut text);
    Ok(text)
}

/// The reply that has a signed list.
pub fn ca_list_reply(list: &str) -> Reply {
    Reply::json(200, format!(r#"{{"caList":"{list}","status":"success"}}"#))
}
