//! What holds for every detector on the list.

use eddy_detect::{
    AnyDetector, Array, ClassLabels, Classes, Entry, FitContext, LearnsFrom, Model, ModelKind, Sections, Seed,
};
use eddy_frame::{Rows, RowsView};
use eddy_models::DETECTORS;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};

/// One entry of the list with some parameters.
struct Subject {
    entry: &'static Entry,
    params: Value,
}

impl Subject {
    fn name(&self) -> String {
        format!("{} {}", self.entry.about.name, self.params)
    }

    fn detector(&self) -> Box<dyn AnyDetector> {
        self.entry.parse(&self.params).unwrap()
    }

    fn fit(&self, rows: RowsView<'_>, seed: u64) -> Model {
        let classes = Classes { names: vec!["normal".into(), "odd".into()], is_attack: vec![false, true] };
        let of_rows = classes_of(rows);
        let context = FitContext {
            seed: Seed::new(seed),
            class_labels: (self.detector().learns_from() == LearnsFrom::Labels)
                .then_some(ClassLabels { classes: &classes, of_rows: &of_rows }),
            ..FitContext::default()
        };
        self.detector().fit(rows, &context).unwrap_or_else(|error| panic!("{}: {error}", self.name()))
    }
}

/// Labels for detectors that need them: rows with a value outside of the clouds are odd, or the first one if none is.
fn classes_of(rows: RowsView<'_>) -> Vec<u16> {
    let is_odd = |row: &[f32]| row.iter().any(|value| value.is_nan() || value.abs() >= 8.2);
    let mut of_rows: Vec<u16> = rows.iter().map(|row| u16::from(is_odd(row))).collect();
    if !of_rows.contains(&1) {
        of_rows[0] = 1;
    }
    of_rows
}

/// Every detector with default parameters, and some with others that take other paths through the code.
fn subjects() -> Vec<Subject> {
    let defaults = DETECTORS.0.iter().map(|entry| Subject { entry, params: json!({}) });
    let others = [
        ("isolation_forest", json!({ "max_samples": 600, "n_estimators": 40, "max_features": 0.5 })),
        ("isolation_forest", json!({ "max_samples": 4 })),
        ("extended_isolation_forest", json!({ "extension_level": 1, "n_estimators": 50 })),
        ("hbos", json!({ "bins": "dynamic", "n_bins": 20 })),
        ("robust_z", json!({ "aggregation": "root_mean_square" })),
        ("decision_tree", json!({ "criterion": "entropy", "max_depth": 6, "min_samples_leaf": 3 })),
        (
            "random_forest",
            json!({ "n_estimators": 20, "max_features": 1, "class_weight": "balanced", "smoothing": 0.5 }),
        ),
        ("gradient_boosting", json!({ "max_leaves": 4, "max_depth": 2, "patience": null, "l2": 1.0 })),
        ("logistic_regression", json!({ "penalty": "l1", "class_weight": "balanced" })),
        (
            "bagging",
            json!({ "base": { "detector": "isolation_forest" }, "max_features": 0.6, "max_samples": 0.5 }),
        ),
        ("bagging", json!({ "base": { "detector": "gaussian_naive_bayes" }, "n_estimators": 5 })),
        (
            "voting_classifier",
            json!({ "voting": "hard", "members": [{ "detector": "random_forest", "params": { "n_estimators": 9 } }] }),
        ),
        (
            "calibrated_classifier",
            json!({ "method": "sigmoid", "base": { "detector": "categorical_naive_bayes" } }),
        ),
        ("k_means", json!({ "n_clusters": 30, "n_init": 3, "min_share": 0.01 })),
        ("dbscan", json!({ "search": "silhouette", "max_samples": 300 })),
        ("dbscan", json!({ "eps": 1.5, "min_samples": 10 })),
        ("knn", json!({ "aggregation": "median", "n_neighbors": 30, "max_samples": 500 })),
        ("knn", json!({ "aggregation": "mean", "n_neighbors": 1 })),
        ("lof", json!({ "n_neighbors": 50, "max_samples": 500 })),
        ("k_neighbors", json!({ "weights": "distance", "n_neighbors": 9, "max_samples": 700 })),
        ("pca_reconstruction", json!({ "variance": 0.5 })),
        ("gaussian_mixture", json!({ "covariance": "diagonal", "n_components": 7, "max_samples": 500 })),
        ("one_class_svm", json!({ "nu": 0.3, "gamma": 0.5, "max_samples": 500 })),
        ("one_class_svm", json!({ "gamma_rule": "auto" })),
        ("rbf_svm", json!({ "c": 10, "class_weight": "balanced", "max_samples": 400 })),
        ("voting", json!({ "members": [{ "detector": "rolling_z" }, { "detector": "ecod", "weight": 2 }] })),
        ("ewma", json!({ "smoothing": 0.8, "half_life": "1d", "clip": 5 })),
        ("cusum", json!({ "season": "1h", "half_life": 100 })),
        ("change_point", json!({ "season": 7, "runs": 12, "confirm": 2 })),
        ("seasonal_quantiles", json!({ "season": 5, "parts": 3 })),
        ("holt_winters", json!({ "season": "40m", "level_smoothing": 0.1, "damping": 1 })),
        ("stl_residual", json!({ "season": "2h", "trend": 50 })),
        ("spectral_residual", json!({ "window": 32 })),
        ("matrix_profile", json!({ "window": 5, "history": 100, "shape_only": true })),
        ("anomaly_likelihood", json!({ "base": { "detector": "ewma" }, "window": 50, "recent": 1 })),
        ("activity", json!({ "season": 9, "half_life": 200 })),
        ("series_forest", json!({ "season": 12, "n_estimators": 30, "max_samples": 500 })),
        ("random_cut_forest", json!({ "n_estimators": 10, "window": 64, "shingle": 1 })),
        (
            "autoencoder",
            json!({ "hidden": [3], "dropout": 0, "trimmed": 0, "batch_size": 200, "validation_share": 0, "epochs": 3 }),
        ),
        (
            "lstm_autoencoder",
            json!({ "window": 1, "hidden_size": 3, "stride": 7, "batch_size": 5, "epochs": 2 }),
        ),
        ("kitnet", json!({ "max_features": 2, "hidden_ratio": 1, "epochs": 60 })),
        (
            "mlp",
            json!({ "hidden": [20, 10], "class_weight": "balanced", "validation_share": 0, "epochs": 20 }),
        ),
        (
            "voting",
            json!({ "combine": "max", "members": [{ "detector": "voting" }, { "detector": "copod" }] }),
        ),
    ];
    let others =
        others.into_iter().map(|(name, params)| Subject { entry: DETECTORS.get(name).unwrap(), params });
    defaults.chain(others).collect()
}

