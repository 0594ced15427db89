//! What a verb was given to look at: a whole SIP message, Identity headers, or a bare token.
//!
//! `sign`, `verify` and `decode` read the same inputs. This room only tells them apart and cuts them up; nothing here is
//! believed or judged.

use super::console::{Console, Tone};
use bytes::Bytes;
use std::io::{IsTerminal, Read, stdin};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// Most bytes read from a file or standard input: one SIP message over TCP with room to spare, or some hundred headers.
pub const MAX_INPUT: u64 = 1 << 20;

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The value of an Identity header, without its name.
    Identity(Vec<u8>),
    /// A whole SIP message.
    Message(Bytes),
    /// A PASSporT alone, without header parameters.
    Token(String),
}

/// What `source` is called in errors.
pub(super) fn shown(source: Option<&Path>) -> PathBuf {
    named(source).map_or_else(|| PathBuf::from("standard input"), Path::to_path_buf)
}

/// The file that was named; nothing if it is standard input.
pub(super) fn named(source: Option<&Path>) -> Option<&Path> {
    source.filter(|path| *path != Path::new("-"))
}

/// Reads `source` (`-` or nothing is standard input) and cuts it into inputs.
///
/// # Errors
/// [`InputError`] if it cannot be read, is too large, or holds nothing that we know.
pub fn read(source: Option<&Path>) -> Result<Vec<Input>, InputError> {
    let mut bytes = Vec::new();
    let read = match named(source) {
        Some(path) => std::fs::File::open(path)
            .and_then(|file| file.take(MAX_INPUT + 1).read_to_end(&mut bytes)),
        None => stdin().lock().take(MAX_INPUT + 1).read_to_end(&mut bytes),
    };
    read.map_err(|error| InputError::Unreadable(shown(source), error.kind()))?;
    let inputs = cut(&bytes, source)?;
    if inputs.is_empty() {
        return Err(InputError::Nothing(shown(source)));
    }
    Ok(inputs)
}

fn cut(bytes: &[u8], source: Option<&Path>) -> Result<Vec<Input>, InputError> {
    if bytes.len() as u64 > MAX_INPUT {
        return Err(InputError::TooLarge(shown(source)));
    }
    Ok(split(bytes))
}

/// Tells whoever sits at a terminal what we wait for.
pub(super) fn announce(source: Option<&Path>, console: &mut Console) {
    if named(source).is_none() && stdin().is_terminal() {
        console.remark("reading standard input; Ctrl-D ends it");
    }
}

/// Says which of several inputs is next; nothing if it is the only one.
pub(super) fn title(place: (usize, usize), console: &mut Console) {
    if place.1 > 1 {
        if place.0 > 1 {
            console.line("");
        }
        console.line(console.paint(
            Tone::Faint,
            format_args!("input {} of {}", place.0, place.1),
        ));
    }
}

/// What stood on standard input, without anybody having asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piped {
    /// This.
    Inputs(Vec<Input>),
    /// Nothing: a terminal, or an end at once.
    Nothing,
    /// It is open, and nothing came in time.
    Silence,
}

/// What to do about a standard input that is open and silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Do without it.
    GiveUp,
    /// Go on waiting, until it ends.
    Wait,
}

/// How long standard input may be silent before somebody is told. Whoever starts us from a program often leaves it open and
/// never writes to it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Looks for inputs on standard input. A terminal is not asked; `on_silence` is, if nothing came for a while.
///
/// # Errors
/// [`InputError`] if it cannot be read or is too large.
pub(super) fn piped(on_silence: impl FnOnce() -> Silence) -> Result<Piped, InputError> {
    if stdin().is_terminal() {
        return Ok(Piped::Nothing);
    }
    let chunks = chunks_of_standard_input();
    let mut first = match chunks.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Timeout) if on_silence() == Silence::GiveUp => {
            return Ok(Piped::Silence);
        }
        other => other.ok(),
    };
    let mut bytes = Vec::new();
    while let Some(chunk) = first.take().or_else(|| chunks.recv().ok()) {
        bytes.extend(chunk.map_err(|kind| InputError::Unreadable(shown(None), kind))?);
    }
    let inputs = cut(&bytes, None)?;
    Ok(match inputs.is_empty() {
        true => Piped::Nothing,
        false => Piped::Inputs(inputs),
    })
}

/// Reads on a thread of its own, which nobody waits for: a read cannot be given up.
fn chunks_of_standard_input() -> Receiver<Result<Vec<u8>, std::io::ErrorKind>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut input = stdin().lock().take(MAX_INPUT + 1);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let chunk = match input.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => Ok(buffer.get(..length).unwrap_or_default().to_vec()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error.kind()),
            };
            let is_over = chunk.is_err();
            if sender.send(chunk).is_err() || is_over {
                return;
            }
        }
    });
    receiver
}

