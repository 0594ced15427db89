//! The ACME server, asked as clients ask it: bytes in, bytes out, every event kept and read back.

mod accounts;
mod enrolling;
mod finalizing;
mod lost_and_repeated;
mod mutations;
mod requests;
mod revoking;
mod site;
mod tokens;
