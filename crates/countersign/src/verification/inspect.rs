//! The stages that need nothing but the token and the call: inspect, match, freshness.
//!
//! They cost less than a microsecond and no fetch, so within this room every check is made even if one before it failed; what
//! a fault spares is everything behind it: the certificate, the path, the signature.

use super::Malformed;
use super::archive::Archive;
use super::check::{Check, Evidence};
use super::fault::Fault;
use super::findings::Findings;
use super::policy::{
    BasePassport, InfoRequirement, MissingMediaKeys, Serialization, StaleDate, StringIat,
    UnsupportedPpt, VerificationPolicy, X5c, X5cWithoutX5u,
};
use super::priority;
use super::purpose::Purpose;
use super::rebuild::{self, CardOfCall};
use super::report::{PassportReport, Token, WithCard};
use super::rich::construction;
use crate::call::{Call, DateHeader, DestSource};
use crate::certificate::repository_url::RepositoryUrl;
use crate::identity::Identity;
use crate::jose::json::JsonCause;
use crate::jose::jws::ES256;
use crate::passport::{
    Claim, Claims, CompactPassport, Envelope, Extension, Header, HeaderName, IatForm, PASSPORT,
    Part, PassportError, Presented, RSP,
};
use crate::time::UnixTime;

/// What the first stages leave.
pub(super) struct Inspected {
    pub(super) report: PassportReport,
    pub(super) findings: Findings,
    pub(super) support: Support,
}

/// Whether the type of a PASSporT is one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// It is not, so the header counts as if it were not there.
    Ignored,
    /// It is, or policy wants it judged all the same.
    Known,
}

impl Inspected {
    fn known(token: Token, purpose: Purpose, findings: Findings) -> Self {
        Self {
            report: PassportReport::new(token, purpose),
            findings,
            support: Support::Known,
        }
    }

    fn ignored(token: Token, ppt: Option<Box<str>>, mut findings: Findings) -> Self {
        findings.fault(Check::Ppt, Fault::PptUnsupported, text(ppt, None));
        Self {
            report: PassportReport::new(token, Purpose::Unsupported),
            findings,
            support: Support::Ignored,
        }
    }
}

/// What a PASSporT came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// A response, which tells who was reached: nothing else is judged there, but how the call came to them.
    Answer,
    /// A request.
    Request,
}

impl Message {
    /// What a PASSporT is there for of which nothing tells.
    const fn usual(self) -> Purpose {
        match self {
            Self::Answer => Purpose::Answer,
            Self::Request => Purpose::Caller,
        }
    }

    /// What a PASSporT is there for that the parameter beside it announces so.
    fn announced(self, ppt: Option<&str>) -> Purpose {
        match ppt {
            None => self.usual(),
            ppt => Purpose::announced(ppt),
        }
    }

    /// Whether a PASSporT that is there for this counts as if it were not there.
    fn ignores(self, purpose: Purpose, policy: &VerificationPolicy) -> bool {
        match (self, purpose) {
            // RFC 9970 §9: "Any "rsp" PASSporTs received in requests MUST be ignored."
            (Self::Request, Purpose::Answer) => true,
            (Self::Answer, Purpose::Answer | Purpose::Diversion) => false,
            // RFC 9970 §4: "PASSporTs that appear in SIP responses SHOULD use a "ppt" of "rsp""; what another one would prove there is not
            // said (docs/divergences.md).
            (Self::Answer, _) => true,
            (Self::Request, Purpose::Unsupported) => {
                policy.unsupported_ppt == UnsupportedPpt::Ignore
            }
            (Self::Request, _) => false,
        }
    }
}

/// The time that PASSporTs are from. A request was on its way for moments; what an answer brings along may be as old as the request, and a
/// message that was stored as old as its archive takes it.
#[derive(Clone, Copy)]
pub(super) struct When {
    since: UnixTime,
    now: UnixTime,
    /// Seconds that a stored message may be old.
    stored: Option<u32>,
}

impl When {
    /// Of a request, or of a message that was stored in this archive.
    pub(super) fn of(now: UnixTime, archive: Option<&Archive>) -> Self {
        Self {
            since: now,
            now,
            stored: archive.map(Archive::longest_age),
        }
    }

