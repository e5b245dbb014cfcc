//! Cumulative sums.

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind, Positive, SectionReader,
    Span,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::series::{self, Baseline, Known, Method, Moment, Outlook, SeasonRule, weight_of};

/// Deviations that the band of ordinary values reaches to both sides.
const BAND: f64 = 3.0;

/// Two-sided cumulative sums: series whose rows stay on one side of their level, if only by a little, are anomalous.
///
/// Each column of a series keeps its level and spread and, if the training rows repeat themselves, its season. What is
/// new in a row (its deviation, less what the row before let expect) is added, in units of the spread and less the slack
/// `slack`, to one sum for upward and one for downward shifts; a sum never falls below 0. The score is the larger sum.
/// Where it passes `limit` an event begins: the level is moved by the mean deviation since the sum began to grow, and both
/// sums start again at 0.
///
/// Score range: 0 upwards; the textbook's slack of 0.5 and limit of 8 are passed by chance
/// about once in 9,500 independent rows; traffic is not that well behaved, and the defaults are twice as wide. Input: rows of a series at
/// regular intervals, in order. A missing value counts as a very large one. Blind to: single wild rows below the limit
/// (one row counts for `clip` deviations at most); changes of the spread; shifts smaller than the slack. Events: its own;
/// the expected value is the level before. Warm-up: `warm_up` rows, which are scored against the training rows. Cost: fit
/// `O(d n log n)`, score `O(d)` per row; memory at most 2.2 KB per column of a series.
///
/// Source: Page, "Continuous Inspection Schemes", Biometrika 1954; Lucas, "The design and use of V-mask control schemes",
/// 1976; restart at the estimated new level as in Montgomery, "Introduction to Statistical Quality Control". Where ours
/// differs: level and spread are estimated robustly as the series goes on; season and autocorrelation of first order are
/// taken out first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cusum {
    /// Deviations that each row may lie off the level without counting: half of the shift that should be found soonest.
    pub slack: Positive,
    /// Sum at which an event begins.
    pub limit: Positive,
    /// Time after which a row's weight in level and spread has halved ("1d"), or a number of rows.
    pub half_life: Span,
    /// Length of the season ("1d", "7d", or a number of rows; 1 for none). Looked for in the training rows unless set.
    pub season: Option<Span>,
    /// Rows at the start of a series that are scored against the training rows.
    pub warm_up: Count,
    /// Deviations that a row counts for at most.
    pub clip: Positive,
    /// Least spread of a series, as a share of the training rows' spread.
    pub min_spread: Fraction,
}

impl Default for Cusum {
    fn default() -> Self {
        Self {
            slack: Positive::new(1.0),
            limit: Positive::new(15.0),
            half_life: Span::days(1),
            season: None,
            warm_up: Count::new(20),
            clip: Positive::new(5.0),
            min_spread: Fraction::new(0.05),
        }
    }
}

impl Detector for Cusum {
    const ABOUT: About = About {
        name: "cusum",
        title: "Cumulative sums",
        kind: ModelKind::Series,
        summary: "Adds up how far rows stay on one side of their level; a sum beyond the limit is a shift, and the level moves.",
        blind_to: "Single wild rows; changes of the spread alone; shifts smaller than the slack.",
        cost: "Fit O(d n log n); score O(d) per row; memory at most 2.2 KB per column of a series.",
        source: "Page, Continuous Inspection Schemes, Biometrika 1954; robust level, season and autocorrelation taken out.",
        natural_threshold: Some(15.0),
    };

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        series::fit(self, rows, context)
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        series::load::<Self>(section)
    }
}

/// One of the two sums.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    total: f64,
    /// Rows since it was 0, and their deviations from the level added up.
    n_rows: u32,
    deviations: f64,
}

impl Sum {
    fn add(&mut self, news: f64, slack: f64, deviation: f64) {
        self.total += news - slack;
        if self.total <= 0.0 {
            *self = Self::default();
        } else {
            self.n_rows = self.n_rows.saturating_add(1);
            self.deviations += deviation;
        }
    }
}

/// What one column remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sums {
    baseline: Baseline,
    up: Sum,
    down: Sum,
}

impl Method for Cusum {
    /// Weight of a row in level and spread.
    type Plan = f64;
    type Memory = Sums;
    const REASONS: &'static [&'static str] = &["level shift up", "level shift down"];
    const HAS_EVENTS: bool = true;

    fn season(&self) -> SeasonRule {
        SeasonRule::of(self.season)
    }

    fn plan(&self, interval_ns: i64) -> f64 {
        weight_of(self.half_life.n_rows(interval_ns))
    }

    fn begin(&self, _: &f64, known: &Known) -> Sums {
        Sums { baseline: Baseline::begin(known), ..Sums::default() }
    }

    fn step(&self, weight: &f64, known: &Known, sums: &mut Sums, at: &Moment, value: f64) -> Outlook {
        let floor = self.min_spread.get() * known.scale.scale;
        let clip = self.clip.get();
        let pattern = sums.baseline.pattern(known, at);
        let level = &mut sums.baseline.level;
        if (level.n_seen() as usize) < self.warm_up.get() {
            let score = ((value - known.scale.center) / known.scale.scale).abs();
            sums.baseline.learn(known, at, value, *weight, clip, floor);
            return Outlook::around(score, known.scale.center, BAND * known.scale.scale);
        }
        let deviation = level.deviation(value - pattern, floor);
        let most = clip * deviation.sigma;
        let believed = deviation.raw.clamp(-most, most);
        let news = level.news(value - pattern, floor).z().clamp(-clip, clip);
        sums.up.add(news, self.slack.get(), believed);
        sums.down.add(-news, self.slack.get(), believed);
        let is_up = sums.up.total >= sums.down.total;
        let larger = if is_up { sums.up } else { sums.down };
        let mut outlook = Outlook::around(larger.total, level.mean + pattern, BAND * deviation.sigma);
        outlook.reason = u32::from(!is_up);
        sums.baseline.learn(known, at, value, *weight, clip, floor);
        if larger.total > self.limit.get() {
            outlook.alarm = larger.total;
            let level = &mut sums.baseline.level;
            level.move_to(level.mean + larger.deviations / f64::from(larger.n_rows.max(1)));
            (sums.up, sums.down) = (Sum::default(), Sum::default());
        }
        outlook
    }

    fn heap_bytes(sums: &Sums) -> usize {
        sums.baseline.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::testing::{Shape, largest_ordinary, read};

    #[test]
    fn a_level_shift_is_one_event_that_knows_the_level_before() {
        for size in [4.0, 8.0] {
            let got = read(&Cusum::default(), Shape::Shift(size));
            let alarms = got.alarms();
            assert!(!alarms.is_empty() && alarms.len() <= 2, "{size}: {alarms:?}");
            assert!((0..40).contains(&alarms[0]), "{size}: {alarms:?}");
            let reading = got.reading(alarms[0] as usize);
            // The daily pattern is 100 + 8 sin; the event begins at row 100 of the day.
            let before = 100.0 + 8.0 * (std::f64::consts::TAU * (100.0 + alarms[0] as f64) / 288.0).sin();
            assert!((f64::from(reading.expected) - before).abs() < 3.0, "{reading:?} {before}");
            assert_eq!(reading.reason, 0);
            assert!(got.after_event(40) > largest_ordinary(&got), "{size}");
        }
    }

    #[test]
    fn nothing_and_single_rows_open_no_event() {
        for shape in [Shape::Nothing, Shape::Spike(20.0)] {
            assert_eq!(read(&Cusum::default(), shape).alarms(), [0i64; 0], "{shape:?}");
        }
    }
}
