//! What an answer is worth for one certificate and one number:
//! [RFC 6960 §3.2](https://www.rfc-editor.org/rfc/rfc6960#section-3.2).
//!
//! The certificate and its issuer come from a path that is proven; that the issuer may say anything at all is settled there.

use super::response::{BasicResponse, Refusal};
use super::{CertStatus, HashForm, OCSP_SIGNING, OcspResponse, ResponderId, Single};
use crate::certificate::crl::Reason;
use crate::certificate::rules::{AuthorityAlgorithms, MAX_AHEAD};
use crate::certificate::signature::{self, SignatureFault};
use crate::certificate::{Certificate, PublicKey};
use crate::crypto::VerifyingKeys;
use crate::number::TelephoneNumber;
use crate::time::{UnixTime, Validity};
use std::fmt;

/// What an answer is held against.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The certificate that is asked about.
    pub certificate: &'a Certificate,
    /// Who has issued it, by a proven path.
    pub issuer: &'a Certificate,
    /// The number that it is to speak for, if one was asked about.
    pub number: Option<TelephoneNumber>,
    /// The nonce of the question, if this is the answer to one with a nonce; staples answer none.
    pub nonce: Option<&'a [u8]>,
    /// When.
    pub now: UnixTime,
    /// Whose word is taken besides that of the issuer and its delegates.
    pub responders: &'a Responders,
    /// The algorithms that the trust domain allows.
    pub algorithms: AuthorityAlgorithms,
}

/// Responders whose word is taken because whoever runs this says so.
#[derive(Clone, Debug, Default)]
pub struct Responders(pub Vec<Certificate>);

/// What an answer is worth. Alphabetical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The signature does not verify.
    BadSignature(SignatureFault),
    /// The certificate is good, for the number that was asked about if one was.
    Fresh(Known),
    /// Who signed it may not speak for the issuer of the certificate.
    NotAuthorised,
    /// It speaks of other certificates.
    NotForThis,
    /// It is from the future.
    NotYet {
        /// Since when it is known to be so.
        this_update: UnixTime,
    },
    /// The certificate is good, but the answer speaks of another number.
    OtherNumber,
    /// It answers another question.
    OtherNonce,
    /// The responder does not answer.
    Refused(Refusal),
    /// The certificate is revoked.
    Revoked {
        /// Since when.
        at: UnixTime,
        /// Why.
        reason: Reason,
    },
    /// The certificate is good; whether the number is still among its numbers is not said.
    ScopeUnknown(Known),
    /// There is something newer than this by now.
    Stale {
        /// Since when there is.
        since: UnixTime,
    },
    /// It does not say when there will be something newer.
    Undated,
    /// The responder does not know the certificate.
    // draft-ietf-stir-certificates-ocsp (2017): "Clients MUST treat returned "unknown" responses as "not good"."
    Unknown,
}

/// How long an answer counts, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// When it counts.
    pub during: Validity,
    /// The certificate of the delegate that signed it; `None` if the issuer did, or somebody who is pinned. Whether it was revoked
    /// is to be judged beside this, unless it says that nobody does ([`super::NO_CHECK`]).
    pub delegate: Option<Box<Certificate>>,
}

