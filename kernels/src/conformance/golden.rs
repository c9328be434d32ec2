//! The digests to expect. `cargo xtask golden` writes golden.txt from the independent reading in tests/reference: a line
//! for each case with the kernel, the case's name, the SHA-256 of the case's canonical JSON, and for each output its name
//! and the SHA-256 of its little-endian bytes.

/// The committed text.
pub const GOLDEN: &str = include_str!("golden.txt");

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

/// The lines of a kernel, which stand together: they identify its cases and what these have to give.
pub fn golden_lines(kernel: &str) -> impl Iterator<Item = &'static str> {
    let of_kernel = move |line: &&str| line.strip_prefix(kernel).is_some_and(|rest| rest.starts_with(' '));
    GOLDEN.lines().filter(of_kernel)
}

/// What the case `name` of `kernel` has to give; `None` where nothing was derived yet.
pub fn golden(kernel: &str, name: &str) -> Option<Golden> {
    golden_lines(kernel).find_map(|line| {
        let mut words = line.splitn(4, ' ').skip(1);
        let (case, _text, outputs) = (words.next()?, words.next()?, words.next()?);
        (case == name).then_some(Golden { outputs })
    })
}
