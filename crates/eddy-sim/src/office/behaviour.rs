//! What can be planted in the traffic of an office.

use serde::{Deserialize, Serialize};

use crate::SimError;

/// A behaviour of an attacker, or of a host that fails.
///
/// Strength 1 is realistic: what is seen in incidents that go on for hours before somebody notices, not a load test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// A workstation tries one port of many addresses, two a second.
    HorizontalScan,
    /// Somebody outside tries many ports of the web server, five a second.
    VerticalScan,
    /// A workstation tries an address and a port every forty seconds or so, for hours.
    SlowScan,
    /// Somebody outside tries the ports of the web server with packets that carry only FIN.
    FinScan,
    /// The same with packets without any flag.
    NullScan,
    /// The same with FIN, PSH and URG.
    XmasScan,
    /// Packets with SYN from forged addresses to the web server, 250 a second.
    SynFlood,
    /// Answers nobody asked for, from many open time and name servers, to one address of the office.
    UdpAmplification,
    /// Somebody outside tries passwords on the SSH server, one connection every three seconds.
    BruteForce,
    /// A workstation calls a host outside every five minutes, give or take 15 %.
    Beaconing,
    /// A workstation uploads half a gigabyte to a host it never spoke to, at night.
    Exfiltration,
    /// A workstation sends data in the names it asks for.
    DnsTunnel,
    /// A workstation sends data in echo requests.
    IcmpTunnel,
    /// A workstation logs in to its neighbours over SMB, and they to theirs.
    LateralSpread,
    /// A host that always spoke says nothing.
    Silence,
    /// A workstation speaks SSH to port 443 and HTTP to port 53 of hosts outside.
    WrongPort,
    /// A workstation tells a neighbour and the router that it is the other.
    ArpSpoofing,
}

impl Behaviour {
    /// All behaviours, in the order of their documentation.
    pub const ALL: [Self; 17] = [
        Self::HorizontalScan,
        Self::VerticalScan,
        Self::SlowScan,
        Self::FinScan,
        Self::NullScan,
        Self::XmasScan,
        Self::SynFlood,
        Self::UdpAmplification,
        Self::BruteForce,
        Self::Beaconing,
        Self::Exfiltration,
        Self::DnsTunnel,
        Self::IcmpTunnel,
        Self::LateralSpread,
        Self::Silence,
        Self::WrongPort,
        Self::ArpSpoofing,
    ];

    /// The ten that are planted when a mix is asked for: one of each kind that flows show.
    pub const MIX: [Self; 10] = [
        Self::HorizontalScan,
        Self::VerticalScan,
        Self::SlowScan,
        Self::SynFlood,
        Self::BruteForce,
        Self::Beaconing,
        Self::Exfiltration,
        Self::DnsTunnel,
        Self::LateralSpread,
        Self::Silence,
    ];

