//! The Numenta Anomaly Benchmark on disk.

use std::path::{Path, PathBuf};

use eddy_eval::{NabSeries, Profile, fold_groups, read_windows};
use eddy_frame::{Column, Field, Frame, Kind, Role};

use crate::EngineError;

/// All series of the benchmark, in the order of their names.
#[derive(Debug, Clone)]
pub struct NabCorpus {
    /// The series.
    pub series: Vec<NabSeries>,
    /// What is paid and charged.
    pub profiles: Vec<Profile>,
    /// The group of each series that cross-fitted weights were learned without.
    pub groups: Vec<usize>,
    /// Where it lies.
    pub folder: PathBuf,
}

/// The text of a file.
pub(crate) fn text_of(path: &Path) -> Result<String, EngineError> {
    std::fs::read_to_string(path)
        .map_err(|source| EngineError::Io { path: path.display().to_string(), source })
}

/// An error of a judge, with the file it is about.
pub(crate) fn about(path: &Path, error: &eddy_eval::EvalError) -> EngineError {
    EngineError::Input(format!("{}: {error}", path.display()))
}

impl NabCorpus {
    /// Reads a copy of the benchmark: a folder with `data/category/file.csv`, `labels/combined_windows.json` and, if
    /// there is one, `config/profiles.json`. Groups of series are dealt out with the seed `fold_seed`.
    pub fn read(folder: &Path, fold_seed: u64, n_groups: usize) -> Result<Self, EngineError> {
        let labels = folder.join("labels").join("combined_windows.json");
        let windows = read_windows(&text_of(&labels)?).map_err(|error| about(&labels, &error))?;
        if windows.is_empty() {
            return Err(EngineError::Input(format!("{}: names no series", labels.display())));
        }
        let config = folder.join("config").join("profiles.json");
        let profiles = if config.exists() {
            Profile::read(&text_of(&config)?).map_err(|error| about(&config, &error))?
        } else {
            Profile::all()
        };
        let series = windows
            .iter()
            .map(|(name, limits)| {
                if name.split('/').any(|part| part == "..") || Path::new(name).is_absolute() {
                    return Err(EngineError::Input(format!("{}: '{name}' is no series", labels.display())));
                }
                let path = folder.join("data").join(name);
                NabSeries::read(name, &text_of(&path)?, limits).map_err(|error| about(&path, &error))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let groups = fold_groups(series.len(), fold_seed, n_groups);
        Ok(Self { series, profiles, groups, folder: folder.to_owned() })
    }

    /// The same series in groups of another deal.
    pub(crate) fn dealt(self, fold_seed: u64, n_groups: usize) -> Self {
        Self { groups: fold_groups(self.series.len(), fold_seed, n_groups), ..self }
    }

    /// Rows of all series.
    pub fn n_rows(&self) -> usize {
        self.series.iter().map(|series| series.values.len()).sum()
    }
}

/// A series as a frame with a time and a value column.
pub(crate) fn frame_of(series: &NabSeries) -> Result<Frame, EngineError> {
    Frame::from_pairs(vec![
        (Field::new("timestamp", Kind::Time, Role::Time), Column::Time(series.times.clone())),
        (Field::new("value", Kind::Float, Role::Value), Column::Float(series.values.clone())),
    ])
    .map_err(|error| EngineError::Input(format!("{}: {error}", series.name)))
}
