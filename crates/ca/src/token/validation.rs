//! The nine steps of [RFC 9448 §6](https://www.rfc-editor.org/rfc/rfc9448#section-6), in one place.
//!
//! [`validate`] takes steps 2 to 8 when the challenge is answered; step 1 is [`AuthorityToken::parse`]. Step 9 needs the
//! certification request, which comes with finalize: [`Validated::may_finalize`]. Order and challenge are not known here, nor is
//! anything fetched: [`needs_certificate`] says what has to be.

pub use super::issuer::{NotAnIssuer, TokenIssuer};
use super::{AuthorityToken, FingerprintRule, MalformedToken, Permission, Spelling, TN_AUTH_LIST};
use countersign::certificate::{Certificate, CertificationRequest};
use countersign::crypto::{Point, VerifyingKey};
use countersign::time::UnixTime;
use std::fmt;
use std::sync::Arc;

/// Longest URL of a certificate, in bytes: as everywhere.
pub const MAX_X5U: usize = countersign::certificate::repository_url::MAX_REPOSITORY_URL;

/// What the server expects of the token that answers a challenge.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The DER of the TN Authorization List of the challenge's identifier.
    pub identifier_der: &'a [u8],
    /// The account key of the client.
    pub account_key: &'a Point,
    /// How fingerprints are made here.
    pub fingerprint: FingerprintRule,
    /// Whose tokens count.
    pub trusted: &'a [TokenIssuer],
    /// Which spellings of `tkvalue` are taken: [`Spelling::Loose`] takes both.
    pub spelling: Spelling,
    /// Who we are, for tokens with an audience; `None` if nothing was agreed on.
    pub audience: Option<&'a str>,
}

/// The URL that has to be asked for the certificate of the issuer before [`validate`]; `None` if there is none, it is not one
/// that may be asked, or the certificate is at hand.
pub fn needs_certificate<'t>(
    token: &'t AuthorityToken,
    trusted: &[TokenIssuer],
) -> Option<&'t str> {
    let url = token.header.x5u.as_deref()?;
    let known = trusted.iter().any(|issuer| issuer.is_at(url));
    (is_https(url) && !known).then_some(url)
}

/// Judges a token at the time `now`. `fetched` is what its `x5u` has given (the first is the signer's), if it was asked for.
///
/// # Errors
/// [`TokenFault`], the first step that fails. Each of them makes the challenge invalid.
pub fn validate(
    token: &AuthorityToken,
    expected: &Expected<'_>,
    fetched: Option<&[Certificate]>,
    now: UnixTime,
) -> Result<Validated, TokenFault> {
    // "1. Verify that the value of the "atc" claim is a well-formed JSON object containing the mandatory key values." There is no
    // [`AuthorityToken`] of another kind.
    let atc = &token.claims.atc;

    // "2. If there is an "x5u" parameter, verify the "x5u" parameter is an HTTPS URL with a reference to a certificate
    // representing the trusted issuer of Authority Tokens for the ecosystem."
    let by_url = step_2(token, expected.trusted, fetched, now)?;

    // "3. If there is an "x5c" parameter, verify the certificate array contains a certificate representing the trusted issuer of
    // Authority Tokens for the ecosystem."
    let by_value = step_3(token, expected.trusted, now)?;

    // "4. Verify the TNAuthList Authority Token signature using the public key of the certificate referenced by the token's "x5u"
    // or "x5c" parameter." If there are both, they have to be one (docs/divergences.md).
    let signer = match (by_url, by_value) {
        (Some(one), Some(other)) if one.digest != other.digest => {
            return Err(TokenFault::CertificatesDisagree);
        }
        (Some(signer), _) | (None, Some(signer)) => signer,
        (None, None) => return Err(TokenFault::NoCertificate),
    };
    signer
        .key
        .verify(token.signing_input().as_bytes(), token.signature())
        .map_err(|_| TokenFault::BadSignature)?;

    // "5. Verify that "atc" claim contains a "tktype" identifier with the value "TNAuthList"."
    if &*atc.tk_type != TN_AUTH_LIST {
        return Err(TokenFault::TokenType);
    }

    // "6. Verify that the "atc" claim "tkvalue" identifier contains the equivalent base64url-encoded TNAuthList certificate
    // extension string value as the identifier specified in the original challenge."
    if atc.spelling == Spelling::Loose && expected.spelling == Spelling::Exact {
        return Err(TokenFault::Malformed(MalformedToken::Value));
    }
    if &*atc.tk_value != expected.identifier_der {
        return Err(TokenFault::Value);
    }

    // "7. Verify that the remaining claims are valid (e.g., verify that token has not expired)."
    step_7(token, signer.issuer, expected.audience, now)?;

    // "8. Verify that the "atc" claim "fingerprint" is valid and matches the account key of the client making the request."
    if !atc
        .fingerprint
        .is_of(expected.account_key, expected.fingerprint)
    {
        return Err(TokenFault::Fingerprint);
    }

    Ok(Validated {
        permission: atc.permission,
        exp: token.claims.exp,
        jti: token.claims.jti.clone(),
        issuer: signer.issuer.name.clone(),
    })
}

