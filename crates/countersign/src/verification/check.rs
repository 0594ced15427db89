//! What was looked at, and what came of it.
//!
//! A [`CheckResult`] holds its evidence as it was found; words are made of it only when somebody asks
//! ([`CheckResult::detail`]), because a call that is on its way does not.
//!
//! Details may tell telephone numbers: whoever logs them guards them.

use super::Malformed;
use super::diversion::ChainBreak;
use super::fault::{Fault, Standing};
use super::freshness::FreshnessEvidence;
use super::need::{Holds, NumberAuthority, Source, Unavailable};
use super::replay::Sighting;
use crate::call::{DestSource, OrigSource};
use crate::certificate::constraints::Violation;
use crate::certificate::repository_url::UrlFault;
use crate::certificate::{ChainError, ServiceProviderCode};
use crate::identity::{Dest, Identity};
use crate::passport::{BadX5c, PassportError};
use crate::path::{PathFault, RevocationEvidence};
use crate::time::UnixTime;
use std::fmt;

/// One thing that is looked at, in the order in which they are: cheapest and most damning first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The Identity header follows its grammar.
    Header,
    /// The token is one: three parts, a header that can be read.
    Token,
    /// `typ` is passport.
    Typ,
    /// `alg` is ES256, in the token and beside it.
    Alg,
    /// `ppt` is supported, and the same in the token and beside it.
    Ppt,
    /// `x5u` is there and may be fetched from.
    X5u,
    /// `info` is there and equals `x5u`.
    Info,
    /// The claims are there and are what they must be.
    Claims,
    /// The token is serialized as RFC 8225 §9 says.
    Serialization,
    /// `orig` is who the signalling says is calling.
    Orig,
    /// `dest` is who the signalling says is called.
    Dest,
    /// `iat` is fresh.
    Iat,
    /// The Date header is fresh.
    Date,
    /// The keys of the media are those that were signed.
    Media,
    /// The certificate can be had.
    Certificate,
    /// The certificate leads to an anchor.
    Path,
    /// No certificate on the way was revoked.
    Revocation,
    /// The signature is of the certificate's key.
    Signature,
    /// `iat` lies in the validity of the path.
    Validity,
    /// The path covers `orig`.
    Authority,
    /// The certificate is still good, and for the number, by the word of a responder. Skipped without evidence where the token brings no
    /// such word along and policy wants none.
    Freshness,
    /// The claims keep the certificate's constraints.
    Constraints,
    /// The chain of diversions that it is part of is whole.
    Chain,
    /// The signature has not come with another call.
    Replay,
}

impl Check {
    /// Every check in order.
    pub const ALL: [Self; 24] = [
        Self::Header,
        Self::Token,
        Self::Typ,
        Self::Alg,
        Self::Ppt,
        Self::X5u,
        Self::Info,
        Self::Claims,
        Self::Serialization,
        Self::Orig,
        Self::Dest,
        Self::Iat,
        Self::Date,
        Self::Media,
        Self::Certificate,
        Self::Path,
        Self::Revocation,
        Self::Signature,
        Self::Validity,
        Self::Authority,
        Self::Freshness,
        Self::Constraints,
        Self::Chain,
        Self::Replay,
    ];

    /// Whether a proof rests on this check: all but those that policy or the call may leave without an object.
    pub(super) const fn is_essential(self) -> bool {
        !matches!(
            self,
            Self::Info
                | Self::Serialization
                | Self::Date
                | Self::Media
                | Self::Revocation
                | Self::Freshness
                | Self::Constraints
                | Self::Chain
                | Self::Replay
        )
    }

    /// The name in logs, metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Token => "token",
            Self::Typ => "typ",
            Self::Alg => "alg",
            Self::Ppt => "ppt",
            Self::X5u => "x5u",
            Self::Info => "info",
            Self::Claims => "claims",
            Self::Serialization => "serialization",
            Self::Orig => "orig",
            Self::Dest => "dest",
            Self::Iat => "iat",
            Self::Date => "date",
            Self::Media => "media",
            Self::Certificate => "certificate",
            Self::Path => "path",
            Self::Revocation => "revocation",
            Self::Signature => "signature",
            Self::Validity => "validity",
            Self::Authority => "authority",
            Self::Freshness => "freshness",
            Self::Constraints => "constraints",
            Self::Chain => "chain",
            Self::Replay => "replay",
        }
    }
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was made, and the proof did not pass it.
    Failed(Fault),
    /// It was made, and the proof passed it.
    Passed,
    /// It was not made: something before it ended the examination, or there is nothing to check.
    Skipped,
    /// It could not be made.
    Unavailable(Fault),
}

