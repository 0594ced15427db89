//! What holds for the project as a whole: one test binary, one file a behaviour.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]
#![allow(
    clippy::print_stdout,
    reason = "a report of what is close to a limit is read with --nocapture"
)]

mod judged_folders;
mod judgement;
mod rfc9060;
mod seeds;
mod signing;
mod tidy;
