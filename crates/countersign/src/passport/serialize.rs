//! What we sign: the deterministic serialization of [RFC 8225 §9](https://www.rfc-editor.org/rfc/rfc8225#section-9), and the
//! signature over it.
//!
//! A signer's header never changes, so [`HeaderCache`] holds it encoded; a PASSporT then costs little more than its signature.
//! The claims have a fixed shape and are written in the order that §9 demands, without a detour over a tree of values.

use super::claims::{Claims, Extension, MAX_DESTINATIONS};
use super::div::{DIV, DIV_O, Div};
use super::envelope::{Header, PASSPORT, SignedPassport};
use super::mky::{self, MSEC};
use super::rcd::{RCD, RichClaims};
use super::rph::{PSAP_CALLBACK, RPH};
use super::rsp::RSP;
use super::shaken::SHAKEN;
use super::staple::{STPL, Staple};
use super::value::is_uri;
use super::x5c::X5c;
use super::{MAX_TOKEN, MAX_X5U};
use crate::crypto::{SIGNATURE_LEN, SigningFailed, SigningKey};
use crate::identity::{Dest, Identity, MAX_URI};
use crate::jose::base64url::{encode, encode_into, encoded_len};
use crate::jose::json::{Form, write_integer, write_string};
use crate::jose::jws::ES256;
use crate::number::TelephoneNumber;
use std::fmt;

/// The headers of one signer, encoded once: without an extension and for each one that we sign.
#[derive(Clone, Debug)]
pub struct HeaderCache {
    base: EncodedHeader,
    div: EncodedHeader,
    div_o: EncodedHeader,
    msec: EncodedHeader,
    rcd: EncodedHeader,
    rph: EncodedHeader,
    rsp: EncodedHeader,
    shaken: EncodedHeader,
}

#[derive(Clone, Debug)]
struct EncodedHeader {
    header: Header,
    encoded: Box<str>,
}

impl HeaderCache {
    /// The headers of a signer whose certificate is found at `x5u`.
    ///
    /// # Errors
    /// [`BadX5u`] if that is no URI of at most [`MAX_X5U`] bytes.
    pub fn new(x5u: &str) -> Result<Self, BadX5u> {
        Self::with_certificates(x5u, &[])
    }

    /// The same with the certificates themselves, DER, the signer's first: `x5c` beside `x5u`. What they take is not there for claims:
    /// [`HeaderCache::room`].
    ///
    /// # Errors
    /// As [`HeaderCache::new`].
    // RFC 9060 §7: ""x5c" is OPTIONAL for environments where it is known to be supported." The x5u stays: RFC 8224 §4.1 has it mirrored in
    // "info", and who does not read x5c follows it.
    pub fn with_certificates(x5u: &str, certificates: &[&[u8]]) -> Result<Self, BadX5u> {
        if !is_uri(x5u, MAX_X5U) {
            return Err(BadX5u);
        }
        let of = |ppt| EncodedHeader::new(x5u, ppt, certificates);
        Ok(Self {
            base: of(None),
            div: of(Some(DIV)),
            div_o: of(Some(DIV_O)),
            msec: of(Some(MSEC)),
            rcd: of(Some(RCD)),
            rph: of(Some(RPH)),
            rsp: of(Some(RSP)),
            shaken: of(Some(SHAKEN)),
        })
    }

    /// How many bytes of an encoded payload there is room for beside the longest of these headers; none, if not even the signature fits.
    pub fn room(&self) -> usize {
        let rest = encoded_len(SIGNATURE_LEN) + 2;
        MAX_TOKEN.saturating_sub(self.shaken.encoded.len() + rest)
    }

    /// Where the certificate is found.
    pub fn x5u(&self) -> &str {
        self.base.header.x5u.as_deref().unwrap_or_default()
    }

    fn of(&self, shape: Shape) -> &EncodedHeader {
        match shape {
            Shape::Base => &self.base,
            Shape::Div => &self.div,
            Shape::DivO => &self.div_o,
            Shape::Msec => &self.msec,
            Shape::Rcd => &self.rcd,
            Shape::Rph => &self.rph,
            Shape::Rsp => &self.rsp,
            Shape::Shaken => &self.shaken,
        }
    }
}

