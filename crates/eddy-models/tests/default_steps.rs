//! The steps that those get who name none.

use eddy_detect::default_steps;
use eddy_frame::{CounterBits, Field, Kind, Role, Schema};
use eddy_models::DETECTORS;

fn steps(fields: &[Field], detector: &str) -> Vec<String> {
    let schema = Schema { fields: fields.to_vec() };
    default_steps(&schema, DETECTORS.get(detector).unwrap()).into_iter().map(|step| step.name).collect()
}

fn counters() -> Vec<Field> {
    ["ifInOctets1", "ifInUcastPkts1"]
        .map(|name| {
            let mut field = Field::new(name, Kind::Float, Role::Feature);
            field.counter = Some(CounterBits::B32);
            field
        })
        .to_vec()
}

#[test]
fn models_that_learn_from_labels_are_told_the_level_of_counters() {
    assert_eq!(steps(&counters(), "extra_trees")[..3], ["counter_rate", "ratio", "rolling"]);
}

#[test]
fn models_that_learn_what_is_normal_are_not() {
    let steps = steps(&counters(), "isolation_forest");
    assert_eq!(steps[..2], ["counter_rate", "ratio"]);
    assert!(!steps.contains(&"rolling".to_owned()));
}

#[test]
fn columns_that_are_no_counters_have_no_level() {
    let plain = [Field::new("rate", Kind::Float, Role::Feature)];
    assert!(!steps(&plain, "extra_trees").contains(&"rolling".to_owned()));
}
