//! What revocation lists say of a certificate: [RFC 5280 §6.3](https://www.rfc-editor.org/rfc/rfc5280#section-6.3), without
//! delta lists.
//!
//! - [`VerifiedCrl`] is a list that was proven.
//! - [`RevocationRule`] says what follows when no list answers, [`ListSigners`] whose lists are heard.
//! - [`Revocations`] is all of that in one trust domain, and the judge of single certificates.
//!
//! Nothing is fetched here. An entry revokes even when its list is out of date: nothing that was revoked becomes good because the
//! next list is late. That a certificate is *not* revoked is believed of a fresh list only.

pub use super::verified_crl::{ListProof, MAX_AHEAD, OlderList, VerifiedCrl};

use super::Rollback;
use crate::certificate::Certificate;
use crate::certificate::crl::Entry;
use crate::certificate::distribution::{
    DistributionPoint, GeneralName, ListIssuers, ListScope, ListSubjects, PointName, Reasons,
};
use crate::time::{UnixTime, Validity};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// What follows when nobody can say whether a certificate was revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RevocationRule {
    /// The proof is not validated.
    Hard {
        /// Seconds for which a list is believed after its next update was due.
        grace: u32,
    },
    /// Nobody asks. The default.
    #[default]
    Off,
    /// The proof passes, and the check is shown as not made.
    Soft {
        /// Seconds for which a list is believed after its next update was due.
        grace: u32,
    },
}

impl RevocationRule {
    /// Seconds for which a list is believed after its next update was due.
    pub const fn grace(self) -> u32 {
        match self {
            Self::Hard { grace } | Self::Soft { grace } => grace,
            Self::Off => 0,
        }
    }
}

/// Whose lists are heard, besides those that the authority of a certificate signs under the same anchor.
// RFC 5280 §6.3.3 (f): "Obtain and validate the certification path for the issuer of the complete CRL. The trust anchor for the
// certification path MUST be the same as the trust anchor used to validate the target certificate." One list for the
// certificates of all anchors, as SHAKEN has it, cannot be under each of them (docs/divergences.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListSigners {
    /// Indirect lists under any anchor of the domain, and pinned signers. The default.
    #[default]
    AnyAnchor,
    /// Pinned signers only.
    Pinned,
    /// Lists under the anchor that the certificate itself leads to, and pinned signers.
    SameAnchor,
}

/// What is known about one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Fresh lists that speak of it for every reason do not name it, as long as they are fresh.
    Good(Validity),
    /// Nobody publishes its revocation: it says so, or names no list and its issuer has none here.
    NotPublished,
    /// A list names it.
    Revoked(Entry),
    /// A list names it, and what that says is of a later time than the one that is asked about ([`Revocations::judge_past`]).
    RevokedSince(Entry),
    /// Its revocation is published, and we do not know what is published.
    Unknown(Gap),
}

/// Why no list answers for a certificate. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The list was made when the certificate had ended: it need not name it any more.
    Ended {
        /// The last second of its validity.
        not_after: UnixTime,
    },
    /// There is no list here that the certificate names.
    NoList,
    /// The list is from the future.
    NotYet {
        /// When it was made.
        this_update: UnixTime,
    },
    /// The list is signed under another anchor than the certificate.
    OtherAnchor,
    /// The lists speak of some reasons only.
    ReasonsMissing,
    /// The certificate of who signed the list is not valid any more.
    SignerExpired {
        /// The last second of its validity.
        not_after: UnixTime,
    },
    /// The list is out of date.
    Stale {
        /// When the next one was due.
        next_update: UnixTime,
    },
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { not_after } => write!(
                f,
                "the certificate ended at {not_after}, before the revocation list was made"
            ),
            Self::NoList => f.write_str("the revocation list it names is not here"),
            Self::NotYet { this_update } => {
                write!(f, "the revocation list is made at {this_update} only")
            }
            Self::OtherAnchor => f.write_str("the revocation list is signed under another anchor"),
            Self::ReasonsMissing => {
                f.write_str("the revocation lists do not speak of every reason")
            }
            Self::SignerExpired { not_after } => {
                write!(
                    f,
                    "who signed the revocation list was valid until {not_after}"
                )
            }
            Self::Stale { next_update } => {
                write!(f, "the next revocation list was due at {next_update}")
            }
        }
    }
}

/// The revocation lists of one trust domain.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    rule: RevocationRule,
    signers: ListSigners,
    lists: Box<[Arc<VerifiedCrl>]>,
    /// Positions of the lists, by the canonical name of who signed them.
    by_issuer: HashMap<Box<[u8]>, Vec<usize>>,
    /// Positions of the indirect lists whose signer is pinned.
    pinned: Box<[usize]>,
}

