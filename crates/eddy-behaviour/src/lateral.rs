//! Lateral spread: a host inside logs on to ever more hosts inside.

use std::net::IpAddr;

use crate::flow::is_private;
use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::sketch::{Distinct, mark};
use crate::table::{Table, bounded};
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "lateral_spread",
    title: "Lateral spread",
    summary: "A host inside opens connections, with success, to many hosts inside on ports for administration, which it \
              did not try to talk to before, and to more of them than in any hour before. In the first three hours of a \
              record, where nobody knows what is usual, those it reached must do the same in turn, or much must be \
              handed to them.",
    blind_to: "Spread slower than the least number an hour; spread from a host that administers many by habit; ports of \
               its own.",
    techniques: &["T1021", "T1570"],
};

/// Hosts watched at most.
const CAPACITY: usize = 65_536;
/// Length of a window in nanoseconds: an hour.
const WINDOW_NS: i64 = 3_600_000_000_000;
/// New hosts in a window that make it a spread.
const LEAST_HOSTS: f64 = 6.0;
/// Times as many as it reached in any hour before.
const TIMES_OWN: f64 = 1.5;
/// Hours of the record from which its silence on somebody means something.
const HOURS_KNOWN: i64 = 3;
/// Hosts that go on to reach others, which need no past to be judged.
const LEAST_CHAIN: f64 = 2.0;
/// New hosts a host must have reached itself to be such a one.
const LEAST_LINK: f64 = 2.0;
/// New hosts in a window, and mean bytes handed to each, that need no past to be judged.
const LEAST_HANDED_HOSTS: f64 = 10.0;
const LEAST_HANDED_OCTETS: f64 = 100_000.0;
/// Ports for administration and file sharing.
const PORTS: [u16; 11] = [22, 23, 135, 139, 445, 1_433, 3_389, 5_900, 5_985, 5_986, 47_001];

#[derive(Debug, Clone, Copy, Default)]
struct Reach {
    start_ns: i64,
    /// Hosts tried before this window.
    known: Distinct,
    /// Hosts first reached in this window.
    fresh: Distinct,
    /// Hosts tried in this window.
    tried_hosts: Distinct,
    /// Hosts reached here that went on to reach others.
    chain: Distinct,
    /// The most hosts reached in any window before.
    most: f64,
    failed: u32,
    tried: u32,
    /// Bytes handed to hosts first reached in this window.
    handed: u64,
    /// Who reached this host last.
    by: Option<IpAddr>,
}

/// The behaviour.
pub(crate) struct LateralSpread {
    sources: Table<IpAddr, Reach>,
    /// Begin of the record.
    first_ns: Option<i64>,
    open: Open<IpAddr>,
}

impl Default for LateralSpread {
    fn default() -> Self {
        Self { sources: Table::new(CAPACITY), first_ns: None, open: Open::new(3_600) }
    }
}

impl Reach {
    fn roll(&mut self, now_ns: i64) {
        if now_ns.saturating_sub(self.start_ns) < WINDOW_NS {
            return;
        }
        let mut known = self.known;
        known.join(&self.tried_hosts);
        let most = self.most.max(self.tried_hosts.count());
        *self = Self { start_ns: now_ns, known, most, chain: self.chain, by: self.by, ..Self::default() };
    }

    fn evidence(&self, hours_known: i64) -> Vec<Evidence> {
        vec![
            Evidence {
                what: "hosts inside logged on to for the first time, in an hour",
                seen: self.fresh.count(),
                usual: LEAST_HOSTS.max(TIMES_OWN * self.most),
            },
            Evidence { what: "hosts it tried before", seen: self.known.count(), usual: self.known.count() },
            Evidence {
                what: "of those it reached, hosts that went on to reach others",
                seen: self.chain.count(),
                usual: LEAST_CHAIN,
            },
            Evidence { what: "hours of the past known", seen: hours_known as f64, usual: HOURS_KNOWN as f64 },
        ]
    }
}

