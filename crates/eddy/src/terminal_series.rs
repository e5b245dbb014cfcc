//! What is printed about series.

use std::fmt::Write as _;

use eddy_engine::{Exploration, SeriesProfile};

use crate::terminal::{blocks, plain};

/// Letters in a line of blocks.
const WIDTH: usize = 72;
/// Letters before the sentences.
const INDENT: &str = "           ";

/// A few lines for each series that was looked at.
pub(crate) fn series(text: &mut String, found: &Exploration) {
    for one in &found.series.shown {
        about(text, one);
    }
}

fn about(text: &mut String, series: &SeriesProfile) {
    let entity = series.entity.as_deref().filter(|entity| !entity.is_empty());
    let of = entity.map_or(String::new(), |entity| format!(" of {}", plain(entity)));
    let name: String = plain(&series.name).chars().take(80).collect();
    let _ = writeln!(text, "\nseries     {name}{of}\n{INDENT}{}", trace(&series.values));
    if series.values.iter().any(|value| value.is_nan()) && series.step_seconds.is_some() {
        let _ = writeln!(text, "{INDENT}{}  there (.) and missing (x)", presence(&series.values));
    }
    for (heading, sentence) in &series.facts {
        let sketch = match heading.as_str() {
            "Hours" => medians(&series.by_hour),
            "Days" => medians(&series.by_weekday),
            _ => String::new(),
        };
        let _ = writeln!(text, "{INDENT}{:<9} {sketch}{}", heading.to_lowercase(), plain(sentence));
    }
}

/// A long series as one row of blocks: the largest value of each stretch.
fn trace(values: &[f64]) -> String {
    let step = values.len().div_ceil(WIDTH).max(1);
    let largest =
        |part: &[f64]| part.iter().copied().filter(|v| v.is_finite()).reduce(f64::max).unwrap_or(f64::NAN);
    blocks(&values.chunks(step).map(largest).collect::<Vec<_>>())
}

/// A letter for each stretch: whether half of its values are missing.
fn presence(values: &[f64]) -> String {
    let step = values.len().div_ceil(WIDTH).max(1);
    let letter = |part: &[f64]| {
        let missing = part.iter().filter(|value| value.is_nan()).count();
        match missing {
            0 => '.',
            n if 2 * n >= part.len() => 'x',
            _ => ':',
        }
    };
    values.chunks(step).map(letter).collect()
}

/// The medians of groups as blocks.
fn medians(groups: &[eddy_series::BoxFigures]) -> String {
    format!("{} ", blocks(&groups.iter().map(|group| group.five[2]).collect::<Vec<_>>()))
}
