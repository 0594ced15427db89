//! Signing and verification over HTTP: `POST …/signing` and `POST …/verification`, for permitted trunks.
//!
//! ```text
//!   who asks ──► exchange ──► fields ──► the services that SIP calls are signed and judged by ──► answers
//!    (trunk)     (headers)    (JSON,                (crate::sip::state, judging)                (JSON, SIP)
//!                             form, SIP)
//! ```
//!
//! - [`dialect`]: ATIS-1000082 and 3GPP, and everything that goes wrong in each.
//! - [`fields`]: what a request says; [`form`] reads it out of a form.
//! - `exchange`: what HTTP itself has to say; `answers`: the bodies that leave; `judging`: a verification that may have to wait;
//!   `kinds`: what is signed beside the PASSporT of the caller; `message`: a whole SIP request in and out.
//!
//! The door holds no rule of STIR: what is signed and what passes is decided by the trunk's tenant and the one verification
//! policy, as for a SIP call.

pub mod dialect;
pub mod fields;
mod answers;
pub mod form;
mod exchange;
mod judging;
mod kinds;
mod message;

use self::dialect::{Defect, Dialect};
use self::exchange::Media;
use self::fields::{SigningFields, VerificationFields, Wanted};
use self::form::BadForm;
use super::listener::Ends;
use super::openapi;
use super::paths::MAX_REQUEST_BYTES;
use crate::config::listeners::MissingIdentity;
use crate::sip::base;
use crate::sip::record::{Ending, Record};
use crate::sip::services::Services;
use crate::sip::state::{State, TrunkSigner};
use axum::body::Body;
use axum::http::header::ORIGIN;
use axum::http::{HeaderValue, Method, Request};
use axum::response::Response;
use bytes::Bytes;
use countersign::authentication::{Form, Origination, Unlisted};
use countersign::call::Call;
use countersign::jose::json;
use countersign::passport::{Attestation, OrigId, Presented};
use countersign::priority::Dialled;
use countersign::time::Ticks;
use countersign::verification::{Malformed, Report, Verdict};
use countersign_sip::call::dialled;
use countersign_sip::element::{Handling, SignatureFate};
use countersign_sip::flow::{Flow, Transport};
use countersign_sip::identity_header::{self, MAX_PRESENTED};
use countersign_sip::trunk::{PassportForm, Role, Source, Trunk};
use std::sync::Arc;

/// What the trunk listener answers from.
#[derive(Clone)]
pub struct Door {
    /// Who signs and who judges: the same as for SIP.
    pub services: Arc<Services>,
    /// What stands before `/signing` and `/verification` in the 3GPP dialect.
    pub base: Box<str>,
}

/// What is asked of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// What may be asked, and how.
    Description,
    /// To sign a call.
    Signing(Dialect),
    /// To verify one.
    Verification(Dialect),
    /// Nothing that there is.
    Nothing,
}

impl Asked {
    fn dialect(self) -> Dialect {
        match self {
            Self::Signing(dialect) | Self::Verification(dialect) => dialect,
            Self::Description | Self::Nothing => Dialect::Atis,
        }
    }

    /// The name in metrics.
    fn name(self) -> &'static str {
        match self {
            Self::Signing(_) => "signing",
            Self::Verification(_) => "verification",
            Self::Description => "description",
            Self::Nothing => "none",
        }
    }
}

/// What went wrong, and in which dialect that is told.
struct Failure {
    dialect: Dialect,
    defect: Defect,
}

/// What is answered with 200.
struct Done {
    body: Bytes,
    outcome: &'static str,
}

/// Answers one request; without a door nobody is permitted.
pub(super) async fn answer(
    door: Option<Arc<Door>>,
    ends: Ends,
    asked: Asked,
    request: Request<Body>,
) -> Response {
    let id = exchange::request_id(request.headers());
    let (outcome, response) = match &door {
        None => {
            let defect = Defect::NotPermitted;
            let response = exchange::refused(id, asked.dialect(), &defect);
            (defect.name(), response)
        }
        Some(door) => match door.serve(ends, asked, &id, request).await {
            Ok((done, media)) => (done.outcome, exchange::done(id, media, done.body)),
            Err(Failure { dialect, defect }) => {
                let response = exchange::refused(id, dialect, &defect);
                (defect.name(), response)
            }
        },
    };
    if let Some(door) = door {
        let requests = &door.services.metrics.stir_requests;
        requests.increment([asked.name(), outcome]);
    }
    response
}

