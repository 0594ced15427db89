//! Which transaction a message belongs to: RFC 3261 §17.1.3 for responses, §17.2.3 for requests, §9.2 for CANCEL.
//!
//! A key is a few fields of a message in one comparable piece. Keys of different kinds never meet: each begins with its kind,
//! and every field with its length.

use crate::defect::Defect;
use crate::header::{Branch, Via};
use crate::message::{Message, Method};

/// What finds a server transaction.
///
/// Take it from the request as received, before anything is noted in its Via.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerKey(Box<[u8]>);

/// What finds a client transaction.
// RFC 3261 §17.1.3: "A response matches a client transaction under two conditions: 1. If the response has the same value of the
// branch parameter in the top Via header field as the branch parameter in the top Via header field of the request that created
// the transaction. 2. If the method parameter in the CSeq header field matches the method of the request that created the
// transaction."
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientKey(Box<[u8]>);

impl ServerKey {
    /// The transaction that `request` belongs to, or begins.
    ///
    /// An ACK has the key of its INVITE if its sender is of our century; else that of [`ServerKey::of_expected_ack`].
    ///
    /// # Errors
    /// The [`Defect`] of a header that the key is made of.
    pub fn of(request: &Message) -> Result<Self, Defect> {
        let method = request.method().ok_or(Defect::StartLine)?;
        let via = request.top_via()?;
        match via.branch() {
            // RFC 3261 §17.2.3: "the method of the request matches the one that created the transaction, except for ACK, where
            // the method of the request that created the transaction is INVITE."
            Branch::Unique(branch) if method == Method::Ack => {
                Self::by_branch(&via, branch, Method::Invite)
            }
            Branch::Unique(branch) => Self::by_branch(&via, branch, method),
            Branch::Rfc2543 => Self::by_headers(request, method, to_tag(request)?),
        }
    }

    /// The INVITE transaction that a CANCEL cancels.
    ///
    /// # Errors
    /// The [`Defect`] of a header that the key is made of.
    // RFC 3261 §9.2: "The TU determines the transaction to be cancelled by taking the CANCEL request, and then assuming that the
    // request method is anything but CANCEL or ACK and applying the transaction matching procedures of Section 17.2.3."
    // RFC 3261 §9.1: "A CANCEL request SHOULD NOT be sent to cancel a request other than INVITE.", so INVITE it is.
    pub fn of_cancelled(cancel: &Message) -> Result<Self, Defect> {
        match cancel.top_via()?.branch() {
            Branch::Unique(branch) => Self::by_branch(&cancel.top_via()?, branch, Method::Invite),
            Branch::Rfc2543 => Self::by_headers(cancel, Method::Invite, to_tag(cancel)?),
        }
    }

    /// The key that the ACK for a final response to `invite` will have, where it is another than that of the INVITE: the tag of
    /// the response is part of it. `None` where the branch says it all.
    ///
    /// # Errors
    /// The [`Defect`] of a header that the key is made of.
    // RFC 3261 §17.2.3: "The ACK request matches a transaction if the Request-URI, From tag, Call-ID, CSeq number (not the
    // method), and top Via header field match those of the INVITE request which created the transaction, and the To tag of the
    // ACK matches the To tag of the response sent by the server transaction."
    pub fn of_expected_ack(invite: &Message, response_tag: &[u8]) -> Result<Option<Self>, Defect> {
        match invite.top_via()?.branch() {
            Branch::Unique(_) => Ok(None),
            Branch::Rfc2543 => Self::by_headers(invite, Method::Ack, response_tag).map(Some),
        }
    }

    // RFC 3261 §17.2.3: "The sent-by value is used as part of the matching process because there could be accidental or malicious
    // duplication of branch parameters from different clients."
    fn by_branch(via: &Via<'_>, branch: &[u8], method: Method<'_>) -> Result<Self, Defect> {
        let port = via.port.map(u16::to_be_bytes);
        let mut key = KeyWriter::new(Kind::ServerByBranch);
        // RFC 3261 §7.3.1: "field values, parameter names, and parameter values are case-insensitive"; a branch is a token and no
        // exception is made for it.
        key.put_lowercase(branch);
        key.put_lowercase(via.host);
        key.put(port.as_ref().map_or(&[], |port| port.as_slice()));
        key.put(method.as_bytes());
        Ok(Self(key.finish()))
    }

    // RFC 3261 §17.2.3: "The INVITE request matches a transaction if the Request-URI, To tag, From tag, Call-ID, CSeq, and top Via
    // header field match those of the INVITE request which created the transaction."
    fn by_headers(request: &Message, method: Method<'_>, to_tag: &[u8]) -> Result<Self, Defect> {
        let mut key = KeyWriter::new(Kind::ServerByHeaders);
        key.put(request.request_uri().ok_or(Defect::StartLine)?);
        key.put(to_tag);
        key.put(request.from()?.tag().unwrap_or_default());
        key.put(request.call_id()?);
        key.put(&request.cseq()?.sequence.to_be_bytes());
        key.put(method.as_bytes());
        key.put(request.top_via()?.raw);
        Ok(Self(key.finish()))
    }
}

impl ClientKey {
    /// The transaction of a request that goes out with this branch.
    pub fn new(branch: &[u8], method: Method<'_>) -> Self {
        let mut key = KeyWriter::new(Kind::Client);
        key.put(branch);
        key.put(method.as_bytes());
        Self(key.finish())
    }

