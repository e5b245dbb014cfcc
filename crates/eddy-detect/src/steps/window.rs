//! How far back a step looks.

use std::fmt;
use std::str::FromStr;

use eddy_frame::NANOS_PER_SECOND;
use eddy_series::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most rows that are held of a series and column, whatever the window.
pub(crate) const MOST_ROWS: usize = 4_096;

/// How far back a step looks: a duration, written "5m", or a number of rows, written 12. At most 4,096 rows are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "String")]
#[schemars(with = "String")]
pub enum Window {
    /// The last so many rows.
    Rows(usize),
    /// The last so many nanoseconds.
    Time(i64),
}

/// A window as people and files write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Rows(u64),
    Text(String),
}

impl TryFrom<Written> for Window {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Rows(rows) => rows.to_string().parse(),
            Written::Text(text) => text.parse(),
        }
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rows = text.trim().trim_end_matches("rows").trim_end_matches("row").trim();
        if let Ok(rows) = rows.parse::<usize>() {
            return if (1..=MOST_ROWS).contains(&rows) {
                Ok(Self::Rows(rows))
            } else {
                Err(format!("a window of {rows} rows is not between 1 and {MOST_ROWS}"))
            };
        }
        text.parse::<Duration>().map(|duration| Self::Time(duration.0)).map_err(|_| {
            format!("'{text}' is no window; write a duration as in 5m or 1h30m, or a number of rows")
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(1) => f.write_str("1 row"),
            Self::Rows(rows) => write!(f, "{rows} rows"),
            Self::Time(width) => Duration(*width).fmt(f),
        }
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.to_string()
    }
}

impl Window {
    /// Whether the oldest of `n` rows no longer belongs to the window of a row at `now`, in seconds.
    pub(crate) fn is_over(self, n: usize, oldest: f64, now: f64) -> bool {
        match self {
            Self::Rows(rows) => n > rows,
            // A clock that went back keeps its rows until it has caught up.
            Self::Time(width) => {
                n > 1 && (n > MOST_ROWS || now - oldest >= width as f64 / NANOS_PER_SECOND as f64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read_and_written() {
        fn check(json: &str, expect: Window, written: &str) {
            let got: Window = serde_json::from_str(json).unwrap();
            assert_eq!((got, got.to_string().as_str()), (expect, written));
            assert_eq!(
                serde_json::from_str::<Window>(&serde_json::to_string(&got).unwrap()).unwrap(),
                expect
            );
        }
        check("12", Window::Rows(12), "12 rows");
        check("\"12\"", Window::Rows(12), "12 rows");
        check("\"5m\"", Window::Time(300 * NANOS_PER_SECOND), "5m");
        check("\"1h30m\"", Window::Time(5_400 * NANOS_PER_SECOND), "1h30m");
        for refused in ["0", "5000", "-3", "1.5", "\"5 parsecs\"", "\"5m:max\"", "\"\"", "null"] {
            assert!(serde_json::from_str::<Window>(refused).is_err(), "{refused}");
        }
    }
}
