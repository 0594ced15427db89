//! Priority that a PASSporT speaks of: `rph`, [RFC 8443](https://www.rfc-editor.org/rfc/rfc8443), and `sph`,
//! [RFC 9027](https://www.rfc-editor.org/rfc/rfc9027).
//!
//! What lives here: what such a PASSporT may say given the call, who may sign for a namespace, and which of the values that the
//! call asks for are honoured in the end. What does not: reading the claims (`crate::passport`), and what becomes of a call whose
//! values are not honoured, which is the SIP crate's.

use super::Verdict;
use super::check::{Check, Evidence};
use super::consequences::{Callback, SignedPriority};
use super::fault::Fault;
use super::findings::Findings;
use super::policy::{NamespaceAuthority, PriorityPolicy, PrioritySigner};
use super::purpose::Purpose;
use super::report::PassportReport;
use super::scope::Asking;
use crate::call::Call;
use crate::identity::Dest;
use crate::passport::{Claims, Extension, Rph, Sph};
use crate::path::VerifiedPath;
use crate::priority::{PriorityMark, RequestedPriority, ResourceValue, is_telephone_number};

/// What of a call's priority one PASSporT speaks of. Believed only if the PASSporT is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorityReport {
    /// The values that both the call asks for and the PASSporT has, each with its place in the call.
    covered: Vec<(usize, ResourceValue)>,
    /// Whether it says that the call is a call-back of an answering point, as the call does.
    callback: Callback,
}

impl PriorityReport {
    fn of(rph: &Rph, asked: &RequestedPriority) -> Self {
        // RFC 8443 §4.2: "If the signature validates, then the verification service can use the value of the "rph" claim as validation
        // that the calling party is authorized for SIP 'Resource-Priority' header fields as indicated in the claim."
        let places = asked.values.iter().cloned().enumerate();
        let is_callback =
            rph.sph == Some(Sph::PsapCallback) && asked.mark == PriorityMark::PsapCallback;
        Self {
            covered: places.filter(|(_, one)| rph.auth.contains(one)).collect(),
            callback: match is_callback {
                true => Callback::Proven,
                false => Callback::NotProven,
            },
        }
    }

    /// The values that both the call asks for and the PASSporT has, in the order of the call.
    pub fn covered(&self) -> impl Iterator<Item = &ResourceValue> {
        self.covered.iter().map(|(_, value)| value)
    }

    /// Whether it says that the call is a call-back of an answering point, as the call does.
    pub const fn callback(&self) -> Callback {
        self.callback
    }
}

/// Judges what the claims say, given the call, and begins the report of them.
pub(super) fn judge(
    rph: &Rph,
    claims: &Claims,
    call: &Call,
    findings: &mut Findings,
) -> Box<PriorityReport> {
    if is_misused(rph, claims, &call.priority) {
        let evidence = Evidence::Nothing;
        findings.fault(Check::Claims, Fault::PriorityMisused, evidence);
    }
    Box::new(PriorityReport::of(rph, &call.priority))
}

/// Whether values of emergency services are on a call neither to them nor back from them, or `sph` where it may not be.
fn is_misused(rph: &Rph, claims: &Claims, asked: &RequestedPriority) -> bool {
    if !rph.auth.iter().any(ResourceValue::is_of_emergency_services) {
        // RFC 9027 §4: "This is an optional claim that MUST only be used with an "auth" claim with an "esnet.x" value".
        return rph.sph.is_some();
    }
    // RFC 9027 §3: "the "orig" claim of the PASSporT MUST represent the calling party number that initiates the call to emergency
    // services." And: "For emergency services callbacks, the "orig" claim of the "rph" PASSporT MUST represent the Public Safety
    // Answering Point (PSAP) telephone number." What is dialled for emergency services is nobody's number.
    if !is_telephone_number(&claims.orig) {
        return true;
    }
    match (asked.mark, rph.sph) {
        // RFC 9027 §3: "The "dest" claim MUST be the telephone number representing the original calling party of the emergency
        // service call that is being called back."
        (PriorityMark::PsapCallback, _) => !is_of_numbers(&claims.dest),
        // RFC 9027 §4: "which MUST match the SIP 'Priority' header field value for authorized emergency services callbacks."
        (PriorityMark::None, Some(Sph::PsapCallback)) => true,
        // RFC 9027 §3: "The "dest" claim MUST be either a country- or region-specific dial string (e.g., "911" for North America or a
        // "112" GSM-defined string used in Europe and other countries) or "urn:service:sos"". Who calls back and says so nowhere
        // cannot be told from anybody (docs/divergences.md).
        (PriorityMark::None, None) => !asked.is_for_help(&claims.dest),
    }
}

