//! The table of flows.

use std::hash::RandomState;

use eddy_wire::{FragmentPart, FragmentTable, Limits, Network, Packet, Reason, TCP_ACK, TCP_SYN, protocol};

use crate::biflow::{Biflow, EndReason, PerFlow, Side};
use crate::key::Key;
use crate::slab::{Slab, Waiting, random_keys};
use crate::stats::TableStats;
use crate::tcp_state::TcpState;

/// How long flows are kept, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowSettings {
    /// Most bytes that the table takes.
    pub memory_bytes: usize,
    /// A flow that goes on for longer is handed out, and goes on as another record, in nanoseconds.
    pub active_timeout_ns: i64,
    /// A flow that is silent for longer is handed out.
    pub idle_timeout_ns: i64,
    /// A connection of TCP that is over waits so long for stragglers.
    pub over_timeout_ns: i64,
    /// While the table is nearly full, flows that got no answer are kept only so long.
    pub emergency_timeout_ns: i64,
    /// Packets may be so much older than the newest one; older ones set the clock back.
    pub disorder_ns: i64,
}

const SECOND: i64 = 1_000_000_000;

impl Default for FlowSettings {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            active_timeout_ns: 1800 * SECOND,
            idle_timeout_ns: 120 * SECOND,
            over_timeout_ns: 5 * SECOND,
            emergency_timeout_ns: 5 * SECOND,
            disorder_ns: 60 * SECOND,
        }
    }
}

impl FlowSettings {
    /// One record for each flow, however long it lasts or is silent: for captures that are read as a whole.
    pub fn without_timeouts() -> Self {
        Self {
            active_timeout_ns: i64::MAX,
            idle_timeout_ns: i64::MAX,
            over_timeout_ns: i64::MAX,
            ..Self::default()
        }
    }
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It went into a flow.
    InFlow {
        /// Which end sent it.
        side: Side,
        /// It is the first of its record.
        is_first: bool,
    },
    /// It resolves addresses.
    Arp,
    /// It was set aside.
    SetAside(Reason),
}

/// How often timeouts are looked for, in nanoseconds of the packets' time.
const TICK_NS: i64 = 10_000_000;

/// How much later than its timeout a silent flow may be handed out, in nanoseconds of the packets' time.
const SLACK_NS: i64 = 1_000_000_000;

/// Puts packets into flows.
///
/// - Memory: [`FlowSettings::memory_bytes`] and never more, besides the fragment table (half a megabyte). When there is
///   no room, connections that are over go first; then the oldest flow that got no answer, as long as those are a
///   quarter of all; then the oldest. What goes is handed out as any flow, and counted.
/// - Time is the packets' own. One that is a little late goes to its flow and does not turn time back; one that is much
///   older than the newest (another file, a clock that was set) sets the clock back.
/// - Flows are told apart by addresses, ports, protocol and outer VLAN; in tunnels, by what is inside. ICMP has no
///   ports. Later fragments go with the first one; where that was not seen, their ports are 0.
/// - A new SYN after the end of a connection begins another flow.
/// - Cost: about 0.1 µs for a packet of a flow that is known.
#[derive(Debug)]
pub struct FlowTable<X = ()> {
    settings: FlowSettings,
    slab: Slab<X>,
    fragments: FragmentTable,
    keys: RandomState,
    clock_ns: i64,
    ticked_ns: i64,
    stats: TableStats,
}

impl<X: PerFlow> FlowTable<X> {
    /// An empty table, with hash keys of its own.
    pub fn new(settings: FlowSettings, limits: &Limits) -> Self {
        Self {
            slab: Slab::new(settings.memory_bytes),
            settings,
            fragments: FragmentTable::new(limits),
            keys: random_keys(),
            clock_ns: i64::MIN,
            ticked_ns: i64::MIN,
            stats: TableStats::default(),
        }
    }

    /// Counts so far.
    pub fn stats(&self) -> TableStats {
        TableStats { fragments: self.fragments.stats(), ..self.stats }
    }

