//! Detect, train, score.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eddy_detect::{
    Evaluation, FitStep, LearnsFrom, Memory, Pipeline, PipelineSpec, Progress, Rule, Runs, Seed, StepSpec,
    Threshold, Truth, decode, default_steps, encode,
};
use eddy_frame::{Frame, MISSING_TIME, Role};
use eddy_insight::{Finding, Incident, count, table_incidents};
use eddy_io::{Description, ReadOptions, ReadStats, open};
use eddy_models::DETECTORS;
use eddy_series::Resample;
use serde_json::Value;

use crate::default_detector::{SERIES_DETECTOR, caution_of_short, default_detector, series_lengths};
use crate::events::{Placed, Readings, event_findings, find_events};
use crate::findings::{Scored, findings, stretches, time_at};
use crate::incidents::{Watched, Watching, watch};
use crate::input::Input;
use crate::labels::{attacks, classes, label_of};
use crate::resample::resampled;
use crate::scoring::{score_all, surprises};
use crate::{EngineError, NothingToJudge};

/// Name of the note in a model file that says how its rows were resampled.
const RESAMPLE: &str = "resample";
/// Fewer rows than this cannot say what is ordinary.
const FEW_ROWS: usize = 30;

/// Which rows to fit on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FitOn {
    /// All rows; labels are only used to measure.
    #[default]
    All,
    /// Rows whose label means normal.
    Normal,
}

/// What to fit.
#[derive(Debug, Clone, Default)]
pub struct Fitting {
    /// Steps; none = chosen from the roles of the columns.
    pub steps: Option<Vec<StepSpec>>,
    /// Detector; none = the default ensemble.
    pub detector: Option<String>,
    /// Parameters as (name of detector or step, parameter, value).
    pub set: Vec<(String, String, Value)>,
    /// Where random choices start.
    pub seed: Seed,
    /// Which rows to fit on.
    pub fit_on: FitOn,
}

/// How to run.
#[derive(Clone)]
pub struct RunOptions {
    /// How to read.
    pub read: ReadOptions,
    /// What decides which rows are flagged; none = the default error rate, or the detector's own threshold where it
    /// learned from labels.
    pub rule: Option<Rule>,
    /// Even steps to bring the rows to before anything else; none = as they are, or as the model was trained.
    pub resample: Option<Resample>,
    /// Rows are kept in memory up to this many bytes; beyond, the input is read again for each pass.
    pub max_memory: usize,
    /// Most rows that are fitted on.
    pub fit_rows: usize,
    /// Most findings that are explained.
    pub most_findings: usize,
    /// Told of what is going on, now and then.
    pub progress: Arc<dyn Fn(Stage, u64, u64) + Send + Sync>,
    /// Told how fitting goes, step by step, by detectors that take long.
    pub fit_progress: Arc<dyn Fn(&FitStep) + Send + Sync>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            read: ReadOptions::default(),
            rule: None,
            resample: None,
            max_memory: 1 << 30,
            fit_rows: 262_144,
            most_findings: 1_000,
            progress: Arc::new(|_, _, _| {}),
            fit_progress: Arc::new(|_| {}),
        }
    }
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading: rows and bytes so far.
    Read,
    /// Fitting: rows.
    Fit,
    /// Comparing: models so far and in all.
    Compare,
    /// Scoring: rows so far and in all.
    Score,
    /// Writing: rows so far and in all.
    Write,
}

/// Wall time of each part.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Timings {
    /// Reading.
    pub read: Duration,
    /// Fitting, with calibration.
    pub fit: Duration,
    /// Scoring, threshold and explanation.
    pub score: Duration,
}

