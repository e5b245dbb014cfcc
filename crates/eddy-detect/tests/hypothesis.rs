//! The tests of hypotheses against scipy (`hypothesis/make.py`).

use std::collections::BTreeMap;

use eddy_detect::hypothesis::{
    Sample, benjamini_hochberg, chi_square, kolmogorov_smirnov, mann_whitney, welch,
};

const SAMPLES: &str = include_str!("hypothesis/samples.csv");
const REFERENCE: &str = include_str!("hypothesis/reference.csv");

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().skip(1).map(|line| line.split(',').collect())
}

fn samples() -> BTreeMap<&'static str, [Sample; 2]> {
    let mut values: BTreeMap<&str, [Vec<f64>; 2]> = BTreeMap::new();
    for line in lines(SAMPLES) {
        values.entry(line[0]).or_default()[line[1].parse::<usize>().unwrap()].push(line[2].parse().unwrap());
    }
    values.into_iter().map(|(case, groups)| (case, groups.map(Sample::new))).collect()
}

fn expected(case: &str, statistic: &str) -> f64 {
    let found = lines(REFERENCE).find(|line| line[0] == case && line[1] == statistic);
    found.unwrap_or_else(|| panic!("{case} {statistic}"))[2].parse().unwrap()
}

#[track_caller]
fn check(case: &str, statistic: &str, found: f64, tolerance: f64) {
    let expect = expected(case, statistic);
    let far = (found - expect).abs() > tolerance * expect.abs().max(1e-300);
    assert!(!far || (found - expect).abs() < 1e-14, "{case}, {statistic}: {found:e}, scipy has {expect:e}");
}

#[test]
fn mann_whitney_is_scipys() {
    for (case, [first, second]) in samples() {
        let found = mann_whitney(&first, &second).unwrap();
        check(case, "u", found.u, 0.0);
        check(case, "u_p", found.p, 1e-10);
    }
}

#[test]
fn kolmogorov_smirnov_has_scipys_distance_and_nearly_its_p_value() {
    for (case, [first, second]) in samples() {
        let found = kolmogorov_smirnov(&first, &second).unwrap();
        check(case, "d", found.d, 1e-12);
        let p = expected(case, "d_p");
        if p < 1.0 {
            check(case, "d_at", found.at, 0.0);
        }
        // The limiting distribution with Stephens' correction against that of a finite sample.
        if found.d == 1.0 {
            assert!(found.p < 1e-15, "{case}: {:e}; scipy has {p:e}", found.p);
            continue;
        }
        let apart = (found.p.max(1e-300).ln() - p.ln()).abs() / p.ln().abs().max(1.0);
        assert!(apart < 0.06, "{case}: {:e}, scipy has {p:e}", found.p);
    }
}

#[test]
fn welch_is_scipys() {
    for (case, [first, second]) in samples() {
        let found = welch(&first, &second).unwrap();
        check(case, "t", found.t, 1e-10);
        check(case, "t_df", found.degrees_of_freedom, 1e-10);
        check(case, "t_p", found.p, 1e-9);
        check(case, "cohens_d", found.cohens_d, 1e-10);
    }
}

#[test]
fn chi_square_is_scipys() {
    for case in ["two_by_two", "levels", "rare"] {
        let table: Vec<[u64; 2]> = lines(REFERENCE)
            .filter(|line| line[0] == case && line[1] == "row")
            .map(|line| {
                let counts: Vec<u64> = line[2].split(' ').map(|count| count.parse().unwrap()).collect();
                [counts[0], counts[1]]
            })
            .collect();
        let found = chi_square(&table).unwrap();
        check(case, "chi_square", found.statistic, 1e-12);
        check(case, "chi_df", found.degrees_of_freedom as f64, 0.0);
        check(case, "chi_p", found.p, 1e-10);
        check(case, "smallest_expected", found.smallest_expected, 1e-12);
        check(case, "small_share", found.small_share, 1e-12);
        check(case, "cramers_v", found.cramers_v, 1e-12);
        assert!(found.cramers_v_corrected < found.cramers_v);
    }
}

#[test]
fn benjamini_and_hochbergs_correction_is_scipys() {
    let cases: Vec<&str> = lines(REFERENCE).filter(|line| line[1] == "u_p").map(|line| line[0]).collect();
    let p_values: Vec<f64> = cases.iter().map(|case| expected(case, "u_p")).collect();
    for (case, corrected) in cases.iter().zip(benjamini_hochberg(&p_values)) {
        check(case, "u_p_bh", corrected, 1e-12);
    }
}
