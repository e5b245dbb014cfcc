//! The tables that can be generated.

use serde::{Deserialize, Serialize};

use crate::{Scenario, SimError};

/// The shape of a generated table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// One or more metric series: `timestamp` and the bytes each host moved in the interval (column `value`, or one
    /// column a host). One row every five minutes by default.
    MetricSeries,
    /// Flow features: `bytes_transferred, packet_count, connection_duration, source_port, destination_port,
    /// retransmission_rate, protocol, timestamp, bytes_per_packet, packets_per_second`. One row a minute by default.
    FlowFeatures,
    /// Connection records with the 41 columns of NSL-KDD and the label column `attack`. One row a connection; there
    /// is no time column, rows stand in order of time.
    ConnectionRecords,
    /// A packet list as Wireshark exports it: `No., Time, Source, Destination, Protocol, Length, Info`. One row a
    /// packet; `Time` is in seconds after the first moment of the traffic.
    PacketList,
    /// The 34 SNMP MIB variables of one router, 33 of them cumulative 32-bit counters, and the label column `class`.
    /// One row every 15 seconds by default; there is no time column.
    SnmpMib,
}

impl Shape {
    /// All shapes, in the order of their documentation.
    pub const ALL: [Self; 5] =
        [Self::MetricSeries, Self::FlowFeatures, Self::ConnectionRecords, Self::PacketList, Self::SnmpMib];

    /// The name used in flags, files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::MetricSeries => "metric-series",
            Self::FlowFeatures => "flow-features",
            Self::ConnectionRecords => "connection-records",
            Self::PacketList => "packet-list",
            Self::SnmpMib => "snmp-mib",
        }
    }

    /// The shape called `name`.
    pub fn parse(name: &str) -> Result<Self, SimError> {
        Self::ALL
            .into_iter()
            .find(|shape| shape.name() == name)
            .ok_or_else(|| SimError::UnknownShape { got: name.to_owned() })
    }

    /// What the table holds, in one sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::MetricSeries => "Bytes per interval of one or several hosts, as time series.",
            Self::FlowFeatures => {
                "One row a minute with bytes, packets, duration, ports and retransmissions."
            }
            Self::ConnectionRecords => "One row a connection with the 41 columns of NSL-KDD.",
            Self::PacketList => "One row a packet, as Wireshark exports it.",
            Self::SnmpMib => "The 34 SNMP MIB variables of a router, as cumulative counters.",
        }
    }

    /// Seconds between rows unless asked otherwise: exact for tables with a fixed interval, the mean distance of
    /// normal rows for connections and packets.
    pub fn default_interval_s(self) -> f64 {
        match self {
            Self::MetricSeries => 300.0,
            Self::FlowFeatures => 60.0,
            Self::ConnectionRecords => 1.0,
            Self::PacketList => 0.05,
            Self::SnmpMib => 15.0,
        }
    }

    /// Number of hosts (series, for [`Shape::MetricSeries`]) unless asked otherwise.
    pub fn default_hosts(self) -> usize {
        match self {
            Self::MetricSeries | Self::SnmpMib => 1,
            Self::FlowFeatures | Self::PacketList => 12,
            Self::ConnectionRecords => 40,
        }
    }

    /// Name of the label column.
    pub fn label_name(self) -> &'static str {
        match self {
            Self::MetricSeries | Self::FlowFeatures | Self::PacketList => "label",
            Self::ConnectionRecords => "attack",
            Self::SnmpMib => "class",
        }
    }

    /// Whether rows come at a fixed interval; if not, they come when something happens.
    pub fn has_fixed_interval(self) -> bool {
        matches!(self, Self::MetricSeries | Self::FlowFeatures | Self::SnmpMib)
    }

    /// The scenarios this shape can show.
    pub fn scenarios(self) -> impl Iterator<Item = Scenario> {
        Scenario::ALL.into_iter().filter(move |scenario| scenario.hidden_in(self).is_none())
    }

    pub(crate) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    pub(crate) fn scenario_names(self) -> String {
        self.scenarios().map(Scenario::name).collect::<Vec<_>>().join(", ")
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_found_by_its_name() {
        for shape in Shape::ALL {
            assert_eq!(Shape::parse(shape.name()), Ok(shape));
        }
        let error = Shape::parse("pcap").unwrap_err().to_string();
        assert!(error.contains("'pcap'") && error.contains("packet-list"), "{error}");
    }

    #[test]
    fn every_shape_shows_the_common_scenarios() {
        for shape in Shape::ALL {
            for scenario in [Scenario::DdosSpike, Scenario::Exfiltration, Scenario::Outage] {
                assert!(shape.scenarios().any(|shown| shown == scenario), "{scenario} in {shape}");
            }
        }
        assert_eq!(Shape::FlowFeatures.scenarios().count(), Scenario::ALL.len());
    }
}
