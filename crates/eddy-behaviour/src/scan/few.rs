//! Scans of few tries, quick ones: some ports of one host, or echo requests to hosts one after the other.

use std::net::IpAddr;

use super::ABOUT;
use crate::flow::is_private;
use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::sketch::Distinct;
use crate::table::Table;
use crate::{Flow, Sighting};

/// Pairs of hosts watched at most, and hosts.
const PAIRS: usize = 7_168;
const HOSTS: usize = 7_168;
/// Nanoseconds for which tries are counted.
const WINDOW_NS: i64 = 15_000_000_000;
/// Ports of one host tried in vain in that time, and their share of all that were tried.
const LEAST_PORTS: f64 = 8.0;
const FAILED_SHARE: f64 = 0.75;
/// Hosts asked for an echo in the order of their addresses, and the share of these tries that came to nothing.
const LEAST_IN_ORDER: u32 = 10;
const FAILED_IN_ORDER: f64 = 0.7;
/// Addresses from one to the next, at most, and nanoseconds.
const NEXT: u128 = 2;
const PAUSE_NS: i64 = 10_000_000_000;
/// Ports of services over datagrams; others are taken up and given up by the parties of a call as they come.
const LAST_OF_SERVICES: u16 = 2_048;

/// Ports of one host that another tried.
#[derive(Debug, Clone, Copy, Default)]
struct Tried {
    start_ns: i64,
    all: Distinct,
    failed: Distinct,
}

/// Hosts that one tries one after the other.
#[derive(Debug, Clone, Copy, Default)]
struct InOrder {
    service: (u8, u16),
    first_ns: i64,
    last_ns: i64,
    last_host: u128,
    hosts: u32,
    failed: u32,
    /// Pairs of host and port that were told of: what is tried again is told once.
    told: Distinct,
}

type Key = (IpAddr, Option<IpAddr>);

/// Those who try few ports or hosts.
pub(super) struct Few {
    pairs: Table<(IpAddr, IpAddr), Tried>,
    rows: Table<IpAddr, InOrder>,
    open: Open<Key>,
}

impl Default for Few {
    fn default() -> Self {
        Self { pairs: Table::new(PAIRS), rows: Table::new(HOSTS), open: Open::new(600) }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl Few {
    /// Sees a try that came to something or to nothing.
    pub(super) fn see(&mut self, flow: &Flow<'_>, failed: bool, pair: u8, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        if self.rows.get_mut(&flow.source).is_some_and(|row| row.told.has_mark(pair)) {
            return;
        }
        let by_port = self.see_ports(flow, failed);
        let by_order = self.see_order(flow, failed);
        if by_port || by_order {
            self.rows.entry(flow.source, flow.start_ns, InOrder::default).told.see_mark(pair);
        }
    }

    /// Forgets what was told of a host and a target of it: more than that is told of it now.
    pub(super) fn forget(&mut self, source: IpAddr, target: IpAddr) {
        self.open.forget(&(source, None));
        self.open.forget(&(source, Some(target)));
    }

    fn see_ports(&mut self, flow: &Flow<'_>, failed: bool) -> bool {
        let is_service = match flow.protocol {
            Flow::TCP => true,
            Flow::UDP => flow.destination_port < LAST_OF_SERVICES,
            _ => false,
        };
        if !is_service {
            return false;
        }
        let tried = self.pairs.entry((flow.source, flow.destination), flow.start_ns, Tried::default);
        if !(0..WINDOW_NS).contains(&flow.start_ns.saturating_sub(tried.start_ns)) {
            *tried = Tried { start_ns: flow.start_ns, ..Tried::default() };
        }
        let service = (flow.protocol, flow.destination_port);
        tried.all.see(service);
        if !failed {
            return false;
        }
        tried.failed.see(service);
        let (start_ns, seen, all) = (tried.start_ns, tried.failed.count(), tried.all.count());
        let key = (flow.source, Some(flow.destination));
        let is_told = seen >= LEAST_PORTS && seen >= FAILED_SHARE * all;
        let evidence = Evidence { what: "ports of one host tried in vain in 15 s", seen, usual: LEAST_PORTS };
        if is_told {
            self.tell(key, flow, "quick vertical scan", start_ns, evidence);
        }
        is_told
    }

    fn see_order(&mut self, flow: &Flow<'_>, failed: bool) -> bool {
        // Who administers or watches others knocks at their ports in that order, too, and some are switched off.
        if !matches!(flow.protocol, Flow::ICMP | Flow::ICMP6) {
            return false;
        }
        let row = self.rows.entry(flow.source, flow.start_ns, InOrder::default);
        let (service, host) = ((flow.protocol, flow.destination_port), number(flow.destination));
        let is_near = flow.start_ns.saturating_sub(row.last_ns) <= PAUSE_NS && row.service == service;
        if is_near && host == row.last_host {
            return false;
        }
        if !(is_near && (1..=NEXT).contains(&host.wrapping_sub(row.last_host))) {
            *row = InOrder { service, first_ns: flow.start_ns, told: row.told, ..InOrder::default() };
        }
        (row.last_ns, row.last_host) = (flow.start_ns, host);
        row.hosts += 1;
        row.failed += u32::from(failed);
        let is_told =
            row.hosts >= LEAST_IN_ORDER && f64::from(row.failed) >= FAILED_IN_ORDER * f64::from(row.hosts);
        let evidence = Evidence {
            what: "hosts tried in the order of their addresses",
            seen: f64::from(row.hosts),
            usual: f64::from(LEAST_IN_ORDER),
        };
        let first_ns = row.first_ns;
        if is_told {
            self.tell((flow.source, None), flow, "quick ping sweep", first_ns, evidence);
        }
        is_told
    }

    /// Tells of a scan, or adds to the one that was told of.
    fn tell(&mut self, key: Key, flow: &Flow<'_>, kind: &'static str, first_ns: i64, evidence: Evidence) {
        let strength = evidence.seen / evidence.usual;
        if let Some(sighting) = self.open.extend(&key, flow, flow.destination) {
            sighting.n_targets = sighting.n_targets.max(sighting.targets.len() as u64);
            if strength > sighting.strength {
                sighting.strength = strength;
                sighting.evidence = vec![evidence];
            }
            return;
        }
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind,
            actor: Some(flow.source),
            targets: Vec::new(),
            n_targets: if key.1.is_some() { 1 } else { evidence.seen as u64 },
            port: None,
            first_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: evidence.seen as u64 - 1,
            octets: 0,
            evidence: vec![evidence],
            // So few are at best the beginning of something.
            severity: Severity::Low,
            strength,
            techniques: if is_private(flow.source) { &["T1046", "T1018"] } else { &["T1595.001", "T1046"] },
        };
        sighting.extend(flow, flow.destination);
        self.open.open(key, flow.start_ns, sighting);
    }

