//! The calls of back-to-back trunks, and which of them a message belongs to.

use super::ContextId;
use super::by_context::ByContext;
use super::tokens::{Digits, Tokens};
use crate::b2bua::{Call, Dialog, End, Side};
use crate::message::{Message, Name};
use std::collections::HashMap;

/// Every call, by the context of the INVITE that began it.
#[derive(Default)]
pub(super) struct Calls {
    calls: ByContext<Box<Call>>,
    /// By the names that requests have: which call, and from which of its sides they come.
    dialogs: HashMap<Digits, Place>,
}

/// Where a request belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) call: ContextId,
    /// Whose request it is.
    pub(super) from: Side,
}

impl Calls {
    pub(super) fn get(&self, id: ContextId) -> Option<&Call> {
        self.calls.get(&id).map(|call| &**call)
    }

    pub(super) fn get_mut(&mut self, id: ContextId) -> Option<&mut Call> {
        self.calls.get_mut(&id).map(|call| &mut **call)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.calls.values().map(|call| &**call)
    }

    pub(super) fn has(&self, id: ContextId) -> bool {
        self.calls.contains_key(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.dialogs.is_empty()
    }

    /// Where a request with a To tag belongs, if it is inside a dialog.
    pub(super) fn place(&self, request: &Message, tokens: &Tokens) -> Option<Place> {
        if self.dialogs.is_empty() {
            return None;
        }
        let (from, to) = (request.from().ok()?, request.to().ok()?);
        let call_id = request.header(Name::CallId)?;
        let key = tokens.dialog(call_id, from.tag().unwrap_or_default(), to.tag()?);
        self.dialogs.get(&key).copied()
    }

    /// Whether an INVITE that begins a call has the names of another that still is.
    pub(super) fn is_named(&self, invite: &Call, tokens: &Tokens) -> bool {
        self.dialogs.contains_key(&beginning(invite, tokens))
    }

    /// Whether there is a dialog of these names already, towards who began it.
    pub(super) fn is_dialog(&self, end: &End, tag: &[u8], tokens: &Tokens) -> bool {
        let key = tokens.dialog(&end.call_id, &end.tag, tag);
        self.dialogs.contains_key(&key)
    }

    pub(super) fn insert(&mut self, id: ContextId, call: Call, tokens: &Tokens) {
        let place = Place {
            call: id,
            from: Side::Near,
        };
        self.dialogs.insert(beginning(&call, tokens), place);
        self.calls.insert(id, Box::new(call));
    }

    /// From now on the requests of this dialog are known.
    pub(super) fn know(&mut self, id: ContextId, far_tag: &[u8], tokens: &Tokens) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if let Some(dialog) = call.dialog_of(far_tag) {
            for (key, from) in keys(call, dialog, tokens) {
                self.dialogs.insert(key, Place { call: id, from });
            }
        }
    }

    /// Those dialogs end that `keep` does not keep, and the call with the last of them if its INVITE is over.
    pub(super) fn retain(
        &mut self,
        id: ContextId,
        tokens: &Tokens,
        keep: impl Fn(&Dialog) -> bool,
    ) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        for dialog in call.dialogs().iter().filter(|dialog| !keep(dialog)) {
            for (key, _) in keys(call, dialog, tokens) {
                self.dialogs.remove(&key);
            }
        }
        call.retain(keep);
        if call.is_over() {
            self.forget_beginning(id, tokens);
            self.calls.remove(&id);
        }
    }

    /// Another INVITE may have the names of this call: it has failed, or is gone.
    pub(super) fn forget_beginning(&mut self, id: ContextId, tokens: &Tokens) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let key = beginning(call, tokens);
        if self.dialogs.get(&key).is_some_and(|place| place.call == id) {
            self.dialogs.remove(&key);
        }
    }
}

/// What no two calls may have in common: the names of the INVITE that begins it.
fn beginning(call: &Call, tokens: &Tokens) -> Digits {
    tokens.dialog(&call.near.call_id, &call.near.tag, b"")
}

fn keys(call: &Call, dialog: &Dialog, tokens: &Tokens) -> [(Digits, Side); 2] {
    let near = tokens.dialog(&call.near.call_id, &call.near.tag, &dialog.near_tag);
    let far = tokens.dialog(&call.far.call_id, &dialog.far_tag, &call.far.tag);
    [(near, Side::Near), (far, Side::Far)]
}
