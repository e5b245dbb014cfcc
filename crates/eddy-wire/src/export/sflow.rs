//! sFlow version 5: sampled packets and counters of interfaces (sflow.org, "sFlow Version 5", July 2004).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::record::FlowRecord;
use super::{CollectorStats, ExportError, Exported, Outcome};
use crate::cursor::Cursor;
use crate::decode::decode;
use crate::limits::Limits;
use crate::link::LinkType;
use crate::packet::{Network, Packet, bits_of};

/// A packet that a switch or router sampled.
#[derive(Clone, Copy, Debug)]
pub struct SampledPacket<'a> {
    /// The agent that sampled it.
    pub agent: IpAddr,
    /// The part of the agent.
    pub sub_agent: u32,
    /// Where it was sampled: the kind (0 an interface) and the number.
    pub source_id: (u32, u32),
    /// How many packets could have been sampled so far; runs over.
    pub sample_pool: u32,
    /// How many samples the agent had to drop so far; runs over.
    pub drops: u32,
    /// The packet, read as any frame, where its header was sent.
    pub packet: Option<Packet<'a>>,
    /// The same as a flow of one packet: octets on the wire, interfaces, sampling interval.
    pub flow: FlowRecord,
}

/// Counters of an interface since its start (RFC 2233, as sFlow sends them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceCounters {
    /// The agent.
    pub agent: IpAddr,
    /// The number of the interface.
    pub interface: u32,
    /// Bits per second.
    pub speed: u64,
    /// Octets in.
    pub in_octets: u64,
    /// Packets in: unicast, multicast, broadcast.
    pub in_packets: [u32; 3],
    /// Packets in that were dropped, were wrong, were of an unknown protocol.
    pub in_faults: [u32; 3],
    /// Octets out.
    pub out_octets: u64,
    /// Packets out: unicast, multicast, broadcast.
    pub out_packets: [u32; 3],
    /// Packets out that were dropped, were wrong.
    pub out_faults: [u32; 2],
}

const FLOW_SAMPLE: u32 = 1;
const COUNTER_SAMPLE: u32 = 2;
const EXPANDED_FLOW_SAMPLE: u32 = 3;
const EXPANDED_COUNTER_SAMPLE: u32 = 4;

const RAW_HEADER: u32 = 1;
const ETHERNET_FRAME: u32 = 2;
const IPV4_DATA: u32 = 3;
const IPV6_DATA: u32 = 4;
const EXTENDED_SWITCH: u32 = 1001;
const EXTENDED_GATEWAY: u32 = 1003;

/// The agent of a datagram.
#[derive(Clone, Copy)]
struct Agent {
    address: IpAddr,
    sub_agent: u32,
}

fn address(cursor: &mut Cursor<'_>) -> Option<IpAddr> {
    match cursor.u32()? {
        1 => cursor.array::<4>().map(|octets| Ipv4Addr::from(octets).into()),
        2 => cursor.array::<16>().map(|octets| Ipv6Addr::from(octets).into()),
        _ => None,
    }
}

/// A block told by its length, padded to 4 bytes.
fn block<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let len = usize::try_from(cursor.u32()?).ok()?;
    let block = cursor.take(len)?;
    cursor.take_most(len.checked_next_multiple_of(4)?.saturating_sub(len));
    Some(block)
}

