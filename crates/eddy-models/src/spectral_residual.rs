//! Spectral residual.

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind, Positive, SectionReader,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::series::{self, Complex, Known, Level, Method, Moment, Outlook, fourier, inverse_fourier, roots, weight_of};

/// The longest window.
const MOST_WINDOW: usize = 2048;
/// Points made up after the newest row, so that it does not lie at the edge (the source's kappa).
const MADE_UP: usize = 5;
/// Rows whose slopes to the newest one say how it goes on (the source's m).
const SLOPES: usize = 5;
/// Neighbouring frequencies that make up the ordinary spectrum (the source's q).
const SMOOTHED: usize = 3;
/// Rows before whose mean saliency the newest one is compared with (the source's z).
const COMPARED: usize = 21;
/// Keeps logarithms and quotients finite.
const TINY: f64 = 1e-8;
/// Saliency is not compared with less than this share of the mean over the window.
const LEAST_SALIENCY: f64 = 0.2;
/// Scores above are all the same.
const MOST_SCORE: f64 = 1e6;

/// Spectral residual: rows that stand out from what repeats itself are anomalous.
///
/// The last `window` rows of each column are taken apart into frequencies. Where the spectrum is as smooth as its
/// surroundings nothing is new; what is left after the smooth part is taken away is turned back into a curve, which is high
/// where something happens that the rest of the window does not foretell. The score is how far the newest row's point on
/// that curve lies above the mean of the points before. No model is learned; the training rows only say which changes are
/// too small to matter.
///
/// Score range: 0 upwards; the source calls 3 and above anomalous. Input: rows of a series at regular intervals, in order.
/// A missing value repeats the row before, and is scored as a very large one. Blind to: slow changes; lasting anomalies
/// but for their edges. Warm-up: `window` rows, which are scored against the training rows. Cost: fit `O(d n)`, score
/// `O(d w log w)` per row for a window of `w`; memory `4 w` bytes per column of a series, and the same again eight times
/// over for each series.
///
/// Source: Ren et al., "Time-Series Anomaly Detection Service at Microsoft", KDD 2019, equations 1 to 8, without the neural
/// network that follows. Where ours differs: every row is scored as the newest one of its window; rows closer to the
/// window's level than `min_spread` score less, with the square of their distance, so that a series that has been constant does not call the
/// smallest change an anomaly; the window is standardised, and wild values in it are clipped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpectralResidual {
    /// Rows looked at, with five that are made up: a power of two from 32 to 2048.
    pub window: Count,
    /// Deviations beyond which rows of the past count no further.
    pub clip: Positive,
    /// Distance from the window's level below which a row is not anomalous, as a share of the training rows' spread.
    pub min_spread: Fraction,
}

impl Default for SpectralResidual {
    fn default() -> Self {
        Self { window: Count::new(64), clip: Positive::new(6.0), min_spread: Fraction::new(0.5) }
    }
}

impl Detector for SpectralResidual {
    const ABOUT: About = About {
        name: "spectral_residual",
        title: "Spectral residual",
        kind: ModelKind::Series,
        summary: "Takes what repeats itself out of the spectrum of the last rows; the newest row scores by what is left.",
        blind_to: "Slow changes; lasting anomalies but for their edges.",
        cost: "Score O(d w log w) per row for a window of w; memory 4 w bytes per column and 32 w per series.",
        source: "Ren et al., Time-Series Anomaly Detection Service at Microsoft, KDD 2019; row by row, without the network.",
        natural_threshold: Some(3.0),
    };

    fn check(&self) -> Result<(), String> {
        let window = self.window.get();
        if !window.is_power_of_two() || !(32..=MOST_WINDOW).contains(&window) {
            return Err(format!("window: {window} is no power of two from 32 to {MOST_WINDOW}"));
        }
        Ok(())
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        series::fit(self, rows, context)
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        series::load::<Self>(section)
    }
}

/// What one column remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    /// The last rows, the oldest first from `start` on, round and round.
    rows: Vec<f32>,
    start: usize,
    level: Level,
    /// Room to work in.
    work: Vec<Complex>,
    smooth: Vec<f64>,
}

impl Window {
    fn row(&self, idx: usize) -> f64 {
        f64::from(self.rows[(self.start + idx) % self.rows.len()])
    }

