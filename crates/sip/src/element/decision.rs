//! What happens to a request before it is sent on: whether it is signed, judged or passed, and what follows from the answer.
//!
//! ```text
//!   INVITE that may begin a call     everything else, emergency calls, role none
//!     │                                   │
//!     ├─ role verify, both with Identity ─┼─▶ judge ─▶ rejected, or tagged ─┐
//!     │                                   │                                 ├─▶ (role both, replace or add) sign ─▶ forwarded
//!     └─ role sign, both without ─────────┼─▶ sign, unless an Identity is kept
//!                                         └─▶ forwarded
//! ```
//!
//! A call that goes somewhere else than its PASSporTs say is signed as diverted before it is forwarded, whatever the trunk's role: what
//! was there stays. If that fails it goes on all the same.
//!
//! Whatever the host does, the deadline of the trunk ends the wait.
//!
//! An INVITE with a To tag is inside a dialog, or pretends to be: a proxy that does not record its route cannot know dialogs. It
//! passes, but without any verdict, and where the trunk requires proof of every call, it is required of it, too.

use super::context::{Context, Stage};
use super::event::{Handling, SignatureFate};
use super::mid_dialog::MidDialogFate;
use super::{EXPIRE_GRACE, Judge, Judgement, Options, Output, Part, Sign, Subject, Turn, Unsigned};
use crate::call;
use crate::identity_header;
use crate::message::{Message, Name};
use crate::proxy::{Additions, Originals, Urgency, keeps_request_uri};
use crate::query;
use crate::reason;
use crate::resource_priority;
use crate::retarget::{Retargeting, retargeting};
use crate::trunk::{
    AttestationSuffix, BypassCause, ExistingIdentity, Leniency, MediaSecurity, Mode, Reaction,
    Role, Treatment, Trunk,
};
use countersign::call::DateHeader;
use countersign::identity::Identity;
use countersign::passport::Attestation;
use countersign::priority::{Dialled, PriorityMark, ResourceValue};
use countersign::time::Ticks;
use countersign::verification::{Code, Fault, Verdict};
use std::sync::Arc;

/// It waits for a signature or a judgement.
pub(super) struct Deciding {
    question: Question,
    /// When the wait ends.
    due: Ticks,
    /// What the copy will have, as far as it is known.
    additions: Additions,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// For the signature of a diversion alone.
    Diversion,
    /// For a judgement.
    Judgement,
    /// For a judgement with what is known, because the deadline has passed.
    LastJudgement,
    /// For a signature.
    Signature,
}

impl Question {
    const fn is_for_a_signature(self) -> bool {
        matches!(self, Self::Diversion | Self::Signature)
    }
}

/// What is wanted of a request before it is sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Emergency,
    Judge,
    /// Signing was wanted, but there is an Identity that stays.
    Keep,
    Pass,
    Sign,
}

impl Context {
    /// Decides about a request that is fit to be forwarded.
    pub(super) fn decide(&mut self, turn: &mut Turn<'_>) {
        if self.speaks(turn) || self.is_answered_as_inquiry(turn) {
            return;
        }
        let plan = self.plan(turn.options);
        self.record.handling = match plan {
            Plan::Emergency => Handling::Emergency,
            Plan::Pass => Handling::Passed,
            Plan::Judge | Plan::Keep | Plan::Sign => Handling::Call,
        };
        let additions = match plan {
            Plan::Emergency => Additions {
                urgency: Urgency::Emergency,
                ..Additions::default()
            },
            // A MESSAGE to emergency services begins no call.
            Plan::Pass
                if !self.is_inside_a_call()
                    && is_emergency(&self.request, &self.trunk, turn.options) =>
            {
                Additions {
                    urgency: Urgency::Emergency,
                    ..self.retargeted(turn.options)
                }
            }
            Plan::Judge | Plan::Keep | Plan::Pass | Plan::Sign => Additions {
                urgency: self.urgency(None),
                ..self.retargeted(turn.options)
            },
        };
        match plan {
            Plan::Judge => self.ask_for_judgement(additions, turn),
            Plan::Sign => self.ask_for_signature(additions, turn),
            Plan::Keep => {
                self.record.signature = SignatureFate::Kept;
                self.pass(additions, turn);
            }
            Plan::Emergency if self.signs_emergency() => self.ask_for_signature(additions, turn),
            Plan::Emergency | Plan::Pass => self.pass(additions, turn),
        }
    }

