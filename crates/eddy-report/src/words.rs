//! Numbers in words.

use eddy_frame::{CivilTime, is_counted_from_a_start};

/// A number with four significant digits and thousands separated: `12,340`, `0.00123`, `4.56e15`; "missing" when it is
/// not finite.
pub(crate) fn number(value: f64) -> String {
    let magnitude = value.abs();
    if !value.is_finite() {
        return "missing".into();
    }
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-4..1e15).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    let digits = 3 - magnitude.log10().floor() as i32;
    if digits <= 0 || (value.fract() == 0.0 && magnitude < 1e6) {
        let unit = if magnitude < 1e6 { 1.0 } else { 10f64.powi(-digits) };
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}{}", count(((magnitude / unit).round() * unit) as u64));
    }
    trimmed(&format!("{value:.*}", digits as usize))
}

/// A count with its thousands separated: `12,480`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count and what is counted: "1 row", "12,480 rows".
pub(crate) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A share as a percentage: "0.3 %", "12 %".
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        return "unknown".into();
    }
    if percent == 0.0 || percent >= 10.0 {
        format!("{percent:.0} %")
    } else if percent >= 0.1 {
        format!("{percent:.1} %")
    } else {
        format!("{} %", number((percent * 1e4).round() / 1e4))
    }
}

/// A share as a percentage that is 100 % only when it is: "99.93 %".
pub(crate) fn near_percent(share: f64) -> String {
    if share > 0.99 && share < 1.0 {
        return format!("{} %", (share * 1e4).floor().min(9_999.0) / 100.0);
    }
    percent(share)
}

/// An anomaly score with three decimals.
pub(crate) fn score(value: f64) -> String {
    if value.is_finite() { format!("{value:.3}") } else { "none".into() }
}

/// A number and its unit: `3 hosts`, `1 host`, `20 %`.
pub(crate) fn with_unit(value: f64, unit: Option<&str>) -> String {
    let Some(unit) = unit.filter(|unit| !unit.is_empty()) else { return number(value) };
    let one = unit
        .strip_suffix('s')
        .filter(|one| one.len() >= 3 && one.bytes().all(|byte| byte.is_ascii_lowercase()));
    format!("{} {}", number(value), if value == 1.0 { one.unwrap_or(unit) } else { unit })
}

/// A number for the side of a plot: `1.5k`, `20M`, `0.25`.
pub(crate) fn tick(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 1e15 || (magnitude > 0.0 && magnitude < 1e-4) {
        return format!("{value:.0e}");
    }
    for (unit, letter) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")] {
        if magnitude >= unit * 9.99 || (magnitude >= unit && unit > 1e3) {
            return format!("{}{letter}", trimmed(&format!("{:.2}", value / unit)));
        }
    }
    if magnitude >= 1000.0 {
        return number(value);
    }
    trimmed(&format!("{value:.5}"))
}

/// A number with three significant digits, for the ends of a small plot.
pub(crate) fn rough(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return tick(value);
    }
    let unit = 10f64.powi(value.abs().log10().floor() as i32 - 2);
    let rounded = (value / unit).round() * unit;
    if value.fract() == 0.0 && value.abs() < 9_990.0 { number(value) } else { tick(rounded) }
}

/// A time in milliseconds since 1970 as a date and a clock in UTC: `2024-01-15 08:00`, with seconds where there are any;
/// as seconds where it was counted from the begin of a record.
pub(crate) fn moment(ms: f64) -> String {
    let nanos = (ms * 1e6) as i64;
    if is_counted_from_a_start(nanos) {
        return format!("{} s", number(ms / 1000.0));
    }
    let time = CivilTime::from_nanos(nanos);
    let minute =
        format!("{:04}-{:02}-{:02} {:02}:{:02}", time.year, time.month, time.day, time.hour, time.minute);
    if time.second == 0 { minute } else { format!("{minute}:{:02}", time.second) }
}

/// A length of time in its largest fitting unit: "4 days", "36 hours", "90 s".
pub(crate) fn duration(ms: f64) -> String {
    let seconds = ms / 1000.0;
    for (unit, name) in [(86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")] {
        if seconds >= 2.0 * unit {
            return format!("{} {name}", trimmed(&format!("{:.1}", seconds / unit)));
        }
    }
    format!("{} s", number(seconds))
}

fn trimmed(text: &str) -> String {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if text == "-0" { "0".into() } else { text.into() }
}

/// At most `most` letters, the last an ellipsis when something was cut.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (value, expect) in [
            (0.0, "0"),
            (12_340.0, "12,340"),
            (-1_234_567.0, "-1,235,000"),
            (0.001_234_5, "0.001234"),
            (3.5, "3.5"),
            (f64::NAN, "missing"),
            (4.56e15, "4.56e15"),
        ] {
            assert_eq!(number(value), expect);
        }
    }

    #[test]
    fn one_of_a_unit_is_in_the_singular() {
        for (value, unit, expect) in [
            (1.0, "ports", "1 port"),
            (2.0, "ports", "2 ports"),
            (1.0, "s", "1 s"),
            (1.0, "%", "1 %"),
            (1.0, "", "1"),
        ] {
            assert_eq!(with_unit(value, Some(unit)), expect);
        }
    }

    #[test]
    fn ticks_are_short() {
        for (value, expect) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.25, "0.25"),
            (1_500.0, "1,500"),
            (15_000.0, "15k"),
            (20e6, "20M"),
            (2.5e9, "2.5G"),
            (1e-6, "1e-6"),
        ] {
            assert_eq!(tick(value), expect);
        }
    }

    #[test]
    fn times_and_durations_read_well() {
        assert_eq!(moment(1_705_305_600_000.0), "2024-01-15 08:00");
        assert_eq!(moment(1_705_305_607_000.0), "2024-01-15 08:00:07");
        for (ms, expect) in
            [(345_540_000.0, "4 days"), (129_600_000.0, "36 hours"), (90_000.0, "90 s"), (5.0, "0.005 s")]
        {
            assert_eq!(duration(ms), expect);
        }
    }

    #[test]
    fn ends_of_small_plots_are_rough() {
        for (value, expect) in
            [(0.269_09, "0.269"), (26_870.0, "26.9k"), (6_748_321.0, "6.75M"), (1_234.0, "1,234")]
        {
            assert_eq!(rough(value), expect);
        }
    }

    #[test]
    fn shares_keep_their_order_of_magnitude() {
        assert_eq!(percent(0.002_96), "0.3 %");
        assert_eq!(percent(0.000_012), "0.0012 %");
        assert_eq!(percent(0.5), "50 %");
        assert_eq!(near_percent(0.999_99), "99.99 %");
        assert_eq!((near_percent(1.0).as_str(), near_percent(0.98).as_str()), ("100 %", "98 %"));
        assert_eq!(counted(1, "row", "rows"), "1 row");
    }
}
