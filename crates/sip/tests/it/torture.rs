//! What the two torture suites share: a message goes in as one datagram, a verdict comes out.
//!
//! ```text
//!     test-data/sip/rfcNNNN/FILE ──datagram──▶ parse ──▶ inspect ──▶ verdict
//! ```

use bytes::Bytes;
use countersign_sip::defect::Defect;
use countersign_sip::inspect::inspect;
use countersign_sip::message::{Framing, Message};
use countersign_sip::response::{ToTag, build};
use std::path::Path;

/// What becomes of a message before any proxy, registrar or end point looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Accepted,
    /// It is answered with the status of this defect.
    Answered(u16, Defect),
    /// It is dropped in silence.
    Dropped(Defect),
}

/// The bytes of a message, as one datagram has them.
pub(crate) fn read(suite: &str, file: &str) -> Bytes {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-data/sip");
    let bytes = std::fs::read(root.join(suite).join(file)).expect("the test data is there");
    bytes.into()
}

pub(crate) fn verdict(bytes: Bytes) -> Verdict {
    let (defect, message) = match Message::parse(bytes, Framing::Datagram) {
        Ok(message) => match inspect(&message) {
            Ok(()) => return Verdict::Accepted,
            Err(defect) => (defect, Some(message)),
        },
        Err(error) => (error.defect(), error.answerable().cloned()),
    };
    let Some(request) = message.filter(Message::is_answerable) else {
        return Verdict::Dropped(defect);
    };
    let answer = build(
        &request,
        defect.status(),
        defect.reason(),
        ToTag::Ours(b"t"),
        &[],
    );
    let answer = Message::parse(answer, Framing::Stream).expect("what we write parses");
    assert_eq!(answer.status(), Some(defect.status()));
    Verdict::Answered(defect.status(), defect)
}

/// Every file of a suite has its verdict, no more and no less.
pub(crate) fn all_are_judged(
    suite: &str,
    expected: &[(&str, Verdict)],
    datagram: fn(Bytes) -> Bytes,
) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-data/sip");
    let entries = std::fs::read_dir(root.join(suite)).expect("the suite is there");
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort_unstable();
    let mut listed: Vec<_> = expected.iter().map(|(file, _)| *file).collect();
    listed.sort_unstable();
    assert_eq!(files, listed);
    let wrong: Vec<_> = expected
        .iter()
        .map(|(file, expected)| (file, expected, verdict(datagram(read(suite, file)))))
        .filter(|(_, expected, found)| *expected != found)
        .collect();
    assert!(wrong.is_empty(), "file, expected, found: {wrong:#?}");
}
