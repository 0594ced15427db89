//! Answering whether a certificate is still good, and for a number: [RFC 6960](https://www.rfc-editor.org/rfc/rfc6960) as
//! draft-ietf-stir-certificates-ocsp (2017) and draft-ietf-lamps-rfc5019bis want it.
//!
//! A [`Responder`] speaks for one authority: with its key, or with one that has a certificate for nothing else. What is known of
//! certificates is asked of [`Statuses`]; who keeps that, and who serves answers, is known elsewhere.

use crate::draft::{DraftError, algorithm, generalized};
use const_oid::ObjectIdentifier;
use countersign::certificate::Certificate;
use countersign::certificate::crl::Reason;
use countersign::certificate::encode::{
    ENUMERATED, constructed, element, null, octet_string, oid, primitive, sequence,
};
use countersign::certificate::ocsp::response::Refusal;
use countersign::certificate::ocsp::{
    Asked, BASIC, CertId, HashForm, NONCE, OCSP_SIGNING, OcspRequest, TN_QUERY, extension, tn_query,
};
use countersign::certificate::signature::der_from_fixed;
use countersign::certificate::{encode, signature};
use countersign::crypto::{AwsLc, SigningKey, Whereabouts};
use countersign::number::TelephoneNumber;
use countersign::time::UnixTime;
use std::fmt;
use std::sync::Arc;

/// `id-pkix-ocsp-extended-revoke`: RFC 6960 §4.4.8.
const EXTENDED_REVOKE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.9");

/// Lengths of nonces that are read.
// RFC 9654 §2.1: "Responders that implement the extension in this document MUST reject any OCSP request that has a Nonce with a length
// of either 0 octets or greater than 128 octets, with the malformedRequest OCSPResponseStatus".
const NONCE_LENGTHS: std::ops::RangeInclusive<usize> = 1..=128;

/// What is known of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was issued and is not revoked.
    Good,
    /// It never was.
    NotIssued,
    /// It was revoked.
    Revoked {
        /// When.
        at: UnixTime,
        /// Why.
        reason: Reason,
    },
}

/// What an authority knows of what it has issued.
pub trait Statuses {
    /// Of the certificate with this serial number (the content of its INTEGER).
    fn status(&self, serial: &[u8]) -> Status;

    /// Whether that certificate still speaks for `number`: because its list has it, or because it is its provider's. `false` where
    /// nobody can say.
    // draft-ietf-stir-certificates-ocsp (2017): "When an OCSP server includes a number in the response's singleExtensions, this
    // informs the client that the certificate is still valid for the number".
    fn speaks_for(&self, serial: &[u8], number: TelephoneNumber) -> bool;
}

/// Answers for one authority.
#[derive(Clone)]
pub struct Responder {
    issuer: Certificate,
    key: Arc<dyn SigningKey>,
    /// The certificate of the key, where it is not the issuer's.
    delegate: Option<Certificate>,
    lifetime: u32,
}

/// Why nobody can answer with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAResponder {
    /// The certificate is not the key's.
    KeyMismatch,
    /// The certificate is not one for answering, issued by the authority itself.
    NotADelegate,
}

impl fmt::Display for NotAResponder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyMismatch => "the key is not that of the responder's certificate",
            Self::NotADelegate => {
                "the certificate is not one for OCSP signing that this authority has issued"
            }
        })
    }
}

impl std::error::Error for NotAResponder {}

impl Responder {
    /// The authority itself answers; each answer counts for `lifetime` seconds.
    ///
    /// # Errors
    /// [`NotAResponder::KeyMismatch`] if the key is another one.
    pub fn of_issuer(
        issuer: Certificate,
        key: Arc<dyn SigningKey>,
        lifetime: u32,
    ) -> Result<Self, NotAResponder> {
        match issuer.public_key().p256() == Some(&key.public_key()) {
            true => Ok(Self {
                issuer,
                key,
                delegate: None,
                lifetime,
            }),
            false => Err(NotAResponder::KeyMismatch),
        }
    }

