//! Templates of the windows a series has shown so far, and alarms for windows that none of them takes in.

use super::{record::larger, usual_level::UsualLevel};

/// Samples of a window.
const SAMPLES: usize = 8;
/// Sides of a template: eight of shape, eight of level.
pub(super) const SIDES: usize = 2 * SAMPLES;
/// The size of a template that takes everything in.
const WHOLE: u16 = SIDES as u16 * 255;
/// Levels of the value range.
const LEVELS: f32 = 80.0;
/// A sample nearer than this to the usual level, as a share of the range, is taken for it.
const NOISE_GATE: f32 = 0.05;
/// A value of a sample that is farther than this from its mean, as a share of the range, stands for the sample.
const SPIKE: f32 = 0.05;
/// Room beyond the least and the greatest value, as a share of their distance.
const HEADROOM: f64 = 0.1;
/// A value farther than this beyond the range widens it.
const TOLERANCE: f64 = 0.05;
/// How well a window must fit to be taken into a template, at first.
const FIRST_FIT: f32 = 0.8;
/// No window needs to fit better than this to be taken in.
const BEST_FIT: f32 = 0.97;
/// The limit below which a window is new, as a share of the usual fit at first.
const NEW_SHARE: f32 = 0.7;
/// By how much of its distance to the worst fit of late that limit rises while nothing is new.
const CREEP: f32 = 0.19;
/// Windows after an alarm, or after a new one that raised none, in which only a far stranger one raises the next.
const PAUSE: i32 = 16;
/// How well a window of such a pause may fit, as a share of the fit at the last alarm.
const STRANGER: f32 = 0.5;
/// Windows after an alarm at which the limits are set anew.
const AFTER_ALARM: u32 = 12;
/// How long an alarm is held, as a share of the rows that the memory learned from first.
const HOLD: f32 = 0.06;

/// A memory of windows of eight samples, each the mean (or, where it stands out, the extreme) of `stride` values.
///
/// A window is told by eight levels between the least and the greatest value, and by the Haar transform of its shape. A
/// template is a box in the space of these sixteen sides; a window fits a box as well as the box needs to grow little to
/// take it in, above all in its newest level. What fits at least as well as usual is taken in, what fits worse gets
/// a box of its own, and what fits worse than a lower limit is new: an alarm. Both limits follow the series: the first
/// rows, ordered from the strangest window to the most ordinary one, set them, and they are set again every so often.
///
/// Source: fuzzy adaptive resonance of Carpenter, Grossberg & Rosen, "Fuzzy ART", 1991, with two limits as in da Silva,
/// Elnabarawy & Wunsch, "Dual vigilance fuzzy adaptive resonance theory", 2019, in the words of boxes; windows of
/// levels and Haar shape after Hampton's ARTime of 2022, from a description of it. The range that grows and moves the
/// boxes along, the setting of the limits and the bounded number of boxes are ours.
#[derive(Debug, Clone)]
pub struct Resonance {
    stride: usize,
    first_rows: usize,
    templates: Templates,
    low: f64,
    high: f64,
    is_range_known: bool,
    window: [f32; SAMPLES],
    usual: UsualLevel,
    n_samples: u32,
    limits: Limits,
    held: f32,
    held_for: u32,
    novelty: Option<[f32; 2]>,
}

/// What a memory says of the newest window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resonates {
    /// How strong the alarms of late were, from 0 to 1; 0 while the memory learns.
    pub alarm: f32,
    /// How new the window is as a whole and in its newest level, both from 0 to 1; nothing while the memory learns.
    pub novelty: Option<[f32; 2]>,
}

/// How well windows must fit.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// To be taken into a template.
    upper: f32,
    /// Not to be new.
    lower: f32,
    fits: f32,
    n_fits: f32,
    worst: f32,
    missing: f32,
    n_new: u32,
    since: u32,
    since_alarm: Option<u32>,
    pause: i32,
    at_alarm: f32,
}

/// The template that fits best.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Best {
    at: usize,
    fit: f32,
    level_fit: f32,
}

/// Templates that are looked at together.
const LANES: usize = 32;
/// Sides that are looked at together.
const AT_ONCE: usize = 4;
/// The most templates.
const MOST: usize = 256;

