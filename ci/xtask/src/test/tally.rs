//! Counts of tests, and reading them from what test programs print. It runs nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;

use anyhow::{Context as _, Result};

/// How many passed, failed, and did not run by their own decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// One check that passed.
    pub(crate) fn success() -> Self {
        Self { passed: 1, ..Self::default() }
    }

    /// One check that failed.
    pub(crate) fn failure() -> Self {
        Self { failed: 1, ..Self::default() }
    }

    /// The same with tests that ended early for these reasons, one each, which their harness counted as passed.
    pub(crate) fn with_skips(self, reasons: &[String]) -> Self {
        let mut each: BTreeMap<&String, u64> = BTreeMap::new();
        reasons.iter().for_each(|reason| *each.entry(reason).or_default() += 1);
        each.iter().for_each(|(reason, count)| println!("skipped: {count} tests: {reason}"));
        let skipped = (reasons.len() as u64).min(self.passed);
        Self { passed: self.passed - skipped, skipped: self.skipped + skipped, ..self }
    }

    /// From the lines `test result: ok. 3 passed; 0 failed; 1 ignored; ...`, one for each test program. A program that
    /// ended badly without saying that a test failed counts as one failure more.
    pub(crate) fn from_libtest(lines: &[String], succeeded: bool) -> Result<Self> {
        let mut total = Self::default();
        for line in lines.iter().filter_map(|line| line.trim_start().strip_prefix("test result:")) {
            let count = |word: &str| number_before(line, word).with_context(|| format!("no `{word}` in `{line}`"));
            total += Self { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? };
        }
        if !succeeded && total.failed == 0 {
            total.failed = 1;
        }
        Ok(total)
    }

    /// From the line `Summary [ 0.1s] 3 tests run: 2 passed (1 slow), 1 failed, 9 skipped`. What it calls skipped was
    /// only filtered out, so the caller gives the number of ignored tests.
    pub(crate) fn from_nextest(lines: &[String], succeeded: bool, ignored: u64) -> Result<Self> {
        let summary = lines.iter().rev().find_map(|line| line.trim_start().strip_prefix("Summary ["));
        let summary = summary.context("nextest printed no summary")?;
        let (_, counts) = summary.split_once(']').context("nextest's summary has another form")?;
        let run = number_before(counts, "tests run").or_else(|| number_before(counts, "test run"));
        let run = run.context("nextest's summary does not say how many tests ran")?;
        let passed = number_before(counts, "passed").unwrap_or(0);
        let failed = run.saturating_sub(passed).max(u64::from(!succeeded));
        Ok(Self { passed, failed, skipped: ignored })
    }
}

/// The number that stands before a word, as in `12 passed`; of `3/12 tests run` the second.
fn number_before(text: &str, word: &str) -> Option<u64> {
    let (before, _) = text.split_once(word)?;
    before.trim_end().rsplit([' ', '/']).next()?.parse().ok()
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |mut total, tally| {
            total += tally;
            total
        })
    }
}

/// `N passed, N failed`, and `, N skipped` when any were.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_last_line_has_one_form() {
        assert_eq!(Tally { passed: 3, failed: 0, skipped: 0 }.to_string(), "3 passed, 0 failed");
        assert_eq!(Tally { passed: 3, failed: 1, skipped: 2 }.to_string(), "3 passed, 1 failed, 2 skipped");
    }

    #[test]
    fn tests_that_could_not_run_have_not_passed() {
        let tally = Tally { passed: 5, failed: 1, skipped: 1 };
        assert_eq!(tally.with_skips(&lines("no GPU\nno GPU")), Tally { passed: 3, failed: 1, skipped: 3 });
        assert_eq!(tally.with_skips(&[]), tally);
    }

    #[test]
    fn libtest_programs_add_up() {
        let text = "running 3 tests\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        let tally = Tally::from_libtest(&lines(text), false).expect("counts");
        assert_eq!(tally, Tally { passed: 4, failed: 2, skipped: 1 });
        assert_eq!(Tally::from_libtest(&[], false).expect("a crash"), Tally::failure());
        assert_eq!(Tally::from_libtest(&[], true).expect("nothing"), Tally::default());
    }

    #[test]
    fn nextest_summaries_are_read() {
        let read = |text: &str, ok| Tally::from_nextest(&lines(text), ok, 0).map(|t| (t.passed, t.failed));
        let summary = "     Summary [   0.031s] 14 tests run: 14 passed, 0 skipped";
        assert_eq!(read(summary, true).expect("counts"), (14, 0));
        let summary = "     Summary [   9.0s] 4 tests run: 2 passed (1 slow), 1 failed, 1 timed out, 3 skipped";
        assert_eq!(read(summary, false).expect("counts"), (2, 2));
        let summary = "     Summary [   9.0s] 1/4 tests run: 1 passed, 0 skipped";
        assert_eq!(read(summary, false).expect("counts"), (1, 3));
        let summary = "     Summary [   0.0s] 1 test run: 1 passed, 0 skipped";
        assert_eq!(read(summary, true).expect("counts"), (1, 0));
        assert!(read("error: no such filter", false).is_err());
    }
}