    /// The transaction that `response` belongs to; `None` if its branch cannot be one of ours.
    ///
    /// # Errors
    /// The [`Defect`] of a header that the key is made of.
    pub fn of(response: &Message) -> Result<Option<Self>, Defect> {
        let method = response.cseq()?.method;
        match response.top_via()?.branch() {
            Branch::Unique(branch) => Ok(Some(Self::new(branch, method))),
            Branch::Rfc2543 => Ok(None),
        }
    }
}

fn to_tag(request: &Message) -> Result<&[u8], Defect> {
    Ok(request.to()?.tag().unwrap_or_default())
}

#[derive(Clone, Copy)]
enum Kind {
    Client = 1,
    ServerByBranch = 2,
    ServerByHeaders = 3,
}

struct KeyWriter(Vec<u8>);

/// Room for a usual branch, host and method, so that most keys are written without growing.
const USUAL_KEY: usize = 96;

impl KeyWriter {
    fn new(kind: Kind) -> Self {
        let mut bytes = Vec::with_capacity(USUAL_KEY);
        bytes.push(kind as u8);
        Self(bytes)
    }

    fn put(&mut self, field: &[u8]) {
        self.0.extend_from_slice(&field.len().to_be_bytes());
        self.0.extend_from_slice(field);
    }

    fn put_lowercase(&mut self, field: &[u8]) {
        let start = self.0.len() + size_of::<usize>();
        self.put(field);
        self.0
            .get_mut(start..)
            .unwrap_or_default()
            .make_ascii_lowercase();
    }

    fn finish(self) -> Box<[u8]> {
        self.0.into_boxed_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;

    fn request(method: &str, via: &str, to_tag: &str, cseq: &str) -> Message {
        let text = format!(
            "{method} sip:+12025550101@b.example SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\nFrom: <sip:+12025550100@a.example>;tag=1\r\n\
             To: <sip:+12025550101@b.example>{to_tag}\r\nCall-ID: c\r\nCSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
        );
        Message::parse(text.into(), Framing::Datagram).unwrap()
    }

    fn key(method: &str, via: &str, to_tag: &str) -> ServerKey {
        ServerKey::of(&request(method, via, to_tag, &format!("1 {method}"))).unwrap()
    }

    #[test]
    fn branch_sent_by_and_method_make_the_transaction() {
        let invite = key("INVITE", "a.example:5060;branch=z9hG4bK1", "");
        assert_eq!(
            invite,
            key("INVITE", "A.example:5060;rport;branch=z9hg4bk1", "")
        );
        assert_eq!(
            invite,
            key("ACK", "a.example:5060;branch=z9hG4bK1", ";tag=x")
        );
        assert_ne!(invite, key("CANCEL", "a.example:5060;branch=z9hG4bK1", ""));
        assert_ne!(invite, key("INVITE", "a.example:5061;branch=z9hG4bK1", ""));
        assert_ne!(invite, key("INVITE", "c.example:5060;branch=z9hG4bK1", ""));
        assert_ne!(invite, key("INVITE", "a.example:5060;branch=z9hG4bK2", ""));
    }

    #[test]
    fn a_cancel_finds_its_invite() {
        for via in ["a.example;branch=z9hG4bK1", "a.example"] {
            let cancel = request("CANCEL", via, "", "1 CANCEL");
            assert_eq!(
                ServerKey::of_cancelled(&cancel).unwrap(),
                key("INVITE", via, "")
            );
        }
    }

    #[test]
    fn without_the_magic_cookie_more_headers_tell_transactions_apart() {
        let via = "a.example;branch=1";
        let one = key("INVITE", via, "");
        assert_eq!(one, key("INVITE", via, ""));
        let other = ServerKey::of(&request("INVITE", via, "", "2 INVITE")).unwrap();
        assert_ne!(one, other, "the same Via, another CSeq");
        assert_ne!(one, key("INVITE", via, ";tag=9"));
        assert_ne!(one, key("INVITE", "a.example", ""));
        assert_ne!(one, key("BYE", via, ""));
    }

    #[test]
    fn an_ack_of_an_old_client_is_known_by_the_tag_of_the_response() {
        let invite = request("INVITE", "a.example", "", "1 INVITE");
        let expected = ServerKey::of_expected_ack(&invite, b"ours")
            .unwrap()
            .unwrap();
        assert_eq!(expected, key("ACK", "a.example", ";tag=ours"));
        assert_ne!(expected, key("ACK", "a.example", ";tag=theirs"));
        let new = request("INVITE", "a.example;branch=z9hG4bK1", "", "1 INVITE");
        assert_eq!(ServerKey::of_expected_ack(&new, b"ours").unwrap(), None);
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        assert_ne!(
            ClientKey::new(b"z9hG4bKaIN", Method::Other(b"VITE")),
            ClientKey::new(b"z9hG4bKa", Method::Invite)
        );
    }

    #[test]
    fn a_response_to_cancel_is_not_one_to_invite() {
        let response = |cseq| {
            let text = format!(
                "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP p;branch=z9hG4bK7\r\nCSeq: {cseq}\r\n\r\n"
            );
            Message::parse(text.into(), Framing::Datagram).unwrap()
        };
        let of = |cseq| ClientKey::of(&response(cseq)).unwrap().unwrap();
        assert_eq!(of("1 INVITE"), ClientKey::new(b"z9hG4bK7", Method::Invite));
        assert_ne!(of("1 CANCEL"), of("1 INVITE"));
    }
}
