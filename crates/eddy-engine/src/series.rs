//! The series of a table: which there are, and what each is made of.

use eddy_frame::{
    CounterBits, Entities, Field, Frame, Kind, MISSING_TIME, NANOS_PER_SECOND, Role, Schema, TimeStyle,
};
use eddy_series::{
    Adf, BoxFigures, Decomposition, Grid, Kpss, Sampling, Season, adf, autocorrelation, bartlett_band,
    by_hour, by_weekday, kpss, partial_autocorrelation, peaks, rates, robust_mstl, rolling_mean_sd,
    rolling_quantiles, seasons,
};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::EngineError;
use crate::input::Input;
use crate::series_words::facts;

/// What one series is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesProfile {
    /// Column.
    pub name: String,
    /// Whom it is about, where there are several series.
    pub entity: Option<String>,
    /// Unit, where known.
    pub unit: Option<String>,
    /// Whether the column is a cumulative counter and the values are its rates per second.
    pub rate: bool,
    /// Rows.
    pub n_rows: usize,
    /// When they were measured, where there is a time column.
    pub sampling: Option<Sampling>,
    /// Seconds between the values below, where they are even.
    pub step_seconds: Option<f64>,
    /// Rows that were averaged into one of the values below; more than 1 for very long series.
    pub averaged: usize,
    /// Autocorrelation at lags 0, 1, 2, ...
    pub acf: Vec<f64>,
    /// Half width of its 95 % band at each lag (Bartlett).
    pub acf_band: Vec<f64>,
    /// Lags of its highest peaks beyond the band.
    pub acf_peaks: Vec<usize>,
    /// Partial autocorrelation at lags 0, 1, 2, ...
    pub pacf: Vec<f64>,
    /// Half width of the 95 % band of white noise.
    pub band: f64,
    /// What repeats.
    pub seasons: Vec<Season>,
    /// Trend, seasons and remainder.
    pub parts: Option<Decomposition>,
    /// How strong the trend is, 0 to 1.
    pub trend_strength: Option<f64>,
    /// Augmented Dickey-Fuller test.
    pub adf: Option<Adf>,
    /// Test of Kwiatkowski, Phillips, Schmidt and Shin.
    pub kpss: Option<Kpss>,
    /// Values by hour of the day, where the series is long and dense enough for that.
    pub by_hour: Vec<BoxFigures>,
    /// Values by day of the week, where the series is long enough for that.
    pub by_weekday: Vec<BoxFigures>,
    /// Values in the rolling window.
    pub window: usize,
    /// Rolling mean (the first `window - 1` rows use what there is).
    pub rolling_mean: Vec<f64>,
    /// Rolling standard deviation.
    pub rolling_sd: Vec<f64>,
    /// Rolling 5 % quantile.
    pub rolling_low: Vec<f64>,
    /// Rolling 95 % quantile.
    pub rolling_high: Vec<f64>,
    /// The values in the order of time, at even steps where there are such; missing is NaN.
    pub values: Vec<f64>,
    /// Times in milliseconds since the epoch (or since the start, where that is unknown), where there is a time column.
    pub times_ms: Option<Vec<f64>>,
    /// Whether times count from an unknown start.
    pub relative: bool,
    /// What was found, in words: headings and sentences.
    pub facts: Vec<(String, String)>,
}

/// Which series a table holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SeriesSet {
    /// Series in all: one for each entity and value column.
    pub n_series: usize,
    /// Entities (or files) with series of their own.
    pub n_entities: usize,
    /// The series that were looked at closely.
    pub shown: Vec<SeriesProfile>,
    /// Things the reader should know.
    pub cautions: Vec<String>,
}

/// Series that are looked at closely, at most.
const MOST_SERIES: usize = 8;
/// Entities that are told apart, at most; rows of further ones are left out and counted.
const MOST_ENTITIES: usize = 4_096;
/// Values that are gathered, at most.
const MOST_VALUES: usize = 32 << 20;
/// Values of one series that are looked at, at most; longer ones are averaged.
const MOST_PLACES: usize = 131_072;
/// Features of a table without value columns that are taken for series.
const MOST_FEATURES: usize = 6;
/// Lags of the partial autocorrelation.
const PACF_LAGS: usize = 60;

/// The rows of one entity.
#[derive(Default)]
struct Rows {
    source: usize,
    entity: String,
    times: Vec<i64>,
    columns: Vec<Vec<f64>>,
}

