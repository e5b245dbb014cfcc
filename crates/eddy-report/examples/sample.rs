//! Writes sample reports from made-up, deterministic data: `cargo run -p eddy-report --example sample -- OUTDIR`.

mod comparison;
mod hostile;
mod incidents;
mod rhythm;

use std::path::Path;
use std::{env, fs};

use eddy_report::{
    Axis, Cause, ColumnRow, ColumnSummary, Contrast, Correlation, Counts, DetectReport, Evaluation,
    ExploreReport, FeatureSeries, FindingRow, Histogram, MOST_POINTS, Plot, Points, ReadSummary,
    SeriesProfile, SetAside, Stretch, ThresholdInfo, TopItem, TopList, detect_html, downsample, explore_html,
    png, svg,
};

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as f64 + 0.5) / (1u64 << 31) as f64
    }

    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// What a sample is made of.
struct Recipe {
    title: &'static str,
    n_rows: usize,
    n_features: usize,
    axis: Axis,
    /// About so many rows stand out.
    n_anomalies: usize,
    /// The same threshold would flag so many; 0 = none.
    most_findings: usize,
    labelled: bool,
    categories: bool,
}

const NAMES: [&str; 8] = [
    "bytes_transferred",
    "packet_count",
    "connection_duration",
    "retransmission_rate",
    "packets_per_second",
    "bytes_per_packet",
    "failed_logins",
    "distinct_ports",
];
const UNITS: [&str; 8] = ["bytes", "", "s", "", "1/s", "bytes", "", ""];
const LEVELS: [&str; 5] = ["tcp", "udp", "icmp", "gre", "sctp"];
const START_MS: f64 = 1_760_918_400_000.0;

fn anomalous_rows(recipe: &Recipe) -> Vec<usize> {
    let mut dice = Dice(99);
    let mut rows: Vec<usize> =
        (0..recipe.n_anomalies).map(|_| (dice.next() * recipe.n_rows as f64) as usize).collect();
    // Half of them come close together, as in a real incident.
    let start = recipe.n_rows * 3 / 5;
    for (i, row) in rows.iter_mut().enumerate().filter(|(i, _)| i % 2 == 0) {
        *row = (start + i * 2).min(recipe.n_rows - 1);
    }
    rows.sort_unstable();
    rows.dedup();
    rows
}

