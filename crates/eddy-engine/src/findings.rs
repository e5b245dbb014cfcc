//! From scores to explained findings.

use std::fmt::Write as _;

use eddy_detect::{FitError, Memory, Pipeline, Threshold, anomaly_score};
use eddy_frame::{Column, Field, Frame, MISSING_TIME, Role, format_time};
use eddy_insight::{Finding, Place, Stretch, explain, sentence};

use crate::EngineError;
use crate::input::Input;
use crate::labels::label_of;

/// Flagged rows at most so many rows apart belong to one stretch.
const STRETCH_GAP: usize = 5;

/// First, last and number of the flagged rows of each stretch that has several, in order.
pub(crate) fn stretches(all: &[f64], threshold: &Threshold) -> Vec<(usize, usize, u64)> {
    let mut out: Vec<(usize, usize, u64)> = Vec::new();
    for row in (0..all.len()).filter(|&row| threshold.flags(all[row])) {
        match out.last_mut() {
            Some((_, last, n)) if row - *last <= STRETCH_GAP => (*last, *n) = (row, *n + 1),
            _ => out.push((row, row, 1)),
        }
    }
    out.retain(|&(_, _, n)| n > 1);
    out
}

/// The scores of a run and what was made of them.
pub(crate) struct Scored<'a> {
    pub(crate) all: &'a [f64],
    /// Surprise before runs of rows raised some.
    pub(crate) alone: Option<&'a [f64]>,
    pub(crate) threshold: &'a Threshold,
    pub(crate) stretches: &'a [(usize, usize, u64)],
}

/// The rows of `wanted`, which counts from the start of the input in order, that lie in a frame, counted from its start.
pub(crate) fn rows_within(wanted: &[usize], frame: &Frame) -> Vec<usize> {
    let start = frame.first_row as usize;
    let from = wanted.partition_point(|&row| row < start);
    let to = wanted.partition_point(|&row| row < start + frame.n_rows());
    wanted[from..to].iter().map(|row| row - start).collect()
}

