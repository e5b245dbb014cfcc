//! Scans: one host tries many ports or many hosts, and most of it comes to nothing.

mod crowd;
mod few;

use std::net::IpAddr;

use self::crowd::Crowds;
use self::few::Few;
use crate::flow::{FIRST_OF_CLIENTS, is_private};
use crate::open::Open;
use crate::packet_sign::Told;
use crate::rounds::Rounds;
use crate::sighting::{Evidence, Severity};
use crate::sketch::{Distinct, mark};
use crate::table::{Table, bounded};
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};
use eddy_flow::{ArpClaim, PacketSign, SignKind};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "scan",
    title: "Scan",
    summary: "One host tries many ports of a host, or many hosts at few ports, and most of it comes to nothing; fast, \
              within an hour or over a day. Flows whose first packet has flags that no connection begins with are \
              stealth scans. Tries at hosts inside and outside are counted apart, so that reading the web does not hide \
              a scan inside. Many hosts that together try many ports of one are told as a crowd. What a host that was told of tries again and again, such as a monitor, is told once, and less urgently where it \
              comes at even intervals. Eight ports of one host in vain in a quarter of a minute, ten hosts one after the other, or packets \
              whose flags no connection has are told as well, less urgently.",
    blind_to: "Scans slower than the least number of tries a day; slow scans from many hosts that each try little; scans \
               that mostly succeed; scans over UDP from a port that services answer from; later scans of the same hosts \
               and ports by the same host.",
    techniques: &["T1046", "T1595.001", "T1018"],
};