/// Looks at the series of a table; nothing where there is no value column and no time.
pub(crate) fn series_of(input: &mut Input) -> Result<SeriesSet, EngineError> {
    let schema = input.schema().clone();
    let has_time = time_field(&schema).is_some();
    let mut columns: Vec<usize> = schema.with_role(Role::Value).collect();
    let is_series = !columns.is_empty();
    if columns.is_empty() && has_time {
        let floats = schema.inputs().filter(|&idx| schema.fields[idx].kind == Kind::Float);
        columns = floats.take(MOST_FEATURES).collect();
    }
    if columns.is_empty() {
        return Ok(SeriesSet::default());
    }
    let mut gathering = Gathering { by_entity: is_series, ..Gathering::default() };
    input.each::<EngineError>(1, &mut |frames| {
        frames.iter().for_each(|frame| gathering.add(frame, &columns));
        Ok(())
    })?;
    let mut set = SeriesSet::default();
    if gathering.left_out > 0 {
        set.cautions.push(format!(
            "{} rows are beyond the first {MOST_ENTITIES} entities or {MOST_VALUES} values and are not looked at as series",
            gathering.left_out
        ));
    }
    let groups = joined(gathering.groups);
    set.n_entities = groups.len();
    set.n_series = groups.len() * columns.len();
    let relative = time_field(&schema).is_some_and(|field| field.time_style == TimeStyle::RelativeSeconds);
    let chosen = chosen(&groups, columns.len());
    let many = groups.len() > 1;
    set.shown = chosen
        .into_par_iter()
        .map(|(group, at)| {
            let rows = &groups[group];
            let times = has_time.then_some(rows.times.as_slice());
            let entity = many.then(|| rows.entity.clone());
            profile(&schema.fields[columns[at]], entity, times, &rows.columns[at], relative)
        })
        .collect();
    if set.n_series > set.shown.len() && is_series {
        set.cautions.push(format!(
            "{} of {} series are shown; --entity, --features and --ignore choose others",
            set.shown.len(),
            set.n_series
        ));
    }
    Ok(set)
}

fn time_field(schema: &Schema) -> Option<&Field> {
    schema.with_role(Role::Time).map(|idx| &schema.fields[idx]).find(|field| field.kind == Kind::Time)
}

#[derive(Default)]
struct Gathering {
    by_entity: bool,
    places: FxHashMap<String, usize>,
    sources: FxHashMap<String, usize>,
    groups: Vec<Rows>,
    values: usize,
    left_out: u64,
}

impl Gathering {
    fn add(&mut self, frame: &Frame, columns: &[usize]) {
        let schema = frame.schema();
        let entities = self.by_entity.then(|| Entities::of(frame));
        let times = schema.with_role(Role::Time).find_map(|idx| frame.column(idx).as_time());
        let source = frame.source.as_deref().unwrap_or_default().to_owned();
        let next = self.sources.len();
        let source_idx = *self.sources.entry(source.clone()).or_insert(next);
        let (mut key, mut of_entity) = (String::new(), String::new());
        for row_idx in 0..frame.n_rows() {
            key.clone_from(&source);
            key.push('\u{1f}');
            if let Some(entities) = &entities {
                entities.write_key(row_idx, &mut of_entity);
                key.push_str(&of_entity);
            }
            let known = self.places.get(&key).copied();
            let place = match known {
                Some(place) => place,
                None if self.groups.len() < MOST_ENTITIES => {
                    self.places.insert(key.clone(), self.groups.len());
                    let columns = vec![Vec::new(); columns.len()];
                    self.groups.push(Rows {
                        source: source_idx,
                        entity: entities.as_ref().map_or_else(String::new, |entities| {
                            entities.names(row_idx).collect::<Vec<_>>().join(", ")
                        }),
                        times: Vec::new(),
                        columns,
                    });
                    self.groups.len() - 1
                }
                None => {
                    self.left_out += 1;
                    continue;
                }
            };
            if self.values + columns.len() > MOST_VALUES {
                self.left_out += 1;
                continue;
            }
            self.values += columns.len();
            let rows = &mut self.groups[place];
            rows.times.push(times.map_or(MISSING_TIME, |times| times[row_idx]));
            for (to, &idx) in rows.columns.iter_mut().zip(columns) {
                to.push(frame.column(idx).number(row_idx));
            }
        }
    }
}

