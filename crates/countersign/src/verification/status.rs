//! Whether the certificate of a signer is still good, and still for the number that the token speaks for: by the staple that the token
//! brings along or, where the trust domain wants it, by asking a responder. [RFC 8226 §10](https://www.rfc-editor.org/rfc/rfc8226#section-10).
//!
//! A staple is judged as soon as the path is proven. Nobody is asked before everything else has passed: a question tells who calls.

use super::check::{Check, Evidence};
use super::fault::Fault;
use super::freshness::{FreshnessEvidence, Told};
use super::need::{Answer, NeedId, NeedKind, Unavailable};
use super::proof::Bench;
use super::scope::Asking;
use crate::certificate::access::Access;
use crate::certificate::crl::Entry;
use crate::certificate::ocsp::judge::{Known, Question, judge};
use crate::certificate::ocsp::{
    Asked, CertId, HashForm, NO_CHECK, OcspRequest, OcspResponse, Standing,
};
use crate::certificate::{Certificate, CertificateChain, Coverage};
use crate::identity::Identity;
use crate::number::TelephoneNumber;
use crate::passport::Staple;
use crate::time::UnixTime;
use crate::trust::revocation::Status;
use crate::trust::{FreshnessMode, MissingStatus, ScopeUnknown};
use std::sync::Arc;

/// A question that may have to be asked, once all else is known.
pub(super) struct Inquiry {
    url: Box<str>,
    request: Box<[u8]>,
    chain: Arc<CertificateChain>,
    subject: Subject,
}

/// What is asked about beside the certificate.
#[derive(Clone, Copy)]
struct Subject {
    /// The number that the token speaks for.
    number: Option<TelephoneNumber>,
    numbers: Numbers,
}

/// How a certificate has the number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// By provider code: its authority need not know whose number it is.
    ByProvider,
    /// In a list.
    Listed,
}

/// Judges what a token whose path is proven brings along; what is to be asked, if anything is.
pub(super) fn begin(
    asking: &mut Asking<'_>,
    bench: &Bench<'_>,
    chain: &Arc<CertificateChain>,
) -> Option<Box<Inquiry>> {
    let rule = bench.trust.freshness();
    let claims = asking.report.token.passport()?.claims();
    match (rule.mode, &claims.staple, rule.missing) {
        // The usual call pays for nothing else.
        (FreshnessMode::Off, ..) | (FreshnessMode::StapleOnly, None, MissingStatus::Soft) => {
            return None;
        }
        _ => {}
    }
    // RFC 9608 §4: "If the noRevAvail certificate extension specified in this document is present [...], then Step (a)(3) is skipped."
    // That step is whether it is revoked: by a list, "by status information, or by out-of-band mechanisms".
    if chain.end_entity().has_no_rev_avail() {
        skip(asking, FreshnessEvidence::NotPublished);
        return None;
    }
    let subject = subject(asking)?;
    let staple = asking.report.token.passport()?.claims().staple.as_deref();
    let found = match (rule.mode, staple) {
        (FreshnessMode::Live, _) => None,
        (_, None) => Some(FreshnessEvidence::NoStaple),
        (_, Some(staple)) => Some(examine(staple, chain, subject, asking, bench)),
    };
    match found {
        Some(found) if is_word(&found) || rule.mode == FreshnessMode::StapleOnly => {
            conclude(found, subject, asking, bench);
            None
        }
        _ => Inquiry::of(chain, subject, asking, bench),
    }
}

impl Inquiry {
    /// The question about the certificate of the signer.
    fn of(
        chain: &Arc<CertificateChain>,
        subject: Subject,
        asking: &mut Asking<'_>,
        bench: &Bench<'_>,
    ) -> Option<Box<Self>> {
        let certificate = chain.end_entity();
        // draft-ietf-lamps-rfc5019bis §4 does not want anybody asked about certificates that have expired.
        if bench.archive.is_some() && !certificate.validity().contains(bench.now) {
            conclude(FreshnessEvidence::Ended, subject, asking, bench);
            return None;
        }
        let url = certificate.access().and_then(Access::ocsp_url);
        // draft-ietf-stir-certificates-ocsp (2017) has SHA-256 cut to 160 bits, and "Clients MUST include the OCSP TNQuery extension in
        // requests' singleRequestExtensions."
        let named = issuer(chain, asking, bench)
            .and_then(|issuer| CertId::of(HashForm::Sha256Cut, certificate, issuer));
        let (Some(url), Some(named)) = (url, named) else {
            conclude(FreshnessEvidence::NoResponder, subject, asking, bench);
            return None;
        };
        let request = OcspRequest {
            asked: vec![Asked {
                certificate: named,
                number: subject.number,
            }],
            nonce: None,
        };
        Some(Box::new(Self {
            url: url.into(),
            request: request.to_der().into(),
            chain: Arc::clone(chain),
            subject,
        }))
    }

