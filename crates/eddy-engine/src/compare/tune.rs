//! Search for parameters.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use eddy_models::DETECTORS;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::contend::{Protocol, contend, params_of};
use super::{Binary, CompareOptions, Leaks, prepare, use_leaks};
use crate::EngineError;
use crate::run::Stage;

/// What to search.
#[derive(Clone)]
pub struct TuneOptions {
    /// Protocol, and parameters that stay as they are.
    pub compare: CompareOptions,
    /// Whose parameters are searched.
    pub detector: String,
    /// Parameters and the values to try.
    pub space: Vec<Dimension>,
    /// Which of them are tried.
    pub search: Search,
    /// What makes a trial better.
    pub metric: Metric,
    /// Where every trial is written as it ends, and found again.
    pub log: Option<PathBuf>,
}

/// One parameter and the values to try.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dimension {
    /// The detector or step.
    pub owner: String,
    /// The parameter.
    pub name: String,
    /// The values.
    pub values: Values,
}

/// Values to try.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    /// These.
    Listed(Vec<Value>),
    /// Any number between two, for random search only.
    Between {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
        /// Whether each tenfold is as likely as the next.
        log: bool,
        /// Whether only whole numbers make sense.
        whole: bool,
    },
}

impl std::str::FromStr for Dimension {
    type Err = String;

    /// `NAME.PARAMETER=A,B,C`, `NAME.PARAMETER=LOW..HIGH` or `NAME.PARAMETER=LOW..HIGH:log`.
    fn from_str(text: &str) -> Result<Self, String> {
        let shape = "write NAME.PARAMETER=A,B,C or NAME.PARAMETER=LOW..HIGH, the latter with :log where tenfolds count";
        let (path, values) = text.split_once('=').ok_or(shape)?;
        let (owner, name) = path.split_once('.').ok_or(shape)?;
        let (owner, name) = (owner.trim().replace('-', "_"), name.trim().to_owned());
        let parse = |text: &str| {
            serde_json::from_str(text.trim()).unwrap_or_else(|_| Value::String(text.trim().to_owned()))
        };
        let range = values.split_once("..").map(|(low, high)| {
            let (high, log) = high.strip_suffix(":log").map_or((high, false), |high| (high, true));
            (low.trim(), high.trim(), log)
        });
        let Some((low, high, log)) = range else {
            let listed = split_outside(values).into_iter().map(parse).collect();
            return Ok(Self { owner, name, values: Values::Listed(listed) });
        };
        let whole = low.parse::<i64>().is_ok() && high.parse::<i64>().is_ok();
        let (Ok(low), Ok(high)) = (low.parse::<f64>(), high.parse::<f64>()) else {
            return Err(format!("{values}: a range goes from one number to another"));
        };
        if !(low < high && low.is_finite() && high.is_finite()) || (log && low <= 0.0) {
            return Err(format!(
                "{values}: a range goes from a smaller number to a larger, above 0 with :log"
            ));
        }
        Ok(Self { owner, name, values: Values::Between { low, high, log, whole } })
    }
}

/// Parts between commas that are not inside brackets or quotes.
fn split_outside(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0i32, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            ',' if depth == 0 && !quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Which values are tried together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Search {
    /// Every combination.
    Grid,
    /// So many, drawn at random.
    Random(usize),
}

/// What makes a trial better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Area under the ROC curve.
    #[default]
    RocAuc,
    /// Average precision.
    AveragePrecision,
    /// Mean of the recalls of attacks and normal rows.
    BalancedAccuracy,
    /// Share of right verdicts.
    Accuracy,
    /// Harmonic mean of precision and recall of attacks.
    F1,
    /// Mean F1 of all classes.
    MacroF1,
}

/// One combination of values and how it fared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trial {
    /// `NAME.PARAMETER` and its value.
    pub values: Map<String, Value>,
    /// What the metric gave; none where it failed.
    pub metric: Option<f64>,
    /// The figures of attack against normal.
    pub binary: Option<Binary>,
    /// Mean F1 of all classes.
    pub macro_f1: Option<f64>,
    /// Why there are no figures.
    pub failed: Option<String>,
    /// Seconds to fit, of all folds.
    pub fit_seconds: f64,
    /// Seconds to score, of all folds.
    pub score_seconds: f64,
    /// Size of the model file.
    pub bytes: u64,
}

/// A finished search.
pub struct Tuning {
    /// The trials, best first.
    pub trials: Vec<Trial>,
    /// How many of them were found in the log rather than run.
    pub resumed: usize,
    /// What was learned from and measured on.
    pub split: String,
}

