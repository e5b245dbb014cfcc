//! Which rows are learned from and which are measured on.

use std::collections::HashMap;

use eddy_detect::{FitError, Seed};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::findings::cell;
use eddy_frame::Frame;

/// How rows are parted into those to learn from and those to measure on.
#[derive(Debug, Clone, PartialEq)]
pub enum Split {
    /// At random.
    Random,
    /// At random within each class, so that every part has its share of each.
    Stratified,
    /// By place: the last rows are measured on, and with several folds each fold learns from what came before.
    Time,
    /// By place within each class: the last rows of each are measured on. For tables recorded class by class.
    TimeInClass,
    /// Another file is measured on.
    Official(String),
    /// Rows with the same value in this column stay together.
    Group(String),
}

impl std::str::FromStr for Split {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None => match text {
                "random" => Ok(Self::Random),
                "stratified" => Ok(Self::Stratified),
                "time" => Ok(Self::Time),
                "time-in-class" => Ok(Self::TimeInClass),
                _ => {
                    Err("is none of random, stratified, time, time-in-class, official:FILE, group:COLUMN"
                        .into())
                }
            },
            Some(("official", file)) if !file.is_empty() => Ok(Self::Official(file.to_owned())),
            Some(("group", column)) if !column.is_empty() => Ok(Self::Group(column.to_owned())),
            _ => {
                Err("is none of random, stratified, time, time-in-class, official:FILE, group:COLUMN".into())
            }
        }
    }
}

impl Split {
    /// In words, with the number of folds.
    pub fn in_words(&self, folds: usize, test_share: f64) -> String {
        let how = match self {
            Self::Random => "at random".to_owned(),
            Self::Stratified => "at random within each class".to_owned(),
            Self::Time => "in the order of the rows".to_owned(),
            Self::TimeInClass => "in the order of the rows of each class".to_owned(),
            Self::Official(file) => return format!("learned from the input, measured on {file}"),
            Self::Group(column) => format!("by {column}"),
        };
        if folds > 1 {
            format!("{folds} folds, {how}")
        } else {
            format!("{} % held out {how}", (test_share * 100.0).round())
        }
    }
}

/// Rows to learn from and rows to measure on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fold {
    pub(crate) train: Vec<usize>,
    pub(crate) test: Vec<usize>,
}

/// Parts the rows. `folds` 1 holds out `test_share` once; more give each row its turn in the test part.
pub(crate) fn folds(
    split: &Split,
    frame: &Frame,
    of_rows: &[u16],
    folds: usize,
    test_share: f64,
    seed: Seed,
) -> Result<Vec<Fold>, FitError> {
    let n = of_rows.len();
    let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(seed.get());
    // A place between 0 and 1 for each row: rows below the test share are held out, or a fold is a stretch of places.
    let mut places = vec![0.0; n];
    let spread = |rows: &mut Vec<usize>, places: &mut Vec<f64>, rng: &mut rand_pcg::Pcg64Mcg| {
        rows.shuffle(rng);
        let shift: f64 = rng.random_range(0.0..1.0);
        for (at, &row) in rows.iter().enumerate() {
            // A random shift keeps classes of a few rows from always falling into the first fold.
            places[row] = ((at as f64 + shift) / rows.len() as f64).fract();
        }
    };
    match split {
        Split::Random => spread(&mut (0..n).collect(), &mut places, &mut rng),
        Split::Stratified => {
            let mut by_class: Vec<Vec<usize>> = Vec::new();
            for (row, &class) in of_rows.iter().enumerate() {
                by_class.resize_with(by_class.len().max(usize::from(class) + 1), Vec::new);
                by_class[usize::from(class)].push(row);
            }
            by_class
                .iter_mut()
                .filter(|rows| !rows.is_empty())
                .for_each(|rows| spread(rows, &mut places, &mut rng));
        }
        Split::Group(column) => {
            let Some(pair) = frame.by_name(column) else {
                return Err(FitError::Column {
                    column: column.clone(),
                    reason: "is not in the table".into(),
                });
            };
            let mut groups: HashMap<String, usize> = HashMap::new();
            let of_group: Vec<usize> = (0..n)
                .map(|row| {
                    let next = groups.len();
                    *groups.entry(cell(pair, row)).or_insert(next)
                })
                .collect();
            let mut place_of = vec![0.0; groups.len()];
            spread(&mut (0..groups.len()).collect(), &mut place_of, &mut rng);
            places.iter_mut().zip(of_group).for_each(|(place, group)| *place = place_of[group]);
        }
        Split::TimeInClass => {
            let n_classes = of_rows.iter().max().map_or(0, |&class| usize::from(class) + 1);
            let mut sizes = vec![0usize; n_classes];
            of_rows.iter().for_each(|&class| sizes[usize::from(class)] += 1);
            let mut seen = vec![0usize; n_classes];
            for (place, &class) in places.iter_mut().zip(of_rows) {
                let class = usize::from(class);
                // The last rows of a class come first, so that they are the ones held out.
                *place = 1.0 - (seen[class] as f64 + 1.0) / sizes[class] as f64;
                seen[class] += 1;
            }
        }
        Split::Time => return Ok(in_order(n, folds, test_share)),
        Split::Official(_) => return Ok(Vec::new()),
    }
    let part = |low: f64, high: f64| -> Fold {
        let (test, train) = (0..n).partition(|&row| low <= places[row] && places[row] < high);
        Fold { train, test }
    };
    let parts: Vec<Fold> = if folds <= 1 {
        vec![part(0.0, test_share)]
    } else {
        (0..folds).map(|k| part(k as f64 / folds as f64, (k + 1) as f64 / folds as f64)).collect()
    };
    if parts.iter().any(|fold| fold.train.is_empty() || fold.test.is_empty()) {
        return Err(FitError::TooFewRows { wanted: folds.max(2), got: n });
    }
    Ok(parts)
}

