//! One list, from bytes to something believed: a revocation list or a list of anchors, and why it is not taken.
//!
//! Whoever answers may lie, be late or be old. What comes is parsed, its signature is verified, and it must not be older than what
//! we have; only then does it take the place of that. Nothing here changes anything: it is decided, and told.

use super::plan::DomainPlan;
use crate::files::FileFault;
use countersign::certificate::{Crl, CrlError};
use countersign::crypto::AwsLc;
use countersign::path::CrlFault;
use countersign::time::UnixTime;
use countersign::trust::ca_list::{Backwards, CaListFault};
use countersign::trust::revocation::{MAX_AHEAD, OlderList};
use countersign::trust::{CaList, Standing, Trust, VerifiedCaList, VerifiedCrl};
use countersign::verification::Unavailable;
use std::fmt;
use std::sync::Arc;

/// Which of the two kinds of lists a source has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A list of anchors.
    CaList,
    /// A revocation list.
    Crl,
}

impl Kind {
    /// The name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CaList => "ca-list",
            Self::Crl => "crl",
        }
    }
}

/// A list that is believed.
#[derive(Clone, Debug)]
pub enum List {
    /// Anchors, and when we first had them.
    CaList(Arc<VerifiedCaList>, UnixTime),
    /// Revocations.
    Crl(Arc<VerifiedCrl>),
}

impl List {
    /// Reads and proves what came for `domain`, whose trust is `trust` so far.
    ///
    /// # Errors
    /// [`Refusal`] if it cannot be read, is not proven, or may not take the place of `previous`.
    pub fn judge(
        kind: Kind,
        bytes: &[u8],
        domain: &DomainPlan,
        trust: &Trust,
        previous: Option<&Self>,
        at: UnixTime,
    ) -> Result<Self, Refusal> {
        match kind {
            Kind::CaList => {
                let list = ca_list(bytes, domain, at)?;
                let mut since = at;
                if let Some(Self::CaList(previous, first)) = previous
                    && list.sequence() == previous.sequence()
                {
                    since = *first;
                }
                Self::CaList(Arc::new(list), since).after(previous, domain, at)
            }
            Kind::Crl => {
                let list = Crl::parse(bytes).map_err(Refusal::NoCrl)?;
                let list = list
                    .verify(&domain.crl_issuers, trust, at, &AwsLc)
                    .map_err(Refusal::CrlNotProven)?;
                // It would make nothing good before its time, and stand in the way of every list until then: nothing goes back.
                let this_update = list.this_update();
                if this_update > at.saturating_add(MAX_AHEAD) {
                    return Err(Refusal::Early(this_update));
                }
                Self::Crl(Arc::new(list)).after(previous, domain, at)
            }
        }
    }

    fn after(
        self,
        previous: Option<&Self>,
        domain: &DomainPlan,
        at: UnixTime,
    ) -> Result<Self, Refusal> {
        match previous {
            Some(previous) => self.may_replace(previous, domain, at).map(|()| self),
            None => Ok(self),
        }
    }

    /// Whether it may take the place of `previous` in `domain`.
    ///
    /// # Errors
    /// [`Refusal`] if that would lead back.
    pub(super) fn may_replace(
        &self,
        previous: &Self,
        domain: &DomainPlan,
        at: UnixTime,
    ) -> Result<(), Refusal> {
        match (self, previous) {
            (Self::CaList(list, _), Self::CaList(previous, _)) => {
                list.succeeds(previous).map_err(Refusal::OlderCaList)
            }
            (Self::Crl(list), Self::Crl(previous)) => {
                follows(list, previous, domain.revocation.grace(), at)
            }
            (Self::CaList(..), Self::Crl(_)) | (Self::Crl(_), Self::CaList(..)) => Ok(()),
        }
    }

    /// When it was made, as far as that is known.
    pub fn since(&self) -> UnixTime {
        match self {
            Self::CaList(_, since) => *since,
            Self::Crl(list) => list.this_update(),
        }
    }

    /// When there must be a newer one.
    pub fn ends(&self) -> UnixTime {
        match self {
            Self::CaList(list, _) => list.expires(),
            Self::Crl(list) => list.next_update(),
        }
    }
}

