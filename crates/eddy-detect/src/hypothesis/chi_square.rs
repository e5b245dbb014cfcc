//! Whether groups differ in the levels of a category.

use statrs::function::gamma::gamma_ur;

/// The outcome of [`chi_square`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquare {
    /// Pearson's statistic.
    pub statistic: f64,
    /// Degrees of freedom, after empty rows and columns are left out.
    pub degrees_of_freedom: usize,
    /// p-value.
    pub p: f64,
    /// Cramer's V, 0 (independent) to 1 (one follows from the other). Too large for few rows and many levels.
    pub cramers_v: f64,
    /// Cramer's V less what chance alone gives for so many rows and levels (Bergsma 2013), 0 to 1.
    pub cramers_v_corrected: f64,
    /// The smallest count that independence would lead to expect.
    pub smallest_expected: f64,
    /// Share of the cells with an expected count below 5. The p-value is doubtful when it is above 0.2, or the smallest
    /// expected count is below 1 (Cochran 1954).
    pub small_share: f64,
}

impl ChiSquare {
    /// Whether the counts are large enough for the p-value, by the rule of Cochran.
    pub fn is_sound(&self) -> bool {
        self.small_share <= 0.2 && self.smallest_expected >= 1.0
    }
}

/// The chi-square test of independence on a table of counts, one row a level and one column a group.
///
/// Without the correction of Yates, as `scipy.stats.chi2_contingency` with `correction=False`. Rows and columns without
/// any count are left out. None when fewer than two rows or two columns are left.
///
/// Source: K. Pearson, "On the criterion that a given system of deviations...", Philosophical Magazine 50 (1900);
/// H. Cramer, "Mathematical Methods of Statistics" (1946), 21.9; W. Bergsma, "A bias-correction for Cramer's V and
/// Tschuprow's T", Journal of the Korean Statistical Society 42 (2013).
pub fn chi_square<const GROUPS: usize>(table: &[[u64; GROUPS]]) -> Option<ChiSquare> {
    let rows: Vec<f64> = table.iter().map(|row| row.iter().sum::<u64>() as f64).collect();
    let columns: [f64; GROUPS] =
        std::array::from_fn(|group| table.iter().map(|row| row[group]).sum::<u64>() as f64);
    let used = |sums: &[f64]| sums.iter().filter(|sum| **sum > 0.0).count();
    let (n_rows, n_columns) = (used(&rows), used(&columns));
    if n_rows < 2 || n_columns < 2 {
        return None;
    }
    let total: f64 = rows.iter().sum();
    let (mut statistic, mut smallest_expected, mut small) = (0.0, f64::INFINITY, 0usize);
    for (row, of_row) in table.iter().zip(&rows) {
        for (&count, of_column) in row.iter().zip(&columns) {
            let expected = of_row * of_column / total;
            if expected > 0.0 {
                statistic += (count as f64 - expected).powi(2) / expected;
                smallest_expected = smallest_expected.min(expected);
                small += usize::from(expected < 5.0);
            }
        }
    }
    let degrees_of_freedom = (n_rows - 1) * (n_columns - 1);
    let p = if statistic > 0.0 {
        gamma_ur(degrees_of_freedom as f64 / 2.0, statistic / 2.0).clamp(0.0, 1.0)
    } else {
        1.0
    };
    let narrow = n_rows.min(n_columns) as f64;
    Some(ChiSquare {
        statistic,
        degrees_of_freedom,
        p,
        cramers_v: (statistic / (total * (narrow - 1.0))).sqrt().min(1.0),
        cramers_v_corrected: corrected(statistic / total, total, n_rows as f64, n_columns as f64),
        smallest_expected,
        small_share: small as f64 / (n_rows * n_columns) as f64,
    })
}

/// Equation (6) of Bergsma.
fn corrected(phi_square: f64, n: f64, rows: f64, columns: f64) -> f64 {
    if n < 2.0 {
        return 0.0;
    }
    let by_chance = (rows - 1.0) * (columns - 1.0) / (n - 1.0);
    let shrunk = |size: f64| size - (size - 1.0).powi(2) / (n - 1.0);
    let narrow = shrunk(rows).min(shrunk(columns)) - 1.0;
    if narrow > 0.0 { ((phi_square - by_chance).max(0.0) / narrow).sqrt().min(1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_that_give_the_group_away_have_the_whole_effect() {
        let found = chi_square(&[[500, 0], [0, 300], [0, 0]]).unwrap();
        assert!((found.cramers_v - 1.0).abs() < 1e-12 && found.degrees_of_freedom == 1);
        assert!(found.cramers_v_corrected > 0.99 && found.p < 1e-100 && found.is_sound());
    }

    #[test]
    fn proportional_counts_are_independent() {
        let found = chi_square(&[[10, 20], [30, 60]]).unwrap();
        assert!(found.statistic.abs() < 1e-12 && found.p > 0.999 && found.cramers_v_corrected == 0.0);
    }

    #[test]
    fn many_rare_levels_are_doubtful_and_their_effect_is_chance() {
        let table: Vec<[u64; 2]> = (0..100).map(|i| if i % 2 == 0 { [1, 0] } else { [0, 1] }).collect();
        let found = chi_square(&table).unwrap();
        assert!(!found.is_sound());
        assert!(found.cramers_v > 0.99, "{found:?}");
        assert!(found.cramers_v_corrected < 0.3, "{found:?}");
    }

    #[test]
    fn one_level_or_one_group_has_no_test() {
        assert_eq!(chi_square(&[[10, 20]]), None);
        assert_eq!(chi_square(&[[10, 0], [20, 0]]), None);
        assert_eq!(chi_square::<2>(&[]), None);
    }
}
