//! The median of the last values, kept in order.

/// Values that are kept.
const KEPT: usize = 100;

/// The median of the last hundred values.
#[derive(Debug, Clone)]
pub(super) struct UsualLevel {
    ring: [f32; KEPT],
    sorted: [f32; KEPT],
    n: usize,
    next: usize,
}

impl Default for UsualLevel {
    fn default() -> Self {
        Self { ring: [0.0; KEPT], sorted: [0.0; KEPT], n: 0, next: 0 }
    }
}

impl UsualLevel {
    /// Takes a finite value in and gives the median with it.
    pub(super) fn push(&mut self, value: f32) -> f32 {
        if self.n == KEPT {
            let oldest = self.ring[self.next];
            let at = self.sorted.partition_point(|&kept| kept < oldest).min(KEPT - 1);
            self.sorted.copy_within(at + 1.., at);
            self.n -= 1;
        }
        let at = self.sorted[..self.n].partition_point(|&kept| kept <= value);
        self.sorted.copy_within(at..self.n, at + 1);
        self.sorted[at] = value;
        self.n += 1;
        self.ring[self.next] = value;
        self.next = (self.next + 1) % KEPT;
        0.5 * (self.sorted[(self.n - 1) / 2] + self.sorted[self.n / 2])
    }

    /// Makes every value `value * scale + offset`; `scale` is above 0.
    pub(super) fn rescale(&mut self, scale: f32, offset: f32) {
        let moved = |value: &mut f32| *value = *value * scale + offset;
        self.ring.iter_mut().for_each(moved);
        self.sorted.iter_mut().for_each(moved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_that_of_the_last_hundred() {
        let mut level = UsualLevel::default();
        let values: Vec<f32> = (0..400u32).map(|idx| (idx * idx % 101) as f32).collect();
        for end in 1..=values.len() {
            let got = level.push(values[end - 1]);
            let mut last = values[end.saturating_sub(KEPT)..end].to_vec();
            last.sort_unstable_by(f32::total_cmp);
            let wanted = 0.5 * (last[(last.len() - 1) / 2] + last[last.len() / 2]);
            assert_eq!(got, wanted, "{end}");
        }
        level.rescale(0.5, 1.0);
        assert!(level.push(20.0) <= 51.5);
    }
}
