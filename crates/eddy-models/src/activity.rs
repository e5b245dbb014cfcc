//! Silence, flat lines and partial drops.

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
/// Deviations below the expected value that a drop needs, beside its share.
const LEAST_DROP: f64 = 3.0;
/// Deviations that a row below counts for at most in a lasting drop.
const MOST_DROP: f64 = 10.0;
/// How many times as deep as the deepest so far a lasting drop must be.
const DEEPER: f64 = 1.2;
/// Deviations beyond which a value is not taken into level and spread in full.
const CLIP: f64 = 3.0;
/// Share of the usual step between rows up to which two rows are the same.
const SAME: f64 = 1e-3;
/// Score per usual length of a silence or a flat line.
const PER_LENGTH: f64 = 2.0;
/// Scores above are all the same.
const MOST_SCORE: f64 = 1e12;

/// Activity: series that go silent, stand still, or fall to a fraction of what is usual for the time are anomalous.
///
/// Three things are watched. *Drop*: how far a value lies below what is expected of its time (level and, if the training
/// rows repeat themselves, season), in units of the usual spread; values above are never anomalous. *Flat line*: how long
/// the value has not moved, in units of the longest stretch that this series stood still before. *Silence*: how long no
/// row, or no value, has come, in units of the longest time between rows before. The largest of the three is the score. An
/// event begins where values have stayed below `drop_to` of what was expected, and farther below than lately, for
/// `drop_for`; where a flat line is `times` as long as the longest lately (and lasts `flat_for` at least); and where a
/// silence is `times` as long as the longest lately (and lasts `silence_for` at least).
///
/// Score range: 0 upwards; 3 is much. Input: rows of a series, in order, with times if silence between rows matters; best
/// raw values, whose zero means nothing. Missing values count as silence. Blind to: everything above the expected value; a
/// series that ends (no row comes that could be scored: the runner must look at the clock). Events: its own, with the
/// reasons drop, flat line and silence. Warm-up: `warm_up` rows, which are scored against the training rows. Cost: fit
/// `O(d n log n)`, score `O(d)` per row; memory at most 2.2 KB per column of a series.
///
/// Source: ours; dead-man switches and "no data" rules of monitoring systems, with limits that are learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Activity {
    /// Share of the expected value below which a row is a drop.
    pub drop_to: Fraction,
    /// How long a drop must last to be an event ("15m"), or a number of rows; three rows at least.
    pub drop_for: Span,
    /// How long a flat line must last to be an event ("1h"), or a number of rows, however restless the series was before;
    /// six rows at least.
    pub flat_for: Span,
    /// How long a silence must last to be an event ("15m"), or a number of intervals; three intervals at least.
    pub silence_for: Span,
    /// How many times as long as the longest so far a flat line or a silence must be to be an event.
    pub times: Positive,
    /// Time after which a row's weight in level and spread, and the longest flat line and silence, have halved ("2d"), or a
    /// number of rows.
    pub half_life: Span,
    /// Length of the season ("1d", "7d", or a number of rows; 1 for none). Looked for in the training rows unless set.
    pub season: Option<Span>,
    /// Rows at the start of a series that are scored against the training rows.
    pub warm_up: Count,
    /// Least spread of a series, as a share of the training rows' spread.
    pub min_spread: Fraction,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            drop_to: Fraction::new(0.5),
            drop_for: Span::minutes(15),
            flat_for: Span::hours(1),
            silence_for: Span::minutes(15),
            times: Positive::new(2.0),
            half_life: Span::days(2),
            season: None,
            warm_up: Count::new(20),
            min_spread: Fraction::new(0.05),
        }
    }
}

impl Detector for Activity {
    const ABOUT: About = About {
        name: "activity",
        title: "Activity",
        kind: ModelKind::Series,
        summary: "Watches for silence, flat lines and falls to a fraction of what is usual for the time.",
        blind_to: "Everything above the expected value; a series that ends altogether, as no row comes that could be scored.",
        cost: "Fit O(d n log n); score O(d) per row; memory at most 2.2 KB per column of a series.",
        source: "Dead-man switches and no-data rules of monitoring systems, with limits that are learned; ours.",
        natural_threshold: None,
    };
    const TAKES_MISSING: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        series::fit(self, rows, context)
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        series::load::<Self>(section)
    }
}

/// The longest of something that comes again and again; old ones fade.
#[derive(Debug, Clone, Copy, Default)]
struct Longest(f64);

impl Longest {
    fn fade(&mut self, weight: f64) {
        self.0 *= 1.0 - weight;
    }

    fn learn(&mut self, length: f64) {
        self.0 = self.0.max(length);
    }
}

