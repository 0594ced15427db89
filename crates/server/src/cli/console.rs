//! Where answers and errors leave: standard output and standard error, in colour only on a terminal.

use super::Outcome;
use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::time::{Duration, Instant};

/// The two streams of a run. Tests give it buffers.
pub struct Console {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    paint: Paint,
    /// `None` where nobody is watching.
    progress: Option<Progress>,
    /// The first reason why an answer did not get out.
    flaw: Option<std::io::Error>,
}

/// Whether verdicts are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paint {
    /// ANSI colours.
    Colour,
    /// Plain text.
    Plain,
}

/// How far we are, for somebody who sits at a terminal.
struct Progress {
    /// When it was told last; at first, when the run began.
    told: Instant,
    shown: Shown,
}

/// Whether a line that will be overwritten stands on the terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    No,
    Yes,
}

/// How often somebody who is watching is told how far we are, and how long they wait for the first time.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// What a piece of text says, and so how it is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Bad: red.
    Bad,
    /// Of lesser weight: dim.
    Faint,
    /// Good: green.
    Good,
    /// Nothing in particular: as it is.
    Plain,
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
            progress: std::io::stderr().is_terminal().then(|| Progress {
                told: Instant::now(),
                shown: Shown::No,
            }),
            flaw: None,
        }
    }

    /// Other streams, for tests.
    pub fn with(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            err,
            paint: Paint::Plain,
            progress: None,
            flaw: None,
        }
    }

    /// One line of the answer. A reader that has gone away (`| head`) is no error of ours.
    pub fn line(&mut self, text: impl Display) {
        self.end_progress();
        let written = writeln!(self.out, "{text}");
        self.note(written);
    }

    /// One line about what went wrong, prefixed `error:`.
    pub fn error(&mut self, text: impl Display) {
        self.end_progress();
        let _ = writeln!(self.err, "error: {text}");
    }

    /// One line that deserves attention but stops nothing.
    pub fn warning(&mut self, text: impl Display) {
        self.end_progress();
        let _ = writeln!(self.err, "warning: {text}");
    }

    /// One line for whoever is watching, apart from the answer.
    pub fn remark(&mut self, text: impl Display) {
        self.end_progress();
        let _ = writeln!(self.err, "{text}");
    }

    /// How far long work has come, for whoever is watching: one line that is overwritten, a few times a second. Nothing where
    /// standard error is no terminal.
    pub fn progress(&mut self, text: impl Display) {
        let Some(progress) = &mut self.progress else {
            return;
        };
        if progress.told.elapsed() < PROGRESS_EVERY {
            return;
        }
        let _ = write!(self.err, "\r{text}\x1b[K");
        let _ = self.err.flush();
        progress.told = Instant::now();
        progress.shown = Shown::Yes;
    }

    /// Takes the line about progress away, because another is to be written.
    fn end_progress(&mut self) {
        if let Some(progress) = &mut self.progress
            && progress.shown == Shown::Yes
        {
            let _ = write!(self.err, "\r\x1b[K");
            let _ = self.err.flush();
            progress.shown = Shown::No;
        }
    }

    /// Bytes exactly as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let written = self.out.write_all(bytes);
        self.note(written);
    }

    /// The end of a run: what the shell is told. An answer that a full disk swallowed is no answer.
    pub fn finish(mut self, outcome: Outcome) -> Outcome {
        self.end_progress();
        let flushed = self.out.flush();
        self.note(flushed);
        match self.flaw.take() {
            None => outcome,
            Some(flaw) => {
                self.error(format_args!("the answer could not be written: {flaw}"));
                Outcome::Unable
            }
        }
    }

    fn note(&mut self, written: std::io::Result<()>) {
        if let Err(flaw) = written
            && flaw.kind() != ErrorKind::BrokenPipe
        {
            self.flaw.get_or_insert(flaw);
        }
    }

    /// `text` in the colour of `tone`.
    pub(super) fn paint(&self, tone: Tone, text: impl Display) -> String {
        let text = text.to_string();
        let code = match tone {
            _ if self.paint == Paint::Plain || text.is_empty() => return text,
            Tone::Plain => return text,
            Tone::Bad => "31",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Unsure => "33",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// `text` without what a terminal would obey instead of show: control characters, and those that turn the direction of the
/// line or take no room. Most of what is printed here was written by strangers.
pub(super) fn visible(text: &str) -> String {
    let obeyed = |character: char| {
        character.is_control()
            || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let shown = |character| {
        if obeyed(character) {
            '\u{fffd}'
        } else {
            character
        }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_answer_that_did_not_get_out_is_no_answer() {
        let told = |kind| {
            let mut console = Console::with(Box::new(Broken(kind)), Box::new(std::io::sink()));
            console.line("passed");
            console.finish(Outcome::Done)
        };
        assert_eq!(told(ErrorKind::StorageFull), Outcome::Unable);
        assert_eq!(
            told(ErrorKind::BrokenPipe),
            Outcome::Done,
            "the reader has seen enough"
        );
    }

    #[test]
    fn a_terminal_is_not_obeyed() {
        assert_eq!(
            visible("a\u{1b}[2Jb\r\u{202e}c é"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}c é"
        );
    }
}
