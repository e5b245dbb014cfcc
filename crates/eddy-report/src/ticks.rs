//! Where the sides of a plot are graduated.

use eddy_frame::CivilTime;

use crate::{Axis, words};

/// A graduation and what stands beside it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    /// Where, in data units.
    pub(crate) at: f64,
    /// What stands there; empty for a graduation without words.
    pub(crate) label: String,
}

/// How data units map to the length of a side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Scale {
    /// An even scale that holds all finite values, with a little air. Never empty.
    pub(crate) fn over(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = extent(values);
        let air = (high - low) * 0.04;
        Self::from_to(low - air, high + air)
    }

    /// A scale even in `ln(1 + x)`; for values of at least 0.
    pub(crate) fn logarithmic(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = extent(values);
        Self { low: low.max(0.0), high: high.max(low.max(0.0) + 1.0) * 1.2, logarithmic: true }
    }

    /// An even scale from `low` to `high`.
    pub(crate) fn from_to(low: f64, high: f64) -> Self {
        if low < high {
            return Self { low, high, logarithmic: false };
        }
        let half = (low.abs() * 0.05).max(0.5);
        Self { low: low - half, high: low + half, logarithmic: false }
    }

    /// The part of the side below `value`, 0 to 1 inside the scale.
    pub(crate) fn part(&self, value: f64) -> f64 {
        if self.logarithmic {
            let (low, high) = (self.low.ln_1p(), self.high.ln_1p());
            return (value.max(0.0).ln_1p() - low) / (high - low);
        }
        (value - self.low) / (self.high - self.low)
    }

    /// The largest value of the scale.
    pub(crate) fn high(&self) -> f64 {
        self.high
    }

    /// About `n` round numbers on the scale.
    pub(crate) fn ticks(&self, n: usize) -> Vec<Tick> {
        if self.logarithmic {
            let mut ticks = vec![];
            if self.low <= 0.0 {
                ticks.push(0.0);
            }
            let (first, last) = (self.low.max(1.0).log10().ceil() as i32, self.high.log10().floor() as i32);
            let every = ((last - first + 1).max(1) as usize).div_ceil(n.max(1)).max(1);
            ticks.extend((first..=last).step_by(every).map(|power| 10f64.powi(power)));
            return ticks.into_iter().map(|at| Tick { at, label: words::tick(at) }).collect();
        }
        let step = round_step((self.high - self.low) / n.max(1) as f64);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last)
            .take(50)
            .map(|i| {
                let at = i as f64 * step;
                Tick { at, label: words::tick(at) }
            })
            .collect()
    }

    /// About `n` graduations of the horizontal axis of a trace.
    pub(crate) fn axis_ticks(&self, axis: Axis, n: usize) -> Vec<Tick> {
        match axis {
            Axis::Index => self.ticks(n).into_iter().filter(|tick| tick.at.fract() == 0.0).collect(),
            Axis::Time | Axis::Elapsed => {
                let step = time_step((self.high - self.low) / n.max(1) as f64);
                let first = (self.low / step).ceil() as i64;
                let last = (self.high / step).floor() as i64;
                let mut day = None;
                (first..=last)
                    .take(50)
                    .map(|i| {
                        let at = i as f64 * step;
                        let label = if axis == Axis::Time {
                            let time = civil(at);
                            let date = (time.year, time.month, time.day);
                            let new_day = day != Some(date);
                            day = Some(date);
                            moment(&time, step, new_day)
                        } else {
                            elapsed(at, step)
                        };
                        Tick { at, label }
                    })
                    .collect()
            }
        }
    }
}

fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        (0.0, 1.0)
    } else if low == high {
        let half = (low.abs() * 0.05).max(0.5);
        (low - half, high + half)
    } else {
        (low, high)
    }
}

/// The next of 1, 2, 5, 10, ... times a power of ten.
fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.max(1e-300).log10().floor());
    let lead = rough / power;
    power * [1.0, 2.0, 5.0].into_iter().find(|step| lead <= step * 1.000_001).unwrap_or(10.0)
}

