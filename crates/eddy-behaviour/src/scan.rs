//! Scans: one host tries many ports or many hosts, and most of it comes to nothing.

use std::net::IpAddr;

use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::sketch::Distinct;
use crate::table::Table;
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "scan",
    title: "Scan",
    summary: "One host tries many ports of a host, or many hosts at few ports, and most of it comes to nothing; fast, \
              within an hour or over a day. Flows whose first packet has flags that no connection begins with are \
              stealth scans.",
    blind_to: "Scans slower than the least number of tries a day; scans from many hosts that each try little; scans \
               that mostly succeed.",
    techniques: &["T1046", "T1595.001", "T1018"],
};

/// Hosts watched at most.
const CAPACITY: usize = 65_536;
/// Length of each window in seconds, and tries that came to nothing in it that make a scan.
const WINDOWS: [(i64, f64); 3] = [(60, 15.0), (3_600, 40.0), (86_400, 80.0)];
/// Share of the tried pairs of host and port that must have come to nothing.
const FAILED_SHARE: f64 = 0.6;
/// Many hosts at few ports, or many ports at few hosts: so many times as many. One port at each host is what
/// peer-to-peer programs do.
const LOPSIDED: f64 = 4.0;

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    start_ns: i64,
    hosts: Distinct,
    ports: Distinct,
    pairs: Distinct,
    failed_pairs: Distinct,
}

#[derive(Debug, Clone, Copy, Default)]
struct Source {
    windows: [Window; WINDOWS.len()],
    /// Tries with flags of a stealth scan, by kind.
    stealth: [u32; STEALTH.len()],
}

/// Flags of stealth scans: their value, and their name.
const STEALTH: [(u8, &str); 4] =
    [(0x00, "NULL scan"), (0x01, "FIN scan"), (0x29, "Xmas scan"), (0x10, "ACK scan")];
/// Tries with such flags that make a stealth scan, to different pairs.
const LEAST_STEALTH: f64 = 8.0;

/// The behaviour.
pub(crate) struct Scan {
    sources: Table<IpAddr, Source>,
    open: Open<IpAddr>,
}

impl Default for Scan {
    fn default() -> Self {
        Self { sources: Table::new(CAPACITY), open: Open::new(1_800) }
    }
}

/// What the flags of the first packets say: the kind of stealth scan, if it is one.
fn stealth_kind(flow: &Flow<'_>) -> Option<usize> {
    // Of a flow whose opener was not recorded there are no flags to judge.
    let flags = flow.flags.filter(|_| flow.protocol == Flow::TCP && matches!(flow.packets, 1 | 2))?;
    STEALTH.iter().position(|(value, _)| *value == flags & 0x3f)
}

/// Whether a flow is an answer to something forged, and no try of its source.
fn is_backscatter(flow: &Flow<'_>) -> bool {
    flow.protocol == Flow::TCP
        && flow.reverse_packets == 0
        && flow.flags.is_some_and(|flags| flags & 0x10 != 0 && flags & 0x06 != 0)
}

impl Behaviour for Scan {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        if !flow.is_unicast() || is_backscatter(flow) {
            return;
        }
        let source = self.sources.entry(flow.source, flow.start_ns, Source::default);
        let stealth = stealth_kind(flow);
        if let Some(kind) = stealth {
            source.stealth[kind] += 1;
        }
        let failed = flow.failed() || stealth.is_some();
        let pair = (flow.destination, flow.destination_port, flow.protocol);
        let mut found = None;
        for (window, (seconds, least)) in source.windows.iter_mut().zip(WINDOWS) {
            if flow.start_ns.saturating_sub(window.start_ns) >= seconds * 1_000_000_000 {
                *window = Window { start_ns: flow.start_ns, ..Window::default() };
            }
            window.hosts.see(0, flow.destination);
            window.ports.see(0, (flow.destination_port, flow.protocol));
            window.pairs.see(0, pair);
            if failed && window.failed_pairs.see(0, pair) && found.is_none() {
                found = judge(window, least).map(|kind| (kind, *window, seconds, least));
            }
        }
        if let Some(sighting) = self.open.extend(&flow.source, flow, flow.destination) {
            if let Some((kind, window, _, least)) = found {
                update(sighting, kind, &window, least);
            }
            return;
        }
        let Some((kind, window, seconds, least)) = found else { return };
        let of_flags = source.stealth.iter().enumerate().max_by_key(|(_, count)| **count);
        let kind = match of_flags {
            Some((at, &count))
                if f64::from(count) >= LEAST_STEALTH.max(0.5 * window.failed_pairs.count()) =>
            {
                STEALTH[at].1
            }
            _ if seconds > 60 && kind != "ping sweep" => {
                if kind == "vertical scan" {
                    "slow vertical scan"
                } else {
                    "slow horizontal scan"
                }
            }
            _ => kind,
        };
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind,
            actor: Some(flow.source),
            targets: Vec::new(),
            n_targets: 0,
            port: (window.ports.count() <= 1.0).then_some(flow.destination_port),
            first_ns: window.start_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: 0,
            octets: 0,
            evidence: Vec::new(),
            severity: Severity::Medium,
            strength: 1.0,
            techniques: if crate::flow::is_private(flow.source) {
                &["T1046", "T1018"]
            } else {
                &["T1595.001", "T1046"]
            },
        };
        sighting.flows = window.pairs.count() as u64;
        sighting.extend(flow, flow.destination);
        update(&mut sighting, kind, &window, least);
        self.open.open(flow.source, flow.start_ns, sighting);
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    fn dropped(&self) -> u64 {
        self.sources.dropped() + self.open.dropped()
    }
}

