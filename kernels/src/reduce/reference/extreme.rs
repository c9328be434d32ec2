//! The least or the greatest element and where it is, one element at a time.

use crate::float::Float;

/// The least element of `x`, or the greatest; of one at least. NaN if any is.
pub(crate) fn extreme<T: Float>(x: &[T], greatest: bool) -> T {
    x.iter().copied().reduce(|best, x| if greatest { best.greatest(x) } else { best.least(x) }).unwrap_or(T::ZERO)
}

/// The first index of the least or the greatest element, or of a NaN where there is one.
pub(crate) fn arg<T: Float>(x: &[T], greatest: bool) -> usize {
    let is_nan = |x: &T| x.partial_cmp(x).is_none();
    let best = extreme(x, greatest);
    let place = if is_nan(&best) {
        x.iter().position(is_nan)
    } else {
        // A zero has its sign kept, so equal bits are equal values in the order of the zeros too.
        x.iter().position(|x| bytemuck::bytes_of(x) == bytemuck::bytes_of(&best))
    };
    place.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_ties_and_nans() {
        let nan = f32::from_bits(0xffc0_0001);
        for (x, min, max) in [
            (&[1f32][..], 0, 0),
            (&[0.0, -0.0, 0.0, -0.0], 1, 0),
            (&[-0.0, 0.0, -0.0, 0.0], 0, 1),
            (&[2.0, 1.0, 2.0, 1.0], 1, 0),
            (&[f32::INFINITY, f32::NEG_INFINITY, 0.0], 1, 0),
            (&[f32::INFINITY, nan, f32::NEG_INFINITY, f32::NAN], 1, 1),
        ] {
            assert_eq!((arg(x, false), arg(x, true)), (min, max), "{x:?}");
            if !x[min].is_nan() {
                assert_eq!(extreme(x, false).to_bits(), x[min].to_bits(), "{x:?}");
                assert_eq!(extreme(x, true).to_bits(), x[max].to_bits(), "{x:?}");
            }
        }
        assert_eq!(extreme(&[1.0, nan], false).to_bits(), 0x7fc0_0000);
    }
}
