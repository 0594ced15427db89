//! A certificate, from the account to the chain ([RFC 8555 §7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4)).
//!
//! ```text
//!     account ─► order ─┬─ pending ──► authorization ─► token ─► challenge ─┐
//!                  ▲    ├─ ready ────► finalize ────────────────────────────┤
//!                  │    ├─ processing ► later ──────────────────────────────┤
//!                  └────┴───────────────────────────────────────────────────┘
//!                       └─ valid ────► chain: is it ours? ─► done
//! ```
//!
//! After each step the order says how it stands, and that decides on the next: so an answer that was lost costs a question, and a
//! client that was stopped goes on with its order ([`Wish::order`]). A request for a certificate is never sent twice into the dark.

use super::account::{Opening, location};
use super::documents::{Authorization, Challenge, Order, Problem, State, is_https};
use super::exchange::HttpResponse;
use super::failure::{CertificateFault, Failure, Stage};
use super::proof::{self, ResponseField, TokenSource};
use super::session::{Heard, Lost, Session, Signer, Step, Wanted};
use crate::csr::CertificationRequest;
use crate::token::TN_AUTH_LIST;
use countersign::certificate::CertificateChain;
use countersign::crypto::SigningKey;
use countersign::jose::base64url;
use countersign::time::UnixTime;
use serde_json::json;
use std::fmt;
use std::sync::Arc;

/// What is wished for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The URL of the server's directory.
    pub directory: Box<str>,
    /// What an account says of itself, if it has to be opened.
    pub opening: Opening,
    /// The request: its TN Authorization List is what is ordered.
    pub request: CertificationRequest,
    /// How it is proven that the numbers are ours.
    pub proof: Proof,
    /// How long the certificate should live: its end, if the server's own practice is not enough.
    pub not_after: Option<UnixTime>,
    /// An order that was placed for the same request before. If nothing can come of it, nothing else is ordered in its place.
    pub order: Option<Box<str>>,
    /// When it is given up.
    pub deadline: UnixTime,
}

/// How it is proven that what is ordered is ours.
#[derive(Clone, Debug)]
pub enum Proof {
    /// By what somebody else has put where the server looks: other identifiers than numbers, and other authorities.
    Elsewhere {
        /// The kind of challenge.
        challenge: Box<str>,
        /// What is ordered: type and value of each identifier.
        identifiers: Box<[(Box<str>, Box<str>)]>,
    },
    /// By an authority token.
    Token {
        /// Where it comes from.
        source: TokenSource,
        /// By which name it is sent.
        field: ResponseField,
    },
}

/// A certificate that was issued.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The certificate, and those above it.
    pub chain: CertificateChain,
    /// Where the server publishes the chain for everybody: RFC 9448 §7.
    pub x5u: Option<Box<str>>,
    /// The order.
    pub order: Box<str>,
    /// The account.
    pub account: Box<str>,
}

/// Where an enrolment stands.
#[derive(Clone, Debug)]
enum Phase {
    Account,
    NewOrder,
    /// The order is looked at.
    Order,
    /// The nth authorization is looked at.
    Authorization(usize),
    /// A token is fetched for this challenge of the nth authorization.
    Token(usize, Box<str>),
    /// This challenge of the nth authorization is answered.
    Challenge(usize, Box<str>, String),
    Finalization,
    /// The chain is fetched.
    Download(Box<str>),
    Done(Box<Enrolled>),
    Failed(Failure),
}

/// An enrolment under way.
pub struct Enrolment {
    wish: Wish,
    session: Session,
    phase: Phase,
    /// The order, once it is placed or known.
    place: Option<Box<str>>,
    order: Option<Order>,
    /// How many authorizations, from the first, have been answered.
    answered: usize,
}

impl Enrolment {
    /// An enrolment by the account of `account_key`.
    pub fn new(wish: Wish, account_key: Arc<dyn SigningKey>) -> Self {
        let session = Session::new(&wish.directory, account_key, wish.deadline);
        Self {
            place: wish.order.clone(),
            wish,
            session,
            phase: Phase::Account,
            order: None,
            answered: 0,
        }
    }

