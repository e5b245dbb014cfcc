//! What pages and pictures promise, whatever the data.

mod made_up;

use eddy_report::{
    Axis, Band, Cause, ColumnRow, ColumnSummary, CompareReport, Contrast, Correlation, Counts, DetectReport,
    Evaluation, ExploreReport, FeatureSeries, FindingRow, Histogram, Plot, PlotError, Points, ReadSummary,
    SeriesPart, SeriesProfile, SetAside, Stretch, ThresholdInfo, TopItem, TopList, compare_html, detect_html,
    explore_html, png, svg,
};
use eddy_series::BoxFigures;
use made_up::{comparison, labelled, projection};
use resvg::usvg::roxmltree::Document;

const HOSTILE: &str = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\u{0}\u{202e}'\"&]]>";

fn small(name: &str) -> DetectReport {
    let values = vec![10.0, 12.0, f64::NAN, 11.0, 95.0, 10.5];
    let flagged = [false, false, false, false, true, false];
    let levels: Vec<String> = ["tcp", name].map(String::from).to_vec();
    let codes = vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0];
    DetectReport {
        title: name.into(),
        eddy_version: "0.0.0".into(),
        generated_from: vec![name.into()],
        read: ReadSummary {
            format: name.into(),
            shape_title: name.into(),
            rows_read: 6,
            rows_set_aside: 1,
            cells_set_aside: 2,
            first_set_aside: vec![SetAside { place: name.into(), reason: name.into(), text: name.into() }],
            notes: vec![name.into()],
        },
        columns: vec![ColumnRow {
            name: name.into(),
            role: name.into(),
            kind: name.into(),
            unit: Some(name.into()),
        }],
        pipeline: vec![name.into()],
        detector: name.into(),
        threshold: ThresholdInfo {
            rule: name.into(),
            value: 0.55,
            flagged: 1,
            share: 1.0 / 6.0,
            warning: Some(name.into()),
        },
        cautions: vec![name.into()],
        points: Points {
            axis: Axis::Time,
            x: (0..6).map(|i| 1_700_000_000_000.0 + f64::from(i) * 60_000.0).collect(),
            score: vec![0.1, 0.2, 0.3, 0.1, 0.7, 0.05],
            flagged: flagged.iter().map(|flag| u8::from(*flag)).collect(),
            row: (1..=6).collect(),
            truth: vec![0, 0, 0, 0, 1, 0],
            total_rows: 6,
        },
        features: vec![
            FeatureSeries {
                name: name.into(),
                unit: Some(name.into()),
                histogram: Histogram::of(&values, &flagged, 8),
                values,
                levels: vec![],
                quartiles: Some([10.0, 10.5, 11.0, 12.0, 95.0]),
                typical: Some((10.0, 12.0)),
                band: Some(Band {
                    low: vec![f64::NAN, 9.0, 9.0, f64::NAN, 9.5, 9.5],
                    high: vec![f64::NAN, 12.0, 12.0, f64::NAN, 12.5, 12.5],
                }),
            },
            FeatureSeries {
                name: format!("{name} 2"),
                histogram: Histogram::with_edges(&codes, &flagged, vec![0.0, 1.0, 2.0]),
                values: codes,
                levels,
                ..FeatureSeries::default()
            },
        ],
        score_histogram: Histogram::with_edges(
            &[0.1, 0.2, 0.3, 0.1, 0.7, 0.05],
            &flagged,
            vec![0.0, 0.2, 0.4, 0.6, 0.8],
        ),
        findings: vec![FindingRow {
            rank: 1,
            row: 5,
            line: Some(6),
            source: Some(name.into()),
            time: Some(name.into()),
            entity: Some(name.into()),
            stretch: Some(Stretch {
                first_row: 4,
                last_row: 5,
                flagged: 2,
                from: Some(name.into()),
                to: Some(format!("{name} later")),
            }),
            score: 0.7,
            sentence: name.into(),
            label: Some(name.into()),
            causes: vec![
                Cause {
                    feature: name.into(),
                    unit: Some(name.into()),
                    share: 0.8,
                    contrast: Contrast::Number { seen: Some(95.0), expected: 11.0, low: 10.0, high: 12.0 },
                },
                Cause {
                    feature: name.into(),
                    unit: None,
                    share: 0.2,
                    contrast: Contrast::Category {
                        seen: name.into(),
                        seen_share: 0.01,
                        expected: name.into(),
                        expected_share: 0.9,
                    },
                },
            ],
            values: vec![name.into()],
        }],
        finding_columns: vec![name.into()],
        incidents: Vec::new(),
        evaluation: Some(Evaluation {
            label_column: name.into(),
            roc_auc: 0.9,
            true_positives: 1,
            ..Evaluation::default()
        }),
    }
}