/// How well the newest level fits into a template, between `low` and `high` so far: a part, and the whole.
#[inline]
fn level_parts(low: u8, high: u8, here: u8) -> (u16, u16) {
    let grown = high.max(here) - low.min(here);
    (255 - u16::from(grown), (255 - u16::from(high - low)).max(1))
}

/// The sides of templates from a place on, in blocks.
#[inline]
fn blocks_from(sides: &[u8], from: usize) -> &[[u8; LANES]] {
    sides[from..].as_chunks().0
}

eddy_detect::wide! {
    /// The template that the sides fit best into, the first of several, and how well. `lows` and `highs` hold the sides one
    /// after another, `sizes.len()` templates each (at most [`MOST`], whole blocks of [`LANES`]), the first `n` of
    /// which count.
    fn best_of(lows: &[u8], highs: &[u8], sizes: &[u16], n: usize, sides: &[u8; SIDES]) -> Option<(usize, f32)> {
        let room = sizes.len();
        let mut grown = [[0u16; LANES]; MOST / LANES];
        let n_blocks = n.div_ceil(LANES).min(grown.len());
        let newest = (SIDES - 1) * room;
        for (first, here) in sides.as_chunks::<AT_ONCE>().0.iter().enumerate().map(|(idx, here)| (idx * AT_ONCE, here)) {
            let all_lows: [_; AT_ONCE] = std::array::from_fn(|side| &blocks_from(lows, (first + side) * room)[..n_blocks]);
            let all_highs: [_; AT_ONCE] = std::array::from_fn(|side| &blocks_from(highs, (first + side) * room)[..n_blocks]);
            for (block, grown) in grown[..n_blocks].iter_mut().enumerate() {
                for side in 0..AT_ONCE {
                    let (lows, highs, here) = (&all_lows[side][block], &all_highs[side][block], here[side]);
                    for lane in 0..LANES {
                        grown[lane] += u16::from(highs[lane].max(here) - lows[lane].min(here));
                    }
                }
            }
        }
        let here = sides[SIDES - 1];
        let mut fits = [[-1.0f32; LANES]; MOST / LANES];
        let newest = blocks_from(lows, newest).iter().zip(blocks_from(highs, newest));
        let blocks = sizes.as_chunks::<LANES>().0.iter().zip(&grown[..n_blocks]).zip(newest);
        for (((sizes, grown), (lows, highs)), fits) in blocks.zip(&mut fits) {
            for lane in 0..LANES {
                let (part, whole) = level_parts(lows[lane], highs[lane], here);
                // Both products are whole numbers below 2^24.
                fits[lane] = f32::from(WHOLE - grown[lane]) * f32::from(part)
                    / (f32::from((WHOLE - sizes[lane]).max(1)) * f32::from(whole));
            }
        }
        let fits = &mut fits.as_flattened_mut()[..n_blocks * LANES];
        fits[n..].fill(-1.0);
        let mut most = [-1.0f32; LANES];
        for fits in fits.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                most[lane] = larger(fits[lane], most[lane]);
            }
        }
        let most = most.into_iter().fold(-1.0, larger);
        let is_it = |fits: &[f32; LANES]| fits.iter().copied().fold(-1.0, larger) >= most;
        let block = fits.as_chunks::<LANES>().0.iter().position(is_it)? * LANES;
        let lane = fits[block..].iter().position(|&fit| fit >= most)?;
        Some((block + lane, most * most))
    }
}

/// Templates side by side.
#[derive(Debug, Clone)]
struct Templates {
    room: usize,
    n: usize,
    /// The least of each side: the first side of all templates, then the second, and so on.
    lows: Vec<u8>,
    highs: Vec<u8>,
    sizes: Vec<u16>,
}

impl Templates {
    fn new(room: usize) -> Self {
        let room = room.clamp(1, MOST).next_multiple_of(LANES);
        Self { room, n: 0, lows: vec![0; room * SIDES], highs: vec![0; room * SIDES], sizes: vec![0; room] }
    }

