//! What can be asked for.

use eddy_detect::{Fraction, Rule, Seed, StepSpec};
use eddy_engine::{FitOn, Fitting, Metric, RunOptions, Search, Split, Target};
use eddy_io::{Overrides, ReadOptions};
use eddy_store::JobKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::GenerateRequest;
use crate::config::Detection;

/// The detector that `n_estimators` of a configuration is of.
const FOREST: &str = "isolation_forest";

/// What the columns of a table are for, where the guess is to be corrected.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReadRequest {
    /// The label column.
    pub(crate) label: Option<String>,
    /// The time column.
    pub(crate) time: Option<String>,
    /// Use these columns as features and no others.
    pub(crate) features: Vec<String>,
    /// Leave these columns out.
    pub(crate) ignore: Vec<String>,
    /// Columns that name whom a row is about.
    pub(crate) entity: Vec<String>,
    /// Bring rows to even steps first: a duration and what stands for the values in it ("5m:mean").
    pub(crate) resample: Option<String>,
}

/// What to fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FitRequest {
    /// Name of the detector; by default a small ensemble, or that of metric series for metric series.
    pub(crate) detector: Option<String>,
    /// Parameters of the detector; what is not named keeps its default.
    pub(crate) params: Map<String, Value>,
    /// Steps before the detector, in order; by default those that suit the columns.
    pub(crate) steps: Option<Vec<String>>,
    /// Parameters of steps: step, then parameter.
    pub(crate) step_params: std::collections::BTreeMap<String, Map<String, Value>>,
    /// Where random choices start; the same seed gives the same result.
    pub(crate) seed: Option<u64>,
    /// Which rows to learn from.
    pub(crate) fit_on: FitOnRequest,
}

/// Which rows to learn from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FitOnRequest {
    /// All rows.
    #[default]
    All,
    /// Rows that are labelled normal.
    Normal,
}

/// Which rows are flagged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RuleRequest {
    /// As many as the data bear out: at most this share of them is expected to be ordinary.
    ErrorRate(f64),
    /// This share of the rows, whatever they are.
    Contamination(f64),
    /// Rows at least as strange as this share of typical rows.
    FalsePositiveRate(f64),
    /// So many rows, whatever they are.
    Budget(u64),
    /// Rows with at least this anomaly score.
    Score(f64),
    /// The detector's own threshold.
    Natural,
}

/// A job that can be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum JobRequest {
    /// Look at a data set again.
    Check {
        /// Id of the data set.
        dataset: String,
    },
    /// Describe a data set in full.
    Explore {
        /// Id of the data set.
        dataset: String,
        /// What its columns are for.
        #[serde(default)]
        read: ReadRequest,
    },
    /// Find what is unusual in a data set.
    Detect {
        /// Id of the data set.
        dataset: String,
        /// What its columns are for.
        #[serde(default)]
        read: ReadRequest,
        /// What to fit.
        #[serde(default)]
        fit: FitRequest,
        /// Which rows are flagged.
        #[serde(default)]
        rule: Option<RuleRequest>,
    },
    /// Score a data set with a model.
    Score {
        /// Id of the data set.
        dataset: String,
        /// Id of the model.
        model: String,
        /// What the columns of the data set are for.
        #[serde(default)]
        read: ReadRequest,
        /// Which rows are flagged, instead of the model's own threshold.
        #[serde(default)]
        rule: Option<RuleRequest>,
    },
    /// Learn a model from a data set.
    Train {
        /// Id of the data set.
        dataset: String,
        /// Name of the model; its versions are counted.
        name: String,
        /// What its columns are for.
        #[serde(default)]
        read: ReadRequest,
        /// What to fit.
        #[serde(default)]
        fit: FitRequest,
        /// Which rows the model will flag.
        #[serde(default)]
        rule: Option<RuleRequest>,
    },
    /// Train several models under one protocol.
    Compare {
        /// Id of a data set with a label column.
        dataset: String,
        /// What its columns are for.
        #[serde(default)]
        read: ReadRequest,
        /// Names of detectors; by default all that suit.
        #[serde(default)]
        models: Vec<String>,
        /// How it is measured.
        #[serde(default)]
        protocol: Protocol,
    },
    /// Try values of a model's parameters.
    Tune {
        /// Id of a data set with a label column.
        dataset: String,
        /// What its columns are for.
        #[serde(default)]
        read: ReadRequest,
        /// The detector and what is fixed.
        fit: FitRequest,
        /// Values to try: "NAME.PARAMETER=A,B,C", or with `random` "NAME.PARAMETER=LOW..HIGH" (":log" after it).
        space: Vec<String>,
        /// Draw so many combinations at random instead of trying all.
        #[serde(default)]
        random: Option<usize>,
        /// What makes a trial better.
        #[serde(default)]
        metric: Metric,
        /// How it is measured.
        #[serde(default)]
        protocol: Protocol,
    },
    /// Make a data set.
    Generate(GenerateRequest),
}

