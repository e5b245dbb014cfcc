//! Robust z-score.

use std::sync::Arc;

use eddy_detect::{
    About, Detector, FitContext, FitError, LoadError, Model, ModelKind, RowModel, SectionReader,
    SectionWriter,
};
use eddy_frame::RowsView;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    columns::{column, finite},
    robust_scale::RobustScale,
};

/// Robust z-score: rows with a value many typical deviations from the column's median are anomalous.
///
/// The modified z-score of a value is `0.6745 * |x - median| / MAD`, where MAD is the median absolute deviation from the
/// median. A column more than half of whose values are equal has no MAD; its mean absolute deviation stands in
/// (`0.7979 * |x - median| / mean deviation`), and for a constant column a millionth of its value.
///
/// In columns where distances mean nothing, the z-score of a value is the normal score of the share of training rows
/// whose value is as rare or rarer (5 %: 1.96). These are encoded categories, and columns of at most 12 different
/// values such as flags: a service that one row in twenty uses is no outlier, however small the MAD.
///
/// Score range: 0 upwards; 3.5 is the source's limit. Input: any numbers; works best on columns that are symmetric, so
/// take the logarithm of heavy-tailed ones first. A missing value counts as a very large one. Blind to: gaps and
/// several modes inside a column; odd combinations of ordinary values. Cost: fit `O(d n)`, score `O(d)` per row.
///
/// Source: Iglewicz & Hoaglin, "How to Detect and Handle Outliers", ASQC 1993, chapter 3; the fallback to the mean
/// absolute deviation is IBM's (SPSS); the normal scores of rare values and the aggregation over columns are ours.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RobustZ {
    /// How the columns' z-scores become one score.
    pub aggregation: Aggregation,
}

/// How the columns' z-scores become one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// The largest one: one odd column is enough.
    #[default]
    Max,
    /// The root of the mean of their squares: several somewhat odd columns count as well.
    RootMeanSquare,
}

impl Aggregation {
    fn of(self, z: impl ExactSizeIterator<Item = f64>) -> f64 {
        match self {
            Self::Max => z.map(f64::abs).fold(0.0, f64::max),
            Self::RootMeanSquare => {
                let n = z.len() as f64;
                (z.map(|z| z * z).sum::<f64>() / n).sqrt()
            }
        }
    }
}

impl Detector for RobustZ {
    const ABOUT: About = About {
        name: "robust_z",
        title: "Robust z-score",
        kind: ModelKind::Row,
        summary: "How many typical deviations (MAD) the most deviating value lies from its column's median.",
        blind_to: "Gaps and several modes inside a column; odd combinations of values that are each ordinary.",
        cost: "Fit O(d n); score O(d) per row; memory O(d).",
        source: "Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993.",
        natural_threshold: Some(3.5),
    };

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let columns = (0..rows.n_cols()).into_par_iter();
        let fit = |col_idx: usize| {
            let is_rarity = context.rarities.get(col_idx).copied().unwrap_or(false);
            ColumnScale::of(&column(rows, col_idx), is_rarity)
        };
        Ok(Model::Row(Arc::new(RobustZModel {
            scales: columns.map(fit).collect(),
            aggregation: self.aggregation,
        })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let scales = ColumnScale::load_all(section)?;
        Ok(Model::Row(Arc::new(RobustZModel { scales, aggregation: section.value("aggregation")? })))
    }
}

/// How far out a value of a column lies.
#[derive(Debug, Clone, PartialEq)]
enum ColumnScale {
    /// By its distance from the median.
    Distance(RobustScale),
    /// By how rare it is.
    Rarity(Levels),
}

/// Columns with at most so many different values are not measured by distance.
const MOST_LEVELS: usize = 12;
/// Different values of a rarity that are kept; there are never more in practice, for each needs its own count.
const MOST_RARITIES: usize = 4096;

impl ColumnScale {
    /// From a column's values. `is_rarity`: the values say how rare a category is, the greater the rarer.
    fn of(values: &[f32], is_rarity: bool) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let most = if is_rarity { MOST_RARITIES } else { MOST_LEVELS };
        let levels: Vec<(f32, usize)> =
            sorted.chunk_by(|a, b| a == b).take(most + 1).map(|chunk| (chunk[0], chunk.len())).collect();
        if levels.len() <= 1 || levels.len() > most {
            return Self::Distance(RobustScale::of(values));
        }
        let n = values.len() as f64;
        let as_rare = |&(value, count): &(f32, usize)| {
            let rows = levels.iter().filter(|&&(other, n)| if is_rarity { other >= value } else { n <= count });
            rows.map(|(_, n)| *n).sum::<usize>() as f64 / n
        };
        Self::Rarity(Levels {
            z: levels.iter().map(|level| normal_score(as_rare(level))).collect(),
            values: levels.iter().map(|(value, _)| *value).collect(),
            unseen: normal_score(0.5 / n),
        })
    }

