//! The ensemble for series.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, LoadError, Model, ModelKind, ParamError, Positive, Reading, ScoreScale,
    SectionReader, SectionWriter, SeriesModel, SeriesScorer,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    columns::finite,
    streaming::{Events, Expected, Fusion, Members, REASONS, Size, Spikes, Surprise, Surprises, Trail},
};

/// Where the least and the greatest value of a column come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RangeSource {
    /// From what the series itself showed so far: nothing of the future is known.
    #[default]
    Running,
    /// From the rows it was fitted on. Where those are the rows that are scored, this looks ahead.
    Fitted,
}

/// Ensemble for series: many small statistics of each column, weighed by what they were worth on labelled series.
///
/// Each column of a series keeps its own statistics: steps, levels, deviations and shifts at several spans, stretches that
/// are too calm, the difference from the same time of earlier days and from a linear prediction, the distance to the
/// nearest earlier window at four lengths, and how badly the newest window fits into templates of those before, at three
/// strides. Each is measured by its own past only: against its decayed record, and against its usual level. A weighted sum
/// of these, with weights that are all at least 0, is what both outputs are made of. The score, for ranking and plots, is the
/// sum smoothed and slow to fall, and higher where the row itself stands out; the row's is that of its strangest column.
/// Events are opened where the sum of the row is beyond the threshold, with a pause after each and a price that grows
/// with every recent one; a single value far from its prediction opens one by itself, unless that happens at the same
/// time every day, and so does a value that stands still for longer than it ever did and than its repetitions before make
/// likely. Values that lie within two steps of their resolution (whole per cents, say) open none.
///
/// Score range: a surprise from 0 upwards, 3 for what one in a thousand ordinary rows of the training series reaches.
/// Input: rows of a series in order of time; times make it see the time of day. A missing value is as surprising as
/// missing values have been rare in the column. Blind to: slow drifts; what was odd from the start; odd combinations of
/// columns that are ordinary each. Cost: fit `O(1)`; score `O(d)` per row, some microseconds for a column of the
/// full size; memory at most 64 KB for each column of a series (4 KB for the light size). Warm-up: 20 rows before
/// there is a score, `warm_up` before there is an event, `span` before shapes are judged.
///
/// Source: ours; the members are described in their own files. The weights are learned from labelled public series with
/// `bench/series_ensemble/fit.py`, which names them, so that windows of anomalies, not points, are told from ordinary
/// stretches (Dietterich et al., "Solving the multiple instance problem", 1997).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeriesEnsemble {
    /// How much memory each column of a series may take.
    pub size: Size,
    /// Where the least and the greatest value of a column come from.
    pub range: RangeSource,
    /// Use weights that were learned without the Numenta files of this group (0 to 7), so that those can be judged
    /// fairly. Nothing means the weights learned from all.
    pub without: Option<u8>,
    /// Which deal of the Numenta files into groups `without` goes by: the seed of the deal, 1 to 3.
    pub fold_seed: u8,
    /// Surprise above which a row opens an event. For rows that come more often than every quarter of an hour it is
    /// raised in proportion. The default is for few events: at most one a month in noise and season. A lower one finds more
    /// of the subtle ones, at the price of more false ones.
    pub threshold: Positive,
    /// Rows at the start of a series that open no event.
    pub warm_up: Count,
    /// Rows that show what is usual: shapes are judged after so many (100 to 1000), and the pause after an event is a fifth
    /// of them.
    pub span: Count,
}

impl Default for SeriesEnsemble {
    fn default() -> Self {
        Self {
            size: Size::Full,
            range: RangeSource::Running,
            without: None,
            fold_seed: 1,
            threshold: Positive::new(1.73),
            warm_up: Count::new(100),
            span: Count::new(600),
        }
    }
}

const GROUPS: &str = "without is a group of files from 0 to 7, fold_seed a deal from 1 to 3";

/// Where "flat" stands among the reasons.
const STANDING_REASON: usize = 4;

/// Reasons: those of the statistics, and one more.
const WORDS: [&str; REASONS.len() + 1] = {
    let mut words = ["missing"; REASONS.len() + 1];
    let mut idx = 0;
    while idx < REASONS.len() {
        words[idx] = REASONS[idx];
        idx += 1;
    }
    words
};

