//! NetFlow version 5: a header of 24 bytes and records of 48.

use super::record::{Extra, finish_times};
use super::record::{FlowRecord, Record, uptime_ns};
use super::{CollectorStats, Context, Exported, Outcome, seconds_ns};
use crate::cursor::Cursor;
use crate::packet::{Network, mapped};

pub(super) struct Header {
    count: u16,
    pub(super) uptime_ms: u32,
    pub(super) export_ns: i64,
    pub(super) engine: u16,
    sampling: u16,
}

pub(super) fn header(cursor: &mut Cursor<'_>) -> Option<Header> {
    let count = cursor.u16()?;
    let uptime_ms = cursor.u32()?;
    let seconds = cursor.u32()?;
    let nanoseconds = cursor.u32()?;
    cursor.skip(4)?;
    let engine = cursor.u16()?;
    let sampling = cursor.u16()?;
    let export_ns = seconds_ns(seconds).saturating_add(i64::from(nanoseconds));
    Some(Header { count, uptime_ms, export_ns, engine, sampling })
}

pub(super) fn records(
    header: &Header,
    mut cursor: Cursor<'_>,
    datagram: &[u8],
    context: &Context,
    stats: &mut CollectorStats,
    each: &mut impl FnMut(&Exported<'_>),
) -> Outcome {
    let mut outcome = Outcome::default();
    // The upper two bits are the mode: 0 means that nothing is sampled.
    let sampling_interval = match (header.sampling >> 14, header.sampling & 0x3fff) {
        (0, 0 | 1) => 1,
        (_, 0) => {
            stats.zero_rates = stats.zero_rates.saturating_add(1);
            1
        }
        (_, interval) => u32::from(interval),
    };
    for _ in 0..header.count {
        let Some(mut flow) = record(&mut cursor, context) else {
            outcome.set_aside = outcome.set_aside.saturating_add(1);
            break;
        };
        flow.sampling_interval = sampling_interval;
        finish_times(&mut flow, &Extra::default(), context, stats);
        outcome.records = outcome.records.saturating_add(1);
        let scope = context.scope;
        each(&Exported::Flow(Record {
            version: scope.version,
            exporter: scope.exporter,
            domain: scope.domain,
            template_id: 0,
            flow,
            template: None,
            bytes: &[],
        }));
    }
    outcome.consumed = datagram.len().saturating_sub(cursor.len());
    outcome
}

#[inline]
fn record(cursor: &mut Cursor<'_>, context: &Context) -> Option<FlowRecord> {
    let mut fields = Cursor::new(cursor.take(48)?);
    let source = mapped(fields.array()?);
    let destination = mapped(fields.array()?);
    fields.skip(4)?;
    let (ingress, egress) = (fields.u16()?, fields.u16()?);
    let (packets, octets) = (fields.u32()?, fields.u32()?);
    let (first, last) = (fields.u32()?, fields.u32()?);
    let (source_port, destination_port) = (fields.u16()?, fields.u16()?);
    fields.skip(1)?;
    let [flags, protocol, class] = fields.array()?;
    let (source_as, destination_as) = (fields.u16()?, fields.u16()?);
    let at = |uptime| uptime_ns(uptime, context.uptime_ms.unwrap_or(0), context.export_ns);
    Some(FlowRecord {
        network: Network::Ipv4,
        source,
        destination,
        protocol_identifier: protocol,
        source_transport_port: source_port,
        destination_transport_port: destination_port,
        tcp_control_bits: u16::from(flags),
        ip_class_of_service: class,
        icmp_type_code: if protocol == 1 { destination_port } else { 0 },
        octet_delta_count: u64::from(octets),
        packet_delta_count: u64::from(packets),
        flow_start_ns: at(first),
        flow_end_ns: at(last),
        ingress_interface: u32::from(ingress),
        egress_interface: u32::from(egress),
        bgp_source_as_number: u32::from(source_as),
        bgp_destination_as_number: u32::from(destination_as),
        ..FlowRecord::default()
    })
}
