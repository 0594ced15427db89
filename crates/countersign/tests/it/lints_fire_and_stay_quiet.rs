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

/// A rule that `kept` keeps, and that is broken by one change.
fn case(name: &str, kept: Made, change: impl Fn(Made) -> Made) -> Case {
    Case(lint(name).name, kept.clone(), change(kept))
}

/// A rule about end entities, and the same rule about authorities.
fn pair(name: &str, change: impl Fn(Made) -> Made) -> [Case; 2] {
    let of_authority = format!("{name}_ca");
    [
        case(name, end_entity(), &change),
        case(&of_authority, intermediate(), &change),
    ]
}

fn crl_at(urls: &[&str], issuer: Issuer) -> Vec<u8> {
    crl_points(&[(urls, issuer)])
}

const CRL: &str = "http://ca.example/crl";

/// Rules about fields and extensions that ask the same of an end entity and of an authority.
fn pairs() -> Vec<Case> {
    let two_urls = crl_at(&[CRL, "http://ca.example/crl2"], Issuer::Named);
    let unnamed = crl_at(&[CRL], Issuer::Unnamed);
    let policy = policies(&[POLICY_14]);
    let short_key = octet_string(&[1; 19]);
    let each = [
        pair("e_atis_ext_authority_key_identifier", |made| {
            made.without(AUTHORITY_KEY)
        }),
        pair("e_atis_ext_certificate_policies", |made| {
            made.with(POLICIES, Critical, &policy)
        }),
        pair("e_atis_ext_crl_distribution", |made| {
            made.with(CRL_POINTS, Plain, &two_urls)
        }),
        pair("e_atis_ext_crl_distribution_struct", |made| {
            made.with(CRL_POINTS, Plain, &unnamed)
        }),
        pair("e_atis_ext_not_specified", |made| {
            made.with("1.2.3", Plain, &[5, 0])
        }),
        pair("e_atis_serial_number", |made| made.serial(&[0xff; 9])),
        pair("e_atis_serial_number_size", |made| made.serial(&[0x7f; 8])),
        pair("e_atis_signature_algorithm", |made| {
            made.signed_with("1.2.840.113549.1.1.11")
        }),
        pair("e_atis_subject_key_identifier", |made| {
            made.without(SUBJECT_KEY)
        }),
        pair("e_atis_subject_key_identifier_size", |made| {
            made.with(SUBJECT_KEY, Plain, &short_key)
        }),
        pair("e_atis_version", |made| made.version(Version::V2)),
        pair("e_shaken_certificate_policies_id", |made| {
            made.under(POLICY_11)
        }),
    ];
    each.into_iter().flatten().collect()
}

/// Rules about the subject that ask the same of an end entity and of an authority.
fn pairs_about_names() -> Vec<Case> {
    let each = [
        pair("e_atis_subject_c_iso", |made| made.subject(COUNTRY, "XX")),
        pair("e_atis_subject_c_us", |made| made.subject(COUNTRY, "CA")),
        pair("e_atis_subject_cn", |made| {
            made.subject(COMMON_NAME, "STIRSHAKEN 0001")
        }),
        pair("e_atis_subject_dn", |made| made.without_subject(COUNTRY)),
        pair("e_atis_subject_o_required", |made| {
            made.and_subject(ORGANIZATION, "Second")
        }),
        pair("e_us_cp_subject_sn_may", |made| {
            made.and_subject(SERIAL_NUMBER, "1")
                .and_subject(SERIAL_NUMBER, "2")
        }),
    ];
    each.into_iter().flatten().collect()
}

/// Rules of the profile about end entities, or about all.
fn of_end_entities() -> Vec<Case> {
    let two_codes = tn_auth_list(&[provider("0001"), provider("0001")]);
    let small_code = tn_auth_list(&[provider("000a")]);
    let binding = named_bits(DIGITAL_SIGNATURE | NON_REPUDIATION);
    let under_13 = end_entity().under(POLICY_13).subject(SERIAL_NUMBER, "1");
    let keeps = end_entity;
    vec![
        case("e_atis_ext_basic_constraints", keeps(), |made| {
            made.with(BASIC_CONSTRAINTS, Plain, &sequence(&[]))
        }),
        case("e_atis_ext_key_usage", keeps(), |made| {
            made.without(KEY_USAGE)
        }),
        case("e_atis_ext_key_usage_ee", keeps(), |made| {
            made.with(KEY_USAGE, Critical, &binding)
        }),
        case("e_atis_subject_cn_spc", keeps(), |made| {
            made.subject(COMMON_NAME, "SHAKEN 00012")
        }),
        case("e_atis_subject_public_key", keeps(), Made::on_p384),
        case("e_atis_tn_auth_list", keeps(), |made| {
            made.with(TN_AUTH_LIST, Plain, &two_codes)
        }),
        case("e_atis_tn_auth_list_spc_format", keeps(), |made| {
            made.with(TN_AUTH_LIST, Plain, &small_code)
        }),
        case("e_us_cp_subject_sn_shall", under_13, |made| {
            made.without_subject(SERIAL_NUMBER)
        }),
    ]
}

