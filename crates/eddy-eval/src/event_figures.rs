//! What an operator asks: events found, false alarms a day, time to detect.

use serde::Serialize;

use crate::Truth;

/// Nanoseconds in a day.
const DAY: f64 = 86_400e9;

/// A series with its scores.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// Where alarms are right.
    pub truth: &'a Truth,
    /// Nanoseconds since the epoch, in order; empty where there are no times.
    pub times: &'a [i64],
    /// Score of each row.
    pub scores: &'a [f64],
}

/// What the alarms at a threshold come to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EventFigures {
    /// Rows at or above it raise an alarm.
    pub threshold: f64,
    /// Alarms: a row at or above the threshold begins one, and the next fifth of a probation belongs to it.
    pub alarms: u64,
    /// Alarms that touch no window.
    pub false_alarms: u64,
    /// Windows there are.
    pub windows: u64,
    /// Windows with at least one alarm.
    pub windows_found: u64,
    /// Days that were judged; none without times.
    pub days: Option<f64>,
    /// False alarms a day and series; none without times.
    pub false_alarms_per_day: Option<f64>,
    /// Median number of rows from the first row of a found window to its first alarm.
    pub median_delay_rows: Option<f64>,
    /// The same as a share of the window's length.
    pub median_delay_share: Option<f64>,
    /// The same in seconds; none without times.
    pub median_delay_seconds: Option<f64>,
}

impl EventFigures {
    /// Share of the alarms that touch a window; 0 without alarms.
    pub fn precision(&self) -> f64 {
        if self.alarms == 0 { 0.0 } else { (self.alarms - self.false_alarms) as f64 / self.alarms as f64 }
    }

    /// Share of the windows that are found; 0 without windows.
    pub fn recall(&self) -> f64 {
        if self.windows == 0 { 0.0 } else { self.windows_found as f64 / self.windows as f64 }
    }
}

/// Rows that an alarm lasts: what reaches the threshold within so many rows of its first row belongs to it. A fifth of
/// the rows that are not judged.
fn quiet(truth: &Truth) -> usize {
    (truth.probation() / 5).max(1)
}

/// Days of a series that are judged.
fn days(series: &Judged<'_>) -> Option<f64> {
    let judged = series.times.get(series.truth.probation()..)?;
    let (first, last) = (judged.first()?, judged.last()?);
    let days = (*last as f64 - *first as f64) / DAY;
    (days > 0.0).then_some(days)
}

/// Days of all series together; none if any has none.
fn all_days(series: &[Judged<'_>]) -> Option<f64> {
    series.iter().map(days).sum::<Option<f64>>().filter(|days| *days > 0.0)
}

/// Counts the alarms at a threshold over all series.
pub fn event_figures(series: &[Judged<'_>], threshold: f64) -> EventFigures {
    let (mut alarms, mut false_alarms, mut windows, mut found) = (0, 0, 0, 0);
    let (mut rows, mut shares, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
    for one in series {
        let truth = one.truth;
        let quiet = quiet(truth);
        let mut first_hit: Vec<Option<usize>> = vec![None; truth.windows().len()];
        let mut begun: Option<usize> = None;
        let mut hits = false;
        let n = truth.n_rows().min(one.scores.len());
        for row in (truth.probation()..n).filter(|&row| one.scores[row] >= threshold) {
            if begun.is_none_or(|begun| row - begun > quiet) {
                false_alarms += u64::from(begun.is_some() && !hits);
                alarms += 1;
                hits = false;
                begun = Some(row);
            }
            if let Some(window) = truth.window_of(row) {
                hits = true;
                first_hit[window].get_or_insert(row);
            }
        }
        false_alarms += u64::from(begun.is_some() && !hits);
        for (window, limits) in truth.judged_windows() {
            windows += 1;
            let Some(hit) = first_hit[window] else { continue };
            found += 1;
            let first = limits.first.max(truth.probation());
            rows.push((hit - first) as f64);
            shares.push((hit - first) as f64 / limits.len() as f64);
            if let (Some(&from), Some(&to)) = (one.times.get(first), one.times.get(hit)) {
                seconds.push((to as f64 - from as f64) / 1e9);
            }
        }
    }
    let days = all_days(series);
    EventFigures {
        threshold,
        alarms,
        false_alarms,
        windows,
        windows_found: found,
        days,
        false_alarms_per_day: days.map(|days| false_alarms as f64 / days),
        median_delay_rows: median(rows),
        median_delay_share: median(shares),
        median_delay_seconds: median(seconds),
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1], upper) })
}

