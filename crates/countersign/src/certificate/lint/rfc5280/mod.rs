//! The public rules of RFC 5280 that STI certificates break. One rule a file, named after it. Where an older
//! profile had asked the same, the rule has its date.

pub(super) mod e_ca_subject_field_empty;
pub(super) mod e_cert_extensions_version_not_3;
pub(super) mod e_ext_authority_key_identifier_missing;
pub(super) mod e_ext_authority_key_identifier_no_key_identifier;
pub(super) mod e_ext_key_usage_cert_sign_without_ca;
pub(super) mod e_ext_subject_key_identifier_missing_ca;
pub(super) mod e_incorrect_ku_encoding;
pub(super) mod e_issuer_field_empty;
pub(super) mod e_serial_number_not_positive;
pub(super) mod e_subject_empty_without_san;
pub(super) mod w_distribution_point_missing_ldap_or_uri;
pub(super) mod w_ext_key_usage_not_critical;
pub(super) mod w_ext_subject_key_identifier_missing_sub_cert;
