//! Detectors that look at each column of a series for itself: fitting, scoring, saving.

use std::ops::Range;
use std::sync::Arc;

use eddy_detect::{
    Detector, FitContext, FitError, LoadError, Model, Reading, RowModel, SectionReader, SectionWriter, Seed,
    SeriesModel, SeriesScorer, Span,
};
use eddy_frame::RowsView;
use rayon::prelude::*;

use super::periodicity::season_of;
use super::season::{Cycle, MOST_SLOTS, profile};
use crate::{
    checked,
    columns::{column, finite},
    robust_scale::RobustScale,
};

/// How far apart rows are taken to be when nothing says so.
const INTERVAL: i64 = 300_000_000_000;
/// The longest interval: a year.
const LONGEST_INTERVAL: i64 = 365 * 86_400_000_000_000;

/// One row of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    /// Rows of the series before this one.
    pub(crate) idx: u64,
    /// Nanoseconds since the epoch; without times, as if the series had begun there.
    pub(crate) time_ns: i64,
    /// Nanoseconds since the row before; 0 in the first row.
    pub(crate) since_ns: i64,
    /// Whether the value was there; if not, it counts as a very large one.
    pub(crate) is_missing: bool,
}

/// What a detector makes of one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outlook {
    pub(crate) score: f64,
    /// Score of the event that begins here, or 0.
    pub(crate) alarm: f64,
    pub(crate) expected: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Index into [`Method::REASONS`].
    pub(crate) reason: u32,
}

impl Outlook {
    /// A score, and nothing that was expected.
    pub(crate) fn of_score(score: f64) -> Self {
        Self { score, alarm: 0.0, expected: f64::NAN, low: f64::NAN, high: f64::NAN, reason: 0 }
    }

    /// A score, with an expected value and the reach of ordinary values to both sides of it.
    pub(crate) fn around(score: f64, expected: f64, reach: f64) -> Self {
        Self { expected, low: expected - reach, high: expected + reach, ..Self::of_score(score) }
    }
}

/// What was learned of one column from the training rows.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) scale: RobustScale,
    /// The season, if there is one.
    pub(crate) cycle: Option<Cycle>,
    /// [`Method::WIDTH`] numbers per slot of the season, if they could be learned.
    pub(crate) profile: Vec<f32>,
    /// Training rows in each slot.
    pub(crate) n_visits: f64,
    /// Numbers of the method's own: [`Method::N_TUNED`] of them.
    pub(crate) tuned: Vec<f64>,
    /// A model of rows that the method makes of what it sees, if it does so.
    pub(crate) inner: Option<Arc<dyn RowModel>>,
}

/// Training rows of one column.
pub(crate) struct Past<'a> {
    pub(crate) times: &'a [i64],
    pub(crate) values: &'a [f32],
    /// Where each series lies.
    pub(crate) series: &'a [Range<usize>],
    pub(crate) interval_ns: i64,
    /// Whether the times are real; if not, each series begins at 0 and goes on interval by interval.
    pub(crate) has_clock: bool,
    /// Where random choices about this column start.
    pub(crate) seed: Seed,
}

/// Which season a detector takes into account.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum SeasonRule {
    /// None at all.
    Ignored,
    /// The one that is found in the training rows, if there is one.
    Found,
    /// One of a given length.
    Given(Span),
}

impl SeasonRule {
    /// The one that is set, or else the one that is found.
    pub(crate) fn of(set: Option<Span>) -> Self {
        set.map_or(Self::Found, Self::Given)
    }
}