/// The lowest threshold at which there are no more alarms than `per_day` for each day of each series; infinite if even
/// the highest score is reached too often, and none without times.
///
/// The number of alarms only grows as the threshold falls: taking the first row that is free each time packs as many
/// alarms as there is room for, and more rows leave no less room.
pub fn threshold_for_budget(series: &[Judged<'_>], per_day: f64) -> Option<f64> {
    let most = (per_day * all_days(series)?).floor();
    let mut scores: Vec<f64> = Vec::new();
    for one in series {
        let n = one.truth.n_rows().min(one.scores.len());
        let judged = one.scores.get(one.truth.probation()..n).unwrap_or_default();
        scores.extend(judged.iter().filter(|score| !score.is_nan()));
    }
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    scores.dedup();
    let kept = scores.partition_point(|&threshold| event_figures(series, threshold).alarms as f64 <= most);
    Some(if kept == 0 { f64::INFINITY } else { scores[kept - 1] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Window;

    /// A series of 400 rows a minute apart; 20 rows are not judged, so that an alarm lasts 4 rows.
    fn series(scores: &[(usize, f64)]) -> (Truth, Vec<i64>, Vec<f64>) {
        let windows = [Window { first: 100, last: 119 }, Window { first: 200, last: 239 }];
        let truth = Truth::of_rows(400, &windows).with_probation(20);
        let mut all = vec![0.0; 400];
        scores.iter().for_each(|&(row, score)| all[row] = score);
        (truth, (0..400).map(|row| row * 60_000_000_000).collect(), all)
    }

    #[test]
    fn alarms_close_together_are_one() {
        let (truth, times, scores) =
            series(&[(10, 1.0), (50, 1.0), (53, 1.0), (60, 1.0), (104, 1.0), (105, 1.0), (220, 0.5)]);
        let judged = [Judged { truth: &truth, times: &times, scores: &scores }];
        let got = event_figures(&judged, 0.8);
        assert_eq!((got.alarms, got.false_alarms, got.windows, got.windows_found), (3, 2, 2, 1));
        assert_eq!(
            (got.median_delay_rows, got.median_delay_seconds, got.median_delay_share),
            (Some(4.0), Some(240.0), Some(0.2))
        );
        assert!((got.precision() - 1.0 / 3.0).abs() < 1e-15 && got.recall() == 0.5);
        let days = 379.0 / 1440.0;
        assert!((got.false_alarms_per_day.unwrap() - 2.0 / days).abs() < 1e-9);
        assert_eq!(event_figures(&judged, 0.5).median_delay_rows, Some(12.0));
    }

    #[test]
    fn an_alarm_that_runs_into_a_window_is_a_true_one() {
        let (truth, times, scores) = series(&[(98, 1.0), (101, 1.0)]);
        let got = event_figures(&[Judged { truth: &truth, times: &times, scores: &scores }], 1.0);
        assert_eq!((got.alarms, got.false_alarms, got.median_delay_rows), (1, 0, Some(1.0)));
    }

    #[test]
    fn the_budget_is_kept_and_used() {
        let (truth, times, scores) =
            series(&[(50, 0.9), (52, 0.8), (150, 0.7), (220, 0.6), (300, 0.5), (303, 0.4)]);
        let judged = [Judged { truth: &truth, times: &times, scores: &scores }];
        let per_day = |alarms: f64| alarms / (379.0 / 1440.0) + 1e-6;
        for (most, wanted) in
            [(1.0, 0.8), (2.0, 0.7), (3.0, 0.6), (4.0, 0.4), (30.0, 0.4), (75.0, 0.4), (76.0, 0.0)]
        {
            let threshold = threshold_for_budget(&judged, per_day(most)).unwrap();
            assert_eq!(threshold, wanted);
            assert!(event_figures(&judged, threshold).alarms as f64 <= most);
        }
        assert_eq!(threshold_for_budget(&judged, 0.0), Some(f64::INFINITY));
        assert_eq!(threshold_for_budget(&[Judged { times: &[], ..judged[0] }], 1.0), None);
    }

    #[test]
    fn without_alarms_nothing_is_divided_by_nothing() {
        let (truth, _, scores) = series(&[]);
        let got = event_figures(&[Judged { truth: &truth, times: &[], scores: &scores }], 1.0);
        assert_eq!(
            (got.precision(), got.recall(), got.false_alarms_per_day, got.median_delay_rows),
            (0.0, 0.0, None, None)
        );
    }
}
