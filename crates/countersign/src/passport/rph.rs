//! The `rph` extension, [RFC 8443](https://www.rfc-editor.org/rfc/rfc8443), and `sph`,
//! [RFC 9027](https://www.rfc-editor.org/rfc/rfc9027): which priority a call may have.
//!
//! Who may sign for a namespace is judged in `verification`.

use super::error::{Claim, PassportError};
use crate::jose::json::{Value, write_string};
use crate::priority::ResourceValue;

/// The value of `ppt` for this extension.
pub const RPH: &str = "rph";

/// The one value of `sph`.
pub const PSAP_CALLBACK: &str = "psap-callback";

/// Most values in `auth`. A call has one or two.
pub const MAX_RESOURCE_VALUES: usize = 16;

/// The claims that `rph` adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rph {
    /// What the call is authorised for.
    pub auth: Box<[ResourceValue]>,
    /// What kind of emergency call it is, if it says so.
    pub sph: Option<Sph>,
}

/// SIP Priority: [RFC 9027 §4](https://www.rfc-editor.org/rfc/rfc9027#section-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sph {
    /// An answering point calls back.
    PsapCallback,
}

impl Rph {
    // RFC 8443 §3: "The "rph" claim is an object" with arrays; the one key that it defines is "auth".
    pub(super) fn read(rph: &Value<'_>, sph: Option<&Value<'_>>) -> Result<Self, PassportError> {
        let shape = || PassportError::ClaimShape(Claim::Rph);
        let auth = rph.as_object().and_then(|object| object.get("auth"));
        let auth = auth.and_then(Value::as_array).ok_or_else(shape)?;
        match auth.len() {
            0 => return Err(shape()),
            1..=MAX_RESOURCE_VALUES => {}
            _ => return Err(PassportError::ClaimTooLarge(Claim::Rph)),
        }
        let values = auth.iter().map(|value| value.as_str()?.parse().ok());
        let values: Option<Vec<_>> = values.collect();
        // RFC 9027 §4: a value other than "psap-callback" makes the validation fail.
        let sph = match sph.map(Value::as_str) {
            None => None,
            Some(Some(PSAP_CALLBACK)) => Some(Sph::PsapCallback),
            Some(_) => return Err(PassportError::ClaimShape(Claim::Sph)),
        };
        Ok(Self {
            auth: values.ok_or_else(shape)?.into(),
            sph,
        })
    }

    /// The member `rph`, without its name.
    pub(super) fn write(&self, json: &mut String) {
        json.push_str("{\"auth\":[");
        for (position, value) in self.auth.iter().enumerate() {
            if position > 0 {
                json.push(',');
            }
            write_string(value.as_str(), json);
        }
        json.push_str("]}");
    }
}
