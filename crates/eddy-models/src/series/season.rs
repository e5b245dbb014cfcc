//! A repeating pattern, learned as it goes by.

use eddy_detect::LoadError;
use serde::{Deserialize, Serialize};

/// The most places of a season that are told apart.
pub(crate) const MOST_SLOTS: usize = 336;
/// The shortest and the longest season, in nanoseconds: two milliseconds, and some thirty years.
const LENGTHS: std::ops::RangeInclusive<i64> = 2_000_000..=1_000_000_000_000_000_000;
/// Share of what is wrong that a season takes in at each visit, once it has been seen often.
const GAIN: f64 = 0.1;

/// When a season begins and how long it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cycle {
    /// Length in nanoseconds.
    pub(crate) length_ns: i64,
    /// A time at which it begins.
    pub(crate) start_ns: i64,
    /// Places that are told apart, at least 2.
    pub(crate) n_slots: usize,
}

impl Cycle {
    /// A cycle for rows that are `interval_ns` apart; none if less than two rows or slots fit into it.
    pub(crate) fn new(length_ns: i64, start_ns: i64, interval_ns: i64, most_slots: usize) -> Option<Self> {
        if !LENGTHS.contains(&length_ns) {
            return None;
        }
        let n_rows = (length_ns as f64 / interval_ns as f64).round();
        let n_slots = (n_rows as usize).min(most_slots);
        let is_cycle = n_rows >= 2.0 && n_slots >= 2;
        is_cycle.then_some(Self { length_ns, start_ns: start_ns.rem_euclid(length_ns), n_slots })
    }

    /// Refuses what [`Cycle::new`] does not make.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let fits = LENGTHS.contains(&self.length_ns)
            && (2..=MOST_SLOTS).contains(&self.n_slots)
            && (0..self.length_ns).contains(&self.start_ns);
        if fits { Ok(()) } else { Err(LoadError::content("cycle", "is no season")) }
    }

    /// The place of a moment: a slot, and how far it is on the way to the next.
    pub(crate) fn place(&self, time_ns: i64) -> (usize, f64) {
        // Both are below the length, so that nothing overflows.
        let since = time_ns.rem_euclid(self.length_ns) - self.start_ns;
        let since = if since < 0 { since + self.length_ns } else { since };
        let place = since as f64 / self.length_ns as f64 * self.n_slots as f64;
        let slot = (place as usize).min(self.n_slots - 1);
        // Intervals are rarely a whole number of nanoseconds.
        let rest = (place - slot as f64).clamp(0.0, 1.0);
        if rest > 1.0 - 1e-6 {
            return ((slot + 1) % self.n_slots, 0.0);
        }
        (slot, if rest < 1e-6 { 0.0 } else { rest })
    }

    /// The slot that a moment is nearest to.
    pub(crate) fn nearest(&self, time_ns: i64) -> usize {
        let (slot, rest) = self.place(time_ns);
        if rest < 0.5 { slot } else { (slot + 1) % self.n_slots }
    }
}

/// What is usual at each place of a cycle, beside the level.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Season {
    means: Vec<f32>,
    n_visits: Vec<u16>,
}

impl Season {
    /// The season that was learned, or one of which nothing is known, or none at all.
    pub(crate) fn begin(cycle: Option<&Cycle>, profile: &[f32], n_visits: f64) -> Self {
        let Some(cycle) = cycle else { return Self::default() };
        if profile.is_empty() {
            return Self { means: vec![0.0; cycle.n_slots], n_visits: vec![0; cycle.n_slots] };
        }
        Self { means: profile.to_vec(), n_visits: vec![n_visits.clamp(1.0, 1e4) as u16; cycle.n_slots] }
    }

    /// What the season adds to the level at a moment.
    pub(crate) fn at(&self, cycle: Option<&Cycle>, time_ns: i64) -> f64 {
        let Some(cycle) = cycle else { return 0.0 };
        let (slot, rest) = cycle.place(time_ns);
        let low = f64::from(self.means[slot]);
        let high = f64::from(self.means[(slot + 1) % cycle.n_slots]);
        low + rest * (high - low)
    }

    /// Takes in how far a value was from what was expected.
    pub(crate) fn learn(&mut self, cycle: Option<&Cycle>, time_ns: i64, error: f64) {
        self.learn_with(cycle, time_ns, error, GAIN);
    }

