//! Made-up models and clusters.

use std::path::Path;
use std::{fs, io};

use eddy_report::{
    Agreement, ClassBox, ClassCount, ClassDistribution, ClusterRows, ClusterSilhouette, ClusterTrial,
    Clustering, CompareReport, ConfusionMatrix, Curve, Difference, ExploreReport, FeatureTest, Figures,
    Histogram, HonestyCheck, Importance, KDistance, Labelled, ModelResult, PValue, Projection, ReadSummary,
    Reliability, ReliabilityBin, Silhouette, UnseenClass, compare_html, explore_html,
};

const MODELS: [(&str, &str, f64); 9] = [
    ("random_forest", "labels", 0.998),
    ("extra_trees", "labels", 0.997),
    ("gradient_boosting", "labels", 0.996),
    ("decision_tree", "labels", 0.987),
    ("voting", "all rows", 0.942),
    ("isolation_forest", "normal rows", 0.921),
    ("ecod", "normal rows", 0.874),
    ("mahalanobis", "normal rows", 0.861),
    ("hbos", "normal rows", 0.79),
];
const CLASSES: [&str; 12] = [
    "normal",
    "neptune",
    "satan",
    "ipsweep",
    "portsweep",
    "smurf",
    "nmap",
    "back",
    "teardrop",
    "warezclient",
    "pod",
    "guess_passwd",
];
const FEATURES: [&str; 6] =
    ["src_bytes", "same_srv_rate", "service", "flag", "dst_host_same_src_port_rate", "count"];

fn matrix(names: &[&str], skill: f64) -> ConfusionMatrix {
    let n = names.len();
    let counts = (0..n)
        .map(|truth| {
            let rows = 40_000.0 / (truth * truth + 1) as f64;
            let wrong = rows * (1.0 - skill);
            (0..n)
                .map(|given| {
                    let share = if truth == given {
                        rows - wrong
                    } else if given == 0 {
                        wrong * 0.7
                    } else {
                        wrong * 0.3 / n as f64 * ((truth + given) % 3) as f64
                    };
                    share.round() as u64
                })
                .collect()
        })
        .collect();
    ConfusionMatrix { names: names.iter().map(|name| (*name).to_owned()).collect(), counts }
}

fn model(at: usize, (name, learned_from, skill): (&str, &str, f64)) -> ModelResult {
    let steps = 200;
    let x: Vec<f64> = (0..=steps).map(|step| (f64::from(step) / f64::from(steps)).powi(3)).collect();
    let bend = (1.0 - skill) * 0.6;
    let labels = learned_from == "labels";
    let multi = matrix(&CLASSES, skill - 0.01);
    ModelResult {
        name: name.into(),
        learned_from: learned_from.into(),
        failed: None,
        figures: Some(Figures {
            balanced_accuracy: skill,
            accuracy: skill + 0.0005,
            accuracy_sd: Some(0.0007),
            precision: skill - 0.003,
            recall: skill - 0.001,
            f1: skill - 0.002,
            false_positive_rate: (1.0 - skill) / 2.0,
            roc_auc: 1.0 - (1.0 - skill) / 4.0,
            average_precision: 1.0 - (1.0 - skill) / 3.0,
            macro_f1: labels.then_some(skill - 0.12),
            at_base_rates: [1e-2, 1e-3, 1e-4]
                .map(|rate| (rate, rate / (rate + (1.0 - skill) / 2.0)))
                .to_vec(),
            at_alerts: [(10, 1.0), (100, 1.0 - (1.0 - skill) / 5.0), (1_000, skill)].to_vec(),
        }),
        binary: Some(matrix(&["normal", "attack"], skill)),
        multi: labels.then_some(multi),
        roc: Curve { y: x.iter().map(|x| x.powf(bend)).collect(), x: x.clone() },
        precision_recall: Curve { y: x.iter().map(|x| 1.0 - (1.0 - 0.47) * x.powf(1.0 / bend)).collect(), x },
        reliability: labels.then(|| Reliability {
            brier: (1.0 - skill) * 0.8,
            bins: (0..10)
                .map(|bin| {
                    let predicted = (f64::from(bin) + 0.5) / 10.0;
                    let lean = 0.4 * (at as f64 - 1.5) * predicted * (1.0 - predicted);
                    ReliabilityBin { predicted, observed: (predicted + lean).clamp(0.0, 1.0), rows: 100 }
                })
                .collect(),
        }),
        importance: FEATURES
            .iter()
            .enumerate()
            .map(|(rank, feature)| Importance {
                feature: (*feature).into(),
                drop: 0.2 / (rank + 1 + at) as f64,
                sd: 0.004,
            })
            .collect(),
        unseen: if at == 0 || at == 5 {
            vec![UnseenClass { class: "smurf".into(), rows: 812, caught: 130 * (at as u64 + 1) }]
        } else {
            vec![]
        },
        fit_seconds: 0.4 + at as f64,
        score_seconds: 0.05 * (at + 1) as f64,
        bytes: 80_000 * (at as u64 + 1),
    }
}

