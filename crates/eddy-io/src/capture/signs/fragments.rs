//! Fragments that cannot be, or that never become whole.

use std::collections::{HashMap, VecDeque};

use eddy_wire::{FragmentPart, Packet, protocol};

use super::{LONGEST, MOST_TARGETS, shown};
use crate::{PacketSign, SignKind};

/// Packets in pieces that are remembered at most.
const MOST_PACKETS: usize = 4_096;
/// Pieces of one that are remembered at most.
const MOST_PIECES: usize = 64;
/// Nanoseconds after which a packet that did not become whole is given up. Numbers of packets are used again.
const PATIENCE_NS: i64 = 5_000_000_000;
/// Targets of packets that never become whole, at most.
const MOST_ORPHANED: usize = 1_024;

/// What is wrong with a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Overlap,
    TooLong,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: u128,
    destination: u128,
    identification: u32,
    protocol: u8,
}

/// A packet in pieces.
#[derive(Default)]
struct Pieces {
    first_ns: i64,
    /// Begin and end of each, in bytes.
    ranges: Vec<(u32, u32)>,
    /// The length of the packet, once its last piece was seen.
    length: Option<u32>,
    /// An overlap was told of.
    is_told: bool,
    octets: u64,
}

/// What never became whole, of one target: packets whose head came, and such of which only later pieces came; and those
/// that did.
#[derive(Default)]
struct Orphans {
    heads: u64,
    tails: u64,
    whole: u64,
    sender: Option<u128>,
    senders: u64,
    first_ns: i64,
    last_ns: i64,
    octets: u64,
    port: u16,
}

/// The fragments of a capture.
#[derive(Default)]
pub(super) struct Fragments {
    packets: HashMap<Key, Pieces>,
    order: VecDeque<Key>,
    orphans: HashMap<u128, Orphans>,
}

/// Bytes of the packet of IP that a fragment holds.
fn held(packet: &Packet<'_>) -> u32 {
    if packet.fragment == FragmentPart::Later {
        return packet.payload_len;
    }
    // Of one that is shorter than the head of its transport.
    if packet.reason.is_some() {
        return packet.ip_len.saturating_sub(20);
    }
    let head = match packet.protocol {
        protocol::TCP => u32::from(packet.tcp.header_len),
        _ => 8,
    };
    packet.payload_len.saturating_add(head)
}

impl Fragments {
    /// Takes a fragment in; what is wrong with it.
    pub(super) fn see(&mut self, packet: &Packet<'_>, time_ns: i64) -> [Option<Fault>; 2] {
        self.give_up(time_ns);
        let key = Key {
            source: packet.source,
            destination: packet.destination,
            identification: packet.identification,
            protocol: packet.protocol,
        };
        let start = u32::from(packet.fragment_offset);
        let end = start.saturating_add(held(packet));
        let is_too_long = end > LONGEST;
        if !self.packets.contains_key(&key) {
            self.order.push_back(key);
            self.packets.insert(key, Pieces { first_ns: time_ns, ..Pieces::default() });
        }
        if let Some(orphans) = self.orphans_of(packet.destination) {
            if orphans.first_ns == 0 {
                (orphans.first_ns, orphans.port) = (time_ns, packet.destination_port);
            }
            orphans.last_ns = time_ns;
            if orphans.sender != Some(packet.source) {
                orphans.sender = Some(packet.source);
                orphans.senders += 1;
            }
        }
        let Some(pieces) = self.packets.get_mut(&key) else { return [None; 2] };
        pieces.octets += u64::from(packet.wire_len);
        // The same piece twice is a packet that was recorded or sent twice.
        let is_known = pieces.ranges.contains(&(start, end));
        let meets = |&(from, to): &(u32, u32)| from < end && start < to;
        let overlaps = !is_known && pieces.ranges.iter().any(meets) && !pieces.is_told;
        pieces.is_told |= overlaps;
        if !is_known && pieces.ranges.len() < MOST_PIECES {
            pieces.ranges.push((start, end));
        }
        if !packet.more_fragments {
            pieces.length = Some(end);
        }
        // Packets may state lengths of which two are more than 32 bits hold.
        let covered: u64 = pieces.ranges.iter().map(|(from, to)| u64::from(to - from)).sum();
        if !pieces.is_told && pieces.length.is_some_and(|length| covered >= u64::from(length)) {
            self.packets.remove(&key);
            if let Some(orphans) = self.orphans.get_mut(&packet.destination) {
                orphans.whole += 1;
            }
        }
        [overlaps.then_some(Fault::Overlap), is_too_long.then_some(Fault::TooLong)]
    }

    fn orphans_of(&mut self, target: u128) -> Option<&mut Orphans> {
        if self.orphans.len() >= MOST_ORPHANED && !self.orphans.contains_key(&target) {
            return None;
        }
        Some(self.orphans.entry(target).or_default())
    }

    /// Gives up packets that did not become whole in time, or for which there is no room.
    fn give_up(&mut self, time_ns: i64) {
        while let Some(key) = self.order.front() {
            let is_over = self
                .packets
                .get(key)
                .is_none_or(|pieces| !(0..PATIENCE_NS).contains(&time_ns.saturating_sub(pieces.first_ns)));
            if !is_over && self.order.len() <= MOST_PACKETS {
                return;
            }
            let key = *key;
            self.order.pop_front();
            self.count(&key);
        }
    }

    /// Counts a packet that did not become whole.
    fn count(&mut self, key: &Key) {
        let Some(pieces) = self.packets.remove(key) else { return };
        let Some(orphans) = self.orphans.get_mut(&key.destination) else { return };
        orphans.octets = orphans.octets.saturating_add(pieces.octets);
        if pieces.ranges.iter().any(|(from, _)| *from == 0) {
            orphans.heads += 1;
        } else {
            orphans.tails += 1;
        }
    }

    /// There are no more packets: the targets that got heads without tails and tails without heads, and next to nothing
    /// whole. Where the pieces of each packet went different ways, or one kind was not recorded, there is only one of both.
    pub(super) fn finish(&mut self) -> Vec<PacketSign> {
        while let Some(key) = self.order.pop_front() {
            self.count(&key);
        }
        let mut found: Vec<PacketSign> = std::mem::take(&mut self.orphans)
            .into_iter()
            .filter(|(_, orphans)| orphans.heads.min(orphans.tails) > 4 * orphans.whole)
            .map(|(target, orphans)| PacketSign {
                kind: SignKind::Orphans,
                actor: orphans.sender.filter(|_| orphans.senders == 1).map(shown),
                targets: vec![shown(target)],
                port: orphans.port,
                first_ns: orphans.first_ns,
                last_ns: orphans.last_ns,
                packets: orphans.heads + orphans.tails,
                octets: orphans.octets,
                different: orphans.heads.min(orphans.tails),
            })
            .collect();
        found.sort_by_key(|sign| (sign.first_ns, sign.targets.first().copied()));
        found.truncate(MOST_TARGETS * 16);
        found
    }
}
