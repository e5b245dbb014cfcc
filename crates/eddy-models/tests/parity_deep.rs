//! Neural nets with the weights that PyTorch and scikit-learn gave them make the same of the same rows;
//! `tests/parity/make_deep.py` made the reference.

use eddy_detect::Sections;
use eddy_frame::RowsView;
use eddy_models::DETECTORS;
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn narrow(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|number| number as f32).collect()
}

#[test]
fn nets_of_others_make_the_same_scores() {
    let reference: Value = serde_json::from_str(include_str!("parity/deep.json")).unwrap();
    let rows = narrow(&reference["rows"]);
    let rows = RowsView::new(&rows, reference["n_cols"].as_u64().unwrap() as usize);
    let models = reference["models"].as_array().unwrap();
    assert_eq!(models.len(), 4);
    for model in models {
        let name = model["detector"].as_str().unwrap();
        let mut sections = Sections::default();
        let mut writer = sections.writer();
        for (key, value) in model["values"].as_object().unwrap() {
            writer.value(key, value);
        }
        for (key, array) in model["f64"].as_object().unwrap() {
            writer.f64(key, &numbers(array));
        }
        for (key, array) in model["f32"].as_object().unwrap() {
            writer.f32(key, &narrow(array));
        }
        let loaded = DETECTORS.get(name).unwrap().load(&sections.reader()).unwrap();
        let mut scores = vec![0.0; rows.n_rows()];
        loaded.score_once(rows, &[], &mut scores);
        for (row_idx, (ours, theirs)) in scores.iter().zip(numbers(&model["scores"])).enumerate() {
            assert!(
                (ours - theirs).abs() <= 2e-5 * theirs.max(1.0),
                "{name} row {row_idx}: {ours} vs {theirs}"
            );
        }
    }
}
