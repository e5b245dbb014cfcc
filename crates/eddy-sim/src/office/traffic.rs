//! All flows of an office in order of their start, and the truth.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::net::IpAddr;

use serde::Serialize;

use super::attacks::Attack;
use super::behaviour::Behaviour;
use super::flow::{Flow, Transport};
use super::habits::{Kind, first_ns, habits};
use super::population::{Host, Population, outsider};
use super::scene::{Memory, Scene, later};
use super::spec::{OfficeSpec, place};
use crate::SimError;
use crate::draw::{Draw, Purpose};

/// What was planted, and what of it was seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BehaviourEvent {
    /// What was planted.
    pub kind: Behaviour,
    /// The technique of MITRE ATT&CK it is an instance of.
    pub technique: &'static str,
    /// Who does it; empty where sources are forged, or where a host fails.
    pub actors: Vec<IpAddr>,
    /// Whom it is about, at most 2,000.
    pub targets: Vec<IpAddr>,
    /// Its first moment, in nanoseconds since the epoch.
    pub start_ns: i64,
    /// The moment after its last; conversations that are open then go on to their end.
    pub end_ns: i64,
    /// How strong it is.
    pub strength: f64,
    /// Flows that show it (ARP exchanges not counted, as they are in no flow table).
    pub flows: u64,
    /// ARP exchanges that show it.
    pub arp_exchanges: u64,
    /// Flows that did not happen because of it.
    pub missing_flows: u64,
    /// Packets of its flows and ARP exchanges.
    pub packets: u64,
    /// Bytes of its flows from the IP header on.
    pub ip_bytes: u64,
    /// The moment of the first packet that shows it, in nanoseconds since the epoch.
    pub first_packet_ns: Option<i64>,
    /// How it shows, in words.
    pub note: &'static str,
}

/// A flow in its place: order of time, then of who made it.
#[derive(Debug)]
struct Waiting {
    key: (i64, u32, u64),
    flow: Flow,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    /// The earliest is the greatest, as the heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key)
    }
}

/// What makes flows: a habit of a host or an attack.
#[derive(Debug)]
struct Maker {
    what: What,
    draw: Draw,
    made: u64,
}

#[derive(Debug)]
enum What {
    Habit(Kind, usize),
    /// With the position of its event.
    Attack(Box<Attack>, usize),
}

/// The flows of an office, in order of their start. Memory does not grow with the duration.
#[derive(Debug)]
pub struct OfficeTraffic {
    memory: Memory,
    makers: Vec<Maker>,
    /// When each maker acts next: the earliest first.
    agenda: BinaryHeap<Reverse<(i64, u32)>>,
    waiting: BinaryHeap<Waiting>,
    events: Vec<BehaviourEvent>,
    fresh: Vec<Flow>,
    /// Times at which addresses are silent.
    silences: Vec<(IpAddr, i64, i64, u8)>,
    /// Times at which what an address exchanges with the router goes through another adapter.
    detours: Vec<(IpAddr, i64, i64, u64)>,
}

impl OfficeTraffic {
    /// Checks the specification and places what is planted; flows are made as they are asked for.
    pub fn new(spec: &OfficeSpec) -> Result<Self, SimError> {
        let plan = place(spec)?;
        let people = Population::new(spec.hosts, spec.seed, spec.habits);
        let mut memory = Memory::new(people, spec.seed, spec.start_ns, spec.end_ns(), spec.rate);
        let mut makers = Vec::new();
        let mut agenda = BinaryHeap::new();
        let all_habits = if spec.rate > 0.0 { habits(&memory.people, spec.habits) } else { Vec::new() };
        let mut fresh = Vec::new();
        for (idx, (kind, host)) in all_habits.into_iter().enumerate() {
            let mut draw = Draw::new(spec.seed, Purpose::Background(1 << 20 | idx));
            let mut scene = Scene { memory: &mut memory, draw: &mut draw, out: &mut fresh, truth: 0 };
            agenda.push(Reverse((first_ns(kind, spec.start_ns, &mut scene), idx as u32)));
            makers.push(Maker { what: What::Habit(kind, host), draw, made: 0 });
        }
        let mut events = Vec::new();
        let (mut silences, mut detours) = (Vec::new(), Vec::new());
        for (idx, placed) in plan.iter().enumerate() {
            let mut draw = Draw::new(spec.seed, Purpose::Planted(idx));
            let attack = Attack::new(placed, idx, spec.seed, &memory.people, &mut draw);
            if placed.behaviour == Behaviour::Silence {
                silences.extend(
                    attack
                        .targets
                        .iter()
                        .map(|&address| (address, placed.start_ns, placed.end_ns, idx as u8 + 1)),
                );
            }
            if placed.behaviour == Behaviour::ArpSpoofing {
                let mac = attack.actor.and_then(|actor| memory.people.host_at(actor));
                let mac = mac.map_or(0, |idx| memory.people.hosts[idx].mac);
                detours.push((attack.targets[0], placed.start_ns, placed.end_ns, mac));
            }
            events.push(BehaviourEvent {
                kind: placed.behaviour,
                technique: placed.behaviour.technique(),
                actors: attack.actor.into_iter().collect(),
                targets: attack.targets.clone(),
                start_ns: placed.start_ns,
                end_ns: placed.end_ns,
                strength: placed.strength,
                flows: 0,
                arp_exchanges: 0,
                missing_flows: 0,
                packets: 0,
                ip_bytes: 0,
                first_packet_ns: None,
                note: placed.behaviour.note(),
            });
            agenda.push(Reverse((placed.start_ns, makers.len() as u32)));
            makers.push(Maker { what: What::Attack(Box::new(attack), idx), draw, made: 0 });
        }
        Ok(Self { memory, makers, agenda, waiting: BinaryHeap::new(), events, fresh, silences, detours })
    }

