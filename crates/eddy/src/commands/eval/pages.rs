//! What the judges of series found, as one page.

use std::path::Path;

use anyhow::Context;
use eddy_engine::{Deal, GeneratedReport, NabBoard, SeriesStanding, Standing};
use eddy_eval::EventFigures;
use eddy_insight::count;
use eddy_report::{MeasuredCell, MeasuredReport, MeasuredTable, measured_html};

use MeasuredCell::{Bar, Number, Text};

/// Writes a page.
pub(super) fn write(path: &Path, report: &MeasuredReport) -> anyhow::Result<()> {
    std::fs::write(path, measured_html(report)).with_context(|| path.display().to_string())
}

fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn whole(number: u64) -> MeasuredCell {
    Number(Some(number as f64), 0)
}

fn page(title: &str, lead: String) -> MeasuredReport {
    MeasuredReport {
        title: title.to_owned(),
        eddy_version: env!("CARGO_PKG_VERSION").to_owned(),
        lead,
        ..MeasuredReport::default()
    }
}

/// The board of the Numenta Anomaly Benchmark.
pub(super) fn nab(board: &NabBoard) -> MeasuredReport {
    let lead = board.standings.first().map_or_else(String::new, |best| {
        let score = best.profiles.first().map_or(f64::NAN, |under| under.score);
        let mode = best.mode.map_or_else(String::new, |mode| format!(", {mode}"));
        format!("{} scores {score:.1} under the standard profile{mode}.", best.detector)
    });
    let mut report = page("Numenta Anomaly Benchmark", lead);
    report.facts = vec![
        ("Series".into(), board.size.0.to_string()),
        ("Rows".into(), count(board.size.1 as u64)),
        ("Windows".into(), board.windows.to_string()),
    ];
    report.cautions.clone_from(&board.cautions);
    let profiles = board.periodic.profiles.iter().map(|under| under.profile.clone());
    let names: Vec<String> = columns(&["detector", "mode"])
        .into_iter()
        .chain(profiles)
        .chain(columns(&["left out", "fixed", "windows hit", "of", "false rows", "VUS-PR", "VUS-ROC", "s"]))
        .collect();
    report.tables.push(MeasuredTable {
        heading: "Leaderboard".into(),
        note: "From 0 (no alarm) to 100 (perfect). Left out: standard, the threshold of each series chosen on the others; \
               fixed: standard, at the product's own threshold or the stored one, nothing chosen. The periodic alarm never \
               looks at the data: hold all else against it."
            .into(),
        columns: names,
        rows: board.standings.iter().chain([&board.periodic]).map(standing).collect(),
    });
    if !board.published.is_empty() {
        let names = board.periodic.profiles.iter().map(|under| under.profile.clone());
        let row = |(name, scores): &(String, Vec<f64>)| {
            let cells = scores.iter().map(|&score| Bar(Some(score), 2, 100.0));
            std::iter::once(Text(name.clone())).chain(cells).collect()
        };
        report.tables.push(MeasuredTable {
            heading: "Published".into(),
            note: format!("{}; each had the range of the whole series at hand.", board.published_in),
            columns: columns(&["detector"]).into_iter().chain(names).collect(),
            rows: board.published.iter().map(row).collect(),
        });
    }
    for one in board.standings.iter().filter(|one| !one.deals.is_empty()) {
        let names = one.profiles.iter().map(|under| under.profile.clone());
        let row = |deal: &Deal| {
            let cells = of_deal(deal).into_iter().map(|score| Bar(Some(score), 2, 100.0));
            std::iter::once(whole(deal.fold_seed)).chain(cells).collect()
        };
        report.tables.push(MeasuredTable {
            heading: format!("{}, the series dealt into groups in other ways", one.detector),
            note: "Its weights were learned without the group of the series that is judged. How far these scores lie apart is \
                   luck of the deal."
                .into(),
            columns: columns(&["fold seed"]).into_iter().chain(names).chain(columns(&["left out", "fixed"])).collect(),
            rows: one.deals.iter().map(row).collect(),
        });
    }
    report.tables.extend(board.standings.iter().map(nab_series));
    report
}

/// The scores of a deal: of the profiles, left out, fixed.
pub(super) fn of_deal(deal: &Deal) -> Vec<f64> {
    deal.scores.iter().copied().chain([deal.left_out, deal.fixed.unwrap_or(f64::NAN)]).collect()
}

fn standing(one: &Standing) -> Vec<MeasuredCell> {
    let mut cells = vec![
        Text(one.detector.clone()),
        Text(one.mode.map_or_else(|| "–".to_owned(), |mode| mode.to_string())),
    ];
    cells.extend(one.profiles.iter().map(|under| Bar(Some(under.score), 2, 100.0)));
    let first = one.profiles.first();
    let tally = first.map(|under| under.tally);
    cells.push(Number(first.map(|under| under.left_out), 2));
    cells.push(Number(first.and_then(|under| under.fixed.or(under.stored)), 2));
    cells.push(whole(tally.map_or(0, |tally| tally.windows_hit)));
    cells.push(whole(tally.map_or(0, |tally| tally.windows)));
    cells.push(whole(tally.map_or(0, |tally| tally.false_positives)));
    cells.push(Number(one.volumes.map(|(volumes, _)| volumes.pr), 3));
    cells.push(Number(one.volumes.map(|(volumes, _)| volumes.roc), 3));
    cells.push(Number((one.seconds > 0.0).then_some(one.seconds), 1));
    cells
}

