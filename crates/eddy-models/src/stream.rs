//! Streams of random numbers that depend on the seed and on a part's number only, never on threads.

use eddy_detect::Seed;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// The stream of random numbers of part `part` (a tree, a projection) of a model.
pub(crate) fn stream(seed: Seed, part: usize) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(seed.of_part(part as u64))
}

/// A number of the standard normal distribution, by the method of Box & Muller 1958.
pub(crate) fn normal(rng: &mut impl rand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_seeds_differ_and_repeat() {
        let first = |seed, part| stream(Seed::new(seed), part).random::<u64>();
        assert_eq!(first(42, 0), first(42, 0));
        assert_ne!(first(42, 0), first(42, 1));
        assert_ne!(first(42, 1), first(43, 0));
    }

    #[test]
    fn normal_numbers_have_mean_0_and_deviation_1() {
        let mut rng = stream(Seed::default(), 0);
        let draws: Vec<f64> = (0..100_000).map(|_| normal(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let square = draws.iter().map(|draw| draw * draw).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (square - 1.0).abs() < 0.02, "{mean} {square}");
    }
}