    pub(super) fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.open.dropped()
    }

    crate::table::bounded!(pub(super) pairs, rows, open);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConnectionState;
    use crate::scan::Scan;
    use crate::watch::tests::{flow, watched};

    /// A try that came to nothing.
    fn in_vain(at_s: f64, target: u8, port: u16) -> Flow<'static> {
        Flow {
            state: ConnectionState::Rejected,
            packets: 1,
            octets: 44,
            reverse_packets: 1,
            reverse_octets: 40,
            ..flow(at_s, 66, target, port)
        }
    }

    fn told(flows: impl IntoIterator<Item = Flow<'static>>) -> Vec<(&'static str, Severity, u64)> {
        watched::<Scan>(flows).iter().map(|one| (one.kind, one.severity, one.flows)).collect()
    }

    #[test]
    fn ten_ports_of_one_host_in_vain_are_a_quick_scan() {
        let tries = |n: u16, every_s: f64| {
            (0..n).map(move |at| in_vain(f64::from(at) * every_s, 9, 20 + 3 * at)).collect::<Vec<_>>()
        };
        assert_eq!(told(tries(10, 0.1)), [("quick vertical scan", Severity::Low, 10)]);
        assert_eq!(told(tries(7, 0.1)), [], "as many as somebody may mistake");
        assert_eq!(told(tries(10, 3.0)), [], "too slow to be a program that tries");
        let answered = tries(10, 0.1).into_iter().chain((0..9).map(|at| flow(0.5, 66, 9, 8_000 + at)));
        let mut mixed: Vec<_> = answered.collect();
        mixed.sort_by_key(|one| one.start_ns);
        assert_eq!(told(mixed), [], "half of it came to something");
        let same = (0..40).map(|at| in_vain(f64::from(at) * 0.1, 9, 8_080));
        assert_eq!(told(same), [], "one port again and again");
    }

    #[test]
    fn ports_that_the_parties_of_a_call_take_up_are_not_scanned() {
        let media = |at: u16| Flow {
            protocol: Flow::UDP,
            state: ConnectionState::Unanswered,
            reverse_packets: 0,
            reverse_octets: 0,
            ..in_vain(f64::from(at) * 0.1, 9, 16_384 + 2 * at)
        };
        assert_eq!(told((0..12).map(media)), []);
    }

    #[test]
    fn hosts_one_after_the_other_are_a_sweep_and_hosts_here_and_there_are_not() {
        let echo = |at: u8, target: u8| Flow {
            protocol: Flow::ICMP,
            icmp_type: Some(8),
            state: ConnectionState::Unanswered,
            reverse_packets: 0,
            reverse_octets: 0,
            ..in_vain(f64::from(at) * 0.05, target, 0)
        };
        assert_eq!(told((0..12).map(|at| echo(at, at + 1))), [("quick ping sweep", Severity::Low, 12)]);
        assert_eq!(told((0..12).map(|at| echo(at, at.wrapping_mul(37)))), []);
        let answered = |at: u8| Flow { state: ConnectionState::Established, ..echo(at, at + 1) };
        assert_eq!(told((0..12).map(answered)), [], "whoever looks after all of them");
    }
}