/// A finished run. It keeps its input, so that tables and reports can be written from it.
pub struct Run {
    /// What was found out before reading.
    pub description: Description,
    /// What reading met.
    pub stats: ReadStats,
    /// The fitted pipeline, with its threshold.
    pub pipeline: Pipeline,
    /// Which rows are flagged.
    pub threshold: Threshold,
    /// Surprise of every row, in order.
    pub surprises: Vec<f64>,
    /// Whether each row is flagged, in order.
    pub verdicts: Vec<bool>,
    /// What a series model expected of each row.
    pub(crate) readings: Readings,
    /// Number of rows flagged.
    pub flagged: u64,
    /// The most unusual of them, explained.
    pub findings: Vec<Finding>,
    /// Rows of the findings, in the same order, as they were read.
    pub finding_rows: Option<Frame>,
    /// What happened, most urgent first: what hosts did, where the rows are flows between addresses; unusual rows of one
    /// kind together, where they are not.
    pub incidents: Vec<Incident>,
    /// Label column and how well scores and verdicts agree with it.
    pub evaluation: Option<(String, Evaluation)>,
    /// Whether each row is an attack by its label, where there is a label column.
    pub attacks: Option<Vec<bool>>,
    /// Things the person should know.
    pub cautions: Vec<String>,
    /// Where the time went.
    pub timings: Timings,
    input: Input,
}

/// Looks at a frame and the surprise of each of its rows.
pub type Visit<'a> = &'a mut dyn FnMut(&Frame, &[f64]) -> Result<(), EngineError>;

/// What a run says of the rows of a frame, in order.
#[derive(Clone, Copy)]
pub struct Judged<'a> {
    /// The pipeline that says it.
    pub pipeline: &'a Pipeline,
    /// How surprising each row is.
    pub surprises: &'a [f64],
    /// Whether it is flagged.
    pub flagged: &'a [bool],
}

impl Run {
    /// The rows and the pipeline, to go through both together.
    pub(crate) fn input_and_pipeline(&mut self) -> (&mut Input, &Pipeline) {
        (&mut self.input, &self.pipeline)
    }

    /// Goes through the rows again, frame by frame, with the surprise of each row.
    pub fn each(&mut self, visit: Visit<'_>) -> Result<(), EngineError> {
        self.each_judged(&mut |frame, judged| visit(frame, judged.surprises))
    }

