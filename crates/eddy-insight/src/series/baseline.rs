//! What a series would have done, had nothing happened.

use super::{SeriesRecord, median, quantile};

/// Seasons looked back at most.
const MOST_SEASONS: usize = 8;
/// Rows that the level is taken from where no season is known.
const LEVEL_ROWS: usize = 60;
/// Rows that the spread is taken from at most.
const SPREAD_ROWS: usize = 2_000;

/// What was ordinary before a row, and is expected from it on: the value of the same phase of the seasons before,
/// brought to the level of the last rows; without a season, that level alone.
pub(super) struct Baseline<'a> {
    record: &'a SeriesRecord<'a>,
    /// First row of the history.
    from: usize,
    /// One past the last row of the history.
    until: usize,
    season: Option<usize>,
    level: f64,
    /// Median absolute deviation of the history from what was expected of it, as a standard deviation.
    pub(super) spread: f64,
    /// Half the width of the band of ordinary values.
    pub(super) half_band: f64,
    /// Least value of the history.
    pub(super) least: f64,
    /// Longest run of one and the same value in the history.
    pub(super) longest_run: usize,
}

impl<'a> Baseline<'a> {
    /// Learns from the rows `from..until`. None when they are too few to say anything.
    pub(super) fn of(record: &'a SeriesRecord<'a>, from: usize, until: usize) -> Option<Self> {
        let history = &record.values[from..until];
        if history.iter().filter(|value| value.is_finite()).count() < 8 {
            return None;
        }
        let season = record.season.filter(|&season| season >= 4 && history.len() >= 2 * season);
        let mut baseline = Self {
            record,
            from,
            until,
            season,
            level: 0.0,
            spread: 0.0,
            half_band: 0.0,
            least: history.iter().copied().filter(|value| value.is_finite()).fold(f64::INFINITY, f64::min),
            longest_run: longest_run(history),
        };
        let level_rows = season.unwrap_or(LEVEL_ROWS).min(history.len());
        baseline.level =
            median((until - level_rows..until).map(|row| record.values[row] - baseline.phase(row)));
        if !baseline.level.is_finite() {
            return None;
        }
        let spread_from = until.saturating_sub(season.map_or(SPREAD_ROWS, |season| 3 * season)).max(from);
        let mut deviations: Vec<f64> = (spread_from..until)
            .map(|row| (record.values[row] - baseline.looking_back(row, level_rows)).abs())
            .filter(|deviation| deviation.is_finite())
            .collect();
        deviations.sort_unstable_by(f64::total_cmp);
        baseline.spread = 1.4826 * quantile(&deviations, 0.5);
        let magnitude = baseline.level.abs().max(quantile(&deviations, 1.0));
        let least = (1e-6 * magnitude).max(f64::MIN_POSITIVE);
        baseline.half_band = (3.0 * baseline.spread).max(quantile(&deviations, 0.99)).max(least);
        baseline.spread = baseline.spread.max(baseline.half_band / 6.0);
        Some(baseline)
    }

    /// The median of the same phase of the seasons before, within the history; 0 without a season.
    fn phase(&self, row: usize) -> f64 {
        let Some(season) = self.season else { return 0.0 };
        // The last season that lies in the history wholly before the row.
        let behind = (row + 1).saturating_sub(self.until).div_ceil(season).max(1);
        let places = (behind..behind + MOST_SEASONS)
            .map_while(|back| row.checked_sub(back * season))
            .take_while(|&place| place >= self.from);
        let phase = median(places.map(|place| self.record.values[place]));
        if phase.is_finite() {
            phase
        } else {
            // The first season of the history has nothing before it: it looks ahead, within the history.
            let ahead =
                (1..=MOST_SEASONS).map(|on| row + on * season).take_while(|&place| place < self.until);
            median(ahead.map(|place| self.record.values[place]))
        }
    }

    /// What was expected of a row of the history itself.
    fn looking_back(&self, row: usize, level_rows: usize) -> f64 {
        if self.season.is_some() {
            return self.level + self.phase(row);
        }
        let from = row.saturating_sub(level_rows.min(24)).max(self.from);
        if row - from < 4 { self.level } else { median(self.record.values[from..row].iter().copied()) }
    }

    /// What is expected of a row.
    pub(super) fn expected(&self, row: usize) -> f64 {
        let phase = self.phase(row);
        self.level + if phase.is_finite() { phase } else { 0.0 }
    }

    /// How far a row lies from what is expected; 0 where its value is missing.
    pub(super) fn residual(&self, row: usize) -> f64 {
        let residual = self.record.values[row] - self.expected(row);
        if residual.is_finite() { residual } else { 0.0 }
    }

    /// Whether a row lies outside the band.
    pub(super) fn is_out(&self, row: usize) -> bool {
        self.residual(row).abs() > self.half_band
    }
}

/// The longest run of equal values.
pub(super) fn longest_run(values: &[f64]) -> usize {
    values.chunk_by(|a, b| a.to_bits() == b.to_bits()).map(<[f64]>::len).max().unwrap_or(0)
}
