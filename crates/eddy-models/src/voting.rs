//! Voting: several detectors, one score.

use std::sync::Arc;

use eddy_detect::{
    About, Calibration, Detector, FitContext, FitError, LearnsFrom, LoadError, Model, ModelKind, ParamError, Positive,
    RowModel, ScoreScale, SectionReader, SectionWriter, SeriesModel, SeriesScorer,
};
use eddy_frame::RowsView;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{DETECTORS, held::is_holder};

/// How deep votings may hold votings, the outermost included.
const MAX_LEVELS: usize = 3;
/// Part of the mean that is added to a vote that stands alone.
const TIE_BREAK: f64 = 1e-3;
/// Rows scored at a time on one thread while calibrating.
const CHUNK_ROWS: usize = 8192;

/// Voting: the weighted opinion of several detectors.
///
/// Each member is fitted on the same rows, and its scores are put on a common scale by how surprising they are among the
/// member's own training scores (`-log10` of the share of typical rows that score at least as high). The score is the
/// weighted mean, or the largest, of the members' surprise.
///
/// Score range: 0 upwards; 3 is one typical row in a thousand. Input and missing values: as the members have them. If a
/// member looks at series, so does the voting. Blind to: what all members are blind to; with the mean, what most are.
/// Cost: the sum of the members'.
///
/// Source: averaging and maximising standardised scores is discussed in Aggarwal & Sathe, "Theoretical Foundations and
/// Algorithms for Outlier Ensembles", SIGKDD Explorations 2015, and, for scores turned into probabilities, in Kriegel,
/// Kroeger, Schubert & Zimek, "Interpreting and Unifying Outlier Scores", SDM 2011; ours uses the logarithm of tail
/// shares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Voting {
    /// The detectors that vote. Online detectors cannot: their scores drift away from the scale learned at the start.
    pub members: Vec<Member>,
    /// How the members' votes become one score.
    pub combine: Combine,
}

/// One detector that votes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Name of the detector.
    pub detector: String,
    /// Its parameters; what is not named keeps its default.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// How much its vote counts, relative to the others'.
    #[serde(default = "Member::equal_weight")]
    pub weight: Positive,
}

impl Member {
    fn equal_weight() -> Positive {
        Positive::new(1.0)
    }

    /// A member with default parameters.
    fn of(detector: &str) -> Self {
        Self { detector: detector.to_owned(), params: Map::new(), weight: Self::equal_weight() }
    }
}

/// How the members' votes become one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Combine {
    /// The larger of the weighted mean and the largest vote less `log10` of the number of members (the correction of
    /// Bonferroni): anomalies that most members see, and those that one member sees very clearly.
    #[default]
    Either,
    /// The weighted mean: anomalies that most members see.
    Mean,
    /// The largest vote, each in proportion to its weight: anomalies that any member sees, and its false alarms.
    Max,
}

impl Default for Voting {
    fn default() -> Self {
        let mut members = ["isolation_forest", "loda", "robust_z", "robust_z"].map(Member::of);
        members[3].params.insert("aggregation".into(), "root_mean_square".into());
        Self { members: members.into(), combine: Combine::Either }
    }
}

impl Voting {
    /// How deep votings hold votings, this one included.
    fn levels(&self, allowed: usize) -> Result<usize, String> {
        let mut deepest = 0;
        for member in self.members.iter().filter(|member| is_voting(&member.detector)) {
            if allowed <= 1 {
                return Err(format!("members: votings may hold votings only {MAX_LEVELS} deep"));
            }
            let inner: Self = serde_json::from_value(Value::Object(member.params.clone()))
                .map_err(|error| format!("members: voting: {error}"))?;
            deepest = deepest.max(inner.levels(allowed - 1)?);
        }
        Ok(deepest + 1)
    }
}

fn is_voting(name: &str) -> bool {
    DETECTORS.get(name).is_ok_and(|entry| entry.about.name == Voting::ABOUT.name)
}

