//! What a behaviour saw.

use std::net::IpAddr;

use serde::Serialize;

/// What part a host has in something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Who does it.
    Actor,
    /// To whom it is done.
    Target,
}

/// How soon somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// When there is time.
    Low,
    /// Today.
    Medium,
    /// Now.
    High,
}

/// One number of evidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// What was counted or measured, with its unit.
    pub what: &'static str,
    /// What was seen.
    pub seen: f64,
    /// What would have been ordinary, at most.
    pub usual: f64,
}

/// Somebody does what a behaviour looks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sighting {
    /// Name of the behaviour.
    pub behaviour: &'static str,
    /// Kind within it, in words: "vertical scan".
    pub kind: &'static str,
    /// Who does it; none where senders are forged.
    pub actor: Option<IpAddr>,
    /// To whom, the first few in the order they were met.
    pub targets: Vec<IpAddr>,
    /// How many targets there are, about.
    pub n_targets: u64,
    /// Port it is about, where it is about one.
    pub port: Option<u16>,
    /// First flow, nanoseconds since the epoch.
    pub first_ns: i64,
    /// When it was told: first flow after which the evidence sufficed.
    pub detected_ns: i64,
    /// End of the last flow.
    pub last_ns: i64,
    /// Flows that belong to it.
    pub flows: u64,
    /// Bytes of these flows, both ways.
    pub octets: u64,
    /// The numbers.
    pub evidence: Vec<Evidence>,
    /// How soon somebody should look.
    pub severity: Severity,
    /// How far the evidence is beyond what would have sufficed: 1 is just enough.
    pub strength: f64,
    /// Techniques of MITRE ATT&CK, most fitting first.
    pub techniques: &'static [&'static str],
}

/// Targets that a sighting names at most.
pub(crate) const MOST_TARGETS: usize = 16;

impl Sighting {
    /// Takes another flow of it in.
    pub(crate) fn extend(&mut self, flow: &crate::Flow<'_>, target: IpAddr) {
        self.first_ns = self.first_ns.min(flow.start_ns);
        self.last_ns = self.last_ns.max(flow.end_ns());
        self.flows += 1;
        self.octets = self.octets.saturating_add(flow.octets).saturating_add(flow.reverse_octets);
        if self.targets.len() < MOST_TARGETS && !self.targets.contains(&target) {
            self.targets.push(target);
        }
    }
}
