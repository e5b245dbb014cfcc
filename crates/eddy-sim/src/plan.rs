//! When and how long each scenario is planted.

use eddy_frame::NANOS_PER_SECOND;

use crate::draw::{Draw, Purpose};
use crate::rhythm::hour_of_day;
use crate::spec::hours_to_ns;
use crate::{Planting, Scenario, SimError, Spec};

/// The share of the traffic at its start that is kept clean unless a planting asks for it.
const CLEAN_HEAD: f64 = 0.15;
/// Draws of a start before free places are searched from the first on.
const TRIES: usize = 400;

/// A scenario with its place in time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    pub(crate) scenario: Scenario,
    pub(crate) start_ns: i64,
    /// The moment after its last.
    pub(crate) end_ns: i64,
    pub(crate) strength: f64,
}

impl Planned {
    pub(crate) fn contains(&self, at_ns: i64) -> bool {
        (self.start_ns..self.end_ns).contains(&at_ns)
    }

    /// How far the event has come, 0 to 1.
    pub(crate) fn progress(&self, at_ns: i64) -> f64 {
        (at_ns - self.start_ns) as f64 / (self.end_ns - self.start_ns) as f64
    }

    /// Rises from one third to 1 in the first tenth of the event and falls likewise in the last.
    pub(crate) fn swell(&self, at_ns: i64) -> f64 {
        let progress = self.progress(at_ns);
        (progress.min(1.0 - progress) * 10.0).clamp(1.0 / 3.0, 1.0)
    }

    /// What scenarios about the level multiply it with.
    pub(crate) fn level(&self, at_ns: i64) -> f64 {
        match self.scenario {
            Scenario::LevelShift => 1.0 + 0.8 * self.strength,
            Scenario::SlowDrift => 1.0 + 0.6 * self.strength * self.progress(at_ns),
            Scenario::Outage => (1.0 - self.strength).max(0.0),
            _ => 1.0,
        }
    }

    /// The distance of calls home in seconds, when the longest natural one is `longest_s`.
    pub(crate) fn call_distance_s(&self, longest_s: f64) -> f64 {
        longest_s / self.strength
    }
}

/// The position in `plan` of what happens at a moment. Events do not overlap and stand in order of time.
pub(crate) fn event_at(plan: &[Planned], at_ns: i64) -> Option<usize> {
    let idx = plan.partition_point(|planned| planned.end_ns <= at_ns);
    plan.get(idx).filter(|planned| planned.contains(at_ns)).map(|_| idx)
}

/// Places all plantings of a specification, in order of time.
pub(crate) fn plan(spec: &Spec) -> Result<Vec<Planned>, SimError> {
    spec.check()?;
    let mut placed: Vec<Planned> = Vec::with_capacity(spec.scenarios.len());
    let mut open: Vec<&Planting> = Vec::new();
    for planting in &spec.scenarios {
        match planting.at_hours {
            Some(at_hours) => placed.push(fixed(spec, planting, at_hours)?),
            None => open.push(planting),
        }
    }
    placed.sort_by_key(|planned| planned.start_ns);
    if let Some(pair) = placed.windows(2).find(|pair| pair[1].start_ns < pair[0].end_ns) {
        return Err(SimError::Overlap { first: pair[0].scenario, second: pair[1].scenario });
    }
    // Those with wishes first, then the long ones, which are the hardest to place.
    open.sort_by_key(|planting| {
        (planting.scenario.preferred_hours().is_none(), std::cmp::Reverse(duration_ns(spec, planting)))
    });
    let mut draw = Draw::new(spec.seed, Purpose::Placing);
    for planting in open {
        let planned = drawn(spec, planting, &placed, &mut draw)?;
        placed.push(planned);
    }
    placed.sort_by_key(|planned| planned.start_ns);
    Ok(placed)
}

/// The duration asked for, or the typical one as far as the traffic has room for it.
fn duration_ns(spec: &Spec, planting: &Planting) -> i64 {
    let Some(hours) = planting.duration_hours else {
        let scenario = planting.scenario;
        let hours = scenario.typical_hours().min(scenario.largest_share() * spec.duration_hours);
        return to_grid(spec, hours_to_ns(hours).max(spec.least_event_ns()));
    };
    hours_to_ns(hours)
}

/// Rounds a length to whole rows, or to whole seconds where rows have no fixed distance.
fn to_grid(spec: &Spec, length_ns: i64) -> i64 {
    let grain = if spec.shape.has_fixed_interval() { spec.interval_ns() } else { NANOS_PER_SECOND };
    (length_ns / grain).max(1) * grain
}

fn fixed(spec: &Spec, planting: &Planting, at_hours: f64) -> Result<Planned, SimError> {
    let length_ns = duration_ns(spec, planting);
    let outside = || SimError::Outside {
        scenario: planting.scenario,
        at_hours,
        duration_hours: length_ns as f64 / hours_to_ns(1.0) as f64,
        total_hours: spec.duration_hours,
    };
    let start_ns = spec.start_ns.checked_add(hours_to_ns(at_hours)).ok_or_else(outside)?;
    let end_ns = start_ns.checked_add(length_ns).filter(|&end| end <= spec.end_ns()).ok_or_else(outside)?;
    place(spec, planting, start_ns, end_ns)
}

