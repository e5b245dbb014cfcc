//! Scores of detectors by distance and density, compared with those of scikit-learn and PyOD;
//! `tests/parity/make_clusters.py` made the reference.

use eddy_detect::{ClassLabels, Classes, FitContext};
use eddy_frame::{Rows, RowsView};
use eddy_models::{
    DETECTORS,
    clustering::{Point, dbscan_labels, silhouette},
};
use serde_json::{Value, json};

const N_COLS: usize = 4;

struct Reference {
    header: Vec<&'static str>,
    records: Vec<Vec<f64>>,
    rows: Rows,
    is_outlier: Vec<u16>,
}

impl Reference {
    fn read() -> Self {
        let mut lines = include_str!("parity/clusters.csv").lines();
        let header = lines.next().unwrap().split(',').collect();
        let records =
            lines.map(|line| line.split(',').map(|value| value.parse().unwrap()).collect()).collect();
        let (mut values, mut is_outlier) = (Vec::new(), Vec::new());
        for line in include_str!("parity/reference.csv").lines().skip(1) {
            let mut cells = line.split(',');
            values.extend(cells.by_ref().take(N_COLS).map(|cell| cell.parse::<f32>().unwrap()));
            is_outlier.push(cells.next().unwrap().parse().unwrap());
        }
        Self { header, records, rows: Rows::new(values, N_COLS), is_outlier }
    }

    fn column(&self, name: &str) -> Vec<f64> {
        let idx = self.header.iter().position(|&column| column == name).unwrap();
        self.records.iter().map(|record| record[idx]).collect()
    }

    /// Scores of all rows by a detector fitted on some.
    fn our_scores(
        &self,
        detector: &str,
        params: &Value,
        training: RowsView<'_>,
        of_rows: &[u16],
    ) -> Vec<f64> {
        let detector = DETECTORS.get(detector).unwrap().parse(params).unwrap();
        let classes = Classes { names: vec!["a".into(), "b".into()], is_attack: vec![false, true] };
        let class_labels = Some(ClassLabels { classes: &classes, of_rows });
        let context = FitContext { class_labels, ..FitContext::default() };
        let mut out = vec![0.0; self.rows.n_rows()];
        detector.fit(training, &context).unwrap().score_once(self.rows.view(), &[], &mut out);
        out
    }

    fn check(&self, detector: &str, params: &Value, column: &str, tolerance: f64) {
        let ours = self.our_scores(detector, params, self.rows.view(), &self.is_outlier);
        check_equal(&ours, &self.column(column), tolerance);
    }
}

fn check_equal(ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len());
    for (idx, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert!((ours - theirs).abs() <= tolerance * theirs.abs().max(1.0), "row {idx}: {ours} vs {theirs}");
    }
}

/// The share of pairs of rows that two scores put in the same order.
fn agreement(a: &[f64], b: &[f64]) -> f64 {
    let pairs = || (0..a.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
    let agree = |&(i, j): &(usize, usize)| (a[i] < a[j]) == (b[i] < b[j]);
    pairs().filter(agree).count() as f64 / pairs().count() as f64
}

#[test]
fn dbscan_labels_equal_scikit_learn() {
    let reference = Reference::read();
    let labels = dbscan_labels(reference.rows.view(), 1.5, 5);
    let clusters: Vec<f64> = labels.iter().map(|point| point.cluster().map_or(-1.0, f64::from)).collect();
    assert_eq!(clusters, reference.column("dbscan"));
    let cores: Vec<f64> =
        labels.iter().map(|point| f64::from(u8::from(matches!(point, Point::Core(_))))).collect();
    assert_eq!(cores, reference.column("dbscan_core"));
    // Noise is what lies farther than the radius from a core row.
    let scores = reference.our_scores("dbscan", &json!({ "eps": 1.5 }), reference.rows.view(), &[]);
    assert!(scores.iter().zip(&clusters).all(|(&score, &cluster)| (score > 1.0) == (cluster < 0.0)));
}

#[test]
fn k_means_and_silhouettes_equal_scikit_learn() {
    let reference = Reference::read();
    let params = json!({ "n_clusters": 3, "n_init": 50, "tol": 1e-12, "min_share": 1e-9 });
    reference.check("k_means", &params, "k_means", 1e-5);
    let clusters: Vec<Option<u32>> =
        reference.column("k_means_label").iter().map(|&label| Some(label as u32)).collect();
    let ours = silhouette(reference.rows.view(), &clusters, 0.0.try_into().unwrap()).unwrap();
    check_equal(&[ours], &reference.column("silhouette")[..1], 1e-6);
}

#[test]
fn neighbour_distances_and_local_outlier_factors_of_training_rows_equal_pyod_and_scikit_learn() {
    let reference = Reference::read();
    for aggregation in ["largest", "mean", "median"] {
        reference.check("knn", &json!({ "aggregation": aggregation }), &format!("knn_{aggregation}"), 1e-9);
    }
    reference.check("lof", &Value::Null, "lof", 1e-9);
}

#[test]
fn nearest_neighbour_probabilities_equal_scikit_learn() {
    let reference = Reference::read();
    reference.check("k_neighbors", &Value::Null, "k_neighbors", 1e-9);
    let odd: Vec<usize> = (1..reference.rows.n_rows()).step_by(2).collect();
    let of_rows: Vec<u16> = odd.iter().map(|&row_idx| reference.is_outlier[row_idx]).collect();
    let params = json!({ "n_neighbors": 9, "weights": "distance" });
    let ours = reference.our_scores("k_neighbors", &params, reference.rows.take(&odd).view(), &of_rows);
    check_equal(&ours, &reference.column("k_neighbors_distance"), 1e-9);
}

#[test]
fn reconstruction_errors_equal_scikit_learn() {
    let params = json!({ "variance": 0.9, "distance": "reconstruction" });
    Reference::read().check("pca_reconstruction", &params, "pca", 1e-9);
}

#[test]
fn densities_of_gaussian_mixtures_equal_scikit_learn() {
    let reference = Reference::read();
    let params = json!({ "n_components": 1, "reg_covar": 1e-12 });
    reference.check("gaussian_mixture", &params, "gaussian_mixture_1", 1e-7);
    let params = json!({ "n_components": 2, "tol": 1e-9, "max_iter": 2000 });
    let ours = reference.our_scores("gaussian_mixture", &params, reference.rows.view(), &[]);
    let agreement = agreement(&ours, &reference.column("gaussian_mixture_2"));
    assert!(agreement > 0.999, "{agreement}");
}

#[test]
fn support_vector_machines_agree_with_scikit_learn() {
    let reference = Reference::read();
    reference.check("one_class_svm", &json!({ "nu": 0.2, "tol": 1e-6 }), "one_class_svm", 1e-4);
    let ours = reference.our_scores(
        "rbf_svm",
        &json!({ "tol": 1e-6 }),
        reference.rows.view(),
        &reference.is_outlier,
    );
    let agreement = agreement(&ours, &reference.column("rbf_svm"));
    assert!(agreement > 0.999, "{agreement}");
}
