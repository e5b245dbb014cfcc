//! What a series was like at the same time of earlier days.

const BIN: i64 = 86_400_000_000_000 / BINS as i64;
const BINS: usize = 48;
const DAYS: usize = 8;
/// Half hours in all; the first follows the last.
const ALL: usize = BINS * DAYS;
/// Values in half an hour from which on it stands for its middle, not for its beginning.
const BETWEEN_FROM: f32 = 3.0;

/// Means of the half hours of the last seven days and of today; between their middles lies what is between.
#[derive(Debug, Clone)]
pub struct ClockProfile {
    means: Vec<f32>,
    /// Half hours since the epoch.
    at: i64,
    in_bin: f32,
    /// Values in the last half hour.
    before: f32,
}

/// Where a half hour since the epoch is kept.
fn place(at: i64) -> usize {
    at.rem_euclid(ALL as i64) as usize
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
        Self { means: vec![f32::NAN; ALL], at: i64::MIN, in_bin: 0.0, before: 0.0 }
    }
}

impl ClockProfile {
    /// Takes in a finite value at a time in nanoseconds since the epoch. What it was like at that time on earlier days. A
    /// value that is late by less than a day teaches nothing.
    pub fn push(&mut self, time: i64, value: f32) -> SameTime {
        let at = time.div_euclid(BIN);
        let is_late = at < self.at && self.at.saturating_sub(at) < BINS as i64;
        if at != self.at && !is_late {
            // What lies between was not seen; what is ahead is still known from eight days ago.
            let first = if self.at < at { self.at.saturating_add(1) } else { i64::MIN };
            for cleared in first.max(at.saturating_sub(ALL as i64 - 1))..=at {
                self.means[place(cleared)] = f32::NAN;
            }
            (self.before, self.in_bin, self.at) = (self.in_bin, 0.0, at);
        }
        let share = (time.rem_euclid(BIN) as f64 / BIN as f64) as f32;
        let same = self.same_time(place(at), share);
        if is_late {
            return same;
        }
        self.in_bin += 1.0;
        let mean = &mut self.means[place(at)];
        let before = if mean.is_nan() { value } else { *mean };
        *mean = before + (value * 0.5 - before * 0.5) / (0.5 * self.in_bin);
        if !mean.is_finite() {
            *mean = value;
        }
        same
    }

    /// `now` is the place of this half hour, of which a share is over.
    fn same_time(&self, now: usize, share: f32) -> SameTime {
        let mut same = SameTime { values: [0.0; 3 * DAYS], n: 0, n_same: 0, week: f32::NAN };
        // Between the middles of half hours of several values. Before the first of a day is the last of the day before.
        let (beside, weight) = if self.before.max(self.in_bin) < BETWEEN_FROM {
            (0, 0.0)
        } else if share < 0.5 {
            (ALL - 1, 0.5 - share)
        } else {
            (1, share - 0.5)
        };
        // The next day of the ring is the one a week ago.
        let days = (1..DAYS).map(|day| (now + day * BINS) % ALL);
        for (day, at) in days.clone().enumerate() {
            let (here, other) = (self.means[at], self.means[(at + beside) % ALL]);
            if here.is_nan() {
                continue;
            }
            let between = here * (1.0 - weight) + other * weight;
            let value = if between.is_finite() { between } else { here };
            if day == 0 {
                same.week = value;
            }
            same.values[same.n] = value;
            same.n += 1;
        }
        same.n_same = same.n;
        for offset in [1, ALL - 1] {
            for at in days.clone() {
                let value = self.means[(at + offset) % ALL];
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
        ALL * size_of::<f32>()
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
    fn at_midnight_the_next_half_hour_is_that_of_the_next_day() {
        let mut clock = ClockProfile::default();
        let mut before = None;
        for minute in 0..12 * 1440 {
            // Each day is higher than the one before, but nothing jumps.
            let same = clock.push(minute * MINUTE, minute as f32);
            if minute > 9 * 1440 && (minute + 30) % 1440 < 60 {
                let now = (same.median().unwrap(), same.week().unwrap());
                if let Some((median, week)) = before {
                    let steps: (f32, f32) = (now.0 - median, now.1 - week);
                    assert!(steps.0.abs() < 3.0 && steps.1.abs() < 3.0, "{minute}: {steps:?}");
                }
                before = Some(now);
            } else {
                before = None;
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
