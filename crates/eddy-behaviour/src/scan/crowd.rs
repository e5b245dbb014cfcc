//! Scans that many hosts share.

use std::net::IpAddr;

use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::sketch::Distinct;
use crate::table::Table;
use crate::{Flow, Sighting};

/// Hosts watched at most.
const CAPACITY: usize = 32_768;
/// Length of a window in nanoseconds: a minute.
const WINDOW_NS: i64 = 60_000_000_000;
/// Ports of one host tried in vain in a window, and by how many.
const LEAST_PORTS: f64 = 60.0;
const LEAST_SENDERS: f64 = 12.0;
/// Senders above which a sketch cannot say how often each of them tried.
const MOST_SENDERS: f64 = 400.0;
/// Tries of each of them, on average: forged senders of a flood try once.
const TRIES_OF_EACH: f64 = 2.0;
/// Share of the tries that come to nothing, and share of them that are of a port not tried before.
const FAILED_SHARE: f64 = 0.6;
const NEW_SHARE: f64 = 0.4;
/// Ports that a sketch tells apart.
const MOST_PORTS: f64 = 600.0;

/// Who tries one host in a window.
#[derive(Debug, Clone, Copy, Default)]
struct Crowd {
    start_ns: i64,
    senders: Distinct,
    ports: Distinct,
    tries: u32,
    failed: u32,
}

impl Crowd {
    fn is_scan(&self) -> bool {
        let (senders, ports, failed) = (self.senders.count(), self.ports.count(), f64::from(self.failed));
        ports >= LEAST_PORTS
            && (LEAST_SENDERS..=MOST_SENDERS).contains(&senders)
            && failed >= TRIES_OF_EACH * senders
            && failed >= FAILED_SHARE * f64::from(self.tries)
            && ports >= (NEW_SHARE * failed).min(MOST_PORTS)
    }
}

/// Hosts of which many together try the ports.
pub(super) struct Crowds {
    targets: Table<IpAddr, Crowd>,
    open: Open<IpAddr>,
}

impl Default for Crowds {
    fn default() -> Self {
        Self { targets: Table::new(CAPACITY), open: Open::new(1_800) }
    }
}

impl Crowds {
    /// Counts a flow, which came to something or not.
    pub(super) fn see(&mut self, flow: &Flow<'_>, failed: bool, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        if !matches!(flow.protocol, Flow::TCP | Flow::UDP) {
            return;
        }
        let target = flow.destination;
        let crowd = self.targets.entry(target, flow.start_ns, Crowd::default);
        if flow.start_ns.saturating_sub(crowd.start_ns) >= WINDOW_NS {
            *crowd = Crowd { start_ns: flow.start_ns, ..Crowd::default() };
        }
        crowd.tries = crowd.tries.saturating_add(1);
        if !failed {
            return;
        }
        crowd.failed = crowd.failed.saturating_add(1);
        crowd.senders.see(flow.source);
        crowd.ports.see((flow.destination_port, flow.protocol));
        let crowd = *crowd;
        if let Some(sighting) = self.open.extend(&target, flow, target) {
            sighting.strength = sighting.strength.max(crowd.ports.count() / LEAST_PORTS);
            return;
        }
        if crowd.is_scan() {
            self.tell(flow, &crowd);
        }
    }

    fn tell(&mut self, flow: &Flow<'_>, crowd: &Crowd) {
        let (senders, ports) = (crowd.senders.count(), crowd.ports.count());
        let mut sighting = Sighting {
            behaviour: super::ABOUT.name,
            kind: "scan by many hosts",
            actor: None,
            targets: Vec::new(),
            n_targets: 1,
            port: None,
            first_ns: crowd.start_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: u64::from(crowd.failed) - 1,
            octets: 0,
            evidence: vec![
                Evidence {
                    what: "ports of one host tried in vain in a minute",
                    seen: ports,
                    usual: LEAST_PORTS,
                },
                Evidence { what: "hosts that tried them", seen: senders, usual: LEAST_SENDERS },
            ],
            severity: Severity::Medium,
            strength: ports / LEAST_PORTS,
            techniques: &["T1595.001", "T1046"],
        };
        sighting.extend(flow, flow.destination);
        self.open.open(flow.destination, flow.start_ns, sighting);
    }

    pub(super) fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.targets.dropped() + self.open.dropped()
    }

    crate::table::bounded!(pub(super) targets, open);
}
