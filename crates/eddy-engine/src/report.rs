//! From a run to the plain data that pages and pictures are drawn from.

use eddy_detect::{Memory, Typical, anomaly_score};
use eddy_frame::{Column, Frame, Kind, Role, TimeStyle};
use eddy_insight::{Finding, Seen};
use eddy_io::{Description, ReadStats, SetAside};
use eddy_report::{
    Axis, Band, Cause, ColumnRow, Contrast, Correlation, Counts, DetectReport, Evaluation, ExploreReport,
    FeatureSeries, FindingRow, Histogram, MOST_POINTS, Points, ReadSummary, SeriesPart, ThresholdInfo,
    TopItem, downsample, point_budget,
};

use crate::events::Readings;
use crate::findings::cell;
use crate::incident_cards::cards;
use crate::series_words::steps;
use crate::{EngineError, Exploration, Run};

/// Features drawn at most.
const MOST_FEATURES: usize = 60;
/// Bins of a histogram, unless another number is wanted.
const BINS: usize = 40;
/// Levels of a category that are drawn apart.
const MOST_LEVELS: usize = 12;

/// Everything a page or picture of a detection shows. Goes through the rows twice.
pub fn detect_report(run: &mut Run) -> Result<DetectReport, EngineError> {
    detect_report_in(run, BINS)
}

/// The same with so many bins in each histogram of numbers; at least one.
pub fn detect_report_in(run: &mut Run, n_bins: usize) -> Result<DetectReport, EngineError> {
    let n_bins = n_bins.max(1);
    let flagged = run.verdicts.clone();
    let scores: Vec<f64> = run.surprises.iter().map(|&s| anomaly_score(s)).collect();
    // Lagged copies of a column say nothing new to the eye.
    let drawn: Vec<usize> = (0..run.pipeline.feature_fields.len())
        .filter(|&at| !run.pipeline.feature_fields[at].name.ends_with(']'))
        .take(MOST_FEATURES)
        .collect();
    let kept = downsample(&[&scores], &flagged, point_budget(drawn.len()));
    let mut features: Vec<FeatureSeries> = drawn
        .iter()
        .map(|&at| {
            let field = &run.pipeline.feature_fields[at];
            let mut series = FeatureSeries {
                name: field.name.to_string(),
                unit: field.unit.as_deref().map(str::to_owned),
                ..FeatureSeries::default()
            };
            match &run.pipeline.typical[at] {
                Typical::Number { low, high, .. } => series.typical = Some((*low, *high)),
                Typical::Category { levels, .. } => {
                    series.levels = levels.iter().map(|(level, _)| level.clone()).take(MOST_LEVELS).collect();
                }
            }
            series
        })
        .collect();
    let mut times: Vec<f64> = Vec::new();
    let mut next = 0;
    // What a series model expects is in the units of the features only where it reads them as they are.
    let reads_unchanged = run.pipeline.reads_features_unchanged();
    let read_as: Vec<Option<usize>> = features
        .iter()
        .map(|series| run.pipeline.columns.iter().position(|name| *name == series.name))
        .collect();
    let kept_readings = std::mem::take(&mut run.readings);
    let readings = &kept_readings;
    visit_features(run, &drawn, &mut |frame, columns| {
        let start = frame.first_row as usize;
        while next < kept.len() && kept[next] < start + frame.n_rows() {
            let row_idx = kept[next] - start;
            for (series, column) in features.iter_mut().zip(columns) {
                let value = drawn_value(&mut series.levels, column, row_idx);
                series.values.push(value);
            }
            if reads_unchanged {
                let row = start + row_idx;
                features
                    .iter_mut()
                    .zip(&read_as)
                    .for_each(|(series, &at)| add_band(series, readings, row, at));
            }
            times.push(time_ms(frame, row_idx));
            next += 1;
        }
    })?;
    run.readings = kept_readings;
    features.iter_mut().for_each(|series| set_edges(series, n_bins));
    visit_features(run, &drawn, &mut |frame, columns| {
        let start = frame.first_row as usize;
        for (series, column) in features.iter_mut().zip(columns) {
            for row_idx in 0..frame.n_rows() {
                let value = drawn_value(&mut series.levels, column, row_idx);
                count(&mut series.histogram, value, flagged[start + row_idx]);
            }
        }
    })?;
    let style = run
        .description
        .schema
        .with_role(Role::Time)
        .next()
        .map(|idx| run.description.schema.fields[idx].time_style);
    let timed = !times.is_empty() && times.iter().all(|time| time.is_finite());
    let axis = match style {
        Some(TimeStyle::RelativeSeconds) if timed => Axis::Elapsed,
        Some(_) if timed => Axis::Time,
        _ => Axis::Index,
    };
    let top = scores.iter().copied().fold(0.05, f64::max);
    let mut score_histogram = even_histogram(0.0, top, n_bins);
    scores.iter().zip(&flagged).for_each(|(&score, &flag)| count(&mut score_histogram, score, flag));
    let finding_columns: Vec<String> = run
        .description
        .schema
        .fields
        .iter()
        .take(MOST_FEATURES)
        .map(|field| field.name.to_string())
        .collect();
    Ok(DetectReport {
        title: title(&run.description),
        eddy_version: env!("CARGO_PKG_VERSION").to_owned(),
        generated_from: run.description.sources.clone(),
        read: read_summary(&run.description, &run.stats),
        columns: column_rows(&run.description),
        pipeline: run.pipeline.steps_in_words(),
        detector: format!(
            "{}, learned from {} rows",
            run.pipeline.spec.detector,
            eddy_insight::count(run.pipeline.trained_rows)
        ),
        threshold: ThresholdInfo {
            rule: run.threshold.in_words(),
            value: run.threshold.anomaly_score(),
            flagged: run.flagged,
            share: run.flagged as f64 / run.surprises.len().max(1) as f64,
            warning: run.threshold.warning.clone(),
        },
        cautions: run.cautions.clone(),
        points: Points {
            axis,
            x: if axis == Axis::Index { kept.iter().map(|&row| row as f64 + 1.0).collect() } else { times },
            score: kept.iter().map(|&row| scores[row] as f32).collect(),
            flagged: kept.iter().map(|&row| u8::from(flagged[row])).collect(),
            row: kept.iter().map(|&row| row as u64 + 1).collect(),
            truth: run
                .attacks
                .as_ref()
                .map(|attacks| kept.iter().map(|&row| u8::from(attacks[row])).collect())
                .unwrap_or_default(),
            total_rows: scores.len() as u64,
        },
        features,
        score_histogram,
        findings: run
            .findings
            .iter()
            .enumerate()
            .map(|(at, finding)| {
                finding_row(finding, run.finding_rows.as_ref(), at, run.description.sources.len() > 1)
            })
            .collect(),
        finding_columns,
        evaluation: run.evaluation.as_ref().map(|(label, e)| Evaluation {
            label_column: label.clone(),
            roc_auc: e.roc_auc,
            pr_auc: e.average_precision,
            precision: e.precision,
            recall: e.recall,
            f1: e.f1,
            false_positive_rate: e.false_positive_rate,
            true_positives: e.confusion.true_positives,
            false_positives: e.confusion.false_positives,
            true_negatives: e.confusion.true_negatives,
            false_negatives: e.confusion.false_negatives,
        }),
        incidents: cards(&run.incidents),
    })
}

