//! What is right: CORE-MATH's results, with the canonical NaN, and the compositions by their steps from these.

/// A function and what is right of it.
pub struct Function {
    /// Its name in the catalogue.
    pub name: &'static str,
    /// The right result.
    pub right: fn(f32) -> f32,
}

/// Every function of the room.
pub const FUNCTIONS: [Function; 17] = [
    Function { name: "exp", right: |x| canonical(core_math::expf(x)) },
    Function { name: "exp2", right: |x| canonical(core_math::exp2f(x)) },
    Function { name: "expm1", right: |x| canonical(core_math::expm1f(x)) },
    Function { name: "log", right: |x| canonical(core_math::logf(x)) },
    Function { name: "log2", right: |x| canonical(core_math::log2f(x)) },
    Function { name: "log10", right: |x| canonical(core_math::log10f(x)) },
    Function { name: "log1p", right: |x| canonical(core_math::log1pf(x)) },
    Function { name: "sin", right: |x| canonical(core_math::sinf(x)) },
    Function { name: "cos", right: |x| canonical(core_math::cosf(x)) },
    Function { name: "tan", right: |x| canonical(core_math::tanf(x)) },
    Function { name: "sinpi", right: |x| canonical(core_math::sinpif(x)) },
    Function { name: "cospi", right: |x| canonical(core_math::cospif(x)) },
    Function { name: "tanh", right: |x| canonical(core_math::tanhf(x)) },
    Function { name: "erf", right: |x| canonical(core_math::erff(x)) },
    Function { name: "sigmoid", right: |x| canonical(sigmoid(x)) },
    Function { name: "silu", right: |x| canonical(x * sigmoid(x)) },
    Function { name: "gelu", right: |x| canonical((0.5 * x) * (1.0 + core_math::erff(x * HALF_ROOT))) },
];

/// 0x1.6a09e6p-1
const HALF_ROOT: f32 = 11_863_283.0 / 16_777_216.0;

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + core_math::expf(-x))
}

fn canonical(y: f32) -> f32 {
    if y.is_nan() { f32::from_bits(0x7fc0_0000) } else { y }
}

/// The function of this name.
pub fn find(name: &str) -> Result<&'static Function, String> {
    let known = || FUNCTIONS.iter().map(|function| function.name).collect::<Vec<_>>().join(", ");
    FUNCTIONS.iter().find(|function| function.name == name).ok_or_else(|| format!("{name}: it is one of {}", known()))
}
