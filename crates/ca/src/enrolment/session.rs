//! The conversation with one ACME server: who signs, nonces, and what is tried again
//! ([RFC 8555 §6](https://www.rfc-editor.org/rfc/rfc8555#section-6)).
//!
//! ```text
//!     wanted ─► directory known? nonce at hand? ─► request ─► answer ─► Heard
//!                                                     ▲          │
//!                                                     └──────────┘  badNonce: at once; lost, busy, rate limited: later
//! ```
//!
//! What is wanted may be asked for several times: every request here is one that a server hears twice without harm, or whose second
//! answer tells what became of the first. Who uses a session knows which ([`super::enrol`], [`super::errand`]).

use super::documents::{self, Directory, Problem};
use super::exchange::{HttpRequest, HttpResponse, JOSE_JSON, Method};
use super::failure::{Failure, Stage};
use countersign::crypto::SigningKey;
use countersign::jose::flattened::FlattenedJws;
use countersign::jose::json::write_string;
use countersign::jose::jwk::Jwk;
use countersign::time::UnixTime;
use std::sync::Arc;

/// How often a nonce is refused before it is no bad luck any more. Own decision: servers behind a balancer refuse one now and then.
const MAX_BAD_NONCES: u32 = 8;

/// Longest pause between two tries, in seconds. Own decision: a minute is nothing to a certificate.
const LONGEST_PAUSE: i64 = 64;

/// How soon a server is asked again that has not said when.
pub(super) const POLL: i64 = 2;

/// Nothing came back that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

/// What is done next.
#[derive(Clone, Debug)]
pub enum Step<T> {
    /// Ask this; the answer goes to `heard`.
    Ask(HttpRequest),
    /// It is done.
    Done(T),
    /// It comes to nothing.
    Failed(Failure),
    /// Nothing before this time.
    Wait(UnixTime),
}

/// By what a request names its signer: RFC 8555 §6.2.
#[derive(Clone, Copy)]
pub(super) enum Signer<'a> {
    /// The account.
    Account,
    /// This key, which the request brings along.
    Key(&'a dyn SigningKey),
}

/// What is wanted from a server.
pub(super) enum Wanted<'a> {
    /// A request without a signature.
    Open(HttpRequest),
    /// A signed request; an empty payload only asks to see.
    Signed {
        url: &'a str,
        payload: &'a str,
        signer: Signer<'a>,
    },
}

/// What came of an answer.
#[derive(Debug)]
pub(super) enum Heard<'a> {
    /// What was wanted is answered.
    Answer(&'a HttpResponse),
    /// What was wanted is refused, and will be.
    Refused(Problem),
    /// What was wanted is to be asked for again; whether the server has heard it is not known.
    Unknown,
    /// As before: only a nonce has come, or something is asked again.
    Waiting,
}

/// What was asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Directory,
    Nonce,
    /// Of somebody else, whose nonces are not the server's.
    Open,
    Wanted,
}

/// The conversation with one ACME server.
pub(super) struct Session {
    pub(super) key: Arc<dyn SigningKey>,
    pub(super) account: Option<Box<str>>,
    pub(super) directory: Option<Directory>,
    place: Box<str>,
    nonce: Option<Box<str>>,
    asked: Option<Asked>,
    pause: Option<UnixTime>,
    /// How often in a row something did not come, or came to nothing.
    misses: u32,
    bad_nonces: u32,
    deadline: UnixTime,
    last: Option<Problem>,
}

impl Session {
    pub(super) fn new(directory: &str, key: Arc<dyn SigningKey>, deadline: UnixTime) -> Self {
        Self {
            key,
            account: None,
            directory: None,
            place: directory.into(),
            nonce: None,
            asked: None,
            pause: None,
            misses: 0,
            bad_nonces: 0,
            deadline,
            last: None,
        }
    }

    /// What is done before anything is wanted: waiting, the directory. `None` if nothing.
    pub(super) fn before<T>(&mut self, now: UnixTime) -> Option<Step<T>> {
        let until = self.pause.unwrap_or(now);
        if self.deadline <= now || self.deadline < until {
            return Some(Step::Failed(Failure::TimedOut(self.last.take())));
        }
        if now < until {
            return Some(Step::Wait(until));
        }
        self.pause = None;
        if self.directory.is_some() {
            return None;
        }
        if !documents::is_https(&self.place) {
            let place = self.place.clone();
            return Some(Step::Failed(Failure::NotHttps(place)));
        }
        self.asked = Some(Asked::Directory);
        Some(Step::Ask(open(Method::Get, &self.place)))
    }

    /// The request for what is wanted, or for what is needed before it.
    pub(super) fn ask<T>(&mut self, wanted: Wanted<'_>) -> Step<T> {
        let (url, payload, signer) = match wanted {
            Wanted::Open(request) => {
                self.asked = Some(Asked::Open);
                return Step::Ask(request);
            }
            Wanted::Signed {
                url,
                payload,
                signer,
            } => (url, payload, signer),
        };
        let Some(nonce) = self.nonce.take() else {
            let directory = self.directory.as_ref();
            let Some(place) = directory.map(|directory| &directory.new_nonce) else {
                return Step::Failed(Failure::Unreadable(Stage::Directory));
            };
            self.asked = Some(Asked::Nonce);
            return Step::Ask(open(Method::Head, place));
        };
        let header = self.header(url, &nonce, signer);
        let key = match signer {
            Signer::Account => &*self.key,
            Signer::Key(key) => key,
        };
        let Ok(body) = FlattenedJws::sign(&header, payload.as_bytes(), key) else {
            return Step::Failed(Failure::NotSigned);
        };
        self.asked = Some(Asked::Wanted);
        Step::Ask(HttpRequest {
            method: Method::Post,
            url: url.into(),
            content_type: Some(JOSE_JSON),
            authorization: None,
            body: body.into_bytes(),
        })
    }

