//! What the certification authority issues, judged by the verifier of this project and by other people's tools.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

mod authority_tokens;
mod acme;
mod candidate_paths;
mod certification_requests;
mod delegation;
mod encompassing;
mod is_it_still_good;
mod lists_by_reference;
mod exceptions;
mod hostile_chains;
mod limbo;
mod limits_of_authorities;
mod openssl;
mod other_algorithms;
mod path_to_an_anchor;
mod paths_of_the_past;
mod pkits;
mod profiles;
mod register;
mod revocation_beside_openssl;
mod revocation_lists;
mod revoked_certificates;
mod signed_lists_of_anchors;
mod spoilt;
mod there_and_back;
mod verdicts_are_remembered;
mod token_authority;
mod webpki;
mod what_certificates_must_be;
mod witnesses;
mod which_lints_bind;
mod whose_lists_are_heard;
mod whose_answers;