fn bell(rng: &mut Pcg64Mcg) -> f32 {
    (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0
}

/// Two clouds of ordinary rows (one cloud, for detectors that look at series), and one row in fifty far away.
fn planted(seed: u64, n_rows: usize, n_clouds: u32) -> (Rows, Vec<bool>) {
    let n_cols = 5;
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut values = Vec::new();
    let mut labels = Vec::new();
    for row_idx in 0..n_rows {
        let is_outlier = row_idx % 50 == 49;
        let center = 4.0 * rng.random_range(0..n_clouds) as f32;
        for _ in 0..n_cols {
            let far = if rng.random() { 9.0 + center } else { -9.0 };
            values.push(bell(&mut rng) + if is_outlier { far } else { center });
        }
        labels.push(is_outlier);
    }
    (Rows::new(values, n_cols), labels)
}

fn ordinary(seed: u64, n_rows: usize) -> Rows {
    planted(seed, n_rows, 2).0
}

fn score(model: &Model, rows: RowsView<'_>) -> Vec<f64> {
    let mut out = vec![f64::NAN; rows.n_rows()];
    model.score_once(rows, &[], &mut out);
    out
}

fn bits(scores: &[f64]) -> Vec<u64> {
    scores.iter().map(|score| score.to_bits()).collect()
}

fn saved(model: &Model) -> Sections {
    let mut sections = Sections::default();
    model.save(&mut sections.writer());
    sections
}

fn auc(scores: &[f64], labels: &[bool]) -> f64 {
    let of = |label| scores.iter().zip(labels).filter(move |(_, l)| **l == label).map(|(score, _)| *score);
    let wins = |high: f64| {
        of(false).map(move |low| {
            if high > low {
                1.0
            } else if high == low {
                0.5
            } else {
                0.0
            }
        })
    };
    of(true).map(|high| wins(high).sum::<f64>()).sum::<f64>() / (of(true).count() * of(false).count()) as f64
}

#[test]
fn names_are_unique_and_descriptions_whole() {
    let mut names: Vec<&str> = DETECTORS.0.iter().map(|entry| entry.about.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), DETECTORS.0.len());
    for entry in DETECTORS.0 {
        let about = entry.about;
        for text in [about.title, about.summary, about.blind_to, about.cost, about.source] {
            assert!(!text.is_empty(), "{}", about.name);
        }
        let schema = entry.schema();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{}.{name} has no help text", about.name);
        }
    }
}

