//! What a verification tells: the verdict of the call, and for every PASSporT what was looked at and what came of it.
//!
//! A report keeps what was received and what was found; words and copies are made when somebody asks for them.

use super::Verdict;
use super::answer::{AnswerReport, AnswerStanding, MediaStanding};
use super::archive::Flag;
use super::check::{Check, CheckResult, Evidence, Outcome};
use super::consequences::{Complaint, Consequences};
use super::diversion::ChainReport;
use super::fault::{Code, Fault};
use super::findings::Checks;
use super::need::{NumberAuthority, Unavailable};
use super::policy::{IdentityRequirement, Order};
use super::priority::{self, PriorityReport};
use super::purpose::Purpose;
use super::replay::Sighting;
use super::rich::{self, RichReport};
use crate::call::{DestSource, OrigSource};
use crate::certificate::{Coverage, ServiceProviderCode};
use crate::crypto::Signature;
use crate::identity::{Dest, Orig};
use crate::passport::{
    Attestation, Claims, Envelope, Extension, MSEC, OrigId, SignedPassport, VerifiedPassport, X5c,
};
use crate::path::VerifiedPath;
use crate::time::UnixTime;
use std::borrow::Cow;
use std::sync::Arc;

/// The outcome of a verification.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the call's proof is worth.
    pub verdict: Verdict,
    /// The SIP answer, should policy want one: RFC 8224 §6.2.2. `None` if there is nothing to complain about.
    pub code: Option<Code>,
    /// One report for each PASSporT, in the order presented.
    pub passports: Vec<PassportReport>,
    /// What the answer is worth, if it is one of an answer.
    pub answer: Option<Box<AnswerReport>>,
}

impl Report {
    /// Draws the sum over all PASSporTs.
    // RFC 8224 §6.2.1: "only if a verifier determines that all Identity header fields within a message are invalid should the
    // request be considered to have an invalid identity. If at least one Identity header field value is valid and from a trusted
    // source, then relying parties can use that header for authorization decisions regardless of whether other untrusted or
    // invalid Identity headers appear in a request." Only those that speak for the caller prove who calls (docs/divergences.md).
    pub(super) fn sum(
        passports: Vec<PassportReport>,
        order: Order,
        requirement: IdentityRequirement,
    ) -> Self {
        let witnesses = Witnesses::of(&passports);
        let common = common_code(&passports, witnesses, order);
        let is_passed = |passport: &PassportReport| {
            passport.purpose == Purpose::Caller && passport.verdict == Verdict::Passed
        };
        // Among several faults the one is told that has the code, so that both say the same.
        let first = |of: fn(Verdict) -> Option<Fault>| {
            passports
                .iter()
                .filter(|passport| witnesses.count(passport.purpose))
                .filter_map(|passport| of(passport.verdict))
                .min_by_key(|fault| (Some(fault.code()) != common, order.rank(fault.code())))
        };
        let (verdict, code) = if passports.iter().any(is_passed) {
            (Verdict::Passed, None)
        } else if let Some(fault) = first(Verdict::not_validated) {
            (Verdict::NotValidated(fault), common)
        } else if let Some(fault) = first(Verdict::failed) {
            (Verdict::Failed(fault), common)
        } else {
            let code = match requirement {
                IdentityRequirement::Optional => None,
                IdentityRequirement::Required => Some(Code::UseIdentityHeader),
            };
            (Verdict::Unsigned, code)
        };
        Self {
            verdict,
            code,
            passports,
            answer: None,
        }
    }

    /// The report of an answer.
    pub(super) fn of_answer(answer: AnswerReport, passports: Vec<PassportReport>) -> Self {
        let verdict = match answer.standing {
            AnswerStanding::Absent => Verdict::Unsigned,
            AnswerStanding::Diverted | AnswerStanding::Matching => Verdict::Passed,
            AnswerStanding::NotValidated(fault) | AnswerStanding::Unexpected(fault) => {
                Verdict::of(fault)
            }
        };
        Self {
            verdict,
            code: verdict.fault().map(Fault::code),
            passports,
            answer: Some(Box::new(answer)),
        }
    }

    /// The report of a call whose Identity headers were not judged at all.
    pub(super) fn unjudged(fault: Fault) -> Self {
        Self {
            verdict: Verdict::of(fault),
            code: Some(fault.code()),
            passports: Vec::new(),
            answer: None,
        }
    }

