//! When a series was measured.

use eddy_frame::{MISSING_TIME, NANOS_PER_SECOND};
use serde::Serialize;

/// A stretch of a series without values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Time of the last row before it, in nanoseconds.
    pub after: i64,
    /// Time of the first row behind it, in nanoseconds.
    pub before: i64,
    /// Rows that are missing between the two, at the usual step.
    pub missing: u64,
}

/// When a series was measured: the usual step, and how rows depart from it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Sampling {
    /// Rows.
    pub n_rows: u64,
    /// Rows without a time.
    pub without_time: u64,
    /// Rows with an earlier time than a row before them.
    pub out_of_order: u64,
    /// Rows with the same time as another row that was counted already.
    pub duplicates: u64,
    /// First and last time in nanoseconds, where there is one.
    pub span: Option<(i64, i64)>,
    /// The usual step in nanoseconds, where there are two different times.
    pub step: Option<i64>,
    /// Share of the intervals that are the step, give or take a tenth of it.
    pub on_step: f64,
    /// Gaps.
    pub n_gaps: u64,
    /// Rows missing in the gaps.
    pub missing: u64,
    /// The longest gaps, at most [`Sampling::MOST_GAPS`], in the order of time.
    pub gaps: Vec<Gap>,
}

/// Round steps in seconds.
const ROUND: [f64; 27] = [
    0.001, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 900.0,
    1_200.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 14_400.0, 21_600.0, 43_200.0, 86_400.0, 604_800.0,
];

impl Sampling {
    /// Most gaps that are listed.
    pub const MOST_GAPS: usize = 200;

    /// Looks at the times of one series in the order of its rows.
    ///
    /// The step is the commonest interval where half of them are the same to the nanosecond; else, as clocks jitter,
    /// the mean of the intervals within a quarter of the median, taken as a round number when it is within 1 % of one.
    /// An interval of one and a half steps or more is a gap, where the series has a regular step at all.
    pub fn of(times: &[i64]) -> Self {
        let mut known: Vec<i64> = times.iter().copied().filter(|&time| time != MISSING_TIME).collect();
        let mut sampling = Self {
            n_rows: times.len() as u64,
            without_time: (times.len() - known.len()) as u64,
            out_of_order: out_of_order(&known),
            ..Self::default()
        };
        known.sort_unstable();
        let with_duplicates = known.len();
        known.dedup();
        sampling.duplicates = (with_duplicates - known.len()) as u64;
        sampling.span = known.first().copied().zip(known.last().copied());
        let mut intervals: Vec<i64> = known.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        intervals.sort_unstable();
        let Some(step) = usual(&intervals) else { return sampling };
        sampling.step = Some(step);
        let on = intervals.iter().filter(|&&interval| (interval - step).abs() <= step / 10).count();
        sampling.on_step = on as f64 / intervals.len() as f64;
        if sampling.is_regular() {
            sampling.find_gaps(&known, step);
        }
        sampling
    }

    /// Whether rows keep to a step: at least three in five intervals do.
    pub fn is_regular(&self) -> bool {
        self.step.is_some() && self.on_step >= 0.6
    }

    /// Share of the rows there would be without gaps that are missing, 0 to 1.
    pub fn share_missing(&self) -> f64 {
        let there = self.n_rows - self.without_time - self.duplicates;
        self.missing as f64 / (self.missing + there).max(1) as f64
    }

    fn find_gaps(&mut self, known: &[i64], step: i64) {
        for pair in known.windows(2) {
            let interval = pair[1].saturating_sub(pair[0]);
            if interval / 3 * 2 < step {
                continue;
            }
            let missing = ((interval as f64 / step as f64).round() as u64).saturating_sub(1).max(1);
            self.n_gaps += 1;
            self.missing = self.missing.saturating_add(missing);
            self.gaps.push(Gap { after: pair[0], before: pair[1], missing });
            if self.gaps.len() >= 2 * Self::MOST_GAPS {
                self.keep_longest();
            }
        }
        self.keep_longest();
    }

    fn keep_longest(&mut self) {
        self.gaps.sort_by(|a, b| b.missing.cmp(&a.missing).then(a.after.cmp(&b.after)));
        self.gaps.truncate(Self::MOST_GAPS);
        self.gaps.sort_by_key(|gap| gap.after);
    }
}

fn out_of_order(times: &[i64]) -> u64 {
    let mut latest = i64::MIN;
    let mut n = 0;
    for &time in times {
        n += u64::from(time < latest);
        latest = latest.max(time);
    }
    n
}

/// The usual one of sorted intervals.
fn usual(intervals: &[i64]) -> Option<i64> {
    let median = *intervals.get(intervals.len() / 2)?;
    let same = |interval: i64| {
        intervals.partition_point(|&other| other <= interval)
            - intervals.partition_point(|&other| other < interval)
    };
    if same(median) * 2 >= intervals.len() {
        return Some(median);
    }
    let near = median / 4;
    let (low, high) = (
        intervals.partition_point(|&interval| interval < median - near),
        intervals.partition_point(|&interval| interval <= median.saturating_add(near)),
    );
    let sum: i128 = intervals[low..high].iter().map(|&interval| i128::from(interval)).sum();
    let mean = (sum / (high - low) as i128) as i64;
    let round = ROUND
        .iter()
        .map(|seconds| (seconds * NANOS_PER_SECOND as f64) as i64)
        .find(|round| (mean - round).abs() <= round / 100);
    Some(round.unwrap_or(mean).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = NANOS_PER_SECOND;

    #[test]
    fn a_regular_series_has_its_step_and_its_gaps() {
        let mut times: Vec<i64> = (0..100).map(|t| t * 300 * S).collect();
        times.drain(40..45);
        times.push(times[10]);
        let sampling = Sampling::of(&times);
        assert_eq!((sampling.step, sampling.n_gaps, sampling.missing), (Some(300 * S), 1, 5));
        assert_eq!((sampling.duplicates, sampling.out_of_order), (1, 1));
        assert_eq!(sampling.gaps, [Gap { after: 39 * 300 * S, before: 45 * 300 * S, missing: 5 }]);
        assert!(sampling.is_regular() && (sampling.share_missing() - 0.05).abs() < 1e-12);
    }

    #[test]
    fn a_jittering_clock_keeps_its_round_step() {
        let times: Vec<i64> = (0..500).map(|t| t * 10 * S + (t * t * 7_919 % 41 - 20) * S / 1_000).collect();
        let sampling = Sampling::of(&times);
        assert_eq!((sampling.step, sampling.n_gaps), (Some(10 * S), 0));
    }

    #[test]
    fn rows_that_come_when_they_like_are_irregular() {
        let times: Vec<i64> = (0i64..200).map(|t| t * t * t * S).collect();
        let sampling = Sampling::of(&times);
        assert!(!sampling.is_regular() && sampling.step.is_some() && sampling.n_gaps == 0);
    }

    #[test]
    fn hardly_any_times_are_answered() {
        assert_eq!(Sampling::of(&[]), Sampling::default());
        assert_eq!(Sampling::of(&[MISSING_TIME, 5]).without_time, 1);
        assert_eq!(Sampling::of(&[7, 7, 7]).step, None);
        assert!(Sampling::of(&[i64::MIN + 1, 0, i64::MAX]).step.is_some());
    }
}
