//! Times as NAB writes them.

/// Nanoseconds in a second.
const NANOS: i64 = 1_000_000_000;

/// Nanoseconds since 1970 of `YYYY-MM-DD HH:MM:SS[.fraction]` (a `T` may stand between date and time), or none.
///
/// NAB knows no time zones: times are compared with one another only.
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, time) = text.split_once([' ', 'T'])?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    let mut parts = time.trim_end_matches('Z').splitn(3, ':');
    let (hour, minute, seconds) =
        (number(parts.next()?)?, number(parts.next()?)?, parts.next().unwrap_or("0"));
    let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let second = number(second)?;
    let known = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second)
        && (1678..2262).contains(&year);
    if !known || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos: i64 = if fraction.is_empty() { 0 } else { format!("{fraction:0<9}").parse().ok()? };
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * NANOS + nanos)
}

fn number(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 4 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Days since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse_time;

    #[test]
    fn times_are_read_with_and_without_a_fraction() {
        assert_eq!(parse_time("1970-01-01 00:00:00"), Some(0));
        assert_eq!(parse_time("2014-03-10 09:06:00.000000"), parse_time("2014-03-10T09:06:00"));
        assert_eq!(parse_time("2014-03-10 09:06:00"), Some(1_394_442_360_000_000_000));
        assert_eq!(parse_time("1970-01-01 00:00:00.25"), Some(250_000_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "2014", "2014-13-01 00:00:00", "2014-01-01 24:00:00", "x-y-z 1:2:3", "2014-01-01 00:00:00.x"]
        {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