    /// The saliency map of the window and the points made up after it: in `smooth`.
    fn saliency(&mut self, roots: &[Complex], center: f64, scale: f64) {
        let n = self.rows.len();
        let z = |value: f64| (value - center) / scale;
        for idx in 0..n {
            self.work[idx] = Complex { re: z(self.row(idx)), im: 0.0 };
        }
        // Equation 8, without the newest row, as the authors' program has it: the mean slope from each of the rows before
        // to the latest one, followed from the first of them on. What is odd about the newest row is not carried on.
        let latest = self.work[n - 2].re;
        let slope = |back: usize| (latest - self.work[n - 2 - back].re) / back as f64;
        let mean_slope = (1..=SLOPES).map(slope).sum::<f64>() / SLOPES as f64;
        let next = self.work[n - 1 - SLOPES].re + mean_slope * SLOPES as f64;
        self.work[n..].fill(Complex { re: next, im: 0.0 });
        fourier(&mut self.work, roots);
        let whole = self.work.len();
        // The logarithm of the spectrum, and its running mean over the neighbours before.
        for (log, value) in self.smooth.iter_mut().zip(&self.work) {
            *log = value.magnitude().max(TINY).ln();
        }
        let mut sum = 0.0;
        for idx in 0..whole {
            let log = self.smooth[idx];
            sum += log;
            if idx >= SMOOTHED {
                sum -= self.smooth[idx - SMOOTHED];
            }
            let mean = sum / SMOOTHED.min(idx + 1) as f64;
            let value = self.work[idx];
            let factor = (log - mean).exp() / value.magnitude().max(TINY);
            self.work[idx] = Complex { re: value.re * factor, im: value.im * factor };
        }
        inverse_fourier(&mut self.work, roots);
        for (saliency, value) in self.smooth.iter_mut().zip(&self.work) {
            *saliency = value.magnitude();
        }
    }
}

impl Method for SpectralResidual {
    type Plan = Vec<Complex>;
    type Memory = Window;

    fn plan(&self, _: i64) -> Vec<Complex> {
        roots(self.window.get())
    }

    fn begin(&self, _: &Vec<Complex>, _: &Known) -> Window {
        let n = self.window.get();
        Window {
            rows: vec![0.0; n - MADE_UP],
            work: vec![Complex::default(); n],
            smooth: vec![0.0; n],
            ..Window::default()
        }
    }

    fn step(&self, roots: &Vec<Complex>, known: &Known, window: &mut Window, at: &Moment, value: f64) -> Outlook {
        let floor = self.min_spread.get() * known.scale.scale;
        let n = window.rows.len();
        let far = ((value - known.scale.center) / known.scale.scale).abs();
        let deviation = window.level.deviation(value, floor);
        let is_warm = window.level.n_seen() as usize >= n;
        if at.is_missing {
            return Outlook::of_score(if is_warm { MOST_SCORE } else { far });
        }
        let most = if window.level.n_seen() > 5 { self.clip.get() * deviation.sigma } else { f64::MAX };
        let kept = window.level.mean + deviation.raw.clamp(-most, most);
        window.rows[window.start] = kept.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
        window.start = (window.start + 1) % n;
        window.level.learn(value, weight_of(n as f64), self.clip.get(), floor);
        if !is_warm {
            return Outlook::of_score(far);
        }
        window.saliency(roots, window.level.mean, deviation.sigma);
        let newest = window.smooth[n - 1];
        let before = window.smooth[n - 1 - COMPARED.min(n - 1)..n - 1].iter().sum::<f64>() / COMPARED.min(n - 1) as f64;
        let usual = window.smooth[..n].iter().sum::<f64>() / n as f64;
        let ratio = (newest - before) / before.max(LEAST_SALIENCY * usual).max(TINY);
        // What was clipped is still worth more, the farther out it lies.
        let beyond = (deviation.raw.abs() / most.max(floor)).max(1.0).ln_1p() / std::f64::consts::LN_2;
        let matters = (deviation.raw.abs() / floor).min(1.0).powi(2);
        let score = (ratio.max(0.0) * matters * beyond).min(MOST_SCORE);
        Outlook::of_score(score)
    }

    fn heap_bytes(window: &Window) -> usize {
        size_of_val(window.rows.as_slice()) + size_of_val(window.work.as_slice()) + size_of_val(window.smooth.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::testing::{Shape, largest_ordinary, read};

    #[test]
    fn spikes_and_drops_rank_above_everything_ordinary() {
        for shape in [Shape::Spike(12.0), Shape::Drop(12.0)] {
            let got = read(&SpectralResidual::default(), shape);
            let (event, ordinary) = (got.at_event(), largest_ordinary(&got));
            assert!(event > ordinary, "{shape:?}: {event} {ordinary}");
        }
    }

    #[test]
    fn a_constant_series_scores_nothing_and_survives_a_change() {
        let training: Vec<f32> = (0..300).map(|idx| 50.0 + (idx % 7) as f32).collect();
        let model =
            Detector::fit(&SpectralResidual::default(), RowsView::new(&training, 1), &FitContext::default()).unwrap();
        let mut constant = vec![53.0f32; 400];
        constant[350] = 53.1;
        constant[380] = 100.0;
        let mut out = vec![0.0; 400];
        model.score_once(RowsView::new(&constant, 1), &[], &mut out);
        assert!(out[..380].iter().all(|&score| score < 1.0), "{out:?}");
        assert!(out[380] > 3.0, "{}", out[380]);
    }
}