/// Adds what was expected of a feature at a row, if the model said so, to the points drawn.
fn add_band(series: &mut FeatureSeries, readings: &Readings, row: usize, column: Option<usize>) {
    let expected = column.and_then(|column| readings.band(row, column));
    if expected.is_none() && series.band.is_none() {
        return;
    }
    let before = series.values.len() - 1;
    let band =
        series.band.get_or_insert_with(|| Band { low: vec![f64::NAN; before], high: vec![f64::NAN; before] });
    let (low, high) = expected.map_or((f64::NAN, f64::NAN), |(low, high)| (low, high));
    band.low.push(low);
    band.high.push(high);
}

/// Goes through all rows with the drawn features of each frame.
fn visit_features(
    run: &mut Run,
    drawn: &[usize],
    visit: &mut dyn FnMut(&Frame, &[&Column]),
) -> Result<(), EngineError> {
    let names: Vec<std::sync::Arc<str>> =
        drawn.iter().map(|&at| run.pipeline.feature_fields[at].name.clone()).collect();
    let (input, pipeline) = run.input_and_pipeline();
    let mut memory = Memory::default();
    input.each::<EngineError>(1, &mut |frames| {
        for frame in frames {
            let features = pipeline.features(frame, &mut memory)?;
            let columns: Vec<&Column> =
                names.iter().filter_map(|name| features.by_name(name).map(|(_, column)| column)).collect();
            visit(frame, &columns);
        }
        Ok(())
    })
}

