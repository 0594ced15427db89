//! SIP messages: what becomes of each before a proxy, registrar or end point looks at it, and how long that took.
//!
//! A file without a single CR was copied as text, from a page that may leave out the empty line at the end; both are restored before it is
//! judged.

use crate::Figures;
use bytes::Bytes;
use countersign_sip::inspect::inspect;
use countersign_sip::message::{Framing, Message};
use std::path::Path;
use std::time::Instant;

/// Judges every file of the directory.
///
/// # Errors
/// A text: the directory, or a file in it, cannot be read.
pub(crate) fn judge(path: &str) -> Result<Figures, String> {
    let path = path.trim_end_matches('/');
    let expected = std::fs::read_to_string(format!("{path}-expected.tsv")).unwrap_or_default();
    let entries = std::fs::read_dir(path).map_err(|error| error.to_string())?;
    let mut files: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let mut figures = Figures::default();
    let mut slowest = 0;
    println!(
        "{:20} {:9} {:>8} {:36} said of it",
        "file", "", "us", "verdict"
    );
    for file in &files {
        let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let start = Instant::now();
        let verdict = verdict(with_line_ends(bytes));
        let micros = start.elapsed().as_micros();
        let said = said_of(&expected, file);
        // Only of a message that is simply valid can nothing else be said.
        let disagrees = verdict.is_some()
            && said.is_some_and(|said| {
                said.split('\t')
                    .next()
                    .is_some_and(|class| class == "valid" || class.starts_with("valid("))
            });
        let word = if disagrees { "DISAGREES" } else { "" };
        let verdict = verdict.unwrap_or_else(|| "accepted".to_owned());
        println!(
            "{name:20} {word:9} {micros:>8} {verdict:36} {}",
            said.unwrap_or_default().replace('\t', ": ")
        );
        figures.judged += 1;
        figures.disagreeing += usize::from(disagrees);
        slowest = slowest.max(micros);
    }
    println!("slowest: {slowest} us");
    Ok(figures)
}

/// The bytes as they are; or, if there is not one CR in them, with the line ends and the empty line that a copy as text has lost.
fn with_line_ends(bytes: Vec<u8>) -> Bytes {
    if bytes.contains(&b'\r') {
        return bytes.into();
    }
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let mut text = lines.join(&b"\r\n"[..]);
    if !text.windows(4).any(|four| four == b"\r\n\r\n") {
        text.extend_from_slice(b"\r\n");
    }
    text.into()
}

/// What is said of a file: class and correct result, found by its name or by that without extension.
fn said_of<'a>(expected: &'a str, file: &Path) -> Option<&'a str> {
    let names = [file.file_name()?.to_str()?, file.file_stem()?.to_str()?];
    expected.lines().find_map(|line| {
        let (name, said) = line.split_once('\t')?;
        names.contains(&name).then_some(said)
    })
}

/// Why it is refused; `None` if it is accepted.
fn verdict(bytes: Bytes) -> Option<String> {
    let (defect, answered) = match Message::parse(bytes, Framing::Datagram) {
        Ok(message) => (inspect(&message).err()?, message.is_answerable()),
        Err(error) => (
            error.defect(),
            error.answerable().is_some_and(Message::is_answerable),
        ),
    };
    let how = if answered {
        format!("answered {}", defect.status())
    } else {
        "dropped".to_owned()
    };
    Some(format!("{how}: {defect}"))
}