    /// The one that the sides fit best into, if there is one.
    fn best(&self, sides: &[u8; SIDES]) -> Option<Best> {
        let (at, fit) = best_of(&self.lows, &self.highs, &self.sizes, self.n, sides)?;
        let newest = (SIDES - 1) * self.room + at;
        let (low, high) = (self.lows[newest], self.highs[newest]);
        let (part, whole) = level_parts(low, high, sides[SIDES - 1]);
        Some(Best { at, fit, level_fit: f32::from(part) / f32::from(whole) })
    }

    /// Lets a template grow.
    fn take_in(&mut self, at: usize, sides: &[u8; SIDES]) {
        let mut size = 0;
        for (side, &here) in sides.iter().enumerate() {
            let place = side * self.room + at;
            self.lows[place] = self.lows[place].min(here);
            self.highs[place] = self.highs[place].max(here);
            size += u16::from(self.highs[place] - self.lows[place]);
        }
        self.sizes[at] = size;
    }

    /// Adds a template while there is room.
    fn add(&mut self, sides: &[u8; SIDES]) {
        if self.n == self.room {
            return;
        }
        for (side, &here) in sides.iter().enumerate() {
            self.lows[side * self.room + self.n] = here;
            self.highs[side * self.room + self.n] = here;
        }
        self.sizes[self.n] = 0;
        self.n += 1;
    }

    /// Changes the levels of all templates.
    fn move_levels(&mut self, moved: impl Fn(u8) -> u8) {
        let levels = SAMPLES * self.room..;
        self.lows[levels.clone()].iter_mut().for_each(|side| *side = moved(*side));
        self.highs[levels].iter_mut().for_each(|side| *side = moved(*side));
        for at in 0..self.n {
            let size_of_side = |side: usize| {
                let place = side * self.room + at;
                u16::from(self.highs[place] - self.lows[place])
            };
            self.sizes[at] = (0..SIDES).map(size_of_side).sum();
        }
    }

    fn memory_bytes(&self) -> usize {
        self.room * (2 * SIDES + 2)
    }
}

impl Resonance {
    /// A memory of at most `most` templates that learns its limits from the first `first_rows` values. `range` is the
    /// least and the greatest value there will be, if known.
    pub fn new(stride: usize, first_rows: usize, most: usize, range: Option<(f32, f32)>) -> Self {
        let (low, high) = range.map_or((0.0, 0.0), |(low, high)| width_of(low.into(), high.into()));
        Self {
            stride: stride.max(1),
            first_rows,
            templates: Templates::new(most),
            low,
            high,
            is_range_known: range.is_some(),
            window: [0.0; SAMPLES],
            usual: UsualLevel::default(),
            n_samples: 0,
            limits: Limits::new(),
            held: 0.0,
            held_for: u32::MAX,
            novelty: None,
        }
    }

    /// Takes in the newest value, the last of `raw`, which is the `n_seen`th of the series.
    pub fn push(&mut self, raw: &[f32], n_seen: u64) -> Resonates {
        let first = self.first_rows as u64;
        if n_seen < first || raw.len() < self.first_rows {
            return Resonates { alarm: 0.0, novelty: None };
        }
        if n_seen == first {
            self.learn_first(&raw[raw.len() - self.first_rows..]);
        } else if !self.is_range_known {
            self.widen(f64::from(raw[raw.len() - 1]));
        }
        self.held_for = self.held_for.saturating_add(1);
        if self.held_for as f32 > HOLD * self.first_rows as f32 {
            self.held = 0.0;
        }
        if n_seen.is_multiple_of(self.stride as u64) {
            self.sample(&raw[raw.len() - self.stride..]);
            if self.n_samples >= SAMPLES as u32 {
                let sides = sides(&self.window);
                let alarm = self.judge(&sides);
                if alarm > 0.0 && alarm >= self.held {
                    (self.held, self.held_for) = (alarm, 0);
                }
            }
        }
        Resonates { alarm: self.held, novelty: self.novelty }
    }

