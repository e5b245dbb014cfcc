//! From raw scores to a common scale.

use crate::{LoadError, SectionReader, SectionWriter};

/// How surprising a raw score is, whatever detector it came from.
///
/// The *surprise* of a score is `-log10 p`, where `p` is the estimated share of **typical** rows that score at least
/// as high. Inside the body of the training scores `p` is counted. Beyond it, `p` is extrapolated: the quantiles at
/// shares 1/2, 1/2.8, 1/4, ... are followed outward, octave by octave, while each step is in keeping with the steps
/// before it; where a step is suddenly too long, the rows beyond are taken to be something other than the typical
/// ones, and the tail goes on from there with the slope seen last. So a training set that holds a few per cent of
/// anomalies does not teach the scale that anomalies are typical, and a set of pure noise has no row with a surprise
/// much above `log10(n)`.
///
/// The octave steps are those of Pickands, "Statistical inference using extreme order statistics" (1975), used here to
/// decide where the typical rows end rather than to estimate a tail index alone.
///
/// Blind to: anomalies that make up more than about a tenth of the training rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Scores at the knots, strictly increasing.
    knots: Vec<f64>,
    /// Surprise at the knots, increasing.
    surprises: Vec<f64>,
    /// Octaves per unit of score at the last knot.
    tail_slope: f64,
    /// How much steeper the tail gets from octave to octave: 0 is an exponential tail, above that a lighter one.
    tail_curve: f64,
}

/// Half octaves below the median that the survey starts with.
const HALF_OCTAVE: f64 = std::f64::consts::SQRT_2;
/// Rows that must lie beyond a quantile for it to be looked at.
const MIN_BEYOND: f64 = 8.0;
/// A step this many times as long as foreseen is the end of the typical rows.
const TOLERANCE: f64 = 1.9;
/// The typical rows are taken to be at least all but this share.
const EARLY: f64 = 1.0 / 11.0;
/// How much of a tail's lightness is believed when it is followed outward.
const LIGHTNESS: f64 = 0.7;
/// No more than this factor of growth from octave to octave is believed (a tail index of 0.6).
const MAX_GROWTH: f64 = 1.5;

impl Calibration {
    /// Learns the scale from training scores. Values that are not finite are passed over.
    pub fn fit(scores: &[f64]) -> Self {
        Self::fit_dependent(scores, 1.0)
    }

