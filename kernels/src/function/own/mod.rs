//! The functions of one variable in f64 arithmetic with tables. Each is written once, over [`wide::Wide`], and so has
//! the same bits for one element and for many; that the bits are the correctly rounded ones is proved over every
//! input by `cargo xtask prove functions`, not argued. Nothing here calls a mathematics library.

mod erf;
mod erf_table;
mod exp;
mod log;
mod log_tables;
mod sin;
mod sinpi;
mod tan;
mod tanh;
mod turns;
mod wide;

#[cfg(all(feature = "cpu", target_arch = "x86_64"))]
mod avx2;
#[cfg(all(feature = "cpu", target_arch = "x86_64"))]
mod avx512;
#[cfg(feature = "cpu")]
pub(crate) mod run;

#[cfg(test)]
mod device_tables;

pub(crate) use erf::Erf;
pub(crate) use exp::{Exp, Exp2, Expm1};
pub(crate) use log::{Log, Log1p, Log2, Log10};
pub(crate) use sin::{Cos, Sin};
pub(crate) use sinpi::{Cospi, Sinpi};
pub(crate) use tan::Tan;
pub(crate) use tanh::Tanh;
use wide::{Lone, Wide};

/// A function of one variable.
pub(crate) trait Curve {
    /// The function in f64 and where that may not be it: of such an element [`Curve::rare`] is asked.
    fn main<V: Wide>(x: V) -> (V, V::Mask);

    #[cfg(feature = "cpu")]
    /// Whether [`Curve::quick`] is quicker than [`Curve::main`].
    const HAS_QUICK: bool = false;

    #[cfg(feature = "cpu")]
    /// As [`Curve::main`], with fewer steps and more elements given up, of which that is asked then: for many elements.
    #[inline(always)]
    fn quick<V: Wide>(x: V) -> (V, V::Mask) {
        Self::main(x)
    }

    /// The function of an element that [`Curve::main`] has given up; `y` is what it had.
    fn rare(x: f32, y: f32) -> f32;
}

/// The function of one element.
#[inline(always)]
pub(crate) fn value<C: Curve>(x: f32) -> f32 {
    let (y, rare) = C::main(Lone(f64::from(x)));
    let y = y.0 as f32;
    if rare { C::rare(x, y) } else { y }
}

/// The NaN of every result.
const NAN: f32 = f32::from_bits(0x7fc0_0000);

/// The result named for this input, else `y`.
fn named(names: &[(u32, u32)], x: f32, y: f32) -> f32 {
    match names.iter().find(|&&(input, _)| input == x.to_bits()) {
        Some(&(_, result)) => f32::from_bits(result),
        None => y,
    }
}
