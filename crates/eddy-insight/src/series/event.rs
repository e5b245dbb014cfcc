//! Events on series.

use serde::Serialize;

use super::baseline::Baseline;
use super::extent::{Alarm, Extent, extent, rows_of_a_state};
use super::kind;

/// What happened to a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Values far above what is expected, for a while.
    Spike,
    /// Values far below what is expected, for a while.
    Drop,
    /// Another level, that stayed.
    LevelShift,
    /// A climb or fall that went on.
    TrendChange,
    /// More or less variation than before.
    VarianceChange,
    /// The rhythm of the day or week was not kept.
    SeasonBroken,
    /// Next to nothing, or no row at all, where something is expected.
    Silence,
    /// One and the same value over and over.
    FlatLine,
    /// Unusual, of no known shape.
    Unusual,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Spike,
        Self::Drop,
        Self::LevelShift,
        Self::TrendChange,
        Self::VarianceChange,
        Self::SeasonBroken,
        Self::Silence,
        Self::FlatLine,
        Self::Unusual,
    ];

    /// In words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Spike => "spike",
            Self::Drop => "drop",
            Self::LevelShift => "level shift",
            Self::TrendChange => "trend change",
            Self::VarianceChange => "change of variation",
            Self::SeasonBroken => "rhythm broken",
            Self::Silence => "silence",
            Self::FlatLine => "flat line",
            Self::Unusual => "unusual, of no known shape",
        }
    }
}

/// One column of one series, whole.
#[derive(Debug, Clone, Copy)]
pub struct SeriesRecord<'a> {
    /// Values in the order of time; NaN where one is missing.
    pub values: &'a [f64],
    /// Nanoseconds since the epoch, as many, or none at all.
    pub times: &'a [i64],
    /// Rows of a season (a day, a week), where one is known.
    pub season: Option<usize>,
}

/// Something that happened to a series: adjacent alarms are one event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesEvent {
    /// What happened.
    pub kind: EventKind,
    /// First row, from 0 within the series.
    pub first: usize,
    /// Last row of it; of a state that goes on, the last row of the record.
    pub last: usize,
    /// Row at which it was first detectable: the first alarm.
    pub detected: usize,
    /// Whether it still goes on at the end of the record.
    pub goes_on: bool,
    /// Row that is furthest from what was expected.
    pub peak: usize,
    /// Value at that row; for level shifts the level after, for changes of variation the deviation after.
    pub seen: f64,
    /// What was expected there; for level shifts the level before, for changes of variation the deviation before.
    pub expected: f64,
    /// Lower end of the band of ordinary values there.
    pub low: f64,
    /// Upper end of the band.
    pub high: f64,
    /// The greatest surprise of its alarms.
    pub surprise: f64,
    /// Alarms that fell into it.
    pub alarms: usize,
    /// What the detector took its strongest alarm for, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The events behind alarms, in the order of time. `alarms` are in order.
pub fn events(record: &SeriesRecord<'_>, alarms: &[Alarm]) -> Vec<SeriesEvent> {
    let state = rows_of_a_state(record);
    let mut events: Vec<SeriesEvent> = Vec::new();
    // What is ordinary is learned from here on: after a new state has begun, from the state.
    let mut from = 0;
    for alarm in alarms.iter().filter(|alarm| alarm.row < record.values.len()) {
        if let Some(event) = events.last_mut()
            && belongs(event, alarm.row, state)
        {
            event.alarms += 1;
            if alarm.surprise > event.surprise {
                event.surprise = alarm.surprise;
                event.reason.clone_from(&alarm.reason);
            }
            continue;
        }
        let event = one(record, alarm, from);
        if event.is_state() && event.goes_on {
            from = event.first;
        }
        events.push(event);
    }
    events
}

impl SeriesEvent {
    /// Whether the series was in another state from then on.
    fn is_state(&self) -> bool {
        matches!(self.kind, EventKind::LevelShift | EventKind::TrendChange | EventKind::VarianceChange)
    }
}

/// Whether an alarm is about an event that is known already: it falls into it, or says that it is over.
fn belongs(event: &SeriesEvent, row: usize, state: usize) -> bool {
    let calm = (state / 4).max(3);
    if event.is_state() && event.last - event.first > 2 * state {
        // A long state: its beginning and its end are of the event, what happens in between is not.
        return row <= event.first + state || (!event.goes_on && row.abs_diff(event.last) <= calm);
    }
    row <= event.last + calm
}

