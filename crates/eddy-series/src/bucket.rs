//! From rows to even steps on request.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Duration;

/// What stands for the values of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// The last.
    Last,
    /// How many there are; 0 where there is none.
    Count,
}

impl Aggregate {
    /// All of them with their names in flags.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Mean, "mean"),
        (Self::Sum, "sum"),
        (Self::Max, "max"),
        (Self::Min, "min"),
        (Self::Last, "last"),
        (Self::Count, "count"),
    ];

    /// The name in flags.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(aggregate, _)| *aggregate == self).map_or("", |(_, name)| name)
    }
}

/// A width of buckets and what stands for the values in them, written `5m` or `1h:max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Resample {
    /// Nanoseconds; buckets begin at whole multiples of it since 1970-01-01 UTC.
    pub width: i64,
    /// What stands for the values.
    pub with: Aggregate,
}

/// What is wrong with the text of a [`Resample`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResampleError {
    /// The width is not understood.
    #[error("'{0}' is no duration; write a number and ms, s, m, h, d or w, as in 5m or 1h30m")]
    Width(String),
    /// The aggregate is not known.
    #[error("'{0}' is none of mean, sum, max, min, last, count; write for example 5m:max")]
    Aggregate(String),
}

impl FromStr for Resample {
    type Err = ResampleError;

    fn from_str(text: &str) -> Result<Self, ResampleError> {
        let (width, with) = text.split_once(':').unwrap_or((text, "mean"));
        let name = with.trim().to_ascii_lowercase();
        let with = Aggregate::ALL.iter().find(|(_, known)| *known == name).map(|(aggregate, _)| *aggregate);
        let width = width.trim();
        Ok(Self {
            width: width.parse::<Duration>().map_err(|_| ResampleError::Width(width.to_owned()))?.0,
            with: with.ok_or_else(|| ResampleError::Aggregate(name.clone()))?,
        })
    }
}

impl TryFrom<String> for Resample {
    type Error = ResampleError;

    fn try_from(text: String) -> Result<Self, ResampleError> {
        text.parse()
    }
}

impl From<Resample> for String {
    fn from(resample: Resample) -> Self {
        resample.to_string()
    }
}

impl fmt::Display for Resample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", Duration(self.width), self.with.name())
    }
}

impl Resample {
    /// Start of the bucket a time is in.
    pub fn start_of(&self, time: i64) -> i64 {
        time.saturating_sub(time.rem_euclid(self.width.max(1)))
    }
}

/// The values of one bucket so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    n: u64,
    sum: f64,
    low: f64,
    high: f64,
    last: f64,
    last_time: i64,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            n: 0,
            sum: 0.0,
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            last: f64::NAN,
            last_time: i64::MIN,
        }
    }
}

impl Bucket {
    /// Takes in a value; a missing or infinite one is none.
    pub fn add(&mut self, time: i64, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.n += 1;
        self.sum += value;
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        if time >= self.last_time {
            (self.last, self.last_time) = (value, time);
        }
    }

    /// What stands for the values; missing where there is none and that is no answer.
    pub fn value(&self, with: Aggregate) -> f64 {
        if self.n == 0 {
            return if with == Aggregate::Count { 0.0 } else { f64::NAN };
        }
        match with {
            Aggregate::Mean => (self.sum / self.n as f64).clamp(self.low, self.high),
            Aggregate::Sum => self.sum,
            Aggregate::Max => self.high,
            Aggregate::Min => self.low,
            Aggregate::Last => self.last,
            Aggregate::Count => self.n as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eddy_frame::NANOS_PER_SECOND;

    #[test]
    fn widths_are_read_and_written() {
        fn check(text: &str, seconds: f64, with: Aggregate, written: &str) {
            let got: Resample = text.parse().unwrap();
            assert_eq!((got.width as f64 / 1e9, got.with), (seconds, with), "{text}");
            assert_eq!(got.to_string(), written);
            assert_eq!(written.parse(), Ok(got));
        }
        check("5m", 300.0, Aggregate::Mean, "5m:mean");
        check("1h30m:max", 5_400.0, Aggregate::Max, "1h30m:max");
        check("0.5s:last", 0.5, Aggregate::Last, "500ms:last");
        check("1d:COUNT", 86_400.0, Aggregate::Count, "1d:count");
        check("36h:min", 129_600.0, Aggregate::Min, "36h:min");
        check("2 min:sum", 120.0, Aggregate::Sum, "2m:sum");
        for text in ["", "5", "m", "-5m", "0s", "5m:median", "5 parsecs", "1e99s", "99999999w", ".m"] {
            assert!(text.parse::<Resample>().is_err(), "{text}");
        }
    }

    #[test]
    fn buckets_answer_in_every_way() {
        let mut bucket = Bucket::default();
        for (time, value) in [(3, 4.0), (5, 1.0), (4, 7.0), (9, f64::NAN)] {
            bucket.add(time, value);
        }
        let answers = Aggregate::ALL.map(|(with, _)| bucket.value(with));
        assert_eq!(answers, [4.0, 12.0, 7.0, 1.0, 1.0, 3.0]);
        assert!(Bucket::default().value(Aggregate::Sum).is_nan());
        assert_eq!(Bucket::default().value(Aggregate::Count), 0.0);
    }

    #[test]
    fn buckets_begin_at_whole_multiples() {
        let five: Resample = "5s".parse().unwrap();
        assert_eq!(five.start_of(12 * NANOS_PER_SECOND), 10 * NANOS_PER_SECOND);
        assert_eq!(five.start_of(-1), -5 * NANOS_PER_SECOND);
    }
}