const SECOND: f64 = 1_000.0;
const MINUTE: f64 = 60.0 * SECOND;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// The next round step of clock and calendar, in milliseconds.
fn time_step(rough: f64) -> f64 {
    if rough < SECOND {
        return round_step(rough);
    }
    let steps = [
        SECOND,
        2.0 * SECOND,
        5.0 * SECOND,
        10.0 * SECOND,
        15.0 * SECOND,
        30.0 * SECOND,
        MINUTE,
        2.0 * MINUTE,
        5.0 * MINUTE,
        10.0 * MINUTE,
        15.0 * MINUTE,
        30.0 * MINUTE,
        HOUR,
        2.0 * HOUR,
        3.0 * HOUR,
        6.0 * HOUR,
        12.0 * HOUR,
        DAY,
        2.0 * DAY,
        7.0 * DAY,
        14.0 * DAY,
        30.0 * DAY,
        91.0 * DAY,
        182.0 * DAY,
        365.0 * DAY,
    ];
    steps
        .into_iter()
        .find(|step| rough <= *step)
        .unwrap_or_else(|| round_step(rough / (365.0 * DAY)) * 365.0 * DAY)
}

fn civil(ms: f64) -> CivilTime {
    CivilTime::from_nanos((ms * 1e6) as i64)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn moment(time: &CivilTime, step: f64, new_day: bool) -> String {
    let month = MONTHS[(time.month as usize - 1) % 12];
    if step >= 300.0 * DAY {
        return time.year.to_string();
    }
    if step >= 28.0 * DAY {
        return format!("{month} {}", time.year);
    }
    if step >= DAY || (new_day && time.hour == 0 && time.minute == 0 && time.second == 0) {
        return format!("{} {month}", time.day);
    }
    let clock = if step < SECOND {
        format!("{:02}:{:02}:{:02}.{:03}", time.hour, time.minute, time.second, time.nanos / 1_000_000)
    } else if step < MINUTE {
        format!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second)
    } else {
        format!("{:02}:{:02}", time.hour, time.minute)
    };
    if new_day { format!("{} {month} {clock}", time.day) } else { clock }
}

fn elapsed(ms: f64, step: f64) -> String {
    if step < SECOND {
        return format!("{} s", words::tick(ms / SECOND));
    }
    let seconds = (ms / SECOND).round() as i64;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if step >= MINUTE || hours > 0 {
        format!("{hours}:{minutes:02}:{rest:02}")
    } else {
        format!("{minutes}:{rest:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn even_scales_have_round_ticks() {
        assert_eq!(labels(&Scale::from_to(0.0, 1.0).ticks(5)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(&Scale::from_to(-3.0, 3.0).ticks(3)), ["-2", "0", "2"]);
    }

    #[test]
    fn logarithmic_scales_count_in_powers_of_ten() {
        let scale = Scale::logarithmic([0.0, 5_000_000.0].into_iter());
        assert_eq!(labels(&scale.ticks(4)), ["0", "1", "100", "10k", "1M"]);
        assert!((scale.part(0.0), scale.part(6_000_000.0)) == (0.0, 1.0));
    }

    #[test]
    fn times_name_the_day_once() {
        let start = 1_397_088_000_000.0;
        let ticks = Scale::from_to(start + 20.0 * HOUR, start + 30.0 * HOUR).axis_ticks(Axis::Time, 5);
        assert_eq!(labels(&ticks), ["10 Apr 20:00", "22:00", "11 Apr", "02:00", "04:00", "06:00"]);
    }

    #[test]
    fn nothing_and_constants_have_a_scale() {
        let nothing = Scale::over(std::iter::empty());
        assert!(nothing.low < nothing.high);
        let constant = Scale::over([7.0, 7.0].into_iter());
        assert!(constant.low < 7.0 && constant.high > 7.0);
        assert_eq!(labels(&Scale::from_to(0.5, 1.5).axis_ticks(Axis::Index, 6)), ["1"]);
    }
}
