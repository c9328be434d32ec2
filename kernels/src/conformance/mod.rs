//! The conformance cases: for each kernel a few launches, described rather than stored, whose results tell whether a
//! backend has the kernel's bits. The digests to expect come from the independent reading in tests/reference and are
//! committed in golden.txt; nothing in this crate computes them.

mod edges;
mod elements;
mod expected;
mod fill;
mod golden;
mod moves;
mod products;
mod reductions;
mod rows;
mod sequences;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::catalogue::{Dtype, Given, KernelSpec, ParamKind, Shape};

pub use expected::expected;
pub use fill::Fill;
pub use golden::{GOLDEN, Golden, golden, golden_text};

/// One launch of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The kernel's id.
    pub kernel: &'static str,
    /// Its name among the kernel's cases, without blanks.
    pub name: String,
    /// One for each input of the catalogue, in its order; `None` for an absent one.
    pub inputs: Vec<Option<CaseInput>>,
    /// The parameters as they are written on the command line.
    pub params: Vec<(&'static str, String)>,
}

/// One array of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseInput {
    /// The argument's name.
    pub name: &'static str,
    /// Its element type.
    pub dtype: Dtype,
    /// Its extents.
    pub shape: Shape,
    /// Its elements.
    pub fill: Fill,
}

impl CaseInput {
    /// The elements, little-endian, in C order.
    pub fn bytes(&self) -> Vec<u8> {
        self.fill.bytes(self.dtype, self.shape.elements() as usize)
    }
}

impl Case {
    /// The parameters as [`KernelSpec::split_params`] takes them.
    pub fn given(&self) -> Vec<(&'static str, Given<'_>)> {
        self.params.iter().map(|(name, value)| (*name, Given::Written(value))).collect()
    }
}

/// The cases of one kernel, in the order in which they run. None for a kernel that no rule here knows.
pub fn cases(spec: &'static KernelSpec) -> Vec<Case> {
    let mut cases = Cases { spec, list: Vec::new() };
    let inputs: Vec<&str> = spec.inputs.iter().map(|input| input.name).collect();
    let has = |name: &str, kind: ParamKind| spec.params.iter().any(|param| param.name == name && param.kind == kind);
    match (cases.name(), &inputs[..]) {
        ("scan" | "sort" | "argsort", ["x"]) => sequences::one_array(&mut cases),
        ("histogram", ["x", "edges"]) => sequences::histogram(&mut cases),
        ("mirror", ["seeds", "states"]) => sequences::mirror(&mut cases),
        ("softmax", ["x"]) => rows::softmax(&mut cases),
        ("layernorm", ["x", "gamma", "beta"]) => rows::norm(&mut cases),
        ("rmsnorm", ["x", "gamma"]) => rows::norm(&mut cases),
        ("attention", ["q", "k", "v", "mask"]) => rows::attention(&mut cases),
        ("transpose", ["x"]) => moves::transpose(&mut cases),
        ("concat", ["x0", ..]) => moves::concat(&mut cases),
        ("map", ["x0", ..]) if has("expr", ParamKind::Text) => elements::map(&mut cases),
        (_, ["a", "b", "bias"]) => products::product(&mut cases),
        (_, ["table", "ids"] | ["table", "ids", "x"]) => moves::by_index(&mut cases),
        (_, []) if has("n", ParamKind::Int) => sequences::random(&mut cases),
        (_, ["x"] | ["x", "y"]) if has("rows", ParamKind::Flag) => reductions::reduction(&mut cases),
        (_, ["x"] | ["x", "y"] | ["x", "y", "z"]) if spec.in_place => elements::elementwise(&mut cases),
        _ => {}
    }
    cases.list
}

/// The cases of one kernel while they are gathered.
struct Cases {
    spec: &'static KernelSpec,
    list: Vec<Case>,
}

/// An input before it has its name, dtype and seed; `None` for an absent one.
type Wish = Option<(Vec<u64>, Fill)>;

