//! Curves, the importance of features, and how far models agree.

use eddy_detect::{Memory, Seed};
use eddy_frame::Frame;
use rand::{SeedableRng, seq::SliceRandom};
use rayon::prelude::*;
use serde::Serialize;

use super::Labelled;
use super::contend::Judge;
use super::split::Fold;
use crate::scoring::score_all;

/// Points of a curve at most.
const MOST_POINTS: usize = 200;
/// Bins of probabilities.
const BINS: usize = 10;
/// Rows on which features are shuffled.
const SHUFFLED_ROWS: usize = 1000;
/// How often each feature is shuffled.
const SHUFFLES: usize = 2;

/// What is drawn of a model.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Curves {
    /// False positive rate and recall, from the highest score downward.
    pub roc: Vec<(f64, f64)>,
    /// Recall and precision, from the highest score downward.
    pub precision_recall: Vec<(f64, f64)>,
    /// Whether probabilities mean what they say; none for models that give none.
    pub reliability: Option<Reliability>,
    /// What shuffling each feature costs, the most first.
    pub importance: Vec<Importance>,
}

/// Whether probabilities mean what they say.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Reliability {
    /// Mean square of the difference between probability and truth (Brier 1950).
    pub brier: f64,
    /// Mean probability, share of attacks and number of the rows, by probability.
    pub bins: Vec<(f64, f64, u64)>,
}

/// What shuffling a feature costs.
#[derive(Debug, Clone, Serialize)]
pub struct Importance {
    /// The feature.
    pub feature: String,
    /// Mean loss of balanced accuracy.
    pub drop: f64,
    /// Standard deviation over the shuffles.
    pub sd: f64,
}

/// How far models give the same verdicts: square matrices, row after row.
#[derive(Debug, Clone, Serialize)]
pub struct Agreement {
    /// The models.
    pub names: Vec<String>,
    /// Share of rows with the same verdict.
    pub equal: Vec<f64>,
    /// Agreement beyond that of chance (Cohen 1960).
    pub kappa: Vec<f64>,
}

impl Curves {
    /// Draws the curves of scores against the truth.
    pub(super) fn draw(&mut self, scores: &[f64], attacks: &[bool], is_probability: bool) {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let n_attacks = attacks.iter().filter(|&&attack| attack).count() as f64;
        let n_normal = attacks.len() as f64 - n_attacks;
        if n_attacks == 0.0 || n_normal == 0.0 {
            return;
        }
        let (mut roc, mut precision_recall) = (vec![(0.0, 0.0)], Vec::new());
        let (mut hits, mut wrong) = (0.0, 0.0);
        for (at, &row) in order.iter().enumerate() {
            if attacks[row] {
                hits += 1.0;
            } else {
                wrong += 1.0;
            }
            // Rows of one score are flagged together.
            if order.get(at + 1).is_none_or(|&next| scores[next] != scores[row]) {
                roc.push((wrong / n_normal, hits / n_attacks));
                precision_recall.push((hits / n_attacks, hits / (hits + wrong)));
            }
        }
        self.roc = thin(roc);
        self.precision_recall = thin(precision_recall);
        if is_probability {
            self.reliability = Some(reliability(scores, attacks));
        }
    }
}

/// Keeps points that are some way from those before, and the last.
fn thin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let step = 2.0 / MOST_POINTS as f64;
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let n = points.len();
    for (at, point) in points.into_iter().enumerate() {
        let far = |last: &(f64, f64)| (point.0 - last.0).abs() + (point.1 - last.1).abs() >= step;
        if at + 1 == n || kept.last().is_none_or(far) {
            kept.push(point);
        }
    }
    kept
}