/// The kind of scan that a window shows, if it shows one.
fn judge(window: &Window, least: f64) -> Option<&'static str> {
    let failed = window.failed_pairs.count();
    if failed < least {
        return None;
    }
    let (hosts, ports, pairs) = (window.hosts.count(), window.ports.count(), window.pairs.count());
    if failed < FAILED_SHARE * pairs {
        return None;
    }
    if ports >= LOPSIDED * hosts {
        Some("vertical scan")
    } else if hosts >= LOPSIDED * ports || pairs >= 3.0 * hosts.max(ports) {
        Some("horizontal scan")
    } else {
        None
    }
}

fn update(sighting: &mut Sighting, kind: &'static str, window: &Window, least: f64) {
    let failed = window.failed_pairs.count();
    let strength = failed / least;
    if strength < sighting.strength && !sighting.evidence.is_empty() {
        return;
    }
    if sighting.kind == "horizontal scan" || sighting.kind == "vertical scan" {
        sighting.kind = kind;
    }
    sighting.strength = strength;
    sighting.n_targets = (window.hosts.count() as u64).max(sighting.targets.len() as u64);
    sighting.severity =
        if crate::flow::is_private(sighting.actor.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into())) {
            Severity::High
        } else {
            Severity::Medium
        };
    sighting.evidence = vec![
        Evidence { what: "pairs of host and port tried in vain", seen: failed, usual: least },
        Evidence { what: "hosts tried", seen: window.hosts.count(), usual: least / LOPSIDED },
        Evidence { what: "ports tried", seen: window.ports.count(), usual: least / LOPSIDED },
        Evidence {
            what: "share of tries in vain, per cent",
            seen: (100.0 * failed / window.pairs.count().max(1.0)).min(100.0).round(),
            usual: 100.0 * FAILED_SHARE,
        },
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConnectionState;
    use crate::watch::tests::{address, flow};

    fn run(flows: impl IntoIterator<Item = Flow<'static>>) -> Vec<Sighting> {
        let (mut scan, mut out) = (Scan::default(), Vec::new());
        flows.into_iter().for_each(|flow| scan.see(&flow, &mut out));
        scan.end(&mut out);
        out
    }

    #[test]
    fn many_ports_of_one_host_are_a_vertical_scan_and_many_hosts_a_horizontal_one() {
        let failed =
            |at: u16| Flow { state: ConnectionState::Rejected, ..flow(f64::from(at) * 0.1, 1, 2, at) };
        let found = run((1..200).map(failed));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].kind, found[0].actor), ("vertical scan", Some(address(1))));
        assert_eq!(found[0].targets, [address(2)]);
        assert!(found[0].detected_ns <= found[0].first_ns + 2_000_000_000, "{:?}", found[0]);

        let sweep = |at: u8| Flow { state: ConnectionState::Unanswered, ..flow(f64::from(at), 1, at, 445) };
        let found = run((10..60).map(sweep));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].kind, found[0].port), ("horizontal scan", Some(445)));
        assert!(found[0].n_targets.abs_diff(50) <= 6);
    }

    #[test]
    fn a_scan_of_two_an_hour_is_seen_within_the_day() {
        let slow =
            |at: u16| Flow { state: ConnectionState::Unanswered, ..flow(f64::from(at) * 600.0, 1, 2, at) };
        let found = run((1..140).map(slow));
        assert_eq!(found.iter().map(|s| s.kind).collect::<Vec<_>>(), ["slow vertical scan"]);
    }

    #[test]
    fn flags_tell_stealth_scans_apart() {
        let fin = |at: u16| Flow {
            flags: Some(0x01),
            packets: 1,
            state: ConnectionState::Unknown,
            ..flow(f64::from(at) * 0.1, 1, 2, at)
        };
        assert_eq!(run((1..60).map(fin))[0].kind, "FIN scan");
    }

    #[test]
    fn ordinary_talk_is_no_scan() {
        // Many servers that answer; one server in vain again and again; one port each at many peers in vain.
        let busy = |at: u16| flow(f64::from(at) * 0.5, 1, (at % 200) as u8, 443);
        assert!(run((0..500).map(busy)).is_empty());
        let stubborn = |at: u16| Flow { state: ConnectionState::Rejected, ..flow(f64::from(at), 1, 2, 25) };
        assert!(run((0..500).map(stubborn)).is_empty());
        let peers = |at: u16| Flow {
            state: ConnectionState::Unanswered,
            ..flow(f64::from(at), 1, (at % 250) as u8, 20_000 + at)
        };
        assert!(run((0..50).map(peers)).is_empty());
    }
}
