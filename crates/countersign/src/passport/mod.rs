//! PASSporT: claims about a call, signed. [RFC 8225](https://www.rfc-editor.org/rfc/rfc8225), and its extensions, a file each:
//! [`shaken`], [`div`] (with `div-o`), [`mky`] (with `msec`), [`rcd`], [`rph`] (with `sph`), [`rsp`].
//!
//! Three types for three degrees of trust:
//!
//! - what we are about to sign is a [`Passport`]; [`Passport::sign`] makes of it a
//! - [`SignedPassport`], three parts, well formed, nothing believed; verification makes of it a
//! - [`VerifiedPassport`], proven.
//!
//! Certificates that a header brings along are [`X5c`], the word that they are still good is a [`Staple`].
//!
//! [`Presented`] is a token as a request presents it; [`Envelope`] one whose header is read and whose claims are not;
//! [`CompactPassport`] the form without header and claims.
//!
//! A token is judged over the bytes received: nothing here ever writes a received token again. Whether `typ`, `alg`, `x5u`,
//! `iat` or the identities are acceptable for a call is decided in `verification`, not here.

pub mod error;
pub mod shaken;
pub mod compact;
mod value;
pub mod div;
pub mod rph;
pub mod rcd;
pub mod rsp;
pub mod mky;
pub mod x5c;
pub mod staple;
pub mod claims;
pub mod envelope;
pub mod serialize;
pub mod presented;
mod usual;

pub use claims::{Claims, Extension, IatForm, MAX_DESTINATIONS};
pub use compact::CompactPassport;
pub use div::{DIV, DIV_O, Div, DivO};
pub use envelope::{Envelope, Header, PASSPORT, SignedPassport, Unopened};
pub use error::{Claim, HeaderName, Part, PassportError};
pub use mky::{Fingerprint, MSEC, MediaKeys};
pub use presented::Presented;
pub use rcd::{Card, RCD, RcdIntegrity, RichCallData, RichClaims};
pub use rph::{PSAP_CALLBACK, RPH, Rph, Sph};
pub use rsp::RSP;
pub(crate) use serialize::encoded_header;
pub use serialize::{BadX5u, HeaderCache, Passport, Unsignable};
pub use shaken::{Attestation, NotAUuid, NotAnAttestation, OrigId, SHAKEN, Shaken};
pub use staple::{BadStaple, STPL, Staple};
pub use x5c::{BadX5c, MAX_X5C, X5c};

/// Longest token, in bytes. No RFC has a limit. Own decision: a SHAKEN token has about 400 bytes, one with rich call data
/// seldom 2 KiB, and eight of them must still fit in the largest SIP message over UDP.
pub const MAX_TOKEN: usize = 8 * 1024;

/// Longest `x5u` that we sign, in bytes. Own decision, far above any in use, so that a header always fits in [`MAX_TOKEN`].
pub const MAX_X5U: usize = 1024;

/// A PASSporT that was proven: signed with the key of a certificate that was valid and may say what it says.
///
/// # Example: proof is not to be had for the asking
/// ```compile_fail
/// use countersign::passport::{SignedPassport, VerifiedPassport};
/// fn believe(signed: SignedPassport) -> VerifiedPassport {
///     VerifiedPassport::assertion(signed)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPassport(SignedPassport);

impl VerifiedPassport {
    /// Asserts that `signed` is proven. Called by verification alone, after its last check.
    pub(crate) fn assertion(signed: SignedPassport) -> Self {
        Self(signed)
    }

    /// The claims, which may now be believed.
    pub fn claims(&self) -> &Claims {
        self.0.claims()
    }

    /// The PASSporT.
    pub fn passport(&self) -> &SignedPassport {
        &self.0
    }
}
