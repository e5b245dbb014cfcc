//! Volumes under surfaces.

use serde::Serialize;

use crate::{EvalError, Truth, Window};

/// Thresholds that a curve is drawn through.
const THRESHOLDS: usize = 250;

/// How well scores rank the rows of a series, without any threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Volumes {
    /// Volume under the surface of precision and recall.
    pub pr: f64,
    /// Volume under the surface of true and false positive rates.
    pub roc: f64,
}

/// Volume under the surface of precision-recall and ROC curves over widths of a buffer around the windows, from none to
/// `most_buffer`; none where nothing or everything is labelled.
///
/// Around each window lies a buffer of half the width on each side, in which a row counts the less the farther it is
/// from the window (`sqrt(1 - distance / width)`); it counts as labelled only where it is flagged. Recall is scaled by
/// the share of windows (with their buffers) that hold a flagged row. The curves go through 250 thresholds at even ranks,
/// the volume is the mean of the areas.
///
/// Cost: `O(widths * (rows in buffers + thresholds))` after sorting, because all thresholds of a width are counted at
/// once. Source: Paparrizos et al., "Volume Under the Surface", VLDB 2022, in the definition of TSB-AD's
/// `generate_curve`, to which it is compared in the tests.
pub fn volumes(labels: &[bool], scores: &[f64], most_buffer: usize) -> Result<Option<Volumes>, EvalError> {
    let n = labels.len();
    if scores.len() != n {
        return Err(EvalError::Length { wanted: n, got: scores.len() });
    }
    let truth = Truth::of_labels(labels);
    let windows = truth.windows();
    let n_labelled: usize = windows.iter().map(Window::len).sum();
    if n_labelled == 0 || n_labelled == n {
        return Ok(None);
    }
    let ranks = Ranks::of(scores);
    let mut in_windows = vec![0.0; THRESHOLDS];
    for row in (0..n).filter(|&row| labels[row]) {
        in_windows[ranks.first_flagged[row] as usize] += 1.0;
    }
    let in_windows = running(in_windows);
    let (mut pr, mut roc) = (0.0, 0.0);
    for width in 0..=most_buffer {
        let weights = buffer(labels, windows, width, most_buffer);
        let mut in_buffers = vec![0.0; THRESHOLDS];
        for (row, weight) in weights {
            in_buffers[ranks.first_flagged[row] as usize] += weight;
        }
        let in_buffers = running(in_buffers);
        let found = running(found_at(&ranks, &segments(windows, width / 2, n)));
        let (area_pr, area_roc) =
            areas(n, n_labelled as f64, &ranks.flagged, &in_windows, &in_buffers, &found);
        pr += area_pr;
        roc += area_roc;
    }
    let n_widths = (most_buffer + 1) as f64;
    Ok(Some(Volumes { pr: pr / n_widths, roc: roc / n_widths }))
}

/// Which rows are flagged from which threshold on.
struct Ranks {
    /// Number of the highest threshold that flags a row.
    first_flagged: Vec<u32>,
    /// Rows flagged at each threshold.
    flagged: Vec<f64>,
}

impl Ranks {
    fn of(scores: &[f64]) -> Self {
        // What is no number ranks last.
        let score = |row: usize| if scores[row].is_nan() { f64::NEG_INFINITY } else { scores[row] };
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_unstable_by(|&a, &b| score(b).total_cmp(&score(a)).then(a.cmp(&b)));
        let last = scores.len() - 1;
        let step = last as f64 / (THRESHOLDS - 1) as f64;
        let mut first_flagged = vec![THRESHOLDS as u32 - 1; scores.len()];
        let mut flagged = Vec::with_capacity(THRESHOLDS);
        let mut at = 0;
        for number in 0..THRESHOLDS {
            let rank = if number + 1 == THRESHOLDS { last } else { (number as f64 * step) as usize };
            let threshold = score(order[rank]);
            while at < order.len() && score(order[at]) >= threshold {
                first_flagged[order[at]] = number as u32;
                at += 1;
            }
            flagged.push(at as f64);
        }
        Self { first_flagged, flagged }
    }
}

/// Running sums.
fn running(mut counts: Vec<f64>) -> Vec<f64> {
    for idx in 1..counts.len() {
        counts[idx] += counts[idx - 1];
    }
    counts
}

/// Rows of the buffers and how much each counts, at most 1 where buffers overlap.
fn buffer(labels: &[bool], windows: &[Window], width: usize, most_buffer: usize) -> Vec<(usize, f64)> {
    let n = labels.len();
    let half = width / 2;
    let mut rows: Vec<(usize, f64)> = Vec::new();
    let near = |distance: usize| (1.0 - distance as f64 / width as f64).sqrt();
    for window in windows {
        rows.extend(
            (window.first.saturating_sub(half)..window.first).map(|row| (row, near(window.first - row))),
        );
        rows.extend(
            (window.last + 1..(window.last + half + 1).min(n)).map(|row| (row, near(row - window.last))),
        );
    }
    rows.retain(|&(row, _)| !labels[row]);
    rows.sort_by_key(|&(row, _)| row);
    let mut merged: Vec<(usize, f64)> = Vec::with_capacity(rows.len());
    for (row, weight) in rows {
        match merged.last_mut() {
            Some((before, sum)) if *before == row => *sum += weight,
            _ => merged.push((row, weight)),
        }
    }
    // Rows outside the segments of the widest buffer are not counted: those of a smaller one never are.
    debug_assert!(width <= most_buffer);
    merged.iter_mut().for_each(|(_, weight)| *weight = weight.min(1.0));
    merged
}

