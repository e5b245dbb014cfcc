//! Bayesian online change points.

use std::sync::LazyLock;

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
/// The most run lengths that are followed at a time.
const MOST_RUNS: usize = 256;
/// Rows of a run that count; older ones fade, so that a long run stays able to learn.
const MOST_ROWS: f64 = 500.0;
/// What is believed of the spread before any row was seen: as much as this many rows say.
const PRIOR_ROWS: f64 = 2.0;
/// Share of rows that are wild and belong to no run.
const WILD: f64 = 0.02;
/// How far wild rows scatter, in deviations.
const WILD_SCALE: f64 = 10.0;
/// The fewest and the most rows that a new run must last.
const LEAST_CONFIRM: f64 = 6.0;
const MOST_CONFIRM: f64 = 1_000_000.0;
/// Deviations beyond which a row counts no further.
const FARTHEST: f64 = 1e6;
/// Probability of a change at which an event begins.
const BELIEVED: f64 = 0.9;

/// Bayesian online change points: rows that the run so far does not explain are anomalous, and a new run is an event.
///
/// Each column of a series keeps its level and spread and, if the training rows repeat themselves, its season; what is left
/// of a row, in units of the spread, is what the method sees. It follows several run lengths at a time: each says since
/// when nothing has changed, and how probable that is given how well its mean and spread foretold the rows since. The score
/// is how improbable the row was, all runs taken together (`-log10` of its density), plus how far the present run lies off
/// the level, in deviations. Where it becomes probable that the
/// run began only `confirm` ago or a little more, and its level differs by at least `min_shift` deviations, an event
/// begins: a level shift, with the level before as the expected value.
///
/// Score range: about 0.4 (the middle of a run) upwards; the surprise of far values grows with their logarithm. Input:
/// rows of a series at regular intervals, in order. A missing value counts as a very large one. Blind to: drifts; shifts
/// below `min_shift`; changes that come and go within `confirm` (they score, but are no event). Events: its own.
/// Warm-up: `warm_up` rows, which are scored against the training rows. Cost: fit `O(d n log n)`, score `O(d runs)` per
/// row; memory `32 runs` bytes per column of a series and at most 2.2 KB more, 3.5 KB by default.
///
/// Source: Adams & MacKay, "Bayesian Online Changepoint Detection", 2007, with the normal-gamma model of Murphy, "Conjugate
/// Bayesian analysis of the Gaussian distribution", 2007. Where ours differs: runs of little probability are dropped, so
/// that memory is bounded; a share of wild rows belongs to no run, so that a spike opens none; the season is taken out
/// first; old rows of a run fade; an event must also be a shift of some size, which runs of rows that carry over rarely are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangePoint {
    /// Mean time between changes that is expected beforehand ("7d"), or a number of rows.
    pub run_length: Span,
    /// How long a new run must last before it is an event ("1h"), or a number of rows; six rows at least.
    pub confirm: Span,
    /// Least difference between the levels before and after, in deviations of single rows.
    pub min_shift: Positive,
    /// Run lengths that are followed at a time, at most 256.
    pub runs: Count,
    /// Time after which a row's weight in level and spread has halved ("1d"), or a number of rows.
    pub half_life: Span,
    /// Length of the season ("1d", "7d", or a number of rows; 1 for none). Looked for in the training rows unless set.
    pub season: Option<Span>,
    /// Rows at the start of a series that are scored against the training rows.
    pub warm_up: Count,
    /// Least spread of a series, as a share of the training rows' spread.
    pub min_spread: Fraction,
}

impl Default for ChangePoint {
    fn default() -> Self {
        Self {
            run_length: Span::days(7),
            confirm: Span::hours(1),
            min_shift: Positive::new(3.0),
            runs: Count::new(40),
            half_life: Span::days(1),
            season: None,
            warm_up: Count::new(20),
            min_spread: Fraction::new(0.05),
        }
    }
}

