//! The keys of `mode = "redirect"`.

use super::super::place::Cause;
use super::super::reader::Reader;
use countersign_sip::trunk::{NothingAdded, RedirectDialect, RedirectForm};

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

/// Notes these keys in a trunk of another mode.
pub(super) fn is_elsewhere(reader: &mut Reader<'_>) {
    for key in ["redirect", "redirect_nothing_added"] {
        let (written, place) = reader.written_items(key);
        if written > 0 {
            reader.note(key, &place, Cause::Requires("mode = \"redirect\""));
        }
    }
    let _ = dialect(reader);
}