    /// Asks, if nothing speaks against the token by now.
    // draft-ietf-lamps-rfc5019bis §4: "To avoid needless network traffic, applications MUST verify the signature of signed data before
    // asking an OCSP client to check the status of certificates used to verify the data."
    pub(super) fn ask(self: Box<Self>, asking: &mut Asking<'_>) -> Option<(NeedId, Box<Self>)> {
        if asking.findings.has_failed() {
            return None;
        }
        let need = asking.needs.open(NeedKind::Status {
            url: self.url.clone(),
            request: self.request.clone(),
        });
        Some((need, self))
    }

    /// Takes what was answered.
    pub(super) fn take(&self, answer: &Answer, asking: &mut Asking<'_>, bench: &Bench<'_>) {
        let found = match answer {
            Answer::Status(response) => match OcspResponse::parse(response) {
                Ok(response) => {
                    let standing = standing(
                        &response,
                        &self.chain,
                        self.subject,
                        bench.now,
                        asking,
                        bench,
                    );
                    FreshnessEvidence::Said(Told::Asked, standing)
                }
                Err(error) => FreshnessEvidence::NoAnswer(Told::Asked, error),
            },
            Answer::Unavailable(why) => FreshnessEvidence::Unavailable(*why),
            // An answer to something else is none.
            _ => FreshnessEvidence::Unavailable(Unavailable::BadResponse),
        };
        conclude(found, self.subject, asking, bench);
    }
}

/// What the token speaks for, and how the path has it.
fn subject(asking: &Asking<'_>) -> Option<Subject> {
    let authority = asking.report.signer.as_ref()?.path.authority();
    let identity = asking.report.token.passport()?.claims().speaks_for();
    let numbers = match identity.as_ref().map(|identity| authority.covers(identity)) {
        Some(Coverage::ByProvider(_)) => Numbers::ByProvider,
        _ => Numbers::Listed,
    };
    let number = match identity {
        Some(Identity::Number(number)) => Some(number),
        Some(Identity::Uri(_)) | None => None,
    };
    Some(Subject { number, numbers })
}

/// Who has issued the certificate of the signer: the next in the list, or the anchor that stands above it.
fn issuer<'a>(
    chain: &'a CertificateChain,
    asking: &Asking<'_>,
    bench: &Bench<'a>,
) -> Option<&'a Certificate> {
    if let Some(next) = chain.certificates().get(1) {
        return Some(next);
    }
    let anchor = asking.report.signer.as_ref()?.path.anchor();
    let mut anchors = bench.trust.anchors().iter().map(|one| one.certificate());
    anchors.find(|one| one.sha256() == anchor)
}

/// What a staple says: the first of its answers that is about the certificate.
fn examine(
    staple: &Staple,
    chain: &CertificateChain,
    subject: Subject,
    asking: &Asking<'_>,
    bench: &Bench<'_>,
) -> FreshnessEvidence {
    let responses = match staple {
        Staple::Malformed(why) => return FreshnessEvidence::NotStapled(*why),
        Staple::Responses(responses) => responses,
    };
    let mut found = FreshnessEvidence::NoStaple;
    for der in responses {
        let one = match OcspResponse::parse(der) {
            Ok(response) => {
                // The signer has signed it along: it is as old as the token.
                let at = bench.as_of(asking.report);
                let standing = standing(&response, chain, subject, at, asking, bench);
                FreshnessEvidence::Said(Told::Stapled, standing)
            }
            Err(error) => FreshnessEvidence::NoAnswer(Told::Stapled, error),
        };
        let is_about_it = !matches!(
            one,
            FreshnessEvidence::Said(_, Standing::NotForThis) | FreshnessEvidence::NoAnswer(..)
        );
        if is_about_it {
            return one;
        }
        if found == FreshnessEvidence::NoStaple {
            found = one;
        }
    }
    found
}

/// What an answer is worth.
fn standing(
    response: &OcspResponse,
    chain: &CertificateChain,
    subject: Subject,
    at: UnixTime,
    asking: &Asking<'_>,
    bench: &Bench<'_>,
) -> Standing {
    let Some(issuer) = issuer(chain, asking, bench) else {
        return Standing::NotAuthorised;
    };
    let question = Question {
        certificate: chain.end_entity(),
        issuer,
        number: subject.number,
        nonce: None,
        now: at,
        responders: &bench.trust.freshness().responders,
        algorithms: bench.trust.rules().authority_algorithms,
    };
    let standing = judge(response, question, bench.keys);
    match &standing {
        Standing::Fresh(known) | Standing::ScopeUnknown(known)
            if is_revoked(known, asking, bench) =>
        {
            Standing::NotAuthorised
        }
        _ => standing,
    }
}