    fn z(&self, value: f32) -> f64 {
        match self {
            Self::Distance(scale) => scale.z(value),
            Self::Rarity(levels) => levels.z(value),
        }
    }

    /// Writes the scales of all columns.
    fn save_all(scales: &[Self], section: &mut SectionWriter<'_>) {
        section.value("n_features", &scales.len());
        let is_distance: Vec<bool> = scales.iter().map(|scale| matches!(scale, Self::Distance(_))).collect();
        section.value("by_distance", &is_distance);
        let distances: Vec<RobustScale> =
            scales.iter().filter_map(|s| if let Self::Distance(scale) = s { Some(*scale) } else { None }).collect();
        RobustScale::save_all(&distances, section);
        let levels: Vec<&Levels> =
            scales.iter().filter_map(|s| if let Self::Rarity(levels) = s { Some(levels) } else { None }).collect();
        section.value("n_levels", &levels.iter().map(|l| l.values.len()).collect::<Vec<_>>());
        section.f32("level_values", &levels.iter().flat_map(|l| &l.values).copied().collect::<Vec<_>>());
        section.f64("level_z", &levels.iter().flat_map(|l| &l.z).copied().collect::<Vec<_>>());
        section.f64("unseen_z", &levels.iter().map(|l| l.unseen).collect::<Vec<_>>());
    }

    /// Reads what [`ColumnScale::save_all`] wrote.
    fn load_all(section: &SectionReader<'_>) -> Result<Vec<Self>, LoadError> {
        let n_features = checked::n_features(section)?;
        let by_distance: Vec<bool> = section.value("by_distance")?;
        checked::check_len("by_distance", by_distance.len(), n_features)?;
        let n_distances = by_distance.iter().filter(|&&by| by).count();
        let mut distances = RobustScale::load_all(section, n_distances)?.into_iter();
        let n_levels: Vec<usize> = section.value("n_levels")?;
        checked::check_len("n_levels", n_levels.len(), n_features - n_distances)?;
        if !n_levels.iter().all(|n| (1..=MOST_RARITIES).contains(n)) {
            return Err(LoadError::content("n_levels", "are not numbers of levels"));
        }
        let n_all = n_levels.iter().sum();
        let values = section.f32("level_values")?;
        checked::check_len("level_values", values.len(), n_all)?;
        let z = checked::floats(section, "level_z", n_all)?;
        let unseen = checked::floats(section, "unseen_z", n_levels.len())?;
        let mut rarities = n_levels.iter().zip(unseen).scan(0, |start, (&n, unseen)| {
            let at = *start..*start + n;
            *start += n;
            Some(Levels { values: values[at.clone()].to_vec(), z: z[at].to_vec(), unseen })
        });
        let ascending = |levels: &Levels| {
            levels.values.iter().all(|v| v.is_finite()) && levels.values.windows(2).all(|w| w[0] < w[1])
        };
        by_distance
            .iter()
            .map(|&by_distance| {
                let scale = if by_distance {
                    distances.next().map(Self::Distance)
                } else {
                    rarities.next().filter(ascending).map(Self::Rarity)
                };
                scale.ok_or_else(|| LoadError::content("level_values", "are not ascending finite numbers"))
            })
            .collect()
    }
}

