//! What a verification service may decide for itself: windows, strictness, and which of several faults is told.

use super::fault::Code;
use crate::certificate::ServiceProviderCode;
use crate::certificate::repository_url::Origin;
use std::sync::Arc;

/// How far from now a PASSporT or a Date may be, in seconds.
// RFC 8224 §6.2: "The verifier furthermore ensures that the value of the Date header field of the request meets local policy
// for freshness (sixty seconds is RECOMMENDED)"
pub const DEFAULT_FRESHNESS_SECONDS: u32 = 60;

/// How far in the past the PASSporTs of a diverted call may be that are not the outermost, in seconds.
// RFC 8946 §4.2: "it is RECOMMENDED that the verification service check that the "iat" field of the innermost PASSporT is also within
// the date freshness interval"
pub const DEFAULT_DIVERTED_FRESHNESS_SECONDS: u32 = DEFAULT_FRESHNESS_SECONDS;

/// The most that may be, in seconds.
// RFC 8946 §4.2: "as an upper bound, a freshness window on the order of three hours might suffice"
pub const MAX_DIVERTED_FRESHNESS_SECONDS: u32 = 3 * 3_600;

/// Longest wait of a call for what its proof needs, in milliseconds: one T1 of
/// [RFC 3261 §17.1.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.1.1), after which a caller over UDP repeats itself.
pub const DEFAULT_DEADLINE_MILLIS: u32 = 500;

/// Most Identity headers that are judged in one request. RFC 8224 §9 wants several supported and names no limit; a diverted
/// call has one more per diversion, and Max-Forwards starts at 70, but every header can cost a fetch and a verification.
pub const MAX_IDENTITY_HEADERS: usize = 8;

/// Oldest data of a number authority that is believed, in seconds: two days. No document says; a ported number changes hands
/// within one business day (47 CFR §52.35), and who publishes daily may be late once.
pub const DEFAULT_NUMBER_AUTHORITY_MAX_AGE_SECONDS: u32 = 2 * 86_400;

/// The local policy of a verification service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationPolicy {
    /// Seconds that iat and Date may lie in the past, and in the future.
    pub freshness: u32,
    /// Seconds that iat may lie in the past, and in the future, in those PASSporTs of a diverted call that are not the outermost;
    /// never less than `freshness`.
    pub diverted_freshness: u32,
    /// Which called party of a diverted call the outermost PASSporT must name.
    pub diverted_to: DivertedTo,
    /// Milliseconds after which what is undecided is not validated.
    pub deadline: u32,
    /// Which of the found faults is told.
    pub order: Order,
    /// Whether checks go on after the first fault.
    pub thoroughness: Thoroughness,
    /// What an `iat` written as a string is.
    pub string_iat: StringIat,
    /// What a token is that is serialized otherwise than RFC 8225 §9 says.
    pub serialization: Serialization,
    /// What a Date header is that is stale while iat is fresh.
    pub stale_date: StaleDate,
    /// What a token without ppt is.
    pub base_passport: BasePassport,
    /// What a token of an unsupported ppt is.
    pub unsupported_ppt: UnsupportedPpt,
    /// What a token without an info parameter beside it is.
    pub info: InfoRequirement,
    /// Origins that certificates may be fetched from whatever their port is: the lab's, and what the operator excepts.
    pub port_exceptions: Arc<[Origin]>,
    /// What a call without a usable Identity header is.
    pub identity: IdentityRequirement,
    /// What a signature seen with another call is.
    pub replay: Replay,
    /// Most Identity headers that are judged in one request.
    pub max_identity_headers: usize,
    /// What a certificate chain in the token's header is.
    pub x5c: X5c,
    /// What a token is that has a certificate chain in its header and no x5u.
    pub x5c_without_x5u: X5cWithoutX5u,
    /// What a number is that a path covers by provider code only.
    pub provider_numbers: ProviderNumbersPolicy,
    /// The same of who answers a call; `None` for no other than of who calls. A caller of another number is a nuisance, who answers in the
    /// place of another hears what was meant for them.
    pub provider_answers: Option<ProviderNumbersPolicy>,
    /// Seconds that the data of a number authority may be old.
    pub number_authority_max_age: u32,
    /// What is done with rich call data.
    pub rich: RichPolicy,
    /// Whose word on priority is believed.
    pub priority: PriorityPolicy,
    /// What claim constraints in the certificate of an authority mean.
    pub inherited_constraints: InheritedConstraints,
    /// What a PASSporT is that does not sign the keys of the media, where there are some.
    pub media_keys_missing: MissingMediaKeys,
}