impl Cases {
    /// The kernel's name, without dtype and version.
    fn name(&self) -> &'static str {
        self.spec.id.split('.').next().unwrap_or(self.spec.id)
    }

    /// The dtype of input `position`.
    fn dtype(&self, position: usize) -> Dtype {
        self.spec.inputs[position].dtype
    }

    /// One more case; missing inputs at the end are absent. Every array has a seed of its own.
    fn add(&mut self, name: &str, inputs: impl IntoIterator<Item = Wish>, params: &[(&'static str, &str)]) {
        let mut inputs = inputs.into_iter();
        let number = self.list.len() as u64;
        let input = |(position, spec): (usize, &crate::catalogue::ArgSpec)| {
            let (dims, fill) = inputs.next().flatten()?;
            let shape = Shape::new(&dims).unwrap_or_else(|error| unreachable!("case {name}: {error}"));
            let fill = fill.seeded(number << 8 | (position as u64 + 1));
            Some(CaseInput { name: spec.name, dtype: spec.dtype, shape, fill })
        };
        self.list.push(Case {
            kernel: self.spec.id,
            name: name.to_owned(),
            inputs: self.spec.inputs.iter().enumerate().map(input).collect(),
            params: params.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        });
    }
}

/// An input of these extents.
fn array(dims: &[u64], fill: Fill) -> Wish {
    Some((dims.to_vec(), fill))
}

/// The form that `tests/reference/golden.py` reads, keys sorted, so that its text is canonical JSON.
impl Serialize for Case {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Inputs<'a>(&'a [Option<CaseInput>]);
        impl Serialize for Inputs<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut inputs: Vec<&CaseInput> = self.0.iter().flatten().collect();
                inputs.sort_by_key(|input| input.name);
                serializer.collect_map(inputs.into_iter().map(|input| (input.name, input)))
            }
        }
        struct Params<'a>(&'a [(&'static str, String)]);
        impl Serialize for Params<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut params: Vec<_> = self.0.iter().map(|(name, value)| (name, value)).collect();
                params.sort();
                serializer.collect_map(params)
            }
        }
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("case", &self.name)?;
        map.serialize_entry("inputs", &Inputs(&self.inputs))?;
        map.serialize_entry("kernel", self.kernel)?;
        map.serialize_entry("params", &Params(&self.params))?;
        map.end()
    }
}

impl Serialize for CaseInput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("dtype", self.dtype.name())?;
        map.serialize_entry("fill", &self.fill)?;
        map.serialize_entry("shape", self.shape.dims())?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::all;

    #[test]
    fn every_kernel_has_cases_of_its_own_names() {
        for spec in all() {
            let cases = cases(spec);
            assert!(!cases.is_empty(), "{} has no conformance cases: give it some in kernels/src/conformance", spec.id);
            let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
            assert!(names.iter().all(|name| !name.is_empty() && !name.contains(char::is_whitespace)), "{}", spec.id);
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{}: {names:?}", spec.id);
        }
    }

    #[test]
    fn every_case_is_a_launch_that_the_catalogue_takes() {
        for spec in all() {
            for case in cases(spec) {
                let shapes: Vec<Option<Shape>> =
                    case.inputs.iter().map(|input| input.as_ref().map(|input| input.shape)).collect();
                let taken =
                    spec.split_params(&case.given()).map_err(|error| error.to_string()).and_then(|(fixed, launch)| {
                        let params = spec.param_values(&fixed, &launch).map_err(|error| error.to_string())?;
                        spec.output_shapes(&shapes, &params).map_err(|error| error.to_string())
                    });
                assert!(taken.is_ok(), "{} {}: {}", case.kernel, case.name, taken.expect_err("refused"));
                for input in case.inputs.iter().flatten() {
                    let bytes = input.shape.bytes(input.dtype) as usize;
                    assert_eq!(input.bytes().len(), bytes, "{} {} {}", case.kernel, case.name, input.name);
                }
            }
        }
    }

    #[test]
    fn a_case_is_written_as_the_reference_reads_it() {
        let spec = crate::catalogue::find("add.f32.v1").expect("kernel");
        let cases = cases(spec);
        let text = serde_json::to_string(&cases[1]).expect("json");
        assert_eq!(
            text,
            "{\"case\":\"one\",\"inputs\":{\"x\":{\"dtype\":\"f32\",\"fill\":{\"kind\":\"tame\",\"seed\":257},\"shape\":[]},\
             \"y\":{\"dtype\":\"f32\",\"fill\":{\"kind\":\"tame\",\"seed\":258},\"shape\":[]}},\"kernel\":\"add.f32.v1\",\
             \"params\":{}}"
        );
    }
}