    /// Somebody answers for `issuer` whom it has certified for that and nothing else.
    ///
    /// # Errors
    /// [`NotAResponder`] if the certificate is not for that, or the key is another one.
    // RFC 6960 §4.2.2.2: "OCSP signing delegation SHALL be designated by the inclusion of id-kp-OCSPSigning in an extended key usage
    // certificate extension included in the OCSP response signer's certificate. This certificate MUST be issued directly by the CA that
    // is identified in the request."
    pub fn of_delegate(
        issuer: Certificate,
        delegate: Certificate,
        key: Arc<dyn SigningKey>,
        lifetime: u32,
    ) -> Result<Self, NotAResponder> {
        let signed = signature::verify(
            delegate.signed(),
            issuer.public_key(),
            Default::default(),
            &AwsLc,
        );
        if signed.is_err() || !delegate.extended_key_usage().contains(&OCSP_SIGNING) {
            return Err(NotAResponder::NotADelegate);
        }
        Self::pinned(issuer, delegate, key, lifetime)
    }

    /// Somebody answers for `issuer` whom those who ask have configured.
    ///
    /// # Errors
    /// [`NotAResponder::KeyMismatch`] if the key is another one.
    // RFC 6960 §4.2.2.2: "1. Matches a local configuration of OCSP signing authority for the certificate in question".
    pub fn pinned(
        issuer: Certificate,
        certificate: Certificate,
        key: Arc<dyn SigningKey>,
        lifetime: u32,
    ) -> Result<Self, NotAResponder> {
        match certificate.public_key().p256() == Some(&key.public_key()) {
            true => Ok(Self {
                issuer,
                key,
                delegate: Some(certificate),
                lifetime,
            }),
            false => Err(NotAResponder::KeyMismatch),
        }
    }

    /// The certificate that answers are signed with.
    pub fn certificate(&self) -> &Certificate {
        self.delegate.as_ref().unwrap_or(&self.issuer)
    }

    /// Where the key lives that answers are signed with.
    pub fn whereabouts(&self) -> Whereabouts {
        self.key.whereabouts()
    }

    /// Whose certificates it answers for.
    pub fn issuer(&self) -> &Certificate {
        &self.issuer
    }

    /// Whether all of a request is about certificates that it answers for.
    pub fn is_asked(&self, request: &[u8]) -> bool {
        let ours = |asked: &Asked| asked.certificate.is_of(&self.issuer);
        OcspRequest::parse(request).is_ok_and(|request| request.asked.iter().all(ours))
    }

    /// Answers a request in DER: a response in DER, whatever came.
    pub fn answer(&self, request: &[u8], statuses: &dyn Statuses, now: UnixTime) -> Vec<u8> {
        let request = match OcspRequest::parse(request) {
            Ok(request) => request,
            Err(_) => return refusal(Refusal::MalformedRequest),
        };
        let nonce = request.nonce.as_deref();
        if nonce.is_some_and(|nonce| !NONCE_LENGTHS.contains(&nonce.len())) {
            return refusal(Refusal::MalformedRequest);
        }
        // RFC 6960 §2.3: "The response "unauthorized" is returned in cases where the client is not authorized to make this query to this
        // server or the server is not capable of responding authoritatively".
        let ours = |asked: &Asked| asked.certificate.is_of(&self.issuer);
        if !request.asked.iter().all(ours) {
            return refusal(Refusal::Unauthorized);
        }
        self.signed(&request.asked, nonce, statuses, now)
            .unwrap_or_else(|_| refusal(Refusal::InternalError))
    }

    /// An answer that nobody has asked for yet: what is stapled.
    ///
    /// # Errors
    /// [`DraftError`] if the key does not sign, or a time cannot be written.
    pub fn staple(
        &self,
        asked: Asked,
        statuses: &dyn Statuses,
        now: UnixTime,
    ) -> Result<Vec<u8>, DraftError> {
        self.signed(&[asked], None, statuses, now)
    }

