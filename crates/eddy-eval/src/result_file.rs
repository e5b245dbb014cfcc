//! Files of results in NAB's form.

use crate::python_float::{Digits, python_float};
use crate::{EvalError, Profile, Truth};

/// Beginning of the names of columns that say what an alarm was worth.
const PREFIX: &str = "S(t)_";

/// What the columns of worth hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// False alarms at or above a threshold in their own rows; what a window came to (or what was lost by missing it) in
    /// the first row of the window; 0 everywhere else. This is how most results that come with NAB were written.
    Events,
    /// What an alarm would be worth, in every row and whatever the scores are: NAB since 2018.
    Rows,
}

/// What alarms were worth, row by row.
pub fn worth(truth: &Truth, scores: &[f64], threshold: f64, profile: &Profile, layout: Layout) -> Vec<f64> {
    if layout == Layout::Rows {
        return (0..truth.n_rows()).map(|row| truth.value(row, profile)).collect();
    }
    let mut column = vec![0.0; truth.n_rows()];
    let mut best: Vec<Option<f64>> = vec![None; truth.windows().len()];
    for row in (truth.probation()..truth.n_rows()).filter(|&row| scores[row] >= threshold) {
        let value = truth.value(row, profile);
        match truth.window_of(row) {
            Some(window) => best[window] = Some(best[window].map_or(value, |before| before.max(value))),
            None => column[row] = value,
        }
    }
    for (window, limits) in truth.judged_windows() {
        column[limits.first] = best[window].unwrap_or(-profile.false_negative);
    }
    column
}

/// A file of results: a table whose cells are kept as they were written.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultFile {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// The anomaly scores.
    pub scores: Vec<f64>,
}

/// How far two columns of numbers agree.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Agreement {
    /// Cells compared.
    pub cells: u64,
    /// Cells that are the same to the last digit.
    pub same: u64,
    /// Cells that are not, but differ by no more than reading and writing once more with an inexact parser explains.
    pub rounded: u64,
    /// The first cell that is otherwise: column, line, what was stored, what is right.
    pub first_different: Option<(String, usize, String, String)>,
}

impl Agreement {
    /// Takes in another file's.
    pub fn add(&mut self, other: Self) {
        self.cells += other.cells;
        self.same += other.same;
        self.rounded += other.rounded;
        self.first_different = self.first_different.take().or(other.first_different);
    }
}

