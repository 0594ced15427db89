//! The public rules for STI certificates: the SHAKEN certificate profile and the United States certificate policy. One rule a
//! file, named after it.

pub(super) mod e_atis_ext_authority_key_identifier;
pub(super) mod e_atis_ext_authority_key_identifier_ca;
pub(super) mod e_atis_version;
pub(super) mod e_atis_version_ca;