fn detection(recipe: &Recipe) -> DetectReport {
    let mut dice = Dice(7);
    let n = recipe.n_rows;
    let odd = anomalous_rows(recipe);
    let is_odd = |row: usize| odd.binary_search(&row).is_ok();
    let mut columns: Vec<RawColumn> = Vec::new();
    for j in 0..recipe.n_features {
        let name = if j < 8 { NAMES[j].to_owned() } else { format!("dst_host_srv_rate_{j}") };
        let unit = Some(UNITS[j % 8].to_owned()).filter(|unit| !unit.is_empty());
        if recipe.categories && j == 2 {
            let values = (0..n).map(|row| {
                if is_odd(row) && dice.next() < 0.7 { 2.0 } else { (dice.next().powi(3) * 4.0).floor() }
            });
            columns.push(("protocol".into(), None, values.collect(), LEVELS.map(String::from).to_vec()));
            continue;
        }
        let values = (0..n)
            .map(|row| {
                let day = (row as f64 / n as f64 * 7.0 * std::f64::consts::TAU).sin();
                let push = if is_odd(row) && j < 4 { 2.5 + 4.0 * dice.next() } else { 0.0 };
                match j % 4 {
                    0 => (8.0 + 0.8 * day + 0.7 * dice.bell() + push).exp().round(),
                    1 => (40.0 + 12.0 * day + 5.0 * dice.bell() + push * 18.0).max(0.0).round(),
                    2 => (1.2 + 0.4 * dice.bell() + push * 2.0).max(0.0),
                    _ if dice.next() < 0.002 => f64::NAN,
                    _ => (0.02 + 0.01 * dice.bell() + push * 0.08).clamp(0.0, 1.0),
                }
            })
            .collect();
        columns.push((name, unit, values, Vec::new()));
    }
    let scores: Vec<f64> = (0..n)
        .map(|row| {
            let surprise =
                if is_odd(row) { 3.4 + 5.0 * dice.next().powi(2) } else { -dice.next().log10() * 0.93 };
            surprise / (surprise + 3.0)
        })
        .collect();
    let threshold = if recipe.most_findings == 0 { 1.01 } else { 0.531_25 };
    let flagged: Vec<bool> = scores.iter().map(|score| *score >= threshold).collect();
    let n_flagged = flagged.iter().filter(|flag| **flag).count();
    let step = match recipe.axis {
        Axis::Time => 7.0 * 86_400_000.0 / n as f64,
        Axis::Elapsed => 42.0,
        Axis::Index => 1.0,
    };
    let x = |row: usize| match recipe.axis {
        Axis::Time => START_MS + (row as f64 * step).round(),
        Axis::Elapsed => (row as f64 * step).round(),
        Axis::Index => row as f64 + 1.0,
    };
    let mut series: Vec<&[f64]> = vec![&scores];
    series.extend(columns.first().map(|column| column.2.as_slice()));
    let kept = downsample(&series, &flagged, MOST_POINTS);
    let findings = findings(recipe, &columns, &scores, &flagged, &x);
    let truth: Vec<u8> = if recipe.labelled {
        kept.iter().map(|&row| u8::from(is_odd(row) && row % 9 != 0 || row % 2477 == 5)).collect()
    } else {
        Vec::new()
    };
    DetectReport {
        title: recipe.title.into(),
        eddy_version: "0.1.0".into(),
        generated_from: vec![recipe.title.into()],
        read: read_summary(n),
        columns: table(recipe, &columns),
        pipeline: [
            "fill missing numbers with the median of their column",
            "write categories as their frequency",
            "take the logarithm of columns with a heavy tail",
            "scale every column by its median and quartiles",
        ]
        .map(String::from)
        .to_vec(),
        detector: "votes of an isolation forest, ECOD and HBOS".into(),
        threshold: ThresholdInfo {
            rule: "at most 5 % of the flagged rows are expected to be ordinary".into(),
            value: threshold,
            flagged: n_flagged as u64,
            share: n_flagged as f64 / n as f64,
            warning: (n < 10).then(|| "with fewer than 100 rows there is no telling what is typical".into()),
        },
        cautions: if n > 1_000 {
            vec!["2 columns carry nothing and were left out: land, wrong_fragment".into()]
        } else {
            vec![]
        },
        points: Points {
            axis: recipe.axis,
            x: kept.iter().map(|&row| x(row)).collect(),
            score: kept.iter().map(|&row| scores[row] as f32).collect(),
            flagged: kept.iter().map(|&row| u8::from(flagged[row])).collect(),
            row: kept.iter().map(|&row| row as u64 + 1).collect(),
            truth,
            total_rows: n as u64,
        },
        features: columns
            .iter()
            .map(|(name, unit, values, levels)| {
                feature(name, unit.as_deref(), values, levels, &flagged, &kept)
            })
            .collect(),
        score_histogram: Histogram::with_edges(
            &scores,
            &flagged,
            (0..=80).map(|i| f64::from(i) / 80.0 * 0.9).collect(),
        ),
        findings,
        finding_columns: columns.iter().map(|column| column.0.clone()).collect(),
        incidents: Vec::new(),
        evaluation: recipe.labelled.then(|| Evaluation {
            label_column: "attack".into(),
            roc_auc: 0.9731,
            pr_auc: 0.8214,
            precision: 0.902,
            recall: 0.871,
            f1: 0.886,
            false_positive_rate: 0.0011,
            true_positives: 211,
            false_positives: 23,
            true_negatives: 12_215,
            false_negatives: 31,
        }),
    }
}

