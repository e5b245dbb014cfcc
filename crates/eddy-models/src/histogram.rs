//! Histograms that say how rare a value is, also far outside of what they have seen.

use eddy_detect::{LoadError, SectionReader, SectionWriter};

use crate::checked;

/// A histogram of `n` bins with `n + 1` ascending edges.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Histogram {
    edges: Vec<f64>,
    /// How rare a value in each bin is.
    surprises: Vec<f64>,
    /// How rare a value in an empty bin would be.
    empty_surprise: f64,
    /// Bins per unit, where all are about equally wide; else 0.
    bins_per_unit: f64,
}

/// Edges and the share of values in each bin.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bins {
    /// Ascending, one more than bins; neighbours differ.
    pub(crate) edges: Vec<f64>,
    /// Values in each bin.
    pub(crate) counts: Vec<f64>,
}

impl Bins {
    /// Bins of equal width between the least and the greatest value, as NumPy makes them.
    pub(crate) fn equal_width(values: &[f64], n_bins: usize) -> Self {
        let (low, high) = range(values);
        let step = (high - low) / n_bins as f64;
        let inner = (1..n_bins).map(|idx| low + idx as f64 * step);
        Self::count(values, std::iter::once(low).chain(inner).chain([high]).collect())
    }

    /// Bins that hold about as many values each. Equal values are never parted, so there may be fewer bins; a value
    /// that would fill a bin alone is not put together with the values after it.
    pub(crate) fn equal_count(values: &[f64], n_bins: usize) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (low, high) = range(&sorted);
        let after = |value: f64| sorted.get(sorted.partition_point(|&other| other <= value)).copied();
        let quantiles: Vec<f64> = (0..n_bins).map(|idx| sorted[idx * sorted.len() / n_bins]).collect();
        let after_full_bins =
            quantiles.windows(2).filter(|pair| pair[0] == pair[1]).filter_map(|pair| after(pair[0]));
        let mut edges: Vec<f64> = quantiles.iter().copied().chain(after_full_bins).collect();
        // A constant column is one bin, its value in the middle.
        edges.retain(|&edge| sorted[0] < edge && edge < high);
        edges.extend([low, high]);
        edges.sort_unstable_by(f64::total_cmp);
        Self::count(&sorted, edges)
    }

    fn count(values: &[f64], mut edges: Vec<f64>) -> Self {
        // Edges closer than rounding can tell apart are one edge.
        edges.dedup();
        let mut counts = vec![0.0; edges.len() - 1];
        let per_unit = bins_per_unit(&edges);
        for &value in values {
            counts[bin_in(&edges, per_unit, value)] += 1.0;
        }
        Self { edges, counts }
    }

    /// Width of each bin.
    pub(crate) fn widths(&self) -> impl Iterator<Item = f64> {
        self.edges.windows(2).map(|pair| pair[1] - pair[0])
    }
}

/// Least and greatest value. A constant has a half on either side, as in NumPy, or a millionth of itself if a half
/// would be lost in rounding.
pub(crate) fn range(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low < high {
        return (low, high);
    }
    let half = (low.abs() * 1e-6).max(0.5);
    (low - half, low + half)
}

/// The bin of a value: lower edges belong to the bin, the last bin has its upper edge too. Values outside fall into the
/// first or last bin.
fn bin_of(edges: &[f64], value: f64) -> usize {
    edges[1..edges.len() - 1].partition_point(|&edge| edge <= value)
}

/// How many bins there are per unit, where each is within a quarter of where equally wide bins would put it; else 0.
fn bins_per_unit(edges: &[f64]) -> f64 {
    let n_bins = edges.len() - 1;
    let (low, high) = (edges[0], edges[n_bins]);
    let width = (high - low) / n_bins as f64;
    let in_place =
        |(idx, &edge): (usize, &f64)| (edge - (idx as f64).mul_add(width, low)).abs() <= 0.25 * width;
    let per_unit = 1.0 / width;
    let is_even = edges.iter().enumerate().all(in_place) && per_unit.is_finite() && per_unit > 0.0;
    if is_even { per_unit } else { 0.0 }
}