/// Trials at most: a grid of more is refused.
const MOST_TRIALS: usize = 100_000;

/// Tries values of parameters under one protocol.
pub fn tune(paths: &[String], options: &TuneOptions) -> Result<Tuning, EngineError> {
    let entry = DETECTORS.get(&options.detector)?;
    let combinations = combinations(options)?;
    // What a detector refuses is known before anything is read.
    let set = |values: &Map<String, Value>| {
        let mut set = options.compare.set.clone();
        set.extend(values.iter().filter_map(|(path, value)| {
            let (owner, name) = path.split_once('.')?;
            Some((owner.to_owned(), name.to_owned(), value.clone()))
        }));
        set
    };
    if let Some(first) = combinations.first() {
        entry.parse(&params_of(entry, &set(first)))?;
    }
    let identity = json!({
        "inputs": paths,
        "detector": entry.about.name,
        "split": options.compare.split.in_words(options.compare.folds, options.compare.test_share),
        "seed": options.compare.seed,
        "metric": options.metric,
        "set": options.compare.set,
    });
    let log = options.log.as_deref().map(|path| Log::open(path, &identity)).transpose()?;
    let mut prepared = prepare(paths, &options.compare)?;
    if options.compare.leaks == Leaks::Used {
        prepared.rows.frame = use_leaks(prepared.rows.frame).map_err(EngineError::Fit)?;
    }
    let done = AtomicU64::new(0);
    let n = combinations.len() as u64;
    let try_one = |values: Map<String, Value>| -> Result<(Trial, bool), EngineError> {
        if let Some(trial) = log.as_ref().and_then(|log| log.known.get(&key(&values))) {
            done.fetch_add(1, Ordering::Relaxed);
            return Ok((trial.clone(), true));
        }
        let own = CompareOptions { set: set(&values), ..options.compare.clone() };
        let protocol =
            Protocol { rows: &prepared.rows, held: &prepared.held, parts: &prepared.parts, options: &own };
        let (contender, _) = contend(entry, &protocol);
        let macro_f1 = contender.multi.as_ref().map(|multi| multi.macro_f1);
        let trial = Trial {
            metric: contender.binary.as_ref().and_then(|binary| options.metric.of(binary, macro_f1)),
            values,
            binary: contender.binary,
            macro_f1,
            failed: contender.failed,
            fit_seconds: contender.fit_seconds,
            score_seconds: contender.score_seconds,
            bytes: contender.bytes,
        };
        if let Some(log) = &log {
            log.write(&trial)?;
        }
        (options.compare.run.progress)(Stage::Compare, done.fetch_add(1, Ordering::Relaxed) + 1, n);
        Ok((trial, false))
    };
    let tried: Vec<(Trial, bool)> = combinations.into_par_iter().map(try_one).collect::<Result<_, _>>()?;
    let resumed = tried.iter().filter(|(_, known)| *known).count();
    let mut trials: Vec<Trial> = tried.into_iter().map(|(trial, _)| trial).collect();
    let rank = |trial: &Trial| trial.metric.unwrap_or(f64::NEG_INFINITY);
    trials.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    let split = options.compare.split.in_words(options.compare.folds, options.compare.test_share);
    Ok(Tuning { trials, resumed, split })
}

impl FromStr for Metric {
    type Err = String;

    /// Its name as in JSON, or with hyphens.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::deserialize(Value::String(text.replace('-', "_"))).map_err(|error| error.to_string())
    }
}

impl Metric {
    fn of(self, binary: &Binary, macro_f1: Option<f64>) -> Option<f64> {
        Some(match self {
            Self::RocAuc => binary.roc_auc,
            Self::AveragePrecision => binary.average_precision,
            Self::BalancedAccuracy => binary.balanced_accuracy,
            Self::Accuracy => binary.accuracy,
            Self::F1 => binary.f1,
            Self::MacroF1 => return macro_f1,
        })
    }
}

fn key(values: &Map<String, Value>) -> String {
    let mut pairs: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.sort();
    pairs.join(";")
}