    /// The PASSporT that decided the verdict, if one did: of several the first one that attests, else the first.
    pub fn deciding(&self) -> Option<&PassportReport> {
        let witnesses = match &self.answer {
            None => Witnesses::of(&self.passports),
            Some(_) => Witnesses::Answerers,
        };
        let deciding = || {
            self.passports.iter().filter(|passport| {
                passport.verdict == self.verdict && witnesses.count(passport.purpose)
            })
        };
        let attesting = deciding().find(|passport| passport.attest().is_some());
        attesting.or_else(|| deciding().next())
    }

    /// What the PASSporT is worth that asks for keys in return, `msec`: of several the best; `None` if there is none.
    // RFC 8862 §4.4: who receives one "MUST reject the request if there is any failure in that validation process". One whose signer nobody
    // vouches for ([`Fault::SignerUnknown`]) has not failed.
    pub fn msec(&self) -> Option<Verdict> {
        let is_msec = |one: &&PassportReport| one.ppt() == Some(MSEC);
        let verdicts = || {
            let asking = self.passports.iter().filter(is_msec);
            asking.map(|one| one.verdict)
        };
        let not_validated = || verdicts().find(|one| one.not_validated().is_some());
        let passed = verdicts().find(|one| *one == Verdict::Passed);
        passed.or_else(not_validated).or_else(|| verdicts().next())
    }

    /// What is known of the keys that protect the media of the call; `None` if it has none, and none were signed.
    pub fn media(&self) -> Option<MediaStanding> {
        if let Some(answer) = &self.answer {
            return Some(answer.media).filter(|media| *media != MediaStanding::NoKeys);
        }
        let is_bound = |one: &PassportReport| {
            let media = one.check(Check::Media);
            // Who signed with a key of their own has signed the keys.
            let is_good = one.verdict == Verdict::Passed
                || (one.verdict == Verdict::NotValidated(Fault::SignerUnknown)
                    && one.check(Check::Signature).outcome == Outcome::Passed);
            is_good && media.outcome == Outcome::Passed && *media.evidence != Evidence::NotSigned
        };
        let outcomes = || {
            let passports = self.passports.iter();
            passports.map(|one| one.check(Check::Media).outcome)
        };
        if self.passports.iter().any(is_bound) {
            return Some(MediaStanding::Bound);
        }
        let mismatch = Outcome::Failed(Fault::MediaKeysMismatch);
        match outcomes().any(|one| one == mismatch) {
            true => Some(MediaStanding::Mismatch),
            false => outcomes()
                .any(|one| one != Outcome::Skipped)
                .then_some(MediaStanding::NotSigned),
        }
    }

    /// What follows from it beyond the verdict; `None` if nothing does, as for the usual call.
    pub fn consequences(&self) -> Option<Box<Consequences>> {
        if self.answer.is_some() {
            return None;
        }
        let honoured = priority::honoured(&self.passports);
        let consequences = Consequences {
            caller: rich::caller::proven(self.verdict, &self.passports),
            honoured: honoured.values,
            callback: honoured.callback,
            priority: honoured.signed,
            complaints: self.complaints(),
        };
        (consequences != Consequences::default()).then(|| Box::new(consequences))
    }

    /// The PASSporTs with an error of their own, not what we were not set up or not in time for. Whoever signed a good PASSporT is not
    /// blamed for another's; but who signed one with a bad one inside has signed that.
    pub fn erring(&self) -> impl Iterator<Item = (&PassportReport, Fault)> {
        let each = self.passports.iter().enumerate();
        each.filter_map(|(at, passport)| Some((passport, self.error_of(at)?)))
    }

    fn error_of(&self, at: usize) -> Option<Fault> {
        let passport = self.passports.get(at)?;
        let fault = passport.verdict.fault()?;
        let is_theirs = match passport.is_anothers(fault) {
            true => self.has_an_error_inside(at),
            false => !passport.is_ours(fault),
        };
        is_theirs.then_some(fault)
    }

    /// Whether one that is inside of it has an error. Those that are inside stand behind it.
    fn has_an_error_inside(&self, at: usize) -> bool {
        let behind = self.passports.iter().enumerate().skip(at.saturating_add(1));
        let is_inside = |passport: &PassportReport| {
            let chain = passport.chain.as_ref();
            chain.is_some_and(|chain| chain.nested_in == Some(at))
        };
        let mut inside = behind.filter(|(_, passport)| is_inside(passport));
        inside.any(|(inner, _)| self.error_of(inner).is_some())
    }