/// A token that has passed steps 1 to 8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validated {
    /// Which kind of certificate it is for.
    pub permission: Permission,
    /// Until when it is good.
    pub exp: UnixTime,
    /// Its identifier.
    pub jti: Box<str>,
    /// The name of whoever has issued it: another issuer's token may have the same identifier.
    pub issuer: Box<str>,
}

impl Validated {
    /// Step 9: whether `request` is for the kind of certificate that the token is for.
    ///
    /// # Errors
    /// [`TokenFault::Permission`] if not.
    pub fn may_finalize(&self, request: &CertificationRequest) -> Result<(), TokenFault> {
        self.permission.may_finalize(request)
    }
}

impl Permission {
    /// Step 9, for those who have kept nothing but the permission.
    ///
    /// # Errors
    /// [`TokenFault::Permission`] if `request` is for another kind of certificate.
    // "9. Verify that the "atc" claim "ca" identifier boolean corresponds to the CA boolean in the Basic Constraints extension in
    // the Certificate Signing Request (CSR) for either CA certificate or end-entity certificate."
    pub fn may_finalize(self, request: &CertificationRequest) -> Result<(), TokenFault> {
        match self.ca() == request.is_ca() {
            true => Ok(()),
            false => Err(TokenFault::Permission(self)),
        }
    }
}

/// Who has signed, if the signature verifies.
struct Signer<'a> {
    key: Arc<dyn VerifyingKey>,
    digest: [u8; 32],
    issuer: &'a TokenIssuer,
}

impl<'a> Signer<'a> {
    fn find(
        certificates: &[Certificate],
        trusted: &'a [TokenIssuer],
        at: UnixTime,
    ) -> Option<Self> {
        let digest = certificates.first()?.sha256();
        let mut found = trusted.iter().filter_map(|issuer| {
            let key = issuer.key_of(certificates, at)?;
            Some(Self {
                key,
                digest,
                issuer,
            })
        });
        found.next()
    }
}

fn step_2<'a>(
    token: &AuthorityToken,
    trusted: &'a [TokenIssuer],
    fetched: Option<&[Certificate]>,
    now: UnixTime,
) -> Result<Option<Signer<'a>>, TokenFault> {
    let Some(url) = token.header.x5u.as_deref() else {
        return Ok(None);
    };
    if !is_https(url) {
        return Err(TokenFault::X5uNotHttps);
    }
    let known = trusted.iter().find(|issuer| issuer.is_at(url));
    let signer = match (known.and_then(TokenIssuer::certificate), fetched) {
        (Some(certificate), _) => Signer::find(std::slice::from_ref(certificate), trusted, now),
        (None, Some(certificates)) => Signer::find(certificates, trusted, now),
        (None, None) => return Err(TokenFault::X5uUnavailable),
    };
    signer.map(Some).ok_or(TokenFault::X5uUntrusted)
}

fn step_3<'a>(
    token: &AuthorityToken,
    trusted: &'a [TokenIssuer],
    now: UnixTime,
) -> Result<Option<Signer<'a>>, TokenFault> {
    let Some(x5c) = token.header.x5c.as_deref() else {
        return Ok(None);
    };
    let certificates: Result<Vec<_>, _> = x5c.iter().map(|der| Certificate::parse(der)).collect();
    let certificates = certificates.map_err(|_| TokenFault::Malformed(MalformedToken::X5c))?;
    // RFC 7515 §4.1.6: "The certificate containing the public key corresponding to the key used to digitally sign the JWS MUST be
    // the first certificate."
    let signer = Signer::find(&certificates, trusted, now);
    signer.map(Some).ok_or(TokenFault::X5cUntrusted)
}

