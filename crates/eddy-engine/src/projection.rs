//! A table's rows on their first two principal components.

use std::sync::Arc;

use eddy_detect::{Fraction, Impute, Pca, Scale, Step, StepMemory};
use eddy_frame::{Column, Field, Frame, Kind, Role, Schema};
use eddy_report::Projection;

use crate::clusters::{Sampled, clusters};
use crate::explore::ColumnSummary;
use crate::labelled::ClassedRows;

/// Rows the components are found from; more are sampled evenly.
const MOST_ROWS: usize = 10_000;
/// Rows that are drawn.
const MOST_POINTS: usize = 2_000;
/// Columns the components are found from.
const MOST_COLUMNS: usize = 300;
/// Columns named beside a component.
const LEADING: usize = 5;
/// Beyond it squares are no numbers any more.
const LARGEST: f64 = 1e140;

/// Finds the components of the numeric input columns; none with fewer than two of them or three rows.
pub(crate) fn projection(
    frame: &Frame,
    columns: &[ColumnSummary],
    classes: Option<&ClassedRows>,
) -> Option<Projection> {
    let schema = frame.schema();
    let varies = |idx: &usize| {
        let summary = &columns[*idx];
        schema.fields[*idx].kind != Kind::Text
            && summary.sd.is_some_and(|sd| sd > 0.0 && sd.is_finite())
            && summary.quartiles.is_some_and(|five| five[0].abs().max(five[4].abs()) < LARGEST)
    };
    let mut numeric: Vec<usize> = schema.inputs().filter(varies).collect();
    let left_out = numeric.len().saturating_sub(MOST_COLUMNS);
    numeric.truncate(MOST_COLUMNS);
    let stride = frame.n_rows().div_ceil(MOST_ROWS).max(1);
    let rows: Vec<usize> = (0..frame.n_rows()).step_by(stride).collect();
    if numeric.len() < 2 || rows.len() < 3 {
        return None;
    }
    let sample = numbers(frame, &numeric, &rows)?;
    // The order of the notebooks of the field: fill, standardise, rotate.
    let filled = apply(&Impute::default(), sample)?;
    let scaled = apply(&Scale::default(), filled)?;
    let components = apply(&Pca { variance: Fraction::new(1.0) }, scaled.clone())?;
    let total: f64 = components.columns().iter().map(variance).sum();
    // Columns that all say the same have one component only.
    let flat = Column::Float(vec![0.0; rows.len()]);
    let (first, second) = (components.columns().first()?, components.columns().get(1).unwrap_or(&flat));
    if !(total > 0.0 && total.is_finite()) {
        return None;
    }
    let drawn = drawn(&rows, classes);
    let is_attack = |at: usize| {
        classes.is_some_and(|classes| classes.counts[usize::from(classes.of_rows[rows[at]])].is_attack)
    };
    let pick = |column: &Column| drawn.iter().map(|&at| column.number(at)).collect::<Vec<f64>>();
    Some(Projection {
        n_rows: rows.len() as u64,
        n_columns: numeric.len() as u64,
        left_out: left_out as u64,
        shares: [first, second].map(|column| variance(column) / total),
        leading: [first, second].map(|column| leading(&scaled, column)),
        x: pick(first),
        y: pick(second),
        classes: classes.map_or_else(Vec::new, |classes| classes.counts.clone()),
        class: classes
            .map_or_else(Vec::new, |classes| drawn.iter().map(|&at| classes.of_rows[rows[at]]).collect()),
        clustering: clusters(&Sampled {
            scaled: &scaled,
            places: [&|at| first.number(at), &|at| second.number(at)],
            is_attack: classes.is_some().then_some(&is_attack),
            most_points: MOST_POINTS,
        }),
    })
}

/// Some rows of some columns as numbers, all of them features.
fn numbers(frame: &Frame, columns: &[usize], rows: &[usize]) -> Option<Frame> {
    let fields = columns
        .iter()
        .map(|&idx| Field::new(frame.schema().fields[idx].name.clone(), Kind::Float, Role::Feature))
        .collect();
    let values =
        |&idx: &usize| Column::Float(rows.iter().map(|&row| frame.column(idx).number(row)).collect());
    Frame::new(Arc::new(Schema { fields }), columns.iter().map(values).collect()).ok()
}

fn apply<S: Step>(step: &S, frame: Frame) -> Option<Frame> {
    step.fit(&frame).ok()?.apply(frame, &mut StepMemory::default()).ok()
}

fn values(column: &Column) -> impl Iterator<Item = f64> + '_ {
    (0..column.len()).map(|row_idx| column.number(row_idx))
}

