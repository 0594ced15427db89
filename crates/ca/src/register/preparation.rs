//! What is settled before a key is used, and how its signature becomes a certificate.
//!
//! Whatever could refuse a certificate refuses it here: the profile, the scope of the authority, blocked keys, a missing approval,
//! and every lint, over the very bytes that the key would sign. What is left to fail afterwards is the key itself.

pub use super::Asked;

use super::approval::{self, ApprovalRefused};
use super::{
    Abandoned, Abandonment, CertificateName, Entry, Event, Issued, Prepared, Register, Stage,
    key_digest,
};
use crate::authority::{Authority, is_issued_by};
use crate::conformity;
use crate::draft::{self, Draft, Serial};
use crate::issuance::{IssuanceError, Request};
use crate::notation::Octets;
use countersign::certificate::Certificate;
use countersign::crypto::Signature;
use countersign::time::UnixTime;
use std::collections::BTreeSet;
use std::fmt;

/// What an operator has decided about issuance.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Lints that do not refuse a certificate, by name, besides those that do not bind its kind ([`conformity`]): those of a country that is
    /// not ours, for one.
    pub ignored_lints: BTreeSet<Box<str>>,
    /// Whether somebody else approves certificates of authorities.
    pub second_approval: SecondApproval,
}

/// Whether somebody else approves certificates of authorities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondApproval {
    /// They are issued with an approval only. The default.
    #[default]
    Needed,
    /// They are issued like others.
    NotNeeded,
}

/// Why a certificate is not prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuanceRefused {
    /// It needs an approval that it does not have.
    Approval(ApprovalRefused),
    /// The profile, the authority's scope or the validity forbids it.
    Issuance(IssuanceError),
    /// The key is blocked: somebody else knows it.
    KeyBlocked,
    /// The key is the authority's own.
    KeyOfAuthority,
    /// It would break these lints.
    Lints(Box<[&'static str]>),
    /// The random serial number is taken: ask again with another one.
    SerialTaken,
}

impl fmt::Display for IssuanceRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approval(why) => why.fmt(f),
            Self::Issuance(why) => why.fmt(f),
            Self::KeyBlocked => f.write_str("the key is blocked"),
            Self::KeyOfAuthority => f.write_str("the key is that of the authority"),
            Self::Lints(names) => write!(f, "the certificate would break {}", names.join(", ")),
            Self::SerialTaken => f.write_str("the serial number is taken"),
        }
    }
}

impl std::error::Error for IssuanceRefused {}

impl From<IssuanceError> for IssuanceRefused {
    fn from(error: IssuanceError) -> Self {
        Self::Issuance(error)
    }
}

/// Why a signature does not make a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFinished {
    /// The key has signed something else, or badly.
    BadSignature,
    /// The subject's key was blocked meanwhile: give the certificate up.
    KeyBlocked,
    /// Nothing of this name waits for a signature.
    NotPrepared,
}

impl fmt::Display for NotFinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadSignature => "the key of the authority has made a signature that is not valid",
            Self::KeyBlocked => "the key of the certificate was blocked before it was signed",
            Self::NotPrepared => "no such certificate waits for a signature",
        })
    }
}

impl std::error::Error for NotFinished {}

/// What is to be done with a certificate that was prepared before a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resumed<'a> {
    /// Nothing of this name is unfinished.
    Finished,
    /// It is given up: this is what to keep.
    GivenUp(Event),
    /// The key signs these bytes, again or for the first time.
    Sign(&'a [u8]),
}

impl Register {
    /// Prepares a certificate: what to keep before the key signs `tbs` of [`Prepared`].
    ///
    /// # Errors
    /// [`IssuanceRefused`].
    pub fn prepare(
        &self,
        authority: &Authority,
        rules: &Rules,
        asked: &Asked<'_>,
        now: UnixTime,
        random: [u8; 16],
    ) -> Result<Vec<Event>, IssuanceRefused> {
        let request = asked.request;
        if asked.validity.not_after <= now {
            return Err(IssuanceError::Validity.into());
        }
        if self.is_blocked(&request.public_key) {
            return Err(IssuanceRefused::KeyBlocked);
        }
        if request.public_key == authority.key().public_key() {
            return Err(IssuanceRefused::KeyOfAuthority);
        }
        authority.inspect(request, asked.validity)?;
        let draft = authority.draft(request, Serial::from_random(random), asked.validity);
        let tbs = draft.to_tbs().map_err(IssuanceError::from)?;
        inspect_lints(&tbs, authority, request, rules)?;
        self.inspect_approval(authority, rules, asked)?;
        let name = CertificateName::new(&draft.issuer, &draft.serial);
        match self.find(&name) {
            Some(_) => Err(IssuanceRefused::SerialTaken),
            None => Ok(vec![prepared(name, tbs, &draft, asked)]),
        }
    }

