//! What is in a table: summary, distributions, correlation, rhythm, top talkers.

use eddy_frame::{Column, Frame, Kind, Role};
use eddy_io::{Description, ReadStats};
use eddy_report::{CorrelatedPair, Correlation, Labelled, Projection};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::EngineError;
use crate::input::Input;
use crate::labelled::{ClassedRows, labelled};
use crate::projection::projection;
use crate::resample::resampled;
use crate::run::RunOptions;
use crate::series::{SeriesSet, series_of};

/// Counts of values in bins of equal width.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Histogram {
    /// Edges, one more than there are counts.
    pub edges: Vec<f64>,
    /// Values in each bin; the last bin holds its upper edge too.
    pub counts: Vec<u64>,
}

/// One column in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnSummary {
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Kind.
    pub kind: Kind,
    /// Unit, where known.
    pub unit: Option<String>,
    /// Values that are there.
    pub count: u64,
    /// Values that are missing.
    pub missing: u64,
    /// Different values.
    pub distinct: u64,
    /// Mean of the finite values (numbers and times only; times in seconds).
    pub mean: Option<f64>,
    /// Standard deviation.
    pub sd: Option<f64>,
    /// Smallest, quartiles, largest.
    pub quartiles: Option<[f64; 5]>,
    /// Distribution of the values between the 0.5 % and 99.5 % quantiles.
    pub histogram: Option<Histogram>,
    /// Most common values and their counts (text only).
    pub top: Vec<(String, u64)>,
}

/// The most common values of a column that names hosts, ports or protocols.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopList {
    /// What is listed.
    pub title: String,
    /// Value, rows, and the sum of the length column where there is one.
    pub items: Vec<(String, u64, Option<f64>)>,
}

/// What is in a table.
#[derive(Debug, Clone, Serialize)]
pub struct Exploration {
    /// What was found out before reading.
    pub description: Description,
    /// What reading met.
    pub stats: ReadStats,
    /// Rows the numbers are from (a sample of a larger input).
    pub n_rows: u64,
    /// Columns.
    pub columns: Vec<ColumnSummary>,
    /// Numeric columns of the correlation matrices.
    pub correlated: Vec<String>,
    /// Pearson correlation, row after row; NaN-free (0 where a column is constant).
    pub pearson: Vec<f64>,
    /// Spearman rank correlation, row after row.
    pub spearman: Vec<f64>,
    /// Pairs of columns with a correlation beyond 0.9 either way, linear or by rank, strongest first.
    pub nearly_the_same: Vec<CorrelatedPair>,
    /// Classes and tests of each feature, where there is a label column with classes.
    pub labelled: Option<Labelled>,
    /// The rows on their first two principal components, where there are numeric columns.
    pub projection: Option<Projection>,
    /// Things the reader should know.
    pub cautions: Vec<String>,
    /// The series: value columns of each entity.
    pub series: SeriesSet,
    /// Top sources, destinations, protocols, ports.
    pub top: Vec<TopList>,
}

/// Columns in the correlation matrices at most.
const MOST_CORRELATED: usize = 40;
/// From which correlation on two columns say nearly the same.
const NEARLY_THE_SAME: f64 = 0.9;
/// Bins of a histogram.
const BINS: usize = 40;

/// Reads and describes.
pub fn explore(paths: &[String], options: &RunOptions) -> Result<Exploration, EngineError> {
    let source = resampled(eddy_io::open(paths, &options.read)?, options.resample)?;
    let progress = options.progress.clone();
    let mut input = Input::read(source, options.max_memory, options.fit_rows, &move |rows, bytes| {
        progress(crate::run::Stage::Read, rows, bytes);
    })?;
    let frame = input.to_fit(false, options.fit_rows).map_err(EngineError::Input)?;
    let series = series_of(&mut input)?;
    let schema = frame.schema().clone();
    let columns: Vec<ColumnSummary> =
        (0..schema.fields.len()).into_par_iter().map(|idx| summarise(&frame, idx)).collect();
    let numeric: Vec<usize> = schema
        .inputs()
        .filter(|&idx| schema.fields[idx].kind != Kind::Text)
        .filter(|&idx| columns[idx].sd.is_some_and(|sd| sd > 0.0))
        .take(MOST_CORRELATED)
        .collect();
    let values: Vec<Vec<f64>> = numeric.iter().map(|&idx| filled(frame.column(idx))).collect();
    let ranks: Vec<Vec<f64>> = values.par_iter().map(|values| rank(values)).collect();
    let correlation = Correlation {
        names: numeric.iter().map(|&idx| schema.fields[idx].name.to_string()).collect(),
        pearson: correlation(&values),
        spearman: correlation(&ranks),
    };
    drop((values, ranks));
    let mut cautions = series.cautions.clone();
    let classes = match ClassedRows::of(&frame) {
        Some(Ok(classes)) => Some(classes),
        Some(Err(why)) => {
            cautions.push(format!("features are not compared between classes: {why}"));
            None
        }
        None => None,
    };
    Ok(Exploration {
        description: input.description.clone(),
        stats: input.stats.clone(),
        n_rows: frame.n_rows() as u64,
        nearly_the_same: correlation.pairs_beyond(NEARLY_THE_SAME),
        correlated: correlation.names,
        pearson: correlation.pearson,
        spearman: correlation.spearman,
        labelled: classes.as_ref().map(|classes| labelled(&frame, classes)),
        projection: projection(&frame, &columns, classes.as_ref()),
        cautions,
        series,
        top: top_lists(&frame, &columns),
        columns,
    })
}

