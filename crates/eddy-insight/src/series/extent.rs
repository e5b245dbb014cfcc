//! From when to when an event lasts.

use super::SeriesRecord;
use super::baseline::Baseline;

/// A row where a detector says that something begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// Row of the series.
    pub row: usize,
    /// `-log10` of the share of typical rows that are as unusual.
    pub surprise: f64,
    /// What the detector took it for, in words.
    pub reason: Option<String>,
}

/// Rows looked back from an alarm for the beginning of what it is about.
const LOOK_BACK: usize = 30;
/// Rows in a row that must be ordinary again before an event is over, at least.
const LEAST_CALM: usize = 6;

/// The rows of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) first: usize,
    /// Last row that is out of the ordinary, as far as it is known.
    pub(super) last: usize,
    /// Whether the series stayed out of the ordinary for so long that it may be called a new state.
    pub(super) persists: bool,
    /// Whether it is still so at the end of the record.
    pub(super) goes_on: bool,
}

/// Rows after which what was an excursion is a state of its own: half a season.
pub(super) fn rows_of_a_state(record: &SeriesRecord<'_>) -> usize {
    record.season.map_or(60, |season| season / 2).clamp(24, 2_000)
}

pub(super) fn extent(
    record: &SeriesRecord<'_>,
    baseline: &Baseline<'_>,
    alarm: usize,
    from: usize,
) -> Extent {
    let n = record.values.len();
    let state = rows_of_a_state(record);
    let calm = (state / 10).max(LEAST_CALM);
    let first = beginning(baseline, alarm, from);
    let mut last = if baseline.is_out(first) { first } else { alarm };
    let mut row = last + 1;
    // A new state need not be out at every row: most rows will do.
    while row < n && row - last <= calm {
        if baseline.is_out(row) {
            last = row;
        }
        row += 1;
    }
    let persists = last - first + 1 >= state;
    Extent { first, last, persists, goes_on: row == n && n - 1 - last <= calm && last > first }
}

/// The first row of what an alarm is about: the begin of the run of rows out of the ordinary that leads to it.
fn beginning(baseline: &Baseline<'_>, alarm: usize, from: usize) -> usize {
    let least = alarm.saturating_sub(LOOK_BACK).max(from);
    let mut first = None;
    for row in (least..=alarm).rev() {
        if baseline.is_out(row) {
            first = Some(row);
        } else if first.is_some_and(|first| first - row > 2) {
            break;
        }
    }
    first.unwrap_or(alarm)
}