impl Detector for Voting {
    const ABOUT: About = About {
        name: "voting",
        title: "Voting",
        kind: ModelKind::Row,
        summary: "Fits several detectors, puts their scores on one scale of surprise, and takes the mean or maximum.",
        blind_to: "What all members are blind to; with the mean, what most of them are.",
        cost: "The sum of the members' costs.",
        source: "Aggarwal & Sathe 2015; Kriegel et al. 2011; scores are brought together as logarithms of tail shares.",
        natural_threshold: None,
    };

    // The geometric mean of p-values is, up to a factor of e, a p-value whatever the members have in common (Vovk &
    // Wang, "Combining p-values via averaging", 2020), so the mean surprise is a surprise.
    const SCALE: ScoreScale = ScoreScale::Surprise;

    fn check(&self) -> Result<(), String> {
        if self.members.is_empty() {
            return Err("members: name at least one detector".into());
        }
        self.levels(MAX_LEVELS)?;
        for member in &self.members {
            let refuse = |error: ParamError| format!("members: {error}");
            let entry = DETECTORS.get(&member.detector).map_err(refuse)?;
            if entry.about.kind == ModelKind::Online {
                return Err(format!(
                    "members: {} goes on learning, so its scores leave the scale learned at the start; run it alone",
                    entry.about.name
                ));
            }
            if is_holder(entry.about.name) && !is_voting(&member.detector) {
                return Err(format!("members: {} holds detectors itself and cannot be held", entry.about.name));
            }
            let detector = entry.parse(&Value::Object(member.params.clone())).map_err(refuse)?;
            if detector.learns_from() == LearnsFrom::Labels {
                return Err(format!(
                    "members: {} learns from labels; voting_classifier and nids hold such models",
                    entry.about.name
                ));
            }
        }
        Ok(())
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        self.check()
            .map_err(|reason| ParamError::Invalid { detector: Self::ABOUT.name.into(), reason })?;
        let fit = |(idx, member): (usize, &Member)| {
            let detector = DETECTORS.get(&member.detector)?.parse(&Value::Object(member.params.clone()))?;
            let context = FitContext { seed: context.seed.part(idx as u64), ..*context };
            let voter = match detector.fit(rows, &context)? {
                Model::Row(model) => Voter::Row(model),
                Model::Series(model) => Voter::Series(model),
                Model::Online(_) => unreachable!("refused by check"),
            };
            let calibration = Calibration::fit(&voter.score_training(rows, &context));
            Ok(Seat { detector: detector.about().name, weight: member.weight, voter, calibration })
        };
        let seats = self.members.iter().enumerate().map(fit).collect::<Result<_, FitError>>()?;
        let levels = self.levels(MAX_LEVELS).unwrap_or(MAX_LEVELS);
        Ok(VotingModel { seats, combine: self.combine, n_features: rows.n_cols(), levels }.into_model())
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let levels: usize = section.value("levels")?;
        let names: Vec<(String, Positive)> = section.value("members")?;
        if levels > MAX_LEVELS || names.is_empty() {
            return Err(LoadError::content("members", "are none, or nested too deep"));
        }
        let load = |(idx, (name, weight)): (usize, &(String, Positive))| {
            let part = section.part(&part_name(idx));
            let entry = DETECTORS.get(name).map_err(|error| LoadError::content("members", error.to_string()))?;
            // Levels that count down keep a hostile file from nesting without end.
            if entry.about.name == Self::ABOUT.name && part.part("model").value::<usize>("levels")? >= levels {
                return Err(LoadError::content("levels", "do not count down"));
            }
            if is_holder(entry.about.name) && entry.about.name != Self::ABOUT.name {
                return Err(LoadError::content("members", "hold what cannot be held"));
            }
            let voter = match entry.load(&part.part("model"))? {
                Model::Row(model) => Voter::Row(model),
                Model::Series(model) => Voter::Series(model),
                Model::Online(_) => return Err(LoadError::content("members", "hold an online detector")),
            };
            let calibration = Calibration::load(&part.part("calibration"))?;
            Ok(Seat { detector: entry.about.name, weight: *weight, voter, calibration })
        };
        let seats = names.iter().enumerate().map(load).collect::<Result<Vec<_>, _>>()?;
        let n_features = seats[0].voter.n_features();
        if seats.iter().any(|seat| seat.voter.n_features() != n_features) {
            return Err(LoadError::content("members", "were fitted on different numbers of columns"));
        }
        let combine = section.value("combine")?;
        Ok(VotingModel { seats, combine, n_features, levels }.into_model())
    }
}