/// Joins the rows of an entity in several files where the files follow one another in time; files that cover the same
/// time are series of their own.
fn joined(mut groups: Vec<Rows>) -> Vec<Rows> {
    if groups.iter().all(|rows| rows.source == 0) {
        return groups;
    }
    let span = |rows: &Rows| {
        let known = rows.times.iter().copied().filter(|&time| time != MISSING_TIME);
        (known.clone().min().unwrap_or(MISSING_TIME), known.max().unwrap_or(MISSING_TIME))
    };
    groups.sort_by(|a, b| a.entity.cmp(&b.entity).then(span(a).cmp(&span(b))));
    let mut out: Vec<Rows> = Vec::new();
    for rows in groups {
        match out.last_mut().filter(|last| last.entity == rows.entity && span(last).1 < span(&rows).0) {
            Some(last) => {
                last.times.extend(rows.times);
                last.columns.iter_mut().zip(rows.columns).for_each(|(to, from)| to.extend(from));
            }
            None => out.push(rows),
        }
    }
    // Of several files about the same nobody, each has its number.
    let mut seen: FxHashMap<String, usize> = FxHashMap::default();
    let several: Vec<bool> =
        out.iter().map(|rows| out.iter().filter(|other| other.entity == rows.entity).count() > 1).collect();
    for (rows, several) in out.iter_mut().zip(several) {
        if several {
            let n = seen.entry(rows.entity.clone()).or_default();
            *n += 1;
            let name = if rows.entity.is_empty() {
                format!("file {n}")
            } else {
                format!("{}, file {n}", rows.entity)
            };
            rows.entity = name;
        }
    }
    out
}

/// The series to look at closely as positions of group and column: those that vary, each column in turn, those with
/// most rows first.
fn chosen(groups: &[Rows], n_columns: usize) -> Vec<(usize, usize)> {
    let varies = |values: &[f64]| {
        let mut known = values.iter().filter(|value| value.is_finite());
        known.next().is_some_and(|first| known.any(|value| value != first))
    };
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by(|&a, &b| groups[b].times.len().cmp(&groups[a].times.len()).then(a.cmp(&b)));
    let of_column = |at: usize| -> Vec<(usize, usize)> {
        let varying = order.iter().filter(|&&group| varies(&groups[group].columns[at]));
        varying.take(MOST_SERIES).map(|&group| (group, at)).collect()
    };
    let mut columns: Vec<_> = (0..n_columns).map(|at| of_column(at).into_iter()).collect();
    let mut out = Vec::new();
    while out.len() < MOST_SERIES {
        let round: Vec<(usize, usize)> = columns.iter_mut().filter_map(Iterator::next).collect();
        if round.is_empty() {
            break;
        }
        out.extend(round);
    }
    out.truncate(MOST_SERIES);
    // A series of one value has a profile too where there is no other.
    if out.is_empty() && !groups.is_empty() { vec![(order[0], 0)] } else { out }
}

/// The values to look at, with their times.
struct Even {
    values: Vec<f64>,
    times: Option<Vec<i64>>,
    step_seconds: Option<f64>,
    averaged: usize,
}

fn even(times: Option<&[i64]>, values: &[f64], counter: Option<CounterBits>) -> (Even, Option<Sampling>) {
    let Some(times) = times else {
        let values = counter.map_or_else(|| values.to_vec(), |bits| rates(None, values, bits));
        return (
            Even { values: thin(&values).0, averaged: thin(&values).1, times: None, step_seconds: None },
            None,
        );
    };
    let sampling = Sampling::of(times);
    let mut order: Vec<usize> = (0..times.len()).filter(|&at| times[at] != MISSING_TIME).collect();
    order.sort_by_key(|&at| times[at]);
    let times: Vec<i64> = order.iter().map(|&at| times[at]).collect();
    let mut values: Vec<f64> = order.iter().map(|&at| values[at]).collect();
    if let Some(bits) = counter {
        values = rates(Some(&times), &values, bits);
    }
    let even = if let Some(grid) = Grid::of(&times, &values, &sampling) {
        let factor = grid.values.len().div_ceil(MOST_PLACES);
        let grid = if factor > 1 { grid.coarser(factor) } else { grid };
        Even {
            times: Some((0..grid.values.len()).map(|place| grid.time(place)).collect()),
            step_seconds: Some(grid.step as f64 / NANOS_PER_SECOND as f64),
            averaged: factor.max(1),
            values: grid.values,
        }
    } else {
        let (values, averaged) = thin(&values);
        let times = times.into_iter().step_by(averaged).collect();
        Even { values, times: Some(times), step_seconds: None, averaged }
    };
    (even, Some(sampling))
}