fn small_exploration(name: &str) -> ExploreReport {
    ExploreReport {
        title: name.into(),
        eddy_version: "0.0.0".into(),
        generated_from: vec![name.into()],
        read: small(name).read,
        cautions: vec![name.into()],
        n_rows: 6,
        columns: vec![
            ColumnSummary {
                name: name.into(),
                role: name.into(),
                kind: name.into(),
                unit: Some(name.into()),
                time: None,
                count: 5,
                missing: 1,
                distinct: 5,
                mean: Some(27.7),
                sd: Some(33.6),
                quartiles: Some([10.0, 10.5, 11.0, 12.0, 95.0]),
                histogram: Some(Counts { edges: vec![10.0, 50.0, 95.0], counts: vec![4, 1] }),
                top: vec![],
            },
            ColumnSummary {
                name: "clock".into(),
                kind: "time".into(),
                time: Some(Axis::Time),
                mean: Some(1_705_305_600.0),
                sd: Some(60.0),
                quartiles: Some([-60.0, -30.0, 0.0, 30.0, 60.0].map(|seconds| 1_705_305_600.0 + seconds)),
                histogram: Some(Counts {
                    edges: vec![1_705_305_540.0, 1_705_305_600.0, 1_705_305_660.0],
                    counts: vec![2, 3],
                }),
                ..ColumnSummary::default()
            },
            ColumnSummary {
                name: name.into(),
                top: vec![(name.into(), 4), (String::new(), 2)],
                ..ColumnSummary::default()
            },
        ],
        correlation: Some(Correlation {
            names: vec![name.into(), name.into()],
            pearson: vec![1.0, -0.5, -0.5, 1.0],
            spearman: vec![1.0, -0.95, -0.95, 1.0],
        }),
        labelled: Some(labelled(name)),
        projection: Some(projection(name)),
        series: vec![SeriesProfile {
            name: name.into(),
            unit: Some(name.into()),
            axis: Axis::Index,
            x: (1..=6).map(f64::from).collect(),
            values: vec![10.0, 12.0, f64::NAN, 11.0, 95.0, 10.5],
            window: 2,
            rolling_mean: vec![10.0, 11.0, 12.0, 11.0, 53.0, 52.7],
            rolling_sd: vec![0.0, 1.0, 0.0, 0.0, 42.0, 42.2],
            rolling_low: vec![10.0, 10.1, 12.0, 11.0, 15.2, 14.7],
            rolling_high: vec![10.0, 11.9, 12.0, 11.0, 90.8, 90.7],
            parts: ["trend", name, "remainder"]
                .map(|part| SeriesPart { name: part.into(), values: vec![1.0, 2.0, f64::NAN, 3.0, 2.0, 1.0] })
                .to_vec(),
            acf: vec![1.0, 0.4, -0.2],
            acf_band: vec![0.0, 0.8, 0.9],
            pacf: vec![1.0, 0.4, -0.4],
            band: 0.8,
            seasons: vec![(2.0, name.into())],
            by_hour: vec![BoxFigures {
                key: 3,
                n: 4,
                five: [1.0, 2.0, 3.0, 4.0, 9.0],
                whiskers: [1.0, 5.0],
                outliers: 1,
            }],
            presence: vec![1.0, 0.5, 1.0],
            presence_span: [1.0, 6.0],
            facts: vec![("Seasons".into(), name.into())],
            ..SeriesProfile::default()
        }],
        top: vec![TopList {
            title: name.into(),
            items: vec![TopItem { label: name.into(), count: 3, bytes: Some(1.5e6) }],
        }],
        packet_lengths: Some(Counts { edges: vec![0.0, 100.0, 1500.0], counts: vec![2, 4] }),
    }
}

