//! What holds for the project as a whole: one test binary, one file a behaviour.

#![allow(
    clippy::print_stdout,
    reason = "a report of what is close to a limit is read with --nocapture"
)]

mod judgement;
mod seeds;
mod tidy;
