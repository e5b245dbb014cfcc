//! Adapters that sent one packet only: so many of them are made up, so that a switch forgets those that are there.

use eddy_wire::Packet;

use super::mark;
use crate::{PacketSign, SignKind};

/// Nanoseconds of a window.
const WINDOW_NS: i64 = 10_000_000_000;
/// Places of adapters.
const PLACES: usize = 1 << 16;
/// Adapters of one packet each in a window that are told of, at least, and their share of all adapters.
const LEAST: u64 = 60;
const LEAST_TENTHS: u64 = 8;

/// The adapters of a window.
pub(super) struct Adapters {
    /// By place: whether one sent a packet, and whether it sent another; one bit each.
    once: Box<[u64]>,
    again: Box<[u64]>,
    start_ns: i64,
    last_ns: i64,
    n_once: u64,
    n_again: u64,
    octets: u64,
    /// What was told of so far.
    told: Option<PacketSign>,
}

impl Default for Adapters {
    fn default() -> Self {
        Self {
            once: Box::default(),
            again: Box::default(),
            start_ns: i64::MIN,
            last_ns: 0,
            n_once: 0,
            n_again: 0,
            octets: 0,
            told: None,
        }
    }
}

impl Adapters {
    /// Counts the adapter of a packet; what was told of, once that is over.
    #[inline]
    pub(super) fn see(&mut self, packet: &Packet<'_>, time_ns: i64) -> Option<PacketSign> {
        // What is sent to all is heard of many who are heard of but seldom.
        let is_to_all = packet.destination_mac == [0xff; 6];
        if packet.source_mac == [0; 6] || is_to_all || super::is_to_all(packet.destination) {
            return None;
        }
        let mut found = None;
        if !(0..WINDOW_NS).contains(&time_ns.saturating_sub(self.start_ns)) {
            found = self.roll(time_ns);
        }
        let at = (mark(packet.source_mac) >> 48) as usize % PLACES;
        let (word, bit) = (at / 64, 1u64 << (at % 64));
        let (Some(once), Some(again)) = (self.once.get_mut(word), self.again.get_mut(word)) else {
            return found;
        };
        if *once & bit == 0 {
            *once |= bit;
            self.n_once += 1;
            self.octets = self.octets.saturating_add(u64::from(packet.wire_len));
            self.last_ns = time_ns;
        } else if *again & bit == 0 {
            *again |= bit;
            self.n_again += 1;
        }
        found
    }

    /// Begins another window; what was told of, if that is over.
    #[cold]
    fn roll(&mut self, time_ns: i64) -> Option<PacketSign> {
        let found = self.judge();
        if self.once.is_empty() {
            self.once = vec![0; PLACES / 64].into_boxed_slice();
            self.again = self.once.clone();
        } else if self.n_once > 0 {
            self.once.fill(0);
            self.again.fill(0);
        }
        (self.start_ns, self.n_once, self.n_again, self.octets) = (time_ns, 0, 0, 0);
        found
    }

    /// Takes the window into what was told of; what was told of before, if this one is quiet.
    fn judge(&mut self) -> Option<PacketSign> {
        let alone = self.n_once.saturating_sub(self.n_again);
        if alone < LEAST || alone * 10 < self.n_once * LEAST_TENTHS {
            return self.told.take();
        }
        let told = self.told.get_or_insert_with(|| PacketSign {
            kind: SignKind::Adapters,
            actor: None,
            targets: Vec::new(),
            port: 0,
            first_ns: self.start_ns,
            last_ns: self.last_ns,
            packets: 0,
            octets: 0,
            different: 0,
        });
        told.last_ns = self.last_ns;
        told.packets = told.packets.saturating_add(alone);
        told.octets = told.octets.saturating_add(self.octets);
        told.different = told.different.max(alone);
        None
    }

    /// There are no more packets.
    pub(super) fn finish(&mut self) -> Option<PacketSign> {
        self.roll(i64::MIN).or_else(|| self.told.take())
    }
}
