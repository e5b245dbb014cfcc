//! What is measured of a flow while its packets pass.

use eddy_wire::{FragmentPart, Packet, protocol};

use super::moments::{Sizes, Times};
use crate::biflow::{Biflow, PerFlow, Side};

/// Packets whose size, direction and interval are kept.
pub const FIRST_PACKETS: usize = 10;
/// A gap longer than this parts two times of activity, in nanoseconds.
pub(crate) const ACTIVITY_TIMEOUT_NS: u64 = 5_000_000_000;
/// A gap longer than this parts two subflows, and two bulks, in nanoseconds.
pub(crate) const SUBFLOW_TIMEOUT_NS: u64 = 1_000_000_000;
/// Packets in one direction that make a bulk.
pub(crate) const BULK_PACKETS: u32 = 4;
/// Payloads below this are small (CERT `smallPacketCount`).
const SMALL: u32 = 60;
/// Payloads from this on are large (CERT `largePacketCount`).
const LARGE: u32 = 225;

/// What one side sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Way {
    pub(crate) first_ns: i64,
    pub(crate) last_ns: i64,
    pub(crate) packets: u64,
    /// Lengths on the wire, of IP, and of payloads.
    pub(crate) frame: Sizes,
    pub(crate) ip: Sizes,
    pub(crate) payload: Sizes,
    pub(crate) gaps: Times,
    /// FIN, SYN, RST, PSH, ACK, URG, ECE, CWR.
    pub(crate) flags: [u32; 8],
    pub(crate) header_octets: u64,
    pub(crate) non_empty: u32,
    pub(crate) small: u32,
    pub(crate) large: u32,
    pub(crate) first_payload: u32,
    pub(crate) bulk: Bulk,
    pub(crate) window: u16,
    pub(crate) first_flags: u16,
    pub(crate) least_header: u16,
    pub(crate) least_ttl: u8,
    pub(crate) most_ttl: u8,
}

/// What one side sent in bulk.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bulk {
    pub(crate) bulks: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u64,
    pub(crate) duration_ns: u64,
}

/// Payloads of one side that follow each other without one of the other between.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    is_reverse: bool,
    packets: u32,
    octets: u64,
    start_ns: i64,
    last_ns: i64,
}

/// Everything that the [catalogue](super::features) is computed from; about 900 bytes a flow, of fixed size.
///
/// Times of packets that come late count as those of the newest one before: gaps are never negative.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlowFeatures {
    pub(crate) forward: Way,
    pub(crate) reverse: Way,
    pub(crate) gaps: Times,
    last_ns: i64,
    active_since_ns: i64,
    pub(crate) active: Times,
    pub(crate) n_active: u64,
    pub(crate) idle: Times,
    pub(crate) n_idle: u64,
    pub(crate) subflow_gaps: u64,
    run: Run,
    pub(crate) first_sizes: [u32; FIRST_PACKETS],
    pub(crate) first_gaps_ns: [u64; FIRST_PACKETS],
    /// One bit a packet, set where the destination sent it.
    pub(crate) first_reverse: u16,
}

/// From one time to a later one; 0 where it is earlier.
#[inline]
fn since(earlier_ns: i64, later_ns: i64) -> u64 {
    u64::try_from(later_ns.saturating_sub(earlier_ns)).unwrap_or(0)
}

impl PerFlow for FlowFeatures {
    #[inline]
    fn add(&mut self, _: &Biflow, packet: &Packet<'_>, side: Side, time_ns: i64) {
        let before = self.packets();
        let gap = if before == 0 { 0 } else { since(self.last_ns, time_ns) };
        self.remember(before, packet.wire_len, side, gap);
        if before == 0 {
            self.last_ns = time_ns;
            self.active_since_ns = time_ns;
        } else {
            self.gaps.add(gap);
            if gap > SUBFLOW_TIMEOUT_NS {
                self.subflow_gaps = self.subflow_gaps.saturating_add(1);
                if gap > ACTIVITY_TIMEOUT_NS {
                    self.rest(gap, time_ns);
                }
            }
            self.last_ns = self.last_ns.max(time_ns);
        }
        match side {
            Side::Forward => self.forward.add(packet, time_ns),
            Side::Reverse => self.reverse.add(packet, time_ns),
        }
        if packet.payload_len > 0 {
            self.transfer(packet.payload_len, side, time_ns);
        }
    }
}

impl FlowFeatures {
    /// Packets of both directions.
    #[inline]
    pub(crate) fn packets(&self) -> u64 {
        self.forward.packets.saturating_add(self.reverse.packets)
    }

