//! Times as people and programs write them.

use eddy_frame::{NANOS_PER_SECOND, TimeStyle};

/// One way of writing times. Times without zone are taken as UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeForm {
    /// Year first: `2014-04-10T00:04:00Z`, `2014-04-10 00:04:00.5+02:00`, `2011/08/10 09:46:59.607825`, `2014-04-10`.
    YearFirst,
    /// `10/04/2014 00:04[:00]`: day first.
    DayFirst,
    /// `04/10/2014 00:04[:00]`: month first.
    MonthFirst,
    /// `Apr 10, 2014 00:04:00.123456789 UTC`: a month's name first.
    MonthName,
    /// `20 Mar 2024 00:04:00`, `Wed, 20 Mar 2024 00:04:00 GMT`, `20/Mar/2024:00:04:00 +0100`: the day, then a month's name.
    DayMonthName,
    /// `20240320T000400Z`, `20240320000400`: year first, without separators.
    Compact,
    /// `00:04:00.5`: the time of day, kept as seconds since midnight.
    OfDay,
    /// A number of units since the epoch; the number of nanoseconds in a unit.
    Epoch(i64),
    /// Seconds since an unknown start.
    Relative,
}

/// First second of 1990.
const EPOCH_FROM: f64 = 631_152_000.0;
/// First second of 2100.
const EPOCH_TO: f64 = 4_102_444_800.0;

impl TimeForm {
    /// Forms of text, most particular first.
    pub(crate) const TEXT: [Self; 7] = [
        Self::YearFirst,
        Self::DayFirst,
        Self::MonthFirst,
        Self::MonthName,
        Self::DayMonthName,
        Self::Compact,
        Self::OfDay,
    ];

    /// The unit in which all of the numbers from `low` to `high` lie between 1990 and 2100.
    pub(crate) fn epoch(low: f64, high: f64) -> Option<Self> {
        [NANOS_PER_SECOND, 1_000_000, 1_000, 1].into_iter().find_map(|unit| {
            let per_second = NANOS_PER_SECOND as f64 / unit as f64;
            (low >= EPOCH_FROM * per_second && high <= EPOCH_TO * per_second).then_some(Self::Epoch(unit))
        })
    }

    /// Nanoseconds since the epoch.
    pub(crate) fn parse(self, cell: &[u8]) -> Option<i64> {
        match self {
            Self::YearFirst => {
                let (year, rest) = digits(cell, 4, 4)?;
                let (separator, rest) = rest.split_first()?;
                if !matches!(separator, b'-' | b'/') {
                    return None;
                }
                let (month, rest) = digits(rest, 1, 2)?;
                let rest = rest.strip_prefix(&[*separator])?;
                let (day, rest) = digits(rest, 1, 2)?;
                at(days(year, month, day)?, rest)
            }
            Self::DayFirst | Self::MonthFirst => {
                let (first, rest) = digits(cell, 1, 2)?;
                let (separator, rest) = rest.split_first()?;
                if !matches!(separator, b'-' | b'/' | b'.') {
                    return None;
                }
                let (second, rest) = digits(rest, 1, 2)?;
                let rest = rest.strip_prefix(&[*separator])?;
                let (year, rest) = digits(rest, 4, 4)?;
                let (day, month) = if self == Self::DayFirst { (first, second) } else { (second, first) };
                at(days(year, month, day)?, rest)
            }
            Self::MonthName => {
                let (month, rest) = month_name(cell)?;
                let (day, rest) = digits(rest.trim_ascii_start(), 1, 2)?;
                let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
                let (year, rest) = digits(rest, 4, 4)?;
                at(days(year, month, day)?, rest)
            }
            Self::DayMonthName => {
                // A day of the week in front says nothing new.
                let weekday = cell.iter().position(|&byte| byte == b',').filter(|&at| (3..10).contains(&at));
                let cell = weekday.and_then(|at| cell.get(at + 1..)).unwrap_or(cell).trim_ascii_start();
                let (day, rest) = digits(cell, 1, 2)?;
                let (separator, rest) = rest.split_first()?;
                if !matches!(separator, b' ' | b'/' | b'-') {
                    return None;
                }
                let (month, rest) = month_name(rest)?;
                let (year, rest) = digits(rest.strip_prefix(&[*separator])?, 4, 4)?;
                let date = days(year, month, day)?;
                match rest.strip_prefix(b":") {
                    Some(clock) => at_clock(date, clock),
                    None => at(date, rest),
                }
            }
            Self::Compact => {
                let (year, rest) = digits(cell, 4, 4)?;
                let (month, rest) = digits(rest, 2, 2)?;
                let (day, rest) = digits(rest, 2, 2)?;
                let date = days(year, month, day)?.checked_mul(86_400 * NANOS_PER_SECOND)?;
                let (hour, rest) = digits(rest.strip_prefix(b"T").unwrap_or(rest), 2, 2)?;
                let (minute, rest) = digits(rest, 2, 2)?;
                let (second, rest) = if rest.first().is_some_and(u8::is_ascii_digit) {
                    digits(rest, 2, 2)?
                } else {
                    (0, rest)
                };
                // Any number of twelve digits looks like this: years of our time only.
                let valid = (1970..2200).contains(&year) && hour < 24 && minute < 60 && second <= 60;
                let of_day = (hour * 3600 + minute * 60 + second) * NANOS_PER_SECOND;
                valid.then_some(())?;
                date.checked_add(of_day)?.checked_sub(zone(rest.trim_ascii_start())?)
            }
            Self::OfDay => {
                let (nanos, rest) = time_of_day(cell)?;
                rest.is_empty().then_some(nanos)
            }
            Self::Epoch(unit) => decimal(cell, unit),
            Self::Relative => decimal(cell, NANOS_PER_SECOND),
        }
    }

