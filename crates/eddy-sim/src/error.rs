//! What can be wrong with a specification.

use crate::{Behaviour, Scenario, Shape};

/// Why no traffic can be generated from a [`crate::Spec`], with the numbers that matter.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// No shape has this name.
    #[error("no traffic shape is called '{got}'; choose one of {}", Shape::names())]
    UnknownShape {
        /// The name asked for.
        got: String,
    },
    /// No scenario has this name.
    #[error("no scenario is called '{got}'; choose one of {}", Scenario::names())]
    UnknownScenario {
        /// The name asked for.
        got: String,
    },
    /// No behaviour has this name.
    #[error("no behaviour is called '{got}'; choose one of {}", Behaviour::names())]
    UnknownBehaviour {
        /// The name asked for.
        got: String,
    },
    /// A planted behaviour does not lie within the generated period.
    #[error(
        "{behaviour} at {at_hours} h for {duration_hours} h ends after the generated {total_hours} h; start it earlier or shorten it"
    )]
    BehaviourOutside {
        /// The behaviour planted.
        behaviour: Behaviour,
        /// Its start, in hours after the start of the traffic.
        at_hours: f64,
        /// Its duration in hours.
        duration_hours: f64,
        /// The duration of the traffic in hours.
        total_hours: f64,
    },
    /// The shape cannot show the scenario.
    #[error("{scenario} cannot be shown in {shape}: {why}; choose one of {}", shape.scenario_names())]
    Impossible {
        /// The scenario asked for.
        scenario: Scenario,
        /// The shape asked for.
        shape: Shape,
        /// What hides the scenario there.
        why: &'static str,
    },
    /// A number of the specification is out of its range.
    #[error("{name} is {got}; give a number {wanted}")]
    OutOfRange {
        /// The field of the specification or planting.
        name: &'static str,
        /// The value given.
        got: f64,
        /// The range, in words.
        wanted: &'static str,
    },
    /// A planting does not lie within the generated period.
    #[error(
        "{scenario} at {at_hours} h for {duration_hours} h ends after the generated {total_hours} h; start it earlier or shorten it"
    )]
    Outside {
        /// The scenario planted.
        scenario: Scenario,
        /// Its start, in hours after the start of the traffic.
        at_hours: f64,
        /// Its duration in hours.
        duration_hours: f64,
        /// The duration of the traffic in hours.
        total_hours: f64,
    },
    /// A planting is shorter than the distance of two rows.
    #[error(
        "{scenario} lasts {duration_s} s, less than the interval of {interval_s} s between rows; lengthen it"
    )]
    TooShort {
        /// The scenario planted.
        scenario: Scenario,
        /// Its duration in seconds.
        duration_s: f64,
        /// The interval of the table in seconds.
        interval_s: f64,
    },
    /// Two plantings share some time, so a row would have two labels.
    #[error("{first} and {second} overlap; give them times apart")]
    Overlap {
        /// The one that starts first.
        first: Scenario,
        /// The one that starts before the first has ended.
        second: Scenario,
    },
    /// No free time is left for a planting without a time of its own.
    #[error("no free time is left for {scenario}; lengthen the traffic or shorten what is planted")]
    NoRoom {
        /// The scenario without a place.
        scenario: Scenario,
    },
    /// More plantings than a row's truth can name.
    #[error("{got} scenarios are planted; plant at most 255")]
    TooMany {
        /// Number of plantings given.
        got: usize,
    },
    /// The table would be too long.
    #[error(
        "about {rows:.0} rows would be generated; lengthen the interval or shorten the duration to stay below {limit}"
    )]
    TooManyRows {
        /// Normal rows expected.
        rows: f64,
        /// Most rows allowed.
        limit: u64,
    },
    /// The time range is not between the years 1678 and 2262, which nanoseconds since 1970 can name.
    #[error(
        "{duration_hours} h from {start_ns} ns leaves the range of times; start earlier or shorten the duration"
    )]
    TimeRange {
        /// The start in nanoseconds since the epoch.
        start_ns: i64,
        /// The duration in hours.
        duration_hours: f64,
    },
}