impl Default for VerificationPolicy {
    fn default() -> Self {
        Self {
            freshness: DEFAULT_FRESHNESS_SECONDS,
            diverted_freshness: DEFAULT_DIVERTED_FRESHNESS_SECONDS,
            diverted_to: DivertedTo::default(),
            deadline: DEFAULT_DEADLINE_MILLIS,
            order: Order::default(),
            thoroughness: Thoroughness::default(),
            string_iat: StringIat::default(),
            serialization: Serialization::default(),
            stale_date: StaleDate::default(),
            base_passport: BasePassport::default(),
            unsupported_ppt: UnsupportedPpt::default(),
            info: InfoRequirement::default(),
            port_exceptions: Arc::default(),
            identity: IdentityRequirement::default(),
            replay: Replay::default(),
            max_identity_headers: MAX_IDENTITY_HEADERS,
            x5c: X5c::default(),
            x5c_without_x5u: X5cWithoutX5u::default(),
            provider_numbers: ProviderNumbersPolicy::default(),
            provider_answers: None,
            number_authority_max_age: DEFAULT_NUMBER_AUTHORITY_MAX_AGE_SECONDS,
            rich: RichPolicy::default(),
            priority: PriorityPolicy::default(),
            inherited_constraints: InheritedConstraints::default(),
            media_keys_missing: MissingMediaKeys::default(),
        }
    }
}

impl VerificationPolicy {
    /// Seconds that iat may lie in the past at most, whatever a PASSporT is there for.
    pub const fn longest_freshness(&self) -> u32 {
        match self.freshness > self.diverted_freshness {
            true => self.freshness,
            false => self.diverted_freshness,
        }
    }
}

/// Whose word on priority is believed: RFC 8443.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriorityPolicy {
    /// Who may sign for which namespace of Resource-Priority. Nobody for any by default.
    pub authorities: Arc<[NamespaceAuthority]>,
}

/// Who may sign for a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceAuthority {
    /// The namespace, in lower case, such as `ets`.
    pub namespace: Box<str>,
    /// Each of them may.
    pub signers: Box<[PrioritySigner]>,
}

/// Somebody who may sign for a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrioritySigner {
    /// Whose certificate has this provider code in its TN Authorization List.
    Provider(ServiceProviderCode),
    /// Whose certificate has this common name or organization in its subject, letter for letter.
    Subject(Box<str>),
}

/// What is done with rich call data: RFC 9795.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RichPolicy {
    /// What is fetched of what it refers to.
    pub fetch: RichFetch,
    /// What a PASSporT is that refers to content without a digest.
    pub digests: MissingDigest,
    /// What `rcd` is without `nam`.
    pub name: NameRequirement,
    /// Third parties that may tell more about a caller that is not their own, by the name in `iss`, which must be the common name or
    /// the organization in the subject of their certificate. None by default.
    pub signers: Arc<[Box<str>]>,
}

/// What is fetched of what rich call data refers to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RichFetch {
    /// Nothing, so nothing that is elsewhere is shown. The default.
    #[default]
    Never,
    /// Cards and pictures, which somebody will be shown.
    Shown,
}

/// What a PASSporT is that refers to content elsewhere and has no digest of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingDigest {
    /// A PASSporT, of which that content is not shown.
    NotShown,
    /// A fault, where RFC 9795 §6.1 wants one. The default.
    #[default]
    Refuse,
}

/// What `rcd` is without `nam`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameRequirement {
    /// Rich call data without a name, as samples of RFC 9796 have it.
    Optional,
    /// A fault: RFC 9795 §5.1.1. The default.
    #[default]
    Required,
}

/// Which of several found faults is told. The order in which checks are made is another matter, and fixed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As ATIS-1000082 lists its cases: staleness first, then the order of the checks.
    Atis,
    /// As RFC 8224 §6.2 orders its steps: the credential, the date, the signature. The default.
    #[default]
    Rfc8224,
}

impl Order {
    /// The place of a fault with this code in this order; lower is told first, equals as they were found.
    pub const fn rank(self, code: Code) -> u8 {
        match (self, code) {
            (Self::Rfc8224, Code::BadIdentityInfo | Code::UnsupportedCredential) => 0,
            (Self::Rfc8224, Code::StaleDate) => 1,
            (Self::Rfc8224, _) => 2,
            (Self::Atis, Code::StaleDate) => 0,
            (Self::Atis, _) => 1,
        }
    }
}

/// Whether checks go on after the first fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thoroughness {
    /// Every check that can be made is made: for people who want to know all that is wrong.
    EveryCheck,
    /// The first stage that fails ends it: a stale forgery buys no fetch. The default.
    #[default]
    FirstFault,
}

