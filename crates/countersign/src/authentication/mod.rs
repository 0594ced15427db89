//! The authentication service of [RFC 8224 §6.1](https://www.rfc-editor.org/rfc/rfc8224#section-6.1): may we speak for this
//! caller, how firmly, and in what words?
//!
//! What lives here: what a tenant signs with ([`signer`]), the numbers it may speak for ([`inventory`]), how firmly
//! ([`attestation`]), and the service that joins them to a call. One service is one tenant; several tenants are several
//! services.
//!
//! What does not: who the trunk is and how it proved that (the SIP and HTTP doors say so in [`Origination`]), the form of the
//! token (`crate::passport`), adding headers to a request.

pub mod inventory;
pub mod attestation;
pub mod signer;

pub use attestation::{AttestationEvidence, Credential, Reason, Unlisted};
pub use inventory::{Basis, Inventory, InventoryError};
pub use signer::{Signer, SignerError};

use crate::call::{Call, DateHeader};
use crate::certificate::Coverage;
use crate::identity::{Dest, Identity};
use crate::jose::json::parse_str;
use crate::passport::{
    Attestation, Claims, Extension, OrigId, Passport, Shaken, SignedPassport, Unsignable,
};
use crate::time::UnixTime;
use std::fmt;
use std::sync::Arc;

/// How far a Date may be from now in a request that we sign, in seconds.
// RFC 8224 §6.1 Step 3: "Local policy can dictate precisely how accurate the Date must be; a RECOMMENDED maximum discrepancy of
// sixty seconds will ensure that the request is unlikely to upset any verifiers."
pub const DATE_TOLERANCE_SECONDS: u64 = 60;

/// Signs the calls of one tenant.
#[derive(Clone, Debug)]
pub struct AuthenticationService {
    signer: Arc<Signer>,
    inventory: Arc<Inventory>,
}

/// What the door knows about where a call comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origination {
    /// The attestation that the request asks for: a ceiling.
    pub asked: Option<Attestation>,
    /// How well the trunk proved who it is.
    pub credential: Credential,
    /// What numbers deserve that are not in the inventory.
    pub unlisted: Unlisted,
    /// The origination identifier to sign: of the trunk or of the call.
    pub origid: OrigId,
}

/// A call that we speak for.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The PASSporT.
    pub passport: SignedPassport,
    /// The value of the Identity header: `token;info=<x5u>;alg=ES256;ppt=shaken`.
    pub identity: String,
    /// What was attested, and why.
    pub attestation: AttestationEvidence,
    /// Whether the certificate names the number or only the provider.
    pub coverage: Coverage,
    /// The Date header that must be added, because the request has none.
    pub add_date: Option<UnixTime>,
}

impl AuthenticationService {
    /// The service of a tenant.
    pub fn new(signer: Arc<Signer>, inventory: Arc<Inventory>) -> Self {
        Self { signer, inventory }
    }

    /// What the tenant signs with.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The numbers that the tenant may speak for.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Signs a call, in full form, with `ppt` shaken.
    ///
    /// # Errors
    /// [`Refusal`]: we do not speak for this call. Whether it goes on unsigned is policy above.
    pub fn authenticate(
        &self,
        call: &Call,
        origination: &Origination,
        now: UnixTime,
    ) -> Result<Authenticated, Refusal> {
        let caller = match &call.orig {
            None => return Err(Refusal::CallerUnknown),
            // ATIS-1000074 signs telephone numbers only; what is no E.164 number is a URI by RFC 8224 §8.1.
            Some(Identity::Number(number)) if number.is_e164() => *number,
            Some(_) => return Err(Refusal::CallerNotANumber),
        };
        let iat = time_of_origination(call.date, now)?;
        self.check_validity(iat)?;
        self.check_validity(now)?;
        let coverage = self.signer.authority().covers(&Identity::Number(caller));
        // RFC 8224 §6.1 Step 1: "The authentication service MUST NOT add an Identity header field if the authentication service
        // does not have the authority to make the claim it asserts."
        if coverage == Coverage::NotCovered {
            return Err(Refusal::NotCovered);
        }
        let basis = self.inventory.basis(caller);
        let Origination {
            asked,
            credential,
            unlisted,
            origid,
        } = *origination;
        let attestation =
            attestation::attest(asked, basis, credential, unlisted).ok_or(Refusal::Unlisted)?;
        let claims = Claims {
            orig: Identity::Number(caller),
            dest: called_parties(call),
            iat,
            extension: Extension::Shaken(Shaken {
                attest: attestation.signed,
                origid,
            }),
            rich: None,
        };
        let passport = Passport::new(claims).map_err(Refusal::of)?;
        self.check_constraints(&passport)?;
        let passport = passport
            .sign(self.signer.headers(), self.signer.key())
            .map_err(|_| Refusal::SigningFailed)?;
        Ok(Authenticated {
            identity: self.signer.identity(passport.token()),
            passport,
            attestation,
            coverage,
            add_date: (call.date == DateHeader::Absent).then_some(iat),
        })
    }