fn numbers(column: &Column) -> Vec<f64> {
    (0..column.len()).map(|row_idx| column.number(row_idx)).collect()
}

/// Numbers with the mean in place of missing and infinite ones.
fn filled(column: &Column) -> Vec<f64> {
    let mut values = numbers(column);
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let mean = finite.iter().sum::<f64>() / finite.len().max(1) as f64;
    values.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = mean);
    values
}

fn summarise(frame: &Frame, idx: usize) -> ColumnSummary {
    let (field, column) = (&frame.schema().fields[idx], frame.column(idx));
    let missing = (0..column.len()).filter(|&row_idx| column.is_missing(row_idx)).count() as u64;
    let mut summary = ColumnSummary {
        name: field.name.to_string(),
        role: field.role,
        kind: field.kind,
        unit: field.unit.as_deref().map(str::to_owned),
        count: column.len() as u64 - missing,
        missing,
        distinct: 0,
        mean: None,
        sd: None,
        quartiles: None,
        histogram: None,
        top: Vec::new(),
    };
    if let Column::Text(texts) = column {
        let mut counts: FxHashMap<&str, u64> = FxHashMap::default();
        texts.iter().filter(|text| !text.is_empty()).for_each(|text| *counts.entry(text).or_default() += 1);
        summary.distinct = counts.len() as u64;
        let mut top: Vec<(&str, u64)> = counts.into_iter().collect();
        top.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        summary.top = top.into_iter().take(10).map(|(text, n)| (text.to_owned(), n)).collect();
        return summary;
    }
    let mut values = numbers(column);
    values.retain(|value| value.is_finite());
    if values.is_empty() {
        return summary;
    }
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    let at = |share: f64| {
        let position = share * (n - 1.0);
        let below = values[position.floor() as usize];
        below + (values[position.ceil() as usize] - below) * position.fract()
    };
    summary.distinct = 1 + values.windows(2).filter(|pair| pair[0] != pair[1]).count() as u64;
    summary.mean = Some(mean);
    summary.sd = Some(sd);
    summary.quartiles = Some([at(0.0), at(0.25), at(0.5), at(0.75), at(1.0)]);
    summary.histogram = Some(histogram(&values, at(0.75)));
    summary
}

/// Counts of all sorted values; bins grow towards the end of a long tail of values that are not negative.
fn histogram(sorted: &[f64], upper_quartile: f64) -> Histogram {
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    let (low, high) = if high > low { (low, high) } else { (low - 0.5, low + 0.5) };
    let even = |low: f64, high: f64| -> Vec<f64> {
        // Half the distance twice: the whole may be more than a number can hold.
        let half = high / 2.0 - low / 2.0;
        let part = |bin: usize| half * (bin as f64 / BINS as f64);
        (0..BINS).map(|bin| low + part(bin) + part(bin)).chain([high]).collect()
    };
    let edges = if low >= 0.0 && high > 100.0 * (1.0 + upper_quartile) {
        let mut edges: Vec<f64> = even(low.ln_1p(), high.ln_1p()).into_iter().map(f64::exp_m1).collect();
        // The ends are the values themselves, without the rounding of there and back again.
        (edges[0], edges[BINS]) = (low, high);
        edges
    } else {
        even(low, high)
    };
    let place = |edge: f64| sorted.partition_point(|&value| value < edge);
    let counts = (0..BINS)
        .map(|bin| {
            let end = if bin + 1 == BINS {
                sorted.partition_point(|&v| v <= edges[BINS])
            } else {
                place(edges[bin + 1])
            };
            end.saturating_sub(place(edges[bin])) as u64
        })
        .collect();
    Histogram { edges, counts }
}