    /// Finds the range of the first values and learns from all but the last of them.
    fn learn_first(&mut self, raw: &[f32]) {
        if !self.is_range_known {
            let low = raw.iter().copied().fold(f32::MAX, f32::min);
            let high = raw.iter().copied().fold(f32::MIN, f32::max);
            let room = HEADROOM * (f64::from(high) - f64::from(low));
            (self.low, self.high) = width_of(f64::from(low) - room, f64::from(high) + room);
        }
        let mut windows: Vec<[u8; SIDES]> = Vec::with_capacity(raw.len() / self.stride + 1);
        for end in (self.stride..raw.len()).step_by(self.stride) {
            self.sample(&raw[end - self.stride..end]);
            if self.n_samples >= SAMPLES as u32 {
                windows.push(sides(&self.window));
            }
        }
        strangest_first(&mut windows);
        self.limits.upper = self.train(&windows, FIRST_FIT);
        self.templates.n = 0;
        let _ = self.train(&windows, self.limits.upper);
        self.limits.lower = NEW_SHARE * self.limits.upper;
    }

    /// Takes windows in that fit at least as well as `wanted`; how well the later half fitted on the whole.
    fn train(&mut self, windows: &[[u8; SIDES]], wanted: f32) -> f32 {
        let (mut fits, mut n_fits) = (0.0f32, 0u32);
        for (idx, sides) in windows.iter().enumerate() {
            let best = self.templates.best(sides);
            let fit = best.map_or(0.0, |best| best.fit);
            match best {
                Some(best) if fit >= wanted => self.templates.take_in(best.at, sides),
                _ => self.templates.add(sides),
            }
            if idx >= windows.len() / 2 {
                fits += fit;
                n_fits += 1;
            }
        }
        (fits / n_fits.max(1) as f32).min(BEST_FIT)
    }

    /// Learns a window; the strength of the alarm that it raises, or 0.
    fn judge(&mut self, sides: &[u8; SIDES]) -> f32 {
        let best = self.templates.best(sides);
        let (fit, level_fit) = best.map_or((0.0, 0.0), |best| (best.fit, best.level_fit));
        match best {
            Some(best) if fit >= self.limits.upper => self.templates.take_in(best.at, sides),
            _ => self.templates.add(sides),
        }
        self.novelty = Some([1.0 - fit, 1.0 - level_fit]);
        let alarm = self.limits.push(fit, level_fit);
        let period = ((self.first_rows / self.stride / 2) as u32).max(1);
        self.limits.set_anew(period);
        alarm
    }

    /// Lets the range grow with a value beyond it, and moves all levels along.
    fn widen(&mut self, value: f64) {
        let width = self.high - self.low;
        if value <= self.high + TOLERANCE * width && value >= self.low - TOLERANCE * width {
            return;
        }
        let (low, high) = (self.low, self.high);
        if value > high {
            self.high = value + HEADROOM * (value - low);
        } else {
            self.low = value - HEADROOM * (high - value);
        }
        let scale = (high - low) / (self.high - self.low);
        let offset = (low - self.low) / (self.high - self.low);
        let moved = |side: u8| (f64::from(side) * scale + offset * 255.0).round().clamp(0.0, 255.0) as u8;
        self.templates.move_levels(moved);
        let (scale, offset) = (scale as f32, offset as f32);
        self.window = self.window.map(|level| level * scale + offset);
        self.usual.rescale(scale, offset);
    }

    /// Makes a sample of its values and moves the window on.
    fn sample(&mut self, values: &[f32]) {
        let (low, width) = (self.low, self.high - self.low);
        let level = |value: &f32| ((f64::from(*value) - low) / width).clamp(0.0, 1.0) as f32;
        let mean = values.iter().map(level).sum::<f32>() / values.len() as f32;
        let mut sample = mean;
        for here in values.iter().map(level) {
            let distance = (here - mean).abs();
            if distance > SPIKE && distance > (sample - mean).abs() {
                sample = here;
            }
        }
        let usual = self.usual.push(sample);
        if (sample - usual).abs() < NOISE_GATE {
            sample = usual;
        }
        self.window.rotate_left(1);
        // Samples are not below 0.
        self.window[SAMPLES - 1] = (sample * LEVELS + 0.5) as i32 as f32 / LEVELS;
        self.n_samples = self.n_samples.saturating_add(1);
    }

    /// Bytes on the heap.
    pub fn memory_bytes(&self) -> usize {
        self.templates.memory_bytes()
    }
}

