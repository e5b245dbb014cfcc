//! Streams of random numbers that depend on the seed and on a part's number only, never on threads.

use eddy_detect::Seed;
use rand::SeedableRng;
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

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014): neighbouring seeds give unrelated numbers.
fn scatter(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn parts_and_seeds_differ_and_repeat() {
        let first = |seed, part| stream(Seed::new(seed), part).random::<u64>();
        assert_eq!(first(42, 0), first(42, 0));
        assert_ne!(first(42, 0), first(42, 1));
        assert_ne!(first(42, 1), first(43, 0));
        assert_ne!(part_seed(Seed::new(0), 1), part_seed(Seed::new(1), 0));
    }
}
