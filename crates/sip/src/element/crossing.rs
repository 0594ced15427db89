//! A message of a back-to-back call between its two dialogs: where it belongs, and what is noted of the call meanwhile.

use super::answering::without_body;
use super::calls::Place;
use super::context::{Context, names_group};
use super::ending::{end_near, ended};
use super::event::{DropCause, EndedBy};
use super::incoming::{drop_for, stamped};
use super::outgoing::security;
use super::validation::Refusal;
use super::{ContextId, Element, Event, Options, Output, Part, Turn};
use crate::b2bua::{
    Answered, Call, Dialog, End, Guard, Leg, OurContact, Peer, Progress, Side, crossed, first,
    inside, is_too_large, session_interval,
};
use crate::defect::Defect;
use crate::flow::{Flow, Target, Transport};
use crate::message::{Message, Method, Name};
use crate::patch::PatchError;
use crate::proxy::{Additions, Copy};
use crate::trunk::{Names, NextHop, Trunk};
use bytes::Bytes;
use countersign::time::{Now, Ticks};
use std::net::SocketAddr;
use std::sync::Arc;

/// What a context knows of the call that its request belongs to.
pub(super) struct Crossing {
    pub(super) call: ContextId,
    /// The side that the request goes to.
    pub(super) to: Side,
    /// Who is there, if the dialog exists; an INVITE that begins a call goes to the next hops of its trunk.
    pub(super) peer: Option<Box<Peer>>,
    /// Whose request it is, as somebody requests are sent to; of a call that exists.
    back: Option<Box<Peer>>,
    /// The next hop that the INVITE went to last, by its place in the trunk.
    pub(super) place: usize,
}

impl Element {
    /// The trunk of the call that a request belongs to which comes by no trunk: from the far side, as a rule.
    pub(super) fn trunk_of_call(&self, request: &Message) -> Option<Arc<Trunk>> {
        let inside = self.table.calls.place(request, &self.tokens);
        let trunk = inside
            .filter(|place| place.from == Side::Far)
            .and_then(|place| self.table.calls.get(place.call))
            .map(|call| &call.trunk);
        // The dialog may be over, and its last request repeated.
        let begun = || {
            if self.table.from_far == 0 {
                return None;
            }
            let context = self.contexts.get(&self.context_of(request)?)?;
            let crossing = context.crossing.as_ref()?;
            (crossing.to == Side::Near).then_some(&context.trunk)
        };
        trunk.or_else(begun).cloned()
    }

    /// The trunk of a request that came by this one: that of its call, if it is the caller's and could not say so.
    ///
    /// BYE and ACK have no Contact, so where that tells trunks of one peer apart they look like another's; and a reload may give the
    /// trunk another name. Who knows the names of the dialog, and sends from the address that the INVITE came from, is believed. The
    /// port is not compared: a connection made anew has another, and so may a datagram through NAT.
    pub(super) fn trunk_of_caller(
        &self,
        request: &Message,
        flow: &Flow,
        trunk: Arc<Trunk>,
    ) -> Arc<Trunk> {
        let place = self.table.calls.place(request, &self.tokens);
        let call = place
            .filter(|place| place.from == Side::Near)
            .and_then(|place| self.table.calls.get(place.call));
        let lost = |call: &&Call| {
            call.trunk.name != trunk.name && call.caller.is_at(flow) && !names_group(request)
        };
        let of_call = call.filter(lost).map(|call| Arc::clone(&call.trunk));
        of_call.unwrap_or(trunk)
    }

