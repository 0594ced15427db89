//! Less of a request is kept once a next hop has it: a call may ring for minutes, and a hundred thousand may do so at once.

use super::branch::Branch;
use super::context::{Context, Stage};
use crate::message::{Framing, Message, Name};
use bytes::{BufMut, Bytes, BytesMut};

/// What our answers are made of, and those of others on their way back.
const TO_ANSWER: [Name; 6] = [
    Name::Via,
    Name::RecordRoute,
    Name::From,
    Name::To,
    Name::CallId,
    Name::CSeq,
];

/// What CANCEL and ACK are made of.
const TO_CANCEL: [Name; 6] = [
    Name::Via,
    Name::Route,
    Name::From,
    Name::To,
    Name::CallId,
    Name::CSeq,
];

impl Context {
    /// Forgets what nobody will ask for any more of a call of two dialogs whose INVITE has been heard.
    ///
    /// Elsewhere contexts do not live long, and it would cost more than it saves.
    pub(super) fn slim(&mut self, index: u8) {
        if self.crossing.is_none() || !self.is_invite() || self.is_slim {
            return;
        }
        self.is_slim = true;
        if let Some(request) = only(&self.request, &TO_ANSWER) {
            self.request = request;
        }
        if let Stage::Forwarding(forwarding) = &mut self.stage
            && forwarding.others.is_empty()
        {
            forwarding.copy = None;
            forwarding.others.shrink_to_fit();
        }
        self.branches.shrink_to_fit();
        if let Some(branch) = self.branch(index) {
            branch.slim();
        }
    }
}

impl Branch {
    /// An INVITE that was heard is not sent again.
    pub(super) fn slim(&mut self) {
        let slim = self
            .request()
            .and_then(|request| only(&request, &TO_CANCEL));
        if let Some(slim) = slim {
            self.sent_was(slim.bytes().clone());
        }
    }
}

/// The request with these headers only, and without body.
fn only(request: &Message, names: &[Name]) -> Option<Message> {
    let start = request.bytes().get(..request.headers_start())?;
    let lines = || {
        request
            .all_headers()
            .filter(|line| names.contains(&line.name))
    };
    let length: usize = lines()
        .map(|line| line.span.end() - line.span.start())
        .sum();
    let mut text = BytesMut::with_capacity(start.len() + length + END.len());
    text.put_slice(start);
    for line in lines() {
        text.put_slice(request.bytes().get(line.span.start()..line.span.end())?);
    }
    text.put_slice(END);
    let mut slim = Message::parse(Bytes::from(text), Framing::Datagram).ok()?;
    slim.shrink();
    Some(slim)
}

const END: &[u8] = b"\r\n";