    /// One for each Identity header with an error of its own.
    pub fn complaints(&self) -> Vec<Complaint> {
        let is_header = |passport: &PassportReport| {
            let chain = passport.chain.as_ref();
            chain.is_none_or(|chain| chain.nested_in.is_none())
        };
        let headers = self.erring().filter(|(passport, _)| is_header(passport));
        headers
            .map(|(passport, fault)| Complaint {
                code: fault.code(),
                ppi: passport.compact(),
            })
            .collect()
    }

    /// The claims of one of its PASSporTs that may be told as verified, as JSON: all of one that is proven, but the rich call data that is
    /// altered, was not examined, or is about a number that nobody assures. `None` if there is nothing to tell.
    pub fn valid_claims<'r>(&'r self, passport: &'r PassportReport) -> Option<Cow<'r, str>> {
        rich::caller::claims(passport, &self.passports)
    }

    /// The verdict in words, with the evidence; `None` if there is nothing to say beyond the verdict.
    pub fn detail(&self) -> Option<String> {
        let fault = self.verdict.fault()?;
        let check = self
            .deciding()
            .and_then(|passport| passport.check_of(fault));
        check
            .and_then(|result| result.detail())
            .or_else(|| Some(fault.to_string()))
    }
}

/// Whose faults are faults of the call's proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Witnesses {
    /// Those who say who was reached.
    Answerers,
    /// Those who speak for the caller.
    Callers,
    /// There are none of these, but some who say that the call was diverted.
    Diverters,
}

impl Witnesses {
    fn of(passports: &[PassportReport]) -> Self {
        let is_caller = |passport: &PassportReport| passport.purpose == Purpose::Caller;
        match passports.iter().any(is_caller) {
            true => Self::Callers,
            false => Self::Diverters,
        }
    }

    const fn count(self, purpose: Purpose) -> bool {
        match (self, purpose) {
            (Self::Answerers, purpose) => matches!(purpose, Purpose::Answer),
            (_, Purpose::Caller | Purpose::Unsupported) => true,
            (_, Purpose::Diversion) => matches!(self, Self::Diverters),
            (_, Purpose::Answer | Purpose::Priority | Purpose::RichData) => false,
        }
    }
}

/// One code for several PASSporTs.
fn common_code(passports: &[PassportReport], witnesses: Witnesses, order: Order) -> Option<Code> {
    let codes = || {
        passports
            .iter()
            .filter(|passport| witnesses.count(passport.purpose))
            .filter_map(|passport| passport.verdict.fault())
            .map(Fault::code)
    };
    let first = codes().next()?;
    if codes().all(|code| code == first) {
        return Some(first);
    }
    // RFC 8224 §6.2.2: "this response code should only be sent when the verification service is unable to dereference the URIs
    // and/or acquire the credentials associated with all Identity header fields in the request." It is not all of them.
    codes()
        .filter(|code| *code != Code::BadIdentityInfo)
        .min_by_key(|code| order.rank(*code))
}

/// Longest signature that names a PASSporT, in characters of base64url: one of a 4096-bit key. ES256 makes 86.
const MAX_COMPACT_SIGNATURE: usize = 684;

/// The examination of one PASSporT.
#[derive(Clone, Debug)]
pub struct PassportReport {
    /// What it is there for.
    pub purpose: Purpose,
    /// What it is worth. [`Verdict::Unsigned`] if its type is not supported, so that it counts as if it were not there.
    pub verdict: Verdict,
    /// The token, as far as it could be read.
    pub token: Token,
    /// Which header spoke for the caller, if it agreed with the token.
    pub orig_from: Option<OrigSource>,
    /// Which part of the request named the called party that the token names, too.
    pub dest_from: Option<DestSource>,
    /// Who signed, if the certificate leads to an anchor.
    pub signer: Option<SignerReport>,
    /// What is known of its rich call data, if it has such.
    pub rich: Option<Box<RichReport>>,
    /// What of the call's priority it speaks of, if it is about that.
    pub priority: Option<Box<PriorityReport>>,
    /// What the replay memory knows, if it was asked.
    pub sighting: Option<Sighting>,
    /// Where it stands in a chain of diversions, if it is in one.
    pub chain: Option<Box<ChainReport>>,
    /// What is to be known of it beside its verdict; nothing of the usual one.
    pub flag: Option<Flag>,
    /// What else the compact form may be of.
    pub(super) with_card: Option<Box<WithCard>>,
    /// Every check in order.
    pub checks: Checks,
}

