//! Single values far from their prediction.

/// A value so many usual errors from its prediction is a spike or a step that needs no other evidence,
const FROM: f32 = 8.0;
/// or so many times that for each of late,
const TIMES: f32 = 1.25;
/// of which each weighs this much after the next row.
const KEPT: f32 = 0.9995;
/// Rows between two that count as two.
const APART: u32 = 10;
/// Surprise of the least spike, less one for each of late: enough where rows come every ten seconds.
const SURPRISE: f64 = 7.0;
/// What ten times the distance adds: the tail of the distances falls with their fourth power.
const TAIL: f64 = 4.0;

/// How often values were far from their prediction of late, and at what times of day.
#[derive(Debug, Clone, Default)]
pub struct Spikes {
    often: f32,
    /// The same before the newest.
    before: f32,
    /// Rows since the newest.
    since: u32,
    times: SpikeTimes,
}

impl Spikes {
    /// Sees how far the next value is from its prediction, in usual errors; the surprise, if it is far and others as far
    /// were few, and none at that time of the two days before.
    pub fn push(&mut self, time: Option<i64>, distance: f32) -> Option<f64> {
        self.often *= KEPT;
        self.since = self.since.saturating_add(1);
        let usual = time.map_or(0.0, |time| self.times.push(time, distance));
        if distance < FROM {
            return None;
        }
        if self.since > APART || self.often <= 0.0 {
            self.before = self.often;
            self.often += 1.0;
        }
        self.since = 0;
        let is_far = distance > self.before * FROM * TIMES && distance > usual * DAILY_TIMES;
        let surprise = SURPRISE + TAIL * f64::from(distance / FROM).log10();
        is_far.then(|| (surprise - f64::from(self.before)).max(0.0))
    }
}

/// What comes every day at the same time must be so many times as far as on the days before.
const DAILY_TIMES: f32 = 1.5;
/// Values at least so far are remembered for their time.
const DAILY_FROM: f32 = 6.0;
const HALF_HOUR_NS: i64 = 1_800_000_000_000;
/// Half hours of a day.
const HALF_HOURS: i32 = 48;
/// Today and the two days before.
const DAYS: usize = 3;

/// In which half hours of today and of the two days before values were far.
#[derive(Debug, Clone, Copy, Default)]
struct SpikeTimes {
    /// A bit for each half hour, of each day.
    far: [u64; DAYS],
    /// The farthest of each day.
    farthest: [f32; DAYS],
    /// The newest half hour since the epoch.
    at: i32,
}

impl SpikeTimes {
    /// Takes in the next distance; how far values were on those of the two days before that had any at that time, half an
    /// hour more or less; 0 if none had. A value that is late by more than a day starts anew.
    fn push(&mut self, time: i64, distance: f32) -> f32 {
        let at = time.div_euclid(HALF_HOUR_NS) as i32;
        let (day, newest) = (at.div_euclid(HALF_HOURS), self.at.div_euclid(HALF_HOURS));
        if day > newest || day < newest - 1 {
            let is_next = (1..DAYS as i32).contains(&(day - newest));
            for begun in if is_next { newest + 1..=day } else { day - 2..=day } {
                (self.far[slot(begun)], self.farthest[slot(begun)]) = (0, 0.0);
            }
            self.at = at;
        }
        if distance < DAILY_FROM {
            return 0.0;
        }
        self.far[slot(day)] |= 1 << at.rem_euclid(HALF_HOURS);
        self.farthest[slot(day)] = self.farthest[slot(day)].max(distance);
        let usual = |ago: i32| {
            let before = at - ago;
            let day = slot(before.div_euclid(HALF_HOURS));
            let is_far = self.far[day] >> before.rem_euclid(HALF_HOURS) & 1 == 1;
            if is_far { self.farthest[day] } else { 0.0 }
        };
        let times = [HALF_HOURS, 2 * HALF_HOURS].into_iter().flat_map(|ago| ago - 1..=ago + 1);
        times.map(usual).fold(0.0, f32::max)
    }
}

/// Where a day is kept.
fn slot(day: i32) -> usize {
    day.rem_euclid(DAYS as i32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    #[test]
    fn what_is_far_as_often_as_not_is_no_spike() {
        let mut spikes = Spikes::default();
        let told =
            (0..2000).filter(|row| spikes.push(None, if row % 300 == 0 { 8.5 } else { 1.0 }).is_some());
        assert_eq!(told.collect::<Vec<i32>>(), [0]);
        // What is farther than all that is told of nevertheless, though it surprises less than it would have at first.
        let first = Spikes::default().push(None, 900.0).unwrap();
        let now = spikes.push(None, 900.0).unwrap();
        assert!(now > 10.0 && now < first - 3.0, "{now} {first}");
    }

    #[test]
    fn what_comes_every_night_is_told_of_the_first_time_only() {
        let told = |distance: fn(i64) -> f32| {
            let mut spikes = Spikes::default();
            (0..10 * 1440)
                .step_by(5)
                .filter(|minute| {
                    // At three in the night, some minutes earlier or later.
                    let is_job = minute % 1440 == 175 + 5 * (minute / 1440 % 3);
                    let distance = if is_job { distance(minute / 1440) } else { 1.0 };
                    spikes.push(Some(minute * MINUTE), distance).is_some()
                })
                .map(|minute| minute / 1440)
                .collect::<Vec<i64>>()
        };
        assert_eq!(told(|_| 60.0), [0]);
        assert_eq!(told(|day| if day == 6 { 600.0 } else { 60.0 }), [0, 6]);
        // A week later it is news again.
        assert_eq!(told(|day| if day % 7 == 0 { 60.0 } else { 1.0 }), [0, 7]);
    }

    #[test]
    fn any_time_and_any_distance_is_taken() {
        let mut spikes = Spikes::default();
        for time in [0, i64::MAX, i64::MIN, -1, 1, MINUTE, i64::MIN, i64::MAX] {
            for distance in [0.0, 9.0, f32::MAX, f32::INFINITY, f32::NAN] {
                let surprise = spikes.push(Some(time), distance);
                assert!(surprise.is_none_or(|surprise| surprise >= 0.0));
            }
        }
    }
}
