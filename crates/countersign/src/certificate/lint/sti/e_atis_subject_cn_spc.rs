//! `e_atis_subject_cn_spc`: SHAKEN, a blank and the service provider code stand in the common name of an end entity.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Answer, Check, is_own_issuer, keep};
use crate::certificate::lint::{Audience, Lint, Source, field, profile, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_cn_spc",
    source: Source::Atis1000080V004,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "SHAKEN, a blank and the service provider code stand in the common name of an end entity.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    // Nobody named the subject of a certificate that is its own issuer.
    if is_own_issuer(certificate) {
        return Ok(Answer::NotThere);
    }
    let code = profile::provider_code(certificate)?;
    let name = field::common_name(certificate);
    let code = code.escape_ascii().to_string();
    keep(subject::has_words(name, &format!("SHAKEN {code}")), || {
        format!("the common name is {name:?} where the service provider code is \"{code}\"")
    })
}
