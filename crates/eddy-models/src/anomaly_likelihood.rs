//! Anomaly likelihood.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, LoadError, Model, ModelKind, Reading, SectionReader, SectionWriter,
    SeriesModel, SeriesScorer,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;

use crate::held::Held;

/// The most rows that a window may have.
const MOST_WINDOW: usize = 1 << 20;
/// The largest score, where the tail of the normal distribution is too small for a number.
const MOST_SCORE: f64 = 300.0;

/// Anomaly likelihood: how improbable the recent mean of another detector's scores is among its earlier scores.
///
/// The detector that is held scores each row. The scores of the last `window` rows are taken to be normal; the mean of
/// the last `recent` ones is compared with theirs. A noisy score that is high now and then by its nature stops raising
/// alarms, and a mild one that stays up begins to.
///
/// Score range: 0 upwards, -log10 of the tail probability: 3 is one in a thousand, 5 the threshold the source uses. Input,
/// missing values: as the held detector has them. Blind to: single rows, which the recent mean smooths away; what the held
/// detector is blind to. Warm-up: that of the held detector and ten times `recent` rows, which score 0. Cost: that of the held
/// detector and `O(window)` additions per row; memory `8 * window` bytes per series more.
///
/// Source: Ahmad, Lavin, Purdy & Agha, "Unsupervised real-time anomaly detection for streaming data", Neurocomputing 2017,
/// section 3.2. Where ours differs: any detector for series can be held; the deviation has a floor, so that a score that
/// never moved does not make the first movement infinitely improbable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AnomalyLikelihood {
    /// Detector for series whose scores are judged.
    pub base: Held,
    /// Rows whose scores say what is usual.
    pub window: Count,
    /// Rows whose mean score is judged.
    pub recent: Count,
}

impl Default for AnomalyLikelihood {
    fn default() -> Self {
        Self { base: Held::of("holt_winters"), window: Count::new(1_000), recent: Count::new(3) }
    }
}

impl Detector for AnomalyLikelihood {
    const ABOUT: About = About {
        name: "anomaly_likelihood",
        title: "Anomaly likelihood",
        kind: ModelKind::Series,
        summary: "How improbable the recent mean of another detector's scores is among its earlier scores.",
        blind_to: "Single rows, which the recent mean smooths away; what the detector it holds is blind to.",
        cost: "That of the detector it holds, and some additions per row of the window; memory 8 bytes per row of the window more.",
        source: "Ahmad et al., Unsupervised real-time anomaly detection for streaming data, 2017; over any detector.",
        natural_threshold: Some(5.0),
    };