#[test]
fn planted_outliers_score_higher() {
    for subject in subjects() {
        let looks_at_series = subject.fit(ordinary(1, 100).view(), 1).kind() == ModelKind::Series;
        let n_clouds = if looks_at_series { 1 } else { 2 };
        let (mut training, _) = planted(1, 2_000, n_clouds);
        let (mut rows, labels) = planted(2, 1_000, n_clouds);
        if ["logistic_regression", "linear_svm"].contains(&subject.entry.about.name) {
            // A straight border has the odd rows on one side only.
            for values in [training.values_mut(), rows.values_mut()] {
                values.iter_mut().filter(|value| **value < -5.0).for_each(|value| *value = -*value);
            }
        }
        let model = subject.fit(training.view(), 42);
        let auc = auc(&score(&model, rows.view()), &labels);
        // A single tree asks one question at a time, and there are few odd rows to learn the questions from.
        let mut least = if subject.detector().learns_from() == LearnsFrom::Labels { 0.9 } else { 0.95 };
        if subject.entry.about.name == "matrix_profile" {
            // What comes again every fifty rows is a pattern, of which only the first few are new.
            least = 0.8;
        }
        assert!(auc >= least, "{}: AUC {auc}", subject.name());
    }
}

/// Three clouds of rows at the corners of a triangle, of which the first is normal.
fn three_classes(seed: u64, n_rows: usize) -> (Rows, Vec<u16>) {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let corners = [[0.0, 0.0, 0.0], [7.0, 0.0, 1.0], [0.0, 7.0, -1.0]];
    let of_rows: Vec<u16> = (0..n_rows).map(|_| rng.random_range(0..3)).collect();
    let row = |&class: &u16| corners[usize::from(class)].map(|center| center + bell(&mut rng));
    (Rows::new(of_rows.iter().flat_map(row).collect(), 3), of_rows)
}

#[test]
fn classes_are_told_apart_and_their_probabilities_add_up_to_one() {
    let names = ["calm", "flood", "scan"].map(String::from);
    let classes = Classes { names: names.into(), is_attack: vec![false, true, true] };
    for subject in subjects() {
        if subject.detector().learns_from() != LearnsFrom::Labels {
            continue;
        }
        let (training, of_rows) = three_classes(1, 900);
        let class_labels = Some(ClassLabels { classes: &classes, of_rows: &of_rows });
        let model =
            subject.detector().fit(training.view(), &FitContext { class_labels, ..FitContext::default() });
        let Ok(Model::Row(model)) = model else { panic!("{} gives no row model", subject.name()) };
        assert_eq!(model.classes(), Some(&classes), "{}", subject.name());
        let (rows, of_rows) = three_classes(2, 500);
        let mut probabilities = vec![f64::NAN; 500 * 3];
        model.probabilities(rows.view(), &mut probabilities);
        for row in probabilities.chunks_exact(3) {
            assert!(row.iter().all(|share| (0.0..=1.0).contains(share)), "{}: {row:?}", subject.name());
            // Shares of leaves are kept in 32 bits.
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{}: {row:?}", subject.name());
        }
        let found = eddy_detect::most_probable(&probabilities, 3);
        let right = found.iter().zip(&of_rows).filter(|(found, wanted)| found == wanted).count();
        assert!(right >= 475, "{}: {right} of 500", subject.name());
        let mut pieces = vec![f64::NAN; 500 * 3];
        model.probabilities(rows.view().slice(0, 123), &mut pieces[..123 * 3]);
        model.probabilities(rows.view().slice(123, 500), &mut pieces[123 * 3..]);
        assert_eq!(bits(&pieces), bits(&probabilities), "{}", subject.name());
    }
}

#[test]
fn scoring_learns_nothing() {
    for subject in subjects() {
        let (training, rows, others) = (ordinary(1, 400), ordinary(2, 100), ordinary(3, 50));
        let model = subject.fit(training.view(), 42);
        let before = saved(&model);
        let first = score(&model, rows.view());
        score(&model, others.view());
        assert_eq!(bits(&first), bits(&score(&model, rows.view())), "{}", subject.name());
        assert_eq!(before, saved(&model), "{}", subject.name());
    }
}

