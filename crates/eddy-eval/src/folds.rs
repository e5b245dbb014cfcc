//! Which series are left out together.

use rand::SeedableRng;
use rand::seq::SliceRandom;

/// Groups that weights are learned without, one at a time.
pub const GROUPS: usize = 8;
/// The seeds of the assignments that there are shipped weights for; the first is gone by where nothing else is said.
pub const FOLD_SEEDS: [u64; 3] = [1, 2, 3];

/// The group of each of `n` series, in the order of their names (`category/file.csv`, sorted byte by byte).
///
/// The series are shuffled by a permuted congruential generator (PCG) started with the seed, and dealt out in turn:
/// the first to group 0, the second to group 1, and so on.
pub fn fold_groups(n: usize, seed: u64, groups: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut rand_pcg::Pcg64Mcg::seed_from_u64(seed));
    let mut of_series = vec![0; n];
    for (place, &series) in order.iter().enumerate() {
        of_series[series] = place % groups.max(1);
    }
    of_series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_of_one_size_and_the_same_every_time() {
        let groups = fold_groups(58, FOLD_SEEDS[0], GROUPS);
        for group in 0..GROUPS {
            let size = groups.iter().filter(|&&one| one == group).count();
            assert!((7..=8).contains(&size));
        }
        assert_eq!(groups, fold_groups(58, FOLD_SEEDS[0], GROUPS));
        assert_ne!(groups, fold_groups(58, 2, GROUPS));
        assert_eq!(fold_groups(0, 1, 8), Vec::<usize>::new());
    }

    #[test]
    fn the_assignment_that_weights_were_learned_with_does_not_change() {
        assert_eq!(fold_groups(58, FOLD_SEEDS[0], GROUPS)[..12], [6, 2, 7, 5, 3, 6, 2, 3, 0, 1, 3, 1]);
    }
}
