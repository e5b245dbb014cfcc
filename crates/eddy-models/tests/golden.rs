//! Scores of small models, kept for ever: a change of a score is a change users should hear of.
//!
//! `EDDY_BLESS=1 cargo test -p eddy-models --test golden` writes them anew.

use std::{fs, path::Path};

use eddy_detect::{ClassLabels, Classes, FitContext};
use eddy_frame::RowsView;
use eddy_models::DETECTORS;
use serde_json::Value;

const N_COLS: usize = 3;

/// Numbers that look random, by a formula that no library can change.
fn values(n: usize, factor: u64) -> Vec<f32> {
    (0..n as u64).map(|idx| (idx * idx * factor % 1009) as f32 / 100.0).collect()
}

#[test]
fn scores_of_small_models_have_not_changed() {
    let training = values(80 * N_COLS, 7);
    let mut probes = values(12 * N_COLS, 11);
    probes.extend([50.0, -50.0, 5.0, 5.0, 5.0, 1e30, 0.0, 0.0, 0.0]);
    let probes = RowsView::new(&probes, N_COLS);
    for entry in DETECTORS.0 {
        let name = entry.about.name;
        let detector = entry.parse(&Value::Null).unwrap();
        let classes = Classes { names: vec!["normal".into(), "odd".into()], is_attack: vec![false, true] };
        let of_rows: Vec<u16> =
            training.chunks(N_COLS).map(|row| u16::from(row[0] * row[1] > 25.0 || row[2] > 9.0)).collect();
        let class_labels = Some(ClassLabels { classes: &classes, of_rows: &of_rows });
        let context = FitContext { class_labels, ..FitContext::default() };
        let model = detector.fit(RowsView::new(&training, N_COLS), &context).unwrap();
        let mut scores = vec![0.0; probes.n_rows()];
        model.score_once(probes, &[], &mut scores);

        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.json"));
        if std::env::var_os("EDDY_BLESS").is_some() {
            fs::write(&path, serde_json::to_string_pretty(&scores).unwrap() + "\n").unwrap();
        }
        let golden = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; run with EDDY_BLESS=1", path.display()));
        let golden: Vec<f64> = serde_json::from_str(&golden).unwrap();
        assert_eq!(scores.len(), golden.len(), "{name}");
        for (row_idx, (got, wanted)) in scores.iter().zip(&golden).enumerate() {
            // Logarithms and powers may differ in the last bit from one platform to the next.
            assert!(
                (got - wanted).abs() <= 1e-9 * wanted.abs().max(1.0),
                "{name} row {row_idx}: {got} vs {wanted}"
            );
        }
    }
}