#[test]
fn cutting_the_input_into_pieces_changes_no_bit() {
    for subject in subjects() {
        let (training, rows) = (ordinary(1, 400), ordinary(2, 700));
        let model = subject.fit(training.view(), 42);
        let whole = score(&model, rows.view());
        let mut rng = Pcg64Mcg::seed_from_u64(3);
        for _ in 0..5 {
            let mut pieces = vec![f64::NAN; rows.n_rows()];
            let mut scorer =
                if let Model::Series(model) = &model { Some(model.clone().start()) } else { None };
            let mut start = 0;
            while start < rows.n_rows() {
                let end = (start + rng.random_range(1..200)).min(rows.n_rows());
                let (view, out) = (rows.view().slice(start, end), &mut pieces[start..end]);
                match &model {
                    Model::Row(model) => model.score(view, out),
                    Model::Online(model) => model.score(view, out),
                    Model::Series(_) => scorer.as_mut().unwrap().score(view, &[], out),
                }
                start = end;
            }
            assert_eq!(bits(&whole), bits(&pieces), "{}", subject.name());
        }
    }
}

#[test]
fn series_do_not_touch_each_other_and_hold_bounded_memory() {
    for subject in subjects() {
        let Model::Series(model) = subject.fit(ordinary(1, 400).view(), 42) else { continue };
        let (one, other) = (ordinary(2, 100), ordinary(3, 100));
        let alone = score(&Model::Series(model.clone()), one.view());
        let (mut first, mut second) = (model.clone().start(), model.start());
        let mut together = vec![0.0; 100];
        let begun = first.memory_bytes();
        for idx in 0..100 {
            first.score(one.view().slice(idx, idx + 1), &[], &mut together[idx..=idx]);
            second.score(other.view().slice(idx, idx + 1), &[], &mut [0.0]);
        }
        assert_eq!(bits(&alone), bits(&together), "{}", subject.name());
        assert_eq!(begun, first.memory_bytes(), "{}", subject.name());
    }
}

#[test]
fn learning_in_pieces_is_learning_at_once() {
    for subject in subjects() {
        let rows = ordinary(2, 700);
        let fit = || match subject.fit(ordinary(1, 400).view(), 42) {
            Model::Online(model) => Some(model),
            _ => None,
        };
        let (Some(mut whole), Some(mut pieces)) = (fit(), fit()) else { continue };
        whole.learn(rows.view());
        for start in (0..700).step_by(70) {
            pieces.learn(rows.view().slice(start, start + 70));
        }
        assert_eq!(saved(&Model::Online(whole)), saved(&Model::Online(pieces)), "{}", subject.name());
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for subject in subjects() {
        let rows = ordinary(1, 600);
        let on = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| saved(&subject.fit(rows.view(), 7)))
        };
        let one = on(1);
        assert_eq!(one, on(2), "{}", subject.name());
        assert_eq!(one, on(3), "{}", subject.name());
    }
}

#[test]
fn another_seed_is_another_model_where_chance_plays_a_part() {
    let random = [
        "isolation_forest",
        "extended_isolation_forest",
        "loda",
        "half_space_trees",
        "random_forest",
        "extra_trees",
        "bagging",
        "voting_classifier",
        "stacking",
        "calibrated_classifier",
        "hybrid_forest",
        "nids",
        "voting",
        "k_means",
        "gaussian_mixture",
        "rbf_svm",
        "autoencoder",
        "lstm_autoencoder",
        "gru_autoencoder",
        "kitnet",
        "mlp",
        "series_forest",
        "random_cut_forest",
    ];
    for entry in DETECTORS.0 {
        let subject = Subject { entry, params: json!({}) };
        let rows = ordinary(1, 600);
        let differ = saved(&subject.fit(rows.view(), 7)) != saved(&subject.fit(rows.view(), 8));
        assert_eq!(differ, random.contains(&entry.about.name), "{}", entry.about.name);
    }
}

#[test]
fn saving_and_loading_changes_no_bit() {
    for subject in subjects() {
        let rows = ordinary(2, 300);
        let model = subject.fit(ordinary(1, 600).view(), 42);
        let sections = saved(&model);
        let loaded = subject.entry.load(&sections.reader()).unwrap();
        assert_eq!(loaded.kind(), model.kind(), "{}", subject.name());
        assert_eq!(loaded.n_features(), 5, "{}", subject.name());
        assert_eq!(
            bits(&score(&model, rows.view())),
            bits(&score(&loaded, rows.view())),
            "{}",
            subject.name()
        );
        assert_eq!(saved(&loaded), sections, "{}", subject.name());
    }
}

