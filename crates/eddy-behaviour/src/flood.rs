//! Floods: far more than a host can answer.

use std::net::IpAddr;

use crate::flow::is_private;
use crate::moments::Moments;
use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::sketch::Distinct;
use crate::table::{Table, bounded};
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "flood",
    title: "Flood",
    summary: "A host gets far more than it can answer, and far more than it ever got: half-open or empty connections, \
              packets of one protocol that nothing comes back for, echo requests, connections of one host that are held open with \
              next to nothing said, or large answers from many services \
              that nobody asked.",
    blind_to: "Floods of complete connections of changing size from a crowd, which look like many visitors; floods of \
               questions within a few connections; connections held open that were begun over minutes; floods below the least rate, or \
               below four times what the target got before; flows of UDP that each have the rate of a stream; what is \
               lost before it is recorded.",
    techniques: &["T1498.001", "T1498.002", "T1499.001", "T1499.002"],
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
/// Connections of few senders in a window that are held open with next to nothing said, that make a flood.
const LEAST_HELD: u64 = 100;
/// Bytes each way of such a connection at most.
const HELD_OCTETS: u64 = 4_000;
/// Coefficient of variation of the bytes of connections up to which a crowd is a swarm that was sent.
const LIKE_SIZE: f64 = 0.15;
/// Connections of each of them in a window, on average.
const SWARM: f64 = 5.0;
/// Mean bytes of packets from which they are no tries of ports.
const NO_TRY: u64 = 200;
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
    held: u64,
    /// Packets without an answer, of TCP, UDP, ICMP and others, and their bytes.
    packets: [u64; 4],
    octets: [u64; 4],
    reflected: u64,
    /// Bytes of complete connections.
    sizes: Moments,
    /// Who sends most of it, by the vote of Boyer and Moore (1981).
    sender: Option<IpAddr>,
    votes: u64,
}

/// What reached a target in the windows before, at most: half-open, connections, packets, reflected, held.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    windows: u32,
    most: [u64; 5],
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
    (flow.failed() || never_taken_up) && flow.flags.is_none_or(|flags| flags & 0x02 != 0)
}

/// Whether a connection was taken up and is held open with next to nothing said.
fn is_held(flow: &Flow<'_>) -> bool {
    let is_open = |flags: Option<u8>| flags.is_none_or(|flags| flags & 0x05 == 0);
    let begins = flow.flags.is_some_and(|flags| flags & 0x12 == 0x12);
    flow.protocol == Flow::TCP
        && begins
        && is_open(flow.flags)
        && is_open(flow.reverse_flags)
        && !flow.failed()
        && flow.octets.max(flow.reverse_octets) <= HELD_OCTETS
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
        // What came back was not recorded.
        Flow::TCP if flow.was_taken_up_unseen() => true,
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
        let before = self.counts();
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
            let octets = (flow.octets / flow.packets.max(1)).saturating_mul(packets);
            let of_protocol = &mut self.octets[protocol_index(flow.protocol)];
            *of_protocol = of_protocol.saturating_add(octets);
            weight = weight.max(packets);
            if is_short_connection(flow) {
                self.connections += 1;
                self.sizes.add(flow.octets.saturating_add(flow.reverse_octets) as f64);
            }
            self.held += u64::from(is_held(flow));
        }
        if before == self.counts() {
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

    fn counts(&self) -> [u64; 5] {
        let packets = self.packets.iter().copied().max().unwrap_or(0);
        [self.half_open, self.connections, packets, self.reflected, self.held]
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
        let are_tries = self.octets[at] < NO_TRY.saturating_mul(most);
        if (few_ports(most) || !are_tries)
            && let Some(strength) = found(most, least(2, LEAST_PACKETS))
        {
            return Some((PROTOCOL_FLOODS[at], strength));
        }
        let is_crowd = self.senders.count() > CROWD;
        if few_ports(self.held)
            && !is_crowd
            && let Some(strength) = found(self.held, least(4, LEAST_HELD))
        {
            return Some(("connections held open", strength));
        }
        let strength = found(self.connections, least(1, LEAST_CONNECTIONS))?;
        // A swarm that was sent asks for the same again and again, and comes from outside.
        let is_sent = !is_crowd
            || self.sizes.variation() <= LIKE_SIZE
                && self.connections as f64 >= SWARM * self.senders.count()
                && self.sender.is_some_and(|sender| !is_private(sender));
        (self.ports.count() <= 2.0 && is_sent).then_some(("connection flood", strength))
    }
}

/// Whether a flow is a complete connection that was over soon and is no log-in.
fn is_short_connection(flow: &Flow<'_>) -> bool {
    flow.protocol == Flow::TCP
        && !flow.failed()
        && (3..=30).contains(&flow.packets.max(flow.reverse_packets))
        // Of one whose opener was not recorded there is more than the answer to the first packet.
        && (flow.packets >= 3 || flow.packets == 0 && flow.reverse_packets >= 3)
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
                "connection flood" | "connections held open" => &["T1499.002", "T1499"],
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

    bounded!(targets, open);
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
            what: "connections held open, begun in 10 s",
            seen: load.held as f64,
            usual: LEAST_HELD as f64,
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
mod tests;