    /// Of what an answer brings along to a request that was sent then.
    pub(super) const fn since(since: UnixTime, now: UnixTime) -> Self {
        Self {
            since,
            now,
            stored: None,
        }
    }

    /// What a time is held against.
    pub(super) fn nearest(self, time: UnixTime) -> UnixTime {
        time.max(self.since).min(self.now)
    }

    /// How many seconds it may be old that may be so many anywhere else.
    // RFC 9475 §3.2: "the expiry freshness window recommended by [RFC8224] may be too strict, as routine behavior might dictate the delivery
    // of a MESSAGE minutes or hours after it was sent."
    pub(super) fn window(self, usual: u32) -> u32 {
        self.stored.map_or(usual, |longest| longest.max(usual))
    }
}

/// Whether a PASSporT is announced as one that no request has.
pub(super) fn is_announced_as_answer(presented: &Presented) -> bool {
    let ppt = presented.ppt.as_deref();
    ppt.is_some_and(|ppt| ppt.eq_ignore_ascii_case(RSP))
}

/// Inspects a presented PASSporT; the call is looked at only for what a compact form is rebuilt from, and what it would show.
pub(super) fn inspect(
    presented: Result<Presented, Malformed>,
    call: &Call,
    policy: &VerificationPolicy,
    message: Message,
) -> Inspected {
    let mut findings = Findings::new();
    let mut presented = match presented {
        Ok(presented) => presented,
        Err(malformed) => {
            let evidence = Evidence::Malformed(malformed);
            findings.fault(Check::Header, malformed.fault(), evidence);
            return Inspected::known(Token::None, message.usual(), findings);
        }
    };
    findings.pass(Check::Header);
    if message == Message::Request && is_announced_as_answer(&presented) {
        return Inspected::ignored(Token::Unread(presented.token), presented.ppt, findings);
    }
    let mut with_card = None;
    let envelope = match Envelope::take(std::mem::take(&mut presented.token)) {
        Ok(envelope) => envelope,
        Err((token, PassportError::CompactForm)) if may_be_compact(&presented, policy, message) => {
            match rebuild(&token, &presented, call) {
                Ok(envelope) => {
                    findings.pass_with(Check::Token, Evidence::Rebuilt);
                    with_card = rebuild_with_card(&token, &presented, call, policy);
                    envelope
                }
                Err((check, fault, evidence)) => {
                    findings.fault(check, fault, evidence);
                    let purpose = Purpose::announced(presented.ppt.as_deref());
                    return Inspected::known(Token::Unread(token), purpose, findings);
                }
            }
        }
        Err((token, error)) => {
            let purpose = message.announced(presented.ppt.as_deref());
            if message.ignores(purpose, policy) {
                return Inspected::ignored(Token::Unread(token), presented.ppt, findings);
            }
            passport_fault(error, &mut findings);
            return Inspected::known(Token::Unread(token), purpose, findings);
        }
    };
    findings.pass(Check::Token);
    if is_ignored(&presented, &envelope, policy, message) {
        let ppt = envelope.header().ppt.clone();
        return Inspected::ignored(Token::Sealed(envelope), ppt, findings);
    }
    judge_header(&presented, envelope.header(), policy, &mut findings);
    let mut inspected = open(envelope, call, policy, findings);
    inspected.report.with_card = with_card;
    inspected
}

