//! The distance of the newest window to the nearest one before it.

use super::History;

/// The left matrix profile at one length: how far the newest window of a series is from the most similar of those that
/// ended before it began, within the last so many values.
///
/// The sums of squared differences at every lag are carried from one value to the next (each gains one square and
/// loses one), in whole numbers, so that no error gathers. Source: the idea of the matrix profile of Yeh et al., "Matrix
/// Profile I", 2016, and its left half for streams; plain and mean-free distances instead of z-normalised ones, which
/// call the noise of a flat stretch a shape.
#[derive(Debug, Clone)]
pub struct LeftProfile {
    length: usize,
    /// By lag, the largest lag first.
    squares: Vec<i32>,
    n_lags: usize,
}

/// What the newest value brings.
#[derive(Debug, Clone, Copy)]
struct Step {
    newest: i16,
    /// The level that leaves the newest window.
    leaving: i16,
    /// The sum of the newest window.
    total: i32,
    per_length: f32,
    /// Lags that are too short to count, at the end.
    skipped: usize,
}

/// Lags that are looked at together.
const LANES: usize = 16;

eddy_detect::wide! {
    /// Brings the sums one step on and gives the least of them, plain and mean-free.
    fn advance(squares: &mut [i32], sides: [&[i16]; 2], sums: [&[i32]; 2], step: Step) -> (f32, f32) {
        let Step { newest, leaving, total, per_length, skipped } = step;
        // Levels fit into 12 bits, and so do their sums and differences into 16: a quick product, and the difference of two
        // squares is one.
        let (both, apart) = (newest - leaving, newest + leaving);
        let change = |coming: i16, going: i16| {
            i32::from(both - coming + going) * i32::from(apart - coming - going)
        };
        let counted = squares.len() - skipped;
        let (squares, uncounted) = squares.split_at_mut(counted);
        let (coming, last_coming) = sides[0].split_at(counted);
        let (going, last_going) = sides[1].split_at(counted);
        for ((square, &coming), &going) in uncounted.iter_mut().zip(last_coming).zip(last_going) {
            *square += change(coming, going);
        }
        let (upto, before) = (&sums[0][..counted], &sums[1][..counted]);
        let mut least = [i32::MAX; LANES];
        let mut least_free = [f32::MAX; LANES];
        let whole = counted - counted % LANES;
        for start in (0..whole).step_by(LANES) {
            let end = start + LANES;
            let (squares, coming, going) = (&mut squares[start..end], &coming[start..end], &going[start..end]);
            let (upto, before) = (&upto[start..end], &before[start..end]);
            for lane in 0..LANES {
                let square = squares[lane] + change(coming[lane], going[lane]);
                squares[lane] = square;
                let shift = total.wrapping_sub(upto[lane].wrapping_sub(before[lane])) as f32;
                let free = square as f32 - shift * shift * per_length;
                least[lane] = square.min(least[lane]);
                least_free[lane] = if free < least_free[lane] { free } else { least_free[lane] };
            }
        }
        for at in whole..counted {
            squares[at] += change(coming[at], going[at]);
            let shift = total.wrapping_sub(upto[at].wrapping_sub(before[at])) as f32;
            let free = squares[at] as f32 - shift * shift * per_length;
            least[0] = squares[at].min(least[0]);
            least_free[0] = if free < least_free[0] { free } else { least_free[0] };
        }
        let plain = least.iter().copied().min().unwrap_or(i32::MAX);
        let free = least_free.iter().copied().fold(f32::MAX, f32::min);
        (plain as f32, free)
    }
}

impl LeftProfile {
    /// A profile of windows of `length` values (at most 64) over the last `n_lags` lags. The history must keep at least
    /// `n_lags + length` values.
    pub fn new(length: usize, n_lags: usize) -> Self {
        Self { length: length.clamp(2, 64), squares: Vec::with_capacity(n_lags), n_lags }
    }

