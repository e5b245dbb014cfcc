//! What an alarm is worth in each row of a series, after NAB's rules.

use crate::{EvalError, Profile};

/// Share of the rows that is not judged.
pub const PROBATION_SHARE: f64 = 0.15;
/// Most rows that are not judged.
pub const MOST_PROBATION: usize = 750;
/// From farther past a window than so many of its widths, an alarm is as false as can be.
const FAR: f64 = 3.0;

/// Rows at the beginning of a series of `n_rows` that are not judged: a detector may learn from them.
pub fn probation(n_rows: usize) -> usize {
    ((PROBATION_SHARE * n_rows as f64).floor() as usize).min(MOST_PROBATION)
}

/// A labelled window: rows from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Window {
    /// First row.
    pub first: usize,
    /// Last row.
    pub last: usize,
}

impl Window {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.last - self.first + 1
    }

    /// A window is never empty.
    pub fn is_empty(&self) -> bool {
        false
    }
}

/// The labels of a series, and what an alarm is worth in each of its rows.
///
/// An alarm inside a window is worth the more the earlier it comes: `sigmoid(-5 y)` scaled to -1..1, where `y` runs from
/// -1 at the first row of the window towards 0 after its last one. Outside it costs the more the farther the last window
/// lies behind, up to three window widths, measured to `width - 1`.
///
/// Source: Lavin & Ahmad, "Evaluating Real-time Anomaly Detection Algorithms", ICMLA 2015; where paper and program
/// differ, the program (`numenta/NAB`) is followed.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    probation: usize,
    windows: Vec<Window>,
    /// Window of each row; [`NONE`] outside.
    window_of: Vec<u32>,
    /// The scaled sigmoid of each row, before any weight.
    values: Vec<f64>,
}

/// No window.
const NONE: u32 = u32::MAX;

/// A sigmoid from 1 (far left) through 0 to -1, which it is from 3 on.
fn scaled_sigmoid(position: f64) -> f64 {
    // The order of the operations is that of the original: its results are compared to the last digit.
    if position > FAR { -1.0 } else { 2.0 * (1.0 / (1.0 + (-(-5.0 * position)).exp())) - 1.0 }
}

impl Truth {
    /// The windows given as first and last time of each, in order.
    ///
    /// The first row with the first time opens a window, the next one with the last time closes it; its width goes by
    /// the first row of the whole series that has each time, as in NAB, where a few series repeat times.
    pub fn of_times(
        times: &[i64],
        limits: &[(i64, i64)],
        name: impl Fn(i64) -> String,
    ) -> Result<Self, EvalError> {
        let missing =
            |&(from, to): &(i64, i64), end| EvalError::Window { from: name(from), to: name(to), end };
        let first_row = |time: i64| times.iter().position(|&one| one == time);
        let mut next = limits.iter();
        let mut coming = next.next();
        let mut windows = Vec::with_capacity(limits.len());
        let mut builder = Builder::new(times.len());
        let mut open: Option<(Open, i64)> = None;
        for (row, &time) in times.iter().enumerate() {
            if let Some(limit) = coming.filter(|limit| limit.0 == time) {
                let from = first_row(limit.0).unwrap_or(row);
                let to = first_row(limit.1).filter(|&to| to >= from).ok_or_else(|| missing(limit, "end"))?;
                open = Some((Open { first: row, right: to, width: (to - from + 1) as f64 }, limit.1));
                coming = next.next();
            }
            builder.push(row, open.as_ref().map(|(open, _)| open), windows.len() as u32);
            if let Some((opened, _)) = open.take_if(|(_, end)| *end == time) {
                windows.push(Window { first: opened.first, last: row });
                builder.close(row, opened.width);
            }
        }
        if let Some(limit) = coming {
            return Err(missing(limit, "start"));
        }
        if open.is_some() {
            return Err(missing(&limits[limits.len() - 1], "end"));
        }
        Ok(builder.finish(windows))
    }

    /// The windows given by their rows. They are put in order; those that overlap or touch become one, and what lies
    /// outside the series is cut off.
    pub fn of_rows(n_rows: usize, windows: &[Window]) -> Self {
        let mut merged: Vec<Window> = Vec::new();
        let mut sorted: Vec<Window> =
            windows.iter().copied().filter(|one| one.first < n_rows && one.first <= one.last).collect();
        sorted.sort_unstable_by_key(|window| (window.first, window.last));
        for window in sorted {
            let last = window.last.min(n_rows - 1);
            match merged.last_mut() {
                Some(before) if window.first <= before.last + 1 => before.last = before.last.max(last),
                _ => merged.push(Window { first: window.first, last }),
            }
        }
        let mut builder = Builder::new(n_rows);
        let mut at = 0;
        for row in 0..n_rows {
            let inside = merged.get(at).copied().filter(|window| window.first <= row);
            let open = inside.map(|window| Open {
                first: window.first,
                right: window.last,
                width: window.len() as f64,
            });
            builder.push(row, open.as_ref(), at as u32);
            if let Some(window) = inside.filter(|window| window.last == row) {
                builder.close(row, window.len() as f64);
                at += 1;
            }
        }
        builder.finish(merged)
    }

    /// The windows where a column of labels is set.
    pub fn of_labels(labels: &[bool]) -> Self {
        let mut windows: Vec<Window> = Vec::new();
        for row in (0..labels.len()).filter(|&row| labels[row]) {
            match windows.last_mut() {
                Some(window) if window.last + 1 == row => window.last = row,
                _ => windows.push(Window { first: row, last: row }),
            }
        }
        Self::of_rows(labels.len(), &windows)
    }