/// Ten models on a known data set.
fn comparison() -> CompareReport {
    let check = |name: &str, found, evidence: &str| HonestyCheck {
        name: name.into(),
        found,
        evidence: evidence.into(),
    };
    let n = MODELS.len();
    let square = |diagonal: f64, fall: f64| {
        (0..n * n).map(|at| diagonal - fall * (at / n).abs_diff(at % n) as f64).collect::<Vec<f64>>()
    };
    let mut models: Vec<ModelResult> = MODELS.iter().enumerate().map(|(at, one)| model(at, *one)).collect();
    models.push(ModelResult {
        name: "one_class_svm".into(),
        learned_from: "normal rows".into(),
        failed: Some("125,973 rows are more than it takes; use --max-rows 20000".into()),
        ..ModelResult::default()
    });
    CompareReport {
        title: "KDDTrain+.txt".into(),
        eddy_version: env!("CARGO_PKG_VERSION").into(),
        generated_from: vec!["KDDTrain+.txt".into()],
        read: ReadSummary {
            format: "CSV, comma, no header, UTF-8, LF".into(),
            shape_title: "NSL-KDD".into(),
            rows_read: 125_973,
            ..ReadSummary::default()
        },
        cautions: vec![],
        label: "attack".into(),
        split: "70 % of each class learned from, 30 % measured on".into(),
        n_measured: 37_792,
        base_rate: 0.465,
        classes: CLASSES
            .iter()
            .enumerate()
            .map(|(at, name)| ClassCount {
                name: (*name).into(),
                is_attack: at > 0,
                rows: 67_343 / (at as u64 + 1),
            })
            .collect(),
        checks: vec![
            check("majority baseline", false, "always saying 'normal' is right for 53.46 % of the rows"),
            check(
                "rows that occur twice",
                true,
                "9.1 % of the measured rows are also among those learned from: part of the figures is memory",
            ),
            check("columns that give the label away", false, "difficulty was left out"),
            check("one column is enough", true, "src_bytes alone reaches a balanced accuracy of 0.93"),
        ],
        models,
        agreement: Some(Agreement {
            names: MODELS.iter().map(|(name, ..)| (*name).to_owned()).collect(),
            equal: square(1.0, 0.04),
            kappa: square(1.0, 0.09),
        }),
    }
}

/// Two classes that differ in one feature.
fn labelled() -> Labelled {
    let p = PValue { alone: 1e-30, holm: 3e-30, benjamini_hochberg: 2e-30 };
    let values: Vec<f64> =
        (0..900).map(|row| f64::from(row * 37 % 211) + f64::from(row / 700) * 90.0).collect();
    let attacks: Vec<bool> = (0..900).map(|row| row >= 700).collect();
    let class = |name: &str, is_attack, rows| ClassCount { name: name.into(), is_attack, rows };
    let middle = |class: &str, is_attack, low: f64| ClassBox {
        class: class.into(),
        is_attack,
        rows: 200,
        quantiles: [low, low + 40.0, low + 90.0, low + 150.0, low + 190.0],
    };
    Labelled {
        column: "label".into(),
        classes: vec![class("BENIGN", false, 700), class("Web Attack - Brute Force", true, 200)],
        n_p_values: 3,
        tests: vec![FeatureTest {
            name: "Total Length of Bwd Packets".into(),
            unit: Some("bytes".into()),
            n_normal: 700,
            n_attack: 200,
            effect: 0.46,
            difference: Difference::Number {
                auc: 0.73,
                cliffs_delta: 0.46,
                mann_whitney: p,
                ks_distance: 0.43,
                ks_at: 90.0,
                normal_below: 0.43,
                attack_below: 0.0,
                kolmogorov_smirnov: p,
                cohens_d: Some(1.4),
                welch_t: Some(17.0),
                welch: Some(p),
                normal_median: 105.0,
                attack_median: 195.0,
            },
            cautions: vec!["missing in 20 % of attacks, 3 % of normal rows".into()],
        }],
        distributions: vec![ClassDistribution {
            name: "Total Length of Bwd Packets".into(),
            unit: Some("bytes".into()),
            histogram: Histogram::of(&values, &attacks, 40),
            boxes: vec![middle("BENIGN", false, 5.0), middle("Web Attack - Brute Force", true, 95.0)],
            ..ClassDistribution::default()
        }],
    }
}