impl EncodedHeader {
    /// The members in the order of RFC 8225 §9: `alg`, `ppt`, `typ`, `x5c`, `x5u`.
    fn new(x5u: &str, ppt: Option<&str>, certificates: &[&[u8]]) -> Self {
        let mut json = String::new();
        json.push_str("{\"alg\":");
        write_string(ES256, &mut json);
        if let Some(ppt) = ppt {
            json.push_str(",\"ppt\":");
            write_string(ppt, &mut json);
        }
        json.push_str(",\"typ\":");
        write_string(PASSPORT, &mut json);
        if !certificates.is_empty() {
            json.push(',');
            let encoded = certificates.iter().map(|der| X5c::encoded(der));
            write_list("x5c", &encoded.collect::<Vec<_>>(), |one| one, &mut json);
        }
        json.push_str(",\"x5u\":");
        write_string(x5u, &mut json);
        json.push('}');
        let x5c = || X5c::Certificates(certificates.iter().map(|&der| der.into()).collect());
        Self {
            header: Header {
                alg: ES256.into(),
                typ: PASSPORT.into(),
                ppt: ppt.map(Box::from),
                x5u: Some(x5u.into()),
                x5c: (!certificates.is_empty()).then(|| Box::new(x5c())),
            },
            encoded: encode(json.as_bytes()).into_boxed_str(),
        }
    }
}

/// The header of a PASSporT of this extension whose certificate is at `x5u`, encoded.
pub(crate) fn encoded_header(x5u: &str, ppt: Option<&str>) -> Box<str> {
    EncodedHeader::new(x5u, ppt, &[]).encoded
}

/// What we are about to sign: claims that are known to make a valid PASSporT.
///
/// # Example
/// ```
/// use countersign::crypto::{AwsLc, EcdsaP256Key, SigningKey, VerifyingKeys};
/// use countersign::identity::{Dest, Identity};
/// use countersign::passport::{Attestation, Claims, Extension, HeaderCache, OrigId, Passport, Shaken};
/// use countersign::time::UnixTime;
///
/// let header = HeaderCache::new("https://certificates.example.com/4711.pem")?;
/// let passport = Passport::new(Claims {
///     orig: Identity::Number("12025550100".parse()?),
///     dest: Dest::one(Identity::Number("12025550101".parse()?)),
///     iat: UnixTime::from_secs(1_443_208_345),
///     extension: Extension::Shaken(Shaken { attest: Attestation::A, origid: OrigId::from_random([7; 16]) }),
///     rich: None,
///     media_keys: None,
///     staple: None,
/// })?;
/// let key = EcdsaP256Key::generate()?;
/// let signed = passport.sign(&header, &key)?;
/// assert_eq!(
///     signed.payload(),
///     r#"{"attest":"A","dest":{"tn":["12025550101"]},"iat":1443208345,"orig":{"tn":"12025550100"},"origid":"07070707-0707-4707-8707-070707070707"}"#
/// );
/// let verifying = AwsLc.p256(&key.public_key())?;
/// verifying.verify(signed.signing_input().as_bytes(), signed.signature())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passport {
    claims: Claims,
    shape: Shape,
    payload: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Base,
    Div,
    DivO,
    Msec,
    Rcd,
    Rph,
    Rsp,
    Shaken,
}

/// Room for the claims of a call with one destination.
const USUAL_PAYLOAD: usize = 192;