    /// The same with another number of rows that are not judged.
    pub fn with_probation(mut self, rows: usize) -> Self {
        self.probation = rows.min(self.values.len());
        self
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.values.len()
    }

    /// Rows at the beginning that are not judged.
    pub fn probation(&self) -> usize {
        self.probation
    }

    /// All windows, in order.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Windows of which at least one row is judged.
    pub fn judged_windows(&self) -> impl Iterator<Item = (usize, &Window)> {
        self.windows.iter().enumerate().filter(|(_, window)| window.last >= self.probation)
    }

    /// The window that a row lies in.
    pub fn window_of(&self, row: usize) -> Option<usize> {
        Some(self.window_of[row]).filter(|&window| window != NONE).map(|window| window as usize)
    }

    /// Whether each row lies in a window.
    pub fn labels(&self) -> Vec<bool> {
        self.window_of.iter().map(|&window| window != NONE).collect()
    }

    /// What an alarm in a row is worth.
    pub fn value(&self, row: usize, profile: &Profile) -> f64 {
        let value = self.values[row];
        if self.window_of[row] == NONE {
            value * profile.false_positive
        } else {
            value * profile.true_positive / scaled_sigmoid(-1.0)
        }
    }
}

/// A window that has begun.
struct Open {
    first: usize,
    right: usize,
    width: f64,
}

/// Gathers what rows are worth, from the first to the last.
struct Builder {
    window_of: Vec<u32>,
    values: Vec<f64>,
    /// Last row and width of the window before.
    before: Option<(usize, f64)>,
}

impl Builder {
    fn new(n_rows: usize) -> Self {
        Self { window_of: Vec::with_capacity(n_rows), values: Vec::with_capacity(n_rows), before: None }
    }

    fn push(&mut self, row: usize, open: Option<&Open>, window: u32) {
        let position = match (open, self.before) {
            (Some(open), _) => -(open.right as f64 - row as f64 + 1.0) / open.width,
            (None, None) => f64::INFINITY,
            (None, Some((right, width))) => row.abs_diff(right) as f64 / (width - 1.0),
        };
        self.values.push(scaled_sigmoid(position));
        self.window_of.push(if open.is_some() { window } else { NONE });
    }

    fn close(&mut self, row: usize, width: f64) {
        self.before = Some((row, width));
    }

    fn finish(self, windows: Vec<Window>) -> Truth {
        let probation = probation(self.values.len());
        Truth { probation, windows, window_of: self.window_of, values: self.values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standard() -> Profile {
        Profile::all().remove(0)
    }

    #[test]
    fn the_first_row_of_a_window_is_worth_1_and_the_middle_less() {
        let truth = Truth::of_rows(100, &[Window { first: 40, last: 59 }]);
        assert_eq!(truth.value(40, &standard()), 1.0);
        let middle = 2.0 / (1.0 + (-2.5f64).exp()) - 1.0;
        let most = 2.0 / (1.0 + (-5.0f64).exp()) - 1.0;
        assert!((truth.value(50, &standard()) - middle / most).abs() < 1e-15);
        assert!(truth.value(59, &standard()) > 0.0);
    }

    #[test]
    fn a_false_alarm_costs_more_the_farther_the_window_is_behind() {
        let truth = Truth::of_rows(200, &[Window { first: 40, last: 59 }]);
        let profile = standard();
        assert_eq!(truth.value(30, &profile), -0.11);
        let beyond = |rows: f64| 0.11 * (2.0 / (1.0 + (5.0 * rows / 19.0).exp()) - 1.0);
        assert!((truth.value(60, &profile) - beyond(1.0)).abs() < 1e-15);
        assert!(truth.value(61, &profile) < truth.value(60, &profile));
        // At three widths the sigmoid still holds, beyond it no longer does.
        assert!(truth.value(59 + 57, &profile) > -0.11);
        assert_eq!(truth.value(59 + 58, &profile), -0.11);
    }

    #[test]
    fn probation_is_15_per_cent_but_never_more_than_750_rows() {
        assert_eq!(
            [probation(0), probation(99), probation(4032), probation(5000), probation(22_695)],
            [0, 14, 604, 750, 750]
        );
    }

    #[test]
    fn windows_are_found_by_their_times() {
        let times = [0, 10, 20, 20, 30, 40, 50];
        let truth = Truth::of_times(&times, &[(20, 40)], |time| time.to_string()).unwrap();
        assert_eq!(truth.windows(), [Window { first: 2, last: 5 }]);
        assert_eq!(truth, Truth::of_rows(7, &[Window { first: 2, last: 5 }]));
        for (limits, end) in [([(21, 40)], "start"), ([(20, 41)], "end")] {
            let error = Truth::of_times(&times, &limits, |time| time.to_string()).unwrap_err();
            assert!(error.to_string().contains(end), "{error}");
        }
    }

    #[test]
    fn windows_of_rows_are_put_in_order_and_joined() {
        let windows =
            [Window { first: 8, last: 30 }, Window { first: 3, last: 4 }, Window { first: 5, last: 5 }];
        let truth = Truth::of_rows(10, &windows);
        assert_eq!(truth.windows(), [Window { first: 3, last: 5 }, Window { first: 8, last: 9 }]);
        assert_eq!(truth, Truth::of_labels(&truth.labels()));
    }

    #[test]
    fn a_window_of_one_row_leaves_finite_values() {
        let truth = Truth::of_rows(20, &[Window { first: 9, last: 9 }]);
        assert!((0..20).all(|row| truth.value(row, &standard()).is_finite()));
        assert_eq!(truth.value(10, &standard()), -0.11);
    }
}
