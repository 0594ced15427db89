//! `e_issuer_root`: A root is its own issuer, by name.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Answer, Check, is_own_issuer, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "e_issuer_root",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Authority,
    meaning: "A root is its own issuer, by name.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    let own_name = is_own_issuer(certificate);
    // Who is signed by the key it holds is a root, whatever name it gives to its issuer.
    let own_key = certificate.aki().is_some() && certificate.aki() == certificate.ski();
    if !own_name && !own_key {
        return Ok(Answer::NotThere);
    }
    keep(own_name, || {
        "the authority key is the certificate's own, and the issuer has another name".to_owned()
    })
}
