//! A problem of a given size for every kernel of the catalogue: arrays of shapes that fit, and parameters. Shapes vary
//! with the size, so that a sweep over sizes meets every border of blocks, tiles and rows.

use anyhow::{Result, bail};
use clamp_kernels::catalogue::{Dtype, Given, KernelSpec, Shape};
use clamp_kernels::{Data, Input, Kernel, Launch, LaunchError, Output};

use crate::array::Array;
use crate::random::Random;
use crate::values::{Fill, Values};

/// One launch's arguments.
pub(crate) struct Problem {
    pub(crate) spec: &'static KernelSpec,
    pub(crate) inputs: Vec<Option<Array>>,
    /// Whether the values of an input are of one kind that the kernel asks for, such as indices in range.
    pub(crate) bound: Vec<bool>,
    pub(crate) given: Vec<(&'static str, String)>,
}

/// What the reference says.
pub(crate) type Outcome = std::result::Result<Vec<Array>, String>;

impl Problem {
    /// How the parameters are given.
    pub(crate) fn given(&self) -> Vec<(&str, Given<'_>)> {
        self.given.iter().map(|(name, value)| (*name, Given::Written(value))).collect()
    }

    /// Shapes and parameters in a line.
    pub(crate) fn describe(&self) -> String {
        let inputs: Vec<String> = (self.spec.inputs.iter().zip(&self.inputs))
            .filter_map(|(spec, input)| input.as_ref().map(|input| format!("{} {}", spec.name, input.shape)))
            .collect();
        let given: Vec<String> = self.given.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} of {} with {}", self.spec.id, inputs.join(", "), given.join(" "))
    }

    /// The output shapes, or why the launch is refused.
    pub(crate) fn output_shapes(&self) -> std::result::Result<Vec<Shape>, String> {
        let (fixed, launch) = self.spec.split_params(&self.given()).map_err(|error| error.to_string())?;
        let params = self.spec.param_values(&fixed, &launch).map_err(|error| error.to_string())?;
        let shapes: Vec<Option<Shape>> = self.inputs.iter().map(|input| input.as_ref().map(|i| i.shape)).collect();
        self.spec.output_shapes(&shapes, &params).map_err(|error| error.to_string())
    }

    /// Runs the reference.
    pub(crate) fn reference(&self) -> Outcome {
        let shapes = self.output_shapes()?;
        let (fixed, params) = self.spec.split_params(&self.given()).map_err(|error| error.to_string())?;
        let kernel = Kernel::open(self.spec.id, &fixed).map_err(|error| error.to_string())?;
        let mut arrays: Vec<Array> =
            self.spec.outputs.iter().zip(shapes).map(|(spec, shape)| Array::new(spec.dtype, shape)).collect();
        let inputs: Vec<Option<Input<'_>>> = (self.inputs.iter())
            .map(|array| array.as_ref().map(|a| Input { dtype: a.dtype, shape: a.shape, data: Data::Bytes(a.bytes()) }))
            .collect();
        let mut outputs: Vec<Output<'_>> = (arrays.iter_mut())
            .map(|array| Output { dtype: array.dtype, shape: array.shape, data: array.bytes_mut() })
            .collect();
        let mut launch =
            Launch { inputs: &inputs, outputs: &mut outputs, params: &params.values, present: params.present };
        kernel.run_reference(&mut launch).map_err(|error| match error {
            LaunchError::Data { element, message } => format!("element {element}: {message}"),
            other => other.to_string(),
        })?;
        Ok(arrays)
    }
}

/// Expressions for `map`, by the numbers of inputs and scalars that they use.
pub(crate) const EXPRESSIONS: [(&str, usize, usize); 8] = [
    ("x0*c0+x1", 2, 1),
    ("x0*c0 + exp(-x1)", 2, 1),
    ("(x0 - x1) / (x0 + x1)", 2, 0),
    ("-x0 * -x1 < c0", 2, 1),
    ("fma(x0, x1, x2) * (x0 >= x1)", 3, 0),
    ("min(max(x0, c0), c1) + sqrt(abs(x1))", 2, 2),
    ("tanh(x0) * sigmoid(x1) - log(abs(x2) + 0x1p-20)", 3, 0),
    ("x0 + x1 * x2 - x3 / c0 + 0.1", 4, 1),
];

