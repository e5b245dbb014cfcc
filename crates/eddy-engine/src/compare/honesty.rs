//! Whether a measurement means what it seems to mean.

use std::hash::Hasher as _;

use eddy_detect::{
    ClassEvaluation, Classes, Entry, LearnsFrom, Memory, Pipeline, PipelineSpec, Seed, StepSpec, Truth,
    default_steps,
};
use eddy_frame::{Column, Frame, Role};
use eddy_models::DETECTORS;
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use serde::Serialize;

use super::contend::Protocol;
use super::probe::Right;
use super::split::{Fold, Split, folds};
use super::{CompareOptions, Labelled, Leaks, probe};
use crate::scoring::score_all;

/// One thing that was looked into.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What was looked for.
    pub name: &'static str,
    /// Whether it was found, so that the figures should be read with care.
    pub found: bool,
    /// What was seen, with its numbers.
    pub evidence: String,
}

/// Looks into the data and the split, before anything is fitted.
pub(super) fn of_data(rows: &Labelled, fold: &Fold, options: &CompareOptions) -> Vec<Check> {
    let Labelled { frame, classes, of_rows } = rows;
    let shuffled = matches!(options.split, Split::Random | Split::Stratified | Split::Group(_));
    let mut checks = vec![majority(classes, of_rows, fold), duplicates(frame, fold)];
    checks.extend(near_duplicates(frame, fold));
    // What a small forest makes of the rows as they are, which several checks measure against.
    let plain = probe::forest(&rows.frame, rows, fold, options.seed).ok();
    checks.push(left_out(rows, fold, options, plain));
    checks.push(one_column(frame, classes, of_rows, fold));
    checks.push(blocks(of_rows, shuffled));
    checks.extend(gap(rows, fold, options, shuffled, plain));
    checks
}

/// Looks into the models that were compared.
pub(super) fn of_models(protocol: &Protocol<'_>, entries: &[&'static Entry]) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(unscaled(protocol, entries));
    let own: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.learns_from == LearnsFrom::Rows && entry.about.natural_threshold.is_some())
        .map(|entry| entry.about.name)
        .collect();
    if !own.is_empty() {
        checks.push(Check {
            name: "counts that are only the threshold",
            found: false,
            evidence: format!(
                "models without labels are judged by what their calibration bears out, not by a share fixed beforehand \
                 (such as the threshold that {} would bring)",
                own.join(", ")
            ),
        });
    }
    checks
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// What always naming the most common class would reach.
fn majority(classes: &Classes, of_rows: &[u16], fold: &Fold) -> Check {
    let mut counts = vec![0usize; classes.len()];
    fold.train.iter().for_each(|&row| counts[usize::from(of_rows[row])] += 1);
    let best = counts.iter().enumerate().max_by_key(|(_, n)| **n).map_or(0, |(class, _)| class);
    let hits = fold.test.iter().filter(|&&row| usize::from(of_rows[row]) == best).count();
    let attacks = fold.test.iter().filter(|&&row| classes.is_attack[usize::from(of_rows[row])]).count();
    let n = fold.test.len().max(1) as f64;
    let binary = (attacks as f64 / n).max(1.0 - attacks as f64 / n);
    Check {
        name: "majority baseline",
        found: false,
        evidence: format!(
            "always saying '{}' is right for {} of the rows; always saying the more common of normal and attack for {}",
            classes.names[best],
            percent(hits as f64 / n),
            percent(binary)
        ),
    }
}

/// Rows of the test part that are, value for value, among those learned from.
fn duplicates(frame: &Frame, fold: &Fold) -> Check {
    let inputs: Vec<&Column> = frame.schema().inputs().map(|idx| frame.column(idx)).collect();
    let hash = |row: usize| {
        let mut hasher = FxHasher::default();
        for column in &inputs {
            match column {
                Column::Text(texts) => hasher.write(texts.get(row).as_bytes()),
                column => hasher.write_u64(column.number(row).to_bits()),
            }
        }
        hasher.finish()
    };
    let known: FxHashSet<u64> = fold.train.iter().map(|&row| hash(row)).collect();
    let same = fold.test.iter().filter(|&&row| known.contains(&hash(row))).count();
    let share = same as f64 / fold.test.len().max(1) as f64;
    Check {
        name: "duplicates across the split",
        found: share > 0.01,
        evidence: format!(
            "{} of the rows measured on are, value for value, among those learned from",
            percent(share)
        ),
    }
}