    /// Which call a request belongs to that begins a context; `Err` if it claims to be inside a dialog that there is not.
    pub(super) fn crossing(
        &self,
        request: &Message,
        trunk: &Trunk,
    ) -> Result<Option<Inside>, Refusal> {
        if let Some(inside) = self.inside(request, trunk) {
            if self.speaks_too_early(&inside, request) {
                return Err(Refusal::Unproven);
            }
            return match self.may_move(&inside, request) {
                true => Ok(Some(inside)),
                false => Err(Refusal::Defect(Defect::TooLarge)),
            };
        }
        let has_tag = request.to().is_ok_and(|to| to.tag().is_some());
        match request.method() {
            _ if trunk.b2bua().is_none() => Ok(None),
            Some(Method::Invite) if !has_tag && is_too_large(request) => {
                Err(Refusal::Defect(Defect::TooLarge))
            }
            Some(Method::Invite) if !has_tag => Ok(Some(Inside::Begins)),
            // Nothing else makes or has a dialog of ours; a subscription has one of its own, which passes.
            Some(Method::Bye | Method::Info | Method::Invite | Method::Prack | Method::Update)
                if has_tag =>
            {
                Err(Refusal::NoSuchDialog)
            }
            _ => Ok(None),
        }
    }

    /// Whether the called has something for the caller to hear before it is proven who that is.
    fn speaks_too_early(&self, inside: &Inside, request: &Message) -> bool {
        let Inside::Goes(crossing) = inside else {
            return false;
        };
        let call = self.table.calls.get(crossing.call);
        let guarded = call.filter(|call| call.guard == Guard::ProofRequired);
        let dialog = guarded.and_then(|call| call.dialog_for(request, Side::Far));
        let is_unproven = guarded
            .zip(dialog)
            .is_some_and(|(call, dialog)| call.is_unproven(dialog));
        is_unproven && crossing.to == Side::Near && !request.body().is_empty()
    }

    /// Whether the new target of a request that has one can be remembered.
    fn may_move(&self, inside: &Inside, request: &Message) -> bool {
        let moves = matches!(request.method(), Some(Method::Invite | Method::Update));
        match inside {
            Inside::Goes(crossing) if moves => {
                let call = self.table.calls.get(crossing.call);
                call.is_none_or(|call| call.has_room_for(request))
            }
            _ => true,
        }
    }

    /// The dialog of a request, with who is on its other side.
    fn inside(&self, request: &Message, trunk: &Trunk) -> Option<Inside> {
        let Place { call: id, from } = self.table.calls.place(request, &self.tokens)?;
        let call = self.table.calls.get(id)?;
        // The caller may choose its Call-ID and tag, so it is believed only where it came from.
        if from == Side::Near && call.trunk.name != trunk.name {
            return None;
        }
        let to = from.other();
        let dialog = call.dialog_for(request, from)?;
        if dialog.progress.is_over() {
            return None;
        }
        let peer = Some(Box::new(call.peer(dialog, to)?));
        let back = call.peer(dialog, from).map(Box::new);
        Some(Inside::Goes(Crossing {
            call: id,
            to,
            peer,
            back,
            place: 0,
        }))
    }

    /// The ACK for a 2xx crosses without state; whether it was one of a call.
    pub(super) fn cross_ack(
        &mut self,
        ack: &Message,
        trunk: &Trunk,
        flow: Flow,
        now: Now,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(Inside::Goes(crossing)) = self.inside(ack, trunk) else {
            self.end_acknowledged(ack, now, out);
            // RFC 3261 §12.2.2 speaks of answers; an ACK gets none.
            return trunk.b2bua().is_some();
        };
        // RFC 3261 §17.1.1.3 has the ACK for a refusal end where the refusal came from: at the next hop, which is us.
        if !self.acknowledges(&crossing, ack) {
            drop_for(DropCause::Ack, out);
            return true;
        }
        let shape = self.tokens.shape(ack, &trunk.name);
        let branch = self.tokens.stateless_branch(ack, shape);
        let mut turn = self.turn(now, out);
        match crossed_ack(&crossing, ack, flow, &branch, &mut turn) {
            Ok((target, bytes)) => turn.send(target, bytes, None),
            Err(cause) => drop_for(cause, turn.out),
        }
        true
    }

    /// Whether an ACK is for an INVITE that was accepted.
    fn acknowledges(&self, crossing: &Crossing, ack: &Message) -> bool {
        let from = crossing.to.other();
        let call = self.table.calls.get(crossing.call);
        let dialog = call.and_then(|call| call.dialog_for(ack, from));
        let number = ack.cseq().ok().map(|cseq| cseq.sequence);
        dialog
            .zip(number)
            .is_some_and(|(dialog, number)| dialog.has_accepted(from, number))
    }