    /// Learns the scale from scores that come in clumps of about `clump` that say the same, such as those of
    /// overlapping windows: they count as that many fewer.
    pub fn fit_dependent(scores: &[f64], clump: f64) -> Self {
        let mut sorted: Vec<f64> = scores.iter().copied().filter(|score| score.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        if sorted.is_empty() {
            return Self {
                knots: vec![0.0],
                surprises: vec![0.0],
                tail_slope: 1.0 / 2f64.log10(),
                tail_curve: 0.0,
            };
        }
        let n = sorted.len() as f64 / clump.max(1.0);
        let upper = |share: f64| quantile(&sorted, 1.0 - share);
        let body = Body::survey(n, &upper);
        let spread = upper(0.05).min(body.end_score) - quantile(&sorted, 0.05);
        let scale = sorted[sorted.len() - 1].abs().max(sorted[0].abs()).max(1e-12);
        // A tail cannot be steeper than a small part of the whole spread, nor than rounding error.
        let caution = body.growth.max(1.0).sqrt() * (1.0 + 0.7 / (n * body.end_share).sqrt());
        let octave_step = (body.last_octave_step * caution).max(spread * 0.02).max(scale * 1e-9);

        let mut points = vec![(quantile(&sorted, 0.0), 0.0)];
        for idx in 1..64 {
            let share = 1.0 - f64::from(idx) / 64.0;
            if share > body.end_share {
                points.push((upper(share), -share.log10()));
            }
        }
        let mut share = 1.0 / 64.0;
        while share > body.end_share {
            points.push((upper(share), -share.log10()));
            share /= 2f64.powf(0.25);
        }
        points.push((body.end_score, -body.end_share.log10()));
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (mut knots, mut surprises): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        for (knot, surprise) in points {
            match knots.last() {
                Some(&last) if knot <= last => {
                    // Tied scores: the share that scores at least this is the largest one.
                }
                _ => {
                    knots.push(knot);
                    surprises.push(surprises.last().copied().unwrap_or(0.0).max(surprise));
                }
            }
        }
        Self {
            knots,
            surprises,
            tail_slope: 1.0 / octave_step,
            tail_curve: LIGHTNESS * (0.9 - body.growth).clamp(0.0, 0.3),
        }
    }

    /// The scale of scores that are surprises already.
    pub fn identity() -> Self {
        Self { knots: vec![0.0], surprises: vec![0.0], tail_slope: 1.0 / 2f64.log10(), tail_curve: 0.0 }
    }

    /// `-log10` of the estimated share of typical rows that score at least `score`: 0 for the most ordinary, 3 for
    /// one in a thousand. Increasing, not bounded, finite for every finite score (and for infinite ones).
    pub fn surprise(&self, score: f64) -> f64 {
        let last = self.knots.len() - 1;
        if score.is_nan() || score <= self.knots[0] {
            return 0.0;
        }
        if score >= self.knots[last] {
            let octaves = (score - self.knots[last]) * self.tail_slope;
            let bent = octaves * (0.5 * self.tail_curve).mul_add(octaves, 1.0);
            return bent.mul_add(2f64.log10(), self.surprises[last]).min(1e9);
        }
        let above = self.knots.partition_point(|&knot| knot <= score);
        let (x0, x1) = (self.knots[above - 1], self.knots[above]);
        let (y0, y1) = (self.surprises[above - 1], self.surprises[above]);
        y0 + (y1 - y0) * ((score - x0) / (x1 - x0))
    }

    /// Names and writes the arrays that make up the scale.
    pub fn save(&self, section: &mut SectionWriter<'_>) {
        section.f64("knots", &self.knots);
        section.f64("surprises", &self.surprises);
        section.f64("tail", &[self.tail_slope, self.tail_curve]);
    }

    /// Reads what [`Calibration::save`] wrote.
    pub fn load(section: &SectionReader<'_>) -> Result<Self, LoadError> {
        let knots = section.f64("knots")?.to_vec();
        let surprises = section.f64("surprises")?.to_vec();
        let tail = section.f64("tail")?;
        let increasing = |values: &[f64]| values.windows(2).all(|w| w[0] <= w[1]);
        let fine = !knots.is_empty()
            && knots.len() == surprises.len()
            && knots.windows(2).all(|w| w[0] < w[1])
            && increasing(&surprises)
            && knots.iter().chain(&surprises).chain(tail).all(|value| value.is_finite())
            && tail.len() == 2
            && tail[0] > 0.0
            && tail[1] >= 0.0;
        if !fine {
            return Err(LoadError::content("calibration", "is not an increasing scale of finite numbers"));
        }
        Ok(Self { knots, surprises, tail_slope: tail[0], tail_curve: tail[1] })
    }
}

/// Anomaly score in 0..1 from a surprise: `s / (s + 3)`. 0.5 is one typical row in a thousand, 0.67 one in a million,
/// 0.75 one in a thousand million. It is not a probability of being an attack.
pub fn anomaly_score(surprise: f64) -> f64 {
    surprise / (surprise + 3.0)
}

/// The surprise of an anomaly score: the inverse of [`anomaly_score`].
pub fn surprise_of(anomaly_score: f64) -> f64 {
    if anomaly_score >= 1.0 { 1e9 } else { 3.0 * anomaly_score / (1.0 - anomaly_score) }
}

/// Linear-interpolated quantile of sorted values.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

/// Where the typical rows end.
struct Body {
    end_share: f64,
    end_score: f64,
    last_octave_step: f64,
    growth: f64,
}

impl Body {
    fn survey(n: f64, upper: &impl Fn(f64) -> f64) -> Self {
        let step = |share: f64| upper(share / 2.0) - upper(share);
        let mut share = 0.5;
        let first = step(0.5);
        let second = if n * 0.125 >= MIN_BEYOND { step(0.25) } else { first };
        // Where half the rows are tied a step out of the tie says nothing; the spread below the median does.
        let first = first.max(0.2 * (upper(0.5) - upper(0.95)));
        let mut bodies =
            vec![Self { end_share: 0.25, end_score: upper(0.25), last_octave_step: first, growth: 1.0 }];
        let mut expected = first;
        let mut growth = if first > 0.0 { (second / first).clamp(0.6, MAX_GROWTH) } else { 1.0 };
        loop {
            share /= HALF_OCTAVE;
            let beyond = n * share / 2.0;
            if beyond < MIN_BEYOND {
                break;
            }
            let now = step(share);
            let foreseen = expected * growth.max(1.0).sqrt();
            // The sampling error of an octave step is about its length over the root of the rows beyond it.
            let leeway = TOLERANCE + 3.0 / beyond.sqrt();
            if expected > 0.0 && now > foreseen * leeway && share / 2.0 < EARLY {
                // Strange rows push the quantiles just below them outward as well: step back an octave from the gap.
                bodies.truncate(bodies.len().saturating_sub(2).max(1));
                break;
            }
            if expected > 0.0 && now > 0.0 {
                growth = growth.mul_add(0.7, 0.3 * (now / expected).powi(2)).clamp(0.6, MAX_GROWTH);
            }
            expected = now.max(expected * 0.5);
            bodies.push(Self {
                end_share: share / 2.0,
                end_score: upper(share / 2.0),
                last_octave_step: expected,
                growth,
            });
        }
        bodies.pop().unwrap_or(Self {
            end_share: 0.25,
            end_score: upper(0.25),
            last_octave_step: first,
            growth: 1.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn draws(seed: u64, n: usize, shape: fn(f64) -> f64) -> Vec<f64> {
        let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
        (0..n).map(|_| shape(rng.random_range(1e-12..1.0))).collect()
    }

    /// Largest surprise of pure noise, averaged over seeds, beyond `log10(n)`.
    fn excess(n: usize, shape: fn(f64) -> f64) -> f64 {
        let seeds = 40;
        let total: f64 = (0..seeds)
            .map(|seed| {
                let scores = draws(seed, n, shape);
                let calibration = Calibration::fit(&scores);
                let top = scores.iter().copied().fold(f64::MIN, f64::max);
                calibration.surprise(top) - (n as f64).log10()
            })
            .sum();
        total / seeds as f64
    }

    fn gaussian(u: f64) -> f64 {
        // Tail of the normal distribution by a rational approximation is not needed: a logistic curve bent to its tail.
        (-2.0 * u.ln()).sqrt()
    }

    #[test]
    fn pure_noise_is_not_surprising() {
        for n in [200, 2_000, 50_000] {
            for (name, shape) in [
                ("uniform", (|u| u) as fn(f64) -> f64),
                ("exponential", |u| -u.ln()),
                ("Rayleigh", gaussian),
                ("log-normal", |u| gaussian(u).exp()),
                ("Pareto 4", |u| u.powf(-0.25)),
            ] {
                let excess = excess(n, shape);
                assert!(excess < 1.2, "{name} of {n}: largest surprise {excess:.2} above log10(n)");
            }
        }
    }

    #[test]
    fn planted_anomalies_are_surprising() {
        for (n, planted) in [(1_000, 1), (1_000, 50), (20_000, 1_000), (20_000, 3)] {
            let mut scores = draws(7, n, |u| -u.ln());
            scores.extend((0..planted).map(|idx| 40.0 + f64::from(idx) * 0.01));
            let calibration = Calibration::fit(&scores);
            let surprise = calibration.surprise(40.0);
            // Ten times what the default rule asks of a group of this size.
            let asked = (f64::from(n as u32) / (0.05 * f64::from(planted))).log10();
            assert!(surprise > asked + 1.0, "{planted} of {n}: {surprise}");
        }
    }

    #[test]
    fn it_is_increasing_and_finite() {
        let calibration = Calibration::fit(&draws(1, 500, |u| u));
        let mut last = -1.0;
        for idx in -100..400 {
            let surprise = calibration.surprise(f64::from(idx) / 100.0);
            assert!(surprise >= last && surprise.is_finite());
            last = surprise;
        }
        assert!(calibration.surprise(f64::INFINITY).is_finite());
        assert_eq!(calibration.surprise(f64::NAN), 0.0);
    }

    #[test]
    fn degenerate_scores_give_a_scale_all_the_same() {
        for scores in [vec![], vec![1.0], vec![2.0; 100], vec![f64::NAN, 1.0, 2.0]] {
            let calibration = Calibration::fit(&scores);
            assert!(calibration.surprise(1.0).is_finite());
        }
        let mut nearly_constant = vec![5.0; 1_000];
        nearly_constant.push(9.0);
        let calibration = Calibration::fit(&nearly_constant);
        assert!(calibration.surprise(9.0) > 6.0);
        assert_eq!(calibration.surprise(5.0), 0.0);
    }

    #[test]
    fn scores_and_surprises_are_inverse() {
        for surprise in [0.0, 0.3, 3.0, 12.0] {
            assert!((surprise_of(anomaly_score(surprise)) - surprise).abs() < 1e-9);
        }
    }
}
