//! Connections that go on after one end was said to have thrown them away.

use eddy_wire::Packet;

use super::{ACK, FIN, RST, SYN, mark};

/// Resets that are remembered at most.
const MOST: usize = 4_096;
/// Nanoseconds for which one is remembered.
const MEMORY_NS: i64 = 10_000_000_000;

#[derive(Clone, Copy, Default)]
struct Reset {
    /// Both ends with their ports, in this direction; 0 where there is none.
    mark: u64,
    sequence: u32,
    at_ns: i64,
}

/// The last resets, each at a place that its ends give.
#[derive(Default)]
pub(super) struct Resets {
    places: Vec<Reset>,
}

impl Resets {
    /// Whether a segment says that its sender never threw its connection away, though somebody did in its name: it says
    /// more, from where the reset was on.
    #[inline]
    pub(super) fn is_refuted(&mut self, packet: &Packet<'_>, time_ns: i64) -> bool {
        let flags = packet.tcp.flags;
        let is_reset = flags & (RST | SYN | FIN) == RST;
        if self.places.is_empty() && !is_reset {
            return false;
        }
        let ends = (packet.source, packet.destination, packet.source_port, packet.destination_port);
        let mark = mark(ends).max(1);
        if self.places.is_empty() {
            self.places.resize(MOST, Reset::default());
        }
        let at = (mark >> 52) as usize % MOST;
        let Some(place) = self.places.get_mut(at) else { return false };
        if is_reset {
            *place = Reset { mark, sequence: packet.tcp.sequence, at_ns: time_ns };
            return false;
        }
        if place.mark != mark {
            return false;
        }
        let says = packet.payload_len > 0 || flags & FIN != 0;
        let is_later = packet.tcp.sequence.wrapping_sub(place.sequence) < 1 << 31;
        let is_soon = (0..MEMORY_NS).contains(&time_ns.saturating_sub(place.at_ns));
        let is_refuted = flags & (SYN | ACK) == ACK && says && is_later && is_soon;
        if is_refuted || flags & SYN != 0 {
            *place = Reset::default();
        }
        is_refuted
    }
}