    // RFC 8555 §6.2: "The "jwk" and "kid" fields are mutually exclusive."
    fn header(&self, url: &str, nonce: &str, signer: Signer<'_>) -> String {
        let mut header = String::from(r#"{"alg":"ES256","#);
        match (signer, &self.account) {
            (Signer::Account, Some(account)) => {
                header.push_str(r#""kid":"#);
                write_string(account, &mut header);
            }
            (Signer::Account, None) => {
                header.push_str(r#""jwk":"#);
                Jwk::of(&self.key.public_key()).write(&mut header);
            }
            (Signer::Key(key), _) => {
                header.push_str(r#""jwk":"#);
                Jwk::of(&key.public_key()).write(&mut header);
            }
        }
        header.push_str(r#","nonce":"#);
        write_string(nonce, &mut header);
        header.push_str(r#","url":"#);
        write_string(url, &mut header);
        header.push('}');
        header
    }

    /// Takes an answer, or that there is none.
    pub(super) fn hear<'a>(
        &mut self,
        answer: Result<&'a HttpResponse, Lost>,
        now: UnixTime,
    ) -> Result<Heard<'a>, Failure> {
        let Some(asked) = self.asked.take() else {
            return Ok(Heard::Waiting);
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(Lost) => return Ok(self.missed(asked, None, now)),
        };
        if asked != Asked::Open {
            self.keep_nonce(answer);
        }
        if answer.is_success() {
            return self.succeeded(asked, answer, now);
        }
        let problem = Problem::read(answer.status, &answer.body);
        // RFC 8555 §6.5: "On receiving such a response, a client SHOULD retry the request using the new nonce."
        if &*problem.kind == "badNonce" && asked != Asked::Open {
            self.bad_nonces += 1;
            if self.bad_nonces.is_multiple_of(MAX_BAD_NONCES) {
                return Ok(self.missed(asked, Some(problem), now));
            }
            return Ok(Heard::Waiting);
        }
        if is_passing(answer.status, &problem) {
            let heard = self.missed(asked, Some(problem), now);
            if let Some(until) = answer.retry_after(now) {
                self.pause = Some(until);
            }
            return Ok(heard);
        }
        match asked {
            Asked::Directory => Err(Failure::Refused(Stage::Directory, problem)),
            Asked::Nonce => Err(Failure::Refused(Stage::Nonce, problem)),
            Asked::Open | Asked::Wanted => Ok(Heard::Refused(problem)),
        }
    }

    fn succeeded<'a>(
        &mut self,
        asked: Asked,
        answer: &'a HttpResponse,
        now: UnixTime,
    ) -> Result<Heard<'a>, Failure> {
        match asked {
            Asked::Directory => {
                let directory = Directory::read(&answer.body);
                let unreadable = |_| Failure::Unreadable(Stage::Directory);
                self.directory = Some(directory.map_err(unreadable)?);
            }
            // A nonce server without nonces is one that does not work now.
            Asked::Nonce if self.nonce.is_none() => return Ok(self.missed(asked, None, now)),
            Asked::Nonce => return Ok(Heard::Waiting),
            Asked::Open | Asked::Wanted => {
                self.misses = 0;
                self.bad_nonces = 0;
                return Ok(Heard::Answer(answer));
            }
        }
        self.misses = 0;
        Ok(Heard::Waiting)
    }

    // RFC 8555 §6.5.1: "The value of the Replay-Nonce header field MUST be an octet string encoded according to the base64url encoding
    // described in Section 2 of [RFC7515]. Clients MUST ignore invalid Replay-Nonce values."
    fn keep_nonce(&mut self, answer: &HttpResponse) {
        let valid = |nonce: &&str| {
            let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            !nonce.is_empty() && nonce.bytes().all(base64url)
        };
        if let Some(nonce) = answer.header("Replay-Nonce").filter(valid) {
            self.nonce = Some(nonce.into());
        }
    }

    fn missed(&mut self, asked: Asked, problem: Option<Problem>, now: UnixTime) -> Heard<'static> {
        self.last = problem.or(self.last.take());
        self.back_off(now);
        match asked {
            Asked::Open | Asked::Wanted => Heard::Unknown,
            Asked::Directory | Asked::Nonce => Heard::Waiting,
        }
    }

    /// Waits longer than the last time.
    pub(super) fn back_off(&mut self, now: UnixTime) {
        let pause = 1_i64.checked_shl(self.misses).unwrap_or(LONGEST_PAUSE);
        self.misses = self.misses.saturating_add(1).min(16);
        self.pause = Some(now.saturating_add(pause.min(LONGEST_PAUSE)));
    }

    /// Waits until a server that works on it says, or a little.
    pub(super) fn poll(&mut self, answer: &HttpResponse, now: UnixTime) {
        let until = answer.retry_after(now);
        self.pause = Some(until.unwrap_or(now.saturating_add(POLL)));
    }
}

fn open(method: Method, url: &str) -> HttpRequest {
    HttpRequest {
        method,
        url: url.into(),
        content_type: None,
        authorization: None,
        body: Vec::new(),
    }
}

/// Whether another time it may be another answer.
pub(super) fn is_passing(status: u16, problem: &Problem) -> bool {
    // RFC 8555 §6.6: "Once the rate limit is exceeded, the server MUST respond with an error with the type
    // "urn:ietf:params:acme:error:rateLimited"."
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504) || &*problem.kind == "rateLimited"
}
