//! Requests inside a dialog that was established with connected identity: re-INVITE, UPDATE and BYE
//! ([RFC 9970 §6](https://www.rfc-editor.org/rfc/rfc9970#section-6)).
//!
//! ```text
//!     ours ── re-INVITE, UPDATE, BYE ──▶ signed in the name of who speaks on our side ──▶ foreign
//!     ours ◀── passed, or answered 438 ◀── judged against who speaks on theirs ◀───────── foreign
//! ```
//!
//! Only where we are one end of both dialogs: a proxy has none, and so knows nobody who speaks in them. Who they are was settled by the answer
//! (`answering`), and stays so whatever From says: [`Partners`].
//!
//! Not here: the wait for the host and its deadline (`decision`), the request as it crosses (`crossing`).

use super::context::Context;
use super::decision::{code_of, has_identity};
use super::event::Event;
use super::{ContextId, Judge, Judgement, Output, Sign, Subject, Turn, Unsigned};
use crate::b2bua::{Call as Carried, Dialog, Partners, Side};
use crate::call;
use crate::flow::Transport;
use crate::grammar::trim;
use crate::identity_header;
use crate::message::{Message, Method, Name};
use crate::proxy::Additions;
use crate::sdp;
use crate::trunk::{Connected, ExistingIdentity, MediaSecurity, MidDialog, Pinning, Trunk};
use countersign::call::{Call, CallReference, DateHeader, DestSource, OrigSource, Presentation};
use countersign::identity::Identity;
use countersign::priority::{Dialled, PriorityMark, RequestedPriority};
use countersign::verification::answer::Pin;
use countersign::verification::{Code, Fault, Verdict};
use std::sync::Arc;

/// What became of a request inside a dialog that was established with connected identity.
#[derive(Clone, Debug)]
pub struct MidDialogRequest {
    /// Which request; a BYE of our own has an id that nothing else has.
    pub id: ContextId,
    /// How the call came.
    pub trunk: Arc<Trunk>,
    /// The Call-ID of the call on the side of the caller.
    pub call_id: Box<[u8]>,
    /// Its method: BYE, INVITE or UPDATE.
    pub method: &'static str,
    /// In whose name it has to be.
    pub speaker: Identity,
    /// What became of it.
    pub fate: MidDialogFate,
}

/// What became of such a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MidDialogFate {
    /// It is not proven to be of who should have sent it, and went on all the same.
    Passed(Unproven),
    /// It is proven to be of who should have sent it.
    Proven,
    /// It is not proven, and went no further.
    Rejected(Unproven),
    /// We signed it.
    Signed,
    /// It should have been signed, and went on without.
    Unsigned(Unsigned),
}

impl MidDialogFate {
    /// Of a request that the host signed with these, or did not.
    pub(super) fn of_signing(identities: &[Box<str>]) -> Self {
        match identities.is_empty() {
            true => Self::Unsigned(Unsigned::Refused),
            false => Self::Signed,
        }
    }

    /// The name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed(_) => "passed",
            Self::Proven => "proven",
            Self::Rejected(_) => "rejected",
            Self::Signed => "signed",
            Self::Unsigned(_) => "unsigned",
        }
    }

    /// Why it is not proven, if it should be.
    pub const fn unproven(self) -> Option<Unproven> {
        match self {
            Self::Passed(why) | Self::Rejected(why) => Some(why),
            Self::Proven | Self::Signed | Self::Unsigned(_) => None,
        }
    }
}

/// Why a request inside a dialog is not proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// Nobody has signed it.
    Absent,
    /// The right one, as it seems, but with another key than before.
    Key,
    /// Somebody else has signed it, or the signature is bad.
    Mismatch(Fault),
    /// Whether it is good could not be told.
    NotValidated(Fault),
    /// It is of the right number, by the word of another provider than before.
    Provider,
}

