//! Floods: far more than a host can answer.

use std::net::IpAddr;

use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::sketch::Distinct;
use crate::table::Table;
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "flood",
    title: "Flood",
    summary: "A host gets far more than it can answer, and far more than it ever got: half-open or empty connections, \
              packets of one protocol that nothing comes back for, echo requests, or large answers from many services \
              that nobody asked.",
    blind_to: "Floods of complete connections from a crowd, which look like many visitors; floods below the least rate, or \
               below four times what the target got before; flows of UDP that each have the rate of a stream; what is \
               lost before it is recorded.",
    techniques: &["T1498.001", "T1498.002", "T1499.001"],
};

/// Targets watched at most.
const CAPACITY: usize = 65_536;
/// Length of a window in seconds.
const WINDOW_S: i64 = 10;
/// Half-open connections in a window that make a flood.
const LEAST_HALF_OPEN: u64 = 150;
/// Complete connections in a window, of a few senders, that make a flood.
const LEAST_CONNECTIONS: u64 = 500;
/// Packets in a window that make a flood, when next to nothing comes back.
const LEAST_PACKETS: u64 = 1_000;
/// Share of packets that come back below which next to nothing does.
const NEXT_TO_NOTHING: f64 = 0.05;
/// Packets in a window from services that answer with more than they are asked, when nobody asked.
const LEAST_REFLECTED: u64 = 100;
/// The same where they come from fewer than [`FEW`] services: one that is asked much answers much.
const LEAST_REFLECTED_BY_FEW: u64 = 1_000;
/// Services below which an answer may have been asked for unseen.
const FEW: f64 = 4.0;
/// Mean bytes of such a packet.
const LARGE: u64 = 200;
/// Packets a second of a stream at most: about 10 Mbit/s.
const STREAM_RATE: u64 = 1_000;
/// Packets of a flow that may be a stream, at least.
const STREAM_PACKETS: u64 = 100;
/// Mean bytes of segments that carry nothing, at most.
const BARE: u64 = 80;
/// Senders above which they are taken to be forged or a crowd, and not named.
const CROWD: f64 = 12.0;
/// So many times as much as in any window before, once there were [`WINDOWS_KNOWN`] of them.
const TIMES_BEFORE: u64 = 4;
const WINDOWS_KNOWN: u32 = 30;
/// Services over UDP that answer with more than they are asked (US-CERT alert TA14-017A lists most of them).
const REFLECTORS: [u16; 32] = [
    17, 19, 53, 69, 111, 123, 137, 161, 177, 389, 427, 500, 520, 623, 1_194, 1_434, 1_604, 1_701, 1_900,
    3_283, 3_478, 3_702, 5_060, 5_093, 5_353, 5_683, 10_001, 11_211, 17_185, 27_015, 27_960, 32_414,
];

/// What reaches a target in a window.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    start_ns: i64,
    /// Those who send what may be a flood, and the ports they send it to.
    senders: Distinct,
    ports: Distinct,
    half_open: u64,
    connections: u64,
    /// Packets without an answer, of TCP, UDP, ICMP and others.
    packets: [u64; 4],
    reflected: u64,
    /// Who sends most of it, by the vote of Boyer and Moore (1981).
    sender: Option<IpAddr>,
    votes: u64,
}

/// What reached a target in the windows before, at most: half-open, connections, packets, reflected.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    windows: u32,
    most: [u64; 4],
}

/// The behaviour.
pub(crate) struct Flood {
    targets: Table<IpAddr, (Load, Before)>,
    open: Open<IpAddr>,
}

impl Default for Flood {
    fn default() -> Self {
        Self { targets: Table::new(CAPACITY), open: Open::new(300) }
    }
}

fn protocol_index(protocol: u8) -> usize {
    match protocol {
        Flow::TCP => 0,
        Flow::UDP => 1,
        Flow::ICMP | Flow::ICMP6 => 2,
        _ => 3,
    }
}

const PROTOCOL_FLOODS: [&str; 4] = ["TCP flood", "UDP flood", "ICMP flood", "packet flood"];

