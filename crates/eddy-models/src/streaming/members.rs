//! All statistics of one column of one series, side by side.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ClockProfile, History, LeftProfile, Predictor, Records, Resolution, Resonance,
    history::STEPS,
    record::{MOST, larger, smaller},
};

/// How much a series remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// At most 4 kilobytes for each column of a series: no memory of shapes.
    Light,
    /// At most 64 kilobytes for each column of a series.
    #[default]
    Full,
}

/// One statistic: its name, and which of [`REASONS`] it stands for.
type Statistic = (&'static str, usize);

/// What the statistics say, in words that fit into a sentence.
pub const REASONS: [&str; 8] = [
    "spike",
    "unusual level",
    "unusual variability",
    "level shift",
    "flat",
    "unusual for the time of day",
    "not as predicted",
    "shape not seen before",
];

/// The statistics; the first [`N_LIGHT`] need no memory of shapes.
const STATISTICS: [Statistic; MOST] = [
    ("step", 0),
    ("step_scaled", 0),
    ("up", 1),
    ("down", 1),
    ("deviation5", 2),
    ("deviation20", 2),
    ("deviation80", 2),
    ("shift5", 3),
    ("shift20", 3),
    ("shift80", 3),
    ("calm20", 4),
    ("calm80", 4),
    ("clock_median", 5),
    ("clock_nearest", 5),
    ("residual", 6),
    ("residual_share", 6),
    ("clock_slow", 5),
    ("departure", 3),
    ("shift320", 3),
    ("profile8", 7),
    ("profile8_free", 7),
    ("profile16", 7),
    ("profile16_free", 7),
    ("profile32", 7),
    ("profile32_free", 7),
    ("profile64", 7),
    ("profile64_free", 7),
    ("novelty1", 7),
    ("novelty1_level", 7),
    ("novelty2", 7),
    ("novelty2_level", 7),
    ("novelty5", 7),
    ("novelty5_level", 7),
];
/// Statistics of the light size.
const N_LIGHT: usize = 17;
/// Where the distance from the prediction in usual errors stands.
const POINT: usize = 15;
/// Where the difference from the same time of earlier days, smoothed, stands.
const CLOCK_SLOW: usize = 16;
/// Where the least distance of three values on end from what was expected of the first stands.
const DEPARTURE: usize = 17;
/// Where the longest shift stands.
const LONG_SHIFT: usize = 18;
/// Where the distances to earlier windows stand.
const PROFILES: usize = 19;
/// Where the novelties of windows stand.
const NOVELTIES: usize = 27;
/// Statistics that are told in units of the usual spread; so are the distances to earlier windows.
const SCALED: [usize; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, CLOCK_SLOW, LONG_SHIFT];
/// Numbers that a statistic is told by: its share of the record, and its deviation from its usual level.
const TOLD: usize = 2;
/// Where the share that the distance from the prediction has of its record stands among the numbers.
pub(super) const RESIDUAL_SHARE: usize = (POINT - 1) * TOLD;
/// Numbers beside them: how far the value is outside of the range so far, the alarms of the memories of windows, and the
/// distance from the prediction in usual errors. The light size has the first and the last.
const OTHERS: [Statistic; 5] =
    [("excess", 1), ("resonance1", 7), ("resonance2", 7), ("resonance5", 7), ("point", 0)];
/// The largest distance that is told.
const FARTHEST: f32 = 12.0;

impl Size {
    /// Statistics there are.
    fn n_statistics(self) -> usize {
        match self {
            Self::Light => N_LIGHT,
            Self::Full => STATISTICS.len(),
        }
    }

    /// The numbers beside the statistics.
    fn others(self) -> Vec<Statistic> {
        match self {
            Self::Light => vec![OTHERS[0], OTHERS[OTHERS.len() - 1]],
            Self::Full => OTHERS.to_vec(),
        }
    }

    /// Numbers that a value of a series is told by.
    pub fn n_features(self) -> usize {
        self.n_statistics() * TOLD + self.others().len()
    }

    /// The names of the numbers.
    pub fn feature_names(self) -> Vec<String> {
        let told = STATISTICS[..self.n_statistics()]
            .iter()
            .flat_map(|(name, _)| [format!("{name}_ratio"), format!("{name}_z")]);
        told.chain(self.others().iter().map(|(name, _)| (*name).to_string())).collect()
    }

    /// Which of [`REASONS`] each number stands for.
    pub fn reasons(self) -> Vec<usize> {
        let told = STATISTICS[..self.n_statistics()].iter().flat_map(|(_, reason)| [*reason; TOLD]);
        told.chain(self.others().iter().map(|(_, reason)| *reason)).collect()
    }
}

/// Lags that windows are compared at.
const N_LAGS: usize = 1280;
/// Lengths of the windows.
const LENGTHS: [usize; 4] = [8, 16, 32, 64];
/// Windows of the memories in the rows they learn from first (the finest takes every value), and the most templates.
const MEMORIES: [(usize, usize); 3] = [(usize::MAX, 256), (208, 256), (104, 128)];
/// The fewest and the most rows that the memories learn from first.
const FIRST_ROWS: [usize; 2] = [100, 1000];
/// Values that the longest shift of the light size needs.
const LONGEST_SPAN: usize = 161;
/// Values of the longest shift of the full size; the history keeps more than thrice as many.
const LONG: usize = 320;
/// Values that the difference from the same time of earlier days is smoothed over.
const SLOW: f32 = 12.0;
/// Values after a change of the scale until distances from predictions say something, at most,
const UNSETTLED: u8 = 16;
/// or until one is smaller than this.
const SETTLED_BELOW: f32 = 3.0;
/// Half the width of the band of ordinary values, in usual errors.
const BAND: f32 = 4.0;
/// What rounding hides, on average, in steps of the resolution.
const ROUNDING_ERROR: f64 = 0.25;
/// So many last values that lie within
const NEAR: usize = 65;
/// so many steps of the resolution tell nothing (and a little for steps such as 0.1, which are never quite alike).
const STEPS_OF_NOTHING: f32 = 2.01;
/// Values before which a range has no outside.
const RANGE_WARM_UP: u64 = 20;

eddy_detect::wide! {
    /// The sum of the last levels, that of those before, and the sum of the squares of the last.
    fn sums(before: &[i16], last: &[i16]) -> [i32; 3] {
        let sum = |levels: &[i16]| levels.iter().map(|&level| i32::from(level)).sum();
        [sum(last), sum(before), last.iter().map(|&level| i32::from(level) * i32::from(level)).sum()]
    }

    /// The least and the greatest of some finite values.
    fn range(values: &[f32]) -> (f32, f32) {
        const LANES: usize = 8;
        let (mut lows, mut highs) = ([f32::MAX; LANES], [f32::MIN; LANES]);
        let blocks = values.chunks_exact(LANES);
        let last = values.len().saturating_sub(LANES);
        // The last block overlaps the one before.
        for block in blocks.chain([&values[last..]]) {
            for (lane, &value) in block.iter().enumerate() {
                lows[lane] = smaller(value, lows[lane]);
                highs[lane] = larger(value, highs[lane]);
            }
        }
        (lows.into_iter().fold(f32::MAX, smaller), highs.into_iter().fold(f32::MIN, larger))
    }
}

/// The statistics of one column of one series.
#[derive(Debug, Clone)]
pub struct Members {
    history: History,
    profiles: Vec<LeftProfile>,
    memories: Vec<Resonance>,
    clock: ClockProfile,
    predictor: Predictor,
    resolution: Resolution,
    /// The resolution before the newest value, in its units.
    step: f32,
    records: Records,
    distance: f32,
    /// Values until the distance says something on a new scale.
    unsettled: u8,
    /// The difference from the same time of earlier days, smoothed.
    slow: f32,
    /// What was expected of the last three values, and the usual errors then.
    ahead: [[f32; 2]; 3],
    level: f32,
    low: f32,
    high: f32,
}

/// What was expected of a value, in its units: the value, and the ends of the band of ordinary ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// The value one step ahead.
    pub value: f32,
    /// The lower end of the band.
    pub low: f32,
    /// The upper end of the band.
    pub high: f32,
}