fn is_of_numbers(dest: &Dest) -> bool {
    dest.iter().all(|one| is_telephone_number(&one))
}

/// Judges whether the signer may speak for the namespaces of all these values.
// RFC 8443 §3: "The credentials (i.e., Certificate) used to create the signature must have authority over the namespace of the "rph"
// claim, and there is only one authority per claim." No certificate says what namespaces it is for: the list of the policy does
// (docs/divergences.md).
pub(super) fn authorize(asking: &mut Asking<'_>) {
    let Some(signer) = &asking.report.signer else {
        return;
    };
    let Some(passport) = asking.report.token.passport() else {
        return;
    };
    let Extension::Rph(rph) = &passport.claims().extension else {
        return;
    };
    let policy = &asking.policy.priority;
    let (mut unknown, mut unseen, mut refused) = (None, None, None);
    for value in &rph.auth {
        let listed = || policy.of(value.namespace());
        if listed().any(|authority| authority.includes(&signer.path)) {
            continue;
        }
        if listed().next().is_none() {
            unknown = unknown.or(Some(value));
        } else if listed().any(|authority| authority.may_include(&signer.path)) {
            unseen = unseen.or(Some(value));
        } else {
            refused = refused.or(Some(value));
        }
    }
    let subject = signer.subject();
    let evidence = |value: &ResourceValue| {
        let namespace = Box::from(value.namespace());
        Evidence::Text(Box::new((namespace, Some(subject.into()))))
    };
    let fault = match (refused, unseen, unknown) {
        (Some(value), ..) => Some((Fault::PrioritySignerRefused, evidence(value))),
        (None, Some(value), _) => Some((Fault::TnAuthListUnavailable, evidence(value))),
        (None, None, Some(value)) => Some((Fault::PriorityAuthorityUnknown, evidence(value))),
        (None, None, None) => None,
    };
    match fault {
        None => asking.findings.pass(Check::Authority),
        Some((fault, evidence)) => asking.findings.fault(Check::Authority, fault, evidence),
    }
}

impl PriorityPolicy {
    /// What it says of a namespace, which is in lower case.
    fn of<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a NamespaceAuthority> {
        let listed = self.authorities.iter();
        listed.filter(move |one| *one.namespace == *namespace)
    }
}

impl NamespaceAuthority {
    fn includes(&self, path: &VerifiedPath) -> bool {
        self.signers.iter().any(|signer| match signer {
            PrioritySigner::Provider(code) => path.providers().contains(code),
            PrioritySigner::Subject(name) => path.vouched_names().contains(name),
        })
    }

    /// Whether a code that it names may stand in a list by reference, which nobody fetches for priority.
    fn may_include(&self, path: &VerifiedPath) -> bool {
        let mut signers = self.signers.iter();
        let names_a_code = signers.any(|one| matches!(one, PrioritySigner::Provider(_)));
        names_a_code && !path.authority().references().is_empty()
    }
}

/// What follows for the priority of the call from everything that was proven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Honoured {
    pub(super) values: Vec<ResourceValue>,
    pub(super) callback: Callback,
    pub(super) signed: SignedPriority,
}

/// The values of the call that a proven PASSporT has, too: whatever else is asked for is not authorised.
pub(super) fn honoured(passports: &[PassportReport]) -> Honoured {
    let mut honoured = Honoured::default();
    let speaking = |one: &&PassportReport| one.purpose == Purpose::Priority;
    let mut covered = Vec::new();
    for passport in passports.iter().filter(speaking) {
        match passport.verdict {
            Verdict::Passed | Verdict::Failed(_) => honoured.signed = SignedPriority::Judged,
            Verdict::NotValidated(_) | Verdict::Unsigned => {}
        }
        let proven = passport.token.proven().and(passport.priority.as_deref());
        let Some(report) = proven else { continue };
        covered.extend(report.covered.iter().cloned());
        if report.callback == Callback::Proven {
            honoured.callback = Callback::Proven;
        }
    }
    covered.sort();
    covered.dedup();
    honoured.values = covered.into_iter().map(|(_, value)| value).collect();
    honoured
}