pub(super) fn collect(
    mut cursor: Cursor<'_>,
    len: usize,
    limits: &Limits,
    received_ns: i64,
    stats: &mut CollectorStats,
    each: &mut impl FnMut(&Exported<'_>),
) -> Result<Outcome, ExportError> {
    let short = ExportError::NoHeader { len };
    match cursor.u16().ok_or(short)? {
        5 => {}
        version => return Err(ExportError::Version { version }),
    }
    let address = address(&mut cursor).ok_or(ExportError::Header)?;
    let sub_agent = cursor.u32().ok_or(short)?;
    cursor.skip(8).ok_or(short)?;
    let n = cursor.u32().ok_or(short)?;
    let agent = Agent { address, sub_agent };
    let mut outcome = Outcome::default();
    for _ in 0..n {
        let (Some(kind), Some(sample)) = (cursor.u32(), block(&mut cursor)) else {
            outcome.set_aside = outcome.set_aside.saturating_add(1);
            break;
        };
        let mut sample = Cursor::new(sample);
        let found = match kind {
            FLOW_SAMPLE | EXPANDED_FLOW_SAMPLE => {
                let expanded = kind == EXPANDED_FLOW_SAMPLE;
                flow_sample(&mut sample, expanded, agent, limits, stats).map(|mut sampled| {
                    sampled.flow.flow_start_ns = received_ns;
                    sampled.flow.flow_end_ns = received_ns;
                    outcome.records = outcome.records.saturating_add(1);
                    each(&Exported::Sample(sampled));
                })
            }
            COUNTER_SAMPLE | EXPANDED_COUNTER_SAMPLE => {
                counter_sample(&mut sample, kind == EXPANDED_COUNTER_SAMPLE, agent, |counters| {
                    // Counted here: what follows in the sample may make no sense.
                    outcome.records = outcome.records.saturating_add(1);
                    each(&Exported::Counters(counters));
                })
            }
            // Samples of other makers.
            _ => Some(()),
        };
        if found.is_none() {
            outcome.set_aside = outcome.set_aside.saturating_add(1);
        }
    }
    outcome.consumed = len.saturating_sub(cursor.len());
    Ok(outcome)
}

/// Kind and number of a data source, in one word or two.
fn source_id(cursor: &mut Cursor<'_>, expanded: bool) -> Option<(u32, u32)> {
    let first = cursor.u32()?;
    if expanded { Some((first, cursor.u32()?)) } else { Some((first >> 24, first & 0x00ff_ffff)) }
}

/// An interface; kinds other than a plain number (dropped, several) become 0.
fn interface(cursor: &mut Cursor<'_>, expanded: bool) -> Option<u32> {
    let first = cursor.u32()?;
    let (kind, number) = if expanded { (first, cursor.u32()?) } else { (first >> 30, first & 0x3fff_ffff) };
    Some(if kind == 0 { number } else { 0 })
}

fn flow_sample<'a>(
    cursor: &mut Cursor<'a>,
    expanded: bool,
    agent: Agent,
    limits: &Limits,
    stats: &mut CollectorStats,
) -> Option<SampledPacket<'a>> {
    cursor.skip(4)?;
    let source_id = source_id(cursor, expanded)?;
    let rate = cursor.u32()?;
    let (sample_pool, drops) = (cursor.u32()?, cursor.u32()?);
    let (ingress, egress) = (interface(cursor, expanded)?, interface(cursor, expanded)?);
    if rate == 0 {
        stats.zero_rates = stats.zero_rates.saturating_add(1);
    }
    let mut sampled = SampledPacket {
        agent: agent.address,
        sub_agent: agent.sub_agent,
        source_id,
        sample_pool,
        drops,
        packet: None,
        flow: FlowRecord {
            packet_delta_count: 1,
            sampling_interval: rate.max(1),
            ingress_interface: ingress,
            egress_interface: egress,
            ..FlowRecord::default()
        },
    };
    for _ in 0..cursor.u32()? {
        let kind = cursor.u32()?;
        let mut record = Cursor::new(block(cursor)?);
        // A record that makes no sense does not take the sample with it.
        let _ = flow_data(kind, &mut record, &mut sampled, limits);
    }
    Some(sampled)
}

fn flow_data<'a>(
    kind: u32,
    record: &mut Cursor<'a>,
    sampled: &mut SampledPacket<'a>,
    limits: &Limits,
) -> Option<()> {
    match kind {
        RAW_HEADER => raw_header(record, sampled, limits),
        ETHERNET_FRAME => {
            let len = record.u32()?;
            if sampled.flow.octet_delta_count == 0 {
                sampled.flow.octet_delta_count = u64::from(len);
            }
            Some(())
        }
        IPV4_DATA | IPV6_DATA => ip_data(kind == IPV4_DATA, record, &mut sampled.flow),
        EXTENDED_SWITCH => {
            sampled.flow.vlan_id = u16::try_from(record.u32()?).ok()?;
            Some(())
        }
        EXTENDED_GATEWAY => gateway(record, &mut sampled.flow),
        _ => Some(()),
    }
}

