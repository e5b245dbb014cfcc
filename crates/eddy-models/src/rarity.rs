//! How rare a score is among rows that are known to be ordinary.

use eddy_detect::{LoadError, SectionReader, SectionWriter};

/// Scores that are kept at most, at evenly spaced ranks, the highest one among them.
const MOST_STEPS: usize = 1 << 15;
/// The largest surprise.
const MOST: f64 = 1e9;

/// How the share of ordinary rows goes on falling beyond the highest score that was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Tail {
    /// As one over the score: scores that grow without bound and now and then by far, such as distances.
    Power,
    /// So many powers of ten for each unit of score: sums of surprises.
    Exponential(f64),
}

/// The shares of ordinary rows that score at least so high, counted among scores of rows that the model did not learn
/// from.
///
/// Unlike [`eddy_detect::Calibration`], which must expect anomalies among the rows that it is learned from and does not
/// believe what stands far out, all rows are taken for ordinary here: shares are counted to the last row.
#[derive(Debug)]
pub(crate) struct Rarity {
    /// Scores, ascending; at least one.
    steps: Vec<f64>,
    tail: Tail,
}

impl Rarity {
    /// Takes what ordinary rows score, at least one.
    pub(crate) fn new(mut scores: Vec<f64>, tail: Tail) -> Self {
        scores.iter_mut().filter(|score| !score.is_finite()).for_each(|score| *score = 0.0);
        scores.sort_unstable_by(f64::total_cmp);
        let n = scores.len();
        let n_kept = n.min(MOST_STEPS);
        let rank = |idx: usize| if n_kept == n { idx } else { idx * (n - 1) / (n_kept - 1) };
        let steps = (0..n_kept).map(|idx| scores[rank(idx)]).collect();
        Self { steps, tail }
    }

    /// `-log10` of the share of ordinary rows that score as high: 0 upwards.
    pub(crate) fn surprise(&self, score: f64) -> f64 {
        let n = self.steps.len();
        let as_high = n - self.steps.partition_point(|&step| step < score);
        let counted = -((as_high as f64 + 0.5) / (n as f64 + 0.5)).min(1.0).log10();
        let highest = self.steps[n - 1];
        let beyond = match self.tail {
            Tail::Exponential(slope) => slope * (score - highest),
            Tail::Power if highest > 0.0 => (score.max(highest) / highest).log10(),
            Tail::Power => score.max(0.0).ln_1p(),
        };
        (counted + if score > highest { beyond } else { 0.0 }).clamp(0.0, MOST)
    }

    pub(crate) fn save(&self, section: &mut SectionWriter<'_>) {
        section.f64("held_out_scores", &self.steps);
    }

    /// Reads what [`Rarity::save`] wrote.
    pub(crate) fn load(section: &SectionReader<'_>, tail: Tail) -> Result<Self, LoadError> {
        let steps = section.f64("held_out_scores")?.to_vec();
        if steps.is_empty() || !steps.iter().all(|step| step.is_finite()) || !steps.is_sorted() {
            return Err(LoadError::content("held_out_scores", "are not ascending finite numbers"));
        }
        Ok(Self { steps, tail })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_counted_and_go_on_falling_beyond_the_highest() {
        let scores: Vec<f64> = (1..=1000).map(f64::from).collect();
        let power = Rarity::new(scores.clone(), Tail::Power);
        assert!((power.surprise(901.0) - 1.0).abs() < 0.01);
        assert!((power.surprise(991.0) - 2.0).abs() < 0.03);
        let highest = power.surprise(1000.1);
        assert!((power.surprise(10_000.0) - highest - 1.0).abs() < 1e-3);
        assert_eq!(power.surprise(-5.0), 0.0);
        let exponential = Rarity::new(scores, Tail::Exponential(0.5));
        assert!((exponential.surprise(1004.0) - exponential.surprise(1002.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn surprises_are_increasing_and_finite_for_all_scores() {
        for tail in [Tail::Power, Tail::Exponential(1.0)] {
            for scores in [vec![0.0], vec![-3.0, -1.0], vec![f64::NAN, 1e308], vec![1e-310, 2.0]] {
                let rarity = Rarity::new(scores.clone(), tail);
                let mut last = 0.0;
                for score in [f64::MIN, -2.0, 0.0, 1e-300, 1.0, 3.0, 1e300, f64::MAX] {
                    let surprise = rarity.surprise(score);
                    assert!(surprise >= last && surprise.is_finite(), "{scores:?} {tail:?} {score}");
                    last = surprise;
                }
            }
        }
    }
}