/// Reads the claims of a token whose header is judged.
fn open(
    envelope: Envelope,
    call: &Call,
    policy: &VerificationPolicy,
    mut findings: Findings,
) -> Inspected {
    let iat_form = match policy.string_iat {
        StringIat::Lenient => IatForm::IntegerOrString,
        StringIat::Refuse => IatForm::Integer,
    };
    let passport = match envelope.open(iat_form) {
        Ok(passport) => passport,
        Err(unopened) => {
            passport_fault(unopened.error, &mut findings);
            let purpose = Purpose::of_ppt(unopened.envelope.header().ppt.as_deref());
            return Inspected::known(Token::Sealed(unopened.envelope), purpose, findings);
        }
    };
    findings.pass(Check::Claims);
    judge_serialization(passport.is_canonical(), policy, &mut findings);
    let claims = passport.claims();
    let purpose = Purpose::of(claims);
    let rich = claims
        .rich
        .as_deref()
        .map(|rich| construction::judge(rich, &call.presentation, &policy.rich, &mut findings));
    let priority = match &claims.extension {
        Extension::Rph(rph) => Some(priority::judge(rph, claims, call, &mut findings)),
        _ => None,
    };
    Inspected {
        report: PassportReport {
            rich,
            priority,
            ..PassportReport::new(Token::Opened(passport), purpose)
        },
        findings,
        support: Support::Known,
    }
}

/// Compares a PASSporT with its call and its time, as one that is in no chain.
pub(super) fn compare(
    inspected: &mut Inspected,
    call: &Call,
    policy: &VerificationPolicy,
    when: When,
) {
    let Inspected {
        report,
        findings,
        support,
    } = inspected;
    if *support == Support::Ignored {
        return;
    }
    let Some(passport) = report.token.passport() else {
        return;
    };
    let claims = passport.claims();
    let orig_from = match_orig(claims, call, findings);
    let dest_from = match_dest(claims, &call.dest, findings);
    judge_freshness(claims, call.date, policy, policy.freshness, when, findings);
    judge_media(claims, call, policy, findings);
    report.orig_from = orig_from;
    report.dest_from = dest_from;
}

// RFC 8588 §3: "The use of the compact form of PASSporT is not specified in this document", so for shaken it is wrong. RFC 8946 §3:
// ""div" PASSporTs MUST use full form instead of compact form." RFC 8443 §4: nothing of the signalling tells all that it asserts.
// An answer has nothing that it could be rebuilt from.
fn may_be_compact(presented: &Presented, policy: &VerificationPolicy, message: Message) -> bool {
    match presented.ppt.as_deref() {
        _ if message == Message::Answer => false,
        None => policy.base_passport == BasePassport::Accept,
        Some(_) => Purpose::announced(presented.ppt.as_deref()) == Purpose::RichData,
    }
}

/// The full form of a token in compact form, as the signalling has it.
fn rebuild(
    token: &str,
    presented: &Presented,
    call: &Call,
) -> Result<Envelope, (Check, Fault, Evidence)> {
    if let Err(error) = CompactPassport::parse(token) {
        let (check, fault) = place(&error);
        return Err((check, fault, Evidence::Passport(Box::new(error))));
    }
    if presented.info.is_none() {
        return Err((Check::Info, Fault::InfoMissing, Evidence::Nothing));
    }
    let not_rebuilt = || (Check::Token, Fault::CompactNotRebuilt, Evidence::Nothing);
    full(token, presented, call, CardOfCall::LeftOut).ok_or_else(not_rebuilt)
}

fn full(token: &str, presented: &Presented, call: &Call, card: CardOfCall) -> Option<Envelope> {
    let mut full = rebuild::signing_input(presented, call, card)?;
    full.push_str(token.trim_start_matches('.'));
    Envelope::take(full.into()).ok()
}

/// The same with the card that the call shows, should the signature fit that instead.
fn rebuild_with_card(
    token: &str,
    presented: &Presented,
    call: &Call,
    policy: &VerificationPolicy,
) -> Option<Box<WithCard>> {
    let envelope = full(token, presented, call, CardOfCall::Taken)?;
    let passport = envelope.open(IatForm::Integer).ok()?;
    let claims = passport.claims().rich.as_deref()?;
    let mut findings = Findings::new();
    let rich = construction::judge(claims, &call.presentation, &policy.rich, &mut findings);
    let verdict = findings.verdict(policy.order);
    Some(Box::new(WithCard {
        fault: verdict.fault().filter(|_| findings.has_failed()),
        passport,
        rich,
    }))
}