/// The most unusual flagged rows, explained.
pub(crate) fn findings(
    input: &mut Input,
    pipeline: &Pipeline,
    scored: &Scored<'_>,
    most: usize,
) -> Result<(Vec<Finding>, Option<Frame>), EngineError> {
    let all = scored.all;
    let mut ranked: Vec<usize> = (0..all.len()).filter(|&row| scored.threshold.flags(all[row])).collect();
    // Rows of a run share its surprise: the strangest on its own comes first.
    let own = |row: usize| scored.alone.map_or(0.0, |alone| alone[row]);
    ranked.sort_by(|&a, &b| all[b].total_cmp(&all[a]).then(own(b).total_cmp(&own(a))).then(a.cmp(&b)));
    ranked.truncate(most);
    if ranked.is_empty() {
        return Ok((Vec::new(), None));
    }
    let stretch_of = |row: usize| {
        let at = scored.stretches.partition_point(|&(_, last, _)| last < row);
        scored.stretches.get(at).filter(|&&(first, _, _)| first <= row).copied()
    };
    // Times of the ends of the stretches that will be spoken of.
    let mut ends: Vec<usize> =
        ranked.iter().filter_map(|&row| stretch_of(row)).flat_map(|(first, last, _)| [first, last]).collect();
    ends.sort_unstable();
    ends.dedup();
    let mut end_times: Vec<(Option<String>, Option<i64>)> = Vec::with_capacity(ends.len());
    let mut wanted = ranked.clone();
    wanted.sort_unstable();
    let (mut rows, mut features) = (Vec::new(), Vec::new());
    let mut places: Vec<Place> = Vec::new();
    let mut memory = Memory::default();
    input.each::<EngineError>(1, &mut |frames| {
        for frame in frames {
            let local = rows_within(&wanted, frame);
            let time = |row| (place(frame, row).time, time_at(frame, row));
            end_times.extend(rows_within(&ends, frame).into_iter().map(time));
            if pipeline.is_series() {
                let all_features = pipeline.features(frame, &mut memory)?;
                if !local.is_empty() {
                    features.push(all_features.take(&local));
                }
            } else if !local.is_empty() {
                features.push(pipeline.features(&frame.take(&local), &mut memory)?);
            }
            if !local.is_empty() {
                places.extend(local.iter().map(|&row_idx| place(frame, row_idx)));
                rows.push(frame.take(&local));
            }
        }
        Ok(())
    })?;
    let shape = |error: eddy_frame::ShapeError| EngineError::Fit(FitError::Data(error.to_string()));
    let features = Frame::concat(&features).map_err(shape)?;
    let rows = Frame::concat(&rows).map_err(shape)?;
    let causes = explain(pipeline, &features)?;
    let label = label_of(rows.schema()).map(|field| field.name.clone());
    let mut order = Vec::with_capacity(ranked.len());
    let mut out = Vec::with_capacity(ranked.len());
    for (rank, row) in ranked.iter().enumerate() {
        let at = wanted.partition_point(|w| w < row);
        order.push(at);
        let stretch = stretch_of(*row).map(|(first, last, flagged)| {
            let time = |row| {
                let at = ends.binary_search(&row).ok();
                at.and_then(|at| end_times.get(at)).cloned().unwrap_or_default()
            };
            let ((from, from_ns), (to, to_ns)) = (time(first), time(last));
            Stretch {
                first_row: first as u64 + 1,
                last_row: last as u64 + 1,
                flagged,
                from,
                to,
                span_ns: from_ns.zip(to_ns),
            }
        });
        let alone = scored.alone.map(|alone| alone[*row]).filter(|&alone| alone < all[*row]);
        let mut sentence = sentence(&causes[at]);
        if let (Some(alone), Some(stretch)) = (alone, &stretch)
            && !scored.threshold.flags(alone)
        {
            // Writing to a string cannot fail.
            let _ =
                write!(sentence, "; mild on its own, but {} such rows follow one another", stretch.flagged);
        }
        out.push(Finding {
            rank: rank + 1,
            place: places[at].clone(),
            anomaly_score: anomaly_score(all[*row]),
            surprise: all[*row],
            alone,
            stretch,
            sentence,
            causes: causes[at].clone(),
            event: None,
            label: label.as_ref().and_then(|name| Some(cell(rows.by_name(name)?, at))),
        });
    }
    Ok((out, Some(rows.take(&order))))
}

/// A cell as text.
pub(crate) fn cell((field, column): (&Field, &Column), row_idx: usize) -> String {
    match column {
        Column::Text(texts) => texts.get(row_idx).to_owned(),
        _ if column.is_missing(row_idx) => String::new(),
        Column::Time(times) => format_time(times[row_idx], field.time_style),
        Column::Int(values) => values[row_idx].to_string(),
        Column::Float(values) => values[row_idx].to_string(),
    }
}

/// The time of a row, where it has one, in nanoseconds since the epoch.
pub(crate) fn time_at(frame: &Frame, row: usize) -> Option<i64> {
    let times = frame.schema().with_role(Role::Time).find_map(|idx| frame.column(idx).as_time())?;
    times.get(row).copied().filter(|&time| time != MISSING_TIME)
}

pub(crate) fn place(frame: &Frame, row_idx: usize) -> Place {
    let schema = frame.schema();
    let text = |role: Role| {
        let cells: Vec<String> = schema
            .with_role(role)
            .map(|idx| cell((&schema.fields[idx], frame.column(idx)), row_idx))
            .filter(|text| !text.is_empty())
            .collect();
        (!cells.is_empty()).then(|| cells.join(" "))
    };
    Place {
        row: frame.first_row + row_idx as u64 + 1,
        source: frame.source.as_deref().map(str::to_owned),
        line: frame.lines.get(row_idx),
        time: text(Role::Time),
        entity: text(Role::Entity),
    }
}
