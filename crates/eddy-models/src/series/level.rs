//! A running level and spread that wild values hardly move.

/// Keeps quotients finite whatever the parameters.
const LEAST_SPREAD: f64 = 1e-90;
/// Most of a deviation that is taken to carry over into the next row.
const MOST_CARRY: f64 = 0.95;

/// The weight of a new row after which a row's weight halves in `n_rows`.
pub(crate) fn weight_of(n_rows: f64) -> f64 {
    1.0 - (-1.0 / n_rows.max(1.0)).exp2()
}

/// Exponentially weighted mean, variance and covariance with the row before, with plain averages until the weights have
/// caught up (Finch, "Incremental calculation of weighted mean and variance", 2009).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Level {
    pub(crate) mean: f64,
    variance: f64,
    covariance: f64,
    /// The deviation of the row before, as far as it was believed.
    previous: f64,
    n_seen: u32,
}

/// How far a value lies from the level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Deviation {
    /// Value minus level.
    pub(crate) raw: f64,
    /// Standard deviation of such, above 0.
    pub(crate) sigma: f64,
}

impl Deviation {
    /// In standard deviations.
    pub(crate) fn z(self) -> f64 {
        self.raw / self.sigma
    }
}

impl Level {
    /// Rows taken in.
    pub(crate) fn n_seen(&self) -> u32 {
        self.n_seen
    }

    /// How far the value lies from the level, in deviations of at least `floor`.
    pub(crate) fn deviation(&self, value: f64, floor: f64) -> Deviation {
        Deviation { raw: value - self.mean, sigma: self.variance.sqrt().max(floor).max(LEAST_SPREAD) }
    }

    /// How much of a deviation carries over into the next row: the autocorrelation of first order, from 0 to 0.95.
    pub(crate) fn carry(&self) -> f64 {
        if self.variance > 0.0 { (self.covariance / self.variance).clamp(0.0, MOST_CARRY) } else { 0.0 }
    }

    /// How far the value lies from where the level and the row before let it be expected: what is new in it.
    pub(crate) fn news(&self, value: f64, floor: f64) -> Deviation {
        let carry = self.carry();
        let Deviation { raw, sigma } = self.deviation(value, floor);
        Deviation {
            raw: raw - carry * self.previous,
            sigma: (sigma * (1.0 - carry * carry).sqrt()).max(floor).max(LEAST_SPREAD),
        }
    }

    /// Takes in a value; deviations beyond `clip` times the spread only up to there.
    pub(crate) fn learn(&mut self, value: f64, weight: f64, clip: f64, floor: f64) {
        let Deviation { raw, sigma } = self.deviation(value, floor);
        let most = if self.n_seen == 0 { f64::MAX } else { clip * sigma };
        let believed = raw.clamp(-most, most);
        let weight = weight.max(1.0 / (f64::from(self.n_seen) + 1.0));
        self.mean += weight * believed;
        self.variance = (1.0 - weight) * (self.variance + weight * believed * believed);
        self.covariance = (1.0 - weight) * (self.covariance + weight * believed * self.previous);
        self.previous = if self.n_seen == 0 { 0.0 } else { believed };
        self.n_seen = self.n_seen.saturating_add(1);
    }

    /// Moves the level without learning: what was taken for a deviation is the level from now on.
    pub(crate) fn move_to(&mut self, mean: f64) {
        self.previous += self.mean - mean;
        self.mean = mean;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_variance_are_plain_at_first() {
        let mut level = Level::default();
        for value in [2.0, 4.0, 9.0] {
            level.learn(value, 0.01, f64::MAX, 0.0);
        }
        assert!((level.mean - 5.0).abs() < 1e-12);
        assert!((level.deviation(5.0, 0.0).sigma - (26.0f64 / 3.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn what_carries_over_is_found_and_taken_out() {
        let (mut level, mut state) = (Level::default(), 0.0);
        let mut noise = 12_345u64;
        for _ in 0..20_000 {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state = 0.7 * state + (noise >> 40) as f64 / f64::from(1 << 24) - 0.5;
            level.learn(state, 0.001, 6.0, 0.0);
        }
        assert!((level.carry() - 0.7).abs() < 0.05, "{}", level.carry());
        let next = level.mean + 0.7 * level.previous;
        assert!(level.news(next, 0.0).z().abs() < 0.2);
    }

    #[test]
    fn a_wild_value_is_believed_only_up_to_the_clip() {
        let mut level = Level::default();
        (0..100).for_each(|idx| level.learn(f64::from(idx % 2), 0.05, 3.0, 0.0));
        let before = level;
        level.learn(1e30, 0.05, 3.0, 0.0);
        assert!(level.mean < before.mean + 0.05 * 3.0 && level.variance < 2.0 * before.variance);
    }
}