/// Windows with their buffers; those that meet are one.
fn segments(windows: &[Window], half: usize, n: usize) -> Vec<Window> {
    let mut segments = Vec::new();
    let mut first = windows[0].first.saturating_sub(half);
    for pair in windows.windows(2) {
        if pair[0].last + 2 * half < pair[1].first {
            segments.push(Window { first, last: pair[0].last + half });
            first = pair[1].first - half;
        }
    }
    segments.push(Window { first, last: (windows[windows.len() - 1].last + half).min(n - 1) });
    segments
}

/// Share of the segments that are found, at the threshold where each first is.
fn found_at(ranks: &Ranks, segments: &[Window]) -> Vec<f64> {
    let mut found = vec![0.0; THRESHOLDS];
    for segment in segments {
        let rows = &ranks.first_flagged[segment.first..=segment.last];
        let first = rows.iter().copied().min().unwrap_or(THRESHOLDS as u32 - 1);
        found[first as usize] += 1.0;
    }
    found.iter_mut().for_each(|count| *count /= segments.len() as f64);
    found
}

/// Areas under the two curves of one width.
fn areas(
    n: usize,
    labelled: f64,
    flagged: &[f64],
    in_windows: &[f64],
    in_buffers: &[f64],
    found: &[f64],
) -> (f64, f64) {
    let (mut pr, mut roc) = (0.0, 0.0);
    let (mut before_true, mut before_false) = (0.0, 0.0);
    for number in 0..THRESHOLDS {
        let hits = in_windows[number] + in_buffers[number];
        // Positives: halfway between the windows alone and all that counts as labelled.
        let positives = f64::midpoint(labelled, labelled + in_buffers[number]);
        let recall = (hits / positives).min(1.0) * found[number];
        let false_rate = (flagged[number] - hits) / (n as f64 - positives);
        pr += (recall - before_true) * (hits / flagged[number]);
        roc += (false_rate - before_false) * f64::midpoint(recall, before_true);
        (before_true, before_false) = (recall, false_rate);
    }
    // The curve ends where everything is flagged.
    (pr, roc + (1.0 - before_false) * f64::midpoint(1.0, before_true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(n: usize, windows: &[(usize, usize)]) -> Vec<bool> {
        (0..n).map(|row| windows.iter().any(|&(first, last)| (first..=last).contains(&row))).collect()
    }

    #[test]
    fn without_a_buffer_perfect_scores_fill_the_whole_area() {
        let labels = labels(250, &[(100, 119)]);
        let scores: Vec<f64> = labels.iter().map(|&label| f64::from(u8::from(label))).collect();
        let volumes = volumes(&labels, &scores, 0).unwrap().unwrap();
        assert!((volumes.pr - 1.0).abs() < 1e-12 && (volumes.roc - 1.0).abs() < 1e-12, "{volumes:?}");
    }

    #[test]
    fn by_hand_the_area_of_a_ranking_of_four_rows_comes_out() {
        // Ranks: wrong, right, right, wrong. Recall and precision: (0, 0), (1/2, 1/2), (1, 2/3), (1, 1/2).
        let volumes = volumes(&[false, true, true, false], &[4.0, 3.0, 2.0, 1.0], 0).unwrap().unwrap();
        assert!((volumes.pr - (0.5 * 0.5 + 0.5 * (2.0 / 3.0))).abs() < 1e-12, "{volumes:?}");
        assert!((volumes.roc - 0.5).abs() < 1e-12, "{volumes:?}");
    }

    #[test]
    fn by_hand_a_buffer_pays_for_a_hit_beside_the_window() {
        // Width 2: one row on each side with weight sqrt(1/2). Flagged from the top: row 1 (buffer), then the rest.
        let labels = labels(4, &[(2, 2)]);
        let scores = [0.0, 1.0, 0.0, 0.0];
        let root = 0.5f64.sqrt();
        let width_0 = {
            // Row 1 is false; then all four rows: recall 1, precision 1/4.
            (0.25, 0.5 * (1.0 - 1.0 / 3.0) + 0.0 / 3.0)
        };
        let first = (root / f64::midpoint(2.0, root), root, (1.0 - root) / (4.0 - f64::midpoint(2.0, root)));
        let hits = 1.0 + 2.0 * root;
        let positives = 1.0 + root;
        let second = ((hits / positives).min(1.0), hits / 4.0, (4.0 - hits) / (4.0 - positives));
        let pr_2 = first.0 * first.1 + (second.0 - first.0) * second.1;
        let roc_2 = first.2 * first.0 / 2.0
            + (second.2 - first.2) * f64::midpoint(first.0, second.0)
            + (1.0 - second.2) * f64::midpoint(1.0, second.0);
        // Widths 0 and 1 have no buffer; their curves are the same.
        let got = volumes(&labels, &scores, 2).unwrap().unwrap();
        assert!((got.pr - (2.0 * width_0.0 + pr_2) / 3.0).abs() < 1e-12, "{got:?}");
        assert!((got.roc - (2.0 * width_0.1 + roc_2) / 3.0).abs() < 1e-12, "{got:?}");
    }

    #[test]
    fn series_without_a_window_or_with_nothing_else_have_no_volume() {
        assert_eq!(volumes(&[false; 10], &[0.0; 10], 3), Ok(None));
        assert_eq!(volumes(&[true; 10], &[0.0; 10], 3), Ok(None));
        assert_eq!(volumes(&[], &[], 3), Ok(None));
        assert!(volumes(&[true], &[], 3).is_err());
    }

    #[test]
    fn hostile_scores_leave_finite_volumes() {
        let labels = labels(40, &[(0, 2), (10, 12), (39, 39)]);
        for scores in [vec![f64::NAN; 40], vec![f64::INFINITY; 40], vec![-0.0; 40]] {
            let volumes = volumes(&labels, &scores, 30).unwrap().unwrap();
            assert!(volumes.pr.is_finite() && volumes.roc.is_finite());
        }
    }
}