fn nab_series(one: &Standing) -> MeasuredTable {
    MeasuredTable {
        heading: format!("{}, series by series", one.detector),
        note: "Standard profile, at the best threshold for the corpus. The score is in the points of the profile, at most \
               one a window."
            .into(),
        columns: columns(&["series", "score", "windows hit", "of", "false rows"]),
        rows: one
            .series
            .iter()
            .map(|(name, tally)| {
                vec![
                    Text(name.clone()),
                    Number(Some(tally.score), 3),
                    Bar(Some(tally.windows_hit as f64), 0, tally.windows as f64),
                    whole(tally.windows),
                    whole(tally.false_positives),
                ]
            })
            .collect(),
    }
}

/// Detectors on labelled series.
pub(super) fn series(found: &[SeriesStanding], per_day: f64) -> MeasuredReport {
    let lead = found.first().map_or_else(String::new, |first| {
        let rows: usize = first.series.iter().map(|one| one.rows).sum();
        let windows: usize = first.series.iter().map(|one| one.windows).sum();
        let n = first.series.len();
        format!("{n} series, {} rows judged, {} windows.", count(rows as u64), count(windows as u64))
    });
    let mut report = page("Detectors on labelled series", lead);
    report.facts =
        vec![("Mode".into(), "causal: nothing of a series but its past".into()), budget_fact(per_day)];
    report.tables.push(MeasuredTable {
        heading: "Leaderboard".into(),
        note: "VUS: mean volume under the surface over the series that have windows, no threshold. The rest is at the fixed \
               threshold and, where it says so, within the budget. Affiliation is lenient: a second opinion only."
            .into(),
        columns: columns(&[
            "detector",
            "VUS-PR",
            "VUS-ROC",
            "precision",
            "recall",
            "false a day",
            "delay, s",
            "precision in budget",
            "recall in budget",
            "affiliation F1",
            "s",
        ]),
        rows: found.iter().map(series_row).collect(),
    });
    report.tables.extend(found.iter().map(one_by_one));
    report
}

fn budget_fact(per_day: f64) -> (String, String) {
    ("Budget".into(), format!("{per_day} alarms a day and series"))
}

fn series_row(one: &SeriesStanding) -> Vec<MeasuredCell> {
    let budget = |of: fn(&EventFigures) -> f64| one.in_budget.as_ref().map(of);
    vec![
        Text(one.detector.clone()),
        Bar(one.volumes.map(|volumes| volumes.pr), 3, 1.0),
        Number(one.volumes.map(|volumes| volumes.roc), 3),
        Number(Some(one.fixed.precision()), 3),
        Bar(Some(one.fixed.recall()), 3, 1.0),
        Number(one.fixed.false_alarms_per_day, 3),
        Number(one.fixed.median_delay_seconds, 0),
        Number(budget(EventFigures::precision), 3),
        Number(budget(EventFigures::recall), 3),
        Number(one.affiliation.map(|near| near.f1()), 3),
        Number(Some(one.seconds), 2),
    ]
}

fn one_by_one(one: &SeriesStanding) -> MeasuredTable {
    let row = |series: &eddy_engine::SeriesVerdict| {
        let figures = &series.fixed;
        vec![
            Text(series.series.clone()),
            Number(series.volumes.map(|volumes| volumes.pr), 3),
            Bar(Some(figures.windows_found as f64), 0, figures.windows as f64),
            whole(figures.windows),
            whole(figures.false_alarms),
            Number(figures.median_delay_seconds, 0),
        ]
    };
    MeasuredTable {
        heading: format!("{}, series by series", one.detector),
        note: "At the fixed threshold.".into(),
        columns: columns(&["series", "VUS-PR", "windows found", "of", "false alarms", "delay, s"]),
        rows: one.series.iter().map(row).collect(),
    }
}

/// A detector on generated series.
pub(super) fn generated(found: &GeneratedReport) -> MeasuredReport {
    let lead = format!(
        "{} over {} points; an alarm is {}.",
        found.detector,
        count(found.points as u64),
        found.alarm_rule
    );
    let mut report = page("Generated series with planted events", lead);
    report.tables.push(MeasuredTable {
        heading: "Events found".into(),
        note: String::new(),
        columns: columns(&["event", "size", "found", "of", "share", "median delay, min"]),
        rows: found
            .found
            .iter()
            .map(|cell| {
                let share = (cell.planted > 0).then(|| cell.found as f64 / cell.planted as f64);
                vec![
                    Text(cell.kind.to_owned()),
                    Text(cell.size.clone()),
                    whole(cell.found as u64),
                    whole(cell.planted as u64),
                    Bar(share, 2, 1.0),
                    Number(cell.median_delay_min, 0),
                ]
            })
            .collect(),
    });
    report.tables.push(MeasuredTable {
        heading: "False events".into(),
        note: "Events that nothing was planted for.".into(),
        columns: columns(&["series", "interval, s", "series-days", "false events", "in 30 series-days"]),
        rows: found
            .false_alarms
            .iter()
            .map(|sum| {
                vec![
                    Text(sum.ground.to_owned()),
                    whole(sum.interval_s.into()),
                    Number(Some(sum.series_days), 0),
                    whole(sum.events as u64),
                    Number(Some(sum.in_thirty_days()), 2),
                ]
            })
            .collect(),
    });
    report
}
