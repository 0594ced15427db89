//! PASSporTs without an extension ([RFC 8224 §6.1](https://www.rfc-editor.org/rfc/rfc8224#section-6.1)), and the form in which
//! they leave: full, or compact where the other side can rebuild what is left out.
//!
//! How the compact form is rebuilt is not said here: `verification` does it.

use super::originate::{called_parties, time_of_origination};
use super::{AuthenticationService, Refusal};
use crate::call::{Call, DateHeader, OrigSource};
use crate::certificate::Coverage;
use crate::identity::{Dest, Identity};
use crate::passport::{Claims, Extension, SignedPassport};
use crate::time::UnixTime;

/// How a PASSporT stands in an Identity header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// Only its signature: [RFC 8225 §7](https://www.rfc-editor.org/rfc/rfc8225#section-7).
    Compact,
    /// All of it.
    #[default]
    Full,
}

/// A PASSporT that we signed for a call.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The PASSporT, whole in either form.
    pub passport: SignedPassport,
    /// The value of the Identity header.
    pub identity: String,
    /// The form in which it stands there: full, though compact was asked for, if others could not rebuild the claims.
    pub form: Form,
    /// The Date header that must be added, because the request has none.
    pub add_date: Option<UnixTime>,
}

impl AuthenticationService {
    /// Signs a call without an extension: full responsibility for the caller, as an A is in SHAKEN. So a number must be in the
    /// inventory, an address in a domain of the certificate; who sent the request must have proven well who they are.
    ///
    /// # Errors
    /// [`Refusal`]: we do not speak for this call. Whether it goes on unsigned is policy above.
    pub fn authenticate_base(
        &self,
        call: &Call,
        form: Form,
        now: UnixTime,
    ) -> Result<Signed, Refusal> {
        let own = self.acting_for_caller(call, now);
        let orig = own.own_caller(call)?;
        let passport = own.sign_claims_of(call, orig, Extension::Base, form, now)?;
        Ok(own.in_form(passport, call, form))
    }

    /// The caller, if we answer for it.
    pub(super) fn own_caller(&self, call: &Call) -> Result<Identity, Refusal> {
        let orig = call.orig.clone().ok_or(Refusal::CallerUnknown)?;
        // RFC 8224 §6.1 Step 1: "The authentication service MUST NOT add an Identity header field if the authentication service
        // does not have the authority to make the claim it asserts."
        if self.signer.authority().covers(&orig) == Coverage::NotCovered {
            return Err(Refusal::NotCovered);
        }
        match orig {
            Identity::Number(number) if self.inventory.basis(number).is_none() => {
                Err(Refusal::Unlisted)
            }
            _ => Ok(orig),
        }
    }

    /// Signs what every PASSporT says of a call, and what `extension` adds.
    pub(super) fn sign_claims_of(
        &self,
        call: &Call,
        orig: Identity,
        extension: Extension,
        form: Form,
        now: UnixTime,
    ) -> Result<SignedPassport, Refusal> {
        let iat = self.check_times(call, now)?;
        self.sign(
            Claims {
                orig,
                dest: called_parties(call),
                iat,
                extension,
                rich: None,
                media_keys: call.media_keys.clone(),
                staple: None,
            },
            form,
        )
    }

    /// The `iat` of a call that we may sign now.
    pub(super) fn check_times(&self, call: &Call, now: UnixTime) -> Result<UnixTime, Refusal> {
        let iat = time_of_origination(call.date, now)?;
        self.check_validity(iat)?;
        self.check_validity(now)?;
        Ok(iat)
    }

    pub(super) fn in_form(&self, passport: SignedPassport, call: &Call, asked: Form) -> Signed {
        let form = match asked {
            Form::Compact if is_rebuildable(call, &passport.claims().dest) => Form::Compact,
            Form::Compact | Form::Full => Form::Full,
        };
        let extension = &passport.claims().extension;
        let identity = match form {
            Form::Compact => {
                let token = passport.compact().token();
                self.signer.identity(&token, extension)
            }
            Form::Full => self.signer.identity(passport.token(), extension),
        };
        let iat = passport.claims().iat;
        Signed {
            passport,
            identity,
            form,
            add_date: (call.date == DateHeader::Absent).then_some(iat),
        }
    }
}

/// Whether others can rebuild the claims that every PASSporT has: the caller from From, the called party from To, the time from
/// Date (where there is none we add it, and sign what it says).
// RFC 8224 §8: "Ultimately, in any case where local policy canonicalizes the identity into a form different from how it appears in
// the From header field, the use of the full form of PASSporT by authentication services is RECOMMENDED".
// Somebody anonymous may have been made so on the way: verifiers here do not guess (docs/divergences.md).
// Media keys can be rebuilt by those only who see the SDP (docs/divergences.md).
fn is_rebuildable(call: &Call, dest: &Dest) -> bool {
    let orig = call.orig.as_ref();
    call.orig_from != OrigSource::PAssertedIdentity
        && !orig.is_some_and(Identity::is_anonymous)
        && dest.numbers.len() + dest.uris.len() == 1
        && call.media_keys.is_none()
}
