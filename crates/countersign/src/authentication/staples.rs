//! The word of a responder that our certificate is still good, fetched beforehand and sent along:
//! draft-ietf-stir-ocsp-staple. Who verifies need not ask then, and so tells nobody who calls whom.
//!
//! Where such answers come from, and when they are renewed, is known above: [`Staples`] says what is at hand, and never waits.

use crate::identity::Identity;
use crate::number::TelephoneNumber;
use crate::passport::{Claims, Passport, Staple, Unsignable};
use crate::time::UnixTime;
use std::fmt;
use std::sync::Arc;

/// Answers about one certificate that are at hand.
pub trait Staples: fmt::Debug + Send + Sync {
    /// The answer, in DER, that counts at `at` and for a while after it: for this number, or, where nobody is spoken for by number, for
    /// the certificate alone.
    fn at_hand(&self, number: Option<TelephoneNumber>, at: UnixTime) -> Option<Arc<[u8]>>;
}

/// The PASSporT of these claims with the staple that is at hand for them; without, if it would be too long with it.
pub(super) fn stapled(claims: Claims, staples: &dyn Staples) -> Result<Passport, Unsignable> {
    let number = match claims.speaks_for() {
        Some(Identity::Number(number)) => Some(number),
        Some(Identity::Uri(_)) | None => None,
    };
    let Some(response) = staples.at_hand(number, claims.iat) else {
        return Passport::new(claims);
    };
    let with = Claims {
        staple: Some(Box::new(Staple::of(&response))),
        ..claims.clone()
    };
    match Passport::new(with) {
        Err(Unsignable::TooLong) => Passport::new(claims),
        other => other,
    }
}
