//! Errors of PASSporTs in the responses to a call: [RFC 9410](https://www.rfc-editor.org/rfc/rfc9410).
//!
//! ```text
//!   authentication service ──INVITE──▶ verification service ──▶ called
//!        ▲ takes out what is about       │ writes what it found into
//!        │ its own PASSporTs             ▼ the next response but 100
//!   caller ◀──18x, 2xx, 4xx────────────────────────────────────── called
//! ```
//!
//! Both may be we: what we found in a call that goes on is told to whoever sent it, and what others found in PASSporTs of ours is
//! noted and goes no further. The values themselves are [`crate::reason`]'s.
//!
//! Responses are never judged: an Identity header in one is not looked at here, and so nothing is told of it.

use super::context::Context;
use super::event::{Event, Reported, ReportedOn};
use super::{Judgement, Turn};
use crate::identity_header;
use crate::message::{Framing, Message, Name};
use crate::patch::Patch;
use crate::proxy::{Additions, Originals};
use crate::reason::{self, Fate, Reason, Subject, signature_of};
use crate::trunk::{ExistingIdentity, Named, OthersReports, Reaction, ToldIn, Trunk};
use countersign::verification::{Code, Complaint};
use std::sync::Arc;

/// Most reports about our own PASSporTs that are noted of one request. Whoever sends more floods a log.
const MAX_NOTED: u8 = 8;

/// Most errors that one call is told. No policy judges as many PASSporTs.
const MAX_TOLD: usize = 16;

/// What there is to tell, and to take out, of one request.
#[derive(Default)]
pub(super) struct Reports {
    /// What was found, if anything is to be told.
    found: Option<Box<Found>>,
    /// The signatures of our PASSporTs, with a dot between them; empty if there are none.
    ours: Box<str>,
    /// Whether ours is the only one that the request left with.
    company: Company,
    /// How many reports were noted.
    noted: u8,
}

/// Values of Reason, and whether they were told.
struct Found {
    values: Vec<Vec<u8>>,
    told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    InFinal,
    InProvisional,
    NotYet,
}

/// With how many PASSporTs a request left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Company {
    /// With one, which is ours.
    Alone,
    /// With several, or with none of ours.
    #[default]
    Others,
}

impl Reports {
    /// The request leaves with these values of Identity of ours.
    fn signed(&mut self, request: &Message, trunk: &Trunk, additions: &Additions) {
        let identities = &additions.identities;
        let signatures = identities.iter().filter_map(|identity| {
            let token = identity.split(';').next().unwrap_or_default();
            signature_of(token.trim())
        });
        let mut ours = String::new();
        for signature in signatures {
            if !ours.is_empty() {
                ours.push('.');
            }
            ours.push_str(signature);
        }
        let replaces = trunk.existing_identity == ExistingIdentity::Replace
            && additions.originals == Originals::AsConfigured;
        let mut lines = request.headers(Name::Identity);
        let has_theirs = lines.any(|line| identity_header::values(line.value).next().is_some());
        self.ours = ours.into_boxed_str();
        self.company = match identities.len() == 1 && (replaces || !has_theirs) {
            true => Company::Alone,
            false => Company::Others,
        };
    }

    /// The values that a response with this status tells; they are told then.
    // RFC 9410 §3: "Any provisional SIP response message or final response message, with the exception of a 100 (Trying), MAY contain
    // one or more Reason header fields with a STIR-related cause code".
    fn due_in(&mut self, status: u16, told_in: ToldIn) -> &[Vec<u8>] {
        let Some(found) = self.found.as_deref_mut().filter(|_| status > 100) else {
            return &[];
        };
        let is_final = status >= 200;
        // The called repeats its 2xx: it says each time what it said first.
        let tells = match told_in {
            ToldIn::Both => true,
            ToldIn::Final => is_final,
            ToldIn::Next => match found.told {
                Told::NotYet => true,
                Told::InFinal => is_final,
                Told::InProvisional => false,
            },
            ToldIn::Provisional => !is_final,
        };
        if !tells {
            return &[];
        }
        found.told = match is_final {
            true => Told::InFinal,
            false => Told::InProvisional,
        };
        &found.values
    }

    /// Whether a report is about a PASSporT of ours.
    fn subject_of(&self, reason: &Reason<'_>) -> ReportedOn {
        match reason.subject() {
            Subject::Signature(signature) if self.has(&signature) => ReportedOn::Ours,
            Subject::Signature(_) => ReportedOn::Others,
            Subject::Unreadable => ReportedOn::Nobody,
            Subject::Unnamed if self.company == Company::Alone => ReportedOn::Ours,
            Subject::Unnamed => ReportedOn::Nobody,
        }
    }

    fn has(&self, signature: &str) -> bool {
        self.ours.split('.').any(|ours| ours == signature)
    }
}

impl Context {
    /// Notes what the verification of this request found, of a call that goes on.
    // RFC 9410 §4: "In cases where local policy dictates that a call should continue regardless of any verification errors that may
    // have occurred, including 4xx errors described in Section 6.2.2 of [RFC8224], the verification service MUST NOT send the 4xx as
    // a response.  Rather, it should include the error response code and reason phrase in a Reason header field in the next
    // provisional or final response it sends to the authentication service."
    // RFC 9410 §6: "If there are multiple Identity header field verification errors being reported, the verification service MUST
    // include a corresponding number of Reason header fields per error."
    pub(super) fn note_findings(&mut self, judgement: &Judgement) {
        let values = self.findings(judgement);
        self.reports.found = (!values.is_empty()).then(|| {
            let told = Told::NotYet;
            Box::new(Found { values, told })
        });
    }

