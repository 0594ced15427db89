//! Rich call data in a PASSporT of its own: `ppt` rcd, [RFC 9795](https://www.rfc-editor.org/rfc/rfc9795), of the caller's
//! provider or of a third party.
//!
//! Beside the claims of SHAKEN it is signed by [`AuthenticationService::authenticate`].

use super::base::{Form, Signed};
use super::brand::is_complete;
use super::originate::called_parties;
use super::{AuthenticationService, Refusal};
use crate::call::Call;
use crate::passport::{Claims, Extension, RichClaims};
use crate::time::UnixTime;

impl AuthenticationService {
    /// Signs rich call data alone, in full form. With an issuer (`iss`) it is a third party's, which has no say about the
    /// number; without, we answer for the caller as in a PASSporT without extension.
    ///
    /// # Errors
    /// [`Refusal`]: above all [`Refusal::RichDataIncomplete`] and [`Refusal::IssuerNotOurs`].
    pub fn enrich(&self, call: &Call, rich: &RichClaims, now: UnixTime) -> Result<Signed, Refusal> {
        self.enrich_in(call, rich, Form::Full, now)
    }

    /// [`AuthenticationService::enrich`] in compact form, if others can rebuild it.
    ///
    /// # Errors
    /// As [`AuthenticationService::enrich`].
    pub fn enrich_in(
        &self,
        call: &Call,
        rich: &RichClaims,
        form: Form,
        now: UnixTime,
    ) -> Result<Signed, Refusal> {
        // RFC 9795 §8: "In that case, the PASSporT claims MUST contain at least one "rcd" or "crn" claim (or both)."
        if !is_complete(rich) {
            return Err(Refusal::RichDataIncomplete);
        }
        // A third party speaks in its own name, whoever calls.
        let own = match &rich.issuer {
            None => self.acting_for_caller(call, now),
            Some(_) => self,
        };
        let orig = match &rich.issuer {
            None => own.own_caller(call)?,
            // RFC 9795 §10.1: "the value of "iss" MUST reflect the Subject of the certificate used to sign a third-party
            // PASSporT."
            Some(issuer) if !own.is_named(issuer) => return Err(Refusal::IssuerNotOurs),
            Some(_) => call.orig.clone().ok_or(Refusal::CallerUnknown)?,
        };
        let iat = own.check_times(call, now)?;
        let passport = own.sign(
            Claims {
                orig,
                dest: called_parties(call),
                iat,
                extension: Extension::Rcd,
                rich: Some(Box::new(rich.clone())),
                media_keys: call.media_keys.clone(),
                staple: None,
            },
            form,
        )?;
        let form = match form {
            Form::Compact if is_shown_anyway(rich, call) => Form::Compact,
            Form::Compact | Form::Full => Form::Full,
        };
        Ok(own.in_form(passport, call, form))
    }

    fn is_named(&self, issuer: &str) -> bool {
        let subject = self.signer.chain().end_entity().subject();
        subject.names().iter().any(|name| **name == *issuer)
    }
}

/// Whether the request shows the same without a PASSporT, so that it can be rebuilt.
// RFC 9795 §9.1: "The reconstruction of the "nam" claim, if using the SIP protocol, should use the display-name string in the From
// header field. For other protocols, if there is a display name field that exists, the string should be used; otherwise, the string
// should be an empty string, e.g., "". The claims "jcl" and "jcd" MUST NOT be used with compact form". §9.2: "so if "rcdi" is
// required, compact form MUST NOT be used." §9.3 has "crn" from the "call-reason" of Call-Info; "icn", "apn" and "iss" are nowhere.
fn is_shown_anyway(rich: &RichClaims, call: &Call) -> bool {
    let shown = &call.presentation;
    let name_is_shown = match &rich.data {
        // Who rebuilds it cannot tell that there is none from an empty name.
        None => false,
        Some(data) => {
            data.card.is_none()
                && data.icon.is_none()
                && data.alternate.is_none()
                && data.name.as_deref() == Some(shown.name.as_deref().unwrap_or_default())
        }
    };
    // §12.2 has a card that the call shows put into what is rebuilt, though §9.1 has none in the compact form.
    name_is_shown
        && shown.card.is_none()
        && rich.integrity.is_none()
        && rich.issuer.is_none()
        && rich.reason == shown.reason
}