/// How models are measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Protocol {
    /// Which rows are measured on: "random", "stratified", "time", "time-in-class", "group:COLUMN", or "official:ID"
    /// with the id of a data set that holds the rows to measure on.
    pub(crate) split: String,
    /// Folds of a cross-validation; 1 holds rows out once.
    pub(crate) folds: usize,
    /// Share of the rows that is measured on, with one fold.
    pub(crate) test_share: f64,
    /// Classes to keep from the models, to see whether they are caught all the same.
    pub(crate) holdout: Vec<String>,
    /// Learn to tell attacks from normal rows only, instead of every class.
    pub(crate) attack_only: bool,
    /// Use columns that give the label away as well.
    pub(crate) with_leaks: bool,
    /// Where random choices start.
    pub(crate) seed: u64,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            split: "stratified".into(),
            folds: 1,
            test_share: 0.3,
            holdout: Vec::new(),
            attack_only: false,
            with_leaks: false,
            seed: 42,
        }
    }
}

impl JobRequest {
    /// What it is.
    pub(crate) fn kind(&self) -> JobKind {
        match self {
            Self::Check { .. } => JobKind::Check,
            Self::Explore { .. } => JobKind::Explore,
            Self::Detect { .. } => JobKind::Detect,
            Self::Score { .. } => JobKind::Score,
            Self::Train { .. } => JobKind::Train,
            Self::Compare { .. } => JobKind::Compare,
            Self::Tune { .. } => JobKind::Tune,
            Self::Generate(_) => JobKind::Generate,
        }
    }

    /// A detection of which nothing is said but where.
    pub(crate) fn detect(dataset: String) -> Self {
        Self::Detect { dataset, read: ReadRequest::default(), fit: FitRequest::default(), rule: None }
    }

    /// The data set it works on.
    pub(crate) fn dataset(&self) -> Option<&str> {
        match self {
            Self::Check { dataset }
            | Self::Explore { dataset, .. }
            | Self::Detect { dataset, .. }
            | Self::Score { dataset, .. }
            | Self::Train { dataset, .. }
            | Self::Compare { dataset, .. }
            | Self::Tune { dataset, .. } => Some(dataset),
            Self::Generate(_) => None,
        }
    }

    /// The data set of an official split.
    pub(crate) fn official(&self) -> Option<&str> {
        match self {
            Self::Compare { protocol, .. } | Self::Tune { protocol, .. } => {
                protocol.split.strip_prefix("official:")
            }
            _ => None,
        }
    }

    /// Says what is wrong before anything begins, as far as that can be seen without the rows.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Check { .. } => Ok(()),
            Self::Explore { read, .. } => read.options(0).map(drop),
            Self::Detect { read, fit, rule, .. } | Self::Train { read, fit, rule, .. } => {
                if let Self::Train { name, .. } = self
                    && !is_name(name)
                {
                    return Err("name: 1 to 100 characters are needed".into());
                }
                read.options(0)?;
                fit.fitting()?;
                rule.map(RuleRequest::rule).transpose().map(drop)
            }
            Self::Score { read, rule, .. } => {
                read.options(0)?;
                rule.map(RuleRequest::rule).transpose().map(drop)
            }
            Self::Compare { read, models, protocol, .. } => {
                read.options(0)?;
                for name in models {
                    eddy_models::DETECTORS.get(name).map_err(|error| error.to_string())?;
                }
                protocol.check()
            }
            Self::Tune { read, fit, space, random, protocol, .. } => {
                read.options(0)?;
                fit.fitting()?;
                if fit.detector.is_none() {
                    return Err("fit.detector: name the model whose parameters are to be tried".into());
                }
                if space.is_empty() || space.len() > 20 {
                    return Err("space: name 1 to 20 parameters and values to try".into());
                }
                for text in space {
                    let _: eddy_engine::Dimension =
                        text.parse().map_err(|error| format!("space: {text}: {error}"))?;
                }
                if random.is_some_and(|n| !(1..=10_000).contains(&n)) {
                    return Err("random: 1 to 10000 trials are possible".into());
                }
                protocol.check()
            }
            Self::Generate(request) => request.check(),
        }
    }
}

/// Whether a text can be a name for people.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
        && !text.trim().is_empty()
}