/// Whether a flow consists of large answers that nobody asked for, or of few questions with large answers; then also who
/// gets them.
fn reflected(flow: &Flow<'_>) -> Option<(IpAddr, u64)> {
    // Bare SYN-ACKs to somebody who never asked: the requests were sent under the victim's address.
    if flow.protocol == Flow::TCP
        && flow.packets == 0
        && flow.reverse_packets > 0
        && flow.reverse_octets <= BARE.saturating_mul(flow.reverse_packets)
    {
        return Some((flow.source, flow.reverse_packets));
    }
    if flow.protocol != Flow::UDP {
        return None;
    }
    // The answers alone were recorded: the service seems to speak first.
    let unasked = flow.is_unicast()
        && REFLECTORS.contains(&flow.source_port)
        && flow.reverse_packets == 0
        && flow.octets >= LARGE.saturating_mul(flow.packets.max(1));
    if unasked {
        return Some((flow.destination, flow.packets));
    }
    // Questions under the address of the victim, and the answers to it.
    let amplified = REFLECTORS.contains(&flow.destination_port)
        && flow.reverse_octets >= 8 * flow.octets.max(1)
        && flow.reverse_octets >= LARGE.saturating_mul(flow.reverse_packets.max(1));
    amplified.then_some((flow.source, flow.reverse_packets))
}

/// Whether neither side said anything.
fn is_bare(flow: &Flow<'_>) -> bool {
    flow.octets <= BARE.saturating_mul(flow.packets)
        && flow.reverse_octets <= BARE.saturating_mul(flow.reverse_packets)
}

/// Whether a connection was asked for and not taken up: nobody answered, or the opener never acknowledged the answer, or
/// it was thrown away at once, as by whoever has the address that was forged.
fn is_half_open(flow: &Flow<'_>) -> bool {
    if flow.protocol != Flow::TCP || !(1..=3).contains(&flow.packets) {
        return false;
    }
    let never_taken_up = flow.flags.is_some_and(|flags| {
        flags & 0x12 == 0x02 || flags & 0x07 == 0x06 && flow.reverse_packets <= 2 && is_bare(flow)
    });
    flow.failed() || never_taken_up
}

/// Whether a flow is what cameras and players send: one way over UDP, at a rate that a stream may have.
fn is_stream(flow: &Flow<'_>) -> bool {
    let tenths = flow.duration_ns / 100_000_000;
    flow.protocol == Flow::UDP
        && flow.packets >= STREAM_PACKETS
        && tenths >= 20
        && flow.packets <= tenths.unsigned_abs().saturating_mul(STREAM_RATE / 10)
}

/// Packets of a flow that nothing comes back for: of a long one, what falls in a window.
fn unanswered(flow: &Flow<'_>) -> u64 {
    let answered = match flow.protocol {
        // Whoever is there answers echo requests; so many are a flood all the same.
        Flow::ICMP | Flow::ICMP6 => false,
        // Segments outside of connections are answered by resets.
        Flow::TCP if is_bare(flow) && flow.flags.is_some_and(|flags| flags & 0x02 == 0) => false,
        _ => flow.reverse_packets as f64 > NEXT_TO_NOTHING * flow.packets as f64,
    };
    if answered || is_stream(flow) {
        return 0;
    }
    let windows = (flow.duration_ns / (WINDOW_S * 1_000_000_000)).max(1).unsigned_abs();
    // Some logs count no packets where there was nothing but headers.
    flow.packets.max(u64::from(flow.protocol == Flow::TCP && flow.reverse_packets == 0)) / windows
}

impl Load {
    /// Counts a flow; says whether it may belong to a flood.
    fn add(&mut self, flow: &Flow<'_>, reflected: Option<u64>, sender: IpAddr) -> bool {
        let before = (self.half_open, self.connections, self.packets, self.reflected);
        let mut weight = 1;
        if is_half_open(flow) {
            self.half_open += 1;
        }
        if let Some(packets) = reflected {
            self.reflected = self.reflected.saturating_add(packets);
            weight = packets;
        } else {
            let packets = unanswered(flow);
            let of_protocol = &mut self.packets[protocol_index(flow.protocol)];
            *of_protocol = of_protocol.saturating_add(packets);
            weight = weight.max(packets);
            self.connections += u64::from(is_short_connection(flow));
        }
        if before == (self.half_open, self.connections, self.packets, self.reflected) {
            return false;
        }
        self.senders.see(sender);
        self.ports.see(flow.destination_port);
        if self.sender == Some(sender) {
            self.votes = self.votes.saturating_add(weight);
        } else if self.votes < weight {
            (self.sender, self.votes) = (Some(sender), weight - self.votes);
        } else {
            self.votes -= weight;
        }
        true
    }

