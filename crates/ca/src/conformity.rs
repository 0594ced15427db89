//! Which lints bind which kind of certificate, and which of them one would break.
//!
//! The public lints are SHAKEN's profile of providers and of the authorities above them. A provider's certificate keeps every one. What RFC 9060
//! and RFC 6960 ask of other kinds, that profile does not know: those kinds are exempt from exactly the lints that speak of it
//! (`docs/divergences.md`), and a test holds that no exemption is wider than what is issued. What an operator ignores besides is for
//! [`crate::register`].

use crate::issuance::{Practice, Profile, Request, SHAKEN_POLICY};
use countersign::certificate::lint::{self, Severity};
use countersign::certificate::{Certificate, DistinguishedName};

/// Of delegates: they list numbers, and their names are no providers'.
// RFC 9060 §4: "each delegate certificate MUST have a TNAuthList scope that is equal to or a subset of its parent certificate's scope"
const DELEGATES: &[&str] = &[
    "e_atis_subject_cn_spc",
    "e_atis_tn_auth_list",
    "e_atis_tn_auth_list_spc_format",
];

/// Of delegates that certify others: the profile knows no authority with a list.
// RFC 9060 §4: "Delegate certificates MAY also contain a basic constraints extension with the cA boolean set to "true", indicating that they can
// sign subordinate certificates for further delegates."
const DELEGATE_AUTHORITIES: &[&str] = &["e_atis_ext_not_specified_ca", "e_atis_tn_auth_list_ca"];

/// Of who signs lists or answers for an authority: they sign no calls.
const WHO_SIGNS_LISTS: &[&str] = &[
    "e_atis_ext_key_usage_ee",
    "e_atis_subject_cn",
    "e_atis_subject_cn_spc",
    "e_atis_tn_auth_list",
    "e_atis_tn_auth_list_spc_format",
];

/// The same of who answers, whose revocation nobody asks about.
const WHO_ANSWERS: &[&str] = &[
    "e_atis_ext_crl_distribution",
    "e_atis_ext_not_specified",
    "e_atis_subject_cn",
    "e_atis_subject_cn_spc",
    "e_atis_tn_auth_list",
    "e_atis_tn_auth_list_spc_format",
];

/// Of authorities whose certificate has authorityInfoAccess, which the profile does not name.
const ACCESS_OF_AUTHORITIES: &[&str] = &["e_atis_ext_not_specified_ca"];

/// The same of end entities.
const ACCESS: &[&str] = &["e_atis_ext_not_specified"];

/// Of what is never revoked: the profile wants a place of revocations, and does not name noRevAvail.
// RFC 9608 §3, which forbids the one beside the other.
const NEVER_REVOKED: &[&str] = &["e_atis_ext_crl_distribution", "e_atis_ext_not_specified"];

/// Of authorities below one that issues under no policy: the profile speaks of its own.
const NO_POLICY_OF_AUTHORITIES: &[&str] = &[
    "e_atis_ext_certificate_policies_ca",
    "e_shaken_certificate_policies_id_ca",
];

/// The same of end entities.
const NO_POLICY: &[&str] = &[
    "e_atis_ext_certificate_policies",
    "e_shaken_certificate_policies_id",
];

/// The lints that do not bind what the authority of this name with this practice makes of `request`.
pub fn exempt(
    request: &Request,
    practice: &Practice,
    issuer: &DistinguishedName,
) -> impl Iterator<Item = &'static str> {
    let by_profile = match request.profile {
        Profile::CrlIssuer => WHO_SIGNS_LISTS,
        Profile::Delegate => DELEGATES,
        Profile::DelegateCa(_) => DELEGATE_AUTHORITIES,
        Profile::EndEntity | Profile::Intermediate(_) => &[],
        Profile::OcspResponder => WHO_ANSWERS,
    };
    let names_responder =
        practice.ocsp.is_some() && request.profile.is_asked_about() && !request.is_never_revoked();
    let has_access = names_responder || request.reference.is_some();
    let by_access = match (has_access, request.profile.is_authority()) {
        (false, _) => &[],
        (true, true) => ACCESS_OF_AUTHORITIES,
        (true, false) => ACCESS,
    };
    let by_revocation = match request.is_never_revoked() {
        true => NEVER_REVOKED,
        false => &[],
    };
    let by_policy = match (practice.policy, request.profile.is_authority()) {
        (Some(_), _) => &[],
        (None, true) => NO_POLICY_OF_AUTHORITIES,
        (None, false) => NO_POLICY,
    };
    let all = [by_profile, by_access, by_revocation, by_policy];
    let all = all.into_iter().flatten().copied();
    all.chain(first_of_lists(request, practice, issuer))
}

/// Of who signs lists, where there is no list yet: its certificate is there before the first one is, and whoever made it named nobody
/// else who signs them.
fn first_of_lists(
    request: &Request,
    practice: &Practice,
    issuer: &DistinguishedName,
) -> Option<&'static str> {
    match (request.profile, &practice.crl) {
        (Profile::CrlIssuer, None) => Some("e_atis_ext_crl_distribution"),
        (Profile::CrlIssuer, Some(point))
            if point.issuer == *issuer && practice.policy == Some(SHAKEN_POLICY) =>
        {
            Some("e_atis_ext_crl_distribution_struct")
        }
        _ => None,
    }
}

/// The lints that this certificate breaks and is not exempt from; none of them a warning.
pub fn breaches(
    certificate: &Certificate,
    is_exempt: impl Fn(&'static str) -> bool,
) -> Box<[&'static str]> {
    let findings = lint::run(certificate).into_iter();
    let errors = findings.filter(|finding| finding.severity == Severity::Error);
    let names = errors.map(|finding| finding.name);
    names.filter(|name| !is_exempt(name)).collect()
}
