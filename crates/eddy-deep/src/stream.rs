//! Streams of random numbers that depend on the seed and on a part's number only.

use eddy_detect::Seed;
use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// The stream of random numbers of part `part` of a model.
pub(crate) fn stream(seed: Seed, part: u64) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(seed.of_part(part))
}

/// Puts the items into a random order (Fisher & Yates).
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut impl Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, rng.random_range(0..=last));
    }
}

/// A number between `-bound` and `bound`.
pub(crate) fn within(bound: f32, rng: &mut impl Rng) -> f32 {
    bound * (2.0 * rng.random::<f32>() - 1.0)
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
    fn a_shuffle_loses_nothing() {
        let mut items: Vec<u32> = (0..100).collect();
        shuffle(&mut items, &mut stream(Seed::default(), 0));
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
