//! The digests to expect. `cargo xtask golden` writes golden.txt from the independent reading in tests/reference: a line
//! for each case with the kernel, the case's name, the SHA-256 of the case's canonical JSON, and for each output its name
//! and the SHA-256 of its little-endian bytes.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The committed text.
pub const GOLDEN: &str = include_str!("golden.txt");

/// Where the lines of each kernel stand in the text, together as the catalogue orders them.
static BLOCKS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let mut places: HashMap<&'static str, (usize, usize)> = HashMap::new();
    let mut begin = 0;
    for line in GOLDEN.split_inclusive('\n') {
        let end = begin + line.len();
        let kernel = line.split(' ').next().unwrap_or(line);
        places.entry(kernel).and_modify(|place| place.1 = end).or_insert((begin, end));
        begin = end;
    }
    places.into_iter().map(|(kernel, (begin, end))| (kernel, &GOLDEN[begin..end])).collect()
});

/// What a case has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Golden {
    outputs: &'static str,
}

impl Golden {
    /// SHA-256 of the output of this name.
    pub fn output(&self, name: &str) -> Option<&'static str> {
        let mut words = self.outputs.split(' ').filter_map(|word| word.split_once('='));
        words.find(|(output, _)| *output == name).map(|(_, sha256)| sha256)
    }
}

/// The lines of a kernel: they identify its cases and what these have to give. Empty for a kernel without any.
pub fn golden_text(kernel: &str) -> &'static str {
    BLOCKS.get(kernel).copied().unwrap_or_default()
}

/// What the case `name` of `kernel` has to give; `None` where nothing was derived yet.
pub fn golden(kernel: &str, name: &str) -> Option<Golden> {
    golden_text(kernel).lines().find_map(|line| {
        let mut words = line.splitn(4, ' ').skip(1);
        let (case, _text, outputs) = (words.next()?, words.next()?, words.next()?);
        (case == name).then_some(Golden { outputs })
    })
}