fn one(record: &SeriesRecord<'_>, alarm: &Alarm, from: usize) -> SeriesEvent {
    let value = record.values[alarm.row];
    let mut event = SeriesEvent {
        kind: EventKind::Unusual,
        first: alarm.row,
        last: alarm.row,
        detected: alarm.row,
        goes_on: false,
        peak: alarm.row,
        seen: value,
        expected: f64::NAN,
        low: f64::NAN,
        high: f64::NAN,
        surprise: alarm.surprise,
        alarms: 1,
        reason: alarm.reason.clone(),
    };
    // The rows right before the alarm may belong to the event.
    let until = alarm.row.saturating_sub(3).max(from);
    let Some(rough) = Baseline::of(record, from, until).or_else(|| Baseline::of(record, 0, until)) else {
        return event;
    };
    let first = extent(record, &rough, alarm.row, from).first;
    let Some(baseline) = Baseline::of(record, from, first).or_else(|| Baseline::of(record, 0, first)) else {
        return event;
    };
    let found: Extent = extent(record, &baseline, alarm.row, from);
    kind::describe(&mut event, record, &baseline, found);
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day of 48 rows, over and over, with a little noise that is always the same.
    fn days(n: usize) -> Vec<f64> {
        let noise = |row: usize| ((row * 7_919 + 13) % 101) as f64 / 101.0 - 0.5;
        (0..n)
            .map(|row| 100.0 + 30.0 * (row as f64 / 48.0 * std::f64::consts::TAU).sin() + 4.0 * noise(row))
            .collect()
    }

    fn check(change: impl Fn(usize, f64) -> f64, alarm: usize, kind: EventKind, first: usize, last: usize) {
        let values: Vec<f64> = days(960).into_iter().enumerate().map(|(row, v)| change(row, v)).collect();
        let record = SeriesRecord { values: &values, times: &[], season: Some(48) };
        let alarm = Alarm { row: alarm, surprise: 4.0, reason: None };
        let events = events(&record, &[alarm]);
        assert_eq!(events.len(), 1);
        let event = &events[0];
        assert_eq!(event.kind, kind, "{event:?}");
        assert!(event.first.abs_diff(first) <= 2 && event.last.abs_diff(last) <= 3, "{event:?}");
    }

    #[test]
    fn each_kind_is_told_from_the_others() {
        let within = |row: usize, from: usize, to: usize| (from..to).contains(&row);
        check(|row, v| if row == 500 { v + 80.0 } else { v }, 500, EventKind::Spike, 500, 500);
        check(|row, v| if within(row, 500, 506) { v + 60.0 } else { v }, 502, EventKind::Spike, 500, 505);
        check(|row, v| if within(row, 500, 506) { v * 0.4 } else { v }, 500, EventKind::Drop, 500, 505);
        check(|row, v| if within(row, 500, 520) { v * 0.01 } else { v }, 500, EventKind::Silence, 500, 519);
        check(|row, v| if within(row, 500, 520) { 117.0 } else { v }, 510, EventKind::FlatLine, 500, 519);
        check(|row, v| if row >= 500 { v + 40.0 } else { v }, 501, EventKind::LevelShift, 500, 959);
        check(
            |row, v| if row >= 500 { v + (row - 500) as f64 * 0.6 } else { v },
            515,
            EventKind::TrendChange,
            508,
            959,
        );
        let wild = |row: usize| ((row * 104_729 + 7) % 211) as f64 / 211.0 - 0.5;
        check(
            |row, v| if row >= 500 { v + 60.0 * wild(row) } else { v },
            503,
            EventKind::VarianceChange,
            500,
            959,
        );
        check(
            |row, v| if within(row, 480, 528) { 200.0 - v } else { v },
            486,
            EventKind::SeasonBroken,
            481,
            527,
        );
    }

    #[test]
    fn adjacent_alarms_are_one_event_and_distant_ones_are_not() {
        let mut values = days(960);
        (500..510).for_each(|row| values[row] += 70.0);
        values[800] -= 60.0;
        let record = SeriesRecord { values: &values, times: &[], season: Some(48) };
        let alarm = |row, surprise| Alarm { row, surprise, reason: None };
        let found = events(&record, &[alarm(500, 3.0), alarm(504, 5.0), alarm(509, 4.0), alarm(800, 3.5)]);
        let seen: Vec<(EventKind, usize, usize)> =
            found.iter().map(|event| (event.kind, event.detected, event.alarms)).collect();
        assert_eq!(seen, [(EventKind::Spike, 500, 3), (EventKind::Drop, 800, 1)]);
        assert!((found[0].surprise - 5.0).abs() < 1e-12);
        assert!(found[0].seen > found[0].high && found[1].seen < found[1].low);
    }

    #[test]
    fn what_happens_in_a_new_state_is_an_event_of_its_own() {
        let mut values = days(1_920);
        (500..1_920).for_each(|row| values[row] += 50.0);
        values[1_400] += 80.0;
        let record = SeriesRecord { values: &values, times: &[], season: Some(48) };
        let alarm = |row| Alarm { row, surprise: 4.0, reason: None };
        let found = events(&record, &[alarm(500), alarm(1_400)]);
        let kinds: Vec<EventKind> = found.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::LevelShift, EventKind::Spike]);
        assert!((found[0].seen - found[0].expected - 50.0).abs() < 5.0, "{:?}", found[0]);
    }

    #[test]
    fn hostile_series_give_events_without_a_panic() {
        let alarm = |row| Alarm { row, surprise: 4.0, reason: None };
        for values in [
            vec![],
            vec![f64::NAN; 50],
            vec![0.0; 200],
            vec![f64::MAX; 60],
            (0..100).map(|row| if row % 2 == 0 { 1e308 } else { -1e308 }).collect(),
            (0..100).map(|row| if row == 50 { f64::INFINITY } else { 1.0 }).collect(),
        ] {
            for season in [None, Some(0), Some(1), Some(24), Some(1_000)] {
                let record = SeriesRecord { values: &values, times: &[], season };
                let alarms: Vec<Alarm> = (0..110).step_by(9).map(alarm).collect();
                let found = events(&record, &alarms);
                assert!(found.iter().all(|event| event.first <= event.last && event.last < values.len()));
            }
        }
    }
}