/// Values averaged so that there are not too many, and how many were made one.
fn thin(values: &[f64]) -> (Vec<f64>, usize) {
    let factor = values.len().div_ceil(MOST_PLACES).max(1);
    if factor == 1 {
        return (values.to_vec(), 1);
    }
    let whole = Grid { start: 0, step: 1, values: values.to_vec() };
    (whole.coarser(factor).values, factor)
}

fn profile(
    field: &Field,
    entity: Option<String>,
    times: Option<&[i64]>,
    values: &[f64],
    relative: bool,
) -> SeriesProfile {
    let (even, sampling) = even(times, values, field.counter);
    let Even { values: places, times: place_times, step_seconds, averaged } = even;
    // Without steps there is no rhythm to speak of; without times rows are steps.
    let stepped = step_seconds.is_some() || place_times.is_none();
    let found = if stepped { seasons(&places, step_seconds) } else { Vec::new() };
    let n = places.len();
    let there = places.iter().filter(|value| value.is_finite()).count();
    let longest = found.last().map_or(0, |season| season.period as usize);
    let acf = autocorrelation(&places, (longest * 11 / 5).clamp(200, 4_400).min(n / 2));
    let acf_band = bartlett_band(&acf, there);
    let periods: Vec<usize> = found.iter().map(|season| season.period.round() as usize).collect();
    let parts = (stepped && there >= 12).then(|| robust_mstl(&places, &periods));
    let shortest = found.first().map_or(n / 50, |season| season.period.round() as usize);
    let window = shortest.clamp(3, 4_096).min((n / 2).max(3));
    let (rolling_mean, rolling_sd) = rolling_mean_sd(&places, window);
    let mut quantiles = rolling_quantiles(&places, window, &[0.05, 0.95]).into_iter();
    let calendar = calendar(place_times.as_deref().filter(|_| !relative), step_seconds);
    let figures = |wanted: bool, by: fn(&[i64], &[f64]) -> Vec<BoxFigures>| match &place_times {
        Some(times) if wanted => by(times, &places),
        _ => Vec::new(),
    };
    let mut profile = SeriesProfile {
        name: field.name.to_string(),
        entity,
        unit: rate_unit(field, place_times.is_some()),
        rate: field.counter.is_some(),
        n_rows: values.len(),
        sampling,
        step_seconds,
        averaged,
        pacf: partial_autocorrelation(&acf, PACF_LAGS),
        acf_peaks: peaks(&acf, &acf_band, 3),
        acf_band,
        acf,
        band: 1.96 / (there.max(1) as f64).sqrt(),
        seasons: found,
        trend_strength: parts.as_ref().map(Decomposition::trend_strength),
        parts,
        adf: adf(&places),
        kpss: kpss(&places),
        by_hour: figures(calendar.0, by_hour),
        by_weekday: figures(calendar.1, by_weekday),
        window,
        rolling_mean,
        rolling_sd,
        rolling_low: quantiles.next().unwrap_or_default(),
        rolling_high: quantiles.next().unwrap_or_default(),
        values: places,
        times_ms: place_times.map(|times| times.into_iter().map(|time| time as f64 / 1e6).collect()),
        relative,
        facts: Vec::new(),
    };
    profile.facts = facts(&profile);
    profile
}

fn rate_unit(field: &Field, timed: bool) -> Option<String> {
    let unit = field.unit.as_deref();
    if field.counter.is_none() {
        return unit.map(str::to_owned);
    }
    Some(format!("{}/{}", unit.unwrap_or("1"), if timed { "s" } else { "row" }))
}