    fn check(&self) -> Result<(), String> {
        let (window, recent) = (self.window.get(), self.recent.get());
        if window > MOST_WINDOW {
            return Err(format!("window: {window} is more than {MOST_WINDOW}"));
        }
        if recent * 10 > window {
            return Err(format!("recent: {recent} is more than a tenth of the window of {window}"));
        }
        self.base.parse_series().map(|_| ()).map_err(|error| format!("base: {error}"))
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let base = self.base.fit_series(rows, context)?;
        Ok(Model::Series(Arc::new(Likelihood { params: self.clone(), base })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let params: Self = section.value("params")?;
        params.check().map_err(|reason| LoadError::content("params", reason))?;
        let base = params.base.load_series(&section.part("base"))?;
        Ok(Model::Series(Arc::new(Likelihood { params, base })))
    }
}

/// A fitted [`AnomalyLikelihood`].
struct Likelihood {
    params: AnomalyLikelihood,
    base: Arc<dyn SeriesModel>,
}

impl SeriesModel for Likelihood {
    fn n_features(&self) -> usize {
        self.base.n_features()
    }

    fn start(self: Arc<Self>) -> Box<dyn SeriesScorer> {
        let window = self.params.window.get();
        Box::new(Scorer {
            base: self.base.clone().start(),
            scores: vec![0.0; window],
            recent: self.params.recent.get(),
            n_seen: 0,
        })
    }

    fn reasons(&self) -> &[&'static str] {
        self.base.reasons()
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("params", &self.params);
        self.base.save(&mut section.part("base"));
    }
}

struct Scorer {
    base: Box<dyn SeriesScorer>,
    /// The last scores, round and round.
    scores: Vec<f64>,
    recent: usize,
    n_seen: usize,
}

impl Scorer {
    /// The surprise of the recent mean after one more score.
    fn judge(&mut self, score: f64) -> f64 {
        let window = self.scores.len();
        self.scores[self.n_seen % window] = score;
        self.n_seen += 1;
        let n = self.n_seen.min(window);
        if n < 10 * self.recent {
            return 0.0;
        }
        let sum: f64 = (1..=self.recent).map(|back| self.scores[(self.n_seen - back) % window]).sum();
        let recent = sum / self.recent as f64;
        // Anew each time: sums that are carried along gather errors, and a window is short.
        let scores = &self.scores[..n];
        let mean = scores.iter().sum::<f64>() / n as f64;
        let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / n as f64;
        let deviation = variance.sqrt().max(1e-6 * mean.abs()).max(f64::MIN_POSITIVE);
        let tail = 0.5 * erfc((recent - mean) / deviation / std::f64::consts::SQRT_2);
        if tail > 0.0 { (-tail.log10()).clamp(0.0, MOST_SCORE) } else { MOST_SCORE }
    }
}

impl SeriesScorer for Scorer {
    fn score(&mut self, rows: RowsView<'_>, times: &[i64], out: &mut [f64]) {
        self.base.score(rows, times, out);
        out.iter_mut().for_each(|score| *score = self.judge(*score));
    }

    fn read(&mut self, rows: RowsView<'_>, times: &[i64], out: &mut [Reading]) {
        self.base.read(rows, times, out);
        for reading in out {
            // Where an event begins is for the likelihood to say, not for the detector that is held.
            (reading.score, reading.alarm) = (self.judge(reading.score), f64::NAN);
        }
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(self.scores.as_slice()) + self.base.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::testing::{Shape, largest_ordinary, read_with};

    fn judged(scores: &[f64], recent: usize) -> Vec<f64> {
        struct Echo;
        impl SeriesScorer for Echo {
            fn score(&mut self, rows: RowsView<'_>, _: &[i64], out: &mut [f64]) {
                out.iter_mut().zip(rows.iter()).for_each(|(score, row)| *score = f64::from(row[0]));
            }

            fn memory_bytes(&self) -> usize {
                0
            }
        }
        let mut scorer = Scorer { base: Box::new(Echo), scores: vec![0.0; 100], recent, n_seen: 0 };
        let rows: Vec<f32> = scores.iter().map(|&score| score as f32).collect();
        let mut out = vec![0.0; scores.len()];
        scorer.score(RowsView::new(&rows, 1), &[], &mut out);
        out
    }

    #[test]
    fn the_tail_is_that_of_the_normal_distribution() {
        // 99 rows that alternate around 0.5 and one at 3: mean .52 (49 ones and 3, of 100), counted by hand.
        let mut scores: Vec<f64> = (0..99).map(|row| f64::from(row % 2)).collect();
        scores.push(3.0);
        let last = *judged(&scores, 1).last().unwrap();
        let mean: f64 = 52.0 / 100.0;
        let variance = (49.0 + 9.0) / 100.0 - mean * mean;
        let z: f64 = (3.0 - mean) / f64::sqrt(variance);
        // 1 - Phi(4.455...) by the table of the error function.
        assert!((z - 4.4576).abs() < 1e-3, "{z}");
        assert!((last - 5.3823).abs() < 5e-3, "{last}");
    }

    #[test]
    fn a_score_that_is_often_high_is_no_news_and_one_that_stays_high_is() {
        let often: Vec<f64> = (0..200).map(|row| if row % 5 == 0 { 9.0 } else { 1.0 }).collect();
        let mut stays = often.clone();
        stays[190..196].fill(9.0);
        let most = |scores: &[f64]| judged(scores, 5)[150..].iter().copied().fold(0.0, f64::max);
        assert!(most(&often) < 1.0 && most(&stays) > 1.3, "{} {}", most(&often), most(&stays));
    }

    #[test]
    fn lasting_events_rank_above_everything_ordinary() {
        let got = read_with(&AnomalyLikelihood::default(), Shape::Share(0.5), 0.0);
        assert!(got.after_event(6) > largest_ordinary(&got), "{} {}", got.after_event(6), largest_ordinary(&got));
    }
}