impl Members {
    /// Members that have seen nothing. Shapes are told apart from the `first_rows`th value on. `range` is the least and
    /// greatest value that the series will have, if known.
    pub fn new(size: Size, first_rows: usize, range: Option<(f32, f32)>) -> Self {
        let first_rows = first_rows.clamp(FIRST_ROWS[0], FIRST_ROWS[1]);
        let (history, lengths, memories) = match size {
            Size::Light => (History::new(LONGEST_SPAN), &LENGTHS[..0], &MEMORIES[..0]),
            Size::Full => (History::with_sums(N_LAGS + LENGTHS[3]), &LENGTHS[..], &MEMORIES[..]),
        };
        let new_memory = |&(windows, most): &(usize, usize)| {
            Resonance::new((first_rows / windows).max(1), first_rows, most, range)
        };
        Self {
            history,
            profiles: lengths.iter().map(|&length| LeftProfile::new(length, N_LAGS)).collect(),
            memories: memories.iter().map(new_memory).collect(),
            clock: ClockProfile::default(),
            predictor: Predictor::default(),
            resolution: Resolution::default(),
            step: 0.0,
            records: Records::new(size.n_statistics()),
            distance: 0.0,
            unsettled: 0,
            slow: 0.0,
            ahead: [[0.0; 2]; 3],
            level: 0.0,
            low: range.map_or(f32::MAX, |range| range.0),
            high: range.map_or(f32::MIN, |range| range.1),
        }
    }

