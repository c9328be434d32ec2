//! The question whether a device computes as the specification needs it, before any kernel is trusted to it: rounding,
//! subnormals, fused steps, contraction, division and square root, on operands where a device that cuts a corner shows.
//! A backend compiles the module, runs the two entry points and hands the results to [`Probe::judge`].

use super::{Module, Source, Target};
use crate::random::philox_words;

const SOURCE: &str = include_str!("probe.c");

/// Results of one triple of operands.
const RESULTS: usize = 9;

/// Triples of arbitrary bits beside the chosen ones.
const ARBITRARY: usize = 1024;

/// Names of the results, in order; the last is another in binary64.
const NAMES: [&str; RESULTS] = [
    "x + y",
    "x - y",
    "x * y",
    "x / y",
    "the square root of x",
    "a fused x * y + z",
    "x * y + z in two roundings",
    "x rounded to an integer",
    "the greater of z and the lesser of x and y",
];

/// Places of division and square root among the results.
const DIV_SQRT: [usize; 2] = [3, 4];

/// What a device is asked.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The module; its entry points are `probe32` and, on a device with binary64, `probe64`. Each takes the operands, the
    /// room for results (both a buffer and an offset) and the count of triples as a u64.
    pub module: Module,
    /// Three operands a triple.
    pub operands32: Vec<u32>,
    /// As many in binary64.
    pub operands64: Vec<u64>,
}

/// What a device's answers say; each error is the first wrong result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Binary32 but for division and square root: no kernel of floats is right without it.
    pub arithmetic32: Result<(), String>,
    /// Binary32 division and square root; with [`Target::exact_div_sqrt`] unset they go through binary64.
    pub div_sqrt32: Result<(), String>,
    /// Binary64, all of it; with [`Target::fp64`] unset the kernels that compute in it are refused.
    pub arithmetic64: Result<(), String>,
}

impl Probe {
    /// The probe of a target as its driver describes it.
    pub fn of(target: &Target) -> Probe {
        let mut entries = vec!["probe32"];
        entries.extend(target.fp64.then_some("probe64"));
        let source = Source { key: "probe".to_owned(), defines: Vec::new(), parts: vec![SOURCE], entries, fp64: false };
        Probe { module: source.module(target), operands32: operands32(), operands64: operands64() }
    }

    /// How many triples there are.
    pub fn triples(&self) -> usize {
        self.operands32.len() / 3
    }

    /// Results for each entry point: [`RESULTS`](Self::results) elements a triple.
    pub fn results(&self) -> usize {
        self.triples() * RESULTS
    }

    /// Holds the device's results against this processor's; none for binary64 where it was not asked.
    pub fn judge(&self, results32: &[u32], results64: &[u64]) -> Verdict {
        let expected32 = self.operands32.chunks_exact(3).map(|triple| {
            let [x, y, z] = [0, 1, 2].map(|position| f32::from_bits(triple[position]));
            let values =
                [x + y, x - y, x * y, x / y, x.sqrt(), x.mul_add(y, z), x * y + z, x.round_ties_even(), f32::NAN];
            let mut bits = values.map(|value| u64::from(canonical32(value)));
            bits[8] = u64::from(max32(min32(x, y), z));
            bits
        });
        let expected64 = self.operands64.chunks_exact(3).map(|triple| {
            let [x, y, z] = [0, 1, 2].map(|position| f64::from_bits(triple[position]));
            let there_and_back = f64::from(x as f32);
            [x + y, x - y, x * y, x / y, x.sqrt(), x.mul_add(y, z), x * y + z, x.round_ties_even(), there_and_back]
                .map(canonical64)
        });
        let operands32: Vec<u64> = self.operands32.iter().copied().map(u64::from).collect();
        let results32: Vec<u64> = results32.iter().copied().map(u64::from).collect();
        let is_div_sqrt = |position: &usize| DIV_SQRT.contains(position);
        Verdict {
            arithmetic32: compare(&operands32, expected32.clone(), &results32, |position| !is_div_sqrt(position)),
            div_sqrt32: compare(&operands32, expected32, &results32, is_div_sqrt),
            arithmetic64: compare(&self.operands64, expected64, results64, |_| true),
        }
    }
}

/// The first result that is not as expected, among those at the places that count.
fn compare(
    operands: &[u64],
    expected: impl Iterator<Item = [u64; RESULTS]>,
    got: &[u64],
    counts: impl Fn(&usize) -> bool,
) -> Result<(), String> {
    for ((triple, expected), got) in operands.chunks_exact(3).zip(expected).zip(got.chunks_exact(RESULTS)) {
        for position in (0..RESULTS).filter(&counts) {
            if expected[position] != got[position] {
                let ([x, y, z], name) = ([triple[0], triple[1], triple[2]], NAMES[position]);
                let (got, expected) = (got[position], expected[position]);
                return Err(format!("{name} of x = {x:#x}, y = {y:#x}, z = {z:#x} gives {got:#x}, not {expected:#x}"));
            }
        }
    }
    Ok(())
}

fn canonical32(x: f32) -> u32 {
    if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() }
}

fn canonical64(x: f64) -> u64 {
    if x.is_nan() { 0x7ff8_0000_0000_0000 } else { x.to_bits() }
}

/// In the order -0 < +0, which is that of `total_cmp`; NaN if either is.
fn min32(x: f32, y: f32) -> f32 {
    if x.is_nan() || y.is_nan() { f32::NAN } else { std::cmp::min_by(x, y, f32::total_cmp) }
}

