//! What repeats.

use serde::Serialize;

use crate::correlation::autocorrelation;
use crate::fourier::periodogram;
use crate::median;

/// A season: something that repeats, with its period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Season {
    /// Steps until it repeats; whole but where no whole number fits.
    pub period: f64,
    /// Share of the variance that repeats, of what neither a slower trend nor shorter seasons explain; 0 to 1.
    pub strength: f64,
}

/// Most seasons that are looked for.
const MOST_SEASONS: usize = 4;
/// Fewer values than this say nothing of a rhythm.
const FEWEST: usize = 12;
/// Smallest share of the variance that a season explains: of a well-known period, and of another.
const WEAKEST: [f64; 2] = [0.1, 0.15];
/// How many standard deviations above chance the share must be: of a well-known period, and of any of the many others.
const BEYOND_CHANCE: [f64; 2] = [5.0, 7.0];
/// Smallest share of the variance of the whole series; what is left of a perfect rhythm is rounding.
const WEAKEST_OF_ALL: f64 = 0.01;
/// Seconds in well-known periods: hour, day, week.
const CALENDAR: [f64; 3] = [3_600.0, 86_400.0, 604_800.0];

/// The seasons of values at even steps, by rising period; `step_seconds`, where known, lets hours, days and weeks be
/// tried whatever the spectrum says. Missing values are NaN.
///
/// Candidates come from peaks of the periodogram over its local background, moved to the hills of the autocorrelation
/// (after M. Vlachos, P. Yu, V. Castelli, "On periodicity detection and structural periodic similarity", 2005), their
/// multiples and the calendar. A candidate of period p is then tested without any model of the noise's spectrum: a
/// moving mean over p is taken away (trends, steps and wandering with it), and the products of different cycles at the
/// same phase are summed. Their mean is the variance of the season, 0 where nothing repeats; its deviation under chance
/// follows from the number of cycles and the autocorrelation of the rest. A season must explain a tenth of the variance,
/// lie five deviations beyond chance, and stand in most of its cycles, so that two outliers are none. The test is done
/// with and without clipping at four robust deviations, so that outliers do not hide a rhythm and a rhythm of short
/// spikes counts.
///
/// Harmonics: a piece of a longer season (half of it, say) is a season of its own only when it holds nine tenths of the
/// longer one's variance, or when it is a fifth of it or less (a day in a week) and stands by itself. What is found is
/// taken away and the search begins again.
///
/// Blind to: seasons of which there are fewer than two cycles, and those whose period drifts. Time O(n log n) a candidate.
pub fn seasons(values: &[f64], step_seconds: Option<f64>) -> Vec<Season> {
    let (values, _) = crate::scaled(values);
    let there = values.iter().filter(|value| value.is_finite()).count();
    if there < FEWEST || there * 10 < values.len() {
        return Vec::new();
    }
    let calendar = calendar(step_seconds, values.len());
    let mut rest = without_line(&values);
    let least = WEAKEST_OF_ALL * variance(&clipped(&rest));
    let mut found: Vec<Trial> = Vec::new();
    for _ in 0..MOST_SEASONS {
        let Some(best) = strongest(&rest, &calendar).filter(|best| best.power >= least) else { break };
        if found.iter().any(|season| (season.period - best.period).abs() < 0.02 * best.period) {
            break;
        }
        best.take_away(&mut rest);
        found.push(best);
    }
    // What turned out to be half, a third or a quarter of a longer season is its harmonic.
    let harmonic = |one: &Trial| {
        found.iter().any(|other| {
            let ratio = other.period / one.period;
            let k = ratio.round();
            (2.0..5.0).contains(&k) && (ratio - k).abs() < 0.02 * k && other.power >= 0.1 * one.power
        })
    };
    let mut seasons: Vec<Season> = found
        .iter()
        .filter(|trial| !harmonic(trial))
        .map(|trial| Season { period: trial.period, strength: trial.share.clamp(0.0, 1.0) })
        .collect();
    seasons.sort_by(|a, b| a.period.total_cmp(&b.period));
    seasons
}

fn variance(values: &[f64]) -> f64 {
    let mean = crate::mean(values);
    let known = values.iter().filter(|value| value.is_finite());
    known.clone().map(|value| (value - mean).powi(2)).sum::<f64>() / known.count().max(1) as f64
}

