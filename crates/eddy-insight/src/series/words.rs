//! Events on series in plain words.

use super::{EventKind, SeriesEvent};
use crate::number;

/// A stretch of time in words: `45 s`, `3 h 10 min`, `2 days 4 h`.
pub fn span_in_words(nanos: i64) -> String {
    let seconds = nanos.unsigned_abs() / 1_000_000_000;
    let two = |large: u64, large_name: &str, small: u64, small_name: &str| {
        if small == 0 {
            format!("{large} {large_name}")
        } else {
            format!("{large} {large_name} {small} {small_name}")
        }
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        86_400..172_800 => two(1, "day", seconds % 86_400 / 3_600, "h"),
        _ => two(seconds / 86_400, "days", seconds % 86_400 / 3_600, "h"),
    }
}

/// What happened, in a sentence. `name` is that of the column, `lasted` the time from its first to one past its last
/// row where times are known.
pub fn event_sentence(event: &SeriesEvent, name: &str, unit: Option<&str>, lasted: Option<i64>) -> String {
    let with_unit =
        |value: f64| unit.map_or_else(|| number(value), |unit| format!("{} {unit}", number(value)));
    let rows = event.last - event.first + 1;
    let long = match lasted.filter(|&nanos| nanos > 0) {
        _ if rows == 1 => String::new(),
        Some(nanos) => format!(" for {}", span_in_words(nanos)),
        None => format!(" for {rows} rows"),
    };
    let stays =
        if event.goes_on { ", and still so at the end of the record".to_owned() } else { long.clone() };
    // A band about nothing has the least width that a number can have.
    let [low, high] = [event.low.min(event.high), event.high]
        .map(|end| if end.abs() <= 2.0 * f64::MIN_POSITIVE { 0.0 } else { end });
    let usual = if !(low.is_finite() && high.is_finite()) {
        String::new()
    } else if number(low) == number(high) {
        format!(" (usually {})", with_unit(high))
    } else {
        format!(" (usually {} to {})", number(low), with_unit(high))
    };
    let times = if event.expected > 0.0 && event.seen / event.expected >= 2.0 && event.low > 0.0 {
        format!(
            ", {} times the expected {}",
            number((event.seen / event.expected * 10.0).round() / 10.0),
            number(event.expected)
        )
    } else {
        String::new()
    };
    let (before, after) = (with_unit(event.expected), with_unit(event.seen));
    let core = match event.kind {
        EventKind::Spike => format!("{name} spikes to {after}{long}{times}{usual}"),
        EventKind::Drop => format!("{name} drops to {after}{long}{usual}"),
        EventKind::LevelShift => {
            let direction = if event.seen > event.expected { "up" } else { "down" };
            format!("{name} shifts {direction} from about {before} to about {after}{stays}")
        }
        EventKind::TrendChange => {
            let direction = if event.seen > event.expected { "climbs away" } else { "falls away" };
            format!("{name} {direction} from what is expected, to {after} where {before} is{stays}")
        }
        EventKind::VarianceChange => {
            let more = if event.seen > event.expected { "more" } else { "less" };
            format!("{name} varies {more} than before, by about {after} instead of {before}{stays}")
        }
        EventKind::SeasonBroken => {
            format!("{name} does not keep its rhythm, {after}{usual} at its worst{stays}")
        }
        EventKind::Silence if rows == 1 && (event.seen >= event.low || event.low.is_nan()) => {
            format!("{name} was not recorded before this row")
        }
        EventKind::Silence => format!("{name} falls silent, {after}{usual}{stays}"),
        EventKind::FlatLine => format!("{name} stands still at {after}{stays}"),
        EventKind::Unusual => format!("{name} behaves as it did not before, of no known shape{long}"),
    };
    match &event.reason {
        Some(reason) if event.kind == EventKind::Unusual => format!("{core} ({reason})"),
        _ => core,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, seen: f64, expected: f64, goes_on: bool) -> SeriesEvent {
        SeriesEvent {
            kind,
            first: 10,
            last: 20,
            detected: 11,
            goes_on,
            peak: 12,
            seen,
            expected,
            low: expected - 20.0,
            high: expected + 20.0,
            surprise: 4.0,
            alarms: 1,
            reason: None,
        }
    }

    #[test]
    fn sentences_say_what_was_seen_and_what_is_usual() {
        let hour = Some(3_600_000_000_000);
        assert_eq!(
            event_sentence(&event(EventKind::Spike, 500.0, 100.0, false), "in", Some("bytes"), hour),
            "in spikes to 500 bytes for 1 h, 5 times the expected 100 (usually 80 to 120 bytes)"
        );
        let about_nothing = SeriesEvent {
            low: -f64::MIN_POSITIVE,
            high: f64::MIN_POSITIVE,
            ..event(EventKind::Spike, 3.0, 0.0, false)
        };
        assert_eq!(event_sentence(&about_nothing, "in", None, hour), "in spikes to 3 for 1 h (usually 0)");
        assert_eq!(
            event_sentence(&event(EventKind::LevelShift, 150.0, 100.0, true), "in", None, hour),
            "in shifts up from about 100 to about 150, and still so at the end of the record"
        );
        assert_eq!(
            event_sentence(&event(EventKind::FlatLine, 7.0, 100.0, false), "in", None, None),
            "in stands still at 7 for 11 rows"
        );
    }

    #[test]
    fn spans_have_two_units_at_most() {
        fn check(seconds: i64, expect: &str) {
            assert_eq!(span_in_words(seconds * 1_000_000_000), expect);
        }
        check(45, "45 s");
        check(600, "10 min");
        check(11_400, "3 h 10 min");
        check(90_000, "1 day 1 h");
        check(187_200, "2 days 4 h");
    }
}