impl Limits {
    fn new() -> Self {
        Self {
            upper: BEST_FIT,
            lower: 0.0,
            fits: 0.0,
            n_fits: 0.0,
            worst: 1.0,
            missing: 0.0,
            n_new: 0,
            since: 0,
            since_alarm: None,
            pause: 0,
            at_alarm: 1.0,
        }
    }

    /// Sees how well a window fits; the strength of its alarm, or 0.
    fn push(&mut self, fit: f32, level_fit: f32) -> f32 {
        self.fits += fit;
        self.n_fits += 1.0;
        self.worst = self.worst.min(fit);
        self.since += 1;
        self.since_alarm = self.since_alarm.map(|since| since + 1);
        let mut alarm = 0.0;
        if fit < self.lower {
            self.missing += self.lower - fit;
            self.n_new += 1;
            if self.pause <= 0 || fit < STRANGER * self.at_alarm {
                let below = |limit: f32| (limit - fit).max(0.0) / limit.max(1e-6);
                alarm =
                    (0.35 * below(self.upper) + 0.65 * below(self.lower) + 1.5 * (1.0 - level_fit)).min(1.0);
                self.at_alarm = fit;
                self.since_alarm = Some(0);
            }
            self.pause = PAUSE;
        }
        self.pause -= 1;
        alarm
    }

    /// Sets both limits anew after so many windows, or some after an alarm.
    fn set_anew(&mut self, period: u32) {
        let is_after_alarm = self.since_alarm == Some(AFTER_ALARM);
        if self.since < period && !is_after_alarm {
            return;
        }
        if is_after_alarm {
            self.since_alarm = None;
        }
        self.upper = (self.fits / self.n_fits.max(1.0)).min(BEST_FIT);
        if self.n_new > 0 {
            self.lower -= 0.5 * self.missing / self.n_new as f32;
        } else {
            self.lower += CREEP * (self.worst - self.lower).max(0.0);
        }
        self.lower = self.lower.min(self.upper);
        // The mean goes on from where it is, with little weight.
        (self.fits, self.n_fits) = (self.upper, 1.0);
        (self.worst, self.missing, self.n_new, self.since) = (1.0, 0.0, 0, 0);
    }
}

/// A range that is not empty.
fn width_of(low: f64, high: f64) -> (f64, f64) {
    if high > low { (low, high) } else { (low, low + (low.abs() * 0.01).max(1e-9)) }
}

/// Orders windows by their distance to all others, side by side and added up, the farthest first.
fn strangest_first(windows: &mut [[u8; SIDES]]) {
    let mut totals = vec![0u32; windows.len()];
    for side in 0..SIDES {
        let mut counts = [0i32; 256];
        windows.iter().for_each(|window| counts[usize::from(window[side])] += 1);
        // The distance from a level to all those there are, from the distance of the level below.
        let mut far: i32 = windows.iter().map(|window| i32::from(window[side])).sum();
        let mut n_above = windows.len() as i32;
        let n = n_above;
        let distances = counts.map(|count| {
            let here = far;
            n_above -= count;
            far += n - 2 * n_above;
            here as u32
        });
        for (total, window) in totals.iter_mut().zip(&*windows) {
            *total += distances[usize::from(window[side])];
        }
    }
    let mut order: Vec<(u32, [u8; SIDES])> = totals.into_iter().zip(windows.iter().copied()).collect();
    order.sort_by_key(|(total, _)| std::cmp::Reverse(*total));
    for (window, (_, ordered)) in windows.iter_mut().zip(order) {
        *window = ordered;
    }
}

/// The sides of a window: its shape (the Haar transform of its samples between their least and greatest), and its levels.
fn sides(samples: &[f32; SAMPLES]) -> [u8; SIDES] {
    let least = samples.iter().copied().fold(f32::MAX, f32::min);
    let greatest = samples.iter().copied().fold(f32::MIN, f32::max);
    let width = greatest - least;
    let mut averages = samples.map(|sample| if width > 0.0 { (sample - least) / width } else { 0.5 });
    let mut out = [0u8; SIDES];
    let mut n = SAMPLES;
    while n > 1 {
        n /= 2;
        for idx in 0..n {
            let (a, b) = (averages[2 * idx], averages[2 * idx + 1]);
            averages[idx] = 0.5 * (a + b);
            out[n + idx] = byte(0.5 + 0.5 * (a - b));
        }
    }
    out[0] = byte(averages[0]);
    for (side, &sample) in out[SAMPLES..].iter_mut().zip(samples) {
        *side = byte(sample);
    }
    out
}

