//! The default is not a quota: ordinary rows are left alone, planted ones are found.

use std::fmt::Write as _;

use eddy_engine::{Fitting, Run, RunOptions, detect};
use eddy_io::TableWriter;
use eddy_sim::{Planting, Scenario, Shape, Spec, generate};
use rand::{RngExt, SeedableRng};

/// Draws one value.
type Noise = fn(&mut rand_pcg::Pcg64Mcg) -> f64;

fn normal(rng: &mut rand_pcg::Pcg64Mcg) -> f64 {
    // Sum of twelve uniform numbers: good enough a bell.
    (0..12).map(|_| rng.random_range(0.0..1.0f64)).sum::<f64>() - 6.0
}

/// `n_rows` rows of six columns of noise, the first `n_planted` of them moved by eight deviations in three columns.
fn detect_noise(noise: Noise, seed: u64, n_rows: usize, n_planted: usize) -> Run {
    let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
    let mut rows: Vec<[f64; 6]> = (0..n_rows).map(|_| std::array::from_fn(|_| noise(&mut rng))).collect();
    for col_idx in 0..3 {
        let mean = rows.iter().map(|row| row[col_idx]).sum::<f64>() / n_rows as f64;
        let variance = rows.iter().map(|row| (row[col_idx] - mean).powi(2)).sum::<f64>() / n_rows as f64;
        rows.iter_mut().take(n_planted).for_each(|row| row[col_idx] += 8.0 * variance.sqrt());
    }
    let mut text = String::from("a,b,c,d,e,f,label\n");
    for (row_idx, row) in rows.iter().enumerate() {
        row.iter().for_each(|value| write!(text, "{value:.6},").unwrap());
        text.push_str(if row_idx < n_planted { "1\n" } else { "0\n" });
    }
    run(&text)
}

fn run(csv: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    std::fs::write(&path, csv).unwrap();
    let path = path.display().to_string();
    detect(&[path], &Fitting::default(), &RunOptions::default()).unwrap()
}

#[test]
fn noise_is_left_alone() {
    let kinds: [(&str, Noise); 4] = [
        ("normal", normal),
        ("uniform", |rng| rng.random_range(0.0..1.0)),
        ("exponential", |rng| -rng.random_range(1e-12..1.0f64).ln()),
        ("dice", |rng| f64::from(rng.random_range(1..=6u8) + rng.random_range(1..=6u8))),
    ];
    for (name, noise) in kinds {
        let flagged: u64 = (0..6).map(|seed| detect_noise(noise, seed, 1_000, 0).flagged).sum();
        assert!(flagged <= 6, "{name}: {flagged} of 6 times 1,000 rows of pure noise flagged");
    }
}

#[test]
fn planted_rows_are_found_whether_few_or_many() {
    for (n_rows, n_planted) in [(500, 5), (2_000, 1), (2_000, 20), (2_000, 100), (2_000, 180)] {
        for noise in [normal as Noise, |rng| rng.random_range(0.0..1.0)] {
            let run = detect_noise(noise, 11, n_rows, n_planted);
            let measured = run.evaluation.expect("there is a label column").1;
            assert!(
                measured.recall > 0.95 && measured.precision > 0.9,
                "{n_planted} of {n_rows}: recall {}, precision {}",
                measured.recall,
                measured.precision
            );
        }
    }
}

/// Four days of flows at a row a minute.
fn flows(seed: u64, scenarios: Vec<Planting>) -> (Run, Vec<u32>) {
    let mut spec = Spec::new(Shape::FlowFeatures, 1_705_276_800_000_000_000, 96.0, seed);
    spec.scenarios = scenarios;
    let generated = generate(&spec).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.csv");
    let mut writer = TableWriter::create(&path, generated.frame.schema()).unwrap();
    writer.write(&generated.frame).unwrap();
    writer.finish().unwrap();
    let path = path.display().to_string();
    let run = detect(&[path], &Fitting::default(), &RunOptions::default()).unwrap();
    (run, generated.row_truth.iter().map(|&event| event as u32).collect())
}

#[test]
fn events_are_found_and_ordinary_traffic_is_not() {
    let planted = [
        (Scenario::Exfiltration, 26.5, 0.6),
        (Scenario::PortScan, 38.2, 0.3),
        (Scenario::DdosSpike, 61.4, 0.4),
        (Scenario::BruteForce, 75.0, 0.4),
        (Scenario::Outage, 86.1, 0.5),
    ];
    let (mut found, mut false_rows) = (0, 0);
    for seed in 1..=4 {
        let plantings = planted.map(|(scenario, at, hours)| Planting::new(scenario).at(at, hours)).into();
        let (run, truth) = flows(seed, plantings);
        let flagged: Vec<u32> = truth
            .iter()
            .zip(&run.surprises)
            .filter(|(_, surprise)| run.threshold.flags(**surprise))
            .map(|(event, _)| *event)
            .collect();
        found += (1..=5).filter(|event| flagged.iter().filter(|&flag| flag == event).count() >= 5).count();
        false_rows += flagged.iter().filter(|&&event| event == 0).count();
        let (clean, _) = flows(seed, Vec::new());
        assert!(clean.flagged <= 3, "seed {seed}: {} rows of clean traffic flagged", clean.flagged);
    }
    assert!(found >= 17, "{found} of 20 events found");
    assert!(false_rows <= 20, "{false_rows} ordinary rows flagged");
}

#[test]
fn a_finding_that_a_run_raised_says_so() {
    let plantings = vec![Planting::new(Scenario::BruteForce).at(75.0, 0.4)];
    let (run, _) = flows(5, plantings);
    let raised = run.findings.iter().find(|finding| finding.alone.is_some()).expect("a run of mild rows");
    assert!(raised.alone.unwrap() < raised.surprise);
    let stretch = raised.stretch.as_ref().expect("rows in the order of time");
    assert!(stretch.flagged >= 5 && stretch.from.is_some() && stretch.first_row < stretch.last_row);
}
