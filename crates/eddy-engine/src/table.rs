//! The rows of a run as a table, with what is said of each.

use std::path::Path;
use std::sync::Arc;

use eddy_detect::{FitError, anomaly_score};
use eddy_frame::{Column, Frame, Kind, TextColumn};
use eddy_io::TableWriter;

use crate::run::Judged;
use crate::{EngineError, Run, RunOptions, Stage};

impl Judged<'_> {
    /// A column of the scores, 0 to 1.
    pub fn scores(&self) -> Column {
        Column::Float(self.surprises.iter().map(|&surprise| rounded(anomaly_score(surprise))).collect())
    }

    /// A column of `anomaly` where a row is flagged, else `normal`.
    pub fn verdicts(&self) -> Column {
        Column::Text(verdicts(self.flagged.iter().copied()))
    }
}

/// `anomaly` or `normal` of each row.
pub fn verdicts(anomalies: impl Iterator<Item = bool>) -> TextColumn {
    anomalies.map(|anomaly| if anomaly { "anomaly" } else { "normal" }).collect()
}

/// Six digits are more than a calibrated score or a probability can mean.
pub fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Writes the original rows and values with two more columns, `anomaly_score` and `verdict`.
pub fn write_table(run: &mut Run, path: &Path, options: &RunOptions) -> Result<(), EngineError> {
    let added = [("anomaly_score".to_owned(), Kind::Float), ("verdict".to_owned(), Kind::Text)];
    write_rows(run, path, &added, options, &mut |_, judged| Ok(vec![judged.scores(), judged.verdicts()]))
}

/// Fills further columns for the rows of a frame.
pub type Say<'a> = &'a mut dyn FnMut(&Frame, Judged<'_>) -> Result<Vec<Column>, EngineError>;

/// Writes the original rows and values with more columns.
pub fn write_rows(
    run: &mut Run,
    path: &Path,
    added: &[(String, Kind)],
    options: &RunOptions,
    say: Say<'_>,
) -> Result<(), EngineError> {
    let mut schema = (*run.description.schema).clone();
    for (name, kind) in added {
        schema.append(name, *kind);
    }
    let schema = Arc::new(schema);
    let mut writer = TableWriter::create(path, &schema)?;
    let total = run.surprises.len() as u64;
    run.each_judged(&mut |frame, judged| {
        let mut columns = frame.columns().to_vec();
        columns.extend(say(frame, judged)?);
        let out = frame.with_columns(schema.clone(), columns).map_err(|e| FitError::Data(e.to_string()))?;
        writer.write(&out)?;
        (options.progress)(Stage::Write, frame.first_row + frame.n_rows() as u64, total);
        Ok(())
    })?;
    writer.finish()?;
    Ok(())
}