/// A detector that looks at each column of a series for itself; the column with the largest score counts.
pub(crate) trait Method: Detector {
    /// What follows from the parameters and the interval between rows.
    type Plan: Send + Sync;
    /// What one column of one series remembers.
    type Memory: Send;
    /// What can have made a score.
    const REASONS: &'static [&'static str] = &[];
    /// Whether it says itself where an event begins.
    const HAS_EVENTS: bool = false;
    /// Numbers per slot of a season that are learned from the training rows.
    const WIDTH: usize = 1;
    /// Numbers of its own that are learned from the training rows.
    const N_TUNED: usize = 0;

    /// Which season to look for: none at all, the one that is found, or one of a given length.
    fn season(&self) -> SeasonRule {
        SeasonRule::Ignored
    }

    /// The most slots of a season of that length.
    fn most_slots(&self, _length_ns: i64) -> usize {
        MOST_SLOTS
    }

    /// Learns numbers of its own; the season is known already.
    fn learn(&self, _past: &Past<'_>, _known: &mut Known) -> Result<(), FitError> {
        Ok(())
    }

    /// Reads the inner model that [`Method::learn`] made, if it makes one.
    fn load_inner(_section: &SectionReader<'_>) -> Result<Option<Arc<dyn RowModel>>, LoadError> {
        Ok(None)
    }

    /// Learns the numbers per slot of the season from one series.
    fn learn_profile(&self, past: &Past<'_>, cycle: &Cycle) -> Option<(Vec<f32>, f64)> {
        let deviations = beside_level(past, cycle);
        profile(cycle, past.times, &deviations)
    }

    fn plan(&self, interval_ns: i64) -> Self::Plan;

    /// The memory of a series that has not begun: all that it will ever need.
    fn begin(&self, plan: &Self::Plan, known: &Known) -> Self::Memory;

    /// Scores the next value, and takes it in.
    fn step(
        &self,
        plan: &Self::Plan,
        known: &Known,
        memory: &mut Self::Memory,
        at: &Moment,
        value: f64,
    ) -> Outlook;

    /// Bytes that the memory holds beside the struct itself.
    fn heap_bytes(_memory: &Self::Memory) -> usize {
        0
    }
}

/// The usual time between rows of the same series: the middle one of those above 0; five minutes where there are none.
fn interval_of(times: Option<&[i64]>, series: &[Range<usize>]) -> i64 {
    let Some(times) = times else { return INTERVAL };
    let pairs = series.iter().flat_map(|range| times[range.clone()].windows(2));
    let mut steps: Vec<i64> =
        pairs.map(|pair| pair[1].saturating_sub(pair[0])).filter(|&step| step > 0).collect();
    if steps.is_empty() {
        return INTERVAL;
    }
    let middle = steps.len() / 2;
    (*steps.select_nth_unstable(middle).1).min(LONGEST_INTERVAL)
}

/// Where each series lies among the training rows.
fn by_series(context: &FitContext<'_>, n_rows: usize) -> Vec<Range<usize>> {
    let mut start = 0;
    let ends =
        if context.series_ends.is_empty() { std::slice::from_ref(&n_rows) } else { context.series_ends };
    ends.iter().map(|&end| std::mem::replace(&mut start, end)..end).collect()
}

/// Values beside their running mean over one season, centred; wild values are clipped first.
fn beside_level(past: &Past<'_>, cycle: &Cycle) -> Vec<f64> {
    let scale = RobustScale::of(past.values);
    let most = 5.0 * scale.scale;
    let values: Vec<f64> =
        past.values.iter().map(|&value| (f64::from(value) - scale.center).clamp(-most, most)).collect();
    let mut sums = vec![0.0; values.len() + 1];
    for (idx, value) in values.iter().enumerate() {
        sums[idx + 1] = sums[idx] + value;
    }
    let n = (cycle.length_ns as f64 / past.interval_ns as f64).round() as usize;
    let around = |idx: usize| {
        // At the ends, the first and the last whole season.
        let start = idx.saturating_sub(n / 2).min(values.len().saturating_sub(n));
        let end = (start + n).min(values.len());
        (sums[end] - sums[start]) / (end - start) as f64
    };
    (0..values.len()).map(|idx| values[idx] - around(idx)).collect()
}

/// Fits a detector on all columns.
pub(crate) fn fit<M: Method>(
    method: &M,
    rows: RowsView<'_>,
    context: &FitContext<'_>,
) -> Result<Model, FitError> {
    let series = by_series(context, rows.n_rows());
    let interval_ns = interval_of(context.times, &series);
    let pretended: Vec<i64>;
    let times = if let Some(times) = context.times {
        times
    } else {
        let count = |range: &Range<usize>| (0..range.len() as i64).map(|idx| idx.saturating_mul(interval_ns));
        pretended = series.iter().flat_map(count).collect();
        &pretended
    };
    let columns = (0..rows.n_cols()).into_par_iter().map(|col_idx| {
        let values = column(rows, col_idx);
        let seed = context.seed.part(col_idx as u64);
        let past = Past {
            times,
            values: &values,
            series: &series,
            interval_ns,
            has_clock: context.times.is_some(),
            seed,
        };
        let mut known = Known {
            scale: scale_of(rows, col_idx),
            cycle: None,
            profile: Vec::new(),
            n_visits: 0.0,
            tuned: vec![0.0; M::N_TUNED],
            inner: None,
        };
        learn_season(method, &past, &mut known);
        method.learn(&past, &mut known)?;
        Ok(known)
    });
    let columns = columns.collect::<Result<Vec<_>, FitError>>()?;
    Ok(Model::Series(Arc::new(PerColumn {
        plan: method.plan(interval_ns),
        method: method.clone(),
        interval_ns,
        columns,
    })))
}

