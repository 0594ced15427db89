//! The state of one call: who is on its two sides, and the dialogs it has there.
//!
//! There are as many dialogs as the far side has answered with different tags; each is two, one a side. Little is kept, because
//! it is kept for as long as people talk.

use super::way::Way;
use crate::flow::ConnectionId;
use crate::header::NameAddr;
use crate::message::{Message, Name};
use crate::trunk::{NextHop, Trunk};
use countersign::identity::Identity;
use countersign::time::Ticks;
use countersign::verification::answer::Pin;
use std::sync::Arc;

/// Most dialogs of one call: a service that rings every phone of somebody has a handful. What rings beyond is not passed on; who
/// accepts takes the place of the first that only rings.
pub(crate) const MAX_FORKS: usize = 16;

/// Most bytes of a call that are remembered: names, routes and targets of both sides. A usual call has about 500.
pub(crate) const MAX_CALL_BYTES: usize = 16 * 1024;

/// Which side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    /// That of the called.
    Far,
    /// That of the caller.
    Near,
}

/// Who is sent the requests of a dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) hop: NextHop,
    /// The connection it came on, if there was one.
    pub(crate) connection: Option<ConnectionId>,
}

/// A call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) trunk: Arc<Trunk>,
    pub(crate) near: End,
    pub(crate) far: End,
    /// Whoever sent the INVITE.
    pub(crate) caller: Box<Peer>,
    /// The way back to it.
    way: Way,
    /// From and To of the INVITE as it came.
    from: Box<[u8]>,
    to: Box<[u8]>,
    /// Its number, the same on both sides.
    pub(crate) invite: u32,
    dialogs: Vec<Dialog>,
    /// Whether its INVITE may still bring more of them.
    pub(crate) inviting: bool,
    /// When it is ended at the latest, once it was answered.
    pub(crate) due: Option<Ticks>,
    /// When it was answered.
    pub(crate) answered: Option<Ticks>,
    /// Why we have ended it, for Reason.
    pub(crate) reason: Option<Box<[u8]>>,
    pub(crate) guard: Guard,
}

/// What the caller may hear of whoever has not been proven to be who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Everything.
    Open,
    /// No session description, or whatever else has a body.
    ProofRequired,
}

/// How a call is named on one side, by who began it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) call_id: Box<[u8]>,
    /// The From tag of its INVITE on this side; empty if it has none.
    pub(crate) tag: Box<[u8]>,
}

/// One dialog of a call, on both sides.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    /// The tag that the caller knows.
    pub(crate) near_tag: Box<[u8]>,
    /// The tag that the called has chosen.
    pub(crate) far_tag: Box<[u8]>,
    /// The way to the called.
    pub(crate) way: Way,
    /// Its next hop, by its place in the trunk.
    pub(crate) place: usize,
    pub(crate) progress: Progress,
    /// The highest numbers that went to either side.
    pub(crate) to_far: u32,
    pub(crate) to_near: u32,
    /// The numbers of the INVITEs of the called and of the caller that the other side has accepted last. Two each, because a 2xx may be
    /// repeated, and acknowledged again, while the next is on its way.
    accepted_far: [Option<u32>; 2],
    accepted_near: [Option<u32>; 2],
    /// Who speaks in it, if connected identity tells.
    pub(crate) partners: Option<Box<Partners>>,
}

/// Both ends of a dialog, as somebody has signed them: RFC 9970 §6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partners {
    /// Who called: what a request of the caller has for `orig`. `None` if it did not say.
    pub(crate) caller: Option<Identity>,
    /// Who was reached: what a request of the called has for `orig`.
    pub(crate) reached: Identity,
    /// What the requests of the foreign side are held against, as far as its key is known.
    pub(crate) pin: Option<Pin>,
    /// The side that is not ours: what goes there is signed, what comes from there is judged.
    pub(crate) foreign: Side,
}

/// How far a dialog has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The called has accepted, and the caller has acknowledged.
    Acknowledged,
    /// The called has accepted.
    Answered,
    /// The called has not accepted yet.
    Early,
    /// It is over, and nobody has to be told.
    Ended,
    /// We have ended it, and the caller must acknowledge first before it can be told.
    Ending,
    /// It was ended before the called accepted. Who does all the same is told.
    GivenUp,
}

impl Progress {
    /// Whether no request crosses any more.
    pub(crate) const fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Ending | Self::GivenUp)
    }
}