fn read_summary(n: usize) -> ReadSummary {
    ReadSummary {
        format: "CSV, comma, header, UTF-8, LF".into(),
        shape_title: "flow features".into(),
        rows_read: n as u64,
        rows_set_aside: if n > 1_000 { 3 } else { 0 },
        cells_set_aside: if n > 1_000 { 14 } else { 0 },
        first_set_aside: if n > 1_000 {
            vec![
                SetAside {
                    place: "flows.csv, line 812".into(),
                    reason: "11 fields instead of 12".into(),
                    text: "2025-10-20T03:11:09,10.0.4.7,443,tcp".into(),
                },
                SetAside {
                    place: "flows.csv, line 2044, column dst_port".into(),
                    reason: "not a number".into(),
                    text: "n/a".into(),
                },
            ]
        } else {
            vec![]
        },
        notes: vec![
            "Times are taken as UTC, because they name no zone.".into(),
            "bytes_transferred is taken as bytes, by its name.".into(),
        ],
    }
}

fn table(recipe: &Recipe, columns: &[RawColumn]) -> Vec<ColumnRow> {
    let row = |name: &str, role: &str, kind: &str, unit: Option<String>| ColumnRow {
        name: name.into(),
        role: role.into(),
        kind: kind.into(),
        unit,
    };
    let mut rows = vec![row("timestamp", "time", "time", None), row("src_host", "entity", "text", None)];
    rows.extend(columns.iter().map(|(name, unit, _, levels)| {
        if levels.is_empty() {
            row(name, "feature", "float", unit.clone())
        } else {
            row(name, "category", "text", None)
        }
    }));
    rows.extend(recipe.labelled.then(|| row("attack", "label", "text", None)));
    rows
}

fn feature(
    name: &str,
    unit: Option<&str>,
    values: &[f64],
    levels: &[String],
    flagged: &[bool],
    kept: &[usize],
) -> FeatureSeries {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    FeatureSeries {
        name: name.into(),
        unit: unit.map(Into::into),
        values: kept.iter().map(|&row| values[row]).collect(),
        levels: levels.to_vec(),
        histogram: if levels.is_empty() {
            Histogram::of(values, flagged, 36)
        } else {
            Histogram::with_edges(values, flagged, (0..=levels.len()).map(|i| i as f64).collect())
        },
        quartiles: levels.is_empty().then(|| [0.0, 0.25, 0.5, 0.75, 1.0].map(at)),
        typical: levels.is_empty().then(|| (at(0.05), at(0.95))),
        band: None,
    }
}

