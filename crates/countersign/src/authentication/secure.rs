//! Calls that ask for media security: `ppt` msec, [RFC 8862](https://www.rfc-editor.org/rfc/rfc8862).
//!
//! What becomes of a call that is not answered with keys is policy above.

use super::base::{Form, Signed};
use super::{AuthenticationService, Refusal};
use crate::call::Call;
use crate::media_keys::MediaKeys;
use crate::passport::Extension;
use crate::time::UnixTime;

impl AuthenticationService {
    /// Signs a call and its media keys, and asks the other side to do the same with its answer. We answer for the caller as in a PASSporT
    /// without extension. Always in full form.
    ///
    /// # Errors
    /// [`Refusal`]: above all [`Refusal::NoMediaKeys`] for a call without any.
    // RFC 8862 §4: "Implementations MUST provide key fingerprints in SDP and the appropriate signatures over them as specified in
    // [RFC8225]." And: "When generating either an offer or an answer [RFC3264], compliant implementations MUST include an "a=fingerprint"
    // attribute".
    pub fn authenticate_secured(&self, call: &Call, now: UnixTime) -> Result<Signed, Refusal> {
        let keys = call.media_keys.as_deref();
        if keys.is_none_or(MediaKeys::is_untold) {
            return Err(Refusal::NoMediaKeys);
        }
        let own = self.acting_for_caller(call, now);
        let orig = own.own_caller(call)?;
        let passport = own.sign_claims_of(call, orig, Extension::Msec, Form::Full, now)?;
        Ok(own.in_form(passport, call, Form::Full))
    }
}
