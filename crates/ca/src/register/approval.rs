//! The second pair of eyes: a certificate that certifies others is asked for by one person and approved by another one.
//!
//! What is approved is everything in the certificate but its serial number, byte for byte; an approval is good for one
//! certificate. Who a person is, is settled by whoever calls.

use super::{Approval, ApprovalAsked, ApprovalGiven, Asked, Event, Register};
use crate::authority::Authority;
use crate::draft::{self, Serial};
use crate::issuance::IssuanceError;
use crate::notation::Octets;
use countersign::certificate::Certificate;
use countersign::time::UnixTime;
use std::fmt;

/// Why an approval is not asked for, not given, or does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalRefused {
    /// It was given before.
    AlreadyGiven,
    /// One of this name was asked for before.
    AlreadyAsked,
    /// There is none, and there has to be one.
    Missing,
    /// Nobody has given it yet.
    NotGiven,
    /// Something else was approved.
    OtherCertificate,
    /// Who asks may not approve.
    SamePerson,
    /// There is none of this name.
    Unknown,
    /// A certificate was issued with it.
    Used,
}

impl fmt::Display for ApprovalRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyGiven => "this was approved before",
            Self::AlreadyAsked => "an approval of this name was asked for before",
            Self::Missing => "a certificate of an authority needs the approval of a second person",
            Self::NotGiven => "nobody has approved this yet",
            Self::OtherCertificate => "something else was approved",
            Self::SamePerson => "who asks may not approve",
            Self::Unknown => "nobody has asked for an approval of this name",
            Self::Used => "the approval was used: each is good for one certificate",
        })
    }
}

impl std::error::Error for ApprovalRefused {}

/// What is approved: the certificate as it will be signed, with serial number 0, which no certificate has.
///
/// # Errors
/// [`IssuanceError`] if a time cannot be written.
pub fn subject(authority: &Authority, asked: &Asked<'_>) -> Result<Octets, IssuanceError> {
    let mut draft = authority.draft(asked.request, Serial::from_random([0; 16]), asked.validity);
    draft.serial = vec![0];
    Ok(Octets::from(draft.to_tbs()?))
}

/// Whether two names are written for one person: case and spaces make nobody another one. Who really is at the keyboard, no name says.
fn is_same_person(one: &str, other: &str) -> bool {
    let letters = |name: &str| -> String {
        let kept = name.chars().filter(|letter| !letter.is_whitespace());
        kept.flat_map(char::to_lowercase).collect()
    };
    letters(one) == letters(other)
}

impl Approval {
    /// The certificate as it would be, without serial number and with a signature that means nothing.
    pub fn certificate(&self) -> Option<Certificate> {
        draft::rehearsed(self.what.as_bytes())
    }

    /// Whether somebody still has to approve it.
    pub fn is_waiting(&self) -> bool {
        self.given_by.is_none() && self.used.is_none()
    }
}

impl Register {
    /// Asks a second person for a certificate.
    ///
    /// # Errors
    /// [`ApprovalRefused::AlreadyAsked`].
    pub fn ask_approval(
        &self,
        id: &str,
        what: Octets,
        by: &str,
        now: UnixTime,
    ) -> Result<Event, ApprovalRefused> {
        match self.approval(id) {
            Some(_) => Err(ApprovalRefused::AlreadyAsked),
            None => Ok(Event::ApprovalAsked(ApprovalAsked {
                id: id.into(),
                what,
                by: by.into(),
                at: now,
            })),
        }
    }

    /// Approves what was asked for.
    ///
    /// # Errors
    /// [`ApprovalRefused`].
    pub fn approve(&self, id: &str, by: &str, now: UnixTime) -> Result<Event, ApprovalRefused> {
        match self.approval(id) {
            None => Err(ApprovalRefused::Unknown),
            Some(Approval { used: Some(_), .. }) => Err(ApprovalRefused::Used),
            Some(Approval {
                given_by: Some(_), ..
            }) => Err(ApprovalRefused::AlreadyGiven),
            Some(approval) if is_same_person(&approval.asked_by, by) => {
                Err(ApprovalRefused::SamePerson)
            }
            Some(_) => Ok(Event::ApprovalGiven(ApprovalGiven {
                id: id.into(),
                by: by.into(),
                at: now,
            })),
        }
    }

    /// Whether `id` approves exactly this, once.
    pub(super) fn approved(&self, id: &str, what: &Octets) -> Result<(), ApprovalRefused> {
        let approval = self.approval(id).ok_or(ApprovalRefused::Unknown)?;
        if approval.used.is_some() {
            return Err(ApprovalRefused::Used);
        }
        if approval.given_by.is_none() {
            return Err(ApprovalRefused::NotGiven);
        }
        match approval.what == *what {
            true => Ok(()),
            false => Err(ApprovalRefused::OtherCertificate),
        }
    }
}
