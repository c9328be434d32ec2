//! Statistics of a set of numbers, with nothing but `+ - * /` and square roots, so that every machine gives the same
//! bits. Sums are compensated (Neumaier 1974), the variance takes two passes with the correction of Chan, Golub and
//! LeVeque (1983), and all of it works on values scaled by a power of two, so that nothing overflows on the way.

use serde::Serialize;

/// What is said of a set of numbers; `null` where a figure does not exist or is beyond the largest double.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Statistics {
    pub(crate) count: u64,
    pub(crate) distinct: u64,
    pub(crate) integers: u64,
    pub(crate) sum: Option<f64>,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) mean: Option<f64>,
    /// Of the population: the mean square distance from the mean.
    pub(crate) variance: Option<f64>,
    /// The square root of the variance.
    pub(crate) std: Option<f64>,
    pub(crate) median: Option<f64>,
    pub(crate) quantiles: Option<Quantiles>,
}

/// Values below which 5, 25, 75 and 95 percent lie, interpolated between neighbours (Hyndman and Fan 1996, type 7).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p05: f64,
    pub(crate) p25: f64,
    pub(crate) p75: f64,
    pub(crate) p95: f64,
}

impl Statistics {
    /// The figures of these numbers, which are finite because JSON knows no others.
    pub(crate) fn of(numbers: &[f64]) -> Self {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else {
            return Self::default();
        };
        let scale = scale(min, max);
        let count = numbers.len() as f64;
        let total = sum(numbers.iter().map(|x| x / scale));
        let mean = total / count;
        let squares = sum(numbers.iter().map(|x| (x / scale - mean) * (x / scale - mean)));
        let drift = sum(numbers.iter().map(|x| x / scale - mean));
        let variance = ((squares - drift * drift / count) / count).max(0.0);
        Self {
            count: numbers.len() as u64,
            distinct: 1 + sorted.windows(2).filter(|pair| pair[0] != pair[1]).count() as u64,
            integers: numbers.iter().filter(|x| **x == x.trunc()).count() as u64,
            sum: finite(total * scale),
            min: Some(min),
            max: Some(max),
            mean: finite((mean * scale).clamp(min, max)),
            variance: finite(variance * scale * scale),
            std: finite(variance.sqrt() * scale),
            median: Some(quantile(&sorted, 50, scale)),
            quantiles: Some(Quantiles {
                p05: quantile(&sorted, 5, scale),
                p25: quantile(&sorted, 25, scale),
                p75: quantile(&sorted, 75, scale),
                p95: quantile(&sorted, 95, scale),
            }),
        }
    }
}

/// The power of two at or below the largest magnitude, so that a division by it is exact and gives at most 2.
fn scale(min: f64, max: f64) -> f64 {
    let exponent = min.abs().max(max.abs()).to_bits() & 0x7ff0_0000_0000_0000;
    if exponent == 0 { f64::MIN_POSITIVE } else { f64::from_bits(exponent) }
}

/// The sum with the rounding errors of each step added at the end.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let mut sum = 0.0_f64;
    let mut lost = 0.0_f64;
    for value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    sum + lost
}

/// The value at `percent` of the way through the sorted, non-empty numbers; the place is found in whole numbers.
fn quantile(sorted: &[f64], percent: usize, scale: f64) -> f64 {
    let place = (sorted.len() - 1) as u128 * percent as u128;
    let (index, rest) = ((place / 100) as usize, (place % 100) as f64);
    let low = sorted[index];
    match sorted.get(index + 1) {
        Some(&high) if rest > 0.0 && high > low => {
            let (low_s, high_s) = (low / scale, high / scale);
            ((low_s + (high_s - low_s) * (rest / 100.0)) * scale).clamp(low, high)
        }
        _ => low,
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_figures() {
        assert_eq!(Statistics::of(&[]), Statistics::default());
    }

    #[test]
    fn a_textbook_example() {
        let figures = Statistics::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!((figures.count, figures.distinct, figures.integers), (8, 5, 8));
        assert_eq!((figures.min, figures.max), (Some(2.0), Some(9.0)));
        assert_eq!((figures.mean, figures.variance, figures.std), (Some(5.0), Some(4.0), Some(2.0)));
        assert_eq!((figures.sum, figures.median), (Some(40.0), Some(4.5)));
        let quantiles = figures.quantiles.expect("there are numbers");
        assert_eq!((quantiles.p25, quantiles.p75), (4.0, 5.5));
    }

    #[test]
    fn one_number_is_its_own_everything() {
        let figures = Statistics::of(&[-3.5]);
        assert_eq!((figures.mean, figures.median, figures.std), (Some(-3.5), Some(-3.5), Some(0.0)));
        assert_eq!(figures.integers, 0);
    }

    #[test]
    fn a_large_offset_does_not_eat_the_variance() {
        let figures = Statistics::of(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
        assert_eq!(figures.mean, Some(1e9 + 10.0));
        assert_eq!(figures.variance, Some(22.5));
    }

    #[test]
    fn small_terms_survive_large_ones() {
        assert_eq!(Statistics::of(&[1.0, 1e100, 1.0, -1e100]).sum, Some(2.0));
    }

    #[test]
    fn the_ends_of_the_range_do_not_overflow() {
        let figures = Statistics::of(&[f64::MAX, f64::MAX]);
        assert_eq!((figures.mean, figures.sum), (Some(f64::MAX), None));
        assert_eq!(figures.std, Some(0.0));
        let figures = Statistics::of(&[f64::MAX, -f64::MAX]);
        assert_eq!((figures.mean, figures.variance, figures.std), (Some(0.0), None, Some(f64::MAX)));
        assert_eq!(figures.median, Some(0.0));
        let tiny = f64::from_bits(1);
        let figures = Statistics::of(&[tiny, tiny, tiny]);
        assert_eq!((figures.mean, figures.std), (Some(tiny), Some(0.0)));
    }

    #[test]
    fn the_order_of_the_numbers_does_not_matter_to_the_quantiles() {
        let forth: Vec<f64> = (0..101).map(f64::from).collect();
        let back: Vec<f64> = (0..101).rev().map(f64::from).collect();
        assert_eq!(Statistics::of(&forth).quantiles, Statistics::of(&back).quantiles);
        assert_eq!(Statistics::of(&forth).quantiles.map(|q| (q.p05, q.p95)), Some((5.0, 95.0)));
    }
}