// RFC 8224 §6.2: "If a "ppt" parameter value is present and the verifier does not support it, it MUST ignore the Identity header
// field." A parameter that contradicts the token is not such a header, but a broken one (docs/divergences.md).
fn is_ignored(
    presented: &Presented,
    envelope: &Envelope,
    policy: &VerificationPolicy,
    message: Message,
) -> bool {
    let header = envelope.header();
    message.ignores(Purpose::of_ppt(header.ppt.as_deref()), policy) && ppt_agrees(presented, header)
}

/// Whether the parameter says what the token says, or nothing. Tokens of SIP parameters are compared without regard to case:
/// RFC 3261 §7.3.1.
fn ppt_agrees(presented: &Presented, header: &Header) -> bool {
    match (&presented.ppt, &header.ppt) {
        (Some(beside), Some(inside)) => beside.eq_ignore_ascii_case(inside),
        (beside, _) => beside.is_none(),
    }
}

fn text(inside: Option<Box<str>>, beside: Option<Box<str>>) -> Evidence {
    Evidence::Text(Box::new((inside.unwrap_or_default(), beside)))
}

fn judge_header(
    presented: &Presented,
    header: &Header,
    policy: &VerificationPolicy,
    findings: &mut Findings,
) {
    // RFC 8224 §4.1: "the JSON "typ" key MUST have the value "passport"."
    if &*header.typ == PASSPORT {
        findings.pass(Check::Typ);
    } else {
        let evidence = text(Some(header.typ.clone()), None);
        findings.fault(Check::Typ, Fault::TypInvalid, evidence);
    }
    // RFC 8224 §4.1: "the JSON "alg" MUST mirror the value of the optional "alg" parameter in the SIP Identity header field.
    // Note that if the "alg" parameter is absent from the Identity header, the default value is "ES256"."
    let mirrored = presented.alg.as_deref().unwrap_or(ES256);
    if &*header.alg != ES256 {
        let evidence = text(Some(header.alg.clone()), presented.alg.clone());
        findings.fault(Check::Alg, Fault::AlgUnsupported, evidence);
    } else if !mirrored.eq_ignore_ascii_case(ES256) {
        let evidence = text(Some(header.alg.clone()), presented.alg.clone());
        findings.fault(Check::Alg, Fault::AlgMismatch, evidence);
    } else {
        findings.pass(Check::Alg);
    }
    judge_ppt(presented, header, policy, findings);
    judge_x5u(presented, header, policy, findings);
}

// RFC 8224 §4.1: "if a PASSporT extension is in use, then the optional JSON key "ppt" MUST be present and have a value equivalent
// to the quoted value of the "ppt" parameter of the Identity header field." Signers leave the parameter out; then the token's
// own word counts.
fn judge_ppt(
    presented: &Presented,
    header: &Header,
    policy: &VerificationPolicy,
    findings: &mut Findings,
) {
    let evidence = || text(header.ppt.clone(), presented.ppt.clone());
    let agrees = ppt_agrees(presented, header);
    match header.ppt.as_deref() {
        _ if !agrees => findings.fault(Check::Ppt, Fault::PptMismatch, evidence()),
        // RFC 8225 §8.1: "Relying parties MUST fail to validate PASSporT objects containing an unsupported "ppt"."
        Some(ppt) if Purpose::of_ppt(Some(ppt)) == Purpose::Unsupported => {
            findings.fault(Check::Ppt, Fault::PptUnsupported, evidence());
        }
        Some(_) => findings.pass(Check::Ppt),
        None if policy.base_passport == BasePassport::Refuse => {
            findings.fault(Check::Ppt, Fault::PptMissing, Evidence::Nothing);
        }
        None => findings.pass(Check::Ppt),
    }
}