    fn signed(
        &self,
        asked: &[Asked],
        nonce: Option<&[u8]>,
        statuses: &dyn Statuses,
        now: UnixTime,
    ) -> Result<Vec<u8>, DraftError> {
        let mut singles = Vec::new();
        let mut extensions = Vec::new();
        for one in asked {
            let status = statuses.status(one.certificate.serial());
            // RFC 6960 §2.2: "When a responder sends a "revoked" response to a status request for a non-issued certificate, the responder
            // MUST include the extended revoked definition response extension (Section 4.4.8) in the response".
            if status == Status::NotIssued && extensions.is_empty() {
                extensions.push(extension(&EXTENDED_REVOKE, &null()));
            }
            singles.push(self.single(one, status, statuses, now)?);
        }
        // RFC 9654 §2.1 has the nonce repeated as it came.
        extensions.extend(nonce.map(|nonce| extension(&NONCE, &octet_string(nonce))));
        let extensions = match extensions.as_slice() {
            [] => Vec::new(),
            some => element(constructed(1), &sequence(some)),
        };
        let form = asked.first().map(|one| one.certificate.form());
        let tbs = sequence(&[
            self.responder_id(form),
            generalized(now)?,
            sequence(&singles),
            extensions,
        ]);
        let signature = self.key.sign(&tbs).map_err(|_| DraftError::SigningFailed)?;
        let certificates = self.delegate.as_ref().map(|delegate| {
            let list = sequence(&[delegate.as_der().to_vec()]);
            element(constructed(0), &list)
        });
        let basic = sequence(&[
            tbs,
            algorithm(),
            encode::bit_string(&der_from_fixed(&signature)),
            certificates.unwrap_or_default(),
        ]);
        let bytes = sequence(&[oid(&BASIC), octet_string(&basic)]);
        let status = element(ENUMERATED, &[0]);
        Ok(sequence(&[status, element(constructed(0), &bytes)]))
    }

    /// `ResponderID`: by key.
    // draft-ietf-stir-certificates-ocsp (2017): "If the server uses ResponderID, it MUST generate the KeyHash using SHA-256 and truncate
    // the value to 160-bits". RFC 6960 §4.2.1 has SHA-1 there: whoever asks with the hashes of the former is answered with them.
    fn responder_id(&self, form: Option<HashForm>) -> Vec<u8> {
        let hash = match form {
            Some(HashForm::Sha256Cut) => HashForm::Sha256Cut,
            Some(HashForm::Sha1 | HashForm::Sha256) | None => HashForm::Sha1,
        };
        let hash = hash.of(&self.key.public_key());
        element(constructed(2), &octet_string(&hash))
    }

    /// `SingleResponse`.
    fn single(
        &self,
        asked: &Asked,
        status: Status,
        statuses: &dyn Statuses,
        now: UnixTime,
    ) -> Result<Vec<u8>, DraftError> {
        let serial = asked.certificate.serial();
        let number = asked
            .number
            .filter(|number| status == Status::Good && statuses.speaks_for(serial, *number));
        let number = number.map(|number| {
            let echo = extension(&TN_QUERY, &tn_query(number));
            element(constructed(1), &sequence(&[echo]))
        });
        let next_update = now.saturating_add(i64::from(self.lifetime));
        // RFC 6960 §3.2 has clients confirm that "The signer is currently authorized to provide a response": longer than its certificate
        // lasts no answer counts.
        let next_update = next_update.min(self.certificate().validity().not_after);
        Ok(sequence(&[
            asked.certificate.to_der(),
            cert_status(status)?,
            generalized(now)?,
            element(constructed(0), &generalized(next_update)?),
            number.unwrap_or_default(),
        ]))
    }

    /// Names a certificate of this authority by its serial number (the content of its INTEGER), in this form; `None` if the authority
    /// has a key that is not one of ours.
    pub fn cert_id(&self, form: HashForm, certificate: &Certificate) -> Option<CertId> {
        CertId::of(form, certificate, &self.issuer)
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Responder({})", self.issuer.subject())
    }
}

/// `OCSPResponse` without an answer.
pub fn refusal(why: Refusal) -> Vec<u8> {
    sequence(&[element(ENUMERATED, &[why.code()])])
}

/// `CertStatus`.
fn cert_status(status: Status) -> Result<Vec<u8>, DraftError> {
    let (at, reason) = match status {
        Status::Good => return Ok(element(primitive(0), &[])),
        Status::Revoked { at, reason } => (at, reason),
        // RFC 6960 §2.2: the answer for a certificate that was never issued "MUST specify the revocation reason certificateHold (6)" and
        // "MUST specify the revocationTime January 1, 1970". draft-ietf-stir-certificates-ocsp (2017): "Servers SHOULD return responses
        // that would otherwise have been "unknown" as "not good"".
        Status::NotIssued => (UnixTime::from_secs(0), Reason::CertificateHold),
    };
    // RFC 5280 §5.3.1: "the reason code CRL entry extension SHOULD be absent instead of using the unspecified (0) reasonCode value."
    let reason = Some(reason).filter(|reason| *reason != Reason::Unspecified);
    let reason = reason.map(|reason| {
        let code = element(ENUMERATED, &[reason.code()]);
        element(constructed(0), &code)
    });
    let info = [generalized(at)?, reason.unwrap_or_default()].concat();
    Ok(element(constructed(1), &info))
}