    /// Whether an emergency call asks for priority that the trunk may have signed. It waits for no answer but our own, which asks nobody
    /// else, and for that no longer than the trunk's deadline.
    fn signs_emergency(&self) -> bool {
        let keeps = self.trunk.existing_identity == ExistingIdentity::Keep;
        let is_signed = matches!(self.role(), Role::Both | Role::Sign)
            && !(keeps && has_identity(&self.request));
        let asked = || resource_priority::requested(&self.request).values;
        let may_be = |value: &ResourceValue| {
            value.is_of_emergency_services() && self.trunk.signed_priority.contains(value)
        };
        is_signed && !self.trunk.signed_priority.is_empty() && asked().iter().any(may_be)
    }

    /// What the call is besides an emergency call: a call-back, if somebody on the list marks it so who is who they say. Where calls are
    /// judged, that is proven.
    fn urgency(&self, verdict: Option<Verdict>) -> Urgency {
        let is_known = !self.trunk.verifies() || verdict == Some(Verdict::Passed);
        if self.trunk.psap_numbers.is_empty() || !is_known {
            return Urgency::Ordinary;
        }
        let call = call::from_request(&self.request, &self.trunk.call);
        let number = call.orig.as_ref().and_then(Identity::number);
        let is_listed = number.is_some_and(|number| self.trunk.psap_numbers.contains(&number));
        match (call.priority.mark, is_listed) {
            (PriorityMark::PsapCallback, true) => Urgency::ListedCallback,
            _ => Urgency::Ordinary,
        }
    }

    /// What a call is given that goes somewhere else: nothing to all others.
    fn retargeted(&self, options: &Options) -> Additions {
        let Some(diversions) = &self.trunk.diversions else {
            return Additions::default();
        };
        // A Route that takes the place of the Request-URI is not to be overruled, and inside a dialog nobody is called.
        let begins = self.is_invite() && !self.is_inside_a_call() && !self.is_in_dialog();
        let retargeting = match begins && keeps_request_uri(&self.request, &options.names) {
            true => retargeting(&self.request, &self.trunk, diversions),
            false => None,
        };
        match retargeting {
            Some(Retargeting {
                request_uri,
                diversion,
            }) => Additions {
                request_uri,
                diversion: Some(Box::new(diversion)),
                originals: Originals::Kept,
                ..Additions::default()
            },
            None => Additions::default(),
        }
    }

    /// Sends on a call whose caller we do not sign; that it is diverted we do.
    pub(super) fn pass(&mut self, additions: Additions, turn: &mut Turn<'_>) {
        // RFC 8946 §4.1: "it MUST NOT add a "div" PASSporT to an INVITE that contains no Identity header field."
        match additions.diversion.is_some() && has_identity(&self.request) {
            true => self.ask_for_diversion(additions, turn),
            false => self.forward(&additions, turn),
        }
    }

    /// The host has judged.
    pub(super) fn judged(&mut self, judgement: Judgement, turn: &mut Turn<'_>) {
        let Stage::Deciding(deciding) = &mut self.stage else {
            return;
        };
        if deciding.question.is_for_a_signature() {
            return;
        }
        let additions = std::mem::take(&mut deciding.additions);
        self.follow(judgement, additions, turn);
    }

    /// The host has signed, or not.
    pub(super) fn signed(&mut self, identities: Vec<Box<str>>, turn: &mut Turn<'_>) {
        let Stage::Deciding(deciding) = &mut self.stage else {
            return;
        };
        if !deciding.question.is_for_a_signature() {
            return;
        }
        let mut additions = std::mem::take(&mut deciding.additions);
        let question = deciding.question;
        if self.is_inside_a_call() {
            self.note_spoken(MidDialogFate::of_signing(&identities), turn);
        }
        match (question, identities.is_empty()) {
            (Question::Diversion, _) => {}
            (_, false) => self.record.signature = SignatureFate::Added,
            (_, true) => self.record.signature = SignatureFate::Refused,
        }
        additions.identities = identities;
        self.forward(&additions, turn);
    }

    /// The host has signed in compact form.
    pub(super) fn signed_compact(
        &mut self,
        compact: Box<str>,
        full: Box<str>,
        turn: &mut Turn<'_>,
    ) {
        if let Stage::Deciding(deciding) = &mut self.stage {
            deciding.additions.full = Some(full);
        }
        self.signed(vec![compact], turn);
    }

    /// The host should have signed, and could not.
    pub(super) fn not_signed(&mut self, turn: &mut Turn<'_>) {
        if let Stage::Deciding(deciding) = &mut self.stage
            && deciding.question == Question::Signature
            && self.crossing.as_ref().is_none_or(|one| one.peer.is_none())
        {
            deciding.additions.bypass = Some(BypassCause::SigningFailed);
        }
        self.signed(Vec::new(), turn);
    }