impl Revocations {
    pub(super) fn new(
        rule: RevocationRule,
        signers: ListSigners,
        lists: Vec<Arc<VerifiedCrl>>,
    ) -> Self {
        let mut by_issuer: HashMap<_, Vec<usize>> = HashMap::new();
        let mut pinned = Vec::new();
        for (index, list) in lists.iter().enumerate() {
            let positions = by_issuer.entry(list.issuer().canonical()).or_default();
            positions.push(index);
            if list.proof() == ListProof::Pinned && list.scope().issuers == ListIssuers::Any {
                pinned.push(index);
            }
        }
        Self {
            rule,
            signers,
            lists: lists.into(),
            by_issuer,
            pinned: pinned.into(),
        }
    }

    /// What follows when no list answers.
    pub fn rule(&self) -> RevocationRule {
        self.rule
    }

    /// Whose lists are heard.
    pub fn signers(&self) -> ListSigners {
        self.signers
    }

    /// The lists.
    pub fn lists(&self) -> &[Arc<VerifiedCrl>] {
        &self.lists
    }

    /// Every list that has a predecessor in `previous` must be able to succeed it.
    pub(super) fn succeed(&self, previous: &Self) -> Result<(), Rollback> {
        for list in &self.lists {
            let name = list.issuer().canonical();
            let mut before = previous
                .signed_by(&name)
                .filter(|one| list.is_of_series(one));
            let refused = before.find_map(|one| list.succeeds(one).err());
            if let Some(older) = refused {
                let issuer = list.issuer().clone();
                return Err(Rollback::List { issuer, older });
            }
        }
        Ok(())
    }

    /// The rules and the digests of the lists.
    pub(super) fn description(&self) -> Vec<u8> {
        let rule = match self.rule {
            RevocationRule::Hard { .. } => 0,
            RevocationRule::Off => 1,
            RevocationRule::Soft { .. } => 2,
        };
        let signers = match self.signers {
            ListSigners::AnyAnchor => 0,
            ListSigners::Pinned => 1,
            ListSigners::SameAnchor => 2,
        };
        let mut words = vec![rule, signers];
        words.extend(self.rule.grace().to_be_bytes());
        for list in &self.lists {
            let (proof, anchor) = match list.proof() {
                ListProof::Anchored(anchor) => (0, anchor),
                ListProof::Pinned => (1, [0; 32]),
            };
            words.extend(list.sha256());
            words.push(proof);
            words.extend(anchor);
            words.extend(list.signer().not_after.as_secs().to_be_bytes());
        }
        words
    }

    /// What the lists say of `certificate`, which leads to the anchor with this SHA-256.
    pub fn judge(&self, certificate: &Certificate, anchor: [u8; 32], at: UnixTime) -> Status {
        self.answer(&Question {
            certificate,
            issuer: certificate.issuer().canonical(),
            anchor,
            at,
            grace: self.rule.grace(),
            then: None,
        })
    }

    /// What the lists say `now` of a certificate as of an earlier time, `then`: whether it was revoked by then, as far as that is known
    /// today. A list that was made after its end tells nothing good of it.
    pub fn judge_past(
        &self,
        certificate: &Certificate,
        anchor: [u8; 32],
        then: UnixTime,
        now: UnixTime,
    ) -> Status {
        self.answer(&Question {
            certificate,
            issuer: certificate.issuer().canonical(),
            anchor,
            at: now,
            grace: self.rule.grace(),
            then: Some(then),
        })
    }

    fn answer(&self, question: &Question<'_>) -> Status {
        let certificate = question.certificate;
        let mut answer = Answer::new();
        self.ask_pinned(question, &mut answer);
        if let Some(entry) = answer.entry {
            return Status::Revoked(entry);
        }
        // RFC 9608 §4: "If the noRevAvail certificate extension specified in this document is present [...], then Step (a)(3) is
        // skipped."
        if certificate.has_no_rev_avail() {
            return answer
                .later
                .map_or(Status::NotPublished, Status::RevokedSince);
        }
        for point in certificate.distribution_points() {
            self.ask_point(question, point, &mut answer);
        }
        if !answer.is_settled() {
            self.ask_issuer(question, &mut answer);
        }
        answer.status(certificate)
    }

    /// An entry about the certificate in an indirect list whose signer is pinned: it revokes, whatever list the certificate names.
    /// Whoever runs this has said so.
    fn ask_pinned(&self, question: &Question<'_>, answer: &mut Answer) {
        for list in self.pinned() {
            if let Some(entry) = question.entry(list) {
                answer.named(entry, question.then);
            }
        }
    }