impl Dialog {
    /// An INVITE of one side was accepted.
    pub(crate) fn accept(&mut self, from: Side, number: u32) {
        let accepted = match from {
            Side::Far => &mut self.accepted_far,
            Side::Near => &mut self.accepted_near,
        };
        if !accepted.contains(&Some(number)) {
            let [last, _] = *accepted;
            *accepted = [Some(number), last];
        }
    }

    /// Whether an ACK with this number from one side is for an INVITE that was accepted.
    pub(crate) fn has_accepted(&self, from: Side, number: u32) -> bool {
        let accepted = match from {
            Side::Far => &self.accepted_far,
            Side::Near => &self.accepted_near,
        };
        accepted.contains(&Some(number))
    }
}

impl Call {
    /// The call that an INVITE begins. `far` is how it is named there.
    pub(crate) fn begin(invite: &Message, trunk: Arc<Trunk>, caller: Peer, far: End) -> Self {
        let raw = |name| invite.header(name).unwrap_or_default().into();
        Self {
            trunk,
            near: End::of(invite),
            far,
            caller: Box::new(caller),
            way: Way::back_to(invite),
            from: raw(Name::From),
            to: raw(Name::To),
            invite: invite.cseq().map_or(1, |cseq| cseq.sequence),
            dialogs: Vec::new(),
            inviting: true,
            due: None,
            answered: None,
            reason: None,
            guard: Guard::Open,
        }
    }

    /// Its dialogs.
    pub(crate) fn dialogs(&self) -> &[Dialog] {
        &self.dialogs
    }

    /// The dialog that the far side calls so.
    pub(crate) fn dialog_of(&self, far_tag: &[u8]) -> Option<&Dialog> {
        let mut dialogs = self.dialogs.iter();
        dialogs.find(|dialog| *dialog.far_tag == *far_tag)
    }

    /// The same, to be changed.
    pub(crate) fn dialog_mut_of(&mut self, far_tag: &[u8]) -> Option<&mut Dialog> {
        let mut dialogs = self.dialogs.iter_mut();
        dialogs.find(|dialog| *dialog.far_tag == *far_tag)
    }

    /// The dialog that a request is in, which comes from `side`.
    pub(crate) fn dialog_for(&self, request: &Message, side: Side) -> Option<&Dialog> {
        self.dialogs.get(self.index_for(request, side)?)
    }

    /// The same, to be changed.
    pub(crate) fn dialog_mut_for(&mut self, request: &Message, side: Side) -> Option<&mut Dialog> {
        let index = self.index_for(request, side)?;
        self.dialogs.get_mut(index)
    }

    fn index_for(&self, request: &Message, side: Side) -> Option<usize> {
        let (from, to) = (request.from().ok()?, request.to().ok()?);
        let mut dialogs = self.dialogs.iter();
        match side {
            Side::Near => {
                let tag = to.tag()?;
                dialogs.position(|dialog| *dialog.near_tag == *tag)
            }
            Side::Far => {
                let tag = from.tag()?;
                dialogs.position(|dialog| *dialog.far_tag == *tag)
            }
        }
    }

    /// A response has made another dialog; whether there was room for it.
    pub(crate) fn add(&mut self, response: &Message, near_tag: Box<[u8]>, place: usize) -> bool {
        let way = Way::on_to(response);
        let tag = response.to().ok().and_then(|to| to.tag());
        let tags = near_tag.len() + tag.map_or(0, <[u8]>::len);
        let more = way.bytes() + tags + self.bytes();
        let Some(far_tag) = tag.filter(|_| self.dialogs.len() < MAX_FORKS && more < MAX_CALL_BYTES)
        else {
            return false;
        };
        let far_tag = far_tag.into();
        self.push(far_tag, near_tag, way, place);
        true
    }

    /// The same of an answer that is refused because there is no room: it has to be hung up.
    pub(crate) fn add_refused(&mut self, response: &Message, near_tag: Box<[u8]>, place: usize) {
        if let Some(far_tag) = response.to().ok().and_then(|to| to.tag()) {
            self.push(far_tag.into(), near_tag, Way::on_to(response), place);
        }
    }

