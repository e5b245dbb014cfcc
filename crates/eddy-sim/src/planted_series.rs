//! Single metric series with planted events of known kind and size: to measure detectors of series with.

use crate::draw::{Draw, Purpose};

/// What is planted in a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PlantedKind {
    /// Three rows up, by so many deviations of the noise.
    Spike,
    /// Two hours (six rows at least) with so much less of everything; the size is the share that is lost.
    PartialDrop,
    /// Up and up it stays, by so many deviations of the noise.
    LevelShift,
    /// An even climb that reaches so many deviations of the noise within a day and goes on.
    TrendChange,
    /// The noise is so many times as wide, from then on.
    VarianceChange,
    /// For a day the rhythm runs so many hours late.
    SeasonBroken,
    /// Nothing for so many hours.
    Silence,
    /// One and the same value for so many hours.
    FlatLine,
}

impl PlantedKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Spike,
        Self::PartialDrop,
        Self::LevelShift,
        Self::TrendChange,
        Self::VarianceChange,
        Self::SeasonBroken,
        Self::Silence,
        Self::FlatLine,
    ];

    /// The sizes it is planted in: small, medium, large.
    pub fn sizes(self) -> [f64; 3] {
        match self {
            Self::Spike => [5.0, 10.0, 20.0],
            Self::PartialDrop => [0.3, 0.6, 0.9],
            Self::LevelShift => [3.0, 6.0, 12.0],
            Self::TrendChange => [6.0, 12.0, 24.0],
            Self::VarianceChange => [2.0, 4.0, 8.0],
            Self::SeasonBroken => [4.0, 8.0, 12.0],
            Self::Silence => [0.5, 2.0, 8.0],
            Self::FlatLine => [2.0, 6.0, 12.0],
        }
    }

    /// A size in words.
    pub fn size_in_words(self, size: f64) -> String {
        match self {
            Self::Spike | Self::LevelShift => format!("{size} deviations of the noise"),
            Self::TrendChange => format!("{size} deviations of the noise in a day"),
            Self::PartialDrop => format!("{} % lost for 2 h", size * 100.0),
            Self::VarianceChange => format!("noise {size} times as wide"),
            Self::SeasonBroken => format!("{size} h late for a day"),
            Self::Silence | Self::FlatLine => format!("{size} h"),
        }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spike => "spike",
            Self::PartialDrop => "partial drop",
            Self::LevelShift => "level shift",
            Self::TrendChange => "trend change",
            Self::VarianceChange => "variance change",
            Self::SeasonBroken => "season broken",
            Self::Silence => "silence",
            Self::FlatLine => "flat line",
        }
    }
}

/// What a series is made of before anything is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ground {
    /// Day and week, a trend, noise, gaps.
    Traffic,
    /// Nothing but noise around a level.
    Noise,
    /// Day and week, and next to no noise.
    Season,
    /// Day and week and noise around a level of about eight, told in whole numbers only.
    WholeNumbers,
}

/// An event as it was planted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlantedEvent {
    /// What.
    pub kind: PlantedKind,
    /// How much; see [`PlantedKind::size_in_words`].
    pub size: f64,
    /// First row that is changed, from 0.
    pub first: usize,
    /// Last row that is changed; of states, the row a day after the first.
    pub last: usize,
}

/// A series with what was planted in it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlantedSeries {
    /// Nanoseconds since the epoch.
    pub times: Vec<i64>,
    /// Values; rows of gaps are left out of both.
    pub values: Vec<f64>,
    /// Seconds between rows where there is no gap.
    pub interval_s: u32,
    /// What was planted, in the order of time.
    pub events: Vec<PlantedEvent>,
}

impl PlantedSeries {
    /// Length of the record in days.
    pub fn days(&self) -> f64 {
        let span = self.times.last().zip(self.times.first()).map_or(0, |(last, first)| last - first);
        span as f64 / 86_400e9
    }
}

/// A Monday, 2024-01-01 00:00 UTC.
const START_NS: i64 = 1_704_067_200_000_000_000;

