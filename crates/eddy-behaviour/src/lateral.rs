//! Lateral spread: a host inside logs on to ever more hosts inside.

use std::net::IpAddr;

use crate::flow::is_private;
use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::sketch::Distinct;
use crate::table::Table;
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "lateral_spread",
    title: "Lateral spread",
    summary: "A host inside opens connections, with success, to many hosts inside on ports for administration, which it \
              did not talk to before.",
    blind_to: "Spread slower than the least number an hour; hosts that administer others as a habit look alike in the \
               first hour of a record; ports of its own.",
    techniques: &["T1021", "T1570"],
};

/// Hosts watched at most.
const CAPACITY: usize = 65_536;
/// Length of a window in nanoseconds: an hour.
const WINDOW_NS: i64 = 3_600_000_000_000;
/// New hosts in a window that make it a spread.
const LEAST_HOSTS: f64 = 6.0;
/// Ports for administration and file sharing.
const PORTS: [u16; 11] = [22, 23, 135, 139, 445, 1_433, 3_389, 5_900, 5_985, 5_986, 47_001];

#[derive(Debug, Clone, Copy, Default)]
struct Reach {
    start_ns: i64,
    first_ns: i64,
    /// Hosts talked to before this window.
    known: Distinct,
    /// Hosts first talked to in this window.
    fresh: Distinct,
    failed: u32,
    tried: u32,
}

/// The behaviour.
pub(crate) struct LateralSpread {
    sources: Table<IpAddr, Reach>,
    open: Open<IpAddr>,
}

impl Default for LateralSpread {
    fn default() -> Self {
        Self { sources: Table::new(CAPACITY), open: Open::new(3_600) }
    }
}

impl Behaviour for LateralSpread {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        let inside = is_private(flow.source) && is_private(flow.destination);
        if !inside || flow.protocol != Flow::TCP || !PORTS.contains(&flow.destination_port) {
            return;
        }
        let fresh = || Reach { start_ns: flow.start_ns, first_ns: flow.start_ns, ..Reach::default() };
        let reach = self.sources.entry(flow.source, flow.start_ns, fresh);
        if flow.start_ns.saturating_sub(reach.start_ns) >= WINDOW_NS {
            let mut known = reach.known;
            known.join(&reach.fresh);
            *reach = Reach { known, first_ns: reach.first_ns, ..fresh() };
        }
        reach.tried += 1;
        if flow.failed() {
            reach.failed += 1;
            return;
        }
        let mut known = reach.known;
        if known.see(0, flow.destination) {
            reach.fresh.see(0, flow.destination);
        }
        let reach = *reach;
        let hosts = reach.fresh.count();
        let strength = hosts / LEAST_HOSTS;
        let hours_known = (flow.start_ns.saturating_sub(reach.first_ns) / WINDOW_NS) as f64;
        let evidence = || {
            vec![
                Evidence {
                    what: "hosts inside logged on to for the first time, in an hour",
                    seen: hosts,
                    usual: LEAST_HOSTS,
                },
                Evidence {
                    what: "hosts it was known to log on to",
                    seen: reach.known.count(),
                    usual: reach.known.count(),
                },
                Evidence { what: "hours of its own past known", seen: hours_known, usual: 1.0 },
            ]
        };
        if let Some(sighting) = self.open.extend(&flow.source, flow, flow.destination) {
            if strength > sighting.strength {
                sighting.strength = strength;
                sighting.n_targets = hosts as u64;
                sighting.evidence = evidence();
            }
            return;
        }
        // Where most of it comes to nothing it is a scan.
        if hosts < LEAST_HOSTS || 2 * reach.failed > reach.tried {
            return;
        }
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind: "lateral spread",
            actor: Some(flow.source),
            targets: Vec::new(),
            n_targets: hosts as u64,
            port: Some(flow.destination_port),
            first_ns: reach.start_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: u64::from(reach.tried) - 1,
            octets: 0,
            evidence: evidence(),
            // Without a past nobody knows whether it administers them.
            severity: if hours_known >= 1.0 { Severity::High } else { Severity::Medium },
            strength,
            techniques: &["T1021", "T1570"],
        };
        sighting.extend(flow, flow.destination);
        self.open.open(flow.source, flow.start_ns, sighting);
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    fn dropped(&self) -> u64 {
        self.sources.dropped() + self.open.dropped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tests::{address, flow};

    fn run(flows: impl IntoIterator<Item = Flow<'static>>) -> Vec<Sighting> {
        let (mut lateral, mut out) = (LateralSpread::default(), Vec::new());
        flows.into_iter().for_each(|flow| lateral.see(&flow, &mut out));
        lateral.end(&mut out);
        out
    }

    #[test]
    fn new_hosts_one_after_the_other_are_a_spread_and_the_usual_ones_are_not() {
        let usual = (0..2_000u32).map(|at| flow(f64::from(at) * 30.0, 5, (at % 20) as u8 + 100, 22));
        let mut flows: Vec<_> = usual.collect();
        flows.extend((0..10u8).map(|at| flow(50_000.0 + f64::from(at) * 60.0, 66, at + 10, 445)));
        flows.sort_by_key(|flow| flow.start_ns);
        let found = run(flows);
        let later: Vec<_> = found.iter().filter(|s| s.actor != Some(address(5))).collect();
        assert_eq!(later.len(), 1);
        assert_eq!(later[0].actor, Some(address(66)));
        // Who administers many hosts from the first hour on is told of once, and mildly.
        assert!(found.iter().filter(|s| s.actor == Some(address(5))).all(|s| s.severity == Severity::Medium));
    }
}
