//! `e_atis_subject_cn_root`: ROOT, in letters of any case, stands in the common name of a root as a word.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Check, keep};
use crate::certificate::lint::{Audience, Lint, Source, field, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_cn_root",
    source: Source::Atis1000080V005,
    clause: "STI Certificate Requirements",
    audience: Audience::Root,
    meaning: "ROOT, in letters of any case, stands in the common name of a root as a word.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    let name = field::common_name(certificate);
    keep(
        subject::has_words(&name.to_ascii_uppercase(), "ROOT"),
        || format!("ROOT does not stand in the common name {name:?}"),
    )
}