fn byte(share: f32) -> u8 {
    (share * 255.0 + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarms(values: &[f32], stride: usize, range: Option<(f32, f32)>) -> Vec<f32> {
        let mut memory = Resonance::new(stride, 200, 64, range);
        (1..=values.len())
            .map(|end| memory.push(&values[end.saturating_sub(300)..end], end as u64).alarm)
            .collect()
    }

    fn waves(n: usize) -> Vec<f32> {
        (0..n).map(|idx| (idx as f32 / 25.0 * std::f32::consts::TAU).sin() * 10.0 + 50.0).collect()
    }

    #[test]
    fn a_shape_never_seen_raises_an_alarm_and_the_usual_ones_do_not() {
        let mut values = waves(900);
        for (idx, value) in values[700..716].iter_mut().enumerate() {
            *value = if idx % 2 == 0 { 43.0 } else { 57.0 };
        }
        for stride in [1, 2] {
            let out = alarms(&values, stride, None);
            assert!(out[..700].iter().all(|&alarm| alarm == 0.0), "{stride}: {:?}", &out[190..260]);
            assert!(out[700..720].iter().any(|&alarm| alarm > 0.0), "{stride}");
        }
    }

    #[test]
    fn a_value_far_beyond_the_range_widens_it_and_raises_an_alarm() {
        let mut values = waves(900);
        values[650] = 500.0;
        let out = alarms(&values, 1, None);
        assert!(out[650] > 0.5 && out[649] == 0.0, "{} {}", out[649], out[650]);
        assert!(out[800..].iter().all(|&alarm| alarm == 0.0));
        assert!(alarms(&values, 1, Some((40.0, 500.0)))[650] > 0.5);
    }

    #[test]
    fn hostile_values_do_no_harm_and_the_templates_stay_few() {
        let values: Vec<f32> = (0..1200u32)
            .map(|idx| match idx % 7 {
                0 => f32::MAX,
                1 => f32::MIN,
                2 => 1e-30,
                _ => (idx.wrapping_mul(2_654_435_761) >> 8) as f32,
            })
            .collect();
        let mut memory = Resonance::new(1, 200, 16, None);
        for end in 1..=values.len() {
            let Resonates { alarm, novelty } = memory.push(&values[end.saturating_sub(300)..end], end as u64);
            assert!((0.0..=1.0).contains(&alarm));
            assert!(novelty.unwrap_or_default().iter().all(|novelty| (0.0..=1.0).contains(novelty)));
        }
        assert!((1..=16).contains(&memory.templates.n), "{}", memory.templates.n);
        assert!(alarms(&[3.0; 500], 1, None).iter().all(|&alarm| alarm == 0.0));
    }

    #[test]
    fn the_strangest_window_is_the_farthest_from_all() {
        let mut windows: Vec<[u8; SIDES]> = (0..300usize)
            .map(|idx| std::array::from_fn(|side| (idx * idx * 7 + side * side * 31 + idx * side) as u8))
            .collect();
        windows.extend([[0; SIDES], [255; SIDES]]);
        let total = |one: &[u8; SIDES]| -> u32 {
            let distance = |other: &[u8; SIDES]| -> u32 {
                one.iter().zip(other).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum()
            };
            windows.iter().map(distance).sum()
        };
        let mut wanted = windows.clone();
        wanted.sort_by_key(|window| std::cmp::Reverse(total(window)));
        let mut got = windows.clone();
        strangest_first(&mut got);
        assert_eq!(got, wanted);
    }

    #[test]
    fn the_sides_are_those_counted_by_hand() {
        let got = sides(&[0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        // Mean 1/4; halves 1/2 and 0; quarters 1/2, 1/2 and 0, 0; then four pairs.
        assert_eq!(got[..8], [byte(0.25), byte(0.75), byte(0.5), byte(0.5), 0, 0, byte(0.5), byte(0.5)]);
        assert_eq!(got[8..], [0, 255, 0, 255, 0, 0, 0, 0]);
    }
}