    /// The caller acknowledges an answer of a dialog that we have ended since.
    fn end_acknowledged(&mut self, ack: &Message, now: Now, out: &mut Vec<Output>) {
        let place = self.table.calls.place(ack, &self.tokens);
        let Some(Place {
            call,
            from: Side::Near,
        }) = place
        else {
            return;
        };
        let dialog = self
            .table
            .calls
            .get(call)
            .and_then(|call| call.dialog_for(ack, Side::Near));
        if let Some(dialog) = dialog.filter(|dialog| dialog.progress == Progress::Ending) {
            let far_tag = dialog.far_tag.clone();
            end_near(call, &far_tag, &mut self.turn(now, out));
        }
    }
}

/// What a request is to the calls of back-to-back trunks.
pub(super) enum Inside {
    /// It begins one.
    Begins,
    /// It goes from one side of a call to the other.
    Goes(Crossing),
}

fn crossed_ack(
    crossing: &Crossing,
    ack: &Message,
    flow: Flow,
    branch: &str,
    turn: &mut Turn<'_>,
) -> Result<(Target, Bytes), DropCause> {
    let request = stamped(ack, flow)?;
    let peer = crossing.peer.as_deref().ok_or(DropCause::Ack)?;
    let copy = inside_copy(crossing, &request, &Additions::default(), turn)
        .map_err(DropCause::OwnFault)?;
    let call = turn.table.calls.get_mut(crossing.call);
    if let Some(dialog) = call.and_then(|call| call.dialog_mut_for(&request, crossing.to.other()))
        && dialog.progress == Progress::Answered
    {
        dialog.progress = Progress::Acknowledged;
    }
    let hop = &peer.hop;
    let sent_by = sent_by(hop, turn.options);
    let bytes = copy.with_via(hop.transport, sent_by, branch);
    Ok((peer.target(), bytes))
}

impl Context {
    /// Whether it belongs to a dialog of a call.
    pub(super) fn is_inside_a_call(&self) -> bool {
        self.crossing
            .as_ref()
            .is_some_and(|crossing| crossing.peer.is_some())
    }

    /// The request as it is sent on to the other side.
    pub(super) fn crossed_copy(
        &self,
        crossing: &Crossing,
        additions: &Additions,
        turn: &mut Turn<'_>,
    ) -> Result<Copy, PatchError> {
        if crossing.peer.is_some() {
            note_number(crossing, &self.request, turn);
            return inside_copy(crossing, &self.request, additions, turn);
        }
        let call = turn.table.calls.get(crossing.call);
        let far = call.map(|call| &call.far).ok_or(PatchError::NotThere)?;
        let hop = self.trunk.next_hops.first().ok_or(PatchError::NotThere)?;
        let leg = Leg {
            call_id: &far.call_id,
            from_tag: &far.tag,
            to_tag: b"",
            contact: our_contact(hop, &self.request, turn.options),
        };
        let names = &turn.options.names;
        first(&self.request, &self.trunk, additions, names, &leg)
    }

