//! Messages out of a byte stream: RFC 3261 §18.3, §7.5, and the keep-alives of RFC 5626 §3.5.1.

use crate::defect::Defect;
use crate::message::{Framing, MAX_MESSAGE, Message, ParseError, read_head};
use bytes::{Buf, BytesMut};
use memchr::memmem;

/// Cuts messages out of what a connection delivers.
///
/// # Example
/// ```
/// use countersign_sip::stream::{Framer, Piece};
/// let mut framer = Framer::default();
/// framer.push(b"\r\n\r\nOPTIONS sip:h SIP/2.0\r\nl: 2\r\n\r\na");
/// assert!(matches!(framer.next(), Some(Piece::Ping)));
/// assert!(framer.next().is_none(), "one byte of the body is still on its way");
/// framer.push(b"b");
/// let Some(Piece::Message(message)) = framer.next() else { panic!("a message") };
/// assert_eq!(message.body(), b"ab");
/// ```
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// How much of the buffer was searched for the end of the header section.
    searched: usize,
    /// Length of the message at the front, once its head is here.
    expected: Option<usize>,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Between two messages.
    #[default]
    Between,
    /// Inside a message.
    Inside,
    /// Nobody knows where the next message begins.
    Lost,
}

/// What a stream delivers.
#[derive(Clone, Debug)]
pub enum Piece {
    /// A message that is none, with its end known: the stream goes on. Or with its end unknown: then
    /// [`Framer::is_lost`], and the connection is to be closed after an answer, if one can be given.
    Bad(ParseError),
    /// A message.
    Message(Message),
    /// CRLF CRLF between messages: the sender waits for one CRLF, RFC 5626 §4.4.1.
    Ping,
}

const HEAD_END: &[u8] = b"\r\n\r\n";

impl Framer {
    /// Takes what was read from the connection. Call [`Framer::next`] until it gives `None` after each push: then what is kept is
    /// never more than [`MAX_MESSAGE`] and one push. Nothing is kept of a stream that is lost.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.state != State::Lost {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Whether the stream can no longer be followed; close the connection.
    pub fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Whether a message has begun and not ended: what a timeout on slow senders looks at.
    pub fn is_inside(&self) -> bool {
        self.state == State::Inside
    }

    /// The next piece; `None` until more bytes are pushed, and for ever once the stream is lost.
    #[allow(
        clippy::should_implement_trait,
        reason = "None is not the end: more may be pushed"
    )]
    pub fn next(&mut self) -> Option<Piece> {
        if self.state == State::Between && self.skip_line_ends() {
            return Some(Piece::Ping);
        }
        if self.state != State::Inside {
            return None;
        }
        if self.expected.is_none() {
            match self.find_length()? {
                Ok(length) => self.expected = Some(length),
                Err(error) => return Some(self.lose(error)),
            }
        }
        let length = self
            .expected
            .filter(|length| self.buffer.len() >= *length)?;
        let bytes = self.buffer.split_to(length).freeze();
        self.expected = None;
        self.searched = 0;
        self.state = State::Between;
        Some(match Message::parse(bytes, Framing::Stream) {
            Ok(message) => Piece::Message(message),
            Err(error) => Piece::Bad(error),
        })
    }

    /// Drops line ends between messages; whether they were a ping.
    // RFC 3261 §7.5: "Implementations processing SIP messages over stream-oriented transports MUST ignore any CRLF
    // appearing before the start-line".
    fn skip_line_ends(&mut self) -> bool {
        loop {
            match self.buffer.as_ref() {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.buffer.advance(4);
                    return true;
                }
                // Half of what may become a ping: wait.
                [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return false,
                [b'\r', b'\n', ..] => self.buffer.advance(2),
                _ => {
                    self.state = State::Inside;
                    return false;
                }
            }
        }
    }

    /// How long the message at the front is; `None` while its head is still on its way.
    fn find_length(&mut self) -> Option<Result<usize, ParseError>> {
        // The end may straddle what was searched and what is new.
        let from = self.searched.saturating_sub(HEAD_END.len() - 1);
        let found = memmem::find(self.buffer.get(from..)?, HEAD_END);
        let Some(found) = found else {
            self.searched = self.buffer.len();
            return (self.searched > MAX_MESSAGE)
                .then(|| Err(ParseError::silent(Defect::TooLarge)));
        };
        let head_end = from + found + HEAD_END.len();
        let head = self.buffer.get(..head_end)?;
        if head_end > MAX_MESSAGE {
            return Some(Err(ParseError::silent(Defect::TooLarge)));
        }
        Some(match read_head(head) {
            Ok(parsed) => parsed.message_length().map_err(|defect| {
                let bytes = bytes::Bytes::copy_from_slice(head);
                ParseError::about(defect, parsed.into_message(bytes))
            }),
            Err(defect) => Err(ParseError::silent(defect)),
        })
    }

    fn lose(&mut self, error: ParseError) -> Piece {
        self.state = State::Lost;
        self.buffer = BytesMut::new();
        Piece::Bad(error)
    }
}