/// Hour, day and week in steps, where there are two of them.
fn calendar(step_seconds: Option<f64>, n: usize) -> Vec<f64> {
    let Some(step) = step_seconds.filter(|step| step.is_finite() && *step > 0.0) else { return Vec::new() };
    let periods = CALENDAR.iter().map(|seconds| seconds / step);
    periods.filter(|&period| period >= 3.0 && period * 2.0 <= n as f64 + 0.5).collect()
}

/// The values around a line through the medians of their first and last third (Tukey's resistant line).
fn without_line(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    let third = n / 3;
    let median_of = |part: &[f64]| {
        let mut known: Vec<f64> = part.iter().copied().filter(|value| value.is_finite()).collect();
        median(&mut known)
    };
    let (left, right) = (median_of(&values[..third]), median_of(&values[n - third..]));
    let slope = match (left, right) {
        (Some(left), Some(right)) => (right - left) / (n - third) as f64,
        _ => 0.0,
    };
    let level = median_of(values).unwrap_or(0.0);
    let middle = (n - 1) as f64 / 2.0;
    values.iter().enumerate().map(|(at, value)| value - level - slope * (at as f64 - middle)).collect()
}

/// Values with what is more than four robust deviations off cut down to that; unchanged where most are the same.
fn clipped(values: &[f64]) -> Vec<f64> {
    let mut known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let Some(middle) = median(&mut known) else { return values.to_vec() };
    known.iter_mut().for_each(|value| *value = (*value - middle).abs());
    let bound = 4.0 * 1.4826 * median(&mut known).unwrap_or(0.0);
    if bound <= 0.0 {
        return values.to_vec();
    }
    // NaN stays NaN.
    values.iter().map(|value| value.clamp(middle - bound, middle + bound)).collect()
}

/// A period with what it explains.
#[derive(Debug, Clone)]
struct Trial {
    period: f64,
    /// Variance that repeats, in squared units.
    power: f64,
    /// Its share of the variance around the moving mean.
    share: f64,
    /// The mean cycle.
    profile: Vec<f64>,
    /// Values around the moving mean.
    off: Vec<f64>,
    /// Deviation of the share under chance, were the rest white noise.
    chance: f64,
    /// How many deviations the share must lie above it.
    beyond: f64,
}

impl Trial {
    /// Whether the share is beyond chance, with the autocorrelation of the rest.
    fn beyond_chance(&self) -> bool {
        let inflation = inflation(&self.off, &self.profile, self.period);
        self.share >= self.beyond * self.chance * inflation.sqrt()
    }

    fn take_away(&self, rest: &mut [f64]) {
        for (at, value) in rest.iter_mut().enumerate() {
            *value -= self.profile[phase(at, self.period, self.profile.len())];
        }
    }
}

fn phase(at: usize, period: f64, bins: usize) -> usize {
    if period.fract() == 0.0 {
        return at % bins;
    }
    (((at as f64 / period).fract() * bins as f64) as usize).min(bins - 1)
}

