//! What a caller wants to be kept private: the Privacy header of [RFC 3323 §4.2](https://www.rfc-editor.org/rfc/rfc3323#section-4.2),
//! with the `id` of [RFC 3325 §9.3](https://www.rfc-editor.org/rfc/rfc3325#section-9.3).
//!
//! We are no privacy service: nothing is made anonymous here, and the header itself goes on as it came. What is read of it is what a
//! proxy at the border of a trust domain has to know.

use crate::grammar::trim;
use crate::message::{Message, Name};

/// What the caller wants of its asserted identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// `none`: it is to be passed on, to anybody.
    Disclosed,
    /// Nothing is said about it.
    Unsaid,
    /// `id`: nobody outside the trust domain is to see it.
    Withheld,
}

/// What the Privacy headers of a message say about the asserted identity. If they contradict each other it is withheld.
///
/// # Example
/// ```
/// use countersign_sip::message::{Framing, Message};
/// use countersign_sip::privacy::{Wish, wish};
/// let request = Message::parse("INVITE sip:b@h SIP/2.0\r\nPrivacy: header; ID;critical\r\n\r\n".into(), Framing::Datagram)?;
/// assert_eq!(wish(&request), Wish::Withheld);
/// # Ok::<(), countersign_sip::message::ParseError>(())
/// ```
// RFC 3323 §4.2: Privacy-hdr = "Privacy" HCOLON priv-value *(";" priv-value). Some write a comma.
pub fn wish(message: &Message) -> Wish {
    let mut wish = Wish::Unsaid;
    for line in message.headers(Name::Privacy) {
        for value in line.value.split(|byte| matches!(byte, b';' | b',')) {
            match trim(value) {
                id if id.eq_ignore_ascii_case(b"id") => return Wish::Withheld,
                none if none.eq_ignore_ascii_case(b"none") => wish = Wish::Disclosed,
                _ => {}
            }
        }
    }
    wish
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;

    #[test]
    fn wishes() {
        for (headers, expected) in [
            ("", Wish::Unsaid),
            ("Privacy: id\r\n", Wish::Withheld),
            ("privacy:ID\r\n", Wish::Withheld),
            ("Privacy: user;id;critical\r\n", Wish::Withheld),
            ("Privacy: header, id\r\n", Wish::Withheld),
            ("Privacy: none\r\n", Wish::Disclosed),
            ("Privacy: none;id\r\n", Wish::Withheld),
            ("Privacy: none\r\nPrivacy: id\r\n", Wish::Withheld),
            ("Privacy: user\r\n", Wish::Unsaid),
            ("Privacy: header;session;critical\r\n", Wish::Unsaid),
            ("Privacy: identity\r\n", Wish::Unsaid),
            ("Privacy:\r\n", Wish::Unsaid),
        ] {
            let text = format!("INVITE sip:b@h SIP/2.0\r\n{headers}\r\n");
            let message = Message::parse(text.into(), Framing::Datagram).unwrap();
            assert_eq!(wish(&message), expected, "{headers}");
        }
    }
}