/// The different values of a column, ascending, and how far out each is.
#[derive(Debug, Clone, PartialEq)]
struct Levels {
    values: Vec<f32>,
    z: Vec<f64>,
    /// A value that no training row had.
    unseen: f64,
}

impl Levels {
    fn z(&self, value: f32) -> f64 {
        self.values.binary_search_by(|level| level.total_cmp(&value)).map_or(self.unseen, |at| self.z[at])
    }
}

/// The `z` beyond which, on either side, a normal distribution has this share. Error below 0.0005: Abramowitz & Stegun,
/// "Handbook of Mathematical Functions", 1964, formula 26.2.23.
fn normal_score(share: f64) -> f64 {
    let t = (-2.0 * (0.5 * share).ln()).sqrt();
    let over = 0.010_328_f64.mul_add(t, 0.802_853).mul_add(t, 2.515_517);
    let under = 0.001_308_f64.mul_add(t, 0.189_269).mul_add(t, 1.432_788).mul_add(t, 1.0);
    (t - over / under).max(0.0)
}

/// A fitted [`RobustZ`].
#[derive(Debug)]
struct RobustZModel {
    scales: Vec<ColumnScale>,
    aggregation: Aggregation,
}

impl RowModel for RobustZModel {
    fn n_features(&self) -> usize {
        self.scales.len()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        for (row, score) in rows.iter().zip(out) {
            *score = self.aggregation.of(self.scales.iter().zip(row).map(|(scale, &x)| scale.z(finite(x))));
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("aggregation", &self.aggregation);
        ColumnScale::save_all(&self.scales, section);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aggregated_as_asked() {
        // Odd numbers from 1 to 39, and ten times that: more values than count as levels.
        let cells: Vec<f32> = (0..20).flat_map(|i| [(2 * i + 1) as f32, (20 * i + 10) as f32]).collect();
        let rows = RowsView::new(&cells, 2);
        for (aggregation, expect) in
            [(Aggregation::Max, 0.6745 * 3.0), (Aggregation::RootMeanSquare, 0.6745 * 5f64.sqrt())]
        {
            let model = Detector::fit(&RobustZ { aggregation }, rows, &FitContext::default()).unwrap();
            let mut out = [0.0];
            model.score_once(RowsView::new(&[50.0, 300.0], 2), &[], &mut out);
            assert!((out[0] - expect).abs() < 1e-12, "{aggregation:?}: {out:?}");
        }
    }

    #[test]
    fn normal_scores_are_those_of_the_tables() {
        for (share, expect) in [(1.0, 0.0), (0.3173, 1.0), (0.05, 1.96), (0.0027, 3.0), (6.334e-5, 4.0)] {
            assert!((normal_score(share) - expect).abs() < 1e-3, "{share}: {}", normal_score(share));
        }
    }

    #[test]
    fn a_value_of_a_flag_is_as_far_out_as_it_is_rare() {
        let mut flags = vec![0.0f32; 950];
        flags.resize(1000, 1.0);
        let scale = ColumnScale::of(&flags, false);
        assert!((scale.z(1.0) - 1.96).abs() < 0.01, "{}", scale.z(1.0));
        assert!(scale.z(0.0) < 0.01);
        assert!(scale.z(0.5) > 3.2 && scale.z(f32::MAX) > 3.2);
    }

    #[test]
    fn rarities_that_share_a_code_count_together() {
        // 90 rows of one common category, ten categories of one row each.
        let mut codes = vec![0.05f32; 90];
        codes.resize(100, 2.0);
        let scale = ColumnScale::of(&codes, true);
        assert!((scale.z(2.0) - normal_score(0.1)).abs() < 1e-9);
        assert!(scale.z(2.3) > scale.z(2.0), "a category never seen lies further out");
    }
}
