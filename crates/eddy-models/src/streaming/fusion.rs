//! From the numbers of the members to one score: weights learned from labelled series, and what the score means.

use eddy_detect::{LoadError, SectionReader, SectionWriter};

use super::{Size, members::RESIDUAL_SHARE};
use crate::{checked, columns::dot};

/// The shipped weights. `bench/series_ensemble/fit.py` makes them and names the series they were learned from.
const SHIPPED: &str = include_str!("weights.txt");
/// Knots of the scale: shares of typical rows, each a quarter of a decade rarer than the one before.
const N_KNOTS: usize = 17;
const KNOTS_PER_DECADE: f64 = 4.0;
/// Rows that the dense score is smoothed over.
const SMOOTHED: f32 = 5.0;
/// By how much the dense score falls from one row to the next, at most, in units of the sum.
const FALL: f32 = 1.0 / 60.0;
/// A row whose distance from its prediction is more than so much of the record, as a logarithm, stands out by itself:
const ROW_FROM: f32 = -0.5;
/// what is more counts so many times in the dense score,
const ROW_TIMES: f32 = 3.0;
/// but no more than so much: a series full of spikes would have them above its events.
const ROW_MOST: f32 = 4.0;
/// The largest weight that a saved model may have.
const MOST: f32 = 1e3;
/// No surprise is greater.
const LARGEST_SURPRISE: f64 = 300.0;

/// A weighted sum of the numbers, and the scale that makes it a surprise.
#[derive(Debug, Clone, PartialEq)]
pub struct Fusion {
    size: Size,
    /// What each number stands for.
    reasons: Vec<usize>,
    /// One for each number.
    weights: Vec<f32>,
    /// What each number is for typical rows, on the whole.
    usual: Vec<f32>,
    /// Sums that are exceeded by all typical rows, by 10^-0.25 of them, by 10^-0.5, and so on.
    knots: Vec<f32>,
    /// The same of the dense sums.
    dense_knots: Vec<f32>,
}

/// How surprising the numbers of a row are, as `-log10` of the share of typical rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surprises {
    /// For ranking and plots: smoothed, slow to fall, and higher where the row itself stands out.
    pub dense: f64,
    /// For opening events.
    pub event: f64,
}

/// The sums of a series so far: smoothed, and the highest of late.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trail {
    smooth: Option<f32>,
    highest: f32,
}

impl Trail {
    /// Takes in the sum of the next row and the logarithm of the share that its distance from the prediction has of the
    /// record; the dense sum.
    fn push(&mut self, sum: f32, share: f32) -> f32 {
        let smooth = self.smooth.map_or(sum, |before| before + (sum - before) / SMOOTHED);
        self.highest = if self.smooth.is_some() { smooth.max(self.highest - FALL) } else { smooth };
        self.smooth = Some(smooth);
        self.highest + (ROW_TIMES * (share - ROW_FROM)).clamp(0.0, ROW_MOST)
    }
}

impl Fusion {
    /// The shipped weights: of a size, for ranges that are known or not, learned from all series or `without` those of
    /// one group of a deal (its seed and the group).
    pub fn shipped(size: Size, is_range_known: bool, without: Option<(u8, u8)>) -> Option<Self> {
        let kind = match (size, is_range_known) {
            (Size::Light, _) => "light",
            (Size::Full, false) => "full",
            (Size::Full, true) => "full_range",
        };
        let set = without.map_or("all".to_string(), |(deal, group)| format!("{deal}/{group}"));
        let numbers = |set: &str, what: &str| -> Option<Vec<f32>> {
            let mut lines = SHIPPED.lines().map(str::split_whitespace);
            let line = lines.find_map(|mut words| {
                let is_it =
                    words.next() == Some(kind) && words.next() == Some(set) && words.next() == Some(what);
                is_it.then_some(words)
            });
            line?.map(|word| word.parse().ok()).collect()
        };
        let fusion = Self {
            size,
            reasons: size.reasons(),
            weights: numbers(&set, "weights")?,
            usual: numbers("all", "usual")?,
            knots: numbers(&set, "knots")?,
            dense_knots: numbers(&set, "dense_knots")?,
        };
        fusion.is_sound().then_some(fusion)
    }

    fn is_sound(&self) -> bool {
        let n = self.size.n_features();
        let all = self.weights.iter().chain(&self.usual).chain(&self.knots).chain(&self.dense_knots);
        self.weights.len() == n
            && self.usual.len() == n
            && self.knots.len() == N_KNOTS
            && self.dense_knots.len() == N_KNOTS
            && all.copied().all(|number| number.abs() <= MOST)
            && [&self.knots, &self.dense_knots]
                .iter()
                .all(|knots| knots.windows(2).all(|pair| pair[0] < pair[1]))
    }

