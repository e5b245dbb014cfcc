//! Runs of series models: alarms become events, events become findings.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use eddy_detect::{FitError, Memory, Model, Pipeline, Reading, Threshold, Typical, anomaly_score};
use eddy_frame::{Column, Entities, Frame, MISSING_TIME, Role};
use eddy_insight::{
    Alarm, Cause, Finding, Seen, SeriesEvent, SeriesRecord, Stretch, event_sentence, series_events,
};

use crate::EngineError;
use crate::findings::{cell, place, rows_within, time_at};
use crate::input::Input;
use crate::labels::label_of;

/// What a series model made of every row, in little room.
#[derive(Default)]
pub(crate) struct Readings {
    rows: Vec<Brief>,
    /// Whether the model has an event stream of its own.
    pub(crate) has_alarms: bool,
    /// Whether the model names the column that did it.
    names_columns: bool,
}

/// A [`Reading`] without its score.
#[derive(Debug, Clone, Copy)]
struct Brief {
    alarm: f32,
    low: f32,
    high: f32,
    column: u16,
    reason: u16,
}

impl Readings {
    pub(crate) fn take(&mut self, readings: &[Reading]) {
        self.has_alarms |= readings.iter().any(|reading| !reading.alarm.is_nan());
        self.names_columns |= readings.iter().any(|reading| reading.column > 0 || !reading.expected.is_nan());
        self.rows.extend(readings.iter().map(|reading| Brief {
            alarm: reading.alarm as f32,
            low: reading.low,
            high: reading.high,
            column: u16::try_from(reading.column).unwrap_or(u16::MAX),
            reason: u16::try_from(reading.reason).unwrap_or(u16::MAX),
        }));
    }

    /// Between which values a column was expected at a row, where the model said so.
    pub(crate) fn band(&self, row: usize, column: usize) -> Option<(f64, f64)> {
        let brief = self.rows.get(row).filter(|brief| usize::from(brief.column) == column)?;
        let ends = (f64::from(brief.low), f64::from(brief.high));
        (ends.0.is_finite() && ends.1.is_finite()).then_some(ends)
    }

    /// Whether alarms can be told of as events: it is known which column they are about.
    pub(crate) fn tell_events(&self, pipeline: &Pipeline) -> bool {
        matches!(pipeline.model, Model::Series(_))
            && (self.has_alarms || self.names_columns || pipeline.columns.len() == 1)
    }

    /// Rows at which something begins, with how surprising it is.
    fn alarms<'a>(
        &'a self,
        surprises: &'a [f64],
        threshold: &'a Threshold,
        own: bool,
    ) -> impl Iterator<Item = (usize, f64, &'a Brief)> {
        self.rows.iter().zip(surprises).enumerate().filter_map(move |(row, (brief, &surprise))| {
            let alarm = f64::from(brief.alarm);
            let (begins, surprise) =
                if own { (alarm > 0.0, alarm.max(surprise)) } else { (threshold.flags(surprise), surprise) };
            begins.then_some((row, surprise, brief))
        })
    }
}

/// An event of one column of one series, with the rows of the whole input that it is made of.
pub(crate) struct Placed {
    pub(crate) event: SeriesEvent,
    /// Column that did it, as the model counts columns.
    pub(crate) column: usize,
    /// Other columns of the same series in which something happened at the same time.
    also: Vec<usize>,
    /// Rows of the input, from first to last.
    rows: Vec<u32>,
    /// Time from the first row to the one after the last.
    lasted: Option<i64>,
}

impl Placed {
    /// Rows of the input that are flagged for it.
    pub(crate) fn flagged(&self) -> impl Iterator<Item = usize> {
        // Of a state that lasts it is the beginning that stands out.
        let most =
            if self.event.goes_on { self.event.detected - self.event.first + 1 } else { self.rows.len() };
        self.rows[..most.clamp(1, self.rows.len())].iter().map(|&row| row as usize)
    }

    fn row(&self, of_series: usize) -> usize {
        self.rows[(of_series - self.event.first).min(self.rows.len() - 1)] as usize
    }
}

/// One series: where its rows are, and the columns in which there are alarms.
#[derive(Default)]
struct Track {
    rows: Vec<u32>,
    times: Vec<i64>,
    columns: BTreeMap<usize, (Vec<f64>, Vec<Alarm>)>,
}