impl Unproven {
    /// The name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Key => "other-key",
            Self::Mismatch(_) => "mismatch",
            Self::NotValidated(_) => "not-validated",
            Self::Provider => "other-provider",
        }
    }

    /// Whether somebody else than who should have sent it has signed it, or nobody has by right.
    pub const fn is_mismatch(self) -> bool {
        matches!(self, Self::Key | Self::Mismatch(_) | Self::Provider)
    }

    /// The fault, if it is one of the PASSporT.
    pub const fn fault(self) -> Option<Fault> {
        match self {
            Self::Absent | Self::Key | Self::Provider => None,
            Self::Mismatch(fault) | Self::NotValidated(fault) => Some(fault),
        }
    }

    // RFC 4916 §4.4.1 and RFC 8862 §4.3 know the codes of RFC 8224 for it.
    fn code(self) -> Code {
        match self {
            Self::Absent => Code::UseIdentityHeader,
            Self::Key | Self::Provider => Code::InvalidIdentityHeader,
            Self::Mismatch(fault) => code_of(Verdict::Failed(fault)),
            Self::NotValidated(fault) => code_of(Verdict::NotValidated(fault)),
        }
    }
}

/// Who speaks in a request inside a dialog, and to whom.
struct Speech {
    speaker: Identity,
    listener: Identity,
    /// Of whom it has to be, as they have signed before.
    pin: Option<Pin>,
    direction: Direction,
}

/// Where such a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// From the side that is not ours.
    Foreign,
    /// From our side.
    Ours,
}

impl Speech {
    fn of(partners: &Partners, from: Side) -> Option<Self> {
        let (caller, reached) = (partners.caller.clone()?, partners.reached.clone());
        let (speaker, listener) = match from {
            Side::Near => (caller, reached),
            Side::Far => (reached, caller),
        };
        let direction = match partners.foreign == from {
            true => Direction::Foreign,
            false => Direction::Ours,
        };
        Some(Self {
            speaker,
            listener,
            pin: partners.pin.clone(),
            direction,
        })
    }

    /// What is signed, or judged: nothing that the request says of who sends it to whom.
    fn call(&self, date: DateHeader, reference: Option<CallReference>) -> Call {
        Call {
            orig: Some(self.speaker.clone()),
            orig_from: OrigSource::Given,
            dest: vec![(self.listener.clone(), DestSource::Given)],
            date,
            presentation: Presentation::default(),
            priority: RequestedPriority {
                values: Vec::new(),
                mark: PriorityMark::None,
                dialled: Dialled::Unlisted,
            },
            media_keys: None,
            reference,
        }
    }

    fn call_of(&self, request: &Message) -> Call {
        Call {
            media_keys: sdp::fingerprints(request).map(Box::new),
            ..self.call(request.date(), reference(request))
        }
    }
}

/// What tells a request inside a dialog from every other one.
// The PASSporT of an INVITE is no proof of the BYE that follows.
fn reference(request: &Message) -> Option<CallReference> {
    let from = request.from().ok();
    let sequence = request.header(Name::CSeq).map(trim);
    request.call_id().ok().map(|call_id| CallReference {
        call_id: call_id.into(),
        from_tag: from.and_then(|from| from.tag()).unwrap_or_default().into(),
        within: Some(sequence.unwrap_or_default().into()),
    })
}

