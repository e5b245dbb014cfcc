//! Local regression at even steps, as STL uses it.

/// How a curve is smoothed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loess {
    /// Values in the neighbourhood.
    pub(crate) span: usize,
    /// 0 for a local mean, 1 for a local line.
    pub(crate) degree: usize,
    /// A fit at every `jump`-th place, straight lines between.
    pub(crate) jump: usize,
}

impl Loess {
    /// Smooths `values`; `weights`, where given, are those of robustness and missing values. Where all weights of a
    /// neighbourhood are 0 the value itself stands.
    ///
    /// The rules at the ends, the bandwidth beyond the length of the series and the places of the fits are those of
    /// the authors' program (`ess` and `est` in netlib's `a/stl`).
    pub(crate) fn smooth(self, values: &[f64], weights: Option<&[f64]>, out: &mut [f64]) {
        let n = values.len();
        if n < 2 {
            out[..n].copy_from_slice(values);
            return;
        }
        let jump = self.jump.clamp(1, n - 1);
        let half = self.span.div_ceil(2);
        let kernel = Kernel::of(self.span);
        let fit_at = |at: usize, out: &mut [f64]| {
            // The first and last neighbour, counted from 0.
            let (left, right) = if self.span >= n {
                (0, n - 1)
            } else if at + 1 < half {
                (0, self.span - 1)
            } else if at >= n - half {
                (n - self.span, n - 1)
            } else {
                (at + 1 - half, self.span + at - half)
            };
            let whole = self.span % 2 == 1 && self.span < n && at - left == right - at;
            out[at] = match (whole, weights) {
                // The middle of a neighbourhood: weights are even about it, so that a line has its mean there.
                (true, None) => kernel.mean(&values[left..=right]),
                (true, Some(weights)) => {
                    let (values, weights) = (&values[left..=right], &weights[left..=right]);
                    self.line(kernel.sums(values, weights), kernel.middle(), n).unwrap_or(values[at - left])
                }
                _ => self.fit(values, weights, at as f64, (left, right)).unwrap_or(values[at]),
            };
        };
        let mut at = 0;
        while at < n {
            fit_at(at, out);
            at += jump;
        }
        if jump == 1 {
            return;
        }
        let last = (n - 1) / jump * jump;
        if last != n - 1 {
            fit_at(n - 1, out);
        }
        let line = |out: &mut [f64], from: usize, to: usize| {
            let slope = (out[to] - out[from]) / (to - from) as f64;
            for between in from + 1..to {
                out[between] = out[from] + slope * (between - from) as f64;
            }
        };
        (0..last).step_by(jump).for_each(|from| line(out, from, from + jump));
        if last != n - 1 {
            line(out, last, n - 1);
        }
    }

    /// The fit at `x` (which may lie outside) from the neighbours `left..=right`; none where all have weight 0.
    pub(crate) fn fit(
        self,
        values: &[f64],
        weights: Option<&[f64]>,
        x: f64,
        (left, right): (usize, usize),
    ) -> Option<f64> {
        let n = values.len();
        let mut bandwidth = (x - left as f64).max(right as f64 - x);
        if self.span > n {
            bandwidth += ((self.span - n) / 2) as f64;
        }
        let (near, far) = (0.001 * bandwidth, 0.999 * bandwidth);
        let weight = |at: usize| {
            let distance = (at as f64 - x).abs();
            let kernel = if distance <= near {
                1.0
            } else if distance <= far {
                let ratio = distance / bandwidth;
                let left = 1.0 - ratio * ratio * ratio;
                left * left * left
            } else {
                return 0.0;
            };
            weights.map_or(kernel, |weights| kernel * weights[at])
        };
        // Places are taken from x on, which keeps the sums small.
        let mut sums = [0.0f64; 5];
        for at in left..=right {
            let w = weight(at);
            let d = at as f64 - x;
            sums[0] += w;
            sums[1] += w * d;
            sums[2] += w * d * d;
            sums[3] += w * values[at];
            sums[4] += w * d * values[at];
        }
        self.line(sums, bandwidth, n)
    }