/// Whether a proven list may take the place of another.
// One of another series is signed by somebody whom we believe, too, so whoever can answer in the place of a source could make us
// lose a list by giving us another one. It may take the place of a list that is over: then there is nothing to lose.
fn follows(
    list: &VerifiedCrl,
    previous: &VerifiedCrl,
    grace: u32,
    at: UnixTime,
) -> Result<(), Refusal> {
    let over = previous.next_update().saturating_add(i64::from(grace));
    match list.is_of_series(previous) {
        true => list.succeeds(previous).map_err(Refusal::OlderCrl),
        false if at > over => Ok(()),
        false => Err(Refusal::OtherSeries),
    }
}

fn ca_list(bytes: &[u8], domain: &DomainPlan, at: UnixTime) -> Result<VerifiedCaList, Refusal> {
    let text = str::from_utf8(bytes).map_err(|_| Refusal::CaList(CaListFault::Malformed))?;
    let enclosed = enclosed(text);
    let list = CaList::parse(enclosed.as_deref().unwrap_or(text)).map_err(Refusal::CaList)?;
    let mut outcome = Err(CaListFault::AdministratorKey);
    for administrator in domain.ca_list.iter().flat_map(|plan| &plan.administrators) {
        outcome = list.verify(administrator, Standing::Public, at, &AwsLc);
        if outcome.is_ok() {
            break;
        }
    }
    outcome.map_err(Refusal::CaList)
}

/// The list in the answer of an STI-PA: `{"status": …, "caList": "…"}`.
fn enclosed(text: &str) -> Option<String> {
    if !text.trim_ascii_start().starts_with('{') {
        return None;
    }
    let answer: serde_json::Value = serde_json::from_str(text).ok()?;
    answer.get("caList")?.as_str().map(str::to_owned)
}

/// Why a list was not taken. What was there before stays. Alphabetical.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// What came is no list of anchors that we believe.
    CaList(CaListFault),
    /// The revocation list is signed by nobody whom we believe.
    CrlNotProven(CrlFault),
    /// The revocation list is from the future.
    Early(UnixTime),
    /// The file cannot be read.
    File(Arc<FileFault>),
    /// What came is no revocation list.
    NoCrl(CrlError),
    /// The list of anchors is older than ours.
    OlderCaList(Backwards),
    /// The revocation list is older than ours.
    OlderCrl(OlderList),
    /// The revocation list is of another issuer or scope than ours, which is not over.
    OtherSeries,
    /// Nothing came.
    Unavailable(Unavailable),
}

impl Refusal {
    /// The name in logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CaList(CaListFault::Jws(_)) | Self::CrlNotProven(_) => "not-proven",
            Self::CaList(_) | Self::NoCrl(_) => "unreadable",
            Self::Early(_) => "not-yet",
            Self::File(_) => "no-file",
            Self::OlderCaList(_) | Self::OlderCrl(_) => "backwards",
            Self::OtherSeries => "other-series",
            Self::Unavailable(why) => why.name(),
        }
    }

    /// Whether it is older than what we have.
    pub const fn is_backwards(&self) -> bool {
        matches!(self, Self::OlderCaList(_) | Self::OlderCrl(_))
    }

    /// Whether somebody tried to take us back, or to make us believe what nobody has signed: more than bad luck.
    pub const fn is_an_alarm(&self) -> bool {
        match self {
            Self::CaList(_)
            | Self::CrlNotProven(_)
            | Self::Early(_)
            | Self::OlderCaList(_)
            | Self::OlderCrl(_)
            | Self::OtherSeries => true,
            Self::File(_) | Self::NoCrl(_) | Self::Unavailable(_) => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaList(fault) => fault.fmt(f),
            Self::CrlNotProven(fault) => fault.fmt(f),
            Self::Early(this_update) => {
                write!(f, "the list is of {this_update}, which is yet to come")
            }
            Self::File(fault) => fault.fmt(f),
            Self::NoCrl(error) => error.fmt(f),
            Self::OlderCaList(backwards) => backwards.fmt(f),
            Self::OlderCrl(older) => older.fmt(f),
            Self::OtherSeries => {
                f.write_str("a list of another issuer or scope, while ours is not over")
            }
            Self::Unavailable(why) => why.fmt(f),
        }
    }
}