#[test]
fn models_that_learn_go_on_learning_after_loading() {
    for subject in subjects() {
        let Model::Online(mut model) = subject.fit(ordinary(1, 600).view(), 42) else { continue };
        let sections = saved(&Model::Online(model));
        let (Model::Online(loaded), Model::Online(again)) = (
            subject.entry.load(&sections.reader()).unwrap(),
            subject.entry.load(&sections.reader()).unwrap(),
        ) else {
            panic!("{} is online no more", subject.name())
        };
        model = loaded;
        let mut other = again;
        let rows = ordinary(2, 500);
        model.learn(rows.view());
        other.learn(rows.view());
        assert_eq!(saved(&Model::Online(model)), saved(&Model::Online(other)), "{}", subject.name());
    }
}

#[test]
fn bad_parameters_are_refused_by_name() {
    let check = |entry: &Entry, name: &str, value: Value| {
        let Err(error) = entry.parse(&json!({ name: value.clone() })) else {
            panic!("{} takes {name} = {value}", entry.about.name)
        };
        let message = error.to_string();
        assert!(message.contains(name) && message.contains(entry.about.name), "{message}");
    };
    for entry in DETECTORS.0 {
        check(entry, "no_such_parameter", json!(1));
        assert!(entry.parse(&json!([1])).is_err());
        let schema = entry.schema();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            check(entry, name, json!({ "x": 1 }));
            check(entry, name, json!("no such thing"));
            check(entry, name, json!(-1));
            if property["type"] == "integer" {
                check(entry, name, json!(1.5));
                check(entry, name, json!(1e300));
            }
        }
        let defaults = entry.parse(&Value::Null).unwrap().params();
        assert_eq!(entry.parse(&defaults).unwrap().params(), defaults);
    }
}

/// Tables that a detector should survive.
fn hostile_tables() -> Vec<(&'static str, Rows)> {
    let mut rng = Pcg64Mcg::seed_from_u64(5);
    let mut noise = |n: usize| -> Vec<f32> { (0..n).map(|_| bell(&mut rng)).collect() };
    let mut huge = noise(60);
    for (idx, value) in huge.iter_mut().enumerate() {
        *value = [3.4e38, -3.4e38, 1e38, 1e-45, 0.0, -0.0][idx % 6 * (idx % 5) % 6];
    }
    let mut one_constant = noise(60);
    one_constant.iter_mut().step_by(3).for_each(|value| *value = 7.0);
    vec![
        ("one row", Rows::new(noise(3), 3)),
        ("two rows", Rows::new(noise(6), 3)),
        ("two equal rows", Rows::new(vec![1.0, 2.0, 1.0, 2.0], 2)),
        ("one value", Rows::new(vec![0.0], 1)),
        ("one column", Rows::new(noise(300), 1)),
        ("wide", Rows::new(noise(300 * 40), 300)),
        ("constant", Rows::new(vec![5.0; 90], 3)),
        ("huge constant", Rows::new(vec![3.4e38; 90], 3)),
        ("one constant column", Rows::new(one_constant, 3)),
        ("huge", Rows::new(huge, 2)),
        ("rare flag", Rows::new((0..500).map(|idx| f32::from(u8::from(idx == 250))).collect(), 1)),
    ]
}

#[test]
fn hostile_tables_give_finite_scores() {
    for subject in subjects() {
        for (name, table) in hostile_tables() {
            let model = subject.fit(table.view(), 42);
            let n_cols = table.n_cols();
            let mut rows = table.clone();
            for value in [0.0, 1.0, -1.0, 1e-45, 1e38, -1e38, f32::MAX, f32::MIN] {
                rows.append(RowsView::new(&vec![value; n_cols], n_cols));
            }
            let scores = score(&model, rows.view());
            assert!(scores.iter().all(|score| score.is_finite()), "{} on {name}: {scores:?}", subject.name());
            let loaded = subject.entry.load(&saved(&model).reader()).unwrap();
            assert_eq!(bits(&score(&loaded, rows.view())), bits(&scores), "{} on {name}", subject.name());
        }
    }
}