/// Judges `response`.
// RFC 6960 §3.2: "Prior to accepting a signed response for a particular certificate as valid, OCSP clients SHALL confirm that:"
pub fn judge(
    response: &OcspResponse,
    question: Question<'_>,
    keys: &dyn VerifyingKeys,
) -> Standing {
    let answer = match response {
        OcspResponse::Answered(answer) => answer,
        OcspResponse::Refused(refusal) => return Standing::Refused(*refusal),
    };
    // "1. The certificate identified in a received response corresponds to the certificate that was identified in the corresponding
    // request;"
    let about = |single: &&Single| {
        let (certificate, issuer) = (question.certificate, question.issuer);
        single.certificate.names(certificate, issuer)
    };
    let Some(single) = most_telling(answer.singles.iter().filter(about), question.number) else {
        return Standing::NotForThis;
    };
    // "2. The signature on the response is valid; 3. The identity of the signer matches the intended recipient of the request; 4. The
    // signer is currently authorized to provide a response for the certificate in question;"
    let (lives, delegate) = match signer(answer, question, keys) {
        Ok(signer) => signer,
        Err(standing) => return standing,
    };
    // draft-ietf-lamps-rfc5019bis §5: "Clients that opt to include a nonce in the request SHOULD NOT reject a corresponding
    // OCSPResponse solely on the basis of the nonexistent expected nonce, but MUST fall back to validating the OCSPResponse based on
    // time."
    let nonces = question.nonce.zip(answer.nonce.as_deref());
    if nonces.is_some_and(|(asked, said)| asked != said) {
        return Standing::OtherNonce;
    }
    let during = match recent(single, question.now) {
        Ok(during) => during,
        Err(standing) => return standing,
    };
    // Whose certificate has ended is authorized no more (4.), whatever the answer says about its own life.
    let known = Known {
        during: during.intersection(lives),
        delegate,
    };
    match (single.status, question.number, single.number) {
        (CertStatus::Revoked { at, reason }, _, _) => Standing::Revoked { at, reason },
        (CertStatus::Unknown, _, _) => Standing::Unknown,
        (CertStatus::Good, None, _) => Standing::Fresh(known),
        // draft-ietf-stir-certificates-ocsp (2017): "If the TNQuery is absent from a response to a query containing a TNQuery in its
        // singleRequestExtension, then the server is not able to validate that the number is still in the scope of authority of the
        // certificate."
        (CertStatus::Good, Some(_), None) => Standing::ScopeUnknown(known),
        (CertStatus::Good, Some(asked), Some(said)) if asked == said => Standing::Fresh(known),
        (CertStatus::Good, Some(_), Some(_)) => Standing::OtherNumber,
    }
}

/// What is said of the certificate, where an answer speaks of it several times: for several numbers it was asked so. That it was revoked
/// goes before everything.
fn most_telling<'a>(
    singles: impl Iterator<Item = &'a Single>,
    number: Option<TelephoneNumber>,
) -> Option<&'a Single> {
    singles.min_by_key(|single| match single.status {
        CertStatus::Revoked { .. } => 0,
        _ if number.is_some() && single.number == number => 1,
        _ => 2,
    })
}

// RFC 6960 §3.2: "5. The time at which the status being indicated is known to be correct (thisUpdate) is sufficiently recent; 6. When
// available, the time at or before which newer information will be available about the status of the certificate (nextUpdate) is
// greater than the current time."
fn recent(single: &Single, now: UnixTime) -> Result<Validity, Standing> {
    let this_update = single.this_update;
    // draft-ietf-lamps-rfc5019bis §5: "Clients MUST check for the existence of the nextUpdate field [...] If the nextUpdate field is
    // absent, the client MUST reject the response."
    let next_update = single.next_update.ok_or(Standing::Undated)?;
    let during = Validity {
        not_before: this_update.saturating_add(-MAX_AHEAD),
        not_after: next_update.saturating_add(-1),
    };
    if now < during.not_before {
        return Err(Standing::NotYet { this_update });
    }
    match now <= during.not_after {
        true => Ok(during),
        false => Err(Standing::Stale {
            since: during.not_after,
        }),
    }
}

