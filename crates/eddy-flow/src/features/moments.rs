//! Running sums that mean, deviation and extremes follow from, exact whatever the order.

/// Sizes of packets: sums of whole numbers, so that nothing is lost to rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The smallest, with all bits turned round, so that nothing at all is the largest number.
    least_inverted: u32,
    most: u32,
    sum: u64,
    squares: u64,
}

impl Sizes {
    /// Takes one in.
    #[inline]
    pub(crate) fn add(&mut self, size: u32) {
        self.least_inverted = self.least_inverted.max(!size);
        self.most = self.most.max(size);
        let wide = u64::from(size);
        self.sum = self.sum.saturating_add(wide);
        // The square of 32 bits has 64.
        self.squares = self.squares.saturating_add(wide.wrapping_mul(wide));
    }

    /// The sum of all.
    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }

    /// Those of both.
    pub(crate) fn with(&self, other: &Self) -> Self {
        Self {
            least_inverted: self.least_inverted.max(other.least_inverted),
            most: self.most.max(other.most),
            sum: self.sum.saturating_add(other.sum),
            squares: self.squares.saturating_add(other.squares),
        }
    }

    /// Mean and so on of `n` sizes.
    pub(crate) fn summary(&self, n: u64) -> Summary {
        if n == 0 {
            return Summary::default();
        }
        Summary {
            n,
            min: f64::from(!self.least_inverted),
            max: f64::from(self.most),
            mean: self.sum as f64 / n as f64,
            stddev: deviation(n, u128::from(self.sum), u128::from(self.squares)),
        }
    }
}

/// Lengths of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    least_inverted: u64,
    most: u64,
    sum: u64,
    squares: u128,
}

/// Nanoseconds of a millisecond.
const MILLISECOND: f64 = 1e6;

impl Times {
    /// Takes one in.
    #[inline]
    pub(crate) fn add(&mut self, time_ns: u64) {
        self.least_inverted = self.least_inverted.max(!time_ns);
        self.most = self.most.max(time_ns);
        self.sum = self.sum.saturating_add(time_ns);
        let wide = u128::from(time_ns);
        // The square of 64 bits has 128.
        self.squares = self.squares.saturating_add(wide.wrapping_mul(wide));
    }

    /// Mean and so on of `n` times, in milliseconds.
    pub(crate) fn summary_ms(&self, n: u64) -> Summary {
        if n == 0 {
            return Summary::default();
        }
        Summary {
            n,
            min: !self.least_inverted as f64 / MILLISECOND,
            max: self.most as f64 / MILLISECOND,
            mean: self.sum as f64 / n as f64 / MILLISECOND,
            stddev: deviation(n, u128::from(self.sum), self.squares) / MILLISECOND,
        }
    }
}

/// What is told of several numbers; all zero where there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many there are.
    pub n: u64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation of a sample (divided by n - 1); 0 of a single number.
    pub stddev: f64,
}

/// The square root of (n Σx² - (Σx)²) / n (n - 1), exact up to the last division.
fn deviation(n: u64, sum: u128, squares: u128) -> f64 {
    if n < 2 {
        return 0.0;
    }
    let exact = squares
        .checked_mul(u128::from(n))
        .zip(sum.checked_mul(sum))
        .map(|(left, right)| left.saturating_sub(right) as f64);
    let n = n as f64;
    let above = exact.unwrap_or_else(|| (squares as f64 * n - sum as f64 * sum as f64).max(0.0));
    (above / n / (n - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_summed_up_by_the_formulas_of_the_textbook() {
        let mut sizes = Sizes::default();
        [2, 4, 4, 4, 5, 5, 7, 9].into_iter().for_each(|size| sizes.add(size));
        let summary = sizes.summary(8);
        // Σx = 40, Σx² = 232: (8 · 232 - 1600) / (8 · 7) = 32 / 7.
        assert_eq!((summary.min, summary.max, summary.mean), (2.0, 9.0, 5.0));
        assert!((summary.stddev - (32.0_f64 / 7.0).sqrt()).abs() < 1e-15);
        let mut times = Times::default();
        [1_000_000, 3_000_000].into_iter().for_each(|time| times.add(time));
        let summary = times.summary_ms(2);
        assert_eq!((summary.min, summary.max, summary.mean), (1.0, 3.0, 2.0));
        assert!((summary.stddev - 2.0_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn nothing_and_one_and_the_largest_numbers_give_finite_numbers() {
        assert_eq!(Sizes::default().summary(0), Summary::default());
        let mut times = Times::default();
        times.add(u64::MAX);
        assert_eq!(times.summary_ms(1).stddev, 0.0);
        (0..4).for_each(|_| times.add(u64::MAX));
        let summary = times.summary_ms(5);
        assert!(summary.stddev.is_finite() && summary.max.is_finite() && summary.mean.is_finite());
    }

    #[test]
    fn gaps_that_are_nearly_equal_keep_their_deviation() {
        // A second each, the last a nanosecond more: Welford or sums of floats would lose it.
        let mut times = Times::default();
        (0..99).for_each(|_| times.add(1_000_000_000));
        times.add(1_000_000_001);
        let expected = (0.01_f64 * 0.99 * 100.0 / 99.0).sqrt() / 1e6;
        assert!((times.summary_ms(100).stddev / expected - 1.0).abs() < 1e-9);
    }
}
