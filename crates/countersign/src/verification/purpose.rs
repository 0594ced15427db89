//! What a PASSporT is there for: a request may carry several, and not each of them speaks for the caller.
//!
//! How each kind is judged is not here; nor is what its kind adds to the claims (`crate::passport`).

use crate::passport::{Claims, DIV, DIV_O, Extension, MSEC, RCD, RPH, RSP, SHAKEN};

/// What a PASSporT is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// It tells who was reached: `rsp`. Only answers have one; in a request it is as if it were not there.
    Answer,
    /// It speaks for the caller: a base PASSporT, `msec`, `shaken`, and `rcd` whose signer is the caller's own.
    Caller,
    /// It tells who diverted the call: `div` and `div-o`.
    Diversion,
    /// It asks for priority: `rph`.
    Priority,
    /// Somebody else tells more about the caller: `rcd` with `iss`, and any `rcd` whose claims cannot be read.
    RichData,
    /// Nobody here knows: its `ppt` is none of ours.
    Unsupported,
}

impl Purpose {
    /// As far as the `ppt` tells. Values are compared as they are in the token's header.
    pub fn of_ppt(ppt: Option<&str>) -> Self {
        match ppt {
            None | Some(MSEC | SHAKEN) => Self::Caller,
            Some(DIV | DIV_O) => Self::Diversion,
            Some(RCD) => Self::RichData,
            Some(RPH) => Self::Priority,
            Some(RSP) => Self::Answer,
            Some(_) => Self::Unsupported,
        }
    }

    /// As the parameter beside a token tells, which is compared without regard to case: RFC 3261 §7.3.1.
    pub fn announced(ppt: Option<&str>) -> Self {
        let Some(ppt) = ppt else { return Self::Caller };
        let known = [SHAKEN, DIV, DIV_O, MSEC, RCD, RPH, RSP];
        let known = known.into_iter().find(|one| one.eq_ignore_ascii_case(ppt));
        known.map_or(Self::Unsupported, |one| Self::of_ppt(Some(one)))
    }

    /// As the claims tell.
    // RFC 9795 §10.1: "Third-party "rcd" PASSporTs are signed with credentials that do not have authority over the identity that
    // appears in the "orig" element of the PASSporT claims. The presence of "iss" signifies that a different category of credential
    // is being used to sign a PASSporT".
    pub fn of(claims: &Claims) -> Self {
        match &claims.extension {
            Extension::Base | Extension::Msec | Extension::Shaken(_) => Self::Caller,
            Extension::Div(_) | Extension::DivO(_) => Self::Diversion,
            Extension::Rcd if claims.issuer().is_some() => Self::RichData,
            Extension::Rcd => Self::Caller,
            Extension::Rph(_) => Self::Priority,
            Extension::Rsp => Self::Answer,
            Extension::Unsupported(_) => Self::Unsupported,
        }
    }

    /// The name in logs and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Caller => "caller",
            Self::Diversion => "diversion",
            Self::Priority => "priority",
            Self::RichData => "rich-data",
            Self::Unsupported => "unsupported",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_compared_without_regard_to_case_and_a_header_is_not() {
        assert_eq!(Purpose::announced(Some("DIV-O")), Purpose::Diversion);
        assert_eq!(Purpose::of_ppt(Some("DIV-O")), Purpose::Unsupported);
        for ppt in [
            None,
            Some("shaken"),
            Some("div"),
            Some("rcd"),
            Some("rph"),
            Some("msec"),
            Some("rsp"),
            Some("foo"),
        ] {
            assert_eq!(Purpose::announced(ppt), Purpose::of_ppt(ppt), "{ppt:?}");
        }
    }
}