impl LateralSpread {
    /// Counts a connection that was taken up. Answers what its source reached, and whether that is a spread.
    fn reached(&mut self, flow: &Flow<'_>, hours_known: i64) -> (Reach, bool) {
        let reach = self.sources.entry(flow.source, flow.start_ns, Reach::default);
        let mut known = reach.known;
        if known.see(flow.destination) {
            reach.fresh.see(flow.destination);
            reach.handed = reach.handed.saturating_add(flow.octets);
        }
        let now = *reach;
        let target = self
            .sources
            .entry(flow.destination, flow.start_ns, || Reach { start_ns: flow.start_ns, ..Reach::default() });
        target.by = Some(flow.source);
        let hosts = now.fresh.count();
        if let Some(by) = now.by.filter(|by| *by != flow.destination && hosts >= LEAST_LINK)
            && let Some(before) = self.sources.get_mut(&by)
        {
            before.chain.see(flow.source);
        }
        let many = hosts >= LEAST_HOSTS.max(TIMES_OWN * now.most);
        let handed = now.handed as f64 / hosts.max(1.0);
        let sure = hours_known >= HOURS_KNOWN
            || now.chain.count() >= LEAST_CHAIN
            || hosts >= LEAST_HANDED_HOSTS && handed >= LEAST_HANDED_OCTETS;
        // Where most of it comes to nothing it is a scan.
        (now, many && sure && 2 * now.failed <= now.tried)
    }
}

impl Behaviour for LateralSpread {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        let first_ns = *self.first_ns.get_or_insert(flow.start_ns);
        let inside = is_private(flow.source) && is_private(flow.destination);
        if !inside || flow.protocol != Flow::TCP || !PORTS.contains(&flow.destination_port) {
            return;
        }
        let fresh = || Reach { start_ns: flow.start_ns, ..Reach::default() };
        let reach = self.sources.entry(flow.source, flow.start_ns, fresh);
        reach.roll(flow.start_ns);
        reach.tried += 1;
        reach.tried_hosts.see(flow.destination);
        if flow.failed() {
            reach.failed += 1;
            return;
        }
        let hours_known = flow.start_ns.saturating_sub(first_ns) / WINDOW_NS;
        let (reach, is_spread) = self.reached(flow, hours_known);
        let hosts = reach.fresh.count();
        let strength = hosts / LEAST_HOSTS.max(TIMES_OWN * reach.most);
        // What it does with hosts it knows goes on beside it.
        let is_first = !reach.known.has_mark(mark(flow.destination));
        if self.open.has(&flow.source) {
            if let Some(sighting) = self.open.extend_if(&flow.source, flow, |_| is_first)
                && strength > sighting.strength
            {
                sighting.strength = strength;
                sighting.n_targets = hosts as u64;
                sighting.evidence = reach.evidence(hours_known);
            }
            return;
        }
        if !is_spread {
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
            evidence: reach.evidence(hours_known),
            severity: Severity::High,
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

    bounded!(sources, open);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConnectionState;
    use crate::watch::tests::{address, flow, watched};

    fn run(flows: impl IntoIterator<Item = Flow<'static>>) -> Vec<Sighting> {
        watched::<LateralSpread>(flows)
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
        // Who administers many hosts from the first hour on is not.
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn those_who_were_reached_and_do_the_same_need_no_past() {
        // Each of those reached reaches three others.
        let mut flows = Vec::new();
        for at in 0..12u8 {
            flows.push(flow(f64::from(at) * 30.0, 1, at + 10, 445));
            flows.extend((0..3).map(|more| {
                flow(f64::from(at) * 30.0 + 40.0 + f64::from(more), at + 10, at * 3 + more + 60, 445)
            }));
        }
        flows.sort_by_key(|flow| flow.start_ns);
        assert!(run(flows).iter().any(|s| s.actor == Some(address(1)) && s.severity == Severity::High));
        // A round of an administrator, and hosts that are off at first.
        let round = |at: u32| Flow {
            state: if at < 30 { ConnectionState::Unanswered } else { ConnectionState::Established },
            ..flow(f64::from(at / 30) * 18_000.0 + f64::from(at % 30), 1, (at % 30) as u8 + 10, 445)
        };
        assert!(run((0..90).map(round)).is_empty());
    }
}