    /// Takes in the newest value of the history, whose scale has or has not changed, and gives the distances per value
    /// in units of its usual spread: plain, and of the windows less their means. `None` while there is nothing to
    /// compare with.
    pub fn push(&mut self, history: &History, is_new_scale: bool) -> Option<(f32, f32)> {
        let length = self.length;
        let n_seen = history.n_seen() as usize;
        if n_seen < length + 1 {
            return None;
        }
        if is_new_scale {
            self.rebuild(history);
        }
        let levels = history.levels();
        let end = levels.len();
        let n_lags = self.n_lags.min(n_seen - length);
        let old = self.squares.len();
        let newest = levels[end - 1];
        let leaving = if end > length { levels[end - 1 - length] } else { 0 };
        let sums = history.sums();
        let total = sums[end - 1].wrapping_sub(sums[end - 1 - length]);
        // Lag `old` stands first: its value is `old` before the newest.
        let skipped = (length - 1).min(old);
        let mut out = (f32::MAX, f32::MAX);
        if !is_new_scale && old > 0 && end > old + length {
            let first = end - 1 - old;
            let sides = [&levels[first..], &levels[first - length..]];
            let upto = [&sums[first..], &sums[first - length..]];
            let step = Step { newest, leaving, total, per_length: 1.0 / length as f32, skipped };
            out = advance(&mut self.squares, sides, upto, step);
        } else if old > 0 {
            return None;
        }
        if n_lags > old && end > n_lags + length - 1 {
            self.squares.insert(0, direct(levels, n_lags, length));
        }
        if old <= skipped + 4 {
            return None;
        }
        let per_value = 1.0 / (length as f32);
        let distance = |square: f32| (square.max(0.0) * per_value).sqrt() / 256.0;
        Some((distance(out.0), distance(out.1)))
    }

    fn rebuild(&mut self, history: &History) {
        let levels = history.levels();
        let most = self.n_lags.min(levels.len() - self.length);
        self.squares.clear();
        self.squares.extend((1..=most).rev().map(|lag| direct(levels, lag, self.length)));
    }

    /// Bytes on the heap.
    pub fn memory_bytes(&self) -> usize {
        self.n_lags * 4
    }
}

/// The sum of squared differences between the newest window and the one `lag` before it.
fn direct(levels: &[i16], lag: usize, length: usize) -> i32 {
    let end = levels.len();
    let newest = &levels[end - length..];
    let other = &levels[end - length - lag..end - lag];
    newest.iter().zip(other).map(|(&a, &b)| (i32::from(a) - i32::from(b)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_carried_sums_are_those_counted_anew() {
        let mut history = History::with_sums(200 + 8);
        let mut profile = LeftProfile::new(8, 200);
        for idx in 0..700u32 {
            let value = (idx * idx % 97) as f32 + if idx == 333 { 1e6 } else { 0.0 };
            let is_new_scale = history.push(value).is_some();
            let got = profile.push(&history, is_new_scale);
            let levels = history.levels();
            let most = 200.min(history.n_seen() as usize - 8.min(history.n_seen() as usize));
            let least = (8..=most).map(|lag| direct(levels, lag, 8)).min();
            if let (Some((plain, free)), Some(least)) = (got, least) {
                // The largest lag is new: it counts from the next value on.
                let without = (8..most).map(|lag| direct(levels, lag, 8)).min().unwrap_or(least);
                let wanted = [least, without].map(|square| (square as f32 / 8.0).sqrt() / 256.0);
                assert!(wanted.contains(&plain), "{idx}: {plain} {wanted:?}");
                assert!(free <= plain + 1e-6);
            }
        }
        assert!(profile.push(&history, false).is_some());
    }

    #[test]
    fn a_shape_seen_before_is_near_and_a_new_one_far() {
        let mut history = History::with_sums(500 + 16);
        let mut profile = LeftProfile::new(16, 500);
        let mut distances = Vec::new();
        for idx in 0..600 {
            let value = if (560..568).contains(&idx) { 5.0 } else { (idx % 20) as f32 };
            let is_new_scale = history.push(value).is_some();
            distances.push(profile.push(&history, is_new_scale).map_or(0.0, |(plain, _)| plain));
        }
        assert_eq!(distances[550], 0.0);
        assert!(distances[567] > 0.2, "{}", distances[567]);
    }
}