/// Whether the delegate who has signed was revoked, by the lists that are here.
// RFC 6960 §4.2.2.2.1: "A CA may choose not to specify any method of revocation checking for the responder's certificate, in which case
// it would be up to the OCSP client's local security policy to decide whether that certificate should be checked for revocation or not."
fn is_revoked(known: &Known, asking: &Asking<'_>, bench: &Bench<'_>) -> bool {
    let (Some(delegate), Some(signer)) = (&known.delegate, &asking.report.signer) else {
        return false;
    };
    let revocations = bench.trust.revocations();
    !delegate.has_extension(NO_CHECK)
        && matches!(
            revocations.judge(delegate, signer.path.anchor(), bench.now),
            Status::Revoked(_)
        )
}

/// Whether somebody has said something that asking again would not mend.
fn is_word(found: &FreshnessEvidence) -> bool {
    match found {
        FreshnessEvidence::Said(_, standing) => !is_no_word(standing),
        FreshnessEvidence::NoAnswer(..) | FreshnessEvidence::NotStapled(_) => true,
        FreshnessEvidence::Ended
        | FreshnessEvidence::NoResponder
        | FreshnessEvidence::NoStaple
        | FreshnessEvidence::NotPublished
        | FreshnessEvidence::Unavailable(_) => false,
    }
}

/// Answers that tell nothing, or nothing that still counts.
const fn is_no_word(standing: &Standing) -> bool {
    matches!(
        standing,
        Standing::NotYet { .. } | Standing::Refused(_) | Standing::Stale { .. } | Standing::Undated
    )
}

/// Whether a responder says that the certificate was revoked after the time that a stored message is judged as of: no word on that time.
fn is_revoked_since(found: &FreshnessEvidence, asking: &Asking<'_>, bench: &Bench<'_>) -> bool {
    match found {
        FreshnessEvidence::Said(_, Standing::Revoked { at, reason }) => {
            let (at, reason) = (*at, *reason);
            bench.archive.is_some()
                && !Entry { at, reason }.tells_against(bench.as_of(asking.report))
        }
        _ => false,
    }
}

/// What follows from what is known.
fn conclude(
    found: FreshnessEvidence,
    subject: Subject,
    asking: &mut Asking<'_>,
    bench: &Bench<'_>,
) {
    let rule = bench.trust.freshness();
    let fault = match &found {
        FreshnessEvidence::Said(_, Standing::Fresh(_)) => None,
        FreshnessEvidence::Said(_, Standing::ScopeUnknown(_)) => {
            let is_enough = subject.numbers == Numbers::ByProvider
                || rule.scope_unknown == ScopeUnknown::Accept;
            (!is_enough).then_some(Fault::ScopeUnconfirmed)
        }
        FreshnessEvidence::Said(_, Standing::Revoked { .. })
            if !is_revoked_since(&found, asking, bench) =>
        {
            Some(Fault::Revoked)
        }
        // draft-ietf-stir-certificates-ocsp (2017): "Clients MUST treat returned "unknown" responses as "not good"."
        FreshnessEvidence::Said(_, Standing::Unknown) => Some(Fault::StatusUnknown),
        // What the signer has signed along is the signer's; what a responder said is not.
        FreshnessEvidence::Said(Told::Stapled, standing)
            if !is_no_word(standing) && !matches!(standing, Standing::Revoked { .. }) =>
        {
            Some(Fault::StapleInvalid)
        }
        FreshnessEvidence::NoAnswer(Told::Stapled, _) | FreshnessEvidence::NotStapled(_) => {
            Some(Fault::StapleInvalid)
        }
        _ => match rule.missing {
            MissingStatus::Hard => Some(Fault::StatusUnavailable),
            MissingStatus::Soft => return skip(asking, found),
        },
    };
    let evidence = Evidence::Freshness(Box::new(found));
    match fault {
        None => asking.findings.pass_with(Check::Freshness, evidence),
        Some(fault) => asking.findings.fault(Check::Freshness, fault, evidence),
    }
}

fn skip(asking: &mut Asking<'_>, found: FreshnessEvidence) {
    let evidence = Evidence::Freshness(Box::new(found));
    asking.findings.skip_with(Check::Freshness, evidence);
}