    /// Takes in the next value, which is finite, and writes its numbers into `out`, which has room for them. Gives what
    /// was expected of the value, once there is something to go by.
    pub fn push(&mut self, time: Option<i64>, value: f32, out: &mut [f32]) -> Option<Expected> {
        self.step = self.resolution.push(value, self.history.raw().last().copied());
        let new_scale = self.history.push(value);
        if let Some(factor) = new_scale {
            let factor = factor.clamp(1e-6, 1e6);
            self.rescale(factor);
            let before = self.history.raw().iter().rev().skip(1);
            self.predictor.rescale(before.map(|&value| self.history.scaled(value)), factor);
        }
        let mut stats = [f32::NAN; STATISTICS.len()];
        self.near(&mut stats);
        self.spans(&mut stats);
        let expected = self.clocked(time, value, &mut stats);
        stats[LONG_SHIFT] = self.long_shift().unwrap_or(f32::NAN);
        for (idx, profile) in self.profiles.iter_mut().enumerate() {
            if let Some((plain, free)) = profile.push(&self.history, new_scale.is_some()) {
                stats[PROFILES + 2 * idx] = plain;
                stats[PROFILES + 2 * idx + 1] = free;
            }
        }
        let mut alarms = [0.0; MEMORIES.len()];
        for (idx, memory) in self.memories.iter_mut().enumerate() {
            let heard = memory.push(self.history.raw(), self.history.n_seen());
            alarms[idx] = heard.alarm;
            if let Some([whole, level]) = heard.novelty {
                stats[NOVELTIES + 2 * idx] = whole;
                stats[NOVELTIES + 2 * idx + 1] = level;
            }
        }
        let (told, others) = out.split_at_mut(self.records.n_statistics() * TOLD);
        self.records.push(&stats, told);
        others[0] = self.excess(value);
        others[1..=self.memories.len()].copy_from_slice(&alarms[..self.memories.len()]);
        // On a scale that is new the usual error is not known yet.
        let point = if new_scale.is_some() || stats[POINT].is_nan() { 0.0 } else { stats[POINT] };
        others[self.memories.len() + 1] = point.min(FARTHEST);
        // The prediction may need a few values to find itself on a new scale.
        if new_scale.is_some() {
            self.unsettled = UNSETTLED;
        }
        self.distance = if self.unsettled == 0 { point } else { 0.0 };
        let is_settled = new_scale.is_none() && point < SETTLED_BELOW;
        self.unsettled = if is_settled { 0 } else { self.unsettled.saturating_sub(1) };
        expected
    }

