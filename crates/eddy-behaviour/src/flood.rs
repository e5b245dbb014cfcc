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
    summary: "A host gets far more than it can answer: half-open connections, packets of one protocol that nothing \
              comes back for, or large answers from many services that nobody asked.",
    blind_to: "Floods of complete connections that look like many visitors; floods below the least rate; one flow of UDP at \
               the rate of a stream for over a minute; what is lost before it is recorded.",
    techniques: &["T1498.001", "T1498.002", "T1499.001"],
};

/// Targets watched at most.
const CAPACITY: usize = 65_536;
/// Length of a window in seconds.
const WINDOW_S: i64 = 10;
/// Half-open connections in a window that make a flood.
const LEAST_HALF_OPEN: u64 = 150;
/// Packets in a window that make a flood, when next to nothing comes back.
const LEAST_PACKETS: u64 = 1_000;
/// Share of packets that come back below which next to nothing does.
const NEXT_TO_NOTHING: f64 = 0.05;
/// Packets in a window from services that answer with more than they are asked, when nobody asked.
const LEAST_REFLECTED: u64 = 100;
/// Mean bytes of such a packet.
const LARGE: u64 = 200;
/// Seconds that a stream lasts at least.
const STREAM_S: i64 = 60;
/// Packets a second of a stream at most: about 10 Mbit/s.
const STREAM_RATE: u64 = 1_000;
/// Mean bytes of segments that carry nothing, at most.
const BARE: u64 = 80;
/// Senders above which they are taken to be forged or a crowd, and not named.
const CROWD: f64 = 12.0;
/// Services over UDP that answer with more than they are asked (US-CERT alert TA14-017A lists most of them).
const REFLECTORS: [u16; 18] =
    [17, 19, 53, 69, 111, 123, 137, 161, 389, 427, 520, 1_900, 3_283, 3_702, 5_353, 5_683, 11_211, 27_015];

#[derive(Debug, Clone, Copy, Default)]
struct Load {
    start_ns: i64,
    senders: Distinct,
    ports: Distinct,
    half_open: u64,
    /// Packets and bytes without an answer, of TCP, UDP, ICMP and others.
    packets: [u64; 4],
    octets: u64,
    reflected: u64,
    reflected_octets: u64,
    last_sender: Option<IpAddr>,
}

/// The behaviour.
pub(crate) struct Flood {
    targets: Table<IpAddr, Load>,
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
fn reflected(flow: &Flow<'_>) -> Option<(IpAddr, u64, u64)> {
    // Bare SYN-ACKs to somebody who never asked: the requests were sent under the victim's address.
    if flow.protocol == Flow::TCP
        && flow.packets == 0
        && flow.reverse_packets > 0
        && flow.reverse_octets <= BARE.saturating_mul(flow.reverse_packets)
    {
        return Some((flow.source, flow.reverse_packets, flow.reverse_octets));
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
        return Some((flow.destination, flow.packets, flow.octets));
    }
    // Questions under the address of the victim, and the answers to it.
    let amplified = REFLECTORS.contains(&flow.destination_port)
        && flow.reverse_octets >= 8 * flow.octets.max(1)
        && flow.reverse_octets >= LARGE.saturating_mul(flow.reverse_packets.max(1));
    amplified.then_some((flow.source, flow.reverse_packets, flow.reverse_octets))
}

/// Whether a connection was asked for and not taken up: nobody answered, or the opener never acknowledged the answer.
fn is_half_open(flow: &Flow<'_>) -> bool {
    let never_acknowledged = flow.flags.is_some_and(|flags| flags & 0x12 == 0x02);
    flow.protocol == Flow::TCP && (1..=3).contains(&flow.packets) && (flow.failed() || never_acknowledged)
}

/// Whether a flow is what cameras and players send: one way over UDP, for long, at a rate that a stream may have.
fn is_stream(flow: &Flow<'_>) -> bool {
    let seconds = flow.duration_ns / 1_000_000_000;
    flow.protocol == Flow::UDP
        && seconds >= STREAM_S
        && flow.packets <= seconds.unsigned_abs().saturating_mul(STREAM_RATE)
}

impl Behaviour for Flood {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        let reflected = reflected(flow);
        let (target, sender) = match reflected {
            Some((victim, ..)) if victim == flow.source => (victim, flow.destination),
            _ => (flow.destination, flow.source),
        };
        let load = self.targets.entry(target, flow.start_ns, Load::default);
        if flow.start_ns.saturating_sub(load.start_ns) >= WINDOW_S * 1_000_000_000 {
            *load = Load { start_ns: flow.start_ns, ..Load::default() };
        }
        load.senders.see(0, sender);
        load.ports.see(0, flow.destination_port);
        load.last_sender = Some(sender);
        if is_half_open(flow) {
            load.half_open += 1;
        }
        let answered = flow.reverse_packets as f64 > NEXT_TO_NOTHING * flow.packets as f64;
        if let Some((_, packets, octets)) = reflected {
            load.reflected += packets;
            load.reflected_octets = load.reflected_octets.saturating_add(octets);
        } else if !answered && !is_stream(flow) {
            // A long flow's packets are spread over its duration: a window gets its share.
            let windows = (flow.duration_ns / (WINDOW_S * 1_000_000_000)).max(1).unsigned_abs();
            load.packets[protocol_index(flow.protocol)] += flow.packets / windows;
            load.octets = load.octets.saturating_add(flow.octets / windows);
        }
        let found = judge(load);
        let load = *load;
        if let Some(sighting) = self.open.extend(&target, flow, target) {
            if let Some((_, strength)) = found
                && strength > sighting.strength
            {
                sighting.strength = strength;
                sighting.evidence = evidence(&load);
            }
            // More senders may turn up later.
            if load.senders.count() > CROWD {
                sighting.actor = None;
            }
            return;
        }
        let Some((kind, strength)) = found else { return };
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind,
            actor: load.last_sender.filter(|_| load.senders.count() <= CROWD),
            targets: Vec::new(),
            n_targets: 1,
            port: (load.ports.count() <= 1.0).then_some(flow.destination_port),
            first_ns: load.start_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: 0,
            octets: 0,
            evidence: evidence(&load),
            severity: Severity::High,
            strength,
            techniques: match kind {
                "reflection flood" => &["T1498.002"],
                "SYN flood" => &["T1499.001", "T1498.001"],
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

/// What a window shows, if it shows a flood, and how far beyond the least.
fn judge(load: &Load) -> Option<(&'static str, f64)> {
    if load.reflected >= LEAST_REFLECTED {
        return Some(("reflection flood", load.reflected as f64 / LEAST_REFLECTED as f64));
    }
    // Many ports in vain are a scan.
    if load.half_open >= LEAST_HALF_OPEN && load.ports.count() <= 0.2 * load.half_open as f64 {
        return Some(("SYN flood", load.half_open as f64 / LEAST_HALF_OPEN as f64));
    }
    let (at, &most) = load.packets.iter().enumerate().max_by_key(|(_, packets)| **packets)?;
    (most >= LEAST_PACKETS && load.ports.count() <= 0.2 * most as f64)
        .then(|| (PROTOCOL_FLOODS[at], most as f64 / LEAST_PACKETS as f64))
}

fn evidence(load: &Load) -> Vec<Evidence> {
    let mut numbers = vec![
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
            what: "packets from services nobody asked in 10 s",
            seen: load.reflected as f64,
            usual: LEAST_REFLECTED as f64,
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
}
