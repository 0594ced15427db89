//! What a client asks for besides certificates: another key for its account, and the end of a certificate
//! ([RFC 8555 §7.3.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.5), [§7.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.6)).

use super::account::location;
use super::documents::Problem;
use super::exchange::HttpResponse;
use super::failure::{Failure, Stage};
use super::session::{Heard, Lost, Session, Signer, Step, Wanted};
use countersign::certificate::crl::Reason;
use countersign::crypto::SigningKey;
use countersign::jose::base64url;
use countersign::jose::flattened::FlattenedJws;
use countersign::jose::json::write_string;
use countersign::jose::jwk::Jwk;
use countersign::time::UnixTime;
use serde_json::json;
use std::fmt;
use std::sync::Arc;

/// What is to be done.
#[derive(Clone)]
pub enum Task {
    /// The account gets this key instead of its own.
    KeyChange(Arc<dyn SigningKey>),
    /// A certificate is revoked.
    Revocation {
        /// The certificate, DER.
        certificate: Box<[u8]>,
        /// Why.
        reason: Reason,
        /// Who says so.
        by: RevokedBy,
    },
}

/// Who says that a certificate is revoked.
#[derive(Clone)]
pub enum RevokedBy {
    /// The account that ordered it.
    Account,
    /// Its own key.
    Key(Arc<dyn SigningKey>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// The account of the key is found.
    Account,
    /// It is done.
    Act,
    /// Whether it was done is found out: does the new key have the account?
    LookBack,
    Done,
    Failed(Failure),
}

/// An errand under way.
pub struct Errand {
    task: Task,
    session: Session,
    phase: Phase,
}

impl Errand {
    /// An errand of the account of `account_key`, at the server with this directory.
    pub fn new(
        directory: &str,
        account_key: Arc<dyn SigningKey>,
        task: Task,
        deadline: UnixTime,
    ) -> Self {
        let phase = match &task {
            Task::Revocation {
                by: RevokedBy::Key(_),
                ..
            } => Phase::Act,
            // An account key may have been changed by an errand that never heard so.
            Task::KeyChange(_) => Phase::LookBack,
            Task::Revocation { .. } => Phase::Account,
        };
        Self {
            task,
            session: Session::new(directory, account_key, deadline),
            phase,
        }
    }

    /// What is done next.
    pub fn next(&mut self, now: UnixTime) -> Step<()> {
        match &self.phase {
            Phase::Done => return Step::Done(()),
            Phase::Failed(failure) => return Step::Failed(failure.clone()),
            Phase::Account | Phase::Act | Phase::LookBack => {}
        }
        let step = match self.session.before(now) {
            Some(step) => step,
            None => self.ask().unwrap_or_else(Step::Failed),
        };
        if let Step::Failed(failure) = &step {
            self.phase = Phase::Failed(failure.clone());
        }
        step
    }

    fn ask(&mut self) -> Result<Step<()>, Failure> {
        let directory = self.session.directory.as_ref();
        let directory = directory.ok_or(Failure::Unreadable(Stage::Directory))?;
        // RFC 8555 §7.3.1: "it SHOULD do so by sending a POST request to the newAccount URL with a JWS whose payload has an
        // "onlyReturnExisting" field set to "true" ({"onlyReturnExisting": true})."
        let existing = String::from(r#"{"onlyReturnExisting":true}"#);
        let (task, account) = (self.task.clone(), self.session.account.clone());
        let (url, payload) = match (&self.phase, &task) {
            (Phase::Account | Phase::LookBack, _) => (directory.new_account.clone(), existing),
            (_, Task::KeyChange(new)) => {
                let url = directory.key_change.clone();
                let account = account.ok_or(Failure::Unreadable(Stage::Account))?;
                let inner = key_change(&url, &account, &*self.session.key, &**new)?;
                (url, inner)
            }
            (
                _,
                Task::Revocation {
                    certificate,
                    reason,
                    ..
                },
            ) => {
                let certificate = base64url::encode(certificate);
                let payload = json!({ "certificate": certificate, "reason": reason.code() });
                (directory.revoke_cert.clone(), payload.to_string())
            }
        };
        let signer = match (&self.phase, &task) {
            (Phase::LookBack, Task::KeyChange(key)) => Signer::Key(&**key),
            (
                Phase::Act,
                Task::Revocation {
                    by: RevokedBy::Key(key),
                    ..
                },
            ) => Signer::Key(&**key),
            _ => Signer::Account,
        };
        Ok(self.session.ask(Wanted::Signed {
            url: &url,
            payload: &payload,
            signer,
        }))
    }

    /// Takes the answer to what was asked last, or that none came.
    pub fn heard(&mut self, answer: Result<&HttpResponse, Lost>, now: UnixTime) {
        let phase = match self.session.hear(answer, now) {
            Ok(Heard::Answer(answer)) => self.answer(answer),
            Ok(Heard::Refused(problem)) => self.refused(problem),
            Ok(Heard::Unknown) => Ok(self.unknown()),
            Ok(Heard::Waiting) => return,
            Err(failure) => Err(failure),
        };
        self.phase = phase.unwrap_or_else(Phase::Failed);
    }

    fn answer(&mut self, answer: &HttpResponse) -> Result<Phase, Failure> {
        match self.phase {
            Phase::Account => {
                self.session.account = Some(location(answer, Stage::Account)?);
                Ok(Phase::Act)
            }
            // The new key has an account: the change was made before.
            Phase::LookBack | Phase::Act | Phase::Done => Ok(Phase::Done),
            Phase::Failed(ref failure) => Err(failure.clone()),
        }
    }

    fn refused(&self, problem: Problem) -> Result<Phase, Failure> {
        match (&self.phase, &*problem.kind) {
            (Phase::LookBack, "accountDoesNotExist") => Ok(match self.session.account {
                Some(_) => Phase::Act,
                None => Phase::Account,
            }),
            // Whoever has not heard that it is done asks again.
            (Phase::Act, "alreadyRevoked") => Ok(Phase::Done),
            (Phase::Account | Phase::LookBack, _) => Err(Failure::Refused(Stage::Account, problem)),
            _ => Err(Failure::Refused(self.task.stage(), problem)),
        }
    }

    fn unknown(&self) -> Phase {
        match (&self.phase, &self.task) {
            (Phase::Act, Task::KeyChange(_)) => Phase::LookBack,
            (same, _) => same.clone(),
        }
    }
}

impl Task {
    fn stage(&self) -> Stage {
        match self {
            Self::KeyChange(_) => Stage::KeyChange,
            Self::Revocation { .. } => Stage::Revocation,
        }
    }
}

// RFC 8555 §7.3.5: "To create this request object, the client first constructs a keyChange object describing the account to be updated
// and its account key", and "The client then encapsulates the keyChange object in an "inner" JWS, signed with the requested new
// account key."
fn key_change(
    url: &str,
    account: &str,
    old: &dyn SigningKey,
    new: &dyn SigningKey,
) -> Result<String, Failure> {
    let mut payload = String::from(r#"{"account":"#);
    write_string(account, &mut payload);
    payload.push_str(r#","oldKey":"#);
    Jwk::of(&old.public_key()).write(&mut payload);
    payload.push('}');
    let mut header = String::from(r#"{"alg":"ES256","jwk":"#);
    Jwk::of(&new.public_key()).write(&mut header);
    header.push_str(r#","url":"#);
    write_string(url, &mut header);
    header.push('}');
    FlattenedJws::sign(&header, payload.as_bytes(), new).map_err(|_| Failure::NotSigned)
}

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Errand({}, {:?})", self.task.stage(), self.phase)
    }
}