/// What the compact form of rich call data may be of, too: the same PASSporT with the card that the call shows.
#[derive(Clone, Debug)]
pub(super) struct WithCard {
    pub(super) passport: SignedPassport,
    pub(super) rich: Box<RichReport>,
    /// What is wrong with its claims.
    pub(super) fault: Option<Fault>,
}

/// A token in the state in which the examination left it.
#[derive(Clone, Debug)]
pub enum Token {
    /// There is none: the Identity header has no form.
    None,
    /// Header and claims were read; nothing is believed.
    Opened(SignedPassport),
    /// Proven.
    Proven(VerifiedPassport),
    /// Only the header could be read.
    Sealed(Envelope),
    /// Nothing could be read.
    Unread(Box<str>),
}

/// Who signed.
#[derive(Clone, Debug)]
pub struct SignerReport {
    /// The path of the signer's certificate.
    pub path: Arc<VerifiedPath>,
    /// Whether the path covers the caller; `None` if that was not looked at.
    pub coverage: Option<Coverage>,
    /// What the number authority said that the coverage rests on, if it was asked.
    pub number_authority: Option<ProviderWord>,
}

/// What a number authority said of a provider and the caller's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderWord {
    /// The provider.
    pub provider: ServiceProviderCode,
    /// Whether the number is the provider's, and how old that knowledge is.
    pub word: NumberAuthority,
}

impl SignerReport {
    /// The subject of the certificate.
    pub fn subject(&self) -> &str {
        self.path.subject()
    }

    /// The provider that the certificate names: the one that coverage rests on, else the first.
    pub fn spc(&self) -> Option<&ServiceProviderCode> {
        match (&self.number_authority, &self.coverage) {
            (Some(asked), _) => Some(&asked.provider),
            (None, Some(Coverage::ByProvider(code))) => Some(code),
            _ => self.path.providers().first(),
        }
    }
}

impl Token {
    /// The token as received; empty if there is none.
    pub fn as_str(&self) -> &str {
        match self {
            Self::None => "",
            Self::Opened(passport) => passport.token(),
            Self::Proven(proven) => proven.passport().token(),
            Self::Sealed(envelope) => envelope.token(),
            Self::Unread(token) => token,
        }
    }

    /// What may be believed, if it is proven.
    pub fn proven(&self) -> Option<&VerifiedPassport> {
        match self {
            Self::Proven(proven) => Some(proven),
            _ => None,
        }
    }

    /// The PASSporT, believed or not.
    pub fn passport(&self) -> Option<&SignedPassport> {
        match self {
            Self::Opened(passport) => Some(passport),
            Self::Proven(proven) => Some(proven.passport()),
            Self::None | Self::Sealed(_) | Self::Unread(_) => None,
        }
    }

    /// What was signed, and the signature, as far as there are such.
    pub(super) fn signed(&self) -> Option<(&str, &Signature)> {
        match self {
            Self::Opened(passport) => Some((passport.signing_input(), passport.signature())),
            Self::Sealed(envelope) => Some((envelope.signing_input(), envelope.signature().ok()?)),
            Self::None | Self::Proven(_) | Self::Unread(_) => None,
        }
    }

    fn header(&self) -> Option<&crate::passport::Header> {
        match self {
            Self::Sealed(envelope) => Some(envelope.header()),
            other => other.passport().map(SignedPassport::header),
        }
    }
}

impl PassportReport {
    /// Of a token that nothing is known about yet.
    pub(super) fn new(token: Token, purpose: Purpose) -> Self {
        Self {
            purpose,
            verdict: Verdict::Unsigned,
            token,
            orig_from: None,
            dest_from: None,
            signer: None,
            rich: None,
            priority: None,
            sighting: None,
            chain: None,
            flag: None,
            with_card: None,
            checks: Checks::none(),
        }
    }

