//! What can be planted in the traffic, how it looks, and which tables can show it.

use serde::{Deserialize, Serialize};

use crate::{Shape, SimError};

/// A named anomaly.
///
/// Strength 1 can be found but does not stand out in every column; below 1 an anomaly sinks into the noise, above 1
/// it becomes plain. What strength scales is said with each scenario.
///
/// Which shape shows what, and why not:
///
/// | scenario | metric-series | flow-features | connection-records | packet-list | snmp-mib |
/// |---|---|---|---|---|---|
/// | ddos-spike | yes | yes | yes | yes | yes |
/// | port-scan | no: few bytes | yes | yes | yes | yes |
/// | exfiltration | yes | yes | yes | yes | yes |
/// | beaconing | no: few bytes | yes | yes | yes | no: few packets |
/// | outage | yes | yes | yes (one server) | yes (one server) | yes |
/// | level-shift | yes | yes | no: about sums | no: about sums | yes |
/// | slow-drift | yes | yes | no: about sums | no: about sums | yes |
/// | brute-force | no: few bytes | yes | yes | yes | yes |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// A flood towards one service: many small packets and half-open connections from many sources, rising and
    /// falling at its edges. Strength scales the additional packets and bytes. Typically 20 minutes.
    DdosSpike,
    /// One source tries many ports: tiny, short, mostly refused connections. Strength scales the number of attempts.
    /// Typically 15 minutes.
    PortScan,
    /// One host uploads for a long time at an hour when little happens: full-sized packets, long connections.
    /// Strength scales the uploaded bytes. Typically 90 minutes, at night.
    Exfiltration,
    /// One host calls home: tiny connections of nearly equal size at nearly equal distances. Only the calls are
    /// labelled, not the rows between them. Strength divides the distance. Typically 8 hours.
    Beaconing,
    /// Traffic goes silent, or one server stops answering. Strength is the share that is lost, 1 and above all of
    /// it. Typically 30 minutes.
    Outage,
    /// The level jumps by 80 % and stays there until the event ends. Strength scales the jump. Typically 6 hours.
    LevelShift,
    /// The level climbs evenly to +60 % at the end of the event, then falls back; its first rows are hardly
    /// different. Strength scales the climb. Typically 24 hours.
    SlowDrift,
    /// One source tries passwords on one SSH server: many short connections of like size that end in a failed login.
    /// Strength scales the number of attempts. Typically 30 minutes.
    BruteForce,
}

impl Scenario {
    /// All scenarios, in the order of their documentation.
    pub const ALL: [Self; 8] = [
        Self::DdosSpike,
        Self::PortScan,
        Self::Exfiltration,
        Self::Beaconing,
        Self::Outage,
        Self::LevelShift,
        Self::SlowDrift,
        Self::BruteForce,
    ];

    /// The name used in flags, labels and truth files.
    pub fn name(self) -> &'static str {
        match self {
            Self::DdosSpike => "ddos-spike",
            Self::PortScan => "port-scan",
            Self::Exfiltration => "exfiltration",
            Self::Beaconing => "beaconing",
            Self::Outage => "outage",
            Self::LevelShift => "level-shift",
            Self::SlowDrift => "slow-drift",
            Self::BruteForce => "brute-force",
        }
    }

    /// The scenario called `name`.
    pub fn parse(name: &str) -> Result<Self, SimError> {
        Self::ALL
            .into_iter()
            .find(|scenario| scenario.name() == name)
            .ok_or_else(|| SimError::UnknownScenario { got: name.to_owned() })
    }

    /// What it looks like, in one sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::DdosSpike => "A flood of small packets from many sources towards one service.",
            Self::PortScan => "One source tries many ports with tiny, mostly refused connections.",
            Self::Exfiltration => "One host uploads for a long time at an odd hour.",
            Self::Beaconing => "One host calls home with tiny connections at regular distances.",
            Self::Outage => "Traffic goes silent, or one server stops answering.",
            Self::LevelShift => "The level jumps and stays there for hours.",
            Self::SlowDrift => "The level climbs slowly over a day.",
            Self::BruteForce => "One source tries passwords on an SSH server.",
        }
    }

    /// What the strength of a planting scales, in one sentence.
    pub fn strength_about(self) -> &'static str {
        match self {
            Self::DdosSpike => "Scales the additional packets and bytes.",
            Self::PortScan | Self::BruteForce => "Scales the number of attempts.",
            Self::Exfiltration => "Scales the uploaded bytes.",
            Self::Beaconing => "Divides the distance between calls.",
            Self::Outage => "Is the share of traffic lost; 1 and above is all of it.",
            Self::LevelShift => "Scales the jump of 80 %.",
            Self::SlowDrift => "Scales the climb of 60 %.",
        }
    }

    /// How long it lasts unless asked otherwise and unless the traffic is short, in hours.
    pub fn typical_hours(self) -> f64 {
        match self {
            Self::DdosSpike => 1.0 / 3.0,
            Self::PortScan => 0.25,
            Self::Exfiltration => 1.5,
            Self::Beaconing => 8.0,
            Self::Outage | Self::BruteForce => 0.5,
            Self::LevelShift => 6.0,
            Self::SlowDrift => 24.0,
        }
    }

    /// The largest share of the whole traffic it takes when no duration is given.
    pub(crate) fn largest_share(self) -> f64 {
        match self {
            Self::PortScan => 0.02,
            Self::DdosSpike | Self::Outage | Self::BruteForce => 0.025,
            Self::Exfiltration => 0.05,
            Self::LevelShift => 0.06,
            Self::SlowDrift => 0.14,
            Self::Beaconing => 0.15,
        }
    }

    /// The hours of day (UTC, first and last start) at which it is planted by preference.
    pub(crate) fn preferred_hours(self) -> Option<(f64, f64)> {
        match self {
            Self::Exfiltration => Some((0.5, 4.0)),
            Self::Outage => Some((9.0, 16.0)),
            _ => None,
        }
    }

    /// Why `shape` cannot show this scenario, or `None` when it can.
    pub fn hidden_in(self, shape: Shape) -> Option<&'static str> {
        match (shape, self) {
            (Shape::MetricSeries, Self::PortScan | Self::Beaconing | Self::BruteForce) => {
                Some("it moves too few bytes to change a series of bytes")
            }
            (Shape::SnmpMib, Self::Beaconing) => Some("a few packets do not change the counters of a router"),
            (Shape::ConnectionRecords | Shape::PacketList, Self::LevelShift | Self::SlowDrift) => {
                Some("it changes sums over time while every single row stays normal")
            }
            _ => None,
        }
    }

    pub(crate) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl std::fmt::Display for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_found_by_its_name_and_is_never_taken_for_normal() {
        for scenario in Scenario::ALL {
            assert_eq!(Scenario::parse(scenario.name()), Ok(scenario));
            assert!(!eddy_frame::is_normal_label(scenario.name()));
        }
        let error = Scenario::parse("ddos").unwrap_err().to_string();
        assert!(error.contains("ddos-spike"), "{error}");
    }
}