    /// How far the newest value is from its prediction, in usual errors; 0 where that is not known.
    pub fn distance(&self) -> f32 {
        self.distance
    }

    fn rescale(&mut self, factor: f32) {
        let is_scaled = |idx: usize| SCALED.contains(&idx) || (PROFILES..NOVELTIES).contains(&idx);
        for idx in (0..self.records.n_statistics()).filter(|&idx| is_scaled(idx)) {
            self.records.rescale(idx, factor);
        }
        self.level *= factor;
        self.slow *= factor;
        // What was expected on the old scale is not comparable.
        self.ahead = [[0.0; 2]; 3];
    }

    /// Steps, and how far the value is from its long level.
    fn near(&mut self, stats: &mut [f32; STATISTICS.len()]) {
        let raw = self.history.raw();
        let n = raw.len();
        let newest = self.history.newest();
        if n >= 3 {
            stats[0] = (raw[n - 1] * 0.5 - raw[n - 2] * 0.5).abs();
            stats[1] = (newest - self.history.scaled(raw[n - 2])).abs();
            stats[2] = (newest - self.level).max(0.0);
            stats[3] = (self.level - newest).max(0.0);
        }
        let weight = 1.0 / (self.history.n_seen() as f32).min(1000.0);
        self.level += weight * (newest - self.level).clamp(-4.0, 4.0);
    }

    /// Deviations within and shifts between the last values, at three spans.
    fn spans(&self, stats: &mut [f32; STATISTICS.len()]) {
        let levels = self.history.levels();
        for (idx, span) in [5usize, 20, 80].into_iter().enumerate() {
            let Some(from) = levels.len().checked_sub(2 * span + 1) else { continue };
            let (before, last) = levels[from + 1..].split_at(span);
            let [sum, before, squares] = sums(before, last);
            let mean = sum as f32 / span as f32;
            let variance = (squares as f32 / span as f32 - mean * mean).max(0.0);
            let deviation = variance.sqrt() / STEPS;
            stats[4 + idx] = deviation;
            stats[7 + idx] = (sum - before).abs() as f32 / span as f32 / STEPS;
            if idx > 0 {
                stats[9 + idx] = 1.0 / (deviation + 0.02);
            }
        }
    }

    /// The shift of the mean of the last so many values against that of twice as many before.
    fn long_shift(&self) -> Option<f32> {
        let sums = self.history.sums();
        let begin = sums.len().checked_sub(3 * LONG + 1)?;
        let sum = |from: usize, to: usize| sums[begin + to].wrapping_sub(sums[begin + from]) as f32;
        let (before, last) = (sum(0, 2 * LONG) / (2 * LONG) as f32, sum(2 * LONG, 3 * LONG) / LONG as f32);
        Some((last - before).abs() / STEPS)
    }

    /// The least distance of the last three values, if they are on one side, from what was expected of the first, in usual
    /// errors. Takes in what is expected of the newest.
    fn departure(&mut self, expected: f32, usual_error: f32) -> Option<f32> {
        self.ahead.rotate_left(1);
        self.ahead[2] = [expected, usual_error];
        let [before, error] = self.ahead[0];
        if error <= 0.0 {
            return None;
        }
        let last = self.history.levels().iter().rev().take(3).map(|&level| f32::from(level) / STEPS - before);
        let (low, high) = last.fold((f32::MAX, f32::MIN), |(low, high), far| (low.min(far), high.max(far)));
        Some(low.max(-high).max(0.0) / (error + 1e-3))
    }