    // RFC 8226 §8: "This certificate extension is optional, but if present, it constrains the claims that authentication services
    // may include in the PASSporT objects they sign."
    fn check_constraints(&self, passport: &Passport) -> Result<(), Refusal> {
        let Some(constraints) = self.signer.chain().end_entity().claim_constraints() else {
            return Ok(());
        };
        let payload = parse_str(passport.payload());
        let claims = payload.as_ref().ok();
        let claims = claims.and_then(|parsed| parsed.value.as_object());
        match claims.map(|claims| constraints.judge(claims)) {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(Refusal::ConstraintsViolated),
        }
    }

    // RFC 8224 §6.1 Step 3: "Finally, the authentication service MUST verify that both the Date header field and the current
    // time fall within the validity period of its credential."
    fn check_validity(&self, time: UnixTime) -> Result<(), Refusal> {
        let validity = self.signer.validity();
        if time > validity.not_after {
            Err(Refusal::CertificateExpired)
        } else if time < validity.not_before {
            Err(Refusal::CertificateNotYetValid)
        } else {
            Ok(())
        }
    }
}

/// The `iat` to sign.
// RFC 8224 §4.1: "The authentication service SHOULD set the value of "iat" to an encoding of the value of the SIP Date header
// field as a JSON NumericDate [...] though an authentication service MAY set the value of "iat" to its own current clock time. If
// the authentication service uses its own clock time, then the use of the full form of PASSporT is REQUIRED. In either case, the
// authentication service MUST NOT generate a PASSporT for a SIP request if the Date header is outside of its local policy for
// freshness (sixty seconds is RECOMMENDED)." So: the Date where there is one; our clock, which also makes the Date to be added,
// where there is none. The form is always the full one.
fn time_of_origination(date: DateHeader, now: UnixTime) -> Result<UnixTime, Refusal> {
    match date {
        DateHeader::Absent => Ok(now),
        DateHeader::At(date) if date.abs_diff(now) <= DATE_TOLERANCE_SECONDS => Ok(date),
        DateHeader::At(_) => Err(Refusal::StaleDate),
        // RFC 8224 §6.1 Step 3: "The authentication service MUST ensure that any preexisting Date header field in the request is
        // accurate." One that tells no time is not.
        DateHeader::Unusable => Err(Refusal::UnusableDate),
    }
}

/// Who is called, for a signature: what the To header says, or all that an API request gave. The Request-URI, which verifiers
/// may try after To, is not signed beside it.
fn called_parties(call: &Call) -> Dest {
    let mut dest = Dest::default();
    let first = call.dest.first().map(|(_, source)| *source);
    for (called, source) in &call.dest {
        if Some(*source) == first && !dest.contains(called) {
            dest.push(called.clone());
        }
    }
    dest
}

/// Why we do not speak for a call. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The request names no called party.
    CalledPartyUnknown,
    /// The caller is not a telephone number.
    CallerNotANumber,
    /// The request names no caller.
    CallerUnknown,
    /// Our certificate has expired.
    CertificateExpired,
    /// Our certificate is not valid yet.
    CertificateNotYetValid,
    /// Our certificate forbids a claim that we would sign, or demands one that we do not.
    ConstraintsViolated,
    /// Our certificate does not cover the caller.
    NotCovered,
    /// The key could not sign: a fault of ours.
    SigningFailed,
    /// The Date header is more than [`DATE_TOLERANCE_SECONDS`] from now.
    StaleDate,
    /// More called parties, or longer ones, than a PASSporT may have.
    TooLarge,
    /// The number is not in the inventory, and such calls are not signed.
    Unlisted,
    /// The Date header tells no time.
    UnusableDate,
    /// A called party is not a usable URI.
    UnusableUri,
}

impl Refusal {
    fn of(cause: Unsignable) -> Self {
        match cause {
            Unsignable::NoDestination => Self::CalledPartyUnknown,
            Unsignable::TooLong | Unsignable::TooManyDestinations => Self::TooLarge,
            Unsignable::Extension | Unsignable::Uri => Self::UnusableUri,
        }
    }

    /// The name in logs, metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CalledPartyUnknown => "called-party-unknown",
            Self::CallerNotANumber => "caller-not-a-number",
            Self::CallerUnknown => "caller-unknown",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotYetValid => "certificate-not-yet-valid",
            Self::ConstraintsViolated => "constraints-violated",
            Self::NotCovered => "not-covered",
            Self::SigningFailed => "signing-failed",
            Self::StaleDate => "stale-date",
            Self::TooLarge => "too-large",
            Self::Unlisted => "unlisted",
            Self::UnusableDate => "unusable-date",
            Self::UnusableUri => "unusable-uri",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CalledPartyUnknown => "the request names no called party",
            Self::CallerNotANumber => "the caller is not a telephone number",
            Self::CallerUnknown => "the request names no caller",
            Self::CertificateExpired => "our certificate has expired",
            Self::CertificateNotYetValid => "our certificate is not valid yet",
            Self::ConstraintsViolated => "our certificate forbids the claims, or demands others",
            Self::NotCovered => "our certificate does not cover the caller",
            Self::SigningFailed => "the key could not sign",
            Self::StaleDate => {
                return write!(
                    f,
                    "the Date is more than {DATE_TOLERANCE_SECONDS} s from now"
                );
            }
            Self::TooLarge => "more or longer called parties than a PASSporT may have",
            Self::Unlisted => "the number is not in the inventory",
            Self::UnusableDate => "the Date tells no time",
            Self::UnusableUri => "a called party is not a usable URI",
        })
    }
}

impl std::error::Error for Refusal {}