/// A series of the given kind of ground and interval, with two events planted (or none). Each seed gives another level,
/// rhythm, width of noise, trend, and other gaps.
pub fn planted_series(
    seed: u64,
    ground: Ground,
    interval_s: u32,
    plant: &[(PlantedKind, f64)],
) -> PlantedSeries {
    let mut draw = Draw::new(seed, Purpose::Background(interval_s as usize));
    let a_day = (86_400 / interval_s.max(1)) as usize;
    let days = match interval_s {
        0..120 => 14,
        120..1_200 => 28,
        _ => 60,
    };
    let n = a_day * days;
    let level = match ground {
        Ground::WholeNumbers => draw.log_normal(8.0, 0.7),
        _ => draw.log_normal(1_000.0, 1.0),
    };
    let relative_noise = match ground {
        Ground::Season => 0.002,
        _ => [0.02, 0.05, 0.1][draw.whole(0, 2) as usize],
    };
    let is_seasonal = ground != Ground::Noise;
    let daily = if is_seasonal { draw.uniform(0.2, 0.6) } else { 0.0 };
    let weekend = if is_seasonal { draw.uniform(0.5, 1.0) } else { 1.0 };
    let second = draw.uniform(0.0, 0.4);
    let shift_h = draw.uniform(0.0, 24.0);
    let trend = if ground == Ground::Traffic { draw.uniform(-0.002, 0.004) } else { 0.0 };
    let memory: f64 = if ground == Ground::Traffic { draw.uniform(0.0, 0.6) } else { 0.0 };
    let sd = level * relative_noise;
    let expected = |row: f64| {
        let day = row / a_day as f64;
        let turn = (day - shift_h / 24.0) * std::f64::consts::TAU;
        let rhythm = 1.0 + daily * (turn.sin() + second * (2.0 * turn).sin());
        let week = if is_seasonal { weekend_share(day, weekend) } else { 1.0 };
        level * rhythm * week * (1.0 + trend * day)
    };
    let mut placing = Draw::new(seed, Purpose::Placing);
    let mut events = place(&mut placing, plant, n, a_day, interval_s);
    let mut deviation = 0.0;
    let mut values: Vec<f64> = Vec::with_capacity(n);
    let mut held: Option<f64> = None;
    for row in 0..n {
        deviation = memory * deviation + (1.0 - memory * memory).sqrt() * draw.normal();
        let mut plain = expected(row as f64);
        let mut noise = sd * deviation;
        let mut flat = false;
        for event in &events {
            let within = (event.first..=event.last).contains(&row);
            let since = row.saturating_sub(event.first) as f64;
            match event.kind {
                PlantedKind::Spike if within => plain += event.size * sd,
                PlantedKind::PartialDrop if within => plain *= 1.0 - event.size,
                PlantedKind::LevelShift if row >= event.first => plain += event.size * sd,
                PlantedKind::TrendChange if row >= event.first => {
                    plain += event.size * sd * since / a_day as f64;
                }
                PlantedKind::VarianceChange if row >= event.first => noise *= event.size,
                PlantedKind::SeasonBroken if within => {
                    plain = expected(row as f64 - event.size / 24.0 * a_day as f64);
                }
                PlantedKind::Silence if within => (plain, noise) = (0.0, 0.0),
                PlantedKind::FlatLine if within => flat = true,
                _ => {}
            }
        }
        let value = (plain + noise).max(0.0);
        let value = if ground == Ground::WholeNumbers { value.round() } else { value };
        held = flat.then(|| held.unwrap_or(value));
        values.push(held.unwrap_or(value));
    }
    let gone = if ground == Ground::Traffic { gaps(&mut draw, n, &events) } else { vec![false; n] };
    drop_rows(&mut events, &gone);
    let step = i64::from(interval_s) * 1_000_000_000;
    let kept = || (0..n).filter(|&row| !gone[row]);
    PlantedSeries {
        times: kept().map(|row| START_NS + row as i64 * step).collect(),
        values: kept().map(|row| values[row]).collect(),
        interval_s,
        events,
    }
}

/// What is left of the traffic at the weekend, with evenings that go over into it.
fn weekend_share(day: f64, weekend: f64) -> f64 {
    let of_week = day.rem_euclid(7.0);
    let into = (of_week - 4.9) * 5.0;
    let out_of = (6.9 - of_week) * 5.0;
    1.0 - (1.0 - weekend) * into.min(out_of).clamp(0.0, 1.0)
}

