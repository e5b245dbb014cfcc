//! Volumes and affiliation against the Python package `vus` (`tests/parity/make.py`).

use eddy_eval::{Truth, Window, affiliation, volumes};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    windows: Vec<(usize, usize)>,
    scores: Vec<f64>,
    volumes: Vec<(usize, f64, f64)>,
    flagged: Vec<usize>,
    affiliation: (f64, f64),
}

fn cases() -> Vec<(Case, Truth)> {
    let cases: Vec<Case> = serde_json::from_str(include_str!("parity/reference.json")).unwrap();
    cases
        .into_iter()
        .map(|case| {
            let windows: Vec<Window> =
                case.windows.iter().map(|&(first, last)| Window { first, last }).collect();
            let truth = Truth::of_rows(case.scores.len(), &windows).with_probation(0);
            (case, truth)
        })
        .collect()
}

#[test]
fn volumes_are_those_of_vus() {
    for (case, truth) in cases() {
        for &(most, pr, roc) in &case.volumes {
            let got = volumes(&truth.labels(), &case.scores, most).unwrap().unwrap();
            assert!((got.pr - pr).abs() < 1e-10, "{most}: {} {pr}", got.pr);
            assert!((got.roc - roc).abs() < 1e-10, "{most}: {} {roc}", got.roc);
        }
    }
}

#[test]
fn affiliation_is_that_of_its_authors() {
    for (case, truth) in cases() {
        let flags: Vec<bool> = (0..truth.n_rows()).map(|row| case.flagged.contains(&row)).collect();
        let got = affiliation(&truth, &flags).unwrap();
        let (precision, recall) = case.affiliation;
        assert!((got.precision - precision).abs() < 1e-10, "{} {precision}", got.precision);
        assert!((got.recall - recall).abs() < 1e-10, "{} {recall}", got.recall);
    }
}
