//! Evidence of rows that follow one another.

use crate::{Calibration, LoadError, SectionReader, SectionWriter};

/// How unusual it is that mildly unusual rows follow one another.
///
/// In a table that is in the order of time an event is a run of rows. Each of them may be no stranger than one row in
/// twenty, which says nothing; two dozen such rows in a row say a lot. The mean surprise of all windows of 8, 16 and 32
/// adjacent rows is put on a scale of its own by [`Calibration`], so that whatever rhythm the typical rows have is part
/// of what is typical. Windows that stand out are trimmed to the run inside them, and the rows of the run that are
/// themselves at least mildly unusual are raised to the surprise of the window.
///
/// This is a scan statistic (Naus, "The distribution of the size of the maximum cluster of points on a line", JASA
/// 1965) over windows of a few lengths, with the segment of largest sum (Bentley, "Programming Pearls: Algorithm Design
/// Techniques", CACM 1984) in place of a fixed end.
///
/// Blind to: runs shorter than half a window; runs that make up more than about a tenth of the rows; rows whose order
/// means nothing, where it must not be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Runs {
    /// Mean surprise of the training rows, each counted as at most [`MOST`].
    mean: f64,
    /// Scale of the mean surprise of windows, by length.
    windows: Vec<(usize, Calibration)>,
}

/// Adjacent rows that are unusual together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// First row, from 0.
    pub start: usize,
    /// One past the last row.
    pub end: usize,
    /// `-log10` of the estimated share of typical windows that are as unusual.
    pub surprise: f64,
}

/// Rows of a window.
const LENGTHS: [usize; 3] = [8, 16, 32];
/// Windows of a length are looked at when the training rows hold this many of them side by side.
const LEAST_WINDOWS: usize = 20;
/// A single row counts as at most this surprising, so that one wild row does not make a run.
const MOST: f64 = 3.0;
/// Rows of a run that are less surprising than this on their own are passed over: one row in three is.
const LEAST: f64 = 0.5;
/// Windows less surprising than this cannot be flagged by any rule worth having.
const LEAST_WINDOW: f64 = 1.3;
/// Windows that a scale is learned from at most.
const MOST_FITTED: usize = 1 << 18;

impl Runs {
    /// Learns the scales from the surprise of rows in their order. None when there are too few rows.
    pub fn fit(surprises: &[f64]) -> Option<Self> {
        let sums = prefix_sums(surprises);
        let n = surprises.len();
        let windows: Vec<(usize, Calibration)> = LENGTHS
            .iter()
            .filter(|&&length| n >= LEAST_WINDOWS * length)
            .map(|&length| {
                let n_windows = n - length + 1;
                let stride = n_windows.div_ceil(MOST_FITTED);
                let means: Vec<f64> =
                    (0..n_windows).step_by(stride).map(|start| mean_of(&sums, start, length)).collect();
                // Windows that overlap by more than half are hardly two.
                (length, Calibration::fit_dependent(&means, 0.5 * length as f64 / stride as f64))
            })
            .collect();
        (!windows.is_empty()).then(|| Self { mean: sums[n] / n as f64, windows })
    }

    /// Finds runs and raises the surprise of their rows. Runs come in the order of their rows.
    pub fn raise(&self, surprises: &mut [f64]) -> Vec<Run> {
        let n = surprises.len();
        let sums = prefix_sums(surprises);
        let correction = (self.windows.len() as f64).log10();
        let mut candidates: Vec<(f64, usize, usize)> = Vec::new();
        for (length, scale) in &self.windows {
            for start in 0..(n + 1).saturating_sub(*length) {
                let surprise = scale.surprise(mean_of(&sums, start, *length)) - correction;
                if surprise >= LEAST_WINDOW {
                    candidates.push((surprise, start, *length));
                }
            }
        }
        candidates.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let mut taken = vec![false; if candidates.is_empty() { 0 } else { n }];
        let mut runs = Vec::new();
        for (surprise, start, length) in candidates {
            let window = start..start + length;
            if taken[window.clone()].iter().any(|&taken| taken) {
                continue;
            }
            // The run may begin and end a window's length beyond.
            let near = start.saturating_sub(length)..(start + 2 * length).min(n);
            let limit = f64::midpoint(self.mean, mean_of(&sums, start, length));
            let (from, to) = largest_segment(near, |row| {
                if taken[row] { f64::NEG_INFINITY } else { surprises[row].min(MOST) - limit }
            });
            taken[window].fill(true);
            taken[from..to].fill(true);
            runs.push(Run { start: from, end: to, surprise });
        }
        for run in &runs {
            for surprise in &mut surprises[run.start..run.end] {
                if *surprise >= LEAST {
                    *surprise = surprise.max(run.surprise);
                }
            }
        }
        runs.sort_unstable_by_key(|run| run.start);
        runs
    }