    /// Against the same time of earlier days, and against the prediction.
    fn clocked(
        &mut self,
        time: Option<i64>,
        value: f32,
        stats: &mut [f32; STATISTICS.len()],
    ) -> Option<Expected> {
        let raw = self.history.raw();
        let recent = &raw[raw.len().saturating_sub(3)..];
        let mean = recent.iter().map(|&value| self.history.scaled(value)).sum::<f32>() / recent.len() as f32;
        let mut usual = None;
        let mut week = None;
        if let Some(time) = time {
            let same = self.clock.push(time, value);
            if let Some(median) = same.median() {
                let median = self.history.scaled(median);
                usual = Some(median);
                week = same.week().map(|value| self.history.scaled(value));
                stats[12] = (mean - median).abs();
                self.slow += (self.history.newest() - median - self.slow) / SLOW;
                stats[CLOCK_SLOW] = self.slow.abs();
                // The nearest are the next below and above: only they need to be scaled.
                let here = self.history.unscaled(mean);
                let (mut below, mut above) = (f32::NEG_INFINITY, f32::INFINITY);
                for &value in same.values() {
                    below = larger(if value <= here { value } else { below }, below);
                    above = smaller(if value > here { value } else { above }, above);
                }
                // One of them is there, as there is a median.
                let distance = |value: f32| (mean - self.history.scaled(value)).abs();
                stats[13] = [below, above]
                    .into_iter()
                    .filter(|value| value.is_finite())
                    .map(distance)
                    .fold(f32::MAX, smaller);
            }
        }
        let newest = self.history.newest();
        let (expected, usual_error) = self.predictor.push(newest, usual, week);
        if self.history.n_seen() <= 30 {
            return None;
        }
        stats[DEPARTURE] = self.departure(expected, usual_error).unwrap_or(f32::NAN);
        stats[14] = (newest - expected).abs();
        let point = (newest - expected).abs() / (usual_error + 1e-3);
        stats[POINT] = point.min(self.farthest_by_rounding(value, expected));
        let width = BAND * usual_error;
        let [value, low, high] =
            [expected, expected - width, expected + width].map(|scaled| self.history.unscaled(scaled));
        Some(Expected { value, low, high })
    }

    /// How far a value can be said to be from its prediction, in usual errors: what is rounded is known to a quarter of a
    /// step, on average, and no better.
    fn farthest_by_rounding(&self, value: f32, expected: f32) -> f32 {
        if self.step <= 0.0 {
            return f32::MAX;
        }
        let far = (f64::from(value) - f64::from(self.history.unscaled(expected))).abs();
        (far / (ROUNDING_ERROR * f64::from(self.step))).min(1e30) as f32
    }

    /// Whether the last values, with the newest, lie so near to each other that nothing can be said of them: within two
    /// steps of their resolution, unless the newest fell to 0.
    pub fn is_rounding(&self) -> bool {
        let raw = self.history.raw();
        let last = &raw[raw.len().saturating_sub(NEAR)..];
        if self.step <= 0.0 || matches!(last, [.., before, newest] if *newest == 0.0 && *before != 0.0) {
            return false;
        }
        let (low, high) = range(last);
        high * 0.5 - low * 0.5 <= self.step * (0.5 * STEPS_OF_NOTHING)
    }

    /// How far the value is outside of the range so far, in widths of it, as a logarithm.
    fn excess(&mut self, value: f32) -> f32 {
        let beyond = (value * 0.5 - self.high * 0.5).max(self.low * 0.5 - value * 0.5).max(0.0);
        let width = (self.high * 0.5 - self.low * 0.5).max(1e-30);
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        if self.history.n_seen() > RANGE_WARM_UP { (beyond / width).min(1e3).ln_1p() } else { 0.0 }
    }

    /// Bytes on the heap.
    pub fn memory_bytes(&self) -> usize {
        self.history.memory_bytes()
            + self.profiles.iter().map(LeftProfile::memory_bytes).sum::<usize>()
            + self.profiles.len() * size_of::<LeftProfile>()
            + self.memories.iter().map(Resonance::memory_bytes).sum::<usize>()
            + self.memories.len() * size_of::<Resonance>()
            + self.clock.memory_bytes()
            + self.records.memory_bytes()
    }
}