/// A number, or the position of a category's level; levels beyond those listed share the last place, "other".
fn drawn_value(levels: &mut Vec<String>, column: &Column, row_idx: usize) -> f64 {
    let Column::Text(texts) = column else {
        return column.number(row_idx);
    };
    let text = texts.get(row_idx);
    let place = levels.iter().position(|level| level == text).unwrap_or_else(|| {
        if levels.last().is_none_or(|last| last != "(other)") {
            levels.push("(other)".to_owned());
        }
        levels.len() - 1
    });
    place as f64
}

/// Edges and quartiles from the drawn values; values outside are counted in the outermost bins.
fn set_edges(series: &mut FeatureSeries, n_bins: usize) {
    if !series.levels.is_empty() {
        if series.levels.last().is_none_or(|last| last != "(other)") {
            series.levels.push("(other)".to_owned());
        }
        let n = series.levels.len();
        series.histogram = Histogram {
            edges: (0..=n).map(|at| at as f64).collect(),
            normal: vec![0; n],
            flagged: vec![0; n],
        };
        return;
    }
    let mut sorted: Vec<f64> = series.values.iter().copied().filter(|value| value.is_finite()).collect();
    if sorted.is_empty() {
        return;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let quartiles = [at(0.0), at(0.25), at(0.5), at(0.75), at(1.0)];
    series.quartiles = Some(quartiles);
    let (low, high) = (quartiles[0], quartiles[4]);
    // A long tail of positive values is drawn on logarithmic bins.
    let long_tail = low >= 0.0 && high > 100.0 * (1.0 + quartiles[3]);
    series.histogram = if long_tail {
        let top = high.ln_1p();
        let mut histogram = even_histogram(0.0, top, n_bins);
        histogram.edges.iter_mut().for_each(|edge| *edge = edge.exp_m1());
        histogram
    } else {
        even_histogram(low, high, n_bins)
    };
}

fn even_histogram(low: f64, high: f64, n_bins: usize) -> Histogram {
    let (low, high) = if high > low { (low, high) } else { (low - 0.5, low + 0.5) };
    Histogram {
        edges: (0..=n_bins).map(|bin| low + (high - low) * bin as f64 / n_bins as f64).collect(),
        normal: vec![0; n_bins],
        flagged: vec![0; n_bins],
    }
}

fn count(histogram: &mut Histogram, value: f64, flagged: bool) {
    let bins = histogram.normal.len();
    if bins == 0 || !value.is_finite() {
        return;
    }
    let bin = histogram.edges.partition_point(|&edge| edge <= value).saturating_sub(1).min(bins - 1);
    if flagged { histogram.flagged[bin] += 1 } else { histogram.normal[bin] += 1 }
}

fn time_ms(frame: &Frame, row_idx: usize) -> f64 {
    let time = frame.schema().with_role(Role::Time).find_map(|idx| frame.column(idx).as_time());
    match time.map(|times| times[row_idx]) {
        Some(nanos) if nanos != eddy_frame::MISSING_TIME => nanos as f64 / 1e6,
        _ => f64::NAN,
    }
}

pub(crate) fn title(description: &Description) -> String {
    match description.sources.as_slice() {
        [one] => one.rsplit(['/', '\\']).next().unwrap_or(one).to_owned(),
        many => format!("{} files", many.len()),
    }
}

pub(crate) fn read_summary(description: &Description, stats: &ReadStats) -> ReadSummary {
    let place = |one: &SetAside| {
        let line = one.line.map(|line| format!(", line {line}")).unwrap_or_default();
        let column = one.column.as_ref().map(|column| format!(", column {column}")).unwrap_or_default();
        format!("{}{line}{column}", one.source)
    };
    ReadSummary {
        format: description.format.clone(),
        shape_title: description.shape.title.clone(),
        rows_read: stats.rows_read,
        rows_set_aside: stats.rows_set_aside,
        cells_set_aside: stats.cells_set_aside,
        first_set_aside: stats
            .first_set_aside
            .iter()
            .map(|one| eddy_report::SetAside {
                place: place(one),
                reason: one.reason.clone(),
                text: one.text.clone(),
            })
            .collect(),
        notes: description.notes.iter().map(|note| note.text.clone()).collect(),
    }
}

fn column_rows(description: &Description) -> Vec<ColumnRow> {
    let row = |field: &eddy_frame::Field| ColumnRow {
        name: field.name.to_string(),
        role: field.role.name().to_owned(),
        kind: format!("{:?}", field.kind).to_ascii_lowercase(),
        unit: field.unit.as_deref().map(str::to_owned),
    };
    description.schema.fields.iter().map(row).collect()
}

fn finding_row(finding: &Finding, rows: Option<&Frame>, at: usize, many_sources: bool) -> FindingRow {
    let place = &finding.place;
    let values = rows.map_or_else(Vec::new, |rows| {
        let fields = rows.schema().fields.iter().zip(rows.columns());
        fields.take(MOST_FEATURES).map(|pair| cell(pair, at)).collect()
    });
    FindingRow {
        rank: finding.rank as u64,
        row: place.row,
        line: place.line,
        source: place.source.clone().filter(|_| many_sources),
        time: place.time.clone(),
        entity: place.entity.clone(),
        stretch: finding.stretch.as_ref().map(|stretch| eddy_report::Stretch {
            first_row: stretch.first_row,
            last_row: stretch.last_row,
            flagged: stretch.flagged,
            from: stretch.from.clone(),
            to: stretch.to.clone(),
        }),
        score: finding.anomaly_score,
        sentence: finding.sentence.clone(),
        label: finding.label.clone(),
        causes: finding.causes.iter().map(cause).collect(),
        values,
    }
}

fn cause(cause: &eddy_insight::Cause) -> Cause {
    let contrast = match (&cause.seen, &cause.expected) {
        (Seen::Number(seen), Typical::Number { median, low, high }) => {
            Contrast::Number { seen: *seen, expected: *median, low: *low, high: *high }
        }
        (seen, expected) => {
            let seen = match seen {
                Seen::Text(text) => text.clone(),
                Seen::Number(number) => number.map(|number| number.to_string()).unwrap_or_default(),
            };
            let (expected, expected_share, seen_share) = match expected {
                Typical::Category { mode, share, levels } => {
                    let seen_share =
                        levels.iter().find(|(level, _)| *level == seen).map_or(0.0, |(_, share)| *share);
                    (mode.clone(), *share, seen_share)
                }
                Typical::Number { median, .. } => (median.to_string(), 0.0, 0.0),
            };
            Contrast::Category { seen, seen_share, expected, expected_share }
        }
    };
    Cause { feature: shown_name(&cause.feature), unit: cause.unit.clone(), share: cause.share, contrast }
}

/// A feature's name as a page shows it: `value[-2]` is "value 2 rows before".
fn shown_name(feature: &str) -> String {
    match feature.strip_suffix(']').and_then(|name| name.rsplit_once("[-")) {
        Some((name, "1")) => format!("{name} 1 row before"),
        Some((name, back)) => format!("{name} {back} rows before"),
        None => feature.to_owned(),
    }
}

/// Everything a page of an exploration shows.
pub fn explore_report(found: &Exploration) -> ExploreReport {
    let description = &found.description;
    let counts = |histogram: &crate::Histogram| Counts {
        edges: histogram.edges.clone(),
        counts: histogram.counts.clone(),
    };
    let mut cautions = found.cautions.clone();
    if found.n_rows < found.stats.rows_read {
        let rows = eddy_insight::count(found.n_rows);
        cautions.push(format!("the numbers are from an even sample of {rows} rows"));
    }
    ExploreReport {
        title: title(description),
        eddy_version: env!("CARGO_PKG_VERSION").to_owned(),
        generated_from: description.sources.clone(),
        read: read_summary(description, &found.stats),
        cautions,
        n_rows: found.n_rows,
        columns: found
            .columns
            .iter()
            .map(|column| eddy_report::ColumnSummary {
                name: column.name.clone(),
                role: column.role.name().to_owned(),
                kind: format!("{:?}", column.kind).to_ascii_lowercase(),
                unit: column.unit.clone(),
                time: (column.kind == Kind::Time).then(|| time_axis(description, &column.name)),
                count: column.count,
                missing: column.missing,
                distinct: column.distinct,
                mean: column.mean,
                sd: column.sd,
                quartiles: column.quartiles,
                histogram: column.histogram.as_ref().map(counts),
                top: column.top.clone(),
            })
            .collect(),
        correlation: (found.correlated.len() > 1).then(|| Correlation {
            names: found.correlated.clone(),
            pearson: found.pearson.clone(),
            spearman: found.spearman.clone(),
        }),
        labelled: found.labelled.clone(),
        projection: found.projection.clone(),
        series: found
            .series
            .shown
            .iter()
            .map(|series| drawn_series(series, found.series.shown.len()))
            .collect(),
        top: found
            .top
            .iter()
            .map(|list| eddy_report::TopList {
                title: format!("Top values of {}", list.title),
                items: list
                    .items
                    .iter()
                    .map(|(label, count, bytes)| TopItem {
                        label: label.clone(),
                        count: *count,
                        bytes: *bytes,
                    })
                    .collect(),
            })
            .collect(),
        packet_lengths: (description.shape.id == "wireshark")
            .then(|| found.columns.iter().find(|column| column.name.eq_ignore_ascii_case("length")))
            .flatten()
            .and_then(|column| column.histogram.as_ref().map(counts)),
    }
}

/// What the times of a column count from.
fn time_axis(description: &Description, name: &str) -> Axis {
    let field = description.schema.fields.iter().find(|field| &*field.name == name);
    match field.map(|field| field.time_style) {
        Some(TimeStyle::RelativeSeconds) => Axis::Elapsed,
        _ => Axis::Time,
    }
}

/// Rows that are drawn of all series together, so that a page stays within a few megabytes.
const SERIES_ROWS: usize = 60_000;

/// Stretches of a series in the strip that shows what is missing.
const STRETCHES: usize = 240;

fn drawn_series(series: &crate::SeriesProfile, n_series: usize) -> eddy_report::SeriesProfile {
    // Each part is a further line to draw.
    let lines = series.parts.as_ref().map_or(0, |parts| parts.seasonal.len() + 2);
    let most = (SERIES_ROWS / n_series.max(1) * 4 / (4 + lines)).clamp(2_000, MOST_POINTS);
    let mut drawn: Vec<&[f64]> = vec![&series.values];
    drawn.extend(series.parts.as_ref().map(|parts| parts.remainder.as_slice()));
    let kept = downsample(&drawn, &vec![false; series.values.len()], most);
    let pick = |values: &[f64]| kept.iter().map(|&at| values[at]).collect::<Vec<f64>>();
    let times =
        series.times_ms.as_ref().filter(|times| times.iter().all(|time| time.is_finite() && *time > -9e15));
    let axis = match times {
        Some(_) if series.relative => Axis::Elapsed,
        Some(_) => Axis::Time,
        None => Axis::Index,
    };
    let part = |name: &str, values: &[f64]| SeriesPart { name: name.to_owned(), values: pick(values) };
    let season_name = |period: usize| steps(series, period as f64);
    let parts = series.parts.as_ref().map_or_else(Vec::new, |parts| {
        let seasons = parts.periods.iter().zip(&parts.seasonal);
        let mut out = vec![part("trend", &parts.trend)];
        out.extend(
            seasons.map(|(&period, values)| part(&format!("season of {}", season_name(period)), values)),
        );
        out.push(part("remainder", &parts.remainder));
        out
    });
    let whole_x = |at: usize| times.map_or(at as f64 + 1.0, |times| times[at]);
    eddy_report::SeriesProfile {
        name: shown_series(series),
        unit: series.unit.clone(),
        axis,
        x: times.map_or_else(|| kept.iter().map(|&at| at as f64 + 1.0).collect(), |times| pick(times)),
        values: pick(&series.values),
        window: series.window as u64,
        rolling_mean: pick(&series.rolling_mean),
        rolling_sd: pick(&series.rolling_sd),
        rolling_low: pick(&series.rolling_low),
        rolling_high: pick(&series.rolling_high),
        parts,
        acf: series.acf.clone(),
        acf_band: series.acf_band.clone(),
        pacf: series.pacf.clone(),
        band: series.band,
        seasons: series.seasons.iter().map(|season| (season.period, steps(series, season.period))).collect(),
        by_hour: series.by_hour.clone(),
        by_weekday: series.by_weekday.clone(),
        presence: presence(&series.values),
        presence_span: match series.values.len() {
            0 => [0.0, 1.0],
            n => [whole_x(0), whole_x(n - 1)],
        },
        facts: series.facts.clone(),
    }
}

/// A series with whom it is about.
fn shown_series(series: &crate::SeriesProfile) -> String {
    match &series.entity {
        Some(entity) if !entity.is_empty() => format!("{}, {entity}", series.name),
        _ => series.name.clone(),
    }
}

/// Share of the values that are there in equal stretches; empty where all are.
fn presence(values: &[f64]) -> Vec<f64> {
    if values.iter().all(|value| value.is_finite()) {
        return Vec::new();
    }
    let n = STRETCHES.min(values.len());
    let stretch = |at: usize| &values[at * values.len() / n..(at + 1) * values.len() / n];
    let share =
        |part: &[f64]| part.iter().filter(|value| value.is_finite()).count() as f64 / part.len() as f64;
    (0..n).map(|at| share(stretch(at))).collect()
}
