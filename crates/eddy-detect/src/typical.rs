//! What is ordinary for a feature.

use eddy_frame::Column;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::step::numbers;

/// What is ordinary for one feature before it is scaled and encoded, in the training rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Typical {
    /// A number.
    Number {
        /// Median.
        median: f64,
        /// 5 % of the training rows lie below.
        low: f64,
        /// 5 % of the training rows lie above.
        high: f64,
    },
    /// A category.
    Category {
        /// The most common level.
        mode: String,
        /// Its share of the training rows.
        share: f64,
        /// The most common levels and their shares, at most 8.
        levels: Vec<(String, f64)>,
    },
}

/// JSON holds no infinities: an all-missing column has a typical value of 0.
pub(crate) fn finite(typical: &Typical) -> Typical {
    let fix = |value: f64| if value.is_finite() { value } else { 0.0 };
    match typical {
        Typical::Number { median, low, high } => {
            Typical::Number { median: fix(*median), low: fix(*low), high: fix(*high) }
        }
        category @ Typical::Category { .. } => category.clone(),
    }
}

pub(crate) fn typical_of(column: &Column) -> Typical {
    if let Column::Text(texts) = column {
        let mut counts: FxHashMap<&str, u64> = FxHashMap::default();
        texts.iter().for_each(|text| *counts.entry(text).or_default() += 1);
        let mut levels: Vec<(&str, u64)> = counts.into_iter().collect();
        levels.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let n = texts.len().max(1) as f64;
        let (mode, count) = levels.first().copied().unwrap_or_default();
        return Typical::Category {
            mode: mode.to_owned(),
            share: count as f64 / n,
            levels: levels
                .iter()
                .take(8)
                .map(|(level, count)| ((*level).to_owned(), *count as f64 / n))
                .collect(),
        };
    }
    let mut values = numbers(column);
    values.retain(|value| value.is_finite());
    if values.is_empty() {
        return Typical::Number { median: 0.0, low: 0.0, high: 0.0 };
    }
    let n_values = values.len();
    // Three order statistics, each among what the one before left: much cheaper than sorting.
    let place = |share: f64| ((n_values - 1) as f64 * share).round() as usize;
    let (low_at, median_at, high_at) = (place(0.05), place(0.5), place(0.95));
    let mut nth = |end: usize, at: usize| *values[..end].select_nth_unstable_by(at, f64::total_cmp).1;
    let high = nth(n_values, high_at);
    let median = nth(high_at + 1, median_at);
    let low = nth(median_at + 1, low_at);
    Typical::Number { median, low, high }
}