    fn counts(&self) -> [u64; 4] {
        [self.half_open, self.connections, self.packets.iter().copied().max().unwrap_or(0), self.reflected]
    }

    /// What the window shows, if it shows a flood, and how far beyond the least.
    fn judge(&self, before: &Before) -> Option<(&'static str, f64)> {
        let least = |at: usize, least: u64| {
            if before.windows < WINDOWS_KNOWN {
                return least;
            }
            least.max(before.most[at].saturating_mul(TIMES_BEFORE))
        };
        let found = |seen: u64, least: u64| (seen >= least).then(|| seen as f64 / least as f64);
        let few = self.senders.count() < FEW;
        let of_reflection = if few { LEAST_REFLECTED_BY_FEW } else { LEAST_REFLECTED };
        if let Some(strength) = found(self.reflected, least(3, of_reflection)) {
            return Some(("reflection flood", strength));
        }
        // Many ports in vain are a scan.
        let few_ports = |seen: u64| self.ports.count() <= 0.2 * seen as f64;
        if few_ports(self.half_open)
            && let Some(strength) = found(self.half_open, least(0, LEAST_HALF_OPEN))
        {
            return Some(("SYN flood", strength));
        }
        let (at, &most) = self.packets.iter().enumerate().max_by_key(|(_, packets)| **packets)?;
        if few_ports(most)
            && let Some(strength) = found(most, least(2, LEAST_PACKETS))
        {
            return Some((PROTOCOL_FLOODS[at], strength));
        }
        let strength = found(self.connections, least(1, LEAST_CONNECTIONS))?;
        (self.ports.count() <= 2.0 && self.senders.count() <= CROWD).then_some(("connection flood", strength))
    }
}

/// Whether a flow is a complete connection that was over soon and is no log-in.
fn is_short_connection(flow: &Flow<'_>) -> bool {
    flow.protocol == Flow::TCP
        && !flow.failed()
        && flow.packets >= 3
        && flow.packets <= 30
        && flow.duration_ns <= WINDOW_S * 1_000_000_000
        && !crate::brute_force::asks_for_password(flow)
}

impl Behaviour for Flood {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        let reflected = reflected(flow);
        let (target, sender) = match reflected {
            Some((victim, _)) if victim == flow.source => (victim, flow.destination),
            _ => (flow.destination, flow.source),
        };
        let (load, before) =
            self.targets.entry(target, flow.start_ns, || (Load::default(), Before::default()));
        if flow.start_ns.saturating_sub(load.start_ns) >= WINDOW_S * 1_000_000_000 {
            // What was told as a flood is not what is ordinary from then on.
            if load.start_ns > 0 && load.judge(before).is_none() {
                before.windows = before.windows.saturating_add(1);
                before.most.iter_mut().zip(load.counts()).for_each(|(most, count)| *most = count.max(*most));
            }
            *load = Load { start_ns: flow.start_ns, ..Load::default() };
        }
        if !load.add(flow, reflected.map(|(_, packets)| packets), sender) {
            return;
        }
        let found = load.judge(before);
        if let Some(sighting) = self.open.extend(&target, flow, target) {
            if let Some((_, strength)) = found
                && strength > sighting.strength
            {
                sighting.strength = strength;
                sighting.evidence = evidence(load);
            }
            // More senders may turn up later.
            if found.is_some() && load.senders.count() > CROWD {
                sighting.actor = None;
            }
            return;
        }
        let Some((kind, strength)) = found else { return };
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind,
            actor: load.sender.filter(|_| load.senders.count() <= CROWD),
            targets: Vec::new(),
            n_targets: 1,
            port: (load.ports.count() <= 1.0).then_some(flow.destination_port),
            first_ns: load.start_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: 0,
            octets: 0,
            evidence: evidence(load),
            // Complete connections may be wanted.
            severity: if kind == "connection flood" { Severity::Medium } else { Severity::High },
            strength,
            techniques: match kind {
                "reflection flood" => &["T1498.002"],
                "SYN flood" => &["T1499.001", "T1498.001"],
                "connection flood" => &["T1499"],
                _ => &["T1498.001"],
            },
        };
        sighting.extend(flow, target);
        self.open.open(target, flow.start_ns, sighting);
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    fn dropped(&self) -> u64 {
        self.targets.dropped() + self.open.dropped()
    }
}