fn rank(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && values[order[end]] == values[order[start]] {
            end += 1;
        }
        let middle = (start + end - 1) as f64 / 2.0;
        order[start..end].iter().for_each(|&row_idx| ranks[row_idx] = middle);
        start = end;
    }
    ranks
}

fn correlation(columns: &[Vec<f64>]) -> Vec<f64> {
    let standard: Vec<Vec<f64>> = columns
        .par_iter()
        .map(|values| {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let norm = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>().sqrt();
            values.iter().map(|value| if norm > 0.0 { (value - mean) / norm } else { 0.0 }).collect()
        })
        .collect();
    let d = standard.len();
    (0..d * d)
        .into_par_iter()
        .map(|at| {
            let (i, j) = (at / d, at % d);
            if i == j { 1.0 } else { standard[i].iter().zip(&standard[j]).map(|(a, b)| a * b).sum() }
        })
        .collect()
}

fn top_lists(frame: &Frame, columns: &[ColumnSummary]) -> Vec<TopList> {
    let schema = frame.schema();
    let plain = |name: &str| name.to_ascii_lowercase();
    let length = schema.fields.iter().position(|field| {
        let name = plain(&field.name);
        matches!(
            name.as_str(),
            "length"
                | "bytes"
                | "totbytes"
                | "bytes_transferred"
                | "src_bytes"
                | "srcbytes"
                | "sbytes"
                | "octetdeltacount"
        )
    });
    let interesting = |idx: &usize| {
        let name = plain(&schema.fields[*idx].name);
        let talker =
            ["source", "src", "dest", "dst", "proto", "service", "port", "host", "addr", "flag", "state"]
                .iter()
                .any(|word| name.contains(word));
        let text = matches!(frame.column(*idx), Column::Text(_));
        (text && (talker || columns[*idx].role == Role::Category))
            || (name.ends_with("port") && frame.column(*idx).as_float().is_some())
    };
    (0..schema.fields.len())
        .filter(interesting)
        .take(8)
        .map(|idx| {
            let mut counts: FxHashMap<String, (u64, f64)> = FxHashMap::default();
            for row_idx in 0..frame.n_rows() {
                let key = match frame.column(idx) {
                    Column::Text(texts) => texts.get(row_idx).to_owned(),
                    column => column.number(row_idx).to_string(),
                };
                let entry = counts.entry(key).or_default();
                entry.0 += 1;
                let bytes = length.map_or(0.0, |at| frame.column(at).number(row_idx));
                entry.1 += if bytes.is_finite() { bytes } else { 0.0 };
            }
            let mut items: Vec<(String, u64, Option<f64>)> = counts
                .into_iter()
                .filter(|(key, _)| !key.is_empty() && key != "NaN")
                .map(|(key, (n, bytes))| (key, n, length.map(|_| bytes)))
                .collect();
            items.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
            items.truncate(10);
            TopList { title: schema.fields[idx].name.to_string(), items }
        })
        .filter(|list| !list.items.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_of_ties_are_means() {
        assert_eq!(rank(&[3.0, 1.0, 3.0, 2.0]), vec![2.5, 0.0, 2.5, 1.0]);
    }

    #[test]
    fn correlation_has_signs() {
        let matrix = correlation(&[vec![1.0, 2.0, 3.0], vec![3.0, 2.0, 1.0]]);
        assert!((matrix[1] + 1.0).abs() < 1e-12);
    }

    #[test]
    fn histograms_count_every_value_once() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(histogram(&values, 75.0).counts.iter().sum::<u64>(), 100);
        let mut tailed = values;
        tailed.push(1e9);
        let tailed = histogram(&tailed, 75.0);
        assert_eq!((tailed.counts.iter().sum::<u64>(), tailed.counts[BINS - 1]), (101, 1));
        assert_eq!(histogram(&[3.0, 3.0], 3.0).counts.iter().sum::<u64>(), 2);
        let wide = histogram(&[-1e308, 0.0, 1e308], 0.0);
        assert!(wide.edges.iter().all(|edge| edge.is_finite()));
        assert_eq!((wide.counts[0], wide.counts[BINS / 2], wide.counts[BINS - 1]), (1, 1, 1));
    }
}