/// Expressions for `map.f64`.
pub(crate) const EXPRESSIONS_F64: [(&str, usize, usize); 3] =
    [("x0*c0+x1", 2, 1), ("fma(x0, x1, -x2) / sqrt(abs(x0))", 3, 0), ("min(x0, x1) + (max(x0, c0) == x0)", 2, 1)];

/// The problem number `variant` of size `n` for a kernel; there are [`variants`].
pub(crate) fn problem(
    spec: &'static KernelSpec,
    n: u64,
    variant: u64,
    values: &Values,
    random: &mut Random,
) -> Result<Problem> {
    let name = spec.id.split('.').next().unwrap_or_default();
    let wild = if variant.is_multiple_of(2) { Fill::Wild } else { Fill::Tame };
    let mut given: Vec<(&'static str, String)> = Vec::new();
    let all = |dims: &[u64], fill| spec.inputs.iter().map(|_| Some((dims.to_vec(), fill))).collect::<Vec<_>>();
    let rows = |columns: u64| vec![n / columns.max(1), columns];
    let inputs: Vec<Option<(Vec<u64>, Fill)>> = match name {
        "clamp" => {
            given = vec![("lo", "-0.75".into()), ("hi", "1.5".into())];
            all(&[n], wild)
        }
        "sum" | "dot" | "sum_sq" | "mean" | "var" | "norm2" | "reduce_min" | "reduce_max" | "argmin" | "argmax"
        | "sum_exact" | "dot_exact" => {
            // Wild values drown everything in NaN; the exact sums and the extremes bear them.
            let bears =
                name.ends_with("_exact") || name.contains("m") && !matches!(name, "sum" | "sum_sq" | "mean" | "norm2");
            let fill = if bears || variant == 2 { wild } else { Fill::Tame };
            if variant == 1 {
                given = vec![("rows", "true".into())];
                all(&rows(1 + n % 300), fill)
            } else {
                all(&[n], fill)
            }
        }
        "matmul" => {
            let (m, k, cols) = (1 + n % 7, n, 1 + n / 7 % 19);
            let (a_t, b_t) = (n.is_multiple_of(2), n / 2 % 2 == 1);
            let two = |rows, columns, turned| if turned { vec![columns, rows] } else { vec![rows, columns] };
            given = vec![("transpose_a", a_t.to_string()), ("transpose_b", b_t.to_string())];
            let (mut a, mut b) = (two(m, k, a_t), two(k, cols, b_t));
            if variant == 1 {
                a.insert(0, 2);
                if n.is_multiple_of(3) {
                    b.insert(0, 2);
                }
            }
            let fill = if spec.id.contains("i8") || n % 16 == 3 { wild } else { Fill::Tame };
            vec![Some((a, fill)), Some((b, fill)), (n % 3 != 1).then(|| (vec![cols], fill))]
        }
        "softmax" => all(&[1 + n % 3, n], if variant == 0 { Fill::Tame } else { Fill::Wild }),
        "layernorm" | "rmsnorm" => {
            given = vec![("eps", "1e-5".into())];
            let mut inputs = vec![Some((vec![1 + n % 3, n], if n % 8 == 5 { Fill::Wild } else { Fill::Tame }))];
            let mask = n + variant;
            inputs.push((mask & 1 == 0).then(|| (vec![n], Fill::Tame)));
            if name == "layernorm" {
                inputs.push((mask & 2 == 0).then(|| (vec![n], Fill::Tame)));
            }
            inputs
        }
        "attention" => {
            given = vec![("scale", "0.25".into())];
            let (s, d, t, e) = (1 + n % 5, 1 + n % 13, n, 1 + n % 11);
            let lead: &[u64] = if variant == 1 { &[2] } else { &[] };
            let with = |two: [u64; 2]| Some(([lead, &two].concat(), Fill::Tame));
            let mask = match n % 3 {
                0 => None,
                1 => Some((vec![s, t], Fill::Tame)),
                _ => with([s, t]),
            };
            vec![with([s, d]), with([t, d]), with([t, e]), mask]
        }
        "histogram" => vec![Some((vec![n], wild)), Some((vec![2 + n % 40], Fill::Ascending))],
        "gather_rows" => {
            let table = 1 + n % 50;
            vec![Some((vec![table, 1 + n % 9], wild)), Some((vec![n], Fill::Below(table)))]
        }
        "scatter_rows" => {
            let (table, width, count) = (1 + n, 1 + n % 5, n % 129);
            vec![
                Some((vec![table, width], wild)),
                Some((vec![count], Fill::Below(table))),
                Some((vec![count, width], wild)),
            ]
        }
        "transpose" => {
            let columns = 1 + n % 61;
            let mut dims = rows(columns);
            if variant == 1 {
                dims.insert(0, 2);
            }
            all(&dims, wild)
        }
        "concat" => {
            let axis = n % 2;
            given = vec![("axis", axis.to_string())];
            let (fixed, mut inputs) = (1 + n % 17, Vec::new());
            for position in 0..8 {
                let part = n / 17 / (1 + position) + position;
                let dims = if axis == 0 { vec![part, fixed] } else { vec![fixed, part] };
                inputs.push((position == 0 || !(n + position).is_multiple_of(3)).then_some((dims, wild)));
            }
            inputs
        }
        "map" => {
            let f64s = spec.outputs[0].dtype == Dtype::F64;
            let list: &[(&str, usize, usize)] = if f64s { &EXPRESSIONS_F64 } else { &EXPRESSIONS };
            let (text, xs, cs) = list[((n + variant) % list.len() as u64) as usize];
            given.push(("expr", text.into()));
            const SCALARS: [&str; 8] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];
            for (position, name) in SCALARS.into_iter().enumerate().take(cs) {
                given.push((name, format!("{}.3", position as i64 - 1)));
            }
            (0..spec.inputs.len()).map(|position| (position < xs).then(|| (vec![n], wild))).collect()
        }
        "mirror" => vec![Some((vec![n], Fill::NotZero)), Some((vec![n], wild))],
        _ if name.starts_with("philox") => {
            let stream = random.wide();
            given = vec![("n", n.to_string()), ("seed", random.wide().to_string()), ("stream", stream.to_string())];
            vec![]
        }
        _ if spec.inputs.iter().all(|input| !input.optional) => all(&[n], wild),
        _ => bail!("the proof has no problem for {}: add one", spec.id),
    };
    let asks = |fill: Fill| !matches!(fill, Fill::Tame | Fill::Wild);
    let bound = inputs.iter().map(|input| input.as_ref().is_some_and(|(_, fill)| asks(*fill))).collect();
    let array = |(spec, wanted): (&clamp_kernels::catalogue::ArgSpec, Option<(Vec<u64>, Fill)>)| {
        wanted.map(|(dims, fill)| Ok(values.array(spec.dtype, Shape::new(&dims)?, fill, random))).transpose()
    };
    let inputs = spec.inputs.iter().zip(inputs).map(array).collect::<Result<Vec<_>>>()?;
    Ok(Problem { spec, inputs, bound, given })
}

/// How many problems there are of every size.
pub(crate) fn variants(spec: &KernelSpec) -> u64 {
    let name = spec.id.split('.').next().unwrap_or_default();
    match name {
        "sum" | "dot" | "sum_sq" | "mean" | "var" | "norm2" => 3,
        _ if name.starts_with("philox") => 1,
        _ => 2,
    }
}
