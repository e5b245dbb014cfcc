//! Made-up data of the parts of pages that need labels, clusters or several models.

use eddy_report::{
    Agreement, ClassBox, ClassCount, ClassDistribution, ClusterRows, ClusterSilhouette, ClusterTrial,
    Clustering, CompareReport, ConfusionMatrix, Curve, Difference, FeatureTest, Figures, Histogram,
    HonestyCheck, Importance, KDistance, Labelled, ModelResult, PValue, Projection, ReadSummary, Reliability,
    ReliabilityBin, Silhouette, UnseenClass,
};

const P: PValue = PValue { alone: 1e-20, holm: 4e-20, benjamini_hochberg: 2e-20 };

fn classes(name: &str) -> Vec<ClassCount> {
    [("normal", false, 60), (name, true, 15), ("", true, 5)]
        .map(|(name, is_attack, rows)| ClassCount { name: name.into(), is_attack, rows })
        .to_vec()
}

pub(crate) fn labelled(name: &str) -> Labelled {
    let number = FeatureTest {
        name: name.into(),
        unit: Some(name.into()),
        n_normal: 60,
        n_attack: 20,
        effect: 0.9,
        difference: Difference::Number {
            auc: 0.95,
            cliffs_delta: 0.9,
            mann_whitney: P,
            ks_distance: 0.8,
            ks_at: 12.0,
            normal_below: 0.9,
            attack_below: 0.1,
            kolmogorov_smirnov: P,
            cohens_d: Some(1.5),
            welch_t: Some(8.0),
            welch: Some(PValue { alone: 0.0, holm: 0.0, benjamini_hochberg: 0.0 }),
            normal_median: 3.0,
            attack_median: 40.0,
        },
        cautions: vec![],
    };
    let category = FeatureTest {
        name: name.into(),
        unit: None,
        n_normal: 60,
        n_attack: 20,
        effect: 0.35,
        difference: Difference::Category {
            chi_square: 11.0,
            degrees_of_freedom: 3,
            independence: PValue { alone: 0.01, holm: 0.01, benjamini_hochberg: 0.01 },
            cramers_v: 0.4,
            cramers_v_corrected: 0.35,
            n_levels: 4,
            level: name.into(),
            normal_share: 0.1,
            attack_share: 0.998,
        },
        cautions: vec!["some counts are too small for the p-value".into()],
    };
    let values: Vec<f64> = (0..80).map(f64::from).collect();
    let attacks: Vec<bool> = (0..80).map(|row| row >= 60).collect();
    let one = |class: &str, is_attack, low: f64| ClassBox {
        class: class.into(),
        is_attack,
        rows: 20,
        quantiles: [low, low + 1.0, low + 5.0, low + 8.0, low + 9.0],
    };
    Labelled {
        column: name.into(),
        classes: classes(name),
        tests: vec![number, category],
        n_p_values: 4,
        distributions: vec![
            ClassDistribution {
                name: name.into(),
                unit: Some(name.into()),
                levels: vec![],
                histogram: Histogram::of(&values, &attacks, 10),
                boxes: vec![one("normal", false, 10.0), one(name, true, 65.0), one("", true, f64::NAN)],
            },
            ClassDistribution {
                name: name.into(),
                levels: vec![name.into(), String::new()],
                histogram: Histogram {
                    edges: vec![0.0, 1.0, 2.0],
                    normal: vec![50, 10],
                    flagged: vec![0, 20],
                },
                ..ClassDistribution::default()
            },
        ],
    }
}