impl Door {
    async fn serve(
        &self,
        ends: Ends,
        asked: Asked,
        id: &HeaderValue,
        request: Request<Body>,
    ) -> Result<(Done, Media), Failure> {
        let dialect = asked.dialect();
        let refused = |defect| Failure { dialect, defect };
        let received = self.services.clock.now().ticks;
        let state = self.services.state.load_full();
        // Who is not permitted learns nothing else, not even what paths there are.
        let trunk = permitted(&state, &ends, asked);
        // A browser says where such a request comes from; no switch does. A page that somebody at the trunk's address looks at asks nothing.
        let trunk = trunk.filter(|_| !request.headers().contains_key(ORIGIN));
        let trunk = trunk.ok_or(refused(Defect::NotPermitted))?;
        if asked == Asked::Nothing {
            return Err(refused(Defect::NotFound));
        }
        let (method, headers) = (request.method(), request.headers());
        if asked == Asked::Description {
            return match *method {
                Method::GET | Method::HEAD => Ok((self.description(), Media::Json)),
                _ => Err(refused(Defect::Method("GET, HEAD"))),
            };
        }
        let media = exchange::inspect(method, headers, MAX_REQUEST_BYTES).map_err(refused)?;
        let body = exchange::body(request).await.map_err(refused)?;
        let visit = Visit {
            door: self,
            state: &state,
            trunk: &trunk,
            id: id.as_bytes(),
            received,
        };
        let done = match media {
            Media::Json => {
                let value = json::parse(&body).map_err(|error| refused(Defect::Json(error)))?;
                visit.do_it(asked, &value).await?
            }
            Media::Form => {
                let value = form::parse(&body);
                let bad = |why: BadForm| refused(Defect::Unreadable(why.text().into()));
                visit.do_it(asked, &value.map_err(bad)?).await?
            }
            Media::Sip => visit.pass(asked, body).await.map_err(refused)?,
        };
        Ok((done, media))
    }
}

impl Door {
    /// Whether a connection might be a trunk's, as far as its addresses tell.
    pub(super) fn might_permit(&self, flow: &Flow) -> bool {
        self.services.state().trunks.might_ask_over_http(flow)
    }

    fn description(&self) -> Done {
        Done {
            body: openapi::document(&self.base).into(),
            outcome: "done",
        }
    }
}

/// The trunk that asks, if it may.
fn permitted(state: &State, ends: &Ends, asked: Asked) -> Option<Arc<Trunk>> {
    let flow = Flow {
        transport: Transport::Tcp,
        local: ends.local,
        remote: ends.peer,
        connection: None,
    };
    let source = Source {
        flow: &flow,
        tls_identities: &ends.identities,
    };
    let trunk = state.trunks.find_over_http(&source)?;
    let may = match (asked, trunk.role) {
        (Asked::Description | Asked::Nothing, _) | (_, Role::Both) => true,
        (Asked::Signing(_), role) => role == Role::Sign,
        (Asked::Verification(_), role) => role == Role::Verify,
    };
    may.then(|| trunk.clone())
}

/// One request of a permitted trunk.
struct Visit<'a> {
    door: &'a Door,
    state: &'a Arc<State>,
    trunk: &'a Trunk,
    /// What the log calls it.
    id: &'a [u8],
    received: Ticks,
}