    /// How surprising the numbers of a row are, after all those that `trail` has seen.
    pub fn surprises(&self, numbers: &[f32], trail: &mut Trail) -> Surprises {
        let sum = weighed(&self.weights, numbers);
        let share = numbers.get(RESIDUAL_SHARE).copied().unwrap_or(ROW_FROM);
        let dense = trail.push(sum, share);
        Surprises {
            dense: surprise(&self.dense_knots, f64::from(dense)),
            event: surprise(&self.knots, f64::from(sum)),
        }
    }

    /// Which reason the numbers give the most for.
    pub fn reason(&self, numbers: &[f32]) -> usize {
        let mut shares = [0.0f32; super::REASONS.len()];
        let weighed = numbers.iter().zip(&self.usual).zip(&self.weights);
        for (((number, usual), weight), &reason) in weighed.zip(&self.reasons) {
            shares[reason] += weight * (number - usual);
        }
        let most = shares.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        most.map_or(0, |(reason, _)| reason)
    }

    /// Numbers that a value of a series is told by.
    pub fn n_numbers(&self) -> usize {
        self.weights.len()
    }

    /// Names and writes the arrays.
    pub fn save(&self, section: &mut SectionWriter<'_>) {
        section.f32("weights", &self.weights);
        section.f32("usual", &self.usual);
        section.f32("knots", &self.knots);
        section.f32("dense_knots", &self.dense_knots);
    }

    /// Reads what [`Fusion::save`] wrote.
    pub fn load(section: &SectionReader<'_>, size: Size) -> Result<Self, LoadError> {
        let read = |name: &str, len: usize| -> Result<Vec<f32>, LoadError> {
            let numbers = section.f32(name)?;
            checked::check_len(name, numbers.len(), len)?;
            Ok(numbers.to_vec())
        };
        let n = size.n_features();
        let fusion = Self {
            size,
            reasons: size.reasons(),
            weights: read("weights", n)?,
            usual: read("usual", n)?,
            knots: read("knots", N_KNOTS)?,
            dense_knots: read("dense_knots", N_KNOTS)?,
        };
        if fusion.is_sound() {
            Ok(fusion)
        } else {
            Err(LoadError::content("weights", "with their scale make no sense"))
        }
    }
}

eddy_detect::wide! {
    /// The sum of the numbers, each times its weight.
    fn weighed(weights: &[f32], numbers: &[f32]) -> f32 {
        dot::<8>(weights, numbers)
    }
}

/// `-log10` of the share of typical rows whose sums are at least as large.
fn surprise(knots: &[f32], sum: f64) -> f64 {
    let knot = |idx: usize| f64::from(knots[idx]);
    let last = knots.len() - 1;
    let above = knots.partition_point(|&knot| f64::from(knot) <= sum);
    if above == 0 {
        return 0.0;
    }
    // Beyond the last knot the last decade goes on.
    let (low, high) = if above > last { (last - 4, last) } else { (above - 1, above) };
    let step = (high - low) as f64 / KNOTS_PER_DECADE / (knot(high) - knot(low)).max(1e-6);
    let surprise = high as f64 / KNOTS_PER_DECADE + (sum - knot(high)) * step;
    surprise.clamp(0.0, LARGEST_SURPRISE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_of_shipped_weights_is_there_and_sound() {
        for (size, is_known) in
            [(Size::Light, false), (Size::Light, true), (Size::Full, false), (Size::Full, true)]
        {
            let groups = (1..=3).flat_map(|deal| (0..8).map(move |group| Some((deal, group))));
            for without in groups.chain([None]) {
                let fusion = Fusion::shipped(size, is_known, without).unwrap();
                assert!(fusion.weights.iter().all(|&weight| weight >= 0.0));
            }
        }
        assert_eq!(Fusion::shipped(Size::Full, false, Some((1, 8))), None);
        let of = |deal| Fusion::shipped(Size::Full, false, Some((deal, 0)));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn the_dense_sum_is_slow_to_fall_and_higher_where_a_row_stands_out() {
        let mut trail = Trail::default();
        assert_eq!(trail.push(-4.0, -2.0), -4.0);
        let risen = trail.push(1.0, -2.0);
        assert!((risen + 3.0).abs() < 1e-6);
        assert_eq!(trail.push(-40.0, -2.0), risen - FALL);
        let stands_out = trail.push(-40.0, 0.0);
        assert!(stands_out > risen + 1.0 && stands_out < trail.push(-40.0, 3.0));
        assert!(trail.push(-40.0, 1e9) < risen + ROW_MOST);
    }

    #[test]
    fn a_knot_is_as_surprising_as_its_share_is_rare() {
        let knots: Vec<f32> = (0..N_KNOTS).map(|idx| idx as f32).collect();
        for (sum, wanted) in
            [(-5.0, 0.0), (0.0, 0.0), (4.0, 1.0), (6.0, 1.5), (16.0, 4.0), (20.0, 5.0), (1e30, 300.0)]
        {
            assert!((surprise(&knots, sum) - wanted).abs() < 1e-9, "{sum}");
        }
    }
}