/// How finely rows are told apart when looking for those that are nearly the same: steps of the scaled columns.
const NEAR: f32 = 0.1;

/// Rows of the test part that fall into the same small cell as one of those learned from, all columns scaled.
fn near_duplicates(frame: &Frame, fold: &Fold) -> Option<Check> {
    let entry = DETECTORS.get("robust_z").ok()?;
    let spec = PipelineSpec {
        steps: default_steps(frame.schema(), entry),
        detector: entry.about.name.to_owned(),
        params: serde_json::Value::Null,
        seed: Seed::default(),
    };
    let train = frame.take(&fold.train);
    let pipeline = Pipeline::fit(&spec, train.clone(), DETECTORS, Truth::default(), &score_all).ok()?;
    let cells = |frame: &Frame| -> Option<Vec<u64>> {
        let rows = pipeline.encode(pipeline.features(frame, &mut Memory::default()).ok()?).ok()?;
        let hash = |row: &[f32]| {
            let mut hasher = FxHasher::default();
            row.iter().for_each(|value| hasher.write_i32((value / NEAR).round() as i32));
            hasher.finish()
        };
        Some(rows.view().iter().map(hash).collect())
    };
    let known: FxHashSet<u64> = cells(&train)?.into_iter().collect();
    let near = cells(&frame.take(&fold.test))?.iter().filter(|cell| known.contains(cell)).count();
    let share = near as f64 / fold.test.len().max(1) as f64;
    Some(Check {
        name: "near duplicates across the split",
        found: share > 0.2,
        evidence: format!(
            "{} of the rows measured on are within {NEAR} standard deviations of one learned from in every column",
            percent(share)
        ),
    })
}

/// Columns that give the label away or only name the row, and what they would have been worth.
fn left_out(rows: &Labelled, fold: &Fold, options: &CompareOptions, plain: Option<Right>) -> Check {
    let schema = rows.frame.schema();
    let names =
        |role: Role| -> Vec<&str> { schema.with_role(role).map(|idx| &*schema.fields[idx].name).collect() };
    let (leaks, identifiers) = (names(Role::LeakSuspect), names(Role::Identifier));
    let mut evidence = Vec::new();
    if !leaks.is_empty() {
        let what = match options.leaks {
            Leaks::LeftOut => "left out because they cannot be known at detection time",
            Leaks::Used => "used although they cannot be known at detection time",
        };
        let mut text = format!("{what}: {}", leaks.join(", "));
        let with = super::use_leaks(rows.frame.clone());
        let with = with.and_then(|frame| probe::forest(&frame, rows, fold, options.seed));
        if let (Ok(with), Some(without)) = (with, plain) {
            let (with, without) = (percent(with.accuracy), percent(without.accuracy));
            text.push_str(" (a small random forest is right about ");
            text.push_str(&with);
            text.push_str(" with them and ");
            text.push_str(&without);
            text.push_str(" without)");
        }
        evidence.push(text);
    }
    if !identifiers.is_empty() {
        evidence.push(format!("left out because they only name the row: {}", identifiers.join(", ")));
    }
    if evidence.is_empty() {
        evidence.push("no column looks as if it gave the label away".into());
    }
    Check {
        name: "columns that give the label away",
        found: !leaks.is_empty(),
        evidence: evidence.join("; "),
    }
}