fn evidence(load: &Load) -> Vec<Evidence> {
    let mut numbers = vec![
        Evidence {
            what: "packets from services nobody asked in 10 s",
            seen: load.reflected as f64,
            usual: LEAST_REFLECTED as f64,
        },
        Evidence {
            what: "half-open connections in 10 s",
            seen: load.half_open as f64,
            usual: LEAST_HALF_OPEN as f64,
        },
        Evidence {
            what: "packets without an answer in 10 s",
            seen: load.packets.iter().sum::<u64>() as f64,
            usual: LEAST_PACKETS as f64,
        },
        Evidence {
            what: "short connections in 10 s",
            seen: load.connections as f64,
            usual: LEAST_CONNECTIONS as f64,
        },
    ];
    numbers.retain(|number| number.seen >= number.usual);
    numbers.push(Evidence { what: "senders", seen: load.senders.count(), usual: CROWD });
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConnectionState;
    use crate::watch::tests::{address, flow};

    fn run(flows: impl IntoIterator<Item = Flow<'static>>) -> Vec<Sighting> {
        let (mut flood, mut out) = (Flood::default(), Vec::new());
        flows.into_iter().for_each(|flow| flood.see(&flow, &mut out));
        flood.end(&mut out);
        out
    }

    fn syn(at: u32, source: u8) -> Flow<'static> {
        Flow {
            state: ConnectionState::Unanswered,
            packets: 1,
            octets: 60,
            reverse_packets: 0,
            reverse_octets: 0,
            source_port: (at % 60_000) as u16,
            ..flow(f64::from(at) * 0.01, source, 9, 80)
        }
    }

    #[test]
    fn half_open_connections_from_a_crowd_are_a_flood_without_a_named_actor() {
        let found = run((0..2_000).map(|at| syn(at, (at * 37 % 251) as u8)));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].kind, found[0].actor), ("SYN flood", None));
        assert_eq!((found[0].targets.as_slice(), found[0].port), (&[address(9)][..], Some(80)));
        let from_one = run((0..2_000).map(|at| syn(at, 7)));
        assert_eq!(from_one[0].actor, Some(address(7)));
    }

    #[test]
    fn half_open_connections_that_the_target_still_answers_are_a_flood_as_well() {
        let answered = |at: u32| Flow {
            flags: Some(0x02),
            state: ConnectionState::Established,
            reverse_packets: 1,
            reverse_octets: 44,
            ..syn(at, (at * 37 % 251) as u8)
        };
        let found = run((0..400).map(answered));
        assert_eq!(found.iter().map(|s| s.kind).collect::<Vec<_>>(), ["SYN flood"]);
    }

    #[test]
    fn bare_answers_to_connections_that_nobody_asked_for_are_a_reflection() {
        let answer = |at: u32, octets: u64| Flow {
            packets: 0,
            octets: 0,
            reverse_packets: 1,
            reverse_octets: octets,
            flags: Some(0),
            state: ConnectionState::Unknown,
            ..flow(f64::from(at) * 0.01, 9, (at % 200) as u8 + 10, 80)
        };
        let found = run((0..400).map(|at| answer(at, 44)));
        assert_eq!(found.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>(), [("reflection flood", None)]);
        assert_eq!(found[0].targets, [address(9)]);
        // Connections of which one direction was recorded carry data.
        assert!(run((0..400).map(|at| answer(at, 900))).is_empty());
    }

    #[test]
    fn large_answers_that_nobody_asked_for_are_a_reflection() {
        let answer = |at: u32| Flow {
            protocol: Flow::UDP,
            source_port: 123,
            packets: 10,
            octets: 4_680,
            reverse_packets: 0,
            reverse_octets: 0,
            state: ConnectionState::Unknown,
            ..flow(f64::from(at) * 0.1, (at % 200) as u8 + 10, 9, 5_000)
        };
        let found = run((0..50).map(answer));
        assert_eq!(found.iter().map(|s| s.kind).collect::<Vec<_>>(), ["reflection flood"]);
    }

    #[test]
    fn visitors_and_downloads_are_no_flood() {
        assert!(run((0..5_000).map(|at| flow(f64::from(at) * 0.01, (at % 250) as u8, 9, 443))).is_empty());
        let download = Flow { packets: 40_000, reverse_packets: 80_000, ..flow(0.0, 1, 9, 443) };
        assert!(run([download]).is_empty());
        let one_way = |seconds: i64, packets: u64| Flow {
            protocol: Flow::UDP,
            packets,
            duration_ns: seconds * 1_000_000_000,
            reverse_packets: 0,
            reverse_octets: 0,
            ..flow(0.0, 1, 9, 5_004)
        };
        assert!(run([one_way(1_800, 600_000)]).is_empty());
        // Clips of several cameras at once.
        assert!(run((0..40).map(|_| one_way(14, 2_660))).is_empty());
        assert_eq!(run([one_way(4, 12_000)]).len(), 1);
        assert_eq!(run([one_way(600, 6_000_000)]).len(), 1);
        let question = |at: u32| Flow {
            protocol: Flow::UDP,
            packets: 1,
            octets: 70,
            reverse_packets: 1,
            reverse_octets: 300,
            ..flow(f64::from(at) * 0.5, 3, 8, 53)
        };
        assert!(run((0..500).map(question)).is_empty());
    }

    #[test]
    fn echo_requests_segments_outside_of_connections_and_empty_connections_are_floods_as_well() {
        let kinds =
            |flows: Vec<Flow<'static>>| run(flows).iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>();
        let ping = |at: u32| Flow {
            protocol: Flow::ICMP,
            packets: 1,
            reverse_packets: 1,
            octets: 84,
            reverse_octets: 84,
            ..flow(f64::from(at) * 0.002, 7, 9, 0)
        };
        assert_eq!(kinds((0..3_000).map(ping).collect()), [("ICMP flood", Some(address(7)))]);
        let acknowledgement = |at: u32| Flow {
            flags: Some(0x10),
            packets: 1,
            octets: 40,
            reverse_packets: 1,
            reverse_octets: 40,
            ..flow(f64::from(at) * 0.002, (at * 37 % 251) as u8, 9, 80)
        };
        assert_eq!(kinds((0..3_000).map(acknowledgement).collect()), [("TCP flood", None)]);
        let thrown_away = |at: u32| Flow {
            flags: Some(0x16),
            packets: 2,
            octets: 80,
            reverse_packets: 1,
            reverse_octets: 44,
            ..syn(at, (at * 37 % 251) as u8)
        };
        assert_eq!(kinds((0..400).map(thrown_away).collect()), [("SYN flood", None)]);
        let page = |at: u32| flow(f64::from(at) * 0.005, 7, 9, 80);
        assert_eq!(kinds((0..3_000).map(page).collect()), [("connection flood", Some(address(7)))]);
    }

    #[test]
    fn what_a_target_always_got_is_no_flood() {
        // A collector that gets much and answers nothing, from the beginning below the least and later above.
        let rate = |window: u32| if window < 60 { 900 } else { 1_800 };
        let flows = (0..120u32).map(|window| Flow {
            protocol: Flow::UDP,
            packets: rate(window),
            octets: 100 * rate(window),
            duration_ns: 500_000_000,
            reverse_packets: 0,
            reverse_octets: 0,
            ..flow(f64::from(window) * 10.0, 1, 9, 514)
        });
        assert!(run(flows).is_empty());
    }
}
