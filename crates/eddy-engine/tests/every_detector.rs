//! Every detector on the list goes the whole way, on numbers, on numbers with categories, and on many classes:
//! train, save, load, score, explain.

use std::fmt::Write as _;
use std::path::Path;

use eddy_engine::{Fitting, RunOptions, score, train};
use eddy_models::DETECTORS;

/// Rows of two or four columns; every eighth is an attack of one of two kinds.
fn table(with_categories: bool, n_rows: u32) -> String {
    let mut text = String::from(if with_categories {
        "bytes,packets,proto,service,label\n"
    } else {
        "bytes,packets,rate,label\n"
    });
    for row in 0..n_rows {
        let wobble = f64::from(row * 37 % 101) / 101.0;
        let (bytes, packets, label) = match row % 16 {
            3 => (90_000.0 + 5_000.0 * wobble, 400.0 + wobble, "flood"),
            11 => (60.0 + wobble, 1.0, "scan"),
            _ => (1_500.0 + 800.0 * wobble, 10.0 + f64::from(row % 5), "normal"),
        };
        let proto = if label == "flood" { "udp" } else { "tcp" };
        let service = ["http", "dns", "ssh"][row as usize % 3];
        if with_categories {
            writeln!(text, "{bytes},{packets},{proto},{service},{label}").unwrap();
        } else {
            writeln!(text, "{bytes},{packets},{},{label}", bytes / packets).unwrap();
        }
    }
    text
}

/// Parameters that make the slow ones quick: they are asked to work, not to be good.
fn quick(detector: &str) -> Vec<(String, String, serde_json::Value)> {
    let set = |name: &str, value: u64| (detector.to_owned(), name.to_owned(), value.into());
    match detector {
        "autoencoder" | "lstm_autoencoder" | "gru_autoencoder" | "kitnet" => vec![set("epochs", 3)],
        "stacking" | "calibrated_classifier" => vec![set("folds", 2)],
        "bagging" => vec![set("n_estimators", 5)],
        _ => Vec::new(),
    }
}

fn goes_the_whole_way(name: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("{name}.csv"));
    std::fs::write(&file, text).unwrap();
    let paths = [file.display().to_string()];
    let options = RunOptions::default();
    for entry in DETECTORS.0 {
        let detector = entry.about.name;
        let model = folder.path().join(format!("{detector}.eddy"));
        let fitting = Fitting { detector: Some(detector.into()), set: quick(detector), ..Fitting::default() };
        let trained = train(&paths, &fitting, &options, &model)
            .unwrap_or_else(|error| panic!("{detector} on {name}: {error}"));
        let scored = score(Path::new(&model), &paths, None, &options)
            .unwrap_or_else(|error| panic!("{detector} on {name}: {error}"));
        assert_eq!(trained.surprises.len(), scored.surprises.len(), "{detector} on {name}");
        assert!(scored.surprises.iter().all(|surprise| surprise.is_finite()), "{detector} on {name}");
        let known = scored.evaluation.as_ref().unwrap();
        assert_eq!(known.0, "label", "{detector} on {name}");
        for finding in &scored.findings {
            assert!(!finding.causes.is_empty(), "{detector} on {name} finds and does not say why");
        }
        if entry.learns_from == eddy_detect::LearnsFrom::Labels {
            // 600 rows, an eighth of them attacks that one column tells: what learns from labels knows them again.
            let found = scored.flagged;
            // nids takes one normal row in twenty for an attack, so as to catch what nobody showed it.
            let most = if detector == "nids" { 125 } else { 90 };
            assert!((60..=most).contains(&found), "{detector} on {name} flags {found} of 600 rows");
            assert!(!scored.findings.is_empty(), "{detector} on {name} finds nothing");
        }
    }
}

#[test]
fn on_numbers() {
    goes_the_whole_way("numbers", &table(false, 600));
}

#[test]
fn on_numbers_and_categories() {
    goes_the_whole_way("mixed", &table(true, 600));
}