/// Variance of a column with mean 0.
fn variance(column: &Column) -> f64 {
    values(column).map(|value| value * value).sum::<f64>() / column.len().max(1) as f64
}

/// The columns that go most with a component, and their correlation with it.
fn leading(scaled: &Frame, component: &Column) -> Vec<(String, f64)> {
    let length = variance(component).sqrt();
    let mut all: Vec<(String, f64)> = scaled
        .schema()
        .fields
        .iter()
        .zip(scaled.columns())
        .map(|(field, column)| {
            let product: f64 = values(column).zip(values(component)).map(|(a, b)| a * b).sum();
            let size = variance(column).sqrt() * length * component.len().max(1) as f64;
            (field.name.to_string(), if size > 0.0 { (product / size).clamp(-1.0, 1.0) } else { 0.0 })
        })
        .collect();
    all.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    all.truncate(LEADING);
    all
}

/// Which of the sampled rows are drawn: evenly, and where attacks or normal rows are the few, more of these.
fn drawn(rows: &[usize], classes: Option<&ClassedRows>) -> Vec<usize> {
    let Some(classes) = classes else { return evenly(&(0..rows.len()).collect::<Vec<_>>(), MOST_POINTS) };
    let is_attack = |at: &usize| classes.counts[usize::from(classes.of_rows[rows[*at]])].is_attack;
    let (attacks, normal): (Vec<usize>, Vec<usize>) = (0..rows.len()).partition(is_attack);
    let half = MOST_POINTS / 2;
    let of_attacks = attacks.len().min(half.max(MOST_POINTS.saturating_sub(normal.len())));
    let mut drawn = evenly(&attacks, of_attacks);
    drawn.extend(evenly(&normal, MOST_POINTS - of_attacks));
    drawn.sort_unstable();
    drawn
}

/// At most so many of these, evenly.
fn evenly(all: &[usize], most: usize) -> Vec<usize> {
    let n = all.len().min(most);
    (0..n).map(|at| all[at * all.len() / n]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(values: &[f64]) -> ColumnSummary {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let spread = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        ColumnSummary {
            name: String::new(),
            role: Role::Feature,
            kind: Kind::Float,
            unit: None,
            count: values.len() as u64,
            missing: 0,
            distinct: 2,
            mean: Some(mean),
            sd: Some(spread.sqrt()),
            quartiles: Some([low, low, mean, high, high]),
            histogram: None,
            top: vec![],
        }
    }

    fn of(columns: &[Vec<f64>]) -> Option<Projection> {
        let pairs = columns.iter().enumerate().map(|(at, values)| {
            (Field::new(format!("c{at}"), Kind::Float, Role::Feature), Column::Float(values.clone()))
        });
        let summaries: Vec<ColumnSummary> = columns.iter().map(|values| summary(values)).collect();
        projection(&Frame::from_pairs(pairs.collect()).unwrap(), &summaries, None)
    }

    #[test]
    fn columns_that_go_together_are_one_component() {
        let first: Vec<f64> = (0..100).map(|i| f64::from(i * 37 % 100)).collect();
        let other: Vec<f64> = (0..100).map(|i| f64::from(i * 7 % 101)).collect();
        let opposite: Vec<f64> = first.iter().map(|value| 5.0 - 2.0 * value).collect();
        let found = of(&[first, opposite, other]).unwrap();
        assert!((found.shares[0] - 2.0 / 3.0).abs() < 0.05, "{:?}", found.shares);
        assert!((found.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let strong: Vec<&str> = found.leading[0].iter().take(2).map(|(name, _)| name.as_str()).collect();
        assert!(strong.contains(&"c0") && strong.contains(&"c1"), "{strong:?}");
        assert!(found.leading[0][0].1 * found.leading[0][1].1 < -0.9);
        assert_eq!((found.x.len(), found.n_columns), (100, 3));
    }

    #[test]
    fn columns_that_are_no_use_leave_none() {
        let varied: Vec<f64> = (0..50).map(f64::from).collect();
        assert_eq!(of(&[varied.clone(), vec![1.0; 50]]), None);
        assert_eq!(of(&[varied.clone(), varied.iter().map(|value| value * 1e150).collect()]), None);
        assert_eq!(of(&[vec![1.0, 2.0], vec![1.0, 2.0]]), None);
        assert!(of(&[varied.clone(), varied]).unwrap().shares[0] > 0.999_999);
    }

    #[test]
    fn rows_are_drawn_evenly() {
        assert_eq!(evenly(&[5, 6, 7, 8], 2), [5, 7]);
        assert_eq!(evenly(&[5, 6], 9), [5, 6]);
        assert!(evenly(&[], 3).is_empty());
    }
}