/// The events behind the alarms of a run, strongest first. Goes through the rows twice more.
pub(crate) fn find_events(
    input: &mut Input,
    pipeline: &Pipeline,
    readings: &Readings,
    surprises: &[f64],
    threshold: &Threshold,
    own_alarms: bool,
) -> Result<Vec<Placed>, EngineError> {
    let reasons = reason_names(pipeline);
    let alarms: Vec<(usize, f64, &Brief)> = readings.alarms(surprises, threshold, own_alarms).collect();
    if alarms.is_empty() {
        return Ok(Vec::new());
    }
    // First which series and columns the alarms are about, then their values.
    let (keys, mut tracks) = tracks_of(input, &alarms)?;
    let mut memory = Memory::default();
    input.each::<EngineError>(1, &mut |frames| {
        for frame in frames {
            collect(frame, pipeline, &mut memory, &mut tracks)?;
        }
        Ok(())
    })?;
    for ((row, surprise, brief), key) in alarms.iter().zip(&keys) {
        let reason = reasons.get(usize::from(brief.reason)).map(|&reason| reason.to_owned());
        let Some(track) = tracks.get_mut(key) else { continue };
        let Ok(at) = track.rows.binary_search(&as_u32(*row)) else { continue };
        if let Some((_, alarms)) = track.columns.get_mut(&usize::from(brief.column)) {
            alarms.push(Alarm { row: at, surprise: *surprise, reason });
        }
    }
    let mut placed: Vec<Placed> = tracks.values().flat_map(events_of).collect();
    placed.sort_by(|a, b| {
        b.event.surprise.total_cmp(&a.event.surprise).then(a.rows.first().cmp(&b.rows.first()))
    });
    Ok(placed)
}

