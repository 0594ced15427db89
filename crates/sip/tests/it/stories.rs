//! Ten thousand stories, each of a seed of its own: told in quarters, which run beside each other.

use std::collections::BTreeSet;

/// How many there are.
const SEEDS: u64 = 10_000;
/// In how many parts.
const PARTS: usize = 4;

/// Four tests: each verifies that its quarter of the stories ends well, and that everything happened in it that is to be expected.
macro_rules! in_quarters {
    ($story:ident, $expected:expr) => {
        /// This test verifies that a quarter of the stories ends well.
        #[test]
        fn the_first_quarter_of_the_stories_ends_well() {
            crate::stories::tell(0, $story, &$expected);
        }

        /// This test verifies the same of the second quarter.
        #[test]
        fn the_second_quarter_of_the_stories_ends_well() {
            crate::stories::tell(1, $story, &$expected);
        }

        /// This test verifies the same of the third quarter.
        #[test]
        fn the_third_quarter_of_the_stories_ends_well() {
            crate::stories::tell(2, $story, &$expected);
        }

        /// This test verifies the same of the last quarter.
        #[test]
        fn the_last_quarter_of_the_stories_ends_well() {
            crate::stories::tell(3, $story, &$expected);
        }
    };
}
pub(crate) use in_quarters;

/// Tells one part of the stories; a story tells what happened in it.
pub(crate) fn tell(part: u64, story: fn(u64) -> BTreeSet<&'static str>, expected: &[&str]) {
    let mut seen = BTreeSet::new();
    for seed in (part..SEEDS).step_by(PARTS) {
        let told = std::panic::catch_unwind(|| story(seed));
        seen.append(&mut told.unwrap_or_else(|_| panic!("the story of seed {seed}")));
    }
    // A simulation in which these never happen would prove little.
    assert_eq!(seen, expected.iter().copied().collect());
}