    /// The same with all that is said of each row.
    pub(crate) fn each_judged(
        &mut self,
        visit: &mut dyn FnMut(&Frame, Judged<'_>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let Self { input, pipeline, surprises, verdicts, .. } = self;
        input.each(1, &mut |frames: &[Frame]| {
            for frame in frames {
                let start = frame.first_row as usize;
                let rows = start..start + frame.n_rows();
                let (surprises, flagged) = (&surprises[rows.clone()], &verdicts[rows]);
                visit(frame, Judged { pipeline, surprises, flagged })?;
            }
            Ok(())
        })
    }
}

/// Reads, fits and scores the same rows.
pub fn detect(paths: &[String], fitting: &Fitting, options: &RunOptions) -> Result<Run, EngineError> {
    let started = Instant::now();
    let input = read(paths, options)?;
    let read_time = started.elapsed();
    std::thread::scope(|scope| {
        let watching = Watching::begin(scope, &input);
        let (pipeline, cautions, fit_time) = fit(&input, fitting, options)?;
        let timings = Timings { read: read_time, fit: fit_time, ..Timings::default() };
        let beside = Beside { watching, cautions, timings };
        finish(input, pipeline, Learn::Runs, options.rule, options, beside)
    })
}

/// Reads and fits; the run is that of [`detect`] and its pipeline is what is saved.
pub fn train(
    paths: &[String],
    fitting: &Fitting,
    options: &RunOptions,
    to: &Path,
) -> Result<Run, EngineError> {
    let mut run = detect(paths, fitting, options)?;
    run.pipeline.threshold = Some(run.threshold.clone());
    run.pipeline.notes.insert("eddy".into(), env!("CARGO_PKG_VERSION").into());
    if let Some(resample) = options.resample {
        run.pipeline.notes.insert(RESAMPLE.into(), resample.to_string().into());
    }
    run.pipeline.notes.insert("shape".into(), run.description.shape.id.clone().into());
    let names: Vec<&str> = run
        .description
        .sources
        .iter()
        .map(|source| source.rsplit(['/', '\\']).next().unwrap_or(source))
        .take(20)
        .collect();
    run.pipeline.notes.insert("trained_on".into(), names.into());
    let bytes = encode(&run.pipeline.save());
    save_bytes(to, &bytes)?;
    Ok(run)
}

/// Writes to a temporary file beside the target, then renames: a reader never sees half a file.
fn save_bytes(to: &Path, bytes: &[u8]) -> Result<(), EngineError> {
    let fail = |source| EngineError::Io { path: to.display().to_string(), source };
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
    std::io::Write::write_all(&mut file, bytes).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(to).map_err(|error| fail(error.error))?;
    Ok(())
}

/// Largest model file that is read.
const MAX_MODEL_BYTES: u64 = 2 << 30;

/// Reads a model file.
pub fn load_model(path: &Path) -> Result<Pipeline, EngineError> {
    let name = path.display().to_string();
    let io = |source| EngineError::Io { path: name.clone(), source };
    let size = std::fs::metadata(path).map_err(io)?.len();
    if size > MAX_MODEL_BYTES {
        return Err(EngineError::Input(format!(
            "{name}: {size} bytes are more than any Eddy model has; is it another file?"
        )));
    }
    let bytes = std::fs::read(path).map_err(io)?;
    let model = |source| EngineError::Model { path: name.clone(), source };
    let sections = decode(&bytes).map_err(model)?;
    Pipeline::load(&sections, DETECTORS).map_err(model)
}

/// Scores rows with a saved model. `rule` replaces the model's own threshold.
pub fn score(
    model: &Path,
    paths: &[String],
    rule: Option<Rule>,
    options: &RunOptions,
) -> Result<Run, EngineError> {
    let pipeline = load_model(model)?;
    let started = Instant::now();
    // A model of even steps gets even steps.
    let trained_with = || pipeline.notes.get(RESAMPLE)?.as_str()?.parse().ok();
    let options = &RunOptions { resample: options.resample.or_else(trained_with), ..options.clone() };
    let input = read(paths, options)?;
    let timings = Timings { read: started.elapsed(), ..Timings::default() };
    let finish = |input: Input, pipeline, rule| {
        std::thread::scope(|scope| {
            let watching = Watching::begin(scope, &input);
            let beside = Beside { watching, cautions: Vec::new(), timings };
            finish(input, pipeline, Learn::Nothing, rule, options, beside)
        })
    };
    match (rule, pipeline.threshold.clone()) {
        (None, Some(threshold)) if threshold.rule != Rule::Events => {
            let rule = Rule::Score(threshold.anomaly_score());
            let mut run = finish(input, pipeline, Some(rule))?;
            run.threshold = threshold;
            run.threshold.warning = None;
            // The limit itself, not what is left of it on the scale from 0 to 1.
            if !run.readings.tell_events(&run.pipeline) {
                let flags = |&surprise: &f64| run.threshold.flags(surprise);
                run.verdicts = run.surprises.iter().map(flags).collect();
                run.flagged = run.verdicts.iter().filter(|&&flagged| flagged).count() as u64;
            }
            Ok(run)
        }
        (rule, _) => finish(input, pipeline, rule),
    }
}

pub(crate) fn read(paths: &[String], options: &RunOptions) -> Result<Input, EngineError> {
    let source = resampled(open(paths, &options.read)?, options.resample)?;
    let progress = options.progress.clone();
    let input = Input::read(source, options.max_memory, options.fit_rows, &move |rows, bytes| {
        progress(Stage::Read, rows, bytes);
    })?;
    if input.n_rows == 0 {
        let set_aside = input.stats.rows_set_aside;
        let why = if set_aside > 0 {
            let first = input.stats.first_set_aside.first().map_or(String::new(), |row| {
                let place = row.line.map_or_else(|| row.text.clone(), |line| format!("line {line}"));
                format!(" (the first: {place}, {})", row.reason)
            });
            format!("all {set_aside} rows or packets had to be set aside{first}")
        } else {
            "there is a header but no row or packet".to_owned()
        };
        let why = format!("{}: {why}; nothing to look at", paths.join(", "));
        return Err(nothing(input, why));
    }
    Ok(input)
}

/// Why there is nothing to look at; captures of packets may tell something all the same.
fn nothing(mut input: Input, why: String) -> EngineError {
    if !input.description.format.starts_with("capture") {
        return EngineError::Input(why);
    }
    match watch(&mut input) {
        Err(error) => error,
        Ok(watched) => EngineError::NothingToJudge(Box::new(NothingToJudge {
            why,
            incidents: watched.map_or_else(Vec::new, |watched| watched.incidents),
            description: input.description,
            stats: input.stats,
        })),
    }
}

fn fit(
    input: &Input,
    fitting: &Fitting,
    options: &RunOptions,
) -> Result<(Pipeline, Vec<String>, Duration), EngineError> {
    let started = Instant::now();
    (options.progress)(Stage::Fit, input.n_rows, input.n_rows);
    let mut cautions = Vec::new();
    let named = fitting.detector.as_deref().map(|name| DETECTORS.get(name)).transpose()?;
    let lengths = match named {
        Some(entry) if entry.about.name != SERIES_DETECTOR => None,
        _ => series_lengths(input, options.fit_rows)?,
    };
    let entry = match named {
        Some(entry) => entry,
        None => DETECTORS.get(default_detector(input.schema(), lengths.as_deref()))?,
    };
    let mut steps = fitting.steps.clone().unwrap_or_else(|| default_steps(input.schema(), entry));
    let mut params = serde_json::Map::new();
    for (owner, name, value) in &fitting.set {
        let owner = owner.replace('-', "_");
        if owner == entry.about.name {
            params.insert(name.clone(), value.clone());
        } else if let Some(step) = steps.iter_mut().find(|step| step.name == owner) {
            step.set(name, value.clone());
        } else {
            let steps: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
            return Err(EngineError::Input(format!(
                "--set {owner}.{name}: there is no '{owner}' in this run; it has the detector {} and the steps {}",
                entry.about.name,
                steps.join(", ")
            )));
        }
    }
    let in_order = steps.iter().any(|one| eddy_detect::step(&one.name).is_ok_and(|step| step.series))
        || entry.about.kind == eddy_detect::ModelKind::Series;
    let mut frame = input.to_fit(in_order, options.fit_rows).map_err(EngineError::Input)?;
    if (frame.n_rows() as u64) < input.n_rows {
        cautions.push(format!(
            "learned from {} of {} rows, scored all",
            count(frame.n_rows() as u64),
            count(input.n_rows)
        ));
    }
    if frame.n_rows() < FEW_ROWS {
        cautions.push("so few rows cannot say what is ordinary".into());
    }
    if let (SERIES_DETECTOR, Some(lengths)) = (entry.about.name, &lengths) {
        cautions.extend(caution_of_short(lengths));
    }
    let mut labels = attacks(&frame);
    if fitting.fit_on == FitOn::Normal {
        let Some(attack) = &labels else {
            return Err(EngineError::Input(
                "--fit-on normal needs a label column and there is none; name it with --label".into(),
            ));
        };
        let normal: Vec<usize> = (0..frame.n_rows()).filter(|&row_idx| !attack[row_idx]).collect();
        if normal.is_empty() {
            return Err(EngineError::Input(
                "no row is labelled normal, so there is nothing to fit on".into(),
            ));
        }
        frame = frame.take(&normal);
        labels = Some(vec![false; normal.len()]);
    }
    let spec = PipelineSpec {
        steps,
        detector: entry.about.name.to_owned(),
        params: if params.is_empty() { Value::Null } else { Value::Object(params) },
        seed: fitting.seed,
    };
    let classes = match entry.parse(&spec.params)?.learns_from() {
        LearnsFrom::Labels => Some(classes(&frame).map_err(EngineError::Fit)?),
        LearnsFrom::Rows => None,
    };
    let truth = Truth {
        attacks: labels.as_deref(),
        classes: classes.as_ref().map(|(classes, of_rows)| (classes, of_rows.as_slice())),
        progress: Some(Progress(&*options.fit_progress)),
        ..Truth::default()
    };
    let pipeline = Pipeline::fit(&spec, frame, DETECTORS, truth, &score_all)?;
    Ok((pipeline, cautions, started.elapsed()))
}

/// A caution where the detector's own threshold is a share of the rows that it was told to find.
fn share_asked_for(pipeline: &Pipeline) -> Option<String> {
    let detector = DETECTORS.get(&pipeline.spec.detector).ok()?.parse(&pipeline.spec.params).ok()?;
    let share = detector.params().get("contamination")?.as_f64()?;
    Some(format!(
        "the count is only the rule: {} was told to find {} % of the rows, and would find as many in any data",
        pipeline.spec.detector,
        (share * 1e4).round() / 100.0
    ))
}

/// What is learned from the scores of all rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Learn {
    /// The scale of runs of rows: these are the training rows.
    Runs,
    /// Nothing: these are new rows.
    Nothing,
}

