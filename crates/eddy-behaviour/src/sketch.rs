//! Counting different things in little room.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

/// Bits of a sketch.
const BITS: u32 = 256;

/// How many different things were seen, in 32 bytes: linear counting (Whang, Vander-Zanden and Taylor, "A linear-time
/// probabilistic counting algorithm for database applications", 1990). Nearly exact below a hundred, within a tenth up to
/// a thousand, and never above [`Distinct::MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Distinct {
    bits: [u64; BITS as usize / 64],
}

impl Distinct {
    /// The greatest count it can tell of.
    pub(crate) const MOST: f64 = 1_419.0;

    /// Sees a thing; says whether it is certainly new.
    pub(crate) fn see(&mut self, thing: impl Hash) -> bool {
        self.see_mark(mark(thing))
    }

    /// Sees a thing by its [`mark`]; says whether it is certainly new. Cheaper where several sketches see the same.
    pub(crate) fn see_mark(&mut self, mark: u8) -> bool {
        let word = &mut self.bits[usize::from(mark / 64)];
        let mask = 1u64 << (mark % 64);
        let is_new = *word & mask == 0;
        *word |= mask;
        is_new
    }

    /// Whether a thing may have been seen, by its [`mark`].
    pub(crate) fn has_mark(&self, mark: u8) -> bool {
        self.bits[usize::from(mark / 64)] & 1u64 << (mark % 64) != 0
    }

    /// The estimated number of different things that this one or another has seen.
    pub(crate) fn count_with(&self, other: &Self) -> f64 {
        let mut both = *self;
        both.join(other);
        both.count()
    }

    /// Takes in all that another has seen.
    pub(crate) fn join(&mut self, other: &Self) {
        self.bits.iter_mut().zip(other.bits).for_each(|(word, more)| *word |= more);
    }

    /// The estimated number of different things.
    pub(crate) fn count(&self) -> f64 {
        Self::estimate(self.bits.iter().map(|word| word.count_ones()).sum())
    }

    /// The estimated number of different things behind so many places taken.
    pub(crate) fn estimate(set: u32) -> f64 {
        if set >= BITS {
            return Self::MOST;
        }
        (f64::from(BITS) * (f64::from(BITS) / f64::from(BITS - set)).ln()).round()
    }
}

/// What a sketch keeps of a thing: one of 256 places. The hash is mixed once more (the finaliser of MurmurHash3), as its
/// upper bits alone are not even for small keys. Who chooses addresses that share a place makes a count too small; tables,
/// where that would cost time, have a hash with a random key.
pub(crate) fn mark(thing: impl Hash) -> u8 {
    let mut hasher = FxHasher::default();
    thing.hash(&mut hasher);
    let mut z = hasher.finish();
    z = (z ^ (z >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    z = (z ^ (z >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (z >> 40) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_close_and_never_shrink() {
        for (n, tolerance) in [(0, 0.0), (1, 0.0), (20, 2.0), (100, 12.0), (500, 90.0)] {
            let mut distinct = Distinct::default();
            (0..n).for_each(|thing: u32| _ = distinct.see(thing));
            (0..n).for_each(|thing: u32| assert!(!distinct.see(thing)));
            assert!((distinct.count() - f64::from(n)).abs() <= tolerance, "{n}: {}", distinct.count());
        }
        let mut full = Distinct::default();
        (0..100_000u32).for_each(|thing| _ = full.see(thing));
        assert!((full.count() - Distinct::MOST).abs() < 1.0);
    }
}
