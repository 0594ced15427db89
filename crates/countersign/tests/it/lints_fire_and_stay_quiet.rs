//! Every rule about one certificate, broken once and kept once.
//!
//!     a certificate without fault ── one field changed ──► the rule of that field, by its name
//!            └─────────────────────────────────────────► nothing

use crate::made_certificate::*;
use countersign::certificate::encode::{element, named_bits, octet_string, sequence};
use countersign::certificate::lint::{self, LINTS, Lint, Outcome, Severity};
use std::collections::BTreeSet;

const COMMON_NAME: &str = "2.5.4.3";
const COUNTRY: &str = "2.5.4.6";
const ORGANIZATION: &str = "2.5.4.10";
const SERIAL_NUMBER: &str = "2.5.4.5";

/// A rule, a certificate that keeps it, and one that breaks it.
struct Case(&'static str, Made, Made);

/// Rules that ask the same of an end entity and of an authority.
fn pairs() -> Vec<Case> {
    type Change = fn(Made) -> Made;
    let two_urls: Change = |made| {
        let urls: &[&str] = &["http://ca.example/crl", "http://ca.example/crl2"];
        made.with(CRL_POINTS, Plain, &crl_points(&[(urls, Issuer::Named)]))
    };
    let unnamed: Change = |made| {
        let urls: &[&str] = &["http://ca.example/crl"];
        made.with(CRL_POINTS, Plain, &crl_points(&[(urls, Issuer::Unnamed)]))
    };
    let pairs: [(&str, &str, Change); 18] = [
        (
            "e_atis_ext_authority_key_identifier",
            "e_atis_ext_authority_key_identifier_ca",
            |made| made.without(AUTHORITY_KEY),
        ),
        (
            "e_atis_ext_certificate_policies",
            "e_atis_ext_certificate_policies_ca",
            |made| made.with(POLICIES, Critical, &policies(&[POLICY_14])),
        ),
        (
            "e_atis_ext_crl_distribution",
            "e_atis_ext_crl_distribution_ca",
            two_urls,
        ),
        (
            "e_atis_ext_crl_distribution_struct",
            "e_atis_ext_crl_distribution_struct_ca",
            unnamed,
        ),
        (
            "e_atis_ext_not_specified",
            "e_atis_ext_not_specified_ca",
            |made| made.with("1.2.3", Plain, &[5, 0]),
        ),
        ("e_atis_serial_number", "e_atis_serial_number_ca", |made| {
            made.serial(&[0xff; 9])
        }),
        (
            "e_atis_serial_number_size",
            "e_atis_serial_number_size_ca",
            |made| made.serial(&[0x7f; 8]),
        ),
        (
            "e_atis_signature_algorithm",
            "e_atis_signature_algorithm_ca",
            |made| made.signed_with("1.2.840.113549.1.1.11"),
        ),
        ("e_atis_subject_c_iso", "e_atis_subject_c_iso_ca", |made| {
            made.subject(COUNTRY, "XX")
        }),
        ("e_atis_subject_c_us", "e_atis_subject_c_us_ca", |made| {
            made.subject(COUNTRY, "CA")
        }),
        ("e_atis_subject_cn", "e_atis_subject_cn_ca", |made| {
            made.subject(COMMON_NAME, "STIRSHAKEN 0001")
        }),
        ("e_atis_subject_dn", "e_atis_subject_dn_ca", |made| {
            made.without_subject(COUNTRY)
        }),
        (
            "e_atis_subject_key_identifier",
            "e_atis_subject_key_identifier_ca",
            |made| made.without(SUBJECT_KEY),
        ),
        (
            "e_atis_subject_key_identifier_size",
            "e_atis_subject_key_identifier_size_ca",
            |made| made.with(SUBJECT_KEY, Plain, &octet_string(&[1; 19])),
        ),
        (
            "e_atis_subject_o_required",
            "e_atis_subject_o_required_ca",
            |made| made.and_subject(ORGANIZATION, "Second"),
        ),
        ("e_atis_version", "e_atis_version_ca", |made| {
            made.version(Version::V2)
        }),
        (
            "e_shaken_certificate_policies_id",
            "e_shaken_certificate_policies_id_ca",
            |made| made.under(POLICY_11),
        ),
        (
            "e_us_cp_subject_sn_may",
            "e_us_cp_subject_sn_may_ca",
            |made| {
                made.and_subject(SERIAL_NUMBER, "1")
                    .and_subject(SERIAL_NUMBER, "2")
            },
        ),
    ];
    let each = pairs.into_iter().flat_map(|(leaf, authority, change)| {
        [
            Case(leaf, end_entity(), change(end_entity())),
            Case(authority, intermediate(), change(intermediate())),
        ]
    });
    each.collect()
}

/// Rules of the profile about one kind of certificate.
fn singles() -> Vec<Case> {
    let two_codes = tn_auth_list(&[provider("0001"), provider("0001")]);
    let small_code = tn_auth_list(&[provider("000a")]);
    let named_small = end_entity().subject(COMMON_NAME, "SHAKEN 000a");
    let under_13 = || end_entity().under(POLICY_13).subject(SERIAL_NUMBER, "1");
    let authority_13 = || intermediate().under(POLICY_13).subject(SERIAL_NUMBER, "1");
    let crl = crl_points(&[(&["http://ca.example/crl"], Issuer::Named)]);
    vec![
        Case(
            "e_atis_ext_authority_key_identifier_root",
            root(),
            root().with(AUTHORITY_KEY, Plain, &authority_key(&[9; 20])),
        ),
        Case(
            "e_atis_ext_basic_constraints",
            end_entity(),
            end_entity().with(BASIC_CONSTRAINTS, Plain, &sequence(&[])),
        ),
        Case(
            "e_atis_ext_certificate_policies_root",
            root(),
            root().under(POLICY_14),
        ),
        Case(
            "e_atis_ext_crl_distribution_root",
            root(),
            root().with(CRL_POINTS, Plain, &crl),
        ),
        Case(
            "e_atis_ext_key_usage",
            end_entity(),
            end_entity().without(KEY_USAGE),
        ),
        Case(
            "e_atis_ext_key_usage_ca",
            root(),
            root().with(KEY_USAGE, Critical, &named_bits(CRL_SIGN)),
        ),
        Case(
            "e_atis_ext_key_usage_ee",
            end_entity(),
            end_entity().with(
                KEY_USAGE,
                Critical,
                &named_bits(DIGITAL_SIGNATURE | NON_REPUDIATION),
            ),
        ),
        Case(
            "e_atis_subject_cn_root",
            root(),
            root().subject(COMMON_NAME, "SHAKEN Root1"),
        ),
        Case(
            "e_atis_subject_cn_spc",
            end_entity(),
            end_entity().subject(COMMON_NAME, "SHAKEN 00012"),
        ),
        Case(
            "e_atis_subject_public_key",
            end_entity(),
            end_entity().on_p384(),
        ),
        Case(
            "e_atis_subject_public_key_ca",
            root(),
            root().on_p384().issued("230101000000Z"),
        ),
        Case(
            "e_atis_tn_auth_list",
            end_entity(),
            end_entity().with(TN_AUTH_LIST, Plain, &two_codes),
        ),
        Case(
            "e_atis_tn_auth_list_ca",
            intermediate(),
            intermediate().with(TN_AUTH_LIST, Plain, &small_code),
        ),
        Case(
            "e_atis_tn_auth_list_spc_format",
            end_entity(),
            named_small.with(TN_AUTH_LIST, Plain, &small_code),
        ),
        Case(
            "e_issuer_root",
            root(),
            intermediate().with(AUTHORITY_KEY, Plain, &authority_key(&[1; 20])),
        ),
        Case(
            "e_us_cp_subject_sn_shall",
            under_13(),
            under_13().without_subject(SERIAL_NUMBER),
        ),
        Case(
            "e_us_cp_subject_sn_shall_ca",
            authority_13(),
            authority_13().and_subject(SERIAL_NUMBER, "2"),
        ),
    ]
}

/// Rules of RFC 5280.
fn of_rfc5280() -> Vec<Case> {
    let https = crl_points(&[(&["https://ca.example/crl"], Issuer::Named)]);
    let usage = named_bits(DIGITAL_SIGNATURE);
    vec![
        Case(
            "e_ca_subject_field_empty",
            intermediate(),
            intermediate().nameless(),
        ),
        Case(
            "e_cert_extensions_version_not_3",
            end_entity(),
            end_entity().version(Version::V1),
        ),
        Case(
            "e_ext_authority_key_identifier_missing",
            end_entity(),
            end_entity().without(AUTHORITY_KEY),
        ),
        Case(
            "e_ext_authority_key_identifier_no_key_identifier",
            end_entity(),
            end_entity().with(AUTHORITY_KEY, Plain, &sequence(&[])),
        ),
        Case(
            "e_ext_key_usage_cert_sign_without_ca",
            end_entity(),
            end_entity().with(KEY_USAGE, Critical, &named_bits(KEY_CERT_SIGN)),
        ),
        Case(
            "e_ext_subject_key_identifier_missing_ca",
            root(),
            root().without(SUBJECT_KEY),
        ),
        Case(
            "e_incorrect_ku_encoding",
            end_entity(),
            end_entity().with(KEY_USAGE, Critical, &element(3, &[0, 0x80])),
        ),
        Case(
            "e_issuer_field_empty",
            end_entity(),
            end_entity().issuerless(),
        ),
        Case(
            "e_serial_number_not_positive",
            end_entity(),
            end_entity().serial(&[0]),
        ),
        Case(
            "e_subject_empty_without_san",
            end_entity(),
            end_entity().nameless(),
        ),
        Case(
            "w_distribution_point_missing_ldap_or_uri",
            end_entity(),
            end_entity().with(CRL_POINTS, Plain, &https),
        ),
        Case(
            "w_ext_key_usage_not_critical",
            end_entity(),
            end_entity().with(KEY_USAGE, Plain, &usage),
        ),
        Case(
            "w_ext_subject_key_identifier_missing_sub_cert",
            end_entity(),
            end_entity().without(SUBJECT_KEY),
        ),
    ]
}

fn cases() -> Vec<Case> {
    [pairs(), singles(), of_rfc5280()]
        .into_iter()
        .flatten()
        .collect()
}

fn lint(name: &str) -> &'static Lint {
    let found = LINTS.iter().find(|lint| lint.name == name);
    found.unwrap_or_else(|| panic!("no rule {name}"))
}

