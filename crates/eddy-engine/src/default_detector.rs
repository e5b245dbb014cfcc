//! Which detector is used where none is named.

use eddy_frame::{Entities, Field, Kind, Role, Schema};

use crate::EngineError;
use crate::input::Input;
use crate::order::is_series;

/// Default detector of metric series.
pub(crate) const SERIES_DETECTOR: &str = "series_ensemble";
/// That of series with fewer rows than this, which are hardly more than it takes to learn what is usual.
const SHORT_DETECTOR: &str = "rolling_z";
const SHORT_SERIES: u64 = 150;

/// Rows of each series among those that are learned from; none where the table is no metric series,
/// or not all of it is at hand.
pub(crate) fn series_lengths(input: &Input, most: usize) -> Result<Option<Vec<u64>>, EngineError> {
    if !is_series(input.schema()) {
        return Ok(None);
    }
    if input.schema().with_role(Role::Entity).next().is_none() {
        return Ok(Some(vec![input.n_rows]));
    }
    let frame = input.to_fit(true, most).map_err(EngineError::Input)?;
    // Of the rest of a long table nothing is known yet.
    if (frame.n_rows() as u64) < input.n_rows {
        return Ok(None);
    }
    let groups = Entities::of(&frame).groups(frame.n_rows());
    Ok(Some(groups.iter().map(|(_, rows)| rows.len() as u64).collect()))
}

/// What the detector of metric series has nothing to say about, for want of a past.
pub(crate) fn caution_of_short(lengths: &[u64]) -> Option<String> {
    let short = lengths.iter().filter(|&&length| length < SHORT_SERIES).count();
    let longest = lengths.iter().max().copied().unwrap_or(0);
    if short > 0 {
        let of = if lengths.len() == 1 { String::new() } else { format!("{short} of {} ", lengths.len()) };
        return Some(format!(
            "{of}series have fewer than {SHORT_SERIES} rows, too few for {SERIES_DETECTOR} to know what is usual; \
             --detector {SHORT_DETECTOR} judges them"
        ));
    }
    let is_young = longest < 5 * SHORT_SERIES;
    is_young.then(|| "the first 100 rows of a series show what is usual; of these nothing is told".to_owned())
}

/// The detector for those who name none: that of metric series for metric series, a simpler one where all of them are
/// short, else the ensemble of row models.
pub(crate) fn default_detector(schema: &Schema, lengths: Option<&[u64]>) -> &'static str {
    let inputs: Vec<&Field> = schema.fields.iter().filter(|field| field.role.is_input()).collect();
    let is_series =
        is_series(schema) && inputs.iter().all(|field| field.role == Role::Value && field.kind != Kind::Text);
    match lengths {
        _ if !is_series => "voting",
        Some(lengths) if lengths.iter().all(|&length| length < SHORT_SERIES) => SHORT_DETECTOR,
        _ => SERIES_DETECTOR,
    }
}

#[cfg(test)]
mod tests {
    use eddy_frame::Field;

    use super::*;

    #[test]
    fn short_series_have_a_detector_of_their_own_and_others_a_caution() {
        let series = Schema {
            fields: vec![
                Field::new("time", Kind::Time, Role::Time),
                Field::new("bytes", Kind::Float, Role::Value),
            ],
        };
        let of = |longest| default_detector(&series, Some(&[longest]));
        assert_eq!((of(149), of(150)), (SHORT_DETECTOR, SERIES_DETECTOR));
        let table = Schema { fields: vec![Field::new("bytes", Kind::Float, Role::Feature)] };
        assert_eq!(default_detector(&table, None), "voting");
        assert!(caution_of_short(&[40, 400]).unwrap().starts_with("1 of 2 series have fewer than 150 rows"));
        assert!(caution_of_short(&[200]).unwrap().contains("the first 100 rows"));
        assert_eq!(caution_of_short(&[1_000, 5_000]), None);
    }
}