/// Hosts watched at most, inside and outside apart.
const CAPACITY: usize = 65_536;
/// Questions over datagrams remembered at most.
const ASKED: usize = 7_168;
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

    /// Whether so much comes to nothing as in a scan, be it new or, mostly, not.
    fn is_round(&self, least: f64) -> bool {
        let failed = self.failed_pairs.count();
        failed >= least && self.failed_share() >= FAILED_SHARE
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
    /// Of these, those that may be what is left of connections.
    unsure: u32,
    /// The port the last of them came from.
    last_port: u16,
    /// Tries in vain of this hour that were echo requests, and all.
    echoes: u32,
    failed: u32,
    rounds: Rounds,
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

/// Quiet after which a scan is another round, in nanoseconds: ten minutes.
const QUIET_NS: i64 = 600_000_000_000;
/// Hosts asked for by their address in a minute, from which that is a sweep.
const LEAST_ASKED: u64 = 48;
/// Pairs of port and flags that no connection has, and kinds of questions by ICMP that nobody has a use for, of one host:
/// the former may be a fault of somebody's stack.
const LEAST_ODD_FLAGS: u64 = 3;
const LEAST_ODD_QUESTIONS: u64 = 2;
/// The same from which on they are no accident.
const SURE_ODD: u64 = 8;
const MOST_ODD: f64 = 2.0;
/// SCTP (RFC 9260).
const SCTP: u8 = 132;
/// Mean bytes of packets of it that ask for an association or throw it away, at most.
const SCTP_BARE: u64 = 80;

/// Sketches of what was told: a scan of one host leaves room for others.
const TOLD: usize = 4;

/// Who tries, and whether inside.
type Key = (IpAddr, bool);

/// The behaviour.
pub(crate) struct Scan {
    sources: Table<Key, Source>,
    /// Hosts that many try.
    crowds: Crowds,
    /// Those who try few ports or hosts, quickly.
    few: Few,
    /// Who asked whom from which port, over datagrams, without an answer so far: it may come from another port.
    asked: Table<(IpAddr, u16, IpAddr), ()>,
    open: Open<Key>,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            sources: Table::new(CAPACITY),
            crowds: Crowds::default(),
            few: Few::default(),
            asked: Table::new(ASKED),
            open: Open::new(1_800),
        }
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

/// Whether a stealth scan is certain to be one: its flags are, or the target knows of no such connection.
fn is_certain(kind: usize, flow: &Flow<'_>) -> bool {
    kind < CERTAIN || flow.reverse_packets > 0 && flow.reverse_flags.is_some_and(|flags| flags & 0x17 == 0x04)
}

/// Whether an association of SCTP was asked for and thrown away: of one that is taken up the answer carries a cookie.
fn is_aborted(flow: &Flow<'_>) -> bool {
    let is_small = |octets: u64, packets: u64| octets <= SCTP_BARE.saturating_mul(packets);
    flow.protocol == SCTP
        && flow.packets <= 4
        && flow.reverse_packets <= flow.packets
        && is_small(flow.octets, flow.packets)
        && is_small(flow.reverse_octets, flow.reverse_packets)
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
            // From port to port of clients go answers of services that have a port for each, and what peers say.
            let are_clients = flow.source_port.min(flow.destination_port) >= FIRST_OF_CLIENTS;
            is_service && flow.destination_port >= 1_024 || are_clients
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
        let unseen = flow.unseen_question();
        let flow = unseen.as_ref().unwrap_or(flow);
        if !flow.is_unicast() || unseen.is_none() && is_answer(flow) {
            return;
        }
        if self.is_answer_from_elsewhere(flow) {
            return;
        }
        let stealth = stealth_kind(flow);
        let failed = flow.failed() || stealth.is_some() || is_aborted(flow);
        let key = (flow.source, is_private(flow.destination));
        let source = self.sources.entry(key, flow.start_ns, Source::default);
        let pair = mark((flow.destination, flow.destination_port, flow.protocol));
        for (window, (seconds, _)) in source.windows.iter_mut().zip(WINDOWS) {
            let is_new = window.roll(flow.start_ns, seconds * 1_000_000_000);
            window.pairs.see_mark(pair);
            if is_new && seconds == WINDOWS[1].0 {
                source.stealth = [0; STEALTH.len()];
                (source.unsure, source.echoes, source.failed) = (0, 0, 0);
            }
        }
        self.crowds.see(flow, failed, out);
        if !self.open.has(&key) && !source.told[told_at(flow)].has_mark(pair) {
            // What may be left of connections is no try.
            let is_left = stealth.is_some_and(|kind| !is_certain(kind, flow));
            self.few.see(flow, failed && !is_left, pair, out);
        }
        if !failed {
            return;
        }
        if let Some(kind) = stealth {
            source.stealth[kind] += 1;
            // Those of a scanner all come from one port of it.
            let is_one_port = source.last_port == flow.source_port;
            source.unsure += u32::from(!is_certain(kind, flow) && !is_one_port);
            source.last_port = flow.source_port;
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
        self.few.forget(flow.source, flow.destination);
        self.open.open(key, flow.start_ns, sighting);
    }

    fn see_claim(&mut self, claim: &ArpClaim, out: &mut Vec<Sighting>) {
        if claim.asked >= LEAST_ASKED {
            out.push(asked_for_all(claim));
        }
    }

    fn see_sign(&mut self, sign: &PacketSign, out: &mut Vec<Sighting>) {
        out.extend(odd_packets(sign));
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
        self.crowds.end(out);
        self.few.end(out);
        for (&(actor, inside), source) in self.sources.iter() {
            let is_there = |target: &IpAddr| is_private(*target) == inside;
            source.rounds.lower(out, ABOUT.name, |one| {
                one.actor == Some(actor) && one.targets.first().is_some_and(is_there)
            });
        }
    }

    fn dropped(&self) -> u64 {
        self.sources.dropped() + self.crowds.dropped() + self.few.dropped() + self.open.dropped()
    }

    bounded!(sources, crowds, few, asked, open);
}

impl Scan {
    /// Whether a datagram goes to a port that its target had just asked its source from: some services answer from a port
    /// of their own for each (TFTP does).
    fn is_answer_from_elsewhere(&mut self, flow: &Flow<'_>) -> bool {
        if flow.protocol != Flow::UDP || flow.reverse_packets > 0 {
            return false;
        }
        if self.asked.has(&(flow.destination, flow.destination_port, flow.source)) {
            return true;
        }
        self.asked.entry((flow.source, flow.source_port, flow.destination), flow.start_ns, || ());
        false
    }
}

/// Somebody whose packets are odd in order to see what a host answers to such.
fn odd_packets(sign: &PacketSign) -> Option<Sighting> {
    let (kind, what, least) = match sign.kind {
        SignKind::ImpossibleFlags => {
            ("probes with odd flags", "pairs of port and flags that no connection has", LEAST_ODD_FLAGS)
        }
        SignKind::OddQuestions => (
            "probes of the system",
            "kinds of questions by ICMP that nobody has a use for",
            LEAST_ODD_QUESTIONS,
        ),
        _ => return None,
    };
    let severity = if sign.different >= SURE_ODD { Severity::Medium } else { Severity::Low };
    let techniques: &[_] =
        if sign.actor.is_some_and(is_private) { &["T1046", "T1018"] } else { &["T1595.002", "T1046"] };
    let (behaviour, seen) = (ABOUT.name, sign.different);
    let told = Told { behaviour, kind, what, seen, least, severity, techniques };
    let found = told.sighting(sign)?;
    // Where there are many of them, the scan itself says more.
    Some(Sighting { strength: found.strength.min(MOST_ODD), ..found })
}

/// Somebody who asks for the adapters of a whole network.
fn asked_for_all(claim: &ArpClaim) -> Sighting {
    let (seen, usual) = (claim.asked as f64, LEAST_ASKED as f64);
    Sighting {
        behaviour: ABOUT.name,
        kind: "ARP sweep",
        actor: Some(claim.address),
        targets: Vec::new(),
        n_targets: claim.asked,
        port: None,
        first_ns: claim.first_ns,
        detected_ns: claim.last_ns,
        last_ns: claim.last_ns,
        flows: claim.asks,
        octets: claim.asks.saturating_mul(42),
        evidence: vec![Evidence { what: "addresses asked for in a minute", seen, usual }],
        severity: Severity::Medium,
        strength: seen / usual,
        techniques: &["T1018"],
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
            let is_first = window.failed_pairs.see_mark(pair);
            if is_first && seconds == WINDOWS[0].0 && window.is_round(least) {
                self.rounds.see(flow.start_ns, QUIET_NS);
            }
            if is_first && !is_known {
                window.fresh += 1;
                if found.is_none() {
                    found = judge(window, least).map(|kind| (kind, *window, seconds, least));
                }
            }
        }
        // What is left of connections goes to many hosts as well.
        let is_sure = 2 * self.unsure < self.failed;
        found.filter(|(kind, ..)| *kind == "vertical scan" || is_sure)
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
mod tests;