impl Detector for ChangePoint {
    const ABOUT: About = About {
        name: "change_point",
        title: "Change points",
        kind: ModelKind::Series,
        summary: "Weighs since when nothing has changed; a new run of rows on another level is an event with before and after.",
        blind_to: "Drifts; shifts below the least size; what comes and goes within a few rows is scored, but is no event.",
        cost: "Fit O(d n log n); score O(d runs) per row; memory 3.5 KB per column of a series at the defaults.",
        source: "Adams & MacKay, Bayesian Online Changepoint Detection, 2007; bounded runs, wild rows, seasons taken out.",
        natural_threshold: None,
    };

    fn check(&self) -> Result<(), String> {
        if self.runs.get() > MOST_RUNS {
            return Err(format!("runs: {} is above {MOST_RUNS}", self.runs.get()));
        }
        if self.runs.get() < 4 {
            return Err("runs: fewer than 4 run lengths tell nothing apart".into());
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

/// `ln(Gamma((v + 1) / 2) / Gamma(v / 2)) - ln(v pi) / 2` for `v` = 0, 1, 2, ...: the constant of Student's distribution
/// with `v` degrees of freedom. From one to the next but one by the recursion of the gamma function.
static STUDENT: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let half_ln_pi = 0.5 * std::f64::consts::PI.ln();
    // ln(Gamma((v + 1) / 2) / Gamma(v / 2)) for v = 1 and 2.
    let mut ratios = vec![f64::NAN, -half_ln_pi, half_ln_pi - std::f64::consts::LN_2];
    for v in 3..MOST_ROWS as usize + 8 {
        // Gamma(x + 1) = x Gamma(x), above and below.
        ratios.push(ratios[v - 2] + ((v as f64 - 1.0) / (v as f64 - 2.0)).ln());
    }
    let constant = |(v, ratio): (usize, f64)| ratio - 0.5 * (v as f64).ln() - half_ln_pi;
    ratios.into_iter().enumerate().map(constant).collect()
});

/// Density of Student's distribution, moved and stretched.
fn student_density(x: f64, degrees: usize, center: f64, scale: f64) -> f64 {
    let v = degrees as f64;
    let z = (x - center) / scale;
    (STUDENT[degrees] - 0.5 * (v + 1.0) * (z * z / v).ln_1p()).exp() / scale
}

/// One possible beginning of the present run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RunLength {
    probability: f64,
    /// Rows since then.
    n_rows: u32,
    /// Rows that count in mean and spread.
    n_counted: f32,
    mean: f64,
    /// Squared deviations from the mean, added up.
    squares: f64,
}

impl RunLength {
    /// A run that has no row yet.
    fn new(probability: f64) -> Self {
        Self { probability, n_rows: 0, n_counted: 0.0, mean: 0.0, squares: 0.0 }
    }

    /// How dense the run says that the next row is: the posterior predictive of the normal-gamma model, with prior mean 0
    /// at a tenth of a row's weight and prior variance 1.
    fn density(&self, x: f64) -> f64 {
        let n = f64::from(self.n_counted);
        let kappa = 0.1 + n;
        let center = n * self.mean / kappa;
        let beta = 0.5 * (PRIOR_ROWS + self.squares) + 0.5 * 0.1 * n * self.mean * self.mean / kappa;
        let alpha = 0.5 * (PRIOR_ROWS + n);
        let scale = (beta * (kappa + 1.0) / (alpha * kappa)).sqrt();
        student_density(x, (PRIOR_ROWS + n).round() as usize, center, scale)
    }

    /// Takes in a row; `share` says how far it is believed to belong to any run.
    fn learn(&mut self, x: f64, share: f64) {
        self.n_rows = self.n_rows.saturating_add(1);
        let mut n = f64::from(self.n_counted);
        if n + share > MOST_ROWS {
            self.squares *= (MOST_ROWS - share) / n;
            n = MOST_ROWS - share;
        }
        let total = n + share;
        let deviation = x - self.mean;
        if total > 0.0 {
            self.mean += share / total * deviation;
            self.squares += share * n / total * deviation * deviation;
        }
        self.n_counted = total as f32;
    }
}