/// Whether hours of the day and days of the week say something: there are two of each, and rows are dense enough.
fn calendar(times: Option<&[i64]>, step_seconds: Option<f64>) -> (bool, bool) {
    let Some((Some(first), Some(last))) = times.map(|times| (times.first(), times.last())) else {
        return (false, false);
    };
    let days = last.saturating_sub(*first) as f64 / NANOS_PER_SECOND as f64 / 86_400.0;
    let step = step_seconds.unwrap_or(0.0);
    (days >= 1.9 && step <= 7_200.0, days >= 13.0 && step <= 86_400.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eddy_io::{ReadOptions, open_bytes};
    use std::fmt::Write as _;

    fn explored(csv: &str) -> SeriesSet {
        let source = open_bytes("made.csv", csv.as_bytes().to_vec(), &ReadOptions::default()).unwrap();
        let mut input = Input::read(source, 1 << 26, 100_000, &|_, _| {}).unwrap();
        series_of(&mut input).unwrap()
    }

    /// A day with noise of its own in every hour.
    fn daily(hour: usize) -> f64 {
        let mixed = (hour as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let noise = (mixed ^ mixed >> 27) as f64 / u64::MAX as f64;
        100.0 + 30.0 * (hour as f64 / 24.0 * std::f64::consts::TAU).sin() + 12.0 * noise
    }

    fn csv(rows: impl Iterator<Item = usize>) -> String {
        rows.fold("timestamp,value\n".to_owned(), |mut text, hour| {
            let _ = writeln!(text, "2024-03-{:02} {:02}:00:00,{}", 1 + hour / 24, hour % 24, daily(hour));
            text
        })
    }

    #[test]
    fn the_order_of_rows_and_duplicates_change_nothing() {
        let straight = explored(&csv(0..24 * 20));
        let turned = explored(&csv((0..24 * 20).rev().chain([5, 6])));
        let (a, b) = (&straight.shown[0], &turned.shown[0]);
        assert_eq!((a.values.clone(), a.seasons.clone()), (b.values.clone(), b.seasons.clone()));
        assert_eq!(a.seasons.iter().map(|season| season.period).collect::<Vec<_>>(), [24.0]);
        let sampling = b.sampling.as_ref().unwrap();
        assert_eq!((sampling.duplicates, sampling.n_gaps), (2, 0));
        assert_eq!((a.step_seconds, b.n_rows), (Some(3_600.0), 482));
        assert_eq!((a.by_hour.len(), a.by_weekday.len()), (24, 7));
    }

    #[test]
    fn entities_are_series_of_their_own() {
        let mut text = "time,host,load,memory\n".to_owned();
        for hour in 0..24 * 15 {
            for (host, scale) in [("a", 1.0), ("b", 5.0)] {
                let time = 1_700_000_000 + hour * 3_600;
                let _ = writeln!(text, "{time},{host},{},{}", scale * daily(hour), hour % 7);
            }
        }
        let set = explored(&text);
        assert_eq!((set.n_entities, set.n_series, set.shown.len()), (2, 4, 4));
        let of: Vec<(&str, Option<&str>)> =
            set.shown.iter().map(|one| (one.name.as_str(), one.entity.as_deref())).collect();
        assert_eq!(
            of,
            [("load", Some("a")), ("memory", Some("a")), ("load", Some("b")), ("memory", Some("b"))]
        );
        assert!(set.shown.iter().all(|one| one.step_seconds == Some(3_600.0) && one.n_rows == 360));
        assert_eq!(set.shown[1].seasons.iter().map(|season| season.period).collect::<Vec<_>>(), [7.0]);
    }

    #[test]
    fn counters_are_seen_as_rates() {
        let mut text = "time,ifInOctets\n".to_owned();
        for t in 0..400u64 {
            let _ =
                writeln!(text, "{},{}", 1_700_000_000 + t * 60, (4_000_000_000 + t * 6_000_000) % (1 << 32));
        }
        let set = explored(&text);
        let one = &set.shown[0];
        assert!(one.rate && one.values[0].is_nan());
        assert!(one.values[1..].iter().all(|rate| (rate - 100_000.0).abs() < 1e-6));
    }

    #[test]
    fn gaps_stay_missing_and_are_counted() {
        let set = explored(&csv((0..24 * 20).filter(|hour| !(100..110).contains(hour))));
        let one = &set.shown[0];
        let sampling = one.sampling.as_ref().unwrap();
        assert_eq!((sampling.n_gaps, sampling.missing), (1, 10));
        assert_eq!(one.values.iter().filter(|value| value.is_nan()).count(), 10);
        assert!(
            one.facts.iter().any(|(name, text)| name == "Sampling" && text.contains("1 gap")),
            "{:?}",
            one.facts
        );
    }
}