/// What an `iat` written as a string is. Samples in RFC 8225 §7.1 and RFC 8588 §6 have one, against RFC 7519 §2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StringIat {
    /// A number in quotes.
    Lenient,
    /// A fault. The default.
    #[default]
    Refuse,
}

/// What a token is that is serialized otherwise than [RFC 8225 §9](https://www.rfc-editor.org/rfc/rfc8225#section-9) says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Serialization {
    /// Judged over the bytes received; the report says so. The default.
    #[default]
    AsReceived,
    /// A fault.
    Strict,
}

/// What a Date header is that is stale, or from the future, while iat is fresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StaleDate {
    /// A fault.
    Refuse,
    /// Changed on the way; iat is the truth. The default.
    #[default]
    TrustIat,
}

/// What a PASSporT without extension is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BasePassport {
    /// A PASSporT. The default.
    #[default]
    Accept,
    /// A fault: ATIS-1000082 case E9.
    Refuse,
}

/// Which called party of a diverted call the outermost PASSporT must name.
// RFC 8946 §4.2: "The verification service MUST compare the value in the outermost "dest" field to the target of the call. [...] in
// ordinary SIP operations, the Request-URI is where verification services will find the latest call target." And: "Note that the To
// header field is not used in the first step above."
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DivertedTo {
    /// Any that the request names: for networks that put the target into To, and change the Request-URI to something that names
    /// nobody.
    AnyCalled,
    /// The one of the Request-URI, or as it is given where there is none. The default.
    #[default]
    RequestUri,
}

/// What a PASSporT of an unsupported type is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnsupportedPpt {
    /// As if it were not there. The default.
    // RFC 8224 §6.2: "If a "ppt" parameter value is present and the verifier does not support it, it MUST ignore the Identity
    // header field."
    #[default]
    Ignore,
    /// A fault: ATIS-1000082 cases E5 and E13, where the service was asked about shaken and nothing else.
    Refuse,
}

/// What a token without an info parameter beside it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InfoRequirement {
    /// Judged by its x5u alone: for a bare token, which no Identity header surrounds.
    Optional,
    /// A fault: RFC 8224 §4. The default.
    #[default]
    Required,
}

/// What a call without a usable Identity header is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdentityRequirement {
    /// Unsigned, and no more is said. The default.
    #[default]
    Optional,
    /// Unsigned, and to be answered 428.
    Required,
}

/// What a signature is that was seen a moment ago with another call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replay {
    /// A fault.
    Enforce,
    /// Told in the evidence, while the verdict stays. The default.
    #[default]
    Observe,
    /// Not looked for.
    Off,
}

/// What a certificate chain in the header of the token is: `x5c` of
/// [RFC 7515 §4.1.6](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.6).
// RFC 9060 §7: "Alternatively, the JSON key "x5c" [RFC7515] MAY be used, [...] optional to use when it is known that it is
// supported".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum X5c {
    /// The certificates that the signature is judged under; what `x5u` points to is not fetched. The default.
    #[default]
    Auto,
    /// Not looked at.
    Never,
}

/// What a token is that has an `x5c` and no `x5u`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum X5cWithoutX5u {
    /// Complete; there is nothing that `info` could agree with.
    Accept,
    /// A fault: RFC 8224 §4.1 wants both. The default.
    #[default]
    Refuse,
}

/// What a number is that a path covers by a provider code only: the code names a provider, whose numbers stand elsewhere.
// RFC 9060 §4.1: "this specification explicitly permits SPC-only parent certificates to delegate individual telephone numbers or
// ranges to a child certificate"; who polices that is left to profiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProviderNumbersPolicy {
    /// Covered: whoever certified the provider answers for what it signs. The default.
    #[default]
    AcceptIfIssuedByTrustedCa,
    /// Not covered.
    Reject,
    /// Covered if a number authority says that the number is the provider's; not covered if it says that it is not; not validated
    /// if it does not know, cannot be asked, or has old data.
    RequireOracle,
}

/// What claim constraints in the certificate of an authority mean.
// RFC 8226 §8 and RFC 9118 §3: "applicable only to end-entity certificates"
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InheritedConstraints {
    /// Nothing. The default.
    #[default]
    IgnoredInAuthorities,
    /// They hold for every token signed below, together with the signer's own.
    Intersect,
}

/// What a PASSporT is that does not sign the keys of the media, where the SDP has some; one of type `msec` must in any case.
// RFC 8224 §4.1: "if that SDP contains one or more "a=fingerprint" attributes, then the JSON key "mky" MUST appear".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingMediaKeys {
    /// A PASSporT, which tells nothing of them: so are nearly all in the field. The default.
    #[default]
    Accept,
    /// A fault.
    Fail,
}
