//! Counting: how many tests passed, failed and were skipped, read from what the runners print.

use std::iter::Sum;

/// How many tests ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// A check that is one test.
    pub(crate) fn of_check(passed: bool) -> Self {
        let (passed, failed) = (u64::from(passed), u64::from(!passed));
        Self {
            passed,
            failed,
            skipped: 0,
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |sum, one| Self {
            passed: sum.passed + one.passed,
            failed: sum.failed + one.failed,
            skipped: sum.skipped + one.skipped,
        })
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        match self.skipped {
            0 => Ok(()),
            skipped => write!(f, ", {skipped} skipped"),
        }
    }
}

/// The tally in a runner's summary line; `None` for every other line.
///
/// Understood are `cargo test` (`test result: ok. 5 passed; 0 failed; 1 ignored; …`) and nextest
/// (`Summary [ 0.1s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 2 skipped`).
pub(crate) fn read(line: &str) -> Option<Tally> {
    // What a failing test printed is shown indented: its own talk of results is no result of the runner.
    if let Some(rest) = line.strip_prefix("test result: ") {
        let (_ok_or_failed, counts) = rest.split_once(". ")?;
        return Some(counts.split(';').filter_map(one_count).sum());
    }
    let rest = line.trim_start().strip_prefix("Summary [")?;
    let (_run, counts) = rest.split_once(" run: ")?;
    Some(
        without_asides(counts)
            .split(',')
            .filter_map(one_count)
            .sum(),
    )
}

/// `7 passed`, `1 timed out`, `2 ignored`; what is neither passed nor left out is a failure, except what is no test at all.
fn one_count(text: &str) -> Option<Tally> {
    let (number, word) = text.trim().split_once(' ')?;
    let number = number.parse().ok()?;
    let mut tally = Tally::default();
    match word.trim() {
        "passed" => tally.passed = number,
        "ignored" | "skipped" => tally.skipped = number,
        "failed" | "timed out" | "exec failed" | "exited with failure" => tally.failed = number,
        // "3 filtered out", "0 measured"
        _ => return None,
    }
    Some(tally)
}

/// `7 passed (1 slow, 1 leaky), 1 failed` without what stands in brackets.
fn without_asides(text: &str) -> String {
    let mut depth = 0_u32;
    let mut kept = String::new();
    for character in text.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            other if depth == 0 => kept.push(other),
            _ => {}
        }
    }
    kept
}

/// A line without the colour sequences of a terminal (ESC `[` … letter).
pub(crate) fn without_colour(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            kept.push(character);
            continue;
        }
        let _sequence = characters.find(char::is_ascii_alphabetic);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: u64, failed: u64, skipped: u64) -> Option<Tally> {
        Some(Tally {
            passed,
            failed,
            skipped,
        })
    }

    #[test]
    fn the_summary_of_cargo_test_is_read() {
        let line = "test result: ok. 42 passed; 0 failed; 3 ignored; 0 measured; 7 filtered out; finished in 0.10s";
        assert_eq!(read(line), tally(42, 0, 3));
        let line = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(read(line), tally(1, 2, 0));
    }

    #[test]
    fn the_summary_of_nextest_is_read() {
        let line = "     Summary [   0.250s] 25 tests run: 25 passed, 0 skipped";
        assert_eq!(read(line), tally(25, 0, 0));
        let line = "Summary [  12.0s] 30 tests run: 26 passed (1 slow, 2 leaky), 1 failed, 3 timed out, 2 skipped";
        assert_eq!(read(line), tally(26, 4, 2));
    }

    #[test]
    fn other_lines_are_no_summaries() {
        for line in [
            "test a::b ... ok",
            "running 3 tests",
            "Summary",
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
            "12 passed, 0 failed",
            "",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn colours_are_taken_off() {
        assert_eq!(
            without_colour("\u{1b}[32;1m Summary\u{1b}[0m [x"),
            " Summary [x"
        );
    }

    #[test]
    fn the_closing_line_names_what_was_skipped_only_if_something_was() {
        let shown = |passed, failed, skipped| {
            Tally {
                passed,
                failed,
                skipped,
            }
            .to_string()
        };
        assert_eq!(shown(3, 0, 0), "3 passed, 0 failed");
        assert_eq!(shown(3, 1, 2), "3 passed, 1 failed, 2 skipped");
    }
}
