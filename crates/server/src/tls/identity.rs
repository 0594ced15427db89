//! The names in a certificate, as SIP reads them: RFC 5922 §7.1 and §7.2.

use countersign::certificate::Certificate;
use countersign::certificate::authority::sip_domains;
use rustls::pki_types::CertificateDer;
use std::sync::Arc;

/// The names that a peer has proven, shared by everything that comes on its connection.
pub type Identities = Arc<[Box<str>]>;

/// The SIP domain identities of a chain that was found to be believed; its own certificate comes first.
///
/// One that cannot be read, or that names nobody, has none. The common name is not looked at: RFC 5922 §7.1 allows it where there is
/// no subjectAltName, and asks nobody to (`docs/divergences.md`).
// RFC 5922 §7.1: "Examine each value in the subjectAltName field."
pub fn identities(chain: &[CertificateDer<'_>]) -> Vec<Box<str>> {
    let own = chain.first().and_then(|der| Certificate::parse(der).ok());
    let names = own.as_ref().and_then(Certificate::subject_alt_name);
    sip_domains(names).into_vec()
}

/// Whether `wanted` is one of the names.
// RFC 5922 §7.2: "Implementations MUST compare the values as DNS names, which means that the comparison is case insensitive"
// RFC 5922 §7.2: "Implementations MUST match the values in their entirety: Implementations MUST NOT match suffixes. [...]
// Implementations MUST NOT match any form of wildcard"
pub fn proves(identities: &[Box<str>], wanted: &str) -> bool {
    let mut identities = identities.iter();
    identities.any(|one| one.eq_ignore_ascii_case(wanted))
}