/// What one column remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    baseline: Baseline,
    /// Mean absolute change from row to row.
    usual_step: f64,
    latest: f64,
    n_seen: u64,
    /// Rows for which the value has not moved, and for which it has been low.
    n_still: f64,
    n_low: u32,
    /// How far below the expected value it has been lately, the most of it in the drop that goes on, and in those before.
    lasting: f64,
    peak: f64,
    deepest: Longest,
    longest_still: Longest,
    /// Nanoseconds without a value so far.
    silent_ns: f64,
    longest_silence: Longest,
    /// Whether the event that goes on has been told, for each reason.
    told: [bool; 3],
}

/// What follows from the parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    weight: f64,
    interval_ns: f64,
    /// Rows that a drop and a flat line must last, and nanoseconds of a silence.
    drop_rows: f64,
    flat_rows: f64,
    silence_ns: f64,
}

const DROP: usize = 0;
const FLAT: usize = 1;
const SILENCE: usize = 2;

impl Activity {
    /// The score of a silence, and whether it is long enough for an event.
    fn silence(&self, plan: &Plan, watch: &Watch) -> (f64, bool) {
        let usual = watch.longest_silence.0.max(plan.interval_ns);
        let ratio = watch.silent_ns / usual;
        let score = if ratio > 1.0 { PER_LENGTH * ratio } else { 0.0 };
        (score, ratio >= self.times.get() && watch.silent_ns >= plan.silence_ns)
    }

    /// The score of a flat line, and whether it is long enough for an event.
    fn flat(&self, plan: &Plan, watch: &Watch) -> (f64, bool) {
        let usual = watch.longest_still.0.max(plan.flat_rows / self.times.get());
        let ratio = watch.n_still / usual;
        let score = if ratio > 1.0 { PER_LENGTH * ratio } else { 0.0 };
        (score, ratio >= self.times.get() && watch.n_still >= plan.flat_rows)
    }

    /// Opens the event of a reason where it is due, and closes it where it is over.
    fn open(watch: &mut Watch, reason: usize, is_due: bool, goes_on: bool) -> bool {
        let opens = is_due && !watch.told[reason];
        watch.told[reason] = goes_on && (watch.told[reason] || is_due);
        opens
    }

    /// Takes in how long nothing has moved.
    fn follow_steps(plan: &Plan, watch: &mut Watch, value: f64) {
        watch.longest_still.fade(plan.weight);
        if watch.n_seen > 0 {
            let step = (value - watch.latest).abs();
            if step <= SAME * watch.usual_step {
                watch.n_still += 1.0;
            } else {
                watch.longest_still.learn(watch.n_still);
                watch.n_still = 0.0;
            }
            let weight = plan.weight.max(1.0 / watch.n_seen as f64);
            let most = if watch.n_seen > 5 { 20.0 * watch.usual_step.max(f64::MIN_POSITIVE) } else { f64::MAX };
            // A series at rest says nothing about the size of its steps.
            if step > 0.0 {
                watch.usual_step += weight * (step.min(most) - watch.usual_step);
            }
        }
        watch.latest = value;
        watch.n_seen += 1;
    }
}

