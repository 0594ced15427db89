//! Certification requests: written here, read by [`countersign::certificate::request`].
//!
//! What a request asks for is judged by [`crate::issuance`] and by whoever runs the order; here is only its form.

pub use countersign::certificate::request::{CertificationRequest, CsrFault, MAX_REQUEST};

use crate::draft;
use crate::extension::Extension;
use countersign::certificate::DistinguishedName;
use countersign::certificate::encode::{self, SET, constructed, element, sequence};
use countersign::certificate::request::EXTENSION_REQUEST;
use countersign::crypto::{SigningFailed, SigningKey};

/// Writes a request for a certificate of `key` with these extensions, and signs it: DER.
///
/// # Errors
/// [`SigningFailed`] if the key does not.
///
/// # Example
/// ```
/// use countersign::crypto::EcdsaP256Key;
/// use countersign_ca::{Subject, csr, extension};
/// let key = EcdsaP256Key::generate()?;
/// let subject = Subject::new("US", "Example", "SHAKEN 1234")?;
/// let der = csr::write(subject.name(), &[extension::end_entity_constraints()], &key)?;
/// assert!(!csr::CertificationRequest::parse(&der)?.is_ca());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(
    subject: &DistinguishedName,
    extensions: &[Extension],
    key: &dyn SigningKey,
) -> Result<Vec<u8>, SigningFailed> {
    let info = sequence(&[
        // RFC 2986 §4.1: "It shall be 0 for this version of the standard."
        encode::integer(&[0]),
        subject.as_der().to_vec(),
        draft::public_key(&key.public_key()),
        element(constructed(0), &attributes(extensions)),
    ]);
    draft::signed(info, key).map_err(|_| SigningFailed)
}

fn attributes(extensions: &[Extension]) -> Vec<u8> {
    // "Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension" (RFC 5280 §4.1): of none there is no list.
    if extensions.is_empty() {
        return Vec::new();
    }
    let list: Vec<_> = extensions.iter().map(Extension::to_der).collect();
    sequence(&[
        encode::oid(&EXTENSION_REQUEST),
        element(SET, &sequence(&list)),
    ])
}