/// The same as [`bin_of`]. Where bins are equally wide, the place of a value is computed and at most put right.
#[inline]
fn bin_in(edges: &[f64], bins_per_unit: f64, value: f64) -> usize {
    if bins_per_unit == 0.0 {
        return bin_of(edges, value);
    }
    let last = edges.len() - 2;
    // The cast takes what is negative or no number as 0, and what is too large as the largest number there is.
    let mut bin = (((value - edges[0]) * bins_per_unit) as usize).min(last);
    while bin > 0 && value < edges[bin] {
        bin -= 1;
    }
    while bin < last && value >= edges[bin + 1] {
        bin += 1;
    }
    bin
}

impl Histogram {
    /// A histogram from bins, with the surprise of each bin and of a bin that would be empty.
    pub(crate) fn new(bins: Bins, surprises: Vec<f64>, empty_surprise: f64) -> Self {
        let bins_per_unit = bins_per_unit(&bins.edges);
        Self { edges: bins.edges, surprises, empty_surprise, bins_per_unit }
    }

    /// How rare a value is. Beyond the edges it climbs from the surprise of the last bin to that of an empty bin over
    /// the width of one bin, and then by the logarithm of the distance in bins, without end.
    #[inline]
    pub(crate) fn surprise(&self, value: f64) -> f64 {
        let bin = bin_in(&self.edges, self.bins_per_unit, value);
        let (low, high) = (self.edges[bin], self.edges[bin + 1]);
        let surprise = self.surprises[bin];
        if low <= value && value <= high {
            return surprise;
        }
        // Bins can be so narrow that the quotient would not be finite.
        let beyond = ((low - value).max(value - high) / (high - low)).min(f64::MAX);
        surprise + (self.empty_surprise - surprise) * beyond.min(1.0) + beyond.ln_1p()
    }

    /// Adds to each sum how rare its value is.
    pub(crate) fn add_surprises(&self, values: &[f64], sums: &mut [f64]) {
        let (low, last) = (self.edges[0], self.surprises.len() - 1);
        for (&value, sum) in values.iter().zip(sums) {
            // Almost always the computed bin or one beside it, found without a branch; where bins are not even, it is 0.
            let bin = (((value - low) * self.bins_per_unit) as usize).min(last);
            let bin = bin - usize::from(bin > 0 && value < self.edges[bin]);
            let bin = bin + usize::from(bin < last && value >= self.edges[bin + 1]);
            let is_inside = self.edges[bin] <= value && value < self.edges[bin + 1];
            *sum += if is_inside { self.surprises[bin] } else { self.surprise(value) };
        }
    }

    /// Writes histograms, one after the other.
    pub(crate) fn save_all(histograms: &[Self], section: &mut SectionWriter<'_>) {
        let collect = |values: fn(&Self) -> &[f64]| -> Vec<f64> {
            histograms.iter().flat_map(values).copied().collect()
        };
        section.u32("n_bins", &histograms.iter().map(|h| h.surprises.len() as u32).collect::<Vec<_>>());
        section.f64("edges", &collect(|h| &h.edges));
        section.f64("surprises", &collect(|h| &h.surprises));
        section.f64("empty_surprise", &histograms.iter().map(|h| h.empty_surprise).collect::<Vec<_>>());
    }

    /// Reads the `n_histograms` histograms that [`Histogram::save_all`] wrote.
    pub(crate) fn load_all(section: &SectionReader<'_>, n_histograms: usize) -> Result<Vec<Self>, LoadError> {
        let n_bins = section.u32("n_bins")?;
        checked::check_len("n_bins", n_bins.len(), n_histograms)?;
        if n_bins.contains(&0) {
            return Err(LoadError::content("n_bins", "holds a histogram without bins"));
        }
        let total: usize = n_bins.iter().map(|&n| n as usize).sum();
        let edges = checked::floats(section, "edges", total + n_histograms)?;
        let surprises = checked::floats(section, "surprises", total)?;
        let empty = checked::floats(section, "empty_surprise", n_histograms)?;
        let (mut edges, mut surprises) = (edges.as_slice(), surprises.as_slice());
        let mut take = |(&n_bins, empty_surprise): (&u32, f64)| {
            let n_bins = n_bins as usize;
            let histogram = Self {
                edges: edges[..=n_bins].to_vec(),
                surprises: surprises[..n_bins].to_vec(),
                empty_surprise,
                bins_per_unit: bins_per_unit(&edges[..=n_bins]),
            };
            (edges, surprises) = (&edges[n_bins + 1..], &surprises[n_bins..]);
            histogram.check()
        };
        n_bins.iter().zip(empty).map(&mut take).collect()
    }