fn as_u32(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

/// The series with alarms, still without rows, with the columns that the alarms are about; and the series of each alarm.
fn tracks_of(
    input: &mut Input,
    alarms: &[(usize, f64, &Brief)],
) -> Result<(Vec<String>, BTreeMap<String, Track>), EngineError> {
    let mut keys = Vec::with_capacity(alarms.len());
    let mut tracks: BTreeMap<String, Track> = BTreeMap::new();
    input.each::<EngineError>(1, &mut |frames| {
        for frame in frames {
            let entities = Entities::of(frame);
            let start = frame.first_row as usize;
            let from = alarms.partition_point(|&(row, _, _)| row < start);
            let to = alarms.partition_point(|&(row, _, _)| row < start + frame.n_rows());
            for (row, _, brief) in &alarms[from..to] {
                let mut key = String::new();
                entities.write_key(row - start, &mut key);
                tracks.entry(key.clone()).or_default().columns.entry(usize::from(brief.column)).or_default();
                keys.push(key);
            }
        }
        Ok(())
    })?;
    Ok((keys, tracks))
}

fn reason_names(pipeline: &Pipeline) -> &[&'static str] {
    match &pipeline.model {
        Model::Series(model) => model.reasons(),
        _ => &[],
    }
}

/// Adds the rows of a frame to the series that have alarms.
fn collect(
    frame: &Frame,
    pipeline: &Pipeline,
    memory: &mut Memory,
    tracks: &mut BTreeMap<String, Track>,
) -> Result<(), FitError> {
    let features = pipeline.features(frame, memory)?;
    let times = frame.schema().with_role(Role::Time).find_map(|idx| frame.column(idx).as_time());
    let names = &pipeline.columns;
    for (key, row_idxs) in Entities::of(frame).groups(frame.n_rows()) {
        let Some(track) = tracks.get_mut(&key) else { continue };
        let start = frame.first_row as usize;
        track.rows.extend(row_idxs.iter().map(|&row| as_u32(start + row)));
        if let Some(times) = times {
            track.times.extend(row_idxs.iter().map(|&row| times[row]));
        }
        for (column, (values, _)) in &mut track.columns {
            let found = names.get(*column).and_then(|name| features.by_name(name));
            values.extend(row_idxs.iter().map(|&row| match found {
                Some((_, Column::Text(_) | Column::Time(_))) | None => f64::NAN,
                Some((_, numbers)) => numbers.number(row),
            }));
        }
    }
    Ok(())
}

/// The events of one series, over all its columns; what happens in several columns at a time is one event.
fn events_of(track: &Track) -> Vec<Placed> {
    let usable = track.times.len() == track.rows.len() && !track.times.contains(&MISSING_TIME);
    let times: &[i64] = if usable { &track.times } else { &[] };
    let mut all: Vec<(usize, SeriesEvent)> = Vec::new();
    for (&column, (values, alarms)) in &track.columns {
        let season = season_of(values, times);
        let record = SeriesRecord { values, times, season };
        all.extend(series_events(&record, alarms).into_iter().map(|event| (column, event)));
    }
    all.sort_by(|(a_col, a), (b_col, b)| b.surprise.total_cmp(&a.surprise).then(a_col.cmp(b_col)));
    let mut kept: Vec<(usize, SeriesEvent, Vec<usize>)> = Vec::new();
    for (column, event) in all {
        let same = kept.iter_mut().find(|(of, lead, _)| *of != column && at_once(lead, &event));
        match same {
            Some((_, _, also)) => {
                if !also.contains(&column) {
                    also.push(column);
                }
            }
            None => kept.push((column, event, Vec::new())),
        }
    }
    let place = |(column, event, also): (usize, SeriesEvent, Vec<usize>)| {
        let rows = track.rows[event.first..=event.last].to_vec();
        let until = times.get(event.last + 1).or(times.last());
        let lasted = times.get(event.first).zip(until).map(|(from, until)| until - from);
        Placed { event, column, also, rows, lasted }
    };
    kept.into_iter().map(place).collect()
}

/// Rows that two columns of a series may be apart when they show the same event.
const AT_ONCE: usize = 6;

fn at_once(a: &SeriesEvent, b: &SeriesEvent) -> bool {
    a.detected.abs_diff(b.detected) <= AT_ONCE || a.first.abs_diff(b.first) <= AT_ONCE
}

/// Explains the strongest events.
pub(crate) fn event_findings(
    input: &mut Input,
    pipeline: &Pipeline,
    events: &[Placed],
    most: usize,
) -> Result<(Vec<Finding>, Option<Frame>), EngineError> {
    let shown = &events[..events.len().min(most)];
    if shown.is_empty() {
        return Ok((Vec::new(), None));
    }
    // The row that speaks for an event is the one where it was first detectable.
    let mut wanted: Vec<usize> = shown
        .iter()
        .flat_map(|placed| {
            [placed.event.detected, placed.event.first, placed.event.last].map(|at| placed.row(at))
        })
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut places = Vec::with_capacity(wanted.len());
    let mut rows = Vec::new();
    input.each::<EngineError>(1, &mut |frames| {
        for frame in frames {
            let local = rows_within(&wanted, frame);
            if !local.is_empty() {
                places.extend(local.iter().map(|&row| place(frame, row)));
                rows.push(frame.take(&local));
            }
        }
        Ok(())
    })?;
    let rows = Frame::concat(&rows).map_err(|error| EngineError::Fit(FitError::Data(error.to_string())))?;
    let at = |row: usize| wanted.partition_point(|&w| w < row);
    let label = label_of(rows.schema()).map(|field| field.name.clone());
    let mut order = Vec::with_capacity(shown.len());
    let mut findings = Vec::with_capacity(shown.len());
    for (rank, placed) in shown.iter().enumerate() {
        let event = &placed.event;
        let lead = at(placed.row(event.detected));
        order.push(lead);
        let several = event.last > event.first;
        let stretch = several.then(|| Stretch {
            first_row: placed.row(event.first) as u64 + 1,
            last_row: placed.row(event.last) as u64 + 1,
            flagged: placed.flagged().count() as u64,
            from: places[at(placed.row(event.first))].time.clone(),
            to: places[at(placed.row(event.last))].time.clone(),
            span_ns: time_at(&rows, at(placed.row(event.first)))
                .zip(time_at(&rows, at(placed.row(event.last)))),
        });
        findings.push(Finding {
            rank: rank + 1,
            place: places[lead].clone(),
            anomaly_score: anomaly_score(event.surprise),
            surprise: event.surprise,
            alone: None,
            stretch,
            sentence: sentence_of(placed, pipeline),
            causes: causes_of(placed, pipeline),
            label: label.as_ref().and_then(|name| Some(cell(rows.by_name(name)?, lead))),
            event: Some(event.clone()),
        });
    }
    Ok((findings, Some(rows.take(&order))))
}

/// Name and unit of a column that the model reads.
fn column_name(pipeline: &Pipeline, column: usize) -> (&str, Option<&str>) {
    let name = pipeline.columns.get(column).map_or("the series", String::as_str);
    let field = pipeline.feature_fields.iter().find(|field| *field.name == *name);
    (name, field.and_then(|field| field.unit.as_deref()))
}

fn sentence_of(placed: &Placed, pipeline: &Pipeline) -> String {
    let (name, unit) = column_name(pipeline, placed.column);
    let mut sentence = event_sentence(&placed.event, name, unit, placed.lasted);
    let also: Vec<&str> = placed.also.iter().take(4).map(|&column| column_name(pipeline, column).0).collect();
    if !also.is_empty() {
        let more = placed.also.len() - also.len();
        sentence.push_str("; at the same time ");
        sentence.push_str(&also.join(", "));
        if more > 0 {
            // Writing to a string cannot fail.
            let _ = write!(sentence, " and {more} more");
        }
    }
    sentence
}

fn causes_of(placed: &Placed, pipeline: &Pipeline) -> Vec<Cause> {
    let (name, unit) = column_name(pipeline, placed.column);
    let event = &placed.event;
    let typical = pipeline.feature_fields.iter().position(|field| *field.name == *name);
    let expected = match typical.and_then(|at| pipeline.typical.get(at)) {
        Some(typical) if !event.expected.is_finite() => typical.clone(),
        _ => Typical::Number { median: event.expected, low: event.low, high: event.high },
    };
    vec![Cause {
        feature: name.to_owned(),
        unit: unit.map(str::to_owned),
        share: 1.0,
        seen: Seen::Number(Some(event.seen).filter(|seen| seen.is_finite())),
        expected,
    }]
}

/// Rows of the shortest season the values keep.
fn season_of(values: &[f64], times: &[i64]) -> Option<usize> {
    let steps = times.len().saturating_sub(1).max(1) as f64;
    let step_s = times.last().zip(times.first()).map(|(last, first)| (last - first) as f64 / 1e9 / steps);
    let found = eddy_series::seasons(values, step_s.filter(|step| *step > 0.0));
    found.iter().map(|season| season.period.round() as usize).filter(|&period| period >= 4).min()
}
