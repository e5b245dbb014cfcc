//! Scans: one host tries many ports or many hosts, and most of it comes to nothing.

use std::net::IpAddr;

use crate::flow::is_private;
use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::sketch::{Distinct, mark};
use crate::table::Table;
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "scan",
    title: "Scan",
    summary: "One host tries many ports of a host, or many hosts at few ports, and most of it comes to nothing; fast, \
              within an hour or over a day. Flows whose first packet has flags that no connection begins with are \
              stealth scans. Tries at hosts inside and outside are counted apart, so that reading the web does not hide \
              a scan inside. What a host that was told of tries again and again, such as a monitor, is told once.",
    blind_to: "Scans slower than the least number of tries a day; scans from many hosts that each try little; scans \
               that mostly succeed; scans over UDP from a port that services answer from; later scans of the same hosts \
               and ports by the same host.",
    techniques: &["T1046", "T1595.001", "T1018"],
};

/// Hosts watched at most, inside and outside apart.
const CAPACITY: usize = 65_536;
/// Length of each window in seconds, and tries that came to nothing in it that make a scan.
const WINDOWS: [(i64, f64); 3] = [(60, 15.0), (3_600, 40.0), (86_400, 80.0)];
/// Share of the tried pairs of host and port that must have come to nothing.
const FAILED_SHARE: f64 = 0.6;
/// The same of one port at many hosts outside, where programs of peers have old addresses, for high severity.
const SURE_SHARE: f64 = 0.9;
/// Many hosts at few ports, or many ports at few hosts: so many times as many. One port at each host is what
/// peer-to-peer programs do.
const LOPSIDED: f64 = 4.0;
/// Mean bytes of segments that carry nothing, at most.
const BARE: u64 = 60;

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    start_ns: i64,
    /// Hosts and ports tried in vain.
    hosts: Distinct,
    ports: Distinct,
    failed_pairs: Distinct,
    pairs: Distinct,
    /// Pairs tried in vain that were not told of before, as places of a sketch.
    fresh: u16,
    /// Pairs, and pairs tried in vain, of the window before.
    before: Distinct,
    failed_before: Distinct,
}

impl Window {
    /// Share of the pairs tried in this window and the one before that came to nothing.
    fn failed_share(&self) -> f64 {
        let failed = self.failed_pairs.count_with(&self.failed_before);
        failed / self.pairs.count_with(&self.before).max(1.0)
    }

