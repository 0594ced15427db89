//! The profiles: what each kind of certificate must and must not have.
//!
//! SHAKEN's profile as it is publicly known (ATIS-1000080 and -84): version 3, ecdsa-with-SHA256, P-256, basic constraints and
//! key usage critical, key identifiers of 160 bits, one policy and one CRL distribution point below the root, the TN
//! Authorization List not critical. Delegates are those of [RFC 9060](https://www.rfc-editor.org/rfc/rfc9060).

use crate::draft::DraftError;
use crate::extension::{self, CrlPoint, Extension, PathLength, usage};
use crate::subject::Subject;
use const_oid::ObjectIdentifier;
use countersign::certificate::access::{OCSP, STIR_TN_LIST};
use countersign::certificate::{DistinguishedName, TnAuthList, TnListUrl};
use countersign::crypto::Point;
use countersign::time::{UnixTime, Validity};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The certificate policy of SHAKEN in its version 1.4; 1.1 to 1.3 end in 1 to 3.
pub const SHAKEN_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.114569.1.1.4");

/// Kinds of certificate. Roots are made by [`crate::Authority::root`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Signs revocation lists, and nothing else.
    CrlIssuer,
    /// An end entity below a certificate with a TN Authorization List: signs PASSporTs for some of its numbers.
    Delegate,
    /// A certification authority with a TN Authorization List of its own, which it can hand down in parts.
    DelegateCa(PathLength),
    /// A service provider's certificate: signs PASSporTs.
    EndEntity,
    /// A certification authority without numbers of its own, below another one.
    Intermediate(PathLength),
    /// Answers for the authority whether its certificates are still good, and nothing else.
    OcspResponder,
}

impl Profile {
    /// Whether a certificate of this kind certifies others.
    pub fn is_authority(self) -> bool {
        match self {
            Self::DelegateCa(_) | Self::Intermediate(_) => true,
            Self::CrlIssuer | Self::Delegate | Self::EndEntity | Self::OcspResponder => false,
        }
    }

    /// Whether a responder is asked about certificates of this kind.
    pub(crate) fn is_asked_about(self) -> bool {
        !matches!(self, Self::CrlIssuer | Self::OcspResponder)
    }
}

/// What a certificate is asked for. Who asks, and whether they may, has been settled before.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which kind.
    pub profile: Profile,
    /// For whom.
    pub subject: Subject,
    /// For which key.
    pub public_key: Point,
    /// For which providers and numbers: needed by end entities without domains and by every delegate, here or by reference.
    pub scope: Option<TnAuthList>,
    /// More of them, which the certificate does not list.
    pub reference: Option<ScopeReference>,
    /// For which SIP domains (end entities and delegates; none in SHAKEN).
    pub domains: Vec<Box<str>>,
    /// Whether its revocation would be published.
    pub revocation: Revocation,
}

/// Whether the revocation of a certificate would be published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Revocation {
    /// Nobody asks: it ends soon enough. It has noRevAvail, and names neither list nor responder (end entities and delegates only).
    // RFC 9608 §3: "Certificates that include the noRevAvail extension MUST NOT include certificate extensions that point to CRL
    // repositories or provide locations of OCSP responders."
    Never,
    /// In the list and by the responder that the authority's practice names.
    #[default]
    Published,
}

impl Request {
    /// A request without scope and domains.
    pub fn new(profile: Profile, subject: Subject, public_key: Point) -> Self {
        Self {
            profile,
            subject,
            public_key,
            scope: None,
            reference: None,
            domains: Vec::new(),
            revocation: Revocation::default(),
        }
    }

    /// The same for `scope`.
    pub fn with_scope(self, scope: TnAuthList) -> Self {
        Self {
            scope: Some(scope),
            ..self
        }
    }

    /// The same for a scope by reference, besides the one by value if there is one.
    pub fn with_reference(self, reference: ScopeReference) -> Self {
        Self {
            reference: Some(reference),
            ..self
        }
    }

