//! Probabilities from scores that are none.

use eddy_detect::{LoadError, SectionReader, SectionWriter};

use crate::checked;

/// The probability of being one of a class, as a logistic function of a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sigmoid {
    slope: f64,
    middle: f64,
}

impl Sigmoid {
    /// Fits the function to scores and truths, each row with its weight.
    ///
    /// Source: Platt, "Probabilistic Outputs for Support Vector Machines", 1999, with the targets that keep it from
    /// being sure of itself; Newton's method with backtracking as in Lin, Lin & Weng, "A Note on Platt's Probabilistic
    /// Outputs", Machine Learning 2007.
    pub(crate) fn fit(scores: &[f64], truths: &[bool]) -> Self {
        // Scores are brought near 1, so that squares stay finite and the steps well sized.
        let spread = scores.iter().fold(0.0f64, |most, score| most.max(score.abs())).max(f64::MIN_POSITIVE);
        let n_true = truths.iter().filter(|&&truth| truth).count() as f64;
        let n_false = truths.len() as f64 - n_true;
        let (high, low) = ((n_true + 1.0) / (n_true + 2.0), 1.0 / (n_false + 2.0));
        let target = |truth: bool| if truth { high } else { low };
        let loss = |a: f64, b: f64| -> f64 {
            let one = |(score, &truth): (&f64, &bool)| {
                let z = a * (score / spread) + b;
                // Cross entropy of the target, without overflow.
                z.max(0.0) - z * target(truth) + (-z.abs()).exp().ln_1p()
            };
            scores.iter().zip(truths).map(one).sum()
        };
        let (mut a, mut b) = (0.0, ((n_true + 1.0) / (n_false + 1.0)).ln());
        let mut value = loss(a, b);
        for _ in 0..100 {
            let (mut g_a, mut g_b, mut h_aa, mut h_ab, mut h_bb) = (0.0, 0.0, 1e-12, 0.0, 1e-12);
            for (score, &truth) in scores.iter().zip(truths) {
                let x = score / spread;
                let p = logistic(a * x + b);
                let (slope, curve) = (p - target(truth), p * (1.0 - p));
                g_a += slope * x;
                g_b += slope;
                h_aa += curve * x * x;
                h_ab += curve * x;
                h_bb += curve;
            }
            if g_a.abs().max(g_b.abs()) < 1e-9 * truths.len() as f64 {
                break;
            }
            let determinant = h_aa * h_bb - h_ab * h_ab;
            let (d_a, d_b) = if determinant > 1e-300 {
                (-(h_bb * g_a - h_ab * g_b) / determinant, -(h_aa * g_b - h_ab * g_a) / determinant)
            } else {
                (-g_a / h_aa, -g_b / h_bb)
            };
            let descent = g_a * d_a + g_b * d_b;
            let mut step = 1.0;
            while step > 1e-10 {
                let next = loss(a + step * d_a, b + step * d_b);
                if next < value + 1e-4 * step * descent {
                    a += step * d_a;
                    b += step * d_b;
                    value = next;
                    break;
                }
                step *= 0.5;
            }
            if step <= 1e-10 {
                break;
            }
        }
        let slope = (a / spread).clamp(-1e300, 1e300);
        Self { slope, middle: b.clamp(-1e300, 1e300) }
    }

    pub(crate) fn probability(self, score: f64) -> f64 {
        let z = self.slope * score + self.middle;
        if z.is_nan() { 0.5 } else { logistic(z) }
    }

    pub(crate) fn save_all(all: &[Self], section: &mut SectionWriter<'_>) {
        section.f64("sigmoids", &all.iter().flat_map(|one| [one.slope, one.middle]).collect::<Vec<_>>());
    }

    pub(crate) fn load_all(section: &SectionReader<'_>, n: usize) -> Result<Vec<Self>, LoadError> {
        let values = checked::floats(section, "sigmoids", 2 * n)?;
        Ok(values.chunks_exact(2).map(|pair| Self { slope: pair[0], middle: pair[1] }).collect())
    }
}

/// Turns the probabilities of each class against the rest into shares of one, in place; the only one of two classes
/// speaks for the second.
pub(crate) fn shares_of_one(out: &mut [f64], n_outputs: usize) {
    if n_outputs == 1 {
        out[1] = out[0];
        out[0] = 1.0 - out[1];
        return;
    }
    let whole: f64 = out.iter().sum();
    let n = out.len() as f64;
    out.iter_mut().for_each(|share| *share = if whole > 0.0 { *share / whole } else { 1.0 / n });
}

/// Turns logarithms, all with the same number added, into shares of one, in place.
pub(crate) fn shares_of_logarithms(out: &mut [f64]) {
    let most = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let most = if most.is_finite() { most } else { f64::MIN };
    out.iter_mut().for_each(|log| *log = (*log - most).min(0.0).exp());
    let whole: f64 = out.iter().sum();
    let n = out.len() as f64;
    out.iter_mut().for_each(|share| *share = if whole > 0.0 { *share / whole } else { 1.0 / n });
}

/// The logistic function.
pub(crate) fn logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_that_the_scores_came_with() {
        // 0 to 1 in a hundred steps of a hundred rows, each true with the logistic of its score.
        let (mut scores, mut truths) = (Vec::new(), Vec::new());
        for step in 0..100 {
            let score = step as f64 / 10.0 - 5.0;
            for row in 0..100 {
                scores.push(score);
                truths.push((row as f64 + 0.5) / 100.0 < logistic(2.0 * score - 1.0));
            }
        }
        let fitted = Sigmoid::fit(&scores, &truths);
        for score in [-3.0, -0.5, 0.0, 0.5, 2.0] {
            let (got, wanted) = (fitted.probability(score), logistic(2.0 * score - 1.0));
            assert!((got - wanted).abs() < 0.01, "{score}: {got} {wanted}");
        }
    }

    #[test]
    fn scores_without_sense_give_probabilities_all_the_same() {
        for (scores, truths) in [
            (vec![1e300, -1e300, 0.0], vec![true, false, true]),
            (vec![0.0; 4], vec![true, false, true, false]),
            (vec![5.0], vec![true]),
            (vec![1e-310, 2e-310], vec![true, false]),
        ] {
            let fitted = Sigmoid::fit(&scores, &truths);
            for score in [f64::MIN, -1.0, 0.0, 1e-310, f64::MAX] {
                let probability = fitted.probability(score);
                assert!((0.0..=1.0).contains(&probability), "{scores:?} {score}: {probability}");
            }
        }
    }
}