    /// The last time of activity, which is not over while the flow goes on.
    pub(crate) fn last_active_ns(&self) -> u64 {
        since(self.active_since_ns, self.last_ns)
    }

    #[inline]
    fn remember(&mut self, before: u64, size: u32, side: Side, gap_ns: u64) {
        let Ok(at) = usize::try_from(before) else { return };
        let (Some(size_of), Some(gap_of)) = (self.first_sizes.get_mut(at), self.first_gaps_ns.get_mut(at))
        else {
            return;
        };
        *size_of = size;
        *gap_of = gap_ns;
        if side == Side::Reverse {
            self.first_reverse |= 1_u16.checked_shl(u32::try_from(at).unwrap_or(0)).unwrap_or(0);
        }
    }

    /// A time of activity is over, and a time of rest as well.
    fn rest(&mut self, gap_ns: u64, time_ns: i64) {
        let active = self.last_active_ns();
        if active > 0 {
            self.active.add(active);
            self.n_active = self.n_active.saturating_add(1);
        }
        self.idle.add(gap_ns);
        self.n_idle = self.n_idle.saturating_add(1);
        self.active_since_ns = time_ns;
    }

    /// Takes a payload in: runs of at least four in one direction are bulks.
    #[inline]
    fn transfer(&mut self, payload: u32, side: Side, time_ns: i64) {
        let is_reverse = side == Side::Reverse;
        let run = &mut self.run;
        let gap = since(run.last_ns, time_ns);
        if run.packets == 0 || run.is_reverse != is_reverse || gap > SUBFLOW_TIMEOUT_NS {
            *run =
                Run { is_reverse, packets: 1, octets: payload.into(), start_ns: time_ns, last_ns: time_ns };
            return;
        }
        run.packets = run.packets.saturating_add(1);
        run.octets = run.octets.saturating_add(payload.into());
        run.last_ns = run.last_ns.max(time_ns);
        if run.packets < BULK_PACKETS {
            return;
        }
        let is_new = run.packets == BULK_PACKETS;
        let (packets, octets, duration) = if is_new {
            (run.packets, run.octets, since(run.start_ns, run.last_ns))
        } else {
            (1, payload.into(), gap)
        };
        let bulk = if is_reverse { &mut self.reverse.bulk } else { &mut self.forward.bulk };
        bulk.bulks = bulk.bulks.saturating_add(u32::from(is_new));
        bulk.packets = bulk.packets.saturating_add(packets);
        bulk.octets = bulk.octets.saturating_add(octets);
        bulk.duration_ns = bulk.duration_ns.saturating_add(duration);
    }
}

impl Way {
    #[inline]
    fn add(&mut self, packet: &Packet<'_>, time_ns: i64) {
        let is_tcp = packet.protocol == protocol::TCP && packet.fragment != FragmentPart::Later;
        let header = packet.ip_len.saturating_sub(packet.payload_len);
        let short = u16::try_from(header).unwrap_or(u16::MAX);
        if self.packets == 0 {
            self.first_ns = time_ns;
            self.last_ns = time_ns;
            self.window = packet.tcp.window;
            self.first_flags = packet.tcp.flags;
            (self.least_header, self.least_ttl, self.most_ttl) = (short, packet.ttl, packet.ttl);
        } else {
            self.gaps.add(since(self.last_ns, time_ns));
            self.last_ns = self.last_ns.max(time_ns);
            self.least_header = self.least_header.min(short);
            self.least_ttl = self.least_ttl.min(packet.ttl);
            self.most_ttl = self.most_ttl.max(packet.ttl);
        }
        self.packets = self.packets.saturating_add(1);
        self.frame.add(packet.wire_len);
        self.ip.add(packet.ip_len);
        self.payload.add(packet.payload_len);
        self.header_octets = self.header_octets.saturating_add(u64::from(header));
        if is_tcp {
            let mut flags = packet.tcp.flags;
            for count in &mut self.flags {
                *count = count.saturating_add(u32::from(flags & 1));
                flags >>= 1;
            }
        }
        let payload = packet.payload_len;
        if payload > 0 {
            if self.non_empty == 0 {
                self.first_payload = payload;
            }
            self.non_empty = self.non_empty.saturating_add(1);
            self.small = self.small.saturating_add(u32::from(payload < SMALL));
            self.large = self.large.saturating_add(u32::from(payload >= LARGE));
        }
    }
}
