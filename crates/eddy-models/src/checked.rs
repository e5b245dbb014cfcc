//! Reading the arrays of a saved model with the checks that every detector needs.

use eddy_detect::{LoadError, SectionReader};

use crate::tiles::Range;

/// The most columns a saved model may claim; a guard against nonsense, far above any real table.
const MAX_FEATURES: usize = 1 << 20;

/// Below the least difference of 32-bit floats, shared out over more rows than there can be.
const MIN_SPREAD: f64 = 1e-70;

/// The number of columns, from 1 on.
pub(crate) fn n_features(section: &SectionReader<'_>) -> Result<usize, LoadError> {
    let n_features: usize = section.value("n_features")?;
    if (1..=MAX_FEATURES).contains(&n_features) {
        Ok(n_features)
    } else {
        Err(LoadError::content("n_features", format!("is {n_features}, not between 1 and {MAX_FEATURES}")))
    }
}

/// An array of 64-bit floats, all finite, of length `len`.
pub(crate) fn floats(section: &SectionReader<'_>, name: &str, len: usize) -> Result<Vec<f64>, LoadError> {
    let values = section.f64(name)?;
    check_len(name, values.len(), len)?;
    if !values.iter().all(|value| value.is_finite()) {
        return Err(LoadError::content(name, "holds a number that is not finite"));
    }
    Ok(values.to_vec())
}

/// Like [`floats`], with all values in the range of 32-bit floats: centres of columns.
pub(crate) fn f32_range(section: &SectionReader<'_>, name: &str, len: usize) -> Result<Vec<f64>, LoadError> {
    let values = floats(section, name, len)?;
    if !values.iter().all(|&value| value.abs() <= f64::from(f32::MAX)) {
        return Err(LoadError::content(name, "holds a number that no column can reach"));
    }
    Ok(values)
}

/// Like [`floats`], with all values above 0 and no smaller than differences of 32-bit floats can be on average, so that
/// quotients and their squares stay finite: spreads of columns.
pub(crate) fn positives(section: &SectionReader<'_>, name: &str, len: usize) -> Result<Vec<f64>, LoadError> {
    let values = floats(section, name, len)?;
    if !values.iter().all(|&value| value > MIN_SPREAD) {
        return Err(LoadError::content(name, "holds a number that is not above 0"));
    }
    Ok(values)
}

/// The range that points were brought into.
pub(crate) fn range(section: &SectionReader<'_>, n_features: usize) -> Result<Range, LoadError> {
    let scale = section.f32("scale")?;
    check_len("scale", scale.len(), 1)?;
    Range::from_scale(scale[0], n_features)
        .ok_or_else(|| LoadError::content("scale", "is no power of two up to 1"))
}

/// The width of a Gaussian kernel.
pub(crate) fn gamma(section: &SectionReader<'_>) -> Result<f32, LoadError> {
    let gamma = section.f32("gamma")?;
    check_len("gamma", gamma.len(), 1)?;
    if gamma[0] >= f32::MIN_POSITIVE && gamma[0].is_finite() {
        Ok(gamma[0])
    } else {
        Err(LoadError::content("gamma", "is not above 0"))
    }
}

/// Points of `n_features` columns, all within the range.
pub(crate) fn points(
    section: &SectionReader<'_>,
    name: &str,
    n_features: usize,
    range: Range,
) -> Result<Vec<f32>, LoadError> {
    let values = section.f32(name)?;
    if !values.len().is_multiple_of(n_features) {
        return Err(LoadError::content(name, "is no whole number of points"));
    }
    if !values.iter().all(|value| value.abs() <= range.limit) {
        return Err(LoadError::content(name, "holds a number that is out of range"));
    }
    Ok(values.to_vec())
}

/// Refuses an array of the wrong length.
pub(crate) fn check_len(name: &str, got: usize, wanted: usize) -> Result<(), LoadError> {
    if got == wanted {
        Ok(())
    } else {
        Err(LoadError::content(name, format!("has {got} elements, {wanted} are expected")))
    }
}
