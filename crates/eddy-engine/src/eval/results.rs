//! Files of results that somebody else wrote.

use std::path::{Path, PathBuf};

use eddy_eval::{Agreement, Digits, FOLD_SEEDS, GROUPS, Layout, Profile, ResultFile};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;

use super::corpus::{about, text_of};
use super::standing::{Rules, judge};
use super::{NabBoard, NabCorpus, Stream};
use crate::EngineError;

/// How far the stored columns of a detector agree with what is right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// The detector.
    pub detector: String,
    /// Where the thresholds came from.
    pub thresholds_from: String,
    /// The threshold of each profile.
    pub thresholds: Vec<f64>,
    /// What the columns hold; none if there are none.
    pub layout: Option<Layout>,
    /// How far they agree.
    pub agreement: Agreement,
}

/// A detector's files.
struct Stored {
    name: String,
    folder: PathBuf,
    files: Vec<ResultFile>,
}

impl Stored {
    /// How numbers are written in all files: with twelve digits unless one of them has more.
    fn digits(&self) -> Digits {
        let long = self.files.iter().any(|file| file.digits() == Digits::Shortest);
        if long { Digits::Shortest } else { Digits::Twelve }
    }
}

/// Judges files of results: `folder/category/detector_file.csv`, or folders of such by detector. With `write` the files
/// are written again with columns of what alarms are worth.
pub fn eval_results(
    nab: &Path,
    folder: &Path,
    write: Option<&Path>,
    alarms_per_day: f64,
) -> Result<(NabBoard, Vec<Checked>), EngineError> {
    let corpus = NabCorpus::read(nab, FOLD_SEEDS[0], GROUPS)?;
    let mut board = NabBoard::empty(&corpus)?;
    let mut checked = Vec::new();
    for folder in detectors(&corpus, folder)? {
        let stored = read(&corpus, &folder)?;
        let known = known_thresholds(&corpus, &stored);
        let streams: Vec<Stream> =
            stored.files.iter().map(|file| Stream { dense: file.scores.clone(), alarms: None }).collect();
        let first = known.first().map_or_else(Vec::new, |(_, thresholds)| thresholds.clone());
        let rules = Rules { fixed: None, per_day: alarms_per_day, volumes: true };
        let mut standing = judge(&corpus, &streams, rules, &first)?;
        standing.detector.clone_from(&stored.name);
        let best: Vec<Option<f64>> = standing.profiles.iter().map(|under| Some(under.threshold)).collect();
        let check = check(&corpus, &stored, known, &best);
        if let Some(out) = write {
            rewrite(&corpus, stored, &check, out)?;
        }
        checked.push(check);
        board.standings.push(standing);
    }
    board.sort();
    Ok((board, checked))
}

