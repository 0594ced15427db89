//! Integration tests of the server: real sockets, real TLS, hostile peers. One file per behaviour.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test that cannot go on says so, and nobody outside sees its names"
)]

mod a_branded_call_whose_logo_changed;
mod a_call_forwarded_twice;
mod a_forged_bye;
mod a_one_time_code;
mod answers_gone_wrong;
mod any_bytes;
mod ask_then_call;
mod asked_by_whom;
mod attestation;
mod authority;
mod authority_journal;
mod b2bua;
mod bad_peers;
mod bad_wire;
mod b2bua_memory;
mod board;
mod brands;
mod bypass_token;
mod card_in_compact_form;
mod changed_certificate;
mod config_check;
mod cli;
mod div_o_on_the_wire;
mod diversions;
mod drain;
mod emergency_and_call_back;
mod emergency_calls;
mod event_stores;
mod fetch_caching;
mod fetch_guard;
mod fetch_hostile;
mod fetch_lists;
mod fetch_resources;
mod fetch_single_flight;
mod first_call;
mod garbage;
mod handed_down;
mod hostile_lists;
mod hostile_repository;
mod http_client_certificates;
mod http_kinds;
mod http_listeners;
mod http_messages;
mod http_schemathesis;
mod http_signing;
mod http_verification;
mod kamailio_asks;
mod kamailio_asks_over_http;
mod kamailio_signs;
mod kamailio_verifies;
mod made_to_hurt;
mod metrics_page;
mod moved_clock;
mod one_fetch_for_all;
mod one_good_and_one_bad_identity;
mod overload;
mod passports;
mod peers;
mod peers_among_themselves;
mod peers_and_our_passports;
mod prewarm;
mod privacy;
mod name_server;
mod next_hops_by_name;
mod next_hops_that_live;
mod provider;
mod redirect;
mod refuses_to_start;
mod reload;
mod reload_command;
mod replay;
mod repository;
mod retransmission;
mod lists_of_anchors;
mod killed_at_any_point;
mod modes_and_transports;
mod revocation;
mod soak;
mod stapled_over_https;
mod supervised;
mod secured_media;
mod several_interfaces;
mod switch;
mod takeover;
mod thousand_chains;
mod tls_calls;
mod tls_connections;
mod tls_names;
mod tls_reload;
mod three_providers;
mod traces;
mod trust_domains;
mod torture_on_the_wire;
mod transports;
mod two_honest_diversions;
mod up;
mod who_answers_first;
mod who_may_call;
mod who_picked_up;
mod who_speaks;
mod whom_a_caller_is_told;
mod whose_numbers;