    fn push(&mut self, far_tag: Box<[u8]>, near_tag: Box<[u8]>, way: Way, place: usize) {
        // Most calls have one dialog: no room for others is kept.
        self.dialogs.reserve_exact(1);
        self.dialogs.push(Dialog {
            near_tag,
            far_tag,
            way,
            place,
            progress: Progress::Early,
            to_far: self.invite,
            to_near: 0,
            accepted_far: [None; 2],
            accepted_near: [None; 2],
            partners: None,
        });
    }

    /// Whether nobody has proven yet who speaks in a dialog, and the caller must not hear it until then.
    pub(crate) fn is_unproven(&self, dialog: &Dialog) -> bool {
        self.guard == Guard::ProofRequired
            && dialog.progress == Progress::Early
            && dialog.partners.is_none()
    }

    /// The far tag of the first that has not been accepted.
    pub(crate) fn oldest_early(&self) -> Option<&[u8]> {
        let mut dialogs = self.dialogs.iter();
        let early = dialogs.find(|dialog| dialog.progress == Progress::Early)?;
        Some(&early.far_tag)
    }

    /// Those dialogs go that `keep` does not keep.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Dialog) -> bool) {
        self.dialogs.retain(keep);
    }

    /// The way to one side.
    pub(crate) fn way<'a>(&'a self, dialog: &'a Dialog, to: Side) -> &'a Way {
        match to {
            Side::Far => &dialog.way,
            Side::Near => &self.way,
        }
    }

    /// Whether there is room to remember where the sender of `message` says it is now.
    pub(crate) fn has_room_for(&self, message: &Message) -> bool {
        let contact = message.header(Name::Contact).unwrap_or_default();
        contact.len() + self.bytes() < MAX_CALL_BYTES
    }

    /// The sender of `message`, who is on `side`, has said where it is now; nothing is changed if there is no room for it.
    pub(crate) fn refresh(&mut self, message: &Message, far_tag: &[u8], side: Side) {
        if !self.has_room_for(message) {
            return;
        }
        match side {
            Side::Near => self.way.refresh(message),
            Side::Far => {
                if let Some(dialog) = self.dialog_mut_of(far_tag) {
                    dialog.way.refresh(message);
                }
            }
        }
    }

    /// Who is sent the requests of a dialog to one side; nobody if its next hop is gone.
    pub(crate) fn peer(&self, dialog: &Dialog, to: Side) -> Option<Peer> {
        match to {
            Side::Near => Some((*self.caller).clone()),
            Side::Far => Some(Peer {
                hop: self.trunk.next_hops.get(dialog.place)?.clone(),
                connection: None,
            }),
        }
    }

    /// From and To, without their tags in mind, of a request of ours to one side.
    pub(crate) fn addresses(&self, to: Side) -> (&[u8], &[u8]) {
        match to {
            Side::Far => (&self.from, &self.to),
            Side::Near => (&self.to, &self.from),
        }
    }

    /// Whether nothing will happen in it any more.
    pub(crate) fn is_over(&self) -> bool {
        !self.inviting && self.dialogs.is_empty()
    }

    fn bytes(&self) -> usize {
        let names = [&self.near, &self.far].map(|end| end.call_id.len() + end.tag.len());
        let dialogs = self
            .dialogs
            .iter()
            .map(|dialog| dialog.way.bytes() + dialog.near_tag.len() + dialog.far_tag.len());
        let fixed = self.from.len() + self.to.len() + self.way.bytes();
        names.iter().sum::<usize>() + fixed + dialogs.sum::<usize>()
    }
}

/// Whether the call that an INVITE begins is too much to remember.
pub(crate) fn is_too_large(invite: &Message) -> bool {
    let remembered = [
        Name::From,
        Name::To,
        Name::CallId,
        Name::Contact,
        Name::RecordRoute,
    ];
    let lines = invite.all_headers();
    let lengths = lines
        .filter(|line| remembered.contains(&line.name))
        .map(|line| line.value.len());
    // Its names are remembered for both sides.
    2 * lengths.sum::<usize>() > MAX_CALL_BYTES
}

impl End {
    /// As the INVITE names it.
    pub(crate) fn of(invite: &Message) -> Self {
        let from = invite.from().ok();
        let tag = from.as_ref().and_then(NameAddr::tag);
        Self {
            call_id: invite.header(Name::CallId).unwrap_or_default().into(),
            tag: tag.unwrap_or_default().into(),
        }
    }
}

impl Side {
    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Far => Self::Near,
            Self::Near => Self::Far,
        }
    }
}
