//! The register: every certificate of an authority, from the moment its serial number is taken.
//!
//! ```text
//!     prepare ──► Prepared ──► kept ──► the key signs ──► Issued ──► kept ──► the certificate leaves
//!                    │                                      │
//!                    └──► Abandoned (revoked)               └──► Revoked
//! ```
//!
//! Rule: [`Event::Prepared`] is durable before the key is used, and [`Event::Issued`] before anybody gets the certificate. After a
//! restart [`Register::unfinished`] is signed again, the same bytes under the same serial number, or abandoned; so whatever a key
//! has signed is known, no serial number is used twice, and nothing is issued twice.
//!
//! - [`preparation`]: what is settled before the key is used, and how a signature becomes a certificate;
//! - [`revocation`]: what may be revoked for which reason, and what follows;
//! - [`approval`]: the second pair of eyes for certificates of authorities.
//!
//! Whose request it is and how it came is the matter of [`crate::acme`].

pub mod approval;
pub mod preparation;
pub mod revocation;

use crate::crl;
use crate::draft;
use crate::issuance::{Profile, Request};
use crate::notation::{Digest, Octets, SerialNumber};
use countersign::certificate::crl::Reason;
use countersign::certificate::{Certificate, DistinguishedName};
use countersign::crypto::Point;
use countersign::time::{UnixTime, Validity};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;

/// Which certificate: who issued it, and under which serial number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateName {
    /// The issuer's distinguished name in DER.
    pub issuer: Octets,
    /// The serial number.
    pub serial: SerialNumber,
}

impl CertificateName {
    /// That of the certificate with this issuer and serial number.
    pub fn new(issuer: &DistinguishedName, serial: &[u8]) -> Self {
        Self {
            issuer: Octets::from(issuer.as_der()),
            serial: SerialNumber::from(serial),
        }
    }

    /// That of a certificate.
    pub fn of(certificate: &Certificate) -> Self {
        Self::new(certificate.issuer(), certificate.serial())
    }
}

/// A certificate that somebody may have.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What for.
    pub request: &'a Request,
    /// From when to when.
    pub validity: Validity,
    /// The order it is for.
    pub order: Option<&'a str>,
    /// The approval it has got.
    pub approval: Option<&'a str>,
    /// Who asks, in words for people, where no order says so.
    pub by: Option<&'a str>,
}

/// What happened to certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A certificate that was prepared will never be issued. Its serial number stays taken, and counts as revoked: nobody knows
    /// whether the key had signed.
    Abandoned(Abandoned),
    /// Somebody wants a certificate that somebody else has to approve.
    ApprovalAsked(ApprovalAsked),
    /// Somebody else has approved it.
    ApprovalGiven(ApprovalGiven),
    /// A revocation list has got its number.
    CrlNumbered(CrlNumbered),
    /// The key has signed: this is the certificate.
    Issued(Issued),
    /// No certificate will be issued for this key any more.
    KeyBlocked(KeyBlocked),
    /// A serial number is taken, and this is what the key will sign.
    Prepared(Prepared),
    /// A certificate is not valid any more.
    Revoked(Revoked),
}

/// See [`Event::Prepared`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prepared {
    /// Which one.
    pub name: CertificateName,
    /// What the key will sign: `TBSCertificate` in DER.
    pub tbs: Octets,
    /// Of which kind.
    pub profile: Profile,
    /// The SHA-256 of the subject's key, as [`key_digest`] makes it.
    pub key: Digest,
    /// When it expires.
    #[serde(with = "crate::notation::seconds")]
    pub not_after: UnixTime,
    /// The order it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Box<str>>,
    /// The approval it needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Box<str>>,
    /// Who asked, in words for people, where no order says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Box<str>>,
}

/// See [`Event::Issued`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// Which one.
    pub name: CertificateName,
    /// The certificate in DER.
    pub certificate: Octets,
}

/// See [`Event::Abandoned`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abandoned {
    /// Which one.
    pub name: CertificateName,
    /// Why.
    pub why: Abandonment,
    /// When.
    #[serde(with = "crate::notation::seconds")]
    pub at: UnixTime,
}

/// Why a prepared certificate is never issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Abandonment {
    /// The authority has another key or certificate by now.
    AuthorityChanged,
    /// It would have expired before anybody got it.
    Expired,
    /// Its key was blocked meanwhile.
    KeyBlocked,
    /// The operator says so.
    Operator,
    /// The key did not sign.
    SigningFailed,
}

/// See [`Event::Revoked`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// Which one.
    pub name: CertificateName,
    /// Why.
    #[serde(with = "crate::notation::reason")]
    pub reason: Reason,
    /// When.
    #[serde(with = "crate::notation::seconds")]
    pub at: UnixTime,
    /// Who wanted it, in words for people.
    pub by: Box<str>,
}

