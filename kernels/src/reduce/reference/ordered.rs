//! The ordered reductions as the specification writes them, one element at a time. What rows there are is the door's.

use crate::float::Float;

/// The sum of `x` in the specification's order; +0 of nothing. A NaN may have any bits.
pub(crate) fn sum<T: Float>(x: &[T]) -> T {
    let mut values = x.to_vec();
    if values.is_empty() {
        return T::ZERO;
    }
    // A single value is its own sum: -0 + x is x, and so is x + -0 in the fold.
    while values.len() > 1 {
        values = values.chunks(T::LANES * 64).map(chunk_sum).collect();
    }
    values[0]
}

fn chunk_sum<T: Float>(chunk: &[T]) -> T {
    let mut lanes = vec![T::NEGATIVE_ZERO; T::LANES];
    for (index, &x) in chunk.iter().enumerate() {
        let lane = index % T::LANES;
        lanes[lane] = lanes[lane] + x;
    }
    fold(lanes)
}

/// The sum of the products of `x` and `y` in the specification's order; +0 of nothing. A NaN may have any bits.
pub(crate) fn dot<T: Float>(x: &[T], y: &[T]) -> T {
    let chunk = T::LANES * 64;
    let partials: Vec<T> = x.chunks(chunk).zip(y.chunks(chunk)).map(|(x, y)| chunk_dot(x, y)).collect();
    sum(&partials)
}

fn chunk_dot<T: Float>(x: &[T], y: &[T]) -> T {
    let mut lanes = vec![T::NEGATIVE_ZERO; T::LANES];
    for (index, (&x, &y)) in x.iter().zip(y).enumerate() {
        let lane = index % T::LANES;
        lanes[lane] = x.fused(y, lanes[lane]);
    }
    fold(lanes)
}

/// The sum of the squares.
pub(crate) fn sum_sq_of<T: Float>(x: &[T]) -> T {
    dot(x, x)
}

/// The root of the sum of the squares.
pub(crate) fn norm2_of<T: Float>(x: &[T]) -> T {
    sum_sq_of(x).root()
}

/// The sum over the number of elements, of which there is one at least.
pub(crate) fn mean_of<T: Float>(x: &[T]) -> T {
    sum(x) / T::count(x.len())
}

/// The population variance about `mean`, which is that of `x`; there is one element at least.
pub(crate) fn var_of<T: Float>(x: &[T], mean: T) -> T {
    let apart: Vec<T> = x.iter().map(|&x| x - mean).collect();
    dot(&apart, &apart) / T::count(x.len())
}

fn fold<T: Float>(mut lanes: Vec<T>) -> T {
    let mut half = T::LANES / 2;
    while half >= 1 {
        for lane in 0..half {
            lanes[lane] = lanes[lane] + lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_sums_to_plus_zero_and_zeros_keep_their_sign() {
        assert_eq!(sum::<f32>(&[]).to_bits(), 0);
        assert_eq!(dot::<f64>(&[], &[]).to_bits(), 0);
        for n in [1, 2, 127, 128, 129, 8192, 8193, 70000] {
            assert_eq!(sum(&vec![-0f32; n]).to_bits(), 0x8000_0000, "{n}");
            assert_eq!(dot(&vec![-0f32; n], &vec![1f32; n]).to_bits(), 0x8000_0000, "{n}");
            assert_eq!(dot(&vec![-0f32; n], &vec![-1f32; n]).to_bits(), 0, "{n}");
        }
        assert_eq!(sum(&[-0f32, 0.0]).to_bits(), 0);
    }

    #[test]
    fn the_lanes_are_128_and_64() {
        // 2^24 absorbs a 1 that meets it, and the order of the lanes decides which ones meet it.
        let big = 16_777_216f32;
        let mut x = vec![0f32; 129];
        (x[0], x[128], x[1]) = (big, 1.0, 1.0);
        assert_eq!(sum(&x), big, "element 128 is in lane 0, and lane 1 folds into lane 0 last");
        let mut x = vec![0f32; 65];
        (x[0], x[64], x[1]) = (big, 1.0, 1.0);
        assert_eq!(sum(&x), big, "lane 64 folds into lane 0 first");
        (x[0], x[1], x[64]) = (big, 0.0, 0.0);
        (x[32], x[16]) = (1.0, 1.0);
        assert_eq!(sum(&x), big);
        let mut x = vec![0f32; 128];
        (x[0], x[1], x[65]) = (big, 1.0, 1.0);
        assert_eq!(sum(&x), big + 2.0, "lanes 1 and 65 meet before they meet lane 0");
        let big = 9_007_199_254_740_992f64;
        let mut x = vec![0f64; 128];
        (x[0], x[1], x[33]) = (big, 1.0, 1.0);
        assert_eq!(sum(&x), big + 2.0, "lanes 1 and 33 meet first");
        (x[33], x[65]) = (0.0, 1.0);
        assert_eq!(sum(&x), big + 2.0, "element 65 is in lane 1");
    }

    #[test]
    fn partials_are_summed_by_the_same_rule() {
        let chunk = 128 * 64;
        let big = 16_777_216f32;
        let mut x = vec![0f32; 3 * chunk];
        (x[0], x[chunk], x[2 * chunk]) = (big, 1.0, 1.0);
        assert_eq!(sum(&x), big, "partial 2 meets partial 0 before partial 1 does");
        let mut x = vec![0f32; 4 * chunk];
        (x[0], x[chunk], x[3 * chunk]) = (big, 1.0, 1.0);
        assert_eq!(sum(&x), big + 2.0, "partials 1 and 3 meet first");
        let mut x = vec![0f32; 130 * chunk];
        (x[0], x[chunk], x[129 * chunk]) = (big, 1.0, 1.0);
        assert_eq!(sum(&x), big + 2.0, "partial 129 is in lane 1");
    }

    #[test]
    fn a_chunk_is_64_rows_of_lanes() {
        // The ones meet in a lane of the second chunk; in a chunk of any other length each meets the big one alone.
        let mut x = vec![0f32; 2 * 128 * 64];
        (x[0], x[128 * 64], x[128 * 127]) = (16_777_216.0, 1.0, 1.0);
        assert_eq!(sum(&x), 16_777_218.0);
        assert_eq!(dot(&x, &vec![1.0; x.len()]), 16_777_218.0);
        let mut x = vec![0f64; 2 * 64 * 64];
        (x[0], x[64 * 64], x[64 * 127]) = (9_007_199_254_740_992.0, 1.0, 1.0);
        assert_eq!(sum(&x), 9_007_199_254_740_994.0);
        assert_eq!(dot(&x, &vec![1.0; x.len()]), 9_007_199_254_740_994.0);
    }

    #[test]
    fn a_dot_step_is_fused() {
        let x = 1.0f32 + f32::EPSILON;
        // Rounded, x * x loses its lowest bit; the second step sees it.
        let mut a = vec![0f32; 129];
        let mut b = vec![0f32; 129];
        (a[0], b[0]) = (x * x, -1.0);
        (a[128], b[128]) = (x, x);
        assert_eq!(dot(&a, &b), f32::EPSILON * f32::EPSILON);
    }
}