fn max32(x: f32, y: f32) -> u32 {
    canonical32(if x.is_nan() || y.is_nan() { f32::NAN } else { std::cmp::max_by(x, y, f32::total_cmp) })
}

/// Ties, neighbours of powers of two, subnormals, the ends and NaNs in all triples; then arbitrary bits.
fn operands32() -> Vec<u32> {
    let chosen = [
        0x0000_0000,
        0x8000_0000,
        0x0000_0001,
        0x807f_ffff,
        0x0080_0000,
        0x0080_0001,
        0x3f80_0000,
        0x3f80_0001,
        0xbf80_0002,
        0x3400_0000,
        0x3f7f_ffff,
        0x4040_0000,
        0x4b80_0001,
        0x1f80_0001,
        0x7f7f_ffff,
        0xff80_0000,
        0x7f80_0001,
    ];
    let mut operands = triples(&chosen);
    let from = operands.len();
    operands.resize(from + 3 * ARBITRARY, 0);
    philox_words(32, 0, 0, &mut operands[from..]);
    // Half of them of like magnitude, where sums round and quotients lie close together.
    for word in operands[from..].iter_mut().skip(3 * ARBITRARY / 2) {
        *word = *word & 0x83ff_ffff | 0x3c00_0000;
    }
    operands
}

fn operands64() -> Vec<u64> {
    let chosen = [
        0x0000_0000_0000_0000,
        0x8000_0000_0000_0000,
        0x0000_0000_0000_0001,
        0x800f_ffff_ffff_ffff,
        0x0010_0000_0000_0000,
        0x0010_0000_0000_0001,
        0x3ff0_0000_0000_0000,
        0x3ff0_0000_0000_0001,
        0xbff0_0000_0000_0002,
        0x3ca0_0000_0000_0000,
        0x3fef_ffff_ffff_ffff,
        0x4008_0000_0000_0000,
        // Middles of two binary32 numbers, of normal ones and of subnormal ones.
        0x3ff0_0000_1000_0000,
        0x36a8_0000_0000_0000,
        0x47ef_ffff_f000_0000,
        0x7fef_ffff_ffff_ffff,
        0xfff0_0000_0000_0001,
    ];
    let mut operands = triples(&chosen);
    let mut words = vec![0; 6 * ARBITRARY];
    philox_words(64, 0, 0, &mut words);
    operands.extend(words.chunks_exact(2).enumerate().map(|(position, pair)| {
        let word = u64::from(pair[0]) << 32 | u64::from(pair[1]);
        if position < 3 * ARBITRARY / 2 { word } else { word & 0x803f_ffff_ffff_ffff | 0x3fc0_0000_0000_0000 }
    }));
    operands
}

fn triples<T: Copy>(chosen: &[T]) -> Vec<T> {
    let mut triples = Vec::new();
    for &x in chosen {
        for &y in chosen {
            for &z in chosen {
                triples.extend([x, y, z]);
            }
        }
    }
    triples
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Dialect;

    fn probe() -> Probe {
        Probe::of(&Target {
            dialect: Dialect::OpenCl,
            max_group_size: 256,
            local_bytes: 1 << 15,
            compute_units: 1,
            subgroup_size: 0,
            fp64: true,
            exact_div_sqrt: true,
            is_cpu: false,
        })
    }

    /// The results of a device that computes with these functions.
    fn answers(probe: &Probe, fused: fn(f32, f32, f32) -> f32, apart: fn(f32, f32, f32) -> f32) -> Vec<u32> {
        let results = |triple: &[u32]| {
            let [x, y, z] = [0, 1, 2].map(|position| f32::from_bits(triple[position]));
            let values = [x + y, x - y, x * y, x / y, x.sqrt(), fused(x, y, z), apart(x, y, z), x.round_ties_even()];
            let mut bits = values.map(canonical32).to_vec();
            bits.push(max32(min32(x, y), z));
            bits
        };
        probe.operands32.chunks_exact(3).flat_map(results).collect()
    }

    #[test]
    fn a_contraction_a_missing_fma_and_flushed_subnormals_show() {
        let probe = probe();
        let right = answers(&probe, f32::mul_add, |x, y, z| x * y + z);
        assert_eq!(right.len(), probe.results());
        let verdict = probe.judge(&right, &[]);
        assert_eq!((verdict.arithmetic32, verdict.div_sqrt32), (Ok(()), Ok(())));
        let contracted = answers(&probe, f32::mul_add, f32::mul_add);
        let message = probe.judge(&contracted, &[]).arithmetic32.expect_err("contracted");
        assert!(message.starts_with("x * y + z in two roundings of "), "{message}");
        let unfused = answers(&probe, |x, y, z| x * y + z, |x, y, z| x * y + z);
        assert!(probe.judge(&unfused, &[]).arithmetic32.expect_err("unfused").starts_with("a fused "));
        let flushed: Vec<u32> =
            right.iter().map(|&bits| if bits & 0x7f80_0000 == 0 { bits & 0x8000_0000 } else { bits }).collect();
        assert!(probe.judge(&flushed, &[]).arithmetic32.is_err());
        let mut divided = right.clone();
        divided.chunks_exact_mut(RESULTS).for_each(|results| results[3] ^= u32::from(results[3] == 0x3eaa_aaab));
        let verdict = probe.judge(&divided, &[]);
        assert_eq!(verdict.arithmetic32, Ok(()));
        assert!(verdict.div_sqrt32.expect_err("a third is wrong").starts_with("x / y of x = 0x3f800000"));
    }
}