/// See [`Event::KeyBlocked`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyBlocked {
    /// The SHA-256 of the key, as [`key_digest`] makes it.
    pub key: Digest,
}

/// See [`Event::ApprovalAsked`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalAsked {
    /// Names the approval.
    pub id: Box<str>,
    /// What is to be approved, as [`approval::subject`] makes it.
    pub what: Octets,
    /// Who asks.
    pub by: Box<str>,
    /// When.
    #[serde(with = "crate::notation::seconds")]
    pub at: UnixTime,
}

/// See [`Event::ApprovalGiven`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalGiven {
    /// Which approval.
    pub id: Box<str>,
    /// Who gives it.
    pub by: Box<str>,
    /// When.
    #[serde(with = "crate::notation::seconds")]
    pub at: UnixTime,
}

/// See [`Event::CrlNumbered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrlNumbered {
    /// The list, by the operator's name for it.
    pub list: Box<str>,
    /// Its number.
    pub number: u64,
    /// When it was made.
    #[serde(with = "crate::notation::seconds")]
    pub this_update: UnixTime,
    /// When the next one will be there at the latest.
    #[serde(with = "crate::notation::seconds")]
    pub next_update: UnixTime,
}

/// A certificate in the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of which kind.
    pub profile: Profile,
    /// The digest of the subject's key.
    pub key: Digest,
    /// When it expires.
    pub not_after: UnixTime,
    /// The order it is for.
    pub order: Option<Box<str>>,
    /// The approval it needed.
    pub approval: Option<Box<str>>,
    /// Who asked, where no order says so.
    pub by: Option<Box<str>>,
    /// How far it has come.
    pub stage: Stage,
    /// That it was revoked, or abandoned.
    pub revocation: Option<Revocation>,
    /// Who wanted it revoked.
    pub revoked_by: Option<Box<str>>,
}

/// How far a certificate has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It will never be issued.
    Abandoned(Abandonment),
    /// The certificate in DER.
    Issued(Octets),
    /// What the key is to sign: `TBSCertificate` in DER.
    Prepared(Octets),
}

/// When and why something was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: UnixTime,
    /// Why.
    pub reason: Reason,
}

/// What is to be said of a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status<'a> {
    /// Issued, and not revoked. It may have expired.
    Good(&'a Entry),
    /// Taken, and not issued yet: nobody has such a certificate.
    Prepared(&'a Entry),
    /// Revoked, or abandoned.
    Revoked(Revocation),
    /// Never taken.
    Unknown,
}

/// Two events that cannot both be true: the journal was written by something that breaks the rule of this room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// Which certificate.
    pub name: CertificateName,
    /// What is wrong.
    pub what: Wrong,
}

/// What is wrong with a journal whose records are whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It was issued without being prepared, or after it was abandoned.
    IssuedUnprepared,
    /// It was issued twice, or what was issued is not what was prepared.
    IssuedOtherwise,
    /// It was revoked and nobody has issued it.
    RevokedUnissued,
    /// Its serial number was taken twice.
    SerialReused,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let serial = &self.name.serial;
        match self.what {
            Wrong::IssuedUnprepared => write!(f, "certificate {serial} was issued unprepared"),
            Wrong::IssuedOtherwise => {
                write!(
                    f,
                    "certificate {serial} was issued twice, or not as it was prepared"
                )
            }
            Wrong::RevokedUnissued => {
                write!(
                    f,
                    "certificate {serial} was revoked or given up, and was not there"
                )
            }
            Wrong::SerialReused => write!(f, "serial number {serial} was taken twice"),
        }
    }
}

/// The number and the times of a revocation list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastCrl {
    /// Its number.
    pub number: u64,
    /// When it was made.
    pub this_update: UnixTime,
    /// When the next one will be there at the latest.
    pub next_update: UnixTime,
}

/// Something that was asked of a second person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// What is to be approved, as [`approval::subject`] makes it.
    pub what: Octets,
    /// Who asked.
    pub asked_by: Box<str>,
    /// When.
    pub asked_at: UnixTime,
    /// Who approved.
    pub given_by: Option<Box<str>>,
    /// The certificate that was prepared with it: an approval is good for one.
    pub used: Option<CertificateName>,
}

/// Every certificate of an authority.
#[derive(Clone, Debug, Default)]
pub struct Register {
    certificates: BTreeMap<CertificateName, Entry>,
    unfinished: BTreeSet<CertificateName>,
    revoked: BTreeSet<CertificateName>,
    by_key: BTreeMap<Digest, Vec<CertificateName>>,
    blocked: BTreeSet<Digest>,
    approvals: BTreeMap<Box<str>, Approval>,
    lists: BTreeMap<Box<str>, LastCrl>,
    /// What was revoked after the last list of each name: clocks are set back, the journal is not.
    untold: BTreeMap<Box<str>, BTreeSet<CertificateName>>,
    contradictions: Vec<Contradiction>,
}