impl ResultFile {
    /// Reads a table with a header that has a column `anomaly_score`.
    pub fn read(text: &str) -> Result<Self, EvalError> {
        let split = |line: &str| {
            line.trim_end_matches('\r').split(',').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
        };
        let mut lines = text.lines().enumerate();
        let header = lines.next().map(|(_, line)| split(line)).unwrap_or_default();
        let place = column(&header, "anomaly_score")
            .ok_or_else(|| EvalError::Column { name: "anomaly_score".into() })?;
        let (mut rows, mut scores) = (Vec::new(), Vec::new());
        for (line, text) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let row = split(text);
            let score =
                row.get(place).ok_or(EvalError::Line { line: line + 1, reason: "is too short".into() })?;
            scores.push(if score.is_empty() {
                f64::NAN
            } else {
                score.parse().map_err(|_| EvalError::Line {
                    line: line + 1,
                    reason: format!("'{}' is no anomaly score", score.chars().take(40).collect::<String>()),
                })?
            });
            rows.push(row);
        }
        Ok(Self { header, rows, scores })
    }

    /// A file of results for a series: times and values as they were written in the series.
    pub fn of_series(times: &[String], values: &[String], scores: &[f64], truth: &Truth) -> Self {
        let header = ["timestamp", "value", "anomaly_score", "label"].map(str::to_owned).to_vec();
        let labels = truth.labels();
        let rows = (0..scores.len())
            .map(|row| {
                let score = python_float(scores[row], Digits::Shortest);
                vec![times[row].clone(), values[row].clone(), score, u8::from(labels[row]).to_string()]
            })
            .collect();
        Self { header, rows, scores: scores.to_vec() }
    }

    /// What the columns of worth hold, if there are any: the first row is never judged, so it is worth something in one
    /// layout only.
    pub fn layout(&self) -> Option<Layout> {
        let place = self.header.iter().position(|name| name.starts_with(PREFIX))?;
        let first = self.rows.first().and_then(|row| cell(row, place).parse::<f64>().ok());
        Some(if first.is_some_and(|worth| worth != 0.0) { Layout::Rows } else { Layout::Events })
    }

    /// How numbers are written: twelve digits unless some number has more.
    pub fn digits(&self) -> Digits {
        let score = column(&self.header, "anomaly_score");
        let places = self
            .header
            .iter()
            .enumerate()
            .filter(|(at, name)| name.starts_with(PREFIX) || Some(*at) == score);
        let places: Vec<usize> = places.map(|(at, _)| at).collect();
        let is_long = |text: &str| {
            let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
            let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
            digits.trim_start_matches('0').len() > 12
        };
        let long = self.rows.iter().any(|row| places.iter().any(|&place| is_long(cell(row, place))));
        if long { Digits::Shortest } else { Digits::Twelve }
    }

    /// How far the columns of worth agree with what is right at the thresholds given by profile.
    pub fn agreement(&self, truth: &Truth, thresholds: &[(&Profile, f64)], digits: Digits) -> Agreement {
        let mut agreement = Agreement::default();
        let Some(layout) = self.layout() else { return agreement };
        for (profile, threshold) in thresholds {
            let name = format!("{PREFIX}{}", profile.name);
            let Some(place) = column(&self.header, &name) else { continue };
            let right = written(&worth(truth, &self.scores, *threshold, profile, layout), digits);
            for (row, right) in right.iter().enumerate() {
                let stored = self.rows.get(row).map_or("", |row| cell(row, place));
                agreement.cells += 1;
                if stored == right {
                    agreement.same += 1;
                } else if nearly(stored, right) {
                    agreement.rounded += 1;
                } else if agreement.first_different.is_none() {
                    agreement.first_different =
                        Some((name.clone(), row + 2, stored.to_owned(), right.clone()));
                }
            }
        }
        agreement
    }

    /// Sets the columns of worth, where they stand or else at the end (low FP, low FN, standard: the order of the stored
    /// results).
    pub fn set_worth(
        &mut self,
        truth: &Truth,
        thresholds: &[(&Profile, f64)],
        layout: Layout,
        digits: Digits,
    ) {
        let mut sorted: Vec<&(&Profile, f64)> = thresholds.iter().collect();
        sorted.sort_by_key(|(profile, _)| match profile.name.as_str() {
            "reward_low_FP_rate" => 0,
            "reward_low_FN_rate" => 1,
            _ => 2,
        });
        for (profile, threshold) in sorted {
            let name = format!("{PREFIX}{}", profile.name);
            let place = column(&self.header, &name).unwrap_or_else(|| {
                self.header.push(name);
                self.header.len() - 1
            });
            let cells = written(&worth(truth, &self.scores, *threshold, profile, layout), digits);
            for (row, text) in self.rows.iter_mut().zip(cells) {
                row.resize(row.len().max(place + 1), String::new());
                row[place] = text;
            }
        }
    }

    /// The file as text.
    pub fn text(&self) -> String {
        let mut text = self.header.join(",") + "\n";
        for row in &self.rows {
            text.push_str(&row.join(","));
            text.push('\n');
        }
        text
    }
}

fn column(header: &[String], name: &str) -> Option<usize> {
    header.iter().position(|one| one == name)
}

fn cell(row: &[String], place: usize) -> &str {
    row.get(place).map_or("", String::as_str)
}

/// A column as text. One that holds nothing but zeros is one of whole numbers.
fn written(column: &[f64], digits: Digits) -> Vec<String> {
    if column.iter().all(|number| *number == 0.0) {
        return vec!["0".to_owned(); column.len()];
    }
    column.iter().map(|number| python_float(*number, digits)).collect()
}

