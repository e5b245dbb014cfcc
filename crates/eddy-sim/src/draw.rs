//! Random numbers: one seeded generator a purpose, and the distributions traffic is made of.

use rand::RngExt;
use rand_distr::{Beta, Distribution, Exp1, Gamma, Poisson, StandardNormal};
use rand_pcg::Pcg64;

/// What a stream of random numbers is for. Streams of one seed are independent, so that planting a scenario does not
/// change the normal traffic.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Times of the plantings.
    Placing,
    /// Hosts, addresses and their habits.
    Population,
    /// The normal traffic of one series or of the whole table.
    Background(usize),
    /// One planted scenario, by its position in time.
    Planted(usize),
}

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Draw {
    rng: Pcg64,
}

impl Draw {
    pub(crate) fn new(seed: u64, purpose: Purpose) -> Self {
        let stream = match purpose {
            Purpose::Placing => 1,
            Purpose::Population => 2,
            Purpose::Background(idx) => (1 << 32) + idx as u64,
            Purpose::Planted(idx) => (2 << 32) + idx as u64,
        };
        // Neighbouring seeds must not start in neighbouring states.
        let state = (u128::from(mixed(seed)) << 64) | u128::from(mixed(seed ^ mixed(stream)));
        Self { rng: Pcg64::new(state, u128::from(stream)) }
    }

    /// Evenly from `low` (included) to `high` (not included).
    pub(crate) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.rng.random::<f64>()
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.rng.random::<f64>() < probability
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn whole(&mut self, low: u32, high: u32) -> u32 {
        self.rng.random_range(low..=high)
    }

    /// A port a client would choose.
    pub(crate) fn client_port(&mut self) -> u16 {
        self.whole(49_152, 65_535) as u16
    }

    /// A position in a list whose weights have the given running sums.
    pub(crate) fn weighted(&mut self, running_sums: &[f64]) -> usize {
        let total = running_sums.last().copied().unwrap_or(0.0);
        let at = self.uniform(0.0, total);
        running_sums.partition_point(|&sum| sum <= at).min(running_sums.len().saturating_sub(1))
    }

    /// Normal with mean 0 and standard deviation 1.
    pub(crate) fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.rng)
    }

    /// Log-normal with the given median; `sigma` is the standard deviation of the logarithm.
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Exponential with the given mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        let unit: f64 = Exp1.sample(&mut self.rng);
        mean * unit
    }

    /// Gamma with mean `shape * scale`; the mean itself where the parameters define none.
    pub(crate) fn gamma(&mut self, shape: f64, scale: f64) -> f64 {
        Gamma::new(shape, scale).map_or(shape * scale, |gamma| gamma.sample(&mut self.rng))
    }

    /// Beta with mean `a / (a + b)`; the mean itself where the parameters define none.
    pub(crate) fn beta(&mut self, a: f64, b: f64) -> f64 {
        Beta::new(a, b).map_or(a / (a + b), |beta| beta.sample(&mut self.rng))
    }

    /// Poisson with the given mean; 0 for a mean of 0.
    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        Poisson::new(mean).map_or(0.0, |poisson| poisson.sample(&mut self.rng))
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
fn mixed(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(draw: impl Fn(&mut Draw) -> f64, mean: f64, variance: f64) {
        let mut source = Draw::new(7, Purpose::Background(0));
        let values: Vec<f64> = (0..40_000).map(|_| draw(&mut source)).collect();
        let n = values.len() as f64;
        let got_mean = values.iter().sum::<f64>() / n;
        let got_variance = values.iter().map(|value| (value - got_mean).powi(2)).sum::<f64>() / n;
        assert!((got_mean - mean).abs() < 5.0 * (variance / n).sqrt(), "mean {got_mean}, wanted {mean}");
        assert!((got_variance / variance - 1.0).abs() < 0.1, "variance {got_variance}, wanted {variance}");
    }

    #[test]
    fn distributions_have_their_textbook_moments() {
        check(|draw| draw.uniform(2.0, 6.0), 4.0, 16.0 / 12.0);
        check(Draw::normal, 0.0, 1.0);
        check(|draw| draw.log_normal(1.0, 0.3).ln(), 0.0, 0.09);
        check(|draw| draw.exponential(3.0), 3.0, 9.0);
        check(|draw| draw.gamma(3.0, 10.0), 30.0, 300.0);
        check(|draw| draw.beta(2.0, 50.0), 2.0 / 52.0, 100.0 / (52.0 * 52.0 * 53.0));
        check(|draw| draw.poisson(4.5), 4.5, 4.5);
        check(|draw| draw.weighted(&[1.0, 2.0, 4.0]) as f64, 1.25, 0.6875);
        check(|draw| f64::from(draw.whole(1, 6)), 3.5, 35.0 / 12.0);
    }

    #[test]
    fn streams_of_one_seed_and_of_neighbouring_seeds_differ() {
        let first = |seed, purpose| Draw::new(seed, purpose).uniform(0.0, 1.0);
        let values = [
            first(1, Purpose::Background(0)),
            first(1, Purpose::Background(1)),
            first(2, Purpose::Background(0)),
            first(1, Purpose::Planted(0)),
            first(1, Purpose::Placing),
        ];
        for (idx, value) in values.iter().enumerate() {
            assert!(values[..idx].iter().all(|other| (other - value).abs() > 1e-6), "{values:?}");
        }
    }
}