    /// Names and writes what makes up the scales.
    pub fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("mean", &self.mean);
        section.value("lengths", &self.windows.iter().map(|(length, _)| *length).collect::<Vec<_>>());
        for (length, scale) in &self.windows {
            scale.save(&mut section.part(&format!("window_{length}")));
        }
    }

    /// Reads what [`Runs::save`] wrote.
    pub fn load(section: &SectionReader<'_>) -> Result<Self, LoadError> {
        let mean: f64 = section.value("mean")?;
        let lengths: Vec<usize> = section.value("lengths")?;
        if !mean.is_finite() || lengths.is_empty() || !lengths.iter().all(|length| LENGTHS.contains(length)) {
            return Err(LoadError::content("lengths", "are not those of windows"));
        }
        let load =
            |length: usize| Ok((length, Calibration::load(&section.part(&format!("window_{length}")))?));
        Ok(Self { mean, windows: lengths.into_iter().map(load).collect::<Result<_, LoadError>>()? })
    }
}

/// Sums of the first 0, 1, 2, ... surprises, each counted as at most [`MOST`].
fn prefix_sums(surprises: &[f64]) -> Vec<f64> {
    let mut sums = Vec::with_capacity(surprises.len() + 1);
    let mut sum = 0.0;
    sums.push(sum);
    for surprise in surprises {
        sum += surprise.min(MOST);
        sums.push(sum);
    }
    sums
}

fn mean_of(sums: &[f64], start: usize, length: usize) -> f64 {
    (sums[start + length] - sums[start]) / length as f64
}

/// The adjacent rows, at least one, whose values have the largest sum.
fn largest_segment(rows: std::ops::Range<usize>, value: impl Fn(usize) -> f64) -> (usize, usize) {
    let mut best = (f64::NEG_INFINITY, rows.start, rows.start + 1);
    let (mut sum, mut from) = (0.0, rows.start);
    for row in rows {
        if sum <= 0.0 {
            (sum, from) = (0.0, row);
        }
        sum += value(row);
        if sum > best.0 {
            best = (sum, from, row + 1);
        }
    }
    (best.1, best.2)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Surprises of typical rows: exponential, mean `log10(e)`.
    fn typical(n: usize, seed: u64) -> Vec<f64> {
        let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
        (0..n).map(|_| -rng.random_range(1e-12..1.0f64).log10()).collect()
    }

    #[test]
    fn a_run_of_mildly_unusual_rows_is_found_and_its_neighbours_are_not() {
        let mut surprises = typical(4_000, 1);
        surprises[1_000..1_024].fill(1.5);
        let before = surprises.clone();
        let runs = Runs::fit(&surprises).unwrap().raise(&mut surprises);
        let strong: Vec<&Run> = runs.iter().filter(|run| run.surprise > 4.0).collect();
        assert_eq!(strong.len(), 1, "{runs:?}");
        assert!(strong[0].start.abs_diff(1_000) <= 3 && strong[0].end.abs_diff(1_024) <= 3, "{strong:?}");
        assert!(surprises[1_004..1_020].iter().all(|&s| s > 4.0));
        assert_eq!(surprises[2_000], before[2_000]);
    }

    #[test]
    fn typical_rows_make_no_strong_run() {
        for seed in 0..20 {
            let mut surprises = typical(3_000, seed);
            let runs = Runs::fit(&surprises).unwrap().raise(&mut surprises);
            let strongest = runs.iter().map(|run| run.surprise).fold(0.0, f64::max);
            // What the default rule asks of a single row.
            assert!(strongest < (3_000.0f64 / 0.05).log10(), "seed {seed}: {strongest}");
        }
    }

    #[test]
    fn one_wild_row_is_no_run() {
        let mut surprises = typical(4_000, 3);
        surprises[500] = 300.0;
        let runs = Runs::fit(&surprises).unwrap().raise(&mut surprises);
        let around = runs.iter().filter(|run| run.start <= 500 && run.end > 500);
        assert!(around.clone().all(|run| run.surprise < 4.0), "{runs:?}");
    }

    #[test]
    fn few_rows_have_no_runs() {
        assert!(Runs::fit(&typical(100, 1)).is_none());
        assert!(Runs::fit(&[]).is_none());
        let runs = Runs::fit(&typical(400, 1)).unwrap();
        assert!(runs.raise(&mut []).is_empty());
        assert!(runs.raise(&mut [1.0, 2.0]).is_empty());
    }
}