fn plots() -> [Plot; 5] {
    [
        Plot::Overview,
        Plot::TimeSeries,
        Plot::Scores,
        Plot::Scatter { x: None, y: None },
        Plot::Distribution { feature: None },
    ]
}

/// One page of each kind.
fn pages(name: &str) -> [String; 3] {
    [
        detect_html(&small(name)),
        explore_html(&small_exploration(name)),
        compare_html(&comparison(name, small(name).read)),
    ]
}

/// The sections, from the first to the end of the main part.
fn main_of(page: &str) -> &str {
    let start = page.find("<section").expect("a page has a section");
    &page[start..page.rfind("</main>").expect("a main part ends")]
}

/// The page without styles and script, which are code of our own.
fn markup_of(page: &str) -> String {
    let mut rest = page.to_owned();
    for (open, close) in [("<style>", "</style>"), ("<script>", "</script>")] {
        while let Some(start) = rest.find(open) {
            let end = start + rest[start..].find(close).expect("an element ends") + close.len();
            rest.replace_range(start..end, "");
        }
    }
    rest
}

#[test]
fn text_from_data_never_becomes_markup() {
    for page in pages(HOSTILE) {
        let markup = markup_of(&page);
        assert!(!markup.contains("<img"), "an image came out of the data");
        assert!(!markup.contains("</script><script>alert"), "a script came out of the data");
        assert!(!main_of(&page).contains("onerror=alert(1)>"), "an attribute came out of the data");
        assert!(!page.contains('\u{202e}') && !page.contains('\u{0}'));
        assert!(markup.matches("<script").count() <= 1, "only the data are left");
    }
}

#[test]
fn a_page_loads_nothing_and_allows_nothing_else() {
    for page in pages("a") {
        assert!(page.contains("default-src 'none'; script-src 'sha256-"));
        assert!(!page.contains("unsafe-inline"));
        let markup = markup_of(&page);
        assert!(!markup.contains("src=") && !markup.contains("url(") && !markup.contains("@import"));
        assert!(!markup.contains(" style="), "the policy forbids style attributes");
    }
}

#[test]
fn the_data_of_a_page_can_be_read_back() {
    let page = detect_html(&small(HOSTILE));
    let Some(start) = page.find(r#"id="data">"#).map(|at| at + 10) else {
        assert!(page.contains("built without the interactive part"));
        return;
    };
    let text = &page[start..start + page[start..].find("</script>").unwrap()];
    let data: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(data["kind"], "detect");
    assert_eq!(data["points"]["score"][4], 0.7);
    assert_eq!(data["features"][0]["values"][2], serde_json::Value::Null);
    assert_eq!(data["findings"][0]["sentence"], HOSTILE.replace('\u{202e}', "\u{fffd}"));
}

#[test]
fn pictures_are_well_formed_whatever_the_text() {
    for report in [small("a"), small(HOSTILE), DetectReport::default()] {
        for plot in plots() {
            let picture = svg(&report, &plot).unwrap();
            let document = Document::parse(&picture).unwrap_or_else(|error| panic!("{plot:?}: {error}"));
            assert!(
                document.descendants().all(|node| !node.has_tag_name("script") && !node.has_tag_name("img"))
            );
            assert!(
                !picture.contains("NaN") && !picture.contains("inf "),
                "{plot:?} has a number that is none"
            );
        }
    }
}

#[test]
fn pngs_have_the_size_asked_for() {
    let bytes = png(&small("a"), &Plot::Overview, 640, 480).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(&bytes[16..24], [0, 0, 2, 128, 0, 0, 1, 224]);
    assert_eq!(png(&small("a"), &Plot::Overview, 100, 480), Err(PlotError::Size { width: 100, height: 480 }));
}

