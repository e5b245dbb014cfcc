//! Numbers as few characters of JSON.

use serde::{Serialize, Serializer, ser::SerializeSeq};

/// Significant digits of values that are only drawn.
const DIGITS: i32 = 6;

struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.0.is_finite() {
            serializer.serialize_none()
        } else if self.0.fract() == 0.0 && self.0.abs() < 1e15 {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// Rounds to [`DIGITS`] significant digits; whole numbers stay as they are.
pub(crate) fn round(value: f64) -> f64 {
    if !value.is_finite() || value.fract() == 0.0 {
        return value;
    }
    let places = DIGITS - 1 - value.abs().log10().floor() as i32;
    if !(0..=300).contains(&places) {
        return if places < 0 { value.round() } else { value };
    }
    let scale = 10f64.powi(places);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { value }
}

fn sequence<S: Serializer>(
    serializer: S,
    values: impl ExactSizeIterator<Item = f64>,
) -> Result<S::Ok, S::Error> {
    let mut sequence = serializer.serialize_seq(Some(values.len()))?;
    for value in values {
        sequence.serialize_element(&Number(value))?;
    }
    sequence.end()
}

/// Values as they are; `null` where not finite.
pub(crate) fn exact<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    sequence(serializer, values.iter().copied())
}

/// Values to six digits; `null` where not finite.
pub(crate) fn rounded<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    sequence(serializer, values.iter().map(|&value| round(value)))
}

/// Single-precision values to six digits; `null` where not finite.
pub(crate) fn singles<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
    sequence(serializer, values.iter().map(|&value| round(f64::from(value))))
}

/// One value to six digits; `null` where not finite.
// The signature is the one serde asks for.
#[allow(clippy::trivially_copy_pass_by_ref)]
pub(crate) fn one<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Number(round(*value)).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_missing_is_null() {
        #[derive(Serialize)]
        struct Holder {
            #[serde(serialize_with = "rounded")]
            values: Vec<f64>,
        }
        let values =
            vec![1.0, 0.123_456_789, f64::NAN, 1_234_567.0, 1e300, -0.000_012_345_678, f64::INFINITY];
        assert_eq!(
            serde_json::to_string(&Holder { values }).unwrap(),
            r#"{"values":[1,0.123457,null,1234567,1e+300,-0.0000123457,null]}"#
        );
    }
}