/// What follows from the parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    weight: f64,
    /// Probability that a run ends at any row.
    hazard: f64,
    /// Rows that a new run must last.
    confirm: u32,
}

/// What one column remembers.
#[derive(Debug, Clone)]
pub(crate) struct Follower {
    baseline: Baseline,
    runs: Vec<RunLength>,
    /// Rows since the last event.
    since_event: u32,
}

impl Follower {
    /// Takes in a row: its density over all runs, and the probability of each run afterwards.
    fn learn(&mut self, x: f64, hazard: f64, most_runs: usize) -> f64 {
        let wild = student_density(x, 1, 0.0, WILD_SCALE);
        let (mut whole, mut explained) = (0.0, 0.0);
        for run in &mut self.runs {
            let own = (1.0 - WILD) * run.density(x);
            explained += run.probability * own;
            run.probability *= own + WILD * wild;
            whole += run.probability;
        }
        // How far the row belongs to a run at all.
        let share = if whole > 0.0 { explained / whole } else { 0.0 };
        for run in &mut self.runs {
            run.probability *= (1.0 - hazard) / whole;
            run.learn(x, share);
        }
        if self.runs.len() == most_runs {
            // The newest have had no time to show what they are worth.
            let old = 0..most_runs - most_runs / 4;
            let least = old.min_by(|&a, &b| self.runs[a].probability.total_cmp(&self.runs[b].probability)).unwrap_or(0);
            self.runs.remove(least);
        }
        self.runs.push(RunLength::new(hazard));
        let sum: f64 = self.runs.iter().map(|run| run.probability).sum();
        self.runs.iter_mut().for_each(|run| run.probability /= sum);
        whole
    }

    /// How far the present run lies off the level, by what is believed of when it began.
    fn shift(&self) -> f64 {
        let of = |run: &RunLength| run.probability * run.mean * f64::from(run.n_counted) / (1.0 + f64::from(run.n_counted));
        self.runs.iter().map(of).sum()
    }

    /// The probability that the run is younger than `most` rows but no younger than `least`, and the mean it then has.
    fn young(&self, least: u32, most: u32) -> (f64, f64) {
        let young = self.runs.iter().filter(|run| (least..most).contains(&run.n_rows));
        let (p, mean) = young.fold((0.0, 0.0), |(p, mean), run| (p + run.probability, mean + run.probability * run.mean));
        (p, if p > 0.0 { mean / p } else { 0.0 })
    }
}