    /// The same with another share that is taken in.
    pub(crate) fn learn_with(&mut self, cycle: Option<&Cycle>, time_ns: i64, error: f64, gain: f64) {
        let Some(cycle) = cycle else { return };
        let (slot, rest) = cycle.place(time_ns);
        for (slot, share) in [(slot, 1.0 - rest), ((slot + 1) % cycle.n_slots, rest)] {
            if share > 0.0 {
                let gain = share * gain.max(1.0 / (f64::from(self.n_visits[slot]) + 1.0));
                let mean = f64::from(self.means[slot]) + gain * error;
                self.means[slot] = mean.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
                self.n_visits[slot] = self.n_visits[slot].saturating_add(u16::from(share >= 0.5));
            }
        }
    }

    /// Times that the place of a moment has been seen.
    pub(crate) fn n_visits(&self, cycle: Option<&Cycle>, time_ns: i64) -> u16 {
        cycle.map_or(0, |cycle| self.n_visits[cycle.nearest(time_ns)])
    }

    /// Bytes beside the struct itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(self.means.as_slice()) + size_of_val(self.n_visits.as_slice())
    }
}

/// The mean deviation from the level at each place of a cycle, over one series, robustly; and how many values each place
/// has, at least. None where a place has no value.
pub(crate) fn profile(cycle: &Cycle, times: &[i64], deviations: &[f64]) -> Option<(Vec<f32>, f64)> {
    let mut by_slot: Vec<Vec<f64>> = vec![Vec::new(); cycle.n_slots];
    for (&time, &deviation) in times.iter().zip(deviations) {
        by_slot[cycle.nearest(time)].push(deviation);
    }
    let least = by_slot.iter().map(Vec::len).min().filter(|&least| least > 0)?;
    let middle = |values: &mut Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        // The mean of the middle half: steadier than the median, and as hard to move.
        let quarter = values.len() / 4;
        let kept = &values[quarter..values.len() - quarter];
        let mean = kept.iter().sum::<f64>() / kept.len() as f64;
        mean.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
    };
    Some((by_slot.iter_mut().map(middle).collect(), least as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    #[test]
    fn rows_that_fall_on_slots_are_between_none() {
        let cycle = Cycle::new(7 * MINUTE, 123 * MINUTE + 5, MINUTE, MOST_SLOTS).unwrap();
        assert_eq!(cycle.n_slots, 7);
        for idx in 0..30 {
            assert_eq!(cycle.place(123 * MINUTE + 5 + idx * MINUTE), ((idx % 7) as usize, 0.0), "{idx}");
        }
        let (slot, rest) = cycle.place(123 * MINUTE + 5 + MINUTE / 4);
        assert!(slot == 0 && (rest - 0.25).abs() < 1e-9);
        for time in [i64::MIN, i64::MAX, 0, -1] {
            assert!(cycle.place(time).0 < 7);
        }
    }

    #[test]
    fn nonsense_is_no_cycle() {
        assert_eq!(Cycle::new(MINUTE, 0, MINUTE, 99), None);
        assert_eq!(Cycle::new(0, 0, MINUTE, 99), None);
        assert!(Cycle { length_ns: 0, start_ns: 0, n_slots: 3 }.check().is_err());
        assert!(Cycle { length_ns: 7 * MINUTE, start_ns: -1, n_slots: 3 }.check().is_err());
        assert!(Cycle { length_ns: 7 * MINUTE, start_ns: 0, n_slots: 1 << 40 }.check().is_err());
    }

    #[test]
    fn a_pattern_is_learned_in_one_pass() {
        let cycle = Cycle::new(5 * MINUTE, 0, MINUTE, MOST_SLOTS).unwrap();
        let mut season = Season::begin(Some(&cycle), &[], 0.0);
        let pattern = [1.0, -2.0, 3.0, 0.0, -2.0];
        for (idx, value) in (0..).zip(pattern) {
            season.learn(Some(&cycle), idx * MINUTE, value);
        }
        for (idx, value) in (5..).zip(pattern) {
            assert_eq!(season.at(Some(&cycle), idx * MINUTE), value);
        }
    }
}
