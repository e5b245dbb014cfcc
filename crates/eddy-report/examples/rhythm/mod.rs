//! What a made-up series has besides its values.

use eddy_report::{SeriesPart, SeriesProfile};
use eddy_series::BoxFigures;

/// The series with parts, quantiles, hours, a gap and sentences.
pub(crate) fn of(series: SeriesProfile) -> SeriesProfile {
    let n = series.values.len();
    let beside =
        |times: f64| (0..n).map(|row| series.rolling_mean[row] + times * series.rolling_sd[row]).collect();
    let remainder = (0..n).map(|row| series.values[row] - series.rolling_mean[row]).collect();
    let hour = |key: u8| {
        let middle = 50.0 + 20.0 * (f64::from(key) / 24.0 * std::f64::consts::TAU).sin();
        BoxFigures {
            key,
            n: 60,
            five: [middle - 30.0, middle - 5.0, middle, middle + 6.0, middle + 80.0],
            whiskers: [middle - 12.0, middle + 16.0],
            outliers: 2,
        }
    };
    SeriesProfile {
        acf_band: (0..series.acf.len()).map(|lag| series.band * (lag as f64).sqrt().min(9.0)).collect(),
        seasons: vec![(288.0, "1 day".into())],
        rolling_low: beside(-1.6),
        rolling_high: beside(1.6),
        parts: vec![
            SeriesPart { name: "trend".into(), values: series.rolling_mean.clone() },
            SeriesPart { name: "remainder".into(), values: remainder },
        ],
        by_hour: (0..24).map(hour).collect(),
        presence: (0..240).map(|at| if at / 7 == 11 { 0.2 } else { 1.0 }).collect(),
        presence_span: [series.x[0], series.x[n - 1]],
        facts: vec![
            ("Sampling".into(), "every 5 min, no gaps".into()),
            ("Seasons".into(), "1 day (288 rows), strength 0.86".into()),
        ],
        ..series
    }
}
