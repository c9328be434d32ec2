//! What a proof says: progress on a terminal, a line for each part, and the first difference. The only file that prints.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// A message on stderr.
pub(crate) fn problem(text: &str) {
    eprintln!("error: {text}");
}

/// A line of the result on stdout.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// A counter that is shown on a terminal only.
pub(crate) struct Progress {
    what: String,
    shown: Instant,
    terminal: bool,
}

impl Progress {
    pub(crate) fn new(what: impl Into<String>) -> Progress {
        Progress { what: what.into(), shown: Instant::now(), terminal: std::io::stderr().is_terminal() }
    }

    /// Shows `done` of `total`, a few times a second.
    pub(crate) fn at(&mut self, done: u64, total: u64) {
        if self.terminal && self.shown.elapsed() > Duration::from_millis(200) {
            self.shown = Instant::now();
            eprint!("\r\x1b[K{}: {done} of {total}", self.what);
            let _ = std::io::stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