/// Cuts bytes into inputs: one SIP message, or headers and tokens one a line.
///
/// # Example: a header with its name, then a token
/// ```
/// use countersign_server::cli::input::{Input, split};
/// let inputs = split(b"Identity: aa.bb.cc;info=<https://cert.example.org/a.pem>\naa.bb.cc\n");
/// assert!(matches!(inputs[..], [Input::Identity(_), Input::Token(_)]));
/// ```
pub fn split(bytes: &[u8]) -> Vec<Input> {
    let trimmed = bytes.trim_ascii_start();
    if is_sip(trimmed) {
        return vec![Input::Message(with_crlf(trimmed))];
    }
    unfolded_lines(trimmed)
        .iter()
        .filter_map(|line| header_or_token(line))
        .collect()
}

/// Whether the first line is a Request-Line or a Status-Line of RFC 3261 §7.1, §7.2.
fn is_sip(bytes: &[u8]) -> bool {
    let first = bytes
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default()
        .trim_ascii_end();
    first.starts_with(b"SIP/2.0 ") || first.ends_with(b" SIP/2.0")
}

/// A message pasted from a terminal or an editor has bare line feeds; on the wire every line ends in CRLF. A message that
/// has CRLF anywhere is taken as it is.
fn with_crlf(bytes: &[u8]) -> Bytes {
    if bytes.windows(2).any(|pair| pair == b"\r\n") {
        return Bytes::copy_from_slice(bytes);
    }
    let mut wire = Vec::with_capacity(bytes.len() + 64);
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if index > 0 {
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(line);
    }
    // A message cut off behind its last header is still a message: give it the empty line it lacks.
    if !wire.windows(4).any(|four| four == b"\r\n\r\n") {
        wire.extend_from_slice(if wire.ends_with(b"\r\n") {
            b"\r\n"
        } else {
            b"\r\n\r\n"
        });
    }
    Bytes::from(wire)
}

/// Lines, with folded ones (RFC 3261 §7.3.1) joined to the line they continue.
fn unfolded_lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        match lines.last_mut() {
            Some(last)
                if line
                    .first()
                    .is_some_and(|&byte| byte == b' ' || byte == b'\t') =>
            {
                last.push(b' ');
                last.extend_from_slice(line.trim_ascii());
            }
            _ => lines.push(line.trim_ascii().to_vec()),
        }
    }
    lines
}

fn header_or_token(line: &[u8]) -> Option<Input> {
    if line.is_empty() {
        return None;
    }
    if let Some(colon) = line.iter().position(|&byte| byte == b':') {
        let (name, rest) = line.split_at(colon);
        let name = name.trim_ascii();
        // RFC 8224 §13.1: the compact form of Identity is "y".
        if name.eq_ignore_ascii_case(b"identity") || name.eq_ignore_ascii_case(b"y") {
            return Some(Input::Identity(
                rest.get(1..).unwrap_or_default().trim_ascii().to_vec(),
            ));
        }
    }
    if line.contains(&b';') {
        return Some(Input::Identity(line.to_vec()));
    }
    Some(Input::Token(String::from_utf8_lossy(line).into_owned()))
}

/// Why there is nothing to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputError {
    /// Only blank space in it.
    Nothing(PathBuf),
    /// More than [`MAX_INPUT`] bytes.
    TooLarge(PathBuf),
    /// It could not be read.
    Unreadable(PathBuf, std::io::ErrorKind),
}

impl std::fmt::Display for InputError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing(source) => write!(
                f,
                "{}: nothing in it; give a SIP message, an Identity header or a PASSporT",
                source.display()
            ),
            Self::TooLarge(source) => {
                write!(f, "{}: larger than {MAX_INPUT} bytes", source.display())
            }
            Self::Unreadable(source, kind) => {
                write!(f, "{}: {}", source.display(), unreadable(*kind))
            }
        }
    }
}

impl std::error::Error for InputError {}

/// Why something cannot be read, in the words that people know.
pub(super) fn unreadable(kind: std::io::ErrorKind) -> String {
    match kind {
        // The library says "entity not found".
        std::io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_message_gets_its_line_ends_back() {
        let inputs = split(b"INVITE sip:12025550101@h SIP/2.0\nTo: <sip:12025550101@h>\n");
        let Some(Input::Message(bytes)) = inputs.first() else {
            panic!("{inputs:?}")
        };
        assert_eq!(
            &bytes[..],
            b"INVITE sip:12025550101@h SIP/2.0\r\nTo: <sip:12025550101@h>\r\n\r\n"
        );
    }

    #[test]
    fn bytes_of_the_wire_are_not_touched() {
        let wire = b"SIP/2.0 200 OK\r\nTo: <sip:a@h>\n\r\n";
        assert_eq!(split(wire), [Input::Message(Bytes::from_static(wire))]);
    }

    #[test]
    fn headers_come_with_and_without_name_folded_or_not() {
        let inputs = split(b"y: a.b.c;info=<https://h/c>\nidentity : a.b.c\n ;info=<https://h/c>\na.b.c;info=<https://h/c>\n\na.b.c");
        assert_eq!(
            inputs,
            [
                Input::Identity(b"a.b.c;info=<https://h/c>".to_vec()),
                Input::Identity(b"a.b.c ;info=<https://h/c>".to_vec()),
                Input::Identity(b"a.b.c;info=<https://h/c>".to_vec()),
                Input::Token("a.b.c".to_owned()),
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_cut_up_without_panic(bytes: Vec<u8>) {
            let _ = split(&bytes);
        }
    }
}
