//! Rows drawn from a table, for detectors that keep no more than so many.

use eddy_detect::{ClassLabels, Seed};
use eddy_frame::{Rows, RowsView};
use rand::RngExt;

use crate::stream::stream;

/// Rows of a class that are kept however rare it is, if it has as many.
const LEAST_OF_CLASS: usize = 100;

/// At most `most` of the numbers below `n`, each equally likely, ascending.
pub(crate) fn sample(n: usize, most: usize, seed: Seed) -> Vec<usize> {
    draw((0..n).collect(), most, seed, 0)
}

fn draw(mut all: Vec<usize>, most: usize, seed: Seed, part: usize) -> Vec<usize> {
    if all.len() > most {
        let mut rng = stream(seed, part);
        for at in 0..most {
            let other = rng.random_range(at..all.len());
            all.swap(at, other);
        }
        all.truncate(most);
        all.sort_unstable();
    }
    all
}

/// At most `most` of the rows.
pub(crate) fn sampled(rows: RowsView<'_>, most: usize, seed: Seed) -> Rows {
    take(rows, &sample(rows.n_rows(), most, seed))
}

/// Copies rows.
pub(crate) fn take(rows: RowsView<'_>, row_idxs: &[usize]) -> Rows {
    let mut values = Vec::with_capacity(row_idxs.len() * rows.n_cols());
    row_idxs.iter().for_each(|&row_idx| values.extend_from_slice(rows.row(row_idx)));
    Rows::new(values, rows.n_cols())
}

/// About `most` rows at most, of each class its share, but of rare classes enough to know them by. Ascending.
pub(crate) fn labelled_sample(labels: &ClassLabels<'_>, most: usize, seed: Seed) -> Vec<usize> {
    let n = labels.of_rows.len();
    if n <= most {
        return (0..n).collect();
    }
    let mut of_class = vec![Vec::new(); labels.classes.len()];
    for (row_idx, &class) in labels.of_rows.iter().enumerate() {
        of_class[usize::from(class)].push(row_idx);
    }
    let least = LEAST_OF_CLASS.min(most / of_class.len()).max(1);
    let kept = of_class.into_iter().enumerate().flat_map(|(class, rows)| {
        let share = rows.len() * most / n;
        draw(rows, share.max(least), seed, class + 1)
    });
    let mut kept: Vec<usize> = kept.collect();
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use eddy_detect::Classes;

    use super::*;

    #[test]
    fn a_sample_is_ascending_and_without_repeats() {
        let some = sample(1000, 100, Seed::default());
        assert_eq!(some.len(), 100);
        assert!(some.is_sorted_by(|a, b| a < b) && some[99] < 1000);
        assert_ne!(some, sample(1000, 100, Seed::new(1)));
        assert_eq!(sample(3, 100, Seed::default()), [0, 1, 2]);
    }

    #[test]
    fn rare_classes_are_kept() {
        let classes = Classes { names: vec!["a".into(), "b".into()], is_attack: vec![false, true] };
        let of_rows: Vec<u16> = (0..10_000).map(|row_idx| u16::from(row_idx % 500 == 0)).collect();
        let labels = ClassLabels { classes: &classes, of_rows: &of_rows };
        let kept = labelled_sample(&labels, 1000, Seed::default());
        assert_eq!(kept.iter().filter(|&&row_idx| of_rows[row_idx] == 1).count(), 20);
        assert!((980..=1100).contains(&kept.len()));
    }
}