    fn check(self) -> Result<Self, LoadError> {
        /// Beyond any surprise that counts can give; keeps sums finite.
        const MAX_SURPRISE: f64 = 1e9;
        if !self.edges.windows(2).all(|pair| pair[0] < pair[1] && (pair[1] - pair[0]).is_finite()) {
            return Err(LoadError::content("edges", "are not ascending"));
        }
        if !self.surprises.iter().chain([&self.empty_surprise]).all(|value| value.abs() <= MAX_SURPRISE) {
            return Err(LoadError::content("surprises", "are out of range"));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_those_of_numpy() {
        let bins = Bins::equal_width(&[0.0, 1.0, 2.0, 2.5, 5.0, 10.0], 4);
        assert_eq!(bins.edges, [0.0, 2.5, 5.0, 7.5, 10.0]);
        assert_eq!(bins.counts, [3.0, 1.0, 1.0, 1.0]);
        assert_eq!(Bins::equal_width(&[3.0; 5], 2).edges, [2.5, 3.0, 3.5]);
    }

    #[test]
    fn bins_of_equal_count_never_part_equal_values() {
        let bins = Bins::equal_count(&[1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 9.0], 4);
        assert_eq!(bins.edges, [1.0, 2.0, 4.0, 9.0]);
        assert_eq!(bins.counts, [4.0, 2.0, 2.0]);
        let bins = Bins::equal_count(&[0.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 7.0, 9.0], 3);
        assert_eq!(bins.edges, [0.0, 5.0, 7.0, 9.0]);
        assert_eq!(bins.counts, [1.0, 6.0, 2.0]);
        assert_eq!(Bins::equal_count(&[7.0; 9], 3).counts, [9.0]);
    }

    #[test]
    fn a_bin_is_found_by_computing_as_by_searching() {
        let bins = Bins::equal_width(&[0.1, 0.7, 1.3], 7);
        let edges = bins.edges.clone();
        let histogram = Histogram::new(bins, vec![0.0; 7], 1.0);
        assert!(histogram.bins_per_unit > 0.0);
        let near = |edge: f64| [edge.next_down(), edge, edge.next_up()];
        let others = [-5.0, 9.0, f64::MAX, f64::MIN, 0.5];
        for value in edges.iter().flat_map(|&edge| near(edge)).chain(others) {
            let bin = bin_in(&edges, histogram.bins_per_unit, value);
            assert_eq!(bin, bin_of(&edges, value), "{value}");
        }
        assert_eq!(bins_per_unit(&[0.0, 1.0, 5.0]), 0.0);
    }

    #[test]
    fn values_are_as_rare_together_as_each_alone() {
        for edges in [vec![0.1, 0.7, 1.3, 1.9], vec![0.0, 1.0, 5.0, 5.5]] {
            let n_bins = edges.len() - 1;
            let bins = Bins { counts: vec![1.0; n_bins], edges: edges.clone() };
            let histogram = Histogram::new(bins, (0..n_bins).map(|bin| bin as f64).collect(), 9.0);
            let near = |edge: f64| [edge.next_down(), edge, edge.next_up(), edge + 0.3];
            let far = [-5.0, 99.0, f64::MAX, f64::MIN];
            let values: Vec<f64> = edges.iter().flat_map(|&edge| near(edge)).chain(far).collect();
            let mut sums = vec![1.0; values.len()];
            histogram.add_surprises(&values, &mut sums);
            for (value, sum) in values.iter().zip(sums) {
                assert_eq!(sum, 1.0 + histogram.surprise(*value), "{value}");
            }
        }
    }

    #[test]
    fn surprise_goes_on_growing_outside() {
        let bins = Bins { edges: vec![0.0, 1.0, 2.0], counts: vec![9.0, 1.0] };
        let histogram = Histogram::new(bins, vec![0.0, 2.0], 4.0);
        assert_eq!(histogram.surprise(0.5), 0.0);
        assert_eq!(histogram.surprise(2.0), 2.0);
        let mut last = 2.0;
        for value in [2.1, 2.9, 3.5, 10.0, 1e6, 1e38, 3.4e38] {
            let surprise = histogram.surprise(value);
            assert!(surprise > last && surprise.is_finite(), "{value}: {surprise}");
            last = surprise;
        }
        assert!(histogram.surprise(-1.0) > 4.0);
    }
}