impl Passport {
    /// The PASSporT of these claims; the destinations are put in order, and of media keys that are untold nothing is said.
    ///
    /// # Errors
    /// [`Unsignable`] if the claims make no valid PASSporT, or one that is too long.
    pub fn new(mut claims: Claims) -> Result<Self, Unsignable> {
        let shape = match claims.extension {
            Extension::Base => Shape::Base,
            Extension::Div(_) => Shape::Div,
            Extension::DivO(_) => Shape::DivO,
            Extension::Msec => Shape::Msec,
            Extension::Rcd => Shape::Rcd,
            Extension::Rph(_) => Shape::Rph,
            Extension::Rsp => Shape::Rsp,
            Extension::Shaken(_) => Shape::Shaken,
            Extension::Unsupported(_) => return Err(Unsignable::Extension),
        };
        if claims.dest.is_empty() {
            return Err(Unsignable::NoDestination);
        }
        if claims.dest.numbers.len() + claims.dest.uris.len() > MAX_DESTINATIONS {
            return Err(Unsignable::TooManyDestinations);
        }
        let orig_uri = match &claims.orig {
            Identity::Number(_) => None,
            Identity::Uri(uri) => Some(uri),
        };
        let mut uris = orig_uri.into_iter().chain(&claims.dest.uris);
        if !uris.all(|uri| is_uri(uri, MAX_URI)) {
            return Err(Unsignable::Uri);
        }
        // RFC 8225 §5.2.1: "Within the "tn" and "uri" arrays, the identity strings should be put in lexicographical order,
        // including the scheme-specific portion of the URI characters."
        claims.dest.numbers.sort_unstable();
        claims.dest.uris.sort_unstable();
        claims.media_keys.take_if(|keys| keys.is_untold());
        let payload = write_claims(&claims);
        if encoded_len(payload.len()) > MAX_ENCODED_PAYLOAD {
            return Err(Unsignable::TooLong);
        }
        Ok(Self {
            claims,
            shape,
            payload,
        })
    }

    /// The claims, destinations in order.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The payload that will be signed: JSON as RFC 8225 §9 has it.
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// Signs. The result is of the full form and canonical.
    ///
    /// # Errors
    /// [`SigningFailed`] if the key could not sign.
    pub fn sign(
        self,
        headers: &HeaderCache,
        key: &dyn SigningKey,
    ) -> Result<SignedPassport, SigningFailed> {
        let EncodedHeader { header, encoded } = headers.of(self.shape);
        let length = encoded.len()
            + encoded_len(self.payload.len())
            + encoded_len(SIGNATURE_LEN)
            + ".".len() * 2;
        let mut token = String::with_capacity(length);
        token.push_str(encoded);
        token.push('.');
        encode_into(self.payload.as_bytes(), &mut token);
        let signing_input = token.len();
        let signature = key.sign(token.as_bytes())?;
        token.push('.');
        encode_into(&signature, &mut token);
        Ok(SignedPassport {
            token: token.into_boxed_str(),
            signing_input,
            header: header.clone(),
            payload: self.payload,
            claims: self.claims,
            signature,
            form: Form::Deterministic,
        })
    }
}

/// What a header can take at most: the fixed members and [`MAX_X5U`].
const MAX_HEADER: usize = 64 + MAX_X5U;
/// What is left of [`MAX_TOKEN`] for the payload.
const MAX_ENCODED_PAYLOAD: usize =
    MAX_TOKEN - encoded_len(MAX_HEADER) - encoded_len(SIGNATURE_LEN) - 2;

