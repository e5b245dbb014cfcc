//! Holt-Winters forecasts.

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind, Positive, SectionReader,
    Span,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::series::{self, Known, Level, Method, Moment, Outlook, SeasonRule, Past, Season, weight_of};

/// Deviations that the band of ordinary values reaches to both sides.
const BAND: f64 = 3.0;
/// The most rows that a forecast looks over when rows are missing.
const MOST_STEPS: f64 = 10_000.0;
/// Training rows that smoothing is chosen on.
const TRIED_ROWS: usize = 6000;
/// Smoothing of the level, of the trend and of the season that is tried.
const LEVELS: [f64; 5] = [0.05, 0.15, 0.3, 0.5, 0.8];
const TRENDS: [f64; 2] = [0.0, 0.02];
const SEASONS: [f64; 2] = [0.05, 0.2];

/// Holt-Winters: rows far from the forecast of level, damped trend and season are anomalous.
///
/// Each column of a series is foretold one row ahead: its level, plus a trend that fades, plus what is usual at this place
/// of the season (a day, a week, or whatever repeats itself in the training rows). The score is the error of the forecast
/// in units of its usual size. Wild values move the forecast only up to `clip` deviations. Smoothing is chosen on the
/// training rows, from a small grid, unless it is set.
///
/// Score range: 0 upwards; 3 or 4 is much for bell-shaped errors. Input: rows of a series, in order; where rows are missing
/// the trend is followed over the gap. A missing value counts as a very large one. Blind to: slow changes; odd shapes made
/// of small steps; after a level shift only the first rows are odd. Warm-up: `warm_up` rows, which are scored against the
/// training rows; where the training rows are of several series, each series learns its own season during its first pass.
/// Cost: fit `O(d n)` twenty times over, score `O(d)` per row; memory at most 2.2 KB per column of a series.
///
/// Source: Holt 1957; Winters, "Forecasting Sales by Exponentially Weighted Moving Averages", 1960; damped trend: Gardner
/// & McKenzie 1985; robust: Gelper, Fried & Croux, "Robust Forecasting with Exponential and Holt-Winters Smoothing", 2010.
/// Where ours differs: the season has at most 336 places, between which is interpolated; the grid is judged by the median
/// absolute error; a season of which nothing is known starts at 0 and is averaged plainly at first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HoltWinters {
    /// Length of the season ("1d", "7d", or a number of rows; 1 for none). Looked for in the training rows unless set.
    pub season: Option<Span>,
    /// Weight of the newest row in the level. Chosen on the training rows unless set.
    pub level_smoothing: Option<Fraction>,
    /// Weight of the newest change of level in the trend. Chosen on the training rows unless set.
    pub trend_smoothing: Option<Fraction>,
    /// Weight of the newest row in its place of the season. Chosen on the training rows unless set.
    pub season_smoothing: Option<Fraction>,
    /// What is left of the trend at each further row: 1 keeps it for ever.
    pub damping: Fraction,
    /// Time after which a row's weight in the spread of the errors has halved ("7d"), or a number of rows.
    pub half_life: Span,
    /// Rows at the start of a series that are scored against the training rows.
    pub warm_up: Count,
    /// Deviations beyond which an error is not taken into the forecast in full.
    pub clip: Positive,
    /// Least spread of the errors, as a share of the training rows' spread.
    pub min_spread: Fraction,
}

impl Default for HoltWinters {
    fn default() -> Self {
        Self {
            season: None,
            level_smoothing: None,
            trend_smoothing: None,
            season_smoothing: None,
            damping: Fraction::new(0.95),
            half_life: Span::days(7),
            warm_up: Count::new(20),
            clip: Positive::new(3.0),
            min_spread: Fraction::new(0.05),
        }
    }
}

impl Detector for HoltWinters {
    const ABOUT: About = About {
        name: "holt_winters",
        title: "Holt-Winters",
        kind: ModelKind::Series,
        summary: "Foretells each row from level, damped trend and season; rows far from their forecast are anomalous.",
        blind_to: "Slow changes; odd shapes made of small steps; all but the first rows after a level shift.",
        cost: "Fit O(d n) twenty times; score O(d) per row; memory at most 2.2 KB per column of a series.",
        source: "Winters 1960; Gardner & McKenzie 1985 (damped trend); Gelper, Fried & Croux 2010 (robust).",
        natural_threshold: None,
    };

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        series::fit(self, rows, context)
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        series::load::<Self>(section)
    }
}