/// Whether two numbers differ only by rounding in reading: pandas reads with a parser that may be off by a bit or two.
fn nearly(stored: &str, right: &str) -> bool {
    match (stored.parse::<f64>(), right.parse::<f64>()) {
        (Ok(stored), Ok(right)) => {
            stored == right || (stored - right).abs() <= 8.0 * f64::EPSILON * right.abs()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Window;

    const TEXT: &str = "timestamp,value,anomaly_score,label\n\
        2014-01-01 00:00:00,1,0.1,0\n2014-01-01 00:05:00,2,1,0\n2014-01-01 00:10:00,3,0.25,1\n\
        2014-01-01 00:15:00,4,,1\n2014-01-01 00:20:00,5,0.9,0\n";

    fn truth() -> Truth {
        Truth::of_rows(5, &[Window { first: 2, last: 3 }]).with_probation(1)
    }

    #[test]
    fn a_result_file_is_read_and_written_as_it_was() {
        let file = ResultFile::read(TEXT).unwrap();
        assert_eq!(file.text(), TEXT);
        assert_eq!(&file.scores[..3], [0.1, 1.0, 0.25]);
        assert!(file.scores[3].is_nan());
        assert_eq!((file.layout(), file.digits()), (None, Digits::Twelve));
        assert!(ResultFile::read("a,b\n").is_err());
        assert!(ResultFile::read("anomaly_score\nx\n").unwrap_err().to_string().contains("line 2"));
    }

    #[test]
    fn alarms_and_windows_stand_in_their_rows() {
        let profiles = Profile::all();
        let file = ResultFile::read(TEXT).unwrap();
        let column = |threshold, profile: usize| {
            worth(&truth(), &file.scores, threshold, &profiles[profile], Layout::Events)
        };
        assert_eq!(column(0.95, 0), [0.0, -0.11, -1.0, 0.0, 0.0]);
        assert_eq!(column(0.95, 2), [0.0, -0.11, -2.0, 0.0, 0.0]);
        assert_eq!(column(0.25, 1)[..4], [0.0, -0.22, 1.0, 0.0]);
        assert!(column(0.25, 1)[4] < -0.2);
        let rows = worth(&truth(), &file.scores, 0.95, &profiles[0], Layout::Rows);
        assert_eq!(rows[..3], [-0.11, -0.11, 1.0]);
    }

    #[test]
    fn what_was_written_agrees_with_itself_and_a_change_is_found() {
        let profiles = Profile::all();
        let thresholds: Vec<(&Profile, f64)> = profiles.iter().map(|profile| (profile, 0.5)).collect();
        for (layout, digits) in [(Layout::Events, Digits::Twelve), (Layout::Rows, Digits::Shortest)] {
            let mut file = ResultFile::read(TEXT).unwrap();
            file.set_worth(&truth(), &thresholds, layout, digits);
            let again = ResultFile::read(&file.text()).unwrap();
            assert_eq!((again.layout(), again.digits()), (Some(layout), digits));
            let agreement = again.agreement(&truth(), &thresholds, digits);
            assert_eq!((agreement.cells, agreement.same), (15, 15));
            let changed = ResultFile::read(&file.text().replace("-0.22", "-0.23")).unwrap();
            let agreement = changed.agreement(&truth(), &thresholds, digits);
            assert!(agreement.same < 15 && agreement.first_different.is_some());
        }
    }

    #[test]
    fn a_column_of_nothing_is_one_of_whole_numbers() {
        let profiles = Profile::all();
        let mut file = ResultFile::read(TEXT).unwrap();
        file.set_worth(&Truth::of_rows(5, &[]), &[(&profiles[0], 2.0)], Layout::Events, Digits::Twelve);
        assert!(file.text().lines().nth(1).unwrap().ends_with(",0.1,0,0"));
    }
}