impl ReadRequest {
    /// As the engine has it.
    pub(crate) fn options(&self, rows_memory: usize) -> Result<RunOptions, String> {
        let mut options = RunOptions {
            read: ReadOptions {
                overrides: Overrides {
                    label: self.label.clone(),
                    time: self.time.clone(),
                    features: self.features.clone(),
                    ignore: self.ignore.clone(),
                    entity: self.entity.clone(),
                },
                ..ReadOptions::default()
            },
            max_memory: rows_memory.max(1 << 20),
            ..RunOptions::default()
        };
        if let Some(text) = &self.resample {
            options.resample = Some(text.parse().map_err(|error| format!("read.resample: {error}"))?);
        }
        Ok(options)
    }
}

impl FitRequest {
    /// As the engine has it.
    pub(crate) fn fitting(&self) -> Result<Fitting, String> {
        let mut set = Vec::new();
        if let Some(detector) = &self.detector {
            let entry = eddy_models::DETECTORS.get(detector).map_err(|error| error.to_string())?;
            if !self.params.is_empty() {
                entry.parse(&Value::Object(self.params.clone())).map_err(|error| error.to_string())?;
            }
            let name = entry.about.name.to_owned();
            set.extend(self.params.iter().map(|(key, value)| (name.clone(), key.clone(), value.clone())));
        } else if !self.params.is_empty() {
            return Err("fit.params: name the detector that they belong to".into());
        }
        for (step, params) in &self.step_params {
            eddy_detect::step(step).map_err(|error| error.to_string())?;
            set.extend(params.iter().map(|(key, value)| (step.clone(), key.clone(), value.clone())));
        }
        if let Some(steps) = &self.steps {
            for step in steps {
                eddy_detect::step(&step.replace('-', "_")).map_err(|error| error.to_string())?;
            }
        }
        Ok(Fitting {
            steps: self
                .steps
                .as_ref()
                .map(|steps| steps.iter().map(|step| StepSpec::new(&step.replace('-', "_"))).collect()),
            detector: self.detector.clone(),
            set,
            seed: seed(self.seed.unwrap_or(42))?,
            fit_on: match self.fit_on {
                FitOnRequest::All => FitOn::All,
                FitOnRequest::Normal => FitOn::Normal,
            },
        })
    }
}

/// What a configuration says a detection does, where the request says nothing; the columns to use if a table has them
/// all.
pub(crate) fn by_configuration(
    set: &Detection,
    read: &mut ReadRequest,
    fit: &mut FitRequest,
    rule: &mut Option<RuleRequest>,
) -> Vec<String> {
    let prefer = if read.features.is_empty() { set.features.clone() } else { Vec::new() };
    read.features.retain(|name| !name.is_empty());
    if fit.detector.is_none() {
        fit.detector = set.detector.clone().or_else(|| set.n_estimators.map(|_| FOREST.to_owned()));
    }
    if let (Some(n), Some(FOREST)) = (set.n_estimators, fit.detector.as_deref()) {
        fit.params.entry("n_estimators").or_insert_with(|| n.into());
    }
    fit.seed = fit.seed.or(set.random_state);
    *rule = rule.or(set.contamination.map(RuleRequest::Contamination));
    prefer
}

fn seed(value: u64) -> Result<Seed, String> {
    Seed::try_from(value as f64).map_err(|reason| format!("seed: {reason}"))
}

impl RuleRequest {
    /// As the engine has it.
    pub(crate) fn rule(self) -> Result<Rule, String> {
        let share = |value: f64| Fraction::try_from(value).map_err(|reason| format!("rule: {reason}"));
        Ok(match self {
            Self::ErrorRate(value) => Rule::ErrorRate(share(value)?),
            Self::Contamination(value) => Rule::Contamination(share(value)?),
            Self::FalsePositiveRate(value) => Rule::FalsePositiveRate(share(value)?),
            Self::Budget(n) => Rule::Budget(n),
            Self::Score(score) if (0.0..=1.0).contains(&score) => Rule::Score(score),
            Self::Score(_) => return Err("rule: an anomaly score lies between 0 and 1".into()),
            Self::Natural => Rule::Natural,
        })
    }
}

impl Protocol {
    fn check(&self) -> Result<(), String> {
        self.apply(None).map(drop)
    }