/// How much better a model looks on rows taken from everywhere than on the later rows of each class.
fn gap(
    rows: &Labelled,
    fold: &Fold,
    options: &CompareOptions,
    shuffled: bool,
    plain: Option<Right>,
) -> Option<Check> {
    let other = if shuffled { Split::TimeInClass } else { Split::Stratified };
    // The official test file has its own rows: the other split is of those learned from.
    let cut = if let Split::Official(_) = options.split {
        let of_train: Vec<u16> = fold.train.iter().map(|&row| rows.of_rows[row]).collect();
        folds(&other, &rows.frame, &of_train, 1, options.test_share, options.seed).ok()?
    } else {
        folds(&other, &rows.frame, &rows.of_rows, 1, options.test_share, options.seed).ok()?
    };
    let here = plain?;
    let there = probe::forest(&rows.frame, rows, cut.first()?, options.seed).ok()?;
    let (taken, later) = if shuffled { (here, there) } else { (there, here) };
    let what = if matches!(options.split, Split::Official(_)) {
        "on the official test file"
    } else {
        "on the later rows of each class"
    };
    let what = if shuffled || matches!(options.split, Split::Official(_) | Split::TimeInClass) {
        what
    } else {
        "as the rows were parted here"
    };
    let gap = taken.balanced - later.balanced;
    let found = gap > 0.05;
    let meaning = if found { ": what it learned is partly the time, or this very set of rows" } else { "" };
    Some(Check {
        name: "gap between shuffled rows and others",
        found,
        evidence: format!(
            "a small random forest has a balanced accuracy of {} on shuffled rows and {} {what}{meaning}",
            percent(taken.balanced),
            percent(later.balanced)
        ),
    })
}

/// What a model that needs columns on one scale does without.
fn unscaled(protocol: &Protocol<'_>, entries: &[&'static Entry]) -> Option<Check> {
    // One that is quickly fitted stands for all.
    let sensitive: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.scale_sensitive && entry.learns_from == LearnsFrom::Labels)
        .map(|entry| entry.about.name)
        .collect();
    let quick = ["logistic_regression", "linear_svm"].into_iter().find(|name| sensitive.contains(name))?;
    let (rows, options) = (protocol.rows, protocol.options);
    let entry = DETECTORS.get(quick).ok()?;
    let scaled = options.steps.clone().unwrap_or_else(|| default_steps(rows.frame.schema(), entry));
    let raw: Vec<StepSpec> =
        scaled.iter().filter(|step| !matches!(step.name.as_str(), "scale" | "log1p")).cloned().collect();
    if raw.len() == scaled.len() {
        return Some(Check {
            name: "columns that are not on one scale",
            found: true,
            evidence: format!("the steps do not scale, and {} depend on the scale", sensitive.join(", ")),
        });
    }
    let params = || serde_json::json!({ "max_iter": 100 });
    let fold = protocol.parts.first()?;
    let with = probe::probe(quick, params(), Some(scaled), &rows.frame, rows, fold, options.seed).ok()?;
    let without = probe::probe(quick, params(), Some(raw), &rows.frame, rows, fold, options.seed).ok()?;
    Some(Check {
        name: "columns that are not on one scale",
        found: false,
        evidence: format!(
            "columns are scaled by default; a small {quick} has a balanced accuracy of {} with that and {} on the raw \
             columns",
            percent(with.balanced),
            percent(without.balanced)
        ),
    })
}

/// Values of a column that are told apart.
const BINS: usize = 64;

