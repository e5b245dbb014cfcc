//! Series and labels in NAB's form.

use std::collections::BTreeMap;

use crate::timestamp::parse_time;
use crate::{EvalError, Truth};

/// First and last time of each window of a series, as they are written.
pub type Limits = Vec<(String, String)>;

/// One series of NAB.
#[derive(Debug, Clone, PartialEq)]
pub struct NabSeries {
    /// `category/file.csv`.
    pub name: String,
    /// Times, as they are written.
    pub timestamps: Vec<String>,
    /// Values, as they are written.
    pub texts: Vec<String>,
    /// Nanoseconds since 1970; NAB knows no time zones.
    pub times: Vec<i64>,
    /// Values; what is no number is missing (NaN).
    pub values: Vec<f64>,
    /// Where alarms are right.
    pub truth: Truth,
}

impl NabSeries {
    /// Reads a table of `timestamp,value` rows with a header, and finds the windows in it.
    pub fn read(name: &str, text: &str, limits: &Limits) -> Result<Self, EvalError> {
        let (mut timestamps, mut texts, mut times, mut values) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (line, row) in text.lines().enumerate().skip(1).filter(|(_, row)| !row.trim().is_empty()) {
            let refuse = |reason: &str| EvalError::Line { line: line + 1, reason: reason.to_owned() };
            let (timestamp, rest) = row.split_once(',').ok_or_else(|| refuse("is no timestamp and value"))?;
            let value = rest.split(',').next().unwrap_or_default().trim();
            times.push(parse_time(timestamp).ok_or_else(|| refuse("does not begin with a time"))?);
            values.push(value.parse().unwrap_or(f64::NAN));
            timestamps.push(timestamp.trim().to_owned());
            texts.push(value.to_owned());
        }
        let limits = limits
            .iter()
            .map(|(from, to)| match (parse_time(from), parse_time(to)) {
                (Some(from), Some(to)) => Ok((from, to)),
                _ => Err(EvalError::Document(format!("windows of {name}: '{from}' or '{to}' is no time"))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let written = |time: i64| {
            times
                .iter()
                .position(|&one| one == time)
                .map_or_else(|| format!("{time} ns"), |row| timestamps[row].clone())
        };
        let truth = Truth::of_times(&times, &limits, written)?;
        Ok(Self { name: name.to_owned(), timestamps, texts, times, values, truth })
    }

    /// The part of the name before the slash.
    pub fn category(&self) -> &str {
        self.name.split_once('/').map_or("", |(category, _)| category)
    }
}

/// Reads a document like NAB's `labels/combined_windows.json`: series in the order of their names, each with the first
/// and the last time of its windows.
pub fn read_windows(text: &str) -> Result<BTreeMap<String, Limits>, EvalError> {
    serde_json::from_str(text).map_err(|error| EvalError::Document(format!("windows: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Window;

    #[test]
    fn a_series_and_its_windows_are_read() {
        let windows = read_windows(
            r#"{"b/x.csv": [["2014-01-01 00:05:00.000000", "2014-01-01 00:10:00.000000"]], "a/y.csv": []}"#,
        );
        let windows = windows.unwrap();
        assert_eq!(windows.keys().collect::<Vec<_>>(), ["a/y.csv", "b/x.csv"]);
        let text = "timestamp,value\n2014-01-01 00:00:00,1.50\n2014-01-01 00:05:00,\n2014-01-01 00:10:00,3\n";
        let series = NabSeries::read("b/x.csv", text, &windows["b/x.csv"]).unwrap();
        assert_eq!(series.truth.windows(), [Window { first: 1, last: 2 }]);
        assert_eq!((series.texts[0].as_str(), series.values[0], series.category()), ("1.50", 1.5, "b"));
        assert!(series.values[1].is_nan());
    }

    #[test]
    fn what_is_no_series_is_refused_with_its_line() {
        let error =
            NabSeries::read("x", "timestamp,value\n2014-01-01 00:00:00,1\nyesterday,2\n", &Vec::new())
                .unwrap_err();
        assert!(error.to_string().contains("line 3"), "{error}");
        assert!(read_windows("[1]").is_err());
    }
}