/// The name of a method whose requests are signed and judged.
// RFC 9970 §6: "This specification thus does not recommend PASSporTs for any requests sent in a dialog other than INVITE, UPDATE, and BYE."
fn spoken(method: Option<Method<'_>>) -> Option<&'static str> {
    match method {
        Some(Method::Bye) => Some("BYE"),
        Some(Method::Invite) => Some("INVITE"),
        Some(Method::Update) => Some("UPDATE"),
        _ => None,
    }
}

impl Context {
    /// Has a request inside a dialog signed or judged, if that is to be; whether it is.
    pub(super) fn speaks(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some(connected) = self.connected() else {
            return false;
        };
        let Some(speech) = self.speech(turn) else {
            return false;
        };
        let judges = matches!(
            self.rule(&connected),
            MidDialog::Enforced | MidDialog::Reported
        );
        let signs = connected.mid_dialog != MidDialog::Off && !self.keeps_identity();
        match speech.direction {
            Direction::Foreign if judges => self.ask_who_speaks(&speech, turn),
            Direction::Ours if signs => self.ask_to_speak(&speech, turn),
            Direction::Foreign | Direction::Ours => return false,
        }
        true
    }

    fn connected(&self) -> Option<Arc<Connected>> {
        let connected = self.trunk.connected.as_ref();
        connected
            .filter(|connected| {
                connected.mid_dialog != MidDialog::Off || connected.media == MediaSecurity::Required
            })
            .cloned()
    }

    /// What is done with a request of the foreign side. Keys that are required are so for the whole call: no other description takes the
    /// place of the one that was proven.
    fn rule(&self, connected: &Connected) -> MidDialog {
        let describes = matches!(self.request.method(), Some(Method::Invite | Method::Update))
            && !self.request.body().is_empty();
        match connected.media {
            MediaSecurity::Required if describes => MidDialog::Enforced,
            _ => connected.mid_dialog,
        }
    }

    /// Whether who has signed has to stay the same.
    pub(super) fn pins_signers(&self) -> bool {
        let connected = self.trunk.connected.as_deref();
        connected.is_some_and(|connected| connected.pin != Pinning::Off)
    }

    fn speech(&self, turn: &Turn<'_>) -> Option<Speech> {
        let crossing = self.crossing.as_ref().filter(|one| one.peer.is_some())?;
        spoken(self.request.method())?;
        let from = crossing.to.other();
        let call = turn.table.calls.get(crossing.call)?;
        Speech::of(
            call.dialog_for(&self.request, from)?.partners.as_deref()?,
            from,
        )
    }

    /// Somebody before us has signed it, and that stays.
    fn keeps_identity(&self) -> bool {
        self.trunk.existing_identity == ExistingIdentity::Keep && has_identity(&self.request)
    }

    fn ask_to_speak(&mut self, speech: &Speech, turn: &mut Turn<'_>) {
        let mut call = speech.call_of(&self.request);
        let mut additions = Additions::default();
        if call.date == DateHeader::Absent {
            call.date = DateHeader::At(turn.now.unix);
            additions.date = Some(turn.now.unix);
        }
        self.wait_for_signature(additions, turn);
        turn.out
            .push(sign(self.id, call, &self.trunk, self.transport));
    }

    fn ask_who_speaks(&mut self, speech: &Speech, turn: &mut Turn<'_>) {
        let pins = self.trunk.connected.as_ref().map(|connected| connected.pin);
        let call = match pins {
            // Anybody, as long as it is who it says.
            Some(Pinning::Off) | None => Call {
                reference: reference(&self.request),
                ..call::from_request(&self.request, &self.trunk.call)
            },
            Some(Pinning::Identity | Pinning::Key) => speech.call_of(&self.request),
        };
        let deadline = self.wait_for_judgement(Additions::default(), turn);
        turn.out.push(Output::Judge(Judge {
            id: self.id,
            call,
            presented: identity_header::presented(&self.request),
            inquirer: None,
            trunk: Arc::clone(&self.trunk),
            deadline,
        }));
    }

    /// The host has judged a request inside a dialog.
    pub(super) fn follow_speaker(
        &mut self,
        judgement: &Judgement,
        additions: &Additions,
        turn: &mut Turn<'_>,
    ) {
        let Some((connected, speech)) = self.connected().zip(self.speech(turn)) else {
            // The dialog has ended meanwhile, or the trunk is another: it goes where it can.
            return self.forward(additions, turn);
        };
        let Some(why) = unproven(judgement, connected.pin, speech.pin.as_ref()) else {
            self.spoke(speech.speaker, MidDialogFate::Proven, turn);
            return self.forward(additions, turn);
        };
        if self.rule(&connected) != MidDialog::Enforced {
            self.spoke(speech.speaker, MidDialogFate::Passed(why), turn);
            return self.forward(additions, turn);
        }
        self.spoke(speech.speaker, MidDialogFate::Rejected(why), turn);
        let code = why.code();
        self.answer(code.number(), code.phrase(), &[], turn);
    }

    /// The host has signed a request inside a dialog, or not.
    pub(super) fn note_spoken(&self, fate: MidDialogFate, turn: &mut Turn<'_>) {
        if let Some(speech) = self.speech(turn) {
            self.spoke(speech.speaker, fate, turn);
        }
    }

    fn spoke(&self, speaker: Identity, fate: MidDialogFate, turn: &mut Turn<'_>) {
        let crossing = self.crossing.as_ref();
        let call = crossing.and_then(|crossing| turn.table.calls.get(crossing.call));
        let call_id = call.map(|call| call.near.call_id.clone());
        turn.event(Event::MidDialog(Box::new(MidDialogRequest {
            id: self.id,
            trunk: Arc::clone(&self.trunk),
            call_id: call_id.unwrap_or_default(),
            method: spoken(self.request.method()).unwrap_or_default(),
            speaker,
            fate,
        })));
    }
}

/// Why a request that was judged so is not proven; `None` if it is.
fn unproven(judgement: &Judgement, pinning: Pinning, pin: Option<&Pin>) -> Option<Unproven> {
    match judgement.verdict {
        Verdict::Unsigned => Some(Unproven::Absent),
        Verdict::Failed(fault) => Some(Unproven::Mismatch(fault)),
        Verdict::NotValidated(fault) => Some(Unproven::NotValidated(fault)),
        Verdict::Passed => differs(judgement, pinning, pin?),
    }
}

/// How who has signed differs from who has signed before.
fn differs(judgement: &Judgement, pinning: Pinning, pin: &Pin) -> Option<Unproven> {
    let is_other = judgement.provider.is_some() && judgement.provider != pin.provider;
    match pinning {
        Pinning::Off => None,
        // A provider code covers every number, also that of the other side's customer.
        Pinning::Identity | Pinning::Key if is_other => Some(Unproven::Provider),
        Pinning::Key if judgement.key != Some(pin.key) => Some(Unproven::Key),
        Pinning::Identity | Pinning::Key => None,
    }
}

/// What the host is asked about a BYE of our own that goes to one side of a dialog, and what is told of it if it does nothing; `None` if it
/// is not signed.
pub(super) fn own_speech(
    id: ContextId,
    (call, dialog): (&Carried, &Dialog),
    to: Side,
    date: DateHeader,
) -> Option<(Output, MidDialogRequest)> {
    let connected = call.trunk.connected.as_ref();
    connected.filter(|connected| connected.mid_dialog != MidDialog::Off)?;
    let speech = Speech::of(dialog.partners.as_deref()?, to.other())?;
    if speech.direction != Direction::Ours {
        return None;
    }
    let transport = call.caller.hop.transport;
    let sign = sign(id, speech.call(date, None), &call.trunk, transport);
    let told = MidDialogRequest {
        id,
        trunk: Arc::clone(&call.trunk),
        call_id: call.near.call_id.clone(),
        method: "BYE",
        speaker: speech.speaker,
        fate: MidDialogFate::Unsigned(Unsigned::Refused),
    };
    Some((sign, told))
}

fn sign(id: ContextId, call: Call, trunk: &Arc<Trunk>, transport: Transport) -> Output {
    Output::Sign(Sign {
        id,
        subject: Subject::Speaker,
        diversion: None,
        call,
        asked: trunk.attestation_asked,
        trunk: Arc::clone(trunk),
        transport,
    })
}