impl Outcome {
    /// What a fault makes of a check.
    pub const fn of(fault: Fault) -> Self {
        match fault.standing() {
            Standing::Failed => Self::Failed(fault),
            Standing::NotValidated => Self::Unavailable(fault),
        }
    }

    /// The fault, if there is one.
    pub const fn fault(self) -> Option<Fault> {
        match self {
            Self::Failed(fault) | Self::Unavailable(fault) => Some(fault),
            Self::Passed | Self::Skipped => None,
        }
    }

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

/// What a check rests on, as it was found. Alphabetical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The signer is covered by a provider code only; whether the number is the provider's was not asked.
    ByProvider,
    /// A certificate has its list of numbers elsewhere; where the list came from.
    ByReference(Source),
    /// What is wrong with the certificates in the token.
    Chain(ChainError),
    /// The constraint that the claims break.
    Constraint(Box<Violation>),
    /// The called parties of the token and of the call.
    DestDiffers(Box<(Dest, Vec<Identity>)>),
    /// The part of the request that named the called party.
    DestFrom(DestSource),
    /// The PASSporTs make no chain.
    Diversion(ChainBreak),
    /// The call was diverted: who was called, one after the other.
    Diverted(Box<[Identity]>),
    /// What is wrong with another PASSporT of the chain.
    ElsewhereInChain(Fault),
    /// The signature of a stored message was seen before.
    Duplicate,
    /// What is known of whether the certificate is still good.
    Freshness(Box<FreshnessEvidence>),
    /// The certificates came with the token, in its x5c.
    InToken,
    /// The list of numbers that could not be had: its URL, and why.
    ListUnavailable(Box<(Box<str>, Unavailable)>),
    /// The Identity header breaks its grammar.
    Malformed(Malformed),
    /// The token is serialized otherwise than RFC 8225 §9 says.
    NotCanonical,
    /// Nothing but the outcome.
    Nothing,
    /// The media has keys, and the token does not sign them.
    NotSigned,
    /// What the number authority says of a provider and the caller's number, and when it was looked at.
    NumberAuthority(Box<(ServiceProviderCode, NumberAuthority, UnixTime)>),
    /// The callers of the token and of the call.
    OrigDiffers(Box<(Identity, Identity)>),
    /// The header that spoke for the caller.
    OrigFrom(OrigSource),
    /// What is wrong with the token.
    Passport(Box<PassportError>),
    /// What is wrong with the path.
    Path(Box<PathFault>),
    /// It came in compact form and was rebuilt from the signalling.
    Rebuilt,
    /// What is known about revocation.
    Revocation(RevocationEvidence),
    /// What the replay memory knows.
    Sighting(Sighting),
    /// A parameter of the token's header, as the token has it and as it stands beside the token.
    Text(Box<(Box<str>, Option<Box<str>>)>),
    /// A time that was claimed, and what time it was.
    Times {
        /// The time claimed.
        claimed: UnixTime,
        /// When it was looked at.
        now: UnixTime,
    },
    /// Why the certificate could not be had, or nobody be asked.
    Unavailable(Unavailable),
    /// The rule that the URL breaks.
    Url(UrlFault),
    /// Why the x5c of the token is none.
    X5c(BadX5c),
}

/// One check with its outcome and evidence, as [`Checks`](super::Checks) tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckResult<'a> {
    /// What was looked at.
    pub check: Check,
    /// What came of it.
    pub outcome: Outcome,
    /// What that rests on.
    pub evidence: &'a Evidence,
}

