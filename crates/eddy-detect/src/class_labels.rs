//! What detectors that learn from labels share.

use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ClassLabels, Classes, FitContext, FitError, LoadError, RowModel, SectionReader};

/// How much the rows of each class count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// Every row counts the same.
    #[default]
    Equal,
    /// Every class counts the same, however few rows it has.
    Balanced,
}

impl ClassWeight {
    /// The weight of a row of each class.
    pub fn weights(self, labels: &ClassLabels<'_>) -> Vec<f64> {
        let n_classes = labels.classes.len();
        let mut counts = vec![0usize; n_classes];
        labels.of_rows.iter().for_each(|&class| counts[usize::from(class)] += 1);
        let weight = |&count: &usize| match self {
            Self::Equal => 1.0,
            Self::Balanced => labels.of_rows.len() as f64 / (n_classes as f64 * count.max(1) as f64),
        };
        counts.iter().map(weight).collect()
    }
}

/// The labels that every detector with [`crate::LearnsFrom::Labels`] is given.
pub fn class_labels<'a>(
    detector: &'static str,
    context: &FitContext<'a>,
) -> Result<ClassLabels<'a>, FitError> {
    context.class_labels.ok_or(FitError::NeedsLabels { detector })
}

/// Reads the classes of a model.
pub fn load_classes(section: &SectionReader<'_>) -> Result<Classes, LoadError> {
    let classes: Classes = section.value("classes")?;
    let fits = (2..=Classes::MOST).contains(&classes.len()) && classes.is_attack.len() == classes.len();
    if fits { Ok(classes) } else { Err(LoadError::content("classes", "do not fit together")) }
}

/// Rows whose probabilities are kept at a time, of two classes: a forest is fetched once for all of them.
const TILE_ROWS: usize = 1 << 15;

/// The probability of an attack, row by row, from a model's class probabilities.
pub fn score_by_probabilities(model: &impl RowModel, classes: &Classes, rows: RowsView<'_>, out: &mut [f64]) {
    let n_classes = classes.len();
    let tile_rows = (2 * TILE_ROWS / n_classes).clamp(1, out.len().max(1));
    let mut probabilities = vec![0.0; tile_rows * n_classes];
    for (idx, out) in out.chunks_mut(tile_rows).enumerate() {
        let start = idx * tile_rows;
        let probabilities = &mut probabilities[..out.len() * n_classes];
        model.probabilities(rows.slice(start, start + out.len()), probabilities);
        for (score, probabilities) in out.iter_mut().zip(probabilities.chunks_exact(n_classes)) {
            *score = classes.attack_probability(probabilities);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_classes_count_the_same() {
        let classes = Classes { names: vec!["a".into(), "b".into()], is_attack: vec![false, true] };
        let labels = ClassLabels { classes: &classes, of_rows: &[0, 0, 0, 1] };
        assert_eq!(ClassWeight::Equal.weights(&labels), [1.0, 1.0]);
        assert_eq!(ClassWeight::Balanced.weights(&labels), [2.0 / 3.0, 2.0]);
    }
}