/// The season to take away first, if there is one.
fn strongest(rest: &[f64], calendar: &[f64]) -> Option<Trial> {
    let cut = clipped(rest);
    let same = cut.iter().zip(rest).all(|(cut, value)| cut == value || value.is_nan());
    let versions = if same { vec![cut] } else { vec![cut, rest.to_vec()] };
    let mut periods: Vec<f64> = Vec::new();
    for values in &versions {
        // Without what is slower, at several meanings of slow: else a step or a trend hides the hills.
        let mut window = rest.len() / 2;
        while window >= 4 {
            let quick = without_moving_mean(values, window);
            let acf = autocorrelation(&quick, (4 * window).min(rest.len() / 2));
            let of_window = |period: &f64| {
                *period <= window as f64 + 1.0 && (window < 32 || *period * 8.0 >= window as f64)
            };
            let peaks = spectral_peaks(&quick).into_iter().filter(of_window);
            periods.extend(peaks.filter_map(|period| refined(&acf, period, rest.len())));
            window /= 4;
        }
    }
    let multiples: Vec<f64> =
        periods.iter().take(6).flat_map(|period| [2.0, 3.0, 4.0, 5.0, 7.0].map(|m| m * period)).collect();
    periods.extend(multiples);
    periods.iter_mut().for_each(|period| *period = settled(*period, calendar, rest.len()));
    periods.extend(calendar);
    periods.retain(|&period| period >= 2.0 && period * 2.0 <= rest.len() as f64 + 0.5);
    periods.sort_by(f64::total_cmp);
    periods.dedup();
    let mut trials: Vec<Trial> =
        periods.into_iter().filter_map(|period| best_trial(&versions, period, calendar)).collect();
    trials.sort_by(|a, b| b.power.total_cmp(&a.power).then(a.period.total_cmp(&b.period)));
    // The test against chance takes longest, so it is made of those that would be taken.
    let first = trials.iter().position(Trial::beyond_chance)?;
    let trials = &trials[first..];
    // Multiples hold what their piece holds, and a little chance.
    let mut alike: Vec<&Trial> =
        trials.iter().take_while(|trial| trial.power >= 0.93 * trials[0].power).collect();
    alike.sort_by(|a, b| a.period.total_cmp(&b.period));
    let whole = alike.into_iter().find(|trial| trial.beyond_chance())?;
    let is_piece = |trial: &&Trial| {
        let ratio = whole.period / trial.period;
        let k = ratio.round();
        let better_known = calendar.contains(&trial.period) && !calendar.contains(&whole.period);
        let least = if better_known || k >= 5.0 { 0.1 } else { 0.9 };
        k >= 2.0 && (ratio - k).abs() < 0.02 * k && trial.power >= least * whole.power
    };
    let piece = trials.iter().filter(is_piece).find(|trial| trial.beyond_chance());
    Some(sharpened(piece.unwrap_or(whole).clone(), &versions, calendar))
}

/// The best test of a period with and without clipping.
fn best_trial(versions: &[Vec<f64>], period: f64, calendar: &[f64]) -> Option<Trial> {
    versions
        .iter()
        .filter_map(|values| trial(values, period, calendar))
        .max_by(|a, b| a.share.total_cmp(&b.share))
}

/// The period moved to where it explains most, where it is none of a calendar's and no whole number.
fn sharpened(mut best: Trial, versions: &[Vec<f64>], calendar: &[f64]) -> Trial {
    let n = versions.iter().map(Vec::len).max().unwrap_or(0) as f64;
    if calendar.contains(&best.period) {
        return best;
    }
    // A calendar's period that the length of the series cannot tell from it, and that explains nearly as much.
    let near = |known: &&f64| (*known - best.period).abs() <= 0.5 * best.period * best.period / n;
    let known = calendar.iter().find(near).and_then(|&known| best_trial(versions, known, calendar));
    if let Some(known) = known.filter(|known| known.power >= 0.85 * best.power) {
        return known;
    }
    if best.period.fract() == 0.0 {
        return best;
    }
    // A step more or less over the whole length.
    let mut reach = best.period * best.period / n;
    for _ in 0..4 {
        let middle = best.period;
        for share in [-1.0, -0.5, 0.5, 1.0] {
            let moved = best_trial(versions, middle + share * reach, calendar);
            if let Some(moved) = moved.filter(|moved| moved.power > best.power) {
                best = moved;
            }
        }
        reach /= 2.0;
    }
    best
}

/// Periods of peaks of the periodogram above its local background, the highest first.
fn spectral_peaks(values: &[f64]) -> Vec<f64> {
    const MOST: usize = 6;
    let power = periodogram(values);
    let n = values.len();
    let mut peaks: Vec<(f64, f64, f64)> = Vec::new();
    for k in 2..power.len() {
        let before = power[k - 1];
        let after = power.get(k + 1).copied().unwrap_or(0.0);
        if power[k] < before || power[k] < after || power[k] <= 0.0 {
            continue;
        }
        let reach = (k / 4).clamp(6, 100);
        let mut around = power[k.saturating_sub(reach).max(1)..(k + reach + 1).min(power.len())].to_vec();
        // The median of an exponential variable is ln 2 of its mean.
        let background = median(&mut around).unwrap_or(0.0) / std::f64::consts::LN_2;
        let height = if background > 0.0 { power[k] / background } else { f64::MAX };
        if height > 4.0 {
            // The peak between bins, by the parabola through three amplitudes.
            let (a, b, c) = (before.sqrt(), power[k].sqrt(), after.sqrt());
            let shift = if 2.0 * b - a - c > 0.0 { 0.5 * (c - a) / (2.0 * b - a - c) } else { 0.0 };
            peaks.push((power[k], height, n as f64 / (k as f64 + shift.clamp(-0.5, 0.5))));
        }
    }
    let mut out = Vec::new();
    for key in [|peak: &(f64, f64, f64)| peak.0, |peak: &(f64, f64, f64)| peak.1] {
        peaks.sort_by(|a, b| key(b).total_cmp(&key(a)).then(a.2.total_cmp(&b.2)));
        out.extend(peaks.iter().take(MOST).map(|peak| peak.2));
    }
    out
}

