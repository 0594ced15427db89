//! `e_atis_tn_auth_list`: An end entity has a TNAuthList of one entry, a service provider code.

use crate::certificate::Certificate;
use crate::certificate::extensions::oid;
use crate::certificate::lint::rule::{Breach, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source, field, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_tn_auth_list",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "An end entity has a TNAuthList of one entry, a service provider code.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    let list = profile::required(certificate, oid::TN_AUTH_LIST, "TNAuthList")?;
    let code = field::provider_code(list.value).map_err(Breach::new)?;
    keep(!code.is_empty(), || {
        "the service provider code is empty".to_owned()
    })
}