fn part_name(idx: usize) -> String {
    format!("member_{idx}")
}

/// A fitted member without its scale.
enum Voter {
    Row(Arc<dyn RowModel>),
    Series(Arc<dyn SeriesModel>),
}

impl Voter {
    fn n_features(&self) -> usize {
        match self {
            Self::Row(model) => model.n_features(),
            Self::Series(model) => model.n_features(),
        }
    }

    /// Scores of the training rows, each series from its beginning.
    fn score_training(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Vec<f64> {
        let n_rows = rows.n_rows();
        let ends: Vec<usize> = match self {
            Self::Row(_) => (1..=n_rows.div_ceil(CHUNK_ROWS)).map(|n| n_rows.min(n * CHUNK_ROWS)).collect(),
            Self::Series(_) if context.series_ends.is_empty() => vec![n_rows],
            Self::Series(_) => context.series_ends.to_vec(),
        };
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let pieces: Vec<(usize, usize)> = starts.zip(ends.iter().copied()).collect();
        let score = |&(start, end): &(usize, usize)| {
            let times = context.times.map_or(&[][..], |times| &times[start..end]);
            let mut out = vec![0.0; end - start];
            self.start().score(rows.slice(start, end), times, &mut out);
            out
        };
        pieces.par_iter().map(score).collect::<Vec<_>>().concat()
    }

    fn start(&self) -> Box<dyn SeriesScorer> {
        match self {
            Self::Row(model) => Box::new(Memoryless(Arc::clone(model))),
            Self::Series(model) => Arc::clone(model).start(),
        }
    }
}

/// A row model in a series: it remembers nothing.
struct Memoryless(Arc<dyn RowModel>);

impl SeriesScorer for Memoryless {
    fn score(&mut self, rows: RowsView<'_>, _: &[i64], out: &mut [f64]) {
        self.0.score(rows, out);
    }

    fn memory_bytes(&self) -> usize {
        0
    }
}

/// A fitted member with its scale and weight.
struct Seat {
    detector: &'static str,
    weight: Positive,
    voter: Voter,
    calibration: Calibration,
}

/// A fitted [`Voting`].
struct VotingModel {
    seats: Vec<Seat>,
    combine: Combine,
    n_features: usize,
    /// How deep votings hold votings, this one included.
    levels: usize,
}

impl VotingModel {
    fn into_model(self) -> Model {
        let all_rows = self.seats.iter().all(|seat| matches!(seat.voter, Voter::Row(_)));
        let model = Arc::new(self);
        if all_rows { Model::Row(model) } else { Model::Series(model) }
    }

    /// Asks each member for its scores and combines them.
    fn vote(&self, out: &mut [f64], mut ask: impl FnMut(usize, &mut [f64])) {
        let weights = self.seats.iter().map(|seat| seat.weight.get());
        let whole = match self.combine {
            Combine::Either | Combine::Mean => weights.sum::<f64>(),
            Combine::Max => weights.fold(0.0, f64::max),
        };
        let mut votes = vec![0.0; out.len()];
        let mut largest = vec![0.0f64; if self.combine == Combine::Either { out.len() } else { 0 }];
        out.fill(0.0);
        for (idx, seat) in self.seats.iter().enumerate() {
            ask(idx, &mut votes);
            let share = seat.weight.get() / whole;
            for (row_idx, (score, &vote)) in out.iter_mut().zip(&votes).enumerate() {
                let surprise = seat.calibration.surprise(vote);
                *score = match self.combine {
                    Combine::Either | Combine::Mean => *score + share * surprise,
                    Combine::Max => score.max(share * surprise),
                };
                if let Some(largest) = largest.get_mut(row_idx) {
                    *largest = largest.max(surprise);
                }
            }
        }
        let correction = (self.seats.len() as f64).log10();
        for (score, &largest) in out.iter_mut().zip(&largest) {
            // Rows that one member cannot tell apart are told apart by the others.
            let strongest = largest - correction;
            if strongest > *score {
                *score = strongest + TIE_BREAK * *score;
            }
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("levels", &self.levels);
        section.value("combine", &self.combine);
        let members: Vec<_> = self.seats.iter().map(|seat| (seat.detector, seat.weight)).collect();
        section.value("members", &members);
        for (idx, seat) in self.seats.iter().enumerate() {
            let mut part = section.part(&part_name(idx));
            seat.calibration.save(&mut part.part("calibration"));
            match &seat.voter {
                Voter::Row(model) => model.save(&mut part.part("model")),
                Voter::Series(model) => model.save(&mut part.part("model")),
            }
        }
    }
}

impl RowModel for VotingModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        self.vote(out, |idx, votes| self.seats[idx].voter.start().score(rows, &[], votes));
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        self.save(section);
    }
}