/// The hill of the autocorrelation at a period of the spectrum, made finer by the hills at its multiples; none where
/// there is no hill.
fn refined(acf: &[f64], period: f64, n: usize) -> Option<f64> {
    let hill = |about: f64, reach: f64| {
        let low = (about - reach).floor().max(2.0) as usize;
        let high = ((about + reach).ceil() as usize).min(acf.len().saturating_sub(1));
        (low..=high).max_by(|&a, &b| acf[a].total_cmp(&acf[b])).filter(|_| low < high)
    };
    let reach = (0.6 * period * period / n as f64).clamp(1.0, (period * 0.3).max(1.0));
    let first = hill(period, reach)?;
    let rising = |lag: usize| lag + 1 < acf.len() && acf[lag] >= acf[lag - 1] && acf[lag] >= acf[lag + 1];
    if !rising(first) {
        return None;
    }
    let mut fine = first as f64;
    let mut times = 2.0;
    while fine * times < acf.len() as f64 - 2.0 {
        let Some(lag) = hill(fine * times, times.min(0.25 * fine).max(1.0)).filter(|&lag| rising(lag)) else {
            break;
        };
        fine = lag as f64 / times;
        times *= 2.0;
    }
    Some(fine)
}

/// A well-known or whole number of steps, where one is as near as the length of the series can tell.
fn settled(period: f64, calendar: &[f64], n: usize) -> f64 {
    // After all cycles the phase must not have moved by more than a third of a step or a hundredth of a cycle.
    let cycles = (n as f64 / period).max(1.0);
    let near =
        |other: f64| (other - period).abs() <= (0.35f64.max(0.02 * period) / cycles).max(0.004 * period);
    let whole = period.round();
    calendar.iter().copied().find(|&other| near(other)).unwrap_or(if near(whole) { whole } else { period })
}

/// Tests a period; none when it fails.
fn trial(values: &[f64], period: f64, calendar: &[f64]) -> Option<Trial> {
    let unknown = usize::from(!calendar.contains(&period));
    let (weakest, beyond) = (WEAKEST[unknown], BEYOND_CHANCE[unknown]);
    let whole = (period.round() as usize).max(2);
    let off = without_moving_mean(values, whole);
    // Many cycles of a period that is no whole number show what lies between the steps.
    let finer = if period.fract() == 0.0 { 1 } else { (values.len() / whole / 12).clamp(1, 4) };
    let bins = whole * finer;
    let mut sums = vec![(0.0f64, 0.0f64, 0u32); bins];
    for (at, &value) in off.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let sum = &mut sums[phase(at, period, bins)];
        *sum = (sum.0 + value, sum.1 + value * value, sum.2 + 1);
    }
    let (mut products, mut squares, mut n, mut spread) = (0.0, 0.0, 0.0, 0.0);
    for &(sum, square, count) in sums.iter().filter(|(_, _, count)| *count > 1) {
        let count = f64::from(count);
        products += (sum * sum - square) / (count - 1.0);
        squares += square;
        spread += 2.0 * count / (count - 1.0);
        n += count;
    }
    if squares <= 0.0 || n < FEWEST as f64 || n < 0.5 * values.len() as f64 * share_there(values) {
        return None;
    }
    let share = products / squares;
    if share < weakest || !stands_in_most_cycles(&off, &sums, period) {
        return None;
    }
    let mut profile: Vec<f64> =
        sums.iter().map(|(sum, _, count)| if *count == 0 { 0.0 } else { sum / f64::from(*count) }).collect();
    let level = profile.iter().sum::<f64>() / bins as f64;
    profile.iter_mut().for_each(|value| *value -= level);
    let chance = spread.sqrt() / n;
    (share >= beyond * chance).then(|| Trial {
        period,
        power: products / n,
        share,
        profile,
        off,
        chance,
        beyond,
    })
}