/// The scale of a column's values, those that are missing left out.
fn scale_of(rows: RowsView<'_>, col_idx: usize) -> RobustScale {
    let there: Vec<f32> = rows.iter().map(|row| row[col_idx]).filter(|value| value.is_finite()).collect();
    RobustScale::of(if there.is_empty() { &[0.0] } else { &there })
}

fn learn_season<M: Method>(method: &M, past: &Past<'_>, known: &mut Known) {
    let Some(longest) = past.series.iter().max_by_key(|range| range.len()).cloned() else { return };
    let length = match method.season() {
        SeasonRule::Ignored => return,
        SeasonRule::Given(span) => Some(span.ns(past.interval_ns)),
        SeasonRule::Found => {
            let range = longest.clone();
            season_of(&past.times[range.clone()], &past.values[range], past.interval_ns, past.has_clock)
        }
    };
    let start = past.times.get(longest.start).copied().unwrap_or(0);
    known.cycle =
        length.and_then(|length| Cycle::new(length, start, past.interval_ns, method.most_slots(length)));
    // Series of different size have no pattern in common: each learns its own.
    if let (Some(cycle), 1) = (&known.cycle, past.series.len())
        && let Some((profile, n_visits)) = method.learn_profile(past, cycle)
    {
        known.profile = profile;
        known.n_visits = n_visits;
    }
}

/// Reads what [`PerColumn::save`] wrote.
pub(crate) fn load<M: Method>(section: &SectionReader<'_>) -> Result<Model, LoadError> {
    let n_features = checked::n_features(section)?;
    let method: M = section.value("params")?;
    method.check().map_err(|reason| LoadError::content("params", reason))?;
    let interval_ns: i64 = section.value("interval_ns")?;
    if !(1..=LONGEST_INTERVAL).contains(&interval_ns) {
        return Err(LoadError::content("interval_ns", "is no interval"));
    }
    let scales = RobustScale::load_all(section, n_features)?;
    let n_visits = checked::floats(section, "n_visits", n_features)?;
    let tuned = checked::f32_range(section, "tuned", n_features * M::N_TUNED)?;
    let cycles: Vec<Option<Cycle>> = section.value("cycles")?;
    checked::check_len("cycles", cycles.len(), n_features)?;
    let (profiles, lengths) = (section.f32("profile")?, section.u32("profile_len")?);
    checked::check_len("profile_len", lengths.len(), n_features)?;
    if !profiles.iter().all(|value| value.is_finite()) {
        return Err(LoadError::content("profile", "holds a number that is not finite"));
    }
    let mut columns = Vec::with_capacity(n_features);
    let mut rest = profiles;
    for (col_idx, &length) in lengths.iter().enumerate() {
        let cycle = cycles[col_idx];
        cycle.iter().try_for_each(Cycle::check)?;
        let n_slots = cycle.map_or(0, |cycle| cycle.n_slots);
        let length = length as usize;
        if length > rest.len() || (length > 0 && length != n_slots * M::WIDTH) {
            return Err(LoadError::content("profile_len", "does not fit the season"));
        }
        let (profile, after) = rest.split_at(length);
        rest = after;
        columns.push(Known {
            scale: scales[col_idx],
            cycle,
            profile: profile.to_vec(),
            n_visits: n_visits[col_idx],
            tuned: tuned[col_idx * M::N_TUNED..(col_idx + 1) * M::N_TUNED].to_vec(),
            inner: M::load_inner(&section.part(&format!("column{col_idx}")))?,
        });
    }
    checked::check_len("profile", profiles.len(), profiles.len() - rest.len())?;
    Ok(Model::Series(Arc::new(PerColumn { plan: method.plan(interval_ns), method, interval_ns, columns })))
}

/// A fitted [`Method`].
struct PerColumn<M: Method> {
    method: M,
    plan: M::Plan,
    /// Usual time between rows.
    interval_ns: i64,
    columns: Vec<Known>,
}

impl<M: Method> SeriesModel for PerColumn<M> {
    fn n_features(&self) -> usize {
        self.columns.len()
    }

    fn start(self: Arc<Self>) -> Box<dyn SeriesScorer> {
        let memories = self.columns.iter().map(|known| self.method.begin(&self.plan, known)).collect();
        Box::new(PerColumnScorer { clock: Clock::default(), memories, model: self })
    }