    /// Whether something is decided or held that passes by time.
    pub(super) fn awaits_decision(&self) -> bool {
        matches!(self.stage, Stage::Deciding(_) | Stage::Held(_))
    }

    /// The timer of the decision is due.
    pub(super) fn deadline_passed(&mut self, turn: &mut Turn<'_>) {
        let Stage::Deciding(deciding) = &mut self.stage else {
            return;
        };
        if turn.now.ticks < deciding.due {
            return;
        }
        match deciding.question {
            Question::Judgement => {
                deciding.question = Question::LastJudgement;
                deciding.due = turn.now.ticks.after(EXPIRE_GRACE);
                turn.set_timer(self.id, Part::Decision, deciding.due);
                turn.out.push(Output::Expire(self.id));
            }
            Question::LastJudgement => {
                let additions = std::mem::take(&mut deciding.additions);
                turn.out.push(Output::Forget(self.id));
                let judgement = Judgement {
                    verdict: Verdict::of(Fault::DeadlineExpired),
                    code: None,
                    attestation: None,
                    consequences: None,
                    key: None,
                    provider: None,
                    msec: None,
                };
                self.follow(judgement, additions, turn);
            }
            Question::Diversion => {
                let additions = std::mem::take(&mut deciding.additions);
                turn.out.push(Output::Forget(self.id));
                self.forward(&additions, turn);
            }
            Question::Signature => {
                let mut additions = std::mem::take(&mut deciding.additions);
                turn.out.push(Output::Forget(self.id));
                if self.is_inside_a_call() {
                    self.note_spoken(MidDialogFate::Unsigned(Unsigned::Late), turn);
                    return self.forward(&additions, turn);
                }
                additions.bypass = Some(BypassCause::DeadlineExpired);
                self.record.signature = SignatureFate::Late;
                self.forward(&additions, turn);
            }
        }
    }

    fn plan(&self, options: &Options) -> Plan {
        // What is inside a dialog that we know begins nothing.
        if self.is_inside_a_call() || !self.may_begin_a_call() {
            return Plan::Pass;
        }
        if is_emergency(&self.request, &self.trunk, options) {
            return Plan::Emergency;
        }
        let keeps = self.trunk.existing_identity == ExistingIdentity::Keep;
        match (self.role(), has_identity(&self.request)) {
            (Role::None, _) => Plan::Pass,
            (Role::Verify, _) | (Role::Both, true) => Plan::Judge,
            (Role::Sign, true) if keeps => Plan::Keep,
            (Role::Both, false) if self.requires_identity() => Plan::Judge,
            (Role::Both | Role::Sign, _) => Plan::Sign,
        }
    }

    // RFC 3261 §12.2.2: "If the request has a tag in the To header field, but the dialog identifier does not match any existing dialogs,
    // [...] Based on the To tag, the UAS MAY either accept or reject the request." Whoever invents a To tag may so begin a call. That
    // wins nothing over leaving the Identity away, except where a call without Identity is refused.
    fn may_begin_a_call(&self) -> bool {
        let in_dialog = self.is_in_dialog();
        let proof_required = self.trunk.verifies() && self.requires_identity();
        self.is_invite() && (!in_dialog || proof_required)
    }

    /// Whether it is inside a dialog, or pretends to be.
    pub(super) fn is_in_dialog(&self) -> bool {
        self.request.to().is_ok_and(|to| to.tag().is_some())
    }

    fn ask_for_judgement(&mut self, additions: Additions, turn: &mut Turn<'_>) {
        let due = self.wait_for(Question::Judgement, additions, turn);
        let call = call::from_request(&self.request, &self.trunk.call);
        let inquirer = self.inquirer(&call);
        turn.out.push(Output::Judge(Judge {
            id: self.id,
            call,
            presented: identity_header::presented(&self.request),
            inquirer,
            trunk: Arc::clone(&self.trunk),
            deadline: due,
        }));
    }

    fn ask_for_signature(&mut self, mut additions: Additions, turn: &mut Turn<'_>) {
        let adds = self.trunk.existing_identity == ExistingIdentity::Add;
        if additions.diversion.is_some() && has_identity(&self.request) && !adds {
            self.record.signature = SignatureFate::Kept;
            return self.ask_for_diversion(additions, turn);
        }
        let mut call = call::from_request(&self.request, &self.trunk.call);
        if call.date == DateHeader::Absent {
            call.date = DateHeader::At(turn.now.unix);
            additions.date = Some(turn.now.unix);
        }
        // RFC 7090 §5.3: a mark that nobody on the list wrote is none.
        if additions.urgency != Urgency::ListedCallback {
            call.priority.mark = PriorityMark::None;
        }
        if additions.urgency == Urgency::Emergency {
            call.priority.dialled = Dialled::Emergency;
        }
        let diversion = additions.diversion.take();
        self.wait_for(Question::Signature, additions, turn);
        turn.out.push(Output::Sign(Sign {
            id: self.id,
            subject: Subject::Caller,
            diversion,
            call,
            asked: self.attestation_asked(),
            trunk: Arc::clone(&self.trunk),
            transport: self.transport,
        }));
    }

