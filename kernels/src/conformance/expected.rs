//! What the plain reference gives for a case. It is only asked to name a first difference; the digests to expect are
//! never made from it.

use super::Case;
use crate::catalogue::{Shape, find};
use crate::launch::{Data, Input, Kernel, Launch, LaunchError, Output};

/// The outputs' bytes in catalogue order, or why the reference refuses the case.
pub fn expected(case: &Case) -> Result<Vec<Vec<u8>>, LaunchError> {
    run(case, |kernel, launch| kernel.run_reference(launch))
}

/// Runs a case by `how`, with memory of its own for every array.
pub(super) fn run(
    case: &Case,
    how: impl FnOnce(Kernel, &mut Launch<'_, '_>) -> Result<(), LaunchError>,
) -> Result<Vec<Vec<u8>>, LaunchError> {
    let refuse = |error: &dyn std::fmt::Display| LaunchError::Data { element: 0, message: error.to_string() };
    let spec = find(case.kernel).ok_or_else(|| refuse(&"there is no such kernel"))?;
    let (fixed, params) = spec.split_params(&case.given()).map_err(|error| refuse(&error))?;
    let values = spec.param_values(&fixed, &params).map_err(|error| refuse(&error))?;
    let shapes: Vec<Option<Shape>> = case.inputs.iter().map(|input| input.as_ref().map(|input| input.shape)).collect();
    let shapes = spec.output_shapes(&shapes, &values).map_err(|error| refuse(&error))?;
    let inputs: Vec<Option<Aligned>> =
        case.inputs.iter().map(|input| input.as_ref().map(|input| Aligned::of(&input.bytes()))).collect();
    let inputs: Vec<Option<Input<'_>>> = case
        .inputs
        .iter()
        .zip(&inputs)
        .map(|(input, memory)| {
            let (input, memory) = (input.as_ref()?, memory.as_ref()?);
            Some(Input { dtype: input.dtype, shape: input.shape, data: Data::Bytes(memory.bytes()) })
        })
        .collect();
    let outputs = spec.outputs.iter().zip(&shapes);
    let mut memory: Vec<Aligned> =
        outputs.clone().map(|(spec, shape)| Aligned::of(&vec![0xa5; shape.bytes(spec.dtype) as usize])).collect();
    let mut outputs: Vec<Output<'_>> = outputs
        .zip(&mut memory)
        .map(|((spec, shape), memory)| Output { dtype: spec.dtype, shape: *shape, data: memory.bytes_mut() })
        .collect();
    let mut launch = Launch { inputs: &inputs, outputs: &mut outputs, params: &params.values, present: params.present };
    how(Kernel::open(spec.id, &fixed).map_err(|error| refuse(&error))?, &mut launch)?;
    Ok(memory.iter().map(|memory| memory.bytes().to_vec()).collect())
}

/// Bytes aligned for every dtype.
struct Aligned {
    words: Vec<u64>,
    len: usize,
}

impl Aligned {
    fn of(bytes: &[u8]) -> Aligned {
        let mut aligned = Aligned { words: vec![0; bytes.len().div_ceil(8)], len: bytes.len() };
        aligned.bytes_mut().copy_from_slice(bytes);
        aligned
    }

    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::catalogue::all;
    use crate::conformance::{GOLDEN, cases, golden};

    fn digest(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn agrees(case: &Case, outputs: Result<Vec<Vec<u8>>, LaunchError>, how: &str) {
        let what = format!("{} {} by {how}", case.kernel, case.name);
        let outputs = outputs.unwrap_or_else(|error| panic!("{what}: {error}"));
        let golden = golden(case.kernel, &case.name).unwrap_or_else(|| panic!("{what}: run `cargo xtask golden`"));
        let spec = find(case.kernel).expect("kernel");
        for (spec, bytes) in spec.outputs.iter().zip(&outputs) {
            let expected = golden.output(spec.name).unwrap_or_else(|| panic!("{what}: no digest of `{}`", spec.name));
            assert_eq!(digest(bytes), expected, "{what}: `{}`", spec.name);
        }
    }

    #[test]
    fn the_reference_gives_the_golden_digests() {
        all().flat_map(cases).for_each(|case| agrees(&case, expected(&case), "the reference"));
    }

    #[cfg(feature = "cpu")]
    #[test]
    fn fast_code_gives_the_golden_digests_at_every_level() {
        use crate::Level;
        for level in Level::ALL.into_iter().filter(|level| level.is_here()) {
            for case in all().flat_map(cases) {
                let outputs = run(&case, |kernel, launch| kernel.at_level(level).run(launch));
                agrees(&case, outputs, level.name());
            }
        }
    }

    #[test]
    fn golden_txt_has_exactly_the_cases() {
        let mut lines = GOLDEN.lines();
        for case in all().flat_map(cases) {
            let what = format!("{} {}", case.kernel, case.name);
            let line = lines.next().unwrap_or_else(|| panic!("{what}: run `cargo xtask golden`"));
            let text = serde_json::to_string(&case).expect("json");
            let begin = format!("{what} {} ", digest(text.as_bytes()));
            assert!(line.starts_with(&begin), "{what} has changed: run `cargo xtask golden`");
        }
        assert_eq!(lines.next(), None, "golden.txt has cases that do not exist");
    }
}
