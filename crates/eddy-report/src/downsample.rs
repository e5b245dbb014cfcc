//! Which rows to draw when there are too many.

/// Most rows that are worth drawing: beyond this a screen has no more pixels for them.
pub const MOST_POINTS: usize = 20_000;

/// Rows worth drawing with `n_features` values each, so that a page stays within a few megabytes.
pub fn point_budget(n_features: usize) -> usize {
    (600_000 / n_features.max(1)).clamp(4_000, MOST_POINTS)
}

/// Chooses at most `most` rows to draw and returns their positions, rising.
///
/// Every flagged row stays, and the first and the last row. What is left of the budget is spread evenly over the input:
/// of each stretch of rows the smallest and the largest value of every given series stay, so that no peak is lost from
/// the series that matter (pass the scores first, then the one or two series that are drawn as lines). Values that are
/// not finite are passed over. When there are more flagged rows than the budget holds, those with the highest value in
/// the first series stay.
///
/// # Panics
/// When a series has another length than `flagged`.
pub fn downsample(series: &[&[f64]], flagged: &[bool], most: usize) -> Vec<usize> {
    let n_rows = flagged.len();
    assert!(series.iter().all(|values| values.len() == n_rows), "one value a row");
    if n_rows <= most {
        return (0..n_rows).collect();
    }
    let mut kept: Vec<usize> = (0..n_rows).filter(|&row_idx| flagged[row_idx]).collect();
    if kept.len() + 2 > most {
        if let Some(values) = series.first() {
            kept.sort_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
        }
        kept.truncate(most.saturating_sub(2));
    }
    kept.push(0);
    kept.push(n_rows - 1);
    let left = most.saturating_sub(kept.len());
    let n_bins = left / (2 * series.len().max(1));
    for bin in 0..n_bins {
        let (start, end) = (n_rows * bin / n_bins, n_rows * (bin + 1) / n_bins);
        for values in series {
            let finite = || (start..end).filter(|&row_idx| values[row_idx].is_finite());
            kept.extend(finite().min_by(|&a, &b| values[a].total_cmp(&values[b])));
            kept.extend(finite().max_by(|&a, &b| values[a].total_cmp(&values[b])));
        }
    }
    kept.sort_unstable();
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize) -> (Vec<f64>, Vec<bool>) {
        let scores: Vec<f64> = (0..n).map(|i| ((i * 7919) % 1000) as f64 / 1000.0).collect();
        let flagged = scores.iter().map(|score| *score > 0.99).collect();
        (scores, flagged)
    }

    #[test]
    fn few_rows_all_stay() {
        let (scores, flagged) = rows(100);
        assert_eq!(downsample(&[&scores], &flagged, 100), (0..100).collect::<Vec<_>>());
        assert!(downsample(&[&[]], &[], 10).is_empty());
    }

    #[test]
    fn every_flagged_row_and_both_ends_stay() {
        let (scores, flagged) = rows(50_000);
        let kept = downsample(&[&scores], &flagged, 2_000);
        assert!(kept.len() <= 2_000 && kept.len() > 1_200, "{}", kept.len());
        assert!(kept.is_sorted_by(|a, b| a < b));
        assert_eq!((kept[0], kept[kept.len() - 1]), (0, 49_999));
        for (row_idx, flag) in flagged.iter().enumerate() {
            assert!(!flag || kept.binary_search(&row_idx).is_ok(), "row {row_idx} is lost");
        }
    }

    #[test]
    fn a_lone_peak_stays() {
        let mut values = vec![f64::NAN; 10_000];
        values[6_543] = 9.0;
        let kept = downsample(&[&vec![0.0; 10_000], &values], &[false; 10_000], 400);
        assert!(kept.binary_search(&6_543).is_ok());
    }

    #[test]
    fn too_many_flagged_rows_keep_the_highest() {
        let scores: Vec<f64> = (0..1_000).map(f64::from).collect();
        let kept = downsample(&[&scores], &[true; 1_000], 100);
        assert!(kept.len() <= 100 && kept.len() >= 98, "{}", kept.len());
        assert!(kept.contains(&902) && kept.contains(&0) && !kept.contains(&800));
    }
}
