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
use crate::authority::is_issued_by;
use crate::notation::SerialNumber;
use crate::register::{CertificateName, Register};
use countersign::certificate::Certificate;
use countersign::certificate::chain::pem;

/// The media type of a chain: RFC 8555 §9.1.
const CHAIN: &str = "application/pem-certificate-chain";

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
    let above = above(practice, certificate).iter();
    let above = above.map(|above| pem(above.as_der()));
    [pem(certificate)].into_iter().chain(above).collect()
}

/// What is above a certificate: that depends on the key that the authority had when it was issued.
fn above<'a>(practice: &'a Practice, certificate: &[u8]) -> &'a [Certificate] {
    if practice.former.is_empty() {
        return &practice.chain;
    }
    let certificate = Certificate::parse(certificate);
    let issued_by = |issuer| {
        let certificate = certificate.as_ref();
        certificate.is_ok_and(|certificate| is_issued_by(certificate, issuer))
    };
    let mut former = practice.former.iter();
    let former = former.find(|former| issued_by(&former.certificate));
    former.map_or(&practice.chain, |former| &former.chain)
}

/// The name of the file in which the chain of a certificate is published, without `.pem`: its serial number, which is random. Everybody
/// who has the certificate can tell it, and nobody else. Empty if the bytes are no certificate.
pub fn published_name(certificate: &[u8]) -> String {
    let certificate = Certificate::parse(certificate).ok();
    let serial = certificate.map(|one| SerialNumber::from(one.serial()));
    serial.map_or_else(String::new, |serial| serial.to_string())
}

/// The certificate that is published under a name, DER; it costs no search.
pub fn find_published<'a>(register: &'a Register, name: &str) -> Option<&'a [u8]> {
    register.find_by_serial(&name.parse().ok()?)?.certificate()
}

/// The URL of the published chain of a certificate.
pub(super) fn published(
    practice: &Practice,
    register: &Register,
    name: &CertificateName,
) -> Option<String> {
    let repository = practice.repository.as_ref()?;
    issued(register, name)?;
    Some(format!("{repository}/{}.pem", name.serial))
}

fn issued<'a>(register: &'a Register, name: &CertificateName) -> Option<&'a [u8]> {
    register.find(name)?.certificate()
}