/// Proves who has signed: the issuer, a pinned responder (`None`), or a delegate of the issuer; and how long its certificate lives.
fn signer(
    answer: &BasicResponse,
    question: Question<'_>,
    keys: &dyn VerifyingKeys,
) -> Result<(Validity, Option<Box<Certificate>>), Standing> {
    let signed_by = |certificate: &Certificate| {
        let (key, allowed) = (certificate.public_key(), question.algorithms);
        signature::verify(answer.signed(), key, allowed, keys).map_err(Standing::BadSignature)
    };
    let Question {
        issuer,
        responders,
        now,
        ..
    } = question;
    // RFC 6960 §4.2.2.2: "1. Matches a local configuration of OCSP signing authority for the certificate in question, or 2. Is the
    // certificate of the CA that issued the certificate in question"
    let pinned = responders.0.iter();
    let pinned = pinned.filter(|one| one.validity().contains(now));
    let known = pinned.chain([issuer]);
    let known = known.map(|one| (one, None));
    let sent = answer.certificates.iter();
    let delegates = sent.map(|one| (one, Some(one)));
    let mut why = Standing::NotAuthorised;
    // Several may have one name, or one key: before and after a renewal. Whoever has signed is one of them.
    for (one, delegate) in known.chain(delegates) {
        if !is_named(answer, one) || delegate.is_some_and(|one| !is_delegate(one, question, keys)) {
            continue;
        }
        match signed_by(one) {
            Ok(()) => {
                let delegate = delegate.map(|one| Box::new(one.clone()));
                return Ok((one.validity(), delegate));
            }
            Err(fault) => why = fault,
        }
    }
    Err(why)
}

fn is_named(answer: &BasicResponse, certificate: &Certificate) -> bool {
    match &answer.responder {
        ResponderId::Name(name) => name.matches(certificate.subject()),
        ResponderId::Key(hash) => is_key_hash(hash, certificate.public_key()),
    }
}

// RFC 6960 §4.2.1: "KeyHash ::= OCTET STRING -- SHA-1 hash of responder's public key (excluding the tag and length fields)"; for
// telephone numbers draft-ietf-stir-certificates-ocsp (2017) has SHA-256 cut to 160 bits.
fn is_key_hash(hash: &[u8], key: &PublicKey) -> bool {
    let Some(octets) = key.octets() else {
        return false;
    };
    let forms = [HashForm::Sha1, HashForm::Sha256Cut];
    forms.into_iter().any(|form| *form.of(octets) == *hash)
}

// RFC 6960 §4.2.2.2: "3. Includes a value of id-kp-OCSPSigning in an extended key usage extension and is issued by the CA that issued
// the certificate in question as stated above." And: "Systems relying on OCSP responses MUST recognize a delegation certificate as
// being issued by the CA that issued the certificate in question only if the delegation certificate and the certificate being checked
// for revocation were signed by the same key."
fn is_delegate(one: &Certificate, question: Question<'_>, keys: &dyn VerifyingKeys) -> bool {
    let Question {
        issuer,
        algorithms,
        now,
        ..
    } = question;
    let may_sign = one.extended_key_usage().contains(&OCSP_SIGNING)
        && one
            .key_usage()
            .is_none_or(|usage| usage.digital_signature())
        && one.unknown_critical().is_empty()
        && one.validity().contains(now);
    may_sign
        && one.issuer().matches(issuer.subject())
        && signature::verify(one.signed(), issuer.public_key(), algorithms, keys).is_ok()
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSignature(fault) => write!(f, "the status response is not proven: {fault}"),
            Self::Fresh(known) => write!(f, "good until {}", known.during.not_after),
            Self::NotAuthorised => {
                f.write_str("who signed the status response may not speak for the issuer")
            }
            Self::NotForThis => f.write_str("the status response is about other certificates"),
            Self::NotYet { this_update } => {
                write!(f, "the status response counts from {this_update} only")
            }
            Self::OtherNumber => f.write_str("the status response is about another number"),
            Self::OtherNonce => f.write_str("the status response answers another question"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Revoked { at, reason } => write!(f, "revoked at {at} ({reason})"),
            Self::ScopeUnknown(_) => f.write_str(
                "the certificate is good; whether the number is still one of its numbers is not said",
            ),
            Self::Stale { since } => write!(f, "the status response was good until {since}"),
            Self::Undated => {
                f.write_str("the status response does not say when there will be a newer one")
            }
            Self::Unknown => f.write_str("the responder does not know the certificate"),
        }
    }
}