/// This test verifies that each rule is broken by the certificate made to break it, with the severity of its name, and kept by one
/// that breaks no rule at all.
#[test]
fn every_rule_fires_and_stays_quiet() {
    for Case(name, quiet, broken) in cases() {
        let lint = lint(name);
        let quiet = quiet.read();
        assert_eq!(lint.judge(&quiet), Outcome::Pass, "{name}");
        assert_eq!(lint::run(&quiet), [], "{name}");
        let Outcome::Found(finding) = lint.judge(&broken.read()) else {
            panic!("{name} did not fire");
        };
        assert_eq!((finding.name, finding.severity), (name, lint.severity()));
        assert!(!finding.detail.is_empty(), "{name}");
    }
}

/// This test verifies that no rule is forgotten above.
#[test]
fn every_rule_has_its_case() {
    let tested: BTreeSet<&str> = cases().iter().map(|case| case.0).collect();
    let all: BTreeSet<&str> = LINTS.iter().map(|lint| lint.name).collect();
    assert_eq!(tested, all);
}

/// This test verifies that a rule binds nobody before its day: one second earlier the same certificate is not judged.
#[test]
fn a_rule_binds_from_its_day_on() {
    let lint = lint("e_atis_serial_number_size");
    let short = |issued| end_entity().serial(&[1]).issued(issued).read();
    assert_eq!(lint.judge(&short("230311235959Z")), Outcome::NotEffective);
    assert!(matches!(
        lint.judge(&short("230312000000Z")),
        Outcome::Found(_)
    ));
    assert_eq!(lint.judge(&intermediate().read()), Outcome::NotApplicable);
}

