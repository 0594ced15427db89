//! `w_distribution_point_missing_ldap_or_uri`: A CRL can be had by LDAP or by HTTP without TLS.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source, field};

pub(crate) const LINT: Lint = Lint {
    name: "w_distribution_point_missing_ldap_or_uri",
    source: Source::Rfc5280,
    clause: "§4.2.1.13",
    audience: Audience::Any,
    meaning: "A CRL can be had by LDAP or by HTTP without TLS.",
    check,
};

// RFC 5280 §4.2.1.13: "When present, DistributionPointName SHOULD include at least one LDAP or HTTP URI."
fn check(certificate: &Certificate) -> Check {
    let points = certificate.distribution_points();
    let uris: Vec<&str> = points.iter().flat_map(field::uris).collect();
    if uris.is_empty() {
        return Ok(Answer::NotThere);
    }
    let plain = |uri: &&str| uri.starts_with("http://") || uri.starts_with("ldap://");
    keep(uris.iter().any(plain), || {
        "no CRL distribution point has an LDAP or a plain HTTP URI".to_owned()
    })
}