/// The three weights, and what is left of the trend at each row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Smoothing {
    level: f64,
    trend: f64,
    season: f64,
    damping: f64,
}

/// What one column remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forecast {
    level: f64,
    trend: f64,
    season: Season,
    /// Of the errors.
    errors: Level,
    n_seen: u64,
}

impl Forecast {
    fn begin(known: &Known) -> Self {
        let season = Season::begin(known.cycle.as_ref(), &known.profile, known.n_visits);
        Self { season, ..Self::default() }
    }

    /// Level and trend so many rows on.
    fn ahead(&self, n_steps: f64, damping: f64) -> f64 {
        let n_steps = n_steps.clamp(1.0, MOST_STEPS);
        let factor = if damping < 1.0 {
            damping * (1.0 - damping.powf(n_steps)) / (1.0 - damping)
        } else {
            n_steps
        };
        self.level + factor * self.trend
    }

    /// Takes in the error of the forecast `ahead`: the error-correction form of the smoothing equations.
    fn correct(&mut self, known: &Known, time_ns: i64, ahead: f64, error: f64, by: Smoothing) {
        let level = ahead + by.level * error;
        self.trend = by.damping * self.trend + by.level * by.trend * error;
        self.level = level;
        self.season.learn_with(known.cycle.as_ref(), time_ns, error, by.season);
    }
}

impl HoltWinters {
    /// Reads the training rows with the given smoothing: the median absolute error.
    fn trial(&self, past: &Past<'_>, known: &Known, plan: &Plan, smoothing: Smoothing) -> f64 {
        let mut errors = Vec::new();
        for range in past.series {
            let rows = range.start..range.end.min(range.start + TRIED_ROWS.div_ceil(past.series.len()));
            let mut forecast = Forecast::begin(known);
            for idx in rows {
                let at = Moment { idx: 0, time_ns: past.times[idx], since_ns: 0, is_missing: false };
                let error = self.advance(plan, known, &mut forecast, &at, f64::from(past.values[idx]), smoothing).error;
                errors.push(error.abs());
            }
        }
        let middle = errors.len() / 2;
        if errors.is_empty() { 0.0 } else { *errors.select_nth_unstable_by(middle, f64::total_cmp).1 }
    }

    fn advance(
        &self,
        plan: &Plan,
        known: &Known,
        forecast: &mut Forecast,
        at: &Moment,
        value: f64,
        smoothing: Smoothing,
    ) -> Step {
        let floor = self.min_spread.get() * known.scale.scale;
        let pattern = forecast.season.at(known.cycle.as_ref(), at.time_ns);
        if forecast.n_seen == 0 {
            forecast.level = value - pattern;
            forecast.n_seen = 1;
            return Step { expected: value, error: 0.0, sigma: known.scale.scale };
        }
        let n_steps = (at.since_ns as f64 / plan.interval_ns as f64).round();
        let ahead = forecast.ahead(n_steps, smoothing.damping);
        let error = value - ahead - pattern;
        // Until there are errors to go by, those of the training rows have to do.
        let sigma = forecast.errors.deviation(error, floor).sigma;
        let is_warm = forecast.n_seen >= self.warm_up.get() as u64;
        let most = self.clip.get() * if is_warm { sigma } else { sigma.max(known.scale.scale) };
        let believed = error.clamp(-most, most);
        forecast.correct(known, at.time_ns, ahead, believed, smoothing);
        forecast.errors.learn(believed, plan.weight, f64::MAX, floor);
        forecast.n_seen += 1;
        Step { expected: ahead + pattern, error, sigma }
    }
}

/// One row foretold.
struct Step {
    expected: f64,
    error: f64,
    sigma: f64,
}

/// What follows from the parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    weight: f64,
    interval_ns: i64,
}

impl Method for HoltWinters {
    type Plan = Plan;
    type Memory = Forecast;
    const N_TUNED: usize = 3;

    fn season(&self) -> SeasonRule {
        SeasonRule::of(self.season)
    }