fn place(spec: &Spec, planting: &Planting, start_ns: i64, end_ns: i64) -> Result<Planned, SimError> {
    if spec.shape.has_fixed_interval() && end_ns - start_ns < spec.interval_ns() {
        return Err(SimError::TooShort {
            scenario: planting.scenario,
            duration_s: (end_ns - start_ns) as f64 / NANOS_PER_SECOND as f64,
            interval_s: spec.interval_s,
        });
    }
    Ok(Planned { scenario: planting.scenario, start_ns, end_ns, strength: planting.strength })
}

fn drawn(spec: &Spec, planting: &Planting, placed: &[Planned], draw: &mut Draw) -> Result<Planned, SimError> {
    let total_ns = spec.end_ns() - spec.start_ns;
    let length_ns = duration_ns(spec, planting);
    let room_ns = total_ns - length_ns;
    let no_room = SimError::NoRoom { scenario: planting.scenario };
    if room_ns < 0 {
        return Err(no_room);
    }
    let is_free = |start_ns: i64, gap_ns: i64| {
        placed
            .iter()
            .all(|other| start_ns + length_ns + gap_ns <= other.start_ns || other.end_ns + gap_ns <= start_ns)
    };
    let first_ns = ((total_ns as f64 * CLEAN_HEAD) as i64).min(room_ns);
    let gap_ns = total_ns / 100;
    let start_at = |offset_ns: f64| spec.start_ns + to_grid(spec, offset_ns as i64).min(room_ns);
    for attempt in 0..TRIES {
        let start_ns = start_at(draw.uniform(first_ns as f64, room_ns as f64));
        // Half of the tries insist on the preferred hours.
        let is_liked = attempt >= TRIES / 2
            || planting
                .scenario
                .preferred_hours()
                .is_none_or(|(first, last)| (first..last).contains(&hour_of_day(start_ns)));
        if is_liked && is_free(start_ns, gap_ns) {
            return place(spec, planting, start_ns, start_ns + length_ns);
        }
    }
    let start_ns = (0..=1000)
        .map(|step| start_at(room_ns as f64 * f64::from(step) / 1000.0))
        .find(|&start_ns| is_free(start_ns, 0))
        .ok_or(no_room)?;
    place(spec, planting, start_ns, start_ns + length_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;

    fn spec(hours: f64, scenarios: Vec<Planting>) -> Spec {
        Spec { scenarios, ..Spec::new(Shape::FlowFeatures, 0, hours, 3) }
    }

    fn check(hours: f64, plantings: Vec<Planting>, expect: &str) {
        let error = plan(&spec(hours, plantings)).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn fixed_places_and_durations_are_kept_to_the_nanosecond() {
        let planned =
            plan(&spec(24.0, vec![Planting::new(Scenario::Outage).at(2.5, 0.25).strength(0.5)])).unwrap();
        let hour = hours_to_ns(1.0);
        assert_eq!(
            planned,
            [Planned {
                scenario: Scenario::Outage,
                start_ns: hour * 5 / 2,
                end_ns: hour * 11 / 4,
                strength: 0.5
            }]
        );
        assert_eq!(event_at(&planned, hour * 5 / 2), Some(0));
        assert_eq!(event_at(&planned, hour * 11 / 4), None);
    }

    #[test]
    fn what_cannot_be_planted_is_refused_with_its_numbers() {
        let ddos = || Planting::new(Scenario::DdosSpike);
        check(24.0, vec![ddos().at(23.9, 0.5)], "ends after the generated 24 h");
        check(
            24.0,
            vec![ddos().at(1.0, 1.0), Planting::new(Scenario::Outage).at(1.5, 1.0)],
            "ddos-spike and outage overlap",
        );
        check(24.0, vec![ddos().at(1.0, 0.001)], "less than the interval of 60 s");
        check(24.0, vec![ddos().strength(0.0)], "strength is 0");
        check(24.0, vec![ddos().strength(f64::NAN)], "strength is NaN");
        check(24.0, vec![ddos().at(-1.0, 1.0)], "at_hours is -1");
        check(
            24.0,
            vec![ddos().at(0.0, 24.0), Planting::new(Scenario::Outage)],
            "no free time is left for outage",
        );
        check(0.01, vec![ddos()], "no free time");
        check(24.0, vec![ddos(); 256], "256 scenarios");
        check(0.0, Vec::new(), "duration_hours is 0");
    }

    #[test]
    fn drawn_places_do_not_overlap_and_leave_the_head_clean() {
        for seed in 0..50 {
            for shape in Shape::ALL {
                for hours in [0.001, 0.015, 0.05, 0.25, 0.5, 1.0, 6.0, 24.0, 168.0, 24.0 * 60.0] {
                    let spec = Spec::new(shape, 0, hours, seed).with_default_scenarios();
                    let planned = plan(&spec).unwrap();
                    assert_eq!(planned.len(), spec.scenarios.len());
                    assert!(planned.windows(2).all(|pair| pair[0].end_ns <= pair[1].start_ns));
                    assert!(planned.iter().all(|event| event.end_ns <= spec.end_ns()));
                    if hours > 23.0 {
                        assert!(planned[0].start_ns as f64 > 0.14 * hours_to_ns(hours) as f64);
                    }
                }
            }
        }
    }

    #[test]
    fn exfiltration_is_planted_at_night() {
        for seed in 0..20 {
            let spec = Spec::new(Shape::FlowFeatures, 0, 168.0, seed).with_default_scenarios();
            let planned = plan(&spec).unwrap();
            let theft = planned.iter().find(|event| event.scenario == Scenario::Exfiltration).unwrap();
            assert!(hour_of_day(theft.start_ns) < 4.0);
        }
    }
}