// RFC 8224 §4.1: "the JSON key "x5u" MUST have a value equivalent to the quoted URI in the "info" parameter, per the simple string
// comparison rules of [RFC3986], Section 6.2.1."
fn judge_x5u(
    presented: &Presented,
    header: &Header,
    policy: &VerificationPolicy,
    findings: &mut Findings,
) {
    match &header.x5u {
        // There is nothing that info could agree with either.
        None if is_complete_without_x5u(header, policy) => {
            return findings.pass_with(Check::X5u, Evidence::InToken);
        }
        None => findings.fault(Check::X5u, Fault::X5uMissing, Evidence::Nothing),
        Some(x5u) => match RepositoryUrl::judge(x5u, &policy.port_exceptions) {
            Ok(_) => findings.pass(Check::X5u),
            Err(fault) => findings.fault(Check::X5u, Fault::X5uInvalid, Evidence::Url(fault)),
        },
    }
    match (&presented.info, &header.x5u) {
        (None, _) if policy.info == InfoRequirement::Optional => {}
        (None, _) => findings.fault(Check::Info, Fault::InfoMissing, Evidence::Nothing),
        (Some(info), Some(x5u)) if info == x5u => findings.pass(Check::Info),
        (Some(info), x5u) => {
            let evidence = text(x5u.clone(), Some(info.clone()));
            findings.fault(Check::Info, Fault::InfoMismatch, evidence);
        }
    }
}

// RFC 8224 §4.1 wants an x5u whatever else there is; RFC 9060 §7 lets a token have "x5c" without saying what becomes of info.
fn is_complete_without_x5u(header: &Header, policy: &VerificationPolicy) -> bool {
    header.x5c.is_some()
        && policy.x5c == X5c::Auto
        && policy.x5c_without_x5u == X5cWithoutX5u::Accept
}

/// RFC 8225 §9 is for signers; whoever reads judges the bytes received, and may insist.
fn judge_serialization(canonical: bool, policy: &VerificationPolicy, findings: &mut Findings) {
    match (canonical, policy.serialization) {
        (true, _) => findings.pass(Check::Serialization),
        (false, Serialization::AsReceived) => {
            findings.pass_with(Check::Serialization, Evidence::NotCanonical);
        }
        (false, Serialization::Strict) => {
            let fault = Fault::SerializationNotCanonical;
            findings.fault(Check::Serialization, fault, Evidence::NotCanonical);
        }
    }
}

// RFC 8224 §6.2.4: "the verification service MUST NOT treat the value in the "orig" of a full-form PASSporT as the originating
// identity of the call: the originating identity of the call is always derived from the SIP signaling"
pub(super) fn match_orig(
    claims: &Claims,
    call: &Call,
    findings: &mut Findings,
) -> Option<crate::call::OrigSource> {
    match &call.orig {
        Some(caller) if *caller == claims.orig => {
            findings.pass_with(Check::Orig, Evidence::OrigFrom(call.orig_from));
            Some(call.orig_from)
        }
        // Who says that they do not say who they are does not say that they are somebody else.
        Some(caller) if caller.is_anonymous() => {
            findings.fault(Check::Orig, Fault::CallerUnknown, Evidence::Nothing);
            None
        }
        Some(caller) => {
            let both = Box::new((claims.orig.clone(), caller.clone()));
            findings.fault(
                Check::Orig,
                Fault::OrigMismatch,
                Evidence::OrigDiffers(both),
            );
            None
        }
        None => {
            findings.fault(Check::Orig, Fault::CallerUnknown, Evidence::Nothing);
            None
        }
    }
}

/// The called parties in their order; the first one that the token names, too, is the evidence.
pub(super) fn match_dest(
    claims: &Claims,
    called: &[(Identity, DestSource)],
    findings: &mut Findings,
) -> Option<DestSource> {
    if called.is_empty() {
        findings.fault(Check::Dest, Fault::CalledPartyUnknown, Evidence::Nothing);
        return None;
    }
    let mut named = called
        .iter()
        .filter(|(called, _)| claims.dest.contains(called));
    match named.next() {
        Some((_, source)) => {
            findings.pass_with(Check::Dest, Evidence::DestFrom(*source));
            Some(*source)
        }
        None => {
            let called = called.iter().map(|(called, _)| called.clone()).collect();
            let both = Box::new((claims.dest.clone(), called));
            findings.fault(
                Check::Dest,
                Fault::DestMismatch,
                Evidence::DestDiffers(both),
            );
            None
        }
    }
}