impl CheckResult<'_> {
    /// The evidence in words, with the fault in front if there is one; `None` if there is nothing to say beyond the outcome.
    pub fn detail(&self) -> Option<String> {
        match (self.outcome.fault(), self.evidence) {
            (None, Evidence::Nothing) => None,
            (None, evidence) => Some(evidence.to_string()),
            (Some(fault), Evidence::Nothing) => Some(fault.to_string()),
            (Some(fault), evidence) => Some(format!("{fault}: {evidence}")),
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByProvider => f.write_str("by provider code; whose the number is was not asked"),
            Self::ByReference(Source::Cache) => f.write_str("by a list that was fetched earlier"),
            Self::ByReference(Source::Fetched) => f.write_str("by a list that was fetched now"),
            Self::Chain(error) => error.fmt(f),
            Self::Constraint(violation) => violation.fmt(f),
            Self::DestDiffers(both) => {
                let (claimed, signalled) = &**both;
                f.write_str("the token says ")?;
                write_list(f, claimed.iter(), " ")?;
                f.write_str(", the call ")?;
                write_list(f, signalled.iter(), " ")
            }
            Self::DestFrom(source) => f.write_str(match source {
                DestSource::Given => "as given",
                DestSource::RequestUri => "Request-URI",
                DestSource::To => "To",
            }),
            Self::Diverted(called) => {
                f.write_str("diverted: ")?;
                write_list(f, called.iter(), " to ")
            }
            Self::Diversion(fault) => fault.fmt(f),
            Self::ElsewhereInChain(fault) => fault.fmt(f),
            Self::Duplicate => f.write_str("a duplicate: the signature was seen before"),
            Self::Freshness(found) => found.fmt(f),
            Self::InToken => f.write_str("as the token has it"),
            Self::ListUnavailable(both) => write!(f, "{}: {}", both.0, both.1),
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::NotCanonical => f.write_str("not the serialization of RFC 8225 section 9"),
            Self::Nothing => Ok(()),
            Self::NotSigned => f.write_str("the keys of the media are not signed"),
            Self::NumberAuthority(told) => write_word(f, told),
            Self::OrigDiffers(both) => {
                write!(f, "the token says {}, the call {}", both.0, both.1)
            }
            Self::OrigFrom(source) => f.write_str(match source {
                OrigSource::From => "From",
                OrigSource::Given => "as given",
                OrigSource::PAssertedIdentity => "P-Asserted-Identity",
            }),
            Self::Passport(error) => error.fmt(f),
            Self::Path(fault) => fault.fmt(f),
            Self::Rebuilt => f.write_str("compact form, rebuilt from the signalling"),
            Self::Revocation(evidence) => evidence.fmt(f),
            Self::Sighting(Sighting::Again) => f.write_str("the same call again"),
            Self::Sighting(Sighting::First) => f.write_str("seen for the first time"),
            Self::Sighting(Sighting::OtherCall) => f.write_str("replayed: seen with another call"),
            Self::Text(both) => match &both.1 {
                Some(beside) => write!(f, "{:?} in the token, {beside:?} beside it", both.0),
                None => write!(f, "{:?}", both.0),
            },
            Self::Times { claimed, now } => {
                let (seconds, side) = match now.as_secs().checked_sub(claimed.as_secs()) {
                    Some(age) if age < 0 => (age.unsigned_abs(), "ahead of"),
                    Some(age) => (age.unsigned_abs(), "behind"),
                    None => (u64::MAX, "apart from"),
                };
                write!(f, "{} is {seconds} s {side} {now}", claimed.as_secs())
            }
            Self::Unavailable(cause) => cause.fmt(f),
            Self::Url(fault) => fault.fmt(f),
            Self::X5c(why) => why.fmt(f),
        }
    }
}

fn write_word(
    f: &mut fmt::Formatter<'_>,
    (provider, word, now): &(ServiceProviderCode, NumberAuthority, UnixTime),
) -> fmt::Result {
    let verb = match word.holds {
        Holds::No => "is not",
        Holds::Unknown => "may be",
        Holds::Yes => "is",
    };
    let age = now.as_secs().saturating_sub(word.as_of.as_secs());
    write!(
        f,
        "the number {verb} of provider {provider}, as of {}, {age} s ago",
        word.as_of
    )
}

fn write_list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item = T>,
    between: &str,
) -> fmt::Result {
    for (position, item) in items.enumerate() {
        if position > 0 {
            f.write_str(between)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_listed_in_their_order() {
        for (position, check) in Check::ALL.into_iter().enumerate() {
            assert_eq!(check as usize, position);
        }
        let mut names: Vec<_> = Check::ALL.iter().map(|check| check.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Check::ALL.len());
    }

    #[test]
    fn evidence_is_told_in_words() {
        let times = |claimed, now| Evidence::Times {
            claimed: UnixTime::from_secs(claimed),
            now: UnixTime::from_secs(now),
        };
        let stale = CheckResult {
            check: Check::Iat,
            outcome: Outcome::of(Fault::IatStale),
            evidence: &times(1_443_208_345, 1_443_208_406),
        };
        assert_eq!(
            stale.detail().unwrap(),
            "The token is too old: 1443208345 is 61 s behind 2015-09-25T19:13:26Z"
        );
        assert!(times(100, 40).to_string().contains("60 s ahead of"));
        let _ = times(i64::MIN, i64::MAX).to_string();
        let other: Identity = Identity::Number("12025550100".parse().unwrap());
        let differs = CheckResult {
            check: Check::Dest,
            outcome: Outcome::of(Fault::DestMismatch),
            evidence: &Evidence::DestDiffers(Box::new((Dest::one(other.clone()), vec![other]))),
        };
        assert!(
            differs
                .detail()
                .unwrap()
                .ends_with("the token says 12025550100, the call 12025550100")
        );
    }
}