    /// Flows in the table.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slab.len() == 0
    }

    /// Most flows that fit.
    pub fn capacity(&self) -> usize {
        self.slab.capacity()
    }

    /// Bytes that the table takes now.
    pub fn memory_bytes(&self) -> usize {
        self.slab.memory_bytes()
    }

    /// Takes one packet in. Flows that end thereby go to `ended`.
    #[inline]
    pub fn add(&mut self, packet: &Packet<'_>, time_ns: i64, ended: impl FnMut(&Biflow, &X)) -> Placed {
        self.add_with(
            packet,
            time_ns,
            |more, flow, packet, side| more.add(flow, packet, side, time_ns),
            ended,
        )
    }

    /// Takes one packet in as [`Self::add`] does, but what is kept of the flow besides its counts sees the packet through
    /// `seen`, which may know what no flow does (a common budget, say), and not through [`PerFlow::add`].
    #[inline]
    pub fn add_with(
        &mut self,
        packet: &Packet<'_>,
        time_ns: i64,
        mut seen: impl FnMut(&mut X, &Biflow, &Packet<'_>, Side),
        mut ended: impl FnMut(&Biflow, &X),
    ) -> Placed {
        self.stats.packets = self.stats.packets.saturating_add(1);
        self.stats.octets = self.stats.octets.saturating_add(u64::from(packet.wire_len));
        if !packet.is_ip() {
            return self.set_aside(packet);
        }
        self.set_clock(time_ns);
        if self.clock_ns.saturating_sub(self.ticked_ns) >= TICK_NS || self.clock_ns < self.ticked_ns {
            self.tick(&mut ended);
        }
        if packet.fragment == FragmentPart::Whole {
            self.place(packet, time_ns, &mut seen, &mut ended)
        } else {
            let mut packet = *packet;
            self.fragments.complete(&mut packet, time_ns);
            self.place(&packet, time_ns, &mut seen, &mut ended)
        }
    }

    /// Tells the table what time it is where no packet does: while nothing comes from a live interface, flows end all the
    /// same.
    pub fn advance(&mut self, time_ns: i64, mut ended: impl FnMut(&Biflow, &X)) {
        self.set_clock(time_ns);
        self.tick(&mut ended);
    }

    /// Hands out everything that is left, the flows without answer first; the table is empty then.
    pub fn finish(&mut self, mut ended: impl FnMut(&Biflow, &X)) {
        for waiting in Waiting::ALL {
            while let Some(idx) = self.slab.first(waiting) {
                let reason = if waiting == Waiting::Over { EndReason::Ended } else { EndReason::Forced };
                self.end(idx, reason, &mut ended);
            }
        }
    }

    #[cold]
    fn set_aside(&mut self, packet: &Packet<'_>) -> Placed {
        match (packet.reason, packet.network) {
            (None, Network::Arp) => {
                self.stats.arp = self.stats.arp.saturating_add(1);
                Placed::Arp
            }
            (reason, _) => {
                let reason = reason.unwrap_or(Reason::NotIp);
                self.stats.count_aside(reason);
                Placed::SetAside(reason)
            }
        }
    }

    #[inline]
    fn set_clock(&mut self, time_ns: i64) {
        if time_ns > self.clock_ns {
            self.clock_ns = time_ns;
        } else if self.clock_ns.saturating_sub(time_ns) > self.settings.disorder_ns {
            self.clock_ns = time_ns;
            self.stats.clock_set_back = self.stats.clock_set_back.saturating_add(1);
        }
    }

    fn timeout_ns(&self, waiting: Waiting) -> i64 {
        let crowded = self.slab.len() > self.slab.capacity().saturating_sub(self.slab.capacity() / 10);
        match waiting {
            Waiting::Unanswered if crowded => {
                self.settings.emergency_timeout_ns.min(self.settings.idle_timeout_ns)
            }
            Waiting::Unanswered | Waiting::Answered => self.settings.idle_timeout_ns,
            Waiting::Over => self.settings.over_timeout_ns,
        }
    }

    /// Hands out what has been silent for too long. Each list is in the order of the clock, except where that was set back:
    /// what is from the future then is put at the end, once.
    fn tick(&mut self, ended: &mut impl FnMut(&Biflow, &X)) {
        self.ticked_ns = self.clock_ns;
        for waiting in Waiting::ALL {
            let mut left = self.slab.waiting_len(waiting);
            while let Some(idx) = self.slab.first(waiting) {
                let Some(seen_ns) = self.slab.get(idx).map(|entry| entry.seen_ns) else { break };
                if seen_ns > self.clock_ns && left > 0 {
                    left = left.saturating_sub(1);
                    self.slab.touch(idx, waiting, self.clock_ns, -1);
                } else if self.clock_ns.saturating_sub(seen_ns) >= self.timeout_ns(waiting) {
                    let reason = if waiting == Waiting::Over { EndReason::Ended } else { EndReason::Idle };
                    self.end(idx, reason, ended);
                } else {
                    break;
                }
            }
        }
    }

    #[inline]
    fn place(
        &mut self,
        packet: &Packet<'_>,
        time_ns: i64,
        seen: &mut impl FnMut(&mut X, &Biflow, &Packet<'_>, Side),
        ended: &mut impl FnMut(&Biflow, &X),
    ) -> Placed {
        let (key, from_low) = Key::of(packet);
        let hash = key.hash(&self.keys);
        let mut part = 0;
        let mut found = self.slab.find(&key, hash);
        if let Some(idx) = found
            && let Some((reason, next_part)) = self.must_end(idx, packet, time_ns)
        {
            self.end(idx, reason, ended);
            part = next_part;
            found = None;
        }
        let is_first = found.is_none();
        let Some(idx) = found.or_else(|| self.begin(packet, hash, time_ns, part, ended)) else {
            // Cannot be: the table holds at least one piece of entries, and one was just taken out.
            self.stats.count_aside(Reason::TooDeep);
            return Placed::SetAside(Reason::TooDeep);
        };
        let side = self.update(idx, (&key, from_low), packet, time_ns, seen);
        self.stats.packets_in_flows = self.stats.packets_in_flows.saturating_add(1);
        self.stats.octets_in_flows = self.stats.octets_in_flows.saturating_add(u64::from(packet.wire_len));
        Placed::InFlow { side, is_first }
    }

    /// Whether the flow ends before this packet, and which part of it the packet begins.
    #[inline]
    fn must_end(&self, idx: u32, packet: &Packet<'_>, time_ns: i64) -> Option<(EndReason, u32)> {
        let flow = &self.slab.get(idx)?.flow;
        if time_ns.saturating_sub(flow.flow_end_ns) >= self.settings.idle_timeout_ns {
            return Some((EndReason::Idle, 0));
        }
        if time_ns.saturating_sub(flow.flow_start_ns) >= self.settings.active_timeout_ns {
            return Some((EndReason::Active, flow.part.saturating_add(1)));
        }
        let begins = packet.protocol == protocol::TCP && packet.tcp.flags & (TCP_SYN | TCP_ACK) == TCP_SYN;
        // Without timeouts there is one record for each pair of ends.
        let wanted = self.settings.over_timeout_ns < i64::MAX;
        (begins && wanted && flow.tcp_state.is_over()).then_some((EndReason::Ended, 0))
    }

    fn begin(
        &mut self,
        packet: &Packet<'_>,
        hash: u64,
        time_ns: i64,
        part: u32,
        ended: &mut impl FnMut(&Biflow, &X),
    ) -> Option<u32> {
        if self.slab.is_full() {
            self.evict(ended);
        }
        let mut flow = Biflow {
            network: packet.network,
            source: packet.source,
            destination: packet.destination,
            source_transport_port: packet.source_port,
            destination_transport_port: packet.destination_port,
            protocol_identifier: packet.protocol,
            icmp_type_code: u16::from_be_bytes([packet.icmp_type, packet.icmp_code]),
            vlan_id: packet.vlan,
            tunnel: packet.tunnel,
            tunnel_id: packet.tunnel_id,
            flow_start_ns: time_ns,
            flow_end_ns: time_ns,
            part,
            ..Biflow::default()
        };
        let answers = TCP_SYN | TCP_ACK;
        if packet.protocol == protocol::TCP && packet.tcp.flags & answers == answers {
            std::mem::swap(&mut flow.source, &mut flow.destination);
            std::mem::swap(&mut flow.source_transport_port, &mut flow.destination_transport_port);
        }
        let idx = self.slab.insert(flow, hash, Waiting::Unanswered, self.clock_ns)?;
        self.stats.flows = self.stats.flows.saturating_add(1);
        self.stats.most_flows = self.stats.most_flows.max(self.slab.len() as u64);
        Some(idx)
    }

    #[inline]
    fn update(
        &mut self,
        idx: u32,
        (key, from_low): (&Key, bool),
        packet: &Packet<'_>,
        time_ns: i64,
        seen: &mut impl FnMut(&mut X, &Biflow, &Packet<'_>, Side),
    ) -> Side {
        let now_ns = self.clock_ns;
        let Some(entry) = self.slab.get_mut(idx) else { return Side::Forward };
        let side = match (key.side_of_low(&entry.flow), from_low) {
            (Some(Side::Forward), true) | (Some(Side::Reverse), false) | (None, _) => Side::Forward,
            _ => Side::Reverse,
        };
        let flow = &mut entry.flow;
        flow.add(packet, side, time_ns);
        if packet.protocol == protocol::TCP && packet.fragment != FragmentPart::Later {
            flow.tcp_state = flow.tcp_state.after(packet.tcp.flags, side);
        }
        seen(&mut entry.more, &entry.flow, packet, side);
        let flow = &entry.flow;
        let waiting = if flow.tcp_state.is_over() {
            Waiting::Over
        } else if flow.forward.packet_delta_count > 0 && flow.reverse.packet_delta_count > 0 {
            Waiting::Answered
        } else {
            Waiting::Unanswered
        };
        self.slab.touch(idx, waiting, now_ns, SLACK_NS);
        side
    }

    #[cold]
    fn evict(&mut self, ended: &mut impl FnMut(&Biflow, &X)) {
        let unanswered = self.slab.waiting_len(Waiting::Unanswered);
        let many = unanswered >= self.slab.len() / 4;
        let order = if many {
            [Waiting::Over, Waiting::Unanswered, Waiting::Answered]
        } else {
            [Waiting::Over, Waiting::Answered, Waiting::Unanswered]
        };
        let Some(idx) = order.into_iter().find_map(|waiting| self.slab.first(waiting)) else { return };
        if let Some(entry) = self.slab.get(idx) {
            let (packets, octets) = (entry.flow.packets(), entry.flow.layer2_octets());
            self.stats.packets_evicted = self.stats.packets_evicted.saturating_add(packets);
            self.stats.octets_evicted = self.stats.octets_evicted.saturating_add(octets);
        }
        self.end(idx, EndReason::LackOfResources, ended);
    }

    fn end(&mut self, idx: u32, reason: EndReason, ended: &mut impl FnMut(&Biflow, &X)) {
        let Some(entry) = self.slab.get_mut(idx).filter(|entry| entry.waiting.is_some()) else { return };
        entry.flow.flow_end_reason = reason;
        ended(&entry.flow, &entry.more);
        self.stats.count_ended(reason);
        self.slab.remove(idx);
    }
}

impl TcpState {
    /// Whether both ends spoke and the connection was taken up.
    pub fn was_open(self) -> bool {
        matches!(
            self,
            Self::Established | Self::MidStream | Self::SourceClosed | Self::DestinationClosed | Self::Closed
        )
    }
}

#[cfg(test)]
mod tests;
