//! Certificates: downloaded by whoever ordered them ([RFC 8555 §7.4.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.2)), and
//! published for everybody ([RFC 9448 §7](https://www.rfc-editor.org/rfc/rfc9448#section-7)).

use super::desk::Progress;
use super::handled::Handled;
use super::name::Name;
use super::order::{not_found, own};
use super::payload;
use super::practice::Practice;
use super::problem::Refusal;
use super::reply::Reply;
use super::request::Admitted;
use super::states::Books;
use crate::notation::to_hexadecimal;
use crate::register::{CertificateName, Register, Stage};
use countersign::certificate::chain::pem;
use countersign::crypto::sha256;

/// The media type of a chain: RFC 8555 §9.1.
const CHAIN: &str = "application/pem-certificate-chain";

/// Octets of the digest that a published chain is named after: as many as a random name would have.
const PUBLISHED_NAME: usize = 16;

/// Hands out the chain of an order.
pub(super) fn download(
    books: Books<'_>,
    practice: &Practice,
    admitted: &Admitted<'_>,
    asked: Name,
) -> Result<Handled, Refusal> {
    let order = own(books.desk.order(&asked), admitted)?;
    payload::nothing(admitted)?;
    let der = match &order.progress {
        Progress::Finalized(name) => issued(books.register, name),
        Progress::Awaiting { .. } | Progress::Failed(_) | Progress::Open => None,
    };
    let der = der.ok_or_else(not_found)?;
    let body = chain(practice, der).into_bytes();
    Ok(Reply::of(200, CHAIN, body).into())
}

/// A certificate with everything above it but the anchor, PEM.
// RFC 8555 §9.1: "Each following certificate SHOULD directly certify the one preceding it."
pub fn chain(practice: &Practice, certificate: &[u8]) -> String {
    let above = practice.chain.iter().map(|above| pem(above.as_der()));
    [pem(certificate)].into_iter().chain(above).collect()
}

/// The name of the file in which the chain of a certificate is published, without `.pem`: everybody who has the certificate can
/// tell it, and nobody else.
pub fn published_name(certificate: &[u8]) -> String {
    let digest = sha256(certificate);
    to_hexadecimal(digest.get(..PUBLISHED_NAME).unwrap_or_default())
}

/// The URL of the published chain of a certificate.
pub(super) fn published(
    practice: &Practice,
    register: &Register,
    name: &CertificateName,
) -> Option<String> {
    let repository = practice.repository.as_ref()?;
    let name = published_name(issued(register, name)?);
    Some(format!("{repository}/{name}.pem"))
}

fn issued<'a>(register: &'a Register, name: &CertificateName) -> Option<&'a [u8]> {
    match &register.find(name)?.stage {
        Stage::Issued(der) => Some(der.as_bytes()),
        Stage::Abandoned(_) | Stage::Prepared(_) => None,
    }
}
