//! The digests to expect. `cargo xtask golden` writes golden.txt from the independent reading in tests/reference: a line
//! for each case with the kernel, the case's name, the SHA-256 of the case's canonical JSON, and for each output its name
//! and the SHA-256 of its little-endian bytes.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The committed text.
pub const GOLDEN: &str = include_str!("golden.txt");

/// What a case has to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Golden {
    /// The whole line.
    pub line: &'static str,
    /// SHA-256 of the case's canonical JSON, for which these outputs were derived.
    pub case: &'static str,
    /// SHA-256 of each output by name, in catalogue order.
    pub outputs: Vec<(&'static str, &'static str)>,
}

/// Each line by kernel and case.
static LINES: LazyLock<HashMap<(&'static str, &'static str), &'static str>> = LazyLock::new(|| {
    let line = |line: &'static str| {
        let mut words = line.split(' ');
        Some(((words.next()?, words.next()?), line))
    };
    GOLDEN.lines().filter_map(line).collect()
});

/// What the case `name` of `kernel` has to give; `None` where nothing was derived yet.
pub fn golden(kernel: &str, name: &str) -> Option<Golden> {
    let line = LINES.get(&(kernel, name))?;
    let mut words = line.split(' ').skip(2);
    let case = words.next()?;
    let outputs = words.map(|word| word.split_once('=')).collect::<Option<Vec<_>>>()?;
    Some(Golden { line, case, outputs })
}
