//! The scale that normal rows have.

use eddy_detect::{LoadError, SectionReader, SectionWriter};
use eddy_frame::{Rows, RowsView};

use crate::{checked, columns::finite};

/// Deviations that a value is cut off at: beyond, it is strange enough.
const FARTHEST: f32 = 10.0;
/// Part of the deviation among all rows that a column has at least: one that is constant in the normal rows says much,
/// but not without end.
const LEAST_WIDTH: f64 = 1e-3;

/// Brings columns to mean 0 and deviation 1 among the normal rows, and cuts off what lies far out. One column alone can
/// then not outweigh all others, however wide its values go.
#[derive(Debug)]
pub(crate) struct NormalScale {
    center: Vec<f64>,
    width: Vec<f64>,
}

impl NormalScale {
    /// Learns the scale from normal rows, and how small a column's width may be from all rows.
    pub(crate) fn learn(normal: RowsView<'_>, all: RowsView<'_>) -> Self {
        let (center, width) = center_and_width(normal);
        let least = center_and_width(all).1;
        let width = width.into_iter().zip(least).zip(&center);
        let width = width.map(|((width, all), center)| {
            let width = width.max(all * LEAST_WIDTH).max(center.abs() * 1e-6);
            if width > 1e-30 { width } else { 1.0 }
        });
        Self { width: width.collect(), center }
    }

    /// The rows on that scale.
    pub(crate) fn bring(&self, rows: RowsView<'_>) -> Rows {
        let mut values = Vec::with_capacity(rows.values().len());
        for row in rows.iter() {
            let row = row.iter().zip(&self.center).zip(&self.width);
            values.extend(row.map(|((&value, center), width)| {
                (((f64::from(finite(value)) - center) / width) as f32).clamp(-FARTHEST, FARTHEST)
            }));
        }
        Rows::new(values, rows.n_cols())
    }

    pub(crate) fn save(&self, section: &mut SectionWriter<'_>) {
        section.f64("normal_center", &self.center);
        section.f64("normal_width", &self.width);
    }

    /// Reads what [`NormalScale::save`] wrote.
    pub(crate) fn load(section: &SectionReader<'_>, n_cols: usize) -> Result<Self, LoadError> {
        let center = checked::f32_range(section, "normal_center", n_cols)?;
        let width = checked::positives(section, "normal_width", n_cols)?;
        Ok(Self { center, width })
    }
}

fn center_and_width(rows: RowsView<'_>) -> (Vec<f64>, Vec<f64>) {
    let n = rows.n_rows().max(1) as f64;
    let mut center = vec![0.0; rows.n_cols()];
    for row in rows.iter() {
        center.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(finite(value)));
    }
    center.iter_mut().for_each(|sum| *sum /= n);
    let mut square = vec![0.0; rows.n_cols()];
    for row in rows.iter() {
        for ((sum, &value), center) in square.iter_mut().zip(row).zip(&center) {
            *sum += (f64::from(finite(value)) - center).powi(2);
        }
    }
    (center, square.into_iter().map(|sum| (sum / n).sqrt()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_off_and_constant_columns_say_much() {
        let normal = Rows::new((0..100).flat_map(|at| [at as f32, 3.0]).collect(), 2);
        let mut all = normal.clone();
        all.append(RowsView::new(&[50.0, 4.0], 2));
        let scale = NormalScale::learn(normal.view(), all.view());
        let brought = scale.bring(RowsView::new(&[49.5, 3.0, 1e9, 4.0, f32::NAN, -3.4e38], 2));
        assert_eq!(brought.view().values()[..4], [0.0, 0.0, 10.0, 10.0]);
        assert!(brought.view().values().iter().all(|value| value.is_finite()));
    }
}