/// The SHA-256 of a P-256 key: of its SubjectPublicKeyInfo in DER, as lists of compromised keys have it.
pub fn key_digest(key: &Point) -> Digest {
    Digest::of(&draft::public_key(key))
}

impl Register {
    /// Takes over what happened.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Abandoned(abandoned) => self.abandoned(abandoned),
            Event::ApprovalAsked(asked) => self.approval_asked(asked),
            Event::ApprovalGiven(given) => {
                if let Some(approval) = self.approvals.get_mut(&given.id) {
                    approval.given_by.get_or_insert_with(|| given.by.clone());
                }
            }
            Event::CrlNumbered(numbered) => self.numbered(numbered),
            Event::Issued(issued) => self.issued(issued),
            Event::KeyBlocked(blocked) => {
                self.blocked.insert(blocked.key);
            }
            Event::Prepared(prepared) => self.prepared(prepared),
            Event::Revoked(revoked) => self.revoked(revoked),
        }
    }

    fn prepared(&mut self, prepared: &Prepared) {
        let name = &prepared.name;
        if self.certificates.contains_key(name) {
            return self.contradict(name, Wrong::SerialReused);
        }
        let approval = prepared.approval.as_ref();
        if let Some(approval) = approval.and_then(|id| self.approvals.get_mut(id)) {
            approval.used = Some(name.clone());
        }
        let entry = Entry {
            profile: prepared.profile,
            key: prepared.key,
            not_after: prepared.not_after,
            order: prepared.order.clone(),
            approval: prepared.approval.clone(),
            by: prepared.by.clone(),
            stage: Stage::Prepared(prepared.tbs.clone()),
            revocation: None,
            revoked_by: None,
        };
        let same_key = self.by_key.entry(prepared.key).or_default();
        same_key.push(name.clone());
        self.certificates.insert(name.clone(), entry);
        self.unfinished.insert(name.clone());
    }

    fn issued(&mut self, issued: &Issued) {
        let name = &issued.name;
        let Some(entry) = self.certificates.get_mut(name) else {
            return self.contradict(name, Wrong::IssuedUnprepared);
        };
        let wrong = match &entry.stage {
            Stage::Prepared(tbs) if holds(&issued.certificate, tbs) => None,
            Stage::Prepared(_) | Stage::Issued(_) => Some(Wrong::IssuedOtherwise),
            Stage::Abandoned(_) => Some(Wrong::IssuedUnprepared),
        };
        if let Some(wrong) = wrong {
            return self.contradict(name, wrong);
        }
        entry.stage = Stage::Issued(issued.certificate.clone());
        self.unfinished.remove(name);
    }

    fn abandoned(&mut self, abandoned: &Abandoned) {
        let name = &abandoned.name;
        match self.certificates.get_mut(name) {
            Some(entry) if matches!(entry.stage, Stage::Prepared(_)) => {
                entry.stage = Stage::Abandoned(abandoned.why);
                entry.revocation = Some(Revocation {
                    at: abandoned.at,
                    reason: Reason::Unspecified,
                });
                self.unfinished.remove(name);
                self.now_revoked(name);
            }
            _ => self.contradict(name, Wrong::RevokedUnissued),
        }
    }

    fn now_revoked(&mut self, name: &CertificateName) {
        if self.revoked.insert(name.clone()) {
            for untold in self.untold.values_mut() {
                untold.insert(name.clone());
            }
        }
    }

    fn revoked(&mut self, revoked: &Revoked) {
        let name = &revoked.name;
        match self.certificates.get_mut(name) {
            Some(entry) if matches!(entry.stage, Stage::Issued(_)) => {
                let said = Revocation {
                    at: revoked.at,
                    reason: revoked.reason,
                };
                // What was said first was published: it stays.
                if entry.revocation.is_none() {
                    entry.revocation = Some(said);
                    entry.revoked_by = Some(revoked.by.clone());
                }
                self.now_revoked(name);
            }
            _ => self.contradict(name, Wrong::RevokedUnissued),
        }
    }

    fn approval_asked(&mut self, asked: &ApprovalAsked) {
        let approval = Approval {
            what: asked.what.clone(),
            asked_by: asked.by.clone(),
            asked_at: asked.at,
            given_by: None,
            used: None,
        };
        self.approvals.entry(asked.id.clone()).or_insert(approval);
    }

    fn numbered(&mut self, numbered: &CrlNumbered) {
        let last = LastCrl {
            number: numbered.number,
            this_update: numbered.this_update,
            next_update: numbered.next_update,
        };
        self.lists.insert(numbered.list.clone(), last);
        self.untold.insert(numbered.list.clone(), BTreeSet::new());
    }

    fn contradict(&mut self, name: &CertificateName, what: Wrong) {
        self.contradictions.push(Contradiction {
            name: name.clone(),
            what,
        });
    }

    /// What is to be said of a serial number.
    pub fn status(&self, issuer: &DistinguishedName, serial: &[u8]) -> Status<'_> {
        match self.find(&CertificateName::new(issuer, serial)) {
            None => Status::Unknown,
            Some(entry) => match (entry.revocation, &entry.stage) {
                (Some(revocation), _) => Status::Revoked(revocation),
                (None, Stage::Issued(_)) => Status::Good(entry),
                (None, Stage::Abandoned(_) | Stage::Prepared(_)) => Status::Prepared(entry),
            },
        }
    }

    /// A certificate by its name.
    pub fn find(&self, name: &CertificateName) -> Option<&Entry> {
        self.certificates.get(name)
    }

    /// The certificate with this serial number, whoever of the issuers in here has issued it: an authority keeps its register when it gets
    /// another name. It costs as many steps as there are issuers.
    pub fn find_by_serial(&self, serial: &SerialNumber) -> Option<&Entry> {
        // No serial number is as long: RFC 5280 §4.1.2.2 allows 20 octets.
        let beyond = SerialNumber::from([0xff; 32].as_slice());
        let mut next = self.certificates.keys().next();
        while let Some(CertificateName { issuer, .. }) = next {
            let named = |serial: &SerialNumber| CertificateName {
                issuer: issuer.clone(),
                serial: serial.clone(),
            };
            if let Some(entry) = self.find(&named(serial)) {
                return Some(entry);
            }
            let after = (Bound::Excluded(named(&beyond)), Bound::Unbounded);
            next = self.certificates.range(after).next().map(|(name, _)| name);
        }
        None
    }

    /// Every certificate.
    pub fn certificates(&self) -> impl Iterator<Item = (&CertificateName, &Entry)> {
        self.certificates.iter()
    }

    /// What is prepared and not yet issued: after a restart, to be signed again or abandoned.
    pub fn unfinished(&self) -> impl Iterator<Item = (&CertificateName, &Entry)> {
        let names = self.unfinished.iter();
        names.filter_map(|name| Some((name, self.certificates.get(name)?)))
    }

    /// Whether no certificate is issued for this key.
    pub fn is_blocked(&self, key: &Point) -> bool {
        self.blocked.contains(&key_digest(key))
    }

    /// Everything revoked, for a list: sorted by issuer, so that an indirect list names each once.
    pub fn revocations(&self) -> impl Iterator<Item = crl::Revoked> {
        let names = self.revoked.iter();
        names.filter_map(|name| self.revocation(name))
    }

    /// Of these, what was revoked when the last list of this name got its number: what that list says.
    pub fn revocations_told(&self, list: &str) -> impl Iterator<Item = crl::Revoked> {
        let untold = self.untold.get(list);
        let is_told = move |name: &&CertificateName| untold.is_none_or(|all| !all.contains(*name));
        let names = self.revoked.iter().filter(is_told);
        names.filter_map(|name| self.revocation(name))
    }

    /// Whether something was revoked that the last list of this name does not say.
    pub fn has_untold(&self, list: &str) -> bool {
        self.untold.get(list).is_some_and(|all| !all.is_empty())
    }

    fn revocation(&self, name: &CertificateName) -> Option<crl::Revoked> {
        let revocation = self.certificates.get(name)?.revocation?;
        Some(crl::Revoked {
            issuer: DistinguishedName::new(name.issuer.as_bytes())?,
            serial: name.serial.as_bytes().to_vec(),
            at: revocation.at,
            reason: revocation.reason,
        })
    }

    /// The last list of this name.
    pub fn last_crl(&self, list: &str) -> Option<LastCrl> {
        self.lists.get(list).copied()
    }

    /// An approval by its name.
    pub fn approval(&self, id: &str) -> Option<&Approval> {
        self.approvals.get(id)
    }

    /// Everything that was asked of a second person.
    pub fn approvals(&self) -> impl Iterator<Item = (&str, &Approval)> {
        let all = self.approvals.iter();
        all.map(|(id, approval)| (&**id, approval))
    }

    /// What cannot be true; empty unless something else has written the journal.
    pub fn contradictions(&self) -> &[Contradiction] {
        &self.contradictions
    }
}

/// Whether this certificate is the one that these bytes were prepared for.
fn holds(certificate: &Octets, tbs: &Octets) -> bool {
    Certificate::parse(certificate.as_bytes())
        .is_ok_and(|certificate| certificate.tbs() == tbs.as_bytes())
}