fn raw_header<'a>(record: &mut Cursor<'a>, sampled: &mut SampledPacket<'a>, limits: &Limits) -> Option<()> {
    let protocol = record.u32()?;
    let wire_len = record.u32()?;
    let stripped = record.u32()?;
    let bytes = block(record)?;
    let link = match protocol {
        1 => LinkType::ETHERNET,
        4 => LinkType::FRAME_RELAY,
        6 | 7 => LinkType::PPP,
        11 => LinkType::IPV4,
        12 => LinkType::IPV6,
        _ => return None,
    };
    let packet = decode(link, bytes, wire_len.saturating_sub(stripped), limits);
    let flow = &mut sampled.flow;
    flow.octet_delta_count = u64::from(wire_len);
    if packet.is_ip() {
        flow.network = packet.network;
        flow.source = packet.source;
        flow.destination = packet.destination;
        flow.protocol_identifier = packet.protocol;
        flow.source_transport_port = packet.source_port;
        flow.destination_transport_port = packet.destination_port;
        flow.tcp_control_bits = packet.tcp.flags;
        flow.ip_class_of_service = packet.traffic_class;
        if flow.vlan_id == 0 {
            flow.vlan_id = packet.vlan;
        }
        flow.icmp_type_code = u16::from_be_bytes([packet.icmp_type, packet.icmp_code]);
    }
    sampled.packet = Some(packet);
    Some(())
}

fn ip_data(v4: bool, record: &mut Cursor<'_>, flow: &mut FlowRecord) -> Option<()> {
    let len = record.u32()?;
    let protocol = record.u32()?;
    let mut address = || {
        Some(if v4 {
            bits_of(Ipv4Addr::from(record.array::<4>()?).into())
        } else {
            bits_of(Ipv6Addr::from(record.array::<16>()?).into())
        })
    };
    let (source, destination) = (address()?, address()?);
    if flow.network != Network::None {
        return Some(());
    }
    flow.network = if v4 { Network::Ipv4 } else { Network::Ipv6 };
    (flow.source, flow.destination) = (source, destination);
    flow.protocol_identifier = u8::try_from(protocol).unwrap_or(u8::MAX);
    if flow.octet_delta_count == 0 {
        flow.octet_delta_count = u64::from(len);
    }
    flow.source_transport_port = u16::try_from(record.u32()?).ok()?;
    flow.destination_transport_port = u16::try_from(record.u32()?).ok()?;
    flow.tcp_control_bits = u16::try_from(record.u32()?).ok()?;
    flow.ip_class_of_service = u8::try_from(record.u32()?).unwrap_or(0);
    Some(())
}

/// Autonomous systems: of the source, and the last of the path to the destination.
fn gateway(record: &mut Cursor<'_>, flow: &mut FlowRecord) -> Option<()> {
    address(record)?;
    let own = record.u32()?;
    let source = record.u32()?;
    record.skip(4)?;
    flow.bgp_source_as_number = if source == 0 { own } else { source };
    flow.bgp_destination_as_number = own;
    for _ in 0..record.u32()? {
        record.skip(4)?;
        for _ in 0..record.u32()? {
            flow.bgp_destination_as_number = record.u32()?;
        }
    }
    Some(())
}

fn counter_sample(
    cursor: &mut Cursor<'_>,
    expanded: bool,
    agent: Agent,
    mut each: impl FnMut(InterfaceCounters),
) -> Option<()> {
    cursor.skip(4)?;
    source_id(cursor, expanded)?;
    for _ in 0..cursor.u32()? {
        let kind = cursor.u32()?;
        let mut record = Cursor::new(block(cursor)?);
        if kind == 1
            && let Some(counters) = interface_counters(&mut record, agent)
        {
            each(counters);
        }
    }
    Some(())
}

fn interface_counters(record: &mut Cursor<'_>, agent: Agent) -> Option<InterfaceCounters> {
    let interface = record.u32()?;
    record.skip(4)?;
    let speed = record.u64()?;
    record.skip(8)?;
    let in_octets = record.u64()?;
    let in_packets = [record.u32()?, record.u32()?, record.u32()?];
    let in_faults = [record.u32()?, record.u32()?, record.u32()?];
    let out_octets = record.u64()?;
    let out_packets = [record.u32()?, record.u32()?, record.u32()?];
    let out_faults = [record.u32()?, record.u32()?];
    Some(InterfaceCounters {
        agent: agent.address,
        interface,
        speed,
        in_octets,
        in_packets,
        in_faults,
        out_octets,
        out_packets,
        out_faults,
    })
}