impl SeriesModel for VotingModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn start(self: Arc<Self>) -> Box<dyn SeriesScorer> {
        let scorers = self.seats.iter().map(|seat| seat.voter.start()).collect();
        Box::new(VotingScorer { model: self, scorers })
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        self.save(section);
    }
}

/// One series being voted on: each member's own memory of it.
struct VotingScorer {
    model: Arc<VotingModel>,
    scorers: Vec<Box<dyn SeriesScorer>>,
}

impl SeriesScorer for VotingScorer {
    fn score(&mut self, rows: RowsView<'_>, times: &[i64], out: &mut [f64]) {
        self.model.vote(out, |idx, votes| self.scorers[idx].score(rows, times, votes));
    }

    fn memory_bytes(&self) -> usize {
        self.scorers.iter().map(|scorer| scorer.memory_bytes()).sum()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(params: &Value) -> Result<(), String> {
        DETECTORS.get("voting").unwrap().parse(params).map(|_| ()).map_err(|error| error.to_string())
    }

    #[test]
    fn members_are_refused_by_name() {
        let check = |members: Value, expect: &str| {
            let error = parse(&json!({ "members": members })).unwrap_err();
            assert!(error.contains(expect), "{error}");
        };
        check(json!([]), "at least one");
        check(json!([{ "detector": "crystal_ball" }]), "crystal_ball");
        check(json!([{ "detector": "half_space_trees" }]), "half_space_trees goes on learning");
        check(json!([{ "detector": "hbos", "params": { "n_bins": 0 } }]), "n_bins");
        check(json!([{ "detector": "hbos", "weight": -1 }]), "-1 is not a finite number above 0");
        check(json!([{ "detector": "hbos", "wieght": 1 }]), "wieght");
    }

    #[test]
    fn votings_nest_three_deep_and_no_deeper() {
        let nest = |inner: Value| json!({ "members": [{ "detector": "voting", "params": inner }] });
        let three = nest(nest(json!({ "members": [{ "detector": "ecod" }] })));
        assert_eq!(parse(&three), Ok(()));
        assert!(parse(&nest(three)).unwrap_err().contains("3 deep"));
    }

    #[test]
    fn the_mean_and_the_maximum_weigh_the_members() {
        let rows: Vec<f32> = (0..400).map(|idx| (idx % 37) as f32).collect();
        let rows = RowsView::new(&rows, 2);
        let score = |members: Value, combine: &str| {
            let voting: Voting =
                serde_json::from_value(json!({ "members": members, "combine": combine })).unwrap();
            let model = Detector::fit(&voting, rows, &FitContext::default()).unwrap();
            let mut out = [0.0];
            model.score_once(RowsView::new(&[90.0, -5.0], 2), &[], &mut out);
            out[0]
        };
        let ecod = score(json!([{ "detector": "ecod" }]), "mean");
        let hbos = score(json!([{ "detector": "hbos" }]), "mean");
        let both = json!([{ "detector": "ecod", "weight": 3 }, { "detector": "hbos" }]);
        assert!((score(both.clone(), "mean") - (3.0 * ecod + hbos) / 4.0).abs() < 1e-9);
        assert!((score(both, "max") - ecod.max(hbos / 3.0)).abs() < 1e-9);
    }
}
