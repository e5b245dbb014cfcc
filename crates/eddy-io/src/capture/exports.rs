//! Flow records and samples of packets that exporters send, as rows.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use eddy_flow::{FlowSettings, FlowTable};
use eddy_wire::export::{Collector, ExportError, Exported, FlowRecord, Outcome, Record};
use eddy_wire::{Limits, Packet, protocol};

use super::details::{Budget, Kept};
use super::row::{Row, has_ports};
use crate::Note;
use crate::flowlog::state::{self, of_packets, of_tcp};
use crate::names::note;

/// Ports that exporters send to: NetFlow, IPFIX, sFlow.
const PORTS: [u16; 12] = [2055, 2056, 4432, 4739, 4740, 6343, 9025, 9555, 9985, 9995, 9996, 9999];
/// Records of one direction that wait for the other.
const MOST_WAITING: usize = 1 << 16;
/// How far apart, in nanoseconds, the two directions of a flow may lie.
const APART_NS: i64 = 60_000_000_000;

/// Makes rows of what exporters send.
pub(super) struct Exports {
    collector: Collector,
    pairs: Pairs,
    /// Packets that switches sampled, once there is one.
    samples: Option<FlowTable<Kept>>,
    memory_bytes: usize,
    budget: Budget,
    /// Records without two addresses.
    nameless: u64,
}

impl Exports {
    /// Room for sampled packets: so many bytes.
    pub(super) fn new(memory_bytes: usize, limits: &Limits) -> Self {
        Self {
            collector: Collector::new(limits),
            pairs: Pairs::default(),
            samples: None,
            memory_bytes,
            budget: Budget::new(memory_bytes),
            nameless: 0,
        }
    }

    /// Looks whether a packet is one that an exporter sent, and takes its records.
    #[inline]
    pub(super) fn see(&mut self, packet: &Packet<'_>, time_ns: i64, limits: &Limits, rows: &mut Vec<Row>) {
        if packet.protocol == protocol::UDP
            && PORTS.contains(&packet.destination_port)
            && is_export(packet.payload)
        {
            let exporter = packet.source_address().unwrap_or(Ipv4Addr::UNSPECIFIED.into());
            // A datagram that is refused is counted by the collector; the packet is in a flow either way.
            let _ = self.collect(exporter, Some(time_ns), packet.payload, limits, rows);
        }
    }

    /// Takes the records of one datagram, or of the first message where the time of receipt is not known.
    pub(super) fn collect(
        &mut self,
        exporter: IpAddr,
        received_ns: Option<i64>,
        bytes: &[u8],
        limits: &Limits,
        rows: &mut Vec<Row>,
    ) -> Result<Outcome, ExportError> {
        let Self { collector, pairs, samples, memory_bytes, budget, nameless } = self;
        let settings = FlowSettings { memory_bytes: *memory_bytes, ..FlowSettings::default() };
        let mut each = |exported: &Exported<'_>| match exported {
            Exported::Flow(record) => match row_of(record) {
                Some(row) => pairs.add(exporter, row, rows),
                None => *nameless += 1,
            },
            Exported::Sample(sample) => {
                let Some(packet) = &sample.packet else { return };
                let rate = sample.flow.sampling_interval;
                samples.get_or_insert_with(|| FlowTable::new(settings.clone(), limits)).add_with(
                    packet,
                    received_ns.unwrap_or(sample.flow.flow_start_ns),
                    |kept, flow, packet, side| {
                        kept.sampling = Some(rate);
                        kept.domain = Some(sample.sub_agent);
                        kept.see(flow, packet, side, limits, budget);
                    },
                    |flow, kept| {
                        rows.push(Row::of(flow, kept));
                        kept.give_back(budget);
                    },
                );
            }
            _ => {}
        };
        match received_ns {
            Some(time) => collector.collect(exporter, time, bytes, &mut each),
            None => collector.collect_next(exporter, None, bytes, &mut each),
        }
    }

    /// There are no more datagrams.
    pub(super) fn finish(&mut self, rows: &mut Vec<Row>) {
        self.pairs.finish(rows);
        let budget = &self.budget;
        if let Some(samples) = &mut self.samples {
            samples.finish(|flow, kept| {
                rows.push(Row::of(flow, kept));
                kept.give_back(budget);
            });
        }
    }

    /// What came of the datagrams.
    pub(super) fn notes(&self) -> Vec<Note> {
        let stats = self.collector.stats();
        let samples = self.samples.as_ref().map(FlowTable::stats).unwrap_or_default();
        let mut notes = Vec::new();
        if stats.records > 0 {
            notes.push(note(format!(
                "{} records in {} datagrams of exporters; {} pairs of them are the two directions of one flow",
                stats.records, stats.datagrams, self.pairs.paired
            )));
        }
        if samples.packets > 0 {
            notes.push(note(format!(
                "{} packets sampled by switches are {} flows; counts are those of the samples",
                samples.packets_in_flows, samples.flows
            )));
        }
        let faults = [
            (stats.refused, "datagrams of exporters make no sense"),
            (stats.sets_without_template, "sets of records came before their template and were passed over"),
            (stats.set_aside, "sets, samples or templates of exporters make no sense"),
            (self.nameless, "records of exporters have no two addresses and were passed over"),
            (stats.times_suspect, "records of exporters have times that cannot be and were bent"),
        ];
        notes.extend(
            faults
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| note(format!("{count} {what}"))),
        );
        notes
    }
}

