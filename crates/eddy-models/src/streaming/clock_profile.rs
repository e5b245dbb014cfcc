//! What a series was like at the same time of earlier days.

const DAY: i64 = 86_400_000_000_000;
const BIN: i64 = DAY / BINS as i64;
const BINS: usize = 48;
const DAYS: usize = 8;

/// Means of the half hours of the last seven days and of today.
#[derive(Debug, Clone)]
pub struct ClockProfile {
    means: Vec<f32>,
    day: i64,
    bin: usize,
    in_bin: f32,
}

/// What the half hour was on earlier days.
#[derive(Debug, Clone, Copy)]
pub struct SameTime {
    values: [f32; 3 * DAYS],
    n: usize,
    /// Of the values: how many are of the very half hour, at the start.
    n_same: usize,
}

impl Default for ClockProfile {
    fn default() -> Self {
        Self { means: vec![f32::NAN; BINS * DAYS], day: i64::MIN, bin: 0, in_bin: 0.0 }
    }
}

impl ClockProfile {
    /// Takes in a finite value at a time in nanoseconds since the epoch. What it was like at that time on earlier days.
    pub fn push(&mut self, time: i64, value: f32) -> SameTime {
        let day = time.div_euclid(DAY);
        let bin = (time.rem_euclid(DAY) / BIN) as usize;
        if day != self.day {
            let first = if self.day < day {
                (self.day.saturating_add(1)).max(day - DAYS as i64 + 1)
            } else {
                day - DAYS as i64 + 1
            };
            for cleared in first..=day {
                let slot = cleared.rem_euclid(DAYS as i64) as usize;
                self.means[slot * BINS..(slot + 1) * BINS].fill(f32::NAN);
            }
        }
        if day != self.day || bin != self.bin {
            (self.day, self.bin, self.in_bin) = (day, bin, 0.0);
        }
        let slot = day.rem_euclid(DAYS as i64) as usize;
        let same = self.same_time(slot, bin);
        self.in_bin += 1.0;
        let mean = &mut self.means[slot * BINS + bin];
        let before = if mean.is_nan() { value } else { *mean };
        *mean = before + (value * 0.5 - before * 0.5) / (0.5 * self.in_bin);
        if !mean.is_finite() {
            *mean = value;
        }
        same
    }

    fn same_time(&self, today: usize, bin: usize) -> SameTime {
        let mut same = SameTime { values: [0.0; 3 * DAYS], n: 0, n_same: 0 };
        for offset in [0, 1, BINS - 1] {
            for slot in (0..DAYS).filter(|&slot| slot != today) {
                let value = self.means[slot * BINS + (bin + offset) % BINS];
                if !value.is_nan() {
                    same.values[same.n] = value;
                    same.n += 1;
                }
            }
            if offset == 0 {
                same.n_same = same.n;
            }
        }
        same
    }

    /// Bytes on the heap.
    pub fn memory_bytes(&self) -> usize {
        BINS * DAYS * 4
    }
}

impl SameTime {
    /// The median of the same half hours, if there were two at least.
    pub fn median(&self) -> Option<f32> {
        let mut values = self.values;
        let same = &mut values[..self.n_same];
        same.sort_unstable_by(f32::total_cmp);
        let n = self.n_same;
        (n >= 2).then(|| 0.5 * (same[(n - 1) / 2] + same[n / 2]))
    }

    /// The values of the same half hours of all days, and of those beside them.
    pub fn values(&self) -> &[f32] {
        &self.values[..self.n]
    }
}
