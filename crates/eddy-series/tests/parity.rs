//! Results compared with those of statsmodels 0.15; `tests/parity/make.py` made the reference.

use std::collections::HashMap;

use eddy_series::{Stl, adf, autocorrelation, bartlett_band, kpss, mstl, partial_autocorrelation};

fn table(text: &str) -> HashMap<&str, Vec<f64>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect()).collect();
    names.iter().enumerate().map(|(at, name)| (*name, rows.iter().map(|row| row[at]).collect())).collect()
}

fn check(what: &str, got: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    for (at, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        assert!((got - wanted).abs() <= tolerance, "{what}, {at}: {got} instead of {wanted}");
    }
}

#[test]
fn stl_is_that_of_statsmodels() {
    let table = table(include_str!("parity/stl.csv"));
    let settings = [
        ("plain", Stl::new(14)),
        ("robust", Stl::robust(14)),
        ("spans", Stl { seasonal: 13, trend: Some(29), ..Stl::new(14) }),
    ];
    for (name, stl) in settings {
        let parts = stl.decompose(&table["value"]).unwrap();
        check(name, &parts.trend, &table[format!("{name}_trend").as_str()], 1e-8);
        check(name, &parts.seasonal, &table[format!("{name}_seasonal").as_str()], 1e-8);
        check(name, &parts.weights, &table[format!("{name}_weights").as_str()], 1e-8);
    }
}

#[test]
fn mstl_is_that_of_statsmodels() {
    let table = table(include_str!("parity/mstl.csv"));
    let parts = mstl(&table["value"], &[24, 168], &Stl::new(24));
    check("trend", &parts.trend, &table["trend"], 1e-8);
    check("day", &parts.seasonal[0], &table["seasonal_24"], 1e-8);
    check("week", &parts.seasonal[1], &table["seasonal_168"], 1e-8);
    check("remainder", &parts.remainder, &table["remainder"], 1e-8);
}

#[test]
fn correlation_and_its_bands_are_those_of_statsmodels() {
    let series = table(include_str!("parity/tests_series.csv"));
    let table = table(include_str!("parity/correlation.csv"));
    for (name, values) in &series {
        let acf = autocorrelation(values, 40);
        check(name, &acf, &table[format!("{name}_acf").as_str()], 1e-9);
        check(name, &partial_autocorrelation(&acf, 40), &table[format!("{name}_pacf").as_str()], 1e-8);
        check(name, &bartlett_band(&acf, values.len()), &table[format!("{name}_band").as_str()], 1e-9);
    }
}

#[test]
fn tests_of_stationarity_are_those_of_statsmodels() {
    let series = table(include_str!("parity/tests_series.csv"));
    for line in include_str!("parity/tests.csv").lines().skip(1) {
        let (name, numbers) = line.split_once(',').unwrap();
        let wanted: Vec<f64> = numbers.split(',').map(|cell| cell.parse().unwrap()).collect();
        let (dickey, level) = (adf(&series[name]).unwrap(), kpss(&series[name]).unwrap());
        let got = [
            dickey.statistic,
            dickey.p_value,
            dickey.lags as f64,
            dickey.n_rows as f64,
            level.statistic,
            level.p_value,
            level.lags as f64,
        ];
        check(name, &got, &wanted, 1e-7);
    }
}