impl Detector for SeriesEnsemble {
    const ABOUT: About = About {
        name: "series_ensemble",
        title: "Series ensemble",
        kind: ModelKind::Series,
        summary: "Many small statistics of each column of a series, each measured by its own past, weighed by what they were worth on labelled series.",
        blind_to: "Slow drifts; what was odd from the start; odd combinations of columns that are ordinary each.",
        cost: "Fit O(1); score O(d) per row, microseconds a column; memory at most 64 KB per column of a series (light: 4 KB).",
        source: "Ours; weights learned from labelled public series, see bench/series_ensemble.",
        natural_threshold: None,
    };

    const SCALE: ScoreScale = ScoreScale::Surprise;
    const TAKES_MISSING: bool = true;

    fn fit(&self, rows: RowsView<'_>, _: &FitContext<'_>) -> Result<Model, FitError> {
        let mut ranges = vec![(f32::MAX, f32::MIN); rows.n_cols()];
        for row in rows.iter() {
            for (range, &value) in ranges.iter_mut().zip(row) {
                if !value.is_nan() {
                    *range = (range.0.min(finite(value)), range.1.max(finite(value)));
                }
            }
        }
        let ranges = ranges.into_iter().map(|range| if range.0 <= range.1 { range } else { (0.0, 0.0) });
        let fusion = self.fusion().ok_or_else(|| ParamError::Invalid {
            detector: Self::ABOUT.name.into(),
            reason: GROUPS.into(),
        })?;
        Ok(Model::Series(Arc::new(SeriesEnsembleModel { params: self.clone(), ranges: ranges.collect(), fusion })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let params: Self = section.value("params")?;
        let lows = checked::f32_range(section, "lows", n_features)?;
        let highs = checked::f32_range(section, "highs", n_features)?;
        if lows.iter().zip(&highs).any(|(low, high)| low > high) {
            return Err(LoadError::content("lows", "are above highs"));
        }
        let ranges = lows.iter().zip(&highs).map(|(&low, &high)| (low as f32, high as f32)).collect();
        let fusion = Fusion::load(&section.part("fusion"), params.size)?;
        Ok(Model::Series(Arc::new(SeriesEnsembleModel { params, ranges, fusion })))
    }

    fn check(&self) -> Result<(), String> {
        if self.without.is_some_and(|group| group > 7) || !(1..=3).contains(&self.fold_seed) {
            return Err(GROUPS.into());
        }
        Ok(())
    }
}

impl SeriesEnsemble {
    fn fusion(&self) -> Option<Fusion> {
        Fusion::shipped(self.size, self.range == RangeSource::Fitted, self.without.map(|group| (self.fold_seed, group)))
    }
}

/// A fitted [`SeriesEnsemble`].
#[derive(Debug)]
struct SeriesEnsembleModel {
    params: SeriesEnsemble,
    ranges: Vec<(f32, f32)>,
    fusion: Fusion,
}

impl SeriesModel for SeriesEnsembleModel {
    fn n_features(&self) -> usize {
        self.ranges.len()
    }

    fn start(self: Arc<Self>) -> Box<dyn SeriesScorer> {
        let is_known = self.params.range == RangeSource::Fitted;
        let (size, span) = (self.params.size, self.params.span.get());
        let new = |range: &(f32, f32)| Column {
            members: Members::new(size, span, is_known.then_some(*range)),
            n_missing: 0,
            n_seen: 0,
            standing: Standing::default(),
            trail: Trail::default(),
            spikes: Spikes::default(),
        };
        let columns = self.ranges.iter().map(new).collect();
        let numbers = vec![0.0; self.fusion.n_numbers()];
        let cost_of_choice = (self.ranges.len() as f64).log10();
        let events = Events::new(self.params.span.get());
        Box::new(Scorer { model: self, columns, numbers, events, cost_of_choice })
    }

    fn reasons(&self) -> &[&'static str] {
        &WORDS
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.ranges.len());
        section.value("params", &self.params);
        let (lows, highs): (Vec<f64>, Vec<f64>) =
            self.ranges.iter().map(|range| (f64::from(range.0), f64::from(range.1))).unzip();
        section.f64("lows", &lows);
        section.f64("highs", &highs);
        self.fusion.save(&mut section.part("fusion"));
    }
}

/// What one column of one series did so far.
struct Column {
    members: Members,
    n_missing: u32,
    n_seen: u32,
    standing: Standing,
    trail: Trail,
    spikes: Spikes,
}

/// Rows of one and the same value, how long such runs were before, and how often values are repeated.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    bits: u32,
    run: u32,
    longest: u32,
    n_repeats: u32,
    /// Of the run: what each repetition is by how often values were repeated before, added up.
    surprise: f32,
    /// Rows since the run became an event, from 1 on.
    since: u8,
}

