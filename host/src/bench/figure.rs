//! One measured number with its spread: the median of several measurements and the quartiles around it.

use serde::{Deserialize, Serialize};

/// The middle of some measurements and where half of them lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The middle one.
    pub median: f64,
    /// A quarter of the measurements is below.
    pub low: f64,
    /// A quarter of them is above.
    pub high: f64,
}

impl Figure {
    /// Of these measurements, `None` if there are none.
    pub fn of(mut samples: Vec<f64>) -> Option<Self> {
        samples.sort_by(f64::total_cmp);
        let last = samples.len().checked_sub(1)?;
        let at = |share: f64| {
            let place = share * last as f64;
            let (below, above) = (samples[place.floor() as usize], samples[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Some(Self { median: at(0.5), low: at(0.25), high: at(0.75) })
    }

    /// Whether it can be of measurements: positive numbers in order.
    pub fn is_sound(self) -> bool {
        0.0 < self.low && self.low <= self.median && self.median <= self.high && self.high.is_finite()
    }

    /// A quantity that falls as this one grows: `amount` over each.
    #[must_use]
    pub fn under(self, amount: f64) -> Self {
        Self { median: amount / self.median, low: amount / self.high, high: amount / self.low }
    }

    /// Half the distance between the quartiles, as a share of the median.
    pub fn noise(self) -> f64 {
        if self.median > 0.0 { (self.high - self.low) / (2.0 * self.median) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_quartiles() {
        assert_eq!(Figure::of(Vec::new()), None);
        let one = Figure::of(vec![2.0]).expect("one");
        assert_eq!((one.median, one.low, one.high, one.noise()), (2.0, 2.0, 2.0, 0.0));
        let five = Figure::of(vec![5.0, 1.0, 4.0, 2.0, 3.0]).expect("five");
        assert_eq!(five, Figure { median: 3.0, low: 2.0, high: 4.0 });
        assert_eq!(Figure::of(vec![1.0, 2.0]).expect("two").median, 1.5);
        let rate = five.under(12.0);
        assert_eq!(rate, Figure { median: 4.0, low: 3.0, high: 6.0 });
        assert!((five.noise() - 1.0 / 3.0).abs() < 1e-12);
    }
}