fn findings(
    recipe: &Recipe,
    columns: &[RawColumn],
    scores: &[f64],
    flagged: &[bool],
    x: &dyn Fn(usize) -> f64,
) -> Vec<FindingRow> {
    let mut rows: Vec<usize> = (0..scores.len()).filter(|&row| flagged[row]).collect();
    rows.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    rows.truncate(recipe.most_findings);
    let time = |row: usize| {
        (recipe.axis == Axis::Time).then(|| {
            let seconds = (x(row) / 1000.0) as u64;
            let (day, rest) = ((seconds - 1_760_918_400) / 86_400 + 20, seconds % 86_400);
            format!("2025-10-{day:02} {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
        })
    };
    let stretches = stretches(flagged);
    rows.iter()
        .enumerate()
        .map(|(rank, &row)| {
            let causes: Vec<Cause> = (0..columns.len().min(4))
                .map(|j| {
                    let (name, unit, values, levels) = &columns[(j + row) % columns.len().min(5)];
                    let share = [0.46, 0.27, 0.16, 0.11][j];
                    let contrast = if levels.is_empty() {
                        let mut sorted: Vec<f64> =
                            values.iter().copied().step_by(7).filter(|v| v.is_finite()).collect();
                        sorted.sort_unstable_by(f64::total_cmp);
                        let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
                        let seen = Some(values[row]).filter(|value| value.is_finite());
                        Contrast::Number { seen, expected: at(0.5), low: at(0.05), high: at(0.95) }
                    } else {
                        let level = levels[values[row] as usize].clone();
                        Contrast::Category {
                            seen: level,
                            seen_share: 0.013,
                            expected: "tcp".into(),
                            expected_share: 0.81,
                        }
                    };
                    Cause { feature: name.clone(), unit: unit.clone(), share, contrast }
                })
                .collect();
            let lead = &causes[0];
            let sentence = match &lead.contrast {
                Contrast::Number { seen: Some(seen), expected, low, high } => format!(
                    "{} is {seen:.3} where {expected:.3} is typical, usually {low:.3} to {high:.3}; {}",
                    lead.feature,
                    causes.get(1).map_or_else(
                        || "nothing else".into(),
                        |cause| format!("{} is unusual too", cause.feature)
                    )
                ),
                Contrast::Number { .. } => format!("{} is missing.", lead.feature),
                Contrast::Category { seen, expected, .. } => {
                    format!(
                        "{} is {seen}, seen in 1.3 % of training rows, where {expected} is typical.",
                        lead.feature
                    )
                }
            };
            FindingRow {
                rank: rank as u64 + 1,
                row: row as u64 + 1,
                line: Some(row as u64 + 2),
                source: None,
                time: time(row),
                stretch: stretches.iter().find(|(first, last, _)| (*first..=*last).contains(&row)).map(
                    |&(first, last, flagged)| Stretch {
                        first_row: first as u64 + 1,
                        last_row: last as u64 + 1,
                        flagged,
                        from: time(first),
                        to: time(last),
                    },
                ),
                entity: (row % 3 != 0).then(|| format!("10.0.{}.{}", row % 4, row % 250)),
                score: scores[row],
                sentence,
                label: recipe.labelled.then(|| if row % 9 == 0 { "normal".into() } else { "neptune".into() }),
                values: columns
                    .iter()
                    .map(|(_, _, values, levels)| {
                        if levels.is_empty() {
                            format!("{:.4}", values[row])
                        } else {
                            levels[values[row] as usize].clone()
                        }
                    })
                    .collect(),
                causes,
            }
        })
        .collect()
}

/// First, last and number of flagged rows that follow one another.
fn stretches(flagged: &[bool]) -> Vec<(usize, usize, u64)> {
    let mut out: Vec<(usize, usize, u64)> = Vec::new();
    for row in (0..flagged.len()).filter(|&row| flagged[row]) {
        match out.last_mut() {
            Some((_, last, n)) if row - *last <= 5 => (*last, *n) = (row, *n + 1),
            _ => out.push((row, row, 1)),
        }
    }
    out.retain(|&(_, _, n)| n > 1);
    out
}

fn exploration(n_columns: usize, n_rows: usize) -> ExploreReport {
    let mut dice = Dice(11);
    let report = detection(&Recipe { n_rows, n_features: n_columns, categories: true, ..FLOWS });
    let wave = |row: usize, dice: &mut Dice| {
        50.0 + 20.0 * (row as f64 / 288.0 * std::f64::consts::TAU).sin()
            + 3.0 * dice.bell()
            + if row == 3_200 { 90.0 } else { 0.0 }
    };
    let n = 4_032.min(n_rows);
    let values: Vec<f64> = (0..n).map(|row| wave(row, &mut dice)).collect();
    let window = 72;
    let around = |row: usize| &values[row.saturating_sub(window - 1)..=row];
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let sd = |part: &[f64]| {
        let m = mean(part);
        (part.iter().map(|v| (v - m).powi(2)).sum::<f64>() / part.len() as f64).sqrt()
    };
    let numbers: Vec<&FeatureSeries> =
        report.features.iter().filter(|feature| feature.levels.is_empty()).collect();
    let names: Vec<String> = numbers.iter().map(|feature| feature.name.clone()).collect();
    let matrix = |power: f64| {
        let mut values = vec![1.0; names.len() * names.len()];
        let mut dice = Dice(5);
        for i in 0..names.len() {
            for j in 0..i {
                let r: f64 =
                    if i % 4 == j % 4 { 0.75 + 0.2 * dice.next() } else { (dice.next() - 0.5) * 1.2 };
                let r = r.signum() * r.abs().powf(power);
                values[i * names.len() + j] = r;
                values[j * names.len() + i] = r;
            }
        }
        values
    };
    ExploreReport {
        title: "flows.csv".into(),
        eddy_version: "0.1.0".into(),
        generated_from: vec!["flows.csv".into()],
        read: report.read.clone(),
        cautions: vec![],
        n_rows: n_rows as u64,
        columns: report
            .features
            .iter()
            .enumerate()
            .map(|(i, feature)| ColumnSummary {
                name: feature.name.clone(),
                role: if feature.levels.is_empty() { "feature".into() } else { "category".into() },
                kind: if feature.levels.is_empty() { "float".into() } else { "text".into() },
                unit: feature.unit.clone(),
                time: None,
                count: n_rows as u64 - i as u64 % 3,
                missing: i as u64 % 3,
                distinct: 1_000 + i as u64,
                mean: feature.quartiles.map(|five| five[2] * 1.1),
                sd: feature.quartiles.map(|five| five[3] - five[1]),
                quartiles: feature.quartiles,
                histogram: feature.quartiles.map(|_| Counts {
                    edges: feature.histogram.edges.clone(),
                    counts: feature.histogram.normal.clone(),
                }),
                top: feature
                    .levels
                    .iter()
                    .zip([9_000, 2_100, 800, 40, 3])
                    .map(|(level, n)| (level.clone(), n))
                    .collect(),
            })
            .collect(),
        correlation: Some(Correlation { names: names.clone(), pearson: matrix(1.3), spearman: matrix(1.0) }),
        series: vec![rhythm::of(SeriesProfile {
            name: "value".into(),
            unit: Some("Mbit/s".into()),
            axis: Axis::Time,
            x: (0..n).map(|row| START_MS + row as f64 * 300_000.0).collect(),
            window: window as u64,
            rolling_mean: (0..n).map(|row| mean(around(row))).collect(),
            rolling_sd: (0..n).map(|row| sd(around(row))).collect(),
            values: values.clone(),
            acf: (0..400)
                .map(|lag| {
                    (f64::from(lag) / 288.0 * std::f64::consts::TAU).cos() * (1.0 - f64::from(lag) / 900.0)
                })
                .collect(),
            pacf: (0..400)
                .map(|lag| if lag == 0 { 1.0 } else { 0.8f64.powi(lag) + 0.02 * dice.bell() })
                .collect(),
            band: 0.031,
            ..SeriesProfile::default()
        })],
        top: ["Top sources", "Top destinations", "Top protocols"]
            .iter()
            .enumerate()
            .map(|(k, title)| TopList {
                title: (*title).into(),
                items: (0..8u64)
                    .map(|i| TopItem {
                        label: if k == 2 {
                            LEVELS[i as usize % 5].to_uppercase()
                        } else {
                            format!("10.{k}.0.{}", i * 7 + 2)
                        },
                        count: 9_000 / (i + 1),
                        bytes: (k < 2).then(|| 4.2e8 / (i + 1) as f64),
                    })
                    .collect(),
            })
            .collect(),
        packet_lengths: Some(Counts {
            edges: (0..=30).map(|i| f64::from(i) * 50.0 + 14.0).collect(),
            counts: (0..30)
                .map(|i| {
                    if i == 1 {
                        5_200
                    } else if i == 29 {
                        6_100
                    } else {
                        60 + (i * 37) % 200
                    }
                })
                .collect(),
        }),
        ..ExploreReport::default()
    }
}

const FLOWS: Recipe = Recipe {
    title: "flows.csv",
    n_rows: 12_480,
    n_features: 8,
    axis: Axis::Time,
    n_anomalies: 240,
    most_findings: 1_000,
    labelled: true,
    categories: true,
};

/// Name, unit, values, levels.
type RawColumn = (String, Option<String>, Vec<f64>, Vec<String>);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = env::args().nth(1).ok_or("usage: sample OUTDIR")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let flows = detection(&FLOWS);
    let one_feature = Recipe { n_features: 1, labelled: false, categories: false, ..FLOWS };
    let reports = [
        (
            "metric",
            detection(&Recipe { title: "cpu_utilisation.csv", n_rows: 4_032, n_anomalies: 9, ..one_feature }),
        ),
        ("nothing", detection(&Recipe { n_anomalies: 0, most_findings: 0, labelled: false, ..FLOWS })),
        (
            "one-row",
            detection(&Recipe { n_rows: 1, n_anomalies: 0, most_findings: 0, labelled: false, ..FLOWS }),
        ),
        ("index", detection(&Recipe { axis: Axis::Index, n_rows: 900, n_anomalies: 30, ..FLOWS })),
        (
            "elapsed",
            detection(&Recipe { title: "capture.pcapng", axis: Axis::Elapsed, labelled: false, ..FLOWS }),
        ),
        ("three", detection(&Recipe { n_rows: 2_000, n_anomalies: 3, labelled: false, ..FLOWS })),
        (
            "many",
            detection(&Recipe {
                n_rows: 60_000,
                n_anomalies: 9_000,
                most_findings: 5_000,
                labelled: false,
                ..FLOWS
            }),
        ),
        ("wide", detection(&Recipe { title: "KDDTest+.txt", n_features: 41, ..FLOWS })),
        (
            "long",
            detection(&Recipe {
                title: "march/*.parquet",
                n_rows: 1_000_000,
                n_anomalies: 2_000,
                labelled: false,
                ..FLOWS
            }),
        ),
        ("bare", DetectReport { title: "empty.csv".into(), ..DetectReport::default() }),
        ("hostile", hostile::report(detection(&Recipe { n_rows: 600, n_anomalies: 12, ..FLOWS }))),
        ("incidents", DetectReport { incidents: incidents::cards("cdn.example.org"), ..flows.clone() }),
        ("flows", flows.clone()),
    ];
    for (name, report) in &reports {
        fs::write(folder.join(format!("{name}.html")), detect_html(report))?;
    }
    for (name, plot) in [
        ("overview", Plot::Overview),
        ("time-series", Plot::TimeSeries),
        ("scores", Plot::Scores),
        ("scatter", Plot::Scatter { x: None, y: None }),
        ("distribution", Plot::Distribution { feature: Some("protocol".into()) }),
    ] {
        let (width, height) = plot.natural_size();
        fs::write(folder.join(format!("{name}.svg")), svg(&flows, &plot)?)?;
        fs::write(folder.join(format!("{name}.png")), png(&flows, &plot, width, height)?)?;
        for (kind, report) in
            reports.iter().filter(|(kind, _)| ["one-row", "bare", "hostile", "metric"].contains(kind))
        {
            if !matches!(plot, Plot::Distribution { .. }) {
                fs::write(folder.join(format!("{kind}-{name}.png")), png(report, &plot, width, height)?)?;
                fs::write(folder.join(format!("{kind}-{name}.svg")), svg(report, &plot)?)?;
            }
        }
    }
    fs::write(folder.join("explore.html"), explore_html(&exploration(8, 12_480)))?;
    fs::write(folder.join("explore-wide.html"), explore_html(&exploration(41, 12_480)))?;
    comparison::write(folder, hostile::TEXT)?;
    let mut evil = exploration(8, 600);
    evil.title = hostile::TEXT.into();
    evil.columns.iter_mut().for_each(|column| column.name = hostile::TEXT.into());
    evil.series.iter_mut().for_each(|series| series.name = hostile::TEXT.into());
    evil.top.iter_mut().flat_map(|list| &mut list.items).for_each(|item| item.label = hostile::TEXT.into());
    if let Some(correlation) = &mut evil.correlation {
        correlation.names.iter_mut().for_each(|name| *name = hostile::TEXT.into());
    }
    fs::write(folder.join("explore-hostile.html"), explore_html(&evil))?;
    let bare = ExploreReport { title: "empty.csv".into(), ..ExploreReport::default() };
    fs::write(folder.join("explore-bare.html"), explore_html(&bare))?;
    Ok(())
}