fn reliability(scores: &[f64], attacks: &[bool]) -> Reliability {
    let mut bins = vec![(0.0, 0.0, 0u64); BINS];
    let mut brier = 0.0;
    for (&score, &attack) in scores.iter().zip(attacks) {
        let truth = f64::from(u8::from(attack));
        let bin = &mut bins[((score * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += score;
        bin.1 += truth;
        bin.2 += 1;
        brier += (score - truth).powi(2);
    }
    let means = bins.into_iter().filter(|bin| bin.2 > 0).map(|(scores, truths, n)| {
        let whole = n as f64;
        (scores / whole, truths / whole, n)
    });
    Reliability { brier: brier / scores.len().max(1) as f64, bins: means.collect() }
}

/// What each feature is worth to a model: its values are dealt out anew among some of the measured rows (Breiman 2001).
pub(super) fn importance(judge: &Judge, rows: &Labelled, fold: &Fold, seed: Seed) -> Vec<Importance> {
    let pipeline = &judge.pipeline;
    if pipeline.is_series() {
        return Vec::new();
    }
    // Attacks and normal rows alike, evenly spread.
    let mut sample = Vec::new();
    for attack in [false, true] {
        let of_kind: Vec<usize> =
            fold.test.iter().copied().filter(|&row| rows.is_attack(row) == attack).collect();
        let stride = of_kind.len().div_ceil(SHUFFLED_ROWS / 2).max(1);
        sample.extend(of_kind.into_iter().step_by(stride));
    }
    let attacks: Vec<bool> = sample.iter().map(|&row| rows.is_attack(row)).collect();
    let Ok(features) = pipeline.features(&rows.frame.take(&sample), &mut Memory::default()) else {
        return Vec::new();
    };
    let balanced = |features: Frame| -> Option<f64> {
        let encoded = pipeline.encode(features).ok()?;
        let mut scores = vec![0.0; encoded.n_rows()];
        score_all(&pipeline.model, encoded.view(), &[], &mut scores);
        let verdicts: Vec<bool> = judge.ranked(scores).into_iter().map(|score| judge.flags(score)).collect();
        super::figures::balanced_accuracy(&verdicts, &attacks)
    };
    let Some(whole) = balanced(features.clone()) else { return Vec::new() };
    let shuffle = |column: usize| -> Option<Importance> {
        let field = &features.schema().fields[column];
        let drops: Vec<f64> = (0..SHUFFLES)
            .filter_map(|turn| {
                let start = seed.get().wrapping_add((column * SHUFFLES + turn) as u64);
                let mut order: Vec<usize> = (0..sample.len()).collect();
                order.shuffle(&mut rand_pcg::Pcg64Mcg::seed_from_u64(start));
                let mut columns = features.columns().to_vec();
                columns[column] = columns[column].take(&order);
                Some(whole - balanced(features.with_columns(features.schema().clone(), columns).ok()?)?)
            })
            .collect();
        let mean = drops.iter().sum::<f64>() / drops.len().max(1) as f64;
        let spread = drops.iter().map(|drop| (drop - mean).powi(2)).sum::<f64>();
        let sd = (spread / (drops.len().max(2) - 1) as f64).sqrt();
        Some(Importance { feature: field.name.to_string(), drop: mean, sd })
    };
    let inputs: Vec<usize> = features.schema().inputs().collect();
    let mut found: Vec<Importance> = inputs.into_par_iter().filter_map(shuffle).collect();
    found.sort_by(|a, b| b.drop.total_cmp(&a.drop));
    found
}

/// How far models agree, by their verdicts on the same rows.
pub(super) fn agreement(verdicts: &[(String, Vec<bool>)]) -> Option<Agreement> {
    let n_rows = verdicts.first()?.1.len() as f64;
    if verdicts.len() < 2 || n_rows == 0.0 {
        return None;
    }
    let share = |said: &[bool]| said.iter().filter(|&&flagged| flagged).count() as f64 / n_rows;
    let mut agreement = Agreement {
        names: verdicts.iter().map(|(name, _)| name.clone()).collect(),
        equal: Vec::new(),
        kappa: Vec::new(),
    };
    for (_, one) in verdicts {
        for (_, other) in verdicts {
            let equal = one.iter().zip(other).filter(|(a, b)| a == b).count() as f64 / n_rows;
            let (p, q) = (share(one), share(other));
            let by_chance = p * q + (1.0 - p) * (1.0 - q);
            agreement.equal.push(equal);
            agreement.kappa.push(if by_chance < 1.0 { (equal - by_chance) / (1.0 - by_chance) } else { 1.0 });
        }
    }
    Some(agreement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_those_of_a_hand_made_ranking() {
        let mut curves = Curves::default();
        // Highest first: attack, normal, attack; two normal rows share the lowest score.
        curves.draw(&[0.9, 0.2, 0.6, 0.4, 0.2], &[true, false, false, true, false], true);
        let third = 1.0 / 3.0;
        assert_eq!(curves.roc, [(0.0, 0.0), (0.0, 0.5), (third, 0.5), (third, 1.0), (1.0, 1.0)]);
        assert_eq!(curves.precision_recall, [(0.5, 1.0), (0.5, 0.5), (1.0, 2.0 / 3.0), (1.0, 0.4)]);
        let reliability = curves.reliability.unwrap();
        let by_hand = (0.01 + 0.04 + 0.36 + 0.36 + 0.04) / 5.0;
        assert!((reliability.brier - by_hand).abs() < 1e-12);
        assert_eq!(reliability.bins.iter().map(|bin| bin.2).collect::<Vec<_>>(), [2, 1, 1, 1]);
    }

    #[test]
    fn agreement_is_beyond_chance_or_not() {
        let said = |text: &str| text.chars().map(|one| one == '1').collect::<Vec<_>>();
        let found = agreement(&[
            ("a".into(), said("11110000")),
            ("b".into(), said("11110000")),
            ("c".into(), said("11001100")),
        ])
        .unwrap();
        assert_eq!(found.equal[..3], [1.0, 1.0, 0.5]);
        assert_eq!(found.kappa[..3], [1.0, 1.0, 0.0]);
        assert!(agreement(&[("a".into(), said("1"))]).is_none());
    }

    #[test]
    fn thin_curves_keep_their_ends() {
        let points: Vec<(f64, f64)> =
            (0..=10_000).map(|at| (f64::from(at) / 1e4, f64::from(at) / 1e4)).collect();
        let kept = thin(points);
        assert!(kept.len() <= MOST_POINTS + 2);
        assert_eq!((kept[0], kept[kept.len() - 1]), ((0.0, 0.0), (1.0, 1.0)));
    }
}
