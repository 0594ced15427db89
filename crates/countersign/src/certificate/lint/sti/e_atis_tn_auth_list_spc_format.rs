//! `e_atis_tn_auth_list_spc_format`: The service provider code is digits and upper-case letters.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Check, keep};
use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_tn_auth_list_spc_format",
    source: Source::Atis1000080V005,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "The service provider code is digits and upper-case letters.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    let code = profile::provider_code(certificate)?;
    let fits = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    keep(code.iter().all(fits), || {
        let code = code.escape_ascii();
        format!("the service provider code is \"{code}\"")
    })
}