    fn ask_for_diversion(&mut self, mut additions: Additions, turn: &mut Turn<'_>) {
        self.record.handling = Handling::Call;
        let diversion = additions.diversion.take();
        self.wait_for(Question::Diversion, additions, turn);
        turn.out.push(Output::Sign(Sign {
            id: self.id,
            subject: Subject::Diversion,
            diversion,
            call: call::from_request(&self.request, &self.trunk.call),
            asked: None,
            trunk: Arc::clone(&self.trunk),
            transport: self.transport,
        }));
    }

    /// Waits for the signature of a request inside a dialog.
    pub(super) fn wait_for_signature(&mut self, additions: Additions, turn: &mut Turn<'_>) {
        self.wait_for(Question::Signature, additions, turn);
    }

    /// Waits for the judgement of one; until when.
    pub(super) fn wait_for_judgement(
        &mut self,
        additions: Additions,
        turn: &mut Turn<'_>,
    ) -> Ticks {
        self.wait_for(Question::Judgement, additions, turn)
    }

    /// The whole wait is one deadline, but each question gets at least [`EXPIRE_GRACE`].
    fn wait_for(&mut self, question: Question, additions: Additions, turn: &mut Turn<'_>) -> Ticks {
        let deadline = self.record.received.after(self.trunk.deadline);
        let due = deadline.max(turn.now.ticks.after(EXPIRE_GRACE));
        turn.set_timer(self.id, Part::Decision, due);
        self.stage = Stage::Deciding(Deciding {
            question,
            due,
            additions,
        });
        due
    }

    /// Does what the verdict demands.
    fn follow(&mut self, mut judgement: Judgement, mut additions: Additions, turn: &mut Turn<'_>) {
        if self.is_inside_a_call() {
            return self.follow_speaker(&judgement, &additions, turn);
        }
        if self.pins_signers() {
            self.record.key = judgement.key.map(Box::new);
            self.record.provider.clone_from(&judgement.provider);
        }
        let verdict = judgement.verdict;
        self.record.verdict = Some(verdict);
        let code = judgement.code.unwrap_or_else(|| code_of(verdict));
        if self.inquiry.is_some() && !self.goes_on_as_call(verdict, turn) {
            return self.follow_inquiry(code, &judgement, additions, turn);
        }
        if let Some(fault) = self.broken_keys(&judgement) {
            return self.reject(fault.code(), &judgement, turn);
        }
        if self.rejects(verdict, code) {
            return self.reject(code, &judgement, turn);
        }
        self.note_findings(&judgement);
        additions.consequences = judgement.consequences.take();
        additions.urgency = self.urgency(Some(verdict));
        additions.bypass = bypass_cause(verdict);
        additions.verstat = Some(self.verstat(&judgement));
        // RFC 8946 §4.1: "The retargeting entity SHOULD act as a verification service and validate the existing Identity header field
        // value(s) in the request before proceeding". What is false stays false when it is diverted.
        if matches!(verdict, Verdict::Failed(_)) {
            additions.diversion = None;
            additions.originals = Originals::AsConfigured;
        }
        let signs =
            self.role() == Role::Both && self.trunk.existing_identity != ExistingIdentity::Keep;
        if signs {
            self.ask_for_signature(additions, turn);
        } else {
            self.pass(additions, turn);
        }
    }

    /// What is wrong with a PASSporT that asks for media security, where that is given.
    // RFC 8862 §4.4: "a compliant verification service that receives a dialog-forming SIP request containing an Identity header with a
    // PASSporT type of "msec", after validating the request per the steps described in Section 6.2 of [RFC8224], MUST reject the request
    // if there is any failure in that validation process with the appropriate status code per Section 6.2.2 of [RFC8224]."
    fn broken_keys(&self, judgement: &Judgement) -> Option<Fault> {
        let connected = self.trunk.connected.as_deref()?;
        match judgement.msec {
            Some(Verdict::Failed(fault)) if connected.media != MediaSecurity::Off => Some(fault),
            _ => None,
        }
    }