#[test]
fn values_that_are_no_numbers_are_survived_and_seen() {
    for subject in subjects() {
        let mut training = ordinary(1, 500);
        training.values_mut()[13] = f32::NAN;
        training.values_mut()[14] = f32::INFINITY;
        training.values_mut()[21] = f32::NEG_INFINITY;
        assert!(score(&subject.fit(training.view(), 42), training.view()).iter().all(|s| s.is_finite()));

        // Two hundred ordinary rows, so that all warm-ups are over, and one with nothing but NaN or infinity.
        for wild in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let (mut rows, _) = planted(2, 201, 1);
            let n_cols = rows.n_cols();
            let model = subject.fit(rows.view().slice(0, 200), 42);
            rows.values_mut()[200 * n_cols..].fill(wild);
            let mut scores = score(&model, rows.view());
            let last = scores.pop().unwrap();
            assert!(last.is_finite(), "{} on {wild}", subject.name());
            scores.sort_unstable_by(f64::total_cmp);
            // What learns from labels knows the odd rows that it was shown, and no others.
            let knows = subject.detector().learns_from() == LearnsFrom::Rows;
            assert!(!knows || last > scores[100], "{} on {wild}: {last}", subject.name());
        }
    }
}

/// A number from the corners of its type.
fn wild_number(rng: &mut Pcg64Mcg) -> f64 {
    let corners = [
        0.0,
        1.0,
        -1.0,
        2.0,
        255.0,
        65536.0,
        4294967295.0,
        1e9,
        1e18,
        1e38,
        -1e38,
        1e300,
        -1e300,
        1e-300,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    if rng.random() { corners[rng.random_range(0..corners.len())] } else { rng.random_range(-3.0..20.0) }
}

fn damage<T: Copy>(values: &mut Vec<T>, wild: T, rng: &mut Pcg64Mcg) {
    match rng.random_range(0..6) {
        0 => values.truncate(rng.random_range(0..=values.len())),
        1 => values.push(wild),
        2 => values.fill(wild),
        _ if values.is_empty() => {}
        3 => {
            let (a, b) = (rng.random_range(0..values.len()), rng.random_range(0..values.len()));
            values.swap(a, b);
        }
        _ => {
            let idx = rng.random_range(0..values.len());
            values[idx] = wild;
        }
    }
}

fn damage_one(sections: &mut Sections, rng: &mut Pcg64Mcg) {
    let n_values = sections.values.len();
    let which = rng.random_range(0..n_values + 2 * sections.arrays.len());
    if which < n_values {
        let name = sections.values.keys().nth(which).unwrap().clone();
        let wild = match rng.random_range(0..4) {
            0 => json!(wild_number(rng)),
            1 => json!(wild_number(rng) as i64),
            2 => json!(rng.random_range(0..20)),
            _ => json!(["x", {}]),
        };
        sections.values.insert(name, wild);
        return;
    }
    let name = sections.arrays.keys().nth((which - n_values) / 2).unwrap().clone();
    let wild = wild_number(rng);
    match sections.arrays.get_mut(&name).unwrap() {
        Array::U8(values) => damage(values, wild as u8, rng),
        Array::U32(values) => damage(values, wild as u32, rng),
        Array::I64(values) => damage(values, wild as i64, rng),
        Array::F32(values) => damage(values, wild as f32, rng),
        Array::F64(values) => damage(values, wild, rng),
    }
    if rng.random_range(0..40) == 0 {
        sections.arrays.remove(&name);
    }
}

#[test]
fn damaged_models_are_refused_or_score_finitely() {
    for subject in subjects() {
        let sections = saved(&subject.fit(ordinary(1, 60).view(), 42));
        let mut rng = Pcg64Mcg::seed_from_u64(11);
        let (mut n_loaded, n_rounds) = (0, 400);
        for round in 0..n_rounds {
            let mut damaged = sections.clone();
            for _ in 0..rng.random_range(1..4) {
                damage_one(&mut damaged, &mut rng);
            }
            let Ok(model) = subject.entry.load(&damaged.reader()) else { continue };
            n_loaded += 1;
            let n_cols = model.n_features();
            let mut values: Vec<f32> = (0..n_cols * 30).map(|_| bell(&mut rng)).collect();
            values[0] = 3.4e38;
            values[n_cols * 20] = -3.4e38;
            let scores = score(&model, RowsView::new(&values, n_cols));
            assert!(
                scores.iter().all(|score| score.is_finite()),
                "{} round {round}: {scores:?}",
                subject.name()
            );
        }
        // Some damage is harmless, some is not: both paths must have been taken.
        assert!(n_loaded > 0 && n_loaded < n_rounds, "{}: {n_loaded}", subject.name());
    }
}