// RFC 8224 §6.2 Step 4: "The verifier furthermore ensures that the value of the Date header field of the request meets local
// policy for freshness (sixty seconds is RECOMMENDED) [...] If the two are different, and the "iat" value differs from the Date
// header field value but remains within verification service policy for freshness, the verification service SHOULD perform the
// computation required by Step 5, using the "iat" value instead of the Date header field value."
pub(super) fn judge_freshness(
    claims: &Claims,
    date: DateHeader,
    policy: &VerificationPolicy,
    window: u32,
    when: When,
    findings: &mut Findings,
) {
    let now = when.nearest(claims.iat);
    let times = |claimed| Evidence::Times { claimed, now };
    let within = |time: UnixTime, window: u32| now.abs_diff(time) <= u64::from(window);
    // The Date of a message that was stored is as old as the message.
    let fresh = |time: UnixTime| {
        let sent = when.stored.map_or(now, |_| claims.iat.min(now));
        sent.abs_diff(time) <= u64::from(policy.freshness)
    };
    // A diverted call has been on its way for long; none has come from the future.
    let window = match claims.iat > now {
        true => policy.freshness,
        false => window,
    };
    if within(claims.iat, window) {
        findings.pass(Check::Iat);
    } else if claims.iat > now {
        findings.fault(Check::Iat, Fault::IatInFuture, times(claims.iat));
    } else if within(claims.iat, when.window(window)) {
        findings.pass_with(Check::Iat, times(claims.iat));
    } else {
        findings.fault(Check::Iat, Fault::IatStale, times(claims.iat));
    }
    match (date, policy.stale_date) {
        (DateHeader::Absent | DateHeader::Unusable, _) => {}
        (DateHeader::At(date), _) if fresh(date) => findings.pass(Check::Date),
        (DateHeader::At(date), StaleDate::TrustIat) => {
            findings.pass_with(Check::Date, times(date));
        }
        (DateHeader::At(date), StaleDate::Refuse) => {
            findings.fault(Check::Date, Fault::DateStale, times(date));
        }
    }
}

/// Compares the keys of the media with those that were signed. The usual call has none.
// RFC 8225 §5.2.2 says what they are, and no more; that they are compared is the sense of them. RFC 8224 §4.1: "if that SDP contains one or
// more "a=fingerprint" attributes, then the JSON key "mky" MUST appear" (docs/divergences.md).
pub(super) fn judge_media(
    claims: &Claims,
    call: &Call,
    policy: &VerificationPolicy,
    findings: &mut Findings,
) {
    match (&claims.media_keys, &call.media_keys) {
        (None, None) => {}
        _ if !call.shows_media() => {}
        (Some(signed), Some(there)) if signed == there => findings.pass(Check::Media),
        (Some(_), _) => {
            let fault = Fault::MediaKeysMismatch;
            findings.fault(Check::Media, fault, Evidence::Nothing);
        }
        (None, Some(_)) => match Purpose::of(claims) {
            // What a diversion signs is how the call came here.
            Purpose::Diversion => {}
            _ if is_without_keys(claims, policy) => {
                findings.pass_with(Check::Media, Evidence::NotSigned);
            }
            _ => {
                let fault = Fault::MediaKeysMissing;
                findings.fault(Check::Media, fault, Evidence::NotSigned);
            }
        },
    }
}

/// Whether it need not sign the keys of the media.
// RFC 8862 §4: "Implementations MUST provide key fingerprints in SDP and the appropriate signatures over them as specified in [RFC8225]."
fn is_without_keys(claims: &Claims, policy: &VerificationPolicy) -> bool {
    let may_be = policy.media_keys_missing == MissingMediaKeys::Accept;
    may_be && !matches!(claims.extension, Extension::Msec)
}

/// Notes what is wrong with a token under the check that it belongs to.
fn passport_fault(error: PassportError, findings: &mut Findings) {
    let (check, fault) = place(&error);
    findings.fault(check, fault, Evidence::Passport(Box::new(error)));
}