    /// What is being asked for.
    pub fn stage(&self) -> Stage {
        match &self.phase {
            _ if self.session.directory.is_none() => Stage::Directory,
            Phase::Account => Stage::Account,
            Phase::NewOrder | Phase::Order => Stage::Order,
            Phase::Authorization(_) => Stage::Authorization,
            Phase::Token(..) => Stage::Token,
            Phase::Challenge(..) => Stage::Challenge,
            Phase::Finalization => Stage::Finalization,
            Phase::Download(_) | Phase::Done(_) | Phase::Failed(_) => Stage::Download,
        }
    }

    /// The order, once it is placed. Whoever keeps it can go on with it later ([`Wish::order`]).
    pub fn order(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// Whether the server says that it works on the order: where somebody has to approve it, that lasts until they have.
    pub fn is_processing(&self) -> bool {
        let state = self.order.as_ref().map(|order| order.state);
        state == Some(State::Processing)
    }

    /// What is done next.
    pub fn next(&mut self, now: UnixTime) -> Step<Enrolled> {
        match &self.phase {
            Phase::Done(enrolled) => return Step::Done(Enrolled::clone(enrolled)),
            Phase::Failed(failure) => return Step::Failed(failure.clone()),
            _ => {}
        }
        let of_before = match &self.wish.order {
            Some(order) if !is_https(order) => Some(Step::Failed(Failure::NotHttps(order.clone()))),
            _ => self.session.before(now),
        };
        match of_before {
            Some(Step::Failed(Failure::TimedOut(_))) if self.is_processing() => {
                return self.kept(Step::Failed(Failure::Processing));
            }
            Some(step) => return self.kept(step),
            None => {}
        }
        let step = self.ask().unwrap_or_else(Step::Failed);
        self.kept(step)
    }

    /// A failure stays one.
    fn kept(&mut self, step: Step<Enrolled>) -> Step<Enrolled> {
        if let Step::Failed(failure) = &step {
            self.phase = Phase::Failed(failure.clone());
        }
        step
    }

    fn ask(&mut self) -> Result<Step<Enrolled>, Failure> {
        if let (Phase::Token(..), Proof::Token { source, .. }) = (&self.phase, &self.wish.proof)
            && let TokenSource::Authority(authority) = source
        {
            let account = self.session.key.public_key();
            let request = authority.request(&self.wish.request, &account);
            return Ok(self.session.ask(Wanted::Open(request)));
        }
        let (url, payload) = self.query()?;
        Ok(self.session.ask(Wanted::Signed {
            url: &url,
            payload: &payload,
            signer: Signer::Account,
        }))
    }

    /// The signed request of this phase: URL and payload.
    fn query(&self) -> Result<(Box<str>, String), Failure> {
        let directory = self.session.directory.as_ref();
        let directory = directory.ok_or(Failure::Unreadable(Stage::Directory))?;
        let order = self.order.as_ref();
        let missing = Failure::Unreadable(Stage::Order);
        let see = |url: &str| (Box::from(url), String::new());
        Ok(match &self.phase {
            Phase::Account => {
                let key = self.session.key.public_key();
                let payload = self.wish.opening.payload(directory, &key)?;
                (directory.new_account.clone(), payload)
            }
            Phase::NewOrder => (directory.new_order.clone(), self.wish.new_order()),
            Phase::Order => see(self.place.as_deref().ok_or(missing)?),
            Phase::Authorization(index) => {
                let authorizations = order.map(|order| order.authorizations.as_slice());
                let url = authorizations.and_then(|urls| urls.get(*index));
                see(url.ok_or(missing)?)
            }
            Phase::Challenge(_, url, response) => (url.clone(), response.clone()),
            Phase::Finalization => {
                let csr = base64url::encode(self.wish.request.as_der());
                let url = &order.ok_or(missing)?.finalize;
                (url.clone(), json!({ "csr": csr }).to_string())
            }
            Phase::Download(url) => see(url),
            Phase::Token(..) | Phase::Done(_) | Phase::Failed(_) => return Err(missing),
        })
    }

    /// Takes the answer to what was asked last, or that none came.
    pub fn heard(&mut self, answer: Result<&HttpResponse, Lost>, now: UnixTime) {
        let phase = match self.session.hear(answer, now) {
            Ok(Heard::Answer(answer)) => self.answer(answer, now),
            Ok(Heard::Refused(problem)) => self.refused(problem, now),
            Ok(Heard::Unknown) => self.unknown(),
            Ok(Heard::Waiting) => return,
            Err(failure) => Err(failure),
        };
        self.phase = phase.unwrap_or_else(Phase::Failed);
    }

    /// Whether the server has heard it is not known.
    fn unknown(&self) -> Result<Phase, Failure> {
        Ok(match &self.phase {
            // The order knows; asked for twice, a certificate could be issued twice by a careless server.
            Phase::Finalization => Phase::Order,
            same => same.clone(),
        })
    }

    fn refused(&mut self, problem: Problem, now: UnixTime) -> Result<Phase, Failure> {
        match &self.phase {
            // RFC 8555 §7.4: "The client should then send a POST-as-GET request to the order resource to obtain its current state."
            Phase::Finalization if &*problem.kind == "orderNotReady" => {
                self.session.back_off(now);
                Ok(Phase::Order)
            }
            Phase::Challenge(..) => Err(Failure::Authorization(Some(problem))),
            _ => Err(Failure::Refused(self.stage(), problem)),
        }
    }

    fn answer(&mut self, answer: &HttpResponse, now: UnixTime) -> Result<Phase, Failure> {
        match self.phase.clone() {
            Phase::Account => {
                self.session.account = Some(location(answer, Stage::Account)?);
                Ok(match self.place {
                    Some(_) => Phase::Order,
                    None => Phase::NewOrder,
                })
            }
            Phase::NewOrder => {
                self.place = Some(location(answer, Stage::Order)?);
                self.follow(answer, now)
            }
            Phase::Order | Phase::Finalization => self.follow(answer, now),
            Phase::Authorization(index) => self.authorization(index, answer, now),
            Phase::Token(index, challenge) => {
                let unreadable = Failure::Unreadable(Stage::Token);
                let token = proof::token_of(&answer.body).ok_or(unreadable)?;
                self.respond(index, challenge, &token, now)
            }
            Phase::Challenge(index, ..) => {
                self.answered = index + 1;
                Ok(Phase::Authorization(index))
            }
            Phase::Download(_) => self.enrolled(answer),
            settled @ (Phase::Done(_) | Phase::Failed(_)) => Ok(settled),
        }
    }

    /// What the order says about the next step: RFC 8555 §7.4.
    fn follow(&mut self, answer: &HttpResponse, now: UnixTime) -> Result<Phase, Failure> {
        let order = Order::read(&answer.body);
        let order = order.map_err(|_| Failure::Unreadable(Stage::Order))?;
        let phase = match order.state {
            // Everything is proven, and the server has not noticed yet.
            State::Pending if self.answered >= order.authorizations.len() => {
                self.session.poll(answer, now);
                Ok(Phase::Order)
            }
            State::Pending => Ok(Phase::Authorization(self.answered)),
            State::Ready => Ok(Phase::Finalization),
            State::Processing => {
                self.session.poll(answer, now);
                Ok(Phase::Order)
            }
            State::Valid => match &order.certificate {
                Some(url) => Ok(Phase::Download(url.clone())),
                None => Err(Failure::Unreadable(Stage::Order)),
            },
            State::Invalid | State::Gone => Err(Failure::Order(order.problem.clone())),
        };
        self.order = Some(order);
        phase
    }

    fn authorization(
        &mut self,
        index: usize,
        answer: &HttpResponse,
        now: UnixTime,
    ) -> Result<Phase, Failure> {
        let authorization = Authorization::read(&answer.body);
        let authorization = authorization.map_err(|_| Failure::Unreadable(Stage::Authorization))?;
        match authorization.state {
            State::Valid => {
                self.answered = self.answered.max(index + 1);
                Ok(Phase::Order)
            }
            State::Pending if index < self.answered => {
                self.session.poll(answer, now);
                Ok(Phase::Authorization(index))
            }
            State::Pending => self.prove(index, &authorization, answer, now),
            State::Gone | State::Invalid | State::Processing | State::Ready => {
                Err(Failure::Authorization(authorization.problem()))
            }
        }
    }

    /// Answers the challenge, or finds out that it has been answered before.
    fn prove(
        &mut self,
        index: usize,
        authorization: &Authorization,
        answer: &HttpResponse,
        now: UnixTime,
    ) -> Result<Phase, Failure> {
        let challenge = self.wish.proof.challenge(authorization);
        let challenge = challenge.ok_or(Failure::NoChallenge)?;
        if challenge.state != State::Pending {
            self.session.poll(answer, now);
            return Ok(Phase::Authorization(index));
        }
        let url = challenge.url.clone();
        match self.wish.proof.clone() {
            // RFC 8555 §7.5.1: "The client indicates to the server that it is ready for the challenge validation by sending an empty JSON
            // body ("{}") carried in a POST request to the challenge URL (not the authorization URL)."
            Proof::Elsewhere { .. } => Ok(Phase::Challenge(index, url, "{}".into())),
            Proof::Token { source, .. } => match source {
                TokenSource::Authority(_) => Ok(Phase::Token(index, url)),
                TokenSource::Given(token) => self.respond(index, url, &token, now),
            },
        }
    }

    fn respond(
        &self,
        index: usize,
        challenge: Box<str>,
        token: &str,
        now: UnixTime,
    ) -> Result<Phase, Failure> {
        let Proof::Token { field, .. } = &self.wish.proof else {
            return Err(Failure::NoChallenge);
        };
        let account = self.session.key.public_key();
        proof::check(token, &self.wish.request, &account, now).map_err(Failure::Token)?;
        Ok(Phase::Challenge(index, challenge, field.response(token)))
    }

    /// The chain has come: is it what was asked for?
    // A certificate of another key signs nothing that verifies, one of other numbers nothing that is ours.
    fn enrolled(&self, answer: &HttpResponse) -> Result<Phase, Failure> {
        let wrong = |fault| Err(Failure::Certificate(fault));
        let chain = match CertificateChain::parse(&answer.body) {
            Ok(chain) => chain,
            Err(cause) => return wrong(CertificateFault::Unreadable(cause)),
        };
        let (request, leaf) = (&self.wish.request, chain.end_entity());
        if leaf.public_key().p256() != Some(request.public_key()) {
            return wrong(CertificateFault::OtherKey);
        }
        let listed = leaf.tn_auth_list().map(|list| list.to_der());
        if listed.as_deref().unwrap_or_default() != proof::identifier(request) {
            return wrong(CertificateFault::OtherNumbers);
        }
        let known = (self.place.clone(), self.session.account.clone());
        let (Some(order), Some(account)) = known else {
            return Err(Failure::Unreadable(Stage::Order));
        };
        Ok(Phase::Done(Box::new(Enrolled {
            chain,
            x5u: self.order.as_ref().and_then(|order| order.x5u.clone()),
            order,
            account,
        })))
    }
}

impl Wish {
    // RFC 9448 §3: "The base64url encoding MUST NOT include any padding characters, and the TNAuthList ASN.1 object MUST be encoded using
    // DER encoding rules."
    fn new_order(&self) -> String {
        let identifiers: Vec<_> = match &self.proof {
            Proof::Elsewhere { identifiers, .. } => identifiers
                .iter()
                .map(|(kind, value)| json!({ "type": kind, "value": value }))
                .collect(),
            Proof::Token { .. } => {
                let value = base64url::encode(proof::identifier(&self.request));
                vec![json!({ "type": TN_AUTH_LIST, "value": value })]
            }
        };
        let mut order = json!({ "identifiers": identifiers });
        if let (Some(end), Some(members)) = (self.not_after, order.as_object_mut()) {
            members.insert("notAfter".into(), json!(end.to_string()));
        }
        order.to_string()
    }
}

impl Proof {
    fn challenge<'a>(&self, authorization: &'a Authorization) -> Option<&'a Challenge> {
        match self {
            Self::Elsewhere { challenge, .. } => {
                let mut all = authorization.challenges.iter();
                all.find(|one| one.kind == *challenge)
            }
            Self::Token { .. } => proof::challenge(authorization),
        }
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Enrolment({:?}, {:?})", self.wish.directory, self.phase)
    }
}