/// Where events stand: the first around the middle of the record, each later one well after.
fn place(
    draw: &mut Draw,
    plant: &[(PlantedKind, f64)],
    n: usize,
    a_day: usize,
    interval_s: u32,
) -> Vec<PlantedEvent> {
    let hours = |hours: f64| ((hours * 3_600.0 / f64::from(interval_s)).round() as usize).max(1);
    let share = 0.5 / plant.len().max(1) as f64;
    let places = plant.iter().enumerate().map(|(at, &(kind, size))| {
        let from = 0.45 + share * at as f64;
        let first = (draw.uniform(from, from + share * 0.5) * n as f64) as usize;
        let rows = match kind {
            PlantedKind::Spike => 3,
            PlantedKind::PartialDrop => hours(2.0).max(6),
            PlantedKind::Silence => hours(size).max(2),
            PlantedKind::FlatLine => hours(size).max(6),
            _ => a_day,
        };
        PlantedEvent { kind, size, first, last: (first + rows - 1).min(n - 1) }
    });
    places.collect()
}

/// A few gaps of a few rows, none within an event.
fn gaps(draw: &mut Draw, n: usize, events: &[PlantedEvent]) -> Vec<bool> {
    let mut gone = vec![false; n];
    for _ in 0..=n / 2_000 {
        let first = draw.uniform(0.0, n as f64) as usize;
        let rows = draw.whole(1, 3) as usize;
        let last = (first + rows).min(n);
        let hits = |event: &PlantedEvent| first <= event.last + 5 && last + 5 >= event.first;
        if !events.iter().any(hits) {
            gone[first..last].fill(true);
        }
    }
    gone
}

/// Moves events to where their rows are once the rows of gaps are left out.
fn drop_rows(events: &mut [PlantedEvent], gone: &[bool]) {
    for event in events {
        let before = gone[..event.first].iter().filter(|&&gone| gone).count();
        let within = gone[event.first..=event.last].iter().filter(|&&gone| gone).count();
        event.last -= before + within;
        event.first -= before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planting_changes_only_the_rows_of_the_event() {
        for kind in PlantedKind::ALL {
            let clean = planted_series(3, Ground::Noise, 300, &[]);
            let planted = planted_series(3, Ground::Noise, 300, &[(kind, kind.sizes()[2])]);
            let event = planted.events[0];
            assert_eq!(clean.times, planted.times);
            let first = clean.values.iter().zip(&planted.values).position(|(a, b)| a != b);
            // Noise alone has no rhythm to break.
            if kind == PlantedKind::SeasonBroken {
                assert_eq!(first, None);
                continue;
            }
            assert!(
                first.is_some_and(|first| first.abs_diff(event.first) <= 1),
                "{kind:?}: {first:?} {event:?}"
            );
            assert!(event.first < event.last && event.last < planted.values.len(), "{kind:?}: {event:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_series() {
        let plant = [(PlantedKind::Spike, 10.0), (PlantedKind::Silence, 2.0)];
        let one = planted_series(7, Ground::Traffic, 3_600, &plant);
        assert_eq!(one, planted_series(7, Ground::Traffic, 3_600, &plant));
        assert_ne!(one.values, planted_series(8, Ground::Traffic, 3_600, &plant).values);
        let silent = one.events[1];
        assert!(one.values[silent.first..=silent.last].iter().all(|&value| value == 0.0));
        assert!(one.values.iter().all(|value| value.is_finite()));
        assert_eq!(one.times.len(), one.values.len());
    }

    #[test]
    fn whole_numbers_are_whole_and_change() {
        for seed in 0..6 {
            let values = planted_series(seed, Ground::WholeNumbers, 300, &[]).values;
            assert!(values.iter().all(|value| value.fract() == 0.0), "{seed}");
            assert!(values.windows(2).any(|pair| pair[0] != pair[1]), "{seed}");
        }
    }

    #[test]
    fn sizes_are_what_they_say() {
        let plant = [(PlantedKind::PartialDrop, 0.9)];
        let one = planted_series(5, Ground::Season, 300, &plant);
        let event = one.events[0];
        let before = one.values[event.first - 1];
        let within = one.values[event.first];
        assert!((within / before - 0.1).abs() < 0.05, "{before} {within}");
    }
}