    /// Nanoseconds since the epoch of a number, for forms that are numbers.
    pub(crate) fn of_number(self, value: f64) -> Option<i64> {
        let unit = match self {
            Self::Epoch(unit) => unit,
            Self::Relative => NANOS_PER_SECOND,
            Self::Compact if (1.97e13..2.2e13).contains(&value) => {
                return self.parse((value as u64).to_string().as_bytes());
            }
            _ => return None,
        };
        // Whole units apart from the fraction, so that whole seconds stay whole.
        let (whole, fraction) = (value.floor(), value - value.floor());
        let fits = value.is_finite() && whole.abs() * (unit as f64) < 9.2e18;
        fits.then(|| {
            (whole as i64).saturating_mul(unit).saturating_add((fraction * unit as f64).round() as i64)
        })
    }

    /// How such times are written back. `sample` is one of them.
    pub(crate) fn style(self, sample: &[u8]) -> TimeStyle {
        match self {
            Self::YearFirst if sample.get(10) == Some(&b'T') => TimeStyle::Iso,
            Self::Compact if sample.contains(&b'T') => TimeStyle::Iso,
            Self::YearFirst
            | Self::DayFirst
            | Self::MonthFirst
            | Self::MonthName
            | Self::DayMonthName
            | Self::Compact => TimeStyle::Spaced,
            Self::Epoch(1) => TimeStyle::EpochNanos,
            Self::Epoch(1_000) => TimeStyle::EpochMicros,
            Self::Epoch(1_000_000) => TimeStyle::EpochMillis,
            Self::Epoch(_) => TimeStyle::EpochSeconds,
            Self::Relative | Self::OfDay => TimeStyle::RelativeSeconds,
        }
    }

