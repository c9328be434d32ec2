//! The one check of a launch's arguments, before anything runs: counts, dtypes, shapes, alignment, sizes, aliasing and
//! parameter ranges. It never looks at array contents; errors that depend on them come from the kernel.

use std::fmt;

use smallvec::SmallVec;

use super::{ArgSpec, Dtype, KernelSpec, ParamValue, Shape};

/// An array as the check sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayDesc {
    /// Its element type.
    pub dtype: Dtype,
    /// Its extents.
    pub shape: Shape,
    /// Names the allocation it lies in; arrays of different storage never overlap.
    pub storage: u64,
    /// Where it begins in that allocation.
    pub byte_offset: u64,
}

/// The argument that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// The input of this name.
    Input(&'static str),
    /// The output of this name.
    Output(&'static str),
    /// The parameter of this name.
    Param(&'static str),
    /// All inputs, outputs or parameters together, by the word for them.
    All(&'static str),
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Input(name) => write!(f, "input `{name}`"),
            Argument::Output(name) => write!(f, "output `{name}`"),
            Argument::Param(name) => write!(f, "parameter `{name}`"),
            Argument::All(word) => f.write_str(word),
        }
    }
}

/// An argument that the kernel refuses, and why: ``input `b`: has shape [3, 4], but `a` is [2, 5]: ...``.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{argument}: {problem}")]
pub struct ArgError {
    /// Which argument.
    pub argument: Argument,
    /// What is wrong with it.
    pub problem: String,
}

impl ArgError {
    pub(crate) fn input(name: &'static str, problem: impl Into<String>) -> ArgError {
        ArgError { argument: Argument::Input(name), problem: problem.into() }
    }

    pub(crate) fn param(name: &'static str, problem: impl Into<String>) -> ArgError {
        ArgError { argument: Argument::Param(name), problem: problem.into() }
    }

    fn count(word: &'static str, want: usize, got: usize) -> ArgError {
        ArgError { argument: Argument::All(word), problem: format!("{got} are given, but the kernel takes {want}") }
    }
}

impl KernelSpec {
    /// Refuses a launch with these arguments, in catalogue order, or says that it is sound.
    pub fn check(
        &self,
        inputs: &[Option<ArrayDesc>],
        outputs: &[ArrayDesc],
        params: &[Option<ParamValue>],
    ) -> Result<(), ArgError> {
        let mut shapes = SmallVec::<[Option<Shape>; 4]>::new();
        shapes.extend(inputs.iter().map(|input| input.map(|input| input.shape)));
        if inputs.len() != self.inputs.len() {
            return Err(ArgError::count("inputs", self.inputs.len(), inputs.len()));
        }
        if outputs.len() != self.outputs.len() {
            return Err(ArgError::count("outputs", self.outputs.len(), outputs.len()));
        }
        for (spec, input) in self.inputs.iter().zip(inputs) {
            if let Some(input) = input {
                check_array(Argument::Input(spec.name), spec, input)?;
            }
        }
        for (spec, output) in self.outputs.iter().zip(outputs) {
            check_array(Argument::Output(spec.name), spec, output)?;
        }
        let expected = self.output_shapes(&shapes, params)?;
        for ((spec, output), expected) in self.outputs.iter().zip(outputs).zip(expected) {
            if output.shape != expected {
                let problem = format!("has shape {}, but the kernel gives {expected}", output.shape);
                return Err(ArgError { argument: Argument::Output(spec.name), problem });
            }
        }
        self.check_aliasing(inputs, outputs)
    }

    /// The shapes of the outputs for inputs of these shapes (`None` for an absent one) and these parameters, both in
    /// catalogue order.
    pub fn output_shapes(
        &self,
        inputs: &[Option<Shape>],
        params: &[Option<ParamValue>],
    ) -> Result<Vec<Shape>, ArgError> {
        if inputs.len() != self.inputs.len() {
            return Err(ArgError::count("inputs", self.inputs.len(), inputs.len()));
        }
        if params.len() != self.params.len() {
            return Err(ArgError::count("parameters", self.params.len(), params.len()));
        }
        for (spec, input) in self.inputs.iter().zip(inputs) {
            if input.is_none() && !spec.optional {
                return Err(ArgError::input(spec.name, "is missing"));
            }
        }
        for (spec, param) in self.params.iter().zip(params) {
            match param {
                Some(value) if value.kind() != spec.kind => {
                    let problem = format!("holds a value of kind {}, but is of kind {}", value.kind(), spec.kind);
                    return Err(ArgError::param(spec.name, problem));
                }
                None if spec.required => return Err(ArgError::param(spec.name, "is missing")),
                _ => {}
            }
        }
        (self.shapes)(inputs, params)
    }

    fn check_aliasing(&self, inputs: &[Option<ArrayDesc>], outputs: &[ArrayDesc]) -> Result<(), ArgError> {
        for (position, (spec, output)) in self.outputs.iter().zip(outputs).enumerate() {
            let refuse = |problem| Err(ArgError { argument: Argument::Output(spec.name), problem });
            for (earlier_spec, earlier) in self.outputs.iter().zip(outputs).take(position) {
                if overlap(output, earlier) {
                    return refuse(format!("shares memory with output `{}`", earlier_spec.name));
                }
            }
            for (input_spec, input) in self.inputs.iter().zip(inputs) {
                let Some(input) = input.filter(|input| overlap(output, input)) else { continue };
                if !self.in_place {
                    return refuse(format!("shares memory with input `{}`", input_spec.name));
                }
                if input != *output {
                    return refuse(format!(
                        "shares memory with input `{}` without being exactly that array",
                        input_spec.name
                    ));
                }
            }
        }
        Ok(())
    }
}

fn check_array(argument: Argument, spec: &ArgSpec, array: &ArrayDesc) -> Result<(), ArgError> {
    let refuse = |problem| Err(ArgError { argument, problem });
    if array.dtype != spec.dtype {
        return refuse(format!("has dtype {}, but the kernel takes {}", array.dtype, spec.dtype));
    }
    if !array.byte_offset.is_multiple_of(array.dtype.size()) {
        return refuse(format!(
            "begins at byte {}, which is not a multiple of {}, the size of {}",
            array.byte_offset,
            array.dtype.size(),
            array.dtype
        ));
    }
    if array.byte_offset.checked_add(array.shape.bytes(array.dtype)).is_none() {
        return refuse(format!("begins at byte {} and would end beyond 2^64", array.byte_offset));
    }
    Ok(())
}

/// Whether two arrays share a byte; both ends are known not to overflow.
fn overlap(one: &ArrayDesc, other: &ArrayDesc) -> bool {
    let end = |array: &ArrayDesc| array.byte_offset + array.shape.bytes(array.dtype);
    let empty = one.shape.elements() == 0 || other.shape.elements() == 0;
    one.storage == other.storage && !empty && one.byte_offset < end(other) && other.byte_offset < end(one)
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    fn array(dtype: Dtype, dims: &[u64], storage: u64, byte_offset: u64) -> ArrayDesc {
        ArrayDesc { dtype, shape: Shape::new(dims).expect("shape"), storage, byte_offset }
    }

    fn f32s(dims: &[u64], storage: u64, byte_offset: u64) -> ArrayDesc {
        array(Dtype::F32, dims, storage, byte_offset)
    }

    fn refusal(id: &str, inputs: &[Option<ArrayDesc>], outputs: &[ArrayDesc], params: &[Option<ParamValue>]) -> String {
        find(id).expect("kernel").check(inputs, outputs, params).expect_err("refused").to_string()
    }

    #[test]
    fn a_sound_launch_passes() {
        let add = find("add.f32.v1").expect("kernel");
        let (x, y) = (Some(f32s(&[2, 3], 1, 0)), Some(f32s(&[2, 3], 1, 24)));
        assert_eq!(add.check(&[x, y], &[f32s(&[2, 3], 2, 8)], &[]), Ok(()));
        assert_eq!(add.check(&[x, x], &[f32s(&[2, 3], 2, 8)], &[]), Ok(()));
        assert_eq!(add.check(&[x, y], &[f32s(&[2, 3], 1, 24)], &[]), Ok(()), "in place");
        let empty = Some(f32s(&[0], 1, 4));
        assert_eq!(add.check(&[empty, empty], &[f32s(&[0], 1, 8)], &[]), Ok(()), "nothing overlaps nothing");
    }

    #[test]
    fn counts_and_presence_are_checked() {
        let x = f32s(&[2], 1, 0);
        assert_eq!(refusal("add.f32.v1", &[Some(x)], &[x], &[]), "inputs: 1 are given, but the kernel takes 2");
        assert_eq!(refusal("neg.f32.v1", &[Some(x)], &[], &[]), "outputs: 0 are given, but the kernel takes 1");
        assert_eq!(refusal("add.f32.v1", &[Some(x), None], &[x], &[]), "input `y`: is missing");
        assert_eq!(refusal("clamp.f32.v1", &[Some(x)], &[x], &[]), "parameters: 0 are given, but the kernel takes 2");
        assert_eq!(
            refusal("clamp.f32.v1", &[Some(x)], &[x], &[Some(ParamValue::F32(0.0)), None]),
            "parameter `hi`: is missing"
        );
        assert_eq!(
            refusal("clamp.f32.v1", &[Some(x)], &[x], &[Some(ParamValue::F64(0.0)), None]),
            "parameter `lo`: holds a value of kind f64, but is of kind f32"
        );
    }

    #[test]
    fn dtype_alignment_and_size_are_checked() {
        let x = f32s(&[2], 1, 0);
        assert_eq!(
            refusal("add.f32.v1", &[Some(x), Some(array(Dtype::F64, &[2], 2, 0))], &[x], &[]),
            "input `y`: has dtype f64, but the kernel takes f32"
        );
        assert_eq!(
            refusal("neg.f32.v1", &[Some(x)], &[f32s(&[2], 2, 6)], &[]),
            "output `out`: begins at byte 6, which is not a multiple of 4, the size of f32"
        );
        assert_eq!(
            refusal("neg.f32.v1", &[Some(f32s(&[2], 1, u64::MAX - 3))], &[x], &[]),
            "input `x`: begins at byte 18446744073709551612 and would end beyond 2^64"
        );
    }

    #[test]
    fn aliasing_is_checked() {
        let x = f32s(&[4], 1, 0);
        assert_eq!(
            refusal("neg.f32.v1", &[Some(x)], &[f32s(&[4], 1, 4)], &[]),
            "output `out`: shares memory with input `x` without being exactly that array"
        );
        assert_eq!(refusal("softmax.f32.v1", &[Some(x)], &[x], &[]), "output `out`: shares memory with input `x`");
        assert_eq!(
            refusal("cast_i32.f32.v1", &[Some(x)], &[array(Dtype::I32, &[4], 1, 0)], &[]),
            "output `out`: shares memory with input `x` without being exactly that array"
        );
    }

    #[test]
    fn the_output_shape_is_checked() {
        let x = f32s(&[2, 3], 1, 0);
        assert_eq!(
            refusal("neg.f32.v1", &[Some(x)], &[f32s(&[3, 2], 2, 0)], &[]),
            "output `out`: has shape [3, 2], but the kernel gives [2, 3]"
        );
    }
}
