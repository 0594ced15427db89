//! The authentication service of [RFC 8224 §6.1](https://www.rfc-editor.org/rfc/rfc8224#section-6.1): may we speak for this
//! caller, how firmly, and in what words?
//!
//! What lives here: what a tenant signs with ([`signer`], [`ring`]), the numbers it may speak for ([`inventory`]), how firmly
//! ([`attestation`]), the word that its certificate is still good ([`staples`]), and the service that joins them to a call, a file for each kind of PASSporT: [`originate`] (`shaken`),
//! [`base`], [`divert`] (`div`, `div-o`), [`prioritize`] (`rph`), [`enrich`] (`rcd`, made of a [`brand`]), [`secure`] (`msec`), and [`respond`] (`rsp`)
//! for calls of others that we answer. One service is one tenant; several tenants
//! are several services.
//!
//! What does not: who the trunk is and how it proved that (the SIP and HTTP doors say so in [`Origination`]), the form of the
//! token (`crate::passport`), adding headers to a request.

pub mod inventory;
pub mod attestation;
pub mod signer;
pub mod staples;
pub mod ring;
pub mod refusal;
pub mod brand;
pub mod originate;
pub mod base;
pub mod divert;
pub mod prioritize;
pub mod enrich;
pub mod secure;
pub mod respond;

pub use attestation::{AttestationEvidence, Credential, Reason, Unlisted};
pub use base::{Form, Signed};
pub use brand::{Brand, BrandFault, BrandWarning};
pub use divert::Diverted;
pub use inventory::{Basis, Inventory, InventoryError};
pub use originate::{Authenticated, Origination};
pub use refusal::Refusal;
pub use respond::{Answered, Answering, AnswersFor, Asked, Reflection, may_stand_in};
pub use signer::{Signer, SignerError};
pub use staples::Staples;

use crate::jose::json::parse_str;
use crate::passport::{Claims, Passport, SignedPassport};
use crate::time::UnixTime;
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
    staples: Option<Arc<dyn Staples>>,
    /// Others that sign for who is theirs; none has a ring itself.
    ring: Option<Arc<[AuthenticationService]>>,
}

impl AuthenticationService {
    /// The service of a tenant.
    pub fn new(signer: Arc<Signer>, inventory: Arc<Inventory>) -> Self {
        Self {
            signer,
            inventory,
            staples: None,
            ring: None,
        }
    }

    /// The same, stapling what is at hand to what it signs in full form.
    pub fn with_staples(self, staples: Arc<dyn Staples>) -> Self {
        Self {
            staples: Some(staples),
            ..self
        }
    }

    /// What the tenant signs with.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The numbers that the tenant may speak for.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Signs these claims, if our certificate lets us. With a staple, if one is at hand and the full form is asked for: in compact form
    /// nobody could rebuild it.
    // Inline: claims and token are large, and would be copied on their way for every call.
    #[inline(always)]
    fn sign(&self, claims: Claims, form: Form) -> Result<SignedPassport, Refusal> {
        let passport = match &self.staples {
            Some(staples) if form == Form::Full => staples::stapled(claims, &**staples),
            _ => Passport::new(claims),
        };
        let passport = passport.map_err(Refusal::of)?;
        self.check_constraints(&passport)?;
        let headers = self.signer.headers(passport.payload().len());
        passport
            .sign(headers, self.signer.key())
            .map_err(|_| Refusal::SigningFailed)
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
