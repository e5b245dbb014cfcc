//! What is usual now: a level, and a season beside it.

use super::level::{Deviation, Level};
use super::method::{Known, Moment};
use super::season::Season;

/// A season learned as it goes by, and the level and spread of what it leaves over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Baseline {
    pub(crate) season: Season,
    pub(crate) level: Level,
}

impl Baseline {
    pub(crate) fn begin(known: &Known) -> Self {
        let season = Season::begin(known.cycle.as_ref(), &known.profile, known.n_visits);
        Self { season, level: Level::default() }
    }

    /// What the season adds to the level now.
    pub(crate) fn pattern(&self, known: &Known, at: &Moment) -> f64 {
        self.season.at(known.cycle.as_ref(), at.time_ns)
    }

    /// How far the value lies from level and season.
    pub(crate) fn deviation(&self, known: &Known, at: &Moment, value: f64, floor: f64) -> Deviation {
        self.level.deviation(value - self.pattern(known, at), floor)
    }

    /// Takes the value into level and season, unless it is missing.
    pub(crate) fn learn(
        &mut self,
        known: &Known,
        at: &Moment,
        value: f64,
        weight: f64,
        clip: f64,
        floor: f64,
    ) {
        if at.is_missing {
            return;
        }
        let rest = value - self.pattern(known, at);
        let Deviation { raw, sigma } = self.level.deviation(rest, floor);
        let is_first = self.level.n_seen() == 0;
        self.level.learn(rest, weight, clip, floor);
        if !is_first {
            self.season.learn(known.cycle.as_ref(), at.time_ns, raw.clamp(-clip * sigma, clip * sigma));
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.season.heap_bytes()
    }
}