/// One cut, or expanding folds: each learns from all rows before the stretch it is measured on.
fn in_order(n: usize, folds: usize, test_share: f64) -> Vec<Fold> {
    if folds <= 1 {
        let cut = ((n as f64 * (1.0 - test_share)) as usize).clamp(1, n.saturating_sub(1).max(1));
        return vec![Fold { train: (0..cut).collect(), test: (cut..n).collect() }];
    }
    let edge = |k: usize| n * k / (folds + 1);
    (1..=folds)
        .map(|k| Fold { train: (0..edge(k)).collect(), test: (edge(k)..edge(k + 1)).collect() })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use eddy_frame::Schema;

    use super::*;

    fn parts(split: &Split, n_folds: usize) -> Vec<Fold> {
        let empty = Frame::new(Arc::new(Schema { fields: Vec::new() }), Vec::new()).unwrap();
        let of_rows: Vec<u16> = (0..1000).map(|row| u16::from(row % 100 == 7)).collect();
        folds(split, &empty, &of_rows, n_folds, 0.3, Seed::new(5)).unwrap()
    }

    #[test]
    fn every_row_is_measured_once_over_all_folds() {
        for split in [Split::Random, Split::Stratified] {
            let mut seen = vec![0; 1000];
            for fold in parts(&split, 5) {
                assert_eq!(fold.train.len() + fold.test.len(), 1000);
                fold.test.iter().for_each(|&row| seen[row] += 1);
            }
            assert!(seen.iter().all(|&n| n == 1));
        }
    }

    #[test]
    fn a_stratified_part_has_its_share_of_each_class() {
        let fold = &parts(&Split::Stratified, 1)[0];
        let rare = fold.test.iter().filter(|&&row| row % 100 == 7).count();
        assert_eq!((fold.test.len(), rare), (300, 3));
    }

    #[test]
    fn in_order_nothing_is_learned_from_what_comes_later() {
        for fold in parts(&Split::Time, 4).into_iter().chain(parts(&Split::Time, 1)) {
            assert!(fold.train.iter().max() < fold.test.iter().min());
        }
    }

    #[test]
    fn in_each_class_the_last_rows_are_held_out() {
        let fold = &parts(&Split::TimeInClass, 1)[0];
        let rare = |rows: &[usize]| rows.iter().copied().filter(|row| row % 100 == 7).collect::<Vec<_>>();
        assert_eq!(rare(&fold.test), [707, 807, 907]);
        assert_eq!(fold.test.len(), 300);
    }

    #[test]
    fn splits_are_read_from_text() {
        assert_eq!("official:a.csv".parse(), Ok(Split::Official("a.csv".into())));
        assert_eq!("group:src".parse(), Ok(Split::Group("src".into())));
        assert!("group:".parse::<Split>().is_err() && "half".parse::<Split>().is_err());
    }
}