    /// The name used in flags, labels and truth files.
    pub fn name(self) -> &'static str {
        match self {
            Self::HorizontalScan => "horizontal-scan",
            Self::VerticalScan => "vertical-scan",
            Self::SlowScan => "slow-scan",
            Self::FinScan => "fin-scan",
            Self::NullScan => "null-scan",
            Self::XmasScan => "xmas-scan",
            Self::SynFlood => "syn-flood",
            Self::UdpAmplification => "udp-amplification",
            Self::BruteForce => "brute-force",
            Self::Beaconing => "beaconing",
            Self::Exfiltration => "exfiltration",
            Self::DnsTunnel => "dns-tunnel",
            Self::IcmpTunnel => "icmp-tunnel",
            Self::LateralSpread => "lateral-spread",
            Self::Silence => "silence",
            Self::WrongPort => "wrong-port",
            Self::ArpSpoofing => "arp-spoofing",
        }
    }

    /// The behaviour called `name`.
    pub fn parse(name: &str) -> Result<Self, SimError> {
        Self::ALL
            .into_iter()
            .find(|behaviour| behaviour.name() == name)
            .ok_or_else(|| SimError::UnknownBehaviour { got: name.to_owned() })
    }

    /// The technique of MITRE ATT&CK (Enterprise) it is an instance of.
    pub fn technique(self) -> &'static str {
        match self {
            Self::HorizontalScan | Self::SlowScan => "T1046",
            Self::VerticalScan | Self::FinScan | Self::NullScan | Self::XmasScan => "T1595.001",
            Self::SynFlood => "T1499.001",
            Self::UdpAmplification => "T1498.002",
            Self::BruteForce => "T1110.001",
            Self::Beaconing => "T1071.001",
            Self::Exfiltration => "T1048",
            Self::DnsTunnel => "T1071.004",
            Self::IcmpTunnel => "T1095",
            Self::LateralSpread => "T1021.002",
            Self::Silence => "T1529",
            Self::WrongPort => "T1571",
            Self::ArpSpoofing => "T1557.002",
        }
    }

    /// How it shows, in words.
    pub fn note(self) -> &'static str {
        match self {
            Self::HorizontalScan => "one port of many addresses, most without an answer",
            Self::VerticalScan => "many ports of one host, most refused",
            Self::SlowScan => "one attempt every forty seconds, to changing addresses and ports",
            Self::FinScan => "packets with FIN outside of any connection",
            Self::NullScan => "packets without any TCP flag",
            Self::XmasScan => "packets with FIN, PSH and URG outside of any connection",
            Self::SynFlood => "half-open connections from forged sources",
            Self::UdpAmplification => "large answers to questions that were never asked",
            Self::BruteForce => "short SSH connections that end after failed logins",
            Self::Beaconing => "small TLS connections of like size at nearly equal distances",
            Self::Exfiltration => "large uploads to a host outside that is new to the office",
            Self::DnsTunnel => "many long names under one domain, asked once each",
            Self::IcmpTunnel => "large echo requests of changing size",
            Self::LateralSpread => "SMB from workstation to workstation, each then does the same",
            Self::Silence => "no packet from a host that always spoke; calls to it stay unanswered",
            Self::WrongPort => "SSH on port 443, HTTP on port 53",
            Self::ArpSpoofing => "ARP answers without questions that give two addresses to one adapter",
        }
    }

    /// What the strength of a planting scales, in one sentence.
    pub fn strength_about(self) -> &'static str {
        match self {
            Self::Silence => "Has no effect.",
            Self::Exfiltration => "Scales the uploaded bytes.",
            _ => "Scales the rate.",
        }
    }

    /// How long it lasts unless asked otherwise, in hours; at most 40 % of the traffic.
    pub fn typical_hours(self) -> f64 {
        match self {
            Self::HorizontalScan | Self::SynFlood => 1.0 / 6.0,
            Self::VerticalScan | Self::FinScan | Self::NullScan | Self::XmasScan => 0.1,
            Self::UdpAmplification => 1.0 / 12.0,
            Self::BruteForce => 0.75,
            Self::Beaconing => 10.0,
            Self::SlowScan => 8.0,
            Self::Exfiltration => 1.5,
            Self::DnsTunnel | Self::IcmpTunnel | Self::LateralSpread => 1.0,
            Self::WrongPort => 3.0,
            Self::Silence => 4.0,
            Self::ArpSpoofing => 0.5,
        }
    }

    /// The hours of day (UTC, first and last start) at which it is planted by preference.
    pub(crate) fn preferred_hours(self) -> Option<(f64, f64)> {
        match self {
            Self::Exfiltration => Some((0.5, 4.0)),
            Self::LateralSpread | Self::WrongPort | Self::ArpSpoofing => Some((9.0, 15.0)),
            _ => None,
        }
    }

    pub(crate) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl std::fmt::Display for Behaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_behaviour_is_found_by_its_name_and_is_never_taken_for_normal() {
        for behaviour in Behaviour::ALL {
            assert_eq!(Behaviour::parse(behaviour.name()), Ok(behaviour));
            assert!(!eddy_frame::is_normal_label(behaviour.name()));
            assert!(behaviour.technique().starts_with('T') && !behaviour.note().is_empty());
        }
        let error = Behaviour::parse("worm").unwrap_err().to_string();
        assert!(error.contains("lateral-spread"), "{error}");
    }
}
