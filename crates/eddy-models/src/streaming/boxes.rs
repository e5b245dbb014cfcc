//! Boxes around the windows a series has shown so far, and how badly the newest window fits into any of them.

/// Samples of a window.
const SAMPLES: usize = 8;
/// Sides of a box: eight of shape, eight of level.
const SIDES: usize = 2 * SAMPLES;
/// Levels of the value range.
const LEVELS: f32 = 80.0;
/// Differences from the usual level below this share of the range are noise.
const NOISE_GATE: f32 = 0.06;
/// The most boxes.
const MOST_BOXES: usize = 96;
/// A box grows to take a window in when it fits at least this well, whatever is usual.
const CAREFUL: f32 = 0.97;
/// How well windows fit is averaged over so many.
const MEMORY: f32 = 120.0;

/// A box in the space of windows: the least and the greatest of each side so far, in 255ths.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    low: [u8; SIDES],
    high: [u8; SIDES],
    used_at: u32,
}

/// A bounded memory of windows of eight samples, each sample the mean (or, where it stands out, the extreme) of `stride`
/// values, at a scale between the least and greatest value.
///
/// A window is eight levels and the Haar transform of their shape. It fits a box as well as the box needs to grow
/// little to take it in. Windows that fit badly are new; every window is then remembered: the box that fits best grows
/// when it fits well enough, else the window gets a box of its own. Source: fuzzy adaptive resonance of Carpenter,
/// Grossberg & Rosen, "Fuzzy ART", 1991, in the words of boxes; the windows, the range that grows, the forgetting are
/// ours.
#[derive(Debug, Clone)]
pub struct BoxMemory {
    stride: usize,
    hop: usize,
    boxes: Vec<Bounds>,
    low: f32,
    high: f32,
    is_fixed: bool,
    fit: f32,
    n_windows: u32,
    n_seen: u64,
    usual: f32,
    held: Option<[f32; 2]>,
}

impl BoxMemory {
    /// A memory without boxes.
    pub fn new(stride: usize) -> Self {
        Self {
            stride,
            hop: stride.div_ceil(2),
            boxes: Vec::with_capacity(MOST_BOXES),
            low: 0.0,
            high: 0.0,
            is_fixed: false,
            fit: 0.8,
            n_windows: 0,
            n_seen: 0,
            usual: 0.5,
            held: None,
        }
    }

    /// Takes the range of all values as known.
    pub fn fix_range(&mut self, low: f32, high: f32) {
        (self.low, self.high, self.is_fixed) = (low, high, true);
    }

    /// Takes in the newest value (the last of `values`) and says how new the window is that ends with it: as a whole, and
    /// in its last level; both from 0 to 1.
    pub fn push(&mut self, values: &[f32]) -> Option<[f32; 2]> {
        let newest = *values.last()?;
        self.n_seen += 1;
        if !self.is_fixed {
            self.widen(newest);
        }
        let span = self.stride * SAMPLES;
        if values.len() < span || !self.n_seen.is_multiple_of(self.hop as u64) {
            return self.held;
        }
        let samples = self.samples(&values[values.len() - span..]);
        let window = sides(&samples);
        let (mut best, mut best_fit) = (None, 0.0f32);
        for (idx, bounds) in self.boxes.iter().enumerate() {
            let fit = bounds.fit(&window);
            if fit > best_fit {
                (best, best_fit) = (Some(idx), fit);
            }
        }
        let level_fit = best.map_or(0.0, |idx| self.boxes[idx].level_fit(&window));
        let novelty = [1.0 - best_fit, 1.0 - level_fit];
        self.learn(&window, best, best_fit);
        self.held = (self.n_windows > 12).then_some(novelty);
        self.held
    }

    fn learn(&mut self, window: &[u8; SIDES], best: Option<usize>, fit: f32) {
        self.n_windows = self.n_windows.saturating_add(1);
        let wanted = self.fit.min(CAREFUL);
        match best {
            Some(idx) if fit >= wanted => {
                self.boxes[idx].take_in(window);
                self.boxes[idx].used_at = self.n_windows;
            }
            _ => {
                let new = Bounds { low: *window, high: *window, used_at: self.n_windows };
                if self.boxes.len() < MOST_BOXES {
                    self.boxes.push(new);
                } else if let Some(oldest) = self.boxes.iter_mut().min_by_key(|bounds| bounds.used_at) {
                    *oldest = new;
                }
            }
        }
        let weight = 1.0 / MEMORY.min(self.n_windows as f32 + 1.0);
        if self.n_windows > 12 {
            self.fit += weight.min(0.05) * (fit - self.fit);
        }
    }

