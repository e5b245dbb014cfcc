//! What holds for every detector of series: a score knows nothing of what comes after it.

use eddy_detect::{Entry, FitContext, Model, Reading, SeriesModel};
use eddy_frame::RowsView;
use eddy_models::DETECTORS;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::Value;
use std::sync::Arc;

const N_COLS: usize = 2;
const MINUTE: i64 = 60_000_000_000;

/// Rows with a daily pattern, noise, a gap, equal and turned times, and now and then something wild.
fn rows(seed: u64, n_rows: usize) -> (Vec<f32>, Vec<i64>) {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let (mut values, mut times, mut time) = (Vec::new(), Vec::new(), 1_700_000_000_000_000_000i64);
    for idx in 0..n_rows {
        time += match rng.random_range(0..200) {
            0 => 0,
            1 => -MINUTE,
            2 => 400 * MINUTE,
            _ => 15 * MINUTE,
        };
        times.push(time);
        let day = (std::f64::consts::TAU * time as f64 / (1440.0 * MINUTE as f64)).sin() as f32;
        for col_idx in 0..N_COLS {
            let wild = if rng.random_range(0..150) == 0 { 40.0 } else { 1.0 };
            let value = 50.0 + 10.0 * day + wild * (rng.random::<f32>() - 0.5);
            values.push(if idx > 60 && idx % 97 < 20 && col_idx == 1 { 0.0 } else { value });
        }
    }
    (values, times)
}

/// Every detector of series on the list, fitted.
fn models() -> Vec<(&'static Entry, Arc<dyn SeriesModel>)> {
    let (values, times) = rows(1, 500);
    let context = FitContext { times: Some(&times), ..FitContext::default() };
    let fitted = |entry: &'static Entry| {
        if entry.about.kind != eddy_detect::ModelKind::Series {
            return None;
        }
        let detector = entry.parse(&Value::Null).unwrap();
        match detector.fit(RowsView::new(&values, N_COLS), &context) {
            Ok(Model::Series(model)) => Some((entry, model)),
            other => panic!("{}: {other:?}", entry.about.name),
        }
    };
    let models: Vec<_> = DETECTORS.0.iter().filter_map(fitted).collect();
    assert!(models.len() >= 10);
    models
}

fn read(
    model: &Arc<dyn SeriesModel>,
    values: &[f32],
    times: &[i64],
    cuts: &[usize],
) -> (Vec<Reading>, usize) {
    let mut scorer = model.clone().start();
    let mut out = vec![Reading::of_score(f64::NAN); values.len() / N_COLS];
    let mut start = 0;
    for &end in cuts.iter().chain(&[out.len()]) {
        let part = RowsView::new(&values[start * N_COLS..end * N_COLS], N_COLS);
        let times = if times.is_empty() { times } else { &times[start..end] };
        scorer.read(part, times, &mut out[start..end]);
        start = end;
    }
    (out, scorer.memory_bytes())
}

/// All that is said of a row, as bits.
fn bits(reading: &Reading) -> [u64; 7] {
    [
        reading.score.to_bits(),
        reading.alarm.to_bits(),
        u64::from(reading.column),
        u64::from(reading.expected.to_bits()),
        u64::from(reading.low.to_bits()),
        u64::from(reading.high.to_bits()),
        u64::from(reading.reason),
    ]
}

fn assert_same(name: &str, got: &[Reading], wanted: &[Reading]) {
    for (row_idx, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        assert_eq!(bits(got), bits(wanted), "{name} row {row_idx}: {got:?} vs {wanted:?}");
    }
}

#[test]
fn changing_the_future_changes_no_past_bit() {
    let (values, times) = rows(2, 400);
    for (entry, model) in models() {
        for with_times in [&times[..], &[]] {
            let (whole, _) = read(&model, &values, with_times, &[]);
            for n_past in [1, 40, 150, 333] {
                let (mut other, mut other_times) = (values.clone(), with_times.to_vec());
                for (idx, value) in other[n_past * N_COLS..].iter_mut().enumerate() {
                    *value = [f32::NAN, 3.4e38, -1e9, 0.0, 7.5][idx % 5];
                }
                other_times.iter_mut().skip(n_past).for_each(|time| *time = i64::MAX - *time);
                let (changed, _) = read(&model, &other, &other_times, &[]);
                assert_same(entry.about.name, &changed[..n_past], &whole[..n_past]);
            }
        }
    }
}

#[test]
fn cutting_the_stream_anywhere_changes_no_bit() {
    let (values, times) = rows(3, 300);
    let mut rng = Pcg64Mcg::seed_from_u64(4);
    for (entry, model) in models() {
        for with_times in [&times[..], &[]] {
            let (whole, _) = read(&model, &values, with_times, &[]);
            let every: Vec<usize> = (1..300).collect();
            let some: Vec<usize> = (1..300).filter(|_| rng.random_range(0..20) == 0).collect();
            for cuts in [every, some, vec![0, 0, 299]] {
                assert_same(entry.about.name, &read(&model, &values, with_times, &cuts).0, &whole);
            }
        }
    }
}

#[test]
fn scores_alone_are_those_of_the_readings() {
    let (values, times) = rows(5, 300);
    for (entry, model) in models() {
        let (readings, _) = read(&model, &values, &times, &[]);
        let mut scores = vec![f64::NAN; 300];
        model.start().score(RowsView::new(&values, N_COLS), &times, &mut scores);
        for (row_idx, (reading, score)) in readings.iter().zip(scores).enumerate() {
            assert_eq!(reading.score.to_bits(), score.to_bits(), "{} row {row_idx}", entry.about.name);
            assert!(score.is_finite(), "{} row {row_idx}", entry.about.name);
            assert!((reading.column as usize) < N_COLS, "{} row {row_idx}", entry.about.name);
            assert!(
                reading.low.is_nan() || reading.low <= reading.high,
                "{} row {row_idx}: {reading:?}",
                entry.about.name
            );
        }
    }
}

#[test]
fn memory_does_not_grow_with_the_series() {
    let (values, times) = rows(6, 3000);
    for (entry, model) in models() {
        let begun = model.clone().start().memory_bytes();
        let (_, after) = read(&model, &values, &times, &[]);
        assert_eq!(begun, after, "{}", entry.about.name);
    }
}

#[test]
fn memory_is_no_more_than_the_documentation_says() {
    /// Bytes for the two columns of these series, from what the detectors say of themselves, and the scorer itself.
    const STATED: [(&str, usize); 12] = [
        ("ewma", 2 * 56),
        ("cusum", 2 * 2_250),
        ("change_point", 2 * 4_100),
        ("seasonal_quantiles", 2 * 4_900),
        ("holt_winters", 2 * 2_250),
        ("stl_residual", 2 * 4_250),
        ("spectral_residual", 2 * 1_900),
        ("matrix_profile", 2 * 31_800),
        ("anomaly_likelihood", 2 * 2_250 + 8_000),
        ("activity", 2 * 2_350),
        ("series_forest", 2 * 2_650),
        ("random_cut_forest", 770_000),
    ];
    for (entry, model) in models() {
        let Some((_, stated)) = STATED.iter().find(|(name, _)| *name == entry.about.name) else { continue };
        let bytes = model.start().memory_bytes();
        assert!(bytes <= stated + 100, "{}: {bytes} bytes, {stated} stated", entry.about.name);
    }
}
