//! What a series was like at the same time of earlier days.

const DAY: i64 = 86_400_000_000_000;
const BIN: i64 = DAY / BINS as i64;
const BINS: usize = 48;
const DAYS: usize = 8;
/// Values in half an hour from which on it stands for its middle, not for its beginning.
const BETWEEN_FROM: f32 = 3.0;

/// Means of the half hours of the last seven days and of today; between their middles lies what is between.
#[derive(Debug, Clone)]
pub struct ClockProfile {
    means: Vec<f32>,
    day: i64,
    bin: usize,
    in_bin: f32,
    /// Values in the last half hour.
    before: f32,
}

/// What the half hour was on earlier days.
#[derive(Debug, Clone, Copy)]
pub struct SameTime {
    values: [f32; 3 * DAYS],
    n: usize,
    /// Of the values: how many are of the very half hour, at the start.
    n_same: usize,
    /// What it was a week ago.
    week: f32,
}

impl Default for ClockProfile {
    fn default() -> Self {
        Self { means: vec![f32::NAN; BINS * DAYS], day: i64::MIN, bin: 0, in_bin: 0.0, before: 0.0 }
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
            self.before = self.in_bin;
            (self.day, self.bin, self.in_bin) = (day, bin, 0.0);
        }
        let slot = day.rem_euclid(DAYS as i64) as usize;
        let share = (time.rem_euclid(BIN) as f64 / BIN as f64) as f32;
        let same = self.same_time(slot, bin, share);
        self.in_bin += 1.0;
        let mean = &mut self.means[slot * BINS + bin];
        let before = if mean.is_nan() { value } else { *mean };
        *mean = before + (value * 0.5 - before * 0.5) / (0.5 * self.in_bin);
        if !mean.is_finite() {
            *mean = value;
        }
        same
    }

    fn same_time(&self, today: usize, bin: usize, share: f32) -> SameTime {
        let mut same = SameTime { values: [0.0; 3 * DAYS], n: 0, n_same: 0, week: f32::NAN };
        // Between the middles of half hours of several values.
        let (beside, weight) = if self.before.max(self.in_bin) < BETWEEN_FROM {
            (bin, 0.0)
        } else if share < 0.5 {
            ((bin + BINS - 1) % BINS, 0.5 - share)
        } else {
            ((bin + 1) % BINS, share - 0.5)
        };
        for slot in (0..DAYS).filter(|&slot| slot != today) {
            let (here, other) = (self.means[slot * BINS + bin], self.means[slot * BINS + beside]);
            if here.is_nan() {
                continue;
            }
            let between = here * (1.0 - weight) + other * weight;
            let value = if between.is_finite() { between } else { here };
            if slot == (today + 1) % DAYS {
                same.week = value;
            }
            same.values[same.n] = value;
            same.n += 1;
        }
        same.n_same = same.n;
        for offset in [1, BINS - 1] {
            for slot in (0..DAYS).filter(|&slot| slot != today) {
                let value = self.means[slot * BINS + (bin + offset) % BINS];
                if !value.is_nan() {
                    same.values[same.n] = value;
                    same.n += 1;
                }
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

    /// What it was a week ago, if that is known.
    pub fn week(&self) -> Option<f32> {
        (!self.week.is_nan()).then_some(self.week)
    }

    /// The values of the same half hours of all days, and of those beside them.
    pub fn values(&self) -> &[f32] {
        &self.values[..self.n]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    #[test]
    fn the_same_time_of_earlier_days_and_of_a_week_ago_is_known() {
        let mut clock = ClockProfile::default();
        for hour in 0..24 * 8 {
            let day = hour / 24;
            let same = clock.push(hour * 60 * MINUTE, (100 * day + hour % 24) as f32);
            if hour == 24 * 7 + 5 {
                assert_eq!(same.week(), Some(5.0));
                assert_eq!(same.median(), Some(305.0));
            } else if hour < 24 * 2 {
                assert_eq!((same.week(), same.median()), (None, None));
            }
        }
    }

    #[test]
    fn between_half_hours_of_many_values_lies_what_is_between() {
        let mut clock = ClockProfile::default();
        for minute in 0..5 * 1440 {
            let value = (minute % 1440) as f32;
            let same = clock.push(minute * MINUTE, value);
            if minute > 4 * 1440 && (60..1380).contains(&(minute % 1440)) {
                let median = same.median().unwrap();
                assert!((median - value).abs() <= 0.6, "{minute}: {median}");
            }
        }
    }
}