    /// Lets the range grow with a value beyond it, and moves the levels of the boxes along.
    fn widen(&mut self, value: f32) {
        if self.n_seen == 1 {
            (self.low, self.high) = (value, value);
            return;
        }
        let width = self.high * 0.5 - self.low * 0.5;
        let margin = 0.1 * width;
        if value >= self.low - margin && value <= self.high + margin {
            return;
        }
        let (low, high) = (self.low, self.high);
        let headroom = 0.2 * (value.max(high) * 0.5 - value.min(low) * 0.5);
        let limit = 1e38;
        if value > high {
            self.high = (value + headroom).min(limit);
        } else {
            self.low = (value - headroom).max(-limit);
        }
        let (low, high) = (f64::from(low), f64::from(high));
        let new_width = (f64::from(self.high) - f64::from(self.low)).max(1e-300);
        let scale = (high - low) / new_width;
        let offset = (low - f64::from(self.low)) / new_width * 255.0;
        let moved =
            |side: &mut u8| *side = (f64::from(*side) * scale + offset).round().clamp(0.0, 255.0) as u8;
        for bounds in &mut self.boxes {
            bounds.low[SAMPLES..].iter_mut().chain(&mut bounds.high[SAMPLES..]).for_each(moved);
        }
    }

    /// The window as levels between 0 and 1.
    fn samples(&mut self, values: &[f32]) -> [f32; SAMPLES] {
        let width = (self.high * 0.5 - self.low * 0.5).max(1e-30);
        let level = |value: f32| ((value * 0.5 - self.low * 0.5) / width).clamp(0.0, 1.0);
        let mut samples = [0.0; SAMPLES];
        for (sample, chunk) in samples.iter_mut().zip(values.chunks_exact(self.stride)) {
            let mean = chunk.iter().map(|&value| level(value)).sum::<f32>() / chunk.len() as f32;
            let far = chunk
                .iter()
                .map(|&value| level(value))
                .max_by(|a, b| (a - mean).abs().total_cmp(&(b - mean).abs()));
            let far = far.unwrap_or(mean);
            *sample = if (far - mean).abs() > 0.1 { far } else { mean };
        }
        let newest = samples[SAMPLES - 1];
        self.usual += (newest - self.usual).signum() * 0.005;
        let usual = self.usual;
        samples.map(|sample| {
            let sample = if (sample - usual).abs() < NOISE_GATE { usual } else { sample };
            (sample * LEVELS).round() / LEVELS
        })
    }

    /// Bytes on the heap.
    pub fn memory_bytes(&self) -> usize {
        MOST_BOXES * size_of::<Bounds>()
    }
}

/// The sides of a window: its shape (the Haar transform of its samples between their least and greatest), and its levels.
fn sides(samples: &[f32; SAMPLES]) -> [u8; SIDES] {
    let least = samples.iter().copied().fold(f32::MAX, f32::min);
    let greatest = samples.iter().copied().fold(f32::MIN, f32::max);
    let width = greatest - least;
    let shape = samples.map(|sample| if width > 0.0 { (sample - least) / width } else { 0.5 });
    let mut out = [0u8; SIDES];
    let mut averages = shape;
    let mut place = SAMPLES;
    let mut n = SAMPLES;
    while n > 1 {
        n /= 2;
        place -= n;
        for idx in 0..n {
            let (a, b) = (averages[2 * idx], averages[2 * idx + 1]);
            averages[idx] = 0.5 * (a + b);
            out[place + idx] = byte(0.5 + 0.5 * (a - b));
        }
    }
    out[0] = byte(averages[0]);
    for (side, &sample) in out[SAMPLES..].iter_mut().zip(samples) {
        *side = byte(sample);
    }
    out
}

fn byte(share: f32) -> u8 {
    (share * 255.0).round().clamp(0.0, 255.0) as u8
}

impl Bounds {
    /// How well a window fits, from 0 to 1: the cube of the share of the box's room that stays when it takes the window
    /// in, times the square of the same of the last level.
    fn fit(&self, window: &[u8; SIDES]) -> f32 {
        let (mut size, mut grown) = (0u32, 0u32);
        for side in 0..SIDES {
            let (low, high) = (self.low[side], self.high[side]);
            size += u32::from(high - low);
            grown += u32::from(high.max(window[side]) - low.min(window[side]));
        }
        let whole = (SIDES * 255) as f32;
        let share = (whole - grown as f32) / (whole - size as f32).max(1.0);
        share.powi(3) * self.level_fit(window).powi(2)
    }

    fn level_fit(&self, window: &[u8; SIDES]) -> f32 {
        let (low, high, newest) = (self.low[SIDES - 1], self.high[SIDES - 1], window[SIDES - 1]);
        let size = f32::from(high - low);
        let grown = f32::from(high.max(newest) - low.min(newest));
        (255.0 - grown).max(0.0) / (255.0 - size).max(1.0)
    }

    fn take_in(&mut self, window: &[u8; SIDES]) {
        for side in 0..SIDES {
            self.low[side] = self.low[side].min(window[side]);
            self.high[side] = self.high[side].max(window[side]);
        }
    }
}