fn place(error: &PassportError) -> (Check, Fault) {
    use PassportError as E;
    match error {
        E::AttestInvalid => (Check::Claims, Fault::AttestInvalid),
        E::Base64(Part::Signature) | E::SignatureLength(_) => {
            (Check::Signature, Fault::SignatureMalformed)
        }
        E::Base64(_) | E::NotThreeParts => (Check::Token, Fault::PassportMalformed),
        E::ClaimMissing(claim) => (Check::Claims, claim_missing(*claim)),
        E::ClaimNameNotAscii => (Check::Claims, Fault::ClaimsMalformed),
        E::ClaimShape(claim)
        | E::IdentityType(claim)
        | E::TnNotCanonical(claim)
        | E::UriMalformed(claim) => (Check::Claims, claim_invalid(*claim)),
        E::CompactForm => (Check::Token, Fault::CompactForm),
        E::CriticalHeader => (Check::Token, Fault::CritUnsupported),
        E::DestEmpty | E::DestNotArray => (Check::Claims, Fault::DestInvalid),
        E::ClaimTooLarge(_) | E::DestTooMany => (Check::Claims, Fault::BeyondLimits),
        E::DuplicateMember(Part::Payload) => (Check::Claims, Fault::DuplicateMember),
        E::DuplicateMember(_) => (Check::Token, Fault::DuplicateMember),
        E::HeaderMissing(HeaderName::Alg) => (Check::Alg, Fault::AlgMissing),
        E::HeaderMissing(HeaderName::Ppt) => (Check::Ppt, Fault::PptMissing),
        E::HeaderMissing(HeaderName::Typ) => (Check::Typ, Fault::TypMissing),
        E::HeaderMissing(HeaderName::X5u) => (Check::X5u, Fault::X5uMissing),
        E::HeaderShape(_) => (Check::Token, Fault::HeaderMalformed),
        E::IatNotInteger => (Check::Claims, Fault::IatInvalid),
        E::Json(part, error) if is_beyond_limits(error.cause) => match part {
            Part::Payload => (Check::Claims, Fault::BeyondLimits),
            Part::Header | Part::Signature => (Check::Token, Fault::BeyondLimits),
        },
        E::Json(Part::Payload, _) | E::NotAnObject(Part::Payload) => {
            (Check::Claims, Fault::ClaimsMalformed)
        }
        E::Json(..) | E::NotAnObject(_) => (Check::Token, Fault::HeaderMalformed),
        E::OrigIdInvalid => (Check::Claims, Fault::OrigidInvalid),
        E::OrigNotOne => (Check::Claims, Fault::OrigInvalid),
        E::TooLong => (Check::Token, Fault::BeyondLimits),
        E::UnsupportedAlg(_) => (Check::Alg, Fault::AlgUnsupported),
        E::UnsupportedPpt(_) => (Check::Ppt, Fault::PptUnsupported),
    }
}

/// Limits of ours that no RFC knows: such a text may well be JSON.
const fn is_beyond_limits(cause: JsonCause) -> bool {
    matches!(cause, JsonCause::Depth | JsonCause::TooLong)
}

const fn claim_missing(claim: Claim) -> Fault {
    match claim {
        Claim::Attest => Fault::AttestMissing,
        Claim::Crn | Claim::Iss | Claim::Rcd | Claim::Rcdi => Fault::RichDataMissing,
        Claim::Dest => Fault::DestMissing,
        Claim::Div | Claim::Opt => Fault::DivMissing,
        Claim::Iat => Fault::IatMissing,
        Claim::Mky => Fault::MediaKeysInvalid,
        Claim::Orig => Fault::OrigMissing,
        Claim::OrigId => Fault::OrigidMissing,
        Claim::Rph | Claim::Sph => Fault::PriorityMissing,
    }
}

const fn claim_invalid(claim: Claim) -> Fault {
    match claim {
        Claim::Attest => Fault::AttestInvalid,
        Claim::Crn | Claim::Iss | Claim::Rcd | Claim::Rcdi => Fault::RichDataInvalid,
        Claim::Dest => Fault::DestInvalid,
        Claim::Div | Claim::Opt => Fault::DivInvalid,
        Claim::Iat => Fault::IatInvalid,
        Claim::Mky => Fault::MediaKeysInvalid,
        Claim::Orig => Fault::OrigInvalid,
        Claim::OrigId => Fault::OrigidInvalid,
        Claim::Rph | Claim::Sph => Fault::PriorityInvalid,
    }
}
