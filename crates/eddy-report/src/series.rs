//! What the pictures of a series are drawn from.

use eddy_series::BoxFigures;
use serde::Serialize;

use crate::{Axis, compact};

/// One series, its rhythm and its parts. `x`, `values`, the rolling figures and the parts have one length; the caller
/// thins them together with [`crate::downsample`].
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SeriesProfile {
    /// Name of the column, with whom it is about where there are several.
    pub name: String,
    /// Unit, where known.
    pub unit: Option<String>,
    /// What `x` counts.
    pub axis: Axis,
    /// Place on the horizontal axis; finite.
    #[serde(serialize_with = "compact::exact")]
    pub x: Vec<f64>,
    /// The values, in the unit.
    #[serde(serialize_with = "compact::rounded")]
    pub values: Vec<f64>,
    /// Rows in the rolling window; 0 when there are no rolling statistics.
    pub window: u64,
    /// Rolling mean.
    #[serde(serialize_with = "compact::rounded")]
    pub rolling_mean: Vec<f64>,
    /// Rolling standard deviation.
    #[serde(serialize_with = "compact::rounded")]
    pub rolling_sd: Vec<f64>,
    /// Rolling 5 % quantile.
    #[serde(serialize_with = "compact::rounded")]
    pub rolling_low: Vec<f64>,
    /// Rolling 95 % quantile.
    #[serde(serialize_with = "compact::rounded")]
    pub rolling_high: Vec<f64>,
    /// Trend, seasons and remainder, which add up to the values; empty where the series was not parted.
    pub parts: Vec<SeriesPart>,
    /// Autocorrelation at lags 0, 1, 2, ... rows.
    #[serde(skip)]
    pub acf: Vec<f64>,
    /// Half width of its 95 % band at each of these lags.
    #[serde(skip)]
    pub acf_band: Vec<f64>,
    /// Partial autocorrelation at lags 0, 1, 2, ... rows.
    #[serde(skip)]
    pub pacf: Vec<f64>,
    /// Half width of the 95 % band of white noise.
    #[serde(skip)]
    pub band: f64,
    /// The lags in rows at which the series repeats itself, with their names ("1 day").
    #[serde(skip)]
    pub seasons: Vec<(f64, String)>,
    /// The values by hour of the day; empty where that says nothing.
    #[serde(skip)]
    pub by_hour: Vec<BoxFigures>,
    /// The values by day of the week; empty where that says nothing.
    #[serde(skip)]
    pub by_weekday: Vec<BoxFigures>,
    /// Share of the rows that are there in adjacent stretches of equal length, 0 to 1; empty where none is missing.
    #[serde(skip)]
    pub presence: Vec<f64>,
    /// Both ends of these stretches on the horizontal axis.
    #[serde(skip)]
    pub presence_span: [f64; 2],
    /// What was found, a heading and a sentence each.
    #[serde(skip)]
    pub facts: Vec<(String, String)>,
}

/// A part of a series.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SeriesPart {
    /// What it is ("trend", "season of 1 day", "remainder").
    pub name: String,
    /// Its values, in the unit of the series.
    #[serde(serialize_with = "compact::rounded")]
    pub values: Vec<f64>,
}
