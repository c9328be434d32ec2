//! A test that finds that it cannot run says so and returns; to a test harness that is a test that passed. So it leaves a
//! line in the file that `cargo xtask test` names, by which it is counted as skipped.

use std::fs::File;
use std::io::Write as _;

/// The file's name stands in this variable.
pub const VARIABLE: &str = "CLAMP_TEST_SKIPS";

/// Notes that the calling test ends here, and why; call it once a test, and return.
///
/// # Panics
/// If the file is named and cannot be written: the test would count as passed.
pub fn skip(why: &str) {
    eprintln!("skipped: {why}");
    if let Some(path) = std::env::var_os(VARIABLE) {
        // One write, so that lines of several programs do not mix.
        let written = File::options()
            .append(true)
            .create(true)
            .open(&path)
            .and_then(|mut file| file.write_all(format!("{}\n", why.replace('\n', " ")).as_bytes()));
        assert!(written.is_ok(), "cannot note a skip in {}: {written:?}", path.display());
    }
}
