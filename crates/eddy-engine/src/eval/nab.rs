//! Detectors on the whole benchmark.

use std::path::{Path, PathBuf};
use std::time::Instant;

use eddy_detect::{ModelKind, Seed, anomaly_score};
use eddy_eval::{Digits, FOLD_SEEDS, GROUPS, Layout, Profile, ResultFile, periodic_alarms};
use eddy_models::DETECTORS;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};

use super::corpus::frame_of;
use super::results::write_file;
use super::standing::{Deal, Rules, judge};
use super::stream::{FOLD_SEED, OPENED, Plan};
use super::{EventsOf, Mode, NabCorpus, Standing, Stream};
use crate::EngineError;

/// Share of a series between alarms that never look at the data.
const PERIODIC: f64 = 0.05;
/// The detector that is run if none is named, where the list has it.
const DEFAULT: &str = "series_ensemble";

/// How to run detectors on the benchmark.
#[derive(Debug, Clone)]
pub struct NabOptions {
    /// Detectors by name; none = the ensemble for series, or else all series detectors that are no neural nets.
    pub detectors: Vec<String>,
    /// Parameters as (detector, parameter, value).
    pub set: Vec<(String, String, Value)>,
    /// What they may know of a series.
    pub mode: Mode,
    /// Where random choices start.
    pub seed: Seed,
    /// Where the groups of series start that cross-fitted weights were learned without.
    pub fold_seed: u64,
    /// The surprise from which a row raises an alarm, for detectors without events of their own.
    pub alarm_surprise: f64,
    /// What detectors without events of their own are judged by.
    pub events_of: EventsOf,
    /// Alarms a day and series that an operator can look at.
    pub alarms_per_day: f64,
    /// Where to write files of results in NAB's form.
    pub write: Option<PathBuf>,
}

impl Default for NabOptions {
    fn default() -> Self {
        Self {
            detectors: Vec::new(),
            set: Vec::new(),
            mode: Mode::default(),
            seed: Seed::default(),
            fold_seed: FOLD_SEEDS[0],
            alarm_surprise: 5.0,
            events_of: EventsOf::default(),
            alarms_per_day: 1.0 / 7.0,
            write: None,
        }
    }
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NabBoard {
    /// Series and rows.
    pub size: (usize, usize),
    /// Windows that are judged.
    pub windows: usize,
    /// The detectors, best first.
    pub standings: Vec<Standing>,
    /// Alarms that never look at the data.
    pub periodic: Standing,
    /// What is published: detector and scores under the profiles of the corpus.
    pub published: Vec<(String, Vec<f64>)>,
    /// Where that was read.
    pub published_in: String,
    /// Things the person should know.
    pub cautions: Vec<String>,
}

impl NabBoard {
    /// A board without detectors: the baseline and what is published.
    pub(crate) fn empty(corpus: &NabCorpus) -> Result<Self, EngineError> {
        let windows = corpus.series.iter().map(|series| series.truth.judged_windows().count()).sum();
        if windows == 0 {
            return Err(EngineError::Input(format!("{}: no window is judged", corpus.folder.display())));
        }
        let alarms = |series: &eddy_eval::NabSeries| periodic_alarms(&series.truth, PERIODIC);
        let streams: Vec<Stream> =
            corpus.series.iter().map(|series| Stream { dense: alarms(series), alarms: None }).collect();
        let rules = Rules { fixed: Some(1.0), per_day: f64::INFINITY, volumes: true };
        let mut periodic = judge(corpus, &streams, rules, &[])?;
        periodic.detector = "periodic alarm".into();
        let (published, published_in) = published(corpus);
        Ok(Self {
            size: (corpus.series.len(), corpus.n_rows()),
            windows,
            standings: Vec::new(),
            periodic,
            published,
            published_in,
            cautions: Vec::new(),
        })
    }

