//! A row, and rows to columns.

use std::net::IpAddr;

use eddy_flow::Biflow;
use eddy_frame::{Column, MISSING_INT, TextColumn};
use eddy_wire::protocol;

use super::details::{Details, Kept};
use crate::flowlog::column::Flow;
use crate::flowlog::state::{of_packets, of_tcp};
use crate::raw::RawColumn;

/// What is known of a flow.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub start_ns: i64,
    pub end_ns: i64,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// Of the source and of the destination, where the protocol has ports.
    pub ports: Option<(u16, u16)>,
    pub protocol: u8,
    pub octets: u64,
    pub packets: u64,
    /// Bytes and packets of the other direction; none where it is not known whether there are any.
    pub reverse: Option<(u64, u64)>,
    pub flags: Option<u16>,
    pub reverse_flags: Option<u16>,
    pub state: &'static str,
    pub details: Option<Box<Details>>,
    pub application: &'static str,
    pub macs: Option<([u8; 6], [u8; 6])>,
    pub icmp: Option<u16>,
    pub domain: Option<u32>,
    pub sampling: Option<u32>,
}

impl Row {
    /// The row of a flow and what was kept of it.
    pub(super) fn of(flow: &Biflow, kept: &Kept) -> Self {
        let is_tcp = flow.protocol_identifier == protocol::TCP;
        let (flags, reverse_flags) = (flow.forward.tcp_control_bits, flow.reverse.tcp_control_bits);
        Self {
            start_ns: flow.flow_start_ns,
            end_ns: flow.flow_end_ns,
            source: flow.source_address(),
            destination: flow.destination_address(),
            ports: has_ports(flow.protocol_identifier)
                .then_some((flow.source_transport_port, flow.destination_transport_port)),
            protocol: flow.protocol_identifier,
            octets: flow.forward.octet_delta_count,
            packets: flow.forward.packet_delta_count,
            reverse: Some((flow.reverse.octet_delta_count, flow.reverse.packet_delta_count)),
            flags: is_tcp.then_some(flags),
            reverse_flags: is_tcp.then_some(reverse_flags),
            state: if is_tcp {
                of_tcp(flags.into(), reverse_flags.into())
            } else {
                let packets = [flow.forward, flow.reverse].map(|way| way.packet_delta_count.cast_signed());
                of_packets(packets[0], packets[1])
            },
            details: kept.details.clone(),
            application: kept.application,
            macs: kept.macs(),
            icmp: (flow.protocol_identifier == protocol::ICMP).then_some(flow.icmp_type_code),
            domain: kept.domain,
            sampling: kept.sampling,
        }
    }
}

/// Whether a protocol over IP has ports.
pub(super) fn has_ports(number: u8) -> bool {
    matches!(number, protocol::TCP | protocol::UDP | protocol::UDP_LITE | protocol::SCTP | protocol::DCCP)
}

/// How a value is taken out of a row.
enum Get {
    Time(fn(&Row) -> i64),
    Float(fn(&Row) -> f64),
    Int(fn(&Row) -> Option<i64>),
    Text(fn(&Row, &mut String)),
}

/// The columns, in the order that all sources of flows share.
const COLUMNS: [(Flow, Get); 28] = [
    (Flow::Start, Get::Time(|row| row.start_ns)),
    (Flow::Duration, Get::Float(|row| row.end_ns.saturating_sub(row.start_ns) as f64 / 1e6)),
    (Flow::Source, Get::Text(|row, text| shown(text, row.source))),
    (Flow::Destination, Get::Text(|row, text| shown(text, row.destination))),
    (Flow::SourcePort, Get::Int(|row| row.ports.map(|(port, _)| port.into()))),
    (Flow::DestinationPort, Get::Int(|row| row.ports.map(|(_, port)| port.into()))),
    (Flow::Protocol, Get::Int(|row| Some(row.protocol.into()))),
    (Flow::Octets, Get::Int(|row| Some(row.octets.cast_signed()))),
    (Flow::Packets, Get::Int(|row| Some(row.packets.cast_signed()))),
    (Flow::ReverseOctets, Get::Int(|row| row.reverse.map(|(octets, _)| octets.cast_signed()))),
    (Flow::ReversePackets, Get::Int(|row| row.reverse.map(|(_, packets)| packets.cast_signed()))),
    (Flow::Flags, Get::Int(|row| row.flags.map(i64::from))),
    (Flow::ReverseFlags, Get::Int(|row| row.reverse_flags.map(i64::from))),
    (Flow::State, Get::Text(|row, text| text.push_str(row.state))),
    (Flow::Application, Get::Text(|row, text| text.push_str(row.application))),
    (Flow::DnsName, Get::Text(|row, text| detail(row, text, |details| &details.dns_name))),
    (Flow::DnsType, Get::Int(|row| row.details.as_ref()?.dns_type.map(i64::from))),
    (Flow::DnsCode, Get::Int(|row| row.details.as_ref()?.dns_code.map(i64::from))),
    (Flow::TlsName, Get::Text(|row, text| detail(row, text, |details| &details.tls_name))),
    (Flow::TlsJa4, Get::Text(|row, text| detail(row, text, |details| &details.tls_ja4))),
    (Flow::HttpHost, Get::Text(|row, text| detail(row, text, |details| &details.http_host))),
    (Flow::HttpTarget, Get::Text(|row, text| detail(row, text, |details| &details.http_target))),
    (Flow::HttpAgent, Get::Text(|row, text| detail(row, text, |details| &details.http_agent))),
    (Flow::SourceMac, Get::Text(|row, text| mac(text, row.macs.map(|(mac, _)| mac)))),
    (Flow::DestinationMac, Get::Text(|row, text| mac(text, row.macs.map(|(_, mac)| mac)))),
    (Flow::Icmp, Get::Int(|row| row.icmp.map(i64::from))),
    (Flow::Domain, Get::Int(|row| row.domain.map(i64::from))),
    (Flow::Sampling, Get::Int(|row| row.sampling.map(i64::from))),
];

fn shown(text: &mut String, value: impl std::fmt::Display) {
    use std::fmt::Write as _;
    // Writing to a string cannot fail.
    let _ = write!(text, "{value}");
}

fn detail(row: &Row, text: &mut String, of: fn(&Details) -> &str) {
    if let Some(details) = &row.details {
        text.push_str(of(details));
    }
}

fn mac(text: &mut String, mac: Option<[u8; 6]>) {
    if let Some([a, b, c, d, e, f]) = mac {
        shown(text, format_args!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"));
    }
}

/// What the columns are.
pub(super) fn raw_columns() -> Vec<RawColumn> {
    let of = |(flow, _): &(Flow, Get)| RawColumn::new(flow.name(), flow.kind());
    COLUMNS.iter().map(of).collect()
}

/// The values of rows, column by column.
pub(super) fn columns(rows: &[&Row]) -> Vec<Column> {
    let of = |(_, get): &(Flow, Get)| match get {
        Get::Time(get) => Column::Time(rows.iter().map(|row| get(row)).collect()),
        Get::Float(get) => Column::Float(rows.iter().map(|row| get(row)).collect()),
        Get::Int(get) => Column::Int(rows.iter().map(|row| get(row).unwrap_or(MISSING_INT)).collect()),
        Get::Text(get) => {
            let mut texts = TextColumn::with_capacity(rows.len(), rows.len() * 8);
            let mut text = String::new();
            for row in rows {
                text.clear();
                get(row, &mut text);
                texts.push(&text);
            }
            Column::Text(texts)
        }
    };
    COLUMNS.iter().map(of).collect()
}
