//! What a verification asks of the world outside, and what it may be answered.
//!
//! The verification never fetches. It says what it needs ([`Need`]): certificates, TN Authorization Lists by reference, the word
//! of a number authority. Whoever drives it brings an [`Answer`], or says why there is none ([`Unavailable`]). An answer that never
//! comes is one, too: see `Verification::expire`.

use crate::certificate::{CertificateChain, ServiceProviderCode, TnAuthList};
use crate::jcard::{BadCard, JCard};
use crate::jose::json::{MAX_JSON_BYTES, Value, parse};
use crate::number::TelephoneNumber;
use crate::passport::rcd::digest::{Algorithm, Digest};
use crate::time::{Ticks, UnixTime};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Largest list by reference, in bytes: ten thousand ranges have 230,000.
pub const MAX_TN_AUTH_LIST: usize = 256 * 1024;

/// Largest jCard elsewhere, in bytes: what the reader of JSON reads. One without pictures in it has a few hundred.
pub const MAX_CARD: usize = MAX_JSON_BYTES;

/// Largest picture, in bytes: a PNG of 256x256 pixels, 32 bits each, that does not compress at all.
pub const MAX_PICTURE: usize = 256 * 1024;

/// Names one need of one verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NeedId(pub(crate) u32);

/// Something the verification cannot know by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// To be given back with the answer.
    pub id: NeedId,
    /// What is needed.
    pub kind: NeedKind,
    /// How much and how long at most.
    pub limit: NeedLimit,
}

/// What is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NeedKind {
    /// The certificate chain that a URL leads to.
    Certificate {
        /// Already judged by the rules for repository URLs; addresses are for the fetcher to judge.
        url: Box<str>,
        /// Whether a chain from the cache will do.
        refresh: Refresh,
    },
    /// Whether a number is a provider's, by the word of whoever keeps such records (in North America the administrator of
    /// number portability).
    NumberAuthority {
        /// The provider that the certificate names.
        provider: ServiceProviderCode,
        /// The number that it would have to be the provider of.
        number: TelephoneNumber,
    },
    /// What rich call data refers to and somebody would be shown.
    // RFC 9795 §6.1: "For any URI-referenced content, the bytes of the body of the HTTP response are the input for the hash
    // function."
    Resource {
        /// An https URL out of a PASSporT that is proven; addresses are for the fetcher to judge.
        url: Box<str>,
        /// What it must be.
        kind: ResourceKind,
    },
    /// The word of a responder on whether a certificate is still good, and for a number: the answer to an OCSP request, which has no
    /// nonce, so that an answer may be remembered as long as it counts.
    // RFC 6960 A.1: "HTTP-based OCSP requests can use either the GET or the POST method to submit their requests."
    Status {
        /// An https URL from a certificate whose path is proven; addresses are for the fetcher to judge.
        url: Box<str>,
        /// The request, in DER.
        request: Box<[u8]>,
    },
    /// The TN Authorization List that a certificate has by reference.
    // RFC 8226 §10.1: "Dereferencing the URI will return the complete DER-encoded TN Authorization List (see Section 9) for the
    // certificate with a Content-Type of application/tnauthlist (see Section 11.2)."
    TnAuthList {
        /// An https URL from a certificate whose path is proven; addresses are for the fetcher to judge.
        url: Box<str>,
        /// Whether a list from the cache will do.
        refresh: Refresh,
    },
}

/// What a need is answered with.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The chain, and whether it came from a cache.
    Certificate(Arc<CertificateChain>, Source),
    /// What a number authority says.
    NumberAuthority(NumberAuthority),
    /// The body of an HTTP response, from wherever.
    Resource(Arc<Resource>),
    /// What a responder answers, in DER.
    Status(Arc<[u8]>),
    /// The list, and whether it came from a cache.
    TnAuthList(Arc<TnAuthList>, Source),
    /// It could not be had.
    Unavailable(Unavailable),
}

/// What rich call data refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// A jCard: `application/json`.
    // RFC 9795 §5.1.5: "The web server MUST use the media type for JSON text as application/json with a default encoding of UTF-8".
    Card,
    /// A picture: `image/png` or `image/jpeg`, and one that can be decoded within limits.
    // RFC 9796 §10.2: "the default image formats SHOULD be PNG [ISOPNG] or JPEG [ITUJPEG]". SVG, which may hold programs and further
    // references, never.
    Picture,
}

impl ResourceKind {
    /// Most bytes of it.
    pub const fn limit(self) -> usize {
        match self {
            Self::Card => MAX_CARD,
            Self::Picture => MAX_PICTURE,
        }
    }

    /// Whether a resource of this kind may have this media type.
    pub fn allows(self, media_type: &str) -> bool {
        let allowed: &[&str] = match self {
            Self::Card => &["application/json"],
            Self::Picture => &["image/jpeg", "image/png"],
        };
        let mut allowed = allowed.iter();
        allowed.any(|one| one.eq_ignore_ascii_case(media_type))
    }

    /// The name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Picture => "picture",
        }
    }
}

