//! Streams of random numbers that depend on the seed and on a part's number only, never on threads.

use eddy_detect::Seed;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// The stream of random numbers of part `part` (a tree, a projection) of a model.
pub(crate) fn stream(seed: Seed, part: usize) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(scatter(seed.get()).wrapping_add(part as u64))
}

/// A number between 0 and 2^53 that depends on `seed` and `part` in a scattered way: the seed of a part that has
/// parts of its own.
pub(crate) fn part_seed(seed: Seed, part: usize) -> Seed {
    Seed::new(scatter(scatter(seed.get()).wrapping_add(part as u64)) >> 11)
}

/// A number of the standard normal distribution, by the method of Box & Muller 1958.
pub(crate) fn normal(rng: &mut impl rand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014): neighbouring seeds give unrelated numbers.
fn scatter(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
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
        assert_ne!(part_seed(Seed::new(0), 1), part_seed(Seed::new(1), 0));
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