/// The folders that hold a detector's results: the given one, or those in it.
fn detectors(corpus: &NabCorpus, folder: &Path) -> Result<Vec<PathBuf>, EngineError> {
    let holds = |folder: &Path| corpus.series.iter().any(|series| folder.join(series.category()).is_dir());
    if holds(folder) {
        return Ok(vec![folder.to_owned()]);
    }
    let fail = |source| EngineError::Io { path: folder.display().to_string(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.is_dir() && holds(&path) {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(EngineError::Input(format!(
            "{}: holds no results; folders such as DETECTOR/{}/ are wanted",
            folder.display(),
            corpus.series[0].category()
        )));
    }
    Ok(found)
}

/// Reads the files of a detector for all series.
fn read(corpus: &NabCorpus, folder: &Path) -> Result<Stored, EngineError> {
    let files: Vec<(String, ResultFile)> = corpus
        .series
        .par_iter()
        .map(|series| {
            let (name, path) = file_of(folder, &series.name)?;
            let file = ResultFile::read(&text_of(&path)?).map_err(|error| about(&path, &error))?;
            if file.scores.len() != series.values.len() {
                return Err(EngineError::Input(format!(
                    "{}: {} rows, the series has {}",
                    path.display(),
                    file.scores.len(),
                    series.values.len()
                )));
            }
            Ok((name, file))
        })
        .collect::<Result<_, EngineError>>()?;
    let name = files[0].0.clone();
    Ok(Stored { name, folder: folder.to_owned(), files: files.into_iter().map(|(_, file)| file).collect() })
}

/// The name of the detector and its file for a series.
fn file_of(folder: &Path, series: &str) -> Result<(String, PathBuf), EngineError> {
    let (category, file) = series.split_once('/').unwrap_or(("", series));
    let inside = folder.join(category);
    let fail = |source| EngineError::Io { path: inside.display().to_string(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&inside).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        if let Some(detector) = name.strip_suffix(file).and_then(|before| before.strip_suffix('_')) {
            found.push((detector.to_owned(), path));
        }
    }
    // The shortest name: `a_b.csv` is the file of `a` for `b.csv`, not that of a series `a_b.csv`.
    found.sort_by_key(|(detector, path)| (detector.len(), path.clone()));
    found
        .into_iter()
        .next()
        .ok_or_else(|| EngineError::Input(format!("{}: no file DETECTOR_{file}", inside.display())))
}

/// Thresholds that came with the results, by where they were found.
type Known = Vec<(String, Vec<Option<f64>>)>;

/// Thresholds from the tables of scores beside the files, and from the benchmark's list.
fn known_thresholds(corpus: &NabCorpus, stored: &Stored) -> Known {
    let mut known = Vec::new();
    let beside: Vec<Option<f64>> = corpus
        .profiles
        .iter()
        .map(|profile| {
            let path = stored.folder.join(format!("{}_{}_scores.csv", stored.name, profile.name));
            let text = std::fs::read_to_string(path).ok()?;
            let mut lines = text.lines();
            let place = lines.next()?.split(',').position(|name| name == "Threshold")?;
            lines.next()?.split(',').nth(place)?.parse().ok()
        })
        .collect();
    if beside.iter().any(Option::is_some) {
        known.push(("the tables of scores beside the files".to_owned(), beside));
    }
    let list = corpus.folder.join("config").join("thresholds.json");
    let document: Value = std::fs::read_to_string(list)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let listed: Vec<Option<f64>> = corpus
        .profiles
        .iter()
        .map(|profile| document.get(&stored.name)?.get(&profile.name)?.get("threshold")?.as_f64())
        .collect();
    if listed.iter().any(Option::is_some) {
        known.push(("config/thresholds.json".to_owned(), listed));
    }
    known
}

/// Holds the stored columns against what is right, at the thresholds under which most of them are.
fn check(corpus: &NabCorpus, stored: &Stored, mut known: Known, best: &[Option<f64>]) -> Checked {
    known.push(("the best for the corpus".to_owned(), best.to_vec()));
    let mut found: Option<Checked> = None;
    for (from, thresholds) in known {
        let thresholds: Vec<f64> =
            thresholds.iter().zip(best).map(|(own, best)| own.or(*best).unwrap_or(f64::INFINITY)).collect();
        let pairs: Vec<(&Profile, f64)> = corpus.profiles.iter().zip(thresholds.iter().copied()).collect();
        let digits = stored.digits();
        let parts: Vec<Agreement> = corpus
            .series
            .par_iter()
            .zip(&stored.files)
            .map(|(series, file)| file.agreement(&series.truth, &pairs, digits))
            .collect();
        let mut agreement = Agreement::default();
        parts.into_iter().for_each(|part| agreement.add(part));
        if found.as_ref().is_none_or(|before| agreement.same > before.agreement.same) {
            let layout = stored.files[0].layout();
            let detector = stored.name.clone();
            found = Some(Checked { detector, thresholds_from: from, thresholds, layout, agreement });
        }
    }
    // There is always at least the best threshold.
    found.unwrap_or_else(|| Checked {
        detector: stored.name.clone(),
        thresholds_from: String::new(),
        thresholds: Vec::new(),
        layout: None,
        agreement: Agreement::default(),
    })
}

/// Writes the files again, with columns of what alarms are worth, in the form they had.
fn rewrite(corpus: &NabCorpus, stored: Stored, check: &Checked, out: &Path) -> Result<(), EngineError> {
    let folder = out.join(&stored.name);
    let pairs: Vec<(&Profile, f64)> = corpus.profiles.iter().zip(check.thresholds.iter().copied()).collect();
    let digits = stored.digits();
    for (series, mut file) in corpus.series.iter().zip(stored.files) {
        let (layout, digits) = (file.layout().unwrap_or(Layout::Events), digits);
        file.set_worth(&series.truth, &pairs, layout, digits);
        write_file(&folder, &stored.name, &series.name, &file.text())?;
    }
    Ok(())
}

/// Writes `folder/category/detector_file.csv`.
pub(crate) fn write_file(folder: &Path, detector: &str, series: &str, text: &str) -> Result<(), EngineError> {
    let (category, file) = series.split_once('/').unwrap_or(("", series));
    let inside = folder.join(category);
    let path = inside.join(format!("{detector}_{file}"));
    std::fs::create_dir_all(&inside)
        .and_then(|()| std::fs::write(&path, text))
        .map_err(|source| EngineError::Io { path: path.display().to_string(), source })
}
