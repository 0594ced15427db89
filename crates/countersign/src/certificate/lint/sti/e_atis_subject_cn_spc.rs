//! `e_atis_subject_cn_spc`: SHAKEN, a blank and the service provider code stand in the common name of an end entity.

use crate::certificate::Certificate;
use crate::certificate::extensions::oid;
use crate::certificate::lint::rule::{Answer, Breach, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source, field, profile};

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
    if certificate.is_self_issued() {
        return Ok(Answer::NotThere);
    }
    let list = profile::required(certificate, oid::TN_AUTH_LIST, "TNAuthList")?;
    let code = field::provider_code(list.value).map_err(Breach::new)?;
    let name = field::common_name(certificate);
    let code = code.escape_ascii().to_string();
    keep(name.contains(&format!("SHAKEN {code}")), || {
        format!("the common name is \"{name}\" where the service provider code is \"{code}\"")
    })
}