    /// Asks the lists that one distribution point of the certificate speaks of.
    fn ask_point(&self, question: &Question<'_>, point: &DistributionPoint, answer: &mut Answer) {
        if point.crl_issuer.is_empty() {
            self.ask_own(question, point, answer);
            // A third of the certificates in the field name the place of the one SHAKEN list and not its signer, so the signers
            // that are pinned are heard, too (docs/divergences.md).
            for list in self.pinned() {
                self.ask(question, list, point, answer);
            }
        }
        // RFC 5280 §6.3.3 (b) (1): "If the DP includes cRLIssuer, then verify that the issuer field in the complete CRL matches
        // cRLIssuer in the DP and that the complete CRL contains an issuing distribution point extension with the indirectCRL
        // boolean asserted."
        for issuer in point.crl_issuer.iter().filter_map(GeneralName::directory) {
            for list in self.signed_by(&issuer.canonical()) {
                if list.scope().issuers == ListIssuers::Any {
                    self.ask(question, list, point, answer);
                }
            }
        }
    }

    // RFC 5280 §6.3.3: "If the revocation status has not been determined, repeat the process above with any available CRLs not
    // specified in a distribution point but issued by the certificate issuer. For the processing of such a CRL, assume a DP with
    // both the reasons and the cRLIssuer fields omitted and a distribution point name of the certificate issuer."
    fn ask_issuer(&self, question: &Question<'_>, answer: &mut Answer) {
        let issuer = GeneralName::Directory(question.certificate.issuer().clone());
        let point = DistributionPoint {
            name: Some(PointName::Full([issuer].into())),
            reasons: Reasons::ALL,
            crl_issuer: Box::default(),
        };
        self.ask_own(question, &point, answer);
    }

    // RFC 5280 §6.3.3 (b) (1): "Otherwise, verify that the CRL issuer matches the certificate issuer."
    fn ask_own(&self, question: &Question<'_>, point: &DistributionPoint, answer: &mut Answer) {
        for list in self.signed_by(&question.issuer) {
            self.ask(question, list, point, answer);
        }
    }

    fn signed_by(&self, issuer: &[u8]) -> impl Iterator<Item = &VerifiedCrl> {
        let positions = self.by_issuer.get(issuer).into_iter().flatten();
        positions.filter_map(|index| self.lists.get(*index).map(AsRef::as_ref))
    }

    /// The indirect lists whose signer is pinned.
    fn pinned(&self) -> impl Iterator<Item = &VerifiedCrl> {
        let lists = self.pinned.iter();
        lists.filter_map(|index| self.lists.get(*index).map(AsRef::as_ref))
    }

    /// Takes what one list has to say, if it speaks of the certificate.
    fn ask(
        &self,
        question: &Question<'_>,
        list: &VerifiedCrl,
        point: &DistributionPoint,
        answer: &mut Answer,
    ) {
        if !names_fit(point, list.scope()) || !speaks_of(list.scope(), question.certificate) {
            return;
        }
        if !self.is_heard(list, point, question.anchor) {
            return answer.gap(Gap::OtherAnchor);
        }
        if let Some(entry) = question.entry(list) {
            answer.named(entry, question.then);
        }
        let (from, until) = (list.good_from(), list.good_until(question.grace));
        if question.at < from {
            let this_update = list.this_update();
            answer.gap(Gap::NotYet { this_update });
        } else if question.at > list.signer().not_after {
            let not_after = list.signer().not_after;
            answer.gap(Gap::SignerExpired { not_after });
        } else if question.at > until {
            let next_update = list.next_update();
            answer.gap(Gap::Stale { next_update });
        } else if let Some(not_after) = question.end_before(list) {
            answer.gap(Gap::Ended { not_after });
        } else {
            // RFC 5280 §6.3.3 (d) and (l): the reasons of the point and of the list, and the union over all lists.
            answer.covered = answer.covered | (point.reasons & list.scope().reasons);
            answer.fresh.not_before = answer.fresh.not_before.max(from);
            answer.fresh.not_after = answer.fresh.not_after.min(until);
        }
    }

    /// Whether a list is heard about a certificate that leads to `anchor` and has this distribution point.
    fn is_heard(&self, list: &VerifiedCrl, point: &DistributionPoint, anchor: [u8; 32]) -> bool {
        match (list.proof(), self.signers) {
            (ListProof::Pinned, _) => true,
            (ListProof::Anchored(_), ListSigners::Pinned) => false,
            (ListProof::Anchored(of), _) if of == anchor => true,
            // Names of authorities under two anchors may be the same: only who is named as signer of the list may be under
            // another one.
            (ListProof::Anchored(_), ListSigners::AnyAnchor) => !point.crl_issuer.is_empty(),
            (ListProof::Anchored(_), ListSigners::SameAnchor) => false,
        }
    }
}