impl Visit<'_> {
    async fn do_it(&self, asked: Asked, body: &json::Value<'_>) -> Result<Done, Failure> {
        let policy = self.trunk.call.identity;
        let refused = |dialect| move |defect| Failure { dialect, defect };
        match asked {
            Asked::Signing(front) => {
                let fields = fields::signing(body, front, policy).map_err(refused(front))?;
                self.sign_fields(&fields).map_err(refused(fields.dialect))
            }
            Asked::Verification(front) => {
                let fields = fields::verification(body, front, policy).map_err(refused(front))?;
                self.judge_fields(&fields)
                    .await
                    .map_err(refused(fields.dialect))
            }
            Asked::Description | Asked::Nothing => Err(refused(asked.dialect())(Defect::NotFound)),
        }
    }

    fn sign_fields(&self, fields: &SigningFields<'_>) -> Result<Done, Defect> {
        let beat = Beat::of(&fields.call);
        let wishes = Wishes {
            attest: fields.attest,
            origid: fields.origid,
        };
        let identity = match &fields.wanted {
            Wanted::Div(div) => self.divert(&fields.call, div)?,
            Wanted::Rph(values, sph) => self.prioritize(&fields.call, values, *sph)?,
            Wanted::Rich => self.enrich(&fields.call, wishes)?,
            Wanted::Any => self.sign(&fields.call, wishes, beat)?,
            Wanted::Shaken => self.sign_shaken(&fields.call, wishes, beat)?,
        };
        let request_id = fields.request_id;
        Ok(Done {
            body: answers::signed(fields.dialect, &identity, request_id).into(),
            outcome: beat.outcome(),
        })
    }

    /// Signs a call as the trunk's SIP calls are signed: the value of the Identity header. Always in full form: whoever hears a 438 does not
    /// ask here again.
    fn sign(&self, call: &Call, wishes: Wishes, beat: Beat) -> Result<String, Defect> {
        if self.trunk.passport == PassportForm::Shaken {
            return self.sign_shaken(call, wishes, beat);
        }
        let signer = self.signer()?;
        let origination = self.origination(signer, wishes, beat);
        let now = self.door.services.clock.now();
        let Some(outcome) = base::deserved(signer, call, &origination, Form::Full, now.unix) else {
            return self.sign_shaken(call, wishes, beat);
        };
        let mut record = Record::of(call);
        let service = signer.service.acting_for_caller(call, now.unix);
        record.signed_base(outcome.as_ref().err(), service.signer().x5u(), now);
        self.close(record, None, kinds::fate(&outcome));
        outcome.map(|signed| signed.identity).map_err(Defect::of)
    }

    fn sign_shaken(&self, call: &Call, wishes: Wishes, beat: Beat) -> Result<String, Defect> {
        let signer = self.signer()?;
        let mut origination = self.origination(signer, wishes, beat);
        signer.dress(&mut origination, call);
        let now = self.door.services.clock.now();
        let outcome = signer.service.authenticate(call, &origination, now.unix);
        if beat == Beat::Call {
            let mut record = Record::of(call);
            let service = signer.service.acting_for_caller(call, now.unix);
            let x5u = service.signer().x5u();
            record.signed(&outcome, origination.origid, x5u, now);
            self.close(record, None, kinds::fate(&outcome));
        }
        outcome.map(|signed| signed.identity).map_err(Defect::of)
    }

    /// Where a call comes from, and what is asked for it.
    fn origination(&self, signer: &TrunkSigner, wishes: Wishes, beat: Beat) -> Origination {
        // An address over TCP proves that somebody answers there.
        let mut origination = signer.origination(self.trunk, Transport::Tcp);
        origination.asked = match (origination.asked, wishes.attest) {
            (Some(most), Some(asked)) => Some(most.min(asked)),
            (most, asked) => most.or(asked),
        };
        let asked = signer.asked_origid(wishes.origid);
        origination.origid = asked.unwrap_or(origination.origid);
        if beat == Beat::Heart {
            // Whatever is signed for others: who asks whether we can sign gets an answer, and C says nothing about anybody.
            (origination.asked, origination.unlisted) = (Some(Attestation::C), Unlisted::C);
        }
        origination
    }

    async fn judge_fields(&self, fields: &VerificationFields<'_>) -> Result<Done, Defect> {
        let beat = Beat::of(&fields.call);
        let values = fields.identities.iter().map(|text| text.as_bytes());
        let presented: Vec<_> = values
            .flat_map(identity_header::values)
            .take(MAX_PRESENTED)
            .map(identity_header::parse)
            .collect();
        if presented.is_empty() && self.state.missing_identity == MissingIdentity::Refused {
            return Err(Defect::Missing(match fields.dialect {
                Dialect::Atis => "identity",
                Dialect::Threegpp => "identityHeader",
            }));
        }
        let report = self.judge(&fields.call, presented, beat).await?;
        Ok(Done {
            body: answers::judged(fields, &report, self.trunk).into(),
            outcome: beat.outcome(),
        })
    }

    /// Judges a call as the trunk's SIP calls are judged.
    async fn judge(
        &self,
        call: &Call,
        presented: Vec<Result<Presented, Malformed>>,
        beat: Beat,
    ) -> Result<Report, Defect> {
        let services = &self.door.services;
        let mut known = None;
        if dialled(call, &self.trunk.emergency_numbers) == Dialled::Emergency {
            let known = known.insert(call.clone());
            known.priority.dialled = Dialled::Emergency;
        }
        let call = known.as_ref().unwrap_or(call);
        let judged = judging::judge(services, self.state, self.trunk, call, presented).await;
        let report = judged.ok_or(Defect::Ours)?;
        if beat == Beat::Call {
            let mut record = Record::of(call);
            record.judged(&report, services.clock.now());
            self.close(record, Some(report.verdict), SignatureFate::NotAsked);
        }
        Ok(report)
    }

    fn close(&self, record: Record, verdict: Option<Verdict>, signature: SignatureFate) {
        let services = &self.door.services;
        let ending = Ending {
            trunk: self.trunk,
            method: None,
            source: None,
            next_hop: None,
            bypass: None,
            reference: self.id,
            other_call_id: None,
            handling: Handling::Call,
            verdict,
            verdict_left: true,
            signature,
            priority: &[],
            status: None,
            received: self.received,
            answered: services.clock.now().ticks,
        };
        record.close(&ending, &self.state.calls, &services.metrics);
    }
}

/// What a request asks of a signature.
#[derive(Clone, Copy, Debug, Default)]
struct Wishes {
    attest: Option<Attestation>,
    origid: Option<OrigId>,
}

/// Whether a request is about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beat {
    /// It is.
    Call,
    /// It only asks whether we are there: numbers that nobody has. It is done as any other, and counted apart.
    Heart,
}

impl Beat {
    fn of(call: &Call) -> Self {
        match fields::is_heartbeat(call) {
            true => Self::Heart,
            false => Self::Call,
        }
    }

    /// The name in metrics.
    fn outcome(self) -> &'static str {
        match self {
            Self::Call => "done",
            Self::Heart => "heartbeat",
        }
    }
}