    /// Everything it asks for, listed in the certificate or by reference.
    pub fn whole_scope(&self) -> Option<TnAuthList> {
        let by_reference = self.reference.as_ref().map(|reference| &reference.list);
        match (&self.scope, by_reference) {
            (Some(list), Some(more)) => Some(list.union(more)),
            (list, more) => list.as_ref().or(more).cloned(),
        }
    }

    /// The same with this said of its revocation.
    pub fn with_revocation(self, revocation: Revocation) -> Self {
        Self { revocation, ..self }
    }

    /// Whether it gets noRevAvail.
    // RFC 9608 §3: "Certificates for CAs MUST NOT include the noRevAvail extension."
    pub(crate) fn is_never_revoked(&self) -> bool {
        let signs_calls = matches!(self.profile, Profile::Delegate | Profile::EndEntity);
        signs_calls && self.revocation == Revocation::Never
    }

    /// The same for these SIP domains.
    pub fn with_domains(self, domains: Vec<Box<str>>) -> Self {
        Self { domains, ..self }
    }
}

/// A TN Authorization List by reference: RFC 8226 §10.1.
// RFC 9060 §12: "the TNAuthList associated with a certificate can change over time"; what is issued is judged by what the list
// says on that day.
#[derive(Clone, Debug)]
pub struct ScopeReference {
    /// Where it can be had.
    pub url: TnListUrl,
    /// What can be had there now.
    pub list: TnAuthList,
}

/// What an authority writes into everything it issues.
#[derive(Clone, Debug, Default)]
pub struct Practice {
    /// The policy it issues under.
    pub policy: Option<ObjectIdentifier>,
    /// Where its revocations are published, and by whom.
    pub crl: Option<CrlPoint>,
    /// The URL of its OCSP responder, for what does not vouch for others and is asked about.
    pub ocsp: Option<Box<str>>,
}

/// The extensions of a root: no policy, no distribution point.
pub(crate) fn root_extensions(key: &Point) -> Vec<Extension> {
    vec![
        extension::authority_constraints(PathLength::Unbounded),
        extension::key_usage(usage::KEY_CERT_SIGN | usage::CRL_SIGN),
        extension::subject_key(key),
        extension::authority_key(&extension::key_identifier(key)),
    ]
}

/// The extensions of what `request` asks for, below the issuer with `issuer_key`.
pub(crate) fn extensions(
    request: &Request,
    practice: &Practice,
    issuer: &DistinguishedName,
    issuer_key: &[u8],
) -> Vec<Extension> {
    let (constraints, bits) = match request.profile {
        Profile::CrlIssuer => (extension::end_entity_constraints(), usage::CRL_SIGN),
        Profile::Delegate | Profile::EndEntity | Profile::OcspResponder => (
            extension::end_entity_constraints(),
            usage::DIGITAL_SIGNATURE,
        ),
        Profile::DelegateCa(length) | Profile::Intermediate(length) => (
            extension::authority_constraints(length),
            usage::KEY_CERT_SIGN | usage::CRL_SIGN,
        ),
    };
    let mut extensions = vec![
        constraints,
        extension::key_usage(bits),
        extension::subject_key(&request.public_key),
        extension::authority_key(issuer_key),
    ];
    extensions.extend(practice.policy.as_ref().map(extension::policy));
    if request.profile == Profile::OcspResponder {
        extensions.extend([extension::ocsp_signing(), extension::ocsp_no_check()]);
    }
    if request.is_never_revoked() {
        extensions.push(extension::no_rev_avail());
    }
    let point = practice.crl.as_ref();
    let point = point.filter(|_| !request.is_never_revoked());
    extensions.extend(point.map(|point| extension::distribution_point(point, issuer)));
    if !request.domains.is_empty() {
        extensions.push(extension::sip_domains(&request.domains));
    }
    extensions.extend(request.scope.as_ref().map(extension::tn_auth_list));
    extensions.extend(access(request, practice));
    extensions
}