fn step_7(
    token: &AuthorityToken,
    issuer: &TokenIssuer,
    audience: Option<&str>,
    now: UnixTime,
) -> Result<(), TokenFault> {
    let claims = &token.claims;
    // RFC 7519 §4.1.4: "The processing of the "exp" claim requires that the current date/time MUST be before the expiration
    // date/time listed in the "exp" claim."
    if now >= claims.exp {
        return Err(TokenFault::Expired(claims.exp));
    }
    // RFC 7519 §4.1.5: "The processing of the "nbf" claim requires that the current date/time MUST be after or equal to the
    // not-before date/time listed in the "nbf" claim."
    if let Some(from) = claims.nbf.filter(|from| now < *from) {
        return Err(TokenFault::NotYet(from));
    }
    // RFC 7519 §4.1.3: "If the principal processing the claim does not identify itself with a value in the "aud" claim when this
    // claim is present, then the JWT MUST be rejected."
    let is_us = |name: &str| audience == Some(name);
    if !claims.aud.is_empty() && !claims.aud.iter().any(|name| is_us(name)) {
        return Err(TokenFault::Audience);
    }
    // RFC 9447 §4: "typically, this will be the same location that appeared in the "token-authority" field of the ACME challenge,
    // when present." What it must be, the operator says.
    match (&claims.iss, &issuer.iss) {
        (Some(told), Some(expected)) if told != expected => Err(TokenFault::Issuer),
        _ => Ok(()),
    }
}

/// Whether a URL may be asked for a certificate, as far as its text tells.
fn is_https(url: &str) -> bool {
    let rest = match url.split_at_checked("https://".len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https://") => rest,
        _ => return false,
    };
    let has_host = !rest.is_empty() && !rest.starts_with(['/', '?', '#']);
    has_host && url.len() <= MAX_X5U && rest.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Why a token answers no challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// It is for somebody else to hear.
    Audience,
    /// It was not signed by the trusted issuer.
    BadSignature,
    /// `x5u` and `x5c` lead to two certificates.
    CertificatesDisagree,
    /// It was good until this time.
    Expired(UnixTime),
    /// It is tied to another account.
    Fingerprint,
    /// `iss` is not the issuer's.
    Issuer,
    /// It is none.
    Malformed(MalformedToken),
    /// Neither `x5u` nor `x5c`.
    NoCertificate,
    /// It is good from this time on.
    NotYet(UnixTime),
    /// It is for the other kind of certificate than the one asked for.
    Permission(Permission),
    /// `tktype` is not `TNAuthList`.
    TokenType,
    /// It is about other numbers than the order.
    Value,
    /// `x5c` is no trusted issuer's.
    X5cUntrusted,
    /// `x5u` is no URL of https.
    X5uNotHttps,
    /// Nothing could be had from `x5u`.
    X5uUnavailable,
    /// What `x5u` gives is no trusted issuer's.
    X5uUntrusted,
}

impl TokenFault {
    /// The number of the step of RFC 9448 §6 that fails.
    pub fn step(&self) -> u8 {
        match self {
            Self::Malformed(MalformedToken::Value) => 6,
            Self::Malformed(MalformedToken::X5c) | Self::X5cUntrusted => 3,
            Self::Malformed(MalformedToken::X5u)
            | Self::X5uNotHttps
            | Self::X5uUnavailable
            | Self::X5uUntrusted => 2,
            Self::Malformed(MalformedToken::Claim | MalformedToken::Exp | MalformedToken::Jti) => 7,
            Self::Malformed(_) => 1,
            Self::BadSignature | Self::CertificatesDisagree | Self::NoCertificate => 4,
            Self::TokenType => 5,
            Self::Value => 6,
            Self::Audience | Self::Expired(_) | Self::Issuer | Self::NotYet(_) => 7,
            Self::Fingerprint => 8,
            Self::Permission(_) => 9,
        }
    }
}

impl From<MalformedToken> for TokenFault {
    fn from(fault: MalformedToken) -> Self {
        Self::Malformed(fault)
    }
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Audience => "the token is for another audience",
            Self::BadSignature => "the token was not signed by its issuer",
            Self::CertificatesDisagree => "x5u and x5c of the token lead to two certificates",
            Self::Expired(at) => return write!(f, "the token has expired at {at}"),
            Self::Fingerprint => "the token is tied to the key of another account",
            Self::Issuer => "the token names another issuer than its certificate",
            Self::Malformed(why) => return why.fmt(f),
            Self::NoCertificate => "the token has neither x5u nor x5c",
            Self::NotYet(from) => return write!(f, "the token is good from {from} on"),
            Self::Permission(Permission::Authority) => {
                "the token is for the certificate of a certification authority, the request is not"
            }
            Self::Permission(Permission::EndEntity) => {
                "the request is for the certificate of a certification authority, the token is not"
            }
            Self::TokenType => "the token is not one for a TNAuthList",
            Self::Value => "the token is for another TN Authorization List than the order",
            Self::X5cUntrusted => "the x5c of the token is no trusted issuer's",
            Self::X5uNotHttps => "the x5u of the token is not a URL of https",
            Self::X5uUnavailable => "the x5u of the token gave no certificate",
            Self::X5uUntrusted => "the certificate at the x5u of the token is no trusted issuer's",
        })
    }
}

impl std::error::Error for TokenFault {}