    /// The check that found `fault`.
    pub fn check_of(&self, fault: Fault) -> Option<CheckResult<'_>> {
        self.checks
            .iter()
            .find(|result| result.outcome.fault() == Some(fault))
    }

    /// One check.
    pub fn check(&self, check: Check) -> CheckResult<'_> {
        self.checks.get(check)
    }

    /// The verdict in words, with the evidence; `None` if there is nothing to say beyond the verdict.
    pub fn detail(&self) -> Option<String> {
        self.check_of(self.verdict.fault()?)
            .and_then(|result| result.detail())
    }

    /// Whether a fault of it says something of us, or of whom we asked, and nothing of the signer: what policy does not name, what we had no
    /// time for or did not fetch, what authorities do not know, whom the call does not name.
    fn is_ours(&self, fault: Fault) -> bool {
        match fault {
            Fault::CalledPartyUnknown
            | Fault::CallerUnknown
            | Fault::DeadlineExpired
            | Fault::NoTrustDomain
            | Fault::NotExamined
            | Fault::NumberAuthorityStale
            | Fault::NumberAuthorityUnavailable
            | Fault::NumberAuthorityUnknown
            | Fault::PriorityAuthorityUnknown
            | Fault::RevocationUnknown
            | Fault::RichSignerUntrusted
            | Fault::ScopeUnconfirmed
            | Fault::SignerUnknown
            | Fault::StatusUnavailable => true,
            Fault::CertificateUnavailable => self.is_unasked(fault),
            // Lists by reference are not fetched for priority.
            Fault::TnAuthListUnavailable => {
                self.purpose == Purpose::Priority || self.is_unasked(fault)
            }
            _ => false,
        }
    }

    /// Whether what could not be had was not asked for.
    fn is_unasked(&self, fault: Fault) -> bool {
        let evidence = self.check_of(fault).map(|found| found.evidence);
        let why = match evidence {
            Some(Evidence::ListUnavailable(both)) => both.1,
            Some(Evidence::Unavailable(why)) => *why,
            _ => return false,
        };
        matches!(why, Unavailable::Offline | Unavailable::Overloaded)
    }

    /// Whether a fault of it says something of those that it is in a chain with, and nothing of itself.
    fn is_anothers(&self, fault: Fault) -> bool {
        match fault {
            Fault::ChainBroken | Fault::ChainUnclear | Fault::ChainUnproven => true,
            // What is missing was to refer to it.
            Fault::ChainIncomplete => self.purpose != Purpose::Diversion,
            _ => false,
        }
    }

    /// The token in compact form, two dots and the signature: what names it to its signer. `None` if it has no signature.
    // RFC 9410 §5: the "ppi" parameter; its compact form is that of RFC 8225 §7.
    pub fn compact(&self) -> Option<Box<str>> {
        let (_, signature) = self.token.as_str().rsplit_once('.')?;
        let is_signature = !signature.is_empty()
            && signature.len() <= MAX_COMPACT_SIGNATURE
            && signature
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_signature.then(|| format!("..{signature}").into())
    }

    /// The token's `ppt`.
    pub fn ppt(&self) -> Option<&str> {
        self.token.header().and_then(|header| header.ppt.as_deref())
    }

    /// The token's `x5u`.
    pub fn x5u(&self) -> Option<&str> {
        self.token.header().and_then(|header| header.x5u.as_deref())
    }

    /// The certificates in the token's header, as it has them; `None` if it has none.
    pub fn x5c(&self) -> Option<&X5c> {
        self.token.header()?.x5c.as_deref()
    }

    /// The token's claims; believed only if [`Token::proven`].
    pub fn claims(&self) -> Option<&Claims> {
        self.token.passport().map(SignedPassport::claims)
    }

    /// The caller that the token names. Never the caller of the call, which the signalling names.
    pub fn orig(&self) -> Option<&Orig> {
        self.claims().map(|claims| &claims.orig)
    }

    /// The called parties that the token names.
    pub fn dest(&self) -> Option<&Dest> {
        self.claims().map(|claims| &claims.dest)
    }

    /// When the token says the call originated.
    pub fn iat(&self) -> Option<UnixTime> {
        self.claims().map(|claims| claims.iat)
    }

    /// SHA-256 of the SubjectPublicKeyInfo of the signer, if an anchor vouches for it.
    pub fn key_digest(&self) -> Option<[u8; 32]> {
        Some(self.signer.as_ref()?.path.key_digest())
    }

    /// How firmly the signer attests.
    pub fn attest(&self) -> Option<Attestation> {
        match self.claims()?.extension {
            Extension::Shaken(shaken) => Some(shaken.attest),
            _ => None,
        }
    }

    /// The signer's word for where the call entered.
    pub fn origid(&self) -> Option<OrigId> {
        match self.claims()?.extension {
            Extension::Shaken(shaken) => Some(shaken.origid),
            _ => None,
        }
    }
}