/// What is asked about a certificate.
struct Question<'a> {
    certificate: &'a Certificate,
    /// The canonical name of its issuer.
    issuer: Box<[u8]>,
    anchor: [u8; 32],
    at: UnixTime,
    grace: u32,
    /// The time that it is asked about, if that is an earlier one.
    then: Option<UnixTime>,
}

impl Question<'_> {
    fn entry(&self, list: &VerifiedCrl) -> Option<Entry> {
        let serial = self.certificate.serial();
        list.entries().find_canonical(&self.issuer, serial)
    }

    /// The end of a certificate that is asked about as of an earlier time, if it was over when the list was made.
    // RFC 5280 §3.3: "An entry MUST NOT be removed from the CRL until it appears on one regularly scheduled CRL issued beyond the revoked
    // certificate's validity period." From then on that it is not there says nothing.
    fn end_before(&self, list: &VerifiedCrl) -> Option<UnixTime> {
        let not_after = self.certificate.validity().not_after;
        (self.then.is_some() && list.this_update() > not_after).then_some(not_after)
    }
}

/// What the lists asked so far have said.
struct Answer {
    entry: Option<Entry>,
    /// An entry that does not tell against the time that is asked about.
    later: Option<Entry>,
    /// Reasons for which fresh lists have not named the certificate.
    covered: Reasons,
    /// When all of them are fresh.
    fresh: Validity,
    /// Why the first list that did not answer did not.
    gap: Option<Gap>,
}

impl Answer {
    fn new() -> Self {
        Self {
            entry: None,
            later: None,
            covered: Reasons::NONE,
            fresh: Validity {
                not_before: UnixTime::from_secs(i64::MIN),
                not_after: UnixTime::from_secs(i64::MAX),
            },
            gap: None,
        }
    }

    /// A list names the certificate.
    fn named(&mut self, entry: Entry, then: Option<UnixTime>) {
        let known = match then.is_none_or(|then| entry.tells_against(then)) {
            true => &mut self.entry,
            false => &mut self.later,
        };
        *known = known.or(Some(entry));
    }

    fn gap(&mut self, gap: Gap) {
        self.gap = self.gap.or(Some(gap));
    }

    fn is_settled(&self) -> bool {
        self.entry.is_some() || self.covered.includes(Reasons::ALL)
    }

    fn status(self, certificate: &Certificate) -> Status {
        if let (None, Some(later)) = (self.entry, self.later) {
            return Status::RevokedSince(later);
        }
        match (self.entry, self.gap) {
            (Some(entry), _) => Status::Revoked(entry),
            (None, _) if self.covered.includes(Reasons::ALL) => Status::Good(self.fresh),
            (None, Some(gap)) => Status::Unknown(gap),
            (None, None) if self.covered != Reasons::NONE => Status::Unknown(Gap::ReasonsMissing),
            (None, None) if certificate.distribution_points().is_empty() => Status::NotPublished,
            (None, None) => Status::Unknown(Gap::NoList),
        }
    }
}

// RFC 5280 §6.3.3 (b) (2) (i): "If the distribution point name is present in the IDP CRL extension and the distribution field is
// present in the DP, then verify that one of the names in the IDP matches one of the names in the DP. If the distribution point
// name is present in the IDP CRL extension and the distribution field is omitted from the DP, then verify that one of the names in
// the IDP matches one of the names in the cRLIssuer field of the DP."
fn names_fit(point: &DistributionPoint, scope: &ListScope) -> bool {
    match (&scope.name, &point.name) {
        (None, _) => true,
        (Some(list), Some(point)) => list.overlaps(point),
        (Some(list), None) => list.overlaps(&PointName::Full(point.crl_issuer.clone())),
    }
}

// RFC 5280 §6.3.3 (b) (2) (ii) to (iv): "If the onlyContainsUserCerts boolean is asserted in the IDP CRL extension, verify that the
// certificate does not include the basic constraints extension with the cA boolean asserted."
fn speaks_of(scope: &ListScope, certificate: &Certificate) -> bool {
    match scope.subjects {
        ListSubjects::AttributeCertificates => false,
        ListSubjects::Authorities => certificate.is_ca(),
        ListSubjects::Every => true,
        ListSubjects::Users => !certificate.is_ca(),
    }
}