fn share_there(values: &[f64]) -> f64 {
    values.iter().filter(|value| value.is_finite()).count() as f64 / values.len().max(1) as f64
}

/// The values around their centred moving mean; near the ends the first and last whole window stand in.
fn without_moving_mean(values: &[f64], window: usize) -> Vec<f64> {
    let n = values.len();
    let window = window.min(n);
    let mut sums = Vec::with_capacity(n + 1);
    let mut so_far = (0.0f64, 0u32);
    sums.push(so_far);
    for &value in values {
        if value.is_finite() {
            so_far = (so_far.0 + value, so_far.1 + 1);
        }
        sums.push(so_far);
    }
    (0..n)
        .map(|at| {
            let from = at.saturating_sub(window / 2).min(n - window);
            let (low, high) = (sums[from], sums[from + window]);
            let count = high.1 - low.1;
            if count == 0 { f64::NAN } else { values[at] - (high.0 - low.0) / f64::from(count) }
        })
        .collect()
}

/// Whether the season is in the middle one of its cycles too: what each has in common with the others, in order.
fn stands_in_most_cycles(off: &[f64], sums: &[(f64, f64, u32)], period: f64) -> bool {
    let n_cycles = (off.len() as f64 / period).ceil() as usize;
    let mut common = vec![(0.0f64, 0u32); n_cycles + 1];
    for (at, &value) in off.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let (sum, _, count) = sums[phase(at, period, sums.len())];
        if count > 1 {
            let cycle = &mut common[(at as f64 / period) as usize];
            *cycle = (cycle.0 + value * (sum - value) / f64::from(count - 1), cycle.1 + 1);
        }
    }
    // Cycles of which half is missing say nothing.
    let mut whole: Vec<f64> =
        common.iter().filter(|(_, count)| f64::from(*count) >= 0.5 * period).map(|(sum, _)| *sum).collect();
    if whole.len() < 2 {
        return false;
    }
    let mean = whole.iter().sum::<f64>() / whole.len() as f64;
    whole.sort_unstable_by(f64::total_cmp);
    // The lower middle, so that of two both count.
    whole[(whole.len() - 1) / 2] > 0.2 * mean
}

