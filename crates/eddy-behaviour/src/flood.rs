//! Floods: far more than a host can answer.

mod load;

pub use self::load::SENDERS;

use std::net::IpAddr;

use self::load::{Before, CROWD, Load, Part, WINDOW_S, views};
use crate::flow::network;
use crate::open::Open;
use crate::packet_sign::Told;
use crate::sighting::Severity;
use crate::sketch::Distinct;
use crate::table::{Table, bounded};
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};
use eddy_flow::{PacketSign, SignKind};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "flood",
    title: "Flood",
    summary: "A host gets far more than it can answer, and far more than it ever got: half-open or empty connections, \
              packets of one protocol that nothing comes back for, echo requests, connections of one host that are held open with \
              next to nothing said or are full of questions, questions for names that are not there, or large answers from \
              many services that nobody asked. Where each host of a network gets a part, the network is watched.",
    blind_to: "Floods of complete connections of changing size from a crowd, which look like many visitors; questions \
               in full packets within fewer than four connections, which look like a tunnel, or of which the answers were not \
               recorded, like an upload; connections held open that were begun over minutes; floods below the least rate, or \
               below four times what the target got before; flows of UDP that each have the rate of a stream and packets as streams have them; what is \
               lost before it is recorded.",
    techniques: &["T1498.001", "T1498.002", "T1499.001", "T1499.002"],
};

/// Targets watched at most.
const CAPACITY: usize = 65_536;
/// Networks watched at most.
const NETWORKS: usize = 8_192;
/// Hosts of a network that get a part of a flood of it, at least.
const LEAST_HOSTS: f64 = 16.0;

/// Pieces of packets of one target that never become whole, heads and tails each.
const LEAST_ORPHANS: u64 = 100;
/// Adapters of one packet each within ten seconds.
const LEAST_ADAPTERS: u64 = 60;
/// Questions to all of a network within ten minutes.
const LEAST_TO_ALL: u64 = 10;

/// What reaches a target, and what reached it before.
#[derive(Debug, Clone, Copy, Default)]
struct Target {
    load: Load,
    before: Before,
}

impl Target {
    /// Begins a window anew when the time has come.
    fn roll(&mut self, now_ns: i64) -> bool {
        let is_over = now_ns.saturating_sub(self.load.start_ns) >= WINDOW_S * 1_000_000_000;
        if is_over {
            self.before.learn(&self.load);
            self.load = Load::new(now_ns);
        }
        is_over
    }
}

/// A host, or a network.
type Key = (IpAddr, bool);

/// The behaviour.
pub(crate) struct Flood {
    targets: Table<IpAddr, Target>,
    /// Networks whose hosts get little each, and how many of them.
    networks: Table<IpAddr, (Target, Distinct)>,
    open: Open<Key>,
}

impl Default for Flood {
    fn default() -> Self {
        Self { targets: Table::new(CAPACITY), networks: Table::new(NETWORKS), open: Open::new(300) }
    }
}

impl Behaviour for Flood {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        for (target, sender, part) in views(flow).into_iter().flatten() {
            self.see_target(flow, target, sender, part);
        }
    }

    fn see_sign(&mut self, sign: &PacketSign, out: &mut Vec<Sighting>) {
        out.extend(of_packets(sign));
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    fn dropped(&self) -> u64 {
        self.targets.dropped() + self.networks.dropped() + self.open.dropped()
    }

    bounded!(targets, networks, open);
}

impl Flood {
    /// Counts a flow for one of its ends.
    fn see_target(&mut self, flow: &Flow<'_>, target: IpAddr, sender: IpAddr, part: Part) {
        let Target { load, before } = {
            let known = self.targets.entry(target, flow.start_ns, Target::default);
            known.roll(flow.start_ns);
            if !known.load.add(flow, part, sender) {
                return;
            }
            known
        };
        let found = load.judge(before);
        let load = *load;
        let key = (target, false);
        if self.open.has(&key) || found.is_some() {
            self.tell(key, flow, target, &load, found);
        } else {
            self.see_network(flow, target, sender, part);
        }
    }