    fn reasons(&self) -> &[&'static str] {
        M::REASONS
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        let numbers =
            |of: fn(&Known) -> &Vec<f64>| self.columns.iter().flat_map(of).copied().collect::<Vec<f64>>();
        section.value("n_features", &self.columns.len());
        section.value("params", &self.method);
        section.value("interval_ns", &self.interval_ns);
        section.value("cycles", &self.columns.iter().map(|known| known.cycle).collect::<Vec<_>>());
        RobustScale::save_all(&self.columns.iter().map(|known| known.scale).collect::<Vec<_>>(), section);
        section.f64("n_visits", &self.columns.iter().map(|known| known.n_visits).collect::<Vec<_>>());
        section.f64("tuned", &numbers(|known| &known.tuned));
        section.f32(
            "profile",
            &self.columns.iter().flat_map(|known| &known.profile).copied().collect::<Vec<_>>(),
        );
        section.u32(
            "profile_len",
            &self.columns.iter().map(|known| known.profile.len() as u32).collect::<Vec<_>>(),
        );
        for (col_idx, known) in self.columns.iter().enumerate() {
            if let Some(inner) = &known.inner {
                inner.save(&mut section.part(&format!("column{col_idx}")));
            }
        }
    }
}

/// Where a series is in time.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    n_seen: u64,
    latest_ns: i64,
}

impl Clock {
    /// The moment of the next row.
    fn next(&mut self, time: Option<i64>, interval_ns: i64) -> Moment {
        let time_ns = time.unwrap_or_else(|| (self.n_seen as i64).saturating_mul(interval_ns));
        let since_ns = if self.n_seen == 0 { 0 } else { time_ns.saturating_sub(self.latest_ns).max(0) };
        let moment = Moment { idx: self.n_seen, time_ns, since_ns, is_missing: false };
        self.n_seen += 1;
        self.latest_ns = time_ns;
        moment
    }
}

struct PerColumnScorer<M: Method> {
    model: Arc<PerColumn<M>>,
    memories: Vec<M::Memory>,
    clock: Clock,
}

impl<M: Method> PerColumnScorer<M> {
    fn read_row(&mut self, row: &[f32], time: Option<i64>) -> Reading {
        let model = &*self.model;
        let moment = self.clock.next(time, model.interval_ns);
        let (mut largest, mut largest_col) = (Outlook::of_score(f64::NEG_INFINITY), 0);
        let (mut loudest, mut loudest_col) = (Outlook::of_score(0.0), 0);
        for (col_idx, (memory, known)) in self.memories.iter_mut().zip(&model.columns).enumerate() {
            let moment = Moment { is_missing: !row[col_idx].is_finite(), ..moment };
            let value = f64::from(finite(row[col_idx]));
            let outlook = model.method.step(&model.plan, known, memory, &moment, value);
            if outlook.score > largest.score {
                (largest, largest_col) = (outlook, col_idx);
            }
            if outlook.alarm > loudest.alarm {
                (loudest, loudest_col) = (outlook, col_idx);
            }
        }
        // Where an event begins, the reading is about the column that it begins in; the dense score stays.
        let (told, column) =
            if loudest.alarm > 0.0 { (loudest, loudest_col) } else { (largest, largest_col) };
        let bound = |value: f64| value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
        Reading {
            score: if largest.score.is_finite() { largest.score } else { 0.0 },
            alarm: if M::HAS_EVENTS { loudest.alarm } else { f64::NAN },
            column: column as u32,
            expected: bound(told.expected),
            low: bound(told.low),
            high: bound(told.high),
            reason: told.reason,
        }
    }
}

impl<M: Method> SeriesScorer for PerColumnScorer<M> {
    fn score(&mut self, rows: RowsView<'_>, times: &[i64], out: &mut [f64]) {
        for (idx, (row, score)) in rows.iter().zip(out).enumerate() {
            *score = self.read_row(row, times.get(idx).copied()).score;
        }
    }

    fn read(&mut self, rows: RowsView<'_>, times: &[i64], out: &mut [Reading]) {
        for (idx, (row, reading)) in rows.iter().zip(out).enumerate() {
            *reading = self.read_row(row, times.get(idx).copied());
        }
    }

    fn memory_bytes(&self) -> usize {
        let memories = self.memories.as_slice();
        size_of::<Self>() + size_of_val(memories) + memories.iter().map(M::heap_bytes).sum::<usize>()
    }
}