/// authorityInfoAccess: the list by reference, and the responder. One extension has both.
// draft-ietf-stir-certificates-ocsp (2017) has certificates with a TN Authorization List carry the access method of OCSP. Responders of
// OCSP and signers of revocation lists are not asked about there.
fn access(request: &Request, practice: &Practice) -> Option<Extension> {
    let list = request.reference.as_ref();
    let list = list.map(|reference| (STIR_TN_LIST, reference.url.as_str()));
    let ocsp = practice.ocsp.as_deref();
    let ocsp = ocsp.filter(|_| request.profile.is_asked_about() && !request.is_never_revoked());
    let methods: Vec<_> = list
        .into_iter()
        .chain(ocsp.map(|url| (OCSP, url)))
        .collect();
    (!methods.is_empty()).then(|| extension::authority_access(&methods))
}

/// Why a certificate or a revocation list is not issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssuanceError {
    /// The certificate of the authority cannot be read, or is not one of an authority.
    BadAuthority,
    /// The key is not the one in the authority's certificate.
    KeyMismatch,
    /// A certificate that would be valid when its issuer is not.
    NotWithin {
        /// When it would be valid.
        asked: Validity,
        /// When the issuer is.
        issuer: Validity,
    },
    /// A delegate asks who has no numbers of its own: what is delegated must be there.
    NothingToDelegate,
    /// Whether numbers are those of the issuer's provider code is not known, and the issuer does not issue on trust.
    NumbersUnknown,
    /// The issuer's own list is by reference, and nobody has said what it lists.
    OwnListMissing,
    /// The authority may not certify another authority.
    PathLength,
    /// A range breaks the formula of RFC 8226 §9.
    RangeEnd,
    /// The profile has no TN Authorization List, and the request has one (or its issuer has, and hands nothing down).
    ScopeForbidden,
    /// The profile needs a TN Authorization List, and the request has none.
    ScopeMissing,
    /// The request asks for numbers or providers that the issuer does not have.
    ScopeTooWide,
    /// The key did not sign.
    SigningFailed,
    /// A time that no certificate can express.
    Time(UnixTime),
    /// The validity ends before it begins, or has ended.
    Validity,
}

impl fmt::Display for IssuanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadAuthority => {
                f.write_str("the issuing certificate is not one of a certification authority")
            }
            Self::KeyMismatch => f.write_str("the key is not that of the issuing certificate"),
            Self::NotWithin { asked, issuer } => write!(
                f,
                "it would be valid from {} to {}, and that is not within its issuer's life, from {} to {}",
                asked.not_before, asked.not_after, issuer.not_before, issuer.not_after
            ),
            Self::NothingToDelegate => f.write_str(
                "the issuer has no numbers of its own to delegate: below it there are an authority for numbers (delegate-ca), which has \
                 delegates, and providers (end-entity)",
            ),
            Self::NumbersUnknown => {
                f.write_str("nobody knows whether these numbers are the issuing provider's")
            }
            Self::OwnListMissing => {
                f.write_str("the issuer's list is by reference, and what it lists is not known")
            }
            Self::RangeEnd => f.write_str("a range ends where the next number would be longer"),
            Self::PathLength => f.write_str("the authority may not certify another authority"),
            Self::ScopeForbidden => {
                f.write_str("a certificate of this kind has no TN Authorization List")
            }
            Self::ScopeMissing => {
                f.write_str("a certificate of this kind needs a TN Authorization List")
            }
            Self::ScopeTooWide => f.write_str("the issuer does not have what is asked for"),
            Self::SigningFailed => f.write_str("the key could not sign"),
            Self::Time(at) => write!(f, "no certificate can hold the time {at}"),
            Self::Validity => f.write_str("nothing is left between begin and end"),
        }
    }
}

impl std::error::Error for IssuanceError {}

impl From<DraftError> for IssuanceError {
    fn from(error: DraftError) -> Self {
        match error {
            DraftError::SigningFailed => Self::SigningFailed,
            DraftError::Time(at) => Self::Time(at),
        }
    }
}