/// The combinations to try, each once.
fn combinations(options: &TuneOptions) -> Result<Vec<Map<String, Value>>, EngineError> {
    let refuse = |reason: String| Err(EngineError::Input(reason));
    if options.space.is_empty() {
        return refuse("there is nothing to try; name parameters and values with --try".into());
    }
    let path = |dimension: &Dimension| format!("{}.{}", dimension.owner, dimension.name);
    let Search::Random(n) = options.search else {
        let mut all = vec![Map::new()];
        for dimension in &options.space {
            let Values::Listed(values) = &dimension.values else {
                return refuse(format!(
                    "{}: a grid needs listed values; give --random N to draw from a range",
                    path(dimension)
                ));
            };
            let with = |one: &Map<String, Value>| {
                values
                    .iter()
                    .map(|value| {
                        let mut one = one.clone();
                        one.insert(path(dimension), value.clone());
                        one
                    })
                    .collect::<Vec<_>>()
            };
            all = all.iter().flat_map(with).collect();
            if all.len() > MOST_TRIALS {
                return refuse(format!("the grid has more than {MOST_TRIALS} combinations; give --random N"));
            }
        }
        return Ok(all);
    };
    let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(options.compare.seed.get());
    let mut seen = std::collections::HashSet::new();
    let mut all = Vec::new();
    // Listed values may have fewer combinations than were asked for.
    for _ in 0..n.min(MOST_TRIALS).saturating_mul(20) {
        if all.len() == n.min(MOST_TRIALS) {
            break;
        }
        let draw = |dimension: &Dimension| {
            let value = match &dimension.values {
                Values::Listed(values) => values[rng.random_range(0..values.len())].clone(),
                Values::Between { low, high, log, whole } => {
                    let share: f64 = rng.random();
                    let number = if *log {
                        (low.ln() + share * (high.ln() - low.ln())).exp()
                    } else {
                        low + share * (high - low)
                    };
                    if *whole { json!(number.round() as i64) } else { json!(number) }
                }
            };
            (path(dimension), value)
        };
        let values: Map<String, Value> = options.space.iter().map(draw).collect();
        if seen.insert(key(&values)) {
            all.push(values);
        }
    }
    Ok(all)
}

/// Trials on disk: one JSON object a line, after a line that says what was searched.
struct Log {
    path: String,
    known: HashMap<String, Trial>,
    file: Mutex<std::fs::File>,
}

impl Log {
    fn open(path: &Path, identity: &Value) -> Result<Self, EngineError> {
        let name = path.display().to_string();
        let io = |source| EngineError::Io { path: name.clone(), source };
        let mut known = HashMap::new();
        let mut whole = 0;
        if let Ok(file) = std::fs::File::open(path) {
            let mut reader = BufReader::new(file);
            let mut line = String::new();
            let mut at = 0;
            while reader.read_line(&mut line).map_err(io)? > 0 {
                // A line that was being written when the program ended is run again.
                if !line.ends_with('\n') {
                    break;
                }
                at += 1;
                let bad = |reason: String| EngineError::Input(format!("{name}: line {at}: {reason}"));
                if at == 1 {
                    let first: Value = serde_json::from_str(&line)
                        .map_err(|error| bad(format!("is no log of trials ({error}); name another file")))?;
                    if first["search"] != *identity {
                        return Err(bad("belongs to another search; name another file, or remove it".into()));
                    }
                } else {
                    let trial: Trial = serde_json::from_str(&line).map_err(|error| bad(error.to_string()))?;
                    known.insert(key(&trial.values), trial);
                }
                whole += line.len() as u64;
                line.clear();
            }
        }
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(io)?;
        file.set_len(whole).map_err(io)?;
        if whole == 0 {
            writeln!(file, "{}", json!({ "search": identity })).map_err(io)?;
        }
        Ok(Self { path: name, known, file: Mutex::new(file) })
    }

    fn write(&self, trial: &Trial) -> Result<(), EngineError> {
        let line = serde_json::to_string(trial).unwrap_or_default() + "\n";
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(line.as_bytes()).map_err(|source| EngineError::Io { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_to_try_are_read_from_text() {
        let check = |text: &str, values: Values| {
            let found: Dimension = text.parse().unwrap();
            assert_eq!((found.owner.as_str(), found.name.as_str()), ("random_forest", "x"));
            assert_eq!(found.values, values);
        };
        check("random-forest.x=1,2.5,auto", Values::Listed(vec![json!(1), json!(2.5), json!("auto")]));
        check("random_forest.x=[1,2],[3]", Values::Listed(vec![json!([1, 2]), json!([3])]));
        check("random_forest.x=5..9", Values::Between { low: 5.0, high: 9.0, log: false, whole: true });
        check(
            "random_forest.x=0.01..1:log",
            Values::Between { low: 0.01, high: 1.0, log: true, whole: false },
        );
        for bad in ["x", "x=1", "a.b=9..1", "a.b=0..1:log", "a.b=low..high"] {
            assert!(bad.parse::<Dimension>().is_err(), "{bad}");
        }
    }
}
