//! The steps that a series is told in.

/// A step counts as the least one when it is no more than so many times as large,
const ALIKE: f32 = 1.25;
/// and has been seen so often,
const FEWEST: u16 = 5;
/// and is at least so large a share of all steps: values on a continuous scale hardly ever take the least step again.
const SHARE: f32 = 0.05;
/// Steps after which all counts are halved, so that the series may change its ways.
const MEMORY: u16 = 4096;
/// A known resolution is given up when smaller steps are more than one in so many.
const EXCEPTIONS: u16 = 50;

/// The resolution of a series: the least usual step between different values, or 1 while all values are whole numbers.
/// Values on a continuous scale have none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Resolution {
    least: f32,
    n_least: u16,
    n_steps: u16,
    n_below: u16,
    has_parts: bool,
}

impl Resolution {
    /// Takes in the next finite value and the one before it; the resolution of the values before it, 0 while none is
    /// known.
    pub fn push(&mut self, value: f32, last: Option<f32>) -> f32 {
        let before = self.step();
        self.has_parts = self.has_parts || value.fract() != 0.0;
        let step = last.map_or(0.0, |last| (value * 0.5 - last * 0.5).abs()) * 2.0;
        if step > 0.0 && step.is_finite() {
            self.see(step);
        }
        before
    }

    fn see(&mut self, step: f32) {
        let is_below = step * ALIKE < self.least;
        if is_below && self.is_usual() && (self.n_below + 1) * EXCEPTIONS < self.n_steps {
            self.n_below += 1;
        } else if self.least <= 0.0 || is_below {
            *self = Self { least: step, n_least: 1, n_steps: 1, n_below: 0, has_parts: self.has_parts };
            return;
        } else if step <= self.least * ALIKE {
            self.n_least += 1;
        }
        self.n_steps += 1;
        if self.n_steps >= MEMORY {
            (self.n_least, self.n_steps, self.n_below) =
                (self.n_least / 2, self.n_steps / 2, self.n_below / 2);
        }
    }

    fn is_usual(&self) -> bool {
        self.n_least >= FEWEST && f32::from(self.n_least) >= SHARE * f32::from(self.n_steps)
    }

    /// The least usual step; 1 while all values are whole numbers; 0 while none is known.
    fn step(&self) -> f32 {
        if self.is_usual() {
            self.least
        } else if self.has_parts {
            0.0
        } else {
            1.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(values: impl Iterator<Item = f32>) -> f32 {
        let mut resolution = Resolution::default();
        let mut last = None;
        for value in values {
            resolution.push(value, last);
            last = Some(value);
        }
        resolution.step()
    }

    /// Numbers from 0 to 1 in no order.
    fn noise(idx: u32) -> f32 {
        let mixed = (idx + 1).wrapping_mul(2_654_435_761);
        let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85EB_CA6B);
        ((mixed ^ (mixed >> 13)) >> 8) as f32 / 16_777_216.0
    }

    #[test]
    fn whole_numbers_and_tenths_are_told_from_a_continuous_scale() {
        assert_eq!(after((0..500).map(|idx| (3.0 + 3.0 * noise(idx)).floor())), 1.0);
        let tenths = after((0..500).map(|idx| (70.0 + 9.0 * noise(idx)).round() / 10.0));
        assert!((tenths - 0.1).abs() < 0.01, "{tenths}");
        assert_eq!(after((0..5000).map(noise)), 0.0);
        assert_eq!(after((0..500).map(|_| 4.5)), 0.0);
        assert_eq!(after((0..3).map(|_| 4.0)), 1.0);
        assert_eq!(after((0..500).map(|idx| (9.0 * noise(idx)).floor() * 5.0)), 5.0);
    }

    #[test]
    fn a_single_smaller_step_does_not_hide_the_usual_one() {
        let values = (0..1000).map(|idx| (3.0 * noise(idx)).floor() + if idx == 800 { 0.25 } else { 0.0 });
        assert_eq!(after(values), 1.0);
        // But a series that goes over to a finer scale is told of.
        let values = (0..2000).map(|idx| (3.0 * noise(idx) * if idx < 1000 { 1.0 } else { 4.0 }).floor());
        let finer = values.enumerate().map(|(idx, value)| if idx < 1000 { value } else { value / 4.0 });
        assert_eq!(after(finer), 0.25);
    }

    #[test]
    fn any_value_is_taken() {
        let mut resolution = Resolution::default();
        let values = [0.0, f32::MAX, f32::MIN, 1e-45, -0.0, f32::MIN_POSITIVE, f32::MAX].repeat(9);
        for pair in values.windows(2) {
            assert!(resolution.push(pair[1], Some(pair[0])).is_finite());
        }
    }
}