/// By how much the autocorrelation of what is left widens the spread of chance: `1 + 2 * sum of r^2`.
fn inflation(off: &[f64], profile: &[f64], period: f64) -> f64 {
    let left: Vec<f64> =
        off.iter().enumerate().map(|(at, value)| value - profile[phase(at, period, profile.len())]).collect();
    let acf = autocorrelation(&left, left.len() / 4);
    1.0 + 2.0 * acf.iter().skip(1).map(|r| r * r).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    struct Noise(u64);

    impl Noise {
        /// About normal, deviation 1.
        fn next(&mut self) -> f64 {
            let mut sum = 0.0;
            for _ in 0..12 {
                self.0 =
                    self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                sum += (self.0 >> 11) as f64 / (1u64 << 53) as f64;
            }
            sum - 6.0
        }
    }

    fn check(name: &str, values: &[f64], step: Option<f64>, expect: &[f64]) {
        let found = seasons(values, step);
        let periods: Vec<f64> = found.iter().map(|season| season.period).collect();
        let same = periods.len() == expect.len()
            && periods.iter().zip(expect).all(|(a, b)| (a - b).abs() <= 0.011 * b);
        assert!(same, "{name}: {found:?}, wanted {expect:?}");
    }

    #[test]
    fn noise_and_wandering_have_no_season() {
        for seed in 0..12 {
            let mut noise = Noise(seed);
            let n = [60, 300, 1_000, 3_000][seed as usize % 4];
            let white: Vec<f64> = (0..n).map(|_| noise.next()).collect();
            check("white", &white, Some(300.0), &[]);
            let mut level = 0.0;
            let walk: Vec<f64> = (0..n)
                .map(|_| {
                    level += noise.next();
                    level
                })
                .collect();
            check("walk", &walk, Some(300.0), &[]);
            let red: Vec<f64> = (0..n)
                .map(|_| {
                    level = 0.95 * level + noise.next();
                    level
                })
                .collect();
            check("red", &red, Some(300.0), &[]);
            let heavy: Vec<f64> = (0..n).map(|_| noise.next().powi(7)).collect();
            check("heavy", &heavy, Some(300.0), &[]);
        }
        check("ramp", &(0..500).map(f64::from).collect::<Vec<_>>(), None, &[]);
        check("step", &(0..500).map(|t| f64::from(u8::from(t > 200))).collect::<Vec<_>>(), None, &[]);
    }

    fn day(t: usize) -> f64 {
        let x = t as f64 / 288.0 * TAU;
        10.0 * x.sin() + 6.0 * (2.0 * x).cos() + 3.0 * (3.0 * x).sin()
    }

    #[test]
    fn a_day_with_harmonics_is_a_day() {
        let mut noise = Noise(1);
        let values: Vec<f64> = (0..288 * 10).map(|t| 100.0 + day(t) + 4.0 * noise.next()).collect();
        check("with step", &values, Some(300.0), &[288.0]);
        check("without step", &values, None, &[288.0]);
    }

    #[test]
    fn trend_outliers_and_gaps_do_not_hide_a_day() {
        let mut noise = Noise(2);
        let mut values: Vec<f64> = (0..288 * 12)
            .map(|t| 0.05 * t as f64 + if t > 1_500 { 80.0 } else { 0.0 } + day(t) + 4.0 * noise.next())
            .collect();
        for at in [100, 900, 901, 2_000] {
            values[at] = 50_000.0;
        }
        values[1_000..1_200].fill(f64::NAN);
        values.iter_mut().skip(5).step_by(11).for_each(|value| *value = f64::NAN);
        check("mended", &values, Some(300.0), &[288.0]);
        check("without step", &values, None, &[288.0]);
    }

    #[test]
    fn day_and_week_are_found_together() {
        let mut noise = Noise(3);
        let values: Vec<f64> = (0..24 * 7 * 6)
            .map(|t| {
                let weekend = if t / 24 % 7 >= 5 { 0.4 } else { 1.0 };
                weekend * (20.0 + 8.0 * (t as f64 / 24.0 * TAU).sin()) + noise.next()
            })
            .collect();
        check("hourly", &values, Some(3_600.0), &[24.0, 168.0]);
        check("without step", &values, None, &[24.0, 168.0]);
    }

    #[test]
    fn a_nightly_spike_is_a_season_and_two_outliers_are_none() {
        let mut noise = Noise(4);
        let mut values: Vec<f64> = (0..288 * 10).map(|_| noise.next()).collect();
        values.iter_mut().skip(40).step_by(288).for_each(|value| *value += 60.0);
        check("nightly", &values, Some(300.0), &[288.0]);
        let mut values: Vec<f64> = (0..288 * 10).map(|_| noise.next()).collect();
        (values[300], values[300 + 288 * 3]) = (1e4, 1e4);
        check("outliers", &values, Some(300.0), &[]);
    }

    #[test]
    fn periods_that_are_no_whole_number_of_steps_are_found() {
        let mut noise = Noise(5);
        let values: Vec<f64> =
            (0..3_000).map(|t| 5.0 * (f64::from(t) / 17.37 * TAU).sin() + noise.next()).collect();
        check("odd", &values, None, &[17.37]);
        let values: Vec<f64> =
            (0..3_000).map(|t| 3.0 * (f64::from(t) / 205.714 * TAU).sin() + noise.next()).collect();
        check("seven minutes", &values, Some(420.0), &[205.714]);
    }

    #[test]
    fn any_numbers_are_answered() {
        for values in [
            vec![],
            vec![1.0; 100],
            vec![f64::NAN; 100],
            [f64::INFINITY, f64::NEG_INFINITY].repeat(50),
            [1e308, -1e308, 3.0, f64::NAN].repeat(30),
        ] {
            assert!(
                seasons(&values, Some(60.0)).iter().all(|season| season.strength.is_finite()),
                "{values:?}"
            );
        }
        assert_eq!(seasons(&[0.0, 1.0].repeat(50), Some(f64::NAN)).first().map(|s| s.period), Some(2.0));
    }
}
