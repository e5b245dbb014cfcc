//! A series on even steps.

use eddy_frame::MISSING_TIME;

use crate::Sampling;

/// Values at even steps; missing is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Time of the first place, in nanoseconds.
    pub start: i64,
    /// Nanoseconds between places.
    pub step: i64,
    /// The values.
    pub values: Vec<f64>,
}

/// Places of a grid for each row, at most.
const MOST_PLACES_A_ROW: usize = 64;

impl Grid {
    /// Puts rows, in any order, onto the step of their series. Rows that fall onto the same place are averaged; places
    /// without a row are missing. None where the series has no regular step, or so long gaps that almost nothing else
    /// would be left.
    pub fn of(times: &[i64], values: &[f64], sampling: &Sampling) -> Option<Self> {
        let (step, (start, end)) = (sampling.step.filter(|_| sampling.is_regular())?, sampling.span?);
        let places = (i128::from(end) - i128::from(start)) / i128::from(step.max(1)) + 2;
        let n = usize::try_from(places).ok().filter(|&n| n <= times.len().max(64) * MOST_PLACES_A_ROW)?;
        let mut order: Vec<usize> =
            (0..times.len().min(values.len())).filter(|&at| times[at] != MISSING_TIME).collect();
        order.sort_by_key(|&at| times[at]);
        let mut sums = vec![(0.0f64, 0u32); n];
        let (mut last, mut last_time) = (0usize, start);
        let mut end = 0;
        for at in order {
            let since = times[at].saturating_sub(last_time);
            let mut place = ((times[at].saturating_sub(start)) as f64 / step as f64).round() as usize;
            // Two rows a whole step apart are two places, even when rounding says one.
            if place == last && since.saturating_mul(4) >= step.saturating_mul(3) {
                place += 1;
            }
            let place = place.clamp(last, n - 1);
            if values[at].is_finite() {
                sums[place].0 += values[at];
                sums[place].1 += 1;
            }
            (last, last_time) = (place, times[at]);
            end = end.max(place + 1);
        }
        sums.truncate(end);
        let values = sums
            .into_iter()
            .map(|(sum, n)| if n == 0 { f64::NAN } else { crate::finite(sum / f64::from(n)) });
        Some(Self { start, step, values: values.collect() })
    }

    /// The grid with every `factor` adjacent places as one, their mean; missing places do not count.
    pub fn coarser(&self, factor: usize) -> Self {
        let factor = factor.max(1);
        let average = |part: &[f64]| {
            let known: Vec<f64> = part.iter().copied().filter(|value| value.is_finite()).collect();
            if known.is_empty() { f64::NAN } else { known.iter().sum::<f64>() / known.len() as f64 }
        };
        Self {
            start: self.start,
            step: self.step.saturating_mul(factor as i64),
            values: self.values.chunks(factor).map(average).collect(),
        }
    }

    /// Time of a place, in nanoseconds.
    pub fn time(&self, place: usize) -> i64 {
        self.start.saturating_add(self.step.saturating_mul(place as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(times: &[i64], values: &[f64]) -> Option<Grid> {
        Grid::of(times, values, &Sampling::of(times))
    }

    #[test]
    fn gaps_are_missing_and_duplicates_averaged() {
        let times = [0, 10, 20, 20, 50, 60, 70, 80];
        let got = grid(&times, &[1.0, 2.0, 3.0, 5.0, 6.0, 7.0, f64::INFINITY, 9.0]).unwrap();
        assert_eq!((got.start, got.step, got.time(3)), (0, 10, 30));
        let shown: Vec<String> = got.values.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["1", "2", "4", "NaN", "NaN", "6", "7", "NaN", "9"]);
        let coarse = got.coarser(3);
        assert_eq!((coarse.step, coarse.values[1], coarse.values.len()), (30, 6.0, 3));
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let times: Vec<i64> = (0..50).map(|t| t * 7).collect();
        let values: Vec<f64> = times.iter().map(|&t| t as f64).collect();
        let back: (Vec<i64>, Vec<f64>) = times.iter().copied().zip(values.iter().copied()).rev().unzip();
        assert_eq!(grid(&times, &values), grid(&back.0, &back.1));
    }

    #[test]
    fn there_is_no_grid_without_a_step_nor_of_endless_gaps() {
        assert_eq!(grid(&[], &[]), None);
        assert_eq!(grid(&[5, 5], &[1.0, 2.0]), None);
        assert_eq!(grid(&[0, 1, 2, 3, 4, 1_000_000], &[0.0; 6]), None);
        assert_eq!(
            grid(&[i64::MIN + 1, i64::MIN + 2, i64::MIN + 3, i64::MIN + 4, i64::MAX], &[0.0; 5]),
            None
        );
    }
}