    /// A value for each error that may be told. An error without a PASSporT to blame is that of the whole call.
    pub(super) fn findings(&self, judgement: &Judgement) -> Vec<Vec<u8>> {
        let consequences = judgement.consequences.as_deref();
        let complaints = consequences.map_or(&[][..], |all| &all.complaints);
        let of_call = judgement.verdict.fault().map(|fault| Complaint {
            code: judgement.code.unwrap_or(fault.code()),
            ppi: None,
        });
        let of_call = of_call.iter().filter(|_| complaints.is_empty());
        let told = complaints.iter().chain(of_call).filter(|complaint| {
            let reaction = self.trunk.reporting.on_error.of(complaint.code);
            reaction != Some(Reaction::ContinueSilently)
        });
        let values = told.map(|complaint| {
            let ppi = self.name_of(complaint);
            reason::stir(complaint.code, ppi.as_deref())
        });
        values.take(MAX_TOLD).collect()
    }

    /// How the PASSporT of a complaint is named.
    // RFC 9410 §5: "For a SIP INVITE containing multiple Identity header fields, the "ppi" parameter for the Reason header field is
    // RECOMMENDED."
    fn name_of(&self, complaint: &Complaint) -> Option<Box<str>> {
        let compact = complaint.ppi.as_deref()?;
        let named = self.trunk.reporting.named;
        if named == Named::Compact {
            return Some(compact.into());
        }
        let presented = identity_header::presented(&self.request);
        if named == Named::None && presented.len() == 1 {
            return None;
        }
        let signature = signature_of(compact);
        let is_meant = |token: &str| named == Named::Full && signature_of(token) == signature;
        let mut tokens = presented.into_iter().flatten().map(|one| one.token);
        let full = tokens.find(|token| is_meant(token));
        Some(full.unwrap_or_else(|| compact.into()))
    }

    /// Notes which PASSporTs of ours the request leaves with.
    pub(super) fn note_signatures(&mut self, additions: &Additions) {
        if !additions.identities.is_empty() {
            self.reports.signed(&self.request, &self.trunk, additions);
        }
    }

    /// What an answer of ours tells.
    pub(super) fn told_by_answer(&mut self, status: u16) -> Vec<Vec<u8>> {
        let told_in = self.trunk.reporting.told;
        self.reports.due_in(status, told_in).to_vec()
    }

    /// A response of somebody else with what it tells, and without what it shall not tell; `None` if it goes back as it is, as usual.
    pub(super) fn reported(&mut self, response: &Message, turn: &mut Turn<'_>) -> Option<Message> {
        let has_reasons = response.header(Name::Reason).is_some();
        if !has_reasons && self.reports.found.is_none() {
            return None;
        }
        let kept = match has_reasons {
            true => self.without_ours(response, turn),
            false => None,
        };
        let response = kept.as_ref().unwrap_or(response);
        let told_in = self.trunk.reporting.told;
        let mut patch = Patch::default();
        for value in self.reports.due_in(response.status()?, told_in) {
            patch.append_header(response, Name::Reason.as_str(), value);
        }
        // A response that has no room for it goes back without.
        edited(response, &patch).or(kept)
    }

    /// Notes what is told of our own PASSporTs, and takes it out.
    // RFC 9410 §7: "When an authentication service [RFC8224] receives the Reason header field with a PASSporT it generated as part of an
    // Identity header field and the authentication of a call, it should first follow local policy to recognize and acknowledge the error
    // (e.g., perform operational actions like logging or alarming).  Then, it MUST remove the identified Reason header field to avoid the
    // PASSporT information from going upstream".
    fn without_ours(&mut self, response: &Message, turn: &mut Turn<'_>) -> Option<Message> {
        let others = self.trunk.reporting.others;
        if self.reports.ours.is_empty() && others == OthersReports::Kept {
            return None;
        }
        let (mut patch, mut told) = (Patch::default(), Vec::new());
        let signatures: Vec<&str> = self.reports.ours.split('.').collect();
        reason::strip(response, &mut patch, &signatures, |reason| {
            let on = self.reports.subject_of(reason);
            told.push((on, reason.cause()));
            match (on, others) {
                (ReportedOn::Ours, _) | (_, OthersReports::Removed) => Fate::Removed,
                (ReportedOn::Nobody | ReportedOn::Others, OthersReports::Kept) => Fate::Kept,
            }
        });
        for (on, cause) in told {
            self.note_report(on, cause, turn);
        }
        edited(response, &patch)
    }

    fn note_report(&mut self, on: ReportedOn, cause: Option<u32>, turn: &mut Turn<'_>) {
        if self.reports.ours.is_empty() || self.reports.noted >= MAX_NOTED {
            return;
        }
        self.reports.noted += 1;
        turn.event(Event::Reported(Box::new(Reported {
            id: self.id,
            trunk: Arc::clone(&self.trunk),
            call_id: self.request.header(Name::CallId).unwrap_or_default().into(),
            on,
            cause,
        })));
    }

    /// Whether a call that was judged so is rejected for this code, if the trunk says something about the code.
    pub(super) fn reaction_to(&self, code: Code) -> Option<Reaction> {
        self.trunk.reporting.on_error.of(code)
    }
}

fn edited(response: &Message, patch: &Patch) -> Option<Message> {
    if patch.is_empty() {
        return None;
    }
    let bytes = patch.apply(response).ok()?;
    Message::parse(bytes, Framing::Datagram).ok()
}