impl Method for ChangePoint {
    type Plan = Plan;
    type Memory = Follower;
    const REASONS: &'static [&'static str] = &["level shift up", "level shift down"];
    const HAS_EVENTS: bool = true;

    fn season(&self) -> SeasonRule {
        SeasonRule::of(self.season)
    }

    fn plan(&self, interval_ns: i64) -> Plan {
        LazyLock::force(&STUDENT);
        let hazard = 1.0 / self.run_length.n_rows(interval_ns).max(10.0);
        let confirm = self.confirm.n_rows(interval_ns).clamp(LEAST_CONFIRM, MOST_CONFIRM) as u32;
        Plan { weight: weight_of(self.half_life.n_rows(interval_ns)), hazard, confirm }
    }

    fn begin(&self, _: &Plan, known: &Known) -> Follower {
        let mut runs = Vec::with_capacity(self.runs.get());
        runs.push(RunLength::new(1.0));
        Follower { baseline: Baseline::begin(known), runs, since_event: 0 }
    }

    fn step(&self, plan: &Plan, known: &Known, memory: &mut Follower, at: &Moment, value: f64) -> Outlook {
        let floor = self.min_spread.get() * known.scale.scale;
        let pattern = memory.baseline.pattern(known, at);
        let level = memory.baseline.level;
        if (level.n_seen() as usize) < self.warm_up.get() {
            let score = ((value - known.scale.center) / known.scale.scale).abs();
            memory.baseline.learn(known, at, value, plan.weight, BAND, floor);
            return Outlook::around(score.ln_1p(), known.scale.center, BAND * known.scale.scale);
        }
        let deviation = level.deviation(value - pattern, floor);
        // Far values all say the same; numbers stay small.
        let x = deviation.z().clamp(-FARTHEST, FARTHEST);
        let density = memory.learn(x, plan.hazard, self.runs.get());
        let score = memory.shift().abs() - density.log10();
        let mut outlook = Outlook::around(score, level.mean + pattern, BAND * deviation.sigma);
        memory.baseline.learn(known, at, value, plan.weight, BAND, floor);
        memory.since_event = memory.since_event.saturating_add(1);
        let (probability, shift) = memory.young(plan.confirm, 6 * plan.confirm);
        if probability > BELIEVED && shift.abs() >= self.min_shift.get() && memory.since_event > 2 * plan.confirm {
            outlook.alarm = shift.abs();
            outlook.reason = u32::from(shift < 0.0);
            memory.baseline.level.move_to(level.mean + shift * deviation.sigma);
            memory.runs.clear();
            memory.runs.push(RunLength::new(1.0));
            memory.since_event = 0;
        }
        outlook
    }

    fn heap_bytes(memory: &Follower) -> usize {
        memory.baseline.heap_bytes() + memory.runs.capacity() * size_of::<RunLength>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::testing::{Shape, largest_ordinary, read};

    #[test]
    fn the_constants_of_students_distribution_are_right() {
        // Cauchy at 0: 1 / pi; two degrees: 1 / sqrt(8); five degrees: 8 / (3 pi sqrt(5)).
        let pi = std::f64::consts::PI;
        let expect = [(1, 1.0 / pi), (2, 1.0 / 8f64.sqrt()), (5, 8.0 / (3.0 * pi * 5f64.sqrt()))];
        for (degrees, density) in expect {
            assert!((student_density(0.0, degrees, 0.0, 1.0) - density).abs() < 1e-12, "{degrees}");
        }
        let sum: f64 = (-40_000..40_000).map(|k| student_density(f64::from(k) * 1e-3, 6, 1.0, 2.0) * 1e-3).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    }

    #[test]
    fn a_level_shift_is_one_event_with_before_and_after() {
        for size in [6.0, 10.0, -6.0] {
            let got = read(&ChangePoint::default(), Shape::Shift(size));
            let alarms = got.alarms();
            assert!(!alarms.is_empty() && alarms.len() <= 2, "{size}: {alarms:?}");
            assert!((0..40).contains(&alarms[0]), "{size}: {alarms:?}");
            let reading = got.reading(alarms[0] as usize);
            assert_eq!(reading.reason, u32::from(size < 0.0));
            assert!(got.at_event() > largest_ordinary(&got) || size.abs() < 7.0, "{size}");
            // The level after is expected from then on.
            let after = got.reading(alarms[0] as usize + 1);
            assert!((f64::from(after.expected - reading.expected) - 2.0 * size).abs() < 4.0, "{reading:?} {after:?}");
        }
    }

    #[test]
    fn nothing_and_single_rows_open_no_event() {
        for shape in [Shape::Nothing, Shape::Spike(20.0), Shape::Drop(8.0)] {
            assert_eq!(read(&ChangePoint::default(), shape).alarms(), [0i64; 0], "{shape:?}");
        }
    }

    #[test]
    fn probabilities_of_runs_add_up_and_follow_the_recursion() {
        let mut runs = Follower { baseline: Baseline::default(), runs: vec![RunLength::new(1.0)], since_event: 0 };
        let first = runs.runs[0].density(0.3);
        let whole = runs.learn(0.3, 0.01, 8);
        let wild = student_density(0.3, 1, 0.0, WILD_SCALE);
        assert!((whole - ((1.0 - WILD) * first + WILD * wild)).abs() < 1e-15);
        for idx in 0..50 {
            runs.learn(f64::from(idx % 3) - 1.0, 0.01, 8);
            assert!((runs.runs.iter().map(|run| run.probability).sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(runs.runs.len() <= 8);
        }
        // A little more than the hazard: what was dropped is shared out.
        assert!((runs.runs.last().unwrap().probability - 0.01).abs() < 1e-3);
    }
}
