//! A short soak: what `cargo xtask soak` does with a million calls.
//!
//! ```text
//!     load, 400 calls a second ──► serve, signs ──► serve, verifies ──► load: every verdict as it must be?
//! ```
//!
//! This test verifies that a steady load of good, unlisted, unsigned and tampered calls gets every answer and every verdict right.

use crate::provider::COUNTERSIGN;
use countersign_testkit::load::{Tally, soak};
use std::path::Path;

const CALLS: u64 = 2_000;
const CALLS_A_SECOND: u32 = 400;

#[test]
fn every_call_is_answered_and_every_verdict_is_right() {
    let outcome = soak::run(Path::new(COUNTERSIGN), CALLS, CALLS_A_SECOND).unwrap();
    let told = outcome.lines().join("\n");
    assert!(outcome.is_good(), "{told}");
    assert_eq!(Tally::read(&outcome.tally.right), CALLS, "{told}");
}
