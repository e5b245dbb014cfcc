//! From alarms on a series to events: what happened, from when to when, how large.

mod baseline;
mod event;
mod extent;
mod kind;
mod words;

pub use event::{EventKind, SeriesEvent, SeriesRecord, events};
pub use extent::Alarm;
pub use words::{event_sentence, span_in_words};

/// The value below which a share of the sorted values lies (linear interpolation is not needed here: the nearest one).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}

/// The median of the values that are there; NaN where none is.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    let middle = values.len() / 2;
    if values.is_empty() {
        return f64::NAN;
    }
    let is_even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if is_even {
        let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        return f64::midpoint(lower, upper);
    }
    upper
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_the_middle() {
        fn check(values: &[f64], expect: f64) {
            assert!((median(values.iter().copied()) - expect).abs() < 1e-12, "{values:?}");
        }
        check(&[3.0], 3.0);
        check(&[1.0, 2.0], 1.5);
        check(&[9.0, 1.0, 5.0], 5.0);
        check(&[4.0, 1.0, f64::NAN, 3.0, 2.0], 2.5);
        assert!(median([]).is_nan());
    }
}