    fn inspect_approval(
        &self,
        authority: &Authority,
        rules: &Rules,
        asked: &Asked<'_>,
    ) -> Result<(), IssuanceRefused> {
        let needs_one =
            rules.second_approval == SecondApproval::Needed && asked.request.profile.is_authority();
        match (needs_one, asked.approval) {
            (false, None) => Ok(()),
            (true, None) => Err(IssuanceRefused::Approval(ApprovalRefused::Missing)),
            (_, Some(id)) => {
                let what = approval::subject(authority, asked)?;
                self.approved(id, &what).map_err(IssuanceRefused::Approval)
            }
        }
    }

    /// Makes the certificate of what was prepared and the signature of the authority's key over it.
    ///
    /// # Errors
    /// [`NotFinished`].
    pub fn finish(
        &self,
        authority: &Authority,
        name: &CertificateName,
        signature: &Signature,
    ) -> Result<Event, NotFinished> {
        let entry = self.find(name).ok_or(NotFinished::NotPrepared)?;
        let tbs = entry.to_sign().ok_or(NotFinished::NotPrepared)?;
        if self.blocked.contains(&entry.key) {
            return Err(NotFinished::KeyBlocked);
        }
        // A device that errs once in the middle of a signature gives its key away: such a signature never leaves.
        let key = authority.keys().p256(&authority.key().public_key());
        let key = key.map_err(|_| NotFinished::BadSignature)?;
        let verified = key.verify(tbs, signature);
        verified.map_err(|_| NotFinished::BadSignature)?;
        Ok(Event::Issued(Issued {
            name: name.clone(),
            certificate: Octets::from(draft::with_signature(tbs.to_vec(), signature)),
        }))
    }

    /// What is to be done with what was prepared before a restart, if `authority` is who issues now.
    pub fn resume(
        &self,
        authority: &Authority,
        name: &CertificateName,
        now: UnixTime,
    ) -> Resumed<'_> {
        let Some((entry, tbs)) = self
            .find(name)
            .and_then(|entry| Some((entry, entry.to_sign()?)))
        else {
            return Resumed::Finished;
        };
        let why = if entry.not_after <= now {
            Abandonment::Expired
        } else if self.blocked.contains(&entry.key) {
            Abandonment::KeyBlocked
        } else if !is_issuer(authority, tbs) {
            Abandonment::AuthorityChanged
        } else {
            return Resumed::Sign(tbs);
        };
        Resumed::GivenUp(abandon(name, why, now))
    }
}

/// What to keep if a prepared certificate is given up.
pub fn abandon(name: &CertificateName, why: Abandonment, now: UnixTime) -> Event {
    Event::Abandoned(Abandoned {
        name: name.clone(),
        why,
        at: now,
    })
}

impl Entry {
    /// What the key is to sign, if it has not.
    pub fn to_sign(&self) -> Option<&[u8]> {
        match &self.stage {
            Stage::Prepared(tbs) => Some(tbs.as_bytes()),
            Stage::Abandoned(_) | Stage::Issued(_) => None,
        }
    }

    /// The certificate in DER, if it was issued.
    pub fn certificate(&self) -> Option<&[u8]> {
        match &self.stage {
            Stage::Issued(certificate) => Some(certificate.as_bytes()),
            Stage::Abandoned(_) | Stage::Prepared(_) => None,
        }
    }
}

fn prepared(name: CertificateName, tbs: Vec<u8>, draft: &Draft, asked: &Asked<'_>) -> Event {
    Event::Prepared(Prepared {
        name,
        tbs: Octets::from(tbs),
        profile: asked.request.profile,
        key: key_digest(&draft.public_key),
        not_after: draft.validity.not_after,
        order: asked.order.map(Box::from),
        approval: asked.approval.map(Box::from),
        by: asked.by.map(Box::from),
    })
}

/// Whether what is to be signed names the authority and its key.
fn is_issuer(authority: &Authority, tbs: &[u8]) -> bool {
    draft::rehearsed(tbs).is_some_and(|one| is_issued_by(&one, authority.certificate()))
}

/// Signs with a throw-away key, and refuses what we cannot read ourselves, and what breaks a lint that binds its kind and that the operator
/// does not ignore.
fn inspect_lints(
    tbs: &[u8],
    authority: &Authority,
    request: &Request,
    rules: &Rules,
) -> Result<(), IssuanceRefused> {
    let whole = draft::signed(tbs.to_vec(), authority.throw_away_key());
    let certificate = Certificate::parse(&whole.map_err(IssuanceError::from)?);
    let certificate = certificate.map_err(|_| IssuanceError::BadAuthority)?;
    let own = authority.certificate().subject();
    let exempt: Vec<_> = conformity::exempt(request, authority.practice(), own).collect();
    let broken = conformity::breaches(&certificate, |name| {
        exempt.contains(&name) || rules.ignored_lints.contains(name)
    });
    match broken.is_empty() {
        true => Ok(()),
        false => Err(IssuanceRefused::Lints(broken)),
    }
}
