//! Scores of many rows on many threads.

use eddy_detect::{FitError, Memory, Model, Pipeline, Reading};
use eddy_frame::{Frame, RowsView};
use rayon::prelude::*;

use crate::events::Readings;

/// Rows handed to a thread at a time, at least and at most.
const CHUNK: (usize, usize) = (8_192, 32_768);

/// Rows to be handed to a thread at a time: many, as a model of many trees is fetched anew for each piece, but two
/// pieces a thread, so that none waits long for another.
pub fn chunk_rows(n_rows: usize) -> usize {
    n_rows.div_ceil(2 * rayon::current_num_threads()).clamp(CHUNK.0, CHUNK.1)
}

/// Scores rows of one series; row and online models on all threads.
pub(crate) fn score_all(model: &Model, rows: RowsView<'_>, times: &[i64], out: &mut [f64]) {
    let score_one = |start: usize, out: &mut [f64]| {
        let part = rows.slice(start, start + out.len());
        match model {
            Model::Row(model) => model.score(part, out),
            Model::Online(model) => model.score(part, out),
            Model::Series(_) => {}
        }
    };
    if let Model::Series(_) = model {
        model.score_once(rows, times, out);
    } else {
        let chunk = chunk_rows(out.len());
        out.par_chunks_mut(chunk).enumerate().for_each(|(at, out)| score_one(at * chunk, out));
    }
}

/// Surprise of every row of some adjacent frames, in order; of series models the readings too.
pub(crate) fn surprises(
    pipeline: &Pipeline,
    frames: &[Frame],
    memory: &mut Memory,
    out: &mut Vec<f64>,
    readings: &mut Readings,
) -> Result<(), FitError> {
    let calibrate = |scores: &mut [f64]| {
        scores.iter_mut().for_each(|score| *score = pipeline.calibration.surprise(*score));
    };
    if pipeline.is_series() {
        for frame in frames {
            let features = pipeline.features(frame, memory)?;
            let rows = pipeline.encode(features)?;
            let mut scores = vec![0.0; frame.n_rows()];
            if let Model::Series(_) = pipeline.model {
                let mut of_rows = vec![Reading::of_score(0.0); frame.n_rows()];
                pipeline.read_series(frame, &rows, memory, &mut of_rows);
                scores.iter_mut().zip(&of_rows).for_each(|(score, reading)| *score = reading.score);
                readings.take(&of_rows);
            } else {
                score_all(&pipeline.model, rows.view(), &[], &mut scores);
            }
            calibrate(&mut scores);
            out.extend(scores);
        }
        return Ok(());
    }
    let chunk = chunk_rows(frames.iter().map(Frame::n_rows).sum());
    let pieces: Vec<(usize, usize, usize)> = frames
        .iter()
        .enumerate()
        .flat_map(|(at, frame)| {
            (0..frame.n_rows())
                .step_by(chunk)
                .map(move |start| (at, start, (start + chunk).min(frame.n_rows())))
        })
        .collect();
    let scored: Vec<Vec<f64>> = pieces
        .into_par_iter()
        .map(|(at, start, end)| {
            let features = pipeline.features(&frames[at].slice(start, end), &mut Memory::default())?;
            let rows = pipeline.encode(features)?;
            let mut scores = vec![0.0; end - start];
            pipeline.model.score_once(rows.view(), &[], &mut scores);
            calibrate(&mut scores);
            Ok(scores)
        })
        .collect::<Result<_, FitError>>()?;
    scored.into_iter().for_each(|scores| out.extend(scores));
    Ok(())
}
