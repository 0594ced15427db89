//! Behaviour of the crate seen from outside: one module per behaviour, one per document whose examples are checked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

mod json_test_suite;
mod lints_fire_and_stay_quiet;
mod lints_page;
mod made_certificate;
mod media_keys;
mod national_plans;
mod passport_defects;
mod passport_round_trip;
mod public_lints;
mod public_passports;
mod rfc5280;
mod rfc7095;
mod rfc7515;
mod rfc7520;
mod rfc8225;
mod rfc8226;
mod rfc8443;
mod rfc8588;
mod rfc8816;
mod rfc8946;
mod rfc9027;
mod rfc9118;
mod rfc9410;
mod rfc9795;
mod rfc9970;
mod vectors;
mod wycheproof_ecdsa;
mod wycheproof_jws;
