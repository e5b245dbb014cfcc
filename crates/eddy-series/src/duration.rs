//! Lengths of time as people write them.

use std::fmt;
use std::str::FromStr;

use eddy_frame::NANOS_PER_SECOND;

/// A length of time in nanoseconds, above 0, written `5m`, `1h30m`, `90s`, `250ms` or `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration(pub i64);

/// A text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no duration; write a number and ms, s, m, h, d or w, as in 5m or 1h30m")]
pub struct DurationError(String);

/// Units, longest first.
const UNITS: [(&str, i64); 8] = [
    ("w", 604_800 * NANOS_PER_SECOND),
    ("d", 86_400 * NANOS_PER_SECOND),
    ("h", 3_600 * NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("s", NANOS_PER_SECOND),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        nanos(text).map(Self).ok_or_else(|| DurationError(text.to_owned()))
    }
}

fn nanos(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut sum = 0i64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = rest[end..].trim_start();
        let end =
            rest.find(|c: char| c.is_ascii_digit() || c == '.' || c.is_whitespace()).unwrap_or(rest.len());
        let unit = match rest[..end].to_ascii_lowercase().as_str() {
            "min" => "m".to_owned(),
            "sec" => "s".to_owned(),
            unit => unit.to_owned(),
        };
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let part = number * *unit as f64;
        if !(0.0..9e18).contains(&part) {
            return None;
        }
        sum = sum.checked_add(part.round() as i64)?;
        rest = rest[end..].trim_start();
    }
    (sum > 0).then_some(sum)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0;
        for (name, unit) in UNITS {
            if left >= unit && (left % unit == 0 || unit <= 3_600 * NANOS_PER_SECOND) {
                write!(f, "{}{name}", left / unit)?;
                left %= unit;
            }
        }
        Ok(())
    }
}