/// A run of equal values is an event when it is so many times as long as any before,
const STANDING_TIMES: u32 = 3;
/// and has at least so many rows,
const STANDING_ROWS: u32 = 8;
/// and the series was known for so many times as many,
const STANDING_KNOWN: u32 = 12;
/// and is as surprising as this: more than any threshold asks, as it happens once.
const STANDING_SURPRISE: f64 = 8.0;

impl Standing {
    /// Sees the next value, the row `n_seen` from 1 on; says whether a run has just become an event.
    fn push(&mut self, value: f32, n_seen: u32) -> bool {
        if value.to_bits() == self.bits && n_seen > 1 {
            self.run = self.run.saturating_add(1);
            // The share of repetitions that is to be expected after so many, from the second row of the series on.
            let share = (self.n_repeats as f32 + 0.5) / (n_seen as f32 - 1.0);
            self.surprise -= share.log10();
            self.n_repeats = self.n_repeats.saturating_add(1);
        } else {
            self.longest = self.longest.max(self.run);
            (self.bits, self.run) = (value.to_bits(), 1);
            (self.surprise, self.since) = (0.0, 0);
        }
        let limit = self.longest.saturating_mul(STANDING_TIMES).max(STANDING_ROWS);
        let is_long = self.run >= limit && n_seen > limit.saturating_mul(STANDING_KNOWN);
        if self.since > 0 || is_long && f64::from(self.surprise) >= STANDING_SURPRISE {
            self.since = self.since.saturating_add(1);
        }
        // A pause after another event may swallow the first of these rows.
        (1..=3).contains(&self.since)
    }
}

/// Where "spike" stands among the reasons.
const SPIKE_REASON: usize = 0;

/// What one column makes of one value.
struct Finding {
    surprises: Surprises,
    /// How surprising the value is by itself, if it is a spike.
    sudden: f64,
    reason: usize,
    expected: Option<Expected>,
}

impl Column {
    fn push(&mut self, time: Option<i64>, value: f32, fusion: &Fusion, numbers: &mut [f32]) -> Finding {
        self.n_seen = self.n_seen.saturating_add(1);
        if value.is_nan() {
            self.n_missing = self.n_missing.saturating_add(1);
            let surprise = ((f64::from(self.n_seen) + 1.0) / f64::from(self.n_missing)).log10();
            let surprises = Surprises { dense: surprise, event: 0.0 };
            return Finding { surprises, sudden: 0.0, reason: REASONS.len(), expected: None };
        }
        let value = finite(value);
        let expected = self.members.push(time, value, numbers);
        let mut surprises = fusion.surprises(numbers, &mut self.trail);
        let is_rounding = self.members.is_rounding();
        if is_rounding {
            surprises.event = 0.0;
        }
        let spike = self.spikes.push(time, if is_rounding { 0.0 } else { self.members.distance() });
        let reason = if self.standing.push(value, self.n_seen) {
            surprises.event = surprises.event.max(STANDING_SURPRISE);
            STANDING_REASON
        } else if spike.is_some() {
            SPIKE_REASON
        } else {
            fusion.reason(numbers)
        };
        Finding { surprises, sudden: spike.unwrap_or(0.0), reason, expected }
    }
}

struct Scorer {
    model: Arc<SeriesEnsembleModel>,
    columns: Vec<Column>,
    numbers: Vec<f32>,
    events: Events,
    cost_of_choice: f64,
}

impl Scorer {
    fn read_row(&mut self, time: Option<i64>, row: &[f32]) -> Reading {
        let mut reading = Reading { score: -1.0, ..Reading::of_score(0.0) };
        let mut opening = reading;
        let (mut event, mut sudden, mut most) = (0.0f64, 0.0f64, -1.0f64);
        for (idx, (column, &value)) in self.columns.iter_mut().zip(row).enumerate() {
            let finding = column.push(time, value, &self.model.fusion, &mut self.numbers);
            event = event.max(finding.surprises.event);
            sudden = sudden.max(finding.sudden);
            let strongest = finding.surprises.event.max(finding.sudden);
            if strongest > most {
                most = strongest;
                tell(&mut opening, idx, &finding);
            }
            if finding.surprises.dense > reading.score {
                reading.score = finding.surprises.dense;
                tell(&mut reading, idx, &finding);
            }
        }
        reading.score = (reading.score - self.cost_of_choice).max(0.0);
        let params = &self.model.params;
        let alone = |surprise: f64| (surprise - self.cost_of_choice).max(0.0);
        let threshold = params.threshold.get();
        let surprise = Surprise { event: alone(event), sudden: alone(sudden) };
        let height = self.events.push(time, surprise, threshold, params.warm_up.get() as u64);
        if height > 0.0 {
            // An event is told by the column that opened it.
            reading = Reading { score: reading.score, ..opening };
        }
        reading.alarm = if height > 0.0 { threshold + height } else { height };
        reading
    }
}

