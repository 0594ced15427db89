//! The edits that requests and responses have in common.

use crate::flow::Transport;
use crate::header::NameAddr;
use crate::message::{Message, Name};
use crate::patch::Patch;
use crate::trunk::SentBy;
use crate::uri::{Security, Uri};
use crate::verstat;

/// Where we are to the other end of a dialog.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OurContact<'a> {
    pub(crate) transport: Transport,
    pub(crate) sent_by: &'a SentBy,
    /// Whether their requests must come by TLS all the way.
    pub(crate) security: Security,
}

impl OurContact<'_> {
    /// The Contact that takes the place of `theirs`: their user and header parameters, our host. Nothing else of their URI is true
    /// of us, and no verdict is theirs to write.
    pub(super) fn in_place_of(&self, theirs: Option<&NameAddr<'_>>) -> Vec<u8> {
        let uri = theirs.and_then(|theirs| match Uri::parse(theirs.uri) {
            Ok(Uri::Sip(uri)) => Some(uri),
            _ => None,
        });
        // RFC 3261 §8.1.1.8: "If the Request-URI or top Route header field value contains a SIPS URI, the Contact header field MUST
        // contain a SIPS URI as well." Theirs may be one on a way that is not secure; who uses ours then would not get here.
        let is_sips = self.security == Security::Sips;
        let mut value = if is_sips {
            b"<sips:".to_vec()
        } else {
            b"<sip:".to_vec()
        };
        if let Some(user) = uri.and_then(|uri| uri.user) {
            value.extend_from_slice(user);
            value.push(b'@');
        }
        value.extend_from_slice(self.sent_by.to_string().as_bytes());
        value.extend_from_slice(match self.transport {
            Transport::Tcp => b";transport=tcp".as_slice(),
            Transport::Tls if !is_sips => b";transport=tls".as_slice(),
            Transport::Tls | Transport::Udp => b"".as_slice(),
        });
        value.push(b'>');
        value.extend_from_slice(theirs.map_or(&[], |theirs| theirs.parameters));
        verstat::taken_out(&value)
    }
}

/// Writes our Contact where theirs is; there may be none.
pub(super) fn contact(message: &Message, ours: &OurContact<'_>, patch: &mut Patch) {
    let mut lines = message.headers(Name::Contact);
    let Some(first) = lines.next() else {
        return;
    };
    let theirs = message.addresses(Name::Contact).next().flatten();
    let value = ours.in_place_of(theirs.as_ref());
    patch.replace_value(message, first.index, &value);
    lines.for_each(|line| patch.remove_header(message, line.index));
}

/// Puts another tag, or none if it is empty, on From or To.
pub(super) fn tag(message: &Message, name: Name, tag: &[u8], patch: &mut Patch) {
    let Some(address) = message.header(name).and_then(NameAddr::parse) else {
        return;
    };
    let written = address.parameters().get("tag").and_then(|tag| tag.value);
    match written {
        Some(written) if written == tag => {}
        Some(written) if !tag.is_empty() => patch.replace_part(message, written, tag),
        None if !tag.is_empty() => {
            let text = [b";tag=", tag].concat();
            patch.insert_after(message, address.raw, &text);
        }
        None => {}
        Some(_) => {
            let kept = without_tag(&address);
            patch.replace_part(message, address.parameters, &kept);
        }
    }
}

/// `value`, an address, with another tag, or with none if it is empty.
pub(super) fn with_tag(value: &[u8], tag: &[u8]) -> Vec<u8> {
    let Some(address) = NameAddr::parse(value) else {
        return value.to_vec();
    };
    let end = value.len() - address.parameters.len();
    let mut written = value.get(..end).unwrap_or_default().to_vec();
    written.extend_from_slice(&without_tag(&address));
    if !tag.is_empty() {
        written.extend_from_slice(b";tag=");
        written.extend_from_slice(tag);
    }
    written
}

fn without_tag(address: &NameAddr<'_>) -> Vec<u8> {
    let mut kept = Vec::with_capacity(address.parameters.len());
    for parameter in address.parameters().filter(|one| !one.is("tag")) {
        kept.push(b';');
        kept.extend_from_slice(parameter.name);
        if let Some(value) = parameter.value {
            kept.push(b'=');
            kept.extend_from_slice(value);
        }
    }
    kept
}

/// Sees to it that there is one header of that name, with this value.
pub(super) fn value(message: &Message, name: Name, value: &[u8], patch: &mut Patch) {
    let mut lines = message.headers(name);
    match lines.next() {
        Some(line) if line.value == value => {}
        Some(line) => patch.replace_value(message, line.index, value),
        None => patch.append_header(message, name.as_str(), value),
    }
    lines.for_each(|line| patch.remove_header(message, line.index));
}
