//! Priority that we answer for: `rph`, [RFC 8443](https://www.rfc-editor.org/rfc/rfc8443), with `sph`,
//! [RFC 9027](https://www.rfc-editor.org/rfc/rfc9027).
//!
//! Whether the caller may have it, and whether our certificate stands for that namespace, is known above: no certificate says so.
//! Here is what a PASSporT of this kind may say, given the call.

use super::base::{Form, Signed};
use super::{AuthenticationService, Refusal};
use crate::call::Call;
use crate::certificate::Coverage;
use crate::identity::Identity;
use crate::passport::{Extension, Rph, Sph};
use crate::priority::{PriorityMark, ResourceValue, is_telephone_number};
use crate::time::UnixTime;

impl AuthenticationService {
    /// Signs the values of Resource-Priority that the caller may have (`auth`), and that this is the call-back of an answering
    /// point (`sph`). Always in full form; only for an INVITE. Who calls is not attested: that is another PASSporT.
    ///
    /// # Errors
    /// [`Refusal`]: above all [`Refusal::PriorityNotRequested`] for values that `call.priority` does not have, and
    /// [`Refusal::PriorityMisused`] for those of emergency services on a call neither to them nor back from them.
    pub fn prioritize(
        &self,
        call: &Call,
        auth: &[ResourceValue],
        sph: Option<Sph>,
        now: UnixTime,
    ) -> Result<Signed, Refusal> {
        let orig = call.orig.clone().ok_or(Refusal::CallerUnknown)?;
        // RFC 8443 §7.1: "The PASSporT extension with a "ppt" value of "rph" MUST only be sent with SIP INVITE when the SIP
        // 'Resource-Priority' header field is used to convey the priority of the communication".
        let is_asked = |value| call.priority.values.contains(value);
        if auth.is_empty() || !auth.iter().all(is_asked) {
            return Err(Refusal::PriorityNotRequested);
        }
        if auth.iter().any(ResourceValue::is_of_emergency_services) {
            self.check_emergency(call, &orig, sph)?;
        } else if sph.is_some() {
            // RFC 9027 §4: "This is an optional claim that MUST only be used with an "auth" claim with an "esnet.x" value
            // indicating an authorized emergency callback call and corresponding to a SIP 'Priority' header field with the value
            // "psap-callback"."
            return Err(Refusal::PriorityMisused);
        }
        let rph = Rph {
            auth: auth.into(),
            sph,
        };
        let extension = Extension::Rph(Box::new(rph));
        let passport = self.sign_claims_of(call, orig, extension, Form::Full, now)?;
        // RFC 8443 §3: "The use of the compact form of PASSporT is not specified in this document."
        Ok(self.in_form(passport, call, Form::Full))
    }

    /// A call to emergency services, or one back from them.
    fn check_emergency(
        &self,
        call: &Call,
        orig: &Identity,
        sph: Option<Sph>,
    ) -> Result<(), Refusal> {
        // RFC 9027 §3: "the "orig" claim of the PASSporT MUST represent the calling party number that initiates the call to
        // emergency services." And: "For emergency services callbacks, the "orig" claim of the "rph" PASSporT MUST represent the
        // Public Safety Answering Point (PSAP) telephone number." 911 is none: nobody could call it back from abroad.
        if !is_telephone_number(orig) {
            return Err(Refusal::CallerNotANumber);
        }
        let dest = super::originate::called_parties(call);
        match (call.priority.mark, sph) {
            (PriorityMark::PsapCallback, _) => {
                // RFC 9027 §3: "The "dest" claim MUST be the telephone number representing the original calling party of the
                // emergency service call that is being called back."
                if !dest.iter().all(|one| is_telephone_number(&one)) {
                    return Err(Refusal::PriorityMisused);
                }
                match self.signer.authority().covers(orig) {
                    Coverage::NotCovered => Err(Refusal::NotCovered),
                    Coverage::ByProvider(_) | Coverage::Covered => Ok(()),
                }
            }
            // RFC 9027 §4: "which MUST match the SIP 'Priority' header field value".
            (PriorityMark::None, Some(Sph::PsapCallback)) => Err(Refusal::PriorityMisused),
            (PriorityMark::None, None) if call.priority.is_for_help(&dest) => Ok(()),
            (PriorityMark::None, None) => Err(Refusal::PriorityMisused),
        }
    }
}