    /// Best first, by the first profile.
    pub(crate) fn sort(&mut self) {
        let score = |one: &Standing| one.profiles.first().map_or(f64::NEG_INFINITY, |profile| profile.score);
        self.standings
            .sort_by(|a, b| score(b).total_cmp(&score(a)).then_with(|| a.detector.cmp(&b.detector)));
    }
}

/// Runs detectors on all series and judges them.
pub fn eval_nab(folder: &Path, options: &NabOptions) -> Result<NabBoard, EngineError> {
    let mut corpus = NabCorpus::read(folder, options.fold_seed, GROUPS)?;
    let mut board = NabBoard::empty(&corpus)?;
    for name in chosen(options)? {
        let entry = DETECTORS.get(&name)?;
        let own = options.set.iter().filter(|(owner, ..)| owner.replace('-', "_") == entry.about.name);
        let params: Map<String, Value> = own.map(|(_, name, value)| (name.clone(), value.clone())).collect();
        let plan = Plan { entry, params, seed: options.seed, mode: options.mode }.dealt(options.fold_seed);
        let (streams, mut standing) = stand(&corpus, &plan, options, true)?;
        if plan.mode() != options.mode {
            board.cautions.push(format!(
                "{} cannot be told to use only the range of what it was fitted on: it was run causally",
                entry.about.name
            ));
        }
        if let Some(folder) = &options.write {
            write(&corpus, &streams, &standing, folder)?;
        }
        if plan.has(FOLD_SEED) {
            for fold_seed in FOLD_SEEDS {
                if fold_seed == options.fold_seed {
                    standing.deals.push(Deal::of(fold_seed, &standing));
                    continue;
                }
                corpus = corpus.dealt(fold_seed, GROUPS);
                let other = plan.clone().dealt(fold_seed);
                standing.deals.push(Deal::of(fold_seed, &stand(&corpus, &other, options, false)?.1));
            }
            corpus = corpus.dealt(options.fold_seed, GROUPS);
        }
        board.standings.push(standing);
    }
    board.sort();
    Ok(board)
}

/// Runs a detector on all series and judges it.
fn stand(
    corpus: &NabCorpus,
    plan: &Plan,
    options: &NabOptions,
    volumes: bool,
) -> Result<(Vec<Stream>, Standing), EngineError> {
    let started = Instant::now();
    let streams = run(corpus, plan)?;
    let seconds = started.elapsed().as_secs_f64();
    let by_events = streams.iter().any(|stream| stream.alarms.is_some());
    let made = corpus.series.iter().zip(streams);
    let streams: Vec<Stream> =
        made.map(|(series, stream)| stream.with_events(options.events_of, &series.truth)).collect();
    // An event of its own is an alarm whatever its score.
    let fixed = if by_events { OPENED } else { anomaly_score(options.alarm_surprise) };
    let rules = Rules { fixed: Some(fixed), per_day: options.alarms_per_day, volumes };
    let mut standing = judge(corpus, &streams, rules, &[])?;
    plan.entry.about.name.clone_into(&mut standing.detector);
    standing.mode = Some(plan.mode());
    standing.seconds = seconds;
    Ok((streams, standing))
}

/// Which detectors to run.
fn chosen(options: &NabOptions) -> Result<Vec<String>, EngineError> {
    for (owner, ..) in &options.set {
        DETECTORS.get(owner)?;
    }
    if !options.detectors.is_empty() {
        return Ok(options.detectors.clone());
    }
    if DETECTORS.get(DEFAULT).is_ok() {
        return Ok(vec![DEFAULT.to_owned()]);
    }
    let slow = |name: &str| name.contains("autoencoder");
    let entries = DETECTORS.0.iter().filter(|entry| entry.about.kind == ModelKind::Series);
    Ok(entries.map(|entry| entry.about.name.to_owned()).filter(|name| !slow(name)).collect())
}

/// One detector on all series, on all threads; the longest series first.
fn run(corpus: &NabCorpus, plan: &Plan) -> Result<Vec<Stream>, EngineError> {
    let mut order: Vec<usize> = (0..corpus.series.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(corpus.series[at].values.len()));
    let mut streams: Vec<(usize, Stream)> = order
        .into_par_iter()
        .with_max_len(1)
        .map(|at| {
            let series = &corpus.series[at];
            let stream = plan.run(&frame_of(series)?, series.truth.probation(), Some(corpus.groups[at]))?;
            Ok((at, stream))
        })
        .collect::<Result<_, EngineError>>()?;
    streams.sort_unstable_by_key(|(at, _)| *at);
    Ok(streams.into_iter().map(|(_, stream)| stream).collect())
}

/// Writes files of results as NAB does: `OUT/detector/category/detector_file.csv`.
fn write(corpus: &NabCorpus, streams: &[Stream], standing: &Standing, out: &Path) -> Result<(), EngineError> {
    let folder = out.join(&standing.detector);
    let thresholds: Vec<(&Profile, f64)> = corpus
        .profiles
        .iter()
        .zip(&standing.profiles)
        .map(|(profile, under)| (profile, under.threshold))
        .collect();
    for (series, stream) in corpus.series.iter().zip(streams) {
        let mut file =
            ResultFile::of_series(&series.timestamps, &series.texts, stream.submitted(), &series.truth);
        file.set_worth(&series.truth, &thresholds, Layout::Events, Digits::Shortest);
        write_file(&folder, &standing.detector, &series.name, &file.text())?;
    }
    Ok(())
}

/// Scores of others: those that come with the benchmark, else the ones known here.
fn published(corpus: &NabCorpus) -> (Vec<(String, Vec<f64>)>, String) {
    let path = corpus.folder.join("results").join("final_results.json");
    let document: Option<Map<String, Value>> =
        std::fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str(&text).ok());
    let Some(document) = document else { return (Vec::new(), String::new()) };
    let mut rows: Vec<(String, Vec<f64>)> = document
        .iter()
        .map(|(name, scores)| {
            let score =
                |profile: &Profile| scores.get(&profile.name).and_then(Value::as_f64).unwrap_or(f64::NAN);
            (name.clone(), corpus.profiles.iter().map(score).collect())
        })
        .collect();
    rows.sort_by(|a, b| b.1.first().partial_cmp(&a.1.first()).unwrap_or(std::cmp::Ordering::Equal));
    (rows, "results/final_results.json".into())
}
