//! The ACME server, asked as clients ask it: bytes in, bytes out, every event kept and read back.

mod a_year_of_renewals;
mod accounts;
mod counted_checks;
mod enrolling;
mod finalizing;
mod lost_and_repeated;
mod mutations;
mod our_client;
mod requests;
mod revoking;
mod short_lives;
mod site;
mod tokens;
mod world;