/// Makes a reading tell of a column.
fn tell(reading: &mut Reading, column: usize, finding: &Finding) {
    reading.column = column as u32;
    reading.reason = finding.reason as u32;
    let nothing = Expected { value: f32::NAN, low: f32::NAN, high: f32::NAN };
    let expected = finding.expected.unwrap_or(nothing);
    (reading.expected, reading.low, reading.high) = (expected.value, expected.low, expected.high);
}

impl SeriesScorer for Scorer {
    fn score(&mut self, rows: RowsView<'_>, times: &[i64], out: &mut [f64]) {
        for (idx, (row, score)) in rows.iter().zip(out).enumerate() {
            *score = self.read_row(times.get(idx).copied(), row).score;
        }
    }

    fn read(&mut self, rows: RowsView<'_>, times: &[i64], out: &mut [Reading]) {
        for (idx, (row, reading)) in rows.iter().zip(out).enumerate() {
            *reading = self.read_row(times.get(idx).copied(), row);
        }
    }

    fn memory_bytes(&self) -> usize {
        let columns = self.columns.iter().map(|column| size_of::<Column>() + column.members.memory_bytes());
        size_of::<Self>() + size_of_val(self.numbers.as_slice()) + columns.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE_MINUTES: i64 = 300_000_000_000;

    /// Some days of a daily season with a little noise from a formula, at every five minutes.
    fn season(n: usize) -> (Vec<f32>, Vec<i64>) {
        let noise = |idx: usize| ((idx * idx * 7 + idx * 13) % 1009) as f32 / 1009.0 - 0.5;
        let value = |idx: usize| (idx as f32 / 288.0 * std::f32::consts::TAU).sin() * 30.0 + 100.0 + 8.0 * noise(idx);
        ((0..n).map(value).collect(), (0..n as i64).map(|idx| idx * FIVE_MINUTES).collect())
    }

    fn readings(params: &SeriesEnsemble, values: &[f32], times: &[i64]) -> Vec<Reading> {
        let rows = RowsView::new(values, 1);
        let Ok(Model::Series(model)) = params.fit(rows, &FitContext::default()) else { panic!("no series model") };
        let mut out = vec![Reading::of_score(0.0); values.len()];
        model.start().read(rows, times, &mut out);
        out
    }

    #[test]
    fn a_spike_opens_one_event_that_says_so() {
        let (mut values, times) = season(1500);
        values[1400] += 120.0;
        let out = readings(&SeriesEnsemble::default(), &values, &times);
        let opened: Vec<usize> = (0..1500).filter(|&idx| out[idx].alarm > 0.0).collect();
        assert_eq!(opened, [1400]);
        let reading = out[1400];
        assert!(reading.low < reading.expected && reading.expected < reading.high);
        assert!(values[1400] > reading.high, "{reading:?}");
        assert!((values[1399] - out[1399].expected).abs() < 10.0, "{:?}", out[1399]);
    }

    #[test]
    fn a_port_that_goes_down_and_comes_back_is_told_of_each_time() {
        // Polled every ten seconds; 24 ports, of which one goes down.
        let n_ports = 24;
        let noise = |idx: usize| ((idx * idx * 7 + idx * 13) % 1009) as f32 / 1009.0 - 0.5;
        let is_down = |row: usize| (300..500).contains(&row) || (700..900).contains(&row);
        let value = |row: usize, port: usize| {
            if port == 7 && is_down(row) { 0.0 } else { 1e6 * (1.0 + 0.05 * noise(row * n_ports + port)) }
        };
        let values: Vec<f32> =
            (0..1100 * n_ports).map(|place| value(place / n_ports, place % n_ports)).collect();
        let times: Vec<i64> = (0..1100).map(|row| row * 10_000_000_000).collect();
        let rows = RowsView::new(&values, n_ports);
        let Ok(Model::Series(model)) = SeriesEnsemble::default().fit(rows, &FitContext::default()) else {
            panic!("no series model")
        };
        let mut out = vec![Reading::of_score(0.0); 1100];
        model.start().read(rows, &times, &mut out);
        let opened: Vec<(usize, u32)> =
            (0..1100).filter(|&row| out[row].alarm > 0.0).map(|row| (row, out[row].column)).collect();
        assert_eq!(opened, [(300, 7), (500, 7), (700, 7), (900, 7)]);
    }

    #[test]
    fn a_season_with_noise_opens_no_event() {
        let (values, times) = season(2500);
        for size in [Size::Full, Size::Light] {
            let out = readings(&SeriesEnsemble { size, ..SeriesEnsemble::default() }, &values, &times);
            let opened = out.iter().filter(|reading| reading.alarm > 0.0).count();
            assert_eq!(opened, 0, "{size:?}");
        }
    }

    #[test]
    fn whole_per_cents_that_move_by_one_step_open_no_event_but_a_true_spike_does() {
        // A processor at 4 %, now and then at 5 or 3, every ten seconds; it stands at 4 for long.
        let noise = |idx: usize| (idx * idx * 7 + idx * 13) % 1009;
        let value = |idx: usize| match noise(idx) {
            _ if (700..850).contains(&idx) => 4.0,
            0..15 => 5.0,
            15..20 => 3.0,
            _ => 4.0,
        };
        let mut values: Vec<f32> = (0..1500).map(value).collect();
        let times: Vec<i64> = (0..1500).map(|row| row * 10_000_000_000).collect();
        assert!(values.contains(&5.0) && values.contains(&3.0));
        let opened = |values: &[f32]| -> Vec<usize> {
            let out = readings(&SeriesEnsemble::default(), values, &times);
            (0..1500).filter(|&row| out[row].alarm > 0.0).collect()
        };
        assert_eq!(opened(&values), [0usize; 0]);
        values[1400] = 60.0;
        assert_eq!(opened(&values), [1400]);
        values[1400] = 0.0;
        assert_eq!(opened(&values), [1400]);
    }

    #[test]
    fn a_series_that_stands_still_opens_an_event_within_an_hour() {
        let (mut values, times) = season(2500);
        let held = values[2000];
        values[2000..2100].fill(held);
        let out = readings(&SeriesEnsemble::default(), &values, &times);
        let opened = (0..2500).find(|&idx| out[idx].alarm > 0.0);
        assert!(opened.is_some_and(|row| (2003..=2012).contains(&row)), "{opened:?}");
        assert_eq!(WORDS[STANDING_REASON], "flat");
    }

    #[test]
    fn the_future_changes_no_bit_of_the_past() {
        let (values, times) = season(800);
        let mut other = values.clone();
        other[500..].iter_mut().for_each(|value| *value = -*value);
        let (one, other) =
            (readings(&SeriesEnsemble::default(), &values, &times), readings(&SeriesEnsemble::default(), &other, &times));
        for idx in 0..500 {
            assert_eq!(one[idx].score.to_bits(), other[idx].score.to_bits(), "{idx}");
            assert_eq!(one[idx].alarm.to_bits(), other[idx].alarm.to_bits(), "{idx}");
        }
        assert!((500..800).any(|idx| one[idx].score != other[idx].score));
    }

    #[test]
    fn a_missing_value_is_named_and_the_memory_stays_within_bounds() {
        let (mut values, times) = season(700);
        values[650] = f32::NAN;
        let out = readings(&SeriesEnsemble::default(), &values, &times);
        assert_eq!(WORDS[out[650].reason as usize], "missing");
        assert!(out[650].score > 2.0 && out[650].alarm == 0.0);
        for (size, most) in [(Size::Full, 64 * 1024), (Size::Light, 4 * 1024)] {
            let params = SeriesEnsemble { size, ..SeriesEnsemble::default() };
            let Ok(Model::Series(model)) = params.fit(RowsView::new(&values, 1), &FitContext::default()) else {
                panic!("no series model")
            };
            let bytes = model.start().memory_bytes();
            assert!(bytes <= most, "{size:?}: {bytes}");
        }
    }

    #[test]
    fn the_column_that_did_it_is_named() {
        let (one, times) = season(900);
        let mut values: Vec<f32> = one.iter().flat_map(|&value| [value, 200.0 - value]).collect();
        values[2 * 850 + 1] += 150.0;
        let rows = RowsView::new(&values, 2);
        let Ok(Model::Series(model)) = SeriesEnsemble::default().fit(rows, &FitContext::default()) else {
            panic!("no series model")
        };
        let mut out = vec![Reading::of_score(0.0); 900];
        model.start().read(rows, &times, &mut out);
        assert_eq!(out[850].column, 1);
        assert!(out[850].score > out[849].score);
    }
}