    /// A response as it goes back; `None` if it does not.
    pub(super) fn crossed_response(
        &self,
        crossing: &Crossing,
        response: &Message,
        turn: &mut Turn<'_>,
    ) -> Option<Bytes> {
        let tag = match crossing.peer {
            Some(_) => Vec::new(),
            None => self.near_tag(crossing, response, turn)?,
        };
        self.note_response(crossing, response, turn);
        let silenced = self.silenced(crossing, response, turn);
        let response = silenced.as_ref().unwrap_or(response);
        // A call may end while its last requests are under way; their answers go back all the same.
        let call = turn.table.calls.get(crossing.call);
        let back = crossing.back.as_deref();
        let back = back.or_else(|| call.map(|call| &*call.caller))?;
        let answered = Answered {
            request: &self.request,
            tag: &tag,
            contact: our_contact(&back.hop, &self.request, turn.options),
        };
        match crossed(response, &answered) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                turn.event(Event::Dropped(DropCause::OwnFault(error)));
                None
            }
        }
    }

    /// The tag that the caller knows whoever sent this response by; a response that makes a dialog makes it here.
    pub(super) fn near_tag(
        &self,
        crossing: &Crossing,
        response: &Message,
        turn: &mut Turn<'_>,
    ) -> Option<Vec<u8>> {
        let Some(far_tag) = response.to().ok().and_then(|to| to.tag()) else {
            return Some(Vec::new());
        };
        let calls = &mut turn.table.calls;
        let call = calls.get(crossing.call)?;
        if let Some(dialog) = call.dialog_of(far_tag) {
            return Some(dialog.near_tag.to_vec());
        }
        // Of a call that came by here twice, both of its calls have the names of the one in the middle; only one may keep them.
        let keeps = call.near.call_id == call.far.call_id
            && !calls.is_dialog(&call.near, far_tag, turn.tokens);
        let near_tag = match keeps {
            true => far_tag.to_vec(),
            false => turn.tokens.near_tag(&call.far.call_id, far_tag).to_vec(),
        };
        if matches!(response.status(), Some(101..300)) {
            let is_success = matches!(response.status(), Some(200..));
            while !calls.get_mut(crossing.call)?.add(
                response,
                near_tag.clone().into(),
                crossing.place,
            ) {
                let call = calls.get(crossing.call).filter(|_| is_success)?;
                let oldest: Box<[u8]> = call.oldest_early()?.into();
                let others = |dialog: &Dialog| dialog.far_tag != oldest;
                calls.retain(crossing.call, turn.tokens, others);
            }
            calls.know(crossing.call, far_tag, turn.tokens);
        }
        Some(near_tag)
    }

    /// A response inside a dialog without body, if it is not proven yet whose it is, and the caller must not hear it until then.
    fn silenced(
        &self,
        crossing: &Crossing,
        response: &Message,
        turn: &Turn<'_>,
    ) -> Option<Message> {
        if crossing.peer.is_none() || crossing.to == Side::Near || response.body().is_empty() {
            return None;
        }
        let call = turn.table.calls.get(crossing.call)?;
        if call.guard == Guard::Open {
            return None;
        }
        let dialog = call.dialog_of(self.far_tag(crossing, response)?)?;
        call.is_unproven(dialog).then(|| without_body(response))?
    }

    /// The far tag of the dialog that a response belongs to. That of the called is in its own request: the response has the names of
    /// the near dialog.
    fn far_tag<'a>(&'a self, crossing: &Crossing, response: &'a Message) -> Option<&'a [u8]> {
        match crossing.to {
            Side::Far => response.to().ok()?.tag(),
            Side::Near => self.request.from().ok()?.tag(),
        }
    }

    /// Notes in the call what a response says of it.
    fn note_response(&self, crossing: &Crossing, response: &Message, turn: &mut Turn<'_>) {
        let is_success = matches!(response.status(), Some(200..300));
        let refreshes = matches!(self.request.method(), Some(Method::Invite | Method::Update));
        let far_tag = self.far_tag(crossing, response);
        let Some(far_tag) = far_tag.filter(|_| is_success && refreshes) else {
            return;
        };
        let Some(call) = turn.table.calls.get_mut(crossing.call) else {
            return;
        };
        call.refresh(response, far_tag, crossing.to);
        let Some(dialog) = call.dialog_mut_of(far_tag) else {
            return;
        };
        match dialog.progress {
            Progress::Early if crossing.peer.is_none() => dialog.progress = Progress::Answered,
            Progress::Acknowledged | Progress::Answered => {}
            // RFC 3311 §1: UPDATE serves "to update session parameters without impacting the dialog state itself".
            Progress::Early | Progress::Ended | Progress::Ending | Progress::GivenUp => return,
        }
        if self.request.method() == Some(Method::Invite)
            && let Ok(cseq) = self.request.cseq()
        {
            dialog.accept(crossing.to.other(), cseq.sequence);
        }
        if let Some(at) = due(call, response, turn.now.ticks, turn.options) {
            turn.set_timer(crossing.call, Part::Call, at);
        }
    }

    /// The final response to a request of a call was passed, or there will be none.
    pub(super) fn finish_crossing(&mut self, status: Option<u16>, turn: &mut Turn<'_>) {
        let Some(crossing) = &self.crossing else {
            return;
        };
        let (id, from) = (crossing.call, crossing.to.other());
        if crossing.peer.is_none() && !matches!(status, Some(200..300)) {
            turn.table.calls.forget_beginning(id, turn.tokens);
            let is_ours = |dialog: &Dialog| dialog.progress != Progress::Early;
            turn.table.calls.retain(id, turn.tokens, is_ours);
        }
        // What went no further has ended nothing: whoever forges a BYE must not have our end of the call either.
        if !ends_dialog(&self.request, status) || self.record.forwarded.is_none() {
            return;
        }
        let call = turn.table.calls.get(id);
        let dialog = call.and_then(|call| call.dialog_for(&self.request, from));
        if let Some(far_tag) = dialog.map(|dialog| dialog.far_tag.clone()) {
            let by = match from {
                Side::Far => EndedBy::Called,
                Side::Near => EndedBy::Caller,
            };
            ended(id, &far_tag, by, turn);
        }
    }

    /// How its call is named on the other side, if it is named otherwise there.
    pub(super) fn other_call_id(&self, turn: &Turn<'_>) -> Option<Box<[u8]>> {
        let call = turn.table.calls.get(self.crossing.as_ref()?.call)?;
        let here = self.request.header(Name::CallId)?;
        let names = [&call.near.call_id, &call.far.call_id];
        let other = names.into_iter().find(|name| ***name != *here);
        other.cloned()
    }

    /// The context of an INVITE that began a call goes: what did not become a dialog by now will not.
    pub(super) fn leave_call(&self, turn: &mut Turn<'_>) {
        let Some(crossing) = &self.crossing else {
            return;
        };
        if crossing.peer.is_some() {
            turn.table.from_far -= usize::from(crossing.to == Side::Near);
            return;
        }
        let Some(call) = turn.table.calls.get_mut(crossing.call) else {
            return;
        };
        call.inviting = false;
        let is_ending = |dialog: &&Dialog| dialog.progress == Progress::Ending;
        let ending = call.dialogs().iter().filter(is_ending);
        let ending: Vec<_> = ending.map(|dialog| dialog.far_tag.clone()).collect();
        for far_tag in ending {
            end_near(crossing.call, &far_tag, turn);
        }
        let lasts = |dialog: &Dialog| {
            matches!(dialog.progress, Progress::Acknowledged | Progress::Answered)
        };
        turn.table.calls.retain(crossing.call, turn.tokens, lasts);
    }
}

