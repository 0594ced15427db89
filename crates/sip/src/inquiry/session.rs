//! Descriptions of sessions without media: what an inquiry offers and answers.
//!
//! Not here: fingerprints of media keys. Where there is no media there are none.

use crate::grammar::trim;
use crate::message::{Message, Name};
use std::borrow::Cow;

/// Most streams of an offer that are declined one by one; an offer with more gets no answer. RFC 8866 has no limit; telephones offer three.
const MAX_STREAMS: usize = 64;

/// What a message offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// There is no description of a session.
    None,
    /// One without any stream.
    WithoutMedia,
    /// One with streams.
    WithMedia,
}

impl Offer {
    /// What `message` offers.
    pub fn of(message: &Message) -> Self {
        match described(message) {
            None => Self::None,
            Some(body) if streams(body).next().is_none() => Self::WithoutMedia,
            Some(_) => Self::WithMedia,
        }
    }
}

/// An offer without media, of whoever is at `host`, which may be an IPv6 address in brackets.
// RFC 3264 §5: "The offer will contain zero or more media streams (each media stream is described by an "m=" line and its associated
// attributes).  Zero media streams implies that the offerer wishes to communicate, but that the streams for the session will be added
// at a later time through a modified offer."
pub fn without_media(host: &str) -> String {
    described_at(host, "")
}

/// An offer of one audio stream on which nothing is sent: for a call that is ended when it is answered.
pub fn inactive_audio(host: &str) -> String {
    // Port 9 is "discard": what RFC 4145 §4.1 writes where no port is meant.
    described_at(host, "m=audio 9 RTP/AVP 0 8\r\na=inactive\r\n")
}

/// The answer to what `message` offers, with every stream declined; `None` if it offers nothing.
// RFC 3264 §6: "For each "m=" line in the offer, there MUST be a corresponding "m=" line in the answer."; "To reject an offered
// stream, the port number in the corresponding stream in the answer MUST be set to zero."
pub fn declined(message: &Message, host: &str) -> Option<String> {
    let offer = described(message)?;
    let mut declined = String::new();
    for (count, stream) in streams(offer).enumerate() {
        if count == MAX_STREAMS {
            return None;
        }
        let mut words = stream.split(|byte| *byte == b' ').map(text);
        let media = words.next().unwrap_or(Cow::Borrowed("audio"));
        let rest: Vec<_> = words.skip(1).collect();
        declined.push_str(&format!("m={media} 0 {}\r\n", rest.join(" ")));
    }
    Some(described_at(host, &declined))
}

/// The body, if it describes a session.
fn described(message: &Message) -> Option<&[u8]> {
    let media_type = message.header(Name::ContentType)?;
    let media_type = media_type.split(|byte| *byte == b';').next().map(trim)?;
    let is_session = media_type.eq_ignore_ascii_case(b"application/sdp");
    Some(message.body()).filter(|body| is_session && !body.is_empty())
}

/// What follows `m=` on each line.
fn streams(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = body.split(|byte| matches!(byte, b'\r' | b'\n'));
    lines.filter_map(|line| line.strip_prefix(b"m="))
}

fn described_at(host: &str, streams: &str) -> String {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let (family, address) = match bare {
        Some(address) => ("IP6", address),
        None => ("IP4", host),
    };
    format!(
        "v=0\r\no=- 0 0 IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n{streams}"
    )
}

/// What would break a line has no place in one.
fn text(word: &[u8]) -> Cow<'_, str> {
    let visible = word.iter().filter(|byte| byte.is_ascii_graphic());
    match word.iter().all(u8::is_ascii_graphic) {
        true => String::from_utf8_lossy(word),
        false => visible
            .map(|byte| char::from(*byte))
            .collect::<String>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;
    use proptest::prelude::*;

    fn message(content_type: &str, body: &[u8]) -> Message {
        let head = format!(
            "SIP/2.0 183 x\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        Message::parse([head.as_bytes(), body].concat().into(), Framing::Datagram).unwrap()
    }

    #[test]
    fn an_offer_has_streams_or_none() {
        for (content_type, body, expected) in [
            ("application/sdp", without_media("h"), Offer::WithoutMedia),
            ("Application/SDP;x=y", inactive_audio("h"), Offer::WithMedia),
            ("application/sdp", String::new(), Offer::None),
            ("text/plain", inactive_audio("h"), Offer::None),
        ] {
            assert_eq!(Offer::of(&message(content_type, body.as_bytes())), expected);
        }
    }

    #[test]
    fn every_stream_is_declined_and_no_line_is_added() {
        let offer = "v=0\nm=audio 6000/2 RTP/AVP 0 8\na=x\nm=image 7 udptl t38\n";
        let answer = declined(
            &message("application/sdp", offer.as_bytes()),
            "[2001:db8::1]",
        );
        assert_eq!(
            answer.unwrap(),
            "v=0\r\no=- 0 0 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\n\
             m=audio 0 RTP/AVP 0 8\r\nm=image 0 udptl t38\r\n"
        );
        let none = declined(&message("application/sdp", b"v=0\r\n"), "192.0.2.1").unwrap();
        assert!(none.ends_with("t=0 0\r\n"));
    }

    proptest! {
        /// This test verifies that whatever is offered, an answer has as many streams, all declined, on lines of their own.
        #[test]
        fn an_answer_has_the_streams_of_its_offer(body in proptest::collection::vec(any::<u8>(), 1..200), streams in 0_usize..70) {
            let offer = [&b"m=audio 1 RTP/AVP 0\r\n".repeat(streams)[..], &body].concat();
            let message = message("application/sdp", &offer);
            let offered = super::streams(&offer).count();
            match declined(&message, "h") {
                None => prop_assert!(offered > MAX_STREAMS),
                Some(answer) => {
                    let all: Vec<_> = super::streams(answer.as_bytes()).collect();
                    prop_assert_eq!(all.len(), offered);
                    prop_assert!(all.iter().all(|one| one.split(|byte| *byte == b' ').nth(1) == Some(b"0")));
                }
            }
        }
    }
}
