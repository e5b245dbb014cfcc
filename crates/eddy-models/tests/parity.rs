//! Scores compared with those of NumPy, PyOD and scikit-learn; `tests/parity/make.py` made the reference.

use eddy_detect::{FitContext, Seed};
use eddy_frame::Rows;
use eddy_models::DETECTORS;
use serde_json::{Value, json};

const N_COLS: usize = 4;

struct Reference {
    header: Vec<&'static str>,
    records: Vec<Vec<&'static str>>,
    rows: Rows,
}

impl Reference {
    fn read() -> Self {
        let mut lines = include_str!("parity/reference.csv").lines().map(|line| line.split(',').collect());
        let header = lines.next().unwrap();
        let records: Vec<Vec<&str>> = lines.collect();
        let values =
            records.iter().flat_map(|record| &record[..N_COLS]).map(|x| x.parse().unwrap()).collect();
        Self { header, records, rows: Rows::new(values, N_COLS) }
    }

    fn column(&self, name: &str) -> Vec<f64> {
        let idx = self.header.iter().position(|&column| column == name).unwrap();
        self.records.iter().map(|record| record[idx].parse().unwrap()).collect()
    }

    fn our_scores(&self, detector: &str, params: &Value, seed: u64) -> Vec<f64> {
        let detector = DETECTORS.get(detector).unwrap().parse(params).unwrap();
        let context = FitContext { seed: Seed::new(seed), ..FitContext::default() };
        let mut out = vec![0.0; self.rows.n_rows()];
        detector.fit(self.rows.view(), &context).unwrap().score_once(self.rows.view(), &[], &mut out);
        out
    }
}

fn check_equal(ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len());
    for (idx, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert!((ours - theirs).abs() <= tolerance * theirs.abs().max(1.0), "row {idx}: {ours} vs {theirs}");
    }
}

/// Ranks, ties sharing their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let count = |keep: &dyn Fn(f64) -> bool| values.iter().filter(|&&value| keep(value)).count() as f64;
    values.iter().map(|&value| count(&|other| other < value) + count(&|other| other == value) / 2.0).collect()
}

fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = a.len() as f64 / 2.0;
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

fn auc(scores: &[f64], labels: &[f64]) -> f64 {
    let of =
        |label: f64| scores.iter().zip(labels).filter(move |(_, l)| **l == label).map(|(score, _)| *score);
    let wins = |high: f64| {
        of(0.0).map(move |low| f64::from(u8::from(high > low)) + f64::from(u8::from(high == low)) / 2.0)
    };
    of(1.0).map(|high| wins(high).sum::<f64>()).sum::<f64>() / (of(1.0).count() * of(0.0).count()) as f64
}

#[test]
fn ecod_and_copod_equal_pyod_on_the_training_rows() {
    let reference = Reference::read();
    for name in ["ecod", "copod"] {
        check_equal(&reference.our_scores(name, &Value::Null, 0), &reference.column(name), 1e-6);
    }
}

#[test]
fn hbos_equals_pyod_but_for_the_height_that_counts_as_no_surprise() {
    let reference = Reference::read();
    let ours = reference.our_scores("hbos", &json!({ "n_bins": 10, "smoothing": 1e-12 }), 0);
    let theirs = reference.column("hbos");
    // PyOD measures from density 1, ours from the highest bin: one constant for all rows.
    let constant = ours[0] - theirs[0];
    let theirs: Vec<f64> = theirs.iter().map(|score| score + constant).collect();
    check_equal(&ours, &theirs, 1e-6);
}

#[test]
fn robust_z_equals_numpy() {
    let reference = Reference::read();
    for (aggregation, column) in [("max", "robust_z_max"), ("root_mean_square", "robust_z_rms")] {
        let ours = reference.our_scores("robust_z", &json!({ "aggregation": aggregation }), 0);
        check_equal(&ours, &reference.column(column), 1e-9);
    }
}

#[test]
fn isolation_forest_agrees_with_scikit_learn_when_averaged_over_seeds() {
    let reference = Reference::read();
    let mut ours = vec![0.0; reference.rows.n_rows()];
    let n_seeds = 30;
    for seed in 0..n_seeds {
        for (sum, score) in ours.iter_mut().zip(reference.our_scores("isolation_forest", &Value::Null, seed))
        {
            *sum += score / n_seeds as f64;
        }
    }
    let theirs = reference.column("isolation_forest");
    // Means over 30 forests still scatter by a few thousandths; a difference in definition would shift them all.
    check_equal(&ours, &theirs, 0.012);
    let shift = ours.iter().zip(&theirs).map(|(a, b)| a - b).sum::<f64>() / ours.len() as f64;
    assert!(shift.abs() < 0.0015, "{shift}");
    assert!(rank_correlation(&ours, &theirs) > 0.998, "{}", rank_correlation(&ours, &theirs));
    let label = reference.column("label");
    assert!((auc(&ours, &label) - auc(&theirs, &label)).abs() < 0.003);
}