/// What goes on and what is known before rows are scored.
struct Beside<'scope> {
    watching: Watching<'scope>,
    cautions: Vec<String>,
    timings: Timings,
}

/// Whether rows come in the order of time, seen frame by frame.
#[derive(Default)]
struct Order {
    last: Option<i64>,
    broken: bool,
}

impl Order {
    fn see(&mut self, frame: &Frame) {
        let times = frame.schema().with_role(Role::Time).find_map(|idx| frame.column(idx).as_time());
        let Some(times) = times else {
            self.broken = true;
            return;
        };
        for &time in times.iter().filter(|&&time| time != MISSING_TIME) {
            self.broken |= self.last.is_some_and(|last| time < last);
            self.last = Some(time);
        }
    }

    fn holds(&self) -> bool {
        !self.broken && self.last.is_some()
    }
}

fn finish(
    mut input: Input,
    mut pipeline: Pipeline,
    learn: Learn,
    rule: Option<Rule>,
    options: &RunOptions,
    beside: Beside<'_>,
) -> Result<Run, EngineError> {
    let started = Instant::now();
    let Beside { watching, mut cautions, mut timings } = beside;
    let mut all = Vec::with_capacity(input.n_rows as usize);
    let mut memory = Memory::default();
    let mut attack_rows: Option<Vec<bool>> = label_of(input.schema()).map(|_| Vec::new());
    let total = input.n_rows;
    let mut order = Order::default();
    let mut readings = Readings::default();
    input.each::<EngineError>(4, &mut |frames| {
        surprises(&pipeline, frames, &mut memory, &mut all, &mut readings)?;
        frames.iter().for_each(|frame| order.see(frame));
        if let Some(rows) = &mut attack_rows {
            frames.iter().for_each(|frame| rows.extend(attacks(frame).unwrap_or_default()));
        }
        (options.progress)(Stage::Score, all.len() as u64, total);
        Ok(())
    })?;
    if memory.dropped > 0 {
        cautions.push(format!(
            "{} rows belong to series beyond the first {} and were scored without their past",
            memory.dropped,
            Memory::CAPACITY
        ));
    }
    // Steps and models of series have their own memory of the rows before.
    if learn == Learn::Runs && order.holds() && !pipeline.is_series() {
        pipeline.runs = Runs::fit(&all);
    }
    let alone = match &pipeline.runs {
        Some(runs) if order.holds() => {
            let alone = all.clone();
            (!runs.raise(&mut all).is_empty()).then_some(alone)
        }
        _ => None,
    };
    let rule = rule.unwrap_or(match pipeline.learns_from {
        LearnsFrom::Labels => Rule::Natural,
        LearnsFrom::Rows if readings.has_alarms => Rule::Events,
        LearnsFrom::Rows => Rule::default(),
    });
    let natural = pipeline.natural_threshold.map(|raw| pipeline.calibration.surprise(raw));
    let mut threshold = Threshold::find(rule, &all, natural).map_err(EngineError::Input)?;
    if rule == Rule::Natural {
        threshold.warning = share_asked_for(&pipeline);
    }
    let (verdicts, findings, finding_rows) = if readings.tell_events(&pipeline) {
        let own = rule == Rule::Events;
        let events = find_events(&mut input, &pipeline, &readings, &all, &threshold, own)?;
        let mut verdicts = vec![false; all.len()];
        events.iter().flat_map(Placed::flagged).for_each(|row| verdicts[row] = true);
        if own {
            // The least alarm, for those who look at scores: each event has a row that scores as high.
            let height = |placed: &Placed| {
                let highest = placed.flagged().map(|row| all[row]).fold(0.0, f64::max);
                placed.event.surprise.min(highest)
            };
            threshold.surprise = events.iter().map(height).fold(f64::MAX, f64::min);
        }
        let (findings, rows) = event_findings(&mut input, &pipeline, &events, options.most_findings)?;
        (verdicts, findings, rows)
    } else {
        let verdicts = all.iter().map(|&surprise| threshold.flags(surprise)).collect();
        let stretches = if order.holds() { stretches(&all, &threshold) } else { Vec::new() };
        let scored =
            Scored { all: &all, alone: alone.as_deref(), threshold: &threshold, stretches: &stretches };
        let (findings, rows) = findings(&mut input, &pipeline, &scored, options.most_findings)?;
        (verdicts, findings, rows)
    };
    let flagged = verdicts.iter().filter(|&&flagged| flagged).count() as u64;
    let evaluation = attack_rows.as_ref().and_then(|rows| {
        let name = label_of(input.schema())?.name.to_string();
        Some((name, Evaluation::measure(&all, rows, threshold.surprise)?))
    });
    let watched = watching.end(&mut input)?;
    if let Some(watched) = &watched {
        caution_of_watching(watched, &mut cautions);
    }
    let time = |row: usize| finding_rows.as_ref().and_then(|rows| time_at(rows, row));
    let times: Vec<Option<i64>> = (0..findings.len()).map(time).collect();
    let learned = pipeline.trained_rows;
    let of_rows = || table_incidents(&findings, &times, threshold.surprise, learned);
    let incidents = watched.map_or_else(of_rows, |watched| watched.incidents);
    timings.score = started.elapsed();
    Ok(Run {
        description: input.description.clone(),
        stats: input.stats.clone(),
        pipeline,
        threshold,
        surprises: all,
        verdicts,
        readings,
        flagged,
        findings,
        finding_rows,
        incidents,
        evaluation,
        attacks: attack_rows,
        cautions,
        timings,
        input,
    })
}

/// What watching flows had to leave out.
fn caution_of_watching(watched: &Watched, cautions: &mut Vec<String>) {
    if watched.unread > 0 {
        cautions.push(format!(
            "{} of {} rows have no two addresses and a time and were not watched for what hosts do",
            count(watched.unread),
            count(watched.rows)
        ));
    }
    if watched.dropped > 0 {
        cautions.push(format!(
            "{} entries of hosts and pairs of hosts were let go for want of room; what they did slowly may be missed",
            count(watched.dropped)
        ));
    }
}