/// The body of an HTTP response, which was checked to be what was asked for.
///
/// What was found out about it is remembered with it: in a cache, a picture is hashed once and a card read once.
pub struct Resource {
    /// Its media type, without parameters.
    pub media_type: Box<str>,
    /// The bytes.
    pub bytes: Box<[u8]>,
    digests: [OnceLock<Digest>; Algorithm::ALL.len()],
    card: OnceLock<Result<Arc<JCard>, BadCard>>,
}

impl Resource {
    /// What came, and its media type without parameters.
    pub fn new(media_type: &str, bytes: impl Into<Box<[u8]>>) -> Self {
        Self {
            media_type: media_type.into(),
            bytes: bytes.into(),
            digests: Default::default(),
            card: OnceLock::new(),
        }
    }

    /// Whether the bytes have this digest.
    pub fn fits(&self, digest: &Digest) -> bool {
        let algorithm = digest.algorithm();
        let made = || Digest::of(algorithm, &self.bytes);
        let remembered = self.digests.get(algorithm as usize);
        remembered.map(|remembered| remembered.get_or_init(made)) == Some(digest)
    }

    /// The card, if it is one.
    ///
    /// # Errors
    /// [`BadCard`] with the first defect found.
    pub fn card(&self) -> Result<&Arc<JCard>, BadCard> {
        let card = self
            .card
            .get_or_init(|| JCard::parse(&self.bytes).map(Arc::new));
        card.as_ref().map_err(|bad| *bad)
    }

    /// The bytes as JSON, if they are such.
    pub(super) fn json(&self) -> Option<Value<'_>> {
        parse(&self.bytes).ok()
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.bytes.len();
        write!(f, "Resource({:?}, {length} bytes)", self.media_type)
    }
}

/// What a number authority says about one number and one provider, and how old its data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberAuthority {
    /// Whether the number is the provider's.
    pub holds: Holds,
    /// When the data was true. Data without a date is of no use here.
    pub as_of: UnixTime,
}

/// Whether a number is a provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holds {
    /// It is somebody else's, or nobody's.
    No,
    /// The data does not tell.
    Unknown,
    /// It is.
    Yes,
}

/// Whether a cached answer will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Ask the origin whether what is cached still holds (RFC 9110 §13.1), whatever its freshness says.
    Conditional,
    /// A cached answer will do.
    No,
}

/// The bounds of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedLimit {
    /// Longest answer, in bytes.
    pub bytes: usize,
    /// When the call stops waiting. The fetch may go on for the next one.
    pub until: Ticks,
}

/// Where an answered chain came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From a cache: it may have been replaced at its origin since.
    Cache,
    /// From its origin, now; given by the operator, or with the token itself.
    Fetched,
}

/// Why something needed could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unavailable {
    /// What came is no certificate chain.
    BadChain,
    /// What came is no TN Authorization List.
    BadList,
    /// What came is no picture, or not of the type or size that it says it is.
    BadPicture,
    /// The HTTP answer breaks the protocol.
    BadResponse,
    /// An HTTP status other than 200.
    BadStatus(u16),
    /// The URL cannot be fetched from.
    BadUrl,
    /// No connection.
    Connect,
    /// The host is at an address that nobody outside may make us talk to.
    ForbiddenAddress,
    /// The answer has another media type than what was asked for.
    MediaType,
    /// Nothing is fetched here.
    Offline,
    /// Too many fetches are under way, or this one failed a moment ago.
    Overloaded,
    /// A redirect, which is not followed.
    Redirect,
    /// The host name has no address.
    Resolve,
    /// No answer in time.
    TimedOut,
    /// TLS failed: no handshake, or a certificate that the web does not trust.
    Tls,
    /// More bytes than the limit.
    TooLarge,
}

impl Unavailable {
    /// The name in logs, metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadChain => "bad-chain",
            Self::BadList => "bad-list",
            Self::BadPicture => "bad-picture",
            Self::BadResponse => "bad-response",
            Self::BadStatus(_) => "bad-status",
            Self::BadUrl => "bad-url",
            Self::Connect => "connect",
            Self::ForbiddenAddress => "forbidden-address",
            Self::MediaType => "media-type",
            Self::Offline => "offline",
            Self::Overloaded => "overloaded",
            Self::Redirect => "redirect",
            Self::Resolve => "resolve",
            Self::TimedOut => "timed-out",
            Self::Tls => "tls",
            Self::TooLarge => "too-large",
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadChain => "what came is no certificate chain",
            Self::BadList => "what came is no TN Authorization List",
            Self::BadPicture => "what came is no picture, or lies about its type or size",
            Self::BadResponse => "the HTTP answer breaks the protocol",
            Self::BadStatus(status) => return write!(f, "the HTTP status is {status}"),
            Self::BadUrl => "the URL cannot be fetched from",
            Self::Connect => "no connection",
            Self::ForbiddenAddress => "the host is at a forbidden address",
            Self::MediaType => "the answer is of another media type",
            Self::Offline => "nothing is fetched here",
            Self::Overloaded => "too many fetches, or this one failed a moment ago",
            Self::Redirect => "redirects are not followed",
            Self::Resolve => "the host name has no address",
            Self::TimedOut => "no answer in time",
            Self::Tls => "TLS failed",
            Self::TooLarge => "the answer is too large",
        })
    }
}