pub(crate) fn projection(name: &str) -> Projection {
    let x: Vec<f64> = (0..20).map(|at| if at == 19 { 1e6 } else { f64::from(at % 5) }).collect();
    let mut y: Vec<f64> = (0..20).map(|at| f64::from(at / 5)).collect();
    y[3] = f64::NAN;
    Projection {
        n_rows: 80,
        n_columns: 7,
        left_out: 1,
        shares: [0.5, 0.25],
        leading: [vec![(name.into(), 0.93), ("b".into(), -0.4)], vec![]],
        x,
        y,
        classes: classes(name),
        class: (0..20).map(|at| at % 3).collect(),
        clustering: Some(Clustering {
            method: name.into(),
            choice: name.into(),
            n_rows: 40,
            clusters: vec![
                ClusterRows { rows: 21, attacks: Some(2) },
                ClusterRows { rows: 17, attacks: Some(17) },
            ],
            noise: ClusterRows { rows: 2, attacks: Some(1) },
            x: (0..20).map(f64::from).collect(),
            y: (0..20).map(|at| f64::from(at % 7)).collect(),
            cluster: (0..20).map(|at| if at < 2 { -1 } else { at % 2 }).collect(),
            trials: vec![
                ClusterTrial { radius: 0.25, n_clusters: 2, n_noise: 2, silhouette: Some(0.41), taken: true },
                ClusterTrial { radius: 0.5, n_clusters: 1, n_noise: 0, silhouette: None, taken: false },
            ],
            k_distance: Some(KDistance {
                k: 4,
                distances: (0..20).map(|at| f64::from(at) / 20.0).chain([f64::NAN]).collect(),
                knee: Some(10),
                radius: Some(0.25),
            }),
            silhouette: Some(Silhouette {
                clusters: vec![
                    ClusterSilhouette { cluster: 0, values: vec![0.9, 0.5, 0.2] },
                    ClusterSilhouette { cluster: 1, values: vec![0.6, -0.3] },
                    ClusterSilhouette { cluster: 2, values: vec![] },
                ],
                mean: 0.41,
            }),
        }),
    }
}

pub(crate) fn comparison(name: &str, read: ReadSummary) -> CompareReport {
    let curve = |bend: f64| {
        let x: Vec<f64> = (0..=20).map(|at| f64::from(at) / 20.0).collect();
        Curve { y: x.iter().map(|x| x.powf(bend)).collect(), x }
    };
    let model = |model: &str, figure: f64| ModelResult {
        name: model.into(),
        learned_from: "labels".into(),
        failed: None,
        figures: Some(Figures {
            balanced_accuracy: figure,
            accuracy: figure,
            accuracy_sd: Some(0.01),
            precision: figure,
            recall: figure,
            f1: figure,
            false_positive_rate: 1.0 - figure,
            roc_auc: figure,
            average_precision: figure,
            macro_f1: None,
            at_base_rates: vec![(0.01, 0.5), (0.0001, 0.01)],
            at_alerts: vec![(10, 1.0), (100, 0.93)],
        }),
        binary: Some(ConfusionMatrix {
            names: vec!["normal".into(), "attack".into()],
            counts: vec![vec![580, 20], vec![0, 200]],
        }),
        multi: Some(ConfusionMatrix {
            names: vec!["normal".into(), name.into(), String::new()],
            counts: vec![vec![580, 20, 0], vec![3, 147, 0], vec![0, 0, 0]],
        }),
        roc: curve(0.1),
        precision_recall: curve(-0.1),
        reliability: Some(Reliability {
            brier: 0.031,
            bins: vec![
                ReliabilityBin { predicted: 0.05, observed: 0.02, rows: 500 },
                ReliabilityBin { predicted: 0.5, observed: f64::NAN, rows: 0 },
                ReliabilityBin { predicted: 0.9, observed: 0.97, rows: 300 },
            ],
        }),
        importance: vec![
            Importance { feature: name.into(), drop: 0.2, sd: 0.01 },
            Importance { feature: "b".into(), drop: -0.001, sd: 0.01 },
        ],
        unseen: vec![UnseenClass { class: name.into(), rows: 20, caught: 7 }],
        fit_seconds: 1.25,
        score_seconds: 0.03,
        bytes: 120_000,
    };
    CompareReport {
        title: name.into(),
        eddy_version: "0.0.0".into(),
        generated_from: vec![name.into()],
        read,
        cautions: vec![name.into()],
        label: name.into(),
        split: name.into(),
        n_measured: 800,
        base_rate: 0.25,
        classes: classes(name),
        checks: vec![
            HonestyCheck { name: "majority baseline".into(), found: false, evidence: name.into() },
            HonestyCheck { name: "rows that occur twice".into(), found: true, evidence: name.into() },
        ],
        models: vec![
            model(name, 0.96),
            model("other", 0.9),
            ModelResult { name: name.into(), failed: Some(name.into()), ..ModelResult::default() },
        ],
        agreement: Some(Agreement {
            names: vec![name.into(), "other".into()],
            equal: vec![1.0, 0.93, 0.93, 1.0],
            kappa: vec![1.0, 0.81, 0.81, 1.0],
        }),
    }
}