/// RFC 8225 §9: "JSON objects MUST have the keys ordered lexicographically by the Unicode [UNICODE] code points of the member
/// names." RFC 8588 §8 gives the order for `shaken`: attest, dest, iat, orig, origid; RFC 9027 §5 that for `rph`: dest, iat, orig, rph,
/// sph.
fn write_claims(claims: &Claims) -> String {
    let mut json = String::with_capacity(USUAL_PAYLOAD);
    json.push('{');
    let extension = &claims.extension;
    if let Extension::Shaken(shaken) = extension {
        json.push_str("\"attest\":\"");
        json.push_str(shaken.attest.as_str());
        json.push_str("\",");
    }
    let rich = claims.rich.as_deref();
    if let Some(reason) = rich.and_then(|rich| rich.reason.as_deref()) {
        json.push_str("\"crn\":");
        write_string(reason, &mut json);
        json.push(',');
    }
    json.push_str("\"dest\":{");
    let Dest { numbers, uris } = &claims.dest;
    write_list("tn", numbers, TelephoneNumber::as_str, &mut json);
    if !numbers.is_empty() && !uris.is_empty() {
        json.push(',');
    }
    write_list("uri", uris, |uri| uri, &mut json);
    json.push('}');
    if let Some(div) = diversion(extension) {
        json.push_str(",\"div\":");
        div.write(&mut json);
    }
    json.push_str(",\"iat\":");
    write_integer(claims.iat.as_secs(), &mut json);
    if let Some(issuer) = rich.and_then(|rich| rich.issuer.as_deref()) {
        json.push_str(",\"iss\":");
        write_string(issuer, &mut json);
    }
    if let Some(keys) = &claims.media_keys {
        json.push_str(",\"mky\":");
        mky::write(keys, &mut json);
    }
    if let Extension::DivO(div) = extension {
        json.push_str(",\"opt\":");
        write_string(&div.opt, &mut json);
    }
    write_orig(&claims.orig, &mut json);
    if let Extension::Shaken(shaken) = extension {
        json.push_str(",\"origid\":\"");
        shaken.origid.write(&mut json);
        json.push('"');
    }
    if let Some(rich) = rich {
        write_rich(rich, &mut json);
    }
    if let Extension::Rph(rph) = extension {
        json.push_str(",\"rph\":");
        rph.write(&mut json);
        if rph.sph.is_some() {
            json.push_str(",\"sph\":");
            write_string(PSAP_CALLBACK, &mut json);
        }
    }
    if let Some(staple) = &claims.staple {
        write_staple(staple, &mut json);
    }
    json.push('}');
    json
}

#[inline]
fn write_orig(orig: &Identity, json: &mut String) {
    json.push_str(",\"orig\":{");
    match orig {
        Identity::Number(number) => {
            json.push_str("\"tn\":");
            write_string(number.as_str(), json);
        }
        Identity::Uri(uri) => {
            json.push_str("\"uri\":");
            write_string(uri, json);
        }
    }
    json.push('}');
}

fn diversion(extension: &Extension) -> Option<&Div> {
    match extension {
        Extension::Div(div) => Some(div),
        Extension::DivO(div) => Some(&div.div),
        _ => None,
    }
}

/// `rcd` and `rcdi`.
fn write_rich(rich: &RichClaims, json: &mut String) {
    if let Some(data) = &rich.data {
        json.push_str(",\"rcd\":");
        json.push_str(&data.json);
    }
    if let Some(integrity) = &rich.integrity {
        json.push_str(",\"rcdi\":");
        integrity.write(json);
    }
}

/// `stpl`, which stands behind all others.
fn write_staple(staple: &Staple, json: &mut String) {
    if let Some(value) = staple.written() {
        json.push(',');
        write_string(STPL, json);
        json.push(':');
        json.push_str(&value);
    }
}

/// Writes `"name":[…]`, or nothing if the list is empty.
fn write_list<T>(name: &str, items: &[T], as_str: impl Fn(&T) -> &str, json: &mut String) {
    for (position, item) in items.iter().enumerate() {
        if position == 0 {
            write_string(name, json);
            json.push_str(":[");
        } else {
            json.push(',');
        }
        write_string(as_str(item), json);
    }
    if !items.is_empty() {
        json.push(']');
    }
}

/// The certificate's place is no URI, or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadX5u;

/// Why claims make no PASSporT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsignable {
    /// We do not know the claims of this extension.
    Extension,
    /// `dest` names nobody.
    NoDestination,
    /// The token would be longer than [`MAX_TOKEN`].
    TooLong,
    /// `dest` names more than [`MAX_DESTINATIONS`].
    TooManyDestinations,
    /// An identity is no URI, or too long.
    Uri,
}

impl fmt::Display for BadX5u {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "x5u is not a URI of at most {MAX_X5U} bytes")
    }
}

impl fmt::Display for Unsignable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension => f.write_str("the extension is not one that we sign"),
            Self::NoDestination => f.write_str("no destination"),
            Self::TooLong => write!(f, "the token would be longer than {MAX_TOKEN} bytes"),
            Self::TooManyDestinations => write!(f, "more than {MAX_DESTINATIONS} destinations"),
            Self::Uri => f.write_str("an identity is not a usable URI"),
        }
    }
}

impl std::error::Error for BadX5u {}
impl std::error::Error for Unsignable {}