    /// Answers a call that does not go on.
    pub(super) fn reject(&mut self, code: Code, judgement: &Judgement, turn: &mut Turn<'_>) {
        let rejection = &self.trunk.rejection;
        let (status, phrase) = match rejection.status {
            Some(status) => status.line(),
            None => (code.number(), code.phrase()),
        };
        let mut reasons = Vec::new();
        if let Some(text) = &rejection.text {
            reasons.push(reason::sip(status, text));
        }
        let found = self.findings(judgement);
        match found.len() {
            // Of one error the answer itself is enough.
            0 | 1 if status == code.number() => {}
            0 | 1 => reasons.push(reason::stir(code, None)),
            _ => reasons.extend(found),
        }
        let lines = reasons
            .iter()
            .map(|reason| (Name::Reason.as_str(), reason.as_slice()));
        self.answer(status, phrase, &lines.collect::<Vec<_>>(), turn);
    }

    /// What is done with the call: on a trunk that is asked for both, a switch says what it wants.
    fn role(&self) -> Role {
        match (&self.trunk.mode, self.trunk.role) {
            (Mode::Redirect(_), Role::Both) => match query::question(&self.request) {
                Some(query::Question::Signature) => Role::Sign,
                Some(query::Question::Verdict) => Role::Verify,
                None => Role::Both,
            },
            (_, role) => role,
        }
    }

    fn attestation_asked(&self) -> Option<Attestation> {
        let header = self.trunk.attestation_header.as_deref();
        let asked = header.and_then(|header| query::attestation(&self.request, header));
        let ceiling = self.trunk.attestation_asked;
        match (ceiling, asked) {
            (Some(ceiling), Some(asked)) => Some(ceiling.min(asked)),
            (ceiling, asked) => ceiling.or(asked),
        }
    }

    /// Whether calls without Identity are rejected.
    fn requires_identity(&self) -> bool {
        self.rejects(Verdict::Unsigned, Code::UseIdentityHeader)
    }

    /// Whether a call with this verdict is rejected for this code: as the trunk says of the code, or else of all.
    fn rejects(&self, verdict: Verdict, code: Code) -> bool {
        if let Some(reaction) = self.reaction_to(code) {
            return reaction == Reaction::Reject && verdict != Verdict::Passed;
        }
        let Treatment::Reject {
            not_validated,
            unsigned,
        } = self.trunk.treatment
        else {
            return false;
        };
        match verdict {
            Verdict::Failed(_) => true,
            Verdict::NotValidated(_) => not_validated == Leniency::Reject,
            Verdict::Passed => false,
            Verdict::Unsigned => unsigned == Leniency::Reject,
        }
    }

    fn verstat(&self, judgement: &Judgement) -> String {
        let style = self.trunk.verstat;
        let text = judgement.verdict.verstat(style.profile).text();
        match (style.suffix, judgement.verdict, judgement.attestation) {
            (AttestationSuffix::Appended, Verdict::Passed, Some(attestation)) => {
                format!("{text}-{attestation}")
            }
            _ => text.to_owned(),
        }
    }
}

// RFC 8224 §6.2.2: "A 428 response will be sent (per Section 6.2) when an Identity header field is required but no Identity header field
// without a "ppt" parameter or with a supported "ppt" value has been received." For all else the table of faults knows the code.
pub(super) fn code_of(verdict: Verdict) -> Code {
    verdict.fault().map_or(Code::UseIdentityHeader, Fault::code)
}

/// How our service failed a call that was judged so; `None` if it did not.
fn bypass_cause(verdict: Verdict) -> Option<BypassCause> {
    match verdict {
        Verdict::NotValidated(Fault::DeadlineExpired) => Some(BypassCause::DeadlineExpired),
        Verdict::NotValidated(
            Fault::CertificateUnavailable
            | Fault::NotExamined
            | Fault::NumberAuthorityStale
            | Fault::NumberAuthorityUnavailable
            | Fault::RevocationUnknown
            | Fault::StatusUnavailable
            | Fault::TnAuthListUnavailable,
        ) => Some(BypassCause::NotVerifiable),
        _ => None,
    }
}

/// Whether a request goes to an emergency service and nowhere else: a Route that takes the place of its Request-URI would lead it to
/// anybody, unjudged.
pub(super) fn is_emergency(request: &Message, trunk: &Trunk, options: &Options) -> bool {
    call::is_emergency_call(request, &trunk.emergency_numbers)
        && keeps_request_uri(request, &options.names)
}

pub(super) fn has_identity(request: &Message) -> bool {
    request
        .headers(Name::Identity)
        .any(|line| identity_header::values(line.value).next().is_some())
}
