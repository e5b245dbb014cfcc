//! What kind of event it is.

use super::baseline::{Baseline, longest_run};
use super::extent::{Extent, rows_of_a_state};
use super::{EventKind, SeriesEvent, SeriesRecord, median};

/// Equal values in a row that are a flat line, at least.
const LEAST_FLAT: usize = 6;
/// A gap of so many usual steps before an alarm is a silence.
const GAP_STEPS: i64 = 3;
/// Share of what is expected that is next to nothing.
const NEXT_TO_NOTHING: f64 = 0.1;

/// Fills in the kind, the rows and the size of an event.
pub(super) fn describe(
    event: &mut SeriesEvent,
    record: &SeriesRecord<'_>,
    baseline: &Baseline<'_>,
    found: Extent,
) {
    let Extent { first, mut last, persists, goes_on } = found;
    let rows = first..last + 1;
    let peak = rows
        .clone()
        .max_by(|&a, &b| baseline.residual(a).abs().total_cmp(&baseline.residual(b).abs()))
        .unwrap_or(event.detected);
    let flat = flat_stretch(record, baseline, first, last);
    event.kind = if gap_before(record, event.detected) {
        EventKind::Silence
    } else if let Some((from, to)) = flat {
        event.first = from;
        last = to;
        if is_next_to_nothing(record, baseline, from, to) { EventKind::Silence } else { EventKind::FlatLine }
    } else if last - first >= 2 && is_next_to_nothing(record, baseline, first, last) {
        EventKind::Silence
    } else if persists {
        state_kind(record, baseline, first, last)
    } else if !baseline.is_out(peak) {
        EventKind::Unusual
    } else if baseline.residual(peak) > 0.0 {
        EventKind::Spike
    } else {
        EventKind::Drop
    };
    if flat.is_none() {
        event.first = first;
    }
    event.last = last.max(event.first);
    event.goes_on = goes_on;
    event.peak = peak;
    event.seen = record.values[peak];
    event.expected = baseline.expected(peak);
    // What was never below nothing is not expected there.
    let floor = if baseline.least >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
    event.low = (event.expected - baseline.half_band).max(floor);
    event.high = event.expected + baseline.half_band;
    let rows = event.first..event.last + 1;
    match event.kind {
        EventKind::LevelShift => {
            event.expected = median(rows.clone().map(|row| baseline.expected(row)));
            event.seen = event.expected + median(rows.map(|row| baseline.residual(row)));
            event.low = (event.expected - baseline.half_band).max(floor);
            event.high = event.expected + baseline.half_band;
        }
        EventKind::VarianceChange => {
            event.expected = baseline.spread;
            event.seen = 1.4826 * median(rows.map(|row| baseline.residual(row).abs()));
            (event.low, event.high) = (0.0, baseline.half_band);
        }
        EventKind::FlatLine | EventKind::Silence => {
            event.seen = median(rows.map(|row| record.values[row]));
        }
        _ => {}
    }
}

/// Whether no row was recorded for a while before a row.
fn gap_before(record: &SeriesRecord<'_>, row: usize) -> bool {
    let times = record.times;
    if row == 0 || row >= times.len() {
        return false;
    }
    let from = row.saturating_sub(200);
    let mut steps: Vec<i64> =
        times[from..row].windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    if steps.len() < 8 {
        return false;
    }
    steps.sort_unstable();
    let usual = steps[steps.len() * 9 / 10].max(1);
    times[row].saturating_sub(times[row - 1]) > usual.saturating_mul(GAP_STEPS)
}

/// The stretch of equal values that makes up most of the rows around an event, where such runs are not ordinary.
fn flat_stretch(
    record: &SeriesRecord<'_>,
    baseline: &Baseline<'_>,
    first: usize,
    last: usize,
) -> Option<(usize, usize)> {
    let values = record.values;
    let same = |a: usize, b: usize| values[a].to_bits() == values[b].to_bits();
    // The rows out of the band may be only part of the flat stretch, or begin after it began.
    let middle = (first..=last).max_by_key(|&row| {
        let on = (row..last).take_while(|&at| same(row, at + 1)).count();
        (on, std::cmp::Reverse(row))
    })?;
    let mut from = middle;
    while from > 0 && same(from - 1, middle) {
        from -= 1;
    }
    let mut to = middle;
    while to + 1 < values.len() && same(to + 1, middle) {
        to += 1;
    }
    let run = to - from + 1;
    let mostly = 2 * run > last - first;
    (values[middle].is_finite() && mostly && run >= LEAST_FLAT && run > 2 * baseline.longest_run)
        .then_some((from, to))
}

/// Whether the values are next to nothing where clearly something is expected.
fn is_next_to_nothing(record: &SeriesRecord<'_>, baseline: &Baseline<'_>, first: usize, last: usize) -> bool {
    let seen = median((first..=last).map(|row| record.values[row].abs()));
    let expected = median((first..=last).map(|row| baseline.expected(row)));
    expected > baseline.half_band && baseline.least > 0.0 && seen <= NEXT_TO_NOTHING * expected
}

/// The kind of a state that lasts.
fn state_kind(record: &SeriesRecord<'_>, baseline: &Baseline<'_>, first: usize, last: usize) -> EventKind {
    let until = last.min(first + 2 * rows_of_a_state(record));
    let residuals: Vec<f64> = (first..=until).map(|row| baseline.residual(row)).collect();
    let quarter = residuals.len().div_ceil(4);
    let early = median(residuals[..quarter].iter().copied());
    let late = median(residuals[residuals.len() - quarter..].iter().copied());
    let middle = median(residuals.iter().copied());
    let deviation = 1.4826 * median(residuals.iter().map(|residual| (residual - middle).abs()));
    let one_sided = {
        let above = residuals.iter().filter(|&&residual| residual > 0.0).count() as f64;
        let share = above / residuals.len() as f64;
        share.max(1.0 - share)
    };
    if one_sided >= 0.85 && late.abs() > baseline.half_band {
        // A climb is gradual: its first quarter is far from its last.
        return if early.abs() < 0.5 * late.abs() && early * late > 0.0 {
            EventKind::TrendChange
        } else {
            EventKind::LevelShift
        };
    }
    if one_sided >= 0.85 && middle.abs() > 0.6 * baseline.half_band {
        return EventKind::LevelShift;
    }
    let jumpy = alternations(&residuals) * 3 >= residuals.len();
    if deviation > 2.0 * baseline.spread && (jumpy || record.season.is_none()) {
        EventKind::VarianceChange
    } else if record.season.is_some() {
        EventKind::SeasonBroken
    } else if longest_run(&record.values[first..=until]) * 2 > residuals.len() {
        EventKind::FlatLine
    } else {
        EventKind::Unusual
    }
}

/// How often the sign of the residual changes from one row to the next.
fn alternations(residuals: &[f64]) -> usize {
    residuals.windows(2).filter(|pair| pair[0] * pair[1] < 0.0).count()
}