#[test]
fn the_same_data_give_the_same_bytes() {
    let report = small("a");
    assert_eq!(detect_html(&report), detect_html(&report));
    assert_eq!(png(&report, &Plot::TimeSeries, 600, 300), png(&report, &Plot::TimeSeries, 600, 300));
}

#[test]
fn unknown_features_are_refused_by_name() {
    let refused = |plot: Plot| svg(&small("a"), &plot).unwrap_err().to_string();
    assert_eq!(
        refused(Plot::Distribution { feature: Some("b".into()) }),
        "no feature is called 'b'; there are a, a 2"
    );
    assert_eq!(
        refused(Plot::Scatter { x: Some("a 2".into()), y: None }),
        "feature 'a 2' is a category; an axis needs numbers"
    );
}

#[test]
fn empty_reports_are_pages_too() {
    let page = detect_html(&DetectReport::default());
    assert!(page.contains("There was no row to look at."));
    assert!(explore_html(&ExploreReport::default()).contains("0 columns"));
    assert!(compare_html(&CompareReport::default()).contains("None of 0 models could be measured"));
}

#[test]
fn the_static_part_of_a_detection() {
    insta::assert_snapshot!(main_of(&detect_html(&small("seen"))).replace("><", ">\n<"));
}

#[test]
fn the_static_part_of_an_exploration() {
    insta::assert_snapshot!(main_of(&explore_html(&small_exploration("seen"))).replace("><", ">\n<"));
}

#[test]
fn pictures_in_pages_are_well_formed_whatever_the_text() {
    for page in pages("a").into_iter().chain(pages(HOSTILE)) {
        let mut rest = main_of(&page);
        let mut n_pictures = 0;
        while let Some(start) = rest.find("<svg") {
            let end = start + rest[start..].find("</svg>").expect("a picture ends") + 6;
            let picture = &rest[start..end];
            Document::parse(picture).unwrap_or_else(|error| panic!("{error}: {picture}"));
            assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
            rest = &rest[end..];
            n_pictures += 1;
        }
        assert!(n_pictures > 3, "{n_pictures} pictures");
    }
}

#[test]
fn tests_of_features_are_told_with_their_effect_and_their_doubt() {
    let page = explore_html(&small_exploration("seen"));
    assert!(page.contains("2 of 2 features differ at p &lt; 0.05 after Holm’s correction for 4 tests"));
    assert!(page.contains("attacks are higher in 95 % of pairs"));
    assert!(page.contains("some counts are too small for the p-value"));
    assert!(page.contains("Always answering <b>normal</b> is right in 75 %"));
}

#[test]
fn noise_is_told_from_clusters() {
    let page = explore_html(&small_exploration("seen"));
    assert!(page.contains("finds 2 clusters among 40 rows; 2 rows are in none (5.0 %) and counted as noise"));
    assert!(page.contains("noise, 2 rows") && page.contains(">knee 0.5<") && page.contains(">radius 0.25<"));
    assert!(page.contains("mean 0.41"));
}

#[test]
fn doubts_about_a_comparison_come_first() {
    let page = compare_html(&comparison("seen", ReadSummary::default()));
    let (doubt, fine) =
        (page.find("rows that occur twice").unwrap(), page.find("majority baseline").unwrap());
    assert!(doubt < fine && fine < page.find("id=\"leaderboard\"").unwrap());
    assert!(page.contains("There is one reason for doubt below to be read first."));
}

#[test]
fn the_static_part_of_a_comparison() {
    let page = compare_html(&comparison("seen", ReadSummary::default()));
    insta::assert_snapshot!(main_of(&page).replace("><", ">\n<"));
}

#[test]
fn the_time_series_picture() {
    insta::assert_snapshot!(svg(&small("seen"), &Plot::TimeSeries).unwrap().replace("><", ">\n<"));
}