    /// Begins anew when the time has come; says whether it did.
    fn roll(&mut self, now_ns: i64, length_ns: i64) -> bool {
        let passed = now_ns.saturating_sub(self.start_ns);
        if passed < length_ns {
            return false;
        }
        let (before, failed_before) = if passed < 2 * length_ns {
            (self.pairs, self.failed_pairs)
        } else {
            (Distinct::default(), Distinct::default())
        };
        *self = Self { start_ns: now_ns, before, failed_before, ..Self::default() };
        true
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Source {
    windows: [Window; WINDOWS.len()],
    /// Pairs tried in vain that were told of, by host.
    told: [Distinct; TOLD],
    /// Tries of this hour with flags of a stealth scan, by kind.
    stealth: [u32; STEALTH.len()],
    /// Tries in vain of this hour that were echo requests, and all.
    echoes: u32,
    failed: u32,
}

/// Flags of stealth scans: their value, and their name.
const STEALTH: [(u8, &str); 5] = [
    (0x00, "NULL scan"),
    (0x01, "FIN scan"),
    (0x29, "Xmas scan"),
    (0x10, "ACK scan"),
    (0x11, "FIN/ACK scan"),
];
/// Kinds before this one begin no connection and end none: those after are also what is left of a connection whose
/// beginning was not recorded.
const CERTAIN: usize = 3;
/// Tries with such flags that make a stealth scan, to different pairs.
const LEAST_STEALTH: f64 = 8.0;

/// Sketches of what was told: a scan of one host leaves room for others.
const TOLD: usize = 4;

/// Who tries, and whether inside.
type Key = (IpAddr, bool);

/// The behaviour.
pub(crate) struct Scan {
    sources: Table<Key, Source>,
    open: Open<Key>,
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
    let kind = STEALTH.iter().position(|(value, _)| *value == flags & 0x3f)?;
    let is_bare = flow.octets <= BARE * flow.packets && flow.reverse_octets <= BARE * flow.reverse_packets;
    (kind < CERTAIN || is_bare && flow.reverse_packets <= flow.packets).then_some(kind)
}

/// Whether a flow is an answer to something, and no try of its source: to something forged, or asked of all.
fn is_answer(flow: &Flow<'_>) -> bool {
    if flow.reverse_packets > 0 {
        return false;
    }
    match flow.protocol {
        Flow::TCP => flow.flags.is_some_and(|flags| flags & 0x10 != 0 && flags & 0x06 != 0),
        Flow::UDP => {
            let is_service = matches!(flow.source_port, 1..1_024 | 1_900 | 3_702 | 5_353 | 11_211);
            is_service && flow.destination_port >= 1_024
        }
        _ => false,
    }
}

impl Behaviour for Scan {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        if !flow.is_unicast() || is_answer(flow) {
            return;
        }
        let stealth = stealth_kind(flow);
        let failed = flow.failed() || stealth.is_some();
        let key = (flow.source, is_private(flow.destination));
        let source = self.sources.entry(key, flow.start_ns, Source::default);
        let pair = mark((flow.destination, flow.destination_port, flow.protocol));
        for (window, (seconds, _)) in source.windows.iter_mut().zip(WINDOWS) {
            let is_new = window.roll(flow.start_ns, seconds * 1_000_000_000);
            window.pairs.see_mark(pair);
            if is_new && seconds == WINDOWS[1].0 {
                (source.stealth, source.echoes, source.failed) = ([0; STEALTH.len()], 0, 0);
            }
        }
        if !failed {
            return;
        }
        if let Some(kind) = stealth {
            source.stealth[kind] += 1;
        }
        source.failed += 1;
        source.echoes += u32::from(matches!(flow.protocol, Flow::ICMP | Flow::ICMP6));
        let found = source.try_in_vain(flow, pair);
        // What was told before does not go on because it is done again.
        let is_more = stealth.is_some() || !source.told[told_at(flow)].has_mark(pair);
        if self.open.has(&key) {
            let sighting =
                self.open.extend_if(&key, flow, |sighting| is_more || sighting.kind.starts_with("slow"));
            source.told[told_at(flow)].see_mark(pair);
            if let (Some(sighting), Some((kind, window, _, least))) = (sighting, found) {
                update(sighting, kind, &window, least);
            }
            return;
        }
        let Some((kind, window, seconds, least)) = found else { return };
        let kind = source.kind_by_flags(kind, &window, seconds);
        if window.hosts.count() > 2.0 {
            source.told.iter_mut().for_each(|told| told.join(&window.failed_pairs));
        } else {
            source.told[told_at(flow)].join(&window.failed_pairs);
        }
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
            techniques: if is_private(flow.source) { &["T1046", "T1018"] } else { &["T1595.001", "T1046"] },
        };
        sighting.flows = window.failed_pairs.count() as u64;
        sighting.extend(flow, flow.destination);
        update(&mut sighting, kind, &window, least);
        self.open.open(key, flow.start_ns, sighting);
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    fn dropped(&self) -> u64 {
        self.sources.dropped() + self.open.dropped()
    }
}

/// Where a host's pairs are kept once they were told of.
fn told_at(flow: &Flow<'_>) -> usize {
    usize::from(mark(flow.destination)) % TOLD
}

type Found = (&'static str, Window, i64, f64);

impl Source {
    /// Counts a try that came to nothing; the first window that shows a scan because of it.
    fn try_in_vain(&mut self, flow: &Flow<'_>, pair: u8) -> Option<Found> {
        let (host, port) = (mark(flow.destination), mark((flow.destination_port, flow.protocol)));
        let is_known = self.told[told_at(flow)].has_mark(pair);
        let mut found = None;
        for (window, (seconds, least)) in self.windows.iter_mut().zip(WINDOWS) {
            window.hosts.see_mark(host);
            window.ports.see_mark(port);
            if window.failed_pairs.see_mark(pair) && !is_known {
                window.fresh += 1;
                if found.is_none() {
                    found = judge(window, least).map(|kind| (kind, *window, seconds, least));
                }
            }
        }
        // What is left of connections goes to many hosts as well.
        let unsure: u32 = self.stealth[CERTAIN..].iter().sum();
        found.filter(|(kind, ..)| *kind == "vertical scan" || 2 * unsure < self.failed)
    }

    /// The kind of a scan, after the flags and the protocol of its tries and the time it took.
    fn kind_by_flags(&self, kind: &'static str, window: &Window, seconds: i64) -> &'static str {
        let of_flags = self.stealth.iter().enumerate().max_by_key(|(_, count)| **count);
        match of_flags {
            Some((at, &count))
                if f64::from(count) >= LEAST_STEALTH.max(0.5 * window.failed_pairs.count()) =>
            {
                STEALTH[at].1
            }
            _ if 2 * self.echoes > self.failed => "ping sweep",
            _ if seconds > 60 && kind == "vertical scan" => "slow vertical scan",
            _ if seconds > 60 => "slow horizontal scan",
            _ => kind,
        }
    }
}

/// The kind of scan that a window shows, if it shows one that was not told of.
fn judge(window: &Window, least: f64) -> Option<&'static str> {
    let failed = window.failed_pairs.count();
    if failed < least || Distinct::estimate(u32::from(window.fresh)) < least {
        return None;
    }
    if window.failed_share() < FAILED_SHARE {
        return None;
    }
    let (hosts, ports) = (window.hosts.count(), window.ports.count());
    if ports >= LOPSIDED * hosts {
        Some("vertical scan")
    } else if hosts >= LOPSIDED * ports || failed >= 3.0 * hosts.max(ports) {
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
    let share = window.failed_share().min(1.0);
    sighting.strength = strength;
    sighting.n_targets = (window.hosts.count() as u64).max(sighting.targets.len() as u64);
    let from_inside = sighting.actor.is_some_and(is_private);
    let inside = sighting.targets.first().is_some_and(|target| is_private(*target));
    let is_sure = inside || kind == "vertical scan" || share >= SURE_SHARE;
    sighting.severity = if from_inside && is_sure { Severity::High } else { Severity::Medium };
    sighting.evidence = vec![
        Evidence { what: "pairs of host and port tried in vain", seen: failed, usual: least },
        Evidence { what: "hosts tried", seen: window.hosts.count(), usual: least / LOPSIDED },
        Evidence { what: "ports tried", seen: window.ports.count(), usual: least / LOPSIDED },
        Evidence {
            what: "share of tries in vain, per cent",
            seen: (100.0 * share).round(),
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
        let ack = |at: u16, target: u8| Flow {
            flags: Some(0x10),
            octets: 40,
            reverse_octets: 40,
            reverse_packets: 1,
            ..Flow { destination: address(target), ..fin(at) }
        };
        assert_eq!(run((1..60).map(|at| ack(at, 2)))[0].kind, "ACK scan");
        // What is left of connections that began before the record did.
        assert!(run((1..60).map(|at| Flow { destination_port: 443, ..ack(at, at as u8 + 3) })).is_empty());
    }

    #[test]
    fn reading_the_web_does_not_hide_a_slow_scan_inside() {
        let outside = |at: u32| Flow {
            destination: IpAddr::from([203, 0, 113, (at % 250) as u8]),
            ..flow(f64::from(at) * 20.0, 1, 2, 443)
        };
        let mut flows: Vec<_> = (0..1_000).map(outside).collect();
        flows.extend(
            (0..120u8).map(|at| Flow {
                state: ConnectionState::Unanswered,
                ..flow(f64::from(at) * 60.0, 1, at, 445)
            }),
        );
        flows.sort_by_key(|flow| flow.start_ns);
        let found = run(flows);
        assert_eq!(found.iter().map(|s| s.kind).collect::<Vec<_>>(), ["slow horizontal scan"]);
        assert!(found[0].flows <= 140, "only tries in vain belong to it: {}", found[0].flows);
    }

    #[test]
    fn a_round_that_is_made_again_and_again_is_told_once() {
        let round = |at: u32| Flow {
            state: ConnectionState::Unanswered,
            ..flow(f64::from(at / 40) * 7_200.0 + f64::from(at % 40), 1, (at % 40) as u8 + 2, 9_100)
        };
        assert_eq!(run((0..400).map(round)).len(), 1);
    }

    #[test]
    fn answers_to_a_question_to_all_are_no_tries() {
        let answer = |at: u16| Flow {
            protocol: Flow::UDP,
            source_port: 1_900,
            reverse_packets: 0,
            reverse_octets: 0,
            state: ConnectionState::Unanswered,
            ..flow(f64::from(at) * 30.0, 1, 2, 40_000 + at)
        };
        assert!(run((0..500).map(answer)).is_empty());
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
