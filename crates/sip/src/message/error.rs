//! Bytes that are no message, and what of them can still be answered.

use super::Message;
use crate::defect::Defect;
use std::fmt;

/// Bytes that are no message: the first defect found, and what of the message could be read.
#[derive(Clone, Debug)]
pub struct ParseError {
    defect: Defect,
    request: Option<Box<Message>>,
}

impl ParseError {
    /// An error about which nothing can be answered.
    pub(crate) fn silent(defect: Defect) -> Self {
        Self {
            defect,
            request: None,
        }
    }

    /// An error found in a message whose header lines could be told apart.
    pub(crate) fn about(defect: Defect, message: Message) -> Self {
        Self {
            defect,
            request: message.is_answerable().then(|| Box::new(message)),
        }
    }

    /// What is wrong.
    pub fn defect(&self) -> Defect {
        self.defect
    }

    /// The request as far as it could be read, if an answer may be written to it ([`Message::is_answerable`]). Hand it to
    /// [`crate::response::build`] with [`Defect::status`]; `None` means: drop in silence.
    pub fn answerable(&self) -> Option<&Message> {
        self.request.as_deref()
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.defect.fmt(f)
    }
}

impl std::error::Error for ParseError {}
