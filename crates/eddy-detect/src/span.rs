//! Lengths of time in parameters.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use eddy_series::Duration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest length of time: ten years of 365 days.
const MOST_NS: i64 = 3650 * 86_400_000_000_000;
/// The most rows.
const MOST_ROWS: i64 = 1 << 24;

/// A stretch of a series: a length of time ("5m", "12h", "7d") or a number of rows.
///
/// Units are ms, s, m, h, d and w. A length of time means the same whatever the interval between rows; a number of rows
/// is as long as that many intervals of the rows learned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// So many rows, from 1 to 16,777,216.
    Rows(usize),
    /// So many nanoseconds, at least a millisecond and at most ten years.
    Time(i64),
}

impl Span {
    /// So many rows.
    ///
    /// # Panics
    /// When there are none, or more than 2^24.
    pub const fn rows(n_rows: usize) -> Self {
        assert!(n_rows >= 1 && n_rows as i64 <= MOST_ROWS, "span out of range");
        Self::Rows(n_rows)
    }

    /// So many minutes.
    ///
    /// # Panics
    /// When there are none, or more than ten years of them.
    pub const fn minutes(n: i64) -> Self {
        assert!(n >= 1 && n <= MOST_NS / 60_000_000_000, "span out of range");
        Self::Time(n * 60_000_000_000)
    }

    /// So many hours.
    ///
    /// # Panics
    /// When there are none, or more than ten years of them.
    pub const fn hours(n: i64) -> Self {
        Self::minutes(60 * n)
    }

    /// So many days.
    ///
    /// # Panics
    /// When there are none, or more than ten years of them.
    pub const fn days(n: i64) -> Self {
        Self::minutes(24 * 60 * n)
    }

    /// The length in nanoseconds, for rows that are `interval_ns` apart.
    pub fn ns(self, interval_ns: i64) -> i64 {
        match self {
            Self::Rows(n_rows) => (n_rows as i64).saturating_mul(interval_ns.max(1)),
            Self::Time(ns) => ns,
        }
    }

    /// The length in rows that are `interval_ns` apart, at least one.
    pub fn n_rows(self, interval_ns: i64) -> f64 {
        match self {
            Self::Rows(n_rows) => n_rows as f64,
            Self::Time(ns) => (ns as f64 / interval_ns.max(1) as f64).max(1.0),
        }
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("'{text}' is no length of time such as 5m, 12h or 7d, nor a number of rows");
        let text = text.trim();
        if let Ok(n_rows) = text.parse::<i64>() {
            let known = (1..=MOST_ROWS).contains(&n_rows);
            return if known { Ok(Self::Rows(n_rows as usize)) } else { Err(refuse()) };
        }
        match text.parse::<Duration>().map_err(|_| refuse())?.0 {
            ..1_000_000 => Err(refuse()),
            ns @ 1_000_000..=MOST_NS => Ok(Self::Time(ns)),
            _ => Err(format!("'{text}' is longer than ten years")),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Rows(n_rows) => write!(f, "{n_rows}"),
            Self::Time(ns) => Duration(ns).fmt(f),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Rows(n_rows) => serializer.serialize_u64(*n_rows as u64),
            Self::Time(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time such as \"5m\" or a number of rows from 1 to 16777216")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Span, E> {
                if value.fract() == 0.0 && (1.0..=MOST_ROWS as f64).contains(&value) {
                    Ok(Span::Rows(value as usize))
                } else {
                    Err(E::custom(format!("{value} is not a number of rows from 1 to {MOST_ROWS}")))
                }
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Span, E> {
                self.visit_f64(value as f64)
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Span, E> {
                self.visit_f64(value as f64)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Span {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "pattern": "^([0-9]+|([0-9.]+ *(ms|s|m|h|d|w) *)+)$",
            "minimum": 1,
            "maximum": MOST_ROWS,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_written_the_same() {
        let check = |json: &str, ns: i64, written: &str| {
            let span: Span = serde_json::from_str(json).unwrap();
            assert_eq!(span.ns(1_000_000_000), ns, "{json}");
            assert_eq!(serde_json::to_string(&span).unwrap(), written, "{json}");
        };
        check("\"90s\"", 90_000_000_000, "\"1m30s\"");
        check("\"60 m\"", 3_600_000_000_000, "\"1h\"");
        check("\"250ms\"", 250_000_000, "\"250ms\"");
        check("\"7d\"", 604_800_000_000_000, "\"1w\"");
        check("12", 12_000_000_000, "12");
        check("12.0", 12_000_000_000, "12");
        check("\"12\"", 12_000_000_000, "12");
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        for json in [
            "0",
            "-1",
            "1.5",
            "\"\"",
            "\"5x\"",
            "\"d\"",
            "\"0d\"",
            "\"-5m\"",
            "\"99999999999d\"",
            "true",
            "{}",
            "1e300",
        ] {
            let error = serde_json::from_str::<Span>(json).unwrap_err().to_string();
            assert!(
                error.contains("time") || error.contains("rows") || error.contains("years"),
                "{json}: {error}"
            );
        }
    }

    #[test]
    fn a_length_in_rows_follows_the_interval() {
        assert_eq!(Span::hours(1).n_rows(300_000_000_000), 12.0);
        assert_eq!(Span::minutes(1).n_rows(300_000_000_000), 1.0);
        assert_eq!(Span::rows(7).n_rows(1), 7.0);
        assert_eq!(Span::rows(7).ns(0), 7);
    }
}