// RFC 3261 §15: "The caller's UA MAY send a BYE for either confirmed or early dialogs, and the callee's UA MAY send a BYE on confirmed
// dialogs"; §15.1.1: "The UAC MUST consider the session terminated (and therefore stop sending or listening for media) as soon as the
// BYE request is passed to the client transaction." But one that was challenged comes again.
fn ends_dialog(request: &Message, status: Option<u16>) -> bool {
    request.method() == Some(Method::Bye) && !matches!(status, Some(401 | 407))
}

/// Begins a call for an INVITE that begins a dialog.
pub(super) fn begin_call(
    id: ContextId,
    request: &Message,
    trunk: &Arc<Trunk>,
    (back, arrived_at): (Target, SocketAddr),
    turn: &mut Turn<'_>,
) -> Crossing {
    let caller = Peer {
        hop: NextHop {
            name: back.name,
            local: back.local,
            sent_by: Some(turn.options.names.at(back.transport, arrived_at)),
            ..NextHop::new(back.transport, back.remote)
        },
        connection: back.connection,
    };
    let names = trunk.b2bua().map_or(Names::default(), |mode| mode.names);
    let mut call = Call::begin(request, trunk.clone(), caller, End::of(request));
    // A call that comes by here twice is two, and its far dialog must not be taken for its near one.
    if names == Names::Mapped || turn.table.calls.is_named(&call, turn.tokens) {
        let (call_id, tag) = turn.tokens.call_names();
        call.far = End {
            call_id: call_id.into_bytes().into(),
            tag: tag.as_slice().into(),
        };
    }
    turn.table.calls.insert(id, call, turn.tokens);
    Crossing {
        call: id,
        to: Side::Far,
        peer: None,
        back: None,
        place: 0,
    }
}

