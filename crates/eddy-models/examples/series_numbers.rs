//! Writes the numbers that the members of the series ensemble make of labelled series, for `bench/series_ensemble/fit.py`.
//!
//! `cargo run --release -p eddy-models --example series_numbers -- OUT full|full_range|light FILE...` reads files of the
//! Numenta Anomaly Benchmark (`timestamp,value`) in sorted order, and makes series of noise and season beside them.

use std::{env, fs, path::Path};

use eddy_models::streaming::{Members, Size};
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_pcg::Pcg64Mcg;

const N_GROUPS: usize = 8;
/// Deals of the files into groups.
const FOLD_SEEDS: std::ops::RangeInclusive<u64> = 1..=3;
const N_MADE: u64 = 36;
const MADE_LENGTH: i64 = 6000;
const MADE_FIRST_ROWS: usize = 600;
const SECOND: i64 = 1_000_000_000;

type Series = Vec<(i64, f32)>;

/// Seconds since the epoch of a time such as `2014-03-01 17:36:00`.
fn seconds(text: &str) -> i64 {
    let part = |range: std::ops::Range<usize>| text[range].parse::<i64>().expect("a number");
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    // Days from civil dates: years begin in March.
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    days * 86_400 + part(11..13) * 3600 + part(14..16) * 60 + part(17..19)
}

fn read(path: &str) -> Series {
    let text = fs::read_to_string(path).expect("a readable file");
    let row = |line: &str| {
        let (time, value) = line.split_once(',').expect("two columns");
        (seconds(time) * SECOND, value.parse().expect("a number"))
    };
    text.lines().skip(1).map(row).collect()
}

/// A series in which nothing happens: noise of several kinds, seasons of a day and a week, every half minute to every hour.
fn made(idx: u64) -> Series {
    let mut rng = Pcg64Mcg::seed_from_u64(1000 + idx);
    let step = [60, 300, 300, 3600, 900, 30][(idx % 6) as usize];
    let noise = 40.0 * [0.05, 0.2, 0.5][(idx % 3) as usize];
    let phase: f64 = rng.random();
    let mut drift = 0.0;
    let mut value = |time: i64| {
        let mut bell = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        let angle = |period: f64| (time as f64 / period + phase) * std::f64::consts::TAU;
        let (day, week) = (angle(86_400.0).sin(), angle(604_800.0).sin());
        let z = bell();
        drift = 0.9 * drift + bell();
        match idx / 6 {
            0 => 50.0 + 10.0 * z,
            1 => (z * 0.8).exp(),
            2 => 20.0 + drift * 3.0,
            3 => 100.0 + 40.0 * day + noise * z,
            4 => 100.0 + if day > 0.3 { 60.0 } else { 0.0 } + 10.0 * week + noise * z,
            _ => {
                (1.0 + 0.5 * day + 0.2 * (2.0 * angle(86_400.0)).sin() + 0.2 * week)
                    * (3.0 + noise / 40.0 * z).exp()
            }
        }
    };
    (0..MADE_LENGTH).map(|row| ((1_700_000_000 + row * step) * SECOND, value(row * step) as f32)).collect()
}

/// The group that each file is dealt into.
fn groups(n: usize, fold_seed: u64) -> Vec<String> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut Pcg64Mcg::seed_from_u64(fold_seed));
    let mut groups = vec![String::new(); n];
    for (position, &file) in order.iter().enumerate() {
        groups[file] = (position % N_GROUPS).to_string();
    }
    groups
}

fn write_numbers(out: &Path, name: &str, series: &Series, first_rows: usize, kind: (Size, bool)) {
    let (size, is_range_known) = kind;
    let low = series.iter().map(|row| row.1).fold(f32::MAX, f32::min);
    let high = series.iter().map(|row| row.1).fold(f32::MIN, f32::max);
    let mut members = Members::new(size, first_rows, is_range_known.then_some((low, high)));
    let mut numbers = vec![0.0f32; size.n_features()];
    let mut bytes = Vec::new();
    for &(time, value) in series {
        members.push(Some(time), value, &mut numbers);
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }
    fs::write(out.join(format!("{name}.f32")), bytes).expect("a writable directory");
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [out, kind, files @ ..] = args.as_slice() else { panic!("OUT full|full_range|light FILE...") };
    let size = if kind == "light" { Size::Light } else { Size::Full };
    let is_range_known = kind == "full_range";
    let out = Path::new(out);
    let write = |name: &str, text: String| fs::write(out.join(name), text).expect("a writable directory");
    write("names.txt", size.feature_names().join("\n"));
    let deals: Vec<String> = FOLD_SEEDS.map(|seed| groups(files.len(), seed).join(" ")).collect();
    write("groups.txt", deals.join("\n"));
    for path in files {
        let name = Path::new(path).file_stem().and_then(|name| name.to_str()).expect("a file name");
        let series = read(path);
        // The warm-up of the benchmark.
        let first_rows = (series.len() * 3 / 20).min(750);
        write_numbers(out, name, &series, first_rows, (size, is_range_known));
    }
    for idx in 0..N_MADE {
        write_numbers(out, &format!("made{idx}"), &made(idx), MADE_FIRST_ROWS, (size, is_range_known));
    }
}