impl Method for Activity {
    type Plan = Plan;
    type Memory = Watch;
    const REASONS: &'static [&'static str] = &["drop", "flat line", "silence"];
    const HAS_EVENTS: bool = true;

    fn season(&self) -> SeasonRule {
        SeasonRule::of(self.season)
    }

    fn plan(&self, interval_ns: i64) -> Plan {
        Plan {
            weight: weight_of(self.half_life.n_rows(interval_ns)),
            interval_ns: interval_ns as f64,
            drop_rows: self.drop_for.n_rows(interval_ns).ceil().max(3.0),
            flat_rows: self.flat_for.n_rows(interval_ns).ceil().max(6.0),
            silence_ns: (self.silence_for.ns(interval_ns) as f64).max(3.0 * interval_ns as f64),
        }
    }

    fn begin(&self, _: &Plan, known: &Known) -> Watch {
        Watch { baseline: Baseline::begin(known), ..Watch::default() }
    }

    fn step(&self, plan: &Plan, known: &Known, watch: &mut Watch, at: &Moment, value: f64) -> Outlook {
        let floor = self.min_spread.get() * known.scale.scale;
        let is_warm = watch.n_seen >= self.warm_up.get() as u64;
        watch.silent_ns += at.since_ns as f64;
        watch.longest_silence.fade(plan.weight);
        let (silence, is_silent) = self.silence(plan, watch);
        let pattern = watch.baseline.pattern(known, at);
        let (expected, sigma) = if is_warm {
            (watch.baseline.level.mean + pattern, watch.baseline.deviation(known, at, value, floor).sigma)
        } else {
            (known.scale.center, known.scale.scale)
        };
        let mut outlook = Outlook::around(silence, expected, BAND * sigma);
        outlook.reason = SILENCE as u32;
        if at.is_missing {
            // A missing value is worth a look in any case.
            outlook.score = silence.clamp(PER_LENGTH + 1.0, MOST_SCORE);
            if Self::open(watch, SILENCE, is_silent && is_warm, true) {
                outlook.alarm = outlook.score;
            }
            return outlook;
        }
        let silence_opens = Self::open(watch, SILENCE, is_silent && is_warm, false);
        watch.longest_silence.learn(watch.silent_ns);
        watch.silent_ns = 0.0;

        Self::follow_steps(plan, watch, value);
        let (flat, is_flat) = self.flat(plan, watch);
        let still = watch.n_still > 0.0;
        let flat_opens = Self::open(watch, FLAT, is_flat && is_warm, still);

        let drop = ((expected - value) / sigma).max(0.0);
        let is_low = drop > LEAST_DROP && value < self.drop_to.get() * expected;
        watch.n_low = if is_low { watch.n_low.saturating_add(1) } else { 0 };
        // How far below it is on the whole; ordinary series fall that far now and then.
        watch.lasting += (drop.min(MOST_DROP) - watch.lasting) / plan.drop_rows;
        watch.deepest.fade(plan.weight);
        let is_deep = watch.lasting > LEAST_DROP.max(DEEPER * watch.deepest.0);
        let is_drop = is_low && is_deep && f64::from(watch.n_low) >= plan.drop_rows;
        let drop_opens = Self::open(watch, DROP, is_drop && is_warm, is_low);
        if is_low {
            watch.peak = watch.peak.max(watch.lasting);
        } else {
            // A drop that is over belongs to what this series does.
            watch.deepest.learn(watch.peak);
            watch.peak = 0.0;
        }
        for (reason, score, opens) in
            [(SILENCE, silence, silence_opens), (FLAT, flat, flat_opens), (DROP, drop, drop_opens)]
        {
            if score > outlook.score {
                (outlook.score, outlook.reason) = (score, reason as u32);
            }
            outlook.alarm = if opens { outlook.alarm.max(score) } else { outlook.alarm };
        }
        outlook.score = outlook.score.min(MOST_SCORE);
        outlook.alarm = outlook.alarm.min(MOST_SCORE);
        watch.baseline.learn(known, at, value, plan.weight, CLIP, floor);
        outlook
    }

    fn heap_bytes(watch: &Watch) -> usize {
        watch.baseline.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::testing::{Shape, largest_ordinary, read};

    fn reason(got: &crate::series::testing::Got, alarm: i64) -> &'static str {
        Activity::REASONS[got.reading(alarm as usize).reason as usize]
    }

    #[test]
    fn each_kind_of_inactivity_is_one_event_with_its_reason() {
        let expect = [
            (Shape::Flat, "flat line", 8..20),
            (Shape::Share(0.3), "drop", 0..6),
            (Shape::Share(0.0), "drop", 0..6),
            (Shape::Silence, "silence", 0..1),
        ];
        for (shape, wanted, delay) in expect {
            let got = read(&Activity::default(), shape);
            let alarms = got.alarms();
            assert!(!alarms.is_empty() && alarms.len() <= 2, "{shape:?}: {alarms:?}");
            assert!(delay.contains(&alarms[0]), "{shape:?}: {alarms:?}");
            assert_eq!(reason(&got, alarms[0]), wanted, "{shape:?}");
            assert!(got.at_event() > largest_ordinary(&got), "{shape:?}: {}", largest_ordinary(&got));
        }
    }

    #[test]
    fn nothing_and_what_goes_up_opens_no_event() {
        for shape in [Shape::Nothing, Shape::Spike(30.0), Shape::Shift(10.0), Shape::Drop(8.0)] {
            assert_eq!(read(&Activity::default(), shape).alarms(), [0i64; 0], "{shape:?}");
        }
    }

    #[test]
    fn a_series_that_often_stands_still_may_go_on_doing_so() {
        let training: Vec<f32> = (0..2000).map(|idx| if idx % 50 < 40 { 0.0 } else { (idx % 13) as f32 }).collect();
        let model =
            Detector::fit(&Activity::default(), RowsView::new(&training, 1), &FitContext::default()).unwrap();
        let Model::Series(model) = model else { panic!() };
        let mut out = vec![eddy_detect::Reading::of_score(0.0); 2000];
        model.start().read(RowsView::new(&training, 1), &[], &mut out);
        let late: Vec<usize> = (100..2000).filter(|&idx| out[idx].alarm > 0.0 && out[idx].reason == 1).collect();
        assert_eq!(late, [0usize; 0]);
    }
}