    /// The fit from the weighted sums of 1, d, d^2, y and d * y, where d is the distance from the place of the fit.
    fn line(self, [sum, first, second, value, product]: [f64; 5], bandwidth: f64, n: usize) -> Option<f64> {
        if sum <= 0.0 {
            return None;
        }
        let (middle, mean) = (first / sum, value / sum);
        if bandwidth <= 0.0 || self.degree == 0 {
            return Some(mean);
        }
        let spread = second / sum - middle * middle;
        if spread.max(0.0).sqrt() <= 0.001 * (n as f64 - 1.0) {
            return Some(mean);
        }
        Some(mean - middle * (product / sum - middle * mean) / spread)
    }
}

/// Weights of a whole neighbourhood about its middle; their sum is 1.
struct Kernel(Vec<f64>);

/// Sums side by side: the order of addition is fixed and no addition waits for the one before.
const LANES: usize = 4;

impl Kernel {
    fn of(span: usize) -> Self {
        let middle = (span.saturating_sub(1) / 2) as f64;
        let weight = |at: usize| {
            let ratio = (at as f64 - middle).abs() / middle;
            match ratio {
                r if r <= 0.001 || middle == 0.0 => 1.0,
                r if r <= 0.999 => (1.0 - r * r * r).powi(3),
                _ => 0.0,
            }
        };
        let weights: Vec<f64> = (0..span).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        Self(weights.into_iter().map(|weight| weight / sum).collect())
    }

    /// Distance from the middle to the ends.
    fn middle(&self) -> f64 {
        (self.0.len().saturating_sub(1) / 2) as f64
    }

    fn mean(&self, values: &[f64]) -> f64 {
        let mut sums = [0.0f64; LANES];
        let (kernel, kernel_rest) = self.0.as_chunks::<LANES>();
        let (chunks, rest) = values.as_chunks::<LANES>();
        for (kernel, values) in kernel.iter().zip(chunks) {
            for lane in 0..LANES {
                sums[lane] += kernel[lane] * values[lane];
            }
        }
        let tail: f64 = kernel_rest.iter().zip(rest).map(|(weight, value)| weight * value).sum();
        (sums[0] + sums[1]) + (sums[2] + sums[3]) + tail
    }

    /// The sums that [`Loess::line`] wants, with further weights.
    fn sums(&self, values: &[f64], weights: &[f64]) -> [f64; 5] {
        let mut sums = [[0.0f64; LANES]; 5];
        let middle = self.middle();
        let mut add = |lane: usize, at: usize| {
            let (w, d) = (self.0[at] * weights[at], at as f64 - middle);
            let (wd, wy) = (w * d, w * values[at]);
            sums[0][lane] += w;
            sums[1][lane] += wd;
            sums[2][lane] += wd * d;
            sums[3][lane] += wy;
            sums[4][lane] += wy * d;
        };
        let whole = values.len() / LANES * LANES;
        for start in (0..whole).step_by(LANES) {
            for lane in 0..LANES {
                add(lane, start + lane);
            }
        }
        (whole..values.len()).for_each(|at| add(0, at));
        sums.map(|lanes| (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line() {
        let values: Vec<f64> = (0..50).map(|t| 3.0 + 2.0 * f64::from(t)).collect();
        for (span, jump) in [(7, 1), (7, 3), (21, 4), (101, 1), (101, 10)] {
            let mut out = vec![0.0; 50];
            Loess { span, degree: 1, jump }.smooth(&values, None, &mut out);
            assert!(out.iter().zip(&values).all(|(a, b)| (a - b).abs() < 1e-9), "{span} {jump} {out:?}");
        }
    }

    #[test]
    fn the_short_way_and_the_long_way_agree() {
        let values: Vec<f64> = (0..200).map(|t| f64::from(t * t % 37)).collect();
        let (mut short, mut long) = (vec![0.0; 200], vec![0.0; 200]);
        let loess = Loess { span: 31, degree: 1, jump: 1 };
        loess.smooth(&values, None, &mut short);
        loess.smooth(&values, Some(&[1.0; 200]), &mut long);
        assert!(short.iter().zip(&long).all(|(a, b)| (a - b).abs() < 1e-10));
    }

    #[test]
    fn values_without_weight_do_not_count() {
        let mut values: Vec<f64> = (0..30).map(f64::from).collect();
        let mut weights = vec![1.0; 30];
        (values[12], weights[12]) = (1e9, 0.0);
        let mut out = vec![0.0; 30];
        Loess { span: 9, degree: 1, jump: 1 }.smooth(&values, Some(&weights), &mut out);
        assert!((out[12] - 12.0).abs() < 1e-9);
    }
}
