//! What profiles ask of a certificate beyond what a path needs: lints.
//!
//! [`run`] asks every rule and returns what is broken; [`LINTS`] is the list of rules, and [`Lint::judge`] tells of one rule
//! whether it is broken, kept, not yet in force when the certificate was issued, or about something else. Each rule is a file
//! named after it:
//!
//! - `sti`: the public rules for STI certificates, by their public names;
//! - `rfc5280`: those public rules of RFC 5280 that STI certificates break;
//! - `stir`: rules of our own, of the RFCs about STIR.
//!
//! [`rule`] says what a rule is, [`source`] from which documents and since when; `field` reads what rules look at, `profile`
//! asks what several rules ask alike. `docs/lints.md` lists them for people.
//!
//! A finding decides nothing: whether a call passes is for [`crate::path`] and [`crate::verification`]. Rules about where a
//! certificate is served (URL, media type, order of the chain) are not here, since they are not about a certificate.

pub mod source;
pub mod rule;
mod field;
mod profile;
mod subject;
mod rfc5280;
mod sti;
mod stir;

pub use rule::{Audience, Finding, Lint, Outcome, Severity};
pub use source::Source;

use super::Certificate;

/// Every rule, sorted by name.
pub static LINTS: &[Lint] = &[
    sti::e_atis_ext_authority_key_identifier::LINT,
    sti::e_atis_ext_authority_key_identifier_ca::LINT,
    sti::e_atis_ext_authority_key_identifier_root::LINT,
    sti::e_atis_ext_basic_constraints::LINT,
    sti::e_atis_ext_certificate_policies::LINT,
    sti::e_atis_ext_certificate_policies_ca::LINT,
    sti::e_atis_ext_certificate_policies_root::LINT,
    sti::e_atis_ext_crl_distribution::LINT,
    sti::e_atis_ext_crl_distribution_ca::LINT,
    sti::e_atis_ext_crl_distribution_root::LINT,
    sti::e_atis_ext_crl_distribution_struct::LINT,
    sti::e_atis_ext_crl_distribution_struct_ca::LINT,
    sti::e_atis_ext_key_usage::LINT,
    sti::e_atis_ext_key_usage_ca::LINT,
    sti::e_atis_ext_key_usage_ee::LINT,
    sti::e_atis_ext_not_specified::LINT,
    sti::e_atis_ext_not_specified_ca::LINT,
    sti::e_atis_serial_number::LINT,
    sti::e_atis_serial_number_ca::LINT,
    sti::e_atis_serial_number_size::LINT,
    sti::e_atis_serial_number_size_ca::LINT,
    sti::e_atis_signature_algorithm::LINT,
    sti::e_atis_signature_algorithm_ca::LINT,
    sti::e_atis_subject_c_iso::LINT,
    sti::e_atis_subject_c_iso_ca::LINT,
    sti::e_atis_subject_c_us::LINT,
    sti::e_atis_subject_c_us_ca::LINT,
    sti::e_atis_subject_cn::LINT,
    sti::e_atis_subject_cn_ca::LINT,
    sti::e_atis_subject_cn_root::LINT,
    sti::e_atis_subject_cn_spc::LINT,
    sti::e_atis_subject_dn::LINT,
    sti::e_atis_subject_dn_ca::LINT,
    sti::e_atis_subject_key_identifier::LINT,
    sti::e_atis_subject_key_identifier_ca::LINT,
    sti::e_atis_subject_key_identifier_size::LINT,
    sti::e_atis_subject_key_identifier_size_ca::LINT,
    sti::e_atis_subject_o_required::LINT,
    sti::e_atis_subject_o_required_ca::LINT,
    sti::e_atis_subject_public_key::LINT,
    sti::e_atis_subject_public_key_ca::LINT,
    sti::e_atis_tn_auth_list::LINT,
    sti::e_atis_tn_auth_list_ca::LINT,
    sti::e_atis_tn_auth_list_spc_format::LINT,
    sti::e_atis_version::LINT,
    sti::e_atis_version_ca::LINT,
    rfc5280::e_ca_subject_field_empty::LINT,
    rfc5280::e_cert_extensions_version_not_3::LINT,
    rfc5280::e_ext_authority_key_identifier_missing::LINT,
    rfc5280::e_ext_authority_key_identifier_no_key_identifier::LINT,
    rfc5280::e_ext_key_usage_cert_sign_without_ca::LINT,
    rfc5280::e_ext_subject_key_identifier_missing_ca::LINT,
    rfc5280::e_incorrect_ku_encoding::LINT,
    rfc5280::e_issuer_field_empty::LINT,
    sti::e_issuer_root::LINT,
    rfc5280::e_serial_number_not_positive::LINT,
    sti::e_shaken_certificate_policies_id::LINT,
    sti::e_shaken_certificate_policies_id_ca::LINT,
    stir::e_stir_claim_constraints_malformed::LINT,
    stir::e_stir_claim_constraints_twice::LINT,
    stir::e_stir_delegate_without_authority_key::LINT,
    stir::e_stir_must_exclude_baseline::LINT,
    stir::e_stir_no_rev_avail_conflict::LINT,
    stir::e_stir_tn_auth_list_malformed::LINT,
    rfc5280::e_subject_empty_without_san::LINT,
    sti::e_us_cp_subject_sn_may::LINT,
    sti::e_us_cp_subject_sn_may_ca::LINT,
    sti::e_us_cp_subject_sn_shall::LINT,
    sti::e_us_cp_subject_sn_shall_ca::LINT,
    rfc5280::w_distribution_point_missing_ldap_or_uri::LINT,
    rfc5280::w_ext_key_usage_not_critical::LINT,
    rfc5280::w_ext_subject_key_identifier_missing_sub_cert::LINT,
    stir::w_stir_claim_constraints_contradict::LINT,
    stir::w_stir_claim_constraints_of_authority::LINT,
    stir::w_stir_must_exclude_rcdi::LINT,
    stir::w_stir_must_include_baseline::LINT,
    stir::w_stir_tn_auth_list_twice::LINT,
];

/// What `certificate` breaks, in the order of [`LINTS`]. A rule binds it by the date it was issued: its notBefore.
pub fn run(certificate: &Certificate) -> Vec<Finding> {
    let outcomes = LINTS.iter().map(|lint| lint.judge(certificate));
    outcomes
        .filter_map(|outcome| match outcome {
            Outcome::Found(finding) => Some(finding),
            Outcome::NotApplicable | Outcome::NotEffective | Outcome::Pass => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_say_how_bad_a_breach_is() {
        let sorted = LINTS.windows(2).all(|pair| pair[0].name < pair[1].name);
        assert!(sorted, "LINTS is not sorted by name, or has one twice");
        let prefixes = ["e_", "n_", "w_"];
        for lint in LINTS {
            assert!(prefixes.iter().any(|prefix| lint.name.starts_with(prefix)));
            assert!(
                lint.meaning.ends_with('.') && !lint.clause.is_empty(),
                "{lint:?}"
            );
        }
    }
}
