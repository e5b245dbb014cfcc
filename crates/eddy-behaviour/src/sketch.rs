//! Counting different things in little room.

use std::hash::{Hash, Hasher};

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
    pub(crate) fn see(&mut self, key: u64, thing: impl Hash) -> bool {
        let mut hasher = Keyed::new(key);
        thing.hash(&mut hasher);
        let bit = (hasher.finish() >> 32) as u32 % BITS;
        let word = &mut self.bits[(bit / 64) as usize];
        let mask = 1u64 << (bit % 64);
        let is_new = *word & mask == 0;
        *word |= mask;
        is_new
    }

    /// Takes in all that another has seen.
    pub(crate) fn join(&mut self, other: &Self) {
        self.bits.iter_mut().zip(other.bits).for_each(|(word, more)| *word |= more);
    }

    /// The estimated number of different things.
    pub(crate) fn count(&self) -> f64 {
        let set: u32 = self.bits.iter().map(|word| word.count_ones()).sum();
        let free = f64::from(BITS - set);
        if set == BITS { Self::MOST } else { (f64::from(BITS) * (f64::from(BITS) / free).ln()).round() }
    }
}

/// SipHash with a key of our own: who does not know the key cannot choose addresses that collide.
struct Keyed(#[allow(deprecated)] std::hash::SipHasher);

impl Keyed {
    fn new(key: u64) -> Self {
        #[allow(deprecated)]
        Self(std::hash::SipHasher::new_with_keys(key, 0x9e37_79b9_7f4a_7c15))
    }
}

impl Hasher for Keyed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_close_and_never_shrink() {
        for (n, tolerance) in [(0, 0.0), (1, 0.0), (20, 2.0), (100, 12.0), (500, 90.0)] {
            let mut distinct = Distinct::default();
            (0..n).for_each(|thing: u32| _ = distinct.see(1, thing));
            (0..n).for_each(|thing: u32| assert!(!distinct.see(1, thing)));
            assert!((distinct.count() - f64::from(n)).abs() <= tolerance, "{n}: {}", distinct.count());
        }
        let mut full = Distinct::default();
        (0..100_000u32).for_each(|thing| _ = full.see(1, thing));
        assert!((full.count() - Distinct::MOST).abs() < 1.0);
    }
}
