//! Call-IDs of our own making: for requests that begin with us, and for the far dialog of a call whose Call-ID we hide.
//!
//! A host spreads messages over shards by Call-ID. A response to one of ours, or a request inside a dialog that we began, must come
//! back to the shard that began it, so our Call-IDs name it. Nobody else should choose shards: what begins a dialog is spread by
//! its hash whatever its Call-ID looks like, and the prefix is made of a secret.

use crate::message::{Message, Name};
use countersign::crypto::sha256;

/// Makes Call-IDs, and knows them again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCallIds {
    prefix: Box<str>,
}

/// Bytes of the digest in the prefix: enough that nobody has it by chance.
const PREFIX_BYTES: usize = 6;

impl OwnCallIds {
    /// `secret` is that of [`crate::element::Options`], the same in all shards.
    pub fn new(secret: &[u8; 16]) -> Self {
        let digest = sha256(&[&b"countersign Call-ID\0"[..], secret].concat());
        let bytes = digest.iter().take(PREFIX_BYTES);
        let prefix: String = bytes.map(|byte| format!("{byte:02x}")).collect();
        Self {
            prefix: prefix.into(),
        }
    }

    /// A Call-ID of this shard; `unique` is of the alphabet of a SIP `word`, and never used twice by it.
    pub fn make(&self, shard: u32, unique: &str) -> String {
        format!("{}-{shard:x}-{unique}", self.prefix)
    }

    /// Which shard made this Call-ID; `None` if none did.
    pub fn shard_of(&self, call_id: &[u8]) -> Option<u32> {
        let rest = call_id.strip_prefix(self.prefix.as_bytes())?;
        let rest = std::str::from_utf8(rest.strip_prefix(b"-")?).ok()?;
        let (shard, _) = rest.split_once('-')?;
        u32::from_str_radix(shard, 16).ok()
    }

    /// Whether one of them may stand in these bytes. Much cheaper than to read them.
    pub fn may_be_in(&self, bytes: &[u8]) -> bool {
        memchr::memmem::find(bytes, self.prefix.as_bytes()).is_some()
    }

    /// Which shard a message belongs to because that shard made its Call-ID; `None` if its hash says so. A request that begins
    /// something is nobody's yet.
    pub fn shard_for(&self, message: &Message) -> Option<u32> {
        let begins = message.method().is_some() && message.to().is_ok_and(|to| to.tag().is_none());
        let call_id = message.header(Name::CallId).filter(|_| !begins)?;
        self.shard_of(call_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;

    fn message(first: &str, to_tag: &str, call_id: &str) -> Message {
        let text =
            format!("{first}\r\nTo: <sip:b@b.example>{to_tag}\r\nCall-ID: {call_id}\r\n\r\n");
        Message::parse(text.into(), Framing::Datagram).unwrap()
    }

    #[test]
    fn ours_come_back_to_their_shard() {
        let (ours, others) = (OwnCallIds::new(&[7; 16]), OwnCallIds::new(&[8; 16]));
        for shard in [0, 1, 255, u32::MAX] {
            let made = ours.make(shard, "unique-1@h");
            assert_eq!(ours.shard_of(made.as_bytes()), Some(shard));
            assert_eq!(others.shard_of(made.as_bytes()), None);
            assert!(ours.may_be_in(format!("i: {made}\r\n").as_bytes()));
            assert!(!others.may_be_in(made.as_bytes()));
            let response = message("SIP/2.0 200 OK", ";tag=1", &made);
            assert_eq!(ours.shard_for(&response), Some(shard));
            let inside = message("BYE sip:us SIP/2.0", ";tag=1", &made);
            assert_eq!(ours.shard_for(&inside), Some(shard));
            let beginning = message("INVITE sip:us SIP/2.0", "", &made);
            assert_eq!(ours.shard_for(&beginning), None, "nobody chooses a shard");
        }
        for foreign in ["", "a84b4c76e66710", "-0-", "zz-0-1"] {
            assert_eq!(ours.shard_of(foreign.as_bytes()), None);
        }
    }
}
