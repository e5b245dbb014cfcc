//! Ports for later fragments, which do not carry any.

use std::collections::{HashMap, VecDeque};

use crate::limits::Limits;
use crate::packet::{FragmentPart, Packet};

/// What the fragments of one packet have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: u128,
    destination: u128,
    identification: u32,
    protocol: u8,
    vlan: u16,
}

#[derive(Clone, Copy)]
struct Ports {
    source: u16,
    destination: u16,
    seen_ns: i64,
}

/// Counts of a fragment table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentStats {
    /// First fragments that were kept.
    pub first: u64,
    /// Later fragments that were given their ports.
    pub found: u64,
    /// Later fragments whose first one was not seen, or is too long ago.
    pub not_found: u64,
    /// First fragments that made room for others.
    pub evicted: u64,
}

/// Remembers the ports of first fragments and gives them to later ones.
///
/// Nothing is put together again: flows need only addresses, ports and lengths. At most [`Limits::fragments`] packets are
/// remembered, about 100 bytes each; the oldest makes room. The keys are hashed with a key of this process, so that
/// nobody can aim at one bucket. Blind to: fragments that come before their first one.
#[derive(Debug)]
pub struct FragmentTable {
    ports: HashMap<Key, Ports>,
    order: VecDeque<Key>,
    most: usize,
    timeout_ns: i64,
    stats: FragmentStats,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}", self.identification)
    }
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.source, self.destination)
    }
}

impl FragmentTable {
    /// An empty table.
    pub fn new(limits: &Limits) -> Self {
        Self {
            ports: HashMap::new(),
            order: VecDeque::new(),
            most: usize::try_from(limits.fragments).unwrap_or(usize::MAX),
            timeout_ns: limits.fragment_timeout_ns,
            stats: FragmentStats::default(),
        }
    }

    /// Takes note of a first fragment, gives a later one its ports, and leaves whole packets alone. Whether the ports of
    /// the packet are known now.
    #[inline]
    pub fn complete(&mut self, packet: &mut Packet<'_>, time_ns: i64) -> bool {
        match packet.fragment {
            FragmentPart::Whole => true,
            FragmentPart::First => self.remember(packet, time_ns),
            FragmentPart::Later => self.look_up(packet, time_ns),
        }
    }

    /// Counts so far.
    pub fn stats(&self) -> FragmentStats {
        self.stats
    }

    #[cold]
    fn remember(&mut self, packet: &Packet<'_>, time_ns: i64) -> bool {
        if self.most == 0 || packet.reason.is_some() {
            return packet.reason.is_none();
        }
        let ports =
            Ports { source: packet.source_port, destination: packet.destination_port, seen_ns: time_ns };
        let key = key(packet);
        self.stats.first = self.stats.first.saturating_add(1);
        if self.ports.insert(key, ports).is_none() {
            self.order.push_back(key);
        }
        while self.ports.len() > self.most {
            let Some(oldest) = self.order.pop_front() else { break };
            if self.ports.remove(&oldest).is_some() {
                self.stats.evicted = self.stats.evicted.saturating_add(1);
            }
        }
        true
    }

    #[cold]
    fn look_up(&mut self, packet: &mut Packet<'_>, time_ns: i64) -> bool {
        match self.ports.get(&key(packet)) {
            Some(ports) if time_ns.saturating_sub(ports.seen_ns) <= self.timeout_ns => {
                packet.source_port = ports.source;
                packet.destination_port = ports.destination;
                self.stats.found = self.stats.found.saturating_add(1);
                true
            }
            _ => {
                self.stats.not_found = self.stats.not_found.saturating_add(1);
                false
            }
        }
    }
}

fn key(packet: &Packet<'_>) -> Key {
    Key {
        source: packet.source,
        destination: packet.destination,
        identification: packet.identification,
        protocol: packet.protocol,
        vlan: packet.vlan,
    }
}