/// This test verifies that an authority's key of P-384 is an error before the certificate policy 1.4 and a warning since, and
/// that SHA-384 is an error before it and none since.
#[test]
fn larger_algorithms_of_authorities() {
    let (key, signature) = (
        lint("e_atis_subject_public_key_ca"),
        lint("e_atis_signature_algorithm_ca"),
    );
    let large = |issued| {
        root()
            .on_p384()
            .signed_with(ECDSA_SHA384)
            .issued(issued)
            .read()
    };
    let severity = |outcome| match outcome {
        Outcome::Found(finding) => Some(finding.severity),
        _ => None,
    };
    let (before, since) = (large("230605235959Z"), large("230606000000Z"));
    assert_eq!(severity(key.judge(&before)), Some(Severity::Error));
    assert_eq!(severity(key.judge(&since)), Some(Severity::Warning));
    assert_eq!(severity(signature.judge(&before)), Some(Severity::Error));
    assert_eq!(signature.judge(&since), Outcome::Pass);
}

/// The rules that a certificate breaks.
fn broken(made: &Made) -> Vec<&'static str> {
    let findings = lint::run(&made.read());
    findings.iter().map(|finding| finding.name).collect()
}

#[test]
fn digest12_case10_two_entries_in_the_list() {
    let entries = [provider("0001"), number("12025550100")];
    let made = end_entity().with(TN_AUTH_LIST, Plain, &tn_auth_list(&entries));
    assert!(broken(&made).contains(&"e_atis_tn_auth_list"));
}

#[test]
fn digest12_case11_a_common_name_with_another_code() {
    let made = end_entity().subject(COMMON_NAME, "SHAKEN 1234");
    let made = made.with(TN_AUTH_LIST, Plain, &tn_auth_list(&[provider("1235")]));
    assert_eq!(broken(&made), ["e_atis_subject_cn_spc"]);
}

#[test]
fn digest12_case12_a_distribution_point_without_issuer() {
    let points = crl_points(&[(&["http://ca.example/crl"], Issuer::Unnamed)]);
    let made = end_entity().with(CRL_POINTS, Plain, &points);
    assert_eq!(broken(&made), ["e_atis_ext_crl_distribution_struct"]);
}

#[test]
fn digest12_case18_a_key_that_also_binds() {
    let usage = named_bits(DIGITAL_SIGNATURE | NON_REPUDIATION);
    let made = end_entity().with(KEY_USAGE, Critical, &usage);
    assert_eq!(broken(&made), ["e_atis_ext_key_usage_ee"]);
}

#[test]
fn digest12_case19_a_serial_number_of_32_bits() {
    let made = end_entity().serial(&[0x7f, 1, 2, 3]);
    assert_eq!(broken(&made), ["e_atis_serial_number_size"]);
}