    /// Counts a flow for the network of its target.
    fn see_network(&mut self, flow: &Flow<'_>, target: IpAddr, sender: IpAddr, part: Part) {
        // What is over soon is too much for none of its hosts.
        if !matches!(part, Part::Whole | Part::HalfOpen) || !flow.is_unicast() {
            return;
        }
        let network = network(target);
        let (known, hosts) = self.networks.entry(network, flow.start_ns, Default::default);
        if known.roll(flow.start_ns) {
            *hosts = Distinct::default();
        }
        hosts.see(target);
        if !known.load.add(flow, part, sender) {
            return;
        }
        let is_of_many = hosts.count() >= LEAST_HOSTS && known.load.senders.count() > CROWD;
        let found = known.load.judge_network(&known.before).filter(|_| is_of_many);
        let (load, n_hosts) = (known.load, hosts.count() as u64);
        let key = (network, true);
        if self.open.has(&key) || found.is_some() {
            self.tell(key, flow, target, &load, found);
            if let Some(sighting) = self.open.get_mut(&key) {
                sighting.n_targets = sighting.n_targets.max(n_hosts);
            }
        }
    }

    /// Tells of a flood, or adds to the one that was told of.
    fn tell(
        &mut self,
        key: Key,
        flow: &Flow<'_>,
        target: IpAddr,
        load: &Load,
        found: Option<(&'static str, f64)>,
    ) {
        if let Some(sighting) = self.open.extend(&key, flow, target) {
            if let Some((_, strength)) = found
                && strength > sighting.strength
            {
                sighting.strength = strength;
                sighting.evidence = load.evidence();
            }
            // More senders may turn up later.
            if found.is_some() && load.senders.count() > CROWD {
                sighting.actor = None;
            }
            return;
        }
        let Some((kind, strength)) = found else { return };
        let is_known = |sender: &IpAddr| load.senders.count() <= CROWD && !sender.is_unspecified();
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind,
            actor: load.sender.filter(is_known),
            targets: Vec::new(),
            n_targets: 1,
            port: (load.ports.count() <= 1.0).then_some(load.port),
            first_ns: load.start_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: 0,
            octets: 0,
            evidence: load.evidence(),
            // Complete connections may be wanted, and so may questions.
            severity: match kind {
                "connection flood" | "flood of questions" => Severity::Medium,
                _ => Severity::High,
            },
            strength,
            techniques: match kind {
                "reflection flood" => &["T1498.002"],
                "SYN flood" => &["T1499.001", "T1498.001"],
                "connection flood" | "connections held open" => &["T1499.002", "T1499"],
                _ if kind.starts_with("flood of questions") => &["T1499.002", "T1499"],
                _ => &["T1498.001"],
            },
        };
        sighting.extend(flow, target);
        self.open.open(key, flow.start_ns, sighting);
    }
}

/// What single packets show of a flood that flows do not: pieces of packets that never become whole, adapters that are made
/// up, and questions to all of a network, whose answers go to whom they seem to come from.
fn of_packets(sign: &PacketSign) -> Option<Sighting> {
    let (kind, what, seen, least, sure) = match sign.kind {
        SignKind::Orphans => {
            let what = "heads of packets without tails, and tails without heads";
            ("fragment flood", what, sign.different, LEAST_ORPHANS, 4 * LEAST_ORPHANS)
        }
        SignKind::Adapters => {
            let what = "adapters that sent one packet only, in 10 s";
            ("flood of adapters", what, sign.different, LEAST_ADAPTERS, 8 * LEAST_ADAPTERS)
        }
        SignKind::ToAll => {
            let what = "questions to all of a network in the name of one";
            ("requests to all in the name of another", what, sign.packets, LEAST_TO_ALL, 20 * LEAST_TO_ALL)
        }
        _ => return None,
    };
    let severity = match sign.kind {
        _ if seen >= sure => Severity::High,
        // Somebody may ask who is there.
        SignKind::ToAll if seen < sure / 4 => Severity::Low,
        _ => Severity::Medium,
    };
    let techniques: &[_] = if sign.kind == SignKind::ToAll { &["T1498.002"] } else { &["T1498.001"] };
    Told { behaviour: ABOUT.name, kind, what, seen, least, severity, techniques }.sighting(sign)
}

#[cfg(test)]
mod tests;
