//! A call of one of our callers, signed as SHAKEN has it: who calls, whom, how firmly we say so, and what is said beside.

use super::attestation::{self, AttestationEvidence, Credential, Unlisted};
use super::{AuthenticationService, DATE_TOLERANCE_SECONDS, Form, Refusal};
use crate::call::{Call, DateHeader};
use crate::certificate::Coverage;
use crate::identity::{Dest, Identity};
use crate::passport::{Attestation, Claims, Extension, OrigId, RichClaims, Shaken, SignedPassport};
use crate::time::UnixTime;
use std::sync::Arc;

/// What the door knows about where a call comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origination {
    /// The attestation that the request asks for: a ceiling.
    pub asked: Option<Attestation>,
    /// How well the trunk proved who it is.
    pub credential: Credential,
    /// What numbers deserve that are not in the inventory.
    pub unlisted: Unlisted,
    /// The origination identifier to sign: of the trunk or of the call.
    pub origid: OrigId,
    /// What is said of the caller beside the number, in the same PASSporT: made once of a [`Brand`](super::Brand),
    /// shared by its calls, and signed as it is.
    pub rich: Option<Arc<RichClaims>>,
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
            Some(caller) if caller.is_anonymous() => return Err(Refusal::CallerUnknown),
            Some(_) => return Err(Refusal::CallerNotANumber),
        };
        let own = self.acting_for(&Identity::Number(caller), now);
        let iat = time_of_origination(call.date, now)?;
        own.check_validity(iat)?;
        own.check_validity(now)?;
        let coverage = own.signer.authority().covers(&Identity::Number(caller));
        // RFC 8224 §6.1 Step 1: "The authentication service MUST NOT add an Identity header field if the authentication service
        // does not have the authority to make the claim it asserts."
        if coverage == Coverage::NotCovered {
            return Err(Refusal::NotCovered);
        }
        let basis = own.inventory.basis(caller);
        let Origination {
            asked,
            credential,
            unlisted,
            origid,
            ref rich,
        } = *origination;
        let attestation =
            attestation::attest(asked, basis, credential, unlisted).ok_or(Refusal::Unlisted)?;
        let passport = own.sign(
            Claims {
                orig: Identity::Number(caller),
                dest: called_parties(call),
                iat,
                extension: Extension::Shaken(Shaken {
                    attest: attestation.signed,
                    origid,
                }),
                rich: rich.as_ref().map(|rich| Box::new(RichClaims::clone(rich))),
                // RFC 8224 §4.1: "if the request contains a Session Description Protocol (SDP) message body and if that SDP contains one or more
                // "a=fingerprint" attributes, then the JSON key "mky" MUST appear".
                media_keys: call.media_keys.clone(),
                staple: None,
            },
            Form::Full,
        )?;
        Ok(Authenticated {
            identity: own
                .signer
                .identity(passport.token(), &passport.claims().extension),
            passport,
            attestation,
            coverage,
            add_date: (call.date == DateHeader::Absent).then_some(iat),
        })
    }
}

/// The `iat` to sign.
// RFC 8224 §4.1: "The authentication service SHOULD set the value of "iat" to an encoding of the value of the SIP Date header
// field as a JSON NumericDate [...] though an authentication service MAY set the value of "iat" to its own current clock time. If
// the authentication service uses its own clock time, then the use of the full form of PASSporT is REQUIRED. In either case, the
// authentication service MUST NOT generate a PASSporT for a SIP request if the Date header is outside of its local policy for
// freshness (sixty seconds is RECOMMENDED)." So: the Date where there is one; our clock, which also makes the Date to be added,
// where there is none. The form is always the full one.
pub(super) fn time_of_origination(date: DateHeader, now: UnixTime) -> Result<UnixTime, Refusal> {
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
pub(super) fn called_parties(call: &Call) -> Dest {
    let mut dest = Dest::default();
    let first = call.dest.first().map(|(_, source)| *source);
    for (called, source) in &call.dest {
        if Some(*source) == first && !dest.contains(called) {
            dest.push(called.clone());
        }
    }
    dest
}