/// A request inside a dialog, as it is sent on to the other side.
fn inside_copy(
    crossing: &Crossing,
    request: &Message,
    additions: &Additions,
    turn: &mut Turn<'_>,
) -> Result<Copy, PatchError> {
    let peer = crossing.peer.as_deref().ok_or(PatchError::NotThere)?;
    let from = crossing.to.other();
    let call = turn.table.calls.get_mut(crossing.call);
    let call = call.ok_or(PatchError::NotThere)?;
    if matches!(request.method(), Some(Method::Invite | Method::Update)) {
        let tag = call
            .dialog_for(request, from)
            .map(|dialog| dialog.far_tag.clone());
        call.refresh(request, &tag.unwrap_or_default(), from);
    }
    let dialog = call.dialog_for(request, from).ok_or(PatchError::NotThere)?;
    let (end, from_tag, to_tag) = match crossing.to {
        Side::Far => (&call.far, &call.far.tag, &dialog.far_tag),
        Side::Near => (&call.near, &dialog.near_tag, &call.near.tag),
    };
    let leg = Leg {
        call_id: &end.call_id,
        from_tag,
        to_tag,
        contact: our_contact(&peer.hop, request, turn.options),
    };
    inside(
        request,
        (&call.trunk, from),
        additions,
        &leg,
        call.way(dialog, crossing.to),
    )
}

/// Notes the number of a request, for a BYE of ours.
fn note_number(crossing: &Crossing, request: &Message, turn: &mut Turn<'_>) {
    let number = request.cseq().map_or(0, |cseq| cseq.sequence);
    let call = turn.table.calls.get_mut(crossing.call);
    let dialog = call.and_then(|call| call.dialog_mut_for(request, crossing.to.other()));
    if let Some(dialog) = dialog {
        let highest = match crossing.to {
            Side::Far => &mut dialog.to_far,
            Side::Near => &mut dialog.to_near,
        };
        *highest = number.max(*highest);
    }
}

/// A call that is answered ends some day, whatever becomes of its BYE. When it does now, if that needs another timer: one that is
/// set already and comes too early looks again.
fn due(call: &mut Call, response: &Message, now: Ticks, options: &Options) -> Option<Ticks> {
    let answered = *call.answered.get_or_insert(now);
    let longest = answered.after(call.trunk.b2bua()?.longest_call);
    // The ends have the time of a transaction to find out themselves.
    let lasts = session_interval(response);
    let lasts = lasts.map(|lasts| now.after(lasts + options.timing.patience()));
    let due = lasts.unwrap_or(longest).min(longest);
    let before = call.due.replace(due);
    before.is_none_or(|before| due < before).then_some(due)
}

pub(super) fn sent_by<'a>(hop: &'a NextHop, options: &'a Options) -> &'a crate::trunk::SentBy {
    hop.sent_by.as_ref().unwrap_or(&options.names.sent_by)
}

/// `request` is what it is written into, or what is answered with it: inside a dialog it goes to what we wrote when that began.
fn our_contact<'a>(hop: &'a NextHop, request: &Message, options: &'a Options) -> OurContact<'a> {
    OurContact {
        transport: hop.transport,
        sent_by: sent_by(hop, options),
        security: security(request),
    }
}

impl Peer {
    /// Whether what comes this way is from its address, and no less proven.
    fn is_at(&self, flow: &Flow) -> bool {
        let is_tls = |transport| transport == Transport::Tls;
        self.hop.address.ip().to_canonical() == flow.remote.ip().to_canonical()
            && is_tls(self.hop.transport) == is_tls(flow.transport)
    }

    /// Where its requests go.
    pub(super) fn target(&self) -> Target {
        Target {
            transport: self.hop.transport,
            remote: self.hop.address,
            name: self.hop.name.clone(),
            local: self.hop.local,
            connection: self.connection,
        }
    }
}
