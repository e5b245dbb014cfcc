//! Cumulative counters, told by their values: whole, never falling but for a wrap or a reset, and big.

use eddy_frame::{Column, CounterBits};
use rustc_hash::FxHashMap;

/// Parts of names that counters have.
const HINTS: [&str; 14] = [
    "octets",
    "bytes",
    "packets",
    "pkts",
    "segs",
    "datagrams",
    "counter",
    "total",
    "errors",
    "discards",
    "drops",
    "received",
    "sent",
    "requests",
];

/// Which rows of a sample belong to which series: rows with the same texts in the entity columns.
pub(crate) fn series_of(entities: &[&Column], n_rows: usize) -> Vec<usize> {
    let mut numbers: FxHashMap<Vec<String>, usize> = FxHashMap::default();
    (0..n_rows)
        .map(|row_idx| {
            let key = entities.iter().map(|column| text_at(column, row_idx)).collect();
            let next = numbers.len();
            *numbers.entry(key).or_insert(next)
        })
        .collect()
}

fn text_at(column: &Column, row_idx: usize) -> String {
    match column {
        Column::Text(texts) if row_idx < texts.len() => texts.get(row_idx).to_owned(),
        column if row_idx < column.len() => column.number(row_idx).to_string(),
        _ => String::new(),
    }
}

/// The width of the counter that a column of the sample is, if it is one. `values` are consecutive; `series` has the
/// series of each.
pub(crate) fn width(name: &str, values: &[f64], series: &[usize]) -> Option<CounterBits> {
    let (mut last, mut first): (FxHashMap<usize, f64>, FxHashMap<usize, f64>) = Default::default();
    let (mut steps, mut rises, mut falls, mut wraps) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut high: f64 = 0.0;
    for (value, series) in values.iter().zip(series) {
        if value.is_nan() {
            continue;
        }
        if value.fract() != 0.0 || *value < 0.0 || value.is_infinite() {
            return None;
        }
        high = high.max(*value);
        first.entry(*series).or_insert(*value);
        if let Some(before) = last.insert(*series, *value) {
            steps += 1;
            if *value > before {
                rises += 1;
            } else if *value < before {
                falls += 1;
                let wrapped = before < 4_294_967_296.0 && before > 3.0e9 && *value < 1.3e9;
                wraps += usize::from(wrapped);
                // A reset begins near zero again; anything else is a fall that no counter has.
                if !wrapped && *value > before * 0.1 {
                    return None;
                }
            }
        }
    }
    let hinted = {
        let name = name.to_ascii_lowercase();
        HINTS.iter().any(|hint| name.contains(hint))
    };
    // Slow counters stand still between their rises; a name must speak for them, and nothing against.
    let lively = rises * 5 >= steps * 2 || (hinted && falls == 0 && steps >= 50);
    let steady = steps >= 12 && rises >= 8 && lively && falls * 20 <= steps;
    let big = high > 1e6 || (hinted && high > 1000.0);
    // A counter has run for a while before the sample; one step is little against its value. Sorted tables and row
    // numbers begin low and end high.
    let grown = hinted || {
        let start = first.values().copied().fold(f64::INFINITY, f64::min);
        start > 0.0 && start > (high - start) * 0.5
    };
    if !(steady && big && grown) {
        return None;
    }
    let name_says_64 = name.contains("HC") || name.contains("64");
    Some(if wraps == 0 && (high >= 4_294_967_296.0 || name_says_64) {
        CounterBits::B64
    } else {
        CounterBits::B32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, values: impl IntoIterator<Item = f64>, expect: Option<CounterBits>) {
        let values: Vec<f64> = values.into_iter().collect();
        assert_eq!(width(name, &values, &vec![0; values.len()]), expect, "{name} {values:?}");
    }

    #[test]
    fn counters_rise_and_wrap() {
        check("in", (0..100).map(|i| 5e8 + f64::from(i) * 1e5), Some(CounterBits::B32));
        check("in", (0..100).map(|i| 5e12 + f64::from(i) * 1e5), Some(CounterBits::B64));
        let wrapping = (0..100).map(|i| (4.2e9 + f64::from(i) * 1e7) % 4_294_967_296.0);
        check("ifInOctets", wrapping, Some(CounterBits::B32));
        check(
            "bytes",
            (0..100).map(|i| if i < 50 { 5e6 + f64::from(i) } else { f64::from(i) }),
            Some(CounterBits::B32),
        );
    }

    #[test]
    fn gauges_and_sorted_columns_are_no_counters() {
        check("bytes", (0..100).map(|i| 1e6 + f64::from(i * 7919 % 100)), None);
        check("price", (0..100).map(|i| f64::from(i) * 1e6), None);
        check("load", (0..100).map(|i| 1e7 + f64::from(i) + 0.5), None);
        check("bytes", (0..5).map(|i| 1e7 + f64::from(i)), None);
    }

    #[test]
    fn series_are_followed_apart() {
        let hosts: eddy_frame::TextColumn = (0..100).map(|i| if i % 2 == 0 { "a" } else { "b" }).collect();
        let column = Column::Text(hosts);
        let series = series_of(&[&column], 100);
        let values: Vec<f64> =
            (0..100).map(|i| if i % 2 == 0 { 5e9 } else { 1e7 } + f64::from(i) * 1e3).collect();
        assert_eq!(width("octets", &values, &series), Some(CounterBits::B64));
        assert_eq!(width("octets", &values, &[0; 100]), None);
    }
}