/// Three heaps of points and some noise.
fn clusters() -> ExploreReport {
    let mut seed = 5u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as f64 / (1u64 << 31) as f64
    };
    let (mut x, mut y, mut cluster) = (Vec::new(), Vec::new(), Vec::new());
    for point in 0..900 {
        let heap = if point % 20 == 0 { -1 } else { [0, 0, 1, 2][point % 4] };
        let (cx, cy, wide) =
            [(0.0, 0.0, 14.0), (-3.0, 1.0, 2.0), (4.0, 3.0, 1.5), (2.0, -4.0, 3.0)][(heap + 1) as usize];
        x.push(cx + (next() + next() - 1.0) * wide);
        y.push(cy + (next() + next() - 1.0) * wide);
        cluster.push(heap);
    }
    let silhouette = |cluster: i32, n: i32, best: f64| ClusterSilhouette {
        cluster,
        values: (0..n).map(|rank| best - f64::from(rank) / f64::from(n) * 0.8).collect(),
    };
    let rows = |rows, attacks| ClusterRows { rows, attacks: Some(attacks) };
    let trial = |radius, n_clusters, n_noise, silhouette| ClusterTrial {
        radius,
        n_clusters,
        n_noise,
        silhouette,
        taken: false,
    };
    ExploreReport {
        title: "made up".into(),
        eddy_version: env!("CARGO_PKG_VERSION").into(),
        n_rows: 900,
        labelled: Some(labelled()),
        projection: Some(Projection {
            n_rows: 900,
            n_columns: 6,
            shares: [0.52, 0.21],
            leading: [
                vec![("src_bytes".into(), 0.93), ("count".into(), -0.71)],
                vec![("duration".into(), 0.82)],
            ],
            x: x.clone(),
            y: y.clone(),
            clustering: Some(Clustering {
                method: "DBSCAN with radius 0.61 and at least 10 rows".into(),
                choice: "Of three radii this one parts the rows best.".into(),
                n_rows: 900,
                clusters: vec![rows(430, 12), rows(215, 0), rows(210, 208)],
                noise: rows(45, 31),
                x,
                y,
                cluster,
                trials: vec![
                    trial(0.42, 7, 211, Some(0.31)),
                    ClusterTrial { taken: true, ..trial(0.61, 3, 45, Some(0.43)) },
                    trial(1.9, 1, 3, None),
                ],
                k_distance: Some(KDistance {
                    k: 10,
                    distances: (0..900).map(|at| 0.2 + (f64::from(at) / 900.0).powi(12) * 3.0).collect(),
                    knee: Some(790),
                    radius: Some(0.61),
                }),
                silhouette: Some(Silhouette {
                    clusters: vec![silhouette(0, 430, 0.8), silhouette(1, 210, 0.9), silhouette(2, 215, 0.6)],
                    mean: 0.43,
                }),
            }),
            ..Projection::default()
        }),
        ..ExploreReport::default()
    }
}

/// Writes the pages; the last with `hostile` in place of the names.
pub(crate) fn write(folder: &Path, hostile: &str) -> io::Result<()> {
    fs::write(folder.join("clusters.html"), explore_html(&clusters()))?;
    let mut models = comparison();
    fs::write(folder.join("compare.html"), compare_html(&models))?;
    models.title = hostile.into();
    models.models.iter_mut().for_each(|model| model.name = hostile.into());
    fs::write(folder.join("compare-hostile.html"), compare_html(&models))
}