    /// What is planted, in order of time. Flows are counted, and targets and actors named, as far as flows have been
    /// taken.
    pub fn events(&self) -> &[BehaviourEvent] {
        &self.events
    }

    /// The hosts of the office.
    pub fn hosts(&self) -> &[Host] {
        &self.memory.people.hosts
    }

    /// Lets the maker that is due act.
    fn act(&mut self, at_ns: i64, maker_idx: u32) {
        let maker = &mut self.makers[maker_idx as usize];
        let (memory, draw, out) = (&mut self.memory, &mut maker.draw, &mut self.fresh);
        let (next_ns, end_ns) = match &mut maker.what {
            What::Habit(kind, host) => {
                let end_ns = memory.end_ns;
                (kind.fire(at_ns, *host, &mut Scene { memory, draw, out, truth: 0 }), end_ns)
            }
            What::Attack(attack, event_idx) => {
                let mut scene = Scene { memory, draw, out, truth: *event_idx as u8 + 1 };
                let wait_s = attack.act(at_ns, &mut scene);
                let event = &mut self.events[*event_idx];
                if event.targets.len() != attack.targets.len() {
                    event.targets.clone_from(&attack.targets);
                }
                let actors = attack.actors(&self.memory.people);
                if event.actors.len() != actors.len() {
                    event.actors = actors;
                }
                // A microsecond at least, so that time goes on whatever the strength.
                (later(at_ns, wait_s.max(1e-6)), event.end_ns)
            }
        };
        for mut flow in self.fresh.drain(..) {
            flow.id = id(maker_idx, maker.made);
            if flow.links[0][0] == 0 {
                let people = &self.memory.people;
                flow.links =
                    [people.link(flow.source, flow.destination), people.link(flow.destination, flow.source)];
            }
            self.waiting.push(Waiting { key: (flow.start_ns, maker_idx, maker.made), flow });
            maker.made += 1;
        }
        if next_ns < end_ns {
            self.agenda.push(Reverse((next_ns, maker_idx)));
        }
    }

    /// Takes a flow away, or its answers, where one of its ends is silent. Answers whether anything is left.
    fn is_heard(&mut self, flow: &mut Flow) -> bool {
        for &(address, start_ns, end_ns, truth) in &self.silences {
            if !(start_ns..end_ns).contains(&flow.start_ns) {
                continue;
            }
            if flow.truth > 0 {
                // It does not answer attackers either.
                if flow.destination == address {
                    flow.leave_unanswered();
                }
                continue;
            }
            if flow.source == address {
                self.events[usize::from(truth) - 1].missing_flows += 1;
                return false;
            }
            if flow.destination == address {
                flow.leave_unanswered();
                flow.truth = truth;
            }
        }
        true
    }

    /// Sends what a deceived host exchanges with the router through the adapter of the attacker.
    fn detour(&self, flow: &mut Flow) {
        for &(victim, start_ns, end_ns, mac) in &self.detours {
            let is_routed = flow.transport != Transport::Arp
                && (start_ns..end_ns).contains(&flow.start_ns)
                && flow.links.contains(&self.memory.people.link(victim, outsider(0)));
            if is_routed {
                let side = usize::from(flow.destination == victim);
                flow.links[side][1] = mac;
                flow.links[1 - side][0] = mac;
            }
        }
    }

    fn count(&mut self, flow: &Flow) {
        let Some(event) = usize::from(flow.truth).checked_sub(1).map(|idx| &mut self.events[idx]) else {
            return;
        };
        let totals = flow.totals();
        event.packets += totals.packets.iter().sum::<u64>();
        if flow.transport == Transport::Arp {
            event.arp_exchanges += 1;
        } else {
            event.flows += 1;
            event.ip_bytes += totals.ip_bytes.iter().sum::<u64>();
        }
        event.first_packet_ns.get_or_insert(flow.start_ns);
    }
}

impl Iterator for OfficeTraffic {
    type Item = Flow;

    fn next(&mut self) -> Option<Flow> {
        loop {
            // Whatever a maker adds starts no earlier than the moment at which it acts.
            while let Some(&Reverse((at_ns, maker_idx))) = self.agenda.peek() {
                if self.waiting.peek().is_some_and(|waiting| waiting.key.0 < at_ns / 1_000 * 1_000) {
                    break;
                }
                self.agenda.pop();
                self.act(at_ns, maker_idx);
            }
            let mut flow = self.waiting.pop()?.flow;
            if flow.start_ns < self.memory.end_ns && self.is_heard(&mut flow) {
                self.detour(&mut flow);
                self.count(&flow);
                return Some(flow);
            }
        }
    }
}

/// A name for a flow that does not depend on what is planted: the finaliser of MurmurHash3 over maker and number.
fn id(maker_idx: u32, made: u64) -> u64 {
    let mut z = (u64::from(maker_idx) << 40 | made).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    z = (z ^ (z >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    z ^ (z >> 33)
}
