//! Mean and variation of a stream of numbers.

/// Sums from which mean and variation follow.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Moments {
    pub(crate) n: f64,
    pub(crate) sum: f64,
    sum_of_squares: f64,
}

impl Moments {
    pub(crate) fn add(&mut self, value: f64) {
        self.n += 1.0;
        self.sum += value;
        self.sum_of_squares += value * value;
    }

    pub(crate) fn mean(&self) -> f64 {
        self.sum / self.n.max(1.0)
    }

    /// Coefficient of variation.
    pub(crate) fn variation(&self) -> f64 {
        let mean = self.mean();
        (self.sum_of_squares / self.n.max(1.0) - mean * mean).max(0.0).sqrt() / mean.abs().max(1e-9)
    }
}
