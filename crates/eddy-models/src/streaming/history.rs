//! The last values of a series, on a scale of its own.

use super::record::asinh;

/// Steps of the scale in one unit of the usual spread.
pub(super) const STEPS: f32 = 256.0;
/// The largest value on the scale, either way: sums of 64 squared differences fit into 32 bits.
const LARGEST: f32 = 2047.0;
/// Values between two looks at the scale once it has settled.
const LONGEST_WAIT: u64 = 2048;

/// The last values of a series: as they came, and as whole numbers on a scale that is linear within the usual spread
/// of the series and logarithmic beyond, with their sums. Whole numbers add up without error, in any order, for ever.
#[derive(Debug, Clone)]
pub struct History {
    raw: Vec<f32>,
    levels: Vec<i16>,
    /// Kept if they are asked for.
    sums: Option<Vec<i32>>,
    kept: usize,
    slack: usize,
    center: f32,
    spread: f32,
    n_seen: u64,
    next_look: u64,
}

impl History {
    /// A history that keeps at least the last `kept` values, and their sums.
    pub fn with_sums(kept: usize) -> Self {
        let mut history = Self::new(kept);
        history.sums = Some(Vec::with_capacity(history.kept + history.slack));
        history
    }

    /// A history that keeps at least the last `kept` values.
    pub fn new(kept: usize) -> Self {
        let slack = kept / 64 + 1;
        let room = kept + slack;
        Self {
            raw: Vec::with_capacity(room),
            levels: Vec::with_capacity(room),
            sums: None,
            kept,
            slack,
            center: 0.0,
            spread: 1.0,
            n_seen: 0,
            next_look: 16,
        }
    }

    /// Appends a finite value. Whether the scale has changed: by this factor, if it has.
    pub fn push(&mut self, value: f32) -> Option<f32> {
        if self.raw.len() == self.kept + self.slack {
            self.raw.drain(..self.slack);
            self.levels.drain(..self.slack);
            if let Some(sums) = &mut self.sums {
                sums.drain(..self.slack);
            }
        }
        if self.n_seen == 0 {
            self.center = value;
            self.spread = (value.abs() * 1e-2).max(1e-12);
        }
        self.n_seen += 1;
        self.raw.push(value);
        if self.n_seen == self.next_look {
            self.next_look += self.n_seen.min(LONGEST_WAIT);
            return Some(self.look());
        }
        self.append_level(self.level(value));
        None
    }

    fn append_level(&mut self, level: i16) {
        self.levels.push(level);
        if let Some(sums) = &mut self.sums {
            let sum = sums.last().copied().unwrap_or(0);
            sums.push(sum.wrapping_add(i32::from(level)));
        }
    }

    /// Finds the scale anew.
    fn look(&mut self) -> f32 {
        let before = self.spread;
        let mut sorted = self.raw.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let at = |share: f64| f64::from(sorted[(share * (sorted.len() - 1) as f64).round() as usize]);
        let median = at(0.5);
        let ranges = [(0.25, 0.75, 1.35), (0.05, 0.95, 3.3), (0.01, 0.99, 4.7)];
        let spread = ranges
            .iter()
            .map(|(low, high, width)| (at(*high) - at(*low)) / width)
            .find(|&spread| spread > 0.0);
        let whole = at(1.0) - at(0.0);
        let spread =
            spread.unwrap_or(whole / 6.0).max(whole * 1e-3).max(median.abs() * 1e-6).clamp(1e-30, 1e37);
        self.center = median as f32;
        self.spread = spread as f32;
        self.levels.clear();
        if let Some(sums) = &mut self.sums {
            sums.clear();
        }
        for idx in 0..self.raw.len() {
            self.append_level(self.level(self.raw[idx]));
        }
        (f64::from(before) / spread) as f32
    }

    /// The value in units of the usual spread around the middle, logarithmic beyond.
    pub fn scaled(&self, value: f32) -> f32 {
        // Halves first: differences of the largest numbers overflow.
        let half = (value * 0.5 - self.center * 0.5) / (self.spread * 0.5);
        asinh(half.clamp(-1e18, 1e18)).clamp(-8.0, 8.0)
    }

    /// The value that [`History::scaled`] gives `scaled` for.
    pub fn unscaled(&self, scaled: f32) -> f32 {
        let power = f64::from(scaled).clamp(-8.0, 8.0).exp();
        (0.5 * (power - 1.0 / power) * f64::from(self.spread) + f64::from(self.center)) as f32
    }

    fn level(&self, value: f32) -> i16 {
        let level = (self.scaled(value) * STEPS).clamp(-LARGEST, LARGEST);
        // To the nearest, halves away from 0.
        (level + 0.5f32.copysign(level)) as i16
    }

    /// The newest level in units of the usual spread.
    pub fn newest(&self) -> f32 {
        self.levels.last().map_or(0.0, |&level| f32::from(level) / STEPS)
    }

    /// Values so far.
    pub fn n_seen(&self) -> u64 {
        self.n_seen
    }

    /// Levels held, oldest first.
    pub fn levels(&self) -> &[i16] {
        &self.levels
    }

    /// Sums of the levels up to and with each of those held, modulo 2^32; empty if they are not kept.
    pub fn sums(&self) -> &[i32] {
        self.sums.as_deref().unwrap_or_default()
    }

    /// Values held, oldest first.
    pub fn raw(&self) -> &[f32] {
        &self.raw
    }

    /// Bytes on the heap.
    pub fn memory_bytes(&self) -> usize {
        (self.kept + self.slack) * (4 + 2 + if self.sums.is_some() { 4 } else { 0 })
    }
}
