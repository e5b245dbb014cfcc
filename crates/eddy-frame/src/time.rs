//! Civil time from nanoseconds since the epoch, in UTC, without a clock.

use crate::TimeStyle;

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A date and time of day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CivilTime {
    /// Year, astronomical numbering.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: u32,
    /// Day of the month, 1 to 31.
    pub day: u32,
    /// Hour, 0 to 23.
    pub hour: u32,
    /// Minute, 0 to 59.
    pub minute: u32,
    /// Second, 0 to 59.
    pub second: u32,
    /// Nanosecond within the second.
    pub nanos: u32,
    /// Day of the week, 0 = Monday.
    pub weekday: u32,
}

impl CivilTime {
    /// Splits nanoseconds since 1970-01-01T00:00:00Z into date and time of day.
    /// Days to date after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    pub fn from_nanos(nanos: i64) -> Self {
        let seconds = nanos.div_euclid(NANOS_PER_SECOND);
        let days = seconds.div_euclid(86_400);
        let second_of_day = seconds.rem_euclid(86_400) as u32;
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as u32,
            day: (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32,
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
            nanos: nanos.rem_euclid(NANOS_PER_SECOND) as u32,
            weekday: (days + 3).rem_euclid(7) as u32,
        }
    }
}

/// Writes a time in the given style, with as many fractional digits as it has.
pub fn format_time(nanos: i64, style: TimeStyle) -> String {
    match style {
        TimeStyle::Iso | TimeStyle::Spaced => {
            let t = CivilTime::from_nanos(nanos);
            let (separator, zone) = if style == TimeStyle::Iso { ('T', "Z") } else { (' ', "") };
            let mut text = format!(
                "{:04}-{:02}-{:02}{separator}{:02}:{:02}:{:02}",
                t.year, t.month, t.day, t.hour, t.minute, t.second
            );
            push_fraction(&mut text, t.nanos);
            text.push_str(zone);
            text
        }
        TimeStyle::EpochSeconds | TimeStyle::RelativeSeconds => decimal(nanos, NANOS_PER_SECOND),
        TimeStyle::EpochMillis => decimal(nanos, 1_000_000),
        TimeStyle::EpochMicros => decimal(nanos, 1_000),
        TimeStyle::EpochNanos => nanos.to_string(),
    }
}

/// A moment for people, with so many digits after the second (9 at most): `2024-01-15 08:00:00.250`, UTC. No record of
/// traffic is from 1970: times of that year were counted from the begin of a record, and stay so (`6.713 s`).
pub fn moment_in_words(nanos: i64, digits: u32) -> String {
    let unit = 10_i64.pow(9 - digits.min(9));
    let nanos = nanos.max(i64::MIN + NANOS_PER_SECOND).div_euclid(unit) * unit;
    let fraction = |text: &mut String| {
        if digits > 0 {
            let digits = digits.min(9) as usize;
            text.push('.');
            text.push_str(&format!("{:09}", nanos.rem_euclid(NANOS_PER_SECOND))[..digits]);
        }
    };
    if is_counted_from_a_start(nanos) {
        let mut text = (nanos / NANOS_PER_SECOND).to_string();
        fraction(&mut text);
        return text + " s";
    }
    let mut text = format_time(nanos.div_euclid(NANOS_PER_SECOND) * NANOS_PER_SECOND, TimeStyle::Spaced);
    fraction(&mut text);
    text
}

/// Whether a time is one that was counted from the begin of a record: it lies in the first year of the epoch.
pub fn is_counted_from_a_start(nanos: i64) -> bool {
    (0..365 * 86_400 * NANOS_PER_SECOND).contains(&nanos)
}

fn decimal(nanos: i64, unit: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let magnitude = nanos.unsigned_abs();
    let mut text = format!("{sign}{}", magnitude / unit.unsigned_abs());
    let fraction = (magnitude % unit.unsigned_abs()) * (NANOS_PER_SECOND / unit).unsigned_abs();
    push_fraction(&mut text, fraction as u32);
    text
}

fn push_fraction(text: &mut String, nanos: u32) {
    if nanos != 0 {
        text.push('.');
        text.push_str(format!("{nanos:09}").trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(nanos: i64, style: TimeStyle, expect: &str) {
        assert_eq!(format_time(nanos, style), expect);
    }

    #[test]
    fn moments_of_1970_are_counted_from_a_start() {
        let t = 1_397_088_240 * NANOS_PER_SECOND + 120_456_789;
        assert_eq!(moment_in_words(t, 3), "2014-04-10 00:04:00.120");
        assert_eq!(moment_in_words(t, 0), "2014-04-10 00:04:00");
        assert_eq!(moment_in_words(6_713_935_000, 3), "6.713 s");
        assert_eq!(moment_in_words(0, 0), "0 s");
        assert_eq!(moment_in_words(-1, 0), "1969-12-31 23:59:59");
        assert!(moment_in_words(i64::MIN, 9).starts_with("1677-09-21"));
        assert!(moment_in_words(i64::MAX, 0).starts_with("2262-04-11"));
    }

    #[test]
    fn times_are_written_as_they_were_read() {
        let t = 1_397_088_240 * NANOS_PER_SECOND;
        check(t, TimeStyle::Iso, "2014-04-10T00:04:00Z");
        check(t + 120_000_000, TimeStyle::Spaced, "2014-04-10 00:04:00.12");
        check(t, TimeStyle::EpochSeconds, "1397088240");
        check(t + 1_500_000, TimeStyle::EpochMillis, "1397088240001.5");
        check(-1, TimeStyle::Iso, "1969-12-31T23:59:59.999999999Z");
        check(-500_000_000, TimeStyle::RelativeSeconds, "-0.5");
        check(951_782_400 * NANOS_PER_SECOND, TimeStyle::Iso, "2000-02-29T00:00:00Z");
    }

    #[test]
    fn weekdays_start_on_monday() {
        // 1970-01-01 was a Thursday.
        assert_eq!(CivilTime::from_nanos(0).weekday, 3);
        assert_eq!(CivilTime::from_nanos(4 * 86_400 * NANOS_PER_SECOND).weekday, 0);
    }
}