    /// Whether a time in this form, as written, names its zone.
    pub(crate) fn has_zone(self, cell: &[u8]) -> bool {
        match self {
            Self::YearFirst | Self::DayFirst | Self::MonthFirst | Self::MonthName | Self::DayMonthName => {
                let clock = cell.iter().position(|&byte| byte == b':').and_then(|colon| cell.get(colon..));
                clock.is_some_and(|clock| {
                    let of_zone = |byte: &u8| {
                        matches!(byte, b'z' | b'+' | b'-')
                            || (byte.is_ascii_uppercase() && !matches!(byte, b'A' | b'P' | b'M'))
                    };
                    clock.iter().any(of_zone)
                })
            }
            Self::Compact => cell.iter().any(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-')),
            Self::OfDay | Self::Epoch(_) | Self::Relative => true,
        }
    }
}

const MONTHS: [&[u8]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// A month's name in three letters.
fn month_name(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (name, rest) = bytes.split_at_checked(3)?;
    let month = MONTHS.iter().position(|month| name.eq_ignore_ascii_case(month))?;
    Some((month as i64 + 1, rest))
}

/// `least` to `most` digits at the beginning.
fn digits(bytes: &[u8], least: usize, most: usize) -> Option<(i64, &[u8])> {
    let length = bytes.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = bytes.split_at_checked(length)?;
    (length >= least).then(|| (number.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')), rest))
}

/// Days since the epoch, after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Nanoseconds of a day with whatever stands behind the date: nothing, or a time of day, or that and a zone.
fn at(days: i64, rest: &[u8]) -> Option<i64> {
    let date = days.checked_mul(86_400 * NANOS_PER_SECOND)?;
    if rest.is_empty() {
        return Some(date);
    }
    let (separator, rest) = rest.split_first()?;
    if !matches!(separator, b'T' | b't' | b' ' | b'_') {
        return None;
    }
    // An hour alone, as sums by the hour are written.
    if let [tens @ b'0'..=b'2', ones @ b'0'..=b'9'] = rest {
        let hour = i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
        return date.checked_add(hour * 3600 * NANOS_PER_SECOND).filter(|_| hour < 24);
    }
    at_clock(days, rest)
}

/// Nanoseconds of a day with a time of day, and a zone or none.
fn at_clock(days: i64, rest: &[u8]) -> Option<i64> {
    let date = days.checked_mul(86_400 * NANOS_PER_SECOND)?;
    let (of_day, rest) = time_of_day(rest.trim_ascii_start())?;
    let offset = zone(rest.trim_ascii_start())?;
    date.checked_add(of_day)?.checked_sub(offset)
}

/// `HH:MM[:SS[.fraction]][ AM|PM]` in nanoseconds.
fn time_of_day(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (mut hour, rest) = digits(bytes, 1, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(b":")?, 2, 2)?;
    let (mut second, mut fraction, mut rest) = (0, 0, rest);
    if let Some(seconds) = rest.strip_prefix(b":") {
        (second, rest) = digits(seconds, 2, 2)?;
        if let Some((b'.' | b',', decimals)) = rest.split_first() {
            let length = decimals.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (decimals, after) = decimals.split_at_checked(length)?;
            fraction = nanos(decimals);
            rest = after;
        }
    }
    let (half, after) = rest.trim_ascii_start().split_at_checked(2).unwrap_or((b"", rest));
    if half.eq_ignore_ascii_case(b"pm") || half.eq_ignore_ascii_case(b"am") {
        hour = hour % 12 + if half.eq_ignore_ascii_case(b"pm") { 12 } else { 0 };
        rest = after;
    }
    // A leap second is written as :60; midnight at the end of a day as 24:00.
    let valid = hour <= 24 && minute < 60 && second <= 60;
    valid.then_some(((hour * 3600 + minute * 60 + second) * NANOS_PER_SECOND + fraction, rest))
}

/// Decimals of a second in nanoseconds; digits beyond the ninth are dropped.
fn nanos(decimals: &[u8]) -> i64 {
    let mut value = 0;
    for idx in 0..9 {
        value = value * 10 + decimals.get(idx).map_or(0, |digit| i64::from(digit.wrapping_sub(b'0') % 10));
    }
    value
}

/// Names of zones that mean one offset everywhere they are used, in hours east of UTC.
const ZONES: [(&[u8], i64); 20] = [
    (b"wet", 0),
    (b"west", 1),
    (b"bst", 1),
    (b"cet", 1),
    (b"met", 1),
    (b"cest", 2),
    (b"mest", 2),
    (b"eet", 2),
    (b"eest", 3),
    (b"msk", 3),
    (b"jst", 9),
    (b"est", -5),
    (b"edt", -4),
    (b"cst", -6),
    (b"cdt", -5),
    (b"mst", -7),
    (b"mdt", -6),
    (b"pst", -8),
    (b"pdt", -7),
    (b"akst", -9),
];

/// Nanoseconds east of UTC: nothing or `Z` or `UTC` or `+02:00`, `-0530`, `+02`, `+2`, or a name as in RFC 2822 and in
/// use in Europe (`EST` is that of North America).
fn zone(bytes: &[u8]) -> Option<i64> {
    if let Some((_, hours)) = ZONES.iter().find(|(name, _)| bytes.eq_ignore_ascii_case(name)) {
        return Some(hours * 3600 * NANOS_PER_SECOND);
    }
    if bytes.is_empty() || [&b"z"[..], b"utc", b"gmt"].iter().any(|name| bytes.eq_ignore_ascii_case(name)) {
        return Some(0);
    }
    let (sign, rest) = bytes.split_first()?;
    let sign = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = digits(rest, 1, 2)?;
    let rest = rest.strip_prefix(b":").unwrap_or(rest);
    let (minutes, rest) = if rest.is_empty() { (0, rest) } else { digits(rest, 2, 2)? };
    (rest.is_empty() && hours < 24 && minutes < 60)
        .then_some(sign * (hours * 60 + minutes) * 60 * NANOS_PER_SECOND)
}

/// A decimal number of units, exactly, in nanoseconds.
fn decimal(cell: &[u8], unit: i64) -> Option<i64> {
    let (negative, body) = match cell.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, cell),
    };
    let length = body.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (whole, rest) = body.split_at_checked(length)?;
    let decimals = match rest.split_first() {
        None => &[][..],
        Some((b'.' | b',', decimals)) if decimals.iter().all(u8::is_ascii_digit) => decimals,
        // An exponent: rare, and only as exact as a float.
        Some(_) => return TimeForm::Epoch(unit).of_number(crate::cells::number(cell)?),
    };
    if whole.is_empty() && decimals.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    for digit in whole {
        value = value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
    }
    let nanos = value.checked_mul(unit)?.checked_add(nanos(decimals) / (NANOS_PER_SECOND / unit))?;
    Some(if negative { -nanos } else { nanos })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: TimeForm, cell: &str, expect: Option<i64>) {
        assert_eq!(form.parse(cell.as_bytes()), expect, "{cell}");
    }

    const S: i64 = NANOS_PER_SECOND;

    #[test]
    fn times_are_read_in_every_known_form() {
        let t = 1_397_088_240 * S;
        check(TimeForm::YearFirst, "2014-04-10T00:04:00Z", Some(t));
        check(TimeForm::YearFirst, "2014-04-10 00:04:00", Some(t));
        check(TimeForm::YearFirst, "2014-04-10 02:04:00+02:00", Some(t));
        check(TimeForm::YearFirst, "2014-04-10 00:04:00.500000000001", Some(t + S / 2));
        check(TimeForm::YearFirst, "2014/4/10 0:04", Some(t));
        check(TimeForm::YearFirst, "2014-04-10", Some(t - 240 * S));
        check(TimeForm::YearFirst, "2014-04-31", None);
        check(TimeForm::YearFirst, "2014-04-10 00:04:00 nonsense", None);
        check(TimeForm::YearFirst, "1234-5678", None);
        check(TimeForm::YearFirst, "2011/08/10 09:46:59.607825", Some(1_312_969_619_607_825_000));
        check(TimeForm::DayFirst, "10/04/2014 00:04", Some(t));
        check(TimeForm::MonthFirst, "4/10/2014 12:04:00 AM", Some(t));
        check(TimeForm::DayFirst, "10.04.2014 00:04", Some(t));
        check(TimeForm::MonthName, "Apr 10, 2014 00:04:00.000000000 UTC", Some(t));
        check(TimeForm::DayMonthName, "Thu, 10 Apr 2014 00:04:00 GMT", Some(t));
        check(TimeForm::DayMonthName, "10/Apr/2014:02:04:00 +0200", Some(t));
        check(TimeForm::DayMonthName, "10 Apr 2014", Some(t - 240 * S));
        check(TimeForm::DayMonthName, "10 Apr 14", None);
        check(TimeForm::Compact, "20140410T000400Z", Some(t));
        check(TimeForm::Compact, "20140410000400", Some(t));
        check(TimeForm::Compact, "20140410T0204+0200", Some(t));
        check(TimeForm::Compact, "20141310T000400Z", None);
        check(TimeForm::Compact, "90140410000400", None);
        check(TimeForm::YearFirst, "2014-04-09 19:04:00 EST", Some(t));
        check(TimeForm::YearFirst, "2014-04-10 02:04:00 CEST", Some(t));
        check(TimeForm::YearFirst, "2014-04-10 02:04:00 +2", Some(t));
        check(TimeForm::YearFirst, "2014-04-10 00:04:00 XYZ", None);
        check(TimeForm::YearFirst, "2014-04-10 07", Some(t - 240 * S + 7 * 3600 * S));
        check(TimeForm::YearFirst, "2014-04-10 27", None);
        check(TimeForm::OfDay, "00:00:01.5", Some(S + S / 2));
        check(TimeForm::Epoch(S), "1397088240", Some(t));
        check(TimeForm::Epoch(S), "1397088240.123456789", Some(t + 123_456_789));
        check(TimeForm::Epoch(1_000_000), "1397088240000.5", Some(t + 500_000));
        check(TimeForm::Epoch(1), "1397088240000000001", Some(t + 1));
        check(TimeForm::Epoch(S), "1.39708824e9", Some(t));
        check(TimeForm::Relative, "-0.25", Some(-S / 4));
        check(TimeForm::Relative, ".", None);
        check(TimeForm::Epoch(S), "99999999999999999999", None);
    }

    #[test]
    fn units_of_epochs_are_told_by_size() {
        assert_eq!(TimeForm::epoch(1.4e9, 1.5e9), Some(TimeForm::Epoch(S)));
        assert_eq!(TimeForm::epoch(1.4e12, 1.5e12), Some(TimeForm::Epoch(1_000_000)));
        assert_eq!(TimeForm::epoch(1.4e18, 1.5e18), Some(TimeForm::Epoch(1)));
        assert_eq!(TimeForm::epoch(0.0, 1.5e9), None);
    }
}