/// Rules of the profile about authorities.
fn of_authorities() -> Vec<Case> {
    let list = tn_auth_list(&[provider("0001")]);
    let crl = crl_at(&[CRL], Issuer::Named);
    let crl_only = named_bits(CRL_SIGN);
    let under_13 = intermediate().under(POLICY_13).subject(SERIAL_NUMBER, "1");
    let other = authority_key(&[9; 20]);
    vec![
        case("e_atis_ext_authority_key_identifier_root", root(), |made| {
            made.with(AUTHORITY_KEY, Plain, &other)
        }),
        case("e_atis_ext_certificate_policies_root", root(), |made| {
            made.under(POLICY_14)
        }),
        case("e_atis_ext_crl_distribution_root", root(), |made| {
            made.with(CRL_POINTS, Plain, &crl)
        }),
        case("e_atis_ext_key_usage_ca", root(), |made| {
            made.with(KEY_USAGE, Critical, &crl_only)
        }),
        case("e_atis_subject_cn_root", root(), |made| {
            made.subject(COMMON_NAME, "SHAKEN Root1").self_issued()
        }),
        case("e_atis_subject_public_key_ca", root(), |made| {
            made.on_p384().issued("230101000000Z")
        }),
        case("e_atis_tn_auth_list_ca", intermediate(), |made| {
            made.with(TN_AUTH_LIST, Plain, &list)
        }),
        case("e_issuer_root", root(), |made| {
            made.subject(COMMON_NAME, "SHAKEN Second")
        }),
        case("e_us_cp_subject_sn_shall_ca", under_13, |made| {
            made.and_subject(SERIAL_NUMBER, "2")
        }),
    ]
}

/// Rules of RFC 5280.
fn of_rfc5280() -> Vec<Case> {
    let https = crl_at(&["https://ca.example/crl"], Issuer::Named);
    let sign_certificates = named_bits(KEY_CERT_SIGN);
    let with_zeros = element(3, &[0, 0x80]);
    let usage = named_bits(DIGITAL_SIGNATURE);
    let keeps = end_entity;
    vec![
        case("e_ca_subject_field_empty", intermediate(), Made::nameless),
        case("e_cert_extensions_version_not_3", keeps(), |made| {
            made.version(Version::V1)
        }),
        case("e_ext_authority_key_identifier_missing", keeps(), |made| {
            made.without(AUTHORITY_KEY)
        }),
        case(
            "e_ext_authority_key_identifier_no_key_identifier",
            keeps(),
            |made| made.with(AUTHORITY_KEY, Plain, &sequence(&[])),
        ),
        case("e_ext_key_usage_cert_sign_without_ca", keeps(), |made| {
            made.with(KEY_USAGE, Critical, &sign_certificates)
        }),
        case("e_ext_subject_key_identifier_missing_ca", root(), |made| {
            made.without(SUBJECT_KEY)
        }),
        case("e_incorrect_ku_encoding", keeps(), |made| {
            made.with(KEY_USAGE, Critical, &with_zeros)
        }),
        case("e_issuer_field_empty", keeps(), Made::issuerless),
        case("e_serial_number_not_positive", keeps(), |made| {
            made.serial(&[0])
        }),
        case("e_subject_empty_without_san", keeps(), Made::nameless),
        case(
            "w_distribution_point_missing_ldap_or_uri",
            keeps(),
            |made| made.with(CRL_POINTS, Plain, &https),
        ),
        case("w_ext_key_usage_not_critical", keeps(), |made| {
            made.with(KEY_USAGE, Plain, &usage)
        }),
        case(
            "w_ext_subject_key_identifier_missing_sub_cert",
            keeps(),
            |made| made.without(SUBJECT_KEY),
        ),
    ]
}

