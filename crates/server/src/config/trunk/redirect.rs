//! How a trunk is answered by us: the keys of `mode = "redirect"`, and those of calls that are rejected.

use super::super::place::Cause;
use super::super::reader::Reader;
use countersign_sip::trunk::{
    NothingAdded, RedirectDialect, RedirectForm, Rejection, RejectionStatus, Treatment,
};

const FORMS: [(&str, RedirectForm); 3] = [
    ("header", RedirectForm::Header),
    ("contact", RedirectForm::Contact),
    ("x-headers", RedirectForm::XHeaders),
];
const NOTHING_ADDED: (&[i64], &[NothingAdded]) = (
    &[302, 404, 503],
    &[
        NothingAdded::MovedTemporarily,
        NothingAdded::NotFound,
        NothingAdded::ServiceUnavailable,
    ],
);

/// The dialect of a trunk that is redirected.
pub(super) fn dialect(reader: &mut Reader<'_>) -> RedirectDialect {
    RedirectDialect {
        form: reader.choice("redirect", &FORMS).unwrap_or_default(),
        nothing_added: reader
            .number("redirect_nothing_added", NOTHING_ADDED)
            .unwrap_or_default(),
    }
}

/// The codes that a call is rejected with, whatever for.
pub(super) const REJECTED: (&[i64], &[RejectionStatus]) = (
    &[403, 404, 480, 503, 603, 607, 608],
    &[
        RejectionStatus::Forbidden,
        RejectionStatus::NotFound,
        RejectionStatus::TemporarilyUnavailable,
        RejectionStatus::ServiceUnavailable,
        RejectionStatus::Decline,
        RejectionStatus::Unwanted,
        RejectionStatus::Rejected,
    ],
);

/// How calls are rejected that are.
pub(super) fn rejection(reader: &mut Reader<'_>, treatment: Treatment) -> Rejection {
    if treatment == Treatment::Tag {
        needs(
            reader,
            &["reject_code", "reject_text"],
            "treatment = \"reject\"",
        );
    }
    let form = "a text of letters, digits, spaces and -_.,:";
    let text = reader.parsed("reject_text", form, |text| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b" -_.,:".contains(&byte);
        let is_text = !text.is_empty() && text.bytes().all(fits);
        is_text.then(|| Box::from(text))
    });
    Rejection {
        status: reader.number("reject_code", REJECTED),
        text: text.map(|text| text.value),
    }
}

/// Notes these keys in a trunk of another mode.
pub(super) fn is_elsewhere(reader: &mut Reader<'_>) {
    let keys = ["redirect", "redirect_nothing_added"];
    needs(reader, &keys, "mode = \"redirect\"");
    let _ = dialect(reader);
}

/// Notes those of these keys that are written, because another setting is missing.
fn needs(reader: &Reader<'_>, keys: &[&str], other: &'static str) {
    for key in keys {
        let (written, place) = reader.written_items(key);
        if written > 0 {
            reader.note(key, &place, Cause::Requires(other));
        }
    }
}