/// Whether the best single column, cut into bins, does nearly as well as anything could.
fn one_column(frame: &Frame, classes: &Classes, of_rows: &[u16], fold: &Fold) -> Check {
    let schema = frame.schema();
    let mut best: Option<(f64, String)> = None;
    for idx in schema.inputs() {
        let column = frame.column(idx);
        let bin_of = bins(column, &fold.train);
        let is_attack = |row: usize| classes.is_attack[usize::from(of_rows[row])];
        // Normal rows and attacks by bin.
        let mut counts: FxHashMap<u64, [u32; 2]> = FxHashMap::default();
        fold.train
            .iter()
            .for_each(|&row| counts.entry(bin_of(row)).or_default()[usize::from(is_attack(row))] += 1);
        let n_attacks: f64 = counts.values().map(|[_, attacks]| f64::from(*attacks)).sum();
        let n_normal: f64 = counts.values().map(|[normal, _]| f64::from(*normal)).sum();
        // Which of the two is the more common in the bin, were both as common overall.
        let says_attack = |row: usize| {
            counts.get(&bin_of(row)).is_some_and(|[normal, attacks]| {
                f64::from(*attacks) * n_normal > f64::from(*normal) * n_attacks
            })
        };
        let recall = |of_attacks: bool| {
            let (mut hits, mut all) = (0usize, 0usize);
            for &row in fold.test.iter().filter(|&&row| is_attack(row) == of_attacks) {
                all += 1;
                hits += usize::from(says_attack(row) == of_attacks);
            }
            hits as f64 / all.max(1) as f64
        };
        let balanced = f64::midpoint(recall(true), recall(false));
        if best.as_ref().is_none_or(|(most, _)| balanced > *most) {
            best = Some((balanced, schema.fields[idx].name.to_string()));
        }
    }
    let (balanced, name) = best.unwrap_or_default();
    Check {
        name: "one column that solves the task",
        found: balanced > 0.95,
        evidence: format!(
            "'{name}' alone tells attacks from normal rows with a balanced accuracy of {}",
            percent(balanced)
        ),
    }
}

/// The bin of each row in one column: texts as they are, numbers by quantiles of the training rows.
fn bins<'a>(column: &'a Column, train: &[usize]) -> Box<dyn Fn(usize) -> u64 + 'a> {
    if let Column::Text(texts) = column {
        return Box::new(|row| {
            let mut hasher = FxHasher::default();
            hasher.write(texts.get(row).as_bytes());
            hasher.finish()
        });
    }
    let mut sorted: Vec<f64> =
        train.iter().map(|&row| column.number(row)).filter(|v| v.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.dedup();
    let edges: Vec<f64> = if sorted.len() <= BINS {
        sorted
    } else {
        (0..BINS).map(|bin| sorted[bin * (sorted.len() - 1) / (BINS - 1)]).collect()
    };
    Box::new(move |row| {
        let value = column.number(row);
        if value.is_nan() { u64::MAX } else { edges.partition_point(|&edge| edge <= value) as u64 }
    })
}

/// Whether rows of a class follow one another, so that a shuffled split learns the neighbours of what it is asked.
fn blocks(of_rows: &[u16], shuffled: bool) -> Check {
    let n = of_rows.len().max(1) as f64;
    let changes = of_rows.windows(2).filter(|pair| pair[0] != pair[1]).count() as f64;
    let mut counts: FxHashMap<u16, f64> = FxHashMap::default();
    of_rows.iter().for_each(|&class| *counts.entry(class).or_default() += 1.0);
    let same: f64 = counts.values().map(|count| (count / n).powi(2)).sum();
    let by_chance = (n - 1.0) * (1.0 - same);
    let ratio = if by_chance > 0.0 { changes / by_chance } else { 1.0 };
    let in_blocks = ratio < 0.2;
    let advice = if in_blocks && shuffled {
        "; in a shuffled split the neighbours of every row are among those learned from: compare with --split time or time-in-class"
    } else {
        ""
    };
    Check {
        name: "rows in blocks",
        found: in_blocks && shuffled,
        evidence: format!(
            "the class changes from row to row {changes} times where chance would make it {:.0}{advice}",
            by_chance
        ),
    }
}

/// Whether a model gives all rows to one class.
pub(super) fn one_class(name: &str, evaluation: &ClassEvaluation) -> Option<Check> {
    let given = |class: usize| evaluation.confusion.iter().map(|row| row[class]).sum::<u64>();
    let only = (0..evaluation.classes.len()).find(|&class| given(class) == evaluation.n_rows)?;
    Some(Check {
        name: "a model that predicts one class",
        found: true,
        evidence: format!("{name} gives every row to '{}'", evaluation.classes[only].name),
    })
}