/// Whether a payload begins as a datagram of an exporter does.
pub(super) fn is_export(payload: &[u8]) -> bool {
    match payload {
        [0, 5, count @ ..] => matches!(count, [0, 1..=30, ..]) && payload.len() >= 24,
        [0, 9, ..] => payload.len() >= 24,
        [0, 10, high, low, ..] => {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            len >= 16 && payload.len() >= 16 && len <= payload.len() + 4
        }
        [0, 0, 0, 5, 0, 0, 0, 1 | 2, ..] => true,
        _ => false,
    }
}

/// The row of a record, of one direction unless it has both.
fn row_of(record: &Record<'_>) -> Option<Row> {
    let flow: &FlowRecord = &record.flow;
    let number = flow.protocol_identifier;
    let has_reverse = flow.reverse_packet_delta_count > 0 || flow.reverse_octet_delta_count > 0;
    let reverse = has_reverse.then_some((flow.reverse_octet_delta_count, flow.reverse_packet_delta_count));
    Some(Row {
        start_ns: flow.flow_start_ns,
        end_ns: flow.flow_end_ns.max(flow.flow_start_ns),
        source: flow.source_address()?,
        destination: flow.destination_address()?,
        ports: has_ports(number).then_some((flow.source_transport_port, flow.destination_transport_port)),
        protocol: number,
        octets: flow.octet_delta_count,
        packets: flow.packet_delta_count,
        reverse,
        flags: (number == protocol::TCP && flow.tcp_control_bits > 0).then_some(flow.tcp_control_bits),
        reverse_flags: None,
        state: "",
        details: None,
        application: "",
        macs: None,
        icmp: (number == protocol::ICMP).then_some(flow.icmp_type_code),
        domain: Some(record.domain),
        sampling: Some(flow.sampling_interval).filter(|interval| *interval > 0),
        features: None,
    })
}

/// Both ends of a flow, the lower first, with its protocol and who told of it.
type Key = (IpAddr, (IpAddr, u16), (IpAddr, u16), u8, Option<u32>);

/// Records of one direction, brought together with those of the other.
#[derive(Default)]
struct Pairs {
    waiting: HashMap<Key, (u64, Row)>,
    /// Keys in the order in which their rows came, with the rows' numbers.
    order: VecDeque<(u64, Key)>,
    next: u64,
    paired: u64,
}

impl Pairs {
    fn add(&mut self, exporter: IpAddr, row: Row, rows: &mut Vec<Row>) {
        if row.reverse.is_some() {
            rows.push(finished(row, true));
            return;
        }
        let (source_port, destination_port) = row.ports.unwrap_or_default();
        let (a, b) = ((row.source, source_port), (row.destination, destination_port));
        let key = (exporter, a.min(b), a.max(b), row.protocol, row.domain);
        if let Some((_, other)) = self.waiting.remove(&key) {
            let is_other_way =
                other.source == row.destination && other.ports == row.ports.map(|(from, to)| (to, from));
            let is_near = row.start_ns.saturating_sub(APART_NS) <= other.end_ns
                && other.start_ns.saturating_sub(APART_NS) <= row.end_ns;
            if is_other_way && is_near {
                self.paired += 1;
                rows.push(joined(other, row));
                return;
            }
            rows.push(finished(other, self.paired > 0));
        }
        self.next += 1;
        self.waiting.insert(key, (self.next, row));
        self.order.push_back((self.next, key));
        while self.order.len() > MOST_WAITING {
            self.let_go(rows);
        }
    }

    /// Hands out the row that has waited longest.
    fn let_go(&mut self, rows: &mut Vec<Row>) {
        let Some((number, key)) = self.order.pop_front() else { return };
        if self.waiting.get(&key).is_some_and(|(waiting, _)| *waiting == number)
            && let Some((_, row)) = self.waiting.remove(&key)
        {
            rows.push(finished(row, self.paired > 0));
        }
    }

    fn finish(&mut self, rows: &mut Vec<Row>) {
        while !self.order.is_empty() {
            self.let_go(rows);
        }
    }
}

/// One flow of its two directions. The opener is who spoke first; at the same moment, who spoke to the lower port, as
/// those of services are.
fn joined(one: Row, two: Row) -> Row {
    let rank = |row: &Row| {
        let is_answer = row.icmp.is_some_and(|icmp| icmp >> 8 == 0);
        (row.start_ns, is_answer, row.ports.map_or(0, |(_, to)| to))
    };
    let (mut opener, other) = if rank(&one) <= rank(&two) { (one, two) } else { (two, one) };
    opener.end_ns = opener.end_ns.max(other.end_ns);
    opener.reverse = Some((other.octets, other.packets));
    opener.reverse_flags = other.flags;
    finished(opener, true)
}

/// A row with its state. `both`: the exporter tells of both directions, so that what is missing was not there.
fn finished(mut row: Row, both: bool) -> Row {
    if both {
        row.reverse = row.reverse.or(Some((0, 0)));
    }
    row.state = match (row.protocol == protocol::TCP, row.flags, row.reverse) {
        (true, Some(flags), Some((_, packets))) => {
            // Where the record of both directions has but one field of flags, it is that of both.
            let other = row.reverse_flags.unwrap_or(if packets > 0 { flags } else { 0 });
            of_tcp(flags.into(), other.into())
        }
        (true, Some(flags), None) if i64::from(flags) & !state::SYN == 0 => "S0",
        (true, Some(flags), None) => of_tcp(flags.into(), flags.into()),
        (false, _, Some((_, packets))) => of_packets(row.packets.cast_signed(), packets.cast_signed()),
        _ => "",
    };
    row
}