    fn learn(&self, past: &Past<'_>, known: &mut Known) -> Result<(), FitError> {
        let plan = self.plan(past.interval_ns);
        let choices = |set: Option<Fraction>, grid: &[f64]| set.map_or(grid.to_vec(), |set| vec![set.get()]);
        let seasons = if known.cycle.is_some() { &SEASONS[..] } else { &SEASONS[..1] };
        let mut best = (f64::INFINITY, vec![LEVELS[2], TRENDS[0], SEASONS[0]]);
        for &level in &choices(self.level_smoothing, &LEVELS) {
            for &trend in &choices(self.trend_smoothing, &TRENDS) {
                for &season in &choices(self.season_smoothing, seasons) {
                    let smoothing = Smoothing { level, trend, season, damping: self.damping.get() };
                    let error = self.trial(past, known, &plan, smoothing);
                    if error < best.0 {
                        best = (error, vec![level, trend, season]);
                    }
                }
            }
        }
        known.tuned = best.1;
        Ok(())
    }

    fn plan(&self, interval_ns: i64) -> Plan {
        Plan { weight: weight_of(self.half_life.n_rows(interval_ns)), interval_ns }
    }

    fn begin(&self, _: &Plan, known: &Known) -> Forecast {
        Forecast::begin(known)
    }

    fn step(&self, plan: &Plan, known: &Known, forecast: &mut Forecast, at: &Moment, value: f64) -> Outlook {
        // Checked here, because a model file may hold anything.
        let weight = |idx: usize| known.tuned[idx].clamp(0.0, 1.0);
        let smoothing =
            Smoothing { level: weight(0), trend: weight(1), season: weight(2), damping: self.damping.get() };
        let is_warm = forecast.n_seen >= self.warm_up.get() as u64;
        if is_warm && !at.is_missing {
            let step = self.advance(plan, known, forecast, at, value, smoothing);
            return Outlook::around(step.error.abs() / step.sigma, step.expected, BAND * step.sigma);
        }
        let score = ((value - known.scale.center) / known.scale.scale).abs();
        if !at.is_missing {
            self.advance(plan, known, forecast, at, value, smoothing);
        }
        Outlook::around(score, known.scale.center, BAND * known.scale.scale)
    }

    fn heap_bytes(forecast: &Forecast) -> usize {
        forecast.season.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::robust_scale::RobustScale;
    use crate::series::Cycle;
    use crate::series::testing::{Shape, largest_ordinary, read};

    #[test]
    fn spikes_drops_shifts_and_broken_seasons_rank_above_everything_ordinary() {
        for shape in [Shape::Spike(8.0), Shape::Drop(8.0), Shape::Shift(8.0), Shape::SeasonBroken, Shape::Share(0.8)] {
            let got = read(&HoltWinters::default(), shape);
            let (event, ordinary) = (got.at_event(), largest_ordinary(&got));
            assert!(event > ordinary, "{shape:?}: {event} {ordinary}");
        }
    }

    /// Forecasts beside those of statsmodels: `tests/parity/make_series.py`.
    #[test]
    fn forecasts_are_those_of_the_reference() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../tests/parity/series.json")).unwrap();
        let reference = &reference["holt_winters"];
        let numbers = |name: &str| -> Vec<f64> { serde_json::from_value(reference[name].clone()).unwrap() };
        let number = |name: &str| reference[name].as_f64().unwrap();
        let season = numbers("initial_season");
        let interval_ns = 60_000_000_000;
        let cycle = Cycle::new(season.len() as i64 * interval_ns, 0, interval_ns, 336).unwrap();
        let known = Known {
            scale: RobustScale { center: 0.0, scale: 1.0 },
            cycle: Some(cycle),
            profile: season.iter().map(|&value| value as f32).collect(),
            n_visits: 1e4,
            tuned: Vec::new(),
            inner: None,
        };
        let by = Smoothing {
            level: number("level_smoothing"),
            trend: number("trend_smoothing"),
            season: number("season_smoothing"),
            damping: number("damping"),
        };
        let mut forecast = Forecast::begin(&known);
        (forecast.level, forecast.trend) = (number("initial_level"), number("initial_trend"));
        let (values, fitted) = (numbers("values"), numbers("fitted"));
        for (idx, (value, wanted)) in values.into_iter().zip(fitted).enumerate() {
            let time = idx as i64 * interval_ns;
            let ahead = forecast.ahead(1.0, by.damping);
            let expected = ahead + forecast.season.at(known.cycle.as_ref(), time);
            // The season is kept in 32 bits.
            assert!((expected - wanted).abs() < 2e-5, "row {idx}: {expected} vs {wanted}");
            forecast.correct(&known, time, ahead, value - expected, by);
        }
    }
}