/// Rules of our own.
fn of_stir() -> Vec<Case> {
    let plain = |included: &[&str]| {
        let value = constraints(included, &[]);
        move |made: Made| made.with(CONSTRAINTS, Plain, &value)
    };
    let enhanced = |included: &[&str], excluded: &[&str]| {
        let value = constraints(included, excluded);
        move |made: Made| made.with(ENHANCED_CONSTRAINTS, Plain, &value)
    };
    let without_div = || enhanced(&[], &["div"])(loose());
    let with_attest = plain(&["attest"])(loose());
    let delegate = loose().with(TN_AUTH_LIST, Plain, &tn_auth_list(&[number("12025550100")]));
    let crl = crl_at(&[CRL], Issuer::Named);
    let never_revoked = end_entity()
        .without(CRL_POINTS)
        .with(NO_REV_AVAIL, Plain, &[5, 0]);
    let list = access(STIR_TN_LIST, "https://ca.example/list");
    vec![
        case(
            "e_stir_claim_constraints_malformed",
            without_div(),
            |made| made.with(ENHANCED_CONSTRAINTS, Plain, &[0x30, 0x80]),
        ),
        case(
            "e_stir_claim_constraints_twice",
            without_div(),
            plain(&["attest"]),
        ),
        case("e_stir_delegate_without_authority_key", delegate, |made| {
            made.without(AUTHORITY_KEY)
        }),
        case(
            "e_stir_must_exclude_baseline",
            without_div(),
            enhanced(&[], &["orig"]),
        ),
        case("e_stir_no_rev_avail_conflict", never_revoked, |made| {
            made.with(CRL_POINTS, Plain, &crl)
        }),
        case("e_stir_tn_auth_list_malformed", loose(), |made| {
            made.with(TN_AUTH_LIST, Plain, &sequence(&[]))
        }),
        case(
            "w_stir_claim_constraints_contradict",
            without_div(),
            enhanced(&["div"], &["div"]),
        ),
        case(
            "w_stir_claim_constraints_of_authority",
            intermediate(),
            plain(&["attest"]),
        ),
        case(
            "w_stir_must_exclude_rcdi",
            without_div(),
            enhanced(&[], &["rcdi"]),
        ),
        case("w_stir_must_include_baseline", with_attest, plain(&["iat"])),
        case("w_stir_tn_auth_list_twice", loose(), |made| {
            made.with(ACCESS, Plain, &list)
        }),
    ]
}

/// An end entity of before the SHAKEN profile said which extensions there may be.
fn loose() -> Made {
    end_entity().issued("230301000000Z")
}

fn cases() -> Vec<Case> {
    [
        pairs(),
        pairs_about_names(),
        of_end_entities(),
        of_authorities(),
        of_rfc5280(),
        of_stir(),
    ]
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
        // The profile knows no extension of the RFCs about STIR.
        if !name.contains("_stir_") {
            assert_eq!(lint::run(&quiet), [], "{name}");
        }
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

proptest::proptest! {
    /// This test verifies that no extension value makes a rule panic, and that what is found is a rule of the list.
    #[test]
    fn every_extension_value_has_a_verdict(
        kind in 0_usize..EXTENSIONS.len(),
        value in proptest::collection::vec(0_u8.., 0..40),
        cut in 0_usize..40,
    ) {
        let known = end_entity().with(EXTENSIONS[kind], Plain, &value).read();
        let list = tn_auth_list(&[provider("0001"), number("12025550100")]);
        let short = end_entity().with(TN_AUTH_LIST, Plain, &list[..cut.min(list.len())]).read();
        for finding in lint::run(&known).iter().chain(&lint::run(&short)) {
            assert!(LINTS.iter().any(|lint| lint.name == finding.name));
        }
    }
}

/// The extensions that rules look into.
const EXTENSIONS: [&str; 10] = [
    ACCESS,
    AUTHORITY_KEY,
    BASIC_CONSTRAINTS,
    CONSTRAINTS,
    CRL_POINTS,
    ENHANCED_CONSTRAINTS,
    KEY_USAGE,
    POLICIES,
    SUBJECT_KEY,
    TN_AUTH_LIST,
];

/// The rules that a certificate breaks.
fn broken(made: &Made) -> Vec<&'static str> {
    let findings = lint::run(&made.read());
    findings.iter().map(|finding| finding.name).collect()
}

/// This test verifies that a finding shows the text of a certificate so that it cannot act on a terminal or begin a line.
#[test]
fn text_of_a_certificate_is_shown_escaped() {
    let made = end_entity().subject(COMMON_NAME, "a\n\u{1b}[2J\u{202e}");
    let findings = lint::run(&made.read());
    let shown = findings.iter().find(|one| one.name == "e_atis_subject_cn");
    let expected = r#"SHAKEN does not stand in the common name "a\n\u{1b}[2J\u{202e}""#;
    assert_eq!(shown.map(|one| one.detail.as_str()), Some(expected));
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

#[test]
fn digest04_case17_both_extensions_that_constrain_claims() {
    let made = loose()
        .with(CONSTRAINTS, Plain, &constraints(&["attest"], &[]))
        .with(ENHANCED_CONSTRAINTS, Plain, &constraints(&[], &["div"]));
    assert_eq!(broken(&made), ["e_stir_claim_constraints_twice"]);
}

/// This test verifies that constraints and lists of an authority are noticed, and that what they hold is not read as more.
#[test]
fn an_authority_with_a_list_and_constraints_is_told_both() {
    let list = tn_auth_list(&[number("12025550100")]);
    let made = intermediate()
        .issued("230301000000Z")
        .without(AUTHORITY_KEY)
        .with(TN_AUTH_LIST, Plain, &list)
        .with(CONSTRAINTS, Plain, &[0x30, 0x80]);
    let found = broken(&made);
    for name in [
        "e_atis_tn_auth_list_ca",
        "e_stir_delegate_without_authority_key",
        "w_stir_claim_constraints_of_authority",
    ] {
        assert!(found.contains(&name), "{name} is not among {found:?}");
    }
}