    /// As the engine has it; the path takes the place of an official data set.
    pub(crate) fn apply(
        &self,
        official: Option<&std::path::Path>,
    ) -> Result<eddy_engine::CompareOptions, String> {
        if !(self.test_share > 0.0 && self.test_share < 1.0) {
            return Err("protocol.test_share: a share above 0 and below 1 is needed".into());
        }
        if !(1..=100).contains(&self.folds) {
            return Err("protocol.folds: 1 to 100 are possible".into());
        }
        let split: Split = match official {
            Some(path) => Split::Official(path.display().to_string()),
            None => self.split.parse().map_err(|reason| format!("protocol.split: {reason}"))?,
        };
        Ok(eddy_engine::CompareOptions {
            split,
            folds: self.folds,
            test_share: self.test_share,
            holdout: self.holdout.clone(),
            target: if self.attack_only { Target::Attack } else { Target::Classes },
            leaks: if self.with_leaks { eddy_engine::Leaks::Used } else { eddy_engine::Leaks::LeftOut },
            seed: seed(self.seed)?,
            detail: eddy_engine::Detail::Everything,
            ..eddy_engine::CompareOptions::default()
        })
    }
}

/// How combinations are chosen.
pub(crate) fn search(random: Option<usize>) -> Search {
    random.map_or(Search::Grid, Search::Random)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        serde_json::from_str::<JobRequest>(text).map_err(|error| error.to_string())?.check()
    }

    #[test]
    fn what_the_request_says_goes_over_the_configuration_and_that_over_the_defaults() {
        let all = Detection {
            features: vec!["a".into()],
            detector: None,
            contamination: Some(0.1),
            n_estimators: Some(7),
            random_state: Some(3),
        };
        let of = |set: &Detection, text: &str| {
            let JobRequest::Detect { mut read, mut fit, mut rule, .. } = serde_json::from_str(text).unwrap()
            else {
                panic!("{text}");
            };
            let prefer = by_configuration(set, &mut read, &mut fit, &mut rule);
            (prefer, fit.detector, fit.params.get("n_estimators").and_then(Value::as_u64), fit.seed, rule)
        };
        let (name, nothing) = (|name: &str| Some(name.to_owned()), r#"{"kind":"detect","dataset":"d"}"#);
        let rule = Some(RuleRequest::Contamination(0.1));
        assert_eq!(of(&Detection::default(), nothing), (vec![], None, None, None, None));
        assert_eq!(of(&all, nothing), (vec!["a".into()], name(FOREST), Some(7), Some(3), rule));
        let other = r#"{"kind":"detect","dataset":"d","read":{"features":["b"]},"fit":{"detector":"hbos","seed":9},"rule":"natural"}"#;
        assert_eq!(of(&all, other), (vec![], name("hbos"), None, Some(9), Some(RuleRequest::Natural)));
        let trees = r#"{"kind":"detect","dataset":"d","fit":{"detector":"isolation_forest","params":{"n_estimators":5}}}"#;
        assert_eq!(of(&all, trees).2, Some(5));
        let hbos = Detection { detector: name("hbos"), ..all };
        assert_eq!(of(&hbos, nothing).1, name("hbos"));
        assert_eq!(of(&hbos, nothing).2, None, "trees are of the forest alone");
    }

    #[test]
    fn requests_are_checked_before_anything_begins() {
        for text in [
            r#"{"kind":"detect","dataset":"d"}"#,
            r#"{"kind":"detect","dataset":"d","rule":{"contamination":0.15},"fit":{"detector":"isolation_forest","params":{"n_estimators":50}}}"#,
            r#"{"kind":"train","dataset":"d","name":"m","rule":"natural","fit":{"steps":["scale"],"seed":7}}"#,
            r#"{"kind":"compare","dataset":"d","models":["random_forest"],"protocol":{"split":"time"}}"#,
            r#"{"kind":"tune","dataset":"d","fit":{"detector":"isolation_forest"},"space":["isolation_forest.n_estimators=10,20"]}"#,
            r#"{"kind":"generate","shape":"metric-series"}"#,
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for (text, wanted) in [
            (r#"{"kind":"detect","dataset":"d","fit":{"detector":"oracle"}}"#, "oracle"),
            (r#"{"kind":"detect","dataset":"d","rule":{"contamination":7}}"#, "rule"),
            (r#"{"kind":"detect","dataset":"d","color":1}"#, "color"),
            (r#"{"kind":"dance"}"#, "dance"),
            (r#"{"kind":"train","dataset":"d","name":""}"#, "name"),
            (r#"{"kind":"compare","dataset":"d","protocol":{"test_share":1.5}}"#, "test_share"),
            (r#"{"kind":"detect","dataset":"d","fit":{"params":{"a":1}}}"#, "detector"),
            (r#"{"kind":"generate","shape":"cube"}"#, "cube"),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
