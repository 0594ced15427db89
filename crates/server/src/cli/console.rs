//! Where answers and errors leave: standard output and standard error, in colour only on a terminal.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

/// The two streams of a run. Tests give it buffers.
pub struct Console {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    paint: Paint,
}

/// Whether verdicts are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paint {
    /// ANSI colours.
    Colour,
    /// Plain text.
    Plain,
}

/// What a piece of text says, and so how it is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Bad: red.
    Bad,
    /// Of lesser weight: dim.
    Faint,
    /// Good: green.
    Good,
    /// Unknown: yellow.
    Unsure,
}

impl Console {
    /// The process's own streams. Colour only if standard output is a terminal and `NO_COLOR` is not set.
    pub fn standard() -> Self {
        let colour = std::io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            out: Box::new(std::io::stdout()),
            err: Box::new(std::io::stderr()),
            paint: if colour { Paint::Colour } else { Paint::Plain },
        }
    }

    /// Other streams, for tests.
    pub fn with(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            err,
            paint: Paint::Plain,
        }
    }

    /// One line of the answer. A reader that has gone away (`| head`) is no error of ours.
    pub fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.out, "{text}");
    }

    /// One line about what went wrong, prefixed `error:`.
    pub fn error(&mut self, text: impl Display) {
        let _ = writeln!(self.err, "error: {text}");
    }

    /// One line that deserves attention but stops nothing.
    pub fn warning(&mut self, text: impl Display) {
        let _ = writeln!(self.err, "warning: {text}");
    }

    /// Bytes exactly as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let _ = self.out.write_all(bytes).and_then(|()| self.out.flush());
    }

    /// `text` in the colour of `tone`.
    pub(super) fn paint(&self, tone: Tone, text: impl Display) -> String {
        let code = match tone {
            Tone::Bad => "31",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Unsure => "33",
        };
        match self.paint {
            Paint::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
            Paint::Plain => text.to_string(),
        }
    }
}
