//! The keys of errors of PASSporTs: what follows from each code, what is told of it, and what is passed on of what others tell.

use super::super::reader::Reader;
use countersign::verification::Code;
use countersign_sip::trunk::{Named, OnError, OthersReports, Reaction, Reporting, ToldIn};

const CODES: [(&str, Code); 5] = [
    ("on_error_403", Code::StaleDate),
    ("on_error_428", Code::UseIdentityHeader),
    ("on_error_436", Code::BadIdentityInfo),
    ("on_error_437", Code::UnsupportedCredential),
    ("on_error_438", Code::InvalidIdentityHeader),
];
const REACTIONS: [(&str, Reaction); 3] = [
    ("reject", Reaction::Reject),
    ("continue-with-reason", Reaction::ContinueWithReason),
    ("continue-silently", Reaction::ContinueSilently),
];
const NAMED: [(&str, Named); 3] = [
    ("compact", Named::Compact),
    ("full", Named::Full),
    ("none", Named::None),
];
const TOLD_IN: [(&str, ToldIn); 4] = [
    ("next", ToldIn::Next),
    ("provisional", ToldIn::Provisional),
    ("final", ToldIn::Final),
    ("both", ToldIn::Both),
];
const OTHERS: [(&str, OthersReports); 2] = [
    ("keep", OthersReports::Kept),
    ("remove", OthersReports::Removed),
];

pub(super) fn read(reader: &mut Reader<'_>) -> Reporting {
    let mut on_error = OnError::default();
    for (key, code) in CODES {
        if let Some(reaction) = reader.choice(key, &REACTIONS) {
            on_error.set(code, reaction);
        }
    }
    Reporting {
        on_error,
        named: reader.choice("report_ppi", &NAMED).unwrap_or_default(),
        told: reader.choice("report_in", &TOLD_IN).unwrap_or_default(),
        others: reader
            .choice("reports_of_others", &OTHERS)
            .unwrap_or_default(),
    }
}
