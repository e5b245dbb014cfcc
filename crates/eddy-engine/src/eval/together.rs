//! Windows of whole files: what happened to a router, told by any of its series.

use serde::Serialize;

/// Alarms of one series of a file.
pub(super) struct Alarms<'a> {
    /// The series.
    pub(super) name: &'a str,
    /// The file, by its place.
    pub(super) file: usize,
    /// The time of every row.
    pub(super) times: &'a [i64],
    /// The score of every row.
    pub(super) scores: &'a [f64],
    /// Rows at the beginning that are not judged.
    pub(super) warm_up: usize,
}

/// A window of a file and who told it first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToldWindow {
    /// The first time of the window, in nanoseconds since the epoch.
    pub from_ns: i64,
    /// Series with an alarm in it, the earliest first.
    pub by: Vec<String>,
    /// Seconds from its first time to the first alarm.
    pub delay_seconds: Option<f64>,
}

/// How windows of whole files were told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Together {
    /// The windows that lie in the judged time of a series of their file, in the order of files and times.
    pub windows: Vec<ToldWindow>,
    /// Alarms of all series outside of all windows.
    pub other_alarms: usize,
    /// Days that were judged, of all series.
    pub series_days: f64,
}

/// Holds the alarms of all series against the windows (first and last time, in nanoseconds) of each file.
pub(super) fn told_together(series: &[Alarms<'_>], windows: &[Vec<(i64, i64)>], threshold: f64) -> Together {
    let mut told = Vec::new();
    for (file, windows) in windows.iter().enumerate() {
        for &(from, to) in windows {
            let of_file = series.iter().filter(|one| one.file == file);
            let is_judged = |one: &&Alarms<'_>| {
                let judged = one.times.get(one.warm_up..).unwrap_or_default();
                judged.first().is_some_and(|&first| first <= from)
                    && judged.iter().any(|time| (from..=to).contains(time))
            };
            let mut hits: Vec<(i64, &str)> = Vec::new();
            let mut judged = 0;
            for one in of_file.filter(is_judged) {
                judged += 1;
                let rows = one.warm_up..one.times.len().min(one.scores.len());
                let mut hit = rows.filter(|&row| one.scores[row] >= threshold).map(|row| one.times[row]);
                hits.extend(hit.find(|time| (from..=to).contains(time)).map(|time| (time, one.name)));
            }
            if judged == 0 {
                continue;
            }
            hits.sort_unstable();
            told.push(ToldWindow {
                from_ns: from,
                by: hits.iter().map(|(_, name)| (*name).to_owned()).collect(),
                delay_seconds: hits.first().map(|(time, _)| (time - from) as f64 / 1e9),
            });
        }
    }
    let mut other_alarms = 0;
    let mut series_days = 0.0;
    for one in series {
        let quiet = (one.warm_up / 5).max(1);
        let is_inside = |time: i64| windows[one.file].iter().any(|(from, to)| (from..=to).contains(&&time));
        let mut last: Option<usize> = None;
        for row in one.warm_up..one.times.len().min(one.scores.len()) {
            if one.scores[row] < threshold {
                continue;
            }
            let is_new = last.is_none_or(|last| row - last > quiet);
            last = Some(row);
            other_alarms += usize::from(is_new && !is_inside(one.times[row]));
        }
        if let (Some(first), Some(last)) = (one.times.get(one.warm_up), one.times.last()) {
            series_days += (last - first) as f64 / 86_400e9;
        }
    }
    Together { windows: told, other_alarms, series_days }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_told_by_any_series_of_its_file_and_by_no_other() {
        let times: Vec<i64> = (0..100).map(|row| row * 1_000_000_000).collect();
        let scores = |rows: &[usize]| {
            let mut scores = vec![0.0; 100];
            rows.iter().for_each(|&row| scores[row] = 0.9);
            scores
        };
        let (one, two, three) = (scores(&[5, 42, 80]), scores(&[41, 43]), scores(&[60]));
        let of = |name, file, scores| Alarms { name, file, times: &times, scores, warm_up: 10 };
        let series = [of("a", 0, one.as_slice()), of("b", 0, two.as_slice()), of("c", 1, three.as_slice())];
        let second = 1_000_000_000;
        // One before anything is judged, one after the end, two between.
        let windows = [
            vec![
                (4 * second, 6 * second),
                (40 * second, 45 * second),
                (60 * second, 65 * second),
                (200 * second, 201 * second),
            ],
            Vec::new(),
        ];
        let found = told_together(&series, &windows, 0.5);
        assert_eq!(found.windows.len(), 2);
        assert_eq!(
            (found.windows[0].by.join(" "), found.windows[0].delay_seconds),
            ("b a".into(), Some(1.0))
        );
        assert_eq!(found.windows[1].by, Vec::<String>::new());
        assert_eq!(found.other_alarms, 2);
        assert!((found.series_days - 3.0 * 89.0 / 86_400.0).abs() < 1e-9);
    }
}
